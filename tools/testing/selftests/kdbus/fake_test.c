// SPDX-License-Identifier: LGPL-2.1+
/*
 * Made-up credentials, process ids and labels: who may say HELLO with them,
 * what is checked, what others are told, and who pays.
 */

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "metadata_util.h"
#include "kdbus_harness.h"

#define ANY	_KDBUS_ATTACH_ANY
#define UNSET	0xffffffffULL
#define CAP_IPC_OWNER	15

/* the bus is Alice's */
FIXTURE(fake) {
	struct domain domain;
	int bus;
	struct conn root;
};

static int bus_of(const struct domain *d, uid_t uid)
{
	int r, fd;

	if (setresuid(uid, uid, 0) < 0)
		return -errno;
	fd = open_control(d);
	r = bus_make(fd, "11001-bus", KDBUS_MAKE_ACCESS_WORLD);
	if (setresuid(0, 0, 0) < 0)
		return -errno;
	return r < 0 ? r : fd;
}

static struct kdbus_cmd_hello *fake_new(const struct kdbus_creds *creds,
					const struct kdbus_pids *pids,
					const char *label)
{
	struct kdbus_cmd_hello *hello = hello_new(POOL_SIZE);

	hello->attach_flags_send = ANY;
	hello->attach_flags_recv = ANY;
	if (creds)
		item_add(hello, KDBUS_ITEM_CREDS, creds, sizeof(*creds));
	if (pids)
		item_add(hello, KDBUS_ITEM_PIDS, pids, sizeof(*pids));
	if (label)
		item_add_str(hello, KDBUS_ITEM_SECLABEL, label);
	return hello;
}

static int connect_to(struct conn *c, int fd, struct kdbus_cmd_hello *hello)
{
	int r = cmd_run(fd, KDBUS_CMD_HELLO, hello);

	if (r < 0)
		return r;
	c->fd = fd;
	c->id = hello->id;
	c->pool_size = POOL_SIZE;
	c->pool = mmap(NULL, POOL_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	free(hello);
	return c->pool == MAP_FAILED ? -errno : 0;
}

static int fake(struct conn *c, const struct domain *d,
		const struct kdbus_creds *creds, const struct kdbus_pids *pids,
		const char *label)
{
	return connect_to(c, open_endpoint(d, "11001-bus"),
			  fake_new(creds, pids, label));
}

FIXTURE_SETUP(fake)
{
	ASSERT_EQ(0, domain_mount(&self->domain, 0, NULL));
	self->bus = bus_of(&self->domain, ALICE);
	ASSERT_LE(0, self->bus);
	ASSERT_EQ(0, fake(&self->root, &self->domain, NULL, NULL, NULL));
}

FIXTURE_TEARDOWN(fake)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

static const struct kdbus_creds some_creds = { 1, 2, 3, 4, 5, 6, 7, 8 };
static const struct kdbus_pids some_pids = { 1, 0, 1 };

TEST_F(fake, only_owners_of_the_bus_may)
{
	static const struct {
		uid_t uid;
		bool privileged;
		int expected;
	} rows[] = {
		{ 0, true, 0 },
		{ 0, false, -EPERM },	/* root is not the owner */
		{ ALICE, false, 0 },
		{ BOB, false, -EPERM },
	};
	unsigned int i, kind;
	struct conn c;
	pid_t pid;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		pid = fork_as(0, 0);
		if (pid == 0) {
			if (rows[i].uid)
				CHECK(become(rows[i].uid, rows[i].uid) == 0);
			else if (!rows[i].privileged)
				CHECK(capability_drop(CAP_IPC_OWNER) == 0);
			for (kind = 0; kind < 3; kind++)
				CHECK(fake(&c, &self->domain,
					   kind == 0 ? &some_creds : NULL,
					   kind == 1 ? &some_pids : NULL,
					   kind == 2 ? "label" : NULL) ==
				      rows[i].expected);
			CHECK(fake(&c, &self->domain, NULL, NULL, NULL) == 0);
			_exit(0);
		}
		EXPECT_EQ(0, child_wait(pid)) {
			TH_LOG("row %u", i);
		}
	}
}

