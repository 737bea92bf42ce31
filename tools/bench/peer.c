// SPDX-License-Identifier: LGPL-2.1+
/*
 * A bus, and connections to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "peer.h"

static char bus_path[128];

void make_bus(void)
{
	struct {
		struct kdbus_cmd cmd;
		uint64_t bloom_size, bloom_type;
		struct kdbus_bloom_parameter bloom;
		uint64_t name_size, name_type;
		char name[32];
	} make = {
		.cmd.size = sizeof(make),
		.bloom_size = 32,
		.bloom_type = KDBUS_ITEM_BLOOM_PARAMETER,
		.bloom = { .size = BLOOM_SIZE, .n_hash = 1 },
		.name_type = KDBUS_ITEM_MAKE_NAME,
	};
	int fd;

	snprintf(make.name, sizeof(make.name), "%u-bench", getuid());
	make.name_size = 16 + strlen(make.name) + 1;
	make.cmd.size = offsetof(typeof(make), name) + strlen(make.name) + 1;
	snprintf(bus_path, sizeof(bus_path), "/sys/fs/kdbus/%s/bus", make.name);

	/* not closed: the bus is there until the program ends */
	fd = open("/sys/fs/kdbus/control", O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, KDBUS_CMD_BUS_MAKE, &make) < 0)
		die("making a bus");
}

/* the virtual machine is for one run, so nothing puts it back */
void raise_connection_limit(void)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", MANY_CONNECTIONS);
	write_file("/sys/module/kdbus/parameters/max_conns_per_user", number);
	raise_file_limit(MANY_CONNECTIONS);
}

int open_bus(void)
{
	int fd = open(bus_path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("opening the bus");
	return fd;
}

uint64_t hello_small(int fd)
{
	struct kdbus_cmd_hello cmd = {
		.size = sizeof(cmd),
		.pool_size = 4096,
	};

	if (ioctl(fd, KDBUS_CMD_HELLO, &cmd) < 0)
		die("HELLO");
	return cmd.id;
}

static struct peer hello_with(uint64_t flags, uint64_t attach_flags)
{
	struct kdbus_cmd_hello cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.pool_size = POOL_SIZE,
		.attach_flags_recv = attach_flags,
		.attach_flags_send = _KDBUS_ATTACH_ANY,
	};
	struct peer peer = { .fd = open_bus() };

	if (ioctl(peer.fd, KDBUS_CMD_HELLO, &cmd) < 0)
		die("HELLO");
	peer.id = cmd.id;
	peer.pool = mmap(NULL, POOL_SIZE, PROT_READ, MAP_SHARED, peer.fd, 0);
	if (peer.pool == MAP_FAILED)
		die("mapping the pool");
	kdbus_free(&peer, cmd.offset);
	return peer;
}

struct peer hello(uint64_t attach_flags)
{
	return hello_with(0, attach_flags);
}

struct peer hello_monitor(void)
{
	return hello_with(KDBUS_HELLO_MONITOR, 0);
}

void bye(struct peer *peer)
{
	munmap(peer->pool, POOL_SIZE);
	close(peer->fd);
}

/*
 * Messages
 */

struct message message(uint64_t dst, size_t size)
{
	return (struct message){
		.msg = {
			.size = sizeof(struct message),
			.dst_id = dst,
			.payload_type = KDBUS_PAYLOAD_DBUS,
			.cookie = 1,
		},
		.vec_size = 32,
		.vec_type = KDBUS_ITEM_PAYLOAD_VEC,
		.vec = { .size = size, .address = (uintptr_t)payload },
	};
}

bool kdbus_try_send(const struct peer *peer, const void *message)
{
	struct kdbus_cmd_send cmd = {
		.size = sizeof(cmd),
		.msg_address = (uintptr_t)message,
	};

	if (ioctl(peer->fd, KDBUS_CMD_SEND, &cmd) == 0)
		return true;
	if (errno != ENOBUFS && errno != EXFULL)
		die("SEND");
	return false;
}

