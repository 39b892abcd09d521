/* fanotify(7) that only tells: groups, marks of files, mounts and file systems, what is ignored, as Linux tells it. */
// test: limit=120
#include "fan.h"
#include <sys/inotify.h>
#include <sys/sysmacros.h>

#define DIR_EVENTS (FAN_CREATE | FAN_DELETE | FAN_MOVE)
#define FILE_EVENTS (FAN_ACCESS | FAN_MODIFY | FAN_OPEN | FAN_CLOSE)

static void use(const char *path) {
    char text[4];
    int fd = open(path, O_RDWR);
    (void)!write(fd, "x", 1);
    (void)!pread(fd, text, 1, 0);
    close(fd);
}

static void errors(void) {
    begin("a group and its errors");
    fails(fan_init(0x80000000, 0), EINVAL);
    fails(fan_init(FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT, 0), EINVAL);
    fails(fan_init(0, O_ACCMODE), EINVAL);
    fails(fan_init(0, O_CREAT), EINVAL);
    fails(fan_init(FAN_REPORT_PIDFD | FAN_REPORT_TID, 0), EINVAL);
    fails(fan_init(FAN_REPORT_FID | FAN_CLASS_CONTENT, 0), EINVAL);
    fails(fan_init(FAN_REPORT_NAME, 0), EINVAL);
    fails(fan_init(FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_TARGET_FID, 0), EINVAL);
    works(queue = fan_init(FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY));
    is(fcntl(queue, F_GETFD), FD_CLOEXEC);
    is(fcntl(queue, F_GETFL), O_RDWR | O_NONBLOCK);
    fails(mark(FAN_MARK_ADD, 0, "d"), EINVAL);
    fails(mark(0, FAN_OPEN, "d"), EINVAL);
    fails(mark(FAN_MARK_ADD | FAN_MARK_REMOVE, FAN_OPEN, "d"), EINVAL);
    fails(mark(FAN_MARK_ADD | FAN_MARK_MOUNT | FAN_MARK_FILESYSTEM, FAN_OPEN, "d"), EINVAL);
    fails(mark(FAN_MARK_ADD | FAN_MARK_IGNORE | FAN_MARK_IGNORED_MASK, FAN_OPEN, "d"), EINVAL);
    fails(mark(FAN_MARK_FLUSH | FAN_MARK_ONLYDIR, FAN_OPEN, "d"), EINVAL);
    fails(mark(FAN_MARK_ADD | 0x4000, FAN_OPEN, "d"), EINVAL);
    fails(mark(FAN_MARK_ADD, FAN_Q_OVERFLOW, "d"), EINVAL);
    fails(mark(FAN_MARK_ADD, 1ULL << 32, "d"), EINVAL);
    fails(mark(FAN_MARK_ADD, FAN_CREATE, "d"), EINVAL);
    fails(mark(FAN_MARK_ADD, FAN_OPEN_PERM, "d"), EINVAL);
    fails(mark(FAN_MARK_ADD | FAN_MARK_MOUNT | FAN_MARK_EVICTABLE, FAN_OPEN, "d"), EINVAL);
    fails(mark(FAN_MARK_ADD, FAN_OPEN, "nothing"), ENOENT);
    fails(mark(FAN_MARK_ADD, FAN_OPEN, (char *)8), EFAULT);
    fails(mark(FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_OPEN, "f"), ENOTDIR);
    fails(mark(FAN_MARK_REMOVE, FAN_OPEN, "d"), ENOENT);
    fails(fan_mark(99, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "d"), EBADF);
    fails(fan_mark(99, FAN_MARK_ADD, 0, AT_FDCWD, "d"), EINVAL);
    fails(fan_mark(0, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "d"), EINVAL);
    fails(fan_mark(queue, FAN_MARK_ADD, FAN_OPEN, 99, NULL), EBADF);
    int fd = works(open("f", O_RDONLY));
    works(fan_mark(queue, FAN_MARK_ADD, FAN_OPEN, fd, NULL));
    works(fan_mark(queue, FAN_MARK_REMOVE, FAN_OPEN, fd, NULL));
    fails(fan_mark(queue, FAN_MARK_REMOVE, FAN_OPEN, fd, NULL), ENOENT);
    fails(fan_mark(queue, FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_OPEN, fd, NULL), ENOTDIR);
    close(fd);
    int ends[2];
    (void)!pipe(ends);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    fails(mark(FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, path), EINVAL);
    fails(mark(FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, path), EINVAL);
    close(ends[0]), close(ends[1]);
    char text[64];
    fails(read(queue, text, sizeof text), EAGAIN);
    fails(read(queue, text, 0), EAGAIN);
    fails(write(queue, text, 4), EINVAL);
    struct fanotify_response answer = {5, FAN_ALLOW};
    fails(write(queue, &answer, sizeof answer), ENOENT);
    answer.response = 3;
    fails(write(queue, &answer, sizeof answer), EINVAL);
    answer.response = FAN_ALLOW | FAN_AUDIT;
    fails(write(queue, &answer, sizeof answer), EINVAL);
    fails(write(queue, (char *)8, 8), EFAULT);
    fails(ioctl(queue, TCGETS, text), ENOTTY);
    int group = works(fan_init(FAN_REPORT_FID, 0));
    fails(fan_mark(group, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_CREATE, AT_FDCWD, "d"), EINVAL);
    fails(fan_mark(group, FAN_MARK_ADD, FAN_RENAME, AT_FDCWD, "d"), EINVAL);
    fails(fan_mark(group, FAN_MARK_ADD, FAN_FS_ERROR, AT_FDCWD, "d"), EINVAL);
    works(fan_mark(group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_FS_ERROR, AT_FDCWD, "d"));
    fails(fan_mark(group, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "/proc/self"), ENODEV);
    fails(fan_mark(group, FAN_MARK_ADD | FAN_MARK_IGNORE, FAN_OPEN | FAN_ONDIR, AT_FDCWD, "f"), ENOTDIR);
    fails(fan_mark(group, FAN_MARK_ADD | FAN_MARK_IGNORE, FAN_OPEN, AT_FDCWD, "d"), EISDIR);
    fails(fan_mark(group, FAN_MARK_ADD | FAN_MARK_IGNORE | FAN_MARK_FILESYSTEM, FAN_OPEN, AT_FDCWD, "d"), EINVAL);
    works(fan_mark(group, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "f"));
    fails(fan_mark(group, FAN_MARK_ADD | FAN_MARK_EVICTABLE, FAN_CLOSE, AT_FDCWD, "f"), EEXIST);
    works(fan_mark(group, FAN_MARK_ADD | FAN_MARK_IGNORE | FAN_MARK_IGNORED_SURV_MODIFY, FAN_OPEN, AT_FDCWD, "f"));
    fails(fan_mark(group, FAN_MARK_ADD | FAN_MARK_IGNORE, FAN_OPEN, AT_FDCWD, "f"), EEXIST);
    fails(fan_mark(group, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_OPEN, AT_FDCWD, "f"), EEXIST);
    close(group);
    group = works(fan_init(FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME | FAN_REPORT_TARGET_FID, 0));
    fails(fan_mark(group, FAN_MARK_ADD, FAN_CREATE, AT_FDCWD, "f"), ENOTDIR);
    close(group);

    begin("a group of somebody without privilege");
    int status = in_child({
        if (setuid(1000)) _exit(1);
        if (fan_init(0, 0) != -1 || errno != EPERM) _exit(2);
        if (fan_init(FAN_REPORT_FID | FAN_REPORT_TID, 0) != -1 || errno != EPERM) _exit(3);
        if (fan_init(FAN_REPORT_FID | FAN_UNLIMITED_QUEUE, 0) != -1 || errno != EPERM) _exit(4);
        int fd = fan_init(FAN_REPORT_FID | FAN_NONBLOCK, 0);
        if (fd < 0) _exit(5);
        if (fan_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, "f") != -1 || errno != EPERM) _exit(6);
        if (fan_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "d") != -1 || errno != EACCES) _exit(7);
        if (fan_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "open")) _exit(8);
        struct fanotify_event_metadata e[8];
        pid_t pid = fork();
        if (!pid) {
            close(open("open", O_RDONLY));
            _exit(0);
        }
        waitpid(pid, NULL, 0);
        close(open("open", O_RDONLY));
        long n = read(fd, e, sizeof e);
        if (n != 2 * e->event_len || e->pid != 0) _exit(9);
        e[0] = *(struct fanotify_event_metadata *)((char *)e + e->event_len);
        _exit(e->pid == getpid() ? 0 : 10);
    });
    yes(exited(status, 0));
    check_end();
}

