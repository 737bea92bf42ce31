// SPDX-License-Identifier: LGPL-2.1+
/*
 * Messages with memfds and files: what can be sent, and how it arrives.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/io_uring.h>
#include <linux/memfd.h>

#include "send_util.h"
#include "kdbus_harness.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

FIXTURE(files) {
	struct domain domain;
	struct domain *d;
	int bus;
	struct conn a;
	struct conn b;		/* takes files */
	struct conn c;		/* does not */
};

FIXTURE_SETUP(files)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
	self->bus = bus_new(self->d, "0-bus", 0);
	ASSERT_LE(0, self->bus);
	ASSERT_EQ(0, peer_new(&self->a, self->d, 0));
	ASSERT_EQ(0, peer_new(&self->b, self->d, ACCEPT_FD));
	ASSERT_EQ(0, peer_new(&self->c, self->d, 0));
}

FIXTURE_TEARDOWN(files)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

typedef FIXTURE_DATA(files) struct_t;

static struct kdbus_msg *with_memfd(struct kdbus_msg *msg, int fd, __u64 start,
				    __u64 size)
{
	struct kdbus_memfd memfd = { .start = start, .size = size, .fd = fd };

	item_add(msg, KDBUS_ITEM_PAYLOAD_MEMFD, &memfd, sizeof(memfd));
	return msg;
}

static int send_memfd(struct_t *self, int fd, __u64 start, __u64 size)
{
	return pass(&self->a, with_memfd(msg_new(self->b.id, 1), fd, start,
					 size));
}

static int send_fd(struct_t *self, int fd)
{
	return pass(&self->a, with_fd(msg_new(self->b.id, 1), fd));
}

/* Nothing arrived, and something else does. */
static bool unharmed(struct_t *self)
{
	return !receive(&self->b) && errno == EAGAIN && lost(&self->b) == 0 &&
	       send_cookie(&self->a, self->b.id, 77) == 0 &&
	       receive_cookie(&self->b) == 77;
}

#define EXPECT_UNHARMED() EXPECT_TRUE(unharmed(self))

/* Receives one message with one file. */
static int receive_fd(const struct conn *c, __u64 type)
{
	const struct kdbus_msg *msg = receive(c);
	const struct kdbus_item *item;

	if (!msg)
		return -errno;
	item = find(msg, type);
	if (!item)
		return -EBADMSG;
	return type == KDBUS_ITEM_FDS ? item->fds[0] : item->memfd.fd;
}

static ino_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_ino;
}

/* The other end of a pipe tells whether somebody has this one. */
static bool is_open_somewhere(int other_end)
{
	return !(poll_now(other_end) & (POLLHUP | POLLERR));
}

/*
 * Memfds
 */

TEST_F(files, memfd_needs_four_seals)
{
	static const unsigned int seals[] = {
		F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE, F_SEAL_SEAL,
	};
	char path[] = "/tmp/kdbus-files-XXXXXX";
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(seals); i++) {
		fd = memfd_new(8, ALL_SEALS & ~seals[i]);
		ASSERT_LE(0, fd);
		EXPECT_EQ(-ETXTBSY, send_memfd(self, fd, 0, 8)) {
			TH_LOG("without seal %x", seals[i]);
		}
		/* another one does not replace it */
		fd = memfd_new(8, 0);
		ASSERT_EQ(0, fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
		ASSERT_EQ(0, fcntl(fd, F_ADD_SEALS, ALL_SEALS & ~seals[i]));
		EXPECT_EQ(-ETXTBSY, send_memfd(self, fd, 0, 8));
	}
	EXPECT_EQ(-ETXTBSY, send_memfd(self, memfd_new(8, 0), 0, 8));
	EXPECT_EQ(-ETXTBSY, send_memfd(self, memfd_create("x", 0), 0, 8));
	fd = mkstemp(path);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, 8));
	EXPECT_EQ(-ETXTBSY, send_memfd(self, fd, 0, 8));
	EXPECT_EQ(0, unlink(path));
	EXPECT_UNHARMED();

	EXPECT_EQ(0, send_memfd(self, memfd_new(8, ALL_SEALS), 0, 8));
	EXPECT_EQ(1, receive_cookie(&self->b));
	/* more do no harm */
	fd = memfd_new(8, F_SEAL_FUTURE_WRITE);
	ASSERT_EQ(0, fcntl(fd, F_ADD_SEALS, ALL_SEALS));
	EXPECT_EQ(0, send_memfd(self, fd, 0, 8));
	EXPECT_EQ(1, receive_cookie(&self->b));
}

