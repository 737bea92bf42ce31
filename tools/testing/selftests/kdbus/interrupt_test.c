// SPDX-License-Identifier: LGPL-2.1+
/*
 * Synchronous calls and signals: a call that was interrupted is open until it
 * is made again, and is not sent twice.
 */

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "send_util.h"
#include "kdbus_harness.h"

/**
 * struct gate - where signal handlers wait, shared with processes
 * @entered:	how many came so far
 * @open:	they may go on
 */
struct gate {
	int entered;
	int open;
};

static struct gate *gate;

FIXTURE(interrupt) {
	struct domain domain;
	struct domain *d;
	struct conn a;		/* calls */
	struct conn b;		/* replies */
};

FIXTURE_VARIANT(interrupt) {
	enum sender_type type;
};

FIXTURE_VARIANT_ADD(interrupt, thread) { .type = THREAD };
FIXTURE_VARIANT_ADD(interrupt, process) { .type = PROCESS };

FIXTURE_SETUP(interrupt)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->a, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->b, self->d, 0));
	gate = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, gate);
}

FIXTURE_TEARDOWN(interrupt)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

#define START(_cookie) \
	call_start(&self->a, &self->b, _cookie, variant->type)

static void handler(int number)
{
	(void)number;
	__atomic_add_fetch(&gate->entered, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&gate->open, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void handle(int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
}

static void open_gate(void)
{
	__atomic_store_n(&gate->open, 1, __ATOMIC_RELEASE);
}

/* Returns when the sender is in the handler. */
static void interrupt(const struct sender *s)
{
	int entered = __atomic_load_n(&gate->entered, __ATOMIC_ACQUIRE);

	CHECK(syscall(SYS_tgkill, s->type == THREAD ? getpid() : s->id, s->id,
		      SIGUSR1) == 0);
	while (__atomic_load_n(&gate->entered, __ATOMIC_ACQUIRE) == entered)
		sched_yield();
}

static bool is_idle(const struct conn *c)
{
	return !receive(c) && errno == EAGAIN && lost(c) == 0;
}

static __u64 reply_cookie(const struct conn *c, const struct sender *s)
{
	return msg_at(c, s->cmd->reply.offset)->cookie;
}

/* an interrupted call; the handler returns at once from now on */
static struct sender *start_interrupted(const struct conn *c,
					const struct conn *dst,
					struct kdbus_msg *msg,
					enum sender_type type)
{
	struct sender *s = sender_new(c, msg, SYNC);

	handle(0);
	open_gate();
	sender_start(s, type);
	call_waits(s, dst);
	interrupt(s);
	return sender_end(s) == -EINTR ? s : NULL;
}

TEST_F(interrupt, call_can_be_made_again)
{
	struct sender *s;
	unsigned int i;

	s = start_interrupted(&self->a, &self->b,
			      call_new(self->b.id, 7, NEVER), variant->type);
	ASSERT_NE(NULL, s);
	EXPECT_EQ(0, s->cmd->return_flags);
	EXPECT_EQ(~0ULL, s->cmd->reply.offset);
	for (i = 0; i < 3; i++) {
		sender_start(s, i == 1 ? PROCESS : THREAD);
		sender_sleeps(s);
		interrupt(s);
		EXPECT_EQ(-EINTR, sender_end(s));
	}
	sender_start(s, variant->type);
	sender_sleeps(s);
	EXPECT_EQ(7, receive_cookie(&self->b));
	EXPECT_EQ(0, reply(&self->b, self->a.id, 1, 7));
	EXPECT_EQ(0, sender_end(s));
	EXPECT_EQ(1, reply_cookie(&self->a, s));
	/* it was sent once */
	EXPECT_TRUE(is_idle(&self->b));
	EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 1, 7));
}

