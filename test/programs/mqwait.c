// POSIX message queues (mq_overview(7)): time-outs, who is served first, signals, readiness, many at once.
// test: smp=2 limit=120
#include "mq.h"
#include <sys/epoll.h>

static void waiting(void) {
    begin("time-outs");
    mqd_t q = nameless(1, 8);
    struct timespec past = {1, 0}, bad = {1, 1000000000}, negative = {-1, 0}, soon;
    fails(mq_timedreceive(q, big, 8, NULL, &past), ETIMEDOUT);
    fails(mq_timedreceive(q, big, 8, NULL, &bad), EINVAL);
    fails(mq_timedreceive(q, big, 8, NULL, &negative), EINVAL);
    fails(mq_timedreceive(q, big, 8, NULL, (void *)1), EFAULT);
    soon = in_ms(CLOCK_REALTIME, 30);
    fails(mq_timedreceive(q, big, 8, NULL, &soon), ETIMEDOUT);
    yes(now_ns(CLOCK_REALTIME) >= soon.tv_sec * 1000000000LL + soon.tv_nsec);
    works(mq_timedsend(q, "x", 1, 0, &past));
    fails(mq_timedsend(q, "x", 1, 0, &bad), EINVAL);
    fails(mq_timedsend(q, "x", 1, 0, &past), ETIMEDOUT);
    soon = in_ms(CLOCK_REALTIME, 30);
    fails(mq_timedsend(q, "x", 1, 0, &soon), ETIMEDOUT);
    is(mq_timedreceive(q, big, 8, NULL, &past), 1);
    nonblocking(q, 1);
    fails(mq_timedreceive(q, big, 8, NULL, &soon), EAGAIN);
    works(mq_send(q, "x", 1, 0));
    fails(mq_send(q, "x", 1, 0), EAGAIN);
    works(mq_close(q));
}

static void nothing(int signal) { (void)signal; }

static void waiters(void) {
    begin("receivers: the most urgent first, then who came first");
    mqd_t q = nameless(3, 8);
    struct waiter w[5] = {{.level = 1}, {.level = 5}, {.level = 0}, {.level = 5}, {.level = 0}};
    for (int i = 0; i < 5; i++) {
        w[i].q = q;
        start(&w[i]);
    }
    const char *texts[5] = {"first..", "second.", "third..", "fourth.", "fifth.."};
    int turn[5] = {1, 3, 0, 2, 4};
    for (int i = 0; i < 5; i++) {
        works(mq_send(q, texts[i], 8, 0));
        pthread_join(w[turn[i]].thread, NULL);
        is(w[turn[i]].result, 8);
        is(strcmp(w[turn[i]].text, texts[i]), 0);
    }

    begin("senders: the same, and what they bring is in its place at once");
    for (int i = 0; i < 3; i++)
        works(mq_send(q, "before.", 8, 0));
    struct waiter s[3] = {{.level = 0, .text = "low...."}, {.level = 7, .text = "high..."}, {.level = 3, .text = "middle."}};
    for (int i = 0; i < 3; i++) {
        s[i].q = q;
        s[i].sends = 1;
        start(&s[i]);
    }
    int next[3] = {1, 2, 0};
    struct mq_attr a;
    for (int i = 0; i < 3; i++) {
        is(get(q, NULL), 8);
        is(strcmp(big, "before."), 0);
        pthread_join(s[next[i]].thread, NULL);
        is(s[next[i]].result, 0);
        works(mq_getattr(q, &a));
        is(a.mq_curmsgs, 3);
    }
    for (int i = 0; i < 3; i++) {
        is(get(q, NULL), 8);
        is(strcmp(big, s[next[i]].text), 0);
    }

    begin("a handler that restarts calls, and one that does not");
    struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    struct waiter r = {.q = q};
    start(&r);
    pthread_kill(r.thread, SIGUSR1);
    pause_ms(20);
    works(mq_send(q, "restart", 8, 0));
    pthread_join(r.thread, NULL);
    is(r.result, 8);
    action.sa_flags = 0;
    sigaction(SIGUSR1, &action, NULL);
    struct waiter r2 = {.q = q};
    start(&r2);
    pthread_kill(r2.thread, SIGUSR1);
    pthread_join(r2.thread, NULL);
    is(r2.result, -1);
    is(r2.error, EINTR);
    for (int i = 0; i < 3; i++)
        works(mq_send(q, "full", 5, 0));
    struct waiter r3 = {.q = q, .sends = 1};
    start(&r3);
    pthread_kill(r3.thread, SIGUSR1);
    pthread_join(r3.thread, NULL);
    is(r3.result, -1);
    is(r3.error, EINTR);
    works(mq_getattr(q, &a));
    is(a.mq_curmsgs, 3);
    works(mq_close(q));

    begin("who is killed while waiting leaves nothing behind");
    q = nameless(1, 8);
    pid_t pid = fork();
    if (!pid) {
        mq_receive(q, big, 8, NULL);
        _exit(0);
    }
    pause_ms(30);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    works(mq_send(q, "x", 1, 0));
    is(get(q, NULL), 1);
    works(mq_close(q));
}

