// SPDX-License-Identifier: LGPL-2.1+
/*
 * HELLO: which of several mistakes it reports, who pays for the connection, and
 * that users are told apart by all 32 bits of their number.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "policy_util.h"
#include "kdbus_harness.h"

#define ACTIVATOR	KDBUS_HELLO_ACTIVATOR

/* where an unsigned number has become a signed one, or lost its highest bit */
#define HIGH		0x80000000U

FIXTURE(hello) {
	struct domain domain;
	struct domain *d;
	int ep;
	struct conn alice;	/* owns the bus */
};

static int max_conns(unsigned int n)
{
	const char *type = kdbus_fs_type();
	char path[96], text[16];
	ssize_t written;
	int fd;

	snprintf(path, sizeof(path),
		 "/sys/module/%.*s/parameters/max_conns_per_user",
		 (int)strlen(type) - 2, type);
	snprintf(text, sizeof(text), "%u", n);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	written = write(fd, text, strlen(text));
	close(fd);
	return written == (ssize_t)strlen(text) ? 0 : -EIO;
}

FIXTURE_SETUP(hello)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, policy_bus_new(self->d));
	self->ep = ep_new(self->d, "0-ep", NULL);
	ASSERT_LE(0, self->ep);
	ASSERT_EQ(0, conn_as(&self->alice, self->d, "bus", ALICE));
}

FIXTURE_TEARDOWN(hello)
{
	EXPECT_EQ(0, max_conns(1024));
	EXPECT_EQ(0, domain_leave(self->d));
}

/* What can be wrong, in the order in which it is looked at */
enum mistake {
	NONE,
	POOL,			/* no size of a pool */
	TYPES,			/* two types */
	NAMELESS,		/* needs a name */
	NO_NAME,		/* and this is none */
	ENDPOINT_TYPE,		/* no such type on this endpoint */
	RIGHT_TYPE,		/* no right to be of that type */
	RIGHT_FAKE,		/* no right to make things up */
	MASK,			/* unknown attach flags */
	IDS,			/* ids that nobody has */
	TOO_MANY,		/* for who pays */
	ACCESS,			/* no such access */
	TAKEN,			/* policy of another */
	RESULT,			/* cannot be written */
	N_MISTAKES
};

static const int errors[N_MISTAKES] = {
	[POOL] = -EINVAL, [TYPES] = -EINVAL, [NAMELESS] = -EINVAL,
	[NO_NAME] = -EINVAL, [ENDPOINT_TYPE] = -EOPNOTSUPP,
	[RIGHT_TYPE] = -EPERM, [RIGHT_FAKE] = -EPERM, [MASK] = -EINVAL,
	[IDS] = -EINVAL, [TOO_MANY] = -EMFILE, [ACCESS] = -EINVAL,
	[TAKEN] = -EEXIST, [RESULT] = -EFAULT,
};

