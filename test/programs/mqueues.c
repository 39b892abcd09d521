// POSIX message queues (mq_overview(7)): names, attributes, order, waiting, time-outs, permissions, limits, readiness,
// notification, and the file system.
// test: smp=2 limit=120
#include "check.h"
#include <mqueue.h>
#include <linux/netlink.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/statfs.h>

static char big[70000];
static mqd_t made(const char *name, long most, long size) {
    struct mq_attr a = {.mq_maxmsg = most, .mq_msgsize = size};
    mq_unlink(name);
    return works(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &a));
}
static mqd_t nameless(long most, long size) {
    mqd_t q = made("/nameless", most, size);
    works(mq_unlink("/nameless"));
    return q;
}
static long get(mqd_t q, unsigned *priority) {
    memset(big, 0, 100);
    return mq_receive(q, big, sizeof big, priority);
}
static void nonblocking(mqd_t q, int on) {
    struct mq_attr a = {.mq_flags = on ? O_NONBLOCK : 0};
    works(mq_setattr(q, &a, NULL));
}
static long knob(const char *name) {
    char path[100], text[40];
    snprintf(path, sizeof path, "/proc/sys/fs/mqueue/%s", name);
    yes(get_file(path, text, sizeof text) > 0);
    return atol(text);
}
static int set_knob(const char *name, long value) {
    char path[100], text[40];
    snprintf(path, sizeof path, "/proc/sys/fs/mqueue/%s", name);
    int fd = works(open(path, O_WRONLY));
    long n = snprintf(text, sizeof text, "%ld\n", value);
    long wrote = write(fd, text, n);
    int error = errno;
    close(fd);
    errno = error;
    return wrote == n ? 0 : -1;
}
static long raw_open(const char *name, int flags) { return syscall(SYS_mq_open, name, flags, 0600, NULL); }

static void names(void) {
    begin("names");
    fails(mq_open("no_slash", O_RDONLY), EINVAL);
    fails(mq_open("/", O_RDONLY), ENOENT);
    fails(mq_open("/nowhere", O_RDONLY), ENOENT);
    fails(mq_open("/a/b", O_RDWR | O_CREAT, 0600, NULL), EACCES);
    fails(mq_open("/..", O_RDWR | O_CREAT, 0600, NULL), EACCES);
    fails(mq_open("/.", O_RDWR | O_CREAT, 0600, NULL), EACCES);
    char name[5000];
    memset(name, 'n', sizeof name);
    name[0] = '/';
    name[257] = 0;
    fails(mq_open(name, O_RDWR | O_CREAT, 0600, NULL), ENAMETOOLONG);
    name[257] = 'n';
    name[4999] = 0;
    fails(mq_open(name, O_RDWR | O_CREAT, 0600, NULL), ENAMETOOLONG);
    name[256] = 0;
    mqd_t q = works(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL));
    works(mq_close(q));
    works(mq_unlink(name));
    fails(raw_open("", O_RDONLY), ENOENT);
    fails(raw_open("/slash", O_RDWR | O_CREAT), EACCES);
    fails(raw_open(NULL, O_RDONLY), EFAULT);
    fails(raw_open((void *)-1, O_RDONLY), EFAULT);
    fails(mq_unlink("/nowhere"), ENOENT);
    fails(syscall(SYS_mq_unlink, "a/b"), EACCES);
    fails(syscall(SYS_mq_unlink, ""), ENOENT);
    fails(syscall(SYS_mq_unlink, "."), EACCES);
    name[256] = 'n';
    fails(mq_unlink(name), ENAMETOOLONG);
    fails(syscall(SYS_mq_unlink, NULL), EFAULT);

    begin("a queue lives as long as a name or a descriptor");
    q = made("/lives", 2, 16);
    fails(mq_open("/lives", O_RDWR | O_CREAT | O_EXCL, 0600, NULL), EEXIST);
    works(mq_send(q, "one", 3, 0));
    works(mq_close(q));
    q = works(mq_open("/lives", O_RDWR));
    is(get(q, NULL), 3);
    works(mq_send(q, "two", 3, 0));
    works(mq_unlink("/lives"));
    fails(mq_open("/lives", O_RDONLY), ENOENT);
    is(get(q, NULL), 3);
    mqd_t other = made("/lives", 1, 1);
    struct mq_attr a;
    works(mq_getattr(q, &a));
    is(a.mq_msgsize, 16);
    works(mq_close(other));
    works(mq_unlink("/lives"));
    is(fcntl(q, F_GETFD), FD_CLOEXEC);
    works(mq_close(q));
    fails(mq_close(q), EBADF);
}

