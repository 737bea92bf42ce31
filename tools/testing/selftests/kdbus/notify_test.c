// SPDX-License-Identifier: LGPL-2.1+
/*
 * Notifications: what the kernel tells about connections and names, to whom,
 * in which order, and how many wait for their receiver.
 */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "name_util.h"
#include "kdbus_harness.h"

#define NAME		"org.example.a"
#define MAX_QUEUED	256

FIXTURE(notify) {
	struct domain domain;
	struct domain *d;
	struct conn watcher;
	struct conn a;
	struct conn b;
};

FIXTURE_SETUP(notify)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, conn_new(&self->watcher, self->d, "0-bus"));
	ASSERT_EQ(0, conn_new(&self->a, self->d, "0-bus"));
	ASSERT_EQ(0, conn_new(&self->b, self->d, "0-bus"));
}

FIXTURE_TEARDOWN(notify)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

#define HEARD(_event)	EXPECT_STREQ(_event, heard(&self->watcher))
#define SILENCE		HEARD("")

static struct kdbus_cmd_match *match_id(__u64 cookie, __u64 type, __u64 id)
{
	const struct kdbus_notify_id_change change = { .id = id, .flags = 7 };
	struct kdbus_cmd_match *match = match_new(cookie);

	item_add(match, type, &change, sizeof(change));
	return match;
}

static struct kdbus_cmd_match *match_name(__u64 type, __u64 old_id,
					  __u64 new_id)
{
	const struct kdbus_notify_name_change change = {
		.old_id = { .id = old_id, .flags = 7 },
		.new_id = { .id = new_id, .flags = 7 },
	};
	struct kdbus_cmd_match *match = match_new(1);

	item_add(match, type, &change, sizeof(change));
	return match;
}

/* The next message, whose slice may hold nothing but what is @expected */
static int check_layout(const struct conn *c, const void *expected, size_t size,
			struct kdbus_timestamp *time)
{
	struct kdbus_cmd_recv *recv = recv_new(0, 0);
	const struct kdbus_item *item;
	const __u8 *msg;
	int r;

	r = conn_recv(c, recv);
	if (r < 0)
		return r;
	msg = c->pool + recv->msg.offset;
	if (recv->return_flags || recv->msg.return_flags ||
	    recv->msg.msg_size != size + 40 || memcmp(msg, expected, size))
		return -EBADMSG;
	item = (const void *)(msg + size);
	if (item->size != 40 || item->type != KDBUS_ITEM_TIMESTAMP)
		return -EBADMSG;
	*time = item->timestamp;
	return conn_free(c, recv->msg.offset);
}

#define HEADER(_items) { \
	.size = sizeof(struct kdbus_msg) + (_items) + 40, \
	.flags = KDBUS_MSG_SIGNAL, \
	.dst_id = KDBUS_DST_ID_BROADCAST, \
	.src_id = KDBUS_SRC_ID_KERNEL, \
	.payload_type = KDBUS_PAYLOAD_KERNEL, \
}

TEST_F(notify, layout_of_ids)
{
	struct {
		struct kdbus_msg hdr;
		__u64 size, type;
		struct kdbus_notify_id_change change;
	} msg = { HEADER(32), 32, KDBUS_ITEM_ID_ADD, { .id = 0 } };
	struct kdbus_cmd_hello *hello = hello_new(POOL_SIZE);
	struct kdbus_timestamp times[2];
	int fd;

	ASSERT_EQ(136, msg.hdr.size);
	hello->flags = KDBUS_HELLO_ACCEPT_FD;
	ASSERT_EQ(0, match_all(&self->watcher));
	fd = open_endpoint(self->d, "0-bus");
	ASSERT_EQ(0, cmd_run(fd, KDBUS_CMD_HELLO, hello));
	msg.change.id = hello->id;
	msg.change.flags = KDBUS_HELLO_ACCEPT_FD;
	EXPECT_EQ(0, check_layout(&self->watcher, &msg, sizeof(msg), times));
	close(fd);
	msg.type = KDBUS_ITEM_ID_REMOVE;
	EXPECT_EQ(0, check_layout(&self->watcher, &msg, sizeof(msg),
				  times + 1));
	SILENCE;

	EXPECT_LT(0, times[0].seqnum);
	EXPECT_LT(times[0].seqnum, times[1].seqnum);
	EXPECT_LT(0, times[0].monotonic_ns);
	EXPECT_LE(times[0].monotonic_ns, times[1].monotonic_ns);
	EXPECT_LT(0, times[0].realtime_ns);
}

