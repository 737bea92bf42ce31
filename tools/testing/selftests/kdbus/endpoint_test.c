// SPDX-License-Identifier: LGPL-2.1+
/*
 * Custom endpoints: how they are made, who may open them, what their policy
 * grants, and how they end.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <linux/capability.h>

#include "policy_util.h"
#include "kdbus_harness.h"

#define OWNED	(PRIMARY | ACQUIRED)

FIXTURE(endpoint) {
	struct domain domain;
	struct domain *d;
	int bus;
	struct conn alice;	/* owns the bus */
	struct conn bob;
};

FIXTURE_SETUP(endpoint)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	self->bus = policy_bus_new(self->d);
	ASSERT_LE(0, self->bus);
	ASSERT_EQ(0, conn_as(&self->alice, self->d, "bus", ALICE));
	ASSERT_EQ(0, conn_as(&self->bob, self->d, "bus", BOB));
}

FIXTURE_TEARDOWN(endpoint)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

/* Alice's endpoint, with that policy unless it is NULL */
static int alices_ep(const struct domain *d, const char *name,
		     const char *policy)
{
	int fd, r = act_as(ALICE, ALICE);

	fd = r < 0 ? r : ep_new(d, name, policy);
	return act_as_root() ?: fd;
}

/* a file of the default endpoint, opened as that user */
static int open_as(const struct domain *d, const char *ep, uid_t uid)
{
	int fd, r = act_as(uid, uid);

	fd = r < 0 ? r : open_ep(d, ep);
	return act_as_root() ?: fd;
}

static int make_as(int fd, uid_t uid, const char *name)
{
	int r = act_as(uid, uid) ?: ep_make(fd, name, 0);

	return act_as_root() ?: r;
}

static bool exists(const struct domain *d, const char *name)
{
	return access(path_in(d, "%s/%s", BUS, name), F_OK) == 0;
}

TEST_F(endpoint, owners_make_them)
{
	int alice = open_as(self->d, "bus", ALICE);
	int bob = open_as(self->d, "bus", BOB);
	int root = open_as(self->d, "bus", 0);
	struct kdbus_cmd cmd = { .size = 1 };
	pid_t pid;
	int fd;

	/* who opened the file decides, and before anything is read */
	EXPECT_EQ(-EPERM, make_as(bob, BOB, "11002-ep"));
	EXPECT_EQ(-EPERM, make_as(bob, ALICE, ENDPOINT));
	EXPECT_EQ(-EPERM, make_as(bob, 0, "0-ep"));
	EXPECT_EQ(-EPERM, cmd_run(bob, KDBUS_CMD_ENDPOINT_MAKE, NULL));
	EXPECT_EQ(-EPERM, cmd_run(bob, KDBUS_CMD_ENDPOINT_MAKE, &cmd));
	EXPECT_EQ(0, cmd.return_flags);
	EXPECT_EQ(-EFAULT, cmd_run(alice, KDBUS_CMD_ENDPOINT_MAKE, NULL));
	EXPECT_EQ(-EINVAL, cmd_run(alice, KDBUS_CMD_ENDPOINT_MAKE, &cmd));

	/* the current user gives the name and owns the node */
	EXPECT_EQ(0, make_as(alice, BOB, "11002-ep"));
	EXPECT_EQ(0, make_as(root, ALICE, ENDPOINT));
	EXPECT_TRUE(exists(self->d, "11002-ep"));
	EXPECT_TRUE(exists(self->d, ENDPOINT));

	/* privilege is a capability */
	pid = fork_as(0, 0);
	if (pid == 0) {
		CHECK(capability_drop(CAP_IPC_OWNER) == 0);
		fd = open_ep(self->d, "bus");
		CHECK(fd >= 0);
		CHECK(ep_make(fd, "0-more", 0) == -EPERM);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));

	/* a custom endpoint has no owners */
	fd = open_as(self->d, ENDPOINT, ALICE);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EPERM, make_as(fd, ALICE, "11001-more"));
	fd = open_as(self->d, ENDPOINT, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EPERM, make_as(fd, 0, "0-more"));
}

static int make_with(int fd, __u64 flags, __u64 type, const char *str)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	int r;

	cmd->flags = flags;
	cmd->return_flags = ~0ULL;
	item_add_str(cmd, KDBUS_ITEM_MAKE_NAME, "0-ep");
	if (str)
		item_add_str(cmd, type, str);
	r = cmd_run(fd, KDBUS_CMD_ENDPOINT_MAKE, cmd);
	if (cmd->return_flags)
		abort();
	free(cmd);
	return r;
}

