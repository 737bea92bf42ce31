// SPDX-License-Identifier: GPL-2.0
#include "migrate.h"

#include <linux/err.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "bus.h"
#include "connection.h"
#include "deliver.h"
#include "name.h"
#include "queue.h"
#include "reply.h"

/* take messages to a name out of a queue, oldest first: all, or the stragglers */
static void kdbus_migrate_collect(const struct kdbus_name_entry *name,
				  struct kdbus_conn *from, bool stragglers,
				  struct list_head *entries)
{
	struct kdbus_entry *entry, *next;

	spin_lock(&from->lock);
	list_for_each_entry_safe(entry, next, &from->queue.fifo, link) {
		if (entry->name != name ||
		    (stragglers && !entry->left_behind))
			continue;
		/* a task may be giving it to user space: it comes too late */
		if (entry->claim == KDBUS_CLAIM_TAKE) {
			entry->left_behind = true;
			continue;
		}
		kdbus_queue_remove(&from->queue, entry);
		list_add_tail(&entry->link, entries);
	}
	spin_unlock(&from->lock);
}

/* what was left behind is where it belongs, as the name has come back */
static void kdbus_migrate_catch_up(const struct kdbus_name_entry *name,
				   struct kdbus_conn *to)
{
	struct kdbus_entry *entry;

	spin_lock(&to->lock);
	list_for_each_entry(entry, &to->queue.fifo, link)
		if (entry->name == name)
			entry->left_behind = false;
	spin_unlock(&to->lock);
}

/* a message was moved or lost; who peeks at it right now frees it */
static void kdbus_migrate_release(struct kdbus_conn *from,
				  struct kdbus_entry *entry)
{
	bool claimed;

	spin_lock(&from->lock);
	list_del_init(&entry->link);
	claimed = entry->claim != KDBUS_CLAIM_NONE;
	spin_unlock(&from->lock);

	if (!claimed)
		kdbus_deliver_free(from, entry);
}

static void kdbus_migrate_lose(struct kdbus_conn *from,
			       struct kdbus_entry *entry, struct kdbus_conn *to)
{
	struct kdbus_tracker *tracker;

	spin_lock(&from->lock);
	tracker = kdbus_reply_detach(entry);
	spin_unlock(&from->lock);

	kdbus_reply_abandon(tracker);
	kdbus_tracker_unref(tracker);
	kdbus_deliver_lost(to);
}

static void kdbus_migrate_entry(struct kdbus_conn *from,
				struct kdbus_entry *entry,
				struct kdbus_conn *to)
{
	struct kdbus_entry *copy;

	copy = kdbus_deliver_stage_copy(from, entry, to);
	if (IS_ERR(copy))
		kdbus_migrate_lose(from, entry, to);
	else
		kdbus_reply_commit_moved(to, copy,
					 kdbus_reply_retarget(entry, from, to));
	kdbus_migrate_release(from, entry);
}

static void kdbus_migrate_entries(struct list_head *entries,
				  struct kdbus_conn *from,
				  struct kdbus_conn *to)
{
	struct kdbus_entry *entry, *next;

	if (list_empty(entries))
		return;

	list_for_each_entry_safe(entry, next, entries, link) {
		kdbus_migrate_entry(from, entry, to);
		cond_resched();
	}
	kdbus_conn_wake(to);
}

/**
 * kdbus_migrate() - move the messages to a name to another connection
 * @name:	name; only messages of this life of the name are moved
 * @from:	connection that held the name
 * @to:		connection that is going to hold it, linked to it as an owner
 *
 * They get into the queue of @to in their order, behind what is there already.
 * If @to cannot have a message it is lost and counted there, and whoever waits
 * for the reply learns it. What a task is receiving right now stays with @from.
 *
 * Context: may sleep; takes the locks of both and of requesters. The registry's
 *          lock is held, so that neither connection can leave the name and end.
 */
void kdbus_migrate(const struct kdbus_name_entry *name,
		   struct kdbus_conn *from, struct kdbus_conn *to)
{
	LIST_HEAD(entries);

	lockdep_assert_held(&from->bus->names.lock);

	kdbus_migrate_catch_up(name, to);
	kdbus_migrate_collect(name, from, false, &entries);
	kdbus_migrate_entries(&entries, from, to);
}

/**
 * kdbus_migrate_stragglers() - move what was left behind by kdbus_migrate()
 * @name:	name
 * @from:	connection that held the name
 * @to:		connection that holds it
 *
 * Context: as kdbus_migrate(); the caller has an active reference on @from,
 *          which may have left the name.
 */
void kdbus_migrate_stragglers(const struct kdbus_name_entry *name,
			      struct kdbus_conn *from, struct kdbus_conn *to)
{
	LIST_HEAD(entries);

	lockdep_assert_held(&from->bus->names.lock);

	kdbus_migrate_collect(name, from, true, &entries);
	kdbus_migrate_entries(&entries, from, to);
}
