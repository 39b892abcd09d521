/* Memory that fails: each call is made again and again, with the first, then the second, then the third allocation in it
   failing (/proc/thread-self/fail-nth, Linux' Documentation/fault-injection), until it comes through without. Each time it
   works or answers an errno. */
// test: limit=120
#include "check.h"
#include <grp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static int nth = -1;

/* Makes the n-th allocation from now fail. */
static void arm(int n) {
    char text[12];
    int len = snprintf(text, sizeof text, "%d", n);
    while (pwrite(nth, text, len, 0) != len && errno == ENOMEM) {}
}
/* How many allocations were left; 0: it failed. Off afterwards. */
static int disarm(void) {
    char text[12] = "";
    while (pread(nth, text, sizeof text - 1, 0) < 0 && errno == ENOMEM) {}
    int left = atoi(text);
    arm(0);
    return left;
}
static int open_nth(void) {
    nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
    if (nth < 0) {
        char path[60];
        snprintf(path, sizeof path, "/proc/self/task/%ld/fail-nth", syscall(SYS_gettid));
        nth = open(path, O_RDWR | O_CLOEXEC);
    }
    return nth;
}

/* Each makes a call whose allocation number `left` fails, notes in `left` how many were still to come then, and undoes what
   the call did. */
static int left, error;
#define TRY(call) ({ arm(left); long r_ = (call); error = errno; left = disarm(); r_; })
static int ok_errno(int e) {
    return e == ENOMEM || e == EAGAIN || e == ENOSPC || e == ENFILE || e == ENOBUFS;
}

