/* F_NOTIFY (fcntl(2), "File and directory change notification"): which signal tells what happened in a directory. */
// test: limit=60
#include "check.h"

enum { TOLD = 40 };
static int codes[TOLD], fds[TOLD];
static long bands[TOLD];
static volatile sig_atomic_t count;

static void told(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    if (count < TOLD) {
        codes[count] = info->si_code;
        bands[count] = info->si_band;
        fds[count] = info->si_fd;
    }
    count++;
}

/* How often we were told since the last time; each time by FD. */
static int times(int fd) {
    int n = count;
    for (int i = 0; i < n && i < TOLD; i++) {
        is(fds[i], fd);
        is(codes[i], POLL_MSG);
        is(bands[i], POLLIN | POLLRDNORM | POLLMSG);
    }
    count = 0;
    return n;
}

static void touch(const char *path) {
    close(open(path, O_CREAT | O_WRONLY, 0600));
}

static int watch(int dir, unsigned long what) {
    if (fcntl(dir, F_SETSIG, SIGRTMIN))
        return -1;
    return fcntl(dir, F_NOTIFY, what);
}

static void tests(void) {
    struct sigaction action = {.sa_sigaction = told, .sa_flags = SA_SIGINFO};
    sigaction(SIGRTMIN, &action, NULL);
    sigaction(SIGIO, &action, NULL);
    int dir, file, other, status;
    char c;
    mkdir("d", 0700);
    mkdir("e", 0700);
    touch("d/file");
    works(dir = open("d", O_RDONLY));
    works(file = open("d/file", O_RDWR));

    begin("what cannot be watched");
    fails(fcntl(99, F_NOTIFY, DN_CREATE), EBADF);
    fails(fcntl(file, F_NOTIFY, DN_CREATE), ENOTDIR);
    is(fcntl(file, F_NOTIFY, 0), 0);
    works(other = open("d", O_PATH));
    fails(fcntl(other, F_NOTIFY, DN_CREATE), EBADF);
    close(other);

    begin("the caller becomes the owner, and SIGIO tells it");
    is(fcntl(dir, F_GETOWN), 0);
    is(fcntl(dir, F_NOTIFY, DN_CREATE), 0);
    is(fcntl(dir, F_GETOWN), getpid());
    touch("d/one");
    is(count, 1);
    is(codes[0], SI_KERNEL);
    count = 0;

    begin("one event ends it");
    touch("d/two");
    is(count, 0);
    works(watch(dir, DN_CREATE));
    touch("d/three");
    is(times(dir), 1);
    touch("d/four");
    is(times(dir), 0);

    begin("DN_MULTISHOT goes on");
    works(watch(dir, DN_CREATE | DN_MULTISHOT));
    touch("d/five"), touch("d/six");
    is(times(dir), 2);

    begin("another call adds to it");
    works(watch(dir, DN_DELETE));
    unlink("d/five"), unlink("d/six"), touch("d/five");
    is(times(dir), 3);

    begin("nothing asked for ends it");
    is(fcntl(dir, F_NOTIFY, DN_MULTISHOT), 0);
    touch("d/six"), unlink("d/six");
    is(times(dir), 0);

    begin("each kind of event");
    works(watch(dir, DN_MULTISHOT | DN_ACCESS));
    (void)!pwrite(file, "x", 1, 0), (void)!pread(file, &c, 1, 0);
    is(times(dir), 1);
    works(watch(dir, 0));
    works(watch(dir, DN_MULTISHOT | DN_MODIFY));
    (void)!pwrite(file, "x", 1, 0), (void)!pread(file, &c, 1, 0), (void)!ftruncate(file, 3);
    is(times(dir), 2);
    works(watch(dir, 0));
    works(watch(dir, DN_MULTISHOT | DN_ATTRIB));
    chmod("d/file", 0640), (void)!chown("d/file", 0, 5), chmod("d", 0755);
    is(times(dir), 3);
    works(watch(dir, 0));
    works(watch(dir, DN_MULTISHOT | DN_DELETE));
    unlink("d/one"), rename("d/two", "e/two"), mkdir("d/sub", 0700), rmdir("d/sub");
    is(times(dir), 3);
    works(watch(dir, 0));
    works(watch(dir, DN_MULTISHOT | DN_CREATE));
    rename("e/two", "d/two"), mkdir("d/sub", 0700), link("d/two", "d/seven"), symlink("a", "d/b");
    is(times(dir), 4);
    works(watch(dir, 0));

    begin("renames within, out and in");
    works(watch(dir, DN_MULTISHOT | DN_RENAME));
    rename("d/two", "d/eight");
    is(times(dir), 1);
    rename("d/eight", "e/eight"), rename("e/eight", "d/two");
    is(times(dir), 0);
    works(watch(dir, DN_MULTISHOT | DN_RENAME | DN_CREATE | DN_DELETE));
    rename("d/two", "d/eight");
    is(times(dir), 3);
    works(watch(dir, 0));
    works(watch(dir, DN_RENAME | DN_CREATE | DN_DELETE));
    rename("d/eight", "d/two");
    is(times(dir), 1);

    begin("not what happens further below");
    works(watch(dir, DN_MULTISHOT | DN_CREATE | DN_MODIFY));
    touch("d/sub/x");
    is(times(dir), 0);

    begin("the last number it was asked by is told, and closing that or another ends it");
    works(other = dup(dir));
    works(watch(other, DN_CREATE));
    touch("d/nine");
    is(times(other), 1);
    close(other);
    touch("d/ten");
    is(times(dir), 0);

    begin("two open files of one directory are told each");
    works(other = open("d", O_RDONLY));
    works(watch(dir, DN_CREATE | DN_MULTISHOT));
    works(watch(other, DN_CREATE | DN_MULTISHOT));
    touch("d/eleven");
    is(count, 2);
    is(fds[0] + fds[1], dir + other);
    count = 0;
    close(other);
    touch("d/twelve");
    is(times(dir), 1);

    begin("a child's close leaves its parent's, and its own ends with it");
    status = in_child({
        close(dir);
        works(dir = open("d", O_RDONLY));
        works(watch(dir, DN_CREATE));
    });
    yes(exited(status, 0));
    touch("d/thirteen");
    is(times(dir), 1);
    works(watch(dir, 0));

    begin("another owner is told");
    int ready[2], go[2];
    (void)!pipe(ready), (void)!pipe(go);
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        char byte;
        count = 0;
        (void)!write(ready[1], "r", 1);
        while (read(go[0], &byte, 1) < 0) {}
        _exit(count);
    }
    (void)!read(ready[0], &c, 1);
    works(fcntl(dir, F_SETOWN, child));
    works(watch(dir, DN_CREATE));
    is(fcntl(dir, F_GETOWN), child);
    touch("d/fourteen");
    (void)!write(go[1], "g", 1);
    waitpid(child, &status, 0);
    yes(exited(status, 1));
    is(times(dir), 0);

    begin("the directory's end");
    works(other = open("e", O_RDONLY));
    works(watch(other, DN_DELETE | DN_MULTISHOT | DN_ATTRIB));
    rmdir("e");
    times(other);
    is(fcntl(other, F_NOTIFY, DN_CREATE | DN_MULTISHOT), 0);
    close(other);

    begin("the switch");
    char text[20];
    is(get_file("/proc/sys/fs/dir-notify-enable", text, sizeof text), 2);
    put_file("/proc/sys/fs/dir-notify-enable", "0");
    fails(fcntl(dir, F_NOTIFY, DN_CREATE), EINVAL);
    put_file("/proc/sys/fs/dir-notify-enable", "1");
    is(fcntl(dir, F_NOTIFY, DN_CREATE), 0);
}
