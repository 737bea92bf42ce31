// SPDX-License-Identifier: LGPL-2.1+
/*
 * Many processes that do everything at once and end in the middle of it; what
 * they had must be back when they are gone.
 */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "recv_util.h"
#include "kdbus_harness.h"

#define N_WORKERS	6
#define STORM_POOL	(64 * 1024)
#define CGROUP		"/sys/fs/cgroup/kdbus-storm"

/*
 * What there is of the kernel's memory
 */

/**
 * struct tally - what must be the same before and after
 * @objects:	in the caches of the module
 * @shmem:	kB of shared memory
 */
struct tally {
	long objects;
	long shmem;
};

static long read_number(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	char line[256];
	long number = -1;

	while (file && number < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			number = atol(line + strlen(key));
	if (file)
		fclose(file);
	return number;
}

static void write_to(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	if (file) {
		fputs(text, file);
		fclose(file);
	}
}

/* A cache that others share says nothing. */
static long count_objects(void)
{
	char pattern[64], path[256];
	long objects = 0;
	glob_t caches;
	size_t i;

	snprintf(pattern, sizeof(pattern), "/sys/kernel/slab/%.*s_*",
		 (int)strlen(kdbus_fs_type()) - 2, kdbus_fs_type());
	if (glob(pattern, 0, NULL, &caches) != 0)
		return 0;
	for (i = 0; i < caches.gl_pathc; i++) {
		snprintf(path, sizeof(path), "%s/aliases", caches.gl_pathv[i]);
		if (read_number(path, "") > 0)
			continue;
		/* gives back what processors keep for themselves */
		snprintf(path, sizeof(path), "%s/shrink", caches.gl_pathv[i]);
		write_to(path, "1");
		snprintf(path, sizeof(path), "%s/objects", caches.gl_pathv[i]);
		objects += read_number(path, "");
	}
	globfree(&caches);
	return objects;
}

static struct tally tally_now(void)
{
	/* adds up what each processor counts for itself */
	write_to("/proc/sys/vm/stat_refresh", "1");
	return (struct tally){
		.objects = count_objects(),
		.shmem = read_number("/proc/meminfo", "Shmem:"),
	};
}

/* Some is freed after a grace period. */
static bool is_back(const struct tally *before)
{
	struct tally now;
	int i;

	for (i = 0; i < 2400; i++) {
		now = tally_now();
		if (now.objects <= before->objects &&
		    now.shmem <= before->shmem)
			return true;
		usleep(50000);
	}
	printf("# %ld objects, %ld before; %ld kB, %ld before\n", now.objects,
	       before->objects, now.shmem, before->shmem);
	return false;
}

/*
 * The load: every command, on a connection of one's own
 */

static unsigned int seed;

static unsigned int below(unsigned int n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % n;
}

static struct kdbus_msg *any_msg(const struct conn *c)
{
	static char bytes[3 * 4096];
	__u64 dst = below(2) ? c->id + 1 - below(3) : 1 + below(40);
	struct kdbus_msg *msg;
	struct timespec now;
	int fds[1] = { STDIN_FILENO };

	clock_gettime(CLOCK_MONOTONIC, &now);
	switch (below(5)) {
	case 0:
		msg = signal_new(BCAST, 1);
		break;
	case 1:
		msg = call_new(dst, 1 + below(4), 1000000000ULL * now.tv_sec +
			       now.tv_nsec + below(5000000));
		break;
	case 2:
		msg = reply_new(dst, 1, 1 + below(4));
		break;
	default:
		msg = msg_new(dst, 1);
		item_add(msg, KDBUS_ITEM_FDS, fds, sizeof(fds));
	}
	item_add_vec(msg, bytes, 1 + below(sizeof(bytes)));
	return msg;
}

static void do_send(const struct conn *c)
{
	struct kdbus_msg *msg = any_msg(c);
	struct kdbus_cmd_send *cmd = send_new(msg);

	if (msg->flags & KDBUS_MSG_EXPECT_REPLY)
		cmd->flags = below(2) * KDBUS_SEND_SYNC_REPLY;
	if (cmd_run(c->fd, KDBUS_CMD_SEND, cmd) == 0 && cmd->flags)
		conn_free(c, cmd->reply.offset);
	free(cmd);
	free(msg);
}

static void do_receive(const struct conn *c)
{
	struct kdbus_cmd_recv *recv = recv_new(below(4) ? 0 :
					       KDBUS_RECV_DROP, 0);
	const struct kdbus_item *item;

	if (conn_recv(c, recv) == 0 && !recv->flags) {
		item = find(msg_at(c, recv->msg.offset), KDBUS_ITEM_FDS);
		if (item && item->fds[0] >= 0)
			close(item->fds[0]);
		if (below(8))
			conn_free(c, recv->msg.offset);
	}
	free(recv);
}

static void do_match(const struct conn *c)
{
	struct kdbus_cmd_match *match = match_new(below(3));

	cmd_run(c->fd, below(2) ? KDBUS_CMD_MATCH_ADD : KDBUS_CMD_MATCH_REMOVE,
		match);
	free(match);
}

static void do_name(const struct conn *c)
{
	char name[] = "storm.a";

	name[6] += below(4);
	if (below(2))
		name_acquire(c, name, REPLACE | ALLOW | QUEUE);
	else
		name_release(c, name);
}

/* What is told is freed at once. */
static void do_ask(const struct conn *c)
{
	struct kdbus_cmd_info *info = object_new(sizeof(*info));
	struct kdbus_cmd_list list;

	info->id = 1 + below(40);
	info->attach_flags = _KDBUS_ATTACH_ANY;
	switch (below(3)) {
	case 0:
		if (list_run(c, KDBUS_LIST_UNIQUE | KDBUS_LIST_NAMES,
			     &list) == 0)
			conn_free(c, list.offset);
		break;
	case 1:
		if (cmd_run(c->fd, KDBUS_CMD_CONN_INFO, info) == 0)
			conn_free(c, info->offset);
		break;
	case 2:
		if (cmd_run(c->fd, KDBUS_CMD_BUS_CREATOR_INFO, info) == 0)
			conn_free(c, info->offset);
		break;
	}
	free(info);
}

static void do_update(const struct conn *c)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	__u64 attach = below(2) ? _KDBUS_ATTACH_ALL : 0;

	item_add(cmd, KDBUS_ITEM_ATTACH_FLAGS_RECV, &attach, sizeof(attach));
	cmd_run(c->fd, KDBUS_CMD_UPDATE, cmd);
	free(cmd);
}