/* Which cannot be made together, as one is the other way round */
static bool excludes(enum mistake a, enum mistake b)
{
	static const struct {
		enum mistake a, b;
	} rows[] = {
		/* a monitor is the only type in question there */
		{ TYPES, ENDPOINT_TYPE }, { NAMELESS, ENDPOINT_TYPE },
		{ NO_NAME, ENDPOINT_TYPE }, { ENDPOINT_TYPE, ACCESS },
		{ ENDPOINT_TYPE, TAKEN },
		/* nobody has rights on that endpoint, and nobody is asked */
		{ ENDPOINT_TYPE, IDS }, { ENDPOINT_TYPE, MASK },
		{ ENDPOINT_TYPE, TOO_MANY }, { ENDPOINT_TYPE, RESULT },
		{ NAMELESS, NO_NAME }, { NAMELESS, TAKEN }, { NO_NAME, TAKEN },
		{ NAMELESS, ACCESS },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if ((rows[i].a == a && rows[i].b == b) ||
		    (rows[i].a == b && rows[i].b == a))
			return true;
	return false;
}

/* All is well, but for these two */
static struct kdbus_cmd_hello *hello_wrong(enum mistake a, enum mistake b)
{
	static const struct kdbus_creds fake = { .uid = 1 };
	static const struct kdbus_pids nobody = { .pid = 0x7fffffff };
	struct kdbus_cmd_hello *cmd = hello_new(POOL_SIZE);

#define IS(_mistake)	(a == (_mistake) || b == (_mistake))
	cmd->flags = IS(ENDPOINT_TYPE) ? MONITOR : HOLDER;
	if (IS(POOL))
		cmd->pool_size++;
	if (IS(TYPES))
		cmd->flags |= ACTIVATOR;
	if (IS(NO_NAME))
		item_add_str(cmd, KDBUS_ITEM_NAME, "nodots");
	else if (!IS(NAMELESS) && !IS(ENDPOINT_TYPE))
		item_add_str(cmd, KDBUS_ITEM_NAME,
			     IS(TAKEN) ? "org.taken" : "org.free");
	if (IS(RIGHT_FAKE))
		item_add(cmd, KDBUS_ITEM_CREDS, &fake, sizeof(fake));
	if (IS(MASK))
		cmd->attach_flags_send = 1 << 14;
	if (IS(IDS))
		item_add(cmd, KDBUS_ITEM_PIDS, &nobody, sizeof(nobody));
	if (IS(ACCESS))
		access_add(cmd, 9, 9, 9);
#undef IS
	return cmd;
}

/* The argument, of which nothing behind return_flags can be written */
static void *read_only(const struct kdbus_cmd_hello *cmd)
{
	char *border = two_pages(PROT_READ | PROT_WRITE,
				 PROT_READ | PROT_WRITE);

	border += page_size();
	memcpy(border - 24, cmd, cmd->size);
	if (mprotect(border, page_size(), PROT_READ) < 0)
		abort();
	return border - 24;
}

static int try_wrong(const struct domain *d, enum mistake a, enum mistake b)
{
	struct kdbus_cmd_hello *cmd = hello_wrong(a, b);
	bool unwritable = a == RESULT || b == RESULT;
	/* root is privileged, Bob is not */
	uid_t uid = a == RIGHT_TYPE || a == RIGHT_FAKE || b == RIGHT_TYPE ||
		    b == RIGHT_FAKE ? BOB : 0;
	bool custom = a == ENDPOINT_TYPE || b == ENDPOINT_TYPE;
	int r, fd;

	if (max_conns(a == TOO_MANY || b == TOO_MANY ? 0 : 1024) < 0 ||
	    act_as(uid, uid) < 0)
		return 1;
	fd = open_ep(d, custom ? "0-ep" : "bus");
	r = cmd_run(fd, KDBUS_CMD_HELLO, unwritable ? read_only(cmd) : cmd);
	if (act_as_root() < 0 ||
	    /* nothing but the flags is written */
	    (r < 0 && (cmd->id != ~0ULL || cmd->offset != ~0ULL)))
		return 1;
	close(fd);
	return r;
}

TEST_F(hello, first_mistake_counts)
{
	struct conn holder;
	int a, b;

	ASSERT_EQ(0, holder_new(&holder, self->d, "org.taken"));
	EXPECT_EQ(0, try_wrong(self->d, NONE, NONE));
	for (a = POOL; a < N_MISTAKES; a++) {
		for (b = a; b < N_MISTAKES; b++) {
			if (excludes(a, b))
				continue;
			EXPECT_EQ(errors[a], try_wrong(self->d, a, b)) {
				TH_LOG("mistakes %d and %d", a, b);
			}
		}
	}
	EXPECT_EQ(0, try_wrong(self->d, NONE, NONE));
}

/* How many connections can be opened with these ids, up to two */
static int count(const struct domain *d, const char *ep, uid_t uid, uid_t euid)
{
	int i, fds[2];

	for (i = 0; i < 2; i++) {
		if (act_as(uid, euid) < 0)
			abort();
		fds[i] = open_ep(d, ep);
		if (act_as_root() < 0 || fds[i] < 0)
			abort();
		if (cmd_run(fds[i], KDBUS_CMD_HELLO, hello_new(page_size())) < 0)
			break;
	}
	close(fds[0]);
	if (i > 0)
		close(fds[1]);
	return i;
}

static int connect_as(const struct domain *d, uid_t uid, uid_t euid)
{
	int r, fd;

	r = act_as(uid, euid);
	fd = r < 0 ? r : open_ep(d, "bus");
	r = fd < 0 ? fd : cmd_run(fd, KDBUS_CMD_HELLO, hello_new(page_size()));
	return act_as_root() ?: r < 0 ? r : fd;
}

TEST_F(hello, real_user_who_opened_pays)
{
	int fd;

	ASSERT_EQ(0, max_conns(1));
	fd = connect_as(self->d, BOB, CAROL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, count(self->d, "bus", BOB, BOB));
	EXPECT_EQ(0, count(self->d, "bus", BOB, CAROL));
	EXPECT_EQ(1, count(self->d, "bus", CAROL, CAROL));
	EXPECT_EQ(1, count(self->d, "bus", CAROL, BOB));
	close(fd);
	EXPECT_EQ(1, count(self->d, "bus", BOB, CAROL));
}

TEST_F(hello, is_paid_for_until_the_file_is_closed)
{
	struct kdbus_cmd byebye = { .size = sizeof(byebye) };
	int fd;

	ASSERT_EQ(0, max_conns(1));
	fd = connect_as(self->d, BOB, BOB);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, count(self->d, "bus", BOB, BOB));
	ASSERT_EQ(0, cmd_run(fd, KDBUS_CMD_BYEBYE, &byebye));
	EXPECT_EQ(0, count(self->d, "bus", BOB, BOB));
	close(fd);
	EXPECT_EQ(1, count(self->d, "bus", BOB, BOB));
}

