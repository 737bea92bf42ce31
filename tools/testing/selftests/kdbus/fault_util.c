// SPDX-License-Identifier: LGPL-2.1+
/*
 * Runs commands while the kernel lets their allocations and copies fail, one
 * after the other, and compares what can be seen of the result with what is
 * seen when nothing fails.
 */

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fault_util.h"

#define DEBUGFS		"/sys/kernel/debug/"
#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define MAX_POINTS	2000
#define MAX_CONNS	64
#define N_VIEWS		16
#define VIEW_SIZE	8192

/* as long as the text of any module */
#define TEXT_SIZE	(16 * MiB)

/*
 * Injection
 */

static int write_number(const char *path, const char *format, __u64 number)
{
	FILE *file = fopen(path, "we");
	int r = 0;

	if (!file)
		return -errno;
	if (fprintf(file, format, number) < 0 || fflush(file) != 0)
		r = -errno;
	fclose(file);
	return r;
}

static void skip(const char *reason)
{
	printf("TAP version 13\n1..0 # SKIP %s\n", reason);
	exit(4);
}

static __u64 module_text(void)
{
	char path[256];
	__u64 start = 0;
	FILE *file;

	/* the type of the file system is the module's name and "fs" */
	snprintf(path, sizeof(path), "/sys/module/%.*s/sections/.text",
		 (int)strlen(kdbus_fs_type()) - 2, kdbus_fs_type());
	file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%llx", &start) != 1)
			start = 0;
		fclose(file);
	}
	return start;
}

/* let everything fail that is asked for by code of the module */
void fault_require(void)
{
	static const char *const kinds[] = {
		"failslab", "fail_page_alloc", "fail_usercopy"
	};
	static const struct { const char *file; __u64 value; } settings[] = {
		{ "probability", 0 }, { "verbose", 0 },
		{ "ignore-gfp-wait", 0 }, { "ignore-gfp-highmem", 0 },
		{ "min-order", 0 }, { "stacktrace-depth", 32 },
	};
	__u64 text = module_text();
	char path[256];
	size_t i, j;
	int r;

	if (access(FAIL_NTH, W_OK) < 0)
		skip("the kernel has no fail-nth");
	if (!text)
		skip("the module is part of the kernel");

	for (i = 0; i < 3; i++) {
		for (j = 0; j < sizeof(settings) / sizeof(settings[0]); j++) {
			snprintf(path, sizeof(path), DEBUGFS "%s/%s", kinds[i],
				 settings[j].file);
			r = write_number(path, "%llu", settings[j].value);
			if (r < 0 && r != -ENOENT && r != -EACCES)
				abort();
		}
		snprintf(path, sizeof(path), DEBUGFS "%s/require-start",
			 kinds[i]);
		r = write_number(path, "%#llx", text);
		snprintf(path, sizeof(path), DEBUGFS "%s/require-end",
			 kinds[i]);
		if (r < 0 || write_number(path, "%#llx", text + TEXT_SIZE) < 0)
			skip("the kernel does not select faults by stack");
	}
}

/* The n-th allocation or copy from now on fails; of this thread alone. */
static void inject(int nth_fd, unsigned int n)
{
	char number[16];
	int len = snprintf(number, sizeof(number), "%u", n);

	if (pwrite(nth_fd, number, len, 0) != len)
		abort();
}

/* End it; was there an n-th one? */
static bool injected(int nth_fd)
{
	char number[16] = "";

	if (pread(nth_fd, number, sizeof(number) - 1, 0) <= 0)
		abort();
	inject(nth_fd, 0);
	return atoi(number) == 0;
}

/*
 * The scene
 */

void fault_out(struct scene *s, const void *data, size_t size)
{
	if (size > sizeof(s->out))
		abort();
	memcpy(s->out, data, size);
	s->n_out = size / sizeof(s->out[0]);
}

static int memfd_new(void)
{
	int fd = memfd_create("fault", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, page_size()) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
		  F_SEAL_SEAL) < 0)
		abort();
	return fd;
}

/* without installing files */
void drop_all(const struct conn *c)
{
	struct kdbus_cmd_recv *recv = recv_new(KDBUS_RECV_DROP, 0);

	while (conn_recv(c, recv) == 0)
		;
	free(recv);
}

