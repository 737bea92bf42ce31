// SPDX-License-Identifier: LGPL-2.1+
/*
 * How many messages get through, by the clock on the wall, on two processors.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "calls.h"
#include "peer.h"

#define MAX_SENDERS	4
#define MESSAGES	24000
#define PAIR_CALLS	3000
#define RUNS		5

/*
 * From several senders on one processor to a receiver on the other one
 */

/* a message says whose it is, and which one of his */
static uint64_t number_of(unsigned int sender, unsigned int i)
{
	return (uint64_t)sender << 32 | i;
}

struct arrivals {
	unsigned int next[MAX_SENDERS];
	unsigned int count;
	uint64_t start;
};

/* all of a sender's messages arrive, in order */
static void arrived(struct arrivals *arrivals, const void *data)
{
	uint64_t number = *(const uint64_t *)data;
	unsigned int sender = number >> 32;

	check(sender < MAX_SENDERS &&
	      (uint32_t)number == arrivals->next[sender]++,
	      "a message is missing");
	expect(data, 64, number, false);
	/* the first ones are there to get started */
	if (++arrivals->count == MESSAGES / 8)
		arrivals->start = now();
}

static uint64_t per_second(const struct arrivals *arrivals)
{
	return (MESSAGES - MESSAGES / 8) * 1000000000ULL /
	       (now() - arrivals->start);
}

static void __attribute__((noreturn))
send_to_kdbus(uint64_t dst, unsigned int sender, unsigned int n)
{
	struct peer peer;
	struct message msg;
	unsigned int i;

	pin(0);
	peer = hello(0);
	msg = message(dst, 64);
	for (i = 0; i < n; i++) {
		stamp(64, number_of(sender, i));
		while (!kdbus_try_send(&peer, &msg))
			sched_yield();
	}
	bye(&peer);
	exit(0);
}

static uint64_t stream_over_kdbus(unsigned int senders)
{
	struct arrivals arrivals = { .count = 0 };
	struct peer peer = hello(0);
	pid_t pids[MAX_SENDERS];
	struct kdbus_msg *msg;
	unsigned int i;
	uint64_t rate;

	for (i = 0; i < senders; i++) {
		pids[i] = start_child();
		if (pids[i] == 0)
			send_to_kdbus(peer.id, i, MESSAGES / senders);
	}
	pin(1);
	while (arrivals.count < MESSAGES) {
		msg = kdbus_try_recv(&peer);
		if (!msg) {
			wait_for_input(peer.fd);
			continue;
		}
		arrived(&arrivals, (char *)msg + msg->items[0].vec.offset);
		kdbus_free_msg(&peer, msg);
	}
	rate = per_second(&arrivals);
	for (i = 0; i < senders; i++)
		wait_for_child(pids[i]);
	bye(&peer);
	return rate;
}

static void __attribute__((noreturn))
send_to_socket(int fd, unsigned int sender, unsigned int n)
{
	unsigned int i;

	pin(0);
	for (i = 0; i < n; i++) {
		stamp(64, number_of(sender, i));
		if (send(fd, payload, 64, 0) != 64)
			die("send");
	}
	exit(0);
}

/* the senders share their end of the socket */
static uint64_t stream_over_unix(unsigned int senders)
{
	struct arrivals arrivals = { .count = 0 };
	pid_t pids[MAX_SENDERS];
	char data[64] __attribute__((aligned(8)));
	unsigned int i;
	uint64_t rate;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) < 0)
		die("socketpair");
	for (i = 0; i < senders; i++) {
		pids[i] = start_child();
		if (pids[i] == 0)
			send_to_socket(fds[1], i, MESSAGES / senders);
	}
	pin(1);
	while (arrivals.count < MESSAGES) {
		if (recv(fds[0], data, sizeof(data), 0) != sizeof(data))
			die("recv");
		arrived(&arrivals, data);
	}
	rate = per_second(&arrivals);
	for (i = 0; i < senders; i++)
		wait_for_child(pids[i]);
	close(fds[0]);
	close(fds[1]);
	return rate;
}

