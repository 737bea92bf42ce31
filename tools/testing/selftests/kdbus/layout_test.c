// SPDX-License-Identifier: LGPL-2.1+
/*
 * What a received message looks like in the pool, with everything that it can
 * have, byte for byte up to the end of its slice.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "recv_util.h"
#include "kdbus_harness.h"

#define DIRT		0xee
#define BLOOM_SIZE	64
#define MANY		(KDBUS_ATTACH_TIMESTAMP | KDBUS_ATTACH_CREDS | \
			 KDBUS_ATTACH_PIDS | KDBUS_ATTACH_NAMES | \
			 KDBUS_ATTACH_CONN_DESCRIPTION | KDBUS_ATTACH_TID_COMM)

FIXTURE(layout) {
	struct domain domain;
	struct domain *d;
	struct conn a;
	struct conn dst;
};

/* Metadata makes what follows start elsewhere. */
FIXTURE_VARIANT(layout) {
	__u64 attach;
};

FIXTURE_VARIANT_ADD(layout, plain) {
	.attach = 0,
};

FIXTURE_VARIANT_ADD(layout, timestamp) {
	.attach = KDBUS_ATTACH_TIMESTAMP,
};

FIXTURE_VARIANT_ADD(layout, odd_metadata) {
	.attach = MANY,
};

FIXTURE_VARIANT_ADD(layout, odd_end) {
	.attach = KDBUS_ATTACH_CREDS | KDBUS_ATTACH_CONN_DESCRIPTION,
};

/*
 * Fills the pool, so that what is zero later was made zero. The first bytes stay
 * in use, as they do not hold payload but the header of what filled the pool.
 */
static int make_dirty(const struct conn *src, const struct conn *dst)
{
	static __u8 bytes[100 * 1024];
	struct kdbus_cmd_recv recv;

	memset(bytes, DIRT, sizeof(bytes));
	conn_free(dst, 0);
	return send_bytes(src, dst->id, 1, bytes, sizeof(bytes)) ?:
	       take(dst, 0, &recv) ?: conn_free(dst, 0) ?:
	       send_bytes(src, dst->id, 1, bytes, 1000) ?:
	       take(dst, 0, &recv);
}

FIXTURE_SETUP(layout)
{
	struct kdbus_cmd_hello *h = hello_new(POOL_SIZE);
	int fd;

	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	fd = open_endpoint(self->d, "0-bus");
	h->attach_flags_send = KDBUS_ATTACH_TID_COMM;
	item_add_str(h, KDBUS_ITEM_CONN_DESCRIPTION, "some-sender");
	ASSERT_EQ(0, cmd_run(fd, KDBUS_CMD_HELLO, h));
	self->a.fd = fd;
	self->a.id = h->id;
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	ASSERT_EQ(0, hello(&self->dst, open_endpoint(self->d, "0-bus"),
			   ACCEPT_FD, variant->attach, POOL_SIZE));
	ASSERT_EQ(0, match_all(&self->dst));
	ASSERT_EQ(0, make_dirty(&self->a, &self->dst));
}

FIXTURE_TEARDOWN(layout)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

static bool is_zero(const void *bytes, size_t size)
{
	const __u8 *b = bytes;

	while (size > 0 && b[size - 1] == 0)
		size--;
	return size == 0;
}

/*
 * Checks all metadata items, where one begins and the next, and returns where
 * they end. The content of some is known.
 */
