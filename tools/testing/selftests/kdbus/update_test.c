// SPDX-License-Identifier: LGPL-2.1+
/*
 * UPDATE of attach flags: who may, what is checked, and what goes by the new
 * flags from when on.
 */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "metadata_util.h"
#include "kdbus_harness.h"

#define SEND	KDBUS_ITEM_ATTACH_FLAGS_SEND
#define RECV	KDBUS_ITEM_ATTACH_FLAGS_RECV
#define COMM	KDBUS_ATTACH_TID_COMM
#define UNSET	(~0ULL << 62)	/* no item */

/* Without what /proc shows, a message tells just what the flags say. */
FIXTURE(update) {
	struct domain domain;
	int bus;
	struct conn src;
	struct conn dst;
};

FIXTURE_SETUP(update)
{
	ASSERT_EQ(0, domain_mount(&self->domain, 0, NULL));
	self->bus = bus_new(&self->domain, "0-bus", KDBUS_MAKE_ACCESS_WORLD);
	ASSERT_LE(0, self->bus);
	ASSERT_EQ(0, peer_new(&self->src, &self->domain, 0, 0, NULL));
	ASSERT_EQ(0, peer_new(&self->dst, &self->domain, 0, 0, NULL));
	ASSERT_EQ(0, write_file(parameter("attach_proc"), "N"));
}

FIXTURE_TEARDOWN(update)
{
	EXPECT_EQ(0, write_file(parameter("attach_proc"), "Y"));
	EXPECT_EQ(0, domain_leave(&self->domain));
}

static struct kdbus_cmd *update_new(__u64 send, __u64 recv)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));

	cmd->return_flags = ~0ULL;
	if (send != UNSET)
		item_add(cmd, SEND, &send, sizeof(send));
	if (recv != UNSET)
		item_add(cmd, RECV, &recv, sizeof(recv));
	return cmd;
}

static int update_run(int fd, struct kdbus_cmd *cmd)
{
	int r = cmd_run(fd, KDBUS_CMD_UPDATE, cmd);

	free(cmd);
	return r;
}

static int update(const struct conn *c, __u64 send, __u64 recv)
{
	return update_run(c->fd, update_new(send, recv));
}

TEST_F(update, needs_a_connection)
{
	struct conn c;
	int fd;

	fd = open_endpoint(&self->domain, "0-bus");
	EXPECT_EQ(-EBADFD, update_run(fd, update_new(0, 0)));
	EXPECT_EQ(-EBADFD, update_run(self->bus, update_new(0, 0)));
	fd = open_control(&self->domain);
	EXPECT_EQ(-EBADFD, update_run(fd, update_new(0, 0)));

	ASSERT_EQ(0, conn_new(&c, &self->domain, "0-bus"));
	EXPECT_EQ(0, update(&c, 0, 0));
	ASSERT_EQ(0, conn_byebye(&c));
	EXPECT_EQ(-ECONNRESET, update(&c, 0, 0));
	EXPECT_EQ(-ECONNRESET, cmd_run(c.fd, KDBUS_CMD_UPDATE, NULL));
}

