// SPDX-License-Identifier: GPL-2.0
#include "message.h"

#include <linux/errno.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "bus.h"
#include "compat.h"
#include "connection.h"
#include "files.h"
#include "grammar.h"
#include "limits.h"
#include "name.h"

enum {
	MSG_NEGOTIATE,
	MSG_VEC,
	MSG_DST_NAME,
	MSG_BLOOM_FILTER,
	MSG_MEMFD,
	MSG_FDS,
};

static const struct kdbus_item_spec kdbus_message_items[] = {
	[MSG_NEGOTIATE] = { .type = KDBUS_ITEM_NEGOTIATE },
	[MSG_VEC] = { .type = KDBUS_ITEM_PAYLOAD_VEC, .multiple = true },
	[MSG_MEMFD] = { .type = KDBUS_ITEM_PAYLOAD_MEMFD, .multiple = true },
	[MSG_FDS] = { .type = KDBUS_ITEM_FDS },
	[MSG_BLOOM_FILTER] = { .type = KDBUS_ITEM_BLOOM_FILTER },
	[MSG_DST_NAME] = { .type = KDBUS_ITEM_DST_NAME },
};

static const struct kdbus_command_spec kdbus_message_spec = {
	.size = sizeof(struct kdbus_msg),
	.flags = KDBUS_MSG_EXPECT_REPLY | KDBUS_MSG_NO_AUTO_START |
		 KDBUS_MSG_SIGNAL,
	.n_items = ARRAY_SIZE(kdbus_message_items),
	.items = kdbus_message_items,
};

static int kdbus_message_check_header(const struct kdbus_msg *hdr, u64 src_id,
				      bool sync)
{
	bool expect_reply = hdr->flags & KDBUS_MSG_EXPECT_REPLY;
	bool signal = hdr->flags & KDBUS_MSG_SIGNAL;

	if (hdr->src_id != 0 && hdr->src_id != src_id)
		return -EINVAL;
	if (hdr->payload_type == KDBUS_PAYLOAD_KERNEL)
		return -EINVAL;
	if (hdr->dst_id == KDBUS_DST_ID_BROADCAST) {
		if (!signal)
			return -EBADMSG;
		if (hdr->timeout_ns != 0)
			return -ENOTUNIQ;
	}
	if (expect_reply) {
		if (hdr->timeout_ns == 0)
			return -EINVAL;
		/* a reply to cookie 0 could not be told from no reply */
		if (hdr->cookie == 0)
			return -EINVAL;
		if (signal)
			return -ENOTUNIQ;
	} else {
		if (sync)
			return -EINVAL;
		if (signal && hdr->cookie_reply != 0)
			return -EINVAL;
	}

	return 0;
}

/* check a VEC, keep its address and turn it into an OFF */
static int kdbus_message_check_vec(struct kdbus_message *msg,
				   struct kdbus_item *item)
{
	struct kdbus_vec *vec = &item->vec;
	u64 address = vec->address;

	if (vec->size > KDBUS_VEC_MAX_SIZE)
		return -EMSGSIZE;
	if (address > ULONG_MAX ||
	    (address && !access_ok(u64_to_user_ptr(address), vec->size)))
		return -EFAULT;

	msg->addresses[msg->n_vecs++] = address;
	item->type = KDBUS_ITEM_PAYLOAD_OFF;
	if (address) {
		vec->offset = msg->stored;
		msg->stored += vec->size;
	} else {
		/* what is stored keeps what follows aligned like the stream */
		vec->offset = KDBUS_OFFSET_ZEROS;
		msg->stored += vec->size % 8;
	}

	return 0;
}

static int kdbus_message_alloc_addresses(struct kdbus_message *msg)
{
	size_t n = kdbus_command_area_size(&msg->command) /
		   KDBUS_ITEM_SIZE(sizeof(struct kdbus_vec));

	if (n <= KDBUS_MESSAGE_INLINE_VECS)
		return 0;

	msg->addresses = kmalloc_array(n, sizeof(*msg->addresses),
				       GFP_KERNEL_ACCOUNT);
	return msg->addresses ? 0 : -ENOMEM;
}

