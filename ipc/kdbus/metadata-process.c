// SPDX-License-Identifier: GPL-2.0
#include <linux/audit.h>
#include <linux/cgroup.h>
#include <linux/kernfs.h>
#include <linux/limits.h>
#include <linux/mm_types.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "compat.h"
#include "item.h"
#include "metadata-cache.h"
#include "metadata-image.h"
#include "path.h"

/* command lines can have megabytes; nobody wants to log that */
#define KDBUS_META_CMDLINE_MAX	4096

/**
 * kdbus_meta_add_pids() - add a PIDS item of the calling task
 * @meta:	metadata
 * @view:	view of the receiver
 *
 * What the receiver cannot see is told as 0.
 *
 * Context: may sleep.
 */
void kdbus_meta_add_pids(struct kdbus_meta *meta,
			 const struct kdbus_meta_view *view)
{
	struct kdbus_pids *pids;

	pids = kdbus_meta_begin(meta, sizeof(*pids));
	if (!pids)
		return;

	pids->pid = task_tgid_nr_ns(current, view->pid_ns);
	pids->tid = task_pid_nr_ns(current, view->pid_ns);
	pids->ppid = task_ppid_nr_ns(current, view->pid_ns);
	kdbus_meta_end(meta, KDBUS_ITEM_PIDS, sizeof(*pids));
}

static void kdbus_meta_add_comm(struct kdbus_meta *meta, u64 type,
				struct task_struct *task)
{
	char comm[TASK_COMM_LEN];
	char *payload;

	payload = kdbus_meta_begin(meta, sizeof(comm));
	if (!payload)
		return;

	get_task_comm(comm, task);
	memcpy(payload, comm, sizeof(comm));
	kdbus_meta_end(meta, type, strnlen(comm, sizeof(comm) - 1) + 1);
}

/**
 * kdbus_meta_add_tid_comm() - add the name of the calling thread
 * @meta:	metadata
 *
 * Context: may sleep.
 */
void kdbus_meta_add_tid_comm(struct kdbus_meta *meta)
{
	kdbus_meta_add_comm(meta, KDBUS_ITEM_TID_COMM, current);
}

/**
 * kdbus_meta_add_pid_comm() - add the name of the calling process
 * @meta:	metadata
 *
 * Context: may sleep.
 */
void kdbus_meta_add_pid_comm(struct kdbus_meta *meta)
{
	/* the leader stays at least until all other threads have exited */
	kdbus_meta_add_comm(meta, KDBUS_ITEM_PID_COMM, current->group_leader);
}

/**
 * kdbus_meta_add_cmdline() - add the arguments of the calling process
 * @meta:	metadata
 *
 * The arguments are the process' own memory, which it may have changed, or
 * made unreadable: then nothing is added.
 *
 * Context: may sleep for as long as the caller's memory makes it.
 */
void kdbus_meta_add_cmdline(struct kdbus_meta *meta)
{
	struct mm_struct *mm = current->mm;
	unsigned long start, end;
	char *payload;
	size_t size;

	if (!mm)
		return;

	spin_lock(&mm->arg_lock);
	start = mm->arg_start;
	end = mm->arg_end;
	spin_unlock(&mm->arg_lock);
	if (start >= end)
		return;

	size = min_t(unsigned long, end - start, KDBUS_META_CMDLINE_MAX - 1);
	payload = kdbus_meta_begin(meta, size + 1);
	if (!payload)
		return;
	if (copy_from_user(payload, (const void __user *)start, size))
		return;

	if (payload[size - 1] != '\0')
		payload[size++] = '\0';
	kdbus_meta_end(meta, KDBUS_ITEM_CMDLINE, size);
}

#ifdef CONFIG_CGROUPS

/**
 * struct kdbus_meta_cgroup - which cgroup, seen from where
 * @id:		id of the cgroup
 * @root:	id of the cgroup its path begins at, 0 for the whole path
 *
 * Ids of cgroups are never given twice.
 */
struct kdbus_meta_cgroup {
	u64 id;
	u64 root;
};

/*
 * All of this lives at least until the end of the RCU section. Without
 * namespace the path is that from the root of the hierarchy. It is written only
 * if there is a buffer.
 */
static int kdbus_meta_own_cgroup(struct kdbus_meta_cgroup *cgroup,
				 const struct cgroup_namespace *ns, char *buf,
				 size_t size)
{
	struct kernfs_node *kn, *root = NULL;
	int r = 0;

	rcu_read_lock();
	kn = task_dfl_cgroup(current)->kn;
	if (ns)
		root = ns->root_cset->dfl_cgrp->kn;
	cgroup->id = kn->id;
	cgroup->root = root ? root->id : 0;
	if (buf)
		r = kernfs_path_from_node(kn, root, buf, size);
	rcu_read_unlock();

	return r;
}

/* cgroups of the unified hierarchy are never renamed, so that paths stay */
static bool kdbus_meta_add_kept_cgroup(struct kdbus_meta *meta,
				       const struct cgroup_namespace *ns)
{
	const struct kdbus_meta_cache *cache = meta->cache;
	struct kdbus_meta_cgroup cgroup;
	char *payload;

	if (!cache || !cache->cgroup)
		return false;
	kdbus_meta_own_cgroup(&cgroup, ns, NULL, 0);
	if (cache->cgroup != cgroup.id || cache->cgroup_root != cgroup.root)
		return false;

	payload = kdbus_meta_begin(meta, cache->cgroup_size);
	if (!payload)
		return false;
	memcpy(payload, cache->cgroup_path, cache->cgroup_size);
	kdbus_meta_end(meta, KDBUS_ITEM_CGROUP, cache->cgroup_size);
	return true;
}

