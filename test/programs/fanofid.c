/* fanotify(7) that names files by handles: FAN_REPORT_FID and its kin, changes of directories; name_to_handle_at(2) and
   open_by_handle_at(2). */
// test: limit=120
#include "fan.h"

#define ALL (FAN_OPEN | FAN_CLOSE | FAN_MODIFY | FAN_ATTRIB | FAN_CREATE | FAN_DELETE | FAN_MOVE | FAN_DELETE_SELF | FAN_MOVE_SELF | \
    FAN_ONDIR | FAN_EVENT_ON_CHILD)

static void use(const char *path) {
    int fd = open(path, O_RDWR);
    (void)!write(fd, "x", 1);
    close(fd);
}

/* What happens in a directory, as a group with FLAGS tells it of MARKED. */
static void round_of(const char *name, unsigned flags, unsigned how, unsigned long mask, const char *marked) {
    char text[128];
    snprintf(text, sizeof text, "%s", name);
    fresh(flags, O_RDONLY);
    works(mark(FAN_MARK_ADD | how, mask, marked));
#define SAY(what) (snprintf(text, sizeof text, "%s; %s", name, what), told(text))
    touch("m/d/new"), know("m/d/new", "new"), SAY("made");
    use("m/d/new"), SAY("used");
    chmod("m/d/new", 0640), SAY("chmod");
    link("m/d/new", "m/d/other"), SAY("linked");
    unlink("m/d/other"), SAY("a name removed");
    rename("m/d/new", "m/d/newer"), SAY("renamed");
    rename("m/d/newer", "m/e/moved"), SAY("moved");
    touch("m/d/victim"), know("m/d/victim", "victim"), rename("m/e/moved", "m/d/victim"), SAY("moved over another");
    mkdir("m/d/sub", 0700), know("m/d/sub", "sub"), SAY("mkdir");
    close(open("m/d/sub", O_RDONLY)), SAY("a directory opened");
    rename("m/d/sub", "m/d/subs"), SAY("a directory renamed");
    symlink("x", "m/d/link"), SAY("symlink");
    touch("m/d/one"), know("m/d/one", "one"), touch("m/d/two"), SAY("two made");
    renameat2(AT_FDCWD, "m/d/one", AT_FDCWD, "m/d/two", RENAME_EXCHANGE), SAY("exchanged");
    unlink("m/d/one"), unlink("m/d/two"), unlink("m/d/link"), SAY("removed");
    rmdir("m/d/subs"), SAY("rmdir");
    int fd = open("m/d/victim", O_RDONLY);
    unlink("m/d/victim"), SAY("removed while open");
    close(fd), SAY("and closed");
    known_count = 3;
}

