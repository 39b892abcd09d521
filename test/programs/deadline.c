/* SCHED_DEADLINE (sched(7), sched_setattr(2)): who may have it, how much there is, who runs first, who is held back. */
// test: smp=1
#include "deadline.h"
#include <semaphore.h>
#include <sys/prctl.h>

#define US 1000ull
#define RESET_ON_FORK 1
#define DL_OVERRUN 4
#define KEEP_POLICY 8
#define KEEP_PARAMS 16

/* What somebody else had is free a little later: Linux waits until it would have had its time (the zero-lag time). */
static int set_soon(uint64_t runtime, uint64_t period) {
    int64_t end = now_ns(CLOCK_MONOTONIC) + 20000 * MS;
    for (;;) {
        int done = set(runtime, period, period);
        if (!done || errno != EBUSY || now_ns(CLOCK_MONOTONIC) > end) return done;
        pause_ms(20);
    }
}
static struct attributes get(pid_t pid) {
    struct attributes attr = {0};
    if (syscall(SYS_sched_getattr, pid, &attr, sizeof attr, 0)) attr.policy = -1;
    return attr;
}
static void fifo(int level) {
    struct sched_param param = {.sched_priority = level};
    sched_setscheduler(0, SCHED_FIFO, &param);
}
static int64_t used(void) { return now_ns(CLOCK_THREAD_CPUTIME_ID); }

static volatile int heard;
static void hear(int sig) { heard = sig; }

static volatile int done, too_late;
static pthread_mutex_t lock;
static sem_t locked;
static void *hog(void *arg) {
    int64_t end = now_ns(CLOCK_MONOTONIC) + 20000 * MS;
    fifo(10);
    while (!done && !too_late) too_late = now_ns(CLOCK_MONOTONIC) > end;
    return arg;
}
static void *holder(void *arg) {
    normal();
    if (arg && set(20 * MS, 4000 * MS, 4000 * MS)) return (void *)-1;
    pthread_mutex_lock(&lock);
    sem_post(&locked);
    for (int64_t end = used() + 100 * MS; used() < end;) {}
    pthread_mutex_unlock(&lock);
    normal();
    return NULL;
}
static void *waiter(void *arg) {
    if (set(50 * MS, 500 * MS, 500 * MS)) return (void *)-1;
    pthread_mutex_lock(&lock);
    done = 1;
    pthread_mutex_unlock(&lock);
    normal();
    return arg;
}
/* One that is starved, or has used its time up, goes on while one with a deadline waits for its lock. */
static void inheritance(int with_deadline) {
    pthread_t threads[3];
    void *answer;
    done = too_late = 0;
    fifo(50);
    is(pthread_create(&threads[0], NULL, holder, with_deadline ? &lock : NULL), 0);
    while (sem_wait(&locked)) {}
    is(pthread_create(&threads[1], NULL, hog, NULL), 0);
    is(pthread_create(&threads[2], NULL, waiter, NULL), 0);
    for (int i = 0; i < 3; i++) {
        is(pthread_join(threads[i], &answer), 0);
        is(answer, NULL);
    }
    is(too_late, 0);
    normal();
}

/* Runs until NS of real time have passed; gives the CPU time that it had. */
static int64_t spin(int64_t ns) {
    int64_t end = now_ns(CLOCK_MONOTONIC) + ns, before = used();
    while (now_ns(CLOCK_MONOTONIC) < end) {}
    return used() - before;
}

