// SPDX-License-Identifier: LGPL-2.1+
/*
 * What messages cost. In a virtual machine whose clock counts instructions
 * (ICOUNT=1) the figures are instructions, elsewhere nanoseconds. Each figure
 * is the median of many rounds.
 *
 * Prints one line for each case: name, payload in bytes or the number of others
 * that are there, cost, and the ratio to what it is compared with: the same
 * exchange over a unix socket, or the case with fewer others.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/kdbus.h>

#include "bench.h"

#define MAX_PAYLOAD	(1UL << 20)

static char payload[MAX_PAYLOAD];
static char bus_path[128];

void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(1);
}

uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

uint64_t median(uint64_t *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

/*
 * kdbus
 */

static int make_bus(void)
{
	struct {
		struct kdbus_cmd cmd;
		uint64_t bloom_size, bloom_type;
		struct kdbus_bloom_parameter bloom;
		uint64_t name_size, name_type;
		char name[32];
	} make = {
		.cmd.size = sizeof(make),
		.bloom_size = 32,
		.bloom_type = KDBUS_ITEM_BLOOM_PARAMETER,
		.bloom = { .size = BLOOM_SIZE, .n_hash = 1 },
		.name_type = KDBUS_ITEM_MAKE_NAME,
	};
	int fd;

	snprintf(make.name, sizeof(make.name), "%u-bench", getuid());
	make.name_size = 16 + strlen(make.name) + 1;
	make.cmd.size = offsetof(typeof(make), name) + strlen(make.name) + 1;
	snprintf(bus_path, sizeof(bus_path), "/sys/fs/kdbus/%s/bus", make.name);

	fd = open("/sys/fs/kdbus/control", O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, KDBUS_CMD_BUS_MAKE, &make) < 0)
		die("making a bus");
	return fd;
}

void kdbus_free(const struct peer *peer, uint64_t offset)
{
	struct kdbus_cmd_free cmd = { .size = sizeof(cmd), .offset = offset };

	if (ioctl(peer->fd, KDBUS_CMD_FREE, &cmd) < 0)
		die("FREE");
}

int open_bus(void)
{
	int fd = open(bus_path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("opening the bus");
	return fd;
}

struct peer hello(uint64_t attach_flags)
{
	struct kdbus_cmd_hello cmd = {
		.size = sizeof(cmd),
		.pool_size = POOL_SIZE,
		.attach_flags_recv = attach_flags,
		.attach_flags_send = _KDBUS_ATTACH_ANY,
	};
	struct peer peer = { .fd = open_bus() };

	if (ioctl(peer.fd, KDBUS_CMD_HELLO, &cmd) < 0)
		die("HELLO");
	peer.id = cmd.id;
	peer.pool = mmap(NULL, POOL_SIZE, PROT_READ, MAP_SHARED, peer.fd, 0);
	if (peer.pool == MAP_FAILED)
		die("mapping the pool");
	kdbus_free(&peer, cmd.offset);
	return peer;
}

void bye(struct peer *peer)
{
	munmap(peer->pool, POOL_SIZE);
	close(peer->fd);
}

struct message message(uint64_t dst, size_t size)
{
	return (struct message){
		.msg = {
			.size = sizeof(struct message),
			.dst_id = dst,
			.payload_type = KDBUS_PAYLOAD_DBUS,
			.cookie = 1,
		},
		.vec_size = 32,
		.vec_type = KDBUS_ITEM_PAYLOAD_VEC,
		.vec = { .size = size, .address = (uintptr_t)payload },
	};
}

uint64_t kdbus_send(const struct peer *peer, const void *message, uint64_t flags)
{
	struct kdbus_cmd_send cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.msg_address = (uintptr_t)message,
	};

	if (ioctl(peer->fd, KDBUS_CMD_SEND, &cmd) < 0)
		die("SEND");
	return cmd.reply.offset;
}

struct kdbus_msg *kdbus_recv(const struct peer *peer)
{
	struct kdbus_cmd_recv cmd = { .size = sizeof(cmd) };

	if (ioctl(peer->fd, KDBUS_CMD_RECV, &cmd) < 0)
		die("RECV");
	return (struct kdbus_msg *)(peer->pool + cmd.msg.offset);
}

/* a receiver looks at what it got, at least once per page */
static void touch(const struct kdbus_msg *msg)
{
	const volatile uint8_t *p = (const uint8_t *)msg;
	const struct kdbus_item *item = msg->items;
	uint64_t i;

	for (i = 0; i < item->vec.size; i += 4096)
		(void)p[item->vec.offset + i];
}

static void wait_for(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	if (poll(&pfd, 1, -1) < 0)
		die("poll");
}

static void __attribute__((noreturn)) serve(struct peer *peer, size_t size)
{
	struct kdbus_msg *msg;
	struct message reply;
	unsigned int i;

	for (i = 0; i < ROUNDS + WARM_UP; i++) {
		wait_for(peer->fd);
		msg = kdbus_recv(peer);
		touch(msg);
		reply = message(msg->src_id, size);
		reply.msg.cookie_reply = msg->cookie;
		kdbus_free(peer, (uint8_t *)msg - peer->pool);
		kdbus_send(peer, &reply, 0);
	}
	exit(0);
}