static int kdbus_message_check_bloom(struct kdbus_message *msg,
				     const struct kdbus_item *item,
				     u64 bloom_size)
{
	size_t size = kdbus_item_payload_size(item) -
		      offsetof(struct kdbus_bloom_filter, data);

	if (!IS_ALIGNED(size, 8))
		return -EFAULT;
	if (size != bloom_size)
		return -EDOM;

	msg->bloom = &item->bloom_filter;
	return 0;
}

/* a name that exists is a valid one, so that only others have to be read */
static int kdbus_message_check_dst_name(struct kdbus_message *msg,
					const struct kdbus_item *item,
					struct kdbus_bus *bus)
{
	msg->name = kdbus_name_get(bus, item->str,
				   kdbus_item_payload_size(item) - 1);
	if (!msg->name && !kdbus_name_is_valid(item->str, false))
		return -EINVAL;
	if (kdbus_message_is_broadcast(msg))
		return -EBADMSG;

	msg->dst_name = item->str;
	return 0;
}

static int kdbus_message_check_item(struct kdbus_message *msg,
				    struct kdbus_item *item,
				    struct kdbus_bus *bus,
				    unsigned int *n_memfds)
{
	u64 end;

	switch (item->type) {
	case KDBUS_ITEM_PAYLOAD_VEC:
		return kdbus_message_check_vec(msg, item);
	case KDBUS_ITEM_PAYLOAD_MEMFD:
		if (check_add_overflow(item->memfd.start, item->memfd.size,
				       &end))
			return -EMSGSIZE;
		if (++*n_memfds > KDBUS_MSG_MAX_MEMFDS)
			return -E2BIG;
		msg->stored += item->memfd.size % 8;
		return 0;
	case KDBUS_ITEM_FDS:
		if (kdbus_item_payload_size(item) / sizeof(int) >
		    KDBUS_MSG_MAX_FDS)
			return -EMFILE;
		return 0;
	case KDBUS_ITEM_BLOOM_FILTER:
		return kdbus_message_check_bloom(msg, item, bus->bloom.size);
	case KDBUS_ITEM_DST_NAME:
		return kdbus_message_check_dst_name(msg, item, bus);
	default:
		return -EINVAL;
	}
}

/* what is sent ends with zeros up to a multiple of 8, for which there is room */
static void kdbus_message_pad(struct kdbus_message *msg)
{
	size_t i;

	for (i = msg->size; i % 8; i++)
		((u8 *)msg->hdr)[i] = 0;
}

static int kdbus_message_check(struct kdbus_message *msg, struct kdbus_bus *bus)
{
	struct kdbus_item *item;
	unsigned int n_memfds = 0;
	int r;

	r = kdbus_message_alloc_addresses(msg);
	if (r < 0)
		return r;

	msg->size = sizeof(struct kdbus_msg);
	kdbus_items_foreach(item, kdbus_command_area(&msg->command),
			    kdbus_command_area_size(&msg->command)) {
		r = kdbus_message_check_item(msg, item, bus, &n_memfds);
		if (r < 0)
			return r;

		/* what the sender left behind the last item is not sent */
		msg->size = (const u8 *)item + item->size -
			    (const u8 *)msg->hdr;
	}

	kdbus_message_pad(msg);

	if (msg->stored > READ_ONCE(kdbus_max_payload)) {
		kdbus_limit_refused(msg->user, KDBUS_LIMIT_PAYLOAD);
		return -EMSGSIZE;
	}
	if (!!(msg->hdr->flags & KDBUS_MSG_SIGNAL) != !!msg->bloom)
		return -EBADMSG;
	if (msg->hdr->dst_id == KDBUS_DST_ID_NAME && !msg->dst_name)
		return -EDESTADDRREQ;
	if (kdbus_message_is_broadcast(msg) && msg->command.items[MSG_FDS])
		return -ENOTUNIQ;

	return 0;
}

