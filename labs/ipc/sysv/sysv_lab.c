// SPDX-License-Identifier: MIT OR Apache-2.0
/* System V IPC: the shared memory and semaphores of the document's sysv_shm_writer, with the P and V that it leaves out, and
   message queues. Everything has a key, and stays until somebody removes it: with `keep` as argument this program leaves
   something for ipcs to show and ipcrm to remove. */
#include "../channel.h"
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

union semun { int val; struct semid_ds *buf; unsigned short *array; };

/* A key is made of a file that both sides know, and a number. Two files may give the same one. */
static key_t key(int number) {
    return must(ftok("/tmp", number));
}

/* P and V: take one, waiting until there is one; give one. `limit_ms` negative waits for ever. */
static int semaphore(int id, unsigned short which, short change, int limit_ms) {
    /* No SEM_UNDO: at a process's end it takes back what the process did. Right for a lock; wrong here, where one side takes
       what the other gives: the messages that it gave are still there. */
    struct sembuf operation = {which, change, 0};
    struct timespec limit = {limit_ms / 1000, limit_ms % 1000 * 1000000L};
    int done;
    while ((done = semtimedop(id, &operation, 1, limit_ms < 0 ? NULL : &limit)) < 0 && errno == EINTR) {}
    if (done < 0 && errno != EAGAIN)
        must(done);
    return done == 0;
}

/* ---- sysv_shm_writer and its reader ---- */

enum { EMPTY, FULL };

static void greek(void) {
    const char *words[] = {"alpha", "beta", "gamma", "quit"};
    unsigned short first[2] = {1, 0};
    /* IPC_EXCL and IPC_CREAT: ours, or nobody's. What an earlier run left goes first. */
    int old = shmget(key(0x42), 0, 0);
    if (old >= 0)
        must(shmctl(old, IPC_RMID, NULL));
    if ((old = semget(key(0x42), 0, 0)) >= 0)
        must(semctl(old, 0, IPC_RMID));
    int memory = must(shmget(key(0x42), 4096, IPC_CREAT | IPC_EXCL | 0600));
    int semaphores = must(semget(key(0x42), 2, IPC_CREAT | IPC_EXCL | 0600));
    must(semctl(semaphores, 0, SETALL, (union semun){.array = first}));
    pid_t reader = lab_fork();
    if (reader == 0) {
        char *p = must(shmat(must(shmget(key(0x42), 0, 0)), NULL, SHM_RDONLY));
        for (;;) {
            semaphore(semaphores, FULL, -1, -1);
            if (strcmp(p, "quit") == 0)
                _exit(0);
            printf("%s\n", p);
            fflush(stdout);
            semaphore(semaphores, EMPTY, 1, -1);
        }
    }
    char *p = must(shmat(memory, NULL, 0));
    for (int i = 0; i < 4; i++) {
        semaphore(semaphores, EMPTY, -1, -1);
        strcpy(p, words[i]);
        semaphore(semaphores, FULL, 1, -1);
    }
    lab_reap(reader);
    struct shmid_ds about;
    must(shmctl(memory, IPC_STAT, &about));
    printf("segment of %zu bytes, attached %lu times\n", about.shm_segsz, (unsigned long)about.shm_nattch);
    /* Removed now, gone with the last who has it: it can be used until then, and not be found. */
    must(shmctl(memory, IPC_RMID, NULL));
    p[0] = 'x';
    errno = 0;
    holds(shmget(key(0x42), 0, 0) == -1 && errno == ENOENT);
    must(shmdt(p));
    must(semctl(semaphores, 0, IPC_RMID));
}

/* ---- a message queue as a channel; the type says which way ---- */

struct parcel {
    long type;
    char bytes[4096];
};

static int queue = -1;

static void queue_remove(void) {
    int old = msgget(key(0x43), 0);
    if (old >= 0)
        must(msgctl(old, IPC_RMID, NULL));
}

static void queue_make(void) {
    queue_remove();
    must(msgget(key(0x43), IPC_CREAT | IPC_EXCL | 0600));
}

static void queue_join(int side) {
    (void)side;
    queue = must(msgget(key(0x43), 0));
}

