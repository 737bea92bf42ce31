// SPDX-License-Identifier: LGPL-2.1+
/*
 * Messages: what arrives is what was sent, byte for byte.
 */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kdbus_util.h"
#include "kdbus_harness.h"

#define BIG_POOL	(16 * MiB)
#define ZERO_RUN	(~0ULL)

FIXTURE(message) {
	struct domain domain;
	struct domain *d;
	struct conn a;
	struct conn b;
	struct conn big;
};

FIXTURE_SETUP(message)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	ASSERT_EQ(0, conn_new(&self->a, self->d, "0-bus"));
	ASSERT_EQ(0, conn_new(&self->b, self->d, "0-bus"));
	ASSERT_EQ(0, conn_new_sized(&self->big, self->d, "0-bus", BIG_POOL));
}

FIXTURE_TEARDOWN(message)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

/* No byte like its neighbours, so that none can get lost unseen */
static __u8 *pattern(size_t size)
{
	__u8 *bytes = malloc(size);
	unsigned int state = size;
	size_t i;

	for (i = 0; i < size; i++) {
		state = state * 1103515245 + 12345;
		bytes[i] = state >> 16 | 1;
	}
	return bytes;
}

/* Where the last message is, and how long */
static int receive_info(const struct conn *c, struct kdbus_msg_info *info)
{
	struct kdbus_cmd_recv *recv = recv_new(0, 0);
	int r = conn_recv(c, recv);

	*info = recv->msg;
	return r;
}

/*
 * The image a message must have in the pool: header and items, then what the
 * VECs hold, then zeros up to a multiple of 8.
 */
static size_t expected_image(__u8 *image, const struct kdbus_msg *msg,
			     __u64 src_id)
{
	size_t at, end = msg->size;
	struct kdbus_item *item;
	struct kdbus_msg *copy = (void *)image;

	memcpy(image, msg, msg->size);
	copy->src_id = src_id;
	at = ALIGN8(msg->size);
	for (item = copy->items; (__u8 *)item < image + end;
	     item = item_next(item)) {
		item->type = KDBUS_ITEM_PAYLOAD_OFF;
		if (item->vec.address == 0) {
			item->vec.offset = ZERO_RUN;
			memset(image + at, 0, item->vec.size % 8);
			at += item->vec.size % 8;
		} else {
			memcpy(image + at,
			       (void *)(unsigned long)item->vec.address,
			       item->vec.size);
			item->vec.offset = at;
			at += item->vec.size;
		}
	}
	memset(image + at, 0, ALIGN8(at) - at);
	return ALIGN8(at);
}

/* Makes sure that padding is zeroed, not just zero by chance. */
static int dirty_pool(const struct conn *src, const struct conn *dst)
{
	size_t size = dst->pool_size / 8;
	__u8 *bytes = malloc(size);
	int i, r;

	memset(bytes, 0xee, size);
	for (i = 0; i < 7; i++) {
		r = send_bytes(src, dst->id, 1, bytes, size);
		if (r < 0)
			return r;
		if (!receive(dst))
			return -errno;
	}
	for (i = 0; i < 7; i++) {
		r = conn_free(dst, i * (96 + size));
		if (r < 0)
			return r;
	}
	free(bytes);
	return 0;
}

static void expect_image(struct __test_metadata *_metadata,
			 const struct conn *src, const struct conn *dst,
			 const struct kdbus_msg *msg)
{
	static __u8 image[3 * MiB] __attribute__((aligned(8)));
	size_t size = expected_image(image, msg, src->id);
	struct kdbus_msg_info info;

	ASSERT_EQ(0, msg_send(src, msg));
	ASSERT_EQ(0, receive_info(dst, &info));
	EXPECT_EQ(0, info.offset % 8);
	EXPECT_EQ(0, info.return_flags);
	ASSERT_EQ(size, info.msg_size);
	EXPECT_EQ(0, memcmp(image, dst->pool + info.offset, size));
	EXPECT_EQ(0, conn_free(dst, info.offset));
}

