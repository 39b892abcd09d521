// futex(2), priority-inheritance futexes: locking, hand-over by urgency, inherited levels along chains, deadlock, death of
// the owner, requeueing to a lock; and what the C library makes of it.
// test: smp=2 limit=120
#include "check.h"
#include <linux/futex.h>
#include <semaphore.h>

static unsigned *word; /* in shared memory, 64 bytes apart */
#define W(n) (&word[16 * (n)])
#define get_word(p) __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define set_word(p, v) __atomic_store_n(p, v, __ATOMIC_SEQ_CST)

static long futex(unsigned *at, int op, unsigned value, const void *timeout, unsigned *second, unsigned third) {
    return syscall(SYS_futex, at, op, value, timeout, second, third);
}
static void *wait_plainly(void *at) {
    return (void *)futex(at, FUTEX_WAIT, 0, NULL, NULL, 0);
}
static long lock_pi(unsigned *at) { return futex(at, FUTEX_LOCK_PI, 0, NULL, NULL, 0); }
static long unlock_pi(unsigned *at) { return futex(at, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0); }
/* The priority in /proc: 20 for an ordinary thread, -1 - level for a real-time one. */
static long shown(pid_t tid) {
    char path[64], text[500];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    if (get_file(path, text, sizeof text) <= 0)
        return 999;
    char *at = strrchr(text, ')') + 2;
    for (int field = 3; field < 18; field++)
        at = strchr(at, ' ') + 1;
    return atol(at);
}
static int until_shown(pid_t tid, long wanted) {
    for (int i = 0; i < 5000; i++) {
        if (shown(tid) == wanted)
            return 1;
        pause_ms(2);
    }
    return 0;
}

enum what { TAKE, TAKE_TWO, WAIT_REQUEUE, GIVE_UP };
struct actor {
    enum what what;
    int level;
    unsigned *first, *second;
    pthread_t thread;
    pid_t tid;
    long result;
    int error, has_first, order;
    sem_t go; /* gives up what it has */
};
static int order_taken;
static void *act(void *arg) {
    struct actor *a = arg;
    if (a->level)
        pthread_setschedparam(pthread_self(), SCHED_FIFO, &(struct sched_param){.sched_priority = a->level});
    __atomic_store_n(&a->tid, gettid(), __ATOMIC_SEQ_CST);
    struct timespec soon = in_ms(CLOCK_REALTIME, 200);
    switch (a->what) {
    case TAKE:
        a->result = lock_pi(a->first);
        break;
    case GIVE_UP:
        a->result = futex(a->first, FUTEX_LOCK_PI, 0, &soon, NULL, 0);
        break;
    case TAKE_TWO:
        a->result = lock_pi(a->first);
        __atomic_store_n(&a->has_first, 1, __ATOMIC_SEQ_CST);
        a->result |= lock_pi(a->second);
        break;
    case WAIT_REQUEUE:
        a->result = futex(a->first, FUTEX_WAIT_REQUEUE_PI, 7, NULL, a->second, 0);
        break;
    }
    a->error = errno;
    a->order = __atomic_fetch_add(&order_taken, 1, __ATOMIC_SEQ_CST);
    if (a->result)
        return NULL;
    while (sem_wait(&a->go)) {}
    if (a->what == TAKE_TWO || a->what == WAIT_REQUEUE)
        unlock_pi(a->second);
    if (a->what == TAKE || a->what == TAKE_TWO)
        unlock_pi(a->first);
    return NULL;
}
static int is_sleeping(pid_t tid) {
    char path[64], text[500];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    if (get_file(path, text, sizeof text) <= 0)
        return 0;
    return strrchr(text, ')')[2] == 'S';
}
static void until_sleeping(struct actor *a) {
    for (;;) {
        pid_t tid = __atomic_load_n(&a->tid, __ATOMIC_SEQ_CST);
        if (tid && is_sleeping(tid))
            return;
        pause_ms(1);
    }
}
static void start(struct actor *a) {
    sem_init(&a->go, 0, 0);
    pthread_create(&a->thread, NULL, act, a);
}
static void start_waiting(struct actor *a) {
    start(a);
    until_sleeping(a);
}
static void end(struct actor *a) {
    sem_post(&a->go);
    pthread_join(a->thread, NULL);
}

