// SPDX-License-Identifier: LGPL-2.1+
/*
 * How long calls take by the clock on the wall, server and client on the same
 * processor and on two.
 */
#include <stdio.h>

#include "bench.h"
#include "calls.h"

#define CALLS		2000

static uint64_t times[CALLS];

static void measure_latency(const struct transport *transport, int server_cpu)
{
	const struct exchange exchange = {
		.transport = transport,
		.size = 64,
		.rounds = CALLS,
		.client_cpu = 0,
		.server_cpu = server_cpu,
	};
	const char *where = server_cpu ? "across" : "same";
	char figure[32];

	/* a daemon is where the server is */
	if (transport->start)
		transport->start(server_cpu);
	run_exchange(&exchange, times);
	if (transport->stop)
		transport->stop();

	snprintf(figure, sizeof(figure), "p50-%s", where);
	report(figure, transport->name, 64, percentile(times, CALLS, 50));
	snprintf(figure, sizeof(figure), "p99-%s", where);
	report(figure, transport->name, 64, percentile(times, CALLS, 99));
}

void bench_latency(void)
{
	static const struct transport *const transports[] = {
		&unix_transport, &unix_poll_transport, &kdbus_transport,
		&dbus_broker_transport, &dbus_daemon_transport,
	};
	size_t i;
	int cpu;

	for (i = 0; i < ARRAY_SIZE(transports); i++) {
		for (cpu = 0; cpu < 2; cpu++)
			measure_latency(transports[i], cpu);
	}
}
