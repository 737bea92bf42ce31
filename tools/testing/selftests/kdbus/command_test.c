// SPDX-License-Identifier: LGPL-2.1+
/*
 * Arguments of commands: how they are read, checked and answered. These rules
 * are the same for all commands; each is one row of a table.
 */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kdbus_util.h"
#include "kselftest_harness.h"

#define NEGOTIATE	KDBUS_FLAG_NEGOTIATE
#define SIZE_MAX_CMD	32768

FIXTURE(command) {
	struct domain domain;
	struct domain *d;
	int bus;
	struct conn peer;	/* receives what SEND sends */
	struct conn conn;
	int fd;			/* runs the command */
	__u64 offset;		/* what FREE frees */
};

FIXTURE_SETUP(command)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	self->bus = bus_new(self->d, "0-bus", 0);
	ASSERT_LE(0, self->bus);
	ASSERT_EQ(0, conn_new(&self->peer, self->d, "0-bus"));
}

FIXTURE_TEARDOWN(command)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

typedef FIXTURE_DATA(command) struct_t;

/**
 * struct command - one command, or the message that SEND points to
 * @name:	for messages
 * @nr:		number
 * @size:	bytes of its struct
 * @flags:	flags it may take, without NEGOTIATE
 * @needs:	those of them that it must take
 * @types:	item types it takes, ends with 0
 * @maybe:	more that it may take
 * @prepare:	open a file it can be run on
 * @build:	make an argument it succeeds with
 * @effects:	how often it did succeed since this was asked last; but at
 *		most once, if it can be done just once
 * @refused:	make an argument that is correct, but impossible
 * @error:	with this error
 * @returns:	return_flags if it succeeds
 */
struct command {
	const char *name;
	unsigned int nr;
	size_t size;
	__u64 flags;
	__u64 needs;
	__u64 types[8];
	__u64 maybe[8];
	int (*prepare)(struct_t *self);
	void *(*build)(struct_t *self);
	int (*effects)(struct_t *self);
	void *(*refused)(struct_t *self);
	int error;
	__u64 returns;
};

static int connect_fd(struct_t *self)
{
	int r = conn_new(&self->conn, self->d, "0-bus");

	return r < 0 ? r : self->conn.fd;
}

static int open_control_fd(struct_t *self)
{
	return open_control(self->d);
}

static void *build_bus_make(struct_t *self __attribute__((unused)))
{
	return bus_make_new("0-new", 0);
}

static int effects_bus_make(struct_t *self)
{
	return access(path_in(self->d, "0-new"), F_OK) == 0;
}

static void *refused_bus_make(struct_t *self __attribute__((unused)))
{
	return bus_make_new("0-bus", 0);
}

static int open_endpoint_fd(struct_t *self)
{
	return open_endpoint(self->d, "0-bus");
}

static void *build_hello(struct_t *self __attribute__((unused)))
{
	return hello_new(POOL_SIZE);
}

static int effects_hello(struct_t *self)
{
	return !!(poll_now(self->fd) & POLLOUT);
}

static void *refused_hello(struct_t *self __attribute__((unused)))
{
	return hello_new(POOL_SIZE + 1);
}

static void *build_cmd(struct_t *self __attribute__((unused)))
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));

	cmd->return_flags = ~0ULL;
	return cmd;
}

static int effects_byebye(struct_t *self)
{
	return !!(poll_now(self->fd) & POLLHUP);
}

/* A message that was received, but is not free yet */
static int prepare_free(struct_t *self)
{
	int fd = connect_fd(self);

	if (fd < 0 || send_cookie(&self->conn, self->conn.id, 1) < 0)
		return -1;
	self->offset = msg_offset(&self->conn, receive(&self->conn));
	return fd;
}

static void *build_free(struct_t *self)
{
	struct kdbus_cmd_free *cmd = object_new(sizeof(*cmd));

	cmd->return_flags = ~0ULL;
	cmd->offset = self->offset;
	return cmd;
}

/* Once it is free, the next message of that size takes its place. */
static int effects_free(struct_t *self)
{
	__u64 offset;

	if (send_cookie(&self->conn, self->conn.id, 1) < 0)
		return -1;
	offset = msg_offset(&self->conn, receive(&self->conn));
	conn_free(&self->conn, offset);
	return offset == self->offset;
}

