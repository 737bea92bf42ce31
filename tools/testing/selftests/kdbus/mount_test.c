// SPDX-License-Identifier: LGPL-2.1+
/*
 * Mounts: each is a domain of its own, lives as long as something in it is in
 * use, and belongs to the user namespace it was mounted in.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <linux/capability.h>

#include "kdbus_util.h"
#include "kdbus_harness.h"

FIXTURE(mount) {
	struct domain domain;
	struct domain *d;
};

FIXTURE_SETUP(mount)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
}

FIXTURE_TEARDOWN(mount)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

/* Everything a bus is for, with one message */
static int exchange(const struct domain *d, const char *bus)
{
	struct conn a, b;
	int r;

	r = conn_new(&a, d, bus) ?: conn_new(&b, d, bus) ?:
	    send_cookie(&a, b.id, 5);
	if (r < 0)
		return r;
	if (receive_cookie(&b) != 5)
		return -EBADMSG;
	conn_close(&a);
	conn_close(&b);
	return 0;
}

TEST_F(mount, source_and_options_are_ignored)
{
	static const char *const options[] = {
		"", "foo", "foo,bar=baz", "mode=0700,uid=5,size=1%", "=,,=",
	};
	struct domain other;
	unsigned int i;
	int bus;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		ASSERT_EQ(0, domain_mount(&other, 0, options[i])) {
			TH_LOG("options \"%s\"", options[i]);
		}
		bus = bus_new(&other, "0-bus", 0);
		EXPECT_LE(0, bus);
		close(bus);
		EXPECT_EQ(0, umount(other.dir));

		ASSERT_EQ(0, mount(options[i], other.dir, kdbus_fs_type(), 0,
				   NULL)) {
			TH_LOG("source \"%s\"", options[i]);
		}
		EXPECT_EQ(0, domain_umount(&other));
	}
}

