// SPDX-License-Identifier: LGPL-2.1+
/*
 * Metadata is that of the moment of SEND: whatever a task, or the world around
 * it, changes between two messages, the second one says so.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "metadata_util.h"
#include "kdbus_harness.h"

#define SECURITYFS	"/sys/kernel/security"
#define CAP_IPC_OWNER	15

FIXTURE(moment) {
	struct domain domain;
	struct conn src;	/* consents to everything */
	struct conn dst;	/* wants everything */
	char dir[32];		/* in the mount of the root directory */
};

FIXTURE_SETUP(moment)
{
	ASSERT_EQ(0, domain_mount(&self->domain, 0, NULL));
	ASSERT_LE(0, bus_new(&self->domain, "0-bus", 0));
	ASSERT_EQ(0, peer_new(&self->src, &self->domain, _KDBUS_ATTACH_ANY, 0,
			      "src"));
	ASSERT_EQ(0, peer_new(&self->dst, &self->domain, 0,
			      _KDBUS_ATTACH_ANY, NULL));
	strcpy(self->dir, "/var/tmp/kdbus-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
}

FIXTURE_TEARDOWN(moment)
{
	EXPECT_EQ(0, rmdir(self->dir));
	EXPECT_EQ(0, domain_leave(&self->domain));
}

/*
 * A process that runs another program and does what it is told
 */

struct sender {
	pid_t pid;
	int socket;
};

static const char *in(const char *dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		abort();
	return path;
}

/* From now on the memory of the process is of no file of that path. */
static void copy_mappings(const char *program)
{
	char maps[64 * 1024], *line, *next;
	unsigned long start, end;
	char prot[5];
	__u8 *copy;

	CHECK(read_file("/proc/self/maps", maps, sizeof(maps)) > 0);
	for (line = maps; *line; line = next) {
		next = strchr(line, '\n') + 1;
		next[-1] = '\0';
		if (!strstr(line, program))
			continue;
		CHECK(sscanf(line, "%lx-%lx %4s", &start, &end, prot) == 3);
		copy = mmap(NULL, end - start, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(copy != MAP_FAILED);
		if (prot[0] == 'r')
			memcpy(copy, (void *)start, end - start);
		CHECK(mprotect(copy, end - start,
			       (prot[0] == 'r' ? PROT_READ : 0) |
			       (prot[1] == 'w' ? PROT_WRITE : 0) |
			       (prot[2] == 'x' ? PROT_EXEC : 0)) == 0);
		CHECK(mremap(copy, end - start, end - start,
			     MREMAP_MAYMOVE | MREMAP_FIXED, (void *)start) !=
		      MAP_FAILED);
	}
}

/* Has the kernel show another program. */
static void pretend_to_be(const char *path)
{
	char program[BUFFER_SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0 && own(KDBUS_ITEM_EXE, program) > 0);
	copy_mappings(program);
	CHECK(prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, fd, 0, 0) == 0);
	close(fd);
}

static void __attribute__((constructor)) obey(int argc, char **argv)
{
	char command[PATH_MAX] = "";
	int sock, root = -1;
	struct conn c;
	__u64 dst;

	if (argc < 5 || strcmp(argv[1], "--obey") != 0)
		return;
	c.fd = atoi(argv[2]);
	sock = atoi(argv[4]);
	while (write(sock, "", 1) == 1) {
		memset(command, 0, sizeof(command));
		if (read(sock, command, sizeof(command) - 1) <= 0)
			break;
		switch (command[0]) {
		case 's':
			dst = strtoull(command[1] ? command + 1 : argv[3],
				       NULL, 0);
			CHECK(send_bytes(&c, dst, 1, "x", 1) == 0);
			break;
		case 'c':
			root = open("/", O_PATH | O_CLOEXEC);
			CHECK(root >= 0 && chroot(command + 1) == 0);
			break;
		case 'o':
			CHECK(fchdir(root) == 0 && chroot(".") == 0);
			close(root);
			break;
		case 'x':
			execv(command + 1, argv);
			_exit(98);
		case 'p':
			pretend_to_be(command + 1);
			break;
		}
	}
	_exit(0);
}

static bool is_done(const struct sender *s)
{
	char byte;

	return read(s->socket, &byte, 1) == 1;
}

static bool sender_do(const struct sender *s, char what, const char *path)
{
	char command[PATH_MAX];

	snprintf(command, sizeof(command), "%c%s", what, path);
	return write(s->socket, command, strlen(command)) > 0 && is_done(s);
}

static bool sender_start(FIXTURE_DATA(moment) *self, struct sender *s,
			 const char *program)
{
	char fd[16], id[32], sock[16];
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) ==
	      0);
	snprintf(fd, sizeof(fd), "%d", self->src.fd);
	snprintf(id, sizeof(id), "%llu", (unsigned long long)self->dst.id);
	snprintf(sock, sizeof(sock), "%d", pair[1]);
	s->pid = fork_as(0, 0);
	if (s->pid == 0) {
		CHECK(fcntl(self->src.fd, F_SETFD, 0) == 0);
		CHECK(fcntl(pair[1], F_SETFD, 0) == 0);
		execl(program, "sender", "--obey", fd, id, sock, NULL);
		_exit(98);
	}
	close(pair[1]);
	s->socket = pair[0];
	return is_done(s);
}