static void kdbus_meta_keep_cgroup(struct kdbus_meta_cache *cache,
				   const struct kdbus_meta_cgroup *cgroup,
				   const char *path, size_t size)
{
	if (!cache || size > sizeof(cache->cgroup_path))
		return;

	memcpy(cache->cgroup_path, path, size);
	cache->cgroup_size = size;
	cache->cgroup = cgroup->id;
	cache->cgroup_root = cgroup->root;
}

/**
 * kdbus_meta_add_cgroup() - add the caller's cgroup in the unified hierarchy
 * @meta:	metadata
 * @view:	view of the receiver; without cgroup namespace the whole path is
 *		told
 *
 * Context: may sleep.
 */
void kdbus_meta_add_cgroup(struct kdbus_meta *meta,
			   const struct kdbus_meta_view *view)
{
	struct kdbus_meta_cgroup cgroup;
	size_t max = KDBUS_META_PATH_MIN;
	char *payload;
	int r;

	if (kdbus_meta_add_kept_cgroup(meta, view->cgroup_ns))
		return;

retry:
	payload = kdbus_meta_begin(meta, max);
	if (!payload)
		return;

	r = kdbus_meta_own_cgroup(&cgroup, view->cgroup_ns, payload, max);
	/* too long is an error, or the path is cut off without a word */
	if (r < 0 || r >= max - 1) {
		if (max == PATH_MAX)
			return;
		max = PATH_MAX;
		goto retry;
	}

	kdbus_meta_keep_cgroup(meta->cache, &cgroup, payload, r + 1);
	kdbus_meta_end(meta, KDBUS_ITEM_CGROUP, r + 1);
}

/**
 * kdbus_meta_add_relative_cgroup() - add a cgroup that is known by its path
 * @meta:	metadata
 * @view:	view of the receiver
 * @path:	path from the root of the unified hierarchy
 *
 * Cgroups of this hierarchy are never renamed, so that paths are as good as
 * references and keep nothing alive.
 *
 * Context: may sleep.
 */
void kdbus_meta_add_relative_cgroup(struct kdbus_meta *meta,
				    const struct kdbus_meta_view *view,
				    const char *path)
{
	char *root, *payload;
	int r;

	payload = kdbus_meta_begin(meta, PATH_MAX);
	if (!payload)
		return;
	root = kmalloc(PATH_MAX, GFP_KERNEL_ACCOUNT);
	if (!root) {
		meta->no_memory = true;
		return;
	}

	rcu_read_lock();
	r = kernfs_path_from_node(view->cgroup_ns->root_cset->dfl_cgrp->kn,
				  NULL, root, PATH_MAX);
	rcu_read_unlock();
	if (r >= 0 && r < PATH_MAX - 1) {
		r = kdbus_path_relative(root, path, payload, PATH_MAX);
		if (r >= 0)
			kdbus_meta_end(meta, KDBUS_ITEM_CGROUP, r + 1);
	}
	kfree(root);
}

#else

void kdbus_meta_add_cgroup(struct kdbus_meta *meta,
			   const struct kdbus_meta_view *view)
{
}

void kdbus_meta_add_relative_cgroup(struct kdbus_meta *meta,
				    const struct kdbus_meta_view *view,
				    const char *path)
{
}

#endif

/**
 * kdbus_meta_add_seclabel() - add the caller's security label
 * @meta:	metadata
 *
 * Context: may sleep.
 */
void kdbus_meta_add_seclabel(struct kdbus_meta *meta)
{
	struct kdbus_seclabel label;
	char *payload;
	size_t size;

	if (kdbus_seclabel_get_current(&label) < 0)
		return;

	/* some modules count the final NUL, others do not */
	size = strnlen(label.text, label.size);
	payload = size > 0 ? kdbus_meta_begin(meta, size + 1) : NULL;
	if (payload) {
		memcpy(payload, label.text, size);
		payload[size] = '\0';
		kdbus_meta_end(meta, KDBUS_ITEM_SECLABEL, size + 1);
	}

	kdbus_seclabel_put(&label);
}

/**
 * kdbus_meta_add_audit() - add the caller's audit session
 * @meta:	metadata
 * @view:	view of the receiver
 *
 * A login uid that is not set, or that the receiver has no name for, is told as
 * 0xffffffff.
 *
 * Context: may sleep.
 */
void kdbus_meta_add_audit(struct kdbus_meta *meta,
			  const struct kdbus_meta_view *view)
{
	struct kdbus_audit *audit;

	if (!IS_ENABLED(CONFIG_AUDIT))
		return;

	audit = kdbus_meta_begin(meta, sizeof(*audit));
	if (!audit)
		return;

	audit->sessionid = audit_get_sessionid(current);
	audit->loginuid = from_kuid(view->user_ns,
				    audit_get_loginuid(current));
	kdbus_meta_end(meta, KDBUS_ITEM_AUDIT, sizeof(*audit));
}
