// SPDX-License-Identifier: LGPL-2.1+
/*
 * Every kind of message, addressed in every way, sent by threads and by
 * processes.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "send_util.h"
#include "kdbus_harness.h"

enum kind { PLAIN, ASYNC_CALL, SYNC_CALL, REPLY, SIGNAL, N_KINDS };
enum way { BY_ID, BY_NAME, BY_BOTH, N_WAYS };

FIXTURE(kind) {
	struct domain domain;
	struct domain *d;
	struct conn a;		/* sends */
	struct conn b;		/* receives, and has the name */
	struct conn c;
};

FIXTURE_VARIANT(kind) {
	enum sender_type type;
	__u64 flags;
};

FIXTURE_VARIANT_ADD(kind, thread) { .type = THREAD };
FIXTURE_VARIANT_ADD(kind, process) { .type = PROCESS };
FIXTURE_VARIANT_ADD(kind, thread_that_starts_nothing) {
	.type = THREAD, .flags = KDBUS_MSG_NO_AUTO_START,
};

FIXTURE_SETUP(kind)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->a, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->b, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->c, self->d, 0));
	ASSERT_LT(0, name_acquire(&self->b, NAME, 0));
	/* signals are for who wants them */
	ASSERT_EQ(0, match_all(&self->b));
}

FIXTURE_TEARDOWN(kind)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

static struct kdbus_msg *kind_new(enum kind kind, __u64 dst_id)
{
	switch (kind) {
	case ASYNC_CALL:
	case SYNC_CALL:
		return call_new(dst_id, 7, NEVER);
	case REPLY:
		return reply_new(dst_id, 7, 70);
	case SIGNAL:
		return signal_new(dst_id, 7);
	default:
		return msg_new(dst_id, 7);
	}
}

static struct kdbus_msg *addressed(enum kind kind, enum way way, __u64 id)
{
	struct kdbus_msg *msg = kind_new(kind, way == BY_NAME ? 0 : id);

	return way == BY_ID ? msg : with_name(msg, NAME);
}

/* Header, payload and destination arrive as they were sent. */
static void expect_message(struct __test_metadata *_metadata,
			   const struct kdbus_msg *sent, __u64 src_id,
			   const struct kdbus_msg *msg, bool named)
{
	const struct kdbus_item *item;

	ASSERT_NE(NULL, msg);
	EXPECT_EQ(sent->flags, msg->flags);
	EXPECT_EQ(sent->priority, msg->priority);
	EXPECT_EQ(sent->dst_id, msg->dst_id);
	EXPECT_EQ(src_id, msg->src_id);
	EXPECT_EQ(sent->payload_type, msg->payload_type);
	EXPECT_EQ(sent->cookie, msg->cookie);
	EXPECT_EQ(sent->cookie_reply, msg->cookie_reply);
	item = find(msg, KDBUS_ITEM_DST_NAME);
	EXPECT_EQ(named, item != NULL);
	if (item)
		EXPECT_STREQ(NAME, item->str);
	item = find(msg, KDBUS_ITEM_PAYLOAD_OFF);
	ASSERT_NE(NULL, item);
	EXPECT_EQ(0, memcmp((__u8 *)msg + item->vec.offset, "payload", 7));
}

TEST_F(kind, arrives)
{
	const struct kdbus_msg *got;
	struct kdbus_msg *msg;
	struct sender *s;
	int kind, way;

	for (kind = 0; kind < N_KINDS; kind++) {
		for (way = 0; way < N_WAYS; way++) {
			if (kind == REPLY) {
				ASSERT_EQ(0, call(&self->b, self->a.id, 70));
				ASSERT_EQ(70, receive_cookie(&self->a));
			}
			msg = addressed(kind, way, self->b.id);
			msg->flags |= variant->flags;
			msg->priority = -5;
			item_add_vec(msg, "payload", 7);
			s = sender_new(&self->a, msg,
				       kind == SYNC_CALL ? SYNC : 0);
			sender_start(s, variant->type);
			readable_wait(&self->b);
			got = receive(&self->b);
			expect_message(_metadata, msg, self->a.id, got,
				       way != BY_ID);
			if (kind == SYNC_CALL)
				ASSERT_EQ(0, reply(&self->b, self->a.id, 1,
						   7));
			EXPECT_EQ(0, sender_end(s)) {
				TH_LOG("kind %d, way %d", kind, way);
			}
			EXPECT_EQ(0, s->cmd->return_flags);
			EXPECT_EQ(0, s->cmd->reply.return_flags);
			EXPECT_EQ(kind == SYNC_CALL,
				  s->cmd->reply.offset < POOL_SIZE);
			EXPECT_EQ(0, conn_free(&self->a,
					       s->cmd->reply.offset));
			/* what is not a call needs no answer */
			EXPECT_EQ(kind == ASYNC_CALL ? 0 : -EBADSLT,
				  reply(&self->b, self->a.id, 2, 7));
			EXPECT_EQ(kind == ASYNC_CALL ? 2 : 0,
				  receive_cookie(&self->a));
			EXPECT_EQ(0, receive_cookie(&self->b));
			EXPECT_EQ(0, receive_cookie(&self->c));
		}
	}
}