TEST_F(interrupt, kernel_makes_the_call_again)
{
	struct sender *s;
	unsigned int i;

	handle(SA_RESTART);
	open_gate();
	s = START(7);
	for (i = 0; i < 5; i++) {
		interrupt(s);
		sender_sleeps(s);
	}
	EXPECT_EQ(7, receive_cookie(&self->b));
	EXPECT_EQ(0, reply(&self->b, self->a.id, 1, 7));
	EXPECT_EQ(0, sender_end(s));
	EXPECT_EQ(1, reply_cookie(&self->a, s));
	EXPECT_TRUE(is_idle(&self->b));
}

/* Being stopped, traced and the like is nothing that a program notices. */
TEST_F(interrupt, without_a_handler_nothing_happens)
{
	struct sender *s;
	siginfo_t info;
	unsigned int i;
	pid_t pid;

	signal(SIGUSR1, SIG_IGN);
	s = call_start(&self->a, &self->b, 7, PROCESS);
	pid = s->id;
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, kill(pid, SIGUSR1));
		ASSERT_EQ(0, kill(pid, SIGCHLD));
		ASSERT_EQ(0, kill(pid, SIGSTOP));
		ASSERT_EQ(0, waitid(P_PID, pid, &info, WSTOPPED));
		ASSERT_EQ(0, kill(pid, SIGCONT));
		sender_sleeps(s);
	}
	/* a reply while it is stopped waits for it */
	ASSERT_EQ(0, kill(pid, SIGSTOP));
	ASSERT_EQ(0, waitid(P_PID, pid, &info, WSTOPPED));
	EXPECT_EQ(7, receive_cookie(&self->b));
	EXPECT_EQ(0, reply(&self->b, self->a.id, 1, 7));
	ASSERT_EQ(0, kill(pid, SIGCONT));
	EXPECT_EQ(0, sender_end(s));
	EXPECT_EQ(1, reply_cookie(&self->a, s));
	EXPECT_TRUE(is_idle(&self->b));
}

/*
 * What happens while the caller is in its handler
 */

TEST_F(interrupt, reply_comes_meanwhile)
{
	struct sender *s;
	int restart;

	for (restart = 0; restart < 2; restart++) {
		gate->open = 0;
		handle(restart ? SA_RESTART : 0);
		s = START(7);
		interrupt(s);
		EXPECT_EQ(7, receive_cookie(&self->b));
		EXPECT_EQ(0, reply(&self->b, self->a.id, 1, 7));
		EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 2, 7));
		/* it is in no queue, and nobody but the caller gets it */
		EXPECT_TRUE(is_idle(&self->a));
		open_gate();
		if (!restart) {
			EXPECT_EQ(-EINTR, sender_end(s));
			sender_start(s, variant->type);
		}
		EXPECT_EQ(0, sender_end(s));
		EXPECT_EQ(1, reply_cookie(&self->a, s));
		EXPECT_EQ(0, conn_free(&self->a, s->cmd->reply.offset));
		EXPECT_TRUE(is_idle(&self->b));
	}
}

TEST_F(interrupt, failure_comes_meanwhile)
{
	enum { DROPPED, FILES, TOO_LARGE, N_FAILURES };
	static const int results[] = { -EPIPE, -EREMOTEIO, -ENOBUFS };
	struct sender *s;
	int i, restart;

	for (i = 0; i < 2 * N_FAILURES; i++) {
		restart = i % 2;
		gate->open = 0;
		handle(restart ? SA_RESTART : 0);
		s = START(7);
		interrupt(s);
		if (i / 2 == DROPPED) {
			ASSERT_EQ(0, conn_recv(&self->b, recv_new(
				     KDBUS_RECV_DROP, 0)));
		} else {
			ASSERT_EQ(7, receive_cookie(&self->b));
		}
		if (i / 2 == FILES)
			ASSERT_EQ(-ECOMM, pass(&self->b, with_fd(
				  reply_new(self->a.id, 1, 7), 0)));
		if (i / 2 == TOO_LARGE)
			ASSERT_EQ(-ENOBUFS, pass(&self->b, with_bytes(
				  reply_new(self->a.id, 1, 7), POOL_SIZE / 4)));
		open_gate();
		if (!restart) {
			EXPECT_EQ(-EINTR, sender_end(s));
			sender_start(s, variant->type);
		}
		EXPECT_EQ(results[i / 2], sender_end(s)) {
			TH_LOG("failure %d", i / 2);
		}
		EXPECT_TRUE(is_idle(&self->a));
		EXPECT_TRUE(is_idle(&self->b));
		EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 1, 7));
	}
}

