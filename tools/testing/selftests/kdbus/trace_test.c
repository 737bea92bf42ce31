// SPDX-License-Identifier: LGPL-2.1+
/*
 * What an administrator can see: trace events, /proc/PID/fdinfo, and the
 * message about a limit that was reached.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy_util.h"
#include "kdbus_harness.h"

#define TRACING	"/sys/kernel/tracing"

FIXTURE(trace) {
	struct domain domain;
	struct domain *d;
	int bus;
	struct conn a;
	struct conn b;
	int log;
};

FIXTURE_SETUP(trace)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	self->bus = bus_new(self->d, "0-bus", KDBUS_MAKE_ACCESS_WORLD);
	ASSERT_LE(0, self->bus);
	ASSERT_EQ(0, peer_new(&self->a, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->b, self->d, 0));
	self->log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_LE(0, self->log);
	ASSERT_LE(0, lseek(self->log, 0, SEEK_END));
}

FIXTURE_TEARDOWN(trace)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

/*
 * Trace events
 */

/* The name of the module is that of the file system without "fs". */
static const char *module_name(void)
{
	static char name[32];

	snprintf(name, sizeof(name), "%s", kdbus_fs_type());
	name[strlen(name) - 2] = 0;
	return name;
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		r = -errno;
	close(fd);
	return r;
}

static const char *read_file(const char *path)
{
	static char text[262144];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	ssize_t n;

	while ((n = read(fd, text + size, sizeof(text) - 1 - size)) > 0)
		size += n;
	text[size] = 0;
	if (fd >= 0)
		close(fd);
	return text;
}

/* An instance of its own sees what others do, too, but disturbs nobody. */
static char *instance(const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), TRACING "/instances/kdbus-test-%d%s%s",
		 getpid(), *file ? "/" : "", file);
	return path;
}

static bool can_trace(void)
{
	return access(TRACING "/instances", W_OK) == 0;
}

#define REQUIRE_TRACING() do { \
	if (!can_trace()) \
		SKIP(return, "no trace events in " TRACING); \
} while (0)

static int trace_begin(void)
{
	char file[64];

	if (mkdir(instance(""), 0700) < 0)
		return -errno;
	snprintf(file, sizeof(file), "events/%s/enable", module_name());
	return write_file(instance(file), "1");
}

static void trace_end(void)
{
	rmdir(instance(""));
}

