// SPDX-License-Identifier: LGPL-2.1+
/*
 * Monitors that are many, slow, or in a hurry.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

#include "monitor_util.h"
#include "kdbus_harness.h"

FIXTURE(monitor_load) {
	struct domain domain;
	struct domain *d;
	struct conn a;
	struct conn b;
	struct conn mon;
};

FIXTURE_SETUP(monitor_load)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->a, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->b, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->mon, self->d, MONITOR));
}

FIXTURE_TEARDOWN(monitor_load)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

#define EXPECT_COPIED(_c) EXPECT_NE(0, copied(&self->mon, _c))
#define EXPECT_SEEN(_str) EXPECT_STREQ(_str, heard(&self->mon))
#define EXPECT_UNSEEN() do { \
	EXPECT_SEEN(""); \
	EXPECT_EQ(0, lost(&self->mon)); \
} while (0)

#define N_PEERS	20

TEST_F(monitor_load, there_may_be_many)
{
	struct conn mons[N_PEERS], subscribers[N_PEERS];
	const struct kdbus_msg *msg;
	unsigned int i, round;
	__u64 number;

	for (i = 0; i < N_PEERS; i++) {
		ASSERT_EQ(0, peer_new(&subscribers[i], self->d, 0));
		ASSERT_EQ(0, match_all(&subscribers[i]));
	}
	for (i = 0; i < N_PEERS; i++)
		ASSERT_EQ(0, peer_new(&mons[i], self->d, MONITOR));
	for (i = 0; i < N_PEERS; i++)
		while (*heard(&subscribers[i]))
			;

	for (round = 1; round <= 3; round++) {
		ASSERT_EQ(0, signal_to(&self->a, BCAST, round));
		msg = receive(&mons[0]);
		ASSERT_NE(NULL, msg);
		number = seqnum(msg);
		for (i = 1; i < N_PEERS; i++)
			ASSERT_EQ(number, copied(&mons[i], &subscribers[i]));
		ASSERT_EQ(0, send_cookie(&self->a, self->b.id, 100 + round));
		EXPECT_EQ(100 + round, receive_cookie(&self->b));
		for (i = 0; i < N_PEERS; i++)
			ASSERT_EQ(100 + round, receive_cookie(&mons[i]));
	}
	for (i = 0; i < N_PEERS; i++) {
		EXPECT_STREQ("", heard(&mons[i]));
		EXPECT_EQ(0, lost(&mons[i]));
	}
}

TEST_F(monitor_load, that_is_slow_disturbs_nobody)
{
	const struct conn *a = &self->a, *b = &self->b;
	struct conn other;
	unsigned int i;

	for (i = 1; i <= MAX_QUEUED; i++) {
		ASSERT_EQ(0, send_cookie(a, b->id, i));
		ASSERT_EQ(i, receive_cookie(b));
	}
	ASSERT_EQ(0, peer_new(&other, self->d, MONITOR));
	EXPECT_EQ(0, send_cookie(a, b->id, 1001));
	EXPECT_NE(0, copied(&other, b));
	EXPECT_EQ(0, call(a, b->id, 1002));
	EXPECT_NE(0, copied(&other, b));
	EXPECT_EQ(0, reply(b, a->id, 1003, 1002));
	EXPECT_NE(0, copied(&other, a));
	EXPECT_EQ(0, signal_to(a, b->id, 1004));
	EXPECT_STREQ("message 1004", heard(&other));
	ASSERT_EQ(0, match_all(b));
	EXPECT_EQ(0, signal_to(a, BCAST, 1005));
	EXPECT_NE(0, copied(&other, b));
	/* the kernel has room of its own */
	ASSERT_LT(0, name_acquire(a, NAME, 0));
	EXPECT_NE(0, copied(&other, b));

	/* of b, which has nothing there, one message is let through */
	EXPECT_EQ(4, lost(&self->mon));
	for (i = 1; i <= MAX_QUEUED; i++)
		ASSERT_EQ(i, receive_cookie(&self->mon));
	EXPECT_STREQ("message 1003", heard(&self->mon));
	EXPECT_SEEN(NAME_ADD(a, PRIMARY, NAME));
	EXPECT_UNSEEN();
	EXPECT_EQ(0, send_cookie(a, b->id, 1006));
	EXPECT_COPIED(b);
	EXPECT_EQ(0, lost(&other));
	EXPECT_EQ(0, lost(a));
	EXPECT_EQ(0, lost(b));
}

TEST_F(monitor_load, with_a_small_pool_misses_what_is_large)
{
	const __u8 bytes[3000] = {};
	struct conn small;
	unsigned int i;

	ASSERT_EQ(0, hello(&small, open_endpoint(self->d, "0-bus"), MONITOR, 0,
			   page_size()));
	for (i = 1; i <= 3; i++) {
		ASSERT_EQ(0, send_bytes(&self->a, self->b.id, i, bytes,
					sizeof(bytes)));
		EXPECT_COPIED(&self->b);
	}
	EXPECT_EQ(POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM,
		  poll_now(small.fd));
	EXPECT_EQ(3, lost(&small));
	EXPECT_EQ(POLLOUT | POLLWRNORM, poll_now(small.fd));
	ASSERT_EQ(0, send_cookie(&self->a, self->b.id, 4));
	EXPECT_EQ(4, receive_cookie(&small));
}

#define N_TIMEOUTS	(MAX_QUEUED + 10)

