/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef _NAME_UTIL_H
#define _NAME_UTIL_H

#include "kdbus_util.h"

#define MAX_NAMES	256
#define NAME_SIZE	256

#define REPLACE		KDBUS_NAME_REPLACE_EXISTING
#define ALLOW		KDBUS_NAME_ALLOW_REPLACEMENT
#define QUEUE		KDBUS_NAME_QUEUE
#define IN_QUEUE	KDBUS_NAME_IN_QUEUE
#define PRIMARY		KDBUS_NAME_PRIMARY
#define ACQUIRED	KDBUS_NAME_ACQUIRED

/*
 * name_acquire() returns the flags that the command returned, or the negative
 * errno; name_try_acquire() stores the flags in both cases.
 */
int name_try_acquire(const struct conn *c, const char *name, __u64 flags,
		     __u64 *returned);
int name_acquire(const struct conn *c, const char *name, __u64 flags);
int name_release(const struct conn *c, const char *name);
char *name_number(const char *prefix, unsigned int number);

/*
 * A match; or one that everything fits, messages and notifications; or what
 * @src sends, and nothing else, with its id as cookie
 */
struct kdbus_cmd_match *match_new(__u64 cookie);
int match_add(const struct conn *c, struct kdbus_cmd_match *match);
int match_remove(const struct conn *c, __u64 cookie);
int match_all(const struct conn *c);
int match_sender(const struct conn *c, const struct conn *src);

/*
 * Notifications as strings. heard() receives the next message and says what it
 * tells, "" if there is none; the others say what it should be.
 */
const char *heard(const struct conn *c);
const char *id_event(const char *type, __u64 id, __u64 flags);
const char *name_event(const char *type, __u64 old_id, __u64 old_flags,
		       __u64 new_id, __u64 new_flags, const char *name);

#define NAME_ADD(_new, _flags, _name) \
	name_event("NAME_ADD", 0, 0, (_new)->id, _flags, _name)
#define NAME_REMOVE(_old, _flags, _name) \
	name_event("NAME_REMOVE", (_old)->id, _flags, 0, 0, _name)
#define NAME_CHANGE(_old, _old_flags, _new, _new_flags, _name) \
	name_event("NAME_CHANGE", (_old)->id, _old_flags, (_new)->id, \
		   _new_flags, _name)

/*
 * LIST as a string: "ID NAME FLAGS; " or "ID; " for each object, connections in
 * the order of their ids; or an error.
 */
const char *listed(const struct conn *c, __u64 flags);
int list_run(const struct conn *c, __u64 flags, struct kdbus_cmd_list *list);

int send_to_name(const struct conn *c, __u64 dst_id, const char *name,
		 __u64 cookie);

#endif /* _NAME_UTIL_H */
