// SPDX-License-Identifier: LGPL-2.1+
/*
 * CONN_INFO: which connection is meant, what is told of it, from when that is,
 * and what happens if it cannot be told.
 */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#include "metadata_util.h"
#include "kdbus_harness.h"

#define ANY	_KDBUS_ATTACH_ANY
#define INFO	(_KDBUS_ATTACH_ALL & ~KDBUS_ATTACH_TIMESTAMP)
#define NAME	"org.example.one"

FIXTURE(info) {
	struct domain domain;
	int bus;
	struct conn open;	/* gives everything */
	struct conn closed;	/* gives nothing */
	struct conn asker;
};

FIXTURE_SETUP(info)
{
	ASSERT_EQ(0, domain_mount(&self->domain, 0, NULL));
	self->bus = bus_new(&self->domain, "0-bus", KDBUS_MAKE_ACCESS_WORLD);
	ASSERT_LE(0, self->bus);
	ASSERT_EQ(0, peer_new(&self->open, &self->domain, ANY, 0, "open"));
	ASSERT_EQ(0, peer_new(&self->closed, &self->domain, 0, 0, "closed"));
	ASSERT_EQ(0, peer_new(&self->asker, &self->domain, 0, 0, NULL));
}

FIXTURE_TEARDOWN(info)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

static int name_run(const struct conn *c, unsigned int nr, const char *name,
		    __u64 flags)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	int r;

	cmd->flags = flags;
	item_add_str(cmd, KDBUS_ITEM_NAME, name);
	r = cmd_run(c->fd, nr, cmd);
	free(cmd);
	return r;
}

static int acquire(const struct conn *c, const char *name, __u64 flags)
{
	return name_run(c, KDBUS_CMD_NAME_ACQUIRE, name, flags);
}

static int ask_errno(const struct conn *c, __u64 id, const char *name,
		     __u64 flags)
{
	struct kdbus_cmd_info *cmd = info_new(id, name, flags);
	int r = cmd_run(c->fd, KDBUS_CMD_CONN_INFO, cmd);

	if (r == 0)
		conn_free(c, cmd->offset);
	else if (cmd->offset != 0xa5a5a5a5a5a5a5a5ULL ||
		 cmd->info_size != 0xa5a5a5a5a5a5a5a5ULL)
		r = -EPROTO;
	free(cmd);
	return r;
}

TEST_F(info, says_who_is_meant)
{
	const __u64 id = self->open.id, other = self->closed.id;
	const __u64 none = self->asker.id + 1000;
	const struct {
		__u64 id;
		const char *name;
		__u64 flags;
		int expected;
	} rows[] = {
		{ 0, NULL, 0, -EINVAL },
		{ 0, NAME, 0, 0 },
		{ id, NAME, 0, 0 },
		{ id, NULL, 0, 0 },
		{ other, NULL, 0, 0 },
		{ self->asker.id, NULL, 0, 0 },
		{ 0, "org.example.none", 0, -ESRCH },
		{ id, "org.example.none", 0, -ESRCH },
		{ none, "org.example.none", 0, -ESRCH },
		{ other, NAME, 0, -ESRCH },
		{ none, NAME, 0, -ESRCH },
		{ ~0ULL, NAME, 0, -ESRCH },
		{ none, NULL, 0, -ENXIO },
		{ ~0ULL, NULL, 0, -ENXIO },
		{ id | 1ULL << 32, NULL, 0, -ENXIO },
		{ id | 1ULL << 63, NULL, 0, -ENXIO },
		/* the grammar is not checked */
		{ 0, "", 0, -ESRCH },
		{ 0, "nodot", 0, -ESRCH },
		{ 0, "org.example.*", 0, -ESRCH },
		{ 0, "org..example", 0, -ESRCH },
		{ 0, "org.example.one.", 0, -ESRCH },
		{ 0, "org.example.on", 0, -ESRCH },
		/* the flags come first */
		{ 0, NULL, 1 << 14, -EINVAL },
		{ none, NULL, 1 << 14, -EINVAL },
		{ 0, "org.example.none", 1 << 14, -EINVAL },
		{ id, NULL, 1ULL << 63, -EINVAL },
		{ id, NULL, ~0ULL - 1, -EINVAL },
		{ id, NULL, ~0ULL, 0 },
		{ id, NULL, 0x3fff, 0 },
	};
	unsigned int i;

	ASSERT_EQ(0, acquire(&self->open, NAME, 0));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(rows[i].expected,
			  ask_errno(&self->asker, rows[i].id, rows[i].name,
				    rows[i].flags)) {
			TH_LOG("row %u", i);
		}
	}
}

