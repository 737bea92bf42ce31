/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_COMPAT_H
#define KDBUS_COMPAT_H

/**
 * DOC: Kernel versions
 *
 * All that differs between the kernels this module is built for, 6.1 and
 * newer, is here and nowhere else. Each shim carries our prefix: distributions
 * backport new kernel functions under their own names.
 */

#include <linux/version.h>
#include <linux/capability.h>
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/mm_types.h>
#include <linux/security.h>
#include <linux/shmem_fs.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "kdbus needs Linux 6.1 or newer"
#endif

/* the clang and gcc attribute that keeps a large buffer from being cleared */
#if defined(__has_attribute) && __has_attribute(__uninitialized__)
#define kdbus_uninitialized	__attribute__((__uninitialized__))
#elif defined(__has_attribute) && __has_attribute(uninitialized)
#define kdbus_uninitialized	__attribute__((uninitialized))
#else
#define kdbus_uninitialized
#endif

/*
 * A function that BPF programs attach to: no compiler may merge it with another
 * one or draw conclusions from what it returns. It is called from other files,
 * so that not to be inlined is all that clang needs.
 */
#if defined(__has_attribute) && __has_attribute(__noipa__)
#define kdbus_bpf_hook	__attribute__((__noipa__))
#else
#define kdbus_bpf_hook	noinline
#endif

/* 6.10: a string of a trace event is named once */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#define kdbus_trace_assign_str(_field, _str)	__assign_str(_field)
#else
#define kdbus_trace_assign_str(_field, _str)	__assign_str(_field, _str)
#endif

/* in front of a loop of few rounds, whose number is a constant */
#ifdef __clang__
#define kdbus_unrolled()	_Pragma("clang loop unroll(full)")
#else
#define kdbus_unrolled()	_Pragma("GCC unroll 16")
#endif

/* 7.3: batches of folios have a header of their own */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 3, 0)
#include <linux/folio_batch.h>
#else
#include <linux/pagevec.h>
#endif

/* 6.12: access to unaligned words is no matter of the architecture any more */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* 6.3: vma->vm_flags is read-only and changed through helpers */
static inline void kdbus_vm_flags_clear(struct vm_area_struct *vma,
					unsigned long flags)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_clear(vma, flags);
#else
	vma->vm_flags &= ~flags;
#endif
}

/* 6.17: call_mmap() became vfs_mmap() */
static inline int kdbus_forward_mmap(struct file *file,
				     struct vm_area_struct *vma)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	return vfs_mmap(file, vma);
#else
	return call_mmap(file, vma);
#endif
}

/* 7.0: flags of shmem files are a type of their own; accounted up front */
static inline struct file *kdbus_shmem_file_setup(const char *name, loff_t size)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
	return shmem_file_setup(name, size, EMPTY_VMA_FLAGS);
#else
	return shmem_file_setup(name, size, 0);
#endif
}

/* 6.8: receive_fd() takes an address to store the number at */
static inline int kdbus_receive_fd(struct file *file, unsigned int flags)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	return receive_fd(file, NULL, flags);
#else
	return receive_fd(file, flags);
#endif
}

/* 6.7: get_file_rcu() takes the address of the pointer; under RCU */
static inline struct file *kdbus_get_exe_file(struct mm_struct *mm)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return get_file_rcu(&mm->exe_file);
#else
	struct file *file = rcu_dereference(mm->exe_file);

	return file && get_file_rcu(file) ? file : NULL;
#endif
}

/* 6.17: the counter of changes of the root directory is part of its lock */
static inline unsigned int kdbus_fs_root_begin(struct fs_struct *fs)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	return read_seqbegin(&fs->seq);
#else
	return read_seqcount_begin(&fs->seq);
#endif
}

static inline bool kdbus_fs_root_retry(struct fs_struct *fs, unsigned int seq)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	return read_seqretry(&fs->seq, seq);
#else
	return read_seqcount_retry(&fs->seq, seq);
#endif
}

/* 6.3: a capability set is one u64 */
static inline u64 kdbus_cap_to_u64(kernel_cap_t cap)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	return cap.val;
#else
	return (u64)cap.cap[1] << 32 | cap.cap[0];
#endif
}

/*
 * Security label of the caller as text. Before 6.13 a label is a number, before
 * 6.14 the text is a pointer and a length, since 6.18 one can ask for the label
 * of one security module.
 */
struct kdbus_seclabel {
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
	struct lsm_context context;
#endif
	char *text;
	u32 size;
};

static inline int kdbus_seclabel_get_current(struct kdbus_seclabel *label)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
	struct lsm_prop prop;
	int r;

	security_current_getlsmprop_subj(&prop);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	r = security_lsmprop_to_secctx(&prop, &label->context, LSM_ID_UNDEF);
#else
	r = security_lsmprop_to_secctx(&prop, &label->context);
#endif
	if (r < 0)
		return r;

	label->text = label->context.context;
	label->size = label->context.len;
	return 0;
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	struct lsm_prop prop;

	security_current_getlsmprop_subj(&prop);
	return security_lsmprop_to_secctx(&prop, &label->text, &label->size);
#else
	u32 secid;

	security_current_getsecid_subj(&secid);
	return security_secid_to_secctx(secid, &label->text, &label->size);
#endif
}

static inline void kdbus_seclabel_put(struct kdbus_seclabel *label)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
	security_release_secctx(&label->context);
#else
	security_release_secctx(label->text, label->size);
#endif
}

/* 6.17: default dentry operations are set by a function */
static inline void kdbus_set_default_d_op(struct super_block *sb,
					  const struct dentry_operations *ops)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
	set_default_d_op(sb, ops);
#else
	sb->s_d_op = ops;
#endif
}

/* 6.14: d_revalidate() got the directory and the name; we need neither */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
#define KDBUS_D_REVALIDATE(_name, _dentry, _flags)			\
	int _name(struct inode *dir, const struct qstr *qstr,		\
		  struct dentry *_dentry, unsigned int _flags)
#else
#define KDBUS_D_REVALIDATE(_name, _dentry, _flags)			\
	int _name(struct dentry *_dentry, unsigned int _flags)
#endif

/* 6.3: the first argument of setattr() changed its type; we do not look at it */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
typedef struct mnt_idmap kdbus_idmap_t;
#else
typedef struct user_namespace kdbus_idmap_t;
#endif

/* 6.7: inode times are set through helpers */
static inline void kdbus_inode_set_times(struct inode *inode,
					 struct timespec64 ts)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	inode_set_atime_to_ts(inode, ts);
	inode_set_mtime_to_ts(inode, ts);
	inode_set_ctime_to_ts(inode, ts);
#else
	inode->i_atime = ts;
	inode->i_mtime = ts;
	inode->i_ctime = ts;
#endif
}

/* 6.13: hrtimer_setup() does both steps */
static inline void
kdbus_hrtimer_setup(struct hrtimer *timer,
		    enum hrtimer_restart (*function)(struct hrtimer *),
		    clockid_t clock, enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, function, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = function;
#endif
}

#endif
