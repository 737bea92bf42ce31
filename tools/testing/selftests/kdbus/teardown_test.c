// SPDX-License-Identifier: LGPL-2.1+
/*
 * Ends: of a bus, of a connection, of a process, in an orderly way or not, and
 * while others are busy with it.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "kdbus_util.h"
#include "kdbus_harness.h"

#define LIVE	(POLLOUT | POLLWRNORM)
#define DEAD	(POLLERR | POLLHUP)

FIXTURE(teardown) {
	struct domain domain;
	struct domain *d;
	int bus;
	struct conn c;
};

FIXTURE_SETUP(teardown)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	self->bus = bus_new(self->d, "0-bus", 0);
	ASSERT_LE(0, self->bus);
	ASSERT_EQ(0, conn_new(&self->c, self->d, "0-bus"));
}

/* Whatever happened: when all is closed, nothing keeps the mount busy. */
FIXTURE_TEARDOWN(teardown)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

static bool is_dead(const struct conn *c)
{
	return poll_now(c->fd) == DEAD &&
	       conn_byebye(c) == -ECONNRESET &&
	       conn_free(c, 0) == -ECONNRESET &&
	       conn_free(c, c->pool_size) == -ECONNRESET &&
	       send_cookie(c, c->id, 1) == -ECONNRESET &&
	       conn_recv(c, recv_new(0, 0)) == -ECONNRESET;
}

TEST_F(teardown, end_of_a_bus_ends_its_connections)
{
	struct conn many[20], other;
	int i, fresh;

	fresh = open_endpoint(self->d, "0-bus");
	ASSERT_LE(0, fresh);
	ASSERT_LE(0, bus_new(self->d, "0-other", 0));
	ASSERT_EQ(0, conn_new(&other, self->d, "0-other"));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, conn_new(&many[i], self->d, "0-bus"));
		ASSERT_EQ(0, send_cookie(&self->c, many[i].id, 1));
	}
	close(self->bus);

	for (i = 0; i < 20; i++)
		EXPECT_TRUE(is_dead(&many[i]));
	EXPECT_TRUE(is_dead(&self->c));
	EXPECT_EQ(-ESHUTDOWN,
		  cmd_run(fresh, KDBUS_CMD_HELLO, hello_new(POOL_SIZE)));
	EXPECT_EQ(-ENOENT, open_endpoint(self->d, "0-bus"));

	/* and no others */
	EXPECT_EQ(LIVE, poll_now(other.fd));
	EXPECT_EQ(0, send_cookie(&other, other.id, 2));
	EXPECT_EQ(2, receive_cookie(&other));
}

TEST_F(teardown, queued_messages_go_with_the_receiver)
{
	struct conn peer;
	int i;

	ASSERT_EQ(0, conn_new(&peer, self->d, "0-bus"));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, send_bytes(&self->c, peer.id, 1, "bytes", 5));
	ASSERT_NE(NULL, receive(&peer));
	conn_close(&peer);
	EXPECT_EQ(-ENXIO, send_cookie(&self->c, peer.id, 1));
	/* nothing is told to who sent them */
	EXPECT_EQ(LIVE, poll_now(self->c.fd));
	EXPECT_EQ(0, receive_cookie(&self->c));
}

TEST_F(teardown, killed_process_leaves_no_connection)
{
	int pipes[2];
	struct conn c;
	pid_t pid;
	__u64 id;

	ASSERT_EQ(0, pipe(pipes));
	pid = fork_as(0, 0);
	if (pid == 0) {
		CHECK(conn_new(&c, self->d, "0-bus") == 0);
		CHECK(write(pipes[1], &c.id, sizeof(c.id)) == sizeof(c.id));
		for (;;)
			pause();
	}
	ASSERT_EQ(sizeof(id), read(pipes[0], &id, sizeof(id)));
	EXPECT_EQ(0, send_cookie(&self->c, id, 1));
	kill(pid, SIGKILL);
	EXPECT_EQ(-SIGKILL, child_wait(pid));
	EXPECT_EQ(-ENXIO, send_cookie(&self->c, id, 1));
}

