// SPDX-License-Identifier: GPL-2.0
#include "connection.h"

#include <linux/bitops.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "broadcast.h"
#include "bus.h"
#include "command.h"
#include "compat.h"
#include "deliver.h"
#include "domain.h"
#include "grammar.h"
#include "limits.h"
#include "metadata-snapshot.h"
#include "name.h"
#include "notify.h"
#include "policy-db.h"
#include "pool.h"
#include "reply.h"
#include "result.h"
#include "security.h"
#include "user.h"

static void kdbus_conn_free_rcu(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct kdbus_conn, rcu));
}

static void kdbus_conn_free(struct kref *ref)
{
	struct kdbus_conn *conn = container_of(ref, struct kdbus_conn, ref);
	struct kdbus_account *account;

	WARN_ON(!list_empty(&conn->requests) || !list_empty(&conn->owed));
	WARN_ON(!kdbus_queue_is_empty(&conn->queue));
	WARN_ON(!list_empty(&conn->ep_entry));
	WARN_ON(conn->policy);

	kdbus_entry_free(conn->spare);
	while ((account = kdbus_quota_deinit(&conn->quota)))
		kdbus_deliver_free_account(account);
	kdbus_match_db_deinit(&conn->match);
	kdbus_pool_free(conn->pool);
	kdbus_meta_view_deinit(&conn->view);
	kdbus_meta_cache_free(conn->meta_cache);
	kdbus_snapshot_free(conn->snapshot);
	kfree(conn->description);
	put_cred(conn->cred);
	kdbus_conn_discharge(conn);
	kdbus_user_unref(conn->user);
	kdbus_node_unref(&conn->ep->node);
	call_rcu(&conn->rcu, kdbus_conn_free_rcu);
}

/**
 * kdbus_conn_discharge() - stop counting as a connection of the user
 * @conn:	connection that nobody can use any more
 *
 * Others may keep its memory for a while.
 *
 * Context: any; by the only owner of the connection.
 */
void kdbus_conn_discharge(struct kdbus_conn *conn)
{
	if (conn->is_charged)
		kdbus_user_discharge(&conn->user->conns);
	conn->is_charged = false;
}

/**
 * kdbus_conn_ref() - take a reference
 * @conn:	connection the caller has a reference on
 *
 * Context: any.
 * Return: @conn
 */
struct kdbus_conn *kdbus_conn_ref(struct kdbus_conn *conn)
{
	kref_get(&conn->ref);
	return conn;
}

/**
 * kdbus_conn_unref() - drop a reference
 * @conn:	connection, or NULL
 *
 * Context: may sleep.
 * Return: NULL
 */
struct kdbus_conn *kdbus_conn_unref(struct kdbus_conn *conn)
{
	if (conn)
		kref_put(&conn->ref, kdbus_conn_free);
	return NULL;
}

/**
 * kdbus_conn_find() - look up a connection
 * @bus:	bus
 * @id:		id
 *
 * Context: any.
 * Return: the connection with a reference for the caller, or NULL. It may be
 *         disconnected at any time.
 */
struct kdbus_conn *kdbus_conn_find(struct kdbus_bus *bus, u64 id)
{
	struct kdbus_conn *conn;

	if (id > ULONG_MAX)
		return NULL;

	rcu_read_lock();
	conn = xa_load(&bus->conns, id);
	if (conn && !kref_get_unless_zero(&conn->ref))
		conn = NULL;
	rcu_read_unlock();

	return conn;
}

/**
 * kdbus_conn_lock_two() - lock two connections, or one
 * @a:	connection
 * @b:	connection, possibly the same
 *
 * Context: neither is locked.
 */
void kdbus_conn_lock_two(struct kdbus_conn *a, struct kdbus_conn *b)
	__acquires(&a->lock) __acquires(&b->lock)
{
	spin_lock(a < b ? &a->lock : &b->lock);
	if (a == b)
		__acquire(&b->lock);
	else
		spin_lock_nested(a < b ? &b->lock : &a->lock,
				 SINGLE_DEPTH_NESTING);
}

