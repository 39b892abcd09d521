/* Signals (signal(7), sigaction(2), sigqueue(3), sigaltstack(2)). */
#include "check.h"
#include <setjmp.h>
#include <sys/signalfd.h>
#include <ucontext.h>

static volatile sig_atomic_t hits, last_code, last_value, order[64];
static volatile pid_t last_pid;
static void *volatile last_address, *volatile handler_stack;
static sigjmp_buf back;

static void count(int sig) { hits++; }
static void note(int sig, siginfo_t *info, void *context) {
    char here;
    handler_stack = &here;
    last_code = info->si_code;
    last_value = info->si_value.sival_int;
    last_pid = info->si_pid;
    last_address = info->si_addr;
    if (hits < 64)
        order[hits] = sig;
    hits++;
}
static void jump(int sig, siginfo_t *info, void *context) {
    note(sig, info, context);
    siglongjmp(back, 1);
}
static void skip_fault(int sig, siginfo_t *info, void *context) {
    note(sig, info, context);
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
}
static void handle(int sig, void (*f)(int, siginfo_t *, void *), int flags) {
    struct sigaction action = {.sa_flags = SA_SIGINFO | flags};
    action.sa_sigaction = f;
    sigaction(sig, &action, NULL);
}
static void *__attribute__((noreturn)) to_stop(void *arg) {
    for (;;)
        pause();
}
static pthread_t target;
static void *in_thread(void *arg) {
    sigset_t none;
    sigemptyset(&none);
    *(volatile int *)arg = 1;
    while (hits == 0)
        sigsuspend(&none);
    return (void *)(long)(pthread_self() == target);
}

