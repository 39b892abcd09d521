/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_KPROBES_H
#define _LINUX_KPROBES_H
/* Handlers at instructions. */
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/list.h>
#include <linux/ptrace.h>
#include <linux/types.h>

/* What is not to be probed. */
#define __kprobes __section(".kprobes.text")
#define nokprobe_inline __always_inline
#define NOKPROBE_SYMBOL(function) \
	static unsigned long __used __section("_kprobe_blacklist") _kbl_addr_##function = (unsigned long)function

typedef u8 kprobe_opcode_t;
struct kprobe;
struct pt_regs;
/* Not 0: the registers say where to go on, and the instruction is not run. */
typedef int (*kprobe_pre_handler_t)(struct kprobe *probe, struct pt_regs *regs);
typedef void (*kprobe_post_handler_t)(struct kprobe *probe, struct pt_regs *regs, unsigned long flags);

/* The same as in capi/shim/src/kprobe_layout.rs. */
struct kprobe {
	struct hlist_node hlist;
	struct list_head list;
	unsigned long nmissed;
	kprobe_opcode_t *addr;
	const char *symbol_name;
	unsigned int offset;
	kprobe_pre_handler_t pre_handler;
	kprobe_post_handler_t post_handler;
	kprobe_opcode_t opcode;
	u32 flags;
};

#define KPROBE_FLAG_GONE 1
#define KPROBE_FLAG_DISABLED 2
#define KPROBE_FLAG_OPTIMIZED 4
#define KPROBE_FLAG_FTRACE 8

extern int register_kprobe(struct kprobe *probe);
extern void unregister_kprobe(struct kprobe *probe);
extern int register_kprobes(struct kprobe **probes, int count);
extern void unregister_kprobes(struct kprobe **probes, int count);
extern int enable_kprobe(struct kprobe *probe);
extern int disable_kprobe(struct kprobe *probe);

/* A call of a probed function, from its beginning to its return. */
struct kretprobe;
struct kretprobe_instance {
	struct kretprobe *rp;
	kprobe_opcode_t *ret_addr;
	void *fp;
	char data[];
};
typedef int (*kretprobe_handler_t)(struct kretprobe_instance *instance, struct pt_regs *regs);

/* The same as in capi/shim/src/kprobe_layout.rs. */
struct kretprobe {
	struct kprobe kp;
	kretprobe_handler_t handler;
	/* Not 0: this call is not told. */
	kretprobe_handler_t entry_handler;
	int maxactive;
	int nmissed;
	size_t data_size;
};

#define KRETPROBE_MAX_DATA_SIZE 4096

extern int register_kretprobe(struct kretprobe *probe);
extern void unregister_kretprobe(struct kretprobe *probe);
extern int register_kretprobes(struct kretprobe **probes, int count);
extern void unregister_kretprobes(struct kretprobe **probes, int count);
static inline int enable_kretprobe(struct kretprobe *probe) { return enable_kprobe(&probe->kp); }
static inline int disable_kretprobe(struct kretprobe *probe) { return disable_kprobe(&probe->kp); }
static inline struct kretprobe *get_kretprobe(struct kretprobe_instance *instance) { return instance->rp; }
static inline unsigned long get_kretprobe_retaddr(struct kretprobe_instance *instance)
{
	return (unsigned long)instance->ret_addr;
}

static inline bool kprobe_gone(struct kprobe *probe) { return probe->flags & KPROBE_FLAG_GONE; }
static inline bool kprobe_disabled(struct kprobe *probe) { return probe->flags & (KPROBE_FLAG_DISABLED | KPROBE_FLAG_GONE); }

#endif
