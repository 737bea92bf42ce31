// SPDX-License-Identifier: LGPL-2.1+
/*
 * Many connections: who wants a broadcast or a notification gets it and nobody
 * else does, whatever rules he asks by, and nothing is left when all have gone.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "kdbus_util.h"
#include "kdbus_harness.h"
#include "name_util.h"

/* as many as one user may have, but for those of the test itself */
#define CROWD		1000
#define BLOOM_WORDS	8

/* what a connection of the crowd asks for; they take turns */
enum want {
	WANT_NOTHING,
	WANT_ALL,
	WANT_BLOOM,
	WANT_OTHER_BLOOM,
	WANT_SENDER,
	WANT_OTHER_SENDER,
	WANT_NAME,
	WANT_OTHER_NAME,
	WANT_SENDER_AND_BLOOM,
	WANT_SENDER_AND_OTHER_BLOOM,
	WANT_ONE_RECEIVER,
	WANT_ID_ADD,
	WANT_ID_REMOVE,
	WANT_ONE_ID_REMOVE,
	WANT_NAME_ADD,
	WANT_ONE_NAME_ADD,
	WANT_OTHER_NAME_ADD,
	WANT_NEW_ID,
	WANT_OLD_ID,
	WANT_TWICE,
	N_WANTS,
};

#define NAME		"org.example.sender"
#define OTHER_NAME	"org.example.other"

FIXTURE(scale) {
	struct domain domain;
	struct conn src;
	struct conn other;
	struct conn *crowd;
};

FIXTURE_SETUP(scale)
{
	const struct rlimit files = { CROWD + 100, CROWD + 100 };

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	ASSERT_EQ(0, domain_enter(&self->domain));
	ASSERT_LE(0, bus_new(&self->domain, "0-bus", 0));
	ASSERT_EQ(0, conn_new(&self->src, &self->domain, "0-bus"));
	ASSERT_EQ(0, conn_new(&self->other, &self->domain, "0-bus"));
	self->crowd = calloc(CROWD, sizeof(*self->crowd));
	ASSERT_NE(NULL, self->crowd);
}

FIXTURE_TEARDOWN(scale)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

