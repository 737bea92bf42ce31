// SPDX-License-Identifier: LGPL-2.1+
/*
 * HELLO and BYEBYE: making connections, how many, and ending them.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "kdbus_util.h"
#include "kdbus_harness.h"

#define MAX_CONNECTIONS 1024

FIXTURE(connection) {
	struct domain domain;
	struct domain *d;
	int bus;
	int fd;		/* a fresh endpoint */
};

FIXTURE_SETUP(connection)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	self->bus = bus_new(self->d, "0-bus", KDBUS_MAKE_ACCESS_WORLD);
	ASSERT_LE(0, self->bus);
	self->fd = open_endpoint(self->d, "0-bus");
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(connection)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

static int hello(int fd, struct kdbus_cmd_hello *hello)
{
	return cmd_run(fd, KDBUS_CMD_HELLO, hello);
}

TEST_F(connection, hello_fills_in_what_it_returns)
{
	struct kdbus_cmd_hello *h = hello_new(4 * page_size());
	static const __u8 no_id[16];

	h->flags = KDBUS_HELLO_ACCEPT_FD;
	h->attach_flags_send = _KDBUS_ATTACH_ANY;
	h->attach_flags_recv = KDBUS_ATTACH_NAMES;
	ASSERT_EQ(0, hello(self->fd, h));

	EXPECT_EQ(0, h->return_flags);
	EXPECT_EQ(KDBUS_MAKE_ACCESS_WORLD, h->bus_flags);
	EXPECT_LT(0, h->id);
	EXPECT_GT(1000, h->id);
	EXPECT_NE(0, memcmp(h->id128, no_id, sizeof(no_id)));
	EXPECT_EQ(32, h->items_size);

	/* and nothing else */
	EXPECT_EQ(sizeof(*h), h->size);
	EXPECT_EQ(KDBUS_HELLO_ACCEPT_FD, h->flags);
	EXPECT_EQ(_KDBUS_ATTACH_ANY, h->attach_flags_send);
	EXPECT_EQ(KDBUS_ATTACH_NAMES, h->attach_flags_recv);
	EXPECT_EQ(4 * page_size(), h->pool_size);
}

TEST_F(connection, failed_hello_fills_in_nothing)
{
	struct kdbus_cmd_hello *h = hello_new(page_size() + 8), before;

	before = *h;
	before.return_flags = 0;
	EXPECT_EQ(-EINVAL, hello(self->fd, h));
	EXPECT_EQ(0, memcmp(&before, h, sizeof(before)));
}

TEST_F(connection, hello_returns_the_bloom_parameters)
{
	struct kdbus_bloom_parameter bloom = { .size = 256, .n_hash = 11 };
	struct kdbus_cmd_hello *h = hello_new(page_size());
	struct kdbus_cmd *make = object_new(sizeof(*make));
	const struct kdbus_item *item;
	struct conn c;

	item_add_str(make, KDBUS_ITEM_MAKE_NAME, "0-other");
	item_add(make, KDBUS_ITEM_BLOOM_PARAMETER, &bloom, sizeof(bloom));
	ASSERT_EQ(0, cmd_run(open_control(self->d), KDBUS_CMD_BUS_MAKE, make));
	c.fd = open_endpoint(self->d, "0-other");
	ASSERT_EQ(0, hello(c.fd, h));
	c.pool = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, c.fd, 0);
	ASSERT_NE(MAP_FAILED, c.pool);

	ASSERT_EQ(0, h->offset % 8);
	ASSERT_GE(page_size() - 32, h->offset);
	item = (const void *)(c.pool + h->offset);
	EXPECT_EQ(32, h->items_size);
	EXPECT_EQ(32, item->size);
	EXPECT_EQ(KDBUS_ITEM_BLOOM_PARAMETER, item->type);
	EXPECT_EQ(256, item->bloom_parameter.size);
	EXPECT_EQ(11, item->bloom_parameter.n_hash);

	EXPECT_EQ(-ENXIO, conn_free(&c, h->offset + 8));
	EXPECT_EQ(0, conn_free(&c, h->offset));
	EXPECT_EQ(-ENXIO, conn_free(&c, h->offset));
}

