// SPDX-License-Identifier: LGPL-2.1+
/*
 * Calls that nobody waits for: how many there can be, how they end, and who may
 * answer them.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "send_util.h"
#include "kdbus_harness.h"

FIXTURE(tracker) {
	struct domain domain;
	struct domain *d;
	int bus;
	struct conn a;		/* calls */
	struct conn b;		/* replies */
	struct conn c;
};

FIXTURE_SETUP(tracker)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	self->bus = bus_new(self->d, "0-bus", KDBUS_MAKE_ACCESS_WORLD);
	ASSERT_LE(0, self->bus);
	ASSERT_EQ(0, peer_new(&self->a, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->b, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->c, self->d, 0));
}

FIXTURE_TEARDOWN(tracker)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

typedef FIXTURE_DATA(tracker) struct_t;

static bool is_idle(const struct conn *c)
{
	return !receive(c) && errno == EAGAIN && lost(c) == 0;
}

static int call_until(const struct conn *c, __u64 dst_id, __u64 cookie,
		      __u64 deadline)
{
	return pass(c, call_new(dst_id, cookie, deadline));
}

static int drop(const struct conn *c)
{
	return conn_recv(c, recv_new(KDBUS_RECV_DROP, 0));
}

/* opened by that user; the process stays root */
static int peer_new_as(struct conn *c, const struct domain *d, uid_t uid)
{
	int r;

	if (setresuid(uid, uid, 0) < 0)
		return -errno;
	r = peer_new(c, d, 0);
	return setresuid(0, 0, 0) < 0 ? -errno : r;
}

#define EXPECT_HEARD(_str) EXPECT_STREQ(_str, heard(&self->a))

/*
 * Slots
 */

TEST_F(tracker, connection_has_128)
{
	struct sender *s;
	__u64 i;

	for (i = 1; i < MAX_REQUESTS; i++) {
		ASSERT_EQ(0, call(&self->a, self->b.id, i));
		ASSERT_EQ(i, receive_cookie(&self->b));
	}
	/* the last one is another kind, which counts the same */
	s = call_start(&self->a, &self->b, i, THREAD);
	ASSERT_EQ(i, receive_cookie(&self->b));
	EXPECT_EQ(-EMLINK, call(&self->a, self->b.id, 999));
	EXPECT_EQ(-EMLINK, call(&self->a, self->c.id, 999));
	EXPECT_EQ(-EMLINK, sender_end(sender_start(sender_new(&self->a,
		  call_new(self->b.id, 999, NEVER), SYNC), PROCESS)));
	EXPECT_TRUE(is_idle(&self->b));
	EXPECT_TRUE(is_idle(&self->c));

	/* nothing else is limited, nor is anybody else */
	EXPECT_EQ(0, send_cookie(&self->a, self->b.id, 1));
	EXPECT_EQ(1, receive_cookie(&self->b));
	EXPECT_EQ(0, call(&self->c, self->a.id, 2));
	EXPECT_EQ(2, receive_cookie(&self->a));
	EXPECT_EQ(0, reply(&self->a, self->c.id, 3, 2));

	/* one slot after the other */
	EXPECT_EQ(0, reply(&self->b, self->a.id, 1, 5));
	EXPECT_EQ(0, call(&self->a, self->b.id, 999));
	EXPECT_EQ(-EMLINK, call(&self->a, self->b.id, 1000));
	EXPECT_EQ(0, reply(&self->b, self->a.id, 1, i));
	EXPECT_EQ(0, sender_end(s));
	EXPECT_EQ(0, call(&self->a, self->b.id, 1000));
	EXPECT_EQ(-EMLINK, call(&self->a, self->b.id, 1001));
	EXPECT_EQ(999, receive_cookie(&self->b));
	EXPECT_EQ(0, drop(&self->b));
	EXPECT_EQ(0, call(&self->a, self->b.id, 1001));
	EXPECT_EQ(-EMLINK, call(&self->a, self->b.id, 1002));
}

