// SPDX-License-Identifier: LGPL-2.1+
/*
 * The nodes of kdbusfs: what they look like, and what cannot be done to them.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <linux/capability.h>

#include "kdbus_util.h"
#include "kdbus_harness.h"

FIXTURE(fs) {
	struct domain domain;
	struct domain *d;
};

FIXTURE_SETUP(fs)
{
	self->d = &self->domain;
	ASSERT_EQ(0, domain_enter(self->d));
}

FIXTURE_TEARDOWN(fs)
{
	EXPECT_EQ(0, domain_leave(self->d));
}

TEST_F(fs, statfs_tells_the_type_and_no_numbers)
{
	static const char *const paths[] = {
		"", "control", "0-bus", "0-bus/bus"
	};
	struct statfs s;
	unsigned int i;

	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		memset(&s, 0xff, sizeof(s));
		ASSERT_EQ(0, statfs(path_in(self->d, "%s", paths[i]), &s));
		EXPECT_EQ(0x44427573, s.f_type);
		EXPECT_EQ(page_size(), s.f_bsize);
		EXPECT_EQ(255, s.f_namelen);
		EXPECT_EQ(0, s.f_blocks);
		EXPECT_EQ(0, s.f_bfree);
		EXPECT_EQ(0, s.f_bavail);
		EXPECT_EQ(0, s.f_files);
		EXPECT_EQ(0, s.f_ffree);
	}
}

static struct stat stat_in(const struct domain *d, const char *path)
{
	struct stat s;

	if (stat(path_in(d, "%s", path), &s) < 0)
		memset(&s, 0xff, sizeof(s));
	return s;
}

TEST_F(fs, root_and_control_are_open_to_everyone)
{
	struct stat s;

	s = stat_in(self->d, "");
	EXPECT_EQ(S_IFDIR | 0555, s.st_mode);
	EXPECT_EQ(0, s.st_uid);
	EXPECT_EQ(0, s.st_gid);

	s = stat_in(self->d, "control");
	EXPECT_EQ(S_IFREG | 0666, s.st_mode);
	EXPECT_EQ(0, s.st_uid);
	EXPECT_EQ(0, s.st_gid);
}

TEST_F(fs, flags_decide_the_mode_of_a_bus)
{
	static const struct {
		__u64 flags;
		mode_t dir;
		mode_t endpoint;
	} rows[] = {
		{ 0, 0500, 0600 },
		{ KDBUS_MAKE_ACCESS_GROUP, 0550, 0660 },
		{ KDBUS_MAKE_ACCESS_WORLD, 0555, 0666 },
		{ KDBUS_MAKE_ACCESS_GROUP | KDBUS_MAKE_ACCESS_WORLD,
		  0555, 0666 },
	};
	unsigned int i;
	int bus;

	umask(0777);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		bus = bus_new(self->d, "0-bus", rows[i].flags);
		ASSERT_LE(0, bus);
		EXPECT_EQ(S_IFDIR | rows[i].dir,
			  stat_in(self->d, "0-bus").st_mode);
		EXPECT_EQ(S_IFREG | rows[i].endpoint,
			  stat_in(self->d, "0-bus/bus").st_mode);
		close(bus);
	}
}

/* The effective ids count, and those of the moment of BUS_MAKE. */
TEST_F(fs, bus_belongs_to_who_makes_it)
{
	static const char *const paths[] = { "11001-bus", "11001-bus/bus" };
	struct stat s;
	unsigned int i;
	int control;

	control = open_control(self->d);
	ASSERT_LE(0, control);
	ASSERT_EQ(0, setresgid(0, BOB, 0));
	ASSERT_EQ(0, setresuid(0, ALICE, 0));
	EXPECT_EQ(0, bus_make(control, "11001-bus", 0));
	ASSERT_EQ(0, setresuid(0, 0, 0));
	ASSERT_EQ(0, setresgid(0, 0, 0));

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		s = stat_in(self->d, paths[i]);
		EXPECT_EQ(ALICE, s.st_uid);
		EXPECT_EQ(BOB, s.st_gid);
	}
}

