/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_DELIVER_H
#define KDBUS_DELIVER_H

/**
 * DOC: Delivery
 *
 * Two steps bring a message to a receiver.
 *
 * Stage does everything that can fail, without being seen: it charges the
 * sender at the receiver, allocates a slice and fills it. No lock is held while
 * content is copied.
 *
 * Commit numbers the message, puts the entry into the receiver's queue and
 * wakes the receiver. It fails only if one of the two was disconnected
 * meanwhile. A message for several receivers is committed at all of them at
 * once.
 */

#include <linux/types.h>

struct kdbus_account;
struct kdbus_bus;
struct kdbus_cast;
struct kdbus_conn;
struct kdbus_entry;
struct kdbus_message;

struct kdbus_entry *kdbus_deliver_stage(struct kdbus_message *msg,
					struct kdbus_conn *src,
					struct kdbus_conn *dst);
struct kdbus_entry *kdbus_deliver_stage_copy(struct kdbus_conn *src,
					     const struct kdbus_entry *original,
					     struct kdbus_conn *dst);
void kdbus_deliver_free(struct kdbus_conn *dst, struct kdbus_entry *entry);
void kdbus_deliver_hand_over(struct kdbus_conn *dst, struct kdbus_entry *entry);
void kdbus_deliver_free_account(struct kdbus_account *account);
struct kdbus_account *kdbus_deliver_end_charge(struct kdbus_conn *dst,
					       struct kdbus_entry *entry,
					       u64 bytes);

int kdbus_deliver_commit(struct kdbus_message *msg, struct kdbus_conn *src,
			 struct kdbus_conn *dst, struct kdbus_entry *entry);
int kdbus_deliver_check(struct kdbus_conn *dst,
			const struct kdbus_entry *entry);
void kdbus_deliver_number(struct kdbus_message *msg, struct kdbus_conn *dst,
			  struct kdbus_entry *entry);
void kdbus_deliver_finish_copies(struct kdbus_message *msg,
				 struct kdbus_bus *bus, int r);

bool kdbus_deliver_announce(struct kdbus_cast *cast, struct kdbus_conn *dst,
			    struct kdbus_entry *entry);
void kdbus_deliver_settle(struct kdbus_cast *cast, struct kdbus_conn *dst);
void kdbus_deliver_lost(struct kdbus_conn *dst);

#endif