/* The limit is looked at after the receiver, and before what it takes. */
TEST_F(tracker, slots_in_the_order_of_checks)
{
	struct conn alice;
	__u64 i;

	ASSERT_EQ(0, peer_new_as(&alice, self->d, ALICE));
	ASSERT_EQ(0, setresuid(ALICE, ALICE, 0));
	for (i = 1; i <= MAX_REQUESTS; i++) {
		ASSERT_EQ(0, call(&alice, alice.id, i));
		ASSERT_EQ(i, receive_cookie(&alice));
	}
	EXPECT_EQ(-ENXIO, call(&alice, 4711, 999));
	EXPECT_EQ(-ESRCH, pass(&alice, with_name(call_new(0, 999, NEVER),
						 NAME)));
	EXPECT_EQ(-EPERM, call(&alice, self->b.id, 999));
	EXPECT_EQ(-EMLINK, call(&alice, alice.id, 999));
	EXPECT_EQ(-EMLINK, pass(&alice, with_fd(call_new(alice.id, 999, NEVER),
						0)));
	EXPECT_EQ(-EMLINK, pass(&alice, with_bytes(call_new(alice.id, 999,
		  NEVER), POOL_SIZE / 4)));
	ASSERT_EQ(0, setresuid(0, 0, 0));
}

TEST_F(tracker, failed_calls_take_no_slot)
{
	struct kdbus_msg *bad = call_new(self->b.id, 1, NEVER);
	__u64 i;

	item_add_vec(bad, (void *)8, 16);
	for (i = 0; i <= MAX_REQUESTS; i++) {
		ASSERT_EQ(-ECOMM, pass(&self->a, with_fd(
			  call_new(self->b.id, 1, NEVER), 0)));
		ASSERT_EQ(-ENOBUFS, pass(&self->a, with_bytes(
			  call_new(self->b.id, 1, NEVER), POOL_SIZE / 4)));
		ASSERT_EQ(-EFAULT, msg_send(&self->a, bad));
	}
	EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 2, 1));
	for (i = 1; i <= MAX_REQUESTS; i++)
		ASSERT_EQ(0, call(&self->a, self->b.id, i));
	EXPECT_EQ(-EMLINK, call(&self->a, self->b.id, i));
}

/* Calls that nobody receives take slots no longer than those that are. */
TEST_F(tracker, unread_calls_take_no_slot_after_their_end)
{
	__u64 i;

	for (i = 1; i <= MAX_REQUESTS; i++)
		ASSERT_EQ(0, call_until(&self->a, self->b.id, i, 1));
	for (i = 1; i <= MAX_REQUESTS; i++) {
		readable_wait(&self->a);
		ASSERT_EQ(0, strncmp(heard(&self->a), "REPLY_TIMEOUT", 13));
	}
	for (i = 1; i <= MAX_REQUESTS; i++)
		ASSERT_EQ(0, call(&self->a, self->b.id, 1000 + i));
	EXPECT_EQ(-EMLINK, call(&self->a, self->b.id, 2000));
	/* all are there, and only the later ones are open */
	for (i = 1; i <= MAX_REQUESTS; i++) {
		ASSERT_EQ(i, receive_cookie(&self->b));
		ASSERT_EQ(-EBADSLT, reply(&self->b, self->a.id, 1, i));
	}
	for (i = 1; i <= MAX_REQUESTS; i++) {
		ASSERT_EQ(1000 + i, receive_cookie(&self->b));
		ASSERT_EQ(0, reply(&self->b, self->a.id, 1, 1000 + i));
	}
}

/*
 * Deadlines
 */

TEST_F(tracker, deadline_may_have_passed_already)
{
	const __u64 deadlines[] = { 1, now() };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(deadlines); i++) {
		EXPECT_EQ(0, call_until(&self->a, self->b.id, 7,
					deadlines[i]));
		readable_wait(&self->a);
		EXPECT_HEARD("REPLY_TIMEOUT 7");
		EXPECT_EQ(7, receive_cookie(&self->b));
		EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 1, 7));
		EXPECT_TRUE(is_idle(&self->a));
	}
}

TEST_F(tracker, deadline_is_never_early)
{
	__u64 deadline;
	unsigned int i;

	for (i = 0; i < 30; i++) {
		deadline = now() + 3 * MS + i * 100000;
		ASSERT_EQ(0, call_until(&self->a, self->b.id, 7, deadline));
		readable_wait(&self->a);
		EXPECT_LE(deadline, now());
		EXPECT_HEARD("REPLY_TIMEOUT 7");
		EXPECT_EQ(7, receive_cookie(&self->b));
	}
}