/* what is told of it, if somebody asks */
static void tell_everything(const struct conn *c)
{
	struct kdbus_cmd *cmd = object_new(sizeof(*cmd));
	__u64 all = _KDBUS_ATTACH_ANY;

	item_add(cmd, KDBUS_ITEM_ATTACH_FLAGS_SEND, &all, sizeof(all));
	if (cmd_run(c->fd, KDBUS_CMD_UPDATE, cmd) < 0)
		abort();
	free(cmd);
}

static void scene_open(struct scene *s, const struct fault_case *c)
{
	int i;

	memset(s, 0, sizeof(*s));
	if (domain_mount(&s->d, 0, NULL) < 0)
		abort();
	s->fresh = -1;
	s->cancel = -1;
	s->memfd = memfd_new();
	s->bus = bus_new(&s->d, "0-bus", 0);
	if (s->bus < 0)
		abort();
	for (i = 0; i < N_CONNS; i++) {
		s->conn[i].fd = -1;
		if (i == MON && !c->monitored)
			continue;
		if (hello(&s->conn[i], open_endpoint(&s->d, "0-bus"),
			  ACCEPT_FD | (i == MON ? MONITOR : 0),
			  !(c->flags & FAULT_LESS) ? 0 :
			  c->attach ?: _KDBUS_ATTACH_ALL,
			  FAULT_POOL) < 0)
			abort();
		if (i != MON)
			tell_everything(&s->conn[i]);
	}
	if (match_all(&s->conn[OBSERVER]) < 0)
		abort();
	if (c->prepare)
		c->prepare(s);
	drop_all(&s->conn[OBSERVER]);
}

static void *serve(void *data)
{
	struct scene *s = data;
	const struct conn *b = &s->conn[B];
	struct pollfd p = { .fd = b->fd, .events = POLLIN };
	const struct kdbus_msg *msg;

	while (poll(&p, 1, -1) == 1 && !(p.revents & POLLHUP)) {
		msg = receive(b);
		if (!msg)
			continue;
		/* before the caller can go on */
		__atomic_add_fetch(&s->served, 1, __ATOMIC_SEQ_CST);
		/* the call may be over already */
		reply(b, msg->src_id, 1000, msg->cookie);
		/* and so may this connection */
		conn_free(b, msg_offset(b, msg));
	}
	return NULL;
}

void fault_serve(struct scene *s)
{
	s->serving = true;
	if (pthread_create(&s->thread, NULL, serve, s) != 0)
		abort();
}

static void *wait_for_reply(void *data)
{
	struct scene *s = data;
	struct kdbus_cmd_send *cmd = send_new(call_new(s->conn[A].id,
						       s->served, NEVER));

	cmd->flags = KDBUS_SEND_SYNC_REPLY;
	s->waited = cmd_run(s->conn[B].fd, KDBUS_CMD_SEND, cmd);
	if (s->waited == 0) {
		files_close(find(msg_at(&s->conn[B], cmd->reply.offset),
				 KDBUS_ITEM_FDS));
		files_close(find(msg_at(&s->conn[B], cmd->reply.offset),
				 KDBUS_ITEM_PAYLOAD_MEMFD));
		conn_free(&s->conn[B], cmd->reply.offset);
	}
	return NULL;
}

/* returns when the request is at A */
void fault_wait(struct scene *s, __u64 cookie)
{
	s->waiting = true;
	s->served = cookie;
	if (pthread_create(&s->thread, NULL, wait_for_reply, s) != 0)
		abort();
	readable_wait(&s->conn[A]);
}

/* The thread ends with its reply, or with A. */
static void stop_waiting(struct scene *s)
{
	if (!s->waiting)
		return;
	pthread_join(s->thread, NULL);
	s->waiting = false;
}

/* The thread ends with B. */
static void stop_serving(struct scene *s)
{
	if (!s->serving)
		return;
	while (poll_now(s->conn[B].fd) & POLLIN ||
	       conn_byebye(&s->conn[B]) == -EBUSY)
		sched_yield();
	pthread_join(s->thread, NULL);
	s->serving = false;
}