static struct kdbus_cmd *policy_new(void)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	struct kdbus_policy_access world = {
		.type = KDBUS_POLICY_ACCESS_WORLD,
		.access = below(3),
	};

	item_add_str(cmd, KDBUS_ITEM_NAME, "storm.*");
	item_add(cmd, KDBUS_ITEM_POLICY_ACCESS, &world, sizeof(world));
	return cmd;
}

/* a bus or an endpoint that is gone when the file is closed */
static void do_make(const struct domain *d)
{
	bool bus = below(2);
	int fd = bus ? open_control(d) : open_endpoint(d, "0-bus");
	char name[32];

	if (fd < 0)
		return;
	snprintf(name, sizeof(name), "0-storm-%u", below(4));
	if (bus) {
		bus_make(fd, name, 0);
	} else {
		struct kdbus_cmd *make = object_new(sizeof(*make));
		struct kdbus_cmd *policy = policy_new();

		item_add_str(make, KDBUS_ITEM_MAKE_NAME, name);
		if (cmd_run(fd, KDBUS_CMD_ENDPOINT_MAKE, make) == 0)
			cmd_run(fd, KDBUS_CMD_ENDPOINT_UPDATE, policy);
		free(policy);
		free(make);
	}
	close(fd);
}

static void do_other(const struct domain *d, const struct conn *c)
{
	switch (below(6)) {
	case 0:
		do_match(c);
		break;
	case 1:
		do_update(c);
		break;
	case 2:
		do_make(d);
		break;
	case 3:
		do_ask(c);
		break;
	default:
		do_name(c);
	}
}

