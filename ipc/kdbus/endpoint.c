// SPDX-License-Identifier: GPL-2.0
#include "endpoint.h"

#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <linux/user_namespace.h>

#include "bus.h"
#include "connection.h"
#include "domain.h"

static void kdbus_endpoint_free(struct kdbus_node *node)
{
	struct kdbus_endpoint *ep = kdbus_endpoint_from_node(node);

	WARN_ON(!list_empty(&ep->conns));
	kdbus_policy_db_deinit(&ep->policy);
	kfree(ep);
}

static struct kdbus_conn *kdbus_endpoint_first(struct kdbus_endpoint *ep)
{
	struct kdbus_conn *conn;

	mutex_lock(&ep->lock);
	conn = list_first_entry_or_null(&ep->conns, struct kdbus_conn,
					ep_entry);
	if (conn)
		kdbus_conn_ref(conn);
	mutex_unlock(&ep->lock);

	return conn;
}

static void kdbus_endpoint_teardown(struct kdbus_node *node)
{
	struct kdbus_endpoint *ep = kdbus_endpoint_from_node(node);
	struct kdbus_conn *conn;

	/* connections take themselves off the list, new ones cannot come */
	while ((conn = kdbus_endpoint_first(ep))) {
		kdbus_conn_disconnect(conn);
		kdbus_conn_unref(conn);
	}
}

static const struct kdbus_node_ops kdbus_endpoint_ops = {
	.type = KDBUS_NODE_ENDPOINT,
	.free = kdbus_endpoint_free,
	.teardown = kdbus_endpoint_teardown,
};

static umode_t kdbus_endpoint_mode(u64 flags)
{
	if (flags & KDBUS_MAKE_ACCESS_WORLD)
		return S_IFREG | 0666;
	if (flags & KDBUS_MAKE_ACCESS_GROUP)
		return S_IFREG | 0660;
	return S_IFREG | 0600;
}

/**
 * kdbus_endpoint_make_default() - make the endpoint "bus" of a new bus
 * @bus:	bus that is not active yet
 *
 * The endpoint has the bus' owner and is torn down with it.
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM or -ENOSPC.
 */
int kdbus_endpoint_make_default(struct kdbus_bus *bus)
{
	struct kdbus_endpoint *ep;
	int r;

	ep = kzalloc(sizeof(*ep), GFP_KERNEL_ACCOUNT);
	if (!ep)
		return -ENOMEM;

	ep->bus = bus;
	mutex_init(&ep->lock);
	INIT_LIST_HEAD(&ep->conns);
	kdbus_policy_db_init(&ep->policy);

	r = kdbus_node_init(&ep->node, &kdbus_endpoint_ops,
			    kdbus_endpoint_mode(bus->flags), bus->node.uid,
			    bus->node.gid);
	if (r < 0) {
		kfree(ep);
		return r;
	}

	r = kdbus_node_link(&ep->node, &bus->node, "bus");
	if (r >= 0)
		kdbus_node_activate(&ep->node);

	/* once linked it is the bus that keeps it until the teardown */
	kdbus_node_unref(&ep->node);
	return r;
}

/**
 * kdbus_endpoint_is_owned() - ask whether an endpoint was opened by an owner
 * @ep:		endpoint
 * @file:	open file of @ep
 *
 * An owner is who opened the default endpoint with the euid that owns the bus or
 * with CAP_IPC_OWNER in the user namespace of the domain. Whoever opens a custom
 * endpoint is none: such an endpoint is made to restrict.
 *
 * Context: any.
 * Return: true if it was.
 */
bool kdbus_endpoint_is_owned(const struct kdbus_endpoint *ep,
			     struct file *file)
{
	const struct kdbus_bus *bus = ep->bus;

	if (ep->is_custom)
		return false;

	return uid_eq(file->f_cred->euid, bus->node.uid) ||
	       file_ns_capable(file, bus->domain->user_ns, CAP_IPC_OWNER);
}
