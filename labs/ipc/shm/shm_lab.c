// SPDX-License-Identifier: MIT OR Apache-2.0
/* POSIX shared memory and semaphores: shm_posix_writer and shm_posix_reader of the document, with the start order mended, each
   call checked, and a protocol that outlives a killed side. */
#include "../channel.h"
#include <semaphore.h>

/* The document's block, and two numbers more. `put` says how many messages were put there, `taken` how many were taken: they
   differ while the block is full. Semaphores alone cannot tell: if a process dies between sem_wait and sem_post, the count is
   wrong for ever. So here a semaphore only says "look now", and the numbers say what there is. */
struct block {
    _Atomic uint64_t put, taken;
    size_t size;
    char bytes[4096];
};

struct memory {
    _Atomic uint32_t ready;       /* set last by whoever makes it: before that nothing else may be believed */
    struct block lanes[2];
};

#define READY 0x67616f6e
#define NAME "/lab_shm"
static const char *const semaphores[2][2] = {{"/lab_sem_empty_0", "/lab_sem_full_0"}, {"/lab_sem_empty_1", "/lab_sem_full_1"}};

static struct memory *memory;
static sem_t *empty[2], *full[2];

static void take_away(void) {
    if (memory)
        munmap(memory, sizeof *memory);
    memory = NULL;
    shm_unlink(NAME);
    for (int lane = 0; lane < 2; lane++)
        for (int which = 0; which < 2; which++)
            sem_unlink(semaphores[lane][which]);
}

/* O_EXCL: what exists is somebody else's, or was left by a run that died. The document opens whatever there is, so a second
   run begins with the semaphores as the first one left them. */
static void make(void) {
    take_away();
    int fd = must(shm_open(NAME, O_CREAT | O_EXCL | O_RDWR, 0600));
    must(ftruncate(fd, sizeof *memory));
    memory = must(mmap(NULL, sizeof *memory, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    close(fd);
    for (int lane = 0; lane < 2; lane++)
        for (int which = 0; which < 2; which++) {
            sem_t *made = sem_open(semaphores[lane][which], O_CREAT | O_EXCL, 0600, which == 0);
            holds(made != SEM_FAILED);
            sem_close(made);
        }
    atomic_store(&memory->ready, READY);
}

/* The reader may start first: it waits until there is something, and until it is ready. The document's reader maps a
   descriptor of -1 and dies of SIGSEGV. */
static void join(int side) {
    struct stat st = {0};
    int fd;
    (void)side;
    while ((fd = shm_open(NAME, O_RDWR, 0600)) < 0) {
        if (errno != ENOENT)
            must(fd);
        sleep_us(1000);
    }
    /* Between shm_open and ftruncate of the maker it is empty: to touch it then is SIGBUS. */
    while (must(fstat(fd, &st)), st.st_size < (off_t)sizeof *memory)
        sleep_us(1000);
    memory = must(mmap(NULL, sizeof *memory, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    close(fd);
    while (atomic_load(&memory->ready) != READY)
        sleep_us(1000);
    for (int lane = 0; lane < 2; lane++) {
        empty[lane] = sem_open(semaphores[lane][0], 0);
        full[lane] = sem_open(semaphores[lane][1], 0);
        holds(empty[lane] != SEM_FAILED && full[lane] != SEM_FAILED);
    }
}

/* Waits for a semaphore; whether one may look without it is the caller's business. */
static void wait_for(sem_t *semaphore, int limit_ms) {
    /* Not even the clock without a limit: where it is a system call, it would be counted. */
    struct timespec until = limit_ms < 0 ? (struct timespec){0} : deadline(CLOCK_REALTIME, limit_ms);
    while ((limit_ms < 0 ? sem_wait(semaphore) : sem_timedwait(semaphore, &until)) < 0)
        if (errno == ETIMEDOUT)
            return;
        else
            holds(errno == EINTR);
}

static long send_on(int side, const void *message, size_t size, int limit_ms) {
    struct block *block = &memory->lanes[side];
    holds(size <= sizeof block->bytes);
    wait_for(empty[side], limit_ms);
    if (atomic_load(&block->put) != atomic_load(&block->taken))
        return 0;
    block->size = size;
    memcpy(block->bytes, message, size);
    /* From here on there is a message; a writer killed before leaves none. */
    atomic_fetch_add(&block->put, 1);
    must(sem_post(full[side]));
    return size;
}

static long receive_on(int side, void *buffer, size_t room, int limit_ms) {
    struct block *block = &memory->lanes[!side];
    wait_for(full[!side], limit_ms);
    if (atomic_load(&block->put) == atomic_load(&block->taken))
        return 0;
    /* The length is the other process's word: it may be anything. */
    size_t size = block->size;
    holds(size <= room && size <= sizeof block->bytes);
    memcpy(buffer, block->bytes, size);
    atomic_fetch_add(&block->taken, 1);
    must(sem_post(empty[!side]));
    return size;
}

/* ---- shm_reader & shm_writer: the reader first ---- */

static void greek(void) {
    const char *words[] = {"alpha", "beta", "gamma", "quit"};
    take_away();
    pid_t reader = lab_fork();
    if (reader == 0) {
        join(ANSWERS);
        for (;;) {
            char word[64];
            long n = receive_on(ANSWERS, word, sizeof word - 1, -1);
            word[n] = 0;
            if (strcmp(word, "quit") == 0)
                _exit(0);
            printf("%s\n", word);
            fflush(stdout);
        }
    }
    /* Long enough for the document's reader to crash. */
    sleep_us(20000);
    make();
    join(ASKS);
    for (int i = 0; i < 4; i++)
        holds(send_on(ASKS, words[i], strlen(words[i]), -1) > 0);
    lab_reap(reader);
    struct stat st;
    must(stat("/dev/shm" NAME, &st));
    printf("while it is there: /dev/shm" NAME ", %ld bytes, mode %o\n", (long)st.st_size, st.st_mode & 07777);
    take_away();
    holds(stat("/dev/shm" NAME, &st) == -1);
}

int main(void) {
    const struct channel shm = {"shared memory", 1, 4096, make, join, send_on, receive_on, take_away};
    greek();
    struct costs costs = lab_costs();
    lab_channel(&shm, &costs);
    return 0;
}
