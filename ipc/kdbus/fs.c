// SPDX-License-Identifier: GPL-2.0
#include "fs.h"

#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/stringhash.h>
#include <linux/user_namespace.h>

#include "compat.h"
#include "domain.h"
#include "handle.h"
#include "node.h"

/* "DBus", what existing clients compare statfs' f_type with */
#define KDBUS_SUPER_MAGIC	0x44427573

#define kdbus_node_from_inode(_inode) ((struct kdbus_node *)(_inode)->i_private)

/*
 * Directories
 */

static int kdbus_fs_iterate(struct file *file, struct dir_context *ctx)
{
	struct kdbus_node *dir = kdbus_node_from_inode(file_inode(file));
	struct kdbus_node *child;
	u32 index;

	if (!dir_emit_dots(file, ctx))
		return 0;

	while (ctx->pos <= KDBUS_NODE_INDEX_MAX) {
		bool more;

		index = ctx->pos;
		child = kdbus_node_next_child(dir, &index);
		if (!child) {
			ctx->pos = KDBUS_NODE_INDEX_MAX + 1LL;
			break;
		}

		ctx->pos = index;
		more = dir_emit(ctx, child->name, strlen(child->name),
				child->ino,
				S_ISDIR(child->mode) ? DT_DIR : DT_REG);
		kdbus_node_unref(child);
		if (!more)
			break;
		ctx->pos++;
	}

	return 0;
}

static const struct file_operations kdbus_fs_dir_fops = {
	.owner = THIS_MODULE,
	.llseek = generic_file_llseek,
	.read = generic_read_dir,
	.iterate_shared = kdbus_fs_iterate,
};

/*
 * Inodes
 */

static int kdbus_fs_setattr(kdbus_idmap_t *idmap, struct dentry *dentry,
			    struct iattr *attr)
{
	/* O_TRUNC is what some programs open everything with: nothing to do */
	if ((attr->ia_valid & ATTR_SIZE) && (attr->ia_valid & ATTR_OPEN))
		return 0;

	/* mode and owner are those of the object; there is no content */
	if (attr->ia_valid & (ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_SIZE))
		return -EPERM;

	/* times are those of the object too, but setting them does no harm */
	return 0;
}

static struct dentry *kdbus_fs_lookup(struct inode *dir, struct dentry *dentry,
				      unsigned int flags);

static const struct inode_operations kdbus_fs_dir_iops = {
	.lookup = kdbus_fs_lookup,
	.setattr = kdbus_fs_setattr,
};

static const struct inode_operations kdbus_fs_file_iops = {
	.setattr = kdbus_fs_setattr,
};

/* takes over the caller's reference on @node, also on failure */
static struct inode *kdbus_fs_new_inode(struct super_block *sb,
					struct kdbus_node *node)
{
	struct inode *inode;

	inode = new_inode(sb);
	if (!inode) {
		kdbus_node_unref(node);
		return ERR_PTR(-ENOMEM);
	}

	inode->i_private = node;
	inode->i_ino = node->ino;
	inode->i_mode = node->mode;
	inode->i_uid = node->uid;
	inode->i_gid = node->gid;
	kdbus_inode_set_times(inode, node->ctime);

	if (S_ISDIR(node->mode)) {
		inode->i_op = &kdbus_fs_dir_iops;
		inode->i_fop = &kdbus_fs_dir_fops;
		/*
		 * The root has a changing number of sub-directories; 1 tells
		 * tree walkers not to count on it. Buses have none.
		 */
		set_nlink(inode, node->parent ? 2 : 1);
	} else {
		inode->i_op = &kdbus_fs_file_iops;
		inode->i_fop = &kdbus_handle_fops;
	}

	return inode;
}

static struct dentry *kdbus_fs_lookup(struct inode *dir, struct dentry *dentry,
				      unsigned int flags)
{
	struct kdbus_node *parent = kdbus_node_from_inode(dir);
	struct inode *inode = NULL;
	struct kdbus_node *node;

	if (dentry->d_name.len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);

	node = kdbus_node_find_child(parent, dentry->d_name.name,
				     dentry->d_name.len);
	if (node)
		inode = kdbus_fs_new_inode(dir->i_sb, node);

	return d_splice_alias(inode, dentry);
}

static void kdbus_fs_evict_inode(struct inode *inode)
{
	struct kdbus_node *node = kdbus_node_from_inode(inode);

	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	inode->i_private = NULL;
	kdbus_node_unref(node);
}

/*
 * Dentries: a negative one is never used twice, a positive one only as long as
 * its object is alive, and none is kept when it is not in use.
 */

static KDBUS_D_REVALIDATE(kdbus_fs_revalidate, dentry, flags)
{
	struct inode *inode;

	/* nothing keeps the node from being freed while RCU walks by */
	if (flags & LOOKUP_RCU)
		return -ECHILD;

	inode = d_inode(dentry);
	return inode && kdbus_node_is_alive(kdbus_node_from_inode(inode));
}

static const struct dentry_operations kdbus_fs_dentry_ops = {
	.d_revalidate = kdbus_fs_revalidate,
	.d_delete = always_delete_dentry,
};

