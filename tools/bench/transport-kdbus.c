// SPDX-License-Identifier: LGPL-2.1+
/*
 * Synchronous calls over kdbus. The server polls before it receives; both ends
 * give each message back.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "peer.h"
#include "transport.h"

struct end {
	struct peer peer;
	uint64_t server, deadline;
	int memfd;
};

static struct end *new_end(void)
{
	struct end *end = calloc(1, sizeof(*end));

	if (!end)
		die("calloc");
	end->peer = hello(0);
	end->memfd = -1;
	return end;
}

static void *kdbus_listen(struct address *address)
{
	struct end *end = new_end();

	snprintf(address->text, sizeof(address->text), "%" PRIu64,
		 end->peer.id);
	return end;
}

static void *kdbus_connect(const struct address *address, size_t size)
{
	struct end *end = new_end();

	(void)size;
	end->server = strtoull(address->text, NULL, 10);
	/* an hour: nothing here takes that long */
	end->deadline = now() + 3600 * 1000000000ULL;
	return end;
}

static void kdbus_close(void *data)
{
	struct end *end = data;

	bye(&end->peer);
	if (end->memfd >= 0)
		close(end->memfd);
	free(end);
}

static void kdbus_answer(void *data, size_t size, uint64_t number, bool whole)
{
	struct end *end = data;
	struct kdbus_msg *msg;
	struct message reply;

	wait_for_input(end->peer.fd);
	msg = kdbus_recv(&end->peer);
	kdbus_expect(msg, size, number, whole);
	reply = message(msg->src_id, size);
	reply.msg.cookie_reply = msg->cookie;
	kdbus_free_msg(&end->peer, msg);
	stamp(size, reply_number(number));
	kdbus_send(&end->peer, &reply, 0);
}

static void kdbus_call(void *data, size_t size, uint64_t number, bool whole)
{
	struct end *end = data;
	struct message call = message(end->server, size);
	struct kdbus_msg *reply;
	uint64_t offset;

	call.msg.flags = KDBUS_MSG_EXPECT_REPLY;
	call.msg.timeout_ns = end->deadline;
	call.msg.cookie = number + 1;
	stamp(size, number);

	offset = kdbus_send(&end->peer, &call, KDBUS_SEND_SYNC_REPLY);
	reply = (struct kdbus_msg *)(end->peer.pool + offset);
	check(reply->cookie_reply == number + 1, "a reply to something else");
	kdbus_expect(reply, size, reply_number(number), whole);
	kdbus_free(&end->peer, offset);
}

const struct transport kdbus_transport = {
	.name = "kdbus",
	.listen = kdbus_listen,
	.answer = kdbus_answer,
	.connect = kdbus_connect,
	.call = kdbus_call,
	.close = kdbus_close,
};

/*
 * The payload is in a sealed memfd that is there already, and is sent again and
 * again; whoever gets it maps it, looks at each page, and gives it up. The
 * content cannot change, so it is the cookie that says which message it is.
 */

struct memfd_message {
	struct kdbus_msg msg;
	uint64_t memfd_size, memfd_type;
	struct kdbus_memfd memfd;
};

static int sealed_memfd(size_t size)
{
	int fd = memfd_create("bench", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	stamp(size, 0);
	if (fd < 0 || write(fd, payload, size) != (ssize_t)size ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
				   F_SEAL_SEAL) < 0)
		die("making a memfd");
	return fd;
}

static struct memfd_message memfd_message(uint64_t dst, size_t size, int fd)
{
	return (struct memfd_message){
		.msg = {
			.size = sizeof(struct memfd_message),
			.dst_id = dst,
			.payload_type = KDBUS_PAYLOAD_DBUS,
		},
		.memfd_size = 16 + sizeof(struct kdbus_memfd),
		.memfd_type = KDBUS_ITEM_PAYLOAD_MEMFD,
		.memfd = { .size = size, .fd = fd },
	};
}

static void memfd_expect(const struct kdbus_msg *msg, size_t size, bool whole)
{
	const struct kdbus_item *item = msg->items;
	const volatile uint8_t *data;
	size_t i;

	check(item->type == KDBUS_ITEM_PAYLOAD_MEMFD &&
	      item->memfd.size == size && item->memfd.fd >= 0,
	      "a message without its memfd");
	data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, item->memfd.fd, 0);
	if (data == MAP_FAILED)
		die("mapping a memfd");
	for (i = 0; i < size; i += 4096)
		(void)data[i];
	expect((const void *)data, size, 0, whole);
	munmap((void *)data, size);
	close(item->memfd.fd);
}

static void memfd_answer(void *data, size_t size, uint64_t number, bool whole)
{
	struct end *end = data;
	struct memfd_message reply;
	struct kdbus_msg *msg;

	if (end->memfd < 0)
		end->memfd = sealed_memfd(size);
	wait_for_input(end->peer.fd);
	msg = kdbus_recv(&end->peer);
	check(msg->cookie == number + 1, "a message that is another one");
	memfd_expect(msg, size, whole);
	reply = memfd_message(msg->src_id, size, end->memfd);
	reply.msg.cookie = reply_number(number);
	reply.msg.cookie_reply = msg->cookie;
	kdbus_free_msg(&end->peer, msg);
	kdbus_send(&end->peer, &reply, 0);
}

static void *memfd_connect(const struct address *address, size_t size)
{
	struct end *end = kdbus_connect(address, size);

	end->memfd = sealed_memfd(size);
	return end;
}

static void memfd_call(void *data, size_t size, uint64_t number, bool whole)
{
	struct end *end = data;
	struct memfd_message call =
		memfd_message(end->server, size, end->memfd);
	struct kdbus_msg *reply;
	uint64_t offset;

	call.msg.flags = KDBUS_MSG_EXPECT_REPLY;
	call.msg.timeout_ns = end->deadline;
	call.msg.cookie = number + 1;

	offset = kdbus_send(&end->peer, &call, KDBUS_SEND_SYNC_REPLY);
	reply = (struct kdbus_msg *)(end->peer.pool + offset);
	check(reply->cookie_reply == number + 1 &&
	      reply->cookie == reply_number(number),
	      "a reply to something else");
	memfd_expect(reply, size, whole);
	kdbus_free(&end->peer, offset);
}

const struct transport kdbus_memfd_transport = {
	.name = "kdbus-memfd",
	.listen = kdbus_listen,
	.answer = memfd_answer,
	.connect = memfd_connect,
	.call = memfd_call,
	.close = kdbus_close,
};
