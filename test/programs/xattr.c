// test: limit=120
/* Extended attributes on tmpfs (xattr(7)), and what security.capability gives to programs (capabilities(7)). */
#include "check.h"
#include <linux/capability.h>
#include <sys/auxv.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/xattr.h>

#define BIG 65536

static char *big, top[64];

static const char *in_top(const char *name) {
    static char path[4][128];
    static int turn;
    char *at = path[turn++ % 4];
    snprintf(at, 128, "%s/%s", top, name);
    return at;
}

/* As nobody, who has no capability. */
#define as_user(...) in_child({ if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000)) _exit(100); __VA_ARGS__; })

static void values(void) {
    const char *file = in_top("values");
    char buf[64], *volatile bad = (char *)16;
    put_file(file, "x");

    begin("what was set is there");
    works(setxattr(file, "trusted.one", "value", 5, 0));
    is(getxattr(file, "trusted.one", buf, sizeof buf), 5);
    yes(!memcmp(buf, "value", 5));
    is(getxattr(file, "trusted.one", NULL, 0), 5);
    is(getxattr(file, "trusted.one", buf, 5), 5);
    fails(getxattr(file, "trusted.one", buf, 4), ERANGE);
    fails(getxattr(file, "trusted.one", bad, 5), EFAULT);
    fails(getxattr(file, "trusted.on", buf, sizeof buf), ENODATA);
    fails(getxattr(file, "trusted.one.", buf, sizeof buf), ENODATA);
    int fd = works(open(file, O_RDWR));
    works(fsetxattr(fd, "security.two", "", 0, 0));
    is(fgetxattr(fd, "security.two", buf, sizeof buf), 0);
    works(fsetxattr(fd, "security.two", "zwei", 4, 0));
    is(getxattr(file, "security.two", buf, sizeof buf), 4);
    close(fd);

    begin("XATTR_CREATE and XATTR_REPLACE");
    fails(setxattr(file, "trusted.one", "", 0, XATTR_CREATE), EEXIST);
    fails(setxattr(file, "trusted.new", "", 0, XATTR_REPLACE), ENODATA);
    fails(setxattr(file, "trusted.one", "", 0, XATTR_REPLACE | XATTR_CREATE), EEXIST);
    fails(setxattr(file, "trusted.new", "", 0, XATTR_REPLACE | XATTR_CREATE), ENODATA);
    fails(setxattr(file, "trusted.one", "", 0, 4), EINVAL);
    works(setxattr(file, "trusted.new", "n", 1, XATTR_CREATE));
    works(setxattr(file, "trusted.one", "v", 1, XATTR_REPLACE));
    is(getxattr(file, "trusted.one", buf, sizeof buf), 1);

    begin("the list");
    is(listxattr(file, NULL, 0), 12 + 13 + 12);
    is(listxattr(file, buf, sizeof buf), 37);
    yes(!memcmp(buf, "trusted.new\0security.two\0trusted.one", 37));
    is(listxattr(file, buf, 37), 37);
    fails(listxattr(file, buf, 36), ERANGE);
    fails(listxattr(file, (void *)16, 37), EFAULT);
    works(removexattr(file, "security.two"));
    fails(removexattr(file, "security.two"), ENODATA);
    is(listxattr(file, buf, sizeof buf), 24);

    begin("names and sizes that cannot be");
    char name[300];
    memset(name, 'a', sizeof name);
    memcpy(name, "trusted.", 8);
    name[255] = 0;
    works(setxattr(file, name, "", 0, 0));
    works(removexattr(file, name));
    name[255] = 'a';
    name[256] = 0;
    fails(setxattr(file, name, "", 0, 0), ERANGE);
    fails(getxattr(file, name, buf, sizeof buf), ERANGE);
    fails(setxattr(file, "", "", 0, 0), ERANGE);
    fails(setxattr(file, NULL, "", 0, 0), EFAULT);
    fails(setxattr(file, "trusted.", "", 0, 0), EINVAL);
    fails(setxattr(file, "security.", "", 0, 0), EINVAL);
    fails(setxattr(file, "nothing.here", "", 0, 0), EOPNOTSUPP);
    fails(getxattr(file, "nothing", buf, sizeof buf), EOPNOTSUPP);
    fails(setxattr(file, "user.mine", "", 0, 0), EOPNOTSUPP);
    fails(setxattr(file, "trusted.big", big, BIG + 1, 0), E2BIG);
    fails(setxattr(file, "trusted.big", (void *)16, 8, 0), EFAULT);
    works(setxattr(file, "trusted.big", big, BIG, 0));
    is(getxattr(file, "trusted.big", big, BIG), BIG);
    fails(getxattr(in_top("absent"), "trusted.one", buf, 1), ENOENT);
    fails(fgetxattr(-1, "trusted.one", buf, 1), EBADF);
    fd = works(open(file, O_PATH));
    fails(fgetxattr(fd, "trusted.one", buf, 1), EBADF);
    close(fd);

    begin("all kinds of files have them");
    works(mkdir(in_top("dir"), 0755));
    works(symlink("values", in_top("link")));
    works(mkfifo(in_top("fifo"), 0600));
    works(setxattr(in_top("dir"), "trusted.d", "dir", 3, 0));
    works(lsetxattr(in_top("link"), "trusted.l", "link", 4, 0));
    works(setxattr(in_top("fifo"), "trusted.f", "fifo", 4, 0));
    is(lgetxattr(in_top("link"), "trusted.l", buf, sizeof buf), 4);
    fails(getxattr(in_top("link"), "trusted.l", buf, sizeof buf), ENODATA);
    is(getxattr(in_top("link"), "trusted.one", buf, sizeof buf), 1);
    is(getxattr(in_top("dir"), "trusted.d", buf, sizeof buf), 3);
    is(llistxattr(in_top("link"), buf, sizeof buf), 10);
    fails(lsetxattr(in_top("link"), "user.l", "", 0, 0), EPERM);
    fails(lgetxattr(in_top("link"), "user.l", buf, 8), ENODATA);
    works(lremovexattr(in_top("link"), "trusted.l"));
    is(llistxattr(in_top("link"), buf, sizeof buf), 0);
    works(rename(in_top("dir"), in_top("moved")));
    is(getxattr(in_top("moved"), "trusted.d", buf, sizeof buf), 3);

    begin("and some have none");
    fails(getxattr("/proc/self/stat", "trusted.p", buf, 8), EOPNOTSUPP);
    fails(setxattr("/proc/self/stat", "trusted.p", "", 0, 0), EOPNOTSUPP);
    is(listxattr("/proc/self/stat", buf, 8), 0);

    begin("a watcher is told");
    int watch = works(inotify_init1(IN_NONBLOCK));
    works(inotify_add_watch(watch, file, IN_ATTRIB));
    works(setxattr(file, "trusted.one", "w", 1, 0));
    works(removexattr(file, "trusted.one"));
    struct inotify_event events[4];
    /* The second is the first again, so they are one. */
    is(read(watch, events, sizeof events), sizeof *events);
    is(events[0].mask, IN_ATTRIB);
    close(watch);
}

