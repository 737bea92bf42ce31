// SPDX-License-Identifier: LGPL-2.1+
/*
 * Matches: which signals a connection gets, and how its subscriptions are
 * added, replaced and removed.
 */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kdbus_util.h"
#include "kdbus_harness.h"

#define BLOOM_SIZE	64
#define MAX_MATCHES	256

FIXTURE(match) {
	struct domain domain;
	struct conn src;
	struct conn dst;
};

FIXTURE_SETUP(match)
{
	ASSERT_EQ(0, domain_enter(&self->domain));
	ASSERT_LE(0, bus_new(&self->domain, "0-bus", 0));
	ASSERT_EQ(0, conn_new(&self->src, &self->domain, "0-bus"));
	ASSERT_EQ(0, conn_new(&self->dst, &self->domain, "0-bus"));
}

FIXTURE_TEARDOWN(match)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

static struct kdbus_cmd_match *match_new(__u64 cookie)
{
	struct kdbus_cmd_match *match = object_new(sizeof(*match));

	match->cookie = cookie;
	match->return_flags = ~0ULL;
	return match;
}

static struct kdbus_cmd_match *match_new_id(__u64 cookie, __u64 type, __u64 id)
{
	struct kdbus_cmd_match *match = match_new(cookie);

	item_add(match, type, &id, sizeof(id));
	return match;
}

static int match_add(const struct conn *c, struct kdbus_cmd_match *match)
{
	int r = cmd_run(c->fd, KDBUS_CMD_MATCH_ADD, match);

	free(match);
	return r;
}

static int match_replace(const struct conn *c, struct kdbus_cmd_match *match)
{
	match->flags |= KDBUS_MATCH_REPLACE;
	return match_add(c, match);
}

static int match_remove(const struct conn *c, __u64 cookie)
{
	struct kdbus_cmd_match match = {
		.size = sizeof(match),
		.return_flags = ~0ULL,
		.cookie = cookie,
	};

	return cmd_run(c->fd, KDBUS_CMD_MATCH_REMOVE, &match);
}

/* a signal whose filter has just one bit */
static int signal_send(const struct conn *c, __u64 dst_id, __u64 cookie,
		       __u64 generation, unsigned int bit)
{
	__u64 filter[1 + BLOOM_SIZE / sizeof(__u64)] = { generation };
	struct kdbus_msg *msg = msg_new(dst_id, cookie);
	int r;

	filter[1 + bit / 64] = 1ULL << bit % 64;
	msg->flags = KDBUS_MSG_SIGNAL;
	item_add(msg, KDBUS_ITEM_BLOOM_FILTER, filter, sizeof(filter));
	r = msg_send(c, msg);
	free(msg);
	return r;
}

/* Says if @dst gets a broadcast of @src, and nothing else. */
static bool gets(const struct conn *src, const struct conn *dst,
		 __u64 generation, unsigned int bit)
{
	static __u64 cookie;
	__u64 got;

	if (signal_send(src, KDBUS_DST_ID_BROADCAST, ++cookie, generation,
			bit) < 0)
		abort();
	got = receive_cookie(dst);
	if (got != 0 && (got != cookie || receive_cookie(dst) != 0))
		abort();
	return got != 0;
}

static bool gets_any(const struct conn *src, const struct conn *dst)
{
	return gets(src, dst, 0, 0);
}

TEST_F(match, nothing_is_got_without_asking)
{
	EXPECT_FALSE(gets_any(&self->src, &self->dst));
	EXPECT_EQ(0, send_cookie(&self->src, self->dst.id, 7));
	EXPECT_EQ(7, receive_cookie(&self->dst));
}

TEST_F(match, no_rules_match_everything)
{
	ASSERT_EQ(0, match_add(&self->dst, match_new(1)));
	EXPECT_TRUE(gets_any(&self->src, &self->dst));
	EXPECT_TRUE(gets_any(&self->dst, &self->dst));
	EXPECT_FALSE(gets_any(&self->dst, &self->src));
}

TEST_F(match, signal_is_got_once)
{
	unsigned int i;

	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, match_add(&self->dst, match_new(i)));
	EXPECT_TRUE(gets_any(&self->src, &self->dst));
}

TEST_F(match, sender)
{
	struct conn other;

	ASSERT_EQ(0, conn_new(&other, &self->domain, "0-bus"));
	ASSERT_EQ(0, match_add(&self->dst,
			       match_new_id(1, KDBUS_ITEM_ID, self->src.id)));
	EXPECT_TRUE(gets_any(&self->src, &self->dst));
	EXPECT_FALSE(gets_any(&other, &self->dst));

	ASSERT_EQ(0, match_add(&self->dst,
			       match_new_id(2, KDBUS_ITEM_ID,
					    KDBUS_MATCH_ID_ANY)));
	EXPECT_TRUE(gets_any(&other, &self->dst));
}

