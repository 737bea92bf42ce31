/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_NOTIFY_H
#define KDBUS_NOTIFY_H

/**
 * DOC: Notifications
 *
 * Messages of the kernel. They are queued at their receivers when the function
 * that generates them returns.
 */

#include <linux/types.h>

struct kdbus_bus;
struct kdbus_conn;

void kdbus_notify_id(struct kdbus_bus *bus, u64 type, u64 id, u64 flags);
void kdbus_notify_name(struct kdbus_bus *bus, u64 type,
		       const struct kdbus_conn *old_conn, u64 old_flags,
		       const struct kdbus_conn *new_conn, u64 new_flags,
		       const char *name);
void kdbus_notify_reply(struct kdbus_conn *requester, u64 type, u64 cookie);

#endif
