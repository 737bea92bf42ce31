// SPDX-License-Identifier: LGPL-2.1+
/*
 * What the tests of metadata have in common.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <linux/sched.h>

#include "metadata_util.h"

#define N_ITEM_TYPES	(sizeof(item_types) / sizeof(*item_types))

/* in the order in which they have to come */
static const struct {
	__u64 type;
	const char *name;
} item_types[] = {
	{ KDBUS_ITEM_CREDS, "CREDS" },
	{ KDBUS_ITEM_PIDS, "PIDS" },
	{ KDBUS_ITEM_AUXGROUPS, "AUXGROUPS" },
	{ KDBUS_ITEM_TID_COMM, "TID_COMM" },
	{ KDBUS_ITEM_PID_COMM, "PID_COMM" },
	{ KDBUS_ITEM_EXE, "EXE" },
	{ KDBUS_ITEM_CMDLINE, "CMDLINE" },
	{ KDBUS_ITEM_CGROUP, "CGROUP" },
	{ KDBUS_ITEM_CAPS, "CAPS" },
	{ KDBUS_ITEM_SECLABEL, "SECLABEL" },
	{ KDBUS_ITEM_AUDIT, "AUDIT" },
	{ KDBUS_ITEM_OWNED_NAME, "OWNED_NAME" },
	{ KDBUS_ITEM_CONN_DESCRIPTION, "CONN_DESCRIPTION" },
	{ KDBUS_ITEM_TIMESTAMP, "TIMESTAMP" },
};

/* Returns the number of bytes, less than @size, and puts a NUL behind them. */
ssize_t read_file(const char *path, char *data, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n, got = 0;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, data + got, size - 1 - got)) > 0)
		got += n;
	close(fd);
	data[got] = '\0';
	return n < 0 ? -1 : got;
}

int write_file(const char *path, const char *data)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, data, strlen(data)) < 0)
		r = -errno;
	close(fd);
	return r;
}

__u64 read_number(const char *path)
{
	char text[64];

	return read_file(path, text, sizeof(text)) < 0 ? 0 :
	       strtoull(text, NULL, 0);
}

static ssize_t own_creds(void *data)
{
	uid_t uid, euid, suid;
	gid_t gid, egid, sgid;

	getresuid(&uid, &euid, &suid);
	getresgid(&gid, &egid, &sgid);
	*(struct kdbus_creds *)data = (struct kdbus_creds){
		.uid = uid, .euid = euid, .suid = suid, .fsuid = setfsuid(-1),
		.gid = gid, .egid = egid, .sgid = sgid, .fsgid = setfsgid(-1),
	};
	return sizeof(struct kdbus_creds);
}

static ssize_t own_pids(void *data)
{
	*(struct kdbus_pids *)data = (struct kdbus_pids){
		.pid = getpid(), .tid = syscall(SYS_gettid), .ppid = getppid(),
	};
	return sizeof(struct kdbus_pids);
}

static ssize_t own_auxgroups(void *data)
{
	gid_t groups[BUFFER_SIZE / sizeof(__u64)];
	int i, n = getgroups(BUFFER_SIZE / sizeof(__u64), groups);
	__u64 *list = data;

	CHECK(n >= 0);
	for (i = 0; i < n; i++)
		list[i] = groups[i];
	return n * sizeof(*list);
}

static ssize_t own_comm(const char *path, char *data)
{
	char *end;

	CHECK(read_file(path, data, BUFFER_SIZE) > 0);
	end = strchr(data, '\n');
	CHECK(end);
	*end = '\0';
	return end - data + 1;
}

static ssize_t own_exe(char *data)
{
	ssize_t n = readlink("/proc/thread-self/exe", data, BUFFER_SIZE - 1);

	CHECK(n > 0);
	data[n] = '\0';
	return n + 1;
}

static ssize_t own_cgroup(char *data)
{
	char text[BUFFER_SIZE], *path, *end;

	if (read_file("/proc/thread-self/cgroup", text, sizeof(text)) < 0)
		return -1;
	path = strstr(text, "0::");
	if (!path) {
		strcpy(data, "/");
		return 2;
	}
	end = strchrnul(path, '\n');
	*end = '\0';
	strcpy(data, path + 3);
	return strlen(data) + 1;
}