static void tests(void) {
    sigset_t set, old, pending;
    siginfo_t info;
    int status, pipes[2];
    char c;

    begin("a handler runs, SA_RESETHAND once");
    signal(SIGUSR1, count);
    raise(SIGUSR1);
    is(hits, 1);
    struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESETHAND};
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    is(hits, 2);
    sigaction(SIGUSR1, NULL, &action);
    yes(action.sa_handler == SIG_DFL);

    begin("kill: wrong signal, no process, signal 0");
    fails(kill(getpid(), 65), EINVAL);
    fails(kill(getpid(), -1), EINVAL);
    fails(kill(999999, SIGTERM), ESRCH);
    works(kill(getpid(), 0));
    fails(syscall(SYS_tgkill, getpid(), 999999, 0), ESRCH);
    fails(syscall(SYS_tkill, -1, 0), EINVAL);

    begin("KILL and STOP cannot be caught");
    action.sa_handler = count;
    fails(sigaction(SIGKILL, &action, NULL), EINVAL);
    fails(sigaction(SIGSTOP, &action, NULL), EINVAL);
    fails(syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 4), EINVAL);
    fails(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8), EINVAL);

    begin("a blocked signal waits, once");
    hits = 0;
    signal(SIGUSR1, count);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    raise(SIGUSR1);
    raise(SIGUSR1);
    sigpending(&pending);
    is(sigismember(&pending, SIGUSR1), 1);
    is(hits, 0);
    sigprocmask(SIG_SETMASK, &old, NULL);
    is(hits, 1);
    fails(syscall(SYS_rt_sigprocmask, 9, &set, NULL, 8), EINVAL);

    begin("KILL cannot be blocked");
    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
    sigprocmask(SIG_SETMASK, NULL, &pending);
    is(sigismember(&pending, SIGKILL), 0);
    is(sigismember(&pending, SIGSTOP), 0);
    sigprocmask(SIG_SETMASK, &old, NULL);

    begin("real-time signals queue in order, with values");
    handle(SIGRTMIN, note, 0);
    handle(SIGRTMIN + 1, note, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    hits = 0;
    for (int i = 0; i < 3; i++)
        works(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 10 + i}));
    works(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 1}));
    for (int i = 0; i < 1; i++) {
        is(sigwaitinfo(&set, &info), SIGRTMIN);
        is(info.si_value.sival_int, 1);
        is(info.si_code, SI_QUEUE);
        is(info.si_pid, getpid());
    }
    for (int i = 0; i < 3; i++) {
        is(sigwaitinfo(&set, &info), SIGRTMIN + 1);
        is(info.si_value.sival_int, 10 + i);
    }
    struct timespec soon = {0, 10000000};
    fails(sigtimedwait(&set, &info, &soon), EAGAIN);
    sigprocmask(SIG_SETMASK, &old, NULL);

    begin("RLIMIT_SIGPENDING counts what is queued for a user, in whatever process");
    status = in_child({
        struct rlimit four = {4, 4};
        sigset_t rt;
        int bad = setrlimit(RLIMIT_SIGPENDING, &four) || setresuid(4324, 4324, 4324);
        sigemptyset(&rt);
        sigaddset(&rt, SIGRTMIN);
        sigaddset(&rt, SIGUSR1);
        sigprocmask(SIG_BLOCK, &rt, NULL);
        pid_t heir = fork();
        if (heir == 0)
            for (;;)
                pause();
        for (int i = 0; i < 2; i++) {
            bad |= sigqueue(heir, SIGRTMIN, (union sigval){i}) != 0;
            bad |= sigqueue(getpid(), SIGRTMIN, (union sigval){i}) != 0;
        }
        bad |= sigqueue(heir, SIGRTMIN, (union sigval){9}) != -1 || errno != EAGAIN;
        bad |= sigqueue(getpid(), SIGRTMIN, (union sigval){9}) != -1 || errno != EAGAIN;
        char text[4096], *q;
        bad |= get_file("/proc/self/status", text, sizeof text) < 0 || !(q = strstr(text, "SigQ:\t4/4"));
        timer_t timer; /* it keeps a place for its signal */
        bad |= timer_create(CLOCK_MONOTONIC, NULL, &timer) != -1 || errno != EAGAIN;
        /* kill(2) goes through, and counts; without room sigqueue(3) of a standard signal loses what it carried */
        bad |= sigqueue(getpid(), SIGUSR1, (union sigval){7}) != 0;
        siginfo_t info = {0};
        bad |= sigwaitinfo(&rt, &info) != SIGUSR1 || info.si_value.sival_int || info.si_code != SI_USER;
        bad |= kill(getpid(), SIGUSR1) || get_file("/proc/self/status", text, sizeof text) < 0 || !strstr(text, "SigQ:\t5/4");
        bad |= sigwaitinfo(&rt, &info) != SIGUSR1 || info.si_pid != getpid();
        /* the end of the other process gives its places back */
        kill(heir, SIGKILL);
        waitpid(heir, NULL, 0);
        bad |= timer_create(CLOCK_MONOTONIC, NULL, &timer) != 0;
        bad |= sigqueue(getpid(), SIGRTMIN, (union sigval){2}) != 0;
        bad |= sigqueue(getpid(), SIGRTMIN, (union sigval){3}) != -1 || errno != EAGAIN;
        bad |= timer_delete(timer) != 0 || sigqueue(getpid(), SIGRTMIN, (union sigval){3}) != 0;
        for (int i = 0; i < 4; i++)
            bad |= sigwaitinfo(&rt, &info) != SIGRTMIN || info.si_value.sival_int != i;
        bad |= get_file("/proc/self/status", text, sizeof text) < 0 || !strstr(text, "SigQ:\t0/4");
        _exit(bad);
    });
    yes(exited(status, 0));

    begin("siginfo says who sent it");
    handle(SIGUSR2, note, 0);
    pid_t me = getpid();
    pid_t child = fork();
    if (child == 0) {
        kill(me, SIGUSR2);
        _exit(0);
    }
    waitpid(child, &status, 0);
    is(last_pid, child);
    is(last_code, SI_USER);

    begin("SIGSEGV: address and code");
    handle(SIGSEGV, jump, 0);
    hits = 0;
    if (!sigsetjmp(back, 1))
        *(volatile int *)0x1234 = 1;
    is(hits, 1);
    is((long)last_address, 0x1234);
    is(last_code, SEGV_MAPERR);
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!sigsetjmp(back, 1))
        page[5] = 1;
    is((long)last_address, (long)(page + 5));
    is(last_code, SEGV_ACCERR);
    if (!sigsetjmp(back, 1))
        *(volatile int *)0xffffffff80000000;
    is(hits, 3);
    if (!sigsetjmp(back, 1))
        ((void (*)(void))page)();
    is((long)last_address, (long)page);
    is(hits, 4);
    if (!sigsetjmp(back, 1))
        *(volatile int *)0x8000000000000000;
    is(hits, 5);

    begin("SIGFPE, SIGILL, SIGTRAP, SIGBUS");
    handle(SIGFPE, jump, 0);
    volatile int zero = 0;
    if (!sigsetjmp(back, 1))
        zero = 7 / zero;
    is(last_code, FPE_INTDIV);
    handle(SIGILL, skip_fault, 0);
    hits = 0;
    asm volatile("ud2");
    is(hits, 1);
    is(last_code, ILL_ILLOPN);
    handle(SIGTRAP, note, 0);
    asm volatile("int3");
    is(hits, 2);
    handle(SIGSEGV, skip_fault, 0);
    asm volatile("hlt; nop");
    is(hits, 3);
    int fd = open("short", O_RDWR | O_CREAT, 0600);
    char *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    handle(SIGBUS, jump, 0);
    if (!sigsetjmp(back, 1))
        zero = map[10];
    is(hits, 4);
    is(last_code, BUS_ADRERR);
    signal(SIGSEGV, SIG_DFL);
    close(fd);

    begin("the alternate stack");
    static char alternate[32768];
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate}, oldstack;
    works(sigaltstack(&stack, &oldstack));
    is(oldstack.ss_flags, SS_DISABLE);
    handle(SIGUSR1, note, SA_ONSTACK);
    raise(SIGUSR1);
    yes((char *)handler_stack > alternate && (char *)handler_stack < alternate + sizeof alternate);
    handle(SIGUSR1, note, 0);
    raise(SIGUSR1);
    yes(!((char *)handler_stack > alternate && (char *)handler_stack < alternate + sizeof alternate));
    stack.ss_size = 100;
    fails(sigaltstack(&stack, NULL), ENOMEM);
    stack.ss_flags = 99;
    fails(sigaltstack(&stack, NULL), EINVAL);

    begin("stack overflow caught on the alternate stack");
    status = in_child({
        handle(SIGSEGV, jump, SA_ONSTACK);
        if (sigsetjmp(back, 1))
            _exit(44);
        struct rlimit small = {65536, 65536};
        setrlimit(RLIMIT_STACK, &small);
        volatile char *p = (char *)__builtin_frame_address(0);
        for (long i = 0;; i += 512)
            p[-i] = 1;
    });
    yes(exited(status, 44));

    begin("SA_RESTART restarts a read, without it EINTR");
    works(pipe(pipes));
    int interrupted[2];
    works(pipe(interrupted));
    for (int restart = 0; restart < 2; restart++) {
        handle(SIGALRM, note, restart ? SA_RESTART : 0);
        hits = 0;
        child = fork();
        if (child == 0) {
            // A slow machine may be late with the alarm: without a restart the byte waits for it.
            if (restart)
                pause_ms(150);
            else
                (void)!read(interrupted[0], &c, 1);
            (void)!write(pipes[1], "x", 1);
            _exit(0);
        }
        struct itimerval soon_alarm = {.it_value = {0, 50000}};
        setitimer(ITIMER_REAL, &soon_alarm, NULL);
        if (restart)
            is(read(pipes[0], &c, 1), 1);
        else
            fails(read(pipes[0], &c, 1), EINTR);
        while (hits == 0)
            pause_ms(1);
        is(hits, 1);
        if (!restart) {
            is(write(interrupted[1], "x", 1), 1);
            is(read(pipes[0], &c, 1), 1);
        }
        waitpid(child, &status, 0);
    }
    close(interrupted[0]);
    close(interrupted[1]);

    begin("nanosleep is cut short and tells the rest");
    struct timespec second = {1, 0}, rest = {0, 0};
    struct itimerval soon_alarm = {.it_value = {0, 50000}};
    setitimer(ITIMER_REAL, &soon_alarm, NULL);
    fails(nanosleep(&second, &rest), EINTR);
    yes(rest.tv_sec == 0 && rest.tv_nsec > 100000000);

    begin("sigsuspend swaps the mask");
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    raise(SIGUSR1);
    hits = 0;
    fails(sigsuspend(&old), EINTR);
    is(hits, 1);
    sigprocmask(SIG_BLOCK, NULL, &pending);
    is(sigismember(&pending, SIGUSR1), 1);
    sigprocmask(SIG_SETMASK, &old, NULL);

    begin("sa_mask and SA_NODEFER");
    sigaction(SIGUSR1, NULL, &action);
    hits = 0;
    is(sigismember(&action.sa_mask, SIGUSR2), 0);

    begin("job signals: stop, continue");
    child = fork();
    if (child == 0) {
        handle(SIGCONT, note, 0);
        hits = 0;
        raise(SIGTSTP);
        _exit(hits == 1 ? 6 : 7);
    }
    is(waitpid(child, &status, WUNTRACED), child);
    yes(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTSTP);
    kill(child, SIGCONT);
    is(waitpid(child, &status, 0), child);
    yes(exited(status, 6));

    begin("STOP and CONT cancel one another while they wait");
    child = fork();
    if (child == 0) {
        sigemptyset(&set);
        sigaddset(&set, SIGTSTP);
        sigaddset(&set, SIGCONT);
        sigprocmask(SIG_BLOCK, &set, NULL);
        kill(getpid(), SIGTSTP);
        kill(getpid(), SIGCONT);
        sigpending(&pending);
        _exit(sigismember(&pending, SIGTSTP) * 2 + sigismember(&pending, SIGCONT));
    }
    waitpid(child, &status, 0);
    /* an ignored-by-default SIGCONT that is blocked stays pending */
    yes(exited(status, 1));

    begin("a stopped process still dies of KILL");
    child = fork();
    if (child == 0)
        to_stop(NULL);
    kill(child, SIGSTOP);
    waitpid(child, &status, WUNTRACED);
    kill(child, SIGTERM);
    is(waitpid(child, &status, WNOHANG), 0);
    kill(child, SIGKILL);
    is(waitpid(child, &status, 0), child);
    yes(killed(status, SIGKILL));

    begin("SIGPIPE");
    close(pipes[0]);
    signal(SIGPIPE, SIG_IGN);
    fails(write(pipes[1], "x", 1), EPIPE);
    signal(SIGPIPE, SIG_DFL);
    status = in_child((void)!write(pipes[1], "x", 1));
    yes(killed(status, SIGPIPE));

    begin("signals to groups");
    child = fork();
    if (child == 0) {
        setpgid(0, 0);
        pid_t other = fork();
        if (other == 0)
            to_stop(NULL);
        pause_ms(20);
        kill(0, SIGTERM);
        to_stop(NULL);
    }
    is(waitpid(child, &status, 0), child);
    yes(killed(status, SIGTERM));

    begin("a thread is aimed at");
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    handle(SIGUSR2, note, 0);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    volatile int ready = 0;
    hits = 0;
    pthread_create(&target, NULL, in_thread, (void *)&ready);
    while (!ready)
        sched_yield();
    pthread_kill(target, SIGUSR2);
    void *result;
    pthread_join(target, &result);
    is((long)result, 1);
    is(last_code, SI_TKILL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);

    begin("handlers and masks across fork and exec");
    hits = 0;
    status = in_child({ raise(SIGUSR2); _exit(hits); });
    yes(exited(status, 1));
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    status = in_child({
        sigprocmask(SIG_BLOCK, &set, NULL);
        execl("/bin/busybox", "grep", "-q", "^SigBlk:.*4000$", "/proc/self/status", NULL);
    });
    yes(exited(status, 0));

    begin("the frame keeps vector registers and errno's red zone");
    handle(SIGUSR1, note, 0);
    double before = 1.5, after;
    asm volatile("movsd %1, %%xmm7\n\t" "mov $39, %%eax\n\tsyscall\n\tmov %%eax, %%edi\n\tmov $10, %%esi\n\t"
                 "mov $62, %%eax\n\tsyscall\n\tmovsd %%xmm7, %0"
                 : "=m"(after) : "m"(before) : "rax", "rdi", "rsi", "rcx", "r11", "xmm7", "memory");
    yes(after == 1.5);

    begin("signalfd");
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_NONBLOCK);
    if (fd < 0 && errno == ENOSYS) {
        skip("no signalfd in this kernel");
    } else {
        struct signalfd_siginfo got;
        fails(read(fd, &got, sizeof got), EAGAIN);
        raise(SIGUSR1);
        is(read(fd, &got, sizeof got), sizeof got);
        is(got.ssi_signo, SIGUSR1);
        close(fd);
    }
    sigprocmask(SIG_UNBLOCK, &set, NULL);

    begin("sigreturn with a bad frame kills, not the kernel");
    status = in_child({
        asm volatile("mov $0x1000, %%rsp\n\tmov $15, %%eax\n\tsyscall" ::: "memory");
    });
    yes(killed(status, SIGSEGV));

    begin("a handler on no stack kills");
    status = in_child({
        handle(SIGUSR1, note, 0);
        asm volatile("mov $39, %%eax\n\tsyscall\n\tmov %%eax, %%edi\n\tmov $10, %%esi\n\tmov $0x1000, %%rsp\n\t"
                     "mov $62, %%eax\n\tsyscall" ::: "memory");
    });
    yes(killed(status, SIGSEGV));
}
