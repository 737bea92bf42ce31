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

struct kdbus_conn;

void kdbus_notify_reply(struct kdbus_conn *requester, u64 type, u64 cookie);

#endif
