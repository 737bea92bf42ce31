// SPDX-License-Identifier: GPL-2.0
#include "node.h"

#include <linux/idr.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "fs.h"

/* inode numbers, shared by all domains, handed out again when free */
static DEFINE_IDA(kdbus_node_ida);

/* a bus is torn down by who holds its domain active, so they differ */
static struct lock_class_key kdbus_node_active_keys[_KDBUS_NODE_N];

/**
 * kdbus_node_exit() - release what nodes share
 *
 * Context: module exit; no node exists any more.
 */
void kdbus_node_exit(void)
{
	ida_destroy(&kdbus_node_ida);
}

/**
 * kdbus_node_init() - initialise the node of a new object
 * @node:	node, not visible to anybody else
 * @ops:	operations of the object
 * @mode:	access mode with file type
 * @uid:	owner
 * @gid:	group
 *
 * On success the caller owns the first reference and drops it with
 * kdbus_node_unref(), which then frees the object. On failure the object is
 * still the caller's to free.
 *
 * Context: may sleep.
 * Return: 0, or -ENOMEM / -ENOSPC if there is no inode number.
 */
int kdbus_node_init(struct kdbus_node *node, const struct kdbus_node_ops *ops,
		    umode_t mode, kuid_t uid, kgid_t gid)
{
	int ino;

	ino = ida_alloc_min(&kdbus_node_ida, 1, GFP_KERNEL_ACCOUNT);
	if (ino < 0)
		return ino;

	kref_init(&node->ref);
	__kdbus_active_init(&node->active, "kdbus_node",
			    &kdbus_node_active_keys[ops->type]);
	node->ops = ops;
	node->parent = NULL;
	node->name = NULL;
	node->mode = mode;
	node->uid = uid;
	node->gid = gid;
	node->ino = ino;
	ktime_get_coarse_real_ts64(&node->ctime);
	node->index = 0;
	RB_CLEAR_NODE(&node->rb);
	init_completion(&node->gone);
	mutex_init(&node->lock);
	node->children = RB_ROOT;
	xa_init_flags(&node->order, XA_FLAGS_ALLOC | XA_FLAGS_ACCOUNT);
	node->cursor = KDBUS_NODE_INDEX_MIN;

	return 0;
}

static int kdbus_node_compare(const struct kdbus_node *node, const char *name,
			      size_t len)
{
	int r = strncmp(name, node->name, len);

	return r ?: (node->name[len] ? -1 : 0);
}

static struct kdbus_node *kdbus_node_search(struct kdbus_node *parent,
					    const char *name, size_t len,
					    struct rb_node **out_parent,
					    struct rb_node ***out_link)
{
	struct rb_node **link = &parent->children.rb_node;
	struct rb_node *rb = NULL;

	lockdep_assert_held(&parent->lock);

	while (*link) {
		struct kdbus_node *node;
		int r;

		rb = *link;
		node = rb_entry(rb, struct kdbus_node, rb);
		r = kdbus_node_compare(node, name, len);
		if (!r)
			return node;
		link = r < 0 ? &rb->rb_left : &rb->rb_right;
	}

	if (out_link) {
		*out_parent = rb;
		*out_link = link;
	}
	return NULL;
}

/**
 * kdbus_node_link() - reserve a name below a parent
 * @node:	initialised node
 * @parent:	directory; the caller holds an active reference on it or is
 *		the only one who knows it
 * @name:	name, copied
 *
 * The node is not found by look-ups before it is activated. Once it is linked
 * the directory has a reference, too, until kdbus_node_teardown().
 *
 * Context: may sleep; takes @parent's lock.
 * Return: 0, -EEXIST if there is a child of that name (possibly one that is
 *         still being torn down), -EBUSY if the directory is full, or -ENOMEM.
 */
int kdbus_node_link(struct kdbus_node *node, struct kdbus_node *parent,
		    const char *name)
{
	struct rb_node *rb_parent, **rb_link;
	int r;

	node->name = kstrdup(name, GFP_KERNEL_ACCOUNT);
	if (!node->name)
		return -ENOMEM;

	mutex_lock(&parent->lock);

	if (kdbus_node_search(parent, name, strlen(name), &rb_parent,
			      &rb_link)) {
		r = -EEXIST;
		goto exit_unlock;
	}

	r = xa_alloc_cyclic(&parent->order, &node->index, node,
			    XA_LIMIT(KDBUS_NODE_INDEX_MIN,
				     KDBUS_NODE_INDEX_MAX),
			    &parent->cursor, GFP_KERNEL_ACCOUNT);
	if (r < 0)
		goto exit_unlock;

	rb_link_node(&node->rb, rb_parent, rb_link);
	rb_insert_color(&node->rb, &parent->children);
	node->parent = kdbus_node_ref(parent);
	kdbus_node_ref(node);
	r = 0;

exit_unlock:
	mutex_unlock(&parent->lock);
	return r;
}

