// SPDX-License-Identifier: LGPL-2.1+
/*
 * dbus-daemon and dbus-broker, each with a bus that allows everything to
 * everyone, as on the bus of a session.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "dbus.h"

static pid_t daemon_pid;
static struct dbus *controller;
static char path[108];

static const char daemon_config[] =
	"<busconfig>\n"
	"<type>session</type>\n"
	"<listen>unix:path=%s</listen>\n"
	"<auth>EXTERNAL</auth>\n"
	"<policy context=\"default\">\n"
	"<allow send_destination=\"*\" eavesdrop=\"true\"/>\n"
	"<allow eavesdrop=\"true\"/>\n"
	"<allow own=\"*\"/>\n"
	"</policy>\n"
	"<limit name=\"max_incoming_bytes\">1000000000</limit>\n"
	"<limit name=\"max_outgoing_bytes\">1000000000</limit>\n"
	"<limit name=\"max_message_size\">1000000000</limit>\n"
	"<limit name=\"max_completed_connections\">100000</limit>\n"
	"<limit name=\"max_connections_per_user\">100000</limit>\n"
	"<limit name=\"max_match_rules_per_connection\">50000</limit>\n"
	/* a clock that counts instructions jumps while all wait */
	"<limit name=\"auth_timeout\">2000000000</limit>\n"
	"</busconfig>\n";

const char *daemon_path(void)
{
	return path;
}

static void choose_path(void)
{
	snprintf(path, sizeof(path), "/tmp/kdbus-bench-%d", getpid());
	unlink(path);
}

static bool is_listening(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool ok;

	memcpy(sun.sun_path, path, sizeof(path));
	ok = connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0;
	close(fd);
	return ok;
}

void start_dbus_daemon(int cpu)
{
	char config[128], option[160], text[2048];
	int tries;

	choose_path();
	snprintf(config, sizeof(config), "%s.conf", path);
	snprintf(option, sizeof(option), "--config-file=%s", config);
	snprintf(text, sizeof(text), daemon_config, path);
	write_file(config, text);

	daemon_pid = start_child();
	if (daemon_pid == 0) {
		if (cpu >= 0)
			pin(cpu);
		execlp("dbus-daemon", "dbus-daemon", option, "--nofork",
		       "--nosyslog", "--nopidfile", NULL);
		die("dbus-daemon");
	}
	for (tries = 0; !is_listening(); tries++) {
		check(tries < 1000, "dbus-daemon does not listen");
		usleep(10000);
	}
}

/*
 * dbus-broker opens nothing itself: whoever starts it gives it the socket to
 * listen on, and a policy.
 */

#define RULES	"a(btbs)a(btssssuutt)a(btssssuutt)"
#define POLICY	"(a(u(bt" RULES "))a(buu(bt" RULES "))a(ss)bs)"

/* all elements here are structs, which start at multiples of 8 */
static size_t begin_array(struct dbus_writer *writer)
{
	size_t at;

	dbus_put_u32(writer, 0);
	at = writer->n - 4;
	dbus_align(writer, 8);
	return at;
}

static void end_array(struct dbus_writer *writer, size_t at)
{
	const uint32_t size = writer->n - (at + 4 + 7) / 8 * 8;

	memcpy(writer->data + at, &size, sizeof(size));
}

/* allowed with priority 1: to send or receive, by whatever is in a message */
static void put_message_rule(struct dbus_writer *writer)
{
	size_t array = begin_array(writer);
	int i;

	dbus_put_u32(writer, true);
	dbus_put_u64(writer, 1);
	for (i = 0; i < 4; i++)
		dbus_put_string(writer, "");
	dbus_put_u32(writer, 0);
	dbus_put_u32(writer, 0);
	dbus_put_u64(writer, 0);
	dbus_put_u64(writer, UINT64_MAX);
	end_array(writer, array);
}

static void put_policy(struct dbus_writer *writer)
{
	size_t users, names;

	dbus_align(writer, 8);
	users = begin_array(writer);
	/* any user: may connect, own names with any prefix, send, receive */
	dbus_put_u32(writer, UINT32_MAX);
	dbus_align(writer, 8);
	dbus_put_u32(writer, true);
	dbus_put_u64(writer, 1);
	names = begin_array(writer);
	dbus_put_u32(writer, true);
	dbus_put_u64(writer, 1);
	dbus_put_u32(writer, true);
	dbus_put_string(writer, "");
	end_array(writer, names);
	put_message_rule(writer);
	put_message_rule(writer);
	end_array(writer, users);

	/* no ranges of users, no labels, no AppArmor */
	end_array(writer, begin_array(writer));
	end_array(writer, begin_array(writer));
	dbus_put_u32(writer, false);
	dbus_put_string(writer, "");
}

static void add_listener(int listener)
{
	const struct dbus_message call = {
		.type = DBUS_METHOD_CALL,
		.path = "/org/bus1/DBus/Broker",
		.interface = "org.bus1.DBus.Broker",
		.member = "AddListener",
		.signature = "ohv",
	};
	struct dbus_writer body;

	body.n = 0;
	dbus_put_string(&body, "/org/bus1/DBus/Listener/0");
	dbus_put_u32(&body, 0);
	dbus_put_signature(&body, POLICY);
	put_policy(&body);
	dbus_reply(controller, dbus_send(controller, &call, &body, NULL, 0,
					 listener));
}

void start_dbus_broker(int cpu)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fds[2], listener;
	char option[16];

	choose_path();
	memcpy(sun.sun_path, path, sizeof(path));
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			  0);
	if (listener < 0 ||
	    bind(listener, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
	    listen(listener, 128) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		die("sockets for dbus-broker");

	daemon_pid = start_child();
	if (daemon_pid == 0) {
		if (cpu >= 0)
			pin(cpu);
		snprintf(option, sizeof(option), "%d", dup(fds[1]));
		execlp("dbus-broker", "dbus-broker", "--controller", option,
		       "--machine-id", "0123456789abcdef0123456789abcdef",
		       "--max-bytes", "1000000000", "--max-fds", "100000",
		       "--max-matches", "1000000", "--max-objects", "1000000",
		       NULL);
		die("dbus-broker");
	}
	close(fds[1]);
	controller = dbus_open(fds[0], false);
	add_listener(listener);
	close(listener);
}

void stop_daemon(void)
{
	kill(daemon_pid, SIGTERM);
	if (waitpid(daemon_pid, NULL, 0) != daemon_pid)
		die("waitpid");
	if (controller)
		dbus_close(controller);
	controller = NULL;
	unlink(path);
}
