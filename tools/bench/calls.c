// SPDX-License-Identifier: LGPL-2.1+
/*
 * A request and its reply, server and client being processes of their own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "calls.h"
#include "dbus.h"
#include "peer.h"

#define MAX_SIZES	8

static void __attribute__((noreturn))
serve(const struct exchange *exchange, int tell)
{
	const struct transport *transport = exchange->transport;
	struct address address;
	unsigned int i;
	void *end;

	pin(exchange->server_cpu);
	memset(&address, 0, sizeof(address));
	end = transport->listen(&address);
	if (write(tell, &address, sizeof(address)) != sizeof(address))
		die("telling the address");
	for (i = 0; i < WARM_UP + exchange->rounds; i++)
		transport->answer(end, exchange->size, i, i < WARM_UP);
	transport->close(end);
	exit(0);
}

void run_exchange(const struct exchange *exchange, uint64_t *times)
{
	const struct transport *transport = exchange->transport;
	struct address address;
	uint64_t start;
	unsigned int i;
	int tell[2];
	pid_t server;
	void *end;

	if (pipe(tell) < 0)
		die("pipe");
	server = start_child();
	if (server == 0)
		serve(exchange, tell[1]);
	pin(exchange->client_cpu);
	close(tell[1]);
	if (read(tell[0], &address, sizeof(address)) != sizeof(address))
		die("learning the address");
	close(tell[0]);

	end = transport->connect(&address, exchange->size);
	for (i = 0; i < WARM_UP + exchange->rounds; i++) {
		start = now();
		transport->call(end, exchange->size, i, i < WARM_UP);
		if (times && i >= WARM_UP)
			times[i - WARM_UP] = now() - start;
	}
	wait_for_child(server);
	transport->close(end);
}

uint64_t call_cost(const struct transport *transport, size_t size)
{
	const struct exchange exchange = {
		.transport = transport,
		.size = size,
		.rounds = rounds_for(size),
	};
	uint64_t times[ROUNDS];

	run_exchange(&exchange, times);
	return cost(times, exchange.rounds);
}

static void report_calls(const struct transport *transport,
			 const size_t *sizes, size_t n)
{
	size_t i;

	if (transport->start)
		transport->start(0);
	for (i = 0; i < n; i++)
		report("call", transport->name, sizes[i],
		       call_cost(transport, sizes[i]));
	if (transport->stop)
		transport->stop();
}

void bench_calls(void)
{
	static const struct transport *const transports[] = {
		&unix_transport, &unix_poll_transport, &kdbus_transport,
		&kdbus_memfd_transport, &dbus_broker_transport,
		&dbus_daemon_transport,
	};
	static const size_t sizes[MAX_SIZES] = {
		64, 256, 1024, 4096, 16384, 65536, 262144, MAX_PAYLOAD,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(transports); i++)
		report_calls(transports[i], sizes, ARRAY_SIZE(sizes));
}

void bench_some_calls(void)
{
	static const size_t sizes[] = { 64, 65536, MAX_PAYLOAD };

	report_calls(&unix_poll_transport, sizes, ARRAY_SIZE(sizes));
	report_calls(&kdbus_transport, sizes, ARRAY_SIZE(sizes));
}

/*
 * Calls while others are there that do nothing
 */

static void crowd_on_daemon(const struct transport *transport)
{
	static struct dbus *others[1000];
	static const size_t steps[] = { 10, 100, ARRAY_SIZE(others) };
	size_t i, n = 0;

	transport->start(0);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		for (; n < steps[i]; n++)
			others[n] = dbus_connect(daemon_path());
		report("call-others", transport->name, n,
		       call_cost(transport, 64));
	}
	while (n)
		dbus_close(others[--n]);
	transport->stop();
}

static void crowd_on_kdbus(void)
{
	static int others[10000];
	static const size_t steps[] = { 10, 100, 1000, ARRAY_SIZE(others) };
	size_t i, n = 0;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		for (; n < steps[i]; n++) {
			others[n] = open_bus();
			hello_small(others[n]);
		}
		report("call-others", kdbus_transport.name, n,
		       call_cost(&kdbus_transport, 64));
	}
	while (n)
		close(others[--n]);
}

void bench_crowded_calls(void)
{
	crowd_on_kdbus();
	crowd_on_daemon(&dbus_broker_transport);
	crowd_on_daemon(&dbus_daemon_transport);
}
