// SPDX-License-Identifier: LGPL-2.1+
/*
 * Memory that a pool does not need any more goes back to the system.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kdbus_util.h"
#include "kdbus_harness.h"

#define BIG_POOL	(16 * MiB)
#define BIG		(2 * MiB)

/* What stays in any case: the low end of a pool, and pages that are shared */
#define KEPT		(256 * 1024UL + 16 * 4096)

FIXTURE(pool_trim) {
	struct domain domain;
	struct conn c;
	struct conn peer;
};

FIXTURE_SETUP(pool_trim)
{
	ASSERT_EQ(0, domain_enter(&self->domain));
	ASSERT_LE(0, bus_new(&self->domain, "0-bus", 0));
	ASSERT_EQ(0, conn_new_sized(&self->c, &self->domain, "0-bus",
				    BIG_POOL));
	ASSERT_EQ(0, conn_new(&self->peer, &self->domain, "0-bus"));
}

FIXTURE_TEARDOWN(pool_trim)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

/* Bytes in memory of a part of the pool */
static size_t resident(const struct conn *c, size_t offset, size_t size)
{
	size_t page = page_size(), first = offset / page;
	size_t n = (offset + size + page - 1) / page - first, i, sum = 0;
	unsigned char *pages = calloc(1, n);

	if (mincore((void *)(c->pool + first * page), n * page, pages) < 0)
		return ~0UL;
	for (i = 0; i < n; i++)
		sum += pages[i] & 1 ? page : 0;
	free(pages);
	return sum;
}

/* Deliver a message of that many equal bytes and return where it is. */
static __u64 put(const struct conn *src, const struct conn *dst, __u8 byte,
		 size_t size)
{
	__u8 *bytes = malloc(size);
	const struct kdbus_msg *msg;
	int r;

	memset(bytes, byte, size);
	r = send_bytes(src, dst->id, byte, bytes, size);
	free(bytes);
	msg = r < 0 ? NULL : receive(dst);
	return msg ? msg_offset(dst, msg) : ~0ULL;
}

static bool is_intact(const struct conn *c, __u64 offset, __u8 byte,
		      size_t size)
{
	const struct kdbus_msg *msg = msg_at(c, offset);
	const __u8 *data = (const __u8 *)msg + msg->items[0].vec.offset;
	size_t i;

	if (msg->cookie != byte || msg->items[0].vec.size != size)
		return false;
	for (i = 0; i < size; i++)
		if (data[i] != byte)
			return false;
	return true;
}

static bool shrinks_to(const struct conn *c, size_t limit)
{
	unsigned int i;

	for (i = 0; i < 600; i++) {
		if (resident(c, 0, BIG_POOL) <= limit)
			return true;
		usleep(100000);
	}
	return false;
}

TEST_F(pool_trim, free_stretches_are_given_back)
{
	const struct conn *a = &self->peer, *c = &self->c;
	__u64 at[3], small[2], kept;
	unsigned int i;

	at[0] = put(a, c, 1, BIG);
	small[0] = put(a, c, 2, 100);
	at[1] = put(a, c, 3, BIG);
	kept = put(a, c, 4, BIG);
	small[1] = put(a, c, 5, 100);
	at[2] = put(a, c, 6, BIG);
	ASSERT_NE(~0ULL, at[2]);
	EXPECT_LE(4 * BIG, resident(c, 0, BIG_POOL));

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, conn_free(c, at[i]));
	EXPECT_TRUE(shrinks_to(c, BIG + KEPT));

	/* what is in use stays, up to the last byte of shared pages */
	EXPECT_LE(BIG, resident(c, kept, BIG));
	EXPECT_TRUE(is_intact(c, small[0], 2, 100));
	EXPECT_TRUE(is_intact(c, kept, 4, BIG));
	EXPECT_TRUE(is_intact(c, small[1], 5, 100));

	/* the room can be used again, and is given back again */
	for (i = 0; i < 3; i++) {
		at[i] = put(a, c, 7 + i, BIG);
		ASSERT_NE(~0ULL, at[i]);
	}
	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(is_intact(c, at[i], 7 + i, BIG));
		ASSERT_EQ(0, conn_free(c, at[i]));
	}
	ASSERT_EQ(0, conn_free(c, kept));
	EXPECT_TRUE(shrinks_to(c, KEPT));
	EXPECT_TRUE(is_intact(c, small[0], 2, 100));
	EXPECT_TRUE(is_intact(c, small[1], 5, 100));
}

/* It makes no difference who frees the slice. */
TEST_F(pool_trim, what_is_dropped_is_given_back)
{
	struct kdbus_cmd_recv *recv = recv_new(KDBUS_RECV_DROP, 0);
	const struct conn *a = &self->peer, *c = &self->c;
	__u8 *bytes = calloc(1, BIG);

	ASSERT_EQ(0, send_bytes(a, c->id, 1, bytes, BIG));
	EXPECT_LE(BIG, resident(c, 0, BIG_POOL));
	ASSERT_EQ(0, conn_recv(c, recv));
	EXPECT_TRUE(shrinks_to(c, KEPT));
}

/* Messages that come and go while memory is given back are whole. */
TEST_F(pool_trim, pool_stays_usable_meanwhile)
{
	const struct conn *a = &self->peer, *c = &self->c;
	unsigned int i, round;
	__u64 at[4];

	for (round = 0; round < 8; round++) {
		for (i = 0; i < 4; i++) {
			at[i] = put(a, c, 1 + i, BIG);
			ASSERT_NE(~0ULL, at[i]);
		}
		for (i = 0; i < 4; i++) {
			EXPECT_TRUE(is_intact(c, at[i], 1 + i, BIG));
			ASSERT_EQ(0, conn_free(c, at[i]));
		}
		/* about when it begins */
		usleep(950000 + round * 20000);
	}
	EXPECT_TRUE(shrinks_to(c, KEPT));
}

KDBUS_HARNESS_MAIN
