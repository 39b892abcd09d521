/* Calls made up at random: any number, with arguments that are a bit like what the call wants. Whatever comes back, the
   kernel lives, other processes go on, and nothing is left of it. The seed is told, so that a run can be had again. */
// test: smp=4 limit=120 alone
#include "check.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

static uint64_t state;
static uint64_t rnd(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545f4914f6cdd1dULL;
}

/* Calls that make more processes, wait for ever, or end this one: other tests have them. */
static const int never[] = {SYS_exit, SYS_exit_group, SYS_fork, SYS_vfork, SYS_clone, SYS_clone3, SYS_pause,
                            SYS_rt_sigsuspend, SYS_rt_sigreturn, SYS_execve, SYS_execveat, SYS_rt_sigtimedwait};
/* Calls by which root would change the machine for everybody. */
static const int not_as_root[] = {
    SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_pidfd_send_signal, SYS_reboot,
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_move_mount, SYS_open_tree, SYS_fsopen, SYS_mount_setattr,
    SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex, SYS_sethostname, SYS_setdomainname, SYS_swapon,
    SYS_swapoff, SYS_syslog, SYS_vhangup, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load,
    SYS_kexec_file_load, SYS_acct, SYS_quotactl, SYS_prlimit64, SYS_setpriority, SYS_sched_setaffinity,
    SYS_sched_setscheduler, SYS_sched_setparam, SYS_sched_setattr, SYS_ioprio_set, SYS_unlink, SYS_unlinkat, SYS_rmdir,
    SYS_rename, SYS_renameat, SYS_renameat2, SYS_chmod, SYS_fchmodat, SYS_chown, SYS_lchown, SYS_fchownat, SYS_truncate,
    SYS_link, SYS_linkat, SYS_symlink, SYS_symlinkat, SYS_ptrace, SYS_bpf, SYS_iopl, SYS_ioperm, SYS_process_vm_writev,
    SYS_utime, SYS_utimes, SYS_utimensat, SYS_setxattr, SYS_migrate_pages, SYS_move_pages, SYS_setns, SYS_unshare,
    SYS_mknod, SYS_mknodat, SYS_creat, SYS_open, SYS_openat, SYS_openat2};

static int in_list(const int *list, int n, int nr) {
    for (int i = 0; i < n; i++)
        if (list[i] == nr)
            return 1;
    return 0;
}

#define AREA (64 << 10)
static char *area, *readable;
static const char *const paths[] = {"f", "d", "d/x", ".", "..", "/", "/proc/self/status", "/proc/self/maps", "/dev/null", "/dev/zero",
                                    "/proc/self/fd/3", "sym", "fifo", "", "/proc/1/stat", "no/such", "/dev/ptmx"};

static unsigned long argument(void) {
    uint64_t r = rnd();
    switch (r % 19) {
    case 0: case 1: case 2: return r >> 32 & 15;                        /* a descriptor, a small number */
    case 3: return -1;
    case 4: case 5: case 6: return (unsigned long)area + (r >> 32) % AREA;
    case 7: return (unsigned long)area + AREA - (r >> 32 & 31);         /* the end of what is mapped */
    case 8: return (unsigned long)readable + (r >> 32 & 4095);
    case 9: return 0x10000 + (r >> 32 & 0xffff);                        /* not mapped */
    case 10: return 0xffffffff80000000UL + (r >> 32 & 0xffffff);        /* the kernel's */
    case 11: return 0x8000000000000000UL | r;
    case 12: return (r >> 32 & 15) << 12;
    case 13: return r >> 32;
    case 14: return r;
    case 15: return 1UL << (r >> 32 & 63);
    case 16: case 17: return (unsigned long)paths[(r >> 32) % (sizeof paths / sizeof *paths)];
    default: return r >> 40 & 1 ? 0 : (unsigned long)AT_FDCWD;
    }
}

static void nothing(int sig) { (void)sig; }