static ssize_t own_caps(void *data)
{
	static const char *const keys[N_CAP_SETS] = {
		"\nCapInh:", "\nCapPrm:", "\nCapEff:", "\nCapBnd:",
	};
	struct kdbus_caps *caps = data;
	char text[BUFFER_SIZE], *line;
	__u64 set;
	int i;

	CHECK(read_file("/proc/thread-self/status", text, sizeof(text)) > 0);
	caps->last_cap = read_number("/proc/sys/kernel/cap_last_cap");
	for (i = 0; i < N_CAP_SETS; i++) {
		line = strstr(text, keys[i]);
		CHECK(line);
		set = strtoull(line + strlen(keys[i]), NULL, 16);
		caps->caps[2 * i] = set;
		caps->caps[2 * i + 1] = set >> 32;
	}
	return sizeof(*caps) - sizeof(caps->last_cap) +
	       2 * N_CAP_SETS * sizeof(__u32);
}

/* AppArmor puts the mode of a profile behind its name. */
static ssize_t own_seclabel(char *data)
{
	if (read_file("/proc/thread-self/attr/current", data, BUFFER_SIZE) <= 0)
		return -1;
	*strchrnul(data, '\n') = '\0';
	*strchrnul(data, ' ') = '\0';
	return strlen(data) + 1;
}

static ssize_t own_audit(void *data)
{
	if (access("/proc/thread-self/sessionid", F_OK) < 0)
		return -1;
	*(struct kdbus_audit *)data = (struct kdbus_audit){
		.sessionid = read_number("/proc/thread-self/sessionid"),
		.loginuid = read_number("/proc/thread-self/loginuid"),
	};
	return sizeof(struct kdbus_audit);
}

/*
 * The payload of an item about the calling thread: bytes at @data, or -1 if
 * there can be no such item.
 */
ssize_t own(__u64 type, void *data)
{
	switch (type) {
	case KDBUS_ITEM_CREDS:
		return own_creds(data);
	case KDBUS_ITEM_PIDS:
		return own_pids(data);
	case KDBUS_ITEM_AUXGROUPS:
		return own_auxgroups(data);
	case KDBUS_ITEM_TID_COMM:
		return own_comm("/proc/thread-self/comm", data);
	case KDBUS_ITEM_PID_COMM:
		return own_comm("/proc/self/comm", data);
	case KDBUS_ITEM_EXE:
		return own_exe(data);
	case KDBUS_ITEM_CMDLINE:
		return read_file("/proc/self/cmdline", data, BUFFER_SIZE);
	case KDBUS_ITEM_CGROUP:
		return own_cgroup(data);
	case KDBUS_ITEM_CAPS:
		return own_caps(data);
	case KDBUS_ITEM_SECLABEL:
		return own_seclabel(data);
	case KDBUS_ITEM_AUDIT:
		return own_audit(data);
	default:
		return -1;
	}
}

/* what this system can tell of ALL */
__u64 available(void)
{
	__u64 mask = ALL, data[BUFFER_SIZE / sizeof(__u64)];

	if (own(KDBUS_ITEM_CGROUP, data) < 0)
		mask &= ~KDBUS_ATTACH_CGROUP;
	if (own(KDBUS_ITEM_SECLABEL, data) < 0)
		mask &= ~KDBUS_ATTACH_SECLABEL;
	if (own(KDBUS_ITEM_AUDIT, data) < 0)
		mask &= ~KDBUS_ATTACH_AUDIT;
	return mask;
}

static bool in_msg(const struct kdbus_msg *msg, const struct kdbus_item *item)
{
	return (__u8 *)item < (__u8 *)msg + msg->size;
}

const struct kdbus_item *find(const struct kdbus_msg *msg, __u64 type)
{
	const struct kdbus_item *item;

	for (item = msg->items; in_msg(msg, item); item = item_next(item))
		if (item->type == type)
			return item;
	return NULL;
}

/*
 * Which metadata a message has, as KDBUS_ATTACH_* bits; 0xbad if it is out of
 * order, twice there, or followed by rubbish.
 */
