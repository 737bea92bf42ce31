// SPDX-License-Identifier: GPL-2.0
#include "info.h"

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "bus.h"
#include "command.h"
#include "compat.h"
#include "connection.h"
#include "metadata-image.h"
#include "metadata-snapshot.h"
#include "name.h"
#include "policy.h"
#include "result.h"

/* put the answer into the pool of who asked */
static int kdbus_info_return(struct kdbus_conn *conn,
			     struct kdbus_info *info,
			     const struct kdbus_meta *meta,
			     struct kdbus_cmd_info __user *user)
{
	const struct kvec parts[] = {
		{ .iov_base = info, .iov_len = sizeof(*info) },
		{ .iov_base = meta->data, .iov_len = meta->size },
	};

	/* unlike a message, a question can be asked again */
	if (meta->no_memory)
		return -ENOMEM;

	info->size = sizeof(*info) + KDBUS_ALIGN8(meta->size);
	return kdbus_result_return(conn->pool, parts, ARRAY_SIZE(parts),
				   &user->offset, &user->info_size);
}

/*
 * CONN_INFO
 */

/**
 * struct kdbus_info_target - the connection that is asked about
 * @conn:	connection, with a reference
 * @names:	OWNED_NAME items, NULL if they are not wanted
 * @names_size:	bytes of @names
 * @mask:	KDBUS_ATTACH_* that may be told
 */
struct kdbus_info_target {
	struct kdbus_conn *conn;
	void *names;
	size_t names_size;
	u64 mask;
};

static struct kdbus_conn *kdbus_info_find_name(struct kdbus_conn *asker, u64 id,
					       const char *name)
{
	struct kdbus_name_entry *entry;
	struct kdbus_conn *conn;

	if (!kdbus_policy_may_see_name(asker, current_cred(), name))
		return ERR_PTR(-ESRCH);

	conn = kdbus_name_resolve(asker->bus, name, &entry);
	if (IS_ERR(conn))
		return conn;

	kdbus_name_unref(entry);
	if (id && conn->id != id) {
		kdbus_conn_unref(conn);
		return ERR_PTR(-ESRCH);
	}

	return conn;
}

static bool kdbus_info_may_see(const struct kdbus_conn *asker,
			       const struct kdbus_conn *conn)
{
	/* monitors are no peers, others need not know that they are watched */
	if (kdbus_conn_is_monitor(conn) && conn != asker && !asker->is_owner)
		return false;

	return kdbus_policy_may_see(asker, current_cred(), conn);
}

static struct kdbus_conn *kdbus_info_find_id(struct kdbus_conn *asker, u64 id)
{
	struct kdbus_conn *conn;

	conn = kdbus_conn_find(asker->bus, id);
	if (!conn)
		return ERR_PTR(-ENXIO);

	if (!kdbus_info_may_see(asker, conn)) {
		kdbus_conn_unref(conn);
		return ERR_PTR(-ENXIO);
	}

	return conn;
}

static int kdbus_info_collect_names(struct kdbus_info_target *target,
				    const struct kdbus_conn *asker)
{
	const struct kdbus_conn *viewer = asker->view.viewer;
	size_t size, n;

	/* a policy may change in between */
	for (;;) {
		size = kdbus_name_collect_as(target->conn, viewer,
					     current_cred(), NULL, 0);
		if (!size)
			return 0;

		target->names = kvzalloc(size, GFP_KERNEL_ACCOUNT);
		if (!target->names)
			return -ENOMEM;
		n = kdbus_name_collect_as(target->conn, viewer, current_cred(),
					  target->names, size);
		if (n <= size)
			break;
		kvfree(target->names);
		target->names = NULL;
	}

	target->names_size = n;
	return 0;
}

/* the registry's lock keeps names from changing hands */
static int kdbus_info_find(struct kdbus_info_target *target,
			   struct kdbus_conn *asker,
			   const struct kdbus_cmd_info *cmd, const char *name,
			   u64 wanted)
{
	struct kdbus_conn *conn;

	lockdep_assert_held(&asker->bus->names.lock);

	if (name)
		conn = kdbus_info_find_name(asker, cmd->id, name);
	else
		conn = kdbus_info_find_id(asker, cmd->id);
	if (IS_ERR(conn))
		return PTR_ERR(conn);

	target->conn = conn;
	target->mask = kdbus_attach_flags_admitted(wanted) &
		kdbus_attach_flags_send(READ_ONCE(conn->sender.attach_flags));
	if (target->mask & KDBUS_ATTACH_NAMES)
		return kdbus_info_collect_names(target, asker);
	return 0;
}

static int kdbus_info_tell_conn(struct kdbus_conn *asker,
				const struct kdbus_info_target *target,
				struct kdbus_cmd_info __user *user)
{
	const struct kdbus_conn *conn = target->conn;
	struct kdbus_info info = { .id = conn->id, .flags = conn->flags };
	struct kdbus_meta meta;
	int r;

	kdbus_meta_init(&meta, NULL);
	kdbus_snapshot_render(conn->snapshot, &meta, &asker->view,
			      target->mask);
	kdbus_meta_add_items(&meta, target->names, target->names_size);
	if (target->mask & KDBUS_ATTACH_CONN_DESCRIPTION && conn->description)
		kdbus_meta_add_string(&meta, KDBUS_ITEM_CONN_DESCRIPTION,
				      conn->description);
	r = kdbus_info_return(asker, &info, &meta, user);
	kdbus_meta_deinit(&meta);
	return r;
}

