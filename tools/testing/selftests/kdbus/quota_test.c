// SPDX-License-Identifier: LGPL-2.1+
/*
 * Quota: how much of the queue of a receiver one user may take.
 */

#include <errno.h>
#include <stdlib.h>

#include "kdbus_util.h"
#include "kdbus_harness.h"

#define MAX_MESSAGES	256

FIXTURE(quota) {
	struct domain domain;
	struct domain *d;
	struct conn dst;	/* opened by Alice, as is the next */
	struct conn alice;
	struct conn root;
};

/* Opened by that user; the process stays root. */
static int conn_new_as(struct conn *c, const struct domain *d, uid_t uid,
		       size_t pool_size)
{
	int r;

	if (setresuid(uid, uid, 0) < 0)
		return -errno;
	r = conn_new_sized(c, d, "0-bus", pool_size);
	return setresuid(0, 0, 0) < 0 ? -errno : r;
}

/* Root owns the bus, so that it may send to everyone as whoever. */
FIXTURE_SETUP(quota)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, conn_new_as(&self->dst, self->d, ALICE, POOL_SIZE));
	ASSERT_EQ(0, conn_new_as(&self->alice, self->d, ALICE, POOL_SIZE));
	ASSERT_EQ(0, conn_new_as(&self->root, self->d, 0, POOL_SIZE));
}

FIXTURE_TEARDOWN(quota)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

static int send_as(const struct conn *src, uid_t uid, const struct conn *dst,
		   size_t slice)
{
	__u8 *bytes = calloc(1, slice);
	int r;

	if (setresuid(uid, uid, 0) < 0)
		return -errno;
	if (slice == 64)
		r = send_cookie(src, dst->id, 1);
	else
		r = send_bytes(src, dst->id, 1, bytes, slice - 96);
	free(bytes);
	return setresuid(0, 0, 0) < 0 ? -errno : r;
}

/* How many slices of this size can be queued, and what stops it */
static unsigned int fill_as(const struct conn *src, uid_t uid,
			    const struct conn *dst, size_t slice, int *error)
{
	unsigned int n;

	for (n = 0; ; n++) {
		*error = send_as(src, uid, dst, slice);
		if (*error < 0)
			return n;
	}
}

/*
 * How many slices a user may have queued, when others already have some: one
 * third of what the others leave of the first half of the pool.
 */
static unsigned int expected(size_t pool, __u64 others, __u64 slice)
{
	__u64 own = 0, all, limit;
	unsigned int n;

	for (n = 0; n < MAX_MESSAGES; n++) {
		all = others + own;
		if (pool / 2 < all)
			break;
		limit = (pool / 2 - all + own) / 3;
		if (limit < own || limit - own < slice)
			break;
		own += slice;
	}
	return n;
}

TEST_F(quota, user_has_at_most_256_messages)
{
	unsigned int i;
	int error;

	EXPECT_EQ(MAX_MESSAGES, fill_as(&self->alice, ALICE, &self->dst, 64,
					&error));
	EXPECT_EQ(-ENOBUFS, error);

	/* one out, one in */
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(1, receive_cookie(&self->dst));
		EXPECT_EQ(0, send_as(&self->alice, ALICE, &self->dst, 64));
		EXPECT_EQ(-ENOBUFS, send_as(&self->alice, ALICE, &self->dst,
					    64));
	}
	for (i = 0; i < MAX_MESSAGES; i++)
		EXPECT_EQ(1, receive_cookie(&self->dst));
	EXPECT_EQ(0, receive_cookie(&self->dst));
}