TEST_F(info, takes_one_name_and_no_flags)
{
	struct kdbus_cmd_info *cmd;
	unsigned int i;

	cmd = info_new(self->open.id, NULL, 0);
	item_add_str(cmd, KDBUS_ITEM_NAME, "org.example.one");
	item_add_str(cmd, KDBUS_ITEM_NAME, "org.example.one");
	EXPECT_EQ(-EINVAL, cmd_run(self->asker.fd, KDBUS_CMD_CONN_INFO, cmd));
	EXPECT_EQ(0, cmd->return_flags);
	cmd = info_new(self->open.id, NULL, 0);
	item_add(cmd, KDBUS_ITEM_NAME, "a\0b", 4);
	EXPECT_EQ(-EINVAL, cmd_run(self->asker.fd, KDBUS_CMD_CONN_INFO, cmd));
	cmd = info_new(self->open.id, NULL, 0);
	item_add_str(cmd, KDBUS_ITEM_DST_NAME, "org.example.one");
	EXPECT_EQ(-EINVAL, cmd_run(self->asker.fd, KDBUS_CMD_CONN_INFO, cmd));
	for (i = 0; i < 63; i++) {
		cmd = info_new(self->open.id, NULL, 0);
		cmd->flags = 1ULL << i;
		EXPECT_EQ(-EINVAL, cmd_run(self->asker.fd, KDBUS_CMD_CONN_INFO,
					   cmd));
	}
	cmd = info_new(0, NULL, ~0ULL - 1);
	cmd->flags = KDBUS_FLAG_NEGOTIATE;
	EXPECT_EQ(0, cmd_run(self->asker.fd, KDBUS_CMD_CONN_INFO, cmd));
	EXPECT_EQ(0, cmd->flags);
	EXPECT_EQ(0xa5a5a5a5a5a5a5a5ULL, cmd->offset);
}

TEST_F(info, needs_a_living_connection)
{
	struct conn c;
	int fd = open_endpoint(&self->domain, "0-bus");

	EXPECT_EQ(-EBADFD, cmd_run(fd, KDBUS_CMD_CONN_INFO, NULL));
	EXPECT_EQ(-EBADFD, cmd_run(self->bus, KDBUS_CMD_CONN_INFO, NULL));
	EXPECT_EQ(-EFAULT, cmd_run(self->asker.fd, KDBUS_CMD_CONN_INFO, NULL));
	ASSERT_EQ(0, conn_new(&c, &self->domain, "0-bus"));
	ASSERT_EQ(0, acquire(&c, NAME, 0));
	ASSERT_EQ(0, ask_errno(&self->asker, c.id, NAME, 0));
	ASSERT_EQ(0, conn_byebye(&c));
	EXPECT_EQ(-ECONNRESET, ask_errno(&c, self->open.id, NULL, 0));
	EXPECT_EQ(-ENXIO, ask_errno(&self->asker, c.id, NULL, 0));
	EXPECT_EQ(-ESRCH, ask_errno(&self->asker, 0, NAME, 0));
	EXPECT_EQ(-ESRCH, ask_errno(&self->asker, c.id, NAME, 0));
}

TEST_F(info, says_what_proc_said_at_hello)
{
	const struct kdbus_msg *msg;

	ASSERT_EQ(0, acquire(&self->open, NAME, 0));
	msg = ask_about(&self->asker, &self->open, ANY);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(self->open.id, msg->src_id);
	EXPECT_EQ((available() | KDBUS_ATTACH_NAMES) & INFO, attached(msg));
	EXPECT_EQ(0, count_wrong(msg));
	EXPECT_TRUE(holds_str(msg, KDBUS_ITEM_CONN_DESCRIPTION, "open"));
	EXPECT_EQ(KDBUS_NAME_PRIMARY,
		  find(msg, KDBUS_ITEM_OWNED_NAME)->name.flags);
	EXPECT_STREQ(NAME, find(msg, KDBUS_ITEM_OWNED_NAME)->name.name);

	/* by name it is the same */
	msg = ask(&self->asker, KDBUS_CMD_CONN_INFO, info_new(0, NAME, ANY));
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(self->open.id, msg->src_id);
	EXPECT_EQ(0, count_wrong(msg));
}

