/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_CALL_H
#define KDBUS_CALL_H

/**
 * DOC: Synchronous calls
 *
 * A task sends a request and sleeps until its outcome is there, its deadline
 * has passed, a file becomes readable, or a signal comes. Each call has a wait
 * object of its own, so that nobody is woken for the reply of another.
 */

#include <linux/kdbus.h>

struct file;
struct kdbus_conn;
struct kdbus_message;

int kdbus_call(struct kdbus_conn *src, struct kdbus_message *msg,
	       struct file *cancel, struct kdbus_msg_info __user *reply);

#endif
