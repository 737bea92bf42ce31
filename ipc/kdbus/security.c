// SPDX-License-Identifier: GPL-2.0
#include "security.h"

#include "compat.h"

/*
 * All of these do the same and must not become one function, or a program that
 * is attached to one would be asked about all.
 */

/**
 * security_kdbus_bus_make() - may the calling task make a bus?
 * @domain:	domain
 * @name:	name of the bus, with the uid
 * @flags:	KDBUS_MAKE_*
 *
 * Context: may sleep.
 * Return: 0, or an error that BUS_MAKE returns.
 */
kdbus_bpf_hook int security_kdbus_bus_make(const struct kdbus_domain *domain,
					   const char *name, u64 flags)
{
	return 0;
}

/**
 * security_kdbus_endpoint_make() - may the calling task make a custom endpoint?
 * @bus:	bus
 * @name:	name of the endpoint, with the uid
 * @flags:	KDBUS_MAKE_*
 *
 * Context: may sleep.
 * Return: 0, or an error that ENDPOINT_MAKE returns.
 */
kdbus_bpf_hook int security_kdbus_endpoint_make(const struct kdbus_bus *bus,
						const char *name, u64 flags)
{
	return 0;
}

/**
 * security_kdbus_hello() - may the calling task connect?
 * @ep:		endpoint
 * @file:	open file of @ep
 * @flags:	KDBUS_HELLO_*
 *
 * Context: may sleep.
 * Return: 0, or an error that HELLO returns.
 */
kdbus_bpf_hook int security_kdbus_hello(const struct kdbus_endpoint *ep,
					const struct file *file, u64 flags)
{
	return 0;
}

/**
 * security_kdbus_monitor() - may the calling task see all messages of a bus?
 * @ep:		default endpoint of the bus
 * @file:	open file of @ep
 *
 * Context: may sleep.
 * Return: 0, or an error that HELLO returns.
 */
kdbus_bpf_hook int security_kdbus_monitor(const struct kdbus_endpoint *ep,
					  const struct file *file)
{
	return 0;
}

/**
 * security_kdbus_pretend() - may the calling task make up who it is?
 * @ep:		endpoint
 * @file:	open file of @ep
 *
 * Context: may sleep.
 * Return: 0, or an error that HELLO returns.
 */
kdbus_bpf_hook int security_kdbus_pretend(const struct kdbus_endpoint *ep,
					  const struct file *file)
{
	return 0;
}

/**
 * security_kdbus_own() - may a connection own, or wait for, a name?
 * @conn:	connection of the calling task
 * @name:	well-known name
 *
 * Context: may sleep. Asked again under the registry's lock.
 * Return: 0 or an error; NAME_ACQUIRE returns -EPERM then.
 */
kdbus_bpf_hook int security_kdbus_own(const struct kdbus_conn *conn,
				      const char *name)
{
	return 0;
}

/**
 * security_kdbus_talk() - may a connection send a message to another one?
 * @src:	connection of the calling task
 * @dst:	receiver
 *
 * Not asked about replies, which an open request permits, and signals.
 *
 * Context: may sleep. Asked before and after the sender's memory is read.
 * Return: 0 or an error; SEND returns -EPERM then.
 */
kdbus_bpf_hook int security_kdbus_talk(const struct kdbus_conn *src,
				       const struct kdbus_conn *dst)
{
	return 0;
}

/**
 * security_kdbus_deliver() - may a connection have a signal?
 * @src:	connection of the calling task
 * @dst:	ordinary connection with a match for the signal, or that might
 *		have one
 *
 * Not asked about signals of the kernel.
 *
 * Context: any; called under RCU.
 * Return: 0 or an error; @dst does not get the signal then.
 */
kdbus_bpf_hook int security_kdbus_deliver(const struct kdbus_conn *src,
					  const struct kdbus_conn *dst)
{
	return 0;
}

/**
 * security_kdbus_receive() - may the calling task receive from a connection?
 * @conn:	connection
 *
 * Context: may sleep.
 * Return: 0, or an error that RECV returns; the queue is unchanged then.
 */
kdbus_bpf_hook int security_kdbus_receive(const struct kdbus_conn *conn)
{
	return 0;
}

/**
 * security_kdbus_transfer() - may a file go to a connection?
 * @src:	connection of the calling task
 * @dst:	receiver, or a monitor
 * @file:	memfd or file in a message
 *
 * The kernel's security modules are asked when the file is received.
 *
 * Context: may sleep.
 * Return: 0 or an error; @dst cannot take the message then, and SEND of what is
 *         no signal returns -EPERM.
 */
kdbus_bpf_hook int security_kdbus_transfer(const struct kdbus_conn *src,
					   const struct kdbus_conn *dst,
					   const struct file *file)
{
	return 0;
}
