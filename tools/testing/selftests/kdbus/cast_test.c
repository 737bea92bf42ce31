// SPDX-License-Identifier: LGPL-2.1+
/*
 * What is in a message that goes to many: each receiver has all of it, with the
 * metadata that it wants and with nothing else, whoever is served before it.
 */

#include <stdlib.h>
#include <string.h>

#include "metadata_util.h"
#include "name_util.h"
#include "kdbus_harness.h"

#define BLOOM_SIZE	64

/* NONE wants no metadata, TIME and MUCH do */
#define NONE	0
#define TIME	KDBUS_ATTACH_TIMESTAMP
#define MUCH	(TIME | KDBUS_ATTACH_CREDS | KDBUS_ATTACH_CONN_DESCRIPTION)

/* some are served after others of their kind, some are between the others */
static const __u64 wanted[] = {
	NONE, NONE, NONE, NONE, MUCH, MUCH, MUCH, MUCH, NONE, TIME,
	NONE, MUCH, TIME, TIME, TIME, TIME, MUCH, NONE, NONE, MUCH,
};

#define N_PEERS		(sizeof(wanted) / sizeof(*wanted))
#define TEXT		50
#define ZEROS		13

FIXTURE(cast) {
	struct domain domain;
	struct conn src;
	struct conn peers[N_PEERS];
	__u8 *data;
};

/* bytes at the start: few, about a page of them, more */
FIXTURE_VARIANT(cast) {
	size_t size;
};

FIXTURE_VARIANT_ADD(cast, short) {
	.size = 101,
};

FIXTURE_VARIANT_ADD(cast, of_a_page) {
	.size = 3600,
};

FIXTURE_VARIANT_ADD(cast, long) {
	.size = 9001,
};

/* what was in the pool before must not show */
static int soil(const struct conn *c)
{
	static __u8 dirt[4 * 4096];
	const struct kdbus_msg *msg;
	int r;

	memset(dirt, 0xdd, sizeof(dirt));
	r = send_bytes(c, c->id, 1, dirt, sizeof(dirt));
	msg = receive(c);
	return r ?: msg ? conn_free(c, msg_offset(c, msg)) : -1;
}

FIXTURE_SETUP(cast)
{
	const struct domain *d = &self->domain;
	size_t i;

	ASSERT_EQ(0, domain_enter(&self->domain));
	ASSERT_LE(0, bus_new(d, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->src, d, ALL, 0, "source"));
	for (i = 0; i < N_PEERS; i++) {
		ASSERT_EQ(0, peer_new(&self->peers[i], d, ALL, wanted[i],
				      NULL));
		ASSERT_EQ(0, soil(&self->peers[i]));
		ASSERT_EQ(0, match_sender(&self->peers[i], &self->src));
	}

	self->data = malloc(variant->size + TEXT);
	for (i = 0; i < variant->size + TEXT; i++)
		self->data[i] = rand();
}

FIXTURE_TEARDOWN(cast)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

static int broadcast(const struct conn *src, __u64 cookie, const __u8 *data,
		     size_t size)
{
	struct kdbus_msg *msg = msg_new(KDBUS_DST_ID_BROADCAST, cookie);
	const __u64 filter[1 + BLOOM_SIZE / sizeof(__u64)] = {};
	int r;

	msg->flags = KDBUS_MSG_SIGNAL;
	item_add(msg, KDBUS_ITEM_BLOOM_FILTER, filter, sizeof(filter));
	item_add_vec(msg, data, size);
	item_add_vec(msg, NULL, ZEROS);
	item_add_vec(msg, data + size, TEXT);
	r = msg_send(src, msg);
	free(msg);
	return r;
}

static const struct kdbus_item *part(const struct kdbus_msg *msg,
				     unsigned int n)
{
	const struct kdbus_item *item = msg->items;

	for (;; item = item_next(item))
		if (item->type == KDBUS_ITEM_PAYLOAD_OFF && n-- == 0)
			return item;
}

/* says if @msg has the parts of the payload and zeros behind them */
static bool holds_payload(const struct kdbus_msg *msg, const __u8 *data,
			  size_t size, size_t slice_size)
{
	const struct kdbus_item *first = part(msg, 0), *last = part(msg, 2);
	const __u8 *bytes = (const __u8 *)msg;
	size_t end = last->vec.offset + TEXT;

	if (part(msg, 1)->vec.offset != ~0ULL ||
	    part(msg, 1)->vec.size != ZEROS ||
	    first->vec.size != size || last->vec.size != TEXT ||
	    end > slice_size || slice_size - end > 7)
		return false;

	for (; end < slice_size; end++)
		if (bytes[end] != 0)
			return false;

	return !memcmp(bytes + first->vec.offset, data, size) &&
	       !memcmp(bytes + last->vec.offset, data + size, TEXT);
}

/* says if @msg has the metadata that is wanted, and nothing else */
static bool holds_metadata(const struct kdbus_msg *msg, __u64 want)
{
	__u64 creds[BUFFER_SIZE / sizeof(__u64)];
	ssize_t size = own(KDBUS_ITEM_CREDS, creds);

	if (attached(msg) != want)
		return false;
	return want != MUCH ||
	       (holds(msg, KDBUS_ITEM_CREDS, creds, size) &&
		holds_str(msg, KDBUS_ITEM_CONN_DESCRIPTION, "source"));
}

static bool is_right(const struct conn *c, __u64 want, const struct conn *src,
		     __u64 cookie, const __u8 *data, size_t size)
{
	struct kdbus_cmd_recv recv = { .size = sizeof(recv) };
	const struct kdbus_msg *msg;

	if (conn_recv(c, &recv) < 0 || recv.dropped_msgs)
		return false;
	msg = msg_at(c, recv.msg.offset);
	return msg->cookie == cookie && msg->src_id == src->id &&
	       msg->dst_id == KDBUS_DST_ID_BROADCAST &&
	       msg->flags == KDBUS_MSG_SIGNAL &&
	       holds_metadata(msg, want) &&
	       holds_payload(msg, data, size, recv.msg.msg_size) &&
	       conn_free(c, recv.msg.offset) == 0;
}

TEST_F(cast, gives_each_its_own)
{
	__u64 cookie;
	size_t i;

	for (cookie = 1; cookie < 4; cookie++) {
		ASSERT_EQ(0, broadcast(&self->src, cookie, self->data,
				       variant->size));
		for (i = 0; i < N_PEERS; i++)
			EXPECT_TRUE(is_right(&self->peers[i], wanted[i],
					     &self->src, cookie, self->data,
					     variant->size));
	}
}

/* One who has no room has no part in it, and the others are no worse off. */
TEST_F(cast, passes_by_who_is_full)
{
	const struct conn *full = &self->peers[1];
	__u64 cookie = 1;
	size_t i;

	while (send_bytes(&self->src, full->id, 1, self->data,
			  variant->size) == 0)
		;
	while (send_cookie(&self->src, full->id, 1) == 0)
		;
	ASSERT_EQ(0, broadcast(&self->src, cookie, self->data, variant->size));
	for (i = 0; i < N_PEERS; i++)
		EXPECT_EQ(i != 1, is_right(&self->peers[i], wanted[i],
					   &self->src, cookie, self->data,
					   variant->size));
}

KDBUS_HARNESS_MAIN