static void attributes(void) {
    begin("attributes");
    mqd_t q = works(mq_open("/plain", O_RDWR | O_CREAT | O_NONBLOCK, 0600, NULL));
    struct mq_attr a = {.mq_maxmsg = -1}, b;
    works(mq_getattr(q, &a));
    is(a.mq_maxmsg, 10);
    is(a.mq_msgsize, 8192);
    is(a.mq_flags, O_NONBLOCK);
    is(a.mq_curmsgs, 0);
    works(mq_send(q, "x", 1, 3));
    works(mq_getattr(q, &a));
    is(a.mq_curmsgs, 1);
    struct mq_attr set = {.mq_flags = 0, .mq_maxmsg = 99, .mq_msgsize = 99, .mq_curmsgs = 99};
    works(mq_setattr(q, &set, &b));
    is(b.mq_flags, O_NONBLOCK);
    works(mq_getattr(q, &a));
    is(a.mq_flags, 0);
    is(a.mq_maxmsg, 10);
    is(fcntl(q, F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_RDWR);
    set.mq_flags = O_NONBLOCK | O_APPEND;
    fails(mq_setattr(q, &set, NULL), EINVAL);
    fails(mq_getattr(-1, &a), EBADF);
    fails(mq_getattr(0, &a), EBADF);
    fails(syscall(SYS_mq_getsetattr, q, 1, NULL), EFAULT);
    fails(syscall(SYS_mq_getsetattr, q, NULL, 1), EFAULT);
    is(syscall(SYS_mq_getsetattr, q, NULL, NULL), 0);
    works(mq_close(q));
    works(mq_unlink("/plain"));

    begin("attributes that no queue can have");
    long pairs[][2] = {{0, 8}, {8, 0}, {-1, 8}, {8, -1}, {65537, 8}, {8, 16777217}, {LONG_MAX, LONG_MAX}};
    for (unsigned i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct mq_attr bad = {.mq_maxmsg = pairs[i][0], .mq_msgsize = pairs[i][1]};
        fails(mq_open("/bad", O_RDWR | O_CREAT, 0600, &bad), EINVAL);
    }
    fails(syscall(SYS_mq_open, "bad", O_RDWR | O_CREAT, 0600, 1), EFAULT);
    fails(mq_open("/bad", O_RDONLY), ENOENT);
}

static void order(void) {
    begin("priorities, and first in first out within one");
    mqd_t q = nameless(10, 16);
    const char *sent[] = {"a1", "b5", "c1", "d9", "e5", "f0", "g9", "h1"};
    for (int i = 0; i < 8; i++)
        works(mq_send(q, sent[i], 3, sent[i][1] - '0'));
    const char *wanted[] = {"d9", "g9", "b5", "e5", "a1", "c1", "h1", "f0"};
    for (int i = 0; i < 8; i++) {
        unsigned priority = 77;
        is(get(q, &priority), 3);
        is(priority, wanted[i][1] - '0');
        is(strcmp(big, wanted[i]), 0);
    }
    works(mq_send(q, "", 0, 32767));
    fails(mq_send(q, "", 0, 32768), EINVAL);
    unsigned priority = 0;
    is(get(q, &priority), 0);
    is(priority, 32767);

    begin("sizes and pointers");
    nonblocking(q, 1);
    works(mq_send(q, "sixteen bytes....", 16, 0));
    fails(mq_send(q, "seventeen bytes..", 17, 0), EMSGSIZE);
    fails(mq_send(q, big, (size_t)-1, 0), EMSGSIZE);
    fails(mq_receive(q, big, 15, NULL), EMSGSIZE);
    is(mq_receive(q, big, 16, NULL), 16);
    fails(mq_receive(q, big, 16, NULL), EAGAIN);
    fails(mq_receive(q, big, 15, NULL), EMSGSIZE);
    fails(mq_send(q, (void *)1, 16, 0), EFAULT);
    works(mq_send(q, (void *)1, 0, 0));
    is(get(q, NULL), 0);
    works(mq_send(q, "lost", 4, 0));
    fails(mq_receive(q, (void *)1, 16, NULL), EFAULT);
    works(mq_send(q, "lost", 4, 0));
    fails(mq_receive(q, big, 16, (void *)1), EFAULT);
    fails(mq_receive(q, big, 16, NULL), EAGAIN);
    fails(mq_send(-1, "x", 1, 0), EBADF);
    fails(mq_send(1, "x", 1, 0), EBADF);
    int zero = open("/dev/zero", O_RDWR);
    fails(mq_send(zero, "x", 1, 0), EBADF);
    fails(mq_receive(zero, big, 1, NULL), EBADF);
    close(zero);
    works(mq_close(q));

    begin("a large message");
    q = nameless(2, 65536);
    for (int i = 0; i < 65536; i++)
        big[i] = i * 7 + i / 256;
    works(mq_send(q, big, 65536, 0));
    memset(big, 0, sizeof big);
    is(mq_receive(q, big, sizeof big, NULL), 65536);
    int same = 1;
    for (int i = 0; i < 65536; i++)
        same &= big[i] == (char)(i * 7 + i / 256);
    yes(same);
    works(mq_close(q));
}

static void rights(void) {
    begin("access by open mode");
    mqd_t q = made("/mode", 2, 8);
    works(mq_close(q));
    mqd_t in = works(mq_open("/mode", O_RDONLY)), out = works(mq_open("/mode", O_WRONLY));
    fails(mq_send(in, "x", 1, 0), EBADF);
    fails(mq_receive(out, big, 8, NULL), EBADF);
    fails(mq_open("/mode", O_ACCMODE), EINVAL);
    works(mq_send(out, "x", 1, 0));
    is(mq_receive(in, big, 8, NULL), 1);
    works(mq_close(in));
    works(mq_close(out));
    works(mq_unlink("/mode"));

    begin("permissions");
    umask(027);
    struct mq_attr a = {.mq_maxmsg = 1, .mq_msgsize = 8};
    q = works(mq_open("/perm", O_RDWR | O_CREAT, 0666, &a));
    umask(0);
    struct stat st;
    works(fstat(q, &st));
    is(st.st_mode, S_IFREG | 0640);
    is(st.st_size, 80);
    is(st.st_uid, 0);
    works(fchmod(q, 0604));
    int status = in_child({
        if (setgid(1000) || setuid(1000))
            _exit(1);
        if (mq_open("/perm", O_RDWR) != -1 || errno != EACCES)
            _exit(2);
        if (mq_open("/perm", O_WRONLY) != -1 || errno != EACCES)
            _exit(3);
        mqd_t mine = mq_open("/perm", O_RDONLY);
        if (mine == -1)
            _exit(4);
        // The directory is sticky.
        if (mq_unlink("/perm") != -1 || errno != EACCES)
            _exit(5);
        if (syscall(SYS_mq_unlink, "perm") != -1 || errno != EPERM)
            _exit(6);
        struct mq_attr own = {.mq_maxmsg = 1, .mq_msgsize = 8};
        mqd_t second = mq_open("/own", O_RDWR | O_CREAT | O_EXCL, 0600, &own);
        if (second == -1 || mq_unlink("/own"))
            _exit(7);
        own.mq_maxmsg = 11;
        if (mq_open("/more", O_RDWR | O_CREAT, 0600, &own) != -1 || errno != EINVAL)
            _exit(8);
        own.mq_maxmsg = 10;
        own.mq_msgsize = 8193;
        if (mq_open("/more", O_RDWR | O_CREAT, 0600, &own) != -1 || errno != EINVAL)
            _exit(9);
    });
    yes(exited(status, 0));
    works(mq_close(q));
    works(mq_unlink("/perm"));
    umask(022);
}

static void limits(void) {
    begin("limits of the system");
    is(knob("msg_default"), 10);
    is(knob("msg_max"), 10);
    is(knob("msgsize_default"), 8192);
    is(knob("msgsize_max"), 8192);
    is(knob("queues_max"), 256);
    fails(set_knob("msg_max", 0), EINVAL);
    fails(set_knob("msg_max", 65537), EINVAL);
    fails(set_knob("msgsize_max", 127), EINVAL);
    fails(set_knob("msgsize_max", 16777217), EINVAL);
    fails(set_knob("msg_default", 0), EINVAL);
    fails(set_knob("msgsize_default", 1), EINVAL);
    works(set_knob("msg_default", 3));
    works(set_knob("msgsize_default", 200));
    struct mq_attr a;
    mqd_t q = works(mq_open("/usual", O_RDWR | O_CREAT, 0600, NULL));
    works(mq_getattr(q, &a));
    is(a.mq_maxmsg, 3);
    is(a.mq_msgsize, 200);
    works(mq_close(q));
    works(mq_unlink("/usual"));
    works(set_knob("msg_max", 2));
    q = works(mq_open("/usual", O_RDWR | O_CREAT, 0600, NULL));
    works(mq_getattr(q, &a));
    is(a.mq_maxmsg, 2);
    works(mq_close(q));
    works(mq_unlink("/usual"));
    works(set_knob("msg_max", 10));
    works(set_knob("msg_default", 10));
    works(set_knob("msgsize_default", 8192));

    begin("how many queues there may be");
    works(set_knob("queues_max", 2));
    int status = in_child({
        if (setuid(1000))
            _exit(1);
        struct mq_attr one = {.mq_maxmsg = 1, .mq_msgsize = 1};
        mqd_t first = mq_open("/q1", O_RDWR | O_CREAT, 0600, &one);
        if (first == -1 || mq_open("/q2", O_RDWR | O_CREAT, 0600, &one) == -1)
            _exit(2);
        if (mq_open("/q3", O_RDWR | O_CREAT, 0600, &one) != -1 || errno != ENOSPC)
            _exit(3);
        // A queue counts until its last descriptor is closed.
        if (mq_unlink("/q1") || mq_open("/q3", O_RDWR | O_CREAT, 0600, &one) != -1 || errno != ENOSPC)
            _exit(4);
        if (mq_close(first) || mq_open("/q3", O_RDWR | O_CREAT, 0600, &one) == -1)
            _exit(5);
        if (mq_unlink("/q2") || mq_unlink("/q3"))
            _exit(6);
    });
    yes(exited(status, 0));
    mqd_t some[3];
    for (int i = 0; i < 3; i++)
        some[i] = nameless(1, 1);
    for (int i = 0; i < 3; i++)
        works(mq_close(some[i]));
    works(set_knob("queues_max", 256));

    begin("without a descriptor to be had none is made");
    status = in_child({
        struct rlimit none = {0, 64};
        if (setrlimit(RLIMIT_NOFILE, &none))
            _exit(1);
        if (mq_open("/nofile", O_RDWR | O_CREAT, 0600, NULL) != -1 || errno != EMFILE)
            _exit(2);
        // The descriptor comes before all but the copy of the name.
        if (mq_open("/nowhere", O_RDWR) != -1 || errno != EMFILE)
            _exit(3);
        if (mq_unlink("/nofile") != -1 || errno != ENOENT)
            _exit(4);
    });
    yes(exited(status, 0));

    begin("bytes of a user's queues (RLIMIT_MSGQUEUE)");
    status = in_child({
        // A message counts 48 bytes and its size, each priority that can be had 48 more.
        struct rlimit l = {10 * (8192 + 96) + 1 * (100 + 96), 819200};
        if (setrlimit(RLIMIT_MSGQUEUE, &l) || setuid(1001))
            _exit(1);
        struct mq_attr ten = {.mq_maxmsg = 10, .mq_msgsize = 8192}, one = {.mq_maxmsg = 1, .mq_msgsize = 100};
        mqd_t first = mq_open("/l1", O_RDWR | O_CREAT, 0600, &ten);
        if (first == -1)
            _exit(2);
        one.mq_msgsize = 101;
        if (mq_open("/l2", O_RDWR | O_CREAT, 0600, &one) != -1 || errno != EMFILE)
            _exit(3);
        one.mq_msgsize = 100;
        if (mq_open("/l2", O_RDWR | O_CREAT, 0600, &one) == -1)
            _exit(4);
        if (mq_open("/l3", O_RDWR | O_CREAT, 0600, &one) != -1 || errno != EMFILE)
            _exit(5);
        if (mq_unlink("/l1") || mq_open("/l3", O_RDWR | O_CREAT, 0600, &one) != -1 || errno != EMFILE)
            _exit(6);
        if (mq_close(first) || mq_open("/l3", O_RDWR | O_CREAT, 0600, &one) == -1)
            _exit(7);
        if (mq_unlink("/l2") || mq_unlink("/l3"))
            _exit(8);
    });
    yes(exited(status, 0));
}

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

struct waiter {
    mqd_t q;
    int level, sends;
    char text[8];
    long result;
    int error;
    pthread_t thread;
    pid_t tid;
};
static void *wait_one(void *arg) {
    struct waiter *w = arg;
    if (w->level)
        pthread_setschedparam(pthread_self(), SCHED_FIFO, &(struct sched_param){.sched_priority = w->level});
    __atomic_store_n(&w->tid, gettid(), __ATOMIC_SEQ_CST);
    w->result = w->sends ? mq_send(w->q, w->text, 8, 0) : mq_receive(w->q, w->text, 8, NULL);
    w->error = errno;
    return NULL;
}
/* Starts a thread and comes back when it sleeps. */
static void start(struct waiter *w) {
    pthread_create(&w->thread, NULL, wait_one, w);
    for (;;) {
        pid_t tid = __atomic_load_n(&w->tid, __ATOMIC_SEQ_CST);
        char path[64], text[300];
        snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
        if (tid && get_file(path, text, sizeof text) > 0) {
            char *state = strrchr(text, ')');
            if (state && state[2] == 'S')
                return;
        }
        pause_ms(1);
    }
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

static volatile int told, told_code, told_value, told_pid, told_uid;
static void on_signal(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    told_code = info->si_code;
    told_value = info->si_value.sival_int;
    told_pid = info->si_pid;
    told_uid = info->si_uid;
    told++;
}
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t came = PTHREAD_COND_INITIALIZER;
static int threads_ran, thread_value;
static void in_thread(union sigval value) {
    pthread_mutex_lock(&lock);
    thread_value = value.sival_int;
    threads_ran++;
    pthread_cond_signal(&came);
    pthread_mutex_unlock(&lock);
}
static long shown(mqd_t q, char *text) {
    long n = pread(q, text, 200, 0);
    text[n > 0 ? n : 0] = 0;
    return n;
}

static void notification(void) {
    char text[201], wanted[201];
    begin("notification by a signal");
    mqd_t q = nameless(2, 8);
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    sigaction(SIGRTMIN, &action, NULL);
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 42};
    works(mq_notify(q, &ev));
    fails(mq_notify(q, &ev), EBUSY);
    is(shown(q, text), 60);
    snprintf(wanted, sizeof wanted, "QSIZE:%-10d NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", 0, SIGEV_SIGNAL, SIGRTMIN, getpid());
    is(strcmp(text, wanted), 0);
    works(mq_send(q, "abc", 3, 0));
    is(told, 1);
    is(told_code, SI_MESGQ);
    is(told_value, 42);
    is(told_pid, getpid());
    is(told_uid, getuid());
    shown(q, text);
    snprintf(wanted, sizeof wanted, "QSIZE:%-10d NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", 3, 0, 0, 0);
    is(strcmp(text, wanted), 0);

    begin("once, and only when an empty queue gets a message");
    works(mq_notify(q, &ev));
    works(mq_send(q, "def", 3, 0));
    is(told, 1);
    get(q, NULL);
    get(q, NULL);
    works(mq_send(q, "ghi", 3, 0));
    is(told, 2);
    get(q, NULL);
    works(mq_send(q, "jkl", 3, 0));
    is(told, 2);
    get(q, NULL);

    begin("a receiver that waits gets the message instead");
    works(mq_notify(q, &ev));
    struct waiter w = {.q = q};
    start(&w);
    works(mq_send(q, "waiter.", 8, 0));
    pthread_join(w.thread, NULL);
    is(told, 2);
    works(mq_send(q, "nobody.", 8, 0));
    is(told, 3);
    get(q, NULL);

    begin("who sent");
    works(mq_notify(q, &ev));
    pid_t pid = fork();
    if (!pid) {
        if (setuid(1234))
            _exit(1);
        _exit(mq_send(q, "x", 1, 0) != 0);
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
    is(told, 4);
    is(told_pid, pid);
    is(told_uid, 1234);
    get(q, NULL);

    begin("registering is the process', and ends when it closes any descriptor");
    works(mq_notify(q, &ev));
    int status = in_child({
        struct sigevent none = {.sigev_notify = SIGEV_NONE};
        if (mq_notify(q, &none) != -1 || errno != EBUSY)
            _exit(1);
        if (mq_notify(q, NULL))
            _exit(2);
        mq_close(q);
    });
    yes(exited(status, 0));
    fails(mq_notify(q, &ev), EBUSY);
    works(mq_notify(q, NULL));
    works(mq_notify(q, NULL));
    works(mq_notify(q, &ev));
    int copy = works(dup(q));
    works(close(copy));
    works(mq_notify(q, &ev));
    works(mq_notify(q, NULL));
    status = in_child({
        struct sigevent none = {.sigev_notify = SIGEV_NONE};
        if (mq_notify(q, &none))
            _exit(1);
        shown(q, text);
        snprintf(wanted, sizeof wanted, "QSIZE:%-10d NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", 0, SIGEV_NONE, 0, getpid());
        _exit(strcmp(text, wanted) ? 2 : 0);
    });
    yes(exited(status, 0));
    works(mq_notify(q, &ev));
    works(mq_notify(q, NULL));

    begin("notifications that cannot be");
    struct sigevent bad = ev;
    bad.sigev_notify = 77;
    fails(mq_notify(q, &bad), EINVAL);
    bad = ev;
    bad.sigev_signo = 65;
    fails(mq_notify(q, &bad), EINVAL);
    bad.sigev_signo = -1;
    fails(mq_notify(q, &bad), EINVAL);
    fails(mq_notify(-1, &ev), EBADF);
    fails(mq_notify(1, &ev), EBADF);
    fails(syscall(SYS_mq_notify, q, 1), EFAULT);
    bad.sigev_signo = 0;
    works(mq_notify(q, &bad));
    works(mq_send(q, "x", 1, 0));
    is(told, 4);
    get(q, NULL);
    works(mq_notify(q, &ev));
    works(mq_notify(q, NULL));

    begin("the cookie of a netlink socket");
    int nl = works(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    char cookie[32], back[64];
    for (int i = 0; i < 32; i++)
        cookie[i] = 'A' + i;
    struct sigevent th = {.sigev_notify = SIGEV_THREAD, .sigev_signo = nl, .sigev_value.sival_ptr = cookie};
    is(syscall(SYS_mq_notify, q, &th), 0);
    fails(recv(nl, back, sizeof back, MSG_DONTWAIT), EAGAIN);
    works(mq_send(q, "x", 1, 0));
    is(recv(nl, back, sizeof back, MSG_DONTWAIT), 32);
    is(memcmp(back, cookie, 31), 0);
    is(back[31], 1);
    get(q, NULL);
    is(syscall(SYS_mq_notify, q, &th), 0);
    works(mq_notify(q, NULL));
    is(recv(nl, back, sizeof back, MSG_DONTWAIT), 32);
    is(back[31], 2);
    th.sigev_signo = 1;
    fails(syscall(SYS_mq_notify, q, &th), ENOTSOCK);
    th.sigev_signo = -1;
    fails(syscall(SYS_mq_notify, q, &th), EBADF);
    th.sigev_signo = nl;
    th.sigev_value.sival_ptr = (void *)1;
    fails(syscall(SYS_mq_notify, q, &th), EFAULT);
    close(nl);

    begin("notification by a thread");
    struct sigevent run = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = in_thread, .sigev_value.sival_int = 17};
    for (int i = 1; i <= 3; i++) {
        works(mq_notify(q, &run));
        works(mq_send(q, "x", 1, 0));
        pthread_mutex_lock(&lock);
        while (threads_ran < i)
            pthread_cond_wait(&came, &lock);
        pthread_mutex_unlock(&lock);
        get(q, NULL);
    }
    is(thread_value, 17);
    works(mq_notify(q, &run));
    works(mq_notify(q, NULL));
    is(threads_ran, 3);
    works(mq_close(q));
}

static void file_system(void) {
    begin("the file system");
    works(mkdir("/tmp/mq", 0700));
    works(mount("none", "/tmp/mq", "mqueue", 0, NULL));
    struct statfs fs;
    works(statfs("/tmp/mq", &fs));
    is(fs.f_type, 0x19800202);
    is(fs.f_namelen, 255);
    struct stat st;
    works(stat("/tmp/mq", &st));
    is(st.st_mode, S_IFDIR | 01777);
    mqd_t q = made("/seen", 4, 16);
    works(mq_send(q, "abc", 3, 1));
    works(mq_send(q, "de", 2, 1));
    char text[200];
    is(get_file("/tmp/mq/seen", text, sizeof text), 60);
    is(strcmp(text, "QSIZE:5          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n"), 0);
    works(stat("/tmp/mq/seen", &st));
    is(st.st_mode, S_IFREG | 0600);
    is(st.st_size, 80);
    int fd = works(open("/tmp/mq/seen", O_RDWR));
    fails(write(fd, "x", 1), EINVAL);
    is(get(fd, NULL), 3);
    close(fd);
    works(unlink("/tmp/mq/seen"));
    fails(mq_open("/seen", O_RDWR), ENOENT);
    is(get(q, NULL), 2);
    works(mq_close(q));
    fd = works(open("/tmp/mq/byhand", O_CREAT | O_RDWR | O_EXCL, 0640));
    struct mq_attr a;
    works(mq_getattr(fd, &a));
    is(a.mq_maxmsg, 10);
    close(fd);
    q = works(mq_open("/byhand", O_RDWR));
    works(mq_close(q));
    fails(mkdir("/tmp/mq/dir", 0700), EPERM);
    fails(symlink("x", "/tmp/mq/link"), EPERM);
    fails(link("/tmp/mq/byhand", "/tmp/mq/other"), EPERM);
    fails(rename("/tmp/mq/byhand", "/tmp/mq/other"), EPERM);
    fails(mknod("/tmp/mq/fifo", S_IFIFO | 0600, 0), EPERM);
    works(mq_unlink("/byhand"));
    fails(access("/tmp/mq/byhand", F_OK), ENOENT);
    works(umount("/tmp/mq"));
    works(rmdir("/tmp/mq"));
    is(access("/dev/mqueue", F_OK), 0);
    works(statfs("/dev/mqueue", &fs));
    is(fs.f_type, 0x19800202);
}

static void namespaces(void) {
    begin("queues are an IPC namespace's own");
    mqd_t q = made("/outer", 2, 8);
    works(set_knob("msg_default", 7));
    int status = in_child({
        if (unshare(CLONE_NEWIPC | CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
            _exit(1);
        if (mq_open("/outer", O_RDWR) != -1 || errno != ENOENT)
            _exit(2);
        if (knob("msg_default") != 10 || set_knob("msg_default", 3))
            _exit(3);
        if (mq_send(q, "outside", 8, 0))
            _exit(4);
        if (mkdir("/tmp/inner", 0700) || mount("none", "/tmp/inner", "mqueue", 0, NULL))
            _exit(5);
        if (mq_open("/inner", O_RDWR | O_CREAT, 0600, NULL) == -1 || access("/tmp/inner/inner", F_OK))
            _exit(6);
        if (!access("/tmp/inner/outer", F_OK) || access("/dev/mqueue/outer", F_OK))
            _exit(7);
    });
    yes(exited(status, 0));
    is(get(q, NULL), 8);
    is(knob("msg_default"), 7);
    works(set_knob("msg_default", 10));
    fails(mq_open("/inner", O_RDWR), ENOENT);
    works(mq_close(q));
    works(mq_unlink("/outer"));
    rmdir("/tmp/inner");
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
    names();
    attributes();
    order();
    rights();
    limits();
    waiting();
    waiters();
    readiness();
    notification();
    file_system();
    namespaces();
    crowd();
}
