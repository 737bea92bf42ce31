/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_QUEUE_H
#define KDBUS_QUEUE_H

/**
 * DOC: Queues
 *
 * What a connection has to receive, in the order of the messages' numbers and,
 * beside it, in the order of their priority. A message that comes from another
 * connection's queue keeps its number, but has its place behind all messages
 * that are there already.
 *
 * An entry for a message with one receiver is appended when it is numbered. An
 * entry for a message with several receivers is staged first and belongs to the
 * sender; once its &struct kdbus_cast is numbered it belongs to the receiver,
 * who settles it, that is puts it into its place, before it looks at the queue.
 *
 * All of this is guarded by the connection's lock; no function sleeps. The bus'
 * commit_lock nests inside.
 */

#include <linux/limits.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "quota.h"

struct kdbus_cast;
struct kdbus_files;
struct kdbus_name_entry;
struct kdbus_slice;
struct kdbus_tracker;

/**
 * enum kdbus_claim - what a task is doing with an entry right now
 * @KDBUS_CLAIM_NONE:	nothing
 * @KDBUS_CLAIM_PEEK:	it looks at the message, which stays in the queue
 * @KDBUS_CLAIM_TAKE:	it receives or drops the message
 */
enum kdbus_claim {
	KDBUS_CLAIM_NONE,
	KDBUS_CLAIM_PEEK,
	KDBUS_CLAIM_TAKE,
};

/**
 * struct kdbus_entry - a message for one connection
 * @link:		in &kdbus_queue.fifo, unless staged
 * @rb:			in &kdbus_queue.priorities, unless staged
 * @staged:		in &kdbus_queue.staged while it is
 * @priority:		priority of the message, lower is more urgent
 * @seqnum:		number of the message, 0 while staged
 * @order:		place in the queue: the number it had there first
 * @cast:		where the number comes from, NULL unless staged
 * @claim:		what a task does with it right now. If it is not in the
 *			queue any more when that is over, the task frees it
 * @left_behind:	claimed when the other messages to its name moved to
 *			another connection; follows if it is not taken
 * @slice:		content in the connection's pool; needed by the kernel
 * @msg_size:		bytes of header, items and metadata
 * @seqnum_offset:	where in @slice the number has to be written before
 *			user space sees it, 0 if nowhere
 * @name:		name it was addressed to, with a reference, or NULL
 * @account:		account charged at the connection, or NULL
 * @charge:		the charge, while there is @account
 * @charged_fds:	file descriptors charged
 * @files:		files to install, or NULL; a reference
 * @tracker:		request that this message is, while the connection owes
 *			the reply; no reference
 * @is_notice:		the message tells the end of a request, and is counted
 */
struct kdbus_entry {
	struct list_head link;
	union {
		struct rb_node rb;
		struct hlist_node staged;
	};
	s64 priority;
	u64 seqnum;
	u64 order;
	struct kdbus_cast *cast;
	enum kdbus_claim claim;
	bool left_behind;
	struct kdbus_slice *slice;
	size_t msg_size;
	size_t seqnum_offset;
	struct kdbus_name_entry *name;
	struct kdbus_account *account;
	struct kdbus_charge charge;
	unsigned int charged_fds;
	struct kdbus_files *files;
	struct kdbus_tracker *tracker;
	bool is_notice;
};

/**
 * struct kdbus_queue - queue of a connection
 * @fifo:	numbered entries, in the order of their places
 * @priorities:	the same entries by priority, then place
 * @staged:	entries that wait for their number or to be settled, the last one
 *		first. There are few, so nothing but their order in @fifo matters
 * @dropped:	messages lost since user space was told last
 */
struct kdbus_queue {
	struct list_head fifo;
	struct rb_root_cached priorities;
	struct hlist_head staged;
	u64 dropped;
};

int kdbus_queue_module_init(void);
void kdbus_queue_module_exit(void);

struct kdbus_entry *kdbus_entry_alloc(gfp_t gfp);
void kdbus_entry_init(struct kdbus_entry *entry);
void kdbus_entry_free(struct kdbus_entry *entry);

void kdbus_queue_init(struct kdbus_queue *queue);
void kdbus_queue_insert(struct kdbus_queue *queue, struct kdbus_entry *entry);
void kdbus_queue_remove(struct kdbus_queue *queue, struct kdbus_entry *entry);
void kdbus_queue_stage(struct kdbus_queue *queue, struct kdbus_entry *entry,
		       struct kdbus_cast *cast);
struct kdbus_entry *kdbus_queue_unstage(struct kdbus_queue *queue,
					const struct kdbus_cast *cast);
void kdbus_queue_settle_cast(struct kdbus_queue *queue,
			     const struct kdbus_cast *cast);
void kdbus_queue_settle_staged(struct kdbus_queue *queue,
			       spinlock_t *commit_lock);
struct kdbus_entry *kdbus_queue_first_priority(const struct kdbus_queue *queue,
					       s64 limit);

static inline bool kdbus_queue_is_empty(const struct kdbus_queue *queue)
{
	return list_empty(&queue->fifo);
}

/**
 * kdbus_queue_settle() - put entries whose message was committed into place
 * @queue:	queue
 * @commit_lock: the bus' commit_lock
 *
 * Afterwards whatever is still staged will get a higher number than all that
 * is in the queue.
 *
 * Context: the connection's lock is held.
 */
static inline void kdbus_queue_settle(struct kdbus_queue *queue,
				      spinlock_t *commit_lock)
{
	if (unlikely(!hlist_empty(&queue->staged)))
		kdbus_queue_settle_staged(queue, commit_lock);
}

/**
 * kdbus_queue_first() - find the oldest entry
 * @queue:	queue
 *
 * Context: the connection's lock is held.
 * Return: the entry, still in the queue, or NULL.
 */
static inline struct kdbus_entry *
kdbus_queue_first(struct kdbus_queue *queue)
{
	return list_first_entry_or_null(&queue->fifo, struct kdbus_entry, link);
}

/* count a lost message */
static inline void kdbus_queue_lost(struct kdbus_queue *queue)
{
	if (queue->dropped != U64_MAX)
		queue->dropped++;
}

#endif
