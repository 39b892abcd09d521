/* pid_namespaces(7): numbers of processes of one's own, by clone(2), unshare(2) and setns(2). */
#include "check.h"
#include <dirent.h>
#include <linux/nsfs.h>
#include <linux/reboot.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

static long number(const char *path) {
    struct stat st;
    return stat(path, &st) ? -1 : (long)st.st_ino;
}

/* A child in new namespaces: 0 in the child. */
static pid_t clone_in(unsigned long flags) {
    fflush(stdout);
    return syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
}
static long clone3_as(const pid_t *wanted, unsigned count, unsigned long flags) {
    struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD, .set_tid = (uintptr_t)wanted, .set_tid_size = count};
    fflush(stdout);
    return syscall(SYS_clone3, &args, sizeof args);
}
static int status_of(pid_t pid) {
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    return status;
}
static int ended(pid_t pid, int code) {
    int status = status_of(pid);
    return exited(status, code);
}
static int died(pid_t pid, int signal) {
    int status = status_of(pid);
    return killed(status, signal);
}
/* Runs BODY as process 1 of a new namespace; gives its status. */
#define inside(...) ({ pid_t p_ = clone_in(CLONE_NEWPID); if (!p_) { __VA_ARGS__; _exit(0); } status_of(p_); })
#define must(e) do { if (!(e)) { printf("not ok %s: line %d: %s (errno %d)\n", check_name, __LINE__, #e, errno); fflush(stdout); check_name = "?"; _exit(99); } } while (0)

static int field(const char *path, const char *name, char *value) {
    char text[8192] = "", *at;
    if (get_file(path, text, sizeof text) < 0 || !(at = strstr(text, name))) return -1;
    at += strlen(name);
    at[strcspn(at, "\n")] = 0;
    strcpy(value, at);
    return 0;
}

static volatile sig_atomic_t caught, by;
static void note(int sig, siginfo_t *info, void *context) {
    (void)context;
    caught = sig;
    by = info->si_pid;
}
static void listen_to(int sig) {
    struct sigaction act = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
    caught = by = 0;
    sigaction(sig, &act, NULL);
}

static int up[2], down[2];
static void pipes(void) {
    pipe(up);
    pipe(down);
}
static void say(int *to) { write(to[1], "x", 1); }
static int hear(int *from) { char byte; return read(from[0], &byte, 1); }
static void unpipe(void) {
    close(up[0]), close(up[1]), close(down[0]), close(down[1]);
}

static void *no_thread(void *arg) { return arg; }
static void *outlive(void *arg) {
    pause_ms(30);
    return arg;
}

/* How many processes the procfs at PATH lists. */
static int listed(const char *path) {
    DIR *dir = opendir(path);
    int count = 0;
    for (struct dirent *e; dir && (e = readdir(dir));) count += e->d_name[0] >= '1' && e->d_name[0] <= '9';
    if (dir) closedir(dir);
    return count;
}