static void kdbus_message_init(struct kdbus_message *msg,
			       const struct kdbus_meta_sender *sender,
			       struct kdbus_user *user)
{
	msg->user = user;
	msg->dst_name = NULL;
	msg->name = NULL;
	msg->bloom = NULL;
	msg->addresses = msg->inline_addresses;
	msg->n_vecs = 0;
	msg->stored = 0;
	msg->files = NULL;
	msg->payload = 0;
	msg->first_dst = NULL;
	msg->first = NULL;
	msg->image = NULL;
	kdbus_cast_init(&msg->cast);
	kdbus_meta_init(&msg->meta, sender);
}

/**
 * kdbus_message_init_kernel() - make a message of the kernel
 * @msg:	filled in; uninitialised before
 * @sender:	what the kernel tells about itself
 * @user:	charged for what is queued, NULL if nobody is
 * @hdr:	header and items, which stay the caller's
 * @size:	bytes at @hdr; if it is no multiple of 8 zeros follow up to the
 *		next one
 *
 * Is released with kdbus_message_release().
 *
 * Context: any.
 */
void kdbus_message_init_kernel(struct kdbus_message *msg,
			       const struct kdbus_meta_sender *sender,
			       struct kdbus_user *user,
			       struct kdbus_msg *hdr, size_t size)
{
	kdbus_message_init(msg, sender, user);
	msg->hdr = hdr;
	msg->size = size;
	/* there is no copy of anything to release */
	msg->command.data = msg->command.inline_data;
}

/**
 * kdbus_message_import() - copy a message from user space
 * @msg:	filled in; uninitialised before
 * @src:	sending connection
 * @user:	address of the struct kdbus_msg
 *
 * Checks the frame only; kdbus_message_check_content() does the rest. The
 * message is released with kdbus_message_release(), also if this fails.
 *
 * Context: may sleep, touches user memory. No lock is held.
 * Return: 0; 1 if the message was only a negotiation; or what
 *         kdbus_command_import() returns.
 */
int kdbus_message_import(struct kdbus_message *msg, struct kdbus_conn *src,
			 void __user *user)
{
	int r;

	kdbus_message_init(msg, &src->sender, src->user);
	r = kdbus_command_import(&msg->command, &kdbus_message_spec, user);
	msg->hdr = msg->command.data;
	return r;
}

/**
 * kdbus_message_check_content() - check what a message says
 * @msg:	message whose frame was imported
 * @src:	sending connection
 * @sync:	the sender waits for the reply
 *
 * Takes references on the files that the message carries. Afterwards the
 * message could be sent.
 *
 * Context: may sleep. No lock is held.
 * Return: 0; -EINVAL, -EBADMSG, -ENOTUNIQ, -EMSGSIZE, -EFAULT, -E2BIG, -EMFILE,
 *         -EDOM or -EDESTADDRREQ as Documentation/kdbus.txt tells for SEND; or
 *         what kdbus_files_import() returns.
 */
int kdbus_message_check_content(struct kdbus_message *msg,
				struct kdbus_conn *src, bool sync)
{
	int r;

	r = kdbus_message_check_header(msg->hdr, src->id, sync);
	if (r < 0)
		return r;

	r = kdbus_message_check(msg, src->bus);
	if (r < 0)
		return r;

	msg->hdr->src_id = src->id;
	if (!msg->command.items[MSG_MEMFD] && !msg->command.items[MSG_FDS])
		return 0;
	return kdbus_files_import(msg);
}

/**
 * kdbus_message_forget_first() - the first entry provides the payload no longer
 * @msg:	message
 *
 * Context: may sleep.
 */
void kdbus_message_forget_first(struct kdbus_message *msg)
{
	msg->first = NULL;
	msg->first_dst = kdbus_conn_unref(msg->first_dst);
	kfree(msg->image);
	msg->image = NULL;
}

/**
 * kdbus_message_release() - release all that a message holds
 * @msg:	message that kdbus_message_import() has seen
 *
 * Context: may sleep.
 */
void kdbus_message_release(struct kdbus_message *msg)
{
	kdbus_cast_deinit(&msg->cast);
	kdbus_message_forget_first(msg);
	kdbus_name_unref(msg->name);
	if (msg->addresses != msg->inline_addresses)
		kfree(msg->addresses);
	kdbus_files_unref(msg->files);
	kdbus_meta_deinit(&msg->meta);
	kdbus_command_release(&msg->command);
}