static void limits(void) {
    char text[64];
    begin("reads, and how much is in the queue");
    fresh(0, O_RDONLY);
    works(mark(FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, "d"));
    int status = -1;
    touch("d/a"), touch("d/b");
    is(ioctl(queue, FIONREAD, &status), 0);
    is(status, 48);
    struct pollfd waits = {queue, POLLIN | POLLOUT, 0};
    is(poll(&waits, 1, 0), 1);
    is(waits.revents, POLLIN);
    fails(read(queue, text, 23), EINVAL);
    fails(read(queue, (char *)8, 24), EFAULT);
    is(read(queue, text, 47), 24);
    struct fanotify_event_metadata *e = (void *)text;
    is(fcntl(e->fd, F_GETFD), 0);
    is(fcntl(e->fd, F_GETFL) & O_ACCMODE, O_RDONLY);
    close(e->fd);
    is(poll(&waits, 1, 0), 0);
    fresh(0, O_RDWR | O_CLOEXEC | O_APPEND | O_NONBLOCK);
    works(mark(FAN_MARK_ADD, FAN_OPEN, "f"));
    touch("f");
    struct iovec vec[2] = {{text, 24}, {text + 24, 40}};
    is(readv(queue, vec, 2), 24);
    is(fcntl(e->fd, F_GETFD), FD_CLOEXEC);
    is(fcntl(e->fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK), O_RDWR | O_APPEND | O_NONBLOCK);
    close(e->fd);
    touch("f");
    struct rlimit few, old;
    getrlimit(RLIMIT_NOFILE, &old);
    few = (struct rlimit){0, old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    fails(read(queue, text, 64), EMFILE);
    setrlimit(RLIMIT_NOFILE, &old);
    fails(read(queue, text, 64), EAGAIN);
    check_end();

    begin("more events than the queue takes, and more groups and marks than the user may have");
    char kept[32];
    get_file("/proc/sys/fs/fanotify/max_queued_events", kept, sizeof kept);
    is(atoi(kept), 16384);
    put_file("/proc/sys/fs/fanotify/max_queued_events", "3");
    fresh(0, O_RDONLY);
    put_file("/proc/sys/fs/fanotify/max_queued_events", kept);
    works(mark(FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, "d"));
    for (int i = 0; i < 6; i++) {
        snprintf(text, sizeof text, "d/many%d", i);
        touch(text);
    }
    told("six events in a queue for three");
    touch("d/many0");
    told("after an overflow");
    get_file("/proc/sys/fs/fanotify/max_user_groups", kept, sizeof kept);
    is(atoi(kept), 128);
    status = in_child({
        int n = 0;
        if (setuid(1234)) _exit(0);
        while (fan_init(FAN_REPORT_FID, 0) >= 0) n++;
        _exit(errno == EMFILE ? n : 0);
    });
    yes(exited(status, 128));
    yes(get_file("/proc/sys/fs/fanotify/max_user_marks", kept, sizeof kept) > 0);
    yes(atoi(kept) >= 8192);
    put_file("/proc/sys/fs/fanotify/max_user_marks", "2");
    status = in_child({
        if (setuid(1235)) _exit(1);
        int fd = fan_init(FAN_REPORT_FID, 0);
        if (fan_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "open")) _exit(2);
        if (fan_mark(fd, FAN_MARK_ADD, FAN_CLOSE, AT_FDCWD, "open")) _exit(3);
        if (fan_mark(fd, FAN_MARK_ADD, FAN_CLOSE, AT_FDCWD, "/")) _exit(4);
        _exit(fan_mark(fd, FAN_MARK_ADD, FAN_CLOSE, AT_FDCWD, "/proc/self/../../dev") == -1 ? errno : 0);
    });
    put_file("/proc/sys/fs/fanotify/max_user_marks", kept);
    yes(exited(status, ENOSPC));
    check_end();
}

