/* mount_namespaces(7): what is mounted, by unshare(2), clone(2) and setns(2); pivot_root(2) in one. */
#include "check.h"
#include <sys/mount.h>

static char top[64];

static char *in_top(const char *name) {
    static char paths[8][128];
    static int at;
    char *path = paths[at++ % 8];
    snprintf(path, 128, "%s/%s", top, name);
    return path;
}

static int there(const char *path) {
    return access(path, F_OK) == 0;
}

static long number(const char *path) {
    struct stat st;
    return stat(path, &st) ? -1 : (long)st.st_ino;
}

static int lines(const char *path) {
    static char text[65536];
    int n = 0;
    get_file(path, text, sizeof text);
    for (char *c = text; *c; c++)
        n += *c == '\n';
    return n;
}

/* The first number of the line of mountinfo for a place; 0: it isn't mounted. */
static int mount_id(const char *place) {
    static char text[65536], at[128];
    int id = 0, found = 0;
    get_file("/proc/self/mountinfo", text, sizeof text);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        if (sscanf(line, "%d %*d %*s %*s %127s", &id, at) == 2 && !strcmp(at, place)) found = id;
    return found;
}

static int tmpfs(const char *at) {
    return mount("none", at, "tmpfs", 0, NULL);
}

static int cloned(void *arg) {
    return tmpfs(in_top("a")) || !there(in_top("a")) || there(in_top("a/file"));
}

/* A child in a namespace of its own that has a tmpfs with a file "inner" on "b", and waits. */
static pid_t apart(int *end) {
    return waiting_child(end, {
        if (unshare(CLONE_NEWNS) || tmpfs(in_top("b"))) _exit(1);
        put_file(in_top("b/inner"), "");
    });
}

static int pivot_root(const char *new, const char *old) {
    return syscall(SYS_pivot_root, new, old);
}