TEST_F(files, memfd_is_nothing_else)
{
	const int memfd = memfd_new(8, ALL_SEALS);
	char path[32];
	int fds[2];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
	ASSERT_EQ(0, pipe(fds));
	const struct {
		const char *name;
		int fd, expected;
	} rows[] = {
		{ "-1", -1, -EBADF },
		{ "INT_MIN", INT_MIN, -EBADF },
		{ "closed", next_number() + 100, -EBADF },
		{ "INT_MAX", INT_MAX, -EBADF },
		{ "O_PATH", open(path, O_PATH), -EBADF },
		{ "pipe", fds[0], -EMEDIUMTYPE },
		{ "eventfd", eventfd(0, 0), -EMEDIUMTYPE },
		{ "socket", socket(AF_UNIX, SOCK_STREAM, 0), -EMEDIUMTYPE },
		{ "program", open("/proc/self/exe", O_RDONLY), -EMEDIUMTYPE },
		{ "device", open("/dev/zero", O_RDWR), -EMEDIUMTYPE },
		{ "directory", open("/tmp", O_RDONLY), -EMEDIUMTYPE },
		{ "connection", self->a.fd, -EMEDIUMTYPE },
		{ "huge pages", memfd_create("x", MFD_HUGETLB |
			       MFD_ALLOW_SEALING), -EMEDIUMTYPE },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		/* a kernel need not have huge pages */
		if (rows[i].fd == -1 && i > 0)
			continue;
		EXPECT_EQ(rows[i].expected, send_memfd(self, rows[i].fd, 0, 8)) {
			TH_LOG("%s", rows[i].name);
		}
	}
	/* opened for reading only is enough */
	EXPECT_EQ(0, send_memfd(self, open(path, O_RDONLY), 0, 8));
	EXPECT_EQ(1, receive_cookie(&self->b));
	EXPECT_UNHARMED();
}

TEST_F(files, range_is_inside_the_memfd)
{
	static const struct {
		__u64 start, size;
		int expected;
	} rows[] = {
		{ 0, 0, -EINVAL },
		{ 0, 1, 0 },
		{ 0, 10000, 0 },
		{ 1, 9999, 0 },
		{ 9999, 1, 0 },
		{ 3, 7, 0 },
		{ 0, 10001, -EFAULT },
		{ 1, 10000, -EFAULT },
		{ 10000, 1, -EFAULT },
		{ 10001, 1, -EFAULT },
		{ 1ULL << 62, 1, -EFAULT },
		{ 1ULL << 63, 1, -EFAULT },
		{ 1ULL << 63, (1ULL << 63) - 1, -EFAULT },
		{ ~0ULL - 1, 1, -EFAULT },
		{ ~0ULL, 1, -EMSGSIZE },
		{ 1ULL << 63, 1ULL << 63, -EMSGSIZE },
		{ 1, ~0ULL, -EMSGSIZE },
		{ 10000, ~0ULL - 9999, -EMSGSIZE },
		/* no sum of these is small */
		{ ~0ULL, ~0ULL, -EMSGSIZE },
	};
	const int fd = memfd_new(10000, ALL_SEALS);
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(rows[i].expected,
			  send_memfd(self, fd, rows[i].start, rows[i].size)) {
			TH_LOG("%llx + %llx", rows[i].start, rows[i].size);
		}
		if (rows[i].expected)
			continue;
		msg = receive(&self->b);
		ASSERT_NE(NULL, msg);
		item = find(msg, KDBUS_ITEM_PAYLOAD_MEMFD);
		ASSERT_NE(NULL, item);
		EXPECT_EQ(40, item->size);
		EXPECT_EQ(rows[i].start, item->memfd.start);
		EXPECT_EQ(rows[i].size, item->memfd.size);
		EXPECT_EQ(inode_of(fd), inode_of(item->memfd.fd));
	}
	EXPECT_UNHARMED();
}

