// SPDX-License-Identifier: GPL-2.0
#include "route.h"

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "broadcast.h"
#include "bus.h"
#include "call.h"
#include "command.h"
#include "compat.h"
#include "connection.h"
#include "deliver.h"
#include "match.h"
#include "message.h"
#include "monitor.h"
#include "name.h"
#include "policy.h"
#include "pool.h"
#include "reply.h"
#include "security.h"
#include "trace.h"

enum {
	SEND_NEGOTIATE,
	SEND_CANCEL_FD,
};

static const struct kdbus_item_spec kdbus_send_items[] = {
	[SEND_NEGOTIATE] = { .type = KDBUS_ITEM_NEGOTIATE },
	[SEND_CANCEL_FD] = { .type = KDBUS_ITEM_CANCEL_FD },
};

static const struct kdbus_command_spec kdbus_send_spec = {
	.size = sizeof(struct kdbus_cmd_send),
	.flags = KDBUS_SEND_SYNC_REPLY,
	.has_return_flags = true,
	.n_items = ARRAY_SIZE(kdbus_send_items),
	.items = kdbus_send_items,
};

/*
 * What may not be seen through a custom endpoint is to look as if it did not
 * exist. How the message names the destination decides what has to be seen.
 */
static bool kdbus_route_hides(const struct kdbus_conn *src,
			      const struct kdbus_conn *dst,
			      const struct kdbus_message *msg)
{
	if (msg->dst_name)
		return !kdbus_policy_may_see_name(src, current_cred(),
						  msg->dst_name);

	return !kdbus_policy_may_see(src, current_cred(), dst);
}

static int kdbus_route_hidden_error(const struct kdbus_message *msg)
{
	return msg->dst_name ? -ESRCH : -ENXIO;
}

/* an open request shows its sender to who has to reply, and to nobody else */
static bool kdbus_route_is_reply(const struct kdbus_message *msg)
{
	return msg->hdr->cookie_reply &&
	       !(msg->hdr->flags & (KDBUS_MSG_EXPECT_REPLY | KDBUS_MSG_SIGNAL));
}

static struct kdbus_conn *kdbus_route_by_name(struct kdbus_conn *src,
					      struct kdbus_message *msg)
{
	u64 dst_id = msg->hdr->dst_id;
	struct kdbus_conn *dst = NULL;
	int r = 0;

	/* a name that changes hands all the time must not hold a task */
	if (fatal_signal_pending(current))
		return ERR_PTR(-EINTR);

	/* the name may have changed hands while the message was staged */
	if (unlikely(msg->first_dst))
		kdbus_message_forget_first(msg);

	if (msg->name)
		dst = kdbus_name_get_holder(msg->name);
	if (unlikely(!dst)) {
		/* it is changing hands, or it is not the same name any more */
		msg->name = kdbus_name_unref(msg->name);
		dst = kdbus_name_resolve(src->bus, msg->dst_name, &msg->name);
		if (IS_ERR(dst))
			return dst;
	}

	if (dst_id != KDBUS_DST_ID_NAME && dst_id != dst->id)
		r = -EREMCHG;
	else if ((msg->hdr->flags & KDBUS_MSG_NO_AUTO_START) &&
		 kdbus_conn_is_activator(dst))
		r = -EADDRNOTAVAIL;
	if (unlikely(src->is_custom) && (r < 0 || !kdbus_route_is_reply(msg)) &&
	    kdbus_route_hides(src, dst, msg))
		r = -ESRCH;
	if (r < 0) {
		kdbus_conn_unref(dst);
		return ERR_PTR(r);
	}

	return dst;
}

static struct kdbus_conn *kdbus_route_by_id(struct kdbus_conn *src,
					    struct kdbus_message *msg)
{
	struct kdbus_conn *dst;

	dst = kdbus_conn_find(src->bus, msg->hdr->dst_id);
	if (!dst)
		return ERR_PTR(-ENXIO);

	if (!kdbus_conn_is_ordinary(dst) ||
	    (unlikely(src->is_custom) && !kdbus_route_is_reply(msg) &&
	     kdbus_route_hides(src, dst, msg))) {
		kdbus_conn_unref(dst);
		return ERR_PTR(-ENXIO);
	}

	return dst;
}

