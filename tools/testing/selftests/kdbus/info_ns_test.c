// SPDX-License-Identifier: LGPL-2.1+
/*
 * CONN_INFO and BUS_CREATOR_INFO between namespaces: who asks is told in terms
 * of the namespaces its connection was made in.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "metadata_util.h"
#include "kdbus_harness.h"

#define ANY	_KDBUS_ATTACH_ANY
#define TASK	(_KDBUS_ATTACH_ALL & ~KDBUS_ATTACH_TIMESTAMP & \
		 ~KDBUS_ATTACH_NAMES & ~KDBUS_ATTACH_CONN_DESCRIPTION)

FIXTURE(ns) {
	struct domain domain;
	struct conn peer;	/* outside, gives everything */
};

FIXTURE_SETUP(ns)
{
	static const __u64 grant = ~0ULL;
	struct kdbus_cmd *cmd = bus_make_new("0-bus", KDBUS_MAKE_ACCESS_WORLD);

	ASSERT_EQ(0, domain_mount(&self->domain, 0, NULL));
	item_add(cmd, KDBUS_ITEM_ATTACH_FLAGS_SEND, &grant, sizeof(grant));
	ASSERT_EQ(0, cmd_run(open_control(&self->domain), KDBUS_CMD_BUS_MAKE,
			     cmd));
	ASSERT_EQ(0, peer_new(&self->peer, &self->domain, ANY, 0, NULL));
}

FIXTURE_TEARDOWN(ns)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

/* what a connection from outside and the creator look like from there */
#define FOR_BOTH(_msg, _asker, _peer) \
	for (int _i = 0; _i < 2 && ({ _msg = _i ? \
	     ask_creator(_asker, ANY) : ask_about(_asker, _peer, ANY); \
	     ASSERT_NE(NULL, _msg); true; }); _i++)

