/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_RECEIVE_H
#define KDBUS_RECEIVE_H

/**
 * DOC: Receiving
 *
 * RECV claims an entry, tells user space where it is, gives it its files and
 * only then takes it out of the queue: whatever fails before leaves the message
 * where it was.
 */

#include <linux/types.h>
#include <linux/kdbus.h>

struct kdbus_conn;
struct kdbus_entry;

int kdbus_cmd_recv(struct kdbus_conn *conn, void __user *argp);
int kdbus_cmd_free(struct kdbus_conn *conn, void __user *argp);

int kdbus_receive_prepare(struct kdbus_conn *conn,
			  const struct kdbus_entry *entry);
int kdbus_receive_files(struct kdbus_conn *conn,
			const struct kdbus_entry *entry, bool *incomplete);

#endif
