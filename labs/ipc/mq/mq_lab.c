// SPDX-License-Identifier: MIT OR Apache-2.0
/* A POSIX message queue: mq_demo w|r of the document, checked; a queue that tells when a message comes; then as a channel. */
#include "../channel.h"
#include <mqueue.h>

#define NAME "/lab_mq"

/* ---- mq_demo ---- */

static void greeting(void) {
    struct mq_attr wished = {.mq_maxmsg = 10, .mq_msgsize = 256}, real;
    mq_unlink(NAME);
    /* O_EXCL: the attributes count for a new queue alone. An old one of that name keeps its own, and a buffer that is
       shorter than its mq_msgsize is EMSGSIZE: so ask. */
    mqd_t mq = must(mq_open(NAME, O_CREAT | O_EXCL | O_RDWR | O_NONBLOCK, 0600, &wished));
    must(mq_getattr(mq, &real));
    printf("a queue of %ld messages of up to %ld bytes\n", real.mq_maxmsg, real.mq_msgsize);
    char *buffer = malloc(real.mq_msgsize);
    unsigned priority;
    must(mq_send(mq, "world", 5, 1));
    must(mq_send(mq, "hello", 5, 5));
    for (int i = 0; i < 2; i++) {
        ssize_t n = must(mq_receive(mq, buffer, real.mq_msgsize, &priority));
        printf("%.*s (priority %u)\n", (int)n, buffer, priority);
    }
    errno = 0;
    holds(mq_receive(mq, buffer, real.mq_msgsize - 1, NULL) == -1 && errno == EMSGSIZE);
    printf("a buffer that is too short: %s\n", strerror(errno));
    holds(mq_receive(mq, buffer, real.mq_msgsize, NULL) == -1 && errno == EAGAIN);
    while (mq_send(mq, "x", 1, 0) == 0) {}
    printf("a full queue, with O_NONBLOCK: %s\n", strerror(errno));
    must(mq_getattr(mq, &real));
    holds(real.mq_curmsgs == real.mq_maxmsg);
    while (mq_receive(mq, buffer, real.mq_msgsize, NULL) > 0) {}
    /* One notice, to one process, when a message comes to the empty queue. */
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    must(sigprocmask(SIG_BLOCK, &set, NULL));
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
    must(mq_notify(mq, &event));
    must(mq_send(mq, "news", 4, 0));
    must(sigwaitinfo(&set, &info));
    holds(info.si_code == SI_MESGQ && info.si_value.sival_int == 42);
    printf("told by signal that a message is there\n");
    mq_close(mq);
    must(mq_unlink(NAME));
    free(buffer);
}

/* ---- as a channel: a queue for each lane; it outlives all processes ---- */

static const char *const names[2] = {NAME "_asks", NAME "_answers"};
static mqd_t lanes[2] = {-1, -1};

static void take_away(void) {
    for (int lane = 0; lane < 2; lane++) {
        if (lanes[lane] != -1)
            mq_close(lanes[lane]);
        lanes[lane] = -1;
        mq_unlink(names[lane]);
    }
}

static void make(void) {
    struct mq_attr attributes = {.mq_maxmsg = 10, .mq_msgsize = 4096};
    take_away();
    for (int lane = 0; lane < 2; lane++)
        mq_close(must(mq_open(names[lane], O_CREAT | O_EXCL | O_RDWR, 0600, &attributes)));
}

static void join(int side) {
    for (int lane = 0; lane < 2; lane++)
        lanes[lane] = must(mq_open(names[lane], lane == side ? O_WRONLY : O_RDONLY));
}

/* What a call with a deadline answers: time is up. */
static long outcome(long n) {
    if (n < 0)
        holds(errno == ETIMEDOUT || errno == EINTR);
    return n < 0 ? 0 : n;
}

static long send_on(int side, const void *message, size_t size, int limit_ms) {
    struct timespec until = limit_ms < 0 ? (struct timespec){0} : deadline(CLOCK_REALTIME, limit_ms);
    long n = limit_ms < 0 ? mq_send(lanes[side], message, size, 0) : mq_timedsend(lanes[side], message, size, 0, &until);
    return outcome(n < 0 ? n : (long)size);
}

static long receive_on(int side, void *buffer, size_t room, int limit_ms) {
    struct timespec until = limit_ms < 0 ? (struct timespec){0} : deadline(CLOCK_REALTIME, limit_ms);
    char message[4096];
    long n = limit_ms < 0 ? mq_receive(lanes[!side], message, sizeof message, NULL)
                          : mq_timedreceive(lanes[!side], message, sizeof message, NULL, &until);
    n = outcome(n);
    holds(n <= (long)room);
    memcpy(buffer, message, n);
    return n;
}

int main(void) {
    const struct channel queue = {"POSIX queue", 0, 4096, make, join, send_on, receive_on, take_away};
    greeting();
    struct costs costs = lab_costs();
    lab_channel(&queue, &costs);
    return 0;
}
