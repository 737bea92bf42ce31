// SPDX-License-Identifier: LGPL-2.1+
/*
 * HELLO that waits for the memory of its result while the endpoint ends, and
 * HELLO of an activator while another one of that name ends.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <linux/userfaultfd.h>

#include "policy_util.h"
#include "kdbus_harness.h"

#define DEAD	(POLLERR | POLLHUP)

/**
 * struct slow - HELLO whose result needs a page that does not come by itself
 * @fd:		endpoint
 * @hello:	argument; all from @page on is written at the end
 * @page:	where it waits
 * @uffd:	reports the write, and lets it go on
 * @thread:	who says HELLO
 * @result:	what it returned
 */
struct slow {
	int fd;
	struct kdbus_cmd_hello *hello;
	char *page;
	int uffd;
	pthread_t thread;
	int result;
};

FIXTURE(hello_slow) {
	struct domain domain;
	struct domain *d;
	int bus;
	struct conn watcher;
	struct slow slow;
};

FIXTURE_SETUP(hello_slow)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	self->bus = policy_bus_new(self->d);
	ASSERT_LE(0, self->bus);
	ASSERT_EQ(0, conn_as(&self->watcher, self->d, "bus", ALICE));
	ASSERT_EQ(0, match_all(&self->watcher));
}

FIXTURE_TEARDOWN(hello_slow)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

static int slow_protect(const struct slow *slow, __u64 mode)
{
	struct uffdio_writeprotect protect = {
		.range = { PTR_TO_U64(slow->page), page_size() },
		.mode = mode,
	};

	return ioctl(slow->uffd, UFFDIO_WRITEPROTECT, &protect) < 0 ? -errno : 0;
}

static void *slow_run(void *arg)
{
	struct slow *slow = arg;

	slow->result = cmd_run(slow->fd, KDBUS_CMD_HELLO, slow->hello);
	return NULL;
}

/* Returns when the result is being written; -ENOSYS without userfaultfd. */
static int slow_start(struct slow *slow, int fd,
		      const struct kdbus_cmd_hello *hello)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_WP };
	char *pages = two_pages(PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE);
	struct uffd_msg event;

	slow->fd = fd;
	slow->page = pages + page_size();
	slow->hello = (void *)(slow->page -
			       offsetof(struct kdbus_cmd_hello, offset));
	memcpy(slow->hello, hello, hello->size);
	slow->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	area.range.start = PTR_TO_U64(slow->page);
	area.range.len = page_size();
	if (slow->uffd < 0 || ioctl(slow->uffd, UFFDIO_API, &api) < 0 ||
	    ioctl(slow->uffd, UFFDIO_REGISTER, &area) < 0 ||
	    slow_protect(slow, UFFDIO_WRITEPROTECT_MODE_WP) < 0)
		return -ENOSYS;

	CHECK(pthread_create(&slow->thread, NULL, slow_run, slow) == 0);
	CHECK(read(slow->uffd, &event, sizeof(event)) == sizeof(event));
	CHECK(event.event == UFFD_EVENT_PAGEFAULT);
	return 0;
}

static int slow_finish(struct slow *slow)
{
	CHECK(slow_protect(slow, 0) == 0);
	CHECK(pthread_join(slow->thread, NULL) == 0);
	return slow->result;
}

#define START(_fd, _hello) do { \
	if (slow_start(&self->slow, _fd, _hello) < 0) \
		SKIP(return, "no userfaultfd"); \
} while (0)

/* What every connection is like whose endpoint is gone */
static bool is_dead(const struct slow *slow)
{
	struct kdbus_cmd cmd = { .size = sizeof(cmd) };
	void *pool;

	pool = mmap(NULL, POOL_SIZE, PROT_READ, MAP_SHARED, slow->fd, 0);
	if (pool == MAP_FAILED || munmap(pool, POOL_SIZE) < 0)
		return false;
	return poll_now(slow->fd) == DEAD &&
	       cmd_run(slow->fd, KDBUS_CMD_BYEBYE, &cmd) == -ECONNRESET &&
	       cmd_run(slow->fd, KDBUS_CMD_UPDATE, &cmd) == -ECONNRESET &&
	       cmd_run(slow->fd, KDBUS_CMD_HELLO, slow->hello) == -EBADFD;
}

/* The end of the endpoint waits for nobody's memory. */
TEST_F(hello_slow, endpoint_ends_meanwhile)
{
	int ep = ep_new(self->d, "0-ep", NULL);
	struct slow *slow = &self->slow;

	ASSERT_LE(0, ep);
	START(open_ep(self->d, "0-ep"), hello_new(POOL_SIZE));
	close(ep);
	EXPECT_STREQ("", heard(&self->watcher));

	/* what was told is true: there was a connection, and it has ended */
	EXPECT_EQ(0, slow_finish(slow));
	EXPECT_EQ(0, slow->hello->return_flags);
	EXPECT_LT(self->watcher.id, slow->hello->id);
	EXPECT_EQ(32, slow->hello->items_size);
	EXPECT_TRUE(is_dead(slow));
	/* nobody else knows of it */
	EXPECT_STREQ("", heard(&self->watcher));
	EXPECT_EQ(-ENXIO, send_cookie(&self->watcher, slow->hello->id, 1));
	close(slow->fd);
	EXPECT_STREQ("", heard(&self->watcher));
}

