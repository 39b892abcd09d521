/* Loop devices and what every block device does (loop(4), blockdev(8)). */
// test: alone limit=120 module=kernel/drivers/block/loop.ko
#include "check.h"
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/sysmacros.h>

#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define MB (1 << 20)

static int control;
static char text[1 << 16];

/* Loop device N, and a file behind it. */
static int device(int n, int flags) {
    char path[32];
    ioctl(control, LOOP_CTL_ADD, n);
    snprintf(path, sizeof path, "/dev/loop%d", n);
    return open(path, flags);
}
static int file(const char *path, long size) {
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    return ftruncate(fd, size) ? -1 : fd;
}
static unsigned long long bytes(int fd) {
    unsigned long long size = -1;
    return ioctl(fd, BLKGETSIZE64, &size) ? -1 : size;
}
static long number(int fd, unsigned long command) {
    int value = -1;
    return ioctl(fd, command, &value) ? -1 : value;
}
static const char *shown(const char *name) {
    char path[128];
    snprintf(path, sizeof path, "/sys/block/loop0/%s", name);
    return get_file(path, text, sizeof text) < 0 ? "none" : text;
}
#define shows(name, want) do { const char *got_ = shown(name); if (strcmp(got_, want "\n")) { \
    check_fail(__LINE__, got_, 0, want, 0); } } while (0)
static struct loop_info64 status(int fd) {
    struct loop_info64 info = {0};
    works(ioctl(fd, LOOP_GET_STATUS64, &info));
    return info;
}
/* What the last closer did takes Linux a moment. */
static int gone(int fd) {
    struct loop_info64 info;
    for (int i = 0; i < 500; i++) {
        if (ioctl(fd, LOOP_GET_STATUS64, &info) < 0)
            return errno == ENXIO;
        pause_ms(10);
    }
    return 0;
}

static void controls(void) {
    struct stat s;
    begin("loop-control");
    control = works(open("/dev/loop-control", O_RDWR));
    works(fstat(control, &s));
    is(s.st_rdev, makedev(10, 237));
    is(s.st_mode, S_IFCHR | 0600);
    fails(lseek(control, 0, SEEK_SET), ESPIPE);
    fails(read(control, text, 1), EINVAL);
    fails(write(control, text, 1), EINVAL);
    fails(ioctl(control, 0x4c90), ENOSYS);
    is(ioctl(control, LOOP_CTL_GET_FREE), 0);
    fails(ioctl(control, LOOP_CTL_ADD, 3), EEXIST);
    fails(ioctl(control, LOOP_CTL_ADD, 1 << 20), EINVAL);
    fails(ioctl(control, LOOP_CTL_REMOVE, -1), EINVAL);
    fails(ioctl(control, LOOP_CTL_REMOVE, 50), ENODEV);
    is(ioctl(control, LOOP_CTL_ADD, -1), 8);
    is(ioctl(control, LOOP_CTL_ADD, 50), 50);
    works(stat("/dev/loop50", &s));
    is(s.st_rdev, makedev(7, 50));
    is(s.st_mode, S_IFBLK | 0600);
    works(access("/sys/block/loop50/size", F_OK));
    works(access("/sys/dev/block/7:50/size", F_OK));
    works(access("/sys/class/block/loop50/size", F_OK));
    int fd = works(device(50, O_RDONLY));
    fails(ioctl(control, LOOP_CTL_REMOVE, 50), EBUSY);
    close(fd);
    is(ioctl(control, LOOP_CTL_REMOVE, 50), 0);
    fails(stat("/dev/loop50", &s), ENOENT);
    fails(access("/sys/block/loop50", F_OK), ENOENT);
    fails(access("/sys/dev/block/7:50", F_OK), ENOENT);
    is(ioctl(control, LOOP_CTL_ADD, -1), 9);
    is(ioctl(control, LOOP_CTL_REMOVE, 8), 0);
    is(ioctl(control, LOOP_CTL_REMOVE, 9), 0);

    begin("nodes by number");
    works(mknod("/tmp/node", S_IFBLK | 0600, makedev(7, 60)));
    fd = works(open("/tmp/node", O_RDWR));
    works(access("/sys/block/loop60/size", F_OK));
    works(close(fd));
    is(ioctl(control, LOOP_CTL_REMOVE, 60), 0);
    works(unlink("/tmp/node"));
    works(mknod("/tmp/node", S_IFBLK | 0600, makedev(300, 6)));
    fails(open("/tmp/node", O_RDWR), ENXIO);
    works(unlink("/tmp/node"));
    works(get_file("/proc/devices", text, sizeof text));
    yes(strstr(strstr(text, "Block devices:\n"), "\n  7 loop\n"));
}