static void *refused_free(struct_t *self)
{
	struct kdbus_cmd_free *cmd = build_free(self);

	cmd->offset += 8;
	return cmd;
}

static void *build_msg(struct_t *self)
{
	struct kdbus_msg *msg = msg_new(self->peer.id, 1);

	item_add_vec(msg, "payload", 8);
	return msg;
}

static void *build_send(struct_t *self)
{
	return send_new(build_msg(self));
}

static int effects_send(struct_t *self)
{
	int n = 0;

	while (receive_cookie(&self->peer))
		n++;
	return n;
}

static void *refused_send(struct_t *self)
{
	return send_new(msg_new(self->peer.id + 1000, 1));
}

static void *refused_msg(struct_t *self)
{
	return msg_new(self->peer.id + 1000, 1);
}

static int prepare_recv(struct_t *self)
{
	int fd = connect_fd(self);

	if (fd < 0 || send_cookie(&self->conn, self->conn.id, 1) < 0)
		return -1;
	return fd;
}

static void *build_recv(struct_t *self __attribute__((unused)))
{
	return recv_new(0, 0);
}

static int effects_recv(struct_t *self)
{
	return !(poll_now(self->fd) & POLLIN);
}

static void *refused_recv(struct_t *self __attribute__((unused)))
{
	return recv_new(KDBUS_RECV_DROP | KDBUS_RECV_USE_PRIORITY, 0);
}

/* The items fill whole words. */
static void *name_new(const char *name)
{
	struct kdbus_cmd *cmd = build_cmd(NULL);

	item_add_str(cmd, KDBUS_ITEM_NAME, name);
	return cmd;
}

static void *build_name(struct_t *self __attribute__((unused)))
{
	return name_new("org.example.one");
}

static int effects_name_acquire(struct_t *self)
{
	return cmd_run(self->fd, KDBUS_CMD_NAME_RELEASE, build_name(self)) == 0;
}

static void *refused_name(struct_t *self __attribute__((unused)))
{
	return name_new("no-name");
}

static int prepare_name_release(struct_t *self)
{
	int fd = connect_fd(self);

	return cmd_run(fd, KDBUS_CMD_NAME_ACQUIRE, build_name(self)) ?: fd;
}

static int effects_name_release(struct_t *self)
{
	struct kdbus_cmd *cmd = build_name(self);

	cmd_run(self->fd, KDBUS_CMD_NAME_ACQUIRE, cmd);
	return !!(cmd->return_flags & KDBUS_NAME_ACQUIRED);
}

static void *build_list(struct_t *self __attribute__((unused)))
{
	struct kdbus_cmd_list *cmd = object_new(sizeof(*cmd));

	cmd->flags = KDBUS_LIST_UNIQUE;
	cmd->return_flags = ~0ULL;
	return cmd;
}

/* The pool fills with lists of two connections, from its beginning. */
static int effects_list(struct_t *self)
{
	int n = 0;

	while (conn_free(&self->conn, 2 * n * sizeof(struct kdbus_info)) == 0)
		n++;
	return n;
}

/* Only in this file: there is no such command. */
#define MESSAGE 0