TEST_F(endpoint, make_checks_its_arguments)
{
	char *name = calloc(1, 66);
	struct kdbus_cmd *cmd;
	int fd, held;

	fd = open_ep(self->d, "bus");
	EXPECT_EQ(-EINVAL, make_with(fd, 4, 0, NULL));
	EXPECT_EQ(-EINVAL, make_with(fd, 0, KDBUS_ITEM_MAKE_NAME, "0-two"));
	/* the policy comes later */
	EXPECT_EQ(-EINVAL, make_with(fd, 0, KDBUS_ITEM_NAME, "org.a"));
	cmd = object_new(sizeof(*cmd));
	item_add_str(cmd, KDBUS_ITEM_MAKE_NAME, "0-ep");
	access_add(cmd, 3, SEE, 0);
	EXPECT_EQ(-EINVAL, cmd_run(fd, KDBUS_CMD_ENDPOINT_MAKE, cmd));
	cmd = object_new(sizeof(*cmd));
	EXPECT_EQ(-EINVAL, cmd_run(fd, KDBUS_CMD_ENDPOINT_MAKE, cmd));

	EXPECT_EQ(-EINVAL, ep_make(fd, "", 0));
	EXPECT_EQ(-EINVAL, ep_make(fd, "0", 0));
	EXPECT_EQ(-EINVAL, ep_make(fd, "0-", 0));
	EXPECT_EQ(-EINVAL, ep_make(fd, "bus", 0));
	EXPECT_EQ(-EINVAL, ep_make(fd, "11001-ep", 0));
	EXPECT_EQ(-EINVAL, ep_make(fd, "00-ep", 0));
	EXPECT_EQ(-EINVAL, ep_make(fd, "0-e/p", 0));
	memset(name, 'x', 64);
	memcpy(name, "0-", 2);
	EXPECT_EQ(-ENAMETOOLONG, ep_make(fd, name, 0));
	EXPECT_FALSE(exists(self->d, "0-ep"));

	/* to negotiate is to do nothing */
	cmd = object_new(sizeof(*cmd));
	cmd->flags = KDBUS_FLAG_NEGOTIATE;
	EXPECT_EQ(0, cmd_run(fd, KDBUS_CMD_ENDPOINT_MAKE, cmd));
	EXPECT_EQ(KDBUS_MAKE_ACCESS_GROUP | KDBUS_MAKE_ACCESS_WORLD,
		  cmd->flags);

	/* none of these used the file up */
	name[63] = 0;
	EXPECT_EQ(0, ep_make(fd, name, 0));
	EXPECT_TRUE(exists(self->d, name));
	EXPECT_EQ(-EBADFD, ep_make(fd, "0-ep", 0));

	held = ep_new(self->d, "0-ep", NULL);
	ASSERT_LE(0, held);
	fd = open_ep(self->d, "bus");
	EXPECT_EQ(-EEXIST, ep_make(fd, "0-ep", 0));
	EXPECT_EQ(-EEXIST, ep_make(fd, name, 0));
	close(held);
	EXPECT_EQ(0, ep_make(fd, "0-ep", 0));
}

TEST_F(endpoint, names_are_of_the_domains_user_namespace)
{
	int status, fd = open_ep(self->d, "bus");
	pid_t pid;

	ASSERT_LE(0, fd);
	pid = fork_as(BOB, BOB);
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER) < 0)
			_exit(4);
		CHECK(ep_make(fd, "65534-ep", 0) == -EINVAL);
		CHECK(ep_make(fd, "0-ep", 0) == -EINVAL);
		CHECK(ep_make(fd, "11002-ep", 0) == 0);
		_exit(0);
	}
	status = child_wait(pid);
	if (status == 4)
		SKIP(return, "users cannot make user namespaces");
	EXPECT_EQ(0, status);
}

TEST_F(endpoint, node_has_owner_and_mode)
{
	static const struct {
		__u64 flags;
		mode_t mode;
	} rows[] = {
		{ 0, 0600 },
		{ KDBUS_MAKE_ACCESS_GROUP, 0660 },
		{ KDBUS_MAKE_ACCESS_WORLD, 0666 },
		{ KDBUS_MAKE_ACCESS_GROUP | KDBUS_MAKE_ACCESS_WORLD, 0666 },
	};
	unsigned int i;
	struct stat s;
	int fd;

	umask(0077);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		fd = open_ep(self->d, "bus");
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, act_as_group(ALICE, STAFF, 0));
		ASSERT_EQ(0, ep_make(fd, ENDPOINT, rows[i].flags));
		ASSERT_EQ(0, act_as_root());
		ASSERT_EQ(0, stat(path_in(self->d, BUS "/" ENDPOINT), &s));
		EXPECT_EQ(S_IFREG | rows[i].mode, s.st_mode);
		EXPECT_EQ(ALICE, s.st_uid);
		EXPECT_EQ(STAFF, s.st_gid);
		EXPECT_EQ(0, s.st_size);
		EXPECT_EQ(1, s.st_nlink);
		close(fd);
		EXPECT_FALSE(exists(self->d, ENDPOINT));
	}
}

