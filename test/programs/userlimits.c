/* Limits of user namespaces: /proc/sys/user of namespaces(7), counted as user_namespaces(7) has them nest. */
// test: limit=60
#include "fan.h"
#include <dirent.h>
#include <linux/capability.h>
#include <sys/inotify.h>
#include <sys/prctl.h>

#define USER "/proc/sys/user/"
#define GROUPS USER "max_fanotify_groups"
#define MARKS USER "max_fanotify_marks"
#define INSTANCES USER "max_inotify_instances"
#define WATCHES USER "max_inotify_watches"

static const struct { const char *name; int flag; } kinds[] = {
    {USER "max_user_namespaces", CLONE_NEWUSER}, {USER "max_uts_namespaces", CLONE_NEWUTS},
    {USER "max_ipc_namespaces", CLONE_NEWIPC}, {USER "max_mnt_namespaces", CLONE_NEWNS},
    {USER "max_pid_namespaces", CLONE_NEWPID},
};
static const struct { const char *own, *first; } twins[] = {
    {GROUPS, "/proc/sys/fs/fanotify/max_user_groups"}, {MARKS, "/proc/sys/fs/fanotify/max_user_marks"},
    {INSTANCES, "/proc/sys/fs/inotify/max_user_instances"}, {WATCHES, "/proc/sys/fs/inotify/max_user_watches"},
};
#define COUNT(a) (sizeof(a) / sizeof *(a))

static long value(const char *path) {
    char text[64];
    return get_file(path, text, sizeof text) > 0 ? atol(text) : -1;
}
static int set(const char *path, long number) {
    char text[32];
    snprintf(text, sizeof text, "%ld\n", number);
    return try_put(path, text);
}

/* A child's check: it ends there if it fails. */
#define must(e) do { if (!(e)) { check_fail(__LINE__, #e, 0, "true", errno); _exit(1); } } while (0)
/* A child that is nobody's friend: user and group UID. */
#define as(uid, ...) do { int status_ = in_child({ must(!setgid(uid) && !setuid(uid)); __VA_ARGS__; }); \
    yes(exited(status_, 0)); } while (0)
/* What ends on its own time ends at last. */
#define at_last(e) ({ int ok_ = 0; for (int i_ = 0; i_ < 500 && !(ok_ = (e)); i_++) pause_ms(20); ok_; })

/* A new user namespace in which this process is root. */
static int alone(void) {
    char users[32], groups[32];
    snprintf(users, sizeof users, "0 %d 1", (int)geteuid());
    snprintf(groups, sizeof groups, "0 %d 1", (int)getegid());
    prctl(PR_SET_DUMPABLE, 1); // its files are root's after setuid(2)
    if (unshare(CLONE_NEWUSER)) return errno;
    return try_put("/proc/self/setgroups", "deny") || try_put("/proc/self/uid_map", users) || try_put("/proc/self/gid_map", groups);
}
static int group(void) { return fan_init(FAN_REPORT_FID, O_RDONLY); }
static int queues[64];
/* How many of these there can be; they stay. -1: it was not for the limit. */
static int groups(void) {
    int n = 0;
    while (n < 64 && (queues[n] = group()) >= 0) n++;
    return n < 64 && errno == EMFILE ? n : -1;
}
static int instances(void) {
    int n = 0;
    while (n < 64 && (queues[n] = inotify_init1(0)) >= 0) n++;
    return n < 64 && errno == EMFILE ? n : -1;
}
static void end(int n) {
    while (n--) close(queues[n]);
}