/* Who opened the endpoint counts, not who says HELLO. */
TEST_F(fake, right_is_that_of_the_opener)
{
	struct conn c;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, setresuid(BOB, BOB, 0));
	fd = open_endpoint(&self->domain, "11001-bus");
	ASSERT_EQ(0, setresuid(0, 0, 0));
	EXPECT_EQ(-EPERM, connect_to(&c, fd, fake_new(&some_creds, NULL,
						      NULL)));

	fd = open_endpoint(&self->domain, "11001-bus");
	pid = fork_as(BOB, BOB);
	if (pid == 0) {
		CHECK(connect_to(&c, fd, fake_new(&some_creds, NULL, NULL)) ==
		      0);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
}

TEST_F(fake, checks_come_in_order)
{
	static const struct kdbus_creds bad = { .uid = 1ULL << 32 };
	struct kdbus_cmd_hello *hello;
	struct conn c;
	pid_t pid;

	/* right, then masks, then ids */
	hello = fake_new(&bad, NULL, NULL);
	hello->attach_flags_send = 1 << 14;
	hello->pool_size = 1;
	EXPECT_EQ(-EINVAL, connect_to(&c, open_endpoint(&self->domain,
							"11001-bus"), hello));
	pid = fork_as(BOB, BOB);
	if (pid == 0) {
		hello = fake_new(&bad, NULL, NULL);
		hello->attach_flags_send = 1 << 14;
		CHECK(connect_to(&c, open_endpoint(&self->domain, "11001-bus"),
				 hello) == -EPERM);
		hello->pool_size = 1;
		CHECK(connect_to(&c, open_endpoint(&self->domain, "11001-bus"),
				 hello) == -EINVAL);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
}

TEST_F(fake, items_are_well_formed)
{
	static const __u8 bytes[96];
	struct kdbus_cmd_hello *hello;
	struct conn c;
	unsigned int size;
	int fd;

	fd = open_endpoint(&self->domain, "11001-bus");
	for (size = 0; size < sizeof(bytes); size++) {
		hello = fake_new(NULL, NULL, NULL);
		item_add(hello, KDBUS_ITEM_CREDS, bytes, size);
		if (size != 64)
			EXPECT_EQ(-EINVAL, connect_to(&c, fd, hello));
		hello = fake_new(NULL, NULL, NULL);
		item_add(hello, KDBUS_ITEM_PIDS, bytes, size);
		if (size != 24)
			EXPECT_EQ(-EINVAL, connect_to(&c, fd, hello)) {
				TH_LOG("%u bytes", size);
			}
	}
	hello = fake_new(NULL, NULL, NULL);
	item_add(hello, KDBUS_ITEM_SECLABEL, "ab", 2);
	EXPECT_EQ(-EINVAL, connect_to(&c, fd, hello));
	hello = fake_new(NULL, NULL, NULL);
	item_add(hello, KDBUS_ITEM_SECLABEL, "a\0b", 4);
	EXPECT_EQ(-EINVAL, connect_to(&c, fd, hello));
	hello = fake_new(NULL, NULL, NULL);
	item_add(hello, KDBUS_ITEM_SECLABEL, "", 0);
	EXPECT_EQ(-EINVAL, connect_to(&c, fd, hello));
	hello = fake_new(&some_creds, &some_pids, "once");
	item_add_str(hello, KDBUS_ITEM_SECLABEL, "twice");
	EXPECT_EQ(-EINVAL, connect_to(&c, fd, hello));
	EXPECT_EQ(0, connect_to(&c, fd, fake_new(NULL, NULL, "")));
}

/* Each of the eight ids by itself. */
TEST_F(fake, ids_are_32_bits_and_mapped)
{
	static const struct {
		__u64 value;
		int expected;
	} rows[] = {
		{ 0, 0 },
		{ 1, 0 },
		{ 0x7fffffff, 0 },
		{ 0x80000000, 0 },
		{ 0xfffffffe, 0 },
		{ UNSET, 0 },
		{ 1ULL << 32, -EINVAL },
		{ (1ULL << 32) + 1, -EINVAL },
		{ 1ULL << 63, -EINVAL },
		{ ~0ULL, -EINVAL },
		{ ~0ULL - 1, -EINVAL },
	};
	struct kdbus_creds creds;
	const struct kdbus_msg *msg;
	unsigned int i, field;
	struct conn c;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (field = 0; field < 8; field++) {
			creds = some_creds;
			((__u64 *)&creds)[field] = rows[i].value;
			ASSERT_EQ(rows[i].expected,
				  fake(&c, &self->domain, &creds, NULL, NULL)) {
				TH_LOG("field %u is %llx", field,
				       rows[i].value);
			}
			if (rows[i].expected < 0)
				continue;
			msg = ask_about(&self->root, &c, ANY);
			ASSERT_NE(NULL, msg);
			EXPECT_TRUE(holds(msg, KDBUS_ITEM_CREDS, &creds,
					  sizeof(creds)));
			EXPECT_EQ(KDBUS_ATTACH_CREDS, attached(msg));
			conn_close(&c);
		}
	}
}