static void scene_close(struct scene *s)
{
	int i;

	stop_serving(s);
	if (s->conn[A].fd >= 0)
		conn_close(&s->conn[A]);
	stop_waiting(s);
	for (i = B; i < N_CONNS; i++)
		if (s->conn[i].fd >= 0)
			conn_close(&s->conn[i]);
	if (s->fresh >= 0)
		close(s->fresh);
	if (s->cancel >= 0)
		close(s->cancel);
	close(s->memfd);
	close(s->bus);
	free(s->msg);
	/* or something is left that nobody has a descriptor of */
	if (domain_umount(&s->d) < 0)
		abort();
}

/*
 * What can be seen
 */

static unsigned int count_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	if (!dir)
		abort();
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* without changing anything; not at a monitor, which sees failures, too */
static char *glance(const struct scene *s)
{
	size_t size;
	char *text;
	FILE *f = open_memstream(&text, &size);
	int i;

	if (!f)
		abort();
	fprintf(f, "%u files", count_files());
	for (i = 0; i < MON; i++)
		if (s->conn[i].fd >= 0 && !(s->serving && i == B))
			fprintf(f, ", %x", poll_now(s->conn[i].fd));
	fprintf(f, ", served %u, %s", s->served,
		listed(&s->conn[OBSERVER], KDBUS_LIST_UNIQUE |
		       KDBUS_LIST_NAMES | KDBUS_LIST_QUEUED));
	fclose(f);
	return text;
}

unsigned int files_close(const struct kdbus_item *item)
{
	const int *fds = item->fds;
	size_t i, n = (item->size - 16) / sizeof(int);
	unsigned int open = 0;

	if (item->type == KDBUS_ITEM_PAYLOAD_MEMFD) {
		fds = &item->memfd.fd;
		n = 1;
	} else if (item->type != KDBUS_ITEM_FDS) {
		return 0;
	}
	for (i = 0; i < n; i++)
		if (fds[i] >= 0 && close(fds[i]) == 0)
			open++;
	return open;
}

/* Brief is what is there however much metadata and files there are. */
static void tell_msg(FILE *f, const struct scene *s, const struct conn *c,
		     const struct kdbus_msg_info *info, unsigned int flags)
{
	const struct kdbus_msg *msg = msg_at(c, info->offset);
	const __u8 *end = (const __u8 *)msg + msg->size;
	const struct kdbus_item *item;
	unsigned int files = 0;

	fprintf(f, "  cookie %llu flags %llx reply %llu from %d:",
		msg->cookie, msg->flags,
		msg->flags & KDBUS_MSG_EXPECT_REPLY ? 0 : msg->cookie_reply,
		msg->src_id == 0 ? -1 : msg->src_id == s->conn[A].id ? A : B);
	for (item = msg->items; (const __u8 *)item < end;
	     item = item_next(item)) {
		files += files_close(item);
		if (!(flags & FAULT_LESS) || item->type < 0x1000 ||
		    item->type >= 0x2000)
			fprintf(f, " %llx", item->type);
	}
	if (!(flags & FAULT_FILES))
		fprintf(f, " files %u flags %llx", files, info->return_flags);
	if (!(flags & (FAULT_LESS | FAULT_LOSS)))
		fprintf(f, " at %llu+%llu", info->offset, info->msg_size);
	fprintf(f, "\n");
}

/* Receive everything. A loss counts like a message that has been received. */
static void tell_queue(FILE *f, const struct scene *s, const struct conn *c,
		       unsigned int flags)
{
	unsigned long long messages = 0, lost = 0;
	struct kdbus_cmd_recv recv;

	for (;;) {
		recv = (struct kdbus_cmd_recv){ .size = sizeof(recv) };
		if (conn_recv(c, &recv) < 0) {
			fprintf(f, "  %s\n", strerror(errno));
			break;
		}
		messages++;
		lost += recv.dropped_msgs;
		if (!(flags & FAULT_LOSS))
			tell_msg(f, s, c, &recv.msg, flags);
		else
			files_close(msg_at(c, recv.msg.offset)->items);
		if (conn_free(c, recv.msg.offset) < 0)
			fprintf(f, "  cannot be freed\n");
	}
	lost += recv.dropped_msgs;
	if (flags & FAULT_LOSS)
		fprintf(f, "  %llu\n", messages + lost);
	else
		fprintf(f, "  lost %llu\n", lost);
}

