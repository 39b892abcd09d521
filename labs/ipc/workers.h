// SPDX-License-Identifier: MIT OR Apache-2.0
/* What the labs about locks share: workers that do one thing again and again, one of which is killed every few moments while
   the others have to go on. */
#ifndef WORKERS_H
#define WORKERS_H
#include "lab.h"
#include "count.h"

enum { MOST_WORKERS = 8, WORKERS_STUCK_MS = 60000 };

/* What each worker does: `turn` once, for ever. `done[me]` counts its turns. */
struct work {
    const char *name;
    int workers;
    void (*turn)(int me);
    /* Called by the lab while the workers run and one has just been killed; may be NULL. */
    void (*look)(void);
    /* The workers count their calls (count.h). */
    int counts;
};

static _Atomic uint64_t *workers_done;

static inline pid_t worker(const struct work *work, int me) {
    pid_t child = lab_fork();
    if (child == 0 && work->counts)
        lab_count_calls();
    if (child == 0)
        for (;;) {
            work->turn(me);
            atomic_fetch_add(&workers_done[me], 1);
            /* None of these locks is fair: whoever takes it again at once keeps those out who were just woken. */
            sched_yield();
        }
    return child;
}

/* Waits until each worker has done a turn more: one that is stuck shows here. */
static inline void all_go_on(const struct work *work, int kill) {
    uint64_t seen[MOST_WORKERS];
    int64_t end = now_ns() + WORKERS_STUCK_MS * 1000000LL;
    for (int i = 0; i < work->workers; i++)
        seen[i] = atomic_load(&workers_done[i]);
    for (int i = 0; i < work->workers; i++)
        for (; atomic_load(&workers_done[i]) < seen[i] + 1; sleep_us(200))
            if (now_ns() > end) {
                printf("%s: after kill %d worker %d is stuck\n", work->name, kill, i);
                fflush(stdout);
                _exit(1);
            }
}

/* Kills a worker at a random moment, again and again; another takes its place. */
static inline void kill_workers(const struct work *work) {
    uint64_t chance = lab_seed(), turns = 0;
    int kills = lab_kills();
    pid_t workers[MOST_WORKERS];
    holds(work->workers <= MOST_WORKERS);
    if (!workers_done)
        workers_done = lab_shared(MOST_WORKERS * sizeof *workers_done);
    memset(workers_done, 0, MOST_WORKERS * sizeof *workers_done);
    for (int i = 0; i < work->workers; i++)
        workers[i] = worker(work, i);
    for (int k = 1; k <= kills; k++) {
        all_go_on(work, k - 1);
        sleep_us(lab_random(&chance) % 3000);
        int victim = lab_random(&chance) % work->workers;
        must(kill(workers[victim], SIGKILL));
        must(waitpid(workers[victim], NULL, 0));
        if (work->look)
            work->look();
        workers[victim] = worker(work, victim);
    }
    all_go_on(work, kills);
    for (int i = 0; i < work->workers; i++) {
        must(kill(workers[i], SIGKILL));
        must(waitpid(workers[i], NULL, 0));
        turns += atomic_load(&workers_done[i]);
    }
    printf("%s: killed %d times in %llu turns, nobody stuck\n", work->name, kills, (unsigned long long)turns);
    fflush(stdout);
}
#endif