TEST_F(fake, ids_are_those_of_the_callers_user_namespace)
{
	const struct place place = {
		.uid = ALICE, .ids = "0 11001 1\n8 2008 2\n",
	};
	static const struct kdbus_creds inside = {
		0, 0, UNSET, 9, 0, 8, UNSET, 0,
	};
	static const struct kdbus_creds outside = {
		ALICE, ALICE, UNSET, 2009, ALICE, 2008, UNSET, ALICE,
	};
	struct kdbus_creds creds;
	const struct kdbus_msg *msg;
	struct conn *c;
	unsigned int i;
	pid_t pid;

	c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork_sharing_files();
	if (pid == 0) {
		go_to(&place);
		/* neither 1 nor 10 has a meaning here */
		for (i = 0; i < 8; i++) {
			creds = inside;
			((__u64 *)&creds)[i] = i % 2 ? 1 : 10;
			CHECK(fake(c, &self->domain, &creds, NULL, NULL) ==
			      -EINVAL);
		}
		CHECK(fake(c, &self->domain, &inside, NULL, NULL) == 0);
		/* what one has made up oneself, one sees as well */
		msg = ask_about(c, c, ANY);
		CHECK(msg && holds(msg, KDBUS_ITEM_CREDS, &inside,
				   sizeof(inside)));
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
	msg = ask_about(&self->root, c, ANY);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(holds(msg, KDBUS_ITEM_CREDS, &outside, sizeof(outside)));
}

TEST_F(fake, pids_exist_or_are_0)
{
	struct kdbus_pids pids;
	const struct kdbus_msg *msg;
	unsigned int i, field;
	struct conn c;
	pid_t pid = fork_as(0, 0);
	const struct {
		__u64 value;
		int expected;
	} rows[] = {
		{ 0, 0 },
		{ 1, 0 },
		{ getpid(), 0 },
		{ pid, -EINVAL },
		{ 0x7fffffff, -EINVAL },
		{ 0x80000000, -EINVAL },
		{ 0xffffffff, -EINVAL },
		{ (1ULL << 32) + 1, -EINVAL },
		{ ~0ULL, -EINVAL },
	};

	if (pid == 0)
		_exit(0);
	ASSERT_EQ(0, child_wait(pid));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (field = 0; field < 3; field++) {
			pids = some_pids;
			((__u64 *)&pids)[field] = rows[i].value;
			ASSERT_EQ(rows[i].expected,
				  fake(&c, &self->domain, NULL, &pids, NULL)) {
				TH_LOG("field %u is %llx", field,
				       rows[i].value);
			}
			if (rows[i].expected < 0)
				continue;
			msg = ask_about(&self->root, &c, ANY);
			ASSERT_NE(NULL, msg);
			EXPECT_TRUE(holds(msg, KDBUS_ITEM_PIDS, &pids,
					  sizeof(pids)));
			EXPECT_EQ(KDBUS_ATTACH_PIDS, attached(msg));
			conn_close(&c);
		}
	}
}

