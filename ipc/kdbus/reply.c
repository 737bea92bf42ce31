// SPDX-License-Identifier: GPL-2.0
#include "reply.h"

#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "bus.h"
#include "cast.h"
#include "connection.h"
#include "deliver.h"
#include "limits.h"
#include "message.h"
#include "notify.h"
#include "queue.h"

static struct kmem_cache *kdbus_tracker_cache;
static struct workqueue_struct *kdbus_reply_wq;

/**
 * kdbus_reply_module_init() - make what requests share
 *
 * Context: module init; may sleep.
 * Return: 0 or -ENOMEM.
 */
int kdbus_reply_module_init(void)
{
	kdbus_tracker_cache = kmem_cache_create(KBUILD_MODNAME "_tracker",
						sizeof(struct kdbus_tracker), 0,
						SLAB_ACCOUNT, NULL);
	if (!kdbus_tracker_cache)
		return -ENOMEM;

	kdbus_reply_wq = alloc_workqueue(KBUILD_MODNAME, WQ_UNBOUND, 0);
	if (!kdbus_reply_wq) {
		kmem_cache_destroy(kdbus_tracker_cache);
		return -ENOMEM;
	}

	return 0;
}

/**
 * kdbus_reply_module_exit() - release what requests share
 *
 * Context: module exit; no connection exists any more.
 */
void kdbus_reply_module_exit(void)
{
	destroy_workqueue(kdbus_reply_wq);
	kmem_cache_destroy(kdbus_tracker_cache);
}

/*
 * Trackers
 */

/**
 * kdbus_tracker_new() - reserve a slot for a request
 * @requester:	who is going to wait
 * @msg:	request
 * @sync:	a task waits
 *
 * The slot is given back by kdbus_tracker_cancel() unless the request is
 * committed.
 *
 * Context: may sleep; takes @requester's lock.
 * Return: the tracker with a reference for the caller; or an ERR_PTR: -EMLINK
 *         if there are too many requests already; -ENOMEM.
 */
struct kdbus_tracker *kdbus_tracker_new(struct kdbus_conn *requester,
					const struct kdbus_message *msg,
					bool sync)
{
	struct kdbus_tracker *tracker;
	bool full;

	tracker = kmem_cache_zalloc(kdbus_tracker_cache, GFP_KERNEL);
	if (!tracker)
		return ERR_PTR(-ENOMEM);

	refcount_set(&tracker->ref, 1);
	tracker->cookie = msg->hdr->cookie;
	tracker->deadline = msg->hdr->timeout_ns;
	tracker->dst_id = msg->hdr->dst_id;
	tracker->sync = sync;
	INIT_LIST_HEAD(&tracker->owed);
	INIT_LIST_HEAD(&tracker->request);
	init_waitqueue_head(&tracker->wait);

	if (sync && msg->dst_name) {
		tracker->dst_name = kstrdup(msg->dst_name, GFP_KERNEL_ACCOUNT);
		if (!tracker->dst_name) {
			kmem_cache_free(kdbus_tracker_cache, tracker);
			return ERR_PTR(-ENOMEM);
		}
	}

	spin_lock(&requester->lock);
	full = requester->n_requests >= KDBUS_CONN_MAX_REQUESTS;
	if (!full)
		requester->n_requests++;
	spin_unlock(&requester->lock);

	if (full) {
		kdbus_limit_refused(requester->user, KDBUS_LIMIT_REQUESTS);
		kfree(tracker->dst_name);
		kmem_cache_free(kdbus_tracker_cache, tracker);
		return ERR_PTR(-EMLINK);
	}

	tracker->requester = kdbus_conn_ref(requester);
	return tracker;
}

/**
 * kdbus_tracker_cancel() - give back a slot that was not used
 * @tracker:	tracker whose request was not committed; the caller's reference
 *		is dropped
 *
 * Context: may sleep; takes the requester's lock.
 */
void kdbus_tracker_cancel(struct kdbus_tracker *tracker)
{
	struct kdbus_conn *requester = tracker->requester;

	spin_lock(&requester->lock);
	requester->n_requests--;
	spin_unlock(&requester->lock);

	kdbus_tracker_unref(tracker);
}