static int sender_end(const struct sender *s)
{
	close(s->socket);
	return child_wait(s->pid);
}

/* Which program a message of the sender tells of, "" for none */
static const char *program_of(FIXTURE_DATA(moment) *self,
			      const struct sender *s)
{
	const struct kdbus_item *item;
	const struct kdbus_msg *msg;
	const char *path;

	if (!sender_do(s, 's', ""))
		return "?";
	msg = receive(&self->dst);
	if (!msg || attached(msg) == 0xbad)
		return "?";
	item = find(msg, KDBUS_ITEM_EXE);
	path = strdup(item ? item->str : "");
	return conn_free(&self->dst, msg_offset(&self->dst, msg)) < 0 ? "?" :
	       path;
}

/* the second time it may be told from memory */
#define EXPECT_PROGRAM(_sender, _path) do { \
	EXPECT_STREQ(_path, program_of(self, _sender)); \
	EXPECT_STREQ(_path, program_of(self, _sender)); \
} while (0)

static const char *program_new(const char *dir, const char *name)
{
	const char *path = in(dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	CHECK(fd >= 0 && program_copy(fd) == 0 && close(fd) == 0);
	return path;
}

TEST_F(moment, program_may_be_renamed_and_deleted)
{
	const char *sub = in(self->dir, "sub"), *moved = in(self->dir, "moved");
	struct sender s;

	ASSERT_EQ(0, mkdir(sub, 0755));
	ASSERT_TRUE(sender_start(self, &s, program_new(sub, "a")));
	EXPECT_PROGRAM(&s, in(sub, "a"));
	ASSERT_EQ(0, rename(in(sub, "a"), in(sub, "long.name")));
	EXPECT_PROGRAM(&s, in(sub, "long.name"));
	ASSERT_EQ(0, rename(sub, moved));
	EXPECT_PROGRAM(&s, in(moved, "long.name"));
	ASSERT_EQ(0, rename(in(moved, "long.name"), in(self->dir, "up")));
	EXPECT_PROGRAM(&s, in(self->dir, "up"));
	ASSERT_EQ(0, rmdir(moved));
	EXPECT_PROGRAM(&s, in(self->dir, "up"));
	ASSERT_EQ(0, unlink(in(self->dir, "up")));
	EXPECT_PROGRAM(&s, in(self->dir, "up (deleted)"));
	EXPECT_EQ(0, sender_end(&s));
}

TEST_F(moment, program_may_be_moved_with_its_mount)
{
	const char *from = in(self->dir, "from"), *to = in(self->dir, "to");
	struct sender s;

	ASSERT_EQ(0, mkdir(from, 0755));
	ASSERT_EQ(0, mkdir(to, 0755));
	ASSERT_EQ(0, mount("tmpfs", from, "tmpfs", 0, NULL));
	ASSERT_TRUE(sender_start(self, &s, program_new(from, "a")));
	EXPECT_PROGRAM(&s, in(from, "a"));
	ASSERT_EQ(0, mount(from, to, NULL, MS_MOVE, NULL));
	EXPECT_PROGRAM(&s, in(to, "a"));
	ASSERT_EQ(0, umount2(to, MNT_DETACH));
	EXPECT_PROGRAM(&s, "");
	EXPECT_EQ(0, sender_end(&s));
	EXPECT_EQ(0, rmdir(from));
	EXPECT_EQ(0, rmdir(to));
}

/* That of this test, too, has to be unmounted some day. */
TEST_F(moment, mount_of_a_program_does_not_stay_busy)
{
	struct sender s;

	ASSERT_EQ(0, mount("tmpfs", self->dir, "tmpfs", 0, NULL));
	ASSERT_TRUE(sender_start(self, &s, program_new(self->dir, "a")));
	EXPECT_PROGRAM(&s, in(self->dir, "a"));
	EXPECT_EQ(-1, umount(self->dir));
	EXPECT_EQ(0, sender_end(&s));
	EXPECT_EQ(0, umount(self->dir));
}

/* Says HELLO with @dir for its root, and wants to know about programs. */
static void receive_below(FIXTURE_DATA(moment) *self, struct conn *c,
			  const char *dir)
{
	struct kdbus_cmd_hello *cmd = hello_new(MiB);
	int root = open("/", O_PATH | O_CLOEXEC);

	c->fd = open_endpoint(&self->domain, "0-bus");
	cmd->attach_flags_recv = KDBUS_ATTACH_EXE;
	CHECK(c->fd >= 0 && root >= 0 && chroot(dir) == 0);
	CHECK(cmd_run(c->fd, KDBUS_CMD_HELLO, cmd) == 0);
	CHECK(fchdir(root) == 0 && chroot(".") == 0);
	close(root);
	c->id = cmd->id;
	c->pool_size = MiB;
	c->pool = mmap(NULL, MiB, PROT_READ, MAP_SHARED, c->fd, 0);
	CHECK(c->pool != MAP_FAILED);
}

/*
 * A path that may be told from memory keeps its mount busy. The second program
 * is in a mount of its own, so nothing takes the place of the first one there.
 */
TEST_F(moment, mount_of_a_root_does_not_stay_busy)
{
	const char *sub = in(self->dir, "sub"), *other = in(self->dir, "other");
	const char *b;
	const struct kdbus_msg *msg;
	struct sender s;
	struct conn c;
	char id[32];
	int i;

	ASSERT_EQ(0, mkdir(sub, 0755));
	ASSERT_EQ(0, mkdir(other, 0755));
	ASSERT_EQ(0, mount("tmpfs", sub, "tmpfs", 0, NULL));
	ASSERT_EQ(0, mount("tmpfs", other, "tmpfs", 0, NULL));
	b = program_new(other, "b");
	receive_below(self, &c, sub);
	snprintf(id, sizeof(id), "%llu", (unsigned long long)c.id);

	ASSERT_TRUE(sender_start(self, &s, program_new(sub, "a")));
	ASSERT_TRUE(sender_do(&s, 'c', sub));
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(sender_do(&s, 's', id));
		msg = receive(&c);
		ASSERT_NE(NULL, msg);
		ASSERT_EQ(KDBUS_ATTACH_EXE, attached(msg));
		EXPECT_STREQ("/a", find(msg, KDBUS_ITEM_EXE)->str);
	}
	conn_close(&c);
	ASSERT_TRUE(sender_do(&s, 'o', ""));
	ASSERT_TRUE(sender_do(&s, 'x', b));
	EXPECT_PROGRAM(&s, b);

	/* the connection is taken apart later */
	for (i = 0; umount(sub) < 0 && errno == EBUSY && i < 1000; i++)
		usleep(10000);
	EXPECT_GT(1000, i);
	EXPECT_EQ(0, sender_end(&s));
	EXPECT_EQ(0, umount(other));
	EXPECT_EQ(0, rmdir(other));
	EXPECT_EQ(0, rmdir(sub));
}

