/* Every error exit of some calls, one after the other: the n-th allocation or access to user memory that a call makes fails
   on purpose (/proc/PID/fail-nth, Documentation/fault-injection). The call says so by an errno that makes sense, or does
   without; nothing breaks, and nothing is left behind. */
// test: smp=1 limit=240
#include "check.h"
#include "counts.h"
#include <dirent.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/statvfs.h>
#include <sys/timerfd.h>

static int nth_file;

/* The n-th pass of this thread from now on fails. */
static void fail_nth(int n) {
    char text[16];
    int len = snprintf(text, sizeof text, "%d", n);
    lseek(nth_file, 0, SEEK_SET);
    (void)!write(nth_file, text, len);
}
/* Whether it has; ends it. */
static int has_failed(void) {
    char text[16] = "";
    return pread(nth_file, text, sizeof text - 1, 0) > 0 && atoi(text) == 0;
}

/* Said before a call's doings are undone, which must not fail: whether it was made to fail. */
static int failed;
static void undo(void) {
    if (failed < 0)
        failed = has_failed();
}

/* Each gives 0 or an errno, and undoes what it did. */
static int a_pipe(void) {
    int p[2];
    char c = 1;
    if (pipe(p))
        return errno;
    int bad = write(p[1], &c, 1) == 1 && read(p[0], &c, 1) == 1 ? 0 : errno;
    undo();
    close(p[0]);
    close(p[1]);
    return bad;
}
static int a_file(void) {
    int fd = open("made", O_CREAT | O_RDWR, 0600);
    if (fd < 0)
        return errno;
    int bad = write(fd, "some text", 9) == 9 ? 0 : errno;
    if (!bad && ftruncate(fd, 5))
        bad = errno;
    undo();
    close(fd);
    unlink("made");
    return bad;
}
static int a_folder(void) {
    if (mkdir("folder", 0700))
        return errno;
    int bad = 0;
    if (symlink("to", "folder/link") || rename("folder/link", "folder/other"))
        bad = errno;
    struct stat s;
    if (!bad && lstat("folder/other", &s))
        bad = errno;
    undo();
    unlink("folder/link");
    unlink("folder/other");
    rmdir("folder");
    return bad;
}
static int a_child(void) {
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    if (pid < 0)
        return errno;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
    return 0;
}
static int a_program(void) {
    pid_t pid = vfork();
    if (pid == 0) {
        execl("/bin/busybox", "true", NULL);
        _exit(0);
    }
    if (pid < 0)
        return errno;
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    return 0; /* after the point of no return the program is killed */
}
static int a_mapping(void) {
    char *at = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return errno;
    int bad = 0;
    for (int i = 0; i < 4; i++)
        at[i << 18] = 1; /* a page fault that finds no memory is taken again */
    long size = 1 << 20;
    void *moved = mremap(at, size, 2 * size, MREMAP_MAYMOVE);
    if (moved != MAP_FAILED)
        at = moved, size *= 2;
    else
        bad = errno;
    if (mprotect(at + 4096, 8192, PROT_READ) || mprotect(at + 65536, 4096, PROT_NONE))
        bad = errno;
    undo();
    munmap(at, size);
    return bad;
}
static int events(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    int e = epoll_create1(0), v = eventfd(0, 0), t = timerfd_create(CLOCK_MONOTONIC, 0), s = signalfd(-1, &set, 0);
    int bad = e < 0 || v < 0 || t < 0 || s < 0 ? errno : 0;
    struct epoll_event event = {.events = EPOLLIN};
    if (!bad && (epoll_ctl(e, EPOLL_CTL_ADD, v, &event) || epoll_ctl(e, EPOLL_CTL_ADD, t, &event)))
        bad = errno;
    if (!bad && epoll_wait(e, &event, 1, 0) < 0)
        bad = errno;
    undo();
    close(e), close(v), close(t), close(s);
    return bad;
}
static int a_memfd(void) {
    int fd = memfd_create("x", 0);
    if (fd < 0)
        return errno;
    int bad = ftruncate(fd, 100000) ? errno : 0;
    char *at = mmap(NULL, 100000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) {
        at[70000] = 1;
        munmap(at, 100000);
    } else if (!bad)
        bad = errno;
    undo();
    close(fd);
    return bad;
}
static int a_listing(void) {
    int fd = open("/proc", O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return errno;
    static char entries[4096];
    int bad = 0;
    long n;
    while ((n = syscall(SYS_getdents64, fd, entries, sizeof entries)) > 0) {}
    if (n < 0)
        bad = errno;
    close(fd);
    return bad;
}
static int a_look_around(void) {
    static const char *const files[] = {"/proc/self/maps", "/proc/self/status", "/proc/meminfo", "/proc/self/mountinfo"};
    static char text[4096];
    for (int i = 0; i < 4; i++) {
        int fd = open(files[i], O_RDONLY);
        if (fd < 0)
            return errno;
        int bad = read(fd, text, sizeof text) < 0 ? errno : 0;
        close(fd);
        if (bad)
            return bad;
    }
    return 0;
}
static int a_mount(void) {
    if (mount("tmpfs", "place", "tmpfs", 0, "size=1m"))
        return errno;
    int bad = 0, fd = open("place/file", O_CREAT | O_WRONLY, 0600);
    if (fd < 0)
        bad = errno;
    undo();
    close(fd);
    umount("place");
    return bad;
}
static int is_mounted(const char *path) {
    struct stat here, above;
    char up[64];
    snprintf(up, sizeof up, "%s/..", path);
    return stat(path, &here) == 0 && stat(up, &above) == 0 && here.st_dev != above.st_dev;
}
/* Peers and a slave; what is mounted on one and taken away again reaches all or none. */
static int spread(void) {
    if (mount("tmpfs", "place", "tmpfs", 0, "size=1m"))
        return errno;
    int bad = 0;
    if (mkdir("place/a", 0700) || mkdir("place/b", 0700) || mkdir("place/c", 0700)
        || mount("tmpfs", "place/a", "tmpfs", 0, "size=1m") || mkdir("place/a/x", 0700)
        || mount(NULL, "place/a", NULL, MS_SHARED, NULL) || mount("place/a", "place/b", NULL, MS_BIND, NULL)
        || mount("place/a", "place/c", NULL, MS_BIND, NULL) || mount(NULL, "place/c", NULL, MS_SLAVE, NULL)
        || mount("tmpfs", "place/a/x", "tmpfs", 0, "size=1m") || mount("place", "place/b/x", NULL, MS_BIND, NULL)
        || umount("place/b/x") || umount("place/b/x"))
        bad = errno;
    undo();
    if (is_mounted("place/c") && (is_mounted("place/a/x") != is_mounted("place/b/x") || is_mounted("place/a/x") != is_mounted("place/c/x")))
        bad = ERANGE;
    umount2("place", MNT_DETACH);
    return bad;
}
static int a_terminal(void) {
    int m = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    if (m < 0)
        return errno;
    int bad = write(m, "x\n", 2) < 0 ? errno : 0;
    undo();
    close(m);
    return bad;
}
static int signals(void) {
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    if (sigprocmask(SIG_BLOCK, &set, &old))
        return errno;
    union sigval value = {.sival_int = 1};
    int bad = 0;
    for (int i = 0; i < 4; i++)
        if (sigqueue(getpid(), SIGRTMIN, value))
            bad = errno;
    struct timespec now = {0, 0};
    undo();
    while (sigtimedwait(&set, NULL, &now) > 0 || errno == EFAULT) {}
    sigprocmask(SIG_SETMASK, &old, NULL);
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer))
        return errno;
    undo();
    timer_delete(timer);
    return bad;
}

