/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_CAST_H
#define KDBUS_CAST_H

/**
 * DOC: Casts
 *
 * A message on its way to several receivers: to those who want a broadcast, and
 * to the monitors, which get a copy of every message. Receivers are picked
 * first, then everything is staged, then announced in all queues, and at last
 * one number, given once, commits the message at all of them. So two messages
 * that reach two receivers are seen by both in the same order.
 */

#include <linux/types.h>
#include <linux/xarray.h>

struct kdbus_bus;
struct kdbus_conn;
struct kdbus_entry;
struct kdbus_message;

/* receivers that need no allocation */
#define KDBUS_CAST_INLINE	8

/**
 * struct kdbus_target - one receiver of a cast
 * @conn:	receiver, with a reference
 * @entry:	its entry, NULL if it cannot get one
 * @lost:	it is told that it missed the message
 */
struct kdbus_target {
	struct kdbus_conn *conn;
	struct kdbus_entry *entry;
	bool lost;
};

/**
 * struct kdbus_cast - a message with several receivers
 * @seqnum:	number of the message, 0 until it is committed; changed under
 *		the bus' commit_lock
 * @targets:	receivers
 * @n:		number of receivers
 * @max:	elements of @targets
 * @inline_targets: first memory of @targets
 *
 * Is part of a message. All entries that refer to it are settled or gone before
 * the sender returns.
 */
struct kdbus_cast {
	u64 seqnum;
	struct kdbus_target *targets;
	size_t n;
	size_t max;
	struct kdbus_target inline_targets[KDBUS_CAST_INLINE];
};

/* tells whether a connection is to receive a message */
typedef bool (*kdbus_cast_filter_t)(struct kdbus_conn *conn,
				    const void *context);

void kdbus_cast_init(struct kdbus_cast *cast);
void kdbus_cast_deinit(struct kdbus_cast *cast);
int kdbus_cast_pick(struct kdbus_cast *cast, struct kdbus_bus *bus,
		    xa_mark_t mark, kdbus_cast_filter_t filter,
		    const void *context);
int kdbus_cast_stage(struct kdbus_cast *cast, struct kdbus_conn *src,
		     struct kdbus_message *msg);
void kdbus_cast_announce(struct kdbus_cast *cast);
u64 kdbus_cast_number(struct kdbus_cast *cast, struct kdbus_bus *bus);
void kdbus_cast_finish(struct kdbus_cast *cast);

#endif
