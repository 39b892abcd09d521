// AF_UNIX control messages: descriptors, who sent them, limits, circles that nobody can receive any more.
// test: smp=2 limit=200
#include "unix.h"

static char text[100];
static union { char bytes[2048]; struct cmsghdr head; } space;

/* Sends `data` with the descriptors. */
static long send_fds(int to, const char *data, const int *fds, int count, int flags) {
    struct iovec v = {(void *)data, strlen(data)};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &space};
    m.msg_controllen = CMSG_SPACE(count * sizeof(int));
    memset(&space, 0, sizeof space);
    space.head = (struct cmsghdr){CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(&space.head), fds, count * sizeof(int));
    return sendmsg(to, &m, flags);
}
static long send_fd(int to, int fd) { return send_fds(to, "x", &fd, 1, MSG_DONTWAIT); }

static struct msghdr got;
/* Receives up to `len` bytes and a control buffer of `room`. */
static long receive(int from, int len, int room, int flags) {
    static struct iovec v;
    v = (struct iovec){text, len};
    memset(&space, 0x5a, sizeof space);
    got = (struct msghdr){.msg_iov = &v, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = room};
    return recvmsg(from, &got, flags);
}
/* How many descriptors came; they go to `fds`. */
static int count_fds(int *fds) {
    int n = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&got); c; c = CMSG_NXTHDR(&got, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            int here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            memcpy(fds + n, CMSG_DATA(c), here * sizeof(int));
            n += here;
        }
    return n;
}
static int take_fd(int from) {
    int fds[300];
    if (receive(from, 1, 1000, MSG_DONTWAIT) != 1 || count_fds(fds) != 1)
        return -1;
    return fds[0];
}
static int is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }
/* How many sockets there are: what nobody has any more is gone. */
static long open_count(void) {
    static char all[1 << 22];
    long lines = 0;
    get_file("/proc/net/unix", all, sizeof all);
    for (char *at = all; (at = strchr(at, '\n')); at++)
        lines++;
    return lines;
}

