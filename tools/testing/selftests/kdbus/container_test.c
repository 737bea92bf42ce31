// SPDX-License-Identifier: LGPL-2.1+
/*
 * Ordinary users who mount kdbusfs in namespaces of their own, as every user
 * can make them: what is in there is theirs, is hidden from all others, and
 * gives them no right outside.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "metadata_util.h"
#include "kdbus_harness.h"

FIXTURE(container) {
	struct domain domain;	/* that of the system */
	struct conn root;	/* a connection of root's there */
	struct conn alice;	/* one of Alice's there, made outside */
};

FIXTURE_SETUP(container)
{
	ASSERT_EQ(0, domain_mount(&self->domain, 0, NULL));
	ASSERT_LE(0, bus_new(&self->domain, "0-bus",
			     KDBUS_MAKE_ACCESS_WORLD));
	ASSERT_EQ(0, peer_new(&self->root, &self->domain, _KDBUS_ATTACH_ANY,
			      _KDBUS_ATTACH_ANY, NULL));
	ASSERT_EQ(0, setresuid(ALICE, ALICE, 0));
	ASSERT_EQ(0, peer_new(&self->alice, &self->domain, _KDBUS_ATTACH_ANY,
			      _KDBUS_ATTACH_ANY, NULL));
	ASSERT_EQ(0, setresuid(0, 0, 0));
}

FIXTURE_TEARDOWN(container)
{
	EXPECT_EQ(0, domain_leave(&self->domain));
}

/*
 * What unshare -Um does, and as -r the caller gets id @inside, with all
 * capabilities; status 4 where users may not do that.
 */
static void enter_container(unsigned int inside, int flags)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[32];

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | flags) < 0)
		_exit(4);
	snprintf(map, sizeof(map), "%u %u 1", inside, uid);
	CHECK(write_file("/proc/self/uid_map", map) == 0);
	/* inside of a container it may be forbidden already */
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", inside, gid);
	CHECK(write_file("/proc/self/gid_map", map) == 0);
}

static void mount_own(const struct domain *d)
{
	CHECK(mount("kdbus", d->dir, kdbus_fs_type(), 0, NULL) == 0);
}

#define ASSERT_DONE(_pid) do { \
	int status = child_wait(_pid); \
	if (status == 4) \
		SKIP(return, "users cannot make user namespaces"); \
	ASSERT_EQ(0, status); \
} while (0)

/* Tells if the directory has the control file and, if not NULL, one bus. */
static bool holds_only(const struct domain *d, const char *bus)
{
	unsigned int n_files = 0, n_buses = 0;
	DIR *dir = opendir(d->dir);
	struct dirent *entry;

	CHECK(dir);
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, "control") == 0)
			n_files++;
		else if (bus && strcmp(entry->d_name, bus) == 0)
			n_buses++;
		else if (entry->d_name[0] != '.')
			n_files = 99;
	}
	closedir(dir);
	return n_files == 1 && n_buses == (bus ? 1 : 0);
}

/* a user, with another one at the other end of @socket */
static void __attribute__((noreturn)) live_beside(const struct domain *d,
						  int socket)
{
	pid_t own_pid = getpid(), other;
	struct conn c;
	char path[128];

	enter_container(0, 0);
	mount_own(d);
	CHECK(holds_only(d, NULL));
	CHECK(bus_new(d, "0-bus", KDBUS_MAKE_ACCESS_WORLD) >= 0);
	CHECK(conn_new(&c, d, "0-bus") == 0);
	/* ids are counted from the beginning */
	CHECK(c.id == 2);
	CHECK(send_cookie(&c, c.id, 7) == 0 && receive_cookie(&c) == 7);
	CHECK(send_cookie(&c, 3, 1) == -ENXIO);

	CHECK(write(socket, &own_pid, sizeof(own_pid)) == sizeof(own_pid));
	CHECK(read(socket, &other, sizeof(other)) == sizeof(other));
	CHECK(holds_only(d, "0-bus"));
	snprintf(path, sizeof(path), "/proc/%d/root%s/control", other, d->dir);
	CHECK(open(path, O_RDWR) < 0 && errno == EACCES);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", other, c.fd);
	CHECK(open(path, O_RDWR) < 0 && errno == EACCES);
	CHECK(write(socket, "", 1) == 1);
	CHECK(read(socket, path, 1) == 1);
	_exit(0);
}

TEST_F(container, users_do_not_see_each_other)
{
	static const uid_t users[2] = { ALICE, BOB };
	pid_t pids[2];
	int pair[2], i;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				pair));
	for (i = 0; i < 2; i++) {
		pids[i] = fork_as(users[i], users[i]);
		if (pids[i] == 0) {
			close(pair[!i]);
			live_beside(&self->domain, pair[i]);
		}
	}
	close(pair[0]);
	close(pair[1]);
	for (i = 0; i < 2; i++)
		ASSERT_DONE(pids[i]);
	/* the system's domain was not touched */
	EXPECT_TRUE(holds_only(&self->domain, "0-bus"));
}

