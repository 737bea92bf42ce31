// SPDX-License-Identifier: LGPL-2.1+
/*
 * Synchronous calls: each has one outcome, which the task that called gets and
 * nobody else. Ends that the caller itself brings about are up to cancel_test
 * and interrupt_test.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "send_util.h"
#include "kdbus_harness.h"

FIXTURE(call) {
	struct domain domain;
	struct domain *d;
	int bus;
	struct conn a;		/* calls */
	struct conn b;		/* replies */
};

FIXTURE_VARIANT(call) {
	enum sender_type type;
};

FIXTURE_VARIANT_ADD(call, thread) { .type = THREAD };
FIXTURE_VARIANT_ADD(call, process) { .type = PROCESS };

FIXTURE_SETUP(call)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	self->bus = bus_new(self->d, "0-bus", 0);
	ASSERT_LE(0, self->bus);
	ASSERT_EQ(0, peer_new(&self->a, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->b, self->d, 0));
}

FIXTURE_TEARDOWN(call)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

#define START(_dst, _cookie) \
	call_start(&self->a, _dst, _cookie, variant->type)

/* Nothing is left of the calls of a connection. */
static bool is_idle(const struct conn *c)
{
	return !receive(c) && errno == EAGAIN && lost(c) == 0;
}

/* As many as possible are answered, so no slot was lost. */
static bool all_slots_are_free(const struct conn *c, const struct conn *dst)
{
	__u64 i;

	for (i = 1; i <= MAX_REQUESTS; i++)
		if (call(c, dst->id, i) < 0 || receive_cookie(dst) != i)
			return false;
	if (call(c, dst->id, i) != -EMLINK)
		return false;
	for (i = 1; i <= MAX_REQUESTS; i++)
		if (reply(dst, c->id, i, i) < 0 || receive_cookie(c) != i)
			return false;
	return true;
}

TEST_F(call, returns_the_reply)
{
	const struct kdbus_msg *request, *msg;
	const struct kdbus_item *item;
	struct kdbus_msg *answer;
	struct sender *s;
	size_t size;

	s = START(&self->b, 7);
	request = receive(&self->b);
	ASSERT_NE(NULL, request);
	EXPECT_EQ(KDBUS_MSG_EXPECT_REPLY, request->flags);
	EXPECT_EQ(7, request->cookie);
	EXPECT_EQ(NEVER, request->timeout_ns);
	EXPECT_EQ(self->a.id, request->src_id);

	answer = reply_new(self->a.id, 8, 7);
	item_add_vec(answer, "13 bytes long", 13);
	answer->priority = -3;
	ASSERT_EQ(0, msg_send(&self->b, answer));
	ASSERT_EQ(0, sender_end(s));
	EXPECT_EQ(0, s->cmd->return_flags);
	EXPECT_EQ(0, s->cmd->reply.return_flags);
	msg = msg_at(&self->a, s->cmd->reply.offset);
	EXPECT_EQ(0, msg->flags);
	EXPECT_EQ(8, msg->cookie);
	EXPECT_EQ(7, msg->cookie_reply);
	EXPECT_EQ(-3, msg->priority);
	EXPECT_EQ(self->b.id, msg->src_id);
	EXPECT_EQ(self->a.id, msg->dst_id);
	EXPECT_LT(seqnum(request), seqnum(msg));
	item = find(msg, KDBUS_ITEM_PAYLOAD_OFF);
	ASSERT_NE(NULL, item);
	EXPECT_EQ(0, memcmp((__u8 *)msg + item->vec.offset, "13 bytes long",
			    item->vec.size));
	size = ALIGN8(ALIGN8(msg->size) + 13);
	EXPECT_EQ(size, s->cmd->reply.msg_size);

	/* it was never in the queue, and is a slice like any other */
	EXPECT_EQ(POLLOUT | POLLWRNORM, poll_now(self->a.fd));
	EXPECT_TRUE(is_idle(&self->a));
	EXPECT_EQ(0, conn_free(&self->a, s->cmd->reply.offset));
	EXPECT_EQ(-ENXIO, conn_free(&self->a, s->cmd->reply.offset));
	EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 9, 7));
	EXPECT_TRUE(all_slots_are_free(&self->a, &self->b));
}

