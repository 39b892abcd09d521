/* Clocks, sleeping, interval timers, times. */
#include "check.h"
#include <sys/prctl.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/timex.h>

static volatile int rings;
static void ring(int sig) { rings++; }

static void tests(void) {
    struct timespec t, rest;
    int64_t a, b;
    signal(SIGALRM, ring);
    signal(SIGVTALRM, ring);
    signal(SIGPROF, ring);

    begin("clocks go forward and agree");
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME,
                                       CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_TAI};
    for (unsigned i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        works(clock_gettime(clocks[i], &t));
        yes(t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
        a = now_ns(clocks[i]);
        pause_ms(30);
        b = now_ns(clocks[i]) - a;
        yes(b >= 20000000 && b < 3000000000);
    }
    yes(now_ns(CLOCK_REALTIME) / 1000000000 - time(NULL) <= 1);
    struct timeval tv;
    works(gettimeofday(&tv, NULL));
    yes(labs(tv.tv_sec - time(NULL)) <= 1);
    yes(time(NULL) > 1700000000);
    fails(syscall(SYS_clock_gettime, 99, &t), EINVAL);
    fails(syscall(SYS_clock_gettime, 1, 8), EFAULT);

    begin("the monotonic clock never goes back");
    int64_t last = now_ns(CLOCK_MONOTONIC);
    int back = 0;
    for (int i = 0; i < 20000; i++) {
        int64_t n = now_ns(CLOCK_MONOTONIC);
        back += n < last;
        last = n;
    }
    is(back, 0);

    begin("resolution");
    works(clock_getres(CLOCK_MONOTONIC, &t));
    yes(t.tv_sec == 0 && t.tv_nsec == 1);
    fails(clock_getres(99, &t), EINVAL);

    begin("nanosleep sleeps as long as told, and not much longer");
    for (long ms = 1; ms <= 100; ms *= 10) {
        a = now_ns(CLOCK_MONOTONIC);
        pause_ms(ms);
        b = now_ns(CLOCK_MONOTONIC) - a;
        yes(b >= ms * 1000000);
        yes(b < ms * 1000000 + 500000000);
    }
    t = (struct timespec){0, 1000000000};
    fails(nanosleep(&t, NULL), EINVAL);
    t = (struct timespec){-1, 0};
    fails(nanosleep(&t, NULL), EINVAL);
    fails(nanosleep((void *)8, NULL), EFAULT);

    begin("clock_nanosleep to a point in time");
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += 50000000;
    if (t.tv_nsec >= 1000000000) t.tv_nsec -= 1000000000, t.tv_sec++;
    is(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, &rest), 0);
    yes(now_ns(CLOCK_MONOTONIC) >= t.tv_sec * 1000000000LL + t.tv_nsec);
    t = (struct timespec){1, 0};
    is(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL), 0);
    is(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL), EINVAL);

    begin("CPU time counts work, not sleep");
    a = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    pause_ms(100);
    b = now_ns(CLOCK_PROCESS_CPUTIME_ID) - a;
    yes(b < 80000000);
    a = now_ns(CLOCK_THREAD_CPUTIME_ID);
    int64_t end = now_ns(CLOCK_MONOTONIC) + 100000000;
    while (now_ns(CLOCK_MONOTONIC) < end) {}
    b = now_ns(CLOCK_THREAD_CPUTIME_ID) - a;
    yes(b > 5000000);
    struct tms tms;
    yes(times(&tms) != -1);
    struct rusage ru;
    works(getrusage(RUSAGE_SELF, &ru));
    yes(ru.ru_utime.tv_sec * 1000000 + ru.ru_utime.tv_usec + ru.ru_stime.tv_sec * 1000000 + ru.ru_stime.tv_usec > 0);
    fails(getrusage(99, &ru), EINVAL);

    begin("context switches of a child that has ended");
    struct rusage of_child, before, after;
    works(getrusage(RUSAGE_CHILDREN, &before));
    pid_t sleeper = fork();
    if (sleeper == 0) {
        for (int i = 0; i < 5; i++)
            pause_ms(2);
        _exit(0);
    }
    is(wait4(sleeper, NULL, 0, &of_child), sleeper);
    yes(of_child.ru_nvcsw >= 5);
    works(getrusage(RUSAGE_CHILDREN, &after));
    is(after.ru_nvcsw - before.ru_nvcsw, of_child.ru_nvcsw);
    is(after.ru_nivcsw - before.ru_nivcsw, of_child.ru_nivcsw);

    begin("alarm and setitimer");
    is(alarm(100), 0);
    yes(alarm(0) >= 99);
    struct itimerval it = {{0, 20000}, {0, 20000}}, old;
    rings = 0;
    works(setitimer(ITIMER_REAL, &it, NULL));
    a = now_ns(CLOCK_MONOTONIC);
    while (rings < 3 && now_ns(CLOCK_MONOTONIC) - a < 5000000000)
        pause();
    is(rings, 3);
    works(getitimer(ITIMER_REAL, &old));
    is(old.it_interval.tv_usec, 20000);
    it = (struct itimerval){};
    works(setitimer(ITIMER_REAL, &it, &old));
    yes(old.it_value.tv_usec > 0 && old.it_value.tv_usec <= 20000);
    fails(setitimer(99, &it, NULL), EINVAL);
    it.it_value.tv_usec = 2000000;
    fails(setitimer(ITIMER_REAL, &it, NULL), EINVAL);

    begin("ITIMER_VIRTUAL and ITIMER_PROF run with the CPU");
    for (int which = ITIMER_VIRTUAL; which <= ITIMER_PROF; which++) {
        it = (struct itimerval){{0, 0}, {0, 20000}};
        rings = 0;
        works(setitimer(which, &it, NULL));
        a = now_ns(CLOCK_MONOTONIC);
        while (!rings && now_ns(CLOCK_MONOTONIC) - a < 5000000000) {
            for (volatile int i = 0; i < 10000; i++) {}
        }
        is(rings, 1);
        it.it_value = (struct timeval){1000, 0};
        works(setitimer(which, &it, NULL));
        works(getitimer(which, &old));
        yes(old.it_value.tv_sec == 1000 || old.it_value.tv_sec == 999);
        it.it_value.tv_sec = 0;
        works(setitimer(which, &it, NULL));
    }

    begin("POSIX timers");
    timer_t timer;
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    if (timer_create(CLOCK_MONOTONIC, &ev, &timer) < 0 && errno == ENOSYS) {
        skip("no POSIX timers");
    } else {
        struct itimerspec when = {{0, 0}, {0, 20000000}}, left;
        rings = 0;
        works(timer_settime(timer, 0, &when, NULL));
        works(timer_gettime(timer, &left));
        yes(left.it_value.tv_nsec > 0);
        pause_ms(60);
        is(rings, 1);
        works(timer_delete(timer));
    }

    begin("timer slack");
    is(prctl(PR_GET_TIMERSLACK), 50000);
    works(prctl(PR_SET_TIMERSLACK, 7ul));
    is(prctl(PR_GET_TIMERSLACK), 7);
    pid_t heir = fork();
    if (heir == 0) {
        int ok = prctl(PR_GET_TIMERSLACK) == 7 && prctl(PR_SET_TIMERSLACK, 9ul) == 0 && prctl(PR_GET_TIMERSLACK) == 9;
        ok = ok && prctl(PR_SET_TIMERSLACK, 0ul) == 0 && prctl(PR_GET_TIMERSLACK) == 7;
        _exit(!ok);
    }
    int ended = -1;
    is(waitpid(heir, &ended, 0), heir);
    is(ended, 0);
    a = now_ns(CLOCK_MONOTONIC);
    pause_ms(1);
    yes(now_ns(CLOCK_MONOTONIC) - a >= 1000000);
    works(prctl(PR_SET_TIMERSLACK, 0ul));
    is(prctl(PR_GET_TIMERSLACK), 50000);

    begin("sysinfo and uptime");
    struct sysinfo si;
    works(sysinfo(&si));
    yes(si.uptime >= 0 && si.uptime < 100000);
    yes(si.totalram > 0 && si.freeram < si.totalram && si.procs > 0);
    char text[100];
    yes(get_file("/proc/uptime", text, sizeof text) > 0);
    yes(atof(text) > 0 && labs((long)atof(text) - si.uptime) <= 2);
}