/* If it were late, this would take longer than a test may. */
TEST_F(tracker, earliest_deadline_counts)
{
	const __u64 hour = 3600 * 1000 * MS;

	ASSERT_EQ(0, call(&self->a, self->b.id, 1));
	ASSERT_EQ(0, call_until(&self->a, self->b.id, 2, now() + hour));
	ASSERT_EQ(0, call_until(&self->a, self->b.id, 3, now() + 2 * hour));
	ASSERT_EQ(0, call_until(&self->a, self->b.id, 4, now() + 20 * MS));
	ASSERT_EQ(0, call_until(&self->a, self->b.id, 5, now() + hour));
	readable_wait(&self->a);
	EXPECT_HEARD("REPLY_TIMEOUT 4");
	/* and so on */
	ASSERT_EQ(0, call_until(&self->a, self->b.id, 6, now() + 20 * MS));
	readable_wait(&self->a);
	EXPECT_HEARD("REPLY_TIMEOUT 6");
	/* the end of the earliest one does not keep others from theirs */
	ASSERT_EQ(0, call_until(&self->a, self->b.id, 7, now() + 2000 * MS));
	ASSERT_EQ(0, call_until(&self->a, self->b.id, 8, now() + 1500 * MS));
	EXPECT_EQ(0, reply(&self->b, self->a.id, 99, 8));
	EXPECT_HEARD("message 99");
	readable_wait(&self->a);
	EXPECT_HEARD("REPLY_TIMEOUT 7");
	EXPECT_TRUE(is_idle(&self->a));
	EXPECT_EQ(0, reply(&self->b, self->a.id, 1, 1));
	EXPECT_EQ(0, reply(&self->b, self->a.id, 2, 2));
	EXPECT_EQ(0, reply(&self->b, self->a.id, 3, 3));
	EXPECT_EQ(0, reply(&self->b, self->a.id, 5, 5));
}

TEST_F(tracker, deadline_may_be_far_away)
{
	const __u64 far[] = { ~0ULL, ~0ULL - 1, 1ULL << 63, NEVER, NEVER - 1 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(far); i++)
		ASSERT_EQ(0, call_until(&self->a, self->b.id, i + 1, far[i]));
	/* the others have been looked at when this one is over */
	ASSERT_EQ(0, call_until(&self->a, self->b.id, 99, now() + 20 * MS));
	readable_wait(&self->a);
	EXPECT_HEARD("REPLY_TIMEOUT 99");
	EXPECT_TRUE(is_idle(&self->a));
	for (i = 0; i < ARRAY_SIZE(far); i++)
		EXPECT_EQ(0, reply(&self->b, self->a.id, 1, i + 1));
}

/* Whatever comes first, the caller hears of it once. */
TEST_F(tracker, outcome_is_told_once)
{
	int r;

	/* in time */
	ASSERT_EQ(0, call_until(&self->a, self->b.id, 1, now() + 50 * MS));
	r = reply(&self->b, self->a.id, 11, 1);
	readable_wait(&self->a);
	EXPECT_HEARD(r == 0 ? "message 11" : "REPLY_TIMEOUT 1");
	EXPECT_EQ(1, receive_cookie(&self->b));
	/* too late, for a drop and an end, too */
	ASSERT_EQ(0, call_until(&self->a, self->b.id, 2, 1));
	ASSERT_EQ(0, call_until(&self->a, self->b.id, 3, 1));
	readable_wait(&self->a);
	EXPECT_EQ(0, strncmp(heard(&self->a), "REPLY_TIMEOUT", 13));
	readable_wait(&self->a);
	EXPECT_EQ(0, strncmp(heard(&self->a), "REPLY_TIMEOUT", 13));
	EXPECT_EQ(0, drop(&self->b));
	/* after a reply nothing else comes */
	ASSERT_EQ(0, call_until(&self->a, self->b.id, 4, now() + 100 * MS));
	r = reply(&self->b, self->a.id, 14, 4);
	readable_wait(&self->a);
	EXPECT_HEARD(r == 0 ? "message 14" : "REPLY_TIMEOUT 4");
	/* after a drop neither */
	ASSERT_EQ(0, call_until(&self->a, self->c.id, 5, now() + 2000 * MS));
	ASSERT_EQ(0, drop(&self->c));
	EXPECT_HEARD("REPLY_DEAD 5");
	EXPECT_EQ(-EBADSLT, reply(&self->c, self->a.id, 15, 5));
	conn_close(&self->b);
	conn_close(&self->c);
	/* a later deadline than any that was set */
	ASSERT_EQ(0, call_until(&self->a, self->a.id, 6, now() + 2100 * MS));
	EXPECT_EQ(6, receive_cookie(&self->a));
	readable_wait(&self->a);
	EXPECT_HEARD("REPLY_TIMEOUT 6");
	EXPECT_TRUE(is_idle(&self->a));
}