TEST_F(info, flags_are_those_of_hello)
{
	static const __u64 flags[] = { 0, KDBUS_HELLO_ACCEPT_FD };
	struct kdbus_cmd_hello *hello;
	const struct kdbus_msg *msg;
	struct conn c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		hello = hello_new(META_POOL);
		hello->flags = flags[i];
		c.fd = open_endpoint(&self->domain, "0-bus");
		ASSERT_EQ(0, cmd_run(c.fd, KDBUS_CMD_HELLO, hello));
		c.id = hello->id;
		msg = ask_about(&self->asker, &c, 0);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(c.id, msg->src_id);
		EXPECT_EQ(flags[i], msg->flags);
		EXPECT_EQ(sizeof(*msg), msg->size);
	}
}

/* Unlike in messages there is nothing that cannot be withheld. */
TEST_F(info, tells_what_both_sides_agree_to)
{
	const __u64 all = (available() | KDBUS_ATTACH_NAMES) & INFO;
	struct conn some;
	const struct kdbus_msg *msg;
	__u64 bit;

	ASSERT_EQ(0, acquire(&self->open, NAME, 0));
	ASSERT_EQ(0, acquire(&self->closed, "org.example.two", 0));
	EXPECT_EQ(all, known(&self->asker, &self->open));
	EXPECT_EQ(0, known(&self->asker, &self->closed));
	EXPECT_EQ(0, known(&self->closed, &self->closed));

	for (bit = 1; bit <= KDBUS_ATTACH_CONN_DESCRIPTION; bit <<= 1) {
		msg = ask_about(&self->asker, &self->open, bit);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(bit & all, attached(msg)) {
			TH_LOG("asked for %llx", bit);
		}
		msg = ask_about(&self->asker, &self->open,
				_KDBUS_ATTACH_ALL & ~bit);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(all & ~bit, attached(msg));

		ASSERT_EQ(0, peer_new(&some, &self->domain, bit, 0, "some"));
		EXPECT_EQ(bit & all & ~KDBUS_ATTACH_NAMES,
			  known(&self->asker, &some)) {
			TH_LOG("gives %llx", bit);
		}
		conn_close(&some);
	}
}

TEST_F(info, update_counts_at_once)
{
	const __u64 mask = KDBUS_ATTACH_CREDS | KDBUS_ATTACH_TID_COMM;
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	struct kdbus_item *item;

	item = item_add(cmd, KDBUS_ITEM_ATTACH_FLAGS_SEND, &mask, sizeof(mask));
	ASSERT_EQ(0, cmd_run(self->closed.fd, KDBUS_CMD_UPDATE, cmd));
	EXPECT_EQ(mask, known(&self->asker, &self->closed));
	item->data64[0] = 0;
	ASSERT_EQ(0, cmd_run(self->closed.fd, KDBUS_CMD_UPDATE, cmd));
	EXPECT_EQ(0, known(&self->asker, &self->closed));
}

TEST_F(info, administrator_may_forbid_items)
{
	const char *mask = parameter("attach_flags_mask");

	ASSERT_EQ(0, write_file(mask, "0x26"));
	EXPECT_EQ(KDBUS_ATTACH_CREDS | KDBUS_ATTACH_PIDS |
		  KDBUS_ATTACH_TID_COMM, known(&self->asker, &self->open));
	ASSERT_EQ(0, write_file(mask, "0"));
	EXPECT_EQ(0, known(&self->asker, &self->open));
	ASSERT_EQ(0, write_file(mask, "0xffffffffffffffff"));
	EXPECT_EQ(available() & INFO, known(&self->asker, &self->open));
}

/* The task may be another one, or none. */
TEST_F(info, task_is_that_of_hello)
{
	struct kdbus_pids pids = { .ppid = getpid() };
	const struct kdbus_msg *msg;
	struct conn *c;
	pid_t pid;

	c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork_sharing_files();
	if (pid == 0) {
		CHECK(become(ALICE, BOB) == 0);
		CHECK(prctl(PR_SET_NAME, "early") == 0);
		CHECK(peer_new(c, &self->domain, ANY, 0, NULL) == 0);
		CHECK(prctl(PR_SET_NAME, "late") == 0);
		msg = ask_about(c, c, ANY);
		CHECK(msg && holds_str(msg, KDBUS_ITEM_TID_COMM, "early"));
		CHECK(holds_str(msg, KDBUS_ITEM_PID_COMM, "early"));
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));

	msg = ask_about(&self->asker, c, ANY);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(holds_str(msg, KDBUS_ITEM_TID_COMM, "early"));
	EXPECT_EQ(ALICE, find(msg, KDBUS_ITEM_CREDS)->creds.uid);
	EXPECT_EQ(ALICE, find(msg, KDBUS_ITEM_CREDS)->creds.fsuid);
	EXPECT_EQ(BOB, find(msg, KDBUS_ITEM_CREDS)->creds.egid);
	pids.pid = pid;
	pids.tid = pid;
	EXPECT_TRUE(holds(msg, KDBUS_ITEM_PIDS, &pids, sizeof(pids)));
	EXPECT_EQ(0, cap_set(msg, EFFECTIVE));
	EXPECT_EQ(all_caps(), cap_set(msg, BOUNDING));
}

