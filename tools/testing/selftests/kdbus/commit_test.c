// SPDX-License-Identifier: LGPL-2.1+
/*
 * The moment of a message: if one of its receivers has it, all others have it,
 * too, and each can pass it on without overtaking it.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <time.h>

#include "monitor_util.h"
#include "kdbus_harness.h"

/* What lies between the first and the last receiver */
#define N_BETWEEN	150

/* Sent without a pause: as many as a user may have in a queue */
#define N_BURST		250

/* how much can be tried depends on the machine */
#define N_ROUNDS	8
#define N_SECONDS	8

FIXTURE(commit) {
	struct domain domain;
	struct conn sender;
	struct conn first;
	struct conn last;
	struct conn between[N_BETWEEN];
	int gate[2];
	pid_t pid;
};

/* Broadcasts, or messages to one receiver that many monitors watch */
FIXTURE_VARIANT(commit) {
	bool broadcast;
};

FIXTURE_VARIANT_ADD(commit, broadcast) {
	.broadcast = true,
};

FIXTURE_VARIANT_ADD(commit, watched) {
	.broadcast = false,
};

/* A burst of messages for each byte */
static void send_all(const struct conn *c, __u64 dst_id, int gate)
{
	__u64 cookie = 0;
	unsigned int i;
	char byte;

	while (read(gate, &byte, 1) == 1) {
		for (i = 0; i < N_BURST; i++) {
			cookie++;
			if (dst_id == BCAST)
				CHECK(signal_to(c, BCAST, cookie) == 0);
			else
				CHECK(send_cookie(c, dst_id, cookie) == 0);
		}
	}
}

static int drop_all(const struct conn *c)
{
	struct kdbus_cmd_recv recv = {
		.size = sizeof(recv),
		.flags = KDBUS_RECV_DROP,
	};
	int r;

	do
		r = conn_recv(c, &recv);
	while (r == 0);
	return r == -EAGAIN ? 0 : r;
}

FIXTURE_SETUP(commit)
{
	const __u64 flags = variant->broadcast ? 0 : MONITOR;
	const struct domain *d = &self->domain;
	unsigned int i;

	ASSERT_EQ(0, domain_enter(&self->domain));
	ASSERT_LE(0, bus_new(d, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->sender, d, 0));
	ASSERT_EQ(0, peer_new(&self->first, d, flags));
	for (i = 0; i < N_BETWEEN; i++)
		ASSERT_EQ(0, peer_new(&self->between[i], d, flags));
	ASSERT_EQ(0, peer_new(&self->last, d, 0));
	if (variant->broadcast) {
		ASSERT_EQ(0, match_sender(&self->first, &self->sender));
		for (i = 0; i < N_BETWEEN; i++)
			ASSERT_EQ(0, match_sender(&self->between[i],
						  &self->sender));
		ASSERT_EQ(0, match_sender(&self->last, &self->sender));
	} else {
		/* they have seen the last one come */
		ASSERT_EQ(0, drop_all(&self->first));
	}

	ASSERT_EQ(0, pipe2(self->gate, O_CLOEXEC));
	self->pid = fork_as(0, 0);
	if (self->pid == 0) {
		close(self->gate[1]);
		send_all(&self->sender,
			 variant->broadcast ? BCAST : self->last.id,
			 self->gate[0]);
		_exit(0);
	}
}

FIXTURE_TEARDOWN(commit)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

/* The next message, as soon as it is there */
static __u64 wait_for(const struct conn *c)
{
	__u64 cookie;

	do
		cookie = receive_cookie(c);
	while (!cookie);
	return cookie;
}

/*
 * Nobody sleeps here, as the moment in which a receiver would be ahead of the
 * others is short.
 */
TEST_F(commit, is_one_for_all)
{
	const time_t end = time(NULL) + N_SECONDS;
	const struct conn *one, *other;
	unsigned int i, round;
	__u64 cookie = 0;

	for (round = 0; round < N_ROUNDS && time(NULL) < end; round++) {
		one = round % 2 ? &self->last : &self->first;
		other = round % 2 ? &self->first : &self->last;
		ASSERT_EQ(1, write(self->gate[1], "", 1));
		for (i = 0; i < N_BURST; i++) {
			cookie++;
			ASSERT_EQ(cookie, wait_for(one));
			ASSERT_EQ(cookie, receive_cookie(other)) {
				TH_LOG("round %u, message %u", round, i);
			}
		}
		for (i = 0; i < N_BETWEEN; i++)
			ASSERT_EQ(0, drop_all(&self->between[i]));
	}
	close(self->gate[1]);
	EXPECT_EQ(0, child_wait(self->pid));
}

KDBUS_HARNESS_MAIN
