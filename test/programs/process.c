/* fork, vfork, clone, exec, wait, exit: processes come and go as their man pages say. */
#include "check.h"
#include <sys/io.h>
#include <sys/personality.h>
#include <sys/prctl.h>

static char stack[65536] __attribute__((aligned(16)));
static volatile int shared;

static int clone_body(void *arg) {
    shared = *(int *)arg;
    return 5;
}

/* The program after execve(2), with a child of the one before, which lives while HOLD is open: what its end tells by. */
static int ended_by(int hold) {
    struct timespec long_time = {30, 0};
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGUSR2), sigaddset(&set, SIGCHLD);
    close(hold);
    return sigtimedwait(&set, NULL, &long_time);
}

/* What tells of the end of a child that was cloned with SIGUSR2, by this program or by another after it. */
static int clone_and_end(int exec) {
    return WEXITSTATUS(in_child({
        char byte, env[40];
        int hold[2];
        sigset_t set;
        sigemptyset(&set), sigaddset(&set, SIGUSR2), sigaddset(&set, SIGCHLD);
        sigprocmask(SIG_BLOCK, &set, NULL);
        (void)!pipe(hold);
        if (!syscall(SYS_clone, SIGUSR2, 0, 0, 0, 0)) {
            close(hold[1]);
            _exit(read(hold[0], &byte, 1));
        }
        close(hold[0]);
        if (exec) {
            snprintf(env, sizeof env, "PROCESS_HOLD=%d", hold[1]);
            execle("/proc/self/exe", "process", (char *)NULL, (char *[]){env, NULL});
            _exit(255);
        }
        _exit(ended_by(hold[1]));
    }));
}