TEST_F(info, threads_are_told_apart)
{
	const struct kdbus_msg *msg;
	struct conn c;
	pid_t pid = fork_as(0, 0);

	if (pid == 0) {
		CHECK(prctl(PR_SET_NAME, "leader") == 0);
		CHECK(peer_new(&c, &self->domain, ANY, 0, NULL) == 0);
		msg = ask_about(&self->asker, &c, ANY);
		CHECK(msg && count_wrong(msg) == 0);
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
}

TEST_F(info, names_are_those_of_the_moment)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;

	ASSERT_EQ(0, acquire(&self->closed, "org.example.taken", 0));
	ASSERT_EQ(0, acquire(&self->open, "org.example.b", 0));
	ASSERT_EQ(0, acquire(&self->open, "org.example.taken",
			     KDBUS_NAME_QUEUE));
	ASSERT_EQ(0, acquire(&self->open, "org.example.a",
			     KDBUS_NAME_ALLOW_REPLACEMENT));

	msg = ask_about(&self->asker, &self->open, KDBUS_ATTACH_NAMES);
	ASSERT_NE(NULL, msg);
	item = msg->items;
	EXPECT_STREQ("org.example.b", item->name.name);
	EXPECT_EQ(KDBUS_NAME_PRIMARY, item->name.flags);
	item = item_next(item);
	EXPECT_STREQ("org.example.a", item->name.name);
	EXPECT_EQ(KDBUS_NAME_PRIMARY | KDBUS_NAME_ALLOW_REPLACEMENT,
		  item->name.flags);
	EXPECT_EQ((__u8 *)msg + msg->size, (__u8 *)item_next(item));
	/* it waits for the name, so it cannot be found by it */
	EXPECT_EQ(-ESRCH, ask_errno(&self->asker, self->open.id,
				    "org.example.taken", 0));

	ASSERT_EQ(0, name_run(&self->open, KDBUS_CMD_NAME_RELEASE,
			      "org.example.b", 0));
	ASSERT_EQ(0, name_run(&self->closed, KDBUS_CMD_NAME_RELEASE,
			      "org.example.taken", 0));
	msg = ask_about(&self->asker, &self->open, KDBUS_ATTACH_NAMES);
	ASSERT_NE(NULL, msg);
	EXPECT_STREQ("org.example.taken", msg->items[0].name.name);
	EXPECT_EQ(0, ask_errno(&self->asker, self->open.id,
			       "org.example.taken", 0));
}

