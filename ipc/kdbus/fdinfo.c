// SPDX-License-Identifier: GPL-2.0
#include "fdinfo.h"

#include <linux/rculist.h>
#include <linux/seq_file.h>
#include <linux/uidgid.h>

#include "bus.h"
#include "connection.h"
#include "endpoint.h"
#include "name.h"
#include "pool.h"
#include "quota.h"
#include "user.h"

/**
 * kdbus_fdinfo_bus() - tell of a bus
 * @m:		output
 * @bus:	bus
 *
 * Context: any.
 */
void kdbus_fdinfo_bus(struct seq_file *m, const struct kdbus_bus *bus)
{
	seq_printf(m, "kdbus-bus:\t%s\n", bus->node.name);
	seq_printf(m, "kdbus-endpoints:\t%d\n",
		   atomic_read(&bus->n_endpoints) + 1);
}

/**
 * kdbus_fdinfo_endpoint() - tell of an endpoint
 * @m:		output
 * @ep:		endpoint
 *
 * Context: any.
 */
void kdbus_fdinfo_endpoint(struct seq_file *m, const struct kdbus_endpoint *ep)
{
	seq_printf(m, "kdbus-bus:\t%s\n", ep->bus->node.name);
	seq_printf(m, "kdbus-endpoint:\t%s\n", ep->node.name);
}

static void kdbus_fdinfo_names(struct seq_file *m, const struct kdbus_conn *conn)
{
	const struct kdbus_name_owner *owner;

	rcu_read_lock();
	list_for_each_entry_rcu(owner, &conn->names, conn_entry)
		seq_printf(m, "kdbus-name:\t%s 0x%llx\n", owner->name->name,
			   READ_ONCE(owner->flags));
	rcu_read_unlock();
}

/* what each user has queued there; -1 is the kernel or a custom endpoint */
static void kdbus_fdinfo_queue(struct seq_file *m, struct kdbus_conn *conn)
{
	const struct kdbus_account *account;
	const struct kdbus_user *user;
	unsigned int msgs, i;

	lockdep_assert_held(&conn->lock);

	msgs = conn->n_notices;
	for (i = 0; i < KDBUS_QUOTA_BUCKETS; i++) {
		hlist_for_each_entry(account, &conn->quota.accounts[i], entry) {
			if (!account->msgs)
				continue;
			user = account->user;
			msgs += account->msgs;
			seq_printf(m, "kdbus-quota:\tuid %d messages %u bytes %llu fds %u\n",
				   (int)from_kuid(seq_user_ns(m), user->uid),
				   account->msgs, account->bytes, account->fds);
		}
	}
	seq_printf(m, "kdbus-queue:\t%u\n", msgs);
	seq_printf(m, "kdbus-lost:\t%llu\n", conn->queue.dropped);
	seq_printf(m, "kdbus-requests:\t%u\n", conn->n_requests);
}

/**
 * kdbus_fdinfo_conn() - tell of a connection
 * @m:		output
 * @conn:	connection, dead or alive
 *
 * Context: takes the connection's lock and that of its pool.
 */
void kdbus_fdinfo_conn(struct seq_file *m, struct kdbus_conn *conn)
{
	size_t used;

	kdbus_fdinfo_endpoint(m, conn->ep);
	seq_printf(m, "kdbus-id:\t%llu\n", conn->id);
	seq_printf(m, "kdbus-flags:\t0x%llx\n", conn->flags);
	kdbus_fdinfo_names(m, conn);

	spin_lock(&conn->lock);
	kdbus_fdinfo_queue(m, conn);
	spin_unlock(&conn->lock);

	spin_lock(&conn->pool->lock);
	used = conn->pool->slices.used_bytes;
	spin_unlock(&conn->pool->lock);
	seq_printf(m, "kdbus-pool:\t%zu of %zu\n", used, conn->pool->size);
}
