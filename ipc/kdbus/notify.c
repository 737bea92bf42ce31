// SPDX-License-Identifier: GPL-2.0
#include "notify.h"

#include <linux/err.h>
#include <linux/string.h>
#include <linux/kdbus.h>

#include "broadcast.h"
#include "bus.h"
#include "compat.h"
#include "connection.h"
#include "deliver.h"
#include "grammar.h"
#include "limits.h"
#include "match.h"
#include "message.h"
#include "monitor.h"
#include "queue.h"
#include "trace.h"

/* the kernel as a sender: it has nothing to tell about itself but the time */
static const struct kdbus_meta_sender kdbus_notify_sender;

static bool kdbus_notify_count(struct kdbus_conn *requester)
{
	bool counted;

	spin_lock(&requester->lock);
	counted = requester->n_notices < KDBUS_CONN_MAX_NOTICES;
	if (counted)
		requester->n_notices++;
	spin_unlock(&requester->lock);

	return counted;
}

/**
 * kdbus_notify_reply() - tell a requester that its request ended
 * @requester:	connection
 * @type:	KDBUS_ITEM_REPLY_TIMEOUT or KDBUS_ITEM_REPLY_DEAD
 * @cookie:	cookie of the request
 *
 * Such messages are counted instead of being charged to an account: they are the
 * requester's own doing. If there are too many, or the pool is full, it learns
 * that a message was lost.
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

	kdbus_message_init_kernel(&msg, &kdbus_notify_sender, NULL,
				  &content.hdr, sizeof(content));
	entry = kdbus_deliver_stage(&msg, NULL, requester);
	/* copies are not the monitors' own doing */
	msg.user = requester->bus->kernel;
	if (!IS_ERR(entry) && kdbus_notify_count(requester)) {
		entry->is_notice = true;
		kdbus_monitor_stage(&msg, requester->bus, NULL);
		kdbus_deliver_commit(&msg, NULL, requester, entry);
	} else if (entry != ERR_PTR(-ECONNRESET)) {
		kdbus_monitor_show(&msg, requester->bus, NULL);
		if (!IS_ERR(entry))
			kdbus_deliver_free(requester, entry);
		kdbus_deliver_lost(requester);
	}
	kdbus_message_release(&msg);
}

/* send a notification with one item of @payload bytes to all who want it */
static void kdbus_notify_broadcast(struct kdbus_bus *bus, struct kdbus_msg *hdr,
				   struct kdbus_item *item, size_t payload,
				   const struct kdbus_match_facts *facts)
{
	struct kdbus_message msg kdbus_uninitialized;

	hdr->flags = KDBUS_MSG_SIGNAL;
	hdr->dst_id = KDBUS_DST_ID_BROADCAST;
	hdr->src_id = KDBUS_SRC_ID_KERNEL;
	hdr->payload_type = KDBUS_PAYLOAD_KERNEL;
	item->size = KDBUS_ITEM_SIZE(payload);
	item->type = facts->notification;

	kdbus_message_init_kernel(&msg, &kdbus_notify_sender, bus->kernel, hdr,
				  sizeof(*hdr) + item->size);
	kdbus_broadcast_to_matches(bus, NULL, &msg, facts);
	kdbus_message_release(&msg);
}

/**
 * kdbus_notify_id() - tell that a connection came or went
 * @bus:	bus
 * @type:	KDBUS_ITEM_ID_ADD or KDBUS_ITEM_ID_REMOVE
 * @id:		id of the connection
 * @flags:	flags of its HELLO
 *
 * Context: may sleep. The registry's lock is held, so that all notifications of
 *          a bus have one order.
 */
void kdbus_notify_id(struct kdbus_bus *bus, u64 type, u64 id, u64 flags)
{
	const struct kdbus_match_facts facts = {
		.notification = type,
		.old_id = type == KDBUS_ITEM_ID_REMOVE ? id : 0,
		.new_id = type == KDBUS_ITEM_ID_ADD ? id : 0,
	};
	struct {
		struct kdbus_msg hdr;
		u64 item_header[2];
		struct kdbus_notify_id_change change;
	} content = {
		.change = { .id = id, .flags = flags },
	};

	lockdep_assert_held(&bus->names.lock);

	if (type == KDBUS_ITEM_ID_ADD)
		trace_kdbus_connect(bus->id, id, flags);
	else
		trace_kdbus_disconnect(bus->id, id, flags);
	kdbus_notify_broadcast(bus, &content.hdr, content.hdr.items,
			       sizeof(content.change), &facts);
}

/**
 * kdbus_notify_name() - tell that a name changed hands
 * @bus:	bus
 * @type:	KDBUS_ITEM_NAME_ADD, _REMOVE or _CHANGE
 * @old_conn:	who held the name, or NULL
 * @old_flags:	its KDBUS_NAME_* flags
 * @new_conn:	who holds the name, or NULL
 * @new_flags:	its KDBUS_NAME_* flags
 * @name:	the name
 *
 * Context: may sleep. The registry's lock is held.
 */
void kdbus_notify_name(struct kdbus_bus *bus, u64 type,
		       const struct kdbus_conn *old_conn, u64 old_flags,
		       const struct kdbus_conn *new_conn, u64 new_flags,
		       const char *name)
{
	const struct kdbus_match_facts facts = {
		.notification = type,
		.old_id = old_conn ? old_conn->id : 0,
		.new_id = new_conn ? new_conn->id : 0,
		.name = name,
	};
	struct {
		struct kdbus_msg hdr;
		u64 item_header[2];
		struct kdbus_notify_name_change change;
		char name[KDBUS_NAME_MAX_LEN + 1];
	} content = {
		.change = {
			.old_id = { .id = facts.old_id, .flags = old_flags },
			.new_id = { .id = facts.new_id, .flags = new_flags },
		},
	};

	lockdep_assert_held(&bus->names.lock);

	trace_kdbus_name(bus->id, name, facts.old_id, facts.new_id);
	strscpy(content.name, name, sizeof(content.name));
	kdbus_notify_broadcast(bus, &content.hdr, content.hdr.items,
			       sizeof(content.change) + strlen(name) + 1,
			       &facts);
}
