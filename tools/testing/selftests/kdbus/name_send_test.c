// SPDX-License-Identifier: LGPL-2.1+
/*
 * Names in messages: where a message to a name goes, and what a message tells
 * about the names of its sender.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <linux/userfaultfd.h>

#include "name_util.h"
#include "kdbus_harness.h"

#define NAME	"org.example.a"

FIXTURE(name_send) {
	struct domain domain;
	struct domain *d;
	struct conn src;
	struct conn a;
	struct conn b;
};

FIXTURE_SETUP(name_send)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, conn_new(&self->src, self->d, "0-bus"));
	ASSERT_EQ(0, conn_new(&self->a, self->d, "0-bus"));
	ASSERT_EQ(0, conn_new(&self->b, self->d, "0-bus"));
}

FIXTURE_TEARDOWN(name_send)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

TEST_F(name_send, goes_to_the_owner)
{
	const struct conn *src = &self->src;
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;

	EXPECT_EQ(-ESRCH, send_to_name(src, 0, NAME, 1));
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	ASSERT_LT(0, name_acquire(&self->b, NAME, QUEUE));
	EXPECT_EQ(0, send_to_name(src, 0, NAME, 2));
	EXPECT_EQ(-ESRCH, send_to_name(src, 0, "org.example", 3));
	EXPECT_EQ(-ESRCH, send_to_name(src, 0, NAME "b", 3));

	msg = receive(&self->a);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(2, msg->cookie);
	EXPECT_EQ(src->id, msg->src_id);
	/* as it was sent */
	EXPECT_EQ(KDBUS_DST_ID_NAME, msg->dst_id);
	item = msg->items;
	EXPECT_EQ(KDBUS_ITEM_DST_NAME, item->type);
	EXPECT_EQ(16 + sizeof(NAME), item->size);
	EXPECT_STREQ(NAME, item->str);
	EXPECT_EQ(0, receive_cookie(&self->b));

	/* also if that is the sender */
	EXPECT_EQ(0, send_to_name(&self->a, 0, NAME, 4));
	EXPECT_EQ(4, receive_cookie(&self->a));
}

TEST_F(name_send, id_besides_has_to_be_that_of_the_owner)
{
	const struct conn *src = &self->src;

	/* that there is no such name comes first */
	EXPECT_EQ(-ESRCH, send_to_name(src, self->a.id, NAME, 1));
	EXPECT_EQ(-ESRCH, send_to_name(src, 4711, NAME, 1));
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	ASSERT_LT(0, name_acquire(&self->b, NAME, QUEUE));
	EXPECT_EQ(0, send_to_name(src, self->a.id, NAME, 2));
	EXPECT_EQ(-EREMCHG, send_to_name(src, self->b.id, NAME, 3));
	EXPECT_EQ(-EREMCHG, send_to_name(src, src->id, NAME, 3));
	EXPECT_EQ(-EREMCHG, send_to_name(src, 4711, NAME, 3));
	EXPECT_EQ(2, receive_cookie(&self->a));
	EXPECT_EQ(0, receive_cookie(&self->b));

	ASSERT_EQ(0, name_release(&self->a, NAME));
	EXPECT_EQ(-EREMCHG, send_to_name(src, self->a.id, NAME, 4));
	EXPECT_EQ(0, send_to_name(src, self->b.id, NAME, 5));
	EXPECT_EQ(0, receive_cookie(&self->a));
	EXPECT_EQ(5, receive_cookie(&self->b));
}

TEST_F(name_send, follows_the_name)
{
	const struct conn *src = &self->src;

	ASSERT_LT(0, name_acquire(&self->a, NAME, ALLOW));
	EXPECT_EQ(0, send_to_name(src, 0, NAME, 1));
	ASSERT_LT(0, name_acquire(&self->b, NAME, REPLACE));
	EXPECT_EQ(0, send_to_name(src, 0, NAME, 2));
	ASSERT_EQ(0, name_release(&self->b, NAME));
	EXPECT_EQ(-ESRCH, send_to_name(src, 0, NAME, 3));
	ASSERT_LT(0, name_acquire(&self->b, NAME, 0));
	ASSERT_LT(0, name_acquire(&self->a, NAME, QUEUE));
	EXPECT_EQ(0, send_to_name(src, 0, NAME, 4));

	/* what was sent before stays where it was, and goes with it */
	EXPECT_EQ(1, receive_cookie(&self->a));
	EXPECT_EQ(0, receive_cookie(&self->a));
	conn_close(&self->b);
	EXPECT_EQ(0, send_to_name(src, 0, NAME, 5));
	EXPECT_EQ(5, receive_cookie(&self->a));
	EXPECT_EQ(0, receive_cookie(&self->a));
	ASSERT_EQ(0, conn_byebye(&self->a));
	EXPECT_EQ(-ESRCH, send_to_name(src, 0, NAME, 6));
}

