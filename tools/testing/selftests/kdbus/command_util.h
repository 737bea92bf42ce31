/* SPDX-License-Identifier: LGPL-2.1+ */
#ifndef _COMMAND_UTIL_H
#define _COMMAND_UTIL_H

#include "kdbus_util.h"

/**
 * struct scene - where commands are run
 * @domain:	domain
 * @d:		same
 * @bus:	owner of the bus "0-bus"
 * @peer:	receives what SEND sends
 * @conn:	connection, for commands that need one
 * @fd:		runs the command
 * @offset:	what FREE frees
 */
struct scene {
	struct domain domain;
	struct domain *d;
	int bus;
	struct conn peer;
	struct conn conn;
	int fd;
	__u64 offset;
};

int scene_enter(struct scene *s);

/**
 * struct command - one command, or the message that SEND points to
 * @name:	for messages
 * @nr:		number
 * @size:	bytes of its struct
 * @flags:	flags it takes, without NEGOTIATE
 * @types:	item types it takes, ends with 0
 * @prepare:	open a file it can be run on
 * @build:	make an argument it succeeds with
 * @effects:	how often it did succeed since this was asked last; but at
 *		most once, if it can be done just once
 * @refused:	make an argument that is correct, but impossible
 * @error:	with this error
 * @returns:	return_flags if it succeeds
 */
struct command {
	const char *name;
	unsigned int nr;
	size_t size;
	__u64 flags;
	__u64 types[12];
	int (*prepare)(struct scene *s);
	void *(*build)(struct scene *s);
	int (*effects)(struct scene *s);
	void *(*refused)(struct scene *s);
	int error;
	__u64 returns;
};

/* stands for the message of SEND: there is no such command */
#define MESSAGE	0

/* All commands there are, and the message */
extern const struct command commands[];
extern const unsigned int n_commands;

#endif /* _COMMAND_UTIL_H */