/*
 * The end of who has to reply
 */

TEST_F(tracker, end_of_the_replier_is_told_for_each_open_call)
{
	unsigned int seen = 0, i, number;
	const char *str;

	for (i = 1; i <= 6; i++)
		ASSERT_EQ(0, call(&self->a, self->b.id, i));
	ASSERT_EQ(0, call(&self->c, self->b.id, 50));
	/* answered before and after it was received, dropped, received */
	ASSERT_EQ(0, reply(&self->b, self->a.id, 11, 1));
	EXPECT_HEARD("message 11");
	ASSERT_EQ(1, receive_cookie(&self->b));
	ASSERT_EQ(2, receive_cookie(&self->b));
	ASSERT_EQ(0, reply(&self->b, self->a.id, 12, 2));
	EXPECT_HEARD("message 12");
	ASSERT_EQ(0, drop(&self->b));
	EXPECT_HEARD("REPLY_DEAD 3");
	ASSERT_EQ(4, receive_cookie(&self->b));
	/* received and not freed, and peeked at */
	ASSERT_NE(NULL, receive(&self->b));
	ASSERT_EQ(0, conn_recv(&self->b, recv_new(KDBUS_RECV_PEEK, 0)));
	EXPECT_TRUE(is_idle(&self->a));

	conn_close(&self->b);
	for (i = 0; i < 3; i++) {
		str = heard(&self->a);
		ASSERT_EQ(1, sscanf(str, "REPLY_DEAD %u", &number)) {
			TH_LOG("%s", str);
		}
		seen |= 1 << number;
	}
	EXPECT_EQ(1 << 4 | 1 << 5 | 1 << 6, seen);
	EXPECT_TRUE(is_idle(&self->a));
	EXPECT_STREQ("REPLY_DEAD 50", heard(&self->c));
	EXPECT_TRUE(is_idle(&self->c));
	for (i = 1; i <= MAX_REQUESTS; i++)
		ASSERT_EQ(0, call(&self->a, self->c.id, i));
}

TEST_F(tracker, all_ends_of_the_replier_are_told)
{
	struct conn c;
	int status;
	pid_t pid;

	ASSERT_EQ(0, call(&self->a, self->b.id, 1));
	ASSERT_EQ(1, receive_cookie(&self->b));
	ASSERT_EQ(0, conn_byebye(&self->b));
	EXPECT_HEARD("REPLY_DEAD 1");

	pid = fork_as(0, 0);
	if (pid == 0) {
		CHECK(peer_new(&c, self->d, 0) == 0);
		CHECK(send_cookie(&c, self->a.id, c.id) == 0);
		for (;;)
			pause();
	}
	readable_wait(&self->a);
	ASSERT_EQ(0, call(&self->a, receive_cookie(&self->a), 2));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	status = child_wait(pid);
	EXPECT_EQ(-SIGKILL, status);
	EXPECT_HEARD("REPLY_DEAD 2");

	/* of a monitor's copy nobody hears */
	ASSERT_EQ(0, peer_new(&c, self->d, MONITOR));
	ASSERT_EQ(0, call(&self->a, self->c.id, 3));
	ASSERT_EQ(0, drop(&c));
	conn_close(&c);
	EXPECT_TRUE(is_idle(&self->a));
	EXPECT_EQ(0, reply(&self->c, self->a.id, 13, 3));
	EXPECT_HEARD("message 13");
}

TEST_F(tracker, end_of_the_caller_ends_its_calls)
{
	ASSERT_EQ(0, call(&self->a, self->b.id, 1));
	ASSERT_EQ(0, call(&self->a, self->b.id, 2));
	ASSERT_EQ(0, call(&self->a, self->a.id, 3));
	ASSERT_EQ(1, receive_cookie(&self->b));
	conn_close(&self->a);
	EXPECT_EQ(-ENXIO, reply(&self->b, self->a.id, 1, 1));
	/* it can be received, or dropped, like anything else */
	EXPECT_EQ(0, drop(&self->b));
	EXPECT_TRUE(is_idle(&self->b));
	EXPECT_EQ(0, conn_byebye(&self->b));
}

/*
 * Replies
 */

