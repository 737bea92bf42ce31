/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_DOMAIN_H
#define KDBUS_DOMAIN_H

/**
 * DOC: Domains
 *
 * A domain is what one mount of the file system holds: the control file and
 * the buses. Domains share nothing but the inode numbers. A domain lives as
 * long as its super block; its memory lives as long as anything refers to it.
 *
 * Never changes: @user_ns, @sb. @last_id is atomic. @users_lock guards @users.
 */

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/xarray.h>

#include "node.h"

struct super_block;
struct user_namespace;

/**
 * struct kdbus_domain - one mount
 * @node:	root directory
 * @sb:		super block; valid until the domain is torn down
 * @user_ns:	user namespace of who mounted, with a reference
 * @last_id:	last id given to a bus or a connection
 * @users_lock:	guards @users; may sleep, nests nothing
 * @users:	accounting objects by uid, without a reference
 */
struct kdbus_domain {
	struct kdbus_node node;
	struct super_block *sb;
	struct user_namespace *user_ns;
	atomic64_t last_id;
	struct mutex users_lock;
	struct xarray users;
};

static inline struct kdbus_domain *
kdbus_domain_from_node(struct kdbus_node *node)
{
	return container_of(node, struct kdbus_domain, node);
}

struct kdbus_domain *kdbus_domain_new(struct super_block *sb,
				      struct user_namespace *user_ns);
int kdbus_domain_populate(struct kdbus_domain *domain);

static inline u64 kdbus_domain_next_id(struct kdbus_domain *domain)
{
	return atomic64_inc_return(&domain->last_id);
}

#endif
