/*
 * A plugin for QEMU's translator that counts the instructions a guest executes: between the marks that the benchmark
 * program sets, and from reset to the kernel's entry and to the first user instruction. Waiting is not executing, so
 * the jumps that `-icount sleep=off` makes over idle time do not count. cli/src/vm/plugin.rs builds it, starts QEMU with
 * it and reads the answers.
 *
 *   qemu-system-x86_64 -plugin count.so,out=FILE[,entry=ADDRESS][,user=ADDRESS][,profile=on] ...
 *
 * Marks are two eight-byte no-operations of user code (BEGIN and END below). FILE gets one line per event, at once, since
 * QEMU may be killed rather than end:
 *
 *   entry N      executed before the first instruction at `entry`
 *   user N       executed before the first user instruction after it
 *   section N    executed between a BEGIN and the END after it
 *   at A N       with profile=on, behind its section: of these, N at address A (hexadecimal)
 *   total N      executed until QEMU ended by itself
 *
 * Each instruction adds for itself, not each block for all of its own: a fault leaves a block half way, and an access to
 * a device makes QEMU start over in the middle of one, so that counts by blocks come out too high.
 */
#include "qemu_plugin.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

EXPORTED int qemu_plugin_version = 1;

/* nopl 0x45474247(%rax,%rax,1) and nopl 0x444e4547(%rax,%rax,1): "GBGE" and "GEND". */
static const uint8_t BEGIN[8] = {0x0f, 0x1f, 0x84, 0x00, 0x47, 0x42, 0x45, 0x47};
static const uint8_t END[8] = {0x0f, 0x1f, 0x84, 0x00, 0x47, 0x45, 0x4e, 0x44};

/* Programs stand below, the kernel above. */
#define USER_END (UINT64_C(1) << 47)
/* A kernel that starts at physical addresses does so below this; a program here is a program. */
#define PHYSICAL_END (UINT64_C(1) << 32)
#define NOWHERE UINT64_MAX

static FILE *out;
static uint64_t entry_address = NOWHERE;
static uint64_t user_address = NOWHERE;
static bool profile;

/* Instructions executed so far. */
static uint64_t executed;
static bool entered, user_reached;
static bool in_section;
static uint64_t section_start;

/* Counts by address: a hash table (open addressing) of places in chunks, which never move, as translated code holds
   their addresses. */
struct place {
    uint64_t address;
    uint64_t count;
};
#define CHUNK 16384
static struct place **chunks;
static size_t places, chunk_count;
static struct place **table;
static size_t table_size;
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;

static void *checked(void *memory)
{
    if (!memory) {
        fputs("gaon's plugin: out of memory\n", stderr);
        abort();
    }
    return memory;
}

static struct place **slot_of(uint64_t address)
{
    size_t at = (size_t)((address * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (table_size - 1);
    while (table[at] && table[at]->address != address)
        at = (at + 1) & (table_size - 1);
    return &table[at];
}

static struct place *nth_place(size_t n)
{
    return &chunks[n / CHUNK][n % CHUNK];
}

static void grow_table(void)
{
    free(table);
    table_size = table_size ? table_size * 2 : 1 << 16;
    table = checked(calloc(table_size, sizeof *table));
    for (size_t n = 0; n < places; n++)
        *slot_of(nth_place(n)->address) = nth_place(n);
}

static struct place *place_of(uint64_t address)
{
    if (places * 2 >= table_size)
        grow_table();
    struct place **slot = slot_of(address);
    if (!*slot) {
        if (places == chunk_count * CHUNK) {
            chunks = checked(realloc(chunks, (chunk_count + 1) * sizeof *chunks));
            chunks[chunk_count++] = checked(calloc(CHUNK, sizeof **chunks));
        }
        *slot = nth_place(places++);
        (*slot)->address = address;
    }
    return *slot;
}

static void at_begin(unsigned int vcpu, void *data)
{
    (void)vcpu, (void)data;
    in_section = true;
    /* This mark adds itself after this call. */
    section_start = executed + 1;
    pthread_mutex_lock(&table_lock);
    for (size_t n = 0; n < places; n++)
        nth_place(n)->count = 0;
    pthread_mutex_unlock(&table_lock);
}

static void at_end(unsigned int vcpu, void *data)
{
    (void)vcpu, (void)data;
    if (!in_section)
        return;
    in_section = false;
    fprintf(out, "section %" PRIu64 "\n", executed - section_start);
    pthread_mutex_lock(&table_lock);
    for (size_t n = 0; n < places; n++) {
        const struct place *place = nth_place(n);
        if (place->count)
            fprintf(out, "at %" PRIx64 " %" PRIu64 "\n", place->address, place->count);
    }
    pthread_mutex_unlock(&table_lock);
    fflush(out);
}

static void at_entry(unsigned int vcpu, void *data)
{
    (void)vcpu, (void)data;
    if (entered)
        return;
    entered = true;
    fprintf(out, "entry %" PRIu64 "\n", executed);
    fflush(out);
}

static void at_user(unsigned int vcpu, void *data)
{
    (void)vcpu, (void)data;
    if (user_reached || !entered)
        return;
    user_reached = true;
    fprintf(out, "user %" PRIu64 "\n", executed);
    fflush(out);
}

/* What has to be called before the instruction, if anything. */
static qemu_plugin_execution event_of(struct qemu_plugin_insn *insn, uint64_t address)
{
    if (address == entry_address && !entered)
        return at_entry;
    if (address >= USER_END)
        return NULL;
    if (!user_reached && entered && (address >= PHYSICAL_END || address == user_address))
        return at_user;
    if (qemu_plugin_insn_size(insn) == sizeof BEGIN) {
        const void *bytes = qemu_plugin_insn_data(insn);
        if (memcmp(bytes, BEGIN, sizeof BEGIN) == 0)
            return at_begin;
        if (memcmp(bytes, END, sizeof END) == 0)
            return at_end;
    }
    return NULL;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    size_t count = qemu_plugin_tb_n_insns(tb);
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint64_t address = qemu_plugin_insn_vaddr(insn);
        qemu_plugin_execution event = event_of(insn, address);
        if (event)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, event, QEMU_PLUGIN_CB_NO_REGS, NULL);
        qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64, &executed, 1);
        if (profile) {
            pthread_mutex_lock(&table_lock);
            struct place *place = place_of(address);
            pthread_mutex_unlock(&table_lock);
            qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64, &place->count, 1);
        }
    }
}

static void ended(qemu_plugin_id_t id, void *data)
{
    (void)id, (void)data;
    fprintf(out, "total %" PRIu64 "\n", executed);
    fclose(out);
}

EXPORTED int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value) {
            fprintf(stderr, "gaon's plugin: %s\n", argv[i]);
            return -1;
        }
        *value++ = '\0';
        if (strcmp(argv[i], "out") == 0) {
            out = fopen(value, "w");
            if (!out)
                perror(value);
        } else if (strcmp(argv[i], "entry") == 0) {
            entry_address = strtoull(value, NULL, 0);
        } else if (strcmp(argv[i], "user") == 0) {
            user_address = strtoull(value, NULL, 0);
        } else if (strcmp(argv[i], "profile") == 0) {
            profile = strcmp(value, "on") == 0;
        } else {
            fprintf(stderr, "gaon's plugin: %s\n", argv[i]);
            return -1;
        }
    }
    if (!out) {
        fputs("gaon's plugin: out=FILE is needed\n", stderr);
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
