/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_COMMAND_H
#define KDBUS_COMMAND_H

/**
 * DOC: Command framing
 *
 * Every command struct, and the message of SEND, has the same frame: a size,
 * flags, fixed members and items. The frame is copied from user space once and
 * checked against one table per command; from then on only the copy is used.
 * Negotiation is part of the frame.
 *
 * No lock and no active reference is held while user memory is touched.
 */

#include <linux/align.h>
#include <linux/compiler.h>
#include <linux/slab.h>
#include <linux/types.h>
#include <linux/uaccess.h>
#include <linux/kdbus.h>

#include "compat.h"
#include "item.h"

/* most item types that one object accepts, see the tables */
#define KDBUS_COMMAND_MAX_SPECS		12

/* objects up to this many bytes are copied to the stack */
#define KDBUS_COMMAND_INLINE		512

/**
 * struct kdbus_command_spec - what a command accepts
 * @size:		bytes of the fixed part
 * @flags:		flags besides KDBUS_FLAG_NEGOTIATE
 * @has_return_flags:	the object has a return_flags member
 * @n_items:		elements of @items
 * @items:		item types; the first is KDBUS_ITEM_NEGOTIATE
 */
struct kdbus_command_spec {
	u32 size;
	u64 flags;
	bool has_return_flags;
	u32 n_items;
	const struct kdbus_item_spec *items;
};

/**
 * struct kdbus_command - a command while it is executed
 * @spec:	what it was checked against
 * @user:	where it came from
 * @data:	the private copy
 * @size:	bytes of the copy
 * @items:	first item of each type of @spec, or NULL
 * @inline_data: memory of small copies
 *
 * Lives on the stack of the caller.
 */
struct kdbus_command {
	const struct kdbus_command_spec *spec;
	void __user *user;
	void *data;
	size_t size;
	const struct kdbus_item *items[KDBUS_COMMAND_MAX_SPECS];
	u64 inline_data[KDBUS_COMMAND_INLINE / sizeof(u64)];
};

int kdbus_command_import(struct kdbus_command *command,
			 const struct kdbus_command_spec *spec,
			 void __user *user);
int kdbus_command_import_members(void *copy,
				 const struct kdbus_command_spec *spec,
				 void __user *user);

/*
 * Copy a command that has no items and is no negotiation, and clear its return
 * flags. @spec is a constant. What does not go well here is for the general way
 * to sort out, which starts again.
 */
static __always_inline bool
kdbus_command_fetch(u64 *copy, const struct kdbus_command_spec *spec,
		    u64 __user *user)
{
	const size_t size = spec->size;
	size_t i;

	might_fault();
	/* not all 32-bit machines can get 64 bits at once */
	if (!IS_ENABLED(CONFIG_64BIT) || !IS_ALIGNED((unsigned long)user, 8) ||
	    !user_access_begin(user, size))
		return false;

	unsafe_get_user(copy[0], user, fail);
	if (copy[0] != size)
		goto fail;
	kdbus_unrolled()
	for (i = 1; i < size / sizeof(u64); i++)
		unsafe_get_user(copy[i], user + i, fail);
	unsafe_put_user(0ULL, &((struct kdbus_cmd __user *)user)->return_flags,
			fail);
	user_access_end();
	return !(copy[1] & ~spec->flags);

fail:
	user_access_end();
	return false;
}

/**
 * kdbus_command_import_short() - import a command that mostly has no items
 * @command:	filled in; uninitialised before
 * @spec:	what the command may contain, a constant; it has return flags
 * @user:	address of the command
 *
 * The same as kdbus_command_import(), but a command without items and without
 * negotiation is read in one go.
 *
 * Context: may sleep, touches user memory. No lock is held.
 * Return: see kdbus_command_import().
 */
static __always_inline int
kdbus_command_import_short(struct kdbus_command *command,
			   const struct kdbus_command_spec *spec,
			   void __user *user)
{
	u32 i;

	if (unlikely(!kdbus_command_fetch(command->inline_data, spec, user)))
		return kdbus_command_import(command, spec, user);

	command->spec = spec;
	command->user = user;
	command->data = command->inline_data;
	command->size = spec->size;
	for (i = 0; i < spec->n_items; i++)
		command->items[i] = NULL;

	return 0;
}

/**
 * kdbus_command_import_fixed() - import a command whose items do not matter
 * @copy:	filled in: as many bytes as @spec says
 * @spec:	what the command may contain, a constant: nothing but
 *		KDBUS_ITEM_NEGOTIATE; it has return flags
 * @user:	address of the command
 *
 * Context: may sleep, touches user memory. No lock is held.
 * Return: see kdbus_command_import(). There is nothing to release.
 */
static __always_inline int
kdbus_command_import_fixed(void *copy, const struct kdbus_command_spec *spec,
			   void __user *user)
{
	if (likely(kdbus_command_fetch(copy, spec, user)))
		return 0;

	return kdbus_command_import_members(copy, spec, user);
}

/**
 * kdbus_command_release() - free the private copy
 * @command:	command that was imported, successfully or not
 *
 * Context: any.
 */
static inline void kdbus_command_release(struct kdbus_command *command)
{
	if (unlikely(command->data != command->inline_data))
		kfree(command->data);
}

/* the items of the copy */
static inline void *kdbus_command_area(const struct kdbus_command *command)
{
	return (u8 *)command->data + command->spec->size;
}

static inline size_t kdbus_command_area_size(const struct kdbus_command *command)
{
	return command->size - command->spec->size;
}

/* payload string of an item that passed the string rule, or NULL */
static inline const char *kdbus_item_string(const struct kdbus_item *item)
{
	return item ? item->str : NULL;
}

#endif