TEST_F(fs, nodes_have_no_size)
{
	static const char *const paths[] = {
		"", "control", "0-bus", "0-bus/bus"
	};
	struct stat s;
	unsigned int i;

	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		s = stat_in(self->d, paths[i]);
		EXPECT_EQ(0, s.st_size);
		EXPECT_EQ(0, s.st_blocks);
	}
}

/* Tree walkers take 2 + n as a promise that there are n directories inside. */
TEST_F(fs, link_counts_do_not_mislead)
{
	nlink_t root;
	int i;

	for (i = 0; i < 3; i++) {
		root = stat_in(self->d, "").st_nlink;
		EXPECT_TRUE(root == 1 || root == 2U + i) {
			TH_LOG("%d buses, %lu links", i, (long)root);
		}
		ASSERT_LE(0, bus_new(self->d, i == 0 ? "0-a" :
				     i == 1 ? "0-b" : "0-c", 0));
	}
	EXPECT_EQ(1, stat_in(self->d, "control").st_nlink);
	EXPECT_EQ(2, stat_in(self->d, "0-a").st_nlink);
	EXPECT_EQ(1, stat_in(self->d, "0-a/bus").st_nlink);
}

static bool before(struct timespec a, struct timespec b)
{
	return a.tv_sec < b.tv_sec ||
	       (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

static bool same(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

TEST_F(fs, timestamps_are_those_of_creation)
{
	static const char *const paths[] = { "0-bus", "0-bus/bus" };
	struct timespec start, end;
	struct stat s, control;
	unsigned int i;

	control = stat_in(self->d, "control");
	clock_gettime(CLOCK_REALTIME_COARSE, &start);
	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	clock_gettime(CLOCK_REALTIME, &end);

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		s = stat_in(self->d, paths[i]);
		EXPECT_FALSE(before(s.st_mtim, start));
		EXPECT_FALSE(before(end, s.st_mtim));
		EXPECT_TRUE(same(s.st_mtim, s.st_ctim));
		EXPECT_TRUE(same(s.st_mtim, s.st_atim));
	}
	EXPECT_FALSE(before(start, control.st_mtim));
	EXPECT_TRUE(same(control.st_mtim, control.st_atim));
}

static bool drop_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
	bool done;

	/* no line in the log; then dentries and inodes */
	done = fd >= 0 && write(fd, "4", 1) == 1 && write(fd, "2", 1) == 1;
	close(fd);
	return done;
}

/* Nodes outlive their inodes, which come and go with the cache. */
TEST_F(fs, inodes_come_back_the_same)
{
	static const char *const paths[] = { "control", "0-bus", "0-bus/bus" };
	struct stat old[ARRAY_SIZE(paths)], s;
	struct timespec start;
	unsigned int i;

	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	for (i = 0; i < ARRAY_SIZE(paths); i++)
		old[i] = stat_in(self->d, paths[i]);

	/* until a new inode would get another time */
	clock_gettime(CLOCK_REALTIME_COARSE, &start);
	do {
		clock_gettime(CLOCK_REALTIME_COARSE, &s.st_mtim);
	} while (!before(start, s.st_mtim));

	if (!drop_caches())
		SKIP(return, "caches cannot be dropped here");
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		s = stat_in(self->d, paths[i]);
		EXPECT_EQ(old[i].st_ino, s.st_ino);
		EXPECT_EQ(old[i].st_mode, s.st_mode);
		EXPECT_TRUE(same(old[i].st_mtim, s.st_mtim));
		EXPECT_TRUE(same(old[i].st_ctim, s.st_ctim));
		EXPECT_TRUE(same(old[i].st_atim, s.st_atim));
	}
}

