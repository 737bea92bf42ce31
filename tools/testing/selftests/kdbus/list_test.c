// SPDX-License-Identifier: LGPL-2.1+
/*
 * LIST: connections and names of a bus as of one moment.
 */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "name_util.h"
#include "kdbus_harness.h"

#define UNIQUE		KDBUS_LIST_UNIQUE
#define NAMES		KDBUS_LIST_NAMES
#define ACTIVATORS	KDBUS_LIST_ACTIVATORS
#define QUEUED		KDBUS_LIST_QUEUED

FIXTURE(list) {
	struct domain domain;
	struct domain *d;
	struct conn a;
	struct conn b;
	struct conn c;
};

FIXTURE_SETUP(list)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	ASSERT_EQ(0, conn_new(&self->a, self->d, "0-bus"));
	ASSERT_EQ(0, conn_new(&self->b, self->d, "0-bus"));
	ASSERT_EQ(0, conn_new(&self->c, self->d, "0-bus"));
}

FIXTURE_TEARDOWN(list)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

/* what listed() returns, where %a, %b and %c stand for the ids */
static const char *with_ids(const struct conn *a, const struct conn *b,
			    const struct conn *c, const char *format)
{
	const struct conn *const conns[] = { a, b, c };
	char *str = calloc(1, 4096);
	size_t n = 0;

	if (!str)
		abort();
	for (; *format; format++) {
		if (*format == '%')
			n += sprintf(str + n, "%llu",
				     conns[*++format - 'a']->id);
		else
			str[n++] = *format;
	}
	return str;
}

#define EXPECT_LIST(_flags, _format) \
	EXPECT_STREQ(with_ids(&self->a, &self->b, &self->c, _format), \
		     listed(&self->a, _flags)) { \
		TH_LOG("flags %x", _flags); \
	}

TEST_F(list, flags_choose)
{
	/* a owns, a and b wait, c does neither */
	ASSERT_LT(0, name_acquire(&self->b, "org.b", 0));
	ASSERT_LT(0, name_acquire(&self->a, "org.z", ALLOW));
	ASSERT_LT(0, name_acquire(&self->a, "org.b", QUEUE));
	ASSERT_LT(0, name_acquire(&self->a, "org.a", QUEUE));
	ASSERT_LT(0, name_acquire(&self->b, "org.a", QUEUE | ALLOW | REPLACE));

	EXPECT_LIST(0, "");
	EXPECT_LIST(ACTIVATORS, "");
	EXPECT_LIST(UNIQUE, "%a; %b; %c; ");
	EXPECT_LIST(UNIQUE | ACTIVATORS, "%a; %b; %c; ");
	EXPECT_LIST(NAMES, "%a org.z 22; %a org.a 24; %b org.b 20; ");
	EXPECT_LIST(NAMES | ACTIVATORS,
		    "%a org.z 22; %a org.a 24; %b org.b 20; ");
	EXPECT_LIST(QUEUED, "%a org.b c; %b org.a e; ");
	EXPECT_LIST(NAMES | UNIQUE,
		    "%a org.z 22; %a org.a 24; %b org.b 20; %c; ");
	EXPECT_LIST(QUEUED | UNIQUE, "%a org.b c; %b org.a e; %c; ");
	EXPECT_LIST(NAMES | QUEUED,
		    "%a org.z 22; %a org.b c; %a org.a 24; %b org.b 20; "
		    "%b org.a e; ");
	EXPECT_LIST(UNIQUE | NAMES | ACTIVATORS | QUEUED,
		    "%a org.z 22; %a org.b c; %a org.a 24; %b org.b 20; "
		    "%b org.a e; %c; ");
}

/* A connection without a record that was asked for is one that is unique. */
TEST_F(list, unique_are_those_not_listed_by_name)
{
	ASSERT_LT(0, name_acquire(&self->a, "org.a", 0));
	ASSERT_LT(0, name_acquire(&self->b, "org.a", QUEUE));
	EXPECT_LIST(UNIQUE | NAMES, "%a org.a 20; %b; %c; ");
	EXPECT_LIST(UNIQUE | QUEUED, "%a; %b org.a c; %c; ");
	EXPECT_LIST(UNIQUE | ACTIVATORS, "%a; %b; %c; ");
}

