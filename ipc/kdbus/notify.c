// SPDX-License-Identifier: GPL-2.0
#include "notify.h"

#include <linux/err.h>
#include <linux/kdbus.h>

#include "compat.h"
#include "connection.h"
#include "deliver.h"
#include "message.h"
#include "queue.h"

/* the kernel as a sender: it has nothing to tell about itself but the time */
static const struct kdbus_meta_sender kdbus_notify_sender;

/**
 * kdbus_notify_reply() - tell a requester that its request ended
 * @requester:	connection
 * @type:	KDBUS_ITEM_REPLY_TIMEOUT or KDBUS_ITEM_REPLY_DEAD
 * @cookie:	cookie of the request
 *
 * The slot of the request is free again when the message was received, which
 * bounds the number of such messages, so no account is charged. If the pool is
 * full the requester learns that a message was lost.
 *
 * Context: may sleep; takes @requester's lock.
 */
void kdbus_notify_reply(struct kdbus_conn *requester, u64 type, u64 cookie)
{
	struct kdbus_message msg kdbus_uninitialized;
	struct kdbus_entry *entry;
	struct {
		struct kdbus_msg hdr;
		u64 item_size;
		u64 item_type;
	} content = {
		.hdr = {
			.dst_id = requester->id,
			.src_id = KDBUS_SRC_ID_KERNEL,
			.payload_type = KDBUS_PAYLOAD_KERNEL,
			.cookie_reply = cookie,
		},
		.item_size = KDBUS_ITEM_HEADER_SIZE,
		.item_type = type,
	};

	kdbus_message_init_kernel(&msg, &kdbus_notify_sender, &content.hdr,
				  sizeof(content));
	entry = kdbus_deliver_stage(&msg, NULL, requester);
	if (!IS_ERR(entry)) {
		entry->holds_slot = true;
		kdbus_deliver_commit(NULL, requester, entry);
	} else {
		kdbus_deliver_release_slot(requester);
		if (PTR_ERR(entry) != -ECONNRESET)
			kdbus_deliver_lost(requester);
	}
	kdbus_message_release(&msg);
}
