// SPDX-License-Identifier: LGPL-2.1+
/*
 * What the end of a connection means for everybody else, and that all of it has
 * happened when the call that ends it returns: nothing here waits.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "recv_util.h"
#include "kdbus_harness.h"

#define DEAD	(POLLERR | POLLHUP)
#define ID_REMOVE(_id)	id_event("ID_REMOVE", _id, ACCEPT_FD)

FIXTURE(end) {
	struct domain domain;
	struct domain *d;
	struct conn c;		/* the one that ends */
	struct conn peer;
	struct conn other;
	__u64 id;
};

FIXTURE_VARIANT(end) {
	bool byebye;
};

FIXTURE_VARIANT_ADD(end, byebye) {
	.byebye = true,
};

FIXTURE_VARIANT_ADD(end, close) {
	.byebye = false,
};

FIXTURE_SETUP(end)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->peer, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->other, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->c, self->d, ACCEPT_FD));
	self->id = self->c.id;
}

FIXTURE_TEARDOWN(end)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

static int end(const struct conn *c, bool byebye)
{
	if (byebye)
		return conn_byebye(c);
	return close(c->fd) < 0 ? -errno : 0;
}

#define END() EXPECT_EQ(0, end(&self->c, variant->byebye))

TEST_F(end, nothing_arrives_any_more)
{
	ASSERT_LT(0, name_acquire(&self->c, NAME, 0));
	ASSERT_EQ(0, match_all(&self->c));
	END();
	EXPECT_EQ(-ENXIO, send_cookie(&self->peer, self->id, 1));
	EXPECT_EQ(-ENXIO, call(&self->peer, self->id, 2));
	EXPECT_EQ(-ENXIO, signal_to(&self->peer, self->id, 3));
	EXPECT_EQ(-ENXIO, reply(&self->peer, self->id, 4, 1));
	EXPECT_EQ(-ESRCH, send_to_name(&self->peer, 0, NAME, 5));
	EXPECT_EQ(-ESRCH, send_to_name(&self->peer, self->id, NAME, 6));
	EXPECT_EQ(0, signal_to(&self->peer, BCAST, 7));
	EXPECT_EQ(0, receive_cookie(&self->peer));
}

/* One REPLY_DEAD for each request that is open, whether it was received or not */
TEST_F(end, requesters_are_told_once)
{
	struct kdbus_cmd_recv recv;
	__u64 i;

	for (i = 1; i <= 8; i++)
		ASSERT_EQ(0, call(&self->peer, self->id, i));
	ASSERT_EQ(0, call(&self->other, self->id, 5));
	for (i = 1; i <= 4; i++)
		ASSERT_EQ(i, receive_cookie(&self->c));
	/* some are over */
	ASSERT_EQ(0, reply(&self->c, self->peer.id, 11, 1));
	ASSERT_EQ(0, reply(&self->c, self->peer.id, 12, 7));
	ASSERT_EQ(0, take(&self->c, DROP, &recv));
	ASSERT_EQ(11, receive_cookie(&self->peer));
	ASSERT_EQ(12, receive_cookie(&self->peer));
	EXPECT_STREQ("REPLY_DEAD 5", heard(&self->peer));
	if (variant->byebye) {
		/* all of them have to be received */
		EXPECT_EQ(-EBUSY, conn_byebye(&self->c));
		EXPECT_EQ(4, drain(&self->c));
	}
	END();
	EXPECT_STREQ("REPLY_DEAD 2", heard(&self->peer));
	EXPECT_STREQ("REPLY_DEAD 3", heard(&self->peer));
	EXPECT_STREQ("REPLY_DEAD 4", heard(&self->peer));
	EXPECT_STREQ("REPLY_DEAD 6", heard(&self->peer));
	EXPECT_STREQ("REPLY_DEAD 8", heard(&self->peer));
	EXPECT_STREQ("", heard(&self->peer));
	EXPECT_STREQ("REPLY_DEAD 5", heard(&self->other));
	EXPECT_STREQ("", heard(&self->other));
	EXPECT_EQ(0, lost(&self->peer));
}

