/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_IRQFLAGS_H
#define _LINUX_IRQFLAGS_H
#include <linux/preempt.h>
extern void __local_irq_disable(void);
extern void __local_irq_enable(void);
#define irqs_disabled() __irqs_disabled()
#define local_irq_disable() __local_irq_disable()
#define local_irq_enable() __local_irq_enable()
/* The flags: 1 when interrupts were on. */
#define local_irq_save(flags) do { flags = !__irqs_disabled(); __local_irq_disable(); } while (0)
#define local_irq_restore(flags) do { if (flags) __local_irq_enable(); } while (0)
#define local_save_flags(flags) do { flags = !__irqs_disabled(); } while (0)
#endif
