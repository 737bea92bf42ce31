/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_ROUTE_H
#define KDBUS_ROUTE_H

/**
 * DOC: Routing
 *
 * SEND: from a checked message to its receivers. Each kind of message has its
 * own short way through resolving, policy, trackers, staging and committing.
 */

struct kdbus_conn;
struct kdbus_entry;
struct kdbus_message;
struct kdbus_tracker;

int kdbus_cmd_send(struct kdbus_conn *src, void __user *argp);

int kdbus_route_request(struct kdbus_conn *src, struct kdbus_message *msg,
			struct kdbus_tracker **out);

#endif
