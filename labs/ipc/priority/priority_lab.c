// SPDX-License-Identifier: MIT OR Apache-2.0
/* What the priority of a message changes (the document's exercise 3): the same load through a POSIX queue once with one priority
   for all, once with three. The queue is kept full, so that messages wait in it. */
#include "../count.h"
#include <mqueue.h>

#define NAME "/lab_priority"
enum { LENGTH = 10, MESSAGES = 600, CLASSES = 3, WORK_US = 100 };

struct note {
    int64_t sent;
    int class;
    int number;
};

static const char *const class_names[CLASSES] = {"low", "middle", "urgent"};

/* Sends and receives; samples of how long each class has waited. Answers how often a message came before one sent earlier. */
static long run(const unsigned priority[CLASSES], int64_t samples[CLASSES][MESSAGES], long counts[CLASSES], int counted) {
    struct mq_attr attributes = {.mq_maxmsg = LENGTH, .mq_msgsize = sizeof(struct note)};
    long overtaken = 0;
    int latest = -1, last[CLASSES] = {-1, -1, -1};
    mq_unlink(NAME);
    mqd_t mq = must(mq_open(NAME, O_CREAT | O_EXCL | O_RDWR, 0600, &attributes));
    memset(counts, 0, CLASSES * sizeof *counts);
    pid_t sender = lab_fork();
    if (sender == 0) {
        uint64_t chance = lab_seed();
        if (counted)
            lab_count_calls();
        for (int i = 0; i < MESSAGES; i++) {
            struct note note = {0, lab_random(&chance) % CLASSES, i};
            note.sent = now_ns();
            must(mq_send(mq, (char *)&note, sizeof note, priority[note.class]));
        }
        _exit(0);
    }
    if (counted) {
        lab_count_calls();
        atomic_store(&lab_counted->on, 1);
    }
    for (int i = 0; i < MESSAGES; i++) {
        struct note note;
        unsigned came_with;
        must(mq_receive(mq, (char *)&note, sizeof note, &came_with));
        holds(came_with == priority[note.class]);
        samples[note.class][counts[note.class]++] = now_ns() - note.sent;
        overtaken += note.number < latest;
        latest = note.number > latest ? note.number : latest;
        /* Of one priority, first come, first served. */
        holds(note.number > last[note.class]);
        last[note.class] = note.number;
        /* Some work, so that the queue is full and messages wait. */
        for (int64_t end = now_ns() + WORK_US * 1000; now_ns() < end;) {}
    }
    if (counted)
        atomic_store(&lab_counted->on, 0);
    lab_reap(sender);
    mq_close(mq);
    must(mq_unlink(NAME));
    return overtaken;
}

static double show(const char *what, const unsigned priority[CLASSES], const struct costs *costs) {
    static int64_t samples[CLASSES][MESSAGES];
    struct used before = lab_used();
    long counts[CLASSES], overtaken = run(priority, samples, counts, 0);
    struct row all = NO_ROW;
    char every[64];
    lab_spent(&all, before, MESSAGES, 0);
    double median[CLASSES] = {0};
    printf("%s: %ld of %d messages were overtaken\n", what, overtaken, MESSAGES);
    for (int class = 0; class < CLASSES; class++) {
        char name[64];
        struct row row = NO_ROW;
        snprintf(name, sizeof name, "%s: %s waits", what, class_names[class]);
        row.name = name;
        row.count = counts[class];
        lab_percentiles(&row, samples[class], counts[class]);
        median[class] = row.p50;
        tell(&row);
    }
    if (priority[0] == priority[CLASSES - 1])
        holds(overtaken == 0);
    /* The load as a whole: the same with one priority and with three. */
    snprintf(every, sizeof every, "%s: a message, sent and received", what);
    all.name = every;
    lab_counts_begin();
    pid_t counts_calls = lab_fork();
    if (counts_calls == 0) {
        run(priority, samples, counts, 1);
        _exit(0);
    }
    lab_counts_end(&all, counts_calls, MESSAGES);
    lab_predict(&all, costs, 0);
    tell(&all);
    return median[0] / median[CLASSES - 1];
}

int main(void) {
    const unsigned same[CLASSES] = {1, 1, 1}, different[CLASSES] = {1, 5, 9};
    struct costs costs = lab_costs();
    show("one priority", same, &costs);
    double ratio = show("three priorities", different, &costs);
    printf("three priorities: an urgent message waits %s than one of low priority\n", ratio > 1 ? "less" : "no less");
    return 0;
}
