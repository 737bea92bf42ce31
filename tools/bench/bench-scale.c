// SPDX-License-Identifier: LGPL-2.1+
/*
 * How the cost of connections, names and broadcasts grows with the number of
 * others on the bus.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"

#define CROWD		10000
#define FEW		10
#define NAMES_EACH	250
#define RECEIVERS	100
#define REPEAT		40

#define PARAMETER "/sys/module/kdbus/parameters/max_conns_per_user"

static uint64_t clock_cost;
static int crowd[CROWD];
static uint64_t crowd_ids[CROWD];

static void row(const char *name, size_t n, uint64_t cost, uint64_t base)
{
	printf("%s\t%zu\t%llu\t", name, n, (unsigned long long)cost);
	if (base)
		printf("%.2f\n", (double)cost / base);
	else
		printf("-\n");
}

/* the small numbers of connections and files are there for good reasons */
static void raise_limits(char *old, size_t size)
{
	const struct rlimit files = { CROWD + 1000, CROWD + 1000 };
	int fd = open(PARAMETER, O_RDWR | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, old, size - 1);

	if (n < 0 || write(fd, "20000", 5) < 0 ||
	    setrlimit(RLIMIT_NOFILE, &files) < 0)
		die("raising limits");
	old[n] = '\0';
	close(fd);
}

static void restore_limits(const char *old)
{
	int fd = open(PARAMETER, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, old, strlen(old)) < 0)
		die("restoring limits");
	close(fd);
}

/*
 * Connections and subscriptions
 */

static uint64_t small_hello(int fd)
{
	struct kdbus_cmd_hello cmd = {
		.size = sizeof(cmd),
		.pool_size = 4096,
	};

	if (ioctl(fd, KDBUS_CMD_HELLO, &cmd) < 0)
		die("HELLO");
	return cmd.id;
}

struct match {
	struct kdbus_cmd_match cmd;
	uint64_t item_size, item_type;
	uint8_t item[BLOOM_SIZE];
};

static void subscribe(int fd, uint64_t type, const void *rule, size_t size)
{
	struct match match = {
		.cmd.size = offsetof(struct match, item) + size,
		.item_size = 16 + size,
		.item_type = type,
	};

	memcpy(match.item, rule, size);
	if (ioctl(fd, KDBUS_CMD_MATCH_ADD, &match) < 0)
		die("MATCH_ADD");
}

