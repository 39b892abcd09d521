// TCP over lo: connecting, data both ways, ends, resets, errors, options, waiting.
// test: smp=2 limit=240
#include "inet.h"
#include <sys/sendfile.h>

static char data[1 << 20], got[1 << 20];
#define FREE (POLLOUT | POLLWRNORM)
#define SOME (POLLIN | POLLRDNORM)

static int listener(int port, int backlog) {
    int fd = opened(SOCK_STREAM);
    set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    works(bound_to(fd, "127.0.0.1", port));
    works(listen(fd, backlog));
    return fd;
}
/* Two ends of a connection. */
static void pair(int *a, int *b) {
    int l = listener(0, 5);
    *a = opened(SOCK_STREAM);
    works(connected_to(*a, "127.0.0.1", port_of(l)));
    *b = works(accept(l, NULL, NULL));
    close(l);
}
static int state(int fd) {
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len)) return -errno;
    return info.tcpi_state;
}
/* Waits until it is in that state. */
static int becomes(int fd, int wanted) {
    for (int n = 0; n < 1000 && state(fd) != wanted; n++) pause_ms(5);
    return state(fd);
}

static void connecting(void) {
    struct sockaddr_in name;
    socklen_t len = sizeof name;
    begin("connect and accept");
    int l = listener(6000, 5);
    is(ready(l), 0);
    int a = opened(SOCK_STREAM);
    works(connected_to(a, "127.0.0.1", 6000));
    is(state(a), TCP_ESTABLISHED);
    is(ready_soon(l, POLLIN), POLLIN);
    int b = works(accept4(l, (void *)&name, &len, SOCK_CLOEXEC | SOCK_NONBLOCK));
    is(fcntl(b, F_GETFL), O_RDWR | O_NONBLOCK);
    is(len, 16); is(ntohs(name.sin_port), port_of(a)); is(name.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    works(getpeername(a, (void *)&name, &len)); is(ntohs(name.sin_port), 6000);
    works(getsockname(b, (void *)&name, &len)); is(ntohs(name.sin_port), 6000);
    works(getpeername(b, (void *)&name, &len)); is(ntohs(name.sin_port), port_of(a));
    is(ready(l), 0);
    is(ready(a), FREE); is(ready(b), FREE);
    fails(connected_to(a, "127.0.0.1", 6000), EISCONN);
    fails(listen(a, 1), EINVAL);
    fails(accept(a, NULL, NULL), EINVAL);
    fails(bound_to(a, "0.0.0.0", 0), EINVAL);
    fails(recv(b, got, 1, 0), EAGAIN);
    fails(recv(a, got, 1, MSG_DONTWAIT), EAGAIN);
    fails(recv(a, got, 1, MSG_OOB), EINVAL);
    fails(recv(a, got, 0, MSG_DONTWAIT), EAGAIN);
    close(a); close(b); close(l);

    begin("nobody listens");
    a = opened(SOCK_STREAM);
    fails(connected_to(a, "127.0.0.1", 6001), ECONNREFUSED);
    is(option_of(a, SOL_SOCKET, SO_ERROR), 0);
    fails(connected_to(a, "127.0.0.1", 6001), ECONNREFUSED);
    is(ready(a), FREE | POLLHUP);
    l = listener(6001, 5);
    works(connected_to(a, "127.0.0.1", 6001));
    close(a); close(l);

    begin("connect without waiting");
    l = listener(6002, 5);
    a = works(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    fails(connected_to(a, "127.0.0.1", 6002), EINPROGRESS);
    is(ready_soon(a, POLLOUT), POLLOUT);
    is(option_of(a, SOL_SOCKET, SO_ERROR), 0);
    works(connected_to(a, "127.0.0.1", 6002));
    fails(connected_to(a, "127.0.0.1", 6002), EISCONN);
    close(a); close(l);
    a = works(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    fails(connected_to(a, "127.0.0.1", 6009), EINPROGRESS);
    is(ready_soon(a, POLLOUT), POLLOUT | POLLERR | POLLHUP);
    is(ready(a), FREE | SOME | POLLERR | POLLHUP | POLLRDHUP);
    is(option_of(a, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    is(option_of(a, SOL_SOCKET, SO_ERROR), 0);
    close(a);

    begin("a backlog that is full");
    l = listener(6003, 1);
    int fds[4];
    for (int n = 0; n < 4; n++) {
        fds[n] = works(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
        fails(connected_to(fds[n], "127.0.0.1", 6003), EINPROGRESS);
    }
    is(ready_soon(fds[0], POLLOUT), POLLOUT); is(ready_soon(fds[1], POLLOUT), POLLOUT);
    fails(connected_to(fds[3], "127.0.0.1", 6003), EALREADY);
    is(ready(fds[3]), 0);
    is(state(fds[3]), TCP_SYN_SENT);
    fails(send(fds[3], "x", 1, MSG_NOSIGNAL), EAGAIN);
    fails(recv(fds[3], got, 1, 0), EAGAIN);
    for (int n = 0; n < 2; n++) close(works(accept(l, NULL, NULL)));
    is(ready_soon(fds[3], POLLOUT), POLLOUT);
    for (int n = 0; n < 4; n++) close(fds[n]);
    close(l);

    begin("a listener that ends resets who waits");
    l = listener(6004, 5);
    a = opened(SOCK_STREAM);
    works(connected_to(a, "127.0.0.1", 6004));
    close(l);
    is(ready_soon(a, POLLIN) & (POLLERR | POLLHUP), POLLERR | POLLHUP);
    fails(recv(a, got, 1, 0), ECONNRESET);
    is(recv(a, got, 1, 0), 0);
    close(a);

    begin("a connection with itself");
    a = opened(SOCK_STREAM);
    works(bound_to(a, "127.0.0.1", 6005));
    works(connected_to(a, "127.0.0.1", 6005));
    is(send(a, "echo", 4, 0), 4);
    is(recv(a, got, 10, 0), 4);
    close(a);

    begin("disconnect");
    int b2;
    pair(&a, &b2);
    name = (struct sockaddr_in){.sin_family = AF_UNSPEC};
    works(connect(a, (void *)&name, sizeof name));
    fails(getpeername(a, (void *)&name, &len), ENOTCONN);
    is(state(a), TCP_CLOSE);
    fails(recv(b2, got, 1, 0), ECONNRESET);
    l = listener(6006, 1);
    works(connected_to(a, "127.0.0.1", 6006));
    close(a); close(b2); close(l);
}

static void moving(void) {
    int a, b, n;
    begin("bytes go both ways");
    pair(&a, &b);
    is(send(a, "hello", 5, 0), 5);
    is(send(a, "world", 5, 0), 5);
    is(ready_soon(b, POLLIN), POLLIN);
    works(ioctl(b, FIONREAD, &n)); is(n, 10);
    works(ioctl(a, TIOCOUTQ, &n)); is(n, 0);
    is(recv(b, got, 7, MSG_PEEK), 7);
    is(recv(b, got, 100, 0), 10);
    yes(!memcmp(got, "helloworld", 10));
    is(write(b, "back", 4), 4);
    is(read(a, got, 2), 2); is(read(a, got + 2, 20), 2);
    yes(!memcmp(got, "back", 4));
    begin("MSG_TRUNC throws away, an address does not matter");
    struct sockaddr_in to = at("10.9.8.7", 1);
    is(sendto(a, "0123456789", 10, 0, (void *)&to, sizeof to), 10);
    is(recv(b, NULL, 4, MSG_TRUNC), 4);
    socklen_t len = sizeof to;
    is(recvfrom(b, got, 100, 0, (void *)&to, &len), 6);
    yes(!memcmp(got, "456789", 6));
    is(len, 0);
    begin("vectors and faults");
    struct iovec v[3] = {{"ab", 2}, {"", 0}, {"cde", 3}};
    is(writev(a, v, 3), 5);
    struct iovec r[2] = {{got, 1}, {got + 10, 10}};
    is(readv(b, r, 2), 5);
    yes(got[0] == 'a' && !memcmp(got + 10, "bcde", 4));
    fails(send(a, bad, 10, 0), EFAULT);
    is(send(a, "kept", 4, 0), 4);
    fails(recv(b, bad, 4, 0), EFAULT);
    is(recv(b, got, 4, 0), 4);
    yes(!memcmp(got, "kept", 4));
    close(a); close(b);
}

static void *writes(void *fd) {
    long at = 0;
    while (at < (long)sizeof data) {
        long n = write(*(int *)fd, data + at, sizeof data - at);
        if (n <= 0) return (void *)-1L;
        at += n;
    }
    return (void *)at;
}
static void *writes_in_parts(void *fd) {
    send(*(int *)fd, data, 100, 0);
    pause_ms(30);
    send(*(int *)fd, data + 100, 5000, 0);
    pause_ms(30);
    send(*(int *)fd, data + 5100, 900, 0);
    return NULL;
}
static void much(void) {
    int a, b;
    for (long n = 0; n < (long)sizeof data; n++) data[n] = n * 7 + (n >> 8) + (n >> 16);
    begin("a million bytes, to who reads");
    pair(&a, &b);
    pthread_t t;
    pthread_create(&t, NULL, writes, &a);
    long at = 0, n;
    while (at < (long)sizeof got && (n = read(b, got + at, at % 3000 + 1)) > 0) at += n;
    is(at, sizeof got);
    yes(!memcmp(data, got, sizeof got));
    pthread_join(t, NULL);
    begin("both ways at once");
    pthread_t u;
    pthread_create(&t, NULL, writes, &a);
    pthread_create(&u, NULL, writes, &b);
    for (int end = 0; end < 2; end++) {
        memset(got, 0, sizeof got);
        is(recv(end ? a : b, got, sizeof got, MSG_WAITALL), sizeof got);
        yes(!memcmp(data, got, sizeof got));
    }
    pthread_join(t, NULL); pthread_join(u, NULL);
    begin("MSG_WAITALL");
    pthread_create(&t, NULL, writes_in_parts, &a);
    is(recv(b, got, 6000, MSG_WAITALL), 6000);
    yes(!memcmp(data, got, 6000));
    pthread_join(t, NULL);
    begin("many small pieces");
    works(set(a, IPPROTO_TCP, TCP_NODELAY, 1));
    for (int n = 0; n < 5000; n++) if (send(a, data + n, 1, 0) != 1) { yes(!"sent"); break; }
    is(recv(b, got, 5000, MSG_WAITALL), 5000);
    yes(!memcmp(data, got, 5000));
    begin("TCP_CORK lets go of what is short in the end");
    for (int n = 0; n < 2; n++) {
        works(set(a, IPPROTO_TCP, TCP_CORK, 1));
        is(send(a, "abc", 3, 0), 3);
        is(send(a, "def", 3, 0), 3);
        if (n) works(set(a, IPPROTO_TCP, TCP_CORK, 0));
        is(recv(b, got, 6, MSG_WAITALL), 6);
    }
    begin("a full pipe");
    works(fcntl(a, F_SETFL, O_NONBLOCK));
    long sum = 0;
    while ((n = send(a, data, 10000, 0)) > 0) sum += n;
    n = errno;
    is(n, EAGAIN);
    yes(sum > 100000);
    is(ready(a) & POLLOUT, 0);
    int queued = 0;
    works(ioctl(a, TIOCOUTQ, &queued));
    yes(queued > 0);
    long read_sum = 0;
    while (read_sum < sum && (n = recv(b, got, sizeof got, 0)) > 0) read_sum += n;
    is(read_sum, sum);
    is(ready_soon(a, POLLOUT), POLLOUT);
    close(a); close(b);
    begin("sendfile");
    pair(&a, &b);
    int f = works(open("inet.file", O_RDWR | O_CREAT | O_TRUNC, 0600));
    is(write(f, data, 50000), 50000);
    off_t from = 1000;
    is(sendfile(a, f, &from, 30000), 30000);
    is(recv(b, got, 30000, MSG_WAITALL), 30000);
    yes(!memcmp(data + 1000, got, 30000));
    close(f); unlink("inet.file");
    close(a); close(b);
}

static void ends(void) {
    int a, b;
    begin("an orderly end");
    pair(&a, &b);
    is(send(a, "last", 4, 0), 4);
    works(shutdown(a, SHUT_WR));
    fails(send(a, "x", 1, MSG_NOSIGNAL), EPIPE);
    signal(SIGPIPE, on_signal);
    signals = 0;
    fails(send(a, "x", 1, 0), EPIPE);
    fails(write(a, "x", 1), EPIPE);
    is(signals, 2);
    is(ready_soon(b, POLLRDHUP), POLLRDHUP);
    is(ready(b), SOME | FREE | POLLRDHUP);
    is(recv(b, got, 10, 0), 4);
    is(recv(b, got, 10, 0), 0);
    is(state(b), TCP_CLOSE_WAIT); is(becomes(a, TCP_FIN_WAIT2), TCP_FIN_WAIT2);
    is(send(b, "answer", 6, 0), 6);
    is(recv(a, got, 10, 0), 6);
    works(shutdown(b, SHUT_WR));
    is(recv(a, got, 10, 0), 0);
    is(becomes(b, TCP_CLOSE), TCP_CLOSE);
    is(ready(a), SOME | FREE | POLLRDHUP | POLLHUP); is(ready(b), SOME | FREE | POLLRDHUP | POLLHUP);
    fails(shutdown(b, SHUT_WR), ENOTCONN);
    close(a); close(b);

    begin("shutdown of reading");
    pair(&a, &b);
    works(shutdown(b, SHUT_RD));
    is(recv(b, got, 10, 0), 0);
    is(ready(b), SOME | FREE | POLLRDHUP);
    is(send(a, "still", 5, 0), 5);
    is(recv(b, got, 10, 0), 5);
    is(recv(b, got, 10, 0), 0);
    close(a); close(b);

    begin("close with all read");
    pair(&a, &b);
    close(a);
    is(recv(b, got, 10, 0), 0);
    is(send(b, "x", 1, MSG_NOSIGNAL), 1);
    is(becomes(b, TCP_CLOSE), TCP_CLOSE);
    is(ready(b) & (POLLERR | POLLHUP), POLLERR | POLLHUP);
    fails(send(b, "x", 1, MSG_NOSIGNAL), EPIPE);
    close(b);

    begin("close with data that was not read");
    pair(&a, &b);
    is(send(a, "unread", 6, 0), 6);
    is(ready_soon(b, POLLIN), POLLIN);
    close(b);
    is(becomes(a, TCP_CLOSE), TCP_CLOSE);
    is(ready(a) & (POLLERR | POLLHUP), POLLERR | POLLHUP);
    fails(recv(a, got, 10, 0), ECONNRESET);
    is(recv(a, got, 10, 0), 0);
    fails(send(a, "x", 1, MSG_NOSIGNAL), EPIPE);
    close(a);

    begin("SO_LINGER of no time resets");
    pair(&a, &b);
    is(send(a, "words", 5, 0), 5);
    struct linger now = {1, 0}, later = {1, 5};
    works(setsockopt(a, SOL_SOCKET, SO_LINGER, &now, sizeof now));
    close(a);
    is(becomes(b, TCP_CLOSE), TCP_CLOSE);
    is(recv(b, got, 10, 0), 5);
    fails(recv(b, got, 10, 0), ECONNRESET);
    close(b);
    begin("SO_LINGER of some time waits");
    pair(&a, &b);
    is(send(a, "words", 5, 0), 5);
    works(setsockopt(a, SOL_SOCKET, SO_LINGER, &later, sizeof later));
    works(close(a));
    is(recv(b, got, 10, 0), 5);
    is(recv(b, got, 10, 0), 0);
    close(b);

    begin("TIME_WAIT and the port");
    int l = opened(SOCK_STREAM);
    works(bound_to(l, "127.0.0.1", 6010));
    works(listen(l, 5));
    a = opened(SOCK_STREAM);
    works(connected_to(a, "127.0.0.1", 6010));
    b = works(accept(l, NULL, NULL));
    close(b);
    is(recv(a, got, 1, 0), 0);
    close(a); close(l);
    l = opened(SOCK_STREAM);
    fails(bound_to(l, "127.0.0.1", 6010), EADDRINUSE);
    close(l);
    l = listener(6011, 5);
    a = opened(SOCK_STREAM);
    works(connected_to(a, "127.0.0.1", 6011));
    b = works(accept(l, NULL, NULL));
    close(b); close(a); close(l);
    l = listener(6011, 5);
    close(l);
}

static void *connects_late(void *port) {
    pause_ms(30);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    connected_to(fd, "127.0.0.1", *(int *)port);
    return (void *)(long)fd;
}
static void *sends_late(void *fd) {
    pause_ms(30);
    (void)!write(*(int *)fd, "late", 4);
    return NULL;
}
static void *closes_late(void *fd) {
    pause_ms(30);
    shutdown(*(int *)fd, SHUT_WR);
    return NULL;
}
static void waiting(void) {
    int a, b;
    pthread_t t;
    void *result;
    begin("waiting for a connection, for bytes, for the end");
    int l = listener(0, 5), port = port_of(l);
    pthread_create(&t, NULL, connects_late, &port);
    b = works(accept(l, NULL, NULL));
    pthread_join(t, &result);
    a = (long)result;
    pthread_create(&t, NULL, sends_late, &a);
    is(recv(b, got, 10, 0), 4);
    pthread_join(t, NULL);
    pthread_create(&t, NULL, closes_late, &a);
    is(recv(b, got, 10, 0), 0);
    pthread_join(t, NULL);
    close(a); close(b); close(l);
    begin("epoll");
    pair(&a, &b);
    int e = works(epoll_create1(0));
    struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = b};
    works(epoll_ctl(e, EPOLL_CTL_ADD, b, &ev));
    is(epoll_wait(e, &ev, 1, 0), 0);
    pthread_create(&t, NULL, sends_late, &a);
    is(epoll_wait(e, &ev, 1, 10000), 1); is(ev.events, EPOLLIN);
    pthread_join(t, NULL);
    is(epoll_wait(e, &ev, 1, 0), 0);
    pthread_create(&t, NULL, closes_late, &a);
    is(epoll_wait(e, &ev, 1, 10000), 1); is(ev.events, EPOLLIN | EPOLLRDHUP);
    pthread_join(t, NULL);
    close(e); close(a); close(b);
    begin("time-outs and signals");
    pair(&a, &b);
    struct timeval tv = {0, 50000};
    works(setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
    fails(recv(a, got, 1, 0), EAGAIN);
    close(a); close(b);
    begin("options that a connection hands on");
    l = listener(0, 5);
    works(set(l, IPPROTO_TCP, TCP_NODELAY, 1)); works(set(l, SOL_SOCKET, SO_KEEPALIVE, 1));
    works(set(l, IPPROTO_TCP, TCP_KEEPIDLE, 77)); works(set(l, IPPROTO_IP, IP_TTL, 33));
    a = opened(SOCK_STREAM);
    works(connected_to(a, "127.0.0.1", port_of(l)));
    b = works(accept(l, NULL, NULL));
    is(option_of(b, IPPROTO_TCP, TCP_NODELAY), 1); is(option_of(b, SOL_SOCKET, SO_KEEPALIVE), 1);
    is(option_of(b, IPPROTO_TCP, TCP_KEEPIDLE), 77); is(option_of(b, IPPROTO_IP, IP_TTL), 33);
    is(option_of(b, SOL_SOCKET, SO_ACCEPTCONN), 0);
    static char text[16384], wanted[64];
    snprintf(wanted, sizeof wanted, " 0100007F:%04X 0100007F:%04X 01 ", port_of(l), port_of(a));
    works(get_file("/proc/net/tcp", text, sizeof text));
    yes(strstr(text, wanted));
    close(a); close(b); close(l);
}

static void *connects_often(void *port) {
    for (long n = 0; n < 200; n++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        char byte = n;
        if (connected_to(fd, "127.0.0.1", *(int *)port) || write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1 || byte != (char)(n + 1))
            return (void *)(n + 1);
        close(fd);
    }
    return NULL;
}
static void load(void) {
    begin("many connections at once");
    int l = listener(0, 100), port = port_of(l);
    pthread_t t[4];
    for (int n = 0; n < 4; n++) pthread_create(t + n, NULL, connects_often, &port);
    for (int n = 0; n < 800; n++) {
        int fd = works(accept(l, NULL, NULL));
        char byte;
        if (fd < 0 || read(fd, &byte, 1) != 1) { yes(!"a byte"); break; }
        byte++;
        is(write(fd, &byte, 1), 1);
        close(fd);
    }
    for (int n = 0; n < 4; n++) {
        void *result;
        pthread_join(t[n], &result);
        is((long)result, 0);
    }
    close(l);
}

/* Whether the table has the far ends FARS of a port and, among connections, no others; before long. */
static int has_far_ends(int port, const int *fars, int count) {
    int own, far, state, right = 0;
    for (int tries = 200; tries-- && !right; right || (pause_ms(20), 0)) {
        int seen = 0, known = 0;
        if (get_file("/proc/net/tcp", got, sizeof got) <= 0)
            return 0;
        for (char *line = strchr(got, '\n'); line; line = strchr(line + 1, '\n')) {
            if (sscanf(line, " %*d: %*8x:%4x %*8x:%4x %2x ", &own, &far, &state) != 3 || own != port || state != 1)
                continue;
            seen++;
            for (int n = 0; n < count; n++)
                known += fars[n] == far;
        }
        right = seen == count && known == count;
    }
    return right;
}
static void ends_mixed(void) {
    enum { MANY = 41 };
    begin("connections of one port end in any order");
    int l = listener(0, MANY), port = port_of(l), near[MANY], far[MANY], left[MANY], count;
    struct linger at_once = {1, 0};
    for (int n = 0; n < MANY; n++) {
        far[n] = socket(AF_INET, SOCK_STREAM, 0);
        is(connected_to(far[n], "127.0.0.1", port), 0);
        near[n] = works(accept(l, NULL, NULL));
    }
    for (int gone = 0; gone <= MANY; gone++) {
        count = 0;
        /* 17 of 41 further each time: all in turn, neither from the front nor from the back. */
        for (int n = gone; n < MANY; n++)
            left[count++] = port_of(far[n * 17 % MANY]);
        yes(has_far_ends(port, left, count));
        if (gone == MANY)
            break;
        int at = gone * 17 % MANY, *first = gone % 2 ? near : far, *second = gone % 2 ? far : near;
        works(setsockopt(first[at], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
        close(first[at]), close(second[at]);
        /* One more comes and goes meanwhile. */
        int more = socket(AF_INET, SOCK_STREAM, 0);
        is(connected_to(more, "127.0.0.1", port), 0);
        int its = works(accept(l, NULL, NULL));
        works(setsockopt(more, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
        close(more), close(its);
    }
    /* Nothing has the port any more. */
    close(l);
    l = opened(SOCK_STREAM);
    works(bound_to(l, "127.0.0.1", port));
    close(l);
}

static void tests(void) {
    works(set_flags("lo", IFF_UP));
    connecting();
    moving();
    much();
    ends();
    waiting();
    load();
    ends_mixed();
}
