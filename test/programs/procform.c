/* The files of /proc that Debian's tools read, field by field (proc(5)): names, order, separators and units as Linux writes
   them. What a file has no number of here stands in a list of this program, and is left out on both kernels. */
// test: smp=2 limit=60
#include "check.h"
#include <ctype.h>
#include <sys/mman.h>
#include <sys/mount.h>

enum { ROOM = 1 << 18 };
static char whole[ROOM], shape[ROOM], seen_line[4096];

/* How the words of a line are shown. */
enum words { KEEP, DROP, NAMES };

static int hex_run(const char *s) {
    int n = 0;
    while (isxdigit((unsigned char)s[n]))
        n++;
    return n;
}
/* A line without its numbers, which are N, of eight digits and more hexadecimal ones too; blanks together. With DROP the words after the first
   separator are W, but for units; with NAMES all that comes after the first separator is left out. */
static void plain(const char *line, char *out, enum words words) {
    int after = 0;
    char *start = out;
    while (*line && out - start < 4000) {
        int hex = hex_run(line);
        if (words == NAMES && after)
            break;
        if (hex >= 8) {
            *out++ = 'N', line += hex;
        } else if (isdigit((unsigned char)*line)) {
            *out++ = 'N';
            while (isdigit((unsigned char)*line) || (*line == '.' && isdigit((unsigned char)line[1])))
                line++;
        } else if (*line == ' ' || *line == '\t') {
            char blank = *line == '\t' ? '_' : ' ';
            while (*line == ' ' || *line == '\t')
                line++;
            *out++ = blank;
        } else if (after && words == DROP && isalpha((unsigned char)*line)) {
            int unit = !strncmp(line, "kB", 2);
            while (isalnum((unsigned char)*line) || (*line && strchr("_-.()/@~", *line)))
                line++;
            strcpy(out, unit ? "kB" : "W");
            out += strlen(out);
            while (!unit && out - start > 3 && !strncmp(out - 3, "W W", 3))
                out -= 2;
        } else {
            after |= *line == ':';
            *out++ = *line++;
        }
    }
    while (out > start && words == NAMES && out[-1] == ' ')
        out--;
    *out = 0;
}

static int in(const char *const *list, const char *line) {
    for (; list && *list; list++) {
        size_t n = strlen(*list);
        while (*line == ' ')
            line++;
        if (!strncmp(line, *list, n) && (!line[n] || strchr(": \t(", line[n])))
            return 1;
    }
    return 0;
}

static char *read_whole(const char *path) {
    int fd = open(path, O_RDONLY);
    long n = 0, got;
    if (fd < 0)
        return NULL;
    while (n < ROOM - 1 && (got = read(fd, whole + n, ROOM - 1 - n)) > 0)
        n += got;
    close(fd);
    whole[n] = 0;
    return whole;
}
/* Says of a file each different line once, in order; of those in ONLY, if that is given, and none in WITHOUT. */
static void form(const char *path, const char *name, enum words words, const char *const *only, const char *const *without) {
    char *text = read_whole(path);
    shape[0] = '|', shape[1] = 0;
    if (!text) {
        printf("answer %s: %s\n", name, strerrorname_np(errno));
        return;
    }
    for (char *line = text, *end; *line; line = end) {
        end = strchrnul(line, '\n');
        if (*end)
            *end++ = 0;
        if ((only && !in(only, line)) || in(without, line))
            continue;
        plain(line, seen_line, words);
        char *zone = strstr(seen_line, ", zone "); /* whichever the memory is in */
        if (zone)
            memmove(zone + 7, strchrnul(zone + 7, ' '), strlen(strchrnul(zone + 7, ' ')) + 1);
        strcat(seen_line, "|");
        char with[4200];
        snprintf(with, sizeof with, "|%s", seen_line);
        if (!strstr(shape, with))
            strcat(shape, seen_line);
    }
    printf("answer %s: %s\n", name, shape);
}
#define WITHOUT(...) (const char *const[]){__VA_ARGS__, NULL}

static char path[64];
static const char *of(pid_t pid, const char *file) {
    snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    return path;
}