TEST_F(list, follows_what_happens)
{
	struct conn other, more;

	ASSERT_LE(0, bus_new(self->d, "0-other", 0));
	ASSERT_EQ(0, conn_new(&other, self->d, "0-other"));
	ASSERT_LT(0, name_acquire(&other, "org.b", 0));
	ASSERT_LT(0, name_acquire(&self->b, "org.b", 0));
	ASSERT_LT(0, name_acquire(&self->c, "org.b", QUEUE));
	EXPECT_STREQ(with_ids(&other, NULL, NULL, "%a org.b 20; "),
		     listed(&other, UNIQUE | NAMES));

	conn_close(&self->b);
	EXPECT_LIST(UNIQUE | NAMES | QUEUED, "%a; %c org.b 24; ");
	ASSERT_EQ(0, name_release(&self->c, "org.b"));
	EXPECT_LIST(UNIQUE | NAMES | QUEUED, "%a; %c; ");
	ASSERT_EQ(0, conn_byebye(&self->c));
	EXPECT_LIST(UNIQUE | NAMES | QUEUED, "%a; ");
	ASSERT_EQ(0, conn_new(&more, self->d, "0-bus"));
	EXPECT_STREQ(with_ids(&self->a, &more, NULL, "%a; %b; "),
		     listed(&more, UNIQUE));
}

TEST_F(list, layout_of_the_objects)
{
	struct {
		__u64 size, id, flags;
		__u64 item_size, item_type, name_flags;
		char name[8];
	} named = {
		56, self->a.id, 0,
		16 + 8 + 6, KDBUS_ITEM_OWNED_NAME, ALLOW | PRIMARY, "org.a",
	};
	struct {
		__u64 size, id, flags;
	} bare = { 24, 0, KDBUS_HELLO_ACCEPT_FD };
	struct kdbus_cmd_hello *hello = hello_new(POOL_SIZE);
	struct kdbus_cmd_list list;
	const __u8 *data;
	int fd;

	conn_close(&self->b);
	conn_close(&self->c);
	hello->flags = KDBUS_HELLO_ACCEPT_FD;
	fd = open_endpoint(self->d, "0-bus");
	ASSERT_EQ(0, cmd_run(fd, KDBUS_CMD_HELLO, hello));
	bare.id = hello->id;
	ASSERT_LT(0, name_acquire(&self->a, "org.a", ALLOW | REPLACE));

	/* what the pool held before does not show in the padding */
	ASSERT_EQ(0, send_bytes(&self->a, self->a.id, 1,
				memset(malloc(4096), 0xff, 4096), 4096));
	ASSERT_EQ(1, receive_cookie(&self->a));

	ASSERT_EQ(0, list_run(&self->a, UNIQUE | NAMES, &list));
	EXPECT_EQ(sizeof(list), list.size);
	EXPECT_EQ(UNIQUE | NAMES, list.flags);
	EXPECT_EQ(0, list.return_flags);
	EXPECT_EQ(0, list.offset % 8);
	ASSERT_EQ(sizeof(named) + sizeof(bare), list.list_size);
	ASSERT_GE(POOL_SIZE - list.list_size, list.offset);
	data = self->a.pool + list.offset;
	if (((const __u64 *)data)[1] == self->a.id) {
		EXPECT_EQ(0, memcmp(data, &named, sizeof(named)));
		EXPECT_EQ(0, memcmp(data + sizeof(named), &bare, sizeof(bare)));
	} else {
		EXPECT_EQ(0, memcmp(data, &bare, sizeof(bare)));
		EXPECT_EQ(0, memcmp(data + sizeof(bare), &named,
				    sizeof(named)));
	}
	EXPECT_EQ(0, conn_free(&self->a, list.offset));
	EXPECT_EQ(-ENXIO, conn_free(&self->a, list.offset));
}

TEST_F(list, without_objects_has_no_slice)
{
	static const __u64 flags[] = { 0, NAMES, QUEUED, ACTIVATORS, 0xe };
	struct kdbus_cmd_list list;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		EXPECT_EQ(0, list_run(&self->a, flags[i], &list));
		EXPECT_EQ(0, list.return_flags);
		EXPECT_EQ(0, list.list_size);
		EXPECT_EQ(POOL_SIZE, list.offset);
		EXPECT_EQ(0, conn_free(&self->a, list.offset));
	}
	EXPECT_EQ(-ENXIO, conn_free(&self->a, 0));
}

TEST_F(list, has_to_fit_into_the_pool)
{
	struct kdbus_cmd_list list;
	struct conn small;
	unsigned int i;

	ASSERT_EQ(0, conn_new_sized(&small, self->d, "0-bus", page_size()));
	for (i = 0; i < MAX_NAMES; i++)
		ASSERT_LT(0, name_acquire(&self->b, name_number("org", i), 0));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-EXFULL, list_run(&small, NAMES, &list));
		EXPECT_EQ(0, list.return_flags);
		EXPECT_EQ(~0ULL, list.offset);
		EXPECT_EQ(~0ULL, list.list_size);
	}

	/* until the pool is full of other lists, and the whole of it then */
	for (i = 0; list_run(&small, UNIQUE, &list) == 0; i++)
		ASSERT_EQ(4 * sizeof(struct kdbus_info), list.list_size);
	EXPECT_EQ(page_size() / (4 * sizeof(struct kdbus_info)), i);
	EXPECT_EQ(-EXFULL, list_run(&small, UNIQUE, &list));
	EXPECT_EQ(0, conn_free(&small, 0));
	EXPECT_EQ(0, list_run(&small, UNIQUE, &list));
	EXPECT_EQ(0, list.offset);
}

