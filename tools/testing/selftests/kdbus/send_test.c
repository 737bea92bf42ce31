// SPDX-License-Identifier: LGPL-2.1+
/*
 * SEND: which messages are refused, in which order that is found out, and to
 * whom a message may go. What arrives is up to message_test.
 */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "kdbus_util.h"
#include "kdbus_harness.h"

#define NEGOTIATE	KDBUS_FLAG_NEGOTIATE

FIXTURE(send) {
	struct domain domain;
	struct domain *d;
	struct conn a;
	struct conn b;
};

FIXTURE_SETUP(send)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, conn_new(&self->a, self->d, "0-bus"));
	ASSERT_EQ(0, conn_new(&self->b, self->d, "0-bus"));
}

FIXTURE_TEARDOWN(send)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

typedef FIXTURE_DATA(send) struct_t;

/* Nothing arrived anywhere, and the next message does. */
static bool unharmed(struct_t *self)
{
	return receive_cookie(&self->a) == 0 && receive_cookie(&self->b) == 0 &&
	       send_cookie(&self->a, self->b.id, 77) == 0 &&
	       receive_cookie(&self->b) == 77;
}

#define EXPECT_UNHARMED() EXPECT_TRUE(unharmed(self))

#define ID_A	(~0ULL - 1)	/* in tables: the sender */
#define ID_B	(~0ULL - 2)	/* the receiver */
#define BCAST	KDBUS_DST_ID_BROADCAST

struct row {
	const char *name;
	int expected;
	__u64 flags;
	__u64 dst_id;
	__u64 src_id;
	__u64 payload_type;
	__u64 cookie;
	__u64 timeout_ns;	/* or cookie_reply */
};

static __u64 real_id(struct_t *self, __u64 id)
{
	return id == ID_A ? self->a.id : id == ID_B ? self->b.id : id;
}

static int send_row(struct_t *self, const struct row *row)
{
	struct kdbus_msg *msg = msg_new(real_id(self, row->dst_id), 1);

	msg->flags = row->flags;
	msg->src_id = real_id(self, row->src_id);
	msg->payload_type = row->payload_type;
	msg->cookie = row->cookie;
	msg->timeout_ns = row->timeout_ns;
	return msg_send(&self->a, msg);
}

