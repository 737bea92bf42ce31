// SPDX-License-Identifier: LGPL-2.1+
/*
 * What the clients of 2015 send, byte for byte where it matters, and what they
 * check in what they get.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "metadata_util.h"
#include "kdbus_harness.h"

#define ANY		_KDBUS_ATTACH_ANY
#define BIG_POOL	(16 * MiB)
#define GARBAGE		0xa5a5a5a5a5a5a5a5ULL
#define NAME		"org.freedesktop.example"
#define ALL_SEALS	(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

FIXTURE(clients) {
	struct domain domain;
	struct conn a;
	struct conn b;
};

/* as sd-bus and libdbus do it: 16 MiB, all of it mapped, all that can be had */
static int client_hello(struct conn *c, const struct domain *d, __u64 flags,
			__u64 attach_recv)
{
	struct kdbus_cmd_hello *hello = hello_new(BIG_POOL);
	int r;

	hello->flags = flags;
	hello->return_flags = GARBAGE;
	hello->attach_flags_send = ANY;
	hello->attach_flags_recv = attach_recv;
	hello->bus_flags = GARBAGE;
	hello->id = GARBAGE;
	hello->offset = GARBAGE;
	hello->items_size = GARBAGE;
	memset(hello->id128, 0xa5, sizeof(hello->id128));
	c->fd = open_endpoint(d, "0-bus");
	r = cmd_run(c->fd, KDBUS_CMD_HELLO, hello);
	if (r < 0)
		return r;
	c->id = hello->id;
	c->pool_size = BIG_POOL;
	c->pool = mmap(NULL, BIG_POOL, PROT_READ, MAP_SHARED, c->fd, 0);
	/* they look at the item, and never free it */
	if (c->pool == MAP_FAILED || hello->bus_flags >> 32 ||
	    hello->return_flags || hello->items_size != 32 ||
	    ((struct kdbus_item *)(c->pool + hello->offset))->type !=
	    KDBUS_ITEM_BLOOM_PARAMETER)
		return -EPROTO;
	return 0;
}

FIXTURE_SETUP(clients)
{
	static const __u64 all = ~0ULL;
	struct kdbus_cmd *make = bus_make_new("0-bus", KDBUS_MAKE_ACCESS_WORLD);

	ASSERT_EQ(0, domain_mount(&self->domain, 0, NULL));
	item_add(make, KDBUS_ITEM_ATTACH_FLAGS_SEND, &all, sizeof(all));
	make->return_flags = GARBAGE;
	ASSERT_EQ(0, cmd_run(open_control(&self->domain), KDBUS_CMD_BUS_MAKE,
			     make));
	ASSERT_EQ(0, client_hello(&self->a, &self->domain,
				  KDBUS_HELLO_ACCEPT_FD, ANY));
	ASSERT_EQ(0, client_hello(&self->b, &self->domain,
				  KDBUS_HELLO_ACCEPT_FD, ANY));
}

FIXTURE_TEARDOWN(clients)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

/* padding behind an item, which must not matter */
static void pad(void *object, const struct kdbus_item *item)
{
	size_t end = (__u8 *)item - (__u8 *)object + item->size;

	memset((__u8 *)object + end, 0xa5, ALIGN8(end) - end);
}

static int name_cmd(const struct conn *c, unsigned int nr, const char *name,
		    __u64 flags, __u64 *returned)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	int r;

	cmd->flags = flags;
	cmd->return_flags = GARBAGE;
	pad(cmd, item_add_str(cmd, KDBUS_ITEM_NAME, name));
	/* they round the size up */
	cmd->size = ALIGN8(cmd->size);
	r = cmd_run(c->fd, nr, cmd);
	if (returned)
		*returned = cmd->return_flags;
	free(cmd);
	return r;
}

static int send_garbage(const struct conn *c, struct kdbus_msg *msg)
{
	struct kdbus_cmd_send send;

	memset(&send, 0xa5, sizeof(send));
	send.size = sizeof(send);
	send.flags = 0;
	send.msg_address = PTR_TO_U64(msg);
	return cmd_run(c->fd, KDBUS_CMD_SEND, &send);
}

