// SPDX-License-Identifier: LGPL-2.1+
/*
 * Senders whose memory is not there yet, so that SEND waits for as long as
 * somebody likes: nobody else does.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <linux/userfaultfd.h>

#include "send_util.h"
#include "kdbus_harness.h"

#define COOKIE	7

/* What of a SEND is on the page that is missing */
enum place {
	COMMAND,
	CANCEL_ITEM,
	HEADER,
	ITEMS,
	PAYLOAD,
	END_OF_PAYLOAD,
	SECOND_VEC,
	LAST_VEC,
};

FIXTURE(slow) {
	struct domain domain;
	struct domain *d;
	int bus;
	struct conn a;		/* sends slowly */
	struct conn b;		/* has to do with it */
	struct conn c;		/* has not */
};

FIXTURE_VARIANT(slow) {
	enum place place;
};

#define PLACE(_name, _place) \
	FIXTURE_VARIANT_ADD(slow, _name) { .place = _place }

PLACE(command, COMMAND);
PLACE(cancel_item, CANCEL_ITEM);
PLACE(header, HEADER);
PLACE(items, ITEMS);
PLACE(payload, PAYLOAD);
PLACE(end_of_payload, END_OF_PAYLOAD);
PLACE(second_vec, SECOND_VEC);
PLACE(last_vec, LAST_VEC);

FIXTURE_SETUP(slow)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	self->bus = bus_new(self->d, "0-bus", 0);
	ASSERT_LE(0, self->bus);
	ASSERT_EQ(0, peer_new(&self->a, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->b, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->c, self->d, 0));
}

FIXTURE_TEARDOWN(slow)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

typedef FIXTURE_DATA(slow) struct_t;

/**
 * struct slow - a message partly on a page that is missing
 * @uffd:	tells when somebody wants to have the page
 * @pages:	two pages, of which the second is missing
 * @content:	what the second is to hold
 * @s:		the message
 */
struct slow {
	int uffd;
	__u8 *pages;
	__u8 *content;
	struct sender *s;
};

static int slow_init(struct slow *slow)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	slow->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (slow->uffd < 0)
		return -errno;
	slow->pages = mmap(NULL, 2 * page_size(), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	slow->content = calloc(1, page_size());
	area.range.start = PTR_TO_U64(slow->pages + page_size());
	area.range.len = page_size();
	if (slow->pages == MAP_FAILED || !slow->content ||
	    ioctl(slow->uffd, UFFDIO_API, &api) < 0 ||
	    ioctl(slow->uffd, UFFDIO_REGISTER, &area) < 0)
		return -errno;
	return 0;
}

/* Moves @size bytes so that all but the first @before are missing. */
static void *slow_move(struct slow *slow, const void *data, size_t size,
		       size_t before)
{
	__u8 *border = slow->pages + page_size();

	memcpy(border - before, data, before);
	memcpy(slow->content, (const __u8 *)data + before, size - before);
	return border - before;
}

/* A message of 40 bytes of payload, "0123" and so on, and a name */
static int slow_new(struct slow *slow, const struct conn *c,
		    struct kdbus_msg *msg, enum place place)
{
	static const char payload[] = "0123456789abcdefghijklmnopqrstuvwxyz!?.,";
	int fd = eventfd(0, EFD_CLOEXEC), r;
	const void *part;

	r = slow_init(slow);
	if (r < 0)
		return r;
	switch (place) {
	case PAYLOAD:
		part = slow_move(slow, payload, 40, 0);
		item_add_vec(msg, part, 40);
		break;
	case END_OF_PAYLOAD:
		part = slow_move(slow, payload, 40, 39);
		item_add_vec(msg, part, 40);
		break;
	case SECOND_VEC:
		part = slow_move(slow, payload + 10, 10, 0);
		item_add_vec(msg, payload, 10);
		item_add_vec(msg, part, 10);
		item_add_vec(msg, payload + 20, 20);
		break;
	case LAST_VEC:
		part = slow_move(slow, payload + 39, 1, 0);
		item_add_vec(msg, payload, 30);
		item_add_vec(msg, payload + 30, 9);
		item_add_vec(msg, part, 1);
		break;
	default:
		item_add_vec(msg, payload, 40);
		break;
	}
	if (place == HEADER)
		msg = slow_move(slow, msg, msg->size, 0);
	if (place == ITEMS)
		msg = slow_move(slow, msg, msg->size, sizeof(*msg));

