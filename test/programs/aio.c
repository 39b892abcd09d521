/* io_setup(2), io_submit(2), io_getevents(2), io_pgetevents(2), io_cancel(2), io_destroy(2). */
// test: limit=120
#include "check.h"
#include <linux/aio_abi.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/socket.h>

/* The head of what io_setup maps. */
struct ring { unsigned id, nr, head, tail, magic, compat, incompat, header; struct io_event events[]; };

static void *volatile bad = (void *)8;
static volatile int signals;
static void on_signal(int sig) { (void)sig, signals++; }

static long setup(unsigned count, aio_context_t *c) { return syscall(SYS_io_setup, count, c); }
static long destroy(aio_context_t c) { return syscall(SYS_io_destroy, c); }
static long submit(aio_context_t c, long count, struct iocb **list) { return syscall(SYS_io_submit, c, count, list); }
static long cancel(aio_context_t c, struct iocb *one) {
    struct io_event event;
    return syscall(SYS_io_cancel, c, one, &event);
}
static long events_of(aio_context_t c, long least, long most, struct io_event *to, struct timespec *t) {
    return syscall(SYS_io_getevents, c, least, most, to, t);
}
static long submit_one(aio_context_t c, struct iocb *one) { return submit(c, 1, &one); }

static aio_context_t fresh(unsigned count) {
    aio_context_t c = 0;
    works(setup(count, &c));
    return c;
}
static struct iocb request(int what, int fd, void *buf, size_t len, long at) {
    return (struct iocb){.aio_data = 0x1234567890, .aio_lio_opcode = what, .aio_fildes = fd, .aio_buf = (uintptr_t)buf,
                         .aio_nbytes = len, .aio_offset = at};
}
static struct timespec now = {0, 0}, soon = {0, 100000000}, late = {20, 0};
/* Submits it; what its event says. */
static long done(aio_context_t c, struct iocb *one) {
    struct io_event event = {0};
    if (submit_one(c, one) != 1) return -10000 - errno;
    if (events_of(c, 1, 1, &event, &late) != 1) return -20000;
    if (event.obj != (uintptr_t)one || event.data != one->aio_data || event.res2) return -30000;
    return event.res;
}
static long counted(void) {
    char text[64];
    return get_file("/proc/sys/fs/aio-nr", text, sizeof text) < 0 ? -1 : atol(text);
}

