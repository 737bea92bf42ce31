// SPDX-License-Identifier: LGPL-2.1+
/*
 * A bus and six processes that talk on it: a call with its reply, a refused
 * call, a signal to subscribers, a payload that nobody copies. Each process
 * tells what it does, and what the kernel tells it about the others.
 *
 * The owner of the bus directs the play. It calls the actors one after the
 * other and waits for each to reply, so that the output is always in the same
 * order; apart from messages nothing keeps the processes in step.
 *
 *	demo [MOUNT POINT]
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "kdbus-util.h"

#define TIMEOUT_MS	20000
#define N_NUMBERS	1000000U

/* what everybody wants to know about the sender of a message */
#define ATTACH_FLAGS							\
	(KDBUS_ATTACH_TIMESTAMP | KDBUS_ATTACH_CREDS |			\
	 KDBUS_ATTACH_PIDS | KDBUS_ATTACH_PID_COMM |			\
	 KDBUS_ATTACH_EXE | KDBUS_ATTACH_CMDLINE)

enum {
	SERVICE,
	CLIENT,
	DISPLAY,
	LOGGER,
	STRANGER,
	N_ACTORS
};

/* what the owner can ask an actor to do */
enum scene {
	ASK,
	ASK_MEMFD,
	PUBLISH,
	TELL,
};

/**
 * struct actor - one process of the play
 * @name:	its name, which it shows as its comm, too
 * @user:	user that it runs as, if the demo is run by root
 * @topic:	signals that it subscribes to
 * @about:	what it does
 * @perform:	plays a scene
 * @receive:	takes a message that is not from the owner; returns 1 if it
 *		keeps it
 * @uid:	number of the user
 * @pid:	the process
 * @id:		its connection
 *
 * An actor knows the last three of those that were there before it.
 */
struct actor {
	const char *name;
	const char *user;
	const char *topic;
	const char *about;
	int (*perform)(enum scene scene);
	int (*receive)(const struct kdbus_msg *msg);
	uid_t uid;
	pid_t pid;
	__u64 id;
};

static int service_perform(enum scene scene);
static int service_receive(const struct kdbus_msg *msg);
static int client_perform(enum scene scene);
static int listener_perform(enum scene scene);
static int listener_receive(const struct kdbus_msg *msg);
static int stranger_perform(enum scene scene);

/*
 * Where no policy says more, a process may talk to those of its own user, and
 * the owner of the bus to everybody. So the service is not run by the owner:
 * the client would have to be, too.
 */
static struct actor actors[N_ACTORS] = {
	[SERVICE] = {
		.name = "service",
		.user = "nobody",
		.about = "adds numbers",
		.perform = service_perform,
		.receive = service_receive,
	},
	[CLIENT] = {
		.name = "client",
		.user = "nobody",
		.about = "has questions",
		.perform = client_perform,
	},
	[DISPLAY] = {
		.name = "display",
		.user = "nobody",
		.topic = "sums",
		.about = "subscribes to news about \"sums\"",
		.perform = listener_perform,
		.receive = listener_receive,
	},
	[LOGGER] = {
		.name = "logger",
		.user = "root",
		.topic = "sums",
		.about = "does so, too",
		.perform = listener_perform,
		.receive = listener_receive,
	},
	[STRANGER] = {
		.name = "stranger",
		.user = "daemon",
		.topic = "sums",
		.about = "would like to join in",
		.perform = stranger_perform,
		.receive = listener_receive,
	},
};

/* the owner's process is the only one that is no actor */
static struct actor owner = {
	.name = "owner",
};

/* who this process is, and its connection */
static struct actor *self = &owner;
static struct peer peer;

/* the answer to the last question that the service was asked */
static char last_sum[64];

/* the last signal that a listener got, still in its pool */
static const struct kdbus_msg *kept;

/*
 * Speaking
 */