/**
 * kdbus_conn_unlock_two() - undo kdbus_conn_lock_two()
 * @a:	connection
 * @b:	connection, possibly the same
 *
 * Context: both are locked.
 */
void kdbus_conn_unlock_two(struct kdbus_conn *a, struct kdbus_conn *b)
	__releases(&a->lock) __releases(&b->lock)
{
	spin_unlock(&a->lock);
	if (a == b)
		__release(&b->lock);
	else
		spin_unlock(&b->lock);
}

/**
 * kdbus_conn_poll() - what poll() reports
 * @conn:	connection
 *
 * Context: takes the connection's lock.
 * Return: EPOLL* events
 */
__poll_t kdbus_conn_poll(struct kdbus_conn *conn)
{
	__poll_t mask = EPOLLOUT | EPOLLWRNORM;

	spin_lock(&conn->lock);
	if (conn->dead) {
		mask = EPOLLERR | EPOLLHUP;
	} else {
		kdbus_queue_settle(&conn->queue, &conn->bus->commit_lock);
		if (!kdbus_queue_is_empty(&conn->queue) || conn->queue.dropped)
			mask |= EPOLLIN | EPOLLRDNORM;
	}
	spin_unlock(&conn->lock);

	return mask;
}

/*
 * Life
 */

enum {
	HELLO_NEGOTIATE,
	HELLO_DESCRIPTION,
	HELLO_NAME,
	HELLO_ACCESS,
	HELLO_CREDS,
	HELLO_PIDS,
	HELLO_SECLABEL,
};

static const struct kdbus_item_spec kdbus_hello_items[] = {
	[HELLO_NEGOTIATE] = { .type = KDBUS_ITEM_NEGOTIATE },
	[HELLO_DESCRIPTION] = { .type = KDBUS_ITEM_CONN_DESCRIPTION },
	[HELLO_NAME] = { .type = KDBUS_ITEM_NAME },
	[HELLO_ACCESS] = { .type = KDBUS_ITEM_POLICY_ACCESS, .multiple = true },
	[HELLO_CREDS] = { .type = KDBUS_ITEM_CREDS },
	[HELLO_PIDS] = { .type = KDBUS_ITEM_PIDS },
	[HELLO_SECLABEL] = { .type = KDBUS_ITEM_SECLABEL },
};

static const struct kdbus_command_spec kdbus_hello_spec = {
	.size = sizeof(struct kdbus_cmd_hello),
	.flags = KDBUS_HELLO_ACCEPT_FD | KDBUS_HELLO_ACTIVATOR |
		 KDBUS_HELLO_POLICY_HOLDER | KDBUS_HELLO_MONITOR,
	.has_return_flags = true,
	.n_items = ARRAY_SIZE(kdbus_hello_items),
	.items = kdbus_hello_items,
};

/* a proxy may have its clients pay, but must have the right to be anybody */
static kuid_t kdbus_conn_payer(const struct kdbus_conn *conn,
			       const struct kdbus_endpoint *ep, struct file *file)
{
	kuid_t pretended = conn->snapshot->ids.uids[0];

	if (conn->sender.pretends &&
	    conn->snapshot->mask & KDBUS_ATTACH_CREDS && uid_valid(pretended) &&
	    file_ns_capable(file, ep->bus->domain->user_ns, CAP_IPC_OWNER))
		return pretended;

	return file->f_cred->uid;
}

static int kdbus_conn_charge(struct kdbus_conn *conn,
			     const struct kdbus_endpoint *ep, struct file *file)
{
	struct kdbus_user *user;
	int r;

	if (ep->is_custom)
		user = kdbus_user_ref(ep->user);
	else
		user = kdbus_user_get(ep->bus->domain,
				      kdbus_conn_payer(conn, ep, file));
	if (IS_ERR(user))
		return PTR_ERR(user);

	r = kdbus_user_charge(&user->conns,
			      READ_ONCE(kdbus_max_conns_per_user));
	if (r < 0) {
		kdbus_limit_refused(user, KDBUS_LIMIT_CONNS);
		kdbus_user_unref(user);
		return r;
	}

	conn->user = user;
	conn->is_charged = true;
	return 0;
}

