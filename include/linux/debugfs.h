/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_DEBUGFS_H
#define _LINUX_DEBUGFS_H
#include <linux/types.h>
#include <linux/fs.h>

struct debugfs_blob_wrapper {
	void *data;
	unsigned long size;
};

extern struct dentry *debugfs_create_dir(const char *name, struct dentry *parent);
extern struct dentry *debugfs_create_file(const char *name, umode_t mode, struct dentry *parent, void *data,
					  const struct file_operations *ops);
extern struct dentry *debugfs_create_file_unsafe(const char *name, umode_t mode, struct dentry *parent, void *data,
						 const struct file_operations *ops);
extern void debugfs_create_u8(const char *name, umode_t mode, struct dentry *parent, u8 *value);
extern void debugfs_create_u16(const char *name, umode_t mode, struct dentry *parent, u16 *value);
extern void debugfs_create_u32(const char *name, umode_t mode, struct dentry *parent, u32 *value);
extern void debugfs_create_u64(const char *name, umode_t mode, struct dentry *parent, u64 *value);
extern void debugfs_create_ulong(const char *name, umode_t mode, struct dentry *parent, unsigned long *value);
extern void debugfs_create_size_t(const char *name, umode_t mode, struct dentry *parent, size_t *value);
extern void debugfs_create_atomic_t(const char *name, umode_t mode, struct dentry *parent, atomic_t *value);
extern void debugfs_create_x8(const char *name, umode_t mode, struct dentry *parent, u8 *value);
extern void debugfs_create_x16(const char *name, umode_t mode, struct dentry *parent, u16 *value);
extern void debugfs_create_x32(const char *name, umode_t mode, struct dentry *parent, u32 *value);
extern void debugfs_create_x64(const char *name, umode_t mode, struct dentry *parent, u64 *value);
extern void debugfs_create_bool(const char *name, umode_t mode, struct dentry *parent, bool *value);
extern struct dentry *debugfs_create_blob(const char *name, umode_t mode, struct dentry *parent,
					  struct debugfs_blob_wrapper *blob);
extern void debugfs_remove(struct dentry *entry);
extern struct dentry *debugfs_lookup(const char *name, struct dentry *parent);
extern bool debugfs_initialized(void);
#define debugfs_remove_recursive debugfs_remove

/* What was looked up lives until it is removed, counted or not. */
static inline void dput(struct dentry *entry) { (void)entry; }

#endif