/**
 * kdbus_tracker_ref() - take a reference
 * @tracker:	tracker the caller has a reference on, or whose list it locked
 *
 * Context: any.
 * Return: @tracker
 */
struct kdbus_tracker *kdbus_tracker_ref(struct kdbus_tracker *tracker)
{
	refcount_inc(&tracker->ref);
	return tracker;
}

/**
 * kdbus_tracker_free() - free a tracker without references
 * @tracker:	tracker
 *
 * Context: may sleep.
 */
void kdbus_tracker_free(struct kdbus_tracker *tracker)
{
	WARN_ON(tracker->reply || tracker->entry || tracker->replier);
	kdbus_conn_unref(tracker->requester);
	kfree(tracker->dst_name);
	kmem_cache_free(kdbus_tracker_cache, tracker);
}

/* the list's reference goes to the caller; the requester is locked */
static void kdbus_tracker_unlink_request(struct kdbus_tracker *tracker)
{
	lockdep_assert_held(&tracker->requester->lock);

	list_del_init(&tracker->request);
	tracker->requester->n_requests--;
}

/**
 * kdbus_reply_detach() - a request leaves the queue of the replier
 * @entry:	entry of a connection's queue
 *
 * Context: the connection's lock is held.
 * Return: the tracker of the request, with a reference for the caller; or NULL
 *         if no reply is owed.
 */
struct kdbus_tracker *kdbus_reply_detach(struct kdbus_entry *entry)
{
	struct kdbus_tracker *tracker = entry->tracker;

	if (tracker) {
		entry->tracker = NULL;
		tracker->entry = NULL;
		kdbus_tracker_ref(tracker);
	}

	return tracker;
}

/* take a tracker off the replier's list; its reference goes to the caller */
static void kdbus_tracker_del_owed(struct kdbus_tracker *tracker)
{
	list_del_init(&tracker->owed);
	if (tracker->entry)
		tracker->entry->tracker = NULL;
	tracker->entry = NULL;
}

/*
 * The replier of a decided tracker does not owe anything any more. Whoever comes
 * first does it: neither party keeps the other's memory longer than needed.
 */
static void kdbus_tracker_unlink_owed(struct kdbus_tracker *tracker)
{
	struct kdbus_conn *replier = xchg(&tracker->replier, NULL);
	bool linked;

	if (!replier)
		return;

	spin_lock(&replier->lock);
	linked = !list_empty(&tracker->owed);
	if (linked)
		kdbus_tracker_del_owed(tracker);
	spin_unlock(&replier->lock);

	if (linked)
		kdbus_tracker_unref(tracker);
	kdbus_conn_unref(replier);
}

/**
 * kdbus_tracker_find() - find the request that a reply belongs to
 * @requester:	destination of the reply
 * @replier:	sender of the reply
 * @cookie:	cookie_reply of the reply
 *
 * Context: takes @requester's lock.
 * Return: the newest request that waits for that reply, with a reference for
 *         the caller; or NULL. It may be decided otherwise at any time.
 */
struct kdbus_tracker *kdbus_tracker_find(struct kdbus_conn *requester,
					 struct kdbus_conn *replier,
					 u64 cookie)
{
	struct kdbus_tracker *tracker;

	spin_lock(&requester->lock);
	list_for_each_entry(tracker, &requester->requests, request) {
		if (tracker->cookie == cookie && !tracker->done &&
		    tracker->replier == replier) {
			kdbus_tracker_ref(tracker);
			spin_unlock(&requester->lock);
			return tracker;
		}
	}
	spin_unlock(&requester->lock);

	return NULL;
}

static bool kdbus_tracker_is_for(const struct kdbus_tracker *tracker,
				 const struct kdbus_message *msg)
{
	if (tracker->cookie != msg->hdr->cookie ||
	    tracker->dst_id != msg->hdr->dst_id ||
	    !tracker->dst_name != !msg->dst_name)
		return false;

	return !msg->dst_name || !strcmp(tracker->dst_name, msg->dst_name);
}

/**
 * kdbus_tracker_resume() - find a call that was interrupted
 * @requester:	sender of the call
 * @msg:	call that may be the same again
 *
 * Context: takes @requester's lock.
 * Return: the tracker, not parked any more, with a reference for the caller; or
 *         NULL.
 */