	slow->s = sender_new(c, msg, 0);
	item_add(slow->s->cmd, KDBUS_ITEM_CANCEL_FD, &fd, sizeof(fd));
	if (place == COMMAND)
		slow->s->cmd = slow_move(slow, slow->s->cmd,
					 slow->s->cmd->size, 0);
	if (place == CANCEL_ITEM)
		slow->s->cmd = slow_move(slow, slow->s->cmd,
					 slow->s->cmd->size,
					 sizeof(*slow->s->cmd));
	return 0;
}

/* Returns when SEND waits for the page. */
static void slow_wait(const struct slow *slow)
{
	struct uffd_msg event;

	CHECK(read(slow->uffd, &event, sizeof(event)) == sizeof(event));
	CHECK(event.event == UFFD_EVENT_PAGEFAULT);
	CHECK(event.arg.pagefault.address - PTR_TO_U64(slow->pages) -
	      page_size() < page_size());
}

static void slow_go_on(const struct slow *slow)
{
	struct uffdio_copy copy = {
		.dst = PTR_TO_U64(slow->pages + page_size()),
		.src = PTR_TO_U64(slow->content),
		.len = page_size(),
	};

	CHECK(ioctl(slow->uffd, UFFDIO_COPY, &copy) == 0);
}

/* where the payload begins */
static const __u8 *payload(const struct kdbus_msg *msg)
{
	const struct kdbus_item *item = find(msg, KDBUS_ITEM_PAYLOAD_OFF);

	CHECK(item);
	return (const __u8 *)msg + item->vec.offset;
}

static bool payload_is_right(const struct kdbus_msg *msg)
{
	return msg && msg->cookie == COOKIE &&
	       memcmp(payload(msg), "0123456789abcdefghijklmnopqrstuvwxyz!?.,",
		      40) == 0;
}

/* starts a sender and returns when it waits */
#define START_SLOW(_slow, _c, _msg) do { \
	int _r = slow_new(_slow, _c, _msg, variant->place); \
	\
	if (_r < 0) \
		SKIP(return, "no such memory: %s", strerror(-_r)); \
	sender_start((_slow)->s, THREAD); \
	slow_wait(_slow); \
} while (0)

/* what anybody can do meanwhile */
static void expect_life(struct __test_metadata *_metadata, struct_t *self)
{
	const struct kdbus_msg *msg;
	struct kdbus_cmd_recv *peek;
	struct conn d;
	__u64 i;

	/* others send to the same receiver, also on the same connection */
	ASSERT_EQ(0, send_cookie(&self->c, self->b.id, 1));
	ASSERT_EQ(0, send_cookie(&self->a, self->b.id, 2));
	ASSERT_EQ(0, call(&self->c, self->b.id, 3));
	ASSERT_EQ(0, reply(&self->b, self->c.id, 4, 3));
	EXPECT_EQ(4, receive_cookie(&self->c));
	/* and it receives, peeks, drops */
	EXPECT_EQ(1, receive_cookie(&self->b));
	peek = recv_new(KDBUS_RECV_PEEK, 0);
	ASSERT_EQ(0, conn_recv(&self->b, peek));
	EXPECT_EQ(2, msg_at(&self->b, peek->msg.offset)->cookie);
	ASSERT_EQ(0, conn_recv(&self->b, recv_new(KDBUS_RECV_DROP, 0)));
	EXPECT_EQ(0, conn_free(&self->b, peek->msg.offset));
	EXPECT_EQ(3, receive_cookie(&self->b));
	EXPECT_EQ(0, receive_cookie(&self->b));
	EXPECT_EQ(0, poll_now(self->b.fd) & POLLIN);

	/* names change hands, connections come and go, signals are sent */
	ASSERT_LT(0, name_acquire(&self->b, NAME, ALLOW));
	ASSERT_LT(0, name_acquire(&self->c, NAME, REPLACE));
	ASSERT_EQ(0, send_to_name(&self->b, 0, NAME, 5));
	EXPECT_EQ(5, receive_cookie(&self->c));
	ASSERT_EQ(0, name_release(&self->c, NAME));
	ASSERT_EQ(0, match_all(&self->b));
	ASSERT_EQ(0, peer_new(&d, self->d, 0));
	EXPECT_STREQ(id_event("ID_ADD", d.id, 0), heard(&self->b));
	ASSERT_EQ(0, signal_to(&self->c, BCAST, 6));
	EXPECT_STREQ("message 6", heard(&self->b));
	conn_close(&d);
	EXPECT_STREQ(id_event("ID_REMOVE", d.id, 0), heard(&self->b));
	EXPECT_STRNE("", listed(&self->c, KDBUS_LIST_UNIQUE));

	/* as often as anybody likes */
	for (i = 1; i <= 100; i++) {
		ASSERT_EQ(0, send_cookie(&self->c, self->b.id, i));
		msg = receive(&self->b);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(i, msg->cookie);
		ASSERT_EQ(0, conn_free(&self->b, msg_offset(&self->b, msg)));
	}
}

