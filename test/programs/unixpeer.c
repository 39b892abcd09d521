/* unix(7): whose groups the other end has (SO_PEERGROUPS), and the node of a name (SIOCUNIXFILE). */
#include "check.h"
#include <grp.h>
#include <linux/netlink.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif
#define SIOCUNIXFILE 0x89e0

/* A child that does BODY ends with 0. */
#define well(...) ({ int ended_ = in_child(__VA_ARGS__); exited(ended_, 0); })

static int bound(int kind, const char *path) {
    struct sockaddr_un name = {AF_UNIX, ""};
    strcpy(name.sun_path, path);
    int fd = socket(AF_UNIX, kind, 0);
    if (bind(fd, (void *)&name, sizeof name)) {
        close(fd);
        return -1;
    }
    return fd;
}
static int connected(const char *path) {
    struct sockaddr_un name = {AF_UNIX, ""};
    strcpy(name.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (void *)&name, sizeof name)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The groups that FD's other end has; how many bytes, as the call says. */
static int peer_groups(int fd, gid_t *groups, socklen_t room) {
    socklen_t len = room;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len)) return errno == ERANGE ? -1000 - (int)len : -errno;
    return len;
}

static void groups(void) {
    gid_t wanted[3] = {10, 200, 3000}, got[8] = {0};
    int ends[2];

    begin("SO_PEERGROUPS: no peer");
    int fd = works(socket(AF_UNIX, SOCK_STREAM, 0));
    is(peer_groups(fd, got, sizeof got), -ENODATA);
    is(peer_groups(fd, got, 0), -ENODATA);
    socklen_t len = -1;
    fails(getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, got, &len), EINVAL);
    fails(setsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, wanted, sizeof wanted), ENOPROTOOPT);
    close(fd);
    fd = works(socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT));
    is(peer_groups(fd, got, sizeof got), -ENODATA);
    close(fd);

    for (int kind = SOCK_STREAM; kind <= SOCK_DGRAM; kind++) {
        begin(kind == SOCK_STREAM ? "SO_PEERGROUPS: a pair of streams" : "SO_PEERGROUPS: a pair for datagrams");
        yes(well({
            if (setgroups(3, wanted) || socketpair(AF_UNIX, kind, 0, ends)) _exit(1);
            if (peer_groups(ends[0], got, 0) != -1012 || peer_groups(ends[0], got, 11) != -1012 || got[0]) _exit(2);
            if (peer_groups(ends[0], got, 12) != 12 || memcmp(got, wanted, 12) || got[3]) _exit(3);
            if (setgroups(1, wanted + 1) || peer_groups(ends[1], got, sizeof got) != 12) _exit(4);
            len = 12;
            if (getsockopt(ends[0], SOL_SOCKET, SO_PEERGROUPS, (void *)8, &len) != -1 || errno != EFAULT) _exit(5);
            if (getsockopt(ends[0], SOL_SOCKET, SO_PEERGROUPS, got, (void *)8) != -1 || errno != EFAULT) _exit(6);
        }));
    }

    begin("SO_PEERGROUPS: none");
    yes(well({
        if (setgroups(0, NULL) || socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) _exit(1);
        if (peer_groups(ends[0], got, 0) || peer_groups(ends[0], NULL, 4)) _exit(2);
    }));

    begin("SO_PEERGROUPS: as they were when it listened and connected");
    unlink("/tmp/groups");
    yes(well({
        if (setgroups(2, wanted)) _exit(1);
        int listener = bound(SOCK_STREAM, "/tmp/groups");
        if (listen(listener, 1) || setgroups(1, wanted + 2)) _exit(2);
        int one = connected("/tmp/groups");
        if (one < 0 || setgroups(3, wanted)) _exit(3);
        int other = accept(listener, NULL, NULL);
        if (peer_groups(one, got, sizeof got) != 8 || got[1] != 200) _exit(4);
        if (peer_groups(other, got, sizeof got) != 4 || got[0] != 3000) _exit(5);
    }));
    unlink("/tmp/groups");
}

