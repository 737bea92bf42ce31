// SPDX-License-Identifier: LGPL-2.1+
/*
 * Requests and replies over AF_UNIX sockets, with and without a poll before
 * each read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench.h"
#include "transport.h"

struct end {
	int listener, fd;
	bool poll;
};

static int new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	const int room = 4 * MAX_PAYLOAD;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room,
				 sizeof(room)) < 0)
		die("socket");
	return fd;
}

static struct sockaddr_un abstract(const struct address *address)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	memcpy(sun.sun_path + 1, address->text, strlen(address->text));
	return sun;
}

static struct end *new_end(bool poll)
{
	struct end *end = calloc(1, sizeof(*end));

	if (!end)
		die("calloc");
	end->listener = end->fd = -1;
	end->poll = poll;
	return end;
}

static struct end *listen_with(struct address *address, bool poll)
{
	struct end *end = new_end(poll);
	struct sockaddr_un sun;

	snprintf(address->text, sizeof(address->text), "kdbus-bench-%d",
		 getpid());
	sun = abstract(address);
	end->listener = new_socket();
	if (bind(end->listener, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
	    listen(end->listener, 1) < 0)
		die("listen");
	return end;
}

static void *unix_listen(struct address *address)
{
	return listen_with(address, false);
}

static void *unix_poll_listen(struct address *address)
{
	return listen_with(address, true);
}

static struct end *connect_with(const struct address *address, bool poll)
{
	struct sockaddr_un sun = abstract(address);
	struct end *end = new_end(poll);

	end->fd = new_socket();
	if (connect(end->fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		die("connect");
	return end;
}

static void *unix_connect(const struct address *address, size_t size)
{
	(void)size;
	return connect_with(address, false);
}

static void *unix_poll_connect(const struct address *address, size_t size)
{
	(void)size;
	return connect_with(address, true);
}

static void unix_close(void *data)
{
	struct end *end = data;

	close(end->fd);
	if (end->listener >= 0)
		close(end->listener);
	free(end);
}

static void put(const struct end *end, size_t size, uint64_t number)
{
	stamp(size, number);
	if (send(end->fd, payload, size, MSG_NOSIGNAL) != (ssize_t)size)
		die("send");
}

static void get(const struct end *end, size_t size, uint64_t number, bool whole)
{
	static char buffer[MAX_PAYLOAD];

	if (end->poll)
		wait_for_input(end->fd);
	if (recv(end->fd, buffer, sizeof(buffer), 0) != (ssize_t)size)
		die("recv");
	expect(buffer, size, number, whole);
}

static void unix_answer(void *data, size_t size, uint64_t number, bool whole)
{
	struct end *end = data;
	const int room = 4 * MAX_PAYLOAD;

	if (end->fd < 0) {
		end->fd = accept(end->listener, NULL, NULL);
		if (end->fd < 0 ||
		    setsockopt(end->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room,
			       sizeof(room)) < 0)
			die("accept");
	}
	get(end, size, number, whole);
	put(end, size, reply_number(number));
}

static void unix_call(void *data, size_t size, uint64_t number, bool whole)
{
	struct end *end = data;

	put(end, size, number);
	get(end, size, reply_number(number), whole);
}

const struct transport unix_transport = {
	.name = "unix",
	.listen = unix_listen,
	.answer = unix_answer,
	.connect = unix_connect,
	.call = unix_call,
	.close = unix_close,
};

const struct transport unix_poll_transport = {
	.name = "unix-poll",
	.listen = unix_poll_listen,
	.answer = unix_answer,
	.connect = unix_poll_connect,
	.call = unix_call,
	.close = unix_close,
};