static void contexts(void) {
    aio_context_t c = 0, other = 0;
    begin("io_setup");
    long before = counted();
    is(setup(10, &c), 0);
    yes(c);
    is(counted(), before + 10);
    fails(setup(10, &c), EINVAL);
    fails(setup(0, &other), EINVAL);
    fails(setup(-1, &other), EINVAL);
    fails(setup(0x10000000, &other), EINVAL);
    fails(setup(1 << 20, &other), EAGAIN);
    fails(setup(1, bad), EFAULT);
    is(setup(7, &other), 0);
    is(counted(), before + 17);
    is(destroy(other), 0);
    is(counted(), before + 10);
    fails(destroy(other), EINVAL);
    fails(destroy(0), EINVAL);
    fails(destroy((uintptr_t)&other), EINVAL);
    fails(destroy(-1), EINVAL);

    begin("the ring");
    struct ring *ring = (void *)c;
    is(ring->magic, 0xa10a10a1);
    is(ring->compat, 1);
    is(ring->incompat, 0);
    is(ring->header, 32);
    is(ring->head, 0);
    is(ring->tail, 0);
    yes(ring->nr >= 22 && (ring->nr * 32 + 32) % 4096 == 0);
    char text[9000];
    get_file("/proc/self/maps", text, sizeof text);
    yes(strstr(text, "/[aio] (deleted)"));
    int fd = works(open("aio", O_RDWR | O_CREAT | O_TRUNC, 0600));
    struct iocb one = request(IOCB_CMD_PWRITE, fd, "hello", 5, 0);
    is(submit_one(c, &one), 1);
    is(ring->tail, 1);
    is(ring->events[0].obj, (uintptr_t)&one);
    is(ring->events[0].res, 5);
    /* As libaio takes one. */
    ring->head = 1;
    struct io_event event;
    is(events_of(c, 0, 1, &event, &now), 0);
    is(submit_one(c, &one), 1);
    is(events_of(c, 1, 1, &event, NULL), 1);
    is(ring->head, 2);
    ring->head = 0xfffffff0;
    is(submit_one(c, &one), 1);
    ring->head = ring->tail;
    close(fd);

    begin("a child has none");
    is(in_child({
        if (destroy(c) != -1 || errno != EINVAL) _exit(1);
        if (((struct ring *)c)->magic != 0xa10a10a1) _exit(2);
    }), 0);
    is(counted(), before + 10);
    is(destroy(c), 0);
    fails(events_of(c, 0, 1, &event, &now), EINVAL);
    is(counted(), before);

    begin("an end is the end of contexts");
    is(in_child({
        aio_context_t mine = 0;
        int ends[2];
        if (setup(33, &mine) || pipe(ends)) _exit(1);
        struct iocb poll = request(IOCB_CMD_POLL, ends[0], (void *)POLLIN, 0, 0);
        if (submit_one(mine, &poll) != 1) _exit(2);
    }), 0);
    is(counted(), before);

    begin("aio-max-nr");
    char most[64];
    get_file("/proc/sys/fs/aio-max-nr", most, sizeof most);
    put_file("/proc/sys/fs/aio-max-nr", "20");
    c = other = 0;
    is(setup(15, &c), 0);
    fails(setup(6, &other), EAGAIN);
    is(setup(5, &other), 0);
    is(destroy(c), 0);
    is(destroy(other), 0);
    put_file("/proc/sys/fs/aio-max-nr", most);
}

