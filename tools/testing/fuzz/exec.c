// SPDX-License-Identifier: LGPL-2.1+
/*
 * The executors: what they are, and how they do operations.
 *
 *   0, 1   two threads of a process of root
 *   2      a process of another user
 *   3      a process that is root in user and pid namespaces of its own
 *
 * They share descriptors with each other and with the coordinator, who sets the
 * scene and tells them what to do.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/kcov.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define FIRST_SLOT_FD	100
#define EXTRA_FDS	6
#define LAST_FD		(FIRST_SLOT_FD + N_SLOTS + EXTRA_FDS - 1)
#define FIRST_LOOSE_FD	40
#define USER		11001
#define KCOV_WORDS	(1 << 16)
#define ALL_OPS		(~0U)

struct shared *shared;
bool has_coverage;

/* the process of each executor, 0 if there is none */
static pid_t pids[N_EXECUTORS];

static __thread uint64_t *trace;

/* The first one counts. */
void fail(const char *format, ...)
{
	va_list args;

	if (shared->failure[0])
		return;
	va_start(args, format);
	vsnprintf(shared->failure, FAILURE_SIZE, format, args);
	va_end(args);
}

static void futex_wait(uint32_t *word, uint32_t value, unsigned int ms)
{
	struct timespec timeout = { ms / 1000, ms % 1000 * 1000000L };

	syscall(SYS_futex, word, FUTEX_WAIT, value, ms ? &timeout : NULL);
}

static void futex_set(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, word, FUTEX_WAKE, 1);
}

/*
 * Coverage
 */

static void trace_open(void)
{
	int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);

	trace = NULL;
	if (fd < 0)
		return;
	if (ioctl(fd, KCOV_INIT_TRACE, KCOV_WORDS) == 0)
		trace = mmap(NULL, KCOV_WORDS * sizeof(*trace),
			     PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (trace == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC) < 0)
		trace = NULL;
	/* it lives as long as the mapping and the task */
	close(fd);
}

/* Which step from block to block is in the trace, is what is new. */
static void trace_fold(void)
{
	uint64_t i, n, pc, before = 0;
	uint32_t index;

	if (!trace)
		return;
	n = __atomic_load_n(&trace[0], __ATOMIC_RELAXED);
	for (i = 1; i <= n && i < KCOV_WORDS; i++) {
		pc = trace[i];
		index = (pc * 0x9e3779b97f4a7c15ULL ^
			 before * 0xc2b2ae3d27d4eb4fULL) >> 48;
		if (!shared->signal[index % SIGNAL_SIZE]) {
			shared->signal[index % SIGNAL_SIZE] = 1;
			__atomic_add_fetch(&shared->fresh, 1, __ATOMIC_SEQ_CST);
		}
		before = pc;
	}
	__atomic_store_n(&trace[0], 0, __ATOMIC_RELAXED);
}

/*
 * Operations
 */

static int slot_fd(unsigned int slot)
{
	return FIRST_SLOT_FD + slot;
}

static void slot_open(unsigned int slot, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", shared->world.dir, name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	dup3(fd, slot_fd(slot), O_CLOEXEC);
	close(fd);
}

static void op_open(const struct op *op)
{
	static const char *const paths[] = {
		"0-bus/bus", "0-bus/bus", "0-bus/bus", "control", "control",
		"0-bus/extra", "0-bus/0-extra", "11001-bus/bus", "0-other/bus",
	};

	slot_open(op->slot, paths[op->seed % 9]);
}

/* nothing else is going on that could give the slot to another */
static bool is_alone(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < N_EXECUTORS; i++)
		n += __atomic_load_n(&shared->running[i], __ATOMIC_SEQ_CST) ||
		     __atomic_load_n(&shared->next[i], __ATOMIC_SEQ_CST);
	return n == 1;
}

static void look_at(int fd, const struct kdbus_msg_info *info, bool installed)
{
	struct stat st;
	uint8_t *pool;
	size_t size = 1;

	/* how large is it? what is behind its end cannot be mapped */
	for (size = 4096; size < (1UL << 27); size += size) {
		pool = mmap(NULL, 2 * size, PROT_READ, MAP_SHARED, fd, 0);
		if (pool == MAP_FAILED)
			break;
		munmap(pool, 2 * size);
	}
	pool = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (pool == MAP_FAILED || fstat(fd, &st) < 0)
		return;
	/* a pool may be of any number of pages */
	if (info->offset + info->msg_size <= size)
		check_message(pool, size, info, installed);
	munmap(pool, size);
}

