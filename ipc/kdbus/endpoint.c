// SPDX-License-Identifier: GPL-2.0
#include "endpoint.h"

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <linux/user_namespace.h>

#include "bus.h"
#include "command.h"
#include "compat.h"
#include "connection.h"
#include "domain.h"
#include "limits.h"
#include "security.h"
#include "user.h"

static void kdbus_endpoint_free(struct kdbus_node *node)
{
	struct kdbus_endpoint *ep = kdbus_endpoint_from_node(node);

	WARN_ON(!list_empty(&ep->conns));
	WARN_ON(ep->access);

	kdbus_policy_db_deinit(&ep->policy);
	kdbus_user_unref(ep->user);
	/* who looks for receivers may still ask about a connection that ends */
	kfree_rcu(ep, rcu);
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

	if (ep->is_custom) {
		kdbus_policy_db_clear(&ep->policy, &ep->access);
		kdbus_user_discharge(&ep->bus->n_endpoints);
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

static struct kdbus_endpoint *kdbus_endpoint_new(struct kdbus_bus *bus,
						 u64 flags, kuid_t uid,
						 kgid_t gid)
{
	struct kdbus_endpoint *ep;
	int r;

	ep = kzalloc(sizeof(*ep), GFP_KERNEL_ACCOUNT);
	if (!ep)
		return ERR_PTR(-ENOMEM);

	r = kdbus_node_init(&ep->node, &kdbus_endpoint_ops,
			    kdbus_endpoint_mode(flags), uid, gid);
	if (r < 0) {
		kfree(ep);
		return ERR_PTR(r);
	}

	ep->bus = bus;
	mutex_init(&ep->lock);
	INIT_LIST_HEAD(&ep->conns);
	kdbus_policy_db_init(&ep->policy);
	return ep;
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

	ep = kdbus_endpoint_new(bus, bus->flags, bus->node.uid, bus->node.gid);
	if (IS_ERR(ep))
		return PTR_ERR(ep);

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

/*
 * ENDPOINT_MAKE
 */

enum {
	ENDPOINT_MAKE_NEGOTIATE,
	ENDPOINT_MAKE_NAME,
};

static const struct kdbus_item_spec kdbus_endpoint_make_items[] = {
	[ENDPOINT_MAKE_NEGOTIATE] = { .type = KDBUS_ITEM_NEGOTIATE },
	[ENDPOINT_MAKE_NAME] = { .type = KDBUS_ITEM_MAKE_NAME,
				 .mandatory = true },
};

static const struct kdbus_command_spec kdbus_endpoint_make_spec = {
	.size = sizeof(struct kdbus_cmd),
	.flags = KDBUS_MAKE_ACCESS_GROUP | KDBUS_MAKE_ACCESS_WORLD,
	.has_return_flags = true,
	.n_items = ARRAY_SIZE(kdbus_endpoint_make_items),
	.items = kdbus_endpoint_make_items,
};

static struct kdbus_endpoint *kdbus_endpoint_new_custom(struct kdbus_bus *bus,
							u64 flags)
{
	struct kdbus_endpoint *ep;
	struct kdbus_user *user, *payer;

	payer = kdbus_user_get(bus->domain, current_uid());
	if (IS_ERR(payer))
		return ERR_CAST(payer);
	user = kdbus_user_new_anonymous(bus->domain, payer);
	kdbus_user_unref(payer);
	if (IS_ERR(user))
		return ERR_CAST(user);

	ep = kdbus_endpoint_new(bus, flags, current_euid(), current_egid());
	if (IS_ERR(ep)) {
		kdbus_user_unref(user);
		return ep;
	}

	ep->is_custom = true;
	ep->user = user;
	return ep;
}

/* the caller holds the bus active; from the link on the teardown discharges */
static int kdbus_endpoint_link(struct kdbus_endpoint *ep, const char *name)
{
	struct kdbus_bus *bus = ep->bus;
	int r;

	r = kdbus_user_charge(&bus->n_endpoints,
			      READ_ONCE(kdbus_max_endpoints_per_bus));
	if (r < 0) {
		kdbus_limit_refused(ep->user, KDBUS_LIMIT_ENDPOINTS);
		return r;
	}

	r = kdbus_node_link(&ep->node, &bus->node, name);
	if (r < 0) {
		kdbus_user_discharge(&bus->n_endpoints);
		return r;
	}

	kdbus_node_activate(&ep->node);
	return 0;
}

static struct kdbus_endpoint *kdbus_endpoint_make(struct kdbus_bus *bus,
						  u64 flags, const char *name)
{
	struct kdbus_endpoint *ep;
	int r;

	r = kdbus_check_uid_prefix(bus->domain->user_ns, name, current_euid());
	if (r >= 0)
		r = kdbus_security_endpoint_make(bus, name, flags);
	if (r < 0)
		return ERR_PTR(r);

	ep = kdbus_endpoint_new_custom(bus, flags);
	if (IS_ERR(ep))
		return ep;

	r = -ESHUTDOWN;
	if (kdbus_node_acquire(&bus->node)) {
		r = kdbus_endpoint_link(ep, name);
		kdbus_node_release(&bus->node);
	}
	if (r < 0) {
		kdbus_node_unref(&ep->node);
		return ERR_PTR(r);
	}

	return ep;
}

/**
 * kdbus_cmd_endpoint_make() - KDBUS_CMD_ENDPOINT_MAKE
 * @ep:		endpoint that was opened
 * @file:	open file of @ep
 * @argp:	struct kdbus_cmd in user space
 *
 * The policy of the new endpoint is empty: nothing can be done through it yet.
 *
 * Context: may sleep, touches user memory.
 * Return: the new endpoint with a reference for the caller, who also has to tear
 *         it down; NULL if the command only negotiated; or an ERR_PTR: -EPERM if
 *         @file was not opened by an owner; framing errors; -EINVAL for a bad
 *         name; -ESHUTDOWN if the bus is gone; -EMFILE if it has too many
 *         endpoints; -EEXIST if the name is taken; -ENOMEM, -ENOSPC.
 */
struct kdbus_endpoint *
kdbus_cmd_endpoint_make(const struct kdbus_endpoint *ep, struct file *file,
			void __user *argp)
{
	struct kdbus_command command kdbus_uninitialized;
	struct kdbus_endpoint *made = NULL;
	const struct kdbus_cmd *cmd;
	int r;

	if (!kdbus_endpoint_is_owned(ep, file))
		return ERR_PTR(-EPERM);

	r = kdbus_command_import(&command, &kdbus_endpoint_make_spec, argp);
	if (r < 0) {
		made = ERR_PTR(r);
	} else if (r == 0) {
		cmd = command.data;
		made = kdbus_endpoint_make(ep->bus, cmd->flags,
					   command.items[ENDPOINT_MAKE_NAME]->str);
	}

	kdbus_command_release(&command);
	return made;
}

/*
 * ENDPOINT_UPDATE
 */

static const struct kdbus_item_spec kdbus_endpoint_update_items[] = {
	{ .type = KDBUS_ITEM_NEGOTIATE },
	{ .type = KDBUS_ITEM_NAME, .multiple = true },
	{ .type = KDBUS_ITEM_POLICY_ACCESS, .multiple = true },
};

static const struct kdbus_command_spec kdbus_endpoint_update_spec = {
	.size = sizeof(struct kdbus_cmd),
	.has_return_flags = true,
	.n_items = ARRAY_SIZE(kdbus_endpoint_update_items),
	.items = kdbus_endpoint_update_items,
};

static int kdbus_endpoint_set_policy(struct kdbus_endpoint *ep,
				     struct kdbus_policy_contribution *policy)
{
	int r;

	/* the teardown clears the slot once and for all */
	if (!kdbus_node_acquire(&ep->node))
		return -ESHUTDOWN;
	r = kdbus_policy_db_set(&ep->policy, &ep->access, policy, true);
	kdbus_node_release(&ep->node);
	return r;
}

/**
 * kdbus_cmd_endpoint_update() - KDBUS_CMD_ENDPOINT_UPDATE
 * @ep:		custom endpoint
 * @argp:	struct kdbus_cmd in user space
 *
 * Replaces the whole policy of the endpoint in one step.
 *
 * Context: may sleep, touches user memory.
 * Return: 0; framing errors; -EINVAL for a bad name or a bad access; -ESHUTDOWN
 *         if @ep is torn down; -EEXIST if a name is there twice; -ENOMEM.
 */
int kdbus_cmd_endpoint_update(struct kdbus_endpoint *ep, void __user *argp)
{
	struct kdbus_command command kdbus_uninitialized;
	struct kdbus_policy_contribution *policy;
	int r;

	r = kdbus_command_import(&command, &kdbus_endpoint_update_spec, argp);
	if (r != 0)
		goto exit;

	policy = kdbus_policy_parse(kdbus_command_area(&command),
				    kdbus_command_area_size(&command), SIZE_MAX,
				    true);
	if (IS_ERR(policy)) {
		r = PTR_ERR(policy);
		goto exit;
	}

	r = kdbus_endpoint_set_policy(ep, policy);
	if (r < 0)
		kdbus_policy_free(policy);

exit:
	kdbus_command_release(&command);
	return min(r, 0);
}