static void transfers(void) {
    aio_context_t c = fresh(8);
    char text[32] = "";
    begin("reads and writes");
    int fd = works(open("aio", O_RDWR | O_CREAT | O_TRUNC, 0600));
    struct iocb one = request(IOCB_CMD_PWRITE, fd, "hello", 5, 3);
    one.aio_key = 77;
    is(done(c, &one), 5);
    is(one.aio_key, 0);
    is(lseek(fd, 0, SEEK_CUR), 0);
    one = request(IOCB_CMD_PREAD, fd, text, 20, 2);
    is(done(c, &one), 6);
    is(memcmp(text, "\0hello", 6), 0);
    one = request(IOCB_CMD_PREAD, fd, text, 20, 8);
    is(done(c, &one), 0);
    struct iovec parts[2] = {{"ab", 2}, {"cd", 2}};
    one = request(IOCB_CMD_PWRITEV, fd, parts, 2, 0);
    is(done(c, &one), 4);
    struct iovec into[2] = {{text, 3}, {text + 10, 3}};
    one = request(IOCB_CMD_PREADV, fd, into, 2, 0);
    is(done(c, &one), 6);
    is(memcmp(text, "abc", 3) | memcmp(text + 10, "del", 3), 0);
    one = request(IOCB_CMD_PREAD, fd, text, 0, 0);
    is(done(c, &one), 0);
    one = request(IOCB_CMD_PWRITE, fd, "z", 1, 0);
    one.aio_rw_flags = 0x10; /* RWF_APPEND */
    is(done(c, &one), 1);
    is(lseek(fd, 0, SEEK_END), 9);

    begin("syncs");
    one = request(IOCB_CMD_FSYNC, fd, NULL, 0, 0);
    is(done(c, &one), 0);
    one = request(IOCB_CMD_FDSYNC, fd, NULL, 0, 0);
    is(done(c, &one), 0);
    one.aio_nbytes = 1;
    fails(submit_one(c, &one), EINVAL);
    one = request(IOCB_CMD_FSYNC, fd, NULL, 0, 1);
    fails(submit_one(c, &one), EINVAL);

    begin("errors that come with the event");
    one = request(IOCB_CMD_PREAD, fd, bad, 4, 0);
    is(done(c, &one), -EFAULT);
    one = request(IOCB_CMD_PWRITE, fd, bad, 4, 0);
    is(done(c, &one), -EFAULT);
    int ends[2];
    works(pipe(ends));
    one = request(IOCB_CMD_PWRITE, ends[1], "pipe", 4, 0);
    is(done(c, &one), 4);
    one = request(IOCB_CMD_PREAD, ends[0], text, 20, 0);
    is(done(c, &one), 4);
    works(fcntl(ends[0], F_SETFL, O_NONBLOCK));
    is(done(c, &one), -EAGAIN);
    close(ends[0]);
    signal(SIGPIPE, on_signal);
    signals = 0;
    one = request(IOCB_CMD_PWRITE, ends[1], "pipe", 4, 0);
    is(done(c, &one), -EPIPE);
    is(signals, 1);
    close(ends[1]);
    struct rlimit limit = {4, RLIM_INFINITY};
    signal(SIGXFSZ, on_signal);
    works(setrlimit(RLIMIT_FSIZE, &limit));
    one = request(IOCB_CMD_PWRITE, fd, "far", 3, 10);
    is(done(c, &one), -EFBIG);
    is(signals, 2);
    limit.rlim_cur = RLIM_INFINITY;
    works(setrlimit(RLIMIT_FSIZE, &limit));

    begin("errors of submitting");
    struct iocb *list[3] = {&one, &one, bad};
    one = request(IOCB_CMD_PREAD, fd, text, 1, 0);
    fails(submit(c, -1, list), EINVAL);
    fails(submit(0, 1, list), EINVAL);
    fails(submit(0, 0, list), EINVAL);
    is(submit(c, 0, list), 0);
    is(submit(c, 0, bad), 0);
    fails(submit(c, 1, bad), EFAULT);
    fails(submit(c, 1, list + 2), EFAULT);
    is(submit(c, 3, list), 2);
    struct io_event events[4];
    is(events_of(c, 2, 4, events, &now), 2);
    static const struct { int what, by, error; } wrong[] = {
        {4, 0, EINVAL}, {6, 0, EINVAL}, {9, 0, EINVAL}, {0xffff, 0, EINVAL}, {IOCB_CMD_PREAD, 1, EINVAL},
        {IOCB_CMD_PREAD, 2, EINVAL}, {IOCB_CMD_PREAD, 3, EBADF}, {IOCB_CMD_PREAD, 4, EBADF},
        {IOCB_CMD_PREAD, 5, EINVAL}, {IOCB_CMD_PREAD, 6, EOPNOTSUPP}, {IOCB_CMD_PREADV, 7, EINVAL},
        {IOCB_CMD_PREAD, 8, EINVAL}, {IOCB_CMD_PREAD, 9, EBADF}, {IOCB_CMD_PREAD, 10, EFAULT},
        {IOCB_CMD_PREAD, 11, EINVAL}, {IOCB_CMD_PREAD, 12, EINVAL}, {IOCB_CMD_PREAD, 13, EINVAL},
        {IOCB_CMD_PREADV, 13, EINVAL},
    };
    int only = works(open("aio", O_WRONLY)), place = works(open("aio", O_PATH)), folder = works(open(".", O_RDONLY));
    int fan = works(fanotify_init(0, O_RDONLY));
    struct iovec part = {text, sizeof text};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        one = request(wrong[i].what, fd, text, 1, 0);
        switch (wrong[i].by) {
        case 1: one.aio_reserved2 = 1; break;
        case 2: one.aio_nbytes = -1; break;
        case 3: one.aio_fildes = 999; break;
        case 4: one.aio_fildes = only; break;
        case 5: one.aio_offset = -1; break;
        case 6: one.aio_rw_flags = 0x100; break;
        case 7: one.aio_nbytes = 1025; break;
        case 8: one.aio_flags = IOCB_FLAG_RESFD, one.aio_resfd = fd; break;
        case 9: one.aio_fildes = place; break;
        case 10: one.aio_buf = 1ull << 63; break;
        case 11: one.aio_fildes = folder; break;
        case 12: one.aio_flags = 2, one.aio_reqprio = 7; break; /* IOCB_FLAG_IOPRIO */
        case 13: one.aio_fildes = fan; break; /* its events come with descriptors: by read(2) and readv(2) alone */
        }
        if (wrong[i].what == IOCB_CMD_PREADV && wrong[i].by == 13)
            one.aio_buf = (uintptr_t)&part;
        errno = 0;
        long got = submit_one(c, &one);
        long error = got == -1 ? errno : -got;
        is(error + 1000 * i, wrong[i].error + 1000 * i);
    }
    one = request(IOCB_CMD_PREAD, fd, text, 1, 0);
    one.aio_flags = IOCB_FLAG_RESFD, one.aio_resfd = 999;
    fails(submit_one(c, &one), EBADF);
    one.aio_flags = 2, one.aio_reqprio = 2 << 13 | 7;
    is(done(c, &one), 1);
    is(events_of(c, 0, 4, events, &now), 0);
    close(only), close(place), close(folder), close(fan);

    begin("no more than there is room for");
    one = request(IOCB_CMD_PREAD, fd, text, 1, 0);
    struct ring *ring = (void *)c;
    unsigned begun = 0;
    while (begun < 10000 && submit_one(c, &one) == 1) begun++;
    fails(submit_one(c, &one), EAGAIN);
    /* Linux keeps some for each CPU. */
    yes(begun >= 8 && begun < ring->nr);
    is(events_of(c, 1, 1, events, &now), 1);
    is(events_of(c, 3, 4, events, &now), 4);
    is(events_of(c, 0, 3, events, &now), 3);
    is(submit_one(c, &one), 1);
    close(fd);
    is(destroy(c), 0);
}

