// SPDX-License-Identifier: GPL-2.0
#include "pool.h"

#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>

#include "compat.h"
#include "pool-trim.h"

static struct kmem_cache *kdbus_slice_cache;

/**
 * kdbus_pool_init() - make what pools share
 *
 * Context: module init; may sleep.
 * Return: 0 or -ENOMEM.
 */
int kdbus_pool_init(void)
{
	int r;

	kdbus_slice_cache = kmem_cache_create(KBUILD_MODNAME "_slice",
					      sizeof(struct kdbus_slice), 0,
					      SLAB_ACCOUNT, NULL);
	if (!kdbus_slice_cache)
		return -ENOMEM;

	r = kdbus_pool_trim_module_init();
	if (r < 0)
		kmem_cache_destroy(kdbus_slice_cache);
	return r;
}

/**
 * kdbus_pool_exit() - release what pools share
 *
 * Context: module exit; no pool exists any more.
 */
void kdbus_pool_exit(void)
{
	kdbus_pool_trim_module_exit();
	kmem_cache_destroy(kdbus_slice_cache);
}

static struct kdbus_slice *kdbus_pool_new_slice(struct kdbus_pool *pool)
{
	struct kdbus_slice *slice;
	struct mem_cgroup *old;

	/* it stays as long as the receiver likes */
	old = kdbus_pool_enter(pool);
	slice = kmem_cache_alloc(kdbus_slice_cache,
				 GFP_KERNEL | KDBUS_POOL_GFP);
	kdbus_pool_leave(old);
	return slice;
}

static struct file *kdbus_pool_new_file(const char *description, size_t size)
{
	struct file *file;
	char *name;

	name = kasprintf(GFP_KERNEL_ACCOUNT, description ? "%s-conn:%s" :
			 "%s-conn", KBUILD_MODNAME, description);
	if (!name)
		return ERR_PTR(-ENOMEM);

	file = kdbus_shmem_file_setup(name, size);
	kfree(name);
	/* an inode that cannot be allocated is a lack of room for shmem */
	if (file == ERR_PTR(-ENOSPC))
		return ERR_PTR(-ENOMEM);
	if (IS_ERR(file))
		return file;

	/*
	 * One page stays referenced while nothing is written (see
	 * kdbus_pool_cursor_deinit()), and must not be in the way of who wants
	 * to empty a range of memory.
	 */
	mapping_set_gfp_mask(file->f_mapping,
			     mapping_gfp_mask(file->f_mapping) &
			     ~__GFP_MOVABLE);
	/* user space reaches it through a mapping of the connection only */
	file_inode(file)->i_flags |= S_PRIVATE;
	return file;
}

/**
 * kdbus_pool_new() - make a pool
 * @description:	becomes part of the name in /proc/PID/maps, or NULL
 * @size:		bytes, a multiple of PAGE_SIZE, not 0
 *
 * Memory is charged to the memory cgroup of the calling process.
 *
 * Context: may sleep.
 * Return: the pool, to be freed with kdbus_pool_free(); or an ERR_PTR:
 *         -ENOMEM, -EINVAL and what else shmem returns.
 */
struct kdbus_pool *kdbus_pool_new(const char *description, size_t size)
{
	struct kdbus_slice *slice;
	struct kdbus_pool *pool;
	int r = -ENOMEM;

	pool = kzalloc(sizeof(*pool), GFP_KERNEL_ACCOUNT);
	slice = kmem_cache_alloc(kdbus_slice_cache, GFP_KERNEL);
	if (!pool || !slice)
		goto exit_free;

	pool->file = kdbus_pool_new_file(description, size);
	if (IS_ERR(pool->file)) {
		r = PTR_ERR(pool->file);
		goto exit_free;
	}

	pool->size = size;
	pool->memcg = get_mem_cgroup_from_mm(current->mm);
	spin_lock_init(&pool->lock);
	kdbus_pool_trim_init(pool);
	kdbus_slices_init(&pool->slices, size, slice);

	return pool;

exit_free:
	if (slice)
		kmem_cache_free(kdbus_slice_cache, slice);
	kfree(pool);
	return ERR_PTR(r);
}

/**
 * kdbus_pool_free() - free a pool
 * @pool:	pool that nobody uses any more, or NULL
 *
 * Mappings keep the pages, they do not need the pool.
 *
 * Context: may sleep.
 * Return: NULL
 */
struct kdbus_pool *kdbus_pool_free(struct kdbus_pool *pool)
{
	struct kdbus_slice *slice;

	if (!pool)
		return NULL;

	kdbus_pool_trim_stop(pool);
	while ((slice = kdbus_slices_deinit(&pool->slices))) {
		WARN_ON(!slice->is_free && slice->kernel);
		kmem_cache_free(kdbus_slice_cache, slice);
		cond_resched();
	}
	if (pool->spare)
		kmem_cache_free(kdbus_slice_cache, pool->spare);

	kdbus_pool_forget_recent(pool);
	mem_cgroup_put(pool->memcg);
	fput(pool->file);
	kfree(pool);
	return NULL;
}

