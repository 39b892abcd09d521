// POSIX message queues (mq_overview(7)): names, attributes, order, permissions, limits, the file system, namespaces.
// test: smp=2 limit=120
#include "mq.h"
#include <sys/mount.h>
#include <sys/statfs.h>

static long knob(const char *name) {
    char path[100], text[40];
    snprintf(path, sizeof path, "/proc/sys/fs/mqueue/%s", name);
    yes(get_file(path, text, sizeof text) > 0);
    return atol(text);
}
static int set_knob(const char *name, long value) {
    char path[100], text[40];
    snprintf(path, sizeof path, "/proc/sys/fs/mqueue/%s", name);
    int fd = works(open(path, O_WRONLY));
    long n = snprintf(text, sizeof text, "%ld\n", value);
    long wrote = write(fd, text, n);
    int error = errno;
    close(fd);
    errno = error;
    return wrote == n ? 0 : -1;
}
static long raw_open(const char *name, int flags) { return syscall(SYS_mq_open, name, flags, 0600, NULL); }

static void names(void) {
    begin("names");
    fails(mq_open("no_slash", O_RDONLY), EINVAL);
    fails(mq_open("/", O_RDONLY), ENOENT);
    fails(mq_open("/nowhere", O_RDONLY), ENOENT);
    fails(mq_open("/a/b", O_RDWR | O_CREAT, 0600, NULL), EACCES);
    fails(mq_open("/..", O_RDWR | O_CREAT, 0600, NULL), EACCES);
    fails(mq_open("/.", O_RDWR | O_CREAT, 0600, NULL), EACCES);
    char name[5000];
    memset(name, 'n', sizeof name);
    name[0] = '/';
    name[257] = 0;
    fails(mq_open(name, O_RDWR | O_CREAT, 0600, NULL), ENAMETOOLONG);
    name[257] = 'n';
    name[4999] = 0;
    fails(mq_open(name, O_RDWR | O_CREAT, 0600, NULL), ENAMETOOLONG);
    name[256] = 0;
    mqd_t q = works(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL));
    works(mq_close(q));
    works(mq_unlink(name));
    fails(raw_open("", O_RDONLY), ENOENT);
    fails(raw_open("/slash", O_RDWR | O_CREAT), EACCES);
    fails(raw_open(NULL, O_RDONLY), EFAULT);
    fails(raw_open((void *)-1, O_RDONLY), EFAULT);
    fails(mq_unlink("/nowhere"), ENOENT);
    fails(syscall(SYS_mq_unlink, "a/b"), EACCES);
    fails(syscall(SYS_mq_unlink, ""), ENOENT);
    fails(syscall(SYS_mq_unlink, "."), EACCES);
    name[256] = 'n';
    fails(mq_unlink(name), ENAMETOOLONG);
    fails(syscall(SYS_mq_unlink, NULL), EFAULT);

    begin("a queue lives as long as a name or a descriptor");
    q = made("/lives", 2, 16);
    fails(mq_open("/lives", O_RDWR | O_CREAT | O_EXCL, 0600, NULL), EEXIST);
    works(mq_send(q, "one", 3, 0));
    works(mq_close(q));
    q = works(mq_open("/lives", O_RDWR));
    is(get(q, NULL), 3);
    works(mq_send(q, "two", 3, 0));
    works(mq_unlink("/lives"));
    fails(mq_open("/lives", O_RDONLY), ENOENT);
    is(get(q, NULL), 3);
    mqd_t other = made("/lives", 1, 1);
    struct mq_attr a;
    works(mq_getattr(q, &a));
    is(a.mq_msgsize, 16);
    works(mq_close(other));
    works(mq_unlink("/lives"));
    is(fcntl(q, F_GETFD), FD_CLOEXEC);
    works(mq_close(q));
    fails(mq_close(q), EBADF);
}

