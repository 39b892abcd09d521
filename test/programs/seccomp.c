/* Which system calls a thread may make: seccomp(2), PR_SET_SECCOMP. */
// test: smp=2 limit=60
#include "check.h"
#include "counts.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#define SIZE(a) (sizeof(a) / sizeof *(a))
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define GIVE(k) BPF_STMT(BPF_RET | BPF_K, (k))
#define IF(k, then, other) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), (then), (other))
/* One call gets this answer, all others go on. */
#define ON(nr, answer) {LOAD(nr), IF(nr, 0, 1), GIVE(answer), GIVE(SECCOMP_RET_ALLOW)}

static long seccomp(unsigned op, unsigned flags, void *at) { return syscall(SYS_seccomp, op, flags, at); }
static long install(struct sock_filter *code, unsigned short len, unsigned flags) {
    struct sock_fprog program = {len, code};
    return seccomp(SECCOMP_SET_MODE_FILTER, flags, &program);
}
static void promise(void) { prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }
/* A filter on one call, for the caller. */
static long filter(int nr, unsigned answer, unsigned flags) {
    struct sock_filter code[] = {LOAD(nr), IF(nr, 0, 1), GIVE(answer), GIVE(SECCOMP_RET_ALLOW)};
    promise();
    return install(code, SIZE(code), flags);
}
/* A number in a line of /proc/self/status; -1 when there is no such line. */
static int status_line(const char *name) {
    char text[4096], *at;
    if (get_file("/proc/self/status", text, sizeof text) < 0 || !(at = strstr(text, name)))
        return -2;
    return atoi(at + strlen(name));
}

static siginfo_t seen;
static unsigned long seen_rax, seen_rip;
static void on_sys(int sig, siginfo_t *info, void *context) {
    ucontext_t *c = context;
    (void)sig;
    seen = *info;
    seen_rax = c->uc_mcontext.gregs[REG_RAX];
    seen_rip = c->uc_mcontext.gregs[REG_RIP];
    c->uc_mcontext.gregs[REG_RAX] = 77;
}
static void quiet_sys(int sig) { (void)sig; }

static volatile int go, ready;
static void *call_when_told(void *unused) {
    (void)unused;
    __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
    while (!go) {} /* in user mode all the time */
    long answer = syscall(SYS_getppid);
    return (void *)(answer == -1 ? errno : 0L);
}
static void *wait_in_read(void *arg) {
    char c;
    __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
    (void)!read(*(int *)arg, &c, 1);
    long answer = syscall(SYS_getppid);
    return (void *)(answer == -1 ? errno : 0L);
}
static void *own_filter(void *unused) {
    (void)unused;
    long tid = filter(SYS_getsid, SECCOMP_RET_ERRNO | EIO, 0) ? 0 : syscall(SYS_gettid);
    __atomic_store_n(&ready, (int)tid, __ATOMIC_SEQ_CST);
    while (!go) {}
    return NULL;
}
static void *die_by_filter(void *unused) {
    (void)unused;
    syscall(SYS_getppid);
    return (void *)5;
}