__attribute__((format(printf, 1, 2)))
static void say(const char *format, ...)
{
	char who[32];
	va_list args;

	/* D-Bus writes the number of a connection like this */
	if (peer.id)
		snprintf(who, sizeof(who), "%s[1.%llu]", self->name,
			 (unsigned long long)peer.id);
	else
		snprintf(who, sizeof(who), "%s", self->name);

	printf("%-14s ", who);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

static int fail(int r, const char *what)
{
	say("FAILED: %s: %s", what, strerror(-r));
	return r;
}

static const char *user_name(uid_t uid)
{
	static char number[16];
	struct passwd *user = getpwuid(uid);

	if (user)
		return user->pw_name;
	snprintf(number, sizeof(number), "user %u", uid);
	return number;
}

/*
 * Says what the kernel tells about the sender of a message. No sender can lie
 * about who it is. It can change its comm and its command line, though: these
 * are what /proc shows.
 */
static int say_who(const struct kdbus_msg *msg)
{
	const struct kdbus_item *creds = message_find(msg, KDBUS_ITEM_CREDS);
	const struct kdbus_item *pids = message_find(msg, KDBUS_ITEM_PIDS);
	const struct kdbus_item *comm = message_find(msg, KDBUS_ITEM_PID_COMM);
	const struct kdbus_item *stamp =
		message_find(msg, KDBUS_ITEM_TIMESTAMP);
	struct timespec now;

	if (!creds || !pids || !comm || !stamp)
		return fail(-EBADMSG, "who sent this");

	clock_gettime(CLOCK_MONOTONIC, &now);
	say("   kernel: %s (%llu), pid %llu, \"%s\", message %llu, %llu us old",
	    user_name(creds->creds.uid),
	    (unsigned long long)creds->creds.uid,
	    (unsigned long long)pids->pids.pid, comm->str,
	    (unsigned long long)stamp->timestamp.seqnum,
	    (now.tv_sec * 1000000000ULL + now.tv_nsec -
	     stamp->timestamp.monotonic_ns) / 1000);
	return 0;
}

/* The same about the program. Of its arguments this shows the first. */
static int say_what(const struct kdbus_msg *msg)
{
	const struct kdbus_item *exe = message_find(msg, KDBUS_ITEM_EXE);
	const struct kdbus_item *cmdline =
		message_find(msg, KDBUS_ITEM_CMDLINE);

	if (!exe || !cmdline)
		return fail(-EBADMSG, "what sent this");

	say("   kernel: %s, started as \"%s\"", exe->str, cmdline->str);
	return 0;
}

/* Compares what the kernel says with what is known from having forked it. */
static int check_sender(const struct kdbus_msg *msg, const struct actor *sender)
{
	const struct kdbus_item *creds = message_find(msg, KDBUS_ITEM_CREDS);
	const struct kdbus_item *pids = message_find(msg, KDBUS_ITEM_PIDS);
	const struct kdbus_item *comm = message_find(msg, KDBUS_ITEM_PID_COMM);

	if (!creds || creds->creds.uid != sender->uid ||
	    !pids || pids->pids.pid != (__u64)sender->pid ||
	    !comm || strcmp(comm->str, sender->name))
		return fail(-EBADMSG, "the sender is somebody else");
	return 0;
}

/* Copies the text of a message, as far as there is one and it fits. */
static void get_text(const struct kdbus_msg *msg, char *text, size_t max)
{
	const char *bytes;
	size_t size = 0;

	bytes = message_bytes(msg, &size);
	if (size > max - 1)
		size = max - 1;
	memcpy(text, bytes ?: "", size);
	text[size] = '\0';
}

static int reply_text(const struct kdbus_msg *request, const char *text)
{
	struct draft draft;

	message_start_reply(&draft, request);
	message_add_bytes(&draft, text, strlen(text));
	return peer_send(&peer, &draft);
}

/*
 * The service
 */

/* Adds up what is in a memfd. The seals make sure that it stays there. */
static int sum_memfd(const struct kdbus_memfd *memfd, uint64_t *sum)
{
	const uint32_t *numbers;
	size_t i;

	/* the client could mean only a part of it, but this one does not */
	if (memfd->start != 0)
		return -EINVAL;

	numbers = mmap(NULL, memfd->size, PROT_READ, MAP_SHARED, memfd->fd, 0);
	if (numbers == MAP_FAILED)
		return -errno;

	*sum = 0;
	for (i = 0; i < memfd->size / sizeof(*numbers); i++)
		*sum += numbers[i];
	munmap((void *)numbers, memfd->size);
	return 0;
}

static int service_add(const struct kdbus_msg *msg, uint64_t *sum)
{
	const struct kdbus_item *memfd;
	char question[32];
	unsigned int a, b;
	int r;

	memfd = message_find(msg, KDBUS_ITEM_PAYLOAD_MEMFD);
	get_text(msg, question, sizeof(question));

	if (memfd) {
		say("<- 1.%llu: \"%s\" and a memfd: adding up what is in there",
		    (unsigned long long)msg->src_id, question);
		return sum_memfd(&memfd->memfd, sum);
	}

	say("<- 1.%llu: \"%s\"", (unsigned long long)msg->src_id, question);
	if (sscanf(question, "%u + %u", &a, &b) != 2)
		return -EINVAL;
	*sum = (uint64_t)a + b;
	snprintf(last_sum, sizeof(last_sum), "%u + %u = %llu", a, b,
		 (unsigned long long)*sum);

	r = say_who(msg);
	return r < 0 ? r : say_what(msg);
}

static int service_receive(const struct kdbus_msg *msg)
{
	char answer[32];
	uint64_t sum = 0;
	int r;

	r = service_add(msg, &sum);
	if (r < 0)
		return fail(r, "add");

	/* say it first: once it is sent, the client speaks */
	snprintf(answer, sizeof(answer), "%llu", (unsigned long long)sum);
	say("-> 1.%llu: \"%s\"", (unsigned long long)msg->src_id, answer);
	return reply_text(msg, answer);
}

static int service_publish(const char *topic, const char *text)
{
	struct draft draft;

	say("-> everybody, about \"%s\": \"%s\"", topic, text);
	message_start_signal(&draft, &peer, KDBUS_DST_ID_BROADCAST, topic);
	message_add_bytes(&draft, text, strlen(text));
	return peer_send(&peer, &draft);
}

static int service_perform(enum scene scene)
{
	int r;

	if (scene != PUBLISH)
		return -EINVAL;

	/* nobody has subscribed to this one */
	r = service_publish("weather", "sunny");
	if (r >= 0)
		r = service_publish("sums", last_sum);
	return r;
}

/*
 * The client
 */

static int client_check(const struct kdbus_msg *reply, const char *expected)
{
	char text[32];
	int r;

	get_text(reply, text, sizeof(text));
	say("<- 1.%llu: \"%s\"", (unsigned long long)reply->src_id, text);
	r = check_sender(reply, &actors[SERVICE]);
	if (r >= 0 && strcmp(text, expected))
		r = fail(-EBADMSG, "wrong answer");
	return r;
}

static int client_ask(const char *question, int memfd, const char *expected)
{
	const struct kdbus_msg *reply;
	struct draft draft;
	int r;

	message_start(&draft, actors[SERVICE].id);
	message_add_bytes(&draft, question, strlen(question));
	if (memfd >= 0)
		message_add_memfd(&draft, memfd, N_NUMBERS * sizeof(uint32_t));

	r = peer_call(&peer, &draft, TIMEOUT_MS, &reply);
	if (r < 0)
		return fail(r, "call");

	r = client_check(reply, expected);
	if (r >= 0 && memfd < 0)
		r = say_who(reply);
	peer_free(&peer, reply);
	return r;
}

static int client_ask_memfd(void)
{
	const size_t size = N_NUMBERS * sizeof(uint32_t);
	char expected[32];
	uint32_t *numbers;
	void *memory;
	uint32_t i;
	int fd, r;

	fd = memfd_new("numbers", size, &memory);
	if (fd < 0)
		return fail(fd, "memfd");
	numbers = memory;
	for (i = 0; i < N_NUMBERS; i++)
		numbers[i] = i + 1;
	r = memfd_seal(fd, memory, size);
	if (r < 0)
		goto exit;

	snprintf(expected, sizeof(expected), "%llu",
		 N_NUMBERS * (N_NUMBERS + 1ULL) / 2);
	say("-> 1.%llu: \"sum?\" and a sealed memfd, the numbers 1 to %u",
	    (unsigned long long)actors[SERVICE].id, N_NUMBERS);
	r = client_ask("sum?", fd, expected);

exit:
	close(fd);
	return r;
}

static int client_perform(enum scene scene)
{
	if (scene == ASK_MEMFD)
		return client_ask_memfd();
	if (scene != ASK)
		return -EINVAL;

	say("-> 1.%llu: \"19 + 23\"", (unsigned long long)actors[SERVICE].id);
	return client_ask("19 + 23", -1, "42");
}

/*
 * Those who subscribed
 */

static int listener_receive(const struct kdbus_msg *msg)
{
	if (kept)
		return fail(-EBADMSG, "a second signal");
	/* it may stay in the pool as long as there is room */
	kept = msg;
	return 1;
}

static int listener_perform(enum scene scene)
{
	char text[64];
	int r;

	if (scene != TELL)
		return -EINVAL;
	if (!kept)
		return fail(-ENOMSG, "no signal");

	get_text(kept, text, sizeof(text));
	say("<- 1.%llu: \"%s\"", (unsigned long long)kept->src_id, text);
	r = say_who(kept);
	if (r >= 0)
		r = check_sender(kept, &actors[SERVICE]);
	/* signals of other topics have no business here */
	if (r >= 0 && strcmp(text, "19 + 23 = 42"))
		r = fail(-EBADMSG, "wrong signal");

	peer_free(&peer, kept);
	kept = NULL;
	return r;
}

static int stranger_perform(enum scene scene)
{
	const struct kdbus_msg *reply;
	struct draft draft;
	int r;

	if (scene == TELL) {
		if (kept)
			return fail(-EBADMSG, "a signal for somebody else");
		say("<- nothing: who may not talk to 1.%llu does not hear it either",
		    (unsigned long long)actors[SERVICE].id);
		return 0;
	}

	say("-> 1.%llu: \"19 + 23\"", (unsigned long long)actors[SERVICE].id);
	message_start(&draft, actors[SERVICE].id);
	message_add_bytes(&draft, "19 + 23", 7);
	r = peer_call(&peer, &draft, TIMEOUT_MS, &reply);
	if (r != -EPERM)
		return fail(r < 0 ? r : -EBADMSG, "should be refused");

	say("   kernel: %s", strerror(EPERM));
	return 0;
}

/*
 * The life of an actor
 */

/*
 * Becomes another user, before the bus is opened: who opens an endpoint is whom
 * the kernel takes the connection for.
 */
static int become(uid_t uid)
{
	if (uid == geteuid())
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		return -errno;
	return 0;
}

/* Only the owner may send to everybody, but it hears signals of everybody. */
static int announce(void)
{
	struct draft draft;

	message_start_signal(&draft, &peer, owner.id, "arrival");
	return peer_send(&peer, &draft);
}

static int handle(const struct kdbus_msg *msg)
{
	char scene[16];
	int r;

	if (msg->src_id != owner.id)
		return self->receive ? self->receive(msg) : -EBADMSG;

	get_text(msg, scene, sizeof(scene));
	r = self->perform(atoi(scene));
	if (r >= 0)
		r = reply_text(msg, "done");
	return r;
}

static int act(const char *endpoint)
{
	const struct kdbus_msg *msg;
	int r;

	r = become(self->uid);
	if (r < 0)
		return fail(r, "become another user");
	prctl(PR_SET_NAME, self->name);

	r = peer_connect(&peer, endpoint, self->name, ATTACH_FLAGS);
	if (r >= 0 && self->topic)
		r = peer_subscribe(&peer, self->topic);
	if (r < 0)
		return fail(r, endpoint);
	say("%s, pid %d: %s", user_name(getuid()), getpid(), self->about);
	r = announce();
	if (r < 0)
		return fail(r, "announce");

	do {
		r = peer_receive(&peer, -1, &msg);
		if (r < 0)
			break;
		r = handle(msg);
		/* not only the memory: whatever it brought along as well */
		if (r <= 0)
			peer_free(&peer, msg);
	} while (r >= 0);

	/* when the bus ends, so does the play */
	return r == -ECONNRESET ? 0 : r;
}

/*
 * The owner
 */

static void set_user(struct actor *actor)
{
	struct passwd *user;

	/* who is not root can only be himself */
	actor->uid = geteuid();
	if (actor->uid != 0)
		return;

	user = getpwnam(actor->user);
	if (user)
		actor->uid = user->pw_uid;
	else
		actor->uid = actor == &actors[STRANGER] ? 1 : 65534;
}

/* Starts an actor and waits until it is connected. */
static int start(struct actor *actor, int bus, const char *endpoint)
{
	const struct kdbus_msg *msg;
	int r;

	set_user(actor);
	actor->pid = fork();
	if (actor->pid < 0)
		return -errno;
	if (actor->pid == 0) {
		/* what is shared with the owner must end with the owner */
		peer_disconnect(&peer);
		close(bus);
		memset(&peer, 0, sizeof(peer));
		self = actor;
		exit(act(endpoint) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
	}

	r = peer_receive(&peer, TIMEOUT_MS, &msg);
	if (r < 0)
		return fail(r, actor->name);
	actor->id = msg->src_id;
	r = check_sender(msg, actor);
	peer_free(&peer, msg);
	return r;
}

/* Lets an actor play a scene and waits for the end of it. */
static int cue(const struct actor *actor, enum scene scene)
{
	const struct kdbus_msg *reply;
	struct draft draft;
	char text[16];
	int r;

	if (!actor->id)
		return 0;

	snprintf(text, sizeof(text), "%d", scene);
	message_start(&draft, actor->id);
	message_add_bytes(&draft, text, strlen(text));
	r = peer_call(&peer, &draft, TIMEOUT_MS, &reply);
	if (r < 0)
		return fail(r, actor->name);

	r = check_sender(reply, actor);
	peer_free(&peer, reply);
	return r;
}

static int play(int bus, const char *endpoint)
{
	int i, r = 0;

	for (i = 0; i < N_ACTORS && r >= 0; i++) {
		if (i == STRANGER && geteuid() != 0)
			say("only root can show what happens to other users");
		else
			r = start(&actors[i], bus, endpoint);
	}
	if (r < 0)
		return r;

	puts("\nA call: both learn from the kernel whom they deal with.");
	r = cue(&actors[CLIENT], ASK);
	if (r < 0)
		return r;

	if (actors[STRANGER].id) {
		puts("\nPermission: only the same user and the owner of the bus have it.");
		r = cue(&actors[STRANGER], ASK);
	}
	if (r < 0)
		return r;

	puts("\nA signal: those get it who subscribed to its topic, and may.");
	r = cue(&actors[SERVICE], PUBLISH);
	for (i = DISPLAY; i < N_ACTORS && r >= 0; i++)
		r = cue(&actors[i], TELL);
	if (r < 0)
		return r;

	printf("\nA big payload: %u bytes in a memfd, and none is copied.\n",
	       (unsigned int)(N_NUMBERS * sizeof(uint32_t)));
	r = cue(&actors[CLIENT], ASK_MEMFD);
	if (r >= 0)
		puts("");
	return r;
}

/* Without its owner's descriptor the bus ends, and all connections with it. */
static int finish(int bus)
{
	int i, status, n = 0, r = 0;

	peer_disconnect(&peer);
	close(bus);

	for (i = 0; i < N_ACTORS; i++) {
		if (actors[i].pid <= 0)
			continue;
		if (waitpid(actors[i].pid, &status, 0) < 0 || status != 0) {
			fprintf(stderr, "demo: %s failed\n", actors[i].name);
			r = -ECHILD;
		}
		n++;
	}
	if (r >= 0)
		say("closed the bus; the %d others noticed and left", n);
	return r;
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "/sys/fs/kdbus";
	char name[32], endpoint[256];
	int bus, r, end;

	/* whole lines, so that those of several processes do not mix */
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* should the kernel let somebody wait for ever, it is a failure */
	alarm(3 * TIMEOUT_MS / 1000);

	if (!kdbusfs_is_mounted(dir)) {
		fprintf(stderr,
			"demo: no kdbusfs at %s; load the module and, as root:\n"
			"      mount -t kdbusfs kdbusfs %s\n", dir, dir);
		return EXIT_FAILURE;
	}

	owner.uid = geteuid();
	owner.pid = getpid();
	snprintf(name, sizeof(name), "%u-demo", owner.uid);
	bus = bus_make(dir, name, KDBUS_MAKE_ACCESS_WORLD);
	if (bus < 0) {
		fprintf(stderr, "demo: cannot make the bus %s: %s\n", name,
			strerror(-bus));
		return EXIT_FAILURE;
	}

	snprintf(endpoint, sizeof(endpoint), "%s/%s/bus", dir, name);
	r = peer_connect(&peer, endpoint, owner.name, ATTACH_FLAGS);
	if (r >= 0)
		r = peer_subscribe(&peer, "arrival");
	if (r < 0) {
		fail(r, endpoint);
		return EXIT_FAILURE;
	}
	owner.id = peer.id;
	say("%s, pid %d: made the bus %s/%s, open to all",
	    user_name(owner.uid), owner.pid, dir, name);

	r = play(bus, endpoint);
	end = finish(bus);
	return r < 0 || end < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