TEST_F(message, header_arrives_as_it_was_sent)
{
	static const __s64 priorities[] = {
		0, 1, -1, LLONG_MAX, LLONG_MIN, 1LL << 32,
	};
	struct kdbus_msg *msg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(priorities); i++) {
		msg = msg_new(self->b.id, ~0ULL - i);
		msg->priority = priorities[i];
		msg->payload_type = 1ULL << (i * 10);
		expect_image(_metadata, &self->a, &self->b, msg);
	}
}

TEST_F(message, payload_follows_the_items)
{
	struct kdbus_msg *msg = msg_new(self->b.id, 1);
	const struct kdbus_msg *received;
	struct kdbus_msg_info info;

	item_add_vec(msg, "13 bytes long", 13);
	ASSERT_EQ(0, msg_send(&self->a, msg));
	ASSERT_EQ(0, receive_info(&self->b, &info));
	received = msg_at(&self->b, info.offset);
	EXPECT_EQ(96, received->size);
	EXPECT_EQ(112, info.msg_size);
	EXPECT_EQ(32, received->items[0].size);
	EXPECT_EQ(KDBUS_ITEM_PAYLOAD_OFF, received->items[0].type);
	EXPECT_EQ(13, received->items[0].vec.size);
	EXPECT_EQ(96, received->items[0].vec.offset);
	EXPECT_EQ(0, memcmp((const __u8 *)received + 96,
			    "13 bytes long\0\0\0", 16));
}

TEST_F(message, message_without_items_is_a_header)
{
	struct kdbus_msg_info info;

	ASSERT_EQ(0, send_cookie(&self->a, self->b.id, 1));
	ASSERT_EQ(0, receive_info(&self->b, &info));
	EXPECT_EQ(64, info.msg_size);
	EXPECT_EQ(64, msg_at(&self->b, info.offset)->size);
}

TEST_F(message, payloads_of_all_lengths_and_alignments)
{
	__u8 *bytes = pattern(page_size() + 256);
	struct kdbus_msg *msg;
	unsigned int n;

	ASSERT_EQ(0, dirty_pool(&self->a, &self->b));
	for (n = 1; n < 48; n++) {
		msg = msg_new(self->b.id, n);
		item_add_vec(msg, bytes + n % 11, n);
		expect_image(_metadata, &self->a, &self->b, msg);
	}
	for (n = page_size() - 104; n < page_size() + 16; n += 7) {
		msg = msg_new(self->b.id, n);
		item_add_vec(msg, bytes + n % 13, n);
		expect_image(_metadata, &self->a, &self->b, msg);
	}
}

TEST_F(message, payloads_lie_back_to_back)
{
	__u8 *bytes = pattern(1000);
	struct kdbus_msg *msg;
	unsigned int i, n;

	ASSERT_EQ(0, dirty_pool(&self->a, &self->b));
	for (n = 2; n < 20; n++) {
		msg = msg_new(self->b.id, n);
		for (i = 0; i < n; i++)
			item_add_vec(msg, bytes + i * 17, 1 + (i * 5 + n) % 29);
		expect_image(_metadata, &self->a, &self->b, msg);
	}
	/* as many as a message can have */
	msg = msg_new(self->b.id, 1);
	for (i = 0; i < (32768 - 64) / 32; i++)
		item_add_vec(msg, bytes + i % 100, 1 + i % 9);
	ASSERT_EQ(32768, msg->size);
	expect_image(_metadata, &self->a, &self->b, msg);
}

/* Zeros are not stored, but what follows them keeps its alignment. */
TEST_F(message, runs_of_zeros_are_not_stored)
{
	__u8 *bytes = pattern(100);
	struct kdbus_msg *msg;
	unsigned int n;

	ASSERT_EQ(0, dirty_pool(&self->a, &self->b));
	for (n = 1; n < 26; n++) {
		msg = msg_new(self->b.id, n);
		item_add_vec(msg, bytes, 13);
		item_add_vec(msg, NULL, n);
		item_add_vec(msg, bytes + 20, 5);
		expect_image(_metadata, &self->a, &self->b, msg);

		msg = msg_new(self->b.id, n);
		item_add_vec(msg, NULL, n);
		item_add_vec(msg, NULL, 2 * n + 1);
		item_add_vec(msg, bytes + n, 30 - n);
		item_add_vec(msg, NULL, 4096 + n);
		item_add_vec(msg, bytes + n, 3);
		expect_image(_metadata, &self->a, &self->b, msg);
	}
}

