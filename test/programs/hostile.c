/* Bad input: for each call number pointers that lie, huge numbers, descriptors that are none. Whatever comes back, the
   kernel lives, and this process gets an answer (or dies) instead of it. */
// test: limit=120
#include "check.h"

#define UNMAPPED 0x10000UL
#define KERNEL 0xffffffff80200000UL
#define DIRECT 0xffff888000100000UL
#define HOLE 0x8000000000000000UL

/* Calls that would end or stop the test, or wait for ever, or take the machine down. */
static int left_out(long nr) {
    static const int out[] = {SYS_exit, SYS_exit_group, SYS_reboot, SYS_pause, SYS_rt_sigreturn, SYS_fork, SYS_vfork, SYS_clone,
                              SYS_clone3, SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigsuspend, SYS_vhangup, SYS_sync,
                              SYS_munmap, SYS_mprotect, SYS_mremap, SYS_brk, SYS_wait4, SYS_waitid, SYS_umount2, SYS_mount,
                              SYS_chroot, SYS_pivot_root, SYS_setrlimit, SYS_prlimit64, SYS_arch_prctl, SYS_set_tid_address,
                              SYS_prctl, SYS_setuid, SYS_setresuid, SYS_setreuid, SYS_alarm, SYS_setitimer, SYS_close_range,
                              SYS_close, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_sethostname, SYS_personality,
                              SYS_seccomp, SYS_ptrace, SYS_unshare, SYS_setns, SYS_vmsplice, SYS_mlockall, SYS_swapon, SYS_swapoff,
                              SYS_kexec_load, SYS_init_module, SYS_delete_module, SYS_finit_module, SYS_iopl, SYS_ioperm,
                              SYS_settimeofday, SYS_clock_settime, SYS_setsid, SYS_dup2, SYS_dup3, SYS_fcntl, SYS_ioctl,
                              SYS_sched_setscheduler, SYS_sched_setattr, SYS_sched_setparam, SYS_rt_sigprocmask,
                              SYS_rt_sigaction, SYS_sigaltstack, SYS_umask, SYS_setgroups, SYS_setgid, SYS_setregid,
                              SYS_setresgid, SYS_setfsuid, SYS_setfsgid, SYS_setpgid, SYS_rseq, SYS_rt_sigtimedwait,
                              SYS_pkey_mprotect, SYS_remap_file_pages, SYS_madvise, SYS_process_madvise, SYS_mmap, SYS_chdir,
                              SYS_fchdir, SYS_capset, SYS_futex, SYS_restart_syscall, SYS_read,
                              SYS_poll, SYS_select, SYS_pselect6, SYS_ppoll, SYS_epoll_wait, SYS_epoll_pwait,
                              SYS_flock, SYS_shmdt, SYS_io_uring_enter, SYS_acct, SYS_quotactl, SYS_syslog};
    for (unsigned i = 0; i < sizeof out / sizeof *out; i++)
        if (out[i] == nr)
            return 1;
    return 0;
}

static long call(long nr, unsigned long a, unsigned long b, unsigned long c) {
    return syscall(nr, a, b, c, a, b, c);
}

