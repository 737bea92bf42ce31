// SPDX-License-Identifier: LGPL-2.1+
/*
 * Making buses: names, parameters, how many, and how they go away.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "kdbus_util.h"
#include "kdbus_harness.h"

FIXTURE(bus) {
	struct domain domain;
	struct domain *d;
	int control;
};

FIXTURE_SETUP(bus)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	self->control = open_control(self->d);
	ASSERT_LE(0, self->control);
}

FIXTURE_TEARDOWN(bus)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

/* Makes a bus and removes it again. */
static int try_name(const struct domain *d, const char *name)
{
	int fd = bus_new(d, name, 0);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

TEST_F(bus, names_follow_the_grammar)
{
	static const struct {
		const char *name;
		int expected;
	} rows[] = {
		{ "0-a", 0 },
		{ "0-0", 0 },
		{ "0-_", 0 },
		{ "0-Az09_", 0 },
		{ "0-a.b-c", 0 },
		{ "0--a", 0 },
		{ "0-.a", 0 },
		{ "0-a..--b", 0 },
		{ "", -EINVAL },
		{ "0", -EINVAL },
		{ "0-", -EINVAL },
		{ "0-a-", -EINVAL },
		{ "0-a.", -EINVAL },
		{ "0-.", -EINVAL },
		{ "-0-a", -EINVAL },
		{ ".0-a", -EINVAL },
		{ "0-a b", -EINVAL },
		{ "0-a/b", -EINVAL },
		{ "0-a\n", -EINVAL },
		{ "0-a:b", -EINVAL },
		{ "0-a+", -EINVAL },
		{ "0-a*", -EINVAL },
		{ "0-\x7f", -EINVAL },
		{ "0-\x01", -EINVAL },
		{ "0-\xc4", -EINVAL },
		{ "0-\xc3\xa4", -EINVAL },
		{ "0-a\xe4z", -EINVAL },
		{ "0a", -EINVAL },
		{ "0.a", -EINVAL },
		{ "0_a", -EINVAL },
		{ "00-a", -EINVAL },
		{ " 0-a", -EINVAL },
		{ "+0-a", -EINVAL },
		{ "0x0-a", -EINVAL },
		{ "1-a", -EINVAL },
		{ "01-a", -EINVAL },
		{ "4294967296-a", -EINVAL },
		{ "a", -EINVAL },
		{ "a-b", -EINVAL },
		{ "bus", -EINVAL },
		{ "control", -EINVAL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(rows[i].expected, try_name(self->d, rows[i].name)) {
			TH_LOG("\"%s\"", rows[i].name);
		}
	}
}

TEST_F(bus, names_have_up_to_63_bytes)
{
	char name[100];
	int n;

	for (n = 60; n < 99; n++) {
		memset(name, 'x', sizeof(name));
		memcpy(name, "0-", 2);
		name[n] = 0;
		EXPECT_EQ(n > 63 ? -ENAMETOOLONG : 0,
			  try_name(self->d, name)) {
			TH_LOG("%d bytes", n);
		}
		/* too long is too long, whatever else is wrong */
		memcpy(name, "9/", 2);
		EXPECT_EQ(n > 63 ? -ENAMETOOLONG : -EINVAL,
			  try_name(self->d, name));
	}
}

TEST_F(bus, names_are_strings)
{
	static const struct {
		const char *bytes;
		size_t size;
	} rows[] = {
		{ "", 0 },
		{ "0", 1 },
		{ "", 1 },
		{ "0-a", 3 },
		{ "0-a\0", 5 },
		{ "0-a\0b", 6 },
		{ "0-a\0b", 5 },
		{ "0-a\0\0\0\0", 8 },
	};
	struct kdbus_bloom_parameter bloom = { .size = 8, .n_hash = 1 };
	struct kdbus_cmd *cmd;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		cmd = object_new(sizeof(*cmd));
		item_add(cmd, KDBUS_ITEM_BLOOM_PARAMETER, &bloom,
			 sizeof(bloom));
		item_add(cmd, KDBUS_ITEM_MAKE_NAME, rows[i].bytes,
			 rows[i].size);
		EXPECT_EQ(-EINVAL, cmd_run(self->control, KDBUS_CMD_BUS_MAKE,
					   cmd)) {
			TH_LOG("row %u", i);
		}
	}
	EXPECT_EQ(0, bus_make(self->control, "0-a", 0));
}

TEST_F(bus, names_start_with_the_effective_uid)
{
	ASSERT_EQ(0, setresuid(BOB, ALICE, 0));
	EXPECT_EQ(-EINVAL, bus_make(self->control, "0-a", 0));
	EXPECT_EQ(-EINVAL, bus_make(self->control, "11002-a", 0));
	EXPECT_EQ(-EINVAL, bus_make(self->control, "1100-a", 0));
	EXPECT_EQ(-EINVAL, bus_make(self->control, "110010-a", 0));
	EXPECT_EQ(0, bus_make(self->control, "11001-a", 0));
	ASSERT_EQ(0, setresuid(0, 0, 0));
}

TEST_F(bus, uids_have_32_bits)
{
	ASSERT_EQ(0, setresuid(4000000000U, 4000000000U, 0));
	EXPECT_EQ(0, bus_make(self->control, "4000000000-a", 0));
	ASSERT_EQ(0, setresuid(0, 0, 0));
}

TEST_F(bus, bloom_parameters_have_limits)
{
	static const struct {
		__u64 size;
		__u64 n_hash;
		int expected;
	} rows[] = {
		{ 0, 1, -EINVAL },
		{ 4, 1, -EINVAL },
		{ 7, 1, -EINVAL },
		{ 8, 1, 0 },
		{ 9, 1, -EINVAL },
		{ 12, 1, -EINVAL },
		{ 16, 1, 0 },
		{ 4088, 8, 0 },
		{ 4096, 8, 0 },
		{ 4097, 8, -EINVAL },
		{ 4104, 8, -EINVAL },
		{ 8192, 8, -EINVAL },
		{ (1ULL << 32) + 8, 8, -EINVAL },
		{ 1ULL << 63, 8, -EINVAL },
		{ ~0ULL - 7, 8, -EINVAL },
		{ 64, 0, -EINVAL },
		{ 64, 1000, 0 },
		{ 64, ~0ULL, 0 },
	};
	struct kdbus_bloom_parameter bloom;
	struct kdbus_cmd *cmd;
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		fd = open_control(self->d);
		cmd = object_new(sizeof(*cmd));
		bloom.size = rows[i].size;
		bloom.n_hash = rows[i].n_hash;
		item_add(cmd, KDBUS_ITEM_BLOOM_PARAMETER, &bloom,
			 sizeof(bloom));
		item_add_str(cmd, KDBUS_ITEM_MAKE_NAME, "0-bus");
		EXPECT_EQ(rows[i].expected,
			  cmd_run(fd, KDBUS_CMD_BUS_MAKE, cmd)) {
			TH_LOG("size %llu, %llu hashes", bloom.size,
			       bloom.n_hash);
		}
		close(fd);
	}
}