/* More than fits into a page, let alone into a command */
TEST_F(list, can_be_long)
{
	struct kdbus_cmd_list list;
	unsigned int i;
	char name[264];
	const char *str;

	memset(name, 'n', sizeof(name));
	name[1] = '.';
	name[255] = 0;
	for (i = 0; i < MAX_NAMES; i++) {
		sprintf(name + 250, "%05u", i);
		ASSERT_LT(0, name_acquire(&self->b, name, QUEUE));
		ASSERT_LT(0, name_acquire(&self->c, name, QUEUE));
	}
	ASSERT_EQ(0, list_run(&self->a, UNIQUE | NAMES | QUEUED, &list));
	EXPECT_EQ(24 + 2 * MAX_NAMES * (24 + 16 + 8 + 256), list.list_size);
	EXPECT_EQ(0, conn_free(&self->a, list.offset));

	str = listed(&self->a, UNIQUE | NAMES | QUEUED);
	for (i = 0; i < MAX_NAMES; i++) {
		sprintf(name + 250, "%05u", i);
		str = strstr(str, name);
		ASSERT_NE(NULL, str);
	}
	for (i = 0; i < MAX_NAMES; i++) {
		sprintf(name + 250, "%05u c;", i);
		str = strstr(str, name);
		ASSERT_NE(NULL, str);
	}
}

/* Only the first @writable bytes of the struct can be written. */
static struct kdbus_cmd_list *list_unwritable(__u64 flags, size_t writable)
{
	struct kdbus_cmd_list list = { .size = sizeof(list), .flags = flags };
	__u8 *border = two_pages(PROT_READ | PROT_WRITE,
				 PROT_READ | PROT_WRITE);

	border += page_size();
	memcpy(border - writable, &list, sizeof(list));
	if (mprotect(border, page_size(), PROT_READ) < 0)
		abort();
	return (void *)(border - writable);
}

TEST_F(list, result_that_cannot_be_written_takes_no_slice)
{
	struct kdbus_cmd_list *bad[] = {
		list_unwritable(UNIQUE, offsetof(struct kdbus_cmd_list,
						 offset)),
		list_unwritable(UNIQUE, offsetof(struct kdbus_cmd_list,
						 list_size)),
		list_unwritable(0, offsetof(struct kdbus_cmd_list, offset)),
	};
	struct kdbus_cmd_list list;
	struct conn small;
	unsigned int i;

	ASSERT_EQ(0, conn_new_sized(&small, self->d, "0-bus", page_size()));
	for (i = 0; i < 300; i++)
		ASSERT_EQ(-EFAULT, cmd_run(small.fd, KDBUS_CMD_LIST,
					   bad[i % ARRAY_SIZE(bad)]));
	EXPECT_EQ(-ENXIO, conn_free(&small, 0));
	EXPECT_EQ(0, list_run(&small, UNIQUE, &list));
	EXPECT_EQ(0, list.offset);
}

/* How long it takes depends on the machine. */
#define N_LISTS		2000
#define N_SECONDS	4

struct swap {
	const struct conn *conns[2];
	bool stop;
};

/* the name is always owned by one and waited for by the other */
static void *swap(void *arg)
{
	struct swap *swap = arg;
	unsigned int i = 0;

	while (!__atomic_load_n(&swap->stop, __ATOMIC_RELAXED))
		CHECK(name_acquire(swap->conns[++i % 2], "org.a",
				   ALLOW | QUEUE | REPLACE) > 0);
	return NULL;
}

TEST_F(list, is_of_one_moment)
{
	struct swap arg = { .conns = { &self->b, &self->c } };
	const time_t end = time(NULL) + N_SECONDS;
	const char *orders[2], *str;
	unsigned int i, seen[2] = {};
	pthread_t thread;

	ASSERT_LT(0, name_acquire(&self->b, "org.a", ALLOW | QUEUE));
	ASSERT_LT(0, name_acquire(&self->c, "org.a", ALLOW | QUEUE));
	orders[0] = with_ids(&self->a, &self->b, &self->c,
			     "%a; %b org.a 26; %c org.a e; ");
	orders[1] = with_ids(&self->a, &self->b, &self->c,
			     "%a; %b org.a e; %c org.a 26; ");
	ASSERT_EQ(0, pthread_create(&thread, NULL, swap, &arg));
	for (i = 0; i < N_LISTS && time(NULL) < end; i++) {
		str = listed(&self->a, UNIQUE | NAMES | QUEUED);
		seen[strcmp(str, orders[0]) != 0]++;
		if (strcmp(str, orders[0]) != 0)
			ASSERT_STREQ(orders[1], str);
	}
	__atomic_store_n(&arg.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	TH_LOG("%u times the one order, %u times the other", seen[0], seen[1]);
}

KDBUS_HARNESS_MAIN
