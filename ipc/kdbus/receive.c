// SPDX-License-Identifier: GPL-2.0
#include "receive.h"

#include <linux/errno.h>
#include <linux/pagemap.h>
#include <linux/uaccess.h>

#include "bus.h"
#include "command.h"
#include "compat.h"
#include "connection.h"
#include "deliver.h"
#include "files.h"
#include "name.h"
#include "pool.h"
#include "queue.h"
#include "reply.h"
#include "security.h"
#include "trace.h"

static const struct kdbus_item_spec kdbus_no_items[] = {
	{ .type = KDBUS_ITEM_NEGOTIATE },
};

static const struct kdbus_command_spec kdbus_recv_spec = {
	.size = sizeof(struct kdbus_cmd_recv),
	.flags = KDBUS_RECV_PEEK | KDBUS_RECV_DROP | KDBUS_RECV_USE_PRIORITY,
	.has_return_flags = true,
	.n_items = ARRAY_SIZE(kdbus_no_items),
	.items = kdbus_no_items,
};

static const struct kdbus_command_spec kdbus_free_spec = {
	.size = sizeof(struct kdbus_cmd_free),
	.has_return_flags = true,
	.n_items = ARRAY_SIZE(kdbus_no_items),
	.items = kdbus_no_items,
};

/*
 * A message gets its number after its content was written, so it is completed
 * just before user space may see it.
 */
static int kdbus_receive_write_seqnum(struct kdbus_conn *conn,
				      const struct kdbus_entry *entry)
{
	struct kdbus_pool_cursor cursor kdbus_uninitialized;
	int r;

	if (!entry->seqnum_offset)
		return 0;

	kdbus_pool_cursor_init(&cursor, conn->pool, entry->slice, 0);
	r = kdbus_pool_write(&cursor, entry->seqnum_offset, &entry->seqnum,
			     sizeof(entry->seqnum));
	kdbus_pool_cursor_deinit(&cursor);
	return r;
}

/**
 * kdbus_receive_install() - complete a message for the calling task
 * @conn:	receiver
 * @entry:	numbered entry that nobody else frees
 * @info:	filled in with what user space is told about the message
 * @user:	memory in user space where it will be told
 * @size:	bytes of that
 * @installed:	filled in with the files of the message. If user space cannot be
 *		told about them the caller takes them back with
 *		kdbus_files_uninstall()
 *
 * Context: may sleep, touches user memory.
 * Return: 0; -EFAULT or -ENOMEM with nothing done.
 */
int kdbus_receive_install(struct kdbus_conn *conn, struct kdbus_entry *entry,
			  struct kdbus_msg_info *info, void __user *user,
			  size_t size, struct kdbus_files_installed *installed)
{
	int r;

	/*
	 * Other threads may have got a number, or given it to something else,
	 * before it is taken back: do not let it come to that without need.
	 */
	if (unlikely(entry->files) && fault_in_safe_writeable(user, size))
		return -EFAULT;

	r = kdbus_receive_write_seqnum(conn, entry);
	if (r >= 0)
		r = kdbus_files_install(entry->files, conn->pool, entry->slice,
					conn->flags & KDBUS_HELLO_ACCEPT_FD,
					installed);
	if (r < 0)
		return r;

	info->offset = entry->slice->offset;
	info->msg_size = entry->slice->size;
	info->return_flags = installed->incomplete ?
			     KDBUS_RECV_RETURN_INCOMPLETE_FDS : 0;
	return 0;
}

/*
 * Find what RECV asks for and keep others from freeing it. The entry stays in
 * the queue.
 */
static struct kdbus_entry *kdbus_recv_claim(struct kdbus_conn *conn,
					    struct kdbus_cmd_recv *cmd)
{
	struct kdbus_entry *entry;

	spin_lock(&conn->lock);
	if (conn->dead) {
		spin_unlock(&conn->lock);
		return ERR_PTR(-ECONNRESET);
	}

	kdbus_queue_settle(&conn->queue, &conn->bus->commit_lock);
	if (cmd->flags & KDBUS_RECV_USE_PRIORITY)
		entry = kdbus_queue_first_priority(&conn->queue,
						   cmd->priority);
	else
		entry = kdbus_queue_first(&conn->queue);
	/* DROP takes the message, also if PEEK is set with it */
	if (entry)
		entry->claim = (cmd->flags & (KDBUS_RECV_PEEK |
					      KDBUS_RECV_DROP)) ==
			       KDBUS_RECV_PEEK ? KDBUS_CLAIM_PEEK :
						 KDBUS_CLAIM_TAKE;
	cmd->dropped_msgs = conn->queue.dropped;
	spin_unlock(&conn->lock);

