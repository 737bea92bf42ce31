// SPDX-License-Identifier: LGPL-2.1+
/*
 * Calls that were interrupted by a signal, and whose requests move with the name
 * meanwhile; and two names that cross each other on their way.
 */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "activator_util.h"
#include "send_util.h"
#include "kdbus_harness.h"

#define OTHER	"org.example.b"

FIXTURE(migrate_call) {
	struct domain domain;
	struct domain *d;
	struct conn src;
	struct conn a;
	struct conn b;
	struct conn act;
};

FIXTURE_SETUP(migrate_call)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->src, self->d, ACCEPT_FD));
	ASSERT_EQ(0, peer_new(&self->a, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->b, self->d, 0));
	ASSERT_EQ(0, activator_new(&self->act, self->d, NAME, ACCEPT_FD));
}

FIXTURE_TEARDOWN(migrate_call)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

static void handler(int number)
{
	(void)number;
}

/* A call that is open, while nobody waits for its reply; with that cookie */
static struct sender *interrupted(const struct conn *c, const struct conn *dst,
				  struct kdbus_msg *msg)
{
	struct sigaction action = { .sa_handler = handler };
	struct sender *s = sender_new(c, msg, SYNC);

	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	sender_start(s, THREAD);
	call_waits(s, dst);
	CHECK(syscall(SYS_tgkill, getpid(), s->id, SIGUSR1) == 0);
	CHECK(sender_end(s) == -EINTR);
	return s;
}

#define INTERRUPTED(_cookie) \
	interrupted(&self->src, &self->act, to_name(call_new( \
		    KDBUS_DST_ID_NAME, _cookie, NEVER), NAME))

/* What the call returns when it is made again */
static int again(struct sender *s)
{
	return sender_end(sender_start(s, THREAD));
}

static __u64 reply_cookie(const struct sender *s)
{
	return msg_at(s->c, s->cmd->reply.offset)->cookie;
}

TEST_F(migrate_call, the_new_owner_replies_before_anybody_waits)
{
	struct sender *s = INTERRUPTED(7);

	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	EXPECT_STREQ("message 7", heard_all(&self->a));
	EXPECT_EQ(0, reply(&self->a, self->src.id, 1, 7));
	EXPECT_STREQ("", heard_all(&self->src));
	EXPECT_EQ(0, again(s));
	EXPECT_EQ(1, reply_cookie(s));
	EXPECT_STREQ("", heard_all(&self->a));
}

TEST_F(migrate_call, the_new_owner_replies_when_somebody_waits)
{
	struct sender *s = INTERRUPTED(7);

	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	sender_start(s, THREAD);
	sender_sleeps(s);
	/* it was not sent again */
	EXPECT_STREQ("message 7", heard_all(&self->a));
	EXPECT_STREQ("", heard_all(&self->act));
	EXPECT_EQ(0, reply(&self->a, self->src.id, 1, 7));
	EXPECT_EQ(0, sender_end(s));
	EXPECT_EQ(1, reply_cookie(s));
}

TEST_F(migrate_call, follows_the_name_to_the_third_one)
{
	struct sender *s = INTERRUPTED(7);

	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	ASSERT_EQ(0, name_release(&self->a, NAME));
	ASSERT_LT(0, name_acquire(&self->b, NAME, 0));
	EXPECT_EQ(-EBADSLT, reply(&self->a, self->src.id, 1, 7));
	/* who had it once may end */
	conn_close(&self->a);
	conn_close(&self->act);
	EXPECT_STREQ("message 7", heard_all(&self->b));
	EXPECT_EQ(0, reply(&self->b, self->src.id, 2, 7));
	EXPECT_EQ(0, again(s));
	EXPECT_EQ(2, reply_cookie(s));
}

TEST_F(migrate_call, fails_if_the_new_owner_ends)
{
	struct sender *s = INTERRUPTED(7), *t = INTERRUPTED(8);
	struct kdbus_cmd_recv *drop = recv_new(KDBUS_RECV_DROP, 0);

	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	ASSERT_EQ(0, conn_recv(&self->a, drop));
	EXPECT_EQ(-EPIPE, again(s));
	EXPECT_STREQ("message 8", heard_all(&self->a));
	conn_close(&self->a);
	EXPECT_EQ(-EPIPE, again(t));
	EXPECT_STREQ("", heard_all(&self->src));
}

/* The new owner takes no files. */
TEST_F(migrate_call, fails_if_the_request_is_lost)
{
	struct kdbus_msg *msg = to_name(call_new(KDBUS_DST_ID_NAME, 7, NEVER),
					NAME);
	struct sender *s = interrupted(&self->src, &self->act,
				       with_fd(msg, 0));

	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	EXPECT_EQ(1, lost(&self->a));
	EXPECT_EQ(-EPIPE, again(s));
	EXPECT_STREQ("", heard_all(&self->src));
	/* all is over, so this is another call */
	EXPECT_EQ(-ECOMM, again(s));
}

TEST_F(migrate_call, ends_with_the_caller)
{
	struct sender *s = INTERRUPTED(7);

	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	ASSERT_EQ(0, conn_byebye(&self->src));
	EXPECT_EQ(-ECONNRESET, again(s));
	EXPECT_STREQ("message 7", heard_all(&self->a));
	EXPECT_EQ(-ENXIO, reply(&self->a, self->src.id, 1, 7));
}

