/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_LIST_H
#define KDBUS_LIST_H

/**
 * DOC: Listing
 *
 * Who is on a bus and what names there are, in one consistent picture.
 */

struct kdbus_conn;

int kdbus_cmd_list(struct kdbus_conn *conn, void __user *argp);

#endif