static const struct command commands[] = {
	{
		"BUS_MAKE", KDBUS_CMD_BUS_MAKE, 24, 0x3, 0x3,
		{ KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_MAKE_NAME,
		  KDBUS_ITEM_BLOOM_PARAMETER, KDBUS_ITEM_ATTACH_FLAGS_SEND },
		{ 0 },
		open_control_fd, build_bus_make, effects_bus_make,
		refused_bus_make, -EEXIST, 0,
	}, {
		"HELLO", KDBUS_CMD_HELLO, 96, 0xf, KDBUS_HELLO_ACCEPT_FD,
		{ KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_CONN_DESCRIPTION },
		{ KDBUS_ITEM_NAME, KDBUS_ITEM_CREDS, KDBUS_ITEM_PIDS,
		  KDBUS_ITEM_SECLABEL, KDBUS_ITEM_POLICY_ACCESS },
		open_endpoint_fd, build_hello, effects_hello,
		refused_hello, -EINVAL, 0,
	}, {
		"BYEBYE", KDBUS_CMD_BYEBYE, 24, 0, 0,
		{ KDBUS_ITEM_NEGOTIATE }, { 0 },
		connect_fd, build_cmd, effects_byebye,
		NULL, 0, 0,
	}, {
		"FREE", KDBUS_CMD_FREE, 32, 0, 0,
		{ KDBUS_ITEM_NEGOTIATE }, { 0 },
		prepare_free, build_free, effects_free,
		refused_free, -ENXIO, 0,
	}, {
		"SEND", KDBUS_CMD_SEND, 56, KDBUS_SEND_SYNC_REPLY, 0,
		{ KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_CANCEL_FD }, { 0 },
		connect_fd, build_send, effects_send,
		refused_send, -ENXIO, 0,
	}, {
		"message", MESSAGE, 64, 0x7, 0,
		{ KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_PAYLOAD_VEC,
		  KDBUS_ITEM_PAYLOAD_MEMFD, KDBUS_ITEM_FDS,
		  KDBUS_ITEM_BLOOM_FILTER, KDBUS_ITEM_DST_NAME },
		{ 0 },
		connect_fd, build_msg, effects_send,
		refused_msg, -ENXIO, 0,
	}, {
		"RECV", KDBUS_CMD_RECV, 64, 0x7, 0x7,
		{ KDBUS_ITEM_NEGOTIATE }, { 0 },
		prepare_recv, build_recv, effects_recv,
		refused_recv, -EINVAL, 0,
	}, {
		"NAME_ACQUIRE", KDBUS_CMD_NAME_ACQUIRE, 24, 0x7, 0x7,
		{ KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_NAME }, { 0 },
		connect_fd, build_name, effects_name_acquire,
		refused_name, -EINVAL,
		KDBUS_NAME_PRIMARY | KDBUS_NAME_ACQUIRED,
	}, {
		"NAME_RELEASE", KDBUS_CMD_NAME_RELEASE, 24, 0, 0,
		{ KDBUS_ITEM_NEGOTIATE, KDBUS_ITEM_NAME }, { 0 },
		prepare_name_release, build_name, effects_name_release,
		refused_name, -ESRCH, 0,
	}, {
		"LIST", KDBUS_CMD_LIST, 40, 0xf, 0xf,
		{ KDBUS_ITEM_NEGOTIATE }, { 0 },
		connect_fd, build_list, effects_list,
		NULL, 0, 0,
	},
};

/* What every struct starts with; a message has no return_flags. */
struct head {
	__u64 size;
	__u64 flags;
	__u64 return_flags;
};

static int run_flagged(struct_t *self, const struct command *c, void *arg,
		       __u64 send_flags)
{
	struct kdbus_cmd_send send = {
		.size = sizeof(send),
		.flags = send_flags,
		.msg_address = PTR_TO_U64(arg),
	};

	if (c->nr == MESSAGE)
		return cmd_run(self->fd, KDBUS_CMD_SEND, &send);
	return cmd_run(self->fd, c->nr, arg);
}

static int run(struct_t *self, const struct command *c, void *arg)
{
	return run_flagged(self, c, arg, 0);
}

/* Whoever negotiates about a message must not want to send it. */
static int negotiate(struct_t *self, const struct command *c, void *arg)
{
	((struct head *)arg)->flags |= NEGOTIATE;
	return run_flagged(self, c, arg, NEGOTIATE);
}

#define EXPECT_RUN(_expected, _arg, _format, ...) \
	EXPECT_EQ(_expected, run(self, c, _arg)) { \
		TH_LOG("%s: " _format, c->name, ##__VA_ARGS__); \
	}

#define FOR_EACH_COMMAND(_c) \
	for (_c = commands; _c < commands + ARRAY_SIZE(commands); _c++)

#define PREPARE(_c) do { \
	self->fd = (_c)->prepare(self); \
	ASSERT_LE(0, self->fd); \
} while (0)

/*
 * Whatever was tried before had no effect and did no harm: the command works,
 * and just once.
 */
