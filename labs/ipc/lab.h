// SPDX-License-Identifier: MIT OR Apache-2.0
/* What the labs of user programs share: calls that are checked, the clock, figures and the row they are told in, costs that
   a formula begins with, processes that end with the lab, memory that outlives them. */
#ifndef LAB_H
#define LAB_H
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The lab's exit status when the kernel has not what the lab is about. */
#define LACKING 77

/* What a call that failed means for the lab: the end, with a plain word. */
__attribute__((noreturn, unused)) static void lab_failed(const char *file, int line, const char *call, int error) {
    if (error == ENOSYS || error == EAFNOSUPPORT) {
        printf("this kernel lacks it: %s: %s\n", call, strerror(error));
        fflush(stdout);
        _exit(LACKING);
    }
    printf("%s:%d: %s: %s\n", file, line, call, strerror(error));
    fflush(stdout);
    _exit(1);
}

/* A call that has to work, or the lab ends. The document's programs check nothing: a file that cannot be opened then shows
   as a crash somewhere else. Works for whatever answers -1 (and so MAP_FAILED). */
#define must(call) ({ \
    __typeof__(call) got_ = (call); \
    if ((long)got_ == -1) { \
        lab_failed(__FILE__, __LINE__, #call, errno); \
    } \
    got_; \
})
/* The same for calls of pthread, which answer an error's number. */
#define must_be_0(call) do { int got_ = (call); if (got_) lab_failed(__FILE__, __LINE__, #call, got_); } while (0)
/* A fact the lab stands on. */
#define holds(fact) do { if (!(fact)) { printf("%s:%d: it does not hold that %s\n", __FILE__, __LINE__, #fact); \
    fflush(stdout); _exit(1); } } while (0)

/* ---- the clock ---- */

static inline int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static inline void sleep_us(long us) {
    struct timespec t = {us / 1000000, us % 1000000 * 1000};
    while (nanosleep(&t, &t) < 0 && errno == EINTR) {}
}

/* `ms` from now on that clock: what sem_timedwait and pthread_mutex_timedlock (CLOCK_REALTIME) want. */
static inline struct timespec deadline(clockid_t clock, long ms) {
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    return t;
}

/* ---- chance that repeats: the same seed, the same kills ---- */

static inline uint64_t lab_seed(void) {
    const char *seed = getenv("GAON_SEED");
    return seed ? strtoull(seed, NULL, 0) : 1;
}

static inline uint64_t lab_random(uint64_t *state) {
    /* xorshift64*; never 0. */
    uint64_t x = *state ? *state : 0x9e3779b97f4a7c15;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1d;
}

static inline int lab_full(void) {
    const char *full = getenv("GAON_FULL");
    return full && *full == '1';
}

/* How many kills a lab has to stand. */
static inline int lab_kills(void) {
    const char *kills = getenv("LAB_KILLS");
    return kills ? atoi(kills) : lab_full() ? 500 : 20;
}

/* Bytes that a message claims about itself: FNV-1a, enough to see a torn one. */
static inline uint32_t checksum(const void *bytes, size_t size) {
    const unsigned char *at = bytes;
    uint32_t sum = 2166136261u;
    while (size--)
        sum = (sum ^ *at++) * 16777619u;
    return sum;
}

/* ---- processes and what they share ---- */