TEST_F(bus, attach_flags_are_known_ones)
{
	static const struct {
		__u64 flags;
		int expected;
	} rows[] = {
		{ 0, 0 },
		{ KDBUS_ATTACH_CREDS, 0 },
		{ _KDBUS_ATTACH_ALL, 0 },
		{ _KDBUS_ATTACH_ANY, 0 },
		{ 0x4000, -EINVAL },
		{ 0x7fff, -EINVAL },
		{ 1ULL << 32, -EINVAL },
		{ 1ULL << 63, -EINVAL },
		{ ~0ULL >> 1, -EINVAL },
	};
	struct kdbus_cmd *cmd;
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		fd = open_control(self->d);
		cmd = bus_make_new("0-bus", 0);
		item_add(cmd, KDBUS_ITEM_ATTACH_FLAGS_SEND, &rows[i].flags, 8);
		EXPECT_EQ(rows[i].expected,
			  cmd_run(fd, KDBUS_CMD_BUS_MAKE, cmd)) {
			TH_LOG("flags %llx", rows[i].flags);
		}
		close(fd);
	}
}

/* What each item needs to hold, and that it comes once */
TEST_F(bus, items_have_the_right_size_and_number)
{
	static const __u64 payload[8] = { 64, 1 };
	static const struct {
		__u64 type;
		size_t size;
	} items[] = {
		{ KDBUS_ITEM_BLOOM_PARAMETER, 16 },
		{ KDBUS_ITEM_ATTACH_FLAGS_SEND, 8 },
	};
	struct kdbus_cmd *cmd;
	unsigned int i, size;

	for (i = 0; i < ARRAY_SIZE(items); i++) {
		for (size = 0; size < 33; size++) {
			cmd = object_new(sizeof(*cmd));
			item_add_str(cmd, KDBUS_ITEM_MAKE_NAME, "0-bus");
			item_add(cmd, items[i].type, payload, size);
			if (items[i].type != KDBUS_ITEM_BLOOM_PARAMETER)
				item_add(cmd, KDBUS_ITEM_BLOOM_PARAMETER,
					 payload, 16);
			if (size == items[i].size)
				continue;
			EXPECT_EQ(-EINVAL, cmd_run(self->control,
						   KDBUS_CMD_BUS_MAKE, cmd)) {
				TH_LOG("item %llx with %u bytes",
				       items[i].type, size);
			}
		}
		cmd = bus_make_new("0-bus", 0);
		item_add(cmd, items[i].type, payload, items[i].size);
		item_add(cmd, items[i].type, payload, items[i].size);
		EXPECT_EQ(-EINVAL, cmd_run(self->control, KDBUS_CMD_BUS_MAKE,
					   cmd));
	}
	cmd = bus_make_new("0-bus", 0);
	item_add_str(cmd, KDBUS_ITEM_MAKE_NAME, "0-bus");
	EXPECT_EQ(-EINVAL, cmd_run(self->control, KDBUS_CMD_BUS_MAKE, cmd));
	EXPECT_EQ(0, bus_make(self->control, "0-bus", 0));
}