TEST_F(slow, others_live_on)
{
	const struct kdbus_msg *msg;
	struct slow slow;

	START_SLOW(&slow, &self->a, msg_new(self->b.id, COOKIE));
	expect_life(_metadata, self);
	slow_go_on(&slow);
	EXPECT_EQ(0, sender_end(slow.s));
	msg = receive(&self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(payload_is_right(msg));
	EXPECT_EQ(self->a.id, msg->src_id);
	EXPECT_EQ(0, receive_cookie(&self->b));
}

/* Signals reach nobody before they reach all. */
TEST_F(slow, others_live_on_while_a_signal_is_sent)
{
	struct slow slow;

	ASSERT_EQ(0, match_all(&self->c));
	ASSERT_EQ(0, match_all(&self->b));
	START_SLOW(&slow, &self->a, signal_new(BCAST, COOKIE));
	ASSERT_EQ(0, signal_to(&self->c, BCAST, 6));
	EXPECT_EQ(6, receive_cookie(&self->b));
	EXPECT_EQ(6, receive_cookie(&self->c));
	EXPECT_EQ(0, receive_cookie(&self->b));
	EXPECT_EQ(0, receive_cookie(&self->c));
	ASSERT_EQ(0, conn_byebye(&self->c));
	EXPECT_STREQ(id_event("ID_REMOVE", self->c.id, 0), heard(&self->b));
	slow_go_on(&slow);
	EXPECT_EQ(0, sender_end(slow.s));
	EXPECT_TRUE(payload_is_right(receive(&self->b)));
	EXPECT_EQ(0, receive_cookie(&self->b));
}

TEST_F(slow, receiver_can_end)
{
	struct slow slow;
	int r;

	START_SLOW(&slow, &self->a, msg_new(self->b.id, COOKIE));
	/* nothing is queued yet */
	EXPECT_EQ(0, conn_byebye(&self->b));
	conn_close(&self->b);
	slow_go_on(&slow);
	r = sender_end(slow.s);
	/* it was found before, or it was not */
	EXPECT_EQ(variant->place < PAYLOAD ? -ENXIO : -ECONNRESET, r);
	EXPECT_EQ(0, send_cookie(&self->a, self->c.id, 1));
}

TEST_F(slow, sender_can_end)
{
	struct slow slow;

	START_SLOW(&slow, &self->a, msg_new(self->b.id, COOKIE));
	EXPECT_EQ(0, conn_byebye(&self->a));
	EXPECT_EQ(-ENXIO, send_cookie(&self->b, self->a.id, 1));
	slow_go_on(&slow);
	EXPECT_EQ(-ECONNRESET, sender_end(slow.s));
	EXPECT_EQ(0, receive_cookie(&self->b));
	EXPECT_EQ(0, lost(&self->b));
}

TEST_F(slow, bus_can_end)
{
	struct slow slow;
	int r;

	START_SLOW(&slow, &self->a, msg_new(self->b.id, COOKIE));
	/* waits for all that is going on */
	EXPECT_EQ(0, close(self->bus));
	EXPECT_GT(0, open_endpoint(self->d, "0-bus"));
	EXPECT_EQ(POLLERR | POLLHUP, poll_now(self->b.fd));
	slow_go_on(&slow);
	r = sender_end(slow.s);
	EXPECT_TRUE(r == -ECONNRESET || r == -ENXIO) {
		TH_LOG("%d", r);
	}
}

/* A call whose reply is on its way to be copied is not bound to it. */
TEST_F(slow, caller_can_end_while_the_reply_is_copied)
{
	const __u64 deadline = now() + 1500 * MS;
	int cancel_fd = eventfd(0, EFD_CLOEXEC);
	struct slow slow;
	struct sender *s;

	s = sender_new(&self->b, call_new(self->a.id, 9, NEVER), SYNC);
	item_add(s->cmd, KDBUS_ITEM_CANCEL_FD, &cancel_fd, sizeof(cancel_fd));
	sender_start(s, THREAD);
	call_waits(s, &self->a);
	START_SLOW(&slow, &self->a, reply_new(self->b.id, COOKIE, 9));
	ASSERT_EQ(0, eventfd_write(cancel_fd, 1));
	EXPECT_EQ(-ECANCELED, sender_end(s));
	slow_go_on(&slow);
	EXPECT_EQ(-EBADSLT, sender_end(slow.s));

	/* nor is its deadline */
	s = sender_new(&self->b, call_new(self->a.id, 9, deadline), SYNC);
	sender_start(s, THREAD);
	call_waits(s, &self->a);
	START_SLOW(&slow, &self->a, reply_new(self->b.id, COOKIE, 9));
	EXPECT_EQ(-ETIMEDOUT, sender_end(s));
	slow_go_on(&slow);
	EXPECT_EQ(-EBADSLT, sender_end(slow.s));

	/* and who is asked is free to answer in another way */
	ASSERT_EQ(0, call(&self->b, self->a.id, 10));
	START_SLOW(&slow, &self->a, reply_new(self->b.id, COOKIE, 10));
	ASSERT_EQ(0, reply(&self->a, self->b.id, 11, 10));
	slow_go_on(&slow);
	EXPECT_EQ(-EBADSLT, sender_end(slow.s));
	EXPECT_EQ(11, receive_cookie(&self->b));
	EXPECT_EQ(0, receive_cookie(&self->b));
}

/* in a child: hangs, and says so */
static void hang(struct_t *self, enum place place, int fd)
{
	struct slow slow;
	int r;

	r = slow_new(&slow, &self->a, msg_new(self->b.id, COOKIE), place);
	if (r < 0)
		_exit(4);
	sender_start(slow.s, THREAD);
	slow_wait(&slow);
	CHECK(write(fd, "x", 1) == 1);
	for (;;)
		pause();
}

TEST_F(slow, sender_can_be_killed)
{
	unsigned int i, n;
	int fds[2], r = 0;
	pid_t pids[4];
	char c;

	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));
	for (n = 0; n < ARRAY_SIZE(pids); n++) {
		pids[n] = fork_as(0, 0);
		if (pids[n] == 0)
			hang(self, variant->place, fds[1]);
	}
	close(fds[1]);
	for (i = 0; i < n && read(fds[0], &c, 1) == 1; i++)
		;
	for (i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	for (i = 0; i < n; i++) {
		r = child_wait(pids[i]);
		if (r == 4)
			SKIP(return, "no userfaultfd");
		EXPECT_EQ(-SIGKILL, r);
	}
	/* nothing came, and nothing is charged any more */
	EXPECT_EQ(0, receive_cookie(&self->b));
	for (i = 1; i <= MAX_QUEUED; i++)
		ASSERT_EQ(0, send_cookie(&self->a, self->b.id, i));
	EXPECT_EQ(-ENOBUFS, send_cookie(&self->a, self->b.id, i));
}

