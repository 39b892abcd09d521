/* Positions in files of /proc: pread(2), pwrite(2), lseek(2), and writes after reads, each as Linux answers it. */
// test: limit=60
#include "check.h"

static void say(const char *file, const char *what, long got) {
    const char *name = strrchr(file, '/') + 1;
    if (got < 0)
        printf("answer %s, %s: %s\n", name, what, strerrorname_np(errno));
    else
        printf("answer %s, %s: %ld\n", name, what, got);
}

/* Files with a text of at least four bytes that does not change its length meanwhile. */
static const char *const readable[] = {
    "/proc/sys/kernel/hostname", "/proc/sys/kernel/ostype", "/proc/sys/kernel/pty/max", "/proc/self/comm", "/proc/mounts",
    "/proc/self/mountinfo", "/proc/self/cmdline", "/proc/self/maps", "/proc/self/status", "/proc/self/stat", "/proc/version",
    "/proc/filesystems", "/proc/self/limits", "/proc/self/environ", "/proc/self/auxv",
};
/* What may be written, and with what. */
static const struct { const char *path, *text; } writable[] = {
    {"/proc/sys/kernel/hostname", "abcd"}, {"/proc/sys/kernel/domainname", "efgh"}, {"/proc/sys/vm/drop_caches", "3"},
    {"/proc/sys/kernel/panic", "0"}, {"/proc/sys/kernel/printk", "4 4 1 7"}, {"/proc/sys/vm/overcommit_memory", "0"},
    {"/proc/sys/vm/overcommit_ratio", "50"}, {"/proc/self/comm", "other"}, {"/proc/self/oom_score_adj", "10"},
    {"/proc/sysrq-trigger", "?"},
};

static void reads(const char *path) {
    char text[64];
    int fd = open(path, O_RDONLY);
    say(path, "pread 4 at 0", pread(fd, text, 4, 0));
    say(path, "pread 1 at 2", pread(fd, text, 1, 2));
    say(path, "pread far beyond", pread(fd, text, 4, 1 << 20));
    say(path, "pread at -1", pread(fd, text, 4, -1));
    say(path, "pwrite, open for reading", pwrite(fd, "x", 1, 0));
    say(path, "lseek to 2", lseek(fd, 2, SEEK_SET));
    say(path, "read 1 there", read(fd, text, 1));
    say(path, "lseek 1 on", lseek(fd, 1, SEEK_CUR));
    say(path, "lseek before the start", lseek(fd, -1, SEEK_SET));
    say(path, "lseek from a wrong place", lseek(fd, 0, 77));
    close(fd);
}

static void writes(const char *path, const char *text) {
    char old[300] = "";
    get_file(path, old, sizeof old);
    long n = strlen(text);
    int fd = open(path, O_WRONLY);
    say(path, "pwrite at 0", pwrite(fd, text, n, 0));
    say(path, "pwrite at 1", pwrite(fd, text, n, 1));
    say(path, "pwrite at 1000", pwrite(fd, text, n, 1000));
    say(path, "pwrite at -1", pwrite(fd, text, n, -1));
    say(path, "pwrite of nothing", pwrite(fd, text, 0, 0));
    say(path, "pread, open for writing", pread(fd, old + 200, 4, 0));
    say(path, "write", write(fd, text, n));
    say(path, "where it stands after", lseek(fd, 0, SEEK_CUR));
    say(path, "write once more", write(fd, text, n));
    close(fd);
    if (*old)
        put_file(path, old);
}

/* What a text is after writes at positions. */
static void strings(const char *path) {
    char old[100], text[100];
    get_file(path, old, sizeof old);
    for (int at = 0; at < 7; at += 2) {
        put_file(path, "abcd\n");
        int fd = open(path, O_WRONLY);
        long n = pwrite(fd, "XY", 2, at);
        close(fd);
        get_file(path, text, sizeof text);
        text[strcspn(text, "\n")] = 0;
        printf("answer %s, XY into abcd at %d: %ld %s\n", strrchr(path, '/') + 1, at, n, text);
    }
    put_file(path, old);
}

/* Whether a number changes by a write at positions. */
static void numbers(const char *path, const char *to) {
    char old[100], text[100];
    get_file(path, old, sizeof old);
    for (int at = 0; at < 3; at++) {
        int fd = open(path, O_WRONLY);
        long n = pwrite(fd, to, strlen(to), at);
        close(fd);
        get_file(path, text, sizeof text);
        printf("answer %s, %s written at %d: %ld %s\n", strrchr(path, '/') + 1, to, at, n, strcmp(old, text) ? "changes" : "stays");
        put_file(path, old);
    }
}

static void tests(void) {
    for (size_t i = 0; i < sizeof readable / sizeof *readable; i++)
        reads(readable[i]);
    for (size_t i = 0; i < sizeof writable / sizeof *writable; i++)
        writes(writable[i].path, writable[i].text);
    strings("/proc/sys/kernel/hostname");
    strings("/proc/sys/kernel/domainname");
    numbers("/proc/sys/kernel/panic", "7");
    numbers("/proc/sys/vm/overcommit_ratio", "60");
    numbers("/proc/self/oom_score_adj", "20");

    /* The caller's own memory: a position is an address. */
    static char mine[] = "memory";
    char text[8];
    int fd = open("/proc/self/mem", O_RDWR);
    if (fd >= 0) {
        say("/mem", "pread", pread(fd, text, 6, (long)mine));
        say("/mem", "the text", memcmp(text, "memory", 6));
        say("/mem", "pwrite", pwrite(fd, "M", 1, (long)mine));
        say("/mem", "the byte", mine[0]);
        say("/mem", "pread at 0", pread(fd, text, 6, 0));
        say("/mem", "lseek", lseek(fd, 4096, SEEK_SET));
        close(fd);
    } else {
        begin("/proc/self/mem");
        skip("it is not there");
    }
    fd = open("/proc/kmsg", O_RDONLY | O_NONBLOCK);
    say("/kmsg", "pwrite", pwrite(fd, text, 1, 0));
    say("/kmsg", "lseek", lseek(fd, 10, SEEK_SET) >= 0 ? 0 : -1);
    close(fd);
}