TEST_F(tracker, reply_comes_through_the_queue)
{
	const struct kdbus_msg *msg;
	struct kdbus_msg *answer;

	ASSERT_EQ(0, send_cookie(&self->b, self->a.id, 1));
	ASSERT_EQ(0, call(&self->a, self->b.id, 7));
	answer = reply_new(self->a.id, 8, 7);
	answer->priority = 5;
	item_add_vec(answer, "abc", 3);
	ASSERT_EQ(0, msg_send(&self->b, answer));
	EXPECT_EQ(-EBUSY, conn_byebye(&self->a));
	EXPECT_EQ(1, receive_cookie(&self->a));
	msg = receive(&self->a);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(0, msg->flags);
	EXPECT_EQ(5, msg->priority);
	EXPECT_EQ(8, msg->cookie);
	EXPECT_EQ(7, msg->cookie_reply);
	EXPECT_EQ(self->b.id, msg->src_id);
	EXPECT_EQ(self->a.id, msg->dst_id);
	EXPECT_TRUE(is_idle(&self->a));
}

TEST_F(tracker, reply_needs_the_call)
{
	ASSERT_EQ(0, call(&self->a, self->b.id, 7));
	EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 1, 8));
	EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 1, 7 | 1ULL << 32));
	EXPECT_EQ(-EBADSLT, reply(&self->b, self->c.id, 1, 7));
	EXPECT_EQ(-EBADSLT, reply(&self->b, self->b.id, 1, 7));
	EXPECT_EQ(-EBADSLT, reply(&self->c, self->a.id, 1, 7));
	EXPECT_EQ(-EBADSLT, reply(&self->a, self->a.id, 1, 7));
	EXPECT_EQ(-EBADSLT, reply(&self->a, self->b.id, 1, 7));
	EXPECT_EQ(-ENXIO, reply(&self->b, 4711, 1, 7));
	/* that there is no call comes before what the caller takes */
	EXPECT_EQ(-EBADSLT, pass(&self->b, with_fd(reply_new(self->a.id, 1, 8),
						   0)));
	EXPECT_EQ(-EBADSLT, pass(&self->b, with_bytes(
		  reply_new(self->a.id, 1, 8), POOL_SIZE / 4)));
	EXPECT_TRUE(is_idle(&self->a));
	EXPECT_TRUE(is_idle(&self->c));
	EXPECT_EQ(0, reply(&self->b, self->a.id, 1, 7));
	EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 2, 7));
	EXPECT_HEARD("message 1");
	EXPECT_TRUE(is_idle(&self->a));

	/* a plain message and a signal open nothing */
	ASSERT_EQ(0, send_cookie(&self->a, self->b.id, 9));
	EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 1, 9));
}

TEST_F(tracker, reply_by_name)
{
	struct kdbus_msg *msg;

	ASSERT_EQ(0, call(&self->a, self->b.id, 7));
	EXPECT_EQ(-ESRCH, pass(&self->b, with_name(reply_new(0, 1, 7), NAME)));
	ASSERT_LT(0, name_acquire(&self->c, NAME, 0));
	EXPECT_EQ(-EBADSLT, pass(&self->b, with_name(reply_new(0, 1, 7),
						     NAME)));
	msg = with_name(reply_new(self->a.id, 1, 7), NAME);
	EXPECT_EQ(-EREMCHG, msg_send(&self->b, msg));
	ASSERT_EQ(0, name_release(&self->c, NAME));
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	EXPECT_EQ(0, msg_send(&self->b, msg));
	EXPECT_HEARD("message 1");
	ASSERT_EQ(0, call(&self->a, self->b.id, 8));
	EXPECT_EQ(0, pass(&self->b, with_name(reply_new(0, 2, 8), NAME)));
	EXPECT_HEARD("message 2");
}

/* The call is the permission, and nothing but this call. */
TEST_F(tracker, reply_needs_no_permission)
{
	struct conn alice;

	ASSERT_EQ(0, peer_new_as(&alice, self->d, ALICE));
	ASSERT_EQ(0, call(&self->a, alice.id, 7));
	ASSERT_EQ(0, setresuid(ALICE, ALICE, 0));
	EXPECT_EQ(-EPERM, send_cookie(&alice, self->a.id, 1));
	EXPECT_EQ(-EPERM, call(&alice, self->a.id, 1));
	EXPECT_EQ(0, reply(&alice, self->a.id, 2, 7));
	EXPECT_EQ(-EBADSLT, reply(&alice, self->a.id, 3, 7));
	EXPECT_EQ(-EPERM, send_cookie(&alice, self->a.id, 4));
	ASSERT_EQ(0, setresuid(0, 0, 0));
	EXPECT_HEARD("message 2");
	EXPECT_TRUE(is_idle(&self->a));
}

