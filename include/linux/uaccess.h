/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_UACCESS_H
#define _LINUX_UACCESS_H
/* Memory of user space: whatever the pointer is, the answer is a number of bytes not copied, or -EFAULT. */
#include <linux/types.h>
#include <linux/errno.h>

extern unsigned long _copy_to_user(void __user *to, const void *from, unsigned long length);
extern unsigned long _copy_from_user(void *to, const void __user *from, unsigned long length);
extern unsigned long clear_user(void __user *to, unsigned long length);

static __always_inline unsigned long __must_check
copy_to_user(void __user *to, const void *from, unsigned long length)
{
	return _copy_to_user(to, from, length);
}
static __always_inline unsigned long __must_check
copy_from_user(void *to, const void __user *from, unsigned long length)
{
	return _copy_from_user(to, from, length);
}
#define __copy_to_user copy_to_user
#define __copy_from_user copy_from_user
#define raw_copy_to_user copy_to_user
#define raw_copy_from_user copy_from_user

#define TASK_SIZE_MAX 0x7ffffffff000UL
#define access_ok(address, size) \
	((unsigned long)(size) <= TASK_SIZE_MAX && \
	 (unsigned long)(address) <= TASK_SIZE_MAX - (unsigned long)(size))

#define get_user(value, pointer) ({ \
	__typeof__(*(pointer)) __value; \
	int __failed = _copy_from_user((void *)&__value, (pointer), sizeof(__value)) ? -EFAULT : 0; \
	(value) = __value; \
	__failed; })
#define put_user(value, pointer) ({ \
	__typeof__(*(pointer)) __value = (value); \
	_copy_to_user((void *)(pointer), &__value, sizeof(__value)) ? -EFAULT : 0; })
#define __get_user get_user
#define __put_user put_user

#endif