static void files(void) {
    char text[8];
    struct stat st;
    fresh(0, O_RDONLY);
    mark(FAN_MARK_ADD, FILE_EVENTS, "f");
    use("f"), told("a file is used");
    int fd = open("f", O_RDONLY);
    (void)!read(fd, text, 1), (void)!read(fd, text, 1);
    told("two reads are one event");
    close(fd);
    told("it is closed");
    int status = in_child(use("f"));
    told("another process uses it");
    use("f"), (void)!truncate("f", 1), chmod("f", 0600), utimensat(AT_FDCWD, "f", NULL, 0);
    told("without a descriptor nobody is told");
    mark(FAN_MARK_REMOVE, FAN_ACCESS | FAN_OPEN, "f"), use("f"), told("fewer events");
    mark(FAN_MARK_REMOVE, FAN_ALL_EVENTS, "f"), use("f"), told("none");

    fresh(0, O_RDONLY);
    mark(FAN_MARK_ADD, FAN_OPEN, "d");
    use("d/a"), close(open("d", O_RDONLY)), told("a directory alone, without ONDIR");
    mark(FAN_MARK_ADD, FAN_ONDIR, "d");
    use("d/a"), close(open("d", O_RDONLY)), told("a directory alone");
    mark(FAN_MARK_ADD, FAN_EVENT_ON_CHILD, "d");
    use("d/a"), close(open("d", O_RDONLY)), close(open("d/sub", O_RDONLY)), told("a directory and what is in it");
    use("d/sub/x"), told("not what is further down");
    mark(FAN_MARK_REMOVE, FAN_ONDIR, "d");
    use("d/a"), close(open("d", O_RDONLY)), close(open("d/sub", O_RDONLY)), told("what is in it, but no directories");
    mark(FAN_MARK_ADD, FAN_ACCESS | FAN_ONDIR, "d");
    fd = open("d", O_RDONLY);
    syscall(SYS_getdents64, fd, text, 8), syscall(SYS_getdents64, fd, (char[4096]){0}, 4096);
    close(fd), told("a directory is read");
    unlink("d/gone"), touch("d/gone"), fd = open("d/gone", O_RDWR);
    told("a file to be removed");
    unlink("d/gone"), (void)!write(fd, "x", 1), (void)!pread(fd, text, 1, 0), close(fd), told("an open file without a name");
    mkfifo("d/fifo", 0600), fd = open("d/fifo", O_RDWR), close(fd), told("a FIFO has no descriptor to give");
    fd = open("d", O_PATH), close(fd), fd = open("d", O_TMPFILE | O_RDWR, 0600), (void)!write(fd, "x", 1), (void)!pread(fd, text, 1, 0);
    close(fd), told("O_PATH, O_TMPFILE");
    yes(!fstatat(AT_FDCWD, "d/a", &st, 0));

    fresh(0, O_RDONLY);
    mark(FAN_MARK_ADD, FAN_OPEN | FAN_OPEN_EXEC | FAN_ACCESS | FAN_EVENT_ON_CHILD, "d");
    status = in_child(execl("d/true", "true", NULL));
    yes(exited(status, 0));
    told("a program");
    fresh(0, O_RDONLY);
    mark(FAN_MARK_ADD, FAN_OPEN_EXEC, "d/true");
    status = in_child(execl("d/true", "true", NULL));
    close(open("d/true", O_RDONLY)), told("a program and nothing else");

    fresh(FAN_REPORT_TID, O_RDONLY);
    mark(FAN_MARK_ADD, FAN_OPEN, "f"), use("f"), told("by thread");
    fresh(FAN_REPORT_PIDFD, O_RDONLY);
    mark(FAN_MARK_ADD, FAN_OPEN, "f"), use("f"), told("with a pidfd");
    status = in_child(use("f"));
    told("with a pidfd of who is gone");
}