static uint64_t bench_call(size_t size)
{
	struct peer client = hello(0), server = hello(0);
	uint64_t t[ROUNDS], start, offset;
	struct message call;
	int i;

	if (fork() == 0)
		serve(&server, size);

	for (i = -WARM_UP; i < ROUNDS; i++) {
		call = message(server.id, size);
		call.msg.flags = KDBUS_MSG_EXPECT_REPLY;
		call.msg.timeout_ns = now() + 100000000000ULL;

		start = now();
		offset = kdbus_send(&client, &call, KDBUS_SEND_SYNC_REPLY);
		touch((struct kdbus_msg *)(client.pool + offset));
		kdbus_free(&client, offset);
		if (i >= 0)
			t[i] = now() - start;
	}

	wait(NULL);
	bye(&client);
	bye(&server);
	return median(t, ROUNDS);
}

/* cost of the three steps of a message that nobody waits for */
static void bench_steps(size_t size, uint64_t attach_flags, uint64_t *send,
			uint64_t *recv, uint64_t *release)
{
	uint64_t s[ROUNDS], r[ROUNDS], f[ROUNDS], start;
	struct peer a = hello(0), b = hello(attach_flags);
	struct message msg = message(b.id, size);
	struct kdbus_msg *got;
	int i;

	for (i = -WARM_UP; i < ROUNDS; i++) {
		int slot = i < 0 ? 0 : i;

		start = now();
		kdbus_send(&a, &msg, 0);
		s[slot] = now() - start;

		start = now();
		got = kdbus_recv(&b);
		r[slot] = now() - start;

		start = now();
		kdbus_free(&b, (uint8_t *)got - b.pool);
		f[slot] = now() - start;
	}

	bye(&a);
	bye(&b);
	*send = median(s, ROUNDS);
	*recv = median(r, ROUNDS);
	*release = median(f, ROUNDS);
}

/*
 * unix sockets, with a poll before each read
 */

static void transfer(int fd, size_t size, int out)
{
	static char buffer[MAX_PAYLOAD];
	ssize_t n;

	if (out) {
		n = send(fd, payload, size, 0);
	} else {
		wait_for(fd);
		n = recv(fd, buffer, sizeof(buffer), 0);
	}
	if (n != (ssize_t)size)
		die("socket");
}

static uint64_t bench_unix(size_t size)
{
	uint64_t t[ROUNDS], start;
	int fds[2], i, big = 4 << 20;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) < 0)
		die("socketpair");
	for (i = 0; i < 2; i++)
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &big,
			   sizeof(big));

	if (fork() == 0) {
		for (i = 0; i < ROUNDS + WARM_UP; i++) {
			transfer(fds[1], size, 0);
			transfer(fds[1], size, 1);
		}
		exit(0);
	}

	for (i = -WARM_UP; i < ROUNDS; i++) {
		start = now();
		transfer(fds[0], size, 1);
		transfer(fds[0], size, 0);
		if (i >= 0)
			t[i] = now() - start;
	}

	wait(NULL);
	close(fds[0]);
	close(fds[1]);
	return median(t, ROUNDS);
}

static uint64_t bench_clock(void)
{
	uint64_t t[ROUNDS], start;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		start = now();
		t[i] = now() - start;
	}
	return median(t, ROUNDS);
}

int main(void)
{
	static const size_t sizes[] = { 64, 4096, 65536, MAX_PAYLOAD };
	uint64_t call, sock, send, recv, release, clock;
	int control = make_bus();
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	memset(payload, 'x', sizeof(payload));
	clock = bench_clock();

	printf("case\tsize\tcost\tratio\n");
	printf("clock\t0\t%llu\t-\n", (unsigned long long)clock);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		sock = bench_unix(sizes[i]);
		call = bench_call(sizes[i]);
		printf("unix\t%zu\t%llu\t1.00\n", sizes[i],
		       (unsigned long long)(sock - clock));
		printf("call\t%zu\t%llu\t%.2f\n", sizes[i],
		       (unsigned long long)(call - clock),
		       (double)(call - clock) / (sock - clock));
	}
	for (i = 0; i < 3; i++) {
		bench_steps(sizes[i], 0, &send, &recv, &release);
		printf("send\t%zu\t%llu\t-\nrecv\t%zu\t%llu\t-\nfree\t%zu\t%llu\t-\n",
		       sizes[i], (unsigned long long)(send - clock),
		       sizes[i], (unsigned long long)(recv - clock),
		       sizes[i], (unsigned long long)(release - clock));
	}
	bench_steps(64, _KDBUS_ATTACH_ALL, &send, &recv, &release);
	printf("send with metadata\t64\t%llu\t-\n",
	       (unsigned long long)(send - clock));
	bench_scale(clock);

	close(control);
	return 0;
}
