// SPDX-License-Identifier: LGPL-2.1+
/*
 * Metadata of messages: every item says of the sending task what /proc and the
 * system calls say, and is told only to those who want it and may know.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

#include "metadata_util.h"
#include "kdbus_harness.h"

FIXTURE(metadata) {
	struct domain domain;
	struct conn open;	/* sender that consents to everything */
	struct conn closed;	/* sender that consents to nothing */
	struct conn dst;	/* receiver that wants everything */
};

FIXTURE_SETUP(metadata)
{
	ASSERT_EQ(0, domain_mount(&self->domain, 0, NULL));
	ASSERT_LE(0, bus_new(&self->domain, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->open, &self->domain,
			      _KDBUS_ATTACH_ANY, 0, "open.sender"));
	ASSERT_EQ(0, peer_new(&self->closed, &self->domain, 0, 0,
			      "closed.sender"));
	ASSERT_EQ(0, peer_new(&self->dst, &self->domain, 0,
			      _KDBUS_ATTACH_ANY, NULL));
}

FIXTURE_TEARDOWN(metadata)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

static __u64 now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

TEST_F(metadata, says_what_proc_says)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	__u64 monotonic, realtime;

	monotonic = now(CLOCK_MONOTONIC);
	realtime = now(CLOCK_REALTIME);
	msg = tell(&self->open, &self->dst);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(available(), attached(msg));
	EXPECT_EQ(0, count_wrong(msg));
	EXPECT_TRUE(holds_str(msg, KDBUS_ITEM_CONN_DESCRIPTION,
			      "open.sender"));

	item = find(msg, KDBUS_ITEM_TIMESTAMP);
	ASSERT_NE(NULL, item);
	EXPECT_EQ(16 + sizeof(item->timestamp), item->size);
	EXPECT_LT(0, item->timestamp.seqnum);
	EXPECT_LE(monotonic, item->timestamp.monotonic_ns);
	EXPECT_GE(now(CLOCK_MONOTONIC), item->timestamp.monotonic_ns);
	EXPECT_LE(realtime, item->timestamp.realtime_ns);
	EXPECT_GE(now(CLOCK_REALTIME), item->timestamp.realtime_ns);
}

TEST_F(metadata, no_description_no_item)
{
	ASSERT_EQ(available() & ~KDBUS_ATTACH_CONN_DESCRIPTION,
		  told(&self->dst, &self->dst));
}

TEST_F(metadata, only_what_is_wanted)
{
	struct conn dst;
	__u64 bit;

	for (bit = 1; bit < _KDBUS_ATTACH_ALL; bit <<= 1) {
		ASSERT_EQ(0, peer_new(&dst, &self->domain, 0, bit, NULL));
		EXPECT_EQ(bit & available(), told(&self->open, &dst));
		EXPECT_EQ(bit & available(), told(&self->closed, &dst));
		conn_close(&dst);
	}
	ASSERT_EQ(0, peer_new(&dst, &self->domain, 0, 0, NULL));
	EXPECT_EQ(0, told(&self->open, &dst));
}

TEST_F(metadata, unknown_flags_are_refused)
{
	struct conn c;

	EXPECT_EQ(-EINVAL, peer_new(&c, &self->domain, 1 << 14, 0, NULL));
	EXPECT_EQ(-EINVAL, peer_new(&c, &self->domain, 0, 1 << 14, NULL));
	EXPECT_EQ(-EINVAL, peer_new(&c, &self->domain, ~1ULL, 0, NULL));
	EXPECT_EQ(-EINVAL, peer_new(&c, &self->domain, 0, ~1ULL, NULL));
}

static int name_command(const struct conn *c, unsigned int nr, __u64 flags,
			const char *name)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));

	cmd->flags = flags;
	item_add_str(cmd, KDBUS_ITEM_NAME, name);
	return cmd_run(c->fd, nr, cmd);
}

static bool is_name(const struct kdbus_item *item, __u64 flags,
		    const char *name)
{
	return item->type == KDBUS_ITEM_OWNED_NAME &&
	       item->size == 16 + sizeof(flags) + strlen(name) + 1 &&
	       item->name.flags == flags && strcmp(item->name.name, name) == 0;
}