static void ignored(void) {
    const unsigned surv = FAN_MARK_IGNORED_SURV_MODIFY;
    fresh(0, O_RDONLY);
    mark(FAN_MARK_ADD, FAN_OPEN | FAN_CLOSE | FAN_MODIFY, "f");
    mark(FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_OPEN | FAN_CLOSE, "f");
    close(open("f", O_RDONLY)), told("ignored");
    use("f"), told("ignored until it is changed");
    close(open("f", O_RDONLY)), told("changed, and no more ignored");
    int fd = open("f", O_WRONLY);
    told("open for writing");
    mark(FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_OPEN, "f");
    close(open("f", O_RDONLY)), told("not ignored while somebody writes");
    close(fd);
    told("-");
    mark(FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | surv, FAN_OPEN, "f");
    use("f"), use("f"), told("ignored for ever");
    mark(FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK, FAN_OPEN, "f"), use("f"), told("ignored no more");

    fresh(0, O_RDONLY);
    mark(FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, "m");
    mark(FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | surv, FAN_OPEN, "m/a");
    use("m/a"), use("m/b"), told("a mount but for a file");
    mark(FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | surv, FAN_OPEN, "m/d");
    use("m/d/x"), told("a directory's mark ignores nothing in it");
    mark(FAN_MARK_ADD, FAN_EVENT_ON_CHILD, "m/d");
    use("m/d/x"), told("unless it watches what is in it");
    mark(FAN_MARK_REMOVE, FAN_EVENT_ON_CHILD, "m/d"), mark(FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK, FAN_OPEN, "m/d");
    mark(FAN_MARK_ADD | FAN_MARK_IGNORE | surv, FAN_OPEN | FAN_EVENT_ON_CHILD, "m/d");
    use("m/d/x"), use("m/b"), told("or says so itself");
    mark(FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_ONDIR, "m");
    close(open("m/d", O_RDONLY)), told("a directory that is not ignored");
    mark(FAN_MARK_ADD | FAN_MARK_IGNORE | surv, FAN_ONDIR, "m/d");
    close(open("m/d", O_RDONLY)), told("a directory that is ignored");
    mark(FAN_MARK_ADD | FAN_MARK_MOUNT | FAN_MARK_IGNORE | surv, FAN_OPEN, "m");
    use("m/b"), close(open("m", O_RDONLY)), told("all files of a mount ignored");
    mark(FAN_MARK_FLUSH, 0, "m"), use("m/a"), told("inode marks flushed");
    mark(FAN_MARK_FLUSH | FAN_MARK_MOUNT, 0, "m"), use("m/a"), told("mount marks flushed");
}

