// SPDX-License-Identifier: LGPL-2.1+
/*
 * Handles: what a file of kdbusfs may be used for, depending on what was done
 * with it before.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>

#include "kdbus_util.h"
#include "kdbus_harness.h"

#define LIVE	(POLLOUT | POLLWRNORM)
#define DEAD	(POLLERR | POLLHUP)

FIXTURE(handle) {
	struct domain domain;
	int bus;
};

FIXTURE_SETUP(handle)
{
	ASSERT_EQ(0, domain_enter(&self->domain));
	self->bus = bus_new(&self->domain, "0-bus", 0);
	ASSERT_LE(0, self->bus);
}

FIXTURE_TEARDOWN(handle)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

enum state {
	FRESH_CONTROL,
	FRESH_ENDPOINT,
	DEAD_ENDPOINT,		/* fresh, but the bus is gone */
	BUS_OWNER,
	EP_OWNER,
	DEAD_EP_OWNER,		/* the bus is gone */
	CONNECTED,
	ACTIVATOR,
	HOLDER,
	MONITOR,
	DISCONNECTED,		/* by BYEBYE */
	ORPHANED,		/* the bus is gone */
	N_STATES
};

static const char *const state_names[] = {
	"fresh control", "fresh endpoint", "endpoint of a dead bus",
	"bus owner", "endpoint owner", "endpoint owner of a dead bus",
	"connected", "activator", "policy holder", "monitor", "disconnected",
	"connected to a dead bus",
};

static int endpoint_make(int fd)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));

	item_add_str(cmd, KDBUS_ITEM_MAKE_NAME, "0-ep");
	return cmd_run(fd, KDBUS_CMD_ENDPOINT_MAKE, cmd);
}

static int special_new(const struct domain *d, __u64 flags)
{
	struct kdbus_cmd_hello *hello = hello_new(POOL_SIZE);
	int fd = open_endpoint(d, "0-bus");

	hello->flags = flags;
	if (flags != KDBUS_HELLO_MONITOR)
		item_add_str(hello, KDBUS_ITEM_NAME, "org.example.a");
	return cmd_run(fd, KDBUS_CMD_HELLO, hello) ?: fd;
}

/* What was made through this bus lasts longer than the bus. */
static int orphan_new(const struct domain *d, enum state state)
{
	int r = 0, bus = bus_new(d, "0-dead", 0);
	int fd = open_endpoint(d, "0-dead");
	struct conn conn;

	if (state == DEAD_EP_OWNER)
		r = endpoint_make(fd);
	else if (state == ORPHANED)
		r = conn_hello(&conn, fd, POOL_SIZE);
	close(bus);
	return r ?: fd;
}

static int handle_new(const struct domain *d, enum state state)
{
	struct conn conn;
	int fd;

	switch (state) {
	case FRESH_CONTROL:
		return open_control(d);
	case FRESH_ENDPOINT:
		return open_endpoint(d, "0-bus");
	case DEAD_ENDPOINT:
	case DEAD_EP_OWNER:
	case ORPHANED:
		return orphan_new(d, state);
	case BUS_OWNER:
		return bus_new(d, "0-owned", 0);
	case EP_OWNER:
		fd = open_endpoint(d, "0-bus");
		return endpoint_make(fd) ?: fd;
	case CONNECTED:
		return conn_new(&conn, d, "0-bus") ?: conn.fd;
	case ACTIVATOR:
		return special_new(d, KDBUS_HELLO_ACTIVATOR);
	case HOLDER:
		return special_new(d, KDBUS_HELLO_POLICY_HOLDER);
	case MONITOR:
		return special_new(d, KDBUS_HELLO_MONITOR);
	case DISCONNECTED:
		return conn_new(&conn, d, "0-bus") ?:
		       conn_byebye(&conn) ?: conn.fd;
	default:
		return -EINVAL;
	}
}

struct row {
	unsigned int nr;
	const char *name;
	int expected[N_STATES];
};

/*
 * Without an argument: what may run fails to read it, anything else is
 * refused before it comes to that.
 */
#define YES	-EFAULT
#define BAD	-EBADFD
#define END	-ESHUTDOWN
#define RST	-ECONNRESET
#define NOT	-EOPNOTSUPP

#define ROW(_nr)	KDBUS_CMD_ ## _nr, #_nr

/* the states: control, endpoint, dead, bus owner, endpoint owner, dead,
 * connected, activator, holder, monitor, disconnected, dead
 */