TEST_F(match, destination)
{
	ASSERT_EQ(0, match_add(&self->dst,
			       match_new_id(1, KDBUS_ITEM_DST_ID,
					    self->dst.id)));
	EXPECT_FALSE(gets_any(&self->src, &self->dst));
	EXPECT_EQ(0, signal_send(&self->src, self->dst.id, 5, 0, 0));
	EXPECT_EQ(5, receive_cookie(&self->dst));

	ASSERT_EQ(0, match_replace(&self->dst,
				   match_new_id(1, KDBUS_ITEM_DST_ID,
						KDBUS_MATCH_ID_ANY)));
	EXPECT_TRUE(gets_any(&self->src, &self->dst));
	EXPECT_EQ(0, signal_send(&self->src, self->dst.id, 6, 0, 0));
	EXPECT_EQ(6, receive_cookie(&self->dst));
}

TEST_F(match, signals_to_one_receiver_have_to_match_too)
{
	EXPECT_EQ(0, signal_send(&self->src, self->dst.id, 5, 0, 0));
	EXPECT_EQ(0, receive_cookie(&self->dst));
	ASSERT_EQ(0, match_add(&self->dst, match_new(1)));
	EXPECT_EQ(0, signal_send(&self->src, self->dst.id, 6, 0, 0));
	EXPECT_EQ(6, receive_cookie(&self->dst));
}