/* The counter is that of the bus, and begins with 1. */
TEST_F(notify, numbers_are_those_of_the_bus)
{
	const struct kdbus_msg *msg;
	struct conn watcher, c;
	unsigned int i;

	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, send_cookie(&self->a, self->b.id, 1));
	ASSERT_LE(0, bus_new(self->d, "0-other", 0));
	ASSERT_EQ(0, conn_new(&watcher, self->d, "0-other"));
	ASSERT_EQ(0, match_all(&watcher));
	ASSERT_EQ(0, conn_new(&c, self->d, "0-other"));
	msg = receive(&watcher);
	ASSERT_NE(NULL, msg);
	/* what came before it nobody has heard of, which may count or not */
	EXPECT_LE(1, item_next(msg->items)->timestamp.seqnum);
	EXPECT_GE(2, item_next(msg->items)->timestamp.seqnum);
}

/* @name of 16 bytes with its padding */
struct name_msg {
	struct kdbus_msg hdr;
	__u64 size, type;
	struct kdbus_notify_name_change change;
	char name[16];
};

TEST_F(notify, layout_of_names)
{
	struct name_msg msg = {
		HEADER(16 + 32 + 16), 16 + 32 + sizeof(NAME), KDBUS_ITEM_NAME_ADD,
		{ { 0, 0 }, { self->a.id, ALLOW | PRIMARY } }, NAME,
	};
	struct kdbus_timestamp time;

	_Static_assert(sizeof(NAME) > 8 && sizeof(NAME) < 16, "has padding");
	/* what the pool held before does not show in the padding */
	ASSERT_EQ(0, send_bytes(&self->a, self->watcher.id, 1,
				memset(malloc(4096), 0xff, 4096), 4096));
	ASSERT_EQ(1, receive_cookie(&self->watcher));
	ASSERT_EQ(0, match_all(&self->watcher));

	ASSERT_LT(0, name_acquire(&self->a, NAME, ALLOW));
	EXPECT_EQ(0, check_layout(&self->watcher, &msg, sizeof(msg), &time));
	ASSERT_LT(0, name_acquire(&self->b, NAME, REPLACE | QUEUE));
	msg.type = KDBUS_ITEM_NAME_CHANGE;
	msg.change.old_id = msg.change.new_id;
	msg.change.new_id.id = self->b.id;
	msg.change.new_id.flags = QUEUE | PRIMARY;
	EXPECT_EQ(0, check_layout(&self->watcher, &msg, sizeof(msg), &time));
	ASSERT_EQ(0, name_release(&self->b, NAME));
	msg.type = KDBUS_ITEM_NAME_REMOVE;
	msg.change.old_id = msg.change.new_id;
	msg.change.new_id.id = msg.change.new_id.flags = 0;
	EXPECT_EQ(0, check_layout(&self->watcher, &msg, sizeof(msg), &time));
	SILENCE;
}

