/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_HANDLE_H
#define KDBUS_HANDLE_H

/**
 * DOC: Handles
 *
 * What open() of a control file or an endpoint returns. A handle starts fresh;
 * one successful setup command makes it the owner of a bus, the owner of a custom
 * endpoint or a connection, for good. The object it owns lives until the handle is released.
 *
 * @node never changes. @state is written once, under @lock, with release
 * semantics after the object was stored; who reads it with acquire semantics
 * may use the object. @lock serialises setup commands; only who calls a setup
 * command on the same open file waits for it.
 */

#include <linux/fs.h>
#include <linux/mutex.h>

struct kdbus_bus;
struct kdbus_conn;
struct kdbus_endpoint;
struct kdbus_node;

enum kdbus_handle_state {
	KDBUS_HANDLE_FRESH,
	KDBUS_HANDLE_BUS_OWNER,
	KDBUS_HANDLE_EP_OWNER,
	KDBUS_HANDLE_CONNECTED,
};

/**
 * struct kdbus_handle - an open control file or endpoint
 * @node:	node that was opened, with a reference
 * @lock:	serialises setup commands; may sleep
 * @state:	what the handle became
 * @bus:	bus it owns, if BUS_OWNER
 * @ep:		custom endpoint it owns, if EP_OWNER
 * @conn:	connection it owns, if CONNECTED
 */
struct kdbus_handle {
	struct kdbus_node *node;
	struct mutex lock;
	enum kdbus_handle_state state;
	union {
		struct kdbus_bus *bus;
		struct kdbus_endpoint *ep;
		struct kdbus_conn *conn;
	};
};

extern const struct file_operations kdbus_handle_fops;

#endif