TEST_F(quota, user_has_a_third_of_half_the_pool)
{
	static const size_t slices[] = {
		1000, 4096, 8192, 10000, 16384, 58248, 87376, 87384, 174760,
		174768,
	};
	unsigned int i, n;
	int error;

	for (i = 0; i < ARRAY_SIZE(slices); i++) {
		n = fill_as(&self->alice, ALICE, &self->dst, slices[i],
			    &error);
		EXPECT_EQ(expected(POOL_SIZE, 0, slices[i]), n) {
			TH_LOG("%zu bytes", slices[i]);
		}
		EXPECT_EQ(-ENOBUFS, error);
		while (n--)
			EXPECT_EQ(1, receive_cookie(&self->dst));
		EXPECT_EQ(0, receive_cookie(&self->dst));
	}
}

TEST_F(quota, each_user_has_an_account)
{
	const size_t slice = 10000;
	unsigned int n;
	int error;

	n = fill_as(&self->alice, ALICE, &self->dst, slice, &error);
	EXPECT_EQ(expected(POOL_SIZE, 0, slice), n);
	EXPECT_EQ(-ENOBUFS, error);
	EXPECT_EQ(expected(POOL_SIZE, n * slice, slice),
		  fill_as(&self->root, 0, &self->dst, slice, &error));
	EXPECT_EQ(-ENOBUFS, error);
	EXPECT_EQ(-ENOBUFS, send_as(&self->alice, ALICE, &self->dst, slice));
}

/*
 * One connection that queues all it can does not block the others of its user:
 * each gets one message of up to a sixteenth of the share through.
 */
TEST_F(quota, siblings_get_one_message_through)
{
	const size_t share = POOL_SIZE / 2 / 3, part = share / 16 & ~7UL;
	struct conn siblings[3];
	unsigned int i, n, round;
	int error;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, conn_new_as(&siblings[i], self->d, ALICE,
					 POOL_SIZE));

	for (round = 0; round < 2; round++) {
		/* by bytes, then by number */
		n = fill_as(&self->alice, ALICE, &self->dst,
			    round ? 64 : 10000, &error);
		EXPECT_EQ(-ENOBUFS, error);
		while (!round && send_as(&self->alice, ALICE, &self->dst,
					 64) == 0)
			n++;

		for (i = 0; i < 3; i++) {
			EXPECT_EQ(-ENOBUFS, send_as(&siblings[i], ALICE,
						    &self->dst, part + 8));
			EXPECT_EQ(0, send_as(&siblings[i], ALICE, &self->dst,
					     part));
			EXPECT_EQ(-ENOBUFS, send_as(&siblings[i], ALICE,
						    &self->dst, 64));
		}
		EXPECT_EQ(-ENOBUFS, send_as(&self->alice, ALICE, &self->dst,
					    64));

		/* still full, but that sibling has nothing queued again */
		for (i = 0; i < n + 1; i++)
			EXPECT_EQ(1, receive_cookie(&self->dst));
		EXPECT_LE(0, (int)fill_as(&self->alice, ALICE, &self->dst,
					  round ? 64 : 10000, &error));
		while (send_as(&self->alice, ALICE, &self->dst, 64) == 0)
			;
		EXPECT_EQ(-ENOBUFS, send_as(&siblings[1], ALICE, &self->dst,
					    64));
		EXPECT_EQ(0, send_as(&siblings[0], ALICE, &self->dst, 64));

		while (receive_cookie(&self->dst))
			;
	}
}

/* Whom the connection belongs to counts, not who sends through it. */
TEST_F(quota, who_opened_the_endpoint_is_charged)
{
	int error;

	EXPECT_EQ(MAX_MESSAGES, fill_as(&self->root, 0, &self->dst, 64,
					&error));
	EXPECT_EQ(-ENOBUFS, error);
	EXPECT_EQ(-ENOBUFS, send_as(&self->root, ALICE, &self->dst, 64));
	EXPECT_EQ(0, send_as(&self->alice, ALICE, &self->dst, 64));
}

