/* ptrace(2): stops, registers, memory, events, watchpoints, threads, and what a tracer may not do. */
// test: smp=2 limit=120
#include "check.h"
#include <elf.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <linux/ptrace.h>
#undef ptrace

static long pt(long what, pid_t pid, unsigned long addr, unsigned long data) {
    return syscall(SYS_ptrace, what, pid, addr, data);
}
static long p(long what, pid_t pid, unsigned long addr, const void *data) {
    return pt(what, pid, addr, (unsigned long)data);
}
/* The next report of a tracee; -1 if there is none. */
static int next(pid_t pid) {
    int status = -1;
    return waitpid(pid, &status, __WALL) < 0 ? -1 : status;
}
static int ended(pid_t pid, int code) {
    int status = next(pid);
    return exited(status, code);
}
static int died(pid_t pid, int sig) {
    int status = next(pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == sig;
}
#define STOP(code) ((code) << 8 | 0x7f)
#define EVENT(sig, event) STOP((sig) | (event) << 8)
/* A child that is traced and stopped by SIGSTOP before BODY. */
#define traced_child(...) ({ fflush(stdout); pid_t pid_ = fork(); if (!pid_) { pt(PTRACE_TRACEME, 0, 0, 0); \
    raise(SIGSTOP); __VA_ARGS__; _exit(0); } is(next(pid_), STOP(SIGSTOP)); pid_; })
static void reap(pid_t pid) {
    int status;
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
        pt(PTRACE_CONT, pid, 0, 0);
}
static long word(pid_t pid, const volatile void *at) {
    long value = -1;
    p(PTRACE_PEEKDATA, pid, (unsigned long)at, &value);
    return value;
}

static volatile long watched = 1, other;
static volatile int hits;
static void __attribute__((noipa)) on_signal(int sig) { (void)sig; hits++; }
static void *thread(void *arg) { other = 7; return arg; }

