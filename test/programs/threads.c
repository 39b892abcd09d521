/* Threads and futexes (pthreads(7), futex(2)). */
// test: smp=2 limit=60
#include "check.h"
#include <linux/futex.h>
#include <semaphore.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static volatile int turn, counter;
static __thread int local = 5;

static long futex(int *word, int op, int value, const struct timespec *timeout, int *word2, int value3) {
    return syscall(SYS_futex, word, op, value, timeout, word2, value3);
}
static void *give_back(void *arg) { return arg; }
static void *count(void *arg) {
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&lock);
        counter++;
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}
static void *ping(void *arg) {
    int me = (int)(long)arg;
    for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(&lock);
        while (turn != me)
            pthread_cond_wait(&cond, &lock);
        turn = !me;
        pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}
static void *own_local(void *arg) {
    long first = local;
    local = 77;
    return (void *)first;
}
static void *die_holding(void *arg) {
    pthread_mutex_lock(arg);
    return NULL;
}
static int word, word2;
static void *waiter(void *arg) { return (void *)futex(arg, FUTEX_WAIT, 0, NULL, NULL, 0); }
static void *bit_waiter(void *arg) {
    return (void *)futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, (int)(long)arg);
}
static void *spin_name(void *arg) {
    pthread_setname_np(pthread_self(), "spinner");
    *(pid_t *)arg = syscall(SYS_gettid);
    while (!turn)
        sched_yield();
    return NULL;
}

static int ends[2], zero, wrong;
static void *read_end(void *arg) {
    char c = 0;
    return (void *)(read(ends[0], &c, 1) == 1 ? (long)c : -(long)errno);
}
static void *churn(void *arg) {
    for (int i = 0; i < 2000; i++) {
        char c = 1;
        int fd = dup(zero);
        if (fd < 0 || !(read(fd, &c, 1) == 1 ? c == 0 : errno == EBADF))
            __sync_fetch_and_add(&wrong, 1);
        close(40 + i % 8);
        close(fd);
    }
    return NULL;
}