struct caller {
	pthread_t thread;
	const struct conn *c;
	__u64 dst_id;
	int result;
};

static void *caller_run(void *arg)
{
	struct caller *caller = arg;
	struct kdbus_msg_info info;

	caller->result = call_sync(caller->c, call_new(caller->dst_id, 1,
						       NEVER), &info);
	return NULL;
}

static int caller_start(struct caller *caller, const struct conn *c,
			const struct conn *dst)
{
	struct pollfd p = { .fd = dst->fd, .events = POLLIN };

	caller->c = c;
	caller->dst_id = dst->id;
	caller->result = 1;
	if (pthread_create(&caller->thread, NULL, caller_run, caller))
		return -1;
	return poll(&p, 1, -1) == 1 ? 0 : -errno;
}

static int caller_result(struct caller *caller)
{
	pthread_join(caller->thread, NULL);
	return caller->result;
}

TEST_F(end, waiting_callers_are_woken)
{
	struct caller caller;

	ASSERT_EQ(0, caller_start(&caller, &self->peer, &self->c));
	if (variant->byebye) {
		EXPECT_EQ(-EBUSY, conn_byebye(&self->c));
		EXPECT_EQ(1, receive_cookie(&self->c));
	}
	END();
	EXPECT_EQ(-EPIPE, caller_result(&caller));
	/* that is all they hear */
	EXPECT_EQ(0, drain(&self->peer));
	EXPECT_EQ(0, lost(&self->peer));
}

/* What waits on the connection itself keeps its file open. */
TEST_F(end, own_calls_are_given_up)
{
	struct caller caller;

	ASSERT_EQ(0, caller_start(&caller, &self->c, &self->peer));
	if (variant->byebye) {
		END();
		EXPECT_EQ(-ECONNRESET, caller_result(&caller));
		EXPECT_EQ(1, receive_cookie(&self->peer));
		EXPECT_EQ(-ENXIO, reply(&self->peer, self->id, 2, 1));
	} else {
		END();
		EXPECT_EQ(1, receive_cookie(&self->peer));
		EXPECT_EQ(0, reply(&self->peer, self->id, 2, 1));
		EXPECT_EQ(0, caller_result(&caller));
		EXPECT_EQ(-ENXIO, reply(&self->peer, self->id, 2, 1));
	}
}

TEST_F(end, its_messages_stay_but_not_its_requests)
{
	const struct kdbus_msg *msg;
	__u64 i;

	ASSERT_EQ(0, call(&self->c, self->peer.id, 1));
	ASSERT_EQ(0, call(&self->c, self->peer.id, 2));
	ASSERT_EQ(0, send_cookie(&self->c, self->peer.id, 3));
	ASSERT_EQ(1, receive_cookie(&self->peer));
	END();
	for (i = 1; i <= 2; i++)
		EXPECT_EQ(-ENXIO, reply(&self->peer, self->id, 9, i));
	msg = receive(&self->peer);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(2, msg->cookie);
	EXPECT_EQ(self->id, msg->src_id);
	EXPECT_EQ(-ENXIO, reply(&self->peer, self->id, 9, 2));
	EXPECT_EQ(3, receive_cookie(&self->peer));
	/* which leaves the peer without a debt */
	EXPECT_EQ(0, drain(&self->peer));
	EXPECT_EQ(0, conn_byebye(&self->peer));
}

TEST_F(end, reply_by_name_finds_nobody)
{
	struct kdbus_msg *msg = reply_new(0, 9, 1);

	ASSERT_LT(0, name_acquire(&self->c, NAME, 0));
	ASSERT_EQ(0, call(&self->c, self->peer.id, 1));
	ASSERT_EQ(1, receive_cookie(&self->peer));
	END();
	item_add_str(msg, KDBUS_ITEM_DST_NAME, NAME);
	EXPECT_EQ(-ESRCH, msg_send(&self->peer, msg));
}

