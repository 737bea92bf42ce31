// SPDX-License-Identifier: GPL-2.0
#include "cast.h"

#include <linux/err.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "bus.h"
#include "connection.h"
#include "deliver.h"
#include "message.h"

/**
 * kdbus_cast_init() - start without receivers
 * @cast:	cast
 *
 * Context: any.
 */
void kdbus_cast_init(struct kdbus_cast *cast)
{
	cast->seqnum = 0;
	cast->targets = cast->inline_targets;
	cast->n = 0;
	cast->max = KDBUS_CAST_INLINE;
}

/**
 * kdbus_cast_deinit() - drop the receivers and what was staged and not announced
 * @cast:	cast, finished if it was announced. Can be used anew
 *
 * Context: may sleep.
 */
void kdbus_cast_deinit(struct kdbus_cast *cast)
{
	size_t i;

	for (i = 0; i < cast->n; i++) {
		kdbus_deliver_free(cast->targets[i].conn,
				   cast->targets[i].entry);
		kdbus_conn_unref(cast->targets[i].conn);
	}
	if (cast->targets != cast->inline_targets)
		kvfree(cast->targets);
	kdbus_cast_init(cast);
}

/*
 * Add the connections there are at this moment. Returns how many there are,
 * which may be more than there is room for.
 */
static size_t kdbus_cast_collect(struct kdbus_cast *cast, struct kdbus_bus *bus,
				 xa_mark_t mark, kdbus_cast_filter_t filter,
				 const void *context)
{
	XA_STATE(xas, &bus->conns, 0);
	size_t found = cast->n;
	struct kdbus_conn *conn;

	rcu_read_lock();
	xas_for_each_marked(&xas, conn, ULONG_MAX, mark) {
		if (xas_retry(&xas, conn))
			continue;
		if (!filter || filter(conn, context)) {
			if (found++ < cast->max &&
			    kref_get_unless_zero(&conn->ref))
				cast->targets[cast->n++] =
					(struct kdbus_target){ .conn = conn };
		}

		/* matches can be many */
		if (need_resched()) {
			xas_pause(&xas);
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();

	return found;
}

static int kdbus_cast_grow(struct kdbus_cast *cast, size_t keep, size_t max)
{
	struct kdbus_target *targets;

	targets = kvmalloc_array(max, sizeof(*targets), GFP_KERNEL_ACCOUNT);
	if (!targets)
		return -ENOMEM;

	while (cast->n > keep)
		kdbus_conn_unref(cast->targets[--cast->n].conn);
	memcpy(targets, cast->targets, keep * sizeof(*targets));
	if (cast->targets != cast->inline_targets)
		kvfree(cast->targets);
	cast->targets = targets;
	cast->max = max;
	return 0;
}

/**
 * kdbus_cast_pick() - add receivers
 * @cast:	cast that nothing was staged for yet
 * @bus:	bus
 * @mark:	look only at connections with this mark
 * @filter:	whether a connection is to receive the message, called under
 *		RCU; NULL for all
 * @context:	passed to @filter
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int kdbus_cast_pick(struct kdbus_cast *cast, struct kdbus_bus *bus,
		    xa_mark_t mark, kdbus_cast_filter_t filter,
		    const void *context)
{
	size_t keep = cast->n, found;
	int r;

	if (!xa_marked(&bus->conns, mark))
		return 0;

	for (;;) {
		found = kdbus_cast_collect(cast, bus, mark, filter, context);
		if (found <= cast->max)
			return 0;

		/* more may come meanwhile */
		r = kdbus_cast_grow(cast, keep, found + found / 4);
		if (r < 0)
			return r;
	}
}

/**
 * kdbus_cast_stage() - stage a message for all receivers
 * @cast:	cast
 * @src:	sending connection, NULL if it is the kernel
 * @msg:	message
 *
 * A receiver that cannot have the message learns it if the cast is committed.
 *
 * Context: may sleep, touches user memory if @src is not NULL.
 * Return: 0; -EFAULT if the payload cannot be read; -EINTR if the task is
 *         killed.
 */
int kdbus_cast_stage(struct kdbus_cast *cast, struct kdbus_conn *src,
		     struct kdbus_message *msg)
{
	struct kdbus_target *target;
	struct kdbus_entry *entry;
	size_t i;

	for (i = 0; i < cast->n; i++) {
		target = &cast->targets[i];
		entry = kdbus_deliver_stage(msg, src, target->conn);
		if (!IS_ERR(entry))
			target->entry = entry;
		else if (PTR_ERR(entry) == -EFAULT)
			return -EFAULT;
		else if (PTR_ERR(entry) != -ECONNRESET)
			target->lost = true;

		/* what the kernel has to tell is not the task's to stop */
		if (src && fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}

	return 0;
}

/**
 * kdbus_cast_announce() - make room in the queues of all receivers
 * @cast:	cast that was staged
 *
 * Context: may sleep; takes the receivers' locks.
 */
void kdbus_cast_announce(struct kdbus_cast *cast)
{
	struct kdbus_target *target;
	size_t i;

	for (i = 0; i < cast->n; i++) {
		target = &cast->targets[i];
		if (target->entry && !kdbus_deliver_announce(cast, target->conn,
							     target->entry))
			target->entry = NULL;
	}
}

/**
 * kdbus_cast_number() - commit a message at all receivers
 * @cast:	cast that was announced
 * @bus:	bus
 *
 * From now on the entries are the receivers'.
 *
 * Context: takes the bus' commit_lock.
 * Return: the number.
 */
u64 kdbus_cast_number(struct kdbus_cast *cast, struct kdbus_bus *bus)
{
	spin_lock(&bus->commit_lock);
	cast->seqnum = atomic64_inc_return(&bus->seqnum);
	spin_unlock(&bus->commit_lock);

	return cast->seqnum;
}

/**
 * kdbus_cast_finish() - let no receiver refer to a cast any more
 * @cast:	cast that was announced. If it has no number it is withdrawn
 *
 * Wakes the receivers.
 *
 * Context: may sleep; takes the receivers' locks.
 */
void kdbus_cast_finish(struct kdbus_cast *cast)
{
	struct kdbus_target *target;
	size_t i;

	for (i = 0; i < cast->n; i++) {
		target = &cast->targets[i];
		if (target->entry)
			kdbus_deliver_settle(cast, target->conn);
		else if (target->lost && cast->seqnum)
			kdbus_deliver_lost(target->conn);
		target->entry = NULL;
		cond_resched();
	}
}
