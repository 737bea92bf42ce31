// SPDX-License-Identifier: LGPL-2.1+
/*
 * What the tests of monitors and of the order of messages have in common.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "monitor_util.h"

int hello(struct conn *c, int fd, __u64 flags, __u64 attach_recv,
	  size_t pool_size)
{
	struct kdbus_cmd_hello *cmd = hello_new(pool_size);
	int r;

	cmd->flags = flags;
	cmd->attach_flags_recv = attach_recv;
	r = fd < 0 ? fd : cmd_run(fd, KDBUS_CMD_HELLO, cmd);
	if (r < 0)
		return r;

	c->fd = fd;
	c->id = cmd->id;
	c->pool_size = pool_size;
	c->pool = mmap(NULL, pool_size, PROT_READ, MAP_SHARED, fd, 0);
	if (c->pool == MAP_FAILED)
		return -errno;
	return conn_free(c, cmd->offset);
}

int peer_new(struct conn *c, const struct domain *d, __u64 flags)
{
	return hello(c, open_endpoint(d, "0-bus"), flags,
		     KDBUS_ATTACH_TIMESTAMP, POOL_SIZE);
}

struct kdbus_msg *call_new(__u64 dst_id, __u64 cookie, __u64 timeout)
{
	struct kdbus_msg *msg = msg_new(dst_id, cookie);

	msg->flags = KDBUS_MSG_EXPECT_REPLY;
	msg->timeout_ns = timeout;
	return msg;
}

struct kdbus_msg *reply_new(__u64 dst_id, __u64 cookie, __u64 to)
{
	struct kdbus_msg *msg = msg_new(dst_id, cookie);

	msg->cookie_reply = to;
	return msg;
}

struct kdbus_msg *signal_new(__u64 dst_id, __u64 cookie)
{
	const __u64 filter[1 + 8] = {};
	struct kdbus_msg *msg = msg_new(dst_id, cookie);

	msg->flags = KDBUS_MSG_SIGNAL;
	item_add(msg, KDBUS_ITEM_BLOOM_FILTER, filter, sizeof(filter));
	return msg;
}

int pass(const struct conn *c, struct kdbus_msg *msg)
{
	int r = msg_send(c, msg);

	free(msg);
	return r;
}

int call(const struct conn *c, __u64 dst_id, __u64 cookie)
{
	return pass(c, call_new(dst_id, cookie, NEVER));
}

int reply(const struct conn *c, __u64 dst_id, __u64 cookie, __u64 to)
{
	return pass(c, reply_new(dst_id, cookie, to));
}

int signal_to(const struct conn *c, __u64 dst_id, __u64 cookie)
{
	return pass(c, signal_new(dst_id, cookie));
}

const struct kdbus_item *find(const struct kdbus_msg *msg, __u64 type)
{
	const __u8 *end = (const __u8 *)msg + msg->size;
	const struct kdbus_item *item;

	for (item = msg->items; (const __u8 *)item < end;
	     item = item_next(item))
		if (item->type == type)
			return item;
	return NULL;
}

__u64 seqnum(const struct kdbus_msg *msg)
{
	const struct kdbus_item *item = find(msg, KDBUS_ITEM_TIMESTAMP);

	return item ? item->timestamp.seqnum : 0;
}

__u64 copied(const struct conn *mon, const struct conn *c)
{
	struct kdbus_cmd_recv *x = recv_new(0, 0), *y = recv_new(0, 0);
	__u64 number = 0;

	if (conn_recv(mon, x) < 0 || conn_recv(c, y) < 0)
		return 0;
	if (x->msg.msg_size == y->msg.msg_size &&
	    !memcmp(mon->pool + x->msg.offset, c->pool + y->msg.offset,
		    x->msg.msg_size))
		number = seqnum(msg_at(mon, x->msg.offset));
	if (conn_free(mon, x->msg.offset) < 0 ||
	    conn_free(c, y->msg.offset) < 0)
		abort();
	free(x);
	free(y);
	return number;
}

__u64 lost(const struct conn *c)
{
	struct kdbus_cmd_recv *recv = recv_new(KDBUS_RECV_PEEK, 0);
	__u64 n;

	if (conn_recv(c, recv) == 0 && conn_free(c, recv->msg.offset) < 0)
		abort();
	n = recv->dropped_msgs;
	if (recv->return_flags != (n ? KDBUS_RECV_RETURN_DROPPED_MSGS : 0))
		abort();
	free(recv);
	return n;
}

void readable_wait(const struct conn *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	CHECK(poll(&p, 1, -1) == 1 && p.revents == POLLIN);
}
