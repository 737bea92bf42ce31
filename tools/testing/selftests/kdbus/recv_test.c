// SPDX-License-Identifier: LGPL-2.1+
/*
 * RECV: which message comes next, looking at it, throwing it away, and what
 * is reported when there is none.
 */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "kdbus_util.h"
#include "kdbus_harness.h"

FIXTURE(recv) {
	struct domain domain;
	struct conn c;
};

FIXTURE_SETUP(recv)
{
	ASSERT_EQ(0, domain_enter(&self->domain));
	ASSERT_LE(0, bus_new(&self->domain, "0-bus", 0));
	ASSERT_EQ(0, conn_new(&self->c, &self->domain, "0-bus"));
}

FIXTURE_TEARDOWN(recv)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

static int send_priority(const struct conn *c, __s64 priority, __u64 cookie)
{
	struct kdbus_msg *msg = msg_new(c->id, cookie);

	msg->priority = priority;
	return msg_send(c, msg);
}

/* What RECV says, and the offset it returns */
static int recv_at(const struct conn *c, __u64 flags, __s64 priority,
		   __u64 *offset)
{
	struct kdbus_cmd_recv *recv = recv_new(flags, priority);
	int r = conn_recv(c, recv);

	*offset = recv->msg.offset;
	free(recv);
	return r;
}

/* The cookie of the message that RECV selects, or its error */
static long long take(const struct conn *c, __u64 flags, __s64 priority)
{
	__u64 offset, cookie;
	int r;

	r = recv_at(c, flags, priority, &offset);
	if (r < 0)
		return r;
	cookie = msg_at(c, offset)->cookie;
	r = conn_free(c, offset);
	return r < 0 ? r : (long long)cookie;
}

static long long take_urgent(const struct conn *c, __s64 priority)
{
	return take(c, KDBUS_RECV_USE_PRIORITY, priority);
}

TEST_F(recv, oldest_message_comes_first)
{
	static const __s64 priorities[] = { 5, -5, 0, LLONG_MIN, LLONG_MAX };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(priorities); i++)
		ASSERT_EQ(0, send_priority(&self->c, priorities[i], i + 1));
	for (i = 0; i < ARRAY_SIZE(priorities); i++)
		EXPECT_EQ(i + 1, take(&self->c, 0, 0));
	EXPECT_EQ(-EAGAIN, take(&self->c, 0, 0));
}

TEST_F(recv, priority_selects_the_most_urgent)
{
	ASSERT_EQ(0, send_priority(&self->c, 25, 1));
	ASSERT_EQ(0, send_priority(&self->c, -600, 2));
	ASSERT_EQ(0, send_priority(&self->c, 10, 3));
	ASSERT_EQ(0, send_priority(&self->c, -35, 4));

	EXPECT_EQ(2, take_urgent(&self->c, -200));
	EXPECT_EQ(-EAGAIN, take_urgent(&self->c, -200));
	EXPECT_EQ(-EAGAIN, take_urgent(&self->c, -36));
	EXPECT_EQ(1, take(&self->c, 0, 0));
	EXPECT_EQ(4, take_urgent(&self->c, -35));
	EXPECT_EQ(-EAGAIN, take_urgent(&self->c, 9));
	EXPECT_EQ(3, take_urgent(&self->c, LLONG_MAX));
	EXPECT_EQ(-EAGAIN, take_urgent(&self->c, LLONG_MAX));
}

TEST_F(recv, priority_is_signed_and_has_64_bits)
{
	ASSERT_EQ(0, send_priority(&self->c, 0, 1));
	EXPECT_EQ(-EAGAIN, take_urgent(&self->c, -10));
	EXPECT_EQ(-EAGAIN, take_urgent(&self->c, -1));
	EXPECT_EQ(-EAGAIN, take_urgent(&self->c, LLONG_MIN));
	EXPECT_EQ(1, take_urgent(&self->c, 0));

	ASSERT_EQ(0, send_priority(&self->c, 1LL << 32, 2));
	ASSERT_EQ(0, send_priority(&self->c, (1LL << 32) - 1, 3));
	ASSERT_EQ(0, send_priority(&self->c, LLONG_MIN, 4));
	ASSERT_EQ(0, send_priority(&self->c, LLONG_MAX, 5));
	EXPECT_EQ(4, take_urgent(&self->c, LLONG_MIN));
	EXPECT_EQ(-EAGAIN, take_urgent(&self->c, 5));
	EXPECT_EQ(3, take_urgent(&self->c, LLONG_MAX));
	EXPECT_EQ(2, take_urgent(&self->c, LLONG_MAX));
	EXPECT_EQ(-EAGAIN, take_urgent(&self->c, LLONG_MAX - 1));
	EXPECT_EQ(5, take_urgent(&self->c, LLONG_MAX));
}