static void tests(void) {
    int status, pipes[2];
    pid_t pid;
    if (getenv("PROCESS_HOLD"))
        _exit(ended_by(atoi(getenv("PROCESS_HOLD"))));

    begin("exit status reaches the parent");
    status = in_child(_exit(42));
    yes(exited(status, 42));
    status = in_child(_exit(0x1ff));
    yes(exited(status, 0xff));

    begin("death by signal is told");
    status = in_child(raise(SIGKILL));
    yes(killed(status, SIGKILL));
    status = in_child(abort());
    yes(killed(status, SIGABRT));

    begin("the child has ids of its own");
    pid_t me = getpid();
    status = in_child(_exit(getppid() == me && getpid() != me ? 0 : 1));
    yes(exited(status, 0));

    begin("memory is copied on fork");
    shared = 1;
    status = in_child({ shared = 2; _exit(shared); });
    yes(exited(status, 2));
    is(shared, 1);

    begin("vfork shares memory and the parent waits");
    shared = 1;
    pid = vfork();
    if (pid == 0) {
        shared = 7;
        _exit(3);
    }
    is(shared, 7);
    is(waitpid(pid, &status, 0), pid);
    yes(exited(status, 3));

    begin("clone with CLONE_VM runs on the given stack");
    int value = 99;
    pid = works(clone(clone_body, stack + sizeof stack, CLONE_VM | SIGCHLD, &value));
    is(waitpid(pid, &status, 0), pid);
    yes(exited(status, 5));
    is(shared, 99);

    begin("clone without an exit signal needs __WALL");
    pid = works(clone(clone_body, stack + sizeof stack, CLONE_VM, &value));
    fails(waitpid(pid, &status, 0), ECHILD);
    is(waitpid(pid, &status, __WALL), pid);

    begin("clone with an exit signal that is none tells nobody");
    for (int sig = 65; sig < 256; sig += 63) {
        pid = works(clone(clone_body, stack + sizeof stack, CLONE_VM | sig, &value));
        is(waitpid(pid, &status, __WALL), pid);
        yes(exited(status, 5));
    }

    begin("waitpid: nobody, WNOHANG, wrong options");
    fails(waitpid(-1, &status, 0), ECHILD);
    fails(waitpid(getpid(), &status, 0), ECHILD);
    fails(waitpid(-1, &status, 0x40000000 | 0x1000), EINVAL);
    works(pipe(pipes));
    pid = fork();
    if (pid == 0) {
        char c;
        close(pipes[1]);
        (void)!read(pipes[0], &c, 1);
        _exit(9);
    }
    is(waitpid(pid, &status, WNOHANG), 0);
    close(pipes[1]);
    is(waitpid(pid, &status, 0), pid);
    yes(exited(status, 9));
    close(pipes[0]);

    begin("waitid tells who and how, and WNOWAIT leaves it");
    siginfo_t info;
    pid = fork();
    if (pid == 0)
        _exit(11);
    memset(&info, 0, sizeof info);
    works(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
    is(info.si_pid, pid);
    is(info.si_status, 11);
    is(info.si_code, CLD_EXITED);
    is(info.si_signo, SIGCHLD);
    works(waitid(P_PID, pid, &info, WEXITED));
    fails(waitid(P_PID, pid, &info, WEXITED), ECHILD);
    fails(waitid(P_PID, pid, &info, 0), EINVAL);

    begin("stopped and continued children are told");
    pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    kill(pid, SIGSTOP);
    is(waitpid(pid, &status, WUNTRACED), pid);
    yes(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    kill(pid, SIGCONT);
    is(waitpid(pid, &status, WCONTINUED), pid);
    yes(WIFCONTINUED(status));
    kill(pid, SIGTERM);
    is(waitpid(pid, &status, 0), pid);
    yes(killed(status, SIGTERM));

    begin("wait4 gives resource usage");
    struct rusage usage;
    pid = fork();
    if (pid == 0) {
        for (volatile long i = 0; i < 30000000; i++) {}
        _exit(0);
    }
    memset(&usage, 0xff, sizeof usage);
    is(wait4(pid, &status, 0, &usage), pid);
    yes(usage.ru_utime.tv_sec < 100 && usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec > 0);
    yes(usage.ru_maxrss > 0);

    begin("an orphan gets a new parent");
    works(pipe(pipes));
    pid = fork();
    if (pid == 0) {
        pid_t parent = getpid();
        if (fork() == 0) {
            for (int i = 0; i < 1000 && getppid() == parent; i++)
                pause_ms(5);
            char c = getppid() != parent;
            (void)!write(pipes[1], &c, 1);
            _exit(0);
        }
        _exit(0);
    }
    waitpid(pid, &status, 0);
    char c = 0;
    is(read(pipes[0], &c, 1), 1);
    is(c, 1);
    close(pipes[0]);
    close(pipes[1]);

    begin("the subreaper adopts");
    works(prctl(PR_SET_CHILD_SUBREAPER, 1));
    pid = fork();
    if (pid == 0) {
        if (fork() == 0)
            _exit(77);
        _exit(0);
    }
    int seen = 0;
    while (wait(&status) > 0)
        seen |= exited(status, 77);
    yes(seen);
    works(prctl(PR_SET_CHILD_SUBREAPER, 0));

    begin("SIGCHLD ignored: no zombies");
    signal(SIGCHLD, SIG_IGN);
    pid = fork();
    if (pid == 0)
        _exit(1);
    fails(waitpid(pid, &status, 0), ECHILD);
    signal(SIGCHLD, SIG_DFL);

    begin("PR_SET_PDEATHSIG");
    works(pipe(pipes));
    pid = fork();
    if (pid == 0) {
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            (void)!write(pipes[1], "r", 1);
            close(pipes[1]);
            for (;;)
                pause();
        }
        read(pipes[0], &c, 1);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    close(pipes[1]);
    is(read(pipes[0], &c, 1), 0);
    close(pipes[0]);

    begin("exec: what fails and why");
    char *argv[] = {"x", NULL}, *envp[] = {NULL};
    fails(execve("/no/such/file", argv, envp), ENOENT);
    fails(execve("/tmp", argv, envp), EACCES);
    put_file("plain", "hello\n");
    fails(execve("plain", argv, envp), EACCES);
    chmod("plain", 0755);
    fails(execve("plain", argv, envp), ENOEXEC);
    fails(execve("plain/x", argv, envp), ENOTDIR);
    fails(execve((char *)1, argv, envp), EFAULT);
    fails(execve("/bin/busybox", (char **)1, envp), EFAULT);
    put_file("script", "#!/no/such/interpreter\n");
    chmod("script", 0755);
    fails(execve("script", argv, envp), ENOENT);

    begin("exec: too many arguments");
    static char big[200000];
    memset(big, 'a', sizeof big - 1);
    char *huge[] = {"x", big, NULL};
    fails(execve("/bin/busybox", huge, envp), E2BIG);

    begin("exec: a script gets its interpreter's argument and its own path");
    put_file("script2", "#!/bin/echo   one two  \n");
    chmod("script2", 0755);
    works(pipe(pipes));
    status = in_child({
        dup2(pipes[1], 1);
        char *args[] = {"ignored", "three", NULL};
        execve("./script2", args, envp);
        _exit(1);
    });
    char text[100] = "";
    long n = read(pipes[0], text, sizeof text - 1);
    yes(n > 0);
    yes(exited(status, 0));
    is(strcmp(text, "one two ./script2 three\n"), 0);
    close(pipes[0]);
    close(pipes[1]);

    begin("exec: descriptors, signals, names across it");
    int keep = open("/dev/null", O_RDONLY), drop = open("/dev/null", O_RDONLY | O_CLOEXEC);
    char script[300];
    snprintf(script, sizeof script,
             "test -e /proc/self/fd/%d || exit 1; test -e /proc/self/fd/%d && exit 2; kill -USR1 $$; exit 3", keep, drop);
    status = in_child({
        signal(SIGUSR1, SIG_IGN);
        signal(SIGUSR2, SIG_DFL);
        execl("/bin/busybox", "sh", "-c", script, NULL);
        _exit(9);
    });
    yes(exited(status, 3));
    close(keep);
    close(drop);

    begin("fexecve");
    status = in_child({
        int fd = open("/bin/busybox", O_RDONLY);
        char *args[] = {"true", NULL};
        fexecve(fd, args, envp);
        _exit(9);
    });
    yes(exited(status, 0));

    begin("process groups and sessions");
    pid = fork();
    if (pid == 0) {
        if (setsid() != getpid() || getpgrp() != getpid() || getsid(0) != getpid())
            _exit(1);
        if (setsid() != -1 || errno != EPERM)
            _exit(2);
        if (setpgid(0, 0) != -1 || errno != EPERM)
            _exit(3);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    yes(exited(status, 0));
    fails(setpgid(0, -1), EINVAL);
    fails(setpgid(999999, 0), ESRCH);
    fails(getpgid(999999), ESRCH);
    fails(getsid(999999), ESRCH);

    begin("names of threads");
    works(prctl(PR_SET_NAME, "a-name-that-is-too-long"));
    char name[17] = "";
    works(prctl(PR_GET_NAME, name));
    is(strcmp(name, "a-name-that-is-"), 0);
    yes(get_file("/proc/self/comm", text, sizeof text) > 0);
    is(strcmp(text, "a-name-that-is-\n"), 0);

    begin("personality");
    is(personality(0xffffffff), 0);
    for (unsigned flag = 0x0400000 * 2; flag <= STICKY_TIMEOUTS; flag *= 2) {
        is(personality(flag), 0);
        is(personality(0xffffffff), flag);
        is(personality(0), flag);
    }
    struct timeval none = {0, 20000};
    is(personality(STICKY_TIMEOUTS), 0);
    is(syscall(SYS_select, 0, NULL, NULL, NULL, &none), 0);
    is(none.tv_usec, 20000);
    is(personality(0), STICKY_TIMEOUTS);
    is(syscall(SYS_select, 0, NULL, NULL, NULL, &none), 0);
    is(none.tv_usec, 0);

    begin("ports and cpuid");
    is(iopl(0), 0);
    fails(iopl(4), EINVAL);
    fails(iopl(-1), EINVAL);
    is(ioperm(0x80, 1, 0), 0);
    fails(ioperm(0x80, 0, 0), EINVAL);
    fails(ioperm(65535, 2, 1), EINVAL);
    fails(ioperm(-1ul, 2, 1), EINVAL);
    status = in_child({
        if (setuid(1000)) _exit(1);
        if (iopl(3) != -1 || errno != EPERM) _exit(2);
        if (ioperm(0x80, 1, 1) != -1 || errno != EPERM) _exit(3);
        if (iopl(0) || ioperm(0x80, 1, 0)) _exit(4);
    });
    yes(exited(status, 0));
    is(syscall(SYS_arch_prctl, 0x1011, 0), 1);
    yes(syscall(SYS_arch_prctl, 0x1012, 1) == 0 || errno == ENODEV);

    begin("a child ends by the signal it was cloned with, and by SIGCHLD to a later program");
    is(clone_and_end(0), SIGUSR2);
    is(clone_and_end(1), SIGCHLD);

    begin("exit_group ends all threads; atexit order");
    status = in_child({
        pthread_t t;
        pthread_create(&t, NULL, (void *(*)(void *))pause, NULL);
        exit(4);
    });
    yes(exited(status, 4));
}
