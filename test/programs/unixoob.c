/* unix(7), send(2), recv(2), sockatmark(3): the byte out of band of a stream. What each short row of calls answers is
   Linux' in unixoob.expected.json. */
// test: limit=120
#include "unix.h"
#include <sys/epoll.h>
#ifndef SIOCATMARK
#define SIOCATMARK 0x8905
#endif

static int ends[2];
/* The next byte to send. */
static char next;
static char text[512];
static int at;

#define say(...) (at += snprintf(text + at, sizeof text - at, __VA_ARGS__))

static int asked(int fd, unsigned long what) {
    int value = -7;
    return ioctl(fd, what, &value) ? -errno : value;
}
/* What a call that receives gave: the bytes, or why not. */
static void got(const char *bytes, long n) {
    if (n < 0)
        say(errno == EAGAIN ? "-" : errno == EINVAL ? "!" : "%d", errno);
    else
        say("%.*s", (int)n, bytes);
}
/* One call:
   s sends a byte, o one out of band, w two of which the second is; r receives two bytes at most, R all, p looks at all, u
   takes the byte out of band, U looks at it, i sets SO_OOBINLINE or unsets it. */
static void step(char what) {
    char bytes[16] = "";
    int on;
    say("%c", what);
    switch (what) {
    case 's': case 'o': case 'w':
        bytes[0] = next++, bytes[1] = next;
        next += what == 'w';
        on = send(ends[0], bytes, 1 + (what == 'w'), MSG_DONTWAIT | (what == 's' ? 0 : MSG_OOB));
        say("%d", on < 0 ? -errno : on);
        break;
    case 'r': got(bytes, recv(ends[1], bytes, 2, MSG_DONTWAIT)); break;
    case 'R': got(bytes, recv(ends[1], bytes, 16, MSG_DONTWAIT)); break;
    case 'p': got(bytes, recv(ends[1], bytes, 16, MSG_DONTWAIT | MSG_PEEK)); break;
    case 'u': got(bytes, recv(ends[1], bytes, 16, MSG_DONTWAIT | MSG_OOB)); break;
    case 'U': got(bytes, recv(ends[1], bytes, 16, MSG_DONTWAIT | MSG_OOB | MSG_PEEK)); break;
    case 'i':
        on = !told(ends[1], SO_OOBINLINE);
        say("%d", on);
        setsockopt(ends[1], SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
        break;
    }
    int is_ready = ready_for(ends[1], POLLIN | POLLPRI | POLLRDBAND);
    say("(%s%d%s%s%s) ", asked(ends[1], SIOCATMARK) == 1 ? "@" : "", asked(ends[1], FIONREAD),
        is_ready & POLLIN ? "I" : "", is_ready & POLLPRI ? "P" : "", is_ready & POLLRDBAND ? "B" : "");
}
static void row(const char *steps) {
    at = 0, next = 'a', text[0] = 0;
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    for (; *steps; steps++)
        step(*steps);
    close(ends[1]);
    /* Whether what was left counted as lost. */
    char byte;
    errno = 0;
    say(recv(ends[0], &byte, 1, MSG_DONTWAIT) == 0 ? "end" : errno == ECONNRESET ? "reset" : "?");
    close(ends[0]);
}

static const char *const rows[] = {
    "sorRR", "osRR", "sosRRR", "oRR", "orp", "oruU", "ouU", "ouR", "soup", "sousR", "sousRr", "oosR", "oouR", "oouRR",
    "sosoRRRR", "ouosRR", "ouosp", "ououosR", "ouousR", "souosRR", "souosp", "osoppRR", "opsp", "osp", "sop", "soUp",
    "iopR", "iosR", "siosRR", "siosp", "sioup", "oiuR", "oiR", "ousiR", "osiR", "sosipR", "oioR", "oiosp", "wR", "wuR",
    "wwRRR", "swsRRR", "wuwuR", "sososRRR", "oUUuU", "soiRRoRiRR",
};
static const char calls[] = "soRrpui";

/* All rows of five calls, some hundred to a number. */
static void exhaust(void) {
    enum { calls_n = sizeof calls - 1, depth = 5 };
    char steps[depth + 1] = "";
    for (int first = 0; first < calls_n * calls_n; first++) {
        uint32_t hash = 2166136261u;
        steps[0] = calls[first / calls_n], steps[1] = calls[first % calls_n];
        for (int rest = 0; rest < calls_n * calls_n * calls_n; rest++) {
            for (int i = 2, left = rest; i < depth; i++, left /= calls_n)
                steps[i] = calls[left % calls_n];
            row(steps);
            for (const char *c = text; *c; c++)
                hash = (hash ^ (unsigned char)*c) * 16777619u;
        }
        printf("answer all of %.2s: %08x\n", steps, hash);
    }
}


static int a, b;
static void pair(void) {
    int two[2];
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, two));
    a = two[0], b = two[1];
}
static void part(void) { close(a), close(b); }
static long oob(const char *bytes) { return send(a, bytes, strlen(bytes), MSG_OOB | MSG_NOSIGNAL); }
static void set(int fd, int option, int value) { works(setsockopt(fd, SOL_SOCKET, option, &value, sizeof value)); }