/* Memory of all processes forked from here on; it outlives any of them. */
static inline void *lab_shared(size_t size) {
    return must(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

/* A child that does not outlive the lab. */
static inline pid_t lab_fork(void) {
    fflush(stdout);
    pid_t parent = getpid(), child = must(fork());
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
    }
    return child;
}

/* Waits for a child that has to end well. */
static inline void lab_reap(pid_t child) {
    int status;
    while (waitpid(child, &status, 0) < 0)
        holds(errno == EINTR);
    if (WIFEXITED(status) && WEXITSTATUS(status) == LACKING)
        _exit(LACKING);
    if (status)
        printf("a child ended with status %#x\n", status);
    holds(status == 0);
}

static inline int lab_processors(void) {
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

/* Pins this process, so that two that spin for one another do not share a processor by accident. */
static inline void lab_pin(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor % lab_processors(), &set);
    must(sched_setaffinity(0, sizeof set, &set));
}

/* One turn of a busy wait. With one processor, or a busy machine, the other side needs ours. */
static inline void lab_spin(unsigned *turns) {
    if (++*turns % 512 == 0)
        sched_yield();
    else
        __builtin_ia32_pause();
}

/* ---- figures ---- */

/* What an operation cost. NAN: does not apply, or was not measured. */
struct row {
    const char *name;
    long count;          /* how many were measured */
    double p50, p99;     /* nanoseconds of one */
    double rate;         /* of them in a second */
    double mbs;          /* megabytes in a second */
    double cpu;          /* processors kept busy, 1 is one of them all the time */
    double switches;     /* context switches of one */
    double crossings;    /* system calls of one */
    double copied;       /* bytes that the kernel copied for one, in and out */
    double waits;        /* waits for a lock or a semaphore in the kernel, of one */
    double formula;      /* nanoseconds that the document's formula predicts */
};

#define NO_ROW (struct row){NULL, 0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN}

/* Tells a row to whoever runs the lab; `./gaon lab run` makes a table of them. */
static inline void tell(const struct row *row) {
    const double values[] = {row->p50, row->p99, row->rate, row->mbs, row->cpu, row->switches, row->crossings, row->copied,
                             row->waits, row->formula};
    const char *names[] = {"p50_ns", "p99_ns", "per_s", "mb_per_s", "cpu", "switches", "crossings", "copied", "waits",
                           "formula_ns"};
    printf("@row\t%s\tcount=%ld", row->name, row->count);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (!isnan(values[i]))
            printf("\t%s=%.4g", names[i], values[i]);
    printf("\n");
    fflush(stdout);
}

static int lab_order(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Median and 99th percentile of samples, which are sorted by it. */
static inline void lab_percentiles(struct row *row, int64_t *samples, long count) {
    if (count == 0)
        return;
    qsort(samples, count, sizeof *samples, lab_order);
    row->p50 = samples[count / 2];
    row->p99 = samples[count * 99 / 100];
}

/* What this process and the children it has waited for have used. */
struct used {
    int64_t wall, cpu;
    long switches;
};

static inline struct used lab_used(void) {
    struct used used = {now_ns(), 0, 0};
    int whose[] = {RUSAGE_SELF, RUSAGE_CHILDREN};
    for (int i = 0; i < 2; i++) {
        struct rusage r;
        must(getrusage(whose[i], &r));
        used.cpu += (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000000LL + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1000LL;
        used.switches += r.ru_nvcsw + r.ru_nivcsw;
    }
    return used;
}

/* Puts what was used since `before`, for `count` operations of `bytes` each, into the row. */
static inline void lab_spent(struct row *row, struct used before, long count, double bytes) {
    struct used after = lab_used();
    double wall = after.wall - before.wall;
    row->count = count;
    row->rate = count / wall * 1e9;
    row->mbs = bytes > 0 ? count * bytes / wall * 1e3 : NAN;
    row->cpu = (after.cpu - before.cpu) / wall;
    row->switches = (double)(after.switches - before.switches) / count;
}

/* ---- what the formula begins with, measured on this kernel ---- */

/* T_msg = k C_b + C_c + C_u and T_shm = C_sync + C_u, as the document has them. */
struct costs {
    double boundary;     /* C_b: one crossing into the kernel and back */
    double byte;         /* C_c of one byte: what the kernel takes to copy it */
    double sync;         /* C_sync: one processor sees what another has written */
};

static inline double lab_sync_cost(void) {
    struct flags { _Alignas(64) _Atomic unsigned ping; _Alignas(64) _Atomic unsigned pong; } *flags = lab_shared(sizeof *flags);
    unsigned turns = 0, round = 0;
    cpu_set_t before;
    must(sched_getaffinity(0, sizeof before, &before));
    pid_t other = lab_fork();
    if (other == 0) {
        lab_pin(1);
        for (unsigned seen = 0;; ) {
            unsigned ping = atomic_load_explicit(&flags->ping, memory_order_acquire);
            if (ping == ~0u)
                _exit(0);
            if (ping == seen)
                lab_spin(&turns);
            else
                atomic_store_explicit(&flags->pong, seen = ping, memory_order_release);
        }
    }
    int64_t best = INT64_MAX;
    lab_pin(0);
    /* On a busy host the two processors seldom run at the same time: go on until they have. */
    for (int64_t begun = now_ns(), limit; round < 500; round++) {
        int64_t start = now_ns();
        limit = best < 20000 ? 50000000 : 1000000000;
        if (round >= 3 && start - begun > limit)
            break;
        atomic_store_explicit(&flags->ping, round + 1, memory_order_release);
        while (atomic_load_explicit(&flags->pong, memory_order_acquire) != round + 1)
            lab_spin(&turns);
        int64_t took = now_ns() - start;
        best = took < best ? took : best;
    }
    atomic_store(&flags->ping, ~0u);
    lab_reap(other);
    must(sched_setaffinity(0, sizeof before, &before));
    munmap(flags, sizeof *flags);
    return best / 2.0;
}

static inline struct costs lab_costs(void) {
    enum { CALLS = 2000, SIZE = 65536, COPIES = 64 };
    struct costs costs;
    int64_t best = INT64_MAX, small = INT64_MAX, large = INT64_MAX;
    static char buffer[SIZE];
    int fd = must(memfd_create("lab", 0));
    must(write(fd, buffer, SIZE));
    for (int round = 0; round < 3; round++) {
        int64_t start = now_ns();
        for (int i = 0; i < CALLS; i++)
            syscall(SYS_getppid);
        int64_t end = now_ns();
        best = end - start < best ? end - start : best;
        for (int i = 0; i < COPIES; i++) {
            int64_t a = now_ns();
            must(pread(fd, buffer, 1, 0));
            int64_t b = now_ns();
            must(pread(fd, buffer, SIZE, 0));
            int64_t c = now_ns();
            small = b - a < small ? b - a : small;
            large = c - b < large ? c - b : large;
        }
    }
    close(fd);
    costs.boundary = (double)best / CALLS;
    costs.byte = large > small ? (double)(large - small) / (SIZE - 1) : 0;
    costs.sync = lab_sync_cost();
    printf("this machine: a crossing C_b %.0f ns, a byte copied %.3f ns, a word from processor to processor C_sync %.0f ns\n",
           costs.boundary, costs.byte, costs.sync);
    return costs;
}
#endif
