// SPDX-License-Identifier: LGPL-2.1+
/*
 * CANCEL_FD: a file whose readability ends a synchronous call, of whatever kind
 * it is.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "send_util.h"
#include "kdbus_harness.h"

FIXTURE(cancel) {
	struct domain domain;
	struct domain *d;
	struct conn a;		/* calls */
	struct conn b;		/* replies */
};

FIXTURE_SETUP(cancel)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->a, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->b, self->d, 0));
}

FIXTURE_TEARDOWN(cancel)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

typedef FIXTURE_DATA(cancel) struct_t;

static struct sender *cancellable_new(const struct conn *c,
				      const struct conn *dst, __u64 cookie,
				      int cancel_fd)
{
	struct sender *s;

	s = sender_new(c, call_new(dst->id, cookie, NEVER), SYNC);
	item_add(s->cmd, KDBUS_ITEM_CANCEL_FD, &cancel_fd, sizeof(cancel_fd));
	return s;
}

/* The call was sent, and is open no longer. */
static bool was_sent_in_vain(struct_t *self, __u64 cookie)
{
	return receive_cookie(&self->b) == cookie &&
	       reply(&self->b, self->a.id, 1, cookie) == -EBADSLT &&
	       receive_cookie(&self->a) == 0 && lost(&self->a) == 0;
}

/*
 * Kinds of files. Each makes a pair: what is waited for, and what makes it
 * readable when it is passed to its other function.
 */

static void pair_eventfd(int fds[2])
{
	fds[0] = fds[1] = eventfd(0, EFD_CLOEXEC);
}

static void trigger_eventfd(int fd)
{
	CHECK(eventfd_write(fd, 1) == 0);
}

static void pair_pipe(int fds[2])
{
	CHECK(pipe2(fds, O_CLOEXEC) == 0);
}

static void pair_stream(int fds[2])
{
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
}

static void pair_datagram(int fds[2])
{
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) == 0);
}

static void trigger_write(int fd)
{
	CHECK(write(fd, "x", 1) == 1);
}

static void trigger_shutdown(int fd)
{
	CHECK(shutdown(fd, SHUT_WR) == 0);
}

static void pair_terminal(int fds[2])
{
	fds[0] = posix_openpt(O_RDWR | O_NOCTTY);
	CHECK(fds[0] >= 0 && grantpt(fds[0]) == 0 && unlockpt(fds[0]) == 0);
	fds[1] = open(ptsname(fds[0]), O_RDWR | O_NOCTTY);
}

static void pair_timerfd(int fds[2])
{
	fds[0] = fds[1] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
}

static void trigger_timerfd(int fd)
{
	const struct itimerspec soon = { .it_value = { .tv_nsec = 1 } };

	CHECK(timerfd_settime(fd, 0, &soon, NULL) == 0);
}

static void pair_signalfd(int fds[2])
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	fds[0] = fds[1] = signalfd(-1, &set, SFD_CLOEXEC);
}

static void trigger_signalfd(int fd)
{
	CHECK(fd >= 0 && kill(getpid(), SIGUSR1) == 0);
}

static void pair_inotify(int fds[2])
{
	fds[0] = fds[1] = inotify_init1(IN_CLOEXEC);
	CHECK(inotify_add_watch(fds[0], "/tmp", IN_CREATE) > 0);
}

static void trigger_inotify(int fd)
{
	char path[] = "/tmp/kdbus-cancel-XXXXXX";

	CHECK(fd >= 0);
	fd = mkstemp(path);
	CHECK(fd >= 0 && unlink(path) == 0);
	close(fd);
}

/* is readable when the eventfd in it is */
static void pair_epoll(int fds[2])
{
	struct epoll_event event = { .events = EPOLLIN };

	fds[0] = epoll_create1(EPOLL_CLOEXEC);
	fds[1] = eventfd(0, EFD_CLOEXEC);
	CHECK(epoll_ctl(fds[0], EPOLL_CTL_ADD, fds[1], &event) == 0);
}

