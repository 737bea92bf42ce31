// SPDX-License-Identifier: LGPL-2.1+
/*
 * The steps of a message on their own: one process sends and receives, nobody
 * waits for anything.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "peer.h"

struct steps {
	uint64_t send, recv, free;
};

/* What is measured is the system call: nothing is prepared or looked at then. */
static uint64_t timed_ioctl(int fd, unsigned long number, void *cmd)
{
	uint64_t start = now();
	int ret = ioctl(fd, number, cmd);
	uint64_t end = now();

	if (ret < 0)
		die("a step of a message");
	return end - start;
}

static struct steps measure_steps(size_t size, uint64_t attach_flags)
{
	struct peer src = hello(0), dst = hello(attach_flags);
	struct message msg = message(dst.id, size);
	uint64_t s[ROUNDS], r[ROUNDS], f[ROUNDS];
	const struct kdbus_msg *got;
	int i, slot;

	for (i = -WARM_UP; i < ROUNDS; i++) {
		struct kdbus_cmd_send send = {
			.size = sizeof(send),
			.msg_address = (uintptr_t)&msg,
		};
		struct kdbus_cmd_recv recv = { .size = sizeof(recv) };
		struct kdbus_cmd_free release = { .size = sizeof(release) };

		slot = i < 0 ? 0 : i;
		stamp(size, i);
		s[slot] = timed_ioctl(src.fd, KDBUS_CMD_SEND, &send);
		r[slot] = timed_ioctl(dst.fd, KDBUS_CMD_RECV, &recv);
		got = (const void *)(dst.pool + recv.msg.offset);
		if (attach_flags)
			check(got->size > sizeof(msg) + 200,
			      "a message without metadata");
		else
			kdbus_expect(got, size, i, i < 0);
		release.offset = recv.msg.offset;
		f[slot] = timed_ioctl(dst.fd, KDBUS_CMD_FREE, &release);
	}
	bye(&src);
	bye(&dst);

	return (struct steps){
		.send = cost(s, ROUNDS),
		.recv = cost(r, ROUNDS),
		.free = cost(f, ROUNDS),
	};
}

static void report_steps(size_t size, const struct steps *steps)
{
	report("send", "kdbus", size, steps->send);
	report("recv", "kdbus", size, steps->recv);
	report("free", "kdbus", size, steps->free);
}

void bench_some_steps(void)
{
	const struct steps small = measure_steps(64, 0);
	const struct steps page = measure_steps(4096, 0);
	const struct steps pages = measure_steps(16 * 4096, 0);
	const struct steps all = measure_steps(64, _KDBUS_ATTACH_ALL);

	report_steps(64, &small);
	report_steps(4096, &page);
	report_steps(16 * 4096, &pages);
	report("send-page", "kdbus", 4096, (pages.send - page.send) / 15);
	report("send-metadata", "kdbus", 64, all.send - small.send);
}

void bench_steps(void)
{
	bench_some_steps();
}

/*
 * Sealed memfds: however large they are, they only change hands.
 */

static int large_memfd(size_t size)
{
	int fd = memfd_create("bench", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	/* the pages shall be there, not just the size */
	if (fd < 0 || fallocate(fd, 0, 0, size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
				   F_SEAL_SEAL) < 0)
		die("making a memfd");
	return fd;
}

static uint64_t measure_memfd(size_t size)
{
	struct peer src = hello(0), dst = hello(0);
	struct {
		struct kdbus_msg msg;
		uint64_t memfd_size, memfd_type;
		struct kdbus_memfd memfd;
	} msg = {
		.msg = {
			.size = sizeof(msg),
			.dst_id = dst.id,
			.payload_type = KDBUS_PAYLOAD_DBUS,
		},
		.memfd_size = 16 + sizeof(struct kdbus_memfd),
		.memfd_type = KDBUS_ITEM_PAYLOAD_MEMFD,
		.memfd = { .size = size, .fd = large_memfd(size) },
	};
	struct kdbus_msg *got;
	uint64_t t[ROUNDS], start;
	int i;

	for (i = -WARM_UP; i < ROUNDS; i++) {
		msg.msg.cookie = i + WARM_UP + 1;
		start = now();
		kdbus_send(&src, &msg, 0);
		t[i < 0 ? 0 : i] = now() - start;

		got = kdbus_recv(&dst);
		check(got->cookie == msg.msg.cookie &&
		      got->items[0].type == KDBUS_ITEM_PAYLOAD_MEMFD &&
		      got->items[0].memfd.size == size,
		      "a message without its memfd");
		close(got->items[0].memfd.fd);
		kdbus_free_msg(&dst, got);
	}
	close(msg.memfd.fd);
	bye(&src);
	bye(&dst);

	return cost(t, ROUNDS);
}

void bench_memfd(void)
{
	static const size_t sizes[] = {
		64, 4096, 65536, 1 << 20, 16 << 20, 64 << 20,
	};
	uint64_t value, least = UINT64_MAX, most = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		value = measure_memfd(sizes[i]);
		report("send-memfd", "kdbus", sizes[i], value);
		if (value < least)
			least = value;
		if (value > most)
			most = value;
	}
	report("send-memfd-least", "kdbus", 0, least);
	report("send-memfd-most", "kdbus", 0, most);
}

/*
 * Monitors
 */

static uint64_t measure_watched(struct peer *monitor)
{
	struct peer src = hello(0), dst = hello(0);
	struct message msg = message(dst.id, 64);
	uint64_t t[ROUNDS], start;
	struct kdbus_msg *got;
	int i;

	/* long enough for the queue of a monitor that does not read to be full */
	for (i = -600; i < ROUNDS; i++) {
		stamp(64, i);
		start = now();
		kdbus_send(&src, &msg, 0);
		t[i < 0 ? 0 : i] = now() - start;

		got = kdbus_recv(&dst);
		kdbus_expect(got, 64, i, i < 0);
		kdbus_free_msg(&dst, got);
		while (monitor && (got = kdbus_try_recv(monitor)))
			kdbus_free_msg(monitor, got);
	}
	bye(&src);
	bye(&dst);

	return cost(t, ROUNDS);
}

void bench_monitor(void)
{
	struct peer monitor;

	report("send-monitor-none", "kdbus", 64, measure_watched(NULL));
	monitor = hello_monitor();
	report("send-monitor-reading", "kdbus", 64, measure_watched(&monitor));
	report("send-monitor-idle", "kdbus", 64, measure_watched(NULL));
	bye(&monitor);
}