static size_t check_metadata(struct __test_metadata *_metadata,
			     const struct kdbus_msg *msg, size_t at,
			     __u64 attach)
{
	static const struct {
		__u64 attach;
		__u64 type;
	} order[] = {
		{ KDBUS_ATTACH_CREDS, KDBUS_ITEM_CREDS },
		{ KDBUS_ATTACH_PIDS, KDBUS_ITEM_PIDS },
		{ KDBUS_ATTACH_TID_COMM, KDBUS_ITEM_TID_COMM },
		{ KDBUS_ATTACH_NAMES, KDBUS_ITEM_OWNED_NAME },
		{ KDBUS_ATTACH_CONN_DESCRIPTION, KDBUS_ITEM_CONN_DESCRIPTION },
		{ KDBUS_ATTACH_TIMESTAMP, KDBUS_ITEM_TIMESTAMP },
	};
	const __u8 *base = (const __u8 *)msg;
	const struct kdbus_item *item;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(order); i++) {
		if (!(attach & order[i].attach))
			continue;
		EXPECT_TRUE(is_zero(base + at, ALIGN8(at) - at));
		at = ALIGN8(at);
		item = (const void *)(base + at);
		EXPECT_EQ(order[i].type, item->type);
		if (item->type == KDBUS_ITEM_CREDS)
			EXPECT_EQ(16 + 64, item->size);
		if (item->type == KDBUS_ITEM_PIDS)
			EXPECT_EQ(16 + 24, item->size);
		if (item->type == KDBUS_ITEM_TID_COMM)
			EXPECT_EQ(16 + strlen(item->str) + 1, item->size);
		if (item->type == KDBUS_ITEM_OWNED_NAME)
			EXPECT_EQ(16 + 8 + sizeof(NAME), item->size);
		if (item->type == KDBUS_ITEM_CONN_DESCRIPTION) {
			EXPECT_EQ(16 + sizeof("some-sender"), item->size);
			EXPECT_STREQ("some-sender", item->str);
		}
		if (item->type == KDBUS_ITEM_TIMESTAMP)
			EXPECT_EQ(16 + 24, item->size);
		at += item->size;
	}
	return at;
}

/* Copies payload and notes where it has to be; @from is the logical stream. */
static size_t expect_stored(__u8 *image, size_t at, const struct kdbus_item *in,
			    struct kdbus_item *out)
{
	if (in->type == KDBUS_ITEM_PAYLOAD_MEMFD) {
		out->memfd.fd = -1;
		memset(image + at, 0, in->memfd.size % 8);
		return at + in->memfd.size % 8;
	}
	if (in->type != KDBUS_ITEM_PAYLOAD_VEC)
		return at;

	out->type = KDBUS_ITEM_PAYLOAD_OFF;
	if (in->vec.address) {
		out->vec.offset = at;
		memcpy(image + at, (void *)(unsigned long)in->vec.address,
		       in->vec.size);
		return at + in->vec.size;
	}
	out->vec.offset = ~0ULL;
	memset(image + at, 0, in->vec.size % 8);
	return at + in->vec.size % 8;
}

static void clear_fds(struct kdbus_item *item)
{
	if (item->type == KDBUS_ITEM_FDS)
		memset(item->fds, 0xff, item->size - 16);
}

/*
 * Sends a message whose last item ends at @end, whatever its size says, and
 * checks what it looks like before it is received.
 */
static void check_at(struct __test_metadata *_metadata,
		     const FIXTURE_DATA(layout) *self, __u64 attach,
		     const struct kdbus_msg *sent, size_t end)
{
	static __u8 image[64 * 1024] __attribute__((aligned(8)));
	struct kdbus_msg *expected = (void *)image;
	const struct kdbus_item *in = sent->items;
	struct kdbus_item *out = expected->items;
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv recv;
	size_t head, at;

	ASSERT_EQ(0, msg_send(&self->a, sent));
	ASSERT_EQ(0, take_msg(&self->dst, PEEK, &recv, &msg));
	EXPECT_EQ(0, recv.msg.offset % 8);
	EXPECT_LT(1000, recv.msg.offset);

	head = check_metadata(_metadata, msg, end, attach);
	EXPECT_EQ(head, msg->size);
	memcpy(image, sent, end);
	/* what was just checked */
	memcpy(image + end, (const __u8 *)msg + end, head - end);
	expected->size = head;
	expected->src_id = self->a.id;
	memset(image + head, 0, ALIGN8(head) - head);
	for (at = ALIGN8(head); (__u8 *)out < image + end;
	     in = item_next(in), out = item_next(out)) {
		at = expect_stored(image, at, in, out);
		clear_fds(out);
	}
	memset(image + at, 0, ALIGN8(at) - at);
	at = ALIGN8(at);
	ASSERT_EQ(at, recv.msg.msg_size);
	ASSERT_EQ(0, memcmp(image, msg, at)) {
		size_t i = 0;

		while (image[i] == ((const __u8 *)msg)[i])
			i++;
		TH_LOG("byte %zu of %zu", i, at);
	}
	/* nothing is written behind the end */
	EXPECT_EQ(DIRT, ((const __u8 *)msg)[at]);
	ASSERT_EQ(1, drain(&self->dst));
	EXPECT_EQ(DIRT, ((const __u8 *)msg)[at]);
	/* it gets dirty again for the next one */
	ASSERT_EQ(0, make_dirty(&self->a, &self->dst));
}

