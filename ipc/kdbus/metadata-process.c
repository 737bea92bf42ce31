// SPDX-License-Identifier: GPL-2.0
#include <linux/audit.h>
#include <linux/cgroup.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/kernfs.h>
#include <linux/limits.h>
#include <linux/mm_types.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "compat.h"
#include "item.h"
#include "metadata-image.h"
#include "path.h"

/* command lines can have megabytes; nobody wants to log that */
#define KDBUS_META_CMDLINE_MAX	4096

/* room for a path that is tried before PATH_MAX: most are short */
#define KDBUS_META_PATH_MIN	192

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

/**
 * kdbus_meta_add_tid_comm() - add the name of the calling thread
 * @meta:	metadata
 *
 * Context: may sleep.
 */
void kdbus_meta_add_tid_comm(struct kdbus_meta *meta)
{
	char comm[TASK_COMM_LEN];

	get_task_comm(comm, current);
	kdbus_meta_add_string(meta, KDBUS_ITEM_TID_COMM, comm);
}

/**
 * kdbus_meta_add_pid_comm() - add the name of the calling process
 * @meta:	metadata
 *
 * Context: may sleep.
 */
void kdbus_meta_add_pid_comm(struct kdbus_meta *meta)
{
	char comm[TASK_COMM_LEN];

	/* the leader stays at least until all other threads have exited */
	get_task_comm(comm, current->group_leader);
	kdbus_meta_add_string(meta, KDBUS_ITEM_PID_COMM, comm);
}

/*
 * A path is told as it is seen from the caller's root, so that the receiver has
 * to have the same, and the file has to be below it: what is in a mount that
 * the receiver cannot see may look like anything.
 */
static bool kdbus_meta_path_is_common(const struct path *path,
				      const struct path *root)
{
	const struct path *own = &current->fs->root;

	if (READ_ONCE(own->mnt) != root->mnt ||
	    READ_ONCE(own->dentry) != root->dentry)
		return false;

	/* all of a mount is below its root: no need for the mount lock */
	if (path->mnt == root->mnt && root->dentry == root->mnt->mnt_root)
		return true;

	return path_is_under(path, root);
}

static void kdbus_meta_add_path(struct kdbus_meta *meta, u64 type,
				const struct path *path)
{
	size_t size, max = KDBUS_META_PATH_MIN;
	char *payload, *str;

retry:
	payload = kdbus_meta_begin(meta, max);
	if (!payload)
		return;

	str = d_path(path, payload, max);
	if (str == ERR_PTR(-ENAMETOOLONG) && max < PATH_MAX) {
		max = PATH_MAX;
		goto retry;
	}
	if (IS_ERR(str))
		return;

	/* it was written to the end of the buffer */
	size = payload + max - str;
	memmove(payload, str, size);
	kdbus_meta_end(meta, type, size);
}

/*
 * The root is the caller's, who is not to be trusted: its other threads may go
 * to another one and back while the path is made.
 */
static void kdbus_meta_add_common_path(struct kdbus_meta *meta, u64 type,
				       const struct path *path,
				       const struct path *root)
{
	unsigned int seq = kdbus_fs_root_begin(current->fs);
	size_t size = meta->size;

	if (!kdbus_meta_path_is_common(path, root))
		return;

	kdbus_meta_add_path(meta, type, path);
	if (kdbus_fs_root_retry(current->fs, seq))
		meta->size = size;
}

/**
 * kdbus_meta_add_exe() - add the path of the calling process' program
 * @meta:	metadata
 * @view:	view of the receiver
 *
 * Adds nothing if the path would not mean the same to the receiver.
 *
 * Context: may sleep.
 */
void kdbus_meta_add_exe(struct kdbus_meta *meta,
			const struct kdbus_meta_view *view)
{
	struct file *exe;

	if (!current->mm)
		return;

	rcu_read_lock();
	exe = kdbus_get_exe_file(current->mm);
	rcu_read_unlock();
	if (!exe)
		return;

	kdbus_meta_add_common_path(meta, KDBUS_ITEM_EXE, &exe->f_path,
				   &view->root);
	fput(exe);
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

/*
 * All of this lives at least until the end of the RCU section. Without namespace
 * the path is that from the root of the hierarchy.
 */
static int kdbus_meta_cgroup_path(const struct cgroup_namespace *ns, char *buf,
				  size_t size)
{
	int r;

	rcu_read_lock();
	r = kernfs_path_from_node(task_dfl_cgroup(current)->kn,
				  ns ? ns->root_cset->dfl_cgrp->kn : NULL,
				  buf, size);
	rcu_read_unlock();

	return r;
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
	size_t max = KDBUS_META_PATH_MIN;
	char *payload;
	int r;

retry:
	payload = kdbus_meta_begin(meta, max);
	if (!payload)
		return;

	r = kdbus_meta_cgroup_path(view->cgroup_ns, payload, max);
	/* too long is an error, or the path is cut off without a word */
	if (r < 0 || r >= max - 1) {
		if (max == PATH_MAX)
			return;
		max = PATH_MAX;
		goto retry;
	}

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
