// SPDX-License-Identifier: GPL-2.0
#include "handle.h"

#include <linux/err.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/kdbus.h>

#include "broadcast.h"
#include "bus.h"
#include "connection.h"
#include "domain.h"
#include "endpoint.h"
#include "fdinfo.h"
#include "info.h"
#include "list.h"
#include "name.h"
#include "node.h"
#include "pool.h"
#include "receive.h"
#include "route.h"
#include "update.h"

static int kdbus_handle_open(struct inode *inode, struct file *file)
{
	struct kdbus_node *node = inode->i_private;
	struct kdbus_handle *handle;

	if (!kdbus_node_is_alive(node))
		return -ESHUTDOWN;

	handle = kzalloc(sizeof(*handle), GFP_KERNEL_ACCOUNT);
	if (!handle)
		return -ENOMEM;

	handle->node = kdbus_node_ref(node);
	mutex_init(&handle->lock);
	handle->state = KDBUS_HANDLE_FRESH;
	file->private_data = handle;

	return 0;
}

static int kdbus_handle_release(struct inode *inode, struct file *file)
{
	struct kdbus_handle *handle = file->private_data;

	switch (handle->state) {
	case KDBUS_HANDLE_BUS_OWNER:
		kdbus_node_teardown(&handle->bus->node);
		kdbus_node_unref(&handle->bus->node);
		break;
	case KDBUS_HANDLE_EP_OWNER:
		kdbus_node_teardown(&handle->ep->node);
		kdbus_node_unref(&handle->ep->node);
		break;
	case KDBUS_HANDLE_CONNECTED:
		kdbus_conn_disconnect(handle->conn);
		kdbus_conn_discharge(handle->conn);
		kdbus_conn_unref(handle->conn);
		break;
	case KDBUS_HANDLE_FRESH:
		break;
	}

	kdbus_node_unref(handle->node);
	kfree(handle);
	return 0;
}

/* state and, with it, the object: see kdbus_handle_become() */
static enum kdbus_handle_state
kdbus_handle_state(const struct kdbus_handle *handle)
{
	return smp_load_acquire(&handle->state);
}

static void kdbus_handle_become(struct kdbus_handle *handle,
				enum kdbus_handle_state state)
{
	lockdep_assert_held(&handle->lock);
	smp_store_release(&handle->state, state);
}

/*
 * Setup commands
 */

static int kdbus_handle_bus_make(struct kdbus_handle *handle, void __user *argp)
{
	struct kdbus_bus *bus;

	if (handle->node->ops->type != KDBUS_NODE_CONTROL)
		return -EBADFD;

	bus = kdbus_cmd_bus_make(kdbus_domain_from_node(handle->node->parent),
				 argp);
	if (IS_ERR_OR_NULL(bus))
		return PTR_ERR_OR_ZERO(bus);

	handle->bus = bus;
	kdbus_handle_become(handle, KDBUS_HANDLE_BUS_OWNER);
	return 0;
}

static int kdbus_handle_endpoint_make(struct kdbus_handle *handle,
				      struct file *file, void __user *argp)
{
	struct kdbus_endpoint *ep;

	if (handle->node->ops->type != KDBUS_NODE_ENDPOINT)
		return -EBADFD;

	ep = kdbus_cmd_endpoint_make(kdbus_endpoint_from_node(handle->node),
				     file, argp);
	if (IS_ERR_OR_NULL(ep))
		return PTR_ERR_OR_ZERO(ep);

	handle->ep = ep;
	kdbus_handle_become(handle, KDBUS_HANDLE_EP_OWNER);
	return 0;
}

static int kdbus_handle_hello(struct kdbus_handle *handle, struct file *file,
			      void __user *argp)
{
	struct kdbus_conn *conn;

	if (handle->node->ops->type != KDBUS_NODE_ENDPOINT)
		return -EBADFD;

	conn = kdbus_cmd_hello(kdbus_endpoint_from_node(handle->node), file,
			       argp);
	if (IS_ERR_OR_NULL(conn))
		return PTR_ERR_OR_ZERO(conn);

	handle->conn = conn;
	kdbus_handle_become(handle, KDBUS_HANDLE_CONNECTED);
	return 0;
}

