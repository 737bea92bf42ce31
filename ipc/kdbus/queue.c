// SPDX-License-Identifier: GPL-2.0
#include "queue.h"

#include <linux/errno.h>
#include <linux/slab.h>

#include "cast.h"

static struct kmem_cache *kdbus_entry_cache;

/**
 * kdbus_queue_module_init() - make what queues share
 *
 * Context: module init; may sleep.
 * Return: 0 or -ENOMEM.
 */
int kdbus_queue_module_init(void)
{
	kdbus_entry_cache = kmem_cache_create(KBUILD_MODNAME "_entry",
					      sizeof(struct kdbus_entry), 0,
					      SLAB_ACCOUNT, NULL);
	return kdbus_entry_cache ? 0 : -ENOMEM;
}

/**
 * kdbus_queue_module_exit() - release what queues share
 *
 * Context: module exit; no entry exists any more.
 */
void kdbus_queue_module_exit(void)
{
	kmem_cache_destroy(kdbus_entry_cache);
}

/**
 * kdbus_entry_alloc() - allocate the memory of an entry
 * @gfp:	how to allocate
 *
 * Context: may sleep if @gfp says so.
 * Return: an entry to be initialised, or NULL.
 */
struct kdbus_entry *kdbus_entry_alloc(gfp_t gfp)
{
	return kmem_cache_alloc(kdbus_entry_cache, gfp);
}

/**
 * kdbus_entry_init() - make an entry empty
 * @entry:	entry
 *
 * It is in no list and owns nothing. What every entry has stays undefined: the
 * caller sets the priority, the sizes and the number of file descriptors, the
 * rest is set when the entry is charged and when it is put into the queue.
 *
 * Context: any.
 */
void kdbus_entry_init(struct kdbus_entry *entry)
{
	INIT_LIST_HEAD(&entry->link);
	entry->seqnum = 0;
	entry->cast = NULL;
	entry->claim = KDBUS_CLAIM_NONE;
	entry->left_behind = false;
	entry->slice = NULL;
	entry->name = NULL;
	entry->account = NULL;
	entry->files = NULL;
	entry->tracker = NULL;
	entry->is_notice = false;
}

/**
 * kdbus_entry_free() - free the memory of an entry
 * @entry:	entry that is in no queue and owns nothing any more, or NULL
 *
 * Context: any.
 */
void kdbus_entry_free(struct kdbus_entry *entry)
{
	if (entry)
		kmem_cache_free(kdbus_entry_cache, entry);
}

/**
 * kdbus_queue_init() - initialise a queue
 * @queue:	queue
 *
 * Context: any.
 */
void kdbus_queue_init(struct kdbus_queue *queue)
{
	INIT_LIST_HEAD(&queue->fifo);
	queue->priorities = RB_ROOT_CACHED;
	INIT_HLIST_HEAD(&queue->staged);
	queue->dropped = 0;
}

static bool kdbus_entry_less(struct rb_node *a, const struct rb_node *b)
{
	const struct kdbus_entry *x = rb_entry(a, struct kdbus_entry, rb);
	const struct kdbus_entry *y = rb_entry(b, struct kdbus_entry, rb);

	if (x->priority != y->priority)
		return x->priority < y->priority;
	return x->order < y->order;
}

/**
 * kdbus_queue_insert() - put an entry into its place
 * @queue:	queue, which owns the entry from now on
 * @entry:	entry that is in no list, with its number and place
 *
 * Context: the connection's lock is held.
 */
void kdbus_queue_insert(struct kdbus_queue *queue, struct kdbus_entry *entry)
{
	struct list_head *pos = queue->fifo.prev;

	/* places grow, so this one is at or close to the end */
	while (pos != &queue->fifo &&
	       list_entry(pos, struct kdbus_entry, link)->order > entry->order)
		pos = pos->prev;

	list_add(&entry->link, pos);
	rb_add_cached(&entry->rb, &queue->priorities, kdbus_entry_less);
}

/**
 * kdbus_queue_remove() - take an entry out
 * @queue:	queue
 * @entry:	entry in it, the caller's from now on
 *
 * Context: the connection's lock is held.
 */