static void mounts(void) {
    fresh(0, O_RDONLY);
    works(mark(FAN_MARK_ADD | FAN_MARK_MOUNT, FILE_EVENTS, "m"));
    works(mount("m", "n", NULL, MS_BIND, NULL));
    use("m/a"), told("through the marked mount");
    use("n/a"), told("through another mount of it");
    touch("m/new"), unlink("m/new"), told("a file comes and goes in a mount");
    fresh(0, O_RDONLY);
    works(mark(FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN | FAN_CLOSE, "m"));
    use("m/a"), use("n/b"), use("f"), told("a file system");
    mark(FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_ACCESS, "n");
    use("m/a"), use("n/b"), told("a file system and a mount");
    mark(FAN_MARK_ADD, FAN_MODIFY, "m/a");
    use("m/a"), use("n/a"), told("a file system, a mount and a file");
    mark(FAN_MARK_FLUSH | FAN_MARK_FILESYSTEM, 0, "m"), use("n/a"), told("a mount and a file");
    works(umount("n"));
    use("m/a"), told("a file");
    int in = inotify_init1(IN_NONBLOCK);
    inotify_add_watch(in, "m/a", IN_OPEN);
    int other = works(fan_init(FAN_NONBLOCK, O_RDONLY));
    works(fan_mark(other, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, AT_FDCWD, "m"));
    works(umount2("m", MNT_DETACH));
    works(mount("t", "m", "tmpfs", 0, NULL));
    touch("m/a"), told("another file system in its place");
    char text[64];
    yes(read(in, text, sizeof text) > 0);
    fails(read(other, text, sizeof text), EAGAIN);
    close(in), close(other);
}