static const struct row admission[] = {
	{ ROW(BUS_MAKE), {
		YES, BAD, END, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD } },
	{ ROW(ENDPOINT_MAKE), {
		BAD, YES, END, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD } },
	{ ROW(HELLO), {
		BAD, YES, END, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD } },
	{ ROW(ENDPOINT_UPDATE), {
		BAD, BAD, BAD, BAD, YES, END, BAD, BAD, BAD, BAD, RST, RST } },
	{ ROW(UPDATE), {
		BAD, BAD, BAD, BAD, BAD, END, YES, YES, YES, YES, RST, RST } },
	{ ROW(BYEBYE), {
		BAD, BAD, BAD, BAD, BAD, END, YES, NOT, NOT, NOT, RST, RST } },
	{ ROW(FREE), {
		BAD, BAD, BAD, BAD, BAD, END, YES, YES, YES, YES, RST, RST } },
	{ ROW(CONN_INFO), {
		BAD, BAD, BAD, BAD, BAD, END, YES, YES, YES, YES, RST, RST } },
	{ ROW(BUS_CREATOR_INFO), {
		BAD, BAD, BAD, BAD, BAD, END, YES, YES, YES, YES, RST, RST } },
	{ ROW(LIST), {
		BAD, BAD, BAD, BAD, BAD, END, YES, YES, YES, YES, RST, RST } },
	{ ROW(SEND), {
		BAD, BAD, BAD, BAD, BAD, END, YES, NOT, NOT, NOT, RST, RST } },
	{ ROW(RECV), {
		BAD, BAD, BAD, BAD, BAD, END, YES, YES, NOT, YES, RST, RST } },
	{ ROW(NAME_ACQUIRE), {
		BAD, BAD, BAD, BAD, BAD, END, YES, NOT, NOT, NOT, RST, RST } },
	{ ROW(NAME_RELEASE), {
		BAD, BAD, BAD, BAD, BAD, END, YES, NOT, NOT, NOT, RST, RST } },
	{ ROW(MATCH_ADD), {
		BAD, BAD, BAD, BAD, BAD, END, YES, NOT, NOT, NOT, RST, RST } },
	{ ROW(MATCH_REMOVE), {
		BAD, BAD, BAD, BAD, BAD, END, YES, NOT, NOT, NOT, RST, RST } },
};

TEST_F(handle, state_decides_which_commands_run)
{
	const struct row *row;
	unsigned int state;
	int fd;

	for (state = 0; state < N_STATES; state++) {
		fd = handle_new(&self->domain, state);
		ASSERT_LE(0, fd) {
			TH_LOG("%s", state_names[state]);
		}
		for (row = admission;
		     row < admission + ARRAY_SIZE(admission); row++) {
			EXPECT_EQ(row->expected[state],
				  cmd_run(fd, row->nr, NULL)) {
				TH_LOG("%s on %s", row->name,
				       state_names[state]);
			}
		}
		close(fd);
	}
}

/* All 32 bits count, and the number is looked at before the state. */
TEST_F(handle, unknown_commands_are_refused_in_every_state)
{
	static const unsigned int numbers[] = {
		0x9500, 0x40189501, 0x4018957f, 0x40189586, 0x401895ff,
		KDBUS_CMD_BUS_MAKE ^ 0x80000000U,
		KDBUS_CMD_HELLO ^ 0x80000000U,
		KDBUS_CMD_RECV ^ 0x40000000U,
		KDBUS_CMD_BYEBYE + 0x10000,
		KDBUS_CMD_FREE - 0x80000,
		KDBUS_CMD_SEND + 0x100,
		0x40209551, 0x80309584, 0x80309585,
	};
	unsigned int state, i;
	int fd;

	for (state = 0; state < N_STATES; state++) {
		fd = handle_new(&self->domain, state);
		ASSERT_LE(0, fd);
		for (i = 0; i < ARRAY_SIZE(numbers); i++) {
			EXPECT_EQ(-ENOTTY, cmd_run(fd, numbers[i], NULL)) {
				TH_LOG("0x%x on %s", numbers[i],
				       state_names[state]);
			}
		}
		close(fd);
	}
}

TEST_F(handle, poll_reports_the_state)
{
	static const short expected[] = {
		DEAD, DEAD, DEAD, DEAD, DEAD, DEAD,
		LIVE, LIVE, LIVE, LIVE, DEAD, DEAD,
	};
	unsigned int state;
	int fd;

	for (state = 0; state < N_STATES; state++) {
		fd = handle_new(&self->domain, state);
		ASSERT_LE(0, fd);
		EXPECT_EQ(expected[state], poll_now(fd)) {
			TH_LOG("%s", state_names[state]);
		}
		close(fd);
	}
}