TEST_F(update, unprivileged_owners_of_a_connection_may)
{
	struct conn c;
	pid_t pid;

	pid = fork_as(ALICE, ALICE);
	if (pid == 0) {
		CHECK(conn_new(&c, &self->domain, "0-bus") == 0);
		CHECK(update(&c, COMM, COMM) == 0);
		CHECK(told(&c, &c) == COMM);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
}

TEST_F(update, return_flags_are_cleared)
{
	struct kdbus_cmd *cmd = update_new(COMM, COMM);

	EXPECT_EQ(0, cmd_run(self->src.fd, KDBUS_CMD_UPDATE, cmd));
	EXPECT_EQ(0, cmd->return_flags);
	cmd->return_flags = 1;
	cmd->items[0].data64[0] = 1ULL << 14;
	EXPECT_EQ(-EINVAL, cmd_run(self->src.fd, KDBUS_CMD_UPDATE, cmd));
	EXPECT_EQ(0, cmd->return_flags);
}

TEST_F(update, without_items_nothing_changes)
{
	ASSERT_EQ(0, update(&self->src, COMM, COMM));
	EXPECT_EQ(0, update(&self->src, UNSET, UNSET));
	EXPECT_EQ(COMM, told(&self->src, &self->src));
}

TEST_F(update, each_mask_changes_alone)
{
	ASSERT_EQ(0, update(&self->src, COMM, UNSET));
	EXPECT_EQ(0, told(&self->src, &self->src));
	ASSERT_EQ(0, update(&self->src, UNSET, COMM));
	EXPECT_EQ(COMM, told(&self->src, &self->src));
	ASSERT_EQ(0, update(&self->src, 0, UNSET));
	EXPECT_EQ(0, told(&self->src, &self->src));
	ASSERT_EQ(0, update(&self->src, COMM, UNSET));
	EXPECT_EQ(COMM, told(&self->src, &self->src));
	ASSERT_EQ(0, update(&self->src, UNSET, 0));
	EXPECT_EQ(0, told(&self->src, &self->src));
}

TEST_F(update, all_ones_are_all_flags)
{
	EXPECT_EQ(0, update(&self->src, ~0ULL, UNSET));
	EXPECT_EQ(0, update(&self->dst, UNSET, ~0ULL));
	EXPECT_EQ(available() & ~KDBUS_ATTACH_CONN_DESCRIPTION,
		  told(&self->src, &self->dst));
	EXPECT_EQ(0, update(&self->dst, UNSET, 0x3fff));
	EXPECT_EQ(available() & ~KDBUS_ATTACH_CONN_DESCRIPTION,
		  told(&self->src, &self->dst));
}

TEST_F(update, unknown_flags_are_refused)
{
	__u64 bad;
	int i;

	ASSERT_EQ(0, update(&self->src, COMM, COMM));
	for (i = 14; i < 64; i++) {
		bad = 1ULL << i;
		EXPECT_EQ(-EINVAL, update(&self->src, bad, UNSET)) {
			TH_LOG("bit %d", i);
		}
		EXPECT_EQ(-EINVAL,
			  update(&self->src, UNSET, bad)) {
			TH_LOG("bit %d", i);
		}
		/* all ones but one bit is not all ones */
		EXPECT_EQ(-EINVAL, update(&self->src, UNSET, ~bad)) {
			TH_LOG("bit %d", i);
		}
	}
	EXPECT_EQ(COMM, told(&self->src, &self->src));
}

TEST_F(update, nothing_changes_if_one_mask_is_bad)
{
	ASSERT_EQ(0, update(&self->src, COMM, COMM));
	EXPECT_EQ(-EINVAL, update(&self->src, 0, 1 << 14));
	EXPECT_EQ(COMM, told(&self->src, &self->src));
	EXPECT_EQ(-EINVAL, update(&self->src, 1 << 14, 0));
	EXPECT_EQ(COMM, told(&self->src, &self->src));
}

TEST_F(update, masks_come_once)
{
	static const __u64 mask;
	__u64 types[] = { SEND, RECV };
	struct kdbus_cmd *cmd;
	unsigned int i;

	ASSERT_EQ(0, update(&self->src, COMM, COMM));
	for (i = 0; i < 2; i++) {
		cmd = object_new(sizeof(*cmd));
		item_add(cmd, types[i], &mask, sizeof(mask));
		item_add(cmd, types[i], &mask, sizeof(mask));
		EXPECT_EQ(-EINVAL, update_run(self->src.fd, cmd));
	}
	EXPECT_EQ(COMM, told(&self->src, &self->src));
}

TEST_F(update, masks_have_eight_bytes)
{
	static const __u8 payload[32];
	__u64 types[] = { SEND, RECV };
	struct kdbus_cmd *cmd;
	unsigned int i, size;

	for (i = 0; i < 2; i++) {
		for (size = 0; size <= 32; size++) {
			cmd = object_new(sizeof(*cmd));
			item_add(cmd, types[i], payload, size);
			EXPECT_EQ(size == 8 ? 0 : -EINVAL,
				  update_run(self->src.fd, cmd)) {
				TH_LOG("%u bytes", size);
			}
		}
	}
}

TEST_F(update, no_other_items_and_no_flags)
{
	static const __u64 types[] = {
		KDBUS_ITEM_CREDS, KDBUS_ITEM_PIDS, KDBUS_ITEM_SECLABEL,
		KDBUS_ITEM_CONN_DESCRIPTION, KDBUS_ITEM_MAKE_NAME,
		KDBUS_ITEM_BLOOM_PARAMETER, KDBUS_ITEM_ID,
	};
	static const struct kdbus_creds payload;
	struct kdbus_cmd *cmd;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		cmd = object_new(sizeof(*cmd));
		item_add(cmd, types[i], &payload, sizeof(payload));
		EXPECT_EQ(-EINVAL, update_run(self->src.fd, cmd)) {
			TH_LOG("item %llx", types[i]);
		}
	}
	for (i = 0; i < 63; i++) {
		cmd = update_new(0, 0);
		cmd->flags = 1ULL << i;
		EXPECT_EQ(-EINVAL, update_run(self->src.fd, cmd));
	}
}