	return entry;
}

/*
 * Give a claim back. If the entry is not in the queue any more, because it was
 * moved or the connection disconnected meanwhile, it has to be freed here.
 */
static void kdbus_recv_unclaim(struct kdbus_conn *conn,
			       struct kdbus_entry *entry)
{
	struct kdbus_name_entry *name = NULL;
	bool orphaned;

	spin_lock(&conn->lock);
	entry->claim = KDBUS_CLAIM_NONE;
	orphaned = list_empty(&entry->link);
	if (!orphaned && entry->left_behind)
		name = kdbus_name_ref(entry->name);
	spin_unlock(&conn->lock);

	if (orphaned)
		kdbus_deliver_free(conn, entry);
	if (name)
		kdbus_name_follow(name, conn);
	kdbus_name_unref(name);
}

/*
 * End a claim by taking the entry out of the queue. Returns the request that it
 * is, if the reply is still owed, with a reference. Nobody pays for the message
 * any more.
 */
static struct kdbus_tracker *kdbus_recv_consume(struct kdbus_conn *conn,
						struct kdbus_entry *entry)
{
	struct kdbus_tracker *tracker;
	struct kdbus_account *account;

	spin_lock(&conn->lock);
	if (!list_empty(&entry->link))
		kdbus_queue_remove(&conn->queue, entry);
	tracker = kdbus_reply_detach(entry);
	account = kdbus_deliver_end_charge(conn, entry, entry->slice->size);
	spin_unlock(&conn->lock);

	if (unlikely(account))
		kdbus_deliver_free_account(account);
	return tracker;
}

static bool kdbus_recv_write(const struct kdbus_cmd_recv *cmd,
			     struct kdbus_cmd_recv __user *user)
{
	if (!user_write_access_begin(user, sizeof(*user)))
		return false;

	unsafe_put_user(cmd->return_flags, &user->return_flags, fail);
	unsafe_put_user(cmd->dropped_msgs, &user->dropped_msgs, fail);
	unsafe_put_user(cmd->msg.offset, &user->msg.offset, fail);
	unsafe_put_user(cmd->msg.msg_size, &user->msg.msg_size, fail);
	unsafe_put_user(cmd->msg.return_flags, &user->msg.return_flags, fail);
	user_write_access_end();
	return true;

fail:
	user_write_access_end();
	return false;
}

/* tell user space; what it was told of lost messages is not told again */
static int kdbus_recv_report(struct kdbus_conn *conn,
			     struct kdbus_cmd_recv *cmd,
			     struct kdbus_cmd_recv __user *user)
{
	cmd->return_flags = cmd->dropped_msgs ?
			    KDBUS_RECV_RETURN_DROPPED_MSGS : 0;

	if (!kdbus_recv_write(cmd, user))
		return -EFAULT;

	if (cmd->dropped_msgs) {
		spin_lock(&conn->lock);
		conn->queue.dropped -= cmd->dropped_msgs;
		spin_unlock(&conn->lock);
	}

	return 0;
}

static int kdbus_recv_drop(struct kdbus_conn *conn, struct kdbus_cmd_recv *cmd,
			   struct kdbus_cmd_recv __user *user,
			   struct kdbus_entry *entry)
{
	struct kdbus_tracker *tracker;
	bool alive;
	int r;

	r = kdbus_recv_report(conn, cmd, user);
	if (r < 0) {
		kdbus_recv_unclaim(conn, entry);
		return r;
	}

	/*
	 * The end of the connection waits for this, so that who called learns
	 * of the reply first. If it came before, whatever is owed is settled
	 * there.
	 */
	alive = kdbus_active_acquire(&conn->active);
	tracker = kdbus_recv_consume(conn, entry);
	if (alive) {
		kdbus_reply_abandon(tracker);
		kdbus_active_release(&conn->active);
	}
	kdbus_tracker_unref(tracker);
	kdbus_deliver_free(conn, entry);
	return 0;
}

static int kdbus_recv_peek(struct kdbus_conn *conn, struct kdbus_cmd_recv *cmd,
			   struct kdbus_cmd_recv __user *user,
			   struct kdbus_entry *entry)
{
	int r;