TEST_F(teardown, killed_owner_leaves_no_bus)
{
	struct conn c;
	pid_t pid;
	char byte;
	int pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	pid = fork_as(0, 0);
	if (pid == 0) {
		CHECK(bus_new(self->d, "0-mine", 0) >= 0);
		CHECK(write(pipes[1], "1", 1) == 1);
		for (;;)
			pause();
	}
	ASSERT_EQ(1, read(pipes[0], &byte, 1));
	ASSERT_EQ(0, conn_new(&c, self->d, "0-mine"));
	EXPECT_EQ(0, send_cookie(&c, c.id, 1));
	kill(pid, SIGKILL);
	EXPECT_EQ(-SIGKILL, child_wait(pid));
	EXPECT_TRUE(is_dead(&c));
	EXPECT_EQ(-ENOENT, open_endpoint(self->d, "0-mine"));
	EXPECT_LE(0, bus_new(self->d, "0-mine", 0));
}

struct senders {
	const struct domain *d;
	__u64 dst_id;
	unsigned int limit;
	unsigned int accepted[3];
	unsigned int wrong;
	bool started[3];
};

/*
 * Sends until the receiver is gone, or as often as the limit says, and counts
 * what was accepted.
 */
static void *flood(struct senders *s, int number)
{
	unsigned int i;
	struct conn c;
	int r;

	if (conn_new(&c, s->d, "0-bus") < 0) {
		__atomic_fetch_add(&s->wrong, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	for (i = 0; !s->limit || i < s->limit; i++) {
		r = send_bytes(&c, s->dst_id, 1, "some bytes", 10);
		__atomic_store_n(&s->started[number], true, __ATOMIC_RELAXED);
		if (r == 0) {
			s->accepted[number]++;
		} else if (r == -ENXIO || r == -ECONNRESET) {
			break;
		} else if (r != -ENOBUFS && r != -EXFULL) {
			__atomic_fetch_add(&s->wrong, 1, __ATOMIC_RELAXED);
			break;
		}
	}
	conn_close(&c);
	return NULL;
}

static void *flood_0(void *arg)
{
	return flood(arg, 0);
}

static void *flood_1(void *arg)
{
	return flood(arg, 1);
}

static void *flood_2(void *arg)
{
	return flood(arg, 2);
}

static void *(*const floods[])(void *) = { flood_0, flood_1, flood_2 };

static void flood_start(struct senders *s, pthread_t *threads)
{
	int i;

	for (i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, floods[i], s);
	for (i = 0; i < 3; i++)
		while (!__atomic_load_n(&s->started[i], __ATOMIC_RELAXED) &&
		       !__atomic_load_n(&s->wrong, __ATOMIC_RELAXED))
			sched_yield();
}

static unsigned int flood_end(struct senders *s, pthread_t *threads)
{
	unsigned int i, sum = 0;

	for (i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		sum += s->accepted[i];
	}
	return sum;
}

/*
 * BYEBYE succeeds only with an empty queue, and then nothing gets in any
 * more: what the senders were told is in the queue was received.
 */
TEST_F(teardown, byebye_loses_no_message_of_many_senders)
{
	unsigned int received = 0;
	struct senders s = { 0 };
	pthread_t threads[3];
	struct conn dst;
	int r, round;

	for (round = 0; round < 10; round++) {
		ASSERT_EQ(0, conn_new(&dst, self->d, "0-bus"));
		memset(&s, 0, sizeof(s));
		s.d = self->d;
		s.dst_id = dst.id;
		/* a slow receiver would never see its queue empty otherwise */
		s.limit = 200;
		flood_start(&s, threads);
		received = 0;
		do {
			r = conn_byebye(&dst);
			while (r == -EBUSY && receive_cookie(&dst))
				received++;
		} while (r == -EBUSY);
		EXPECT_EQ(0, r);
		EXPECT_EQ(received, flood_end(&s, threads));
		EXPECT_EQ(0, s.wrong);
		conn_close(&dst);
	}
}

TEST_F(teardown, close_under_many_senders)
{
	struct senders s = { 0 };
	pthread_t threads[3];
	struct conn dst;
	int round;

	for (round = 0; round < 10; round++) {
		ASSERT_EQ(0, conn_new(&dst, self->d, "0-bus"));
		memset(&s, 0, sizeof(s));
		s.d = self->d;
		s.dst_id = dst.id;
		flood_start(&s, threads);
		conn_close(&dst);
		EXPECT_LE(1, flood_end(&s, threads));
		EXPECT_EQ(0, s.wrong);
	}
	/* nobody is charged for messages to the dead */
	for (round = 0; round < 256; round++)
		ASSERT_EQ(0, send_cookie(&self->c, self->c.id, 1));
}

TEST_F(teardown, end_of_the_bus_under_many_senders)
{
	struct senders s = { 0 };
	pthread_t threads[3];
	struct conn dst;
	int round;

	for (round = 0; round < 10; round++) {
		ASSERT_EQ(0, conn_new(&dst, self->d, "0-bus"));
		memset(&s, 0, sizeof(s));
		s.d = self->d;
		s.dst_id = dst.id;
		flood_start(&s, threads);
		close(self->bus);
		EXPECT_LE(1, flood_end(&s, threads));
		EXPECT_EQ(0, s.wrong);
		EXPECT_TRUE(is_dead(&dst));
		conn_close(&dst);
		self->bus = bus_new(self->d, "0-bus", 0);
		ASSERT_LE(0, self->bus);
	}
}

/* Connects again and again until the bus is gone; 0 if all went well. */
static int connect_until_gone(const struct domain *d)
{
	struct conn c;
	int fd, r;

	for (;;) {
		fd = open_endpoint(d, "0-bus");
		if (fd < 0)
			return fd == -ENOENT || fd == -ESHUTDOWN ? 0 : -fd;
		r = cmd_run(fd, KDBUS_CMD_HELLO, hello_new(page_size()));
		if (r < 0)
			return r == -ESHUTDOWN ? 0 : -r;
		c.fd = fd;
		r = conn_byebye(&c);
		if (r < 0)
			return r == -ECONNRESET ? 0 : -r;
		close(fd);
	}
}

TEST_F(teardown, end_of_the_bus_while_others_connect)
{
	pid_t pids[3];
	int i, round;

	for (round = 0; round < 10; round++) {
		for (i = 0; i < 3; i++) {
			pids[i] = fork_as(0, 0);
			if (pids[i] == 0) {
				close(self->bus);
				_exit(connect_until_gone(self->d));
			}
		}
		/* until at least one of them is at it */
		while (conn_new(&self->c, self->d, "0-bus") == 0 &&
		       self->c.id < 40U * (round + 1))
			conn_close(&self->c);
		close(self->bus);
		for (i = 0; i < 3; i++)
			EXPECT_EQ(0, child_wait(pids[i]));
		EXPECT_EQ(DEAD, poll_now(self->c.fd));
		close(self->c.fd);
		self->bus = bus_new(self->d, "0-bus", 0);
		ASSERT_LE(0, self->bus);
	}
}

static void *byebye_thread(void *arg)
{
	return (void *)(long)conn_byebye(arg);
}

TEST_F(teardown, connection_ends_once)
{
	pthread_t threads[3];
	int i, round, won;
	struct conn c;
	void *result;

	for (round = 0; round < 20; round++) {
		ASSERT_EQ(0, conn_new(&c, self->d, "0-bus"));
		for (i = 0; i < 3; i++)
			pthread_create(&threads[i], NULL, byebye_thread, &c);
		won = 0;
		for (i = 0; i < 3; i++) {
			pthread_join(threads[i], &result);
			EXPECT_TRUE((long)result == 0 ||
				    (long)result == -ECONNRESET);
			won += !result;
		}
		EXPECT_EQ(1, won);
		EXPECT_TRUE(is_dead(&c));
		conn_close(&c);
	}
}

TEST_F(teardown, files_may_be_closed_in_any_order)
{
	struct conn a, b;
	int order, bus;

	for (order = 0; order < 6; order++) {
		bus = bus_new(self->d, "0-new", 0);
		ASSERT_LE(0, bus);
		ASSERT_EQ(0, conn_new(&a, self->d, "0-new"));
		ASSERT_EQ(0, conn_new(&b, self->d, "0-new"));
		ASSERT_EQ(0, send_cookie(&a, b.id, 1));
		ASSERT_EQ(0, send_cookie(&b, a.id, 2));
		if (order / 2 == 0)
			close(bus);
		conn_close(order % 2 ? &a : &b);
		if (order / 2 == 1)
			close(bus);
		conn_close(order % 2 ? &b : &a);
		if (order / 2 == 2)
			close(bus);
		EXPECT_EQ(-1, access(path_in(self->d, "0-new"), F_OK));
	}
}

KDBUS_HARNESS_MAIN