struct kdbus_tracker *kdbus_tracker_resume(struct kdbus_conn *requester,
					   const struct kdbus_message *msg)
{
	struct kdbus_tracker *tracker, *found = NULL;

	spin_lock(&requester->lock);
	list_for_each_entry(tracker, &requester->requests, request) {
		if (tracker->parked && kdbus_tracker_is_for(tracker, msg)) {
			tracker->parked = false;
			found = kdbus_tracker_ref(tracker);
			break;
		}
	}
	spin_unlock(&requester->lock);

	return found;
}

/* have the timeout run no later than @deadline; the requester is locked */
static void kdbus_reply_arm(struct kdbus_conn *requester, u64 deadline)
{
	s64 left;

	lockdep_assert_held(&requester->lock);

	/* the largest value stands for never */
	if (requester->dead || deadline >= (u64)requester->deadline)
		return;

	requester->deadline = deadline;
	left = max_t(s64, ktime_sub(deadline, ktime_get()), 0);
	/* a timer may be late but must not be early */
	mod_delayed_work(kdbus_reply_wq, &requester->timeout,
			 left ? min_t(u64, nsecs_to_jiffies64(left),
				      MAX_JIFFY_OFFSET) + 1 : 0);
}

/**
 * kdbus_tracker_park() - leave a call because of a signal
 * @tracker:	synchronous tracker that the caller waits for
 *
 * Context: takes the requester's lock.
 * Return: true if the tracker waits for the call to be issued again; false if
 *         the outcome is there and has to be taken.
 */
bool kdbus_tracker_park(struct kdbus_tracker *tracker)
{
	struct kdbus_conn *requester = tracker->requester;
	bool parked;

	spin_lock(&requester->lock);
	parked = !tracker->done && !requester->dead;
	if (parked) {
		tracker->parked = true;
		kdbus_reply_arm(requester, tracker->deadline);
	}
	spin_unlock(&requester->lock);

	return parked;
}

/**
 * kdbus_tracker_collect() - end the wait for a synchronous request
 * @tracker:	synchronous tracker that the caller waits for; its reference
 *		stays with the caller
 * @error:	in: outcome if none was decided; out: outcome
 *
 * Context: may sleep; takes the locks of both parties.
 * Return: the reply, the caller's from now on; or NULL.
 */
struct kdbus_entry *kdbus_tracker_collect(struct kdbus_tracker *tracker,
					  int *error)
{
	struct kdbus_conn *requester = tracker->requester;
	struct kdbus_entry *entry;
	bool linked;

	spin_lock(&requester->lock);
	linked = !list_empty(&tracker->request);
	if (linked)
		kdbus_tracker_unlink_request(tracker);
	if (tracker->done)
		*error = tracker->error;
	WRITE_ONCE(tracker->done, true);
	entry = tracker->reply;
	tracker->reply = NULL;
	spin_unlock(&requester->lock);

	if (linked)
		kdbus_tracker_unref(tracker);
	kdbus_tracker_unlink_owed(tracker);
	return entry;
}

/*
 * Outcomes. Whoever finds a tracker not done under the requester's lock and
 * sets it done has decided.
 */

/* decide; for an asynchronous tracker the list's reference goes to the caller */
static void kdbus_tracker_decide(struct kdbus_tracker *tracker, int error,
				 struct kdbus_entry *reply)
{
	lockdep_assert_held(&tracker->requester->lock);

	WRITE_ONCE(tracker->done, true);
	if (tracker->sync) {
		tracker->error = error;
		tracker->reply = reply;
		/* the waker is about to sleep or to reply to somebody else */
		wake_up_interruptible_sync_poll(&tracker->wait, EPOLLIN);
	} else {
		kdbus_tracker_unlink_request(tracker);
	}
}

/* decide unless that was done; and if @replier is not NULL, unless it moved on */
static bool kdbus_tracker_try_decide(struct kdbus_tracker *tracker,
				     const struct kdbus_conn *replier,
				     int error)
{
	bool decided;

	spin_lock(&tracker->requester->lock);
	decided = !tracker->done && !list_empty(&tracker->request) &&
		  (!replier || tracker->replier == replier);
	if (decided)
		kdbus_tracker_decide(tracker, error, NULL);
	spin_unlock(&tracker->requester->lock);

	if (decided) {
		if (!tracker->sync)
			kdbus_tracker_unref(tracker);
		kdbus_tracker_unlink_owed(tracker);
	}
	return decided;
}