TEST_F(interrupt, receiver_ends_meanwhile)
{
	struct sender *s;
	struct conn c;

	ASSERT_EQ(0, peer_new(&c, self->d, 0));
	handle(SA_RESTART);
	s = call_start(&self->a, &c, 7, variant->type);
	interrupt(s);
	ASSERT_EQ(7, receive_cookie(&c));
	ASSERT_EQ(0, conn_byebye(&c));
	open_gate();
	EXPECT_EQ(-EPIPE, sender_end(s));
	EXPECT_TRUE(is_idle(&self->a));
}

TEST_F(interrupt, own_connection_ends_meanwhile)
{
	struct sender *s;

	handle(SA_RESTART);
	s = START(7);
	interrupt(s);
	ASSERT_EQ(0, conn_byebye(&self->a));
	EXPECT_EQ(-ENXIO, reply(&self->b, self->a.id, 1, 7));
	open_gate();
	EXPECT_EQ(-ECONNRESET, sender_end(s));
}

TEST_F(interrupt, call_is_cancelled_meanwhile)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct sender *s;

	handle(SA_RESTART);
	s = sender_new(&self->a, call_new(self->b.id, 7, NEVER), SYNC);
	item_add(s->cmd, KDBUS_ITEM_CANCEL_FD, &fd, sizeof(fd));
	sender_start(s, variant->type);
	call_waits(s, &self->b);
	interrupt(s);
	ASSERT_EQ(0, eventfd_write(fd, 1));
	/* not while nobody looks at the file */
	open_gate();
	EXPECT_EQ(-ECANCELED, sender_end(s));
	EXPECT_EQ(7, receive_cookie(&self->b));
	EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 1, 7));
	EXPECT_TRUE(is_idle(&self->b));
}

/*
 * Deadlines
 */

/* long enough to make a call and interrupt it, on a slow machine */
#define SPAN (1500 * MS)

static void wait_until(__u64 time)
{
	while (now() <= time)
		sched_yield();
}

TEST_F(interrupt, deadline_passes_meanwhile)
{
	struct sender *s;
	__u64 deadline;
	int restart;

	for (restart = 0; restart < 2; restart++) {
		gate->open = 0;
		handle(restart ? SA_RESTART : 0);
		deadline = now() + SPAN;
		s = sender_new(&self->a, call_new(self->b.id, 7, deadline),
			       SYNC);
		sender_start(s, variant->type);
		call_waits(s, &self->b);
		interrupt(s);
		ASSERT_GT(deadline, now());
		wait_until(deadline);
		open_gate();
		if (!restart) {
			EXPECT_EQ(-EINTR, sender_end(s));
			sender_start(s, variant->type);
		}
		EXPECT_EQ(-ETIMEDOUT, sender_end(s));
		EXPECT_EQ(7, receive_cookie(&self->b));
		EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 1, 7));
		/* sent once, and not a word of a timeout */
		EXPECT_TRUE(is_idle(&self->b));
		EXPECT_TRUE(is_idle(&self->a));
	}
}

TEST_F(interrupt, deadline_is_that_of_the_first_time)
{
	__u64 deadline = now() + SPAN;
	struct sender *s;

	s = start_interrupted(&self->a, &self->b,
			      call_new(self->b.id, 7, deadline),
			      variant->type);
	ASSERT_NE(NULL, s);
	s->msg->timeout_ns = NEVER;
	sender_start(s, variant->type);
	EXPECT_EQ(-ETIMEDOUT, sender_end(s));
	EXPECT_LE(deadline, s->end);
	EXPECT_EQ(7, receive_cookie(&self->b));
	EXPECT_TRUE(is_idle(&self->b));
}

