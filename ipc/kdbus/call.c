// SPDX-License-Identifier: GPL-2.0
#include "call.h"

#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "connection.h"
#include "deliver.h"
#include "files.h"
#include "message.h"
#include "pool.h"
#include "queue.h"
#include "receive.h"
#include "reply.h"
#include "route.h"
#include "slice.h"

/* a deadline that no clock reaches has passed already */
static bool kdbus_call_is_late(u64 deadline)
{
	return deadline > KTIME_MAX || ktime_get_ns() >= deadline;
}

/* why the wait is over, or -EAGAIN if it is not; first of all wins */
static int kdbus_call_check(struct kdbus_conn *src,
			    struct kdbus_tracker *tracker, bool cancelled)
{
	if (READ_ONCE(src->dead))
		return -ECONNRESET;
	if (READ_ONCE(tracker->done))
		return 0;
	if (cancelled)
		return -ECANCELED;
	if (signal_pending(current))
		return -ERESTARTSYS;
	if (kdbus_call_is_late(tracker->deadline))
		return -ETIMEDOUT;
	return -EAGAIN;
}

/*
 * Sleep until there is a reason to wake up. The cancel file wakes the task
 * through the poll table, everything else through the tracker. A file may sleep
 * when it is polled, so it is asked before the task's state is set.
 */
static int kdbus_call_wait(struct kdbus_conn *src,
			   struct kdbus_tracker *tracker, struct file *cancel)
{
	ktime_t deadline = ns_to_ktime(tracker->deadline);
	struct poll_wqueues table;
	DEFINE_WAIT(wait);
	bool cancelled;
	int r;

	if (cancel) {
		poll_initwait(&table);
		table.pt._key = EPOLLIN;
		vfs_poll(cancel, &table.pt);
	}

	for (;;) {
		cancelled = false;
		if (cancel) {
			__set_current_state(TASK_RUNNING);
			/* poll's callback sets it without any mark */
			data_race(table.triggered = 0);
			/* what woke up once is seen below, or wakes up again */
			smp_mb();
			/* a file that could not be waited for ends the call */
			cancelled = table.error ||
				    (vfs_poll(cancel, NULL) & EPOLLIN);
		}

		prepare_to_wait(&tracker->wait, &wait, TASK_INTERRUPTIBLE);
		r = kdbus_call_check(src, tracker, cancelled);
		if (r != -EAGAIN)
			break;
		/* who sets it wakes this task afterwards */
		if (!cancel || !data_race(table.triggered))
			schedule_hrtimeout_range(&deadline, 0,
						 HRTIMER_MODE_ABS);
	}

	finish_wait(&tracker->wait, &wait);
	if (cancel)
		poll_freewait(&table);
	return r;
}

/* give the reply to the task; the entry is freed in any case */
static int kdbus_call_finish(struct kdbus_conn *src, struct kdbus_entry *entry,
			     struct kdbus_msg_info __user *reply)
{
	struct kdbus_files_installed installed kdbus_uninitialized;
	struct kdbus_msg_info info;
	int r;

	r = kdbus_receive_install(src, entry, &info, reply, sizeof(*reply),
				  &installed);
	if (r >= 0 && copy_to_user(reply, &info, sizeof(info))) {
		kdbus_files_uninstall(entry->files, src->pool, entry->slice,
				      &installed);
		r = -EFAULT;
	}

	if (r < 0)
		kdbus_deliver_free(src, entry);
	else
		kdbus_deliver_hand_over(src, entry);
	return r;
}

/**
 * kdbus_call() - send a request and wait for the reply
 * @src:	sending connection
 * @msg:	checked message that expects a reply
 * @cancel:	file whose readability ends the call, or NULL
 * @reply:	where to tell about the reply, in user space
 *
 * If the same call was interrupted by a signal before nothing is sent, and the
 * wait goes on.
 *
 * Context: may sleep, touches user memory.
 * Return: 0; -ETIMEDOUT; -ECANCELED; -EPIPE if the peer is gone or discarded
 *         the request; -EREMOTEIO if it replied with fds that @src does not
 *         take; -ENOBUFS, -EMFILE or -EXFULL if the reply did not fit;
 *         -ECONNRESET; -ERESTARTSYS; -EFAULT; -ENOMEM; or what
 *         kdbus_route_request() returns.
 */
int kdbus_call(struct kdbus_conn *src, struct kdbus_message *msg,
	       struct file *cancel, struct kdbus_msg_info __user *reply)
{
	struct kdbus_tracker *tracker;
	struct kdbus_entry *entry;
	int r;

	tracker = kdbus_tracker_resume(src, msg);
	if (!tracker) {
		if (kdbus_call_is_late(msg->hdr->timeout_ns))
			return -ETIMEDOUT;
		r = kdbus_route_request(src, msg, &tracker);
		if (r < 0)
			return r;
	}

	r = kdbus_call_wait(src, tracker, cancel);
	if (r == -ERESTARTSYS && kdbus_tracker_park(tracker)) {
		kdbus_tracker_unref(tracker);
		return r;
	}

	entry = kdbus_tracker_collect(tracker, &r);
	kdbus_tracker_unref(tracker);
	/* a reply that made it is not thrown away */
	return entry ? kdbus_call_finish(src, entry, reply) : r;
}