/* There is no msgrcv with a limit: with one, look, sleep a little, look again. */
static long patiently(long (*attempt)(struct parcel *, size_t, int), struct parcel *parcel, size_t size, int limit_ms) {
    int64_t end = limit_ms < 0 ? INT64_MAX : now_ns() + limit_ms * 1000000LL;
    long n;
    while ((n = attempt(parcel, size, limit_ms < 0 ? 0 : IPC_NOWAIT)) < 0) {
        if (errno != EINTR && errno != EAGAIN && errno != ENOMSG)
            must(n);
        if (limit_ms >= 0 && now_ns() > end)
            return 0;
        sleep_us(200);
    }
    return n;
}

static long put(struct parcel *parcel, size_t size, int flags) {
    return msgsnd(queue, parcel, size, flags) < 0 ? -1 : (long)size;
}

static long get(struct parcel *parcel, size_t size, int flags) {
    return msgrcv(queue, parcel, size, parcel->type, flags);
}

static long queue_send(int side, const void *message, size_t size, int limit_ms) {
    struct parcel parcel = {.type = 1 + side};
    holds(size <= sizeof parcel.bytes);
    memcpy(parcel.bytes, message, size);
    return patiently(put, &parcel, size, limit_ms);
}

static long queue_receive(int side, void *buffer, size_t room, int limit_ms) {
    struct parcel parcel = {.type = 1 + !side};
    long n = patiently(get, &parcel, room < sizeof parcel.bytes ? room : sizeof parcel.bytes, limit_ms);
    memcpy(buffer, parcel.bytes, n);
    return n;
}

/* ---- shared memory and semaphores as a channel: as in lab ipc/shm, numbers say what there is ---- */

struct block {
    _Atomic uint64_t put, taken;
    size_t size;
    char bytes[4096];
};

static struct block *blocks;
static int signs = -1;

static void memory_remove(void) {
    int old = shmget(key(0x44), 0, 0);
    if (blocks)
        must(shmdt(blocks));
    blocks = NULL;
    if (old >= 0)
        must(shmctl(old, IPC_RMID, NULL));
    if ((old = semget(key(0x44), 0, 0)) >= 0)
        must(semctl(old, 0, IPC_RMID));
}

static void memory_make(void) {
    unsigned short first[4] = {1, 0, 1, 0};
    memory_remove();
    must(shmget(key(0x44), 2 * sizeof *blocks, IPC_CREAT | IPC_EXCL | 0600));
    int made = must(semget(key(0x44), 4, IPC_CREAT | IPC_EXCL | 0600));
    must(semctl(made, 0, SETALL, (union semun){.array = first}));
}

static void memory_join(int side) {
    (void)side;
    blocks = must(shmat(must(shmget(key(0x44), 0, 0)), NULL, 0));
    signs = must(semget(key(0x44), 0, 0));
}

static long memory_send(int side, const void *message, size_t size, int limit_ms) {
    struct block *block = &blocks[side];
    semaphore(signs, 2 * side + EMPTY, -1, limit_ms);
    if (atomic_load(&block->put) != atomic_load(&block->taken))
        return 0;
    holds(size <= sizeof block->bytes);
    block->size = size;
    memcpy(block->bytes, message, size);
    atomic_fetch_add(&block->put, 1);
    semaphore(signs, 2 * side + FULL, 1, -1);
    return size;
}

static long memory_receive(int side, void *buffer, size_t room, int limit_ms) {
    struct block *block = &blocks[!side];
    semaphore(signs, 2 * !side + FULL, -1, limit_ms);
    if (atomic_load(&block->put) == atomic_load(&block->taken))
        return 0;
    size_t size = block->size;
    holds(size <= room && size <= sizeof block->bytes);
    memcpy(buffer, block->bytes, size);
    atomic_fetch_add(&block->taken, 1);
    semaphore(signs, 2 * !side + EMPTY, 1, -1);
    return size;
}

int main(int argc, char **argv) {
    const struct channel queues = {"SysV queue", 0, 4096, queue_make, queue_join, queue_send, queue_receive, queue_remove};
    const struct channel memory = {"SysV memory", 1, 4096, memory_make, memory_join, memory_send, memory_receive, memory_remove};
    if (argc > 1 && strcmp(argv[1], "keep") == 0) {
        must(shmget(key(0x45), 8192, IPC_CREAT | 0600));
        must(semget(key(0x45), 3, IPC_CREAT | 0600));
        must(msgget(key(0x45), IPC_CREAT | 0600));
        return 0;
    }
    greek();
    struct costs costs = lab_costs();
    lab_channel(&queues, &costs);
    lab_channel(&memory, &costs);
    return 0;
}