TEST_F(handle, only_connections_can_be_mapped)
{
	static const int expected[] = {
		EBADFD, EBADFD, EBADFD, EBADFD, EBADFD, EBADFD,
		0, 0, 0, 0, 0, 0,
	};
	unsigned int state;
	void *map;
	int fd;

	for (state = 0; state < N_STATES; state++) {
		fd = handle_new(&self->domain, state);
		ASSERT_LE(0, fd);
		errno = 0;
		map = mmap(NULL, POOL_SIZE, PROT_READ, MAP_SHARED, fd, 0);
		EXPECT_EQ(expected[state] != 0, map == MAP_FAILED) {
			TH_LOG("%s", state_names[state]);
		}
		EXPECT_EQ(expected[state], errno) {
			TH_LOG("%s", state_names[state]);
		}
		close(fd);
	}
}

static int exchange(struct conn *c)
{
	if (send_cookie(c, c->id, 7) < 0)
		return -1;
	return receive_cookie(c) == 7 && conn_byebye(c) == 0 ? 0 : -1;
}

TEST_F(handle, access_mode_of_the_file_does_not_matter)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	unsigned int i;
	struct conn c;
	int control, fd;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		control = open_in(&self->domain, "control", modes[i]);
		ASSERT_LE(0, control);
		EXPECT_EQ(0, bus_make(control, "0-mode", 0));
		close(control);
	}

	fd = open_in(&self->domain, "0-bus/bus", O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, conn_hello(&c, fd, POOL_SIZE));
	EXPECT_EQ(0, exchange(&c));

	/* without its pool: nothing opened just to write can be mapped */
	fd = open_in(&self->domain, "0-bus/bus", O_WRONLY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, cmd_run(fd, KDBUS_CMD_HELLO, hello_new(POOL_SIZE)));
}

TEST_F(handle, path_descriptors_run_no_commands)
{
	int fd;

	fd = open_in(&self->domain, "control", O_PATH);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBADF, bus_make(fd, "0-path", 0));

	fd = open_in(&self->domain, "0-bus/bus", O_PATH);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBADF, cmd_run(fd, KDBUS_CMD_HELLO, hello_new(POOL_SIZE)));
}

TEST_F(handle, failed_bus_make_can_be_repeated)
{
	struct kdbus_cmd *cmd;
	int fd;

	fd = open_control(&self->domain);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EEXIST, bus_make(fd, "0-bus", 0));
	EXPECT_EQ(-EINVAL, bus_make(fd, "1-bus", 0));
	EXPECT_EQ(-EINVAL, bus_make(fd, "0-again", 0x4));
	EXPECT_EQ(-EFAULT, cmd_run(fd, KDBUS_CMD_BUS_MAKE, (void *)8));

	cmd = bus_make_new("0-again", KDBUS_FLAG_NEGOTIATE);
	EXPECT_EQ(0, cmd_run(fd, KDBUS_CMD_BUS_MAKE, cmd));
	EXPECT_EQ(-1, access(path_in(&self->domain, "0-again"), F_OK));

	EXPECT_EQ(0, bus_make(fd, "0-again", 0));
	EXPECT_EQ(0, access(path_in(&self->domain, "0-again"), F_OK));
	EXPECT_EQ(-EBADFD, bus_make(fd, "0-second", 0));
}

TEST_F(handle, failed_hello_can_be_repeated)
{
	struct kdbus_cmd_hello *hello;
	struct conn c;
	int fd;

	fd = open_endpoint(&self->domain, "0-bus");
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, cmd_run(fd, KDBUS_CMD_HELLO, hello_new(0)));
	hello = hello_new(POOL_SIZE);
	hello->flags = 1ULL << 62;
	EXPECT_EQ(-EINVAL, cmd_run(fd, KDBUS_CMD_HELLO, hello));
	EXPECT_EQ(-EFAULT, cmd_run(fd, KDBUS_CMD_HELLO, (void *)8));
	hello->flags = KDBUS_FLAG_NEGOTIATE;
	EXPECT_EQ(0, cmd_run(fd, KDBUS_CMD_HELLO, hello));
	EXPECT_EQ(DEAD, poll_now(fd));

	ASSERT_EQ(0, conn_hello(&c, fd, POOL_SIZE));
	EXPECT_EQ(LIVE, poll_now(fd));
	EXPECT_EQ(-EBADFD, cmd_run(fd, KDBUS_CMD_HELLO, hello_new(POOL_SIZE)));
	EXPECT_EQ(0, exchange(&c));
}

