// SPDX-License-Identifier: GPL-2.0
#include "list.h"

#include <linux/cred.h>
#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "bus.h"
#include "command.h"
#include "compat.h"
#include "connection.h"
#include "name.h"
#include "policy.h"
#include "pool.h"
#include "result.h"

/**
 * struct kdbus_list - a list while it is made
 * @viewer:	connection that asks
 * @flags:	KDBUS_LIST_* asked for
 * @data:	objects, NULL while only their size is counted
 * @size:	bytes of the objects
 */
struct kdbus_list {
	const struct kdbus_conn *viewer;
	u64 flags;
	u8 *data;
	size_t size;
};

/* an object without a name is a bare struct kdbus_info */
static void kdbus_list_add(struct kdbus_list *list,
			   const struct kdbus_conn *conn,
			   const struct kdbus_name_owner *owner)
{
	size_t len = owner ? strlen(owner->name->name) + 1 : 0;
	size_t payload = offsetof(struct kdbus_name, name) + len;
	size_t size = sizeof(struct kdbus_info);
	struct kdbus_info *info = (void *)(list->data + list->size);

	if (owner)
		size += KDBUS_ALIGN8(KDBUS_ITEM_SIZE(payload));
	list->size += size;
	if (!list->data)
		return;

	memset(info, 0, size);
	info->size = size;
	info->id = conn->id;
	info->flags = conn->flags;
	if (owner) {
		info->items[0].size = KDBUS_ITEM_SIZE(payload);
		info->items[0].type = KDBUS_ITEM_OWNED_NAME;
		info->items[0].name.flags = owner->flags;
		memcpy(info->items[0].name.name, owner->name->name, len);
	}
}

/* which flag asks for a name of a connection */
static u64 kdbus_list_kind(const struct kdbus_name_owner *owner)
{
	if (owner->flags & KDBUS_NAME_ACTIVATOR)
		return KDBUS_LIST_ACTIVATORS;
	if (owner->flags & KDBUS_NAME_IN_QUEUE)
		return KDBUS_LIST_QUEUED;
	return KDBUS_LIST_NAMES;
}

static void kdbus_list_add_conn(struct kdbus_list *list,
				const struct kdbus_conn *conn)
{
	const struct kdbus_name_owner *owner;
	bool listed = false;

	if (kdbus_conn_is_monitor(conn))
		return;

	list_for_each_entry(owner, &conn->names, conn_entry) {
		if (!(list->flags & kdbus_list_kind(owner)))
			continue;
		/* a name that is hidden does not turn into a bare id */
		listed = true;
		if (kdbus_policy_may_see_name(list->viewer, current_cred(),
					      owner->name->name))
			kdbus_list_add(list, conn, owner);
	}

	if (!listed && (list->flags & KDBUS_LIST_UNIQUE) &&
	    (conn == list->viewer ||
	     kdbus_policy_may_see(list->viewer, current_cred(), conn)))
		kdbus_list_add(list, conn, NULL);
}

/*
 * The registry's lock keeps names from changing hands and connections from
 * coming and going.
 */
static void kdbus_list_walk(struct kdbus_list *list, struct kdbus_bus *bus)
{
	struct kdbus_conn *conn;
	unsigned long id;

	lockdep_assert_held(&bus->names.lock);

	list->size = 0;
	xa_for_each(&bus->conns, id, conn) {
		kdbus_list_add_conn(list, conn);
		cond_resched();
	}
}

static int kdbus_list_make(struct kdbus_list *list)
{
	struct kdbus_policy_db *policy = &list->viewer->ep->policy;
	size_t size, max = list->viewer->pool->size;
	struct kdbus_bus *bus = list->viewer->bus;

	mutex_lock(&bus->names.lock);
	/* both walks have to see the same */
	mutex_lock(&policy->lock);
	kdbus_list_walk(list, bus);
	size = list->size;
	/* what cannot fit is not written down */
	if (size && size <= max) {
		list->data = kvmalloc(size, GFP_KERNEL_ACCOUNT);
		if (list->data)
			kdbus_list_walk(list, bus);
	}
	mutex_unlock(&policy->lock);
	mutex_unlock(&bus->names.lock);

	if (size > max)
		return -EXFULL;
	return size && !list->data ? -ENOMEM : 0;
}

static int kdbus_list_return(struct kdbus_conn *conn, struct kdbus_list *list,
			     struct kdbus_cmd_list __user *user)
{
	const struct kvec part = {
		.iov_base = list->data,
		.iov_len = list->size,
	};

	return kdbus_result_return(conn->pool, &part, 1, &user->offset,
				   &user->list_size);
}

static const struct kdbus_item_spec kdbus_list_items[] = {
	{ .type = KDBUS_ITEM_NEGOTIATE },
};

static const struct kdbus_command_spec kdbus_list_spec = {
	.size = sizeof(struct kdbus_cmd_list),
	.flags = KDBUS_LIST_UNIQUE | KDBUS_LIST_NAMES | KDBUS_LIST_ACTIVATORS |
		 KDBUS_LIST_QUEUED,
	.has_return_flags = true,
	.n_items = ARRAY_SIZE(kdbus_list_items),
	.items = kdbus_list_items,
};

/**
 * kdbus_cmd_list() - KDBUS_CMD_LIST
 * @conn:	connection
 * @argp:	struct kdbus_cmd_list in user space
 *
 * Context: may sleep, touches user memory.
 * Return: 0; framing errors; -EXFULL if the list does not fit into the pool;
 *         -EFAULT if the result cannot be written; -ENOMEM.
 */
int kdbus_cmd_list(struct kdbus_conn *conn, void __user *argp)
{
	struct kdbus_command command kdbus_uninitialized;
	const struct kdbus_cmd_list *cmd;
	struct kdbus_list list = { .viewer = conn };
	int r;

	r = kdbus_command_import(&command, &kdbus_list_spec, argp);
	if (r != 0)
		goto exit;

	cmd = command.data;
	list.flags = cmd->flags;
	r = kdbus_list_make(&list);
	if (r >= 0)
		r = kdbus_list_return(conn, &list, argp);

exit:
	kvfree(list.data);
	kdbus_command_release(&command);
	return min(r, 0);
}