static void files(void) {
    begin("the first namespace has the limits of the files of old");
    for (unsigned i = 0; i < COUNT(twins); i++) {
        long old = value(twins[i].own);
        yes(old > 0);
        is(value(twins[i].first), old);
        is(set(twins[i].own, 77), 0);
        is(value(twins[i].first), 77);
        is(set(twins[i].first, old), 0);
        is(value(twins[i].own), old);
    }
    for (unsigned i = 0; i < COUNT(kinds); i++)
        yes(value(kinds[i].name) > 0);

    begin("a new one has none");
    as(1000, must(!alone());
        for (unsigned i = 0; i < COUNT(twins); i++) must(value(twins[i].own) == INT_MAX);
        for (unsigned i = 0; i < COUNT(kinds); i++) must(value(kinds[i].name) == INT_MAX);
        must(value(twins[0].first) == 128));

    begin("each has its own");
    as(1000, must(!alone() && !set(GROUPS, 9) && value(GROUPS) == 9 && !alone() && value(GROUPS) == INT_MAX);
        must(!set(GROUPS, 12) && value(GROUPS) == 12));
    is(value(GROUPS), 128);

    begin("an open file stays that of its namespace");
    as(1000, must(!alone() && !set(GROUPS, 9));
        int fd = open(GROUPS, O_RDWR);
        must(fd >= 0 && !alone() && value(GROUPS) == INT_MAX);
        char text[16] = "";
        must(read(fd, text, 15) == 2 && !strcmp(text, "9\n")));

    begin("what can be written");
    as(1000, must(!alone());
        must(!try_put(GROUPS, "0") && value(GROUPS) == 0);
        must(!try_put(GROUPS, " 2147483647\n") && value(GROUPS) == INT_MAX);
        must(!try_put(GROUPS, "5"));
        must(try_put(GROUPS, "x") == EINVAL && value(GROUPS) == 5);
        must(try_put(GROUPS, "2147483648") == EINVAL && value(GROUPS) == 5));

    begin("who may write");
    struct stat st;
    works(stat(GROUPS, &st));
    is(st.st_mode, S_IFREG | 0644);
    is(st.st_uid, 0);
    as(1000, must(value(GROUPS) == 128 && try_put(GROUPS, "5") == EACCES));
    as(1000, must(!alone() && !set(GROUPS, 5));
        struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct data[2] = {{.effective = ~(1u << CAP_SYS_RESOURCE), .permitted = ~0u},
            {.effective = ~0u, .permitted = ~0u}};
        struct __user_cap_data_struct had[2];
        must(!syscall(SYS_capget, &head, had));
        for (int i = 0; i < 2; i++) data[i].effective &= had[i].permitted, data[i].permitted = had[i].permitted;
        must(!syscall(SYS_capset, &head, data));
        must(value(GROUPS) == 5 && try_put(GROUPS, "6") == EACCES);
        must(try_put("/proc/sys/fs/fanotify/max_user_groups", "6") == EACCES));
    is(in_child({ must(!alone() && !set(GROUPS, 5) && value(twins[0].first) == 128); }), 0);
    check_end();
}

