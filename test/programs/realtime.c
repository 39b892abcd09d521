// test: smp=1 limit=60
/* sched(7): real-time threads before all others, and the limit on them. */
#include "check.h"

static volatile long *count;

/* Counts in a child of SCHED_OTHER while the parent, of SCHED_FIFO, keeps the CPU for MS milliseconds. */
static long counted_while_busy(long ms) {
    *count = 0;
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            ++*count;
    pause_ms(20);
    struct sched_param param = {.sched_priority = 10};
    works(sched_setscheduler(0, SCHED_FIFO, &param));
    long before = *count;
    for (int64_t end = now_ns(CLOCK_MONOTONIC) + ms * 1000000; now_ns(CLOCK_MONOTONIC) < end;) {}
    long got = *count - before;
    param.sched_priority = 0;
    works(sched_setscheduler(0, SCHED_OTHER, &param));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return got;
}

static long number(const char *path) {
    char text[32] = "";
    get_file(path, text, sizeof text);
    return atol(text);
}

static const char *const runtime = "/proc/sys/kernel/sched_rt_runtime_us";
static const char *const period = "/proc/sys/kernel/sched_rt_period_us";

static int set(const char *path, const char *text) {
    int fd = open(path, O_WRONLY);
    int bad = write(fd, text, strlen(text)) == (long)strlen(text) ? 0 : errno;
    close(fd);
    return bad;
}

static void tests(void) {
    count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    begin("95 of 100 by default");
    is(number(runtime), 950000);
    is(number(period), 1000000);

    begin("others run in what a real-time thread may not have");
    yes(counted_while_busy(2500) > 1000);

    begin("not when it may have all");
    is(set(runtime, "-1\n"), 0);
    is(number(runtime), -1);
    is(counted_while_busy(1200), 0);

    begin("half and half");
    is(set(runtime, "50000\n"), 0);
    is(set(period, "100000\n"), 0);
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    yes(counted_while_busy(1000) > 1000);
    getrusage(RUSAGE_SELF, &after);
    long used = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000 +
                (after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1000 +
                (after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000 +
                (after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1000;
    yes(used > 350);
    yes(used < 750);

    begin("settings that make no sense");
    is(set(runtime, "100001\n"), EINVAL);
    is(set(period, "0\n"), EINVAL);
    is(set(period, "49999\n"), EINVAL);
    is(set(period, "1000000\n"), 0);
    is(set(runtime, "950000\n"), 0);
}
