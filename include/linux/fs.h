/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_FS_H
#define _LINUX_FS_H
#include <linux/types.h>

struct kiocb;
struct iov_iter;
struct file_operations;
struct cdev;

/* The same as in capi/src/layout.rs. */
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
#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2

#endif