TEST_F(info, may_be_asked_by_anybody)
{
	const struct kdbus_msg *msg;
	struct conn c;
	pid_t pid = fork_as(ALICE, ALICE);

	if (pid == 0) {
		CHECK(peer_new(&c, &self->domain, 0, 0, NULL) == 0);
		msg = ask_about(&c, &self->open, ANY);
		CHECK(msg && attached(msg) == (available() & INFO));
		CHECK(find(msg, KDBUS_ITEM_CREDS)->creds.euid == 0);
		CHECK(known(&c, &self->closed) == 0);
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
}

static int monitor_new(struct conn *c, const struct domain *d)
{
	struct kdbus_cmd_hello *hello = hello_new(META_POOL);

	hello->flags = KDBUS_HELLO_MONITOR;
	hello->attach_flags_send = ANY;
	c->fd = open_endpoint(d, "0-bus");
	c->pool_size = META_POOL;
	if (cmd_run(c->fd, KDBUS_CMD_HELLO, hello) < 0)
		return -1;
	c->id = hello->id;
	c->pool = mmap(NULL, META_POOL, PROT_READ, MAP_SHARED, c->fd, 0);
	return c->pool == MAP_FAILED ? -1 : 0;
}

/* They are found by those who may see everything, and by themselves. */
TEST_F(info, monitors_are_hidden_from_strangers)
{
	const struct kdbus_msg *msg;
	struct conn c, mon;
	pid_t pid;

	ASSERT_EQ(0, monitor_new(&mon, &self->domain));
	msg = ask_about(&mon, &mon, ANY);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(KDBUS_HELLO_MONITOR, msg->flags);
	EXPECT_EQ(available() & INFO & ~KDBUS_ATTACH_CONN_DESCRIPTION,
		  known(&self->asker, &mon));
	EXPECT_EQ(available() & INFO, known(&mon, &self->open));

	pid = fork_as(ALICE, ALICE);
	if (pid == 0) {
		CHECK(peer_new(&c, &self->domain, 0, 0, NULL) == 0);
		CHECK(ask_errno(&c, mon.id, NULL, 0) == -ENXIO);
		CHECK(ask_errno(&c, mon.id, NULL, ANY) == -ENXIO);
		CHECK(ask_errno(&c, self->open.id, NULL, 0) == 0);
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
}

/* Who cannot be addressed can be asked about. */
TEST_F(info, all_types_are_found)
{
	static const __u64 types[] = {
		KDBUS_HELLO_ACTIVATOR, KDBUS_HELLO_POLICY_HOLDER,
	};
	struct kdbus_cmd_hello *hello;
	const struct kdbus_msg *msg;
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		hello = hello_new(META_POOL);
		hello->flags = types[i];
		hello->attach_flags_send = KDBUS_ATTACH_NAMES;
		item_add_str(hello, KDBUS_ITEM_NAME, NAME);
		fd = open_endpoint(&self->domain, "0-bus");
		ASSERT_EQ(0, cmd_run(fd, KDBUS_CMD_HELLO, hello));
		msg = ask(&self->asker, KDBUS_CMD_CONN_INFO,
			  info_new(hello->id, NULL, ANY));
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(types[i], msg->flags);
		EXPECT_EQ(i == 0 ? KDBUS_ATTACH_NAMES : 0, attached(msg));
		/* a policy holder has no name */
		EXPECT_EQ(i == 0 ? 0 : -ESRCH,
			  ask_errno(&self->asker, hello->id, NAME, 0));
		EXPECT_EQ(i == 0 ? 0 : -ESRCH,
			  ask_errno(&self->asker, 0, NAME, 0));
		if (i == 0) {
			EXPECT_EQ(KDBUS_NAME_ACTIVATOR | KDBUS_NAME_PRIMARY,
				  msg->items[0].name.flags);
			/* behind an owner it is not found by its name */
			ASSERT_EQ(0, acquire(&self->open, NAME, 0));
			EXPECT_EQ(-ESRCH, ask_errno(&self->asker, hello->id,
						    NAME, 0));
			ASSERT_EQ(0, name_run(&self->open,
					      KDBUS_CMD_NAME_RELEASE, NAME, 0));
			EXPECT_EQ(0, ask_errno(&self->asker, hello->id, NAME,
					       0));
		}
		close(fd);
	}
}

TEST_F(info, full_pool_is_an_error)
{
	struct kdbus_cmd_info *cmd = info_new(self->open.id, NULL, 0);
	struct kdbus_cmd_hello *hello = hello_new(page_size());
	struct conn c = { .fd = open_endpoint(&self->domain, "0-bus") };
	int i, n = 0, r;

	ASSERT_EQ(0, cmd_run(c.fd, KDBUS_CMD_HELLO, hello));
	while ((r = cmd_run(c.fd, KDBUS_CMD_CONN_INFO, cmd)) == 0) {
		ASSERT_GT(page_size() / 24, n++);
	}
	EXPECT_EQ(-EXFULL, r);
	EXPECT_EQ((page_size() - 32) / 24, n);
	cmd = info_new(self->open.id, NULL, 0);
	EXPECT_EQ(-EXFULL, cmd_run(c.fd, KDBUS_CMD_CONN_INFO, cmd));
	EXPECT_EQ(0xa5a5a5a5a5a5a5a5ULL, cmd->offset);

	/* nothing gets lost */
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, conn_free(&c, 32));
		ASSERT_EQ(0, cmd_run(c.fd, KDBUS_CMD_CONN_INFO, cmd));
		ASSERT_EQ(32, cmd->offset);
	}
}

