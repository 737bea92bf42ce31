// SPDX-License-Identifier: LGPL-2.1+
/*
 * What the tests of sending, calls and replies have in common.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "send_util.h"

static void *shared_page(void)
{
	void *page;

	page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		abort();
	return page;
}

struct sender *sender_new(const struct conn *c, struct kdbus_msg *msg,
			  __u64 flags)
{
	struct sender *s = shared_page();

	s->c = c;
	s->msg = msg;
	s->cmd = shared_page();
	s->cmd->size = sizeof(*s->cmd);
	s->cmd->flags = flags;
	s->cmd->return_flags = ~0ULL;
	s->cmd->msg_address = PTR_TO_U64(msg);
	memset(&s->cmd->reply, 0xff, sizeof(s->cmd->reply));
	return s;
}

static void *sender_run(void *arg)
{
	struct sender *s = arg;

	__atomic_store_n(&s->id, syscall(SYS_gettid), __ATOMIC_RELEASE);
	s->result = cmd_run(s->c->fd, KDBUS_CMD_SEND, s->cmd);
	s->end = now();
	return NULL;
}

struct sender *sender_start(struct sender *s, enum sender_type type)
{
	pid_t pid;

	s->type = type;
	s->id = 0;
	if (type == THREAD) {
		CHECK(pthread_create(&s->thread, NULL, sender_run, s) == 0);
		return s;
	}

	pid = fork_as(0, 0);
	CHECK(pid >= 0);
	if (pid == 0) {
		sender_run(s);
		_exit(0);
	}
	/* it says the same */
	__atomic_store_n(&s->id, pid, __ATOMIC_RELEASE);
	return s;
}

void sender_sleeps(const struct sender *s)
{
	while (!__atomic_load_n(&s->id, __ATOMIC_ACQUIRE))
		sched_yield();
	sleeping_wait(s->id);
}

int sender_end(struct sender *s)
{
	int r;

	if (s->type == THREAD) {
		CHECK(pthread_join(s->thread, NULL) == 0);
	} else {
		r = child_wait(s->id);
		/* killed, or failed in another way */
		if (r != 0)
			return r;
	}
	return s->result;
}

void call_waits(const struct sender *s, const struct conn *dst)
{
	readable_wait(dst);
	sender_sleeps(s);
}

struct sender *call_start(const struct conn *c, const struct conn *dst,
			  __u64 cookie, enum sender_type type)
{
	struct sender *s;

	s = sender_new(c, call_new(dst->id, cookie, NEVER), SYNC);
	sender_start(s, type);
	call_waits(s, dst);
	return s;
}

__u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

int memfd_new(size_t size, unsigned int seals)
{
	int fd = memfd_create("test", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, size) < 0 ||
	    (seals && fcntl(fd, F_ADD_SEALS, seals) < 0))
		return -errno;
	return fd;
}

int next_number(void)
{
	int fd = fcntl(0, F_DUPFD, 0);

	close(fd);
	return fd;
}

void pin_to_first_cpu(void)
{
	cpu_set_t cpus;
	int i;

	CHECK(sched_getaffinity(0, sizeof(cpus), &cpus) == 0);
	for (i = 0; !CPU_ISSET(i, &cpus); i++)
		;
	CPU_ZERO(&cpus);
	CPU_SET(i, &cpus);
	CHECK(sched_setaffinity(0, sizeof(cpus), &cpus) == 0);
}

struct kdbus_msg *with_fd(struct kdbus_msg *msg, int fd)
{
	item_add(msg, KDBUS_ITEM_FDS, &fd, sizeof(fd));
	return msg;
}

struct kdbus_msg *with_bytes(struct kdbus_msg *msg, size_t size)
{
	static const __u8 bytes[256 * 1024];

	if (size > sizeof(bytes))
		abort();
	item_add_vec(msg, bytes, size);
	return msg;
}

struct kdbus_msg *with_name(struct kdbus_msg *msg, const char *name)
{
	item_add_str(msg, KDBUS_ITEM_DST_NAME, name);
	return msg;
}