static void alone(void) {
    begin("a lock that nobody waits for");
    unsigned tid = gettid();
    set_word(W(0), 0);
    is(lock_pi(W(0)), 0);
    is(get_word(W(0)), tid);
    fails(lock_pi(W(0)), EDEADLK);
    fails(futex(W(0), FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EDEADLK);
    is(unlock_pi(W(0)), 0);
    is(get_word(W(0)), 0);
    fails(unlock_pi(W(0)), EPERM);
    is(futex(W(0), FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), 0);
    is(get_word(W(0)), tid);
    is(unlock_pi(W(0)), 0);
    is(futex(W(0), FUTEX_LOCK_PI2, 0, NULL, NULL, 0), 0);
    is(unlock_pi(W(0)), 0);
    is(futex(W(0), FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0), 0);
    is(futex(W(0), FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0), 0);

    begin("the owner's death shows in the word");
    set_word(W(0), FUTEX_OWNER_DIED);
    is(lock_pi(W(0)), 0);
    is(get_word(W(0)), tid | FUTEX_OWNER_DIED);
    is(unlock_pi(W(0)), 0);
    is(get_word(W(0)), 0);

    begin("words that are no locks");
    set_word(W(0), 0x3ffffff0);
    fails(lock_pi(W(0)), ESRCH);
    fails(futex(W(0), FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), ESRCH);
    set_word(W(0), 2); /* kthreadd */
    fails(lock_pi(W(0)), EPERM);
    set_word(W(0), 0);
    fails(lock_pi((unsigned *)((char *)W(0) + 2)), EINVAL);
    fails(lock_pi((unsigned *)4096), EFAULT);
    fails(unlock_pi((unsigned *)4096), EFAULT);
    unsigned *read_only = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    fails(lock_pi(read_only), EFAULT);
    munmap(read_only, 4096);
    struct timespec bad = {1, 2000000000};
    fails(futex(W(0), FUTEX_LOCK_PI, 0, &bad, NULL, 0), EINVAL);
    fails(futex(W(0), FUTEX_LOCK_PI, 0, (void *)1, NULL, 0), EFAULT);
    is(get_word(W(0)), 0);

    begin("a word that somebody waits for as for any other");
    pthread_t thread;
    works(pthread_create(&thread, NULL, wait_plainly, W(0)));
    while (futex(W(0), FUTEX_CMP_REQUEUE, 0, (void *)1, W(0), 0) != 1)
        pause_ms(1);
    fails(lock_pi(W(0)), EINVAL);
    fails(futex(W(0), FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EINVAL);
    set_word(W(0), gettid());
    fails(lock_pi(W(0)), EDEADLK);
    set_word(W(0), 0);
    is(futex(W(0), FUTEX_WAKE, 1, NULL, NULL, 0), 1);
    pthread_join(thread, NULL);
    is(lock_pi(W(0)), 0);
    is(unlock_pi(W(0)), 0);
}

static void handing_over(void) {
    begin("the most urgent first, then who came first");
    order_taken = 0;
    unsigned *lock = W(1), tid = gettid();
    set_word(lock, 0);
    is(lock_pi(lock), 0);
    struct actor a[4] = {{.level = 3}, {.level = 9}, {.level = 0}, {.level = 9}};
    for (int i = 0; i < 4; i++) {
        a[i].first = lock;
        start_waiting(&a[i]);
        is(get_word(lock), tid | FUTEX_WAITERS);
    }
    fails(futex(lock, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
    is(futex(lock, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), -1);
    is(unlock_pi(lock), 0);
    int turn[4] = {1, 3, 0, 2};
    for (int i = 0; i < 4; i++) {
        struct actor *next = &a[turn[i]];
        while ((get_word(lock) & FUTEX_TID_MASK) != (unsigned)next->tid)
            pause_ms(1);
        end(next);
        is(next->result, 0);
        is(next->order, i);
    }
    is(get_word(lock), 0);

    begin("time-outs, and a handler");
    struct actor owner = {.first = lock};
    start(&owner);
    while (!get_word(lock))
        pause_ms(1);
    fails(futex(lock, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EAGAIN);
    struct timespec past = {1, 0}, soon = in_ms(CLOCK_REALTIME, 30);
    fails(futex(lock, FUTEX_LOCK_PI, 0, &past, NULL, 0), ETIMEDOUT);
    fails(futex(lock, FUTEX_LOCK_PI, 0, &soon, NULL, 0), ETIMEDOUT);
    yes(now_ns(CLOCK_REALTIME) >= soon.tv_sec * 1000000000LL + soon.tv_nsec);
    soon = in_ms(CLOCK_MONOTONIC, 30);
    fails(futex(lock, FUTEX_LOCK_PI2, 0, &soon, NULL, 0), ETIMEDOUT);
    soon = in_ms(CLOCK_REALTIME, 30);
    fails(futex(lock, FUTEX_LOCK_PI2 | FUTEX_CLOCK_REALTIME, 0, &soon, NULL, 0), ETIMEDOUT);
    fails(futex(lock, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, &soon, NULL, 0), ENOSYS);
    fails(unlock_pi(lock), EPERM);

    /* So a dying owner's list of robust locks leaves it, and a moment later the lock goes on. */
    begin("who comes while the owner dies waits");
    struct actor waiter = {.first = lock};
    start_waiting(&waiter);
    unsigned held = get_word(lock);
    set_word(lock, FUTEX_WAITERS | FUTEX_OWNER_DIED);
    soon = in_ms(CLOCK_REALTIME, 30);
    fails(futex(lock, FUTEX_LOCK_PI, 0, &soon, NULL, 0), ETIMEDOUT);
    fails(futex(lock, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EAGAIN);
    set_word(lock, FUTEX_WAITERS);
    fails(futex(lock, FUTEX_LOCK_PI, 0, &soon, NULL, 0), EINVAL);
    set_word(lock, held);
    end(&owner);
    end(&waiter);
    is(owner.result, 0);
    is(waiter.result, 0);
}

static void inheriting(void) {
    begin("an owner has the level of who waits for it");
    unsigned *lock = W(2);
    set_word(lock, 0);
    pid_t me = gettid();
    is(shown(me), 20);
    is(lock_pi(lock), 0);
    struct actor low = {.level = 10, .first = lock}, high = {.level = 30, .first = lock};
    start_waiting(&low);
    yes(until_shown(me, -11));
    struct sched_param p;
    is(sched_getscheduler(0), SCHED_OTHER);
    works(sched_getparam(0, &p));
    is(p.sched_priority, 0);
    start_waiting(&high);
    yes(until_shown(me, -31));
    is(unlock_pi(lock), 0);
    yes(until_shown(me, 20));
    while ((get_word(lock) & FUTEX_TID_MASK) != (unsigned)high.tid)
        pause_ms(1);
    end(&high);
    end(&low);

    begin("a child does not inherit what its parent inherits");
    is(lock_pi(lock), 0);
    struct actor w = {.level = 20, .first = lock};
    start_waiting(&w);
    yes(until_shown(me, -21));
    int status = in_child(_exit(sched_getscheduler(0) != SCHED_OTHER || shown(getpid()) != 20));
    yes(exited(status, 0));
    is(unlock_pi(lock), 0);
    end(&w);

    begin("along a chain, and back when the end of it gives up");
    unsigned *one = W(3), *two = W(4);
    set_word(one, 0);
    set_word(two, 0);
    is(lock_pi(one), 0);
    struct actor middle = {.what = TAKE_TWO, .first = two, .second = one};
    start(&middle);
    while (!__atomic_load_n(&middle.has_first, __ATOMIC_SEQ_CST))
        pause_ms(1);
    until_sleeping(&middle);
    is(shown(me), 20);
    struct actor last = {.what = GIVE_UP, .level = 40, .first = two};
    start(&last);
    yes(until_shown(me, -41));
    is(shown(middle.tid), -41);
    pthread_join(last.thread, NULL);
    is(last.result, -1);
    is(last.error, ETIMEDOUT);
    yes(until_shown(me, 20));
    is(shown(middle.tid), 20);

    begin("a level that changes while it waits");
    struct actor changing = {.level = 5, .first = two};
    start_waiting(&changing);
    yes(until_shown(me, -6));
    works(sched_setscheduler(changing.tid, SCHED_FIFO, &(struct sched_param){.sched_priority = 50}));
    yes(until_shown(me, -51));
    works(sched_setscheduler(changing.tid, SCHED_FIFO, &(struct sched_param){.sched_priority = 8}));
    yes(until_shown(me, -9));

    begin("an owner's own level changes while it inherits");
    works(sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 60}));
    is(shown(me), -61);
    works(sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){.sched_priority = 0}));
    is(shown(me), -9);

    begin("deadlock along the chain");
    fails(lock_pi(two), EDEADLK);
    fails(futex(two, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EAGAIN);
    is(unlock_pi(one), 0);
    end(&middle);
    end(&changing);
    is(get_word(one), 0);
    is(get_word(two), 0);
}

/* A low thread that has the lock is kept from the CPU by a busy middle one, unless it inherits the high one's level. */
static volatile int stop_spinning, spinning;
static void *spin(void *arg) {
    int64_t end = now_ns(CLOCK_MONOTONIC) + 2000000000LL;
    spinning = 1;
    while (!stop_spinning && now_ns(CLOCK_MONOTONIC) < end) {}
    return arg;
}
static int inverted(void) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(0, sizeof one, &one);
    unsigned *lock = W(5);
    set_word(lock, 0);
    sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 2});
    lock_pi(lock);
    struct actor high = {.level = 20, .first = lock};
    start_waiting(&high);
    /* The middle one cannot run yet: this thread has the high one's level. */
    pthread_t middle;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
    pthread_attr_setschedparam(&attr, &(struct sched_param){.sched_priority = 10});
    if (pthread_create(&middle, &attr, spin, NULL))
        return 1;
    for (volatile int i = 0; i < 1000000; i++) {}
    if (spinning)
        return 2;
    sem_post(&high.go);
    stop_spinning = 1;
    unlock_pi(lock);
    pthread_join(high.thread, NULL);
    pthread_join(middle, NULL);
    return high.result;
}

