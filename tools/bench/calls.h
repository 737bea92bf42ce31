/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef CALLS_H
#define CALLS_H

#include <stddef.h>
#include <stdint.h>

#include "transport.h"

/* a client that calls a server in another process, again and again */
struct exchange {
	const struct transport *transport;
	size_t size;
	unsigned int rounds;
	int client_cpu, server_cpu;
};

/* what each call took, into @times unless that is NULL */
void run_exchange(const struct exchange *exchange, uint64_t *times);

/* the cost of a call on one processor */
uint64_t call_cost(const struct transport *transport, size_t size);

#endif
