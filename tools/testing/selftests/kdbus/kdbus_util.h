/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef _KDBUS_UTIL_H
#define _KDBUS_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>
#include <linux/kdbus.h>

#define ALIGN8(_x)	(((_x) + 7ULL) & ~7ULL)
#define PTR_TO_U64(_p)	((__u64)(unsigned long)(_p))
#define MiB		(1024 * 1024UL)

/* Users other than root; nothing needs to know their names. */
#define ALICE	11001
#define BOB	11002

/*
 * Leaves with status 4, before the first test, where there is no kdbusfs or no
 * right to mount it.
 */
void kdbus_require(void);

/*
 * Everything that can fail returns 0 or the negative errno; what opens
 * something returns the descriptor instead of 0. Memory is not freed: every
 * test is a process of its own.
 */

/**
 * struct domain - a kdbusfs nobody else sees
 * @dir:	where it is mounted
 *
 * domain_enter() moves the process into a mount namespace of its own, too, and
 * domain_leave() closes all its files.
 */
struct domain {
	char dir[32];
};

const char *kdbus_fs_type(void);
int domain_enter(struct domain *d);
int domain_leave(struct domain *d);
int own_mounts(void);
int domain_mount(struct domain *d, unsigned long flags, const char *options);
int domain_umount(struct domain *d);
char *path_in(const struct domain *d, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int open_in(const struct domain *d, const char *path, int flags);
int open_control(const struct domain *d);
int open_endpoint(const struct domain *d, const char *bus);

int cmd_run(int fd, unsigned int nr, void *cmd);

/* A command or message that items can be added to */
void *object_new(size_t fixed_size);
struct kdbus_item *item_add(void *object, __u64 type, const void *payload,
			    size_t size);
struct kdbus_item *item_add_str(void *object, __u64 type, const char *str);
struct kdbus_item *item_add_vec(void *msg, const void *address, __u64 size);
struct kdbus_item *item_next(const struct kdbus_item *item);

struct kdbus_cmd *bus_make_new(const char *name, __u64 flags);
int bus_make(int control, const char *name, __u64 flags);
int bus_new(const struct domain *d, const char *name, __u64 flags);

/**
 * struct conn - a connection
 * @fd:		its handle
 * @id:		its id
 * @pool_size:	bytes of its pool
 * @pool:	its pool
 */
struct conn {
	int fd;
	__u64 id;
	size_t pool_size;
	const __u8 *pool;
};

#define POOL_SIZE	MiB

struct kdbus_cmd_hello *hello_new(__u64 pool_size);
int conn_hello(struct conn *c, int fd, size_t pool_size);
int conn_new_sized(struct conn *c, const struct domain *d, const char *bus,
		   size_t pool_size);
int conn_new(struct conn *c, const struct domain *d, const char *bus);
void conn_close(struct conn *c);
int conn_byebye(const struct conn *c);
int conn_free(const struct conn *c, __u64 offset);

struct kdbus_msg *msg_new(__u64 dst_id, __u64 cookie);
struct kdbus_cmd_send *send_new(const struct kdbus_msg *msg);
int msg_send(const struct conn *c, const struct kdbus_msg *msg);
int send_cookie(const struct conn *c, __u64 dst_id, __u64 cookie);
int send_bytes(const struct conn *c, __u64 dst_id, __u64 cookie,
	       const void *data, size_t size);

struct kdbus_cmd_recv *recv_new(__u64 flags, __s64 priority);
int conn_recv(const struct conn *c, struct kdbus_cmd_recv *recv);
const struct kdbus_msg *receive(const struct conn *c);
const struct kdbus_msg *msg_at(const struct conn *c, __u64 offset);
__u64 msg_offset(const struct conn *c, const struct kdbus_msg *msg);
__u64 receive_cookie(const struct conn *c);

short poll_now(int fd);
void *two_pages(int prot_first, int prot_second);
size_t page_size(void);

/*
 * Children report by their exit status; child_wait() returns it, or the
 * negative number of the signal that killed the child.
 */
pid_t fork_as(uid_t uid, gid_t gid);
int become(uid_t uid, gid_t gid);
int child_wait(pid_t pid);
void sleeping_wait(pid_t pid);
int capability_drop(unsigned int capability);

/* In children the assertions of the harness are of no use. */
#define CHECK(_condition) do { \
	if (!(_condition)) { \
		printf("# %s:%d: child: %s is not true\n", __FILE__, __LINE__, \
		       #_condition); \
		fflush(stdout); \
		_exit(99); \
	} \
} while (0)

#endif /* _KDBUS_UTIL_H */
