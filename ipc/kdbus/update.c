// SPDX-License-Identifier: GPL-2.0
#include "update.h"

#include <linux/atomic.h>
#include <linux/err.h>

#include "bus.h"
#include "command.h"
#include "compat.h"
#include "connection.h"
#include "metadata.h"
#include "policy-db.h"

enum {
	UPDATE_NEGOTIATE,
	UPDATE_SEND,
	UPDATE_RECV,
	UPDATE_NAME,
	UPDATE_ACCESS,
};

static const struct kdbus_item_spec kdbus_update_items[] = {
	[UPDATE_NEGOTIATE] = { .type = KDBUS_ITEM_NEGOTIATE },
	[UPDATE_SEND] = { .type = KDBUS_ITEM_ATTACH_FLAGS_SEND },
	[UPDATE_RECV] = { .type = KDBUS_ITEM_ATTACH_FLAGS_RECV },
	[UPDATE_NAME] = { .type = KDBUS_ITEM_NAME, .multiple = true },
	[UPDATE_ACCESS] = { .type = KDBUS_ITEM_POLICY_ACCESS,
			    .multiple = true },
};

static const struct kdbus_command_spec kdbus_update_spec = {
	.size = sizeof(struct kdbus_cmd),
	.has_return_flags = true,
	.n_items = ARRAY_SIZE(kdbus_update_items),
	.items = kdbus_update_items,
};

/* an activator sends nothing, a policy holder does not receive either */
static bool kdbus_update_may_send(const struct kdbus_conn *conn)
{
	return !(conn->flags & (KDBUS_HELLO_ACTIVATOR |
				KDBUS_HELLO_POLICY_HOLDER));
}

static bool kdbus_update_may_recv(const struct kdbus_conn *conn)
{
	return !(conn->flags & KDBUS_HELLO_POLICY_HOLDER);
}

/* an item that is not there changes nothing and is fine */
static int kdbus_update_check_flags(const struct kdbus_item *item, bool allowed,
				    u64 *flags)
{
	if (!item)
		return 0;
	if (!allowed)
		return -EOPNOTSUPP;

	return kdbus_attach_flags_sanitize(item->data64[0], flags);
}

/* both change in one step, and what another task changes meanwhile stays */
static void kdbus_update_apply_flags(struct kdbus_conn *conn,
				     const struct kdbus_command *command,
				     u64 send, u64 recv)
{
	u32 old = READ_ONCE(conn->sender.attach_flags), new;

	do {
		if (!command->items[UPDATE_SEND])
			send = kdbus_attach_flags_send(old);
		if (!command->items[UPDATE_RECV])
			recv = kdbus_attach_flags_recv(old);
		new = kdbus_attach_flags_pack(send, recv);
	} while (!try_cmpxchg(&conn->sender.attach_flags, &old, new));
}

static int kdbus_update_set_policy(struct kdbus_conn *conn,
				   struct kdbus_policy_contribution *policy)
{
	int r;

	/* the end of the connection clears the slot once and for all */
	if (!kdbus_active_acquire(&conn->active))
		return -ECONNRESET;
	r = kdbus_policy_db_set(&conn->bus->policy, &conn->policy, policy,
				true);
	kdbus_active_release(&conn->active);
	return r;
}

/* the last step that can fail */
static int kdbus_update_policy(struct kdbus_conn *conn,
			       const struct kdbus_command *command)
{
	struct kdbus_policy_contribution *policy;
	int r;

	if (!command->items[UPDATE_NAME] && !command->items[UPDATE_ACCESS])
		return 0;
	if (!(conn->flags & KDBUS_HELLO_POLICY_HOLDER))
		return -EOPNOTSUPP;

	policy = kdbus_policy_parse(kdbus_command_area(command),
				    kdbus_command_area_size(command), 1, true);
	if (IS_ERR(policy))
		return PTR_ERR(policy);

	r = kdbus_update_set_policy(conn, policy);
	if (r < 0)
		kdbus_policy_free(policy);
	return r;
}

/**
 * kdbus_cmd_update() - KDBUS_CMD_UPDATE
 * @conn:	connection
 * @argp:	struct kdbus_cmd in user space
 *
 * Messages that are being sent may still go by the old flags, those sent
 * afterwards go by the new ones.
 *
 * Context: may sleep, touches user memory.
 * Return: 0; framing errors; -EOPNOTSUPP for an item that this type of
 *         connection has no use for; -EINVAL for unknown attach flags, a bad
 *         name or a bad access; -E2BIG for a second name; -EEXIST if another
 *         connection has a policy for the name; -ECONNRESET; -ENOMEM.
 */
int kdbus_cmd_update(struct kdbus_conn *conn, void __user *argp)
{
	struct kdbus_command command kdbus_uninitialized;
	u64 send = 0, recv = 0;
	int r;

	r = kdbus_command_import(&command, &kdbus_update_spec, argp);
	if (r != 0)
		goto exit;

	r = kdbus_update_check_flags(command.items[UPDATE_SEND],
				     kdbus_update_may_send(conn), &send);
	if (r >= 0)
		r = kdbus_update_check_flags(command.items[UPDATE_RECV],
					     kdbus_update_may_recv(conn),
					     &recv);
	if (r >= 0)
		r = kdbus_update_policy(conn, &command);
	if (r >= 0)
		kdbus_update_apply_flags(conn, &command, send, recv);

exit:
	kdbus_command_release(&command);
	return min(r, 0);
}
