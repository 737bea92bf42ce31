/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_NODE_H
#define KDBUS_NODE_H

/**
 * DOC: Nodes
 *
 * Whatever is visible in the file system is a node: the domain (the root), its
 * control file, buses and endpoints. A node is embedded in its object and has
 * the object's life:
 *
 *   init       memory, not visible
 *   link       the name is reserved below the parent
 *   activate   look-ups find it, active references can be taken
 *   teardown   deactivated, drained, children torn down, the object's own
 *              teardown run, unlinked; then the name is free again
 *   unref      memory, when the last reference is gone
 *
 * Who links a child holds an active reference on the parent, so a parent that
 * was drained gets no more children.
 *
 * Never changes after link: type, ops, mode, uid, gid, ino, ctime, name,
 * parent. @lock guards the children; it may sleep and nests nothing.
 */

#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/time64.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/xarray.h>

#include "active.h"

struct kdbus_node;

enum kdbus_node_type {
	KDBUS_NODE_DOMAIN,
	KDBUS_NODE_CONTROL,
	KDBUS_NODE_BUS,
	KDBUS_NODE_ENDPOINT,
	_KDBUS_NODE_N,
};

/**
 * struct kdbus_node_ops - what an object adds to its node
 * @type:	type of the node
 * @free:	frees the object; called once, when the last reference is gone.
 *		May sleep
 * @teardown:	takes the object apart; called once, after the node was drained
 *		and its children are gone. May sleep. NULL if there is nothing
 *		to do
 */
struct kdbus_node_ops {
	enum kdbus_node_type type;
	void (*free)(struct kdbus_node *node);
	void (*teardown)(struct kdbus_node *node);
};

/**
 * struct kdbus_node - visible object
 * @ref:	references to the memory
 * @active:	active references
 * @ops:	operations of the object
 * @parent:	directory it is in, with a reference; NULL for a domain
 * @name:	name in @parent, owned
 * @mode:	file type and access mode
 * @uid:	owner
 * @gid:	group
 * @ino:	inode number, unique among all nodes
 * @ctime:	time of creation
 * @index:	position in @parent's readdir order
 * @rb:		in @parent's @children
 * @gone:	completed at the end of the teardown
 * @lock:	guards @children and @order
 * @children:	linked nodes by name
 * @order:	linked nodes by @index
 * @cursor:	where the search for a free index goes on, guarded by @lock
 */
struct kdbus_node {
	struct kref ref;
	struct kdbus_active active;
	const struct kdbus_node_ops *ops;
	struct kdbus_node *parent;
	char *name;
	umode_t mode;
	kuid_t uid;
	kgid_t gid;
	unsigned int ino;
	struct timespec64 ctime;
	u32 index;
	struct rb_node rb;
	struct completion gone;

	struct mutex lock;
	struct rb_root children;
	struct xarray order;
	u32 cursor;
};

/* first and last d_off that a child can have; 0 and 1 are "." and ".." */
#define KDBUS_NODE_INDEX_MIN	2
#define KDBUS_NODE_INDEX_MAX	(INT_MAX - 1)

int kdbus_node_init(struct kdbus_node *node, const struct kdbus_node_ops *ops,
		    umode_t mode, kuid_t uid, kgid_t gid);
int kdbus_node_link(struct kdbus_node *node, struct kdbus_node *parent,
		    const char *name);
void kdbus_node_teardown(struct kdbus_node *node);
struct kdbus_node *kdbus_node_ref(struct kdbus_node *node);
struct kdbus_node *kdbus_node_unref(struct kdbus_node *node);
struct kdbus_node *kdbus_node_find_child(struct kdbus_node *node,
					 const char *name, size_t len);
struct kdbus_node *kdbus_node_next_child(struct kdbus_node *node, u32 *index);
void kdbus_node_exit(void);

static inline void kdbus_node_activate(struct kdbus_node *node)
{
	kdbus_active_activate(&node->active);
}

static inline bool kdbus_node_is_alive(const struct kdbus_node *node)
{
	return kdbus_active_is_alive(&node->active);
}

static inline bool __must_check kdbus_node_acquire(struct kdbus_node *node)
{
	return kdbus_active_acquire(&node->active);
}

static inline void kdbus_node_release(struct kdbus_node *node)
{
	kdbus_active_release(&node->active);
}

#endif
