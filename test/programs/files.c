/* Files: open(2) and its flags, read, write, lseek, truncate, append, holes, dup, fcntl, descriptors. */
#include "check.h"
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>

static char big[1 << 16], other[1 << 16];

/* Takes (waiting) or gives back one byte of a file. */
static int record(int fd, int kind, int at) {
    struct flock lock = {.l_type = kind, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
    return fcntl(fd, F_SETLKW, &lock);
}

/* Round three bytes, after another process that does the same: takes the next one, which the other has, and gives back the
   one behind, which the other wants. Who has just been given a lock and did not run yet waits for nobody. */
static int chase(int fd, int at) {
    for (int turn = 0; turn < 300; turn++, at = (at + 1) % 3)
        if (record(fd, F_WRLCK, (at + 1) % 3) || record(fd, F_UNLCK, at)) return -1;
    return 0;
}

static void tests(void) {
    int fd, fd2, status, pipes[2];
    struct stat st;
    char text[100];

    begin("O_CREAT, O_EXCL, O_TRUNC, mode and umask");
    umask(022);
    fd = works(open("a", O_RDWR | O_CREAT | O_EXCL, 0666));
    fails(open("a", O_RDWR | O_CREAT | O_EXCL, 0666), EEXIST);
    works(fstat(fd, &st));
    is(st.st_mode, S_IFREG | 0644);
    is(st.st_size, 0);
    is(st.st_nlink, 1);
    is(write(fd, "hello", 5), 5);
    fd2 = works(open("a", O_RDWR | O_TRUNC));
    works(fstat(fd, &st));
    is(st.st_size, 0);
    close(fd2);
    close(fd);

    begin("set-group-ID of a new file");
    works(mkdir("shared", 0755));
    works(chown("shared", 1000, 2000));
    works(chmod("shared", 02777));
    yes(exited(in_child({
        int bad = setgid(1000) || setuid(1000);
        for (int i = 0; i < 3; i++) {
            umask((int[]){0, S_IXGRP, 022}[i]);
            bad |= mknod("shared/node", S_IFREG | 02777, 0) || stat("shared/node", &st) || unlink("shared/node");
            bad |= st.st_gid != 2000 || st.st_mode & S_ISGID;
            bad |= open("shared/file", O_RDWR | O_CREAT, 02777) < 0 || stat("shared/file", &st) || unlink("shared/file");
            bad |= st.st_gid != 2000 || st.st_mode & S_ISGID;
            bad |= fstat(open("shared", O_RDWR | O_TMPFILE, 02777), &st);
            bad |= st.st_gid != 2000 || st.st_mode & S_ISGID;
        }
        bad |= close(open("shared/kept", O_RDWR | O_CREAT, 02767)) || stat("shared/kept", &st) || unlink("shared/kept");
        _exit(bad || !(st.st_mode & S_ISGID));
    }), 0));
    works(rmdir("shared"));

    begin("a read at the end is an access");
    fd = works(open("a", O_RDWR));
    is(write(fd, "x", 1), 1);
    works(futimens(fd, (struct timespec[]){{1000, 0}, {2000, 0}}));
    is(read(fd, text, 1), 0);
    works(fstat(fd, &st));
    yes(st.st_atime > 2000);
    works(ftruncate(fd, 0));
    close(fd);

    begin("open: what fails and why");
    fails(open("none", O_RDONLY), ENOENT);
    fails(open("", O_RDONLY), ENOENT);
    fails(open("a/b", O_RDONLY), ENOTDIR);
    fails(open("a/", O_RDONLY), ENOTDIR);
    fails(open("none/b", O_CREAT | O_RDWR, 0600), ENOENT);
    works(mkdir("d", 0755));
    fails(open("d", O_WRONLY), EISDIR);
    fails(open("d", O_RDWR | O_CREAT, 0600), EISDIR);
    fails(open("new/", O_RDWR | O_CREAT, 0600), EISDIR);
    fails(open("a", O_RDONLY | O_DIRECTORY), ENOTDIR);
    fails(open((char *)8, O_RDONLY), EFAULT);
    char path[5001];
    memset(path, 'x', 5000);
    path[5000] = 0;
    fails(open(path, O_RDONLY), ENAMETOOLONG);
    path[256] = 0;
    fails(open(path, O_RDONLY), ENAMETOOLONG);
    path[255] = 0;
    fails(open(path, O_RDONLY), ENOENT);
    fd = works(open(path, O_RDWR | O_CREAT, 0600));
    close(fd);
    works(unlink(path));
    memset(path, '/', 4095);
    path[4094] = 'a';
    path[4095] = 0;
    fails(open(path, O_RDONLY), ENOENT);

    begin("access modes are kept");
    fd = works(open("a", O_WRONLY));
    fails(read(fd, text, 1), EBADF);
    close(fd);
    fd = works(open("a", O_RDONLY));
    fails(write(fd, "x", 1), EBADF);
    fails(ftruncate(fd, 1), EINVAL);
    close(fd);
    fd = works(open("a", O_PATH));
    fails(read(fd, text, 1), EBADF);
    fails(fchmod(fd, 0600), EBADF);
    works(fstat(fd, &st));
    close(fd);

    begin("descriptors: lowest first, limits, closing twice");
    fd = works(open("a", O_RDONLY));
    fd2 = works(open("a", O_RDONLY));
    is(fd2, fd + 1);
    works(close(fd));
    fails(close(fd), EBADF);
    is(open("a", O_RDONLY), fd);
    close(fd);
    close(fd2);
    fails(read(1 << 30, text, 1), EBADF);
    fails(read(INT_MAX, text, 1), EBADF);
    fails(close(INT_MAX), EBADF);
    fails(close(-1), EBADF);
    status = in_child({
        struct rlimit few = {10, 10};
        setrlimit(RLIMIT_NOFILE, &few);
        int last = 0, n;
        while ((n = open("a", O_RDONLY)) >= 0) last = n;
        _exit(last == 9 && errno == EMFILE ? 0 : 1);
    });
    yes(exited(status, 0));

    begin("dup, dup2, dup3, F_DUPFD");
    fd = works(open("a", O_RDWR));
    fd2 = works(dup(fd));
    is(write(fd, "abc", 3), 3);
    is(lseek(fd2, 0, SEEK_CUR), 3);
    is(dup2(fd, 50), 50);
    is(dup2(fd, fd), fd);
    fails(dup2(99, 99), EBADF);
    fails(dup2(fd, -1), EBADF);
    fails(dup2(fd, 1 << 30), EBADF);
    fails(dup3(fd, fd, 0), EINVAL);
    is(dup3(fd, 51, O_CLOEXEC), 51);
    is(fcntl(51, F_GETFD), FD_CLOEXEC);
    is(fcntl(50, F_GETFD), 0);
    is(fcntl(fd, F_DUPFD, 60), 60);
    is(fcntl(fd, F_DUPFD_CLOEXEC, 60), 61);
    fails(fcntl(fd, F_DUPFD, -1), EINVAL);
    for (int i = 50; i < 62; i++)
        close(i);
    close(fd2);

    begin("close_range");
    dup2(fd, 70);
    dup2(fd, 72);
    if (syscall(SYS_close_range, 70, 80, 0) < 0 && errno == ENOSYS) {
        skip("no close_range");
    } else {
        fails(close(70), EBADF);
        fails(close(72), EBADF);
        fails(syscall(SYS_close_range, 80, 70, 0), EINVAL);
    }

    begin("lseek: all whences and what is wrong");
    is(lseek(fd, 1, SEEK_SET), 1);
    is(lseek(fd, 1, SEEK_CUR), 2);
    is(lseek(fd, -1, SEEK_END), 2);
    fails(lseek(fd, -10, SEEK_CUR), EINVAL);
    fails(lseek(fd, 0, 99), EINVAL);
    is(lseek(fd, 1000, SEEK_SET), 1000);
    is(read(fd, text, 1), 0);
    works(pipe(pipes));
    fails(lseek(pipes[0], 0, SEEK_SET), ESPIPE);

    begin("a hole reads as zeroes");
    is(write(fd, "end", 3), 3);
    works(fstat(fd, &st));
    is(st.st_size, 1003);
    is(pread(fd, text, 10, 500), 10);
    is(text[0] | text[9], 0);
    is(pread(fd, text, 5, 1000), 3);
    fails(pread(fd, text, 5, -1), EINVAL);

    begin("a large sparse file");
    is(pwrite(fd, "x", 1, (1L << 32) + 5), 1);
    works(fstat(fd, &st));
    is(st.st_size, (1L << 32) + 6);
    yes(st.st_blocks < 100);
    works(ftruncate(fd, 3));
    works(ftruncate(fd, 8192));
    is(pread(fd, text, 5, 0), 5);
    is(memcmp(text, "abc\0\0", 5), 0);
    fails(ftruncate(fd, -1), EINVAL);
    fails(truncate("d", 0), EISDIR);
    fails(truncate("none", 0), ENOENT);
    close(fd);

    begin("64 KiB come back as they went, in uneven pieces");
    for (unsigned i = 0; i < sizeof big; i++)
        big[i] = i * 7 + i / 251;
    fd = works(open("b", O_RDWR | O_CREAT | O_TRUNC, 0600));
    for (unsigned at = 0, step = 1; at < sizeof big; at += step, step = step * 3 % 5000 + 1) {
        if (at + step > sizeof big) step = sizeof big - at;
        is(write(fd, big + at, step), step);
    }
    lseek(fd, 0, SEEK_SET);
    is(read(fd, other, sizeof other), sizeof other);
    is(memcmp(big, other, sizeof big), 0);

    begin("readv, writev, preadv, pwritev");
    struct iovec parts[3] = {{text, 3}, {text + 10, 0}, {text + 20, 4}};
    lseek(fd, 100, SEEK_SET);
    is(readv(fd, parts, 3), 7);
    is(memcmp(text, big + 100, 3) | memcmp(text + 20, big + 103, 4), 0);
    is(pwritev(fd, parts, 3, 0), 7);
    is(preadv(fd, parts, 3, 0), 7);
    is(readv(fd, parts, 0), 0);
    fails(readv(fd, parts, -1), EINVAL);
    fails(readv(fd, parts, 1025), EINVAL);
    fails(readv(fd, (void *)1, 3), EFAULT);
    parts[0].iov_len = -1;
    fails(readv(fd, parts, 1), EINVAL);

    begin("O_APPEND writes at the end, wherever one stands");
    fd2 = works(open("c", O_RDWR | O_CREAT | O_APPEND, 0600));
    is(write(fd2, "one", 3), 3);
    lseek(fd2, 0, SEEK_SET);
    is(write(fd2, "two", 3), 3);
    is(lseek(fd2, 0, SEEK_CUR), 6);
    is(fcntl(fd2, F_GETFL) & (O_APPEND | O_ACCMODE), O_APPEND | O_RDWR);
    works(fcntl(fd2, F_SETFL, O_NONBLOCK));
    is(fcntl(fd2, F_GETFL) & (O_APPEND | O_NONBLOCK), O_NONBLOCK);
    close(fd2);

    begin("an unlinked file lives until it is closed");
    works(unlink("b"));
    works(fstat(fd, &st));
    is(st.st_nlink, 0);
    is(pread(fd, text, 3, 200), 3);
    is(memcmp(text, big + 200, 3), 0);
    close(fd);
    fails(stat("b", &st), ENOENT);

    begin("sendfile");
    fd = works(open("c", O_RDONLY));
    off_t offset = 1;
    is(sendfile(pipes[1], fd, &offset, 100), 5);
    is(offset, 6);
    is(read(pipes[0], text, 100), 5);
    is(memcmp(text, "netwo", 5), 0);
    close(fd);

    begin("copy_file_range");
    fd = works(open("c", O_RDONLY));
    fd2 = works(open("e", O_RDWR | O_CREAT, 0600));
    long copied = syscall(SYS_copy_file_range, fd, NULL, fd2, NULL, 100, 0);
    if (copied < 0 && (errno == ENOSYS || errno == EXDEV)) {
        skip("no copy_file_range");
    } else {
        is(copied, 6);
        is(pread(fd2, text, 10, 0), 6);
    }
    close(fd);
    close(fd2);

    begin("flock between descriptions");
    fd = works(open("c", O_RDWR));
    fd2 = works(open("c", O_RDWR));
    works(flock(fd, LOCK_EX));
    fails(flock(fd2, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    fails(flock(fd2, LOCK_SH | LOCK_NB), EWOULDBLOCK);
    works(flock(fd, LOCK_SH));
    works(flock(fd2, LOCK_SH | LOCK_NB));
    works(flock(fd, LOCK_UN));
    works(flock(fd2, LOCK_EX | LOCK_NB));
    close(fd2);
    works(flock(fd, LOCK_EX | LOCK_NB));
    fails(flock(fd, 16), EINVAL);

    begin("record locks between processes");
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = 2};
    works(fcntl(fd, F_SETLK, &lock));
    pid_t parent = getpid();
    status = in_child({
        struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 3};
        if (fcntl(fd, F_SETLK, &l) != -1 || (errno != EAGAIN && errno != EACCES)) _exit(1);
        if (fcntl(fd, F_GETLK, &l) || l.l_type != F_WRLCK || l.l_pid != parent || l.l_start != 2 || l.l_len != 2) _exit(2);
        l.l_type = F_WRLCK, l.l_start = 4, l.l_len = 0;
        if (fcntl(fd, F_SETLK, &l)) _exit(3);
    });
    yes(exited(status, 0));
    lock.l_type = 77;
    fails(fcntl(fd, F_SETLK, &lock), EINVAL);
    close(fd);

    begin("record locks: a circle of two is seen, a chase is none");
    fd = works(open("c", O_RDWR));
    int ready[2];
    char byte;
    works(pipe(ready));
    works(record(fd, F_WRLCK, 0));
    pid_t other = works(fork());
    if (other == 0) {
        if (record(fd, F_WRLCK, 1) || write(ready[1], "r", 1) != 1) _exit(1);
        // The one that closes the circle is refused; the other one gets what it waits for.
        if (record(fd, F_WRLCK, 0)) _exit(errno == EDEADLK ? 2 : 3);
        _exit(0);
    }
    is(read(ready[0], &byte, 1), 1);
    int refused = record(fd, F_WRLCK, 1) ? errno : 0;
    yes(refused == 0 || refused == EDEADLK);
    works(record(fd, F_UNLCK, 0));
    works(record(fd, F_UNLCK, 1));
    works(waitpid(other, &status, 0));
    yes(refused ? exited(status, 0) : exited(status, 2));
    works(record(fd, F_WRLCK, 0));
    other = works(fork());
    if (other == 0) {
        if (record(fd, F_WRLCK, 2) || write(ready[1], "r", 1) != 1) _exit(1);
        _exit(chase(fd, 2) ? 2 : 0);
    }
    is(read(ready[0], &byte, 1), 1);
    works(chase(fd, 0));
    for (int at = 0; at < 3; at++) works(record(fd, F_UNLCK, at));
    works(waitpid(other, &status, 0));
    yes(exited(status, 0));
    close(ready[0]);
    close(ready[1]);
    close(fd);

    begin("fcntl: unknown commands and descriptors");
    fails(fcntl(0, 99999), EINVAL);
    fails(fcntl(77, F_GETFD), EBADF);
    fails(ioctl(77, 0x5401), EBADF);

    begin("O_TMPFILE, fallocate, fsync");
    fd = open(".", O_TMPFILE | O_RDWR, 0600);
    if (fd >= 0) {
        works(fstat(fd, &st));
        is(st.st_nlink, 0);
        close(fd);
    } else {
        yes(errno == EOPNOTSUPP || errno == EISDIR);
    }
    fd = works(open("f", O_RDWR | O_CREAT, 0600));
    if (fallocate(fd, 0, 0, 10000) == 0) {
        fstat(fd, &st);
        is(st.st_size, 10000);
    } else {
        yes(errno == EOPNOTSUPP || errno == ENOSYS);
    }
    works(fsync(fd));
    works(fdatasync(fd));
    fails(fsync(pipes[0]), EINVAL);
    close(fd);

    begin("statfs");
    struct statfs fs;
    works(statfs("/", &fs));
    yes(fs.f_bsize > 0 && fs.f_namelen >= 255);
    works(statfs("/proc", &fs));
    is(fs.f_type, 0x9fa0);
    fails(statfs("none", &fs), ENOENT);

    begin("RLIMIT_FSIZE");
    status = in_child({
        struct rlimit small = {100, 100};
        setrlimit(RLIMIT_FSIZE, &small);
        signal(SIGXFSZ, SIG_IGN);
        int f = open("g", O_RDWR | O_CREAT, 0600);
        if (write(f, big, 200) != 100) _exit(1);
        if (write(f, big, 1) != -1 || errno != EFBIG) _exit(2);
        signal(SIGXFSZ, SIG_DFL);
        write(f, big, 1);
    });
    yes(killed(status, SIGXFSZ));

    begin("device files");
    fd = works(open("/dev/null", O_RDWR));
    is(write(fd, big, 1000), 1000);
    is(read(fd, text, 10), 0);
    close(fd);
    fd = works(open("/dev/zero", O_RDWR));
    memset(text, 1, 10);
    is(read(fd, text, 10), 10);
    is(text[0] | text[9], 0);
    close(fd);
    fd = works(open("/dev/full", O_RDWR));
    fails(write(fd, "x", 1), ENOSPC);
    is(read(fd, text, 10), 10);
    close(fd);
    fd = works(open("/dev/urandom", O_RDONLY));
    memset(big, 0, 1000);
    is(read(fd, big, 1000), 1000);
    int distinct = 0;
    for (int i = 1; i < 1000; i++)
        distinct += big[i] != big[i - 1];
    yes(distinct > 900);
    close(fd);
    works(stat("/dev/null", &st));
    is(st.st_mode, S_IFCHR | 0666);
    is(st.st_rdev, 0x103);
}