static void handles(void) {
    struct { struct file_handle h; unsigned char room[128]; } at = {.h = {.handle_bytes = 0}}, none;
    int id = -1, fd;
    begin("handles");
    fails(name_to_handle_at(AT_FDCWD, "m/f", &at.h, &id, 0), EOVERFLOW);
    yes(at.h.handle_bytes > 0 && at.h.handle_bytes <= 128);
    yes(id > 0);
    works(name_to_handle_at(AT_FDCWD, "m/f", &at.h, &id, 0));
    fails(name_to_handle_at(AT_FDCWD, "m/f", &at.h, &id, 0x100000), EINVAL);
    fails(name_to_handle_at(AT_FDCWD, "m/nothing", &at.h, &id, 0), ENOENT);
    fails(name_to_handle_at(AT_FDCWD, "", &at.h, &id, 0), ENOENT);
    fails(name_to_handle_at(99, "f", &at.h, &id, 0), EBADF);
    fails(name_to_handle_at(AT_FDCWD, "m/f", (void *)8, &id, 0), EFAULT);
    fails(name_to_handle_at(AT_FDCWD, "m/f", &at.h, (void *)8, 0), EFAULT);
    fails(name_to_handle_at(AT_FDCWD, "/proc/self/status", &at.h, &id, 0), EOPNOTSUPP);
    none.h.handle_bytes = 129;
    fails(name_to_handle_at(AT_FDCWD, "m/f", &none.h, &id, 0), EINVAL);
    int m = works(open("m", O_RDONLY));
    works(name_to_handle_at(m, "f", &at.h, &id, 0));
    works(fd = open_by_handle_at(m, &at.h, O_RDWR));
    struct stat a, b;
    fstat(fd, &a), stat("m/f", &b);
    is(a.st_ino, b.st_ino);
    is(a.st_dev, b.st_dev);
    char text[8] = "";
    is(read(fd, text, 4), 4);
    is(strcmp(text, "text"), 0);
    none.h.handle_bytes = 128;
    works(name_to_handle_at(fd, "", &none.h, &id, AT_EMPTY_PATH));
    is(memcmp(none.h.f_handle, at.h.f_handle, at.h.handle_bytes), 0);
    close(fd);
    rename("m/f", "m/e/g");
    works(fd = open_by_handle_at(m, &at.h, O_RDONLY | O_CLOEXEC));
    is(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    fails(open_by_handle_at(m, &at.h, O_RDONLY | O_DIRECTORY), ENOTDIR);
    rename("m/e/g", "m/f");
    none.h.handle_bytes = 128;
    works(name_to_handle_at(AT_FDCWD, "m/link", &none.h, &id, 0));
    fails(open_by_handle_at(m, &none.h, O_RDONLY), ELOOP);
    works(fd = open_by_handle_at(m, &none.h, O_PATH));
    close(fd);
    none.h.handle_bytes = 128;
    works(name_to_handle_at(AT_FDCWD, "m/link", &none.h, &id, AT_SYMLINK_FOLLOW));
    is(none.h.handle_bytes, at.h.handle_bytes);
    is(memcmp(none.h.f_handle, at.h.f_handle, at.h.handle_bytes), 0);
    none.h.handle_bytes = 128;
    works(name_to_handle_at(AT_FDCWD, "m/d", &none.h, &id, 0));
    works(fd = open_by_handle_at(m, &none.h, O_RDONLY | O_DIRECTORY));
    close(fd);
    fails(open_by_handle_at(m, &none.h, O_RDWR), EISDIR);
    fails(open_by_handle_at(99, &at.h, O_RDONLY), EBADF);
    fails(open_by_handle_at(m, (void *)8, O_RDONLY), EFAULT);
    none.h.handle_bytes = 0;
    fails(open_by_handle_at(m, &none.h, O_RDONLY), EINVAL);
    none.h.handle_bytes = 129;
    fails(open_by_handle_at(m, &none.h, O_RDONLY), EINVAL);
    none = at;
    memset(none.h.f_handle, 0x5a, none.h.handle_bytes);
    fails(open_by_handle_at(m, &none.h, O_RDONLY), ESTALE);
    int status = in_child({
        if (setuid(1000)) _exit(1);
        _exit(open_by_handle_at(m, &at.h, O_RDONLY) == -1 && errno == EPERM ? 0 : 2);
    });
    yes(exited(status, 0));
    none.h.handle_bytes = 128;
    touch("m/gone");
    works(name_to_handle_at(AT_FDCWD, "m/gone", &none.h, &id, 0));
    unlink("m/gone"), touch("m/gone");
    fails(open_by_handle_at(m, &none.h, O_RDONLY), ESTALE);
    unlink("m/gone");
    close(m);
    check_end();
}

static void tests(void) {
    const unsigned fid = FAN_REPORT_FID, dfid = FAN_REPORT_DIR_FID, name = FAN_REPORT_NAME, target = FAN_REPORT_TARGET_FID;
    mkdir("m", 0755);
    works(mount("t", "m", "tmpfs", 0, "mode=755"));
    mkdir("m/d", 0755), mkdir("m/e", 0755), put_file("m/f", "text"), symlink("f", "m/link");
    handles();
    know("m", "root"), know("m/d", "d"), know("m/e", "e");
    is(known_count, 3);
    round_of("fid, directory", fid, 0, ALL, "m/d");
    round_of("fid, file system", fid, FAN_MARK_FILESYSTEM, ALL, "m");
    round_of("dir fid, directory", dfid, 0, ALL, "m/d");
    round_of("dir fid, file system", dfid, FAN_MARK_FILESYSTEM, ALL, "m");
    round_of("both, directory", fid | dfid, 0, ALL, "m/d");
    round_of("both, file system", fid | dfid, FAN_MARK_FILESYSTEM, ALL, "m");
    round_of("name, directory", dfid | name, 0, ALL | FAN_RENAME, "m/d");
    round_of("name, file system", dfid | name, FAN_MARK_FILESYSTEM, ALL | FAN_RENAME, "m");
    round_of("name and fid, directory", fid | dfid | name, 0, ALL | FAN_RENAME, "m/d");
    round_of("name and fid, file system", fid | dfid | name, FAN_MARK_FILESYSTEM, ALL | FAN_RENAME, "m");
    round_of("target, directory", fid | dfid | name | target, 0, ALL | FAN_RENAME, "m/d");
    round_of("target, the other directory", fid | dfid | name | target, 0, ALL | FAN_RENAME, "m/e");
    round_of("target, file system", fid | dfid | name | target, FAN_MARK_FILESYSTEM, ALL | FAN_RENAME, "m");
    round_of("name, mount", dfid | name, FAN_MARK_MOUNT, FAN_OPEN | FAN_CLOSE | FAN_ONDIR, "m");
    round_of("name, no directories", dfid | name, FAN_MARK_FILESYSTEM, ALL & ~FAN_ONDIR, "m");
    round_of("fid, pidfd", fid | FAN_REPORT_PIDFD, 0, FAN_OPEN | FAN_CREATE, "m/d");

    know("m/f", "f");
    fresh(fid | dfid | name, 0);
    mark(FAN_MARK_ADD, FAN_OPEN | FAN_ATTRIB | FAN_DELETE_SELF, "m/f");
    use("m/f"), chmod("m/f", 0600), told("a file alone, by name");
    int fd = open("m/f", O_RDONLY);
    unlink("m/f"), told("its name removed"), close(fd), told("and itself");
    fails(mark(FAN_MARK_REMOVE, FAN_OPEN, "m/d"), ENOENT);
    char a_long_name[300] = "m/d/";
    memset(a_long_name + 4, 'n', 255);
    mark(FAN_MARK_ADD, FAN_CREATE | FAN_DELETE, "m/d");
    touch(a_long_name), told("a long name"), unlink(a_long_name), told("is gone");
    char small[40];
    touch("m/d/x");
    fails(read(queue, small, sizeof small), EINVAL);
    told("still there");
    works(umount("m"));
    told("unmounted");
}
