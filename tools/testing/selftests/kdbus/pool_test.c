// SPDX-License-Identifier: LGPL-2.1+
/*
 * The pool: how it can be mapped, and who may free what when.
 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kdbus_util.h"
#include "kdbus_harness.h"

FIXTURE(pool) {
	struct domain domain;
	struct domain *d;
	struct conn c;
	struct conn peer;
};

FIXTURE_SETUP(pool)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	ASSERT_EQ(0, conn_new(&self->c, self->d, "0-bus"));
	ASSERT_EQ(0, conn_new(&self->peer, self->d, "0-bus"));
}

FIXTURE_TEARDOWN(pool)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

static int try_map(const struct conn *c, size_t size, int prot, int flags,
		   off_t offset)
{
	void *map = mmap(NULL, size, prot, flags, c->fd, offset);

	if (map == MAP_FAILED)
		return -errno;
	munmap(map, size);
	return 0;
}

TEST_F(pool, mapping_is_never_writable)
{
	const int flags[] = { MAP_SHARED, MAP_PRIVATE };
	const struct conn *c = &self->c;
	const size_t page = page_size();
	unsigned int i;
	void *map;

	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-EPERM, try_map(c, page, PROT_WRITE, flags[i], 0));
		EXPECT_EQ(-EPERM, try_map(c, page, PROT_READ | PROT_WRITE,
					  flags[i], 0));
		EXPECT_EQ(0, try_map(c, page, PROT_READ, flags[i], 0));

		map = mmap(NULL, page, PROT_READ, flags[i], c->fd, 0);
		ASSERT_NE(MAP_FAILED, map);
		EXPECT_EQ(-1, mprotect(map, page, PROT_READ | PROT_WRITE));
		EXPECT_EQ(EACCES, errno);
		EXPECT_EQ(0, mprotect(map, page, PROT_NONE));
		EXPECT_EQ(-1, mprotect(map, page, PROT_WRITE));
		EXPECT_EQ(0, mprotect(map, page, PROT_READ));
	}
}

TEST_F(pool, mapping_is_not_longer_than_the_pool)
{
	const struct conn *c = &self->c;
	const size_t page = page_size();

	EXPECT_EQ(0, try_map(c, 1, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(0, try_map(c, page, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(0, try_map(c, POOL_SIZE - page, PROT_READ, MAP_SHARED, page));
	EXPECT_EQ(0, try_map(c, POOL_SIZE, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(-EFAULT, try_map(c, POOL_SIZE + 1, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(-EFAULT, try_map(c, POOL_SIZE + page, PROT_READ, MAP_SHARED,
				   0));
	EXPECT_EQ(-EFAULT, try_map(c, 2 * POOL_SIZE, PROT_READ, MAP_PRIVATE,
				   0));
}

TEST_F(pool, mapping_shows_what_arrives_later)
{
	const int flags[] = { MAP_SHARED, MAP_PRIVATE };
	const struct kdbus_msg *msg;
	const __u8 *maps[2], *last;
	unsigned int i;
	__u64 offset;

	for (i = 0; i < 2; i++) {
		maps[i] = mmap(NULL, POOL_SIZE, PROT_READ, flags[i],
			       self->c.fd, 0);
		ASSERT_NE(MAP_FAILED, maps[i]);
	}
	ASSERT_EQ(0, send_bytes(&self->peer, self->c.id, 1, "hello", 6));
	msg = receive(&self->c);
	ASSERT_NE(NULL, msg);
	offset = msg_offset(&self->c, msg);
	for (i = 0; i < 2; i++)
		EXPECT_STREQ("hello", (char *)maps[i] + offset + 96);

	/* also through a window that does not start at the beginning */
	last = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, self->c.fd,
		    POOL_SIZE - page_size());
	ASSERT_NE(MAP_FAILED, last);
	EXPECT_EQ(0, memcmp(last, self->c.pool + POOL_SIZE - page_size(),
			    page_size()));
}

TEST_F(pool, nothing_is_behind_the_end)
{
	const volatile __u8 *map;
	pid_t pid;

	map = mmap(NULL, 2 * page_size(), PROT_READ, MAP_SHARED, self->c.fd,
		   POOL_SIZE - page_size());
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, map[page_size() - 1]);
	pid = fork_as(0, 0);
	if (pid == 0)
		_exit(map[page_size()]);
	EXPECT_EQ(-SIGBUS, child_wait(pid));
}

TEST_F(pool, mapping_outlives_the_connection)
{
	const struct kdbus_msg *msg;

	ASSERT_EQ(0, send_bytes(&self->peer, self->c.id, 99, "hello", 6));
	msg = receive(&self->c);
	ASSERT_NE(NULL, msg);
	close(self->c.fd);
	EXPECT_EQ(99, msg->cookie);
	EXPECT_STREQ("hello", (char *)msg + 96);
}

static bool is_in_maps(const char *name)
{
	FILE *file = fopen("/proc/self/maps", "re");
	bool found = false;
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		found |= !!strstr(line, name);
	if (file)
		fclose(file);
	return found;
}