TEST_F(message, long_run_of_zeros_fits_into_a_small_pool)
{
	const struct kdbus_msg *received;
	struct kdbus_msg_info info;
	struct kdbus_msg *msg;
	struct conn small;

	ASSERT_EQ(0, conn_new_sized(&small, self->d, "0-bus", page_size()));
	msg = msg_new(small.id, 1);
	item_add_vec(msg, NULL, 2 * MiB);
	ASSERT_EQ(0, msg_send(&self->a, msg));
	ASSERT_EQ(0, receive_info(&small, &info));
	EXPECT_EQ(96, info.msg_size);
	received = msg_at(&small, info.offset);
	EXPECT_EQ(KDBUS_ITEM_PAYLOAD_OFF, received->items[0].type);
	EXPECT_EQ(2 * MiB, received->items[0].vec.size);
	EXPECT_EQ(ZERO_RUN, received->items[0].vec.offset);
}

/* As existing clients send it: each part is short enough, the sum is not. */
TEST_F(message, payload_over_2_mib_comes_in_parts)
{
	__u8 *bytes = pattern(2 * MiB + 200);
	struct kdbus_msg *msg = msg_new(self->big.id, 1);

	item_add_vec(msg, bytes, 104);
	item_add_vec(msg, bytes + 104, 2 * MiB);
	item_add_vec(msg, bytes + 104 + 2 * MiB, 9);
	expect_image(_metadata, &self->a, &self->big, msg);

	msg = msg_new(self->big.id, 2);
	item_add_vec(msg, bytes, 2 * MiB + 1);
	EXPECT_EQ(-EMSGSIZE, msg_send(&self->a, msg));
}

TEST_F(message, sender_may_reuse_its_memory)
{
	char text[] = "before";
	struct kdbus_msg *msg = msg_new(self->b.id, 1);

	item_add_vec(msg, text, sizeof(text));
	ASSERT_EQ(0, msg_send(&self->a, msg));
	strcpy(text, "after");
	memset(msg, 0xff, 96);
	EXPECT_STREQ("before", (char *)receive(&self->b) + 96);
}

TEST_F(message, message_to_itself_arrives)
{
	struct kdbus_msg *msg = msg_new(self->a.id, 1);

	item_add_vec(msg, "self", 4);
	expect_image(_metadata, &self->a, &self->a, msg);
}

/* What could not be read is not there, and has cost nothing. */
TEST_F(message, unreadable_payload_leaves_nothing)
{
	__u8 *border = two_pages(PROT_READ | PROT_WRITE, PROT_NONE);
	struct kdbus_msg *bad[4], *msg;
	unsigned int i, n;

	border += page_size();
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = msg_new(self->b.id, 1);
	item_add_vec(bad[0], border, 16);
	item_add_vec(bad[1], border - 8, 16);
	item_add_vec(bad[2], "good", 4);
	item_add_vec(bad[2], border - 8, 9);
	item_add_vec(bad[3], border - page_size(), 2 * page_size());

	for (n = 0; n < 300; n++) {
		EXPECT_EQ(-EFAULT, msg_send(&self->a, bad[n % 4])) {
			TH_LOG("message %u", n % 4);
		}
	}
	EXPECT_EQ(0, receive_cookie(&self->b));

	/* the same with memory that is there */
	msg = msg_new(self->b.id, 1);
	item_add_vec(msg, border - 8, 8);
	item_add_vec(msg, border - page_size(), page_size());
	expect_image(_metadata, &self->a, &self->b, msg);
	for (n = 0; n < 256; n++)
		ASSERT_EQ(0, send_cookie(&self->a, self->b.id, 1));
}

TEST_F(message, messages_arrive_in_order)
{
	struct conn *senders[] = { &self->a, &self->big, &self->b };
	__u64 i;

	for (i = 1; i <= 60; i++)
		ASSERT_EQ(0, send_cookie(senders[i % 3], self->b.id, i));
	for (i = 1; i <= 60; i++)
		EXPECT_EQ(i, receive_cookie(&self->b));
	EXPECT_EQ(0, receive_cookie(&self->b));
}

KDBUS_HARNESS_MAIN