/* everything that needs no undoing but kdbus_conn_free() */
static void kdbus_conn_init(struct kdbus_conn *conn, struct kdbus_endpoint *ep,
			    struct file *file)
{
	struct kdbus_bus *bus = ep->bus;

	kref_init(&conn->ref);
	kdbus_node_ref(&ep->node);
	conn->ep = ep;
	conn->bus = bus;
	conn->cred = get_cred(file->f_cred);
	conn->is_owner = kdbus_endpoint_is_owned(ep, file);
	conn->is_custom = ep->is_custom;
	kdbus_meta_view_init(&conn->view, conn->cred,
			     conn->is_custom ? conn : NULL);
	kdbus_match_db_init(&conn->match, &bus->subscribers);
	INIT_LIST_HEAD(&conn->names);
	conn->sender.collect_names = kdbus_name_collect;
	conn->sender.owner = conn;
	conn->sender.cache = &conn->meta_cache;
	kdbus_active_init(&conn->active, "kdbus_conn");
	init_completion(&conn->gone);
	INIT_LIST_HEAD(&conn->ep_entry);
	init_waitqueue_head(&conn->wait);
	mutex_init(&conn->recv_lock);
	spin_lock_init(&conn->lock);
	kdbus_queue_init(&conn->queue);
	kdbus_quota_init(&conn->quota, conn->pool->size, KDBUS_QUOTA_MAX_MSGS,
			 KDBUS_QUOTA_MAX_FDS);
	kdbus_reply_init(conn);
	conn->id = kdbus_domain_next_id(bus->domain);
}

static bool kdbus_hello_pretends(const struct kdbus_command *command)
{
	return command->items[HELLO_CREDS] || command->items[HELLO_PIDS] ||
	       command->items[HELLO_SECLABEL];
}

/* what others will be told of the connection's task */
static struct kdbus_snapshot *
kdbus_hello_snapshot(const struct kdbus_command *command)
{
	const struct kdbus_item *creds = command->items[HELLO_CREDS];
	const struct kdbus_item *pids = command->items[HELLO_PIDS];
	const struct kdbus_item *label = command->items[HELLO_SECLABEL];

	if (!kdbus_hello_pretends(command))
		return kdbus_snapshot_take(_KDBUS_ATTACH_ALL);

	return kdbus_snapshot_pretend(creds ? &creds->creds : NULL,
				      pids ? &pids->pids : NULL,
				      kdbus_item_string(label));
}

static struct kdbus_conn *kdbus_conn_new(struct kdbus_endpoint *ep,
					 struct file *file,
					 const struct kdbus_command *command)
{
	const char *description =
		kdbus_item_string(command->items[HELLO_DESCRIPTION]);
	const struct kdbus_cmd_hello *hello = command->data;
	struct kdbus_conn *conn;
	u64 send, recv;
	int r;

	conn = kzalloc(sizeof(*conn), GFP_KERNEL_ACCOUNT);
	if (!conn)
		return ERR_PTR(-ENOMEM);

	conn->flags = hello->flags;
	r = kdbus_attach_flags_sanitize(hello->attach_flags_send, &send);
	if (r >= 0)
		r = kdbus_attach_flags_sanitize(hello->attach_flags_recv,
						&recv);
	if (r < 0)
		goto exit_free;
	conn->sender.attach_flags = kdbus_attach_flags_pack(send, recv);

	if (description) {
		r = -ENOMEM;
		conn->description = kstrdup(description, GFP_KERNEL_ACCOUNT);
		if (!conn->description)
			goto exit_free;
		conn->sender.description = conn->description;
	}

	conn->pool = kdbus_pool_new(description, hello->pool_size);
	if (IS_ERR(conn->pool)) {
		r = PTR_ERR(conn->pool);
		conn->pool = NULL;
		goto exit_free;
	}

	conn->sender.pretends = kdbus_hello_pretends(command);
	conn->snapshot = kdbus_hello_snapshot(command);
	if (IS_ERR(conn->snapshot)) {
		r = PTR_ERR(conn->snapshot);
		conn->snapshot = NULL;
		goto exit_free;
	}

	r = kdbus_conn_charge(conn, ep, file);
	if (r < 0)
		goto exit_free;

	kdbus_conn_init(conn, ep, file);
	return conn;

exit_free:
	kdbus_snapshot_free(conn->snapshot);
	kdbus_pool_free(conn->pool);
	kfree(conn->description);
	kfree(conn);
	return ERR_PTR(r);
}

