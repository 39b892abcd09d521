// SPDX-License-Identifier: MIT OR Apache-2.0
/* counter++ by several processes, and what keeps them apart: what each cure costs, and what becomes of it when its holder is
   killed. */
#include "../count.h"
#include "../workers.h"
#include <pthread.h>
#include <semaphore.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/sem.h>

enum { PROCESSES = 3, TURNS = 2000, PATIENCE_MS = 100 };

/* Two numbers that are always the same, unless one looks, or dies, between their changes. */
struct shared {
    _Alignas(64) volatile long counter, copy;
    _Atomic long atomic;
    _Atomic long orphaned;
    pthread_mutex_t robust, inherits;
    sem_t semaphore;
    _Atomic int arrived;
};

static struct shared *shared;
static int set = -1;                 /* of System V semaphores */
static int has_inheritance;          /* the kernel has FUTEX_LOCK_PI */
static char path[] = "/tmp/lab-race";

/* ---- the cures: take and give ---- */

static void nothing(void) {}

static void take_mutex(pthread_mutex_t *mutex) {
    int error = pthread_mutex_lock(mutex);
    if (error == EOWNERDEAD) {
        shared->orphaned++;
        error = pthread_mutex_consistent(mutex);
    }
    must_be_0(error);
}

static void robust_take(void) { take_mutex(&shared->robust); }
static void robust_give(void) { must_be_0(pthread_mutex_unlock(&shared->robust)); }
static void inherits_take(void) { take_mutex(&shared->inherits); }
static void inherits_give(void) { must_be_0(pthread_mutex_unlock(&shared->inherits)); }

static void semaphore_take(void) {
    while (sem_wait(&shared->semaphore) < 0)
        holds(errno == EINTR);
}
static void semaphore_give(void) { must(sem_post(&shared->semaphore)); }

/* SEM_UNDO: the kernel takes back at a process's end what it did, however it ends. */
static void undo_change(short change) {
    struct sembuf operation = {0, change, SEM_UNDO};
    while (semop(set, &operation, 1) < 0)
        if (errno != EINTR)
            must(-1);
}
static void undo_take(void) { undo_change(-1); }
static void undo_give(void) { undo_change(1); }

/* A lock of a file belongs to an open file (flock) or to a process (fcntl): a forked child has to open its own for flock. Only
   children come here. */
static int file(void) {
    static int fd = -1;
    if (fd < 0)
        fd = must(open(path, O_RDWR | O_CREAT, 0600));
    return fd;
}
static void flock_take(void) { must(flock(file(), LOCK_EX)); }
static void flock_give(void) { must(flock(file(), LOCK_UN)); }
static void record_change(short type) {
    struct flock lock = {.l_type = type, .l_len = 1};
    must(fcntl(file(), F_SETLKW, &lock));
}
static void record_take(void) { record_change(F_WRLCK); }
static void record_give(void) { record_change(F_UNLCK); }

struct cure {
    const char *name;
    void (*take)(void), (*give)(void);
    int let_go;          /* when its holder dies, the kernel gives it to another */
};

static const struct cure cures[] = {
    {"nothing", nothing, nothing, 0},
    {"POSIX semaphore", semaphore_take, semaphore_give, 0},
    {"robust mutex", robust_take, robust_give, 1},
    {"robust mutex, PI", inherits_take, inherits_give, 1},
    {"flock", flock_take, flock_give, 1},
    {"fcntl record lock", record_take, record_give, 1},
    {"SysV semaphore, undo", undo_take, undo_give, 1},
};

/* ---- the race ---- */

static void count_once(const struct cure *cure) {
    cure->take();
    long value = shared->counter;
    /* Whoever comes in between is forgotten. */
    if (value % 16 == 0)
        sched_yield();
    shared->counter = value + 1;
    shared->copy = value + 1;
    cure->give();
}

static void start_together(void) {
    for (atomic_fetch_add(&shared->arrived, 1); atomic_load(&shared->arrived) < PROCESSES;)
        sched_yield();
}

/* All processes count; each notes how long each of its turns took, or, without samples, its calls are counted. */
static void all_count(const struct cure *cure, int64_t *samples) {
    pid_t children[PROCESSES];
    shared->counter = shared->copy = shared->atomic = shared->arrived = 0;
    for (int i = 0; i < PROCESSES; i++)
        if ((children[i] = lab_fork()) == 0) {
            if (!samples)
                lab_count_calls();
            start_together();
            if (!samples)
                atomic_store(&lab_counted->on, 1);
            for (int turn = 0; turn < TURNS; turn++) {
                int64_t begun = now_ns();
                if (cure)
                    count_once(cure);
                else
                    atomic_fetch_add(&shared->atomic, 1);
                if (samples)
                    samples[i * TURNS + turn] = now_ns() - begun;
            }
            _exit(0);
        }
    for (int i = 0; i < PROCESSES; i++)
        lab_reap(children[i]);
}

