// SPDX-License-Identifier: LGPL-2.1+
/*
 * Policy holders: how a connection becomes one, what it can do, and how it
 * changes its policy.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "policy_util.h"
#include "kdbus_harness.h"

FIXTURE(holder) {
	struct domain domain;
	struct domain *d;
	struct conn alice;	/* owns the bus */
	struct conn bob;
};

FIXTURE_SETUP(holder)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, policy_bus_new(self->d));
	ASSERT_EQ(0, conn_as(&self->alice, self->d, "bus", ALICE));
	ASSERT_EQ(0, conn_as(&self->bob, self->d, "bus", BOB));
}

FIXTURE_TEARDOWN(holder)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

/* What bob may do with a name: nothing, or own it. */
static bool may_own(const struct conn *bob, const char *name)
{
	int r = acquire_as(bob, BOB, name);

	return r >= 0 && name_release(bob, name) == 0;
}

/* HELLO with that user's rights; the connection is closed if there is one. */
static int try_hello(const struct domain *d, uid_t uid,
		     struct kdbus_cmd_hello *hello)
{
	int fd, r = act_as(uid, uid);
	struct conn c;

	fd = r < 0 ? r : open_ep(d, "bus");
	if (fd < 0)
		return fd;
	r = say_hello(&c, fd, hello);
	if (r == 0)
		conn_close(&c);
	else
		close(fd);
	free(hello);
	return act_as_root() ?: r;
}

static struct kdbus_cmd_hello *hello_with(__u64 flags, const char *policy)
{
	struct kdbus_cmd_hello *hello = hello_new(POOL_SIZE);

	hello->flags = flags;
	policy_add(hello, policy);
	return hello;
}

static struct kdbus_cmd_hello *hello_access(__u64 type, __u64 access, __u64 id)
{
	struct kdbus_cmd_hello *hello = hello_with(HOLDER, "org.a");

	access_add(hello, type, access, id);
	return hello;
}

#define TRY(_hello)		try_hello(self->d, ALICE, _hello)
#define TRY_BOB(_hello)		try_hello(self->d, BOB, _hello)
#define NO_TYPE			KDBUS_HELLO_ACCEPT_FD

TEST_F(holder, hello_wants_the_right_items)
{
	struct kdbus_cmd_hello *hello;
	char name[NAME_SIZE + 1];

	EXPECT_EQ(0, TRY(hello_with(HOLDER, "org.a")));
	EXPECT_EQ(0, TRY(hello_with(HOLDER | NO_TYPE, "org.a w:own w:see")));
	EXPECT_EQ(0, TRY(hello_with(HOLDER, "org.a.* w:own")));
	EXPECT_EQ(0, TRY(hello_with(NO_TYPE, "")));

	/* one type */
	EXPECT_EQ(-EINVAL, TRY(hello_with(HOLDER | MONITOR, "org.a")));
	/* a name if, and only if, there is something to do with it */
	EXPECT_EQ(-EINVAL, TRY(hello_with(0, "org.a")));
	EXPECT_EQ(-EINVAL, TRY(hello_with(MONITOR, "org.a")));
	EXPECT_EQ(-EINVAL, TRY(hello_with(HOLDER, "")));
	EXPECT_EQ(-EINVAL, TRY(hello_with(HOLDER, "w:own")));
	/* one name, and a good one */
	EXPECT_EQ(-EINVAL, TRY(hello_with(HOLDER, "org.a org.b")));
	EXPECT_EQ(-EINVAL, TRY(hello_with(HOLDER, "org")));
	EXPECT_EQ(-EINVAL, TRY(hello_with(HOLDER, "org.*.a")));
	EXPECT_EQ(-EINVAL, TRY(hello_with(HOLDER, "*")));
	hello = hello_with(HOLDER, "");
	item_add_str(hello, KDBUS_ITEM_NAME, "");
	EXPECT_EQ(-EINVAL, TRY(hello));
	memset(name, 'a', sizeof(name));
	name[3] = '.';
	name[255] = 0;
	EXPECT_EQ(0, TRY(hello_with(HOLDER, name)));
	name[255] = 'a';
	name[256] = 0;
	EXPECT_EQ(-EINVAL, TRY(hello_with(HOLDER, name)));
	/* the name comes first */
	EXPECT_EQ(-EINVAL, TRY(hello_with(HOLDER, "w:own org.a")));
}