/* Alice in a container in her container, where her only id is 5 */
static void live_inside(const struct domain *d)
{
	struct stat s;
	struct conn c;

	enter_container(5, 0);
	/* still what is around it; Alice is the owner there */
	CHECK(holds_only(d, "0-bus"));
	CHECK(conn_new(&c, d, "0-bus") == 0);
	conn_close(&c);
	CHECK(bus_new(d, "5-bus", 0) == -EINVAL);

	mount_own(d);
	CHECK(holds_only(d, NULL));
	/* id 0 does not exist here, so root and control are nobody's */
	CHECK(stat(d->dir, &s) == 0);
	CHECK(s.st_uid == OVERFLOW_ID && s.st_gid == OVERFLOW_ID);
	CHECK(bus_new(d, "0-bus", 0) == -EINVAL);
	CHECK(bus_new(d, "11001-bus", 0) == -EINVAL);
	CHECK(bus_new(d, "5-bus", 0) >= 0);
	CHECK(stat(path_in(d, "5-bus/bus"), &s) == 0);
	CHECK(s.st_uid == 5 && s.st_gid == 5);
	CHECK(holds_only(d, "5-bus"));
	CHECK(conn_new(&c, d, "5-bus") == 0);
}

TEST_F(container, nested_domains_are_apart)
{
	pid_t pid = fork_as(ALICE, ALICE);
	struct stat s;

	if (pid == 0) {
		enter_container(0, 0);
		CHECK(holds_only(&self->domain, "0-bus"));
		mount_own(&self->domain);
		CHECK(stat(path_in(&self->domain, "control"), &s) == 0);
		CHECK(s.st_uid == 0 && s.st_gid == 0);
		CHECK(bus_new(&self->domain, "0-bus", 0) >= 0);
		pid = fork();
		if (pid == 0) {
			live_inside(&self->domain);
			_exit(0);
		}
		CHECK(child_wait(pid) == 0);
		CHECK(holds_only(&self->domain, "0-bus"));
		_exit(0);
	}
	ASSERT_DONE(pid);
	EXPECT_TRUE(holds_only(&self->domain, "0-bus"));
}

static __u64 uid_told(const struct kdbus_msg *msg)
{
	return msg ? find(msg, KDBUS_ITEM_CREDS)->creds.euid : 0xbad;
}

/* Alice, as root and process 1 of a container that the domain is shown in */
static void __attribute__((noreturn)) live_with_bind_mount(
	const FIXTURE_DATA(container) *self, struct conn *shared)
{
	struct domain shown = { "/tmp/kdbus-shown-XXXXXX" };
	struct kdbus_cmd_hello *hello = hello_new(POOL_SIZE);
	const struct kdbus_msg *msg;
	int fd;

	CHECK(mkdtemp(shown.dir));
	CHECK(mount(self->domain.dir, shown.dir, NULL, MS_BIND, NULL) == 0);
	CHECK(peer_new(shared, &shown, _KDBUS_ATTACH_ANY, _KDBUS_ATTACH_ANY,
		       NULL) == 0);

	/* by itself, and from outside */
	msg = tell(shared, shared);
	CHECK(uid_told(msg) == 0);
	CHECK(find(msg, KDBUS_ITEM_PIDS)->pids.pid == 1);
	CHECK(cap_set(msg, EFFECTIVE) == all_caps());
	msg = tell(shared, &self->alice);
	CHECK(uid_told(msg) == ALICE);
	CHECK(find(msg, KDBUS_ITEM_PIDS)->pids.pid > 1);
	CHECK(cap_set(msg, EFFECTIVE) == 0 && cap_set(msg, BOUNDING) == 0);
	CHECK(find(msg, KDBUS_ITEM_EXE) == NULL);

	/* all its capabilities are worth nothing here */
	CHECK(send_cookie(shared, self->root.id, 1) == -EPERM);
	fd = open_endpoint(&shown, "0-bus");
	hello->flags = KDBUS_HELLO_MONITOR;
	CHECK(cmd_run(fd, KDBUS_CMD_HELLO, hello) == -EPERM);
	CHECK(bus_new(&shown, "0-mine", 0) == -EINVAL);
	CHECK(bus_new(&shown, "11001-mine", 0) >= 0);
	CHECK(umount2(shown.dir, MNT_DETACH) == 0 && rmdir(shown.dir) == 0);
	_exit(0);
}

