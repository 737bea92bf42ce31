// SPDX-License-Identifier: LGPL-2.1+
/*
 * Files in received messages: which numbers they get, when, and what happens
 * if there is no number left or nobody can be told.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/userfaultfd.h>

#include "recv_util.h"
#include "kdbus_harness.h"

FIXTURE(files) {
	struct domain domain;
	struct domain *d;
	struct conn a;
	struct conn dst;	/* takes descriptors, the others do not */
	struct conn plain;
	int file;
	int memfd;
};

FIXTURE_SETUP(files)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->a, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->dst, self->d, ACCEPT_FD));
	ASSERT_EQ(0, peer_new(&self->plain, self->d, 0));
	self->file = memfd_create("file", MFD_CLOEXEC);
	ASSERT_LE(0, self->file);
	self->memfd = memfd_new(10000, 'x');
	ASSERT_LE(0, self->memfd);
}

FIXTURE_TEARDOWN(files)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* FDS with one file between two memfds */
static struct kdbus_msg *three_files(const FIXTURE_DATA(files) *self,
				     struct kdbus_msg *msg)
{
	item_add_memfd(msg, self->memfd, 0, 10000);
	item_add_fds(msg, &self->file, 1);
	item_add_memfd(msg, self->memfd, 8, 1);
	return msg;
}

struct numbers {
	int fd;
	int memfds[2];
};

/* What the message of three_files() has in its slots */
static struct numbers numbers(const struct kdbus_msg *msg)
{
	const struct kdbus_item *item = msg->items;
	struct numbers n;

	n.memfds[0] = item->memfd.fd;
	item = item_next(item);
	n.fd = item->fds[0];
	item = item_next(item);
	n.memfds[1] = item->memfd.fd;
	return n;
}

#define EXPECT_NUMBERS(_msg, _one, _two, _three) do { \
	struct numbers _n = numbers(_msg); \
	EXPECT_EQ(_one, _n.memfds[0]); \
	EXPECT_EQ(_two, _n.fd); \
	EXPECT_EQ(_three, _n.memfds[1]); \
} while (0)

TEST_F(files, come_in_the_order_of_the_items)
{
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv recv;
	const struct kdbus_item *item;
	int number = next_number(), i;
	char c;

	ASSERT_EQ(0, pass(&self->a, three_files(self, msg_new(self->dst.id,
							      1))));
	ASSERT_EQ(0, take_msg(&self->dst, 0, &recv, &msg));
	EXPECT_EQ(0, recv.return_flags);
	EXPECT_EQ(0, recv.msg.return_flags);
	EXPECT_NUMBERS(msg, number, number + 1, number + 2);
	EXPECT_TRUE(same_file(self->memfd, number));
	EXPECT_TRUE(same_file(self->file, number + 1));
	EXPECT_TRUE(same_file(self->memfd, number + 2));
	for (i = number; i < number + 3; i++)
		EXPECT_EQ(FD_CLOEXEC, fcntl(i, F_GETFD));
	EXPECT_EQ(1, pread(number, &c, 1, 9999));
	EXPECT_EQ('x', c);

	item = msg->items;
	EXPECT_EQ(0, item->memfd.start);
	EXPECT_EQ(10000, item->memfd.size);
	item = item_next(item_next(item));
	EXPECT_EQ(8, item->memfd.start);
	EXPECT_EQ(1, item->memfd.size);
}

TEST_F(files, many_keep_their_order)
{
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv recv;
	int fds[MAX_FDS], number, i;
	struct kdbus_msg *sent = msg_new(self->dst.id, 1);

	for (i = 0; i < MAX_FDS; i++) {
		fds[i] = memfd_create("file", MFD_CLOEXEC);
		ASSERT_EQ(i, lseek(fds[i], i, SEEK_SET));
	}
	item_add_fds(sent, fds, MAX_FDS);
	ASSERT_EQ(0, pass(&self->a, sent));
	/* the sender needs them no longer */
	for (i = 0; i < MAX_FDS; i++)
		close(fds[i]);
	number = next_number();
	ASSERT_EQ(0, take_msg(&self->dst, 0, &recv, &msg));
	for (i = 0; i < MAX_FDS; i++) {
		EXPECT_EQ(number + i, msg->items[0].fds[i]);
		EXPECT_EQ(i, lseek(number + i, 0, SEEK_CUR));
	}
}

