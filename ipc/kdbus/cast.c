// SPDX-License-Identifier: GPL-2.0
#include "cast.h"

#include <linux/err.h>
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/xarray.h>

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
	cast->slots = NULL;
	cast->slot_bits = 0;
	cast->last_missed = 0;
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
		if (unlikely(cast->targets[i].entry))
			kdbus_deliver_free(cast->targets[i].conn,
					   cast->targets[i].entry);
		kdbus_conn_unref(cast->targets[i].conn);
	}
	if (cast->targets != cast->inline_targets)
		kvfree(cast->targets);
	kdbus_cast_init(cast);
}

/*
 * Picking
 */

/* the slot of a connection, or the vacant one where it belongs */
static u32 *kdbus_cast_slot(const struct kdbus_cast *cast,
			    const struct kdbus_conn *conn)
{
	size_t mask = BIT(cast->slot_bits) - 1;
	size_t i = hash_ptr(conn, cast->slot_bits);

	while (cast->slots[i] &&
	       cast->targets[cast->slots[i] - 1].conn != conn)
		i = (i + 1) & mask;

	return &cast->slots[i];
}

/**
 * kdbus_cast_find() - ask whether a connection was added
 * @cast:	cast
 * @conn:	connection
 * @slot:	set to where kdbus_cast_add() is going to note the connection, so
 *		that it does not search again. Valid until the cast changes
 *
 * Context: any.
 * Return: true if it was.
 */
bool kdbus_cast_find(const struct kdbus_cast *cast,
		     const struct kdbus_conn *conn, u32 **slot)
{
	size_t i;

	if (cast->slots) {
		*slot = kdbus_cast_slot(cast, conn);
		return **slot;
	}

	*slot = NULL;
	for (i = 0; i < cast->n; i++)
		if (cast->targets[i].conn == conn)
			return true;

	return false;
}

/**
 * kdbus_cast_add() - add a receiver
 * @cast:	cast that nothing was staged for yet
 * @conn:	connection that was not added, valid under RCU. If it has no
 *		references any more it is left out
 * @slot:	what kdbus_cast_find() said
 *
 * Context: any.
 * Return: true; false if there is no room. Then kdbus_cast_grow() makes some.
 */
bool kdbus_cast_add(struct kdbus_cast *cast, struct kdbus_conn *conn, u32 *slot)
{
	if (cast->n == cast->max)
		return false;
	if (!kref_get_unless_zero(&conn->ref))
		return true;

	cast->targets[cast->n++] = (struct kdbus_target){ .conn = conn };
	if (slot)
		*slot = cast->n;
	return true;
}

static void kdbus_cast_fill_slots(struct kdbus_cast *cast)
{
	size_t i;

	if (!cast->slots)
		return;

	memset(cast->slots, 0, sizeof(*cast->slots) << cast->slot_bits);
	for (i = 0; i < cast->n; i++)
		*kdbus_cast_slot(cast, cast->targets[i].conn) = i + 1;
}

/**
 * kdbus_cast_grow() - make room for more receivers
 * @cast:	cast
 *
 * Context: may sleep.
 * Return: 0; -ENOMEM, and nothing has changed.
 */
int kdbus_cast_grow(struct kdbus_cast *cast)
{
	size_t max = 16 * cast->max, n_slots = 2 * max;
	struct kdbus_target *targets;

	targets = kvmalloc(max * sizeof(*targets) + n_slots * sizeof(u32),
			   GFP_KERNEL_ACCOUNT);
	if (!targets)
		return -ENOMEM;

	memcpy(targets, cast->targets, cast->n * sizeof(*targets));
	if (cast->targets != cast->inline_targets)
		kvfree(cast->targets);
	cast->targets = targets;
	cast->max = max;
	cast->slots = (u32 *)(targets + max);
	cast->slot_bits = ilog2(n_slots);
	kdbus_cast_fill_slots(cast);
	return 0;
}

/* add monitors above @from; returns the first for whom there is no room, or 0 */
static u64 kdbus_cast_collect_monitors(struct kdbus_cast *cast,
				       struct kdbus_bus *bus, u64 from)
{
	XA_STATE(xas, &bus->conns, from);
	struct kdbus_conn *conn;
	u64 left = 0;
	u32 *slot;

	rcu_read_lock();
	xas_for_each_marked(&xas, conn, ULONG_MAX, KDBUS_CONN_MONITOR) {
		if (xas_retry(&xas, conn))
			continue;
		if (!kdbus_cast_find(cast, conn, &slot) &&
		    !kdbus_cast_add(cast, conn, slot)) {
			left = conn->id;
			break;
		}
		if (need_resched()) {
			xas_pause(&xas);
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();

	return left;
}

/* the highest id of a monitor there is */
static u64 kdbus_cast_last_monitor(struct kdbus_bus *bus)
{
	struct kdbus_conn *conn;
	unsigned long id;
	u64 last = 0;

	rcu_read_lock();
	xa_for_each_marked(&bus->conns, id, conn, KDBUS_CONN_MONITOR)
		last = conn->id;
	rcu_read_unlock();

	return last;
}

/**
 * kdbus_cast_add_monitors() - add all monitors
 * @cast:	cast without receivers
 * @bus:	bus
 *
 * If there is no memory for all of them, those left out learn that they missed
 * the message, once it has got its number.
 *
 * Context: may sleep.
 */
void kdbus_cast_add_monitors(struct kdbus_cast *cast, struct kdbus_bus *bus)
{
	u64 next = 0;

	/* of who comes or goes right now, either may be true */
	if (likely(!data_race(xa_marked(&bus->conns, KDBUS_CONN_MONITOR))))
		return;

	while ((next = kdbus_cast_collect_monitors(cast, bus, next))) {
		if (kdbus_cast_grow(cast) < 0) {
			cast->last_missed = kdbus_cast_last_monitor(bus);
			return;
		}
	}
}

static void kdbus_cast_lose_monitors(struct kdbus_cast *cast)
{
	struct kdbus_bus *bus = cast->targets[0].conn->bus;
	struct kdbus_conn *conn;
	unsigned long id;
	u32 *slot;

	rcu_read_lock();
	xa_for_each_marked(&bus->conns, id, conn, KDBUS_CONN_MONITOR) {
		if (id > cast->last_missed)
			break;
		if (!kdbus_cast_find(cast, conn, &slot))
			kdbus_deliver_lost(conn);
	}
	rcu_read_unlock();
}

/*
 * Sending
 */

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
	if (unlikely(cast->last_missed && cast->seqnum))
		kdbus_cast_lose_monitors(cast);
}