TEST_F(end, names_go_on_to_who_waits)
{
	ASSERT_LT(0, name_acquire(&self->c, NAME, 0));
	ASSERT_LT(0, name_acquire(&self->c, "org.example.b", 0));
	ASSERT_LT(0, name_acquire(&self->peer, NAME, QUEUE));
	ASSERT_EQ(0, match_all(&self->other));
	END();
	EXPECT_STREQ(NAME_CHANGE(&self->c, PRIMARY, &self->peer, PRIMARY |
				 QUEUE, NAME), heard(&self->other));
	EXPECT_STREQ(NAME_REMOVE(&self->c, PRIMARY, "org.example.b"),
		     heard(&self->other));
	EXPECT_STREQ(ID_REMOVE(self->id), heard(&self->other));
	EXPECT_STREQ("", heard(&self->other));
	EXPECT_EQ(0, send_to_name(&self->other, self->peer.id, NAME, 1));
	EXPECT_EQ(1, receive_cookie(&self->peer));
}

/* Names first, then requests, and last of all the connection itself */
TEST_F(end, has_an_order)
{
	struct conn mon;

	ASSERT_LT(0, name_acquire(&self->c, NAME, 0));
	ASSERT_EQ(0, match_all(&self->peer));
	ASSERT_EQ(0, call(&self->peer, self->id, 1));
	ASSERT_EQ(1, receive_cookie(&self->c));
	ASSERT_EQ(0, peer_new(&mon, self->d, MONITOR));
	END();
	EXPECT_STREQ(NAME_REMOVE(&self->c, PRIMARY, NAME), heard(&self->peer));
	EXPECT_STREQ("REPLY_DEAD 1", heard(&self->peer));
	EXPECT_STREQ(ID_REMOVE(self->id), heard(&self->peer));
	EXPECT_STREQ("", heard(&self->peer));
	EXPECT_STREQ(NAME_REMOVE(&self->c, PRIMARY, NAME), heard(&mon));
	EXPECT_STREQ("REPLY_DEAD 1", heard(&mon));
	EXPECT_STREQ(ID_REMOVE(self->id), heard(&mon));
	EXPECT_STREQ("", heard(&mon));
}

TEST_F(end, is_not_held_up)
{
	static const __u8 bytes[3000];
	struct kdbus_msg *msg = signal_new(BCAST, 4);
	struct kdbus_cmd_recv recv;
	struct conn small;

	/* requests of both sides, names, slices in use, a count of losses */
	ASSERT_EQ(0, hello(&small, open_endpoint(self->d, "0-bus"), 0, 0,
			   page_size()));
	ASSERT_EQ(0, match_all(&small));
	ASSERT_LT(0, name_acquire(&small, NAME, 0));
	ASSERT_EQ(1, drain(&small));
	ASSERT_EQ(0, call(&small, self->peer.id, 1));
	ASSERT_EQ(0, call(&self->peer, small.id, 2));
	ASSERT_EQ(0, take(&small, PEEK, &recv));
	ASSERT_EQ(0, take(&small, DROP, &recv));
	ASSERT_EQ(0, call(&self->peer, small.id, 3));
	EXPECT_EQ(0, take(&small, 0, &recv));
	item_add_vec(msg, bytes, sizeof(bytes));
	ASSERT_EQ(0, pass(&self->peer, msg));
	EXPECT_TRUE(poll_now(small.fd) & POLLIN);
	EXPECT_EQ(0, end(&small, variant->byebye));
	/* the request of the other side came first */
	EXPECT_EQ(1, receive_cookie(&self->peer));
	EXPECT_STREQ("REPLY_DEAD 2", heard(&self->peer));
	EXPECT_STREQ("REPLY_DEAD 3", heard(&self->peer));
}

