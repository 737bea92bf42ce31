/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef TRANSPORT_H
#define TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* where a server is found, as text */
struct address {
	char text[108];
};

/**
 * struct transport - a way for a request and its reply
 * @name:	what it is called in the results
 * @start:	starts the daemon, if there is one, on this processor or, if that
 *		is negative, on any
 * @stop:	ends the daemon
 * @listen:	the server: becomes reachable, returns its end
 * @answer:	the server: waits for the request with this number, replies
 * @connect:	the client: returns its end
 * @call:	the client: sends the request with this number, takes the reply
 * @close:	gives up an end
 */
struct transport {
	const char *name;
	void (*start)(int cpu);
	void (*stop)(void);
	void *(*listen)(struct address *address);
	void (*answer)(void *end, size_t size, uint64_t number, bool whole);
	void *(*connect)(const struct address *address, size_t size);
	void (*call)(void *end, size_t size, uint64_t number, bool whole);
	void (*close)(void *end);
};

extern const struct transport kdbus_transport;
extern const struct transport kdbus_memfd_transport;
extern const struct transport unix_transport;
extern const struct transport unix_poll_transport;
extern const struct transport dbus_daemon_transport;
extern const struct transport dbus_broker_transport;

#endif
