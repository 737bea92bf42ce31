/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_INFO_H
#define KDBUS_INFO_H

/**
 * DOC: CONN_INFO and BUS_CREATOR_INFO
 *
 * What a connection may ask about another one, and about who made the bus. The
 * answer is made of snapshots, see metadata-snapshot.h, and translated for the
 * connection that asks.
 */

#include <linux/compiler_types.h>

struct kdbus_conn;

int kdbus_cmd_conn_info(struct kdbus_conn *conn, void __user *argp);
int kdbus_cmd_bus_creator_info(struct kdbus_conn *conn, void __user *argp);

#endif
