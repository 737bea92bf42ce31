// SPDX-License-Identifier: LGPL-2.1+
/*
 * A name that goes between its activator and a service all the time, while
 * others send to it.
 */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "activator_util.h"
#include "kdbus_harness.h"

#define N_SENDERS	3
#define N_MESSAGES	100

FIXTURE(migrate_race) {
	struct domain domain;
	struct domain *d;
	struct conn service;
	struct conn act;
};

FIXTURE_SETUP(migrate_race)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->service, self->d, 0));
	ASSERT_EQ(0, activator_new(&self->act, self->d, NAME, 0));
}

FIXTURE_TEARDOWN(migrate_race)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

/**
 * struct sender - a thread that sends to the name
 * @thread:	thread
 * @c:		its connection
 * @calls:	it wants a reply to each message, and waits for it
 * @received:	last of its messages that the service got, in their order
 * @result:	error that it met, 0 if all were sent
 */
struct sender {
	pthread_t thread;
	struct conn c;
	bool calls;
	__u64 received;
	int result;
};

static int send_one(const struct sender *s, __u64 cookie)
{
	struct kdbus_cmd_send *send;
	struct kdbus_msg *msg;
	int r;

	if (!s->calls)
		return plain(&s->c, NAME, cookie);

	msg = to_name(call_new(KDBUS_DST_ID_NAME, cookie, NEVER), NAME);
	send = send_new(msg);
	send->flags = KDBUS_SEND_SYNC_REPLY;
	r = cmd_run(s->c.fd, KDBUS_CMD_SEND, send);
	if (r == 0)
		r = conn_free(&s->c, send->reply.offset);
	free(send);
	free(msg);
	return r;
}

static void *sender_run(void *arg)
{
	struct sender *s = arg;
	__u64 cookie = 1;

	while (cookie <= N_MESSAGES) {
		s->result = send_one(s, cookie);
		if (s->result == -ENOBUFS)
			sched_yield();
		else if (s->result < 0)
			break;
		else
			cookie++;
	}
	return NULL;
}

/**
 * struct looker - a thread that looks at what waits for the service
 * @act:	activator
 * @stop:	it is to end
 */
struct looker {
	const struct conn *act;
	bool stop;
};

/* That must not keep messages from moving. */
static void *looker_run(void *arg)
{
	struct looker *looker = arg;
	struct kdbus_cmd_recv *recv = recv_new(KDBUS_RECV_PEEK, 0);

	while (!__atomic_load_n(&looker->stop, __ATOMIC_RELAXED))
		if (conn_recv(looker->act, recv) == 0)
			conn_free(looker->act, recv->msg.offset);
	free(recv);
	return NULL;
}

/* Receive a message; false if it is not the next one of its sender. */
static bool serve(const struct conn *service, struct sender *senders,
		  unsigned int *n)
{
	const struct kdbus_msg *msg = receive(service);
	struct sender *s;
	bool ok = true;

	if (!msg)
		return true;
	for (s = senders; s->c.id != msg->src_id; s++)
		if (s == senders + N_SENDERS)
			return false;
	if (msg->cookie != ++s->received)
		ok = false;
	else if (s->calls)
		ok = reply(service, s->c.id, 1, msg->cookie) == 0;
	++*n;
	return ok && conn_free(service, msg_offset(service, msg)) == 0;
}

TEST_F(migrate_race, nothing_is_lost_or_out_of_order)
{
	struct sender senders[N_SENDERS + 1] = {};
	const struct conn *service = &self->service;
	unsigned int i, n = 0, round = 0, before;
	struct looker looker = { .act = &self->act };
	pthread_t thread;

	for (i = 0; i < N_SENDERS; i++) {
		senders[i].calls = i == 0;
		ASSERT_EQ(0, peer_new(&senders[i].c, self->d, 0));
		ASSERT_EQ(0, pthread_create(&senders[i].thread, NULL,
					    sender_run, &senders[i]));
	}
	ASSERT_EQ(0, pthread_create(&thread, NULL, looker_run, &looker));

	/* whoever failed sends no more, and this ends by the timeout */
	while (n < N_SENDERS * N_MESSAGES) {
		ASSERT_EQ(PRIMARY | ACQUIRED, name_acquire(service, NAME, 0));
		before = n;
		round++;
		for (i = 0; i < round % 12; i++)
			ASSERT_TRUE(serve(service, senders, &n));
		ASSERT_EQ(0, name_release(service, NAME));
		if (n == before)
			sched_yield();
	}

	__atomic_store_n(&looker.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	for (i = 0; i < N_SENDERS; i++) {
		ASSERT_EQ(0, pthread_join(senders[i].thread, NULL));
		EXPECT_EQ(0, senders[i].result);
		EXPECT_EQ(N_MESSAGES, senders[i].received);
	}
	EXPECT_STREQ("", heard(service));
	EXPECT_STREQ("", heard(&self->act));
	EXPECT_EQ(0, lost(service));
	EXPECT_EQ(0, lost(&self->act));
}

KDBUS_HARNESS_MAIN
