/* What the tests of huge pages share: the pool and its counts. */
#ifndef HUGE_H
#define HUGE_H
#include "check.h"

#define MB2 (2L << 20)

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif

/* A count of /proc/meminfo, or of another file of such lines. */
static inline long count_in(const char *path, const char *name) {
    static char text[1 << 16];
    size_t len = strlen(name);
    if (get_file(path, text, sizeof text) < 0)
        return -1;
    for (char *line = text; line; line = strchr(line, '\n'), line += line != NULL)
        if (!strncmp(line, name, len) && line[len] == ':')
            return strtol(line + len + 1, NULL, 10);
    return -2;
}
#define total() count_in("/proc/meminfo", "HugePages_Total")
#define nfree() count_in("/proc/meminfo", "HugePages_Free")
#define reserved() count_in("/proc/meminfo", "HugePages_Rsvd")
#define surplus() count_in("/proc/meminfo", "HugePages_Surp")

/* A setting in /proc/sys/vm; with TEXT it is set before. */
static inline long setting(const char *name, const char *text) {
    char path[96], now[64];
    snprintf(path, sizeof path, "%s%s", *name == '/' ? "" : "/proc/sys/vm/", name);
    if (text) {
        int fd = open(path, O_WRONLY);
        if (fd < 0)
            return -1;
        long n = write(fd, text, strlen(text));
        int error = errno;
        close(fd);
        errno = error;
        if (n < 0)
            return -1;
    }
    return get_file(path, now, sizeof now) > 0 ? strtol(now, NULL, 10) : -2;
}
static inline long pool(int pages) {
    char text[16];
    snprintf(text, sizeof text, "%d\n", pages);
    return setting("nr_hugepages", text);
}

#define ANON (MAP_ANONYMOUS | MAP_HUGETLB)
static inline char *huge(long pages, int flags) {
    return mmap(NULL, pages * MB2, PROT_READ | PROT_WRITE, ANON | flags, -1, 0);
}

/* Whether all counts are these. */
static inline int counts_are(long all, long idle, long promised, long more) {
    if (total() == all && nfree() == idle && reserved() == promised && surplus() == more)
        return 1;
    printf("# total %ld, free %ld, reserved %ld, surplus %ld\n", total(), nfree(), reserved(), surplus());
    return 0;
}

/* What an access does: 0, or the signal that it ends in. */
static inline int touch(volatile char *p, int write) {
    int status = in_child({
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        if (write)
            *p = 1;
        else
            (void)*p;
    });
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}
#endif
