// SPDX-License-Identifier: GPL-2.0
#include "bus.h"

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <linux/user_namespace.h>
#include <linux/uuid.h>

#include "command.h"
#include "compat.h"
#include "domain.h"
#include "endpoint.h"
#include "limits.h"
#include "metadata-snapshot.h"
#include "security.h"
#include "trace.h"
#include "user.h"

static void kdbus_bus_free(struct kdbus_node *node)
{
	struct kdbus_bus *bus = kdbus_bus_from_node(node);

	WARN_ON(!xa_empty(&bus->conns));
	WARN_ON(bus->creator);
	WARN_ON(atomic_read(&bus->n_endpoints));

	xa_destroy(&bus->conns);
	kdbus_policy_db_deinit(&bus->policy);
	kdbus_match_index_deinit(&bus->subscribers);
	kdbus_name_registry_deinit(&bus->names);
	kdbus_user_unref(bus->kernel);
	kdbus_snapshot_free(bus->snapshot);
	kfree(bus);
}

static void kdbus_bus_teardown(struct kdbus_node *node)
{
	struct kdbus_bus *bus = kdbus_bus_from_node(node);

	if (bus->creator) {
		kdbus_user_discharge(&bus->creator->buses);
		bus->creator = kdbus_user_unref(bus->creator);
	}
}

static const struct kdbus_node_ops kdbus_bus_ops = {
	.type = KDBUS_NODE_BUS,
	.free = kdbus_bus_free,
	.teardown = kdbus_bus_teardown,
};

static umode_t kdbus_bus_mode(u64 flags)
{
	if (flags & KDBUS_MAKE_ACCESS_WORLD)
		return S_IFDIR | 0555;
	if (flags & KDBUS_MAKE_ACCESS_GROUP)
		return S_IFDIR | 0550;
	return S_IFDIR | 0500;
}

static struct kdbus_bus *
kdbus_bus_new(struct kdbus_domain *domain, u64 flags,
	      const struct kdbus_bloom_parameter *bloom)
{
	struct kdbus_bus *bus;
	int r;

	bus = kzalloc(sizeof(*bus), GFP_KERNEL_ACCOUNT);
	if (!bus)
		return ERR_PTR(-ENOMEM);

	bus->domain = domain;
	bus->id = kdbus_domain_next_id(domain);
	bus->flags = flags;
	bus->bloom = *bloom;
	generate_random_uuid(bus->id128);
	xa_init_flags(&bus->conns, XA_FLAGS_ACCOUNT);
	kdbus_policy_db_init(&bus->policy);
	atomic_set(&bus->n_endpoints, 0);
	atomic64_set(&bus->seqnum, 0);
	spin_lock_init(&bus->commit_lock);

	bus->kernel = kdbus_user_new_anonymous(domain, NULL);
	if (IS_ERR(bus->kernel)) {
		r = PTR_ERR(bus->kernel);
		goto exit_free;
	}

	r = kdbus_name_registry_init(&bus->names);
	if (r < 0)
		goto exit_user;

	r = kdbus_match_index_init(&bus->subscribers, bloom->size);
	if (r < 0)
		goto exit_names;

	r = kdbus_node_init(&bus->node, &kdbus_bus_ops, kdbus_bus_mode(flags),
			    current_euid(), current_egid());
	if (r < 0)
		goto exit_index;

	return bus;

exit_index:
	kdbus_match_index_deinit(&bus->subscribers);
exit_names:
	kdbus_name_registry_deinit(&bus->names);
exit_user:
	kdbus_user_unref(bus->kernel);
exit_free:
	kfree(bus);
	return ERR_PTR(r);
}

/* charge the caller and make the default endpoint; undone by the teardown */
static int kdbus_bus_populate(struct kdbus_bus *bus)
{
	struct kdbus_user *user;
	int r;

	user = kdbus_user_get(bus->domain, current_uid());
	if (IS_ERR(user))
		return PTR_ERR(user);

	r = kdbus_user_charge(&user->buses,
			      READ_ONCE(kdbus_max_buses_per_user));
	if (r < 0) {
		kdbus_limit_refused(user, KDBUS_LIMIT_BUSES);
		kdbus_user_unref(user);
		return r;
	}
	bus->creator = user;

	return kdbus_endpoint_make_default(bus);
}

/**
 * kdbus_check_uid_prefix() - check who a name belongs to
 * @user_ns:	namespace that uids in names are given in
 * @name:	name of a bus or an endpoint
 * @uid:	owner
 *
 * Context: any.
 * Return: 0, or -EINVAL if @name does not begin with the decimal uid and a
 *         dash or the uid does not exist in the namespace.
 */
int kdbus_check_uid_prefix(struct user_namespace *user_ns, const char *name,
			   kuid_t uid)
{
	char prefix[16];
	uid_t nr;

	nr = from_kuid(user_ns, uid);
	if (nr == (uid_t)-1)
		return -EINVAL;

	snprintf(prefix, sizeof(prefix), "%u-", nr);
	return strncmp(name, prefix, strlen(prefix)) ? -EINVAL : 0;
}

