/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_REPLY_H
#define KDBUS_REPLY_H

/**
 * DOC: Requests and replies
 *
 * A request is tracked until its reply has come, its deadline has passed or
 * one of the two parties is gone. A tracker is linked from both: from the
 * requester, under whose lock its outcome is decided, once; and from the
 * replier, under whose lock it is only unlinked. So either can end without
 * searching for the other.
 *
 * The outcome of an asynchronous request is a message: the reply, REPLY_TIMEOUT
 * or REPLY_DEAD. The outcome of a synchronous one is handed
 * to the task that waits. If that task was interrupted by a signal its tracker is parked, until
 * the call is issued again or the deadline has passed.
 */

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/wait.h>

struct file;
struct kdbus_conn;
struct kdbus_entry;
struct kdbus_message;

/**
 * struct kdbus_tracker - an outstanding request
 * @ref:	references; each of the two lists has one
 * @requester:	who waits for the reply, with a reference
 * @replier:	who has to reply, with a reference until @owed is unlinked. May
 *		be read under the requester's lock while not @done
 * @cookie:	cookie of the request
 * @deadline:	end of the wait, CLOCK_MONOTONIC in ns
 * @dst_id:	dst_id of the request as sent
 * @dst_name:	destination name of the request as sent, or NULL
 * @sync:	a task waits
 * @owed:	in &kdbus_conn.owed of the replier, under its lock
 * @entry:	the request, while it is in the replier's queue, under the
 *		replier's lock
 *
 * @request:	in &kdbus_conn.requests of the requester; like all below under
 *		its lock. An asynchronous tracker is taken off when its outcome
 *		is decided, a synchronous one when the task takes the outcome
 * @done:	the outcome is decided
 * @parked:	synchronous, and nobody waits at the moment
 * @error:	outcome of a synchronous request
 * @reply:	reply to a synchronous request, until somebody takes it
 * @wait:	where the task waits
 */
struct kdbus_tracker {
	refcount_t ref;
	struct kdbus_conn *requester;
	struct kdbus_conn *replier;
	u64 cookie;
	u64 deadline;
	u64 dst_id;
	char *dst_name;
	bool sync;
	struct list_head owed;
	struct kdbus_entry *entry;

	struct list_head request;
	bool done;
	bool parked;
	int error;
	struct kdbus_entry *reply;
	wait_queue_head_t wait;
};

int kdbus_reply_module_init(void);
void kdbus_reply_module_exit(void);

void kdbus_reply_init(struct kdbus_conn *conn);
void kdbus_reply_wake_all(struct kdbus_conn *conn);
void kdbus_reply_stop(struct kdbus_conn *conn);
void kdbus_reply_forget_requests(struct kdbus_conn *conn);
void kdbus_reply_abandon_owed(struct kdbus_conn *conn);

struct kdbus_tracker *kdbus_tracker_new(struct kdbus_conn *requester,
					const struct kdbus_message *msg,
					bool sync);
void kdbus_tracker_cancel(struct kdbus_tracker *tracker);
struct kdbus_tracker *kdbus_tracker_ref(struct kdbus_tracker *tracker);
void kdbus_tracker_free(struct kdbus_tracker *tracker);
struct kdbus_tracker *kdbus_tracker_find(struct kdbus_conn *requester,
					 struct kdbus_conn *replier,
					 u64 cookie);
struct kdbus_tracker *kdbus_tracker_resume(struct kdbus_conn *requester,
					   const struct kdbus_message *msg);
bool kdbus_tracker_park(struct kdbus_tracker *tracker);
struct kdbus_entry *kdbus_tracker_collect(struct kdbus_tracker *tracker,
					  int *error);

int kdbus_reply_commit_request(struct kdbus_message *msg,
			       struct kdbus_conn *src, struct kdbus_conn *dst,
			       struct kdbus_entry *entry,
			       struct kdbus_tracker *tracker);
int kdbus_reply_commit(struct kdbus_message *msg, struct kdbus_conn *src,
		       struct kdbus_conn *dst, struct kdbus_entry *entry,
		       struct kdbus_tracker *tracker);
struct kdbus_tracker *kdbus_reply_retarget(struct kdbus_entry *entry,
					   struct kdbus_conn *from,
					   struct kdbus_conn *to);
void kdbus_reply_commit_moved(struct kdbus_conn *to, struct kdbus_entry *entry,
			      struct kdbus_tracker *tracker);
void kdbus_reply_fail(struct kdbus_tracker *tracker,
		      const struct kdbus_conn *replier, int error);
void kdbus_reply_abandon(struct kdbus_tracker *tracker);
struct kdbus_tracker *kdbus_reply_detach(struct kdbus_entry *entry);

/**
 * kdbus_tracker_unref() - drop a reference
 * @tracker:	tracker, or NULL
 *
 * Context: may sleep.
 * Return: NULL
 */
static inline struct kdbus_tracker *
kdbus_tracker_unref(struct kdbus_tracker *tracker)
{
	if (tracker && refcount_dec_and_test(&tracker->ref))
		kdbus_tracker_free(tracker);
	return NULL;
}

#endif
