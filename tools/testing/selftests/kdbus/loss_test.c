// SPDX-License-Identifier: LGPL-2.1+
/*
 * Messages that get lost: who is told, how many there were, and that it is told
 * once.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include "recv_util.h"
#include "kdbus_harness.h"

#define IDLE	(POLLOUT | POLLWRNORM)
#define READY	(IDLE | POLLIN | POLLRDNORM)
#define LOSSES	KDBUS_RECV_RETURN_DROPPED_MSGS

FIXTURE(loss) {
	struct domain domain;
	struct domain *d;
	struct conn a;
	struct conn b;
	struct conn small;	/* wants all, but has no room for what is large */
};

FIXTURE_SETUP(loss)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->a, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->b, self->d, 0));
	ASSERT_EQ(0, hello(&self->small, open_endpoint(self->d, "0-bus"), 0, 0,
			   page_size()));
	ASSERT_EQ(0, match_all(&self->small));
}

FIXTURE_TEARDOWN(loss)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

static int large_signal(const struct conn *src, __u64 dst_id)
{
	static const __u8 bytes[3000];
	struct kdbus_msg *msg = signal_new(dst_id, 1);

	item_add_vec(msg, bytes, sizeof(bytes));
	return pass(src, msg);
}

#define EXPECT_RECV(_result, _flags, _losses) do { \
	struct kdbus_cmd_recv _recv; \
	EXPECT_EQ(_result, take(&self->small, _flags, &_recv)); \
	EXPECT_EQ(_losses, _recv.dropped_msgs); \
	EXPECT_EQ((_losses) ? LOSSES : 0, _recv.return_flags); \
} while (0)

/* Whatever RECV does besides, it tells of the losses, and so only once. */
TEST_F(loss, is_told_once_by_any_receive)
{
	static const __u64 flags[] = {
		0, PEEK, DROP, PEEK | DROP, KDBUS_RECV_USE_PRIORITY,
		PEEK | KDBUS_RECV_USE_PRIORITY,
	};
	unsigned int i, n, losses;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		for (losses = 1; losses < 4; losses++) {
			for (n = 0; n < losses; n++)
				ASSERT_EQ(0, large_signal(&self->a, BCAST));
			EXPECT_EQ(READY, poll_now(self->small.fd));
			EXPECT_RECV(-EAGAIN, flags[i], losses);
			EXPECT_EQ(IDLE, poll_now(self->small.fd));
			EXPECT_RECV(-EAGAIN, flags[i], 0);
		}

		ASSERT_EQ(0, send_cookie(&self->a, self->small.id, 1));
		ASSERT_EQ(0, large_signal(&self->a, BCAST));
		EXPECT_RECV(0, flags[i], 1);
		EXPECT_EQ(flags[i] == PEEK || flags[i] ==
			  (PEEK | KDBUS_RECV_USE_PRIORITY) ? 1 : 0,
			  drain(&self->small));
		EXPECT_RECV(-EAGAIN, flags[i], 0);
	}
}

/* The result block is that of an empty queue. */
TEST_F(loss, without_a_message)
{
	struct kdbus_cmd_recv recv;

	ASSERT_EQ(0, large_signal(&self->a, BCAST));
	EXPECT_EQ(-EAGAIN, take(&self->small, 0, &recv));
	EXPECT_EQ(page_size(), recv.msg.offset);
	EXPECT_EQ(0, recv.msg.msg_size);
	EXPECT_EQ(0, recv.msg.return_flags);
}

TEST_F(loss, is_not_told_by_a_receive_that_is_refused)
{
	struct kdbus_cmd_recv *recv;
	__u8 *border;
	unsigned int at;

	ASSERT_EQ(0, send_cookie(&self->a, self->small.id, 1));
	ASSERT_EQ(0, large_signal(&self->a, BCAST));
	recv = recv_new(DROP | KDBUS_RECV_USE_PRIORITY, 0);
	EXPECT_EQ(-EINVAL, conn_recv(&self->small, recv));
	EXPECT_EQ(0, recv->return_flags);
	EXPECT_EQ(~0ULL, recv->dropped_msgs);

	/* from dropped_msgs on, or from one of the words behind it */
	for (at = 32; at <= 56; at += 8) {
		border = two_pages(PROT_READ | PROT_WRITE,
				   PROT_READ | PROT_WRITE);
		border += page_size();
		recv = (void *)(border - at);
		*recv = *recv_new(0, 0);
		ASSERT_EQ(0, mprotect(border, page_size(), PROT_READ));
		EXPECT_EQ(-EFAULT, conn_recv(&self->small, recv));
		recv->flags = PEEK;
		EXPECT_EQ(-EFAULT, conn_recv(&self->small, recv));
		recv->flags = DROP;
		EXPECT_EQ(-EFAULT, conn_recv(&self->small, recv));
	}
	EXPECT_RECV(0, 0, 1);

	/* and with nothing to receive */
	ASSERT_EQ(0, large_signal(&self->a, BCAST));
	recv->flags = 0;
	EXPECT_EQ(-EFAULT, conn_recv(&self->small, recv));
	EXPECT_RECV(-EAGAIN, 0, 1);
	EXPECT_RECV(-EAGAIN, 0, 0);
}

