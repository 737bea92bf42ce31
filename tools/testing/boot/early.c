// SPDX-License-Identifier: LGPL-2.1+
/*
 * Shows that kdbus works from the initramfs on.
 *
 *	early serve	makes a bus, exchanges a message on it, and goes on in
 *			the background, answering what it is asked
 *	early ask	asks it, and prints the answer
 *
 * Both take the mount point as one more argument.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../samples/kdbus/kdbus-util.h"

#define NAME		"org.example.early"
#define TIMEOUT_MS	60000

static const char *dir = "/sys/fs/kdbus";
static char endpoint[256];

static void check(const char *what, int result)
{
	if (result >= 0)
		return;
	fprintf(stderr, "early: %s: %s\n", what, strerror(-result));
	exit(EXIT_FAILURE);
}

static void answer(struct peer *peer)
{
	const struct kdbus_msg *msg;
	struct draft reply;

	check("receive", peer_receive(peer, -1, &msg));
	if (msg->cookie) {
		message_start_reply(&reply, msg);
		message_add_bytes(&reply, "early", sizeof("early"));
		/* who asked may be gone */
		peer_send(peer, &reply);
	}
	peer_free(peer, msg);
}

static void ask(void)
{
	const struct kdbus_msg *reply;
	struct draft message;
	const char *bytes;
	struct peer peer;
	size_t size;

	check(endpoint, peer_connect(&peer, endpoint, "asks", 0));
	message_start_to(&message, NAME);
	check("call", peer_call(&peer, &message, TIMEOUT_MS, &reply));
	bytes = message_bytes(reply, &size);
	if (!bytes || size != sizeof("early") || memcmp(bytes, "early", size))
		check("reply", -EBADMSG);
	printf("early: answered by %llu\n", (unsigned long long)reply->src_id);
}

int main(int argc, char **argv)
{
	struct peer peer;

	if (argc > 2)
		dir = argv[2];
	snprintf(endpoint, sizeof(endpoint), "%s/0-early/bus", dir);

	if (argc > 1 && !strcmp(argv[1], "ask")) {
		ask();
		return EXIT_SUCCESS;
	}

	check("bus", bus_make(dir, "0-early", 0));
	check(endpoint, peer_connect(&peer, endpoint, "answers", 0));
	check(NAME, peer_acquire(&peer, NAME));
	switch (fork()) {
	case -1:
		check("fork", -errno);
		break;
	case 0:
		/* by this systemd knows whom it must not end on its way */
		argv[0][0] = '@';
		/* nothing of the initramfs is kept busy */
		if (chdir("/") < 0 || !freopen("/dev/null", "r+", stdout))
			return EXIT_FAILURE;
		for (;;)
			answer(&peer);
	}
	ask();
	return EXIT_SUCCESS;
}