static void rights(void) {
    const char *file = in_top("rights");
    char buf[64];
    put_file(file, "x");
    chmod(file, 0644);
    works(setxattr(file, "trusted.secret", "s", 1, 0));
    works(setxattr(file, "security.label", "l", 1, 0));

    begin("without privilege");
    int status = as_user({
        if (getxattr(file, "trusted.secret", buf, 8) != -1 || errno != ENODATA) _exit(1);
        if (setxattr(file, "trusted.secret", "", 0, 0) != -1 || errno != EPERM) _exit(2);
        if (removexattr(file, "trusted.secret") != -1 || errno != EPERM) _exit(3);
        if (getxattr(file, "security.label", buf, 8) != 1) _exit(4);
        if (listxattr(file, buf, sizeof buf) != 15 || strcmp(buf, "security.label")) _exit(7);
        if (setxattr(file, "user.u", "", 0, 0) != -1 || errno != EACCES) _exit(8);
        if (setxattr(file, "security.capability", buf, 20, 0) != -1 || errno != EINVAL) _exit(9);
    });
    is(WEXITSTATUS(status), 0);

    begin("what is kept for security modules needs privilege");
    struct utsname name;
    uname(&name);
    if (!strstr(name.release, "gaon")) { /* with lsm=bpf in its list, Linux 6.1 forgets to ask */
        skip("Debian's kernel has BPF among its security modules");
        return;
    }
    status = as_user({
        if (setxattr(file, "security.label", "", 0, 0) != -1 || errno != EPERM) _exit(1);
        if (removexattr(file, "security.label") != -1 || errno != EPERM) _exit(2);
    });
    is(WEXITSTATUS(status), 0);
}

/* What capset(8) would write: revision 2, these permitted, perhaps effective. */
static struct vfs_cap_data given(uint32_t permitted, uint32_t inheritable, int effective) {
    struct vfs_cap_data data = {.magic_etc = VFS_CAP_REVISION_2 | (effective ? VFS_CAP_FLAGS_EFFECTIVE : 0)};
    data.data[0].permitted = permitted;
    data.data[0].inheritable = inheritable;
    return data;
}

static unsigned long long caps(const char *line) {
    char text[4096], *at;
    get_file("/proc/self/status", text, sizeof text);
    at = strstr(text, line);
    return at ? strtoull(at + strlen(line), NULL, 16) : ~0ULL;
}