enum {
	CONN_INFO_NEGOTIATE,
	CONN_INFO_NAME,
};

static const struct kdbus_item_spec kdbus_conn_info_items[] = {
	[CONN_INFO_NEGOTIATE] = { .type = KDBUS_ITEM_NEGOTIATE },
	[CONN_INFO_NAME] = { .type = KDBUS_ITEM_NAME },
};

static const struct kdbus_command_spec kdbus_conn_info_spec = {
	.size = sizeof(struct kdbus_cmd_info),
	.has_return_flags = true,
	.n_items = ARRAY_SIZE(kdbus_conn_info_items),
	.items = kdbus_conn_info_items,
};

static int kdbus_conn_info(struct kdbus_conn *conn,
			   const struct kdbus_command *command,
			   struct kdbus_cmd_info __user *user)
{
	const char *name = kdbus_item_string(command->items[CONN_INFO_NAME]);
	const struct kdbus_cmd_info *cmd = command->data;
	struct kdbus_info_target target = {};
	u64 wanted;
	int r;

	r = kdbus_attach_flags_sanitize(cmd->attach_flags, &wanted);
	if (r < 0)
		return r;
	if (!cmd->id && !name)
		return -EINVAL;

	mutex_lock(&conn->bus->names.lock);
	r = kdbus_info_find(&target, conn, cmd, name, wanted);
	mutex_unlock(&conn->bus->names.lock);
	if (r >= 0)
		r = kdbus_info_tell_conn(conn, &target, user);

	kvfree(target.names);
	kdbus_conn_unref(target.conn);
	return r;
}

/**
 * kdbus_cmd_conn_info() - KDBUS_CMD_CONN_INFO
 * @conn:	connection that asks
 * @argp:	struct kdbus_cmd_info in user space
 *
 * Context: may sleep, touches user memory; takes the registry's lock.
 * Return: 0; framing errors; -EINVAL for unknown attach flags, or neither an id
 *         nor a name; -ESRCH if nobody has the name, or somebody with another
 *         id, or policy hides it; -ENXIO if there is no such id, or policy hides
 *         it; -EXFULL if the answer does not fit into the pool; -EFAULT if it
 *         cannot be reported; -ENOMEM.
 */
int kdbus_cmd_conn_info(struct kdbus_conn *conn, void __user *argp)
{
	struct kdbus_command command kdbus_uninitialized;
	int r;

	r = kdbus_command_import(&command, &kdbus_conn_info_spec, argp);
	if (r == 0)
		r = kdbus_conn_info(conn, &command, argp);

	kdbus_command_release(&command);
	return min(r, 0);
}

/*
 * BUS_CREATOR_INFO
 */

static const struct kdbus_item_spec kdbus_bus_creator_info_items[] = {
	{ .type = KDBUS_ITEM_NEGOTIATE },
};

static const struct kdbus_command_spec kdbus_bus_creator_info_spec = {
	.size = sizeof(struct kdbus_cmd_info),
	.has_return_flags = true,
	.n_items = ARRAY_SIZE(kdbus_bus_creator_info_items),
	.items = kdbus_bus_creator_info_items,
};

static int kdbus_info_tell_creator(struct kdbus_conn *asker, u64 wanted,
				   struct kdbus_cmd_info __user *user)
{
	const struct kdbus_bus *bus = asker->bus;
	struct kdbus_info info = { .id = bus->id, .flags = bus->flags };
	struct kdbus_meta meta;
	int r;

	kdbus_meta_init(&meta, NULL);
	kdbus_meta_add_string(&meta, KDBUS_ITEM_MAKE_NAME, bus->node.name);
	kdbus_snapshot_render(bus->snapshot, &meta, &asker->view,
			      kdbus_attach_flags_admitted(wanted));
	r = kdbus_info_return(asker, &info, &meta, user);
	kdbus_meta_deinit(&meta);
	return r;
}

/**
 * kdbus_cmd_bus_creator_info() - KDBUS_CMD_BUS_CREATOR_INFO
 * @conn:	connection that asks
 * @argp:	struct kdbus_cmd_info in user space; its id means nothing
 *
 * Context: may sleep, touches user memory.
 * Return: 0; framing errors; -EINVAL for unknown attach flags; -EXFULL if the
 *         answer does not fit into the pool; -EFAULT if it cannot be reported;
 *         -ENOMEM.
 */
int kdbus_cmd_bus_creator_info(struct kdbus_conn *conn, void __user *argp)
{
	struct kdbus_command command kdbus_uninitialized;
	const struct kdbus_cmd_info *cmd;
	u64 wanted;
	int r;

	r = kdbus_command_import(&command, &kdbus_bus_creator_info_spec, argp);
	if (r != 0)
		goto exit;

	cmd = command.data;
	r = kdbus_attach_flags_sanitize(cmd->attach_flags, &wanted);
	if (r >= 0)
		r = kdbus_info_tell_creator(conn, wanted, argp);

exit:
	kdbus_command_release(&command);
	return min(r, 0);
}
