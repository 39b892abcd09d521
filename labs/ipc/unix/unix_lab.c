// SPDX-License-Identifier: MIT OR Apache-2.0
/* UNIX sockets: unix_srv and unix_cli of the document, in whatever order they start; credentials, an open file handed over,
   permissions of the socket's file; then SOCK_SEQPACKET as a channel. */
#include "../channel.h"
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PATH "/tmp/lab-usock"

static struct sockaddr_un address(void) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strncpy(a.sun_path, PATH, sizeof a.sun_path - 1);
    return a;
}

/* bind makes the file; from listen on, clients may come. A file left by a dead server refuses them and stands in the way of
   the next: so it goes first. */
static int serve(int type) {
    struct sockaddr_un a = address();
    int s = must(socket(AF_UNIX, type, 0));
    unlink(PATH);
    must(bind(s, (struct sockaddr *)&a, sizeof a));
    must(listen(s, 16));
    return s;
}

/* The document's client connects once: before the server is there (ENOENT), or between bind and listen (ECONNREFUSED), it
   goes on with a socket that is not connected, reads nothing into n = -1, and tries to write so many bytes. */
static int reach(int type, int limit_ms) {
    struct sockaddr_un a = address();
    int64_t end = now_ns() + limit_ms * 1000000LL;
    for (;;) {
        int s = must(socket(AF_UNIX, type, 0));
        if (connect(s, (struct sockaddr *)&a, sizeof a) == 0)
            return s;
        holds(errno == ENOENT || errno == ECONNREFUSED);
        close(s);
        if (limit_ms >= 0 && now_ns() > end)
            return -1;
        sleep_us(500);
    }
}

static void greeting(void) {
    char b[256];
    unlink(PATH);
    pid_t client = lab_fork();
    if (client == 0) {
        int s = reach(SOCK_STREAM, -1);
        /* The document writes 11 bytes: the string's 10 and its end. */
        must(write(s, "hello uds\n", 10));
        must(shutdown(s, SHUT_WR));
        for (ssize_t n; (n = must(read(s, b, sizeof b))) > 0;)
            must(write(1, b, n));
        _exit(0);
    }
    sleep_us(10000);
    int s = serve(SOCK_STREAM), c = must(accept(s, NULL, NULL));
    struct ucred who;
    socklen_t size = sizeof who;
    must(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &who, &size));
    holds(who.pid == client && who.uid == getuid());
    printf("the kernel names the client: its own process, user %u\n", who.uid);
    fflush(stdout);
    for (ssize_t n; (n = must(read(c, b, sizeof b))) > 0;)
        must(write(c, b, n));
    close(c);
    lab_reap(client);
    close(s);
    errno = 0;
    struct sockaddr_un a = address();
    int late = must(socket(AF_UNIX, SOCK_STREAM, 0));
    holds(connect(late, (struct sockaddr *)&a, sizeof a) == -1);
    printf("the server has gone, its file has not: %s\n", strerror(errno));
    close(late);
}

/* Whoever may not write to the file may not connect. */
static void permissions(void) {
    int s = serve(SOCK_STREAM);
    must(chmod(PATH, 0600));
    pid_t stranger = lab_fork();
    if (stranger == 0) {
        struct sockaddr_un a = address();
        if (getuid() == 0)
            must(setresuid(65534, 65534, 65534));
        int c = must(socket(AF_UNIX, SOCK_STREAM, 0));
        int may = connect(c, (struct sockaddr *)&a, sizeof a);
        printf("mode 600, user %u: %s\n", getuid(), may ? strerror(errno) : "connected");
        fflush(stdout);
        _exit(0);
    }
    lab_reap(stranger);
    close(s);
}

/* An open file goes to another process, as a number that the kernel makes there (SCM_RIGHTS). */
static void hand_over(void) {
    int pair[2];
    union { struct cmsghdr header; char room[CMSG_SPACE(sizeof(int))]; } control;
    char byte = 'f', text[32];
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    must(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    pid_t worker = lab_fork();
    if (worker == 0) {
        int fd;
        must(recvmsg(pair[1], &message, MSG_CMSG_CLOEXEC));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        /* Never take what was not sent: the sender is another process. */
        holds(header && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof fd));
        memcpy(&fd, CMSG_DATA(header), sizeof fd);
        holds(pwrite(fd, "written by the worker", 22, 0) == 22);
        _exit(0);
    }
    int fd = must(memfd_create("handed over", 0));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    must(sendmsg(pair[0], &message, 0));
    lab_reap(worker);
    holds(pread(fd, text, sizeof text, 0) == 22);
    printf("in a file that was handed over: %s\n", text);
    close(fd);
    close(pair[0]);
    close(pair[1]);
}

/* ---- as a channel: one connection, both ways, boundaries kept ---- */

static int listener = -1, line = -1, am;

static void hang_up(void) {
    if (line >= 0)
        close(line);
    line = -1;
}

static void take_away(void) {
    hang_up();
    if (listener >= 0)
        close(listener);
    listener = -1;
    unlink(PATH);
}

static void make(void) {
    take_away();
}

static void join(int side) {
    am = side;
    line = listener = -1;
    if (side == ANSWERS)
        listener = serve(SOCK_SEQPACKET);
}

/* A connection, if there is one within the limit: the other side may have been killed, and another come. */
static int connected(int limit_ms) {
    struct pollfd p = {listener, POLLIN, 0};
    if (line >= 0)
        return 1;
    if (am == ASKS)
        line = reach(SOCK_SEQPACKET, limit_ms);
    else if (limit_ms < 0 || must(poll(&p, 1, limit_ms)) == 1)
        line = must(accept(listener, NULL, NULL));
    return line >= 0;
}

/* The other side's death is told at once: an empty read, EPIPE or ECONNRESET. */
static long outcome(long n) {
    if (n > 0)
        return n;
    holds(n == 0 || errno == EPIPE || errno == ECONNRESET);
    hang_up();
    return 0;
}

static long send_on(int side, const void *message, size_t size, int limit_ms) {
    (void)side;
    return connected(limit_ms) ? outcome(send(line, message, size, MSG_NOSIGNAL)) : 0;
}

static long receive_on(int side, void *buffer, size_t room, int limit_ms) {
    (void)side;
    if (!connected(limit_ms))
        return 0;
    struct pollfd p = {line, POLLIN, 0};
    if (limit_ms >= 0 && must(poll(&p, 1, limit_ms)) == 0)
        return 0;
    return outcome(recv(line, buffer, room, 0));
}

int main(void) {
    const struct channel sockets = {"UNIX socket", 0, 4096, make, join, send_on, receive_on, take_away};
    greeting();
    permissions();
    hand_over();
    struct costs costs = lab_costs();
    lab_channel(&sockets, &costs);
    return 0;
}
