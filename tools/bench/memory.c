// SPDX-License-Identifier: LGPL-2.1+
/*
 * Memory: of connections that do nothing, and of pools after a burst. The
 * kernel counts what belongs to a control group; what it forgets to charge is
 * seen in the numbers for the whole machine.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "peer.h"

#define IDLE		4000

#define GROUP		"/sys/fs/cgroup/bench"

struct usage {
	uint64_t charged, pools, slab;
};

/* in bytes */
static struct usage usage(void)
{
	return (struct usage){
		.charged = read_field(GROUP "/memory.stat", "kernel"),
		.pools = read_field(GROUP "/memory.stat", "shmem"),
		.slab = (read_field("/proc/meminfo", "Slab:") +
			 read_field("/proc/meminfo", "Percpu:") +
			 read_field("/proc/meminfo", "VmallocUsed:")) * 1024,
	};
}

static void enter_group(void)
{
	write_file(GROUP "/cgroup.procs", "0");
}

static void connect_idle(void)
{
	uint64_t id = hello_small(open_bus());

	check(id, "a connection without an id");
}

static void connect_sockets(void)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		die("socketpair");
}

/* what a connection takes, next to the table of descriptors it is in */
static void measure_idle(const char *system, void (*connect_one)(void))
{
	struct usage before, after;
	int i, fd;

	enter_group();
	/* the table grows now */
	fd = dup2(0, 2 * IDLE + 100);
	close(fd);
	for (i = 0; i < 100; i++)
		connect_one();
	before = usage();
	for (i = 0; i < IDLE; i++)
		connect_one();
	after = usage();

	report("idle-charged", system, IDLE,
	       (after.charged - before.charged) / IDLE);
	report("idle-slab", system, IDLE, (after.slab - before.slab) / IDLE);
	report("idle-pool", system, IDLE, (after.pools - before.pools) / IDLE);
	exit(0);
}

/*
 * Large messages, received and given back all at once
 */

#define BURST		120
#define BURST_SIZE	65536

static void measure_burst(void)
{
	struct kdbus_msg *got[BURST];
	struct peer src, dst;
	struct message msg;
	int i, seconds;

	enter_group();
	src = hello(0);
	dst = hello(0);
	msg = message(dst.id, BURST_SIZE);
	report("burst-before", "kdbus", 0, usage().pools);
	for (i = 0; i < BURST; i++) {
		stamp(BURST_SIZE, i);
		kdbus_send(&src, &msg, 0);
		got[i] = kdbus_recv(&dst);
		kdbus_expect(got[i], BURST_SIZE, i, true);
	}
	report("burst-peak", "kdbus", BURST * BURST_SIZE, usage().pools);
	for (i = 0; i < BURST; i++)
		kdbus_free_msg(&dst, got[i]);
	for (seconds = 1; seconds <= 8; seconds *= 2) {
		sleep(seconds - seconds / 2);
		report("burst-after", "kdbus", seconds, usage().pools);
	}
	exit(0);
}

void bench_memory(void)
{
	pid_t pid;

	if (mkdir(GROUP, 0755) < 0)
		die(GROUP);
	pid = start_child();
	if (pid == 0)
		measure_idle("kdbus", connect_idle);
	wait_for_child(pid);
	pid = start_child();
	if (pid == 0)
		measure_idle("unix", connect_sockets);
	wait_for_child(pid);
	pid = start_child();
	if (pid == 0)
		measure_burst();
	wait_for_child(pid);
	rmdir(GROUP);
}
