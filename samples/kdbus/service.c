// SPDX-License-Identifier: LGPL-2.1+
/*
 * A service that runs only while somebody needs it.
 *
 * The manager owns the bus. As an activator it holds the name of the service,
 * and when there is a message for it, it starts the service; the message moves
 * there with the name. The service leaves as soon as it has nothing to do: its
 * name goes back to the activator, with what was sent to it meanwhile. So
 * no message is lost, whenever it is sent, and the client knows nothing of all
 * that.
 *
 * Who may own which name is the manager's decision, too: the activator carries
 * it for its own name, a policy holder for a whole family of names.
 *
 *	service [MOUNT POINT]
 */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "kdbus-util.h"

#define NAME		"org.example.shout"
#define STATUS_NAME	"org.example.status.shout"
#define STATUS_FAMILY	"org.example.status.*"
#define TIMEOUT_MS	20000

/* users for the parts of the play, if root runs it */
#define SERVICE_UID	65533
#define CLIENT_UID	65534

static char endpoint[256];

static void fail(const char *what, int error)
{
	fprintf(stderr, "service: %s: %s\n", what, strerror(-error));
	exit(1);
}

static void check(const char *what, int result)
{
	if (result < 0)
		fail(what, result);
}

/* Only to another user may something be forbidden. */
static void become(uid_t uid)
{
	if (getuid() == 0 && (setgid(uid) < 0 || setuid(uid) < 0))
		fail("setuid", -errno);
}

static void say(const char *who, const char *what, const char *text)
{
	printf("%-8s %s%s\n", who, what, text);
	fflush(stdout);
}

/*
 * The service
 */

static void answer(struct peer *peer, const struct kdbus_msg *request)
{
	struct draft message;
	const char *bytes;
	char text[64] = "";
	size_t size, i;

	bytes = message_bytes(request, &size);
	if (bytes && size < sizeof(text))
		for (i = 0; i < size; i++)
			text[i] = toupper((unsigned char)bytes[i]);
	say("service", "answers ", text);
	message_start_reply(&message, request);
	message_add_bytes(&message, text, strlen(text) + 1);
	check("reply", peer_send(peer, &message));
}

static int service_run(void)
{
	const struct kdbus_msg *msg;
	struct peer peer;
	int r;

	become(SERVICE_UID);
	check("connect", peer_connect(&peer, endpoint, "service", 0));
	check("acquire the name", peer_acquire(&peer, NAME));
	check("acquire the other name", peer_acquire(&peer, STATUS_NAME));

	do {
		while ((r = peer_receive(&peer, 0, &msg)) >= 0) {
			answer(&peer, msg);
			peer_free(&peer, msg);
		}
		if (r != -ETIMEDOUT)
			fail("receive", r);
		/* what comes by the name from now on is for the activator */
		if (peer_release(&peer, NAME) >= 0)
			say("service", "has nothing to do", "");
		r = peer_leave(&peer);
	} while (r == -EBUSY);
	check("leave", r);

	peer_disconnect(&peer);
	return 0;
}

/*
 * Its client
 */

static void call(struct peer *peer, const char *text)
{
	const struct kdbus_msg *reply;
	struct draft message;
	size_t size;

	say("client", "asks for ", text);
	message_start_to(&message, NAME);
	message_add_bytes(&message, text, strlen(text) + 1);
	check("call", peer_call(peer, &message, TIMEOUT_MS, &reply));
	say("client", "gets ", message_bytes(reply, &size));
	peer_free(peer, reply);
}

static int client_run(void)
{
	struct peer peer;
	int r;

	prctl(PR_SET_NAME, "client");
	become(CLIENT_UID);
	check("connect", peer_connect(&peer, endpoint, "client", 0));
	r = peer_acquire(&peer, STATUS_NAME);
	if (getuid() == CLIENT_UID)
		say("client", "may not own that name: ", strerror(-r));

	call(&peer, "peace");
	/* long enough for the service to leave, but it need not be */
	usleep(300 * 1000);
	call(&peer, "and quiet");
	peer_disconnect(&peer);
	return 0;
}

/*
 * The manager
 */

static pid_t start(int (*run)(void))
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork", -errno);
	if (pid == 0)
		exit(run());
	return pid;
}

static void wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		fail("wait", -errno);
	if (status != 0)
		exit(1);
}

/* Tells who wants the service, and leaves the message for it. */
static void look(struct peer *activator)
{
	const struct kdbus_item *comm;
	const struct kdbus_msg *msg;

	check("peek", peer_peek(activator, TIMEOUT_MS, &msg));
	comm = message_find(msg, KDBUS_ITEM_PID_COMM);
	say("manager", "starts the service, called by ",
	    comm ? comm->str : "somebody");
	peer_free(activator, msg);
}

/* Starts the service whenever it has a message, until the client ends. */
static void manage(struct peer *activator, pid_t client, int client_ends)
{
	struct pollfd fds[] = {
		{ .fd = client_ends },
		{ .fd = activator->fd, .events = POLLIN },
	};

	while (!fds[0].revents) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			fail("poll", -errno);
		if (fds[1].revents & POLLIN) {
			look(activator);
			wait_for(start(service_run));
		}
	}
	wait_for(client);
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "/sys/fs/kdbus";
	const struct kdbus_policy_access access[] = {
		{ .type = KDBUS_POLICY_ACCESS_USER,
		  .id = getuid() ? getuid() : SERVICE_UID,
		  .access = KDBUS_POLICY_OWN },
		{ .type = KDBUS_POLICY_ACCESS_WORLD,
		  .access = KDBUS_POLICY_TALK },
	};
	struct peer activator, holder;
	int bus, client_ends[2];
	char name[64];
	pid_t client;

	if (!kdbusfs_is_mounted(dir)) {
		fprintf(stderr, "service: no kdbusfs on %s\n", dir);
		return 1;
	}
	snprintf(name, sizeof(name), "%u-service-%d", geteuid(), getpid());
	bus = bus_make(dir, name, KDBUS_MAKE_ACCESS_WORLD);
	check("make a bus", bus);
	snprintf(endpoint, sizeof(endpoint), "%s/%s/bus", dir, name);

	check("activator", peer_hold(&activator, endpoint,
				     KDBUS_HELLO_ACTIVATOR, NAME, access, 2));
	check("policy holder", peer_hold(&holder, endpoint,
					 KDBUS_HELLO_POLICY_HOLDER,
					 STATUS_FAMILY, access, 2));

	/* the client has the other end, and nobody else */
	if (pipe(client_ends) < 0)
		fail("pipe", -errno);
	client = start(client_run);
	close(client_ends[1]);
	manage(&activator, client, client_ends[0]);

	say("manager", "is done", "");
	peer_disconnect(&holder);
	peer_disconnect(&activator);
	close(bus);
	return 0;
}
