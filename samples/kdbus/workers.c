// SPDX-License-Identifier: LGPL-2.1+
/*
 * A master and two workers. The master hands out jobs, as sealed memory that
 * nobody copies; some are more urgent than others, and one is cancelled.
 *
 *	workers [MOUNT POINT]
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "kdbus-util.h"

#define TIMEOUT_MS	20000
#define N_WORKERS	2
#define N_JOBS		3	/* for each */
#define N_NUMBERS	100000U

static void check(int r, const char *what)
{
	if (r < 0) {
		fprintf(stderr, "workers: %s: %s\n", what, strerror(-r));
		exit(1);
	}
}

static __u64 deadline(int timeout_ms)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec +
	       timeout_ms * 1000000ULL;
}

/*
 * The worker
 */

/* The most urgent job there is, not the oldest; waits if there is none. */
static const struct kdbus_msg *next_job(struct peer *peer)
{
	struct pollfd poll_fd = { .fd = peer->fd, .events = POLLIN };
	struct kdbus_cmd_recv cmd;

	do {
		memset(&cmd, 0, sizeof(cmd));
		cmd.size = sizeof(cmd);
		cmd.flags = KDBUS_RECV_USE_PRIORITY;
		cmd.priority = LLONG_MAX;
		if (ioctl(peer->fd, KDBUS_CMD_RECV, &cmd) >= 0)
			return (void *)((const char *)peer->pool +
					cmd.msg.offset);
	} while (errno == EAGAIN && poll(&poll_fd, 1, TIMEOUT_MS) > 0);

	return NULL;
}

/* Adds up the numbers in the memory of the job. */
static uint64_t do_job(const struct kdbus_msg *job)
{
	const struct kdbus_item *item;
	const uint32_t *numbers;
	uint64_t sum = 0;
	size_t i;

	item = message_find(job, KDBUS_ITEM_PAYLOAD_MEMFD);
	if (!item)
		return 0;
	numbers = mmap(NULL, item->memfd.size, PROT_READ, MAP_PRIVATE,
		       item->memfd.fd, 0);
	check(numbers == MAP_FAILED ? -errno : 0, "mmap");
	for (i = 0; i < item->memfd.size / sizeof(*numbers); i++)
		sum += numbers[i];
	munmap((void *)numbers, item->memfd.size);
	return sum;
}

static int work(const char *endpoint, __u64 master)
{
	const struct kdbus_msg *job, *go;
	unsigned int done = 0;
	struct draft draft;
	struct peer peer;
	char text[80];
	int r;

	/* no worker without a master */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	check(peer_connect(&peer, endpoint, "worker", 0), endpoint);

	/* the reply comes when the master has handed out all jobs */
	message_start(&draft, master);
	check(peer_call(&peer, &draft, TIMEOUT_MS, &go), "call");
	peer_free(&peer, go);

	while (done < N_JOBS && (job = next_job(&peer))) {
		message_start_reply(&draft, job);
		snprintf(text, sizeof(text), "sum %llu, done as number %u",
			 (unsigned long long)do_job(job), done + 1);
		message_add_bytes(&draft, text, strlen(text) + 1);
		r = peer_send(&peer, &draft);
		peer_free(&peer, job);
		/* nobody waits for it any more */
		if (r == -EBADSLT)
			continue;
		check(r, "reply");
		done++;
	}

	peer_disconnect(&peer);
	return done < N_JOBS;
}

/*
 * The master
 */

static int job_new(unsigned int first)
{
	uint32_t *numbers;
	unsigned int i;
	void *memory;
	int fd;

	fd = memfd_new("job", N_NUMBERS * sizeof(*numbers), &memory);
	check(fd, "memfd");
	for (numbers = memory, i = 0; i < N_NUMBERS; i++)
		numbers[i] = first + i;
	check(memfd_seal(fd, memory, N_NUMBERS * sizeof(*numbers)), "seal");
	return fd;
}