TEST_F(end, files_in_the_queue_are_closed)
{
	struct kdbus_msg *msg = msg_new(self->id, 1);
	int fds[2];

	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));
	item_add_fds(msg, &fds[1], 1);
	ASSERT_EQ(0, pass(&self->peer, msg));
	close(fds[1]);
	EXPECT_EQ(0, poll_now(fds[0]));
	if (variant->byebye) {
		EXPECT_EQ(-EBUSY, conn_byebye(&self->c));
		EXPECT_EQ(0, poll_now(fds[0]));
		return;
	}
	END();
	EXPECT_EQ(POLLHUP, poll_now(fds[0]));
}

/* BYEBYE that fails has done nothing. */
TEST_F(end, refused_one_changes_nothing)
{
	static const __u64 flags[] = { PEEK, 0 };
	struct kdbus_cmd_recv recv;
	unsigned int i;

	if (!variant->byebye)
		SKIP(return, "close is not refused");

	ASSERT_LT(0, name_acquire(&self->c, NAME, 0));
	ASSERT_EQ(0, match_all(&self->c));
	ASSERT_EQ(0, call(&self->c, self->peer.id, 1));
	ASSERT_EQ(0, call(&self->peer, self->id, 2));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EBUSY, conn_byebye(&self->c));
	EXPECT_EQ(POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM,
		  poll_now(self->c.fd));
	EXPECT_EQ(1, receive_cookie(&self->peer));
	EXPECT_EQ(0, drain(&self->peer));
	EXPECT_EQ(0, reply(&self->peer, self->id, 3, 1));
	EXPECT_EQ(0, send_to_name(&self->peer, self->id, NAME, 4));
	EXPECT_EQ(0, signal_to(&self->peer, BCAST, 5));
	for (i = 2; i <= 5; i++) {
		ASSERT_EQ(0, take(&self->c, flags[i % 2], &recv));
		EXPECT_EQ(-EBUSY, i < 5 || flags[i % 2] ?
			  conn_byebye(&self->c) : -EBUSY);
		if (flags[i % 2]) {
			ASSERT_EQ(0, take(&self->c, 0, &recv));
		}
		EXPECT_EQ(i, msg_at(&self->c, recv.msg.offset)->cookie);
	}
	EXPECT_EQ(0, reply(&self->c, self->peer.id, 6, 2));
	EXPECT_EQ(6, receive_cookie(&self->peer));
	END();
	EXPECT_EQ(0, drain(&self->peer));
}

TEST_F(end, leaves_the_pool)
{
	static const unsigned int commands[] = {
		KDBUS_CMD_BYEBYE, KDBUS_CMD_FREE, KDBUS_CMD_SEND,
		KDBUS_CMD_RECV, KDBUS_CMD_LIST, KDBUS_CMD_NAME_ACQUIRE,
		KDBUS_CMD_NAME_RELEASE, KDBUS_CMD_MATCH_ADD,
		KDBUS_CMD_MATCH_REMOVE,
	};
	const struct kdbus_msg *msg;
	unsigned int i;
	void *map;

	ASSERT_EQ(0, send_bytes(&self->peer, self->id, 1, "hello", 6));
	msg = receive(&self->c);
	ASSERT_NE(NULL, msg);
	END();
	EXPECT_STREQ("hello", (const char *)msg +
		     msg->items[0].vec.offset);
	if (!variant->byebye)
		return;
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		EXPECT_EQ(-ECONNRESET, cmd_run(self->c.fd, commands[i], NULL));
	EXPECT_EQ(DEAD, poll_now(self->c.fd));
	map = mmap(NULL, POOL_SIZE, PROT_READ, MAP_SHARED, self->c.fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(1, ((const struct kdbus_msg *)((__u8 *)map +
		  msg_offset(&self->c, msg)))->cookie);
}

KDBUS_HARNESS_MAIN