/* dentry of a node if it is cached; depth is that of the tree, three */
static struct dentry *kdbus_fs_find_dentry(struct super_block *sb,
					   struct kdbus_node *node)
{
	struct dentry *parent, *dentry;
	struct qstr name;

	if (!node->parent)
		return dget(sb->s_root);

	parent = kdbus_fs_find_dentry(sb, node->parent);
	if (!parent)
		return NULL;

	name.name = node->name;
	name.len = strlen(node->name);
	name.hash = full_name_hash(parent, name.name, name.len);
	dentry = d_lookup(parent, &name);
	dput(parent);

	return dentry;
}

/**
 * kdbus_fs_forget() - drop what the file system caches for a node
 * @node:	node that was deactivated
 *
 * Detaches mounts that are stacked on it, too.
 *
 * Context: may sleep. Unless the domain itself goes away the caller pins the
 *          super block, as every open file does.
 */
void kdbus_fs_forget(struct kdbus_node *node)
{
	struct kdbus_node *root = node;
	struct dentry *dentry;

	while (root->parent)
		root = root->parent;

	/* a dying domain or a node that was never linked has nothing cached */
	if (root->ops->type != KDBUS_NODE_DOMAIN || !kdbus_node_is_alive(root))
		return;

	dentry = kdbus_fs_find_dentry(kdbus_domain_from_node(root)->sb, node);
	if (dentry) {
		d_invalidate(dentry);
		dput(dentry);
	}
}

/**
 * kdbus_fs_is_handle() - ask whether an open file is a control or an endpoint
 * @inode:	inode of the file
 *
 * Of this module or of another copy of it.
 *
 * Context: any.
 * Return: true if it is.
 */
bool kdbus_fs_is_handle(const struct inode *inode)
{
	return inode->i_sb->s_magic == KDBUS_SUPER_MAGIC &&
	       S_ISREG(inode->i_mode);
}

/*
 * Super blocks
 */

static const struct super_operations kdbus_fs_super_ops = {
	.statfs = simple_statfs,
	.evict_inode = kdbus_fs_evict_inode,
};

static int kdbus_fs_fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct kdbus_domain *domain;
	struct inode *inode;
	int r;

	sb->s_iflags |= SB_I_NOEXEC | SB_I_NODEV;
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_magic = KDBUS_SUPER_MAGIC;
	sb->s_maxbytes = MAX_LFS_FILESIZE;
	sb->s_op = &kdbus_fs_super_ops;
	sb->s_time_gran = 1;
	kdbus_set_default_d_op(sb, &kdbus_fs_dentry_ops);

	domain = kdbus_domain_new(sb, sb->s_user_ns);
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	/* from here on kdbus_fs_kill_super() tears it down */
	sb->s_fs_info = domain;

	r = kdbus_domain_populate(domain);
	if (r < 0)
		return r;

	inode = kdbus_fs_new_inode(sb, kdbus_node_ref(&domain->node));
	if (IS_ERR(inode))
		return PTR_ERR(inode);

	sb->s_root = d_make_root(inode);
	return sb->s_root ? 0 : -ENOMEM;
}

static void kdbus_fs_kill_super(struct super_block *sb)
{
	struct kdbus_domain *domain = sb->s_fs_info;

	if (domain)
		kdbus_node_teardown(&domain->node);
	kill_anon_super(sb);
	if (domain)
		kdbus_node_unref(&domain->node);
}

static int kdbus_fs_get_tree(struct fs_context *fc)
{
	return get_tree_nodev(fc, kdbus_fs_fill_super);
}

/* whatever options there are, they mean nothing here and are no error */
static int kdbus_fs_parse_param(struct fs_context *fc,
				struct fs_parameter *param)
{
	int r = vfs_parse_fs_param_source(fc, param);

	return r == -ENOPARAM ? 0 : r;
}

static int kdbus_fs_parse_monolithic(struct fs_context *fc, void *data)
{
	return 0;
}

static const struct fs_context_operations kdbus_fs_context_ops = {
	.parse_param = kdbus_fs_parse_param,
	.parse_monolithic = kdbus_fs_parse_monolithic,
	.get_tree = kdbus_fs_get_tree,
};

static int kdbus_fs_init_context(struct fs_context *fc)
{
	fc->ops = &kdbus_fs_context_ops;
	return 0;
}

static struct file_system_type kdbus_fs_type = {
	.owner = THIS_MODULE,
	.name = KBUILD_MODNAME "fs",
	.init_fs_context = kdbus_fs_init_context,
	.kill_sb = kdbus_fs_kill_super,
	.fs_flags = FS_USERNS_MOUNT,
};
MODULE_ALIAS_FS(KBUILD_MODNAME "fs");

/**
 * kdbus_fs_init() - make the file system known
 *
 * Context: module init; may sleep. User space can mount when this returns.
 * Return: 0, or -EBUSY if there is a file system of that name.
 */
int kdbus_fs_init(void)
{
	return register_filesystem(&kdbus_fs_type);
}

/**
 * kdbus_fs_exit() - withdraw the file system
 *
 * Context: module exit; no mount exists. Returns when all inodes are freed.
 */
void kdbus_fs_exit(void)
{
	unregister_filesystem(&kdbus_fs_type);
	/* inodes are freed after a grace period, by core code */
	rcu_barrier();
}
