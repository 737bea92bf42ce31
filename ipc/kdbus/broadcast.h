/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_BROADCAST_H
#define KDBUS_BROADCAST_H

/**
 * DOC: Broadcasts
 *
 * A broadcast goes to every connection whose matches fit and who may talk to the
 * sender, and to all monitors.
 */

#include <linux/types.h>

struct kdbus_bus;
struct kdbus_conn;
struct kdbus_match_facts;
struct kdbus_message;

bool kdbus_broadcast_is_wanted(struct kdbus_conn *src, struct kdbus_conn *dst,
			       const struct kdbus_message *msg);
int kdbus_broadcast(struct kdbus_conn *src, struct kdbus_message *msg);
int kdbus_broadcast_to_matches(struct kdbus_bus *bus, struct kdbus_conn *src,
			       struct kdbus_message *msg,
			       const struct kdbus_match_facts *facts);

int kdbus_cmd_match_add(struct kdbus_conn *conn, void __user *argp);
int kdbus_cmd_match_remove(struct kdbus_conn *conn, void __user *argp);

#endif