/* What EPERM and others are about is the connection, not its name. */
TEST_F(name_send, owner_has_to_be_one_to_talk_to)
{
	struct conn alice;

	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	ASSERT_EQ(0, setresuid(ALICE, ALICE, 0));
	ASSERT_EQ(0, conn_new(&alice, self->d, "0-bus"));
	EXPECT_EQ(-ESRCH, send_to_name(&alice, 0, "org.example.b", 1));
	EXPECT_EQ(-EREMCHG, send_to_name(&alice, self->b.id, NAME, 1));
	EXPECT_EQ(-EPERM, send_to_name(&alice, 0, NAME, 1));
	EXPECT_EQ(-EPERM, send_to_name(&alice, self->a.id, NAME, 1));
	ASSERT_EQ(0, setresuid(0, 0, 0));
	EXPECT_EQ(0, receive_cookie(&self->a));
}

/* a call to @name, whose deadline is far away */
static struct kdbus_msg *call_new(const char *name, __u64 cookie)
{
	struct kdbus_msg *msg = msg_new(KDBUS_DST_ID_NAME, cookie);

	msg->flags = KDBUS_MSG_EXPECT_REPLY;
	msg->timeout_ns = ~0ULL >> 1;
	item_add_str(msg, KDBUS_ITEM_DST_NAME, name);
	return msg;
}

static struct kdbus_msg *reply_new(__u64 dst_id, __u64 cookie_reply)
{
	struct kdbus_msg *msg = msg_new(dst_id, 99);

	msg->cookie_reply = cookie_reply;
	return msg;
}

TEST_F(name_send, call_is_answered_by_who_owned_it_then)
{
	EXPECT_EQ(-ESRCH, msg_send(&self->src, call_new(NAME, 7)));
	ASSERT_LT(0, name_acquire(&self->a, NAME, ALLOW));
	ASSERT_EQ(0, msg_send(&self->src, call_new(NAME, 7)));
	ASSERT_LT(0, name_acquire(&self->b, NAME, REPLACE));

	EXPECT_EQ(-EBADSLT, msg_send(&self->b, reply_new(self->src.id, 7)));
	EXPECT_EQ(7, receive_cookie(&self->a));
	EXPECT_EQ(0, msg_send(&self->a, reply_new(self->src.id, 7)));
	EXPECT_STREQ("message 99", heard(&self->src));
	EXPECT_STREQ("", heard(&self->src));
}

static void *answer(void *arg)
{
	const struct conn *c = arg;
	const struct kdbus_msg *msg;

	while (!(msg = receive(c)))
		CHECK(errno == EAGAIN);
	CHECK(msg_send(c, reply_new(msg->src_id, msg->cookie)) == 0);
	return NULL;
}

TEST_F(name_send, synchronous_call)
{
	struct kdbus_cmd_send *cmd = send_new(call_new(NAME, 7));
	const struct kdbus_msg *reply;
	pthread_t thread;

	cmd->flags = KDBUS_SEND_SYNC_REPLY;
	EXPECT_EQ(-ESRCH, cmd_run(self->src.fd, KDBUS_CMD_SEND, cmd));
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, answer, &self->a));
	ASSERT_EQ(0, cmd_run(self->src.fd, KDBUS_CMD_SEND, cmd));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	reply = msg_at(&self->src, cmd->reply.offset);
	EXPECT_EQ(99, reply->cookie);
	EXPECT_EQ(self->a.id, reply->src_id);
}

