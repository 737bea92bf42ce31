// SPDX-License-Identifier: GPL-2.0
#include "active.h"

#include <linux/bug.h>
#include <linux/sched.h>

void __kdbus_active_init(struct kdbus_active *active, const char *name,
			 struct lock_class_key *key)
{
	atomic_set(&active->refs, KDBUS_ACTIVE_NEW);
	init_waitqueue_head(&active->idle);
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	lockdep_init_map(&active->dep_map, name, key, 0);
#endif
}

/**
 * kdbus_active_activate() - declare an object alive
 * @active:	counter of an object that nobody else can deactivate yet, or
 *		that was deactivated already
 *
 * Does nothing if the object was deactivated before it came alive.
 *
 * Context: any.
 */
void kdbus_active_activate(struct kdbus_active *active)
{
	atomic_cmpxchg(&active->refs, KDBUS_ACTIVE_NEW, 0);
}

/**
 * kdbus_active_deactivate() - let no more active references be taken
 * @active:	counter
 *
 * Context: any.
 * Return: true if this call deactivated the object, so that its caller has to
 *         tear it down; false if somebody else did.
 */
bool kdbus_active_deactivate(struct kdbus_active *active)
{
	int old = atomic_read(&active->refs);
	int new;

	do {
		if (old < 0 && old != KDBUS_ACTIVE_NEW)
			return false;
		new = old == KDBUS_ACTIVE_NEW ? KDBUS_ACTIVE_BIAS :
						old + KDBUS_ACTIVE_BIAS;
	} while (!atomic_try_cmpxchg(&active->refs, &old, new));

	return true;
}

/**
 * kdbus_active_drain() - wait until all active references are gone
 * @active:	counter of a deactivated object
 *
 * Context: may sleep. The caller holds no active reference on the object and
 *          no lock that a holder of one takes.
 */
void kdbus_active_drain(struct kdbus_active *active)
{
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	rwsem_acquire(&active->dep_map, 0, 0, _RET_IP_);
#endif
	wait_event(active->idle,
		   atomic_read_acquire(&active->refs) == KDBUS_ACTIVE_BIAS);
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	rwsem_release(&active->dep_map, _RET_IP_);
#endif
}

/**
 * kdbus_active_acquire() - take an active reference
 * @active:	counter of an object whose memory the caller holds
 *
 * Context: any.
 * Return: true if the object is alive and the caller has to release the
 *         reference; false if there is nothing to release.
 */
bool kdbus_active_acquire(struct kdbus_active *active)
{
	if (!atomic_inc_unless_negative(&active->refs))
		return false;
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	rwsem_acquire_read(&active->dep_map, 0, 1, _RET_IP_);
#endif
	return true;
}

/**
 * kdbus_active_release() - give an active reference back
 * @active:	counter; its memory stays with the caller beyond this call
 *
 * Context: any, but not under a raw lock.
 */
void kdbus_active_release(struct kdbus_active *active)
{
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	rwsem_release(&active->dep_map, _RET_IP_);
#endif
	if (atomic_dec_return_release(&active->refs) == KDBUS_ACTIVE_BIAS)
		wake_up_all(&active->idle);
}