TEST_F(fs, inode_numbers_are_unique_over_all_mounts)
{
	static const char *const paths[] = {
		"", "control", "0-bus", "0-bus/bus"
	};
	struct domain other, *domains[] = { self->d, &other };
	ino_t seen[2 * ARRAY_SIZE(paths)];
	unsigned int i, j, n = 0;
	int buses[2];

	ASSERT_EQ(0, domain_mount(&other, 0, NULL));
	for (i = 0; i < 2; i++) {
		buses[i] = bus_new(domains[i], "0-bus", 0);
		ASSERT_LE(0, buses[i]);
		for (j = 0; j < ARRAY_SIZE(paths); j++)
			seen[n++] = stat_in(domains[i], paths[j]).st_ino;
	}
	for (i = 0; i < n; i++) {
		EXPECT_LT(0, seen[i]);
		EXPECT_GE(0x7fffffff, seen[i]);
		for (j = 0; j < i; j++)
			EXPECT_NE(seen[i], seen[j]);
	}
	close(buses[1]);
	EXPECT_EQ(0, domain_umount(&other));
}

/* They stay small, however many nodes there were. */
TEST_F(fs, inode_numbers_are_used_again)
{
	ino_t first[2], last[2];
	unsigned int i;
	int bus;

	for (i = 0; i < 2000; i++) {
		bus = bus_new(self->d, "0-bus", 0);
		ASSERT_LE(0, bus);
		last[0] = stat_in(self->d, "0-bus").st_ino;
		last[1] = stat_in(self->d, "0-bus/bus").st_ino;
		if (i == 0)
			memcpy(first, last, sizeof(first));
		close(bus);
	}
	/* some may wait to be freed */
	EXPECT_GT(first[0] + 1000, last[0]);
	EXPECT_GT(first[1] + 1000, last[1]);
}

TEST_F(fs, directories_list_what_is_there)
{
	static const struct {
		const char *dir;
		const char *name;
		unsigned char type;
	} rows[] = {
		{ "", ".", DT_DIR },
		{ "", "..", DT_DIR },
		{ "", "control", DT_REG },
		{ "", "0-a", DT_DIR },
		{ "", "0-b", DT_DIR },
		{ "0-a", ".", DT_DIR },
		{ "0-a", "..", DT_DIR },
		{ "0-a", "bus", DT_REG },
	};
	bool seen[ARRAY_SIZE(rows)] = { false };
	const char *dirs[] = { "", "0-a" };
	unsigned int i, j, n = 0;
	struct dirent *entry;
	struct stat s;
	DIR *dir;

	ASSERT_LE(0, bus_new(self->d, "0-a", 0));
	ASSERT_LE(0, bus_new(self->d, "0-b", 0));
	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		dir = opendir(path_in(self->d, "%s", dirs[i]));
		ASSERT_NE(NULL, dir);
		while ((entry = readdir(dir))) {
			n++;
			for (j = 0; j < ARRAY_SIZE(rows); j++)
				if (!strcmp(dirs[i], rows[j].dir) &&
				    !strcmp(entry->d_name, rows[j].name))
					break;
			ASSERT_GT(ARRAY_SIZE(rows), j) {
				TH_LOG("unexpected %s", entry->d_name);
			}
			EXPECT_FALSE(seen[j]);
			seen[j] = true;
			EXPECT_EQ(rows[j].type, entry->d_type);
			if (entry->d_name[0] == '.')
				continue;
			ASSERT_EQ(0, fstatat(dirfd(dir), entry->d_name, &s, 0));
			EXPECT_EQ(s.st_ino, entry->d_ino);
		}
		closedir(dir);
	}
	EXPECT_EQ(ARRAY_SIZE(rows), n);
}

/* As root, but on the account of another user: each may have 16 buses. */
static int bus_new_charged(const struct domain *d, uid_t uid, const char *name)
{
	int fd;

	if (setresuid(uid, 0, 0) < 0)
		return -errno;
	fd = bus_new(d, name, 0);
	if (setresuid(0, 0, 0) < 0)
		return -errno;
	return fd;
}

#define MANY 40

/* Buses 0-00 to 0-39; the entries' position in the list is not known. */
static int many_new(const struct domain *d, int *buses)
{
	char name[16];
	int i;

	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "0-%02d", i);
		buses[i] = bus_new_charged(d, 1 + i / 10, name);
		if (buses[i] < 0)
			return buses[i];
	}
	return 0;
}