static void getting(void) {
    aio_context_t c = fresh(8);
    struct io_event events[4];
    begin("io_getevents: errors and time");
    fails(events_of(c, 2, 1, events, &now), EINVAL);
    fails(events_of(c, -1, 1, events, &now), EINVAL);
    fails(events_of(c, -1, -1, events, &now), EINVAL);
    fails(events_of(0, 0, 1, events, &now), EINVAL);
    fails(events_of(c, 0, 1, events, bad), EFAULT);
    is(events_of(c, 0, 1, events, NULL), 0);
    is(events_of(c, 0, 0, bad, NULL), 0);
    int64_t before = now_ns(CLOCK_MONOTONIC);
    is(events_of(c, 1, 1, events, &soon), 0);
    yes(now_ns(CLOCK_MONOTONIC) - before >= 100000000);

    begin("what cannot be copied stays");
    int fd = works(open("aio", O_RDWR | O_CREAT | O_TRUNC, 0600));
    struct iocb one = request(IOCB_CMD_PWRITE, fd, "x", 1, 0);
    is(submit_one(c, &one), 1);
    fails(events_of(c, 1, 1, bad, &now), EFAULT);
    is(events_of(c, 1, 1, events, &now), 1);

    begin("a signal ends the wait");
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGALRM, &act, NULL);
    signals = 0;
    struct itimerval timer = {{0, 0}, {0, 100000}};
    setitimer(ITIMER_REAL, &timer, NULL);
    fails(events_of(c, 1, 1, events, &late), EINTR);
    is(signals, 1);
    /* A time before now is no time. */
    struct timespec past = {-1, 0};
    setitimer(ITIMER_REAL, &timer, NULL);
    fails(events_of(c, 1, 1, events, &past), EINTR);
    is(signals, 2);

    begin("io_pgetevents");
    sigset_t mask, old;
    sigemptyset(&mask);
    sigaddset(&mask, SIGALRM);
    sigprocmask(SIG_BLOCK, &mask, &old);
    struct { void *mask; size_t size; } with = {&old, 8}, wrong = {&old, 7}, nowhere = {bad, 8}, none = {NULL, 0};
    raise(SIGALRM);
    signals = 0;
    is(syscall(SYS_io_pgetevents, c, 1, 1, events, &soon, &none), 0);
    is(signals, 0);
    fails(syscall(SYS_io_pgetevents, c, 1, 1, events, &late, &with), EINTR);
    is(signals, 1);
    sigprocmask(SIG_SETMASK, NULL, &mask);
    yes(sigismember(&mask, SIGALRM));
    fails(syscall(SYS_io_pgetevents, c, 1, 1, events, &now, &wrong), EINVAL);
    fails(syscall(SYS_io_pgetevents, c, 1, 1, events, &now, &nowhere), EFAULT);
    fails(syscall(SYS_io_pgetevents, c, 1, 1, events, &now, bad), EFAULT);
    is(submit_one(c, &one), 1);
    is(syscall(SYS_io_pgetevents, c, 1, 1, events, NULL, NULL), 1);
    sigprocmask(SIG_SETMASK, &old, NULL);
    close(fd);
    is(destroy(c), 0);
}