/* Every row breaks a rule, and maybe one that is looked at later. */
TEST_F(send, header_follows_the_rules)
{
	static const struct row rows[] = {
		{ "src_id of another", -EINVAL, 0, ID_B, ID_B, 1, 1, 0 },
		{ "unknown src_id", -EINVAL, 0, ID_B, 999, 1, 1, 0 },
		{ "src_id ~0", -EINVAL, 0, ID_B, ~0ULL, 1, 1, 0 },
		{ "src_id, then broadcast", -EINVAL, 0, BCAST, ID_B, 1, 1, 0 },
		{ "kernel payload", -EINVAL, 0, ID_B, 0, 0, 1, 0 },
		{ "payload, then broadcast", -EINVAL, 0, BCAST, 0, 0, 1, 0 },
		{ "broadcast", -EBADMSG, 0, BCAST, 0, 1, 1, 0 },
		{ "broadcast, then reply", -EBADMSG, 0, BCAST, 0, 1, 1, 5 },
		{ "reply to all", -ENOTUNIQ, 4, BCAST, 0, 1, 1, 5 },
		{ "call to all", -ENOTUNIQ, 5, BCAST, 0, 1, 1, ~0ULL },
		{ "call without timeout", -EINVAL, 1, ID_B, 0, 1, 1, 0 },
		{ "timeout, then signal", -EINVAL, 5, ID_B, 0, 1, 1, 0 },
		{ "call without cookie", -EINVAL, 1, ID_B, 0, 1, 0, ~0ULL },
		{ "call as a signal", -ENOTUNIQ, 5, ID_B, 0, 1, 1, ~0ULL },
		{ "reply as a signal", -EINVAL, 4, ID_B, 0, 1, 1, 5 },
		{ "signal without filter", -EBADMSG, 4, ID_B, 0, 1, 1, 0 },
		{ "signal to nobody", -EBADMSG, 4, 0, 0, 1, 1, 0 },
		{ "to nobody", -EDESTADDRREQ, 0, 0, 0, 1, 1, 0 },
		{ "call to nobody", -EDESTADDRREQ, 1, 0, 0, 1, 1, ~0ULL },
		{ "to an unknown id", -ENXIO, 0, 999, 0, 1, 1, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(rows[i].expected, send_row(self, &rows[i])) {
			TH_LOG("%s", rows[i].name);
		}
	}
	EXPECT_UNHARMED();
}

TEST_F(send, header_has_few_rules)
{
	static const struct row rows[] = {
		{ "all zero", 0, 0, ID_B, 0, KDBUS_PAYLOAD_DBUS, 0, 0 },
		{ "own src_id", 0, 0, ID_B, ID_A, KDBUS_PAYLOAD_DBUS, 1, 0 },
		{ "other payload", 0, 0, ID_B, 0, 1, 1, 0 },
		{ "any payload", 0, 0, ID_B, 0, ~0ULL, 1, 0 },
		{ "any cookie", 0, 0, ID_B, 0, 1, ~0ULL, 0 },
		{ "no auto start", 0, 2, ID_B, 0, 1, 1, 0 },
		{ "to itself", 0, 0, ID_A, 0, 1, 1, 0 },
		{ "to itself, known", 0, 0, ID_A, ID_A, 1, 1, 0 },
	};
	const struct kdbus_msg *msg;
	struct conn *dst;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(0, send_row(self, &rows[i])) {
			TH_LOG("%s", rows[i].name);
		}
		dst = rows[i].dst_id == ID_A ? &self->a : &self->b;
		msg = receive(dst);
		ASSERT_NE(NULL, msg) {
			TH_LOG("%s", rows[i].name);
		}
		EXPECT_EQ(rows[i].flags, msg->flags);
		EXPECT_EQ(0, msg->priority);
		EXPECT_EQ(dst->id, msg->dst_id);
		EXPECT_EQ(self->a.id, msg->src_id);
		EXPECT_EQ(rows[i].payload_type, msg->payload_type);
		EXPECT_EQ(rows[i].cookie, msg->cookie);
		EXPECT_EQ(0, msg->cookie_reply);
		EXPECT_EQ(0, conn_free(dst, msg_offset(dst, msg)));
	}
	EXPECT_UNHARMED();
}

TEST_F(send, items_follow_the_rules)
{
	static const __u64 zero[8];
	static const struct {
		__u64 type;
		size_t size;
		int expected;
	} rows[] = {
		{ KDBUS_ITEM_PAYLOAD_VEC, 0, -EINVAL },
		{ KDBUS_ITEM_PAYLOAD_VEC, 8, -EINVAL },
		{ KDBUS_ITEM_PAYLOAD_VEC, 15, -EINVAL },
		{ KDBUS_ITEM_PAYLOAD_VEC, 16, -EINVAL }, /* no bytes */
		{ KDBUS_ITEM_PAYLOAD_VEC, 17, -EINVAL },
		{ KDBUS_ITEM_PAYLOAD_VEC, 24, -EINVAL },
		{ KDBUS_ITEM_PAYLOAD_OFF, 16, -EINVAL },
		{ KDBUS_ITEM_CANCEL_FD, 4, -EINVAL },
		{ KDBUS_ITEM_DST_ID, 8, -EINVAL },
		{ KDBUS_ITEM_ID, 8, -EINVAL },
		{ KDBUS_ITEM_NAME, 1, -EINVAL },
		{ KDBUS_ITEM_TIMESTAMP, 24, -EINVAL },
		{ KDBUS_ITEM_CREDS, 64, -EINVAL },
		{ KDBUS_ITEM_NAME_ADD, 32, -EINVAL },
		{ KDBUS_ITEM_REPLY_DEAD, 0, -EINVAL },
		{ KDBUS_ITEM_NEGOTIATE, 0, -EINVAL },
		{ KDBUS_ITEM_NEGOTIATE, 8, -EINVAL },
		{ KDBUS_ITEM_DST_NAME, 0, -EINVAL },
		{ KDBUS_ITEM_DST_NAME, 1, -EINVAL }, /* empty */
	};
	struct kdbus_msg *msg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		msg = msg_new(self->b.id, 1);
		item_add(msg, rows[i].type, zero, rows[i].size);
		EXPECT_EQ(rows[i].expected, msg_send(&self->a, msg)) {
			TH_LOG("item %llx of %zu bytes", rows[i].type,
			       rows[i].size);
		}
	}
	EXPECT_UNHARMED();
}