/* Requesters answer for theirs themselves, but cannot at a monitor. */
TEST_F(monitor_load, notifications_of_requests_have_a_limit)
{
	unsigned int i;

	for (i = 1; i <= N_TIMEOUTS; i++) {
		ASSERT_EQ(0, pass(&self->a, call_new(self->b.id, i, 1)));
		ASSERT_EQ(i, receive_cookie(&self->b));
		readable_wait(&self->a);
		ASSERT_NE(NULL, receive(&self->a));
	}
	EXPECT_EQ(2 * (N_TIMEOUTS - MAX_QUEUED), lost(&self->mon));
	for (i = 0; i < 2 * MAX_QUEUED; i++)
		ASSERT_NE(NULL, receive(&self->mon));
	EXPECT_UNSEEN();
}

/* What it does with a copy has no effect on the message. */
TEST_F(monitor_load, drops_copies_only)
{
	struct conn other;

	ASSERT_EQ(0, peer_new(&other, self->d, MONITOR));
	ASSERT_EQ(0, call(&self->a, self->b.id, 1));
	ASSERT_EQ(0, conn_recv(&self->mon, recv_new(KDBUS_RECV_DROP, 0)));
	conn_close(&other);
	EXPECT_EQ(0, receive_cookie(&self->a));
	EXPECT_UNSEEN();
	EXPECT_EQ(1, receive_cookie(&self->b));
	ASSERT_EQ(0, reply(&self->b, self->a.id, 2, 1));
	EXPECT_COPIED(&self->a);
	EXPECT_EQ(0, receive_cookie(&self->a));
	EXPECT_UNSEEN();
}

/*
 * Races
 */

/* Children start together, when the write end is closed. */
static void gate_wait(const int gate[2])
{
	char c;

	close(gate[1]);
	CHECK(read(gate[0], &c, 1) == 0);
}

#define N_SENDERS	4
#define N_EACH		(MAX_QUEUED / N_SENDERS)

static void send_some(const struct conn *c, __u64 dst_id, __u64 cookie)
{
	unsigned int i;

	for (i = 0; i < N_EACH; i++, cookie++) {
		if (i % 3 == 0)
			CHECK(send_cookie(c, dst_id, cookie) == 0);
		else
			CHECK(signal_to(c, i % 3 == 1 ? dst_id : BCAST,
					cookie) == 0);
	}
}

/* A receiver never knows more than a monitor, and both have one order. */
TEST_F(monitor_load, sees_the_order_of_racing_senders)
{
	struct conn senders[N_SENDERS];
	pid_t pids[N_SENDERS];
	__u64 number, last = 0;
	unsigned int i;
	int gate[2];

	ASSERT_EQ(0, pipe2(gate, O_CLOEXEC));
	for (i = 0; i < N_SENDERS; i++) {
		ASSERT_EQ(0, peer_new(&senders[i], self->d, 0));
		EXPECT_SEEN(id_event("ID_ADD", senders[i].id, 0));
	}
	ASSERT_EQ(0, match_all(&self->b));
	for (i = 0; i < N_SENDERS; i++) {
		pids[i] = fork_as(0, 0);
		if (pids[i] == 0) {
			gate_wait(gate);
			send_some(&senders[i], self->b.id, 1000 * (i + 1));
			_exit(0);
		}
	}
	close(gate[1]);
	for (i = 0; i < MAX_QUEUED; i++) {
		readable_wait(&self->b);
		number = copied(&self->mon, &self->b);
		ASSERT_LT(last, number);
		last = number;
	}
	for (i = 0; i < N_SENDERS; i++)
		EXPECT_EQ(0, child_wait(pids[i]));
	EXPECT_UNSEEN();
	EXPECT_EQ(0, lost(&self->b));
	EXPECT_EQ(0, receive_cookie(&self->b));
}

#define N_ROUNDS	150

/* sends to itself, two messages at a time */
static void talk_to_itself(const struct conn *c)
{
	struct kdbus_cmd_match *match = match_new(1);
	unsigned int i;

	item_add(match, KDBUS_ITEM_ID, &c->id, sizeof(c->id));
	CHECK(match_add(c, match) == 0);
	for (i = 1; i <= N_ROUNDS; i++) {
		CHECK(send_cookie(c, c->id, 2 * i) == 0);
		CHECK(signal_to(c, BCAST, 2 * i + 1) == 0);
		CHECK(receive_cookie(c) == 2 * i);
		CHECK(receive_cookie(c) == 2 * i + 1);
	}
	CHECK(receive_cookie(c) == 0 && lost(c) == 0);
}

/* Monitors come and go, with copies that they did not receive. */
TEST_F(monitor_load, may_leave_while_others_send)
{
	struct conn *conns[] = { &self->a, &self->b };
	pid_t pids[ARRAY_SIZE(conns)];
	int gate[2], done[2];
	struct pollfd p[2];
	unsigned int i, seen = 0;

	conn_close(&self->mon);
	ASSERT_EQ(0, pipe2(gate, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(done, O_CLOEXEC));
	for (i = 0; i < ARRAY_SIZE(conns); i++) {
		pids[i] = fork_as(0, 0);
		if (pids[i] == 0) {
			gate_wait(gate);
			talk_to_itself(conns[i]);
			_exit(0);
		}
	}
	close(done[1]);
	ASSERT_EQ(0, peer_new(&self->mon, self->d, MONITOR));
	close(gate[1]);
	for (;;) {
		p[0] = (struct pollfd){ self->mon.fd, POLLIN, 0 };
		p[1] = (struct pollfd){ done[0], 0, 0 };
		ASSERT_LT(0, poll(p, 2, -1));
		if (receive(&self->mon))
			seen++;
		conn_close(&self->mon);
		if (p[1].revents)
			break;
		ASSERT_EQ(0, peer_new(&self->mon, self->d, MONITOR));
	}
	for (i = 0; i < ARRAY_SIZE(conns); i++)
		EXPECT_EQ(0, child_wait(pids[i]));
	EXPECT_LT(0, seen);
}

KDBUS_HARNESS_MAIN