__u64 attached(const struct kdbus_msg *msg)
{
	const struct kdbus_item *item;
	const __u8 *end;
	size_t next = 0;
	__u64 mask = 0;

	for (item = msg->items; in_msg(msg, item); item = item_next(item)) {
		if (item->type < _KDBUS_ITEM_ATTACH_BASE)
			continue;
		while (next < N_ITEM_TYPES &&
		       item_types[next].type != item->type)
			next++;
		if (next == N_ITEM_TYPES)
			return 0xbad;
		/* the only one that may be there several times */
		if (item->type != KDBUS_ITEM_OWNED_NAME)
			next++;
		mask |= 1ULL << (item->type - _KDBUS_ITEM_ATTACH_BASE);
		for (end = (__u8 *)item + item->size;
		     end < (__u8 *)item_next(item); end++)
			if (*end != 0)
				return 0xbad;
	}
	return mask;
}

bool holds(const struct kdbus_msg *msg, __u64 type, const void *data,
		  size_t size)
{
	const struct kdbus_item *item = find(msg, type);

	return item && item->size == 16 + size &&
	       memcmp(item->data, data, size) == 0;
}

bool holds_str(const struct kdbus_msg *msg, __u64 type, const char *str)
{
	return holds(msg, type, str, strlen(str) + 1);
}

/* Says which items of a message are wrong about the calling thread. */
int count_wrong(const struct kdbus_msg *msg)
{
	__u64 data[BUFFER_SIZE / sizeof(__u64)], type;
	int n_wrong = 0;
	ssize_t size;
	size_t i;

	for (i = 0; i < N_ITEM_TYPES; i++) {
		type = item_types[i].type;
		if (type == KDBUS_ITEM_OWNED_NAME ||
		    type == KDBUS_ITEM_CONN_DESCRIPTION ||
		    type == KDBUS_ITEM_TIMESTAMP)
			continue;
		size = own(type, data);
		if (size < 0 ? !find(msg, type) : holds(msg, type, data, size))
			continue;
		printf("# %s is wrong\n", item_types[i].name);
		n_wrong++;
	}
	fflush(stdout);
	return n_wrong;
}

__u64 cap_set(const struct kdbus_msg *msg, int set)
{
	const struct kdbus_item *item = find(msg, KDBUS_ITEM_CAPS);

	return item->caps.caps[2 * set] |
	       (__u64)item->caps.caps[2 * set + 1] << 32;
}

__u64 all_caps(void)
{
	return (2ULL << read_number("/proc/sys/kernel/cap_last_cap")) - 1;
}

/* Says HELLO; the pool is not mapped. */
static int hello(struct conn *c, const struct domain *d, __u64 attach_send,
		 __u64 attach_recv, const char *description)
{
	struct kdbus_cmd_hello *cmd = hello_new(META_POOL);
	int r;

	c->fd = open_endpoint(d, "0-bus");
	if (c->fd < 0)
		return c->fd;
	cmd->attach_flags_send = attach_send;
	cmd->attach_flags_recv = attach_recv;
	if (description)
		item_add_str(cmd, KDBUS_ITEM_CONN_DESCRIPTION, description);
	r = cmd_run(c->fd, KDBUS_CMD_HELLO, cmd);
	if (r < 0)
		close(c->fd);
	c->id = cmd->id;
	free(cmd);
	return r;
}

static int map_pool(struct conn *c)
{
	c->pool_size = META_POOL;
	c->pool = mmap(NULL, META_POOL, PROT_READ, MAP_SHARED, c->fd, 0);
	return c->pool == MAP_FAILED ? -errno : 0;
}

int peer_new(struct conn *c, const struct domain *d, __u64 attach_send,
		    __u64 attach_recv, const char *description)
{
	return hello(c, d, attach_send, attach_recv, description) ?:
	       map_pool(c);
}

/* the message as @dst receives it, or NULL */
const struct kdbus_msg *tell(const struct conn *src,
				    const struct conn *dst)
{
	if (send_bytes(src, dst->id, 1, "odd size", 7) < 0)
		return NULL;
	return receive(dst);
}