/* from now on the endpoint has a reference, until the disconnect */
static void kdbus_conn_link(struct kdbus_conn *conn)
{
	struct kdbus_endpoint *ep = conn->ep;
	struct kdbus_bus *bus = conn->bus;

	/* its place is reserved, so this needs no memory and cannot fail */
	xa_store(&bus->conns, conn->id, conn, GFP_KERNEL_ACCOUNT);
	mutex_lock(&ep->lock);
	list_add_tail(&conn->ep_entry, &ep->conns);
	mutex_unlock(&ep->lock);
	kdbus_conn_ref(conn);
	kdbus_active_activate(&conn->active);
	kdbus_policy_db_enable(conn->policy);
	if (kdbus_conn_is_monitor(conn))
		xa_set_mark(&bus->conns, conn->id, KDBUS_CONN_MONITOR);
	else
		kdbus_notify_id(bus, KDBUS_ITEM_ID_ADD, conn->id, conn->flags);
}

/*
 * Make a connection visible, with the name that it activates; or fail unseen.
 * *@activator is taken over by the name.
 */
static int kdbus_conn_publish(struct kdbus_conn *conn,
			      struct kdbus_name_owner **activator)
{
	struct kdbus_name_owner *owner = *activator;
	struct kdbus_node *node = &conn->ep->node;
	struct kdbus_bus *bus = conn->bus;
	int r = 0;

	if (!kdbus_node_acquire(node))
		return -ESHUTDOWN;

	mutex_lock(&bus->names.lock);
	if (owner)
		r = kdbus_name_reserve(conn, owner);
	if (r >= 0) {
		*activator = NULL;
		kdbus_conn_link(conn);
		if (owner)
			kdbus_name_activate(owner);
	}
	mutex_unlock(&bus->names.lock);

	kdbus_node_release(node);
	return r;
}

/* nobody else changes the policy of the connection now */
static void kdbus_conn_clear_policy(struct kdbus_conn *conn)
{
	if (conn->policy)
		kdbus_policy_db_clear(&conn->bus->policy, &conn->policy);
}

/* all of them: who waits exclusively does not tell the next one of the end */
static void kdbus_conn_wake_all(struct kdbus_conn *conn)
{
	__wake_up(&conn->wait, TASK_NORMAL, 0,
		  poll_to_key(EPOLLERR | EPOLLHUP));
}

/* refuse new messages, and those on their way */
static void kdbus_conn_mark_dead(struct kdbus_conn *conn)
{
	spin_lock(&conn->lock);
	kdbus_queue_settle(&conn->queue, &conn->bus->commit_lock);
	WRITE_ONCE(conn->dead, true);
	spin_unlock(&conn->lock);

	kdbus_conn_wake_all(conn);
}

/* drop what nobody received; a claimed entry is freed by its receiver */
static void kdbus_conn_flush(struct kdbus_conn *conn)
{
	struct kdbus_entry *entry;
	struct kdbus_tracker *tracker;
	enum kdbus_claim claim;

	spin_lock(&conn->lock);
	while ((entry = kdbus_queue_first(&conn->queue))) {
		kdbus_queue_remove(&conn->queue, entry);
		tracker = kdbus_reply_detach(entry);
		claim = entry->claim;
		spin_unlock(&conn->lock);

		if (claim == KDBUS_CLAIM_NONE)
			kdbus_deliver_free(conn, entry);
		/* still owed, which is settled with all others that are */
		kdbus_tracker_unref(tracker);
		cond_resched();

		spin_lock(&conn->lock);
	}
	spin_unlock(&conn->lock);
}