static int kdbus_handle_setup(struct file *file, unsigned int cmd,
			      void __user *argp)
{
	struct kdbus_handle *handle = file->private_data;
	int r;

	r = mutex_lock_killable(&handle->lock);
	if (r < 0)
		return r;

	if (handle->state != KDBUS_HANDLE_FRESH)
		r = -EBADFD;
	else if (!kdbus_node_is_alive(handle->node))
		r = -ESHUTDOWN;
	else if (cmd == KDBUS_CMD_BUS_MAKE)
		r = kdbus_handle_bus_make(handle, argp);
	else if (cmd == KDBUS_CMD_ENDPOINT_MAKE)
		r = kdbus_handle_endpoint_make(handle, file, argp);
	else
		r = kdbus_handle_hello(handle, file, argp);

	mutex_unlock(&handle->lock);
	return r;
}

/*
 * Commands of endpoint owners
 */

static int kdbus_handle_endpoint_command(struct kdbus_handle *handle,
					 unsigned int cmd, void __user *argp)
{
	if (!kdbus_node_is_alive(&handle->ep->node))
		return -ESHUTDOWN;
	if (cmd != KDBUS_CMD_ENDPOINT_UPDATE)
		return -EBADFD;

	return kdbus_cmd_endpoint_update(handle->ep, argp);
}

/*
 * Commands of connections
 */

/* may a connection with these flags of HELLO use the command? */
static bool kdbus_handle_supports(u64 flags, unsigned int cmd)
{
	switch (cmd) {
	case KDBUS_CMD_BYEBYE:
	case KDBUS_CMD_SEND:
	case KDBUS_CMD_NAME_ACQUIRE:
	case KDBUS_CMD_NAME_RELEASE:
	case KDBUS_CMD_MATCH_ADD:
	case KDBUS_CMD_MATCH_REMOVE:
		/* only who takes part in the bus itself */
		return !(flags & (KDBUS_HELLO_ACTIVATOR |
				  KDBUS_HELLO_POLICY_HOLDER |
				  KDBUS_HELLO_MONITOR));
	case KDBUS_CMD_RECV:
		return !(flags & KDBUS_HELLO_POLICY_HOLDER);
	default:
		return true;
	}
}

static int kdbus_handle_command(struct file *file, unsigned int cmd,
				void __user *argp)
{
	struct kdbus_handle *handle = file->private_data;
	enum kdbus_handle_state state = kdbus_handle_state(handle);
	struct kdbus_conn *conn;

	if (state == KDBUS_HANDLE_EP_OWNER)
		return kdbus_handle_endpoint_command(handle, cmd, argp);
	if (state != KDBUS_HANDLE_CONNECTED)
		return -EBADFD;

	conn = handle->conn;
	if (!kdbus_conn_is_alive(conn))
		return -ECONNRESET;
	if (cmd == KDBUS_CMD_ENDPOINT_UPDATE)
		return -EBADFD;
	if (!kdbus_handle_supports(conn->flags, cmd))
		return -EOPNOTSUPP;

	switch (cmd) {
	case KDBUS_CMD_UPDATE:
		return kdbus_cmd_update(conn, argp);
	case KDBUS_CMD_CONN_INFO:
		return kdbus_cmd_conn_info(conn, argp);
	case KDBUS_CMD_BUS_CREATOR_INFO:
		return kdbus_cmd_bus_creator_info(conn, argp);
	case KDBUS_CMD_BYEBYE:
		return kdbus_cmd_byebye(conn, argp);
	case KDBUS_CMD_FREE:
		return kdbus_cmd_free(conn, argp);
	case KDBUS_CMD_SEND:
		return kdbus_cmd_send(conn, argp);
	case KDBUS_CMD_RECV:
		return kdbus_cmd_recv(conn, argp);
	case KDBUS_CMD_LIST:
		return kdbus_cmd_list(conn, argp);
	case KDBUS_CMD_NAME_ACQUIRE:
		return kdbus_cmd_name_acquire(conn, argp);
	case KDBUS_CMD_NAME_RELEASE:
		return kdbus_cmd_name_release(conn, argp);
	case KDBUS_CMD_MATCH_ADD:
		return kdbus_cmd_match_add(conn, argp);
	case KDBUS_CMD_MATCH_REMOVE:
		return kdbus_cmd_match_remove(conn, argp);
	default:
		return -ENOTTY;
	}
}