static void errors(void) {
    char byte = 0;
    struct sockaddr_un name = abstract_of("unixoob");

    begin("errors of sending");
    int fd = opened(SOCK_STREAM);
    fails(send(fd, "", 0, MSG_OOB), EOPNOTSUPP);
    fails(send(fd, "x", 1, MSG_OOB), ENOTCONN);
    fails(sendto(fd, "x", 1, MSG_OOB, (void *)&name, none_len(&name)), EOPNOTSUPP);
    fails(recv(fd, &byte, 1, MSG_OOB), EINVAL);
    is(asked(fd, SIOCATMARK), 0);
    close(fd);
    pair();
    fails(send(a, "", 0, MSG_OOB), EOPNOTSUPP);
    fails(sendto(a, "x", 1, MSG_OOB, (void *)&name, none_len(&name)), EISCONN);
    fails(send(a, bad, 1, MSG_OOB), EFAULT);
    fails(recv(b, &byte, 1, MSG_OOB), EINVAL);
    is(asked(b, FIONREAD), 0);
    signals = 0;
    signal(SIGPIPE, on_signal);
    close(b);
    fails(send(a, "x", 1, MSG_OOB), EPIPE);
    is(signals, 1);
    fails(send(a, "xy", 2, MSG_OOB | MSG_NOSIGNAL), EPIPE);
    is(signals, 1);
    close(a);
    pair();
    is(shutdown(b, SHUT_RD), 0);
    fails(send(a, "x", 1, MSG_OOB), EPIPE);
    part();

    begin("errors of receiving");
    pair();
    fails(recv(b, &byte, 1, MSG_OOB), EINVAL);
    is(oob("x"), 1);
    fails(recv(b, bad, 1, MSG_OOB | MSG_PEEK), EFAULT);
    is(asked(b, SIOCATMARK), 1);
    fails(recv(b, bad, 1, MSG_OOB), EFAULT);
    fails(recv(b, &byte, 1, MSG_OOB), EINVAL);
    is(ready_for(b, POLLPRI), 0);
    is(oob("y"), 1);
    is(recv(b, &byte, 0, MSG_OOB), 1);
    fails(recv(b, &byte, 1, MSG_OOB), EINVAL);
    fails(ioctl(b, SIOCATMARK, bad), EFAULT);
    part();

    begin("other kinds have none");
    for (int kind = SOCK_DGRAM; kind <= SOCK_SEQPACKET; kind += SOCK_SEQPACKET - SOCK_DGRAM) {
        int two[2];
        works(socketpair(AF_UNIX, kind, 0, two));
        fails(send(two[0], "x", 1, MSG_OOB), EOPNOTSUPP);
        fails(recv(two[1], &byte, 1, MSG_OOB | MSG_DONTWAIT), EOPNOTSUPP);
        is(send(two[0], "", 0, 0), 0);
        is(asked(two[1], SIOCATMARK), -EOPNOTSUPP);
        close(two[0]), close(two[1]);
    }
}

static volatile int urgent_code;
static void on_urgent(int sig, siginfo_t *info, void *context) {
    (void)sig, (void)context;
    signals++;
    urgent_code = info->si_code;
}

