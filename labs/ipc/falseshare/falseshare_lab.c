// SPDX-License-Identifier: MIT OR Apache-2.0
/* Two processes count, each its own counter. Nothing is shared; but when both counters lie in one cache line, the line goes to
   and fro between the processors (the document's ring_padded). */
#include "../count.h"

enum { MS = 100, ROUNDS = 3, BATCH = 1000, SAMPLES = 4000 };

/* As in the document's `ring`: side by side. */
struct packed {
    _Atomic uint64_t counter[2];
};

/* As in its `ring_padded`; _Alignas says the same as its pad bytes, and keeps saying it when a field is added. */
struct padded {
    struct {
        _Alignas(64) _Atomic uint64_t value;
    } counter[2];
};

struct start {
    _Atomic int go, stop;
    /* How long batches of increments took, by process. */
    int64_t samples[2][SAMPLES];
    _Atomic long sampled[2];
};

/* A locked increment needs the line for itself. */
static void count(_Atomic uint64_t *counter, struct start *start, int me) {
    lab_pin(me);
    while (!atomic_load_explicit(&start->go, memory_order_acquire))
        sched_yield();
    while (!atomic_load_explicit(&start->stop, memory_order_relaxed)) {
        int64_t begun = now_ns();
        for (int i = 0; i < BATCH; i++)
            atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
        long n = start->sampled[me];
        if (n < SAMPLES) {
            start->samples[me][n] = now_ns() - begun;
            start->sampled[me] = n + 1;
        }
    }
    _exit(0);
}

static _Atomic uint64_t *counted_one;
static void add_one(void) {
    atomic_fetch_add_explicit(counted_one, 1, memory_order_relaxed);
}

static struct row measure(const char *name, _Atomic uint64_t *first, _Atomic uint64_t *second) {
    _Atomic uint64_t *counters[2] = {first, second};
    struct start *start = lab_shared(sizeof *start);
    struct row row = NO_ROW;
    pid_t children[2];
    struct used before = lab_used();
    for (int me = 0; me < 2; me++)
        if ((children[me] = lab_fork()) == 0)
            count(counters[me], start, me);
    int64_t begun = now_ns();
    atomic_store(&start->go, 1);
    sleep_us(MS * 1000);
    atomic_store(&start->stop, 1);
    int64_t took = now_ns() - begun;
    for (int me = 0; me < 2; me++)
        lab_reap(children[me]);
    uint64_t counted = atomic_load(first) + atomic_load(second);
    row.name = name;
    lab_spent(&row, before, counted, 0);
    row.rate = counted / (took / 1e9);
    long sampled = start->sampled[0];
    memmove(start->samples[0] + sampled, start->samples[1], start->sampled[1] * sizeof **start->samples);
    lab_percentiles(&row, start->samples[0], sampled + start->sampled[1]);
    row.p50 /= BATCH;
    row.p99 /= BATCH;
    counted_one = first;
    lab_count_turns(&row, add_one, BATCH);
    return row;
}

int main(void) {
    struct row together = NO_ROW, apart = NO_ROW;
    struct costs costs = lab_costs();
    for (int round = 0; round < ROUNDS; round++) {
        struct packed *packed = lab_shared(sizeof *packed);
        struct padded *padded = lab_shared(sizeof *padded);
        holds((uintptr_t)&packed->counter[0] / 64 == (uintptr_t)&packed->counter[1] / 64);
        holds((uintptr_t)&padded->counter[0].value / 64 != (uintptr_t)&padded->counter[1].value / 64);
        struct row one = measure("two counters in one cache line", &packed->counter[0], &packed->counter[1]);
        struct row other = measure("two counters, padded", &padded->counter[0].value, &padded->counter[1].value);
        /* The best of each: the others were disturbed. */
        if (!(one.p50 >= together.p50))
            together = one;
        if (!(other.p50 >= apart.p50))
            apart = other;
    }
    /* The line changes hands, at worst with each increment; padded it never does. */
    lab_predict(&together, &costs, 1);
    lab_predict(&apart, &costs, 0);
    tell(&together);
    tell(&apart);
    printf("in one cache line an increment takes %.1f times as long as padded\n", together.p50 / apart.p50);
    printf("(an emulator has no caches of its own: what shows is the host's, on a quiet host whose processors do not share them)\n");
    return 0;
}
