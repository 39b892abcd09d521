/* user_namespaces(7): ids and capabilities of one's own, by unshare(2), clone(2) and setns(2). */
#include "check.h"
#include <grp.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

static unsigned long long caps(const char *which) {
    static char text[8192];
    unsigned long long set = 0;
    get_file("/proc/self/status", text, sizeof text);
    char *at = strstr(text, which);
    sscanf(at ? at + strlen(which) : "0", "%llx", &set);
    return set;
}

static int holds(const char *path, const char *wanted) {
    char text[4096];
    return get_file(path, text, sizeof text) >= 0 && !strcmp(text, wanted);
}

static long number(const char *path) {
    struct stat st;
    return stat(path, &st) ? -1 : (long)st.st_ino;
}

static int tell[2], go[2];

/* A child in new users, unprivileged, that waits until it is told to go on, and does BODY then. */
#define apart(...) ({ pipe(tell); pipe(go); fflush(stdout); pid_t pid_ = fork(); if (!pid_) { char b_; close(go[1]); \
    if (unshare(CLONE_NEWUSER)) { _exit(101); } write(tell[1], "x", 1); read(go[0], &b_, 1); __VA_ARGS__; _exit(0); } \
    char b_; close(tell[1]); close(go[0]); read(tell[0], &b_, 1); pid_; })
static int rejoin(pid_t pid) {
    int status;
    close(go[1]);
    close(tell[0]);
    waitpid(pid, &status, 0);
    return status;
}

/* An unprivileged child: user and group 1000. */
#define as_user(...) in_child({ if (setgroups(0, NULL) || setgid(1000) || setuid(1000)) _exit(100); \
    prctl(PR_SET_DUMPABLE, 1); __VA_ARGS__; })

static int cloned(void *arg) {
    return geteuid() != 65534 || caps("CapEff:") != *(unsigned long long *)arg;
}

