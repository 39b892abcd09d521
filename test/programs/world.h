/* What calls made up by a program meet: a file system of their own, a descriptor of each kind there is, and the table of all
   calls with good arguments for each (calls.h). */
#ifndef WORLD_H
#define WORLD_H
#include "check.h"
#include <dirent.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <sys/epoll.h>
#include <linux/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/timex.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <termios.h>
#include <sys/utsname.h>
#include <utime.h>

/* What an argument is, and so which lies there are about it. */
enum kind {
    NOTHING, /* the call takes no more */
    VALUE,   /* a number that stays as it is */
    IN,      /* memory the call reads */
    OUT,     /* memory the call writes */
    ADDRESS, /* a page's, of which the call changes nothing itself */
    STRING,  /* text that ends in a nought, but no path */
    PATH,    /* a path */
    FD,      /* a descriptor */
    LENGTH,  /* bytes */
    COUNT,   /* of things */
    VECTOR   /* an iovec array of two */
};
struct arg {
    enum kind kind;
    long value; /* the good one; for memory the object it is filled from, or none */
    long size;  /* of memory */
};
/* How a call is treated. */
enum {
    SHOW = 1,     /* what it returns is the same on every kernel */
    NO_GOOD = 2,  /* with good arguments it would wait, or end the machine */
    UNTRIED = 4,  /* it takes nothing that can lie, or never comes back */
    LEAVES = 8    /* it leaves the files as they are */
};
struct call {
    const char *name;
    int nr, how;
    struct arg args[6];
};

#define PAGE 4096
static char template[PAGE];
static void fill_template(void) {
    for (int i = 0; i < PAGE - 1; i++)
        template[i] = "line of text\n"[i % 13];
}

enum { FILE_FD = 10, DIR_FD, PATH_FD, PIPE_IN, PIPE_OUT, NULL_FD, READ_FD, WRITE_FD, EVENT_FD, EPOLL_FD, TIMER_FD, MASTER_FD,
       TTY_FD, SIGNAL_FD, INOTIFY_FD, LAST_FD, PROC_FD = LAST_FD, SOCKET_FD, QUEUE_FD };

#include "calls.h"

static void at(int want, int fd) {
    if (fd < 0)
        return;
    dup3(fd, want, O_CLOEXEC);
    close(fd);
}
/* One descriptor of each kind, at a number of its own; none of them waits. */
static void open_all(void) {
    int p[2];
    sigset_t none;
    sigemptyset(&none);
    at(FILE_FD, open("file", O_RDWR));
    at(DIR_FD, open(".", O_RDONLY | O_DIRECTORY));
    at(PATH_FD, open("file", O_PATH));
    works(pipe2(p, O_NONBLOCK));
    (void)!write(p[1], "in the pipe", 11);
    fcntl(p[1], F_DUPFD_CLOEXEC, 40); /* stays open, else end of file */
    fcntl(p[0], F_DUPFD_CLOEXEC, 40);
    at(PIPE_IN, p[0]);
    at(PIPE_OUT, p[1]);
    at(NULL_FD, open("/dev/null", O_RDWR));
    at(READ_FD, open("file", O_RDONLY));
    at(WRITE_FD, open("file", O_WRONLY));
    at(EVENT_FD, eventfd(0, EFD_NONBLOCK));
    at(EPOLL_FD, epoll_create1(0));
    at(TIMER_FD, timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (master >= 0 && !unlockpt(master)) {
        int tty = open(ptsname(master), O_RDWR | O_NOCTTY | O_NONBLOCK);
        at(TTY_FD, tty);
    }
    at(MASTER_FD, master);
    at(PROC_FD, open("/proc/version", O_RDONLY));
    at(SOCKET_FD, socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT));
    at(QUEUE_FD, syscall(SYS_mq_open, "pointers", O_RDWR | O_CREAT | O_NONBLOCK, 0600, &queue_attributes));
    at(INOTIFY_FD, inotify_init1(IN_NONBLOCK));
    at(SIGNAL_FD, signalfd(-1, &none, SFD_NONBLOCK));
}

static int world_stands;
/* A fresh file system with what the paths name. */
static void build_world(void) {
    char name[32], target[32];
    if (world_stands)
        return;
    world_stands = 1;
    mkdir("world", 0755);
    works(mount("world", "world", "tmpfs", 0, NULL));
    works(chdir("world"));
    put_file("file", template);
    works(mkdir("folder", 0755));
    works(mkdir("empty", 0755));
    put_file("folder/inner", "x");
    works(symlink("file", "link"));
    works(symlink("missing", "dangling"));
    works(symlink("loop", "loop"));
    /* l1 is a link to the file, l2 a link to l1, ...; d1 to the folder */
    for (int i = 1; i <= 41; i++) {
        snprintf(name, sizeof name, "l%d", i);
        snprintf(target, sizeof target, "l%d", i - 1);
        works(symlink(i == 1 ? "file" : target, name));
        name[0] = target[0] = 'd';
        works(symlink(i == 1 ? "folder" : target, name));
    }
}
static void drop_world(void) {
    if (!world_stands)
        return;
    works(chdir(".."));
    umount2("world", MNT_DETACH);
    world_stands = 0;
}
#endif