/* 0, or the error of opening the endpoint with these ids */
static int try_open(const struct domain *d, uid_t uid, gid_t egid, gid_t extra)
{
	int fd, r = act_as_group(uid, egid, extra);

	fd = r < 0 ? r : open_ep(d, ENDPOINT);
	r = act_as_root();
	if (fd >= 0)
		close(fd);
	return r ?: fd < 0 ? fd : 0;
}

TEST_F(endpoint, mode_decides_who_opens_it)
{
	static const __u64 flags[] = {
		0, KDBUS_MAKE_ACCESS_GROUP, KDBUS_MAKE_ACCESS_WORLD,
	};
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		fd = open_ep(self->d, "bus");
		ASSERT_EQ(0, act_as_group(CAROL, STAFF, 0));
		ASSERT_EQ(0, ep_make(fd, "11003-ep", flags[i]));
		ASSERT_EQ(0, act_as_root());
		close(fd);

		fd = open_ep(self->d, "bus");
		ASSERT_EQ(0, act_as_group(ALICE, STAFF, 0));
		ASSERT_EQ(0, ep_make(fd, ENDPOINT, flags[i]));
		ASSERT_EQ(0, act_as_root());
		EXPECT_EQ(0, try_open(self->d, ALICE, 0, 0));
		EXPECT_EQ(i > 0 ? 0 : -EACCES,
			  try_open(self->d, BOB, STAFF, 0));
		EXPECT_EQ(i > 0 ? 0 : -EACCES,
			  try_open(self->d, BOB, 0, STAFF));
		EXPECT_EQ(i > 1 ? 0 : -EACCES, try_open(self->d, BOB, 1, 0));
		EXPECT_EQ(0, try_open(self->d, 0, 0, 0));
		close(fd);
	}
}

TEST_F(endpoint, is_made_and_updated_with_the_right_file)
{
	struct conn c;
	int fd;

	EXPECT_EQ(-EBADFD, ep_make(self->bus, "0-ep", 0));
	EXPECT_EQ(-EBADFD, ep_update(self->bus, ""));
	fd = open_control(self->d);
	EXPECT_EQ(-EBADFD, ep_make(fd, "0-ep", 0));
	EXPECT_EQ(-EBADFD, ep_update(fd, ""));
	EXPECT_EQ(-EBADFD, ep_make(self->alice.fd, "0-ep", 0));
	EXPECT_EQ(-EBADFD, ep_update(self->alice.fd, ""));
	ASSERT_EQ(0, conn_as(&c, self->d, "bus", BOB));
	ASSERT_EQ(0, conn_byebye(&c));
	EXPECT_EQ(-EBADFD, ep_make(c.fd, "0-ep", 0));
	EXPECT_EQ(-ECONNRESET, ep_update(c.fd, ""));
}

TEST_F(endpoint, is_nothing_without_a_policy)
{
	struct conn c, other;

	ASSERT_LE(0, alices_ep(self->d, ENDPOINT, NULL));
	ASSERT_EQ(0, conn_as(&c, self->d, ENDPOINT, BOB));
	ASSERT_EQ(0, conn_as(&other, self->d, ENDPOINT, BOB));
	ASSERT_LT(0, name_acquire(&self->alice, "org.a", 0));

	EXPECT_EQ(-EPERM, acquire_as(&c, BOB, "org.b"));
	EXPECT_EQ(-ENXIO, talk_as(&c, BOB, &self->bob));
	EXPECT_EQ(-ENXIO, talk_as(&c, BOB, &other));
	EXPECT_EQ(-ENXIO, talk_as(&c, BOB, &c));
	EXPECT_EQ(-ESRCH, talk_to_name_as(&c, BOB, &self->alice, "org.a"));
	/* it restricts who came through it, not who talks to those */
	EXPECT_EQ(0, talk_as(&self->bob, BOB, &c));
	EXPECT_EQ(0, talk_as(&self->alice, ALICE, &c));
}