/**
 * kdbus_pool_mmap() - map a pool
 * @pool:	pool
 * @vma:	mapping that is being made
 *
 * Context: called by mmap(), with the address space locked.
 * Return: 0; -EPERM if the mapping is to be writable; -EFAULT if it is longer
 *         than the pool; or what shmem returns.
 */
int kdbus_pool_mmap(struct kdbus_pool *pool, struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_WRITE)
		return -EPERM;
	if (vma->vm_end - vma->vm_start > pool->size)
		return -EFAULT;

	/* nor may it become writable later */
	kdbus_vm_flags_clear(vma, VM_MAYWRITE);
	vma_set_file(vma, pool->file);
	return kdbus_forward_mmap(pool->file, vma);
}

/**
 * kdbus_pool_alloc() - allocate a slice
 * @pool:	pool
 * @size:	bytes, not 0
 *
 * Context: may sleep; takes the pool's lock, and trim_lock.
 * Return: a slice that the kernel needs and user space does not know, with
 *         undefined content, to be dropped or published; or an ERR_PTR:
 *         -EXFULL if no free range is large enough, -ENOMEM.
 */
struct kdbus_slice *kdbus_pool_alloc(struct kdbus_pool *pool, size_t size)
{
	struct kdbus_slice *slice, *fresh = NULL;
	bool trimmed = false;

	spin_lock(&pool->lock);
	if (unlikely(!pool->spare)) {
		spin_unlock(&pool->lock);
		fresh = kdbus_pool_new_slice(pool);
		if (!fresh)
			return ERR_PTR(-ENOMEM);
		spin_lock(&pool->lock);
		if (!pool->spare)
			swap(pool->spare, fresh);
	}

	slice = kdbus_slices_alloc(&pool->slices, size, &pool->spare);
	if (slice) {
		slice->kernel = true;
		pool->peak = max(pool->peak, pool->slices.used_bytes);
		trimmed = kdbus_pool_trim_overlaps(pool, slice);
	}
	spin_unlock(&pool->lock);

	if (unlikely(fresh))
		kmem_cache_free(kdbus_slice_cache, fresh);
	if (unlikely(trimmed))
		kdbus_pool_trim_wait(pool);
	return slice ?: ERR_PTR(-EXFULL);
}

/* release a slice that nobody needs; the pool is locked and gets unlocked */
static void kdbus_pool_free_range(struct kdbus_pool *pool,
				  struct kdbus_slice *slice)
	__releases(&pool->lock)
{
	struct kdbus_slice_trash trash;
	bool trim;
	size_t i;

	kdbus_slices_release(&pool->slices, slice, &trash);
	if (!pool->spare)
		swap(pool->spare, trash.slices[0]);
	trim = kdbus_pool_trim_is_due(pool);
	spin_unlock(&pool->lock);

	for (i = 0; i < ARRAY_SIZE(trash.slices); i++)
		if (unlikely(trash.slices[i]))
			kmem_cache_free(kdbus_slice_cache, trash.slices[i]);
	if (unlikely(trim))
		kdbus_pool_trim_later(pool);
}

/**
 * kdbus_pool_drop() - the kernel does not need a slice any more
 * @pool:	pool
 * @slice:	slice that the kernel needs, or NULL. Belongs to user space or
 *		is gone when this returns
 *
 * Context: any, but not under the pool's lock, which this takes.
 */
void kdbus_pool_drop(struct kdbus_pool *pool, struct kdbus_slice *slice)
{
	if (!slice)
		return;

	spin_lock(&pool->lock);
	slice->kernel = false;
	if (slice->user)
		spin_unlock(&pool->lock);
	else
		kdbus_pool_free_range(pool, slice);
}

/**
 * kdbus_pool_publish() - hand a slice to user space
 * @pool:	pool
 * @slice:	slice that the kernel needs, with its content complete
 * @keep:	the kernel goes on needing the slice. If not the caller must not
 *		touch it any more
 *
 * Context: any, but not under the pool's lock, which this takes.
 */
void kdbus_pool_publish(struct kdbus_pool *pool, struct kdbus_slice *slice,
			bool keep)
{
	spin_lock(&pool->lock);
	slice->user = true;
	slice->kernel = keep;
	spin_unlock(&pool->lock);
}

/**
 * kdbus_pool_release() - user space does not need a slice any more
 * @pool:	pool
 * @offset:	offset of the slice in bytes, as given by user space
 *
 * The size of the pool is what calls without a result return as offset; it may
 * be released, too.
 *
 * Context: any, but not under the pool's lock, which this takes.
 * Return: 0, or -ENXIO if user space has no slice there.
 */
int kdbus_pool_release(struct kdbus_pool *pool, u64 offset)
{
	struct kdbus_slice *slice;

	if (offset == pool->size)
		return 0;

	spin_lock(&pool->lock);
	slice = kdbus_slices_find(&pool->slices, offset);
	if (!slice || !slice->user) {
		spin_unlock(&pool->lock);
		return -ENXIO;
	}

	slice->user = false;
	if (slice->kernel)
		spin_unlock(&pool->lock);
	else
		kdbus_pool_free_range(pool, slice);
	return 0;
}