TEST_F(tracker, newest_of_equal_cookies_is_meant)
{
	/* to different receivers these are different calls */
	ASSERT_EQ(0, call(&self->a, self->b.id, 7));
	ASSERT_EQ(0, call(&self->a, self->c.id, 7));
	EXPECT_EQ(0, reply(&self->b, self->a.id, 1, 7));
	EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 1, 7));
	EXPECT_EQ(0, reply(&self->c, self->a.id, 2, 7));
	EXPECT_HEARD("message 1");
	EXPECT_HEARD("message 2");

	/* what is left has the earlier deadline */
	ASSERT_EQ(0, call_until(&self->a, self->b.id, 8, now() + 1500 * MS));
	ASSERT_EQ(0, call(&self->a, self->b.id, 8));
	EXPECT_EQ(0, reply(&self->b, self->a.id, 3, 8));
	EXPECT_HEARD("message 3");
	readable_wait(&self->a);
	EXPECT_HEARD("REPLY_TIMEOUT 8");
	EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 4, 8));
}

/* Whatever kept it from being delivered, a reply can be sent again. */
TEST_F(tracker, failed_reply_leaves_the_call_open)
{
	struct kdbus_msg *bad = reply_new(self->a.id, 1, 7);
	unsigned int i;

	item_add_vec(bad, "good", 4);
	item_add_vec(bad, (void *)8, 16);
	ASSERT_EQ(0, call(&self->a, self->b.id, 7));
	EXPECT_EQ(-EFAULT, msg_send(&self->b, bad));
	EXPECT_EQ(-ECOMM, pass(&self->b, with_fd(reply_new(self->a.id, 1, 7),
						 0)));
	EXPECT_EQ(-ENOBUFS, pass(&self->b, with_bytes(
		  reply_new(self->a.id, 1, 7), POOL_SIZE / 4)));
	for (i = 1; i <= MAX_QUEUED; i++)
		ASSERT_EQ(0, send_cookie(&self->b, self->a.id, i));
	EXPECT_EQ(-ENOBUFS, reply(&self->b, self->a.id, 1, 7));
	for (i = 1; i <= MAX_QUEUED; i++)
		ASSERT_EQ(i, receive_cookie(&self->a));

	for (i = 0; i < 7; i++) {
		ASSERT_EQ(0, pass(&self->b, with_bytes(msg_new(self->a.id, 1),
						       POOL_SIZE / 7 - 1024)));
		ASSERT_NE(NULL, receive(&self->a));
	}
	EXPECT_EQ(-EXFULL, pass(&self->b, with_bytes(
		  reply_new(self->a.id, 1, 7), POOL_SIZE / 8)));
	EXPECT_TRUE(is_idle(&self->a));
	EXPECT_EQ(0, reply(&self->b, self->a.id, 2, 7));
	EXPECT_HEARD("message 2");
	EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 2, 7));
}

/*
 * Everything at once
 */

#define N_RACES 150

static void *close_later(void *arg)
{
	struct conn *c = arg;

	conn_close(c);
	return NULL;
}

/* Of a reply, a deadline, a drop and an end exactly one is the outcome. */
TEST_F(tracker, outcomes_race)
{
	unsigned int i, n;
	struct conn c;
	pthread_t thread;

	for (i = 1; i <= N_RACES; i++) {
		ASSERT_EQ(0, peer_new(&c, self->d, 0));
		ASSERT_EQ(0, call_until(&self->a, c.id, i,
					i % 3 ? NEVER : now() + MS / 4));
		ASSERT_EQ(0, pthread_create(&thread, NULL, close_later, &c));
		reply(&c, self->a.id, i, i);
		ASSERT_EQ(0, pthread_join(thread, NULL));
		/* reply, REPLY_DEAD or REPLY_TIMEOUT */
		readable_wait(&self->a);
		for (n = 0; receive(&self->a); n++)
			;
		ASSERT_EQ(1, n);
	}
	EXPECT_EQ(0, lost(&self->a));
	for (i = 1; i <= MAX_REQUESTS; i++)
		ASSERT_EQ(0, call(&self->a, self->b.id, i));
}

KDBUS_HARNESS_MAIN