static void owners(void) {
    struct sigaction act = {.sa_sigaction = on_urgent, .sa_flags = SA_SIGINFO};
    sigaction(SIGURG, &act, NULL);
    int self = getpid(), group = -getpgrp(), none = 0, least = INT_MIN, stranger = 4000000, told_owner = -7;

    begin("SIGURG goes to the owner");
    pair();
    signals = 0;
    is(oob("x"), 1);
    is(signals, 0);
    is(fcntl(b, F_SETOWN, self), 0);
    is(oob("y"), 1);
    is(signals, 1);
    is(urgent_code, SI_KERNEL);
    is(oob("xyz"), 3);
    is(signals, 2);
    is(send(a, "n", 1, 0), 1);
    is(signals, 2);
    is(fcntl(b, F_SETSIG, SIGUSR1), 0);
    is(oob("z"), 1);
    is(signals, 3);
    is(fcntl(b, F_SETOWN, 0), 0);
    is(oob("z"), 1);
    is(signals, 3);
    struct f_owner_ex { int type, pid; } thread = {0, syscall(SYS_gettid)};
    is(fcntl(b, 15 /* F_SETOWN_EX */, &thread), 0);
    is(oob("z"), 1);
    is(signals, 4);
    part();

    begin("the owner by ioctl");
    pair();
    signals = 0;
    is(asked(b, 0x8903), 0);
    is(ioctl(b, 0x8902, &self), 0);
    is(fcntl(b, F_GETOWN), self);
    is(ioctl(b, 0x8903, &told_owner), 0);
    is(told_owner, self);
    is(oob("x"), 1);
    is(signals, 1);
    is(ioctl(b, 0x8901, &group), 0);
    is(ioctl(b, 0x8904, &told_owner), 0);
    is(told_owner, group);
    is(oob("x"), 1);
    is(signals, 2);
    is(ioctl(b, 0x8901, &none), 0);
    is(ioctl(b, 0x8904, &told_owner), 0);
    is(told_owner, 0);
    fails(ioctl(b, 0x8901, &least), EINVAL);
    fails(ioctl(b, 0x8901, &stranger), ESRCH);
    fails(ioctl(b, 0x8901, bad), EFAULT);
    fails(ioctl(b, 0x8904, bad), EFAULT);
    part();
}

static int wanted;
static void *waits(void *unused) {
    (void)unused;
    struct pollfd p = {b, wanted, 0};
    return (void *)(long)(poll(&p, 1, 20000) == 1 ? p.revents : -1);
}
static char taken[16];
static void *receives(void *unused) {
    (void)unused;
    return (void *)recv(b, taken, sizeof taken, 0);
}

static void waiting(void) {
    pthread_t thread;
    void *result;
    char byte;

    begin("EPOLLPRI");
    pair();
    int set_fd = works(epoll_create1(0));
    struct epoll_event event = {.events = EPOLLPRI};
    is(epoll_ctl(set_fd, EPOLL_CTL_ADD, b, &event), 0);
    is(send(a, "n", 1, 0), 1);
    is(epoll_wait(set_fd, &event, 1, 0), 0);
    is(oob("x"), 1);
    is(epoll_wait(set_fd, &event, 1, 0), 1);
    is(event.events, EPOLLPRI);
    fd_set odd;
    FD_ZERO(&odd);
    FD_SET(b, &odd);
    struct timeval now = {0, 0};
    is(select(b + 1, NULL, NULL, &odd, &now), 1);
    is(recv(b, &byte, 1, MSG_OOB), 1);
    is(epoll_wait(set_fd, &event, 1, 0), 0);
    event.events = EPOLLPRI | EPOLLET;
    is(epoll_ctl(set_fd, EPOLL_CTL_MOD, b, &event), 0);
    is(epoll_wait(set_fd, &event, 1, 0), 0);
    is(oob("y"), 1);
    is(epoll_wait(set_fd, &event, 1, 0), 1);
    is(epoll_wait(set_fd, &event, 1, 0), 0);
    is(oob("z"), 1);
    is(epoll_wait(set_fd, &event, 1, 0), 1);
    close(set_fd);
    part();

    begin("who waits for it is woken");
    pair();
    wanted = POLLPRI;
    pthread_create(&thread, NULL, waits, NULL);
    pause_ms(50);
    is(send(a, "n", 1, 0), 1);
    pause_ms(50);
    is(oob("x"), 1);
    pthread_join(thread, &result);
    is((long)result, POLLPRI);
    part();

    begin("who waits for the rest goes on waiting");
    pair();
    pthread_create(&thread, NULL, receives, NULL);
    pause_ms(50);
    is(oob("x"), 1);
    pause_ms(200);
    is(send(a, "n", 1, 0), 1);
    pthread_join(thread, &result);
    is((long)result, 1);
    is(taken[0], 'n');
    part();

    begin("a call that may wait gets what is behind a byte that was taken");
    pair();
    is(oob("x"), 1);
    is(recv(b, &byte, 1, MSG_OOB), 1);
    is(send(a, "n", 1, 0), 1);
    is(recv(b, taken, sizeof taken, 0), 1);
    is(taken[0], 'n');
    part();
}

/* Receives with room for control messages: bytes, flags, how much control. */
static long received(int flags, char *byte, struct msghdr *m, int *fd) {
    static char control[200];
    static struct sockaddr_un from;
    struct iovec v = {byte, 1};
    *m = (struct msghdr){&from, sizeof from, &v, 1, control, sizeof control, 0};
    long n = recvmsg(b, m, flags | MSG_DONTWAIT);
    *fd = -1;
    for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
        if (c->cmsg_type == SCM_RIGHTS) memcpy(fd, CMSG_DATA(c), sizeof *fd);
    return n;
}
/* Sends one byte out of band with the end of a pipe; gives the other one. */
static int with_pipe(void) {
    int tube[2];
    char control[CMSG_SPACE(sizeof(int))] = "";
    struct iovec v = {"f", 1};
    struct msghdr m = {NULL, 0, &v, 1, control, sizeof control, 0};
    works(pipe2(tube, O_NONBLOCK));
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *c = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(c), &tube[1], sizeof(int));
    is(sendmsg(a, &m, MSG_OOB), 1);
    close(tube[1]);
    return tube[0];
}

