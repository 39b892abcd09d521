/* splice(2) between pipes and connected sockets: AF_UNIX and TCP over 127.0.0.1. */
// test: smp=2
#include "check.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { SIZE = 60000 };
static char block[SIZE], back[SIZE];

static void loopback_up(void) {
    struct ifreq lo = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    ioctl(fd, SIOCGIFFLAGS, &lo);
    lo.ifr_flags |= IFF_UP;
    ioctl(fd, SIOCSIFFLAGS, &lo);
    close(fd);
}
static void tcp_pair(int sv[2]) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int one = 1, listener = works(socket(AF_INET, SOCK_STREAM, 0));
    works(bind(listener, (struct sockaddr *)&at, len));
    works(listen(listener, 1));
    works(getsockname(listener, (struct sockaddr *)&at, &len));
    sv[0] = works(socket(AF_INET, SOCK_STREAM, 0));
    works(connect(sv[0], (struct sockaddr *)&at, len));
    sv[1] = works(accept(listener, NULL, NULL));
    for (int i = 0; i < 2; i++)
        setsockopt(sv[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    close(listener);
}
static void pair(int family, int sv[2]) {
    if (family == AF_INET)
        tcp_pair(sv);
    else
        works(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
}
/* Data that was sent is there to be received. */
static void arrived(int fd) {
    struct pollfd p = {fd, POLLIN, 0};
    is(poll(&p, 1, 5000), 1);
}
static int own_end;
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
static void on_alarm(int sig) { own_end = sig; }

static void of(int family) {
    int p[2], q[2], sv[2];
    pthread_t thread;
    void *got;
    loff_t at = 0;
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
        arrived(sv[0]);
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
    struct sigaction catch = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &catch, NULL);
    struct itimerval soon = {.it_value.tv_usec = 50000};
    setitimer(ITIMER_REAL, &soon, NULL);
    fails(splice(sv[0], NULL, q[1], NULL, 100, family == AF_UNIX ? 0 : SPLICE_F_NONBLOCK), EINTR);
    if (family == AF_UNIX)
        fails(splice(sv[0], NULL, q[1], NULL, 100, SPLICE_F_NONBLOCK), EAGAIN);
    works(fcntl(q[1], F_SETPIPE_SZ, 4096));
    is(write(q[1], block, 4096), 4096);
    is(write(sv[1], "x", 1), 1);
    arrived(sv[0]);
    fails(splice(sv[0], NULL, q[1], NULL, 100, SPLICE_F_NONBLOCK), EAGAIN);
    is(read(q[0], back, 4096), 4096);
    is(splice(sv[0], NULL, q[1], NULL, 100, SPLICE_F_NONBLOCK), 1);
    is(read(q[0], back, 4096), 1);
    is(write(p[1], "abc", 3), 3);
    fails(splice(p[0], &at, sv[0], NULL, 3, 0), ESPIPE);
    fails(splice(p[0], NULL, sv[0], &at, 3, 0), EINVAL);
    fails(splice(sv[0], &at, p[1], NULL, 3, 0), EINVAL);
    fails(splice(sv[0], NULL, sv[1], NULL, 3, 0), EINVAL);
    is(splice(p[0], NULL, sv[0], NULL, 2, 0), 2);
    arrived(sv[1]);
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
    loopback_up();
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
}