static bool traced(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

static bool traced(const char *format, ...)
{
	char wanted[256], line[300];
	va_list args;
	bool found;

	va_start(args, format);
	vsnprintf(wanted, sizeof(wanted), format, args);
	va_end(args);

	snprintf(line, sizeof(line), ": %s\n", wanted);
	found = strstr(read_file(instance("trace")), line);
	if (!found)
		printf("# no %s\n", wanted);
	return found;
}

TEST_F(trace, messages)
{
	struct kdbus_msg *msg = msg_new(self->b.id, 11);
	struct conn c;
	__u64 number;

	REQUIRE_TRACING();
	ASSERT_EQ(0, conn_new(&c, self->d, "0-bus"));
	ASSERT_EQ(0, trace_begin());
	msg->priority = -5;
	EXPECT_EQ(0, msg_send(&self->a, msg));
	EXPECT_TRUE(traced("kdbus_send: src=%llu dst=%llu cookie=11 cookie_reply=0 flags=0x0 payload_type=0x%llx priority=-5 result=0",
			   self->a.id, self->b.id, msg->payload_type));
	msg = (struct kdbus_msg *)receive(&self->b);
	ASSERT_NE(NULL, msg);
	number = seqnum(msg);
	EXPECT_TRUE(traced("kdbus_deliver: dst=%llu seqnum=%llu", self->b.id,
			   number));
	EXPECT_TRUE(traced("kdbus_receive: dst=%llu seqnum=%llu", self->b.id,
			   number));

	EXPECT_EQ(-ENXIO, send_cookie(&self->a, 99999, 12));
	EXPECT_TRUE(traced("kdbus_send: src=%llu dst=99999 cookie=12 cookie_reply=0 flags=0x0 payload_type=0x%llx priority=0 result=%d",
			   self->a.id, msg->payload_type, -ENXIO));

	/* a broadcast, at each of two receivers */
	ASSERT_EQ(0, match_all(&self->b));
	ASSERT_EQ(0, match_all(&self->a));
	EXPECT_EQ(0, signal_to(&c, BCAST, 13));
	msg = (struct kdbus_msg *)receive(&self->b);
	ASSERT_NE(NULL, msg);
	number = seqnum(msg);
	EXPECT_TRUE(traced("kdbus_deliver: dst=%llu seqnum=%llu", self->a.id,
			   number));
	EXPECT_TRUE(traced("kdbus_deliver: dst=%llu seqnum=%llu", self->b.id,
			   number));
	trace_end();
}

TEST_F(trace, connections_and_names)
{
	struct conn c;
	__u64 bus_id;
	const char *line;

	REQUIRE_TRACING();
	ASSERT_EQ(0, trace_begin());
	ASSERT_LE(0, bus_new(self->d, "0-traced", 0));
	line = strstr(read_file(instance("trace")), "kdbus_bus: id=");
	ASSERT_NE(NULL, line);
	bus_id = strtoull(line + strlen("kdbus_bus: id="), NULL, 10);
	EXPECT_TRUE(traced("kdbus_bus: id=%llu name=0-traced uid=0", bus_id));

	ASSERT_EQ(0, conn_new(&c, self->d, "0-traced"));
	EXPECT_TRUE(traced("kdbus_connect: bus=%llu id=%llu flags=0x0", bus_id,
			   c.id));
	ASSERT_EQ(PRIMARY | ACQUIRED, name_acquire(&c, NAME, 0));
	EXPECT_TRUE(traced("kdbus_name: bus=%llu name=%s old=0 new=%llu",
			   bus_id, NAME, c.id));
	conn_close(&c);
	EXPECT_TRUE(traced("kdbus_name: bus=%llu name=%s old=%llu new=0",
			   bus_id, NAME, c.id));
	EXPECT_TRUE(traced("kdbus_disconnect: bus=%llu id=%llu flags=0x0",
			   bus_id, c.id));
	trace_end();
}

TEST_F(trace, refusals)
{
	struct conn alice;

	REQUIRE_TRACING();
	ASSERT_EQ(0, act_as(ALICE, ALICE));
	ASSERT_EQ(0, conn_new(&alice, self->d, "0-bus"));
	ASSERT_EQ(0, act_as_root());
	ASSERT_EQ(0, trace_begin());
	ASSERT_EQ(0, act_as(ALICE, ALICE));
	EXPECT_EQ(-EPERM, send_cookie(&alice, self->a.id, 1));
	EXPECT_EQ(-EPERM, name_acquire(&alice, NAME, 0));
	ASSERT_EQ(0, act_as_root());
	EXPECT_TRUE(traced("kdbus_deny_talk: src=%llu dst=%llu", alice.id,
			   self->a.id));
	EXPECT_TRUE(traced("kdbus_deny_own: id=%llu name=%s", alice.id, NAME));
	trace_end();
}

/*
 * Limits
 */

static int count_log(int log, const char *text)
{
	char record[8192];
	int found = 0;
	ssize_t n;

	while ((n = read(log, record, sizeof(record) - 1)) > 0) {
		record[n] = 0;
		if (strstr(record, text))
			found++;
	}
	return found;
}

TEST_F(trace, limits)
{
	char text[128];
	int r;

	REQUIRE_TRACING();
	ASSERT_EQ(0, match_all(&self->b));
	ASSERT_EQ(0, trace_begin());
	do {
		r = send_cookie(&self->a, self->b.id, 1);
	} while (r == 0);
	EXPECT_EQ(-ENOBUFS, r);
	EXPECT_EQ(-ENOBUFS, send_cookie(&self->a, self->b.id, 1));
	EXPECT_TRUE(traced("kdbus_limit: limit=messages or bytes queued at a receiver uid=0"));
	snprintf(text, sizeof(text),
		 "%s: user 0 reached a limit: messages or bytes queued",
		 module_name());
	/* told once, however often */
	EXPECT_EQ(1, count_log(self->log, text));

	EXPECT_EQ(0, signal_to(&self->a, BCAST, 2));
	EXPECT_TRUE(traced("kdbus_lost: dst=%llu", self->b.id));
	EXPECT_EQ(0, count_log(self->log, text));

	/* another limit is another matter */
	for (r = 0; r < MAX_NAMES; r++)
		ASSERT_EQ(PRIMARY | ACQUIRED,
			  name_acquire(&self->a, name_number("x.y", r), 0));
	EXPECT_EQ(-E2BIG, name_acquire(&self->a, "x.z", 0));
	EXPECT_TRUE(traced("kdbus_limit: limit=names of a connection uid=0"));
	snprintf(text, sizeof(text),
		 "%s: user 0 reached a limit: names of a connection",
		 module_name());
	EXPECT_EQ(1, count_log(self->log, text));
	trace_end();
}

/*
 * fdinfo
 */

static const char *fdinfo(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return read_file(path);
}

static bool tells(int fd, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool tells(int fd, const char *format, ...)
{
	char wanted[256], line[300];
	const char *text;
	va_list args;

	va_start(args, format);
	vsnprintf(wanted, sizeof(wanted), format, args);
	va_end(args);

	snprintf(line, sizeof(line), "\n%s\n", wanted);
	text = fdinfo(fd);
	if (strstr(text, line))
		return true;
	printf("# no %s in:\n%s", wanted, text);
	return false;
}

TEST_F(trace, fdinfo)
{
	int fd = open_endpoint(self->d, "0-bus");

	EXPECT_EQ(NULL, strstr(fdinfo(fd), "kdbus"));
	EXPECT_TRUE(tells(self->bus, "kdbus-bus:\t0-bus"));
	EXPECT_TRUE(tells(self->bus, "kdbus-endpoints:\t1"));

	ASSERT_EQ(0, name_acquire(&self->b, NAME, ALLOW) < 0);
	EXPECT_TRUE(tells(self->b.fd, "kdbus-bus:\t0-bus"));
	EXPECT_TRUE(tells(self->b.fd, "kdbus-endpoint:\tbus"));
	EXPECT_TRUE(tells(self->b.fd, "kdbus-id:\t%llu", self->b.id));
	EXPECT_TRUE(tells(self->b.fd, "kdbus-flags:\t0x0"));
	EXPECT_TRUE(tells(self->b.fd, "kdbus-name:\t" NAME " 0x%llx",
			  (__u64)(PRIMARY | ALLOW)));
	EXPECT_TRUE(tells(self->b.fd, "kdbus-queue:\t0"));
	EXPECT_TRUE(tells(self->b.fd, "kdbus-lost:\t0"));
	EXPECT_EQ(NULL, strstr(fdinfo(self->b.fd), "kdbus-quota"));

	ASSERT_EQ(0, send_cookie(&self->a, self->b.id, 1));
	ASSERT_EQ(0, call(&self->a, self->b.id, 2));
	EXPECT_TRUE(tells(self->b.fd, "kdbus-queue:\t2"));
	EXPECT_NE(NULL, strstr(fdinfo(self->b.fd),
			       "kdbus-quota:\tuid 0 messages 2 bytes "));
	EXPECT_TRUE(tells(self->a.fd, "kdbus-requests:\t1"));

	EXPECT_EQ(1, receive_cookie(&self->b));
	EXPECT_TRUE(tells(self->b.fd, "kdbus-queue:\t1"));
	EXPECT_NE(NULL, strstr(fdinfo(self->b.fd),
			       "kdbus-quota:\tuid 0 messages 1 bytes "));
}

KDBUS_HARNESS_MAIN
