/* inotify(7): each event as Linux tells it, in its order. */
// test: limit=60
#include "check.h"
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <utime.h>

static int queue;
static char name_of_check[64];

static const struct { unsigned bit; const char *name; } bits[] = {
    {IN_ACCESS, "ACCESS"}, {IN_MODIFY, "MODIFY"}, {IN_ATTRIB, "ATTRIB"}, {IN_CLOSE_WRITE, "CLOSE_WRITE"},
    {IN_CLOSE_NOWRITE, "CLOSE_NOWRITE"}, {IN_OPEN, "OPEN"}, {IN_MOVED_FROM, "MOVED_FROM"}, {IN_MOVED_TO, "MOVED_TO"},
    {IN_CREATE, "CREATE"}, {IN_DELETE, "DELETE"}, {IN_DELETE_SELF, "DELETE_SELF"}, {IN_MOVE_SELF, "MOVE_SELF"},
    {IN_UNMOUNT, "UNMOUNT"}, {IN_Q_OVERFLOW, "Q_OVERFLOW"}, {IN_IGNORED, "IGNORED"}, {IN_ISDIR, "ISDIR"},
};

/* All that is in the queue, as an answer called NAME: "wd:BITS name". */
static void told(const char *name) {
    static char buffer[65536], line[16384];
    unsigned cookie = 0;
    int at = 0;
    line[0] = 0;
    long n;
    while ((n = read(queue, buffer, sizeof buffer)) > 0)
        for (long i = 0; i < n;) {
            struct inotify_event *e = (void *)(buffer + i);
            at += snprintf(line + at, sizeof line - at, "%s%d:", at ? ", " : "", e->wd);
            unsigned rest = e->mask;
            for (size_t b = 0; b < sizeof bits / sizeof *bits; b++)
                if (e->mask & bits[b].bit) {
                    at += snprintf(line + at, sizeof line - at, "%s%s", rest == e->mask ? "" : "|", bits[b].name);
                    rest &= ~bits[b].bit;
                }
            if (rest)
                at += snprintf(line + at, sizeof line - at, "|%#x", rest);
            if (e->len)
                at += snprintf(line + at, sizeof line - at, " %s/%u", e->name, e->len);
            if (e->cookie) {
                at += snprintf(line + at, sizeof line - at, cookie == e->cookie ? " same" : " cookie");
                cookie = e->cookie;
            }
            i += sizeof *e + e->len;
        }
    printf("answer %s: %s\n", name, line);
}

static void touch(const char *path) {
    close(open(path, O_CREAT | O_WRONLY, 0600));
}
static int add(const char *path, unsigned mask) {
    return inotify_add_watch(queue, path, mask);
}
static void fresh(unsigned mask) {
    close(queue);
    queue = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    add("d", mask);
}