static void tests(void) {
    static char stack[65536], path[64], text[256];
    unsigned long long full = caps("CapBnd:");
    struct stat st;
    struct utsname uts;
    int status, uid;
    pid_t pid;

    if (getenv("TELL_CAPS"))
        _exit(caps("CapEff:") ? 51 : 50);

    begin("nobody, and mighty");
    status = as_user({
        if (unshare(CLONE_NEWUSER)) _exit(1);
        if (getuid() != 65534 || geteuid() != 65534 || getgid() != 65534) _exit(2);
        if (caps("CapEff:") != full || caps("CapPrm:") != full || caps("CapBnd:") != full || caps("CapInh:")) _exit(3);
        if (!holds("/proc/self/uid_map", "") || !holds("/proc/self/gid_map", "")) _exit(4);
        if (number("/proc/self/ns/user") == 4026531837) _exit(5);
        if (setuid(0) != -1 || errno != EINVAL) _exit(6);
    });
    is(status, 0);
    works(pid = clone(cloned, stack + sizeof stack, CLONE_NEWUSER | SIGCHLD, &full));
    waitpid(pid, &status, 0);
    is(status, 0);

    begin("maps as they are at first");
    yes(holds("/proc/self/uid_map", "         0          0 4294967295\n"));
    yes(holds("/proc/self/gid_map", "         0          0 4294967295\n"));
    yes(holds("/proc/self/projid_map", "         0          0 4294967295\n"));
    yes(holds("/proc/self/setgroups", "allow\n"));
    works(stat("/proc/self/uid_map", &st));
    is(st.st_mode, S_IFREG | 0644);
    is(try_put("/proc/self/uid_map", "0 0 1"), EPERM);
    is(try_put("/proc/self/setgroups", "deny"), EPERM);
    is(try_put("/proc/self/setgroups", "allow"), 0);

    begin("one's own id");
    status = as_user({
        if (unshare(CLONE_NEWUSER)) _exit(1);
        if (try_put("/proc/self/uid_map", "0 1000 1\n")) _exit(2);
        if (getuid() || geteuid() || getgid() != 65534) _exit(3);
        if (try_put("/proc/self/gid_map", "0 1000 1\n") != EPERM) _exit(4);
        if (try_put("/proc/self/setgroups", "deny") || !holds("/proc/self/setgroups", "deny\n")) _exit(5);
        if (try_put("/proc/self/gid_map", "0 1000 1\n") || getgid()) _exit(6);
        if (!holds("/proc/self/uid_map", "         0       1000          1\n")) _exit(7);
        if (try_put("/proc/self/uid_map", "0 1000 1\n") != EPERM) _exit(8);
        if (try_put("/proc/self/setgroups", "allow") != EPERM) _exit(9);
        if (setgroups(0, NULL) != -1 || errno != EPERM) _exit(10);
        if (setuid(1) != -1 || errno != EINVAL) _exit(11);
        if (stat("/", &st) || st.st_uid != 65534) _exit(12);
        if (stat("/proc/self", &st) || st.st_uid != 0) _exit(13);
    });
    is(status, 0);

    begin("what an unprivileged map may not say");
    status = as_user({
        if (unshare(CLONE_NEWUSER)) _exit(1);
        if (try_put("/proc/self/uid_map", "0 0 1") != EPERM) _exit(2);
        if (try_put("/proc/self/uid_map", "0 1000 2") != EPERM) _exit(3);
        if (try_put("/proc/self/uid_map", "0 1001 1") != EPERM) _exit(4);
        if (try_put("/proc/self/uid_map", "0 1000") != EINVAL) _exit(5);
        if (try_put("/proc/self/uid_map", "0 1000 0") != EINVAL) _exit(6);
        if (try_put("/proc/self/uid_map", "zero 1000 1") != EINVAL) _exit(7);
        if (try_put("/proc/self/uid_map", "0 1000 1 1") != EINVAL) _exit(8);
        if (try_put("/proc/self/uid_map", "0 1000 2\n1 5000 1") != EINVAL) _exit(9);
        int fd = open("/proc/self/uid_map", O_WRONLY);
        if (pwrite(fd, "0 1000 1", 8, 0) != -1 || errno != ESPIPE) _exit(13);
        if (lseek(fd, 1, SEEK_SET) != 1 || write(fd, "0 1000 1", 8) != -1 || errno != EINVAL) _exit(10);
        if (try_put("/proc/self/uid_map", "5 1000 1") || getuid() != 5) _exit(11);
        if (try_put("/proc/self/setgroups", "denyx") != EINVAL || try_put("/proc/self/setgroups", "maybe a lot") != EINVAL) _exit(12);
    });
    is(status, 0);

    begin("a privileged parent maps more");
    pid = apart({
        if (getuid() != 0) _exit(1);
        if (setgroups(2, (gid_t[]){1, 5}) || setgid(7) || setuid(7)) _exit(2);
        if (getuid() != 7 || caps("CapEff:")) _exit(3);
    });
    snprintf(path, sizeof path, "/proc/%d/uid_map", pid);
    is(try_put(path, "0 0 1\n1 100000 10\n"), 0);
    yes(holds(path, "         0          0          1\n         1     100000         10\n"));
    is(try_put(path, "0 0 1"), EPERM);
    snprintf(path, sizeof path, "/proc/%d/gid_map", pid);
    is(try_put(path, "0 0 1\n1 200000 10\n"), 0);
    snprintf(path, sizeof path, "/proc/%d/projid_map", pid);
    is(try_put(path, "0 0 5"), 0);
    status = rejoin(pid);
    is(status, 0);

    begin("ids on files are the kernel's");
    mkdir("/tmp/userns.dir", 0777);
    chmod("/tmp/userns.dir", 0777);
    pid = apart({
        if (setgid(7) || setuid(7)) _exit(1);
        int n = open("/tmp/userns.dir/file", O_RDWR | O_CREAT, 0600);
        if (fstat(n, &st) || st.st_uid != 7 || st.st_gid != 7) _exit(2);
        if (fchown(n, 1000, -1) != -1 || errno != EINVAL) _exit(3);
        if (fchown(n, 3, -1) != -1 || errno != EPERM) _exit(4);
    });
    snprintf(path, sizeof path, "/proc/%d/uid_map", pid);
    is(try_put(path, "0 0 1\n1 100000 10\n"), 0);
    snprintf(path, sizeof path, "/proc/%d/gid_map", pid);
    is(try_put(path, "0 0 1\n1 200000 10\n"), 0);
    is(rejoin(pid), 0);
    works(stat("/tmp/userns.dir/file", &st));
    is(st.st_uid, 100006);
    is(st.st_gid, 200006);
    unlink("/tmp/userns.dir/file");
    rmdir("/tmp/userns.dir");

    begin("mighty there and nowhere else");
    status = as_user({
        if (uname(&uts) || unshare(CLONE_NEWUSER) || try_put("/proc/self/uid_map", "0 1000 1")) _exit(1);
        if (sethostname("x", 1) != -1 || errno != EPERM) _exit(2);
        if (mount("none", "/tmp", "tmpfs", 0, NULL) != -1 || errno != EPERM) _exit(3);
        if (kill(1, 0) != -1 || errno != EPERM) _exit(4);
        if (settimeofday(&(struct timeval){0, 0}, NULL) != -1 || errno != EPERM) _exit(5);
        if (mknod("/tmp/userns.null", S_IFCHR | 0666, 0x103) != -1 || errno != EPERM) _exit(6);
        if (open("/proc/sys/kernel/hostname", O_WRONLY) != -1 || errno != EACCES) _exit(7);
        if (chown("/", 0, -1) != -1 || errno != EPERM) _exit(8);
        if (setpriority(PRIO_PROCESS, 0, -5) != -1 || errno != EACCES) _exit(9);
        if (unshare(CLONE_NEWUTS) || sethostname("inside", 6)) _exit(10);
        if (uname(&uts) || strcmp(uts.nodename, "inside")) _exit(11);
        if (chroot("/tmp")) _exit(12);
    });
    is(status, 0);

    begin("users and the rest in one call");
    status = as_user({
        if (unshare(CLONE_NEWUSER | CLONE_NEWUTS | CLONE_NEWNS) || sethostname("both", 4)) _exit(1);
        int fd = open("/proc/self/ns/uts", O_RDONLY);
        int owner = ioctl(fd, NS_GET_USERNS);
        if (owner < 0 || fstat(owner, &st) || (long)st.st_ino != number("/proc/self/ns/user")) _exit(2);
        if (ioctl(owner, NS_GET_OWNER_UID, &uid) || uid != 65534) _exit(3);
        if (try_put("/proc/self/uid_map", "0 1000 1") || ioctl(owner, NS_GET_OWNER_UID, &uid) || uid) _exit(4);
        if (ioctl(owner, NS_GET_PARENT) != -1 || errno != EPERM) _exit(5);
        fd = open("/proc/self/ns/mnt", O_RDONLY);
        if (setns(fd, CLONE_NEWNS)) _exit(6);
    });
    is(status, 0);

    begin("mounts of one's own");
    status = as_user({
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) _exit(1);
        if (try_put("/proc/self/uid_map", "0 1000 1") || try_put("/proc/self/setgroups", "deny") || try_put("/proc/self/gid_map", "0 1000 1")) _exit(2);
        if (mount("none", "/tmp", "tmpfs", 0, "mode=755")) _exit(3);
        if (stat("/tmp", &st) || st.st_uid || st.st_gid) _exit(4);
        put_file("/tmp/inside", "x");
        if (stat("/tmp/inside", &st) || st.st_uid) _exit(5);
        if (mount("none", "/tmp", "devtmpfs", 0, NULL) != -1 || errno != EPERM) _exit(6);
        if (umount("/proc") != -1 || errno != EINVAL) _exit(7);
        if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) _exit(8);
        if (mount("/tmp", "/tmp", NULL, MS_BIND, NULL) || umount("/tmp")) _exit(9);
        if (mount(NULL, "/tmp", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL)) _exit(10);
        if (open("/tmp/inside", O_RDWR) != -1 || errno != EROFS) _exit(11);
        if (umount("/tmp") || !access("/tmp/inside", F_OK)) _exit(12);
    });
    is(status, 0);

    begin("nothing is made in a mount of users who do not know the maker's group");
    status = as_user({
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) _exit(1);
        if (try_put("/proc/self/uid_map", "0 1000 1")) _exit(2);
        if (mount("none", "/tmp", "tmpfs", 0, "mode=777")) _exit(3);
        if (mkdir("/tmp/inside", 0755) != -1 || errno != EOVERFLOW) _exit(4);
        if (open("/tmp/inside", O_CREAT | O_WRONLY, 0644) != -1 || errno != EOVERFLOW) _exit(5);
        if (open("/tmp", O_TMPFILE | O_WRONLY, 0644) != -1 || errno != EOVERFLOW) _exit(6);
    });
    is(status, 0);

    begin("what came from outside stays as it is");
    mkdir("/tmp/userns.ro", 0755);
    works(mount("none", "/tmp/userns.ro", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, NULL));
    status = as_user({
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) _exit(1);
        if (mount(NULL, "/tmp/userns.ro", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV, NULL) != -1 || errno != EPERM) _exit(2);
        if (mount(NULL, "/tmp/userns.ro", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != -1 || errno != EPERM) _exit(3);
        if (mount(NULL, "/tmp/userns.ro", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL)) _exit(4);
        if (umount("/tmp/userns.ro") != -1 || errno != EINVAL) _exit(5);
        if (umount2("/tmp/userns.ro", MNT_DETACH) != -1 || errno != EINVAL) _exit(6);
        if (mount("/tmp", "/mnt", NULL, MS_BIND, NULL) != -1 || (errno != EINVAL && errno != ENOENT)) _exit(7);
    });
    is(status, 0);
    works(umount("/tmp/userns.ro"));
    rmdir("/tmp/userns.ro");

    begin("one inside another");
    status = as_user({
        if (unshare(CLONE_NEWUSER) || try_put("/proc/self/uid_map", "5 1000 1")) _exit(1);
        if (try_put("/proc/self/setgroups", "deny") || try_put("/proc/self/gid_map", "5 1000 1")) _exit(8);
        int outer = open("/proc/self/ns/user", O_RDONLY);
        if (unshare(CLONE_NEWUSER)) _exit(2);
        if (try_put("/proc/self/uid_map", "0 1000 1") != EPERM) _exit(3);
        if (try_put("/proc/self/uid_map", "0 5 1") || getuid()) _exit(4);
        if (!holds("/proc/self/uid_map", "         0          5          1\n")) _exit(5);
        if (!holds("/proc/self/setgroups", "deny\n")) _exit(6);
        if (setns(outer, CLONE_NEWUSER) != -1 || errno != EPERM) _exit(7);
    });
    is(status, 0);
    status = as_user({
        if (unshare(CLONE_NEWUSER) || unshare(CLONE_NEWUSER) != -1 || errno != EPERM) _exit(1);
    });
    is(status, 0);

    begin("setns");
    pid = apart({});
    snprintf(path, sizeof path, "/proc/%d/uid_map", pid);
    is(try_put(path, "0 0 1\n1000 1000 1\n"), 0);
    snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
    int far = works(open(path, O_RDONLY));
    status = in_child({
        if (setns(far, CLONE_NEWUSER) || number("/proc/self/ns/user") != number(path)) _exit(1);
        if (caps("CapEff:") != full || getuid() != 0) _exit(2);
        if (setns(far, 0) != -1 || errno != EINVAL) _exit(3);
        if (sethostname("x", 1) != -1 || errno != EPERM) _exit(4);
    });
    is(status, 0);
    int own = open("/proc/self/ns/user", O_RDONLY);
    fails(setns(own, 0), EINVAL);
    status = as_user({
        if (setns(far, 0) != -1 || errno != EPERM) _exit(1);
    });
    is(status, 0);
    status = in_child({
        void *enters(void *unused) { return (void *)(long)(unused || setns(far, 0) != -1 || errno != EINVAL || unshare(CLONE_NEWUSER) != -1 || errno != EINVAL); }
        pthread_t thread;
        void *bad = (void *)1;
        pthread_create(&thread, NULL, enters, NULL);
        pthread_join(thread, &bad);
        if (bad) _exit(1);
    });
    is(status, 0);
    int who = syscall(SYS_pidfd_open, pid, 0);
    status = in_child({
        if (setns(who, CLONE_NEWUSER | CLONE_NEWUTS) || number("/proc/self/ns/user") != number(path)) _exit(2);
    });
    is(status, 0);
    close(who);
    is(rejoin(pid), 0);

    begin("not from a chroot, nor with CLONE_FS");
    status = in_child({
        if (chroot("/tmp") || unshare(CLONE_NEWUSER) != -1 || errno != EPERM) _exit(1);
    });
    is(status, 0);
    fails(clone(cloned, stack + sizeof stack, CLONE_NEWUSER | CLONE_FS | SIGCHLD, &full), EINVAL);

    begin("exec keeps what root has, and only then");
    status = as_user({
        if (unshare(CLONE_NEWUSER)) _exit(1);
        int inner = in_child({ execle("/proc/self/exe", "userns", NULL, (char *[]){"TELL_CAPS=1", NULL}); _exit(9); });
        if (!exited(inner, 50)) _exit(2);
        if (try_put("/proc/self/uid_map", "0 1000 1")) _exit(3);
        inner = in_child({ execle("/proc/self/exe", "userns", NULL, (char *[]){"TELL_CAPS=1", NULL}); _exit(9); });
        if (!exited(inner, 51)) _exit(4);
    });
    is(status, 0);

    begin("who looks into whom");
    pid = apart({});
    snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
    is(readlink(path, text, sizeof text) > 0, 1);
    status = as_user({
        int inner = fork();
        if (!inner) { if (unshare(CLONE_NEWUSER)) _exit(1); pause(); _exit(0); }
        snprintf(path, sizeof path, "/proc/%d/ns/user", inner);
        while (number(path) == number("/proc/self/ns/user")) usleep(1000);
        if (number(path) < 0) _exit(1);
        if (kill(inner, SIGKILL) || waitpid(inner, NULL, 0) != inner) _exit(2);
    });
    is(status, 0);
    status = as_user({
        pid_t outer = getpid();
        int inner = in_child({
            if (unshare(CLONE_NEWUSER)) _exit(1);
            snprintf(path, sizeof path, "/proc/%d/ns/user", outer);
            if (readlink(path, text, sizeof text) != -1 || errno != EACCES) _exit(2);
            if (kill(outer, 0)) _exit(3);
        });
        if (!exited(inner, 0)) _exit(WEXITSTATUS(inner));
    });
    is(status, 0);
    is(rejoin(pid), 0);
}
