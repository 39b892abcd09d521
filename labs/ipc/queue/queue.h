// SPDX-License-Identifier: MIT OR Apache-2.0
/* A queue in shared memory for many producers, many consumers and messages of any length (the document's exercise 1).

   One robust mutex guards it all: if its holder dies, the next one is told (EOWNERDEAD). `head` and `tail` count bytes; a
   message is written beyond `head`, and `head` moves last, so that what a dead producer leaves is either nothing or a whole
   message. A consumer notes a message before it moves `tail`: what a dead consumer leaves comes again, and its number tells.

   Two ways to wait, as the exercise asks: a semaphore counts messages for consumers, a condition variable wakes producers
   when there is room. Neither is believed: a process that dies between its decrement and its message makes a semaphore's
   count wrong, so waiting always ends after a while, and one looks.

   The condition variable is our own, a number and a futex. glibc's (2.25 to 2.40) counts its sleepers inside the variable: one
   that is killed in its sleep stays counted, and whoever signals later may wait for it for ever. */
#ifndef QUEUE_H
#define QUEUE_H
#include "../lab.h"
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>

enum { QUEUE_SIZE = 4096, QUEUE_LONGEST = 512, LOOK_MS = 20 };

struct record {
    uint32_t size, sum;
    uint64_t producer, number;       /* who, and its how-manieth */
};

struct condition {
    _Atomic uint32_t turn, sleepers;
};

struct queue {
    pthread_mutex_t lock;
    sem_t messages;
    struct condition room;
    uint64_t head, tail;
    _Atomic uint64_t orphaned;       /* how often the mutex had a dead holder */
    char bytes[QUEUE_SIZE];
};

static inline void queue_make(struct queue *queue) {
    pthread_mutexattr_t attributes;
    memset(queue, 0, sizeof *queue);
    must_be_0(pthread_mutexattr_init(&attributes));
    must_be_0(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
    must_be_0(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
    must_be_0(pthread_mutex_init(&queue->lock, &attributes));
    must(sem_init(&queue->messages, 1, 0));
}

static inline void queue_lock(struct queue *queue) {
    int error = pthread_mutex_lock(&queue->lock);
    if (error == EOWNERDEAD) {
        /* Nothing to mend: each change of the queue is one store, of `head` or of `tail`. */
        must_be_0(pthread_mutex_consistent(&queue->lock));
        atomic_fetch_add(&queue->orphaned, 1);
        error = 0;
    }
    must_be_0(error);
}

static inline void queue_unlock(struct queue *queue) {
    must_be_0(pthread_mutex_unlock(&queue->lock));
}

/* Called with the mutex held, which is let go meanwhile. */
static inline void condition_wait(struct condition *condition, struct queue *queue) {
    struct timespec limit = {0, LOOK_MS * 1000000L};
    uint32_t seen = atomic_load(&condition->turn);
    atomic_store(&condition->sleepers, 1);
    queue_unlock(queue);
    syscall(SYS_futex, &condition->turn, FUTEX_WAIT, seen, &limit, NULL, 0);
    queue_lock(queue);
}

static inline void condition_tell_all(struct condition *condition) {
    atomic_fetch_add(&condition->turn, 1);
    if (atomic_exchange(&condition->sleepers, 0))
        syscall(SYS_futex, &condition->turn, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static inline void queue_copy(struct queue *queue, uint64_t at, void *bytes, size_t size, int in) {
    for (size_t done = 0; done < size;) {
        size_t place = (at + done) % QUEUE_SIZE, part = size - done;
        if (part > QUEUE_SIZE - place)
            part = QUEUE_SIZE - place;
        if (in)
            memcpy(queue->bytes + place, (char *)bytes + done, part);
        else
            memcpy((char *)bytes + done, queue->bytes + place, part);
        done += part;
    }
}

static inline void queue_put(struct queue *queue, uint64_t producer, uint64_t number, const void *message, size_t size) {
    struct record record = {size, checksum(message, size), producer, number};
    holds(size <= QUEUE_LONGEST);
    queue_lock(queue);
    while (queue->head + sizeof record + size - queue->tail > QUEUE_SIZE)
        condition_wait(&queue->room, queue);
    queue_copy(queue, queue->head, &record, sizeof record, 1);
    queue_copy(queue, queue->head + sizeof record, (void *)message, size, 1);
    atomic_thread_fence(memory_order_release);
    queue->head += sizeof record + size;
    queue_unlock(queue);
    must(sem_post(&queue->messages));
}

/* Takes a message, notes it while it still stands in the queue, then removes it. 0 if there was none after a while. */
static inline int queue_take(struct queue *queue, void (*note)(const struct record *record, const char *message)) {
    struct timespec until = deadline(CLOCK_REALTIME, LOOK_MS);
    struct record record;
    char message[QUEUE_LONGEST];
    /* A hint: it may count too few, after a kill, or too many. */
    (void)!sem_timedwait(&queue->messages, &until);
    queue_lock(queue);
    if (queue->head == queue->tail) {
        queue_unlock(queue);
        return 0;
    }
    queue_copy(queue, queue->tail, &record, sizeof record, 0);
    /* Written by another process: look before you use it. */
    holds(record.size <= QUEUE_LONGEST && sizeof record + record.size <= queue->head - queue->tail);
    queue_copy(queue, queue->tail + sizeof record, message, record.size, 0);
    holds(checksum(message, record.size) == record.sum);
    note(&record, message);
    queue->tail += sizeof record + record.size;
    queue_unlock(queue);
    condition_tell_all(&queue->room);
    return 1;
}
#endif
