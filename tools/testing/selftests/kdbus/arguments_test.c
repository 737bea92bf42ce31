// SPDX-License-Identifier: LGPL-2.1+
/*
 * The command line is memory of the sender, who may do to it what it likes
 * while it is read: that never makes a message fail, or others wait.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <linux/userfaultfd.h>

#include "metadata_util.h"
#include "kdbus_harness.h"

/* what is told of a command line at most */
#define MAX	4096

FIXTURE(arguments) {
	struct domain domain;
	struct conn src;	/* consents to everything */
	struct conn dst;	/* wants everything */
	char *pages;		/* two, for a command line */
	bool stop;
};

FIXTURE_SETUP(arguments)
{
	ASSERT_EQ(0, domain_mount(&self->domain, 0, NULL));
	ASSERT_LE(0, bus_new(&self->domain, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->src, &self->domain, _KDBUS_ATTACH_ANY, 0,
			      "src"));
	ASSERT_EQ(0, peer_new(&self->dst, &self->domain, 0,
			      _KDBUS_ATTACH_ANY, NULL));
	self->pages = two_pages(PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE);
}

FIXTURE_TEARDOWN(arguments)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

static bool goes_on(FIXTURE_DATA(arguments) *self)
{
	return !__atomic_load_n(&self->stop, __ATOMIC_RELAXED);
}

static void *rewrite(void *arg)
{
	FIXTURE_DATA(arguments) *self = arg;

	while (goes_on(self)) {
		memset(self->pages, 'x', 2 * page_size());
		memset(self->pages, 0, 2 * page_size());
	}
	return NULL;
}

static void *hide(void *arg)
{
	FIXTURE_DATA(arguments) *self = arg;

	while (goes_on(self)) {
		CHECK(mprotect(self->pages, page_size(), PROT_NONE) == 0);
		CHECK(mprotect(self->pages, page_size(),
			       PROT_READ | PROT_WRITE) == 0);
	}
	return NULL;
}

/* a command line of one byte, or of more than is told */
static void *move(void *arg)
{
	FIXTURE_DATA(arguments) *self = arg;

	while (goes_on(self)) {
		CHECK(prctl(PR_SET_MM, PR_SET_MM_ARG_END, self->pages + 1, 0,
			    0) == 0);
		CHECK(prctl(PR_SET_MM, PR_SET_MM_ARG_END,
			    self->pages + 2 * page_size(), 0, 0) == 0);
	}
	return NULL;
}

/* Sends while another thread does something; returns how often it was told. */
static int send_during(FIXTURE_DATA(arguments) *self,
		       void *(*function)(void *))
{
	const __u64 others = available() & ~KDBUS_ATTACH_CMDLINE;
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	pthread_t thread;
	int i, n_told = 0;

	memset(self->pages, 'x', 2 * page_size());
	CHECK(set_command_line(self->pages, 2 * page_size()) == 0);
	CHECK(pthread_create(&thread, NULL, function, self) == 0);
	for (i = 0; i < 1000; i++) {
		msg = tell(&self->src, &self->dst);
		CHECK(msg && (attached(msg) & others) == others);
		item = find(msg, KDBUS_ITEM_CMDLINE);
		if (item) {
			n_told++;
			CHECK(item->size > 16 && item->size <= 16 + MAX);
			CHECK(item->str[item->size - 16 - 1] == '\0');
		}
		CHECK(conn_free(&self->dst, msg_offset(&self->dst, msg)) == 0);
	}
	__atomic_store_n(&self->stop, true, __ATOMIC_RELAXED);
	CHECK(pthread_join(thread, NULL) == 0);
	return n_told;
}

TEST_F(arguments, may_be_rewritten)
{
	EXPECT_EQ(1000, send_during(self, rewrite));
}

TEST_F(arguments, may_come_and_go)
{
	EXPECT_LT(0, send_during(self, hide));
}

TEST_F(arguments, may_grow_and_shrink)
{
	EXPECT_EQ(1000, send_during(self, move));
}

/* the longest argument that the kernel takes */
TEST_F(arguments, may_be_huge)
{
	static char arg[128 * 1024];
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;

	memset(arg, 'y', sizeof(arg) - 1);
	ASSERT_EQ(0, program_tell("/proc/self/exe", arg, &self->src,
				  &self->dst));
	msg = receive(&self->dst);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(available(), attached(msg));
	item = find(msg, KDBUS_ITEM_CMDLINE);
	ASSERT_NE(NULL, item);
	EXPECT_EQ(16 + MAX, item->size);
	EXPECT_EQ('\0', item->str[MAX - 1]);
}

