// SPDX-License-Identifier: GPL-2.0
#include "metadata.h"

#include <linux/atomic.h>
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/errno.h>
#include <linux/fs_struct.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/nsproxy.h>
#include <linux/path.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>

#include "item.h"
#include "metadata-cache.h"
#include "metadata-image.h"

/* first allocation of an image: enough for all that is usual */
#define KDBUS_META_ALLOC_MIN	1024

/* what a sender cannot keep back */
#define KDBUS_META_IMPLICIT						\
	(KDBUS_ATTACH_TIMESTAMP | KDBUS_ATTACH_CREDS |			\
	 KDBUS_ATTACH_PIDS | KDBUS_ATTACH_AUXGROUPS |			\
	 KDBUS_ATTACH_NAMES | KDBUS_ATTACH_CONN_DESCRIPTION)

/* what is not about a task */
#define KDBUS_META_CONNECTION						\
	(KDBUS_ATTACH_TIMESTAMP | KDBUS_ATTACH_NAMES |			\
	 KDBUS_ATTACH_CONN_DESCRIPTION)

/* what /proc shows of a process to everybody who can see it */
#define KDBUS_META_PROC							\
	(KDBUS_ATTACH_TID_COMM | KDBUS_ATTACH_PID_COMM |		\
	 KDBUS_ATTACH_CMDLINE | KDBUS_ATTACH_CGROUP |			\
	 KDBUS_ATTACH_CAPS | KDBUS_ATTACH_SECLABEL |			\
	 KDBUS_ATTACH_AUDIT)

static unsigned long long kdbus_attach_flags_mask = ~0ULL;
module_param_named(attach_flags_mask, kdbus_attach_flags_mask, ullong, 0644);
MODULE_PARM_DESC(attach_flags_mask,
		 "Metadata that may be told at all (KDBUS_ATTACH_* bits)");

static bool kdbus_attach_proc = true;
module_param_named(attach_proc, kdbus_attach_proc, bool, 0644);
MODULE_PARM_DESC(attach_proc,
		 "Receivers get without consent what they could read in /proc");

static atomic64_t kdbus_meta_last_serial = ATOMIC64_INIT(0);

/**
 * kdbus_attach_flags_sanitize() - check attach flags that user space passed
 * @flags:	KDBUS_ATTACH_* bits, or all ones for all of them
 * @out:	set to the flags
 *
 * Context: any.
 * Return: 0; -EINVAL if there is an unknown bit, @out is not touched then.
 */
int kdbus_attach_flags_sanitize(u64 flags, u64 *out)
{
	if (flags == _KDBUS_ATTACH_ANY)
		flags = _KDBUS_ATTACH_ALL;
	if (flags & ~(u64)_KDBUS_ATTACH_ALL)
		return -EINVAL;

	*out = flags;
	return 0;
}

/**
 * kdbus_attach_flags_admitted() - leave out what the administrator forbids
 * @flags:	KDBUS_ATTACH_* bits
 *
 * Context: any.
 * Return: those of @flags that may be told at all.
 */
u64 kdbus_attach_flags_admitted(u64 flags)
{
	return flags & READ_ONCE(kdbus_attach_flags_mask);
}

/**
 * kdbus_meta_view_init() - pin the namespaces of a receiver
 * @view:	filled in
 * @opener:	credentials that opened the endpoint
 * @viewer:	the receiver if it may not see all names, or NULL
 *
 * All but the user namespace is that of the calling task.
 *
 * Context: task context.
 */
void kdbus_meta_view_init(struct kdbus_meta_view *view,
			  const struct cred *opener, const void *viewer)
{
	view->user_ns = get_user_ns(opener->user_ns);
	view->pid_ns = get_pid_ns(task_active_pid_ns(current));
	view->cgroup_ns = current->nsproxy->cgroup_ns;
	get_cgroup_ns(view->cgroup_ns);
	get_fs_root(current->fs, &view->root);
	view->euid = opener->euid;
	view->viewer = viewer;

	/* fully ordered: a view that has a number has its references */
	view->serial = atomic64_inc_return(&kdbus_meta_last_serial);
}

/**
 * kdbus_meta_view_deinit() - release the namespaces of a receiver
 * @view:	view that nobody uses any more
 *
 * Context: may sleep.
 */
