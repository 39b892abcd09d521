// Ten thousand AF_UNIX sockets at once, each with something in it; all of it is given back.
// test: smp=2 limit=200 alone append=mem=256M
#include "counts.h"
#include "unix.h"
#include <sys/epoll.h>

enum { PAIRS = 5000, NAMES = 300 };
static int fds[PAIRS][2];

static int raise_limit(void) {
    struct rlimit most = {20000, 20000};
    return setrlimit(RLIMIT_NOFILE, &most);
}
static void fill(int all) {
    int epoll = works(epoll_create1(0)), good = 0;
    struct epoll_event event = {EPOLLIN | EPOLLET, {0}};
    char byte;
    for (int i = 0; i < all; i++) {
        if (socketpair(AF_UNIX, i % 3 == 0 ? SOCK_DGRAM : i % 3 == 1 ? SOCK_SEQPACKET : SOCK_STREAM, 0, fds[i]))
            break;
        event.data.u64 = i;
        epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i][1], &event);
        good += write(fds[i][0], &i, sizeof i) == sizeof i;
    }
    is(good, all);
    for (int got, n = 0; n < all; n += got) {
        struct epoll_event events[64];
        got = epoll_wait(epoll, events, 64, 0);
        if (got <= 0) {
            is(n, all);
            break;
        }
    }
    for (int i = 0, number; i < all; i++)
        good -= read(fds[i][1], &number, sizeof number) == sizeof number && number == i;
    is(good, 0);
    fails(recv(fds[0][1], &byte, 1, MSG_DONTWAIT), EAGAIN);
    for (int i = 0; i < all; i++)
        close(fds[i][0]), close(fds[i][1]);
    close(epoll);
}
static void named(void) {
    int server[NAMES], client[NAMES], one;
    for (int i = 0; i < NAMES; i++) {
        char name[20];
        snprintf(name, sizeof name, i & 1 ? "s%d" : "%d", i);
        struct sockaddr_un a = i & 1 ? path_of(name) : abstract_of(name);
        server[i] = opened(SOCK_STREAM), client[i] = opened(SOCK_STREAM);
        works(bind(server[i], (void *)&a, sizeof a));
        works(listen(server[i], 1));
        works(connect(client[i], (void *)&a, sizeof a));
        (void)!write(client[i], "x", 1);
        if (i % 3 == 0) {
            one = works(accept(server[i], NULL, NULL));
            (void)!write(one, "unread", 6);
            close(one);
        }
        if (i & 1)
            works(unlink(name));
    }
    for (int i = 0; i < NAMES; i++)
        close(server[i]), close(client[i]);
}
static int all_of_it(int which) {
    (void)which;
    fill(100);
    named();
    return 0;
}
static void tests(void) {
    works(raise_limit());
    begin("ten thousand sockets");
    fill(PAIRS);
    begin("none of them leaves anything behind");
    open_counts();
    objects_alone = 2;
    must_leave_nothing(all_of_it, 0, 6);
}