/* There is nothing at these addresses, and never can be. */
TEST_F(arguments, may_be_nowhere)
{
	const __u64 others = available() & ~KDBUS_ATTACH_CMDLINE;
	pid_t pid = fork_as(0, 0);

	if (pid == 0) {
		CHECK(set_command_line(self->pages, 2 * page_size()) == 0);
		CHECK(munmap(self->pages, 2 * page_size()) == 0);
		CHECK(told(&self->src, &self->dst) == others);
		CHECK(peer_new(&self->src, &self->domain, _KDBUS_ATTACH_ANY, 0,
			       NULL) == 0);
		CHECK(!find(ask_about(&self->dst, &self->src, ~0ULL),
			    KDBUS_ITEM_CMDLINE));
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
}

/* A page that is missing until somebody else brings it */
static int page_missing(const char *page)
{
	struct uffdio_register area = {
		.range = { PTR_TO_U64(page), page_size() },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (uffd >= 0 && (ioctl(uffd, UFFDIO_API, &api) < 0 ||
			  ioctl(uffd, UFFDIO_REGISTER, &area) < 0))
		return -errno;
	return uffd;
}

static void *send_slowly(void *arg)
{
	FIXTURE_DATA(arguments) *self = arg;

	CHECK(send_cookie(&self->src, self->dst.id, 5) == 0);
	return NULL;
}

/* What others do meanwhile, with the same receiver and the same sender */
static void live_on(FIXTURE_DATA(arguments) *self, struct conn *other)
{
	CHECK(send_cookie(other, other->id, 1) == 0);
	CHECK(receive_cookie(other) == 1);
	CHECK(send_cookie(&self->src, other->id, 2) == 0);
	CHECK(receive_cookie(other) == 2);
	CHECK(receive_cookie(&self->dst) == 0);
	CHECK(conn_byebye(other) == 0);
	conn_close(other);
}

TEST_F(arguments, may_be_slow)
{
	char *page = self->pages + page_size();
	struct uffdio_zeropage zero = {
		.range = { PTR_TO_U64(page), page_size() },
	};
	struct uffd_msg event;
	struct conn other;
	pthread_t thread;
	int uffd;

	/* HELLO looks at the command line, too */
	ASSERT_EQ(0, peer_new(&other, &self->domain, 0, KDBUS_ATTACH_CREDS,
			      NULL));
	CHECK(set_command_line(page, 100) == 0);
	uffd = page_missing(page);
	if (uffd < 0)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_slowly, self));
	ASSERT_EQ(sizeof(event), read(uffd, &event, sizeof(event)));
	live_on(self, &other);
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(5, receive_cookie(&self->dst));
	EXPECT_EQ(available(), told(&self->src, &self->dst));
}

/* The page never comes. */
TEST_F(arguments, sender_may_be_killed)
{
	char *page = self->pages + page_size();
	struct uffd_msg event;
	const struct kdbus_msg *msg;
	struct conn other;
	int *uffd;
	pid_t pid;

	ASSERT_EQ(0, peer_new(&other, &self->domain, 0, KDBUS_ATTACH_CREDS,
			      NULL));
	uffd = mmap(NULL, sizeof(*uffd), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, uffd);
	pid = fork_sharing_files();
	if (pid == 0) {
		CHECK(set_command_line(page, 100) == 0);
		*uffd = page_missing(page);
		if (*uffd < 0)
			_exit(4);
		send_slowly(self);
		_exit(0);
	}
	while (!__atomic_load_n(uffd, __ATOMIC_ACQUIRE))
		sched_yield();
	if (*uffd < 0)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(sizeof(event), read(*uffd, &event, sizeof(event)));
	live_on(self, &other);
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(-SIGKILL, child_wait(pid));
	/* either way it is over, and nothing was told of what nobody saw */
	msg = receive(&self->dst);
	EXPECT_TRUE(!msg || !find(msg, KDBUS_ITEM_CMDLINE));
	EXPECT_EQ(available(), told(&self->src, &self->dst));
}

KDBUS_HARNESS_MAIN