static void death(void) {
    begin("an owner that ends gives the lock on");
    unsigned *lock = W(6);
    set_word(lock, 0);
    pid_t pid = fork();
    if (!pid) {
        lock_pi(lock);
        pause();
        _exit(0);
    }
    while (!get_word(lock))
        pause_ms(1);
    struct actor a = {.level = 4, .first = lock}, b = {.level = 2, .first = lock};
    start_waiting(&a);
    start_waiting(&b);
    is(get_word(lock), (unsigned)pid | FUTEX_WAITERS);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    while ((get_word(lock) & FUTEX_TID_MASK) != (unsigned)a.tid)
        pause_ms(1);
    is(get_word(lock), (unsigned)a.tid | FUTEX_WAITERS | FUTEX_OWNER_DIED);
    end(&a);
    end(&b);
    is(a.result, 0);
    is(b.result, 0);

    begin("an owner that runs another program gives the lock on");
    set_word(lock, 0);
    int go[2];
    works(pipe(go));
    pid = fork();
    if (!pid) {
        lock_pi(lock);
        char c;
        (void)!read(go[0], &c, 1);
        char *only[] = {"FUTEXPI_EXIT=1", NULL};
        execle("/proc/self/exe", "futexpi", (char *)NULL, only);
        _exit(9);
    }
    while (!get_word(lock))
        pause_ms(1);
    struct actor c = {.first = lock};
    start_waiting(&c);
    works(write(go[1], "x", 1));
    while ((get_word(lock) & FUTEX_TID_MASK) != (unsigned)c.tid)
        pause_ms(1);
    end(&c);
    int status;
    waitpid(pid, &status, 0);
    yes(exited(status, 0));
    close(go[0]);
    close(go[1]);

    begin("a waiter that is killed is forgotten");
    set_word(lock, 0);
    is(lock_pi(lock), 0);
    pid = fork();
    if (!pid) {
        sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 15});
        lock_pi(lock);
        _exit(0);
    }
    yes(until_shown(gettid(), -16));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    is(shown(gettid()), 20);
    is(unlock_pi(lock), 0);
    is(get_word(lock), 0);
}