static void shown(void) {
    char path[64], text[4096];
    begin("what fdinfo says");
    fresh(FAN_CLASS_CONTENT, O_RDWR);
    works(mark(FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, "d"));
    works(mark(FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY, FAN_CLOSE, "d"));
    fails(mark(FAN_MARK_ADD, FAN_OPEN_PERM, "/proc/self/status"), EINVAL);
    works(mark(FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_MODIFY, "m"));
    works(mark(FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_ACCESS, "m"));
    works(mark(FAN_MARK_ADD | FAN_MARK_EVICTABLE, FAN_OPEN, "f"));
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", queue);
    get_file(path, text, sizeof text);
    struct stat st;
    char want[200];
    yes(strstr(text, "fanotify flags:7 event-flags:8002\n"));
    stat("d", &st);
    snprintf(want, sizeof want, "fanotify ino:%lx sdev:%x mflags:40 mask:8000020 ignored_mask:18 fhandle-bytes:", st.st_ino,
             (unsigned)(major(st.st_dev) << 20 | minor(st.st_dev)));
    yes(strstr(text, want));
    stat("f", &st);
    snprintf(want, sizeof want, "fanotify ino:%lx sdev:%x mflags:200 mask:20 ignored_mask:0 fhandle-bytes:", st.st_ino,
             (unsigned)(major(st.st_dev) << 20 | minor(st.st_dev)));
    yes(strstr(text, want));
    stat("m", &st);
    snprintf(want, sizeof want, "fanotify sdev:%x mflags:0 mask:2 ignored_mask:0\n",
             (unsigned)(major(st.st_dev) << 20 | minor(st.st_dev)));
    yes(strstr(text, want));
    yes(strstr(text, "fanotify mnt_id:"));
    yes(strstr(text, "mflags:0 mask:1 ignored_mask:0\n"));
    check_end();
}

static void tests(void) {
    mkdir("w", 0755);
    works(mount("t", "w", "tmpfs", 0, "mode=755"));
    works(chdir("w"));
    mkdir("d", 0700), mkdir("d/sub", 0700), mkdir("m", 0700), mkdir("n", 0700);
    touch("f"), touch("d/a"), touch("d/b"), touch("d/sub/x"), touch("open"), chmod("open", 0644), put_file("f", "text");
    works(mount("t", "m", "tmpfs", 0, NULL));
    mkdir("m/d", 0700), touch("m/a"), touch("m/b"), touch("m/d/x");
    int to = open("d/true", O_CREAT | O_WRONLY, 0755), from = open("/bin/busybox", O_RDONLY);
    char buffer[65536];
    for (long n; (n = read(from, buffer, sizeof buffer)) > 0;)
        (void)!write(to, buffer, n);
    close(to), close(from);
    errors();
    limits();
    files();
    ignored();
    mounts();
    shown();
}
