// SPDX-License-Identifier: LGPL-2.1+
/*
 * Room at a receiver: which lack is told first, and that whatever fails, or
 * ends, takes none.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>

#include "recv_util.h"
#include "kdbus_harness.h"

/* more often than there are messages or descriptors that fit */
#define OFTEN	(MAX_QUEUED + 20)

FIXTURE(room) {
	struct domain domain;
	struct domain *d;
	struct conn a;
	struct conn dst;	/* takes descriptors */
	struct conn plain;
	struct room at_dst;
	struct room at_plain;
	struct room at_a;
};

FIXTURE_SETUP(room)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->a, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->dst, self->d, ACCEPT_FD));
	ASSERT_EQ(0, peer_new(&self->plain, self->d, 0));
	ASSERT_EQ(0, room_measure(&self->a, &self->dst, &self->at_dst));
	ASSERT_EQ(0, room_measure(&self->a, &self->plain, &self->at_plain));
	ASSERT_EQ(0, room_measure(&self->dst, &self->a, &self->at_a));
	EXPECT_EQ(MAX_QUEUED, self->at_dst.msgs);
	EXPECT_EQ(MAX_FDS, self->at_dst.fds);
	EXPECT_EQ(0, self->at_plain.fds);
	/* a third of half the pool, less header, item and timestamp */
	EXPECT_LT(POOL_SIZE / 6 - 200, self->at_dst.bytes);
	EXPECT_GT(POOL_SIZE / 6, self->at_dst.bytes);
}

/* Nothing is missing, and there is nothing that should not be. */
#define EXPECT_ROOM(_src, _dst, _room) do { \
	struct room _now = {}; \
	EXPECT_EQ(0, drain(_dst)); \
	EXPECT_EQ(0, room_measure(_src, _dst, &_now)); \
	EXPECT_EQ((_room).msgs, _now.msgs); \
	EXPECT_EQ((_room).bytes, _now.bytes); \
	EXPECT_EQ((_room).fds, _now.fds); \
} while (0)

FIXTURE_TEARDOWN(room)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

static struct kdbus_msg *with_fds(struct kdbus_msg *msg, unsigned int n)
{
	static const int fds[MAX_FDS];

	item_add_fds(msg, fds, n);
	return msg;
}

static struct kdbus_msg *with_bytes(struct kdbus_msg *msg, size_t size)
{
	item_add_vec(msg, calloc(1, size), size);
	return msg;
}

static struct kdbus_msg *unreadable(struct kdbus_msg *msg)
{
	item_add_vec(msg, (void *)8, 100);
	return msg;
}

/* Sends it as often as it takes, always with the same result. */
static bool fails_often(const struct conn *src, struct kdbus_msg *msg, int r)
{
	unsigned int i;

	for (i = 0; i < OFTEN; i++)
		if (msg_send(src, msg) != r)
			return false;
	return true;
}

TEST_F(room, what_is_unreadable_takes_none)
{
	const __u64 id = self->dst.id;

	ASSERT_EQ(0, match_all(&self->dst));
	ASSERT_EQ(0, match_all(&self->plain));
	EXPECT_TRUE(fails_often(&self->a, unreadable(with_fds(msg_new(id, 1),
							      3)), -EFAULT));
	EXPECT_TRUE(fails_often(&self->a, unreadable(call_new(id, 1, NEVER)),
				-EFAULT));
	EXPECT_TRUE(fails_often(&self->a, unreadable(signal_new(id, 1)),
				-EFAULT));
	EXPECT_TRUE(fails_often(&self->a, unreadable(signal_new(BCAST, 1)),
				-EFAULT));
	EXPECT_TRUE(fails_often(&self->a, unreadable(with_bytes(
				signal_new(BCAST, 1), 5000)), -EFAULT));
	EXPECT_ROOM(&self->a, &self->dst, self->at_dst);
	EXPECT_ROOM(&self->a, &self->plain, self->at_plain);
}

TEST_F(room, unwanted_files_take_none)
{
	const __u64 id = self->plain.id;

	EXPECT_TRUE(fails_often(&self->a, with_fds(msg_new(id, 1), 1),
				-ECOMM));
	EXPECT_TRUE(fails_often(&self->a, with_fds(call_new(id, 1, NEVER),
						   MAX_FDS), -ECOMM));
	EXPECT_ROOM(&self->a, &self->plain, self->at_plain);
}