#define FINISH(_c) do { \
	EXPECT_EQ(0, (_c)->effects(self)) { \
		TH_LOG("%s had an effect", (_c)->name); \
	} \
	EXPECT_EQ(0, run(self, _c, (_c)->build(self))) { \
		TH_LOG("%s does not work any more", (_c)->name); \
	} \
	EXPECT_EQ(1, (_c)->effects(self)) { \
		TH_LOG("%s", (_c)->name); \
	} \
	close(self->fd); \
} while (0)

TEST_F(command, argument_is_aligned)
{
	const struct command *c;
	__u8 *copy;
	int i;

	FOR_EACH_COMMAND(c) {
		PREPARE(c);
		for (i = 1; i < 8; i++) {
			copy = object_new(0);
			memcpy(copy + i, c->build(self), 1024);
			EXPECT_RUN(-EFAULT, copy + i, "off by %d", i);
		}
		FINISH(c);
	}
}

TEST_F(command, argument_is_readable)
{
	const struct command *c;
	__u8 *border, *arg;
	size_t size, n;

	border = two_pages(PROT_READ | PROT_WRITE, PROT_NONE);
	border += page_size();
	FOR_EACH_COMMAND(c) {
		PREPARE(c);
		EXPECT_RUN(-EFAULT, NULL, "NULL");
		EXPECT_RUN(-EFAULT, (void *)8, "page 0");
		EXPECT_RUN(-EFAULT, (void *)-4096L, "kernel");
		EXPECT_RUN(-EFAULT, border, "no access");

		arg = c->build(self);
		size = ALIGN8(*(__u64 *)arg);
		for (n = 8; n < size; n += 8) {
			memcpy(border - n, arg, n);
			EXPECT_RUN(-EFAULT, border - n, "%zu bytes of %zu", n,
				   size);
		}
		FINISH(c);
	}
}

TEST_F(command, size_has_limits)
{
	static const __u64 too_long[] = {
		SIZE_MAX_CMD + 1, 1ULL << 31, 1ULL << 32, (1ULL << 32) + 128,
		1ULL << 63, ~0ULL - 7, ~0ULL,
	};
	const struct command *c;
	struct head *arg;
	__u64 size, *tiny;
	unsigned int i;

	/* decided before the rest is read */
	tiny = two_pages(PROT_READ | PROT_WRITE, PROT_NONE);
	tiny = (void *)((__u8 *)tiny + page_size() - sizeof(*tiny));
	FOR_EACH_COMMAND(c) {
		PREPARE(c);
		arg = c->build(self);
		for (size = 0; size < c->size; size++) {
			arg->size = *tiny = size;
			EXPECT_RUN(-EINVAL, arg, "size %llu", size);
			EXPECT_RUN(-EINVAL, tiny, "size %llu", size);
		}
		for (i = 0; i < ARRAY_SIZE(too_long); i++) {
			arg->size = *tiny = too_long[i];
			EXPECT_RUN(-EMSGSIZE, arg, "%llx", too_long[i]);
			EXPECT_RUN(-EMSGSIZE, tiny, "%llx", too_long[i]);
		}
		FINISH(c);
	}
}

/* 32 KiB exactly, most of it an item that has no effect */
TEST_F(command, longest_argument_is_accepted)
{
	const struct command *c;
	struct kdbus_item *item;
	struct head *arg;
	size_t n;

	FOR_EACH_COMMAND(c) {
		PREPARE(c);
		arg = c->build(self);
		n = SIZE_MAX_CMD - ALIGN8(arg->size) - sizeof(__u64) * 2;
		item = item_add(arg, KDBUS_ITEM_NEGOTIATE, NULL, 0);
		item->size += n;
		arg->size += n;
		ASSERT_EQ(SIZE_MAX_CMD, arg->size);
		EXPECT_EQ(0, negotiate(self, c, arg)) {
			TH_LOG("%s", c->name);
		}
		FINISH(c);
	}
}

struct flipper {
	__u64 *size;
	__u64 good;
	bool stop;
};