static void subscribe_bloom(int fd)
{
	uint8_t mask[BLOOM_SIZE] = {};
	int i;

	for (i = 0; i < 8; i++)
		mask[rand() % BLOOM_SIZE] |= 1 << rand() % 8;
	subscribe(fd, KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
}

/* what clients ask for: signals, by content and by sender, and who leaves */
static void subscribe_like_a_client(int fd, unsigned int n)
{
	struct {
		struct kdbus_notify_name_change change;
		char name[24];
	} name = {
		.change.old_id.id = KDBUS_MATCH_ID_ANY,
		.change.new_id.id = KDBUS_MATCH_ID_ANY,
	};
	const struct kdbus_notify_id_change id = { .id = crowd_ids[n / 2] };

	snprintf(name.name, sizeof(name.name), "org.example.not%07u", n);
	subscribe_bloom(fd);
	subscribe(fd, KDBUS_ITEM_ID, &crowd_ids[n / 2], sizeof(uint64_t));
	subscribe(fd, KDBUS_ITEM_NAME, name.name, strlen(name.name) + 1);
	subscribe(fd, KDBUS_ITEM_NAME_CHANGE, &name,
		  sizeof(name.change) + strlen(name.name) + 1);
	subscribe(fd, KDBUS_ITEM_ID_REMOVE, &id, sizeof(id));
}

static void gather(size_t from, size_t to)
{
	size_t i;

	for (i = from; i < to; i++) {
		crowd[i] = open_bus();
		crowd_ids[i] = small_hello(crowd[i]);
		subscribe_like_a_client(crowd[i], i);
	}
}

static void disperse(size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		close(crowd[i]);
}

static void measure_connection(uint64_t *hello_cost, uint64_t *close_cost)
{
	uint64_t h[REPEAT], c[REPEAT], start;
	int i, fd;

	for (i = 0; i < REPEAT; i++) {
		fd = open_bus();
		start = now();
		small_hello(fd);
		h[i] = now() - start;

		start = now();
		close(fd);
		c[i] = now() - start;
	}

	*hello_cost = median(h, REPEAT) - clock_cost;
	*close_cost = median(c, REPEAT) - clock_cost;
}

static uint64_t measure_subscription(void)
{
	int fd = open_bus(), i;
	uint64_t t[REPEAT], start;

	small_hello(fd);
	for (i = 0; i < REPEAT; i++) {
		start = now();
		subscribe_bloom(fd);
		t[i] = now() - start;
	}
	close(fd);

	return median(t, REPEAT) - clock_cost;
}

/*
 * Broadcasts
 */

struct signal {
	struct message message;
	uint64_t filter_size, filter_type;
	uint64_t generation;
	uint64_t filter[BLOOM_SIZE / 8];
};

/* 16 random bits are set, as a client sets them for what a signal is about */
static struct signal broadcast(void)
{
	struct signal signal = {
		.message = message(KDBUS_DST_ID_BROADCAST, 64),
		.filter_size = 16 + 8 + BLOOM_SIZE,
		.filter_type = KDBUS_ITEM_BLOOM_FILTER,
	};
	int i;

	signal.message.msg.size = sizeof(signal);
	signal.message.msg.flags = KDBUS_MSG_SIGNAL;
	for (i = 0; i < 16; i++)
		signal.filter[rand() % (BLOOM_SIZE / 8)] |= 1ULL << rand() % 64;
	return signal;
}

static uint64_t measure_unwanted(void)
{
	struct peer src = hello(0);
	uint64_t t[ROUNDS], start;
	struct signal signal;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		signal = broadcast();
		start = now();
		kdbus_send(&src, &signal, 0);
		t[i] = now() - start;
	}
	bye(&src);

	return median(t, ROUNDS) - clock_cost;
}

static uint64_t measure_unicast(void)
{
	struct peer src = hello(0), dst = hello(0);
	struct message msg = message(dst.id, 64);
	uint64_t t[ROUNDS], start;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		start = now();
		kdbus_send(&src, &msg, 0);
		t[i] = now() - start;
		kdbus_free(&dst, (uint8_t *)kdbus_recv(&dst) - dst.pool);
	}
	bye(&src);
	bye(&dst);

	return median(t, ROUNDS) - clock_cost;
}