TEST_F(notify, metadata_is_the_time_whatever_is_wanted)
{
	struct name_msg msg = {
		HEADER(16 + 32 + 16), 16 + 32 + sizeof(NAME), KDBUS_ITEM_NAME_ADD,
		{ { 0, 0 }, { self->a.id, PRIMARY } }, NAME,
	};
	struct kdbus_cmd_hello *hello = hello_new(POOL_SIZE);
	struct kdbus_timestamp times[2];
	struct conn all = { .pool_size = POOL_SIZE };

	hello->attach_flags_recv = _KDBUS_ATTACH_ANY;
	all.fd = open_endpoint(self->d, "0-bus");
	ASSERT_EQ(0, cmd_run(all.fd, KDBUS_CMD_HELLO, hello));
	all.pool = mmap(NULL, POOL_SIZE, PROT_READ, MAP_SHARED, all.fd, 0);
	ASSERT_NE(MAP_FAILED, all.pool);

	ASSERT_EQ(0, match_all(&all));
	ASSERT_EQ(0, match_all(&self->watcher));
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	EXPECT_EQ(0, check_layout(&self->watcher, &msg, sizeof(msg), times));
	EXPECT_EQ(0, check_layout(&all, &msg, sizeof(msg), times + 1));
	EXPECT_EQ(0, memcmp(times, times + 1, sizeof(times[0])));
}

TEST_F(notify, all_who_want_it_are_told)
{
	struct conn alice;

	/* also who causes it, and who may not talk to anybody involved */
	ASSERT_EQ(0, setresuid(ALICE, ALICE, 0));
	ASSERT_EQ(0, conn_new(&alice, self->d, "0-bus"));
	ASSERT_EQ(0, setresuid(0, 0, 0));
	ASSERT_EQ(0, match_all(&alice));
	ASSERT_EQ(0, match_all(&self->a));

	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	EXPECT_STREQ(NAME_ADD(&self->a, PRIMARY, NAME), heard(&self->a));
	EXPECT_STREQ(NAME_ADD(&self->a, PRIMARY, NAME), heard(&alice));
	EXPECT_STREQ("", heard(&self->b));
	SILENCE;

	/* one that ends is not told of it */
	conn_close(&self->a);
	EXPECT_STREQ(NAME_REMOVE(&self->a, PRIMARY, NAME), heard(&alice));
	EXPECT_STREQ(id_event("ID_REMOVE", self->a.id, 0), heard(&alice));
	EXPECT_STREQ("", heard(&alice));

	/* nor who does not want it any more */
	ASSERT_EQ(0, cmd_run(alice.fd, KDBUS_CMD_MATCH_REMOVE, match_new(1)));
	conn_close(&self->b);
	EXPECT_STREQ("", heard(&alice));
}

TEST_F(notify, comes_once_however_many_matches_fit)
{
	ASSERT_EQ(0, match_all(&self->watcher));
	ASSERT_EQ(0, match_all(&self->watcher));
	ASSERT_EQ(0, match_add(&self->watcher,
			       match_name(KDBUS_ITEM_NAME_ADD,
					  KDBUS_MATCH_ID_ANY, self->a.id)));
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	HEARD(NAME_ADD(&self->a, PRIMARY, NAME));
	SILENCE;
}

TEST_F(notify, hello_that_fails_is_not_told)
{
	struct kdbus_cmd_hello *hello;
	__u8 *border;
	int fd;

	ASSERT_EQ(0, match_all(&self->watcher));
	fd = open_endpoint(self->d, "0-bus");
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, cmd_run(fd, KDBUS_CMD_HELLO, hello_new(1)));
	hello = hello_new(POOL_SIZE);
	hello->flags = KDBUS_FLAG_NEGOTIATE;
	EXPECT_EQ(0, cmd_run(fd, KDBUS_CMD_HELLO, hello));

	/* return_flags can be written, what is behind them cannot */
	border = two_pages(PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE);
	border += page_size();
	memcpy(border - 24, hello_new(POOL_SIZE), sizeof(*hello));
	ASSERT_EQ(0, mprotect(border, page_size(), PROT_READ));
	EXPECT_EQ(-EFAULT, cmd_run(fd, KDBUS_CMD_HELLO, border - 24));
	close(fd);
	SILENCE;
}