TEST_F(quota, each_receiver_has_its_accounts)
{
	struct conn other;
	int error;

	ASSERT_EQ(0, conn_new_as(&other, self->d, ALICE, POOL_SIZE));
	fill_as(&self->alice, ALICE, &self->dst, 64, &error);
	EXPECT_EQ(-ENOBUFS, error);
	EXPECT_EQ(MAX_MESSAGES, fill_as(&self->alice, ALICE, &other, 64,
					&error));
}

/* What was received is not queued any more, though it still takes its room. */
TEST_F(quota, received_messages_are_not_charged)
{
	const size_t slice = 10000;
	unsigned int i, n;
	int error;

	n = fill_as(&self->alice, ALICE, &self->dst, slice, &error);
	for (i = 0; i < n; i++)
		ASSERT_NE(NULL, receive(&self->dst));
	EXPECT_EQ(n, fill_as(&self->alice, ALICE, &self->dst, slice, &error));
	EXPECT_EQ(-ENOBUFS, error);
}

TEST_F(quota, dropped_messages_are_not_charged)
{
	struct kdbus_cmd_recv *recv;
	unsigned int i;
	int error;

	fill_as(&self->alice, ALICE, &self->dst, 64, &error);
	for (i = 0; i < MAX_MESSAGES; i++) {
		recv = recv_new(KDBUS_RECV_DROP, 0);
		ASSERT_EQ(0, conn_recv(&self->dst, recv));
		free(recv);
	}
	EXPECT_EQ(MAX_MESSAGES, fill_as(&self->alice, ALICE, &self->dst, 64,
					&error));
}

TEST_F(quota, peeked_messages_are_charged)
{
	struct kdbus_cmd_recv *recv = recv_new(KDBUS_RECV_PEEK, 0);
	int error;

	fill_as(&self->alice, ALICE, &self->dst, 64, &error);
	ASSERT_EQ(0, conn_recv(&self->dst, recv));
	EXPECT_EQ(-ENOBUFS, send_as(&self->alice, ALICE, &self->dst, 64));
	ASSERT_EQ(0, conn_free(&self->dst, recv->msg.offset));
	EXPECT_EQ(-ENOBUFS, send_as(&self->alice, ALICE, &self->dst, 64));
}

TEST_F(quota, messages_of_the_dead_stay_charged)
{
	struct conn other;
	int error;

	fill_as(&self->alice, ALICE, &self->dst, 64, &error);
	conn_close(&self->alice);
	ASSERT_EQ(0, conn_new_as(&other, self->d, ALICE, POOL_SIZE));
	EXPECT_EQ(1, receive_cookie(&self->dst));
	EXPECT_EQ(0, send_as(&other, ALICE, &self->dst, 64));
}

TEST_F(quota, refused_messages_are_not_charged)
{
	struct kdbus_msg *bad = msg_new(self->dst.id, 1);
	unsigned int i;
	int error;

	item_add_vec(bad, (void *)8, 100);
	for (i = 0; i < 2 * MAX_MESSAGES; i++) {
		EXPECT_EQ(-EFAULT, msg_send(&self->root, bad));
		EXPECT_EQ(-ENOBUFS, send_as(&self->root, 0, &self->dst,
					    POOL_SIZE / 4));
	}
	EXPECT_EQ(MAX_MESSAGES, fill_as(&self->root, 0, &self->dst, 64,
					&error));
}

/* With the pool that clients use: 2 MiB go through once, not twice. */
TEST_F(quota, large_messages_leave_room_for_others)
{
	const size_t slice = 96 + 2 * MiB;
	struct conn big;

	ASSERT_EQ(0, conn_new_as(&big, self->d, ALICE, 16 * MiB));
	EXPECT_EQ(0, send_as(&self->alice, ALICE, &big, slice));
	EXPECT_EQ(-ENOBUFS, send_as(&self->alice, ALICE, &big, slice));
	EXPECT_EQ(0, send_as(&self->root, 0, &big, 96 + MiB));
	EXPECT_EQ(0, send_as(&self->alice, ALICE, &big, 96 + 10000));
}

KDBUS_HARNESS_MAIN