/* Who replies need not have received the call, and others cannot reply. */
TEST_F(call, is_answered_by_the_receiver_only)
{
	struct sender *s = START(&self->b, 7);
	struct conn c;

	ASSERT_EQ(0, peer_new(&c, self->d, 0));
	EXPECT_EQ(-EBADSLT, reply(&c, self->a.id, 1, 7));
	EXPECT_EQ(-EBADSLT, reply(&self->a, self->a.id, 1, 7));
	EXPECT_EQ(-EBADSLT, reply(&self->b, c.id, 1, 7));
	EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 1, 6));
	EXPECT_EQ(0, reply(&self->b, self->a.id, 2, 7));
	EXPECT_EQ(0, sender_end(s));
	EXPECT_EQ(2, msg_at(&self->a, s->cmd->reply.offset)->cookie);

	/* the call is still there, and nobody waits for it any more */
	EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 3, 7));
	EXPECT_EQ(0, conn_recv(&self->b, recv_new(KDBUS_RECV_DROP, 0)));
	EXPECT_TRUE(is_idle(&self->a));
}

/* It does not mind the queue, nor does the queue mind it. */
TEST_F(call, goes_past_the_queue)
{
	struct sender *s;
	unsigned int i;

	for (i = 1; i <= 3; i++)
		ASSERT_EQ(0, send_cookie(&self->b, self->a.id, i));
	s = START(&self->b, 7);
	ASSERT_EQ(0, send_cookie(&self->b, self->a.id, i));
	ASSERT_EQ(0, reply(&self->b, self->a.id, 99, 7));
	ASSERT_EQ(0, sender_end(s));
	EXPECT_EQ(99, msg_at(&self->a, s->cmd->reply.offset)->cookie);
	for (i = 1; i <= 4; i++)
		EXPECT_EQ(i, receive_cookie(&self->a));
	EXPECT_TRUE(is_idle(&self->a));
	/* published, not freed, and no obstacle */
	EXPECT_EQ(0, conn_byebye(&self->a));
}

/*
 * Ends without a reply
 */

enum end { END_DROP, END_BYEBYE, END_CLOSE, N_ENDS };

static int make_end(struct conn *c, enum end end)
{
	switch (end) {
	case END_DROP:
		return conn_recv(c, recv_new(KDBUS_RECV_DROP, 0));
	case END_BYEBYE:
		return receive_cookie(c) ? conn_byebye(c) : -errno;
	default:
		conn_close(c);
		return 0;
	}
}

TEST_F(call, ends_with_its_receiver)
{
	struct sender *s;
	struct conn c;
	int i, received;

	for (i = 0; i < N_ENDS; i++) {
		for (received = 0; received < 2; received++) {
			if (received && i != END_CLOSE)
				continue;
			ASSERT_EQ(0, peer_new(&c, self->d, 0));
			s = START(&c, 7);
			if (received)
				ASSERT_EQ(7, receive_cookie(&c));
			/* the child has a descriptor, too */
			if (variant->type == PROCESS && i == END_CLOSE) {
				ASSERT_EQ(0, reply(&c, self->a.id, 1, 7));
				ASSERT_EQ(0, sender_end(s));
				continue;
			}
			ASSERT_EQ(0, make_end(&c, i));
			EXPECT_EQ(-EPIPE, sender_end(s)) {
				TH_LOG("end %u", i);
			}
			EXPECT_EQ(0, s->cmd->return_flags);
			EXPECT_EQ(~0ULL, s->cmd->reply.offset);
			/* told once */
			EXPECT_TRUE(is_idle(&self->a));
		}
	}
	EXPECT_TRUE(all_slots_are_free(&self->a, &self->b));
}

TEST_F(call, ends_with_its_sender)
{
	struct sender *s = START(&self->b, 7);

	EXPECT_EQ(0, conn_byebye(&self->a));
	EXPECT_EQ(-ECONNRESET, sender_end(s));
	EXPECT_EQ(7, receive_cookie(&self->b));
	EXPECT_EQ(-ENXIO, reply(&self->b, self->a.id, 1, 7));
	EXPECT_EQ(0, conn_byebye(&self->b));
}

TEST_F(call, ends_with_the_bus)
{
	struct sender *s;

	/* no child, which would keep the bus */
	s = call_start(&self->a, &self->b, 7, THREAD);
	close(self->bus);
	EXPECT_EQ(-ECONNRESET, sender_end(s));
	EXPECT_EQ(-ECONNRESET, reply(&self->b, self->a.id, 1, 7));
}

