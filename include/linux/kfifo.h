/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_KFIFO_H
#define _LINUX_KFIFO_H
/* Rings of elements of one type. One writer and one reader need no lock. The counts only grow: their difference is what
   is in, and their lower bits say where. */
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <asm/barrier.h>

struct __kfifo {
	unsigned int in;
	unsigned int out;
	unsigned int mask;
	unsigned int esize;
	void *data;
};

/* The ring knows its element by the type of a pointer that is never read; what has room of its own has it behind. */
#define __KFIFO_BODY(element, size) { \
	union { \
		struct __kfifo kfifo; \
		element *type; \
	}; \
	element buf[size]; \
}
#define STRUCT_KFIFO(element, size) struct __KFIFO_BODY(element, size)
#define STRUCT_KFIFO_PTR(element) struct __KFIFO_BODY(element, 0)
struct kfifo __KFIFO_BODY(unsigned char, 0);
#define DECLARE_KFIFO(fifo, element, size) STRUCT_KFIFO(element, size) fifo
#define DECLARE_KFIFO_PTR(fifo, element) STRUCT_KFIFO_PTR(element) fifo
#define DEFINE_KFIFO(fifo, element, size) \
	DECLARE_KFIFO(fifo, element, size) = { { { .mask = (size) - 1, .esize = sizeof(element), .data = fifo.buf } } }
#define INIT_KFIFO(fifo) do { \
	__typeof__(&(fifo)) __f = &(fifo); \
	__f->kfifo = (struct __kfifo){ \
		.mask = sizeof(__f->buf) ? sizeof(__f->buf) / sizeof(*__f->type) - 1 : 0, \
		.esize = sizeof(*__f->type), .data = sizeof(__f->buf) ? (void *)__f->buf : NULL }; \
} while (0)

static inline unsigned int __kfifo_len(const struct __kfifo *fifo) { return fifo->in - fifo->out; }
static inline unsigned int __kfifo_room(const struct __kfifo *fifo) { return fifo->mask + 1 - __kfifo_len(fifo); }

/* Copies `count` elements at the count `at`, which may pass the end; how many bytes could not be copied. */
enum __kfifo_copy { __KFIFO_IN, __KFIFO_OUT, __KFIFO_FROM_USER, __KFIFO_TO_USER };
static inline unsigned long __kfifo_copy(struct __kfifo *fifo, void *other, unsigned int at, unsigned int count,
					 enum __kfifo_copy how)
{
	unsigned long left = (unsigned long)count * fifo->esize;
	unsigned long offset = (unsigned long)(at & fifo->mask) * fifo->esize;
	unsigned long room = ((unsigned long)fifo->mask + 1) * fifo->esize - offset;

	while (left) {
		unsigned long some = left < room ? left : room, missed = 0;

		switch (how) {
		case __KFIFO_IN:
			memcpy(fifo->data + offset, other, some);
			break;
		case __KFIFO_OUT:
			memcpy(other, fifo->data + offset, some);
			break;
		case __KFIFO_FROM_USER:
			missed = copy_from_user(fifo->data + offset, other, some);
			break;
		case __KFIFO_TO_USER:
			missed = copy_to_user(other, fifo->data + offset, some);
			break;
		}
		left -= some - missed;
		if (missed)
			break;
		other += some;
		offset = 0;
		room = left;
	}
	return left;
}
static inline unsigned int __kfifo_in(struct __kfifo *fifo, const void *from, unsigned int count)
{
	count = min(count, __kfifo_room(fifo));
	__kfifo_copy(fifo, (void *)from, fifo->in, count, __KFIFO_IN);
	smp_wmb();
	fifo->in += count;
	return count;
}
static inline unsigned int __kfifo_peek(struct __kfifo *fifo, void *to, unsigned int count)
{
	count = min(count, __kfifo_len(fifo));
	smp_rmb();
	__kfifo_copy(fifo, to, fifo->out, count, __KFIFO_OUT);
	return count;
}
static inline unsigned int __kfifo_out(struct __kfifo *fifo, void *to, unsigned int count)
{
	count = __kfifo_peek(fifo, to, count);
	smp_wmb();
	fifo->out += count;
	return count;
}
/* Bytes from and to user space: whole elements only. */
static inline int __kfifo_user(struct __kfifo *fifo, void *user, unsigned long bytes, unsigned int *copied,
			       enum __kfifo_copy how)
{
	bool in = how == __KFIFO_FROM_USER;
	unsigned int most = in ? __kfifo_room(fifo) : __kfifo_len(fifo);
	unsigned int count = min_t(unsigned long, bytes / fifo->esize, most);
	unsigned long left = __kfifo_copy(fifo, user, in ? fifo->in : fifo->out, count, how);
	unsigned int done = count - DIV_ROUND_UP(left, fifo->esize);