void kdbus_meta_view_deinit(struct kdbus_meta_view *view)
{
	path_put(&view->root);
	put_cgroup_ns(view->cgroup_ns);
	put_pid_ns(view->pid_ns);
	put_user_ns(view->user_ns);
}

/*
 * Tells if an image made for @meta->view is good for @view as well. The first
 * may be gone by now and its namespaces with it, so that addresses alone prove
 * nothing. But if @view existed already when the image was made, its namespaces
 * existed beside the others, and equal addresses did mean the same.
 */
static bool kdbus_meta_fits(const struct kdbus_meta *meta,
			    const struct kdbus_meta_view *view)
{
	return view->serial <= meta->newest &&
	       view->user_ns == meta->view.user_ns &&
	       view->pid_ns == meta->view.pid_ns &&
	       view->cgroup_ns == meta->view.cgroup_ns &&
	       view->viewer == meta->view.viewer &&
	       path_equal(&view->root, &meta->view.root);
}

/**
 * kdbus_meta_init() - prepare the metadata of one message
 * @meta:	filled in
 * @sender:	part of the sending connection, which has to outlive @meta; NULL
 *		if the kernel sends
 *
 * Context: any.
 */
void kdbus_meta_init(struct kdbus_meta *meta,
		     const struct kdbus_meta_sender *sender)
{
	meta->sender = sender;
	meta->attach_flags = sender ? READ_ONCE(sender->attach_flags) : 0;
	meta->cache = NULL;
	meta->data = (u8 *)meta->inline_data;
	meta->size = 0;
	meta->capacity = sizeof(meta->inline_data);
	meta->seqnum_offset = 0;
	meta->version = 0;
	meta->mask = 0;
	meta->newest = 0;
	meta->monotonic_ns = 0;
	meta->no_memory = false;
}

static void kdbus_meta_free_data(struct kdbus_meta *meta)
{
	if (meta->data != (u8 *)meta->inline_data &&
	    (!meta->cache || meta->data != (u8 *)meta->cache->data))
		kvfree(meta->data);
}

/**
 * kdbus_meta_deinit() - release the memory of an image
 * @meta:	metadata that kdbus_meta_init() has seen
 *
 * Context: may sleep.
 */
void kdbus_meta_deinit(struct kdbus_meta *meta)
{
	kdbus_meta_free_data(meta);
	if (meta->cache)
		kdbus_meta_cache_put(meta->sender->cache, meta->cache);
}

/* use what the sender keeps; nothing is in the image */
static void kdbus_meta_use_cache(struct kdbus_meta *meta)
{
	if (meta->cache || !meta->sender || !meta->sender->cache)
		return;

	meta->cache = kdbus_meta_cache_take(meta->sender->cache);
	if (meta->cache && meta->data == (u8 *)meta->inline_data) {
		meta->data = (u8 *)meta->cache->data;
		meta->capacity = sizeof(meta->cache->data);
	}
}

static bool kdbus_meta_grow(struct kdbus_meta *meta, size_t size)
{
	size_t capacity;
	u8 *data;

	capacity = roundup_pow_of_two(max_t(size_t, size,
					    KDBUS_META_ALLOC_MIN));
	data = kvmalloc(capacity, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!data)
		return false;

	memcpy(data, meta->data, KDBUS_ALIGN8(meta->size));
	kdbus_meta_free_data(meta);
	meta->data = data;
	meta->capacity = capacity;
	return true;
}

/**
 * kdbus_meta_begin() - make room for an item behind the image
 * @meta:	metadata
 * @max:	most bytes that the payload will have
 *
 * Context: may sleep.
 * Return: where the payload goes, valid until the next item is begun; NULL if
 *         there is no memory.
 */
void *kdbus_meta_begin(struct kdbus_meta *meta, size_t max)
{
	size_t offset = KDBUS_ALIGN8(meta->size);
	size_t end = offset + KDBUS_ALIGN8(KDBUS_ITEM_SIZE(max));

	if (end > meta->capacity && !kdbus_meta_grow(meta, end)) {
		meta->no_memory = true;
		return NULL;
	}

	return meta->data + offset + KDBUS_ITEM_HEADER_SIZE;
}