/* The flags of the area at ADDRESS, but that of soft-dirty pages, which nobody tracks here. */
static void flags_of(const char *what, void *address) {
    char head[32];
    snprintf(head, sizeof head, "%08lx-", (unsigned long)address);
    char *at = strstr(read_whole("/proc/self/smaps"), head);
    at = at ? strstr(at, "VmFlags:") : NULL;
    yes(at);
    if (!at)
        return;
    *strchrnul(at, '\n') = 0;
    char *soft = strstr(at, " sd");
    if (soft)
        memmove(soft, soft + 3, strlen(soft + 3) + 1);
    printf("answer flags of %s: %s\n", what, at + 8);
}

static void areas(void) {
    enum { LENGTH = 1 << 16 };
    int file = open("/proc/self/exe", O_RDONLY), own = memfd_create("procform", 0);
    works(ftruncate(own, LENGTH));
    static const struct { const char *what; int prot, flags, advice; } kinds[] = {
        {"private memory", 3, MAP_PRIVATE | MAP_ANONYMOUS, 0}, {"shared memory", 3, MAP_SHARED | MAP_ANONYMOUS, 0},
        {"memory to read", 1, MAP_PRIVATE | MAP_ANONYMOUS, 0}, {"memory without rights", 0, MAP_PRIVATE | MAP_ANONYMOUS, 0},
        {"memory to run", 7, MAP_PRIVATE | MAP_ANONYMOUS, 0}, {"a stack", 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, 0},
        {"memory not reserved", 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, 0},
        {"locked memory", 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, 0},
        {"a file", 1, MAP_PRIVATE, 0}, {"a shared file", 1, MAP_SHARED, 0}, {"a file of one's own", 3, MAP_PRIVATE, 0},
        {"memory not for children", 3, MAP_PRIVATE | MAP_ANONYMOUS, MADV_DONTFORK},
        {"memory wiped in children", 3, MAP_PRIVATE | MAP_ANONYMOUS, MADV_WIPEONFORK},
        {"memory not for core images", 3, MAP_PRIVATE | MAP_ANONYMOUS, MADV_DONTDUMP},
        {"memory read in order", 3, MAP_PRIVATE | MAP_ANONYMOUS, MADV_SEQUENTIAL},
        {"memory read at random", 3, MAP_PRIVATE | MAP_ANONYMOUS, MADV_RANDOM},
    };
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int fd = kinds[i].flags & MAP_ANONYMOUS ? -1 : file;
        char *guard = mmap(NULL, 3 * LENGTH, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        works(munmap(guard + LENGTH, LENGTH));
        char *at = mmap(guard + LENGTH, LENGTH, kinds[i].prot, kinds[i].flags | MAP_FIXED, fd, 0);
        yes(at == guard + LENGTH);
        if (kinds[i].advice)
            works(madvise(at, LENGTH, kinds[i].advice));
        flags_of(kinds[i].what, at);
        munmap(guard, 3 * LENGTH);
    }
    char *shared = mmap(NULL, LENGTH, 3, MAP_SHARED, own, 0);
    flags_of("a shared file to write", shared);
    close(file);
    close(own);
}

