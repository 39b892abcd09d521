/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _ASM_SPECIAL_INSNS_H
#define _ASM_SPECIAL_INSNS_H
/* Control registers, to look at. */
#define __CONTROL_REGISTER(name) \
static inline unsigned long native_read_##name(void) \
{ \
	unsigned long value; \
	asm volatile("mov %%" #name ", %0" : "=r" (value)); \
	return value; \
} \
static inline unsigned long read_##name(void) { return native_read_##name(); }
__CONTROL_REGISTER(cr0)
__CONTROL_REGISTER(cr2)
#undef __CONTROL_REGISTER
static inline unsigned long __read_cr3(void)
{
	unsigned long value;
	asm volatile("mov %%cr3, %0" : "=r" (value));
	return value;
}
#define X86_CR0_PE 0x00000001UL
#define X86_CR0_WP 0x00010000UL
#define X86_CR0_PG 0x80000000UL
#endif