/**
 * kdbus_meta_end() - add the item that was begun to the image
 * @meta:	metadata
 * @type:	KDBUS_ITEM_*
 * @payload:	bytes that were written
 *
 * Context: any.
 */
void kdbus_meta_end(struct kdbus_meta *meta, u64 type, size_t payload)
{
	size_t pad, offset = KDBUS_ALIGN8(meta->size);
	struct kdbus_item *item = (void *)(meta->data + offset);

	item->size = KDBUS_ITEM_SIZE(payload);
	item->type = type;
	meta->size = offset + item->size;
	/* a loop is shorter than a call */
	for (pad = meta->size; pad % 8; pad++)
		meta->data[pad] = 0;
}

/**
 * kdbus_meta_add_string() - add an item that is a string
 * @meta:	metadata
 * @type:	KDBUS_ITEM_*
 * @str:	string
 *
 * Context: may sleep.
 */
void kdbus_meta_add_string(struct kdbus_meta *meta, u64 type, const char *str)
{
	size_t size = strlen(str) + 1;
	char *payload;

	payload = kdbus_meta_begin(meta, size);
	if (!payload)
		return;

	memcpy(payload, str, size);
	kdbus_meta_end(meta, type, size);
}

/**
 * kdbus_meta_add_items() - add a copy of items
 * @meta:	metadata
 * @items:	items, or zeros from some item on
 * @size:	bytes of @items
 *
 * Context: may sleep.
 */
void kdbus_meta_add_items(struct kdbus_meta *meta, const void *items,
			  size_t size)
{
	const struct kdbus_item *item;
	size_t payload;
	void *p;

	kdbus_items_foreach(item, items, size) {
		if (!item->size)
			break;
		payload = kdbus_item_payload_size(item);
		p = kdbus_meta_begin(meta, payload);
		if (!p)
			break;
		memcpy(p, item->data, payload);
		kdbus_meta_end(meta, item->type, payload);
	}
}

static void kdbus_meta_add_timestamp(struct kdbus_meta *meta)
{
	struct kdbus_timestamp *timestamp;

	timestamp = kdbus_meta_begin(meta, sizeof(*timestamp));
	if (!timestamp)
		return;

	/* all receivers are told the same time */
	if (!meta->monotonic_ns) {
		meta->monotonic_ns = ktime_get_ns();
		meta->realtime_ns = ktime_get_real_ns();
	}

	timestamp->seqnum = 0;
	timestamp->monotonic_ns = meta->monotonic_ns;
	timestamp->realtime_ns = meta->realtime_ns;
	meta->seqnum_offset = (u8 *)&timestamp->seqnum - meta->data;
	kdbus_meta_end(meta, KDBUS_ITEM_TIMESTAMP, sizeof(*timestamp));
}

/* what the receiver may have of what it wants and did not get by consent */
static noinline u64 kdbus_meta_visible(const struct kdbus_meta_view *view,
				       u64 wanted)
{
	u64 visible = KDBUS_META_PROC;

	if (!(wanted & (KDBUS_META_PROC | KDBUS_ATTACH_EXE)) ||
	    !READ_ONCE(kdbus_attach_proc) ||
	    !task_pid_nr_ns(current, view->pid_ns))
		return 0;

	/* /proc/PID/exe is only for those who may trace the process */
	if (uid_eq(current_euid(), view->euid))
		visible |= KDBUS_ATTACH_EXE;

	return wanted & visible;
}

static u64 kdbus_meta_mask(const struct kdbus_meta *meta,
			   const struct kdbus_meta_view *view, u64 wanted)
{
	u64 granted;

	wanted = kdbus_attach_flags_admitted(wanted);
	if (!meta->sender)
		return wanted & KDBUS_ATTACH_TIMESTAMP;
	if (meta->sender->pretends)
		return wanted & KDBUS_META_CONNECTION;

	granted = wanted & (kdbus_attach_flags_send(meta->attach_flags) |
			    KDBUS_META_IMPLICIT);
	if (wanted != granted)
		granted |= kdbus_meta_visible(view, wanted & ~granted);

	return granted;
}