static void tests(void) {
    /* 0xff8 is no process: small numbers are, and setpriority takes those */
    static const unsigned long bad[] = {0, 1, 0xff8, UNMAPPED, KERNEL, DIRECT, HOLE, -1UL, -4096UL, 0x7fffffffffffUL, 1UL << 31, 0x7fffffff};
    const int kinds = sizeof bad / sizeof *bad;
    int status;
    char name[64];

    begin("every call with bad pointers in every place: the kernel lives");
    int died = 0;
    for (long nr = 0; nr < 460; nr++) {
        if (left_out(nr))
            continue;
        status = in_child({
            alarm(4);
            for (int fd = 0; fd < 20; fd++)
                close(fd);
            for (int i = 0; i < kinds; i++)
                for (int j = 0; j < kinds; j++)
                    call(nr, bad[i], bad[j], bad[(i + j) % kinds]);
            for (int i = 0; i < kinds; i++) {
                call(nr, 0, bad[i], 4096);
                call(nr, 1 << 20, bad[i], bad[i]);
                call(nr, -100, bad[i], bad[i]);
            }
        });
        died += !WIFEXITED(status);
    }
    /* on Linux a few block or kill the child; more than a few would be strange */
    yes(died < 40);

    begin("each pointer argument in kernel space is EFAULT");
    char *k = (char *)KERNEL;
    struct { long nr; unsigned long a, b, c, d; } efault[] = {
        {SYS_open, KERNEL, 0, 0, 0}, {SYS_stat, KERNEL, (long)name, 0, 0}, {SYS_stat, (long)"/", KERNEL, 0, 0},
        {SYS_lstat, (long)"/", KERNEL, 0, 0}, {SYS_fstat, 0, KERNEL, 0, 0}, {SYS_access, KERNEL, 0, 0, 0},
        {SYS_pipe, KERNEL, 0, 0, 0}, {SYS_uname, KERNEL, 0, 0, 0}, {SYS_getcwd, KERNEL, 4096, 0, 0},
        {SYS_chdir, KERNEL, 0, 0, 0}, {SYS_mkdir, KERNEL, 0, 0, 0}, {SYS_rename, KERNEL, KERNEL, 0, 0},
        {SYS_readlink, (long)"/proc/self", KERNEL, 10, 0}, {SYS_gettimeofday, KERNEL, 0, 0, 0},
        {SYS_getrlimit, 0, KERNEL, 0, 0}, {SYS_getrusage, 0, KERNEL, 0, 0}, {SYS_sysinfo, KERNEL, 0, 0, 0},
        {SYS_times, KERNEL, 0, 0, 0}, {SYS_rt_sigaction, 10, KERNEL, 0, 8}, {SYS_rt_sigaction, 10, 0, KERNEL, 8},
        {SYS_rt_sigprocmask, 0, KERNEL, 0, 8}, {SYS_rt_sigpending, KERNEL, 8, 0, 0}, {SYS_sigaltstack, KERNEL, 0, 0, 0},
        {SYS_sigaltstack, 0, KERNEL, 0, 0}, {SYS_nanosleep, KERNEL, 0, 0, 0}, {SYS_getitimer, 0, KERNEL, 0, 0},
        {SYS_clock_gettime, 1, KERNEL, 0, 0}, {SYS_clock_getres, 1, KERNEL, 0, 0}, {SYS_sched_getparam, 0, KERNEL, 0, 0},
        {SYS_getresuid, KERNEL, KERNEL, KERNEL, 0}, {SYS_statfs, (long)"/", KERNEL, 0, 0},
        {SYS_execve, (long)"/bin/busybox", KERNEL, KERNEL, 0}, {SYS_getdents64, 3, KERNEL, 4096, 0},
        {SYS_poll, KERNEL, 1, 0, 0}, {SYS_select, 1, KERNEL, 0, 0}, {SYS_utimensat, -100, KERNEL, 0, 0},
        {SYS_readv, 0, KERNEL, 1, 0}, {SYS_prlimit64, 0, 7, 0, KERNEL}, {SYS_set_robust_list, KERNEL, 1, 0, 0},
        {SYS_getrandom, KERNEL, 10, 0, 0}, {SYS_symlink, KERNEL, (long)"x", 0, 0}, {SYS_truncate, KERNEL, 0, 0, 0},
        {SYS_setgroups, 1, KERNEL, 0, 0}, {SYS_link, KERNEL, KERNEL, 0, 0}, {SYS_umount2, KERNEL, 0, 0, 0},
    };
    int dir = open("/", O_RDONLY | O_DIRECTORY);
    dup2(dir, 3);
    for (unsigned i = 0; i < sizeof efault / sizeof *efault; i++) {
        errno = 0;
        long got = syscall(efault[i].nr, efault[i].a, efault[i].b, efault[i].c, efault[i].d);
        int error = errno;
        if (efault[i].nr == SYS_set_robust_list)
            continue; /* EINVAL for its length */
        if (got != -1 || error != EFAULT) {
            snprintf(name, sizeof name, "call %ld gave %ld", efault[i].nr, got);
            check_fail(__LINE__, name, error, "EFAULT", error);
        }
    }
    (void)k;

    begin("structures that straddle an unmapped page are EFAULT");
    char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(p + 4096, 4096);
    char *edge = p + 4096 - 4;
    fails(syscall(SYS_stat, "/", edge), EFAULT);
    fails(syscall(SYS_uname, edge), EFAULT);
    fails(syscall(SYS_clock_gettime, 1, edge), EFAULT);
    fails(syscall(SYS_getrlimit, 0, edge), EFAULT);
    fails(syscall(SYS_rt_sigaction, 10, edge, 0, 8), EFAULT);
    fails(syscall(SYS_nanosleep, edge, 0), EFAULT);
    fails(syscall(SYS_poll, edge, 1, 0), EFAULT);
    fails(syscall(SYS_pipe, p + 4096), EFAULT);
    memset(p, '/', 4096);
    fails(syscall(SYS_open, p + 4000, 0), EFAULT);
    p[4095] = 0;
    works(syscall(SYS_open, p + 4000, 0));

    begin("descriptors that cannot be");
    static const int fds[] = {-1, 1023, 4096, 65536, 1 << 20, 1 << 30, INT_MAX, INT_MIN};
    for (unsigned i = 0; i < sizeof fds / sizeof *fds; i++) {
        fails(syscall(SYS_read, fds[i], name, 1), EBADF);
        fails(syscall(SYS_fstat, fds[i], p), EBADF);
        fails(syscall(SYS_lseek, fds[i], 0, 0), EBADF);
        fails(syscall(SYS_dup, fds[i]), EBADF);
        fails(syscall(SYS_ioctl, fds[i], 0x5401, p), EBADF);
        fails(syscall(SYS_fcntl, fds[i], F_GETFL), EBADF);
        fails(syscall(SYS_getdents64, fds[i], p, 100), EBADF);
        fails(syscall(SYS_ftruncate, fds[i], 0), EBADF);
    }

    begin("paths: 5000 bytes, 256 in one name, not ended");
    char *long_path = malloc(5001);
    memset(long_path, 'a', 5000);
    long_path[5000] = 0;
    for (int i = 100; i < 5000; i += 100)
        long_path[i] = '/';
    fails(open(long_path, O_RDONLY), ENAMETOOLONG);
    fails(mkdir(long_path, 0700), ENAMETOOLONG);
    fails(symlink(long_path, "l"), ENAMETOOLONG);
    fails(execl(long_path, "x", NULL), ENAMETOOLONG);

    begin("a jump into the kernel is SIGSEGV");
    status = in_child(((void (*)(void))KERNEL)());
    yes(killed(status, SIGSEGV));
    status = in_child(((void (*)(void))HOLE)());
    yes(killed(status, SIGSEGV));

    begin("privileged instructions are SIGSEGV");
    status = in_child(asm volatile("cli"));
    yes(killed(status, SIGSEGV));
    status = in_child(asm volatile("mov %%cr3, %%rax" ::: "rax"));
    yes(killed(status, SIGSEGV));
    status = in_child(asm volatile("wrmsr" :: "c"(0xc0000080), "a"(0), "d"(0)));
    yes(killed(status, SIGSEGV));
    status = in_child(asm volatile("outb %%al, $0x64" :: "a"(0xfe)));
    yes(killed(status, SIGSEGV));
    status = in_child(asm volatile("int $0x0e"));
    yes(killed(status, SIGSEGV));

    begin("a stack pointer in the kernel or nowhere");
    status = in_child(asm volatile("mov %0, %%rsp\n\tpush %%rax" :: "r"(KERNEL)));
    yes(WIFSIGNALED(status));
    status = in_child(asm volatile("mov %0, %%rsp\n\tmov $39, %%eax\n\tsyscall\n\tud2" :: "r"(KERNEL)));
    yes(WIFSIGNALED(status));
    status = in_child(asm volatile("mov %0, %%rsp\n\tmov $39, %%eax\n\tsyscall\n\tud2" :: "r"(HOLE)));
    yes(WIFSIGNALED(status));

    begin("syscall at the very end of user space");
    status = in_child({
        char *top = mmap((void *)0x7fffffffe000, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (top == MAP_FAILED) _exit(0);
        top[4093] = 0x90;
        top[4094] = 0x0f;
        top[4095] = 0x05;
        asm volatile("jmp *%0" :: "r"(top + 4093), "a"(39));
    });
    yes(WIFSIGNALED(status) || exited(status, 0));

    begin("flags that trap: single step, alignment, nested");
    status = in_child(asm volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tmov $39, %%eax\n\tsyscall\n\tnop" ::: "rax", "rcx", "r11", "memory"));
    yes(killed(status, SIGTRAP));
    status = in_child(asm volatile("pushfq\n\torq $0x4000, (%%rsp)\n\tpopfq\n\tmov $39, %%eax\n\tsyscall\n\tnop" ::: "rax", "rcx", "r11", "memory"));
    yes(exited(status, 0));
}