#define N_SENDERS	3
#define N_MESSAGES	60

/**
 * struct flow - a thread that sends to two names in turn
 * @thread:	thread
 * @c:		its connection
 * @calls:	it wants a reply to each message, and waits for it
 * @received:	last of its messages that was got by each name
 * @result:	error that it met, 0 if all were sent
 */
struct flow {
	pthread_t thread;
	struct conn c;
	bool calls;
	__u64 received[2];
	int result;
};

static int flow_send(const struct flow *f, __u64 cookie)
{
	const char *name = cookie % 2 ? NAME : OTHER;
	struct kdbus_cmd_send *send;
	struct kdbus_msg *msg;
	int r;

	if (!f->calls)
		return plain(&f->c, name, cookie);

	msg = to_name(call_new(KDBUS_DST_ID_NAME, cookie, NEVER), name);
	send = send_new(msg);
	send->flags = SYNC;
	r = cmd_run(f->c.fd, KDBUS_CMD_SEND, send);
	if (r == 0)
		r = conn_free(&f->c, send->reply.offset);
	free(send);
	free(msg);
	return r;
}

static void *flow_run(void *arg)
{
	struct flow *f = arg;
	__u64 cookie = 1;

	while (cookie <= N_MESSAGES) {
		f->result = flow_send(f, cookie);
		if (f->result == -ENOBUFS)
			sched_yield();
		else if (f->result < 0)
			break;
		else
			cookie++;
	}
	return NULL;
}

/* Receive a message; false if it is not the next one of its sender and name. */
static bool serve(const struct conn *c, struct flow *flows, unsigned int *n)
{
	const struct kdbus_msg *msg = receive(c);
	__u64 *received;
	struct flow *f;
	bool ok;

	if (!msg)
		return true;
	for (f = flows; f->c.id != msg->src_id; f++)
		if (f == flows + N_SENDERS - 1)
			return false;
	received = &f->received[msg->cookie % 2];
	ok = msg->cookie == *received + 2;
	*received = msg->cookie;
	if (ok && f->calls)
		ok = reply(c, f->c.id, 1, msg->cookie) == 0;
	++*n;
	return ok && conn_free(c, msg_offset(c, msg)) == 0;
}

/**
 * struct mover - a thread that lets a name go from one service to the other
 * @thread:	thread
 * @services:	who gets the name, through its activator
 * @name:	name
 * @stop:	it is enough
 */
struct mover {
	pthread_t thread;
	const struct conn *services[2];
	const char *name;
	bool stop;
};

static void *mover_run(void *arg)
{
	struct mover *m = arg;
	unsigned int i;

	for (i = 0; !__atomic_load_n(&m->stop, __ATOMIC_RELAXED); i++) {
		CHECK(name_acquire(m->services[i % 2], m->name, 0) > 0);
		if (i % 3)
			sched_yield();
		CHECK(name_release(m->services[i % 2], m->name) == 0);
	}
	return NULL;
}

/*
 * Two names are on their way between the same two services, in both directions,
 * while others send to them.
 */
TEST_F(migrate_call, two_names_cross_each_other)
{
	struct mover movers[] = {
		{ .services = { &self->a, &self->b }, .name = NAME },
		{ .services = { &self->b, &self->a }, .name = OTHER },
	};
	struct flow flows[N_SENDERS] = {};
	unsigned int i, n = 0;
	struct conn act;

	ASSERT_EQ(0, activator_new(&act, self->d, OTHER, 0));
	for (i = 0; i < N_SENDERS; i++) {
		flows[i].calls = i == 0;
		flows[i].received[1] = -1ULL;
		ASSERT_EQ(0, peer_new(&flows[i].c, self->d, 0));
		ASSERT_EQ(0, pthread_create(&flows[i].thread, NULL, flow_run,
					    &flows[i]));
	}
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&movers[i].thread, NULL, mover_run,
					    &movers[i]));

	/* whoever failed sends no more, and this ends by the timeout */
	for (i = 0; n < N_SENDERS * N_MESSAGES; i++)
		ASSERT_TRUE(serve(movers[0].services[i % 2], flows, &n));

	for (i = 0; i < 2; i++) {
		__atomic_store_n(&movers[i].stop, true, __ATOMIC_RELAXED);
		ASSERT_EQ(0, pthread_join(movers[i].thread, NULL));
	}
	for (i = 0; i < N_SENDERS; i++) {
		ASSERT_EQ(0, pthread_join(flows[i].thread, NULL));
		EXPECT_EQ(0, flows[i].result);
	}
	for (i = 0; i < 2; i++) {
		EXPECT_STREQ("", heard(movers[0].services[i]));
		EXPECT_EQ(0, lost(movers[0].services[i]));
	}
	EXPECT_STREQ("", heard(&self->act));
	EXPECT_STREQ("", heard(&act));
	EXPECT_EQ(0, lost(&self->act));
	EXPECT_EQ(0, lost(&act));
}

KDBUS_HARNESS_MAIN