TEST_F(files, share_the_open_file)
{
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv recv;

	ASSERT_EQ(0, pass(&self->a, three_files(self, msg_new(self->dst.id,
							      1))));
	ASSERT_EQ(0, take_msg(&self->dst, 0, &recv, &msg));
	ASSERT_EQ(5, lseek(self->file, 5, SEEK_SET));
	EXPECT_EQ(5, lseek(numbers(msg).fd, 0, SEEK_CUR));
}

/* Neither the numbers of the sender, nor any other */
TEST_F(files, have_no_number_before_they_are_received)
{
	const struct kdbus_msg *msg, *again;
	struct kdbus_cmd_recv recv;
	int number = next_number();

	ASSERT_EQ(0, pass(&self->a, three_files(self, msg_new(self->dst.id,
							      1))));
	/* the first slice, which nobody was told of yet */
	EXPECT_EQ(1, msg_at(&self->dst, 0)->cookie);
	EXPECT_NUMBERS(msg_at(&self->dst, 0), -1, -1, -1);
	ASSERT_EQ(0, take_msg(&self->dst, PEEK, &recv, &msg));
	EXPECT_EQ(0, recv.msg.return_flags);
	EXPECT_NUMBERS(msg, -1, -1, -1);
	ASSERT_EQ(0, take_msg(&self->dst, PEEK, &recv, &msg));
	EXPECT_NUMBERS(msg, -1, -1, -1);
	EXPECT_EQ(number, next_number());
	ASSERT_EQ(0, take_msg(&self->dst, 0, &recv, &again));
	EXPECT_EQ(msg, again);
	EXPECT_NUMBERS(msg, number, number + 1, number + 2);
}

/* A pipe tells when nobody has the other end any more. */
static int send_pipe(const struct conn *src, const struct conn *dst)
{
	struct kdbus_msg *msg = msg_new(dst->id, 1);
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	item_add_fds(msg, &fds[1], 1);
	r = pass(src, msg);
	close(fds[1]);
	return r < 0 ? r : fds[0];
}

TEST_F(files, are_closed_with_the_message)
{
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv recv;
	int dropped, queued, received, number;

	dropped = send_pipe(&self->a, &self->dst);
	received = send_pipe(&self->a, &self->dst);
	queued = send_pipe(&self->a, &self->dst);
	ASSERT_LE(0, dropped);
	ASSERT_LE(0, received);
	ASSERT_LE(0, queued);
	conn_close(&self->a);
	EXPECT_EQ(0, poll_now(dropped));
	number = next_number();
	ASSERT_EQ(0, take(&self->dst, PEEK, &recv));
	ASSERT_EQ(0, take(&self->dst, DROP, &recv));
	EXPECT_EQ(number, next_number());
	EXPECT_EQ(POLLHUP, poll_now(dropped));

	/* what was received is the receiver's, whatever becomes of the slice */
	ASSERT_EQ(0, take_msg(&self->dst, 0, &recv, &msg));
	EXPECT_EQ(number, msg->items[0].fds[0]);
	EXPECT_EQ(0, conn_free(&self->dst, recv.msg.offset));
	EXPECT_EQ(0, poll_now(received));
	EXPECT_EQ(0, poll_now(queued));
	conn_close(&self->dst);
	EXPECT_EQ(POLLHUP, poll_now(queued));
	EXPECT_EQ(0, poll_now(received));
	close(number);
	EXPECT_EQ(POLLHUP, poll_now(received));
}

TEST_F(files, refused_ones_are_closed_at_once)
{
	int fds[2];
	struct kdbus_msg *msg = msg_new(self->plain.id, 1);

	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));
	item_add_fds(msg, &fds[1], 1);
	EXPECT_EQ(-ECOMM, msg_send(&self->a, msg));
	msg->dst_id = self->dst.id;
	item_add_vec(msg, (void *)8, 8);
	EXPECT_EQ(-EFAULT, msg_send(&self->a, msg));
	close(fds[1]);
	EXPECT_EQ(POLLHUP, poll_now(fds[0]));
	EXPECT_EQ(0, receive_cookie(&self->plain));
	EXPECT_EQ(0, receive_cookie(&self->dst));
}

