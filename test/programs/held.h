/* What the kernel holds: counts of pages by owner, of the objects and slabs of each cache, of vmalloc's areas; and whether
   they are the same as before. */
#ifndef HELD_H
#define HELD_H
#include "check.h"

/* What the kernel holds, by kind. The files are read through descriptors opened before, so that looking changes nothing:
   an open file, its path and its buffers would be objects and pages themselves. */
static const char *const held_sources[] = {"/proc/meminfo", "/proc/slabinfo", "/proc/vmstat"};
enum { SOURCES = 3, HELD_MOST = 300 };
static int held_source[SOURCES], drop_caches;
static char held_text[SOURCES][1 << 15];

static struct count { char name[48]; long value; } held[2][HELD_MOST];
static int held_kinds[2];

static inline void held_note(int which, const char *name, const char *what, long value) {
    struct count *c = &held[which][held_kinds[which]];
    if (held_kinds[which] < HELD_MOST - 1)
        held_kinds[which]++;
    snprintf(c->name, sizeof c->name, "%s%s", name, what);
    c->value = value;
}
/* Pages by owner (free ones too), slab objects and pages of each cache, vmalloc's areas. */
static inline void held_count(int which) {
    char name[32], *rest;
    long value, slabs;
    held_kinds[which] = 0;
    for (int i = 0; i < SOURCES; i++) {
        long at = 0, n;
        lseek(held_source[i], 0, SEEK_SET);
        while ((n = read(held_source[i], held_text[i] + at, sizeof held_text[i] - 1 - at)) > 0)
            at += n;
        held_text[i][at] = 0;
    }
    for (int i = 0; i < SOURCES; i++)
        for (char *line = strtok_r(held_text[i], "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
            if (i == 1 && sscanf(line, "%31s %ld %*d %*d %*d %*d : tunables %*d %*d %*d : slabdata %*d %ld", name,
                                 &value, &slabs) == 3) {
                held_note(which, name, " objects", value);
                held_note(which, name, " slabs", slabs);
            } else if (i == 0 && sscanf(line, "%31[^:]: %ld kB", name, &value) == 2) {
                held_note(which, name, " kB", value);
            } else if (i == 2 && !strncmp(line, "nr_", 3) && sscanf(line, "%31s %ld", name, &value) == 2) {
                held_note(which, name, "", value);
            }
        }
}
/* The kinds of which there are not as many as before; NULL for none. */
static inline const char *held_moved(void) {
    static char what[400];
    int at = 0;
    what[0] = 0;
    for (int i = 0; i < held_kinds[1]; i++) {
        int j = 0;
        while (j < held_kinds[0] && strcmp(held[0][j].name, held[1][i].name))
            j++;
        long before = j < held_kinds[0] ? held[0][j].value : 0;
        if (before != held[1][i].value && at < (int)sizeof what - 100)
            at += snprintf(what + at, 100, "%s%s %ld, then %ld", at ? "; " : "", held[1][i].name, before, held[1][i].value);
    }
    return at ? what : held_kinds[0] == held_kinds[1] ? NULL : "another number of kinds";
}

static inline void held_open(void) {
    for (int i = 0; i < SOURCES; i++)
        held_source[i] = works(open(held_sources[i], O_RDONLY | O_CLOEXEC));
    drop_caches = works(open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC));
    memset(held, 1, sizeof held);
    memset(held_text, 1, sizeof held_text);
    for (int i = 0; i < 2; i++) { /* each open file keeps the text it showed last */
        held_count(i);
        (void)held_moved();
    }
}
/* What only waits for its next use (lists of processors, caches, stacks) or for the dead to be buried is not in use. */
static inline void held_settle(void) {
    sync();
    (void)!pwrite(drop_caches, "3\n", 2, 0);
}
#endif