/* A reply or a signal can be sent to a name, too. */
TEST_F(name_send, reply_and_signal)
{
	const __u64 filter[9] = {};
	struct kdbus_msg *msg;
	unsigned int i;

	ASSERT_LT(0, name_acquire(&self->src, NAME, 0));
	msg = call_new("org.example.b", 7);
	ASSERT_LT(0, name_acquire(&self->a, "org.example.b", 0));
	ASSERT_EQ(0, msg_send(&self->src, msg));
	msg = reply_new(KDBUS_DST_ID_NAME, 7);
	item_add_str(msg, KDBUS_ITEM_DST_NAME, NAME);
	EXPECT_EQ(-EBADSLT, msg_send(&self->b, msg));
	EXPECT_EQ(0, msg_send(&self->a, msg));
	EXPECT_EQ(99, receive_cookie(&self->src));

	/* the receiver decides if it wants a signal */
	for (i = 0; i < 2; i++) {
		msg = msg_new(KDBUS_DST_ID_NAME, 5);
		msg->flags = KDBUS_MSG_SIGNAL;
		item_add(msg, KDBUS_ITEM_BLOOM_FILTER, filter, sizeof(filter));
		item_add_str(msg, KDBUS_ITEM_DST_NAME, NAME);
		EXPECT_EQ(0, msg_send(&self->a, msg));
		EXPECT_EQ(i ? 5 : 0, receive_cookie(&self->src));
		ASSERT_EQ(0, match_all(&self->src));
	}
}

/*
 * Metadata
 */

/*
 * Names as told by the next message, "NAME FLAGS; " for each. All its items are
 * metadata.
 */
static const char *names_told(const struct conn *c, __u64 *other_items)
{
	const struct kdbus_msg *msg = receive(c);
	const struct kdbus_item *item;
	static char str[MAX_NAMES * (NAME_SIZE + 8)];
	size_t n = 0;

	*other_items = 0;
	str[0] = 0;
	if (!msg)
		return "no message";
	for (item = msg->items; (__u8 *)item < (__u8 *)msg + msg->size;
	     item = item_next(item)) {
		if (item->type != KDBUS_ITEM_OWNED_NAME) {
			++*other_items;
			continue;
		}
		if (item->size != 16 + 8 + strlen(item->name.name) + 1)
			return "bad size";
		n += snprintf(str + n, sizeof(str) - n, "%s %llx; ",
			      item->name.name, item->name.flags);
		if (n >= sizeof(str))
			return "too many names";
	}
	conn_free(c, msg_offset(c, msg));
	return str;
}

static int conn_new_attach(struct conn *c, const struct domain *d,
			   __u64 attach_flags_recv)
{
	struct kdbus_cmd_hello *hello = hello_new(POOL_SIZE);
	int r;

	hello->attach_flags_recv = attach_flags_recv;
	c->fd = open_endpoint(d, "0-bus");
	r = cmd_run(c->fd, KDBUS_CMD_HELLO, hello);
	if (r < 0)
		return r;
	c->id = hello->id;
	c->pool_size = POOL_SIZE;
	c->pool = mmap(NULL, POOL_SIZE, PROT_READ, MAP_SHARED, c->fd, 0);
	return c->pool == MAP_FAILED ? -errno : conn_free(c, hello->offset);
}

#define EXPECT_TOLD(_names) do { \
	ASSERT_EQ(0, send_cookie(&self->a, dst.id, 1)); \
	EXPECT_STREQ(_names, names_told(&dst, &others)); \
	EXPECT_EQ(0, others); \
} while (0)

TEST_F(name_send, metadata_tells_what_the_sender_owns)
{
	struct conn dst;
	__u64 others;

	ASSERT_EQ(0, conn_new_attach(&dst, self->d, KDBUS_ATTACH_NAMES));
	EXPECT_TOLD("");
	ASSERT_LT(0, name_acquire(&self->b, "org.b", ALLOW));
	EXPECT_TOLD("");

	/* in the order of acquisition, without those it waits for */
	ASSERT_LT(0, name_acquire(&self->a, "org.z", ALLOW | QUEUE));
	ASSERT_LT(0, name_acquire(&self->a, "org.b", QUEUE));
	ASSERT_LT(0, name_acquire(&self->a, "org.example.a", REPLACE));
	ASSERT_LT(0, name_acquire(&self->a, "org.a", 0));
	EXPECT_TOLD("org.z 26; org.example.a 20; org.a 20; ");

	ASSERT_EQ(0, name_release(&self->a, "org.example.a"));
	ASSERT_LT(0, name_acquire(&self->b, "org.z", REPLACE));
	ASSERT_LT(0, name_acquire(&self->a, "org.a", ALLOW));
	EXPECT_TOLD("org.a 22; ");
	conn_close(&self->b);
	EXPECT_TOLD("org.z 26; org.b 24; org.a 22; ");
}