TEST_F(container, bind_mount_translates)
{
	static const struct kdbus_pids nobody;
	const struct kdbus_msg *msg;
	struct conn *shared;
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	pid = fork_sharing_files();
	if (pid == 0) {
		CHECK(become(ALICE, ALICE) == 0);
		enter_container(0, CLONE_NEWPID);
		pid = fork_sharing_files();
		if (pid == 0)
			live_with_bind_mount(self, shared);
		_exit(child_wait(pid));
	}
	ASSERT_DONE(pid);

	/* from outside to inside: whoever made the pool has it mapped */
	shared->pool = mmap(NULL, META_POOL, PROT_READ, MAP_SHARED, shared->fd,
			    0);
	ASSERT_NE(MAP_FAILED, shared->pool);
	msg = tell(&self->root, shared);
	EXPECT_EQ(OVERFLOW_ID, uid_told(msg));
	EXPECT_TRUE(holds(msg, KDBUS_ITEM_PIDS, &nobody, sizeof(nobody)));
	EXPECT_EQ(all_caps(), cap_set(msg, EFFECTIVE));
	pid = fork_as(ALICE, ALICE);
	if (pid == 0) {
		CHECK(uid_told(tell(&self->alice, shared)) == 0);
		_exit(0);
	}
	EXPECT_EQ(0, child_wait(pid));
}

/* As one would type it */
TEST_F(container, commands_of_the_shell_do)
{
	static const char script[] =
		"mount -t \"$0\" anything \"$1\" && "
		"test \"$(stat -f -c %t \"$1\")\" = 44427573 && "
		"test \"$(stat -c %u:%g:%a \"$1\")\" = 0:0:555 && "
		"test \"$(stat -c %u:%g:%a \"$1/control\")\" = 0:0:666 && "
		"test -w \"$1/control\" && test \"$(ls \"$1\")\" = control && "
		"umount \"$1\" && ls -d \"$1/0-bus\" >/dev/null";
	pid_t pid;

	if (access("/usr/bin/unshare", X_OK) < 0)
		SKIP(return, "no unshare");
	pid = fork_as(ALICE, ALICE);
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER) < 0)
			_exit(4);
		_exit(0);
	}
	ASSERT_DONE(pid);
	pid = fork_as(ALICE, ALICE);
	if (pid == 0) {
		execl("/usr/bin/unshare", "unshare", "-Urm", "sh", "-c", script,
		      kdbus_fs_type(), self->domain.dir, NULL);
		_exit(98);
	}
	EXPECT_EQ(0, child_wait(pid));
}

/*
 * The kernel lets users mount sysfs if nothing in the one they see is hidden by
 * a mount.
 */

static const char *default_dir(void)
{
	const char *type = kdbus_fs_type();
	char *path;

	if (asprintf(&path, "/sys/fs/%.*s", (int)strlen(type) - 2, type) < 0)
		abort();
	return path;
}

/* status 5 if the kernel does not let Alice, 0 if all is well */
static int mount_sysfs(void)
{
	const char *dir = default_dir();
	char *path, mnt[] = "/tmp/kdbus-sysfs-XXXXXX";
	pid_t pid = fork_as(ALICE, ALICE);
	int status;

	if (pid == 0) {
		enter_container(0, CLONE_NEWNET | CLONE_NEWPID);
		pid = fork();
		if (pid != 0) {
			status = child_wait(pid);
			_exit(status);
		}
		CHECK(mkdtemp(mnt));
		if (mount("sysfs", mnt, "sysfs", MS_NOSUID | MS_NODEV |
			  MS_NOEXEC, NULL) < 0) {
			rmdir(mnt);
			_exit(5);
		}
		if (asprintf(&path, "%s%s", mnt, dir + 4) < 0)
			abort();
		CHECK(access(path, F_OK) == 0 && rmdir(path) < 0);
		CHECK(umount(mnt) == 0 && rmdir(mnt) == 0);
		_exit(0);
	}
	return child_wait(pid);
}

TEST_F(container, sysfs_can_be_mounted_beside_kdbusfs)
{
	const char *dir = default_dir();
	struct statfs s;
	int status;

	ASSERT_EQ(0, own_mounts());
	while (statfs(dir, &s) == 0 && s.f_type == 0x44427573)
		ASSERT_EQ(0, umount2(dir, MNT_DETACH));
	status = mount_sysfs();
	if (status != 0)
		SKIP(return, "users cannot mount sysfs: %d", status);
	ASSERT_EQ(0, mount("kdbus", dir, kdbus_fs_type(), 0, NULL));
	EXPECT_EQ(0, mount_sysfs());
	EXPECT_EQ(0, umount(dir));
}

KDBUS_HARNESS_MAIN
