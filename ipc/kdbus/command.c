// SPDX-License-Identifier: GPL-2.0
#include "command.h"

#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "limits.h"

/* all objects begin with size and flags, commands go on with return_flags */
static_assert(offsetof(struct kdbus_cmd, size) == 0);
static_assert(offsetof(struct kdbus_msg, size) == 0);
static_assert(offsetof(struct kdbus_cmd, flags) ==
	      offsetof(struct kdbus_msg, flags));
static_assert(offsetof(struct kdbus_cmd, flags) == sizeof(u64));

static int kdbus_command_copy(struct kdbus_command *command)
{
	u64 size;

	if (!IS_ALIGNED((unsigned long)command->user, 8))
		return -EFAULT;
	if (get_user(size, (u64 __user *)command->user))
		return -EFAULT;
	if (size < command->spec->size)
		return -EINVAL;
	if (size > KDBUS_CMD_MAX_SIZE)
		return -EMSGSIZE;

	if (size > sizeof(command->inline_data)) {
		/* whole words, so that what is sent can be padded in place */
		command->data = kmalloc(KDBUS_ALIGN8(size), GFP_KERNEL_ACCOUNT);
		if (!command->data)
			return -ENOMEM;
	}

	/* that it fits was made sure of right above */
	if (_copy_from_user(command->data, command->user, size))
		return -EFAULT;
	/* everything else was read once; the size must not have changed */
	if (*(u64 *)command->data != size)
		return -EINVAL;

	command->size = size;
	return 0;
}

static bool kdbus_command_accepts(const struct kdbus_command_spec *spec,
				  u64 type)
{
	u32 i;

	for (i = 0; i < spec->n_items; i++)
		if (spec->items[i].type == type)
			return true;

	return false;
}

/* clear the types that user space asks about and that are not accepted */
static int kdbus_command_negotiate_items(const struct kdbus_command *command)
{
	const struct kdbus_item *item = command->items[0];
	u64 __user *user;
	size_t i, n;

	n = kdbus_item_payload_size(item) / sizeof(u64);
	user = command->user + ((const u8 *)item->data64 -
				(const u8 *)command->data);

	for (i = 0; i < n; i++)
		if (!kdbus_command_accepts(command->spec, item->data64[i]) &&
		    put_user(0ULL, user + i))
			return -EFAULT;

	return 0;
}

static int kdbus_command_check(struct kdbus_command *command)
{
	const struct kdbus_command_spec *spec = command->spec;
	struct kdbus_cmd __user *user = command->user;
	const struct kdbus_cmd *cmd = command->data;
	bool negotiate = cmd->flags & KDBUS_FLAG_NEGOTIATE;
	u32 i;
	int r;

	/* from here on user space learns that no return flag is set */
	if (spec->has_return_flags && put_user(0ULL, &user->return_flags))
		return -EFAULT;

	if (cmd->flags & ~(spec->flags | KDBUS_FLAG_NEGOTIATE))
		return -EINVAL;

	r = kdbus_items_parse(kdbus_command_area(command),
			      kdbus_command_area_size(command), spec->items,
			      spec->n_items, command->items);
	if (r < 0)
		return r;

	if (negotiate && put_user(spec->flags, &user->flags))
		return -EFAULT;
	if (command->items[0]) {
		r = kdbus_command_negotiate_items(command);
		if (r < 0)
			return r;
	}
	if (negotiate)
		return 1;

	for (i = 0; i < spec->n_items; i++)
		if (spec->items[i].mandatory && !command->items[i])
			return -EINVAL;

	return 0;
}

/**
 * kdbus_command_import() - copy an object from user space and check its frame
 * @command:	filled in; uninitialised before
 * @spec:	what the object may contain
 * @user:	address of the object
 *
 * Does the negotiation, too. The copy is released with
 * kdbus_command_release(), also if this fails.
 *
 * Context: may sleep, touches user memory. No lock is held.
 * Return: 0 if the command is to be executed, 1 if it was a negotiation and
 *         there is nothing left to do; or -EFAULT, -EINVAL, -EMSGSIZE,
 *         -ENOMEM, or what kdbus_items_parse() returns.
 */
int kdbus_command_import(struct kdbus_command *command,
			 const struct kdbus_command_spec *spec,
			 void __user *user)
{
	int r;

	BUILD_BUG_ON(offsetof(struct kdbus_command, inline_data) % 8);

	command->spec = spec;
	command->user = user;
	command->data = command->inline_data;
	command->size = 0;

	r = kdbus_command_copy(command);
	if (r < 0)
		return r;

	return kdbus_command_check(command);
}

/**
 * kdbus_command_import_members() - import the members of a command
 * @copy:	filled in if the command is to be executed
 * @spec:	what the command may contain
 * @user:	address of the command
 *
 * Context: may sleep, touches user memory. No lock is held.
 * Return: see kdbus_command_import(). There is nothing to release.
 */
int kdbus_command_import_members(void *copy,
				 const struct kdbus_command_spec *spec,
				 void __user *user)
{
	struct kdbus_command command kdbus_uninitialized;
	int r;

	r = kdbus_command_import(&command, spec, user);
	if (r == 0)
		memcpy(copy, command.data, spec->size);

	kdbus_command_release(&command);
	return r;
}