static void empty(void) {
    struct loop_info64 info;
    struct stat s;
    unsigned short small = 7;
    unsigned long sectors = 7;
    long ahead = 0;
    begin("without a file");
    int fd = works(device(0, O_RDWR));
    works(fstat(fd, &s));
    is(s.st_mode, S_IFBLK | 0600);
    is(s.st_rdev, makedev(7, 0));
    is(s.st_size, 0);
    is(s.st_blksize, 4096);
    is(read(fd, text, 10), 0);
    is(write(fd, text, 0), 0);
    fails(write(fd, text, 10), ENOSPC);
    is(lseek(fd, 0, SEEK_END), 0);
    fails(lseek(fd, 1, SEEK_SET), EINVAL);
    fails(ioctl(fd, LOOP_GET_STATUS64, &info), ENXIO);
    fails(ioctl(fd, LOOP_GET_STATUS64, NULL), EINVAL);
    fails(ioctl(fd, LOOP_SET_STATUS64, (memset(&info, 0, sizeof info), &info)), ENXIO);
    fails(ioctl(fd, LOOP_CLR_FD), ENXIO);
    fails(ioctl(fd, LOOP_CHANGE_FD, fd), ENXIO);
    fails(ioctl(fd, LOOP_SET_CAPACITY), ENXIO);
    fails(ioctl(fd, LOOP_SET_BLOCK_SIZE, 512), ENXIO);
    fails(ioctl(fd, LOOP_SET_DIRECT_IO, 0), ENXIO);
    fails(ioctl(fd, LOOP_SET_FD, 99), EBADF);
    fails(ioctl(fd, LOOP_SET_FD, fd), EBADF);
    fails(ioctl(fd, LOOP_SET_FD, control), EINVAL);
    fails(ioctl(fd, LOOP_CONFIGURE, NULL), EFAULT);
    int folder = works(open("/tmp", O_RDONLY)), place = works(open("/tmp", O_PATH));
    fails(ioctl(fd, LOOP_SET_FD, folder), EINVAL);
    fails(ioctl(fd, LOOP_SET_FD, place), EBADF);
    close(folder), close(place);
    fails(ioctl(fd, 0x4c50), EINVAL);
    fails(ioctl(fd, 0x5401, text), EINVAL);
    fails(ioctl(fd, HDIO_GETGEO, text), ENOTTY);
    fails(ioctl(fd, HDIO_GETGEO, NULL), EINVAL);
    fails(ioctl(fd, BLKRRPART), EINVAL);
    is(bytes(fd), 0);
    works(ioctl(fd, BLKGETSIZE, &sectors));
    is(sectors, 0);
    is(number(fd, BLKSSZGET), 512);
    is(number(fd, BLKPBSZGET), 512);
    is(number(fd, BLKBSZGET), 4096);
    is(number(fd, BLKIOMIN), 512);
    is(number(fd, BLKIOOPT), 0);
    is(number(fd, BLKALIGNOFF), 0);
    is(number(fd, BLKDISCARDZEROES), 0);
    is(number(fd, BLKROGET), 0);
    works(ioctl(fd, BLKRAGET, &ahead));
    is(ahead, 256);
    fails(ioctl(fd, BLKRAGET, NULL), EINVAL);
    fails(ioctl(fd, BLKGETSIZE64, NULL), EFAULT);
    works(ioctl(fd, BLKSECTGET, &small));
    is(small, 2560);
    shows("size", "0");
    is(access("/sys/block/loop0/loop", F_OK), -1);
    close(fd);
}