/* until killed, or until the bus has gone */
static int work(const struct domain *d, const char *endpoint,
		unsigned int number)
{
	struct conn c;
	unsigned int i;

	seed = number * 7919 + getpid();
	for (;;) {
		if (hello(&c, open_in(d, endpoint, O_RDWR), ACCEPT_FD,
			  below(2) ? _KDBUS_ATTACH_ALL : 0, STORM_POOL) < 0)
			return 0;
		for (i = 0; i < 300 && !(poll_now(c.fd) & POLLHUP); i++) {
			if (below(3) == 0)
				do_send(&c);
			else if (below(2))
				do_receive(&c);
			else
				do_other(d, &c);
		}
		if (below(2))
			conn_byebye(&c);
		conn_close(&c);
	}
}

/*
 * One end of a pipe, which the workers send to each other as standard input:
 * the other end tells when no message has it any more.
 */
static int sent_file;

static pid_t worker_start_at(const struct domain *d, const char *endpoint,
			     unsigned int number)
{
	pid_t pid = fork_as(0, 0);

	if (pid == 0) {
		dup2(sent_file, STDIN_FILENO);
		/* not a copy of the descriptor that keeps the bus */
		syscall(SYS_close_range, 3, ~0U, 0);
		_exit(work(d, endpoint, number));
	}
	return pid;
}

static pid_t worker_start(const struct domain *d, unsigned int number)
{
	return worker_start_at(d, "0-bus/bus", number);
}

/* Killed it is, or it ended by itself; nothing else. */
static bool worker_end(pid_t pid)
{
	int r;

	kill(pid, SIGKILL);
	r = child_wait(pid);
	return r == -SIGKILL || r == 0;
}

FIXTURE(storm) {
	struct domain domain;
	struct domain *d;
	struct tally before;
	int pipe;
};

FIXTURE_SETUP(storm)
{
	int fds[2];

	self->d = &self->domain;
	self->before = tally_now();
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_EQ(0, pipe(fds));
	self->pipe = fds[0];
	sent_file = fds[1];
}

FIXTURE_TEARDOWN(storm)
{
	struct pollfd p = { .fd = self->pipe };

	close(sent_file);
	EXPECT_EQ(1, poll(&p, 1, 60000));
	EXPECT_EQ(POLLHUP, p.revents);
	EXPECT_EQ(0, domain_leave(self->d));
	EXPECT_TRUE(is_back(&self->before));
}

/*
 * What is at a bus whose workers are gone: connections, names, and how much a
 * user can have queued.
 */
struct books {
	char list[256];
	struct room room;
};

static void books_read(struct books *books, const struct conn *c,
		       const struct conn *other)
{
	memset(books, 0, sizeof(*books));
	snprintf(books->list, sizeof(books->list), "%s",
		 listed(c, KDBUS_LIST_UNIQUE | KDBUS_LIST_NAMES |
			KDBUS_LIST_QUEUED));
	if (room_measure(c, other, &books->room) < 0)
		books->room.msgs = ~0U;
}

TEST_F(storm, kill_in_the_middle_of_everything)
{
	struct books before, after;
	struct conn bystanders[2];
	struct kdbus_cmd_recv recv;
	pid_t pids[N_WORKERS];
	int i, round;

	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, peer_new(&bystanders[i], self->d, ACCEPT_FD));
	ASSERT_LT(0, name_acquire(&bystanders[1], "storm.bystander", 0));
	books_read(&before, &bystanders[0], &bystanders[1]);
	ASSERT_LT(0, before.room.fds);
	for (i = 0; i < N_WORKERS; i++)
		pids[i] = worker_start(self->d, i);
	seed = 1;
	for (round = 0; round < 150; round++) {
		i = below(N_WORKERS);
		usleep(below(20000));
		ASSERT_TRUE(worker_end(pids[i]));
		pids[i] = worker_start(self->d, i);
	}
	for (i = 0; i < N_WORKERS; i++)
		EXPECT_TRUE(worker_end(pids[i]));

	/* some has been sent to them, and files are among it */
	for (i = 0; i < 2; i++)
		while (take(&bystanders[i], DROP, &recv) == 0)
			;
	books_read(&after, &bystanders[0], &bystanders[1]);
	EXPECT_STREQ(before.list, after.list);
	EXPECT_EQ(before.room.msgs, after.room.msgs);
	EXPECT_EQ(before.room.bytes, after.room.bytes);
	EXPECT_EQ(before.room.fds, after.room.fds);
	for (i = 0; i < 2; i++)
		conn_close(&bystanders[i]);
}