/* Also Alice herself, and root, are nobody special there. */
TEST_F(endpoint, has_no_owner)
{
	static const uid_t uids[] = { ALICE, 0 };
	struct kdbus_cmd_hello *hello;
	struct conn c;
	unsigned int i;
	int fd;

	ASSERT_LE(0, alices_ep(self->d, ENDPOINT, "org.a w:own org.b w:own"));
	for (i = 0; i < ARRAY_SIZE(uids); i++) {
		hello = hello_new(POOL_SIZE);
		fd = open_as(self->d, ENDPOINT, uids[i]);
		hello->flags = MONITOR;
		EXPECT_EQ(-EOPNOTSUPP, say_hello(&c, fd, hello));
		hello->flags = HOLDER;
		EXPECT_EQ(-EINVAL, say_hello(&c, fd, hello));
		policy_add(hello, "org.a");
		EXPECT_EQ(-EPERM, say_hello(&c, fd, hello));
		hello->flags = 0;
		EXPECT_EQ(-EINVAL, say_hello(&c, fd, hello));

		/* the bus would have to let them own, and talk, as well */
		ASSERT_EQ(0, conn_hello(&c, fd, POOL_SIZE));
		EXPECT_EQ(-EPERM, acquire_as(&c, uids[i], "org.a"));
		ASSERT_LE(0, name_acquire(&self->alice, "org.b", 0));
		EXPECT_EQ(uids[i] == ALICE ? 0 : -EPERM,
			  talk_as(&c, uids[i], &self->alice));
	}
}

/* To own a name takes the policy of the endpoint and that of the bus. */
TEST_F(endpoint, own_needs_both_policies)
{
	struct conn c, holder[2];
	int ep;

	ep = alices_ep(self->d, ENDPOINT, "org.both u11002:own "
					  "org.ep u11002:own org.low w:talk");
	ASSERT_LE(0, ep);
	ASSERT_EQ(0, conn_as(&c, self->d, ENDPOINT, BOB));
	ASSERT_EQ(0, holder_new(&holder[0], self->d, "org.both u11002:own "
						     "u11003:own"));
	ASSERT_EQ(0, holder_new(&holder[1], self->d, "org.low w:own"));
	EXPECT_EQ(OWNED, acquire_as(&c, BOB, "org.both"));
	EXPECT_EQ(-EPERM, acquire_as(&c, CAROL, "org.both"));
	EXPECT_EQ(-EPERM, acquire_as(&c, BOB, "org.ep"));
	EXPECT_EQ(-EPERM, acquire_as(&c, BOB, "org.low"));

	/* what is no matter on the default endpoint */
	EXPECT_EQ(OWNED, acquire_as(&self->bob, BOB, "org.low"));
	ASSERT_EQ(0, ep_update(ep, "org.both w:own"));
	EXPECT_EQ(-EPERM, acquire_as(&c, CAROL, "org.low"));
	EXPECT_EQ(PRIMARY, acquire_as(&c, CAROL, "org.both"));
	conn_close(&holder[0]);
	EXPECT_EQ(-EPERM, acquire_as(&c, BOB, "org.both"));
}

/* So does talking, where the same user is enough for the bus. */
TEST_F(endpoint, talk_needs_both_policies)
{
	struct conn c, holder;

	ASSERT_LE(0, alices_ep(self->d, ENDPOINT, "org.a u11002:talk "
						  "org.b w:talk org.see w:see"));
	ASSERT_EQ(0, conn_as(&c, self->d, ENDPOINT, BOB));
	ASSERT_LT(0, name_acquire(&self->alice, "org.a", 0));
	EXPECT_EQ(-EPERM, talk_as(&c, BOB, &self->alice));
	EXPECT_EQ(-EPERM, talk_to_name_as(&c, BOB, &self->alice, "org.a"));

	ASSERT_EQ(0, holder_new(&holder, self->d, "org.a w:talk"));
	EXPECT_EQ(0, talk_as(&c, BOB, &self->alice));
	EXPECT_EQ(0, talk_to_name_as(&c, BOB, &self->alice, "org.a"));
	EXPECT_EQ(-ENXIO, talk_as(&c, CAROL, &self->alice));
	EXPECT_EQ(-ESRCH, talk_to_name_as(&c, CAROL, &self->alice, "org.a"));
	EXPECT_EQ(0, talk_as(&self->bob, CAROL, &self->alice));

	/* each may grant by another name */
	ASSERT_EQ(0, conn_policy_update(&holder, "org.c w:talk"));
	ASSERT_LT(0, name_acquire(&self->alice, "org.b", 0));
	EXPECT_EQ(-EPERM, talk_as(&c, BOB, &self->alice));
	ASSERT_LT(0, name_acquire(&self->alice, "org.c", 0));
	EXPECT_EQ(0, talk_as(&c, BOB, &self->alice));
	EXPECT_EQ(0, talk_to_name_as(&c, BOB, &self->alice, "org.a"));
	conn_close(&holder);
	EXPECT_EQ(-EPERM, talk_as(&c, BOB, &self->alice));

	/* one's own */
	ASSERT_EQ(0, holder_new(&holder, self->d, "org.* u11002:own"));
	EXPECT_EQ(OWNED, acquire_as(&self->bob, BOB, "org.see"));
	conn_close(&holder);
	EXPECT_EQ(-EPERM, talk_as(&c, BOB, &self->bob));
	ASSERT_EQ(0, name_release(&self->alice, "org.b"));
	ASSERT_EQ(0, holder_new(&holder, self->d, "org.* u11002:own"));
	EXPECT_EQ(OWNED, acquire_as(&self->bob, BOB, "org.b"));
	conn_close(&holder);
	EXPECT_EQ(0, talk_as(&c, BOB, &self->bob));
}