static const struct { const char *name; int (*run)(void); } calls[] = {
    {"pipe", a_pipe}, {"file", a_file}, {"folder", a_folder}, {"fork", a_child}, {"exec", a_program},
    {"mmap and its kin", a_mapping}, {"events", events}, {"memfd", a_memfd}, {"getdents", a_listing},
    {"reading /proc", a_look_around}, {"mount", a_mount}, {"propagation", spread}, {"terminal", a_terminal}, {"signals", signals},
};
enum { CALLS = sizeof calls / sizeof *calls };

/* All error exits of a call; how many there are, or minus an errno that makes no sense. */
static int all_of(int i) {
    for (int n = 1; n < 2000; n++) {
        failed = -1;
        fail_nth(n);
        int bad = calls[i].run();
        undo();
        if (bad && bad != ENOMEM && bad != EFAULT && bad != EAGAIN && bad != ENFILE)
            return -bad;
        if (!failed)
            return n - 1;
    }
    return -ELOOP;
}

static void settle_twice(void) {
    pause_ms(30);
    settle();
    pause_ms(10);
    settle();
}

static void tests(void) {
    static char name[CALLS][64];
    begin("/proc/self/fail-nth");
    nth_file = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
    if (nth_file < 0) {
        skip("this kernel is built without fault injection");
        return;
    }
    fail_nth(1000);
    yes(!has_failed());
    fail_nth(1);
    fails(open("/dev/null", O_RDONLY), EFAULT); /* the first thing is to read the name */
    yes(has_failed());

    mkdir("place", 0700);
    struct statvfs before, after;
    works(statvfs(".", &before));
    open_counts();
    for (int i = 0; i < CALLS; i++) {
        snprintf(name[i], sizeof name[i], "every exit of: %s", calls[i].name);
        begin(name[i]);
        yes(all_of(i) >= 0);
        is(calls[i].run(), 0);
    }

    begin("and nothing is left behind");
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < CALLS; i++)
            (void)all_of(i);
        settle_twice();
        count(round & 1);
    }
    const char *what = moved();
    if (what)
        check_fail(__LINE__, what, 0, "the same as before", 0);
    works(statvfs(".", &after));
    is(after.f_ffree, before.f_ffree);
}