TEST_F(storm, end_of_the_bus_under_load)
{
	pid_t pids[N_WORKERS];
	int i, round, bus;

	seed = 2;
	for (round = 0; round < 20; round++) {
		bus = bus_new(self->d, "0-bus", 0);
		ASSERT_LE(0, bus);
		for (i = 0; i < N_WORKERS; i++)
			pids[i] = worker_start(self->d, i);
		usleep(50000 + below(100000));
		ASSERT_EQ(0, close(bus));
		for (i = 0; i < N_WORKERS; i++) {
			/* without a bus they end by themselves */
			ASSERT_EQ(0, child_wait(pids[i]));
		}
	}
}

/* Only those of this endpoint have to leave. */
TEST_F(storm, end_of_an_endpoint_under_load)
{
	pid_t pids[2 * N_WORKERS];
	struct kdbus_cmd *make;
	int i, round, fd;

	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	for (i = N_WORKERS; i < 2 * N_WORKERS; i++)
		pids[i] = worker_start(self->d, i);
	for (round = 0; round < 20; round++) {
		make = object_new(sizeof(*make));
		item_add_str(make, KDBUS_ITEM_MAKE_NAME, "0-ep");
		fd = open_endpoint(self->d, "0-bus");
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, cmd_run(fd, KDBUS_CMD_ENDPOINT_MAKE, make));
		free(make);
		make = policy_new();
		ASSERT_EQ(0, cmd_run(fd, KDBUS_CMD_ENDPOINT_UPDATE, make));
		free(make);
		for (i = 0; i < N_WORKERS; i++)
			pids[i] = worker_start_at(self->d, "0-bus/0-ep", i);
		usleep(50000 + below(100000));
		ASSERT_EQ(0, close(fd));
		for (i = 0; i < N_WORKERS; i++)
			ASSERT_EQ(0, child_wait(pids[i]));
	}
	for (i = N_WORKERS; i < 2 * N_WORKERS; i++)
		EXPECT_TRUE(worker_end(pids[i]));
}

/* The descriptors of the dead are closed by whoever was last. */
TEST_F(storm, end_of_the_maker_under_load)
{
	pid_t pids[N_WORKERS], maker;
	int i, round;

	for (round = 0; round < 20; round++) {
		maker = fork_as(0, 0);
		if (maker == 0) {
			CHECK(bus_new(self->d, "0-bus", 0) >= 0);
			kill(getpid(), SIGSTOP);
			_exit(0);
		}
		ASSERT_EQ(maker, waitpid(maker, NULL, WUNTRACED));
		for (i = 0; i < N_WORKERS; i++)
			pids[i] = worker_start(self->d, i);
		usleep(50000);
		ASSERT_TRUE(worker_end(maker));
		for (i = 0; i < N_WORKERS; i++)
			ASSERT_TRUE(worker_end(pids[i]));
	}
}

TEST_F(storm, mounts_come_and_go)
{
	int i, round, status;
	pid_t pids[4];

	for (i = 0; i < 4; i++) {
		pids[i] = fork_as(0, 0);
		if (pids[i] != 0)
			continue;
		for (round = 0; round < 40; round++) {
			struct domain d;
			struct conn c;
			int bus;

			CHECK(domain_mount(&d, 0, NULL) == 0);
			bus = bus_new(&d, "0-bus", 0);
			CHECK(bus >= 0);
			CHECK(conn_new(&c, &d, "0-bus") == 0);
			CHECK(send_cookie(&c, c.id, 1) == 0);
			CHECK(umount2(d.dir, round % 2 ? MNT_DETACH : 0) ==
			      (round % 2 ? 0 : -1));
			conn_close(&c);
			close(bus);
			CHECK(round % 2 || umount(d.dir) == 0);
			CHECK(rmdir(d.dir) == 0);
		}
		_exit(0);
	}
	for (i = 0; i < 4; i++) {
		status = child_wait(pids[i]);
		EXPECT_EQ(0, status);
	}
}

