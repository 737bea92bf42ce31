// SPDX-License-Identifier: GPL-2.0
#include "policy.h"

#include <linux/cred.h>
#include <linux/uidgid.h>

#include "connection.h"

/**
 * kdbus_policy_may_own() - decide whether a connection may own names
 * @conn:	connection
 *
 * Context: any.
 * Return: true if it may.
 */
bool kdbus_policy_may_own(const struct kdbus_conn *conn)
{
	return conn->is_owner;
}

/**
 * kdbus_policy_may_talk() - decide whether a connection may talk to another
 * @conn:	connection that wants to talk
 * @cred:	credentials that decide: those of the calling task if it sends,
 *		those that opened @conn's endpoint if it is to receive
 * @peer:	connection to talk to
 *
 * A peer that runs a set-uid program is not the user who started it, hence both
 * of its uids have to fit.
 *
 * Context: any.
 * Return: true if it may.
 */
bool kdbus_policy_may_talk(const struct kdbus_conn *conn,
			   const struct cred *cred,
			   const struct kdbus_conn *peer)
{
	return conn->is_owner || (uid_eq(cred->euid, peer->cred->uid) &&
				  uid_eq(cred->euid, peer->cred->euid));
}