/* Each type of connection counts, and those of a custom endpoint elsewhere. */
TEST_F(hello, all_types_are_counted)
{
	static const __u64 types[] = { 0, ACTIVATOR, HOLDER, MONITOR };
	struct kdbus_cmd_hello *cmd;
	struct conn c;
	unsigned int i;
	int fd;

	/* this is root, who has no connection so far */
	ASSERT_EQ(0, max_conns(1));
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		EXPECT_EQ(1, count(self->d, "bus", 0, 0));
		cmd = hello_new(POOL_SIZE);
		cmd->flags = types[i];
		if (types[i] == ACTIVATOR || types[i] == HOLDER)
			item_add_str(cmd, KDBUS_ITEM_NAME, "org.a");
		fd = open_ep(self->d, "bus");
		ASSERT_EQ(0, say_hello(&c, fd, cmd));
		EXPECT_EQ(0, count(self->d, "bus", 0, 0)) {
			TH_LOG("type %llx", types[i]);
		}
		EXPECT_EQ(1, count(self->d, "0-ep", 0, 0));
		conn_close(&c);
	}
}

TEST_F(hello, users_have_32_bits)
{
	static const uid_t uids[] = {
		1, HIGH | 1, HIGH, BOB, HIGH | BOB, 0xfffffffeU, 0x7ffffffeU,
	};
	unsigned int i;

	ASSERT_EQ(0, max_conns(1));
	for (i = 0; i < ARRAY_SIZE(uids); i++) {
		EXPECT_EQ(1, count(self->d, "bus", uids[i], uids[i])) {
			TH_LOG("user %u", uids[i]);
		}
		EXPECT_LE(0, connect_as(self->d, uids[i], uids[i])) {
			TH_LOG("user %u", uids[i]);
		}
		EXPECT_EQ(0, count(self->d, "bus", uids[i], uids[i]));
	}
}