uint64_t kdbus_send(const struct peer *peer, const void *message,
		    uint64_t flags)
{
	struct kdbus_cmd_send cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.msg_address = (uintptr_t)message,
	};

	if (ioctl(peer->fd, KDBUS_CMD_SEND, &cmd) < 0)
		die("SEND");
	return cmd.reply.offset;
}

struct kdbus_msg *kdbus_try_recv(const struct peer *peer)
{
	struct kdbus_cmd_recv cmd = { .size = sizeof(cmd) };

	if (ioctl(peer->fd, KDBUS_CMD_RECV, &cmd) == 0)
		return (struct kdbus_msg *)(peer->pool + cmd.msg.offset);
	if (errno != EAGAIN)
		die("RECV");
	return NULL;
}

struct kdbus_msg *kdbus_recv(const struct peer *peer)
{
	struct kdbus_msg *msg = kdbus_try_recv(peer);

	check(msg, "a message did not arrive");
	return msg;
}

void kdbus_free(const struct peer *peer, uint64_t offset)
{
	struct kdbus_cmd_free cmd = { .size = sizeof(cmd), .offset = offset };

	if (ioctl(peer->fd, KDBUS_CMD_FREE, &cmd) < 0)
		die("FREE");
}

void kdbus_free_msg(const struct peer *peer, const struct kdbus_msg *msg)
{
	kdbus_free(peer, (const uint8_t *)msg - peer->pool);
}

void kdbus_expect(const struct kdbus_msg *msg, size_t size, uint64_t number,
		  bool whole)
{
	const struct kdbus_item *item = msg->items;
	const volatile uint8_t *data;
	size_t i;

	check(item->type == KDBUS_ITEM_PAYLOAD_OFF && item->vec.size == size,
	      "a message without its payload");
	data = (const uint8_t *)msg + item->vec.offset;
	for (i = 0; i < size; i += 4096)
		(void)data[i];
	expect((const void *)data, size, number, whole);
}

/*
 * Names, rules, signals
 */

void acquire_name(int fd, const char *name)
{
	struct {
		struct kdbus_cmd cmd;
		uint64_t size, type;
		char name[32];
	} acquire = {
		.cmd.size = sizeof(struct kdbus_cmd) + 16 + strlen(name) + 1,
		.size = 16 + strlen(name) + 1,
		.type = KDBUS_ITEM_NAME,
	};

	strcpy(acquire.name, name);
	if (ioctl(fd, KDBUS_CMD_NAME_ACQUIRE, &acquire) < 0)
		die("NAME_ACQUIRE");
}

void add_match(int fd, uint64_t type, const void *rule, size_t size)
{
	struct {
		struct kdbus_cmd_match cmd;
		uint64_t item_size, item_type;
		uint8_t item[BLOOM_SIZE];
	} match = {
		.cmd.size = offsetof(typeof(match), item) + size,
		.item_size = 16 + size,
		.item_type = type,
	};

	memcpy(match.item, rule, size);
	if (ioctl(fd, KDBUS_CMD_MATCH_ADD, &match) < 0)
		die("MATCH_ADD");
}

void add_bloom_match(int fd)
{
	uint8_t mask[BLOOM_SIZE] = {};
	int i;

	for (i = 0; i < 8; i++)
		mask[rand() % BLOOM_SIZE] |= 1 << rand() % 8;
	add_match(fd, KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
}

struct signal signal_message(void)
{
	struct signal signal = {
		.message = message(KDBUS_DST_ID_BROADCAST, 64),
		.filter_size = 16 + 8 + BLOOM_SIZE,
		.filter_type = KDBUS_ITEM_BLOOM_FILTER,
	};
	int i;

	signal.message.msg.size = sizeof(signal);
	signal.message.msg.flags = KDBUS_MSG_SIGNAL;
	for (i = 0; i < 16; i++)
		signal.filter[rand() % (BLOOM_SIZE / 8)] |= 1ULL << rand() % 64;
	return signal;
}