/* bits that the filter of the signal has, or one that it has not */
static void add_bloom(struct kdbus_cmd_match *match, unsigned int n, bool fits)
{
	__u64 mask[BLOOM_WORDS] = {};

	mask[n % BLOOM_WORDS] = 1ULL << n % 7;
	mask[n / 8 % BLOOM_WORDS] |= 1ULL << n % 5;
	if (!fits)
		mask[n / 64 % BLOOM_WORDS] |= 1ULL << (8 + n % 50);
	item_add(match, KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
}

static void add_id(struct kdbus_cmd_match *match, __u64 type, __u64 id)
{
	item_add(match, type, &id, sizeof(id));
}

static void add_id_change(struct kdbus_cmd_match *match, __u64 type, __u64 id)
{
	const struct kdbus_notify_id_change change = { .id = id };

	item_add(match, type, &change, sizeof(change));
}

static void add_name_change(struct kdbus_cmd_match *match, __u64 type,
			    __u64 old_id, __u64 new_id, const char *name)
{
	struct {
		struct kdbus_notify_name_change change;
		char name[32];
	} rule = {
		.change.old_id.id = old_id,
		.change.new_id.id = new_id,
	};
	size_t size = sizeof(rule.change);

	if (name) {
		strcpy(rule.name, name);
		size += strlen(name) + 1;
	}
	item_add(match, type, &rule, size);
}

static struct kdbus_cmd_match *make_match(FIXTURE_DATA(scale) *self,
					  enum want want, unsigned int n)
{
	struct kdbus_cmd_match *match = match_new(1);
	const __u64 any = KDBUS_MATCH_ID_ANY, id = self->src.id;

	switch (want) {
	case WANT_BLOOM:
	case WANT_OTHER_BLOOM:
		add_bloom(match, n, want == WANT_BLOOM);
		break;
	case WANT_SENDER_AND_BLOOM:
	case WANT_SENDER_AND_OTHER_BLOOM:
		add_bloom(match, n, want == WANT_SENDER_AND_BLOOM);
		/* fallthrough */
	case WANT_SENDER:
		add_id(match, KDBUS_ITEM_ID, id);
		break;
	case WANT_OTHER_SENDER:
		add_id(match, KDBUS_ITEM_ID, self->other.id);
		break;
	case WANT_NAME:
		item_add_str(match, KDBUS_ITEM_NAME, NAME);
		break;
	case WANT_OTHER_NAME:
		item_add_str(match, KDBUS_ITEM_NAME, OTHER_NAME);
		break;
	case WANT_ONE_RECEIVER:
		add_id(match, KDBUS_ITEM_DST_ID, id);
		break;
	case WANT_ID_ADD:
		add_id_change(match, KDBUS_ITEM_ID_ADD, any);
		break;
	case WANT_ID_REMOVE:
		add_id_change(match, KDBUS_ITEM_ID_REMOVE, any);
		break;
	case WANT_ONE_ID_REMOVE:
		add_id_change(match, KDBUS_ITEM_ID_REMOVE, id);
		break;
	case WANT_NAME_ADD:
		add_name_change(match, KDBUS_ITEM_NAME_ADD, any, any, NULL);
		break;
	case WANT_ONE_NAME_ADD:
		add_name_change(match, KDBUS_ITEM_NAME_ADD, 0, any, NAME);
		break;
	case WANT_OTHER_NAME_ADD:
		add_name_change(match, KDBUS_ITEM_NAME_ADD, any, any,
				OTHER_NAME);
		break;
	case WANT_NEW_ID:
		add_name_change(match, KDBUS_ITEM_NAME_ADD, any, id, NULL);
		break;
	case WANT_OLD_ID:
		add_name_change(match, KDBUS_ITEM_NAME_REMOVE, id, any, NULL);
		break;
	case WANT_TWICE:
		add_id(match, KDBUS_ITEM_ID, id);
		break;
	default:
		break;
	}

	return match;
}

static enum want want_of(unsigned int n)
{
	return n % N_WANTS;
}

/* connections with a page each, of which nothing is used yet */
static int gather(FIXTURE_DATA(scale) *self)
{
	unsigned int i;
	int r;

	for (i = 0; i < CROWD; i++) {
		r = conn_new_sized(&self->crowd[i], &self->domain, "0-bus",
				   4 * page_size());
		if (r < 0)
			return r;
	}

	/* later, so that they do not hear of each other */
	for (i = 0; i < CROWD; i++) {
		if (want_of(i) == WANT_NOTHING)
			continue;
		r = match_add(&self->crowd[i],
			      make_match(self, want_of(i), i));
		if (r >= 0 && want_of(i) == WANT_TWICE)
			r = match_add(&self->crowd[i],
				      make_match(self, WANT_BLOOM, i));
		if (r < 0)
			return r;
	}

	return 0;
}

/* what one gets: "cookie 7 " for a signal, "NAME_ADD " for a notification */
static const char *got(const struct conn *c)
{
	static char text[256];
	const struct kdbus_msg *msg;

	text[0] = '\0';
	while ((msg = receive(c))) {
		char one[32];

		if (msg->src_id == KDBUS_SRC_ID_KERNEL)
			snprintf(one, sizeof(one), "%llx ",
				 msg->items[0].type & 0xffff);
		else
			snprintf(one, sizeof(one), "cookie %llu ",
				 msg->cookie);
		if (strlen(text) + strlen(one) < sizeof(text))
			strcat(text, one);
		conn_free(c, msg_offset(c, msg));
	}
	return text;
}

static int signal_send(const struct conn *c, __u64 cookie)
{
	__u64 filter[1 + BLOOM_WORDS] = { 0 };
	struct kdbus_msg *msg = msg_new(KDBUS_DST_ID_BROADCAST, cookie);
	unsigned int i;
	int r;

	for (i = 1; i <= BLOOM_WORDS; i++)
		filter[i] = 0xff;
	msg->flags = KDBUS_MSG_SIGNAL;
	item_add(msg, KDBUS_ITEM_BLOOM_FILTER, filter, sizeof(filter));
	r = msg_send(c, msg);
	free(msg);
	return r;
}

/* everybody of the crowd gets @text if his kind is in @kinds, else nothing */
#define EXPECT_GOT(_text, _kinds) do { \
	for (i = 0; i < CROWD; i++) { \
		EXPECT_STREQ((_kinds) & 1U << want_of(i) ? (_text) : "", \
			     got(&self->crowd[i])) { \
			TH_LOG("connection %u of kind %u", i, want_of(i)); \
		} \
	} \
} while (0)

