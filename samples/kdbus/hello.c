// SPDX-License-Identifier: LGPL-2.1+
/*
 * The smallest program: makes a bus, connects to it twice, and says hello from
 * one connection to the other.
 *
 *	hello [MOUNT POINT]
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "kdbus-util.h"

static int check(const char *what, int result)
{
	if (result < 0) {
		errno = -result;
		err(1, "%s", what);
	}
	return result;
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "/sys/fs/kdbus";
	const struct kdbus_msg *msg;
	char name[32], endpoint[256];
	struct peer alice, bob;
	struct draft message;
	size_t size;

	snprintf(name, sizeof(name), "%u-hello", geteuid());
	snprintf(endpoint, sizeof(endpoint), "%s/%s/bus", dir, name);
	check(name, bus_make(dir, name, 0));
	check("alice", peer_connect(&alice, endpoint, "alice", 0));
	check("bob", peer_connect(&bob, endpoint, "bob", 0));

	message_start(&message, bob.id);
	message_add_bytes(&message, "hello, bob", sizeof("hello, bob"));
	check("send", peer_send(&alice, &message));
	check("receive", peer_receive(&bob, 1000, &msg));
	printf("from %llu: %s\n", msg->src_id, (char *)message_bytes(msg, &size));
	return 0;
}