static void *flip_size(void *arg)
{
	static const __u64 bad[] = { 0, 8, 16, 40000, ~0ULL };
	struct flipper *flipper = arg;
	unsigned int n = 0;

	while (!__atomic_load_n(&flipper->stop, __ATOMIC_RELAXED)) {
		__atomic_store_n(flipper->size, bad[n++ % ARRAY_SIZE(bad)],
				 __ATOMIC_RELAXED);
		__atomic_store_n(flipper->size, flipper->good,
				 __ATOMIC_RELAXED);
		__atomic_store_n(flipper->size, flipper->good + n % 64,
				 __ATOMIC_RELAXED);
	}
	return NULL;
}

TEST_F(command, size_that_changes_meanwhile_does_no_harm)
{
	struct flipper flipper = { 0 };
	const struct command *c;
	struct head *arg;
	pthread_t thread;
	int i, r;

	FOR_EACH_COMMAND(c) {
		PREPARE(c);
		arg = c->build(self);
		flipper.size = &arg->size;
		flipper.good = arg->size;
		flipper.stop = false;
		pthread_create(&thread, NULL, flip_size, &flipper);
		for (i = 0; i < 500; i++) {
			r = negotiate(self, c, arg);
			EXPECT_TRUE(r == 0 || r == -EINVAL ||
				    r == -EMSGSIZE) {
				TH_LOG("%s: %d", c->name, r);
			}
		}
		__atomic_store_n(&flipper.stop, true, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
		FINISH(c);
	}
}

TEST_F(command, flags_are_reported_and_others_refused)
{
	const struct command *c;
	struct head *arg;
	__u64 flags, before, bit;

	FOR_EACH_COMMAND(c) {
		PREPARE(c);
		arg = c->build(self);
		EXPECT_EQ(0, negotiate(self, c, arg)) {
			TH_LOG("%s", c->name);
		}
		flags = arg->flags;
		EXPECT_EQ(0, flags & ~c->flags) {
			TH_LOG("%s: flags %llx", c->name, flags);
		}
		EXPECT_EQ(c->needs, flags & c->needs) {
			TH_LOG("%s: flags %llx", c->name, flags);
		}
		if (c->nr != MESSAGE)
			EXPECT_EQ(0, arg->return_flags);

		for (bit = 1; bit < NEGOTIATE; bit <<= 1) {
			if (bit & flags)
				continue;
			arg = c->build(self);
			arg->flags |= bit;
			before = arg->flags;
			EXPECT_RUN(-EINVAL, arg, "flag %llx", bit);
			EXPECT_EQ(-EINVAL, negotiate(self, c, arg));
			EXPECT_EQ(before | NEGOTIATE, arg->flags) {
				TH_LOG("%s", c->name);
			}
			free(arg);
		}
		FINISH(c);
	}
}

static bool is_among(__u64 type, const __u64 *types)
{
	for (; *types; types++)
		if (*types == type)
			return true;
	return false;
}

static const __u64 all_types[] = {
	0, 0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0x9, 0xa, 0xb, 0xc, 0xd,
	0xe, 0xf, 0x10, 0x11, 0x20, 0xfff, 0x1000, 0x1001, 0x1002, 0x1003,
	0x1004, 0x1005, 0x1006, 0x1007, 0x1008, 0x1009, 0x100a, 0x100b, 0x100c,
	0x100d, 0x100e, 0x1fff, 0x2000, 0x2001, 0x7fff, 0x8000, 0x8001, 0x8002,
	0x8003, 0x8004, 0x8005, 0x8006, 0x8007, 0x10001, 0x100000002ULL,
	1ULL << 63, ~0ULL,
};

TEST_F(command, unknown_items_are_refused)
{
	static const __u64 payload[8];
	const struct command *c;
	unsigned int i, size;
	struct head *arg;

	FOR_EACH_COMMAND(c) {
		PREPARE(c);
		for (i = 0; i < ARRAY_SIZE(all_types); i++) {
			if (is_among(all_types[i], c->types) ||
			    is_among(all_types[i], c->maybe))
				continue;
			for (size = 0; size <= 64; size += 8) {
				arg = c->build(self);
				item_add(arg, all_types[i], payload, size);
				EXPECT_RUN(-EINVAL, arg, "item %llx",
					   all_types[i]);
				free(arg);
			}
		}
		FINISH(c);
	}
}

TEST_F(command, negotiation_item_clears_unknown_types)
{
	const struct command *c;
	struct kdbus_item *item;
	unsigned int i, plain;
	struct head *arg;

	FOR_EACH_COMMAND(c) {
		/* without the flag the command is run, too; not a message */
		for (plain = 0; plain < 2; plain++) {
			PREPARE(c);
			arg = c->build(self);
			item = item_add(arg, KDBUS_ITEM_NEGOTIATE, all_types,
					sizeof(all_types));
			if (!plain) {
				EXPECT_EQ(0, negotiate(self, c, arg));
				EXPECT_EQ(0, c->effects(self));
			} else if (c->nr == MESSAGE) {
				EXPECT_RUN(-EINVAL, arg, "item");
				EXPECT_EQ(0, c->effects(self));
			} else {
				EXPECT_RUN(0, arg, "item");
				EXPECT_EQ(1, c->effects(self));
			}
			for (i = 0; i < ARRAY_SIZE(all_types); i++) {
				if (is_among(all_types[i], c->maybe))
					continue;
				EXPECT_EQ(is_among(all_types[i], c->types) ?
					  all_types[i] : 0, item->data64[i]) {
					TH_LOG("%s", c->name);
				}
			}
			close(self->fd);
		}
	}
}

TEST_F(command, negotiation_item_holds_whole_words)
{
	static const __u8 payload[24];
	const struct command *c;
	struct head *arg;
	unsigned int n;

	FOR_EACH_COMMAND(c) {
		PREPARE(c);
		for (n = 0; n <= 24; n++) {
			arg = c->build(self);
			item_add(arg, KDBUS_ITEM_NEGOTIATE, payload, n);
			EXPECT_EQ(n % 8 ? -EINVAL : 0,
				  negotiate(self, c, arg)) {
				TH_LOG("%s: %u bytes", c->name, n);
			}
		}
		FINISH(c);
	}
}

TEST_F(command, negotiation_item_comes_once)
{
	const struct command *c;
	struct head *arg;

	FOR_EACH_COMMAND(c) {
		PREPARE(c);
		arg = c->build(self);
		item_add(arg, KDBUS_ITEM_NEGOTIATE, NULL, 0);
		item_add(arg, KDBUS_ITEM_NEGOTIATE, NULL, 0);
		EXPECT_RUN(-EINVAL, arg, "two items");
		EXPECT_EQ(-EINVAL, negotiate(self, c, arg));
		FINISH(c);
	}
}

TEST_F(command, items_have_possible_sizes)
{
	static const __u64 sizes[] = {
		0, 1, 8, 15, 16, 24, 33, 34, 40, 48, 4096, 32768, 1ULL << 31,
		1ULL << 32, (1ULL << 32) + 32, 1ULL << 63, (1ULL << 63) + 32,
		~0ULL - 31, ~0ULL - 15, ~0ULL - 7, ~0ULL,
	};
	static const __u64 payload[2];
	const struct command *c;
	struct kdbus_item *item;
	struct head *arg;
	unsigned int i;

	FOR_EACH_COMMAND(c) {
		PREPARE(c);
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			arg = c->build(self);
			item = item_add(arg, KDBUS_ITEM_NEGOTIATE, payload,
					sizeof(payload));
			item->size = sizes[i];
			EXPECT_RUN(-EINVAL, arg, "item of %llx bytes",
				   sizes[i]);
			EXPECT_EQ(-EINVAL, negotiate(self, c, arg));
			free(arg);
		}
		FINISH(c);
	}
}