static void kdbus_conn_unlink(struct kdbus_conn *conn)
{
	mutex_lock(&conn->bus->names.lock);
	xa_erase(&conn->bus->conns, conn->id);
	mutex_unlock(&conn->bus->names.lock);
}

/* the connection is deactivated, and this task is the one that ends it */
static void kdbus_conn_terminate(struct kdbus_conn *conn)
{
	struct kdbus_endpoint *ep = conn->ep;

	kdbus_reply_wake_all(conn);
	kdbus_active_drain(&conn->active);
	kdbus_reply_stop(conn);
	kdbus_policy_db_disable(conn->policy);
	kdbus_conn_unlink(conn);
	kdbus_match_db_clear(&conn->match);
	kdbus_name_release_all(conn);
	/* not before: who gets the policy for a name may activate the name */
	kdbus_conn_clear_policy(conn);
	kdbus_conn_flush(conn);
	kdbus_reply_forget_requests(conn);
	kdbus_reply_abandon_owed(conn);

	if (!kdbus_conn_is_monitor(conn)) {
		mutex_lock(&conn->bus->names.lock);
		kdbus_notify_id(conn->bus, KDBUS_ITEM_ID_REMOVE, conn->id,
				conn->flags);
		mutex_unlock(&conn->bus->names.lock);
	}

	mutex_lock(&ep->lock);
	list_del_init(&conn->ep_entry);
	mutex_unlock(&ep->lock);

	complete_all(&conn->gone);
	kdbus_conn_unref(conn);
}

/* end a connection that nobody but its file will ever know of */
static void kdbus_conn_abort(struct kdbus_conn *conn)
{
	kdbus_active_deactivate(&conn->active);
	kdbus_conn_mark_dead(conn);
	kdbus_conn_clear_policy(conn);
	complete_all(&conn->gone);
}

/**
 * kdbus_conn_disconnect() - end a connection
 * @conn:	published connection; the caller holds a reference
 *
 * Whoever comes first does the work, everybody else waits for it.
 *
 * Context: may sleep. The caller holds no active reference and no lock of this
 *          module.
 */
void kdbus_conn_disconnect(struct kdbus_conn *conn)
{
	if (!kdbus_active_deactivate(&conn->active)) {
		wait_for_completion(&conn->gone);
		return;
	}

	kdbus_conn_mark_dead(conn);
	kdbus_conn_terminate(conn);
}

/*
 * HELLO
 */

/* does the policy of the bus depend on connections with these flags? */
static bool kdbus_hello_has_policy(u64 flags)
{
	return flags & (KDBUS_HELLO_ACTIVATOR | KDBUS_HELLO_POLICY_HOLDER);
}

static int kdbus_hello_check_name(u64 flags, const struct kdbus_item *name)
{
	if (!name != !kdbus_hello_has_policy(flags))
		return -EINVAL;
	if (name && !kdbus_name_is_valid(name->str,
					 flags & KDBUS_HELLO_POLICY_HOLDER))
		return -EINVAL;

	return 0;
}

static int kdbus_hello_check(struct kdbus_endpoint *ep, struct file *file,
			     const struct kdbus_command *command)
{
	const struct kdbus_cmd_hello *hello = command->data;
	u64 type = hello->flags & (KDBUS_HELLO_ACTIVATOR |
				   KDBUS_HELLO_POLICY_HOLDER |
				   KDBUS_HELLO_MONITOR);
	int r;

	if (hello->pool_size == 0 || !IS_ALIGNED(hello->pool_size, PAGE_SIZE) ||
	    hello->pool_size > READ_ONCE(kdbus_max_pool))
		return -EINVAL;
	if (hweight64(type) > 1)
		return -EINVAL;

	r = kdbus_hello_check_name(hello->flags, command->items[HELLO_NAME]);
	if (r < 0)
		return r;

	if ((type & KDBUS_HELLO_MONITOR) && ep->is_custom)
		return -EOPNOTSUPP;
	if ((type || kdbus_hello_pretends(command)) &&
	    !kdbus_endpoint_is_owned(ep, file))
		return -EPERM;

	r = kdbus_security_hello(ep, file, hello->flags);
	if (r >= 0 && (type & KDBUS_HELLO_MONITOR))
		r = kdbus_security_monitor(ep, file);
	if (r >= 0 && kdbus_hello_pretends(command))
		r = kdbus_security_pretend(ep, file);
	return r;
}