/*
 * What changes while it is sent
 */

#define N_RECEIVERS	8
#define N_SIGNALS	60
#define N_PAGES		5

FIXTURE(same) {
	struct domain domain;
	struct domain *d;
	struct conn a;
	struct conn dst[N_RECEIVERS];
};

FIXTURE_SETUP(same)
{
	unsigned int i;

	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->a, self->d, 0));
	for (i = 0; i < N_RECEIVERS; i++) {
		/* of different metadata, so that payload lies elsewhere */
		ASSERT_EQ(0, hello(&self->dst[i],
				   open_endpoint(self->d, "0-bus"),
				   i == 0 ? MONITOR : 0,
				   i % 2 ? KDBUS_ATTACH_PIDS |
				   KDBUS_ATTACH_CREDS : 0, POOL_SIZE));
		if (i > 0)
			ASSERT_EQ(0, match_all(&self->dst[i]));
	}
	/* what they were told of each other */
	for (i = 0; i < N_RECEIVERS; i++)
		while (receive(&self->dst[i]))
			;
}

FIXTURE_TEARDOWN(same)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

struct writer {
	__u8 *bytes;
	size_t size;
	int stop;
};

static void *rewrite(void *arg)
{
	struct writer *w = arg;
	unsigned char c = 0;

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED))
		memset(w->bytes, c++, w->size);
	return NULL;
}

