/* SCHED_DEADLINE on more than one CPU (sched(7)): it may run on all of them or not at all; together they have more. */
// test: smp=2
#include "deadline.h"

static void *busy(void *arg) {
    int64_t before, end = now_ns(CLOCK_MONOTONIC) + 1000 * MS;
    if (set(40 * MS, 200 * MS, 200 * MS)) return (void *)-1;
    before = now_ns(CLOCK_THREAD_CPUTIME_ID);
    while (now_ns(CLOCK_MONOTONIC) < end) sched_yield();
    *(int64_t *)arg = now_ns(CLOCK_THREAD_CPUTIME_ID) - before;
    return NULL;
}

static void tests(void) {
    cpu_set_t one, all;

    begin("all processors or none");
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    is(sched_getaffinity(0, sizeof all, &all), 0);
    is(sched_setaffinity(0, sizeof one, &one), 0);
    fails(set(MS, 10 * MS, 10 * MS), EPERM);
    is(sched_setaffinity(0, sizeof all, &all), 0);
    is(set(MS, 10 * MS, 10 * MS), 0);
    fails(sched_setaffinity(0, sizeof one, &one), EBUSY);
    is(sched_setaffinity(0, sizeof all, &all), 0);
    normal();
    is(sched_setaffinity(0, sizeof one, &one), 0);
    is(sched_setaffinity(0, sizeof all, &all), 0);

    begin("twice as much");
    int told[2], held[2], status;
    pid_t pid[2];
    pipe(told), pipe(held);
    fflush(stdout);
    for (int i = 0; i < 2; i++)
        if (!(pid[i] = fork())) {
            char byte;
            close(held[1]);
            if (set(90 * MS, 100 * MS, 100 * MS)) _exit(1);
            write(told[1], "x", 1);
            read(held[0], &byte, 1);
            _exit(0);
        }
    char byte;
    is(read(told[0], &byte, 1), 1);
    is(read(told[0], &byte, 1), 1);
    fails(set(20 * MS, 100 * MS, 100 * MS), EBUSY);
    close(held[1]);
    for (int i = 0; i < 2; i++) {
        is(waitpid(pid[i], &status, 0), pid[i]);
        is(status, 0);
    }

    begin("many threads");
    pthread_t threads[8];
    int64_t had[8] = {0};
    void *answer;
    for (int i = 0; i < 8; i++) pthread_create(&threads[i], NULL, busy, &had[i]);
    for (int i = 0; i < 8; i++) {
        is(pthread_join(threads[i], &answer), 0);
        is(answer, NULL);
    }
    is(set(90 * MS, 100 * MS, 100 * MS), 0); /* they gave all back */
    normal();
}