TEST_F(connection, pool_size_is_a_number_of_pages)
{
	const __u64 page = page_size();
	const __u64 bad[] = {
		0, 1, 8, page - 8, page - 1, page + 1, page + 8,
		3 * page / 2, ~0ULL, 1ULL << 63 | 8, (1ULL << 32) + 8,
	};
	struct kdbus_cmd_hello *h;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, hello(self->fd, hello_new(bad[i]))) {
			TH_LOG("%llu bytes", bad[i]);
		}
	}
	h = hello_new(page);
	EXPECT_EQ(0, hello(self->fd, h));
}

TEST_F(connection, impossible_pools_are_refused)
{
	static const __u64 sizes[] = {
		1ULL << 62, 1ULL << 63, ~0ULL << 12, ~0ULL << 16,
	};
	unsigned int i;
	int r;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		r = hello(self->fd, hello_new(sizes[i]));
		EXPECT_GT(0, r);
		EXPECT_NE(-EFAULT, r);
	}
	EXPECT_EQ(0, hello(self->fd, hello_new(page_size())));
}

TEST_F(connection, attach_flags_are_known_ones)
{
	static const __u64 good[] = {
		0, 1, 0x10, 0x806, _KDBUS_ATTACH_ALL, _KDBUS_ATTACH_ANY,
	};
	static const __u64 bad[] = {
		0x4000, 0x7fff, 1ULL << 32, 1ULL << 63, ~0ULL >> 1, ~0ULL << 1,
	};
	struct kdbus_cmd_hello *h;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		h = hello_new(page_size());
		h->attach_flags_send = bad[i];
		EXPECT_EQ(-EINVAL, hello(self->fd, h)) {
			TH_LOG("send %llx", bad[i]);
		}
		h = hello_new(page_size());
		h->attach_flags_recv = bad[i];
		EXPECT_EQ(-EINVAL, hello(self->fd, h)) {
			TH_LOG("receive %llx", bad[i]);
		}
	}
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		h = hello_new(page_size());
		h->attach_flags_send = good[i];
		h->attach_flags_recv = good[i];
		EXPECT_EQ(0, hello(open_endpoint(self->d, "0-bus"), h)) {
			TH_LOG("%llx", good[i]);
		}
		EXPECT_EQ(good[i], h->attach_flags_send);
		EXPECT_EQ(good[i], h->attach_flags_recv);
	}
}

/* Buses and connections count together; nothing is used a second time. */
TEST_F(connection, ids_increase_in_a_domain)
{
	__u64 last = 0, first_bus, second_bus;
	struct conn c;
	int i, fd;

	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, conn_new(&c, self->d, "0-bus"));
		EXPECT_LT(last, c.id);
		last = c.id;
		if (i % 2)
			conn_close(&c);
	}
	first_bus = last;
	fd = bus_new(self->d, "0-other", 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, conn_new(&c, self->d, "0-other"));
	EXPECT_LT(first_bus + 1, c.id);
	second_bus = c.id;
	close(fd);
	fd = bus_new(self->d, "0-other", 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, conn_new(&c, self->d, "0-bus"));
	EXPECT_LT(second_bus + 1, c.id);
}

static int hello_described(int fd, const void *bytes, size_t size)
{
	struct kdbus_cmd_hello *h = hello_new(page_size());

	item_add(h, KDBUS_ITEM_CONN_DESCRIPTION, bytes, size);
	return hello(fd, h);
}

TEST_F(connection, description_follows_the_grammar)
{
	static const char *const good[] = {
		"a", "0", "_", "a-b.c_D9", "_-_",
	};
	static const char *const bad[] = {
		"", "-", ".", "-a", "a-", ".a", "a.", "a b", "a/b", "a\n",
		"\xc4", "caf\xc3\xa9", "a:b",
	};
	char name[65];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-EINVAL, hello_described(self->fd, bad[i],
						   strlen(bad[i]) + 1)) {
			TH_LOG("\"%s\"", bad[i]);
		}
	}
	EXPECT_EQ(-EINVAL, hello_described(self->fd, "", 0));
	EXPECT_EQ(-EINVAL, hello_described(self->fd, "a", 1));
	EXPECT_EQ(-EINVAL, hello_described(self->fd, "ab", 2));
	EXPECT_EQ(-EINVAL, hello_described(self->fd, "a\0b", 4));
	EXPECT_EQ(-EINVAL, hello_described(self->fd, "a\0", 3));

	memset(name, 'n', sizeof(name));
	name[64] = 0;
	EXPECT_EQ(-ENAMETOOLONG, hello_described(self->fd, name, 65));
	EXPECT_EQ(-EINVAL, hello_described(self->fd, name, 64));
	name[63] = 0;
	EXPECT_EQ(0, hello_described(self->fd, name, 64));
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		EXPECT_EQ(0, hello_described(open_endpoint(self->d, "0-bus"),
					     good[i], strlen(good[i]) + 1)) {
			TH_LOG("\"%s\"", good[i]);
		}
	}
}

