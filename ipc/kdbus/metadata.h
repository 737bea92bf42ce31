/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_METADATA_H
#define KDBUS_METADATA_H

/**
 * DOC: Metadata
 *
 * What the kernel tells a receiver about a sender, in terms of the receiver's
 * own namespaces. The receiver's point of view (&struct kdbus_meta_view) is
 * pinned at HELLO and never changes. The sender is the calling task: its data
 * is read, translated and written into an image of items in one go, so that no
 * reference on a shared kernel object is taken per message. Only what the
 * receiver wants and may have is looked at. What has no source is absent;
 * optional metadata never makes a message fail.
 */

#include <linux/build_bug.h>
#include <linux/limits.h>
#include <linux/path.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/kdbus.h>

struct cgroup_namespace;
struct cred;
struct kdbus_meta_cache;
struct pid_namespace;
struct user_namespace;

/**
 * struct kdbus_meta_view - the namespaces of a receiver
 * @serial:	views are numbered in the order of their init
 * @user_ns:	of the credentials that opened the endpoint
 * @pid_ns:	of the task that said HELLO
 * @cgroup_ns:	of the task that said HELLO
 * @root:	root directory of the task that said HELLO; keeps its mount busy
 * @euid:	effective uid of the credentials that opened the endpoint
 * @viewer:	the receiving struct kdbus_conn if it may not see all names; NULL
 *		if it may. No reference
 *
 * Never changes between init and deinit; all references are its own.
 */
struct kdbus_meta_view {
	u64 serial;
	struct user_namespace *user_ns;
	struct pid_namespace *pid_ns;
	struct cgroup_namespace *cgroup_ns;
	struct path root;
	kuid_t euid;
	const void *viewer;
};

/**
 * struct kdbus_meta_sender - what the sending connection adds to its task
 * @attach_flags:	KDBUS_ATTACH_* that the connection grants as a sender and
 *			wants as a receiver, see kdbus_attach_flags_pack(); may
 *			change at any time
 * @pretends:		nothing is told of its task
 * @description:	description given at HELLO, or NULL
 * @collect_names:	writes OWNED_NAME items, padding included, as far as
 *			they fit into a buffer, and returns how many bytes all
 *			of them need; NULL if the sender cannot own names
 * @owner:		first argument of @collect_names, whose second is the
 *			receiver's @viewer
 * @cache:		where the connection keeps a struct kdbus_meta_cache,
 *			NULL at first, or NULL if it keeps none; to be given to
 *			kdbus_meta_cache_free() in the end
 */
struct kdbus_meta_sender {
	u32 attach_flags;
	bool pretends;
	const char *description;
	size_t (*collect_names)(const void *owner, const void *viewer,
				void *buf, size_t size);
	const void *owner;
	struct kdbus_meta_cache **cache;
};

/* bytes of an image that need no allocation */
#define KDBUS_META_INLINE	256

/**
 * struct kdbus_meta - metadata of one message while it is being sent
 * @sender:		the sending connection's part; NULL if the kernel sends
 * @attach_flags:	those of @sender when the message was begun
 * @cache:		what was taken from @sender, or NULL
 * @data:		rendered items, 8-aligned, @size bytes (without the
 *			padding of the last item)
 * @size:		bytes of the image; 0 if there is no item at all
 * @capacity:		bytes at @data
 * @seqnum_offset:	where in @data the sequence number of a TIMESTAMP item
 *			belongs, 0 if there is none. It is written when the
 *			message is committed
 * @version:		changes whenever @data is made anew
 * @mask:		KDBUS_ATTACH_* that @data was made for
 * @view:		view that @data was made for, without references: only
 *			to be compared with
 * @newest:		all views up to this serial existed when @data was made
 * @monotonic_ns:	time of the message, 0 until it is needed
 * @realtime_ns:	same
 * @no_memory:		an item is missing because there was no memory for it
 * @inline_data:	first memory of @data
 *
 * Lives on the stack of the task that sends, which is its only user. It keeps
 * what was sampled for one receiver for the next one. @mask and what follows
 * is private to the metadata files.
 */
struct kdbus_meta {
	const struct kdbus_meta_sender *sender;
	u32 attach_flags;
	struct kdbus_meta_cache *cache;
	u8 *data;
	size_t size;
	size_t capacity;
	size_t seqnum_offset;
	unsigned int version;

	u64 mask;
	struct kdbus_meta_view view;
	u64 newest;
	u64 monotonic_ns;
	u64 realtime_ns;
	bool no_memory;

	u64 inline_data[KDBUS_META_INLINE / sizeof(u64)];
};

static_assert(_KDBUS_ATTACH_ALL <= U16_MAX);

/*
 * What a connection grants and what it wants are one word, so that both change
 * at the same moment.
 */
static inline u32 kdbus_attach_flags_pack(u64 send, u64 recv)
{
	return (u32)send | (u32)recv << 16;
}

static inline u64 kdbus_attach_flags_send(u32 attach_flags)
{
	return attach_flags & U16_MAX;
}

static inline u64 kdbus_attach_flags_recv(u32 attach_flags)
{
	return attach_flags >> 16;
}

int kdbus_attach_flags_sanitize(u64 flags, u64 *out);
u64 kdbus_attach_flags_admitted(u64 flags);

void kdbus_meta_view_init(struct kdbus_meta_view *view,
			  const struct cred *opener, const void *viewer);
void kdbus_meta_view_deinit(struct kdbus_meta_view *view);

void kdbus_meta_cache_free(struct kdbus_meta_cache *cache);

void kdbus_meta_init(struct kdbus_meta *meta,
		     const struct kdbus_meta_sender *sender);
void kdbus_meta_deinit(struct kdbus_meta *meta);
void kdbus_meta_render(struct kdbus_meta *meta,
		       const struct kdbus_meta_view *view,
		       u64 attach_flags_recv);

#endif
