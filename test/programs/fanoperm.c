/* fanotify(7) that asks: may a file be opened, read, executed? Answers, classes, closing, and death while waiting. */
// test: smp=2 limit=120
#include "fan.h"

#define ASK (FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM)

/* The next event of FD; what its mask is. */
static unsigned next(int fd, struct fanotify_event_metadata *e) {
    struct pollfd waits = {fd, POLLIN, 0};
    if (poll(&waits, 1, 30000) != 1)
        return 0;
    long n = read(fd, e, sizeof *e);
    return n == sizeof *e ? (unsigned)e->mask : 0;
}
static int answer(int fd, struct fanotify_event_metadata *e, unsigned with) {
    struct fanotify_response r = {e->fd, with};
    int n = write(fd, &r, sizeof r);
    close(e->fd);
    return n;
}
static pid_t child_that(int (*what)(void)) {
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        close(queue);
        _exit(what());
    }
    return pid;
}
static int end_of(pid_t pid) {
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    return status;
}
static int ends_with(pid_t pid, int code) {
    int status = end_of(pid);
    return exited(status, code);
}
static int is_killed(pid_t pid) {
    int status = end_of(pid);
    return killed(status, SIGKILL);
}
static int opens(void) {
    int fd = open("f", O_RDONLY);
    return fd < 0 ? errno : 0;
}
static int reads(void) {
    char c;
    int fd = open("f", O_RDONLY);
    if (fd < 0)
        return 200;
    return read(fd, &c, 1) < 0 ? errno : 0;
}
static int reads_more(void) {
    char c[2];
    struct iovec vec = {c, 2};
    int fd = open("f", O_RDONLY), out = open("/dev/null", O_WRONLY);
    int all = pread(fd, c, 1, 0) == -1 && errno == EPERM;
    all |= (readv(fd, &vec, 1) == -1 && errno == EPERM) << 1;
    all |= (preadv(fd, &vec, 1, 0) == -1 && errno == EPERM) << 2;
    all |= (syscall(SYS_sendfile, out, fd, NULL, 1) == -1 && errno == EPERM) << 3;
    return all;
}
static int lists(void) {
    char c[1024];
    int fd = open("d", O_RDONLY);
    return syscall(SYS_getdents64, fd, c, sizeof c) < 0 ? errno : 0;
}
static int makes(void) {
    int fd = open("d/made", O_CREAT | O_EXCL | O_RDWR, 0600);
    return fd < 0 ? errno : 0;
}
static int cuts(void) {
    int fd = open("f", O_WRONLY | O_TRUNC);
    return fd < 0 ? errno : 0;
}
static int runs(void) {
    execl("d/true", "true", NULL);
    return errno;
}

static void ask(unsigned class, unsigned long mask, const char *path) {
    close(queue);
    queue = works(fan_init(class | FAN_CLOEXEC, O_RDONLY));
    works(mark(FAN_MARK_ADD, mask, path));
}

static volatile int stopped;
static void *listener(void *fd) {
    struct fanotify_event_metadata e;
    struct pollfd waits = {(int)(long)fd, POLLIN, 0};
    while (!stopped) {
        poll(&waits, 1, 50);
        if (read(waits.fd, &e, sizeof e) == sizeof e)
            answer(waits.fd, &e, FAN_ALLOW);
    }
    return NULL;
}