/* A running call keeps the file open that it runs on. */
TEST_F(call, does_not_end_with_the_descriptor)
{
	struct sender *s = START(&self->b, 7);

	close(self->a.fd);
	EXPECT_EQ(0, reply(&self->b, self->a.id, 1, 7));
	EXPECT_EQ(0, sender_end(s));
	EXPECT_EQ(1, msg_at(&self->a, s->cmd->reply.offset)->cookie);
	/* that was the last user of the connection */
	EXPECT_EQ(-ENXIO, send_cookie(&self->b, self->a.id, 1));
}

TEST_F(call, killed_caller_is_gone)
{
	struct sender *s;
	pid_t pid;
	int fds[2];
	__u64 id;

	ASSERT_EQ(0, pipe(fds));
	pid = fork_as(0, 0);
	if (pid == 0) {
		struct conn c;

		CHECK(peer_new(&c, self->d, 0) == 0);
		CHECK(write(fds[1], &c.id, sizeof(c.id)) == sizeof(c.id));
		s = sender_new(&c, call_new(self->b.id, 7, NEVER), SYNC);
		cmd_run(c.fd, KDBUS_CMD_SEND, s->cmd);
		_exit(1);
	}
	ASSERT_EQ(sizeof(id), read(fds[0], &id, sizeof(id)));
	readable_wait(&self->b);
	sleeping_wait(pid);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(-SIGKILL, child_wait(pid));
	EXPECT_EQ(7, receive_cookie(&self->b));
	EXPECT_EQ(-ENXIO, reply(&self->b, id, 1, 7));
}

/*
 * Deadlines
 */

TEST_F(call, is_not_sent_when_it_is_late)
{
	const __u64 late[] = { 1, now(), 1ULL << 63, ~0ULL };
	struct sender *s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(late); i++) {
		s = sender_new(&self->a, call_new(self->b.id, 7, late[i]),
			       SYNC);
		EXPECT_EQ(-ETIMEDOUT,
			  sender_end(sender_start(s, variant->type))) {
			TH_LOG("%llx", late[i]);
		}
		EXPECT_EQ(~0ULL, s->cmd->reply.offset);
		EXPECT_TRUE(is_idle(&self->b));
	}
	/* whom it is for is not looked at, either */
	s = sender_new(&self->a, call_new(4711, 7, 1), SYNC);
	EXPECT_EQ(-ETIMEDOUT, sender_end(sender_start(s, variant->type)));
	s = sender_new(&self->a, call_new(4711, 7, NEVER), SYNC);
	EXPECT_EQ(-ENXIO, sender_end(sender_start(s, variant->type)));
	EXPECT_TRUE(all_slots_are_free(&self->a, &self->b));
}

TEST_F(call, ends_at_its_deadline)
{
	const unsigned int n = variant->type == THREAD ? 5 : 2;
	struct sender *s;
	__u64 deadline;
	unsigned int i;

	for (i = 1; i <= n; i++) {
		deadline = now() + 20 * MS;
		s = sender_new(&self->a, call_new(self->b.id, i, deadline),
			       SYNC);
		sender_start(s, variant->type);
		/* on a slow machine it may be late when it starts */
		EXPECT_EQ(-ETIMEDOUT, sender_end(s));
		EXPECT_LE(deadline, s->end);
		EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 1, i));
	}
	EXPECT_TRUE(is_idle(&self->a));
	/* those that were sent can still be received */
	for (i = 0; i <= n && receive_cookie(&self->b); i++)
		;
	EXPECT_LE(i, n);
	EXPECT_TRUE(all_slots_are_free(&self->a, &self->b));
}

/*
 * Replies that do not get through
 */

TEST_F(call, with_files_in_the_reply_needs_a_caller_that_takes_them)
{
	struct sender *s = START(&self->b, 7);

	EXPECT_EQ(-ECOMM, pass(&self->b, with_fd(reply_new(self->a.id, 1, 7),
						 0)));
	EXPECT_EQ(-EREMOTEIO, sender_end(s));
	EXPECT_EQ(~0ULL, s->cmd->reply.offset);
	EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 2, 7));
	EXPECT_TRUE(is_idle(&self->a));
}