static void nodes(void) {
    begin("SIOCUNIXFILE: no name in the file system");
    int ends[2];
    int fd = works(socket(AF_UNIX, SOCK_STREAM, 0));
    fails(ioctl(fd, SIOCUNIXFILE, 0), ENOENT);
    struct sockaddr_un abstract = {AF_UNIX, "\0gaon unixpeer"};
    is(bind(fd, (void *)&abstract, sizeof abstract), 0);
    fails(ioctl(fd, SIOCUNIXFILE, 0), ENOENT);
    close(fd);
    works(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
    fails(ioctl(ends[0], SIOCUNIXFILE, 0), ENOENT);
    yes(well({
        if (setuid(1000)) _exit(1);
        if (ioctl(ends[0], SIOCUNIXFILE, 0) != -1 || errno != EPERM) _exit(2);
    }));
    close(ends[0]), close(ends[1]);
    fd = works(open("/dev/null", O_RDWR));
    fails(ioctl(fd, SIOCUNIXFILE, 0), ENOTTY);
    close(fd);

    begin("SIOCUNIXFILE: a name");
    unlink("/tmp/node"), unlink("/tmp/renamed");
    int listener = works(bound(SOCK_STREAM, "/tmp/node"));
    is(listen(listener, 2), 0);
    int node = works(ioctl(listener, SIOCUNIXFILE, 0));
    yes(fcntl(node, F_GETFL) & O_PATH);
    is(fcntl(node, F_GETFD), FD_CLOEXEC);
    struct stat by_name, by_node;
    is(stat("/tmp/node", &by_name), 0);
    is(fstat(node, &by_node), 0);
    yes(S_ISSOCK(by_node.st_mode) && by_node.st_ino == by_name.st_ino && by_node.st_dev == by_name.st_dev);
    char link[64], path[64] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", node);
    works(readlink(link, path, sizeof path));
    is(strcmp(path, "/tmp/node"), 0);
    fails(read(node, path, 1), EBADF);
    close(node);

    begin("SIOCUNIXFILE: who was accepted has the listener's");
    int one = works(connected("/tmp/node"));
    int other = works(accept(listener, NULL, NULL));
    fails(ioctl(one, SIOCUNIXFILE, 0), ENOENT);
    node = works(ioctl(other, SIOCUNIXFILE, 0));
    is(fstat(node, &by_node), 0);
    is(by_node.st_ino, by_name.st_ino);
    close(node);
    close(one);

    begin("SIOCUNIXFILE: another name by now, and none");
    is(rename("/tmp/node", "/tmp/renamed"), 0);
    node = works(ioctl(listener, SIOCUNIXFILE, 0));
    snprintf(link, sizeof link, "/proc/self/fd/%d", node);
    memset(path, 0, sizeof path);
    works(readlink(link, path, sizeof path));
    is(strcmp(path, "/tmp/renamed"), 0);
    close(node);
    is(unlink("/tmp/renamed"), 0);
    node = works(ioctl(listener, SIOCUNIXFILE, 0));
    is(fstat(node, &by_node), 0);
    yes(by_node.st_nlink == 0 && by_node.st_ino == by_name.st_ino);
    close(node);
    close(other);
    close(listener);

    begin("SIOCUNIXFILE: no number left");
    unlink("/tmp/node");
    listener = works(bound(SOCK_DGRAM, "/tmp/node"));
    yes(well({
        struct rlimit none = {listener + 1, listener + 1};
        setrlimit(RLIMIT_NOFILE, &none);
        if (ioctl(listener, SIOCUNIXFILE, 0) != -1 || errno != EMFILE) _exit(1);
    }));
    close(listener);
    unlink("/tmp/node");

    begin("a name keeps its mount busy");
    yes(well({
        mkdir("/tmp/mounted", 0755);
        if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) _exit(1);
        if (mount("tmpfs", "/tmp/mounted", "tmpfs", 0, NULL)) _exit(2);
        fd = bound(SOCK_DGRAM, "/tmp/mounted/name");
        if (fd < 0 || umount("/tmp/mounted") != -1 || errno != EBUSY) _exit(3);
        close(fd);
        if (umount("/tmp/mounted")) _exit(4);
    }));
    rmdir("/tmp/mounted");
}

static void tests(void) {
    groups();
    nodes();
}