/**
 * kdbus_reply_fail() - end a synchronous request without a reply
 * @tracker:	tracker
 * @replier:	who could not reply
 * @error:	what the waiting task gets
 *
 * Does nothing if the request is asynchronous or decided, or if somebody else
 * has to reply by now.
 *
 * Context: may sleep; takes the locks of both parties.
 */
void kdbus_reply_fail(struct kdbus_tracker *tracker,
		      const struct kdbus_conn *replier, int error)
{
	if (tracker->sync)
		kdbus_tracker_try_decide(tracker, replier, error);
}

/**
 * kdbus_reply_abandon() - there will be no reply
 * @tracker:	tracker, or NULL
 *
 * The requester learns it: a task gets -EPIPE, otherwise REPLY_DEAD is queued
 * when this returns. Does nothing if the request is decided.
 *
 * Context: may sleep; takes the locks of both parties.
 */
void kdbus_reply_abandon(struct kdbus_tracker *tracker)
{
	if (tracker && kdbus_tracker_try_decide(tracker, NULL, -EPIPE) &&
	    !tracker->sync)
		kdbus_notify_reply(tracker->requester, KDBUS_ITEM_REPLY_DEAD,
				   tracker->cookie);
}

/**
 * kdbus_reply_commit_request() - deliver a request
 * @msg:	message; copies for monitors were staged
 * @src:	requester
 * @dst:	replier
 * @entry:	staged entry. Belongs to @dst on success, else it is freed
 * @tracker:	new tracker, visible together with the request
 *
 * Context: may sleep; takes the locks of both parties.
 * Return: 0, or -ECONNRESET if one of the two is disconnected; -ESTALE if the
 *         message has to be resolved anew.
 */
int kdbus_reply_commit_request(struct kdbus_message *msg,
			       struct kdbus_conn *src, struct kdbus_conn *dst,
			       struct kdbus_entry *entry,
			       struct kdbus_tracker *tracker)
{
	int r = -ECONNRESET;

	if (!kdbus_active_acquire(&src->active))
		goto exit;

	kdbus_cast_announce(&msg->cast);
	kdbus_conn_lock_two(src, dst);
	r = src->dead ? -ECONNRESET : kdbus_deliver_check(dst, entry);
	if (r >= 0) {
		tracker->replier = kdbus_conn_ref(dst);
		list_add(&kdbus_tracker_ref(tracker)->request, &src->requests);
		list_add_tail(&kdbus_tracker_ref(tracker)->owed, &dst->owed);
		entry->tracker = tracker;
		tracker->entry = entry;
		if (!tracker->sync)
			kdbus_reply_arm(src, tracker->deadline);
		kdbus_deliver_number(msg, dst, entry);
		kdbus_queue_insert(&dst->queue, entry);
	}
	kdbus_conn_unlock_two(src, dst);
	kdbus_deliver_finish_copies(msg, dst->bus, r);

	if (r >= 0)
		kdbus_conn_wake(dst);
	kdbus_active_release(&src->active);

exit:
	if (r < 0)
		kdbus_deliver_free(dst, entry);
	return r;
}

/**
 * kdbus_reply_retarget() - begin to expect a reply from another connection
 * @entry:	request that was taken out of @from's queue, but may be decided
 * @from:	who had to reply
 * @to:		who has to, once kdbus_reply_commit_moved() was called
 *
 * Neither of the two can end meanwhile.
 *
 * Context: takes the locks of @from and the requester.
 * Return: the tracker with a reference for the caller; or NULL if no reply is
 *         expected any more. It has nothing to do with @entry then.
 */
struct kdbus_tracker *kdbus_reply_retarget(struct kdbus_entry *entry,
					   struct kdbus_conn *from,
					   struct kdbus_conn *to)
{
	struct kdbus_tracker *tracker;
	bool open;

	spin_lock(&from->lock);
	tracker = kdbus_reply_detach(entry);
	spin_unlock(&from->lock);
	if (!tracker)
		return NULL;

