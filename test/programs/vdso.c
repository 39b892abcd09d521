/* The shared object that every process is given (vdso(7)): found by AT_SYSINFO_EHDR, read as the dynamic linker reads it, and its
   functions held against the calls that they stand for. */
#include "check.h"
#include <elf.h>
#include <setjmp.h>
#include <sys/auxv.h>

static const char *base;
static const Elf64_Sym *symbols;
static const char *strings;
static const uint16_t *versions;
static const Elf64_Verdef *definitions;
static const uint32_t *hash;

static void read_object(void) {
    const Elf64_Ehdr *header = (const void *)base;
    const Elf64_Phdr *part = (const void *)(base + header->e_phoff);
    const Elf64_Dyn *entry = NULL;
    for (int i = 0; i < header->e_phnum; i++)
        if (part[i].p_type == PT_DYNAMIC)
            entry = (const void *)(base + part[i].p_vaddr);
    for (; entry && entry->d_tag != DT_NULL; entry++) {
        const char *at = base + entry->d_un.d_ptr;
        switch (entry->d_tag) {
        case DT_SYMTAB: symbols = (const void *)at; break;
        case DT_STRTAB: strings = at; break;
        case DT_VERSYM: versions = (const void *)at; break;
        case DT_VERDEF: definitions = (const void *)at; break;
        case DT_HASH: hash = (const void *)at; break;
        }
    }
}

/* The function of that name, if its version is LINUX_2.6. */
static void *find(const char *name) {
    for (uint32_t i = 1; hash && i < hash[1]; i++) {
        if (strcmp(strings + symbols[i].st_name, name) || symbols[i].st_shndx == SHN_UNDEF)
            continue;
        for (const Elf64_Verdef *d = definitions;; d = (const void *)((const char *)d + d->vd_next)) {
            const Elf64_Verdaux *aux = (const void *)((const char *)d + d->vd_aux);
            if (d->vd_ndx == (versions[i] & 0x7fff) && !strcmp(strings + aux->vda_name, "LINUX_2.6") && d->vd_hash == 0x3ae75f6)
                return (void *)(base + symbols[i].st_value);
            if (!d->vd_next)
                break;
        }
    }
    return NULL;
}

static int (*get_clock)(clockid_t, struct timespec *);
static int (*get_resolution)(clockid_t, struct timespec *);
static int (*get_day)(struct timeval *, struct timezone *);
static time_t (*get_time)(time_t *);
static long (*get_cpu)(unsigned *, unsigned *, void *);

static int64_t by_object(clockid_t clock) {
    struct timespec t = {-1, -1};
    return get_clock(clock, &t) == 0 ? t.tv_sec * 1000000000 + t.tv_nsec : -1;
}
static int64_t by_call(clockid_t clock) {
    struct timespec t = {-1, -1};
    return syscall(SYS_clock_gettime, clock, &t) == 0 ? t.tv_sec * 1000000000 + t.tv_nsec : -1;
}

static sigjmp_buf back;
static void jump(int sig) { siglongjmp(back, sig); }

static void *spins(void *bad) {
    int64_t last = 0;
    for (int i = 0; i < 20000; i++) {
        int64_t now = by_object(CLOCK_MONOTONIC);
        *(long *)bad += now < last;
        last = now;
    }
    return NULL;
}

