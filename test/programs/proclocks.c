/* Locks in /proc/locks and /proc/PID/fdinfo (proc_locks(5), proc_pid_fdinfo(5)): flock(2), record locks of processes and of
   open files. */
// test: smp=2 limit=60
#include "check.h"
#include <sys/file.h>
#include <sys/sysmacros.h>

static char text[1 << 16], name[64], want[200];

static void set(int fd, int cmd, short type, long start, long len) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
    works(fcntl(fd, cmd, &lock));
}
/* The line of a lock, without its number. */
static const char *line(const char *kind, const char *mode, int pid, int fd, const char *bytes) {
    struct stat s;
    fstat(fd, &s);
    snprintf(want, sizeof want, ": %-6s ADVISORY  %s %d %02x:%02x:%lu %s\n", kind, mode, pid, major(s.st_dev), minor(s.st_dev),
             (unsigned long)s.st_ino, bytes);
    return want;
}
static int count(const char *file, const char *what) {
    int n = 0;
    get_file(file, text, sizeof text);
    for (char *at = text; (at = strstr(at, what)); at++)
        n++;
    return n;
}
static int in_fdinfo(int pid, int fd, const char *what) {
    snprintf(name, sizeof name, "/proc/%d/fdinfo/%d", pid, fd);
    return count(name, what);
}
static int locks_of(int fd) {
    struct stat s;
    fstat(fd, &s);
    snprintf(want, sizeof want, " %02x:%02x:%lu ", major(s.st_dev), minor(s.st_dev), (unsigned long)s.st_ino);
    return count("/proc/locks", want);
}

static void tests(void) {
    int me = getpid(), status, pipes[2];
    int a = open("a", O_CREAT | O_RDWR, 0600), b = open("b", O_CREAT | O_RDWR, 0600), c = open("c", O_CREAT | O_RDWR, 0600);

    begin("none");
    is(locks_of(a), 0);
    is(in_fdinfo(me, a, "lock:"), 0);

    begin("record locks of a process");
    set(a, F_SETLK, F_RDLCK, 10, 10);
    set(a, F_SETLK, F_WRLCK, 100, 0);
    is(locks_of(a), 2);
    is(count("/proc/locks", line("POSIX", "READ", me, a, "10 19")), 1);
    is(count("/proc/locks", line("POSIX", "WRITE", me, a, "100 EOF")), 1);
    is(in_fdinfo(me, a, "lock:\t1: POSIX  ADVISORY  READ "), 1);
    is(in_fdinfo(me, a, "lock:\t2: POSIX  ADVISORY  WRITE "), 1);
    is(in_fdinfo(me, a, line("POSIX", "WRITE", me, a, "100 EOF")), 1);
    is(in_fdinfo(me, b, "lock:"), 0);
    int other = open("a", O_RDONLY); /* its process', but not taken by it */
    is(in_fdinfo(me, other, "lock:"), 0);

    begin("flock");
    works(flock(b, LOCK_EX));
    is(count("/proc/locks", line("FLOCK", "WRITE", me, b, "0 EOF")), 1);
    is(in_fdinfo(me, b, line("FLOCK", "WRITE", me, b, "0 EOF")), 1);
    works(flock(b, LOCK_SH));
    is(count("/proc/locks", line("FLOCK", "READ", me, b, "0 EOF")), 1);
    is(locks_of(b), 1);
    int opened = open("b", O_RDWR); /* another open file */
    is(in_fdinfo(me, opened, "lock:"), 0);

    begin("record locks of an open file");
    set(c, F_OFD_SETLK, F_WRLCK, 5, 1);
    is(count("/proc/locks", line("OFDLCK", "WRITE", -1, c, "5 5")), 1);
    is(in_fdinfo(me, c, line("OFDLCK", "WRITE", -1, c, "5 5")), 1);

    begin("of another process, and who shares an open file");
    works(pipe(pipes));
    pid_t child = fork();
    if (!child) {
        int own = open("a", O_RDWR);
        set(own, F_SETLK, F_RDLCK, 0, 5);
        (void)!write(pipes[1], &own, sizeof own);
        for (;;) pause();
    }
    int its;
    is(read(pipes[0], &its, sizeof its), sizeof its);
    is(count("/proc/locks", line("POSIX", "READ", child, a, "0 4")), 1);
    is(locks_of(a), 3);
    is(in_fdinfo(child, its, "lock:"), 1);
    is(in_fdinfo(child, its, line("POSIX", "READ", child, a, "0 4")), 1);
    is(in_fdinfo(me, a, "lock:"), 2);
    is(in_fdinfo(child, b, line("FLOCK", "READ", me, b, "0 EOF")), 1);
    is(locks_of(b), 1);
    kill(child, SIGKILL);
    works(waitpid(child, &status, 0));
    is(locks_of(a), 2);

    begin("they end");
    set(a, F_SETLK, F_UNLCK, 12, 2);
    is(locks_of(a), 3);
    is(count("/proc/locks", line("POSIX", "READ", me, a, "14 19")), 1);
    close(other);
    is(locks_of(a), 0);
    close(b);
    is(locks_of(opened), 0);
    close(c);
    c = open("c", O_RDWR);
    is(locks_of(c), 0);
}