static void measure_wanted(uint64_t *send, uint64_t *total)
{
	static const uint8_t mask[BLOOM_SIZE];
	uint64_t s[REPEAT], t[REPEAT], start;
	struct peer src = hello(0), dst[RECEIVERS];
	struct signal signal = broadcast();
	int i, j;

	for (j = 0; j < RECEIVERS; j++) {
		dst[j] = hello(0);
		subscribe(dst[j].fd, KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
	}
	for (i = 0; i < REPEAT; i++) {
		start = now();
		kdbus_send(&src, &signal, 0);
		s[i] = now() - start;
		for (j = 0; j < RECEIVERS; j++)
			kdbus_free(&dst[j], (uint8_t *)kdbus_recv(&dst[j]) -
				   dst[j].pool);
		t[i] = now() - start;
	}
	for (j = 0; j < RECEIVERS; j++)
		bye(&dst[j]);
	bye(&src);

	*send = (median(s, REPEAT) - clock_cost) / RECEIVERS;
	*total = (median(t, REPEAT) - 2 * clock_cost) / RECEIVERS;
}

static void bench_connections(void)
{
	uint64_t hello_few, close_few, hello_many, close_many, unwanted;
	uint64_t subscription, unicast, send, total;

	unwanted = measure_unwanted();
	subscription = measure_subscription();
	unicast = measure_unicast();
	gather(0, FEW);
	measure_connection(&hello_few, &close_few);
	row("hello", FEW, hello_few, 0);
	row("close", FEW, close_few, 0);
	row("match add", 0, subscription, 0);
	row("unicast", 0, unicast, 0);
	row("broadcast nobody wants", 0, unwanted, 0);

	gather(FEW, CROWD);
	measure_connection(&hello_many, &close_many);
	row("hello", CROWD, hello_many, hello_few);
	row("close", CROWD, close_many, close_few);
	row("match add", CROWD, measure_subscription(), subscription);
	row("unicast", CROWD, measure_unicast(), unicast);
	row("broadcast nobody wants", CROWD, measure_unwanted(), unwanted);
	measure_wanted(&send, &total);
	row("broadcast, send per delivery, others", CROWD, send, 0);
	row("broadcast, all per delivery, others", CROWD, total, 0);
	disperse(CROWD);

	measure_wanted(&send, &total);
	row("broadcast, send per delivery, receivers", RECEIVERS, send, 0);
	row("broadcast, all per delivery, receivers", RECEIVERS, total, 0);
}

/*
 * Names
 */

struct named_message {
	struct message message;
	uint64_t name_size, name_type;
	char name[24];
};

static void acquire(int fd, const char *name)
{
	struct {
		struct kdbus_cmd cmd;
		uint64_t size, type;
		char name[24];
	} acquire = {
		.cmd.size = sizeof(struct kdbus_cmd) + 16 + strlen(name) + 1,
		.size = 16 + strlen(name) + 1,
		.type = KDBUS_ITEM_NAME,
	};

	strcpy(acquire.name, name);
	if (ioctl(fd, KDBUS_CMD_NAME_ACQUIRE, &acquire) < 0)
		die("NAME_ACQUIRE");
}

static void number_name(char *name, size_t size, unsigned int n)
{
	snprintf(name, size, "org.example.name%06u", n % 1000000);
}

static uint64_t measure_by_name(void)
{
	struct peer src = hello(0), dst = hello(0);
	struct named_message msg = {
		.message = message(KDBUS_DST_ID_NAME, 64),
		.name_type = KDBUS_ITEM_DST_NAME,
		.name = "org.example.name.this0",
	};
	uint64_t t[ROUNDS], start;
	int i;

	/* no shorter and no longer than all the others */
	acquire(dst.fd, msg.name);
	msg.name_size = 16 + strlen(msg.name) + 1;
	msg.message.msg.size = offsetof(struct named_message, name) +
			       strlen(msg.name) + 1;
	for (i = 0; i < ROUNDS; i++) {
		start = now();
		kdbus_send(&src, &msg, 0);
		t[i] = now() - start;
		kdbus_free(&dst, (uint8_t *)kdbus_recv(&dst) - dst.pool);
	}
	bye(&src);
	bye(&dst);

	return median(t, ROUNDS) - clock_cost;
}

static uint64_t measure_list(void)
{
	struct kdbus_cmd_list cmd = {
		.size = sizeof(cmd),
		.flags = KDBUS_LIST_NAMES,
	};
	struct peer peer = hello(0);
	uint64_t t[REPEAT], start;
	int i;

	for (i = 0; i < REPEAT; i++) {
		start = now();
		if (ioctl(peer.fd, KDBUS_CMD_LIST, &cmd) < 0)
			die("LIST");
		t[i] = now() - start;
		kdbus_free(&peer, cmd.offset);
	}
	bye(&peer);

	return median(t, REPEAT) - clock_cost;
}

static void bench_names(void)
{
	uint64_t unicast = measure_unicast();
	char name[24];
	int i, n = 0;

	row("unicast", 0, unicast, 0);
	row("unicast by name", 0, measure_by_name(), unicast);
	for (i = 0; n < CROWD; i++) {
		crowd[i] = open_bus();
		small_hello(crowd[i]);
		do {
			number_name(name, sizeof(name), n++);
			acquire(crowd[i], name);
		} while (n % NAMES_EACH);
	}
	row("unicast by name", CROWD, measure_by_name(), unicast);
	row("list, per name", CROWD, measure_list() / CROWD, 0);
	disperse(i);
}

void bench_scale(uint64_t clock)
{
	char limit[16];

	clock_cost = clock;
	raise_limits(limit, sizeof(limit));
	bench_connections();
	bench_names();
	restore_limits(limit);
}