/* find the destination of a message that is no broadcast */
static struct kdbus_conn *kdbus_route_resolve(struct kdbus_conn *src,
					      struct kdbus_message *msg)
{
	return msg->dst_name ? kdbus_route_by_name(src, msg) :
			       kdbus_route_by_id(src, msg);
}

/* stage a message for its receiver and for the monitors */
static struct kdbus_entry *kdbus_route_stage(struct kdbus_conn *src,
					     struct kdbus_conn *dst,
					     struct kdbus_message *msg)
{
	struct kdbus_entry *entry;
	int r;

	entry = kdbus_deliver_stage(msg, src, dst);
	if (!IS_ERR(entry)) {
		r = kdbus_monitor_stage(msg, src->bus, src);
		if (r < 0) {
			kdbus_message_forget_first(msg);
			kdbus_deliver_free(dst, entry);
			return ERR_PTR(r);
		}
	} else if (PTR_ERR(entry) != -EFAULT) {
		/* they see what its receiver cannot take, too */
		kdbus_monitor_show(msg, src->bus, src);
	}

	return entry;
}

/*
 * Ask for permission. A refusal counts only if no name is changing hands: who held
 * the name may have left it, and with it what allowed to talk to him. It is rare
 * enough to wait for the registry's lock.
 */
static int kdbus_route_check_talk(struct kdbus_conn *src,
				  struct kdbus_conn *dst,
				  const struct kdbus_message *msg)
{
	struct mutex *lock = &src->bus->names.lock;
	int r = 0;

	if (likely(kdbus_policy_may_talk(src, current_cred(), dst) &&
		   kdbus_security_talk(src, dst)))
		return 0;

	if (mutex_lock_killable(lock) < 0)
		return -EINTR;
	if (msg->name && READ_ONCE(msg->name->holder) != dst)
		r = -ESTALE;
	else if (!kdbus_policy_may_talk(src, current_cred(), dst) ||
		 !kdbus_security_talk(src, dst))
		r = -EPERM;
	mutex_unlock(lock);

	if (r == -EPERM)
		trace_kdbus_deny_talk(src->id, dst->id);
	return r;
}

/*
 * Stage what needs permission. That is asked for again once the sender's memory
 * was read, which may have taken long enough for the policy to change.
 */
static struct kdbus_entry *
kdbus_route_stage_allowed(struct kdbus_conn *src, struct kdbus_conn *dst,
			  struct kdbus_message *msg)
{
	struct kdbus_entry *entry = kdbus_route_stage(src, dst, msg);
	int r;

	if (IS_ERR(entry))
		return entry;
	r = kdbus_route_check_talk(src, dst, msg);
	if (r >= 0)
		return entry;

	kdbus_message_forget_first(msg);
	kdbus_deliver_free(dst, entry);
	return ERR_PTR(r);
}

static int kdbus_route_plain(struct kdbus_conn *src, struct kdbus_conn *dst,
			     struct kdbus_message *msg)
{
	struct kdbus_entry *entry;
	int r;

	r = kdbus_route_check_talk(src, dst, msg);
	if (r < 0)
		return r;

	entry = kdbus_route_stage_allowed(src, dst, msg);
	if (IS_ERR(entry))
		return PTR_ERR(entry);

	return kdbus_deliver_commit(msg, src, dst, entry);
}

/*
 * A signal that nobody wants is only for monitors. Its payload would not be read
 * if there were none, and that there are is not the sender's to know.
 */
static int kdbus_route_unwanted(struct kdbus_conn *src,
				struct kdbus_message *msg)
{
	int r = kdbus_monitor_show(msg, src->bus, src);

	return r == -EFAULT ? 0 : r;
}

/*
 * Nobody wants a signal, or so it seems: the owner of a name may have given it
 * away before its matches went, and the next one is to be asked then. What is
 * found while names stay where they are counts.
 *
 * Return: 0; -ESTALE to look the name up again; or -EINTR.
 */
static int kdbus_route_check_unwanted(struct kdbus_conn *src,
				      struct kdbus_conn *dst,
				      const struct kdbus_message *msg)
{
	struct mutex *lock = &src->bus->names.lock;
	int r = 0;

	if (!msg->name)
		return 0;

	if (mutex_lock_killable(lock) < 0)
		return -EINTR;
	if (READ_ONCE(msg->name->holder) != dst ||
	    kdbus_broadcast_is_wanted(src, dst, msg))
		r = -ESTALE;
	mutex_unlock(lock);

	return r;
}

