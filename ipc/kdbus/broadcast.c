// SPDX-License-Identifier: GPL-2.0
#include "broadcast.h"

#include <linux/err.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "bus.h"
#include "command.h"
#include "compat.h"
#include "connection.h"
#include "deliver.h"
#include "match.h"
#include "message.h"
#include "policy.h"

/* receivers that need no allocation */
#define KDBUS_TARGETS_INLINE	8

/**
 * struct kdbus_target - one receiver of a broadcast
 * @conn:	receiver, with a reference
 * @entry:	its entry, NULL if it cannot get one
 * @lost:	it is told that it missed the message
 */
struct kdbus_target {
	struct kdbus_conn *conn;
	struct kdbus_entry *entry;
	bool lost;
};

/**
 * struct kdbus_targets - the receivers of a broadcast
 * @list:	receivers
 * @n:		number of receivers found, may exceed @max
 * @max:	elements of @list
 * @inline_list: first memory of @list
 */
struct kdbus_targets {
	struct kdbus_target *list;
	size_t n;
	size_t max;
	struct kdbus_target inline_list[KDBUS_TARGETS_INLINE];
};

/* does @dst want the message of @src, or of the kernel? */
static bool kdbus_broadcast_fits(struct kdbus_conn *src, struct kdbus_conn *dst,
				 const struct kdbus_match_facts *facts)
{
	/* who may not have it is not asked what he wants: that can be long */
	return (!src || kdbus_policy_may_talk(dst, dst->cred, src)) &&
	       kdbus_match_db_test(&dst->match, facts);
}

/**
 * kdbus_broadcast_is_wanted() - ask whether a signal is to be delivered
 * @src:	sending connection
 * @dst:	receiver
 * @msg:	signal
 *
 * Context: any.
 * Return: true if @dst has a match for the signal and may talk to @src.
 */
bool kdbus_broadcast_is_wanted(struct kdbus_conn *src, struct kdbus_conn *dst,
			       const struct kdbus_message *msg)
{
	const struct kdbus_match_facts facts = {
		.src_id = src->id,
		.dst_id = msg->hdr->dst_id,
		.bloom = msg->bloom,
		.owns_name = kdbus_name_is_owned,
		.owner = src,
	};
	bool wanted;

	rcu_read_lock();
	wanted = kdbus_broadcast_fits(src, dst, &facts);
	rcu_read_unlock();

	return wanted;
}

static void kdbus_targets_deinit(struct kdbus_targets *targets)
{
	size_t i;

	for (i = 0; i < min(targets->n, targets->max); i++) {
		kdbus_deliver_free(targets->list[i].conn,
				   targets->list[i].entry);
		kdbus_conn_unref(targets->list[i].conn);
	}
	if (targets->list != targets->inline_list)
		kvfree(targets->list);
}

/* those that do not fit in @list are only counted */
static void kdbus_targets_add(struct kdbus_targets *targets,
			      struct kdbus_conn *dst)
{
	if (targets->n >= targets->max)
		targets->n++;
	else if (kref_get_unless_zero(&dst->ref))
		targets->list[targets->n++] = (struct kdbus_target){
			.conn = dst,
		};
}

/* pick the receivers there are at this moment */
static void kdbus_targets_pick(struct kdbus_targets *targets,
			       struct kdbus_bus *bus, struct kdbus_conn *src,
			       const struct kdbus_match_facts *facts)
{
	XA_STATE(xas, &bus->conns, 0);
	struct kdbus_conn *dst;

	targets->n = 0;

	rcu_read_lock();
	xas_for_each_marked(&xas, dst, ULONG_MAX, KDBUS_CONN_SUBSCRIBED) {
		if (xas_retry(&xas, dst))
			continue;
		if (kdbus_broadcast_fits(src, dst, facts))
			kdbus_targets_add(targets, dst);

		/* matches can be many */
		if (need_resched()) {
			xas_pause(&xas);
			rcu_read_unlock();
			cond_resched();
			rcu_read_lock();
		}
	}
	rcu_read_unlock();
}