TEST_F(endpoint, receiver_of_signals_needs_its_policy)
{
	struct conn c;
	int ep;

	ep = alices_ep(self->d, ENDPOINT, "org.a u11001:talk");
	ASSERT_LE(0, ep);
	ASSERT_EQ(0, conn_as(&c, self->d, ENDPOINT, ALICE));
	ASSERT_EQ(0, match_all(&c));
	EXPECT_EQ(0, signal_to(&self->alice, BCAST, 1));
	EXPECT_EQ(0, signal_to(&self->alice, c.id, 2));
	EXPECT_STREQ("", heard(&c));
	ASSERT_LT(0, name_acquire(&self->alice, "org.a", 0));
	EXPECT_STREQ(NAME_ADD(&self->alice, PRIMARY, "org.a"), heard(&c));
	EXPECT_EQ(0, signal_to(&self->alice, BCAST, 3));
	EXPECT_EQ(0, signal_to(&self->alice, c.id, 4));
	EXPECT_STREQ("message 3", heard(&c));
	EXPECT_STREQ("message 4", heard(&c));

	ASSERT_EQ(0, ep_update(ep, "org.a u11001:see"));
	EXPECT_EQ(0, signal_to(&self->alice, BCAST, 5));
	EXPECT_STREQ("", heard(&c));
}

TEST_F(endpoint, update_replaces_all)
{
	struct conn c, holder;
	int ep;

	ep = alices_ep(self->d, ENDPOINT, "org.a w:own org.b w:own");
	ASSERT_LE(0, ep);
	ASSERT_EQ(0, conn_as(&c, self->d, ENDPOINT, BOB));
	ASSERT_EQ(0, holder_new(&holder, self->d, "org.* w:own"));
	EXPECT_EQ(OWNED, acquire_as(&c, BOB, "org.a"));
	EXPECT_EQ(0, name_release(&c, "org.a"));

	ASSERT_EQ(0, ep_update(ep, "org.b w:own"));
	EXPECT_EQ(-EPERM, acquire_as(&c, BOB, "org.a"));
	EXPECT_EQ(OWNED, acquire_as(&c, BOB, "org.b"));
	EXPECT_EQ(0, name_release(&c, "org.b"));

	/* wildcards, and what hides them */
	ASSERT_EQ(0, ep_update(ep, "org.* w:own org.b org.c w:own"));
	EXPECT_EQ(OWNED, acquire_as(&c, BOB, "org.a"));
	EXPECT_EQ(-EPERM, acquire_as(&c, BOB, "org.b"));
	EXPECT_EQ(0, name_release(&c, "org.a"));

	/* the fd is all that is needed */
	ASSERT_EQ(0, act_as(CAROL, CAROL));
	EXPECT_EQ(0, ep_update(ep, ""));
	ASSERT_EQ(0, act_as_root());
	EXPECT_EQ(-EPERM, acquire_as(&c, BOB, "org.a"));
	EXPECT_EQ(-EPERM, acquire_as(&c, BOB, "org.c"));
}