static void answers(void) {
    int status;

    begin("errors come from the filter, zero and too large ones too");
    status = in_child({
        if (filter(SYS_getppid, SECCOMP_RET_ERRNO | ENOTTY, 0)) _exit(1);
        if (syscall(SYS_getppid) != -1 || errno != ENOTTY) _exit(2);
        if (getpid() <= 1) _exit(3);
        if (filter(SYS_getpgrp, SECCOMP_RET_ERRNO, 0) || syscall(SYS_getpgrp) != 0) _exit(4);
        if (filter(SYS_getegid, SECCOMP_RET_ERRNO | 60000, 0) || syscall(SYS_getegid) != -1 || errno != 4095) _exit(5);
    });
    yes(exited(status, 0));

    begin("a trap tells what was called and from where");
    status = in_child({
        struct sigaction action = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};
        sigaction(SIGSYS, &action, NULL);
        if (filter(SYS_getppid, SECCOMP_RET_TRAP | 1234, 0)) _exit(1);
        if (syscall(SYS_getppid) != 77) _exit(2);
        if (seen.si_signo != SIGSYS || seen.si_code != 1 || seen.si_errno != 1234) _exit(3);
        if (seen.si_syscall != SYS_getppid || seen.si_arch != AUDIT_ARCH_X86_64) _exit(4);
        if ((unsigned long)seen.si_call_addr != seen_rip || seen_rax != SYS_getppid) _exit(5);
    });
    yes(exited(status, 0));
    status = in_child({ filter(SYS_getppid, SECCOMP_RET_TRAP, 0); syscall(SYS_getppid); });
    yes(killed(status, SIGSYS));

    begin("killing takes the process, whatever it does with SIGSYS");
    for (int blocked = 0; blocked < 2; blocked++) {
        status = in_child({
            sigset_t set;
            sigfillset(&set);
            signal(SIGSYS, blocked ? SIG_IGN : quiet_sys);
            if (blocked) sigprocmask(SIG_BLOCK, &set, NULL);
            filter(SYS_getppid, SECCOMP_RET_KILL_PROCESS, 0);
            syscall(SYS_getppid);
        });
        yes(killed(status, SIGSYS));
    }
    status = in_child({ filter(SYS_getppid, SECCOMP_RET_KILL_THREAD, 0); syscall(SYS_getppid); });
    yes(killed(status, SIGSYS));
    /* What is no action kills as well. */
    status = in_child({ filter(SYS_getppid, 0x00010000, 0); syscall(SYS_getppid); });
    yes(killed(status, SIGSYS));

    begin("killing a thread leaves the others");
    status = in_child({
        pthread_t thread;
        if (filter(SYS_getppid, SECCOMP_RET_KILL_THREAD, 0)) _exit(1);
        pthread_create(&thread, NULL, die_by_filter, NULL);
        /* It never says good-bye by pthread_exit; the kernel clears its number. */
        pthread_join(thread, NULL);
        _exit(6);
    });
    yes(exited(status, 6));
    status = in_child({
        pthread_t thread;
        if (filter(SYS_getppid, SECCOMP_RET_KILL_PROCESS, 0)) _exit(1);
        pthread_create(&thread, NULL, die_by_filter, NULL);
        pthread_join(thread, NULL);
        _exit(6);
    });
    yes(killed(status, SIGSYS));

    begin("logged calls are made; traced ones are not there without a tracer");
    status = in_child({
        if (filter(SYS_getppid, SECCOMP_RET_LOG, 0) || syscall(SYS_getppid) < 1) _exit(1);
        if (filter(SYS_getpgrp, SECCOMP_RET_TRACE, 0) || syscall(SYS_getpgrp) != -1 || errno != ENOSYS) _exit(2);
        if (filter(SYS_getegid, SECCOMP_RET_ERRNO | EIO, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW)) _exit(3);
        if (syscall(SYS_getegid) != -1 || errno != EIO) _exit(4);
    });
    yes(exited(status, 0));

    begin("numbers that are no call, arguments and the architecture are told");
    status = in_child({
        struct sock_filter code[] = {
            LOAD(arch), IF(AUDIT_ARCH_X86_64, 1, 0), GIVE(SECCOMP_RET_KILL_PROCESS),
            LOAD(nr), IF(SYS_getppid, 1, 0), IF(100000, 8, 9),
            LOAD(args[0]), IF(0x55667788, 0, 7), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 20), IF(0x11223344, 0, 5),
            LOAD(args[5]), IF(6, 0, 3), BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), IF(64, 0, 1),
            GIVE(SECCOMP_RET_ERRNO | EBFONT), GIVE(SECCOMP_RET_ALLOW)};
        promise();
        if (install(code, SIZE(code), 0)) _exit(1);
        if (syscall(SYS_getppid, 0x1122334455667788, 2, 3, 4, 5, 6) != -1 || errno != EBFONT) _exit(2);
        if (syscall(SYS_getppid, 0x1122334455667788, 2, 3, 4, 5, 7) < 1) _exit(3);
        if (syscall(100000) != -1 || errno != EBFONT) _exit(4);
        if (syscall(100001) != -1 || errno != ENOSYS) _exit(5);
    });
    yes(exited(status, 0));
}

