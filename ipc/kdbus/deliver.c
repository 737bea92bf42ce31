// SPDX-License-Identifier: GPL-2.0
#include "deliver.h"

#include <linux/err.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "bus.h"
#include "cast.h"
#include "compat.h"
#include "connection.h"
#include "files.h"
#include "limits.h"
#include "message.h"
#include "name.h"
#include "pool.h"
#include "queue.h"
#include "quota.h"
#include "security.h"
#include "trace.h"
#include "user.h"

/*
 * Accounts
 */

/**
 * kdbus_deliver_free_account() - free an account
 * @account:	account that is in no quota any more, or NULL
 *
 * Context: may sleep.
 */
void kdbus_deliver_free_account(struct kdbus_account *account)
{
	if (account) {
		kdbus_user_unref(account->user);
		kfree(account);
	}
}

static struct kdbus_account *kdbus_deliver_new_account(struct kdbus_user *user)
{
	struct kdbus_account *account;

	account = kzalloc(sizeof(*account), GFP_KERNEL_ACCOUNT);
	if (account)
		account->user = kdbus_user_ref(user);
	return account;
}

/*
 * Charge an entry to a user. *@fresh is a new account to be used if the user
 * has none; if none is needed it is left alone.
 */
static int kdbus_deliver_try_charge(struct kdbus_conn *dst,
				    struct kdbus_user *user, u64 sender,
				    struct kdbus_entry *entry, u64 bytes,
				    struct kdbus_account **fresh)
{
	struct kdbus_account *account;
	int r;

	lockdep_assert_held(&dst->lock);

	account = kdbus_quota_find(&dst->quota, user) ?: *fresh;
	if (!account)
		return -EAGAIN;

	r = kdbus_quota_charge(&dst->quota, account, &entry->charge, sender,
			       bytes, entry->charged_fds);
	if (r < 0)
		return r;

	/* a new account is linked only now, so that a refusal leaves nothing */
	if (account == *fresh) {
		kdbus_quota_add(&dst->quota, account, user);
		*fresh = NULL;
	}
	entry->account = account;
	return 0;
}

static int kdbus_deliver_charge(struct kdbus_conn *dst, struct kdbus_user *user,
				u64 sender, struct kdbus_entry *entry,
				u64 bytes)
{
	struct kdbus_account *fresh = NULL;
	int r;

	spin_lock(&dst->lock);
	r = kdbus_deliver_try_charge(dst, user, sender, entry, bytes, &fresh);
	spin_unlock(&dst->lock);
	if (r != -EAGAIN)
		return r;

	fresh = kdbus_deliver_new_account(user);
	if (!fresh)
		return -ENOMEM;

	spin_lock(&dst->lock);
	r = kdbus_deliver_try_charge(dst, user, sender, entry, bytes, &fresh);
	spin_unlock(&dst->lock);

	kdbus_deliver_free_account(fresh);
	return r;
}

/**
 * kdbus_deliver_end_charge() - nobody pays for an entry any more
 * @dst:	connection it was staged for
 * @entry:	entry, charged or not
 * @bytes:	size of its slice
 *
 * Context: @dst's lock is held.
 * Return: an account to free with kdbus_deliver_free_account(), or NULL.
 */
struct kdbus_account *kdbus_deliver_end_charge(struct kdbus_conn *dst,
					       struct kdbus_entry *entry,
					       u64 bytes)
{
	struct kdbus_account *account = entry->account;

	lockdep_assert_held(&dst->lock);

	if (!account)
		return NULL;

	entry->account = NULL;
	return kdbus_quota_discharge(&dst->quota, account, &entry->charge,
				     bytes, entry->charged_fds);
}

static void kdbus_deliver_discharge(struct kdbus_conn *dst,
				    struct kdbus_entry *entry, u64 bytes)
{
	struct kdbus_account *account;

	if (!entry->account)
		return;

	spin_lock(&dst->lock);
	account = kdbus_deliver_end_charge(dst, entry, bytes);
	spin_unlock(&dst->lock);

	kdbus_deliver_free_account(account);
}

/*
 * Content
 */