static void check(struct __test_metadata *_metadata,
		  const FIXTURE_DATA(layout) *self, __u64 attach,
		  const struct kdbus_msg *sent)
{
	check_at(_metadata, self, attach, sent, sent->size);
}

#define CHECK_LAYOUT(_msg) check(_metadata, self, variant->attach, _msg)

static __u8 *some_bytes(size_t size)
{
	__u8 *bytes = malloc(size);
	size_t i;

	for (i = 0; i < size; i++)
		bytes[i] = 1 + i % 199;
	return bytes;
}

TEST_F(layout, header_only)
{
	struct kdbus_msg *msg = msg_new(self->dst.id, 0x1122334455667788);

	msg->priority = -3;
	msg->payload_type = ~0ULL;
	msg->flags = KDBUS_MSG_NO_AUTO_START;
	CHECK_LAYOUT(msg);
	msg = call_new(self->dst.id, 2, NEVER - 5);
	msg->src_id = self->a.id;
	CHECK_LAYOUT(msg);
}

TEST_F(layout, name_and_bytes)
{
	const __u8 *bytes = some_bytes(100);
	struct kdbus_msg *msg;
	unsigned int n;

	ASSERT_LT(0, name_acquire(&self->dst, "a.b", 0));
	ASSERT_LT(0, name_acquire(&self->dst, "aaaaaaa.b", 0));
	ASSERT_EQ(2, drain(&self->dst));
	ASSERT_EQ(0, make_dirty(&self->a, &self->dst));
	for (n = 1; n <= 17; n++) {
		msg = msg_new(0, n);
		item_add_str(msg, KDBUS_ITEM_DST_NAME,
			     n % 2 ? "a.b" : "aaaaaaa.b");
		item_add_vec(msg, bytes, n);
		CHECK_LAYOUT(msg);
	}
	/* the name at the end has no padding */
	msg = msg_new(self->dst.id, n);
	item_add_vec(msg, bytes, 3);
	item_add_str(msg, KDBUS_ITEM_DST_NAME, "a.b");
	CHECK_LAYOUT(msg);
}

/* One of each, in several orders, with all lengths modulo 8 */
TEST_F(layout, everything)
{
	const int fds[] = { 0, 1, 2 };
	const __u8 *bytes = some_bytes(300);
	int memfd = memfd_new(1000, 'y');
	__u64 filter[1 + BLOOM_SIZE / 8];
	struct kdbus_msg *msg;
	unsigned int n;

	memset(filter, 0x55, sizeof(filter));
	for (n = 0; n < 9; n++) {
		msg = msg_new(self->dst.id, n + 1);
		item_add_vec(msg, bytes, 5 + n);
		item_add_memfd(msg, memfd, n, 100 + n);
		item_add_fds(msg, fds, n % 4);
		item_add_vec(msg, NULL, 1 + 3 * n);
		item_add_vec(msg, bytes + 7, 20 + n);
		item_add_memfd(msg, memfd, 0, 1);
		item_add_vec(msg, bytes + n, 1);
		CHECK_LAYOUT(msg);

		msg = msg_new(self->dst.id, n + 1);
		msg->flags = KDBUS_MSG_SIGNAL;
		item_add_fds(msg, fds, 3 - n % 3);
		item_add_vec(msg, NULL, 7);
		item_add(msg, KDBUS_ITEM_BLOOM_FILTER, filter, sizeof(filter));
		item_add_vec(msg, bytes + 7, 1 + n);
		CHECK_LAYOUT(msg);
	}
}