static noinline long kdbus_handle_dispatch(struct file *file, unsigned int cmd,
					   void __user *argp)
{
	switch (cmd) {
	case KDBUS_CMD_BUS_MAKE:
	case KDBUS_CMD_ENDPOINT_MAKE:
	case KDBUS_CMD_HELLO:
		return kdbus_handle_setup(file, cmd, argp);
	case KDBUS_CMD_UPDATE:
	case KDBUS_CMD_ENDPOINT_UPDATE:
	case KDBUS_CMD_CONN_INFO:
	case KDBUS_CMD_BUS_CREATOR_INFO:
	case KDBUS_CMD_BYEBYE:
	case KDBUS_CMD_FREE:
	case KDBUS_CMD_SEND:
	case KDBUS_CMD_RECV:
	case KDBUS_CMD_LIST:
	case KDBUS_CMD_NAME_ACQUIRE:
	case KDBUS_CMD_NAME_RELEASE:
	case KDBUS_CMD_MATCH_ADD:
	case KDBUS_CMD_MATCH_REMOVE:
		return kdbus_handle_command(file, cmd, argp);
	default:
		return -ENOTTY;
	}
}

/* what messages are made of does not go through all of the above */
static long kdbus_handle_ioctl(struct file *file, unsigned int cmd,
			       unsigned long arg)
{
	struct kdbus_handle *handle = file->private_data;
	void __user *argp = (void __user *)arg;

	if (likely(kdbus_handle_state(handle) == KDBUS_HANDLE_CONNECTED &&
		   kdbus_conn_is_ordinary(handle->conn) &&
		   kdbus_conn_is_alive(handle->conn))) {
		if (cmd == KDBUS_CMD_SEND)
			return kdbus_cmd_send(handle->conn, argp);
		if (cmd == KDBUS_CMD_RECV)
			return kdbus_cmd_recv(handle->conn, argp);
		if (cmd == KDBUS_CMD_FREE)
			return kdbus_cmd_free(handle->conn, argp);
	}

	return kdbus_handle_dispatch(file, cmd, argp);
}

static __poll_t kdbus_handle_poll(struct file *file,
				  struct poll_table_struct *wait)
{
	struct kdbus_handle *handle = file->private_data;

	if (kdbus_handle_state(handle) != KDBUS_HANDLE_CONNECTED)
		return EPOLLERR | EPOLLHUP;

	poll_wait(file, &handle->conn->wait, wait);
	return kdbus_conn_poll(handle->conn);
}

static int kdbus_handle_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct kdbus_handle *handle = file->private_data;

	if (kdbus_handle_state(handle) != KDBUS_HANDLE_CONNECTED)
		return -EBADFD;

	return kdbus_pool_mmap(handle->conn->pool, vma);
}

static void kdbus_handle_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct kdbus_handle *handle = file->private_data;

	switch (kdbus_handle_state(handle)) {
	case KDBUS_HANDLE_BUS_OWNER:
		kdbus_fdinfo_bus(m, handle->bus);
		break;
	case KDBUS_HANDLE_EP_OWNER:
		kdbus_fdinfo_endpoint(m, handle->ep);
		break;
	case KDBUS_HANDLE_CONNECTED:
		kdbus_fdinfo_conn(m, handle->conn);
		break;
	case KDBUS_HANDLE_FRESH:
		break;
	}
}

const struct file_operations kdbus_handle_fops = {
	.owner = THIS_MODULE,
	.open = kdbus_handle_open,
	.release = kdbus_handle_release,
	.unlocked_ioctl = kdbus_handle_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = kdbus_handle_poll,
	.mmap = kdbus_handle_mmap,
	.llseek = noop_llseek,
	.show_fdinfo = kdbus_handle_show_fdinfo,
};