struct race {
	pthread_barrier_t start;
	int fd;
};

static void *race_hello(void *arg)
{
	struct race *race = arg;
	struct kdbus_cmd_hello *hello = hello_new(page_size());

	pthread_barrier_wait(&race->start);
	return (void *)(long)cmd_run(race->fd, KDBUS_CMD_HELLO, hello);
}

TEST_F(handle, one_of_two_racing_hellos_wins)
{
	struct race race;
	pthread_t threads[2];
	void *results[2];
	struct conn c;
	int i, round;

	pthread_barrier_init(&race.start, NULL, 2);
	for (round = 0; round < 30; round++) {
		race.fd = open_endpoint(&self->domain, "0-bus");
		ASSERT_LE(0, race.fd);
		for (i = 0; i < 2; i++)
			pthread_create(&threads[i], NULL, race_hello, &race);
		for (i = 0; i < 2; i++)
			pthread_join(threads[i], &results[i]);

		EXPECT_EQ(-EBADFD, (long)results[0] + (long)results[1]);
		EXPECT_TRUE(!results[0] || !results[1]);
		c.fd = race.fd;
		EXPECT_EQ(0, conn_byebye(&c));
		close(race.fd);
	}
}

static void *race_bus_make(void *arg)
{
	static int names;
	struct race *race = arg;
	char name[16];

	snprintf(name, sizeof(name), "0-race%d",
		 __atomic_fetch_add(&names, 1, __ATOMIC_RELAXED) % 2);
	pthread_barrier_wait(&race->start);
	return (void *)(long)bus_make(race->fd, name, 0);
}

TEST_F(handle, one_of_two_racing_bus_makes_wins)
{
	struct race race;
	pthread_t threads[2];
	void *results[2];
	int i, round, buses;

	pthread_barrier_init(&race.start, NULL, 2);
	for (round = 0; round < 30; round++) {
		race.fd = open_control(&self->domain);
		ASSERT_LE(0, race.fd);
		for (i = 0; i < 2; i++)
			pthread_create(&threads[i], NULL, race_bus_make, &race);
		for (i = 0; i < 2; i++)
			pthread_join(threads[i], &results[i]);

		EXPECT_EQ(-EBADFD, (long)results[0] + (long)results[1]);
		EXPECT_TRUE(!results[0] || !results[1]);
		buses = 0;
		for (i = 0; i < 2; i++)
			buses += !access(path_in(&self->domain, "0-race%d", i),
					 F_OK);
		EXPECT_EQ(1, buses);
		close(race.fd);
	}
}

/* The open file counts, not the descriptor: dup() and fork() share it. */
TEST_F(handle, shared_file_is_one_handle)
{
	struct conn c;
	pid_t pid;
	int fd;

	ASSERT_EQ(0, conn_new(&c, &self->domain, "0-bus"));
	fd = dup(c.fd);
	EXPECT_EQ(-EBADFD, cmd_run(fd, KDBUS_CMD_HELLO, hello_new(POOL_SIZE)));
	close(c.fd);
	c.fd = fd;
	EXPECT_EQ(LIVE, poll_now(fd));

	pid = fork_as(0, 0);
	if (pid == 0) {
		CHECK(send_cookie(&c, c.id, 3) == 0);
		close(c.fd);
		close(self->bus);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
	EXPECT_EQ(3, receive_cookie(&c));
	EXPECT_EQ(0, conn_byebye(&c));

	pid = fork_as(0, 0);
	if (pid == 0) {
		CHECK(conn_byebye(&c) == -ECONNRESET);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
}

TEST_F(handle, closing_the_last_copy_ends_the_connection)
{
	struct conn c, peer;
	int fd;

	ASSERT_EQ(0, conn_new(&c, &self->domain, "0-bus"));
	ASSERT_EQ(0, conn_new(&peer, &self->domain, "0-bus"));
	fd = dup(c.fd);
	close(c.fd);
	EXPECT_EQ(0, send_cookie(&peer, c.id, 1));
	close(fd);
	EXPECT_EQ(-ENXIO, send_cookie(&peer, c.id, 2));
}

TEST_F(handle, closing_the_last_copy_ends_the_bus)
{
	char *path = path_in(&self->domain, "0-bus/bus");
	int fd;

	fd = dup(self->bus);
	close(self->bus);
	EXPECT_EQ(0, access(path, F_OK));
	close(fd);
	EXPECT_EQ(-1, access(path, F_OK));
	EXPECT_EQ(ENOENT, errno);
}

KDBUS_HARNESS_MAIN
