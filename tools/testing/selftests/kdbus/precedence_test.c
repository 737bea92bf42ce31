// SPDX-License-Identifier: LGPL-2.1+
/*
 * SEND: of two mistakes the one that is looked for first is told. All pairs of
 * mistakes that one message can have are tried.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "send_util.h"
#include "kdbus_harness.h"

FIXTURE(precedence) {
	struct domain domain;
	struct domain *d;
	struct conn a;		/* sends, as ALICE */
	struct conn b;		/* receives, of ALICE, too */
	struct conn full;	/* has no room for anything */
	struct conn bob;	/* of another user */
	int sealed;
	int unsealed;
};

typedef FIXTURE_DATA(precedence) struct_t;

/* What a mistake is about; a message can have one of each */
#define ADDRESS		(1 << 0)	/* of the message */
#define FLAGS		(1 << 1)	/* and timeout, cookie_reply, signal */
#define SRC		(1 << 2)
#define TYPE		(1 << 3)	/* of the payload */
#define DST		(1 << 4)
#define NAMED		(1 << 5)	/* DST_NAME */
#define VEC		(1 << 6)
#define MEMFD		(1 << 7)
#define FILES		(1 << 8)	/* FDS */
#define BLOOM		(1 << 9)
#define CANCEL		(1 << 10)
#define COMMAND		(1 << 11)	/* flags of it */
#define ODD_ITEM	(1 << 12)

struct attempt {
	struct_t *self;
	struct kdbus_msg *msg;
	struct kdbus_cmd_send *cmd;
	size_t shift;		/* of the address */
};

static void bad_address(struct attempt *t)
{
	t->shift = 4;
}

static void unknown_flag(struct attempt *t)
{
	t->msg->flags |= 1ULL << 40;
}