/* Nobody has to make a call again: it ends on its own, with what it holds. */
TEST_F(interrupt, forgotten_call_ends)
{
	__u64 deadline = now() + SPAN;
	struct kdbus_msg *large;
	int r;

	ASSERT_NE(NULL, start_interrupted(&self->a, &self->b,
					  call_new(self->b.id, 7, deadline),
					  variant->type));
	EXPECT_EQ(7, receive_cookie(&self->b));
	EXPECT_EQ(0, pass(&self->b, with_bytes(reply_new(self->a.id, 1, 7),
					       POOL_SIZE / 8)));
	/* the reply is charged for as long */
	large = with_bytes(msg_new(self->a.id, 2), POOL_SIZE / 8);
	do {
		r = msg_send(&self->b, large);
	} while (r == -ENOBUFS);
	EXPECT_EQ(0, r);
	EXPECT_LE(deadline, now());
	EXPECT_EQ(2, receive_cookie(&self->a));
	EXPECT_TRUE(is_idle(&self->a));
}

TEST_F(interrupt, forgotten_calls_take_slots_until_they_end)
{
	struct kdbus_msg *msg;
	__u64 deadline = 0;
	unsigned int i;
	int r;

	for (i = 1; i <= MAX_REQUESTS; i++) {
		msg = call_new(self->b.id, i, NEVER);
		if (i == MAX_REQUESTS)
			msg->timeout_ns = deadline = now() + SPAN;
		/* processes would take too long */
		ASSERT_NE(NULL, start_interrupted(&self->a, &self->b, msg,
						  THREAD));
		ASSERT_EQ(i, receive_cookie(&self->b));
	}
	do {
		r = call(&self->a, self->b.id, 1000);
	} while (r == -EMLINK);
	EXPECT_EQ(0, r);
	EXPECT_LE(deadline, now());
	EXPECT_EQ(-EMLINK, call(&self->a, self->b.id, 1001));
	EXPECT_EQ(1000, receive_cookie(&self->b));
	EXPECT_TRUE(is_idle(&self->a));
}

/*
 * Which call is the same
 */

TEST_F(interrupt, other_calls_are_sent)
{
	struct kdbus_msg *others[5];
	struct sender *first, *s;
	unsigned int i;
	struct conn c;

	ASSERT_EQ(0, peer_new(&c, self->d, 0));
	ASSERT_LT(0, name_acquire(&self->b, NAME, 0));
	ASSERT_LT(0, name_acquire(&self->b, "org.example.b", 0));
	first = start_interrupted(&self->a, &self->b,
				  with_name(call_new(0, 7, NEVER), NAME),
				  variant->type);
	ASSERT_NE(NULL, first);
	ASSERT_EQ(7, receive_cookie(&self->b));

	others[0] = with_name(call_new(0, 8, NEVER), NAME);
	others[1] = with_name(call_new(0, 7, NEVER), "org.example.b");
	others[2] = with_name(call_new(self->b.id, 7, NEVER), NAME);
	others[3] = call_new(self->b.id, 7, NEVER);
	others[4] = call_new(c.id, 7, NEVER);
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		const struct conn *dst = i == 4 ? &c : &self->b;

		s = sender_start(sender_new(&self->a, others[i], SYNC),
				 variant->type);
		call_waits(s, dst);
		EXPECT_EQ(others[i]->cookie, receive_cookie(dst));
		EXPECT_EQ(0, reply(dst, self->a.id, 1, others[i]->cookie));
		EXPECT_EQ(0, sender_end(s));
	}
	/* an asynchronous one is not a matter of waiting */
	EXPECT_EQ(0, pass(&self->a, with_name(call_new(0, 7, NEVER), NAME)));
	EXPECT_EQ(7, receive_cookie(&self->b));
	EXPECT_EQ(0, reply(&self->b, self->a.id, 2, 7));
	EXPECT_EQ(2, receive_cookie(&self->a));

	EXPECT_EQ(0, reply(&self->b, self->a.id, 3, 7));
	EXPECT_EQ(0, sender_end(sender_start(first, variant->type)));
	EXPECT_EQ(3, reply_cookie(&self->a, first));
	EXPECT_TRUE(is_idle(&self->b));
}

