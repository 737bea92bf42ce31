// SPDX-License-Identifier: GPL-2.0
#include "broadcast.h"

#include <linux/err.h>
#include <linux/rculist.h>

#include "bus.h"
#include "cast.h"
#include "command.h"
#include "compat.h"
#include "connection.h"
#include "deliver.h"
#include "match.h"
#include "message.h"
#include "policy.h"
#include "security.h"

/* may @dst have the message of @src, or of the kernel? */
static bool kdbus_broadcast_is_allowed(struct kdbus_conn *src,
				       struct kdbus_conn *dst,
				       const struct kdbus_match_facts *facts)
{
	if (src && (!kdbus_policy_may_talk(dst, dst->cred, src) ||
		    !kdbus_security_deliver(src, dst)))
		return false;

	return !facts->name ||
	       kdbus_policy_may_see_name(dst, dst->cred, facts->name);
}

/**
 * struct kdbus_broadcast_view - facts as a receiver may know them
 * @facts:	what its matches are compared with
 * @src:	sending connection
 * @dst:	receiver, on a custom endpoint
 */
struct kdbus_broadcast_view {
	struct kdbus_match_facts facts;
	const struct kdbus_conn *src;
	const struct kdbus_conn *dst;
};

static bool kdbus_broadcast_owns_visibly(const void *owner, const char *name)
{
	const struct kdbus_broadcast_view *view = owner;

	return kdbus_policy_may_see_name(view->dst, view->dst->cred, name) &&
	       kdbus_name_is_owned(view->src, name);
}

/* what arrives because of a name must not tell of one that is hidden */
static const struct kdbus_match_facts *
kdbus_broadcast_facts(struct kdbus_broadcast_view *view,
		      const struct kdbus_match_facts *facts,
		      const struct kdbus_conn *dst)
{
	if (likely(!dst->is_custom) || !facts->owns_name)
		return facts;

	view->facts = *facts;
	view->facts.owns_name = kdbus_broadcast_owns_visibly;
	view->facts.owner = view;
	view->src = facts->owner;
	view->dst = dst;
	return &view->facts;
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
	struct kdbus_broadcast_view view kdbus_uninitialized;
	bool wanted;

	rcu_read_lock();
	/* who may not have it is not asked what he wants: that can be long */
	wanted = kdbus_broadcast_is_allowed(src, dst, &facts) &&
		 kdbus_match_db_test(&dst->match,
				     kdbus_broadcast_facts(&view, &facts,
							   dst));
	rcu_read_unlock();

	return wanted;
}

/*
 * Receivers
 */

/* searches for receivers that may be disturbed before writers are kept away */
#define KDBUS_BROADCAST_TRIES	3

/**
 * struct kdbus_broadcast_search - a search for those who are to get a broadcast
 * @reader:	reader of the index
 * @src:	sending connection, NULL if it is the kernel
 * @facts:	what matches are compared with
 * @cast:	where receivers are added
 * @slot:	where @cast notes the connection that was found last, if it is new
 * @refused:	connection that was found last and may not have the message
 * @is_full:	there is no room for more receivers
 */
struct kdbus_broadcast_search {
	struct kdbus_match_reader reader;
	struct kdbus_conn *src;
	const struct kdbus_match_facts *facts;
	struct kdbus_cast *cast;
	u32 *slot;
	const struct kdbus_conn *refused;
	bool is_full;
};

/* one connection is likely to be found several times in a row */
static bool kdbus_broadcast_is_new(struct kdbus_broadcast_search *search,
				   struct kdbus_conn *conn)
{
	if (conn == search->refused ||
	    kdbus_cast_find(search->cast, conn, &search->slot))
		return false;
	if (kdbus_broadcast_is_allowed(search->src, conn, search->facts))
		return true;

	search->refused = conn;
	return false;
}

static bool kdbus_broadcast_visit(struct kdbus_match_walk *walk, void *owner)
{
	struct kdbus_broadcast_search *search =
		container_of(walk, struct kdbus_broadcast_search, reader.walk);
	const struct kdbus_match_entry *entry = owner;
	struct kdbus_conn *conn =
		container_of(entry->db, struct kdbus_conn, match);
	struct kdbus_broadcast_view view kdbus_uninitialized;

	/* who may not have it is not asked what he wants: that can be long */
	if (!kdbus_broadcast_is_new(search, conn) ||
	    !kdbus_match_entry_test(entry,
				    kdbus_broadcast_facts(&view, search->facts,
							  conn)))
		return true;

	search->is_full = !kdbus_cast_add(search->cast, conn, search->slot);
	return !search->is_full;
}