static void tests(void) {
    char text[100];
    int fd, wd, status;
    mkdir("d", 0700);
    mkdir("e", 0700);

    begin("a queue and its errors");
    fails(inotify_init1(1), EINVAL);
    works(queue = inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    is(fcntl(queue, F_GETFD), FD_CLOEXEC);
    is(fcntl(queue, F_GETFL), O_NONBLOCK);
    works(fd = inotify_init());
    is(fcntl(fd, F_GETFL), 0);
    close(fd);
    fails(add("d", 0), EINVAL);
    fails(add("d", 1 << 12), EINVAL);
    fails(add("d", IN_MASK_ADD | IN_MASK_CREATE | IN_OPEN), EINVAL);
    fails(add("nothing", IN_OPEN), ENOENT);
    fails(add("", IN_OPEN), ENOENT);
    fails(add((char *)8, IN_OPEN), EFAULT);
    fails(inotify_add_watch(0, "d", IN_OPEN), EINVAL);
    fails(inotify_add_watch(99, "d", IN_OPEN), EBADF);
    fails(inotify_add_watch(99, "d", 0), EINVAL);
    fails(inotify_rm_watch(queue, 1), EINVAL);
    fails(inotify_rm_watch(99, 1), EBADF);
    fails(inotify_rm_watch(0, 1), EINVAL);
    touch("f");
    fails(add("f", IN_OPEN | IN_ONLYDIR), ENOTDIR);
    fails(read(queue, text, sizeof text), EAGAIN);
    fails(write(queue, text, 1), EBADF);
    is(lseek(queue, 0, SEEK_SET), 0);
    status = in_child({
        if (setuid(1000)) _exit(1);
        _exit(add("d", IN_OPEN) == -1 && errno == EACCES ? 0 : 2);
    });
    yes(exited(status, 0));

    begin("numbers of watches");
    is(add("d", IN_OPEN), 1);
    is(add("e", IN_OPEN), 2);
    is(add("d", IN_CLOSE), 1);
    fails(add("d", IN_OPEN | IN_MASK_CREATE), EEXIST);
    works(inotify_rm_watch(queue, 1));
    fails(inotify_rm_watch(queue, 1), EINVAL);
    is(add("d", IN_OPEN | IN_MASK_CREATE), 3);

    begin("reads of queues, and how much is in them");
    fresh(IN_CREATE);
    touch("d/a");
    touch("d/a-name-of-twenty-one");
    fails(read(queue, text, 15), EINVAL);
    fails(read(queue, text, 31), EINVAL);
    is(ioctl(queue, FIONREAD, &status), 0);
    is(status, 32 + 48);
    struct pollfd waits = {queue, POLLIN | POLLOUT, 0};
    is(poll(&waits, 1, 0), 1);
    is(waits.revents, POLLIN);
    is(read(queue, text, 79), 32);
    is(read(queue, text, 79), 48);
    is(poll(&waits, 1, 0), 0);
    unlink("d/a-name-of-twenty-one");
    check_end();

    fresh(IN_ALL_EVENTS);
    touch("d/new"), told("a file is made");
    touch("d/new"), told("a file is opened for writing");
    fd = open("d/new", O_RDWR | O_TRUNC);
    told("a file is truncated at open");
    (void)!write(fd, "text", 4), (void)!write(fd, "text", 4), told("two writes are one event");
    (void)!write(fd, "", 0), told("a write of nothing");
    (void)!pwrite(fd, "x", 1, 0), told("pwrite");
    (void)!pread(fd, text, 4, 0), told("pread");
    (void)!read(fd, text, 4), told("a read at the end");
    struct iovec vec = {text, 2};
    (void)!writev(fd, &vec, 1), told("writev");
    (void)!pwritev2(fd, &vec, 1, 0, 0), told("pwritev2");
    (void)!ftruncate(fd, 2), told("ftruncate");
    (void)!truncate("d/new", 1), told("truncate");
    (void)!fallocate(fd, 0, 0, 8192), told("fallocate");
    fchmod(fd, 0640), told("fchmod");
    chmod("d/new", 0600), told("chmod");
    chown("d/new", 0, 5), told("chown");
    chmod("d", 0755), told("chmod of the directory");
    utime("d/new", NULL), told("utime");
    struct timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
    utimensat(AT_FDCWD, "d/new", now, 0), told("the access time alone");
    struct timespec then[2] = {{0, UTIME_OMIT}, {5, 0}};
    utimensat(AT_FDCWD, "d/new", then, 0), told("the modification time alone");
    close(fd), told("a file that could be written is closed");
    fd = open("d/new", O_RDONLY), told("a file is opened for reading");
    (void)!read(fd, text, 1), told("a read");
    close(dup(fd)), told("a duplicate is closed");
    close(fd), told("a file that could be read is closed");
    close(open("d/new", O_PATH)), told("O_PATH");
    fd = open("d", O_RDONLY | O_DIRECTORY), told("the directory is opened");
    static char entries[4096];
    syscall(SYS_getdents64, fd, entries, sizeof entries), told("the directory is read");
    close(fd), told("the directory is closed");
    link("d/new", "d/other"), told("link");
    unlink("d/other"), told("unlink of one of two names");
    symlink("new", "d/link"), told("symlink");
    mknod("d/fifo", S_IFIFO | 0600, 0), told("mknod");
    mkdir("d/sub", 0700), told("mkdir");
    touch("d/sub/below"), told("what happens further below");
    unlink("d/sub/below");
    rename("d/new", "d/newer"), told("rename within");
    rename("d/newer", "e/newer"), told("rename out");
    rename("e/newer", "d/back"), told("rename in");
    touch("d/victim"), told("a victim");
    rename("d/back", "d/victim"), told("rename over another");
    rename("d/sub", "d/sup"), told("rename of a directory");
    touch("d/left"), told("one more");
    syscall(SYS_renameat2, AT_FDCWD, "d/left", AT_FDCWD, "d/victim", 2), told("exchange");
    rename("d", "f-moved"), told("the directory itself is renamed");
    rename("f-moved", "d"), told("and back");
    rmdir("d/sup"), told("rmdir");
    fd = open("d/victim", O_RDWR), told("opened before it is unlinked");
    unlink("d/victim"), told("unlink of an open file");
    (void)!write(fd, "x", 1), told("a write to what has no name");
    close(fd), told("its last close");
    unlink("d/left"), unlink("d/fifo"), unlink("d/link"), unlink("d/a"), told("unlink of the rest");
    rename("nothing", "d/x"), open("d/none", O_RDONLY), mkdir("d", 0), told("what fails");
    rmdir("d"), told("the watched directory is removed");
    fails(inotify_rm_watch(queue, 1), EINVAL);
    mkdir("d", 0700), told("and made again");

    touch("d/file");
    fresh(IN_OPEN);
    is(add("d/file", IN_ALL_EVENTS), 2);
    touch("d/file"), told("the file and its directory are watched");
    add("d/file", IN_CLOSE), touch("d/file"), told("another mask");
    add("d/file", IN_OPEN | IN_MASK_ADD), touch("d/file"), told("more of a mask");
    add("d/file", IN_ATTRIB | IN_DELETE_SELF), add("d", IN_ALL_EVENTS);
    link("d/file", "d/second"), told("link of the watched");
    unlink("d/file"), told("one name less");
    fd = open("d/second", O_RDONLY), told("open by the other name");
    unlink("d/second"), told("no name");
    close(fd), told("and nobody uses it");
    touch("d/file"), add("d/file", IN_ALL_EVENTS), told("a new file"), unlink("d/file"), told("unlink of the watched");

    touch("d/file");
    fresh(IN_ALL_EVENTS | IN_EXCL_UNLINK);
    fd = open("d/file", O_RDWR), unlink("d/file"), told("unlinked, and excluded");
    (void)!write(fd, "x", 1), close(fd), told("nothing more of it");
    fresh(IN_CREATE | IN_ONESHOT);
    touch("d/1"), touch("d/2"), told("one shot");
    wd = add("d", IN_DELETE);
    unlink("d/1"), inotify_rm_watch(queue, wd), unlink("d/2"), told("a watch is taken away");

    symlink("e", "to-e");
    fresh(IN_OPEN);
    wd = add("to-e", IN_CREATE);
    touch("e/x"), told("through a link"), unlink("e/x");
    printf("answer the link itself: %d\n", add("to-e", IN_DELETE_SELF | IN_DONT_FOLLOW));
    unlink("to-e"), told("the link goes");

    mkdir("m", 0700);
    mount("tmpfs", "m", "tmpfs", 0, "size=1m");
    touch("m/file");
    fresh(IN_OPEN);
    add("m/file", IN_OPEN), add("m", IN_CREATE);
    is(umount("m"), 0);
    close(queue), queue = inotify_init1(IN_NONBLOCK);
    mount("tmpfs", "m", "tmpfs", 0, "size=1m");
    touch("m/file"), add("m/file", IN_OPEN), umount("m"), told("unmounted");
    rmdir("m");

    fresh(IN_ALL_EVENTS);
    status = in_child({ execl("d/none", "x", NULL); });
    told("exec of nothing");
    int in = open("/bin/busybox", O_RDONLY), out = open("d/true", O_CREAT | O_WRONLY, 0700);
    long n;
    static char block[1 << 16];
    while ((n = read(in, block, sizeof block)) > 0)
        (void)!write(out, block, n);
    close(in), close(out);
    told("a program is made");
    inotify_rm_watch(queue, 1), add("d", IN_OPEN | IN_CLOSE | IN_MODIFY);
    status = in_child({ execl("d/true", "true", NULL); });
    told("exec");
    unlink("d/true");

    begin("events are limited, and it is told once");
    static char old[20];
    get_file("/proc/sys/fs/inotify/max_queued_events", old, sizeof old);
    is(atoi(old), 16384);
    put_file("/proc/sys/fs/inotify/max_queued_events", "4\n");
    fresh(IN_CREATE | IN_DELETE);
    for (int i = 0; i < 4; i++)
        touch("d/a"), unlink("d/a");
    put_file("/proc/sys/fs/inotify/max_queued_events", old);
    check_end();
    told("too many events");

    begin("instances and watches are limited");
    get_file("/proc/sys/fs/inotify/max_user_instances", old, sizeof old);
    is(atoi(old), 128);
    status = in_child({
        if (setuid(1000)) _exit(1);
        int i = 0;
        while (inotify_init() >= 0) i++;
        _exit(errno == EMFILE && i == 128 ? 0 : 2);
    });
    yes(exited(status, 0));
    get_file("/proc/sys/fs/inotify/max_user_watches", old, sizeof old);
    yes(atoi(old) >= 8192);
    put_file("/proc/sys/fs/inotify/max_user_watches", "2\n");
    chmod("e", 0777);
    status = in_child({
        if (setuid(1001)) _exit(1);
        int mine = inotify_init();
        if (inotify_add_watch(mine, "e", IN_OPEN) < 0 || inotify_add_watch(mine, "/", IN_OPEN) < 0) _exit(2);
        if (inotify_add_watch(mine, "/proc", IN_OPEN) != -1 || errno != ENOSPC) _exit(3);
        inotify_rm_watch(mine, 1);
        if (inotify_add_watch(mine, "/tmp", IN_OPEN) < 0) _exit(4);
        close(mine);
        mine = inotify_init();
        if (inotify_add_watch(mine, "e", IN_OPEN) < 0 || inotify_add_watch(mine, "/", IN_OPEN) < 0) _exit(5);
    });
    yes(exited(status, 0));
    put_file("/proc/sys/fs/inotify/max_user_watches", old);

    begin("a reader waits, and poll says when");
    close(queue);
    queue = inotify_init1(0);
    add("d", IN_CREATE);
    pid_t child = fork();
    if (child == 0) {
        pause_ms(100);
        touch("d/late");
        _exit(0);
    }
    waits = (struct pollfd){queue, POLLIN, 0};
    is(poll(&waits, 1, 10000), 1);
    is(read(queue, text, sizeof text), 32);
    waitpid(child, NULL, 0);
    child = fork();
    if (child == 0) {
        pause_ms(100);
        touch("d/later");
        _exit(0);
    }
    is(read(queue, text, sizeof text), 32);
    waitpid(child, NULL, 0);

    begin("many watchers of many files");
    enum { MANY = 60, QUEUES = 5 };
    int queues[QUEUES];
    for (int q = 0; q < QUEUES; q++)
        queues[q] = inotify_init1(IN_NONBLOCK);
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "e/file-%d", i);
        touch(text);
        for (int q = 0; q < QUEUES; q++)
            works(inotify_add_watch(queues[q], text, IN_ALL_EVENTS));
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "e/file-%d", i);
        unlink(text);
    }
    for (int q = 0; q < QUEUES; q++) {
        is(ioctl(queues[q], FIONREAD, &status), 0);
        is(status, MANY * 3 * 16);
        close(queues[q]);
    }

    begin("fdinfo names the watches");
    snprintf(text, sizeof text, "/proc/self/fdinfo/%d", queue);
    static char info[2000];
    get_file(text, info, sizeof info);
    yes(strstr(info, "inotify wd:1 ino:"));
    yes(strstr(info, " mask:100 "));
    snprintf(name_of_check, sizeof name_of_check, "/proc/self/fd/%d", queue);
    memset(text, 0, sizeof text);
    readlink(name_of_check, text, sizeof text - 1);
    is(strcmp(text, "anon_inode:inotify"), 0);

    begin("files come and go while they are watched and no longer watched");
    status = in_child({
        pid_t other = fork();
        for (int i = 0; i < 300; i++) {
            if (other) {
                touch("e/busy");
                unlink("e/busy");
            } else {
                int mine = inotify_init1(IN_NONBLOCK);
                inotify_add_watch(mine, "e", IN_ALL_EVENTS);
                inotify_add_watch(mine, "e/busy", IN_ALL_EVENTS);
                (void)!read(mine, block, sizeof block);
                close(mine);
            }
        }
        if (other == 0) _exit(0);
        waitpid(other, NULL, 0);
    });
    yes(exited(status, 0));
}