static void tests(void) {
    static char stack[65536], cwd[128], path[128];
    int status, end;
    pid_t pid;

    snprintf(top, sizeof top, "/tmp/mountns.%d", getpid());
    mkdir(top, 0755);
    mkdir(in_top("a"), 0755);
    mkdir(in_top("b"), 0755);
    mkdir(in_top("c"), 0755);
    put_file(in_top("a/file"), "below");
    put_file(in_top("name"), "");

    begin("what is mounted after unshare nobody else sees");
    int before = lines("/proc/self/mountinfo");
    status = in_child({
        long old = number("/proc/self/ns/mnt");
        if (unshare(CLONE_NEWNS)) _exit(1);
        if (number("/proc/self/ns/mnt") <= old) _exit(2);
        if (lines("/proc/self/mountinfo") != before) _exit(3);
        if (tmpfs(in_top("a")) || there(in_top("a/file"))) _exit(4);
        put_file(in_top("a/new"), "");
        if (!mount_id(in_top("a")) || lines("/proc/self/mounts") != before + 1) _exit(5);
        snprintf(path, sizeof path, "/proc/%d/ns/mnt", getppid());
        if (number(path) != old) _exit(6);
        snprintf(path, sizeof path, "/proc/%d/mountinfo", getppid());
        if (lines(path) != before) _exit(7);
    });
    yes(exited(status, 0));
    yes(there(in_top("a/file")));
    is(lines("/proc/self/mountinfo"), before);

    begin("nor what is unmounted");
    works(tmpfs(in_top("a")));
    put_file(in_top("a/kept"), "");
    int id = mount_id(in_top("a"));
    status = in_child({
        if (unshare(CLONE_NEWNS)) _exit(1);
        int mine = mount_id(in_top("a"));
        if (!mine || mine == id || !there(in_top("a/kept"))) _exit(2);
        put_file(in_top("a/both"), "");
        if (umount(in_top("a")) || there(in_top("a/kept")) || !there(in_top("a/file"))) _exit(3);
    });
    yes(exited(status, 0));
    yes(there(in_top("a/kept")) && there(in_top("a/both")));
    is(mount_id(in_top("a")), id);
    works(umount(in_top("a")));

    begin("clone");
    works(pid = clone(cloned, stack + sizeof stack, CLONE_NEWNS | SIGCHLD, NULL));
    is(waitpid(pid, &status, 0), pid);
    yes(exited(status, 0));
    yes(there(in_top("a/file")));
    fails(clone(cloned, stack + sizeof stack, CLONE_NEWNS | CLONE_FS | SIGCHLD, NULL), EINVAL);

    begin("root and working directory are in the copy");
    works(tmpfs(in_top("a")));
    status = in_child({
        if (chdir(in_top("a")) || unshare(CLONE_NEWNS)) _exit(1);
        if (!getcwd(cwd, sizeof cwd) || strcmp(cwd, in_top("a"))) _exit(2);
        if (umount(in_top("a")) != -1 || errno != EBUSY) _exit(3);
        put_file("there", "");
        if (!there(in_top("a/there")) || chdir("/") || umount(in_top("a"))) _exit(4);
    });
    yes(exited(status, 0));
    yes(there(in_top("a/there")));
    works(umount(in_top("a")));

    begin("a thread that leaves has a working directory of its own");
    status = in_child({
        void *leaves(void *unused) { return (void *)(long)(unused || unshare(CLONE_NEWNS) || chdir(in_top("a")) || tmpfs(in_top("c"))); }
        pthread_t thread;
        void *bad = (void *)1;
        if (chdir("/")) _exit(1);
        pthread_create(&thread, NULL, leaves, NULL);
        pthread_join(thread, &bad);
        if (bad || !getcwd(cwd, sizeof cwd) || strcmp(cwd, "/") || mount_id(in_top("c"))) _exit(2);
    });
    yes(exited(status, 0));

    begin("setns leads to the top of the other tree");
    pid = apart(&end);
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", pid);
    int far = works(open(path, O_RDONLY)), near = works(open("/proc/self/ns/mnt", O_RDONLY));
    status = in_child({
        if (chdir(top) || there(in_top("b/inner"))) _exit(1);
        if (setns(far, CLONE_NEWNS) || !there(in_top("b/inner"))) _exit(2);
        if (!getcwd(cwd, sizeof cwd) || strcmp(cwd, "/")) _exit(3);
        if (number("/proc/self/ns/mnt") != number(path)) _exit(4);
        if (setns(near, 0) || there(in_top("b/inner"))) _exit(5);
    });
    yes(exited(status, 0));

    begin("setns leaves a chroot");
    status = in_child({
        if (chroot(top) || chdir("/") || !there("/a/file")) _exit(1);
        if (setns(near, CLONE_NEWNS) || !there(in_top("a/file"))) _exit(2);
    });
    yes(exited(status, 0));

    begin("setns by process");
    status = in_child({
        int who = syscall(SYS_pidfd_open, pid, 0);
        if (who < 0 || setns(who, CLONE_NEWNS | CLONE_NEWUTS) || !there(in_top("b/inner"))) _exit(1);
    });
    yes(exited(status, 0));

    begin("not with a shared working directory");
    status = in_child({
        void *enters(void *unused) { return (void *)(long)(unused || setns(far, 0) != -1 || errno != EINVAL); }
        pthread_t thread;
        void *bad = (void *)1;
        pthread_create(&thread, NULL, enters, NULL);
        pthread_join(thread, &bad);
        if (bad) _exit(1);
    });
    yes(exited(status, 0));

    begin("other trees can be looked at and not changed");
    snprintf(path, sizeof path, "/proc/%d/root%s", pid, in_top("b"));
    yes(there(path));
    fails(umount(path), EINVAL);
    fails(tmpfs(path), EINVAL);
    fails(mount(path, in_top("c"), NULL, MS_BIND, NULL), EINVAL);
    fails(mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), EINVAL);
    strcat(path, "/inner");
    yes(there(path));
    yes(!there(in_top("b/inner")));

    begin("a bound file keeps a namespace, unless that has the mount");
    fails(mount("/proc/self/ns/mnt", in_top("name"), NULL, MS_BIND, NULL), EINVAL);
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", pid);
    works(mount(path, in_top("name"), NULL, MS_BIND, NULL));
    long kept = number(in_top("name"));
    is(kept, number(path));
    close(far);
    close(end);
    is(waitpid(pid, &status, 0), pid);
    status = in_child({
        int again = open(in_top("name"), O_RDONLY);
        if (setns(again, CLONE_NEWNS) || !there(in_top("b/inner"))) _exit(1);
        if (number("/proc/self/ns/mnt") != kept || number(in_top("name")) == kept) _exit(2);
    });
    yes(exited(status, 0));
    status = in_child({
        if (unshare(CLONE_NEWNS) || number(in_top("name")) == kept) _exit(1);
    });
    yes(exited(status, 0));
    works(umount(in_top("name")));

    begin("pivot_root");
    status = in_child({
        if (unshare(CLONE_NEWNS) || tmpfs(in_top("a")) || mkdir(in_top("a/in"), 0755)) _exit(1);
        if (tmpfs(in_top("a/in")) || mkdir(in_top("a/in/old"), 0755)) _exit(2);
        put_file(in_top("a/outer"), "");
        put_file(in_top("a/in/inner"), "");
        if (chroot(in_top("a")) || chdir("/")) _exit(3);
        if (pivot_root("/in", "/in/old") || chdir("/")) _exit(4);
        if (!there("/inner") || there("/outer") || !there("/old/outer")) _exit(5);
        if (umount2("/old", MNT_DETACH) || there("/old/outer")) _exit(6);
    });
    yes(exited(status, 0));

    begin("pivot_root onto itself");
    status = in_child({
        if (unshare(CLONE_NEWNS) || tmpfs(in_top("a")) || mkdir(in_top("a/in"), 0755)) _exit(1);
        if (tmpfs(in_top("a/in"))) _exit(2);
        put_file(in_top("a/in/inner"), "");
        if (chroot(in_top("a")) || chdir("/in")) _exit(3);
        if (pivot_root(".", ".")) _exit(4);
        if (umount2(".", MNT_DETACH)) _exit(5);
        if (chdir("/") || !there("/inner")) _exit(6);
    });
    yes(exited(status, 0));

    begin("pivot_root of what can't be a root");
    status = in_child({
        if (unshare(CLONE_NEWNS) || tmpfs(in_top("a")) || mkdir(in_top("a/in"), 0755)) _exit(1);
        if (pivot_root(in_top("a"), in_top("a/in")) != -1 || errno != EINVAL) _exit(2);
        if (chroot(in_top("a")) || chdir("/")) _exit(3);
        if (pivot_root("/in", "/in") != -1 || errno != EBUSY) _exit(4);
        if (pivot_root("/nothing", "/in") != -1 || errno != ENOENT) _exit(5);
    });
    yes(exited(status, 0));

    begin("poll tells of each change once");
    static const char *const about[] = {"/proc/self/mounts", "/proc/self/mountinfo"};
    for (int i = 0; i < 2; i++) {
        works(mkdir(in_top("told"), 0755));
        struct pollfd change = {works(open(about[i], O_RDONLY)), POLLPRI, 0}, any = {change.fd, POLLIN, 0};
        is(poll(&change, 1, 0), 0);
        is(poll(&any, 1, 0), 1);
        is(any.revents, POLLIN);
        works(mount("told", in_top("told"), "tmpfs", 0, NULL));
        is(poll(&change, 1, 0), 1);
        is(change.revents, POLLPRI | POLLERR);
        is(poll(&change, 1, 0), 0);
        // One that waits is woken.
        fflush(stdout);
        pid_t waker = fork();
        if (!waker) {
            pause_ms(50);
            _exit(umount(in_top("told")) != 0);
        }
        is(poll(&change, 1, 20000), 1);
        is(change.revents, POLLPRI | POLLERR);
        int gone = -1;
        works(waitpid(waker, &gone, 0));
        is(gone, 0);
        // In other namespaces nothing changes here.
        is(in_child({
            if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
                mount("told", in_top("told"), "tmpfs", 0, NULL))
                _exit(1);
        }), 0);
        is(poll(&change, 1, 0), 0);
        works(close(change.fd));
        works(rmdir(in_top("told")));
    }

    begin("propagation");
    status = in_child({
        if (unshare(CLONE_NEWNS)) _exit(1);
        if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) _exit(2);
        if (mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL)) _exit(3);
        if (mount("none", in_top("a"), NULL, MS_PRIVATE, NULL) != -1 || errno != EINVAL) _exit(4);
        if (mount("none", "/", NULL, MS_PRIVATE | MS_SLAVE, NULL) != -1 || errno != EINVAL) _exit(5);
        if (mount("none", "/", NULL, MS_PRIVATE | MS_NOSUID, NULL) != -1 || errno != EINVAL) _exit(6);
    });
    yes(exited(status, 0));

    begin("privilege");
    status = in_child({
        if (setuid(1000)) _exit(1);
        if (unshare(CLONE_NEWNS) != -1 || errno != EPERM) _exit(2);
        if (setns(near, CLONE_NEWNS) != -1 || errno != EPERM) _exit(3);
        if (tmpfs(in_top("a")) != -1 || errno != EPERM) _exit(4);
        if (umount("/proc") != -1 || errno != EPERM) _exit(5);
        if (pivot_root("/", "/") != -1 || errno != EPERM) _exit(6);
    });
    yes(exited(status, 0));

    unlink(in_top("a/file"));
    unlink(in_top("name"));
    rmdir(in_top("a"));
    rmdir(in_top("b"));
    rmdir(in_top("c"));
    rmdir(top);
}
