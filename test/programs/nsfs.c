/* Files of namespaces: /proc/PID/ns (namespaces(7)), ioctl_ns(2), setns(2); kcmp(2). */
#include "check.h"
#include <linux/kcmp.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/utsname.h>

static char *host(void) {
    static struct utsname u;
    uname(&u);
    return u.nodename;
}

static long number(const char *path) {
    struct stat st;
    return stat(path, &st) ? -1 : (long)st.st_ino;
}

static int reads_as(const char *link, const char *kind, long ino) {
    char text[64] = "", wanted[64];
    readlink(link, text, sizeof text - 1);
    snprintf(wanted, sizeof wanted, "%s:[%ld]", kind, ino);
    return !strcmp(text, wanted);
}

static long kcmp(pid_t a, pid_t b, int type, unsigned long i, unsigned long j) {
    return syscall(SYS_kcmp, a, b, type, i, j);
}

static int pidfd(pid_t pid) {
    return syscall(SYS_pidfd_open, pid, 0);
}

/* A child that has a name of its own and waits; its end of the pipe closes with ours. */
static pid_t apart(const char *name, int *end) {
    return waiting_child(end, {
        if (unshare(CLONE_NEWUTS) || sethostname(name, strlen(name))) _exit(1);
    });
}

static void *shares(void *arg) {
    long *found = arg;
    pid_t tid = syscall(SYS_gettid), pid = getpid();
    found[0] = kcmp(tid, pid, KCMP_VM, 0, 0);
    found[1] = kcmp(tid, pid, KCMP_FILES, 0, 0);
    found[2] = kcmp(tid, pid, KCMP_FS, 0, 0);
    found[3] = kcmp(tid, pid, KCMP_SIGHAND, 0, 0);
    return NULL;
}

