/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KDBUS_FS_H
#define KDBUS_FS_H

/**
 * DOC: File system
 *
 * Shows the nodes of one domain per mount. Inodes and dentries are made on
 * look-up and go away with their last user: the nodes hold all state. An inode
 * keeps a reference on its node.
 */

#include <linux/types.h>

struct inode;
struct kdbus_node;

int kdbus_fs_init(void);
void kdbus_fs_exit(void);
void kdbus_fs_forget(struct kdbus_node *node);
bool kdbus_fs_is_handle(const struct inode *inode);

#endif