TEST_F(kind, broadcast_arrives)
{
	struct kdbus_msg *msg = signal_new(BCAST, 7);
	struct sender *s;

	ASSERT_EQ(0, match_all(&self->c));
	ASSERT_EQ(0, match_all(&self->a));
	msg->flags |= variant->flags;
	item_add_vec(msg, "payload", 7);
	s = sender_start(sender_new(&self->a, msg, 0), variant->type);
	EXPECT_EQ(0, sender_end(s));
	EXPECT_EQ(POOL_SIZE, s->cmd->reply.offset);
	expect_message(_metadata, msg, self->a.id, receive(&self->a), false);
	expect_message(_metadata, msg, self->a.id, receive(&self->b), false);
	expect_message(_metadata, msg, self->a.id, receive(&self->c), false);
	EXPECT_EQ(0, receive_cookie(&self->a));
	EXPECT_EQ(0, receive_cookie(&self->b));
}

/* Each kind says the same of a destination that is not there. */
TEST_F(kind, needs_its_destination)
{
	struct kdbus_msg *msg;
	struct sender *s;
	int kind, i;

	ASSERT_EQ(0, call(&self->b, self->a.id, 70));
	for (kind = 0; kind < N_KINDS; kind++) {
		static const int expected[] = {
			-ENXIO, -ESRCH, -ESRCH, -EREMCHG, -EREMCHG,
			-EDESTADDRREQ,
		};
		struct kdbus_msg *bad[] = {
			kind_new(kind, 4711),
			with_name(kind_new(kind, 0), NAME ".x"),
			with_name(kind_new(kind, self->b.id), NAME ".x"),
			with_name(kind_new(kind, self->c.id), NAME),
			with_name(kind_new(kind, 4711), NAME),
			kind_new(kind, 0),
		};

		for (i = 0; i < (int)ARRAY_SIZE(bad); i++) {
			msg = bad[i];
			msg->flags |= variant->flags;
			s = sender_new(&self->a, msg,
				       kind == SYNC_CALL ? SYNC : 0);
			sender_start(s, variant->type);
			EXPECT_EQ(expected[i], sender_end(s)) {
				TH_LOG("kind %d, case %d", kind, i);
			}
			EXPECT_EQ(~0ULL, s->cmd->reply.offset);
			EXPECT_EQ(0, s->cmd->return_flags);
		}
		EXPECT_EQ(0, receive_cookie(&self->b));
		EXPECT_EQ(0, receive_cookie(&self->c));
	}
	/* the call is still open */
	EXPECT_EQ(0, reply(&self->a, self->b.id, 7, 70));
}

/* Nobody can ask a monitor anything, and everything is a matter of its bus. */
TEST_F(kind, needs_one_of_its_bus)
{
	struct conn monitor, other;
	int kind;

	ASSERT_EQ(0, peer_new(&monitor, self->d, MONITOR));
	ASSERT_LE(0, bus_new(self->d, "0-other", 0));
	ASSERT_EQ(0, conn_new(&other, self->d, "0-other"));
	ASSERT_LT(0, name_acquire(&other, "org.example.other", 0));
	for (kind = 0; kind < N_KINDS; kind++) {
		struct kdbus_msg *bad[] = {
			kind_new(kind, monitor.id),
			kind_new(kind, other.id),
			with_name(kind_new(kind, 0), "org.example.other"),
		};
		int i;

		for (i = 0; i < (int)ARRAY_SIZE(bad); i++) {
			EXPECT_EQ(i < 2 ? -ENXIO : -ESRCH, sender_end(
				  sender_start(sender_new(&self->a, bad[i],
				  kind == SYNC_CALL ? SYNC : 0),
				  variant->type))) {
				TH_LOG("kind %d, case %d", kind, i);
			}
		}
	}
	EXPECT_EQ(0, receive_cookie(&monitor));
	EXPECT_EQ(0, receive_cookie(&other));
}

KDBUS_HARNESS_MAIN