TEST_F(loss, wakes_who_waits)
{
	struct pollfd p = { .fd = self->small.fd, .events = POLLIN };
	pid_t pid = fork_as(0, 0);

	if (pid == 0) {
		CHECK(poll(&p, 1, -1) == 1 && p.revents == POLLIN);
		_exit(0);
	}
	sleeping_wait(pid);
	ASSERT_EQ(0, large_signal(&self->a, BCAST));
	EXPECT_EQ(0, child_wait(pid));
}

TEST_F(loss, does_not_keep_from_leaving)
{
	ASSERT_EQ(0, large_signal(&self->a, BCAST));
	EXPECT_EQ(0, conn_byebye(&self->small));
}

/* SEND has told the sender, who is the one to know. */
TEST_F(loss, of_other_messages_is_the_senders_business)
{
	static const __u8 bytes[3000];
	const struct conn *small = &self->small;
	struct kdbus_msg *msg;
	int fd = 0;

	ASSERT_EQ(0, call(small, self->a.id, 7));
	EXPECT_EQ(-ENOBUFS, send_bytes(&self->a, small->id, 1, bytes,
				       sizeof(bytes)));
	msg = call_new(small->id, 2, NEVER);
	item_add_vec(msg, bytes, sizeof(bytes));
	EXPECT_EQ(-ENOBUFS, pass(&self->a, msg));
	msg = reply_new(small->id, 3, 7);
	item_add_vec(msg, bytes, sizeof(bytes));
	EXPECT_EQ(-ENOBUFS, pass(&self->a, msg));
	msg = msg_new(small->id, 4);
	item_add_fds(msg, &fd, 1);
	EXPECT_EQ(-ECOMM, pass(&self->a, msg));
	msg = signal_new(small->id, 5);
	item_add_vec(msg, (void *)8, 8);
	EXPECT_EQ(-EFAULT, msg_send(&self->a, msg));
	msg->dst_id = BCAST;
	EXPECT_EQ(-EFAULT, pass(&self->a, msg));
	EXPECT_RECV(-EAGAIN, 0, 0);
	EXPECT_EQ(IDLE, poll_now(small->fd));
}

/* For signals SEND has nothing to tell. */
TEST_F(loss, of_signals_to_one_receiver)
{
	struct kdbus_msg *msg = signal_new(self->small.id, 1);
	int fd = 0;

	EXPECT_EQ(0, large_signal(&self->a, self->small.id));
	EXPECT_RECV(-EAGAIN, 0, 1);
	item_add_fds(msg, &fd, 1);
	EXPECT_EQ(0, pass(&self->a, msg));
	EXPECT_RECV(-EAGAIN, 0, 1);

	/* not wanted is not lost */
	EXPECT_EQ(0, signal_to(&self->a, self->b.id, 1));
	EXPECT_EQ(0, signal_to(&self->a, BCAST, 1));
	EXPECT_EQ(IDLE, poll_now(self->b.fd));
	EXPECT_EQ(0, lost(&self->b));
}

/* For those who have room, nothing is lost. */
TEST_F(loss, is_that_of_who_has_no_room)
{
	ASSERT_EQ(0, match_all(&self->b));
	ASSERT_EQ(0, large_signal(&self->a, BCAST));
	EXPECT_EQ(1, receive_cookie(&self->b));
	EXPECT_EQ(0, lost(&self->b));
	EXPECT_EQ(1, lost(&self->small));
}

/* One more than a user may have, and the count goes on and on. */
TEST_F(loss, of_many)
{
	unsigned int i;

	ASSERT_EQ(0, match_all(&self->b));
	for (i = 1; i <= MAX_QUEUED + 300; i++)
		ASSERT_EQ(0, signal_to(&self->a, BCAST, i));
	EXPECT_EQ(300, lost(&self->b));
	for (i = 1; i <= MAX_QUEUED; i++)
		EXPECT_EQ(i, receive_cookie(&self->b));
	EXPECT_EQ(0, lost(&self->b));
	ASSERT_EQ(0, signal_to(&self->a, BCAST, i));
	EXPECT_EQ(i, receive_cookie(&self->b));
	EXPECT_EQ(0, lost(&self->b));
}

KDBUS_HARNESS_MAIN