TEST_F(endpoint, update_changes_all_or_nothing)
{
	static const struct {
		const char *policy;
		int expected;
	} rows[] = {
		{ "w:own", -EINVAL },
		{ "w:own org.b", -EINVAL },
		{ "org.b org", -EINVAL },
		{ "org.b org.*.a", -EINVAL },
		{ "org.b org.b", -EEXIST },
		{ "org.* org.b w:own org.*", -EEXIST },
		{ "org.b org.b org", -EINVAL },
	};
	struct conn c, holder;
	struct kdbus_cmd *cmd;
	unsigned int i;
	int ep;

	ep = alices_ep(self->d, ENDPOINT, "org.a w:own");
	ASSERT_LE(0, ep);
	ASSERT_EQ(0, conn_as(&c, self->d, ENDPOINT, BOB));
	ASSERT_EQ(0, holder_new(&holder, self->d, "org.* w:own"));

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(rows[i].expected, ep_update(ep, rows[i].policy)) {
			TH_LOG("row %u", i);
		}
	}
	cmd = object_new(sizeof(*cmd));
	policy_add(cmd, "org.b w:own");
	access_add(cmd, 1, SEE, 0xffffffffU);
	EXPECT_EQ(-EINVAL, cmd_run(ep, KDBUS_CMD_ENDPOINT_UPDATE, cmd));
	cmd = object_new(sizeof(*cmd));
	policy_add(cmd, "org.b w:own");
	access_add(cmd, 3, 3, 0);
	EXPECT_EQ(-EINVAL, cmd_run(ep, KDBUS_CMD_ENDPOINT_UPDATE, cmd));
	cmd = object_new(sizeof(*cmd));
	policy_add(cmd, "org.b w:own");
	cmd->flags = 1;
	EXPECT_EQ(-EINVAL, cmd_run(ep, KDBUS_CMD_ENDPOINT_UPDATE, cmd));
	cmd = object_new(sizeof(*cmd));
	policy_add(cmd, "org.b w:own");
	item_add_str(cmd, KDBUS_ITEM_MAKE_NAME, "0-ep");
	EXPECT_EQ(-EINVAL, cmd_run(ep, KDBUS_CMD_ENDPOINT_UPDATE, cmd));
	cmd = object_new(sizeof(*cmd));
	policy_add(cmd, "org.b w:own");
	cmd->flags = KDBUS_FLAG_NEGOTIATE;
	EXPECT_EQ(0, cmd_run(ep, KDBUS_CMD_ENDPOINT_UPDATE, cmd));
	EXPECT_EQ(0, cmd->flags);

	EXPECT_EQ(OWNED, acquire_as(&c, BOB, "org.a"));
	EXPECT_EQ(-EPERM, acquire_as(&c, BOB, "org.b"));
}

/* The longest command there is */
TEST_F(endpoint, update_takes_many_names)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	struct conn c, holder;
	unsigned int n;
	int ep;

	ep = alices_ep(self->d, ENDPOINT, "");
	ASSERT_LE(0, ep);
	ASSERT_EQ(0, conn_as(&c, self->d, ENDPOINT, BOB));
	ASSERT_EQ(0, holder_new(&holder, self->d, "a.* w:own"));
	for (n = 0; cmd->size + 32 + 40 < 32768; n++) {
		item_add_str(cmd, KDBUS_ITEM_NAME, name_number("a", n));
		access_add(cmd, n % 2 ? 3 : 1, OWN, CAROL);
	}
	ASSERT_EQ(0, cmd_run(ep, KDBUS_CMD_ENDPOINT_UPDATE, cmd));
	while (n-- > 0) {
		EXPECT_EQ(n % 2 ? OWNED : -EPERM,
			  acquire_as(&c, BOB, name_number("a", n))) {
			TH_LOG("name %u", n);
		}
		name_release(&c, name_number("a", n));
	}
}

struct flip {
	int ep;
	bool stop;
	unsigned long rounds;
	int error;
};

static void *flip(void *arg)
{
	struct flip *f = arg;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED) && !f->error) {
		f->error = ep_update(f->ep, "org.b w:talk org.c") ?:
			   ep_update(f->ep, "org.a w:talk");
		f->rounds++;
	}
	return NULL;
}