__u64 told(const struct conn *src, const struct conn *dst)
{
	const struct kdbus_msg *msg = tell(src, dst);
	__u64 mask;

	if (!msg)
		return 0xbad;
	mask = attached(msg);
	return conn_free(dst, msg_offset(dst, msg)) < 0 ? 0xbad : mask;
}

/* makes @size bytes at @start the command line of this process */
int set_command_line(char *start, size_t size)
{
	unsigned long now_at;
	char stat[BUFFER_SIZE], *p;
	int field;

	/* the end must never be before the start */
	CHECK(read_file("/proc/self/stat", stat, sizeof(stat)) > 0);
	p = strrchr(stat, ')');
	for (field = 2; field < 48; field++)
		p = strchr(p, ' ') + 1;
	now_at = strtoul(p, NULL, 10);
	if ((unsigned long)start < now_at)
		return prctl(PR_SET_MM, PR_SET_MM_ARG_START, start, 0, 0) ?:
		       prctl(PR_SET_MM, PR_SET_MM_ARG_END, start + size, 0, 0);
	return prctl(PR_SET_MM, PR_SET_MM_ARG_END, start + size, 0, 0) ?:
	       prctl(PR_SET_MM, PR_SET_MM_ARG_START, start, 0, 0);
}

struct kdbus_cmd_info *info_new(__u64 id, const char *name, __u64 flags)
{
	struct kdbus_cmd_info *cmd = object_new(sizeof(*cmd));

	/* what is written must not matter before */
	memset(cmd, 0xa5, sizeof(*cmd));
	cmd->size = sizeof(*cmd);
	cmd->flags = 0;
	cmd->id = id;
	cmd->attach_flags = flags;
	if (name)
		item_add_str(cmd, KDBUS_ITEM_NAME, name);
	return cmd;
}

static const struct kdbus_msg *to_msg(const struct kdbus_info *info)
{
	struct kdbus_msg *msg = calloc(1, sizeof(*msg) + info->size);

	msg->size = sizeof(*msg) + info->size - sizeof(*info);
	msg->src_id = info->id;
	msg->flags = info->flags;
	memcpy(msg->items, info->items, info->size - sizeof(*info));
	return msg;
}

const struct kdbus_msg *ask(const struct conn *c, unsigned int nr,
			    struct kdbus_cmd_info *cmd)
{
	const struct kdbus_msg *msg = NULL;
	const struct kdbus_info *info;
	int r;

	r = cmd_run(c->fd, nr, cmd);
	if (r < 0) {
		errno = -r;
		return NULL;
	}
	info = (const void *)(c->pool + cmd->offset);
	errno = EPROTO;
	if (cmd->info_size == info->size && info->size % 8 == 0 &&
	    cmd->return_flags == 0)
		msg = to_msg(info);
	return conn_free(c, cmd->offset) < 0 ? NULL : msg;
}

const struct kdbus_msg *ask_about(const struct conn *c, const struct conn *peer,
				  __u64 flags)
{
	return ask(c, KDBUS_CMD_CONN_INFO, info_new(peer->id, NULL, flags));
}

const struct kdbus_msg *ask_creator(const struct conn *c, __u64 flags)
{
	return ask(c, KDBUS_CMD_BUS_CREATOR_INFO, info_new(~0ULL, NULL, flags));
}

__u64 known(const struct conn *c, const struct conn *peer)
{
	const struct kdbus_msg *msg = ask_about(c, peer, _KDBUS_ATTACH_ANY);

	return msg ? attached(msg) : 0xbad;
}

const char *parameter(const char *name)
{
	const char *type = kdbus_fs_type();
	char *path;

	/* the file system has the module's name with "fs" behind it */
	if (asprintf(&path, "/sys/module/%.*s/parameters/%s",
		     (int)strlen(type) - 2, type, name) < 0)
		abort();
	return path;
}

/*
 * A process that goes to another mount namespace still runs the program in the
 * old one, which cannot be told. So this is done once, before all tests.
 */
