// SPDX-License-Identifier: MIT OR Apache-2.0
/* An anonymous pipe: a stream of bytes from a parent to its child (pipe_demo of the document, with what it leaves out). */
#include "../channel.h"
#include <poll.h>

/* ---- pipe_demo, mended ---- */

/* The document reads once and takes the answer for a length. A read may give less than was written, 0 at the end, or -1;
   write may take less than it was given. Both belong in a loop. */
static void write_all(int fd, const char *bytes, size_t size) {
    while (size) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        must(n);
        bytes += n;
        size -= n;
    }
}

static void copy_to_end(int from, int to) {
    char buffer[4]; /* small on purpose: the greeting does not fit */
    for (;;) {
        ssize_t n = read(from, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (must(n) == 0)
            return;
        write_all(to, buffer, n);
    }
}

static void greeting(void) {
    int p[2];
    must(pipe(p));
    pid_t child = lab_fork();
    if (child == 0) {
        /* Without this the end never comes: the child itself would be a writer. */
        close(p[1]);
        copy_to_end(p[0], 1);
        _exit(0);
    }
    close(p[0]);
    write_all(p[1], "hello pipe\n", strlen("hello pipe\n"));
    close(p[1]);
    lab_reap(child);
}

/* What happens when nobody reads: the signal that kills most programs, or an error once it is ignored. */
static void nobody_reads(void) {
    int p[2];
    must(pipe(p));
    close(p[0]);
    signal(SIGPIPE, SIG_IGN);
    errno = 0;
    holds(write(p[1], "x", 1) == -1 && errno == EPIPE);
    printf("a write that nobody will read: %s\n", strerror(errno));
    close(p[1]);
}

/* Up to PIPE_BUF bytes are never mixed with another writer's; a pipe holds so much and no more. */
static void sizes(void) {
    int p[2];
    must(pipe2(p, O_NONBLOCK));
    long held = 0, n;
    char page[4096] = {0};
    while ((n = write(p[1], page, sizeof page)) > 0)
        held += n;
    printf("a pipe holds %ld bytes, then write says: %s; F_GETPIPE_SZ says %d\n", held, strerror(errno),
           must(fcntl(p[1], F_GETPIPE_SZ)));
    holds(held == fcntl(p[1], F_GETPIPE_SZ));
    close(p[0]);
    close(p[1]);
}

/* ---- as a channel: a pipe for each lane ---- */

static int lanes[2][2];

static void make(void) {
    for (int lane = 0; lane < 2; lane++)
        must(pipe(lanes[lane]));
}

/* Whoever takes a dead one's place has the same pipes: the lab keeps all ends open. So nobody sees the end of the stream,
   and a letter that is on its way when the reader dies waits for the next one. */
static void join(int side) {
    (void)side;
}

static void take_away(void) {
    for (int lane = 0; lane < 2; lane++) {
        close(lanes[lane][0]);
        close(lanes[lane][1]);
    }
}

static int ready(int fd, short what, int limit_ms) {
    struct pollfd p = {fd, what, 0};
    return limit_ms < 0 || must(poll(&p, 1, limit_ms)) == 1;
}

static long send_on(int side, const void *message, size_t size, int limit_ms) {
    if (!ready(lanes[side][1], POLLOUT, limit_ms))
        return 0;
    write_all(lanes[side][1], message, size);
    return size;
}

static long receive_on(int side, void *buffer, size_t room, int limit_ms) {
    int fd = lanes[!side][0];
    if (!ready(fd, POLLIN, limit_ms))
        return 0;
    return must(read(fd, buffer, room));
}

int main(void) {
    const struct channel pipes = {"pipe", 0, 4096, make, join, send_on, receive_on, take_away};
    greeting();
    nobody_reads();
    sizes();
    struct costs costs = lab_costs();
    lab_channel(&pipes, &costs);
    return 0;
}
