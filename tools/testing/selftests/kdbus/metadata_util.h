/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef _METADATA_UTIL_H
#define _METADATA_UTIL_H

#include "kdbus_util.h"

/* all that can be told of a connection that owns no names */
#define ALL		(_KDBUS_ATTACH_ALL & ~KDBUS_ATTACH_NAMES)
#define IMPLICIT	(KDBUS_ATTACH_TIMESTAMP | KDBUS_ATTACH_CREDS | \
			 KDBUS_ATTACH_PIDS | KDBUS_ATTACH_AUXGROUPS | \
			 KDBUS_ATTACH_CONN_DESCRIPTION)

/* what an id becomes that has no name in a user namespace */
#define OVERFLOW_ID	65534

#define META_POOL	(4 * MiB)
#define BUFFER_SIZE	8192
#define CGROUPS		"/sys/fs/cgroup"

enum { INHERITABLE, PERMITTED, EFFECTIVE, BOUNDING, N_CAP_SETS };

ssize_t read_file(const char *path, char *data, size_t size);
int write_file(const char *path, const char *data);
__u64 read_number(const char *path);

/* What /proc and the system calls tell about the calling thread */
ssize_t own(__u64 type, void *data);
__u64 available(void);
__u64 all_caps(void);

/* What a message tells about its sender */
const struct kdbus_item *find(const struct kdbus_msg *msg, __u64 type);
__u64 attached(const struct kdbus_msg *msg);
bool holds(const struct kdbus_msg *msg, __u64 type, const void *data,
	   size_t size);
bool holds_str(const struct kdbus_msg *msg, __u64 type, const char *str);
__u64 cap_set(const struct kdbus_msg *msg, int set);
int count_wrong(const struct kdbus_msg *msg);

/*
 * Tests of metadata run in one mount namespace of their own: they mount with
 * domain_mount(), and clean up behind themselves. All peers are on the bus
 * "0-bus"; their pools are of META_POOL bytes.
 */
int peer_new(struct conn *c, const struct domain *d, __u64 attach_send,
	     __u64 attach_recv, const char *description);
const struct kdbus_msg *tell(const struct conn *src, const struct conn *dst);
__u64 told(const struct conn *src, const struct conn *dst);

/*
 * What CONN_INFO or BUS_CREATOR_INFO say, in the form of a message, so that the
 * functions above can look at it; the info's id and flags are in the message's
 * src_id and flags. ask() does the same for the command of the caller.
 * NULL, with errno set, if it fails or the result is not in order.
 */
struct kdbus_cmd_info *info_new(__u64 id, const char *name, __u64 flags);
const struct kdbus_msg *ask(const struct conn *c, unsigned int nr,
			    struct kdbus_cmd_info *cmd);
const struct kdbus_msg *ask_about(const struct conn *c, const struct conn *peer,
				  __u64 flags);
const struct kdbus_msg *ask_creator(const struct conn *c, __u64 flags);
__u64 known(const struct conn *c, const struct conn *peer);

/* where the module has a parameter */
const char *parameter(const char *name);

int set_command_line(char *start, size_t size);

/* a child that shares this process' file descriptors */
pid_t fork_sharing_files(void);

int program_copy(int fd);
int program_tell(const char *path, const char *arg, const struct conn *src,
		 const struct conn *dst);

/**
 * struct place - where a child goes
 * @cgroup:	cgroup to enter
 * @root:	directory that becomes its root
 * @flags:	namespaces to make, but for that of users
 * @uid:	user to become before making a user namespace
 * @ids:	users and groups in that namespace, NULL if none is made
 */
struct place {
	const char *cgroup;
	const char *root;
	int flags;
	uid_t uid;
	const char *ids;
};

void go_to(const struct place *place);
int peer_from(struct conn *c, const struct domain *d,
	      const struct place *place);

#endif /* _METADATA_UTIL_H */