static void data(void) {
    struct stat s;
    unsigned long sectors = 7;
    begin("a file");
    int fd = works(device(0, O_RDWR)), back = works(file("/tmp/file", MB + 700));
    works(ioctl(fd, LOOP_SET_FD, back));
    fails(ioctl(fd, LOOP_SET_FD, back), EBUSY);
    is(bytes(fd), MB + 512);
    works(ioctl(fd, BLKGETSIZE, &sectors));
    is(sectors, 2049);
    is(ioctl(control, LOOP_CTL_GET_FREE), 1);
    fails(ioctl(control, LOOP_CTL_REMOVE, 0), EBUSY);
    shows("size", "2049");
    shows("ro", "0");
    shows("dev", "7:0");
    shows("loop/backing_file", "/tmp/file");
    shows("loop/offset", "0");
    shows("loop/sizelimit", "0");
    shows("loop/autoclear", "0");
    shows("loop/partscan", "0");
    shows("loop/dio", "0");
    shows("queue/logical_block_size", "512");
    shows("queue/physical_block_size", "512");
    shows("queue/hw_sector_size", "512");
    shows("queue/rotational", "0");
    shows("queue/discard_granularity", "4096");
    shows("queue/discard_max_bytes", "4294966784");
    shows("queue/read_ahead_kb", "128");
    shows("queue/write_cache", "write back");
    shows("queue/zoned", "none");
    yes(!strncmp(shown("uevent"), "MAJOR=7\nMINOR=0\nDEVNAME=loop0\nDEVTYPE=disk\nDISKSEQ=", 51));
    works(get_file("/proc/partitions", text, sizeof text));
    yes(!strcmp(text, "major minor  #blocks  name\n\n   7        0       1024 loop0\n"));
    works(fstat(fd, &s));
    is(s.st_size, 0);

    begin("reading and writing");
    is(pwrite(back, "behind", 6, 5000), 6);
    is(pread(fd, text, 6, 5000), 6);
    yes(!memcmp(text, "behind", 6));
    is(pwrite(fd, "before", 6, 4093), 6);
    works(fsync(fd));
    is(pread(back, text, 6, 4093), 6);
    yes(!memcmp(text, "before", 6));
    is(pwrite(fd, text, 100, MB + 500), 12);
    fails(pwrite(fd, text, 1, MB + 512), ENOSPC);
    fails(pwrite(fd, text, 1, 1LL << 40), ENOSPC);
    is(pread(fd, text, 100, MB + 500), 12);
    is(pread(fd, text, 100, MB + 512), 0);
    is(lseek(fd, 0, SEEK_END), MB + 512);
    fails(lseek(fd, 1, SEEK_END), EINVAL);
    fails(lseek(fd, -1, SEEK_SET), EINVAL);
    is(lseek(fd, -512, SEEK_CUR), MB);
    is(write(fd, text, 1000), 512);
    fails(lseek(fd, 0, SEEK_DATA), EINVAL);
    fails(lseek(fd, 0, SEEK_HOLE), EINVAL);
    fails(ftruncate(fd, 0), EINVAL);
    fails(pread(fd, (void *)16, 512, 0), EFAULT);
    fails(pwrite(fd, (void *)16, 512, 0), EFAULT);
    struct iovec parts[2] = {{text, 3}, {text + 3, 3}};
    is(preadv(fd, parts, 2, 4093), 6);
    yes(!memcmp(text, "before", 6));
    int out = works(file("/tmp/out", 0));
    off_t from = 4093;
    is(sendfile(out, fd, &from, 6), 6);
    is(pread(out, text + 8, 6, 0), 6);
    yes(!memcmp(text + 8, "before", 6));
    close(out);

    begin("direct I/O");
    int direct = works(device(0, O_RDWR | O_DIRECT));
    char *page = aligned_alloc(4096, 8192);
    is(pread(direct, page, 4096, 4096), 4096);
    yes(!memcmp(page, "ore", 3));
    fails(pread(direct, page, 4096, 100), EINVAL);
    fails(pread(direct, page, 100, 0), EINVAL);
    fails(pread(direct, page + 1, 512, 0), EINVAL);
    is(pread(direct, page, 8192, MB), 512);
    memset(page, 'd', 512);
    is(pwrite(direct, page, 512, 1024), 512);
    is(pread(back, text, 1, 1024), 1);
    is(text[0], 'd');
    close(direct);
    free(page);

    begin("a file that was cut");
    works(ftruncate(back, 4096));
    is(bytes(fd), MB + 512);
    memset(text, 'x', 8192);
    direct = works(device(0, O_RDONLY));
    page = aligned_alloc(4096, 8192);
    is(pread(direct, page, 8192, 512 * 1024), 8192);
    is(page[0], 0);
    is(page[8191], 0);
    works(ioctl(fd, LOOP_SET_CAPACITY));
    is(bytes(fd), 4096);
    works(ftruncate(back, 2 * MB));
    is(bytes(fd), 4096);
    works(ioctl(fd, LOOP_SET_CAPACITY));
    is(bytes(fd), 2 * MB);
    close(direct);
    free(page);

    begin("a file without a name");
    works(unlink("/tmp/file"));
    shows("loop/backing_file", "/tmp/file (deleted)");
    close(back);
    is(pwrite(fd, "still", 5, MB), 5);
    is(pread(fd, text, 5, MB), 5);
    yes(!memcmp(text, "still", 5));
    works(ioctl(fd, LOOP_CLR_FD));
    fails(ioctl(fd, LOOP_CLR_FD), ENXIO);
    is(bytes(fd), 0);
    shows("size", "0");
    is(access("/sys/block/loop0/loop", F_OK), -1);
    is(ioctl(control, LOOP_CTL_GET_FREE), 0);
    close(fd);
}