static long race(const char *name, const struct cure *cure, const struct costs *costs) {
    struct row row = NO_ROW;
    static int64_t *samples;
    if (!samples)
        samples = lab_shared(PROCESSES * TURNS * sizeof *samples);
    lab_counts_begin();
    pid_t counts = lab_fork();
    if (counts == 0) {
        all_count(cure, NULL);
        _exit(0);
    }
    lab_counts_end(&row, counts, PROCESSES * TURNS);
    struct used before = lab_used();
    all_count(cure, samples);
    long lost = PROCESSES * TURNS - (cure ? shared->counter : shared->atomic);
    row.name = name;
    lab_spent(&row, before, PROCESSES * TURNS, 0);
    lab_percentiles(&row, samples, PROCESSES * TURNS);
    /* The lock's word and the counter lie in two lines. */
    lab_predict(&row, costs, cure && cure->take != nothing ? 2 : 1);
    tell(&row);
    printf("%-20s counted %d, lost %ld\n", name, PROCESSES * TURNS, lost);
    return lost;
}

/* ---- the kills ---- */

static const struct cure *killing;

static void turn(int me) {
    (void)me;
    killing->take();
    /* A dead holder may have left the two apart: whoever comes next mends that, by order of what was written first. */
    if (shared->counter != shared->copy)
        shared->copy = shared->counter;
    shared->counter = shared->counter + 1;
    shared->copy = shared->copy + 1;
    holds(shared->counter == shared->copy);
    killing->give();
}

/* A semaphore does not know who has it: its holder's death is nobody's business. */
static void semaphore_dies(void) {
    pid_t holder = lab_fork();
    if (holder == 0) {
        semaphore_take();
        pause();
    }
    int value;
    do
        must(sem_getvalue(&shared->semaphore, &value));
    while (value != 0);
    must(kill(holder, SIGKILL));
    must(waitpid(holder, NULL, 0));
    struct timespec until = deadline(CLOCK_REALTIME, PATIENCE_MS);
    errno = 0;
    holds(sem_timedwait(&shared->semaphore, &until) == -1 && errno == ETIMEDOUT);
    printf("POSIX semaphore: its holder was killed, and it stays taken: %s\n", strerror(errno));
    must(sem_post(&shared->semaphore));
}

static void make(void) {
    pthread_mutexattr_t attributes;
    shared = lab_shared(sizeof *shared);
    must_be_0(pthread_mutexattr_init(&attributes));
    must_be_0(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
    must_be_0(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
    must_be_0(pthread_mutex_init(&shared->robust, &attributes));
    must_be_0(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT));
    int error = pthread_mutex_init(&shared->inherits, &attributes);
    if (error == ENOTSUP)
        printf("this kernel lacks it: FUTEX_LOCK_PI: %s; all but mutexes with it follow\n", strerror(error));
    else
        must_be_0(error);
    has_inheritance = error == 0;
    must(sem_init(&shared->semaphore, 1, 1));
    set = semget(IPC_PRIVATE, 1, 0600);
    if (set < 0 && errno == ENOSYS)
        printf("this kernel lacks it: semget: %s; all but SysV semaphores follow\n", strerror(errno));
    else
        must(semctl(must(set), 0, SETVAL, 1));
}

int main(void) {
    make();
    struct costs costs = lab_costs();
    race("atomic", NULL, &costs);
    for (size_t i = 0; i < sizeof cures / sizeof *cures; i++) {
        const struct cure *cure = &cures[i];
        if ((cure->take == undo_take && set < 0) || (cure->take == inherits_take && !has_inheritance))
            continue;
        long lost = race(cure->name, cure, &costs);
        holds(cure->take == nothing || lost == 0);
        if (cure->let_go) {
            struct work work = {cure->name, PROCESSES, turn, NULL, 0};
            shared->counter = shared->copy = shared->orphaned = 0;
            killing = cure;
            kill_workers(&work);
        }
    }
    semaphore_dies();
    if (set >= 0)
        must(semctl(set, 0, IPC_RMID));
    unlink(path);
    printf("cures lost nothing\n");
    return 0;
}