TEST_F(name_send, metadata_is_as_of_when_it_was_sent)
{
	struct conn dst, other;
	__u64 others;

	ASSERT_EQ(0, conn_new_attach(&dst, self->d, KDBUS_ATTACH_NAMES));
	ASSERT_EQ(0, conn_new_attach(&other, self->d, _KDBUS_ATTACH_ALL &
				     ~KDBUS_ATTACH_NAMES));
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	ASSERT_EQ(0, send_cookie(&self->a, dst.id, 1));
	ASSERT_EQ(0, name_release(&self->a, NAME));
	ASSERT_EQ(0, send_cookie(&self->a, dst.id, 2));
	EXPECT_STREQ(NAME " 20; ", names_told(&dst, &others));
	EXPECT_STREQ("", names_told(&dst, &others));

	/* only to who wants them */
	ASSERT_LT(0, name_acquire(&self->a, NAME, 0));
	ASSERT_EQ(0, send_cookie(&self->a, other.id, 1));
	EXPECT_STREQ("", names_told(&other, &others));
	EXPECT_LT(0, others);
}

TEST_F(name_send, metadata_can_be_many_names)
{
	char name[NAME_SIZE], expected[NAME_SIZE + 8];
	struct conn dst;
	unsigned int i;
	const char *str;
	__u64 others;

	ASSERT_EQ(0, conn_new_attach(&dst, self->d, KDBUS_ATTACH_NAMES));
	memset(name, 'n', sizeof(name));
	name[1] = '.';
	for (i = 0; i < MAX_NAMES; i++) {
		/* of every length */
		name[4 + i % 8 + 240 * (i % 2)] = 0;
		sprintf(name + strlen(name), "%03u", i);
		ASSERT_LT(0, name_acquire(&self->a, name, 0));
		memset(name + 2, 'n', sizeof(name) - 2);
	}
	ASSERT_EQ(0, send_cookie(&self->a, dst.id, 1));
	str = names_told(&dst, &others);
	for (i = 0; i < MAX_NAMES; i++) {
		sprintf(expected, "%03u 20; ", i);
		str = strstr(str, expected);
		ASSERT_NE(NULL, str);
		str += strlen(expected);
	}
	EXPECT_STREQ("", str);
	EXPECT_EQ(0, others);
}

/*
 * A name that changes hands while messages are sent to it
 */

/**
 * struct slow - a message with payload in memory that is not there yet
 * @src:	sender
 * @msg:	message
 * @uffd:	reports who reads the memory, and lets him wait
 * @page:	the memory
 * @result:	what SEND returned
 */
struct slow {
	const struct conn *src;
	struct kdbus_msg *msg;
	int uffd;
	void *page;
	int result;
};

static int slow_new(struct slow *slow, const struct conn *src, __u64 dst_id,
		    __u64 flags)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	slow->src = src;
	slow->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (slow->uffd < 0)
		return -errno;
	slow->page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	area.range.start = PTR_TO_U64(slow->page);
	area.range.len = page_size();
	if (slow->page == MAP_FAILED ||
	    ioctl(slow->uffd, UFFDIO_API, &api) < 0 ||
	    ioctl(slow->uffd, UFFDIO_REGISTER, &area) < 0)
		return -errno;

	slow->msg = msg_new(dst_id, 7);
	slow->msg->flags = flags;
	if (flags & KDBUS_MSG_EXPECT_REPLY)
		slow->msg->timeout_ns = ~0ULL >> 1;
	item_add_vec(slow->msg, slow->page, 8);
	item_add_str(slow->msg, KDBUS_ITEM_DST_NAME, NAME);
	return 0;
}

static void *slow_send(void *arg)
{
	struct slow *slow = arg;

	slow->result = msg_send(slow->src, slow->msg);
	return NULL;
}

/* Returns when SEND is about to read the payload. */
static void slow_wait(const struct slow *slow)
{
	struct uffd_msg event;

	CHECK(read(slow->uffd, &event, sizeof(event)) == sizeof(event));
	CHECK(event.event == UFFD_EVENT_PAGEFAULT);
}