static void chains(void) {
    int status;
    char program[100];

    begin("the strictest filter wins, of two alike the newer one");
    status = in_child({
        filter(SYS_getppid, SECCOMP_RET_ERRNO | 1, 0);
        filter(SYS_getppid, SECCOMP_RET_ALLOW, 0);
        if (syscall(SYS_getppid) != -1 || errno != 1) _exit(1);
        filter(SYS_getppid, SECCOMP_RET_ERRNO | 2, 0);
        if (syscall(SYS_getppid) != -1 || errno != 2) _exit(2);
        filter(SYS_getppid, SECCOMP_RET_TRACE, 0);
        if (syscall(SYS_getppid) != -1 || errno != 2) _exit(3);
        filter(SYS_getppid, SECCOMP_RET_TRAP, 0);
        signal(SIGSYS, quiet_sys);
        if (syscall(SYS_getppid) != SYS_getppid) _exit(4);
    });
    yes(exited(status, 0));

    begin("children and programs inherit filters");
    status = in_child({
        if (filter(SYS_getppid, SECCOMP_RET_ERRNO | ENOTTY, 0)) _exit(1);
        int inner = in_child({ _exit(syscall(SYS_getppid) == -1 && errno == ENOTTY ? 9 : 1); });
        if (!exited(inner, 9)) _exit(2);
        snprintf(program, sizeof program, "/proc/self/exe");
        execl(program, "seccomp", "inherited", NULL);
        _exit(3);
    });
    yes(exited(status, 9));

    begin("modes and counts in prctl and /proc");
    is(prctl(PR_GET_SECCOMP), 0);
    is(status_line("Seccomp:\t"), 0);
    is(status_line("Seccomp_filters:\t"), 0);
    status = in_child({
        filter(SYS_getppid, SECCOMP_RET_ALLOW, 0);
        filter(SYS_getppid, SECCOMP_RET_ALLOW, 0);
        if (prctl(PR_GET_SECCOMP) != 2) _exit(1);
        if (status_line("Seccomp:\t") != 2 || status_line("Seccomp_filters:\t") != 2) _exit(2);
        if (status_line("NoNewPrivs:\t") != 1) _exit(3);
    });
    yes(exited(status, 0));

    begin("a chain has an end");
    status = in_child({
        static struct sock_filter code[4096];
        for (unsigned i = 0; i < SIZE(code); i++)
            code[i] = (struct sock_filter)GIVE(SECCOMP_RET_ALLOW);
        promise();
        int n = 0;
        while (n < 9 && !install(code, 4096, 0))
            n++;
        /* Linux counts what it makes of the instructions, two of each here. */
        if (n < 3 || n > 8 || errno != ENOMEM) _exit(1);
        if (status_line("Seccomp_filters:\t") != n) _exit(2);
    });
    yes(exited(status, 0));
    begin("a chain of many short filters comes and goes");
    status = in_child({
        struct sock_filter code[] = {GIVE(SECCOMP_RET_ALLOW)};
        promise();
        for (int i = 0; i < 2000; i++)
            if (install(code, 1, 0)) _exit(1);
        if (status_line("Seccomp_filters:\t") != 2000) _exit(2);
    });
    yes(exited(status, 0));
}

static void strictly(void) {
    int status;

    begin("strictly: read, write, exit, and no other");
    status = in_child({
        int p[2];
        char c;
        if (pipe(p) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0)) syscall(SYS_exit, 1);
        if (write(p[1], "x", 1) != 1 || read(p[0], &c, 1) != 1 || c != 'x') syscall(SYS_exit, 2);
        syscall(SYS_exit, 7);
    });
    yes(exited(status, 7));
    status = in_child({ seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL); syscall(SYS_getppid); });
    yes(killed(status, SIGKILL));
    status = in_child({ seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL); syscall(SYS_exit_group, 0); });
    yes(killed(status, SIGKILL));

    begin("strictly is no way out of filters");
    status = in_child({
        filter(SYS_getppid, SECCOMP_RET_ALLOW, 0);
        if (seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL) != -1 || errno != EINVAL) _exit(1);
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) != -1 || errno != EINVAL) _exit(2);
        struct sock_filter code[] = {GIVE(SECCOMP_RET_ALLOW)};
        struct sock_fprog one = {1, code};
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &one, 0, 0)) _exit(3);
    });
    yes(exited(status, 0));
}

static void synchronously(void) {
    int status;

    begin("all threads get a filter at once, wherever they are");
    status = in_child({
        pthread_t running, sleeping;
        int p[2];
        void *said = NULL;
        if (pipe(p)) _exit(1);
        ready = go = 0;
        pthread_create(&running, NULL, call_when_told, NULL);
        pthread_create(&sleeping, NULL, wait_in_read, &p[0]);
        while (ready < 2) sched_yield();
        if (filter(SYS_getppid, SECCOMP_RET_ERRNO | ENOTTY, SECCOMP_FILTER_FLAG_TSYNC)) _exit(2);
        go = 1;
        pthread_join(running, &said);
        if ((long)said != ENOTTY) _exit(3);
        (void)!write(p[1], "x", 1);
        pthread_join(sleeping, &said);
        if ((long)said != ENOTTY) _exit(4);
    });
    yes(exited(status, 0));

    begin("a thread with a filter of its own stands against it");
    status = in_child({
        pthread_t thread;
        ready = go = 0;
        pthread_create(&thread, NULL, own_filter, NULL);
        while (!ready) sched_yield();
        long other = ready;
        if (filter(SYS_getppid, SECCOMP_RET_ERRNO | ENOTTY, SECCOMP_FILTER_FLAG_TSYNC) != other) _exit(2);
        if (syscall(SYS_getppid) < 1) _exit(3);
        if (filter(SYS_getppid, SECCOMP_RET_ERRNO | ENOTTY, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH) != -1
            || errno != ESRCH) _exit(4);
        if (prctl(PR_GET_SECCOMP) != 0) _exit(5);
        go = 1;
        pthread_join(thread, NULL);
        /* Joined, but on Linux not gone for good yet. */
        while (filter(SYS_getppid, SECCOMP_RET_ERRNO | ENOTTY, SECCOMP_FILTER_FLAG_TSYNC)) sched_yield();
        if (syscall(SYS_getppid) != -1 || errno != ENOTTY) _exit(6);
    });
    yes(exited(status, 0));
}

