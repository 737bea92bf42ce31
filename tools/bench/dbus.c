// SPDX-License-Identifier: LGPL-2.1+
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench.h"
#include "dbus.h"

/* room to read into; more is made when a message does not fit twice */
#define BUFFER		65536

struct dbus {
	int fd;
	uint32_t serial;
	char unique[64];
	struct dbus_message message;

	/* received: this message, and perhaps some of the next ones */
	uint8_t *in;
	size_t room, start, end;
};

/* fields of a header */
enum {
	FIELD_PATH = 1,
	FIELD_INTERFACE,
	FIELD_MEMBER,
	FIELD_ERROR_NAME,
	FIELD_REPLY_SERIAL,
	FIELD_DESTINATION,
	FIELD_SENDER,
	FIELD_SIGNATURE,
	FIELD_UNIX_FDS,
};

/* before the fields: endianness, type, flags, version, three numbers */
#define FIXED_HEADER	16

/*
 * Writing
 */

static void put(struct dbus_writer *writer, const void *data, size_t size)
{
	check(writer->n + size <= sizeof(writer->data), "a long header");
	memcpy(writer->data + writer->n, data, size);
	writer->n += size;
}

void dbus_align(struct dbus_writer *writer, size_t to)
{
	static const uint8_t zero[8];

	put(writer, zero, -writer->n % to);
}

void dbus_put_u32(struct dbus_writer *writer, uint32_t value)
{
	dbus_align(writer, 4);
	put(writer, &value, sizeof(value));
}

void dbus_put_u64(struct dbus_writer *writer, uint64_t value)
{
	dbus_align(writer, 8);
	put(writer, &value, sizeof(value));
}

void dbus_put_string(struct dbus_writer *writer, const char *text)
{
	dbus_put_u32(writer, strlen(text));
	put(writer, text, strlen(text) + 1);
}

void dbus_put_signature(struct dbus_writer *writer, const char *text)
{
	const uint8_t size = strlen(text);

	put(writer, &size, 1);
	put(writer, text, size + 1);
}

static void put_field(struct dbus_writer *writer, uint8_t code,
		      const char *type)
{
	dbus_align(writer, 8);
	put(writer, &code, 1);
	dbus_put_signature(writer, type);
}

static void put_text_field(struct dbus_writer *writer, uint8_t code,
			   const char *type, const char *text)
{
	if (!text)
		return;
	put_field(writer, code, type);
	if (*type == 'g')
		dbus_put_signature(writer, text);
	else
		dbus_put_string(writer, text);
}

static void put_header(struct dbus_writer *writer,
		       const struct dbus_message *head, uint32_t serial,
		       uint32_t body_size, bool fd)
{
	const uint8_t first[4] = { 'l', head->type, head->flags, 1 };
	uint32_t fields;

	put(writer, first, sizeof(first));
	dbus_put_u32(writer, body_size);
	dbus_put_u32(writer, serial);
	dbus_put_u32(writer, 0);
	put_text_field(writer, FIELD_PATH, "o", head->path);
	put_text_field(writer, FIELD_INTERFACE, "s", head->interface);
	put_text_field(writer, FIELD_MEMBER, "s", head->member);
	put_text_field(writer, FIELD_DESTINATION, "s", head->destination);
	put_text_field(writer, FIELD_SIGNATURE, "g", head->signature);
	if (head->reply_serial) {
		put_field(writer, FIELD_REPLY_SERIAL, "u");
		dbus_put_u32(writer, head->reply_serial);
	}
	if (fd) {
		put_field(writer, FIELD_UNIX_FDS, "u");
		dbus_put_u32(writer, 1);
	}
	fields = writer->n - FIXED_HEADER;
	memcpy(writer->data + FIXED_HEADER - 4, &fields, sizeof(fields));
	dbus_align(writer, 8);
}