static void along(void) {
    char byte = 0;
    struct msghdr m;
    int fd, tube;

    begin("what recvmsg tells");
    pair();
    set(b, SO_PASSCRED, 1);
    is(oob("x"), 1);
    is(received(MSG_OOB | MSG_PEEK, &byte, &m, &fd), 1);
    is(byte, 'x');
    is(m.msg_flags & ~MSG_CMSG_CLOEXEC, MSG_OOB);
    is(m.msg_controllen, 0);
    is(m.msg_namelen, 0);
    is(received(MSG_OOB, &byte, &m, &fd), 1);
    is(m.msg_flags, MSG_OOB);
    part();

    begin("descriptors that come along are lost with it");
    pair();
    tube = with_pipe();
    is(received(MSG_OOB, &byte, &m, &fd), 1);
    is(m.msg_controllen, 0);
    is(fd, -1);
    fails(received(0, &byte, &m, &fd), EAGAIN);
    is(read(tube, &byte, 1), 0);
    close(tube);
    tube = with_pipe();
    fails(read(tube, &byte, 1), EAGAIN);
    is(send(a, "n", 1, 0), 1);
    is(received(0, &byte, &m, &fd), 1);
    is(byte, 'n');
    is(fd, -1);
    is(read(tube, &byte, 1), 0);
    close(tube);
    part();

    begin("but not in line");
    pair();
    set(b, SO_OOBINLINE, 1);
    tube = with_pipe();
    is(send(a, "n", 1, 0), 1);
    is(received(0, &byte, &m, &fd), 1);
    is(byte, 'f');
    yes(fd >= 0);
    fails(read(tube, &byte, 1), EAGAIN);
    close(fd);
    is(read(tube, &byte, 1), 0);
    close(tube);
    part();

    begin("who closes drops them");
    pair();
    tube = with_pipe();
    part();
    is(read(tube, &byte, 1), 0);
    close(tube);
}

static void rest(void) {
    char byte;
    begin("what it costs");
    pair();
    int room = asked(a, TIOCOUTQ);
    is(room, 0);
    is(oob("x"), 1);
    int one = asked(a, TIOCOUTQ);
    printf("answer one byte: %d\n", one);
    is(recv(b, &byte, 1, MSG_OOB), 1);
    is(asked(a, TIOCOUTQ), one);
    fails(recv(b, &byte, 1, MSG_DONTWAIT), EAGAIN);
    is(asked(a, TIOCOUTQ), 0);
    int sent = 0;
    while (send(a, "x", 1, MSG_OOB | MSG_DONTWAIT) == 1) sent++;
    fails(send(a, "x", 1, MSG_OOB | MSG_DONTWAIT), EAGAIN);
    printf("answer bytes until it is full: %d\n", sent);
    for (int i = 0; i < 1000; i++)
        if (send(a, "x", 1, MSG_OOB | MSG_DONTWAIT) == 1) recv(b, &byte, 1, MSG_OOB);
    printf("answer what is charged: %d\n", asked(a, TIOCOUTQ));
    part();

    begin("SO_PEEK_OFF");
    pair();
    set(b, SO_PEEK_OFF, 0);
    is(send(a, "ab", 2, 0), 2);
    is(oob("c"), 1);
    is(send(a, "de", 2, 0), 2);
    at = 0;
    for (int i = 0; i < 5; i++) {
        char bytes[4] = "";
        long n = recv(b, bytes, i == 0 ? 1 : 4, MSG_PEEK | MSG_DONTWAIT);
        say("%ld:%.*s:%d ", n, n < 0 ? 0 : (int)n, bytes, told(b, SO_PEEK_OFF));
    }
    for (int i = 0; i < 3; i++) {
        char bytes[4] = "";
        long n = recv(b, bytes, 4, MSG_DONTWAIT);
        say("%ld:%.*s:%d ", n, n < 0 ? 0 : (int)n, bytes, told(b, SO_PEEK_OFF));
    }
    printf("answer SO_PEEK_OFF: %s\n", text);
    part();
}

static void tests(void) {
    begin("rows of calls");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        row(rows[i]);
        printf("answer %s: %s\n", rows[i], text);
    }
    exhaust();
    errors();
    owners();
    waiting();
    along();
    rest();
}
