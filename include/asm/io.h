/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _ASM_IO_H
#define _ASM_IO_H
/* I/O ports: one at a time, and many times the same. Memory of devices, where it is seen by ioremap(). Nothing of this is
   checked: a device does what it is told. */
#include <linux/types.h>
#include <linux/compiler.h>
#include <asm/page.h>

#define __PORTS(letter, type, width) \
static __always_inline void out##letter(type value, int port) \
{ \
	asm volatile("out" #letter " %" width "0, %w1" : : "a" (value), "Nd" (port)); \
} \
static __always_inline type in##letter(int port) \
{ \
	type value; \
	asm volatile("in" #letter " %w1, %" width "0" : "=a" (value) : "Nd" (port)); \
	return value; \
} \
static __always_inline void out##letter##_p(type value, int port) { out##letter(value, port); } \
static __always_inline type in##letter##_p(int port) { return in##letter(port); } \
static __always_inline void outs##letter(int port, const void *from, unsigned long count) \
{ \
	asm volatile("rep; outs" #letter : "+S" (from), "+c" (count) : "d" (port) : "memory"); \
} \
static __always_inline void ins##letter(int port, void *to, unsigned long count) \
{ \
	asm volatile("rep; ins" #letter : "+D" (to), "+c" (count) : "d" (port) : "memory"); \
}
__PORTS(b, unsigned char, "b")
__PORTS(w, unsigned short, "w")
__PORTS(l, unsigned int, "")

/* NULL: it is RAM, or nothing, or there is no memory. */
extern void __iomem *ioremap(resource_size_t start, unsigned long size);
extern void __iomem *ioremap_cache(resource_size_t start, unsigned long size);
extern void iounmap(volatile void __iomem *address);
#define ioremap_uc ioremap
/* Writes are not combined: that is allowed, and slower. */
#define ioremap_wc ioremap
#define ioremap_wt ioremap

#define __MEMORY(letter, type, bits) \
static __always_inline type read##letter(const volatile void __iomem *address) \
{ \
	return *(const volatile type *)address; \
} \
static __always_inline void write##letter(type value, volatile void __iomem *address) \
{ \
	*(volatile type *)address = value; \
} \
static __always_inline type read##letter##_relaxed(const volatile void __iomem *address) { return read##letter(address); } \
static __always_inline void write##letter##_relaxed(type value, volatile void __iomem *address) \
{ \
	write##letter(value, address); \
} \
static __always_inline type ioread##bits(const volatile void __iomem *address) { return read##letter(address); } \
static __always_inline void iowrite##bits(type value, volatile void __iomem *address) { write##letter(value, address); } \
static __always_inline void ioread##bits##_rep(const volatile void __iomem *address, void *to, unsigned long count) \
{ \
	type *at = to; \
	while (count--) \
		*at++ = read##letter(address); \
} \
static __always_inline void iowrite##bits##_rep(volatile void __iomem *address, const void *from, unsigned long count) \
{ \
	const type *at = from; \
	while (count--) \
		write##letter(*at++, address); \
}
__MEMORY(b, u8, 8)
__MEMORY(w, u16, 16)
__MEMORY(l, u32, 32)
__MEMORY(q, u64, 64)

static inline void memcpy_fromio(void *to, const volatile void __iomem *from, size_t size)
{
	const volatile u8 *at = from;
	u8 *byte = to;

	while (size--)
		*byte++ = *at++;
}
static inline void memcpy_toio(volatile void __iomem *to, const void *from, size_t size)
{
	volatile u8 *at = to;
	const u8 *byte = from;

	while (size--)
		*at++ = *byte++;
}
static inline void memset_io(volatile void __iomem *to, int byte, size_t size)
{
	volatile u8 *at = to;

	while (size--)
		*at++ = byte;
}

#endif