/* copy the payload from the sender's memory to where its OFF items say */
static int kdbus_deliver_write_payload(struct kdbus_message *msg,
				       struct kdbus_pool_cursor *cursor,
				       size_t pos)
{
	const struct kdbus_item *item;
	const u64 *address = msg->addresses;
	size_t stored;
	int r;

	kdbus_items_foreach(item, msg->hdr->items, msg->size -
			    sizeof(*msg->hdr)) {
		if (item->type == KDBUS_ITEM_PAYLOAD_OFF && *address) {
			r = kdbus_pool_write_user(cursor, pos,
						  u64_to_user_ptr(*address++),
						  item->vec.size);
			stored = item->vec.size;
		} else if (item->type == KDBUS_ITEM_PAYLOAD_OFF) {
			address++;
			stored = item->vec.size % 8;
			r = kdbus_pool_zero(cursor, pos, stored);
		} else if (item->type == KDBUS_ITEM_PAYLOAD_MEMFD) {
			stored = item->memfd.size % 8;
			r = kdbus_pool_zero(cursor, pos, stored);
		} else {
			continue;
		}
		if (r < 0)
			return r;
		pos += stored;
	}

	return 0;
}

/* each receiver has other metadata, so that the payload begins elsewhere */
static void kdbus_deliver_move_offs(struct kdbus_message *msg, size_t payload)
{
	struct kdbus_item *item;

	if (!msg->n_vecs || payload == msg->payload)
		return;

	kdbus_items_foreach(item, msg->hdr->items, msg->size -
			    sizeof(*msg->hdr))
		if (item->type == KDBUS_ITEM_PAYLOAD_OFF &&
		    item->vec.offset != KDBUS_OFFSET_ZEROS)
			item->vec.offset += (u64)payload - msg->payload;

	msg->payload = payload;
}

static int kdbus_deliver_fill_payload(struct kdbus_message *msg,
				      struct kdbus_pool_cursor *cursor,
				      size_t pos)
{
	struct kdbus_pool_cursor from kdbus_uninitialized;
	size_t stored = msg->stored;
	int r;

	if (!msg->first) {
		r = kdbus_deliver_write_payload(msg, cursor, pos);
	} else {
		kdbus_pool_cursor_init(&from, msg->first_dst->pool,
				       msg->first->slice, KDBUS_POOL_GFP);
		r = kdbus_pool_copy(cursor, pos, &from, msg->first_payload,
				    stored);
		kdbus_pool_cursor_deinit(&from);
	}
	if (r < 0)
		return r;

	return kdbus_pool_zero(cursor, pos + stored, -stored & 7);
}

static int kdbus_deliver_fill_head(struct kdbus_message *msg,
				   struct kdbus_pool_cursor *cursor)
{
	const struct kdbus_meta *meta = &msg->meta;
	size_t pos = KDBUS_ALIGN8(msg->size);
	int r;

	r = kdbus_pool_write(cursor, 0, msg->hdr, pos);
	if (r < 0 || !meta->size)
		return r;

	r = kdbus_pool_write(cursor, pos, meta->data, meta->size);
	pos += meta->size;
	if (r >= 0)
		r = kdbus_pool_zero(cursor, pos, -pos & 7);
	return r;
}

/* the payload comes first: reading it is what a sender can make fail */
static int kdbus_deliver_fill_parts(struct kdbus_message *msg,
				    struct kdbus_pool_cursor *cursor,
				    const struct kdbus_entry *entry)
{
	size_t payload = KDBUS_ALIGN8(entry->msg_size);
	int r;

	if (msg->stored) {
		r = kdbus_deliver_fill_payload(msg, cursor, payload);
		if (r < 0)
			return r;
	}

	kdbus_deliver_move_offs(msg, payload);
	msg->hdr->size = entry->msg_size;
	return kdbus_deliver_fill_head(msg, cursor);
}

/* more than that is not gathered first to be written at once */
#define KDBUS_IMAGE_MAX_SIZE	PAGE_SIZE

/* receivers of a message for which it pays to gather it */
#define KDBUS_IMAGE_MIN_CAST	3

/*
 * Keep what was written, if there are others to get the same: two who follow
 * each other did. Without memory for that everybody gets it part by part.
 */
static void kdbus_deliver_keep_image(struct kdbus_message *msg,
				     struct kdbus_pool_cursor *cursor)
{
	size_t size = cursor->slice->size;

	if (msg->cast.n < KDBUS_IMAGE_MIN_CAST || size > KDBUS_IMAGE_MAX_SIZE ||
	    !msg->first || msg->version != msg->meta.version)
		return;