/* from now on nobody else can have a policy for that name */
static int kdbus_hello_reserve_policy(struct kdbus_conn *conn,
				      const struct kdbus_command *command)
{
	struct kdbus_policy_contribution *policy;
	int r;

	if (!kdbus_hello_has_policy(conn->flags))
		return 0;

	policy = kdbus_policy_parse(kdbus_command_area(command),
				    kdbus_command_area_size(command), 1, true);
	if (IS_ERR(policy))
		return PTR_ERR(policy);

	r = kdbus_policy_db_set(&conn->bus->policy, &conn->policy, policy,
				false);
	if (r < 0)
		kdbus_policy_free(policy);
	return r;
}

/* put what HELLO returns beside the struct into the pool */
static int kdbus_hello_write_items(struct kdbus_conn *conn,
				   struct kdbus_cmd_hello *hello)
{
	struct {
		u64 size;
		u64 type;
		struct kdbus_bloom_parameter bloom;
	} item = {
		.size = sizeof(item),
		.type = KDBUS_ITEM_BLOOM_PARAMETER,
		.bloom = conn->bus->bloom,
	};
	const struct kvec part = { .iov_base = &item, .iov_len = sizeof(item) };
	struct kdbus_slice *slice;

	slice = kdbus_result_store(conn->pool, &part, 1);
	if (IS_ERR(slice))
		return PTR_ERR(slice);

	hello->offset = slice->offset;
	hello->items_size = sizeof(item);
	kdbus_pool_publish(conn->pool, slice, false);
	return 0;
}

/*
 * Tell user space and make the connection visible. Nobody knows the connection
 * yet, so it can still fail; but the result should not be written then. Hence
 * what may fail was done before, except that the table of names may have no room
 * for a new one, which is rare. That the endpoint ends while the result is
 * written, which may take any time, is as if it ended right after HELLO.
 */
static int kdbus_hello_return(struct kdbus_conn *conn,
			      struct kdbus_command *command,
			      struct kdbus_name_owner **activator)
{
	const struct kdbus_cmd_hello *hello = command->data;
	int r;

	r = xa_reserve(&conn->bus->conns, conn->id, GFP_KERNEL_ACCOUNT);
	if (r < 0)
		return r;

	r = -EFAULT;
	if (!copy_to_user(command->user, hello, sizeof(*hello)))
		r = kdbus_conn_publish(conn, activator);
	if (r < 0)
		xa_release(&conn->bus->conns, conn->id);
	if (r == -ESHUTDOWN) {
		kdbus_conn_abort(conn);
		r = 0;
	}
	return r;
}

static int kdbus_hello_finish(struct kdbus_conn *conn,
			      struct kdbus_command *command)
{
	const char *name = kdbus_item_string(command->items[HELLO_NAME]);
	struct kdbus_cmd_hello *hello = command->data;
	struct kdbus_name_owner *activator = NULL;
	int r;

	/* it may have taken a while to get here */
	if (!kdbus_node_is_alive(&conn->ep->node))
		return -ESHUTDOWN;

	r = kdbus_hello_reserve_policy(conn, command);
	if (r < 0)
		return r;
	if (kdbus_conn_is_activator(conn)) {
		activator = kdbus_name_activator_new(name);
		if (!activator)
			return -ENOMEM;
	}

	r = kdbus_hello_write_items(conn, hello);
	if (r >= 0) {
		hello->return_flags = 0;
		hello->bus_flags = conn->bus->flags;
		hello->id = conn->id;
		memcpy(hello->id128, conn->bus->id128, sizeof(hello->id128));
		r = kdbus_hello_return(conn, command, &activator);
	}
	kdbus_name_activator_free(activator);
	return r;
}

