/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_BUS_H
#define KDBUS_BUS_H

/**
 * DOC: Buses
 *
 * A bus is a directory with endpoints; the connections of all its endpoints
 * reach each other. It lives as long as the control file that made it is open.
 *
 * Never changes: @domain, @creator, @id, @flags, @snapshot, @bloom, @id128.
 *
 * Order: @seqnum is the bus' clock. A message gets its number when it is
 * committed, and every queue delivers in the order of the numbers. A message
 * for one receiver is numbered under the receiver's lock. A message for several
 * is first staged in all queues and then numbered, once, under @commit_lock;
 * that one step makes it visible everywhere. A receiver that finds a staged
 * entry without number passes through @commit_lock to be sure that the number
 * to come is higher than all it has seen.
 */

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>
#include <linux/kdbus.h>

#include "match-index.h"
#include "name.h"
#include "node.h"
#include "policy-db.h"

struct kdbus_domain;
struct kdbus_snapshot;
struct kdbus_user;
struct user_namespace;

/**
 * struct kdbus_bus - a bus
 * @node:		directory
 * @domain:		domain; kept alive by @node's parent
 * @creator:		charged for the bus until the teardown
 * @id:			id from the domain's counter
 * @flags:		flags of BUS_MAKE
 * @snapshot:		what others may know of the task that made the bus
 * @bloom:		parameters of bloom filters
 * @id128:		random UUID
 * @kernel:		charged for notifications, with a reference
 * @n_endpoints:	custom endpoints, bounded
 * @names:		well-known names
 * @policy:		what policy holders and activators grant
 * @conns:		living connections by id, read under RCU, without a
 *			reference. Monitors are marked
 * @subscribers:	matches of all connections
 * @seqnum:		last number given to a message
 * @commit_lock:	see above; nests nothing
 */
struct kdbus_bus {
	struct kdbus_node node;
	struct kdbus_domain *domain;
	struct kdbus_user *creator;
	u64 id;
	u64 flags;
	struct kdbus_snapshot *snapshot;
	struct kdbus_bloom_parameter bloom;
	u8 id128[16];

	struct kdbus_user *kernel;
	atomic_t n_endpoints;
	struct kdbus_name_registry names;
	struct kdbus_policy_db policy;
	struct xarray conns;
	struct kdbus_match_index subscribers;

	atomic64_t seqnum ____cacheline_aligned_in_smp;
	spinlock_t commit_lock;
};

/* mark of monitors */
#define KDBUS_CONN_MONITOR	XA_MARK_0

static inline struct kdbus_bus *kdbus_bus_from_node(struct kdbus_node *node)
{
	return container_of(node, struct kdbus_bus, node);
}

struct kdbus_bus *kdbus_cmd_bus_make(struct kdbus_domain *domain,
				     void __user *argp);
int kdbus_check_uid_prefix(struct user_namespace *user_ns, const char *name,
			   kuid_t uid);

#endif