/* A slice that cannot be reported takes no room. */
TEST_F(info, result_that_cannot_be_written_is_taken_back)
{
	static const size_t writable[] = { 24, 40, 48 };
	struct kdbus_cmd_hello *hello = hello_new(page_size());
	struct conn c = { .fd = open_endpoint(&self->domain, "0-bus") };
	struct kdbus_cmd_info *cmd = info_new(self->open.id, NULL, 0);
	__u8 *border;
	unsigned int i, n;

	ASSERT_EQ(0, cmd_run(c.fd, KDBUS_CMD_HELLO, hello));
	for (i = 0; i < ARRAY_SIZE(writable); i++) {
		border = two_pages(PROT_READ | PROT_WRITE,
				   PROT_READ | PROT_WRITE);
		border += page_size();
		memcpy(border - writable[i], cmd, sizeof(*cmd));
		ASSERT_EQ(0, mprotect(border, page_size(), PROT_READ));
		for (n = 0; n < 500; n++) {
			ASSERT_EQ(-EFAULT,
				  cmd_run(c.fd, KDBUS_CMD_CONN_INFO,
					  border - writable[i]));
		}
	}
	EXPECT_EQ(0, cmd_run(c.fd, KDBUS_CMD_CONN_INFO, cmd));
	EXPECT_EQ(32, cmd->offset);
}

/* How many times depends on the machine. */
#define N_QUESTIONS	2000
#define N_SECONDS	5

struct swap {
	const struct conn *conns[2];
	bool stop;
};

static void *swap(void *arg)
{
	struct swap *swap = arg;
	unsigned int i = 0;

	while (!__atomic_load_n(&swap->stop, __ATOMIC_RELAXED))
		CHECK(acquire(swap->conns[++i % 2], NAME,
			      KDBUS_NAME_ALLOW_REPLACEMENT | KDBUS_NAME_QUEUE |
			      KDBUS_NAME_REPLACE_EXISTING) == 0);
	return NULL;
}

/* Whoever has a name is told to have it, also while it changes hands. */
TEST_F(info, is_of_one_moment)
{
	const time_t end = time(NULL) + N_SECONDS;
	struct swap state = { .conns = { &self->open } };
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	unsigned int i, seen[2] = {};
	struct conn other;
	pthread_t thread;

	ASSERT_EQ(0, peer_new(&other, &self->domain, ANY, 0, NULL));
	state.conns[1] = &other;
	ASSERT_EQ(0, acquire(&other, NAME, KDBUS_NAME_ALLOW_REPLACEMENT |
					   KDBUS_NAME_QUEUE));
	ASSERT_EQ(0, acquire(&self->open, NAME, KDBUS_NAME_ALLOW_REPLACEMENT |
						KDBUS_NAME_QUEUE));
	ASSERT_EQ(0, pthread_create(&thread, NULL, swap, &state));
	for (i = 0; i < N_QUESTIONS && time(NULL) < end; i++) {
		msg = ask(&self->asker, KDBUS_CMD_CONN_INFO,
			  info_new(0, NAME, KDBUS_ATTACH_NAMES));
		ASSERT_NE(NULL, msg);
		seen[msg->src_id == other.id]++;
		item = find(msg, KDBUS_ITEM_OWNED_NAME);
		ASSERT_NE(NULL, item);
		ASSERT_STREQ(NAME, item->name.name);
		ASSERT_EQ(KDBUS_NAME_PRIMARY | KDBUS_NAME_QUEUE |
			  KDBUS_NAME_ALLOW_REPLACEMENT, item->name.flags);
	}
	__atomic_store_n(&state.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	TH_LOG("%u times the one, %u times the other", seen[0], seen[1]);
}

/* An argument area that cannot be read is no reason to refuse HELLO. */
TEST_F(info, what_cannot_be_had_is_absent)
{
	const struct kdbus_msg *msg;
	struct conn c;
	char *pages;
	pid_t pid = fork_as(0, 0);

	if (pid == 0) {
		pages = two_pages(PROT_NONE, PROT_NONE);
		CHECK(set_command_line(pages, 9) == 0);
		CHECK(peer_new(&c, &self->domain, ANY, 0, NULL) == 0);
		msg = ask_about(&self->asker, &c, ANY);
		CHECK(msg);
		CHECK(attached(msg) == (available() & INFO &
					~KDBUS_ATTACH_CONN_DESCRIPTION &
					~KDBUS_ATTACH_CMDLINE));
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
}

KDBUS_HARNESS_MAIN