TEST_F(moment, process_may_execute_another_program)
{
	const char *a = program_new(self->dir, "a");
	const char *b = program_new(self->dir, "b");
	struct sender s;
	int i;

	ASSERT_TRUE(sender_start(self, &s, a));
	for (i = 0; i < 3; i++) {
		EXPECT_PROGRAM(&s, a);
		ASSERT_TRUE(sender_do(&s, 'x', b));
		EXPECT_PROGRAM(&s, b);
		ASSERT_TRUE(sender_do(&s, 'x', a));
	}
	EXPECT_EQ(0, sender_end(&s));
	EXPECT_EQ(0, unlink(a));
	EXPECT_EQ(0, unlink(b));
}

TEST_F(moment, program_may_be_replaced)
{
	const char *a = program_new(self->dir, "a");
	const char *b = program_new(self->dir, "b");
	struct sender s;

	ASSERT_TRUE(sender_start(self, &s, a));
	EXPECT_PROGRAM(&s, a);
	ASSERT_TRUE(sender_do(&s, 'p', b));
	EXPECT_PROGRAM(&s, b);
	EXPECT_EQ(0, sender_end(&s));
	EXPECT_EQ(0, unlink(a));
	EXPECT_EQ(0, unlink(b));
}

TEST_F(moment, programs_may_share_a_connection)
{
	const char *paths[2] = {
		program_new(self->dir, "a"), program_new(self->dir, "b"),
	};
	struct sender s[2];
	int i;

	for (i = 0; i < 2; i++)
		ASSERT_TRUE(sender_start(self, &s[i], paths[i]));
	for (i = 0; i < 6; i++)
		EXPECT_STREQ(paths[i % 2], program_of(self, &s[i % 2]));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, sender_end(&s[i]));
		EXPECT_EQ(0, unlink(paths[i]));
	}
}