static void requeueing(void) {
    begin("waiters of a condition are moved to a lock");
    unsigned *cond = W(7), *lock = W(8);
    set_word(cond, 7);
    set_word(lock, 0);
    order_taken = 0;
    struct actor a[3] = {{.level = 2}, {.level = 6}, {.level = 4}};
    for (int i = 0; i < 3; i++) {
        a[i].what = WAIT_REQUEUE;
        a[i].first = cond;
        a[i].second = lock;
        start_waiting(&a[i]);
    }
    fails(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)10L, lock, 8), EAGAIN);
    fails(futex(cond, FUTEX_CMP_REQUEUE_PI, 2, (void *)10L, lock, 7), EINVAL);
    fails(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)10L, cond, 7), EINVAL);
    fails(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)10L, W(9), 7), EINVAL);
    fails(futex(cond, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
    fails(futex(cond, FUTEX_REQUEUE, 1, (void *)10L, lock, 0), EINVAL);
    is(lock_pi(lock), 0);
    is(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)1L, lock, 7), 2);
    yes(until_shown(gettid(), -7));
    is(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)10L, lock, 7), 1);
    is(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)10L, lock, 7), 0);
    is(unlock_pi(lock), 0);
    int turn[3] = {1, 2, 0};
    for (int i = 0; i < 3; i++) {
        while ((get_word(lock) & FUTEX_TID_MASK) != (unsigned)a[turn[i]].tid)
            pause_ms(1);
        end(&a[turn[i]]);
        is(a[turn[i]].result, 0);
        is(a[turn[i]].order, i);
    }
    is(get_word(lock), 0);

    begin("a lock that is free goes to the waiter in front at once");
    struct actor b[2] = {{.level = 2}, {.level = 6}};
    order_taken = 0;
    for (int i = 0; i < 2; i++) {
        b[i].what = WAIT_REQUEUE;
        b[i].first = cond;
        b[i].second = lock;
        start_waiting(&b[i]);
    }
    is(futex(cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)10L, lock, 7), 2);
    is(get_word(lock), (unsigned)b[1].tid | FUTEX_WAITERS);
    end(&b[1]);
    end(&b[0]);
    is(b[0].result, 0);
    is(b[1].result, 0);
    is(get_word(lock), 0);

    begin("waiting for a requeue: value, time-outs, one word for both");
    fails(futex(cond, FUTEX_WAIT_REQUEUE_PI, 8, NULL, lock, 0), EAGAIN);
    fails(futex(cond, FUTEX_WAIT_REQUEUE_PI, 7, NULL, cond, 0), EINVAL);
    struct timespec soon = in_ms(CLOCK_MONOTONIC, 20);
    fails(futex(cond, FUTEX_WAIT_REQUEUE_PI, 7, &soon, lock, 0), ETIMEDOUT);
    soon = in_ms(CLOCK_REALTIME, 20);
    fails(futex(cond, FUTEX_WAIT_REQUEUE_PI | FUTEX_CLOCK_REALTIME, 7, &soon, lock, 0), ETIMEDOUT);
    is(get_word(lock), 0);

    begin("clocks that may be chosen");
    fails(futex(cond, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 7, &soon, NULL, 0), ENOSYS);
    fails(futex(cond, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 7, NULL, NULL, 0), ENOSYS);
    fails(futex(cond, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 7, &soon, NULL, 1), ETIMEDOUT);
}

