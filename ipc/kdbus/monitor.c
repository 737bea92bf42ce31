// SPDX-License-Identifier: GPL-2.0
#include "monitor.h"

#include "connection.h"
#include "message.h"

/**
 * kdbus_monitor_stage() - stage a message for all monitors
 * @msg:	message that was resolved and permitted
 * @bus:	bus
 * @src:	sending connection, NULL if it is the kernel
 *
 * The copies become visible together with the message.
 *
 * Context: may sleep, touches user memory if @src is not NULL and no receiver
 *          was staged before.
 * Return: 0; -EFAULT if the payload cannot be read; -EINTR if the task is
 *         killed. Whatever a monitor itself lacks is no error.
 */
int kdbus_monitor_stage(struct kdbus_message *msg, struct kdbus_bus *bus,
			struct kdbus_conn *src)
{
	/* the message may be sent anew because a name changed hands */
	kdbus_cast_deinit(&msg->cast);

	kdbus_cast_add_monitors(&msg->cast, bus);
	if (likely(!msg->cast.n))
		return 0;

	return kdbus_cast_stage(&msg->cast, src, msg);
}

/**
 * kdbus_monitor_show() - show monitors a message that nobody else gets
 * @msg:	message that was resolved and permitted
 * @bus:	bus
 * @src:	sending connection, NULL if it is the kernel
 *
 * Context: may sleep, touches user memory if @src is not NULL.
 * Return: 0; -EFAULT if the payload cannot be read; -EINTR if the task is
 *         killed; -ECONNRESET if @src is disconnected.
 */
int kdbus_monitor_show(struct kdbus_message *msg, struct kdbus_bus *bus,
		       struct kdbus_conn *src)
{
	int r;

	r = kdbus_monitor_stage(msg, bus, src);
	if (r < 0 || !msg->cast.n)
		return r;

	if (src && !kdbus_active_acquire(&src->active))
		return -ECONNRESET;
	kdbus_cast_announce(&msg->cast);
	kdbus_cast_number(&msg->cast, bus);
	kdbus_cast_finish(&msg->cast);
	if (src)
		kdbus_active_release(&src->active);

	return 0;
}
