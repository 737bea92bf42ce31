// SPDX-License-Identifier: LGPL-2.1+
/*
 * Metadata across nested namespaces and between siblings: what is told of one
 * and the same sender in each of them.
 */

#include <ctype.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "metadata_util.h"
#include "kdbus_harness.h"

enum { OUTSIDE, OUTER, INNER, SIBLING, N_VIEWS };

FIXTURE(nested) {
	struct domain domain;
	struct conn open;	/* sender that consents to everything */
	struct conn closed;	/* sender that consents to nothing */
	struct conn *views;	/* receivers that want everything */
};

FIXTURE_SETUP(nested)
{
	ASSERT_EQ(0, domain_mount(&self->domain, 0, NULL));
	ASSERT_LE(0, bus_new(&self->domain, "0-bus",
			     KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, peer_new(&self->open, &self->domain,
			      _KDBUS_ATTACH_ANY, 0, "open"));
	ASSERT_EQ(0, peer_new(&self->closed, &self->domain, 0, 0, "closed"));
	self->views = mmap(NULL, N_VIEWS * sizeof(*self->views),
			   PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);
	ASSERT_NE(MAP_FAILED, self->views);
	ASSERT_EQ(0, peer_new(&self->views[OUTSIDE], &self->domain, 0,
			      _KDBUS_ATTACH_ANY, NULL));
}

FIXTURE_TEARDOWN(nested)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

static void receive_here(FIXTURE_DATA(nested) *self, int view)
{
	CHECK(peer_new(&self->views[view], &self->domain, 0,
		       _KDBUS_ATTACH_ANY, NULL) == 0);
}

/* The message as it is told to a view; its pool may be mapped elsewhere. */
static const struct kdbus_msg *tell_view(FIXTURE_DATA(nested) *self,
					 const struct conn *src, int view)
{
	struct conn dst = self->views[view];

	dst.pool = mmap(NULL, dst.pool_size, PROT_READ, MAP_SHARED, dst.fd, 0);
	return dst.pool == MAP_FAILED ? NULL : tell(src, &dst);
}

/*
 * Processes
 */

/* the number of a process in a namespace of some depth, 0 if it has none */
static __u64 number_at(const char *file, const char *key, int level)
{
	char status[BUFFER_SIZE], *p;

	CHECK(read_file(file, status, sizeof(status)) > 0);
	p = strstr(status, key);
	CHECK(p);
	p += strlen(key);
	for (;;) {
		while (*p == '\t' || *p == ' ')
			p++;
		if (!isdigit(*p))
			return 0;
		if (level-- == 0)
			return strtoull(p, NULL, 10);
		while (isdigit(*p))
			p++;
	}
}

/* What the calling task's PIDS have to be there; /proc is from outside. */
static struct kdbus_pids pids_at(int level)
{
	const char *self = "/proc/thread-self/status";
	struct kdbus_pids pids = {
		.pid = number_at(self, "NStgid:", level),
		.tid = number_at(self, "NSpid:", level),
	};
	char parent[64];

	snprintf(parent, sizeof(parent), "/proc/%llu/status",
		 number_at(self, "PPid:", 0));
	pids.ppid = number_at(parent, "NStgid:", level);
	return pids;
}

static bool pids_are_right(FIXTURE_DATA(nested) *self, int view, int level)
{
	const struct kdbus_pids pids = pids_at(level);
	const struct kdbus_msg *msg = tell_view(self, &self->closed, view);
	const __u64 mask = pids.tid ? available() : IMPLICIT;

	return msg && attached(msg) == mask &&
	       holds(msg, KDBUS_ITEM_PIDS, &pids, sizeof(pids));
}

TEST_F(nested, pids)
{
	const struct place place = { .flags = CLONE_NEWPID };
	struct kdbus_pids pids;
	pid_t pid;

	ASSERT_EQ(0, peer_from(&self->views[SIBLING], &self->domain, &place));
	pid = fork_sharing_files();
	if (pid == 0) {
		go_to(&place);
		receive_here(self, OUTER);
		pid = fork_sharing_files();
		if (pid == 0) {
			go_to(&place);
			receive_here(self, INNER);
			CHECK(pids_are_right(self, INNER, 2));
			CHECK(pids_are_right(self, OUTER, 1));
			CHECK(pids_are_right(self, OUTSIDE, 0));
			/* as deep as OUTER, but beside it */
			CHECK(pids_are_right(self, SIBLING, 9));
			pids = pids_at(2);
			CHECK(pids.pid == 1 && pids.ppid == 0);
			pids = pids_at(1);
			CHECK(pids.pid > 1 && pids.ppid > 1);
			_exit(0);
		}
		CHECK(child_wait(pid) == 0);
		CHECK(pids_are_right(self, OUTER, 1));
		CHECK(pids_are_right(self, OUTSIDE, 0));
		CHECK(pids_are_right(self, INNER, 9));
		CHECK(pids_are_right(self, SIBLING, 9));
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
	EXPECT_TRUE(pids_are_right(self, OUTSIDE, 0));
	EXPECT_TRUE(pids_are_right(self, OUTER, 9));
	EXPECT_TRUE(pids_are_right(self, INNER, 9));
	EXPECT_TRUE(pids_are_right(self, SIBLING, 9));
}

static __u64 clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* when the calling process was started, as /proc rounds it down */
static __u64 start_time(void)
{
	char stat[BUFFER_SIZE], *p;
	int field;

	CHECK(read_file("/proc/self/stat", stat, sizeof(stat)) > 0);
	p = strrchr(stat, ')');
	for (field = 2; field < 22; field++)
		p = strchr(p, ' ') + 1;
	return strtoull(p, NULL, 10) * (1000000000ULL / sysconf(_SC_CLK_TCK));
}

/* The next process gets the number. */
static pid_t fork_with_number(pid_t number)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", number - 1);
	CHECK(write_file("/proc/sys/kernel/ns_last_pid", text) == 0);
	return fork();
}

/* what a receiver would ask of the process that has the sender's number now */
static bool may_be_sender(const struct kdbus_msg *msg)
{
	const struct kdbus_pids *pids = &find(msg, KDBUS_ITEM_PIDS)->pids;
	__u64 sent = find(msg, KDBUS_ITEM_TIMESTAMP)->timestamp.monotonic_ns;

	/* /proc counts the time that the system slept, too */
	sent += clock_ns(CLOCK_BOOTTIME) - clock_ns(CLOCK_MONOTONIC);
	CHECK(pids->pid == (__u64)getpid());
	return start_time() <= sent;
}

/* A process with the number of the sender that is younger than the message */
TEST_F(nested, reused_number_can_be_told)
{
	const struct place place = { .flags = CLONE_NEWPID };
	pid_t pid = fork_sharing_files();
	const struct kdbus_msg *msg;
	__u64 sent;

	if (pid == 0) {
		go_to(&place);
		receive_here(self, INNER);
		pid = fork_with_number(42);
		if (pid == 0) {
			CHECK(getpid() == 42);
			msg = tell_view(self, &self->open, INNER);
			CHECK(msg && may_be_sender(msg));
			CHECK(send_bytes(&self->open, self->views[INNER].id, 1,
					 "x", 1) == 0);
			_exit(0);
		}
		CHECK(child_wait(pid) == 0);
		msg = receive(&self->views[INNER]);
		CHECK(msg);
		/* beyond what start times are rounded to */
		sent = find(msg, KDBUS_ITEM_TIMESTAMP)->timestamp.monotonic_ns;
		while (clock_ns(CLOCK_MONOTONIC) < sent + 30000000)
			sched_yield();
		pid = fork_with_number(42);
		if (pid == 0) {
			CHECK(!may_be_sender(msg));
			_exit(0);
		}
		CHECK(child_wait(pid) == 0);
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
}

/*
 * Users
 */

static bool user_is_right(FIXTURE_DATA(nested) *self, int view, __u64 uid,
			  __u64 permitted, __u64 bounding)
{
	const struct kdbus_msg *msg = tell_view(self, &self->open, view);
	const struct kdbus_creds creds = {
		uid, uid, uid, uid, uid, uid, uid, uid,
	};

	return msg && holds(msg, KDBUS_ITEM_CREDS, &creds, sizeof(creds)) &&
	       cap_set(msg, INHERITABLE) == 0 &&
	       cap_set(msg, PERMITTED) == permitted &&
	       cap_set(msg, EFFECTIVE) == permitted &&
	       cap_set(msg, BOUNDING) == bounding;
}

#define ALL_CAPS	all_caps(), all_caps()
#define NO_CAPS		0, 0
#define USUAL_CAPS	0, all_caps()	/* those of an ordinary user */

/* In OUTER, which Alice made, Bob is user 1; he made INNER. */
static const struct place outer_users = { .uid = ALICE, .ids = "0 11001 2\n" };
static const struct place inner_users = { .uid = 1, .ids = "0 1 1\n" };
static const struct place sibling_users = { .uid = ALICE,
					    .ids = "0 11003 2\n" };

static int from_sibling(FIXTURE_DATA(nested) *self)
{
	pid_t pid = fork_sharing_files();

	if (pid == 0) {
		go_to(&sibling_users);
		CHECK(setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0);
		/* the same ids, but another namespace */
		CHECK(user_is_right(self, SIBLING, 0, NO_CAPS));
		receive_here(self, SIBLING);
		CHECK(user_is_right(self, SIBLING, 0, ALL_CAPS));
		CHECK(user_is_right(self, OUTSIDE, 11003, NO_CAPS));
		CHECK(user_is_right(self, OUTER, OVERFLOW_ID, NO_CAPS));
		CHECK(user_is_right(self, INNER, OVERFLOW_ID, NO_CAPS));
		_exit(0);
	}
	return child_wait(pid);
}

static void __attribute__((noreturn)) from_inner(FIXTURE_DATA(nested) *self)
{
	go_to(&inner_users);
	receive_here(self, INNER);
	CHECK(user_is_right(self, INNER, 0, ALL_CAPS));
	CHECK(user_is_right(self, OUTER, 1, NO_CAPS));
	CHECK(user_is_right(self, OUTSIDE, BOB, NO_CAPS));
	CHECK(user_is_right(self, SIBLING, OVERFLOW_ID, NO_CAPS));
	_exit(0);
}

static int from_outer(FIXTURE_DATA(nested) *self)
{
	pid_t pid = fork_sharing_files();

	if (pid == 0) {
		go_to(&outer_users);
		receive_here(self, OUTER);
		pid = fork_sharing_files();
		if (pid == 0)
			from_inner(self);
		CHECK(child_wait(pid) == 0);
		CHECK(user_is_right(self, OUTER, 0, ALL_CAPS));
		/* somebody else made it, so it is not ~0 but what they are */
		CHECK(capability_drop(3) == 0);
		CHECK(user_is_right(self, INNER, OVERFLOW_ID,
				    all_caps() & ~8ULL, all_caps()));
		CHECK(user_is_right(self, OUTSIDE, ALICE, NO_CAPS));
		CHECK(user_is_right(self, SIBLING, OVERFLOW_ID, NO_CAPS));
		_exit(0);
	}
	return child_wait(pid);
}

TEST_F(nested, users_and_capabilities)
{
	pid_t pid;

	ASSERT_EQ(0, peer_from(&self->views[SIBLING], &self->domain,
			       &sibling_users));
	ASSERT_EQ(0, from_outer(self));
	ASSERT_EQ(0, from_sibling(self));

	/* root, who is nobody in there, can do everything there */
	EXPECT_TRUE(user_is_right(self, OUTSIDE, 0, ALL_CAPS));
	EXPECT_TRUE(user_is_right(self, OUTER, OVERFLOW_ID, ALL_CAPS));
	EXPECT_TRUE(user_is_right(self, INNER, OVERFLOW_ID, ALL_CAPS));
	EXPECT_TRUE(user_is_right(self, SIBLING, OVERFLOW_ID, ALL_CAPS));

	/* Alice made both OUTER and SIBLING. */
	pid = fork_as(ALICE, ALICE);
	if (pid == 0) {
		CHECK(user_is_right(self, OUTSIDE, ALICE, USUAL_CAPS));
		CHECK(user_is_right(self, OUTER, 0, ALL_CAPS));
		CHECK(user_is_right(self, INNER, OVERFLOW_ID, ALL_CAPS));
		CHECK(user_is_right(self, SIBLING, OVERFLOW_ID, ALL_CAPS));
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));

	/* Bob made INNER, but in OUTER, where he is not now. */
	pid = fork_as(BOB, BOB);
	if (pid == 0) {
		CHECK(user_is_right(self, OUTSIDE, BOB, USUAL_CAPS));
		CHECK(user_is_right(self, OUTER, 1, USUAL_CAPS));
		CHECK(user_is_right(self, INNER, 0, USUAL_CAPS));
		CHECK(user_is_right(self, SIBLING, OVERFLOW_ID, USUAL_CAPS));
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
}

KDBUS_HARNESS_MAIN