static void notification(void) {
    begin("groups of fanotify");
    as(1000, must(!alone() && !set(GROUPS, 3));
        must(groups() == 3 && !close(queues[1]));
        must((queues[1] = group()) >= 0 && group() < 0 && errno == EMFILE);
        must(!set(GROUPS, 1) && value(GROUPS) == 1 && group() < 0);
        end(3);
        must(groups() == 1));
    begin("marks of fanotify");
    as(1000, must(!alone() && !set(MARKS, 2));
        int fd = group();
        int other = group();
        must(!fan_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "a") && !fan_mark(fd, FAN_MARK_ADD, FAN_CLOSE, AT_FDCWD, "a"));
        must(!fan_mark(other, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "a"));
        must(fan_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "b") && errno == ENOSPC);
        must(!fan_mark(fd, FAN_MARK_REMOVE, FAN_OPEN | FAN_CLOSE, AT_FDCWD, "a"));
        must(!fan_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "b"));
        must(fan_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "a") && errno == ENOSPC);
        close(fd);
        must(at_last(!fan_mark(other, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "b"))));
    begin("queues of inotify");
    as(1000, must(!alone() && !set(INSTANCES, 3));
        must(instances() == 3 && !close(queues[1]));
        must((queues[1] = inotify_init1(0)) >= 0 && inotify_init1(0) < 0 && errno == EMFILE));
    begin("watches of inotify");
    as(1000, must(!alone() && !set(WATCHES, 2));
        int fd = inotify_init1(0);
        int wd = inotify_add_watch(fd, "a", IN_OPEN);
        must(wd > 0 && inotify_add_watch(fd, "a", IN_CLOSE) == wd && inotify_add_watch(fd, "b", IN_OPEN) > 0);
        must(inotify_add_watch(fd, "c", IN_OPEN) < 0 && errno == ENOSPC);
        must(!inotify_rm_watch(fd, wd) && at_last(inotify_add_watch(fd, "c", IN_OPEN) > 0)));

    begin("who is counted is the effective user");
    is(set(GROUPS, 2), 0);
    is(set(INSTANCES, 2), 0);
    is(in_child({ must(!setresuid(1003, 1004, 0)); must(groups() == 2 && instances() == 2);
        must(!in_child({ must(!setresuid(0, 0, 0) && !setresuid(1003, 1003, 1003)); must(groups() == 2 && instances() == 2); }));
        must(!setresuid(0, 0, 0) && !setresuid(1004, 1004, 1004) && group() < 0 && inotify_init1(0) < 0); }), 0);
    is(set(GROUPS, 128), 0);
    is(set(INSTANCES, 128), 0);
    check_end();
}

static void nesting(void) {
    begin("the limits around count as well");
    is(set(GROUPS, 4), 0);
    as(1000, must(!alone() && groups() == 4));
    as(1000, must(group() >= 0 && !alone() && group() >= 0 && !alone() && groups() == 2));
    is(set(GROUPS, 128), 0);
    as(1000, must(!alone() && !set(GROUPS, 2) && !alone() && groups() == 2); end(2);
        must(!set(GROUPS, 1) && groups() == 1));
    as(1000, must(!alone() && !set(MARKS, 1) && !alone());
        int fd = group();
        must(!fan_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "a"));
        must(fan_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "b") && errno == ENOSPC));

    begin("a refusal further out counts nowhere");
    is(set(GROUPS, 1), 0);
    as(1000, must(!alone() && !set(GROUPS, 2));
        int fd = group();
        for (int i = 0; i < 5; i++) must(group() < 0 && errno == EMFILE);
        close(fd);
        must(group() >= 0 && group() < 0));
    is(set(GROUPS, 128), 0);

    begin("who owns the namespace is counted around it");
    is(set(GROUPS, 3), 0);
    int ready[2], go[2];
    char byte;
    works(pipe(ready));
    works(pipe(go));
    pid_t pid = fork();
    if (pid == 0) {
        must(!setgid(1000) && !setuid(1000) && !unshare(CLONE_NEWUSER));
        must(write(ready[1], "x", 1) == 1 && read(go[0], &byte, 1) == 1);
        must(!setuid(0) && group() >= 0 && !setuid(1) && groups() == 2);
        must(write(ready[1], "x", 1) == 1 && read(go[0], &byte, 1) == 1);
        _exit(0);
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/uid_map", pid);
    is(read(ready[0], &byte, 1), 1);
    is(try_put(path, "0 1000 2"), 0);
    is(write(go[1], "x", 1), 1);
    is(read(ready[0], &byte, 1), 1);
    as(1000, must(group() < 0 && errno == EMFILE));
    as(1001, must(groups() == 3));
    is(write(go[1], "x", 1), 1);
    int status;
    is(waitpid(pid, &status, 0), pid);
    yes(exited(status, 0));
    as(1000, must(groups() == 3));
    is(set(GROUPS, 128), 0);

    begin("whose namespace it was made in pays to the end");
    as(1000, must(!alone() && !set(MARKS, 1));
        int fd = group();
        must(!in_child({ must(!alone() && !fan_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "a")); }));
        must(fan_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "b") && errno == ENOSPC);
        must(!fan_mark(fd, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL));
        must(at_last(!fan_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "b"))));
    check_end();
}

