/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_CONNECTION_H
#define KDBUS_CONNECTION_H

/**
 * DOC: Connections
 *
 * A participant of a bus. It comes with HELLO and goes with BYEBYE, with the
 * last reference to its open file, or with its endpoint; its memory lives on
 * while somebody still looks at it.
 *
 * Never changes after HELLO: id, flags, ep, bus, user, cred, is_owner,
 * is_custom, description, view, snapshot, pool.
 *
 * @lock guards what others put into the connection: the queue, the accounts of
 * senders and the requests. Strangers wait for it, so its sections are short
 * and never sleep. @dead is set under it: whoever holds the lock and finds the
 * connection not dead can rely on that until the lock is released.
 *
 * @recv_lock serialises the tasks that receive; it may be held while user
 * memory is touched, and only tasks that receive on this connection wait for
 * it, killably.
 *
 * @active is held by operations that make the connection visible to others in
 * some way (committing a message, say), so that a disconnect can wait until
 * the last of them is over. It is never held while user memory is touched.
 */

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "active.h"
#include "endpoint.h"
#include "match.h"
#include "metadata.h"
#include "queue.h"
#include "quota.h"

struct cred;
struct file;
struct kdbus_bus;
struct kdbus_pool;
struct kdbus_snapshot;
struct kdbus_user;

/**
 * struct kdbus_conn - a connection
 * @ref:		references
 * @rcu:		delays freeing for look-ups by id
 * @id:			id from the domain's counter
 * @flags:		KDBUS_HELLO_*
 * @ep:			endpoint it came through, with a reference
 * @bus:		bus; kept alive by @ep
 * @user:		charged for the connection and for what it sends
 * @cred:		credentials that opened the endpoint, with a reference
 * @is_owner:		opened the bus' default endpoint as its owner or with
 *			privilege
 * @is_custom:		came through a custom endpoint
 * @policy:		what it contributes to the policy of the bus, under the
 *			lock of that
 * @description:	description given at HELLO, or NULL
 * @view:		how metadata is translated for it
 * @snapshot:		what others are told of the task that said HELLO
 * @pool:		memory it receives in
 *
 * @sender:		its part of the metadata of what it sends, and which
 *			metadata it wants
 * @meta_cache:	what @sender keeps between two messages
 * @match:		signals it wants
 * @is_charged:		counts as a connection of @user
 *
 * @names:		names it owns or waits for, in the order of acquisition;
 *			changed under the registry's lock, read under RCU
 * @n_names:		number of @names, under the registry's lock
 *
 * @active:		active references
 * @gone:		completed when the disconnect is over
 * @ep_entry:		in &kdbus_endpoint.conns
 * @wait:		where poll() waits
 * @recv_lock:		serialises receivers
 * @spare:		an entry that is not in use, or NULL; taken and put back
 *			atomically
 *
 * @lock:		guards all below; the bus' commit_lock nests in it, and the
 *			lock of a connection at a higher address
 * @dead:		disconnected; nothing may be added any more
 * @queue:		messages to receive
 * @quota:		what senders have queued here
 * @requests:		requests it waits for, newest first
 * @n_requests:		slots taken by requests, bounded
 * @n_notices:		ends of requests in @queue, bounded
 * @owed:		requests of others that it has to reply to
 * @deadline:		when @timeout runs, KTIME_MAX if it does not
 * @timeout:		ends requests whose deadline has passed
 */
struct kdbus_conn {
	struct kref ref;
	struct rcu_head rcu;
	u64 id;
	u64 flags;
	struct kdbus_endpoint *ep;
	struct kdbus_bus *bus;
	struct kdbus_user *user;
	const struct cred *cred;
	bool is_owner;
	bool is_custom;
	struct kdbus_policy_contribution *policy;
	char *description;
	struct kdbus_meta_view view;
	struct kdbus_snapshot *snapshot;
	struct kdbus_pool *pool;

	struct kdbus_meta_sender sender;
	struct kdbus_meta_cache *meta_cache;
	struct kdbus_match_db match;
	bool is_charged;

	struct list_head names;
	unsigned int n_names;

	struct kdbus_active active;
	struct completion gone;
	struct list_head ep_entry;
	wait_queue_head_t wait;
	struct mutex recv_lock;
	struct kdbus_entry *spare;

	spinlock_t lock;
	struct {
		bool dead;
		struct kdbus_queue queue;
		struct kdbus_quota quota;
		struct list_head requests;
		unsigned int n_requests;
		unsigned int n_notices;
		struct list_head owed;
		ktime_t deadline;
		struct delayed_work timeout;
	};
};

struct kdbus_conn *kdbus_cmd_hello(struct kdbus_endpoint *ep,
				   struct file *file, void __user *argp);
int kdbus_cmd_byebye(struct kdbus_conn *conn, void __user *argp);

struct kdbus_conn *kdbus_conn_ref(struct kdbus_conn *conn);
struct kdbus_conn *kdbus_conn_unref(struct kdbus_conn *conn);
struct kdbus_conn *kdbus_conn_find(struct kdbus_bus *bus, u64 id);
void kdbus_conn_disconnect(struct kdbus_conn *conn);
void kdbus_conn_discharge(struct kdbus_conn *conn);
__poll_t kdbus_conn_poll(struct kdbus_conn *conn);
void kdbus_conn_lock_two(struct kdbus_conn *a, struct kdbus_conn *b);
void kdbus_conn_unlock_two(struct kdbus_conn *a, struct kdbus_conn *b);

/* wake who polls the connection because there is something to receive */
static inline void kdbus_conn_wake(struct kdbus_conn *conn)
{
	if (wq_has_sleeper(&conn->wait))
		wake_up_interruptible_sync_poll(&conn->wait,
						EPOLLIN | EPOLLRDNORM);
}

/* can it be addressed, send and own names? */
static inline bool kdbus_conn_is_ordinary(const struct kdbus_conn *conn)
{
	return !(conn->flags & (KDBUS_HELLO_ACTIVATOR |
				KDBUS_HELLO_POLICY_HOLDER |
				KDBUS_HELLO_MONITOR));
}

static inline bool kdbus_conn_is_monitor(const struct kdbus_conn *conn)
{
	return conn->flags & KDBUS_HELLO_MONITOR;
}

static inline bool kdbus_conn_is_activator(const struct kdbus_conn *conn)
{
	return conn->flags & KDBUS_HELLO_ACTIVATOR;
}

static inline bool kdbus_conn_is_alive(const struct kdbus_conn *conn)
{
	return kdbus_active_is_alive(&conn->active);
}

#endif