static void __attribute__((constructor)) start_in_own_mounts(int argc,
							     char **argv)
{
	char program[BUFFER_SIZE];

	if (argc < 1 || geteuid() != 0 || getenv("KDBUS_TEST_OWN_MOUNTS"))
		return;
	if (own_mounts() < 0 || own_exe(program) < 0)
		return;
	setenv("KDBUS_TEST_OWN_MOUNTS", "1", 1);
	/* not /proc/self/exe, which leads to the old mount */
	execv(program, argv);
}

/* what a program started by program_tell() does instead of testing */
static void __attribute__((constructor)) send_and_exit(int argc, char **argv)
{
	struct conn c;

	if (argc < 4 || strcmp(argv[1], "--send") != 0)
		return;
	c.fd = atoi(argv[2]);
	_exit(send_bytes(&c, strtoull(argv[3], NULL, 0), 1, argv[0], 1) < 0);
}

int program_copy(int fd)
{
	int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (program < 0)
		return -errno;
	while ((n = sendfile(fd, program, NULL, MiB)) > 0)
		;
	close(program);
	return n < 0 ? -errno : 0;
}

/* A message from the copy of this program at @path, run with one more @arg */
int program_tell(const char *path, const char *arg, const struct conn *src,
		 const struct conn *dst)
{
	char fd[16], id[32];
	pid_t pid;

	snprintf(fd, sizeof(fd), "%d", src->fd);
	snprintf(id, sizeof(id), "%llu", (unsigned long long)dst->id);
	pid = fork_as(0, 0);
	if (pid == 0) {
		CHECK(fcntl(src->fd, F_SETFD, 0) == 0);
		execl(path, "sender", "--send", fd, id, arg, NULL);
		_exit(98);
	}
	return child_wait(pid);
}

/* Only those outside may give a namespace more than one id. */
static void go_to_user_ns(const struct place *place)
{
	char c, path[32];
	int start[2];
	pid_t pid;

	CHECK(pipe(start) == 0);
	pid = fork_as(0, 0);
	if (pid == 0) {
		CHECK(read(start[0], &c, 1) == 1);
		snprintf(path, sizeof(path), "/proc/%d/uid_map", getppid());
		CHECK(write_file(path, place->ids) == 0);
		snprintf(path, sizeof(path), "/proc/%d/gid_map", getppid());
		CHECK(write_file(path, place->ids) == 0);
		_exit(0);
	}
	if (place->uid)
		CHECK(become(place->uid, place->uid) == 0);
	CHECK(unshare(CLONE_NEWUSER) == 0);
	CHECK(write(start[1], "x", 1) == 1);
	CHECK(child_wait(pid) == 0);
	close(start[0]);
	close(start[1]);
}

pid_t fork_sharing_files(void)
{
	struct clone_args args = {
		.flags = CLONE_FILES,
		.exit_signal = SIGCHLD,
	};

	fflush(stdout);
	return syscall(SYS_clone3, &args, sizeof(args));
}

void go_to(const struct place *place)
{
	char path[PATH_MAX];
	pid_t pid;

	if (place->cgroup) {
		snprintf(path, sizeof(path), "%s/cgroup.procs", place->cgroup);
		CHECK(write_file(path, "0") == 0);
	}
	if (place->root)
		CHECK(chroot(place->root) == 0 && chdir("/") == 0);
	if (place->flags)
		CHECK(unshare(place->flags) == 0);
	if (place->ids)
		go_to_user_ns(place);
	if (place->flags & CLONE_NEWPID) {
		/* the first process there */
		pid = fork_sharing_files();
		if (pid != 0)
			_exit(child_wait(pid));
	}
}

/* a peer that looks from another place, and gives and wants everything */
int peer_from(struct conn *c, const struct domain *d,
		     const struct place *place)
{
	struct conn *shared;
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return -errno;
	pid = fork_sharing_files();
	if (pid == 0) {
		go_to(place);
		CHECK(hello(shared, d, _KDBUS_ATTACH_ALL, _KDBUS_ATTACH_ALL,
			    NULL) == 0);
		_exit(0);
	}
	if (child_wait(pid) != 0)
		return -ECHILD;
	*c = *shared;
	return map_pool(c);
}