static void tests(void) {
    struct fanotify_event_metadata e, e2;
    pid_t pid;
    mkdir("w", 0755);
    works(mount("t", "w", "tmpfs", 0, "mode=755"));
    works(chdir("w"));
    mkdir("d", 0700), put_file("f", "text"), mkdir("n", 0700);
    int to = open("d/true", O_CREAT | O_WRONLY, 0755), from = open("/bin/busybox", O_RDONLY);
    char buffer[65536];
    for (long n; (n = read(from, buffer, sizeof buffer)) > 0;)
        (void)!write(to, buffer, n);
    close(to), close(from);

    begin("an open is allowed or denied");
    ask(FAN_CLASS_CONTENT, FAN_OPEN_PERM, "f");
    pid = child_that(opens);
    is(next(queue, &e), FAN_OPEN_PERM);
    is(e.pid, pid);
    struct fanotify_response r = {e.fd, 7};
    fails(write(queue, &r, sizeof r), EINVAL);
    pid_t other = child_that(opens);
    is(next(queue, &e2), FAN_OPEN_PERM);
    is(e2.pid, other);
    is(answer(queue, &e2, FAN_DENY), 8);
    yes(ends_with(other, EPERM));
    is(answer(queue, &e, FAN_ALLOW), 8);
    yes(ends_with(pid, 0));

    begin("reads");
    ask(FAN_CLASS_CONTENT, ASK, "f");
    pid = child_that(reads);
    is(next(queue, &e), FAN_OPEN_PERM);
    is(answer(queue, &e, FAN_ALLOW), 8);
    is(next(queue, &e), FAN_ACCESS_PERM);
    char c;
    is(read(e.fd, &c, 1), 1); /* the listener's own descriptor asks nobody */
    is(answer(queue, &e, FAN_DENY), 8);
    yes(ends_with(pid, EPERM));
    pid = child_that(reads_more);
    is(next(queue, &e), FAN_OPEN_PERM);
    is(answer(queue, &e, FAN_ALLOW), 8);
    for (int i = 0; i < 4; i++) {
        is(next(queue, &e), FAN_ACCESS_PERM);
        is(answer(queue, &e, FAN_DENY), 8);
    }
    yes(ends_with(pid, 15));

    begin("directories");
    ask(FAN_CLASS_CONTENT, FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_ONDIR, "d");
    pid = child_that(lists);
    is(next(queue, &e), FAN_OPEN_PERM);
    is(answer(queue, &e, FAN_ALLOW), 8);
    is(next(queue, &e), FAN_ACCESS_PERM);
    is(answer(queue, &e, FAN_DENY), 8);
    yes(ends_with(pid, EPERM));

    begin("a file that is made or cut");
    ask(FAN_CLASS_CONTENT, FAN_OPEN_PERM | FAN_EVENT_ON_CHILD, "d");
    pid = child_that(makes);
    is(next(queue, &e), FAN_OPEN_PERM);
    is(answer(queue, &e, FAN_DENY), 8);
    yes(ends_with(pid, EPERM));
    is(access("d/made", F_OK), 0);
    ask(FAN_CLASS_CONTENT, FAN_OPEN_PERM, "f");
    pid = child_that(cuts);
    is(next(queue, &e), FAN_OPEN_PERM);
    is(answer(queue, &e, FAN_DENY), 8);
    yes(ends_with(pid, EPERM));
    struct stat st;
    stat("f", &st);
    is(st.st_size, 4);

    begin("programs");
    ask(FAN_CLASS_CONTENT, ASK, "d/true");
    pid = child_that(runs);
    is(next(queue, &e), FAN_OPEN_EXEC_PERM);
    is(answer(queue, &e, FAN_DENY), 8);
    yes(ends_with(pid, EPERM));
    pid = child_that(runs);
    is(next(queue, &e), FAN_OPEN_EXEC_PERM);
    is(answer(queue, &e, FAN_ALLOW), 8);
    is(next(queue, &e), FAN_OPEN_PERM);
    is(answer(queue, &e, FAN_ALLOW), 8);
    is(next(queue, &e), FAN_ACCESS_PERM);
    is(answer(queue, &e, FAN_DENY), 8);
    yes(ends_with(pid, EPERM));

    begin("the mightier class is asked first, and a no is final");
    close(queue);
    queue = works(fan_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY));
    int pre = works(fan_init(FAN_CLASS_PRE_CONTENT | FAN_CLOEXEC, O_RDONLY));
    int plain = works(fan_init(FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY));
    works(mark(FAN_MARK_ADD, FAN_OPEN_PERM, "f"));
    works(fan_mark(pre, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_PERM, AT_FDCWD, "f"));
    works(fan_mark(plain, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "f"));
    pid = child_that(opens);
    is(next(pre, &e), FAN_OPEN_PERM);
    struct pollfd waits = {queue, POLLIN, 0};
    is(poll(&waits, 1, 0), 0);
    is(answer(pre, &e, FAN_ALLOW), 8);
    is(next(queue, &e), FAN_OPEN_PERM);
    is(answer(queue, &e, FAN_DENY), 8);
    yes(ends_with(pid, EPERM));
    fails(read(plain, &e, sizeof e), EAGAIN);
    pid = child_that(opens);
    is(next(pre, &e), FAN_OPEN_PERM);
    is(answer(pre, &e, FAN_DENY), 8);
    yes(ends_with(pid, EPERM));
    is(poll(&waits, 1, 0), 0);
    close(pre), close(plain);

    begin("an audited answer");
    fails(fan_init(FAN_ENABLE_AUDIT | 0x8000, 0), EINVAL);
    ask(FAN_CLASS_CONTENT | FAN_ENABLE_AUDIT, FAN_OPEN_PERM, "f");
    pid = child_that(opens);
    is(next(queue, &e), FAN_OPEN_PERM);
    is(answer(queue, &e, FAN_DENY | FAN_AUDIT), 8);
    yes(ends_with(pid, EPERM));

    begin("when the group is closed, who waits may go on");
    ask(FAN_CLASS_CONTENT, FAN_OPEN_PERM, "f");
    pid = child_that(opens);
    is(next(queue, &e), FAN_OPEN_PERM);
    other = child_that(opens);
    waits.fd = queue;
    is(poll(&waits, 1, 30000), 1);
    close(queue);
    queue = -1;
    yes(ends_with(pid, 0));
    yes(ends_with(other, 0));
    close(e.fd);

    begin("who waits can be killed, read or unread");
    ask(FAN_CLASS_CONTENT, FAN_OPEN_PERM, "f");
    pid = child_that(opens);
    waits.fd = queue;
    is(poll(&waits, 1, 30000), 1);
    kill(pid, SIGKILL);
    yes(is_killed(pid));
    is(poll(&waits, 1, 0), 0);
    pid = child_that(opens);
    is(next(queue, &e), FAN_OPEN_PERM);
    kill(pid, SIGKILL);
    yes(is_killed(pid));
    is(answer(queue, &e, FAN_ALLOW), 8);
    is(answer(queue, &e, FAN_ALLOW), -1);

    begin("an event that cannot be given is a no");
    ask(FAN_CLASS_CONTENT, FAN_OPEN_PERM, "f");
    pid = child_that(opens);
    is(poll(&(struct pollfd){queue, POLLIN, 0}, 1, 30000), 1);
    fails(read(queue, (char *)8, 24), EFAULT);
    yes(ends_with(pid, EPERM));

    begin("what is ignored is not asked for, and events are no questions");
    ask(FAN_CLASS_CONTENT, FAN_OPEN_PERM | FAN_CLOSE_NOWRITE, "f");
    works(mark(FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_OPEN_PERM, "f"));
    close(open("f", O_RDONLY));
    is(next(queue, &e), FAN_CLOSE_NOWRITE);
    close(e.fd);
    fails(mark(FAN_MARK_ADD, FAN_OPEN_PERM, "/proc/version"), EINVAL);

    begin("many ask at once");
    ask(FAN_CLASS_CONTENT | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS | FAN_NONBLOCK, ASK | FAN_OPEN | FAN_EVENT_ON_CHILD, "d");
    pthread_t threads[2];
    int held = queue;
    for (long i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, listener, (void *)(long)held);
    pid_t pids[8];
    for (int i = 0; i < 8; i++) {
        fflush(stdout);
        pids[i] = fork();
        if (!pids[i]) {
            char text[32], got[8];
            snprintf(text, sizeof text, "d/by%d", i % 4);
            close(queue);
            for (int n = 0; n < 50; n++) {
                int fd = open(text, O_RDWR | O_CREAT, 0600);
                if (fd < 0 || read(fd, got, 8) < 0)
                    _exit(1);
                close(fd);
            }
            _exit(0);
        }
    }
    for (int i = 0; i < 8; i++)
        yes(ends_with(pids[i], 0));
    stopped = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    close(queue);
    queue = -1;
    check_end();
}