TEST_F(same, bytes_for_all_receivers)
{
	const size_t size = N_PAGES * page_size();
	struct writer w = { .bytes = malloc(size), .size = size };
	const struct kdbus_msg *msg[N_RECEIVERS];
	unsigned int i, n, mixed = 0;
	struct kdbus_msg *signal;
	pthread_t thread;

	memset(w.bytes, 0, size);
	signal = signal_new(BCAST, 1);
	item_add_vec(signal, w.bytes, size);
	ASSERT_EQ(0, pthread_create(&thread, NULL, rewrite, &w));
	for (n = 0; n < N_SIGNALS; n++) {
		ASSERT_EQ(0, msg_send(&self->a, signal));
		for (i = 0; i < N_RECEIVERS; i++) {
			msg[i] = receive(&self->dst[i]);
			ASSERT_NE(NULL, msg[i]);
			ASSERT_EQ(0, memcmp(payload(msg[0]), payload(msg[i]),
					    size));
		}
		mixed += payload(msg[0])[0] != payload(msg[0])[size - 1];
		for (i = 0; i < N_RECEIVERS; i++)
			ASSERT_EQ(0, conn_free(&self->dst[i], msg_offset(
				     &self->dst[i], msg[i])));
	}
	__atomic_store_n(&w.stop, 1, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	TH_LOG("%u of %u were written while they were read", mixed, n);
}

/* The same at a moment that is known: half of it was read. */
TEST_F(same, bytes_though_they_change_in_between)
{
	const struct kdbus_msg *msg, *first = NULL;
	struct kdbus_msg *signal;
	struct slow slow;
	unsigned int i;
	int r;

	r = slow_init(&slow);
	if (r < 0)
		SKIP(return, "no userfaultfd: %s", strerror(-r));
	memset(slow.pages, 'a', page_size());
	memset(slow.content, 'b', page_size());
	signal = signal_new(BCAST, COOKIE);
	item_add_vec(signal, slow.pages, 2 * page_size());
	slow.s = sender_start(sender_new(&self->a, signal, 0), THREAD);
	slow_wait(&slow);
	memset(slow.pages, 'c', page_size());
	slow_go_on(&slow);
	ASSERT_EQ(0, sender_end(slow.s));
	for (i = 0; i < N_RECEIVERS; i++) {
		msg = receive(&self->dst[i]);
		ASSERT_NE(NULL, msg);
		first = first ?: msg;
		EXPECT_EQ(0, memcmp(payload(msg), payload(first),
				    2 * page_size()));
		EXPECT_EQ('a', payload(msg)[0]);
		EXPECT_EQ('b', payload(msg)[page_size()]);
	}
}

/* Bytes that are not there are the sender's mistake, and nobody's loss. */
TEST_F(same, failure_for_all_receivers)
{
	__u8 *border = two_pages(PROT_READ | PROT_WRITE, PROT_NONE);
	struct kdbus_msg *signal = signal_new(BCAST, COOKIE);
	unsigned int i;

	item_add_vec(signal, border, 2 * page_size());
	EXPECT_EQ(-EFAULT, msg_send(&self->a, signal));
	signal->dst_id = self->dst[1].id;
	EXPECT_EQ(-EFAULT, msg_send(&self->a, signal));
	for (i = 0; i < N_RECEIVERS; i++) {
		EXPECT_EQ(0, receive_cookie(&self->dst[i]));
		EXPECT_EQ(0, lost(&self->dst[i]));
	}
}

KDBUS_HARNESS_MAIN