static const struct kdbus_msg *recv_garbage(const struct conn *c, __u64 flags,
					    __s64 priority, int *error)
{
	struct kdbus_cmd_recv recv;

	memset(&recv, 0xa5, sizeof(recv));
	recv.size = sizeof(recv);
	recv.flags = flags;
	recv.priority = priority;
	*error = cmd_run(c->fd, KDBUS_CMD_RECV, &recv);
	return *error < 0 ? NULL : (const void *)(c->pool + recv.msg.offset);
}

TEST_F(clients, output_fields_may_hold_garbage)
{
	struct kdbus_cmd_list list;
	struct kdbus_cmd_info *info;
	struct kdbus_cmd_free release;
	struct kdbus_cmd bye;
	const struct kdbus_msg *msg;
	int r;

	EXPECT_EQ(0, send_garbage(&self->a, msg_new(self->b.id, 1)));
	msg = recv_garbage(&self->b, 0, 0, &r);
	ASSERT_EQ(0, r);
	EXPECT_EQ(1, msg->cookie);
	memset(&release, 0xa5, sizeof(release));
	release.size = sizeof(release);
	release.flags = 0;
	release.offset = msg_offset(&self->b, msg);
	EXPECT_EQ(0, cmd_run(self->b.fd, KDBUS_CMD_FREE, &release));

	memset(&list, 0xa5, sizeof(list));
	list.size = sizeof(list);
	list.flags = KDBUS_LIST_UNIQUE;
	EXPECT_EQ(0, cmd_run(self->a.fd, KDBUS_CMD_LIST, &list));
	EXPECT_NE(GARBAGE, list.offset);
	EXPECT_EQ(2 * sizeof(struct kdbus_info), list.list_size);
	info = info_new(self->b.id, NULL, 0);
	EXPECT_EQ(0, cmd_run(self->a.fd, KDBUS_CMD_CONN_INFO, info));
	EXPECT_EQ(sizeof(struct kdbus_info), info->info_size);
	memset(&bye, 0xa5, sizeof(bye));
	bye.size = sizeof(bye);
	bye.flags = 0;
	EXPECT_EQ(0, cmd_run(self->a.fd, KDBUS_CMD_BYEBYE, &bye));
	EXPECT_EQ(0, bye.return_flags);
}

/* sd-bus puts DST_NAME first, libdbus last; neither clears what is behind it. */
TEST_F(clients, items_come_in_any_order_with_any_padding)
{
	static const char *const names[] = {
		"a.b", "org.x", "org.freedesktop.x", "org.freedesktop.exa",
		NAME,
	};
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	struct kdbus_msg *out;
	unsigned int i, order;
	int fd = self->a.fd;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		ASSERT_EQ(0, name_cmd(&self->b, KDBUS_CMD_NAME_ACQUIRE,
				      names[i], 0, NULL));
		for (order = 0; order < 2; order++) {
			out = msg_new(KDBUS_DST_ID_NAME, 7 + order);
			if (order == 0)
				pad(out, item_add_str(out, KDBUS_ITEM_DST_NAME,
						      names[i]));
			item_add_vec(out, "header", 7);
			fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
			pad(out, item_add(out, KDBUS_ITEM_FDS, &fd,
					  sizeof(fd)));
			if (order == 1)
				pad(out, item_add_str(out, KDBUS_ITEM_DST_NAME,
						      names[i]));
			ASSERT_EQ(0, send_garbage(&self->a, out)) {
				TH_LOG("%s %u", names[i], order);
			}
			close(fd);
			msg = receive(&self->b);
			ASSERT_NE(NULL, msg);
			EXPECT_EQ(7 + order, msg->cookie);
			EXPECT_TRUE(holds_str(msg, KDBUS_ITEM_DST_NAME,
					      names[i]));
			item = find(msg, KDBUS_ITEM_FDS);
			ASSERT_NE(NULL, item);
			EXPECT_EQ(20, item->size);
			EXPECT_EQ(0, close(item->fds[0]));
		}
	}
}

