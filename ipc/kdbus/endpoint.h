/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_ENDPOINT_H
#define KDBUS_ENDPOINT_H

/**
 * DOC: Endpoints
 *
 * The file through which connections enter a bus. Who may open it may say
 * HELLO. Tearing an endpoint down disconnects all that came through it, in the
 * order in which they came.
 *
 * A bus has a default endpoint, and any number of custom ones, which are made
 * with ENDPOINT_MAKE and live as long as the open file it was called on. What
 * can be done through a custom endpoint is restricted by a policy of its own,
 * and all of its connections are charged to a user that is nobody.
 *
 * Never changes: @bus, @is_custom, @user.
 */

#include <linux/list.h>
#include <linux/mutex.h>

#include "node.h"
#include "policy-db.h"

struct file;
struct kdbus_bus;
struct kdbus_user;

/**
 * struct kdbus_endpoint - an endpoint
 * @node:	file
 * @rcu:	frees it
 * @bus:	bus; kept alive by @node's parent
 * @lock:	guards @conns; may sleep, nests nothing
 * @conns:	connections in the order of their HELLO, each with a reference
 * @is_custom:	made by ENDPOINT_MAKE
 * @user:	charged for connections of a custom endpoint, with a reference;
 *		NULL if it is the default one
 * @policy:	what can be done through it if it is a custom endpoint
 * @access:	what ENDPOINT_UPDATE contributed to @policy, under the lock of
 *		that
 */
struct kdbus_endpoint {
	struct kdbus_node node;
	struct rcu_head rcu;
	struct kdbus_bus *bus;
	struct mutex lock;
	struct list_head conns;
	bool is_custom;
	struct kdbus_user *user;
	struct kdbus_policy_db policy;
	struct kdbus_policy_contribution *access;
};

static inline struct kdbus_endpoint *
kdbus_endpoint_from_node(struct kdbus_node *node)
{
	return container_of(node, struct kdbus_endpoint, node);
}

int kdbus_endpoint_make_default(struct kdbus_bus *bus);
struct kdbus_endpoint *
kdbus_cmd_endpoint_make(const struct kdbus_endpoint *ep, struct file *file,
			void __user *argp);
int kdbus_cmd_endpoint_update(struct kdbus_endpoint *ep, void __user *argp);
bool kdbus_endpoint_is_owned(const struct kdbus_endpoint *ep,
			     struct file *file);

#endif