/* The same with the calls that look at every option by itself */
TEST_F(mount, single_options_are_ignored)
{
	int context, mnt;

	context = fsopen(kdbus_fs_type(), FSOPEN_CLOEXEC);
	ASSERT_LE(0, context);
	EXPECT_EQ(0, fsconfig(context, FSCONFIG_SET_STRING, "source", "any",
			      0));
	EXPECT_EQ(0, fsconfig(context, FSCONFIG_SET_STRING, "foo", "bar", 0));
	EXPECT_EQ(0, fsconfig(context, FSCONFIG_SET_STRING, "uid", "x", 0));
	EXPECT_EQ(0, fsconfig(context, FSCONFIG_SET_FLAG, "baz", NULL, 0));
	EXPECT_EQ(0, fsconfig(context, FSCONFIG_SET_BINARY, "b", "1", 1));
	ASSERT_EQ(0, fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	mnt = fsmount(context, FSMOUNT_CLOEXEC, 0);
	ASSERT_LE(0, mnt);
	EXPECT_EQ(0, bus_make(openat(mnt, "control", O_RDWR), "0-bus", 0));
	EXPECT_EQ(0, faccessat(mnt, "0-bus/bus", F_OK, 0));
}

TEST_F(mount, every_mount_is_a_domain)
{
	struct conn c, other_c;
	struct domain other;
	int bus, other_bus;

	ASSERT_EQ(0, domain_mount(&other, 0, NULL));
	bus = bus_new(self->d, "0-bus", 0);
	ASSERT_LE(0, bus);
	EXPECT_EQ(-1, access(path_in(&other, "0-bus"), F_OK));
	other_bus = bus_new(&other, "0-bus", 0);
	ASSERT_LE(0, other_bus);

	/* ids start again, too */
	ASSERT_EQ(0, conn_new(&c, self->d, "0-bus"));
	ASSERT_EQ(0, conn_new(&other_c, &other, "0-bus"));
	EXPECT_EQ(2, c.id);
	EXPECT_EQ(2, other_c.id);

	close(other_bus);
	EXPECT_EQ(0, poll_now(c.fd) & POLLHUP);
	EXPECT_EQ(0, access(path_in(self->d, "0-bus"), F_OK));
	EXPECT_EQ(-1, access(path_in(&other, "0-bus"), F_OK));
	close(other_c.fd);
	EXPECT_EQ(0, domain_umount(&other));
}

TEST_F(mount, bind_mount_is_the_same_domain)
{
	struct domain copy = { "/tmp/kdbus-test-XXXXXX" };
	struct stat a, b;

	ASSERT_NE(NULL, mkdtemp(copy.dir));
	ASSERT_EQ(0, mount(self->d->dir, copy.dir, NULL, MS_BIND, NULL));
	ASSERT_LE(0, bus_new(&copy, "0-bus", 0));
	EXPECT_EQ(0, stat(path_in(self->d, "0-bus/bus"), &a));
	EXPECT_EQ(0, stat(path_in(&copy, "0-bus/bus"), &b));
	EXPECT_EQ(a.st_ino, b.st_ino);
	EXPECT_EQ(a.st_dev, b.st_dev);
	EXPECT_EQ(0, exchange(self->d, "0-bus"));
	EXPECT_EQ(-EEXIST, bus_new(self->d, "0-bus", 0));
	EXPECT_EQ(0, umount2(copy.dir, MNT_DETACH));
	EXPECT_EQ(0, rmdir(copy.dir));
	EXPECT_EQ(0, exchange(self->d, "0-bus"));
}

TEST_F(mount, read_only_mount_gives_full_use)
{
	struct domain other;
	int bus, fds[2];
	struct conn c[2];
	int i;

	ASSERT_EQ(0, domain_mount(&other, MS_RDONLY, NULL));
	EXPECT_EQ(-EROFS, open_control(&other));
	bus = open_in(&other, "control", O_RDONLY);
	ASSERT_LE(0, bus);
	EXPECT_EQ(0, bus_make(bus, "0-bus", 0));
	for (i = 0; i < 2; i++) {
		fds[i] = open_in(&other, "0-bus/bus", O_RDONLY);
		ASSERT_LE(0, fds[i]);
		ASSERT_EQ(0, conn_hello(&c[i], fds[i], POOL_SIZE));
	}
	EXPECT_EQ(0, send_cookie(&c[0], c[1].id, 9));
	EXPECT_EQ(9, receive_cookie(&c[1]));
	EXPECT_EQ(0, conn_byebye(&c[1]));
	close(c[0].fd);
	close(c[1].fd);
	close(bus);
	EXPECT_EQ(0, domain_umount(&other));
}

TEST_F(mount, open_files_keep_the_mount_busy)
{
	struct domain other;
	struct conn c;
	int i, fd, bus;

	ASSERT_EQ(0, domain_mount(&other, 0, NULL));
	for (i = 0; i < 5; i++) {
		bus = bus_new(&other, "0-bus", 0);
		ASSERT_LE(0, bus);
		switch (i) {
		case 0:
			fd = dup(bus);
			break;
		case 1:
			fd = open_control(&other);
			break;
		case 2:
			fd = open_endpoint(&other, "0-bus");
			break;
		case 3:
			fd = conn_new(&c, &other, "0-bus") ?: c.fd;
			break;
		default:
			fd = open_in(&other, "0-bus", O_RDONLY);
		}
		ASSERT_LE(0, fd);
		close(bus);
		EXPECT_EQ(-1, umount(other.dir)) {
			TH_LOG("file %d", i);
		}
		EXPECT_EQ(EBUSY, errno);
		close(fd);
	}
	EXPECT_EQ(0, domain_umount(&other));
}

TEST_F(mount, unmounted_lazily_all_that_is_open_works)
{
	int root, control, bus, fd;
	struct domain other;
	struct conn a, b;

	ASSERT_EQ(0, domain_mount(&other, 0, NULL));
	control = open_control(&other);
	ASSERT_LE(0, control);
	bus = bus_new(&other, "0-bus", 0);
	ASSERT_LE(0, bus);
	ASSERT_EQ(0, conn_new(&a, &other, "0-bus"));
	root = open_in(&other, "", O_RDONLY | O_DIRECTORY);
	ASSERT_LE(0, root);
	ASSERT_EQ(0, umount2(other.dir, MNT_DETACH));
	EXPECT_EQ(0, rmdir(other.dir));

	fd = openat(root, "0-bus/bus", O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, conn_hello(&b, fd, POOL_SIZE));
	EXPECT_EQ(0, send_cookie(&a, b.id, 1));
	EXPECT_EQ(1, receive_cookie(&b));
	EXPECT_EQ(0, send_cookie(&b, a.id, 2));
	EXPECT_EQ(2, receive_cookie(&a));

	EXPECT_EQ(0, bus_make(control, "0-late", 0));
	fd = openat(root, "0-late/bus", O_RDWR);
	ASSERT_LE(0, fd);
	close(root);
	close(bus);
	EXPECT_EQ(POLLERR | POLLHUP, poll_now(a.fd));
	ASSERT_EQ(0, conn_hello(&b, fd, POOL_SIZE));
	EXPECT_EQ(0, send_cookie(&b, b.id, 3));
	EXPECT_EQ(3, receive_cookie(&b));
}

TEST_F(mount, removed_bus_is_gone_for_open_directories)
{
	struct stat s;
	int bus, dir;

	bus = bus_new(self->d, "0-bus", 0);
	ASSERT_LE(0, bus);
	dir = open_in(self->d, "0-bus", O_RDONLY | O_DIRECTORY);
	ASSERT_LE(0, dir);
	EXPECT_EQ(0, fstatat(dir, "bus", &s, 0));
	close(bus);

	EXPECT_EQ(-1, fstatat(dir, "bus", &s, 0));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(0, fstat(dir, &s));
	EXPECT_EQ(-1, access(path_in(self->d, "0-bus"), F_OK));
	EXPECT_EQ(ENOENT, errno);

	/* of the same name, but another bus */
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	EXPECT_EQ(-1, fstatat(dir, "bus", &s, 0));
	EXPECT_EQ(0, access(path_in(self->d, "0-bus/bus"), F_OK));
}

static bool is_mounted(const char *path)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[1024];
	bool found = false;

	while (file && fgets(line, sizeof(line), file))
		found |= !!strstr(line, path);
	if (file)
		fclose(file);
	return found;
}