	kfree(msg->image);
	msg->image = kmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!msg->image)
		return;
	if (kdbus_pool_read(cursor, 0, msg->image, size) < 0) {
		kfree(msg->image);
		msg->image = NULL;
		return;
	}
	msg->image_version = msg->version;
}

static int kdbus_deliver_fill(struct kdbus_message *msg, struct kdbus_conn *dst,
			      struct kdbus_entry *entry)
{
	struct kdbus_pool_cursor cursor kdbus_uninitialized;
	int r;

	kdbus_pool_cursor_init(&cursor, dst->pool, entry->slice,
			       KDBUS_POOL_GFP);
	if (msg->image && msg->image_version == msg->meta.version) {
		r = kdbus_pool_write(&cursor, 0, msg->image,
				     entry->slice->size);
	} else {
		r = kdbus_deliver_fill_parts(msg, &cursor, entry);
		if (r >= 0)
			kdbus_deliver_keep_image(msg, &cursor);
	}
	kdbus_pool_cursor_deinit(&cursor);

	return r;
}

/*
 * Stage
 */

/* entries are the receiver's, which keeps one at hand */
static struct kdbus_entry *kdbus_deliver_new_entry(struct kdbus_conn *dst)
{
	struct kdbus_entry *entry = xchg(&dst->spare, NULL);
	struct mem_cgroup *old;

	if (!entry) {
		old = kdbus_pool_enter(dst->pool);
		entry = kdbus_entry_alloc(GFP_KERNEL | KDBUS_POOL_GFP);
		kdbus_pool_leave(old);
		if (!entry)
			return NULL;
	}

	kdbus_entry_init(entry);
	return entry;
}

static void kdbus_deliver_put_entry(struct kdbus_conn *dst,
				    struct kdbus_entry *entry)
{
	if (cmpxchg(&dst->spare, NULL, entry))
		kdbus_entry_free(entry);
}

/* a message to oneself goes by one state of the flags, see UPDATE */
static u64 kdbus_deliver_wanted(const struct kdbus_message *msg,
				const struct kdbus_conn *src,
				const struct kdbus_conn *dst)
{
	if (!src)
		return KDBUS_ATTACH_TIMESTAMP;

	return kdbus_attach_flags_recv(src == dst ? msg->meta.attach_flags :
				       READ_ONCE(dst->sender.attach_flags));
}

static void kdbus_deliver_refused(struct kdbus_user *user, int error)
{
	if (error == -ENOBUFS)
		kdbus_limit_refused(user, KDBUS_LIMIT_QUEUE);
	else if (error == -EMFILE)
		kdbus_limit_refused(user, KDBUS_LIMIT_QUEUE_FDS);
}

/* charge an entry, unless it is free of charge, and get it a slice */
static int kdbus_deliver_reserve(struct kdbus_conn *dst,
				 struct kdbus_user *user, u64 sender,
				 struct kdbus_entry *entry, size_t size)
{
	int r;

	if (user) {
		r = kdbus_deliver_charge(dst, user, sender, entry, size);
		if (r < 0) {
			kdbus_deliver_refused(user, r);
			return r;
		}
	}

	entry->slice = kdbus_pool_alloc(dst->pool, size);
	if (IS_ERR(entry->slice)) {
		r = PTR_ERR(entry->slice);
		entry->slice = NULL;
		kdbus_deliver_discharge(dst, entry, size);
		if (r == -EXFULL)
			kdbus_limit_refused(dst->user, KDBUS_LIMIT_POOL);
		return r;
	}

	return 0;
}

/* may @dst have the files of the message? */
static int kdbus_deliver_check_files(const struct kdbus_message *msg,
				     const struct kdbus_conn *src,
				     const struct kdbus_conn *dst)
{
	const struct kdbus_files *files = msg->files;
	unsigned int i;

	if (files->n_fds &&
	    !(dst->flags & (KDBUS_HELLO_ACCEPT_FD | KDBUS_HELLO_MONITOR)))
		return -ECOMM;

	for (i = 0; i < files->n_slots; i++)
		if (!kdbus_security_transfer(src, dst, files->slots[i].file))
			return -EPERM;
	return 0;
}

static int kdbus_deliver_allocate(struct kdbus_message *msg,
				  const struct kdbus_conn *src,
				  struct kdbus_conn *dst,
				  struct kdbus_entry *entry)
{
	int r;