static void slow_go_on(const struct slow *slow)
{
	struct uffdio_zeropage zero = {
		.range = { PTR_TO_U64(slow->page), page_size() },
	};

	CHECK(ioctl(slow->uffd, UFFDIO_ZEROPAGE, &zero) == 0);
}

TEST_F(name_send, goes_to_the_owner_at_the_end_of_the_copy)
{
	const struct conn *a = &self->a, *b = &self->b;
	const struct {
		__u64 dst_id, flags;
		bool replaced, back;
		int result;
		const struct conn *receiver;
	} rows[] = {
		{ 0, 0, true, false, 0, b },
		{ 0, KDBUS_MSG_EXPECT_REPLY, true, false, 0, b },
		{ 0, 0, false, false, -ESRCH, NULL },
		{ 0, KDBUS_MSG_EXPECT_REPLY, false, false, -ESRCH, NULL },
		{ a->id, 0, true, false, -EREMCHG, NULL },
		{ a->id, 0, false, false, -ESRCH, NULL },
		{ a->id, 0, false, true, 0, a },
		{ a->id, 0, true, true, 0, a },
	};
	struct slow slow;
	pthread_t thread;
	unsigned int i;
	int r;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ASSERT_LT(0, name_acquire(a, NAME, ALLOW));
		r = slow_new(&slow, &self->src, rows[i].dst_id, rows[i].flags);
		if (r < 0)
			SKIP(return, "no userfaultfd: %s", strerror(-r));
		ASSERT_EQ(0, pthread_create(&thread, NULL, slow_send, &slow));
		slow_wait(&slow);
		if (rows[i].replaced) {
			ASSERT_LT(0, name_acquire(b, NAME, ALLOW | REPLACE));
		} else {
			ASSERT_EQ(0, name_release(a, NAME));
		}
		if (rows[i].back)
			ASSERT_LT(0, name_acquire(a, NAME, REPLACE));
		slow_go_on(&slow);
		ASSERT_EQ(0, pthread_join(thread, NULL));

		EXPECT_EQ(rows[i].result, slow.result) {
			TH_LOG("row %u", i);
		}
		EXPECT_EQ(rows[i].receiver == a ? 7 : 0, receive_cookie(a));
		EXPECT_EQ(rows[i].receiver == b ? 7 : 0, receive_cookie(b));
		if (rows[i].flags && rows[i].receiver == b) {
			EXPECT_EQ(-EBADSLT, msg_send(a, reply_new(
						     self->src.id, 7)));
			EXPECT_EQ(0, msg_send(b, reply_new(self->src.id, 7)));
			EXPECT_EQ(99, receive_cookie(&self->src));
		}
		name_release(a, NAME);
		name_release(b, NAME);
	}
}

/* How long it takes depends on the machine. */
#define N_MESSAGES	3000
#define N_SECONDS	4

struct swap {
	const struct conn *src;
	const struct conn *conns[2];
	__u64 last[2];
	unsigned int received;
	unsigned int disorder;
	bool stop;
};

static void drain(struct swap *swap, unsigned int i)
{
	__u64 cookie;

	while ((cookie = receive_cookie(swap->conns[i]))) {
		__atomic_fetch_add(&swap->received, 1, __ATOMIC_RELAXED);
		swap->disorder += cookie <= swap->last[i];
		swap->last[i] = cookie;
	}
}

/* from one to the other and back, without a moment in which nobody owns it */
static void *swap(void *arg)
{
	struct swap *swap = arg;
	unsigned int i = 0;

	while (!__atomic_load_n(&swap->stop, __ATOMIC_RELAXED)) {
		i = !i;
		CHECK(name_acquire(swap->conns[i], NAME,
				   ALLOW | QUEUE | REPLACE) > 0);
		drain(swap, !i);
		/* nothing more comes to who does not own it */
		CHECK(receive_cookie(swap->conns[!i]) == 0);
	}
	return NULL;
}