static void numbers(void) {
    begin("process 1");
    is(WEXITSTATUS(inside({
        must(getpid() == 1 && getppid() == 0 && syscall(SYS_gettid) == 1);
        must(getpgrp() == 0 && getsid(0) == 0);
        must(syscall(SYS_set_tid_address, &caught) == 1);
        pid_t child = fork();
        if (!child) _exit(getpid() == 2 && getppid() == 1 ? 7 : 8);
        must(child == 2 && ended(2, 7));
        must(kill(2, 0) == -1 && errno == ESRCH);
        must(setsid() == 1 && getpgrp() == 1 && getsid(0) == 1);
        must(kill(getpid(), 0) == 0 && kill(0, 0) == 0);
    })), 0);

    begin("the parent's view");
    pipes();
    pid_t pid = works(clone_in(CLONE_NEWPID));
    if (!pid) {
        hear(down);
        _exit(0);
    }
    char path[64];
    char text[256];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    is(field(path, "NSpid:\t", text), 0);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%d\t1", pid);
    is(strcmp(text, wanted), 0);
    is(field(path, "NSpgid:\t", text), 0);
    snprintf(wanted, sizeof wanted, "%d\t0", getpgrp());
    is(strcmp(text, wanted), 0);
    is(field(path, "\nPid:\t", text), 0);
    is(atoi(text), pid);
    say(down);
    is(status_of(pid), 0);
    unpipe();

    begin("deeper");
    is(WEXITSTATUS(inside({
        pid_t one = clone_in(CLONE_NEWPID);
        if (!one) {
            must(getpid() == 1);
            pid_t two = fork();
            if (!two) _exit(getpid());
            must(two == 2 && WEXITSTATUS(status_of(two)) == 2);
            _exit(5);
        }
        must(one == 2 && ended(one, 5));
    })), 0);

    begin("thirty-two levels");
    /* Each makes the next, and tells what came of it. */
    is(WEXITSTATUS(inside({
        for (int level = 2; ; level++) {
            pid_t next = clone_in(CLONE_NEWPID);
            if (next < 0) _exit(errno == ENOSPC ? level - 1 : 100);
            if (next) _exit(WEXITSTATUS(status_of(next)));
        }
    })), 32);

    begin("orphans");
    is(WEXITSTATUS(inside({
        pipes();
        pid_t child = fork();
        if (!child) {
            if (!fork()) {
                hear(down);
                while (getppid() != 1) pause_ms(1);
                _exit(getpid() == 3 ? 9 : 10);
            }
            _exit(0);
        }
        must(status_of(child) == 0);
        say(down);
        int status;
        must(waitpid(-1, &status, 0) == 3 && exited(status, 9));
        must(wait(NULL) == -1 && errno == ECHILD);
    })), 0);
}

static void unshared(void) {
    begin("unshare");
    int status = in_child({
        long own = number("/proc/self/ns/pid");
        must(unshare(CLONE_NEWPID) == 0);
        must(getpid() != 1 && number("/proc/self/ns/pid") == own);
        char text[64];
        must(readlink("/proc/self/ns/pid_for_children", text, sizeof text) == -1 && errno == ENOENT);
        must(unshare(CLONE_NEWPID) == -1 && errno == EINVAL);
        pthread_t thread;
        must(pthread_create(&thread, NULL, no_thread, NULL) == EINVAL);
        pipes();
        pid_t first = fork();
        if (!first) {
            must(getpid() == 1 && getppid() == 0);
            must(hear(down) == 1);
            _exit(3);
        }
        must(first > 1);
        must(number("/proc/self/ns/pid_for_children") != own && number("/proc/self/ns/pid_for_children") > 0);
        pid_t second = fork();
        if (!second) _exit(getpid() == 2 && getppid() == 0 ? 4 : 5);
        must(ended(second, 4));
        say(down);
        must(ended(first, 3));
        must(fork() == -1 && errno == ENOMEM);
    });
    is(status, 0);

    begin("no privilege");
    is(in_child({
        must(setuid(1000) == 0);
        must(unshare(CLONE_NEWPID) == -1 && errno == EPERM);
        must(clone_in(CLONE_NEWPID) == -1 && errno == EPERM);
        pid_t pid = clone_in(CLONE_NEWUSER | CLONE_NEWPID);
        if (!pid) _exit(getpid());
        must(ended(pid, 1));
    }), 0);

    begin("flags that go not together");
    fails(syscall(SYS_clone, CLONE_NEWPID | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, 0, 0, 0, 0), EINVAL);
    is(WEXITSTATUS(inside(must(syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0) == -1 && errno == EINVAL))), 0);
}