/* the caller holds a reference of its own */
static void kdbus_node_unlink(struct kdbus_node *node)
{
	struct kdbus_node *parent = node->parent;

	if (!parent)
		return;

	mutex_lock(&parent->lock);
	rb_erase(&node->rb, &parent->children);
	RB_CLEAR_NODE(&node->rb);
	xa_erase(&parent->order, node->index);
	mutex_unlock(&parent->lock);
	kdbus_node_unref(node);
}

static struct kdbus_node *kdbus_node_first_child(struct kdbus_node *node)
{
	struct kdbus_node *child = NULL;
	struct rb_node *rb;

	mutex_lock(&node->lock);
	rb = rb_first(&node->children);
	if (rb)
		child = kdbus_node_ref(rb_entry(rb, struct kdbus_node, rb));
	mutex_unlock(&node->lock);

	return child;
}

/**
 * kdbus_node_teardown() - end the life of an object
 * @node:	node; the caller holds a reference
 *
 * Whoever comes first does the work, everybody else waits for it: when this
 * returns the object and all below it are gone and the name is free.
 *
 * Context: may sleep. The caller holds no active reference on the node or any
 *          node below it, nor any lock of this module.
 */
void kdbus_node_teardown(struct kdbus_node *node)
{
	struct kdbus_node *child;

	if (!kdbus_active_deactivate(&node->active)) {
		wait_for_completion(&node->gone);
		return;
	}

	kdbus_active_drain(&node->active);
	kdbus_fs_forget(node);

	/* children unlink themselves, and no new ones can come */
	while ((child = kdbus_node_first_child(node))) {
		kdbus_node_teardown(child);
		kdbus_node_unref(child);
	}

	if (node->ops->teardown)
		node->ops->teardown(node);
	kdbus_node_unlink(node);
	complete_all(&node->gone);
}

/**
 * kdbus_node_ref() - take a reference
 * @node:	node that the caller has a reference on, or NULL
 *
 * Context: any.
 * Return: @node
 */
struct kdbus_node *kdbus_node_ref(struct kdbus_node *node)
{
	if (node)
		kref_get(&node->ref);
	return node;
}

static void kdbus_node_free(struct kref *ref)
{
	struct kdbus_node *node = container_of(ref, struct kdbus_node, ref);
	struct kdbus_node *parent = node->parent;

	WARN_ON(!RB_EMPTY_ROOT(&node->children));
	WARN_ON(!RB_EMPTY_NODE(&node->rb));

	ida_free(&kdbus_node_ida, node->ino);
	xa_destroy(&node->order);
	kfree(node->name);
	node->ops->free(node);
	/* children may use their parent until they are freed */
	kdbus_node_unref(parent);
}

/**
 * kdbus_node_unref() - drop a reference
 * @node:	node, or NULL
 *
 * Context: may sleep.
 * Return: NULL
 */
struct kdbus_node *kdbus_node_unref(struct kdbus_node *node)
{
	if (node)
		kref_put(&node->ref, kdbus_node_free);
	return NULL;
}

/**
 * kdbus_node_find_child() - look up a living child by name
 * @node:	directory
 * @name:	name, not necessarily NUL terminated
 * @len:	bytes of @name
 *
 * Context: may sleep; takes @node's lock.
 * Return: the child with a reference for the caller, or NULL.
 */
struct kdbus_node *kdbus_node_find_child(struct kdbus_node *node,
					 const char *name, size_t len)
{
	struct kdbus_node *child;

	mutex_lock(&node->lock);
	child = kdbus_node_search(node, name, len, NULL, NULL);
	if (child && kdbus_node_is_alive(child))
		kdbus_node_ref(child);
	else
		child = NULL;
	mutex_unlock(&node->lock);

	return child;
}

/**
 * kdbus_node_next_child() - walk the living children in a stable order
 * @node:	directory
 * @index:	in: first position to consider; out: position of the child
 *
 * Children that come or go meanwhile do not change the position of others.
 *
 * Context: may sleep; takes @node's lock.
 * Return: the child with a reference for the caller, or NULL at the end.
 */
struct kdbus_node *kdbus_node_next_child(struct kdbus_node *node, u32 *index)
{
	struct kdbus_node *child;
	unsigned long i = *index;

	mutex_lock(&node->lock);
	for (child = xa_find(&node->order, &i, ULONG_MAX, XA_PRESENT); child;
	     child = xa_find_after(&node->order, &i, ULONG_MAX, XA_PRESENT))
		if (kdbus_node_is_alive(child))
			break;
	if (child) {
		*index = i;
		kdbus_node_ref(child);
	}
	mutex_unlock(&node->lock);

	return child;
}
