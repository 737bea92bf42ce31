/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_SLAB_H
#define UNIT_LINUX_SLAB_H

/*
 * Each object is one of malloc(), so that the checkers know its borders. Some
 * memory is refused if a test says so.
 */

#include <stdbool.h>
#include <stdlib.h>

#include <linux/types.h>

#define SLAB_ACCOUNT	0

struct kmem_cache {
	size_t size;
};

static inline struct kmem_cache *kmem_cache_create(const char *name,
						   size_t size, size_t align,
						   unsigned long flags,
						   void (*ctor)(void *))
{
	struct kmem_cache *cache = malloc(sizeof(*cache));

	(void)name;
	(void)align;
	(void)flags;
	(void)ctor;
	if (cache)
		cache->size = size;
	return cache;
}

static inline void kmem_cache_destroy(struct kmem_cache *cache)
{
	free(cache);
}

static inline void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t gfp)
{
	(void)gfp;
	return malloc(cache->size);
}

static inline void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	(void)cache;
	free(object);
}

#define GFP_NOWAIT	0
#define __GFP_ACCOUNT	0
#define __GFP_NOWARN	0

extern bool unit_no_memory;

#define kzalloc(_size, _gfp)	(unit_no_memory ? NULL : calloc(1, _size))
#define kfree(_p)		free(_p)

#endif