TEST_F(send, destination_is_a_well_known_name)
{
	static const char *const bad[] = {
		"", ".", "a", "a.", ".a", "a..b", "a.b.", ".a.b", "a.1b",
		"1a.b", "a.b c", "a.b/c", "a.*", "*", "a.b.*", "a.\xc4",
		"a.b\n", ":1.5",
	};
	static const char *const good[] = {
		"a.b", "_.-", "a._1", "A-b.c-d", "com.example.Service9",
	};
	struct kdbus_msg *msg;
	char name[258];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		msg = msg_new(KDBUS_DST_ID_NAME, 1);
		item_add_str(msg, KDBUS_ITEM_DST_NAME, bad[i]);
		EXPECT_EQ(-EINVAL, msg_send(&self->a, msg)) {
			TH_LOG("\"%s\"", bad[i]);
		}
	}
	/* nobody owns it */
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		msg = msg_new(KDBUS_DST_ID_NAME, 1);
		item_add_str(msg, KDBUS_ITEM_DST_NAME, good[i]);
		EXPECT_EQ(-ESRCH, msg_send(&self->a, msg)) {
			TH_LOG("\"%s\"", good[i]);
		}
		msg->dst_id = self->b.id;
		EXPECT_EQ(-ESRCH, msg_send(&self->a, msg)) {
			TH_LOG("\"%s\"", good[i]);
		}
	}
	memset(name, 'n', sizeof(name));
	name[100] = '.';
	for (i = 254; i <= 257; i++) {
		name[i] = 0;
		msg = msg_new(KDBUS_DST_ID_NAME, 1);
		item_add_str(msg, KDBUS_ITEM_DST_NAME, name);
		EXPECT_EQ(i > 255 ? -EINVAL : -ESRCH,
			  msg_send(&self->a, msg)) {
			TH_LOG("%u bytes", i);
		}
		name[i] = 'n';
	}
	EXPECT_UNHARMED();
}

TEST_F(send, destination_name_is_a_string)
{
	static const struct {
		const char *bytes;
		size_t size;
	} rows[] = {
		{ "a.b", 3 },
		{ "a.b\0", 5 },
		{ "a.b\0c", 6 },
		{ "a.b\0c.d", 8 },
	};
	struct kdbus_msg *msg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		msg = msg_new(KDBUS_DST_ID_NAME, 1);
		item_add(msg, KDBUS_ITEM_DST_NAME, rows[i].bytes,
			 rows[i].size);
		EXPECT_EQ(-EINVAL, msg_send(&self->a, msg)) {
			TH_LOG("row %u", i);
		}
	}
	msg = msg_new(KDBUS_DST_ID_NAME, 1);
	item_add_str(msg, KDBUS_ITEM_DST_NAME, "a.b");
	item_add_str(msg, KDBUS_ITEM_DST_NAME, "a.b");
	EXPECT_EQ(-EINVAL, msg_send(&self->a, msg));

	msg = msg_new(BCAST, 1);
	msg->flags = KDBUS_MSG_SIGNAL;
	item_add_str(msg, KDBUS_ITEM_DST_NAME, "a.b");
	EXPECT_EQ(-EBADMSG, msg_send(&self->a, msg));

	/* padding may be missing, or garbage */
	msg = msg_new(KDBUS_DST_ID_NAME, 1);
	item_add_str(msg, KDBUS_ITEM_DST_NAME, "a.b");
	memset((__u8 *)msg + msg->size, 0xff, 8);
	ASSERT_NE(0, msg->size % 8);
	EXPECT_EQ(-ESRCH, msg_send(&self->a, msg));
	item_add_vec(msg, "x", 1);
	EXPECT_EQ(-ESRCH, msg_send(&self->a, msg));
	EXPECT_UNHARMED();
}

