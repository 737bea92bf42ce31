// SPDX-License-Identifier: LGPL-2.1+
/*
 * Method calls over D-Bus. The payload is one array of bytes, which is handed
 * to the socket from where it is and read from where it was received.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "dbus.h"
#include "transport.h"

struct end {
	struct dbus *dbus;
	char server[sizeof(struct address)];
};

static struct end *new_end(void)
{
	struct end *end = calloc(1, sizeof(*end));

	if (!end)
		die("calloc");
	end->dbus = dbus_connect(daemon_path());
	return end;
}

static void *dbus_listen(struct address *address)
{
	struct end *end = new_end();

	snprintf(address->text, sizeof(address->text), "%s",
		 dbus_unique_name(end->dbus));
	return end;
}

static void *dbus_connect_to(const struct address *address, size_t size)
{
	struct end *end = new_end();

	(void)size;
	snprintf(end->server, sizeof(end->server), "%s", address->text);
	return end;
}

static void dbus_end(void *data)
{
	struct end *end = data;

	dbus_close(end->dbus);
	free(end);
}

static uint32_t put(struct dbus *dbus, const struct dbus_message *head,
		    size_t size, uint64_t number)
{
	struct dbus_writer count;

	count.n = 0;
	dbus_put_u32(&count, size);
	stamp(size, number);
	return dbus_send(dbus, head, &count, payload, size, -1);
}

static void expect_bytes(const struct dbus_message *message, size_t size,
			 uint64_t number, bool whole)
{
	check(message->body_size == size + 4 && message->signature &&
	      strcmp(message->signature, "ay") == 0,
	      "a message without its payload");
	expect(message->body + 4, size, number, whole);
}

static void dbus_answer(void *data, size_t size, uint64_t number, bool whole)
{
	const struct dbus_message *call;
	struct end *end = data;
	struct dbus_message reply = {
		.type = DBUS_METHOD_RETURN,
		.flags = DBUS_NO_REPLY_EXPECTED,
		.signature = "ay",
	};

	do {
		call = dbus_read(end->dbus);
	} while (call->type != DBUS_METHOD_CALL);
	expect_bytes(call, size, number, whole);
	reply.destination = call->sender;
	reply.reply_serial = call->serial;
	put(end->dbus, &reply, size, reply_number(number));
}

static void dbus_call(void *data, size_t size, uint64_t number, bool whole)
{
	struct end *end = data;
	const struct dbus_message call = {
		.type = DBUS_METHOD_CALL,
		.path = "/org/example/Bench",
		.interface = "org.example.Bench",
		.member = "Echo",
		.destination = end->server,
		.signature = "ay",
	};
	uint32_t serial = put(end->dbus, &call, size, number);

	expect_bytes(dbus_reply(end->dbus, serial), size, reply_number(number),
		     whole);
}

const struct transport dbus_daemon_transport = {
	.name = "dbus-daemon",
	.start = start_dbus_daemon,
	.stop = stop_daemon,
	.listen = dbus_listen,
	.answer = dbus_answer,
	.connect = dbus_connect_to,
	.call = dbus_call,
	.close = dbus_end,
};

const struct transport dbus_broker_transport = {
	.name = "dbus-broker",
	.start = start_dbus_broker,
	.stop = stop_daemon,
	.listen = dbus_listen,
	.answer = dbus_answer,
	.connect = dbus_connect_to,
	.call = dbus_call,
	.close = dbus_end,
};
