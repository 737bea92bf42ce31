// SPDX-License-Identifier: LGPL-2.1+
/*
 * Who may open what: the flags of a bus, and users and groups that are real.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>

#include "kdbus_util.h"
#include "kdbus_harness.h"

#define STAFF	11009

FIXTURE(access) {
	struct domain domain;
	struct domain *d;
};

FIXTURE_SETUP(access)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
}

FIXTURE_TEARDOWN(access)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

FIXTURE_VARIANT(access)
{
	__u64 flags;
	bool group;
	bool world;
};

FIXTURE_VARIANT_ADD(access, owner)
{
	.flags = 0,
};

FIXTURE_VARIANT_ADD(access, group)
{
	.flags = KDBUS_MAKE_ACCESS_GROUP,
	.group = true,
};

FIXTURE_VARIANT_ADD(access, world)
{
	.flags = KDBUS_MAKE_ACCESS_WORLD,
	.group = true,
	.world = true,
};

/* Alice, in the group staff, makes a bus; it stays until the caller is gone. */
static int alices_bus(const struct domain *d, __u64 flags)
{
	int bus;

	if (setresgid(STAFF, STAFF, 0) < 0 || setresuid(ALICE, ALICE, 0) < 0)
		return -errno;
	bus = bus_new(d, "11001-bus", flags);
	if (setresuid(0, 0, 0) < 0 || setresgid(0, 0, 0) < 0)
		return -errno;
	return bus;
}

/*
 * As a child with these ids: the endpoint by its path and, where the path
 * walk is already done, by itself. 0 if both can be opened for use.
 */
static int try_open(const struct domain *d, uid_t uid, gid_t gid, gid_t extra)
{
	char node[32];
	pid_t pid;
	int fd, r;

	fd = open_in(d, "11001-bus/bus", O_PATH);
	if (fd < 0)
		return -1;
	snprintf(node, sizeof(node), "/proc/self/fd/%d", fd);

	pid = fork_as(0, 0);
	if (pid == 0) {
		CHECK(setgroups(extra ? 1 : 0, &extra) == 0);
		CHECK(setresgid(gid, gid, gid) == 0);
		CHECK(setresuid(uid, uid, uid) == 0);
		r = open_endpoint(d, "11001-bus");
		CHECK(r >= 0 || r == -EACCES);
		fd = open(node, O_RDWR);
		CHECK(fd >= 0 || errno == EACCES);
		CHECK((fd >= 0) == (r >= 0));
		_exit(r < 0 ? -r : 0);
	}
	r = child_wait(pid);
	close(fd);
	return r;
}

TEST_F(access, flags_decide_who_opens_the_endpoint)
{
	const int group = variant->group ? 0 : EACCES;
	const int world = variant->world ? 0 : EACCES;

	ASSERT_LE(0, alices_bus(self->d, variant->flags));
	EXPECT_EQ(0, try_open(self->d, ALICE, STAFF, 0));
	EXPECT_EQ(0, try_open(self->d, ALICE, BOB, 0));
	EXPECT_EQ(group, try_open(self->d, BOB, STAFF, 0));
	EXPECT_EQ(group, try_open(self->d, BOB, BOB, STAFF));
	EXPECT_EQ(world, try_open(self->d, BOB, BOB, 0));
	EXPECT_EQ(0, try_open(self->d, 0, 0, 0));
}

TEST_F(access, flags_decide_who_lists_the_bus)
{
	int fd, expected = variant->world ? 0 : EACCES;
	pid_t pid;

	ASSERT_LE(0, alices_bus(self->d, variant->flags));
	pid = fork_as(BOB, BOB);
	if (pid == 0) {
		fd = open_in(self->d, "11001-bus", O_RDONLY | O_DIRECTORY);
		_exit(fd < 0 ? -fd : 0);
	}
	EXPECT_EQ(expected, child_wait(pid));
}

/* What was opened can be used by whoever holds it. */
TEST_F(access, only_opening_is_checked)
{
	struct conn c;
	pid_t pid;
	int fd;

	ASSERT_LE(0, alices_bus(self->d, variant->flags));
	fd = open_endpoint(self->d, "11001-bus");
	ASSERT_LE(0, fd);
	pid = fork_as(BOB, BOB);
	if (pid == 0) {
		CHECK(conn_hello(&c, fd, POOL_SIZE) == 0);
		CHECK(send_cookie(&c, c.id, 5) == 0);
		CHECK(receive_cookie(&c) == 5);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
}

TEST_F(access, everyone_can_make_a_bus)
{
	struct conn c;
	pid_t pid;

	pid = fork_as(BOB, BOB);
	if (pid == 0) {
		CHECK(bus_new(self->d, "11001-bus", variant->flags) == -EINVAL);
		CHECK(bus_new(self->d, "11002-bus", variant->flags) >= 0);
		CHECK(conn_new(&c, self->d, "11002-bus") == 0);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
}

KDBUS_HARNESS_MAIN