static void check_result(const struct abi_command *c, int fd,
			 const struct op *op, void *argument)
{
	struct kdbus_cmd_recv *recv = argument;
	struct kdbus_cmd_hello *hello = argument;
	struct kdbus_cmd_list *list = argument;

	if (recv->flags & KDBUS_FLAG_NEGOTIATE)
		return;
	switch (c->nr) {
	case KDBUS_CMD_RECV:
		shared->world.offsets[op->slot] = recv->msg.offset;
		if (!(recv->flags & KDBUS_RECV_DROP) && is_alone())
			look_at(fd, &recv->msg,
				!(recv->flags & KDBUS_RECV_PEEK));
		break;
	case KDBUS_CMD_HELLO:
		shared->world.offsets[op->slot] = hello->offset;
		break;
	case KDBUS_CMD_LIST:
		shared->world.offsets[op->slot] = list->offset;
		break;
	}
}

/* The commands that work on a file that was just opened seldom meet one. */
static void give_fresh(const struct op *op, const struct abi_command *c)
{
	struct rng rng;

	rng_init(&rng, ~(uint64_t)op->seed);
	if (one_in(&rng, 3))
		return;
	if (c->nr == KDBUS_CMD_BUS_MAKE)
		slot_open(op->slot, "control");
	else if (c->nr == KDBUS_CMD_HELLO || c->nr == KDBUS_CMD_ENDPOINT_MAKE)
		slot_open(op->slot, "0-bus/bus");
}

static void run_command(const struct op *op, const struct abi_command *c)
{
	unsigned int nr = c - abi_commands;
	int r, error, fd = slot_fd(op->slot);
	struct rng rng;
	void *argument;

	give_fresh(op, c);
	rng_init(&rng, op->seed);
	argument = build_command(&rng, c, &shared->world, op->slot);
	/* so that it stays the same file even if the slot is used anew */
	fd = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_LOOSE_FD);
	if (fd < 0)
		return;
	shared->tried[nr]++;
	r = ioctl(fd, c->nr, one_in(&rng, 64) ? NULL : argument);
	error = errno;
	if (r == 0) {
		shared->succeeded[nr]++;
		check_result(c, fd, op, argument);
	} else if (r > 0 || !abi_may_fail_with(c, error)) {
		fail("%s returned %d, %s", c->name, r, strerror(error));
	}
	close(fd);
}

/* receive like a program that does its job */
static void op_take(const struct op *op)
{
	struct kdbus_cmd_recv recv = { .size = sizeof(recv) };
	struct kdbus_cmd_free release = { .size = sizeof(release) };
	int fd = fcntl(slot_fd(op->slot), F_DUPFD_CLOEXEC, FIRST_LOOSE_FD);

	while (fd >= 0 && ioctl(fd, KDBUS_CMD_RECV, &recv) == 0) {
		if (is_alone())
			look_at(fd, &recv.msg, true);
		release.offset = recv.msg.offset;
		if (ioctl(fd, KDBUS_CMD_FREE, &release) < 0 &&
		    errno != ECONNRESET && is_alone())
			fail("FREE of a received message: %s",
			     strerror(errno));
	}
	close(fd);
}

static void op_map(const struct op *op)
{
	size_t size = 4096UL << op->seed % 8;
	void *p = mmap(NULL, size, PROT_READ | (op->seed >> 8) % 2 * PROT_WRITE,
		       MAP_SHARED, slot_fd(op->slot), 0);

	if (p != MAP_FAILED)
		munmap(p, size);
}

static void run_op(const struct op *op)
{
	struct pollfd p = { .fd = slot_fd(op->slot), .events = POLLIN };

	switch (op->kind) {
	case OP_OPEN:
		op_open(op);
		break;
	case OP_CLOSE:
		close(slot_fd(op->slot));
		break;
	case OP_MAP:
		op_map(op);
		break;
	case OP_POLL:
		poll(&p, 1, op->seed % 4);
		break;
	case OP_TAKE:
		op_take(op);
		break;
	case OP_KILL:
		/* done by the coordinator */
		break;
	default:
		run_command(op, &abi_commands[op->kind]);
	}
}

/*
 * Executors
 */

static void run_next(unsigned int self, uint32_t next)
{
	const struct program *p = &shared->program;
	unsigned int i;

	for (i = 0; i < p->n; i++) {
		if (next == ALL_OPS ? p->ops[i].executor != self :
				      i + 1 != next)
			continue;
		run_op(&p->ops[i]);
		__atomic_add_fetch(&shared->done, 1, __ATOMIC_SEQ_CST);
	}
	trace_fold();
}