/* The last item's padding may be there or not: 188 and 196 bytes, FDS last. */
TEST_F(clients, sizes_need_no_alignment)
{
	static const size_t descriptors[] = { 1, 2, 3, 5 };
	struct kdbus_msg *out;
	const struct kdbus_msg *msg;
	unsigned int i, j;
	int fds[5];

	for (i = 0; i < 5; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (i = 0; i < ARRAY_SIZE(descriptors); i++) {
		out = msg_new(self->b.id, i + 1);
		item_add_vec(out, "one", 3);
		item_add_vec(out, "two", 3);
		item_add_vec(out, "three", 5);
		item_add(out, KDBUS_ITEM_FDS, fds, descriptors[i] * 4);
		out->size = 64 + 3 * 32 + 16 + descriptors[i] * 4;
		EXPECT_EQ(0, send_garbage(&self->a, out));
		msg = receive(&self->b);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(16 + descriptors[i] * 4,
			  find(msg, KDBUS_ITEM_FDS)->size);
		for (j = 0; j < descriptors[i]; j++)
			close(find(msg, KDBUS_ITEM_FDS)->fds[j]);
		out->size = ALIGN8(out->size);
		EXPECT_EQ(0, send_garbage(&self->a, out));
		msg = receive(&self->b);
		ASSERT_NE(NULL, msg);
		for (j = 0; j < descriptors[i]; j++)
			close(find(msg, KDBUS_ITEM_FDS)->fds[j]);
	}
}

static const __u8 *payload(const struct kdbus_msg *msg, unsigned int nr,
			   size_t *size)
{
	const struct kdbus_item *item;

	for (item = msg->items; (__u8 *)item < (__u8 *)msg + msg->size;
	     item = item_next(item))
		if (item->type == KDBUS_ITEM_PAYLOAD_OFF && nr-- == 0) {
			*size = item->vec.size;
			return (const __u8 *)msg + item->vec.offset;
		}
	*size = 0;
	return NULL;
}

/* 104 + 2 MiB + 9 bytes in one message, to one and to all */
TEST_F(clients, long_payload_is_split)
{
	static const size_t sizes[] = { 104, 2 * MiB, 9 };
	struct kdbus_cmd_match *match = object_new(sizeof(*match));
	__u8 *bytes = malloc(2 * MiB + 1);
	struct kdbus_msg *out;
	const struct kdbus_msg *msg;
	unsigned int i, to_all;
	const __u8 *got;
	__u8 filter[8 + 64] = { 0 }, mask[64] = { 0 };
	size_t size;

	for (size = 0; size < 2 * MiB + 1; size++)
		bytes[size] = size * 7 + (size >> 12);
	item_add(match, KDBUS_ITEM_BLOOM_MASK, mask, sizeof(mask));
	ASSERT_EQ(0, cmd_run(self->b.fd, KDBUS_CMD_MATCH_ADD, match));
	for (to_all = 0; to_all < 2; to_all++) {
		out = msg_new(to_all ? KDBUS_DST_ID_BROADCAST : self->b.id, 1);
		if (to_all) {
			out->flags = KDBUS_MSG_SIGNAL;
			item_add(out, KDBUS_ITEM_BLOOM_FILTER, filter,
				 sizeof(filter));
		}
		for (i = 0; i < 3; i++)
			item_add_vec(out, bytes, sizes[i]);
		ASSERT_EQ(0, send_garbage(&self->a, out));
		msg = receive(&self->b);
		ASSERT_NE(NULL, msg);
		for (i = 0; i < 3; i++) {
			got = payload(msg, i, &size);
			ASSERT_EQ(sizes[i], size);
			EXPECT_EQ(0, memcmp(got, bytes, size));
		}
		ASSERT_EQ(0, conn_free(&self->b, msg_offset(&self->b, msg)));
	}
	/* the limit is that of one VEC */
	out = msg_new(self->b.id, 1);
	item_add_vec(out, bytes, 2 * MiB + 1);
	EXPECT_EQ(-EMSGSIZE, send_garbage(&self->a, out));
}

TEST_F(clients, receive_masks_they_use)
{
	static const __u64 masks[] = { 0, KDBUS_ATTACH_NAMES, 0x3fff };
	struct conn c;
	unsigned int i;

	ASSERT_EQ(0, name_cmd(&self->a, KDBUS_CMD_NAME_ACQUIRE, NAME, 0,
			      NULL));
	for (i = 0; i < ARRAY_SIZE(masks); i++) {
		ASSERT_EQ(0, client_hello(&c, &self->domain,
					  KDBUS_HELLO_ACCEPT_FD, masks[i]));
		EXPECT_EQ(masks[i] & (available() | KDBUS_ATTACH_NAMES) &
			  ~KDBUS_ATTACH_CONN_DESCRIPTION,
			  told(&self->a, &c)) {
			TH_LOG("%llx", masks[i]);
		}
		conn_close(&c);
	}
	EXPECT_EQ(0, client_hello(&c, &self->domain,
				  KDBUS_HELLO_ACCEPT_FD | KDBUS_HELLO_MONITOR,
				  ANY));
}

TEST_F(clients, proxies_pretend)
{
	static const struct kdbus_creds creds = { 7, 7, 7, 7, 8, 8, 8, 8 };
	const struct kdbus_pids pids = { getpid(), getpid(), 1 };
	struct kdbus_cmd_hello *hello = hello_new(BIG_POOL);
	const struct kdbus_msg *msg;
	struct conn c;

	hello->attach_flags_send = ANY;
	item_add(hello, KDBUS_ITEM_CREDS, &creds, sizeof(creds));
	item_add(hello, KDBUS_ITEM_PIDS, &pids, sizeof(pids));
	pad(hello, item_add_str(hello, KDBUS_ITEM_SECLABEL, "unconfined"));
	c.fd = open_endpoint(&self->domain, "0-bus");
	ASSERT_EQ(0, cmd_run(c.fd, KDBUS_CMD_HELLO, hello));
	c.id = hello->id;
	msg = ask_about(&self->a, &c, ANY);
	ASSERT_NE(NULL, msg);
	EXPECT_TRUE(holds(msg, KDBUS_ITEM_CREDS, &creds, sizeof(creds)));
	EXPECT_TRUE(holds(msg, KDBUS_ITEM_PIDS, &pids, sizeof(pids)));
	EXPECT_TRUE(holds_str(msg, KDBUS_ITEM_SECLABEL, "unconfined"));
}

static int match_item(const struct conn *c, __u64 cookie, __u64 type,
		      const void *data, size_t size)
{
	struct kdbus_cmd_match *cmd = object_new(sizeof(*cmd));
	int r;

	cmd->return_flags = GARBAGE;
	cmd->cookie = cookie;
	item_add(cmd, type, data, size);
	r = cmd_run(c->fd, KDBUS_CMD_MATCH_ADD, cmd);
	free(cmd);
	return r;
}

/* How libdbus asks for NameOwnerChanged */
TEST_F(clients, several_matches_have_one_cookie)
{
	struct kdbus_notify_id_change ids[] = {
		{ .id = KDBUS_MATCH_ID_ANY, .flags = 0 },
	};
	struct kdbus_notify_name_change names = {
		.old_id = { .id = KDBUS_MATCH_ID_ANY },
		.new_id = { .id = KDBUS_MATCH_ID_ANY },
	};
	struct kdbus_cmd_match *remove = object_new(sizeof(*remove));
	const struct kdbus_msg *msg;
	struct conn c;
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, match_item(&self->b, 5, KDBUS_ITEM_NAME_ADD + i,
					&names, sizeof(names)));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, match_item(&self->b, 5, KDBUS_ITEM_ID_ADD + i,
					ids, sizeof(ids)));
	ASSERT_EQ(0, name_cmd(&self->a, KDBUS_CMD_NAME_ACQUIRE, NAME, 0, NULL));
	msg = receive(&self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(KDBUS_SRC_ID_KERNEL, msg->src_id);
	EXPECT_NE(NULL, find(msg, KDBUS_ITEM_NAME_ADD));
	ASSERT_EQ(0, conn_new(&c, &self->domain, "0-bus"));
	msg = receive(&self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_NE(NULL, find(msg, KDBUS_ITEM_ID_ADD));

	remove->return_flags = GARBAGE;
	remove->cookie = 5;
	ASSERT_EQ(0, cmd_run(self->b.fd, KDBUS_CMD_MATCH_REMOVE, remove));
	ASSERT_EQ(0, name_cmd(&self->a, KDBUS_CMD_NAME_RELEASE, NAME, 0, NULL));
	conn_close(&c);
	EXPECT_EQ(NULL, receive(&self->b));
	EXPECT_EQ(-EBADSLT, cmd_run(self->b.fd, KDBUS_CMD_MATCH_REMOVE,
				    remove));
}

/* One object per name and peer; nobody frees the lists. */
TEST_F(clients, lists_they_ask_for)
{
	static const struct {
		__u64 flags;
		unsigned int n_objects;
	} rows[] = {
		{ KDBUS_LIST_UNIQUE | KDBUS_LIST_NAMES, 2 },
		{ KDBUS_LIST_ACTIVATORS, 0 },
		{ KDBUS_LIST_QUEUED, 1 },
	};
	struct kdbus_cmd_list list;
	const struct kdbus_info *info;
	unsigned int i, n, round;
	__u64 pos;

	ASSERT_EQ(0, name_cmd(&self->a, KDBUS_CMD_NAME_ACQUIRE, NAME, 0, NULL));
	ASSERT_EQ(0, name_cmd(&self->b, KDBUS_CMD_NAME_ACQUIRE, NAME,
			      KDBUS_NAME_QUEUE, NULL));
	for (round = 0; round < 200; round++) {
		i = round % ARRAY_SIZE(rows);
		memset(&list, 0xa5, sizeof(list));
		list.size = sizeof(list);
		list.flags = rows[i].flags;
		ASSERT_EQ(0, cmd_run(self->a.fd, KDBUS_CMD_LIST, &list));
		n = 0;
		for (pos = 0; pos < list.list_size;
		     pos += ALIGN8(info->size), n++)
			info = (const void *)(self->a.pool + list.offset + pos);
		ASSERT_EQ(rows[i].n_objects, n);
	}
	/* they only take room */
	EXPECT_EQ(0, send_cookie(&self->b, self->a.id, 1));
	EXPECT_EQ(1, receive_cookie(&self->a));
}

TEST_F(clients, conn_info_by_name)
{
	static const __u64 masks[] = { 0x6, 0x806 };
	const struct kdbus_msg *msg;
	struct kdbus_cmd_info *cmd;
	unsigned int i;

	ASSERT_EQ(0, name_cmd(&self->b, KDBUS_CMD_NAME_ACQUIRE, NAME, 0, NULL));
	for (i = 0; i < ARRAY_SIZE(masks); i++) {
		cmd = info_new(0, NULL, masks[i]);
		pad(cmd, item_add_str(cmd, KDBUS_ITEM_NAME, NAME));
		msg = ask(&self->a, KDBUS_CMD_CONN_INFO, cmd);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(self->b.id, msg->src_id);
		EXPECT_EQ(masks[i] & available(), attached(msg));
		EXPECT_EQ(getpid(), (pid_t)find(msg, KDBUS_ITEM_PIDS)->pids.pid);
	}
}

/* A stopped process that was given 15 MiB must be able to map them. */
TEST_F(clients, sealed_memfds_pass)
{
	static const size_t sizes[] = { 512 * 1024 + 1, 15 * MiB };
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	struct kdbus_memfd memfd;
	struct kdbus_msg *out;
	unsigned int i;
	__u8 *map;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(&memfd, 0, sizeof(memfd));
		memfd.size = sizes[i];
		memfd.fd = memfd_create("dbus", MFD_CLOEXEC |
					MFD_ALLOW_SEALING);
		ASSERT_LE(0, memfd.fd);
		ASSERT_EQ(0, ftruncate(memfd.fd, sizes[i]));
		ASSERT_EQ(1, pwrite(memfd.fd, "x", 1, sizes[i] - 1));
		ASSERT_EQ(0, fcntl(memfd.fd, F_ADD_SEALS, ALL_SEALS));

		/* neither the first item nor the last is a memfd */
		out = msg_new(self->b.id, 1);
		item_add_vec(out, "header", 6);
		item_add(out, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
		item_add_vec(out, "tail", 4);
		ASSERT_EQ(0, send_garbage(&self->a, out));
		close(memfd.fd);
		msg = receive(&self->b);
		ASSERT_NE(NULL, msg);
		EXPECT_EQ(KDBUS_ITEM_PAYLOAD_OFF, msg->items[0].type);
		item = item_next(msg->items);
		ASSERT_EQ(KDBUS_ITEM_PAYLOAD_MEMFD, item->type);
		EXPECT_EQ(sizes[i], item->memfd.size);
		EXPECT_EQ(KDBUS_ITEM_PAYLOAD_OFF, item_next(item)->type);
		map = mmap(NULL, sizes[i], PROT_READ, MAP_PRIVATE,
			   item->memfd.fd, 0);
		ASSERT_NE(MAP_FAILED, map);
		EXPECT_EQ('x', map[sizes[i] - 1]);
		munmap(map, sizes[i]);
		close(item->memfd.fd);
		ASSERT_EQ(0, conn_free(&self->b, msg_offset(&self->b, msg)));
	}
}

/* sd-bus drops what is not as it expects. */
TEST_F(clients, received_message_is_as_sd_bus_wants_it)
{
	const __u64 deadline = 1ULL << 62;
	struct kdbus_msg *out = msg_new(self->b.id, 0x1234567890ULL);
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	const struct kdbus_caps *caps;
	struct kdbus_vec zeros = { .size = 3, .address = 0 };
	const __u8 *got;
	char path[BUFFER_SIZE];
	size_t size;

	ASSERT_EQ(0, name_cmd(&self->a, KDBUS_CMD_NAME_ACQUIRE, NAME, 0, NULL));
	out->flags = KDBUS_MSG_EXPECT_REPLY | KDBUS_MSG_NO_AUTO_START;
	out->timeout_ns = deadline;
	item_add_vec(out, "l\1\0\1header", 10);
	item_add(out, KDBUS_ITEM_PAYLOAD_VEC, &zeros, sizeof(zeros));
	item_add_vec(out, "body", 4);
	ASSERT_EQ(0, send_garbage(&self->a, out));
	msg = receive(&self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(0x1234567890ULL, msg->cookie);
	EXPECT_EQ(out->flags, msg->flags);
	EXPECT_EQ(deadline, msg->timeout_ns);
	EXPECT_EQ(KDBUS_PAYLOAD_DBUS, msg->payload_type);

	/* the whole header is in the first item, counted from the message */
	EXPECT_EQ(KDBUS_ITEM_PAYLOAD_OFF, msg->items[0].type);
	got = payload(msg, 0, &size);
	ASSERT_EQ(10, size);
	EXPECT_EQ(0, memcmp(got, "l\1\0\1header", 10));
	item = item_next(msg->items);
	EXPECT_EQ(~0ULL, item->vec.offset);
	EXPECT_EQ(3, item->vec.size);
	got = payload(msg, 2, &size);
	ASSERT_EQ(4, size);
	EXPECT_EQ(0, memcmp(got, "body", 4));

	item = find(msg, KDBUS_ITEM_OWNED_NAME);
	ASSERT_NE(NULL, item);
	EXPECT_STREQ(NAME, item->name.name);
	caps = &find(msg, KDBUS_ITEM_CAPS)->caps;
	EXPECT_EQ(read_number("/proc/sys/kernel/cap_last_cap"),
		  caps->last_cap);
	EXPECT_LE(16 + 4 + 4 * 4 * ((caps->last_cap + 32) / 32),
		  find(msg, KDBUS_ITEM_CAPS)->size);
	item = find(msg, KDBUS_ITEM_CGROUP);
	if (item && own(KDBUS_ITEM_CGROUP, path) > 0)
		EXPECT_STREQ(path, item->str);

	/* the reply: cookie_reply shares its place with the deadline */
	out = msg_new(self->a.id, 2);
	out->cookie_reply = 0x1234567890ULL;
	item_add_vec(out, "reply", 5);
	ASSERT_EQ(0, send_garbage(&self->b, out));
	msg = receive(&self->a);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(0x1234567890ULL, msg->cookie_reply);
}

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static int call_sync(const struct conn *c, __u64 id, __u64 timeout)
{
	struct kdbus_msg *out = msg_new(id, 3);
	struct kdbus_cmd_send *send = send_new(out);

	out->flags = KDBUS_MSG_EXPECT_REPLY;
	out->timeout_ns = timeout;
	send->flags = KDBUS_SEND_SYNC_REPLY;
	return cmd_run(c->fd, KDBUS_CMD_SEND, send);
}

TEST_F(clients, errors_they_know)
{
	struct kdbus_msg *out = msg_new(KDBUS_DST_ID_NAME, 1);
	const struct kdbus_msg *msg;
	struct conn c;
	pid_t pid;
	int r;

	item_add_str(out, KDBUS_ITEM_DST_NAME, "org.example.nobody");
	EXPECT_EQ(-ESRCH, send_garbage(&self->a, out));
	EXPECT_EQ(-ENXIO, send_cookie(&self->a, self->b.id + 1000, 1));

	/*
	 * The deadline is a time, not a duration. It has to be far enough for
	 * the call to arrive, however slow the machine is.
	 */
	EXPECT_EQ(-ETIMEDOUT, call_sync(&self->a, self->b.id,
					now_ns() + 2000000000));
	EXPECT_EQ(3, receive_cookie(&self->b));
	pid = fork_as(0, 0);
	if (pid == 0) {
		CHECK(client_hello(&c, &self->domain, 0, 0) == 0);
		CHECK(send_cookie(&c, self->b.id, c.id) == 0);
		CHECK(poll(&(struct pollfd){ c.fd, POLLIN, 0 }, 1, 20000) == 1);
		_exit(0);	/* with a call that is not answered */
	}
	CHECK(poll(&(struct pollfd){ self->b.fd, POLLIN, 0 }, 1, 20000) == 1);
	msg = receive(&self->b);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(-EPIPE, call_sync(&self->a, msg->cookie,
				    now_ns() + 60000000000ULL));
	EXPECT_EQ(0, child_wait(pid));

	/* RECV by priority */
	ASSERT_EQ(0, send_cookie(&self->a, self->b.id, 9));
	EXPECT_EQ(NULL, recv_garbage(&self->b, KDBUS_RECV_USE_PRIORITY, -10,
				     &r));
	EXPECT_EQ(-EAGAIN, r);
	EXPECT_EQ(-EBUSY, conn_byebye(&self->b));
	msg = recv_garbage(&self->b, KDBUS_RECV_USE_PRIORITY, 0, &r);
	ASSERT_NE(NULL, msg);
	EXPECT_EQ(0, conn_byebye(&self->b));
	EXPECT_EQ(-ECONNRESET, conn_free(&self->b, msg_offset(&self->b, msg)));
}

TEST_F(clients, name_flags_they_check)
{
	__u64 flags;

	EXPECT_EQ(0, name_cmd(&self->a, KDBUS_CMD_NAME_ACQUIRE, NAME, 0,
			      &flags));
	EXPECT_EQ(0x60, flags);
	/* PRIMARY without ACQUIRED is "already owner" */
	EXPECT_EQ(0, name_cmd(&self->a, KDBUS_CMD_NAME_ACQUIRE, NAME, 0,
			      &flags));
	EXPECT_EQ(0x20, flags);
	EXPECT_EQ(-EEXIST, name_cmd(&self->b, KDBUS_CMD_NAME_ACQUIRE, NAME, 0,
				    NULL));
	EXPECT_EQ(0, name_cmd(&self->b, KDBUS_CMD_NAME_ACQUIRE, NAME,
			      KDBUS_NAME_QUEUE, &flags));
	EXPECT_EQ(0x4c, flags);
	EXPECT_EQ(0, name_cmd(&self->b, KDBUS_CMD_NAME_RELEASE, NAME, 0,
			      NULL));
	EXPECT_EQ(-ESRCH, name_cmd(&self->b, KDBUS_CMD_NAME_RELEASE,
				   "org.example.nobody", 0, NULL));
}

KDBUS_HARNESS_MAIN
