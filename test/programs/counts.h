/* What the kernel holds, counted before and after something that must leave nothing behind. Open `source[]` and
   `drop_caches` first (`open_counts`), count, do it, drop the caches, count, ask what has moved. */
#ifndef COUNTS_H
#define COUNTS_H
#include "check.h"

/* What the kernel holds, by kind. The files are read through descriptors opened before, so that looking changes nothing:
   an open file, its path and its buffers would be objects and pages themselves. */
static const char *const sources[] = {"/proc/meminfo", "/proc/slabinfo", "/proc/vmstat"};
enum { SOURCES = 3, MOST = 300 };
static int source[SOURCES], drop_caches;
/* 1, 2: counts objects alone: of a few things that died among much that lives, pages say where the rest came to lie. */
static int objects_alone;
/* With those: what is no object, and still nobody else's. */
static const char *const beside[] = {"VmallocUsed", "PageTables", "KernelStack", "Percpu"};
static int is_beside(const char *name) {
    for (unsigned i = 0; i < sizeof beside / sizeof *beside; i++)
        if (!strcmp(name, beside[i]))
            return 1;
    return 0;
}
static char text[SOURCES][1 << 15];

static struct count { char name[48]; long value; } held[2][MOST];
static int kinds[2];

static void note_count(int which, const char *name, const char *what, long value) {
    if (objects_alone && strcmp(what, " objects") && !(objects_alone > 1 && is_beside(name)))
        return;
    struct count *c = &held[which][kinds[which]];
    if (kinds[which] < MOST - 1)
        kinds[which]++;
    snprintf(c->name, sizeof c->name, "%s%s", name, what);
    c->value = value;
}
/* Pages by owner (free ones too), slab objects and pages of each cache, vmalloc's areas. */
static void count(int which) {
    char name[32], *rest;
    long value, slabs;
    kinds[which] = 0;
    /* Twice: what looking itself takes is at hand the second time, and so counted alike. */
    for (int n_source = 0; n_source < 2 * SOURCES; n_source++) {
        int i = n_source % SOURCES;
        long at = 0, n;
        lseek(source[i], 0, SEEK_SET);
        while ((n = read(source[i], text[i] + at, sizeof text[i] - 1 - at)) > 0)
            at += n;
        text[i][at] = 0;
    }
    for (int i = 0; i < SOURCES; i++)
        for (char *line = strtok_r(text[i], "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
            if (i == 1 && sscanf(line, "%31s %ld %*d %*d %*d %*d : tunables %*d %*d %*d : slabdata %*d %ld", name,
                                 &value, &slabs) == 3) {
                note_count(which, name, " objects", value);
                note_count(which, name, " slabs", slabs);
            } else if (i == 0 && sscanf(line, "%31[^:]: %ld kB", name, &value) == 2) {
                note_count(which, name, " kB", value);
            } else if (i == 2 && !strncmp(line, "nr_", 3) && sscanf(line, "%31s %ld", name, &value) == 2) {
                note_count(which, name, "", value);
            }
        }
}
/* The kinds of which there are not as many as before; NULL for none. */
static const char *moved(void) {
    static char what[600];
    int at = 0;
    for (int i = 0; i < kinds[1]; i++) {
        int j = 0;
        while (j < kinds[0] && strcmp(held[0][j].name, held[1][i].name))
            j++;
        long before = j < kinds[0] ? held[0][j].value : 0;
        if (before != held[1][i].value && at < (int)sizeof what - 100)
            at += snprintf(what + at, 100, "%s%s %ld, then %ld", at ? "; " : "", held[1][i].name, before, held[1][i].value);
    }
    return at ? what : kinds[0] == kinds[1] ? NULL : "another number of kinds";
}

static inline void open_counts(void) {
    for (int i = 0; i < SOURCES; i++)
        source[i] = works(open(sources[i], O_RDONLY | O_CLOEXEC));
    drop_caches = works(open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC));
    /* What counts is there before it counts: these pages, and the text that an open file keeps. */
    memset(held, 1, sizeof held);
    memset(text, 1, sizeof text);
    for (int i = 0; i < 2; i++) {
        count(i);
        (void)moved();
    }
}
/* What only waits for its next use (lists of processors, caches, stacks) or for the dead to be buried is not in use. */
static inline void settle(void) {
    sync();
    (void)!pwrite(drop_caches, "3\n", 2, 0);
}
static inline void settle_and_count(int which) {
    settle();
    pause_ms(20);
    settle();
    count(which);
}
/* Does `once(0)`, `once(1)`, ..., each of which answers `good`, until the kernel holds after it what it held before, `tries`
   times at most: tables grow to the most there ever was, what leaks moves in every round. Linux keeps caches of its own: there
   is nothing exact to compare, and it is done once. */
static inline void must_leave_nothing(int (*once)(int), int good, int tries) {
    char release[100];
    get_file("/proc/sys/kernel/osrelease", release, sizeof release);
    int exact = strstr(release, "gaon") != NULL;
    const char *what = "nothing";
    for (int i = 0; what && i < (exact ? tries : 1); i++) {
        settle_and_count(0);
        is(once(i), good);
        settle_and_count(1);
        what = moved();
    }
    if (what && exact)
        check_fail(__LINE__, what, 0, "the same as before", 0);
}
#endif