	kdbus_conn_lock_two(tracker->requester, from);
	open = !tracker->done;
	if (open) {
		kdbus_tracker_del_owed(tracker);
		tracker->replier = kdbus_conn_ref(to);
	}
	kdbus_conn_unlock_two(tracker->requester, from);

	/* what the list had is not needed: the caller has its own reference */
	kdbus_tracker_unref(tracker);
	if (!open)
		return NULL;
	kdbus_conn_unref(from);
	return tracker;
}

/**
 * kdbus_reply_commit_moved() - put a message into another connection's queue
 * @to:		connection
 * @entry:	staged copy, belongs to @to from now on
 * @tracker:	its tracker, with a reference that goes over; or NULL
 *
 * Context: takes the locks of @to and the requester.
 */
void kdbus_reply_commit_moved(struct kdbus_conn *to, struct kdbus_entry *entry,
			      struct kdbus_tracker *tracker)
{
	struct kdbus_conn *requester = tracker ? tracker->requester : to;
	bool open;

	kdbus_conn_lock_two(requester, to);
	open = tracker && !tracker->done;
	if (open) {
		list_add_tail(&tracker->owed, &to->owed);
		entry->tracker = tracker;
		tracker->entry = entry;
	}
	/* behind what is there, and before what is numbered from now on */
	kdbus_queue_settle(&to->queue, &to->bus->commit_lock);
	entry->order = atomic64_inc_return(&to->bus->seqnum);
	kdbus_queue_insert(&to->queue, entry);
	kdbus_conn_unlock_two(requester, to);

	if (!open)
		kdbus_tracker_unref(tracker);
}

/**
 * kdbus_reply_commit() - deliver a reply
 * @msg:	message; copies for monitors were staged
 * @src:	replier
 * @dst:	requester
 * @entry:	staged entry. Belongs to @dst on success, else it is freed
 * @tracker:	request that this is the reply to
 *
 * Context: may sleep; takes the locks of both parties.
 * Return: 0; -EBADSLT if the request was decided meanwhile, or moved to another
 *         replier; -ECONNRESET if one of the two is disconnected; -ESTALE if the
 *         message has to be resolved anew.
 */
int kdbus_reply_commit(struct kdbus_message *msg, struct kdbus_conn *src,
		       struct kdbus_conn *dst, struct kdbus_entry *entry,
		       struct kdbus_tracker *tracker)
{
	int r = -ECONNRESET;

	if (!kdbus_active_acquire(&src->active))
		goto exit;

	kdbus_cast_announce(&msg->cast);
	spin_lock(&dst->lock);
	r = kdbus_deliver_check(dst, entry);
	/* the request may have moved on while the reply was staged */
	if (r >= 0 && (tracker->done || tracker->replier != src))
		r = -EBADSLT;
	if (r >= 0) {
		kdbus_deliver_number(msg, dst, entry);
		if (!tracker->sync)
			kdbus_queue_insert(&dst->queue, entry);
		kdbus_tracker_decide(tracker, 0, tracker->sync ? entry : NULL);
	}
	spin_unlock(&dst->lock);
	kdbus_deliver_finish_copies(msg, dst->bus, r);

	if (r >= 0) {
		if (!tracker->sync) {
			kdbus_conn_wake(dst);
			kdbus_tracker_unref(tracker);
		}
		kdbus_tracker_unlink_owed(tracker);
	}
	kdbus_active_release(&src->active);

exit:
	if (r < 0)
		kdbus_deliver_free(dst, entry);
	return r;
}

/*
 * Deadlines
 */

/* take an expired tracker out, or find out when to look again */
static struct kdbus_tracker *kdbus_reply_expire(struct kdbus_conn *conn,
						struct kdbus_entry **reply)
{
	struct kdbus_tracker *tracker, *expired = NULL;
	u64 now = ktime_get_ns();
	u64 next = U64_MAX;

	spin_lock(&conn->lock);
	list_for_each_entry(tracker, &conn->requests, request) {
		/* a task that waits has its own clock */
		if (tracker->sync && !tracker->parked)
			continue;
		if (tracker->deadline <= now) {
			expired = tracker;
			break;
		}
		next = min(next, tracker->deadline);
	}