/* One process' worth of calls. */
static void spree(uint64_t seed, int calls, int as_root) {
    state = seed * 0x9e3779b97f4a7c15ULL + 1;
    struct rlimit as = {512 << 20, 512 << 20}, size = {1 << 20, 1 << 20}, files = {64, 64}, procs = {100, 100};
    setrlimit(RLIMIT_AS, &as);
    setrlimit(RLIMIT_FSIZE, &size);
    setrlimit(RLIMIT_NOFILE, &files);
    setrlimit(RLIMIT_NPROC, &procs);
    signal(SIGALRM, SIG_DFL);
    struct itimerval soon = {.it_value = {0, 300000}};
    setitimer(ITIMER_REAL, &soon, NULL);
    for (int sig = 1; sig < 32; sig++)
        if (sig != SIGALRM && sig != SIGSEGV && sig != SIGBUS && sig != SIGXCPU)
            signal(sig, nothing);
    area = mmap(NULL, AREA + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(area + AREA, 4096);
    readable = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int p[2];
    /* descriptors 0 to 12 of many kinds */
    close(0), close(1), close(2);
    open("f", O_RDWR | O_CREAT, 0666);
    open("d", O_RDONLY | O_DIRECTORY);
    (void)!pipe2(p, O_NONBLOCK);
    eventfd(1, EFD_NONBLOCK);
    timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    epoll_create1(0);
    open("/dev/null", O_RDWR);
    open("/dev/zero", O_RDWR);
    open("/proc/self/maps", O_RDONLY);
    open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
    open("f", O_PATH);
    syscall(SYS_memfd_create, "fuzz", 0);
    if (!as_root && setresuid(4323, 4323, 4323))
        _exit(3);
    for (int i = 0; i < calls; i++) {
        if (i % 16 == 0)
            for (int k = 0; k < AREA; k += 8) {
                uint64_t v = rnd();
                /* small numbers and pointers look more like structures than noise does */
                *(uint64_t *)(area + k) = v % 3 == 0 ? v >> 60 : v % 3 == 1 ? (unsigned long)area + (v >> 32) % AREA : v;
            }
        int nr = rnd() % 452;
        if (in_list(never, sizeof never / sizeof *never, nr))
            continue;
        if (as_root && in_list(not_as_root, sizeof not_as_root / sizeof *not_as_root, nr))
            continue;
        syscall(nr, argument(), argument(), argument(), argument(), argument(), argument());
    }
    _exit(0);
}

static long sprees, calls_made, died, late;

static void one(uint64_t seed) {
    int status, calls = 200, as_root = seed % 4 == 0;
    mkdir("play", 0777);
    chmod("play", 0777);
    pid_t pid = fork();
    if (pid == 0) {
        if (chdir("play"))
            _exit(2);
        mkdir("d", 0777);
        chmod("d", 0777);
        (void)!symlink("f", "sym");
        mkfifo("fifo", 0666);
        setpgid(0, 0);
        spree(seed, calls, as_root);
    }
    int64_t end = now_ns(CLOCK_MONOTONIC) + 2000000000;
    pid_t got;
    while ((got = waitpid(pid, &status, WNOHANG)) == 0 && now_ns(CLOCK_MONOTONIC) < end)
        pause_ms(1);
    if (got == 0) {
        kill(pid, SIGKILL);
        got = waitpid(pid, &status, 0);
        late++;
    }
    is(got, pid);
    sprees++;
    calls_made += calls;
    died += WIFSIGNALED(status);
    (void)!system("busybox chmod -R 777 play 2>/dev/null; busybox rm -rf play");
}

static void tests(void) {
    const char *given = getenv("GAON_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : 1;
    int n = full() ? 3000 : 60;
    struct rlimit core = {0, 0};
    setrlimit(RLIMIT_CORE, &core);

    begin("calls at random: the kernel lives, others go on");
    for (int i = 0; i < n; i++)
        one(seed * 1000003 + i);
    yes(sprees == n);
    yes(system("busybox true") == 0);
    printf("note %ld processes of 200 random calls each, seed %llu; %ld died of a signal, %ld had to be killed\n", sprees,
           (unsigned long long)seed, died, late);
}