static void tests(void) {
    struct user_regs_struct regs, again;
    struct user_fpregs_struct fp;
    struct ptrace_syscall_info call;
    siginfo_t info;
    int status;
    long value, n;
    pid_t pid;
    char text[4096];

    begin("what is no tracee's is refused");
    fails(pt(PTRACE_CONT, getpid(), 0, 0), ESRCH);
    fails(pt(PTRACE_CONT, 0, 0, 0), ESRCH);
    fails(pt(PTRACE_CONT, -1, 0, 0), ESRCH);
    fails(pt(PTRACE_ATTACH, getpid(), 0, 0), EPERM);
    fails(pt(PTRACE_ATTACH, 4000000, 0, 0), ESRCH);
    fails(pt(12345, getpid(), 0, 0), ESRCH);
    fails(pt(PTRACE_SEIZE, 1, 1, 0), EIO);
    fails(pt(PTRACE_SEIZE, 1, 0, 1 << 30), EIO);
    fails(pt(PTRACE_INTERRUPT, getpid(), 0, 0), ESRCH);
    fails(pt(PTRACE_KILL, 4000000, 0, 0), ESRCH);

    begin("a child lets itself be traced, stops, goes on");
    pid = traced_child(_exit(3));
    works(pt(PTRACE_CONT, pid, 0, 0));
    yes(ended(pid, 3));
    fails(pt(PTRACE_CONT, pid, 0, 0), ESRCH);
    is(in_child(is(pt(PTRACE_TRACEME, 0, 0, 0), 0); _exit(pt(PTRACE_TRACEME, 0, 0, 0) == -1 && errno == EPERM)), 0x100);

    begin("only while it stands still");
    pid = traced_child(for (;;) watched++);
    works(pt(PTRACE_CONT, pid, 0, 0));
    fails(pt(PTRACE_CONT, pid, 0, 0), ESRCH);
    fails(p(PTRACE_GETREGS, pid, 0, &regs), ESRCH);
    fails(pt(PTRACE_INTERRUPT, pid, 0, 0), EIO);
    kill(pid, SIGUSR1);
    is(next(pid), STOP(SIGUSR1));
    fails(pt(PTRACE_CONT, pid, 0, 65), EIO);
    fails(pt(PTRACE_CONT, pid, 0, -1), EIO);
    fails(pt(PTRACE_ATTACH, pid, 0, 0), EPERM);
    fails(pt(12345, pid, 0, 0), EIO);
    works(pt(PTRACE_CONT, pid, 0, SIGTERM));
    yes(died(pid, SIGTERM));

    begin("memory word by word");
    pid = traced_child(_exit(watched == 0x1122334455667788 ? 0 : 1));
    is(word(pid, &watched), watched);
    works(pt(PTRACE_POKEDATA, pid, (unsigned long)&watched, 0x1122334455667788));
    is(word(pid, &watched), 0x1122334455667788);
    works(pt(PTRACE_POKETEXT, pid, (unsigned long)&on_signal, word(pid, &on_signal)));
    fails(p(PTRACE_PEEKDATA, pid, 8, &value), EIO);
    fails(p(PTRACE_PEEKTEXT, pid, -8UL, &value), EIO);
    fails(p(PTRACE_PEEKTEXT, pid, 1UL << 63, &value), EIO);
    fails(pt(PTRACE_POKEDATA, pid, 8, 1), EIO);
    fails(pt(PTRACE_PEEKDATA, pid, (unsigned long)&watched, 8), EFAULT);
    works(pt(PTRACE_CONT, pid, 0, 0));
    is(next(pid), 0);

    begin("registers, and what may not be in them");
    pid = traced_child(for (;;) watched++);
    works(pt(PTRACE_CONT, pid, 0, 0));
    pause_ms(20);
    kill(pid, SIGUSR1);
    is(next(pid), STOP(SIGUSR1));
    works(p(PTRACE_GETREGS, pid, 0, &regs));
    is(regs.cs, 0x33);
    is(regs.ss, 0x2b);
    is(regs.orig_rax, -1);
    yes(regs.eflags & 0x200);
    works(p(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, rip), &value));
    is(value, regs.rip);
    again = regs;
    again.r15 = 0x1234, again.eflags = -1UL & ~0x100UL;
    works(p(PTRACE_SETREGS, pid, 0, &again));
    works(p(PTRACE_GETREGS, pid, 0, &again));
    is(again.r15, 0x1234);
    is(again.eflags & 0x3200, 0x200);
    works(p(PTRACE_SETREGS, pid, 0, &regs));
    fails(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, cs), 0), EIO);
    fails(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, cs), 0x10), EIO);
    fails(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, ss), 0x18), EIO);
    fails(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, fs_base), 1UL << 63), EIO);
    fails(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, gs_base), -1UL), EIO);
    fails(pt(PTRACE_POKEUSER, pid, 3, 0), EIO);
    fails(pt(PTRACE_POKEUSER, pid, sizeof(struct user) + 16, 0), EIO);
    fails(pt(PTRACE_POKEUSER, pid, 224, 0), EIO);
    fails(pt(PTRACE_PEEKUSER, pid, -8UL, (unsigned long)&value), EIO);
    fails(pt(PTRACE_GETREGS, pid, 0, 8), EFAULT);
    fails(pt(PTRACE_SETREGS, pid, 0, 8), EFAULT);
    works(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rip), 1UL << 63));
    works(pt(PTRACE_CONT, pid, 0, 0));
    is(next(pid), STOP(SIGSEGV));
    works(pt(PTRACE_CONT, pid, 0, SIGSEGV));
    status = next(pid);
    yes(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);

    begin("register sets");
    pid = traced_child(for (;;) watched++);
    works(p(PTRACE_GETREGS, pid, 0, &regs));
    struct iovec iov = {text, sizeof text};
    works(p(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov));
    is(iov.iov_len, sizeof regs);
    yes(!memcmp(text, &regs, sizeof regs));
    iov.iov_len = 16;
    works(p(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov));
    is(iov.iov_len, 16);
    iov.iov_len = 13;
    fails(p(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov), EINVAL);
    iov.iov_len = sizeof text;
    fails(p(PTRACE_GETREGSET, pid, 0x7777, &iov), EINVAL);
    fails(pt(PTRACE_GETREGSET, pid, NT_PRSTATUS, 8), EFAULT);
    works(p(PTRACE_GETREGSET, pid, NT_PRFPREG, &iov));
    is(iov.iov_len, 512);
    works(p(PTRACE_GETFPREGS, pid, 0, &fp));
    yes(!memcmp(text, &fp, sizeof fp));
    is(fp.cwd, 0x37f);
    is(fp.mxcsr, 0x1f80);
    fp.xmm_space[5] = 0x5a5a5a5a;
    works(p(PTRACE_SETFPREGS, pid, 0, &fp));
    memset(&fp, 0, sizeof fp);
    works(p(PTRACE_GETFPREGS, pid, 0, &fp));
    is(fp.xmm_space[5], 0x5a5a5a5a);
    fp.mxcsr = -1;
    fails(p(PTRACE_SETFPREGS, pid, 0, &fp), EINVAL);
    iov.iov_len = sizeof text;
    if (p(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &iov) == 0) {
        yes(iov.iov_len >= 576);
        is(text[464] & 3, 3);
        works(p(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &iov));
        text[512 + 7] = 0x7f;
        fails(p(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &iov), EINVAL);
        iov.iov_len = 8;
        fails(p(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &iov), EFAULT);
    }
    works(pt(PTRACE_ARCH_PRCTL, pid, (unsigned long)&value, 0x1003));
    is(value, regs.fs_base);
    fails(pt(PTRACE_ARCH_PRCTL, pid, -1UL, 0x1002), EPERM);
    fails(pt(PTRACE_ARCH_PRCTL, pid, 0, 0x7777), EINVAL);
    reap(pid);

    begin("signals pass by the tracer");
    pid = traced_child(signal(SIGUSR1, on_signal); kill(getpid(), SIGUSR1); kill(getpid(), SIGUSR2); kill(getpid(), SIGCHLD);
                       _exit(hits));
    works(p(PTRACE_GETSIGINFO, pid, 0, &info));
    is(info.si_signo, SIGSTOP);
    is(info.si_code, SI_TKILL);
    works(pt(PTRACE_CONT, pid, 0, 0));
    is(next(pid), STOP(SIGUSR1));
    works(p(PTRACE_GETSIGINFO, pid, 0, &info));
    is(info.si_pid, pid);
    fails(pt(PTRACE_GETSIGINFO, pid, 0, 8), EFAULT);
    works(p(PTRACE_SETSIGINFO, pid, 0, &info));
    works(pt(PTRACE_CONT, pid, 0, SIGUSR1));
    is(next(pid), STOP(SIGUSR2));
    works(pt(PTRACE_CONT, pid, 0, SIGUSR1));
    is(next(pid), STOP(SIGCHLD));
    works(pt(PTRACE_CONT, pid, 0, 0));
    yes(ended(pid, 2));

    begin("masks and what is pending");
    pid = traced_child(sigset_t s; sigemptyset(&s); sigaddset(&s, SIGUSR1); sigaddset(&s, 40);
                       sigprocmask(SIG_BLOCK, &s, NULL); kill(getpid(), SIGUSR1); tgkill(getpid(), getpid(), 40); raise(SIGUSR2));
    works(pt(PTRACE_CONT, pid, 0, 0));
    is(next(pid), STOP(SIGUSR2));
    unsigned long mask = 0;
    works(pt(PTRACE_GETSIGMASK, pid, 8, (unsigned long)&mask));
    is(mask, 1UL << 9 | 1UL << 39);
    fails(pt(PTRACE_GETSIGMASK, pid, 4, (unsigned long)&mask), EINVAL);
    struct { unsigned long off; unsigned flags; int nr; } peek = {0, 1, 4};
    siginfo_t infos[4];
    is(p(PTRACE_PEEKSIGINFO, pid, (unsigned long)&peek, infos), 1);
    is(infos[0].si_signo, SIGUSR1);
    peek.flags = 0;
    is(p(PTRACE_PEEKSIGINFO, pid, (unsigned long)&peek, infos), 1);
    is(infos[0].si_signo, 40);
    peek.flags = 2;
    fails(p(PTRACE_PEEKSIGINFO, pid, (unsigned long)&peek, infos), EINVAL);
    peek.flags = 0, peek.nr = -1;
    fails(p(PTRACE_PEEKSIGINFO, pid, (unsigned long)&peek, infos), EINVAL);
    mask = 1UL << 39;
    works(pt(PTRACE_SETSIGMASK, pid, 8, (unsigned long)&mask));
    works(pt(PTRACE_CONT, pid, 0, 0));
    is(next(pid), STOP(SIGUSR1));
    works(pt(PTRACE_CONT, pid, 0, SIGUSR1));
    yes(died(pid, SIGUSR1));

    begin("each call at its entry and its exit");
    pid = traced_child(syscall(SYS_getppid); syscall(SYS_close, 12345); syscall(SYS_getpid); _exit(syscall(SYS_getuid)));
    works(pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD));
    fails(pt(PTRACE_SETOPTIONS, pid, 0, 1 << 30), EINVAL);
    for (n = 0;; n++) {
        works(pt(PTRACE_SYSCALL, pid, 0, 0));
        is(status = next(pid), STOP(SIGTRAP | 0x80));
        is(p(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call), 80);
        if (call.entry.nr == SYS_getppid || n > 20 || !WIFSTOPPED(status))
            break;
        works(pt(PTRACE_SYSCALL, pid, 0, 0));
        is(next(pid), STOP(SIGTRAP | 0x80));
    }
    is(call.op, PTRACE_SYSCALL_INFO_ENTRY);
    is(call.arch, 0xc000003e);
    works(p(PTRACE_GETREGS, pid, 0, &regs));
    is(regs.rax, -ENOSYS);
    is(regs.orig_rax, SYS_getppid);
    works(p(PTRACE_GETSIGINFO, pid, 0, &info));
    is(info.si_code, SIGTRAP | 0x80);
    works(p(PTRACE_GETEVENTMSG, pid, 0, &value));
    is(value, 1);
    works(pt(PTRACE_SYSCALL, pid, 0, 0));
    is(next(pid), STOP(SIGTRAP | 0x80));
    is(p(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call), 33);
    is(call.op, PTRACE_SYSCALL_INFO_EXIT);
    is(call.exit.rval, getpid());
    is(call.exit.is_error, 0);
    works(pt(PTRACE_SYSCALL, pid, 0, 0));
    is(next(pid), STOP(SIGTRAP | 0x80));
    works(pt(PTRACE_SYSCALL, pid, 0, 0));
    is(next(pid), STOP(SIGTRAP | 0x80));
    is(p(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call), 33);
    is(call.exit.rval, -EBADF);
    is(call.exit.is_error, 1);
    /* One call is left out, with a result of the tracer's; one has its number changed. */
    works(pt(PTRACE_SYSCALL, pid, 0, 0));
    is(next(pid), STOP(SIGTRAP | 0x80));
    works(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), -1UL));
    works(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), 99));
    works(pt(PTRACE_SYSCALL, pid, 0, 0));
    is(next(pid), STOP(SIGTRAP | 0x80));
    is(p(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call), 33);
    is(call.exit.rval, 99);
    works(pt(PTRACE_SYSCALL, pid, 0, 0));
    is(next(pid), STOP(SIGTRAP | 0x80));
    works(pt(PTRACE_SYSCALL, pid, 0, 0));
    is(next(pid), STOP(SIGTRAP | 0x80));
    works(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), 42));
    works(pt(PTRACE_CONT, pid, 0, 0));
    yes(ended(pid, 42));

    begin("an interrupted call is made again");
    int ends[2];
    works(pipe(ends));
    pid = traced_child(char c = 0; _exit(read(ends[0], &c, 1) == 1 ? c : 1));
    works(pt(PTRACE_CONT, pid, 0, 0));
    pause_ms(50);
    kill(pid, SIGUSR1);
    is(next(pid), STOP(SIGUSR1));
    works(p(PTRACE_GETREGS, pid, 0, &regs));
    is(regs.orig_rax, SYS_read);
    is(regs.rax, -512);
    works(pt(PTRACE_CONT, pid, 0, 0));
    works(write(ends[1], "\x2a", 1));
    yes(ended(pid, 0x2a));

    begin("so is one that a stop interrupted, by a tracer that leaves then");
    pid = fork();
    if (!pid) {
        char c = 0;
        _exit(read(ends[0], &c, 1) == 1 ? c : 1);
    }
    works(pt(PTRACE_SEIZE, pid, 0, 0));
    works(pt(PTRACE_INTERRUPT, pid, 0, 0));
    is(next(pid), EVENT(SIGTRAP, PTRACE_EVENT_STOP));
    do {
        works(pt(PTRACE_SYSCALL, pid, 0, 0));
        is(next(pid), STOP(SIGTRAP));
        works(p(PTRACE_GETREGS, pid, 0, &regs));
    } while (regs.orig_rax != SYS_read);
    is(regs.rax, -ENOSYS);
    works(pt(PTRACE_SYSCALL, pid, 0, 0));
    works(pt(PTRACE_INTERRUPT, pid, 0, 0));
    is(next(pid), STOP(SIGTRAP));
    works(p(PTRACE_GETREGS, pid, 0, &regs));
    is(regs.rax, -512);
    works(pt(PTRACE_DETACH, pid, 0, 0));
    works(write(ends[1], "\x2b", 1));
    yes(ended(pid, 0x2b));

    begin("single steps");
    pid = traced_child(for (;;) watched++);
    works(p(PTRACE_GETREGS, pid, 0, &regs));
    n = 0;
    for (int i = 0; i < 200; i++) {
        works(pt(PTRACE_SINGLESTEP, pid, 0, 0));
        is(next(pid), STOP(SIGTRAP));
        works(p(PTRACE_GETREGS, pid, 0, &again));
        n += again.rip != regs.rip;
        regs = again;
    }
    yes(n > 150);
    is(regs.eflags & 0x100, 0);
    works(p(PTRACE_GETSIGINFO, pid, 0, &info));
    is(info.si_code, TRAP_TRACE);
    reap(pid);

    begin("a step over a call, and into a handler");
    pid = traced_child(signal(SIGUSR1, on_signal); __asm__ volatile("int3; mov $39, %%eax; syscall; nop; nop" ::: "rax", "rcx", "r11");
                       for (;;) {});
    works(pt(PTRACE_CONT, pid, 0, 0));
    is(next(pid), STOP(SIGTRAP));
    works(p(PTRACE_GETSIGINFO, pid, 0, &info));
    is(info.si_code, SI_KERNEL);
    works(p(PTRACE_GETREGS, pid, 0, &regs));
    works(pt(PTRACE_SINGLESTEP, pid, 0, 0));
    is(next(pid), STOP(SIGTRAP));
    works(pt(PTRACE_SINGLESTEP, pid, 0, 0));
    is(next(pid), STOP(SIGTRAP));
    works(p(PTRACE_GETREGS, pid, 0, &again));
    is(again.rip - regs.rip, 7);
    is(again.rax, pid);
    works(pt(PTRACE_SINGLESTEP, pid, 0, SIGUSR1));
    is(next(pid), STOP(SIGTRAP));
    works(p(PTRACE_GETREGS, pid, 0, &again));
    is(again.rip, (unsigned long)on_signal);
    is(again.rdi, SIGUSR1);
    reap(pid);

    begin("a breakpoint in text");
    pid = traced_child(on_signal(0); _exit(hits));
    value = word(pid, &on_signal);
    works(pt(PTRACE_POKETEXT, pid, (unsigned long)on_signal, (value & ~0xffL) | 0xcc));
    works(pt(PTRACE_CONT, pid, 0, 0));
    is(next(pid), STOP(SIGTRAP));
    works(p(PTRACE_GETREGS, pid, 0, &regs));
    is(regs.rip, (unsigned long)on_signal + 1);
    works(pt(PTRACE_POKETEXT, pid, (unsigned long)on_signal, value));
    works(pt(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rip), regs.rip - 1));
    works(pt(PTRACE_CONT, pid, 0, 0));
    yes(ended(pid, 1));

    begin("watchpoints");