static void report_streams(const char *system, uint64_t (*run)(unsigned int))
{
	uint64_t rates[RUNS];
	unsigned int senders, i;

	for (senders = 1; senders <= MAX_SENDERS; senders *= 2) {
		for (i = 0; i < RUNS; i++)
			rates[i] = run(senders);
		report("stream", system, senders, median(rates, RUNS));
	}
}

/*
 * Pairs that have nothing to do with each other, each on one processor
 */

static void __attribute__((noreturn))
run_pair(const struct transport *transport, int cpu, int out)
{
	static uint64_t times[PAIR_CALLS];
	const struct exchange exchange = {
		.transport = transport,
		.size = 64,
		.rounds = PAIR_CALLS,
		.client_cpu = cpu,
		.server_cpu = cpu,
	};
	uint64_t sum = 0;
	unsigned int i;

	run_exchange(&exchange, times);
	for (i = 0; i < PAIR_CALLS; i++)
		sum += times[i];
	sum = PAIR_CALLS * 1000000000ULL / sum;
	if (write(out, &sum, sizeof(sum)) != sizeof(sum))
		die("telling the rate");
	exit(0);
}

/* calls per second of all of them */
static uint64_t rate_of_pairs(const struct transport *transport, unsigned int n)
{
	uint64_t sum = 0, rate;
	pid_t pids[MAX_SENDERS];
	unsigned int i;
	int fds[2];

	if (pipe(fds) < 0)
		die("pipe");
	for (i = 0; i < n; i++) {
		pids[i] = start_child();
		if (pids[i] == 0)
			run_pair(transport, i, fds[1]);
	}
	for (i = 0; i < n; i++) {
		wait_for_child(pids[i]);
		if (read(fds[0], &rate, sizeof(rate)) != sizeof(rate))
			die("learning the rate");
		sum += rate;
	}
	close(fds[0]);
	close(fds[1]);
	return sum;
}

static void report_pairs(const struct transport *transport)
{
	uint64_t rates[RUNS];
	unsigned int pairs, i;

	for (pairs = 1; pairs <= 2; pairs++) {
		for (i = 0; i < RUNS; i++)
			rates[i] = rate_of_pairs(transport, pairs);
		report("pairs", transport->name, pairs, median(rates, RUNS));
	}
}

void bench_streams(void)
{
	report_streams("unix", stream_over_unix);
	report_streams("kdbus", stream_over_kdbus);
	report_pairs(&unix_poll_transport);
	report_pairs(&kdbus_transport);
}

/*
 * All of it at once, to see which locks are waited for
 */

#define LOAD_RECEIVERS	20
#define LOAD_SIGNALS	1000
#define LOAD_PEERS	1000

static void __attribute__((noreturn)) broadcast(void)
{
	static const uint8_t mask[BLOOM_SIZE];
	struct peer src = hello(0), dst[LOAD_RECEIVERS];
	struct signal signal = signal_message();
	int i, j;

	for (j = 0; j < LOAD_RECEIVERS; j++) {
		dst[j] = hello(0);
		add_match(dst[j].fd, KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
	}
	for (i = 0; i < LOAD_SIGNALS; i++) {
		stamp(64, i);
		kdbus_send(&src, &signal, 0);
		for (j = 0; j < LOAD_RECEIVERS; j++)
			kdbus_free_msg(&dst[j], kdbus_recv(&dst[j]));
	}
	exit(0);
}

static void __attribute__((noreturn)) come_and_go(void)
{
	int i, fd;

	for (i = 0; i < LOAD_PEERS; i++) {
		fd = open_bus();
		hello_small(fd);
		acquire_name(fd, "org.example.passing");
		add_bloom_match(fd);
		close(fd);
	}
	exit(0);
}

void make_load(void)
{
	static void (*const loads[])(void) = { broadcast, broadcast,
					       come_and_go };
	pid_t pids[ARRAY_SIZE(loads) + 2];
	int fds[2];
	size_t i;

	if (pipe(fds) < 0)
		die("pipe");
	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = start_child();
		if (pids[i])
			continue;
		pin(i);
		if (i < ARRAY_SIZE(loads))
			loads[i]();
		run_pair(&kdbus_transport, i, fds[1]);
	}
	stream_over_kdbus(MAX_SENDERS);
	for (i = 0; i < ARRAY_SIZE(pids); i++)
		wait_for_child(pids[i]);
}