static void tests(void) {
    struct attributes attr;
    struct sched_param param = {0};
    struct timespec turn;
    char text[64];

    begin("set and get");
    is(set(10 * MS, 50 * MS, 100 * MS), 0);
    attr = get(0);
    is(attr.policy, SCHED_DEADLINE);
    is(attr.runtime, 10 * MS);
    is(attr.deadline, 50 * MS);
    is(attr.period, 100 * MS);
    is(attr.priority, 0);
    is(attr.flags, 0);
    is(sched_getscheduler(0), SCHED_DEADLINE);
    is(sched_getparam(0, &param), 0);
    is(param.sched_priority, 0);
    is(sched_rr_get_interval(0, &turn), 0);
    is(turn.tv_sec * 1000000000 + turn.tv_nsec, 0);
    is(sched_get_priority_max(SCHED_DEADLINE), 0);
    is(sched_get_priority_min(SCHED_DEADLINE), 0);
    is(set_for(0, 20 * MS, 100 * MS, 0, RESET_ON_FORK), 0);
    attr = get(0);
    is(attr.period, 100 * MS); /* none is that of the deadline */
    is(attr.flags, RESET_ON_FORK);
    normal();
    is(sched_getscheduler(0) & ~0x40000000, SCHED_OTHER);
    attr = get(0);
    is(attr.runtime, 0);

    begin("what is none");
    fails(set(0, 10 * MS, 10 * MS), EINVAL);
    fails(set(1000, 10 * MS, 10 * MS), EINVAL); /* 1024 ns is the least */
    is(set(1024, 10 * MS, 10 * MS), 0);
    normal();
    fails(set(10 * MS, 5 * MS, 10 * MS), EINVAL);
    fails(set(MS, 20 * MS, 10 * MS), EINVAL);
    fails(set(MS, 0, 10 * MS), EINVAL);
    fails(set(10 * US, 50 * US, 50 * US), EINVAL); /* shorter than 100 us */
    fails(set(MS, 5000 * MS, 5000 * MS), EINVAL);  /* longer than 4 s */
    fails(set(MS, 1ull << 63, 1ull << 63), EINVAL);
    fails(set(1ull << 63, 1ull << 63, 1ull << 63), EINVAL);
    attr = (struct attributes){.size = sizeof attr, .policy = SCHED_DEADLINE, .priority = 1, .runtime = MS, .deadline = 10 * MS,
        .period = 10 * MS};
    fails(syscall(SYS_sched_setattr, 0, &attr, 0), EINVAL);
    fails(sched_setscheduler(0, SCHED_DEADLINE, &param), EINVAL);
    fails(set_for(999999, MS, 10 * MS, 10 * MS, 0), ESRCH);
    is(set(MS, 10 * MS, 10 * MS), 0);
    fails(sched_setparam(0, &param), EINVAL);
    normal();

    begin("privilege");
    is(in_child({
        if (setuid(1000)) _exit(1);
        if (set(MS, 10 * MS, 10 * MS) != -1 || errno != EPERM) _exit(2);
    }), 0);

    is(in_child({ /* it may be left without */
        if (set(MS, 10 * MS, 10 * MS) || setuid(1000)) _exit(1);
        if (set(MS, 20 * MS, 20 * MS) != -1 || errno != EPERM) _exit(2);
        if (sched_setscheduler(0, SCHED_OTHER, &param)) _exit(3);
    }), 0);

    begin("flags");
    is(set_for(0, MS, 100 * MS, 100 * MS, RESET_ON_FORK | DL_OVERRUN), 0);
    attr = (struct attributes){.size = sizeof attr, .flags = KEEP_POLICY, .runtime = 2 * MS, .deadline = 50 * MS};
    is(syscall(SYS_sched_setattr, 0, &attr, 0), 0);
    attr = get(0);
    is(attr.policy, SCHED_DEADLINE);
    is(attr.runtime, 2 * MS);
    is(attr.period, 50 * MS);
    is(attr.flags, RESET_ON_FORK);
    attr = (struct attributes){.size = sizeof attr, .policy = SCHED_DEADLINE, .flags = KEEP_PARAMS};
    is(syscall(SYS_sched_setattr, 0, &attr, 0), 0);
    attr = get(0);
    is(attr.runtime, 2 * MS);
    is(attr.flags, 0);
    attr = (struct attributes){.size = sizeof attr, .policy = SCHED_DEADLINE, .flags = 1 << 20, .runtime = MS,
        .deadline = 10 * MS};
    fails(syscall(SYS_sched_setattr, 0, &attr, 0), EINVAL);
    attr.flags = 0, attr.size = sizeof attr - 8;
    fails(syscall(SYS_sched_setattr, 0, &attr, 0), E2BIG);
    fails(syscall(SYS_sched_setattr, 0, &attr, 1), EINVAL);
    is(setpriority(PRIO_PROCESS, 0, 5), 0); /* the nice value may change meanwhile */
    is(getpriority(PRIO_PROCESS, 0), 5);
    is(sched_getscheduler(0), SCHED_DEADLINE);
    normal();
    is(getpriority(PRIO_PROCESS, 0), 5);
    is(setpriority(PRIO_PROCESS, 0, 0), 0);

    begin("no children");
    is(set(MS, 10 * MS, 10 * MS), 0);
    fails(fork(), EAGAIN);
    is(set_for(0, MS, 10 * MS, 10 * MS, RESET_ON_FORK), 0);
    int status = in_child(_exit(sched_getscheduler(0) == SCHED_OTHER ? 7 : 8));
    yes(exited(status, 7));
    normal();

    begin("no more than there is");
    is(in_child({
        if (set_soon(90 * MS, 100 * MS)) _exit(1);
    }), 0);
    /* What ended gave its part back. */
    int told[2], held[2];
    pipe(told), pipe(held);
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        char byte;
        close(held[1]);
        if (set_soon(60 * MS, 100 * MS)) _exit(1);
        write(told[1], "x", 1);
        read(held[0], &byte, 1);
        normal();
        write(told[1], "x", 1);
        read(held[0], &byte, 1);
        _exit(0);
    }
    is(read(told[0], text, 1), 1);
    fails(set(36 * MS, 100 * MS, 100 * MS), EBUSY); /* 95 of 100 */
    is(set(34 * MS, 100 * MS, 100 * MS), 0);
    fails(set(50 * MS, 100 * MS, 100 * MS), EBUSY);
    attr = get(0);
    is(attr.runtime, 34 * MS); /* it keeps what it had */
    is(set(10 * MS, 100 * MS, 100 * MS), 0);
    is(set(34 * MS, 100 * MS, 100 * MS), 0);
    normal();
    write(held[1], "x", 1);
    is(read(told[0], text, 1), 1);
    is(set_soon(90 * MS, 100 * MS), 0);
    is(try_put("/proc/sys/kernel/sched_rt_runtime_us", "800000"), EBUSY);
    normal();
    close(held[1]);
    is(waitpid(pid, &status, 0), pid);
    is(status, 0);
    fails(set(96 * MS, 100 * MS, 100 * MS), EBUSY);

    begin("no more than its runtime");
    /* In the first period of 200 ms it has 20 ms and what a tick finds late, which it pays for; over 2 s about a tenth. */
    is(in_child({
        if (set_soon(20 * MS, 200 * MS)) _exit(1);
        int64_t had = spin(2000 * MS);
        normal();
        if (had > (int64_t)(500 * MS)) _exit(2);
        if (had < (int64_t)(20 * MS)) _exit(3);
    }), 0);

    begin("asking again brings no time");
    is(in_child({
        if (set_soon(20 * MS, 400 * MS)) _exit(1);
        int64_t end = now_ns(CLOCK_MONOTONIC) + 2000 * MS;
        int64_t before = used();
        for (int i = 0; now_ns(CLOCK_MONOTONIC) < end; i++)
            if (set((i % 2 ? 20 : 19) * MS, 400 * MS, 400 * MS)) _exit(2);
        int64_t had = used() - before;
        normal();
        if (had > (int64_t)(500 * MS)) _exit(3);
    }), 0);

    begin("yield ends the period");
    is(in_child({
        if (set_soon(50 * MS, 200 * MS)) _exit(1);
        int64_t start = now_ns(CLOCK_MONOTONIC);
        for (int i = 0; i < 3; i++) sched_yield();
        int64_t took = now_ns(CLOCK_MONOTONIC) - start;
        normal();
        if (took < (int64_t)(400 * MS)) _exit(2);
    }), 0);

    begin("before those of real time");
    /* A deadline that falls to one that sleeps: it has the CPU from a FIFO thread of the highest level at once. */
    int64_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fflush(stdout);
    pid = fork();
    if (!pid) {
        if (set_soon(100 * MS, 500 * MS)) _exit(1);
        pause_ms(60);
        shared[0] = shared[1]; /* how far the other was */
        shared[2] = 1;
        _exit(0);
    }
    fifo(99);
    pause_ms(20);
    int64_t start = now_ns(CLOCK_MONOTONIC);
    while (!shared[2] && now_ns(CLOCK_MONOTONIC) - start < (int64_t)(20000 * MS)) shared[1] = 1;
    is(shared[2], 1);
    is(shared[0], 1);
    normal();
    is(waitpid(pid, &status, 0), pid);
    is(status, 0);

    begin("the nearest deadline first");
    /* Both are runnable when this thread sleeps; each writes its name. */
    memset(shared, 0, 64);
    int gate[2];
    pipe(gate), pipe(told);
    pid_t late, soon;
    fflush(stdout);
    fifo(50);
    if (!(late = fork())) {
        if (set_soon(50 * MS, 3000 * MS)) _exit(1);
        write(told[1], "x", 1);
        char byte;
        read(gate[0], &byte, 1);
        shared[shared[0]++ + 1] = 'l';
        _exit(0);
    }
    if (!(soon = fork())) {
        if (set_soon(50 * MS, 1000 * MS)) _exit(1);
        write(told[1], "x", 1);
        char byte;
        read(gate[0], &byte, 1);
        shared[shared[0]++ + 1] = 's';
        _exit(0);
    }
    is(read(told[0], text, 1), 1);
    is(read(told[0], text, 1), 1);
    pause_ms(50);
    /* With a deadline nearer than both nobody runs until this one sleeps. */
    is(set_for(0, 90 * MS, 300 * MS, 300 * MS, 0), 0);
    write(gate[1], "xx", 2);
    normal();
    is(waitpid(late, &status, 0), late);
    is(status, 0);
    is(waitpid(soon, &status, 0), soon);
    is(status, 0);
    is(shared[0], 2);
    is(shared[1], 's');
    is(shared[2], 'l');

    begin("SIGXCPU");
    is(in_child({
        signal(SIGXCPU, hear);
        if (set_for(0, 10 * MS, 100 * MS, 100 * MS, DL_OVERRUN)) _exit(1);
        struct attributes now = get(0);
        if (now.flags != DL_OVERRUN) _exit(2);
        int64_t end = now_ns(CLOCK_MONOTONIC) + 20000 * MS;
        while (!heard && now_ns(CLOCK_MONOTONIC) < end) {}
        if (heard != SIGXCPU) _exit(3);
        normal();
    }), 0);

    begin("another's policy, while it is held back");
    fflush(stdout);
    pid = fork();
    if (!pid) {
        if (set(50 * MS, 4000 * MS, 4000 * MS)) _exit(1);
        sched_yield();
        _exit(0);
    }
    pause_ms(200);
    start = now_ns(CLOCK_MONOTONIC);
    is(sched_setscheduler(pid, SCHED_OTHER, &param), 0);
    is(waitpid(pid, &status, 0), pid);
    is(status, 0);
    yes(now_ns(CLOCK_MONOTONIC) - start < (int64_t)(3000 * MS));

    begin("killed while held back");
    fflush(stdout);
    pid = fork();
    if (!pid) {
        if (set(50 * MS, 1000 * MS, 1000 * MS)) _exit(1);
        for (;;) sched_yield();
    }
    pause_ms(200);
    kill(pid, SIGKILL);
    is(waitpid(pid, &status, 0), pid);
    yes(killed(status, SIGKILL));
    is(set_soon(90 * MS, 100 * MS), 0);
    normal();

    begin("inheritance");
    pthread_mutexattr_t kind;
    is(pthread_mutexattr_init(&kind), 0);
    is(pthread_mutexattr_setprotocol(&kind, PTHREAD_PRIO_INHERIT), 0);
    is(pthread_mutex_init(&lock, &kind), 0);
    is(sem_init(&locked, 0, 0), 0);
    is(try_put("/proc/sys/kernel/sched_rt_runtime_us", "-1"), 0); /* real time gives no others a turn */
    inheritance(0);
    inheritance(1);
    is(try_put("/proc/sys/kernel/sched_rt_runtime_us", "950000"), 0);

    begin("in /proc");
    is(set_soon(MS, 100 * MS), 0);
    FILE *stat = fopen("/proc/self/stat", "r");
    char state;
    long priority = 0, rt = 0, policy = 0;
    is(fscanf(stat, "%*d (%*[^)]) %c", &state), 1);
    for (int n = 4; n <= 41; n++) {
        char word[32];
        if (fscanf(stat, "%31s", word) != 1) break;
        if (n == 18) priority = atol(word);
        if (n == 40) rt = atol(word);
        if (n == 41) policy = atol(word);
    }
    fclose(stat);
    long long now_policy = 0, now_priority = 0, left = 0, until = 0;
    char line[256];
    stat = fopen("/proc/self/sched", "r");
    while (fgets(line, sizeof line, stat)) {
        sscanf(line, "policy : %lld", &now_policy);
        sscanf(line, "prio : %lld", &now_priority);
        sscanf(line, "dl.runtime : %lld", &left);
        sscanf(line, "dl.deadline : %lld", &until);
    }
    fclose(stat);
    is(now_policy, SCHED_DEADLINE);
    is(now_priority, -1);
    yes(left <= (long long)MS && left != 0);
    yes(until > 0);
    normal();
    is(priority, -101);
    is(rt, 0);
    is(policy, SCHED_DEADLINE);
}