static int call_async(const struct conn *src, __u64 dst_id, __u64 cookie)
{
	struct kdbus_msg *msg = msg_new(dst_id, cookie);

	msg->flags = KDBUS_MSG_EXPECT_REPLY;
	msg->timeout_ns = ~0ULL >> 1;
	return msg_send(src, msg);
}

/* The same for both: a message of its own to who called */
TEST_F(notify, layout_of_ends_of_calls)
{
	struct {
		struct kdbus_msg hdr;
		__u64 size, type;
	} msg = {
		.hdr = {
			.size = 120,
			.dst_id = self->watcher.id,
			.src_id = KDBUS_SRC_ID_KERNEL,
			.payload_type = KDBUS_PAYLOAD_KERNEL,
			.cookie_reply = 4711,
		},
		.size = 16,
		.type = KDBUS_ITEM_REPLY_DEAD,
	};
	struct kdbus_msg *call = msg_new(self->b.id, 4711);
	struct pollfd p = { .fd = self->watcher.fd, .events = POLLIN };
	struct kdbus_timestamp time;

	_Static_assert(sizeof(msg) == 80, "no padding");
	ASSERT_EQ(0, call_async(&self->watcher, self->a.id, 4711));
	conn_close(&self->a);
	EXPECT_EQ(0, check_layout(&self->watcher, &msg, sizeof(msg), &time));
	EXPECT_LT(0, time.seqnum);
	SILENCE;

	/* a deadline that has passed */
	call->flags = KDBUS_MSG_EXPECT_REPLY;
	call->timeout_ns = 1;
	ASSERT_EQ(0, msg_send(&self->watcher, call));
	ASSERT_EQ(1, poll(&p, 1, -1));
	msg.type = KDBUS_ITEM_REPLY_TIMEOUT;
	EXPECT_EQ(0, check_layout(&self->watcher, &msg, sizeof(msg), &time));
	SILENCE;
}

/* Names first, then calls that nobody will answer, then the id */
TEST_F(notify, order_at_the_end_of_a_connection)
{
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	ASSERT_LT(0, name_acquire(&self->a, "org.example.b", 0));
	ASSERT_LT(0, name_acquire(&self->b, NAME, QUEUE));
	ASSERT_EQ(0, match_all(&self->watcher));
	ASSERT_EQ(0, match_all(&self->b));
	ASSERT_EQ(0, call_async(&self->watcher, self->a.id, 4711));
	ASSERT_EQ(0, call_async(&self->watcher, self->a.id, 4712));
	ASSERT_EQ(4711, receive_cookie(&self->a));

	conn_close(&self->a);
	HEARD(NAME_CHANGE(&self->a, PRIMARY, &self->b, QUEUE | PRIMARY, NAME));
	HEARD(NAME_REMOVE(&self->a, PRIMARY, "org.example.b"));
	HEARD("REPLY_DEAD 4711");
	HEARD("REPLY_DEAD 4712");
	HEARD(id_event("ID_REMOVE", self->a.id, 0));
	SILENCE;
	EXPECT_STREQ(NAME_CHANGE(&self->a, PRIMARY, &self->b, QUEUE | PRIMARY,
				 NAME), heard(&self->b));
	EXPECT_STREQ(NAME_REMOVE(&self->a, PRIMARY, "org.example.b"),
		     heard(&self->b));
	EXPECT_STREQ(id_event("ID_REMOVE", self->a.id, 0), heard(&self->b));
	EXPECT_STREQ("", heard(&self->b));
}

static void *discard(void *arg)
{
	CHECK(conn_recv(arg, recv_new(KDBUS_RECV_DROP, 0)) == 0);
	return NULL;
}

