/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_ENDPOINT_H
#define KDBUS_ENDPOINT_H

/**
 * DOC: Endpoints
 *
 * The file through which connections enter a bus. Who may open it may say
 * HELLO. Tearing an endpoint down disconnects all that came through it, in the
 * order in which they came.
 */

#include <linux/list.h>
#include <linux/mutex.h>

#include "node.h"

struct kdbus_bus;

/**
 * struct kdbus_endpoint - an endpoint
 * @node:	file
 * @bus:	bus; kept alive by @node's parent
 * @lock:	guards @conns; may sleep, nests nothing
 * @conns:	connections in the order of their HELLO, each with a reference
 */
struct kdbus_endpoint {
	struct kdbus_node node;
	struct kdbus_bus *bus;
	struct mutex lock;
	struct list_head conns;
};

static inline struct kdbus_endpoint *
kdbus_endpoint_from_node(struct kdbus_node *node)
{
	return container_of(node, struct kdbus_endpoint, node);
}

int kdbus_endpoint_make_default(struct kdbus_bus *bus);

#endif
