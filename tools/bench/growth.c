// SPDX-License-Identifier: LGPL-2.1+
/*
 * How the cost of connections, names and signals grows with the number of
 * others on the bus.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"
#include "peer.h"

#define CROWD		10000
#define NAMES_EACH	250
#define REPEAT		40

static int crowd[CROWD];
static uint64_t crowd_ids[CROWD];

/*
 * Connections
 */

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
	add_bloom_match(fd);
	add_match(fd, KDBUS_ITEM_ID, &crowd_ids[n / 2], sizeof(uint64_t));
	add_match(fd, KDBUS_ITEM_NAME, name.name, strlen(name.name) + 1);
	add_match(fd, KDBUS_ITEM_NAME_CHANGE, &name,
		  sizeof(name.change) + strlen(name.name) + 1);
	add_match(fd, KDBUS_ITEM_ID_REMOVE, &id, sizeof(id));
}

static void gather(size_t from, size_t to)
{
	size_t i;

	/* the same ones in each run */
	srand(1 + from);
	for (i = from; i < to; i++) {
		crowd[i] = open_bus();
		crowd_ids[i] = hello_small(crowd[i]);
		subscribe_like_a_client(crowd[i], i);
	}
}

static void disperse(size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		close(crowd[i]);
}

static void measure_connection(size_t others)
{
	uint64_t h[REPEAT], c[REPEAT], start;
	int i, fd;

	for (i = 0; i < REPEAT; i++) {
		fd = open_bus();
		start = now();
		hello_small(fd);
		h[i] = now() - start;

		start = now();
		close(fd);
		c[i] = now() - start;
	}

	report("hello", "kdbus", others, cost(h, REPEAT));
	report("close", "kdbus", others, cost(c, REPEAT));
}

static void measure_match(size_t others)
{
	int fd = open_bus(), i;
	uint64_t t[REPEAT], start;

	hello_small(fd);
	for (i = 0; i < REPEAT; i++) {
		start = now();
		add_bloom_match(fd);
		t[i] = now() - start;
	}
	close(fd);

	report("match-add", "kdbus", others, cost(t, REPEAT));
}

static void measure_unwanted(size_t others)
{
	struct peer src = hello(0);
	uint64_t t[ROUNDS], start;
	struct signal signal;
	int i;

	/* each is about something else, but the same in each run */
	srand(1);
	for (i = 0; i < ROUNDS; i++) {
		signal = signal_message();
		start = now();
		kdbus_send(&src, &signal, 0);
		t[i] = now() - start;
	}
	bye(&src);

	report("broadcast-unwanted", "kdbus", others, cost(t, ROUNDS));
}

static void measure_by_id(const char *figure, size_t others)
{
	struct peer src = hello(0), dst = hello(0);
	struct message msg = message(dst.id, 64);
	uint64_t t[ROUNDS], start;
	struct kdbus_msg *got;
	int i;

	for (i = -WARM_UP; i < ROUNDS; i++) {
		stamp(64, i);
		start = now();
		kdbus_send(&src, &msg, 0);
		t[i < 0 ? 0 : i] = now() - start;
		got = kdbus_recv(&dst);
		kdbus_expect(got, 64, i, i < 0);
		kdbus_free_msg(&dst, got);
	}
	bye(&src);
	bye(&dst);

	report(figure, "kdbus", others, cost(t, ROUNDS));
}

static void measure_all(const size_t *steps, size_t n)
{
	size_t i, others = 0;

	for (i = 0; i < n; i++) {
		gather(others, steps[i]);
		others = steps[i];
		measure_connection(others);
		measure_match(others);
		measure_unwanted(others);
		measure_by_id("send-others", others);
	}
	disperse(others);
}

void bench_growth(void)
{
	static const size_t steps[] = { 0, 10, 100, 1000, CROWD };

	measure_all(steps, ARRAY_SIZE(steps));
}

/*
 * Names
 */

struct named_message {
	struct message message;
	uint64_t name_size, name_type;
	char name[24];
};

static void measure_by_name(size_t names)
{
	struct peer src = hello(0), dst = hello(0);
	struct named_message msg = {
		.message = message(KDBUS_DST_ID_NAME, 64),
		.name_type = KDBUS_ITEM_DST_NAME,
		.name = "org.example.name.this0",
	};
	uint64_t t[ROUNDS], start;
	struct kdbus_msg *got;
	int i;

	/* no shorter and no longer than all the others */
	acquire_name(dst.fd, msg.name);
	msg.name_size = 16 + strlen(msg.name) + 1;
	msg.message.msg.size = offsetof(struct named_message, name) +
			       strlen(msg.name) + 1;
	for (i = -WARM_UP; i < ROUNDS; i++) {
		stamp(64, i);
		start = now();
		kdbus_send(&src, &msg, 0);
		t[i < 0 ? 0 : i] = now() - start;
		got = kdbus_recv(&dst);
		kdbus_expect(got, 64, i, i < 0);
		kdbus_free_msg(&dst, got);
	}
	bye(&src);
	bye(&dst);

	report("send-name", "kdbus", names, cost(t, ROUNDS));
}

static void measure_list(size_t names)
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
		check(cmd.list_size > names * 64, "a list that is too short");
		kdbus_free(&peer, cmd.offset);
	}
	bye(&peer);

	report("list-name", "kdbus", names, cost(t, REPEAT) / names);
}

void bench_names(void)
{
	char name[32];
	int i, n = 0;

	measure_by_name(0);
	for (i = 0; n < CROWD; i++) {
		crowd[i] = open_bus();
		hello_small(crowd[i]);
		do {
			snprintf(name, sizeof(name), "org.example.name%06u",
				 n++);
			acquire_name(crowd[i], name);
		} while (n % NAMES_EACH);
	}
	measure_by_id("send-id", CROWD);
	measure_by_name(CROWD);
	measure_list(CROWD);
	disperse(i);
}