/* That goes for the last call, too, if another thread is about to discard it. */
TEST_F(notify, order_at_the_end_with_a_call_being_discarded)
{
	const time_t end = time(NULL) + 4;
	pthread_t thread;
	struct conn c;
	int i, r;

	ASSERT_EQ(0, match_all(&self->watcher));
	for (i = 0; i < 300 && time(NULL) < end; i++) {
		ASSERT_EQ(0, conn_new(&c, self->d, "0-bus"));
		ASSERT_STREQ(id_event("ID_ADD", c.id, 0),
			     heard(&self->watcher));
		ASSERT_EQ(0, call_async(&self->watcher, c.id, 4711));
		ASSERT_EQ(0, pthread_create(&thread, NULL, discard, &c));
		do {
			r = conn_byebye(&c);
		} while (r == -EBUSY);
		ASSERT_EQ(0, r);
		/* before the other thread knows of it */
		ASSERT_STREQ("REPLY_DEAD 4711", heard(&self->watcher));
		ASSERT_STREQ(id_event("ID_REMOVE", c.id, 0),
			     heard(&self->watcher));
		ASSERT_STREQ("", heard(&self->watcher));
		ASSERT_EQ(0, pthread_join(thread, NULL));
		conn_close(&c);
	}
}

/* Messages and notifications are in one queue, in the order of their causes. */
TEST_F(notify, order_with_messages)
{
	ASSERT_EQ(0, match_all(&self->watcher));
	ASSERT_EQ(0, send_cookie(&self->a, self->watcher.id, 1));
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	ASSERT_EQ(0, send_cookie(&self->a, self->watcher.id, 2));
	conn_close(&self->a);
	HEARD("message 1");
	HEARD(NAME_ADD(&self->a, PRIMARY, NAME));
	HEARD("message 2");
	HEARD(NAME_REMOVE(&self->a, PRIMARY, NAME));
	HEARD(id_event("ID_REMOVE", self->a.id, 0));
	SILENCE;
}

/* How many messages the next RECV says were lost; the message is freed */
static __u64 dropped(const struct conn *c)
{
	struct kdbus_cmd_recv *recv = recv_new(0, 0);
	int r;

	r = conn_recv(c, recv);
	if (r == 0)
		conn_free(c, recv->msg.offset);
	if (recv->dropped_msgs && recv->return_flags !=
				  KDBUS_RECV_RETURN_DROPPED_MSGS)
		abort();
	return recv->dropped_msgs;
}

TEST_F(notify, has_a_quota_of_its_own)
{
	const struct conn *watcher = &self->watcher;
	unsigned int i;

	ASSERT_EQ(0, match_all(watcher));
	for (i = 0; i < MAX_QUEUED / 2; i++) {
		ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
		ASSERT_EQ(0, name_release(&self->a, NAME));
	}
	/* these do not fit any more, and do not fail because of that */
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	ASSERT_LT(0, name_acquire(&self->b, NAME, QUEUE));
	ASSERT_EQ(0, name_release(&self->a, NAME));
	ASSERT_EQ(0, name_release(&self->b, NAME));

	/* a user has as much room as always */
	for (i = 0; i < MAX_QUEUED; i++)
		ASSERT_EQ(0, send_cookie(&self->a, watcher->id, 1000 + i));
	EXPECT_EQ(-ENOBUFS, send_cookie(&self->a, watcher->id, 1));

	EXPECT_EQ(3, dropped(watcher));
	for (i = 1; i < MAX_QUEUED; i++)
		EXPECT_STREQ(i % 2 ? NAME_REMOVE(&self->a, PRIMARY, NAME) :
				     NAME_ADD(&self->a, PRIMARY, NAME),
			     heard(watcher));

	/* and the kernel does not need the room of users */
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	for (i = 0; i < MAX_QUEUED; i++)
		ASSERT_EQ(1000 + i, receive_cookie(watcher));
	HEARD(NAME_ADD(&self->a, PRIMARY, NAME));
	EXPECT_EQ(0, dropped(watcher));
}

