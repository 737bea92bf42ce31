// SPDX-License-Identifier: LGPL-2.1+
/*
 * Metadata of messages between namespaces: a receiver is told about a sender in
 * terms of the user, pid, mount and cgroup namespaces it said HELLO in.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "metadata_util.h"
#include "kdbus_harness.h"

FIXTURE(namespace) {
	struct domain domain;
	struct conn open;	/* sender that consents to everything */
	struct conn closed;	/* sender that consents to nothing */
	struct conn dst;	/* receiver that wants everything */
};

FIXTURE_SETUP(namespace)
{
	ASSERT_EQ(0, domain_mount(&self->domain, 0, NULL));
	ASSERT_LE(0, bus_new(&self->domain, "0-bus",
			     KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, peer_new(&self->open, &self->domain,
			      _KDBUS_ATTACH_ANY, 0, "open.sender"));
	ASSERT_EQ(0, peer_new(&self->closed, &self->domain, 0, 0,
			      "closed.sender"));
	ASSERT_EQ(0, peer_new(&self->dst, &self->domain, 0,
			      _KDBUS_ATTACH_ANY, NULL));
}

FIXTURE_TEARDOWN(namespace)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

TEST_F(namespace, ids_are_those_of_the_receivers_user_namespace)
{
	static const gid_t groups[] = { 5, 1003 };
	static const __u64 expected_groups[] = { OVERFLOW_ID, 8 };
	static const struct kdbus_creds expected = {
		.uid = 6, .euid = 7, .suid = OVERFLOW_ID, .fsuid = 7,
		.gid = 6, .egid = OVERFLOW_ID, .sgid = 9, .fsgid = OVERFLOW_ID,
	};
	const struct place place = { .ids = "0 0 1\n5 1000 10\n" };
	const struct kdbus_msg *msg;
	struct conn dst;
	pid_t pid;

	ASSERT_EQ(0, peer_from(&dst, &self->domain, &place));
	pid = fork_as(0, 0);
	if (pid == 0) {
		CHECK(setgroups(ARRAY_SIZE(groups), groups) == 0);
		CHECK(setresgid(1001, 3000, 1004) == 0);
		CHECK(setresuid(1001, 1002, 3000) == 0);
		msg = tell(&self->open, &dst);
		CHECK(msg);
		CHECK(holds(msg, KDBUS_ITEM_CREDS, &expected,
			    sizeof(expected)));
		CHECK(holds(msg, KDBUS_ITEM_AUXGROUPS, expected_groups,
			    sizeof(expected_groups)));
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
}

TEST_F(namespace, login_uid_without_a_name_is_unset)
{
	const struct place place = { .ids = "0 0 1\n" };
	const struct kdbus_msg *msg;
	struct conn dst;

	if (write_file("/proc/self/loginuid", "1234") < 0)
		SKIP(return, "cannot set a login uid");
	msg = tell(&self->open, &self->dst);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(1234, find(msg, KDBUS_ITEM_AUDIT)->audit.loginuid);

	ASSERT_EQ(0, peer_from(&dst, &self->domain, &place));
	msg = tell(&self->open, &dst);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(0xffffffff, find(msg, KDBUS_ITEM_AUDIT)->audit.loginuid);
	EXPECT_EQ(read_number("/proc/self/sessionid"),
		  find(msg, KDBUS_ITEM_AUDIT)->audit.sessionid);
}

/* Who made a user namespace can do anything in it. */
TEST_F(namespace, creator_of_the_namespace_has_all_capabilities)
{
	const struct place place = { .ids = "0 0 1\n" };
	const struct kdbus_msg *msg;
	struct conn dst;
	pid_t pid;

	ASSERT_EQ(0, peer_from(&dst, &self->domain, &place));
	pid = fork_as(0, 0);
	if (pid == 0) {
		/* does not count: root made the namespace */
		CHECK(capability_drop(3) == 0);
		msg = tell(&self->open, &dst);
		CHECK(msg);
		CHECK(cap_set(msg, INHERITABLE) == 0);
		CHECK(cap_set(msg, PERMITTED) == all_caps());
		CHECK(cap_set(msg, EFFECTIVE) == all_caps());
		CHECK(cap_set(msg, BOUNDING) == all_caps());
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
}

TEST_F(namespace, capabilities_count_in_namespaces_below)
{
	const struct place place = { .uid = ALICE, .ids = "0 11001 1\n" };
	__u64 caps[BUFFER_SIZE / sizeof(__u64)];
	const struct kdbus_msg *msg;
	struct conn dst;
	ssize_t size;
	pid_t pid;

	ASSERT_EQ(0, peer_from(&dst, &self->domain, &place));
	pid = fork_as(0, 0);
	if (pid == 0) {
		CHECK(capability_drop(3) == 0);
		msg = tell(&self->open, &dst);
		size = own(KDBUS_ITEM_CAPS, caps);
		CHECK(msg && holds(msg, KDBUS_ITEM_CAPS, caps, size));
		CHECK(cap_set(msg, EFFECTIVE) == (all_caps() & ~8ULL));
		CHECK(find(msg, KDBUS_ITEM_CREDS)->creds.uid == OVERFLOW_ID);
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
}

TEST_F(namespace, capabilities_do_not_count_in_namespaces_above)
{
	const struct place place = { .ids = "0 0 1\n" };
	const struct kdbus_msg *msg;
	pid_t pid = fork_as(0, 0);

	if (pid == 0) {
		go_to(&place);
		msg = tell(&self->open, &self->dst);
		CHECK(msg);
		CHECK(find(msg, KDBUS_ITEM_CAPS));
		CHECK(cap_set(msg, PERMITTED) == 0);
		CHECK(cap_set(msg, EFFECTIVE) == 0);
		CHECK(cap_set(msg, BOUNDING) == 0);
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
}

/* Nor is there anything that could be looked up in /proc. */
TEST_F(namespace, sender_outside_the_pid_namespace_has_no_pid)
{
	const struct place place = { .flags = CLONE_NEWPID };
	static const struct kdbus_pids nobody;
	const struct kdbus_msg *msg;
	struct conn dst;

	ASSERT_EQ(0, peer_from(&dst, &self->domain, &place));
	msg = tell(&self->closed, &dst);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(holds(msg, KDBUS_ITEM_PIDS, &nobody, sizeof(nobody)));
	EXPECT_EQ(IMPLICIT, attached(msg));
	EXPECT_EQ(available(), told(&self->open, &dst));
}

TEST_F(namespace, pids_are_those_of_the_receivers_namespace)
{
	const struct place place = { .flags = CLONE_NEWPID };
	const struct kdbus_pids first = { .pid = 1, .tid = 1, .ppid = 0 };
	const struct kdbus_msg *msg;
	struct kdbus_pids pids;
	struct conn inside;
	char link[32] = "";
	pid_t pid;

	pid = fork_as(0, 0);
	if (pid == 0) {
		go_to(&place);
		/* /proc is that of the namespace outside */
		CHECK(readlink("/proc/self", link, sizeof(link) - 1) > 0);
		pids.pid = atoi(link);
		pids.tid = pids.pid;
		CHECK(getpid() == 1);

		msg = tell(&self->closed, &self->dst);
		CHECK(msg && attached(msg) == available());
		pids.ppid = find(msg, KDBUS_ITEM_PIDS)->pids.ppid;
		CHECK(pids.ppid != 0);
		CHECK(holds(msg, KDBUS_ITEM_PIDS, &pids, sizeof(pids)));

		CHECK(peer_new(&inside, &self->domain, 0, _KDBUS_ATTACH_ANY,
			       NULL) == 0);
		msg = tell(&self->closed, &inside);
		CHECK(msg && attached(msg) == available());
		CHECK(holds(msg, KDBUS_ITEM_PIDS, &first, sizeof(first)));
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
}

/* A path would mean something else to the receiver. */
TEST_F(namespace, program_is_not_told_to_who_has_another_root)
{
	const struct place places[] = {
		{ .root = "/usr" },
		{ .flags = CLONE_NEWNS },
	};
	unsigned int i;
	pid_t pid;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		pid = fork_as(0, 0);
		if (pid == 0) {
			__u64 others = available() & ~KDBUS_ATTACH_EXE;

			go_to(&places[i]);
			CHECK(told(&self->open, &self->dst) == others);
			_exit(0);
		}
		ASSERT_EQ(0, child_wait(pid));
	}
}

TEST_F(namespace, program_is_told_relative_to_the_common_root)
{
	const struct place place = { .root = "/mnt" };
	const struct kdbus_msg *msg;
	struct conn dst;
	char program[PATH_MAX];
	pid_t pid;

	ASSERT_LT(0, own(KDBUS_ITEM_EXE, program));
	ASSERT_EQ(0, mount("/", "/mnt", NULL, MS_BIND | MS_REC, NULL));
	ASSERT_EQ(0, peer_from(&dst, &self->domain, &place));
	pid = fork_as(0, 0);
	if (pid == 0) {
		__u64 others = available() & ~KDBUS_ATTACH_EXE;

		go_to(&place);
		/* still runs the program outside */
		CHECK(told(&self->open, &dst) == others);
		CHECK(program_tell(program, NULL, &self->open, &dst) == 0);
		msg = receive(&dst);
		CHECK(msg && holds_str(msg, KDBUS_ITEM_EXE, program));
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
	/* or the domain's directory is in use in there */
	ASSERT_EQ(0, umount2("/mnt", MNT_DETACH));
}

FIXTURE(cgroup) {
	struct domain domain;
	struct conn src;
	struct conn dst;
	char *home;		/* where the test came from */
	char *outer;
	char *inner;
};

static char *join(const char *directory, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		abort();
	return path;
}

static int enter(const char *cgroup)
{
	return write_file(join(cgroup, "cgroup.procs"), "0");
}

FIXTURE_SETUP(cgroup)
{
	char own_path[BUFFER_SIZE], name[32];

	if (own(KDBUS_ITEM_CGROUP, own_path) < 0 ||
	    access(CGROUPS "/cgroup.procs", W_OK) < 0)
		SKIP(return, "no cgroups to play with");
	snprintf(name, sizeof(name), "kdbus-test-%d", getpid());
	self->home = join(CGROUPS, own_path + 1);
	self->outer = join(self->home, name);
	self->inner = join(self->outer, "inner");
	ASSERT_EQ(0, domain_mount(&self->domain, 0, NULL));
	ASSERT_LE(0, bus_new(&self->domain, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->src, &self->domain, 0, 0, NULL));
	ASSERT_EQ(0, peer_new(&self->dst, &self->domain, 0,
			      KDBUS_ATTACH_CGROUP, NULL));
	ASSERT_EQ(0, mkdir(self->outer, 0755));
	ASSERT_EQ(0, mkdir(self->inner, 0755));
}

FIXTURE_TEARDOWN(cgroup)
{
	EXPECT_EQ(0, enter(self->home));
	EXPECT_EQ(0, rmdir(self->inner));
	EXPECT_EQ(0, rmdir(self->outer));
	EXPECT_EQ(0, domain_leave(&self->domain));
}

TEST_F(cgroup, path_is_relative_to_the_receivers_namespace)
{
	const struct place place = {
		.cgroup = self->outer,
		.flags = CLONE_NEWCGROUP,
	};
	const struct {
		const char *cgroup;
		const char *expected;
	} rows[] = {
		{ self->inner, "/inner" },
		{ self->outer, "/" },
		{ self->home, "/.." },
	};
	const struct kdbus_msg *msg;
	char own_path[BUFFER_SIZE];
	struct conn dst;
	unsigned int i;

	ASSERT_EQ(0, peer_from(&dst, &self->domain, &place));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ASSERT_EQ(0, enter(rows[i].cgroup));
		msg = tell(&self->src, &dst);
		ASSERT_NE(NULL, msg);
		EXPECT_TRUE(holds_str(msg, KDBUS_ITEM_CGROUP,
				      rows[i].expected)) {
			TH_LOG("%s", rows[i].cgroup);
		}

		ASSERT_LT(0, own(KDBUS_ITEM_CGROUP, own_path));
		msg = tell(&self->src, &self->dst);
		ASSERT_NE(NULL, msg);
		EXPECT_TRUE(holds_str(msg, KDBUS_ITEM_CGROUP, own_path));
	}
}

static bool cgroup_is_told(const FIXTURE_DATA(cgroup) *self)
{
	char own_path[BUFFER_SIZE];
	const struct kdbus_msg *msg;

	msg = tell(&self->src, &self->dst);
	return msg && own(KDBUS_ITEM_CGROUP, own_path) > 0 &&
	       holds_str(msg, KDBUS_ITEM_CGROUP, own_path) &&
	       conn_free(&self->dst, msg_offset(&self->dst, msg)) == 0;
}

/* The kernel cuts a path off where there is not room enough. */
TEST_F(cgroup, path_may_be_long)
{
	const int missing = 160 - strlen(self->inner);
	char path[PATH_MAX];
	int i;

	ASSERT_LT(0, missing);
	for (i = 0; i < 130; i++) {
		snprintf(path, sizeof(path), "%s/%0*d", self->inner,
			 missing + i, 0);
		ASSERT_EQ(0, mkdir(path, 0755));
		ASSERT_EQ(0, enter(path));
		EXPECT_TRUE(cgroup_is_told(self)) {
			TH_LOG("%zu characters", strlen(path));
		}
		ASSERT_EQ(0, enter(self->home));
		ASSERT_EQ(0, rmdir(path));
	}

	strcpy(path, self->inner);
	for (i = 0; i < 15; i++) {
		sprintf(path + strlen(path), "/%0200d", i);
		ASSERT_EQ(0, mkdir(path, 0755));
		ASSERT_EQ(0, enter(path));
		EXPECT_TRUE(cgroup_is_told(self)) {
			TH_LOG("%zu characters", strlen(path));
		}
	}
	ASSERT_EQ(0, enter(self->home));
	while (strlen(path) > strlen(self->inner)) {
		ASSERT_EQ(0, rmdir(path));
		*strrchr(path, '/') = '\0';
	}
}

KDBUS_HARNESS_MAIN