TEST_F(mount, mount_on_a_removed_bus_is_detached)
{
	char *path = path_in(self->d, "0-bus");
	int bus;

	bus = bus_new(self->d, "0-bus", 0);
	ASSERT_LE(0, bus);
	ASSERT_EQ(0, mount("none", path, "tmpfs", 0, NULL));
	EXPECT_TRUE(is_mounted(path));
	close(bus);
	EXPECT_EQ(-1, access(path, F_OK));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_FALSE(is_mounted(path));
}

TEST_F(mount, removed_endpoint_cannot_be_opened)
{
	char file[] = "/tmp/kdbus-test-XXXXXX", node[32];
	int bus, fd;

	fd = mkstemp(file);
	ASSERT_LE(0, fd);
	close(fd);
	bus = bus_new(self->d, "0-bus", 0);
	ASSERT_LE(0, bus);
	ASSERT_EQ(0, mount(path_in(self->d, "0-bus/bus"), file, NULL, MS_BIND,
			   NULL));
	fd = open_in(self->d, "0-bus/bus", O_PATH);
	ASSERT_LE(0, fd);
	snprintf(node, sizeof(node), "/proc/self/fd/%d", fd);
	close(open(node, O_RDWR));
	EXPECT_LE(0, open(file, O_RDWR | O_CLOEXEC));
	close(bus);

	EXPECT_EQ(-1, open(node, O_RDWR));
	EXPECT_EQ(ESHUTDOWN, errno);
	errno = 0;
	EXPECT_EQ(-1, open(file, O_RDWR));
	EXPECT_EQ(ESHUTDOWN, errno);
	EXPECT_EQ(0, umount2(file, MNT_DETACH));
	EXPECT_EQ(0, unlink(file));
}

TEST_F(mount, module_has_a_directory_to_mount_on)
{
	const char *type = kdbus_fs_type();
	struct stat s;
	char path[64];

	snprintf(path, sizeof(path), "/sys/fs/%.*s", (int)strlen(type) - 2,
		 type);
	EXPECT_EQ(0, stat(path, &s));
	EXPECT_TRUE(S_ISDIR(s.st_mode));
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	close(fd);
	return n < 0 ? -errno : 0;
}

/* Alice, alone in a user namespace with its own mounts */
static void new_user_namespace(void)
{
	if (become(ALICE, ALICE) < 0 ||
	    unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		_exit(4);
}

/* And is root there, as everyone can do for himself. */
static void user_namespace_as_root(void)
{
	new_user_namespace();
	CHECK(write_file("/proc/self/uid_map", "0 11001 1") == 0);
	CHECK(write_file("/proc/self/setgroups", "deny") == 0);
	CHECK(write_file("/proc/self/gid_map", "0 11001 1") == 0);
}

#define ASSERT_DONE(_pid) do { \
	int status = child_wait(_pid); \
	if (status == 4) \
		SKIP(return, "users cannot make user namespaces"); \
	ASSERT_EQ(0, status); \
} while (0)

TEST_F(mount, unprivileged_mount_belongs_to_its_root)
{
	struct stat s;
	pid_t pid;

	pid = fork_as(0, 0);
	if (pid == 0) {
		user_namespace_as_root();
		CHECK(mount("kdbus", self->d->dir, kdbus_fs_type(), 0,
			    NULL) == 0);
		CHECK(stat(self->d->dir, &s) == 0);
		CHECK(s.st_uid == 0 && s.st_gid == 0);
		CHECK(s.st_mode == (S_IFDIR | 0555));
		CHECK(stat(path_in(self->d, "control"), &s) == 0);
		CHECK(s.st_uid == 0 && s.st_gid == 0);
		CHECK(s.st_mode == (S_IFREG | 0666));

		/* the name has the uid as it is in there */
		CHECK(bus_new(self->d, "11001-bus", 0) == -EINVAL);
		CHECK(bus_new(self->d, "0-bus", 0) >= 0);
		CHECK(stat(path_in(self->d, "0-bus/bus"), &s) == 0);
		CHECK(s.st_uid == 0 && s.st_gid == 0);
		CHECK(exchange(self->d, "0-bus") == 0);
		_exit(0);
	}
	ASSERT_DONE(pid);
}