TEST_F(recv, equally_urgent_messages_come_oldest_first)
{
	unsigned int i;

	for (i = 0; i < 40; i++)
		ASSERT_EQ(0, send_priority(&self->c, i % 4, i + 1));
	/* one from the middle of each */
	for (i = 0; i < 4; i++)
		EXPECT_EQ(i + 1, take(&self->c, 0, 0));
	for (i = 4; i < 40; i += 4)
		EXPECT_EQ(i + 1, take_urgent(&self->c, 0));
	EXPECT_EQ(-EAGAIN, take_urgent(&self->c, 0));
	for (i = 5; i < 40; i += 4)
		EXPECT_EQ(i + 1, take_urgent(&self->c, 3));
	for (i = 4; i < 40; i++) {
		if (i % 4 >= 2)
			EXPECT_EQ(i + 1, take(&self->c, 0, 0));
	}
	EXPECT_EQ(-EAGAIN, take(&self->c, 0, 0));
}

#define STEPS 600

struct model {
	__s64 priorities[STEPS];
	bool gone[STEPS];
	int n;
};

/* The oldest of all, or of the most urgent; its cookie is its index + 1. */
static int model_take(struct model *m, bool urgent, __s64 limit)
{
	int i, found = -1;

	for (i = 0; i < m->n; i++) {
		if (m->gone[i] || (urgent && m->priorities[i] > limit))
			continue;
		if (found < 0 ||
		    (urgent && m->priorities[i] < m->priorities[found]))
			found = i;
	}
	if (found < 0)
		return -EAGAIN;
	m->gone[found] = true;
	return found + 1;
}

TEST_F(recv, any_mixture_of_selections)
{
	static struct model m;
	unsigned int i, random = 1;
	__s64 priority;
	bool urgent;

	for (i = 0; i < STEPS; i++) {
		random = random * 1103515245 + 12345;
		priority = (int)(random >> 16 & 15) - 8;
		urgent = random >> 24 & 1;
		if (random >> 25 & 1 || i < 40) {
			m.priorities[m.n++] = priority;
			ASSERT_EQ(0, send_priority(&self->c, priority, m.n));
		} else if (urgent) {
			EXPECT_EQ(model_take(&m, true, priority),
				  take_urgent(&self->c, priority));
		} else {
			EXPECT_EQ(model_take(&m, false, 0),
				  take(&self->c, 0, 0));
		}
	}
	for (i = 0; i <= (unsigned int)m.n; i++)
		EXPECT_EQ(model_take(&m, false, 0), take(&self->c, 0, 0));
}

TEST_F(recv, empty_queue_is_reported_in_full)
{
	static const __u64 flags[] = {
		0, KDBUS_RECV_PEEK, KDBUS_RECV_DROP, KDBUS_RECV_USE_PRIORITY,
		KDBUS_RECV_PEEK | KDBUS_RECV_DROP,
		KDBUS_RECV_PEEK | KDBUS_RECV_USE_PRIORITY,
	};
	struct kdbus_cmd_recv *recv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		recv = recv_new(flags[i], 3);
		EXPECT_EQ(-EAGAIN, conn_recv(&self->c, recv));
		EXPECT_EQ(flags[i], recv->flags);
		EXPECT_EQ(0, recv->return_flags);
		EXPECT_EQ(3, recv->priority);
		EXPECT_EQ(0, recv->dropped_msgs);
		EXPECT_EQ(POOL_SIZE, recv->msg.offset);
		EXPECT_EQ(0, recv->msg.msg_size);
		EXPECT_EQ(0, recv->msg.return_flags);
		EXPECT_EQ(0, conn_free(&self->c, recv->msg.offset));
	}
}

TEST_F(recv, message_is_reported_in_full)
{
	struct kdbus_cmd_recv *recv = recv_new(0, 7);

	ASSERT_EQ(0, send_bytes(&self->c, self->c.id, 1, "bytes", 5));
	ASSERT_EQ(0, conn_recv(&self->c, recv));
	EXPECT_EQ(sizeof(*recv), recv->size);
	EXPECT_EQ(0, recv->flags);
	EXPECT_EQ(0, recv->return_flags);
	EXPECT_EQ(7, recv->priority);
	EXPECT_EQ(0, recv->dropped_msgs);
	EXPECT_GT(POOL_SIZE, recv->msg.offset);
	EXPECT_EQ(104, recv->msg.msg_size);
	EXPECT_EQ(0, recv->msg.return_flags);
}