static void signals(void) {
    begin("deaf to those inside");
    is(WEXITSTATUS(inside({
        pid_t child = fork();
        if (!child) {
            must(kill(1, SIGTERM) == 0 && kill(1, SIGKILL) == 0 && kill(1, SIGSTOP) == 0);
            must(syscall(SYS_tkill, 1, SIGKILL) == 0);
            _exit(0);
        }
        must(status_of(child) == 0);
        must(kill(getpid(), SIGKILL) == 0);
        listen_to(SIGUSR1);
        child = fork();
        if (!child) _exit(kill(1, SIGUSR1));
        must(status_of(child) == 0 && caught == SIGUSR1 && by == 2 + 1);
        _exit(6);
    })), 6);

    begin("not to those outside");
    pipes();
    pid_t pid = clone_in(CLONE_NEWPID);
    if (!pid) {
        listen_to(SIGUSR1);
        say(up);
        while (!caught) pause_ms(1);
        must(by == 0);
        say(up);
        for (;;) pause();
    }
    hear(up);
    is(kill(pid, SIGTERM), 0);
    is(kill(pid, SIGUSR1), 0);
    is(hear(up), 1);
    int status;
    is(kill(pid, SIGSTOP), 0);
    is(waitpid(pid, &status, WUNTRACED), pid);
    yes(WIFSTOPPED(status));
    is(kill(pid, SIGKILL), 0);
    yes(died(pid, SIGKILL));
    unpipe();

    begin("its own fault ends it");
    is(WTERMSIG(inside({
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        *(volatile int *)(uintptr_t)(getpid() * 8) = 1;
    })), SIGSEGV);

    begin("kill all");
    is(WEXITSTATUS(inside({
        pid_t one = fork();
        if (!one) for (;;) pause();
        pid_t two = fork();
        if (!two) for (;;) pause();
        must(kill(-1, SIGKILL) == 0);
        must(died(one, SIGKILL) && died(two, SIGKILL));
        must(kill(-1, SIGKILL) == -1 && errno == ESRCH);
    })), 0);

    begin("who sent it, from inside outwards");
    listen_to(SIGCHLD);
    by = 0;
    pid = clone_in(CLONE_NEWPID);
    if (!pid) _exit(1);
    is(WEXITSTATUS(status_of(pid)), 1);
    is(by, pid);
    signal(SIGCHLD, SIG_DFL);
    siginfo_t info;
    pid = clone_in(CLONE_NEWPID);
    if (!pid) _exit(2);
    is(waitid(P_PID, pid, &info, WEXITED), 0);
    is(info.si_pid, pid);
    is(info.si_status, 2);

    begin("sigqueue");
    is(WEXITSTATUS(inside({
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGRTMIN);
        sigprocmask(SIG_BLOCK, &set, NULL);
        pid_t child = fork();
        if (!child) _exit(sigqueue(1, SIGRTMIN, (union sigval){.sival_int = 77}));
        siginfo_t got;
        must(sigwaitinfo(&set, &got) == SIGRTMIN && got.si_pid == 2 && got.si_value.sival_int == 77);
        must(status_of(child) == 0);
    })), 0);
}

static void ending(void) {
    begin("all end with process 1");
    pipes();
    pid_t pid = clone_in(CLONE_NEWPID);
    if (!pid) {
        close(up[0]);
        signal(SIGTERM, SIG_IGN);
        for (int i = 0; i < 5; i++)
            if (!fork()) {
                if (i & 1) fork();
                if (i == 4) setsid();
                for (;;) pause();
            }
        if (!clone_in(CLONE_NEWPID)) {
            fork();
            for (;;) pause();
        }
        /* One that is waited for with __WCLONE alone. */
        if (!syscall(SYS_clone, 0, 0, 0, 0, 0)) for (;;) pause();
        _exit(11);
    }
    close(up[1]);
    yes(ended(pid, 11));
    is(hear(up), 0); /* the last end of the pipe is closed */
    close(down[0]), close(down[1]), close(up[0]);

    begin("process 1 killed");
    pipes();
    pid = clone_in(CLONE_NEWPID);
    if (!pid) {
        close(up[0]);
        if (!fork()) {
            say(up);
            for (;;) pause();
        }
        for (;;) pause();
    }
    close(up[1]);
    is(hear(up), 1);
    kill(pid, SIGKILL);
    yes(died(pid, SIGKILL));
    is(hear(up), 0);
    close(down[0]), close(down[1]), close(up[0]);

    begin("its last thread is not its first");
    pid = clone_in(CLONE_NEWPID);
    if (!pid) {
        if (!fork()) for (;;) pause();
        pthread_t thread;
        pthread_create(&thread, NULL, outlive, NULL);
        syscall(SYS_exit, 0);
    }
    is(status_of(pid), 0);

    begin("reboot inside");
    is(WTERMSIG(inside({
        if (!fork()) {
            syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART, 0);
            for (;;) pause();
        }
        for (;;) pause();
    })), SIGHUP);
    is(WTERMSIG(inside({
        syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_POWER_OFF, 0);
        for (;;) pause();
    })), SIGINT);
    is(WEXITSTATUS(inside(must(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_ON, 0)
        == -1 && errno == EINVAL))), 0);
}

