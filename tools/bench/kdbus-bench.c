// SPDX-License-Identifier: LGPL-2.1+
/*
 * What messages cost, over kdbus and over what is used instead. In a virtual
 * machine whose clock counts instructions (ICOUNT=1) the figures of costs are
 * instructions, elsewhere nanoseconds.
 *
 * Prints a line for each figure, with tabs in between: its name, the system,
 * the bytes of payload or the number of others that are there, the value.
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "peer.h"

static const struct group {
	const char *name;
	void (*run[12])(void);
} groups[] = {
	{ "instructions", {
		bench_calls, bench_steps, bench_memfd, bench_monitor,
		bench_broadcast, bench_names, bench_growth, bench_unwanted,
		bench_crowded_calls, bench_memory,
	} },
	{ "guard", {
		bench_some_calls, bench_some_steps, bench_some_broadcast,
		bench_names, bench_growth,
	} },
	{ "time", { bench_latency, bench_streams } },
	{ "load", { make_load } },
};

int main(int argc, char **argv)
{
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		if (argc != 2 || strcmp(argv[1], groups[i].name) != 0)
			continue;
		pin(0);
		make_bus();
		raise_connection_limit();
		for (j = 0; groups[i].run[j]; j++)
			groups[i].run[j]();
		return 0;
	}
	fprintf(stderr, "usage: kdbus-bench instructions|guard|time|load\n");
	return 2;
}