TEST_F(room, what_is_too_much_takes_none)
{
	const size_t size = self->at_dst.bytes;
	const __u64 id = self->dst.id;

	/* at once */
	EXPECT_TRUE(fails_often(&self->a, with_bytes(msg_new(id, 1),
						     size + 8), -ENOBUFS));
	EXPECT_ROOM(&self->a, &self->dst, self->at_dst);

	/* in bytes, because of another one */
	ASSERT_EQ(0, pass(&self->a, with_bytes(msg_new(id, 1), size)));
	EXPECT_TRUE(fails_often(&self->a, with_bytes(msg_new(id, 1), 1000),
				-ENOBUFS));
	EXPECT_EQ(1, drain(&self->dst));
	EXPECT_ROOM(&self->a, &self->dst, self->at_dst);

	/* in files */
	ASSERT_EQ(0, pass(&self->a, with_fds(msg_new(id, 1), MAX_FDS)));
	EXPECT_TRUE(fails_often(&self->a, with_fds(msg_new(id, 1), 1),
				-EMFILE));
	EXPECT_EQ(1, drain(&self->dst));
	EXPECT_ROOM(&self->a, &self->dst, self->at_dst);

	/* in messages */
	EXPECT_EQ(-ENOBUFS, fill_up(&self->a, &self->dst, 1));
	EXPECT_TRUE(fails_often(&self->a, msg_new(id, 1), -ENOBUFS));
	EXPECT_TRUE(fails_often(&self->a, call_new(id, 1, NEVER), -ENOBUFS));
	EXPECT_EQ(MAX_QUEUED, drain(&self->dst));
	EXPECT_ROOM(&self->a, &self->dst, self->at_dst);
}

/* Receives without freeing, until not even a message without payload fits. */
static int fill_pool(const struct conn *src, const struct conn *dst)
{
	size_t sizes[] = { 65536, 4096, 0 }, *size = sizes;
	struct kdbus_msg *msg;
	int r;

	for (;;) {
		msg = msg_new(dst->id, 1);
		if (*size)
			with_bytes(msg, *size);
		r = pass(src, msg);
		if (r == -EXFULL && *size)
			size++;
		else if (r < 0)
			return r;
		else if (!receive(dst))
			return -errno;
	}
}

TEST_F(room, full_pool_is_not_charged)
{
	struct conn full;
	__u64 id, offset;

	ASSERT_EQ(0, peer_new(&full, self->d, ACCEPT_FD));
	id = full.id;
	ASSERT_EQ(0, match_all(&full));
	ASSERT_EQ(0, call(&full, self->a.id, 8));
	ASSERT_EQ(8, receive_cookie(&self->a));
	EXPECT_EQ(-EXFULL, fill_pool(&self->a, &full));
	EXPECT_TRUE(fails_often(&self->a, with_fds(msg_new(id, 1), 1),
				-EXFULL));
	EXPECT_TRUE(fails_often(&self->a, with_bytes(call_new(id, 1, NEVER),
						     9000), -EXFULL));
	EXPECT_TRUE(fails_often(&self->a, reply_new(id, 1, 8), -EXFULL));
	EXPECT_TRUE(fails_often(&self->a, signal_new(id, 1), 0));
	EXPECT_TRUE(fails_often(&self->a, signal_new(BCAST, 1), 0));
	EXPECT_EQ(2 * OFTEN, lost(&full));
	for (offset = 0; offset < full.pool_size; offset += 8)
		conn_free(&full, offset);
	EXPECT_ROOM(&self->a, &full, self->at_dst);
}

/* The first of several reasons to refuse is told. */
TEST_F(room, lacks_have_an_order)
{
	const size_t size = self->at_dst.bytes;
	const __u64 id = self->dst.id;
	struct conn full;

	/* too many bytes, files that are not taken, unreadable */
	EXPECT_EQ(-ECOMM, pass(&self->a, unreadable(with_fds(with_bytes(
			  msg_new(self->plain.id, 1), 2 * size), 1))));
	EXPECT_EQ(-ENOBUFS, pass(&self->a, unreadable(with_bytes(
			    msg_new(id, 1), 2 * size))));
	ASSERT_EQ(0, pass(&self->a, with_fds(msg_new(id, 1), MAX_FDS)));
	EXPECT_EQ(-ENOBUFS, pass(&self->a, with_fds(with_bytes(msg_new(id, 1),
							2 * size), 1)));
	EXPECT_EQ(-EMFILE, pass(&self->a, unreadable(with_fds(msg_new(id, 1),
							      1))));

	ASSERT_EQ(0, peer_new(&full, self->d, ACCEPT_FD));
	EXPECT_EQ(-EXFULL, fill_pool(&self->a, &full));
	EXPECT_EQ(-EXFULL, pass(&self->a, unreadable(msg_new(full.id, 1))));
	EXPECT_EQ(-ENOBUFS, pass(&self->a, with_bytes(msg_new(full.id, 1),
						      2 * size)));
}

