// SPDX-License-Identifier: LGPL-2.1+
/*
 * Who pays for the pages of a pool: the memory cgroup that the receiver was in
 * when it said HELLO, whoever writes to them.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kdbus_util.h"
#include "kdbus_harness.h"

#define CGROUP		"/sys/fs/cgroup/kdbus-memcg"
#define PAYLOAD		(2 * MiB)

FIXTURE(memcg) {
	struct domain domain;
	struct conn src;
	pid_t pid;		/* in the cgroup */
	__u64 id;		/* its connection */
	char *payload;
};

static void put(const char *file, const char *value)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK(write(fd, value, strlen(value)) == (ssize_t)strlen(value));
	close(fd);
}

static long long charged(void)
{
	FILE *f = fopen(CGROUP "/memory.current", "re");
	long long n = -1;

	if (f) {
		if (fscanf(f, "%lld", &n) != 1)
			n = -1;
		fclose(f);
	}
	return n;
}

FIXTURE_SETUP(memcg)
{
	int ready[2];

	if ((mkdir(CGROUP, 0755) < 0 && errno != EEXIST) || charged() < 0) {
		rmdir(CGROUP);
		SKIP(return, "no memory cgroups");
	}
	ASSERT_EQ(0, domain_enter(&self->domain));
	ASSERT_LE(0, bus_new(&self->domain, "0-bus", 0));
	ASSERT_EQ(0, conn_new(&self->src, &self->domain, "0-bus"));
	self->payload = calloc(1, PAYLOAD);
	ASSERT_NE(NULL, self->payload);

	ASSERT_EQ(0, pipe(ready));
	self->pid = fork_as(0, 0);
	if (self->pid == 0) {
		struct conn c;

		put(CGROUP "/cgroup.procs", "0");
		CHECK(conn_new_sized(&c, &self->domain, "0-bus",
				     16 * MiB) == 0);
		CHECK(write(ready[1], &c.id, sizeof(c.id)) == sizeof(c.id));
		for (;;)
			pause();
	}
	ASSERT_EQ((ssize_t)sizeof(self->id),
		  read(ready[0], &self->id, sizeof(self->id)));
}

FIXTURE_TEARDOWN(memcg)
{
	if (!self->pid)
		return;
	kill(self->pid, SIGKILL);
	EXPECT_EQ(-SIGKILL, child_wait(self->pid));
	EXPECT_EQ(0, domain_leave(&self->domain));
	EXPECT_EQ(0, rmdir(CGROUP));
}

TEST_F(memcg, receiver_is_charged)
{
	long long before = charged();

	ASSERT_EQ(0, send_bytes(&self->src, self->id, 1, self->payload,
				PAYLOAD));
	/* charges are made in batches, so it may be a little less or more */
	EXPECT_LT(before + (long long)PAYLOAD / 2, charged());
}

/* A receiver that has reached its limit is no reason to kill anybody. */
TEST_F(memcg, limit_is_the_receivers)
{
	char limit[32];

	/* where there is none, pages cannot go there either */
	if (access(CGROUP "/memory.swap.max", W_OK) == 0)
		put(CGROUP "/memory.swap.max", "0");
	snprintf(limit, sizeof(limit), "%lld",
		 charged() + (long long)PAYLOAD / 4);
	put(CGROUP "/memory.max", limit);
	EXPECT_EQ(-ENOMEM, send_bytes(&self->src, self->id, 1, self->payload,
				      PAYLOAD));
	EXPECT_EQ(0, kill(self->pid, 0));

	/* nothing of it is left, neither in the queue nor in the quota */
	put(CGROUP "/memory.max", "max");
	EXPECT_EQ(0, send_bytes(&self->src, self->id, 2, self->payload,
				PAYLOAD));
}

KDBUS_HARNESS_MAIN