/* a signal reaches who wants it and is no error otherwise */
static int kdbus_route_signal(struct kdbus_conn *src, struct kdbus_conn *dst,
			      struct kdbus_message *msg)
{
	struct kdbus_entry *entry;
	int r;

	if (!kdbus_broadcast_is_wanted(src, dst, msg)) {
		r = kdbus_route_check_unwanted(src, dst, msg);
		return r < 0 ? r : kdbus_route_unwanted(src, msg);
	}

	entry = kdbus_route_stage(src, dst, msg);
	if (IS_ERR(entry)) {
		r = PTR_ERR(entry);
	} else if (kdbus_broadcast_is_wanted(src, dst, msg)) {
		r = kdbus_deliver_commit(msg, src, dst, entry);
	} else {
		r = kdbus_route_check_unwanted(src, dst, msg);
		if (r >= 0)
			r = kdbus_monitor_show(msg, src->bus, src);
		kdbus_message_forget_first(msg);
		kdbus_deliver_free(dst, entry);
		return r;
	}

	/* what the sender did wrong, or did not do, is his */
	if (r == -EFAULT || r == -ESTALE || r == -EINTR)
		return r;
	/* the rest is the receiver's loss */
	if (r < 0 && r != -ECONNRESET)
		kdbus_deliver_lost(dst);
	return kdbus_conn_is_alive(src) ? 0 : -ECONNRESET;
}

static int kdbus_route_reply(struct kdbus_conn *src, struct kdbus_conn *dst,
			     struct kdbus_message *msg)
{
	struct kdbus_tracker *tracker;
	struct kdbus_entry *entry;
	int r;

	/* that the request is open is all the permission that is needed */
	tracker = kdbus_tracker_find(dst, src, msg->hdr->cookie_reply);
	if (!tracker)
		return kdbus_route_hides(src, dst, msg) ?
		       kdbus_route_hidden_error(msg) : -EBADSLT;

	entry = kdbus_route_stage(src, dst, msg);
	if (!IS_ERR(entry)) {
		r = kdbus_reply_commit(msg, src, dst, entry, tracker);
	} else {
		r = PTR_ERR(entry);
		/* what is the requester's own fault ends its call */
		if (r == -ECOMM || r == -EPERM)
			kdbus_reply_fail(tracker, src, -EREMOTEIO);
		else if (r == -ENOBUFS || r == -EMFILE || r == -EXFULL)
			kdbus_reply_fail(tracker, src, r);
	}

	kdbus_tracker_unref(tracker);
	return r;
}

static int kdbus_route_request_to(struct kdbus_conn *src,
				  struct kdbus_conn *dst,
				  struct kdbus_message *msg,
				  struct kdbus_tracker **out)
{
	struct kdbus_tracker *tracker;
	struct kdbus_entry *entry;
	int r;

	r = kdbus_route_check_talk(src, dst, msg);
	if (r < 0)
		return r;

	tracker = kdbus_tracker_new(src, msg, out);
	if (IS_ERR(tracker))
		return PTR_ERR(tracker);

	entry = kdbus_route_stage_allowed(src, dst, msg);
	if (IS_ERR(entry))
		r = PTR_ERR(entry);
	else
		r = kdbus_reply_commit_request(msg, src, dst, entry, tracker);

	if (r < 0)
		kdbus_tracker_cancel(tracker);
	else if (out)
		*out = tracker;
	else
		kdbus_tracker_unref(tracker);
	return r;
}

/**
 * kdbus_route_request() - deliver a message that expects a reply
 * @src:	sending connection
 * @msg:	checked message
 * @out:	where to store the tracker of a synchronous request, with a
 *		reference for the caller; NULL if the request is asynchronous
 *
 * Context: may sleep, touches user memory.
 * Return: 0; -ENXIO, -ESRCH or -EREMCHG if there is no such destination; -EPERM
 *         if @src may not talk to it; -EMLINK if @src has too many open
 *         requests; or what kdbus_deliver_stage() and
 *         kdbus_reply_commit_request() return.
 */
int kdbus_route_request(struct kdbus_conn *src, struct kdbus_message *msg,
			struct kdbus_tracker **out)
{
	struct kdbus_conn *dst;
	int r;

	do {
		dst = kdbus_route_resolve(src, msg);
		if (IS_ERR(dst))
			return PTR_ERR(dst);

		r = kdbus_route_request_to(src, dst, msg, out);
		kdbus_conn_unref(dst);
	} while (r == -ESTALE);

