// SPDX-License-Identifier: LGPL-2.1+
/*
 * What the tests of kdbus have in common.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/capability.h>

#include "kdbus_util.h"

#define OBJECT_MAX	(40 * 1024)

const char *kdbus_fs_type(void)
{
	return getenv("KDBUS_FS") ?: "kdbusfs";
}

static void skip_all(const char *reason)
{
	printf("TAP version 13\n1..0 # SKIP %s\n", reason);
	exit(4);
}

void kdbus_require(void)
{
	int fd;

	/* keeps the order of what stdout and stderr are told */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (geteuid() != 0)
		skip_all("needs to be root");

	/* loads the module, if it is not loaded but installed */
	fd = syscall(SYS_fsopen, kdbus_fs_type(), 0);
	if (fd < 0 && errno == ENODEV)
		skip_all("the kernel has no kdbusfs");
	if (fd < 0 && errno == EPERM)
		skip_all("needs the right to mount");
	close(fd);
}

int own_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	return 0;
}

int domain_mount(struct domain *d, unsigned long flags, const char *options)
{
	int r;

	strcpy(d->dir, "/tmp/kdbus-test-XXXXXX");
	if (!mkdtemp(d->dir))
		return -errno;
	if (mount("kdbus", d->dir, kdbus_fs_type(), flags, options) < 0) {
		r = -errno;
		rmdir(d->dir);
		return r;
	}
	return 0;
}

int domain_umount(struct domain *d)
{
	if (umount(d->dir) < 0 || rmdir(d->dir) < 0)
		return -errno;
	return 0;
}

int domain_enter(struct domain *d)
{
	return own_mounts() ?: domain_mount(d, 0, NULL);
}

int domain_leave(struct domain *d)
{
	if (syscall(SYS_close_range, 3, ~0U, 0) < 0)
		return -errno;
	return domain_umount(d);
}

char *path_in(const struct domain *d, const char *format, ...)
{
	char *name, *path;
	va_list args;

	va_start(args, format);
	if (vasprintf(&name, format, args) < 0 ||
	    asprintf(&path, "%s/%s", d->dir, name) < 0)
		abort();
	va_end(args);
	return path;
}