TEST_F(files, message_has_at_most_16_memfds)
{
	const int fd = memfd_new(8, ALL_SEALS);
	const struct kdbus_item *item;
	const struct kdbus_msg *got;
	struct kdbus_msg *msg;
	unsigned int i;

	msg = msg_new(self->c.id, 1);
	for (i = 0; i < 16; i++)
		with_memfd(msg, fd, 0, 8);
	/* ACCEPT_FD is about other files */
	EXPECT_EQ(0, msg_send(&self->a, msg));
	got = receive(&self->c);
	ASSERT_NE(NULL, got);
	item = got->items;
	for (i = 0; i < 16; i++) {
		EXPECT_EQ(KDBUS_ITEM_PAYLOAD_MEMFD, item->type);
		EXPECT_EQ(inode_of(fd), inode_of(item->memfd.fd));
		EXPECT_EQ(FD_CLOEXEC, fcntl(item->memfd.fd, F_GETFD));
		item = item_next(item);
	}
	with_memfd(msg, fd, 0, 8);
	EXPECT_EQ(-E2BIG, msg_send(&self->a, msg));
	EXPECT_EQ(0, receive_cookie(&self->c));
	EXPECT_UNHARMED();
}

/* The bytes of a memfd count for the alignment of what follows them. */
TEST_F(files, payload_keeps_its_alignment)
{
	const int fd = memfd_new(64, ALL_SEALS);
	const struct kdbus_item *item;
	const struct kdbus_msg *got;
	struct kdbus_cmd_recv *recv;
	__u64 start, stored;
	struct kdbus_msg *msg;
	unsigned int n;

	/* so that zeros are not zero by chance */
	for (n = 0; n < 3; n++) {
		static __u8 dirt[POOL_SIZE / 8];

		memset(dirt, 0xee, sizeof(dirt));
		ASSERT_EQ(0, send_bytes(&self->a, self->b.id, 1, dirt,
					sizeof(dirt)));
		ASSERT_EQ(1, receive_cookie(&self->b));
	}
	for (n = 1; n <= 24; n++) {
		msg = msg_new(self->b.id, 1);
		item_add_vec(msg, "abc", 3);
		with_memfd(msg, fd, n, n);
		item_add_vec(msg, "defgh", 5);
		with_memfd(msg, fd, 0, 1);
		ASSERT_EQ(0, msg_send(&self->a, msg));
		recv = recv_new(0, 0);
		ASSERT_EQ(0, conn_recv(&self->b, recv));
		got = msg_at(&self->b, recv->msg.offset);
		start = ALIGN8(got->size);
		stored = 3 + n % 8 + 5 + 1;
		EXPECT_EQ(ALIGN8(start + stored), recv->msg.msg_size);

		item = got->items;
		EXPECT_EQ(start, item->vec.offset);
		item = item_next(item_next(item));
		EXPECT_EQ(start + 3 + n % 8, item->vec.offset);
		EXPECT_EQ((3 + n) % 8, item->vec.offset % 8);
		EXPECT_EQ(5, item->vec.size);
		EXPECT_EQ(0, memcmp((__u8 *)got + start, "abc", 3));
		EXPECT_EQ(0, memcmp((__u8 *)got + start + 3,
				    "\0\0\0\0\0\0\0", n % 8));
		EXPECT_EQ(0, memcmp((__u8 *)got + item->vec.offset,
				    "defgh\0\0\0\0\0\0\0\0",
				    ALIGN8(start + stored) -
				    item->vec.offset));
		EXPECT_EQ(0, conn_free(&self->b, recv->msg.offset));
	}
}

/* A memfd in a signal is one for each receiver. */
TEST_F(files, memfd_goes_to_all)
{
	const int fd = memfd_new(8, ALL_SEALS);
	int got[2];

	ASSERT_EQ(0, match_all(&self->b));
	ASSERT_EQ(0, match_all(&self->c));
	ASSERT_EQ(0, pass(&self->a, with_memfd(signal_new(BCAST, 1), fd, 0,
					       8)));
	got[0] = receive_fd(&self->b, KDBUS_ITEM_PAYLOAD_MEMFD);
	got[1] = receive_fd(&self->c, KDBUS_ITEM_PAYLOAD_MEMFD);
	EXPECT_NE(got[0], got[1]);
	EXPECT_EQ(inode_of(fd), inode_of(got[0]));
	EXPECT_EQ(inode_of(fd), inode_of(got[1]));
}

/*
 * Files
 */

static int path_fd(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_PATH);
}

static int io_uring_new(void)
{
	struct io_uring_params params = {};

	return syscall(SYS_io_uring_setup, 1, &params);
}

static int pair_end(int type)
{
	int fds[2];

	return socketpair(AF_UNIX, type, 0, fds) < 0 ? -errno : fds[0];
}