TEST_F(fs, order_of_a_directory_is_stable)
{
	char names[MANY + 3][256];
	long positions[MANY + 3];
	struct dirent *entry;
	int i, n, buses[MANY];
	DIR *dir;

	ASSERT_EQ(0, many_new(self->d, buses));
	dir = opendir(self->d->dir);
	ASSERT_NE(NULL, dir);
	for (n = 0; n < MANY + 3; n++) {
		positions[n] = telldir(dir);
		entry = readdir(dir);
		ASSERT_NE(NULL, entry);
		strcpy(names[n], entry->d_name);
	}
	EXPECT_EQ(NULL, readdir(dir));

	rewinddir(dir);
	for (i = 0; i < n; i++) {
		entry = readdir(dir);
		ASSERT_NE(NULL, entry);
		EXPECT_STREQ(names[i], entry->d_name);
	}
	for (i = n - 1; i >= 0; i--) {
		seekdir(dir, positions[i]);
		entry = readdir(dir);
		ASSERT_NE(NULL, entry);
		EXPECT_STREQ(names[i], entry->d_name);
	}
	closedir(dir);
}

struct entry {
	__u64 ino;
	__u64 offset;
	unsigned short size;
	unsigned char type;
	char name[];
};

/* The next entry, and not one more; NULL at the end */
static struct entry *next_entry(int dir)
{
	static __u64 buffer[4];

	if (syscall(SYS_getdents64, dir, buffer, sizeof(buffer)) <= 0)
		return NULL;
	return (struct entry *)buffer;
}

/*
 * Every second bus goes away right after it was listed, when the next entry
 * has to be found from one that is not there any more, and a new one comes.
 */
TEST_F(fs, changes_while_listing_touch_no_other_entries)
{
	int buses[MANY], seen[MANY] = { 0 };
	int dir, i, number, made = 0;
	struct entry *entry;
	char name[16];

	ASSERT_EQ(0, many_new(self->d, buses));
	dir = open(self->d->dir, O_RDONLY | O_DIRECTORY);
	ASSERT_LE(0, dir);
	while ((entry = next_entry(dir))) {
		if (sscanf(entry->name, "0-%d", &number) != 1)
			continue;
		ASSERT_GT(MANY, number);
		seen[number]++;
		if (number % 2)
			continue;
		close(buses[number]);
		snprintf(name, sizeof(name), "0-new%02d", made);
		ASSERT_LE(0, bus_new_charged(self->d, 20 + made++ / 10, name));
	}
	for (i = 0; i < MANY; i++) {
		EXPECT_EQ(1, seen[i]) {
			TH_LOG("bus %d", i);
		}
	}
	EXPECT_EQ(MANY / 2, made);
}

TEST_F(fs, changes_by_others_touch_no_other_entries)
{
	struct entry *entry;
	int buses[MANY], seen[MANY];
	int dir, i, number, round;
	unsigned int n;
	char name[16];
	pid_t pid;

	ASSERT_EQ(0, many_new(self->d, buses));
	pid = fork_as(0, 0);
	if (pid == 0) {
		for (n = 0; ; n++) {
			snprintf(name, sizeof(name), "0-new%03u", n % 1000);
			i = bus_new(self->d, name, 0);
			CHECK(i >= 0);
			close(i);
		}
	}

	dir = open(self->d->dir, O_RDONLY | O_DIRECTORY);
	ASSERT_LE(0, dir);
	for (round = 0; round < 10; round++) {
		memset(seen, 0, sizeof(seen));
		ASSERT_EQ(0, lseek(dir, 0, SEEK_SET));
		while ((entry = next_entry(dir)))
			if (sscanf(entry->name, "0-%d", &number) == 1)
				seen[number]++;
		for (i = 0; i < MANY; i++) {
			EXPECT_EQ(1, seen[i]) {
				TH_LOG("round %d, bus %d", round, i);
			}
		}
	}
	kill(pid, SIGKILL);
	EXPECT_EQ(-SIGKILL, child_wait(pid));
}

/* Each of these asks the domain for a change it must not make. */
static int do_creat(struct domain *d)
{
	return open(path_in(d, "new"), O_CREAT | O_RDWR, 0600);
}

