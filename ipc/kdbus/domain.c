// SPDX-License-Identifier: GPL-2.0
#include "domain.h"

#include <linux/err.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <linux/user_namespace.h>

static void kdbus_domain_free(struct kdbus_node *node)
{
	struct kdbus_domain *domain = kdbus_domain_from_node(node);

	WARN_ON(!xa_empty(&domain->users));
	put_user_ns(domain->user_ns);
	kfree(domain);
}

static const struct kdbus_node_ops kdbus_domain_ops = {
	.type = KDBUS_NODE_DOMAIN,
	.free = kdbus_domain_free,
};

static void kdbus_control_free(struct kdbus_node *node)
{
	kfree(node);
}

static const struct kdbus_node_ops kdbus_control_ops = {
	.type = KDBUS_NODE_CONTROL,
	.free = kdbus_control_free,
};

/* who mounted, not the machine's administrator, owns root and control */
static kuid_t kdbus_domain_uid(const struct kdbus_domain *domain)
{
	kuid_t uid = make_kuid(domain->user_ns, 0);

	return uid_valid(uid) ? uid : GLOBAL_ROOT_UID;
}

static kgid_t kdbus_domain_gid(const struct kdbus_domain *domain)
{
	kgid_t gid = make_kgid(domain->user_ns, 0);

	return gid_valid(gid) ? gid : GLOBAL_ROOT_GID;
}

/**
 * kdbus_domain_new() - create a domain
 * @sb:		super block that shows it
 * @user_ns:	user namespace of who mounts
 *
 * Context: may sleep.
 * Return: the domain, alive and empty, with a reference for the caller; or an
 *         ERR_PTR: -ENOMEM, -ENOSPC.
 */
struct kdbus_domain *kdbus_domain_new(struct super_block *sb,
				      struct user_namespace *user_ns)
{
	struct kdbus_domain *domain;
	int r;

	domain = kzalloc(sizeof(*domain), GFP_KERNEL_ACCOUNT);
	if (!domain)
		return ERR_PTR(-ENOMEM);

	domain->sb = sb;
	domain->user_ns = user_ns;
	r = kdbus_node_init(&domain->node, &kdbus_domain_ops, S_IFDIR | 0555,
			    kdbus_domain_uid(domain), kdbus_domain_gid(domain));
	if (r < 0) {
		kfree(domain);
		return ERR_PTR(r);
	}

	get_user_ns(domain->user_ns);
	atomic64_set(&domain->last_id, 0);
	mutex_init(&domain->users_lock);
	xa_init_flags(&domain->users, XA_FLAGS_ACCOUNT);
	kdbus_node_activate(&domain->node);

	return domain;
}

/**
 * kdbus_domain_populate() - make the control file
 * @domain:	new domain
 *
 * The control file is torn down with the domain.
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM or -ENOSPC.
 */
int kdbus_domain_populate(struct kdbus_domain *domain)
{
	struct kdbus_node *node;
	int r;

	node = kzalloc(sizeof(*node), GFP_KERNEL_ACCOUNT);
	if (!node)
		return -ENOMEM;

	r = kdbus_node_init(node, &kdbus_control_ops, S_IFREG | 0666,
			    domain->node.uid, domain->node.gid);
	if (r < 0) {
		kfree(node);
		return r;
	}

	r = kdbus_node_link(node, &domain->node, "control");
	if (r >= 0)
		kdbus_node_activate(node);

	/* once linked it is its parent that keeps it until the teardown */
	kdbus_node_unref(node);
	return r;
}
