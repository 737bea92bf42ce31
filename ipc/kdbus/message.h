/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_MESSAGE_H
#define KDBUS_MESSAGE_H

/**
 * DOC: Messages
 *
 * A message while it is being sent: the private copy of its header and items,
 * checked, with the files it carries. Payload in VECs stays in the sender's
 * memory until it is copied into the first receiver's slice; further receivers
 * get it from there, so that all see the same bytes.
 *
 * The copy is turned into what a receiver sees in place, when it is imported:
 * descriptor numbers become -1, VECs become OFFs. The addresses are kept beside.
 */

#include <linux/types.h>
#include <linux/kdbus.h>

#include "cast.h"
#include "command.h"
#include "files.h"
#include "metadata.h"

struct kdbus_conn;
struct kdbus_entry;
struct kdbus_name_entry;
struct kdbus_user;

/* VECs whose addresses need no allocation */
#define KDBUS_MESSAGE_INLINE_VECS	4

/**
 * struct kdbus_message - message that is being sent
 * @hdr:	header and items
 * @size:	bytes at @hdr, without the padding of the last item
 * @dst_name:	name of the destination in @hdr, or NULL
 * @name:	@dst_name as it was looked up, with a reference, or NULL
 * @bloom:	filter of a signal in @hdr, or NULL
 * @addresses:	user addresses of the VECs in order, 0 for a run of zeros
 * @n_vecs:	elements of @addresses
 * @stored:	bytes that the payload takes in a slice, without final padding
 * @files:	files, or NULL
 * @payload:	what the offsets of OFF items include: where in the message the
 *		payload begins
 * @first_dst:	first receiver that was staged, with a reference, or NULL
 * @first:	its entry
 * @first_payload: where the payload begins there
 * @version:	@meta.version of the receiver that was staged last
 * @image:	all that a slice has to contain, or NULL
 * @image_version: @meta.version that it was made with
 * @cast:	receivers other than the one it is addressed to
 * @user:	charged for what is queued, NULL if nobody is
 * @meta:	metadata of the sender
 * @inline_addresses: first memory of @addresses
 * @command:	frame that @hdr is in; not for messages of the kernel
 *
 * Lives on the stack of the task that sends.
 */
struct kdbus_message {
	struct kdbus_msg *hdr;
	size_t size;
	const char *dst_name;
	struct kdbus_name_entry *name;
	const struct kdbus_bloom_filter *bloom;
	u64 *addresses;
	unsigned int n_vecs;
	u64 stored;
	struct kdbus_files *files;
	size_t payload;
	struct kdbus_conn *first_dst;
	const struct kdbus_entry *first;
	size_t first_payload;
	unsigned int version;
	void *image;
	unsigned int image_version;
	struct kdbus_cast cast;
	struct kdbus_user *user;
	struct kdbus_meta meta;
	u64 inline_addresses[KDBUS_MESSAGE_INLINE_VECS];
	struct kdbus_command command;
};

void kdbus_message_init_kernel(struct kdbus_message *msg,
			       const struct kdbus_meta_sender *sender,
			       struct kdbus_user *user,
			       struct kdbus_msg *hdr, size_t size);
int kdbus_message_import(struct kdbus_message *msg, struct kdbus_conn *src,
			 void __user *user);
int kdbus_message_check_content(struct kdbus_message *msg,
				struct kdbus_conn *src, bool sync);
void kdbus_message_forget_first(struct kdbus_message *msg);
void kdbus_message_release(struct kdbus_message *msg);

static inline bool kdbus_message_is_broadcast(const struct kdbus_message *msg)
{
	return msg->hdr->dst_id == KDBUS_DST_ID_BROADCAST;
}

/* file descriptors that count against the receiver's limits */
static inline unsigned int kdbus_message_n_fds(const struct kdbus_message *msg)
{
	return msg->files ? msg->files->n_fds : 0;
}

#endif
