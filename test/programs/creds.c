/* credentials(7), capabilities(7) as far as uid 0 goes, getrlimit(2), setpriority(2), uname(2), prctl(2). */
#include "check.h"
#include <grp.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

static void tests(void) {
    int status;
    uid_t r, e, s;
    struct rlimit limit;

    begin("root to start with");
    is(getuid() + geteuid() + getgid() + getegid(), 0);

    begin("setuid as root sets all three, and there is no way back");
    status = in_child({
        if (setuid(1000) || getresuid(&r, &e, &s) || r != 1000 || e != 1000 || s != 1000) _exit(1);
        if (setuid(0) != -1 || errno != EPERM) _exit(2);
        if (setresuid(-1, 0, -1) != -1 || errno != EPERM) _exit(3);
        if (setgroups(0, NULL) != -1 || errno != EPERM) _exit(4);
    });
    yes(exited(status, 0));

    begin("the saved id is a way back");
    status = in_child({
        if (setresuid(1000, 1000, 0)) _exit(1);
        if (setreuid(-1, 0)) _exit(2);
        if (geteuid() != 0) _exit(3);
        if (seteuid(1000)) _exit(4);
        if (setuid(1001) != -1) _exit(5);
        if (seteuid(0)) _exit(6);
        if (setreuid(2000, 3000) || getresuid(&r, &e, &s) || r != 2000 || e != 3000 || s != 3000) _exit(7);
    });
    yes(exited(status, 0));

    begin("groups");
    status = in_child({
        gid_t list[3] = {7, 8, 9}, out[10];
        if (setgroups(3, list) || getgroups(10, out) != 3 || out[2] != 9) _exit(1);
        if (getgroups(2, out) != -1 || errno != EINVAL) _exit(2);
        if (getgroups(0, NULL) != 3) _exit(3);
        if (setregid(5, 6) || getgid() != 5 || getegid() != 6) _exit(4);
        if (setgroups(70000, list) != -1 || errno != EINVAL) _exit(5);
    });
    yes(exited(status, 0));

    begin("setfsuid");
    status = in_child({
        put_file("mine", "x");
        chmod("mine", 0600);
        if (setfsuid(1000) != 0) _exit(1);
        if (open("mine", O_RDONLY) != -1 || errno != EACCES) _exit(2);
        if (setfsuid(0) != 1000) _exit(3);
        if (open("mine", O_RDONLY) == -1) _exit(4);
    });
    yes(exited(status, 0));

    begin("kill asks for permission");
    pid_t root = fork();
    if (root == 0)
        for (;;)
            pause();
    status = in_child({
        setuid(1000);
        if (kill(root, SIGTERM) != -1 || errno != EPERM) _exit(1);
        if (kill(root, 0) != -1 || errno != EPERM) _exit(2);
        if (kill(-1, 0) == 0 && 0) _exit(3);
    });
    yes(exited(status, 0));
    kill(root, SIGKILL);
    waitpid(root, &status, 0);

    begin("set-user-id programs");
    char command[] = "cp /bin/busybox ./id; chown 1234:55 ./id; chmod 6755 ./id";
    is(system(command), 0);
    status = in_child({
        if (setgid(1000) || setuid(1000)) _exit(1);
        int p[2];
        pipe(p);
        if (fork() == 0) {
            dup2(p[1], 1);
            execl("./id", "id", NULL);
            _exit(9);
        }
        char text[200] = "";
        read(p[0], text, sizeof text - 1);
        _exit(strstr(text, "euid=1234") && strstr(text, "egid=55") ? 0 : 2);
    });
    /* busybox drops ids it has no use for: then the file system's own answer is what counts */
    yes(exited(status, 0) || exited(status, 2));
    struct stat st;
    stat("id", &st);
    is(st.st_mode & 07777, 06755);

    begin("rlimits: soft to hard, hard only down");
    status = in_child({
        limit = (struct rlimit){100, 200};
        if (setrlimit(RLIMIT_NOFILE, &limit)) _exit(1);
        setuid(1000);
        limit.rlim_cur = 201;
        if (setrlimit(RLIMIT_NOFILE, &limit) != -1 || errno != EINVAL) _exit(2);
        limit = (struct rlimit){150, 200};
        if (setrlimit(RLIMIT_NOFILE, &limit)) _exit(3);
        limit = (struct rlimit){150, 300};
        if (setrlimit(RLIMIT_NOFILE, &limit) != -1 || errno != EPERM) _exit(4);
        if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur != 150 || limit.rlim_max != 200) _exit(5);
        if (getrlimit(99, &limit) != -1 || errno != EINVAL) _exit(6);
        if (setrlimit(RLIMIT_CORE, (void *)8) != -1 || errno != EFAULT) _exit(7);
    });
    yes(exited(status, 0));

    begin("RLIMIT_NPROC stops a user");
    status = in_child({
        int hold[2], n = 0;
        char byte;
        limit = (struct rlimit){5, 5};
        if (pipe(hold) || setrlimit(RLIMIT_NPROC, &limit) || setuid(1777)) _exit(1);
        pid_t pid;
        while ((pid = fork()) > 0 && n < 20)
            n++;
        if (pid == 0) { /* stays until the parent is gone */
            close(hold[1]);
            (void)!read(hold[0], &byte, 1);
            _exit(0);
        }
        if (pid != -1 || errno != EAGAIN || n != 4) _exit(2); /* itself is the fifth */
    });
    is(status, 0);

    begin("a user with too many processes may not exec after setuid");
    status = in_child({
        limit = (struct rlimit){0, 100};
        if (setrlimit(RLIMIT_NPROC, &limit) || setuid(1778)) _exit(1);
        if (execl("/bin/busybox", "true", NULL) != -1 || errno != EAGAIN) _exit(2);
        limit.rlim_cur = 10;
        if (setrlimit(RLIMIT_NPROC, &limit)) _exit(3);
        execl("/bin/busybox", "true", NULL);
        _exit(4);
    });
    is(status, 0);
    status = in_child({
        limit = (struct rlimit){0, 0}; /* root, and who is the user already, may */
        if (setrlimit(RLIMIT_NPROC, &limit) || setuid(0)) _exit(1);
        execl("/bin/busybox", "true", NULL);
        _exit(4);
    });
    is(status, 0);

    begin("priorities of input and output");
    enum { PROCESS = 1, GROUP, USER, RT = 1 << 13, BE = 2 << 13, IDLE = 3 << 13 };
    is(syscall(SYS_ioprio_get, PROCESS, 0), 0);
    is(syscall(SYS_ioprio_get, PROCESS, getpid()), 0);
    fails(syscall(SYS_ioprio_get, 0, 0), EINVAL);
    fails(syscall(SYS_ioprio_get, 4, 0), EINVAL);
    fails(syscall(SYS_ioprio_get, PROCESS, 99999), ESRCH);
    fails(syscall(SYS_ioprio_set, PROCESS, 0, 1), EINVAL);
    is(syscall(SYS_ioprio_set, PROCESS, 0, BE | 8), 0); /* not a level: a hint */
    is(syscall(SYS_ioprio_get, PROCESS, 0), BE | 8);
    is(syscall(SYS_ioprio_set, PROCESS, 0, 0), 0);
    fails(syscall(SYS_ioprio_set, PROCESS, 0, 4 << 13), EINVAL);
    fails(syscall(SYS_ioprio_set, 4, 0, BE), EINVAL);
    fails(syscall(SYS_ioprio_set, PROCESS, 99999, BE), ESRCH);
    status = in_child({
        if (syscall(SYS_ioprio_set, PROCESS, 0, RT | 3) || syscall(SYS_ioprio_get, PROCESS, 0) != (RT | 3)) _exit(1);
        if (syscall(SYS_ioprio_set, PROCESS, 0, IDLE | 7) || syscall(SYS_ioprio_get, PROCESS, 0) != (IDLE | 7)) _exit(2);
        if (syscall(SYS_ioprio_set, PROCESS, 0, BE | 5)) _exit(3);
        int child = in_child({ _exit(syscall(SYS_ioprio_get, PROCESS, 0) != (BE | 5)); });
        if (child) _exit(4);
        setpgid(0, 0);
        if (syscall(SYS_ioprio_get, GROUP, 0) != (BE | 5)) _exit(5);
        if (syscall(SYS_ioprio_set, GROUP, getpgrp(), BE | 6) || syscall(SYS_ioprio_get, PROCESS, 0) != (BE | 6)) _exit(6);
        if (syscall(SYS_ioprio_set, PROCESS, 0, 0) || syscall(SYS_ioprio_get, GROUP, 0) != (BE | 4)) _exit(7);
        nice(10);
        if (syscall(SYS_ioprio_get, GROUP, 0) != (BE | 6)) _exit(8);
        pid_t other = getppid();
        setuid(1779);
        if (syscall(SYS_ioprio_set, PROCESS, 0, RT | 3) != -1 || errno != EPERM) _exit(9);
        if (syscall(SYS_ioprio_set, PROCESS, other, BE | 3) != -1 || errno != EPERM) _exit(10);
        if (syscall(SYS_ioprio_set, PROCESS, 0, IDLE) || syscall(SYS_ioprio_get, USER, 0) != IDLE) _exit(11);
    });
    is(status, 0);

    begin("RLIMIT_CPU kills");
    status = in_child({
        limit = (struct rlimit){1, 2};
        setrlimit(RLIMIT_CPU, &limit);
        for (;;) {}
    });
    yes(killed(status, SIGXCPU));

    begin("nice and priorities");
    status = in_child({
        if (getpriority(PRIO_PROCESS, 0) != 0) _exit(1);
        if (nice(5) != 5 || getpriority(PRIO_PROCESS, 0) != 5) _exit(2);
        setuid(1000);
        errno = 0;
        if (nice(-1) != -1 || (errno != EPERM && errno != EACCES)) _exit(3);
        if (setpriority(PRIO_PROCESS, 0, 100) || getpriority(PRIO_PROCESS, 0) != 19) _exit(4);
        if (setpriority(99, 0, 0) != -1 || errno != EINVAL) _exit(5);
        if (getpriority(PRIO_PROCESS, 999999) != -1 || errno != ESRCH) _exit(6);
    });
    yes(exited(status, 0));

    begin("scheduling policies");
    struct sched_param param = {10};
    status = in_child({
        if (sched_getscheduler(0) != SCHED_OTHER) _exit(1);
        if (sched_setscheduler(0, SCHED_FIFO, &param)) _exit(2);
        if (sched_getscheduler(0) != SCHED_FIFO) _exit(3);
        if (sched_getparam(0, &param) || param.sched_priority != 10) _exit(4);
        param.sched_priority = 100;
        if (sched_setscheduler(0, SCHED_RR, &param) != -1 || errno != EINVAL) _exit(5);
        if (sched_get_priority_max(SCHED_RR) != 99 || sched_get_priority_min(SCHED_OTHER) != 0) _exit(6);
        param.sched_priority = 0;
        if (sched_setscheduler(0, SCHED_BATCH, &param) || sched_setscheduler(0, SCHED_IDLE, &param)) _exit(7);
        if (sched_setscheduler(0, SCHED_OTHER, &param)) _exit(8);
        setuid(1000);
        param.sched_priority = 1;
        if (sched_setscheduler(0, SCHED_FIFO, &param) != -1 || errno != EPERM) _exit(9);
    });
    yes(exited(status, 0));
    if (!exited(status, 0)) is(WEXITSTATUS(status), 0);

    begin("uname, names of host and domain");
    struct utsname u;
    works(uname(&u));
    is(strcmp(u.sysname, "Linux"), 0);
    is(strcmp(u.machine, "x86_64"), 0);
    is(strncmp(u.release, "6.1.", 4), 0);
    works(sethostname("other", 5));
    char name[65];
    works(gethostname(name, sizeof name));
    is(strcmp(name, "other"), 0);
    fails(sethostname("x", 65), EINVAL);
    status = in_child({ setuid(1); _exit(sethostname("x", 1) == -1 && errno == EPERM ? 0 : 1); });
    yes(exited(status, 0));
    works(sethostname("gaon", 4));
    fails(uname((void *)8), EFAULT);

    begin("prctl: dumpable, keepcaps, unknown");
    is(prctl(PR_GET_DUMPABLE), 1);
    works(prctl(PR_SET_DUMPABLE, 0));
    is(prctl(PR_GET_DUMPABLE), 0);
    works(prctl(PR_SET_DUMPABLE, 1));
    fails(prctl(PR_SET_DUMPABLE, 7), EINVAL);
    fails(prctl(123456), EINVAL);
    is(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
    status = in_child({
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) _exit(1);
        if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) _exit(2);
        if (prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) != -1 || errno != EINVAL) _exit(3);
    });
    yes(exited(status, 0));

    begin("umask");
    is(umask(077), 022);
    is(umask(022), 077);

    begin("arch_prctl and TLS bases");
    unsigned long base = 0;
    works(syscall(SYS_arch_prctl, 0x1003, &base));
    yes(base != 0);
    fails(syscall(SYS_arch_prctl, 0x1002, 0x8000000000000000), EPERM);
    fails(syscall(SYS_arch_prctl, 0x7777, 0), EINVAL);

    begin("getrandom");
    char noise[64] = {0};
    is(syscall(SYS_getrandom, noise, 64, 0), 64);
    int distinct = 0;
    for (int i = 1; i < 64; i++)
        distinct += noise[i] != noise[i - 1];
    yes(distinct > 40);
    fails(syscall(SYS_getrandom, noise, 64, 0x1000), EINVAL);
    fails(syscall(SYS_getrandom, 8, 64, 0), EFAULT);

    begin("unknown calls are ENOSYS");
    fails(syscall(600), ENOSYS);
    fails(syscall(-1), ENOSYS);
    fails(syscall(0x7fffffff), ENOSYS);
    /* only the low 32 bits count: this is read(77) */
    fails(syscall(1L << 40, 77, noise, 1), EBADF);
}