TEST_F(connection, items_for_others_are_refused)
{
	struct kdbus_cmd_hello *h;

	/* only an activator or a policy holder has a name */
	h = hello_new(page_size());
	item_add_str(h, KDBUS_ITEM_NAME, "com.example");
	EXPECT_EQ(-EINVAL, hello(self->fd, h));

	h = hello_new(page_size());
	item_add_str(h, KDBUS_ITEM_CONN_DESCRIPTION, "one");
	item_add_str(h, KDBUS_ITEM_CONN_DESCRIPTION, "two");
	EXPECT_EQ(-EINVAL, hello(self->fd, h));

	/* the padding of an item does not matter, nor that it is missing */
	h = hello_new(page_size());
	item_add_str(h, KDBUS_ITEM_CONN_DESCRIPTION, "ab");
	memset((__u8 *)h + h->size, 0xff, 8);
	ASSERT_NE(0, h->size % 8);
	EXPECT_EQ(0, hello(self->fd, h));
}

TEST_F(connection, endpoint_of_a_dead_bus_makes_none)
{
	close(self->bus);
	EXPECT_EQ(-ESHUTDOWN, hello(self->fd, hello_new(page_size())));
	self->bus = bus_new(self->d, "0-bus", 0);
	ASSERT_LE(0, self->bus);
	EXPECT_EQ(-ESHUTDOWN, hello(self->fd, hello_new(page_size())));
	EXPECT_EQ(0, hello(open_endpoint(self->d, "0-bus"),
			   hello_new(page_size())));
}

/* return_flags can be written, what is behind them cannot. */
static struct kdbus_cmd_hello *hello_unwritable(void)
{
	struct kdbus_cmd_hello *h = hello_new(page_size());
	__u8 *border = two_pages(PROT_READ | PROT_WRITE,
				 PROT_READ | PROT_WRITE);

	border += page_size();
	memcpy(border - 24, h, sizeof(*h));
	if (mprotect(border, page_size(), PROT_READ) < 0)
		abort();
	return (void *)(border - 24);
}

TEST_F(connection, result_that_cannot_be_written_undoes_all)
{
	struct kdbus_cmd_hello *h = hello_unwritable();
	struct conn c, peer;
	__u64 id;
	int i;

	ASSERT_EQ(0, conn_new(&peer, self->d, "0-bus"));
	for (i = 0; i < 10; i++)
		EXPECT_EQ(-EFAULT, hello(self->fd, h));
	EXPECT_EQ(POLLERR | POLLHUP, poll_now(self->fd));
	for (id = 0; id < peer.id + 20; id++) {
		if (id == peer.id || id == KDBUS_DST_ID_NAME)
			continue;
		EXPECT_EQ(-ENXIO, send_cookie(&peer, id, 1));
	}
	EXPECT_EQ(0, conn_hello(&c, self->fd, page_size()));
	EXPECT_LT(peer.id, c.id);
	EXPECT_EQ(0, send_cookie(&peer, c.id, 1));
}

/* Returns how many connections could be made; up to n. */
static int connect_many(const struct domain *d, int n)
{
	int i, fd;

	for (i = 0; i < n; i++) {
		fd = open_endpoint(d, "0-bus");
		if (fd < 0)
			break;
		if (hello(fd, hello_new(page_size())) < 0) {
			close(fd);
			break;
		}
	}
	return i;
}

