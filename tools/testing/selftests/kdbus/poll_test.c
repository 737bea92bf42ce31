// SPDX-License-Identifier: LGPL-2.1+
/*
 * Waiting: poll, select and epoll see a message, and the end, at once.
 */

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "kdbus_util.h"
#include "kdbus_harness.h"

#define IDLE	(POLLOUT | POLLWRNORM)
#define READY	(IDLE | POLLIN | POLLRDNORM)
#define DEAD	(POLLERR | POLLHUP)

FIXTURE(poll) {
	struct domain domain;
	int bus;
	struct conn c;
	struct conn peer;
};

FIXTURE_SETUP(poll)
{
	ASSERT_EQ(0, domain_enter(&self->domain));
	self->bus = bus_new(&self->domain, "0-bus", 0);
	ASSERT_LE(0, self->bus);
	ASSERT_EQ(0, conn_new(&self->c, &self->domain, "0-bus"));
	ASSERT_EQ(0, conn_new(&self->peer, &self->domain, "0-bus"));
}

FIXTURE_TEARDOWN(poll)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

TEST_F(poll, readable_while_a_message_is_queued)
{
	EXPECT_EQ(IDLE, poll_now(self->c.fd));
	ASSERT_EQ(0, send_cookie(&self->peer, self->c.id, 1));
	EXPECT_EQ(READY, poll_now(self->c.fd));
	EXPECT_EQ(READY, poll_now(self->c.fd));
	EXPECT_EQ(IDLE, poll_now(self->peer.fd));
	ASSERT_EQ(0, send_cookie(&self->peer, self->c.id, 2));
	EXPECT_EQ(1, receive_cookie(&self->c));
	EXPECT_EQ(READY, poll_now(self->c.fd));
	EXPECT_EQ(2, receive_cookie(&self->c));
	EXPECT_EQ(IDLE, poll_now(self->c.fd));
}

TEST_F(poll, messages_that_were_received_do_not_count)
{
	ASSERT_EQ(0, send_cookie(&self->peer, self->c.id, 1));
	ASSERT_NE(NULL, receive(&self->c));
	EXPECT_EQ(IDLE, poll_now(self->c.fd));
	/* nor does one that was not sent */
	EXPECT_EQ(-ENXIO, send_cookie(&self->peer, self->c.id + 99, 1));
	EXPECT_EQ(IDLE, poll_now(self->c.fd));
	EXPECT_EQ(IDLE, poll_now(self->peer.fd));
}

TEST_F(poll, select_sees_the_same)
{
	struct timeval none = { 0 };
	fd_set in, out;

	ASSERT_GT(FD_SETSIZE, self->c.fd);
	FD_ZERO(&in);
	FD_SET(self->c.fd, &in);
	out = in;
	EXPECT_EQ(1, select(self->c.fd + 1, &in, &out, NULL, &none));
	EXPECT_FALSE(FD_ISSET(self->c.fd, &in));
	EXPECT_TRUE(FD_ISSET(self->c.fd, &out));

	ASSERT_EQ(0, send_cookie(&self->peer, self->c.id, 1));
	FD_SET(self->c.fd, &in);
	EXPECT_EQ(1, select(self->c.fd + 1, &in, NULL, NULL, &none));
	EXPECT_TRUE(FD_ISSET(self->c.fd, &in));
}

/* What epoll has to say right now; 0 for nothing */
static uint32_t epoll_now(int epoll)
{
	struct epoll_event event;
	int n = epoll_wait(epoll, &event, 1, 0);

	return n == 1 ? event.events : 0;
}

static int epoll_on(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	return epoll;
}

TEST_F(poll, epoll_level_lasts_as_long_as_the_message)
{
	int epoll = epoll_on(self->c.fd, EPOLLIN);

	ASSERT_LE(0, epoll);
	EXPECT_EQ(0, epoll_now(epoll));
	ASSERT_EQ(0, send_cookie(&self->peer, self->c.id, 1));
	EXPECT_EQ(EPOLLIN, epoll_now(epoll));
	EXPECT_EQ(EPOLLIN, epoll_now(epoll));
	EXPECT_EQ(1, receive_cookie(&self->c));
	EXPECT_EQ(0, epoll_now(epoll));
	close(self->bus);
	EXPECT_EQ(EPOLLERR | EPOLLHUP, epoll_now(epoll));
	EXPECT_EQ(EPOLLERR | EPOLLHUP, epoll_now(epoll));
}

