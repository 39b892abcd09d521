// SPDX-License-Identifier: MIT OR Apache-2.0
// file=params.ko name=params [hostile=1] badnames: names and texts of 4 KiB, and tables of parameters that lie; what each
// answers is printed. `hostile`: also where Linux follows what the table says to nowhere, and what is left is counted.
#include "modfile.h"

enum { LONG = 4096 };

/* How long the file is by now. */
static long now;

/* Moves a section behind the file, so that it can grow; where `more` bytes begin in it. */
static unsigned grow(Elf64_Shdr *s, unsigned more) {
    unsigned at = s->sh_size;
    long to = (now + 63) & ~63L;
    memcpy(file + to, file + s->sh_offset, at);
    memset(file + to + at, 0, more);
    s->sh_offset = to, s->sh_size = at + more, now = to + at + more;
    return at;
}
/* Adds a text of 4 KiB to a section; its offset. */
static unsigned long_text(Elf64_Shdr *s, const char *start) {
    unsigned at = grow(s, LONG + 1);
    char *text = file + s->sh_offset + at;
    memset(text, 'q', LONG);
    memcpy(text, start, strlen(start));
    return at;
}
static void try(const char *what) {
    load(what, now);
    now = length;
}

static Elf64_Sym *symbols(unsigned *count) {
    Elf64_Shdr *table = kind(SHT_SYMTAB);
    *count = table->sh_size / sizeof(Elf64_Sym);
    return (Elf64_Sym *)(file + table->sh_offset);
}
static Elf64_Shdr *names(void) { return section(kind(SHT_SYMTAB)->sh_link); }
static Elf64_Sym *symbol(const char *wanted) {
    unsigned n;
    Elf64_Sym *all = symbols(&n);
    for (unsigned i = 1; i < n; i++)
        if (!strcmp(file + names()->sh_offset + all[i].st_name, wanted))
            return all + i;
    fprintf(stderr, "no symbol %s\n", wanted);
    exit(1);
}

/* The long name is found in a file of the kernel's that lists names, and can be read to the end. */
static const char *seen_in;
static int seen;
static void look_in(void) {
    static char text[1 << 16];
    FILE *f = fopen(seen_in, "r");
    while (f && fgets(text, sizeof text, f))
        seen |= strstr(text, "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq") != NULL;
    if (f)
        fclose(f);
}

static void long_names(void) {
    named(".data")->sh_name = long_text(section(head()->e_shstrndx), "");
    try("a section's name of 4 KiB");
    symbol("cleanup_module")->st_name = long_text(names(), "");
    seen_in = "/proc/kallsyms", look = look_in, seen = 0;
    try("a symbol's name of 4 KiB");
    look = NULL;
    tell("it is in kallsyms", seen ? "yes" : "no");
    symbol("_printk")->st_name = long_text(names(), "");
    try("an unknown symbol's name of 4 KiB");
    long_text(named(".modinfo"), "version2="), try("4 KiB in modinfo");
    long_text(named(".modinfo"), ""), try("4 KiB without a key in modinfo");
    grow(named(".modinfo"), 40000), try("40 KB of nothing in modinfo");
    memcpy(find(".modinfo", "license="), "lisense", 7);
    long_text(named(".modinfo"), "license="), try("a licence of 4 KiB");
    memcpy(find(".modinfo", "vermagic="), "vermagix", 8);
    long_text(named(".modinfo"), "vermagic="), try("a vermagic of 4 KiB");
    static char line[LONG + 64];
    memset(line, 0, sizeof line);
    strcpy(line, "word=");
    memset(line + 5, 'w', 1000);
    arguments = line, try("a value of 1000 bytes");
    memset(line + 5, 'w', LONG), try("a value of 4 KiB");
    strcpy(line, "word=\""), memset(line + 6, 'w', LONG), try("a quote without an end");
    arguments = "= == number= ,,, \"\" \"", try("what is no parameter");
    arguments = "number=1 list=,,,, yes=\"\"", try("lists of nothing");
    arguments = "";
}

/* The relocations of the parameters' table: of each name, module, operations, argument. */
enum { NAME, MODULE, OPS, ARGUMENT };
static Elf64_Rela *entry(int parameter, int field) {
    return (Elf64_Rela *)(file + named(".rela__param")->sh_offset) + 4 * parameter + field;
}
/* What stands in the table after all: no relocation, this number. */
static void put(int parameter, int field, unsigned long value) {
    Elf64_Rela *r = entry(parameter, field);
    r->r_info = R_X86_64_NONE;
    memcpy(file + named("__param")->sh_offset + r->r_offset, &value, sizeof value);
}
/* Its permissions. */
static void allow(int parameter, unsigned short mode) {
    memcpy(file + named("__param")->sh_offset + 40 * parameter + 24, &mode, sizeof mode);
}

static void tables(void) {
    named("__param")->sh_size = 0, named(".rela__param")->sh_size = 0, try("no parameters");
    arguments = "number=9", named("__param")->sh_flags = 0, try("parameters that are not loaded");
    named("__param")->sh_name = 0, try("parameters without a name");
    arguments = "";
    allow(0, 0xffff), try("permissions of all bits");
    allow(0, 0111), try("permissions to run");
    *entry(1, NAME) = (Elf64_Rela){entry(1, NAME)->r_offset, entry(0, NAME)->r_info, entry(0, NAME)->r_addend};
    try("one name twice");
}

/* Each parameter in turn with something in the place of an address. */
static void wild(void) {
    static const struct { const char *what; unsigned long value; } places[] = {
        {"NULL", 0}, {"nowhere", 0xdeadbeef}, {"no address", 0x8000000000000000UL}, {"the end", -1UL},
        {"the file", 0x1000}, {"user memory", 0}, {"the kernel", 0xffffffff80000000UL}};
    static const char *const fields[] = {"name", "module", "operations", "argument"};
    static char here[64];
    for (unsigned p = 0; p < sizeof places / sizeof *places; p++)
        for (int field = NAME; field <= ARGUMENT; field++) {
            unsigned long value = strcmp(places[p].what, "user memory") ? places[p].value : (unsigned long)here;
            // A write to the kernel's text is refused as well, by the page.
            int loaded = 0;
            for (int parameter = 0; parameter < 6; parameter++) {
                put(parameter, field, value);
                arguments = "number=1 small=2 word=x yes list=1,2 text=abc";
                long result = syscall(SYS_init_module, file, length, arguments);
                loaded += result == 0;
                if (result == 0) {
                    // Shown and set too.
                    static char text[5000];
                    static const char *const all[] = {"number", "small", "word", "yes", "list", "text"};
                    for (int i = 0; i < 6; i++) {
                        snprintf(text, sizeof text, "/sys/module/%s/parameters/%s", name, all[i]);
                        int fd = open(text, O_RDWR);
                        if (read(fd, text, sizeof text) < 0 || write(fd, "1", 1) < 0)
                            ;
                        close(fd);
                    }
                }
                memcpy(file, whole, length);
                syscall(SYS_delete_module, name, O_NONBLOCK);
            }
            if (!quiet)
                printf("%s at %s: %d of 6 come\n", fields[field], places[p].what, loaded);
        }
    arguments = "";
    named("__param")->sh_size -= 8, try("half a parameter");
}

static void everything(void) {
    now = length;
    long_names(), tables();
    if (hostile)
        wild();
    try("as it was");
}

static void tests(void) {
    read_module();
    everything();
    if (hostile)
        count_what_is_left(everything);
}