static char page[4096 * 4];
static void c_open(void) { int fd = TRY(open("f", O_RDWR)); if (fd >= 0) close(fd); else yes(ok_errno(error)); }
static void c_creat(void) { int fd = TRY(open("new", O_RDWR | O_CREAT, 0600)); if (fd >= 0) close(fd); else yes(ok_errno(error)); unlink("new"); }
static void c_mkdir(void) { if (TRY(mkdir("dir", 0700))) yes(ok_errno(error)); rmdir("dir"); }
static void c_rename(void) { close(creat("a", 0600)); if (TRY(rename("a", "a-longer-name-than-before-that-needs-room-of-its-own"))) yes(ok_errno(error)); unlink("a"); unlink("a-longer-name-than-before-that-needs-room-of-its-own"); }
static void c_symlink(void) { if (TRY(symlink("/a/target/that/is/not/there/and/is/long/enough/to/need/memory/of/its/own", "sym"))) yes(ok_errno(error)); unlink("sym"); }
static void c_link(void) { if (TRY(link("f", "hard"))) yes(ok_errno(error)); unlink("hard"); }
static void c_unlink(void) { close(creat("gone", 0600)); if (TRY(unlink("gone"))) yes(ok_errno(error)); unlink("gone"); }
static void c_write(void) { int fd = open("w", O_RDWR | O_CREAT | O_TRUNC, 0600); if (TRY(write(fd, page, sizeof page)) < 0) yes(ok_errno(error)); close(fd); unlink("w"); }
static void c_truncate(void) { int fd = open("w", O_RDWR | O_CREAT, 0600); if (TRY(ftruncate(fd, 1 << 20)) < 0) yes(ok_errno(error)); close(fd); unlink("w"); }
static void c_pipe(void) { int p[2]; if (TRY(pipe(p))) yes(ok_errno(error)); else close(p[0]), close(p[1]); }
static void c_pipe_write(void) { int p[2]; works(pipe(p)); if (TRY(write(p[1], page, sizeof page)) < 0) yes(ok_errno(error)); close(p[0]); close(p[1]); }
static void c_dup(void) { int fd = TRY(fcntl(0, F_DUPFD, 700)); if (fd >= 0) close(fd); else yes(ok_errno(error)); }
static void c_mmap(void) { void *p = (void *)TRY((long)mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)); if (p == MAP_FAILED) yes(ok_errno(error)); else munmap(p, 1 << 20); }
static void c_map_file(void) { int fd = open("f", O_RDWR); void *p = (void *)TRY((long)mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)); if (p == MAP_FAILED) yes(ok_errno(error)); else munmap(p, 8192); close(fd); }
static void c_mprotect(void) { char *p = mmap(NULL, 5 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); if (TRY(mprotect(p + 4096, 4096, PROT_READ | PROT_WRITE))) yes(ok_errno(error)); munmap(p, 5 * 4096); }
static void c_munmap(void) { char *p = mmap(NULL, 5 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); if (TRY(munmap(p + 4096, 4096))) yes(ok_errno(error)); munmap(p, 5 * 4096); }
static void c_mremap(void) { char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); *p = 1; char *q = (char *)TRY((long)mremap(p, 4096, 64 * 4096, MREMAP_MAYMOVE)); if (q == MAP_FAILED) { yes(ok_errno(error)); munmap(p, 4096); } else { yes(*q == 1); munmap(q, 64 * 4096); } }
static void c_touch(void) { char *p = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); arm(left); p[0] = 1; p[3 << 20] = 1; left = disarm(); munmap(p, 4 << 20); }
static void c_fork(void) { pid_t pid = TRY(fork()); if (pid == 0) _exit(0); if (pid < 0) yes(ok_errno(error)); else waitpid(pid, NULL, 0); }
static void c_fork_touch(void) {
    /* the child's own allocations fail */
    int status, p[2];
    works(pipe(p));
    int n = left;
    pid_t pid = fork();
    if (pid == 0) {
        close(nth);
        open_nth();
        arm(n);
        for (unsigned i = 0; i < sizeof page; i += 4096)
            page[i]++;
        int is_left = disarm();
        (void)!write(p[1], &is_left, sizeof is_left);
        _exit(0);
    }
    works(waitpid(pid, &status, 0));
    yes(exited(status, 0));
    is(read(p[0], &left, sizeof left), sizeof left);
    close(p[0]);
    close(p[1]);
}
static void c_exec(void) {
    int status, p[2], n = left;
    works(pipe2(p, O_CLOEXEC));
    pid_t pid = fork();
    if (pid == 0) {
        close(nth);
        open_nth();
        arm(n);
        execl("/bin/busybox", "true", NULL);
        int e = errno;
        arm(0);
        (void)!write(p[1], &e, sizeof e);
        _exit(99);
    }
    close(p[1]);
    works(waitpid(pid, &status, 0));
    int e = 0;
    (void)!read(p[0], &e, sizeof e);
    close(p[0]);
    if (exited(status, 99))
        yes(ok_errno(e));
    /* past the point of no return it is a signal */
    left = exited(status, 0);
    yes(exited(status, 0) || exited(status, 99) || WIFSIGNALED(status));
}
static void *nothing(void *arg) { return arg; }
static void c_thread(void) { pthread_t t; int e = TRY(pthread_create(&t, NULL, nothing, NULL)); if (e) yes(ok_errno(e)); else pthread_join(t, NULL); }
static void c_epoll(void) {
    int p[2];
    works(pipe(p));
    int fd = epoll_create1(0);
    struct epoll_event ev = {.events = EPOLLIN};
    if (TRY(epoll_ctl(fd, EPOLL_CTL_ADD, p[0], &ev)))
        yes(ok_errno(error));
    close(fd);
    close(p[0]);
    close(p[1]);
}
static void c_epoll_create(void) { int fd = TRY(epoll_create1(0)); if (fd >= 0) close(fd); else yes(ok_errno(error)); }
static void c_eventfd(void) { int fd = TRY(eventfd(0, 0)); if (fd >= 0) close(fd); else yes(ok_errno(error)); }
static void c_timerfd(void) { int fd = TRY(timerfd_create(CLOCK_MONOTONIC, 0)); if (fd >= 0) close(fd); else yes(ok_errno(error)); }
static void c_signalfd(void) { sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR1); int fd = TRY(signalfd(-1, &set, 0)); if (fd >= 0) close(fd); else yes(ok_errno(error)); }
static void c_poll(void) { struct pollfd f[40]; for (int i = 0; i < 40; i++) f[i] = (struct pollfd){.fd = nth, .events = POLLIN}; if (TRY(poll(f, 40, 0)) < 0) yes(ok_errno(error)); }
static void c_select(void) { int p[2]; works(pipe(p)); fd_set set; FD_ZERO(&set); FD_SET(p[0], &set); struct timeval t = {0, 1000}; if (TRY(select(p[0] + 1, &set, NULL, NULL, &t)) < 0) yes(ok_errno(error)); close(p[0]); close(p[1]); }
static void c_getdents(void) { int fd = open("/proc", O_RDONLY | O_DIRECTORY); if (TRY(syscall(SYS_getdents64, fd, page, sizeof page)) < 0) yes(ok_errno(error)); close(fd); }
static void c_readlink(void) { if (TRY(readlink("/proc/self/exe", page, sizeof page)) < 0) yes(ok_errno(error)); }
static void c_proc(void) {
    static const char *const files[] = {"/proc/self/maps", "/proc/self/status", "/proc/self/stat", "/proc/meminfo", "/proc/mounts", "/proc/self/smaps"};
    static int which;
    int fd = open(files[which % 6], O_RDONLY);
    if (TRY(read(fd, page, sizeof page)) < 0)
        yes(ok_errno(error));
    if (left)
        which++;
    close(fd);
}
static void c_getcwd(void) { if (TRY(syscall(SYS_getcwd, page, sizeof page)) < 0) yes(ok_errno(error)); }
static void c_chdir(void) { if (TRY(chdir("/tmp/."))) yes(ok_errno(error)); works(chdir("/tmp/t/faults")); }
static void c_itimer(void) { struct itimerval t = {.it_value = {1000, 0}}; if (TRY(setitimer(ITIMER_REAL, &t, NULL))) yes(ok_errno(error)); alarm(0); }
static void c_timer(void) { timer_t t; struct sigevent ev = {.sigev_notify = SIGEV_NONE}; if (TRY(timer_create(CLOCK_MONOTONIC, &ev, &t))) yes(ok_errno(error)); else timer_delete(t); }
static void c_sigqueue(void) { sigset_t set, old; sigemptyset(&set); sigaddset(&set, SIGRTMIN + 1); sigprocmask(SIG_BLOCK, &set, &old); if (TRY(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){1}))) yes(ok_errno(error)); struct timespec now = {0, 0}; sigtimedwait(&set, NULL, &now); sigprocmask(SIG_SETMASK, &old, NULL); }
static void c_nanosleep(void) { struct timespec t = {0, 100000}; if (TRY(nanosleep(&t, NULL))) yes(ok_errno(error)); }
static void c_futex(void) { static int word; struct timespec t = {0, 100000}; if (TRY(syscall(SYS_futex, &word, 0, 0, &t, NULL, 0))) yes(ok_errno(error) || error == ETIMEDOUT); }
static void c_lock(void) { int fd = open("f", O_RDWR); struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10}; if (TRY(fcntl(fd, F_SETLK, &l))) yes(ok_errno(error) || error == ENOLCK); close(fd); }
static void c_mount(void) { if (TRY(mount("none", "mnt", "tmpfs", 0, "size=64k"))) yes(ok_errno(error)); else works(umount("mnt")); }
static void c_ptmx(void) { int fd = TRY(open("/dev/ptmx", O_RDWR | O_NOCTTY)); if (fd >= 0) close(fd); else yes(ok_errno(error) || error == EIO || error == ENOENT || error == ENODEV); }
static void c_setgroups(void) { gid_t g[2] = {5, 6}; if (TRY(setgroups(2, g))) yes(ok_errno(error)); setgroups(0, g); }
static void c_setresuid(void) { if (TRY(setresuid(-1, 0, -1))) yes(ok_errno(error)); }
static void c_fifo(void) { int fd = TRY(open("fifo", O_RDWR)); if (fd >= 0) close(fd); else yes(ok_errno(error)); }
static void c_memfd(void) { int fd = TRY(syscall(SYS_memfd_create, "m", 0)); if (fd >= 0) close(fd); else yes(ok_errno(error)); }
static void c_setpgid(void) { int status = in_child({ close(nth); open_nth(); arm(left); int r = setpgid(0, 0); int e = errno, l = disarm(); _exit(r && !ok_errno(e) ? 100 : l > 0); }); yes(!exited(status, 100)); left = exited(status, 1); }
static void c_setsid(void) { int status = in_child({ close(nth); open_nth(); arm(left); int r = setsid(); int e = errno, l = disarm(); _exit(r < 0 && !ok_errno(e) ? 100 : l > 0); }); yes(!exited(status, 100)); left = exited(status, 1); }
static void c_sendfile(void) { int in = open("f", O_RDONLY), out = open("w", O_RDWR | O_CREAT | O_TRUNC, 0600); if (TRY(syscall(SYS_sendfile, out, in, NULL, 4096)) < 0) yes(ok_errno(error)); close(in); close(out); unlink("w"); }