static aio_context_t shared;
static void *waits(void *events) { return (void *)events_of(shared, 1, 4, events, &late); }
static void *waits_errno(void *events) { return (void *)(long)(events_of(shared, 1, 4, events, &late) == -1 ? -errno : 0); }

static void polls(void) {
    aio_context_t c = fresh(8);
    struct io_event events[4] = {{0}};
    int ends[2];
    begin("polls");
    works(pipe(ends));
    struct iocb in = request(IOCB_CMD_POLL, ends[0], (void *)POLLIN, 0, 0);
    struct iocb out = request(IOCB_CMD_POLL, ends[1], (void *)POLLOUT, 0, 0);
    is(done(c, &out), POLLOUT);
    is(submit_one(c, &in), 1);
    is(events_of(c, 1, 1, events, &soon), 0);
    is(write(ends[1], "x", 1), 1);
    is(events_of(c, 1, 1, events, &late), 1);
    is(events[0].obj, (uintptr_t)&in);
    yes(events[0].res & POLLIN);
    is(events_of(c, 1, 1, events, &soon), 0);
    is(done(c, &in), POLLIN);
    char byte;
    is(read(ends[0], &byte, 1), 1);

    begin("the end of the other side");
    is(submit_one(c, &in), 1);
    close(ends[1]);
    is(events_of(c, 1, 1, events, &late), 1);
    is(events[0].res, POLLHUP);
    close(ends[0]);

    begin("wrong polls");
    works(pipe(ends));
    struct iocb wrong = in;
    wrong.aio_fildes = ends[0];
    wrong.aio_offset = 1;
    fails(submit_one(c, &wrong), EINVAL);
    wrong.aio_offset = 0, wrong.aio_nbytes = 1;
    fails(submit_one(c, &wrong), EINVAL);
    wrong.aio_nbytes = 0, wrong.aio_buf = 0x10001;
    fails(submit_one(c, &wrong), EINVAL);
    wrong.aio_buf = POLLIN, wrong.aio_rw_flags = 1;
    fails(submit_one(c, &wrong), EINVAL);
    int fd = works(open("aio", O_RDWR | O_CREAT | O_TRUNC, 0600));
    struct iocb file = request(IOCB_CMD_POLL, fd, (void *)(POLLIN | POLLPRI), 0, 0);
    is(done(c, &file), POLLIN);
    file.aio_buf = POLLPRI;
    fails(submit_one(c, &file), EINVAL);
    close(fd);

    begin("io_cancel");
    in.aio_fildes = ends[0];
    is(submit_one(c, &in), 1);
    fails(cancel(c, &out), EINVAL);
    fails(cancel(0, &in), EINVAL);
    fails(cancel(c, bad), EFAULT);
    in.aio_key = 1;
    fails(cancel(c, &in), EINVAL);
    in.aio_key = 0;
    fails(cancel(c, &in), EINPROGRESS);
    is(events_of(c, 1, 1, events, &late), 1);
    is(events[0].obj, (uintptr_t)&in);
    is(events[0].res, 0);
    fails(cancel(c, &in), EINVAL);
    is(write(ends[1], "x", 1), 1);
    is(events_of(c, 1, 1, events, &soon), 0);
    is(read(ends[0], &byte, 1), 1);

    begin("an eventfd is told");
    int counter = works(eventfd(0, EFD_NONBLOCK));
    uint64_t value = 0;
    in.aio_flags = IOCB_FLAG_RESFD, in.aio_resfd = counter;
    is(submit_one(c, &in), 1);
    fails(read(counter, &value, 8), EAGAIN);
    struct pollfd ready = {counter, POLLIN, 0};
    is(write(ends[1], "x", 1), 1);
    is(poll(&ready, 1, 20000), 1);
    is(read(counter, &value, 8), 8);
    is(value, 1);
    is(events_of(c, 1, 1, events, &now), 1);
    struct iocb *twice[2] = {&in, &in};
    is(submit(c, 2, twice), 2);
    is(read(counter, &value, 8), 8);
    is(value, 2);
    is(events_of(c, 2, 4, events, &now), 2);
    is(read(ends[0], &byte, 1), 1);

    begin("who waits is woken");
    pthread_t thread;
    void *result;
    shared = c;
    is(submit_one(c, &in), 1);
    pthread_create(&thread, NULL, waits, events);
    pause_ms(100);
    is(write(ends[1], "x", 1), 1);
    pthread_join(thread, &result);
    is((long)result, 1);
    is(events[0].obj, (uintptr_t)&in);
    is(read(ends[0], &byte, 1), 1);
    is(read(counter, &value, 8), 8);

    begin("io_destroy ends what goes on");
    is(submit_one(c, &in), 1);
    pthread_create(&thread, NULL, waits_errno, events);
    pause_ms(100);
    is(destroy(c), 0);
    pthread_join(thread, &result);
    is((long)result, -EINVAL);
    is(poll(&ready, 1, 20000), 1);
    fails(cancel(c, &in), EINVAL);
    /* Nobody holds the other end any more. */
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    fails(write(ends[1], "x", 1), EPIPE);
    close(ends[1]), close(counter);

    begin("a closed file is polled on");
    c = fresh(4);
    works(pipe(ends));
    in = request(IOCB_CMD_POLL, ends[0], (void *)POLLIN, 0, 0);
    is(submit_one(c, &in), 1);
    close(ends[0]);
    is(write(ends[1], "x", 1), 1);
    is(events_of(c, 1, 1, events, &late), 1);
    close(ends[1]);

    begin("many polls at once");
    is(destroy(c), 0);
    c = fresh(64);
    static struct iocb many[64];
    static struct io_event got[64];
    int sockets[2];
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
    for (int i = 0; i < 64; i++) {
        many[i] = request(IOCB_CMD_POLL, sockets[0], (void *)POLLIN, 0, 0);
        is(submit_one(c, &many[i]), 1);
    }
    is(write(sockets[1], "x", 1), 1);
    is(events_of(c, 64, 64, got, &late), 64);
    for (int i = 0; i < 64; i++) is(submit_one(c, &many[i]), 1);
    is(read(sockets[0], &byte, 1), 1);
    for (int i = 0; i < 32; i++) submit_one(c, &many[i]);
    close(sockets[0]), close(sockets[1]);
    is(destroy(c), 0);
}

static void tests(void) {
    contexts();
    transfers();
    getting();
    polls();
}
