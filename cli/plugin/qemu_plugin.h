/*
 * The part of QEMU's plugin interface, version 1, that count.c uses: QEMU exports these functions to a plugin that it
 * loads. Written down from QEMU's documentation of the interface ("QEMU TCG Plugins"), as Debian packages no header.
 */
#ifndef GAON_QEMU_PLUGIN_H
#define GAON_QEMU_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#define EXPORTED __attribute__((visibility("default")))

/* QEMU's name for this plugin in its calls. */
typedef uint64_t qemu_plugin_id_t;

/* What QEMU tells a plugin of itself; nothing in it is used here. */
struct qemu_info_t;

/* A block of guest code being translated, and one instruction in it: valid only during that translation. */
struct qemu_plugin_tb;
struct qemu_plugin_insn;

/* What a callback may touch of the guest's registers: nothing, here. */
enum qemu_plugin_cb_flags {
    QEMU_PLUGIN_CB_NO_REGS = 0,
};

/* What may be done without a call. */
enum qemu_plugin_op {
    QEMU_PLUGIN_INLINE_ADD_U64 = 0,
};

typedef void (*qemu_plugin_translation)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*qemu_plugin_execution)(unsigned int vcpu, void *data);
typedef void (*qemu_plugin_end)(qemu_plugin_id_t id, void *data);

/* Calls `f` whenever a block is translated. */
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, qemu_plugin_translation f);
/* Calls `f` when QEMU ends by itself. */
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, qemu_plugin_end f, void *data);
/* Calls `f` each time before the instruction is executed. */
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, qemu_plugin_execution f,
                                            enum qemu_plugin_cb_flags flags, void *data);
/* Adds `amount` to the 64-bit word at `word` each time the instruction is executed, after its callbacks. */
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, enum qemu_plugin_op op, void *word,
                                                uint64_t amount);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);

#endif