TEST_F(call, has_the_error_of_a_reply_that_does_not_fit)
{
	struct sender *s;
	struct conn c;
	unsigned int i;

	/* more than the user's share of the pool */
	s = START(&self->b, 7);
	EXPECT_EQ(-ENOBUFS, pass(&self->b, with_bytes(
		  reply_new(self->a.id, 1, 7), POOL_SIZE / 4)));
	EXPECT_EQ(-ENOBUFS, sender_end(s));
	EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 2, 7));
	EXPECT_EQ(7, receive_cookie(&self->b));

	/* what was received and not freed takes the room */
	for (i = 0; i < 7; i++) {
		ASSERT_EQ(0, pass(&self->b, with_bytes(msg_new(self->a.id, 1),
						       POOL_SIZE / 7 - 1024)));
		ASSERT_NE(NULL, receive(&self->a));
	}
	s = START(&self->b, 8);
	EXPECT_EQ(-EXFULL, pass(&self->b, with_bytes(
		  reply_new(self->a.id, 1, 8), POOL_SIZE / 8)));
	EXPECT_EQ(-EXFULL, sender_end(s));
	EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 2, 8));
	EXPECT_EQ(8, receive_cookie(&self->b));

	/* too many files are on their way */
	ASSERT_EQ(0, peer_new(&c, self->d, ACCEPT_FD));
	for (i = 0; i < MAX_FDS; i++)
		ASSERT_EQ(0, pass(&self->b, with_fd(msg_new(c.id, 1), 0)));
	s = call_start(&c, &self->b, 9, variant->type);
	EXPECT_EQ(-EMFILE, pass(&self->b, with_fd(reply_new(c.id, 1, 9), 0)));
	EXPECT_EQ(-EMFILE, sender_end(s));
	EXPECT_EQ(-EBADSLT, reply(&self->b, c.id, 2, 9));
}

/* What is wrong with the replier's own message is no end of the call. */
TEST_F(call, goes_on_when_the_replier_fails)
{
	struct sender *s = START(&self->b, 7);
	struct kdbus_msg *msg;
	int bad = -1;

	msg = reply_new(self->a.id, 1, 7);
	item_add_vec(msg, "good", 4);
	item_add_vec(msg, (void *)8, 16);
	EXPECT_EQ(-EFAULT, msg_send(&self->b, msg));
	EXPECT_EQ(-EBADF, pass(&self->b, with_fd(reply_new(self->a.id, 1, 7),
						 bad)));
	msg = reply_new(self->a.id, 1, 7);
	item_add_vec(msg, NULL, 2 * MiB + 1);
	EXPECT_EQ(-EMSGSIZE, msg_send(&self->b, msg));
	sender_sleeps(s);
	EXPECT_EQ(0, reply(&self->b, self->a.id, 2, 7));
	EXPECT_EQ(0, sender_end(s));
	EXPECT_EQ(2, msg_at(&self->a, s->cmd->reply.offset)->cookie);
	EXPECT_TRUE(is_idle(&self->a));
}

/* What cannot be told to the caller takes no room, and no descriptor. */
TEST_F(call, reply_that_cannot_be_reported_is_lost)
{
	struct kdbus_msg *msg;
	struct sender *s;
	struct conn c;
	unsigned int i;
	int number;

	ASSERT_EQ(0, peer_new(&c, self->d, ACCEPT_FD));
	for (i = 1; i <= 20; i++) {
		s = sender_new(&c, call_new(self->b.id, i, NEVER), SYNC);
		sender_start(s, THREAD);
		call_waits(s, &self->b);
		ASSERT_EQ(0, mprotect(s->cmd, page_size(), PROT_READ));
		number = next_number();
		msg = with_bytes(reply_new(c.id, 1, i), POOL_SIZE / 8);
		ASSERT_EQ(0, pass(&self->b, with_fd(msg, 0)));
		EXPECT_EQ(-EFAULT, sender_end(s));
		EXPECT_EQ(number, next_number());
		EXPECT_EQ(i, receive_cookie(&self->b));
	}
	EXPECT_TRUE(is_idle(&c));
	EXPECT_TRUE(all_slots_are_free(&c, &self->b));
}

/*
 * Files
 */

/* file and memfd, as the reply has them; no more than numbers in a child */
static void files_in(const struct conn *c, const struct sender *s, int fds[2])
{
	const struct kdbus_msg *msg = msg_at(c, s->cmd->reply.offset);

	fds[0] = find(msg, KDBUS_ITEM_FDS)->fds[0];
	fds[1] = find(msg, KDBUS_ITEM_PAYLOAD_MEMFD)->memfd.fd;
}

