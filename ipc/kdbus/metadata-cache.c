// SPDX-License-Identifier: GPL-2.0
#include "metadata-cache.h"

#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/file.h>
#include <linux/slab.h>

#include "metadata.h"

/* what kmalloc() rounds up to */
static_assert(sizeof(struct kdbus_meta_cache) <= 2048);

/**
 * kdbus_meta_cache_free() - forget what a connection keeps
 * @cache:	cache that no connection has any more, or NULL
 *
 * Context: may sleep.
 */
void kdbus_meta_cache_free(struct kdbus_meta_cache *cache)
{
	if (!cache)
		return;

	if (cache->exe)
		fput(cache->exe);
	kfree(cache);
}

/**
 * kdbus_meta_cache_take() - take the cache off a connection
 * @slot:	where the connection keeps it
 *
 * Context: may sleep.
 * Return: the cache, or a new one that has nothing yet, to be given to
 *         kdbus_meta_cache_put(); NULL if there is no memory.
 */
struct kdbus_meta_cache *
kdbus_meta_cache_take(struct kdbus_meta_cache **slot)
{
	struct kdbus_meta_cache *cache = xchg(slot, NULL);

	return cache ?: kzalloc(sizeof(*cache), GFP_KERNEL_ACCOUNT |
						__GFP_NOWARN);
}

/**
 * kdbus_meta_cache_put() - give the cache back to the connection
 * @slot:	where the connection keeps it
 * @cache:	cache that was taken from there
 *
 * Context: may sleep.
 */
void kdbus_meta_cache_put(struct kdbus_meta_cache **slot,
			  struct kdbus_meta_cache *cache)
{
	/* there is another one if two tasks were sending */
	kdbus_meta_cache_free(xchg(slot, cache));
}