TEST_F(name_send, nothing_gets_lost_when_the_owner_changes)
{
	struct swap arg = { .conns = { &self->a, &self->b } };
	const time_t end = time(NULL) + N_SECONDS;
	unsigned int i, sent = 0;
	pthread_t thread;
	int r;

	ASSERT_LT(0, name_acquire(&self->a, NAME, ALLOW | QUEUE));
	ASSERT_EQ(0, pthread_create(&thread, NULL, swap, &arg));
	for (i = 1; sent < N_MESSAGES && time(NULL) < end; i++) {
		r = send_to_name(&self->src, 0, NAME, i);
		ASSERT_TRUE(r == 0 || r == -ENOBUFS) {
			TH_LOG("%s", strerror(-r));
		}
		sent += r == 0;
	}
	__atomic_store_n(&arg.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	drain(&arg, 0);
	drain(&arg, 1);
	EXPECT_EQ(sent, arg.received);
	EXPECT_EQ(0, arg.disorder);
}

/* the same; and whoever owns it wants signals, but nobody who does not */
static void *swap_listening(void *arg)
{
	struct swap *swap = arg;
	unsigned int i = 0;

	while (!__atomic_load_n(&swap->stop, __ATOMIC_RELAXED)) {
		i = !i;
		CHECK(match_sender(swap->conns[i], swap->src) == 0);
		CHECK(name_acquire(swap->conns[i], NAME,
				   ALLOW | QUEUE | REPLACE) > 0);
		CHECK(match_remove(swap->conns[!i], swap->src->id) == 0);
		drain(swap, !i);
		CHECK(receive_cookie(swap->conns[!i]) == 0);
	}
	return NULL;
}

TEST_F(name_send, no_signal_gets_lost_when_the_owner_changes)
{
	struct swap arg = {
		.src = &self->src,
		.conns = { &self->a, &self->b },
	};
	const time_t end = time(NULL) + N_SECONDS;
	const __u64 filter[9] = {};
	struct kdbus_msg *msg;
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, match_sender(&self->a, &self->src));
	ASSERT_LT(0, name_acquire(&self->a, NAME, ALLOW | QUEUE));
	ASSERT_EQ(0, pthread_create(&thread, NULL, swap_listening, &arg));
	for (i = 1; i <= N_MESSAGES && time(NULL) < end; i++) {
		msg = msg_new(KDBUS_DST_ID_NAME, i);
		msg->flags = KDBUS_MSG_SIGNAL;
		item_add(msg, KDBUS_ITEM_BLOOM_FILTER, filter, sizeof(filter));
		item_add_str(msg, KDBUS_ITEM_DST_NAME, NAME);
		ASSERT_EQ(0, msg_send(&self->src, msg));
		/* what finds no room would be lost as well */
		while (i - __atomic_load_n(&arg.received, __ATOMIC_RELAXED) >
		       100 && time(NULL) < end)
			sched_yield();
	}
	__atomic_store_n(&arg.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	drain(&arg, 0);
	drain(&arg, 1);
	EXPECT_EQ(i - 1, arg.received);
	EXPECT_EQ(0, arg.disorder);
}

/* Names come and go while they are looked up, metadata is written and more. */
static void *churn(void *arg)
{
	struct swap *swap = arg;
	const struct conn *c;
	unsigned int i = 0;

	while (!__atomic_load_n(&swap->stop, __ATOMIC_RELAXED)) {
		c = swap->conns[i++ % 2];
		CHECK(name_acquire(c, NAME, QUEUE) > 0);
		CHECK(name_acquire(c, "org.example.b", QUEUE) > 0);
		CHECK(send_cookie(c, c->id, 1) == 0);
		CHECK(name_release(c, NAME) == 0);
		CHECK(name_release(c, "org.example.b") == 0);
		drain(swap, 0);
		drain(swap, 1);
	}
	return NULL;
}

TEST_F(name_send, look_ups_meet_names_that_come_and_go)
{
	struct swap arg = { .conns = { &self->a, &self->b } };
	const time_t end = time(NULL) + N_SECONDS;
	pthread_t thread;
	unsigned int i;
	int r;

	ASSERT_EQ(0, pthread_create(&thread, NULL, churn, &arg));
	for (i = 1; i <= N_MESSAGES && time(NULL) < end; i++) {
		r = send_to_name(&self->src, i % 2 ? 0 : self->a.id, NAME, i);
		ASSERT_TRUE(r == 0 || r == -ESRCH || r == -ENOBUFS ||
			    (i % 2 == 0 && r == -EREMCHG)) {
			TH_LOG("%s", strerror(-r));
		}
	}
	__atomic_store_n(&arg.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ESRCH, send_to_name(&self->src, 0, NAME, 1));
}

KDBUS_HARNESS_MAIN