TEST_F(send, payload_has_limits)
{
	const __u64 max = 2 * MiB;
	const void *bad = (void *)(ULONG_MAX / 2 + ULONG_MAX / 4);
	struct kdbus_msg *msg;
	unsigned int i;
	const struct {
		const void *address;
		__u64 size;
		int expected;
	} rows[] = {
		{ "x", 0, -EINVAL },
		{ NULL, 0, -EINVAL },
		{ "x", max + 1, -EMSGSIZE },
		{ NULL, max + 1, -EMSGSIZE },
		{ bad, max + 1, -EMSGSIZE },
		{ "x", 1ULL << 31, -EMSGSIZE },
		{ bad, 16, -EFAULT },
		{ (void *)(ULONG_MAX - 15), 16, -EFAULT },
		{ (void *)(ULONG_MAX - 15), 32, -EFAULT },
		{ (void *)8, 16, -EFAULT },
	};

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		msg = msg_new(self->b.id, 1);
		item_add_vec(msg, rows[i].address, rows[i].size);
		EXPECT_EQ(rows[i].expected, msg_send(&self->a, msg)) {
			TH_LOG("row %u", i);
		}
	}
	EXPECT_UNHARMED();
}

/* The first item with a problem decides, then the destination. */
TEST_F(send, problems_are_found_in_order)
{
	const void *bad = (void *)(ULONG_MAX / 2 + ULONG_MAX / 4);
	struct kdbus_msg *msg;

	msg = msg_new(self->b.id, 1);
	item_add_vec(msg, NULL, 2 * MiB + 1);
	item_add_str(msg, KDBUS_ITEM_DST_NAME, "a");
	EXPECT_EQ(-EMSGSIZE, msg_send(&self->a, msg));

	msg = msg_new(self->b.id, 1);
	item_add_str(msg, KDBUS_ITEM_DST_NAME, "a");
	item_add_vec(msg, NULL, 2 * MiB + 1);
	EXPECT_EQ(-EINVAL, msg_send(&self->a, msg));

	if (sizeof(long) == 8) {
		msg = msg_new(self->b.id, 1);
		item_add_vec(msg, bad, 16);
		item_add_vec(msg, NULL, 2 * MiB + 1);
		EXPECT_EQ(-EFAULT, msg_send(&self->a, msg));
	}

	msg = msg_new(KDBUS_DST_ID_NAME, 1);
	item_add_vec(msg, NULL, 2 * MiB + 1);
	EXPECT_EQ(-EMSGSIZE, msg_send(&self->a, msg));

	/* whether the payload can be read is the last question */
	msg = msg_new(999, 1);
	item_add_vec(msg, (void *)8, 16);
	EXPECT_EQ(-ENXIO, msg_send(&self->a, msg));
	msg->dst_id = KDBUS_DST_ID_NAME;
	EXPECT_EQ(-EDESTADDRREQ, msg_send(&self->a, msg));
	item_add_str(msg, KDBUS_ITEM_DST_NAME, "a.b");
	EXPECT_EQ(-ESRCH, msg_send(&self->a, msg));
	EXPECT_UNHARMED();
}

TEST_F(send, synchronous_is_only_a_call)
{
	struct kdbus_cmd_send *cmd;

	cmd = send_new(msg_new(self->b.id, 1));
	cmd->flags = KDBUS_SEND_SYNC_REPLY;
	EXPECT_EQ(-EINVAL, cmd_run(self->a.fd, KDBUS_CMD_SEND, cmd));
	EXPECT_UNHARMED();
}

TEST_F(send, reply_without_a_call_is_refused)
{
	struct kdbus_msg *msg = msg_new(self->b.id, 1);

	msg->cookie_reply = 5;
	EXPECT_EQ(-EBADSLT, msg_send(&self->a, msg));
	EXPECT_UNHARMED();
}

TEST_F(send, message_is_not_changed)
{
	struct kdbus_msg *msg = msg_new(self->b.id, 1);
	__u8 before[256];

	item_add_vec(msg, "abc", 3);
	memcpy(before, msg, sizeof(before));
	EXPECT_EQ(0, msg_send(&self->a, msg));
	EXPECT_EQ(0, memcmp(before, msg, sizeof(before)));
	EXPECT_EQ(1, receive_cookie(&self->b));
}

TEST_F(send, reply_field_is_written_on_success_only)
{
	struct kdbus_cmd_send *cmd;

	cmd = send_new(msg_new(self->b.id, 1));
	EXPECT_EQ(0, cmd_run(self->a.fd, KDBUS_CMD_SEND, cmd));
	EXPECT_EQ(0, cmd->return_flags);
	EXPECT_EQ(POOL_SIZE, cmd->reply.offset);
	EXPECT_EQ(0, cmd->reply.msg_size);
	EXPECT_EQ(0, cmd->reply.return_flags);
	EXPECT_EQ(0, conn_free(&self->a, cmd->reply.offset));

	cmd = send_new(msg_new(999, 1));
	EXPECT_EQ(-ENXIO, cmd_run(self->a.fd, KDBUS_CMD_SEND, cmd));
	EXPECT_EQ(0, cmd->return_flags);
	EXPECT_EQ(~0ULL, cmd->reply.offset);
	EXPECT_EQ(~0ULL, cmd->reply.msg_size);
	EXPECT_EQ(~0ULL, cmd->reply.return_flags);
}

