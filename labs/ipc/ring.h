// SPDX-License-Identifier: MIT OR Apache-2.0
/* The ring in a mapped file: mmap_ring of the document, for messages of any length, with what it lacks. Two labs use it: one
   waits by spinning, one by futex(2).

   A ring has one writer and one reader. `head` counts the bytes ever written, `tail` those ever read; they only grow, and a
   place in the ring is the count modulo its size. So full and empty look different, and no place is given up. A message is a
   length, a checksum and its bytes; the writer moves `head` when all of it stands there, in one store. Killed before, it has
   written nothing; killed after, all of it. */
#ifndef RING_H
#define RING_H
#include "lab.h"
#include <linux/futex.h>
#include <pthread.h>

enum { RING_SIZE = 1 << 16, RING_WORDS = 2 * sizeof(uint32_t) };

struct ring {
    _Atomic uint32_t ready;                     /* set last by whoever makes it */
    /* Each side writes its own cache line: lab ipc/falseshare shows why. */
    _Alignas(64) _Atomic uint64_t head;
    _Atomic uint32_t reader_sleeps;             /* the writer clears it, and wakes */
    _Alignas(64) _Atomic uint64_t tail;
    _Atomic uint32_t writer_sleeps;
    _Alignas(64) char bytes[RING_SIZE];
};

/* How to wait until a counter is no longer what was seen, `limit_ms` at most (negative: for ever), and how to tell. */
struct waiting {
    void (*wait)(_Atomic uint64_t *counter, _Atomic uint32_t *sleeps, uint64_t seen, int limit_ms);
    void (*tell)(_Atomic uint64_t *counter, _Atomic uint32_t *sleeps);
};

static inline void ring_copy_in(struct ring *ring, uint64_t at, const void *from, size_t size) {
    size_t place = at % RING_SIZE, first = size < RING_SIZE - place ? size : RING_SIZE - place;
    memcpy(ring->bytes + place, from, first);
    memcpy(ring->bytes, (const char *)from + first, size - first);
}

static inline void ring_copy_out(struct ring *ring, uint64_t at, void *to, size_t size) {
    size_t place = at % RING_SIZE, first = size < RING_SIZE - place ? size : RING_SIZE - place;
    memcpy(to, ring->bytes + place, first);
    memcpy((char *)to + first, ring->bytes, size - first);
}

static inline long ring_put(struct ring *ring, const struct waiting *how, const void *message, size_t size, int limit_ms) {
    const uint32_t words[2] = {size, checksum(message, size)};
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed), tail;
    holds(size + RING_WORDS <= RING_SIZE);
    /* Acquire: what the reader has read before it moved `tail`, it has read. */
    while (tail = atomic_load_explicit(&ring->tail, memory_order_acquire), head + RING_WORDS + size - tail > RING_SIZE) {
        how->wait(&ring->tail, &ring->writer_sleeps, tail, limit_ms);
        if (limit_ms >= 0 && atomic_load(&ring->tail) == tail)
            return 0;
    }
    ring_copy_in(ring, head, words, RING_WORDS);
    ring_copy_in(ring, head + RING_WORDS, message, size);
    /* Release: whoever sees the new head sees the bytes too. The document's increments of _Atomic variables do as well, at
       the price of a full barrier for each byte. */
    atomic_store_explicit(&ring->head, head + RING_WORDS + size, memory_order_release);
    how->tell(&ring->head, &ring->reader_sleeps);
    return size;
}

static inline long ring_get(struct ring *ring, const struct waiting *how, void *buffer, size_t room, int limit_ms) {
    uint32_t words[2];
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed), head;
    while (head = atomic_load_explicit(&ring->head, memory_order_acquire), head == tail) {
        how->wait(&ring->head, &ring->reader_sleeps, head, limit_ms);
        if (limit_ms >= 0 && atomic_load(&ring->head) == head)
            return 0;
    }
    ring_copy_out(ring, tail, words, RING_WORDS);
    /* The other side's word: never use a length that was not looked at. */
    holds(words[0] <= room && words[0] + RING_WORDS <= head - tail);
    ring_copy_out(ring, tail + RING_WORDS, buffer, words[0]);
    holds(checksum(buffer, words[0]) == words[1]);
    atomic_store_explicit(&ring->tail, tail + RING_WORDS + words[0], memory_order_release);
    how->tell(&ring->tail, &ring->writer_sleeps);
    return words[0];
}

/* ---- waiting by spinning: no call at all, and a processor for nothing ---- */

