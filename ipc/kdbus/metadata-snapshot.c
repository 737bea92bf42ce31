// SPDX-License-Identifier: GPL-2.0
#include "metadata-snapshot.h"

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs_struct.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/user_namespace.h>

#include "item.h"
#include "metadata-image.h"

static u64 kdbus_attach_flag(u64 item_type)
{
	return 1ULL << (item_type - _KDBUS_ITEM_ATTACH_BASE);
}

/*
 * Taking
 */

static struct kdbus_snapshot *
kdbus_snapshot_new(const struct kdbus_meta *meta)
{
	struct kdbus_snapshot *snapshot;
	const struct kdbus_item *item;

	snapshot = kvzalloc(struct_size(snapshot, items, meta->size),
			    GFP_KERNEL_ACCOUNT);
	if (!snapshot)
		return NULL;

	snapshot->size = meta->size;
	memcpy(snapshot->items, meta->data, meta->size);
	kdbus_items_foreach(item, snapshot->items, snapshot->size)
		snapshot->mask |= kdbus_attach_flag(item->type);
	return snapshot;
}

/* as all items are told to somebody in the initial namespaces */
static void kdbus_snapshot_add_items(struct kdbus_meta *meta,
				     const struct path *root, u64 mask)
{
	const struct kdbus_meta_view view = {
		.user_ns = &init_user_ns,
		.root = *root,
	};

	if (mask & KDBUS_ATTACH_TID_COMM)
		kdbus_meta_add_tid_comm(meta);
	if (mask & KDBUS_ATTACH_PID_COMM)
		kdbus_meta_add_pid_comm(meta);
	if (mask & KDBUS_ATTACH_EXE)
		kdbus_meta_add_exe(meta, &view);
	if (mask & KDBUS_ATTACH_CMDLINE)
		kdbus_meta_add_cmdline(meta);
	if (mask & KDBUS_ATTACH_CGROUP)
		kdbus_meta_add_cgroup(meta, &view);
	if (mask & KDBUS_ATTACH_SECLABEL)
		kdbus_meta_add_seclabel(meta);
	if (mask & KDBUS_ATTACH_AUDIT)
		kdbus_meta_add_audit(meta, &view);
}

static void kdbus_snapshot_take_cred(struct kdbus_snapshot *snapshot, u64 mask)
{
	const struct cred *cred = current_cred();

	snapshot->ids = (struct kdbus_meta_ids){
		.uids = { cred->uid, cred->euid, cred->suid, cred->fsuid },
		.gids = { cred->gid, cred->egid, cred->sgid, cred->fsgid },
	};
	if (mask & (KDBUS_ATTACH_AUXGROUPS | KDBUS_ATTACH_CAPS))
		snapshot->cred = get_cred(cred);
	snapshot->mask |= mask & (KDBUS_ATTACH_CREDS | KDBUS_ATTACH_AUXGROUPS |
				  KDBUS_ATTACH_CAPS);
}

static void kdbus_snapshot_take_pids(struct kdbus_snapshot *snapshot)
{
	struct task_struct *parent;

	rcu_read_lock();
	parent = rcu_dereference(current->real_parent);
	snapshot->pids[0] = get_pid(task_tgid(current));
	snapshot->pids[1] = get_pid(task_pid(current));
	snapshot->pids[2] = get_pid(task_tgid(parent));
	rcu_read_unlock();
	snapshot->mask |= KDBUS_ATTACH_PIDS;
}

/**
 * kdbus_snapshot_take() - remember the calling task
 * @mask:	KDBUS_ATTACH_* of what is to be remembered
 *
 * What has no source is left out.
 *
 * Context: may sleep, and touches the task's memory for the command line. No
 *          lock that others wait for is held.
 * Return: the snapshot; free it with kdbus_snapshot_free(). ERR_PTR(-ENOMEM).
 */
struct kdbus_snapshot *kdbus_snapshot_take(u64 mask)
{
	struct kdbus_snapshot *snapshot = NULL;
	struct kdbus_meta meta;
	struct path root;

	get_fs_root(current->fs, &root);
	kdbus_meta_init(&meta, NULL);
	kdbus_snapshot_add_items(&meta, &root, mask);
	if (!meta.no_memory)
		snapshot = kdbus_snapshot_new(&meta);
	kdbus_meta_deinit(&meta);
	if (!snapshot) {
		path_put(&root);
		return ERR_PTR(-ENOMEM);
	}