	*copied = done * fifo->esize;
	smp_wmb();
	if (in)
		fifo->in += done;
	else
		fifo->out += done;
	return left ? -EFAULT : 0;
}
static inline int __kfifo_alloc(struct __kfifo *fifo, unsigned int size, size_t element, gfp_t flags)
{
	size = roundup_pow_of_two(size);
	*fifo = (struct __kfifo){ .esize = element };
	if (size < 2)
		return -EINVAL;
	fifo->data = kmalloc_array(size, element, flags);
	if (!fifo->data)
		return -ENOMEM;
	fifo->mask = size - 1;
	return 0;
}
static inline int __kfifo_init(struct __kfifo *fifo, void *buffer, unsigned int bytes, size_t element)
{
	unsigned int size = bytes / element;

	*fifo = (struct __kfifo){ .esize = element, .data = buffer };
	if (size < 2)
		return -EINVAL;
	fifo->mask = rounddown_pow_of_two(size) - 1;
	return 0;
}
static inline void __kfifo_free(struct __kfifo *fifo)
{
	kfree(fifo->data);
	*fifo = (struct __kfifo){ .esize = fifo->esize };
}

#define kfifo_alloc(fifo, size, flags) __kfifo_alloc(&(fifo)->kfifo, size, sizeof(*(fifo)->type), flags)
#define kfifo_init(fifo, buffer, bytes) __kfifo_init(&(fifo)->kfifo, buffer, bytes, sizeof(*(fifo)->type))
#define kfifo_free(fifo) __kfifo_free(&(fifo)->kfifo)
#define kfifo_initialized(fifo) ((fifo)->kfifo.mask != 0)
#define kfifo_esize(fifo) ((fifo)->kfifo.esize)
#define kfifo_size(fifo) ((fifo)->kfifo.mask + 1)
#define kfifo_len(fifo) __kfifo_len(&(fifo)->kfifo)
#define kfifo_avail(fifo) __kfifo_room(&(fifo)->kfifo)
#define kfifo_is_empty(fifo) (kfifo_len(fifo) == 0)
#define kfifo_is_full(fifo) (kfifo_avail(fifo) == 0)
#define kfifo_reset(fifo) ((void)((fifo)->kfifo.in = (fifo)->kfifo.out = 0))
#define kfifo_reset_out(fifo) ((void)((fifo)->kfifo.out = (fifo)->kfifo.in))
#define kfifo_skip(fifo) ((void)(fifo)->kfifo.out++)

#define kfifo_put(fifo, value) ({ \
	const __typeof__(*(fifo)->type) __value = (value); \
	__kfifo_in(&(fifo)->kfifo, &__value, 1); })
#define kfifo_get(fifo, to) __kfifo_out(&(fifo)->kfifo, (__typeof__((fifo)->type))(to), 1)
#define kfifo_peek(fifo, to) __kfifo_peek(&(fifo)->kfifo, (__typeof__((fifo)->type))(to), 1)
#define kfifo_in(fifo, from, count) __kfifo_in(&(fifo)->kfifo, (const __typeof__(*(fifo)->type) *)(from), count)
#define kfifo_out(fifo, to, count) __kfifo_out(&(fifo)->kfifo, (__typeof__((fifo)->type))(to), count)
#define kfifo_out_peek(fifo, to, count) __kfifo_peek(&(fifo)->kfifo, (__typeof__((fifo)->type))(to), count)
#define kfifo_from_user(fifo, from, bytes, copied) \
	__kfifo_user(&(fifo)->kfifo, (void *)(from), bytes, copied, __KFIFO_FROM_USER)
#define kfifo_to_user(fifo, to, bytes, copied) __kfifo_user(&(fifo)->kfifo, to, bytes, copied, __KFIFO_TO_USER)
#define __kfifo_locked(does, lock) ({ \
	unsigned long __flags; \
	unsigned int __done; \
	spin_lock_irqsave(lock, __flags); \
	__done = does; \
	spin_unlock_irqrestore(lock, __flags); \
	__done; })
#define kfifo_in_spinlocked(fifo, from, count, lock) __kfifo_locked(kfifo_in(fifo, from, count), lock)
#define kfifo_out_spinlocked(fifo, to, count, lock) __kfifo_locked(kfifo_out(fifo, to, count), lock)
#define kfifo_in_locked kfifo_in_spinlocked
#define kfifo_out_locked kfifo_out_spinlocked

#endif