TEST_F(mount, unprivileged_mount_seen_from_outside)
{
	struct domain inside;
	int sync[2], fd;
	struct stat s;
	char byte;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sync));
	pid = fork_as(0, 0);
	if (pid == 0) {
		close(sync[0]);
		user_namespace_as_root();
		CHECK(mount("kdbus", self->d->dir, kdbus_fs_type(), 0,
			    NULL) == 0);
		CHECK(write(sync[1], "1", 1) == 1);
		CHECK(read(sync[1], &byte, 1) == 0);
		_exit(0);
	}
	close(sync[1]);
	if (read(sync[0], &byte, 1) == 1) {
		snprintf(inside.dir, sizeof(inside.dir), "/proc/%d/root", pid);
		EXPECT_EQ(0, stat(path_in(&inside, "%s", self->d->dir), &s));
		EXPECT_EQ(ALICE, s.st_uid);
		EXPECT_EQ(ALICE, s.st_gid);
		fd = open(path_in(&inside, "%s/control", self->d->dir),
			  O_RDWR | O_CLOEXEC);
		EXPECT_LE(0, fd);
		/* who has no uid in there can make no bus */
		EXPECT_EQ(-EINVAL, bus_make(fd, "0-bus", 0));
		EXPECT_EQ(-EINVAL, bus_make(fd, "65534-bus", 0));
		EXPECT_EQ(-EINVAL, bus_make(fd, "4294967295-bus", 0));
		close(fd);
	}
	close(sync[0]);
	ASSERT_DONE(pid);
}

/* In there are Alice as root and Bob as user 1, who owns the bus. */
static void talk_in_namespace(const struct domain *d)
{
	struct conn root, weak, user;

	CHECK(mount("kdbus", d->dir, kdbus_fs_type(), 0, NULL) == 0);
	CHECK(setresuid(1, 1, 0) == 0);
	CHECK(bus_new(d, "1-bus", KDBUS_MAKE_ACCESS_WORLD) >= 0);
	CHECK(conn_new(&user, d, "1-bus") == 0);
	CHECK(setresuid(0, 0, 0) == 0);
	CHECK(conn_new(&root, d, "1-bus") == 0);
	CHECK(capability_drop(CAP_IPC_OWNER) == 0);
	CHECK(conn_new(&weak, d, "1-bus") == 0);

	CHECK(send_cookie(&root, user.id, 1) == 0);
	CHECK(send_cookie(&weak, user.id, 2) == -EPERM);
	CHECK(send_cookie(&user, root.id, 3) == 0);
	CHECK(receive_cookie(&user) == 1);
	CHECK(receive_cookie(&user) == 0);
	_exit(0);
}

TEST_F(mount, capability_in_the_namespace_of_the_mount_counts)
{
	char path[32], byte;
	int sync[2];
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sync));
	pid = fork_as(0, 0);
	if (pid == 0) {
		close(sync[0]);
		new_user_namespace();
		CHECK(write(sync[1], "1", 1) == 1);
		CHECK(read(sync[1], &byte, 1) == 1);
		CHECK(setresuid(0, 0, 0) == 0);
		talk_in_namespace(self->d);
	}
	close(sync[1]);
	if (read(sync[0], &byte, 1) == 1) {
		snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
		EXPECT_EQ(0, write_file(path, "0 11001 1\n1 11002 1"));
		snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
		EXPECT_EQ(0, write_file(path, "0 11001 1"));
		EXPECT_EQ(1, write(sync[0], "1", 1));
	}
	ASSERT_DONE(pid);
}

/* The user namespace of the mount counts, not the one of who uses it. */
TEST_F(mount, users_of_other_namespaces_keep_their_uid)
{
	struct conn c;
	pid_t pid;

	ASSERT_LE(0, bus_new(self->d, "0-bus", KDBUS_MAKE_ACCESS_WORLD));
	pid = fork_as(0, 0);
	if (pid == 0) {
		user_namespace_as_root();
		CHECK(getuid() == 0);
		CHECK(bus_new(self->d, "0-mine", 0) == -EINVAL);
		CHECK(bus_new(self->d, "11001-mine", 0) >= 0);
		CHECK(exchange(self->d, "11001-mine") == 0);
		CHECK(conn_new(&c, self->d, "0-bus") == 0);
		_exit(0);
	}
	ASSERT_DONE(pid);
}

KDBUS_HARNESS_MAIN