static void readiness(void) {
    begin("poll");
    mqd_t q = nameless(2, 8);
    struct pollfd p = {q, POLLIN | POLLOUT, 0};
    is(poll(&p, 1, 0), 1);
    is(p.revents, POLLOUT);
    works(mq_send(q, "x", 1, 0));
    is(poll(&p, 1, 0), 1);
    is(p.revents, POLLIN | POLLOUT);
    works(mq_send(q, "x", 1, 0));
    is(poll(&p, 1, 0), 1);
    is(p.revents, POLLIN);
    get(q, NULL);
    get(q, NULL);

    begin("poll wakes");
    pid_t pid = fork();
    if (!pid) {
        pause_ms(30);
        _exit(mq_send(q, "x", 1, 0) != 0);
    }
    p.events = POLLIN;
    is(poll(&p, 1, 20000), 1);
    is(p.revents, POLLIN);
    waitpid(pid, NULL, 0);
    works(mq_send(q, "x", 1, 0));
    pid = fork();
    if (!pid) {
        pause_ms(30);
        _exit(get(q, NULL) != 1);
    }
    p.events = POLLOUT;
    is(poll(&p, 1, 20000), 1);
    is(p.revents, POLLOUT);
    waitpid(pid, NULL, 0);
    get(q, NULL);

    begin("epoll, edge-triggered");
    int e = works(epoll_create1(0));
    struct epoll_event ev = {EPOLLIN | EPOLLET, {.fd = q}}, got;
    works(epoll_ctl(e, EPOLL_CTL_ADD, q, &ev));
    is(epoll_wait(e, &got, 1, 0), 0);
    works(mq_send(q, "x", 1, 0));
    is(epoll_wait(e, &got, 1, 0), 1);
    is(got.events, EPOLLIN);
    is(epoll_wait(e, &got, 1, 0), 0);
    works(mq_send(q, "y", 1, 0));
    is(epoll_wait(e, &got, 1, 0), 1);
    close(e);
    works(mq_close(q));
}

static void crowd(void) {
    begin("many senders and receivers lose nothing");
    mqd_t q = nameless(10, 8), sums = nameless(10, 8);
    int senders = 4, each = full() ? 5000 : 300;
    for (int s = 0; s < senders; s++)
        if (!fork()) {
            for (long i = 0; i < each; i++) {
                long value = s * 100000 + i;
                if (mq_send(q, (char *)&value, 8, i % 3))
                    _exit(1);
            }
            _exit(0);
        }
    for (int r = 0; r < senders; r++)
        if (!fork()) {
            long sum = 0, value = 0;
            for (int i = 0; i < each; i++) {
                if (mq_receive(q, (char *)&value, 8, NULL) != 8)
                    _exit(1);
                sum += value;
            }
            _exit(mq_send(sums, (char *)&sum, 8, 0) != 0);
        }
    long total = 0, wanted = 0, value;
    for (int s = 0; s < senders; s++) {
        is(mq_receive(sums, (char *)&value, 8, NULL), 8);
        total += value;
        wanted += (long)s * 100000 * each + (long)each * (each - 1) / 2;
    }
    is(total, wanted);
    for (int i = 0; i < 2 * senders; i++) {
        int status = -1;
        wait(&status);
        yes(exited(status, 0));
    }
    struct mq_attr a;
    works(mq_getattr(q, &a));
    is(a.mq_curmsgs, 0);
    works(mq_close(q));
    works(mq_close(sums));
}

static void tests(void) {
    waiting();
    waiters();
    readiness();
    crowd();
}
