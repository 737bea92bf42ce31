/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_SECURITY_H
#define KDBUS_SECURITY_H

/**
 * DOC: Security hooks
 *
 * The places where an administrator's BPF program may say no. Each hook is a
 * function of its own that says yes; the kernel lets programs of the type
 * "fmod_ret" decide in its stead, as the names begin with "security_". What a
 * module can ask of the kernel's own security modules is asked by the VFS: they
 * see the opening of nodes, every command as an ioctl, and every file that is
 * received.
 *
 * A hook is asked after kdbus' own rules have said yes, so that a program can
 * only restrict. Hooks are called where they may sleep, unless they say
 * otherwise, and never with a spinlock held.
 *
 * Callers use the functions without the prefix, which make sure that whatever a
 * program returns is 0 or a negative error.
 */

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/types.h>

struct file;
struct kdbus_bus;
struct kdbus_conn;
struct kdbus_domain;
struct kdbus_endpoint;

int security_kdbus_bus_make(const struct kdbus_domain *domain,
			    const char *name, u64 flags);
int security_kdbus_endpoint_make(const struct kdbus_bus *bus,
				 const char *name, u64 flags);
int security_kdbus_hello(const struct kdbus_endpoint *ep,
			 const struct file *file, u64 flags);
int security_kdbus_monitor(const struct kdbus_endpoint *ep,
			   const struct file *file);
int security_kdbus_pretend(const struct kdbus_endpoint *ep,
			   const struct file *file);
int security_kdbus_own(const struct kdbus_conn *conn, const char *name);
int security_kdbus_talk(const struct kdbus_conn *src,
			const struct kdbus_conn *dst);
int security_kdbus_deliver(const struct kdbus_conn *src,
			   const struct kdbus_conn *dst);
int security_kdbus_receive(const struct kdbus_conn *conn);
int security_kdbus_transfer(const struct kdbus_conn *src,
			    const struct kdbus_conn *dst,
			    const struct file *file);

/* what user space has no name for, like the kernel's orders to restart, is EPERM */
static inline int kdbus_security_result(int r)
{
	if (likely(!r))
		return 0;
	return r < 0 && r > -ERESTARTSYS ? r : -EPERM;
}

static inline int kdbus_security_bus_make(const struct kdbus_domain *domain,
					  const char *name, u64 flags)
{
	return kdbus_security_result(security_kdbus_bus_make(domain, name,
							     flags));
}

static inline int kdbus_security_endpoint_make(const struct kdbus_bus *bus,
					       const char *name, u64 flags)
{
	return kdbus_security_result(security_kdbus_endpoint_make(bus, name,
								  flags));
}

static inline int kdbus_security_hello(const struct kdbus_endpoint *ep,
				       const struct file *file, u64 flags)
{
	return kdbus_security_result(security_kdbus_hello(ep, file, flags));
}

static inline int kdbus_security_monitor(const struct kdbus_endpoint *ep,
					 const struct file *file)
{
	return kdbus_security_result(security_kdbus_monitor(ep, file));
}

static inline int kdbus_security_pretend(const struct kdbus_endpoint *ep,
					 const struct file *file)
{
	return kdbus_security_result(security_kdbus_pretend(ep, file));
}

static inline bool kdbus_security_own(const struct kdbus_conn *conn,
				      const char *name)
{
	return likely(!security_kdbus_own(conn, name));
}

static inline bool kdbus_security_talk(const struct kdbus_conn *src,
				       const struct kdbus_conn *dst)
{
	return likely(!security_kdbus_talk(src, dst));
}

static inline bool kdbus_security_deliver(const struct kdbus_conn *src,
					  const struct kdbus_conn *dst)
{
	return likely(!security_kdbus_deliver(src, dst));
}

static inline int kdbus_security_receive(const struct kdbus_conn *conn)
{
	return kdbus_security_result(security_kdbus_receive(conn));
}

static inline bool kdbus_security_transfer(const struct kdbus_conn *src,
					   const struct kdbus_conn *dst,
					   const struct file *file)
{
	return likely(!security_kdbus_transfer(src, dst, file));
}

#endif
