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

#include "command_util.h"
#include "kdbus_harness.h"

#define NEGOTIATE	KDBUS_FLAG_NEGOTIATE
#define SIZE_MAX_CMD	32768

FIXTURE(command) {
	struct scene scene;
};

FIXTURE_SETUP(command)
{
	ASSERT_EQ(0, scene_enter(&self->scene));
}

FIXTURE_TEARDOWN(command)
{
	EXPECT_EQ(0, domain_leave(self->scene.d));
}

/* What every struct starts with; a message has no return_flags. */
struct head {
	__u64 size;
	__u64 flags;
	__u64 return_flags;
};

static int run_flagged(struct scene *s, const struct command *c, void *arg,
		       __u64 send_flags)
{
	struct kdbus_cmd_send send = {
		.size = sizeof(send),
		.flags = send_flags,
		.msg_address = PTR_TO_U64(arg),
	};

	if (c->nr == MESSAGE)
		return cmd_run(s->fd, KDBUS_CMD_SEND, &send);
	return cmd_run(s->fd, c->nr, arg);
}

static int run(struct scene *s, const struct command *c, void *arg)
{
	return run_flagged(s, c, arg, 0);
}

/* Whoever negotiates about a message must not want to send it. */
static int negotiate(struct scene *s, const struct command *c, void *arg)
{
	((struct head *)arg)->flags |= NEGOTIATE;
	return run_flagged(s, c, arg, NEGOTIATE);
}

#define EXPECT_RUN(_expected, _arg, _format, ...) \
	EXPECT_EQ(_expected, run(&self->scene, c, _arg)) { \
		TH_LOG("%s: " _format, c->name, ##__VA_ARGS__); \
	}

#define FOR_EACH_COMMAND(_c) \
	for (_c = commands; _c < commands + n_commands; _c++)

#define PREPARE(_c) do { \
	self->scene.fd = (_c)->prepare(&self->scene); \
	ASSERT_LE(0, self->scene.fd); \
} while (0)

/*
 * Whatever was tried before had no effect and did no harm: the command works,
 * and just once.
 */