/* The same, once a socket was closed: only then the kernel looks for those that nobody can receive any more. */
static long count_left(long wanted) {
    int p[2];
    for (int i = 0; i < 50; i++) {
        works(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
        close(p[0]), close(p[1]);
        if (open_count() == wanted)
            break;
        pause_ms(20);
    }
    return open_count();
}

static void descriptors(int kind) {
    int p[2], q[2], fds[300], many[254];
    long before = open_count();
    works(socketpair(AF_UNIX, kind, 0, p));
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, q));
    is(send_fds(p[0], "one", q, 2, 0), 3);
    is(receive(p[1], 10, 1000, 0), 3);
    is(got.msg_controllen, CMSG_SPACE(8)); is(space.head.cmsg_len, CMSG_LEN(8)); is(got.msg_flags, 0);
    is(count_fds(fds), 2);
    is(write(fds[1], "through", 7), 7); is(read(q[0], text, 10), 7);
    is(fcntl(fds[0], F_GETFD), 0);
    close(fds[0]), close(fds[1]);
    is(send_fds(p[0], "two", q, 2, 0), 3);
    is(receive(p[1], 10, 1000, MSG_CMSG_CLOEXEC), 3); is(got.msg_flags, MSG_CMSG_CLOEXEC);
    is(count_fds(fds), 2); is(fcntl(fds[0], F_GETFD), FD_CLOEXEC); is(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
    close(fds[0]), close(fds[1]);
    is(send_fds(p[0], "cut", q, 2, 0), 3);
    is(receive(p[1], 10, CMSG_LEN(4), 0), 3); is(got.msg_flags, MSG_CTRUNC); is(got.msg_controllen, CMSG_LEN(4));
    is(count_fds(fds), 1);
    close(fds[0]);
    is(send_fds(p[0], "cut", q, 2, 0), 3);
    is(receive(p[1], 10, CMSG_LEN(0), 0), 3); is(got.msg_flags, MSG_CTRUNC); is(got.msg_controllen, 0);
    is(send_fds(p[0], "cut", q, 2, 0), 3);
    is(receive(p[1], 10, 0, 0), 3); is(got.msg_flags, MSG_CTRUNC);
    is(send_fds(p[0], "cut", q, 2, 0), 3);
    is(read(p[1], text, 10), 3);
    is(send_fds(p[0], "look", q, 1, 0), 4);
    is(receive(p[1], 10, 1000, MSG_PEEK), 4); is(count_fds(fds), 1);
    close(fds[0]);
    is(receive(p[1], 10, 1000, 0), 4); is(count_fds(fds), 1);
    close(fds[0]);
    for (int i = 0; i < 254; i++)
        many[i] = q[0];
    fails(send_fds(p[0], "x", many, 254, 0), EINVAL);
    is(send_fds(p[0], "x", many, 253, 0), 1);
    is(receive(p[1], 10, 2000, 0), 1); is(count_fds(fds), 253);
    for (int i = 0; i < 253; i++)
        close(fds[i]);
    many[1] = 999;
    fails(send_fds(p[0], "x", many, 2, 0), EBADF);
    many[1] = -1;
    fails(send_fds(p[0], "x", many, 2, 0), EBADF);
    is(send_fds(p[0], "none", many, 0, 0), 4);
    is(receive(p[1], 10, 1000, 0), 4); is(got.msg_controllen, 0);
    struct rlimit old, little;
    getrlimit(RLIMIT_NOFILE, &old);
    is(send_fds(p[0], "full", q, 2, 0), 4);
    little = (struct rlimit){q[1] + 1, old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &little);
    is(receive(p[1], 10, 1000, 0), 4); is(got.msg_flags, MSG_CTRUNC); is(got.msg_controllen, 0);
    setrlimit(RLIMIT_NOFILE, &old);
    is(send_fds(p[0], "lost", q, 2, 0), 4);
    close(p[0]), close(p[1]), close(q[0]), close(q[1]);
    is(open_count(), before);
}
static void streams(void) {
    int p[2], q[2], fds[300];
    begin("descriptors end what one call receives");
    works(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p));
    works(pipe(q));
    is(write(p[0], "ab", 2), 2);
    is(send_fds(p[0], "cd", q, 1, 0), 2);
    is(write(p[0], "ef", 2), 2);
    is(receive(p[1], 100, 1000, 0), 4); is(count_fds(fds), 1);
    close(fds[0]);
    is(receive(p[1], 100, 1000, 0), 2); is(count_fds(fds), 0);
    is(send_fds(p[0], "cd", q, 1, 0), 2);
    is(send_fds(p[0], "ef", q, 1, 0), 2);
    is(receive(p[1], 1, 1000, 0), 1); is(count_fds(fds), 1);
    close(fds[0]);
    is(receive(p[1], 100, 1000, 0), 3); is(count_fds(fds), 1);
    close(fds[0]);
    is(send_fds(p[0], "", q, 1, 0), 0);
    fails(receive(p[1], 100, 1000, 0), EAGAIN);
    begin("the sender may close what it sent");
    is(send_fds(p[0], "x", &q[1], 1, 0), 1);
    close(q[1]);
    int fd = take_fd(p[1]);
    is(write(fd, "still", 5), 5); is(read(q[0], text, 10), 5);
    close(fd);
    is(read(q[0], text, 10), 0);
    begin("a place alone can be sent");
    fd = works(open("/", O_PATH));
    is(send_fd(p[0], fd), 1);
    close(fd);
    fd = take_fd(p[1]);
    struct stat st;
    works(fstat(fd, &st));
    close(fd), close(p[0]), close(p[1]), close(q[0]);
}
static void hostile(void) {
    int p[2];
    begin("control messages that make no sense");
    works(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, p));
    struct iovec v = {"x", 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = 64};
    const size_t lens[] = {0, 1, 15, 65, 1000, 1ul << 31, 1ul << 32, ~0ul, ~0ul - 7};
    for (unsigned i = 0; i < sizeof lens / sizeof *lens; i++) {
        memset(&space, 0, sizeof space);
        space.head = (struct cmsghdr){lens[i], SOL_SOCKET, SCM_RIGHTS};
        fails(sendmsg(p[0], &m, 0), EINVAL);
    }
    space.head = (struct cmsghdr){16, SOL_SOCKET, 77};
    fails(sendmsg(p[0], &m, 0), EINVAL);
    space.head = (struct cmsghdr){16, 12345, 77};
    m.msg_controllen = 16;
    is(sendmsg(p[0], &m, 0), 1);
    m.msg_controllen = 15;
    is(sendmsg(p[0], &m, 0), 1);
    m.msg_controllen = 1 << 20;
    fails(sendmsg(p[0], &m, 0), ENOBUFS);
    m.msg_controllen = ~0ul;
    fails(sendmsg(p[0], &m, 0), ENOBUFS);
    m.msg_controllen = 64;
    m.msg_control = bad;
    fails(sendmsg(p[0], &m, 0), EFAULT);
    m.msg_control = &space;
    m.msg_iovlen = 1025;
    fails(sendmsg(p[0], &m, 0), EMSGSIZE);
    fails(sendmsg(p[0], bad, 0), EFAULT);
    fails(recvmsg(p[1], bad, 0), EFAULT);
    begin("descriptors where the receiver has no memory");
    int fds[2];
    long before = open_count();
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    while (recv(p[1], text, 10, 0) >= 0) {}
    is(send_fds(p[0], "x", fds, 2, 0), 1);
    close(fds[0]), close(fds[1]);
    m = (struct msghdr){.msg_iov = &(struct iovec){text, 10}, .msg_iovlen = 1, .msg_control = bad, .msg_controllen = 100};
    is(recvmsg(p[1], &m, 0), 1);
    is(m.msg_flags, MSG_CTRUNC);
    is(open_count(), before);
    close(p[0]), close(p[1]);
}
static long send_as(int to, int pid, int uid, int gid) {
    struct iovec v = {"x", 1};
    struct ucred c = {pid, uid, gid};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = CMSG_SPACE(sizeof c)};
    space.head = (struct cmsghdr){CMSG_LEN(sizeof c), SOL_SOCKET, SCM_CREDENTIALS};
    memcpy(CMSG_DATA(&space.head), &c, sizeof c);
    return sendmsg(to, &m, MSG_DONTWAIT);
}
static struct ucred sender(int from) {
    struct ucred c = {-2, -2, -2};
    if (receive(from, 100, 1000, MSG_DONTWAIT) > 0 && got.msg_controllen >= CMSG_LEN(sizeof c) &&
        space.head.cmsg_type == SCM_CREDENTIALS && space.head.cmsg_len == CMSG_LEN(sizeof c))
        memcpy(&c, CMSG_DATA(&space.head), sizeof c);
    return c;
}
static void credentials(int kind) {
    int p[2], on = 1, fds[300];
    works(socketpair(AF_UNIX, kind, 0, p));
    is(write(p[0], "x", 1), 1);
    works(setsockopt(p[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    is(told(p[1], SO_PASSCRED), 1); is(told(p[0], SO_PASSCRED), 0);
    struct ucred c = sender(p[1]);
    if (kind != SOCK_DGRAM) {
        is(c.pid, 0); is(c.uid, 65534); is(c.gid, 65534);
    }
    is(write(p[0], "x", 1), 1);
    c = sender(p[1]);
    is(c.pid, getpid()); is(c.uid, getuid()); is(c.gid, getgid());
    is(send_as(p[0], getpid(), getuid(), getgid()), 1);
    c = sender(p[1]);
    is(c.pid, getpid());
    is(send_as(p[0], 1, 1234, 4321), 1);
    c = sender(p[1]);
    is(c.pid, 1); is(c.uid, 1234); is(c.gid, 4321);
    fails(send_as(p[0], 0x3ffffff, 0, 0), ESRCH);
    fails(send_as(p[0], getpid(), -1, 0), EINVAL);
    is(write(p[0], "x", 1), 1);
    is(receive(p[1], 10, CMSG_LEN(4), 0), 1); is(got.msg_flags, MSG_CTRUNC); is(space.head.cmsg_len, CMSG_LEN(4));
    int status = in_child({
        if (setgid(1000) || setuid(1000))
            _exit(9);
        if (send_as(p[0], getpid(), 0, 1000) >= 0 || errno != EPERM)
            _exit(1);
        if (send_as(p[0], getpid(), 1000, 0) >= 0 || errno != EPERM)
            _exit(2);
        if (send_as(p[0], 1, 1000, 1000) >= 0 || errno != EPERM)
            _exit(3);
        if (send_as(p[0], getpid(), 1000, 1000) != 1)
            _exit(4);
    });
    yes(exited(status, 0));
    c = sender(p[1]);
    is(c.uid, 1000); is(c.gid, 1000);
    is(send_fd(p[0], p[0]), 1);
    is(receive(p[1], 10, 1000, 0), 1);
    is(space.head.cmsg_type, SCM_CREDENTIALS); is(count_fds(fds), 1);
    close(fds[0]);
    if (kind == SOCK_STREAM) {
        is(write(p[0], "mine", 4), 4);
        is(send_as(p[0], 1, 1, 1), 1);
        is(receive(p[1], 10, 1000, 0), 4);
        is(receive(p[1], 10, 1000, 0), 1);
    }
    close(p[0]), close(p[1]);
}
/* How many more a user may have on the way than open. */
static void limits(void) {
    int p[2], q[2];
    begin("more on the way than may be open");
    long before = open_count();
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, q));
    fflush(stdout);
    int status = in_child({
        struct rlimit little = {64, 64};
        int n = 0;
        int twenty[20];
        for (int i = 0; i < 20; i++)
            twenty[i] = q[0];
        if (setrlimit(RLIMIT_NOFILE, &little) || setgid(1000) || setuid(1000))
            _exit(9);
        while (n < 10 && send_fds(p[0], "x", twenty, 20, MSG_DONTWAIT) == 1)
            n++;
        if (errno != ETOOMANYREFS)
            _exit(100);
        _exit(n);
    });
    yes(exited(status, 4));
    for (int i = 0; i < 4; i++)
        is(read(p[1], text, 1), 1);
    status = in_child({
        if (setgid(1000) || setuid(1000) || send_fd(p[0], q[0]) != 1)
            _exit(1);
    });
    yes(exited(status, 0));
    close(take_fd(p[1]));
    close(p[0]), close(p[1]), close(q[0]), close(q[1]);
    is(open_count(), before);
}
static void circles(void) {
    int p[2], q[2], w[2];
    long before;
    begin("a socket in its own queue");
    before = open_count();
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
    is(send_fd(p[0], p[1]), 1); is(send_fd(p[0], p[0]), 1);
    close(p[0]), close(p[1]);
    is(count_left(before), before);
    begin("two pairs in each other's queues, with a pipe");
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
    works(socketpair(AF_UNIX, SOCK_DGRAM, 0, q));
    works(pipe(w));
    is(send_fd(p[0], q[1]), 1); is(send_fd(q[0], p[1]), 1); is(send_fd(p[0], w[1]), 1); is(send_fd(q[0], q[0]), 1);
    is(send_fd(q[0], p[0]), 1);
    close(p[0]), close(p[1]), close(q[0]), close(w[1]);
    yes(open_count() > before);
    close(q[1]);
    is(count_left(before), before);
    is(read(w[0], text, 1), 0);
    close(w[0]);
    begin("a circle that somebody can still receive from");
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, q));
    is(send_fd(p[0], q[1]), 1); is(send_fd(q[0], p[1]), 1);
    close(q[1]), close(p[0]), close(q[0]);
    w[0] = take_fd(p[1]);
    yes(is_open(w[0]));
    close(p[1]);
    int fd = take_fd(w[0]);
    yes(is_open(fd));
    close(fd), close(w[0]);
    is(count_left(before), before);
    begin("a circle by a look");
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
    is(send_fd(p[0], p[1]), 1);
    is(receive(p[1], 1, 1000, MSG_PEEK), 1);
    int fds[4];
    is(count_fds(fds), 1);
    close(p[1]), close(p[0]);
    fd = take_fd(fds[0]);
    yes(is_open(fd));
    close(fd), close(fds[0]);
    is(count_left(before), before);
    begin("in a connection that nobody accepted");
    struct sockaddr_un a = abstract_of("circle");
    int server = opened(SOCK_STREAM), client = opened(SOCK_STREAM);
    works(bind(server, (void *)&a, none_len(&a)));
    works(listen(server, 5));
    works(connect(client, (void *)&a, none_len(&a)));
    is(send_fd(client, server), 1);
    close(server);
    int second = opened(SOCK_STREAM);
    works(connect(second, (void *)&a, none_len(&a)));
    close(client), close(second);
    is(count_left(before), before);
    begin("a long row, each in the next one's queue");
    int row = full() ? 20000 : 2000;
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
    for (int i = 0; i < row; i++) {
        works(socketpair(AF_UNIX, SOCK_STREAM, 0, q));
        is(send_fd(q[0], p[1]), 1);
        close(p[0]), close(p[1]);
        p[0] = q[0], p[1] = q[1];
    }
    yes(open_count() >= before + row);
    close(p[0]), close(p[1]);
    is(count_left(before), before);
}
static void *juggles(void *seed) {
    unsigned state = (long)seed;
    int pair[4][2];
    for (int i = 0; i < 4; i++)
        socketpair(AF_UNIX, i & 1 ? SOCK_DGRAM : SOCK_STREAM, 0, pair[i]);
    char byte, control[64];
    for (int i = 0; i < (full() ? 100000 : 4000); i++) {
        state = state * 1103515245 + 12345;
        int a = state >> 16 & 3, side = state >> 18 & 1, b = state >> 19 & 3, other = state >> 21 & 1;
        struct iovec v = {&byte, 1};
        struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(4)};
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        if (state >> 22 & 1) {
            *c = (struct cmsghdr){CMSG_LEN(4), SOL_SOCKET, SCM_RIGHTS};
            memcpy(CMSG_DATA(c), &pair[b][other], 4);
            sendmsg(pair[a][side], &m, MSG_DONTWAIT | MSG_NOSIGNAL);
        } else if (state >> 23 & 3) {
            int fd, flags = MSG_DONTWAIT | (state >> 26 & 1 ? MSG_PEEK : 0);
            if (recvmsg(pair[a][side], &m, flags) > 0 && m.msg_controllen >= CMSG_LEN(4)) {
                memcpy(&fd, CMSG_DATA(c), 4);
                close(fd);
            }
        } else {
            close(pair[a][0]), close(pair[a][1]);
            socketpair(AF_UNIX, state >> 25 & 1 ? SOCK_DGRAM : SOCK_STREAM, 0, pair[a]);
        }
    }
    for (int i = 0; i < 4; i++)
        close(pair[i][0]), close(pair[i][1]);
    return NULL;
}
static void tests(void) {
    begin("descriptors by streams");
    descriptors(SOCK_STREAM);
    begin("descriptors by datagrams");
    descriptors(SOCK_DGRAM);
    begin("descriptors by packets");
    descriptors(SOCK_SEQPACKET);
    streams();
    hostile();
    begin("who sent a stream");
    credentials(SOCK_STREAM);
    begin("who sent a datagram");
    credentials(SOCK_DGRAM);
    begin("who sent a packet");
    credentials(SOCK_SEQPACKET);
    limits();
    circles();
    begin("many threads send sockets to and fro");
    long before = open_count();
    pthread_t threads[4];
    for (long i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, juggles, (void *)(i + 7));
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    char release[100];
    get_file("/proc/sys/kernel/osrelease", release, sizeof release);
    long left = count_left(before);
    if (strstr(release, "gaon")) /* Linux 6.18 leaves some */
        is(left, before);
}
