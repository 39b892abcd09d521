// SPDX-License-Identifier: MIT OR Apache-2.0
// file=FILE.ko name=NAME [hostile=1] badmods: what is no module, or a broken one, in every way that matters; what each
// answers is printed. `hostile`: also what Linux does not look at, and what the kernel holds before and after is counted.
#include "modfile.h"

/* A relocation of a section that is loaded. */
static Elf64_Rela *relocation(const char *where, unsigned type) {
    Elf64_Shdr *s = named(where);
    Elf64_Rela *r = (Elf64_Rela *)(file + s->sh_offset);
    for (unsigned i = 0; i < s->sh_size / sizeof *r; i++)
        if (!type || ELF64_R_TYPE(r[i].r_info) == type)
            return r + i;
    return r;
}

static void cut(void) {
    long wrong = 0, ends[400], n = 0;
    for (int i = 1; i < head()->e_shnum && n < 390; i++) {
        ends[n++] = section(i)->sh_offset;
        ends[n++] = section(i)->sh_offset + section(i)->sh_size - 1;
    }
    long shoff = head()->e_shoff, more[] = {0, 1, 15, 16, 63, 64, 65, shoff - 1, shoff, shoff + 1, shoff + 63, shoff + 64,
                                            length - 1};
    for (unsigned i = 0; i < sizeof more / sizeof *more; i++)
        ends[n++] = more[i];
    for (long i = 0; i < n; i++)
        if (ends[i] < length && (syscall(SYS_init_module, file, ends[i], "") != -1 || errno != ENOEXEC))
            wrong++;
    tell("cut anywhere, not ENOEXEC", wrong ? "some" : "none");
}

static void headers(void) {
    head()->e_ident[0] = 0, load("magic", length);
    head()->e_type = ET_EXEC, load("program", length);
    head()->e_type = ET_CORE, load("core", length);
    head()->e_machine = EM_386, load("machine i386", length);
    head()->e_machine = EM_AARCH64, load("machine arm", length);
    head()->e_shentsize = 63, load("small headers", length);
    head()->e_shentsize = 65, load("large headers", length);
    head()->e_shnum = 0, load("no sections", length);
    head()->e_shnum = 0xfeff, load("most sections", length);
    head()->e_shoff = length - 63, load("headers past the end", length);
    head()->e_shoff = -64, load("headers at the end of all", length);
    head()->e_shstrndx = 0, load("no names", length);
    head()->e_shstrndx = head()->e_shnum, load("names past the end", length);
    head()->e_shstrndx = number_of(".text"), load("names that are no text", length);
}

static void sections(void) {
    named(".text")->sh_offset = length, load("text past the end", length);
    named(".text")->sh_offset = -16, load("text at the end of all", length);
    named(".text")->sh_size = length, load("text too long", length);
    named(".text")->sh_size = -1, load("text of all sizes", length);
    named(".text")->sh_name = -1, load("a name past the end", length);
    named(".modinfo")->sh_name = 0, load("no modinfo", length);
    named(".gnu.linkonce.this_module")->sh_name = 0, load("no record", length);
    // Linux ends here.
    if (hostile) {
        named(".gnu.linkonce.this_module")->sh_type = SHT_NOBITS, load("record without content", length);
        named(".gnu.linkonce.this_module")->sh_flags = 0, load("record that is not loaded", length);
    }
    kind(SHT_SYMTAB)->sh_type = SHT_PROGBITS, load("stripped", length);
    kind(SHT_SYMTAB)->sh_link = head()->e_shnum, load("symbols without names", length);
    kind(SHT_SYMTAB)->sh_link = 0, load("symbols with empty names", length);
    named(".debug_str")->sh_type = SHT_SYMTAB, load("two tables of symbols", length);
}

static void symbols(void) {
    char *text = find(".strtab", "_printk");
    memcpy(text, "_nobody", 7), load("unknown symbol", length);
    Elf64_Shdr *table = kind(SHT_SYMTAB);
    Elf64_Sym *symbol = (Elf64_Sym *)(file + table->sh_offset);
    unsigned n = table->sh_size / sizeof *symbol;
    if (hostile)
        symbol[n - 1].st_name = -1, load("symbol's name past the end", length);
    for (unsigned i = 1; i < n; i++)
        if (symbol[i].st_shndx == SHN_UNDEF) {
            symbol[i].st_shndx = SHN_COMMON, load("common symbol", length);
            break;
        }
    for (unsigned i = 1; i < n; i++)
        if (symbol[i].st_shndx < SHN_LORESERVE && symbol[i].st_shndx != SHN_UNDEF) {
            symbol[i].st_shndx = head()->e_shnum;
            if (hostile)
                load("symbol in a section past the end", length);
            break;
        }
    memcpy(file, whole, length);
}