TEST_F(holder, accesses_are_checked)
{
	struct kdbus_cmd_hello *hello;

	EXPECT_EQ(0, TRY(hello_access(KDBUS_POLICY_ACCESS_USER, SEE, 0)));
	EXPECT_EQ(0, TRY(hello_access(KDBUS_POLICY_ACCESS_GROUP, OWN,
				      0xfffffffeU)));
	EXPECT_EQ(0, TRY(hello_access(KDBUS_POLICY_ACCESS_WORLD, TALK,
				      ~0ULL)));
	EXPECT_EQ(-EINVAL, TRY(hello_access(0, SEE, 0)));
	EXPECT_EQ(-EINVAL, TRY(hello_access(4, SEE, 0)));
	EXPECT_EQ(-EINVAL, TRY(hello_access(1ULL << 32 | 1, SEE, 0)));
	EXPECT_EQ(-EINVAL, TRY(hello_access(3, 3, 0)));
	EXPECT_EQ(-EINVAL, TRY(hello_access(3, 1ULL << 32, 0)));
	EXPECT_EQ(-EINVAL, TRY(hello_access(3, ~0ULL, 0)));
	/* ids are not cut off, and -1 is none */
	EXPECT_EQ(-EINVAL, TRY(hello_access(1, SEE, 1ULL << 32)));
	EXPECT_EQ(-EINVAL, TRY(hello_access(2, SEE, 1ULL << 32 | ALICE)));
	EXPECT_EQ(-EINVAL, TRY(hello_access(1, SEE, 0xffffffffU)));
	EXPECT_EQ(-EINVAL, TRY(hello_access(2, SEE, 0xffffffffU)));
	EXPECT_EQ(-EINVAL, TRY(hello_access(1, SEE, ~0ULL)));

	/* the frame of the item */
	hello = hello_with(HOLDER, "org.a");
	item_add(hello, KDBUS_ITEM_POLICY_ACCESS, "12345678", 8);
	EXPECT_EQ(-EINVAL, TRY(hello));
}

/* Others may pass accesses, too; nothing is done with them. */
TEST_F(holder, others_need_no_accesses)
{
	struct kdbus_cmd_hello *hello = hello_new(POOL_SIZE);
	struct conn c;

	access_add(hello, 77, 77, ~0ULL);
	ASSERT_EQ(0, say_hello(&c, open_ep(self->d, "bus"), hello));
	hello->flags = MONITOR;
	ASSERT_EQ(0, say_hello(&c, open_ep(self->d, "bus"), hello));
}

TEST_F(holder, order_of_checks)
{
	struct kdbus_cmd_hello *hello;
	struct conn holder;

	/* what is wrong with the command is told before who may */
	EXPECT_EQ(-EPERM, TRY_BOB(hello_with(HOLDER, "org.a")));
	EXPECT_EQ(-EPERM, TRY_BOB(hello_with(MONITOR, "")));
	EXPECT_EQ(-EINVAL, TRY_BOB(hello_with(HOLDER, "")));
	EXPECT_EQ(-EINVAL, TRY_BOB(hello_with(HOLDER, "org")));
	EXPECT_EQ(-EINVAL, TRY_BOB(hello_with(HOLDER | MONITOR, "org.a")));
	EXPECT_EQ(-EINVAL, TRY_BOB(hello_with(0, "org.a")));
	hello = hello_with(HOLDER, "org.a");
	hello->pool_size = 1;
	EXPECT_EQ(-EINVAL, TRY_BOB(hello));

	/* and the rest after it */
	hello = hello_with(HOLDER, "org.a");
	hello->attach_flags_send = 1ULL << 20;
	EXPECT_EQ(-EPERM, TRY_BOB(hello));
	EXPECT_EQ(-EPERM, TRY_BOB(hello_access(9, 9, 9)));

	/* the policy is the last, and the name of the policy its last part */
	ASSERT_EQ(0, holder_new(&holder, self->d, "org.a"));
	EXPECT_EQ(-EEXIST, TRY(hello_with(HOLDER, "org.a")));
	EXPECT_EQ(-EINVAL, TRY(hello_access(9, 9, 9)));
	hello = hello_with(HOLDER, "org.a");
	hello->attach_flags_recv = 1ULL << 20;
	EXPECT_EQ(-EINVAL, TRY(hello));
}