	if (unlikely(msg->files)) {
		r = kdbus_deliver_check_files(msg, src, dst);
		if (r < 0)
			return r;
	}

	return kdbus_deliver_reserve(dst, msg->user, msg->hdr->src_id, entry,
				     KDBUS_ALIGN8(KDBUS_ALIGN8(entry->msg_size) +
						  msg->stored));
}

/**
 * kdbus_deliver_stage() - prepare a message for one receiver
 * @msg:	checked message
 * @src:	sending connection, NULL if it is the kernel
 * @dst:	receiver; the caller holds a reference
 *
 * The entry is invisible and belongs to the caller, who commits it or frees it
 * with kdbus_deliver_free(). The first entry that was staged provides the
 * payload for further ones, so it has to stay until they are staged, too.
 *
 * Context: may sleep for as long as the sender's memory makes it. No lock, no
 *          active reference is held.
 * Return: the entry; or an ERR_PTR: -ECONNRESET if @dst is disconnected; -ECOMM
 *         if it takes no fds; -ENOBUFS or -EMFILE if the sender's user has too
 *         much queued there; -EXFULL if its pool is full; -EPERM if a security
 *         hook keeps a file from it; -EFAULT if the payload cannot be read;
 *         -ENOMEM.
 */
struct kdbus_entry *kdbus_deliver_stage(struct kdbus_message *msg,
					struct kdbus_conn *src,
					struct kdbus_conn *dst)
{
	struct kdbus_meta *meta = &msg->meta;
	struct kdbus_entry *entry;
	size_t meta_pos;
	int r;

	if (READ_ONCE(dst->dead))
		return ERR_PTR(-ECONNRESET);

	entry = kdbus_deliver_new_entry(dst);
	if (!entry)
		return ERR_PTR(-ENOMEM);

	kdbus_meta_render(meta, &dst->view, kdbus_deliver_wanted(msg, src, dst));
	meta_pos = KDBUS_ALIGN8(msg->size);
	entry->msg_size = meta->size ? meta_pos + meta->size : msg->size;
	entry->seqnum_offset = meta->seqnum_offset ?
			       meta_pos + meta->seqnum_offset : 0;
	entry->priority = msg->hdr->priority;
	entry->charged_fds = kdbus_message_n_fds(msg);

	r = kdbus_deliver_allocate(msg, src, dst, entry);
	if (r < 0) {
		kdbus_deliver_put_entry(dst, entry);
		return ERR_PTR(r);
	}

	r = kdbus_deliver_fill(msg, dst, entry);
	if (r < 0) {
		kdbus_deliver_free(dst, entry);
		return ERR_PTR(r);
	}

	entry->files = kdbus_files_ref(msg->files);
	entry->name = kdbus_name_ref(msg->name);
	if (!msg->first) {
		msg->first = entry;
		msg->first_payload = KDBUS_ALIGN8(entry->msg_size);
		msg->first_dst = kdbus_conn_ref(dst);
	}
	msg->version = meta->version;

	return entry;
}

static int kdbus_deliver_copy_content(struct kdbus_conn *dst,
				      struct kdbus_entry *entry,
				      struct kdbus_conn *src,
				      const struct kdbus_entry *original)
{
	struct kdbus_pool_cursor from, to;
	int r;

	/* what is there may have to be swapped in, but is no reason to lose it */
	kdbus_pool_cursor_init(&from, src->pool, original->slice, 0);
	kdbus_pool_cursor_init(&to, dst->pool, entry->slice, KDBUS_POOL_GFP);
	r = kdbus_pool_copy(&to, 0, &from, 0, original->slice->size);
	kdbus_pool_cursor_deinit(&to);
	kdbus_pool_cursor_deinit(&from);

	return r;
}

/**
 * kdbus_deliver_stage_copy() - prepare the move of a message
 * @src:	connection that was to receive it so far
 * @original:	its entry, which nobody frees meanwhile
 * @dst:	connection that is to receive it from now on
 *
 * The copy is charged to the user who sent the message. It is the same message:
 * with its number, its priority, and the metadata that @src wanted. If @dst is
 * disconnected meanwhile it does not matter: what it has to give back when it
 * leaves the name is moved on then.
 *
 * Context: may sleep. No lock of a connection is held.
 * Return: the entry, in no queue, without a place and without the tracker of
 *         the original; or an ERR_PTR: -ECOMM if @dst takes no fds; -ENOBUFS,
 *         -EMFILE, -EXFULL or -ENOMEM.
 */