#define KIND(_want)	(1U << WANT_ ## _want)

TEST_F(scale, who_asks_gets_it)
{
	unsigned int signals = KIND(ALL) | KIND(BLOOM) | KIND(SENDER) |
			       KIND(SENDER_AND_BLOOM) | KIND(TWICE);
	struct conn c;
	unsigned int i;
	char text[32];

	ASSERT_EQ(0, gather(self));

	ASSERT_EQ(0, signal_send(&self->src, 7));
	EXPECT_GOT("cookie 7 ", signals);
	ASSERT_EQ(0, signal_send(&self->other, 8));
	EXPECT_GOT("cookie 8 ", KIND(ALL) | KIND(BLOOM) | KIND(OTHER_SENDER) |
		   KIND(TWICE));

	snprintf(text, sizeof(text), "%x ", KDBUS_ITEM_NAME_ADD & 0xffff);
	ASSERT_LE(0, name_acquire(&self->src, NAME, 0));
	EXPECT_GOT(text, KIND(ALL) | KIND(NAME_ADD) | KIND(ONE_NAME_ADD) |
		   KIND(NEW_ID));
	ASSERT_LE(0, name_acquire(&self->other, OTHER_NAME, 0));
	EXPECT_GOT(text, KIND(ALL) | KIND(NAME_ADD) | KIND(OTHER_NAME_ADD));

	ASSERT_EQ(0, signal_send(&self->src, 9));
	EXPECT_GOT("cookie 9 ", signals | KIND(NAME));
	snprintf(text, sizeof(text), "%x ", KDBUS_ITEM_NAME_REMOVE & 0xffff);
	ASSERT_EQ(0, name_release(&self->src, NAME));
	EXPECT_GOT(text, KIND(ALL) | KIND(OLD_ID));
	ASSERT_EQ(0, signal_send(&self->src, 10));
	EXPECT_GOT("cookie 10 ", signals);

	snprintf(text, sizeof(text), "%x ", KDBUS_ITEM_ID_ADD & 0xffff);
	ASSERT_EQ(0, conn_new(&c, &self->domain, "0-bus"));
	EXPECT_GOT(text, KIND(ALL) | KIND(ID_ADD));
	snprintf(text, sizeof(text), "%x ", KDBUS_ITEM_ID_REMOVE & 0xffff);
	conn_close(&c);
	EXPECT_GOT(text, KIND(ALL) | KIND(ID_REMOVE));
	conn_close(&self->src);
	EXPECT_GOT(text, KIND(ALL) | KIND(ID_REMOVE) | KIND(ONE_ID_REMOVE));
}

/* what was removed or replaced is not found any more, the new is */
TEST_F(scale, nothing_stays)
{
	struct kdbus_cmd_match *match;
	unsigned int i;

	ASSERT_EQ(0, gather(self));
	for (i = 0; i < CROWD; i++) {
		if (want_of(i) == WANT_NOTHING)
			continue;
		if (i / N_WANTS % 2) {
			ASSERT_EQ(0, match_remove(&self->crowd[i], 1));
			continue;
		}
		match = make_match(self, WANT_OTHER_SENDER, i);
		match->flags = KDBUS_MATCH_REPLACE;
		ASSERT_EQ(0, match_add(&self->crowd[i], match));
	}

	ASSERT_EQ(0, signal_send(&self->src, 7));
	EXPECT_GOT("", 0);
	ASSERT_EQ(0, signal_send(&self->other, 8));
	for (i = 0; i < CROWD; i++)
		EXPECT_STREQ(want_of(i) == WANT_NOTHING || i / N_WANTS % 2 ?
			     "" : "cookie 8 ", got(&self->crowd[i]));

	/* who goes leaves no trace: the others still get all */
	for (i = 0; i < CROWD; i += 2)
		conn_close(&self->crowd[i]);
	ASSERT_EQ(0, signal_send(&self->other, 9));
	for (i = 1; i < CROWD; i += 2)
		EXPECT_STREQ(want_of(i) == WANT_NOTHING || i / N_WANTS % 2 ?
			     "" : "cookie 9 ", got(&self->crowd[i]));
	for (i = 1; i < CROWD; i += 2)
		conn_close(&self->crowd[i]);
	ASSERT_EQ(0, signal_send(&self->other, 10));
	EXPECT_STREQ("", got(&self->src));
}

KDBUS_HARNESS_MAIN
