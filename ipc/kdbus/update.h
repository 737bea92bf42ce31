/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_UPDATE_H
#define KDBUS_UPDATE_H

/**
 * DOC: UPDATE
 *
 * What a connection may change of what it said at HELLO. Everything is checked
 * before anything is changed.
 */

#include <linux/compiler_types.h>

struct kdbus_conn;

int kdbus_cmd_update(struct kdbus_conn *conn, void __user *argp);

#endif