TEST_F(pool, mapping_has_the_name_of_the_connection)
{
	struct kdbus_cmd_hello *h = hello_new(page_size());
	int fd = open_endpoint(self->d, "0-bus");

	EXPECT_TRUE(is_in_maps("kdbus-conn"));
	EXPECT_FALSE(is_in_maps("kdbus-conn:"));
	item_add_str(h, KDBUS_ITEM_CONN_DESCRIPTION, "some.body");
	ASSERT_EQ(0, cmd_run(fd, KDBUS_CMD_HELLO, h));
	ASSERT_NE(MAP_FAILED, mmap(NULL, page_size(), PROT_READ, MAP_SHARED,
				   fd, 0));
	EXPECT_TRUE(is_in_maps("kdbus-conn:some.body"));
}

TEST_F(pool, only_what_was_returned_can_be_freed)
{
	struct conn *c = &self->c;
	__u64 offset;

	/* the first message goes to the start of an empty pool */
	ASSERT_EQ(0, send_bytes(&self->peer, c->id, 1, "bytes", 5));
	EXPECT_EQ(-ENXIO, conn_free(c, 0));
	offset = msg_offset(c, receive(c));
	ASSERT_EQ(0, offset);

	EXPECT_EQ(-ENXIO, conn_free(c, offset + 8));
	EXPECT_EQ(-ENXIO, conn_free(c, offset + 1));
	EXPECT_EQ(-ENXIO, conn_free(c, offset + 64));
	EXPECT_EQ(-ENXIO, conn_free(c, offset + 104));
	EXPECT_EQ(-ENXIO, conn_free(c, POOL_SIZE - 8));
	EXPECT_EQ(-ENXIO, conn_free(c, POOL_SIZE + 8));
	EXPECT_EQ(-ENXIO, conn_free(c, ~0ULL));
	EXPECT_EQ(-ENXIO, conn_free(c, offset + (1ULL << 32)));
	EXPECT_EQ(-ENXIO, conn_free(c, POOL_SIZE + (1ULL << 32)));
	EXPECT_EQ(0, conn_free(c, offset));
	EXPECT_EQ(-ENXIO, conn_free(c, offset));

	/* where RECV says there is nothing */
	EXPECT_EQ(0, conn_free(c, POOL_SIZE));
	EXPECT_EQ(0, conn_free(c, POOL_SIZE));
}

/* Where RECV with these flags puts the message */
static __u64 recv_offset(const struct conn *c, __u64 flags)
{
	struct kdbus_cmd_recv *recv = recv_new(flags, 0);
	__u64 offset = conn_recv(c, recv) < 0 ? ~0ULL : recv->msg.offset;

	free(recv);
	return offset;
}

TEST_F(pool, peeked_message_is_freed_and_stays)
{
	struct conn *c = &self->c;
	__u64 offset;

	ASSERT_EQ(0, send_cookie(&self->peer, c->id, 1));
	offset = recv_offset(c, KDBUS_RECV_PEEK);
	EXPECT_EQ(0, conn_free(c, offset));
	EXPECT_EQ(-ENXIO, conn_free(c, offset));
	EXPECT_EQ(offset, recv_offset(c, KDBUS_RECV_PEEK));
	EXPECT_EQ(offset, recv_offset(c, KDBUS_RECV_PEEK));
	EXPECT_EQ(0, conn_free(c, offset));
	EXPECT_EQ(-ENXIO, conn_free(c, offset));
	EXPECT_EQ(offset, recv_offset(c, 0));
	EXPECT_EQ(1, msg_at(c, offset)->cookie);
	EXPECT_EQ(0, conn_free(c, offset));
	EXPECT_EQ(-ENXIO, conn_free(c, offset));
}

TEST_F(pool, dropped_message_is_free_unless_peeked)
{
	struct conn *c = &self->c;
	__u64 offset;

	ASSERT_EQ(0, send_cookie(&self->peer, c->id, 1));
	EXPECT_EQ(POOL_SIZE, recv_offset(c, KDBUS_RECV_DROP));
	EXPECT_EQ(-ENXIO, conn_free(c, 0));

	ASSERT_EQ(0, send_cookie(&self->peer, c->id, 2));
	offset = recv_offset(c, KDBUS_RECV_PEEK);
	ASSERT_EQ(0, offset);
	EXPECT_EQ(POOL_SIZE, recv_offset(c, KDBUS_RECV_DROP));

	/* still in use, so the next one goes elsewhere */
	EXPECT_EQ(2, msg_at(c, offset)->cookie);
	ASSERT_EQ(0, send_cookie(&self->peer, c->id, 3));
	EXPECT_NE(offset, recv_offset(c, 0));
	EXPECT_EQ(2, msg_at(c, offset)->cookie);
	EXPECT_EQ(0, conn_free(c, offset));
	EXPECT_EQ(-ENXIO, conn_free(c, offset));
}