TEST_F(fake, pids_are_those_of_the_callers_namespace)
{
	static const struct kdbus_pids first = { 1, 1, 1 };
	const struct place place = { .flags = CLONE_NEWPID };
	const struct kdbus_pids beyond = { getpid(), 0, 0 };
	const struct kdbus_msg *msg;
	struct kdbus_pids *seen;
	struct conn c;
	pid_t pid;

	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork_as(0, 0);
	if (pid == 0) {
		go_to(&place);
		CHECK(getpid() == 1);
		CHECK(beyond.pid == 1 ||
		      fake(&c, &self->domain, NULL, &beyond, NULL) == -EINVAL);
		CHECK(fake(&c, &self->domain, NULL, &first, NULL) == 0);
		msg = ask_about(&c, &c, ANY);
		CHECK(msg && holds(msg, KDBUS_ITEM_PIDS, &first,
				   sizeof(first)));
		msg = ask_about(&self->root, &c, ANY);
		CHECK(msg && find(msg, KDBUS_ITEM_PIDS));
		*seen = find(msg, KDBUS_ITEM_PIDS)->pids;
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
	EXPECT_NE(1, seen->pid);
	EXPECT_EQ(seen->pid, seen->tid);
	EXPECT_EQ(seen->pid, seen->ppid);
}

TEST_F(fake, nothing_else_is_known)
{
	static const struct {
		bool creds, pids, label;
		__u64 expected;
	} rows[] = {
		{ true, false, false, KDBUS_ATTACH_CREDS },
		{ false, true, false, KDBUS_ATTACH_PIDS },
		{ false, false, true, KDBUS_ATTACH_SECLABEL },
		{ true, true, true, KDBUS_ATTACH_CREDS | KDBUS_ATTACH_PIDS |
				    KDBUS_ATTACH_SECLABEL },
	};
	struct kdbus_cmd_hello *hello;
	const struct kdbus_msg *msg;
	unsigned int i;
	struct conn c;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		hello = fake_new(rows[i].creds ? &some_creds : NULL,
				 rows[i].pids ? &some_pids : NULL,
				 rows[i].label ? "system_u:fake" : NULL);
		item_add_str(hello, KDBUS_ITEM_CONN_DESCRIPTION, "proxy");
		ASSERT_EQ(0, connect_to(&c, open_endpoint(&self->domain,
							  "11001-bus"),
					hello));
		msg = ask_about(&self->root, &c, ANY);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(rows[i].expected | KDBUS_ATTACH_CONN_DESCRIPTION,
			  attached(msg));
		if (rows[i].label)
			EXPECT_TRUE(holds_str(msg, KDBUS_ITEM_SECLABEL,
					      "system_u:fake"));
		/* consent is needed as always */
		msg = ask_about(&self->root, &c, ANY &
				~KDBUS_ATTACH_CONN_DESCRIPTION &
				_KDBUS_ATTACH_ALL);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(rows[i].expected, attached(msg));
	}
}

TEST_F(fake, messages_say_nothing_of_the_task)
{
	struct kdbus_cmd *acquire = object_new(sizeof(*acquire));
	struct kdbus_cmd_hello *hello;
	const struct kdbus_msg *msg;
	struct conn c;

	hello = fake_new(NULL, NULL, "label");
	item_add_str(hello, KDBUS_ITEM_CONN_DESCRIPTION, "proxy");
	ASSERT_EQ(0, connect_to(&c, open_endpoint(&self->domain, "11001-bus"),
				hello));
	item_add_str(acquire, KDBUS_ITEM_NAME, "org.example.a");
	ASSERT_EQ(0, cmd_run(c.fd, KDBUS_CMD_NAME_ACQUIRE, acquire));

	msg = tell(&c, &self->root);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(KDBUS_ATTACH_NAMES | KDBUS_ATTACH_CONN_DESCRIPTION |
		  KDBUS_ATTACH_TIMESTAMP, attached(msg));
	EXPECT_EQ(c.id, msg->src_id);
	/* the other way nothing is different */
	msg = tell(&self->root, &c);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(available() & ~KDBUS_ATTACH_CONN_DESCRIPTION,
		  attached(msg));
}