	if (expired) {
		WRITE_ONCE(expired->done, true);
		*reply = expired->reply;
		expired->reply = NULL;
		kdbus_tracker_unlink_request(expired);
	} else {
		conn->deadline = KTIME_MAX;
		kdbus_reply_arm(conn, next);
	}
	spin_unlock(&conn->lock);

	return expired;
}

static void kdbus_reply_timeout(struct work_struct *work)
{
	struct kdbus_conn *conn = container_of(work, struct kdbus_conn,
					       timeout.work);
	struct kdbus_tracker *tracker;
	struct kdbus_entry *reply;

	while ((tracker = kdbus_reply_expire(conn, &reply))) {
		kdbus_tracker_unlink_owed(tracker);
		if (tracker->sync)
			kdbus_deliver_free(conn, reply);
		else
			kdbus_notify_reply(conn, KDBUS_ITEM_REPLY_TIMEOUT,
					   tracker->cookie);
		kdbus_tracker_unref(tracker);
	}
}

/*
 * Life of a connection
 */

/**
 * kdbus_reply_init() - initialise the requests of a connection
 * @conn:	new connection
 *
 * Context: any.
 */
void kdbus_reply_init(struct kdbus_conn *conn)
{
	INIT_LIST_HEAD(&conn->requests);
	INIT_LIST_HEAD(&conn->owed);
	conn->n_requests = 0;
	conn->deadline = KTIME_MAX;
	INIT_DELAYED_WORK(&conn->timeout, kdbus_reply_timeout);
}

/**
 * kdbus_reply_wake_all() - make waiting tasks look at their connection
 * @conn:	connection that was marked dead
 *
 * Context: takes @conn's lock.
 */
void kdbus_reply_wake_all(struct kdbus_conn *conn)
{
	struct kdbus_tracker *tracker;

	spin_lock(&conn->lock);
	list_for_each_entry(tracker, &conn->requests, request)
		wake_up_interruptible(&tracker->wait);
	spin_unlock(&conn->lock);
}

/**
 * kdbus_reply_stop() - let no more deadlines pass
 * @conn:	connection that was marked dead
 *
 * Context: may sleep.
 */
void kdbus_reply_stop(struct kdbus_conn *conn)
{
	cancel_delayed_work_sync(&conn->timeout);
}

/**
 * kdbus_reply_forget_requests() - nobody waits for the replies any more
 * @conn:	connection that was marked dead
 *
 * A task that still waits gets what came so far, or -ECONNRESET.
 *
 * Context: may sleep; takes @conn's lock and those of the repliers.
 */
void kdbus_reply_forget_requests(struct kdbus_conn *conn)
{
	struct kdbus_tracker *tracker;
	struct kdbus_entry *reply;

	for (;;) {
		reply = NULL;
		spin_lock(&conn->lock);
		tracker = list_first_entry_or_null(&conn->requests,
						   struct kdbus_tracker,
						   request);
		if (tracker) {
			kdbus_tracker_unlink_request(tracker);
			if (!tracker->done)
				tracker->error = -ECONNRESET;
			WRITE_ONCE(tracker->done, true);
			if (tracker->parked)
				swap(reply, tracker->reply);
		}
		spin_unlock(&conn->lock);
		if (!tracker)
			break;

		kdbus_deliver_free(conn, reply);
		kdbus_tracker_unlink_owed(tracker);
		kdbus_tracker_unref(tracker);
	}
}

/**
 * kdbus_reply_abandon_owed() - tell requesters that no reply will come
 * @conn:	connection that was marked dead
 *
 * Context: may sleep; takes @conn's lock and those of the requesters.
 */
void kdbus_reply_abandon_owed(struct kdbus_conn *conn)
{
	struct kdbus_tracker *tracker;

	for (;;) {
		spin_lock(&conn->lock);
		tracker = list_first_entry_or_null(&conn->owed,
						   struct kdbus_tracker, owed);
		if (tracker)
			kdbus_tracker_del_owed(tracker);
		spin_unlock(&conn->lock);
		if (!tracker)
			break;

		kdbus_reply_abandon(tracker);
		/* if it was decided meanwhile, who did that may not be here yet */
		kdbus_tracker_unlink_owed(tracker);
		kdbus_tracker_unref(tracker);
	}
}