/* Memfds are payload. */
TEST_F(files, memfds_come_to_everybody)
{
	struct kdbus_msg *sent = msg_new(self->plain.id, 1);
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv recv;
	int number = next_number();

	item_add_memfd(sent, self->memfd, 0, 10000);
	ASSERT_EQ(0, pass(&self->a, sent));
	ASSERT_EQ(0, take_msg(&self->plain, 0, &recv, &msg));
	EXPECT_EQ(number, msg->items[0].memfd.fd);
	EXPECT_TRUE(same_file(self->memfd, number));
	EXPECT_EQ(0, recv.msg.return_flags);
}

/* Each receiver of a broadcast gets its own numbers. */
TEST_F(files, memfds_of_a_broadcast_come_to_each)
{
	struct conn *const all[] = { &self->dst, &self->plain, &self->a };
	struct kdbus_msg *sent = signal_new(BCAST, 1);
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv recv;
	int number = next_number();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		ASSERT_EQ(0, match_all(all[i]));
	item_add_memfd(sent, self->memfd, 0, 10000);
	ASSERT_EQ(0, pass(&self->a, sent));
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		ASSERT_EQ(0, take_msg(all[i], 0, &recv, &msg));
		EXPECT_EQ(number + (int)i,
			  find(msg, KDBUS_ITEM_PAYLOAD_MEMFD)->memfd.fd);
		EXPECT_TRUE(same_file(self->memfd, number + i));
	}
}

/* A list without entries is one, too. */
TEST_F(files, may_be_none)
{
	struct kdbus_msg *sent = msg_new(0, 1);
	struct conn *const all[] = { &self->dst, &self->plain };
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv recv;
	unsigned int i;

	item_add_fds(sent, NULL, 0);
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		sent->dst_id = all[i]->id;
		ASSERT_EQ(0, msg_send(&self->a, sent));
		ASSERT_EQ(0, take_msg(all[i], 0, &recv, &msg));
		EXPECT_EQ(KDBUS_ITEM_FDS, msg->items[0].type);
		EXPECT_EQ(16, msg->items[0].size);
		EXPECT_EQ(0, recv.msg.return_flags);
	}
}

/*
 * No number left
 */

TEST_F(files, some_do_not_fit)
{
	int fds[] = { self->file, self->memfd, self->file, self->memfd };
	struct kdbus_msg *sent = msg_new(self->dst.id, 1);
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv recv;
	int number = next_number(), n, i;

	item_add_fds(sent, fds, 4);
	for (n = 0; n <= 4; n++) {
		ASSERT_EQ(0, msg_send(&self->a, sent));
		ASSERT_EQ(0, limit_numbers(number + n));
		/* nothing is tried, so nothing is missing */
		ASSERT_EQ(0, take(&self->dst, PEEK, &recv));
		EXPECT_EQ(0, recv.msg.return_flags);
		ASSERT_EQ(0, take_msg(&self->dst, 0, &recv, &msg));
		EXPECT_EQ(0, recv.return_flags);
		EXPECT_EQ(n < 4 ? KDBUS_RECV_RETURN_INCOMPLETE_FDS : 0,
			  recv.msg.return_flags);
		for (i = 0; i < 4; i++)
			EXPECT_EQ(i < n ? number + i : -1,
				  msg->items[0].fds[i]);
		/* it has been received all the same */
		EXPECT_EQ(-EAGAIN, take(&self->dst, 0, &recv));
		EXPECT_EQ(0, conn_free(&self->dst, msg_offset(&self->dst,
							      msg)));
		ASSERT_EQ(0, limit_numbers(1000));
		for (i = number; i < number + n; i++)
			EXPECT_EQ(0, close(i));
	}
}

/* A hole among the numbers in use is enough for one of them. */
TEST_F(files, some_memfds_do_not_fit)
{
	const int number = next_number();
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv recv;

	ASSERT_EQ(0, pass(&self->a, three_files(self, msg_new(self->dst.id,
							      1))));
	ASSERT_EQ(0, limit_numbers(number));
	close(self->file);
	ASSERT_EQ(0, take_msg(&self->dst, 0, &recv, &msg));
	EXPECT_EQ(KDBUS_RECV_RETURN_INCOMPLETE_FDS, recv.msg.return_flags);
	EXPECT_NUMBERS(msg, self->file, -1, -1);
	EXPECT_TRUE(same_file(self->memfd, self->file));
	ASSERT_EQ(0, limit_numbers(1000));
}