static void *executor(void *data)
{
	unsigned int self = (unsigned long)data;
	uint32_t *word = &shared->next[self], next;

	trace_open();
	for (;;) {
		while (!(next = __atomic_load_n(word, __ATOMIC_SEQ_CST)))
			futex_wait(word, 0, 0);
		__atomic_store_n(&shared->running[self], 1, __ATOMIC_SEQ_CST);
		__atomic_store_n(word, 0, __ATOMIC_SEQ_CST);
		run_next(self, next);
		futex_set(&shared->running[self], 0);
	}
	return NULL;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(1);
	close(fd);
}

static void become(unsigned int self)
{
	pthread_t thread;

	if (self == 0 &&
	    pthread_create(&thread, NULL, executor, (void *)1UL) != 0)
		_exit(1);
	if (self == 2 && (setresgid(USER, USER, USER) < 0 ||
			  setresuid(USER, USER, USER) < 0))
		_exit(1);
	if (self == 3) {
		write_file("/proc/self/setgroups", "deny");
		write_file("/proc/self/uid_map", "0 0 1");
		write_file("/proc/self/gid_map", "0 0 1");
	}
	/* behind all that changes credentials, which would undo it */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

static void executor_start(unsigned int self)
{
	long flags = CLONE_FILES | SIGCHLD;
	pid_t pid;

	shared->next[self] = shared->running[self] = 0;
	if (self == 0)
		shared->next[1] = shared->running[1] = 0;
	if (self == 3)
		flags |= CLONE_NEWUSER | CLONE_NEWPID;
	pid = syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
	if (pid == 0) {
		become(self);
		executor((void *)(unsigned long)self);
		_exit(0);
	}
	if (pid < 0) {
		perror("kdbus-fuzz: clone");
		exit(2);
	}
	pids[self] = pid;
}

static void executors_start(void)
{
	unsigned int i;

	for (i = 0; i < N_EXECUTORS; i++)
		if (i != 1 && !pids[i])
			executor_start(i);
}

static void executor_kill(unsigned int self)
{
	unsigned int ms = 0;

	if (self == 1)
		self = 0;
	if (!pids[self])
		return;
	kill(pids[self], SIGKILL);
	while (waitpid(pids[self], NULL, WNOHANG) == 0) {
		if (ms++ > 60000) {
			fail("executor %u cannot be killed", self);
			break;
		}
		usleep(1000);
	}
	pids[self] = 0;
	shared->next[self] = shared->running[self] = 0;
	if (self == 0)
		shared->next[1] = shared->running[1] = 0;
}

/* Does an executor die that nobody killed? */
static void executors_check(void)
{
	unsigned int i;
	int status;

	for (i = 0; i < N_EXECUTORS; i++) {
		if (i == 1 || !pids[i] ||
		    waitpid(pids[i], &status, WNOHANG) != pids[i])
			continue;
		pids[i] = 0;
		fail("executor %u ended with status %#x", i, status);
	}
}

static bool is_busy(unsigned int i)
{
	return pids[i == 1 ? 0 : i] &&
	       (__atomic_load_n(&shared->next[i], __ATOMIC_SEQ_CST) ||
		__atomic_load_n(&shared->running[i], __ATOMIC_SEQ_CST));
}

static bool idle_wait(unsigned int i, unsigned int ms)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (is_busy(i)) {
		futex_wait(&shared->running[i], 1, 2);
		sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &now);
		if ((now.tv_sec - start.tv_sec) * 1000 +
		    (now.tv_nsec - start.tv_nsec) / 1000000 > (long)ms)
			return false;
	}
	return true;
}

/*
 * The scene
 */

static void put_fd(int fd, unsigned int at)
{
	dup3(fd, FIRST_SLOT_FD + N_SLOTS + at, O_CLOEXEC);
	close(fd);
}