/* Bytes that the file takes. */
static long taken(int fd) {
    struct stat s;
    return fstat(fd, &s) ? -1 : s.st_blocks * 512;
}

static void holes(void) {
    begin("discarding");
    int fd = works(device(0, O_RDWR)), back = works(file("/tmp/file", MB)), reader;
    memset(text, 'x', sizeof text);
    for (int at = 0; at < MB; at += sizeof text)
        is(pwrite(back, text, sizeof text, at), sizeof text);
    works(ioctl(fd, LOOP_SET_FD, back));
    is(taken(back), MB);
    unsigned long long range[2] = {65536, 131072};
    works(ioctl(fd, BLKDISCARD, range));
    is(taken(back), MB - 131072);
    is(pread(fd, text, 1, 65536), 1);
    is(text[0], 0);
    is(pread(fd, text, 1, 65535), 1);
    is(text[0], 'x');
    range[0] = 4096 * 100, range[1] = 512;
    works(ioctl(fd, BLKZEROOUT, range));
    is(pread(fd, text, 513, 4096 * 100), 513);
    is(text[0], 0);
    is(text[511], 0);
    is(text[512], 'x');
    fails(ioctl(fd, BLKSECDISCARD, range), EOPNOTSUPP);
    fails(ioctl(fd, BLKDISCARD, NULL), EFAULT);
    fails(ioctl(fd, BLKZEROOUT, NULL), EFAULT);
    static const unsigned long long bad[][2] = {{0, 0}, {1, 512}, {0, 100}, {MB, 512}, {0, MB + 512}, {-512, 1024}, {-512, 512}};
    for (int i = 0; i < 7; i++) {
        memcpy(range, bad[i], sizeof range);
        fails(ioctl(fd, BLKDISCARD, range), EINVAL);
        fails(ioctl(fd, BLKZEROOUT, range), EINVAL);
    }
    reader = works(device(0, O_RDONLY));
    range[0] = 0, range[1] = 512;
    fails(ioctl(reader, BLKDISCARD, range), EBADF);
    fails(ioctl(reader, BLKZEROOUT, range), EBADF);
    close(reader);

    begin("fallocate");
    fails(fallocate(fd, 0, 0, 512), EOPNOTSUPP);
    fails(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 512), EOPNOTSUPP);
    works(fallocate(fd, PUNCH, 0, 4096));
    is(pread(fd, text, 1, 0), 1);
    is(text[0], 0);
    works(fallocate(fd, FALLOC_FL_ZERO_RANGE, 8192, 512));
    is(pread(fd, text, 513, 8192), 513);
    is(text[511], 0);
    is(text[512], 'x');
    fails(fallocate(fd, PUNCH, 0, 100), EINVAL);
    fails(fallocate(fd, PUNCH, MB, 512), EINVAL);
    fails(fallocate(fd, FALLOC_FL_ZERO_RANGE, MB - 512, 1024), EINVAL);
    works(fallocate(fd, PUNCH, MB - 4096, 8192));
    is(pread(fd, text, 1, MB - 1), 1);
    is(text[0], 0);
    works(ioctl(fd, LOOP_CLR_FD));
    close(fd), close(back);
}

