/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_RECEIVE_H
#define KDBUS_RECEIVE_H

/**
 * DOC: Receiving
 *
 * RECV claims an entry, gives the task its files, tells it where the message is
 * and only then takes the entry out of the queue: whatever fails before leaves the message
 * where it was.
 */

#include <linux/types.h>
#include <linux/kdbus.h>

struct kdbus_conn;
struct kdbus_entry;
struct kdbus_files_installed;

int kdbus_cmd_recv(struct kdbus_conn *conn, void __user *argp);
int kdbus_cmd_free(struct kdbus_conn *conn, void __user *argp);

int kdbus_receive_install(struct kdbus_conn *conn, struct kdbus_entry *entry,
			  struct kdbus_msg_info *info, void __user *user,
			  size_t size, struct kdbus_files_installed *installed);

#endif