void executors_init(void)
{
	int fds[2];

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		perror("kdbus-fuzz");
		exit(2);
	}
	strcpy(shared->world.dir, "/tmp/kdbus-fuzz-XXXXXX");
	if (!mkdtemp(shared->world.dir) ||
	    chmod(shared->world.dir, 0755) < 0) {
		perror("kdbus-fuzz");
		exit(2);
	}
	/* what the kernel installs shall be behind what is kept */
	do
		fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	while (fds[0] >= 0 && fds[0] < FIRST_LOOSE_FD - 1);
	has_coverage = access("/sys/kernel/debug/kcov", R_OK) == 0;

	fds[0] = memfd_create("sealed", MFD_ALLOW_SEALING);
	if (ftruncate(fds[0], 5000) == 0)
		fcntl(fds[0], F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW |
		      F_SEAL_WRITE | F_SEAL_SEAL);
	put_fd(fds[0], 0);
	put_fd(memfd_create("open", MFD_ALLOW_SEALING), 1);
	if (pipe(fds) == 0) {
		put_fd(fds[0], 2);
		close(fds[1]);
	}
	put_fd(eventfd(0, 0), 3);
	put_fd(open("/dev/null", O_RDWR), 4);
	put_fd(open("/dev/null", O_PATH), 5);
}

/* a bus and some peers, so that programs need not be long to be of interest */
static void prelude(const struct program *p)
{
	struct {
		struct kdbus_cmd cmd;
		__u64 bloom[4];
		struct { __u64 size, type; char name[8]; } name;
	} make = {
		.cmd = { sizeof(make) - 2, KDBUS_MAKE_ACCESS_WORLD, 0 },
		.bloom = { 32, KDBUS_ITEM_BLOOM_PARAMETER, 8, 1 },
		.name = { 16 + 6, KDBUS_ITEM_MAKE_NAME, "0-bus" },
	};
	struct kdbus_cmd_match match = { .size = sizeof(match) };
	struct kdbus_cmd_hello hello;
	unsigned int slot;

	slot_open(0, "control");
	ioctl(slot_fd(0), KDBUS_CMD_BUS_MAKE, &make);
	for (slot = 1; slot < N_SLOTS; slot++) {
		slot_open(slot, "0-bus/bus");
		if (slot > 8)
			continue;
		hello = (struct kdbus_cmd_hello){
			.size = sizeof(hello),
			.flags = slot == 5 && p->n % 2 ? KDBUS_HELLO_MONITOR :
							 KDBUS_HELLO_ACCEPT_FD,
			.attach_flags_recv = slot % 2 ? ~0ULL : 0,
			.pool_size = 16384ULL << slot,
		};
		ioctl(slot_fd(slot), KDBUS_CMD_HELLO, &hello);
		shared->world.offsets[slot] = hello.offset;
		if (slot > 2)
			ioctl(slot_fd(slot), KDBUS_CMD_MATCH_ADD, &match);
	}
}

static void scene_open(const struct program *p)
{
	struct timespec now;

	if (mount("kdbus", shared->world.dir, getenv("KDBUS_FS") ?: "kdbusfs",
		  0, NULL) < 0) {
		perror("kdbus-fuzz: mount");
		exit(2);
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	shared->world.deadline_base = now.tv_sec * 1000000000ULL + now.tv_nsec;
	shared->program = *p;
	memset(shared->world.offsets, 0, sizeof(shared->world.offsets));
	if (p->ops[0].seed % 5)
		prelude(p);
}

/* Whatever was done: without descriptors nothing keeps the mount. */
static void scene_close(void)
{
	unsigned int i;

	for (i = 0; i < N_EXECUTORS; i++)
		if (!idle_wait(i, 20000))
			executor_kill(i);
	executors_check();
	syscall(SYS_close_range, FIRST_LOOSE_FD, FIRST_SLOT_FD - 1, 0);
	for (i = 0; i < N_SLOTS; i++)
		close(slot_fd(i));
	syscall(SYS_close_range, LAST_FD + 1, ~0U, 0);
	for (i = 0; umount(shared->world.dir) < 0; i++) {
		if (i == 1000) {
			fail("the mount stays busy");
			umount2(shared->world.dir, MNT_DETACH);
			break;
		}
		usleep(10000);
	}
}

void executors_run(const struct program *p, bool racing)
{
	const struct op *op;
	unsigned int i;

	executors_start();
	scene_open(p);
	if (racing)
		for (i = 0; i < N_EXECUTORS; i++)
			futex_set(&shared->next[i], ALL_OPS);
	for (op = p->ops; op < p->ops + p->n; op++) {
		if (op->kind == OP_KILL && op->seed % 3 == 0) {
			executor_kill(op->executor);
			executors_start();
		} else if (!racing) {
			/* one that is busy still gets it when it is done */
			if (!idle_wait(op->executor, 20000))
				executor_kill(op->executor);
			executors_start();
			futex_set(&shared->next[op->executor],
				  op - p->ops + 1);
			idle_wait(op->executor, op->wait ? 20 : 1);
		}
	}
	scene_close();
}