TEST_F(hello_slow, bus_ends_meanwhile)
{
	static const __u64 flags[] = {
		0, MONITOR, HOLDER, KDBUS_HELLO_ACTIVATOR,
	};
	struct slow *slow = &self->slow;
	struct kdbus_cmd_hello *hello;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		hello = hello_new(POOL_SIZE);
		hello->flags = flags[i];
		if (i > 1)
			policy_add(hello, "org.a w:own");
		START(open_ep(self->d, "bus"), hello);
		close(self->bus);
		EXPECT_EQ(0, slow_finish(slow));
		EXPECT_TRUE(is_dead(slow)) {
			TH_LOG("flags %llx", flags[i]);
		}
		close(slow->fd);
		self->bus = policy_bus_new(self->d);
		ASSERT_LE(0, self->bus);
	}
}

/* Who says HELLO holds nobody up, and what he reserved is reserved. */
TEST_F(hello_slow, others_go_on_meanwhile)
{
	struct kdbus_cmd_hello *hello = hello_new(POOL_SIZE);
	struct slow *slow = &self->slow;
	struct conn other, act;

	hello->flags = KDBUS_HELLO_ACTIVATOR;
	policy_add(hello, "org.a w:talk");
	START(open_ep(self->d, "bus"), hello);
	EXPECT_EQ(-EEXIST, holder_new(&act, self->d, "org.a"));
	ASSERT_EQ(0, conn_hello(&other, open_ep(self->d, "bus"), POOL_SIZE));
	EXPECT_STREQ(id_event("ID_ADD", other.id, 0), heard(&self->watcher));
	/* it is not there yet */
	EXPECT_EQ(-ESRCH, send_to_name(&self->watcher, 0, "org.a", 1));
	EXPECT_STREQ("", listed(&self->watcher, KDBUS_LIST_ACTIVATORS));

	EXPECT_EQ(0, slow_finish(slow));
	EXPECT_STREQ(id_event("ID_ADD", slow->hello->id, KDBUS_HELLO_ACTIVATOR),
		     heard(&self->watcher));
	EXPECT_EQ(0, send_to_name(&self->watcher, 0, "org.a", 2));
	EXPECT_TRUE(poll_now(slow->fd) & POLLIN);
}

/* How many there are depends on the machine. */
#define N_ROUNDS	500
#define N_SECONDS	6
#define N_IDLE		300

struct crowd {
	const struct domain *d;
	const struct conn *conn;
	bool stop;
	unsigned int hellos;
};

/* An activator of the name comes and goes. */
static void *come_and_go(void *arg)
{
	struct crowd *crowd = arg;
	struct kdbus_cmd_hello *hello = hello_new(page_size());
	int fd, r;

	hello->flags = KDBUS_HELLO_ACTIVATOR;
	policy_add(hello, "org.a w:talk");
	while (!__atomic_load_n(&crowd->stop, __ATOMIC_RELAXED)) {
		fd = open_ep(crowd->d, "bus");
		r = cmd_run(fd, KDBUS_CMD_HELLO, hello);
		CHECK(r == 0 || r == -EEXIST);
		crowd->hellos += r == 0;
		close(fd);
	}
	return NULL;
}

/* holds up who wants to change something about the names of the bus */
static void *list(void *arg)
{
	struct crowd *crowd = arg;

	while (!__atomic_load_n(&crowd->stop, __ATOMIC_RELAXED))
		listed(crowd->conn, 0xf);
	return NULL;
}

/* HELLO that fails has written nothing but the flags. */
TEST_F(hello_slow, activator_of_the_name_ends_meanwhile)
{
	const time_t end = time(NULL) + N_SECONDS;
	struct crowd crowd = { .d = self->d, .conn = &self->watcher };
	struct kdbus_cmd_hello *hello;
	unsigned int i, refused = 0;
	pthread_t threads[2];
	int fd, r;

	/* so that a list takes its time */
	for (i = 0; i < N_IDLE; i++)
		ASSERT_EQ(0, cmd_run(open_ep(self->d, "bus"), KDBUS_CMD_HELLO,
				     hello_new(page_size())));
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, come_and_go, &crowd));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, list, &crowd));
	for (i = 0; i < N_ROUNDS && time(NULL) < end; i++) {
		fd = open_ep(self->d, "bus");
		hello = hello_new(page_size());
		hello->flags = KDBUS_HELLO_ACTIVATOR;
		policy_add(hello, "org.a w:talk");
		r = cmd_run(fd, KDBUS_CMD_HELLO, hello);
		if (r != -EEXIST)
			ASSERT_EQ(0, r);
		refused += r < 0;
		if (r < 0) {
			ASSERT_EQ(~0ULL, hello->id);
			ASSERT_EQ(~0ULL, hello->offset);
			ASSERT_EQ(0, hello->return_flags);
		}
		free(hello);
		close(fd);
	}
	__atomic_store_n(&crowd.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(threads[0], NULL));
	ASSERT_EQ(0, pthread_join(threads[1], NULL));
	TH_LOG("%u HELLOs, %u refused, %u of the other", i, refused,
	       crowd.hellos);
}

KDBUS_HARNESS_MAIN