static int do_creat_in_bus(struct domain *d)
{
	return open(path_in(d, "0-bus/new"), O_CREAT | O_RDWR, 0600);
}

static int do_mkdir(struct domain *d)
{
	return mkdir(path_in(d, "new"), 0700);
}

static int do_mkdir_in_bus(struct domain *d)
{
	return mkdir(path_in(d, "0-bus/new"), 0700);
}

static int do_mknod(struct domain *d)
{
	return mknod(path_in(d, "new"), S_IFIFO | 0600, 0);
}

static int do_symlink(struct domain *d)
{
	return symlink("control", path_in(d, "new"));
}

static int do_link(struct domain *d)
{
	return link(path_in(d, "control"), path_in(d, "new"));
}

static int do_unlink(struct domain *d)
{
	return unlink(path_in(d, "control"));
}

static int do_unlink_in_bus(struct domain *d)
{
	return unlink(path_in(d, "0-bus/bus"));
}

static int do_rmdir(struct domain *d)
{
	return rmdir(path_in(d, "0-bus"));
}

static int do_rename(struct domain *d)
{
	return rename(path_in(d, "control"), path_in(d, "new"));
}

static int do_rename_bus(struct domain *d)
{
	return rename(path_in(d, "0-bus"), path_in(d, "0-new"));
}

TEST_F(fs, names_cannot_be_changed)
{
	static const struct {
		const char *name;
		int (*call)(struct domain *d);
		int unprivileged;
		int privileged;
	} rows[] = {
		{ "creat", do_creat, EACCES, EACCES },
		{ "creat in a bus", do_creat_in_bus, EACCES, EACCES },
		{ "mkdir", do_mkdir, EACCES, EPERM },
		{ "mkdir in a bus", do_mkdir_in_bus, EACCES, EPERM },
		{ "mknod", do_mknod, EACCES, EPERM },
		{ "symlink", do_symlink, EACCES, EPERM },
		{ "link", do_link, EACCES, EPERM },
		{ "unlink", do_unlink, EACCES, EPERM },
		{ "unlink in a bus", do_unlink_in_bus, EACCES, EPERM },
		{ "rmdir", do_rmdir, EACCES, EPERM },
		{ "rename", do_rename, EACCES, EPERM },
		{ "rename a bus", do_rename_bus, EACCES, EPERM },
	};
	unsigned int i;

	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(-1, rows[i].call(self->d));
		EXPECT_EQ(rows[i].privileged, errno) {
			TH_LOG("%s", rows[i].name);
		}
	}
	ASSERT_EQ(0, capability_drop(CAP_DAC_OVERRIDE));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT_EQ(-1, rows[i].call(self->d));
		EXPECT_EQ(rows[i].unprivileged, errno) {
			TH_LOG("%s, unprivileged", rows[i].name);
		}
	}
	EXPECT_EQ(0, access(path_in(self->d, "control"), F_OK));
	EXPECT_EQ(0, access(path_in(self->d, "0-bus/bus"), F_OK));
	EXPECT_EQ(-1, access(path_in(self->d, "new"), F_OK));
}

TEST_F(fs, nodes_are_not_read_or_written)
{
	static const char *const paths[] = { "control", "0-bus/bus" };
	unsigned int i;
	char byte = 0;
	int fd;

	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		fd = open_in(self->d, paths[i], O_RDWR);
		ASSERT_LE(0, fd);
		EXPECT_EQ(-1, read(fd, &byte, 1));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(-1, write(fd, &byte, 1));
		EXPECT_EQ(EINVAL, errno);
		errno = 0;
		EXPECT_EQ(-1, pread(fd, &byte, 1, 0));
		EXPECT_EQ(EINVAL, errno);
		errno = 0;
		EXPECT_EQ(-1, pwrite(fd, &byte, 1, 0));
		EXPECT_EQ(EINVAL, errno);
		errno = 0;
		EXPECT_EQ(-1, fsync(fd));
		EXPECT_EQ(EINVAL, errno);
		EXPECT_EQ(0, lseek(fd, 17, SEEK_SET));
		EXPECT_EQ(0, lseek(fd, 0, SEEK_CUR));
	}
	fd = open_in(self->d, "0-bus", O_RDONLY | O_DIRECTORY);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, read(fd, &byte, 1));
	EXPECT_EQ(EISDIR, errno);
}

