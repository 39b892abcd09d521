/* Calls on pipes, FIFOs and POSIX message queues made up from seeds, by threads of several processes that share descriptors
   and names, one of which is killed in the middle now and then. Nothing may hang or fall, a message of a queue must arrive
   as it was sent, a packet whole, and at the end nothing may be left. */
// test: smp=2 limit=240 alone
#include "counts.h"
#include <mqueue.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>

enum { SLOTS = 16, NAMES = 4, THREADS = 3, SIZE = 64 };
static int slots[SLOTS];
static _Atomic long *torn;

static uint64_t next(uint64_t *state) {
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return *state;
}
static void keep(uint64_t r, int fd) {
    if (fd < 0)
        return;
    int old = __atomic_exchange_n(&slots[r % SLOTS], fd, __ATOMIC_SEQ_CST);
    if (old >= 0)
        close(old);
}

/* ---- a message that knows itself: its length, its priority, bytes that follow from both ---- */

static unsigned char byte_of(unsigned length, unsigned priority, unsigned at) {
    return length * 31 + priority * 7 + at * 13;
}
static void make_message(unsigned char *m, unsigned length, unsigned priority) {
    for (unsigned i = 0; i < length; i++)
        m[i] = byte_of(length, priority, i);
}
static int is_whole(const unsigned char *m, long length, unsigned priority) {
    for (long i = 0; i < length; i++)
        if (m[i] != byte_of(length, priority, i))
            return 0;
    return 1;
}

static void queue_call(uint64_t *state, int fd) {
    static const char *const odd[] = {"/", "//x", "/a/b", "", "/.", "/..", "x"};
    unsigned char message[2 * SIZE];
    char name[20];
    uint64_t r = next(state);
    unsigned priority = r >> 8 & 3 ? r % 4 : r % 40000;
    size_t length = next(state) % (SIZE + 1);
    struct timespec soon = {r >> 16 & 7 ? 0 : -1, r >> 20 & 7 ? 0 : 1000000000};
    struct mq_attr attributes = {.mq_flags = r >> 24 & 1 ? O_NONBLOCK : 0, .mq_maxmsg = r >> 28 & 15 ? 4 : (long)(r >> 32),
                                 .mq_msgsize = r >> 36 & 15 ? SIZE : (long)(r >> 40)};
    struct sigevent event = {.sigev_notify = r >> 44 & 1 ? SIGEV_SIGNAL : SIGEV_NONE, .sigev_signo = r >> 48 & 15 ? SIGURG : (int)(r >> 50 & 255)};
    snprintf(name, sizeof name, "/pipefuzz%d", (int)((r >> 4) % NAMES));
    switch (r >> 56 & 15) {
    case 0: case 1: {
        const char *called = r >> 12 & 15 ? name : odd[r % 7];
        keep(next(state), mq_open(called, O_RDWR | O_NONBLOCK | O_CREAT | (r >> 13 & 1 ? O_EXCL : 0), 0600, r >> 15 & 1 ? &attributes : NULL));
        break;
    }
    case 2: mq_unlink(r >> 12 & 15 ? name : odd[r % 7]); break;
    case 3: mq_getattr(fd, &attributes); break;
    case 4: mq_setattr(fd, &(struct mq_attr){.mq_flags = O_NONBLOCK}, &attributes); break;
    case 5: mq_notify(fd, r >> 10 & 1 ? &event : NULL); break;
    case 6: case 7: case 8: case 9:
        if (!(r >> 11 & 15) && (length = next(state) >> (r & 63)) > SIZE)
            message[0] = 0;
        else
            make_message(message, length, priority);
        syscall(SYS_mq_timedsend, fd, r >> 57 & 15 ? message : (void *)8, length, priority, r >> 9 & 1 ? &soon : NULL);
        break;
    default: {
        size_t room = r >> 12 & 15 ? sizeof message : length;
        long n = syscall(SYS_mq_timedreceive, fd, r >> 57 & 15 ? message : (void *)8, room, &priority, r >> 9 & 1 ? &soon : NULL);
        if (n > SIZE || (n > 0 && !is_whole(message, n, priority)))
            ++*torn;
    }
    }
}

