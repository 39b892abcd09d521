/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module's file in memory, to be changed and loaded: file=FILE.ko name=NAME [hostile=1] PROGRAM. */
#ifndef MODFILE_H
#define MODFILE_H
#include "../../programs/counts.h"
#include <elf.h>

/* Room behind the file for what grows. */
#define ROOM 65536

static char *whole, *file;
static long length, hostile;
static const char *name, *path;
/* What is passed to the module. */
static const char *arguments = "";
/* Does something with the module while it is there. */
static void (*look)(void);

static const char *answer(long result) {
    if (result == 0) {
        if (look)
            look();
        syscall(SYS_delete_module, name, O_NONBLOCK);
    }
    return result == 0 ? "0" : strerrorname_np(errno);
}
static long quiet;
static void tell(const char *what, const char *text) {
    if (!quiet)
        printf("%s: %s\n", what, text);
}
/* Loads `len` bytes of the file as it is changed now, and changes it back. */
static void load(const char *what, long len) {
    tell(what, answer(syscall(SYS_init_module, file, len, arguments)));
    memcpy(file, whole, length);
}
static Elf64_Ehdr *head(void) { return (Elf64_Ehdr *)file; }
static Elf64_Shdr *section(int number) { return (Elf64_Shdr *)(file + head()->e_shoff) + number; }
static int number_of(const char *wanted) {
    const char *names = file + section(head()->e_shstrndx)->sh_offset;
    for (int i = 1; i < head()->e_shnum; i++)
        if (!strcmp(names + section(i)->sh_name, wanted))
            return i;
    fprintf(stderr, "no section %s\n", wanted);
    exit(1);
}
static Elf64_Shdr *named(const char *wanted) { return section(number_of(wanted)); }
static Elf64_Shdr *kind(unsigned type) {
    for (int i = 1; i < head()->e_shnum; i++)
        if (section(i)->sh_type == type)
            return section(i);
    return NULL;
}
/* The first byte of a string in a section. */
static char *find(const char *where, const char *text) {
    Elf64_Shdr *s = named(where);
    return memmem(file + s->sh_offset, s->sh_size, text, strlen(text));
}

/* Reads the file. */
static void read_module(void) {
    setlinebuf(stdout);
    path = getenv("file"), name = getenv("name"), hostile = getenv("hostile") != NULL;
    int fd = open(path, O_RDONLY);
    length = lseek(fd, 0, SEEK_END);
    whole = malloc(length), file = malloc(length + ROOM);
    if (pread(fd, whole, length, 0) != length)
        exit(1);
    close(fd);
    memcpy(file, whole, length);
}

/* Does everything again and again until nothing is left behind; says what is. */
static void count_what_is_left(void (*everything)(void)) {
    const char *what = NULL;
    quiet = 1;
    open_counts();
    // What is freed late is given some time: RCU, threads on their way out.
    for (int tries = 0; tries < 15; tries++) {
        pause_ms(100);
        write(drop_caches, "3", 1);
        count(0);
        everything();
        pause_ms(100);
        write(drop_caches, "3", 1);
        count(1);
        if (!(what = moved()))
            break;
    }
    printf("left behind: %s\n", what ? what : "nothing");
}
#endif