static void of_a_process(void) {
    pid_t pid = fork();
    if (!pid)
        for (;;) pause();
    for (int i = 0; i < 200; i++) { /* until it sleeps */
        read_whole(of(pid, "stat"));
        if (strstr(whole, ") S "))
            break;
        pause_ms(10);
    }
    form(of(pid, "stat"), "PID/stat", KEEP, NULL, NULL);
    form(of(pid, "statm"), "PID/statm", KEEP, NULL, NULL);
    form(of(pid, "status"), "PID/status", DROP, NULL, NULL);
    form(of(pid, "limits"), "PID/limits", KEEP, NULL, NULL);
    form(of(pid, "io"), "PID/io", KEEP, NULL, NULL);
    form(of(pid, "comm"), "PID/comm", KEEP, NULL, NULL);
    form(of(pid, "oom_score"), "PID/oom_score", KEEP, NULL, NULL);
    form(of(pid, "oom_score_adj"), "PID/oom_score_adj", KEEP, NULL, NULL);
    form(of(pid, "oom_adj"), "PID/oom_adj", KEEP, NULL, NULL);
    form(of(pid, "fdinfo/0"), "PID/fdinfo", KEEP, NULL, NULL);
    /* load averages of each thread and NUMA are not kept */
    form(of(pid, "sched"), "PID/sched", KEEP, NULL,
         WITHOUT("se.nr_migrations", "se.avg.load_sum", "se.avg.runnable_sum", "se.avg.util_sum", "se.avg.load_avg", "se.avg.runnable_avg",
                 "se.avg.util_avg", "se.avg.last_update_time", "se.avg.util_est.ewma", "se.avg.util_est.enqueued", "clock-delta",
                 "mm->numa_scan_seq", "numa_pages_migrated", "numa_preferred_nid", "total_numa_faults", "current_node=0,", "numa_faults",
                 "uclamp.min", "uclamp.max", "effective"));
    /* the areas themselves differ with the kernel; protection keys are not there */
    form(of(pid, "smaps"), "PID/smaps", NAMES, WITHOUT("Size", "KernelPageSize", "MMUPageSize", "Rss", "Pss", "Pss_Dirty", "Shared_Clean",
         "Shared_Dirty", "Private_Clean", "Private_Dirty", "Referenced", "Anonymous", "LazyFree", "AnonHugePages", "ShmemPmdMapped",
         "FilePmdMapped", "Shared_Hugetlb", "Private_Hugetlb", "Swap", "SwapPss", "Locked", "THPeligible", "VmFlags"), NULL);
    form(of(pid, "smaps_rollup"), "PID/smaps_rollup", KEEP, NULL, NULL);
    form(of(pid, "maps"), "PID/maps", KEEP, WITHOUT("00400000-00401000"), NULL);
    /* what each frame is called is the kernel's own affair */
    char *text = read_whole(of(pid, "stack"));
    int good = text && *text;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char *plus = strrchr(line, '+');
        unsigned long at, size;
        good &= !strncmp(line, "[<0>] ", 6) && plus && sscanf(plus, "+0x%lx/0x%lx", &at, &size) == 2 && at < size;
    }
    yes(good);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void of_the_system(void) {
    form("/proc/meminfo", "meminfo", DROP, NULL, WITHOUT("Unevictable", "Mlocked", "Mapped", "Percpu", "DirectMap4k", "DirectMap2M", "DirectMap1G"));
    form("/proc/cpuinfo", "cpuinfo", NAMES, NULL, WITHOUT("microcode", "cache size", "bugs", "TLB size"));
    form("/proc/stat", "stat", KEEP, NULL, WITHOUT("intr"));
    form("/proc/uptime", "uptime", KEEP, NULL, NULL);
    form("/proc/loadavg", "loadavg", KEEP, NULL, NULL);
    form("/proc/softirqs", "softirqs", KEEP, NULL, NULL);
    form("/proc/swaps", "swaps", KEEP, NULL, NULL);
    form("/proc/buddyinfo", "buddyinfo", KEEP, NULL, NULL);
    form("/proc/interrupts", "interrupts", KEEP, WITHOUT("CPU0", "NMI", "LOC", "SPU", "RES", "CAL", "TLB", "THR", "DFR", "MCE", "MCP"), NULL);
    form("/proc/slabinfo", "slabinfo", KEEP, WITHOUT("slabinfo", "# name", "kmalloc-64", "kmalloc-1k"), NULL);
    form("/proc/vmstat", "vmstat", KEEP, WITHOUT("nr_free_pages", "nr_slab_unreclaimable", "nr_anon_pages", "nr_file_pages", "nr_shmem",
         "nr_page_table_pages", "nr_kernel_stack", "pswpin", "pswpout"), NULL);
    form("/proc/zoneinfo", "zoneinfo", KEEP, WITHOUT("per-node stats", "nr_slab_unreclaimable", "nr_anon_pages", "nr_file_pages", "nr_shmem", "nr_kernel_stack",
         "nr_page_table_pages", "pages free", "min", "low", "high", "managed", "nr_free_pages"), WITHOUT("high:"));
    form("/proc/devices", "devices", KEEP, WITHOUT("Character devices", "1 mem", "5 /dev/tty", "136 pts", "4 ttyS", "10 misc", "Block devices"), NULL);
    char *text = read_whole("/proc/filesystems"); /* in no order */
    static const char *const kinds[] = {"tmpfs", "proc", "sysfs", "devtmpfs", "mqueue", "devpts", "hugetlbfs"};
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char line[40];
        snprintf(line, sizeof line, "nodev\t%s\n", kinds[i]);
        yes(strstr(text, line));
    }
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        yes((line[0] == '\t' || !strncmp(line, "nodev\t", 6)) && strcspn(strchr(line, '\t') + 1, " \t") > 0);
}

static void tests(void) {
    begin("what each area's flags are called");
    areas();
    begin("files of a process");
    of_a_process();
    begin("files of the system");
    of_the_system();
}