/* Nothing stored after all: the slice ends with the items. */
TEST_F(layout, nothing_stored)
{
	int memfd = memfd_new(1000, 'y');
	struct kdbus_msg *msg = msg_new(self->dst.id, 1);

	item_add_memfd(msg, memfd, 0, 800);
	item_add_vec(msg, NULL, 16);
	CHECK_LAYOUT(msg);
}

/* Across the border of pages, and as many items as there may be */
TEST_F(layout, large)
{
	const __u8 *bytes = some_bytes(3 * page_size());
	struct kdbus_msg *msg = msg_new(self->dst.id, 1);
	unsigned int i;

	item_add_vec(msg, bytes, page_size() - 100);
	item_add_vec(msg, bytes + 11, 2 * page_size() + 3);
	CHECK_LAYOUT(msg);
	msg = msg_new(self->dst.id, 2);
	for (i = 0; i < (32768 - 64) / 32; i++)
		item_add_vec(msg, bytes + i, i % 5 ? i % 30 + 1 : 0);
	for (i = 0; i < (32768 - 64) / 32; i += 5) {
		msg->items[0].size = 32;
		((struct kdbus_item *)((__u8 *)msg->items + i * 32))->vec =
			(struct kdbus_vec){ .size = i + 1 };
	}
	CHECK_LAYOUT(msg);
}

/*
 * Padding between the sender's items is passed on; what is behind the last one
 * is not.
 */
TEST_F(layout, padding_of_the_sender)
{
	struct kdbus_msg *msg;
	size_t end;
	__u8 *next;

	ASSERT_LT(0, name_acquire(&self->dst, "a.b", 0));
	ASSERT_EQ(1, drain(&self->dst));
	ASSERT_EQ(0, make_dirty(&self->a, &self->dst));
	msg = msg_new(0, 1);
	item_add_str(msg, KDBUS_ITEM_DST_NAME, "a.b");
	next = (__u8 *)msg + msg->size;
	item_add_vec(msg, "bytes", 5);
	memset(next, 0x77, 4);
	CHECK_LAYOUT(msg);

	msg = msg_new(0, 1);
	item_add_vec(msg, "bytes", 5);
	item_add_str(msg, KDBUS_ITEM_DST_NAME, "a.b");
	end = msg->size;
	memset((__u8 *)msg + end, 0x77, 4);
	for (; msg->size <= ALIGN8(end); msg->size++)
		check_at(_metadata, self, variant->attach, msg, end);
}

/* The numbers that the specification gives as an example */
TEST_F(layout, example)
{
	struct kdbus_msg *sent = msg_new(0, 1);
	const struct kdbus_msg *msg;
	const struct kdbus_item *item;
	struct kdbus_cmd_recv recv;

	if (variant->attach != KDBUS_ATTACH_TIMESTAMP)
		SKIP(return, "is about one with a timestamp");

	ASSERT_LT(0, name_acquire(&self->dst, "a.b", 0));
	ASSERT_EQ(1, drain(&self->dst));
	item_add_str(sent, KDBUS_ITEM_DST_NAME, "a.b");
	item_add_vec(sent, "13 bytes long", 13);
	ASSERT_EQ(0, msg_send(&self->a, sent));
	ASSERT_EQ(0, take_msg(&self->dst, 0, &recv, &msg));
	EXPECT_EQ(160, msg->size);
	EXPECT_EQ(176, recv.msg.msg_size);
	EXPECT_EQ(0, msg->dst_id);
	item = msg->items;
	EXPECT_EQ(20, item->size);
	item = item_next(item);
	EXPECT_EQ(13, item->vec.size);
	EXPECT_EQ(160, item->vec.offset);
	item = item_next(item);
	EXPECT_EQ(120, (const __u8 *)item - (const __u8 *)msg);
	EXPECT_EQ(40, item->size);
	EXPECT_EQ(0, memcmp((const __u8 *)msg + 160, "13 bytes long\0\0\0",
			    16));
}

KDBUS_HARNESS_MAIN
