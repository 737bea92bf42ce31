/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef _ACTIVATOR_UTIL_H
#define _ACTIVATOR_UTIL_H

#include "monitor_util.h"

#define ACTIVATOR	KDBUS_HELLO_ACTIVATOR
/* flags of an activator that holds the name, and of one that does not */
#define HOLDS		(KDBUS_NAME_ACTIVATOR | PRIMARY)
#define STANDS_BY	(KDBUS_NAME_ACTIVATOR | IN_QUEUE)

/* HELLO as activator of a name, on "0-bus" */
struct kdbus_cmd_hello *activator_hello(const char *name, __u64 flags,
					size_t pool_size);
int activator_finish(struct conn *c, int fd, struct kdbus_cmd_hello *cmd);
int activator_new(struct conn *c, const struct domain *d, const char *name,
		  __u64 flags);

/* Messages to a name */
struct kdbus_msg *to_name(struct kdbus_msg *msg, const char *name);
int plain(const struct conn *c, const char *name, __u64 cookie);
int call_name(const struct conn *c, const char *name, __u64 cookie);

/* Everything that is heard until there is nothing, separated by commas */
const char *heard_all(const struct conn *c);

#endif /* _ACTIVATOR_UTIL_H */
