// test: limit=120
/* Finer points of calls that other programs here try as a whole: each was found by a test of the Linux Test Project. */
#include "check.h"
#include <linux/fs.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

static void locked_memory(void) {
    char *page = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct rlimit none = {0, 0}, little = {4095, 4095};

    begin("the limit on locked memory holds once privilege is gone");
    yes(exited(in_child(
        if (setrlimit(RLIMIT_MEMLOCK, &little) || seteuid(65534)) _exit(9);
        int bad = mlock(page, 4096) == 0 || errno != ENOMEM;
        if (seteuid(0)) _exit(9);
        _exit(bad || mlock(page, 4096))), 0));
    yes(exited(in_child(
        if (setrlimit(RLIMIT_MEMLOCK, &none) || seteuid(65534)) _exit(9);
        int bad = mlock(page, 4096) == 0 || errno != EPERM;
        _exit(bad || mlockall(MCL_CURRENT) == 0 || errno != EPERM)), 0));

    begin("smaps says what is locked");
    char *locked = mmap(0, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
    static char text[65536];
    char head[32];
    get_file("/proc/self/smaps", text, sizeof text);
    snprintf(head, sizeof head, "%08lx-", (long)locked);
    char *at = strstr(text, head);
    at = at ? strstr(at, "Locked:") : NULL;
    is(at ? atoi(at + 7) : -1, 16);
    munmap(locked, 16384);
    munmap(page, 4096);
}

static void mappings(void) {
    begin("a mapping is private or shared, whatever the file allows");
    int fd = open("only-written", O_WRONLY | O_CREAT, 0600);
    fails((long)mmap(0, 4096, PROT_READ, 0, fd, 0), EINVAL);
    fails((long)mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0), EACCES);
    close(fd);

    begin("/dev/zero opened for reading is not written through a mapping");
    fd = open("/dev/zero", O_RDONLY);
    char *zero = mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
    yes(zero != MAP_FAILED);
    fails(mprotect(zero, 4096, PROT_READ | PROT_WRITE), EACCES);
    fails((long)mmap(0, 4096, PROT_WRITE, MAP_SHARED, fd, 0), EACCES);
    munmap(zero, 4096);
    close(fd);

    begin("MADV_REMOVE makes a hole that all see");
    fd = open("holed", O_RDWR | O_CREAT | O_TRUNC, 0600);
    works(ftruncate(fd, 4 * 4096));
    char *file = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    memset(file, 'x', 4 * 4096);
    works(madvise(file + 4096, 2 * 4096, MADV_REMOVE));
    is(file[4095], 'x');
    is(file[4096], 0);
    is(file[3 * 4096], 'x');
    char byte = 'y';
    is(pread(fd, &byte, 1, 2 * 4096), 1);
    is(byte, 0);
    char *shared = mmap(0, 2 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(shared, 'x', 2 * 4096);
    yes(exited(in_child(_exit(madvise(shared, 4096, MADV_REMOVE))), 0));
    is(shared[0], 0);
    is(shared[4096], 'x');
    char *own = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    fails(madvise(own, 4096, MADV_REMOVE), EACCES);
    char *anonymous = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    fails(madvise(anonymous, 4096, MADV_REMOVE), EINVAL);
    works(mlock(file, 4096));
    fails(madvise(file, 4096, MADV_REMOVE), EINVAL);

    begin("pagemap");
    int map = open("/proc/self/pagemap", O_RDONLY);
    yes(map >= 0);
    uint64_t entries[3] = {0};
    char *pages = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pages[4096] = 1;
    is(pread(map, entries, sizeof entries, (long)pages / 4096 * 8), sizeof entries);
    yes(!(entries[0] >> 63) && entries[1] >> 63 && !(entries[2] >> 63));
    yes(!(entries[1] >> 61 & 1) && entries[1] >> 56 & 1);
    yes((entries[1] & ((1ul << 55) - 1)) != 0);
    is(pread(map, entries, 8, (long)file / 4096 * 8), 8);
    yes(entries[0] >> 63 && entries[0] >> 61 & 1);
    fails(pread(map, entries, 7, 0), EINVAL);
    fails(pread(map, entries, 8, 4), EINVAL);
    is(pread(map, entries, 8, 1l << 62), 0);
    close(map);
    yes(exited(in_child(
        if (setuid(65534)) _exit(9);
        prctl(PR_SET_DUMPABLE, 1);
        pages[4096] = 2;
        int mine = open("/proc/self/pagemap", O_RDONLY);
        if (pread(mine, entries, 8, (long)(pages + 4096) / 4096 * 8) != 8) _exit(8);
        _exit(!(entries[0] >> 63) || entries[0] & ((1ul << 55) - 1))), 0));
    close(fd);
}

static int sealable(const char *name) { return syscall(SYS_memfd_create, name, 2u); }
static long map_errno(int fd, int prot, int flags) {
    errno = 0;
    void *at = mmap(0, 4096, prot, flags, fd, 0);
    int error = errno;
    if (at != MAP_FAILED)
        munmap(at, 4096);
    return at == MAP_FAILED ? error : 0;
}

static void seals(void) {
    begin("a memfd takes seals only if it was made for that");
    int plain = syscall(SYS_memfd_create, "plain", 0u);
    is(fcntl(plain, F_GET_SEALS), F_SEAL_SEAL);
    fails(fcntl(plain, F_ADD_SEALS, F_SEAL_GROW), EPERM);
    close(plain);
    fails(syscall(SYS_memfd_create, "odd", 0x80u), EINVAL);

    begin("seals against growing and shrinking");
    int fd = works(sealable("size"));
    is(fcntl(fd, F_GET_SEALS), 0);
    works(ftruncate(fd, 8192 + 100));
    fails(fcntl(fd, F_ADD_SEALS, 0x100), EINVAL);
    works(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    fails(ftruncate(fd, 9000), EPERM);
    static char text[12288];
    fails(pwrite(fd, text, 200, 8192), EPERM);
    is(pwrite(fd, text, sizeof text, 0), 8192);
    is(pwrite(fd, text, 100, 8192), 100);
    fails(fallocate(fd, 0, 8192, 4096), EPERM);
    works(ftruncate(fd, 8192));
    works(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
    fails(ftruncate(fd, 4096), EPERM);
    works(ftruncate(fd, 8192));
    is(fcntl(fd, F_GET_SEALS), F_SEAL_GROW | F_SEAL_SHRINK);
    works(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
    fails(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
    is(pwrite(fd, "x", 1, 0), 1);
    close(fd);

    begin("a seal against writing");
    fd = works(sealable("write"));
    works(ftruncate(fd, 8192));
    char *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    fails(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    yes(exited(in_child(munmap(shared, 4096); _exit(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) != -1 || errno != EBUSY)), 0));
    is(fcntl(fd, F_GET_SEALS), 0);
    shared[0] = 'x';
    munmap(shared, 4096);
    char *own = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    works(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    own[0] = 'y';
    fails(pwrite(fd, "z", 1, 0), EPERM);
    fails(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), EPERM);
    works(ftruncate(fd, 4096));
    is(map_errno(fd, PROT_READ | PROT_WRITE, MAP_SHARED), EPERM);
    is(map_errno(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE), 0);
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int again = works(open(path, O_RDWR));
    fails(pwrite(again, "z", 1, 0), EPERM);
    close(again);
    again = works(open(path, O_RDONLY));
    fails(fcntl(again, F_ADD_SEALS, F_SEAL_GROW), EPERM);
    is(map_errno(again, PROT_READ, MAP_SHARED), 0);
    close(again);
    close(fd);

    begin("a seal against writing from now on");
    fd = works(sealable("future"));
    works(ftruncate(fd, 4096));
    shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    works(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
    shared[0] = 'x';
    char byte = 0;
    is(pread(fd, &byte, 1, 0), 1);
    is(byte, 'x');
    fails(pwrite(fd, "z", 1, 0), EPERM);
    is(map_errno(fd, PROT_READ | PROT_WRITE, MAP_SHARED), EPERM);
    char *reader = mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
    yes(reader != MAP_FAILED);
    fails(mprotect(reader, 4096, PROT_READ | PROT_WRITE), EACCES);
    close(fd);
}

static void remapping(void) {
    begin("remap_file_pages");
    int fd = open("pages", O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (int i = 0; i < 4; i++)
        pwrite(fd, &"abcd"[i], 1, i * 4096);
    works(ftruncate(fd, 4 * 4096));
    char *window = mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    works(remap_file_pages(window, 4096, 0, 3, 0));
    works(remap_file_pages(window + 2 * 4096, 2 * 4096, 0, 0, 0));
    yes(window[0] == 'd' && window[4096] == 'b' && window[2 * 4096] == 'a' && window[3 * 4096] == 'b');
    window[0] = 'D';
    char byte = 0;
    is(pread(fd, &byte, 1, 3 * 4096), 1);
    is(byte, 'D');
    fails(remap_file_pages(window + 3 * 4096, 2 * 4096, 0, 0, 0), EINVAL);
    fails(remap_file_pages(window, 4096, PROT_READ, 0, 0), EINVAL);
    fails(remap_file_pages(window, 0, 0, 0, 0), EINVAL);
    char *own = mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    fails(remap_file_pages(own, 4096, 0, 0, 0), EINVAL);
    munmap(window, 4 * 4096);
    fails(remap_file_pages(window, 4096, 0, 0, 0), EINVAL);
    close(fd);
}

static void configuration(void) {
    begin("config.gz");
    if (access("/proc/config.gz", F_OK))
        return skip("the kernel was made without");
    is(system("zcat /proc/config.gz | grep -q '^CONFIG_SMP=y'"), 0);
}

static struct flock lock_of(int type, long start, long len) {
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
}

static void locks(void) {
    begin("F_GETLK tells the lock of the lowest bytes, joined with what it touches");
    int fd = open("locked", O_RDWR | O_CREAT, 0600);
    struct flock lock = lock_of(F_RDLCK, 1, 5);
    works(fcntl(fd, F_SETLK, &lock));
    lock = lock_of(F_WRLCK, 5, 5);
    works(fcntl(fd, F_SETLK, &lock));
    lock = lock_of(F_RDLCK, 20, 5);
    works(fcntl(fd, F_SETLK, &lock));
    lock = lock_of(F_RDLCK, 25, 5);
    works(fcntl(fd, F_SETLK, &lock));
    lock = lock_of(F_UNLCK, 27, 1);
    works(fcntl(fd, F_SETLK, &lock));
    static const long wanted[4][3] = {{F_RDLCK, 1, 4}, {F_WRLCK, 5, 5}, {F_RDLCK, 20, 7}, {F_RDLCK, 28, 2}};
    yes(exited(in_child(
        long at = 0;
        for (int i = 0; i < 4; i++) {
            struct flock found = lock_of(F_WRLCK, at, 0);
            if (fcntl(fd, F_GETLK, &found) || found.l_type != wanted[i][0] || found.l_start != wanted[i][1] ||
                found.l_len != wanted[i][2]) _exit(i + 1);
            at = found.l_start + found.l_len;
        }), 0));
    close(fd);
}

static void pipes(void) {
    int end[2];
    char text[32];

    begin("F_SETPIPE_SZ beyond all sizes is no question of privilege");
    works(pipe(end));
    yes(exited(in_child(
        if (setuid(65534)) _exit(9);
        if (fcntl(end[1], F_SETPIPE_SZ, (1u << 31) + 1) != -1 || errno != EINVAL) _exit(1);
        _exit(fcntl(end[1], F_SETPIPE_SZ, (1 << 20) + 1) != -1 || errno != EPERM)), 0));
    close(end[0]);
    close(end[1]);

    begin("a new pipe is no larger than pipe-max-size");
    get_file("/proc/sys/fs/pipe-max-size", text, sizeof text);
    put_file("/proc/sys/fs/pipe-max-size", "4096");
    yes(exited(in_child(
        if (pipe(end) || fcntl(end[0], F_GETPIPE_SZ) != 65536) _exit(1);
        if (setuid(65534)) _exit(9);
        _exit(pipe(end) || fcntl(end[0], F_GETPIPE_SZ) != 4096)), 0));
    put_file("/proc/sys/fs/pipe-max-size", text);
}

static volatile int seen_flags, caught, expired;
static void count(int signal, siginfo_t *info, void *context) {
    caught++;
    expired += 1 + info->si_overrun;
}
static void look(int signal) {
    struct sigaction now;
    sigaction(signal, NULL, &now);
    seen_flags = now.sa_flags;
    caught++;
}

static void signals(void) {
    begin("SA_RESETHAND leaves the other flags");
    struct sigaction action = {.sa_handler = look, .sa_flags = SA_RESETHAND | SA_SIGINFO}, now;
    works(sigaction(SIGUSR1, &action, NULL));
    works(raise(SIGUSR1));
    yes(seen_flags & SA_SIGINFO && seen_flags & SA_RESETHAND);
    works(sigaction(SIGUSR1, NULL, &now));
    yes(now.sa_handler == SIG_DFL);

    begin("a signal through a folder of /proc");
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    char path[32];
    snprintf(path, sizeof path, "/proc/%d", child);
    int folder = open(path, O_DIRECTORY);
    siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
    fails(syscall(SYS_pidfd_send_signal, folder, SIGUSR2, &info, 0), EINVAL);
    info.si_code = SI_USER;
    fails(syscall(SYS_pidfd_send_signal, folder, SIGUSR2, &info, 0), EINVAL);
    fails(syscall(SYS_pidfd_send_signal, folder, SIGUSR1, &info, 0), EPERM);
    fails(syscall(SYS_pidfd_send_signal, folder, SIGUSR2, (void *)16, 0), EFAULT);
    works(syscall(SYS_pidfd_send_signal, folder, SIGKILL, NULL, 0));
    int status;
    is(waitpid(child, &status, 0), child);
    yes(killed(status, SIGKILL));
    fails(syscall(SYS_pidfd_send_signal, folder, SIGKILL, NULL, 0), ESRCH);
    close(folder);
    folder = open("/proc", O_DIRECTORY);
    fails(syscall(SYS_pidfd_send_signal, folder, 0, NULL, 0), EBADF);
    close(folder);
}

static void burn(int64_t ns) {
    for (int64_t end = now_ns(CLOCK_THREAD_CPUTIME_ID) + ns; now_ns(CLOCK_THREAD_CPUTIME_ID) < end;)
        ;
}

static void cpu_timers(void) {
    static const clockid_t clocks[] = {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
    struct sigaction action = {.sa_sigaction = count, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR2, &action, NULL);
    for (int i = 0; i < 2; i++) {
        begin(i ? "a timer of a thread's CPU time" : "a timer of the process' CPU time");
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
        timer_t timer;
        struct itimerspec once = {{0, 0}, {0, 100000000}}, off = {{0, 0}, {0, 0}}, left;
        works(timer_create(clocks[i], &event, &timer));
        caught = 0;
        works(timer_settime(timer, 0, &once, NULL));
        pause_ms(30);
        is(caught, 0);
        works(timer_gettime(timer, &left));
        yes(left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 100000000);
        burn(150000000);
        is(caught, 1);
        works(timer_gettime(timer, &left));
        is(left.it_value.tv_sec + left.it_value.tv_nsec, 0);
        struct itimerspec every = {{0, 20000000}, {0, 20000000}};
        expired = 0;
        int64_t before = now_ns(clocks[i]);
        works(timer_settime(timer, 0, &every, NULL));
        burn(150000000);
        int periods = (now_ns(clocks[i]) - before) / 20000000;
        yes(expired >= 1 && expired <= periods && periods >= 7);
        works(timer_settime(timer, 0, &off, &left));
        is(left.it_interval.tv_nsec, 20000000);
        struct itimerspec past = {{0, 0}, {0, 1}};
        caught = 0;
        works(timer_settime(timer, TIMER_ABSTIME, &past, NULL));
        is(caught, 1);
        works(timer_delete(timer));
    }
    begin("clocks of CPU time that cannot be had");
    timer_t none;
    fails(timer_create((~0x7ffffffu << 3) | 2, NULL, &none), EINVAL);
    struct timespec moment = {0, 1};
    fails(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &moment, NULL), EOPNOTSUPP);

    begin("an overrun too large is the largest");
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR2;
    sigset_t usr2;
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    sigprocmask(SIG_BLOCK, &usr2, NULL);
    timer_t timer;
    works(timer_create(CLOCK_REALTIME, &event, &timer));
    struct itimerspec long_ago = {{0, 1}, {0, 0}};
    long_ago.it_value.tv_sec = time(NULL) - 5;
    works(timer_settime(timer, TIMER_ABSTIME, &long_ago, NULL));
    siginfo_t info;
    struct timespec limit = {5, 0};
    is(sigtimedwait(&usr2, &info, &limit), SIGUSR2);
    is(info.si_overrun, INT_MAX);
    is(timer_getoverrun(timer), INT_MAX);
    works(timer_delete(timer));
    sigtimedwait(&usr2, &info, &(struct timespec){0, 0});
    sigprocmask(SIG_UNBLOCK, &usr2, NULL);
}

static void old_calls(void) {
    char name[64], other[64];

    begin("sysfs");
    int count = works(syscall(SYS_sysfs, 3));
    yes(count > 2);
    int place = works(syscall(SYS_sysfs, 1, "tmpfs"));
    works(syscall(SYS_sysfs, 2, place, name));
    yes(!strcmp(name, "tmpfs"));
    works(syscall(SYS_sysfs, 2, count - 1, other));
    fails(syscall(SYS_sysfs, 2, count, other), EINVAL);
    fails(syscall(SYS_sysfs, 1, "nosuchfs"), EINVAL);
    fails(syscall(SYS_sysfs, 1, 1), EFAULT);
    fails(syscall(SYS_sysfs, 2, place, 1), EFAULT);
    fails(syscall(SYS_sysfs, 4), EINVAL);

    begin("ustat");
    struct { int blocks; unsigned long inodes; char names[16]; } found;
    struct stat here;
    struct statfs whole;
    works(stat(".", &here));
    memset(&found, 7, sizeof found);
    works(syscall(SYS_ustat, (unsigned)here.st_dev, &found));
    works(statfs(".", &whole));
    yes(found.names[0] == 0 && found.names[6] == 0);
    yes(labs((long)(unsigned)whole.f_bfree - (long)(unsigned)found.blocks) < 10000);
    fails(syscall(SYS_ustat, 0xfffffffeu, &found), EINVAL);
    fails(syscall(SYS_ustat, (unsigned)here.st_dev, 1), EFAULT);
}

static void tests(void) {
    locked_memory();
    mappings();
    seals();
    remapping();
    locks();
    pipes();
    signals();
    cpu_timers();
    old_calls();
    configuration();
}