TEST_F(command, last_item_is_complete)
{
	static const __u64 payload[2];
	const struct command *c;
	struct head *arg;
	unsigned int n;

	FOR_EACH_COMMAND(c) {
		PREPARE(c);
		for (n = 1; n < 32; n++) {
			arg = c->build(self);
			item_add(arg, KDBUS_ITEM_NEGOTIATE, payload,
				 sizeof(payload));
			arg->size -= n;
			EXPECT_RUN(-EINVAL, arg, "%u bytes are missing", n);
			free(arg);
		}
		FINISH(c);
	}
}

TEST_F(command, nothing_follows_the_last_item)
{
	const struct command *c;
	struct head *arg;
	unsigned int n;

	FOR_EACH_COMMAND(c) {
		PREPARE(c);
		arg = c->build(self);
		ASSERT_EQ(0, arg->size % 8);
		for (n = 1; n <= 40; n++) {
			arg->size++;
			EXPECT_RUN(-EINVAL, arg, "%u bytes too many", n);
		}
		FINISH(c);
	}
}

TEST_F(command, return_flags_are_cleared_once_the_argument_is_read)
{
	const struct command *c;
	struct head *arg;

	FOR_EACH_COMMAND(c) {
		if (c->nr == MESSAGE)
			continue;
		PREPARE(c);
		arg = c->build(self);
		arg->flags = 1ULL << 40;
		EXPECT_RUN(-EINVAL, arg, "flag");
		EXPECT_EQ(0, arg->return_flags);

		arg = c->build(self);
		item_add(arg, 0x4711, NULL, 0);
		EXPECT_RUN(-EINVAL, arg, "item");
		EXPECT_EQ(0, arg->return_flags);

		if (c->refused) {
			arg = c->refused(self);
			EXPECT_RUN(c->error, arg, "refused");
			EXPECT_EQ(0, arg->return_flags);
		}

		EXPECT_EQ(0, c->effects(self));
		arg = c->build(self);
		EXPECT_RUN(0, arg, "as it should be");
		EXPECT_EQ(c->returns, arg->return_flags);
		EXPECT_EQ(1, c->effects(self));
		close(self->fd);
	}
}

