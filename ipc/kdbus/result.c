// SPDX-License-Identifier: GPL-2.0
#include "result.h"

#include <linux/err.h>
#include <linux/uaccess.h>

#include "item.h"
#include "pool.h"

static size_t kdbus_result_size(const struct kvec *parts, size_t n)
{
	size_t i, size = 0;

	for (i = 0; i < n; i++)
		size += parts[i].iov_len;

	return KDBUS_ALIGN8(size);
}

static int kdbus_result_write(struct kdbus_pool_cursor *cursor,
			      const struct kvec *parts, size_t n)
{
	size_t i, pos = 0;
	int r;

	for (i = 0; i < n; i++) {
		r = kdbus_pool_write(cursor, pos, parts[i].iov_base,
				     parts[i].iov_len);
		if (r < 0)
			return r;
		pos += parts[i].iov_len;
	}

	return kdbus_pool_zero(cursor, pos, -pos & 7);
}

/**
 * kdbus_result_store() - put a result into a pool
 * @pool:	pool of the calling connection
 * @parts:	what it consists of, one behind the other
 * @n:		number of @parts
 *
 * Context: may sleep.
 * Return: the slice, padded with zeros to a multiple of 8, for the caller to
 *         publish or to drop; or an ERR_PTR: -EXFULL if it does not fit into
 *         the pool; -ENOMEM.
 */
struct kdbus_slice *kdbus_result_store(struct kdbus_pool *pool,
				       const struct kvec *parts, size_t n)
{
	struct kdbus_pool_cursor cursor kdbus_uninitialized;
	struct kdbus_slice *slice;
	int r;

	slice = kdbus_pool_alloc(pool, kdbus_result_size(parts, n));
	if (IS_ERR(slice))
		return slice;

	kdbus_pool_cursor_init(&cursor, pool, slice, 0);
	r = kdbus_result_write(&cursor, parts, n);
	kdbus_pool_cursor_deinit(&cursor);
	if (r < 0) {
		kdbus_pool_drop(pool, slice);
		return ERR_PTR(r);
	}

	return slice;
}

/**
 * kdbus_result_return() - put a result into a pool and say where it is
 * @pool:	pool of the calling connection
 * @parts:	what it consists of, one behind the other
 * @n:		number of @parts
 * @offset:	set to the slice's place; to the size of the pool if there is
 *		nothing to put there
 * @size:	set to the bytes of the slice
 *
 * Context: may sleep, touches user memory.
 * Return: 0; -EXFULL if it does not fit into the pool; -EFAULT if @offset or
 *         @size cannot be written; -ENOMEM.
 */
int kdbus_result_return(struct kdbus_pool *pool, const struct kvec *parts,
			size_t n, u64 __user *offset, u64 __user *size)
{
	u64 bytes = kdbus_result_size(parts, n);
	struct kdbus_slice *slice = NULL;
	u64 pos = pool->size;

	if (bytes) {
		slice = kdbus_result_store(pool, parts, n);
		if (IS_ERR(slice))
			return PTR_ERR(slice);
		pos = slice->offset;
	}

	/* what user space cannot be told of it cannot release */
	if (put_user(pos, offset) || put_user(bytes, size)) {
		kdbus_pool_drop(pool, slice);
		return -EFAULT;
	}

	if (slice)
		kdbus_pool_publish(pool, slice, false);
	return 0;
}