static void parts(void) {
    struct loop_info64 info = {.lo_offset = 512, .lo_sizelimit = 4096};
    struct loop_info old = {0};
    struct stat s;
    begin("a part of a file");
    int fd = works(device(0, O_RDWR)), back = works(file("/tmp/file", MB));
    works(ioctl(fd, LOOP_SET_FD, back));
    strcpy((char *)info.lo_file_name, "a name");
    works(ioctl(fd, LOOP_SET_STATUS64, &info));
    is(bytes(fd), 4096);
    is(pwrite(fd, "first", 5, 0), 5);
    works(fsync(fd));
    is(pread(back, text, 5, 512), 5);
    yes(!memcmp(text, "first", 5));
    is(pwrite(fd, text, 10, 4090), 6);
    shows("loop/offset", "512");
    shows("loop/sizelimit", "4096");
    works(fstat(back, &s));
    info = status(fd);
    is(info.lo_device, s.st_dev);
    is(info.lo_inode, s.st_ino);
    is(info.lo_rdevice, 0);
    is(info.lo_offset, 512);
    is(info.lo_sizelimit, 4096);
    is(info.lo_number, 0);
    is(info.lo_flags, 0);
    yes(!strcmp((char *)info.lo_file_name, "a name"));
    works(ioctl(fd, LOOP_GET_STATUS, &old));
    is(old.lo_offset, 512);
    is(old.lo_inode, s.st_ino);
    yes(!strcmp(old.lo_name, "a name"));
    info.lo_offset = 3ULL << 31;
    works(ioctl(fd, LOOP_SET_STATUS64, &info));
    is(bytes(fd), 0);
    fails(ioctl(fd, LOOP_GET_STATUS, &old), EOVERFLOW);
    info.lo_offset = -1;
    fails(ioctl(fd, LOOP_SET_STATUS64, &info), EOVERFLOW);
    old.lo_offset = -1;
    fails(ioctl(fd, LOOP_SET_STATUS, &old), EOVERFLOW);
    info.lo_offset = 0, info.lo_encrypt_type = LO_CRYPT_XOR;
    fails(ioctl(fd, LOOP_SET_STATUS64, &info), EINVAL);
    info.lo_encrypt_type = 0, info.lo_encrypt_key_size = 33;
    fails(ioctl(fd, LOOP_SET_STATUS64, &info), EINVAL);
    info.lo_encrypt_key_size = 0, info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
    works(ioctl(fd, LOOP_SET_STATUS64, &info));
    is(status(fd).lo_flags, LO_FLAGS_AUTOCLEAR);
    shows("loop/autoclear", "1");
    info.lo_flags = 0;
    works(ioctl(fd, LOOP_SET_STATUS64, &info));
    is(status(fd).lo_flags, 0);
    fails(ioctl(fd, LOOP_SET_STATUS64, NULL), EFAULT);
    works(ioctl(fd, LOOP_CLR_FD));

    begin("block sizes");
    works(ioctl(fd, LOOP_SET_FD, back));
    works(ioctl(fd, LOOP_SET_BLOCK_SIZE, 4096));
    is(number(fd, BLKSSZGET), 4096);
    is(number(fd, BLKPBSZGET), 4096);
    shows("queue/logical_block_size", "4096");
    fails(ioctl(fd, LOOP_SET_BLOCK_SIZE, 100), EINVAL);
    fails(ioctl(fd, LOOP_SET_BLOCK_SIZE, 8192), EINVAL);
    fails(ioctl(fd, LOOP_SET_DIRECT_IO, 1), EINVAL);
    works(ioctl(fd, LOOP_SET_DIRECT_IO, 0));
    works(ioctl(fd, LOOP_CLR_FD));
    struct loop_config config = {.fd = back, .block_size = 77};
    fails(ioctl(fd, LOOP_CONFIGURE, &config), EINVAL);
    config.block_size = 1024, config.info.lo_flags = 64;
    fails(ioctl(fd, LOOP_CONFIGURE, &config), EINVAL);
    config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_DIRECT_IO, config.info.lo_offset = 1024;
    works(ioctl(fd, LOOP_CONFIGURE, &config));
    is(number(fd, BLKSSZGET), 1024);
    is(bytes(fd), MB - 1024);
    is(status(fd).lo_flags, LO_FLAGS_READ_ONLY);
    is(number(fd, BLKROGET), 1);
    fails(write(fd, text, 1), EPERM);
    works(ioctl(fd, LOOP_CLR_FD));
    int bs = 1024;
    works(ioctl(fd, BLKBSZSET, &bs));
    is(number(fd, BLKBSZGET), 1024);
    bs = 100;
    fails(ioctl(fd, BLKBSZSET, &bs), EINVAL);
    bs = 8192;
    fails(ioctl(fd, BLKBSZSET, &bs), EINVAL);
    fails(ioctl(fd, BLKBSZSET, NULL), EINVAL);
    close(fd), close(back);
}

