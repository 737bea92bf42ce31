// SPDX-License-Identifier: LGPL-2.1+
/*
 * Messages that move with their name while a task is busy with them: it receives
 * one, or it replies to one, and waits for its own memory meanwhile.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <linux/userfaultfd.h>

#include "activator_util.h"
#include "kdbus_harness.h"

FIXTURE(migrate_busy) {
	struct domain domain;
	struct domain *d;
	struct conn src;
	struct conn a;
	struct conn b;
	struct conn act;
};

FIXTURE_SETUP(migrate_busy)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->src, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->a, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->b, self->d, 0));
	ASSERT_EQ(0, activator_new(&self->act, self->d, NAME, 0));
}

FIXTURE_TEARDOWN(migrate_busy)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

/**
 * struct busy - a command that waits in the middle for its memory
 * @fd:		file it is run on
 * @cmd:	number of the command
 * @arg:	its argument
 * @uffd:	reports who needs @page, and lets him wait
 * @page:	memory that does not come by itself
 * @thread:	task that runs it
 * @result:	what it returned
 */
struct busy {
	int fd;
	unsigned long cmd;
	void *arg;
	int uffd;
	char *page;
	pthread_t thread;
	int result;
};

/* let tasks wait that do with @page what @mode says */
static int busy_watch(struct busy *busy, __u64 mode, __u64 features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	struct uffdio_register area = {
		.range = { PTR_TO_U64(busy->page), page_size() },
		.mode = mode,
	};

	busy->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (busy->uffd < 0 || ioctl(busy->uffd, UFFDIO_API, &api) < 0 ||
	    ioctl(busy->uffd, UFFDIO_REGISTER, &area) < 0)
		return -errno;
	return 0;
}

static void *busy_run(void *arg)
{
	struct busy *busy = arg;

	busy->result = cmd_run(busy->fd, busy->cmd, busy->arg);
	return NULL;
}

/* begin, and come back when it needs @page */
static void busy_begin(struct busy *busy)
{
	struct uffd_msg event;

	CHECK(pthread_create(&busy->thread, NULL, busy_run, busy) == 0);
	CHECK(read(busy->uffd, &event, sizeof(event)) == sizeof(event));
	CHECK(event.event == UFFD_EVENT_PAGEFAULT);
}

static int busy_end(struct busy *busy)
{
	CHECK(pthread_join(busy->thread, NULL) == 0);
	return busy->result;
}

/* RECV that can tell of the message only if @page may be written */
static int busy_receive(struct busy *busy, const struct conn *c, __u64 flags)
{
	char *pages = two_pages(PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE);
	struct kdbus_cmd_recv *recv = recv_new(flags, 0);
	struct uffdio_writeprotect protect = {
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	int r;

	busy->fd = c->fd;
	busy->cmd = KDBUS_CMD_RECV;
	busy->page = pages + page_size();
	busy->arg = busy->page - offsetof(struct kdbus_cmd_recv, dropped_msgs);
	memcpy(busy->arg, recv, sizeof(*recv));
	free(recv);

	r = busy_watch(busy, UFFDIO_REGISTER_MODE_WP,
		       UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	if (r < 0)
		return r;
	protect.range = (struct uffdio_range){ PTR_TO_U64(busy->page),
					       page_size() };
	CHECK(ioctl(busy->uffd, UFFDIO_WRITEPROTECT, &protect) == 0);
	busy_begin(busy);
	return 0;
}

static int receive_end(struct busy *busy, bool succeed)
{
	struct uffdio_range range = { PTR_TO_U64(busy->page), page_size() };
	struct uffdio_writeprotect writable = { .range = range };

	if (succeed) {
		CHECK(ioctl(busy->uffd, UFFDIO_WRITEPROTECT, &writable) == 0);
	} else {
		CHECK(mprotect(busy->page, page_size(), PROT_READ) == 0);
		CHECK(ioctl(busy->uffd, UFFDIO_WAKE, &range) == 0);
	}
	return busy_end(busy);
}

TEST_F(migrate_busy, what_could_not_be_received_follows)
{
	/* PEEK means nothing beside DROP */
	const __u64 flags[] = { 0, KDBUS_RECV_DROP,
				KDBUS_RECV_DROP | KDBUS_RECV_PEEK };
	const struct conn *src = &self->src;
	struct busy busy = {};
	unsigned int i;
	int r;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, call_name(src, NAME, 1));
		EXPECT_EQ(0, plain(src, NAME, 2));
		r = busy_receive(&busy, &self->act, flags[i]);
		if (r < 0)
			SKIP(return, "no userfaultfd: %s", strerror(-r));
		ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
		EXPECT_STREQ("message 2", heard_all(&self->a));

		EXPECT_EQ(-EFAULT, receive_end(&busy, false));
		EXPECT_STREQ("", heard_all(&self->act));
		EXPECT_STREQ("message 1", heard_all(&self->a));
		EXPECT_EQ(0, reply(&self->a, src->id, 10, 1));
		EXPECT_STREQ("message 10", heard_all(src));
		ASSERT_EQ(0, name_release(&self->a, NAME));
	}
}

