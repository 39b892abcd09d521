/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _ASM_PTRACE_H
#define _ASM_PTRACE_H
/* The registers at a trap. The same as in capi/shim/src/kprobe_layout.rs. */
#include <linux/types.h>

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx;
	unsigned long r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax;
	unsigned long ip, cs, flags, sp, ss;
};

#define MAX_REG_OFFSET offsetof(struct pt_regs, ss)

static inline unsigned long regs_return_value(struct pt_regs *regs) { return regs->ax; }
static inline void regs_set_return_value(struct pt_regs *regs, unsigned long value) { regs->ax = value; }
static inline unsigned long instruction_pointer(struct pt_regs *regs) { return regs->ip; }
static inline void instruction_pointer_set(struct pt_regs *regs, unsigned long ip) { regs->ip = ip; }
static inline unsigned long kernel_stack_pointer(struct pt_regs *regs) { return regs->sp; }
static inline unsigned long user_stack_pointer(struct pt_regs *regs) { return regs->sp; }
static inline unsigned long frame_pointer(struct pt_regs *regs) { return regs->bp; }
static inline int user_mode(struct pt_regs *regs) { return (regs->cs & 3) != 0; }
static inline bool regs_irqs_disabled(struct pt_regs *regs) { return !(regs->flags & 0x200); }

static inline unsigned long regs_get_register(struct pt_regs *regs, unsigned int offset)
{
	return offset > MAX_REG_OFFSET ? 0 : *(unsigned long *)((char *)regs + offset);
}

/* The word so many words above the stack pointer; 0 where that is another stack's (of 16 KiB, like all). */
static inline unsigned long regs_get_kernel_stack_nth(struct pt_regs *regs, unsigned int n)
{
	unsigned long at = regs->sp + n * sizeof(long);

	return (at ^ regs->sp) >> 14 ? 0 : *(unsigned long *)at;
}

/* An argument of a function of C's at its first instruction, counted from 0. */
static inline unsigned long regs_get_kernel_argument(struct pt_regs *regs, unsigned int n)
{
	switch (n) {
	case 0: return regs->di;
	case 1: return regs->si;
	case 2: return regs->dx;
	case 3: return regs->cx;
	case 4: return regs->r8;
	case 5: return regs->r9;
	default: return regs_get_kernel_stack_nth(regs, n - 5);
	}
}

#endif