TEST_F(match, bloom_mask_of_one_bit)
{
	__u64 mask[BLOOM_SIZE / sizeof(__u64)] = {};
	struct kdbus_cmd_match *match = match_new(1);
	unsigned int bit;

	mask[7] = 1ULL << 63;
	item_add(match, KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
	ASSERT_EQ(0, match_add(&self->dst, match));
	for (bit = 0; bit < 8 * BLOOM_SIZE; bit += 73)
		EXPECT_EQ(bit == 511, gets(&self->src, &self->dst, 0, bit));
	EXPECT_TRUE(gets(&self->src, &self->dst, 0, 511));
	EXPECT_FALSE(gets(&self->src, &self->dst, 0, 447));
}

TEST_F(match, empty_bloom_mask_matches)
{
	const __u64 mask[BLOOM_SIZE / sizeof(__u64)] = {};
	struct kdbus_cmd_match *match = match_new(1);

	item_add(match, KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
	ASSERT_EQ(0, match_add(&self->dst, match));
	EXPECT_TRUE(gets_any(&self->src, &self->dst));
}

TEST_F(match, generation_selects_the_bloom_mask)
{
	__u64 mask[3][BLOOM_SIZE / sizeof(__u64)] = { { 1 }, { 2 }, { 4 } };
	struct kdbus_cmd_match *match = match_new(1);
	unsigned int generation, bit;

	item_add(match, KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
	ASSERT_EQ(0, match_add(&self->dst, match));
	for (generation = 0; generation < 5; generation++)
		for (bit = 0; bit < 3; bit++)
			EXPECT_EQ(bit == (generation < 2 ? generation : 2),
				  gets(&self->src, &self->dst, generation,
				       bit));
	EXPECT_TRUE(gets(&self->src, &self->dst, ~0ULL, 2));
}

TEST_F(match, all_rules_of_an_entry_and_any_entry)
{
	struct kdbus_cmd_match *match;
	struct conn other;

	ASSERT_EQ(0, conn_new(&other, &self->domain, "0-bus"));
	match = match_new_id(1, KDBUS_ITEM_ID, self->src.id);
	item_add(match, KDBUS_ITEM_ID, &other.id, sizeof(other.id));
	ASSERT_EQ(0, match_add(&self->dst, match));
	EXPECT_FALSE(gets_any(&self->src, &self->dst));
	EXPECT_FALSE(gets_any(&other, &self->dst));

	ASSERT_EQ(0, match_add(&self->dst,
			       match_new_id(2, KDBUS_ITEM_ID, self->src.id)));
	ASSERT_EQ(0, match_add(&self->dst,
			       match_new_id(3, KDBUS_ITEM_ID, other.id)));
	EXPECT_TRUE(gets_any(&self->src, &self->dst));
	EXPECT_TRUE(gets_any(&other, &self->dst));
}

static int name_command(const struct conn *c, unsigned int nr, __u64 flags,
			const char *name)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	int r;

	cmd->flags = flags;
	item_add_str(cmd, KDBUS_ITEM_NAME, name);
	r = cmd_run(c->fd, nr, cmd);
	free(cmd);
	return r;
}

static int name_acquire(const struct conn *c, const char *name)
{
	return name_command(c, KDBUS_CMD_NAME_ACQUIRE,
			    KDBUS_NAME_ALLOW_REPLACEMENT |
			    KDBUS_NAME_REPLACE_EXISTING, name);
}

static int name_release(const struct conn *c, const char *name)
{
	return name_command(c, KDBUS_CMD_NAME_RELEASE, 0, name);
}

TEST_F(match, name_of_the_sender)
{
	struct kdbus_cmd_match *match = match_new(1);

	item_add_str(match, KDBUS_ITEM_NAME, "org.example.a");
	ASSERT_EQ(0, match_add(&self->dst, match));
	EXPECT_FALSE(gets_any(&self->src, &self->dst));
	ASSERT_EQ(0, name_acquire(&self->src, "org.example.b"));
	EXPECT_FALSE(gets_any(&self->src, &self->dst));
	ASSERT_EQ(0, name_acquire(&self->src, "org.example.a"));
	EXPECT_TRUE(gets_any(&self->src, &self->dst));
	EXPECT_FALSE(gets_any(&self->dst, &self->dst));
	ASSERT_EQ(0, name_release(&self->src, "org.example.a"));
	EXPECT_FALSE(gets_any(&self->src, &self->dst));
}

/* The item of the next message if that is a notification; 0 if there is none */
static __u64 notified(const struct conn *c, struct kdbus_item *item)
{
	const struct kdbus_msg *msg = receive(c);

	memset(item, 0, sizeof(*item));
	if (!msg)
		return 0;
	if (msg->src_id != KDBUS_SRC_ID_KERNEL)
		abort();
	memcpy(item, msg->items, sizeof(*item));
	if (conn_free(c, msg_offset(c, msg)) < 0)
		abort();
	return item->type;
}

static struct kdbus_cmd_match *match_new_id_change(__u64 cookie, __u64 type,
						   __u64 id)
{
	const struct kdbus_notify_id_change change = { .id = id, .flags = ~0 };
	struct kdbus_cmd_match *match = match_new(cookie);

	item_add(match, type, &change, sizeof(change));
	return match;
}

static struct kdbus_cmd_match *match_new_name_change(__u64 type, __u64 old_id,
						     __u64 new_id,
						     const char *name)
{
	const struct kdbus_notify_name_change change = {
		.old_id = { .id = old_id, .flags = ~0 },
		.new_id = { .id = new_id, .flags = ~0 },
	};
	struct kdbus_cmd_match *match = match_new(1);
	struct kdbus_item *item;

	item = item_add(match, type, &change, sizeof(change));
	if (name) {
		strcpy(item->name_change.name, name);
		item->size += strlen(name) + 1;
		match->size += strlen(name) + 1;
	}
	return match;
}

TEST_F(match, ids_that_come_and_go)
{
	struct kdbus_item item;
	struct conn a, b;

	ASSERT_EQ(0, match_add(&self->dst,
			       match_new_id_change(1, KDBUS_ITEM_ID_ADD,
						   KDBUS_MATCH_ID_ANY)));
	ASSERT_EQ(0, conn_new(&a, &self->domain, "0-bus"));
	EXPECT_EQ(KDBUS_ITEM_ID_ADD, notified(&self->dst, &item));
	EXPECT_EQ(a.id, item.id_change.id);
	ASSERT_EQ(0, conn_new(&b, &self->domain, "0-bus"));
	EXPECT_EQ(KDBUS_ITEM_ID_ADD, notified(&self->dst, &item));
	EXPECT_EQ(b.id, item.id_change.id);

	ASSERT_EQ(0, match_replace(&self->dst,
				   match_new_id_change(1, KDBUS_ITEM_ID_REMOVE,
						       b.id)));
	conn_close(&a);
	EXPECT_EQ(0, notified(&self->dst, &item));
	conn_close(&b);
	EXPECT_EQ(KDBUS_ITEM_ID_REMOVE, notified(&self->dst, &item));
	EXPECT_EQ(b.id, item.id_change.id);
	EXPECT_EQ(0, notified(&self->dst, &item));
}

/* Does @dst hear of a name that goes to @a, from @a to @b, and from @b? */
static __u64 names_heard(const struct conn *dst, const struct conn *a,
			 const struct conn *b, struct kdbus_cmd_match *match)
{
	struct kdbus_item item;
	__u64 heard = 0, type;

	CHECK(match_replace(dst, match) == 0);
	CHECK(name_acquire(a, "org.example.a") == 0);
	CHECK(name_acquire(b, "org.example.a") == 0);
	CHECK(name_release(b, "org.example.a") == 0);
	while ((type = notified(dst, &item)))
		heard = heard << 4 | (type - _KDBUS_ITEM_KERNEL_BASE + 1);
	return heard;
}

/* as names_heard() returns them */
#define ADD	1
#define REMOVE	2
#define CHANGE	3

TEST_F(match, names_that_change_hands)
{
	const __u64 any = KDBUS_MATCH_ID_ANY;
	const struct conn *dst = &self->dst, *a = &self->src;
	struct conn other, *b = &other;
	const struct {
		__u64 type, old_id, new_id;
		const char *name;
		__u64 expected;
	} rows[] = {
		{ KDBUS_ITEM_NAME_ADD, any, any, NULL, ADD },
		{ KDBUS_ITEM_NAME_ADD, any, any, "org.example.a", ADD },
		{ KDBUS_ITEM_NAME_ADD, any, any, "org.example.b", 0 },
		{ KDBUS_ITEM_NAME_ADD, any, any, "org.example", 0 },
		{ KDBUS_ITEM_NAME_ADD, any, any, "org.example.ab", 0 },
		{ KDBUS_ITEM_NAME_ADD, any, any, "", 0 },
		{ KDBUS_ITEM_NAME_ADD, 0, a->id, NULL, ADD },
		{ KDBUS_ITEM_NAME_ADD, 0, dst->id, NULL, 0 },
		{ KDBUS_ITEM_NAME_ADD, a->id, a->id, NULL, 0 },
		{ KDBUS_ITEM_NAME_CHANGE, any, any, NULL, CHANGE },
		{ KDBUS_ITEM_NAME_CHANGE, a->id, any, NULL, CHANGE },
		{ KDBUS_ITEM_NAME_CHANGE, any, a->id, NULL, 0 },
		{ KDBUS_ITEM_NAME_REMOVE, any, any, NULL, REMOVE },
		{ KDBUS_ITEM_NAME_REMOVE, any, 0, "org.example.a", REMOVE },
		{ KDBUS_ITEM_NAME_REMOVE, a->id, 0, NULL, 0 },
	};
	unsigned int i;

	ASSERT_EQ(0, conn_new(&other, &self->domain, "0-bus"));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(rows[i].expected,
			  names_heard(dst, a, b, match_new_name_change(
				rows[i].type, rows[i].old_id, rows[i].new_id,
				rows[i].name))) {
			TH_LOG("row %u", i);
		}
	}
	EXPECT_EQ(ADD << 8 | CHANGE << 4 | REMOVE,
		  names_heard(dst, a, b, match_new(1)));
}

TEST_F(match, mixed_rules_match_nothing)
{
	struct kdbus_cmd_match *match;
	struct kdbus_item item;
	struct conn c;

	match = match_new_id_change(1, KDBUS_ITEM_ID_ADD, KDBUS_MATCH_ID_ANY);
	item_add(match, KDBUS_ITEM_ID, &self->src.id, sizeof(self->src.id));
	ASSERT_EQ(0, match_add(&self->dst, match));
	ASSERT_EQ(0, conn_new(&c, &self->domain, "0-bus"));
	EXPECT_EQ(0, notified(&self->dst, &item));
	EXPECT_FALSE(gets_any(&self->src, &self->dst));
}

TEST_F(match, rules_for_notifications_do_not_match_messages)
{
	const struct kdbus_notify_name_change name_change = {
		.old_id.id = KDBUS_MATCH_ID_ANY,
		.new_id.id = KDBUS_MATCH_ID_ANY,
	};
	const struct kdbus_notify_id_change id_change = {
		.id = KDBUS_MATCH_ID_ANY,
	};
	struct kdbus_cmd_match *match;
	__u64 type;

	for (type = KDBUS_ITEM_NAME_ADD; type <= KDBUS_ITEM_ID_REMOVE; type++) {
		match = match_new(type);
		if (type < KDBUS_ITEM_ID_ADD)
			item_add(match, type, &name_change,
				 sizeof(name_change));
		else
			item_add(match, type, &id_change, sizeof(id_change));
		EXPECT_EQ(0, match_add(&self->dst, match));
	}
	EXPECT_FALSE(gets_any(&self->src, &self->dst));
}

/* Not even those that everything fits: an entry without any rule does. */
TEST_F(match, rules_for_messages_do_not_match_notifications)
{
	const __u64 mask[BLOOM_SIZE / sizeof(__u64)] = {};
	struct kdbus_cmd_match *match;
	struct kdbus_item item;
	struct conn c;

	ASSERT_EQ(0, match_add(&self->dst, match_new_id(1, KDBUS_ITEM_ID, 0)));
	ASSERT_EQ(0, match_add(&self->dst, match_new_id(1, KDBUS_ITEM_ID,
							KDBUS_MATCH_ID_ANY)));
	ASSERT_EQ(0, match_add(&self->dst, match_new_id(1, KDBUS_ITEM_DST_ID,
							KDBUS_MATCH_ID_ANY)));
	match = match_new(1);
	item_add(match, KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
	ASSERT_EQ(0, match_add(&self->dst, match));
	match = match_new(1);
	item_add_str(match, KDBUS_ITEM_NAME, "org.example.a");
	ASSERT_EQ(0, match_add(&self->dst, match));

	ASSERT_EQ(0, conn_new(&c, &self->domain, "0-bus"));
	ASSERT_EQ(0, name_acquire(&c, "org.example.a"));
	ASSERT_EQ(0, name_acquire(&self->src, "org.example.a"));
	ASSERT_EQ(0, name_release(&self->src, "org.example.a"));
	conn_close(&c);
	EXPECT_EQ(0, notified(&self->dst, &item));
	EXPECT_TRUE(gets_any(&self->src, &self->dst));
}

TEST_F(match, rules_for_different_notifications_match_nothing)
{
	static const __u64 types[] = {
		KDBUS_ITEM_NAME_ADD, KDBUS_ITEM_NAME_REMOVE,
		KDBUS_ITEM_NAME_CHANGE, KDBUS_ITEM_ID_ADD, KDBUS_ITEM_ID_REMOVE,
	};
	/* of each kind the first words say that any id is meant */
	static const __u64 any[4] = { ~0ULL, 0, ~0ULL, 0 };
	struct kdbus_cmd_match *match;
	struct kdbus_item item;
	unsigned int i, j, n;
	struct conn c;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		for (j = 0; j <= i; j++) {
			match = match_new(1);
			item_add(match, types[i], any, i < 3 ? 32 : 16);
			item_add(match, types[j], any, j < 3 ? 32 : 16);
			ASSERT_EQ(0, match_replace(&self->dst, match));
			ASSERT_EQ(0, conn_new(&c, &self->domain, "0-bus"));
			ASSERT_EQ(0, name_acquire(&c, "org.example.a"));
			ASSERT_EQ(0, name_acquire(&self->src, "org.example.a"));
			ASSERT_EQ(0, name_release(&self->src, "org.example.a"));
			conn_close(&c);
			for (n = 0; notified(&self->dst, &item); n++)
				EXPECT_EQ(types[i], item.type);
			EXPECT_EQ(i == j, n) {
				TH_LOG("types %u and %u", i, j);
			}
		}
	}
}

/* Names in notifications are only compared. */
TEST_F(match, names_of_notifications_need_no_grammar)
{
	static const char *const names[] = { "", "nodots", "a.*", "a..b" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		EXPECT_EQ(0, names_heard(&self->dst, &self->src, &self->dst,
					 match_new_name_change(
						KDBUS_ITEM_NAME_ADD,
						KDBUS_MATCH_ID_ANY,
						KDBUS_MATCH_ID_ANY, names[i])));
}

/* What counts is the field of the message. */
TEST_F(match, destination_of_a_signal_to_a_name_is_0)
{
	const __u64 filter[1 + BLOOM_SIZE / sizeof(__u64)] = {};
	const struct {
		__u64 rule, dst_id;
		bool fits;
	} rows[] = {
		{ self->dst.id, 0, false },
		{ 0, 0, true },
		{ KDBUS_MATCH_ID_ANY, 0, true },
		{ self->dst.id, self->dst.id, true },
		{ 0, self->dst.id, false },
	};
	struct kdbus_msg *msg;
	unsigned int i;

	ASSERT_EQ(0, name_acquire(&self->dst, "org.example.a"));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ASSERT_EQ(0, match_replace(&self->dst,
					   match_new_id(1, KDBUS_ITEM_DST_ID,
							rows[i].rule)));
		msg = msg_new(rows[i].dst_id, 5);
		msg->flags = KDBUS_MSG_SIGNAL;
		item_add(msg, KDBUS_ITEM_BLOOM_FILTER, filter, sizeof(filter));
		item_add_str(msg, KDBUS_ITEM_DST_NAME, "org.example.a");
		ASSERT_EQ(0, msg_send(&self->src, msg));
		EXPECT_EQ(rows[i].fits ? 5 : 0, receive_cookie(&self->dst)) {
			TH_LOG("row %u", i);
		}
	}
}

/* More bits than are asked for do no harm, fewer do. */
TEST_F(match, filter_has_all_bits_of_the_mask)
{
	static const struct {
		__u64 filter[2];
		bool fits;
	} rows[] = {
		{ { 0x6, 0x10 }, true },
		{ { ~0ULL, ~0ULL }, true },
		{ { 0x7, 0x30 }, true },
		{ { 0x4, 0x10 }, false },
		{ { 0x6, 0 }, false },
		{ { 0x10, 0x6 }, false },
		{ { 0, 0 }, false },
		{ { ~0x2ULL, ~0ULL }, false },
	};
	__u64 mask[BLOOM_SIZE / sizeof(__u64)] = { 0x6, [7] = 0x10 };
	__u64 filter[1 + BLOOM_SIZE / sizeof(__u64)] = {};
	struct kdbus_cmd_match *match = match_new(1);
	struct kdbus_msg *msg;
	unsigned int i;

	item_add(match, KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
	ASSERT_EQ(0, match_add(&self->dst, match));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		filter[1] = rows[i].filter[0];
		filter[8] = rows[i].filter[1];
		msg = msg_new(KDBUS_DST_ID_BROADCAST, 5);
		msg->flags = KDBUS_MSG_SIGNAL;
		item_add(msg, KDBUS_ITEM_BLOOM_FILTER, filter, sizeof(filter));
		ASSERT_EQ(0, msg_send(&self->src, msg));
		EXPECT_EQ(rows[i].fits ? 5 : 0, receive_cookie(&self->dst)) {
			TH_LOG("row %u", i);
		}
	}
}

TEST_F(match, sender_that_waits_for_a_name_does_not_own_it)
{
	struct kdbus_cmd_match *match = match_new(1);

	item_add_str(match, KDBUS_ITEM_NAME, "org.example.a");
	ASSERT_EQ(0, match_add(&self->dst, match));
	ASSERT_EQ(0, name_acquire(&self->dst, "org.example.a"));
	ASSERT_EQ(0, name_command(&self->src, KDBUS_CMD_NAME_ACQUIRE,
				  KDBUS_NAME_QUEUE, "org.example.a"));
	EXPECT_FALSE(gets_any(&self->src, &self->dst));
	EXPECT_TRUE(gets_any(&self->dst, &self->dst));
	ASSERT_EQ(0, name_release(&self->dst, "org.example.a"));
	EXPECT_TRUE(gets_any(&self->src, &self->dst));
	EXPECT_FALSE(gets_any(&self->dst, &self->dst));
}

TEST_F(match, remove_takes_all_with_the_cookie)
{
	EXPECT_EQ(-EBADSLT, match_remove(&self->dst, 1));
	ASSERT_EQ(0, match_add(&self->dst, match_new(1)));
	ASSERT_EQ(0, match_add(&self->dst, match_new(1)));
	ASSERT_EQ(0, match_add(&self->dst,
			       match_new_id(2, KDBUS_ITEM_ID, 12345)));
	EXPECT_EQ(-EBADSLT, match_remove(&self->src, 1));
	EXPECT_EQ(-EBADSLT, match_remove(&self->dst, 3));
	EXPECT_TRUE(gets_any(&self->src, &self->dst));
	EXPECT_EQ(0, match_remove(&self->dst, 1));
	EXPECT_FALSE(gets_any(&self->src, &self->dst));
	EXPECT_EQ(-EBADSLT, match_remove(&self->dst, 1));
	EXPECT_EQ(0, match_remove(&self->dst, 2));
}

TEST_F(match, replace_takes_the_place_of_all_with_the_cookie)
{
	struct conn other;

	ASSERT_EQ(0, conn_new(&other, &self->domain, "0-bus"));
	ASSERT_EQ(0, match_add(&self->dst, match_new(1)));
	ASSERT_EQ(0, match_add(&self->dst, match_new(1)));
	ASSERT_EQ(0, match_replace(&self->dst,
				   match_new_id(1, KDBUS_ITEM_ID,
						self->src.id)));
	EXPECT_TRUE(gets_any(&self->src, &self->dst));
	EXPECT_FALSE(gets_any(&other, &self->dst));

	/* with nothing there it just adds */
	ASSERT_EQ(0, match_replace(&self->dst,
				   match_new_id(2, KDBUS_ITEM_ID, other.id)));
	EXPECT_TRUE(gets_any(&other, &self->dst));
	EXPECT_EQ(0, match_remove(&self->dst, 1));
	EXPECT_EQ(0, match_remove(&self->dst, 2));
}

TEST_F(match, number_of_entries_is_limited)
{
	unsigned int i;

	for (i = 0; i < MAX_MATCHES; i++)
		ASSERT_EQ(0, match_add(&self->dst,
				       match_new_id(i / 2, KDBUS_ITEM_ID, 1)));
	EXPECT_EQ(-EMFILE, match_add(&self->dst, match_new(0)));
	EXPECT_EQ(-EMFILE, match_replace(&self->dst, match_new(MAX_MATCHES)));
	EXPECT_FALSE(gets_any(&self->src, &self->dst));

	/* what is replaced makes room */
	EXPECT_EQ(0, match_replace(&self->dst, match_new(0)));
	EXPECT_TRUE(gets_any(&self->src, &self->dst));
	EXPECT_EQ(0, match_add(&self->dst, match_new(0)));
	EXPECT_EQ(-EMFILE, match_add(&self->dst, match_new(0)));
	EXPECT_EQ(0, match_remove(&self->dst, 0));
	EXPECT_FALSE(gets_any(&self->src, &self->dst));
	EXPECT_EQ(0, match_add(&self->src, match_new(0)));
}

TEST_F(match, bad_rules_change_nothing)
{
	const char mask[2 * BLOOM_SIZE] = {};
	static const size_t sizes[] = {
		0, 8, BLOOM_SIZE - 1, BLOOM_SIZE + 1, 3 * BLOOM_SIZE / 2,
	};
	static const char *const names[] = { "", "nodots", "a.*", "a..b" };
	struct kdbus_cmd_match *match;
	unsigned int i;

	ASSERT_EQ(0, match_add(&self->dst, match_new(1)));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		match = match_new_id(1, KDBUS_ITEM_ID, 12345);
		item_add(match, KDBUS_ITEM_BLOOM_MASK, mask, sizes[i]);
		item_add_str(match, KDBUS_ITEM_NAME, "*");
		EXPECT_EQ(-EDOM, match_replace(&self->dst, match));
	}
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		match = match_new_id(1, KDBUS_ITEM_ID, 12345);
		item_add_str(match, KDBUS_ITEM_NAME, names[i]);
		item_add(match, KDBUS_ITEM_BLOOM_MASK, mask, 1);
		EXPECT_EQ(-EINVAL, match_replace(&self->dst, match));
	}
	match = match_new(1);
	item_add(match, KDBUS_ITEM_ID, mask, 4);
	EXPECT_EQ(-EINVAL, match_replace(&self->dst, match));
	match = match_new(1);
	item_add(match, KDBUS_ITEM_CREDS, mask, sizeof(struct kdbus_creds));
	EXPECT_EQ(-EINVAL, match_replace(&self->dst, match));
	match = match_new(1);
	match->flags = 2;
	EXPECT_EQ(-EINVAL, match_replace(&self->dst, match));

	EXPECT_TRUE(gets_any(&self->src, &self->dst));
}

