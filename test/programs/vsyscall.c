// test: alone append=vsyscall=xonly
/* The page of system calls at a fixed address, which programs from before the vDSO call. */
#include "check.h"
#include <setjmp.h>

#define PAGE 0xffffffffff600000UL

static long (*const get_time_of_day)(struct timeval *, void *) = (void *)PAGE;
static long (*const get_time)(time_t *) = (void *)(PAGE + 0x400);
static long (*const get_cpu)(unsigned *, unsigned *) = (void *)(PAGE + 0x800);

static sigjmp_buf back;
static void jump(int sig) {
    siglongjmp(back, sig);
}

/* The signal that the statement ends with; 0 if none. */
#define signal_of(...) ({ int sig_ = sigsetjmp(back, 1); if (!sig_) { __VA_ARGS__; } sig_; })

static void tests(void) {
    static char areas[1 << 16];
    struct timeval now;
    unsigned cpu = 99, node = 99;
    time_t t, stored;

    begin("the three calls");
    is(get_time_of_day(&now, NULL), 0);
    t = get_time(&stored);
    is(t, stored);
    yes(t >= now.tv_sec && t - now.tv_sec < 5 && now.tv_usec < 1000000);
    yes(labs(time(NULL) - t) < 5);
    is(get_cpu(&cpu, &node), 0);
    yes(cpu < (unsigned)sysconf(_SC_NPROCESSORS_CONF));
    is(node, 0);
    is(get_cpu(NULL, NULL), 0);

    begin("the area is listed");
    yes(get_file("/proc/self/maps", areas, sizeof areas) > 0);
    char *line = strstr(areas, "ffffffffff600000");
    yes(line && !strcmp(line, "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n"));
    yes(get_file("/proc/self/smaps", areas, sizeof areas) > 0);
    line = strstr(areas, "[vsyscall]\nSize:                  4 kB\n");
    yes(line && strstr(line, "Rss:                   0 kB\n"));

    begin("nothing else is there");
    signal(SIGSEGV, jump);
    is(signal_of((void)*(volatile char *)PAGE), SIGSEGV);
    is(signal_of(*(volatile char *)PAGE = 0), SIGSEGV);
    is(signal_of(((void (*)(void))(PAGE + 1))()), SIGSEGV);
    is(signal_of(((void (*)(void))(PAGE + 0x7ff))()), SIGSEGV);
    is(signal_of(((void (*)(void))(PAGE + 0xc00))()), SIGSEGV);
    is(signal_of(((void (*)(void))(PAGE + 0x1000))()), SIGSEGV);
    is(signal_of(((void (*)(void))(PAGE - 0x400))()), SIGSEGV);

    begin("bad pointers");
    is(signal_of(get_time_of_day((void *)8, NULL)), SIGSEGV);
    is(signal_of(get_time((void *)(PAGE + 8))), SIGSEGV);
    is(signal_of(get_cpu((void *)~0UL, NULL)), SIGSEGV);
    int how = in_child(signal(SIGSEGV, SIG_DFL); asm volatile("mov $64, %%rsp; jmp *%0" ::"r"(PAGE + 0x400) : "memory"));
    yes(killed(how, SIGSEGV));
}