TEST_F(notify, that_finds_no_room_is_counted)
{
	struct conn small;
	unsigned int i;
	__u64 heard = 0, lost = 0, n;

	/* a third of the half of a page */
	ASSERT_EQ(0, conn_new_sized(&small, self->d, "0-bus", page_size()));
	ASSERT_EQ(0, match_all(&small));
	for (i = 0; i < 20; i++)
		ASSERT_LT(0, name_acquire(&self->a, name_number("org", i), 0));
	lost = dropped(&small);
	for (heard = 1; receive(&small); heard++)
		;
	EXPECT_LT(1, heard);
	EXPECT_EQ(20, heard + lost);
	n = dropped(&small);
	EXPECT_EQ(0, n);
}

/* Ids of 0 stand for nobody, not for everybody. */
TEST_F(notify, matches_compare_ids)
{
	const __u64 any = KDBUS_MATCH_ID_ANY, a = self->a.id, b = self->b.id;
	const struct {
		__u64 type, old_id, new_id;
		bool fits;
	} rows[] = {
		{ KDBUS_ITEM_NAME_ADD, 0, any, true },
		{ KDBUS_ITEM_NAME_ADD, any, a, true },
		{ KDBUS_ITEM_NAME_ADD, 0, 0, false },
		{ KDBUS_ITEM_NAME_ADD, any, 0, false },
		{ KDBUS_ITEM_NAME_ADD, any, b, false },
		{ KDBUS_ITEM_NAME_CHANGE, a, b, true },
		{ KDBUS_ITEM_NAME_CHANGE, any, b, true },
		{ KDBUS_ITEM_NAME_CHANGE, 0, b, false },
		{ KDBUS_ITEM_NAME_CHANGE, a, 0, false },
		{ KDBUS_ITEM_NAME_CHANGE, b, a, false },
		{ KDBUS_ITEM_NAME_REMOVE, b, 0, true },
		{ KDBUS_ITEM_NAME_REMOVE, b, any, true },
		{ KDBUS_ITEM_NAME_REMOVE, 0, 0, false },
		{ KDBUS_ITEM_NAME_REMOVE, any, b, false },
		{ KDBUS_ITEM_NAME_REMOVE, a, any, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ASSERT_EQ(0, match_add(&self->watcher,
				       match_name(rows[i].type, rows[i].old_id,
						  rows[i].new_id)));
		ASSERT_LT(0, name_acquire(&self->a, NAME, ALLOW));
		ASSERT_LT(0, name_acquire(&self->b, NAME, REPLACE));
		ASSERT_EQ(0, name_release(&self->b, NAME));
		EXPECT_EQ(rows[i].fits, !!*heard(&self->watcher)) {
			TH_LOG("row %u", i);
		}
		SILENCE;
		ASSERT_EQ(0, cmd_run(self->watcher.fd, KDBUS_CMD_MATCH_REMOVE,
				     match_new(1)));
	}
}

TEST_F(notify, matches_compare_ids_of_connections)
{
	const struct conn *watcher = &self->watcher;
	const __u64 next = self->b.id + 1;
	struct conn c;

	ASSERT_EQ(0, match_add(watcher, match_id(1, KDBUS_ITEM_ID_ADD, 0)));
	ASSERT_EQ(0, match_add(watcher, match_id(2, KDBUS_ITEM_ID_ADD, next)));
	ASSERT_EQ(0, match_add(watcher, match_id(3, KDBUS_ITEM_ID_REMOVE, 0)));
	ASSERT_EQ(0, conn_new(&c, self->d, "0-bus"));
	ASSERT_EQ(next, c.id);
	HEARD(id_event("ID_ADD", next, 0));
	conn_close(&c);
	SILENCE;
	ASSERT_EQ(0, conn_new(&c, self->d, "0-bus"));
	SILENCE;
	ASSERT_EQ(0, match_add(watcher, match_id(4, KDBUS_ITEM_ID_REMOVE,
						 KDBUS_MATCH_ID_ANY)));
	conn_close(&c);
	HEARD(id_event("ID_REMOVE", c.id, 0));
	SILENCE;
}

KDBUS_HARNESS_MAIN