static void sharing(void) {
    begin("O_EXCL");
    int fd = works(device(0, O_RDWR)), back = works(file("/tmp/file", MB)), size = 2048, one = 1, none = 0;
    int alone = works(device(0, O_RDWR | O_EXCL));
    fails(device(0, O_RDWR | O_EXCL), EBUSY);
    fails(ioctl(fd, LOOP_SET_FD, back), EBUSY);
    fails(ioctl(fd, BLKBSZSET, &size), EBUSY);
    works(ioctl(alone, BLKBSZSET, &size));
    works(ioctl(alone, LOOP_SET_FD, back));
    close(alone);
    works(ioctl(fd, BLKBSZSET, &size));
    alone = works(device(0, O_RDONLY | O_EXCL));
    close(alone);

    begin("read-only");
    unsigned long long range[2] = {0, 512};
    works(ioctl(fd, BLKROSET, &one));
    is(number(fd, BLKROGET), 1);
    shows("ro", "1");
    fails(pwrite(fd, text, 1, 0), EPERM);
    fails(pwrite(fd, text, 0, 0), EPERM);
    fails(pwrite(fd, text, 1, 2 * MB), EPERM);
    fails(ioctl(fd, BLKDISCARD, range), EPERM);
    fails(ioctl(fd, BLKZEROOUT, range), EPERM);
    fails(fallocate(fd, PUNCH, 0, 512), EPERM);
    int other = works(device(0, O_RDWR));
    close(other);
    works(ioctl(fd, BLKROSET, &none));
    is(pwrite(fd, text, 1, 0), 1);

    begin("cleared by the last");
    other = works(device(0, O_RDONLY));
    works(ioctl(fd, LOOP_CLR_FD));
    is(status(fd).lo_flags, LO_FLAGS_AUTOCLEAR);
    is(bytes(fd), MB);
    close(fd);
    is(bytes(other), MB);
    close(other);
    fd = works(device(1, O_RDWR));
    works(ioctl(fd, LOOP_SET_FD, back));
    struct loop_info64 info = {.lo_flags = LO_FLAGS_AUTOCLEAR};
    works(ioctl(fd, LOOP_SET_STATUS64, &info));
    close(fd);
    fd = works(open("/dev/loop0", O_RDWR));
    yes(gone(fd));
    is(bytes(fd), 0);
    close(fd);

    begin("permissions");
    fd = works(device(0, O_RDWR));
    works(ioctl(fd, LOOP_SET_FD, back));
    works(chmod("/dev/loop0", 0644));
    yes(exited(in_child({
        unsigned long long r[2] = {0, 512};
        int bs = 512, no = 0, bad = 0;
        if (setuid(1000))
            _exit(99);
        bad |= (open("/dev/loop0", O_RDWR) != -1 || errno != EACCES) << 0;
        int d = open("/dev/loop0", O_RDONLY);
        bad |= (d < 0) << 1;
        bad |= (ioctl(d, BLKROSET, &no) != -1 || errno != EACCES) << 2;
        bad |= (ioctl(d, BLKFLSBUF) != -1 || errno != EACCES) << 3;
        bad |= (ioctl(d, BLKBSZSET, &bs) != -1 || errno != EACCES) << 4;
        bad |= (ioctl(d, LOOP_SET_CAPACITY) != -1 || errno != EPERM || ioctl(d, BLKRASET, 8) != -1 || errno != EACCES) << 5;
        bad |= (ioctl(d, BLKDISCARD, r) != -1 || errno != EBADF) << 6;
        bad |= (ioctl(fd, LOOP_SET_CAPACITY) != 0) << 7;
        _exit(bad);
    }), 0));
    works(chmod("/dev/loop0", 0600));
    works(ioctl(fd, BLKFLSBUF));
    works(ioctl(fd, LOOP_CLR_FD));
    close(fd), close(back);
}