/* What the receiver does not want is not missing. */
TEST_F(files, unwanted_ones_are_not_missing)
{
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv recv;
	struct conn mon;
	int number;

	ASSERT_EQ(0, peer_new(&mon, self->d, MONITOR));
	ASSERT_EQ(0, pass(&self->a, three_files(self, msg_new(self->dst.id,
							      1))));
	number = next_number();
	ASSERT_EQ(0, limit_numbers(number + 2));
	ASSERT_EQ(0, take_msg(&mon, 0, &recv, &msg));
	EXPECT_EQ(0, recv.msg.return_flags);
	EXPECT_NUMBERS(msg, number, -1, number + 1);
	close(number);
	close(number + 1);

	ASSERT_EQ(0, pass(&self->a, three_files(self, msg_new(self->dst.id,
							      2))));
	ASSERT_EQ(0, limit_numbers(number + 1));
	ASSERT_EQ(0, take_msg(&mon, 0, &recv, &msg));
	EXPECT_EQ(KDBUS_RECV_RETURN_INCOMPLETE_FDS, recv.msg.return_flags);
	EXPECT_NUMBERS(msg, number, -1, -1);
}

/* Answers the request that comes next, with the three files. */
static pid_t replier(const FIXTURE_DATA(files) *self)
{
	const struct kdbus_msg *msg;
	pid_t pid = fork_as(0, 0);

	if (pid == 0) {
		readable_wait(&self->a);
		msg = receive(&self->a);
		CHECK(msg);
		CHECK(pass(&self->a, three_files(self, reply_new(msg->src_id, 9,
							msg->cookie))) == 0);
		_exit(0);
	}
	return pid;
}

TEST_F(files, in_synchronous_replies)
{
	struct kdbus_msg *request = call_new(self->a.id, 5, NEVER);
	const struct kdbus_msg *msg;
	struct kdbus_msg_info info;
	int number = next_number(), n, i;
	pid_t pid;

	for (n = 0; n <= 3; n++) {
		pid = replier(self);
		ASSERT_EQ(0, limit_numbers(number + n));
		ASSERT_EQ(0, call_sync(&self->dst, request, &info));
		ASSERT_EQ(0, limit_numbers(1000));
		EXPECT_EQ(0, child_wait(pid));
		EXPECT_EQ(n < 3 ? KDBUS_RECV_RETURN_INCOMPLETE_FDS : 0,
			  info.return_flags);
		msg = msg_at(&self->dst, info.offset);
		EXPECT_NUMBERS(msg, n > 0 ? number : -1,
			       n > 1 ? number + 1 : -1,
			       n > 2 ? number + 2 : -1);
		EXPECT_EQ(0, conn_free(&self->dst, info.offset));
		for (i = number; i < number + n; i++)
			EXPECT_EQ(0, close(i));
	}
}

/*
 * Nobody to tell
 */

TEST_F(files, are_taken_back_when_they_cannot_be_reported)
{
	const struct kdbus_msg *peeked, *msg;
	struct kdbus_cmd_recv recv, *unwritable;
	int number = next_number();
	__u8 *border;
	unsigned int at;

	ASSERT_EQ(0, pass(&self->a, three_files(self, msg_new(self->dst.id,
							      1))));
	ASSERT_EQ(0, take_msg(&self->dst, PEEK, &recv, &peeked));
	for (at = 32; at <= 56; at += 8) {
		border = two_pages(PROT_READ | PROT_WRITE,
				   PROT_READ | PROT_WRITE);
		border += page_size();
		unwritable = (void *)(border - at);
		*unwritable = *recv_new(0, 0);
		ASSERT_EQ(0, mprotect(border, page_size(), PROT_READ));
		EXPECT_EQ(-EFAULT, conn_recv(&self->dst, unwritable));
		EXPECT_EQ(number, next_number());
		EXPECT_NUMBERS(peeked, -1, -1, -1);
	}
	ASSERT_EQ(0, take_msg(&self->dst, 0, &recv, &msg));
	EXPECT_EQ(peeked, msg);
	EXPECT_EQ(0, recv.msg.return_flags);
	EXPECT_NUMBERS(msg, number, number + 1, number + 2);
}