	if (snapshot->mask & KDBUS_ATTACH_EXE)
		snapshot->root = root;
	else
		path_put(&root);
	kdbus_snapshot_take_cred(snapshot, mask);
	if (mask & KDBUS_ATTACH_PIDS)
		kdbus_snapshot_take_pids(snapshot);
	return snapshot;
}

/*
 * Pretending
 */

/* all ones in 32 bits stand for an id that nobody knows */
static int kdbus_snapshot_pretend_uid(u64 value, kuid_t *uid)
{
	if (value > U32_MAX)
		return -EINVAL;

	*uid = make_kuid(current_user_ns(), value);
	return uid_valid(*uid) || value == U32_MAX ? 0 : -EINVAL;
}

static int kdbus_snapshot_pretend_gid(u64 value, kgid_t *gid)
{
	if (value > U32_MAX)
		return -EINVAL;

	*gid = make_kgid(current_user_ns(), value);
	return gid_valid(*gid) || value == U32_MAX ? 0 : -EINVAL;
}

static int kdbus_snapshot_pretend_creds(struct kdbus_snapshot *snapshot,
					const struct kdbus_creds *creds)
{
	const u64 uids[] = { creds->uid, creds->euid, creds->suid,
			     creds->fsuid };
	const u64 gids[] = { creds->gid, creds->egid, creds->sgid,
			     creds->fsgid };
	int i, r = 0;

	for (i = 0; i < ARRAY_SIZE(uids) && r >= 0; i++)
		r = kdbus_snapshot_pretend_uid(uids[i], &snapshot->ids.uids[i]);
	for (i = 0; i < ARRAY_SIZE(gids) && r >= 0; i++)
		r = kdbus_snapshot_pretend_gid(gids[i], &snapshot->ids.gids[i]);

	snapshot->mask |= KDBUS_ATTACH_CREDS;
	return r;
}

/* 0 stands for a process that nobody knows */
static int kdbus_snapshot_pretend_pids(struct kdbus_snapshot *snapshot,
				       const struct kdbus_pids *pids)
{
	const u64 numbers[] = { pids->pid, pids->tid, pids->ppid };
	int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (!numbers[i])
			continue;
		if (numbers[i] > INT_MAX)
			return -EINVAL;
		snapshot->pids[i] = find_get_pid(numbers[i]);
		if (!snapshot->pids[i])
			return -EINVAL;
	}

	snapshot->mask |= KDBUS_ATTACH_PIDS;
	return 0;
}

/**
 * kdbus_snapshot_pretend() - remember something made up
 * @creds:	ids in the calling task's user namespace, or NULL
 * @pids:	numbers in the calling task's pid namespace, or NULL
 * @seclabel:	label, or NULL
 *
 * Context: may sleep.
 * Return: the snapshot; free it with kdbus_snapshot_free(). Or an ERR_PTR:
 *         -EINVAL for an id that is not mapped or a process that does not
 *         exist; -ENOMEM.
 */
struct kdbus_snapshot *kdbus_snapshot_pretend(const struct kdbus_creds *creds,
					      const struct kdbus_pids *pids,
					      const char *seclabel)
{
	struct kdbus_snapshot *snapshot = NULL;
	struct kdbus_meta meta;
	int r = 0;

	kdbus_meta_init(&meta, NULL);
	if (seclabel)
		kdbus_meta_add_string(&meta, KDBUS_ITEM_SECLABEL, seclabel);
	if (!meta.no_memory)
		snapshot = kdbus_snapshot_new(&meta);
	kdbus_meta_deinit(&meta);
	if (!snapshot)
		return ERR_PTR(-ENOMEM);

	if (creds)
		r = kdbus_snapshot_pretend_creds(snapshot, creds);
	if (pids && r >= 0)
		r = kdbus_snapshot_pretend_pids(snapshot, pids);
	if (r < 0) {
		kdbus_snapshot_free(snapshot);
		return ERR_PTR(r);
	}

	return snapshot;
}

/**
 * kdbus_snapshot_free() - forget what was remembered
 * @snapshot:	snapshot, or NULL
 *
 * Context: may sleep.
 * Return: NULL
 */