/* A crowd gets as many connections as the limit allows, again and again. */
TEST_F(storm, crowd_at_the_limit)
{
	char path[128], old[16] = "", now[16];
	int i, round, fd, *got;
	pid_t pids[40];

	snprintf(path, sizeof(path),
		 "/sys/module/%.*s/parameters/max_conns_per_user",
		 (int)strlen(kdbus_fs_type()) - 2, kdbus_fs_type());
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_LT(0, read(fd, old, sizeof(old) - 1));
	write_to(path, "16");
	ASSERT_LT(0, pread(fd, now, sizeof(now), 0));
	ASSERT_EQ(0, strncmp(now, "16\n", 3));
	got = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, got);

	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	for (round = 0; round < 10; round++) {
		*got = 0;
		for (i = 0; i < 40; i++) {
			struct conn c;
			int r;

			pids[i] = fork_as(0, 0);
			if (pids[i] != 0)
				continue;
			r = conn_new_sized(&c, self->d, "0-bus", 4096);
			CHECK(r == 0 || r == -EMFILE);
			if (r == 0)
				__atomic_add_fetch(got, 1, __ATOMIC_SEQ_CST);
			for (;;)
				pause();
		}
		while (__atomic_load_n(got, __ATOMIC_SEQ_CST) < 16)
			usleep(1000);
		for (i = 0; i < 40; i++)
			sleeping_wait(pids[i]);
		EXPECT_EQ(16, *got);
		for (i = 0; i < 40; i++)
			EXPECT_TRUE(worker_end(pids[i]));
	}
	write_to(path, old);
	close(fd);
	munmap(got, 4096);
}

/* Who runs out of memory is killed or gets ENOMEM; nobody else is hurt. */
TEST_F(storm, memory_cgroup_too_small)
{
	struct conn outside;
	pid_t pids[N_WORKERS];
	int i, round, r;

	if (mkdir(CGROUP, 0755) < 0 && errno != EEXIST)
		SKIP(return, "no cgroups");
	if (access(CGROUP "/memory.max", W_OK) < 0) {
		rmdir(CGROUP);
		SKIP(return, "no memory cgroups");
	}
	write_to(CGROUP "/memory.swap.max", "0");
	write_to(CGROUP "/memory.max", "3M");
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	ASSERT_EQ(0, conn_new(&outside, self->d, "0-bus"));

	for (round = 0; round < 5; round++) {
		for (i = 0; i < N_WORKERS; i++) {
			pids[i] = fork_as(0, 0);
			if (pids[i] == 0) {
				write_to(CGROUP "/cgroup.procs", "0");
				_exit(work(self->d, "0-bus/bus", i));
			}
		}
		usleep(300000);
		/* others of root write to it, too */
		do {
			while (receive_cookie(&outside))
				;
			r = send_cookie(&outside, outside.id, 77);
		} while (r == -ENOBUFS || r == -EXFULL);
		ASSERT_EQ(0, r);
		while (receive_cookie(&outside) != 77)
			;
		for (i = 0; i < N_WORKERS; i++) {
			kill(pids[i], SIGKILL);
			r = child_wait(pids[i]);
			/* one that cannot even allocate a command aborts */
			EXPECT_TRUE(r == -SIGKILL || r == 0 || r == -SIGABRT);
		}
	}
	conn_close(&outside);
	/* what they had in pools is not charged to anybody any more */
	for (i = 0; i < 2400 && read_number(CGROUP "/memory.stat", "shmem ") > 0;
	     i++)
		usleep(50000);
	EXPECT_EQ(0, read_number(CGROUP "/memory.stat", "shmem "));
	EXPECT_EQ(0, rmdir(CGROUP));
}

KDBUS_HARNESS_MAIN