TEST_F(endpoint, replacement_is_atomic)
{
	struct flip f = { .error = 0 };
	pthread_t thread;
	struct conn c;
	unsigned int i;
	pid_t pid;

	f.ep = alices_ep(self->d, ENDPOINT, "org.a w:talk");
	ASSERT_LE(0, f.ep);
	ASSERT_EQ(0, conn_as(&c, self->d, ENDPOINT, ALICE));
	ASSERT_LT(0, name_acquire(&self->alice, "org.b", 0));
	ASSERT_LT(0, name_acquire(&self->alice, "org.a", 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, flip, &f));
	pid = fork_as(ALICE, ALICE);
	if (pid == 0) {
		for (i = 0; i < 3000; i++) {
			CHECK(send_cookie(&c, self->alice.id, 1) == 0);
			CHECK(receive_cookie(&self->alice) == 1);
		}
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
	__atomic_store_n(&f.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, f.error);
	EXPECT_LT(0, f.rounds);
}

/* All of its connections are one user, and nobody else's. */
TEST_F(endpoint, connections_are_charged_together)
{
	struct conn bob, carol;
	unsigned int i;

	ASSERT_LE(0, alices_ep(self->d, ENDPOINT, "org.a w:talk"));
	ASSERT_EQ(0, conn_as(&bob, self->d, ENDPOINT, ALICE));
	ASSERT_EQ(0, conn_as(&carol, self->d, ENDPOINT, ALICE));
	ASSERT_LT(0, name_acquire(&self->alice, "org.a", 0));
	ASSERT_EQ(0, act_as(ALICE, ALICE));
	for (i = 0; i < MAX_QUEUED; i++)
		ASSERT_EQ(0, send_cookie(&bob, self->alice.id, 1));
	EXPECT_EQ(-ENOBUFS, send_cookie(&bob, self->alice.id, 1));
	/* one message of each connection is let through */
	EXPECT_EQ(0, send_cookie(&carol, self->alice.id, 1));
	EXPECT_EQ(-ENOBUFS, send_cookie(&carol, self->alice.id, 1));
	EXPECT_EQ(0, send_cookie(&self->alice, self->alice.id, 1));
	ASSERT_EQ(0, act_as_root());
}

static const struct rlimit many_files = { 4096, 4096 };

/* as many as a user can have, beside those that the user has already */
TEST_F(endpoint, connections_are_counted_by_endpoint)
{
	enum { MAX = 1024 };
	struct kdbus_cmd_hello *hello = hello_new(page_size());
	struct conn c;
	unsigned int i;
	int fd;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &many_files));
	ASSERT_LE(0, alices_ep(self->d, ENDPOINT, NULL));
	ASSERT_LE(0, alices_ep(self->d, "11001-other", NULL));
	for (i = 0; i < MAX; i++) {
		fd = open_ep(self->d, ENDPOINT);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, cmd_run(fd, KDBUS_CMD_HELLO, hello));
	}
	fd = open_as(self->d, ENDPOINT, BOB);
	EXPECT_EQ(-EMFILE, cmd_run(fd, KDBUS_CMD_HELLO, hello));
	EXPECT_EQ(0, conn_as(&c, self->d, "bus", 0));
	EXPECT_EQ(0, conn_as(&c, self->d, "11001-other", 0));
}

TEST_F(endpoint, a_bus_has_so_many)
{
	enum { MAX = 1024 };
	unsigned int i;
	char name[16];
	int fd, first;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &many_files));
	first = ep_new(self->d, "0-first", NULL);
	ASSERT_LE(0, first);
	for (i = 1; i < MAX; i++) {
		snprintf(name, sizeof(name), "0-n%u", i);
		ASSERT_LE(0, ep_new(self->d, name, NULL)) {
			TH_LOG("endpoint %u", i);
		}
	}
	fd = open_ep(self->d, "bus");
	EXPECT_EQ(-EMFILE, ep_make(fd, "0-last", 0));
	/* the names are checked before, the count before their neighbours */
	EXPECT_EQ(-EINVAL, ep_make(fd, "1-last", 0));
	EXPECT_EQ(-EMFILE, ep_make(fd, "0-n1", 0));
	close(first);
	EXPECT_EQ(-EEXIST, ep_make(fd, "0-n1", 0));
	EXPECT_EQ(0, ep_make(fd, "0-last", 0));
}

TEST_F(endpoint, end_terminates_its_connections)
{
	struct conn first, second;
	int ep, fresh, copy;

	ep = alices_ep(self->d, ENDPOINT, "org.* w:own");
	ASSERT_LE(0, ep);
	ASSERT_EQ(0, conn_as(&first, self->d, ENDPOINT, BOB));
	ASSERT_EQ(0, conn_as(&second, self->d, ENDPOINT, CAROL));
	fresh = open_ep(self->d, ENDPOINT);
	ASSERT_LE(0, fresh);
	ASSERT_EQ(0, send_cookie(&self->alice, first.id, 1));
	ASSERT_EQ(0, match_all(&self->alice));

	/* the last descriptor counts */
	copy = dup(ep);
	close(ep);
	EXPECT_TRUE(exists(self->d, ENDPOINT));
	EXPECT_EQ(0, ep_update(copy, "org.a"));
	EXPECT_STREQ("", heard(&self->alice));
	close(copy);

	/* all is over when close() returns, in the order of the HELLOs */
	EXPECT_FALSE(exists(self->d, ENDPOINT));
	EXPECT_STREQ(id_event("ID_REMOVE", first.id, 0), heard(&self->alice));
	EXPECT_STREQ(id_event("ID_REMOVE", second.id, 0), heard(&self->alice));
	EXPECT_STREQ("", heard(&self->alice));
	EXPECT_EQ(POLLERR | POLLHUP, poll_now(first.fd));
	EXPECT_EQ(NULL, receive(&first));
	EXPECT_EQ(ECONNRESET, errno);
	EXPECT_EQ(-ECONNRESET, send_cookie(&second, self->alice.id, 1));
	EXPECT_EQ(-ENXIO, send_cookie(&self->alice, first.id, 1));
	EXPECT_EQ(-ESHUTDOWN, cmd_run(fresh, KDBUS_CMD_HELLO, NULL));
	EXPECT_EQ(-ESHUTDOWN, cmd_run(fresh, KDBUS_CMD_ENDPOINT_MAKE, NULL));

	/* and the name is free */
	EXPECT_LE(0, alices_ep(self->d, ENDPOINT, NULL));
}

