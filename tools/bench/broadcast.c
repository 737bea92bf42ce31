// SPDX-License-Identifier: LGPL-2.1+
/*
 * Signals: to a hundred who want them, and to nobody.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "dbus.h"
#include "peer.h"
#include "transport.h"

#define RECEIVERS	100
#define REPEAT		40

/* signals that are sent before anybody reads, then all at once */
#define BURST		16

/* a mask without bits fits every signal */
static void want_all(int fd)
{
	static const uint8_t mask[BLOOM_SIZE];

	add_match(fd, KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
}

static void broadcast_to(struct peer *dst, int burst)
{
	uint64_t s[REPEAT], t[REPEAT], start;
	struct signal signal = signal_message();
	struct peer src = hello(0);
	struct kdbus_msg *got;
	int i, j, k;

	stamp(64, burst);
	for (i = -2; i < REPEAT; i++) {
		start = now();
		for (k = 0; k < burst; k++) {
			signal.message.msg.cookie = k + 1;
			kdbus_send(&src, &signal, 0);
		}
		s[i < 0 ? 0 : i] = now() - start;
		for (j = 0; j < RECEIVERS; j++) {
			for (k = 0; k < burst; k++) {
				got = kdbus_recv(&dst[j]);
				check(got->cookie == k + 1ULL,
				      "a signal that is another one");
				kdbus_expect(got, 64, burst, i < 0);
				kdbus_free_msg(&dst[j], got);
			}
		}
		t[i < 0 ? 0 : i] = now() - start;
	}
	for (j = 0; j < RECEIVERS; j++)
		check(!kdbus_try_recv(&dst[j]), "a signal came twice");
	bye(&src);

	if (burst == 1)
		report("broadcast-send", "kdbus", RECEIVERS,
		       cost(s, REPEAT) / RECEIVERS);
	report(burst == 1 ? "broadcast-all" : "broadcast-burst", "kdbus",
	       RECEIVERS, cost(t, REPEAT) / burst / RECEIVERS);
}

static void broadcast_on_kdbus(void)
{
	struct peer dst[RECEIVERS];
	int i;

	for (i = 0; i < RECEIVERS; i++) {
		dst[i] = hello(0);
		want_all(dst[i].fd);
	}
	broadcast_to(dst, 1);
	broadcast_to(dst, BURST);
	for (i = 0; i < RECEIVERS; i++)
		bye(&dst[i]);
}

/*
 * D-Bus
 */

#define RULE	"type='signal',interface='org.example.Bench',member='Wanted'"

static void emit(struct dbus *dbus, const char *member, uint64_t number)
{
	const struct dbus_message signal = {
		.type = DBUS_SIGNAL,
		.flags = DBUS_NO_REPLY_EXPECTED,
		.path = "/org/example/Bench",
		.interface = "org.example.Bench",
		.member = member,
		.signature = "ay",
	};
	struct dbus_writer count;

	count.n = 0;
	dbus_put_u32(&count, 64);
	stamp(64, number);
	dbus_send(dbus, &signal, &count, payload, 64, -1);
}

static void take(struct dbus *dbus, uint64_t number)
{
	const struct dbus_message *message;

	do {
		message = dbus_read(dbus);
	} while (message->type != DBUS_SIGNAL || !message->signature ||
		 *message->signature != 'a');
	check(message->body_size == 68, "a signal without its payload");
	expect(message->body + 4, 64, number, true);
}

static uint64_t broadcast_by_daemon(struct dbus *src, struct dbus **dst,
				    int burst)
{
	uint64_t t[REPEAT], start;
	int i, j, k;

	for (i = -2; i < REPEAT; i++) {
		start = now();
		for (k = 0; k < burst; k++)
			emit(src, "Wanted", k);
		for (j = 0; j < RECEIVERS; j++) {
			for (k = 0; k < burst; k++)
				take(dst[j], k);
		}
		t[i < 0 ? 0 : i] = now() - start;
	}
	return cost(t, REPEAT) / burst / RECEIVERS;
}

static void broadcast_on_daemon(const struct transport *transport)
{
	struct dbus *src, *dst[RECEIVERS];
	int i;

	transport->start(0);
	src = dbus_connect(daemon_path());
	for (i = 0; i < RECEIVERS; i++) {
		dst[i] = dbus_connect(daemon_path());
		dbus_reply(dst[i], dbus_driver_call(dst[i], "AddMatch", RULE,
						    true));
	}
	report("broadcast-all", transport->name, RECEIVERS,
	       broadcast_by_daemon(src, dst, 1));
	report("broadcast-burst", transport->name, RECEIVERS,
	       broadcast_by_daemon(src, dst, BURST));
	for (i = 0; i < RECEIVERS; i++)
		dbus_close(dst[i]);
	dbus_close(src);
	transport->stop();
}

void bench_some_broadcast(void)
{
	broadcast_on_kdbus();
}

void bench_broadcast(void)
{
	broadcast_on_kdbus();
	broadcast_on_daemon(&dbus_broker_transport);
	broadcast_on_daemon(&dbus_daemon_transport);
}

/*
 * A signal that nobody wants, on a bus of a daemon; for kdbus see growth.c
 */

/* what clients subscribe to: signals of an interface, names, senders */
static struct dbus *subscriber(unsigned int n)
{
	static const char *const rules[] = {
		"type='signal',interface='org.example.Other%u'",
		"type='signal',sender='org.example.Name%u'",
		"type='signal',sender=':1.%u'",
		"type='signal',sender='org.freedesktop.DBus',"
		"member='NameOwnerChanged',arg0='org.example.Name%u'",
		"type='signal',sender='org.freedesktop.DBus',"
		"member='NameOwnerChanged',arg0=':1.%u'",
	};
	struct dbus *dbus = dbus_connect(daemon_path());
	char rule[160];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		/* the rules shall be of peers that are not there */
		snprintf(rule, sizeof(rule), rules[i], n + 1000000);
		dbus_driver_call(dbus, "AddMatch", rule, false);
	}
	dbus_sync(dbus);
	return dbus;
}

/* A call after the signal shows when the daemon is through with it. */
static uint64_t emit_and_sync(struct dbus *dbus, bool signal)
{
	uint64_t t[REPEAT], start;
	int i;

	for (i = -2; i < REPEAT; i++) {
		start = now();
		if (signal)
			emit(dbus, "Unwanted", i);
		dbus_sync(dbus);
		t[i < 0 ? 0 : i] = now() - start;
	}
	return cost(t, REPEAT);
}

static void unwanted_on_daemon(const struct transport *transport)
{
	static const size_t steps[] = { 0, 10, 100, 1000 };
	static struct dbus *others[1000];
	struct dbus *src;
	size_t i, n = 0;

	transport->start(0);
	src = dbus_connect(daemon_path());
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		for (; n < steps[i]; n++)
			others[n] = subscriber(n);
		report("broadcast-unwanted", transport->name, n,
		       emit_and_sync(src, true) - emit_and_sync(src, false));
	}
	while (n)
		dbus_close(others[--n]);
	dbus_close(src);
	transport->stop();
}

void bench_unwanted(void)
{
	unwanted_on_daemon(&dbus_broker_transport);
	unwanted_on_daemon(&dbus_daemon_transport);
}