TEST_F(match, largest_entry)
{
	struct kdbus_cmd_match *match = match_new(1);
	const size_t size = 32768 - sizeof(*match) - 16;
	__u8 *mask = calloc(1, size);

	ASSERT_NE(NULL, mask);
	item_add(match, KDBUS_ITEM_BLOOM_MASK, mask,
		 size / BLOOM_SIZE * BLOOM_SIZE);
	ASSERT_EQ(0, match_add(&self->dst, match));
	EXPECT_TRUE(gets_any(&self->src, &self->dst));
	EXPECT_EQ(0, match_remove(&self->dst, 1));
}

/* Programs that ask what is supported in the same call */
TEST_F(match, negotiation_makes_no_rule)
{
	const __u64 types[] = { KDBUS_ITEM_ID, KDBUS_ITEM_NAME, 0x7777 };
	struct kdbus_cmd_match *match = match_new(1);

	item_add(match, KDBUS_ITEM_NEGOTIATE, types, sizeof(types));
	item_add(match, KDBUS_ITEM_ID, &self->src.id, sizeof(self->src.id));
	ASSERT_EQ(0, match_add(&self->dst, match));
	EXPECT_TRUE(gets_any(&self->src, &self->dst));
	EXPECT_FALSE(gets_any(&self->dst, &self->dst));
	EXPECT_EQ(0, match_remove(&self->dst, 1));
}