	cmd->msg.offset = entry->slice->offset;
	cmd->msg.msg_size = entry->slice->size;
	r = kdbus_receive_write_seqnum(conn, entry);
	if (r >= 0)
		r = kdbus_recv_report(conn, cmd, user);
	if (r >= 0)
		kdbus_pool_publish(conn->pool, entry->slice, true);

	kdbus_recv_unclaim(conn, entry);
	return r;
}

static int kdbus_recv_take(struct kdbus_conn *conn, struct kdbus_cmd_recv *cmd,
			   struct kdbus_cmd_recv __user *user,
			   struct kdbus_entry *entry)
{
	struct kdbus_files_installed installed kdbus_uninitialized;
	int r;

	r = kdbus_receive_install(conn, entry, &cmd->msg, &user->return_flags,
				  sizeof(*user) -
				  offsetof(struct kdbus_cmd_recv, return_flags),
				  &installed);
	if (r >= 0) {
		r = kdbus_recv_report(conn, cmd, user);
		if (r < 0)
			kdbus_files_uninstall(entry->files, conn->pool,
					      entry->slice, &installed);
	}
	if (r < 0) {
		kdbus_recv_unclaim(conn, entry);
		return r;
	}

	trace_kdbus_receive(conn->id, entry->seqnum);
	kdbus_tracker_unref(kdbus_recv_consume(conn, entry));
	kdbus_deliver_hand_over(conn, entry);
	return 0;
}

static int kdbus_recv(struct kdbus_conn *conn, struct kdbus_cmd_recv *cmd,
		      struct kdbus_cmd_recv __user *user)
{
	struct kdbus_entry *entry;
	int r;

	entry = kdbus_recv_claim(conn, cmd);
	if (IS_ERR(entry))
		return PTR_ERR(entry);

	cmd->msg.offset = conn->pool->size;
	cmd->msg.msg_size = 0;
	cmd->msg.return_flags = 0;
	if (!entry) {
		r = kdbus_recv_report(conn, cmd, user);
		return r < 0 ? r : -EAGAIN;
	}
	if (cmd->flags & KDBUS_RECV_DROP)
		return kdbus_recv_drop(conn, cmd, user, entry);

	if (cmd->flags & KDBUS_RECV_PEEK)
		return kdbus_recv_peek(conn, cmd, user, entry);
	return kdbus_recv_take(conn, cmd, user, entry);
}

/**
 * kdbus_cmd_recv() - KDBUS_CMD_RECV
 * @conn:	connection
 * @argp:	struct kdbus_cmd_recv in user space
 *
 * Context: may sleep, touches user memory.
 * Return: 0; framing errors; -EINVAL for DROP with USE_PRIORITY; -EAGAIN if
 *         there is nothing to receive; -ECONNRESET if the connection is
 *         disconnected; -EFAULT if the result cannot be written; -EINTR if the
 *         task is killed while another one receives; -ENOMEM; or what a security
 *         hook returns. Whatever fails,
 *         the message stays in the queue.
 */
int kdbus_cmd_recv(struct kdbus_conn *conn, void __user *argp)
{
	struct kdbus_cmd_recv cmd kdbus_uninitialized;
	int r;

	r = kdbus_command_import_fixed(&cmd, &kdbus_recv_spec, argp);
	if (r != 0)
		return min(r, 0);

	if ((cmd.flags & KDBUS_RECV_DROP) &&
	    (cmd.flags & KDBUS_RECV_USE_PRIORITY))
		return -EINVAL;

	r = kdbus_security_receive(conn);
	if (r < 0)
		return r;
	r = mutex_lock_killable(&conn->recv_lock);
	if (r < 0)
		return r;
	r = kdbus_recv(conn, &cmd, argp);
	mutex_unlock(&conn->recv_lock);

	return r;
}

/**
 * kdbus_cmd_free() - KDBUS_CMD_FREE
 * @conn:	connection
 * @argp:	struct kdbus_cmd_free in user space
 *
 * Context: may sleep, touches user memory.
 * Return: 0; framing errors; -ENXIO if user space has no slice there.
 */
int kdbus_cmd_free(struct kdbus_conn *conn, void __user *argp)
{
	struct kdbus_cmd_free cmd kdbus_uninitialized;
	int r;

	r = kdbus_command_import_fixed(&cmd, &kdbus_free_spec, argp);
	if (r != 0)
		return min(r, 0);

	return kdbus_pool_release(conn->pool, cmd.offset);
}