TEST_F(bus, name_and_bloom_parameters_are_needed)
{
	struct kdbus_bloom_parameter bloom = { .size = 8, .n_hash = 1 };
	struct kdbus_cmd *no_name, *no_bloom, *none;

	no_name = object_new(sizeof(*no_name));
	item_add(no_name, KDBUS_ITEM_BLOOM_PARAMETER, &bloom, sizeof(bloom));
	no_bloom = object_new(sizeof(*no_bloom));
	item_add_str(no_bloom, KDBUS_ITEM_MAKE_NAME, "0-bus");
	none = object_new(sizeof(*none));
	EXPECT_EQ(-EINVAL, cmd_run(self->control, KDBUS_CMD_BUS_MAKE, no_name));
	EXPECT_EQ(-EINVAL, cmd_run(self->control, KDBUS_CMD_BUS_MAKE,
				   no_bloom));
	EXPECT_EQ(-EINVAL, cmd_run(self->control, KDBUS_CMD_BUS_MAKE, none));

	/* but not to negotiate */
	no_name->flags = no_bloom->flags = none->flags = KDBUS_FLAG_NEGOTIATE;
	EXPECT_EQ(0, cmd_run(self->control, KDBUS_CMD_BUS_MAKE, no_name));
	EXPECT_EQ(0, cmd_run(self->control, KDBUS_CMD_BUS_MAKE, no_bloom));
	EXPECT_EQ(0, cmd_run(self->control, KDBUS_CMD_BUS_MAKE, none));
	EXPECT_EQ(0x3, none->flags);
}

/* Items come in any order, and nobody looks at what is between them. */
TEST_F(bus, padding_is_ignored)
{
	struct kdbus_bloom_parameter bloom = { .size = 8, .n_hash = 1 };
	struct kdbus_item *item;
	struct kdbus_cmd *cmd;
	unsigned int n;
	int fd;

	cmd = object_new(sizeof(*cmd));
	item = item_add_str(cmd, KDBUS_ITEM_MAKE_NAME, "0-bus");
	memset((__u8 *)item + item->size, 0xff, 8 - item->size % 8);
	item_add(cmd, KDBUS_ITEM_BLOOM_PARAMETER, &bloom, sizeof(bloom));
	fd = open_control(self->d);
	EXPECT_EQ(0, cmd_run(fd, KDBUS_CMD_BUS_MAKE, cmd));
	close(fd);

	/* at the end it may be missing, complete or in part */
	for (n = 0; n < 4; n++) {
		cmd = object_new(sizeof(*cmd));
		item_add(cmd, KDBUS_ITEM_BLOOM_PARAMETER, &bloom,
			 sizeof(bloom));
		item = item_add_str(cmd, KDBUS_ITEM_MAKE_NAME, "0-b");
		ASSERT_EQ(20, item->size);
		memset((__u8 *)item + item->size, 0xff, 8);
		cmd->size += n;
		fd = open_control(self->d);
		EXPECT_EQ(0, cmd_run(fd, KDBUS_CMD_BUS_MAKE, cmd)) {
			TH_LOG("%u bytes of padding", n);
		}
		close(fd);
	}
	cmd->size += 2;
	EXPECT_EQ(-EINVAL, cmd_run(self->control, KDBUS_CMD_BUS_MAKE, cmd));
}

