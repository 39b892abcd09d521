/* membarrier(2): what must be registered, what a fork and an exec keep, and that the barriers are some. */
#include "check.h"
#include <linux/membarrier.h>
#include <stdatomic.h>

#define RSEQ MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ
#define REGISTER_RSEQ MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ

static int barrier(int command, unsigned flags, int cpu) { return syscall(SYS_membarrier, command, flags, cpu); }

/* Each of two threads says that it is there and looks for the other. With a barrier between the two steps at least one sees the
   other. The fast one tells only the compiler: the slow one makes the barrier for both. */
static atomic_int fast_there, slow_there, round_of_fast, round_of_slow, fast_saw;
static int command, rounds, both_blind;

static void *fast(void *unused) {
    (void)unused;
    for (int round = 1; round <= rounds; round++) {
        for (int spins = 0; atomic_load(&round_of_slow) != round; spins++)
            if (spins > 100)
                sched_yield();
        atomic_store_explicit(&fast_there, 1, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst);
        atomic_store_explicit(&fast_saw, atomic_load_explicit(&slow_there, memory_order_relaxed), memory_order_relaxed);
        atomic_store(&round_of_fast, round);
    }
    return NULL;
}

static void meet(int by, int times) {
    pthread_t thread;
    command = by;
    rounds = times;
    both_blind = 0;
    atomic_store(&round_of_fast, 0);
    atomic_store(&round_of_slow, 0);
    is(pthread_create(&thread, NULL, fast, NULL), 0);
    for (int round = 1; round <= rounds; round++) {
        atomic_store(&fast_there, 0);
        atomic_store(&slow_there, 0);
        atomic_store(&round_of_slow, round);
        for (volatile int i = 0; i < round % 40; i++)
            ;
        atomic_store_explicit(&slow_there, 1, memory_order_relaxed);
        if (barrier(command, 0, 0))
            both_blind = -1;
        int slow_saw = atomic_load_explicit(&fast_there, memory_order_relaxed);
        while (atomic_load(&round_of_fast) != round)
            sched_yield();
        if (!slow_saw && !atomic_load(&fast_saw))
            both_blind++;
        if (both_blind < 0)
            break;
    }
    is(both_blind, 0);
    pthread_join(thread, NULL);
}

static void tests(void) {
    static const int pairs[][2] = {
        {MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED},
        {MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE},
        {RSEQ, REGISTER_RSEQ},
    };

    begin("what there is");
    is(barrier(MEMBARRIER_CMD_QUERY, 0, 0), 511);
    fails(barrier(MEMBARRIER_CMD_QUERY, 1, 0), EINVAL);
    fails(barrier(512, 0, 0), EINVAL);
    fails(barrier(3, 0, 0), EINVAL);
    fails(barrier(-1, 0, 0), EINVAL);
    is(barrier(MEMBARRIER_CMD_GLOBAL, 0, 0), 0);
    fails(barrier(MEMBARRIER_CMD_GLOBAL, 1, 0), EINVAL);

    begin("private ones are registered first");
    for (int i = 0; i < 3; i++) {
        fails(barrier(pairs[i][0], 0, 0), EPERM);
        fails(barrier(pairs[i][0], 2, 0), EINVAL);
        fails(barrier(pairs[i][1], 1, 0), EINVAL);
    }
    fails(barrier(RSEQ, MEMBARRIER_CMD_FLAG_CPU, 0), EPERM);
    fails(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_FLAG_CPU, 0), EINVAL);
    is(barrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0), 0);
    for (int i = 0; i < 3; i++) {
        is(barrier(pairs[i][1], 0, 0), 0);
        is(barrier(pairs[i][0], 0, 0), 0);
        is(barrier(pairs[i][1], 0, 0), 0);
        for (int j = i + 1; j < 3; j++)
            fails(barrier(pairs[j][0], 0, 0), EPERM);
    }
    is(barrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0), 0);
    is(barrier(RSEQ, MEMBARRIER_CMD_FLAG_CPU, 0), 0);
    is(barrier(RSEQ, MEMBARRIER_CMD_FLAG_CPU, 1000), 0);

    begin("a fork keeps it");
    int status = in_child(_exit(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0 ? 0 : errno));
    yes(exited(status, 0));

    begin("an exec does not");
    status = in_child(execl("/proc/self/exe", "membarrier", "fresh", NULL));
    yes(exited(status, EPERM));

    begin("barriers for threads that make none");
    meet(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 200);
    meet(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 200);
    meet(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 200);
    meet(RSEQ, 200);
    meet(MEMBARRIER_CMD_GLOBAL, 10);
}

__attribute__((constructor)) static void again(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "fresh"))
        _exit(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == -1 ? errno : 0);
}