/* How long it takes to send them depends on the machine. */
#define N_SIGNALS	2000
#define N_SECONDS	5

struct churn {
	const struct conn *conn;
	__u64 src_id;
	bool stop;
};

/* replaces a match by one like it, between others that come and go */
static void *churn(void *arg)
{
	struct churn *churn = arg;
	__u64 cookie = 2;

	while (!__atomic_load_n(&churn->stop, __ATOMIC_RELAXED)) {
		CHECK(match_replace(churn->conn,
				    match_new_id(1, KDBUS_ITEM_ID,
						 churn->src_id)) == 0);
		CHECK(match_add(churn->conn,
				match_new_id(cookie, KDBUS_ITEM_ID, 1)) == 0);
		if (++cookie >= 10)
			CHECK(match_remove(churn->conn, cookie - 8) == 0);
	}
	return NULL;
}

TEST_F(match, replacing_loses_nothing)
{
	struct churn arg = { .conn = &self->dst, .src_id = self->src.id };
	const time_t end = time(NULL) + N_SECONDS;
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, match_add(&self->dst,
			       match_new_id(1, KDBUS_ITEM_ID, self->src.id)));
	ASSERT_EQ(0, pthread_create(&thread, NULL, churn, &arg));
	for (i = 0; i < N_SIGNALS && time(NULL) < end; i++)
		ASSERT_TRUE(gets_any(&self->src, &self->dst));
	__atomic_store_n(&arg.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

/* Connections with matches come and go while signals are sent. */
static void *reconnect(void *arg)
{
	const struct domain *d = arg;
	struct conn c;
	unsigned int i;

	for (i = 0; i < 100; i++) {
		CHECK(conn_new(&c, d, "0-bus") == 0);
		CHECK(match_add(&c, match_new(1)) == 0);
		CHECK(match_add(&c, match_new(2)) == 0);
		conn_close(&c);
	}
	return NULL;
}

TEST_F(match, signals_meet_closing_connections)
{
	const time_t end = time(NULL) + N_SECONDS;
	pthread_t threads[3];
	unsigned int i;

	ASSERT_EQ(0, match_add(&self->dst,
			       match_new_id(1, KDBUS_ITEM_ID, self->src.id)));
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, reconnect,
					    &self->domain));
	for (i = 0; i < N_SIGNALS && time(NULL) < end; i++)
		ASSERT_TRUE(gets_any(&self->src, &self->dst));
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
}