static void tests(void) {
    static const char *const kinds[] = {"uts", "pid", "user", "mnt", "ipc"};
    char before[100], path[64], text[64], name[64];
    struct stat st, other;
    struct statfs fs;
    int status, fd, end;
    unsigned uid;
    pid_t pid;

    strcpy(before, host());

    begin("links");
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i]);
        yes(number(path) > 0);
        yes(reads_as(path, kinds[i], number(path)));
        works(lstat(path, &st));
        is(st.st_mode, S_IFLNK | 0777);
        is(st.st_size, 0);
        works(stat(path, &st));
        is(st.st_mode, S_IFREG | 0444);
        is(st.st_uid, 0);
    }
    is(number("/proc/self/ns/uts"), 4026531838);
    is(number("/proc/self/ns/user"), 4026531837);
    is(number("/proc/self/ns/pid"), 4026531836);
    yes(number("/proc/self/ns/mnt") >= 4026531840);
    yes(reads_as("/proc/self/ns/pid_for_children", "pid", 4026531836));
    is(number("/proc/1/ns/uts"), 4026531838);
    is(number("/proc/thread-self/ns/uts"), 4026531838);
    works(stat("/proc/self/ns", &st));
    is(st.st_mode, S_IFDIR | 0511);
    fails(stat("/proc/self/ns/nothing", &st), ENOENT);

    begin("a file of one");
    works(fd = open("/proc/self/ns/uts", O_RDONLY));
    works(fstatfs(fd, &fs));
    is(fs.f_type, 0x6e736673);
    works(fstat(fd, &st));
    works(stat("/proc/1/ns/uts", &other));
    yes(st.st_ino == other.st_ino && st.st_dev == other.st_dev);
    works(stat("/proc/1/ns/user", &other));
    yes(st.st_ino != other.st_ino && st.st_dev == other.st_dev);
    fails(read(fd, text, 1), EINVAL);
    fails(lseek(fd, 0, SEEK_SET), ESPIPE);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    yes(reads_as(path, "uts", 4026531838));

    begin("ioctls");
    is(ioctl(fd, NS_GET_NSTYPE), CLONE_NEWUTS);
    fails(ioctl(fd, NS_GET_PARENT), EINVAL);
    fails(ioctl(fd, NS_GET_OWNER_UID, &uid), EINVAL);
    fails(ioctl(fd, _IO(0xb7, 9)), ENOTTY);
    int owner = works(ioctl(fd, NS_GET_USERNS));
    is(fcntl(owner, F_GETFD), FD_CLOEXEC);
    is(ioctl(owner, NS_GET_NSTYPE), CLONE_NEWUSER);
    works(fstat(owner, &st));
    is(st.st_ino, 4026531837);
    uid = 77;
    works(ioctl(owner, NS_GET_OWNER_UID, &uid));
    is(uid, 0);
    fails(ioctl(owner, NS_GET_OWNER_UID, (void *)8), EFAULT);
    fails(ioctl(owner, NS_GET_PARENT), EPERM);
    fails(ioctl(owner, NS_GET_USERNS), EPERM);
    close(owner);
    int of_pids = works(open("/proc/self/ns/pid", O_RDONLY));
    is(ioctl(of_pids, NS_GET_NSTYPE), CLONE_NEWPID);
    fails(ioctl(of_pids, NS_GET_PARENT), EPERM);
    close(of_pids);
    int plain = open("/proc/self/exe", O_RDONLY);
    fails(ioctl(plain, NS_GET_NSTYPE), ENOTTY);
    fails(ioctl(plain, NS_GET_PARENT), ENOTTY);

    begin("a new one has a number of its own");
    status = in_child({
        if (unshare(CLONE_NEWUTS)) _exit(1);
        long mine = number("/proc/self/ns/uts");
        if (mine < 4026531840 || !reads_as("/proc/self/ns/uts", "uts", mine)) _exit(2);
        if (unshare(CLONE_NEWUTS) || number("/proc/self/ns/uts") == mine) _exit(3);
        if (number("/proc/self/ns/user") != 4026531837) _exit(4);
    });
    yes(exited(status, 0));

    begin("setns by descriptor");
    pid = apart("far", &end);
    snprintf(path, sizeof path, "/proc/%d/ns/uts", pid);
    int far = works(open(path, O_RDONLY));
    status = in_child({
        if (setns(far, 0) || strcmp(host(), "far")) _exit(1);
        if (number("/proc/self/ns/uts") != number(path)) _exit(2);
        if (setns(fd, CLONE_NEWUTS) || strcmp(host(), before)) _exit(3);
        if (setns(far, CLONE_NEWUTS) || strcmp(host(), "far")) _exit(4);
        int inner = in_child(_exit(strcmp(host(), "far") != 0));
        if (!exited(inner, 0)) _exit(5);
    });
    yes(exited(status, 0));
    is(strcmp(host(), before), 0);

    begin("setns by process");
    int who = works(pidfd(pid));
    status = in_child({
        if (setns(who, CLONE_NEWUTS) || strcmp(host(), "far")) _exit(1);
        if (setns(fd, 0) || strcmp(host(), before)) _exit(2);
    });
    yes(exited(status, 0));
    fails(setns(who, 0), EINVAL);
    fails(setns(who, CLONE_NEWUTS | CLONE_FS), EINVAL);
    fails(setns(who, CLONE_FILES), EINVAL);

    begin("a descriptor keeps it");
    close(end);
    is(waitpid(pid, &status, 0), pid);
    fails(setns(who, CLONE_NEWUTS), ESRCH);
    close(who);
    status = in_child({
        if (setns(far, 0) || strcmp(host(), "far")) _exit(1);
    });
    yes(exited(status, 0));

    begin("what can't be entered");
    fails(setns(-1, 0), EBADF);
    fails(setns(plain, 0), EINVAL);
    fails(setns(fd, CLONE_NEWNS), EINVAL);
    fails(setns(fd, CLONE_NEWUTS | CLONE_NEWNS), EINVAL);
    status = in_child({
        if (setuid(1000)) _exit(1);
        if (setns(far, 0) != -1 || errno != EPERM) _exit(2);
        if (readlink("/proc/1/ns/uts", text, sizeof text) != -1 || errno != EACCES) _exit(3);
        if (stat("/proc/1/ns/uts", &st) != -1 || errno != EACCES) _exit(4);
    });
    yes(exited(status, 0));

    begin("a name in the tree keeps it too");
    snprintf(name, sizeof name, "/tmp/nsfs.%d", getpid());
    put_file(name, "");
    snprintf(path, sizeof path, "/proc/self/fd/%d", far);
    works(mount(path, name, NULL, MS_BIND, NULL));
    works(fstat(far, &other));
    close(far);
    status = in_child({
        int again = open(name, O_RDONLY);
        if (again < 0 || setns(again, CLONE_NEWUTS) || strcmp(host(), "far")) _exit(1);
        if (fstat(again, &st) || st.st_ino != other.st_ino || st.st_dev != other.st_dev) _exit(2);
    });
    yes(exited(status, 0));
    works(umount(name));
    works(stat(name, &st));
    is(st.st_size, 0);
    works(unlink(name));

    begin("each thread enters for itself");
    pid = apart("deep", &end);
    who = works(pidfd(pid));
    status = in_child({
        void *alone(void *unused) { return (void *)(long)(unused || setns(who, CLONE_NEWUTS) || strcmp(host(), "deep")); }
        pthread_t thread;
        void *bad = (void *)1;
        pthread_create(&thread, NULL, alone, NULL);
        pthread_join(thread, &bad);
        if (bad || strcmp(host(), before)) _exit(1);
    });
    yes(exited(status, 0));
    close(who);

    begin("kcmp of processes");
    pid_t me = getpid();
    is(kcmp(me, me, KCMP_VM, 0, 0), 0);
    is(kcmp(me, me, KCMP_FILES, 0, 0), 0);
    for (int type = KCMP_VM; type <= KCMP_SIGHAND; type++) {
        long one = works(kcmp(me, pid, type, 0, 0)), reverse = works(kcmp(pid, me, type, 0, 0));
        yes((one == 1 && reverse == 2) || (one == 2 && reverse == 1));
        is(kcmp(me, pid, type, 0, 0), one);
    }
    pthread_t thread;
    long found[4] = {9, 9, 9, 9};
    pthread_create(&thread, NULL, shares, found);
    pthread_join(thread, NULL);
    for (int i = 0; i < 4; i++)
        is(found[i], 0);

    begin("kcmp of files");
    int twin = dup(fd), fresh = open("/proc/self/ns/uts", O_RDONLY);
    is(kcmp(me, me, KCMP_FILE, fd, twin), 0);
    long order = works(kcmp(me, me, KCMP_FILE, fd, fresh));
    yes(order == 1 || order == 2);
    is(kcmp(me, me, KCMP_FILE, fresh, fd), 3 - order);
    is(kcmp(me, pid, KCMP_FILE, fd, fd), 0);
    fails(kcmp(me, me, KCMP_FILE, fd, 999), EBADF);
    fails(kcmp(me, me, KCMP_FILE, -1, fd), EBADF);

    begin("kcmp of nothing");
    fails(kcmp(me, me, 99, 0, 0), EINVAL);
    fails(kcmp(me, 0, KCMP_VM, 0, 0), ESRCH);
    fails(kcmp(me, -1, KCMP_VM, 0, 0), ESRCH);
    fails(kcmp(1 << 22, me, KCMP_VM, 0, 0), ESRCH);
    status = in_child({
        if (setuid(1000)) _exit(1);
        if (kcmp(getpid(), me, KCMP_VM, 0, 0) != -1 || errno != EPERM) _exit(2);
        if (kcmp(getpid(), getpid(), KCMP_VM, 0, 0) != 0) _exit(3);
    });
    yes(exited(status, 0));

    close(end);
    waitpid(pid, &status, 0);
}