TEST_F(holder, one_policy_for_a_name)
{
	struct conn exact, wildcard;

	ASSERT_EQ(0, holder_new(&exact, self->d, "org.a"));
	EXPECT_EQ(-EEXIST, TRY(hello_with(HOLDER, "org.a w:own")));
	EXPECT_FALSE(may_own(&self->bob, "org.a"));
	/* these are two names */
	ASSERT_EQ(0, holder_new(&wildcard, self->d, "org.a.*"));
	EXPECT_EQ(-EEXIST, TRY(hello_with(HOLDER, "org.a.* w:own")));
	EXPECT_EQ(0, TRY(hello_with(HOLDER, "org.* w:own")));

	conn_close(&exact);
	EXPECT_EQ(-EEXIST, TRY(hello_with(HOLDER, "org.a.* w:own")));
	EXPECT_EQ(0, TRY(hello_with(HOLDER, "org.a w:own")));
	conn_close(&wildcard);
	EXPECT_EQ(0, TRY(hello_with(HOLDER, "org.a.* w:own")));
}

/* A HELLO that fails late leaves neither a policy nor a trace. */
TEST_F(holder, failure_leaves_nothing)
{
	struct kdbus_cmd_hello *hello = hello_with(HOLDER, "org.a w:own");
	void *pages = two_pages(PROT_READ | PROT_WRITE, PROT_NONE);
	struct kdbus_cmd_hello *shared;
	int fd = open_ep(self->d, "bus");
	struct conn c;
	int memfd;

	ASSERT_NE(NULL, pages);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, match_all(&self->alice));

	/* return_flags can be written, all that is behind them cannot */
	memfd = memfd_create("hello", MFD_CLOEXEC);
	ASSERT_EQ(0, ftruncate(memfd, 2 * page_size()));
	ASSERT_EQ(24, pwrite(memfd, hello, 24, page_size() - 24));
	ASSERT_EQ((ssize_t)hello->size - 24,
		  pwrite(memfd, &hello->attach_flags_send, hello->size - 24,
			 page_size()));
	ASSERT_NE(MAP_FAILED, mmap(pages, page_size(), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_FIXED, memfd, 0));
	ASSERT_NE(MAP_FAILED, mmap(pages + page_size(), page_size(), PROT_READ,
				   MAP_SHARED | MAP_FIXED, memfd,
				   page_size()));
	shared = pages + page_size() - 24;
	EXPECT_EQ(-EFAULT, cmd_run(fd, KDBUS_CMD_HELLO, shared));
	EXPECT_EQ(0, shared->return_flags);
	EXPECT_STREQ("", heard(&self->alice));
	EXPECT_FALSE(may_own(&self->bob, "org.a"));

	/* the file is as fresh as it was, and so is the name */
	EXPECT_EQ(0, say_hello(&c, fd, hello));
	EXPECT_TRUE(may_own(&self->bob, "org.a"));
}

/* Ids are those of the user namespace of who passes them. */
TEST_F(holder, ids_are_translated)
{
	struct kdbus_cmd_hello *hello;
	struct conn c;
	int fd, map, status;
	pid_t pid;

	fd = open_ep(self->d, "bus");
	pid = fork_as(BOB, BOB);
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER) < 0)
			_exit(4);
		map = open("/proc/self/uid_map", O_WRONLY);
		CHECK(write(map, "5 11002 1", 9) == 9);

		hello = hello_with(HOLDER, "org.a u11002:own");
		CHECK(cmd_run(fd, KDBUS_CMD_HELLO, hello) == -EINVAL);
		hello = hello_with(HOLDER, "org.a u0:own");
		CHECK(cmd_run(fd, KDBUS_CMD_HELLO, hello) == -EINVAL);
		/* this namespace has no groups */
		hello = hello_with(HOLDER, "org.a g5:own");
		CHECK(cmd_run(fd, KDBUS_CMD_HELLO, hello) == -EINVAL);
		hello = hello_with(HOLDER, "org.a u5:own");
		CHECK(say_hello(&c, fd, hello) == 0);
		CHECK(conn_policy_update(&c, "org.a u6:own") == -EINVAL);
		_exit(0);
	}
	status = child_wait(pid);
	if (status == 4)
		SKIP(return, "users cannot make user namespaces");
	EXPECT_EQ(0, status);
	/* the file is shared, so the holder is still there */
	EXPECT_TRUE(may_own(&self->bob, "org.a"));
	EXPECT_EQ(-EPERM, acquire_as(&self->bob, 5, "org.a"));
	close(fd);
	EXPECT_FALSE(may_own(&self->bob, "org.a"));
}

struct row {
	unsigned int nr;
	const char *name;
	int expected;
};