/* a stream may take less than it was given */
static void send_all(int fd, struct msghdr *msg)
{
	ssize_t n;

	while (msg->msg_iovlen) {
		n = sendmsg(fd, msg, MSG_NOSIGNAL);
		if (n < 0)
			die("sending to the daemon");
		msg->msg_controllen = 0;
		while (msg->msg_iovlen && (size_t)n >= msg->msg_iov->iov_len) {
			n -= msg->msg_iov->iov_len;
			msg->msg_iov++;
			msg->msg_iovlen--;
		}
		if (msg->msg_iovlen) {
			msg->msg_iov->iov_base =
				(char *)msg->msg_iov->iov_base + n;
			msg->msg_iov->iov_len -= n;
		}
	}
}

uint32_t dbus_send(struct dbus *dbus, const struct dbus_message *head,
		   const struct dbus_writer *prefix, const void *body,
		   size_t body_size, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {
		.header = {
			.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		},
	};
	struct iovec iov[3];
	struct msghdr msg = { .msg_iov = iov };
	struct dbus_writer header;
	size_t prefix_size = prefix ? prefix->n : 0;

	header.n = 0;
	put_header(&header, head, ++dbus->serial, prefix_size + body_size,
		   fd >= 0);
	iov[msg.msg_iovlen++] = (struct iovec){ header.data, header.n };
	if (prefix_size)
		iov[msg.msg_iovlen++] =
			(struct iovec){ (void *)prefix->data, prefix_size };
	if (body_size)
		iov[msg.msg_iovlen++] =
			(struct iovec){ (void *)body, body_size };
	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	send_all(dbus->fd, &msg);
	return dbus->serial;
}

/*
 * Reading
 */

