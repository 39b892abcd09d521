/* Programs that are no good: cut short, lying headers, segments where none may be. Each gives an errno or a signal. */
#include "check.h"
#include <elf.h>

static char good[1 << 22];
static long good_len;

static int try(const char *data, long len) {
    int fd = open("x", O_WRONLY | O_CREAT | O_TRUNC, 0755);
    for (long at = 0, n; at < len && (n = write(fd, data + at, len - at)) > 0; at += n) {}
    close(fd);
    return in_child({
        close(1);
        close(2);
        execl("./x", "busybox", "true", NULL);
        _exit(errno == ENOEXEC ? 100 : errno == EINVAL ? 101 : errno == ENOMEM ? 102 : errno == EIO ? 103 : 104);
    });
}
static Elf64_Ehdr *header(char *file) { return (Elf64_Ehdr *)file; }
static Elf64_Phdr *segment(char *file, int n) { return (Elf64_Phdr *)(file + header(file)->e_phoff) + n; }
/* A fresh copy of the good file, with its first loadable segment. */
static char *copy(Elf64_Phdr **load) {
    static char file[1 << 22];
    memcpy(file, good, good_len);
    for (int i = 0; i < header(file)->e_phnum; i++)
        if (segment(file, i)->p_type == PT_LOAD) {
            *load = segment(file, i);
            break;
        }
    return file;
}

static void tests(void) {
    int status;
    Elf64_Phdr *load;
    char *file;
    int fd = open("/bin/busybox", O_RDONLY);
    long n;
    while ((n = read(fd, good + good_len, sizeof good - good_len)) > 0)
        good_len += n;
    close(fd);
    status = try(good, good_len);

    begin("the good one runs");
    yes(WIFEXITED(status) && WEXITSTATUS(status) < 100);

    begin("cut short anywhere: an error or a signal, never more");
    for (long len = 0; len < 200; len += 7) {
        status = try(good, len);
        yes(WIFSIGNALED(status) || WEXITSTATUS(status) >= 100);
    }
    status = try(good, 0x1000);
    yes(WIFSIGNALED(status) || WEXITSTATUS(status) >= 100);
    status = try(good, good_len / 2);
    yes(WIFSIGNALED(status) || WIFEXITED(status));

    begin("wrong class, machine, type, version: ENOEXEC");
    file = copy(&load);
    header(file)->e_machine = EM_ARM;
    yes(exited(try(file, good_len), 100));
    file = copy(&load);
    header(file)->e_type = ET_REL;
    yes(exited(try(file, good_len), 100));
    file = copy(&load);
    file[1] = 'X';
    yes(exited(try(file, good_len), 100));

    begin("program headers that lie");
    file = copy(&load);
    header(file)->e_phentsize = 1;
    yes(exited(try(file, good_len), 100));
    file = copy(&load);
    header(file)->e_phnum = 0;
    yes(exited(try(file, good_len), 100));
    file = copy(&load);
    header(file)->e_phnum = 65535;
    status = try(file, good_len);
    yes(WIFSIGNALED(status) || WEXITSTATUS(status) >= 100);
    file = copy(&load);
    header(file)->e_phoff = -1;
    status = try(file, good_len);
    yes(WIFSIGNALED(status) || WEXITSTATUS(status) >= 100);
    file = copy(&load);
    header(file)->e_phoff = good_len - 4;
    status = try(file, good_len);
    yes(WIFSIGNALED(status) || WEXITSTATUS(status) >= 100);

    begin("segments in the kernel, on page nought, around the end, larger than the world");
    static const unsigned long places[] = {0xffffffff80000000, 0xffff888000000000, 0x8000000000000000, 0x7ffffffff000,
                                           -4096UL, 0x7fffffffffff};
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        file = copy(&load);
        load->p_vaddr = places[i];
        status = try(file, good_len);
        yes(WIFSIGNALED(status) || WEXITSTATUS(status) >= 100);
    }
    file = copy(&load);
    load->p_memsz = -1;
    status = try(file, good_len);
    yes(WIFSIGNALED(status) || WEXITSTATUS(status) >= 100);
    file = copy(&load);
    load->p_filesz = load->p_memsz + 5;
    status = try(file, good_len);
    yes(WIFSIGNALED(status) || WEXITSTATUS(status) >= 100);
    file = copy(&load);
    load->p_filesz = load->p_memsz = 1UL << 62;
    status = try(file, good_len);
    yes(WIFSIGNALED(status) || WEXITSTATUS(status) >= 100);
    file = copy(&load);
    load->p_offset = -4096;
    status = try(file, good_len);
    yes(WIFSIGNALED(status) || WEXITSTATUS(status) >= 100);
    file = copy(&load);
    load->p_offset += 1;
    status = try(file, good_len);
    yes(WIFSIGNALED(status) || WEXITSTATUS(status) >= 100);

    begin("an entry point in the kernel is a signal");
    file = copy(&load);
    header(file)->e_entry = 0xffffffff80200000;
    yes(killed(try(file, good_len), SIGSEGV));
    file = copy(&load);
    header(file)->e_entry = 0;
    status = try(file, good_len);
    yes(WIFSIGNALED(status));

    begin("an interpreter that is missing, unnamed, or itself no program");
    for (int i = 0; i < 3; i++) {
        file = copy(&load);
        Elf64_Phdr *other = segment(file, header(file)->e_phnum - 1);
        other->p_type = PT_INTERP;
        other->p_offset = 0x200;
        other->p_filesz = i == 0 ? 12 : i == 1 ? 5000 : 5;
        strcpy(file + 0x200, i == 2 ? "/dev" : "/no/such/ld");
        status = try(file, good_len);
        yes(WIFSIGNALED(status) || WEXITSTATUS(status) >= 100);
    }

    begin("every byte of the headers, one at a time, turned over");
    int ran = 0;
    for (int at = 0; at < 64 + 56 * 3; at += full() ? 1 : 5) {
        file = copy(&load);
        file[at] ^= 0xff;
        status = try(file, good_len);
        ran += WIFEXITED(status) || WIFSIGNALED(status);
    }
    yes(ran > 40);

    begin("scripts: no name, a circle, a long line");
    put_file("s1", "#!\n");
    chmod("s1", 0755);
    status = in_child({ execl("./s1", "s1", NULL); _exit(errno); });
    yes(exited(status, ENOEXEC));
    put_file("s2", "#!./s2\n");
    chmod("s2", 0755);
    status = in_child({ execl("./s2", "s2", NULL); _exit(errno); });
    yes(exited(status, ELOOP));
    memset(good, 'a', 1000);
    memcpy(good, "#!/", 3);
    good[1000] = 0;
    put_file("s3", good);
    chmod("s3", 0755);
    status = in_child({ execl("./s3", "s3", NULL); _exit(errno); });
    yes(exited(status, ENOEXEC) || exited(status, ENOENT));

    begin("writing to a running program is ETXTBSY");
    fails(open("/proc/self/exe", O_RDWR), ETXTBSY);
    put_file("w", "#!/bin/sh\n");
    chmod("w", 0755);
    fd = open("w", O_RDWR);
    status = in_child({ execl("./w", "w", NULL); _exit(errno); });
    yes(exited(status, ETXTBSY));
    close(fd);
}
