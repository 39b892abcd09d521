// Calls on AF_UNIX sockets made up from seeds, by threads of several processes that share descriptors and names. Nothing
// may hang or fall, data must arrive as it was sent, and at the end nothing may be left.
// test: smp=2 limit=240
#include "unix.h"

enum { SLOTS = 24, NAMES = 6, THREADS = 3 };
static int slots[SLOTS];

static uint64_t next(uint64_t *state) {
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return *state;
}
static socklen_t some_name(uint64_t r, struct sockaddr_un *a) {
    char name[20];
    snprintf(name, sizeof name, "fuzz%d", (int)(r % NAMES));
    *a = r >> 8 & 1 ? path_of(name) : abstract_of(name);
    switch (r >> 9 & 31) {
    case 0: return r >> 20 & 255;
    case 1: return 2;
    case 2: a->sun_family = r >> 20; return sizeof *a;
    case 3: memset(a->sun_path, 'a', sizeof a->sun_path); return sizeof *a;
    }
    return r >> 8 & 1 ? sizeof *a : none_len(a);
}
static void keep(uint64_t r, int fd) {
    if (fd < 0)
        return;
    int old = __atomic_exchange_n(&slots[r % SLOTS], fd, __ATOMIC_SEQ_CST);
    if (old >= 0)
        close(old);
}
/* Control messages that make sense, nearly do, or do not. */
static size_t control(uint64_t *state, char *to, size_t room) {
    size_t at = 0;
    for (int n = next(state) % 4; n > 0; n--) {
        uint64_t r = next(state);
        int count = r % 5, creds = r >> 8 & 1;
        size_t body = creds ? sizeof(struct ucred) : count * sizeof(int);
        if (at + CMSG_SPACE(body) > room)
            break;
        struct cmsghdr *c = (void *)(to + at);
        *c = (struct cmsghdr){CMSG_LEN(body), SOL_SOCKET, creds ? SCM_CREDENTIALS : SCM_RIGHTS};
        if (creds) {
            struct ucred who = {getpid(), getuid(), getgid()};
            memcpy(CMSG_DATA(c), &who, sizeof who);
        } else {
            for (int i = 0; i < count; i++)
                memcpy(CMSG_DATA(c) + 4 * i, &slots[next(state) % SLOTS], 4);
        }
        switch (r >> 16 & 31) {
        case 0: c->cmsg_len = next(state) >> (next(state) & 63); break;
        case 1: c->cmsg_type = next(state) % 8; break;
        case 2: c->cmsg_level = next(state) % 3; break;
        }
        at += CMSG_SPACE(body);
    }
    return next(state) % 16 ? at : next(state) % (room + 1);
}
static void one_call(uint64_t *state) {
    static const int kinds[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    static char data[40000];
    char some[512], ancillary[256];
    struct sockaddr_un a;
    uint64_t r = next(state);
    int fd = slots[r % SLOTS], value = next(state) >> 60, pair[2];
    int kind = kinds[r >> 8 & 3 ? (r >> 10) % 3 : 0] | SOCK_NONBLOCK;
    socklen_t len = sizeof a;
    struct iovec v = {some, next(state) % sizeof some};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = ancillary};
    int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (r >> 32 & 3 ? 0 : next(state) & (MSG_PEEK | MSG_TRUNC | MSG_WAITALL));
    flags |= r >> 34 & 3 ? 0 : MSG_OOB;
    switch (r >> 40 & 31) {
    case 0: keep(next(state), socket(AF_UNIX, kind, 0)); break;
    case 1: case 2: case 3:
        if (!socketpair(AF_UNIX, kind, 0, pair))
            keep(next(state), pair[0]), keep(next(state), pair[1]);
        break;
    case 4: len = some_name(next(state), &a); bind(fd, (void *)&a, len); break;
    case 5: listen(fd, value - 2); break;
    case 6: case 7: len = some_name(next(state), &a); connect(fd, (void *)&a, len); break;
    case 8: case 9: keep(next(state), accept4(fd, (void *)&a, &len, SOCK_NONBLOCK)); break;
    case 10: shutdown(fd, value); break;
    case 11: getsockname(fd, (void *)&a, &len), getpeername(fd, (void *)&a, &len); break;
    case 12: value = next(state) % 30000; setsockopt(fd, SOL_SOCKET, value & 1 ? SO_SNDBUF : SO_PEEK_OFF, &value, 4); break;
    case 13: setsockopt(fd, SOL_SOCKET, value & 1 ? SO_PASSCRED : SO_OOBINLINE, &value, 4), ioctl(fd, FIONREAD, &value); break;
    case 14: snprintf(some, 20, "fuzz%d", value % NAMES), unlink(some); break;
    case 15: ready_for(fd, -1); break;
    case 16: (void)!write(fd, data, next(state) % sizeof data); break;
    case 17: (void)!read(fd, data, next(state) % sizeof data); break;
    case 18: len = some_name(next(state), &a); sendto(fd, some, v.iov_len, flags, (void *)&a, len); break;
    case 19: recvfrom(fd, some, v.iov_len, flags, (void *)&a, &len); break;
    case 20: case 21: case 22: case 23:
        m.msg_controllen = control(state, ancillary, sizeof ancillary);
        sendmsg(fd, &m, flags);
        break;
    case 24: case 25: case 26: case 27:
        m.msg_controllen = next(state) % sizeof ancillary;
        if (recvmsg(fd, &m, flags) < 0)
            break;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
            if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
                for (size_t i = 0; CMSG_LEN(4 * i + 4) <= c->cmsg_len; i++)
                    memcpy(&value, CMSG_DATA(c) + 4 * i, 4), keep(next(state), value);
        break;
    case 28: keep(next(state), dup(fd)); break;
    case 29: get_file("/proc/net/unix", some, sizeof some); break;
    default: keep(r, -1); close(__atomic_exchange_n(&slots[r % SLOTS], -1, __ATOMIC_SEQ_CST));
    }
}
static void *spree(void *seed) {
    uint64_t state = (uintptr_t)seed * 0x9e3779b97f4a7c15u + 1;
    for (int i = 0; i < (full() ? 30000 : 1500); i++)
        one_call(&state);
    return NULL;
}
static long sockets(void) {
    static char all[1 << 20];
    long lines = 0;
    get_file("/proc/net/unix", all, sizeof all);
    for (char *at = all; (at = strchr(at, '\n')); at++)
        lines++;
    return lines;
}
/* A process that dies in the middle of it, if it is told to. */
static void process(unsigned seed, int dies) {
    pthread_t threads[THREADS];
    for (int i = 0; i < SLOTS; i++)
        slots[i] = -1;
    signal(SIGPIPE, SIG_IGN);
    alarm(200);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, spree, (void *)(seed * 16 + i));
    if (dies)
        pause_ms(seed % 40), kill(getpid(), SIGKILL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    _exit(0);
}
static void tests(void) {
    const char *text = getenv("GAON_SEED");
    unsigned seed = text ? strtoul(text, NULL, 0) : 1;
    int rounds = full() ? 40 : 4, status, good = 0;
    long before = sockets();
    begin("calls made up from seeds");
    fflush(stdout);
    for (int i = 0; i < rounds; i++) {
        pid_t one = fork();
        if (!one)
            process(seed * 1000 + 2 * i, i % 3 == 2);
        pid_t two = fork();
        if (!two)
            process(seed * 1000 + 2 * i + 1, 0);
        waitpid(one, &status, 0);
        good += i % 3 == 2 ? killed(status, SIGKILL) || exited(status, 0) : exited(status, 0);
        waitpid(two, &status, 0);
        good += exited(status, 0);
    }
    is(good, 2 * rounds);
    begin("no socket is left");
    int p[2];
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
    close(p[0]), close(p[1]);
    for (int i = 0; i < 50 && sockets() != before; i++)
        pause_ms(100);
    is(sockets(), before);
}