int open_in(const struct domain *d, const char *path, int flags)
{
	int fd = open(path_in(d, "%s", path), flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int open_control(const struct domain *d)
{
	return open_in(d, "control", O_RDWR);
}

int open_endpoint(const struct domain *d, const char *bus)
{
	int fd = open(path_in(d, "%s/bus", bus), O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int cmd_run(int fd, unsigned int nr, void *cmd)
{
	int r = ioctl(fd, nr, cmd);

	return r < 0 ? -errno : r;
}

void *object_new(size_t fixed_size)
{
	__u64 *object = calloc(1, OBJECT_MAX);

	if (!object)
		abort();
	*object = fixed_size;
	return object;
}

/* The size of the object does not cover the padding behind its last item. */
struct kdbus_item *item_add(void *object, __u64 type, const void *payload,
			    size_t size)
{
	__u64 *object_size = object;
	struct kdbus_item *item;

	if (ALIGN8(*object_size) + 16 + size > OBJECT_MAX)
		abort();
	item = (void *)((__u8 *)object + ALIGN8(*object_size));
	item->size = 16 + size;
	item->type = type;
	if (size)
		memcpy(item->data, payload, size);
	*object_size = ALIGN8(*object_size) + item->size;
	return item;
}

struct kdbus_item *item_add_str(void *object, __u64 type, const char *str)
{
	return item_add(object, type, str, strlen(str) + 1);
}

struct kdbus_item *item_add_vec(void *msg, const void *address, __u64 size)
{
	struct kdbus_vec vec = {
		.size = size,
		.address = PTR_TO_U64(address),
	};

	return item_add(msg, KDBUS_ITEM_PAYLOAD_VEC, &vec, sizeof(vec));
}

struct kdbus_item *item_next(const struct kdbus_item *item)
{
	return (void *)((__u8 *)item + ALIGN8(item->size));
}

/* The fields that only the kernel writes hold something, to be ignored. */
struct kdbus_cmd *bus_make_new(const char *name, __u64 flags)
{
	struct kdbus_bloom_parameter bloom = { .size = 64, .n_hash = 1 };
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));

	cmd->flags = flags;
	cmd->return_flags = ~0ULL;
	item_add_str(cmd, KDBUS_ITEM_MAKE_NAME, name);
	item_add(cmd, KDBUS_ITEM_BLOOM_PARAMETER, &bloom, sizeof(bloom));
	return cmd;
}

int bus_make(int control, const char *name, __u64 flags)
{
	struct kdbus_cmd *cmd = bus_make_new(name, flags);
	int r = cmd_run(control, KDBUS_CMD_BUS_MAKE, cmd);

	free(cmd);
	return r;
}

int bus_new(const struct domain *d, const char *name, __u64 flags)
{
	int r, fd = open_control(d);

	if (fd < 0)
		return fd;
	r = bus_make(fd, name, flags);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

struct kdbus_cmd_hello *hello_new(__u64 pool_size)
{
	struct kdbus_cmd_hello *hello = object_new(sizeof(*hello));

	hello->return_flags = ~0ULL;
	hello->bus_flags = ~0ULL;
	hello->id = ~0ULL;
	hello->pool_size = pool_size;
	hello->offset = ~0ULL;
	hello->items_size = ~0ULL;
	memset(hello->id128, 0xff, sizeof(hello->id128));
	return hello;
}

/* The items that HELLO returned are freed already. */
int conn_hello(struct conn *c, int fd, size_t pool_size)
{
	struct kdbus_cmd_hello *hello = hello_new(pool_size);
	void *pool;
	int r;

	r = cmd_run(fd, KDBUS_CMD_HELLO, hello);
	if (r < 0)
		goto out;
	pool = mmap(NULL, pool_size, PROT_READ, MAP_SHARED, fd, 0);
	if (pool == MAP_FAILED) {
		r = -errno;
		goto out;
	}
	c->fd = fd;
	c->id = hello->id;
	c->pool = pool;
	c->pool_size = pool_size;
	r = conn_free(c, hello->offset);
out:
	free(hello);
	return r;
}

int conn_new_sized(struct conn *c, const struct domain *d, const char *bus,
		   size_t pool_size)
{
	int r, fd = open_endpoint(d, bus);

	if (fd < 0)
		return fd;
	r = conn_hello(c, fd, pool_size);
	if (r < 0)
		close(fd);
	return r;
}

int conn_new(struct conn *c, const struct domain *d, const char *bus)
{
	return conn_new_sized(c, d, bus, POOL_SIZE);
}

void conn_close(struct conn *c)
{
	munmap((void *)c->pool, c->pool_size);
	close(c->fd);
	c->fd = -1;
}

int conn_byebye(const struct conn *c)
{
	struct kdbus_cmd cmd = { .size = sizeof(cmd), .return_flags = ~0ULL };

	return cmd_run(c->fd, KDBUS_CMD_BYEBYE, &cmd);
}

int conn_free(const struct conn *c, __u64 offset)
{
	struct kdbus_cmd_free cmd = {
		.size = sizeof(cmd),
		.return_flags = ~0ULL,
		.offset = offset,
	};

	return cmd_run(c->fd, KDBUS_CMD_FREE, &cmd);
}

static void msg_init(struct kdbus_msg *msg, __u64 dst_id, __u64 cookie)
{
	memset(msg, 0, sizeof(*msg));
	msg->size = sizeof(*msg);
	msg->dst_id = dst_id;
	msg->payload_type = KDBUS_PAYLOAD_DBUS;
	msg->cookie = cookie;
}

struct kdbus_msg *msg_new(__u64 dst_id, __u64 cookie)
{
	struct kdbus_msg *msg = object_new(sizeof(*msg));

	msg_init(msg, dst_id, cookie);
	return msg;
}

static void send_init(struct kdbus_cmd_send *cmd, const struct kdbus_msg *msg)
{
	memset(cmd, 0, sizeof(*cmd));
	cmd->size = sizeof(*cmd);
	cmd->return_flags = ~0ULL;
	cmd->msg_address = PTR_TO_U64(msg);
	memset(&cmd->reply, 0xff, sizeof(cmd->reply));
}

struct kdbus_cmd_send *send_new(const struct kdbus_msg *msg)
{
	struct kdbus_cmd_send *cmd = object_new(sizeof(*cmd));

	send_init(cmd, msg);
	return cmd;
}

int msg_send(const struct conn *c, const struct kdbus_msg *msg)
{
	struct kdbus_cmd_send cmd;

	send_init(&cmd, msg);
	return cmd_run(c->fd, KDBUS_CMD_SEND, &cmd);
}

int send_cookie(const struct conn *c, __u64 dst_id, __u64 cookie)
{
	struct kdbus_msg msg;

	msg_init(&msg, dst_id, cookie);
	return msg_send(c, &msg);
}

int send_bytes(const struct conn *c, __u64 dst_id, __u64 cookie,
	       const void *data, size_t size)
{
	struct {
		struct kdbus_msg msg;
		struct kdbus_item item;
	} m;

	msg_init(&m.msg, dst_id, cookie);
	item_add_vec(&m, data, size);
	return msg_send(c, &m.msg);
}

static void recv_init(struct kdbus_cmd_recv *recv, __u64 flags, __s64 priority)
{
	memset(recv, 0, sizeof(*recv));
	recv->size = sizeof(*recv);
	recv->flags = flags;
	recv->return_flags = ~0ULL;
	recv->priority = priority;
	recv->dropped_msgs = ~0ULL;
	memset(&recv->msg, 0xff, sizeof(recv->msg));
}

struct kdbus_cmd_recv *recv_new(__u64 flags, __s64 priority)
{
	struct kdbus_cmd_recv *recv = object_new(sizeof(*recv));

	recv_init(recv, flags, priority);
	return recv;
}

int conn_recv(const struct conn *c, struct kdbus_cmd_recv *recv)
{
	return cmd_run(c->fd, KDBUS_CMD_RECV, recv);
}

const struct kdbus_msg *msg_at(const struct conn *c, __u64 offset)
{
	return (const void *)(c->pool + offset);
}

__u64 msg_offset(const struct conn *c, const struct kdbus_msg *msg)
{
	return (const __u8 *)msg - c->pool;
}

/* The next message, or NULL with errno set; not freed yet */
const struct kdbus_msg *receive(const struct conn *c)
{
	struct kdbus_cmd_recv recv;
	int r;

	recv_init(&recv, 0, 0);
	r = conn_recv(c, &recv);
	if (r < 0) {
		errno = -r;
		return NULL;
	}
	return msg_at(c, recv.msg.offset);
}

/* The cookie of the next message, which is freed; 0 if there is none */
__u64 receive_cookie(const struct conn *c)
{
	const struct kdbus_msg *msg = receive(c);
	__u64 cookie;

	if (!msg)
		return 0;
	cookie = msg->cookie;
	if (conn_free(c, msg_offset(c, msg)) < 0)
		abort();
	return cookie;
}

short poll_now(int fd)
{
	struct pollfd p = {
		.fd = fd,
		.events = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM | POLLPRI,
	};

	if (poll(&p, 1, 0) < 0)
		abort();
	return p.revents;
}

size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* Two pages in a row, to place something across or right before their border */
void *two_pages(int prot_first, int prot_second)
{
	size_t size = page_size();
	__u8 *pages;

	pages = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED || mprotect(pages, size, prot_first) < 0 ||
	    mprotect(pages + size, size, prot_second) < 0)
		abort();
	return pages;
}

int become(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		return -errno;
	/* or the files in /proc/self belong to root */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

pid_t fork_as(uid_t uid, gid_t gid)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		CHECK(uid == getuid() || become(uid, gid) == 0);
		/* no child shall stay when the test is killed */
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	}
	return pid;
}

int child_wait(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	if (WIFSIGNALED(status))
		return -WTERMSIG(status);
	return WEXITSTATUS(status);
}

/* Returns when the process sleeps, or is gone. */
void sleeping_wait(pid_t pid)
{
	char path[32], state;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	do {
		sched_yield();
		file = fopen(path, "re");
		if (!file)
			return;
		if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 'Z';
		fclose(file);
	} while (state != 'S' && state != 'Z');
}

int capability_drop(unsigned int capability)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	data[capability / 32].effective &= ~(1U << capability % 32);
	data[capability / 32].permitted &= ~(1U << capability % 32);
	if (syscall(SYS_capset, &header, data) < 0)
		return -errno;
	return 0;
}