#define DR(i) (offsetof(struct user, u_debugreg) + 8 * (i))
    pid = traced_child(watched = 5; other = 1; watched = 6; on_signal(0); _exit(hits));
    works(pt(PTRACE_POKEUSER, pid, DR(0), (unsigned long)&watched));
    works(pt(PTRACE_POKEUSER, pid, DR(1), (unsigned long)on_signal));
    fails(pt(PTRACE_POKEUSER, pid, DR(2), 1UL << 63), EINVAL);
    fails(pt(PTRACE_POKEUSER, pid, DR(4), 1), EIO);
    fails(pt(PTRACE_POKEUSER, pid, DR(7), 1 | 2 << 16), EINVAL);
    works(pt(PTRACE_POKEUSER, pid, DR(7), 1 | 4 | 0xd << 16));
    works(p(PTRACE_PEEKUSER, pid, DR(0), &value));
    is(value, (long)&watched);
    works(p(PTRACE_PEEKUSER, pid, DR(7), &value));
    is(value & 0xf0005, 0xd0005);
    works(pt(PTRACE_CONT, pid, 0, 0));
    is(next(pid), STOP(SIGTRAP));
    works(p(PTRACE_GETSIGINFO, pid, 0, &info));
    is(info.si_code, TRAP_HWBKPT);
    works(p(PTRACE_PEEKUSER, pid, DR(6), &value));
    is(value & 0xf, 1);
    is(word(pid, &watched), 5);
    works(pt(PTRACE_CONT, pid, 0, 0));
    is(next(pid), STOP(SIGTRAP));
    is(word(pid, &watched), 6);
    works(pt(PTRACE_CONT, pid, 0, 0));
    is(next(pid), STOP(SIGTRAP));
    works(p(PTRACE_GETREGS, pid, 0, &regs));
    is(regs.rip, (unsigned long)on_signal);
    works(pt(PTRACE_CONT, pid, 0, 0));
    yes(ended(pid, 1));

    begin("fork, vfork, clone, exec, exit");
    pid = traced_child(pid_t c = fork(); if (!c) _exit(4); waitpid(c, NULL, 0); if (!(c = vfork())) _exit(5); waitpid(c, NULL, 0);
                       pthread_t t; pthread_create(&t, NULL, thread, NULL); pthread_join(t, NULL);
                       execl("/proc/self/exe", "x", "exec", NULL));
    works(pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORKDONE |
             PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT));
    static const int kinds[3] = {PTRACE_EVENT_FORK, PTRACE_EVENT_VFORK, PTRACE_EVENT_CLONE};
    for (int i = 0; i < 3; i++) {
        if (i != 1)
            works(pt(PTRACE_CONT, pid, 0, 0));
        status = next(pid);
        while (status == STOP(SIGCHLD)) {
            works(pt(PTRACE_CONT, pid, 0, SIGCHLD));
            status = next(pid);
        }
        is(status, EVENT(SIGTRAP, kinds[i]));
        works(p(PTRACE_GETEVENTMSG, pid, 0, &value));
        pid_t child = value;
        yes(child > 0 && child != pid);
        works(p(PTRACE_GETSIGINFO, pid, 0, &info));
        is(info.si_code, SIGTRAP | kinds[i] << 8);
        is(next(child), STOP(SIGSTOP));
        works(pt(PTRACE_CONT, pid, 0, 0));
        works(pt(PTRACE_CONT, child, 0, 0));
        is(next(child), EVENT(SIGTRAP, PTRACE_EVENT_EXIT));
        works(p(PTRACE_GETEVENTMSG, child, 0, &value));
        is(value, i == 0 ? 0x400 : i == 1 ? 0x500 : 0);
        works(pt(PTRACE_CONT, child, 0, 0));
        status = next(child);
        yes(exited(status, i == 0 ? 4 : i == 1 ? 5 : 0));
        if (i == 1) {
            is(next(pid), EVENT(SIGTRAP, PTRACE_EVENT_VFORK_DONE));
            works(p(PTRACE_GETEVENTMSG, pid, 0, &value));
            is(value, child);
        }
    }
    is(next(pid), EVENT(SIGTRAP, PTRACE_EVENT_EXEC));
    works(p(PTRACE_GETEVENTMSG, pid, 0, &value));
    is(value, pid);
    reap(pid);

    begin("exec without the event sends SIGTRAP");
    pid = traced_child(execl("/nowhere", "x", NULL); execl("/proc/self/exe", "x", NULL));
    works(pt(PTRACE_CONT, pid, 0, 0));
    is(next(pid), STOP(SIGTRAP));
    works(p(PTRACE_GETREGS, pid, 0, &regs));
    is(regs.orig_rax, SYS_execve);
    is(regs.rax, 0);
    reap(pid);

    begin("attach and detach");
    pid = fork();
    if (!pid)
        for (;;) pause_ms(10);
    works(pt(PTRACE_ATTACH, pid, 0, 0));
    is(next(pid), STOP(SIGSTOP));
    snprintf(text, sizeof text, "/proc/%d/status", pid);
    static char page[4096];
    get_file(text, page, sizeof page);
    char *line = strstr(page, "TracerPid:");
    is(line ? atoi(line + 10) : -1, getpid());
    yes(strstr(page, "t (tracing stop)"));
    fails(pt(PTRACE_LISTEN, pid, 0, 0), EIO);
    works(pt(PTRACE_DETACH, pid, 0, 0));
    fails(pt(PTRACE_DETACH, pid, 0, 0), ESRCH);
    pause_ms(20);
    is(waitpid(pid, &status, WNOHANG | WUNTRACED), 0);
    works(pt(PTRACE_ATTACH, pid, 0, 0));
    is(next(pid), STOP(SIGSTOP));
    works(pt(PTRACE_DETACH, pid, 0, SIGTERM));
    yes(died(pid, SIGTERM));

    begin("seize, interrupt, listen");
    pid = fork();
    if (!pid)
        for (;;) pause_ms(10);
    works(pt(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD));
    is(waitpid(pid, &status, WNOHANG | __WALL), 0);
    works(pt(PTRACE_INTERRUPT, pid, 0, 0));
    is(next(pid), EVENT(SIGTRAP, PTRACE_EVENT_STOP));
    works(pt(PTRACE_CONT, pid, 0, 0));
    kill(pid, SIGSTOP);
    is(next(pid), STOP(SIGSTOP));
    works(pt(PTRACE_CONT, pid, 0, SIGSTOP));
    is(next(pid), EVENT(SIGSTOP, PTRACE_EVENT_STOP));
    works(pt(PTRACE_LISTEN, pid, 0, 0));
    fails(p(PTRACE_GETREGS, pid, 0, &regs), ESRCH);
    is(waitpid(pid, &status, WNOHANG | __WALL), 0);
    kill(pid, SIGCONT);
    is(next(pid), EVENT(SIGTRAP, PTRACE_EVENT_STOP));
    works(pt(PTRACE_CONT, pid, 0, 0));
    is(next(pid), STOP(SIGCONT));
    works(pt(PTRACE_CONT, pid, 0, SIGCONT));
    reap(pid);

    begin("a stopped process is attached to as it is");
    pid = fork();
    if (!pid)
        for (;;) pause_ms(10);
    kill(pid, SIGSTOP);
    works(waitpid(pid, &status, WUNTRACED));
    works(pt(PTRACE_SEIZE, pid, 0, 0));
    is(next(pid), EVENT(SIGSTOP, PTRACE_EVENT_STOP));
    works(pt(PTRACE_DETACH, pid, 0, 0));
    snprintf(text, sizeof text, "/proc/%d/status", pid);
    for (int i = 0; i < 100; i++) {
        get_file(text, page, sizeof page);
        if (strstr(page, "T (stopped)"))
            break;
        pause_ms(10);
    }
    yes(strstr(page, "T (stopped)"));
    reap(pid);

    /* It may not have got to where it sleeps yet, on the other CPU. */
    begin("who attached to a stopped process finds it standing still");
    for (int i = 0; i < 1000; i++) {
        pid = fork();
        if (!pid) {
            raise(SIGSTOP);
            _exit(0);
        }
        works(waitpid(pid, &status, WUNTRACED));
        works(pt(PTRACE_ATTACH, pid, 0, 0));
        works(pt(PTRACE_DETACH, pid, 0, 0));
        kill(pid, SIGCONT);
        yes(ended(pid, 0));
    }

    begin("a group stop of one that let itself be traced");
    pid = traced_child(for (;;) pause_ms(10));
    works(pt(PTRACE_CONT, pid, 0, SIGSTOP));
    is(next(pid), STOP(SIGSTOP));
    fails(p(PTRACE_GETSIGINFO, pid, 0, &info), EINVAL);
    works(pt(PTRACE_CONT, pid, 0, 0));
    reap(pid);

    begin("killed in a stop");
    pid = traced_child(_exit(0));
    kill(pid, SIGKILL);
    yes(died(pid, SIGKILL));
    pid = traced_child(_exit(0));
    works(pt(PTRACE_KILL, pid, 0, 0));
    yes(died(pid, SIGKILL));

    begin("a tracer's end lets its tracees go, or ends them");
    pid = fork();
    if (!pid)
        for (;;) pause_ms(10);
    for (int i = 0; i < 2; i++) {
        status = in_child(pt(PTRACE_SEIZE, pid, 0, i ? PTRACE_O_EXITKILL : 0); pt(PTRACE_INTERRUPT, pid, 0, 0);
                          _exit(next(pid) != EVENT(SIGTRAP, PTRACE_EVENT_STOP)));
        is(status, 0);
        if (i == 0) {
            pause_ms(20);
            is(waitpid(pid, &status, WNOHANG), 0);
        }
    }
    yes(died(pid, SIGKILL));

    begin("the parent is told when the tracer has been");
    pid = fork();
    if (!pid)
        for (;;) pause_ms(10);
    status = in_child(pt(PTRACE_SEIZE, pid, 0, 0); kill(pid, SIGKILL); int s = next(pid);
                      _exit(!WIFSIGNALED(s) || waitpid(pid, &s, 0) != -1));
    is(status, 0);
    yes(died(pid, SIGKILL));

    begin("threads end one by one");
    pid = traced_child(pthread_t t; pthread_create(&t, NULL, thread, NULL); pthread_join(t, NULL); raise(SIGUSR1); _exit(other));
    works(pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACECLONE));
    works(pt(PTRACE_CONT, pid, 0, 0));
    is(next(pid), EVENT(SIGTRAP, PTRACE_EVENT_CLONE));
    works(p(PTRACE_GETEVENTMSG, pid, 0, &value));
    works(pt(PTRACE_CONT, pid, 0, 0));
    is(next(value), STOP(SIGSTOP));
    works(pt(PTRACE_CONT, value, 0, 0));
    yes(ended(value, 0));
    is(waitpid(value, &status, __WALL), -1);
    is(next(pid), STOP(SIGUSR1));
    works(pt(PTRACE_CONT, pid, 0, 0));
    yes(ended(pid, 7));
}