struct kdbus_entry *
kdbus_deliver_stage_copy(struct kdbus_conn *src,
			 const struct kdbus_entry *original,
			 struct kdbus_conn *dst)
{
	struct kdbus_entry *entry;
	int r;

	if (original->charged_fds && !(dst->flags & KDBUS_HELLO_ACCEPT_FD))
		return ERR_PTR(-ECOMM);

	entry = kdbus_deliver_new_entry(dst);
	if (!entry)
		return ERR_PTR(-ENOMEM);

	entry->msg_size = original->msg_size;
	entry->seqnum_offset = original->seqnum_offset;
	entry->priority = original->priority;
	entry->seqnum = original->seqnum;
	entry->charged_fds = original->charged_fds;

	r = kdbus_deliver_reserve(dst, original->account->user,
				  original->charge.sender, entry,
				  original->slice->size);
	if (r < 0) {
		kdbus_deliver_put_entry(dst, entry);
		return ERR_PTR(r);
	}
	r = kdbus_deliver_copy_content(dst, entry, src, original);
	if (r < 0) {
		kdbus_deliver_free(dst, entry);
		return ERR_PTR(r);
	}

	entry->files = kdbus_files_ref(original->files);
	entry->name = kdbus_name_ref(original->name);
	return entry;
}

static void kdbus_deliver_uncount_notice(struct kdbus_conn *dst)
{
	spin_lock(&dst->lock);
	dst->n_notices--;
	spin_unlock(&dst->lock);
}

/**
 * kdbus_deliver_free() - free an entry with all it holds
 * @dst:	connection it was staged for
 * @entry:	entry that is in no queue, or NULL
 *
 * Context: may sleep; takes @dst's lock.
 */
void kdbus_deliver_free(struct kdbus_conn *dst, struct kdbus_entry *entry)
{
	if (!entry)
		return;

	if (entry->slice) {
		kdbus_deliver_discharge(dst, entry, entry->slice->size);
		kdbus_pool_drop(dst->pool, entry->slice);
	}
	if (entry->is_notice)
		kdbus_deliver_uncount_notice(dst);
	WARN_ON(entry->tracker);
	kdbus_files_unref(entry->files);
	kdbus_name_unref(entry->name);
	kdbus_deliver_put_entry(dst, entry);
}

/**
 * kdbus_deliver_hand_over() - a message was received
 * @dst:	receiver
 * @entry:	entry that is in no queue; freed, while its slice becomes user
 *		space's
 *
 * Context: may sleep; takes @dst's lock.
 */
void kdbus_deliver_hand_over(struct kdbus_conn *dst, struct kdbus_entry *entry)
{
	struct kdbus_slice *slice = entry->slice;

	kdbus_deliver_discharge(dst, entry, slice->size);
	entry->slice = NULL;
	kdbus_pool_publish(dst->pool, slice, false);
	kdbus_deliver_free(dst, entry);
}

/*
 * Commit
 */

/**
 * kdbus_deliver_check() - check that an entry is still for its receiver
 * @dst:	receiver
 * @entry:	staged entry
 *
 * Context: @dst's lock is held, and the answer is true until it is released.
 * Return: 0; -ECONNRESET if @dst is disconnected; -ESTALE if the message was
 *         sent to a name that @dst does not hold any more.
 */
int kdbus_deliver_check(struct kdbus_conn *dst, const struct kdbus_entry *entry)
{
	lockdep_assert_held(&dst->lock);

	if (entry->name && READ_ONCE(entry->name->holder) != dst)
		return -ESTALE;
	return dst->dead ? -ECONNRESET : 0;
}

/**
 * kdbus_deliver_number() - number a message, and with it commit its copies
 * @msg:	message whose copies for monitors were announced
 * @dst:	receiver, not dead
 * @entry:	staged entry
 *
 * Context: @dst's lock is held.
 */
void kdbus_deliver_number(struct kdbus_message *msg, struct kdbus_conn *dst,
			  struct kdbus_entry *entry)
{
	lockdep_assert_held(&dst->lock);

	if (likely(!msg->cast.n))
		entry->seqnum = atomic64_inc_return(&dst->bus->seqnum);
	else
		entry->seqnum = kdbus_cast_number(&msg->cast, dst->bus);
	entry->order = entry->seqnum;
	trace_kdbus_deliver(dst->id, entry->seqnum);
}