static void relocations(void) {
    relocation(".rela.init.text", 0)->r_info = ELF64_R_INFO(1, 99), load("relocation of no kind", length);
    relocation(".rela.init.text", R_X86_64_32S)->r_addend = 1L << 33, load("absolute out of range", length);
    Elf64_Rela *r = relocation(".rela.init.text", R_X86_64_PLT32);
    r[1].r_offset = r[0].r_offset, r[1].r_info = r[0].r_info, load("relocated twice", length);
    if (!hostile)
        return;
    relocation(".rela.init.text", R_X86_64_PLT32)->r_addend = 1L << 33, load("relative out of range", length);
    relocation(".rela.init.text", 0)->r_offset = 1 << 20, load("relocation past its section", length);
    relocation(".rela.init.text", 0)->r_offset = -4, load("relocation before its section", length);
    relocation(".rela.init.text", 0)->r_info = ELF64_R_INFO(1 << 24, R_X86_64_64), load("relocation by no symbol", length);
    named(".rela.init.text")->sh_size -= 1, load("half a relocation", length);
}

static void modinfo(void) {
    Elf64_Shdr *info = named(".modinfo");
    file[info->sh_offset + info->sh_size - 1] = 'x', load("modinfo without an end", length);
    memset(file + info->sh_offset, 0, info->sh_size), load("empty modinfo", length);
    memset(file + info->sh_offset, '=', info->sh_size - 1), load("modinfo of no keys", length);
    memcpy(find(".modinfo", "vermagic="), "vermagix", 8), load("no vermagic", length);
    memcpy(strstr(find(".modinfo", "vermagic="), "SMP"), "XXX", 3), load("another vermagic", length);
    memcpy(find(".modinfo", "name="), "mane", 4), load("no name", length);
    memcpy(find(".modinfo", "license="), "lisense", 7), load("no licence", length);
}

static void calls(void) {
    tell("at NULL", answer(syscall(SYS_init_module, NULL, length, "")));
    tell("nothing", answer(syscall(SYS_init_module, file, 0, "")));
    tell("too much", answer(syscall(SYS_init_module, file, 1L << 40, "")));
    tell("arguments nowhere", answer(syscall(SYS_init_module, file, length, (char *)8)));
    static char line[5000] = "a=";
    memset(line + 2, 'y', 4096);
    tell("an argument of 4 KiB", answer(syscall(SYS_init_module, file, length, line)));
    memset(line, 'x', 4096);
    tell("a name of 4 KiB", answer(syscall(SYS_init_module, file, length, line)));
    int fd = open(path, O_RDONLY), folder = open("/", O_RDONLY), empty = open("/tmp/badmods", O_RDWR | O_CREAT, 0600);
    int written = open(path, O_WRONLY);
    tell("file that is written", answer(syscall(SYS_finit_module, fd, "", 0)));
    tell("file for writing", answer(syscall(SYS_finit_module, written, "", 0)));
    close(written);
    tell("file", answer(syscall(SYS_finit_module, fd, "", 0)));
    tell("flags", answer(syscall(SYS_finit_module, fd, "", 8)));
    tell("compressed", answer(syscall(SYS_finit_module, fd, "", 4)));
    tell("folder", answer(syscall(SYS_finit_module, folder, "", 0)));
    tell("empty file", answer(syscall(SYS_finit_module, empty, "", 0)));
    write(empty, file, 70);
    close(empty), empty = open("/tmp/badmods", O_RDONLY);
    tell("file cut", answer(syscall(SYS_finit_module, empty, "", 0)));
    tell("no file", answer(syscall(SYS_finit_module, -1, "", 0)));
    close(fd), close(folder), close(empty), unlink("/tmp/badmods");
    tell("delete at NULL", answer(syscall(SYS_delete_module, NULL, O_NONBLOCK)));
    tell("delete nothing", answer(syscall(SYS_delete_module, "", O_NONBLOCK)));
    tell("delete what is not there", answer(syscall(SYS_delete_module, "nosuch", O_NONBLOCK)));
    tell("delete by a long name", answer(syscall(SYS_delete_module, line, O_NONBLOCK)));
    seteuid(1000);
    tell("init by a user", answer(syscall(SYS_init_module, NULL, 0, NULL)));
    tell("file by a user", answer(syscall(SYS_finit_module, -1, NULL, 99)));
    tell("delete by a user", answer(syscall(SYS_delete_module, NULL, 0)));
    seteuid(0);
}

/* Eight threads load and unload the same module. */
static long strange;
static void *thread(void *arg) {
    int fd = open(path, O_RDONLY);
    for (int i = 0; i < 25; i++) {
        if (syscall(SYS_finit_module, fd, "", 0) == -1 && errno != EEXIST && errno != EBUSY)
            strange = errno;
        if (syscall(SYS_delete_module, name, O_NONBLOCK) == -1 && errno != ENOENT && errno != EBUSY && errno != EAGAIN)
            strange = errno;
    }
    close(fd);
    return arg;
}
static void threads(void) {
    pthread_t all[8];
    for (int i = 0; i < 8; i++)
        pthread_create(all + i, NULL, thread, NULL);
    for (int i = 0; i < 8; i++)
        pthread_join(all[i], NULL);
    syscall(SYS_delete_module, name, O_NONBLOCK);
    tell("eight at a time", strange ? strerrorname_np(strange) : "0");
}

static void everything(void) {
    cut(), headers(), sections(), symbols(), relocations(), modinfo(), calls(), threads();
    load("as it was", length);
}

static void tests(void) {
    read_module();
    everything();
    if (hostile)
        count_what_is_left(everything);
}