TEST_F(recv, peek_leaves_the_message_queued)
{
	__u64 offset, again;
	int i;

	ASSERT_EQ(0, send_priority(&self->c, 0, 1));
	ASSERT_EQ(0, send_priority(&self->c, -1, 2));
	ASSERT_EQ(0, recv_at(&self->c, KDBUS_RECV_PEEK, 0, &offset));
	EXPECT_EQ(1, msg_at(&self->c, offset)->cookie);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, recv_at(&self->c, KDBUS_RECV_PEEK, 0, &again));
		EXPECT_EQ(offset, again);
	}
	EXPECT_EQ(-EBUSY, conn_byebye(&self->c));
	EXPECT_TRUE(poll_now(self->c.fd) & POLLIN);

	EXPECT_EQ(0, recv_at(&self->c,
			     KDBUS_RECV_PEEK | KDBUS_RECV_USE_PRIORITY, 0,
			     &again));
	EXPECT_EQ(2, msg_at(&self->c, again)->cookie);
	EXPECT_EQ(0, conn_free(&self->c, again));

	EXPECT_EQ(0, recv_at(&self->c, 0, 0, &again));
	EXPECT_EQ(offset, again);
	EXPECT_EQ(2, take(&self->c, 0, 0));
	EXPECT_EQ(-EAGAIN, take(&self->c, 0, 0));
}

TEST_F(recv, drop_throws_the_oldest_message_away)
{
	static const __u64 flags[] = {
		KDBUS_RECV_DROP, KDBUS_RECV_DROP | KDBUS_RECV_PEEK,
	};
	struct kdbus_cmd_recv *recv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		ASSERT_EQ(0, send_priority(&self->c, 0, 1));
		ASSERT_EQ(0, send_priority(&self->c, -5, 2));
		recv = recv_new(flags[i], 0);
		EXPECT_EQ(0, conn_recv(&self->c, recv));
		EXPECT_EQ(0, recv->return_flags);
		EXPECT_EQ(0, recv->dropped_msgs);
		EXPECT_EQ(POOL_SIZE, recv->msg.offset);
		EXPECT_EQ(0, recv->msg.msg_size);
		EXPECT_EQ(0, recv->msg.return_flags);
		EXPECT_EQ(2, take(&self->c, 0, 0));
		EXPECT_EQ(-EAGAIN, take(&self->c, 0, 0));
	}
}

TEST_F(recv, drop_does_not_select)
{
	static const __u64 flags[] = {
		KDBUS_RECV_DROP | KDBUS_RECV_USE_PRIORITY,
		KDBUS_RECV_DROP | KDBUS_RECV_USE_PRIORITY | KDBUS_RECV_PEEK,
	};
	struct kdbus_cmd_recv *recv;
	unsigned int i;

	ASSERT_EQ(0, send_priority(&self->c, 0, 1));
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		recv = recv_new(flags[i], 0);
		EXPECT_EQ(-EINVAL, conn_recv(&self->c, recv));
		EXPECT_EQ(0, recv->return_flags);
		EXPECT_EQ(~0ULL, recv->dropped_msgs);
		EXPECT_EQ(~0ULL, recv->msg.offset);
		EXPECT_EQ(~0ULL, recv->msg.msg_size);
		EXPECT_EQ(~0ULL, recv->msg.return_flags);
	}
	EXPECT_EQ(1, take(&self->c, 0, 0));
}

/*
 * return_flags, right before the border, can be written, and the rest cannot:
 * who is not told where the message is must not lose it.
 */
TEST_F(recv, message_is_not_lost_when_it_cannot_be_reported)
{
	static const __u64 flags[] = {
		0, KDBUS_RECV_PEEK, KDBUS_RECV_USE_PRIORITY, KDBUS_RECV_DROP,
	};
	struct kdbus_cmd_recv *recv;
	__u8 *border;
	unsigned int i, at;

	for (at = 24; at <= 56; at += 8) {
		border = two_pages(PROT_READ | PROT_WRITE,
				   PROT_READ | PROT_WRITE);
		border += page_size();
		recv = (void *)(border - at);
		*recv = *recv_new(0, 0);
		ASSERT_EQ(0, mprotect(border, page_size(), PROT_READ));

		ASSERT_EQ(0, send_priority(&self->c, 0, at));
		for (i = 0; i < ARRAY_SIZE(flags); i++) {
			recv->flags = flags[i];
			EXPECT_EQ(-EFAULT, conn_recv(&self->c, recv)) {
				TH_LOG("flags %llx, %u bytes", flags[i], at);
			}
		}
		EXPECT_TRUE(poll_now(self->c.fd) & POLLIN);
		EXPECT_EQ(at, take(&self->c, 0, 0));
		EXPECT_EQ(-EAGAIN, take(&self->c, 0, 0));
		recv->flags = 0;
		EXPECT_EQ(-EFAULT, conn_recv(&self->c, recv));
	}
	/* none of them took any room, or counts as a queued message */
	for (i = 0; i < 256; i++)
		ASSERT_EQ(0, send_cookie(&self->c, self->c.id, 1));
}

TEST_F(recv, messages_of_the_dead_can_be_received)
{
	struct conn peer;

	ASSERT_EQ(0, conn_new(&peer, &self->domain, "0-bus"));
	ASSERT_EQ(0, send_bytes(&peer, self->c.id, 1, "last words", 10));
	conn_close(&peer);
	EXPECT_EQ(1, take(&self->c, 0, 0));
}

KDBUS_HARNESS_MAIN
