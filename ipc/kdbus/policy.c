// SPDX-License-Identifier: GPL-2.0
#include "policy.h"

#include <linux/cred.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/uidgid.h>
#include <linux/kdbus.h>

#include "bus.h"
#include "connection.h"
#include "endpoint.h"
#include "name.h"
#include "policy-db.h"

/* may @cred do that with one of the names that @peer owns? */
static bool kdbus_policy_grants(const struct kdbus_policy_db *db,
				const struct cred *cred,
				const struct kdbus_conn *peer, int access)
{
	const struct kdbus_policy_version *version;
	const struct kdbus_name_owner *owner;
	bool granted = false;

	rcu_read_lock();
	version = kdbus_policy_db_read(db);
	if (!version)
		goto exit_unlock;

	list_for_each_entry_rcu(owner, &peer->names, conn_entry) {
		if (READ_ONCE(owner->flags) & KDBUS_NAME_IN_QUEUE)
			continue;
		granted = kdbus_policy_query(version, cred,
					     owner->name->name) >= access;
		if (granted)
			break;
	}

exit_unlock:
	rcu_read_unlock();
	return granted;
}

static bool kdbus_policy_grants_name(const struct kdbus_policy_db *db,
				     const struct cred *cred, const char *name,
				     int access)
{
	bool granted;

	rcu_read_lock();
	granted = kdbus_policy_query(kdbus_policy_db_read(db), cred, name) >=
		  access;
	rcu_read_unlock();

	return granted;
}

/**
 * kdbus_policy_may_own() - decide whether a connection may own a name
 * @conn:	connection
 * @cred:	credentials that decide
 * @name:	well-known name
 *
 * Context: any.
 * Return: true if it may.
 */
bool kdbus_policy_may_own(const struct kdbus_conn *conn,
			  const struct cred *cred, const char *name)
{
	if (conn->is_owner)
		return true;
	if (conn->is_custom &&
	    !kdbus_policy_grants_name(&conn->ep->policy, cred, name,
				      KDBUS_POLICY_OWN))
		return false;

	return kdbus_policy_grants_name(&conn->bus->policy, cred, name,
					KDBUS_POLICY_OWN);
}

/*
 * A peer that runs a set-uid program is not the user who started it, hence both
 * of its uids have to fit.
 */
static bool kdbus_policy_is_same_user(const struct cred *cred,
				      const struct kdbus_conn *peer)
{
	return uid_eq(cred->euid, peer->cred->uid) &&
	       uid_eq(cred->euid, peer->cred->euid);
}

/**
 * kdbus_policy_may_talk() - decide whether a connection may talk to another
 * @conn:	connection that wants to talk
 * @cred:	credentials that decide: those of the calling task if it sends,
 *		those that opened @conn's endpoint if it is to receive
 * @peer:	connection to talk to
 *
 * To be granted to talk to one of the names of a connection is to be granted to
 * talk to that connection.
 *
 * Context: any.
 * Return: true if it may.
 */
bool kdbus_policy_may_talk(const struct kdbus_conn *conn,
			   const struct cred *cred,
			   const struct kdbus_conn *peer)
{
	if (conn->is_owner)
		return true;
	if (unlikely(conn->is_custom) &&
	    !kdbus_policy_grants(&conn->ep->policy, cred, peer,
				 KDBUS_POLICY_TALK))
		return false;

	return kdbus_policy_is_same_user(cred, peer) ||
	       kdbus_policy_grants(&conn->bus->policy, cred, peer,
				   KDBUS_POLICY_TALK);
}

/**
 * kdbus_policy_may_see_name() - decide whether a connection may know of a name
 * @conn:	connection
 * @cred:	credentials that decide
 * @name:	name
 *
 * Context: any.
 * Return: true if it may; all may on the default endpoint.
 */
bool kdbus_policy_may_see_name(const struct kdbus_conn *conn,
			       const struct cred *cred, const char *name)
{
	return likely(!conn->is_custom) ||
	       kdbus_policy_grants_name(&conn->ep->policy, cred, name,
					KDBUS_POLICY_SEE);
}

/**
 * kdbus_policy_may_see() - decide whether a connection may know of another
 * @conn:	connection
 * @cred:	credentials that decide
 * @peer:	the other connection
 *
 * Context: any.
 * Return: true if it may; all may on the default endpoint.
 */
bool kdbus_policy_may_see(const struct kdbus_conn *conn,
			  const struct cred *cred,
			  const struct kdbus_conn *peer)
{
	return likely(!conn->is_custom) ||
	       kdbus_policy_grants(&conn->ep->policy, cred, peer,
				   KDBUS_POLICY_SEE);
}