static void kdbus_meta_add_process(struct kdbus_meta *meta,
				   const struct kdbus_meta_view *view)
{
	const struct cred *cred = current_cred();
	u64 mask = meta->mask;

	if (mask & KDBUS_ATTACH_CREDS)
		kdbus_meta_add_creds(meta, view, cred);
	if (mask & KDBUS_ATTACH_PIDS)
		kdbus_meta_add_pids(meta, view);
	if (mask & KDBUS_ATTACH_AUXGROUPS)
		kdbus_meta_add_auxgroups(meta, view, cred);
	if (mask & KDBUS_ATTACH_TID_COMM)
		kdbus_meta_add_tid_comm(meta);
	if (mask & KDBUS_ATTACH_PID_COMM)
		kdbus_meta_add_pid_comm(meta);
	if (mask & KDBUS_ATTACH_EXE)
		kdbus_meta_add_exe(meta, view);
	if (mask & KDBUS_ATTACH_CMDLINE)
		kdbus_meta_add_cmdline(meta);
	if (mask & KDBUS_ATTACH_CGROUP)
		kdbus_meta_add_cgroup(meta, view);
	if (mask & KDBUS_ATTACH_CAPS)
		kdbus_meta_add_caps(meta, view, cred);
	if (mask & KDBUS_ATTACH_SECLABEL)
		kdbus_meta_add_seclabel(meta);
	if (mask & KDBUS_ATTACH_AUDIT)
		kdbus_meta_add_audit(meta, view);
}

static void kdbus_meta_add_names(struct kdbus_meta *meta)
{
	const struct kdbus_meta_sender *sender = meta->sender;
	const void *viewer = meta->view.viewer;
	size_t need, size;
	void *names;

	need = sender->collect_names(sender->owner, viewer, NULL, 0);
	if (!need)
		return;
	names = kvzalloc(need, GFP_KERNEL_ACCOUNT);
	if (!names)
		return;

	/* names may have come and gone meanwhile, so the rest may be empty */
	size = min(need, sender->collect_names(sender->owner, viewer, names,
					       need));
	kdbus_meta_add_items(meta, names, size);
	kvfree(names);
}

static void kdbus_meta_add_connection(struct kdbus_meta *meta)
{
	const struct kdbus_meta_sender *sender = meta->sender;

	if (meta->mask & KDBUS_ATTACH_NAMES && sender->collect_names)
		kdbus_meta_add_names(meta);
	if (meta->mask & KDBUS_ATTACH_CONN_DESCRIPTION && sender->description)
		kdbus_meta_add_string(meta, KDBUS_ITEM_CONN_DESCRIPTION,
				      sender->description);
}

/* apart, as most of the time the image is what it was: that there is none */
static noinline void kdbus_meta_make(struct kdbus_meta *meta,
				     const struct kdbus_meta_view *view,
				     u64 mask)
{
	meta->version++;
	meta->size = 0;
	meta->seqnum_offset = 0;
	meta->mask = mask;
	if (!mask)
		return;

	meta->newest = atomic64_read(&kdbus_meta_last_serial);
	meta->view = *view;
	if (mask & (KDBUS_META_PROC | KDBUS_ATTACH_EXE))
		kdbus_meta_use_cache(meta);

	kdbus_meta_add_process(meta, view);
	kdbus_meta_add_connection(meta);
	if (mask & KDBUS_ATTACH_TIMESTAMP)
		kdbus_meta_add_timestamp(meta);
}

/**
 * kdbus_meta_render() - make the image for one receiver
 * @meta:		metadata
 * @view:		view of the receiver
 * @attach_flags_recv:	KDBUS_ATTACH_* that the receiver wants
 *
 * Afterwards @meta->data, @meta->size and @meta->seqnum_offset describe the
 * image, until this is called again. An item that cannot be had is not in it.
 * The image of the receiver before is kept, with its @meta->version, if it would
 * come out the same.
 *
 * Context: task that sends; may sleep, and touches the task's memory if the
 *          command line is wanted. No lock is held.
 */
void kdbus_meta_render(struct kdbus_meta *meta,
		       const struct kdbus_meta_view *view,
		       u64 attach_flags_recv)
{
	u64 mask = kdbus_meta_mask(meta, view, attach_flags_recv);

	if (mask != meta->mask || (mask && !kdbus_meta_fits(meta, view)))
		kdbus_meta_make(meta, view, mask);
}