static void tests(void) {
    pthread_t t[32];
    void *result;
    int status;

    begin("create and join");
    is(pthread_create(&t[0], NULL, give_back, (void *)123), 0);
    is(pthread_join(t[0], &result), 0);
    is((long)result, 123);

    begin("a mutex keeps a count whole");
    for (int i = 0; i < 8; i++)
        is(pthread_create(&t[i], NULL, count, NULL), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(t[i], NULL);
    is(counter, 16000);

    begin("condition variables take turns");
    turn = 0;
    pthread_create(&t[0], NULL, ping, (void *)0);
    pthread_create(&t[1], NULL, ping, (void *)1);
    pthread_join(t[0], NULL);
    pthread_join(t[1], NULL);
    is(turn, 0);

    begin("thread-local storage");
    local = 6;
    pthread_create(&t[0], NULL, own_local, NULL);
    pthread_join(t[0], &result);
    is((long)result, 5);
    is(local, 6);

    begin("timed waits time out");
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 50000000;
    if (until.tv_nsec >= 1000000000) until.tv_nsec -= 1000000000, until.tv_sec++;
    pthread_mutex_lock(&lock);
    int64_t start = now_ns(CLOCK_MONOTONIC);
    is(pthread_cond_timedwait(&cond, &lock, &until), ETIMEDOUT);
    yes(now_ns(CLOCK_MONOTONIC) - start >= 30000000);
    pthread_mutex_unlock(&lock);

    begin("robust mutex: the owner dies");
    pthread_mutexattr_t attr;
    pthread_mutex_t robust;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &attr);
    pthread_create(&t[0], NULL, die_holding, &robust);
    pthread_join(t[0], NULL);
    is(pthread_mutex_lock(&robust), EOWNERDEAD);
    is(pthread_mutex_consistent(&robust), 0);
    is(pthread_mutex_unlock(&robust), 0);
    is(pthread_mutex_lock(&robust), 0);

    begin("robust mutex across processes");
    struct { pthread_mutex_t m; } *area =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&area->m, &attr);
    status = in_child({ pthread_mutex_lock(&area->m); _exit(0); });
    yes(exited(status, 0));
    is(pthread_mutex_lock(&area->m), EOWNERDEAD);
    pthread_mutex_consistent(&area->m);
    pthread_mutex_unlock(&area->m);

    begin("semaphores across processes");
    sem_t *sem = (sem_t *)((char *)area + 2048);
    sem_init(sem, 1, 0);
    pid_t pid = fork();
    if (pid == 0) {
        pause_ms(20);
        sem_post(sem);
        _exit(0);
    }
    is(sem_wait(sem), 0);
    waitpid(pid, &status, 0);

    begin("futex: another value, time out, wrong arguments");
    word = 1;
    fails(futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0), EAGAIN);
    struct timespec ten_ms = {0, 10000000}, bad = {0, 1000000000}, negative = {-1, 0};
    fails(futex(&word, FUTEX_WAIT, 1, &ten_ms, NULL, 0), ETIMEDOUT);
    fails(futex(&word, FUTEX_WAIT, 1, &bad, NULL, 0), EINVAL);
    fails(futex(&word, FUTEX_WAIT, 1, &negative, NULL, 0), EINVAL);
    fails(futex((int *)1, FUTEX_WAIT, 1, NULL, NULL, 0), EINVAL);
    fails(futex((int *)4096, FUTEX_WAIT, 1, NULL, NULL, 0), EFAULT);
    fails(futex((int *)0xffff800000000000, FUTEX_WAIT, 1, NULL, NULL, 0), EFAULT);
    fails(futex(&word, 99, 1, NULL, NULL, 0), ENOSYS);
    fails(futex(&word, FUTEX_WAIT_BITSET, 1, NULL, NULL, 0), EINVAL);
    is(futex(&word, FUTEX_WAKE, 10, NULL, NULL, 0), 0);

    begin("futex: wake wakes as many as asked");
    word = 0;
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, waiter, &word);
    long woken = 0;
    for (int i = 0; i < 2000 && woken < 2; i++) {
        woken += futex(&word, FUTEX_WAKE, 2 - woken, NULL, NULL, 0);
        pause_ms(1);
    }
    is(woken, 2);
    for (int i = 0; i < 2000 && woken < 4; i++) {
        woken += futex(&word, FUTEX_WAKE, 100, NULL, NULL, 0);
        pause_ms(1);
    }
    is(woken, 4);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);

    begin("futex: bit sets choose");
    pthread_create(&t[0], NULL, bit_waiter, (void *)1);
    pthread_create(&t[1], NULL, bit_waiter, (void *)2);
    pause_ms(50);
    is(futex(&word, FUTEX_WAKE_BITSET, 10, NULL, NULL, 4), 0);
    is(futex(&word, FUTEX_WAKE_BITSET, 10, NULL, NULL, 2), 1);
    pthread_join(t[1], NULL);
    is(futex(&word, FUTEX_WAKE_BITSET, 10, NULL, NULL, 3), 1);
    pthread_join(t[0], NULL);

    begin("futex: requeue moves waiters");
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, waiter, &word);
    pause_ms(100);
    fails(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 100L, &word2, 55), EAGAIN);
    is(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, 100L, &word2, 0), 4);
    is(futex(&word, FUTEX_WAKE, 10, NULL, NULL, 0), 0);
    is(futex(&word2, FUTEX_WAKE, 10, NULL, NULL, 0), 3);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);

    begin("futex: shared mapping is one word in two processes");
    int *shared_word = (int *)area;
    *shared_word = 0;
    pid = fork();
    if (pid == 0)
        _exit(futex(shared_word, FUTEX_WAIT, 0, NULL, NULL, 0) ? 1 : 0);
    woken = 0;
    for (int i = 0; i < 2000 && !woken; i++) {
        woken = futex(shared_word, FUTEX_WAKE, 1, NULL, NULL, 0);
        pause_ms(1);
    }
    is(woken, 1);
    waitpid(pid, &status, 0);
    yes(exited(status, 0));

    begin("tids: the thread's own, in /proc/self/task");
    turn = 0;
    pid_t tid = 0;
    char path[64], text[64];
    pthread_create(&t[0], NULL, spin_name, &tid);
    while (!*(volatile pid_t *)&tid)
        sched_yield();
    yes(tid != getpid());
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", tid);
    yes(get_file(path, text, sizeof text) > 0);
    is(strcmp(text, "spinner\n"), 0);
    turn = 1;
    pthread_join(t[0], NULL);
    for (int i = 0; i < 1000 && access(path, F_OK) == 0; i++)
        pause_ms(1);
    fails(access(path, F_OK), ENOENT);

    begin("CLONE_CHILD_CLEARTID wakes the joiner: 300 threads in turn");
    for (int i = 0; i < 300; i++) {
        is(pthread_create(&t[0], NULL, give_back, (void *)(long)i), 0);
        is(pthread_join(t[0], &result), 0);
        is((long)result, i);
    }

    begin("exec from a process with threads keeps the pid");
    int pipes[2];
    works(pipe(pipes));
    pid = fork();
    if (pid == 0) {
        turn = 0;
        pid_t other = 0;
        pthread_create(&t[0], NULL, spin_name, &other);
        dup2(pipes[1], 1);
        execl("/bin/busybox", "sh", "-c", "echo $$", NULL);
        _exit(1);
    }
    memset(text, 0, sizeof text);
    yes(read(pipes[0], text, sizeof text - 1) > 0);
    is(atoi(text), pid);
    waitpid(pid, &status, 0);
    yes(exited(status, 0));

    begin("a descriptor is closed while another thread reads it");
    works(pipe(ends));
    pthread_create(&t[0], NULL, read_end, NULL);
    usleep(50000);
    works(close(ends[0]));
    fails(read(ends[0], text, 1), EBADF);
    is(write(ends[1], "x", 1), 1);
    pthread_join(t[0], &result);
    is((long)result, 'x');
    signal(SIGPIPE, SIG_IGN);
    fails(write(ends[1], "x", 1), EPIPE);
    works(close(ends[1]));

    begin("threads open, read and close descriptors of one table");
    works(zero = open("/dev/zero", O_RDONLY));
    works(zero = fcntl(zero, F_DUPFD, 100));
    for (int i = 0; i < 4; i++)
        is(pthread_create(&t[i], NULL, churn, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    is(wrong, 0);
    text[0] = 1;
    is(read(zero, text, 1), 1);
    is(text[0], 0);

    begin("affinity and yield");
    cpu_set_t set;
    CPU_ZERO(&set);
    works(sched_getaffinity(0, sizeof set, &set));
    is(CPU_COUNT(&set), sysconf(_SC_NPROCESSORS_ONLN));
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &set))
            continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        works(sched_setaffinity(0, sizeof one, &one));
        is(sched_getcpu(), cpu);
    }
    CPU_ZERO(&set);
    fails(sched_setaffinity(0, sizeof set, &set), EINVAL);
    CPU_SET(0, &set);
    fails(sched_setaffinity(-1, sizeof set, &set), ESRCH);
    fails(sched_getaffinity(-1, sizeof set, &set), ESRCH);
    is(sched_yield(), 0);
}