TEST_F(bus, name_is_taken_until_the_owner_closes)
{
	int i, fd;

	for (i = 0; i < 20; i++) {
		fd = bus_new(self->d, "0-bus", 0);
		ASSERT_LE(0, fd);
		EXPECT_EQ(-EEXIST, bus_make(self->control, "0-bus",
					    KDBUS_MAKE_ACCESS_WORLD));
		EXPECT_EQ(0, access(path_in(self->d, "0-bus/bus"), F_OK));
		close(fd);
		EXPECT_EQ(-1, access(path_in(self->d, "0-bus"), F_OK));
	}
	EXPECT_EQ(0, bus_make(self->control, "0-bus", 0));
}

TEST_F(bus, name_is_free_once_the_owner_was_killed)
{
	pid_t pid;
	int i;

	for (i = 0; i < 10; i++) {
		pid = fork_as(0, 0);
		if (pid == 0) {
			CHECK(bus_new(self->d, "0-bus", 0) >= 0);
			raise(SIGKILL);
		}
		EXPECT_EQ(-SIGKILL, child_wait(pid));
	}
	EXPECT_EQ(0, bus_make(self->control, "0-bus", 0));
}

static struct kdbus_cmd_hello *hello_on(const struct domain *d,
					const char *bus)
{
	struct kdbus_cmd_hello *hello = hello_new(page_size());

	if (cmd_run(open_endpoint(d, bus), KDBUS_CMD_HELLO, hello) < 0)
		abort();
	return hello;
}

TEST_F(bus, connections_are_told_the_flags)
{
	__u64 flags;
	int fd;

	for (flags = 0; flags < 4; flags++) {
		fd = bus_new(self->d, "0-bus", flags);
		ASSERT_LE(0, fd);
		EXPECT_EQ(flags, hello_on(self->d, "0-bus")->bus_flags);
		close(fd);
	}
}

TEST_F(bus, uuid_is_random_and_stable)
{
	__u8 seen[8][16];
	int i, j, fd;

	for (i = 0; i < 8; i++) {
		fd = bus_new(self->d, "0-bus", 0);
		ASSERT_LE(0, fd);
		memcpy(seen[i], hello_on(self->d, "0-bus")->id128, 16);
		EXPECT_EQ(0, memcmp(seen[i],
				    hello_on(self->d, "0-bus")->id128, 16));
		/* version 4, variant of RFC 4122 */
		EXPECT_EQ(0x40, seen[i][6] & 0xf0);
		EXPECT_EQ(0x80, seen[i][8] & 0xc0);
		for (j = 0; j < i; j++)
			EXPECT_NE(0, memcmp(seen[i], seen[j], 16));
		close(fd);
	}
}

#define MAX_BUSES 16

static void fill(struct __test_metadata *_metadata, const struct domain *d,
		 int *buses, const char *prefix)
{
	char name[32];
	int i;

	for (i = 0; i < MAX_BUSES; i++) {
		snprintf(name, sizeof(name), "%s-%d", prefix, i);
		buses[i] = bus_new(d, name, 0);
		ASSERT_LE(0, buses[i]) {
			TH_LOG("bus %d", i);
		}
	}
}

TEST_F(bus, user_has_at_most_16)
{
	int i, buses[MAX_BUSES];

	fill(_metadata, self->d, buses, "0");
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-EMFILE, bus_make(self->control, "0-more", 0));
		EXPECT_EQ(-1, access(path_in(self->d, "0-more"), F_OK));
		EXPECT_EQ(-EEXIST, bus_make(self->control, "0-3", 0));
	}
	close(buses[7]);
	EXPECT_EQ(0, bus_make(self->control, "0-more", 0));
	EXPECT_EQ(-EMFILE, bus_new(self->d, "0-7", 0));
}