static void negative_memfd(struct attempt *t)
{
	struct kdbus_memfd memfd = { .size = 8, .fd = -1 };

	item_add(t->msg, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
}

static void bad_cancel_fd(struct attempt *t)
{
	int fd = -1;

	item_add(t->cmd, KDBUS_ITEM_CANCEL_FD, &fd, sizeof(fd));
}

static void other_src(struct attempt *t)
{
	t->msg->src_id = t->self->b.id;
}

static void kernel_payload(struct attempt *t)
{
	t->msg->payload_type = KDBUS_PAYLOAD_KERNEL;
}

static void plain_broadcast(struct attempt *t)
{
	t->msg->dst_id = BCAST;
}

static void add_bloom(struct attempt *t, size_t size)
{
	static const __u64 filter[16];

	item_add(t->msg, KDBUS_ITEM_BLOOM_FILTER, filter, size);
}

static void reply_to_all(struct attempt *t)
{
	t->msg->dst_id = BCAST;
	t->msg->flags |= KDBUS_MSG_SIGNAL;
	t->msg->cookie_reply = 5;
}

static void no_timeout(struct attempt *t)
{
	t->msg->flags |= KDBUS_MSG_EXPECT_REPLY;
}

static void call_as_signal(struct attempt *t)
{
	t->msg->flags |= KDBUS_MSG_EXPECT_REPLY | KDBUS_MSG_SIGNAL;
	t->msg->timeout_ns = NEVER;
}

static void sync_plain(struct attempt *t)
{
	t->cmd->flags |= SYNC;
}

static void reply_as_signal(struct attempt *t)
{
	t->msg->flags |= KDBUS_MSG_SIGNAL;
	t->msg->cookie_reply = 5;
}

static void large_vec(struct attempt *t)
{
	item_add_vec(t->msg, NULL, 2 * MiB + 1);
}

static void endless_memfd(struct attempt *t)
{
	struct kdbus_memfd memfd = {
		.start = ~0ULL, .size = 8, .fd = t->self->sealed,
	};

	item_add(t->msg, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
}

static void many_memfds(struct attempt *t)
{
	struct kdbus_memfd memfd = { .size = 8, .fd = t->self->sealed };
	unsigned int i;

	for (i = 0; i < 17; i++)
		item_add(t->msg, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd,
			 sizeof(memfd));
}

static void many_fds(struct attempt *t)
{
	static const int fds[MAX_FDS + 1];

	item_add(t->msg, KDBUS_ITEM_FDS, fds, sizeof(fds));
}

static void odd_bloom(struct attempt *t)
{
	add_bloom(t, 8 + 63);
}

static void small_bloom(struct attempt *t)
{
	add_bloom(t, 8 + 56);
}

static void bad_name(struct attempt *t)
{
	with_name(t->msg, "a..b");
}

static void odd_item(struct attempt *t)
{
	/* is known to the frame, and not to be sent */
	item_add(t->msg, KDBUS_ITEM_NEGOTIATE, NULL, 0);
}

static void broadcast_by_name(struct attempt *t)
{
	t->msg->dst_id = BCAST;
	t->msg->flags |= KDBUS_MSG_SIGNAL;
	with_name(t->msg, NAME);
}

static void signal_without_bloom(struct attempt *t)
{
	t->msg->flags |= KDBUS_MSG_SIGNAL;
}

static void bloom_without_signal(struct attempt *t)
{
	add_bloom(t, 8 + 64);
}

static void to_nobody(struct attempt *t)
{
	t->msg->dst_id = 0;
}

static void closed_memfd(struct attempt *t)
{
	struct kdbus_memfd memfd = { .size = 8, .fd = 1000 };

	item_add(t->msg, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
}

static void unsealed_memfd(struct attempt *t)
{
	struct kdbus_memfd memfd = { .size = 8, .fd = t->self->unsealed };

	item_add(t->msg, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
}

static void short_memfd(struct attempt *t)
{
	struct kdbus_memfd memfd = { .size = 9, .fd = t->self->sealed };

	item_add(t->msg, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
}

static void connection_fd(struct attempt *t)
{
	with_fd(t->msg, t->self->a.fd);
}

static void unknown_id(struct attempt *t)
{
	t->msg->dst_id = 4711;
}

static void unknown_name(struct attempt *t)
{
	with_name(t->msg, NAME "z");
}

static void name_of_another(struct attempt *t)
{
	with_name(t->msg, NAME);
}

static void to_bob(struct attempt *t)
{
	t->msg->dst_id = t->self->bob.id;
}

static void unknown_call(struct attempt *t)
{
	t->msg->cookie_reply = 4711;
}

static void one_call_more(struct attempt *t)
{
	t->msg->flags |= KDBUS_MSG_EXPECT_REPLY;
	t->msg->timeout_ns = NEVER;
}

static void fd_not_taken(struct attempt *t)
{
	with_fd(t->msg, 0);
}

static void to_the_full(struct attempt *t)
{
	t->msg->dst_id = t->self->full.id;
}

static void unreadable_vec(struct attempt *t)
{
	item_add_vec(t->msg, (void *)8, 16);
}

/*
 * In the order in which they are looked for; those of one group, which are
 * looked for with each item in turn, have the same step.
 */
static const struct mistake {
	const char *name;
	void (*make)(struct attempt *t);
	unsigned int about;
	unsigned int step;
	int expected;
} mistakes[] = {
	{ "address", bad_address, ADDRESS, 1, -EFAULT },
	{ "unknown flag", unknown_flag, 0, 2, -EINVAL },
	{ "negative memfd", negative_memfd, MEMFD, 3, -EBADF },
	{ "CANCEL_FD", bad_cancel_fd, CANCEL, 4, -EBADF },
	{ "src_id", other_src, SRC, 5, -EINVAL },
	{ "payload_type", kernel_payload, TYPE, 6, -EINVAL },
	{ "broadcast", plain_broadcast, DST | FLAGS | NAMED | BLOOM, 7,
	  -EBADMSG },
	{ "reply to all", reply_to_all, DST | FLAGS, 8, -ENOTUNIQ },
	{ "no timeout", no_timeout, FLAGS, 9, -EINVAL },
	{ "call as signal", call_as_signal, FLAGS, 10, -ENOTUNIQ },
	{ "sync", sync_plain, COMMAND, 11, -EINVAL },
	{ "reply as signal", reply_as_signal, FLAGS, 12, -EINVAL },

	{ "large vec", large_vec, VEC, 20, -EMSGSIZE },
	{ "endless memfd", endless_memfd, MEMFD, 20, -EMSGSIZE },
	{ "many memfds", many_memfds, MEMFD, 20, -E2BIG },
	{ "many fds", many_fds, FILES, 20, -EMFILE },
	{ "odd bloom", odd_bloom, BLOOM, 20, -EFAULT },
	{ "small bloom", small_bloom, BLOOM, 20, -EDOM },
	{ "bad name", bad_name, NAMED, 20, -EINVAL },
	{ "broadcast by name", broadcast_by_name, DST | FLAGS | NAMED, 20,
	  -EBADMSG },
	{ "odd item", odd_item, ODD_ITEM, 20, -EINVAL },

	{ "no bloom", signal_without_bloom, FLAGS | BLOOM, 30, -EBADMSG },
	{ "bloom only", bloom_without_signal, FLAGS | BLOOM, 30, -EBADMSG },
	{ "to nobody", to_nobody, DST | NAMED, 31, -EDESTADDRREQ },

	{ "closed memfd", closed_memfd, MEMFD, 40, -EBADF },
	{ "unsealed memfd", unsealed_memfd, MEMFD, 40, -ETXTBSY },
	{ "short memfd", short_memfd, MEMFD, 40, -EFAULT },
	{ "connection fd", connection_fd, FILES, 40, -EOPNOTSUPP },

	{ "unknown id", unknown_id, DST | NAMED, 50, -ENXIO },
	{ "unknown name", unknown_name, NAMED, 50, -ESRCH },
	{ "name of another", name_of_another, NAMED | DST, 51, -EREMCHG },
	{ "unknown call", unknown_call, FLAGS | COMMAND, 52, -EBADSLT },
	{ "bob", to_bob, DST, 53, -EPERM },
	{ "slots", one_call_more, FLAGS | COMMAND, 54, -EMLINK },
	{ "fd not taken", fd_not_taken, FILES, 55, -ECOMM },
	{ "full", to_the_full, DST, 56, -ENOBUFS },
	{ "unreadable", unreadable_vec, VEC, 58, -EFAULT },
};

static int conn_new_as(struct conn *c, const struct domain *d, uid_t uid)
{
	int r;

	if (setresuid(uid, uid, 0) < 0)
		return -errno;
	r = peer_new(c, d, 0);
	return setresuid(0, 0, 0) < 0 ? -errno : r;
}

FIXTURE_SETUP(precedence)
{
	unsigned int i;

	self->d = &self->domain;
	self->sealed = memfd_new(8, ALL_SEALS);
	self->unsealed = memfd_new(8, 0);
	ASSERT_LT(0, self->sealed);
	ASSERT_LT(0, self->unsealed);
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, conn_new_as(&self->a, self->d, ALICE));
	ASSERT_EQ(0, conn_new_as(&self->b, self->d, ALICE));
	ASSERT_EQ(0, conn_new_as(&self->full, self->d, ALICE));
	ASSERT_EQ(0, conn_new_as(&self->bob, self->d, BOB));

	/* no slot and no room is left */
	ASSERT_EQ(0, setresuid(ALICE, ALICE, 0));
	for (i = 1; i <= MAX_REQUESTS; i++) {
		ASSERT_EQ(0, call(&self->a, self->b.id, i));
		ASSERT_EQ(i, receive_cookie(&self->b));
	}
	for (i = 1; i <= MAX_QUEUED; i++)
		ASSERT_EQ(0, send_cookie(&self->a, self->full.id, i));
	ASSERT_EQ(0, setresuid(0, 0, 0));
}

FIXTURE_TEARDOWN(precedence)
{
	ASSERT_EQ(0, setresuid(0, 0, 0));
	EXPECT_EQ(0, domain_leave(self->d));
}

/* What SEND says to a message with these mistakes, made in this order */
static int send_with(struct_t *self, const struct mistake *x,
		     const struct mistake *y)
{
	struct attempt t = {
		.self = self,
		.msg = msg_new(self->b.id, 1),
	};
	int r;

	t.cmd = send_new(t.msg);
	x->make(&t);
	if (y)
		y->make(&t);
	t.cmd->msg_address += t.shift;
	r = cmd_run(self->a.fd, KDBUS_CMD_SEND, t.cmd);
	free(t.cmd);
	free(t.msg);
	return r;
}

TEST_F(precedence, single_mistakes)
{
	const struct mistake *x;
	struct conn owner;

	ASSERT_EQ(0, peer_new(&owner, self->d, 0));
	ASSERT_LT(0, name_acquire(&owner, NAME, 0));
	ASSERT_EQ(0, setresuid(ALICE, ALICE, 0));
	for (x = mistakes; x < mistakes + ARRAY_SIZE(mistakes); x++) {
		EXPECT_EQ(x->expected, send_with(self, x, NULL)) {
			TH_LOG("%s", x->name);
		}
	}
	EXPECT_EQ(0, receive_cookie(&self->b));
	EXPECT_EQ(0, receive_cookie(&self->bob));
}

/* The first one decides; of the same step, the first in the message. */
TEST_F(precedence, pairs_of_mistakes)
{
	const struct mistake *x, *y, *end = mistakes + ARRAY_SIZE(mistakes);
	struct conn owner;
	unsigned int n = 0;
	bool by_order;

	ASSERT_EQ(0, peer_new(&owner, self->d, 0));
	ASSERT_LT(0, name_acquire(&owner, NAME, 0));
	ASSERT_EQ(0, setresuid(ALICE, ALICE, 0));
	for (x = mistakes; x < end; x++) {
		for (y = x + 1; y < end; y++) {
			if (x->about & y->about)
				continue;
			by_order = x->step == y->step;
			EXPECT_EQ(x->expected, send_with(self, x, y)) {
				TH_LOG("%s, %s", x->name, y->name);
			}
			EXPECT_EQ(by_order ? y->expected : x->expected,
				  send_with(self, y, x)) {
				TH_LOG("%s, %s", y->name, x->name);
			}
			n++;
		}
	}
	EXPECT_LT(300, n);
	EXPECT_EQ(0, receive_cookie(&self->b));
	EXPECT_EQ(0, receive_cookie(&self->bob));
}

KDBUS_HARNESS_MAIN