/*
 * The task itself
 */

static bool is_right(FIXTURE_DATA(moment) *self)
{
	const struct kdbus_msg *msg = tell(&self->src, &self->dst);

	return msg && attached(msg) == available() && count_wrong(msg) == 0 &&
	       conn_free(&self->dst, msg_offset(&self->dst, msg)) == 0;
}

TEST_F(moment, names_of_threads_change)
{
	char path[64];

	ASSERT_TRUE(is_right(self));
	ASSERT_EQ(0, prctl(PR_SET_NAME, "fifteen letters"));
	ASSERT_TRUE(is_right(self));
	ASSERT_EQ(0, prctl(PR_SET_NAME, ""));
	ASSERT_TRUE(is_right(self));
	snprintf(path, sizeof(path), "/proc/self/task/%d/comm", getpid());
	ASSERT_EQ(0, write_file(path, "seven b"));
	ASSERT_TRUE(is_right(self));
}

static void *send_as_thread(void *arg)
{
	CHECK(is_right(arg));
	CHECK(prctl(PR_SET_NAME, "worker") == 0);
	CHECK(is_right(arg));
	/* the kernel's credentials are those of the thread */
	CHECK(syscall(SYS_setresgid, 1, 2, 3) == 0);
	CHECK(syscall(SYS_setresuid, 0, 0, 5) == 0);
	CHECK(is_right(arg));
	return NULL;
}

TEST_F(moment, threads_are_not_taken_for_each_other)
{
	pthread_t thread;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(is_right(self));
		ASSERT_EQ(0, pthread_create(&thread, NULL, send_as_thread,
					    self));
		ASSERT_EQ(0, pthread_join(thread, NULL));
	}
	ASSERT_TRUE(is_right(self));
}

TEST_F(moment, credentials_change)
{
	static const gid_t groups[] = { 7, 5, 5, 99999 };
	char *title = two_pages(PROT_READ | PROT_WRITE, PROT_NONE);
	pid_t pid = fork_as(0, 0);

	if (pid == 0) {
		CHECK(is_right(self));
		CHECK(setgroups(ARRAY_SIZE(groups), groups) == 0);
		CHECK(is_right(self));
		CHECK(prctl(PR_CAPBSET_DROP, CAP_IPC_OWNER, 0, 0, 0) == 0);
		CHECK(is_right(self));
		CHECK(capability_drop(CAP_IPC_OWNER) == 0);
		CHECK(is_right(self));
		strcpy(title, "title");
		CHECK(set_command_line(title, 6) == 0);
		CHECK(is_right(self));
		strcpy(title, "other");
		CHECK(is_right(self));
		CHECK(setresgid(1, 2, 3) == 0);
		CHECK(is_right(self));
		setfsgid(3);
		CHECK(is_right(self));
		/* before it takes the right to look at /proc/self/exe */
		CHECK(setresuid(4, 0, 6) == 0);
		CHECK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
		CHECK(is_right(self));
		CHECK(setgroups(0, NULL) == 0);
		CHECK(is_right(self));
		_exit(0);
	}
	ASSERT_EQ(0, child_wait(pid));
}

TEST_F(moment, login_uid_changes)
{
	ASSERT_TRUE(is_right(self));
	if (write_file("/proc/self/loginuid", "1234") < 0)
		SKIP(return, "cannot set a login uid");
	ASSERT_TRUE(is_right(self));
	ASSERT_EQ(0, write_file("/proc/self/loginuid", "4294967295"));
	ASSERT_TRUE(is_right(self));
	ASSERT_EQ(0, write_file("/proc/self/loginuid", "0"));
	ASSERT_TRUE(is_right(self));
}

