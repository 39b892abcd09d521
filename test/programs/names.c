/* Names: links, rename, folders, symbolic links, permissions, times, the *at calls. */
#include "check.h"
#include <dirent.h>
#include <linux/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static int count_entries(const char *path) {
    DIR *d = opendir(path);
    if (!d)
        return -1;
    int n = 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}
static void touch(const char *path) { close(open(path, O_CREAT | O_WRONLY, 0644)); }

static void tests(void) {
    struct stat st, st2;
    char text[300], path[300];
    int fd, status;
    umask(022);

    begin("hard links share an inode");
    put_file("a", "text");
    works(link("a", "b"));
    stat("a", &st);
    stat("b", &st2);
    is(st.st_ino, st2.st_ino);
    is(st.st_nlink, 2);
    works(unlink("a"));
    stat("b", &st);
    is(st.st_nlink, 1);
    fails(link("none", "c"), ENOENT);
    fails(link("b", "b"), EEXIST);
    mkdir("d", 0755);
    fails(link("d", "e"), EPERM);
    fails(unlink("none"), ENOENT);
    fails(unlink("d"), EISDIR);

    begin("symbolic links");
    works(symlink("b", "s"));
    is(readlink("s", text, sizeof text), 1);
    is(readlink("s", text, 0), -1);
    lstat("s", &st);
    yes(S_ISLNK(st.st_mode));
    is(st.st_size, 1);
    stat("s", &st2);
    yes(S_ISREG(st2.st_mode));
    fails(readlink("b", text, sizeof text), EINVAL);
    fails(symlink("x", "s"), EEXIST);
    fails(symlink("", "empty"), ENOENT);
    fails(open("s", O_RDONLY | O_NOFOLLOW), ELOOP);
    fails(open("s", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    works(symlink("nowhere", "dangling"));
    fails(stat("dangling", &st), ENOENT);
    works(lstat("dangling", &st));
    fd = works(open("dangling", O_CREAT | O_RDWR, 0600));
    close(fd);
    works(stat("nowhere", &st));

    begin("40 links are followed, 41 are too many, circles too");
    touch("l0");
    for (int i = 1; i <= 41; i++) {
        char from[20], to[20];
        snprintf(from, sizeof from, "l%d", i);
        snprintf(to, sizeof to, "l%d", i - 1);
        works(symlink(to, from));
    }
    works(stat("l40", &st));
    fails(stat("l41", &st), ELOOP);
    works(symlink("x2", "x1"));
    works(symlink("x1", "x2"));
    fails(open("x1", O_RDONLY), ELOOP);

    begin("folders: make, remove, counts");
    works(mkdir("m", 0777));
    stat("m", &st);
    is(st.st_mode, S_IFDIR | 0755);
    is(st.st_nlink, 2);
    works(mkdir("m/n", 0700));
    stat("m", &st);
    is(st.st_nlink, 3);
    fails(mkdir("m", 0777), EEXIST);
    fails(mkdir("none/x", 0777), ENOENT);
    fails(mkdir("b/x", 0777), ENOTDIR);
    fails(rmdir("m"), ENOTEMPTY);
    fails(rmdir("b"), ENOTDIR);
    fails(rmdir("none"), ENOENT);
    fails(rmdir("."), EINVAL);
    fails(rmdir("m/n/.."), ENOTEMPTY);
    fails(rmdir("/"), EBUSY);
    works(rmdir("m/n"));
    works(rmdir("m/"));

    begin("a removed folder that someone is in");
    works(mkdir("gone", 0755));
    status = in_child({
        chdir("gone");
        rmdir("../gone");
        if (open("x", O_CREAT | O_RDWR, 0600) != -1 || errno != ENOENT) _exit(1);
        if (getcwd(text, sizeof text) || errno != ENOENT) _exit(2);
        if (count_entries(".") != 0) _exit(3);
    });
    yes(exited(status, 0));

    begin("rename: over files, folders, itself");
    put_file("r1", "one");
    put_file("r2", "two");
    works(rename("r1", "r2"));
    fails(stat("r1", &st), ENOENT);
    get_file("r2", text, sizeof text);
    is(strcmp(text, "one"), 0);
    works(rename("r2", "r2"));
    works(mkdir("rd", 0755));
    works(mkdir("rd/sub", 0755));
    fails(rename("r2", "rd"), EISDIR);
    fails(rename("rd", "r2"), ENOTDIR);
    fails(rename("rd", "rd/sub/x"), EINVAL);
    fails(rename("rd/sub", "rd"), ENOTEMPTY);
    works(mkdir("re", 0755));
    works(rename("rd", "re"));
    works(stat("re/sub", &st));
    fails(rename("none", "x"), ENOENT);
    fails(rename("re", "."), EBUSY);
    link("r2", "r3");
    works(rename("r2", "r3"));
    works(stat("r2", &st));

    begin("renameat2: NOREPLACE and EXCHANGE");
    put_file("p1", "1");
    put_file("p2", "22");
    fails(syscall(SYS_renameat2, AT_FDCWD, "p1", AT_FDCWD, "p2", 1), EEXIST);
    works(syscall(SYS_renameat2, AT_FDCWD, "p1", AT_FDCWD, "p2", 2));
    stat("p1", &st);
    is(st.st_size, 2);
    fails(syscall(SYS_renameat2, AT_FDCWD, "p1", AT_FDCWD, "p2", 3), EINVAL);
    fails(syscall(SYS_renameat2, AT_FDCWD, "p1", AT_FDCWD, "none", 2), ENOENT);

    begin("many names in one folder");
    works(mkdir("many", 0755));
    for (int i = 0; i < 2000; i++) {
        snprintf(path, sizeof path, "many/file-%d", i);
        touch(path);
    }
    is(count_entries("many"), 2002);
    for (int i = 0; i < 2000; i += 2) {
        snprintf(path, sizeof path, "many/file-%d", i);
        works(unlink(path));
    }
    is(count_entries("many"), 1002);
    DIR *d = opendir("many");
    struct dirent *e;
    int seen = 0;
    while ((e = readdir(d)))
        if (e->d_name[0] != '.') {
            snprintf(path, sizeof path, "many/%.255s", e->d_name);
            yes(e->d_type == DT_REG);
            seen += unlink(path) == 0;
        }
    closedir(d);
    is(seen, 1000);
    works(rmdir("many"));

    begin("getdents64: small buffers, rewinding, telldir");
    works(mkdir("g", 0755));
    touch("g/one");
    touch("g/two");
    fd = open("g", O_RDONLY);
    fails(syscall(SYS_getdents64, fd, text, 1), EINVAL);
    long bytes = 0, n;
    while ((n = syscall(SYS_getdents64, fd, text, 40)) > 0)
        bytes += n;
    is(n, 0);
    yes(bytes >= 4 * 24);
    lseek(fd, 0, SEEK_SET);
    is(syscall(SYS_getdents64, fd, text, sizeof text), bytes);
    fails(syscall(SYS_getdents64, 0x7fff, text, 100), EBADF);
    int plain = open("b", O_RDONLY);
    fails(syscall(SYS_getdents64, plain, text, 100), ENOTDIR);
    lseek(fd, 0, SEEK_SET);
    fails(syscall(SYS_getdents64, fd, (char *)8, 1000), EFAULT);
    close(plain);

    begin("the *at calls");
    int at = works(openat(fd, "one", O_RDWR));
    close(at);
    works(mkdirat(fd, "sub", 0755));
    works(symlinkat("one", fd, "link"));
    is(readlinkat(fd, "link", text, 10), 3);
    works(linkat(fd, "one", fd, "three", 0));
    works(renameat(fd, "three", AT_FDCWD, "moved"));
    works(fstatat(fd, "link", &st, AT_SYMLINK_NOFOLLOW));
    yes(S_ISLNK(st.st_mode));
    works(fstatat(fd, "", &st, AT_EMPTY_PATH));
    yes(S_ISDIR(st.st_mode));
    fails(fstatat(fd, "", &st, 0), ENOENT);
    works(faccessat(fd, "one", R_OK, 0));
    works(fchmodat(fd, "one", 0600, 0));
    works(fchownat(fd, "one", 1, 2, 0));
    fstatat(fd, "one", &st, 0);
    is(st.st_mode & 07777, 0600);
    is(st.st_uid * 10 + st.st_gid, 12);
    fails(unlinkat(fd, "sub", 0), EISDIR);
    works(unlinkat(fd, "sub", AT_REMOVEDIR));
    fails(unlinkat(fd, "one", AT_REMOVEDIR), ENOTDIR);
    works(unlinkat(fd, "one", 0));
    fails(openat(99, "x", O_RDONLY), EBADF);
    fails(openat(0x7ffffff, "x", O_RDONLY), EBADF);
    works(openat(99, "/", O_RDONLY));
    close(fd);

    begin("chdir, fchdir, getcwd, ..");
    yes(getcwd(path, sizeof path));
    works(chdir("re/sub"));
    yes(getcwd(text, sizeof text));
    yes(!strncmp(text, path, strlen(path)) && !strcmp(text + strlen(path), "/re/sub"));
    fails(syscall(SYS_getcwd, text, 3), ERANGE);
    works(chdir("../.."));
    yes(getcwd(text, sizeof text));
    is(strcmp(text, path), 0);
    fails(chdir("b"), ENOTDIR);
    fails(chdir("none"), ENOENT);
    fd = open("re", O_RDONLY);
    works(fchdir(fd));
    works(chdir(path));
    close(fd);
    stat("/..", &st);
    stat("/", &st2);
    is(st.st_ino, st2.st_ino);

    begin("permissions as another user");
    chmod(".", 0777);
    put_file("secret", "s");
    chmod("secret", 0600);
    put_file("shared", "s");
    chmod("shared", 0640);
    chown("shared", 0, 1000);
    mkdir("closed", 0700);
    touch("closed/x");
    mkdir("sticky", 0777);
    chmod("sticky", 01777);
    touch("sticky/root");
    put_file("suid", "x");
    chown("suid", 1000, 1000);
    chmod("suid", 06755);
    status = in_child({
        if (setgid(1000) || setuid(1000)) _exit(1);
        if (open("secret", O_RDONLY) != -1 || errno != EACCES) _exit(2);
        if (open("shared", O_RDONLY) == -1) _exit(3);
        if (open("shared", O_RDWR) != -1 || errno != EACCES) _exit(4);
        if (stat("closed/x", &st) != -1 || errno != EACCES) _exit(5);
        if (unlink("sticky/root") != -1 || errno != EPERM) _exit(6);
        if (chmod("secret", 0777) != -1 || errno != EPERM) _exit(7);
        if (chown("suid", 0, 0) != -1 || errno != EPERM) _exit(8);
        if (access("secret", R_OK) != -1 || errno != EACCES) _exit(9);
        if (open("mine", O_CREAT | O_RDWR, 0600) == -1) _exit(10);
        if (stat("mine", &st) || st.st_uid != 1000 || st.st_gid != 1000) _exit(11);
        if (mknod("dev", S_IFCHR | 0600, makedev(1, 3)) != -1 || errno != EPERM) _exit(12);
        if (mkdir("closed/y", 0700) != -1 || errno != EACCES) _exit(13);
        if (chroot("/") != -1 || errno != EPERM) _exit(14);
        int f = open("suid", O_WRONLY);
        if (f < 0 || write(f, "y", 1) != 1) _exit(15);
        if (stat("suid", &st) || (st.st_mode & 06000)) _exit(16);
        if (utimes("secret", NULL) != -1 || errno != EACCES) _exit(17);
        if (link("secret", "stolen") == 0 && 0) _exit(18);
    });
    yes(exited(status, 0));
    if (WEXITSTATUS(status))
        is(WEXITSTATUS(status), 0);

    begin("set-group-id folders hand on the group");
    mkdir("sg", 0777);
    chown("sg", 0, 1234);
    chmod("sg", 02777);
    touch("sg/f");
    mkdir("sg/d", 0777);
    stat("sg/f", &st);
    is(st.st_gid, 1234);
    stat("sg/d", &st);
    is(st.st_gid, 1234);
    yes(st.st_mode & S_ISGID);

    begin("chmod, chown, what they change");
    put_file("cm", "x");
    works(chmod("cm", 07777));
    stat("cm", &st);
    is(st.st_mode & 07777, 07777);
    works(chown("cm", 5, -1));
    stat("cm", &st);
    is(st.st_uid, 5);
    is(st.st_gid, 0);
    is(st.st_mode & 06000, 0);
    works(lchown("dangling", 7, 7));
    lstat("dangling", &st);
    is(st.st_uid, 7);

    begin("times");
    struct timespec when[2] = {{1000, 5}, {2000, 7}};
    works(utimensat(AT_FDCWD, "cm", when, 0));
    stat("cm", &st);
    is(st.st_atim.tv_sec, 1000);
    is(st.st_mtim.tv_sec, 2000);
    is(st.st_mtim.tv_nsec, 7);
    when[0].tv_nsec = UTIME_OMIT;
    when[1].tv_nsec = UTIME_NOW;
    works(utimensat(AT_FDCWD, "cm", when, 0));
    stat("cm", &st);
    is(st.st_atim.tv_sec, 1000);
    yes(st.st_mtim.tv_sec > 1000000);
    when[0].tv_nsec = 2000000000;
    fails(utimensat(AT_FDCWD, "cm", when, 0), EINVAL);
    struct timespec before = st.st_mtim;
    pause_ms(20);
    put_file("cm", "longer");
    stat("cm", &st);
    yes(st.st_mtim.tv_sec > before.tv_sec || st.st_mtim.tv_nsec > before.tv_nsec);
    before = st.st_ctim;
    pause_ms(20);
    chmod("cm", 0600);
    stat("cm", &st);
    yes(st.st_ctim.tv_sec > before.tv_sec || st.st_ctim.tv_nsec > before.tv_nsec);

    begin("statx");
    struct statx sx;
    works(syscall(SYS_statx, AT_FDCWD, "cm", 0, STATX_BASIC_STATS, &sx));
    is(sx.stx_size, 6);
    is(sx.stx_mode, S_IFREG | 0600);
    is(sx.stx_ino, st.st_ino);
    is(sx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT, STATX_ATTR_MOUNT_ROOT);
    is(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT, 0);
    works(syscall(SYS_statx, AT_FDCWD, "/proc", 0, STATX_BASIC_STATS, &sx));
    is(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT, STATX_ATTR_MOUNT_ROOT);
    fails(syscall(SYS_statx, AT_FDCWD, "none", 0, STATX_BASIC_STATS, &sx), ENOENT);
    fails(syscall(SYS_statx, AT_FDCWD, "cm", 0, 0x80000000, &sx), EINVAL);

    begin("mknod: devices, fifos");
    works(mknod("nul", S_IFCHR | 0666, makedev(1, 3)));
    fd = works(open("nul", O_RDWR));
    is(write(fd, "x", 1), 1);
    close(fd);
    works(mkfifo("ff", 0644));
    stat("ff", &st);
    yes(S_ISFIFO(st.st_mode));
    works(mknod("plain", S_IFREG | 0600, 0));
    fails(mknod("ff", S_IFIFO | 0600, 0), EEXIST);
    fails(mknod("dir", S_IFDIR | 0600, 0), EPERM);
    works(mknod("nodev", S_IFCHR | 0666, makedev(250, 77)));
    fails(open("nodev", O_RDWR), ENXIO);

    begin("chroot");
    mkdir("root", 0755);
    put_file("root/inside", "x");
    status = in_child({
        if (chroot("root") || chdir("/")) _exit(1);
        if (stat("/inside", &st)) _exit(2);
        if (stat("/../../inside", &st)) _exit(3);
        if (stat("/proc", &st) != -1) _exit(4);
    });
    yes(exited(status, 0));

    begin("open_by nothing: magic links in /proc/self/fd");
    fd = works(open("cm", O_RDONLY));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    n = readlink(path, text, sizeof text - 1);
    yes(n > 3);
    text[n > 0 ? n : 0] = 0;
    yes(!strcmp(text + n - 3, "/cm"));
    int again = works(open(path, O_RDONLY));
    fstat(again, &st2);
    stat("cm", &st);
    is(st2.st_ino, st.st_ino);
    unlink("cm");
    n = readlink(path, text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    yes(strstr(text, " (deleted)") != NULL);
}