static void stacks(void) {
    begin("a loop on a loop");
    int a = works(device(0, O_RDWR)), b = works(device(1, O_RDWR)), c = works(device(2, O_RDWR));
    int back = works(file("/tmp/file", MB)), same = works(file("/tmp/same", MB)), reader;
    fails(ioctl(b, LOOP_SET_FD, a), EINVAL);
    works(ioctl(a, LOOP_SET_FD, back));
    works(ioctl(b, LOOP_SET_FD, a));
    is(bytes(b), MB);
    is(status(b).lo_rdevice, makedev(7, 0));
    is(pwrite(b, "deep", 4, 5000), 4);
    works(fsync(b));
    works(fsync(a));
    is(pread(back, text, 4, 5000), 4);
    yes(!memcmp(text, "deep", 4));
    fails(ioctl(a, LOOP_SET_FD, b), EBUSY);
    works(ioctl(c, LOOP_SET_FD, b));
    works(ioctl(c, LOOP_CLR_FD));
    works(ioctl(b, LOOP_CLR_FD));

    begin("eight deep");
    int deep[8], top = a;
    for (int i = 0; i < 7; i++) {
        deep[i] = works(device(20 + i, O_RDWR));
        works(ioctl(deep[i], LOOP_SET_FD, top));
        struct loop_info64 clears = {.lo_flags = LO_FLAGS_AUTOCLEAR};
        works(ioctl(deep[i], LOOP_SET_STATUS64, &clears));
        top = deep[i];
    }
    is(pwrite(top, "bottom", 6, 9000), 6);
    works(fsync(top));
    for (int i = 6; i >= 0; i--)
        works(fsync(deep[i]));
    works(fsync(a));
    is(pread(back, text, 6, 9000), 6);
    yes(!memcmp(text, "bottom", 6));
    for (int i = 0; i < 7; i++)
        close(deep[i]);
    deep[0] = works(device(20, O_RDWR));
    yes(gone(deep[0]));
    close(deep[0]);

    begin("another file");
    fails(ioctl(a, LOOP_CHANGE_FD, same), EINVAL);
    works(ioctl(a, LOOP_CLR_FD));
    struct loop_config config = {.fd = back, .info = {.lo_flags = LO_FLAGS_READ_ONLY}};
    works(ioctl(a, LOOP_CONFIGURE, &config));
    is(pwrite(same, "same", 4, 0), 4);
    works(ioctl(a, LOOP_CHANGE_FD, same));
    is(pread(a, text, 4, 0), 4);
    yes(!memcmp(text, "same", 4));
    shows("loop/backing_file", "/tmp/same");
    works(ioctl(b, LOOP_SET_FD, a));
    fails(ioctl(a, LOOP_CHANGE_FD, b), EBADF);
    works(ftruncate(back, 2 * MB));
    fails(ioctl(a, LOOP_CHANGE_FD, back), EINVAL);
    works(ioctl(b, LOOP_CLR_FD));
    works(ioctl(a, LOOP_CLR_FD));
    reader = works(open("/tmp/file", O_RDONLY));
    works(ioctl(a, LOOP_SET_FD, reader));
    is(status(a).lo_flags, LO_FLAGS_READ_ONLY);
    works(ioctl(a, LOOP_CLR_FD));
    close(reader);
    reader = works(device(0, O_RDONLY));
    close(a);
    works(ioctl(reader, LOOP_SET_FD, back));
    is(status(reader).lo_flags, LO_FLAGS_READ_ONLY);
    works(ioctl(reader, LOOP_CLR_FD));
    close(reader), close(b), close(c), close(back), close(same);
}