static void tests(void) {
    struct timespec t;
    struct timeval tv;
    char line[256];

    begin("the object is found");
    base = (const char *)getauxval(AT_SYSINFO_EHDR);
    yes(base);
    if (!base)
        return;
    is(memcmp(base, ELFMAG, SELFMAG), 0);
    read_object();
    yes(symbols && strings && versions && definitions && hash);
    static const char *const names[] = {"clock_gettime", "gettimeofday", "time", "clock_getres", "getcpu"};
    for (unsigned i = 0; i < 5; i++) {
        snprintf(line, sizeof line, "__vdso_%s", names[i]);
        yes(find(line));
        yes(find(names[i]) == find(line));
    }
    yes(!find("__vdso_getpid"));
    get_clock = find("__vdso_clock_gettime");
    get_day = find("__vdso_gettimeofday");
    get_time = find("__vdso_time");
    get_resolution = find("__vdso_clock_getres");
    get_cpu = find("__vdso_getcpu");
    if (!get_clock || !get_day || !get_time || !get_resolution || !get_cpu)
        return;

    begin("it is in maps");
    FILE *maps = fopen("/proc/self/maps", "r");
    int seen = 0;
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        char rights[8];
        if (sscanf(line, "%lx-%lx %4s", &start, &end, rights) == 3) {
            if (strstr(line, "[vdso]") && start == (unsigned long)base)
                seen += !strcmp(rights, "r-xp");
            if (strstr(line, "[vvar]") && end == (unsigned long)base)
                seen += !strcmp(rights, "r--p");
        }
    }
    if (maps)
        fclose(maps);
    is(seen, 2);

    begin("its clocks are those of the calls");
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
                                       CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_PROCESS_CPUTIME_ID,
                                       CLOCK_THREAD_CPUTIME_ID, CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM};
    for (unsigned i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        int64_t before = by_call(clocks[i]);
        for (int n = 0; n < 100; n++) {
            int64_t here = by_object(clocks[i]), after = by_call(clocks[i]);
            yes(before <= here && here <= after);
            before = after;
        }
        struct timespec other;
        int there = syscall(SYS_clock_getres, clocks[i], &other) == 0;
        is(get_resolution(clocks[i], &t) == 0, there);
        yes(!there || (t.tv_sec == other.tv_sec && t.tv_nsec == other.tv_nsec));
    }
    is(get_clock(99, &t), -EINVAL);
    is(get_clock(-1, &t), -EINVAL);
    is(get_clock(10, &t), -EINVAL);

    begin("time of day");
    int64_t first = by_call(CLOCK_REALTIME) / 1000;
    is(get_day(&tv, NULL), 0);
    yes(tv.tv_usec >= 0 && tv.tv_usec < 1000000);
    int64_t now = tv.tv_sec * 1000000 + tv.tv_usec;
    yes(first <= now && now <= by_call(CLOCK_REALTIME) / 1000);
    struct timezone zone = {1, 1};
    is(get_day(&tv, &zone), 0);
    is(zone.tz_minuteswest, 0);
    is(get_day(NULL, NULL), 0);
    time_t second = 0, same = get_time(&second);
    is(same, second);
    yes(labs(by_call(CLOCK_REALTIME) / 1000000000 - second) <= 1);
    yes(get_time(NULL) >= second);

    begin("it never goes back");
    long bad[4] = {0};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        is(pthread_create(&threads[i], NULL, spins, &bad[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        is(bad[i], 0);
    }

    begin("the processor");
    cpu_set_t all, one;
    works(sched_getaffinity(0, sizeof all, &all));
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all))
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        works(sched_setaffinity(0, sizeof one, &one));
        unsigned here = 99, node = 99;
        is(get_cpu(&here, &node, NULL), 0);
        is(here, cpu);
        is(node, 0);
    }
    works(sched_setaffinity(0, sizeof all, &all));
    is(get_cpu(NULL, NULL, NULL), 0);

    begin("the time that is set is seen");
    if (geteuid() == 0) {
        struct timespec was;
        works(syscall(SYS_clock_gettime, CLOCK_REALTIME, &was));
        struct timespec set = {was.tv_sec + 5000, was.tv_nsec};
        works(clock_settime(CLOCK_REALTIME, &set));
        int64_t seen_ns = by_object(CLOCK_REALTIME);
        yes(seen_ns >= set.tv_sec * 1000000000 + set.tv_nsec && seen_ns < (set.tv_sec + 100) * 1000000000);
        works(clock_settime(CLOCK_REALTIME, &was));
        yes(by_object(CLOCK_REALTIME) < set.tv_sec * 1000000000);
    }

    begin("nobody writes to it");
    signal(SIGSEGV, jump);
    for (int page = -1; page <= 0; page++) {
        int sig = sigsetjmp(back, 1);
        if (!sig) {
            *(volatile char *)(base + page * 4096) = 0;
            check_fail(__LINE__, "a store", 0, "SIGSEGV", 0);
        } else {
            is(sig, SIGSEGV);
        }
    }
    signal(SIGSEGV, SIG_DFL);

    begin("there is no page of the calls that came before it, as with Debian's kernel");
    static char areas[1 << 16];
    yes(get_file("/proc/self/maps", areas, sizeof areas) > 0);
    yes(strstr(areas, "[vdso]") && !strstr(areas, "vsyscall") && !strstr(areas, "ffffffffff600000"));
    for (long at = 0; at < 0xc00; at += 0x400) {
        pid_t old = fork();
        if (old == 0)
            _exit((int)((long (*)(void *, void *))(0xffffffffff600000 + at))(NULL, NULL));
        int how = 0;
        is(waitpid(old, &how, 0), old);
        yes(WIFSIGNALED(how) && WTERMSIG(how) == SIGSEGV);
    }

    begin("bad pointers");
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        if (child == 0) {
            /* Where it makes the call after all (no counter to read) there is an error instead of a signal. */
            if (i == 0)
                _exit(get_clock(CLOCK_MONOTONIC, (void *)8) == -EFAULT ? 7 : 8);
            if (i == 1)
                _exit(get_day((void *)8, NULL) == -EFAULT ? 7 : 8);
            _exit(get_clock(CLOCK_PROCESS_CPUTIME_ID, (void *)8) == -EFAULT ? 7 : 8);
        }
        int status = 0;
        is(waitpid(child, &status, 0), child);
        if (WIFSIGNALED(status) && i < 2)
            is(WTERMSIG(status), SIGSEGV);
        else
            is(status, 7 << 8);
    }

    begin("a child has it too");
    pid_t child = fork();
    if (child == 0) {
        int64_t a = by_call(CLOCK_MONOTONIC), b = by_object(CLOCK_MONOTONIC);
        _exit(b >= a && b < a + 1000000000 ? 0 : 1);
    }
    int status = -1;
    is(waitpid(child, &status, 0), child);
    is(status, 0);
}