static int allow_files(void)
{
	struct rlimit limit = { 4096, 4096 };

	return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

/* takes long where each allocation is checked */
TEST_F(connection, user_has_at_most_1024)
{
	int other, pipes[2][2];
	char byte;
	pid_t pid;

	ASSERT_EQ(0, allow_files());
	ASSERT_EQ(0, pipe(pipes[0]));
	ASSERT_EQ(0, pipe(pipes[1]));
	/* nothing remains of these */
	EXPECT_EQ(-EFAULT, hello(self->fd, hello_unwritable()));
	EXPECT_EQ(-EINVAL, hello(self->fd, hello_new(0)));

	/* the half of them in another process */
	pid = fork_as(0, 0);
	if (pid == 0) {
		close(pipes[1][1]);
		CHECK(connect_many(self->d, MAX_CONNECTIONS / 2) ==
		      MAX_CONNECTIONS / 2);
		CHECK(write(pipes[0][1], "1", 1) == 1);
		CHECK(read(pipes[1][0], &byte, 1) == 0);
		_exit(0);
	}
	ASSERT_EQ(1, read(pipes[0][0], &byte, 1));
	EXPECT_EQ(MAX_CONNECTIONS / 2,
		  connect_many(self->d, MAX_CONNECTIONS / 2));
	EXPECT_EQ(-EMFILE, hello(self->fd, hello_new(page_size())));
	EXPECT_EQ(-EMFILE, hello(self->fd, hello_new(page_size())));

	/* who opened the endpoint is charged, not who says HELLO */
	ASSERT_EQ(0, setresuid(ALICE, ALICE, 0));
	EXPECT_EQ(-EMFILE, hello(self->fd, hello_new(page_size())));
	other = open_endpoint(self->d, "0-bus");
	ASSERT_LE(0, other);
	ASSERT_EQ(0, setresuid(0, 0, 0));
	EXPECT_EQ(0, hello(other, hello_new(page_size())));

	close(pipes[1][1]);
	EXPECT_EQ(0, child_wait(pid));
	EXPECT_EQ(0, hello(self->fd, hello_new(page_size())));
	EXPECT_EQ(MAX_CONNECTIONS / 2 - 1,
		  connect_many(self->d, MAX_CONNECTIONS / 2));
}

TEST_F(connection, byebye_waits_for_an_empty_queue)
{
	struct conn c;

	ASSERT_EQ(0, conn_hello(&c, self->fd, POOL_SIZE));
	ASSERT_EQ(0, send_cookie(&c, c.id, 1));
	ASSERT_EQ(0, send_cookie(&c, c.id, 2));
	EXPECT_EQ(-EBUSY, conn_byebye(&c));
	EXPECT_EQ(1, receive_cookie(&c));
	EXPECT_EQ(-EBUSY, conn_byebye(&c));
	EXPECT_EQ(0, send_cookie(&c, c.id, 3));
	EXPECT_EQ(2, receive_cookie(&c));
	EXPECT_EQ(3, receive_cookie(&c));
	EXPECT_EQ(0, conn_byebye(&c));
}

TEST_F(connection, byebye_does_not_wait_for_free)
{
	struct conn c;

	ASSERT_EQ(0, conn_hello(&c, self->fd, POOL_SIZE));
	ASSERT_EQ(0, send_cookie(&c, c.id, 1));
	ASSERT_NE(NULL, receive(&c));
	EXPECT_EQ(0, conn_byebye(&c));
}

TEST_F(connection, after_byebye_only_the_pool_is_left)
{
	const struct kdbus_msg *msg;
	struct conn c, peer;
	void *again;

	ASSERT_EQ(0, conn_hello(&c, self->fd, POOL_SIZE));
	ASSERT_EQ(0, conn_new(&peer, self->d, "0-bus"));
	ASSERT_EQ(0, send_cookie(&peer, c.id, 4711));
	msg = receive(&c);
	ASSERT_NE(NULL, msg);
	ASSERT_EQ(0, send_cookie(&c, peer.id, 5));
	ASSERT_EQ(0, conn_byebye(&c));

	EXPECT_EQ(-ECONNRESET, conn_byebye(&c));
	EXPECT_EQ(-ECONNRESET, conn_free(&c, msg_offset(&c, msg)));
	EXPECT_EQ(-ECONNRESET, conn_recv(&c, recv_new(0, 0)));
	EXPECT_EQ(-ECONNRESET, send_cookie(&c, peer.id, 1));
	EXPECT_EQ(-EBADFD, hello(c.fd, hello_new(POOL_SIZE)));
	EXPECT_EQ(POLLERR | POLLHUP, poll_now(c.fd));
	EXPECT_EQ(-ENXIO, send_cookie(&peer, c.id, 1));

	EXPECT_EQ(4711, msg->cookie);
	again = mmap(NULL, POOL_SIZE, PROT_READ, MAP_SHARED, c.fd, 0);
	ASSERT_NE(MAP_FAILED, again);
	EXPECT_EQ(0, memcmp(again, c.pool, page_size()));

	/* what it sent before stays with the receiver */
	EXPECT_EQ(5, receive_cookie(&peer));
}

KDBUS_HARNESS_MAIN