TEST_F(ns, ids_are_those_of_the_askers_user_namespace)
{
	static const struct kdbus_creds expected = {
		.uid = 5, .euid = 5, .suid = OVERFLOW_ID, .fsuid = 5,
		.gid = 6, .egid = OVERFLOW_ID, .sgid = 7, .fsgid = OVERFLOW_ID,
	};
	static const gid_t groups[] = { 5, 1003 };
	static const __u64 expected_groups[] = { OVERFLOW_ID, 8 };
	const struct place place = { .ids = "0 0 1\n5 1000 10\n" };
	const struct kdbus_msg *msg;
	struct conn asker, *peer;
	pid_t pid;

	peer = mmap(NULL, sizeof(*peer), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork_sharing_files();
	if (pid == 0) {
		CHECK(setgroups(2, groups) == 0);
		CHECK(setresgid(1001, 3000, 1002) == 0);
		CHECK(setresuid(1000, 1000, 3000) == 0);
		CHECK(peer_new(peer, &self->domain, ANY, 0, NULL) == 0);
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
	ASSERT_EQ(0, peer_from(&asker, &self->domain, &place));
	msg = ask_about(&asker, peer, ANY);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(holds(msg, KDBUS_ITEM_CREDS, &expected, sizeof(expected)));
	EXPECT_TRUE(holds(msg, KDBUS_ITEM_AUXGROUPS, expected_groups,
			  sizeof(expected_groups)));
	/* root made this namespace, and is not the peer */
	EXPECT_EQ(0, cap_set(msg, PERMITTED));
}

TEST_F(ns, login_uid_without_a_name_is_unset)
{
	const struct place place = { .ids = "0 0 1\n" };
	const struct kdbus_msg *msg;
	struct conn asker, peer;

	if (write_file("/proc/self/loginuid", "1234") < 0)
		SKIP(return, "cannot set a login uid");
	ASSERT_EQ(0, peer_new(&peer, &self->domain, ANY, 0, NULL));
	msg = ask_about(&self->peer, &peer, ANY);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(1234, find(msg, KDBUS_ITEM_AUDIT)->audit.loginuid);

	ASSERT_EQ(0, peer_from(&asker, &self->domain, &place));
	msg = ask_about(&asker, &peer, ANY);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(0xffffffff, find(msg, KDBUS_ITEM_AUDIT)->audit.loginuid);
	EXPECT_EQ(read_number("/proc/self/sessionid"),
		  find(msg, KDBUS_ITEM_AUDIT)->audit.sessionid);
}

TEST_F(ns, capabilities_count_as_far_as_the_asker_is_below)
{
	const struct place below = { .uid = ALICE, .ids = "0 11001 1\n" };
	const struct place own_ns = { .ids = "0 0 1\n" };
	const struct kdbus_msg *msg;
	struct conn inside, made;

	ASSERT_EQ(0, peer_from(&inside, &self->domain, &below));
	FOR_BOTH(msg, &inside, &self->peer) {
		EXPECT_EQ(all_caps(), cap_set(msg, EFFECTIVE));
		EXPECT_EQ(OVERFLOW_ID, find(msg, KDBUS_ITEM_CREDS)->creds.uid);
	}
	/* and not the other way round */
	msg = ask_about(&self->peer, &inside, ANY);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(0, cap_set(msg, EFFECTIVE));
	EXPECT_EQ(0, cap_set(msg, BOUNDING));
	EXPECT_EQ(ALICE, find(msg, KDBUS_ITEM_CREDS)->creds.uid);
	msg = ask_about(&inside, &inside, ANY);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(all_caps(), cap_set(msg, EFFECTIVE));
	EXPECT_EQ(0, find(msg, KDBUS_ITEM_CREDS)->creds.uid);

	/* who made the namespace can do everything in it */
	ASSERT_EQ(0, peer_from(&made, &self->domain, &own_ns));
	FOR_BOTH(msg, &made, &self->peer) {
		EXPECT_EQ(0, cap_set(msg, INHERITABLE));
		EXPECT_EQ(all_caps(), cap_set(msg, EFFECTIVE));
	}
}

TEST_F(ns, pids_are_those_of_the_askers_pid_namespace)
{
	const struct place place = { .flags = CLONE_NEWPID };
	static const struct kdbus_pids nobody;
	static const struct kdbus_pids first = { .pid = 1, .tid = 1 };
	const struct kdbus_msg *msg;
	struct conn inside;

	ASSERT_EQ(0, peer_from(&inside, &self->domain, &place));
	FOR_BOTH(msg, &inside, &self->peer) {
		EXPECT_TRUE(holds(msg, KDBUS_ITEM_PIDS, &nobody,
				  sizeof(nobody)));
		EXPECT_EQ(available() & TASK, attached(msg));
	}
	msg = ask_about(&inside, &inside, ANY);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(holds(msg, KDBUS_ITEM_PIDS, &first, sizeof(first)));
	/* it is gone by now; the number is still known */
	msg = ask_about(&self->peer, &inside, ANY);
	ASSERT_NE(NULL, msg);
	EXPECT_LT(1, find(msg, KDBUS_ITEM_PIDS)->pids.pid);
	EXPECT_LT(1, find(msg, KDBUS_ITEM_PIDS)->pids.ppid);
}

/* Which process asks does not matter, only where the connection is from. */
TEST_F(ns, view_is_that_of_the_connection)
{
	const struct place other_ids = { .uid = ALICE, .ids = "0 11001 1\n" };
	const struct place other_pids = { .flags = CLONE_NEWPID };
	const struct kdbus_msg *msg;
	pid_t pid = fork_as(0, 0);

	if (pid == 0) {
		go_to(&other_ids);
		msg = ask_about(&self->peer, &self->peer, ANY);
		CHECK(msg && find(msg, KDBUS_ITEM_CREDS)->creds.uid == 0);
		CHECK(attached(msg) == (available() & TASK));
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
	pid = fork_as(0, 0);
	if (pid == 0) {
		go_to(&other_pids);
		msg = ask_about(&self->peer, &self->peer, ANY);
		CHECK(msg && find(msg, KDBUS_ITEM_PIDS)->pids.pid != 0);
		CHECK(find(msg, KDBUS_ITEM_CREDS)->creds.uid == 0);
		CHECK(attached(msg) == (available() & TASK));
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
}

TEST_F(ns, program_is_told_to_those_with_the_same_root)
{
	char root[] = "/tmp/kdbus-root-XXXXXX";
	struct place place = { .root = root };
	const struct kdbus_msg *msg;
	struct conn inside, again;
	int dir;

	ASSERT_NE(NULL, mkdtemp(root));
	/* the kdbusfs has to be there as well */
	ASSERT_EQ(0, mkdir(path_in(&(struct domain){ "" }, "%s/tmp", root),
			   0755));
	ASSERT_EQ(0, mount("/tmp", path_in(&(struct domain){ "" }, "%s/tmp",
					   root), NULL, MS_BIND | MS_REC,
			   NULL));
	dir = peer_from(&inside, &self->domain, &place) ?:
	      peer_from(&again, &self->domain, &place);
	EXPECT_EQ(0, dir);
	FOR_BOTH(msg, &inside, &self->peer) {
		EXPECT_EQ(available() & TASK & ~KDBUS_ATTACH_EXE,
			  attached(msg));
	}
	/* the program is not below that root, so it has no path there */
	msg = ask_about(&again, &inside, ANY);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(NULL, find(msg, KDBUS_ITEM_EXE));
	msg = ask_about(&self->peer, &inside, ANY);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(NULL, find(msg, KDBUS_ITEM_EXE));
	conn_close(&inside);
	conn_close(&again);
	EXPECT_EQ(0, umount2(path_in(&(struct domain){ "" }, "%s/tmp", root),
			     MNT_DETACH));
}

static const char *join(const char *directory, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		abort();
	return path;
}

TEST_F(ns, cgroup_is_relative_to_the_askers_namespace)
{
	char own_path[BUFFER_SIZE], name[32];
	const char *home, *outer, *inner, *beside;
	struct conn from[3], at[3];
	/* rows: of whom; columns: from where */
	static const char *const expected[3][3] = {
		/* outer  inner  beside */
		{ "/", "/..", "/../outer" },
		{ "/inner", "/", "/../outer/inner" },
		{ "/../beside", "/../../beside", "/" },
	};
	const struct kdbus_msg *msg;
	int i, j;

	if (own(KDBUS_ITEM_CGROUP, own_path) < 0 ||
	    access(CGROUPS "/cgroup.procs", W_OK) < 0)
		SKIP(return, "no cgroups to play with");
	snprintf(name, sizeof(name), "kdbus-info-%d", getpid());
	home = join(join(CGROUPS, own_path + 1), name);
	outer = join(home, "outer");
	inner = join(outer, "inner");
	beside = join(home, "beside");
	ASSERT_EQ(0, mkdir(home, 0755));
	ASSERT_EQ(0, mkdir(outer, 0755));
	ASSERT_EQ(0, mkdir(inner, 0755));
	ASSERT_EQ(0, mkdir(beside, 0755));

	for (i = 0; i < 3; i++) {
		struct place place = {
			.cgroup = i == 0 ? outer : i == 1 ? inner : beside,
			.flags = CLONE_NEWCGROUP,
		};

		EXPECT_EQ(0, peer_from(&from[i], &self->domain, &place));
		EXPECT_EQ(0, peer_from(&at[i], &self->domain, &place));
	}
	for (i = 0; i < 3; i++) {
		for (j = 0; j < 3; j++) {
			msg = ask_about(&from[j], &at[i], ANY);
			ASSERT_NE(NULL, msg);
			EXPECT_TRUE(holds_str(msg, KDBUS_ITEM_CGROUP,
					      expected[i][j])) {
				TH_LOG("%d from %d: %s", i, j,
				       find(msg, KDBUS_ITEM_CGROUP)->str);
			}
		}
		msg = ask_about(&self->peer, &at[i], ANY);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(0, access(join(CGROUPS,
					 find(msg, KDBUS_ITEM_CGROUP)->str),
				    F_OK));
		EXPECT_NE(NULL, strstr(find(msg, KDBUS_ITEM_CGROUP)->str,
				       strrchr(name, '-')));
	}

	/* a cgroup is not kept by who was in it once, and is still known */
	EXPECT_EQ(0, rmdir(inner));
	EXPECT_EQ(0, rmdir(outer));
	EXPECT_EQ(0, rmdir(beside));
	EXPECT_EQ(0, rmdir(home));
	msg = ask_about(&from[2], &at[1], ANY);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(holds_str(msg, KDBUS_ITEM_CGROUP, expected[1][2]));
}

KDBUS_HARNESS_MAIN
