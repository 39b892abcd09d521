/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_FS_H
#define _LINUX_FS_H
#include <linux/types.h>

#include <linux/err.h>
#include <linux/kdev_t.h>
#include <linux/ioctl.h>
#include <linux/stat.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/signal.h>

struct kiocb;
struct iov_iter;
struct cdev;
struct module;
struct dentry;
struct inode;
struct file;
struct seq_file;
struct vm_area_struct;
struct poll_table_struct;
struct fasync_struct;
typedef void *fl_owner_t;

/* The same as in capi/shim/src/layout.rs, all of these. */
struct file_operations {
	struct module *owner;
	loff_t (*llseek)(struct file *, loff_t, int);
	ssize_t (*read)(struct file *, char __user *, size_t, loff_t *);
	ssize_t (*write)(struct file *, const char __user *, size_t, loff_t *);
	ssize_t (*read_iter)(struct kiocb *, struct iov_iter *);
	ssize_t (*write_iter)(struct kiocb *, struct iov_iter *);
	__poll_t (*poll)(struct file *, struct poll_table_struct *);
	long (*unlocked_ioctl)(struct file *, unsigned int, unsigned long);
	long (*compat_ioctl)(struct file *, unsigned int, unsigned long);
	int (*mmap)(struct file *, struct vm_area_struct *);
	int (*open)(struct inode *, struct file *);
	int (*flush)(struct file *, fl_owner_t);
	int (*release)(struct inode *, struct file *);
	int (*fsync)(struct file *, loff_t, loff_t, int);
	int (*fasync)(int, struct file *, int);
};

/* A read or write on its way; the same as in capi/shim/src/iter.rs. */
struct kiocb {
	struct file *ki_filp;
	loff_t ki_pos;
	void (*ki_complete)(struct kiocb *request, long result);
	void *private;
	int ki_flags;
	u16 ki_ioprio;
};
#define IOCB_HIPRI 0x1
#define IOCB_DSYNC 0x2
#define IOCB_SYNC 0x4
#define IOCB_NOWAIT 0x8
#define IOCB_APPEND 0x10
#define IOCB_DIRECT (1 << 17)
static inline bool is_sync_kiocb(struct kiocb *request) { return !request->ki_complete; }

struct inode {
	umode_t i_mode;
	unsigned short i_pad[3];
	unsigned long i_ino;
	dev_t i_rdev;
	u32 i_uid_value;
	u32 i_gid_value;
	u32 i_pad2;
	loff_t i_size;
	struct cdev *i_cdev;
	void *i_private;
};

struct file {
	fmode_t f_mode;
	unsigned int f_flags;
	loff_t f_pos;
	void *private_data;
	const struct file_operations *f_op;
	struct inode *f_inode;
	unsigned long f_handle;
};

static inline unsigned int iminor(const struct inode *inode) { return MINOR(inode->i_rdev); }
static inline unsigned int imajor(const struct inode *inode) { return MAJOR(inode->i_rdev); }
static inline loff_t i_size_read(const struct inode *inode) { return inode->i_size; }

extern int alloc_chrdev_region(dev_t *first, unsigned int minor, unsigned int count, const char *name);
extern int register_chrdev_region(dev_t first, unsigned int count, const char *name);
extern void unregister_chrdev_region(dev_t first, unsigned int count);
extern int __register_chrdev(unsigned int major, unsigned int first, unsigned int count, const char *name,
			     const struct file_operations *ops);
extern void __unregister_chrdev(unsigned int major, unsigned int first, unsigned int count, const char *name);

static inline int register_chrdev(unsigned int major, const char *name, const struct file_operations *ops)
{
	return __register_chrdev(major, 0, 256, name, ops);
}
static inline void unregister_chrdev(unsigned int major, const char *name)
{
	__unregister_chrdev(major, 0, 256, name);
}

extern loff_t noop_llseek(struct file *file, loff_t offset, int whence);
extern loff_t no_llseek(struct file *file, loff_t offset, int whence);
extern loff_t default_llseek(struct file *file, loff_t offset, int whence);
extern loff_t generic_file_llseek(struct file *file, loff_t offset, int whence);
extern loff_t fixed_size_llseek(struct file *file, loff_t offset, int whence, loff_t size);
extern loff_t no_seek_end_llseek(struct file *file, loff_t offset, int whence);
extern loff_t no_seek_end_llseek_size(struct file *file, loff_t offset, int whence, loff_t size);
extern int nonseekable_open(struct inode *inode, struct file *file);
extern int stream_open(struct inode *inode, struct file *file);
extern int simple_open(struct inode *inode, struct file *file);
extern ssize_t simple_read_from_buffer(void __user *to, size_t count, loff_t *pos, const void *from,
				       size_t available);
extern ssize_t simple_write_to_buffer(void *to, size_t available, loff_t *pos, const void __user *from,
				      size_t count);

/* Whom a signal tells that the file is ready, when that was asked for (O_ASYNC). */
extern int fasync_helper(int fd, struct file *file, int on, struct fasync_struct **list);
extern void kill_fasync(struct fasync_struct **list, int signal, int band);

static inline struct inode *file_inode(const struct file *file) { return file->f_inode; }

#define FMODE_READ ((fmode_t)1)
#define FMODE_WRITE ((fmode_t)2)
#define O_ACCMODE 00000003
#define O_RDONLY 00000000
#define O_WRONLY 00000001
#define O_RDWR 00000002
#define O_CREAT 00000100
#define O_EXCL 00000200
#define O_TRUNC 00001000
#define O_APPEND 00002000
#define O_NONBLOCK 00004000
#define O_NDELAY O_NONBLOCK
#define FMODE_LSEEK ((fmode_t)4)
#define FMODE_PREAD ((fmode_t)8)
#define FMODE_PWRITE ((fmode_t)16)
#define O_NOCTTY 00000400
#define O_DSYNC 00010000
#define FASYNC 00020000
#define O_SYNC 04010000
#define O_CLOEXEC 02000000
#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2

#define MODULE_ALIAS_FS(name) MODULE_ALIAS("fs-" name)

#endif
