/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef DBUS_H
#define DBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * DOC: D-Bus client
 *
 * As little of the wire protocol as a client needs, without a library in
 * between: authentication, messages in little-endian order, one file
 * descriptor per message. Nothing is checked that only a broken server sends.
 */

enum dbus_type {
	DBUS_METHOD_CALL = 1,
	DBUS_METHOD_RETURN,
	DBUS_ERROR,
	DBUS_SIGNAL,
};

#define DBUS_NO_REPLY_EXPECTED	0x1

/* a message; strings are NULL where a message has none */
struct dbus_message {
	uint8_t type, flags;
	uint32_t serial, reply_serial;
	const char *path, *interface, *member, *destination, *sender;
	const char *signature;
	const uint8_t *body;
	uint32_t body_size;
};

/* what is appended here is aligned as the protocol wants it */
struct dbus_writer {
	uint8_t data[1024];
	size_t n;
};

void dbus_align(struct dbus_writer *writer, size_t to);
void dbus_put_u32(struct dbus_writer *writer, uint32_t value);
void dbus_put_u64(struct dbus_writer *writer, uint64_t value);
void dbus_put_string(struct dbus_writer *writer, const char *text);
void dbus_put_signature(struct dbus_writer *writer, const char *text);

struct dbus;

/* authenticates on @fd, which it owns then; @bus: says Hello, too */
struct dbus *dbus_open(int fd, bool bus);
struct dbus *dbus_connect(const char *path);
void dbus_close(struct dbus *dbus);
const char *dbus_unique_name(const struct dbus *dbus);

/*
 * dbus_send - sends a message
 * @head:	what it has; serial and the size of the body are filled in
 * @prefix:	first part of the body, may be NULL
 * @body:	the rest
 * @fd:		to be passed along, or -1
 *
 * Returns its serial.
 */
uint32_t dbus_send(struct dbus *dbus, const struct dbus_message *head,
		   const struct dbus_writer *prefix, const void *body,
		   size_t body_size, int fd);

/* waits for the next message, which is there until the next call */
const struct dbus_message *dbus_read(struct dbus *dbus);

/* waits for the reply to a call and skips what else comes */
const struct dbus_message *dbus_reply(struct dbus *dbus, uint32_t serial);

/* a method of the bus itself, with a string as argument unless it is NULL */
uint32_t dbus_driver_call(struct dbus *dbus, const char *member,
			  const char *argument, bool reply);

/* returns when all that was sent before has been dealt with */
void dbus_sync(struct dbus *dbus);

/* daemons, see daemons.c */
void start_dbus_daemon(int cpu);
void start_dbus_broker(int cpu);
void stop_daemon(void);
const char *daemon_path(void);

#endif