/* in the order in which they were acquired, and only if they are held */
TEST_F(metadata, names_are_those_of_the_moment)
{
	const __u64 others = available() & ~KDBUS_ATTACH_CONN_DESCRIPTION;
	const __u64 owner = KDBUS_NAME_PRIMARY;
	const __u64 replaceable = owner | KDBUS_NAME_ALLOW_REPLACEMENT;
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;

	ASSERT_EQ(0, name_command(&self->open, KDBUS_CMD_NAME_ACQUIRE, 0,
				  "org.example.taken"));
	ASSERT_EQ(0, name_command(&self->dst, KDBUS_CMD_NAME_ACQUIRE,
				  KDBUS_NAME_QUEUE, "org.example.taken"));
	EXPECT_EQ(others, told(&self->dst, &self->dst));

	ASSERT_EQ(0, name_command(&self->dst, KDBUS_CMD_NAME_ACQUIRE, 0,
				  "org.example.second"));
	ASSERT_EQ(0, name_command(&self->dst, KDBUS_CMD_NAME_ACQUIRE,
				  KDBUS_NAME_ALLOW_REPLACEMENT,
				  "org.example.first"));
	msg = tell(&self->dst, &self->dst);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(others | KDBUS_ATTACH_NAMES, attached(msg));
	EXPECT_EQ(0, count_wrong(msg));
	item = find(msg, KDBUS_ITEM_OWNED_NAME);
	EXPECT_TRUE(is_name(item, owner, "org.example.second"));
	item = item_next(item);
	EXPECT_TRUE(is_name(item, replaceable, "org.example.first"));
	EXPECT_NE(KDBUS_ITEM_OWNED_NAME, item_next(item)->type);

	ASSERT_EQ(0, name_command(&self->dst, KDBUS_CMD_NAME_RELEASE, 0,
				  "org.example.second"));
	msg = tell(&self->dst, &self->dst);
	ASSERT_NE(NULL, msg);
	item = find(msg, KDBUS_ITEM_OWNED_NAME);
	ASSERT_NE(NULL, item);
	EXPECT_TRUE(is_name(item, replaceable, "org.example.first"));
	EXPECT_NE(KDBUS_ITEM_OWNED_NAME, item_next(item)->type);
}

static void *send_from_thread(void *arg)
{
	FIXTURE_DATA(metadata) *self = arg;
	const struct kdbus_msg *msg;

	prctl(PR_SET_NAME, "another-thread");
	msg = tell(&self->open, &self->dst);
	CHECK(msg && count_wrong(msg) == 0);
	CHECK(holds_str(msg, KDBUS_ITEM_TID_COMM, "another-thread"));
	CHECK(!holds_str(msg, KDBUS_ITEM_PID_COMM, "another-thread"));
	return NULL;
}

TEST_F(metadata, threads_have_their_own_id_and_name)
{
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, send_from_thread, self));
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