void kdbus_queue_remove(struct kdbus_queue *queue, struct kdbus_entry *entry)
{
	list_del_init(&entry->link);
	if (list_empty(&queue->fifo))
		queue->priorities = RB_ROOT_CACHED;
	else
		rb_erase_cached(&entry->rb, &queue->priorities);
}

/**
 * kdbus_queue_stage() - announce an entry that has no number yet
 * @queue:	queue
 * @entry:	entry that is in no list; stays the caller's until @cast is
 *		numbered
 * @cast:	message it belongs to, not numbered yet
 *
 * Context: the connection's lock is held.
 */
void kdbus_queue_stage(struct kdbus_queue *queue, struct kdbus_entry *entry,
		       struct kdbus_cast *cast)
{
	entry->cast = cast;
	hlist_add_head(&entry->staged, &queue->staged);
}

/**
 * kdbus_queue_unstage() - take back an entry that was not settled
 * @queue:	queue
 * @cast:	message
 *
 * Context: the connection's lock is held.
 * Return: the entry, the caller's from now on; or NULL if there is none because
 *         it was settled.
 */
struct kdbus_entry *kdbus_queue_unstage(struct kdbus_queue *queue,
					const struct kdbus_cast *cast)
{
	struct kdbus_entry *entry;

	hlist_for_each_entry(entry, &queue->staged, staged) {
		if (entry->cast == cast) {
			hlist_del(&entry->staged);
			entry->cast = NULL;
			return entry;
		}
	}

	return NULL;
}

/* an entry that has got its number, and is not staged any more, gets its place */
static void kdbus_queue_place(struct kdbus_queue *queue,
			      struct kdbus_entry *entry)
{
	entry->order = entry->seqnum;
	kdbus_queue_insert(queue, entry);
}

/**
 * kdbus_queue_settle_cast() - put the entry of one committed message into place
 * @queue:	queue
 * @cast:	message, numbered by the caller, who need not ask for its number
 *		under the bus' commit_lock
 *
 * What else is staged stays so: whoever looks at the queue settles that. Does
 * nothing if the entry was settled already.
 *
 * Context: the connection's lock is held.
 */
void kdbus_queue_settle_cast(struct kdbus_queue *queue,
			     const struct kdbus_cast *cast)
{
	struct kdbus_entry *entry = kdbus_queue_unstage(queue, cast);

	if (likely(entry)) {
		entry->seqnum = cast->seqnum;
		kdbus_queue_place(queue, entry);
	}
}

/**
 * kdbus_queue_settle_staged() - do what kdbus_queue_settle() is for
 * @queue:	queue
 * @commit_lock: the bus' commit_lock
 *
 * Context: the connection's lock is held.
 */
void kdbus_queue_settle_staged(struct kdbus_queue *queue,
			       spinlock_t *commit_lock)
{
	struct kdbus_entry *entry;
	struct hlist_node *next;
	HLIST_HEAD(numbered);

	/* the list begins with what was staged last, and is turned round here */
	spin_lock(commit_lock);
	hlist_for_each_entry_safe(entry, next, &queue->staged, staged) {
		if (!entry->cast->seqnum)
			continue;

		hlist_del(&entry->staged);
		hlist_add_head(&entry->staged, &numbered);
		entry->seqnum = entry->cast->seqnum;
		entry->cast = NULL;
	}
	spin_unlock(commit_lock);

	hlist_for_each_entry_safe(entry, next, &numbered, staged)
		kdbus_queue_place(queue, entry);
}

/**
 * kdbus_queue_first_priority() - find the most urgent entry
 * @queue:	queue
 * @limit:	least urgent priority to consider
 *
 * Context: the connection's lock is held.
 * Return: the oldest entry of the numerically lowest priority, still in the
 *         queue; NULL if there is none or its priority is above @limit.
 */
struct kdbus_entry *kdbus_queue_first_priority(const struct kdbus_queue *queue,
					       s64 limit)
{
	struct rb_node *rb = rb_first_cached(&queue->priorities);
	struct kdbus_entry *entry = rb_entry_safe(rb, struct kdbus_entry, rb);

	return entry && entry->priority <= limit ? entry : NULL;
}