TEST_F(room, comes_back_with_every_way_to_receive)
{
	struct kdbus_cmd_recv recv;
	const __u64 id = self->dst.id;
	int number = next_number();
	unsigned int i;

	for (i = 0; i < OFTEN; i++) {
		ASSERT_EQ(0, pass(&self->a, with_fds(with_bytes(msg_new(id, 1),
						500), i % 4)));
		ASSERT_EQ(0, take(&self->dst, PEEK, &recv));
		if (i % 3) {
			ASSERT_EQ(0, conn_free(&self->dst, recv.msg.offset));
		}
		if (i % 2) {
			ASSERT_EQ(0, take(&self->dst, DROP, &recv));
		} else {
			ASSERT_EQ(1, drain(&self->dst));
		}
		if (i % 2 && i % 3 == 0)
			conn_free(&self->dst, 0);
		/* what was received of 0, 0, 0 */
		close_range(number, ~0U, 0);
	}
	EXPECT_ROOM(&self->a, &self->dst, self->at_dst);
}

static void *answer(void *arg)
{
	const FIXTURE_DATA(room) *self = arg;
	const struct kdbus_msg *msg;
	unsigned int i;

	for (i = 0; i < OFTEN; i++) {
		readable_wait(&self->dst);
		msg = receive(&self->dst);
		if (!msg || pass(&self->dst, with_bytes(reply_new(self->a.id, 1,
				 msg->cookie), 700)) < 0 ||
		    conn_free(&self->dst, msg_offset(&self->dst, msg)) < 0)
			return (void *)1;
	}
	return NULL;
}

TEST_F(room, comes_back_with_replies)
{
	struct kdbus_msg_info info;
	pthread_t thread;
	unsigned int i;
	void *result;

	ASSERT_EQ(0, pthread_create(&thread, NULL, answer, self));
	for (i = 1; i <= OFTEN; i++) {
		if (i % 2) {
			ASSERT_EQ(0, call_sync(&self->a, call_new(self->dst.id,
							i, NEVER), &info));
			ASSERT_EQ(0, conn_free(&self->a, info.offset));
		} else {
			ASSERT_EQ(0, call(&self->a, self->dst.id, i));
			readable_wait(&self->a);
			ASSERT_EQ(1, drain(&self->a));
		}
	}
	ASSERT_EQ(0, pthread_join(thread, &result));
	EXPECT_EQ(NULL, result);
	EXPECT_ROOM(&self->dst, &self->a, self->at_a);
	EXPECT_ROOM(&self->a, &self->dst, self->at_dst);
}

/* What nobody waits for any more leaves the slots of requests, too. */
TEST_F(room, comes_back_with_requests_that_ended)
{
	struct kdbus_msg_info info;
	struct kdbus_cmd_recv recv;
	unsigned int i;

	for (i = 1; i <= OFTEN; i++) {
		ASSERT_EQ(0, pass(&self->a, call_new(self->dst.id, i, 1)));
		readable_wait(&self->a);
		ASSERT_EQ(1, drain(&self->a));
		ASSERT_EQ(-EBADSLT, reply(&self->dst, self->a.id, 1, i));
		ASSERT_EQ(1, drain(&self->dst));

		ASSERT_EQ(0, call(&self->a, self->dst.id, i));
		ASSERT_EQ(0, take(&self->dst, DROP, &recv));
		ASSERT_EQ(1, drain(&self->a));
		ASSERT_EQ(-ETIMEDOUT, call_sync(&self->a, call_new(
						self->dst.id, i, 1), &info));
	}
	EXPECT_ROOM(&self->a, &self->dst, self->at_dst);
	EXPECT_ROOM(&self->dst, &self->a, self->at_a);
}

KDBUS_HARNESS_MAIN