static pthread_mutex_t *mutex;
static void make_mutex(int robust) {
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    is(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT), 0);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    if (robust)
        pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    is(pthread_mutex_init(mutex, &attr), 0);
}
static void library(void) {
    begin("pthread: an inheriting mutex between processes");
    mutex = (void *)W(20);
    long *count = (long *)W(24);
    make_mutex(0);
    for (int p = 0; p < 4; p++)
        if (!fork()) {
            for (int i = 0; i < 500; i++) {
                if (pthread_mutex_lock(mutex))
                    _exit(1);
                long seen = *count;
                if (i % 50 == 0)
                    sched_yield();
                *count = seen + 1;
                if (pthread_mutex_unlock(mutex))
                    _exit(2);
            }
            _exit(0);
        }
    for (int p = 0; p < 4; p++) {
        int status = -1;
        wait(&status);
        yes(exited(status, 0));
    }
    is(*count, 2000);

    begin("pthread: robust and inheriting, its owner dies");
    make_mutex(1);
    int status = in_child(_exit(pthread_mutex_lock(mutex)));
    yes(exited(status, 0));
    is(pthread_mutex_lock(mutex), EOWNERDEAD);
    is(pthread_mutex_consistent(mutex), 0);
    is(pthread_mutex_unlock(mutex), 0);
    is(pthread_mutex_lock(mutex), 0);
    is(pthread_mutex_unlock(mutex), 0);

    begin("pthread: the same with somebody waiting");
    for (int round = 0; round < 20; round++) {
        int ready[2];
        works(pipe(ready));
        pid_t owner = fork();
        if (!owner) {
            if (pthread_mutex_lock(mutex))
                _exit(1);
            (void)!write(ready[1], "x", 1);
            pause();
        }
        char c;
        is(read(ready[0], &c, 1), 1);
        pid_t waiter = fork();
        if (!waiter) {
            if (pthread_mutex_lock(mutex) != EOWNERDEAD)
                _exit(1);
            pthread_mutex_consistent(mutex);
            _exit(pthread_mutex_unlock(mutex));
        }
        pause_ms(round % 4 * 3);
        kill(owner, SIGKILL);
        waitpid(owner, NULL, 0);
        waitpid(waiter, &status, 0);
        yes(exited(status, 0));
        close(ready[0]);
        close(ready[1]);
    }

    begin("pthread: a condition variable with an inheriting mutex, and a barrier");
    pthread_cond_t *cond = (void *)W(28);
    pthread_barrier_t *barrier = (void *)W(32);
    pthread_condattr_t ca;
    pthread_condattr_init(&ca);
    pthread_condattr_setpshared(&ca, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(cond, &ca);
    pthread_barrierattr_t ba;
    pthread_barrierattr_init(&ba);
    pthread_barrierattr_setpshared(&ba, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(barrier, &ba, 4);
    make_mutex(0);
    int *turn = (int *)W(36);
    *turn = 0;
    for (int p = 0; p < 3; p++)
        if (!fork()) {
            pthread_barrier_wait(barrier);
            for (int i = 0; i < 30; i++) {
                pthread_mutex_lock(mutex);
                while (*turn % 3 != p)
                    pthread_cond_wait(cond, mutex);
                ++*turn;
                pthread_cond_broadcast(cond);
                pthread_mutex_unlock(mutex);
            }
            _exit(0);
        }
    pthread_barrier_wait(barrier);
    for (int p = 0; p < 3; p++) {
        wait(&status);
        yes(exited(status, 0));
    }
    is(*turn, 90);

    begin("semaphores, named and not");
    sem_t *sem = (void *)W(40);
    works(sem_init(sem, 1, 0));
    sem_unlink("/futexpi");
    sem_t *named = sem_open("/futexpi", O_CREAT | O_EXCL, 0600, 0);
    yes(named != SEM_FAILED);
    if (named == SEM_FAILED)
        return;
    pid_t pid = fork();
    if (!pid) {
        sem_t *same = sem_open("/futexpi", 0);
        for (int i = 0; i < 100; i++)
            if (sem_wait(sem) || sem_post(same))
                _exit(1);
        _exit(0);
    }
    for (int i = 0; i < 100; i++) {
        works(sem_post(sem));
        works(sem_wait(named));
    }
    waitpid(pid, &status, 0);
    yes(exited(status, 0));
    int value;
    works(sem_getvalue(sem, &value));
    is(value, 0);
    struct timespec soon = in_ms(CLOCK_REALTIME, 20);
    fails(sem_timedwait(sem, &soon), ETIMEDOUT);
    sem_close(named);
    works(sem_unlink("/futexpi"));
}

static void tests(void) {
    if (getenv("FUTEXPI_EXIT"))
        _exit(0);
    word = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    alone();
    handing_over();
    inheriting();
    begin("no inversion: the middle one waits while the low one has the lock");
    int status = in_child(_exit(inverted()));
    yes(exited(status, 0));
    death();
    requeueing();
    library();
}