/* What a program with capabilities says of itself: permitted, effective, AT_SECURE. */
__attribute__((constructor)) static void tell_caps(int argc, char **argv) {
    if (argc != 2 || strcmp(argv[1], "tell"))
        return;
    char text[64];
    int len = snprintf(text, sizeof text, "%llx %llx %lu", caps("CapPrm:"), caps("CapEff:"), getauxval(AT_SECURE));
    (void)!write(1, text, len);
    _exit(0);
}

static char said[64];
/* Runs the program as uid 1000, after BODY; what it said. */
#define says(program, ...) ({ int p_[2]; (void)!pipe(p_); int s_ = in_child({ dup2(p_[1], 1); __VA_ARGS__; \
    if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000)) _exit(100); \
    execl(program, "xattr", "tell", NULL); _exit(errno); }); \
    close(p_[1]); ssize_t n_ = read(p_[0], said, 63); said[n_ < 0 ? 0 : n_] = 0; close(p_[0]); \
    if (!exited(s_, 0)) snprintf(said, sizeof said, "error %d", WEXITSTATUS(s_)); said; })

static void copy(const char *from, const char *to) {
    int in = works(open(from, O_RDONLY)), out = works(open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755));
    char buf[8192];
    for (ssize_t n; (n = read(in, buf, sizeof buf)) > 0;)
        (void)!write(out, buf, n);
    close(in);
    close(out);
}

static void programs(void) {
    const char *program = in_top("program");
    struct vfs_cap_data data = given(1 << CAP_CHOWN | 1 << CAP_KILL, 0, 1);
    char buf[64];
    copy("/proc/self/exe", program);

    begin("a value of security.capability that says nothing");
    fails(setxattr(program, "security.capability", &data, 19, 0), EINVAL);
    fails(setxattr(program, "security.capability", &data, 12, 0), EINVAL);
    data.magic_etc = 0x04000000;
    fails(setxattr(program, "security.capability", &data, 20, 0), EINVAL);

    begin("an empty one is taken, and nobody can run the program");
    works(setxattr(program, "security.capability", "", 0, 0));
    yes(!strcmp(says(program, ), "error 22"));
    works(removexattr(program, "security.capability"));

    begin("a program without capabilities has none");
    yes(!strcmp(says(program, ), "0 0 0"));

    begin("a program is given capabilities");
    data = given(1 << CAP_CHOWN | 1 << CAP_KILL, 0, 1);
    works(setxattr(program, "security.capability", &data, sizeof data, 0));
    is(getxattr(program, "security.capability", buf, sizeof buf), 20);
    yes(!memcmp(buf, &data, 20));
    yes(!strcmp(says(program, ), "21 21 1"));
    data = given(1 << CAP_CHOWN, 0, 0);
    works(setxattr(program, "security.capability", &data, sizeof data, 0));
    yes(!strcmp(says(program, ), "1 0 1"));

    begin("no_new_privs keeps them away");
    yes(!strcmp(says(program, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)), "0 0 0"));

    begin("the bounding set limits them");
    yes(!strcmp(says(program, prctl(PR_CAPBSET_DROP, CAP_CHOWN)), "0 0 0"));
    data = given(1 << CAP_CHOWN, 0, 1);
    works(setxattr(program, "security.capability", &data, sizeof data, 0));
    yes(!strcmp(says(program, prctl(PR_CAPBSET_DROP, CAP_CHOWN)), "error 1"));

    begin("set-user-ID root and capabilities: the capabilities");
    works(chown(program, 0, 0));
    works(setxattr(program, "security.capability", &data, sizeof data, 0));
    works(chmod(program, 04755));
    yes(!strcmp(says(program, ), "1 1 1"));
    works(chmod(program, 0755));

    begin("to write, to cut and to give away takes them");
    int fd = works(open(program, O_RDWR));
    is(pwrite(fd, "\177", 1, 0), 1);
    fails(getxattr(program, "security.capability", buf, sizeof buf), ENODATA);
    works(setxattr(program, "security.capability", &data, sizeof data, 0));
    works(ftruncate(fd, lseek(fd, 0, SEEK_END)));
    fails(getxattr(program, "security.capability", buf, sizeof buf), ENODATA);
    close(fd);
    works(setxattr(program, "security.capability", &data, sizeof data, 0));
    works(chown(program, 1000, 1000));
    fails(getxattr(program, "security.capability", buf, sizeof buf), ENODATA);
    works(setxattr(program, "security.capability", &data, sizeof data, 0));
    works(chmod(program, 0700));
    is(getxattr(program, "security.capability", buf, sizeof buf), 20);
    close(works(open(program, O_WRONLY | O_TRUNC)));
    fails(getxattr(program, "security.capability", buf, sizeof buf), ENODATA);
}

static void tests(void) {
    big = malloc(BIG + 1);
    memset(big, 7, BIG + 1);
    mkdir("/tmp", 01777);
    snprintf(top, sizeof top, "/tmp/xattr.XXXXXX");
    works(mkdtemp(top) ? 0 : -1);
    chmod(top, 0755);
    values();
    rights();
    programs();
}