/* How much of something is there still? Undone when the scene is closed. */
static void tell_capacity(FILE *f, const struct scene *s, unsigned int what)
{
	const struct conn *a = &s->conn[A], *b = &s->conn[B];
	static char bytes[4096];
	unsigned int n;
	int r = 0;

	for (n = 0; what & CAPACITY_CALLS &&
	     (r = call(a, b->id, 5000 + n)) == 0; n++)
		;
	fprintf(f, "%u calls, %s\n", n, strerror(-r));
	for (n = 0; a->fd >= 0 && b->fd >= 0 && !(what & CAPACITY_CALLS) &&
	     (r = send_bytes(a, b->id, 1, bytes, sizeof(bytes))) == 0; n++)
		;
	fprintf(f, "%u messages, %s\n", n, strerror(-r));
	for (n = 0; what & CAPACITY_MATCHES &&
	     (r = match_add(a, match_new(1000 + n))) == 0; n++)
		;
	fprintf(f, "%u matches, %s\n", n, strerror(-r));
	for (n = 0; what & CAPACITY_NAMES &&
	     (r = name_acquire(a, name_number("capacity", n), 0)) >= 0; n++)
		;
	fprintf(f, "%u names, %s\n", n, strerror(-r));
}

static void tell_user_capacity(FILE *f, const struct scene *s,
			       unsigned int what)
{
	struct conn conns[MAX_CONNS];
	int buses[MAX_CONNS];
	unsigned int n, i;
	char name[32];

	for (n = 0; what & CAPACITY_BUSES && n < MAX_CONNS; n++) {
		snprintf(name, sizeof(name), "0-capacity-%u", n);
		buses[n] = bus_new(&s->d, name, 0);
		if (buses[n] < 0)
			break;
	}
	fprintf(f, "%u buses\n", n);
	for (i = 0; i < n; i++)
		close(buses[i]);

	for (n = 0; what & CAPACITY_CONNS && n < MAX_CONNS; n++)
		if (conn_new_sized(&conns[n], &s->d, "0-bus", page_size()) < 0)
			break;
	fprintf(f, "%u connections\n", n);
	for (i = 0; i < n; i++)
		conn_close(&conns[i]);
}

/* all of it; the scene is of no use afterwards */
static char *examine(struct scene *s, const struct fault_case *c,
		     unsigned int flags)
{
	static const char *const names[] = { "A", "B", "OBSERVER", "MON" };
	size_t size;
	char *text;
	FILE *f = open_memstream(&text, &size);
	bool served = s->serving;
	const char *list;
	unsigned int i;

	if (!f)
		abort();
	stop_serving(s);
	stop_waiting(s);
	fprintf(f, "served %u, waited %d\n", s->served, s->waited);
	list = listed(&s->conn[OBSERVER], KDBUS_LIST_UNIQUE |
		      KDBUS_LIST_NAMES | KDBUS_LIST_QUEUED);
	if (c->takes_id)
		fprintf(f, "a list of %zu characters\n", strlen(list));
	else
		fprintf(f, "%s\n", list);
	for (i = 0; i < s->n_out && !flags; i++)
		fprintf(f, "out %llx\n", s->out[i]);
	for (i = 0; i < N_CONNS; i++) {
		if (s->conn[i].fd < 0)
			continue;
		fprintf(f, "%s: poll %x\n", names[i], flags & FAULT_LOSS ? 0 :
			poll_now(s->conn[i].fd));
		tell_queue(f, s, &s->conn[i], flags);
	}
	tell_user_capacity(f, s, c->capacity);
	if (!(flags & FAULT_LESS) && !served)
		tell_capacity(f, s, c->capacity);
	fclose(f);
	return text;
}

/*
 * The run
 */

/**
 * struct run - a case while it is run
 * @c:		the case
 * @expected:	what is to be seen afterwards, in all detail and without what a
 *		failure may change; shared with the processes that run it
 */
struct run {
	const struct fault_case *c;
	char (*expected)[VIEW_SIZE];
};

static int complain(const struct run *run, unsigned int n, int error,
		    const char *what)
{
	printf("# %s, failure %u, %s: %s\n", run->c->name, n,
	       strerror(-error), what);
	return -1;
}

static int compare(const struct run *run, struct scene *s, unsigned int n,
		   int error, unsigned int flags)
{
	char *seen = examine(s, run->c, flags);
	int r = strcmp(seen, run->expected[flags]);

	if (r != 0) {
		complain(run, n, error, "is not as without the failure");
		printf("--- expected\n%s--- seen\n%s---\n",
		       run->expected[flags], seen);
	}
	free(seen);
	return r ? -1 : 0;
}