/* What is made up gives no rights. */
TEST_F(fake, rights_are_the_real_ones)
{
	static const struct kdbus_creds bob = {
		BOB, BOB, BOB, BOB, BOB, BOB, BOB, BOB,
	};
	struct kdbus_cmd *acquire = object_new(sizeof(*acquire));
	struct conn c;
	pid_t pid;

	/* Alice pretends to be Bob and is still not allowed to talk to Bob */
	item_add_str(acquire, KDBUS_ITEM_NAME, "org.example.a");
	ASSERT_EQ(0, fake(&c, &self->domain, &bob, NULL, NULL));
	EXPECT_EQ(0, cmd_run(c.fd, KDBUS_CMD_NAME_ACQUIRE, acquire));
	pid = fork_as(BOB, BOB);
	if (pid == 0) {
		struct conn real;

		CHECK(fake(&real, &self->domain, NULL, NULL, NULL) == 0);
		CHECK(send_cookie(&real, c.id, 1) == -EPERM);
		CHECK(send_cookie(&real, real.id, 1) == 0);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
}

/* How many connections with these credentials there may be, up to 5 */
static int count_fakes(const struct domain *d, const struct kdbus_creds *creds,
		       const struct kdbus_pids *pids, const char *label)
{
	struct conn c[5];
	int i, n, r = 0;

	for (n = 0; n < 5; n++) {
		r = fake(&c[n], d, creds, pids, label);
		if (r < 0)
			break;
	}
	CHECK(n == 5 || r == -EMFILE);
	for (i = 0; i < n; i++)
		conn_close(&c[i]);
	return n;
}

/* Root has one connection already, Bob has two. */
TEST_F(fake, only_the_privileged_make_others_pay)
{
	static const struct kdbus_creds bob = { .uid = BOB, .euid = 1 };
	static const struct kdbus_creds nobody = { .uid = UNSET, .euid = BOB };
	struct conn c;
	pid_t pid;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, setresuid(BOB, BOB, 0));
		ASSERT_EQ(0, fake(&c, &self->domain, NULL, NULL, NULL));
		ASSERT_EQ(0, setresuid(0, 0, 0));
	}
	ASSERT_EQ(0, write_file(parameter("max_conns_per_user"), "4"));
	EXPECT_EQ(3, count_fakes(&self->domain, NULL, NULL, NULL));
	EXPECT_EQ(2, count_fakes(&self->domain, &bob, NULL, NULL));
	EXPECT_EQ(2, count_fakes(&self->domain, &bob, &some_pids, "label"));
	EXPECT_EQ(3, count_fakes(&self->domain, &nobody, NULL, NULL));
	EXPECT_EQ(3, count_fakes(&self->domain, NULL, &some_pids, NULL));
	EXPECT_EQ(3, count_fakes(&self->domain, NULL, NULL, "label"));

	/* Alice owns the bus, but has no power over Bob */
	pid = fork_as(ALICE, ALICE);
	if (pid == 0) {
		CHECK(count_fakes(&self->domain, &bob, NULL, NULL) == 4);
		CHECK(count_fakes(&self->domain, NULL, &some_pids, NULL) == 4);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
	EXPECT_EQ(0, write_file(parameter("max_conns_per_user"), "1024"));
}

TEST_F(fake, messages_are_charged_to_who_pays)
{
	static const struct kdbus_creds bob = { .uid = BOB };
	struct conn one, two, three;
	int i;

	ASSERT_EQ(0, fake(&one, &self->domain, &bob, NULL, NULL));
	ASSERT_EQ(0, fake(&two, &self->domain, &bob, NULL, NULL));
	ASSERT_EQ(0, fake(&three, &self->domain, NULL, NULL, "label"));
	for (i = 0; i < 256; i++)
		ASSERT_EQ(0, send_cookie(&one, self->root.id, 1));
	EXPECT_EQ(-ENOBUFS, send_cookie(&one, self->root.id, 1));
	/* one message of each connection is let through */
	EXPECT_EQ(0, send_cookie(&two, self->root.id, 1));
	EXPECT_EQ(-ENOBUFS, send_cookie(&two, self->root.id, 1));
	EXPECT_EQ(0, send_cookie(&three, self->root.id, 1));
	EXPECT_EQ(0, send_cookie(&self->root, self->root.id, 1));
}

KDBUS_HARNESS_MAIN