static void refused(void) {
    int status;
    struct sock_filter code[] = {GIVE(SECCOMP_RET_ALLOW)};
    struct sock_fprog none = {0, code}, long_one = {4097, code}, nowhere = {1, (void *)8};
    unsigned action;

    begin("what is refused");
    fails(seccomp(99, 0, NULL), EINVAL);
    fails(seccomp(SECCOMP_SET_MODE_STRICT, 1, NULL), EINVAL);
    fails(seccomp(SECCOMP_SET_MODE_STRICT, 0, &status), EINVAL);
    fails(seccomp(SECCOMP_SET_MODE_FILTER, 1 << 20, &none), EINVAL);
    fails(seccomp(SECCOMP_SET_MODE_FILTER, 0, NULL), EFAULT);
    fails(seccomp(SECCOMP_SET_MODE_FILTER, 0, &none), EINVAL);
    fails(seccomp(SECCOMP_SET_MODE_FILTER, 0, &long_one), EINVAL);
    fails(seccomp(SECCOMP_SET_MODE_FILTER, 0, &nowhere), EFAULT);
    fails(prctl(PR_SET_SECCOMP, 0, 0, 0, 0), EINVAL);
    fails(prctl(PR_SET_SECCOMP, 3, 0, 0, 0), EINVAL);
    fails(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 0, 0, 0), EFAULT);
    is(prctl(PR_GET_SECCOMP), 0);

    begin("programs that cannot judge a call");
    static const struct sock_filter bad[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF), BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), BPF_STMT(BPF_LD | BPF_W | BPF_MEM, 0),
        BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), BPF_STMT(0xffff, 0), BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0)};
    for (unsigned i = 0; i < SIZE(bad); i++) {
        struct sock_filter two[] = {bad[i], GIVE(SECCOMP_RET_ALLOW)};
        fails(install(two, 2, 0), EINVAL);
    }
    struct sock_filter endless[] = {LOAD(nr)};
    fails(install(endless, 1, 0), EINVAL);

    begin("who may");
    status = in_child({
        if (setuid(1000)) _exit(1);
        if (install(code, 1, 0) != -1 || errno != EACCES) _exit(2);
        struct sock_fprog bad_length = {0, code};
        if (seccomp(SECCOMP_SET_MODE_FILTER, 0, &bad_length) != -1 || errno != EINVAL) _exit(3);
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &(struct sock_fprog){1, code}, 0, 0) != -1 || errno != EACCES) _exit(4);
        promise();
        if (install(code, 1, 0)) _exit(5);
    });
    yes(exited(status, 0));
    /* With CAP_SYS_ADMIN no promise is needed. */
    status = in_child({ if (install(code, 1, 0) || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)) _exit(1); });
    yes(exited(status, 0));

    begin("which actions there are");
    static const unsigned known[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO,
                                     SECCOMP_RET_TRACE, SECCOMP_RET_LOG, SECCOMP_RET_ALLOW};
    for (unsigned i = 0; i < SIZE(known); i++) {
        action = known[i];
        is(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action), 0);
    }
    action = 1;
    fails(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action), EOPNOTSUPP);
    fails(seccomp(SECCOMP_GET_ACTION_AVAIL, 1, &action), EINVAL);
    fails(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, NULL), EFAULT);
}

static int one_of_each(int which) {
    (void)which;
    for (int i = 0; i < 20; i++) {
        in_child({ filter(SYS_getppid, SECCOMP_RET_KILL_PROCESS, 0); syscall(SYS_getppid); });
        in_child({
            for (int n = 0; n < 20; n++) filter(SYS_getppid, SECCOMP_RET_ERRNO, SECCOMP_FILTER_FLAG_TSYNC);
            in_child({ _exit(0); });
        });
    }
    return 0;
}

static void tests(void) {
    answers();
    chains();
    strictly();
    synchronously();
    refused();

    begin("nothing is left of filters");
    objects_alone = 1;
    open_counts();
    one_of_each(0);
    must_leave_nothing(one_of_each, 0, 5);
}

__attribute__((constructor)) static void inherited(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "inherited"))
        _exit(syscall(SYS_getppid) == -1 && errno == ENOTTY && prctl(PR_GET_SECCOMP) == 2 ? 9 : 1);
}