/**
 * kdbus_cmd_hello() - KDBUS_CMD_HELLO
 * @ep:		endpoint
 * @file:	open file of the endpoint
 * @argp:	struct kdbus_cmd_hello in user space
 *
 * Context: may sleep, touches user memory.
 * Return: the new connection with a reference for the caller, who also has to
 *         disconnect it; NULL if the command only negotiated; or an ERR_PTR:
 *         framing errors; -EINVAL for a bad pool size, flags that exclude each
 *         other, a name that is bad, missing or too much, bad attach flags or a
 *         bad access, made-up ids that are not mapped or processes that do not
 *         exist; -EOPNOTSUPP for a monitor on a custom endpoint; -EPERM for
 *         another type than an ordinary connection, or made-up metadata, of who
 *         does not own the bus;
 *         -EMFILE if the user has too many connections; -ESHUTDOWN if the
 *         endpoint is gone; -EEXIST if there is a policy for the name already,
 *         as every activator has one; -EFAULT if the result cannot be written;
 *         -ENOMEM. If the endpoint ends while the result is written the
 *         connection is disconnected already.
 */
struct kdbus_conn *kdbus_cmd_hello(struct kdbus_endpoint *ep,
				   struct file *file, void __user *argp)
{
	struct kdbus_command command kdbus_uninitialized;
	struct kdbus_conn *conn = NULL;
	int r;

	r = kdbus_command_import(&command, &kdbus_hello_spec, argp);
	if (r != 0)
		goto exit;

	r = kdbus_hello_check(ep, file, &command);
	if (r < 0)
		goto exit;

	conn = kdbus_conn_new(ep, file, &command);
	if (IS_ERR(conn)) {
		r = PTR_ERR(conn);
		conn = NULL;
		goto exit;
	}

	r = kdbus_hello_finish(conn, &command);
	if (r < 0) {
		kdbus_conn_clear_policy(conn);
		conn = kdbus_conn_unref(conn);
	}

exit:
	kdbus_command_release(&command);
	return r < 0 ? ERR_PTR(r) : conn;
}

/*
 * BYEBYE
 */

static const struct kdbus_item_spec kdbus_byebye_items[] = {
	{ .type = KDBUS_ITEM_NEGOTIATE },
};

static const struct kdbus_command_spec kdbus_byebye_spec = {
	.size = sizeof(struct kdbus_cmd),
	.has_return_flags = true,
	.n_items = ARRAY_SIZE(kdbus_byebye_items),
	.items = kdbus_byebye_items,
};

/* deactivate the connection unless there is something to receive */
static int kdbus_conn_try_leave(struct kdbus_conn *conn)
{
	lockdep_assert_held(&conn->lock);

	/* nothing is settled any more once it is dead: nobody would free it */
	if (conn->dead)
		return -ECONNRESET;
	kdbus_queue_settle(&conn->queue, &conn->bus->commit_lock);
	if (!kdbus_queue_is_empty(&conn->queue))
		return -EBUSY;
	if (!kdbus_active_deactivate(&conn->active))
		return -ECONNRESET;

	WRITE_ONCE(conn->dead, true);
	return 0;
}

/**
 * kdbus_cmd_byebye() - KDBUS_CMD_BYEBYE
 * @conn:	connection
 * @argp:	struct kdbus_cmd in user space
 *
 * A message is either in the queue, and then this fails, or it is refused.
 *
 * Context: may sleep, touches user memory.
 * Return: 0; framing errors; -EBUSY if there are messages to receive;
 *         -ECONNRESET if the connection is disconnected already.
 */
int kdbus_cmd_byebye(struct kdbus_conn *conn, void __user *argp)
{
	struct kdbus_command command kdbus_uninitialized;
	int r;

	r = kdbus_command_import(&command, &kdbus_byebye_spec, argp);
	kdbus_command_release(&command);
	if (r != 0)
		return min(r, 0);

	spin_lock(&conn->lock);
	r = kdbus_conn_try_leave(conn);
	spin_unlock(&conn->lock);
	if (r < 0)
		return r;

	kdbus_conn_wake_all(conn);
	kdbus_conn_terminate(conn);
	return 0;
}