/* A call that somebody waits for is not an interrupted one. */
TEST_F(interrupt, waiting_calls_are_left_alone)
{
	struct sender *s = START(7), *other;

	ASSERT_EQ(7, receive_cookie(&self->b));
	other = START(7);
	ASSERT_EQ(7, receive_cookie(&self->b));
	EXPECT_EQ(0, reply(&self->b, self->a.id, 1, 7));
	EXPECT_EQ(0, reply(&self->b, self->a.id, 2, 7));
	EXPECT_EQ(0, sender_end(other));
	EXPECT_EQ(0, sender_end(s));
	EXPECT_EQ(1, reply_cookie(&self->a, other));
	EXPECT_EQ(2, reply_cookie(&self->a, s));
}

/* Signals at any moment of calls that are answered at any moment */
#define N_CALLS 150

static void *answer(void *arg)
{
	const struct conn *c = arg;
	const struct kdbus_msg *msg;
	unsigned int i;

	for (i = 0; i < N_CALLS; i++) {
		readable_wait(c);
		msg = receive(c);
		CHECK(msg && msg->cookie == i + 1);
		CHECK(reply(c, msg->src_id, 1, msg->cookie) == 0);
		CHECK(conn_free(c, msg_offset(c, msg)) == 0);
	}
	return NULL;
}

static void count(int number)
{
	(void)number;
	__atomic_add_fetch(&gate->entered, 1, __ATOMIC_RELAXED);
}

TEST_F(interrupt, at_any_moment)
{
	struct sigaction action = { .sa_handler = count };
	pthread_t replier;
	struct itimerspec often = {
		.it_value = { .tv_nsec = 300000 },
		.it_interval = { .tv_nsec = 300000 },
	};
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGUSR1,
	};
	struct kdbus_cmd_send *cmd;
	unsigned int i;
	sigset_t set;
	timer_t timer;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_EQ(0, pthread_create(&replier, NULL, answer, &self->b));
	ASSERT_EQ(0, sigprocmask(SIG_UNBLOCK, &set, NULL));
	if (variant->type == PROCESS)
		action.sa_flags = SA_RESTART;
	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	event._sigev_un._tid = syscall(SYS_gettid);
	ASSERT_EQ(0, timer_create(CLOCK_MONOTONIC, &event, &timer));
	ASSERT_EQ(0, timer_settime(timer, 0, &often, NULL));
	for (i = 0; i < N_CALLS; i++) {
		cmd = send_new(call_new(self->b.id, i + 1, NEVER));
		cmd->flags = SYNC;
		do {
			r = cmd_run(self->a.fd, KDBUS_CMD_SEND, cmd);
		} while (r == -EINTR && !(action.sa_flags & SA_RESTART));
		ASSERT_EQ(0, r);
		ASSERT_EQ(i + 1, msg_at(&self->a, cmd->reply.offset)
				 ->cookie_reply);
		ASSERT_EQ(0, conn_free(&self->a, cmd->reply.offset));
	}
	ASSERT_EQ(0, timer_delete(timer));
	ASSERT_EQ(0, pthread_join(replier, NULL));
	EXPECT_LT(0, gate->entered);
	EXPECT_TRUE(is_idle(&self->a));
	EXPECT_TRUE(is_idle(&self->b));
}

KDBUS_HARNESS_MAIN