/* for want of memory they are told that they miss it; each of them once */
static bool kdbus_broadcast_lose(struct kdbus_match_walk *walk, void *owner)
{
	struct kdbus_broadcast_search *search =
		container_of(walk, struct kdbus_broadcast_search, reader.walk);
	const struct kdbus_match_entry *entry = owner;
	struct kdbus_conn *conn =
		container_of(entry->db, struct kdbus_conn, match);

	if (kdbus_broadcast_is_new(search, conn) &&
	    kdbus_match_db_first(entry->db, search->facts) == entry)
		kdbus_deliver_lost(conn);

	return true;
}

/* visit who wants the message because of a name that the sender owns */
static void kdbus_broadcast_walk_names(struct kdbus_broadcast_search *search)
{
	struct kdbus_match_reader *reader = &search->reader;
	const struct kdbus_name_owner *owner;

	if (!search->src || !READ_ONCE(reader->index->n_by_name))
		return;

	/* the rule says whether it owns the name or only waits for it */
	list_for_each_entry_rcu(owner, &search->src->names, conn_entry)
		if (!kdbus_match_reader_walk_name(reader, owner->name->name))
			return;
}

/*
 * Walk the index. Returns false if that has to be done again, as somebody may
 * have been missed.
 */
static bool kdbus_broadcast_walk(struct kdbus_broadcast_search *search,
				 struct kdbus_bus *bus, bool lock)
{
	bool lock_names = lock && search->src, done;

	/* a walk that may pause outside of RCU needs names that stay */
	if (lock_names)
		mutex_lock(&bus->names.lock);

	search->refused = NULL;
	search->is_full = false;
	kdbus_match_reader_begin(&search->reader, lock);
	if (kdbus_match_reader_walk(&search->reader, search->facts))
		kdbus_broadcast_walk_names(search);
	done = kdbus_match_reader_end(&search->reader);

	if (lock_names)
		mutex_unlock(&bus->names.lock);

	return done;
}

/*
 * Add all who want the message and may have it. Who was found stays when the
 * walk has to be repeated: he wanted the message at a moment of this search.
 */
static int kdbus_broadcast_pick(struct kdbus_cast *cast, struct kdbus_bus *bus,
				struct kdbus_conn *src,
				const struct kdbus_match_facts *facts)
{
	struct kdbus_broadcast_search search = {
		.reader.index = &bus->subscribers,
		.reader.walk.visit = kdbus_broadcast_visit,
		.src = src,
		.facts = facts,
		.cast = cast,
	};
	unsigned int tries = 0;
	bool done;

	do {
		done = kdbus_broadcast_walk(&search, bus,
					    tries >= KDBUS_BROADCAST_TRIES);
		if (!search.is_full) {
			tries++;
			continue;
		}
		done = false;
		if (kdbus_cast_grow(cast) >= 0)
			continue;
		if (src)
			return -ENOMEM;

		search.reader.walk.visit = kdbus_broadcast_lose;
		tries = KDBUS_BROADCAST_TRIES;
	} while (!done);

	return 0;
}

/* a policy may have changed while the sender's memory was read */
static void kdbus_broadcast_recheck(struct kdbus_cast *cast,
				    struct kdbus_conn *src,
				    const struct kdbus_match_facts *facts)
{
	struct kdbus_target *target;
	size_t i;

	for (i = 0; i < cast->n; i++) {
		target = &cast->targets[i];
		if (!target->entry || kdbus_conn_is_monitor(target->conn) ||
		    kdbus_broadcast_is_allowed(src, target->conn, facts))
			continue;
		kdbus_deliver_free(target->conn, target->entry);
		target->entry = NULL;
	}
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
 * lost one; so does one that a message of the kernel finds no memory for.
 *
 * Context: may sleep, touches user memory if @src is not NULL; takes
 *          the registry's lock then, which else is held, and the index' lock.
 * Return: 0; -EFAULT if a receiver that is no monitor is to have the payload,
 *         and it cannot be read; -ECONNRESET if @src is
 *         disconnected; -EINTR if the task is killed; -ENOMEM, but not if @src
 *         is NULL. On failure nobody got the message.
 */
int kdbus_broadcast_to_matches(struct kdbus_bus *bus, struct kdbus_conn *src,
			       struct kdbus_message *msg,
			       const struct kdbus_match_facts *facts)
{
	struct kdbus_cast *cast = &msg->cast;
	size_t n_monitors;
	int r;

	kdbus_cast_add_monitors(cast, bus);
	n_monitors = cast->n;
	r = kdbus_broadcast_pick(cast, bus, src, facts);
	if (r < 0 || !cast->n)
		return r;

	r = kdbus_cast_stage(cast, src, msg);
	/* that there are monitors is not the sender's to know */
	if (r == -EFAULT && cast->n == n_monitors)
		return 0;
	if (r < 0)
		return r;

	if (src)
		kdbus_broadcast_recheck(cast, src, facts);
	return kdbus_broadcast_commit(cast, bus, src);
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
	kdbus_active_release(&conn->active);
	if (r == -EMFILE)
		kdbus_limit_refused(conn->user, KDBUS_LIMIT_MATCHES);

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
