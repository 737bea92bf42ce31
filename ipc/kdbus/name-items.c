// SPDX-License-Identifier: GPL-2.0
#include "name.h"

#include <linux/rculist.h>
#include <linux/string.h>
#include <linux/kdbus.h>

#include "connection.h"
#include "item.h"
#include "policy.h"

static void kdbus_name_write(struct kdbus_item *item, size_t size,
			     const struct kdbus_name_owner *owner, u64 flags)
{
	size_t len = strlen(owner->name->name) + 1;

	memset(item, 0, size);
	item->size = KDBUS_ITEM_SIZE(sizeof(u64) + len);
	item->type = KDBUS_ITEM_OWNED_NAME;
	item->name.flags = flags;
	memcpy(item->name.name, owner->name->name, len);
}

/**
 * kdbus_name_collect_as() - write down the names that somebody may see
 * @from:	connection that owns the names
 * @to:		connection on a custom endpoint that is told, or NULL if it may
 *		see all
 * @cred:	credentials that decide what @to may see
 * @buf:	where to write OWNED_NAME items
 * @size:	bytes at @buf
 *
 * Context: any.
 * Return: as kdbus_name_collect().
 */
size_t kdbus_name_collect_as(const struct kdbus_conn *from,
			     const struct kdbus_conn *to,
			     const struct cred *cred, void *buf, size_t size)
{
	const struct kdbus_name_owner *owner;
	size_t n, need = 0;
	u64 flags;

	if (list_empty(&from->names))
		return 0;

	rcu_read_lock();
	list_for_each_entry_rcu(owner, &from->names, conn_entry) {
		flags = READ_ONCE(owner->flags);
		if (flags & KDBUS_NAME_IN_QUEUE)
			continue;
		if (to && !kdbus_policy_may_see_name(to, cred,
						     owner->name->name))
			continue;

		n = KDBUS_ALIGN8(KDBUS_ITEM_SIZE(sizeof(u64) +
				 strlen(owner->name->name) + 1));
		if (need + n <= size)
			kdbus_name_write(buf + need, n, owner, flags);
		else
			size = min(size, need);
		need += n;
	}
	rcu_read_unlock();

	return need;
}

/**
 * kdbus_name_collect() - write down the names that a connection owns
 * @conn:	struct kdbus_conn
 * @viewer:	struct kdbus_conn that is told, if it may not see all names; or
 *		NULL
 * @buf:	where to write OWNED_NAME items
 * @size:	bytes at @buf
 *
 * In the order of acquisition, without those it waits for.
 *
 * Context: any.
 * Return: bytes that all items need, padding included; if it is more than @size
 *         the last ones are missing.
 */
size_t kdbus_name_collect(const void *conn, const void *viewer, void *buf,
			  size_t size)
{
	const struct kdbus_conn *to = viewer;

	return kdbus_name_collect_as(conn, to, to ? to->cred : NULL, buf, size);
}