TEST_F(bus, limit_is_for_each_user_and_domain)
{
	struct domain other;
	int buses[MAX_BUSES], fd;
	pid_t pid;

	fill(_metadata, self->d, buses, "0");
	pid = fork_as(ALICE, ALICE);
	if (pid == 0)
		_exit(-bus_make(self->control, "11001-bus", 0));
	EXPECT_EQ(0, child_wait(pid));

	ASSERT_EQ(0, domain_mount(&other, 0, NULL));
	fd = bus_new(&other, "0-more", 0);
	EXPECT_LE(0, fd);
	close(fd);
	EXPECT_EQ(0, domain_umount(&other));
}

TEST_F(bus, real_uid_is_charged)
{
	int buses[MAX_BUSES];

	ASSERT_EQ(0, setresuid(ALICE, 0, 0));
	fill(_metadata, self->d, buses, "0");
	EXPECT_EQ(-EMFILE, bus_make(self->control, "0-more", 0));
	ASSERT_EQ(0, setresuid(BOB, ALICE, 0));
	EXPECT_EQ(0, bus_make(self->control, "11001-more", 0));
	ASSERT_EQ(0, setresuid(0, 0, 0));
}

/* Failed attempts cost nothing. */
TEST_F(bus, failures_are_not_charged)
{
	int i, buses[MAX_BUSES];

	close(bus_new(self->d, "0-bus", 0));
	for (i = 0; i < 2 * MAX_BUSES; i++) {
		EXPECT_EQ(-EINVAL, bus_make(self->control, "0-", 0));
		EXPECT_EQ(-EINVAL, bus_make(self->control, "1-bus", 0));
	}
	fill(_metadata, self->d, buses, "0");
	for (i = 0; i < 2 * MAX_BUSES; i++)
		EXPECT_EQ(-EEXIST, bus_make(self->control, "0-0", 0));
	close(buses[0]);
	EXPECT_EQ(0, bus_make(self->control, "0-0", 0));
}

#define RACERS 4

struct race {
	int start[2];	/* closed to let them go */
	int results[2];
	int end[2];	/* closed when all have tried */
};

static pid_t racer(const struct domain *d, const struct race *race)
{
	int control, r;
	char byte;
	pid_t pid;

	pid = fork_as(0, 0);
	if (pid == 0) {
		close(race->start[1]);
		close(race->end[1]);
		control = open_control(d);
		CHECK(control >= 0);
		CHECK(read(race->start[0], &byte, 1) == 0);
		r = bus_make(control, "0-race", 0);
		CHECK(write(race->results[1], &r, sizeof(r)) == sizeof(r));
		CHECK(read(race->end[0], &byte, 1) == 0);
		_exit(0);
	}
	return pid;
}

TEST_F(bus, one_of_many_gets_the_name)
{
	int i, r, round, winners;
	pid_t pids[RACERS];
	struct race race;

	for (round = 0; round < 10; round++) {
		ASSERT_EQ(0, pipe(race.start));
		ASSERT_EQ(0, pipe(race.results));
		ASSERT_EQ(0, pipe(race.end));
		for (i = 0; i < RACERS; i++)
			pids[i] = racer(self->d, &race);
		close(race.start[1]);
		close(race.results[1]);

		winners = 0;
		for (i = 0; i < RACERS; i++) {
			ASSERT_EQ(sizeof(r),
				  read(race.results[0], &r, sizeof(r)));
			EXPECT_TRUE(r == 0 || r == -EEXIST) {
				TH_LOG("%d", r);
			}
			winners += !r;
		}
		EXPECT_EQ(1, winners);
		EXPECT_EQ(0, access(path_in(self->d, "0-race/bus"), F_OK));

		close(race.end[1]);
		for (i = 0; i < RACERS; i++)
			EXPECT_EQ(0, child_wait(pids[i]));
		EXPECT_EQ(-1, access(path_in(self->d, "0-race"), F_OK));
		close(race.start[0]);
		close(race.results[0]);
		close(race.end[0]);
	}
}

KDBUS_HARNESS_MAIN