TEST_F(endpoint, end_of_the_bus_ends_it)
{
	struct conn c;
	int ep, fresh;

	ep = alices_ep(self->d, ENDPOINT, "org.* w:own");
	ASSERT_LE(0, ep);
	ASSERT_EQ(0, conn_as(&c, self->d, ENDPOINT, BOB));
	fresh = open_ep(self->d, "bus");
	close(self->bus);
	EXPECT_EQ(-ESHUTDOWN, ep_update(ep, ""));
	EXPECT_EQ(-ESHUTDOWN, ep_make(fresh, "0-ep", 0));
	EXPECT_EQ(-ECONNRESET, ep_update(c.fd, ""));
	EXPECT_EQ(POLLERR | POLLHUP, poll_now(c.fd));
	close(ep);
}

struct caller {
	struct conn *c;
	__u64 dst_id;
	int result;
};

static void *call_sync(void *arg)
{
	struct caller *caller = arg;
	struct kdbus_msg *msg = call_new(caller->dst_id, 1, NEVER);
	struct kdbus_cmd_send *cmd = send_new(msg);

	cmd->flags = KDBUS_SEND_SYNC_REPLY;
	caller->result = cmd_run(caller->c->fd, KDBUS_CMD_SEND, cmd);
	return NULL;
}

/* Who waits for a reply is woken, at both ends. */
TEST_F(endpoint, end_wakes_who_waits)
{
	struct caller inside, outside;
	pthread_t threads[2];
	struct pollfd p[2];
	struct conn c;
	int ep;

	ep = ep_new(self->d, "0-ep", "org.a w:talk");
	ASSERT_LE(0, ep);
	ASSERT_EQ(0, conn_as(&c, self->d, "0-ep", 0));
	ASSERT_EQ(0, conn_as(&self->bob, self->d, "bus", 0));
	ASSERT_LT(0, name_acquire(&self->bob, "org.a", 0));
	inside = (struct caller){ .c = &c, .dst_id = self->bob.id };
	outside = (struct caller){ .c = &self->alice, .dst_id = c.id };
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, call_sync, &inside));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, call_sync, &outside));
	p[0] = (struct pollfd){ .fd = self->bob.fd, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = c.fd, .events = POLLIN };
	ASSERT_EQ(1, poll(&p[0], 1, -1));
	ASSERT_EQ(1, poll(&p[1], 1, -1));
	close(ep);
	ASSERT_EQ(0, pthread_join(threads[0], NULL));
	ASSERT_EQ(0, pthread_join(threads[1], NULL));
	EXPECT_EQ(-ECONNRESET, inside.result);
	EXPECT_EQ(-EPIPE, outside.result);
}

static void *make_and_close(void *arg)
{
	const struct domain *d = arg;
	unsigned int i;
	int fd;

	for (i = 0; i < 300; i++) {
		fd = ep_new(d, "0-ep", "org.a w:own org.* w:see");
		if (fd < 0)
			return (void *)(long)fd;
		close(fd);
	}
	return NULL;
}

/* HELLO, and whatever follows, against an endpoint that comes and goes */
TEST_F(endpoint, comes_and_goes_under_its_users)
{
	bool running = true;
	pthread_t thread;
	struct conn c;
	void *result;
	int fd, r;

	ASSERT_EQ(0, pthread_create(&thread, NULL, make_and_close, self->d));
	while (running) {
		running = pthread_tryjoin_np(thread, &result) == EBUSY;
		fd = open_ep(self->d, "0-ep");
		if (fd < 0) {
			ASSERT_TRUE(fd == -ENOENT || fd == -ESHUTDOWN) {
				TH_LOG("open: %d", fd);
			}
			continue;
		}
		r = conn_hello(&c, fd, POOL_SIZE);
		ASSERT_TRUE(r == 0 || r == -ESHUTDOWN || r == -ECONNRESET) {
			TH_LOG("HELLO: %d", r);
		}
		if (r == 0) {
			r = name_acquire(&c, "org.a", 0);
			ASSERT_TRUE(r == -EPERM || r == -ECONNRESET) {
				TH_LOG("NAME_ACQUIRE: %d", r);
			}
			conn_close(&c);
		} else {
			close(fd);
		}
	}
	EXPECT_EQ(NULL, result);
	EXPECT_FALSE(exists(self->d, "0-ep"));
}

KDBUS_HARNESS_MAIN