TEST_F(poll, epoll_edge_comes_with_every_message)
{
	int epoll = epoll_on(self->c.fd, EPOLLIN | EPOLLET);
	unsigned int i;

	ASSERT_LE(0, epoll);
	EXPECT_EQ(0, epoll_now(epoll));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, send_cookie(&self->peer, self->c.id, 1));
		EXPECT_EQ(EPOLLIN, epoll_now(epoll));
		EXPECT_EQ(0, epoll_now(epoll));
	}
	for (i = 0; i < 3; i++)
		EXPECT_EQ(1, receive_cookie(&self->c));
	EXPECT_EQ(0, epoll_now(epoll));
	ASSERT_EQ(0, send_cookie(&self->peer, self->c.id, 1));
	EXPECT_EQ(EPOLLIN, epoll_now(epoll));
	close(self->bus);
	EXPECT_EQ(EPOLLERR | EPOLLHUP, epoll_now(epoll));
	EXPECT_EQ(0, epoll_now(epoll));
}

/* A child that waits for events, and exits with what came */
static pid_t waiter(const FIXTURE_DATA(poll) *self, int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	pid_t pid = fork_as(0, 0);

	if (pid == 0) {
		/* or the bus would live on in here */
		close(self->bus);
		CHECK(poll(&p, 1, -1) == 1);
		_exit(p.revents);
	}
	sleeping_wait(pid);
	return pid;
}

static pid_t epoll_waiter(const FIXTURE_DATA(poll) *self, int fd,
			  unsigned int flags)
{
	struct epoll_event event;
	pid_t pid = fork_as(0, 0);
	int epoll;

	if (pid == 0) {
		close(self->bus);
		epoll = epoll_on(fd, EPOLLIN | flags);
		CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
		_exit(event.events);
	}
	sleeping_wait(pid);
	return pid;
}

TEST_F(poll, message_wakes_who_waits)
{
	pid_t pid = waiter(self, self->c.fd, POLLIN);

	EXPECT_EQ(0, send_cookie(&self->peer, self->c.id, 1));
	EXPECT_EQ(POLLIN, child_wait(pid));
}

TEST_F(poll, message_wakes_who_waits_with_epoll)
{
	pid_t pid = epoll_waiter(self, self->c.fd, EPOLLET);

	EXPECT_EQ(0, send_cookie(&self->peer, self->c.id, 1));
	EXPECT_EQ(EPOLLIN, child_wait(pid));
}

TEST_F(poll, message_wakes_all_who_wait)
{
	pid_t pids[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = waiter(self, self->c.fd, i % 2 ? POLLRDNORM : POLLIN);
	EXPECT_EQ(0, send_cookie(&self->peer, self->c.id, 1));
	for (i = 0; i < ARRAY_SIZE(pids); i++)
		EXPECT_EQ(i % 2 ? POLLRDNORM : POLLIN, child_wait(pids[i]));
}

TEST_F(poll, own_end_wakes_who_waits)
{
	pid_t pid = waiter(self, self->c.fd, POLLIN);

	EXPECT_EQ(0, conn_byebye(&self->c));
	EXPECT_EQ(DEAD, child_wait(pid));
}

TEST_F(poll, end_of_the_bus_wakes_who_waits)
{
	pid_t one = waiter(self, self->c.fd, POLLIN);
	pid_t two = waiter(self, self->peer.fd, 0);
	pid_t three = epoll_waiter(self, self->c.fd, EPOLLET);

	close(self->bus);
	EXPECT_EQ(DEAD, child_wait(one));
	EXPECT_EQ(DEAD, child_wait(two));
	EXPECT_EQ(DEAD, child_wait(three));
}

/* A message is for one of them, the end is for all. */
TEST_F(poll, end_wakes_who_waits_exclusively)
{
	pid_t pids[2][4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pids[0]); i++) {
		pids[0][i] = epoll_waiter(self, self->c.fd, EPOLLEXCLUSIVE);
		pids[1][i] = epoll_waiter(self, self->peer.fd, EPOLLEXCLUSIVE);
	}
	EXPECT_EQ(0, conn_byebye(&self->c));
	for (i = 0; i < ARRAY_SIZE(pids[0]); i++)
		EXPECT_EQ(EPOLLERR | EPOLLHUP, child_wait(pids[0][i]));
	close(self->bus);
	for (i = 0; i < ARRAY_SIZE(pids[1]); i++)
		EXPECT_EQ(EPOLLERR | EPOLLHUP, child_wait(pids[1][i]));
}

TEST_F(poll, waiter_that_gave_up_does_no_harm)
{
	int i, epoll;
	pid_t pid;

	for (i = 0; i < 10; i++) {
		pid = fork_as(0, 0);
		if (pid == 0) {
			epoll = epoll_on(self->c.fd, EPOLLIN);
			CHECK(epoll_now(epoll) == 0);
			poll_now(self->c.fd);
			_exit(0);
		}
		EXPECT_EQ(0, child_wait(pid));
	}
	ASSERT_EQ(0, send_cookie(&self->peer, self->c.id, 1));
	EXPECT_EQ(READY, poll_now(self->c.fd));
}

KDBUS_HARNESS_MAIN
