/* poll(2), select(2), epoll(7), eventfd(2), timerfd(2). */
#include "check.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/timerfd.h>

static void ring(int sig) {}

static void tests(void) {
    int p[2], status;
    char c;
    works(pipe(p));

    begin("poll: ready, not ready, hung up, not open");
    struct pollfd f[3] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}, {-1, POLLIN, 77}};
    is(poll(f, 3, 0), 1);
    is(f[0].revents, 0);
    is(f[1].revents, POLLOUT);
    is(f[2].revents, 0);
    (void)!write(p[1], "x", 1);
    is(poll(f, 2, -1), 2);
    is(f[0].revents, POLLIN);
    f[2].fd = 999;
    is(poll(f + 2, 1, 0), 1);
    is(f[2].revents, POLLNVAL);
    (void)!read(p[0], &c, 1);

    begin("poll: time passes, a writer wakes it");
    int64_t start = now_ns(CLOCK_MONOTONIC);
    is(poll(f, 1, 50), 0);
    int64_t took = now_ns(CLOCK_MONOTONIC) - start;
    yes(took >= 49000000 && took < 2000000000);
    pid_t pid = fork();
    if (pid == 0) {
        pause_ms(40);
        (void)!write(p[1], "y", 1);
        _exit(0);
    }
    is(poll(f, 1, 10000), 1);
    waitpid(pid, &status, 0);
    (void)!read(p[0], &c, 1);
    fails(poll((void *)8, 1, 0), EFAULT);
    is(poll(NULL, 0, 1), 0);

    begin("poll: hang-up and errors of pipes");
    int q[2];
    works(pipe(q));
    close(q[1]);
    f[0] = (struct pollfd){q[0], POLLIN, 0};
    is(poll(f, 1, 0), 1);
    is(f[0].revents, POLLHUP);
    close(q[0]);
    works(pipe(q));
    close(q[0]);
    f[0] = (struct pollfd){q[1], POLLOUT, 0};
    is(poll(f, 1, 0), 1);
    is(f[0].revents, POLLOUT | POLLERR);
    close(q[1]);

    begin("a signal ends poll; ppoll opens the mask meanwhile");
    signal(SIGALRM, ring);
    struct itimerval soon = {.it_value = {0, 30000}};
    setitimer(ITIMER_REAL, &soon, NULL);
    f[0] = (struct pollfd){p[0], POLLIN, 0};
    fails(poll(f, 1, 5000), EINTR);
    sigset_t set, none;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGALRM);
    struct timespec five = {5, 0};
    is(poll(f, 1, 10), 0);
    fails(ppoll(f, 1, &five, &none), EINTR);
    sigprocmask(SIG_UNBLOCK, &set, NULL);

    begin("select: sets are answered, times out");
    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(p[0], &in);
    FD_SET(p[1], &out);
    struct timeval tv = {1, 0};
    is(select(p[1] + 1, &in, &out, NULL, &tv), 1);
    is(FD_ISSET(p[0], &in), 0);
    yes(FD_ISSET(p[1], &out));
    FD_ZERO(&in);
    FD_SET(p[0], &in);
    tv = (struct timeval){0, 30000};
    is(select(p[1] + 1, &in, NULL, NULL, &tv), 0);
    is(tv.tv_sec * 1000000 + tv.tv_usec, 0);
    FD_SET(60, &in);
    tv = (struct timeval){0, 0};
    fails(select(61, &in, NULL, NULL, &tv), EBADF);
    fails(select(-1, NULL, NULL, NULL, &tv), EINVAL);
    tv = (struct timeval){-1, 0};
    fails(select(0, NULL, NULL, NULL, &tv), EINVAL);
    fails(select(1, (void *)8, NULL, NULL, NULL), EFAULT);

    begin("files are always ready");
    int fd = open("/proc/self/exe", O_RDONLY);
    f[0] = (struct pollfd){fd, POLLIN | POLLOUT, 0};
    is(poll(f, 1, 0), 1);
    is(f[0].revents, POLLIN | POLLOUT);

    begin("epoll: add, change, remove; what is wrong");
    int ep = works(epoll_create1(EPOLL_CLOEXEC));
    struct epoll_event e = {EPOLLIN, {.u64 = 42}}, got[4];
    works(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e));
    fails(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e), EEXIST);
    fails(epoll_ctl(ep, EPOLL_CTL_DEL, p[1], &e), ENOENT);
    fails(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), EPERM);
    fails(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &e), EINVAL);
    fails(epoll_ctl(ep, EPOLL_CTL_ADD, 999, &e), EBADF);
    fails(epoll_ctl(p[0], EPOLL_CTL_ADD, p[1], &e), EINVAL);
    fails(epoll_ctl(ep, 77, p[0], &e), EINVAL);
    fails(epoll_create(0), EINVAL);
    fails(epoll_create1(1234), EINVAL);
    fails(epoll_wait(ep, got, 0, 0), EINVAL);
    is(epoll_wait(ep, got, 4, 0), 0);
    (void)!write(p[1], "xy", 2);
    is(epoll_wait(ep, got, 4, -1), 1);
    is(got[0].data.u64, 42);
    is(got[0].events, EPOLLIN);

    begin("epoll: level against edge, one shot");
    is(epoll_wait(ep, got, 4, 0), 1);
    e.events = EPOLLIN | EPOLLET;
    works(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &e));
    is(epoll_wait(ep, got, 4, 0), 1);
    is(epoll_wait(ep, got, 4, 0), 0);
    (void)!write(p[1], "z", 1);
    is(epoll_wait(ep, got, 4, 0), 1);
    e.events = EPOLLIN | EPOLLONESHOT;
    works(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &e));
    is(epoll_wait(ep, got, 4, 0), 1);
    (void)!write(p[1], "z", 1);
    is(epoll_wait(ep, got, 4, 0), 0);
    works(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL));

    begin("epoll: exclusive watches share wake-ups");
    enum { SHARERS = 4 };
    int shared[2], *woken = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t sharers[SHARERS];
    works(pipe(shared));
    for (int i = 0; i < SHARERS; i++) {
        fflush(stdout);
        sharers[i] = fork();
        if (!sharers[i]) {
            int own = epoll_create1(0);
            e = (struct epoll_event){EPOLLIN | EPOLLET | EPOLLEXCLUSIVE, {.fd = shared[0]}};
            if (epoll_ctl(own, EPOLL_CTL_ADD, shared[0], &e) || epoll_wait(own, got, 1, 60000) != 1)
                _exit(1);
            __atomic_add_fetch(woken, 1, __ATOMIC_SEQ_CST);
            _exit(0);
        }
    }
    for (int i = 0; i < SHARERS; i++) {
        char path[64], stat[512] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", sharers[i]);
        for (int n = 0; n < 20000 && !strstr(stat, ") S "); n++) {
            get_file(path, stat, sizeof stat);
            pause_ms(1);
        }
    }
    pause_ms(20);
    for (int round = 1; round <= SHARERS; round++) {
        is(write(shared[1], "x", 1), 1);
        for (int n = 0; n < 20000 && *(volatile int *)woken < round; n++)
            pause_ms(1);
        pause_ms(20);
        is(*(volatile int *)woken, round);
        is(read(shared[0], &c, 1), 1);
    }
    for (int i = 0; i < SHARERS; i++) {
        works(waitpid(sharers[i], &status, 0));
        yes(exited(status, 0));
    }
    close(shared[0]), close(shared[1]);

    begin("epoll: waits, is woken, forgets what is closed");
    works(pipe(q));
    e = (struct epoll_event){EPOLLIN, {.fd = q[0]}};
    works(epoll_ctl(ep, EPOLL_CTL_ADD, q[0], &e));
    start = now_ns(CLOCK_MONOTONIC);
    is(epoll_wait(ep, got, 4, 30), 0);
    yes(now_ns(CLOCK_MONOTONIC) - start >= 29000000);
    pid = fork();
    if (pid == 0) {
        pause_ms(40);
        (void)!write(q[1], "y", 1);
        _exit(0);
    }
    is(epoll_wait(ep, got, 4, 10000), 1);
    waitpid(pid, &status, 0);
    close(q[0]);
    is(epoll_wait(ep, got, 4, 0), 0);
    close(q[1]);

    begin("epoll in epoll, polled");
    int outer = works(epoll_create1(0));
    e = (struct epoll_event){EPOLLIN, {.u32 = 5}};
    works(epoll_ctl(outer, EPOLL_CTL_ADD, ep, &e));
    e.events = EPOLLIN;
    works(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e));
    is(epoll_wait(outer, got, 4, 0), 1);
    f[0] = (struct pollfd){outer, POLLIN, 0};
    is(poll(f, 1, 0), 1);
    close(outer);
    close(ep);

    begin("eventfd");
    int ev = eventfd(3, EFD_NONBLOCK);
    if (ev < 0 && errno == ENOSYS) {
        skip("no eventfd");
    } else {
        uint64_t v = 0;
        is(read(ev, &v, 8), 8);
        is(v, 3);
        fails(read(ev, &v, 8), EAGAIN);
        fails(read(ev, &v, 4), EINVAL);
        v = 5;
        is(write(ev, &v, 8), 8);
        is(write(ev, &v, 8), 8);
        is(read(ev, &v, 8), 8);
        is(v, 10);
        v = -1;
        fails(write(ev, &v, 8), EINVAL);
        close(ev);
        ev = eventfd(2, EFD_SEMAPHORE);
        is(read(ev, &v, 8), 8);
        is(v, 1);
        close(ev);
    }

    begin("timerfd");
    int t = timerfd_create(CLOCK_MONOTONIC, 0);
    if (t < 0 && errno == ENOSYS) {
        skip("no timerfd");
    } else {
        struct itimerspec when = {{0, 10000000}, {0, 20000000}};
        works(timerfd_settime(t, 0, &when, NULL));
        pause_ms(60);
        uint64_t times = 0;
        is(read(t, &times, 8), 8);
        yes(times >= 3);
        works(timerfd_gettime(t, &when));
        is(when.it_interval.tv_nsec, 10000000);
        close(t);
        fails(timerfd_create(77, 0), EINVAL);
    }

    begin("pidfd: poll and epoll see a process end");
    int hold[2];
    works(pipe(hold));
    pid_t child = works(fork());
    if (child == 0) {
        char c;
        close(hold[1]);
        _exit(read(hold[0], &c, 1) == 1 ? 1 : 0);
    }
    int proc = works(syscall(SYS_pidfd_open, child, 0));
    struct pollfd ended = {proc, POLLIN, 0};
    is(poll(&ended, 1, 0), 0);
    ep = works(epoll_create1(0));
    e = (struct epoll_event){EPOLLIN, {.u32 = 9}};
    works(epoll_ctl(ep, EPOLL_CTL_ADD, proc, &e));
    is(epoll_wait(ep, got, 4, 0), 0);
    close(hold[0]);
    close(hold[1]);
    is(epoll_wait(ep, got, 4, 10000), 1);
    is(got[0].data.u32, 9);
    is(poll(&ended, 1, 0), 1);
    is(ended.revents, POLLIN);
    is(waitpid(child, NULL, 0), child);
    close(ep);
    close(proc);
}