/* Without an argument: what a holder may not is refused before it is read. */
TEST_F(holder, commands)
{
	static const struct row rows[] = {
		{ KDBUS_CMD_BUS_MAKE, "BUS_MAKE", -EBADFD },
		{ KDBUS_CMD_ENDPOINT_MAKE, "ENDPOINT_MAKE", -EBADFD },
		{ KDBUS_CMD_ENDPOINT_UPDATE, "ENDPOINT_UPDATE", -EBADFD },
		{ KDBUS_CMD_HELLO, "HELLO", -EBADFD },
		{ KDBUS_CMD_UPDATE, "UPDATE", -EFAULT },
		{ KDBUS_CMD_BYEBYE, "BYEBYE", -EOPNOTSUPP },
		{ KDBUS_CMD_FREE, "FREE", -EFAULT },
		{ KDBUS_CMD_LIST, "LIST", -EFAULT },
		{ KDBUS_CMD_SEND, "SEND", -EOPNOTSUPP },
		{ KDBUS_CMD_RECV, "RECV", -EOPNOTSUPP },
		{ KDBUS_CMD_NAME_ACQUIRE, "NAME_ACQUIRE", -EOPNOTSUPP },
		{ KDBUS_CMD_NAME_RELEASE, "NAME_RELEASE", -EOPNOTSUPP },
		{ KDBUS_CMD_MATCH_ADD, "MATCH_ADD", -EOPNOTSUPP },
		{ KDBUS_CMD_MATCH_REMOVE, "MATCH_REMOVE", -EOPNOTSUPP },
	};
	struct kdbus_cmd_list list;
	struct conn holder;
	unsigned int i;

	ASSERT_EQ(0, holder_new(&holder, self->d, "org.a"));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(rows[i].expected,
			  cmd_run(holder.fd, rows[i].nr, NULL)) {
			TH_LOG("%s", rows[i].name);
		}
	}

	/* what it gets it can give back */
	ASSERT_EQ(0, list_run(&holder, KDBUS_LIST_UNIQUE, &list));
	EXPECT_LT(0, list.list_size);
	EXPECT_EQ(0, conn_free(&holder, list.offset));
	EXPECT_EQ(-ENXIO, conn_free(&holder, list.offset));
}

static int update_flags(const struct conn *c, __u64 type)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	const __u64 flags = 0;

	item_add(cmd, type, &flags, sizeof(flags));
	return cmd_run(c->fd, KDBUS_CMD_UPDATE, cmd);
}

TEST_F(holder, takes_no_part_in_the_bus)
{
	struct conn holder;

	ASSERT_EQ(0, match_all(&self->alice));
	ASSERT_EQ(0, holder_new(&holder, self->d, "org.a w:own"));
	EXPECT_STREQ(id_event("ID_ADD", holder.id, HOLDER),
		     heard(&self->alice));

	/* owns no name, cannot be addressed, gets nothing */
	EXPECT_EQ(-ENXIO, send_cookie(&self->alice, holder.id, 1));
	EXPECT_EQ(-ESRCH, send_to_name(&self->alice, 0, "org.a", 1));
	EXPECT_EQ(0, signal_to(&self->alice, BCAST, 2));
	EXPECT_EQ(POLLOUT | POLLWRNORM, poll_now(holder.fd));
	EXPECT_STREQ("message 2", heard(&self->alice));
	EXPECT_EQ(-EOPNOTSUPP, update_flags(&holder,
					    KDBUS_ITEM_ATTACH_FLAGS_SEND));
	EXPECT_EQ(-EOPNOTSUPP, update_flags(&holder,
					    KDBUS_ITEM_ATTACH_FLAGS_RECV));

	conn_close(&holder);
	EXPECT_STREQ(id_event("ID_REMOVE", holder.id, HOLDER),
		     heard(&self->alice));
	EXPECT_STREQ("", heard(&self->alice));
}

TEST_F(holder, is_listed)
{
	char expected[64];
	struct conn holder;

	ASSERT_EQ(0, holder_new(&holder, self->d, "org.a"));
	snprintf(expected, sizeof(expected), "%llu; %llu; %llu; ",
		 self->alice.id, self->bob.id, holder.id);
	EXPECT_STREQ(expected, listed(&self->bob, KDBUS_LIST_UNIQUE));
	EXPECT_STREQ("", listed(&self->bob, KDBUS_LIST_NAMES |
			  KDBUS_LIST_ACTIVATORS | KDBUS_LIST_QUEUED));
}

/* Also the end of the bus ends a policy, and nothing is left over. */
TEST_F(holder, dies_with_its_bus)
{
	int bus = bus_new(self->d, "0-bus", 0);
	struct conn holder;

	ASSERT_LE(0, bus);
	ASSERT_EQ(0, say_hello(&holder, open_endpoint(self->d, "0-bus"),
			       hello_with(HOLDER, "org.a w:own")));
	close(bus);
	EXPECT_EQ(-ECONNRESET, conn_policy_update(&holder, "org.b"));
	EXPECT_EQ(POLLERR | POLLHUP, poll_now(holder.fd));
}