static const struct kind {
	const char *name;
	void (*pair)(int fds[2]);
	void (*trigger)(int fd);
} kinds[] = {
	{ "eventfd", pair_eventfd, trigger_eventfd },
	{ "pipe", pair_pipe, trigger_write },
	{ "stream socket", pair_stream, trigger_write },
	{ "end of a stream", pair_stream, trigger_shutdown },
	{ "datagram socket", pair_datagram, trigger_write },
	{ "terminal", pair_terminal, trigger_write },
	{ "timerfd", pair_timerfd, trigger_timerfd },
	{ "signalfd", pair_signalfd, trigger_signalfd },
	{ "inotify", pair_inotify, trigger_inotify },
	{ "epoll", pair_epoll, trigger_eventfd },
};

/* A file that is readable already ends the call when it was sent. */
TEST_F(cancel, readable_before)
{
	const enum sender_type types[] = { THREAD, PROCESS };
	struct sender *s;
	unsigned int i, t;
	int fds[2];

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (t = 0; t < ARRAY_SIZE(types); t++) {
			/* each process has signals of its own */
			if (types[t] == PROCESS &&
			    kinds[i].pair == pair_signalfd)
				continue;
			kinds[i].pair(fds);
			kinds[i].trigger(fds[1]);
			s = cancellable_new(&self->a, &self->b, 7, fds[0]);
			while (!(poll_now(fds[0]) & POLLIN))
				sched_yield();
			sender_start(s, types[t]);
			EXPECT_EQ(-ECANCELED, sender_end(s)) {
				TH_LOG("%s", kinds[i].name);
			}
			EXPECT_EQ(0, s->cmd->return_flags);
			EXPECT_EQ(~0ULL, s->cmd->reply.offset);
			EXPECT_TRUE(was_sent_in_vain(self, 7));
			close(fds[0]);
			close(fds[1]);
		}
	}
}

TEST_F(cancel, readable_later)
{
	const enum sender_type types[] = { THREAD, PROCESS };
	struct sender *s;
	unsigned int i, t;
	int fds[2];

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (t = 0; t < ARRAY_SIZE(types); t++) {
			if (types[t] == PROCESS &&
			    kinds[i].pair == pair_signalfd)
				continue;
			kinds[i].pair(fds);
			s = cancellable_new(&self->a, &self->b, 7, fds[0]);
			sender_start(s, types[t]);
			call_waits(s, &self->b);
			kinds[i].trigger(fds[1]);
			EXPECT_EQ(-ECANCELED, sender_end(s)) {
				TH_LOG("%s", kinds[i].name);
			}
			EXPECT_TRUE(was_sent_in_vain(self, 7));
			close(fds[0]);
			close(fds[1]);
		}
	}
}

/* a message for the connection that calls, for instance */
TEST_F(cancel, own_connection)
{
	struct sender *s;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		s = cancellable_new(&self->a, &self->b, 7, self->a.fd);
		if (i == 0)
			ASSERT_EQ(0, send_cookie(&self->b, self->a.id, 3));
		sender_start(s, THREAD);
		if (i == 1) {
			call_waits(s, &self->b);
			ASSERT_EQ(0, send_cookie(&self->b, self->a.id, 3));
		}
		EXPECT_EQ(-ECANCELED, sender_end(s));
		EXPECT_EQ(3, receive_cookie(&self->a));
		EXPECT_TRUE(was_sent_in_vain(self, 7));
	}
	/* the reply does not get there */
	s = cancellable_new(&self->a, &self->b, 7, self->a.fd);
	sender_start(s, THREAD);
	call_waits(s, &self->b);
	EXPECT_EQ(0, reply(&self->b, self->a.id, 1, 7));
	EXPECT_EQ(0, sender_end(s));
}

