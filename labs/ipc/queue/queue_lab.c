// SPDX-License-Identifier: MIT OR Apache-2.0
/* Many producers, many consumers, messages of any length in shared memory; and any of them may be killed at any moment. */
#include "queue.h"
#include "../workers.h"

enum { PRODUCERS = 2, CONSUMERS = 2, SAMPLES = 4096 };

/* What outlives the killed. `put` is written by a producer after queue_put: it counts what was accepted, each of which has to
   be noted in the end. */
struct ledger {
    _Atomic uint64_t put[PRODUCERS], noted[PRODUCERS], twice, missing;
    /* When each message was begun, and how long it took until it was noted, at its number modulo SAMPLES. */
    _Atomic int64_t begun[PRODUCERS][SAMPLES];
    int64_t took[PRODUCERS * SAMPLES];
};

static struct queue *queue;
static struct ledger *ledger;

static size_t compose(char *message, uint64_t producer, uint64_t number) {
    size_t size = 1 + (number * 97 + producer * 31) % QUEUE_LONGEST;
    for (size_t i = 0; i < size; i++)
        message[i] = (char)(number + producer + i);
    return size;
}

/* Called with the mutex held, by whoever consumes. */
static void note(const struct record *record, const char *message) {
    char expected[QUEUE_LONGEST];
    holds(record->producer < PRODUCERS);
    uint64_t noted = atomic_load(&ledger->noted[record->producer]);
    holds(record->size == compose(expected, record->producer, record->number));
    holds(memcmp(message, expected, record->size) == 0);
    ledger->took[record->producer * SAMPLES + record->number % SAMPLES] =
        now_ns() - atomic_load(&ledger->begun[record->producer][record->number % SAMPLES]);
    if (record->number == noted + 1)
        atomic_store(&ledger->noted[record->producer], record->number);
    else if (record->number <= noted)
        ledger->twice++;
    else
        ledger->missing++;
}

static void produce(int me) {
    char message[QUEUE_LONGEST];
    uint64_t number = atomic_load(&ledger->put[me]) + 1;
    size_t size = compose(message, me, number);
    atomic_store(&ledger->begun[me][number % SAMPLES], now_ns());
    queue_put(queue, me, number, message, size);
    /* Killed here, it puts this one again when it comes back: the same number twice, and no harm. */
    atomic_store(&ledger->put[me], number);
}

static void turn(int me) {
    if (me < PRODUCERS)
        produce(me);
    else
        while (!queue_take(queue, note)) {}
}

/* All work for a while and nobody is killed; how many messages went through meanwhile. */
static uint64_t work_for_a_while(int counts) {
    enum { MS = 300 };
    pid_t all[PRODUCERS + CONSUMERS];
    const struct work work = {"queue", PRODUCERS + CONSUMERS, turn, NULL, counts};
    uint64_t before = ledger->noted[0] + ledger->noted[1];
    for (int i = 0; i < PRODUCERS + CONSUMERS; i++)
        all[i] = worker(&work, i);
    if (counts)
        atomic_store(&lab_counted->on, 1);
    sleep_us(MS * 1000);
    if (counts)
        atomic_store(&lab_counted->on, 0);
    uint64_t messages = ledger->noted[0] + ledger->noted[1] - before;
    for (int i = 0; i < PRODUCERS + CONSUMERS; i++) {
        must(kill(all[i], SIGKILL));
        must(waitpid(all[i], NULL, 0));
    }
    return messages;
}

/* The crossings have in them a sched_yield of each worker after each turn: two of a message. */
static void measure(const struct costs *costs) {
    struct row row = NO_ROW;
    workers_done = lab_shared(MOST_WORKERS * sizeof *workers_done);
    lab_counts_begin();
    uint64_t counted = work_for_a_while(1);
    if (counted) {
        row.crossings = (double)lab_counted->crossings / counted;
        row.copied = (double)lab_counted->copied / counted;
        row.waits = (double)lab_counted->waits / counted;
        /* The queue's words, the semaphore, the record. */
        lab_predict(&row, costs, 3);
    }
    memset(ledger->took, 0, sizeof ledger->took);
    struct used before = lab_used();
    uint64_t messages = work_for_a_while(0);
    row.name = "queue: 2 producers, 2 consumers, 1 to 512 bytes";
    lab_spent(&row, before, messages, QUEUE_LONGEST / 2);
    long samples = 0;
    for (long i = 0; i < PRODUCERS * SAMPLES; i++)
        if (ledger->took[i])
            ledger->took[samples++] = ledger->took[i];
    lab_percentiles(&row, ledger->took, samples);
    tell(&row);
}

int main(void) {
    const struct work work = {"queue", PRODUCERS + CONSUMERS, turn, NULL, 0};
    queue = lab_shared(sizeof *queue);
    ledger = lab_shared(sizeof *ledger);
    queue_make(queue);
    struct costs costs = lab_costs();
    measure(&costs);
    kill_workers(&work);
    /* All have been killed, and what was accepted is still in the queue. */
    while (queue->head != queue->tail)
        queue_take(queue, note);
    uint64_t accepted = 0;
    for (int i = 0; i < PRODUCERS; i++) {
        holds(atomic_load(&ledger->noted[i]) >= atomic_load(&ledger->put[i]));
        accepted += atomic_load(&ledger->put[i]);
    }
    holds(ledger->missing == 0);
    printf("%llu messages accepted, all noted, %llu came twice; %llu times the lock's holder was dead\n",
           (unsigned long long)accepted, (unsigned long long)ledger->twice, (unsigned long long)queue->orphaned);
    return 0;
}