/* All rules together have a limit, too: 2 MiB. */
TEST_F(match, rules_of_a_connection_have_a_limit)
{
	const size_t mask = 511 * BLOOM_SIZE, n = 2 * MiB / (16 + mask);
	const size_t rest = 2 * MiB - n * (16 + mask) - 16;
	static __u8 ones[511 * BLOOM_SIZE];
	struct kdbus_cmd_match *match;
	unsigned int i, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i <= n; i++) {
			match = match_new(i);
			item_add(match, KDBUS_ITEM_BLOOM_MASK, ones, mask);
			EXPECT_EQ(i < n ? 0 : -EMFILE,
				  match_add(&self->dst, match));
		}

		/* what is replaced does not count */
		match = match_new(1);
		item_add(match, KDBUS_ITEM_BLOOM_MASK, ones, mask);
		EXPECT_EQ(0, match_replace(&self->dst, match));
		match = match_new(n);
		item_add(match, KDBUS_ITEM_BLOOM_MASK, ones, mask);
		EXPECT_EQ(-EMFILE, match_replace(&self->dst, match));

		/* up to the last byte, apart from what is no whole mask */
		match = match_new(n);
		item_add(match, KDBUS_ITEM_BLOOM_MASK, ones,
			 rest / BLOOM_SIZE * BLOOM_SIZE);
		EXPECT_EQ(0, match_add(&self->dst, match));
		match = match_new(n);
		item_add(match, KDBUS_ITEM_BLOOM_MASK, ones, BLOOM_SIZE);
		EXPECT_EQ(-EMFILE, match_add(&self->dst, match));
		/* each connection has its own */
		EXPECT_EQ(0, match_add(&self->src, match_new(0)));

		for (i = 0; i <= n; i++)
			EXPECT_EQ(0, match_remove(&self->dst, i));
	}
}

KDBUS_HARNESS_MAIN
