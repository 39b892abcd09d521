// futex_waitv(2): waiting for one of several words.
// test: smp=2 limit=60
#include "check.h"
#include <linux/futex.h>

struct waitv { uint64_t value, address; uint32_t flags, reserved; };
#define WIDE 2 /* FUTEX_32 */
#define NR 449
static unsigned *word;
static struct waitv list[130];

static long waitv(void *waiters, unsigned n, unsigned flags, const void *timeout, int clock) {
    return syscall(NR, waiters, n, flags, timeout, clock);
}
static long wake(unsigned *at, int n, int flag) { return syscall(SYS_futex, at, FUTEX_WAKE | flag, n, NULL, NULL, 0); }
static void fill(int n, int flags) {
    for (int i = 0; i < n; i++)
        list[i] = (struct waitv){word[i], (uintptr_t)&word[i], flags, 0};
}
/* Wakes until somebody was woken. */
static int waker(unsigned *at, int flag) {
    for (int i = 0; i < 10000; i++) {
        if (wake(at, 1, flag) == 1)
            return 0;
        pause_ms(1);
    }
    return 1;
}
static void *wake_private(void *arg) { return (void *)(long)waker(arg, FUTEX_PRIVATE_FLAG); }
static void nothing(int signal) { (void)signal; }

static void tests(void) {
    word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    begin("arguments");
    fill(128, WIDE);
    struct timespec past = {0, 1}, bad = {0, 1000000000};
    fails(waitv(list, 1, 1, NULL, 0), EINVAL);
    fails(waitv(list, 0, 0, NULL, 0), EINVAL);
    fails(waitv(list, 129, 0, &past, CLOCK_MONOTONIC), EINVAL);
    fails(waitv(NULL, 1, 0, NULL, 0), EINVAL);
    fails(waitv((void *)8, 1, 0, NULL, 0), EFAULT);
    fails(waitv(list, 1, 0, &past, CLOCK_BOOTTIME), EINVAL);
    fails(waitv(list, 1, 0, &past, CLOCK_REALTIME_COARSE), EINVAL);
    fails(waitv(list, 1, 0, &past, -1), EINVAL);
    fails(waitv(list, 1, 0, &bad, CLOCK_MONOTONIC), EINVAL);
    fails(waitv(list, 1, 0, (void *)8, CLOCK_MONOTONIC), EFAULT);
    fails(waitv(list, 128, 0, &past, CLOCK_MONOTONIC), ETIMEDOUT);
    list[3].flags = 0;
    fails(waitv(list, 4, 0, &past, CLOCK_MONOTONIC), EINVAL);
    list[3].flags = WIDE | 4;
    fails(waitv(list, 4, 0, &past, CLOCK_MONOTONIC), EINVAL);
    list[3].flags = WIDE;
    list[3].reserved = 1;
    fails(waitv(list, 4, 0, &past, CLOCK_MONOTONIC), EINVAL);
    list[3].reserved = 0;
    list[3].address += 2;
    fails(waitv(list, 4, 0, &past, CLOCK_MONOTONIC), EINVAL);
    list[3].address = 0x1000;
    fails(waitv(list, 4, 0, &past, CLOCK_MONOTONIC), EFAULT);

    begin("values");
    fill(8, WIDE);
    list[7].value = 1;
    fails(waitv(list, 8, 0, NULL, 0), EAGAIN);
    is(wake(&word[0], 1, 0), 0);
    list[7].value = 1UL << 32; /* the upper half does not count */
    fails(waitv(list, 8, 0, &past, CLOCK_MONOTONIC), ETIMEDOUT);

    begin("time-outs by both clocks");
    fill(8, WIDE | FUTEX_PRIVATE_FLAG);
    struct timespec soon = in_ms(CLOCK_MONOTONIC, 20);
    fails(waitv(list, 8, 0, &soon, CLOCK_MONOTONIC), ETIMEDOUT);
    yes(now_ns(CLOCK_MONOTONIC) >= soon.tv_sec * 1000000000LL + soon.tv_nsec);
    soon = in_ms(CLOCK_REALTIME, 20);
    fails(waitv(list, 8, 0, &soon, CLOCK_REALTIME), ETIMEDOUT);
    yes(now_ns(CLOCK_REALTIME) >= soon.tv_sec * 1000000000LL + soon.tv_nsec);

    begin("which was woken: by a process");
    for (int which = 0; which < 128; which += 31) {
        fill(128, WIDE);
        pid_t pid = fork();
        if (!pid)
            _exit(waker(&word[which], 0));
        is(waitv(list, 128, 0, NULL, 0), which);
        int status;
        waitpid(pid, &status, 0);
        yes(exited(status, 0));
    }
    begin("which was woken: by a thread, private words");
    static unsigned own[4];
    for (int i = 0; i < 4; i++)
        list[i] = (struct waitv){0, (uintptr_t)&own[i], WIDE | FUTEX_PRIVATE_FLAG, 0};
    pthread_t thread;
    pthread_create(&thread, NULL, wake_private, &own[2]);
    is(waitv(list, 4, 0, NULL, 0), 2);
    void *result;
    pthread_join(thread, &result);
    is((long)result, 0);

    begin("one word twice is one waiter twice");
    fill(2, WIDE);
    list[1].address = list[0].address;
    pid_t pid = fork();
    if (!pid) {
        int got = 0;
        while (!got) {
            got = wake(&word[0], 5, 0);
            pause_ms(1);
        }
        _exit(got != 2 && got != 1);
    }
    long index = waitv(list, 2, 0, NULL, 0);
    yes(index == 0 || index == 1);
    int status;
    waitpid(pid, &status, 0);
    yes(exited(status, 0));

    begin("a signal");
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = nothing}, NULL);
    fill(3, WIDE);
    alarm(1);
    fails(waitv(list, 3, 0, NULL, 0), EINTR);
    is(wake(&word[0], 1, 0), 0);

    begin("plain waiters and this one share a word");
    fill(3, WIDE);
    pid = fork();
    if (!pid)
        _exit(syscall(SYS_futex, &word[1], FUTEX_WAIT, 0, NULL, NULL, 0) != 0);
    pid_t other = fork();
    if (!other)
        _exit(waitv(list, 3, 0, NULL, 0) != 1);
    int woken = 0;
    while (woken < 2) {
        woken += wake(&word[1], 1, 0);
        pause_ms(1);
    }
    for (int i = 0; i < 2; i++) {
        wait(&status);
        yes(exited(status, 0));
    }
}