/* That it can be written, or has hung up, is no reason. */
TEST_F(cancel, nothing_but_readable)
{
	struct sender *s[4];
	unsigned int i;
	int fds[4][2];

	/* can be written all the time */
	pair_eventfd(fds[0]);
	/* the other end goes, before and later */
	pair_pipe(fds[1]);
	pair_pipe(fds[2]);
	/* its other end becomes readable */
	pair_datagram(fds[3]);
	close(fds[1][1]);
	ASSERT_EQ(POLLHUP, poll_now(fds[1][0]));
	for (i = 0; i < ARRAY_SIZE(s); i++) {
		s[i] = cancellable_new(&self->a, &self->b, 10 + i, fds[i][0]);
		sender_start(s[i], THREAD);
		call_waits(s[i], &self->b);
		ASSERT_EQ(10 + i, receive_cookie(&self->b));
	}
	close(fds[2][1]);
	ASSERT_EQ(POLLHUP, poll_now(fds[2][0]));
	ASSERT_EQ(1, write(fds[3][0], "x", 1));
	for (i = 0; i < ARRAY_SIZE(s); i++)
		sender_sleeps(s[i]);
	for (i = 0; i < ARRAY_SIZE(s); i++) {
		EXPECT_EQ(0, reply(&self->b, self->a.id, 1, 10 + i));
		EXPECT_EQ(0, sender_end(s[i]));
		EXPECT_EQ(10 + i, msg_at(&self->a, s[i]->cmd->reply.offset)
				  ->cookie_reply);
	}
}

/* The file is the call's, not the number. */
TEST_F(cancel, descriptor_may_be_closed)
{
	int fd = eventfd(0, EFD_CLOEXEC), copy = dup(fd);
	struct sender *s = cancellable_new(&self->a, &self->b, 7, fd);

	sender_start(s, THREAD);
	call_waits(s, &self->b);
	close(fd);
	trigger_eventfd(copy);
	EXPECT_EQ(-ECANCELED, sender_end(s));
	EXPECT_TRUE(was_sent_in_vain(self, 7));
}

#define N_CALLERS 5

TEST_F(cancel, one_file_ends_many_calls)
{
	struct sender *s[N_CALLERS], *other;
	int fd = eventfd(0, EFD_CLOEXEC);
	unsigned int i;

	other = call_start(&self->a, &self->b, 99, THREAD);
	for (i = 0; i < N_CALLERS; i++) {
		s[i] = cancellable_new(&self->a, &self->b, i + 1, fd);
		sender_start(s[i], i % 2 ? THREAD : PROCESS);
		sender_sleeps(s[i]);
	}
	trigger_eventfd(fd);
	for (i = 0; i < N_CALLERS; i++)
		EXPECT_EQ(-ECANCELED, sender_end(s[i]));
	/* but no more than these */
	sender_sleeps(other);
	EXPECT_EQ(0, reply(&self->b, self->a.id, 1, 99));
	EXPECT_EQ(0, sender_end(other));
}

TEST_F(cancel, slots_are_given_back)
{
	struct sender *s;
	unsigned int i;
	int fd = eventfd(1, EFD_CLOEXEC);

	s = cancellable_new(&self->a, &self->b, 7, fd);
	for (i = 0; i < MAX_REQUESTS + 2; i++) {
		ASSERT_EQ(-ECANCELED, cmd_run(self->a.fd, KDBUS_CMD_SEND,
					      s->cmd));
		ASSERT_EQ(7, receive_cookie(&self->b));
	}
}

/*
 * A reply and something else at once: the caller does not get the processor
 * before both have happened.
 */

static void keep_the_processor(bool keep)
{
	const struct sched_param param = { .sched_priority = keep };

	CHECK(sched_setscheduler(0, keep ? SCHED_FIFO : SCHED_OTHER,
				 &param) == 0);
}

enum besides { CANCELLED_BEFORE, CANCELLED_AFTER, LATE, N_BESIDES };

TEST_F(cancel, reply_that_came_is_not_lost)
{
	struct sender *s;
	unsigned int i;
	__u64 deadline;
	int fd;

	pin_to_first_cpu();
	for (i = 0; i < N_BESIDES; i++) {
		fd = eventfd(0, EFD_CLOEXEC);
		s = cancellable_new(&self->a, &self->b, 7, fd);
		deadline = i == LATE ? now() + 100 * MS : NEVER;
		s->msg->timeout_ns = deadline;
		sender_start(s, THREAD);
		call_waits(s, &self->b);
		keep_the_processor(true);
		if (i == CANCELLED_BEFORE)
			trigger_eventfd(fd);
		ASSERT_EQ(0, reply(&self->b, self->a.id, 1, 7));
		if (i == CANCELLED_AFTER)
			trigger_eventfd(fd);
		while (i == LATE && now() <= deadline)
			;
		keep_the_processor(false);
		EXPECT_EQ(0, sender_end(s)) {
			TH_LOG("case %u", i);
		}
		EXPECT_EQ(1, msg_at(&self->a, s->cmd->reply.offset)->cookie);
		EXPECT_EQ(7, receive_cookie(&self->b));
	}
}