/* So do those who send, and those whom a policy is for. */
TEST_F(hello, users_with_32_bits_share_nothing)
{
	static const uid_t uids[] = { BOB, HIGH | BOB };
	struct conn conns[2], holder[2];
	unsigned int i, n;

	ASSERT_EQ(0, holder_new(&holder[0], self->d, "org.a w:talk"));
	ASSERT_EQ(0, holder_new(&holder[1], self->d,
				"org.b u2147494650:own g2147494657:own"));
	ASSERT_EQ(HIGH | BOB, 2147494650U);
	ASSERT_EQ(HIGH | STAFF, 2147494657U);
	ASSERT_LT(0, name_acquire(&self->alice, "org.a", 0));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, conn_as(&conns[i], self->d, "bus", uids[i]));
		ASSERT_EQ(0, act_as(uids[i], uids[i]));
		for (n = 0; n < MAX_QUEUED; n++)
			ASSERT_EQ(0, send_cookie(&conns[i], self->alice.id, 1));
		EXPECT_EQ(-ENOBUFS, send_cookie(&conns[i], self->alice.id, 1));
		ASSERT_EQ(0, act_as_root());
	}
	/* nobody is open to a namesake */
	EXPECT_EQ(-EPERM, talk_as(&conns[0], BOB, &conns[1]));
	EXPECT_EQ(-EPERM, talk_as(&conns[1], HIGH | BOB, &conns[0]));

	EXPECT_EQ(-EPERM, acquire_as(&conns[0], BOB, "org.b"));
	EXPECT_EQ(PRIMARY | ACQUIRED, acquire_as(&conns[1], HIGH | BOB,
						 "org.b"));
	ASSERT_EQ(0, act_as_group(CAROL, STAFF, 1));
	EXPECT_EQ(-EPERM, name_acquire(&conns[1], "org.b", 0));
	ASSERT_EQ(0, act_as_root());
	ASSERT_EQ(0, act_as_group(CAROL, HIGH | STAFF, 1));
	EXPECT_EQ(PRIMARY, name_acquire(&conns[1], "org.b", 0));
	ASSERT_EQ(0, act_as_root());
	ASSERT_EQ(0, act_as_group(CAROL, 1, HIGH | STAFF));
	EXPECT_EQ(PRIMARY, name_acquire(&conns[1], "org.b", 0));
	ASSERT_EQ(0, act_as_root());
}

#define CGROUP	"/sys/fs/cgroup/kdbus-hello"

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = write(fd, text, strlen(text));

	close(fd);
	return n < 0 ? -errno : 0;
}

/* Bytes of kernel memory of this cgroup that nobody can take back; 0: unknown */
static unsigned long kernel_memory(void)
{
	FILE *file = fopen(CGROUP "/memory.stat", "re");
	unsigned long bytes = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "slab_unreclaimable %lu", &bytes) == 1)
			break;
	if (file)
		fclose(file);
	return bytes;
}

/* Nothing is kept of a user who was here once. */
TEST_F(hello, accounts_end_with_the_last_connection)
{
	enum { N_USERS = 4000 };
	unsigned long before;
	unsigned int i;
	pid_t pid;

	/* with KASAN beside it, memory that was freed is kept for a while */
	if (access("/sys/kernel/debug/kmemleak", F_OK) == 0)
		SKIP(return, "this kernel is made to check memory");
	if (mkdir(CGROUP, 0755) < 0)
		SKIP(return, "no cgroups");
	pid = fork_as(0, 0);
	if (pid == 0) {
		CHECK(write_file(CGROUP "/cgroup.procs", "0") == 0);
		/* what is done for the first time needs more */
		for (i = 0; i < 100; i++)
			close(connect_as(self->d, 50000 + i, 50000 + i));
		before = kernel_memory();
		if (!before)
			_exit(4);
		for (i = 0; i < N_USERS; i++)
			close(connect_as(self->d, 100000 + i, 100000 + i));
		/* memory is freed late, and counted even later */
		while (kernel_memory() > before + 32 * N_USERS)
			usleep(10000);
		_exit(0);
	}
	i = child_wait(pid);
	rmdir(CGROUP);
	if (i == 4)
		SKIP(return, "no memory cgroups");
	EXPECT_EQ(0, i);
}

KDBUS_HARNESS_MAIN