static int other_domain(const char *path)
{
	struct domain *other = malloc(sizeof(*other));
	int fd;

	if (domain_mount(other, 0, NULL) < 0)
		return -errno;
	fd = open_in(other, path, O_RDWR);
	/* it stays as long as the file */
	if (umount2(other->dir, MNT_DETACH) < 0 || rmdir(other->dir) < 0)
		return -errno;
	return fd;
}

TEST_F(files, that_can_hold_files_are_refused)
{
	const int ring = io_uring_new();
	struct conn monitor;
	unsigned int i;

	ASSERT_EQ(0, peer_new(&monitor, self->d, MONITOR));
	const struct {
		const char *name;
		int fd;
	} rows[] = {
		{ "control", open_control(self->d) },
		{ "control, read only", open_in(self->d, "control", O_RDONLY) },
		{ "control elsewhere", other_domain("control") },
		{ "bus owner", self->bus },
		{ "endpoint", open_endpoint(self->d, "0-bus") },
		{ "sender", self->a.fd },
		{ "receiver", self->b.fd },
		{ "monitor", monitor.fd },
		{ "stream", pair_end(SOCK_STREAM) },
		{ "datagram", pair_end(SOCK_DGRAM) },
		{ "packet", pair_end(SOCK_SEQPACKET) },
		{ "unconnected", socket(AF_UNIX, SOCK_STREAM, 0) },
		{ "io_uring", ring },
	};

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		/* an administrator may have forbidden it */
		if (rows[i].fd == ring && ring < 0)
			continue;
		ASSERT_LE(0, rows[i].fd) {
			TH_LOG("%s", rows[i].name);
		}
		EXPECT_EQ(-EOPNOTSUPP, send_fd(self, rows[i].fd)) {
			TH_LOG("%s", rows[i].name);
		}
		EXPECT_UNHARMED();
		/* a path holds nothing */
		EXPECT_EQ(0, send_fd(self, path_fd(rows[i].fd))) {
			TH_LOG("path of %s", rows[i].name);
		}
		EXPECT_EQ(1, receive_cookie(&self->b));
	}
}

/* A ring that has registered its own descriptor does not get through either. */
TEST_F(files, registered_ring_is_refused)
{
	struct io_uring_rsrc_update update = { .offset = ~0U };
	int ring = io_uring_new();

	if (ring < 0)
		SKIP(return, "no io_uring: %s", strerror(errno));
	update.data = ring;
	/* IORING_REGISTER_RING_FDS; since 5.18 */
	if (syscall(SYS_io_uring_register, ring, 20, &update, 1) != 1)
		SKIP(return, "no registered rings");
	EXPECT_EQ(-EOPNOTSUPP, send_fd(self, ring));
	/* the index of the registration is no descriptor */
	EXPECT_EQ(-EBADF, send_fd(self, 1 << 20));
	EXPECT_UNHARMED();
}

TEST_F(files, of_other_kinds_are_passed)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fds[2], i, fd;

	ASSERT_EQ(0, pipe(fds));
	const struct {
		const char *name;
		int fd;
	} rows[] = {
		{ "pipe", fds[0] },
		{ "eventfd", eventfd(0, 0) },
		{ "epoll", epoll_create1(0) },
		{ "memfd", memfd_new(8, 0) },
		{ "program", open("/proc/self/exe", O_RDONLY) },
		{ "directory", open("/", O_RDONLY) },
		{ "directory of the bus", open_in(self->d, "0-bus", O_RDONLY) },
		{ "device", open("/dev/zero", O_RDWR) },
		{ "internet socket", socket(AF_INET, SOCK_DGRAM, 0) },
		{ "netlink socket", socket(AF_NETLINK, SOCK_RAW, 0) },
		{ "packet socket", socket(AF_PACKET, SOCK_RAW, 0) },
		{ "path", open("/tmp", O_PATH) },
	};

	ASSERT_EQ(0, epoll_ctl(rows[2].fd, EPOLL_CTL_ADD, self->a.fd, &event));
	for (i = 0; i < (int)ARRAY_SIZE(rows); i++) {
		/* not every kernel has all kinds of sockets */
		if (rows[i].fd < 0)
			continue;
		EXPECT_EQ(0, send_fd(self, rows[i].fd)) {
			TH_LOG("%s", rows[i].name);
		}
		fd = receive_fd(&self->b, KDBUS_ITEM_FDS);
		ASSERT_LE(0, fd);
		EXPECT_NE(rows[i].fd, fd);
		EXPECT_EQ(inode_of(rows[i].fd), inode_of(fd));
		EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
		EXPECT_EQ(fcntl(rows[i].fd, F_GETFL), fcntl(fd, F_GETFL));
		EXPECT_EQ(0, close(fd));
	}
}

