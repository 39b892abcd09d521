/* splice(2) between pipes and connected sockets: AF_UNIX and TCP over 127.0.0.1. */
// test: smp=2
#include "inet.h"

enum { SIZE = 60000 };
static char block[SIZE], back[SIZE];

static void tcp_pair(int sv[2]) {
    int listener = opened(SOCK_STREAM);
    works(bound_to(listener, "127.0.0.1", 0));
    works(listen(listener, 1));
    sv[0] = opened(SOCK_STREAM);
    works(connected_to(sv[0], "127.0.0.1", port_of(listener)));
    sv[1] = works(accept(listener, NULL, NULL));
    for (int i = 0; i < 2; i++)
        works(set(sv[i], IPPROTO_TCP, TCP_NODELAY, 1));
    close(listener);
}
static void pair(int family, int sv[2]) {
    if (family == AF_INET)
        tcp_pair(sv);
    else
        works(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
}
static void *writes_later(void *fd) {
    pause_ms(50);
    (void)!write(*(int *)fd, "late", 4);
    return NULL;
}
static void *drains(void *fd) {
    long at = 0, n;
    while (at < SIZE && (n = read(*(int *)fd, back + at, SIZE - at)) > 0)
        at += n;
    return (void *)at;
}

static void of(int family) {
    int p[2], q[2], sv[2];
    pthread_t thread;
    void *got;
    loff_t from = 0;
    char text[8];
    works(pipe(p)), works(pipe(q));
    pair(family, sv);

    begin(family == AF_UNIX ? "AF_UNIX: there and back" : "TCP: there and back");
    is(write(p[1], block, SIZE), SIZE);
    pthread_create(&thread, NULL, drains, &sv[1]);
    for (long left = SIZE, n; left > 0; left -= n)
        if ((n = works(splice(p[0], NULL, sv[0], NULL, left, SPLICE_F_MOVE))) <= 0)
            return;
    pthread_join(thread, &got);
    is((long)got, SIZE);
    is(memcmp(block, back, SIZE), 0);
    is(write(sv[1], block, 9000), 9000);
    memset(back, 0, 9000);
    for (long done = 0, n; done < 9000; done += n) {
        yes(ready_soon(sv[0], POLLIN) & POLLIN);
        n = works(splice(sv[0], NULL, q[1], NULL, SIZE, SPLICE_F_MOVE));
        if (n <= 0 || n > 9000 - done || read(q[0], back + done, n) != n)
            return check_fail(__LINE__, "splice", n, "what there is", errno);
    }
    is(memcmp(block, back, 9000), 0);

    begin(family == AF_UNIX ? "AF_UNIX: waiting" : "TCP: waiting");
    pthread_create(&thread, NULL, writes_later, &sv[1]);
    is(splice(sv[0], NULL, q[1], NULL, 4096 * 3, 0), 4);
    pthread_join(thread, NULL);
    is(read(q[0], text, 8), 4);
    works(fcntl(sv[0], F_SETFL, O_NONBLOCK));
    fails(splice(sv[0], NULL, q[1], NULL, 100, 0), EAGAIN);
    works(fcntl(sv[0], F_SETFL, 0));
    struct sigaction catch = {.sa_handler = on_signal};
    sigaction(SIGALRM, &catch, NULL);
    struct itimerval soon = {.it_value.tv_usec = 50000};
    setitimer(ITIMER_REAL, &soon, NULL);
    fails(splice(sv[0], NULL, q[1], NULL, 100, family == AF_UNIX ? 0 : SPLICE_F_NONBLOCK), EINTR);
    if (family == AF_UNIX)
        fails(splice(sv[0], NULL, q[1], NULL, 100, SPLICE_F_NONBLOCK), EAGAIN);
    works(fcntl(q[1], F_SETPIPE_SZ, 4096));
    is(write(q[1], block, 4096), 4096);
    is(write(sv[1], "x", 1), 1);
    yes(ready_soon(sv[0], POLLIN) & POLLIN);
    fails(splice(sv[0], NULL, q[1], NULL, 100, SPLICE_F_NONBLOCK), EAGAIN);
    is(read(q[0], back, 4096), 4096);
    is(splice(sv[0], NULL, q[1], NULL, 100, SPLICE_F_NONBLOCK), 1);
    is(read(q[0], back, 4096), 1);
    is(write(p[1], "abc", 3), 3);
    fails(splice(p[0], &from, sv[0], NULL, 3, 0), ESPIPE);
    fails(splice(p[0], NULL, sv[0], &from, 3, 0), EINVAL);
    fails(splice(sv[0], &from, p[1], NULL, 3, 0), EINVAL);
    fails(splice(sv[0], NULL, sv[1], NULL, 3, 0), EINVAL);
    is(splice(p[0], NULL, sv[0], NULL, 2, 0), 2);
    yes(ready_soon(sv[1], POLLIN) & POLLIN);
    is(read(sv[1], text, 8), 2);
    is(read(p[0], text, 8), 1);

    begin(family == AF_UNIX ? "AF_UNIX: a full socket" : "TCP: a full socket");
    works(fcntl(sv[0], F_SETFL, O_NONBLOCK));
    long sent = 0, n = 0;
    int error = 0;
    do {
        sent += n;
        is(write(p[1], block, 4096), 4096);
        n = splice(p[0], NULL, sv[0], NULL, 4096, 0);
        error = errno;
        if (n > 0 && n < 4096)
            sent += n, n = -1, error = EAGAIN;
    } while (n == 4096 && sent < 64 << 20);
    is(n, -1);
    is(error, EAGAIN);
    yes(sent > 0);
    works(fcntl(sv[0], F_SETFL, 0));

    begin(family == AF_UNIX ? "AF_UNIX: ends that are gone" : "TCP: ends that are gone");
    works(shutdown(sv[0], SHUT_WR));
    signal(SIGPIPE, SIG_IGN);
    fails(splice(p[0], NULL, sv[0], NULL, 10, 0), EPIPE);
    signal(SIGPIPE, SIG_DFL);
    yes(killed(in_child(splice(p[0], NULL, sv[0], NULL, 10, 0)), SIGPIPE));
    works(shutdown(sv[1], SHUT_WR));
    is(splice(sv[0], NULL, q[1], NULL, 10, 0), 0);
    for (int i = 0; i < 2; i++)
        close(p[i]), close(q[i]), close(sv[i]);
}

static void tests(void) {
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = i * 7 + (i >> 8);
    int before = flags_of("lo");
    works(set_flags("lo", before | IFF_UP));
    of(AF_UNIX);
    of(AF_INET);

    begin("a socket that nobody is connected to");
    static const int families[] = {AF_UNIX, AF_INET};
    for (int i = 0; i < 2; i++) {
        int p[2], fd = works(socket(families[i], SOCK_STREAM, 0));
        works(pipe(p));
        is(write(p[1], "a", 1), 1);
        signal(SIGPIPE, SIG_IGN);
        fails(splice(p[0], NULL, fd, NULL, 1, 0), families[i] == AF_UNIX ? ENOTCONN : EPIPE);
        signal(SIGPIPE, SIG_DFL);
        fails(splice(fd, NULL, p[1], NULL, 1, 0), families[i] == AF_UNIX ? EINVAL : ENOTCONN);
        close(p[0]), close(p[1]), close(fd);
    }
    works(set_flags("lo", before));
}