TEST_F(migrate_busy, what_was_received_does_not)
{
	const struct conn *src = &self->src;
	struct busy busy = {};
	int r;

	EXPECT_EQ(0, call_name(src, NAME, 1));
	r = busy_receive(&busy, &self->act, 0);
	if (r < 0)
		SKIP(return, "no userfaultfd: %s", strerror(-r));
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	EXPECT_EQ(0, receive_end(&busy, true));
	EXPECT_STREQ("", heard_all(&self->a));
	EXPECT_EQ(-EBADSLT, reply(&self->a, src->id, 10, 1));
	conn_close(&self->act);
	EXPECT_STREQ("REPLY_DEAD 1", heard_all(src));
}

TEST_F(migrate_busy, what_was_dropped_does_not)
{
	const __u64 flags[] = { KDBUS_RECV_DROP,
				KDBUS_RECV_DROP | KDBUS_RECV_PEEK };
	const struct conn *src = &self->src;
	struct busy busy = {};
	unsigned int i;
	int r;

	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, call_name(src, NAME, 1));
		r = busy_receive(&busy, &self->act, flags[i]);
		if (r < 0)
			SKIP(return, "no userfaultfd: %s", strerror(-r));
		ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
		EXPECT_EQ(0, receive_end(&busy, true));
		EXPECT_STREQ("REPLY_DEAD 1", heard_all(src));
		EXPECT_STREQ("", heard_all(&self->a));
		EXPECT_STREQ("", heard_all(&self->act));
		ASSERT_EQ(0, name_release(&self->a, NAME));
	}
}

TEST_F(migrate_busy, who_lost_the_request_cannot_reply_any_more)
{
	const struct conn *src = &self->src;
	struct uffdio_zeropage zero = {};
	struct busy busy = {};
	struct kdbus_msg *msg;
	int r;

	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	EXPECT_EQ(0, call_name(src, NAME, 1));

	busy.page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, busy.page);
	r = busy_watch(&busy, UFFDIO_REGISTER_MODE_MISSING, 0);
	if (r < 0)
		SKIP(return, "no userfaultfd: %s", strerror(-r));
	msg = msg_new(src->id, 10);
	msg->cookie_reply = 1;
	item_add_vec(msg, busy.page, 8);
	busy.fd = self->a.fd;
	busy.cmd = KDBUS_CMD_SEND;
	busy.arg = send_new(msg);
	busy_begin(&busy);

	ASSERT_EQ(0, name_release(&self->a, NAME));
	zero.range = (struct uffdio_range){ PTR_TO_U64(busy.page),
					    page_size() };
	CHECK(ioctl(busy.uffd, UFFDIO_ZEROPAGE, &zero) == 0);
	EXPECT_EQ(-EBADSLT, busy_end(&busy));
	EXPECT_STREQ("", heard_all(src));

	ASSERT_LT(0, name_acquire(&self->b, NAME, 0));
	EXPECT_STREQ("message 1", heard_all(&self->b));
	EXPECT_EQ(0, reply(&self->b, src->id, 11, 1));
	EXPECT_STREQ("message 11", heard_all(src));
}

KDBUS_HARNESS_MAIN