TEST_F(update, negotiation_changes_nothing)
{
	struct kdbus_cmd *cmd = update_new(0, 0);

	ASSERT_EQ(0, update(&self->src, COMM, COMM));
	cmd->flags = KDBUS_FLAG_NEGOTIATE;
	EXPECT_EQ(0, cmd_run(self->src.fd, KDBUS_CMD_UPDATE, cmd));
	EXPECT_EQ(0, cmd->flags);
	EXPECT_EQ(COMM, told(&self->src, &self->src));
}

/* What is in a queue stays as it is. */
TEST_F(update, queued_messages_are_not_affected)
{
	const struct kdbus_msg *msg;

	ASSERT_EQ(0, update(&self->src, COMM, UNSET));
	ASSERT_EQ(0, update(&self->dst, UNSET, COMM));
	ASSERT_EQ(0, send_bytes(&self->src, self->dst.id, 1, "x", 1));
	ASSERT_EQ(0, update(&self->src, 0, UNSET));
	ASSERT_EQ(0, update(&self->dst, UNSET, KDBUS_ATTACH_CREDS));
	ASSERT_EQ(0, send_bytes(&self->src, self->dst.id, 2, "x", 1));

	msg = receive(&self->dst);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(COMM, attached(msg));
	msg = receive(&self->dst);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(KDBUS_ATTACH_CREDS, attached(msg));
}

TEST_F(update, monitors_may)
{
	struct kdbus_cmd_hello *hello = hello_new(META_POOL);
	const struct kdbus_msg *msg;
	struct conn mon;

	hello->flags = KDBUS_HELLO_MONITOR;
	mon.fd = open_endpoint(&self->domain, "0-bus");
	ASSERT_EQ(0, cmd_run(mon.fd, KDBUS_CMD_HELLO, hello));
	mon.pool_size = META_POOL;
	mon.pool = mmap(NULL, META_POOL, PROT_READ, MAP_SHARED, mon.fd, 0);
	ASSERT_NE(MAP_FAILED, mon.pool);

	EXPECT_EQ(0, update(&mon, COMM, KDBUS_ATTACH_CREDS));
	EXPECT_EQ(-EINVAL, update(&mon, 1 << 14, UNSET));
	EXPECT_EQ(0, told(&self->src, &self->dst));
	msg = receive(&mon);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(KDBUS_ATTACH_CREDS, attached(msg));
}

/* A connection with these flags of HELLO */
static int special_new(struct conn *c, const struct domain *d, __u64 flags)
{
	struct kdbus_cmd_hello *hello = hello_new(META_POOL);
	int r;

	hello->flags = flags;
	if (flags & (KDBUS_HELLO_ACTIVATOR | KDBUS_HELLO_POLICY_HOLDER))
		item_add_str(hello, KDBUS_ITEM_NAME, "org.example.a");
	c->fd = open_endpoint(d, "0-bus");
	r = cmd_run(c->fd, KDBUS_CMD_HELLO, hello);
	if (r < 0)
		return r;
	c->id = hello->id;
	c->pool_size = META_POOL;
	c->pool = mmap(NULL, META_POOL, PROT_READ, MAP_SHARED, c->fd, 0);
	return c->pool == MAP_FAILED ? -errno : 0;
}

static int update_all(const struct conn *c, __u64 send, __u64 recv,
		      const char *name)
{
	struct kdbus_cmd *cmd = update_new(send, recv);

	if (name)
		item_add_str(cmd, KDBUS_ITEM_NAME, name);
	return update_run(c->fd, cmd);
}