static int kdbus_check_bloom(const struct kdbus_bloom_parameter *bloom)
{
	if (bloom->size < KDBUS_BLOOM_MIN_SIZE ||
	    bloom->size > KDBUS_BLOOM_MAX_SIZE ||
	    !IS_ALIGNED(bloom->size, 8) || bloom->n_hash < 1)
		return -EINVAL;

	return 0;
}

enum {
	BUS_MAKE_NEGOTIATE,
	BUS_MAKE_NAME,
	BUS_MAKE_BLOOM,
	BUS_MAKE_ATTACH_FLAGS,
};

static const struct kdbus_item_spec kdbus_bus_make_items[] = {
	[BUS_MAKE_NEGOTIATE] = { .type = KDBUS_ITEM_NEGOTIATE },
	[BUS_MAKE_NAME] = { .type = KDBUS_ITEM_MAKE_NAME, .mandatory = true },
	[BUS_MAKE_BLOOM] = { .type = KDBUS_ITEM_BLOOM_PARAMETER,
			     .mandatory = true },
	[BUS_MAKE_ATTACH_FLAGS] = { .type = KDBUS_ITEM_ATTACH_FLAGS_SEND },
};

static const struct kdbus_command_spec kdbus_bus_make_spec = {
	.size = sizeof(struct kdbus_cmd),
	.flags = KDBUS_MAKE_ACCESS_GROUP | KDBUS_MAKE_ACCESS_WORLD,
	.has_return_flags = true,
	.n_items = ARRAY_SIZE(kdbus_bus_make_items),
	.items = kdbus_bus_make_items,
};

/* the caller holds the domain active; *@snapshot is taken over by the bus */
static struct kdbus_bus *kdbus_bus_make(struct kdbus_domain *domain,
					const struct kdbus_command *command,
					struct kdbus_snapshot **snapshot)
{
	const struct kdbus_cmd *cmd = command->data;
	struct kdbus_bus *bus;
	int r;

	bus = kdbus_bus_new(domain, cmd->flags,
			    &command->items[BUS_MAKE_BLOOM]->bloom_parameter);
	if (IS_ERR(bus))
		return bus;
	bus->snapshot = *snapshot;
	*snapshot = NULL;

	r = kdbus_node_link(&bus->node, &domain->node,
			    command->items[BUS_MAKE_NAME]->str);
	if (r < 0) {
		kdbus_node_unref(&bus->node);
		return ERR_PTR(r);
	}

	r = kdbus_bus_populate(bus);
	if (r < 0) {
		kdbus_node_teardown(&bus->node);
		kdbus_node_unref(&bus->node);
		return ERR_PTR(r);
	}

	kdbus_node_activate(&bus->node);
	trace_kdbus_bus(bus->id, bus->node.name, __kuid_val(current_uid()));
	return bus;
}

/**
 * kdbus_cmd_bus_make() - KDBUS_CMD_BUS_MAKE
 * @domain:	domain of the control file
 * @argp:	struct kdbus_cmd in user space
 *
 * Context: may sleep, touches user memory.
 * Return: the new bus with a reference for the caller, who also has to tear it
 *         down; NULL if the command only negotiated; or an ERR_PTR: framing
 *         errors; -EINVAL for bad bloom parameters, attach flags or name;
 *         -ESHUTDOWN if the domain is gone; -EEXIST if the name is taken;
 *         -EMFILE if the caller has too many buses; -ENOMEM.
 */
struct kdbus_bus *kdbus_cmd_bus_make(struct kdbus_domain *domain,
				     void __user *argp)
{
	const struct kdbus_item *item;
	struct kdbus_command command kdbus_uninitialized;
	struct kdbus_snapshot *snapshot = NULL;
	struct kdbus_bus *bus = NULL;
	u64 attach_flags = 0;
	int r;

	r = kdbus_command_import(&command, &kdbus_bus_make_spec, argp);
	if (r != 0)
		goto exit;

	r = kdbus_check_bloom(&command.items[BUS_MAKE_BLOOM]->bloom_parameter);
	if (r < 0)
		goto exit;

	item = command.items[BUS_MAKE_ATTACH_FLAGS];
	if (item) {
		r = kdbus_attach_flags_sanitize(item->data64[0], &attach_flags);
		if (r < 0)
			goto exit;
	}

	r = kdbus_check_uid_prefix(domain->user_ns,
				   command.items[BUS_MAKE_NAME]->str,
				   current_euid());
	if (r < 0)
		goto exit;

	r = kdbus_security_bus_make(domain, command.items[BUS_MAKE_NAME]->str,
				    ((struct kdbus_cmd *)command.data)->flags);
	if (r < 0)
		goto exit;

	/* reads user memory, which is not done with an active reference */
	snapshot = kdbus_snapshot_take(attach_flags);
	if (IS_ERR(snapshot)) {
		r = PTR_ERR(snapshot);
		snapshot = NULL;
		goto exit;
	}

	if (!kdbus_node_acquire(&domain->node)) {
		r = -ESHUTDOWN;
		goto exit;
	}
	bus = kdbus_bus_make(domain, &command, &snapshot);
	kdbus_node_release(&domain->node);
	if (IS_ERR(bus)) {
		r = PTR_ERR(bus);
		bus = NULL;
	}

exit:
	kdbus_snapshot_free(snapshot);
	kdbus_command_release(&command);
	return r < 0 ? ERR_PTR(r) : bus;
}