TEST_F(call, installs_files_where_the_call_was_made)
{
	struct kdbus_memfd memfd = { .size = 8 };
	struct stat sent, got;
	struct kdbus_msg *msg;
	int number, fds[2];
	struct sender *s;
	struct conn c;

	memfd.fd = memfd_new(8, ALL_SEALS);
	ASSERT_LT(0, memfd.fd);
	ASSERT_EQ(0, peer_new(&c, self->d, ACCEPT_FD));
	s = call_start(&c, &self->b, 7, variant->type);
	number = next_number();
	msg = with_fd(reply_new(c.id, 1, 7), memfd.fd);
	item_add(msg, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	ASSERT_EQ(0, msg_send(&self->b, msg));
	ASSERT_EQ(0, sender_end(s));
	files_in(&c, s, fds);
	EXPECT_EQ(number, fds[0]);
	EXPECT_EQ(number + 1, fds[1]);
	EXPECT_EQ(0, s->cmd->reply.return_flags);
	if (variant->type == PROCESS) {
		EXPECT_EQ(number, next_number());
		return;
	}
	EXPECT_EQ(FD_CLOEXEC, fcntl(fds[0], F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(fds[1], F_GETFD));
	ASSERT_EQ(0, fstat(memfd.fd, &sent));
	ASSERT_EQ(0, fstat(fds[0], &got));
	EXPECT_EQ(sent.st_ino, got.st_ino);
	ASSERT_EQ(0, fstat(fds[1], &got));
	EXPECT_EQ(sent.st_ino, got.st_ino);
}

TEST_F(call, tells_of_files_that_cannot_be_installed)
{
	struct kdbus_memfd memfd = { .size = 8 };
	struct rlimit limit;
	struct kdbus_msg *msg;
	struct sender *s;
	struct conn c;
	int fds[2];

	memfd.fd = memfd_new(8, ALL_SEALS);
	ASSERT_LT(0, memfd.fd);
	ASSERT_EQ(0, peer_new(&c, self->d, ACCEPT_FD));
	/* a child has limits of its own */
	s = call_start(&c, &self->b, 7, THREAD);
	msg = with_fd(reply_new(c.id, 1, 7), 0);
	item_add(msg, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = next_number() + 1;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	ASSERT_EQ(0, msg_send(&self->b, msg));
	ASSERT_EQ(0, sender_end(s));
	limit.rlim_cur = limit.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	files_in(&c, s, fds);
	EXPECT_LT(0, fds[0]);
	EXPECT_EQ(-1, fds[1]);
	EXPECT_EQ(0, close(fds[0]));
	EXPECT_EQ(KDBUS_RECV_RETURN_INCOMPLETE_FDS,
		  s->cmd->reply.return_flags);
}

/*
 * Several at once
 */

#define N_CALLERS	4
#define N_CALLS		200

TEST_F(call, can_be_made_to_itself)
{
	struct sender *s = START(&self->a, 7);

	EXPECT_EQ(7, receive_cookie(&self->a));
	EXPECT_EQ(0, reply(&self->a, self->a.id, 1, 7));
	EXPECT_EQ(0, sender_end(s));
	EXPECT_EQ(1, msg_at(&self->a, s->cmd->reply.offset)->cookie);

	s = START(&self->a, 8);
	EXPECT_EQ(0, make_end(&self->a, END_DROP));
	EXPECT_EQ(-EPIPE, sender_end(s));
	s = START(&self->a, 9);
	EXPECT_EQ(0, make_end(&self->a, END_BYEBYE));
	EXPECT_EQ(-ECONNRESET, sender_end(s));
}

/* Answered in another order, and with the same cookie the newest first. */
TEST_F(call, gets_its_own_reply)
{
	static const unsigned int order[N_CALLERS] = { 2, 0, 3, 1 };
	struct sender *s[N_CALLERS];
	unsigned int i, same;

	for (same = 0; same < 2; same++) {
		for (i = 0; i < N_CALLERS; i++) {
			s[i] = START(&self->b, same ? 7 : 10 + i);
			ASSERT_EQ(same ? 7 : 10 + i, receive_cookie(&self->b));
		}
		for (i = 0; i < N_CALLERS; i++)
			ASSERT_EQ(0, reply(&self->b, self->a.id, 100 + i,
					   same ? 7 : 10 + order[i]));
		EXPECT_EQ(-EBADSLT, reply(&self->b, self->a.id, 1, 7));
		for (i = 0; i < N_CALLERS; i++) {
			unsigned int k = same ? N_CALLERS - 1 - i : order[i];

			ASSERT_EQ(0, sender_end(s[k]));
			EXPECT_EQ(100 + i, msg_at(&self->a,
						  s[k]->cmd->reply.offset)->cookie);
		}
	}
	EXPECT_TRUE(is_idle(&self->a));
}

static void *answer_all(void *arg)
{
	const struct conn *c = arg;
	const struct kdbus_msg *msg;
	unsigned int i;

	for (i = 0; i < N_CALLERS * N_CALLS; i++) {
		readable_wait(c);
		msg = receive(c);
		CHECK(msg);
		CHECK(reply(c, msg->src_id, ~msg->cookie, msg->cookie) == 0);
		CHECK(conn_free(c, msg_offset(c, msg)) == 0);
	}
	return NULL;
}

struct caller {
	const struct conn *c;
	__u64 dst_id;
	unsigned int number;
};

static void *call_often(void *arg)
{
	const struct caller *caller = arg;
	struct kdbus_msg *msg = call_new(caller->dst_id, 0, NEVER);
	struct kdbus_cmd_send *cmd = send_new(msg);
	unsigned int i;

	cmd->flags = SYNC;
	for (i = 0; i < N_CALLS; i++) {
		msg->cookie = caller->number * N_CALLS + i + 1;
		CHECK(cmd_run(caller->c->fd, KDBUS_CMD_SEND, cmd) == 0);
		CHECK(msg_at(caller->c, cmd->reply.offset)->cookie ==
		      ~msg->cookie);
		CHECK(conn_free(caller->c, cmd->reply.offset) == 0);
	}
	return NULL;
}

TEST_F(call, many_race)
{
	pthread_t callers[N_CALLERS], replier;
	struct caller args[N_CALLERS];
	unsigned int i;
	pid_t pid = 0;

	if (variant->type == THREAD) {
		ASSERT_EQ(0, pthread_create(&replier, NULL, answer_all,
					    &self->b));
	} else {
		pid = fork_as(0, 0);
		if (pid == 0) {
			answer_all(&self->b);
			_exit(0);
		}
	}
	for (i = 0; i < N_CALLERS; i++) {
		args[i] = (struct caller){ &self->a, self->b.id, i };
		ASSERT_EQ(0, pthread_create(&callers[i], NULL, call_often,
					    &args[i]));
	}
	for (i = 0; i < N_CALLERS; i++)
		ASSERT_EQ(0, pthread_join(callers[i], NULL));
	EXPECT_EQ(0, pid ? child_wait(pid) : pthread_join(replier, NULL));
	EXPECT_TRUE(is_idle(&self->a));
	EXPECT_TRUE(all_slots_are_free(&self->a, &self->b));
}

/* how often a thread or process went to sleep */
static unsigned long sleeps_of(pid_t id)
{
	unsigned long n = 0;
	char line[128];
	FILE *file;

	snprintf(line, sizeof(line), "/proc/%d/status", id);
	file = fopen(line, "re");
	CHECK(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1)
			break;
	fclose(file);
	return n;
}

/* What is not for them wakes none of those who wait on the same connection. */
TEST_F(call, wakes_who_made_it)
{
	unsigned long before[N_CALLERS], n;
	struct sender *sleeping[N_CALLERS];
	struct sender *s;
	unsigned int i;

	for (i = 0; i < N_CALLERS; i++) {
		sleeping[i] = START(&self->b, 10 + i);
		ASSERT_EQ(10 + i, receive_cookie(&self->b));
	}
	for (i = 0; i < N_CALLERS; i++)
		before[i] = sleeps_of(sleeping[i]->id);
	for (i = 0; i < 50; i++) {
		s = call_start(&self->a, &self->b, 1000 + i, THREAD);
		ASSERT_EQ(1000 + i, receive_cookie(&self->b));
		ASSERT_EQ(0, reply(&self->b, self->a.id, 1, 1000 + i));
		ASSERT_EQ(0, sender_end(s));
		ASSERT_EQ(0, conn_free(&self->a, s->cmd->reply.offset));
		ASSERT_EQ(0, send_cookie(&self->b, self->a.id, 1));
		ASSERT_EQ(1, receive_cookie(&self->a));
	}
	for (i = 0; i < N_CALLERS; i++) {
		n = sleeps_of(sleeping[i]->id) - before[i];
		/* it may have been about to sleep for the first time */
		EXPECT_GE(1, n);
		EXPECT_EQ(0, reply(&self->b, self->a.id, 1, 10 + i));
	}
	for (i = 0; i < N_CALLERS; i++)
		EXPECT_EQ(0, sender_end(sleeping[i]));
}

KDBUS_HARNESS_MAIN