/* The result comes as a message; the cookie tells of which job it is. */
static void hand_out(struct peer *peer, __u64 worker, unsigned int number,
		     bool urgent)
{
	int fd = job_new(number);
	struct kdbus_msg *msg;
	struct draft draft;

	msg = message_start(&draft, worker);
	msg->flags = KDBUS_MSG_EXPECT_REPLY;
	msg->timeout_ns = deadline(TIMEOUT_MS);
	/* lower is more urgent */
	msg->priority = urgent ? -1 : 0;
	message_add_memfd(&draft, fd, N_NUMBERS * sizeof(uint32_t));
	check(peer_send(peer, &draft), "send");
	printf("job %llu: handed to worker %llu%s\n",
	       (unsigned long long)msg->cookie, (unsigned long long)worker,
	       urgent ? ", urgent" : "");
	close(fd);
}

/* Waits for the result of a job, but loses patience before the worker starts. */
static void cancel_one(struct peer *peer, __u64 worker)
{
	const struct itimerspec soon = { .it_value.tv_nsec = 1000000 };
	struct draft command, draft;
	struct kdbus_cmd_send *cmd;
	struct kdbus_msg *msg;
	int timer, r;

	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	check(timer < 0 || timerfd_settime(timer, 0, &soon, NULL) < 0 ?
	      -errno : 0, "timer");

	msg = message_start(&draft, worker);
	msg->flags = KDBUS_MSG_EXPECT_REPLY;
	msg->timeout_ns = deadline(TIMEOUT_MS);
	msg->cookie = ++peer->last_cookie;

	/* anything that becomes readable ends the call: here, a timer */
	cmd = draft_start(&command, sizeof(*cmd));
	cmd->flags = KDBUS_SEND_SYNC_REPLY;
	cmd->msg_address = (uintptr_t)msg;
	draft_add(&command, KDBUS_ITEM_CANCEL_FD, &timer, sizeof(timer));
	r = ioctl(peer->fd, KDBUS_CMD_SEND, cmd) < 0 ? -errno : 0;
	check(r == -ECANCELED ? 0 : -EPROTO, "cancel");
	printf("job %llu: cancelled\n", (unsigned long long)msg->cookie);

	/* the worker finds that out when it replies */
	close(timer);
}

static void collect(struct peer *peer)
{
	const struct kdbus_msg *msg;
	unsigned int i;
	size_t size;
	const char *text;

	for (i = 0; i < N_WORKERS * N_JOBS; i++) {
		check(peer_receive(peer, TIMEOUT_MS, &msg), "receive");
		text = message_bytes(msg, &size);
		check(text && msg->src_id ? 0 : -EPROTO, "result");
		printf("job %llu: %.*s, by worker %llu\n",
		       (unsigned long long)msg->cookie_reply, (int)size, text,
		       (unsigned long long)msg->src_id);
		peer_free(peer, msg);
	}
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "/sys/fs/kdbus";
	struct draft go[N_WORKERS];
	__u64 ids[N_WORKERS];
	char name[32], endpoint[256];
	const struct kdbus_msg *msg;
	struct peer peer;
	int i, status, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	snprintf(name, sizeof(name), "%u-workers-%d", getuid(), getpid());
	snprintf(endpoint, sizeof(endpoint), "%s/%s/bus", dir, name);
	check(bus_make(dir, name, 0), dir);
	check(peer_connect(&peer, endpoint, "master", 0), endpoint);

	for (i = 0; i < N_WORKERS; i++)
		if (fork() == 0)
			exit(work(endpoint, peer.id));
	for (i = 0; i < N_WORKERS; i++) {
		check(peer_receive(&peer, TIMEOUT_MS, &msg), "receive");
		ids[i] = msg->src_id;
		message_start_reply(&go[i], msg);
		peer_free(&peer, msg);
	}

	/* this one is found by the worker, but nobody waits for the result */
	cancel_one(&peer, ids[0]);
	/* the last one of each worker is done first */
	for (i = 0; i < N_WORKERS * N_JOBS; i++)
		hand_out(&peer, ids[i % N_WORKERS], i + 1,
			 i >= N_WORKERS * (N_JOBS - 1));
	for (i = 0; i < N_WORKERS; i++)
		check(peer_send(&peer, &go[i]), "reply");
	collect(&peer);

	while (wait(&status) > 0)
		failed |= status;
	peer_disconnect(&peer);
	return !!failed;
}