/* the command failed, so it must work when it is run again, as if for once */
static int check_failed(const struct run *run, struct scene *s, unsigned int n,
			int error, const char *before)
{
	char *after = glance(s);
	int r = 0;

	if (error != -ENOMEM && error != -EFAULT) {
		r = complain(run, n, error, "is not what it may fail with");
	} else if (strcmp(before, after) != 0) {
		if (run->c->flags & FAULT_LATE) {
			r = compare(run, s, n, error, run->c->flags);
		} else {
			printf("# %s -> %s\n", before, after);
			r = complain(run, n, error, "something changed");
		}
	} else {
		/* monitors are shown what its receiver cannot take, too */
		if (run->c->monitored)
			drop_all(&s->conn[MON]);
		r = run->c->call(s);
		/* that the caller was woken does not show at once */
		if (r == -EBADSLT && s->waiting && run->c->flags & FAULT_LATE)
			r = compare(run, s, n, error, run->c->flags);
		else if (r < 0)
			complain(run, n, r, "when it was run again");
		else
			r = compare(run, s, n, error, 0);
	}
	free(after);
	return r;
}

/* The status of a process that ran it with a failure */
enum { NOTHING_WRONG, SOMETHING_WRONG, NOTHING_FAILED };

static int run_once(const struct run *run, unsigned int n)
{
	int r, nth_fd = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	struct scene s;
	char *before;
	bool failed;

	if (nth_fd < 0)
		abort();
	scene_open(&s, run->c);
	before = glance(&s);
	inject(nth_fd, n);
	r = run->c->call(&s);
	failed = injected(nth_fd);

	if (r < 0 && !failed)
		r = complain(run, n, r, "though nothing failed");
	else if (r < 0)
		r = check_failed(run, &s, n, r, before);
	else
		r = compare(run, &s, n, 0, failed ?
			    run->c->flags & ~FAULT_LATE : 0);

	free(before);
	scene_close(&s);
	return r < 0 ? SOMETHING_WRONG : failed ? NOTHING_WRONG :
						  NOTHING_FAILED;
}

static int run_undisturbed(const struct run *run, unsigned int flags)
{
	struct scene s;
	char *text;
	int r;

	scene_open(&s, run->c);
	r = run->c->call(&s);
	if (r < 0) {
		complain(run, 0, r, "without any failure");
		scene_close(&s);
		return SOMETHING_WRONG;
	}
	text = examine(&s, run->c, flags);
	if (strlen(text) >= VIEW_SIZE)
		abort();
	strcpy(run->expected[flags], text);
	scene_close(&s);
	return NOTHING_WRONG;
}

/*
 * Each in a process of its own: the table of descriptors does not get smaller
 * again, for instance.
 */
static int run_apart(const struct run *run, unsigned int n, int flags)
{
	pid_t pid = fork_as(getuid(), getgid());
	int r;

	if (pid == 0) {
		r = n ? run_once(run, n) : run_undisturbed(run, flags);
		fflush(stdout);
		_exit(r);
	}
	r = child_wait(pid);
	if (r != NOTHING_WRONG && r != SOMETHING_WRONG && r != NOTHING_FAILED) {
		printf("# %s, failure %u: ended with %d\n", run->c->name, n, r);
		r = SOMETHING_WRONG;
	}
	return r;
}

int fault_run(const struct fault_case *c)
{
	const unsigned int flags = c->flags & ~FAULT_LATE;
	size_t size = N_VIEWS * sizeof(char [VIEW_SIZE]);
	struct run run = { .c = c };
	unsigned int n = 0;
	int r;

	run.expected = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run.expected == MAP_FAILED)
		abort();
	if (run_apart(&run, 0, 0) || run_apart(&run, 0, flags) ||
	    run_apart(&run, 0, c->flags))
		r = SOMETHING_WRONG;
	else
		do
			r = run_apart(&run, ++n, 0);
		while (r == NOTHING_WRONG && n < MAX_POINTS);
	munmap(run.expected, size);

	if (r != NOTHING_FAILED)
		return -1;
	printf("# %s: %u failures\n", c->name, n - 1);
	return n - 1;
}