static uint32_t get_u32(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

static size_t align(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static void parse_fields(struct dbus_message *message, const uint8_t *p,
			 size_t end)
{
	size_t at = FIXED_HEADER;
	const char *text;
	uint8_t code;

	while (at < end) {
		at = align(at, 8);
		code = p[at];
		/* all types used here are of one letter */
		if (p[at + 2] == 'g') {
			text = (const char *)p + at + 5;
			at += 5 + p[at + 4] + 1;
		} else if (p[at + 2] == 'u') {
			at += 8;
			if (code == FIELD_REPLY_SERIAL)
				message->reply_serial = get_u32(p + at - 4);
			continue;
		} else {
			text = (const char *)p + at + 8;
			at += 8 + get_u32(p + at + 4) + 1;
		}
		if (code == FIELD_PATH)
			message->path = text;
		else if (code == FIELD_INTERFACE)
			message->interface = text;
		else if (code == FIELD_MEMBER)
			message->member = text;
		else if (code == FIELD_DESTINATION)
			message->destination = text;
		else if (code == FIELD_SENDER)
			message->sender = text;
		else if (code == FIELD_SIGNATURE)
			message->signature = text;
	}
}

/* bytes of the message at @p, 0 if that cannot be told yet */
static size_t message_size(const uint8_t *p, size_t n)
{
	if (n < FIXED_HEADER)
		return 0;
	check(p[0] == 'l', "a message in another byte order");
	return align(FIXED_HEADER + get_u32(p + 12), 8) + get_u32(p + 4);
}

/* @size: bytes of the message that begins here, 0 if that is not known yet */
static void fill(struct dbus *dbus, size_t size)
{
	ssize_t n;

	if (dbus->room < 2 * size) {
		dbus->room = 2 * size;
		dbus->in = realloc(dbus->in, dbus->room);
		if (!dbus->in)
			die("realloc");
	}
	if (dbus->start && dbus->end == dbus->room) {
		memmove(dbus->in, dbus->in + dbus->start,
			dbus->end - dbus->start);
		dbus->end -= dbus->start;
		dbus->start = 0;
	}
	n = recv(dbus->fd, dbus->in + dbus->end, dbus->room - dbus->end, 0);
	if (n <= 0)
		die("receiving from the daemon");
	dbus->end += n;
}

const struct dbus_message *dbus_read(struct dbus *dbus)
{
	struct dbus_message *message = &dbus->message;
	const uint8_t *p;
	size_t size, fields;

	if (dbus->start == dbus->end)
		dbus->start = dbus->end = 0;
	for (;;) {
		p = dbus->in + dbus->start;
		size = message_size(p, dbus->end - dbus->start);
		if (size && dbus->end - dbus->start >= size)
			break;
		fill(dbus, size);
	}

	fields = get_u32(p + 12);
	*message = (struct dbus_message){
		.type = p[1],
		.flags = p[2],
		.serial = get_u32(p + 8),
		.body = p + align(FIXED_HEADER + fields, 8),
		.body_size = get_u32(p + 4),
	};
	parse_fields(message, p, FIXED_HEADER + fields);
	dbus->start += size;
	return message;
}

const struct dbus_message *dbus_reply(struct dbus *dbus, uint32_t serial)
{
	const struct dbus_message *message;

	do {
		message = dbus_read(dbus);
	} while ((message->type != DBUS_METHOD_RETURN &&
		  message->type != DBUS_ERROR) ||
		 message->reply_serial != serial);
	if (message->type == DBUS_ERROR)
		fprintf(stderr, "%.*s\n", (int)message->body_size - 4,
			message->body + 4);
	check(message->type == DBUS_METHOD_RETURN, "a call failed");
	return message;
}

/*
 * Connecting
 */

static void say(int fd, const char *text, size_t size, const char *answer)
{
	char line[256];
	size_t n = 0;

	if (send(fd, text, size, MSG_NOSIGNAL) != (ssize_t)size)
		die("authentication");
	do {
		if (n == sizeof(line) - 1 || recv(fd, line + n, 1, 0) != 1)
			die("authentication");
	} while (line[n++] != '\n');
	line[n] = '\0';
	check(strncmp(line, answer, strlen(answer)) == 0, line);
}

static void authenticate(int fd)
{
	char uid[16], text[64];
	size_t i, n;

	snprintf(uid, sizeof(uid), "%u", getuid());
	/* a NUL comes first */
	text[0] = '\0';
	n = 1 + sprintf(text + 1, "AUTH EXTERNAL ");
	for (i = 0; uid[i]; i++)
		n += sprintf(text + n, "%02x", uid[i]);
	n += sprintf(text + n, "\r\n");
	say(fd, text, n, "OK");
	say(fd, "NEGOTIATE_UNIX_FD\r\n", 19, "AGREE_UNIX_FD");
	if (send(fd, "BEGIN\r\n", 7, MSG_NOSIGNAL) != 7)
		die("authentication");
}

uint32_t dbus_driver_call(struct dbus *dbus, const char *member,
			  const char *argument, bool reply)
{
	const struct dbus_message call = {
		.type = DBUS_METHOD_CALL,
		.flags = reply ? 0 : DBUS_NO_REPLY_EXPECTED,
		.path = "/org/freedesktop/DBus",
		.interface = "org.freedesktop.DBus",
		.destination = "org.freedesktop.DBus",
		.member = member,
		.signature = argument ? "s" : NULL,
	};
	struct dbus_writer body;

	body.n = 0;
	if (argument)
		dbus_put_string(&body, argument);
	return dbus_send(dbus, &call, &body, NULL, 0, -1);
}

void dbus_sync(struct dbus *dbus)
{
	dbus_reply(dbus, dbus_driver_call(dbus, "GetId", NULL, true));
}

struct dbus *dbus_open(int fd, bool bus)
{
	struct dbus *dbus = calloc(1, sizeof(*dbus));
	const struct dbus_message *reply;

	if (!dbus)
		die("calloc");
	dbus->fd = fd;
	dbus->room = BUFFER;
	dbus->in = malloc(BUFFER);
	if (!dbus->in)
		die("malloc");
	authenticate(fd);
	if (bus) {
		reply = dbus_reply(dbus, dbus_driver_call(dbus, "Hello", NULL,
							  true));
		snprintf(dbus->unique, sizeof(dbus->unique), "%s",
			 (const char *)reply->body + 4);
	}
	return dbus;
}

struct dbus *dbus_connect(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		die(path);
	return dbus_open(fd, true);
}

void dbus_close(struct dbus *dbus)
{
	close(dbus->fd);
	free(dbus->in);
	free(dbus);
}

const char *dbus_unique_name(const struct dbus *dbus)
{
	return dbus->unique;
}
