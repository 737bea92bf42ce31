/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_ACTIVE_H
#define KDBUS_ACTIVE_H

/**
 * DOC: Active references
 *
 * An object that can be torn down while its memory is still referenced counts
 * the operations that rely on it being alive. Taking an active reference fails
 * once the object was deactivated; draining waits until those taken before are
 * gone. Afterwards the object belongs to whoever tears it down.
 *
 *   refs                    state
 *   ----                    ---------------------------------------------
 *   KDBUS_ACTIVE_NEW        not alive yet
 *   0 ... INT_MAX           alive, that many active references
 *   KDBUS_ACTIVE_BIAS + n   deactivated, n active references left
 *   KDBUS_ACTIVE_BIAS       deactivated and drained
 *
 * An active reference does not keep the memory: who holds one also holds, or
 * borrows, an ordinary reference. No user memory is touched while an active
 * reference is held, so that a hanging page fault in one process never delays
 * a teardown by another.
 *
 * To lockdep an active reference is a read lock that is only ever tried, and
 * draining is the write lock.
 */

#include <linux/atomic.h>
#include <linux/limits.h>
#include <linux/lockdep.h>
#include <linux/wait.h>

#define KDBUS_ACTIVE_BIAS	INT_MIN
#define KDBUS_ACTIVE_NEW	(-1)

/**
 * struct kdbus_active - counter of active references
 * @refs:	see the table above
 * @idle:	where a drain waits
 * @dep_map:	lockdep's view
 */
struct kdbus_active {
	atomic_t refs;
	wait_queue_head_t idle;
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	struct lockdep_map dep_map;
#endif
};

void __kdbus_active_init(struct kdbus_active *active, const char *name,
			 struct lock_class_key *key);

/* one lock class for each place that initialises counters */
#define kdbus_active_init(_active, _name)				\
	do {								\
		static struct lock_class_key __key;			\
									\
		__kdbus_active_init((_active), (_name), &__key);	\
	} while (0)

void kdbus_active_activate(struct kdbus_active *active);
bool kdbus_active_deactivate(struct kdbus_active *active);
void kdbus_active_drain(struct kdbus_active *active);
bool __must_check kdbus_active_acquire(struct kdbus_active *active);
void kdbus_active_release(struct kdbus_active *active);

/* a hint only: may change at once unless an active reference is held */
static inline bool kdbus_active_is_alive(const struct kdbus_active *active)
{
	return atomic_read(&active->refs) >= 0;
}

#endif