static void __attribute__((noreturn))
be_orphan(FIXTURE_DATA(moment) *self, pid_t parent, int socket)
{
	pid_t pid = getpid();
	char byte;

	CHECK(is_right(self) && getppid() == parent);
	CHECK(write(socket, &pid, sizeof(pid)) == sizeof(pid));
	CHECK(read(socket, &byte, 1) == 1);
	CHECK(is_right(self) && getppid() != parent);
	_exit(0);
}

/* The parent of an orphan is who adopts it. */
TEST_F(moment, parent_may_die)
{
	pid_t middle, orphan;
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	middle = fork_as(0, 0);
	if (middle == 0) {
		middle = getpid();
		if (fork() == 0)
			be_orphan(self, middle, pair[1]);
		pause();
	}
	close(pair[1]);
	EXPECT_EQ(sizeof(orphan), read(pair[0], &orphan, sizeof(orphan)));
	EXPECT_EQ(0, kill(middle, SIGKILL));
	EXPECT_EQ(-SIGKILL, child_wait(middle));
	EXPECT_EQ(1, write(pair[0], "", 1));
	EXPECT_EQ(0, child_wait(orphan));
}

/*
 * Labels of AppArmor
 */

static __u8 *put(__u8 *p, const void *data, size_t size)
{
	return mempcpy(p, data, size);
}

/* codes of its format */
enum { U32 = 2, NAME = 4, STRING = 5, STRUCT = 7, STRUCT_END = 8 };

static __u8 *put_string(__u8 *p, __u8 code, const char *str)
{
	__u16 size = strlen(str) + 1;

	*p++ = code;
	p = put(p, &size, sizeof(size));
	return put(p, str, size);
}

static __u8 *put_u32(__u8 *p, __u32 value)
{
	*p++ = U32;
	return put(p, &value, sizeof(value));
}

/* a profile that confines nothing */
static size_t make_profile(__u8 *data, const char *name)
{
	__u8 *p = data;
	int i;

	p = put_string(p, NAME, "version");
	p = put_u32(p, 5);
	p = put_string(p, NAME, "profile");
	*p++ = STRUCT;
	p = put_string(p, STRING, name);
	p = put_string(p, NAME, "flags");
	*p++ = STRUCT;
	p = put_u32(p, 0);
	p = put_u32(p, 3);
	p = put_u32(p, 0);
	*p++ = STRUCT_END;
	for (i = 0; i < 4; i++)
		p = put_u32(p, 0);
	*p++ = STRUCT_END;
	return p - data;
}

static int apparmor_write(const char *file, const void *data, size_t size)
{
	int r = 0, fd = open(in(SECURITYFS "/apparmor", file),
			     O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (write(fd, data, size) != (ssize_t)size)
		r = -errno;
	close(fd);
	return r;
}

static bool label_is(FIXTURE_DATA(moment) *self, const char *label)
{
	const struct kdbus_msg *msg = tell(&self->src, &self->dst);

	return msg && count_wrong(msg) == 0 &&
	       holds_str(msg, KDBUS_ITEM_SECLABEL, label) &&
	       conn_free(&self->dst, msg_offset(&self->dst, msg)) == 0;
}

/* Policy is changed from outside; the credentials of the task stay. */
TEST_F(moment, label_changes_with_the_policy)
{
	static const char change[] = "changeprofile kdbus_moment";
	__u8 profile[256];
	size_t size;

	mount("securityfs", SECURITYFS, "securityfs", 0, NULL);
	size = make_profile(profile, "kdbus_moment");
	if (apparmor_write(".load", profile, size) < 0)
		SKIP(return, "AppArmor cannot be told anything");
	EXPECT_TRUE(label_is(self, "unconfined"));
	EXPECT_EQ(0, write_file("/proc/self/attr/current", change));
	EXPECT_TRUE(label_is(self, "kdbus_moment"));
	EXPECT_TRUE(label_is(self, "kdbus_moment"));
	EXPECT_EQ(0, apparmor_write(".remove", "kdbus_moment", 12));
	EXPECT_TRUE(label_is(self, "unconfined"));
	EXPECT_TRUE(label_is(self, "unconfined"));
}

KDBUS_HARNESS_MAIN