/* not those that the connection was made with */
TEST_F(metadata, credentials_are_those_of_the_moment)
{
	const struct kdbus_msg *msg;
	gid_t groups[100];
	unsigned int i;
	pid_t pid;

	for (i = 0; i < ARRAY_SIZE(groups); i++)
		groups[i] = 20000 - 7 * i;
	pid = fork_as(0, 0);
	if (pid == 0) {
		CHECK(setgroups(ARRAY_SIZE(groups), groups) == 0);
		setfsgid(14);
		CHECK(setresgid(11, 12, 13) == 0);
		CHECK(setresuid(21, 22, 23) == 0);
		setfsuid(21);
		CHECK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
		msg = tell(&self->open, &self->dst);
		CHECK(msg && count_wrong(msg) == 0);
		CHECK(find(msg, KDBUS_ITEM_CREDS)->creds.fsuid == 21);
		CHECK(find(msg, KDBUS_ITEM_CREDS)->creds.euid == 22);
		CHECK(find(msg, KDBUS_ITEM_CREDS)->creds.sgid == 13);
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
}

TEST_F(metadata, groups_may_be_none_or_many)
{
	static const size_t max = 65536;
	const struct kdbus_msg *msg;
	gid_t *groups;
	size_t i;

	ASSERT_EQ(0, setgroups(0, NULL));
	msg = tell(&self->open, &self->dst);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(holds(msg, KDBUS_ITEM_AUXGROUPS, NULL, 0));

	groups = malloc(max * sizeof(*groups));
	ASSERT_NE(NULL, groups);
	for (i = 0; i < max; i++)
		groups[i] = i;
	ASSERT_EQ(0, setgroups(max, groups));
	msg = tell(&self->open, &self->dst);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(available(), attached(msg));
	ASSERT_EQ(16 + max * sizeof(__u64),
		  find(msg, KDBUS_ITEM_AUXGROUPS)->size);
	for (i = 0; i < max; i++)
		ASSERT_EQ(i, find(msg, KDBUS_ITEM_AUXGROUPS)->data64[i]);
}

/* /proc/PID/exe wants the right to trace. */
TEST_F(metadata, program_is_told_to_the_same_user_or_by_consent)
{
	pid_t pid = fork_as(0, 0);

	if (pid == 0) {
		CHECK(setresuid(ALICE, 0, BOB) == 0);
		CHECK(told(&self->closed, &self->dst) == available());
		CHECK(setresuid(-1, ALICE, -1) == 0);
		CHECK(told(&self->closed, &self->dst) ==
		      (available() & ~KDBUS_ATTACH_EXE));
		CHECK(told(&self->open, &self->dst) == available());
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
}

FIXTURE(metadata_program) {
	struct domain domain;
	struct conn src;
	struct conn dst;
	__u64 others;		/* all that can be told but for the program */
};

FIXTURE_SETUP(metadata_program)
{
	ASSERT_EQ(0, domain_mount(&self->domain, 0, NULL));
	ASSERT_LE(0, bus_new(&self->domain, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->src, &self->domain,
			      _KDBUS_ATTACH_ANY, 0, "src"));
	ASSERT_EQ(0, peer_new(&self->dst, &self->domain, 0,
			      _KDBUS_ATTACH_ANY, NULL));
	ASSERT_EQ(0, mount("tmpfs", "/mnt", "tmpfs", 0, NULL));
	self->others = available() & ~KDBUS_ATTACH_EXE;
}

FIXTURE_TEARDOWN(metadata_program)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
	EXPECT_EQ(0, umount("/mnt"));
}

/* Returns a descriptor of the new file. */
static int program_create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	CHECK(fd >= 0 && program_copy(fd) == 0 && close(fd) == 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static const struct kdbus_msg *
tell_from(FIXTURE_DATA(metadata_program) *self, const char *program)
{
	if (program_tell(program, NULL, &self->src, &self->dst) != 0)
		return NULL;
	return receive(&self->dst);
}

static const struct kdbus_msg *
tell_from_fd(FIXTURE_DATA(metadata_program) *self, int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return tell_from(self, path);
}

TEST_F(metadata_program, may_be_deleted)
{
	int fd = program_create("/mnt/program");
	const struct kdbus_msg *msg;

	msg = tell_from(self, "/mnt/program");
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(holds_str(msg, KDBUS_ITEM_EXE, "/mnt/program"));
	ASSERT_EQ(0, unlink("/mnt/program"));
	msg = tell_from_fd(self, fd);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(holds_str(msg, KDBUS_ITEM_EXE, "/mnt/program (deleted)"));
	close(fd);
}

TEST_F(metadata_program, may_have_a_long_path)
{
	char path[PATH_MAX] = "/mnt";
	const struct kdbus_msg *msg;
	int i;

	for (i = 0; i < 19; i++) {
		sprintf(path + strlen(path), "/%0200d", i);
		ASSERT_EQ(0, mkdir(path, 0755));
	}
	strcat(path, "/program");
	program_create(path);
	msg = tell_from(self, path);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(holds_str(msg, KDBUS_ITEM_EXE, path));
	EXPECT_EQ(available(), attached(msg));
}

TEST_F(metadata_program, may_have_no_path)
{
	const struct kdbus_msg *msg;
	int fd;

	fd = memfd_create("program", MFD_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, program_copy(fd));
	msg = tell_from_fd(self, fd);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(self->others, attached(msg));
}

/* In another mount namespace everybody can mount what looks like a program. */
TEST_F(metadata_program, of_another_mount_namespace_is_not_told)
{
	const struct kdbus_msg *msg;
	int fd, *shared;
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	pid = fork_sharing_files();
	if (pid == 0) {
		CHECK(own_mounts() == 0);
		CHECK(mount("tmpfs", "/usr/bin", "tmpfs", 0, NULL) == 0);
		*shared = program_create("/usr/bin/dbus-daemon");
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
	fd = *shared;
	msg = tell_from_fd(self, fd);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(self->others, attached(msg));
	close(fd);
}

TEST_F(metadata_program, of_a_mount_that_is_gone_is_not_told)
{
	int fd = program_create("/mnt/program");
	const struct kdbus_msg *msg;

	ASSERT_EQ(0, umount2("/mnt", MNT_DETACH));
	msg = tell_from_fd(self, fd);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(self->others, attached(msg));
	close(fd);
	ASSERT_EQ(0, mount("tmpfs", "/mnt", "tmpfs", 0, NULL));
}

struct dance {
	char *directory;
	int root;
	bool stop;
};

/* changes the root of all threads forth and back */
static void *dance(void *arg)
{
	struct dance *dance = arg;

	while (!__atomic_load_n(&dance->stop, __ATOMIC_RELAXED)) {
		CHECK(chroot(dance->directory) == 0);
		CHECK(fchdir(dance->root) == 0 && chroot(".") == 0);
	}
	return NULL;
}

/* Seen from another root, a program has another path. */
TEST_F(metadata_program, is_not_told_from_another_root)
{
	struct dance arg = { .root = open("/", O_PATH | O_CLOEXEC) };
	char program[BUFFER_SIZE];
	const struct kdbus_msg *msg;
	const time_t end = time(NULL) + 5;
	unsigned int i, n_told = 0;
	pthread_t thread;

	ASSERT_LT(0, own(KDBUS_ITEM_EXE, program));
	arg.directory = strdup(program);
	*strrchr(arg.directory, '/') = '\0';
	ASSERT_EQ(0, pthread_create(&thread, NULL, dance, &arg));
	for (i = 0; i < 3000 && time(NULL) < end; i++) {
		msg = tell(&self->src, &self->dst);
		ASSERT_NE(NULL, msg);
		if (find(msg, KDBUS_ITEM_EXE)) {
			EXPECT_TRUE(holds_str(msg, KDBUS_ITEM_EXE, program));
			n_told++;
		}
		ASSERT_EQ(0, conn_free(&self->dst,
				       msg_offset(&self->dst, msg)));
	}
	__atomic_store_n(&arg.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LT(0, n_told);
}

TEST_F(metadata, command_line_is_cut_off)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	char arg[6000];

	memset(arg, 'y', sizeof(arg));
	arg[sizeof(arg) - 1] = '\0';
	ASSERT_EQ(0, program_tell("/proc/self/exe", arg, &self->open,
				  &self->dst));
	msg = receive(&self->dst);
	ASSERT_NE(NULL, msg);
	item = find(msg, KDBUS_ITEM_CMDLINE);
	ASSERT_NE(NULL, item);
	ASSERT_EQ(16 + 4096, item->size);
	EXPECT_EQ(0, memcmp(item->str, "sender\0--send", 14));
	EXPECT_EQ('y', item->str[4094]);
	EXPECT_EQ('\0', item->str[4095]);
}

TEST_F(metadata, command_line_is_what_the_process_made_of_it)
{
	const __u64 others = available() & ~KDBUS_ATTACH_CMDLINE;
	const struct kdbus_msg *msg;
	pid_t pid = fork_as(0, 0);
	char *pages;

	if (pid == 0) {
		pages = two_pages(PROT_READ | PROT_WRITE, PROT_NONE);
		strcpy(pages, "a title, not ended");
		CHECK(set_command_line(pages, 7) == 0);
		msg = tell(&self->open, &self->dst);
		CHECK(msg && holds_str(msg, KDBUS_ITEM_CMDLINE, "a title"));

		/* nothing, not to be read, half of it not to be read */
		CHECK(set_command_line(pages, 0) == 0);
		CHECK(told(&self->open, &self->dst) == others);
		CHECK(set_command_line(pages + page_size(), 8) == 0);
		CHECK(told(&self->open, &self->dst) == others);
		CHECK(set_command_line(pages + page_size() - 8, 16) == 0);
		CHECK(told(&self->open, &self->dst) == others);
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
}

/*
 * Every receiver of a signal gets what it wants, as it sees it, whoever came
 * before it.
 */
TEST_F(metadata, broadcast_has_an_image_for_each_receiver)
{
	enum { FIRST, USERS, PIDS, LIKE_FIRST, AGAIN, SOME, NOTHING, N };
	const struct place users = { .ids = "0 0 1\n" };
	const struct place pids = { .flags = CLONE_NEWPID };
	const __u64 some = KDBUS_ATTACH_TIMESTAMP | KDBUS_ATTACH_CREDS;
	const __u64 expected[N] = {
		[0 ... AGAIN] = available(), [SOME] = some, [NOTHING] = 0,
	};
	const __u64 filter[1 + 64 / sizeof(__u64)] = {};
	struct kdbus_cmd_match match = { .size = sizeof(match) };
	const struct kdbus_msg *msgs[N];
	struct conn dsts[N] = { self->dst };
	const gid_t group = 77;
	struct kdbus_msg *signal;
	unsigned int i;

	ASSERT_EQ(0, setgroups(1, &group));
	ASSERT_EQ(0, peer_from(&dsts[USERS], &self->domain, &users));
	ASSERT_EQ(0, peer_from(&dsts[PIDS], &self->domain, &pids));
	for (i = LIKE_FIRST; i < N; i++)
		ASSERT_EQ(0, peer_new(&dsts[i], &self->domain, 0, i <= AGAIN ?
				      _KDBUS_ATTACH_ALL : expected[i], NULL));
	/* made and subscribed in the order in which they get it */
	for (i = 0; i < N; i++)
		ASSERT_EQ(0, cmd_run(dsts[i].fd, KDBUS_CMD_MATCH_ADD, &match));

	signal = msg_new(KDBUS_DST_ID_BROADCAST, 1);
	signal->flags = KDBUS_MSG_SIGNAL;
	item_add(signal, KDBUS_ITEM_BLOOM_FILTER, filter, sizeof(filter));
	ASSERT_EQ(0, msg_send(&self->open, signal));
	for (i = 0; i < N; i++) {
		msgs[i] = receive(&dsts[i]);
		ASSERT_NE(NULL, msgs[i]);
		EXPECT_EQ(expected[i], attached(msgs[i]));
		EXPECT_TRUE(i == NOTHING ||
			    holds(msgs[i], KDBUS_ITEM_TIMESTAMP,
				  &find(msgs[0], KDBUS_ITEM_TIMESTAMP)->data,
				  sizeof(struct kdbus_timestamp)));
	}
	EXPECT_EQ(0, count_wrong(msgs[FIRST]));
	EXPECT_EQ(OVERFLOW_ID,
		  find(msgs[USERS], KDBUS_ITEM_AUXGROUPS)->data64[0]);
	EXPECT_EQ(getpid(), find(msgs[USERS], KDBUS_ITEM_PIDS)->pids.pid);
	EXPECT_EQ(group, find(msgs[PIDS], KDBUS_ITEM_AUXGROUPS)->data64[0]);
	EXPECT_EQ(0, find(msgs[PIDS], KDBUS_ITEM_PIDS)->pids.pid);
	EXPECT_EQ(0, count_wrong(msgs[LIKE_FIRST]));
	EXPECT_EQ(0, count_wrong(msgs[AGAIN]));
}

FIXTURE(metadata_parameters) {
	struct domain domain;
	struct conn src;
	struct conn dst;
};

FIXTURE_SETUP(metadata_parameters)
{
	ASSERT_EQ(0, domain_mount(&self->domain, 0, NULL));
	ASSERT_LE(0, bus_new(&self->domain, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->src, &self->domain, KDBUS_ATTACH_AUDIT, 0,
			      "src"));
	ASSERT_EQ(0, peer_new(&self->dst, &self->domain, 0,
			      _KDBUS_ATTACH_ANY, NULL));
}

FIXTURE_TEARDOWN(metadata_parameters)
{
	EXPECT_EQ(0, write_file(parameter("attach_proc"), "Y"));
	EXPECT_EQ(0, write_file(parameter("attach_flags_mask"),
				"0xffffffffffffffff"));
	EXPECT_EQ(0, domain_leave(&self->domain));
}

TEST_F(metadata_parameters, attach_proc_asks_for_consent)
{
	ASSERT_EQ(available(), told(&self->src, &self->dst));
	ASSERT_EQ(0, write_file(parameter("attach_proc"), "N"));
	ASSERT_EQ((IMPLICIT | KDBUS_ATTACH_AUDIT) & available(),
		  told(&self->src, &self->dst));
}

TEST_F(metadata_parameters, attach_flags_mask_hides)
{
	ASSERT_EQ(0, write_file(parameter("attach_flags_mask"), "0x26"));
	ASSERT_EQ(KDBUS_ATTACH_CREDS | KDBUS_ATTACH_PIDS |
		  KDBUS_ATTACH_TID_COMM, told(&self->src, &self->dst));
	ASSERT_EQ(0, write_file(parameter("attach_flags_mask"), "0"));
	ASSERT_EQ(0, told(&self->src, &self->dst));
}

KDBUS_HARNESS_MAIN