/* Of a size that, with its header, makes a slice of this many bytes */
static __u64 put(struct conn *src, struct conn *dst, size_t size)
{
	__u8 *bytes = calloc(1, size);
	const struct kdbus_msg *msg = NULL;

	if (send_bytes(src, dst->id, size, bytes, size - 96) == 0)
		msg = receive(dst);
	free(bytes);
	return msg ? msg_offset(dst, msg) : ~0ULL;
}

TEST_F(pool, smallest_gap_that_fits_is_used)
{
	struct conn *a = &self->peer, *c = &self->c;
	static const size_t sizes[] = {
		400, 104, 800, 104, 200, 104, 208, 104,
	};
	__u64 at[ARRAY_SIZE(sizes)], expected = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		at[i] = put(a, c, sizes[i]);
		EXPECT_EQ(expected, at[i]);
		expected += sizes[i];
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i += 2)
		ASSERT_EQ(0, conn_free(c, at[i]));

	/* exactly, then the low part of what is a little larger */
	EXPECT_EQ(at[4], put(a, c, 200));
	EXPECT_EQ(at[6], put(a, c, 160));
	EXPECT_EQ(at[0], put(a, c, 200));
	EXPECT_EQ(at[0] + 200, put(a, c, 200));
	EXPECT_EQ(at[2], put(a, c, 792));
	EXPECT_EQ(expected, put(a, c, 200));
}

TEST_F(pool, neighbouring_gaps_become_one)
{
	static const int orders[][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
		{ 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	struct conn *a = &self->peer, *c = &self->c;
	__u64 at[4], base = 0;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		for (j = 0; j < 4; j++)
			at[j] = put(a, c, 1000);
		EXPECT_EQ(base, at[0]);
		for (j = 0; j < 3; j++)
			ASSERT_EQ(0, conn_free(c, at[orders[i][j]]));
		EXPECT_EQ(at[0], put(a, c, 3000));
		/* what is behind is free up to the end of the pool */
		base += 4000;
	}
}

/* Half of the pool is there for what was received; no quota in the way. */
static unsigned int fill(struct conn *src, struct conn *dst, size_t size,
			 __u64 *offsets, unsigned int max)
{
	unsigned int n;

	for (n = 0; n < max; n++) {
		offsets[n] = put(src, dst, size);
		if (offsets[n] == ~0ULL)
			break;
	}
	return n;
}

TEST_F(pool, full_pool_refuses_and_recovers)
{
	struct conn *a = &self->peer, *c = &self->c;
	__u64 offsets[1100];
	unsigned int i, n, round;
	__u8 bytes[1024 - 96] = { 0 };

	for (round = 0; round < 3; round++) {
		n = fill(a, c, 1024, offsets, ARRAY_SIZE(offsets));
		EXPECT_EQ(POOL_SIZE / 1024, n);
		/* none of the failures may be charged to anyone */
		for (i = 0; i < 300; i++)
			EXPECT_EQ(-EXFULL, send_bytes(a, c->id, 1, bytes,
						      sizeof(bytes)));
		EXPECT_EQ(0, receive_cookie(c));

		/* scattered gaps are not one that is large enough */
		for (i = 0; i < n; i += 2)
			ASSERT_EQ(0, conn_free(c, offsets[i]));
		EXPECT_EQ(~0ULL, put(a, c, 1032));
		EXPECT_EQ(offsets[0], put(a, c, 1024));
		ASSERT_EQ(0, conn_free(c, offsets[0]));
		for (i = 1; i < n; i += 2)
			ASSERT_EQ(0, conn_free(c, offsets[i]));
	}
	/* all in one piece again: as much as one message may take */
	EXPECT_EQ(0, put(a, c, 96 + 170000));
}

TEST_F(pool, any_mixture_of_sizes)
{
	struct conn *a = &self->peer, *c = &self->c;
	unsigned int i, j, random = 1, n = 0;
	struct { __u64 at, size; } used[200];
	__u64 at, size;

	for (i = 0; i < 1500; i++) {
		random = random * 1103515245 + 12345;
		if (n < 200 && (random >> 20 & 3)) {
			size = 104 + (random >> 16 & 0x7ff) * 8;
			at = put(a, c, size);
			if (at == ~0ULL)
				continue;
			EXPECT_EQ(0, at % 8);
			EXPECT_GE(POOL_SIZE, at + size);
			for (j = 0; j < n; j++) {
				EXPECT_TRUE(at + size <= used[j].at ||
					    used[j].at + used[j].size <= at);
			}
			/* put() made the size the cookie */
			EXPECT_EQ(size, msg_at(c, at)->cookie);
			used[n].at = at;
			used[n++].size = size;
		} else if (n) {
			j = (random >> 16) % n;
			EXPECT_EQ(used[j].size, msg_at(c, used[j].at)->cookie);
			ASSERT_EQ(0, conn_free(c, used[j].at));
			used[j] = used[--n];
		}
	}
	while (n)
		ASSERT_EQ(0, conn_free(c, used[--n].at));
	EXPECT_EQ(0, put(a, c, 96 + 170000));
}

KDBUS_HARNESS_MAIN