	return r;
}

static int kdbus_route_message_to(struct kdbus_conn *src,
				  struct kdbus_conn *dst,
				  struct kdbus_message *msg)
{
	if (msg->hdr->flags & KDBUS_MSG_SIGNAL)
		return kdbus_route_signal(src, dst, msg);
	if (msg->hdr->cookie_reply)
		return kdbus_route_reply(src, dst, msg);
	return kdbus_route_plain(src, dst, msg);
}

static int kdbus_route(struct kdbus_conn *src, struct kdbus_message *msg)
{
	struct kdbus_conn *dst;
	int r;

	if (kdbus_message_is_broadcast(msg))
		return kdbus_broadcast(src, msg);
	if (msg->hdr->flags & KDBUS_MSG_EXPECT_REPLY)
		return kdbus_route_request(src, msg, NULL);

	do {
		dst = kdbus_route_resolve(src, msg);
		if (IS_ERR(dst))
			return PTR_ERR(dst);

		r = kdbus_route_message_to(src, dst, msg);
		kdbus_conn_unref(dst);
	} while (r == -ESTALE);

	return r;
}

/*
 * The command
 */

static struct file *kdbus_send_get_cancel(const struct kdbus_item *item)
{
	struct file *file;

	if (!item)
		return NULL;

	file = fget(item->fds[0]);
	if (!file)
		return ERR_PTR(-EBADF);
	if (!file_can_poll(file)) {
		fput(file);
		return ERR_PTR(-EINVAL);
	}

	return file;
}

static int kdbus_send_checked(struct kdbus_conn *src, struct kdbus_message *msg,
			      const struct kdbus_command *command)
{
	struct kdbus_cmd_send __user *user = command->user;
	const struct kdbus_cmd_send *cmd = command->data;
	bool sync = cmd->flags & KDBUS_SEND_SYNC_REPLY;
	struct kdbus_msg_info info = {
		.offset = src->pool->size,
	};
	struct file *cancel;
	int r;

	cancel = kdbus_send_get_cancel(command->items[SEND_CANCEL_FD]);
	if (IS_ERR(cancel))
		return PTR_ERR(cancel);

	r = kdbus_message_check_content(msg, src, sync);
	if (r < 0)
		goto exit;

	if (sync) {
		r = kdbus_call(src, msg, cancel, &user->reply);
	} else {
		r = kdbus_route(src, msg);
		if (r >= 0 && copy_to_user(&user->reply, &info, sizeof(info)))
			r = -EFAULT;
	}

exit:
	trace_kdbus_send(msg->hdr, src->id, r);
	if (cancel)
		fput(cancel);
	return r;
}

static noinline_for_stack int
kdbus_send_message(struct kdbus_conn *src, const struct kdbus_command *command,
		   bool negotiated)
{
	const struct kdbus_cmd_send *cmd = command->data;
	struct kdbus_message msg kdbus_uninitialized;
	void __user *user;
	int r;

	if (cmd->msg_address > ULONG_MAX)
		return -EFAULT;
	user = u64_to_user_ptr(cmd->msg_address);

	r = kdbus_message_import(&msg, src, user);
	if (r >= 0 && !negotiated)
		r = r > 0 ? -EINVAL : kdbus_send_checked(src, &msg, command);

	kdbus_message_release(&msg);
	return min(r, 0);
}

/**
 * kdbus_cmd_send() - KDBUS_CMD_SEND
 * @src:	sending connection
 * @argp:	struct kdbus_cmd_send in user space
 *
 * Context: may sleep, touches user memory.
 * Return: 0 or one of the many errors that Documentation/kdbus.txt lists for
 *         SEND. Unless it is -EFAULT because the result cannot be written,
 *         nothing was sent then.
 */
int kdbus_cmd_send(struct kdbus_conn *src, void __user *argp)
{
	struct kdbus_command command kdbus_uninitialized;
	const struct kdbus_cmd_send *cmd;
	int r;

	r = kdbus_command_import_short(&command, &kdbus_send_spec,
				       argp);
	if (r >= 0) {
		cmd = command.data;
		/* to ask what SEND knows no message is needed */
		if (r > 0 && !cmd->msg_address)
			r = 0;
		else
			r = kdbus_send_message(src, &command, r > 0);
	}

	kdbus_command_release(&command);
	return r;
}
