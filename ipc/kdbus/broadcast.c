// SPDX-License-Identifier: GPL-2.0
#include "broadcast.h"

#include <linux/err.h>
#include <linux/xarray.h>

#include "bus.h"
#include "cast.h"
#include "command.h"
#include "compat.h"
#include "connection.h"
#include "deliver.h"
#include "match.h"
#include "message.h"
#include "policy.h"

/* does @dst want the message of @src, or of the kernel? */
static bool kdbus_broadcast_fits(struct kdbus_conn *src, struct kdbus_conn *dst,
				 const struct kdbus_match_facts *facts)
{
	/* who may not have it is not asked what he wants: that can be long */
	if (src && !kdbus_policy_may_talk(dst, dst->cred, src))
		return false;
	if (facts->name &&
	    !kdbus_policy_may_see_name(dst, dst->cred, facts->name))
		return false;

	return kdbus_match_db_test(&dst->match, facts);
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

/**
 * struct kdbus_broadcast_query - who is to receive a broadcast
 * @src:	sending connection, NULL if it is the kernel
 * @facts:	what matches are compared with
 */
struct kdbus_broadcast_query {
	struct kdbus_conn *src;
	const struct kdbus_match_facts *facts;
};

static bool kdbus_broadcast_filter(struct kdbus_conn *conn, const void *context)
{
	const struct kdbus_broadcast_query *query = context;

	return kdbus_broadcast_fits(query->src, conn, query->facts);
}

/*
 * Commit at all receivers at once. From the moment of the number on the entries
 * are the receivers'.
 */
static int kdbus_broadcast_commit(struct kdbus_cast *cast,
				  struct kdbus_bus *bus, struct kdbus_conn *src)
{
	if (src && !kdbus_active_acquire(&src->active))
		return -ECONNRESET;

	kdbus_cast_announce(cast);
	kdbus_cast_number(cast, bus);
	kdbus_cast_finish(cast);

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
 * Monitors come first. A receiver that cannot take the message learns that it
 * lost one.
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
	const struct kdbus_broadcast_query query = {
		.src = src,
		.facts = facts,
	};
	struct kdbus_cast *cast = &msg->cast;
	int r;

	r = kdbus_cast_pick(cast, bus, KDBUS_CONN_MONITOR, NULL, NULL);
	if (r >= 0)
		r = kdbus_cast_pick(cast, bus, KDBUS_CONN_SUBSCRIBED,
				    kdbus_broadcast_filter, &query);
	if (r < 0 || !cast->n)
		return r;

	r = kdbus_cast_stage(cast, src, msg);
	if (r >= 0)
		r = kdbus_broadcast_commit(cast, bus, src);
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