static int kdbus_targets_init(struct kdbus_targets *targets,
			      struct kdbus_bus *bus, struct kdbus_conn *src,
			      const struct kdbus_match_facts *facts)
{
	size_t max;

	targets->list = targets->inline_list;
	targets->max = KDBUS_TARGETS_INLINE;
	kdbus_targets_pick(targets, bus, src, facts);

	while (targets->n > targets->max) {
		max = targets->n + targets->n / 4;
		kdbus_targets_deinit(targets);

		targets->list = kvmalloc_array(max, sizeof(*targets->list),
					       GFP_KERNEL_ACCOUNT);
		if (!targets->list)
			return -ENOMEM;
		targets->max = max;
		kdbus_targets_pick(targets, bus, src, facts);
	}

	return 0;
}

static int kdbus_broadcast_stage(struct kdbus_targets *targets,
				 struct kdbus_conn *src,
				 struct kdbus_message *msg)
{
	struct kdbus_target *target;
	struct kdbus_entry *entry;
	size_t i;

	for (i = 0; i < targets->n; i++) {
		target = &targets->list[i];
		entry = kdbus_deliver_stage(msg, src, target->conn);
		if (!IS_ERR(entry))
			target->entry = entry;
		else if (PTR_ERR(entry) == -EFAULT)
			return -EFAULT;
		else if (PTR_ERR(entry) != -ECONNRESET)
			target->lost = true;
		/* nobody knows of it yet */
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}

	return 0;
}

/*
 * Commit at all receivers at once. From the moment of the number on the entries
 * are the receivers'.
 */
static int kdbus_broadcast_commit(struct kdbus_targets *targets,
				  struct kdbus_bus *bus, struct kdbus_conn *src)
{
	struct kdbus_cast cast = {};
	struct kdbus_target *target;
	size_t i;

	if (src && !kdbus_active_acquire(&src->active))
		return -ECONNRESET;

	for (i = 0; i < targets->n; i++) {
		target = &targets->list[i];
		if (target->entry &&
		    !kdbus_deliver_announce(&cast, target->conn, target->entry))
			target->entry = NULL;
	}

	spin_lock(&bus->commit_lock);
	cast.seqnum = atomic64_inc_return(&bus->seqnum);
	spin_unlock(&bus->commit_lock);

	for (i = 0; i < targets->n; i++) {
		target = &targets->list[i];
		if (target->entry)
			kdbus_deliver_settle(&cast, target->conn);
		else if (target->lost)
			kdbus_deliver_lost(target->conn);
		target->entry = NULL;
		cond_resched();
	}

	if (src)
		kdbus_active_release(&src->active);
	return 0;
}

/**
 * kdbus_broadcast_to_matches() - send a message to everybody who wants it
 * @bus:	bus
 * @src:	sending connection, NULL if it is the kernel
 * @msg:	checked message
 * @facts:	what matches are compared with
 *
 * A receiver that cannot take the message learns that it lost one.
 *
 * Context: may sleep, touches user memory if @src is not NULL.
 * Return: 0; -EFAULT if the payload cannot be read; -ECONNRESET if @src is
 *         disconnected; -EINTR if the task is killed; -ENOMEM. On failure nobody
 *         got the message.
 */
int kdbus_broadcast_to_matches(struct kdbus_bus *bus, struct kdbus_conn *src,
			       struct kdbus_message *msg,
			       const struct kdbus_match_facts *facts)
{
	struct kdbus_targets targets kdbus_uninitialized;
	int r;

	r = kdbus_targets_init(&targets, bus, src, facts);
	if (r < 0)
		return r;

	if (targets.n) {
		r = kdbus_broadcast_stage(&targets, src, msg);
		if (r >= 0)
			r = kdbus_broadcast_commit(&targets, bus, src);
	}

	kdbus_targets_deinit(&targets);
	return r;
}

/**
 * kdbus_broadcast() - send a signal to everybody who wants it
 * @src:	sending connection
 * @msg:	checked message
 *
 * Context: may sleep, touches user memory.
 * Return: what kdbus_broadcast_to_matches() returns.
 */