TEST_F(files, item_may_be_empty_and_has_at_most_16)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *got;
	int fds[17], i, n;
	struct kdbus_msg *msg;

	for (i = 0; i < 17; i++)
		fds[i] = memfd_new(i, 0);
	for (n = 0; n <= 17 * 4; n++) {
		msg = msg_new(self->b.id, 1);
		item_add(msg, KDBUS_ITEM_FDS, fds, n);
		EXPECT_EQ(n % 4 ? -EINVAL : n > 64 ? -EMFILE : 0,
			  msg_send(&self->a, msg)) {
			TH_LOG("%d bytes", n);
		}
		if (n % 4 || n > 64) {
			EXPECT_EQ(0, receive_cookie(&self->b));
			continue;
		}
		got = receive(&self->b);
		ASSERT_NE(NULL, got);
		item = find(got, KDBUS_ITEM_FDS);
		ASSERT_NE(NULL, item);
		ASSERT_EQ(16 + n, item->size);
		for (i = 0; i < n / 4; i++) {
			EXPECT_EQ(inode_of(fds[i]), inode_of(item->fds[i]));
			EXPECT_EQ(0, close(item->fds[i]));
		}
		EXPECT_EQ(0, conn_free(&self->b, msg_offset(&self->b, got)));
	}

	msg = msg_new(self->b.id, 1);
	item_add(msg, KDBUS_ITEM_FDS, fds, 4);
	item_add(msg, KDBUS_ITEM_FDS, fds, 4);
	EXPECT_EQ(-EINVAL, msg_send(&self->a, msg));
	/* without files it needs nobody who takes them */
	msg = msg_new(self->c.id, 1);
	item_add(msg, KDBUS_ITEM_FDS, NULL, 0);
	EXPECT_EQ(0, msg_send(&self->a, msg));
	EXPECT_EQ(1, receive_cookie(&self->c));
	msg->dst_id = BCAST;
	msg->flags = KDBUS_MSG_SIGNAL;
	item_add(msg, KDBUS_ITEM_BLOOM_FILTER, (__u64 [9]){}, 72);
	EXPECT_EQ(-ENOTUNIQ, msg_send(&self->a, msg));
	EXPECT_UNHARMED();
}

/* The first bad file decides, in the order of the items. */
TEST_F(files, errors_come_in_order)
{
	const int good = memfd_new(8, ALL_SEALS), open = memfd_new(8, 0);
	const int pipe_end = eventfd(0, 0), closed = next_number() + 50;
	const struct {
		int fds[3];
		int memfd;
		int expected[2];	/* FDS first, memfd first */
	} rows[] = {
		{ { good, closed, self->a.fd }, good, { -EBADF, -EBADF } },
		{ { self->a.fd, closed, good }, good,
		  { -EOPNOTSUPP, -EOPNOTSUPP } },
		{ { good, good, -1 }, good, { -EBADF, -EBADF } },
		{ { good, INT_MIN, good }, good, { -EBADF, -EBADF } },
		{ { closed, good, good }, open, { -EBADF, -ETXTBSY } },
		{ { self->a.fd, good, good }, pipe_end,
		  { -EOPNOTSUPP, -EMEDIUMTYPE } },
		{ { good, good, good }, open, { -ETXTBSY, -ETXTBSY } },
		{ { self->a.fd, good, good }, closed,
		  { -EOPNOTSUPP, -EBADF } },
		/* found while the frame is checked */
		{ { self->a.fd, good, good }, -1, { -EBADF, -EBADF } },
	};
	struct kdbus_msg *msg;
	unsigned int i, order;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (order = 0; order < 2; order++) {
			msg = msg_new(self->b.id, 1);
			if (order)
				with_memfd(msg, rows[i].memfd, 0, 8);
			item_add(msg, KDBUS_ITEM_FDS, rows[i].fds,
				 sizeof(rows[i].fds));
			if (!order)
				with_memfd(msg, rows[i].memfd, 0, 8);
			EXPECT_EQ(rows[i].expected[order],
				  msg_send(&self->a, msg)) {
				TH_LOG("row %u, order %u", i, order);
			}
		}
	}
	EXPECT_UNHARMED();
}