/* Each item is looked at completely before the next, its type first. */
TEST_F(update, type_of_the_connection_decides)
{
	static const __u64 bad = 1 << 14;
	static const __u64 types[] = {
		0, KDBUS_HELLO_MONITOR, KDBUS_HELLO_ACTIVATOR,
		KDBUS_HELLO_POLICY_HOLDER,
	};
	static const struct {
		__u64 send, recv;
		const char *name;
		int expected[ARRAY_SIZE(types)];
	} rows[] = {
		{ UNSET, UNSET, NULL, { 0, 0, 0, 0 } },
		{ COMM, UNSET, NULL, { 0, 0, -EOPNOTSUPP, -EOPNOTSUPP } },
		{ UNSET, COMM, NULL, { 0, 0, 0, -EOPNOTSUPP } },
		{ UNSET, UNSET, "org.example.b",
		  { -EOPNOTSUPP, -EOPNOTSUPP, -EOPNOTSUPP, 0 } },
		{ UNSET, UNSET, "nodots",
		  { -EOPNOTSUPP, -EOPNOTSUPP, -EOPNOTSUPP, -EINVAL } },
		{ bad, UNSET, NULL,
		  { -EINVAL, -EINVAL, -EOPNOTSUPP, -EOPNOTSUPP } },
		{ UNSET, bad, NULL,
		  { -EINVAL, -EINVAL, -EINVAL, -EOPNOTSUPP } },
		{ bad, UNSET, "org.example.b",
		  { -EINVAL, -EINVAL, -EOPNOTSUPP, -EOPNOTSUPP } },
		{ UNSET, bad, "org.example.b",
		  { -EINVAL, -EINVAL, -EINVAL, -EOPNOTSUPP } },
		{ COMM, bad, NULL,
		  { -EINVAL, -EINVAL, -EOPNOTSUPP, -EOPNOTSUPP } },
	};
	struct conn conns[ARRAY_SIZE(types)];
	unsigned int i, j;

	for (j = 0; j < ARRAY_SIZE(types); j++) {
		ASSERT_EQ(0, special_new(&conns[j], &self->domain, types[j]));
		for (i = 0; i < ARRAY_SIZE(rows); i++) {
			EXPECT_EQ(rows[i].expected[j],
				  update_all(&conns[j], rows[i].send,
					     rows[i].recv, rows[i].name)) {
				TH_LOG("row %u, type %llx", i, types[j]);
			}
		}
		/* they exclude each other */
		close(conns[j].fd);
	}
}

TEST_F(update, nothing_changes_if_the_policy_is_not_wanted)
{
	ASSERT_EQ(0, update(&self->src, COMM, COMM));
	EXPECT_EQ(-EOPNOTSUPP, update_all(&self->src, 0, 0, "org.example.a"));
	EXPECT_EQ(COMM, told(&self->src, &self->src));
}

/* What an activator wants it gets with the messages that it holds. */
TEST_F(update, activators_receive)
{
	struct kdbus_msg *msg = msg_new(KDBUS_DST_ID_NAME, 1);
	const struct kdbus_msg *got;
	struct conn act;

	ASSERT_EQ(0, special_new(&act, &self->domain, KDBUS_HELLO_ACTIVATOR));
	item_add_str(msg, KDBUS_ITEM_DST_NAME, "org.example.a");
	ASSERT_EQ(0, update(&act, UNSET, KDBUS_ATTACH_CREDS));
	ASSERT_EQ(0, msg_send(&self->src, msg));
	got = receive(&act);
	ASSERT_NE(NULL, got);
	EXPECT_EQ(KDBUS_ATTACH_CREDS, attached(got));
}

struct toggle {
	const struct conn *conn;
	bool stop;
	int failed;
};

static void *toggle(void *arg)
{
	struct toggle *toggle = arg;

	while (!__atomic_load_n(&toggle->stop, __ATOMIC_RELAXED)) {
		if (update(toggle->conn, COMM, 0) < 0 ||
		    update(toggle->conn, 0, COMM) < 0)
			toggle->failed++;
	}
	return NULL;
}

/* Neither state tells anything, so nothing in between may. */
TEST_F(update, both_masks_change_in_one_step)
{
	struct toggle state = { .conn = &self->src };
	pthread_t thread;
	int i, n_told = 0;

	ASSERT_EQ(0, update(&self->src, COMM, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, toggle, &state));
	for (i = 0; i < 20000; i++)
		n_told += told(&self->src, &self->src) != 0;
	__atomic_store_n(&state.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, n_told);
	EXPECT_EQ(0, state.failed);
}

static void *want(void *arg)
{
	struct toggle *state = arg;

	while (!__atomic_load_n(&state->stop, __ATOMIC_RELAXED))
		state->failed += update(state->conn, UNSET, COMM) < 0;
	return NULL;
}

/* Who changes one mask does not bring an old state of the other back. */
TEST_F(update, two_tasks_do_not_undo_each_other)
{
	struct toggle state = { .conn = &self->src };
	pthread_t thread;
	int i, n_lost = 0;

	ASSERT_EQ(0, update(&self->src, 0, COMM));
	ASSERT_EQ(0, pthread_create(&thread, NULL, want, &state));
	for (i = 0; i < 20000; i++) {
		n_lost += update(&self->src, i % 2 ? COMM : 0, UNSET) != 0;
		n_lost += told(&self->src, &self->src) != (i % 2 ? COMM : 0);
	}
	__atomic_store_n(&state.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, n_lost);
	EXPECT_EQ(0, state.failed);
}

KDBUS_HARNESS_MAIN