int kdbus_broadcast(struct kdbus_conn *src, struct kdbus_message *msg)
{
	const struct kdbus_match_facts facts = {
		.src_id = src->id,
		.dst_id = msg->hdr->dst_id,
		.bloom = msg->bloom,
		.owns_name = kdbus_name_is_owned,
		.owner = src,
	};

	return kdbus_broadcast_to_matches(src->bus, src, msg, &facts);
}

/*
 * Subscriptions
 */

static const struct kdbus_item_spec kdbus_match_add_items[] = {
	{ .type = KDBUS_ITEM_NEGOTIATE },
	{ .type = KDBUS_ITEM_BLOOM_MASK, .multiple = true },
	{ .type = KDBUS_ITEM_NAME, .multiple = true },
	{ .type = KDBUS_ITEM_ID, .multiple = true },
	{ .type = KDBUS_ITEM_DST_ID, .multiple = true },
	{ .type = KDBUS_ITEM_NAME_ADD, .multiple = true },
	{ .type = KDBUS_ITEM_NAME_REMOVE, .multiple = true },
	{ .type = KDBUS_ITEM_NAME_CHANGE, .multiple = true },
	{ .type = KDBUS_ITEM_ID_ADD, .multiple = true },
	{ .type = KDBUS_ITEM_ID_REMOVE, .multiple = true },
};

static const struct kdbus_command_spec kdbus_match_add_spec = {
	.size = sizeof(struct kdbus_cmd_match),
	.flags = KDBUS_MATCH_REPLACE,
	.has_return_flags = true,
	.n_items = ARRAY_SIZE(kdbus_match_add_items),
	.items = kdbus_match_add_items,
};

static const struct kdbus_command_spec kdbus_match_remove_spec = {
	.size = sizeof(struct kdbus_cmd_match),
	.has_return_flags = true,
	.n_items = 1,
	.items = kdbus_match_add_items,
};

/**
 * kdbus_cmd_match_add() - KDBUS_CMD_MATCH_ADD
 * @conn:	connection
 * @argp:	struct kdbus_cmd_match in user space
 *
 * Context: may sleep, touches user memory.
 * Return: 0; framing errors; -ECONNRESET if the connection is disconnected; or
 *         what kdbus_match_db_add() returns.
 */
int kdbus_cmd_match_add(struct kdbus_conn *conn, void __user *argp)
{
	struct kdbus_command command kdbus_uninitialized;
	const struct kdbus_cmd_match *cmd;
	int r;

	r = kdbus_command_import(&command, &kdbus_match_add_spec, argp);
	if (r != 0)
		goto exit;

	if (!kdbus_active_acquire(&conn->active)) {
		r = -ECONNRESET;
		goto exit;
	}
	cmd = command.data;
	r = kdbus_match_db_add(&conn->match, cmd->cookie,
			       cmd->flags & KDBUS_MATCH_REPLACE,
			       kdbus_command_area(&command),
			       kdbus_command_area_size(&command));
	if (r >= 0)
		xa_set_mark(&conn->bus->conns, conn->id,
			    KDBUS_CONN_SUBSCRIBED);
	kdbus_active_release(&conn->active);

exit:
	kdbus_command_release(&command);
	return min(r, 0);
}

/**
 * kdbus_cmd_match_remove() - KDBUS_CMD_MATCH_REMOVE
 * @conn:	connection
 * @argp:	struct kdbus_cmd_match in user space
 *
 * Context: may sleep, touches user memory.
 * Return: 0; framing errors; or -EBADSLT if there is no match with that cookie.
 */
int kdbus_cmd_match_remove(struct kdbus_conn *conn, void __user *argp)
{
	struct kdbus_command command kdbus_uninitialized;
	const struct kdbus_cmd_match *cmd;
	int r;

	r = kdbus_command_import(&command, &kdbus_match_remove_spec, argp);
	if (r == 0) {
		cmd = command.data;
		r = kdbus_match_db_remove(&conn->match, cmd->cookie);
	}

	kdbus_command_release(&command);
	return min(r, 0);
}