static inline void spin_wait(_Atomic uint64_t *counter, _Atomic uint32_t *sleeps, uint64_t seen, int limit_ms) {
    int64_t end = limit_ms < 0 ? INT64_MAX : now_ns() + limit_ms * 1000000LL;
    unsigned turns = 0;
    (void)sleeps;
    while (atomic_load_explicit(counter, memory_order_acquire) == seen) {
        lab_spin(&turns);
        if (turns % 512 == 0 && limit_ms >= 0 && now_ns() > end)
            return;
    }
}

static inline void spin_tell(_Atomic uint64_t *counter, _Atomic uint32_t *sleeps) {
    (void)counter, (void)sleeps;
}

/* ---- waiting by futex: asleep, and a call for each wait ---- */

/* The low half of the counter: the kernel compares 32 bits. */
static inline uint32_t *futex_word(_Atomic uint64_t *counter) {
    return (uint32_t *)counter;
}

static inline void futex_ring_wait(_Atomic uint64_t *counter, _Atomic uint32_t *sleeps, uint64_t seen, int limit_ms) {
    struct timespec limit = {limit_ms / 1000, limit_ms % 1000 * 1000000};
    /* First say that one sleeps, then look again: whoever moved the counter in between has not seen the word. */
    atomic_store(sleeps, 1);
    if (atomic_load(counter) != seen)
        return;
    /* The kernel looks once more: if the counter has moved since, it answers EAGAIN at once. */
    syscall(SYS_futex, futex_word(counter), FUTEX_WAIT, (uint32_t)seen, limit_ms < 0 ? NULL : &limit, NULL, 0);
}

static inline void futex_ring_tell(_Atomic uint64_t *counter, _Atomic uint32_t *sleeps) {
    /* Between the counter's store and this load there has to be a full barrier, or each may miss the other's word. */
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(sleeps, memory_order_relaxed) && atomic_exchange(sleeps, 0))
        syscall(SYS_futex, futex_word(counter), FUTEX_WAKE, 1, NULL, NULL, 0);
}

static const struct waiting spinning = {spin_wait, spin_tell};
static const struct waiting sleeping = {futex_ring_wait, futex_ring_tell};

/* ---- the file ---- */

#define RING_READY 0x72696e67

/* Makes a ring; what stood there is forgotten. The file is made beside it and renamed, so that nobody finds half of one. */
static inline void ring_make(const char *path) {
    char fresh[128];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    int fd = must(open(fresh, O_CREAT | O_TRUNC | O_RDWR, 0600));
    must(ftruncate(fd, sizeof(struct ring)));
    struct ring *ring = must(mmap(NULL, sizeof *ring, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    close(fd);
    atomic_store(&ring->ready, RING_READY);
    munmap(ring, sizeof *ring);
    must(rename(fresh, path));
}

/* Maps a ring that may not be there yet: start order does not matter. */
static inline struct ring *ring_open(const char *path) {
    int fd;
    while ((fd = open(path, O_RDWR)) < 0) {
        if (errno != ENOENT)
            must(fd);
        sleep_us(1000);
    }
    struct ring *ring = must(mmap(NULL, sizeof *ring, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    close(fd);
    holds(atomic_load(&ring->ready) == RING_READY);
    return ring;
}

/* ---- as a channel: a ring for each lane; `ring_waiting` says how ---- */

static const char *const ring_paths[2] = {"/tmp/lab-ring-asks", "/tmp/lab-ring-answers"};
static struct ring *rings[2];
static const struct waiting *ring_waiting;

static inline void rings_remove(void) {
    for (int lane = 0; lane < 2; lane++) {
        if (rings[lane])
            munmap(rings[lane], sizeof *rings[lane]);
        rings[lane] = NULL;
        unlink(ring_paths[lane]);
    }
}

static inline void rings_make(void) {
    rings_remove();
    for (int lane = 0; lane < 2; lane++)
        ring_make(ring_paths[lane]);
}

static inline void rings_join(int side) {
    (void)side;
    for (int lane = 0; lane < 2; lane++)
        rings[lane] = ring_open(ring_paths[lane]);
}

static inline long rings_send(int side, const void *message, size_t size, int limit_ms) {
    return ring_put(rings[side], ring_waiting, message, size, limit_ms);
}

static inline long rings_receive(int side, void *buffer, size_t room, int limit_ms) {
    return ring_get(rings[!side], ring_waiting, buffer, room, limit_ms);
}
#endif