#define FINISH(_c) do { \
	EXPECT_EQ(0, (_c)->effects(&self->scene)) { \
		TH_LOG("%s had an effect", (_c)->name); \
	} \
	EXPECT_EQ(0, run(&self->scene, _c, (_c)->build(&self->scene))) { \
		TH_LOG("%s does not work any more", (_c)->name); \
	} \
	EXPECT_EQ(1, (_c)->effects(&self->scene)) { \
		TH_LOG("%s", (_c)->name); \
	} \
	close(self->scene.fd); \
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
			memcpy(copy + i, c->build(&self->scene), 1024);
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

		arg = c->build(&self->scene);
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
		arg = c->build(&self->scene);
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
		arg = c->build(&self->scene);
		n = SIZE_MAX_CMD - ALIGN8(arg->size) - sizeof(__u64) * 2;
		item = item_add(arg, KDBUS_ITEM_NEGOTIATE, NULL, 0);
		item->size += n;
		arg->size += n;
		ASSERT_EQ(SIZE_MAX_CMD, arg->size);
		EXPECT_EQ(0, negotiate(&self->scene, c, arg)) {
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
		arg = c->build(&self->scene);
		flipper.size = &arg->size;
		flipper.good = arg->size;
		flipper.stop = false;
		pthread_create(&thread, NULL, flip_size, &flipper);
		for (i = 0; i < 500; i++) {
			r = negotiate(&self->scene, c, arg);
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
		arg = c->build(&self->scene);
		EXPECT_EQ(0, negotiate(&self->scene, c, arg)) {
			TH_LOG("%s", c->name);
		}
		flags = arg->flags;
		EXPECT_EQ(c->flags, flags) {
			TH_LOG("%s", c->name);
		}
		if (c->nr != MESSAGE)
			EXPECT_EQ(0, arg->return_flags);

		for (bit = 1; bit < NEGOTIATE; bit <<= 1) {
			if (bit & flags)
				continue;
			arg = c->build(&self->scene);
			arg->flags |= bit;
			before = arg->flags;
			EXPECT_RUN(-EINVAL, arg, "flag %llx", bit);
			EXPECT_EQ(-EINVAL, negotiate(&self->scene, c, arg));
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
			if (is_among(all_types[i], c->types))
				continue;
			for (size = 0; size <= 64; size += 8) {
				arg = c->build(&self->scene);
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
			arg = c->build(&self->scene);
			item = item_add(arg, KDBUS_ITEM_NEGOTIATE, all_types,
					sizeof(all_types));
			if (!plain) {
				EXPECT_EQ(0, negotiate(&self->scene, c, arg));
				EXPECT_EQ(0, c->effects(&self->scene));
			} else if (c->nr == MESSAGE) {
				EXPECT_RUN(-EINVAL, arg, "item");
				EXPECT_EQ(0, c->effects(&self->scene));
			} else {
				EXPECT_RUN(0, arg, "item");
				EXPECT_EQ(1, c->effects(&self->scene));
			}
			for (i = 0; i < ARRAY_SIZE(all_types); i++) {
				EXPECT_EQ(is_among(all_types[i], c->types) ?
					  all_types[i] : 0, item->data64[i]) {
					TH_LOG("%s", c->name);
				}
			}
			close(self->scene.fd);
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
			arg = c->build(&self->scene);
			item_add(arg, KDBUS_ITEM_NEGOTIATE, payload, n);
			EXPECT_EQ(n % 8 ? -EINVAL : 0,
				  negotiate(&self->scene, c, arg)) {
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
		arg = c->build(&self->scene);
		item_add(arg, KDBUS_ITEM_NEGOTIATE, NULL, 0);
		item_add(arg, KDBUS_ITEM_NEGOTIATE, NULL, 0);
		EXPECT_RUN(-EINVAL, arg, "two items");
		EXPECT_EQ(-EINVAL, negotiate(&self->scene, c, arg));
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
			arg = c->build(&self->scene);
			item = item_add(arg, KDBUS_ITEM_NEGOTIATE, payload,
					sizeof(payload));
			item->size = sizes[i];
			EXPECT_RUN(-EINVAL, arg, "item of %llx bytes",
				   sizes[i]);
			EXPECT_EQ(-EINVAL, negotiate(&self->scene, c, arg));
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
			arg = c->build(&self->scene);
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
		arg = c->build(&self->scene);
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
		arg = c->build(&self->scene);
		arg->flags = 1ULL << 40;
		EXPECT_RUN(-EINVAL, arg, "flag");
		EXPECT_EQ(0, arg->return_flags);

		arg = c->build(&self->scene);
		item_add(arg, 0x4711, NULL, 0);
		EXPECT_RUN(-EINVAL, arg, "item");
		EXPECT_EQ(0, arg->return_flags);

		if (c->refused) {
			arg = c->refused(&self->scene);
			EXPECT_RUN(c->error, arg, "refused");
			EXPECT_EQ(0, arg->return_flags);
		}

		EXPECT_EQ(0, c->effects(&self->scene));
		arg = c->build(&self->scene);
		EXPECT_RUN(0, arg, "as it should be");
		EXPECT_EQ(c->returns, arg->return_flags);
		EXPECT_EQ(1, c->effects(&self->scene));
		close(self->scene.fd);
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
		arg = c->build(&self->scene);
		arg->size = c->size - 1;
		EXPECT_RUN(-EINVAL, arg, "too short");
		EXPECT_EQ(~0ULL, arg->return_flags);
		arg->size = SIZE_MAX_CMD + 1;
		EXPECT_RUN(-EMSGSIZE, arg, "too long");
		EXPECT_EQ(~0ULL, arg->return_flags);

		arg = c->build(&self->scene);
		EXPECT_EQ(-EBADFD, cmd_run(self->scene.bus, c->nr, arg));
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
		memcpy(page, c->build(&self->scene), 256);
		ASSERT_EQ(0, mprotect(page, page_size(), PROT_READ));
		if (c->nr == MESSAGE) {
			/* is only read */
			EXPECT_RUN(0, page, "read-only");
			EXPECT_EQ(1, c->effects(&self->scene));
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
		arg = c->build(&self->scene);
		item = item_add(arg, KDBUS_ITEM_NEGOTIATE, &unknown, 8);
		offset = item->data - arg;

		/* all but the payload of the item can be written */
		border = two_pages(PROT_READ | PROT_WRITE,
				   PROT_READ | PROT_WRITE);
		border += page_size();
		memcpy(border - offset, arg, offset + 8);
		ASSERT_EQ(0, mprotect(border, page_size(), PROT_READ));
		EXPECT_RUN(-EFAULT, border - offset, "item");
		EXPECT_EQ(-EFAULT, negotiate(&self->scene, c, border - offset)) {
			TH_LOG("%s", c->name);
		}
		FINISH(c);
	}
}

KDBUS_HARNESS_MAIN