static void mounting(void) {
    begin("mounting");
    works(mkdir("/tmp/dir", 0700));
    works(mount("/dev/loop3", "/tmp/dir", "tmpfs", 0, NULL));
    works(get_file("/proc/mounts", text, sizeof text));
    yes(strstr(text, "\n/dev/loop3 /tmp/dir tmpfs rw,"));
    works(umount("/tmp/dir"));
    fails(mount("/dev/loop3", "/tmp/dir", "nosuchfs", 0, NULL), ENODEV);
    works(mount("none", "/tmp/dir", "tmpfs", 0, NULL));
    int fd = works(device(3, O_RDWR)), back = works(file("/tmp/dir/file", MB));
    works(ioctl(fd, LOOP_SET_FD, back));
    close(back);
    fails(umount("/tmp/dir"), EBUSY);
    works(ioctl(fd, LOOP_CLR_FD));
    works(umount("/tmp/dir"));
    works(mount("none", "/tmp/dir", "tmpfs", MS_NODEV, NULL));
    works(mknod("/tmp/dir/loop", S_IFBLK | 0600, makedev(7, 3)));
    fails(open("/tmp/dir/loop", O_RDONLY), EACCES);
    works(umount("/tmp/dir"));
    close(fd);
}

static void *comes_and_goes(void *given) {
    int n = 4, back = *(int *)given;
    for (int i = 0; i < 200; i++) {
        int fd = device(n, O_RDWR);
        ioctl(fd, LOOP_SET_FD, back);
        struct loop_info64 info = {.lo_flags = i % 2 ? LO_FLAGS_AUTOCLEAR : 0, .lo_offset = i % 3 * 4096};
        ioctl(fd, LOOP_SET_STATUS64, &info);
        if (i % 5 == 0)
            ioctl(fd, LOOP_CLR_FD);
        close(fd);
        ioctl(control, LOOP_CTL_ADD, 70);
        ioctl(control, LOOP_CTL_REMOVE, 70);
    }
    return NULL;
}
static void *reads_and_writes(void *given) {
    char page[8192];
    for (int i = 0; i < 200; i++) {
        int fd = device(4, O_RDWR);
        memset(page, 'r', sizeof page);
        (void)!pwrite(fd, page, sizeof page, i % 7 * 4096);
        (void)!pread(fd, page, sizeof page, i % 5 * 4096);
        fsync(fd);
        close(fd);
    }
    return NULL;
}
static void races(void) {
    begin("coming, going and being used");
    int back = works(file("/tmp/file", MB));
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, i % 2 ? reads_and_writes : comes_and_goes, &back);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    int fd = works(device(4, O_RDWR));
    ioctl(fd, LOOP_CLR_FD);
    yes(gone(fd));
    close(fd), close(back);
}

static void tests(void) {
    controls();
    empty();
    data();
    holes();
    parts();
    sharing();
    stacks();
    mounting();
    races();
}
