/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_IDR_H
#define _LINUX_IDR_H
/* Small numbers that stand for pointers (idr), or only for themselves (ida). */
#include <linux/preempt.h>
#include <linux/xarray.h>

struct idr {
	struct xarray idr_rt;
	unsigned int idr_base;
	unsigned int idr_next;
};
#define IDR_INIT_BASE(name, base) { XARRAY_INIT(name.idr_rt, XA_FLAGS_ALLOC), (base), 0 }
#define IDR_INIT(name) IDR_INIT_BASE(name, 0)
#define DEFINE_IDR(name) struct idr name = IDR_INIT(name)

static inline void idr_init_base(struct idr *idr, int base)
{
	xa_init_flags(&idr->idr_rt, XA_FLAGS_ALLOC);
	idr->idr_base = base;
	idr->idr_next = 0;
}
static inline void idr_init(struct idr *idr) { idr_init_base(idr, 0); }
static inline void idr_preload(gfp_t flags) { preempt_disable(); }
static inline void idr_preload_end(void) { preempt_enable(); }
static inline bool idr_is_empty(const struct idr *idr) { return xa_empty(&idr->idr_rt); }
static inline void idr_destroy(struct idr *idr) { xa_destroy(&idr->idr_rt); }
#define idr_lock(idr) xa_lock(&(idr)->idr_rt)
#define idr_unlock(idr) xa_unlock(&(idr)->idr_rt)
static inline unsigned int idr_get_cursor(const struct idr *idr) { return READ_ONCE(idr->idr_next); }
static inline void idr_set_cursor(struct idr *idr, unsigned int next) { WRITE_ONCE(idr->idr_next, next); }

static inline int __idr_give(struct idr *idr, void *pointer, unsigned long start, unsigned long max, gfp_t flags)
{
	int error = __xa_give(&idr->idr_rt, &start, max, pointer, flags);

	return error == -EBUSY ? -ENOSPC : error ?: (int)start;
}
/* The first free number from `start` up to but without `end`, which is no limit if it is not positive. */
static inline int idr_alloc(struct idr *idr, void *pointer, int start, int end, gfp_t flags)
{
	if (start < 0)
		return -EINVAL;
	if (end > 0 && end <= start)
		return -ENOSPC;
	return __idr_give(idr, pointer, start, end > 0 ? end - 1 : INT_MAX, flags);
}
static inline int idr_alloc_u32(struct idr *idr, void *pointer, u32 *id, unsigned long max, gfp_t flags)
{
	unsigned long at = *id;
	int error = __xa_give(&idr->idr_rt, &at, max, pointer, flags);

	if (!error)
		*id = at;
	return error == -EBUSY ? -ENOSPC : error;
}
static inline int idr_alloc_cyclic(struct idr *idr, void *pointer, int start, int end, gfp_t flags)
{
	int max = end > 0 ? end - 1 : INT_MAX, from = max((int)idr->idr_next, start), id;

	id = from <= max ? __idr_give(idr, pointer, from, max, flags) : -ENOSPC;
	if (id == -ENOSPC && from > start)
		id = __idr_give(idr, pointer, start, max, flags);
	if (id >= 0)
		idr->idr_next = id + 1;
	return id;
}
static inline void *idr_find(const struct idr *idr, unsigned long id)
{
	return xa_load((struct xarray *)&idr->idr_rt, id);
}
static inline void *idr_remove(struct idr *idr, unsigned long id) { return xa_erase(&idr->idr_rt, id); }
static inline void *idr_replace(struct idr *idr, void *pointer, unsigned long id)
{
	if (!__xa_get(&idr->idr_rt, id))
		return ERR_PTR(-ENOENT);
	return xa_store(&idr->idr_rt, id, pointer ?: XA_ZERO_ENTRY, GFP_NOWAIT);
}
static inline void *idr_get_next_ul(struct idr *idr, unsigned long *id)
{
	return xa_find(&idr->idr_rt, id, ULONG_MAX, XA_PRESENT);
}
static inline void *idr_get_next(struct idr *idr, int *id)
{
	unsigned long at = *id;
	void *entry = xa_find(&idr->idr_rt, &at, INT_MAX, XA_PRESENT);

	if (entry)
		*id = at;
	return entry;
}
#define idr_for_each_entry(idr, entry, id) \
	for (id = 0; ((entry) = idr_get_next(idr, &(id))) != NULL; id += 1U)
#define idr_for_each_entry_continue(idr, entry, id) \
	for ((entry) = idr_get_next((idr), &(id)); entry; ++id, (entry) = idr_get_next((idr), &(id)))
static inline int idr_for_each(const struct idr *idr, int (*each)(int id, void *pointer, void *data), void *data)
{
	unsigned long id = 0;
	void *entry;

	while ((entry = xa_find((struct xarray *)&idr->idr_rt, &id, INT_MAX, XA_PRESENT))) {
		int answer = each(id, entry, data);

		if (answer)
			return answer;
		id++;
	}
	return 0;
}

struct ida { struct xarray xa; };
#define IDA_INIT(name) { XARRAY_INIT(name.xa, XA_FLAGS_ALLOC) }
#define DEFINE_IDA(name) struct ida name = IDA_INIT(name)
static inline void ida_init(struct ida *ida) { xa_init_flags(&ida->xa, XA_FLAGS_ALLOC); }
static inline void ida_destroy(struct ida *ida) { xa_destroy(&ida->xa); }
static inline bool ida_is_empty(const struct ida *ida) { return xa_empty(&ida->xa); }
static inline int ida_alloc_range(struct ida *ida, unsigned int min, unsigned int max, gfp_t flags)
{
	unsigned long at = min;
	int error;

	if ((int)min < 0)
		return -ENOSPC;
	error = __xa_give(&ida->xa, &at, min_t(unsigned int, max, INT_MAX), xa_mk_value(1), flags);
	return error == -EBUSY ? -ENOSPC : error ?: (int)at;
}
static inline int ida_alloc(struct ida *ida, gfp_t flags) { return ida_alloc_range(ida, 0, ~0, flags); }
static inline int ida_alloc_min(struct ida *ida, unsigned int min, gfp_t flags)
{
	return ida_alloc_range(ida, min, ~0, flags);
}
static inline int ida_alloc_max(struct ida *ida, unsigned int max, gfp_t flags)
{
	return ida_alloc_range(ida, 0, max, flags);
}
static inline void ida_free(struct ida *ida, unsigned int id)
{
	if (!xa_erase(&ida->xa, id))
		WARN(1, "ida_free called for id=%d which is not allocated.\n", id);
}
#define ida_simple_get(ida, start, end, flags) ida_alloc_range(ida, start, (end) - 1, flags)
#define ida_simple_remove(ida, id) ida_free(ida, id)

#endif