struct kdbus_snapshot *kdbus_snapshot_free(struct kdbus_snapshot *snapshot)
{
	int i;

	if (!snapshot)
		return NULL;

	path_put(&snapshot->root);
	for (i = 0; i < ARRAY_SIZE(snapshot->pids); i++)
		put_pid(snapshot->pids[i]);
	if (snapshot->cred)
		put_cred(snapshot->cred);
	kvfree(snapshot);
	return NULL;
}

/*
 * Rendering
 */

static void kdbus_snapshot_render_pids(const struct kdbus_snapshot *snapshot,
				       struct kdbus_meta *meta,
				       const struct kdbus_meta_view *view)
{
	struct kdbus_pids *pids;

	pids = kdbus_meta_begin(meta, sizeof(*pids));
	if (!pids)
		return;

	pids->pid = pid_nr_ns(snapshot->pids[0], view->pid_ns);
	pids->tid = pid_nr_ns(snapshot->pids[1], view->pid_ns);
	pids->ppid = pid_nr_ns(snapshot->pids[2], view->pid_ns);
	kdbus_meta_end(meta, KDBUS_ITEM_PIDS, sizeof(*pids));
}

static void kdbus_snapshot_render_audit(const struct kdbus_item *item,
					struct kdbus_meta *meta,
					const struct kdbus_meta_view *view)
{
	struct kdbus_audit *audit;

	audit = kdbus_meta_begin(meta, sizeof(*audit));
	if (!audit)
		return;

	audit->sessionid = item->audit.sessionid;
	audit->loginuid = from_kuid(view->user_ns,
				    KUIDT_INIT(item->audit.loginuid));
	kdbus_meta_end(meta, KDBUS_ITEM_AUDIT, sizeof(*audit));
}

static void kdbus_snapshot_render_item(const struct kdbus_snapshot *snapshot,
				       const struct kdbus_item *item,
				       struct kdbus_meta *meta,
				       const struct kdbus_meta_view *view)
{
	size_t size = kdbus_item_payload_size(item);
	void *payload;

	switch (item->type) {
	case KDBUS_ITEM_EXE:
		/* means something else, or nothing, below another root */
		if (!path_equal(&snapshot->root, &view->root))
			return;
		break;
	case KDBUS_ITEM_CGROUP:
		kdbus_meta_add_relative_cgroup(meta, view, item->str);
		return;
	case KDBUS_ITEM_AUDIT:
		kdbus_snapshot_render_audit(item, meta, view);
		return;
	}

	payload = kdbus_meta_begin(meta, size);
	if (!payload)
		return;
	memcpy(payload, item->data, size);
	kdbus_meta_end(meta, item->type, size);
}

/**
 * kdbus_snapshot_render() - append items to an image
 * @snapshot:	snapshot
 * @meta:	image
 * @view:	who the items are for
 * @mask:	KDBUS_ATTACH_* of the items wanted
 *
 * Context: may sleep.
 */
void kdbus_snapshot_render(const struct kdbus_snapshot *snapshot,
			   struct kdbus_meta *meta,
			   const struct kdbus_meta_view *view, u64 mask)
{
	const struct kdbus_item *item;
	bool caps;

	mask &= snapshot->mask;
	caps = mask & KDBUS_ATTACH_CAPS;
	if (mask & KDBUS_ATTACH_CREDS)
		kdbus_meta_add_ids(meta, view, &snapshot->ids);
	if (mask & KDBUS_ATTACH_PIDS)
		kdbus_snapshot_render_pids(snapshot, meta, view);
	if (mask & KDBUS_ATTACH_AUXGROUPS)
		kdbus_meta_add_auxgroups(meta, view, snapshot->cred);

	kdbus_items_foreach(item, snapshot->items, snapshot->size) {
		/* items are in the order of their types */
		if (caps && item->type > KDBUS_ITEM_CAPS) {
			kdbus_meta_add_caps(meta, view, snapshot->cred);
			caps = false;
		}
		if (mask & kdbus_attach_flag(item->type))
			kdbus_snapshot_render_item(snapshot, item, meta, view);
	}
	if (caps)
		kdbus_meta_add_caps(meta, view, snapshot->cred);
}