/* One more of a kind, for as long as a child lives: 0 or its errno. */
static int one(int flag) {
    int status = in_child({ _exit(unshare(flag) ? errno : 0); });
    return WEXITSTATUS(status);
}

static void namespaces(void) {
    static char name[64];
    for (unsigned i = 0; i < COUNT(kinds); i++) {
        int flag = kinds[i].flag, none = flag == CLONE_NEWPID;
        const char *file = kinds[i].name;
        snprintf(name, sizeof name, "%s", file + strlen(USER));
        begin(name);
        as(1000, must(!alone() && !set(file, 0) && unshare(flag) && errno == ENOSPC);
            must(one(flag) == ENOSPC && one(flag) == ENOSPC);
            must(!set(file, 1) && one(flag) == 0);
            for (int n = 0; n < 3; n++) must(at_last(one(flag) == 0));
            int held;
            pid_t pid = waiting_child(&held, must(at_last(!unshare(flag))));
            must(one(flag) == ENOSPC);
            close(held);
            must(waitpid(pid, NULL, 0) == pid && at_last(one(flag) == 0));
            if (!none && flag != CLONE_NEWUSER) {
                must(at_last(!unshare(flag)));
                must(unshare(flag) && errno == ENOSPC && !set(file, 2) && !unshare(flag));
            });
        begin("the same, around");
        as(1000, must(!alone() && !set(file, 1) && unshare(flag | CLONE_NEWUSER) == 0);
            if (flag != CLONE_NEWUSER && !none) must(unshare(flag) && errno == ENOSPC);
            must(flag != CLONE_NEWUSER || (unshare(flag) && errno == ENOSPC)));
    }
    begin("a refused call gives all back");
    as(1000, must(!alone() && !set(USER "max_user_namespaces", 1) && !set(USER "max_uts_namespaces", 0));
        must(!set(USER "max_ipc_namespaces", 1));
        for (int i = 0; i < 3; i++)
            must(at_last(unshare(CLONE_NEWUSER | CLONE_NEWIPC | CLONE_NEWUTS) && errno == ENOSPC));
        must(at_last(!unshare(CLONE_NEWIPC)) && at_last(!unshare(CLONE_NEWUSER))));
    begin("the first namespace limits its own");
    long old = value(USER "max_user_namespaces");
    is(set(USER "max_user_namespaces", 2), 0);
    as(1010, must(!alone() && !alone() && unshare(CLONE_NEWUSER) && errno == ENOSPC));
    as(1010, must(at_last(!unshare(CLONE_NEWUSER))));
    is(set(USER "max_user_namespaces", old), 0);
    check_end();
}

static void tests(void) {
    works(chdir("/tmp"));
    chmod("/tmp", 01777);
    put_file("a", "");
    put_file("b", "");
    put_file("c", "");
    files();
    notification();
    nesting();
    namespaces();
    begin("nothing is left counted");
    static const char *const limits[] = {GROUPS, MARKS, INSTANCES, WATCHES, USER "max_user_namespaces"};
    long before[5];
    for (int i = 0; i < 5; i++) {
        before[i] = value(limits[i]);
        is(set(limits[i], 1), 0);
    }
    as(1000, must(at_last(groups() == 1));
        int fan = queues[0];
        must(at_last(instances() == 1));
        int fd = queues[0];
        must(at_last(inotify_add_watch(fd, "a", IN_OPEN) > 0));
        must(at_last(!fan_mark(fan, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "a")));
        must(at_last(!unshare(CLONE_NEWUSER))));
    for (int i = 0; i < 5; i++) /* other tests come after this one */
        is(set(limits[i], before[i]), 0);
}
