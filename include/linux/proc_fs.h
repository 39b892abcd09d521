/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_PROC_FS_H
#define _LINUX_PROC_FS_H
#include <linux/types.h>
#include <linux/fs.h>
#include <linux/uidgid.h>

struct proc_dir_entry;
struct poll_table_struct;
struct vm_area_struct;

struct proc_ops {
	unsigned int proc_flags;
	int (*proc_open)(struct inode *, struct file *);
	ssize_t (*proc_read)(struct file *, char __user *, size_t, loff_t *);
	ssize_t (*proc_read_iter)(struct kiocb *, struct iov_iter *);
	ssize_t (*proc_write)(struct file *, const char __user *, size_t, loff_t *);
	loff_t (*proc_lseek)(struct file *, loff_t, int);
	int (*proc_release)(struct inode *, struct file *);
	__poll_t (*proc_poll)(struct file *, struct poll_table_struct *);
	long (*proc_ioctl)(struct file *, unsigned int, unsigned long);
	long (*proc_compat_ioctl)(struct file *, unsigned int, unsigned long);
	int (*proc_mmap)(struct file *, struct vm_area_struct *);
	unsigned long (*proc_get_unmapped_area)(struct file *, unsigned long, unsigned long,
						unsigned long, unsigned long);
};

extern struct proc_dir_entry *proc_create(const char *name, umode_t mode, struct proc_dir_entry *parent,
					  const struct proc_ops *ops);
extern struct proc_dir_entry *proc_create_data(const char *name, umode_t mode,
					       struct proc_dir_entry *parent,
					       const struct proc_ops *ops, void *data);
extern struct proc_dir_entry *proc_mkdir(const char *name, struct proc_dir_entry *parent);
extern void proc_remove(struct proc_dir_entry *entry);
extern struct proc_dir_entry *proc_symlink(const char *name, struct proc_dir_entry *parent, const char *target);
extern void remove_proc_entry(const char *name, struct proc_dir_entry *parent);
extern int remove_proc_subtree(const char *name, struct proc_dir_entry *parent);
extern void proc_set_size(struct proc_dir_entry *entry, loff_t size);
extern void proc_set_user(struct proc_dir_entry *entry, kuid_t uid, kgid_t gid);
static inline void *pde_data(const struct inode *inode) { return inode->i_private; }
#define PDE_DATA(inode) pde_data(inode)

/* A file whose text one function writes, or a walk through what is there, for who includes seq_file.h: its operations are
   made here. */
#define __proc_create_by(name, mode, parent, opener, releaser, data) ({ \
	static struct proc_ops __ops; \
	__ops = (struct proc_ops){ \
		.proc_open = opener, .proc_read = seq_read, .proc_lseek = seq_lseek, .proc_release = releaser, \
	}; \
	proc_create_data(name, mode, parent, &__ops, data); })
#define proc_create_single_data(name, mode, parent, show, data) ({ \
	int __open(struct inode *inode, struct file *file) { return single_open(file, show, pde_data(inode)); } \
	__proc_create_by(name, mode, parent, __open, single_release, data); })
#define proc_create_single(name, mode, parent, show) proc_create_single_data(name, mode, parent, show, NULL)
#define proc_create_seq_data(name, mode, parent, operations, data) ({ \
	int __open(struct inode *inode, struct file *file) \
	{ \
		int __error = seq_open(file, operations); \
		if (!__error) \
			((struct seq_file *)file->private_data)->private = pde_data(inode); \
		return __error; \
	} \
	__proc_create_by(name, mode, parent, __open, seq_release, data); })
#define proc_create_seq(name, mode, parent, operations) proc_create_seq_data(name, mode, parent, operations, NULL)

#endif