static void pipe_call(uint64_t *state, int fd) {
    static char data[70000];
    char name[20];
    uint64_t r = next(state);
    int other = slots[next(state) % SLOTS], pair[2], value;
    size_t size = r >> 8 & 3 ? r >> 10 & 255 : (r >> 10) % sizeof data;
    struct iovec v[3] = {{data, size}, {r >> 30 & 15 ? data + 1 : (void *)8, r >> 34 & 63}, {NULL, 0}};
    int flags = (r >> 40 & 15 ? O_NONBLOCK : O_NONBLOCK | (int)(r >> 44 & 0xfff)) | (r >> 60 & 1 ? O_DIRECT : 0);
    loff_t offset = r >> 20 & 255;
    snprintf(name, sizeof name, "fifo%d", (int)((r >> 4) % NAMES));
    switch (next(state) % 25) {
    case 0: case 1: case 2:
        if (!pipe2(pair, r >> 50 & 15 ? flags & (O_NONBLOCK | O_DIRECT) : flags))
            keep(next(state), pair[0]), keep(next(state), pair[1]);
        break;
    case 3: mkfifo(name, 0600); break;
    case 4: if (r >> 12 & 1) unlink(name); break;
    case 5: case 6: keep(next(state), open(name, (int)((r >> 14) % 3) | O_NONBLOCK | (r >> 50 & 15 ? 0 : flags & ~(O_CREAT | O_EXCL | O_ASYNC)))); break;
    case 7: case 8: case 9: (void)!write(fd, data, size); break;
    case 10: case 11: case 12: (void)!read(fd, data, size); break;
    case 13: (void)!writev(fd, v, r >> 52 & 3); break;
    case 14: (void)!readv(fd, v, r >> 52 & 3); break;
    case 15: fcntl(fd, F_SETPIPE_SZ, r >> 16 & 1 ? (int)(r >> 20 & 0xfffff) : 4096); break;
    case 16: fcntl(fd, F_GETPIPE_SZ), ioctl(fd, FIONREAD, r >> 16 & 7 ? &value : NULL); break;
    case 17: fcntl(fd, F_SETFL, O_NONBLOCK | (r >> 16 & 1 ? O_DIRECT : 0)); break;
    case 18: (void)!splice(fd, r >> 16 & 3 ? NULL : &offset, other, NULL, size, SPLICE_F_NONBLOCK | (r >> 18 & 15)); break;
    case 19: (void)!tee(fd, other, size, SPLICE_F_NONBLOCK); break;
    case 20: (void)!vmsplice(fd, v, r >> 52 & 3, SPLICE_F_NONBLOCK | (r >> 18 & 1 ? SPLICE_F_GIFT : 0)); break;
    case 21: keep(next(state), dup(fd)); break;
    case 22: { struct pollfd p[2] = {{fd, POLLIN | POLLOUT, 0}, {other, POLLIN | POLLOUT, 0}}; poll(p, 2, 0); break; }
    case 23: (void)!sendfile(fd, other, r >> 16 & 1 ? &offset : NULL, size); break;
    default: close(__atomic_exchange_n(&slots[r % SLOTS], -1, __ATOMIC_SEQ_CST));
    }
}

/* Packets of a pipe in packet mode stay whole, also where the others use up what there is. (Another process: its threads
   share their numbers of descriptors, and a late call would meet a pipe that has got the number anew.) */
static void packets(uint64_t *state) {
    unsigned char out[300], in[300];
    int p[2], sent[8], count = 0;
    if (pipe2(p, O_DIRECT | O_NONBLOCK))
        return;
    for (; count < 8; count++) {
        sent[count] = 1 + next(state) % sizeof out;
        make_message(out, sent[count], count);
        if (write(p[1], out, sent[count]) != sent[count])
            break;
    }
    for (int i = 0; i < count; i++) {
        int room = next(state) & 1 ? (int)sizeof in : 1 + (int)(next(state) % sizeof in);
        long n = read(p[0], in, room), most = room < sent[i] ? room : sent[i];
        make_message(out, sent[i], i);
        if (n != most || memcmp(in, out, n))
            ++*torn;
    }
    close(p[0]), close(p[1]);
}

static void *spree(void *seed) {
    uint64_t state = (uintptr_t)seed * 0x9e3779b97f4a7c15u + 1;
    for (int i = 0; i < (full() ? 15000 : 1500); i++) {
        uint64_t r = next(&state);
        int fd = slots[r % SLOTS];
        (r >> 40 & 1 ? pipe_call : queue_call)(&state, fd);
    }
    return NULL;
}

/* A process that dies in the middle of it, if it is told to. */
static void process(unsigned seed, int dies) {
    pthread_t threads[THREADS];
    for (int i = 0; i < SLOTS; i++)
        slots[i] = -1;
    signal(SIGPIPE, SIG_IGN);
    /* Notices come by any signal that can be ignored; those that cannot end the process, which is as good. */
    for (int s = 1; s < 65; s++)
        if (s != SIGALRM && s != SIGSEGV && s != SIGBUS)
            signal(s, SIG_IGN);
    alarm(full() ? 1500 : 200);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, spree, (void *)(seed * 16 + i));
    if (dies)
        pause_ms(seed % 40), kill(getpid(), SIGKILL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    _exit(0);
}

static int round_of_it(unsigned seed, int dies) {
    int status, good;
    fflush(stdout);
    pid_t one = fork();
    if (!one)
        process(2 * seed, dies);
    pid_t two = fork();
    if (!two)
        process(2 * seed + 1, 0);
    pid_t three = fork();
    if (!three) {
        uint64_t state = seed * 0x9e3779b97f4a7c15u + 5;
        for (int i = 0; i < (full() ? 1000 : 100); i++)
            packets(&state);
        _exit(0);
    }
    waitpid(three, &status, 0);
    is(status, 0);
    waitpid(one, &status, 0);
    good = exited(status, 0) || (WIFSIGNALED(status) && WTERMSIG(status) != SIGALRM && WTERMSIG(status) != SIGSEGV);
    waitpid(two, &status, 0);
    good += exited(status, 0) || (WIFSIGNALED(status) && WTERMSIG(status) != SIGALRM && WTERMSIG(status) != SIGSEGV);
    for (int i = 0; i < NAMES; i++) {
        char name[20];
        snprintf(name, sizeof name, "/pipefuzz%d", i);
        mq_unlink(name);
        mq_unlink("/x");
        snprintf(name, sizeof name, "fifo%d", i);
        unlink(name);
    }
    return good;
}

static unsigned seed;
static int rounds;
static int another_round(int which) { return round_of_it(seed + rounds + which, which % 2); }

static void tests(void) {
    const char *text = getenv("GAON_SEED");
    int good = 0;
    seed = (text ? strtoul(text, NULL, 0) : 1) * 1000;
    rounds = full() ? 24 : 4;
    torn = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    works(unshare(CLONE_NEWIPC));

    begin("calls made up from seeds");
    for (int i = 0; i < rounds; i++)
        good += round_of_it(seed + i, i % 3 == 2);
    is(good, 2 * rounds);
    is(*torn, 0);

    begin("nothing is left");
    open_counts();
    objects_alone = 2;
    must_leave_nothing(another_round, 2, 8);
}
