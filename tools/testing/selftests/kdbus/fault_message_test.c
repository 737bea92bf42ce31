// SPDX-License-Identifier: LGPL-2.1+
/*
 * Lets every allocation and every copy from and to user memory fail that
 * sending or receiving a message makes, one at a time. What must hold after
 * each failure is in fault_util.c.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "activator_util.h"
#include "fault_fixture.h"

/*
 * Messages
 */

static int send_with(struct scene *s, __u64 flags)
{
	struct kdbus_cmd_send *cmd = send_new(s->msg);
	int r;

	cmd->flags = flags;
	if (s->cancel >= 0)
		item_add(cmd, KDBUS_ITEM_CANCEL_FD, &s->cancel,
			 sizeof(s->cancel));
	r = cmd_run(s->conn[A].fd, KDBUS_CMD_SEND, cmd);
	fault_out(s, cmd, sizeof(*cmd));
	s->out[3] = 0;
	free(cmd);
	return r;
}

static int run_send(struct scene *s)
{
	return send_with(s, 0);
}

static int run_call(struct scene *s)
{
	return send_with(s, KDBUS_SEND_SYNC_REPLY);
}

/* Payload of all kinds, over the borders of pages; files, if they may be. */
static void add_items(struct scene *s, struct kdbus_msg *msg, bool files)
{
	static char bytes[2 * 4096 + 100];
	const struct kdbus_memfd memfd = {
		.size = page_size() - 1,
		.fd = s->memfd,
	};
	const int fds[] = { s->memfd, 0, s->memfd };

	s->msg = msg;
	item_add_vec(msg, bytes, sizeof(bytes));
	item_add_vec(msg, NULL, 13);
	item_add_vec(msg, "kdbus", 5);
	item_add(msg, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	if (files)
		item_add(msg, KDBUS_ITEM_FDS, fds, sizeof(fds));
}

static void a_message(struct scene *s)
{
	add_items(s, msg_new(s->conn[B].id, 1), true);
}

/* too large for the stack */
static void a_message_large(struct scene *s)
{
	int i;

	a_message(s);
	for (i = 0; i < 20; i++)
		item_add_vec(s->msg, "kdbus", 5);
}

/* what it saw until now is of no interest */
static void drop_monitored(struct scene *s)
{
	if (s->conn[MON].fd >= 0)
		drop_all(&s->conn[MON]);
}

static void a_message_to_name(struct scene *s)
{
	CHECK(name_acquire(&s->conn[B], FAULT_NAME, 0) >= 0);
	drop_monitored(s);
	add_items(s, msg_new(KDBUS_DST_ID_NAME, 1), true);
	item_add_str(s->msg, KDBUS_ITEM_DST_NAME, FAULT_NAME);
}

/* whoever has the name activates */
static void a_message_to_activator(struct scene *s)
{
	conn_close(&s->conn[B]);
	CHECK(activator_new(&s->conn[B], &s->d, FAULT_NAME, 0) == 0);
	drop_monitored(s);
	add_items(s, msg_new(KDBUS_DST_ID_NAME, 1), false);
	item_add_str(s->msg, KDBUS_ITEM_DST_NAME, FAULT_NAME);
}

static void a_call(struct scene *s)
{
	add_items(s, call_new(s->conn[B].id, 1, NEVER), true);
}

static void a_served_call(struct scene *s)
{
	a_call(s);
	fault_serve(s);
}

/* It can be cancelled, but nobody does that. */
static void a_call_to_cancel(struct scene *s)
{
	a_served_call(s);
	s->cancel = eventfd(0, EFD_CLOEXEC);
	CHECK(s->cancel >= 0);
}

static void a_reply(struct scene *s)
{
	CHECK(call(&s->conn[B], s->conn[A].id, 3) == 0);
	drop_monitored(s);
	add_items(s, reply_new(s->conn[B].id, 1, 3), true);
}

/* B sleeps in SEND until it gets it. */
static void a_reply_waited_for(struct scene *s)
{
	fault_wait(s, 3);
	add_items(s, reply_new(s->conn[B].id, 1, 3), true);
}

static void a_signal(struct scene *s)
{
	CHECK(match_all(&s->conn[B]) == 0);
	add_items(s, signal_new(s->conn[B].id, 1), true);
}

static void a_signal_to_name(struct scene *s)
{
	CHECK(match_all(&s->conn[B]) == 0);
	CHECK(name_acquire(&s->conn[B], FAULT_NAME, 0) >= 0);
	drop_all(&s->conn[B]);
	add_items(s, signal_new(KDBUS_DST_ID_NAME, 1), true);
	item_add_str(s->msg, KDBUS_ITEM_DST_NAME, FAULT_NAME);
}

static void a_broadcast(struct scene *s)
{
	CHECK(match_all(&s->conn[A]) == 0);
	CHECK(match_all(&s->conn[B]) == 0);
	add_items(s, signal_new(KDBUS_DST_ID_BROADCAST, 1), false);
}

FAULT(send, .prepare = a_message, .call = run_send, .flags = FAULT_LATE)
FAULT(send_large, .prepare = a_message_large, .call = run_send,
      .flags = FAULT_LATE)
FAULT(send_to_name, .prepare = a_message_to_name, .call = run_send,
      .flags = FAULT_LATE)
FAULT(send_metadata, .prepare = a_message_to_name, .call = run_send,
      .flags = FAULT_LATE | FAULT_LESS)
FAULT(send_monitored, .prepare = a_message, .call = run_send,
      .flags = FAULT_LATE | FAULT_LOSS, .monitored = true)
FAULT(send_call, .prepare = a_call, .call = run_send,
      .flags = FAULT_LATE, .capacity = CAPACITY_CALLS)
FAULT(send_call_and_wait, .prepare = a_served_call, .call = run_call,
      .flags = FAULT_LATE, .capacity = CAPACITY_CALLS)
FAULT(send_call_monitored, .prepare = a_call, .call = run_send,
      .flags = FAULT_LATE | FAULT_LOSS, .capacity = CAPACITY_CALLS,
      .monitored = true)
FAULT(send_reply, .prepare = a_reply, .call = run_send, .flags = FAULT_LATE)
FAULT(send_signal, .prepare = a_signal, .call = run_send,
      .flags = FAULT_LATE | FAULT_LOSS)
FAULT(send_to_name_monitored, .prepare = a_message_to_name, .call = run_send,
      .flags = FAULT_LATE | FAULT_LOSS, .monitored = true)
FAULT(send_to_activator, .prepare = a_message_to_activator, .call = run_send,
      .flags = FAULT_LATE)
FAULT(send_to_activator_monitored, .prepare = a_message_to_activator,
      .call = run_send, .flags = FAULT_LATE | FAULT_LOSS, .monitored = true)
FAULT(send_call_and_cancel, .prepare = a_call_to_cancel, .call = run_call,
      .flags = FAULT_LATE, .capacity = CAPACITY_CALLS)
FAULT(send_call_and_wait_monitored, .prepare = a_served_call, .call = run_call,
      .flags = FAULT_LATE | FAULT_LOSS, .capacity = CAPACITY_CALLS,
      .monitored = true)
FAULT(send_reply_waited_for, .prepare = a_reply_waited_for, .call = run_send,
      .flags = FAULT_LATE)
FAULT(send_reply_monitored, .prepare = a_reply, .call = run_send,
      .flags = FAULT_LATE | FAULT_LOSS, .monitored = true)
FAULT(send_signal_to_name, .prepare = a_signal_to_name, .call = run_send,
      .flags = FAULT_LATE | FAULT_LOSS)
FAULT(send_signal_monitored, .prepare = a_signal, .call = run_send,
      .flags = FAULT_LATE | FAULT_LOSS, .monitored = true)
FAULT(send_broadcast, .prepare = a_broadcast, .call = run_send,
      .flags = FAULT_LATE | FAULT_LOSS)
FAULT(send_broadcast_metadata, .prepare = a_broadcast, .call = run_send,
      .flags = FAULT_LATE | FAULT_LOSS | FAULT_LESS)
FAULT(send_broadcast_monitored, .prepare = a_broadcast, .call = run_send,
      .flags = FAULT_LATE | FAULT_LOSS, .monitored = true)

/* asks what is possible, and gets an answer in three places */
static int run_negotiate(struct scene *s)
{
	__u64 types[] = { KDBUS_ITEM_FDS, KDBUS_ITEM_NAME, 0x4711 };
	struct kdbus_cmd_send *cmd;
	struct kdbus_msg *msg = msg_new(s->conn[B].id, 1);
	int r;

	msg->flags = KDBUS_FLAG_NEGOTIATE;
	item_add(msg, KDBUS_ITEM_NEGOTIATE, types, sizeof(types));
	cmd = send_new(msg);
	cmd->flags = KDBUS_FLAG_NEGOTIATE;
	item_add(cmd, KDBUS_ITEM_NEGOTIATE, types, sizeof(types));
	r = cmd_run(s->conn[A].fd, KDBUS_CMD_SEND, cmd);
	s->n_out = 4;
	s->out[0] = cmd->flags;
	s->out[1] = msg->flags;
	s->out[2] = cmd->items[0].data64[1];
	s->out[3] = msg->items[0].data64[0];
	free(msg);
	free(cmd);
	return r;
}

FAULT(send_negotiate, .call = run_negotiate)

/*
 * Metadata, one kind at a time: what can fail is then about this one.
 */

static void bare_to_name(struct scene *s)
{
	CHECK(name_acquire(&s->conn[A], FAULT_NAME, 0) >= 0);
	s->msg = msg_new(s->conn[B].id, 1);
}

#define FAULT_METADATA(_name, _flag) \
	FAULT(send_##_name, .prepare = bare_to_name, .call = run_send, \
	      .flags = FAULT_LATE | FAULT_LESS, .attach = _flag)

FAULT_METADATA(timestamp, KDBUS_ATTACH_TIMESTAMP)
FAULT_METADATA(creds, KDBUS_ATTACH_CREDS)
FAULT_METADATA(pids, KDBUS_ATTACH_PIDS)
FAULT_METADATA(auxgroups, KDBUS_ATTACH_AUXGROUPS)
FAULT_METADATA(names, KDBUS_ATTACH_NAMES)
FAULT_METADATA(tid_comm, KDBUS_ATTACH_TID_COMM)
FAULT_METADATA(pid_comm, KDBUS_ATTACH_PID_COMM)
FAULT_METADATA(exe, KDBUS_ATTACH_EXE)
FAULT_METADATA(cmdline, KDBUS_ATTACH_CMDLINE)
FAULT_METADATA(cgroup, KDBUS_ATTACH_CGROUP)
FAULT_METADATA(caps, KDBUS_ATTACH_CAPS)
FAULT_METADATA(seclabel, KDBUS_ATTACH_SECLABEL)
FAULT_METADATA(audit, KDBUS_ATTACH_AUDIT)
FAULT_METADATA(conn_description, KDBUS_ATTACH_CONN_DESCRIPTION)

/*
 * Receiving
 */

static void with_message(struct scene *s)
{
	add_items(s, msg_new(s->conn[A].id, 1), true);
	CHECK(msg_send(&s->conn[B], s->msg) == 0);
	CHECK(send_cookie(&s->conn[B], s->conn[A].id, 2) == 0);
}

/* The table of descriptors has to grow, which it can do without files. */
static void with_full_table(struct scene *s)
{
	int fd;

	with_message(s);
	do
		fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
	while (fd >= 0 && fd < 62);
	CHECK(fd == 62);
}

static void with_call(struct scene *s)
{
	CHECK(call(&s->conn[B], s->conn[A].id, 1) == 0);
}

/* Files are closed when the message is looked at. */
static int recv_at(struct scene *s, unsigned int who, __u64 flags)
{
	struct kdbus_cmd_recv *recv = recv_new(flags, 0);
	int r = conn_recv(&s->conn[who], recv);
	const struct kdbus_msg *msg;

	fault_out(s, recv, sizeof(*recv));
	if (r == 0 && !flags) {
		msg = msg_at(&s->conn[who], recv->msg.offset);
		files_close(find(msg, KDBUS_ITEM_FDS));
		files_close(find(msg, KDBUS_ITEM_PAYLOAD_MEMFD));
	}
	free(recv);
	return r;
}

static int recv_with(struct scene *s, __u64 flags)
{
	return recv_at(s, A, flags);
}

static int run_recv(struct scene *s)
{
	return recv_with(s, 0);
}

static int run_recv_peek(struct scene *s)
{
	return recv_with(s, KDBUS_RECV_PEEK);
}

static int run_recv_drop(struct scene *s)
{
	return recv_with(s, KDBUS_RECV_DROP);
}

static int run_recv_priority(struct scene *s)
{
	return recv_with(s, KDBUS_RECV_USE_PRIORITY);
}

FAULT_FIXED(recv, .prepare = with_message, .call = run_recv,
	    .flags = FAULT_FILES)
FAULT(recv_full_table, .prepare = with_full_table, .call = run_recv,
      .flags = FAULT_FILES)
FAULT_FIXED(recv_peek, .prepare = with_message, .call = run_recv_peek)
FAULT_FIXED(recv_priority, .prepare = with_message, .call = run_recv_priority)
FAULT(recv_drop, .prepare = with_call, .call = run_recv_drop,
      .flags = FAULT_LOSS)

/* B is a monitor, which receives its copy. */
static void watched(struct scene *s)
{
	conn_close(&s->conn[B]);
	CHECK(hello(&s->conn[B], open_endpoint(&s->d, "0-bus"),
		    MONITOR | ACCEPT_FD, 0, FAULT_POOL) == 0);
	add_items(s, msg_new(s->conn[OBSERVER].id, 1), true);
	CHECK(msg_send(&s->conn[A], s->msg) == 0);
}

static int run_recv_monitor(struct scene *s)
{
	return recv_at(s, B, 0);
}

FAULT_FIXED(recv_monitor, .prepare = watched, .call = run_recv_monitor,
	    .flags = FAULT_FILES)

FAULT_HARNESS_MAIN
