// SPDX-License-Identifier: MIT OR Apache-2.0
/* A FIFO: a pipe that is found by its name, so that processes which are no relatives meet (the document's mkfifo, cat, echo). */
#include "../channel.h"
#include <limits.h>
#include <poll.h>

#define PATH "/tmp/lab-fifo"

/* ---- cat /tmp/myfifo, and echo > /tmp/myfifo ---- */

/* To open a FIFO waits for the other end: that is why it does not matter which terminal types first. */
static void cat_and_echo(void) {
    unlink(PATH);
    must(mkfifo(PATH, 0600));
    errno = 0;
    holds(open(PATH, O_WRONLY | O_NONBLOCK) == -1 && errno == ENXIO);
    printf("opened for writing, not waiting, nobody reads: %s\n", strerror(errno));
    pid_t cat = lab_fork();
    if (cat == 0) {
        char buffer[64];
        ssize_t n;
        int fd = must(open(PATH, O_RDONLY));
        while ((n = must(read(fd, buffer, sizeof buffer))) > 0)
            must(write(1, buffer, n));
        _exit(0);
    }
    int fd = must(open(PATH, O_WRONLY));
    must(write(fd, "via fifo\n", 9));
    /* The reader's end of file. */
    close(fd);
    lab_reap(cat);
}

/* Lines of up to PIPE_BUF bytes from many writers stay whole; longer ones may be mixed, and are not promised anything. */
static void many_writers(void) {
    enum { WRITERS = 4, LINES = 50, LONG = 512 };
    _Static_assert(LONG <= PIPE_BUF, "or the promise does not hold");
    int fd = must(open(PATH, O_RDWR)), count[WRITERS] = {0};
    pid_t writers[WRITERS];
    for (int w = 0; w < WRITERS; w++)
        if ((writers[w] = lab_fork()) == 0) {
            char line[LONG];
            int to = must(open(PATH, O_WRONLY));
            memset(line, 'a' + w, sizeof line);
            for (int i = 0; i < LINES; i++)
                holds(write(to, line, sizeof line) == sizeof line);
            _exit(0);
        }
    for (int i = 0; i < WRITERS * LINES; i++) {
        char line[LONG];
        for (size_t got = 0; got < sizeof line;)
            got += must(read(fd, line + got, sizeof line - got));
        for (size_t k = 1; k < sizeof line; k++)
            holds(line[k] == line[0]);
        count[line[0] - 'a']++;
    }
    for (int w = 0; w < WRITERS; w++) {
        lab_reap(writers[w]);
        holds(count[w] == LINES);
    }
    printf("%d writers, %d lines of %d bytes: none mixed\n", WRITERS, WRITERS * LINES, LONG);
    close(fd);
    unlink(PATH);
}

/* ---- as a channel: a FIFO for each lane ---- */

static const char *const paths[2] = {PATH "-asks", PATH "-answers"};
static int lanes[2];

static void take_away(void) {
    for (int lane = 0; lane < 2; lane++) {
        unlink(paths[lane]);
        if (lanes[lane] > 0)
            close(lanes[lane]);
        lanes[lane] = 0;
    }
}

/* Open for both, so that opening waits for nobody, and so that a FIFO whose processes were all killed but one keeps what is
   in it: its bytes are gone when the last end is closed. The lab itself keeps one open. */
static void make(void) {
    take_away();
    for (int lane = 0; lane < 2; lane++) {
        must(mkfifo(paths[lane], 0600));
        lanes[lane] = must(open(paths[lane], O_RDWR));
    }
}

static void join(int side) {
    (void)side;
    for (int lane = 0; lane < 2; lane++)
        lanes[lane] = must(open(paths[lane], O_RDWR));
}

static int ready(int fd, short what, int limit_ms) {
    struct pollfd p = {fd, what, 0};
    return limit_ms < 0 || must(poll(&p, 1, limit_ms)) == 1;
}

static long send_on(int side, const void *message, size_t size, int limit_ms) {
    return ready(lanes[side], POLLOUT, limit_ms) ? must(write(lanes[side], message, size)) : 0;
}

static long receive_on(int side, void *buffer, size_t room, int limit_ms) {
    return ready(lanes[!side], POLLIN, limit_ms) ? must(read(lanes[!side], buffer, room)) : 0;
}

int main(void) {
    const struct channel fifos = {"FIFO", 0, PIPE_BUF, make, join, send_on, receive_on, take_away};
    cat_and_echo();
    many_writers();
    struct costs costs = lab_costs();
    lab_channel(&fifos, &costs);
    return 0;
}