static void entering(void) {
    begin("setns");
    pipes();
    pid_t pid = clone_in(CLONE_NEWPID);
    if (!pid) {
        hear(down);
        _exit(0);
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/pid", pid);
    int ns = works(open(path, O_RDONLY));
    int status = in_child({
        long own = number("/proc/self/ns/pid");
        must(setns(ns, CLONE_NEWPID) == 0);
        must(number("/proc/self/ns/pid") == own);
        must(number("/proc/self/ns/pid_for_children") == number(path));
        pid_t child = fork();
        if (!child) {
            must(getpid() == 2 && getppid() == 0);
            must(number("/proc/self/ns/pid") == number(path)); /* this procfs has another's numbers: self is one of those */
            int outer = open("/proc/1/ns/pid", O_RDONLY);
            must(outer >= 0 && setns(outer, CLONE_NEWPID) == -1 && errno == EINVAL);
            must(setns(ns, 0) == 0);
            _exit(12);
        }
        must(child > 2 && ended(child, 12));
    });
    is(status, 0);

    begin("ioctl");
    int own = works(open("/proc/self/ns/pid", O_RDONLY));
    int above = works(ioctl(ns, NS_GET_PARENT));
    struct stat st, other;
    fstat(own, &st), fstat(above, &other);
    yes(st.st_ino == other.st_ino);
    fails(ioctl(own, NS_GET_PARENT), EPERM);
    int users = works(ioctl(ns, NS_GET_USERNS));
    fstat(users, &st);
    is(st.st_ino, number("/proc/self/ns/user"));
    is(ioctl(ns, NS_GET_NSTYPE), CLONE_NEWPID);
    close(users), close(above), close(own);

    begin("pidfd into it");
    int fd = works(syscall(SYS_pidfd_open, pid, 0));
    is(in_child({
        must(setns(fd, CLONE_NEWPID) == 0);
        pid_t child = fork();
        if (!child) _exit(getppid() == 0 && getpid() > 1 ? 3 : 4);
        must(ended(child, 3));
    }), 0);
    char text[128];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    is(field(path, "NSpid:\t", text), 0);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%d\t1", pid);
    is(strcmp(text, wanted), 0);
    say(down);
    is(status_of(pid), 0);
    fails(setns(ns, CLONE_NEWUTS), EINVAL);
    is(in_child({
        must(setns(ns, CLONE_NEWPID) == 0);
        must(fork() == -1 && errno == ENOMEM); /* it has ended */
    }), 0);
    close(fd), close(ns);
    unpipe();

    begin("an outsider holds process 1 up");
    pipes();
    pid = clone_in(CLONE_NEWPID);
    if (!pid) {
        hear(down);
        _exit(13);
    }
    snprintf(path, sizeof path, "/proc/%d/ns/pid", pid);
    ns = works(open(path, O_RDONLY));
    is(in_child({
        must(setns(ns, CLONE_NEWPID) == 0);
        pid_t child = fork();
        if (!child) for (;;) pause();
        say(down);
        siginfo_t info;
        must(waitid(P_PID, child, &info, WEXITED | WNOWAIT) == 0 && info.si_status == SIGKILL);
        must(kill(pid, 0) == 0);
        must(died(child, SIGKILL));
    }), 0);
    yes(ended(pid, 13));
    close(ns);
    unpipe();
}

static void wanted_numbers(void) {
    begin("set_tid");
    pid_t some[3] = {1, 31000, 0};
    pid_t pid = works(clone3_as(some, 2, CLONE_NEWPID));
    if (!pid) {
        must(getpid() == 1);
        pid_t next = 77;
        pid_t child = clone3_as(&next, 1, 0);
        if (!child) _exit(getpid() == 77 ? 5 : 6);
        must(child == 77 && ended(77, 5));
        child = fork();
        if (!child) _exit(getpid());
        must(child == 2 && ended(2, 2));
        next = 1;
        must(clone3_as(&next, 1, 0) == -1 && errno == EEXIST);
        _exit(0);
    }
    is(pid, 31000);
    is(status_of(pid), 0);
    some[0] = 2;
    fails(clone3_as(some, 1, CLONE_NEWPID), EINVAL); /* the first is 1 */
    some[0] = 0;
    fails(clone3_as(some, 1, 0), EINVAL);
    some[0] = -1;
    fails(clone3_as(some, 1, 0), EINVAL);
    some[0] = 30000;
    fails(clone3_as(some, 2, 0), EINVAL); /* deeper than it is */
    fails(clone3_as(some, 33, 0), EINVAL);
    fails(clone3_as(NULL, 1, 0), EINVAL);
    fails(clone3_as(some, 0, 0), EINVAL);
    fails(clone3_as((pid_t *)8, 1, 0), EFAULT);
    some[0] = getpid();
    fails(clone3_as(some, 1, 0), EEXIST);
    some[0] = 30001;
    is(in_child({
        must(setuid(1000) == 0);
        must(clone3_as(some, 1, 0) == -1 && errno == EPERM);
    }), 0);
}

static void shown(void) {
    begin("ns_last_pid");
    static const char last[] = "/proc/sys/kernel/ns_last_pid";
    char text[64];
    // Nobody else makes processes: the number set is where the next is looked for.
    int chosen = 0;
    for (int i = 0; i < 50 && chosen != 20001; i++) {
        is(try_put(last, "20000"), 0);
        pid_t next = fork();
        if (!next)
            _exit(0);
        chosen = next;
        works(waitpid(next, NULL, 0));
    }
    is(chosen, 20001);
    get_file(last, text, sizeof text);
    yes(atoi(text) >= 20001);
    is(try_put(last, "-1"), EINVAL);
    is(try_put(last, "4194305"), EINVAL);
    is(in_child({
        int fd = setuid(1000) ? -1 : open(last, O_WRONLY);
        _exit(fd < 0 ? 1 : write(fd, "7", 1) != -1 ? 2 : errno != EPERM);
    }), 0);

    begin("procfs inside");
    pid_t pid = clone_in(CLONE_NEWPID | CLONE_NEWNS);
    if (!pid) {
        char text[256];
        must(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 || errno == EINVAL);
        must(readlink("/proc/self", text, sizeof text) > 1 && number("/proc/self/ns/pid") > 0);
        must(mount("proc", "/proc", "proc", 0, NULL) == 0);
        must(readlink("/proc/self", text, sizeof text) == 1 && text[0] == '1');
        must(readlink("/proc/thread-self", text, sizeof text) == 8 && !memcmp(text, "1/task/1", 8));
        must(listed("/proc") == 1 && listed("/proc/self/task") == 1);
        pid_t child = clone_in(CLONE_NEWPID);
        if (!child) for (;;) pause();
        must(child == 2 && listed("/proc") == 2);
        must(field("/proc/2/status", "NSpid:\t", text) == 0 && !strcmp(text, "2\t1"));
        must(field("/proc/2/status", "NSsid:\t", text) == 0 && !strcmp(text, "0\t0"));
        must(field("/proc/2/status", "PPid:\t", text) == 0 && atoi(text) == 1);
        must(field("/proc/2/status", "\nTgid:\t", text) == 0 && atoi(text) == 2);
        must(get_file("/proc/2/stat", text, sizeof text) > 0 && atoi(text) == 2);
        must(number("/proc/2/ns/pid") != number("/proc/self/ns/pid") && number("/proc/self/ns/pid") > 0);
        must(access("/proc/3", F_OK) == -1);
        must(kill(child, SIGKILL) == 0 && died(child, SIGKILL));
        must(access("/proc/2", F_OK) == -1);
        must(umount("/proc") == 0);
        _exit(14);
    }
    yes(ended(pid, 14));
}

static void others(void) {
    begin("owners of files");
    is(WEXITSTATUS(inside({
        int end[2];
        must(pipe(end) == 0);
        must(fcntl(end[0], F_SETOWN, 1) == 0 && fcntl(end[0], F_GETOWN) == 1);
        must(fcntl(end[0], F_SETOWN, 500) == -1 && errno == ESRCH);
        pid_t child = fork();
        if (!child) {
            if (clone_in(CLONE_NEWPID) == 0) _exit(fcntl(end[0], F_GETOWN)); /* it is not in there */
            int status;
            wait(&status);
            _exit(WEXITSTATUS(status));
        }
        must(status_of(child) == 0);
    })), 0);

    begin("locks");
    is(WEXITSTATUS(inside({
        int file = memfd_create("l", 0);
        struct flock lock = {.l_type = F_WRLCK};
        must(fcntl(file, F_SETLK, &lock) == 0);
        pid_t child = fork();
        if (!child) {
            must(fcntl(file, F_GETLK, &lock) == 0);
            _exit(lock.l_type == F_WRLCK ? lock.l_pid : 50);
        }
        must(ended(child, 1));
    })), 0);

    begin("priorities and clocks");
    is(WEXITSTATUS(inside({
        must(getpriority(PRIO_PROCESS, 1) == getpriority(PRIO_PROCESS, 0));
        clockid_t clock;
        struct timespec t;
        must(clock_getcpuclockid(1, &clock) == 0 && clock_gettime(clock, &t) == 0);
        must(sched_getscheduler(1) == SCHED_OTHER && sched_getscheduler(2) == -1 && errno == ESRCH);
        must(getpgid(1) == 0 && setpgid(1, 1) == 0 && getpgid(1) == 1);
        pid_t child = fork();
        if (!child) for (;;) pause();
        must(setpgid(child, child) == 0 && getpgid(child) == 2);
        must(setpgid(child, 9) == -1 && errno == EPERM);
        must(waitpid(-9, NULL, WNOHANG) == -1 && errno == ECHILD);
        must(waitpid(-2, NULL, WNOHANG) == 0);
        must(kill(-2, SIGKILL) == 0 && waitpid(-2, NULL, 0) == 2);
    })), 0);

    begin("parent's death signal");
    is(WEXITSTATUS(inside({
        pipes();
        if (!fork()) {
            if (!fork()) {
                prctl(PR_SET_PDEATHSIG, SIGUSR2);
                listen_to(SIGUSR2);
                say(up);
                while (!caught) pause_ms(1);
                _exit(by);
            }
            hear(up);
            _exit(0);
        }
        must(waitpid(2, NULL, 0) == 2);
        int status;
        must(waitpid(3, &status, 0) == 3 && exited(status, 2));
    })), 0);

    begin("traced across");
    pid_t pid = clone_in(CLONE_NEWPID);
    if (!pid) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        pid_t child = fork();
        if (!child) _exit(0);
        _exit(status_of(child) == 0 && child == 2 ? 15 : 16);
    }
    int status;
    is(waitpid(pid, &status, 0), pid);
    yes(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    is(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK), 0);
    is(ptrace(PTRACE_CONT, pid, 0, 0), 0);
    is(waitpid(pid, &status, 0), pid);
    is(status >> 8, SIGTRAP | PTRACE_EVENT_FORK << 8);
    unsigned long child = 0;
    is(ptrace(PTRACE_GETEVENTMSG, pid, 0, &child), 0);
    is(waitpid(child, &status, __WALL), child);
    is(ptrace(PTRACE_DETACH, child, 0, 0), 0);
    is(ptrace(PTRACE_CONT, pid, 0, 0), 0);
    /* The child's end is signalled to the tracer first. */
    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) ptrace(PTRACE_CONT, pid, 0, WSTOPSIG(status));
    yes(exited(status, 15));

    begin("many come and go");
    is(WEXITSTATUS(inside({
        for (int i = 0; i < 200; i++) {
            pid_t p = clone_in(i % 3 ? 0 : CLONE_NEWPID);
            if (!p) {
                if (!fork()) for (;;) pause();
                _exit(i & 7);
            }
            must(ended(p, i & 7));
        }
    })), 0);
}

static void tests(void) {
    numbers();
    unshared();
    signals();
    ending();
    entering();
    wanted_numbers();
    shown();
    others();
}