/* What fails keeps no file, whatever it had found by then. */
TEST_F(files, failed_message_keeps_no_file)
{
	const int memfd = memfd_new(8, 0), closed = next_number() + 50;
	struct kdbus_msg *bad[8];
	unsigned int i;
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = msg_new(self->b.id, 1);
	item_add(bad[0], KDBUS_ITEM_FDS, (int [2]){ fds[0], closed }, 8);
	item_add(bad[1], KDBUS_ITEM_FDS, (int [2]){ fds[0], self->a.fd }, 8);
	with_memfd(with_fd(bad[2], fds[0]), memfd, 0, 8);
	bad[3]->dst_id = 4711;
	with_fd(bad[3], fds[0]);
	bad[4]->dst_id = self->c.id;
	with_fd(bad[4], fds[0]);
	item_add_vec(with_fd(bad[5], fds[0]), (void *)8, 16);
	with_bytes(with_fd(bad[6], fds[0]), POOL_SIZE / 4);
	with_fd(bad[7], fds[0]);
	bad[7]->cookie_reply = 99;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_GT(0, msg_send(&self->a, bad[i]));
	EXPECT_TRUE(is_open_somewhere(fds[1]));
	close(fds[0]);
	EXPECT_FALSE(is_open_somewhere(fds[1]));
	EXPECT_UNHARMED();
}

/* A message keeps its files until nobody can receive it any more. */
TEST_F(files, message_keeps_its_files)
{
	enum { RECEIVED, DROPPED, CLOSED, N_ENDS };
	const __u64 offset = 3;
	int fds[2], fd, i;

	for (i = 0; i < N_ENDS; i++) {
		ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));
		ASSERT_EQ(0, send_fd(self, fds[0]));
		close(fds[0]);
		EXPECT_TRUE(is_open_somewhere(fds[1]));
		if (i == RECEIVED) {
			/* freeing the slice does not close what it tells of */
			fd = receive_fd(&self->b, KDBUS_ITEM_FDS);
			ASSERT_LE(0, fd);
			EXPECT_TRUE(is_open_somewhere(fds[1]));
			close(fd);
		} else if (i == DROPPED) {
			ASSERT_EQ(0, conn_recv(&self->b, recv_new(
				     KDBUS_RECV_DROP, 0)));
		} else {
			conn_close(&self->b);
		}
		EXPECT_FALSE(is_open_somewhere(fds[1]));
		close(fds[1]);
	}

	/* what arrives is the same open file, not just the same inode */
	ASSERT_EQ(0, peer_new(&self->b, self->d, ACCEPT_FD));
	fd = memfd_new(100, 0);
	ASSERT_EQ(0, send_fd(self, fd));
	ASSERT_EQ(offset, lseek(fd, offset, SEEK_SET));
	fd = receive_fd(&self->b, KDBUS_ITEM_FDS);
	EXPECT_EQ(offset, lseek(fd, 0, SEEK_CUR));
}

/* Files go only to who takes them; each kind of message says so in its way. */
TEST_F(files, receiver_has_to_take_them)
{
	const int fd = memfd_new(8, ALL_SEALS);
	const struct conn *c = &self->c;

	EXPECT_EQ(-ECOMM, pass(&self->a, with_fd(msg_new(c->id, 1), fd)));
	EXPECT_EQ(-ECOMM, pass(&self->a, with_fd(call_new(c->id, 1, NEVER),
						 fd)));
	EXPECT_EQ(-ECOMM, sender_end(sender_start(sender_new(&self->a,
		  with_fd(call_new(c->id, 1, NEVER), fd), SYNC), PROCESS)));
	ASSERT_EQ(0, call(c, self->a.id, 7));
	EXPECT_EQ(-ECOMM, pass(&self->a, with_fd(reply_new(c->id, 1, 7), fd)));
	EXPECT_EQ(0, lost(c));
	EXPECT_EQ(0, receive_cookie(c));

	/* who wants no signal loses none */
	EXPECT_EQ(0, pass(&self->a, with_fd(signal_new(c->id, 1), fd)));
	EXPECT_EQ(0, lost(c));
	ASSERT_EQ(0, match_all(c));
	EXPECT_EQ(0, pass(&self->a, with_fd(signal_new(c->id, 1), fd)));
	EXPECT_EQ(1, lost(c));
	EXPECT_EQ(0, receive_cookie(c));
	ASSERT_EQ(0, match_all(&self->b));
	EXPECT_EQ(0, pass(&self->a, with_fd(signal_new(self->b.id, 1), fd)));
	EXPECT_EQ(inode_of(fd), inode_of(receive_fd(&self->b,
						    KDBUS_ITEM_FDS)));
}

KDBUS_HARNESS_MAIN