TEST_F(holder, update_replaces)
{
	struct conn holder, other;

	ASSERT_EQ(0, holder_new(&holder, self->d, "org.a w:own"));
	EXPECT_TRUE(may_own(&self->bob, "org.a"));
	EXPECT_EQ(0, conn_policy_update(&holder, "org.a"));
	EXPECT_FALSE(may_own(&self->bob, "org.a"));
	EXPECT_EQ(0, conn_policy_update(&holder, "org.a u11002:own"));
	EXPECT_TRUE(may_own(&self->bob, "org.a"));

	/* another name, which frees the first */
	EXPECT_EQ(0, conn_policy_update(&holder, "org.b w:own"));
	EXPECT_FALSE(may_own(&self->bob, "org.a"));
	EXPECT_TRUE(may_own(&self->bob, "org.b"));
	EXPECT_EQ(-EEXIST, TRY(hello_with(HOLDER, "org.b")));
	ASSERT_EQ(0, holder_new(&other, self->d, "org.a"));

	/* a wildcard */
	EXPECT_EQ(0, conn_policy_update(&holder, "org.* w:own"));
	EXPECT_TRUE(may_own(&self->bob, "org.c"));
	EXPECT_FALSE(may_own(&self->bob, "org.a"));

	/* nothing to change */
	EXPECT_EQ(0, conn_policy_update(&holder, ""));
	EXPECT_TRUE(may_own(&self->bob, "org.c"));
	conn_close(&holder);
	EXPECT_FALSE(may_own(&self->bob, "org.c"));
}

TEST_F(holder, update_changes_all_or_nothing)
{
	struct conn holder, other;
	struct kdbus_cmd *cmd;

	ASSERT_EQ(0, holder_new(&holder, self->d, "org.a w:own"));
	ASSERT_EQ(0, holder_new(&other, self->d, "org.b"));

	EXPECT_EQ(-EINVAL, conn_policy_update(&holder, "w:see org.a"));
	EXPECT_EQ(-EINVAL, conn_policy_update(&holder, "w:see"));
	EXPECT_EQ(-EINVAL, conn_policy_update(&holder, "org"));
	EXPECT_EQ(-E2BIG, conn_policy_update(&holder, "org.c org.d"));
	EXPECT_EQ(-E2BIG, conn_policy_update(&holder, "org.c org.c"));
	EXPECT_EQ(-E2BIG, conn_policy_update(&holder, "org.c org"));
	EXPECT_EQ(-EEXIST, conn_policy_update(&holder, "org.b w:own"));
	cmd = object_new(sizeof(*cmd));
	policy_add(cmd, "org.c w:own");
	access_add(cmd, 3, 3, 0);
	EXPECT_EQ(-EINVAL, cmd_run(holder.fd, KDBUS_CMD_UPDATE, cmd));
	cmd = object_new(sizeof(*cmd));
	policy_add(cmd, "org.c w:own");
	access_add(cmd, 0, 0, 0);
	EXPECT_EQ(-EINVAL, cmd_run(holder.fd, KDBUS_CMD_UPDATE, cmd));
	cmd = object_new(sizeof(*cmd));
	cmd->flags = KDBUS_FLAG_NEGOTIATE;
	policy_add(cmd, "org.c w:own");
	EXPECT_EQ(0, cmd_run(holder.fd, KDBUS_CMD_UPDATE, cmd));
	EXPECT_EQ(0, cmd->flags);

	EXPECT_TRUE(may_own(&self->bob, "org.a"));
	EXPECT_FALSE(may_own(&self->bob, "org.b"));
	EXPECT_FALSE(may_own(&self->bob, "org.c"));
}

TEST_F(holder, others_have_no_policy_to_update)
{
	struct conn mon;

	ASSERT_EQ(0, say_hello(&mon, open_ep(self->d, "bus"),
			       hello_with(MONITOR, "")));
	EXPECT_EQ(-EOPNOTSUPP, conn_policy_update(&self->alice, "org.a"));
	EXPECT_EQ(-EOPNOTSUPP, conn_policy_update(&self->alice, "w:own"));
	EXPECT_EQ(-EOPNOTSUPP, conn_policy_update(&self->alice, "org"));
	EXPECT_EQ(-EOPNOTSUPP, conn_policy_update(&mon, "org.a"));
	EXPECT_EQ(0, conn_policy_update(&self->alice, ""));
	EXPECT_EQ(0, TRY(hello_with(HOLDER, "org.a")));
}

KDBUS_HARNESS_MAIN