/* The same with the end of the connection, which ends all calls. */
TEST_F(cancel, reply_that_came_survives_the_connection)
{
	struct sender *s, *other;

	pin_to_first_cpu();
	s = call_start(&self->a, &self->b, 7, THREAD);
	ASSERT_EQ(7, receive_cookie(&self->b));
	other = call_start(&self->a, &self->b, 8, THREAD);
	keep_the_processor(true);
	ASSERT_EQ(0, reply(&self->b, self->a.id, 1, 7));
	ASSERT_EQ(0, conn_byebye(&self->a));
	keep_the_processor(false);
	EXPECT_EQ(-ECONNRESET, sender_end(other));
	EXPECT_EQ(0, sender_end(s));
	EXPECT_EQ(1, msg_at(&self->a, s->cmd->reply.offset)->cookie);
}

/*
 * What is refused
 */

static int send_with(struct_t *self, int fd, __u64 flags, __u64 cookie)
{
	struct kdbus_msg *msg = call_new(self->b.id, cookie, NEVER);
	struct kdbus_cmd_send *cmd = send_new(msg);

	cmd->flags = flags;
	if (!(flags & SYNC))
		msg->flags = msg->timeout_ns = 0;
	item_add(cmd, KDBUS_ITEM_CANCEL_FD, &fd, sizeof(fd));
	return cmd_run(self->a.fd, KDBUS_CMD_SEND, cmd);
}

TEST_F(cancel, files_that_cannot_be_waited_for)
{
	const __u64 flags[] = { 0, SYNC };
	const struct {
		const char *name;
		int fd, expected;
	} rows[] = {
		{ "-1", -1, -EBADF },
		{ "most negative", 1 << 31, -EBADF },
		{ "closed", next_number() + 100, -EBADF },
		{ "O_PATH", open("/", O_PATH), -EBADF },
		{ "directory", open("/", O_RDONLY), -EINVAL },
		{ "program", open("/proc/self/exe", O_RDONLY), -EINVAL },
		{ "memfd", memfd_new(8, 0), -EINVAL },
		{ "device without poll", open("/dev/null", O_RDWR), -EINVAL },
	};
	unsigned int i, f;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		/* looked at in any case */
		for (f = 0; f < ARRAY_SIZE(flags); f++) {
			EXPECT_EQ(rows[i].expected,
				  send_with(self, rows[i].fd, flags[f], 7)) {
				TH_LOG("%s", rows[i].name);
			}
		}
		EXPECT_EQ(0, receive_cookie(&self->b));
	}
	/* and not used */
	EXPECT_EQ(0, send_with(self, eventfd(1, EFD_CLOEXEC), 0, 8));
	EXPECT_EQ(8, receive_cookie(&self->b));
}

TEST_F(cancel, is_one_item_with_one_number)
{
	const int fds[] = { eventfd(1, 0), eventfd(1, 0) };
	struct kdbus_cmd_send *cmd;
	unsigned int i;

	for (i = 0; i <= 8; i++) {
		cmd = send_new(call_new(self->b.id, 7, NEVER));
		cmd->flags = SYNC;
		item_add(cmd, KDBUS_ITEM_CANCEL_FD, fds, i);
		EXPECT_EQ(i == 4 ? -ECANCELED : -EINVAL,
			  cmd_run(self->a.fd, KDBUS_CMD_SEND, cmd));
		EXPECT_EQ(i == 4 ? 7 : 0, receive_cookie(&self->b));
	}
	cmd = send_new(call_new(self->b.id, 7, NEVER));
	cmd->flags = SYNC;
	item_add(cmd, KDBUS_ITEM_CANCEL_FD, &fds[0], 4);
	item_add(cmd, KDBUS_ITEM_CANCEL_FD, &fds[1], 4);
	EXPECT_EQ(-EINVAL, cmd_run(self->a.fd, KDBUS_CMD_SEND, cmd));
	EXPECT_EQ(0, receive_cookie(&self->b));
}

KDBUS_HARNESS_MAIN