/**
 * kdbus_deliver_finish_copies() - end the commit of a message at the monitors
 * @msg:	message whose copies were announced
 * @bus:	bus
 * @r:		outcome of the commit
 *
 * Monitors see what could not be delivered, too, unless it is tried again.
 *
 * Context: may sleep; takes the monitors' locks.
 */
void kdbus_deliver_finish_copies(struct kdbus_message *msg,
				 struct kdbus_bus *bus, int r)
{
	if (likely(!msg->cast.n))
		return;

	if (r < 0 && r != -ESTALE && r != -EBADSLT)
		kdbus_cast_number(&msg->cast, bus);
	kdbus_cast_finish(&msg->cast);
}

/**
 * kdbus_deliver_commit() - deliver a message to its only receiver
 * @msg:	message; copies for monitors were staged
 * @src:	sending connection, NULL if it is the kernel
 * @dst:	receiver
 * @entry:	staged entry. Belongs to @dst on success, else it is freed
 *
 * Context: may sleep; takes @dst's lock.
 * Return: 0, or -ECONNRESET if one of the two is disconnected; -ESTALE if the
 *         message has to be resolved anew.
 */
int kdbus_deliver_commit(struct kdbus_message *msg, struct kdbus_conn *src,
			 struct kdbus_conn *dst, struct kdbus_entry *entry)
{
	int r = -ECONNRESET;

	if (src && !kdbus_active_acquire(&src->active))
		goto exit;

	kdbus_cast_announce(&msg->cast);
	spin_lock(&dst->lock);
	r = kdbus_deliver_check(dst, entry);
	if (r >= 0) {
		kdbus_deliver_number(msg, dst, entry);
		kdbus_queue_insert(&dst->queue, entry);
	}
	spin_unlock(&dst->lock);
	kdbus_deliver_finish_copies(msg, dst->bus, r);

	if (r >= 0)
		kdbus_conn_wake(dst);
	if (src)
		kdbus_active_release(&src->active);

exit:
	if (r < 0)
		kdbus_deliver_free(dst, entry);
	return r;
}

/**
 * kdbus_deliver_announce() - stage an entry in the queue of a receiver
 * @cast:	message for several receivers, not numbered yet
 * @dst:	receiver
 * @entry:	staged entry. Belongs to @cast on success, else it is freed
 *
 * Context: may sleep; takes @dst's lock.
 * Return: true; false if @dst is disconnected.
 */
bool kdbus_deliver_announce(struct kdbus_cast *cast, struct kdbus_conn *dst,
			    struct kdbus_entry *entry)
{
	bool dead;

	spin_lock(&dst->lock);
	dead = dst->dead;
	if (!dead)
		kdbus_queue_stage(&dst->queue, entry, cast);
	spin_unlock(&dst->lock);

	if (dead)
		kdbus_deliver_free(dst, entry);
	return !dead;
}

/**
 * kdbus_deliver_settle() - finish a commit at one receiver
 * @cast:	message. If it has no number its entry is withdrawn
 * @dst:	receiver at which it was announced
 *
 * Afterwards @dst does not refer to @cast any more.
 *
 * Context: may sleep; takes @dst's lock.
 */
void kdbus_deliver_settle(struct kdbus_cast *cast, struct kdbus_conn *dst)
{
	struct kdbus_entry *entry = NULL;

	spin_lock(&dst->lock);
	if (dst->dead || !cast->seqnum)
		entry = kdbus_queue_unstage(&dst->queue, cast);
	else
		kdbus_queue_settle_cast(&dst->queue, cast);
	spin_unlock(&dst->lock);

	kdbus_conn_wake(dst);
	if (likely(!entry))
		trace_kdbus_deliver(dst->id, cast->seqnum);
	else
		kdbus_deliver_free(dst, entry);
}

/**
 * kdbus_deliver_lost() - tell a receiver that it missed a message
 * @dst:	receiver
 *
 * Context: takes @dst's lock.
 */
void kdbus_deliver_lost(struct kdbus_conn *dst)
{
	spin_lock(&dst->lock);
	kdbus_queue_lost(&dst->queue);
	spin_unlock(&dst->lock);

	trace_kdbus_lost(dst->id);

	kdbus_conn_wake(dst);
}
