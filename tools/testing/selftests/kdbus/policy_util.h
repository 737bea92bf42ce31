/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef _POLICY_UTIL_H
#define _POLICY_UTIL_H

#include "monitor_util.h"

#define CAROL		11003
#define STAFF		11009

#define HOLDER		KDBUS_HELLO_POLICY_HOLDER

#define SEE		KDBUS_POLICY_SEE
#define TALK		KDBUS_POLICY_TALK
#define OWN		KDBUS_POLICY_OWN

/*
 * The bus of these tests is Alice's: "11001-bus", open to everyone, and so are
 * its endpoints.
 */
#define BUS		"11001-bus"
#define ENDPOINT	"11001-ep"

/*
 * Who a task is, as far as nothing but ids counts: it can become root again.
 * act_as() keeps the group 0, act_as_group() takes an effective and one
 * supplementary group as well.
 */
int act_as(uid_t uid, uid_t euid);
int act_as_group(uid_t uid, gid_t egid, gid_t extra);
int act_as_root(void);

/*
 * A policy as a string: names, and behind each of them what is granted, as
 * "u11002:talk", "g11009:own" or "w:see".
 */
void policy_add(void *cmd, const char *policy);
void access_add(void *cmd, __u64 type, __u64 access, __u64 id);

/* All of these are run as the current user. */
int policy_bus_new(const struct domain *d);
int open_ep(const struct domain *d, const char *ep);
int ep_make(int fd, const char *name, __u64 flags);
int ep_new(const struct domain *d, const char *name, const char *policy);
int ep_update(int fd, const char *policy);
int conn_policy_update(const struct conn *c, const char *policy);
int say_hello(struct conn *c, int fd, struct kdbus_cmd_hello *hello);

/* And these as the one that is named; holders are root's. */
int conn_as(struct conn *c, const struct domain *d, const char *ep,
	    uid_t uid);
int holder_new(struct conn *c, const struct domain *d, const char *policy);

/*
 * A message as that user: 0 if it arrives, the error if it does not and SEND
 * said so; -EBADMSG if the two do not agree.
 */
int talk_as(const struct conn *src, uid_t uid, const struct conn *dst);
int talk_to_name_as(const struct conn *src, uid_t uid, const struct conn *dst,
		    const char *name);
int acquire_as(const struct conn *c, uid_t uid, const char *name);

#endif /* _POLICY_UTIL_H */