/* A command of another thread, whose result takes its time to be written */
struct slow {
	const struct conn *c;
	unsigned int ioctl;
	void *cmd;
	struct uffdio_writeprotect lock;
	int uffd;
	pthread_t thread;
	int result;
};

static void *slow_run(void *arg)
{
	struct slow *slow = arg;

	slow->result = cmd_run(slow->c->fd, slow->ioctl, slow->cmd);
	return NULL;
}

/*
 * From @offset on the command cannot be written. Returns whether the kernel can
 * do that.
 */
static int slow_prepare(struct slow *slow, const void *cmd, size_t size,
			size_t offset)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_WP };
	__u8 *border;

	border = two_pages(PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE);
	border += page_size();
	slow->cmd = memcpy(border - offset, cmd, size);
	area.range.start = PTR_TO_U64(border);
	area.range.len = page_size();
	slow->lock.range = area.range;
	slow->lock.mode = UFFDIO_WRITEPROTECT_MODE_WP;
	slow->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	return slow->uffd >= 0 && ioctl(slow->uffd, UFFDIO_API, &api) == 0 &&
	       ioctl(slow->uffd, UFFDIO_REGISTER, &area) == 0 &&
	       ioctl(slow->uffd, UFFDIO_WRITEPROTECT, &slow->lock) == 0;
}

/* Returns when the result is about to be written. */
static void slow_wait(struct slow *slow)
{
	struct uffd_msg event;

	CHECK(read(slow->uffd, &event, sizeof(event)) == sizeof(event));
	CHECK(event.event == UFFD_EVENT_PAGEFAULT);
}

static int slow_finish(struct slow *slow)
{
	slow->lock.mode = 0;
	CHECK(ioctl(slow->uffd, UFFDIO_WRITEPROTECT, &slow->lock) == 0);
	CHECK(pthread_join(slow->thread, NULL) == 0);
	return slow->result;
}

/* Numbers are not there for other threads before it is clear that they stay. */
TEST_F(files, appear_when_they_can_be_reported)
{
	struct slow slow = { .c = &self->dst, .ioctl = KDBUS_CMD_RECV };
	const struct kdbus_cmd_recv *recv = recv_new(0, 0);
	const struct kdbus_msg *msg;
	int number;

	if (!slow_prepare(&slow, recv, sizeof(*recv),
			  offsetof(struct kdbus_cmd_recv, msg)))
		SKIP(return, "no write protection by userfaultfd: %s",
		     strerror(errno));
	recv = slow.cmd;
	number = next_number();
	ASSERT_EQ(0, pass(&self->a, three_files(self, msg_new(self->dst.id,
							      1))));
	ASSERT_EQ(0, pthread_create(&slow.thread, NULL, slow_run, &slow));
	slow_wait(&slow);
	EXPECT_EQ(number, next_number());
	ASSERT_EQ(0, slow_finish(&slow));
	msg = msg_at(&self->dst, recv->msg.offset);
	EXPECT_NUMBERS(msg, number, number + 1, number + 2);
}

TEST_F(files, of_replies_appear_when_they_can_be_reported)
{
	struct slow slow = { .c = &self->dst, .ioctl = KDBUS_CMD_SEND };
	struct kdbus_cmd_send *send = send_new(call_new(self->a.id, 7, NEVER));
	struct pollfd p = { .fd = self->a.fd, .events = POLLIN };
	const struct kdbus_msg *msg;
	int number;

	send->flags = KDBUS_SEND_SYNC_REPLY;
	if (!slow_prepare(&slow, send, sizeof(*send),
			  offsetof(struct kdbus_cmd_send, reply)))
		SKIP(return, "no write protection by userfaultfd: %s",
		     strerror(errno));
	send = slow.cmd;
	number = next_number();
	ASSERT_EQ(0, pthread_create(&slow.thread, NULL, slow_run, &slow));
	ASSERT_EQ(1, poll(&p, 1, -1));
	ASSERT_EQ(7, receive_cookie(&self->a));
	ASSERT_EQ(0, pass(&self->a, three_files(self, reply_new(self->dst.id,
								8, 7))));
	slow_wait(&slow);
	EXPECT_EQ(number, next_number());
	ASSERT_EQ(0, slow_finish(&slow));
	msg = msg_at(&self->dst, send->reply.offset);
	EXPECT_NUMBERS(msg, number, number + 1, number + 2);
}

KDBUS_HARNESS_MAIN