TEST_F(command, return_flags_stay_until_the_argument_is_read)
{
	const struct command *c;
	struct head *arg;

	FOR_EACH_COMMAND(c) {
		if (c->nr == MESSAGE)
			continue;
		PREPARE(c);
		arg = c->build(self);
		arg->size = c->size - 1;
		EXPECT_RUN(-EINVAL, arg, "too short");
		EXPECT_EQ(~0ULL, arg->return_flags);
		arg->size = SIZE_MAX_CMD + 1;
		EXPECT_RUN(-EMSGSIZE, arg, "too long");
		EXPECT_EQ(~0ULL, arg->return_flags);

		arg = c->build(self);
		EXPECT_EQ(-EBADFD, cmd_run(self->bus, c->nr, arg));
		EXPECT_EQ(~0ULL, arg->return_flags);
		FINISH(c);
	}
}

TEST_F(command, nothing_is_done_when_return_flags_cannot_be_written)
{
	const struct command *c;
	__u8 *page;

	FOR_EACH_COMMAND(c) {
		PREPARE(c);
		page = two_pages(PROT_READ | PROT_WRITE, PROT_NONE);
		memcpy(page, c->build(self), 256);
		ASSERT_EQ(0, mprotect(page, page_size(), PROT_READ));
		if (c->nr == MESSAGE) {
			/* is only read */
			EXPECT_RUN(0, page, "read-only");
			EXPECT_EQ(1, c->effects(self));
		} else {
			EXPECT_RUN(-EFAULT, page, "read-only");
		}
		FINISH(c);
	}
}

TEST_F(command, nothing_is_done_when_negotiation_cannot_be_answered)
{
	const __u64 unknown = 0x4711;
	const struct command *c;
	struct kdbus_item *item;
	__u8 *border, *arg;
	size_t offset;

	FOR_EACH_COMMAND(c) {
		PREPARE(c);
		arg = c->build(self);
		item = item_add(arg, KDBUS_ITEM_NEGOTIATE, &unknown, 8);
		offset = item->data - arg;

		/* all but the payload of the item can be written */
		border = two_pages(PROT_READ | PROT_WRITE,
				   PROT_READ | PROT_WRITE);
		border += page_size();
		memcpy(border - offset, arg, offset + 8);
		ASSERT_EQ(0, mprotect(border, page_size(), PROT_READ));
		EXPECT_RUN(-EFAULT, border - offset, "item");
		EXPECT_EQ(-EFAULT, negotiate(self, c, border - offset)) {
			TH_LOG("%s", c->name);
		}
		FINISH(c);
	}
}

KDBUS_HARNESS_MAIN