static const struct { const char *name; void (*call)(void); } calls[] = {
    {"open", c_open}, {"creat", c_creat}, {"mkdir", c_mkdir}, {"rename", c_rename}, {"symlink", c_symlink},
    {"link", c_link}, {"unlink", c_unlink}, {"write", c_write}, {"ftruncate", c_truncate}, {"pipe", c_pipe},
    {"write to a pipe", c_pipe_write}, {"fcntl dup", c_dup}, {"mmap", c_mmap}, {"mmap a file", c_map_file},
    {"mprotect", c_mprotect}, {"munmap", c_munmap}, {"mremap", c_mremap}, {"touch memory", c_touch},
    {"fork", c_fork}, {"touch after fork", c_fork_touch}, {"exec", c_exec}, {"pthread_create", c_thread},
    {"epoll_ctl", c_epoll}, {"epoll_create", c_epoll_create}, {"eventfd", c_eventfd},
    {"timerfd_create", c_timerfd}, {"signalfd", c_signalfd}, {"poll", c_poll}, {"select", c_select},
    {"getdents", c_getdents}, {"readlink", c_readlink}, {"read /proc", c_proc}, {"read /proc", c_proc},
    {"read /proc", c_proc}, {"read /proc", c_proc}, {"read /proc", c_proc}, {"read /proc", c_proc},
    {"getcwd", c_getcwd}, {"chdir", c_chdir}, {"setitimer", c_itimer}, {"timer_create", c_timer},
    {"sigqueue", c_sigqueue}, {"nanosleep", c_nanosleep}, {"futex", c_futex}, {"fcntl lock", c_lock},
    {"mount", c_mount}, {"open ptmx", c_ptmx}, {"setgroups", c_setgroups}, {"setresuid", c_setresuid},
    {"open a FIFO", c_fifo}, {"memfd_create", c_memfd}, {"setpgid", c_setpgid}, {"setsid", c_setsid},
    {"sendfile", c_sendfile},
};
#define CALLS (int)(sizeof calls / sizeof *calls)
#define MOST 400

/* All allocations of one call, one after the other; gives how many there were. */
static int all_of(int i) {
    for (int n = 1; n <= MOST; n++) {
        left = n;
        calls[i].call();
        if (left > 0)
            return n - 1;
    }
    return MOST;
}

static void tests(void) {
    static char note[2000];
    begin("each allocation of each call fails once");
    if (open_nth() < 0) {
        skip("no /proc/PID/fail-nth: a kernel without fault injection");
        return;
    }
    close(creat("f", 0600));
    mkdir("mnt", 0700);
    mkfifo("fifo", 0600);
    int fd = open("f", O_WRONLY);
    (void)!write(fd, page, sizeof page);
    close(fd);
    disarm();
    int sum = 0;
    for (int i = 0; i < CALLS; i++) {
        int count = all_of(i);
        sum += count;
        if (count == MOST)
            check_fail(__LINE__, calls[i].name, count, "an end", 0);
        snprintf(note + strlen(note), sizeof note - strlen(note), "%s %d, ", calls[i].name, count);
    }
    yes(sum > 100);
    printf("note %d allocations failed in %d calls: %s\n", sum, CALLS, note);
}
