// AF_UNIX datagrams and sequenced packets: boundaries, addresses, full queues, who may talk to whom.
// test: smp=2 limit=120
#include "unix.h"

#define PLAIN (POLLOUT | POLLWRNORM | POLLWRBAND)
static char text[300000];

static int bound(int kind, const char *name) {
    int fd = opened(kind);
    struct sockaddr_un a = abstract_of(name);
    works(bind(fd, (void *)&a, none_len(&a)));
    return fd;
}
static long send_to(int fd, const char *what, const char *name) {
    struct sockaddr_un a = abstract_of(name);
    return sendto(fd, what, strlen(what), MSG_DONTWAIT, (void *)&a, none_len(&a));
}
static int aim(int fd, const char *name) {
    struct sockaddr_un a = abstract_of(name);
    return connect(fd, (void *)&a, none_len(&a));
}
static void *takes_late(void *fd) {
    char byte;
    pause_ms(30);
    (void)!read(*(int *)fd, &byte, 1);
    return NULL;
}
static void *sends_late(void *fd) {
    pause_ms(30);
    (void)!write(*(int *)fd, "late", 4);
    return NULL;
}
static void boundaries(int kind) {
    int p[2], value;
    struct msghdr m = {0};
    struct iovec v = {text, 3};
    works(socketpair(AF_UNIX, kind | SOCK_NONBLOCK, 0, p));
    is(ready(p[0]), PLAIN);
    is(send(p[0], "first", 5, 0), 5);
    is(send(p[0], "", 0, 0), 0);
    is(send(p[0], "second", 6, 0), 6);
    works(ioctl(p[1], FIONREAD, &value)); is(value, kind == SOCK_DGRAM ? 5 : 11);
    works(ioctl(p[0], TIOCOUTQ, &value)); is(value, 3 * 768);
    is(ready(p[1]), PLAIN | POLLIN | POLLRDNORM);
    is(recv(p[1], text, 100, MSG_PEEK), 5);
    is(recv(p[1], text, 2, MSG_PEEK | MSG_TRUNC), 5);
    m.msg_iov = &v, m.msg_iovlen = 1;
    is(recvmsg(p[1], &m, MSG_PEEK), 3); is(m.msg_flags, MSG_TRUNC);
    is(recv(p[1], text, 3, 0), 3); yes(!memcmp(text, "fir", 3));
    is(recv(p[1], text, 3, 0), 0);
    is(recvmsg(p[1], &m, MSG_TRUNC), 6); is(m.msg_flags, MSG_TRUNC); is(m.msg_namelen, 0);
    fails(recv(p[1], text, 3, 0), EAGAIN);
    is(read(p[1], text, 0), 0);
    fails(send(p[0], "x", 1, MSG_OOB), EOPNOTSUPP);
    fails(recv(p[1], text, 1, MSG_OOB), EOPNOTSUPP);
    works(ioctl(p[0], TIOCOUTQ, &value)); is(value, 0);
    fails(send(p[0], bad, 10, 0), EFAULT);
    fails(recv(p[1], text, 10, 0), EAGAIN);
    is(send(p[0], "lost", 4, 0), 4);
    fails(recv(p[1], bad, 10, 0), EFAULT);
    fails(recv(p[1], text, 10, 0), EAGAIN);
    close(p[0]), close(p[1]);
}
static void sizes(int kind) {
    int p[2], n, value = 1;
    works(socketpair(AF_UNIX, kind | SOCK_NONBLOCK, 0, p));
    memset(text, 'x', sizeof text);
    fails(send(p[0], text, 212992 - 31, 0), EMSGSIZE);
    is(send(p[0], text, 212992 - 32, 0), 212992 - 32);
    fails(send(p[0], text, 1, 0), EAGAIN);
    is(recv(p[1], text, sizeof text, 0), 212992 - 32);
    for (n = 0; send(p[0], "x", 1, 0) == 1; n++) {}
    is(n, 278);
    is(ready(p[0]), 0);
    close(p[0]), close(p[1]);
    works(socketpair(AF_UNIX, kind | SOCK_NONBLOCK, 0, p));
    works(setsockopt(p[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof value));
    fails(send(p[0], text, 4577, 0), EMSGSIZE);
    is(send(p[0], text, 4576, 0), 4576);
    close(p[0]), close(p[1]);
}
static void ends(void) {
    int p[2];
    signals = 0;
    signal(SIGPIPE, on_signal);
    begin("packets: the other end closes");
    works(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, p));
    is(send(p[0], "lost", 4, 0), 4); is(send(p[1], "kept", 4, 0), 4);
    close(p[1]);
    is(ready_for(p[0], -1), PLAIN | POLLIN | POLLRDNORM | POLLRDHUP | POLLHUP | POLLERR);
    fails(recv(p[0], text, 10, 0), ECONNRESET);
    is(recv(p[0], text, 10, 0), 4);
    is(recv(p[0], text, 10, 0), 0);
    fails(write(p[0], "x", 1), EPIPE);
    fails(send(p[0], "x", 1, 0), EPIPE);
    is(signals, 0);
    close(p[0]);
    begin("packets: shut down");
    works(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p));
    works(shutdown(p[0], SHUT_WR));
    is(recv(p[1], text, 10, 0), 0);
    is(recv(p[1], text, 10, MSG_DONTWAIT), 0);
    fails(send(p[0], "x", 1, 0), EPIPE);
    is(send(p[1], "x", 1, 0), 1);
    close(p[0]), close(p[1]);
    begin("datagrams: the other end closes");
    works(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, p));
    is(send(p[1], "lost", 4, 0), 4);
    close(p[1]);
    is(ready_for(p[0], -1), PLAIN | POLLIN | POLLRDNORM);
    fails(send(p[0], "x", 1, 0), ECONNREFUSED);
    fails(send(p[0], "x", 1, 0), ENOTCONN);
    fails(recv(p[0], text, 10, 0), EAGAIN);
    close(p[0]);
    begin("datagrams: shut down");
    works(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
    is(send(p[1], "kept", 4, 0), 4);
    works(shutdown(p[0], SHUT_RD));
    is(ready_for(p[0], -1), PLAIN | POLLIN | POLLRDNORM | POLLRDHUP);
    fails(send(p[1], "x", 1, 0), EPIPE);
    is(recv(p[0], text, 10, 0), 4);
    is(recv(p[0], text, 10, 0), 0);
    fails(recv(p[0], text, 10, MSG_DONTWAIT), EAGAIN);
    works(shutdown(p[0], SHUT_WR));
    fails(send(p[0], "x", 1, 0), EPIPE);
    is(ready_for(p[0], -1), PLAIN | POLLIN | POLLRDNORM | POLLRDHUP | POLLHUP);
    is(signals, 0);
    close(p[0]), close(p[1]);
    signal(SIGPIPE, SIG_DFL);
}
static void addresses(void) {
    struct sockaddr_un a;
    socklen_t len = sizeof a;
    begin("to a name");
    int one = bound(SOCK_DGRAM, "one"), two = bound(SOCK_DGRAM, "two"), nameless = opened(SOCK_DGRAM);
    fails(send(one, "x", 1, 0), ENOTCONN);
    fails(listen(one, 1), EOPNOTSUPP);
    fails(accept(one, NULL, NULL), EOPNOTSUPP);
    is(send_to(one, "hello", "two"), 5);
    is(recvfrom(two, text, 100, 0, (void *)&a, &len), 5);
    is(len, 6); yes(!memcmp(a.sun_path, "\0one", 4));
    is(send_to(nameless, "hi", "two"), 2);
    len = sizeof a;
    is(recvfrom(two, text, 100, 0, (void *)&a, &len), 2); is(len, 0);
    fails(send_to(one, "x", "three"), ECONNREFUSED);
    is(send_to(one, "self", "one"), 4);
    is(recv(one, text, 100, 0), 4);
    fails(sendto(one, "x", 1, 0, (void *)&a, 1), EINVAL);
    fails(sendto(one, "x", 1, 0, bad, 20), EFAULT);
    begin("an address that is cut");
    len = 3;
    is(send_to(one, "hello", "two"), 5);
    memset(&a, 'z', sizeof a);
    is(recvfrom(two, text, 100, 0, (void *)&a, &len), 5);
    is(len, 6); is(a.sun_path[0], 0); is(a.sun_path[1], 'z');
    begin("connected to a name");
    works(aim(one, "two"));
    is(send(one, "x", 1, 0), 1);
    len = sizeof a;
    works(getpeername(one, (void *)&a, &len)); is(len, 6);
    fails(getpeername(two, (void *)&a, &len), ENOTCONN);
    works(aim(two, "one"));
    fails(send_to(nameless, "x", "two"), EPERM);
    fails(aim(nameless, "two"), EPERM);
    is(recv(two, text, 100, 0), 1);
    begin("connected to nobody again");
    is(send(one, "lost", 4, 0), 4);
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    works(connect(two, &none, sizeof none));
    fails(recv(two, text, 100, MSG_DONTWAIT), EAGAIN);
    fails(send(two, "x", 1, 0), ENOTCONN);
    is(told(one, SO_ERROR), ECONNRESET);
    is(send_to(nameless, "x", "two"), 1);
    works(connect(two, &none, sizeof none));
    is(recv(two, text, 100, MSG_DONTWAIT), 1);
    close(one), close(two), close(nameless);
    begin("another kind is not found, or wrong");
    one = opened(SOCK_STREAM);
    a = path_of("stream");
    works(bind(one, (void *)&a, sizeof a));
    two = opened(SOCK_DGRAM);
    fails(connect(two, (void *)&a, sizeof a), EPROTOTYPE);
    fails(sendto(two, "x", 1, 0, (void *)&a, sizeof a), EPROTOTYPE);
    close(one), close(two);
    works(unlink("stream"));
}
static void queues(void) {
    int many[3], n;
    pthread_t thread;
    begin("strangers send no more than max_dgram_qlen and one");
    char old[20] = "";
    yes(get_file("/proc/sys/net/unix/max_dgram_qlen", old, sizeof old) > 0);
    put_file("/proc/sys/net/unix/max_dgram_qlen", "4");
    int server = bound(SOCK_DGRAM, "server");
    for (int i = 0; i < 3; i++)
        many[i] = opened(SOCK_DGRAM);
    for (n = 0; send_to(many[0], "x", "server") == 1; n++) {}
    is(n, 5);
    fails(send_to(many[1], "x", "server"), EAGAIN);
    works(aim(many[2], "server"));
    is(ready(many[0]), PLAIN);
    is(ready(many[2]), 0);
    fails(send(many[2], "x", 1, MSG_DONTWAIT), EAGAIN);
    struct timeval soon = {0, 20000};
    works(setsockopt(many[2], SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon));
    fails(send(many[2], "x", 1, 0), EAGAIN);
    begin("who waits is woken");
    struct pollfd p = {many[2], POLLOUT, 0};
    pthread_create(&thread, NULL, takes_late, &server);
    is(poll(&p, 1, 10000), 1); is(p.revents, POLLOUT);
    pthread_join(thread, NULL);
    is(send(many[2], "x", 1, 0), 1);
    soon = (struct timeval){0};
    works(setsockopt(many[2], SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon));
    pthread_create(&thread, NULL, takes_late, &server);
    is(send(many[2], "x", 1, 0), 1);
    pthread_join(thread, NULL);
    put_file("/proc/sys/net/unix/max_dgram_qlen", old);
    begin("who is connected back sends as much as there is room");
    int other = bound(SOCK_DGRAM, "other");
    works(aim(server, "other"));
    works(aim(other, "server"));
    for (n = 0; send(other, "x", 1, MSG_DONTWAIT) == 1; n++) {}
    is(n, 278);
    for (int i = 0; i < 3; i++)
        close(many[i]);
    close(server), close(other);
    begin("waiting for a message");
    int q[2];
    works(socketpair(AF_UNIX, SOCK_DGRAM, 0, q));
    pthread_create(&thread, NULL, sends_late, &q[1]);
    is(recv(q[0], text, 100, 0), 4);
    pthread_join(thread, NULL);
    close(q[0]), close(q[1]);
}
static void batches(void) {
    int p[2];
    struct mmsghdr m[5] = {0};
    struct iovec v[5];
    char in[5][4];
    begin("sendmmsg and recvmmsg");
    works(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
    for (int i = 0; i < 5; i++) {
        v[i] = (struct iovec){"abcde", i + 1};
        m[i].msg_hdr = (struct msghdr){.msg_iov = &v[i], .msg_iovlen = 1};
    }
    is(sendmmsg(p[0], m, 5, 0), 5);
    for (int i = 0; i < 5; i++) {
        is(m[i].msg_len, i + 1);
        v[i] = (struct iovec){in[i], 4};
    }
    is(recvmmsg(p[1], m, 3, 0, NULL), 3);
    is(recvmmsg(p[1], m + 3, 2, MSG_WAITFORONE, NULL), 2);
    is(m[3].msg_len, 4); is(m[4].msg_len, 4);
    is(m[3].msg_hdr.msg_flags, 0); is(m[4].msg_hdr.msg_flags, MSG_TRUNC);
    fails(recvmmsg(p[1], m, 5, MSG_DONTWAIT, NULL), EAGAIN);
    is(send(p[0], "x", 1, 0), 1);
    is(recvmmsg(p[1], m, 5, MSG_WAITFORONE, NULL), 1);
    close(p[1]);
    fails(sendmmsg(p[0], m, 2, 0), ECONNREFUSED);
    close(p[0]);
}
static void packets(void) {
    struct sockaddr_un a = abstract_of("packets");
    begin("packets need a connection");
    int server = bound(SOCK_SEQPACKET, "packets"), client = opened(SOCK_SEQPACKET);
    fails(send(client, "x", 1, 0), ENOTCONN);
    fails(recv(client, text, 1, 0), ENOTCONN);
    is(ready(client), PLAIN | POLLHUP);
    works(listen(server, 3));
    works(connect(client, (void *)&a, none_len(&a)));
    is(sendto(client, "to", 2, 0, (void *)&a, 1), 2);
    int one = works(accept(server, NULL, NULL));
    socklen_t len = sizeof a;
    is(recvfrom(one, text, 100, 0, (void *)&a, &len), 2); is(len, 0);
    is(send(one, "reply", 5, 0), 5);
    len = sizeof a;
    is(recvfrom(client, text, 100, 0, (void *)&a, &len), 5); is(len, 2 + 8);
    close(one), close(client), close(server);
}
static void tests(void) {
    begin("boundaries of datagrams");
    boundaries(SOCK_DGRAM);
    begin("boundaries of packets");
    boundaries(SOCK_SEQPACKET);
    begin("sizes of datagrams");
    sizes(SOCK_DGRAM);
    begin("sizes of packets");
    sizes(SOCK_SEQPACKET);
    ends();
    addresses();
    queues();
    batches();
    packets();
}