TEST_F(fs, attributes_cannot_be_changed)
{
	static const char *const paths[] = {
		"", "control", "0-bus", "0-bus/bus"
	};
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 2 } };
	struct stat old, s;
	const char *path;
	unsigned int i;

	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		path = path_in(self->d, "%s", paths[i]);
		old = stat_in(self->d, paths[i]);
		EXPECT_EQ(-1, chmod(path, 0777));
		EXPECT_EQ(EPERM, errno);
		errno = 0;
		EXPECT_EQ(-1, chown(path, ALICE, -1));
		EXPECT_EQ(EPERM, errno);
		errno = 0;
		EXPECT_EQ(-1, chown(path, -1, ALICE));
		EXPECT_EQ(EPERM, errno);
		/* may be refused or have no effect */
		(void)!utimensat(AT_FDCWD, path, times, 0);

		s = stat_in(self->d, paths[i]);
		EXPECT_EQ(old.st_mode, s.st_mode);
		EXPECT_EQ(0, s.st_uid);
		EXPECT_EQ(0, s.st_gid);
		EXPECT_TRUE(same(old.st_mtim, s.st_mtim));
		EXPECT_TRUE(same(old.st_atim, s.st_atim));
		EXPECT_TRUE(same(old.st_ctim, s.st_ctim));
	}
}

TEST_F(fs, nodes_cannot_get_a_size)
{
	static const char *const paths[] = { "control", "0-bus/bus" };
	const char *path;
	unsigned int i;
	int fd;

	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		path = path_in(self->d, "%s", paths[i]);
		EXPECT_EQ(-1, truncate(path, 100));
		EXPECT_EQ(EPERM, errno);
		errno = 0;
		EXPECT_EQ(-1, truncate(path, 0));
		EXPECT_EQ(EPERM, errno);

		fd = open_in(self->d, paths[i], O_RDWR | O_TRUNC);
		ASSERT_LE(0, fd);
		errno = 0;
		EXPECT_EQ(-1, ftruncate(fd, 100));
		EXPECT_EQ(EPERM, errno);
		EXPECT_EQ(0, stat_in(self->d, paths[i]).st_size);
	}
	/* what O_TRUNC opened is as good as any other */
	EXPECT_EQ(0, cmd_run(fd, KDBUS_CMD_HELLO, hello_new(POOL_SIZE)));
}

TEST_F(fs, nodes_have_no_extended_attributes)
{
	static const char *const paths[] = { "control", "0-bus", "0-bus/bus" };
	unsigned int i;
	char value[8];

	ASSERT_LE(0, bus_new(self->d, "0-bus", 0));
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		errno = 0;
		EXPECT_EQ(-1, getxattr(path_in(self->d, "%s", paths[i]),
				       "user.test", value, sizeof(value)));
		EXPECT_EQ(EOPNOTSUPP, errno);
		errno = 0;
		EXPECT_EQ(-1, setxattr(path_in(self->d, "%s", paths[i]),
				       "user.test", "value", 5, 0));
		EXPECT_EQ(EOPNOTSUPP, errno);
	}
}

/* Neither that a name is there may be remembered nor that it is not. */
TEST_F(fs, lookups_see_every_change)
{
	char *path = path_in(self->d, "0-bus/bus");
	struct stat s;
	int i, bus;

	for (i = 0; i < 10; i++) {
		EXPECT_EQ(-1, stat(path, &s));
		EXPECT_EQ(ENOENT, errno);
		bus = bus_new(self->d, "0-bus", 0);
		ASSERT_LE(0, bus);
		EXPECT_EQ(0, stat(path, &s));
		close(bus);
	}
	EXPECT_EQ(-1, stat(path, &s));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(-1, stat(path_in(self->d, "0-bus"), &s));
	EXPECT_EQ(ENOENT, errno);
}

KDBUS_HARNESS_MAIN
