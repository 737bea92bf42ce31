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
 * @slots:	hash table of @targets, by number counted from 1, 0 if vacant;
 *		NULL as long as there are few of them. Behind @targets
 * @slot_bits:	@slots has two to the power of that elements, more than @max
 * @last_missed: highest id of the monitors for which there was no memory, 0 if
 *		there was
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
	u32 *slots;
	unsigned int slot_bits;
	u64 last_missed;
	struct kdbus_target inline_targets[KDBUS_CAST_INLINE];
};

void kdbus_cast_init(struct kdbus_cast *cast);
void kdbus_cast_deinit(struct kdbus_cast *cast);
bool kdbus_cast_find(const struct kdbus_cast *cast,
		     const struct kdbus_conn *conn, u32 **slot);
bool kdbus_cast_add(struct kdbus_cast *cast, struct kdbus_conn *conn,
		    u32 *slot);
int kdbus_cast_grow(struct kdbus_cast *cast);
void kdbus_cast_add_monitors(struct kdbus_cast *cast, struct kdbus_bus *bus);
int kdbus_cast_stage(struct kdbus_cast *cast, struct kdbus_conn *src,
		     struct kdbus_message *msg);
void kdbus_cast_announce(struct kdbus_cast *cast);
u64 kdbus_cast_number(struct kdbus_cast *cast, struct kdbus_bus *bus);
void kdbus_cast_finish(struct kdbus_cast *cast);

#endif