/* Command and message negotiate on their own. */
TEST_F(send, command_negotiates_for_its_message)
{
	struct kdbus_cmd_send *cmd;
	struct kdbus_msg *msg;

	cmd = send_new(NULL);
	cmd->flags = NEGOTIATE;
	EXPECT_EQ(0, cmd_run(self->a.fd, KDBUS_CMD_SEND, cmd));
	EXPECT_EQ(KDBUS_SEND_SYNC_REPLY, cmd->flags);
	EXPECT_EQ(0, cmd->return_flags);

	msg = msg_new(self->b.id, 1);
	cmd = send_new(msg);
	cmd->flags = NEGOTIATE;
	EXPECT_EQ(0, cmd_run(self->a.fd, KDBUS_CMD_SEND, cmd));
	EXPECT_EQ(KDBUS_SEND_SYNC_REPLY, cmd->flags);
	EXPECT_EQ(0, msg->flags);

	msg->flags = NEGOTIATE;
	cmd->flags = NEGOTIATE;
	EXPECT_EQ(0, cmd_run(self->a.fd, KDBUS_CMD_SEND, cmd));
	EXPECT_EQ(KDBUS_SEND_SYNC_REPLY, cmd->flags);
	EXPECT_EQ(0x7, msg->flags);

	/* mistakes in the message are told */
	msg->flags = 1ULL << 50;
	cmd->flags = NEGOTIATE;
	EXPECT_EQ(-EINVAL, cmd_run(self->a.fd, KDBUS_CMD_SEND, cmd));
	cmd = send_new((void *)4);
	cmd->flags = NEGOTIATE;
	EXPECT_EQ(-EFAULT, cmd_run(self->a.fd, KDBUS_CMD_SEND, cmd));
	EXPECT_UNHARMED();
}

TEST_F(send, message_cannot_negotiate_and_be_sent)
{
	__u64 types[] = { KDBUS_ITEM_PAYLOAD_VEC, 0x4711 };
	struct kdbus_item *item;
	struct kdbus_msg *msg;

	msg = msg_new(self->b.id, 1);
	msg->flags = NEGOTIATE;
	EXPECT_EQ(-EINVAL, msg_send(&self->a, msg));
	EXPECT_EQ(0x7, msg->flags);

	msg = msg_new(self->b.id, 1);
	item = item_add(msg, KDBUS_ITEM_NEGOTIATE, types, sizeof(types));
	EXPECT_EQ(-EINVAL, msg_send(&self->a, msg));
	EXPECT_EQ(KDBUS_ITEM_PAYLOAD_VEC, item->data64[0]);
	EXPECT_EQ(0, item->data64[1]);

	/* no message at all */
	EXPECT_EQ(-EFAULT, msg_send(&self->a, NULL));
	EXPECT_UNHARMED();
}

TEST_F(send, dead_receiver_is_unknown)
{
	__u64 id = self->b.id;

	EXPECT_EQ(0, send_cookie(&self->a, id, 1));
	conn_close(&self->b);
	EXPECT_EQ(-ENXIO, send_cookie(&self->a, id, 1));
	ASSERT_EQ(0, conn_new(&self->b, self->d, "0-bus"));
	EXPECT_EQ(-ENXIO, send_cookie(&self->a, id, 1));
	EXPECT_UNHARMED();
}

TEST_F(send, receivers_of_other_buses_are_unknown)
{
	struct conn other;

	ASSERT_LE(0, bus_new(self->d, "0-other", 0));
	ASSERT_EQ(0, conn_new(&other, self->d, "0-other"));
	EXPECT_EQ(-ENXIO, send_cookie(&self->a, other.id, 1));
	EXPECT_EQ(-ENXIO, send_cookie(&other, self->a.id, 1));
	EXPECT_EQ(0, receive_cookie(&other));
	EXPECT_UNHARMED();
}

KDBUS_HARNESS_MAIN
