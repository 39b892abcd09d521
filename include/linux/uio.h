/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_UIO_H
#define _LINUX_UIO_H
/* Where the data of a read or write is, in one piece or many, all of it in user memory. What of it is used up is taken off
   the front, so that the same cursor is good for the rest. */
#include <linux/kernel.h>
#include <linux/types.h>
#include <linux/uaccess.h>

#define UIO_FASTIOV 8
#define UIO_MAXIOV 1024

struct iovec {
	void __user *iov_base;
	__kernel_size_t iov_len;
};

/* Many pieces, or one. */
enum iter_type { ITER_IOVEC = 0, ITER_UBUF = 6 };

/* The same as in capi/shim/src/iter.rs. */
struct iov_iter {
	u8 iter_type;
	bool data_source;
	size_t iov_offset;
	size_t count;
	const struct iovec *iov;
	unsigned long nr_segs;
};

static inline size_t iov_iter_count(const struct iov_iter *i) { return i->count; }
static inline unsigned char iov_iter_rw(const struct iov_iter *i) { return i->data_source ? WRITE : READ; }
static inline bool iter_is_iovec(const struct iov_iter *i) { return i->iter_type == ITER_IOVEC; }
static inline bool iter_is_ubuf(const struct iov_iter *i) { return i->iter_type == ITER_UBUF; }
static inline bool user_backed_iter(const struct iov_iter *i) { return true; }
static inline bool iov_iter_is_kvec(const struct iov_iter *i) { return false; }
static inline bool iov_iter_is_bvec(const struct iov_iter *i) { return false; }
static inline bool iov_iter_is_pipe(const struct iov_iter *i) { return false; }
static inline size_t iov_iter_single_seg_count(const struct iov_iter *i)
{
	size_t left = i->nr_segs ? i->iov->iov_len - i->iov_offset : 0;

	return i->nr_segs > 1 && left < i->count ? left : i->count;
}
static inline void iov_iter_truncate(struct iov_iter *i, u64 count)
{
	if (i->count > count)
		i->count = count;
}
static inline void iov_iter_reexpand(struct iov_iter *i, size_t count) { i->count = count; }
static inline size_t iov_length(const struct iovec *iov, unsigned long pieces)
{
	size_t sum = 0;

	while (pieces--)
		sum += iov++->iov_len;
	return sum;
}

static inline void iov_iter_advance(struct iov_iter *i, size_t bytes)
{
	if (bytes > i->count)
		bytes = i->count;
	i->count -= bytes;
	bytes += i->iov_offset;
	while (i->nr_segs && bytes >= i->iov->iov_len) {
		bytes -= i->iov->iov_len;
		i->iov++;
		i->nr_segs--;
	}
	i->iov_offset = bytes;
}
static inline void iov_iter_revert(struct iov_iter *i, size_t bytes)
{
	i->count += bytes;
	while (bytes > i->iov_offset) {
		bytes -= i->iov_offset;
		i->iov--;
		i->nr_segs++;
		i->iov_offset = i->iov->iov_len;
	}
	i->iov_offset -= bytes;
}

/* How many bytes arrived; the cursor moves on by as many. `move` gives how many of a piece did not. */
#define __each_piece(i, bytes, at, length, move) ({ \
	size_t __done = 0, __wanted = min_t(size_t, bytes, (i)->count); \
	while (__done < __wanted) { \
		size_t length = min_t(size_t, __wanted - __done, (i)->iov->iov_len - (i)->iov_offset); \
		void __user *at = (i)->iov->iov_base + (i)->iov_offset; \
		size_t __left = length ? (move) : 0; \
		__done += length - __left; \
		iov_iter_advance(i, length - __left); \
		if (__left) \
			break; \
	} \
	__done; })
static inline size_t copy_to_iter(const void *from, size_t bytes, struct iov_iter *i)
{
	return __each_piece(i, bytes, at, length, copy_to_user(at, from + __done, length));
}
static inline size_t copy_from_iter(void *to, size_t bytes, struct iov_iter *i)
{
	return __each_piece(i, bytes, at, length, copy_from_user(to + __done, at, length));
}
static inline size_t iov_iter_zero(size_t bytes, struct iov_iter *i)
{
	return __each_piece(i, bytes, at, length, clear_user(at, length));
}
/* All of it, or nothing is used up. */
static inline bool copy_from_iter_full(void *to, size_t bytes, struct iov_iter *i)
{
	size_t copied = copy_from_iter(to, bytes, i);

	if (copied == bytes)
		return true;
	iov_iter_revert(i, copied);
	return false;
}

#endif