static void attributes(void) {
    begin("attributes");
    mqd_t q = works(mq_open("/plain", O_RDWR | O_CREAT | O_NONBLOCK, 0600, NULL));
    struct mq_attr a = {.mq_maxmsg = -1}, b;
    works(mq_getattr(q, &a));
    is(a.mq_maxmsg, 10);
    is(a.mq_msgsize, 8192);
    is(a.mq_flags, O_NONBLOCK);
    is(a.mq_curmsgs, 0);
    works(mq_send(q, "x", 1, 3));
    works(mq_getattr(q, &a));
    is(a.mq_curmsgs, 1);
    struct mq_attr set = {.mq_flags = 0, .mq_maxmsg = 99, .mq_msgsize = 99, .mq_curmsgs = 99};
    works(mq_setattr(q, &set, &b));
    is(b.mq_flags, O_NONBLOCK);
    works(mq_getattr(q, &a));
    is(a.mq_flags, 0);
    is(a.mq_maxmsg, 10);
    is(fcntl(q, F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_RDWR);
    set.mq_flags = O_NONBLOCK | O_APPEND;
    fails(mq_setattr(q, &set, NULL), EINVAL);
    fails(mq_getattr(-1, &a), EBADF);
    fails(mq_getattr(0, &a), EBADF);
    fails(syscall(SYS_mq_getsetattr, q, 1, NULL), EFAULT);
    fails(syscall(SYS_mq_getsetattr, q, NULL, 1), EFAULT);
    is(syscall(SYS_mq_getsetattr, q, NULL, NULL), 0);
    works(mq_close(q));
    works(mq_unlink("/plain"));

    begin("attributes that no queue can have");
    long pairs[][2] = {{0, 8}, {8, 0}, {-1, 8}, {8, -1}, {65537, 8}, {8, 16777217}, {LONG_MAX, LONG_MAX}};
    for (unsigned i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct mq_attr bad = {.mq_maxmsg = pairs[i][0], .mq_msgsize = pairs[i][1]};
        fails(mq_open("/bad", O_RDWR | O_CREAT, 0600, &bad), EINVAL);
    }
    fails(syscall(SYS_mq_open, "bad", O_RDWR | O_CREAT, 0600, 1), EFAULT);
    fails(mq_open("/bad", O_RDONLY), ENOENT);
}

static void order(void) {
    begin("priorities, and first in first out within one");
    mqd_t q = nameless(10, 16);
    const char *sent[] = {"a1", "b5", "c1", "d9", "e5", "f0", "g9", "h1"};
    for (int i = 0; i < 8; i++)
        works(mq_send(q, sent[i], 3, sent[i][1] - '0'));
    const char *wanted[] = {"d9", "g9", "b5", "e5", "a1", "c1", "h1", "f0"};
    for (int i = 0; i < 8; i++) {
        unsigned priority = 77;
        is(get(q, &priority), 3);
        is(priority, wanted[i][1] - '0');
        is(strcmp(big, wanted[i]), 0);
    }
    works(mq_send(q, "", 0, 32767));
    fails(mq_send(q, "", 0, 32768), EINVAL);
    unsigned priority = 0;
    is(get(q, &priority), 0);
    is(priority, 32767);

    begin("sizes and pointers");
    nonblocking(q, 1);
    works(mq_send(q, "sixteen bytes....", 16, 0));
    fails(mq_send(q, "seventeen bytes..", 17, 0), EMSGSIZE);
    fails(mq_send(q, big, (size_t)-1, 0), EMSGSIZE);
    fails(mq_receive(q, big, 15, NULL), EMSGSIZE);
    is(mq_receive(q, big, 16, NULL), 16);
    fails(mq_receive(q, big, 16, NULL), EAGAIN);
    fails(mq_receive(q, big, 15, NULL), EMSGSIZE);
    fails(mq_send(q, (void *)1, 16, 0), EFAULT);
    works(mq_send(q, (void *)1, 0, 0));
    is(get(q, NULL), 0);
    works(mq_send(q, "lost", 4, 0));
    fails(mq_receive(q, (void *)1, 16, NULL), EFAULT);
    works(mq_send(q, "lost", 4, 0));
    fails(mq_receive(q, big, 16, (void *)1), EFAULT);
    fails(mq_receive(q, big, 16, NULL), EAGAIN);
    fails(mq_send(-1, "x", 1, 0), EBADF);
    fails(mq_send(1, "x", 1, 0), EBADF);
    int zero = open("/dev/zero", O_RDWR);
    fails(mq_send(zero, "x", 1, 0), EBADF);
    fails(mq_receive(zero, big, 1, NULL), EBADF);
    close(zero);
    works(mq_close(q));

    begin("a large message");
    q = nameless(2, 65536);
    for (int i = 0; i < 65536; i++)
        big[i] = i * 7 + i / 256;
    works(mq_send(q, big, 65536, 0));
    memset(big, 0, sizeof big);
    is(mq_receive(q, big, sizeof big, NULL), 65536);
    int same = 1;
    for (int i = 0; i < 65536; i++)
        same &= big[i] == (char)(i * 7 + i / 256);
    yes(same);
    works(mq_close(q));
}

static void rights(void) {
    begin("access by open mode");
    mqd_t q = made("/mode", 2, 8);
    works(mq_close(q));
    mqd_t in = works(mq_open("/mode", O_RDONLY)), out = works(mq_open("/mode", O_WRONLY));
    fails(mq_send(in, "x", 1, 0), EBADF);
    fails(mq_receive(out, big, 8, NULL), EBADF);
    fails(mq_open("/mode", O_ACCMODE), EINVAL);
    works(mq_send(out, "x", 1, 0));
    is(mq_receive(in, big, 8, NULL), 1);
    works(mq_close(in));
    works(mq_close(out));
    works(mq_unlink("/mode"));

    begin("permissions");
    umask(027);
    struct mq_attr a = {.mq_maxmsg = 1, .mq_msgsize = 8};
    q = works(mq_open("/perm", O_RDWR | O_CREAT, 0666, &a));
    umask(0);
    struct stat st;
    works(fstat(q, &st));
    is(st.st_mode, S_IFREG | 0640);
    is(st.st_size, 80);
    is(st.st_uid, 0);
    works(fchmod(q, 0604));
    int status = in_child({
        if (setgid(1000) || setuid(1000))
            _exit(1);
        if (mq_open("/perm", O_RDWR) != -1 || errno != EACCES)
            _exit(2);
        if (mq_open("/perm", O_WRONLY) != -1 || errno != EACCES)
            _exit(3);
        mqd_t mine = mq_open("/perm", O_RDONLY);
        if (mine == -1)
            _exit(4);
        // The directory is sticky.
        if (mq_unlink("/perm") != -1 || errno != EACCES)
            _exit(5);
        if (syscall(SYS_mq_unlink, "perm") != -1 || errno != EPERM)
            _exit(6);
        struct mq_attr own = {.mq_maxmsg = 1, .mq_msgsize = 8};
        mqd_t second = mq_open("/own", O_RDWR | O_CREAT | O_EXCL, 0600, &own);
        if (second == -1 || mq_unlink("/own"))
            _exit(7);
        own.mq_maxmsg = 11;
        if (mq_open("/more", O_RDWR | O_CREAT, 0600, &own) != -1 || errno != EINVAL)
            _exit(8);
        own.mq_maxmsg = 10;
        own.mq_msgsize = 8193;
        if (mq_open("/more", O_RDWR | O_CREAT, 0600, &own) != -1 || errno != EINVAL)
            _exit(9);
    });
    yes(exited(status, 0));
    works(mq_close(q));
    works(mq_unlink("/perm"));
    umask(022);
}

static void limits(void) {
    begin("limits of the system");
    is(knob("msg_default"), 10);
    is(knob("msg_max"), 10);
    is(knob("msgsize_default"), 8192);
    is(knob("msgsize_max"), 8192);
    is(knob("queues_max"), 256);
    fails(set_knob("msg_max", 0), EINVAL);
    fails(set_knob("msg_max", 65537), EINVAL);
    fails(set_knob("msgsize_max", 127), EINVAL);
    fails(set_knob("msgsize_max", 16777217), EINVAL);
    fails(set_knob("msg_default", 0), EINVAL);
    fails(set_knob("msgsize_default", 1), EINVAL);
    works(set_knob("msg_default", 3));
    works(set_knob("msgsize_default", 200));
    struct mq_attr a;
    mqd_t q = works(mq_open("/usual", O_RDWR | O_CREAT, 0600, NULL));
    works(mq_getattr(q, &a));
    is(a.mq_maxmsg, 3);
    is(a.mq_msgsize, 200);
    works(mq_close(q));
    works(mq_unlink("/usual"));
    works(set_knob("msg_max", 2));
    q = works(mq_open("/usual", O_RDWR | O_CREAT, 0600, NULL));
    works(mq_getattr(q, &a));
    is(a.mq_maxmsg, 2);
    works(mq_close(q));
    works(mq_unlink("/usual"));
    works(set_knob("msg_max", 10));
    works(set_knob("msg_default", 10));
    works(set_knob("msgsize_default", 8192));

    begin("how many queues there may be");
    works(set_knob("queues_max", 2));
    int status = in_child({
        if (setuid(1000))
            _exit(1);
        struct mq_attr one = {.mq_maxmsg = 1, .mq_msgsize = 1};
        mqd_t first = mq_open("/q1", O_RDWR | O_CREAT, 0600, &one);
        if (first == -1 || mq_open("/q2", O_RDWR | O_CREAT, 0600, &one) == -1)
            _exit(2);
        if (mq_open("/q3", O_RDWR | O_CREAT, 0600, &one) != -1 || errno != ENOSPC)
            _exit(3);
        // A queue counts until its last descriptor is closed.
        if (mq_unlink("/q1") || mq_open("/q3", O_RDWR | O_CREAT, 0600, &one) != -1 || errno != ENOSPC)
            _exit(4);
        if (mq_close(first) || mq_open("/q3", O_RDWR | O_CREAT, 0600, &one) == -1)
            _exit(5);
        if (mq_unlink("/q2") || mq_unlink("/q3"))
            _exit(6);
    });
    yes(exited(status, 0));
    mqd_t some[3];
    for (int i = 0; i < 3; i++)
        some[i] = nameless(1, 1);
    for (int i = 0; i < 3; i++)
        works(mq_close(some[i]));
    works(set_knob("queues_max", 256));

    begin("without a descriptor to be had none is made");
    status = in_child({
        struct rlimit none = {0, 64};
        if (setrlimit(RLIMIT_NOFILE, &none))
            _exit(1);
        if (mq_open("/nofile", O_RDWR | O_CREAT, 0600, NULL) != -1 || errno != EMFILE)
            _exit(2);
        // The descriptor comes before all but the copy of the name.
        if (mq_open("/nowhere", O_RDWR) != -1 || errno != EMFILE)
            _exit(3);
        if (mq_unlink("/nofile") != -1 || errno != ENOENT)
            _exit(4);
    });
    yes(exited(status, 0));

    begin("bytes of a user's queues (RLIMIT_MSGQUEUE)");
    status = in_child({
        // A message counts 48 bytes and its size, each priority that can be had 48 more.
        struct rlimit l = {10 * (8192 + 96) + 1 * (100 + 96), 819200};
        if (setrlimit(RLIMIT_MSGQUEUE, &l) || setuid(1001))
            _exit(1);
        struct mq_attr ten = {.mq_maxmsg = 10, .mq_msgsize = 8192}, one = {.mq_maxmsg = 1, .mq_msgsize = 100};
        mqd_t first = mq_open("/l1", O_RDWR | O_CREAT, 0600, &ten);
        if (first == -1)
            _exit(2);
        one.mq_msgsize = 101;
        if (mq_open("/l2", O_RDWR | O_CREAT, 0600, &one) != -1 || errno != EMFILE)
            _exit(3);
        one.mq_msgsize = 100;
        if (mq_open("/l2", O_RDWR | O_CREAT, 0600, &one) == -1)
            _exit(4);
        if (mq_open("/l3", O_RDWR | O_CREAT, 0600, &one) != -1 || errno != EMFILE)
            _exit(5);
        if (mq_unlink("/l1") || mq_open("/l3", O_RDWR | O_CREAT, 0600, &one) != -1 || errno != EMFILE)
            _exit(6);
        if (mq_close(first) || mq_open("/l3", O_RDWR | O_CREAT, 0600, &one) == -1)
            _exit(7);
        if (mq_unlink("/l2") || mq_unlink("/l3"))
            _exit(8);
    });
    yes(exited(status, 0));
}

static void file_system(void) {
    begin("the file system");
    works(mkdir("/tmp/mq", 0700));
    works(mount("none", "/tmp/mq", "mqueue", 0, NULL));
    struct statfs fs;
    works(statfs("/tmp/mq", &fs));
    is(fs.f_type, 0x19800202);
    is(fs.f_namelen, 255);
    struct stat st;
    works(stat("/tmp/mq", &st));
    is(st.st_mode, S_IFDIR | 01777);
    mqd_t q = made("/seen", 4, 16);
    works(mq_send(q, "abc", 3, 1));
    works(mq_send(q, "de", 2, 1));
    char text[200];
    is(get_file("/tmp/mq/seen", text, sizeof text), 60);
    is(strcmp(text, "QSIZE:5          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n"), 0);
    works(stat("/tmp/mq/seen", &st));
    is(st.st_mode, S_IFREG | 0600);
    is(st.st_size, 80);
    int fd = works(open("/tmp/mq/seen", O_RDWR));
    fails(write(fd, "x", 1), EINVAL);
    is(get(fd, NULL), 3);
    close(fd);
    works(unlink("/tmp/mq/seen"));
    fails(mq_open("/seen", O_RDWR), ENOENT);
    is(get(q, NULL), 2);
    works(mq_close(q));
    fd = works(open("/tmp/mq/byhand", O_CREAT | O_RDWR | O_EXCL, 0640));
    struct mq_attr a;
    works(mq_getattr(fd, &a));
    is(a.mq_maxmsg, 10);
    close(fd);
    q = works(mq_open("/byhand", O_RDWR));
    works(mq_close(q));
    fails(mkdir("/tmp/mq/dir", 0700), EPERM);
    fails(symlink("x", "/tmp/mq/link"), EPERM);
    fails(link("/tmp/mq/byhand", "/tmp/mq/other"), EPERM);
    fails(rename("/tmp/mq/byhand", "/tmp/mq/other"), EPERM);
    fails(mknod("/tmp/mq/fifo", S_IFIFO | 0600, 0), EPERM);
    works(mq_unlink("/byhand"));
    fails(access("/tmp/mq/byhand", F_OK), ENOENT);
    works(umount("/tmp/mq"));
    works(rmdir("/tmp/mq"));
    is(access("/dev/mqueue", F_OK), 0);
    works(statfs("/dev/mqueue", &fs));
    is(fs.f_type, 0x19800202);
}

static void namespaces(void) {
    begin("queues are an IPC namespace's own");
    mqd_t q = made("/outer", 2, 8);
    works(set_knob("msg_default", 7));
    int status = in_child({
        if (unshare(CLONE_NEWIPC | CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
            _exit(1);
        if (mq_open("/outer", O_RDWR) != -1 || errno != ENOENT)
            _exit(2);
        if (knob("msg_default") != 10 || set_knob("msg_default", 3))
            _exit(3);
        if (mq_send(q, "outside", 8, 0))
            _exit(4);
        if (mkdir("/tmp/inner", 0700) || mount("none", "/tmp/inner", "mqueue", 0, NULL))
            _exit(5);
        if (mq_open("/inner", O_RDWR | O_CREAT, 0600, NULL) == -1 || access("/tmp/inner/inner", F_OK))
            _exit(6);
        if (!access("/tmp/inner/outer", F_OK) || access("/dev/mqueue/outer", F_OK))
            _exit(7);
    });
    yes(exited(status, 0));
    is(get(q, NULL), 8);
    is(knob("msg_default"), 7);
    works(set_knob("msg_default", 10));
    fails(mq_open("/inner", O_RDWR), ENOENT);
    works(mq_close(q));
    works(mq_unlink("/outer"));
    rmdir("/tmp/inner");
}

static void tests(void) {
    names();
    attributes();
    order();
    rights();
    limits();
    file_system();
    namespaces();
}
