// AF_UNIX sockets beside their data: /proc/net/unix, limits of /proc/sys/net, options, epoll, sendfile.
// test: smp=2
#include "unix.h"
#include <sys/epoll.h>
#include <sys/sendfile.h>

static char all[1 << 20];

/* The line of a socket in /proc/net/unix, from its count on; the first field is an address. */
static const char *line_of(int fd) {
    static char line[300];
    struct stat st;
    works(fstat(fd, &st));
    get_file("/proc/net/unix", all, sizeof all);
    char *rest = all, *at;
    while ((at = strsep(&rest, "\n"))) {
        unsigned count, protocol, flags, type, state;
        unsigned long address, inode;
        int end = 0;
        if (sscanf(at, "%lx: %x %x %x %x %x %lu%n", &address, &count, &protocol, &flags, &type, &state, &inode, &end) != 7 ||
            inode != st.st_ino)
            continue;
        yes(address);
        snprintf(line, sizeof line, "%08X %08X %08X %04X %02X%s", count, protocol, flags, type, state, at + end);
        return line;
    }
    return "none";
}
static int shows(int fd, const char *wanted) {
    const char *line = line_of(fd);
    if (strcmp(line, wanted))
        printf("# %s, not %s\n", line, wanted);
    return !strcmp(line, wanted);
}
static char state_of(int fd) { return line_of(fd)[33]; }
static void connected_datagrams(void) {
    int one = opened(SOCK_DGRAM), two = opened(SOCK_DGRAM), three = opened(SOCK_DGRAM);
    struct sockaddr_un to_two = path_of("aim-two"), to_three = path_of("aim-three"), nobody = {.sun_family = AF_UNSPEC};
    begin("datagrams are connected at both ends");
    works(bind(two, (void *)&to_two, sizeof to_two));
    works(bind(three, (void *)&to_three, sizeof to_three));
    is(state_of(one), '1'); is(state_of(two), '1');
    works(connect(one, (void *)&to_two, sizeof to_two));
    is(state_of(one), '3'); is(state_of(two), '3');
    works(connect(one, (void *)&to_three, sizeof to_three));
    is(state_of(one), '3'); is(state_of(two), '1'); is(state_of(three), '3');
    works(connect(one, (void *)&nobody, sizeof nobody));
    is(state_of(one), '1'); is(state_of(three), '1');
    /* Who talks to somebody itself stays connected. */
    works(connect(three, (void *)&to_two, sizeof to_two));
    works(connect(two, (void *)&to_three, sizeof to_three));
    works(connect(two, (void *)&nobody, sizeof nobody));
    is(state_of(two), '1'); is(state_of(three), '3');
    close(two);
    is(state_of(three), '3');
    fails(send(three, "x", 1, 0), ECONNREFUSED);
    is(state_of(three), '1');
    works(connect(one, (void *)&to_three, sizeof to_three));
    close(one);
    is(state_of(three), '3');
    close(three);
}
static void listed(void) {
    int p[2];
    begin("/proc/net/unix");
    get_file("/proc/net/unix", all, sizeof all);
    yes(!strncmp(all, "Num       RefCount Protocol Flags    Type St Inode Path\n", 56));
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
    yes(shows(p[0], "00000003 00000000 00000000 0001 03"));
    close(p[1]);
    yes(shows(p[0], "00000002 00000000 00000000 0001 03"));
    close(p[0]);
    works(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p));
    yes(shows(p[0], "00000003 00000000 00000000 0005 03"));
    close(p[0]), close(p[1]);
    int fd = opened(SOCK_DGRAM);
    yes(shows(fd, "00000002 00000000 00000000 0002 01"));
    struct sockaddr_un a = abstract_of("in\1proc");
    a.sun_path[3] = 0;
    works(bind(fd, (void *)&a, 2 + 8));
    yes(shows(fd, "00000002 00000000 00000000 0002 01 @in@proc"));
    close(fd);
    fd = opened(SOCK_STREAM);
    a = path_of("in-proc");
    works(bind(fd, (void *)&a, sizeof a));
    works(listen(fd, 3));
    yes(shows(fd, "00000002 00000000 00010000 0001 01 in-proc"));
    int client = opened(SOCK_STREAM), one;
    works(connect(client, (void *)&a, sizeof a));
    yes(shows(client, "00000003 00000000 00000000 0001 03"));
    one = works(accept(fd, NULL, NULL));
    yes(shows(one, "00000003 00000000 00000000 0001 03 in-proc"));
    close(one), close(client), close(fd);
    works(unlink("in-proc"));
    begin("/proc/net leads to the reader's own");
    char link[64] = "";
    works(readlink("/proc/net", link, sizeof link - 1));
    yes(!strcmp(link, "self/net"));
}
static void limits(void) {
    static const struct { const char *name, *value; } knobs[] = {{"unix/max_dgram_qlen", "10\n"}, {"core/somaxconn", "4096\n"},
        {"core/rmem_max", "212992\n"}, {"core/rmem_default", "212992\n"}, {"core/wmem_max", "212992\n"},
        {"core/wmem_default", "212992\n"}};
    char path[100], text[100];
    begin("limits");
    for (unsigned i = 0; i < sizeof knobs / sizeof *knobs; i++) {
        snprintf(path, sizeof path, "/proc/sys/net/%s", knobs[i].name);
        yes(get_file(path, text, sizeof text) > 0);
        yes(!strcmp(text, knobs[i].value));
    }
    int fd = works(open("/proc/sys/net/core/wmem_default", O_RDWR));
    is(write(fd, "100000\n", 7), 7);
    int made = opened(SOCK_STREAM);
    is(told(made, SO_SNDBUF), 100000);
    is(told(made, SO_RCVBUF), 212992);
    close(made);
    fails(pwrite(fd, "100\n", 4, 0), EINVAL);
    is(pwrite(fd, "212992\n", 7, 0), 7);
    close(fd);
}
static int set(int fd, int name, int value) { return setsockopt(fd, SOL_SOCKET, name, &value, sizeof value); }
static void options(void) {
    static const int switches[] = {SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST, SO_OOBINLINE, SO_DONTROUTE};
    begin("options");
    int fd = opened(SOCK_STREAM);
    fails(set(fd, SO_REUSEPORT, 1), EOPNOTSUPP);
    works(set(fd, SO_REUSEPORT, 0));
    is(told(fd, SO_REUSEPORT), 0);
    for (unsigned i = 0; i < sizeof switches / sizeof *switches; i++) {
        is(told(fd, switches[i]), 0);
        works(set(fd, switches[i], 5));
        is(told(fd, switches[i]), 1);
        works(set(fd, switches[i], 0));
        is(told(fd, switches[i]), 0);
    }
    is(told(fd, SO_SNDLOWAT), 1);
    fails(set(fd, SO_SNDLOWAT, 2), ENOPROTOOPT);
    is(told(fd, SO_RCVLOWAT), 1);
    works(set(fd, SO_RCVLOWAT, -3));
    is(told(fd, SO_RCVLOWAT), INT_MAX);
    works(set(fd, SO_RCVLOWAT, 0));
    is(told(fd, SO_RCVLOWAT), 1);
    works(set(fd, SO_PRIORITY, 5));
    is(told(fd, SO_PRIORITY), 5);
    struct { int on, seconds; } linger = {1, 7};
    socklen_t len = sizeof linger;
    works(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
    fails(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, 4), EINVAL);
    linger.on = linger.seconds = 0;
    works(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len));
    is(linger.on, 1); is(linger.seconds, 7); is(len, 8);
    fails(set(fd, SO_TYPE, 1), ENOPROTOOPT);
    fails(set(fd, SO_ERROR, 1), ENOPROTOOPT);
    close(fd);
}
static void *writes_twice(void *fd) {
    pause_ms(20);
    (void)!write(*(int *)fd, "ab", 2);
    pause_ms(20);
    (void)!write(*(int *)fd, "cd", 2);
    return NULL;
}
static void events(void) {
    int p[2];
    struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.u32 = 7}}, got[4];
    begin("epoll, edge by edge");
    works(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p));
    int epoll = works(epoll_create1(0));
    works(epoll_ctl(epoll, EPOLL_CTL_ADD, p[0], &event));
    is(epoll_wait(epoll, got, 4, 0), 1); is(got[0].events, EPOLLOUT);
    is(epoll_wait(epoll, got, 4, 0), 0);
    is(write(p[1], "a", 1), 1);
    is(epoll_wait(epoll, got, 4, 1000), 1); is(got[0].events, EPOLLIN | EPOLLOUT);
    is(epoll_wait(epoll, got, 4, 0), 0);
    is(write(p[1], "b", 1), 1);
    is(epoll_wait(epoll, got, 4, 1000), 1); is(got[0].events, EPOLLIN | EPOLLOUT);
    works(shutdown(p[1], SHUT_WR));
    is(epoll_wait(epoll, got, 4, 1000), 1); is(got[0].events, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    close(p[1]);
    is(epoll_wait(epoll, got, 4, 1000), 1); is(got[0].events, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP);
    close(p[0]), close(epoll);
    begin("room again is an edge");
    static char block[4096];
    char byte;
    works(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p));
    while (write(p[0], block, sizeof block) > 0) {}
    epoll = works(epoll_create1(0));
    works(epoll_ctl(epoll, EPOLL_CTL_ADD, p[0], &event));
    is(epoll_wait(epoll, got, 4, 0), 0);
    is(read(p[1], &byte, 1), 1);
    is(epoll_wait(epoll, got, 4, 0), 0);
    while (read(p[1], block, sizeof block) > 0) {}
    is(epoll_wait(epoll, got, 4, 1000), 1); is(got[0].events, EPOLLOUT);
    close(p[0]), close(p[1]), close(epoll);
    begin("SO_RCVLOWAT");
    pthread_t thread;
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
    works(set(p[0], SO_RCVLOWAT, 4));
    pthread_create(&thread, NULL, writes_twice, &p[1]);
    is(recv(p[0], block, 10, 0), 4);
    pthread_join(thread, NULL);
    is(write(p[1], "x", 1), 1);
    is(recv(p[0], block, 1, 0), 1);
    begin("sendfile to a socket");
    put_file("page", "what is sent");
    int fd = works(open("page", O_RDONLY));
    is(sendfile(p[0], fd, NULL, 100), 12);
    is(read(p[1], block, 100), 12);
    yes(!memcmp(block, "what is sent", 12));
    close(fd), close(p[0]), close(p[1]);
}
static void tests(void) {
    listed();
    connected_datagrams();
    limits();
    options();
    events();
}
