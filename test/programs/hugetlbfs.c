/* Files of huge pages: hugetlbfs, memfd_create(2) with MFD_HUGETLB, shmget(2) with SHM_HUGETLB
   (`Documentation/admin-guide/mm/hugetlbpage.rst`). */
// test: smp=2 limit=180
#include "huge.h"
#include <grp.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/vfs.h>

#ifndef MFD_HUGETLB
#define MFD_HUGETLB 4U
#endif
#define KEEP FALLOC_FL_KEEP_SIZE
#define PUNCH (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define RW (PROT_READ | PROT_WRITE)

static const char dir[] = "/tmp/huge";

static int mount_with(const char *options) {
    return mount("none", dir, "hugetlbfs", 0, options);
}
static char *map(int fd, long pages, int flags) {
    return mmap(NULL, pages * MB2, RW, flags, fd, 0);
}
static int file(const char *name) {
    char path[64];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return open(path, O_RDWR | O_CREAT, 0600);
}
static long size(int fd) {
    struct stat s;
    return fstat(fd, &s) ? -1 : s.st_size;
}

static void mounts(void) {
    struct statfs fs;
    struct stat s;
    static char text[1 << 14];
    begin("options of mount");
    works(mkdir(dir, 0700));
    fails(mount_with("what=1"), EINVAL);
    fails(mount_with("size"), EINVAL);
    fails(mount_with("size=x"), EINVAL);
    fails(mount_with("pagesize=4k"), EINVAL);
    fails(mount_with("size=2M,min_size=4M"), EINVAL);
    fails(mount_with("min_size=64M"), ENOMEM);
    works(mount_with("size=8M,min_size=4M,nr_inodes=3,mode=1750,uid=5,gid=6,pagesize=2M"));
    yes(counts_are(6, 6, 2, 0));
    works(statfs(dir, &fs));
    is(fs.f_type, 0x958458f6);
    is(fs.f_bsize, MB2);
    is(fs.f_blocks, 4);
    is(fs.f_bfree, 4);
    is(fs.f_files, 3);
    is(fs.f_ffree, 2);
    is(fs.f_namelen, 255);
    works(stat(dir, &s));
    is(s.st_mode, S_IFDIR | 01750);
    is(s.st_uid, 5);
    is(s.st_gid, 6);
    get_file("/proc/self/mounts", text, sizeof text);
    yes(strstr(text, "none /tmp/huge hugetlbfs rw,relatime,uid=5,gid=6,mode=1750,nr_inodes=3,pagesize=2M,size=8388608,"
                     "min_size=4194304 0 0\n"));
    get_file("/proc/filesystems", text, sizeof text);
    yes(strstr(text, "nodev\thugetlbfs\n"));

    begin("a mount has no more than it may, and what is kept for it");
    int fd = works(file("a"));
    char *p = map(fd, 4, MAP_SHARED);
    yes(p != MAP_FAILED);
    yes(counts_are(6, 6, 4, 0));
    works(statfs(dir, &fs));
    is(fs.f_bfree, 0);
    int other = works(file("b"));
    fails(file("c"), ENOSPC);
    fails(map(other, 1, MAP_SHARED) == MAP_FAILED ? -1 : 0, ENOMEM);
    fails(fallocate(other, 0, 0, MB2), ENOSPC);
    memset(p, 1, 4 * MB2);
    yes(counts_are(6, 2, 0, 0));
    works(munmap(p, 4 * MB2));
    works(ftruncate(fd, MB2));
    yes(counts_are(6, 5, 1, 0));
    works(statfs(dir, &fs));
    is(fs.f_bfree, 3);
    works(fallocate(other, 0, 0, MB2));
    yes(counts_are(6, 4, 0, 0));
    close(fd);
    close(other);
    yes(counts_are(6, 4, 0, 0));
    works(umount(dir));
    yes(counts_are(6, 6, 0, 0));
}

static void files(void) {
    static char text[8192];
    struct stat s;
    begin("a file is read but not written, and as long as whole pages");
    works(mount_with(NULL));
    int fd = works(file("f"));
    fails(write(fd, "x", 1), EINVAL);
    fails(pwrite(fd, "x", 1, 4096), EINVAL);
    is(read(fd, text, 10), 0);
    fails(ftruncate(fd, 4096), EINVAL);
    works(ftruncate(fd, 2 * MB2));
    is(size(fd), 2 * MB2);
    is(pread(fd, text, sizeof text, 2 * MB2 - 100), 100);
    char *p = map(fd, 2, MAP_SHARED);
    yes(counts_are(6, 6, 2, 0));
    memset(p + MB2 - 50, 'a', 100);
    memset(text, 0, sizeof text);
    is(pread(fd, text, 200, MB2 - 100), 200);
    yes(!text[49] && text[50] == 'a' && text[149] == 'a' && !text[150]);
    is(lseek(fd, 0, SEEK_END), 2 * MB2);
    works(fstat(fd, &s));
    is(s.st_blksize, MB2);
    is(s.st_blocks, 2 * MB2 / 512);
    works(fsync(fd));
    fails(mmap(NULL, MB2, RW, MAP_SHARED, fd, 4096) == MAP_FAILED ? -1 : 0, EINVAL);
    /* A mapping that may be written makes the file longer. */
    char *q = mmap(NULL, MB2, RW, MAP_SHARED, fd, 3 * MB2);
    yes(q != MAP_FAILED);
    is(size(fd), 4 * MB2);
    is(lseek(fd, 0, SEEK_END), 4 * MB2);
    yes(counts_are(6, 4, 1, 0));
    works(munmap(q, MB2));
    yes(counts_are(6, 4, 1, 0));
    works(ftruncate(fd, MB2));
    yes(counts_are(6, 5, 0, 0));
    is(touch(p + MB2, 0), SIGBUS);
    is(p[MB2 - 1], 'a');
    works(munmap(p, 2 * MB2));

    begin("fallocate");
    works(fallocate(fd, 0, 0, 2 * MB2));
    is(size(fd), 2 * MB2);
    yes(counts_are(6, 4, 0, 0));
    works(fallocate(fd, KEEP, 2 * MB2, MB2));
    is(size(fd), 2 * MB2);
    yes(counts_are(6, 3, 0, 0));
    fails(fallocate(fd, 0, 0, 8 * MB2), ENOSPC);
    fails(fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, MB2), EOPNOTSUPP);
    fails(fallocate(fd, 0, 0, 0), EINVAL);
    works(ftruncate(fd, 0));
    yes(counts_are(6, 6, 0, 0));
    works(ftruncate(fd, 2 * MB2));
    p = map(fd, 2, MAP_SHARED);
    memset(p, 'b', 2 * MB2);
    works(fallocate(fd, PUNCH, 4096, MB2));
    yes(p[4095] == 'b' && !p[4096] && !p[MB2 + 4095] && p[MB2 + 4096] == 'b');
    yes(counts_are(6, 4, 0, 0));
    works(fallocate(fd, PUNCH, 0, MB2));
    yes(counts_are(6, 5, 0, 0));
    is(p[4095], 0);
    yes(counts_are(6, 4, 0, 0));
    works(madvise(p, MB2, MADV_REMOVE));
    yes(counts_are(6, 5, 0, 0));
    works(munmap(p, 2 * MB2));

    begin("private mappings of a file");
    works(ftruncate(fd, 0));
    works(ftruncate(fd, 2 * MB2));
    p = map(fd, 1, MAP_SHARED);
    q = map(fd, 2, MAP_PRIVATE);
    yes(counts_are(6, 6, 3, 0));
    p[0] = 'c';
    is(q[0], 'c');
    yes(counts_are(6, 5, 2, 0));
    q[0] = 'd';
    is(p[0], 'c');
    yes(counts_are(6, 4, 1, 0));
    p[1] = 'e';
    is(q[1], 0);
    q[MB2] = 'f';
    is(pread(fd, text, 1, MB2), 1);
    is(text[0], 0);
    yes(counts_are(6, 3, 0, 0));
    works(munmap(p, MB2));
    works(munmap(q, 2 * MB2));
    works(fchmod(fd, 0400));
    int reader = works(open("/tmp/huge/f", O_RDONLY));
    fails(mmap(NULL, MB2, RW, MAP_SHARED, reader, 0) == MAP_FAILED ? -1 : 0, EACCES);
    p = mmap(NULL, MB2, PROT_READ, MAP_SHARED, reader, 0);
    is(p[0], 'c');
    fails(mprotect(p, MB2, RW), EACCES);
    works(munmap(p, MB2));
    close(reader);

    begin("names");
    works(mkdir("/tmp/huge/d", 0700));
    works(rename("/tmp/huge/f", "/tmp/huge/d/g"));
    works(link("/tmp/huge/d/g", "/tmp/huge/h"));
    fails(symlink("d/g", "/tmp/huge/s"), EINVAL);
    works(stat("/tmp/huge/h", &s));
    is(s.st_nlink, 2);
    fails(rmdir("/tmp/huge/d"), ENOTEMPTY);
    works(unlink("/tmp/huge/d/g"));
    works(unlink("/tmp/huge/h"));
    yes(counts_are(6, 5, 0, 0));
    close(fd);
    yes(counts_are(6, 6, 0, 0));
    works(umount(dir));
}

static void memfds(void) {
    begin("memfd");
    fails(memfd_create("x", MFD_HUGETLB | 22U << 26), ENODEV);
    fails(memfd_create("x", 22U << 26), EINVAL);
    int fd = works(memfd_create("x", MFD_HUGETLB | 21U << 26 | MFD_CLOEXEC));
    is(size(fd), 0);
    fails(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
    is(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
    fails(write(fd, "x", 1), EINVAL);
    fails(ftruncate(fd, 100), EINVAL);
    works(ftruncate(fd, MB2));
    yes(counts_are(6, 6, 0, 0));
    close(fd);
    begin("seals");
    fd = works(memfd_create("x", MFD_HUGETLB | MFD_ALLOW_SEALING));
    is(fcntl(fd, F_GET_SEALS), 0);
    works(ftruncate(fd, 2 * MB2));
    char *p = map(fd, 1, MAP_SHARED);
    p[0] = 1;
    fails(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    works(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
    fails(ftruncate(fd, MB2), EPERM);
    works(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    fails(ftruncate(fd, 3 * MB2), EPERM);
    fails(fallocate(fd, 0, 2 * MB2, MB2), EPERM);
    works(fallocate(fd, 0, 0, MB2));
    works(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
    p[0] = 2;
    fails(fallocate(fd, PUNCH, 0, MB2), EPERM);
    fails(map(fd, 1, MAP_SHARED) == MAP_FAILED ? -1 : 0, EPERM);
    char *q = mmap(NULL, MB2, PROT_READ, MAP_SHARED, fd, 0);
    is(q[0], 2);
    fails(mprotect(q, MB2, RW), EACCES);
    works(munmap(q, MB2));
    works(munmap(p, MB2));
    works(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL));
    fails(map(fd, 1, MAP_SHARED) == MAP_FAILED ? -1 : 0, EPERM);
    fails(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
    p = map(fd, 1, MAP_PRIVATE);
    p[0] = 3;
    works(munmap(p, MB2));
    close(fd);
    yes(counts_are(6, 6, 0, 0));
}

static void segments(void) {
    struct shmid_ds ds;
    begin("segments of System V");
    fails(shmget(IPC_PRIVATE, MB2, IPC_CREAT | SHM_HUGETLB | 22 << 26 | 0600), EINVAL);
    fails(shmget(IPC_PRIVATE, 7 * MB2, IPC_CREAT | SHM_HUGETLB | 0600), ENOMEM);
    int id = works(shmget(IPC_PRIVATE, MB2 + 1, IPC_CREAT | SHM_HUGETLB | 0600));
    yes(counts_are(6, 6, 2, 0));
    works(shmctl(id, IPC_STAT, &ds));
    is(ds.shm_segsz, MB2 + 1);
    char *p = shmat(id, NULL, 0);
    yes(p != (void *)-1 && !((long)p & (MB2 - 1)));
    p[0] = 1;
    p[2 * MB2 - 1] = 2;
    yes(counts_are(6, 4, 0, 0));
    fails(shmat(id, p + 4 * MB2 + 4096, 0) == (void *)-1 ? -1 : 0, EINVAL);
    char *q = shmat(id, NULL, SHM_RDONLY);
    is(q[2 * MB2 - 1], 2);
    is(touch(q, 1), SIGSEGV);
    works(shmctl(id, IPC_STAT, &ds));
    is(ds.shm_nattch, 2);
    works(shmdt(q));
    works(shmctl(id, IPC_RMID, NULL));
    yes(counts_are(6, 4, 0, 0));
    works(shmdt(p));
    yes(counts_are(6, 6, 0, 0));

    begin("who may have them");
    is(setting("hugetlb_shm_group", NULL), 0);
    is(setting("hugetlb_shm_group", "77"), 77);
    for (int member = 0; member < 2; member++) {
        gid_t group = 77;
        int status = in_child({
            struct rlimit none = {0, 0};
            if (setrlimit(RLIMIT_MEMLOCK, &none) || setgroups(member, &group) || setgid(5) || setuid(5)) _exit(9);
            int own = shmget(IPC_PRIVATE, MB2, IPC_CREAT | SHM_HUGETLB | 0600);
            if (own >= 0) shmctl(own, IPC_RMID, NULL);
            _exit(own >= 0 ? 0 : errno);
        });
        yes(exited(status, member ? 0 : EPERM));
    }
    is(setting("hugetlb_shm_group", "0"), 0);
}

/* One makes a file shorter and longer and punches holes, others map it, write and fork: who loses its page gets SIGBUS. */
static void races(void) {
    begin("truncation against faults and forks");
    works(mount_with("size=12M"));
    int fd = works(file("r"));
    pid_t children[4];
    fflush(stdout);
    for (int n = 0; n < 4; n++) {
        children[n] = fork();
        if (children[n])
            continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int i = 0;; i++) {
            pid_t child = fork();
            if (child == 0) {
                char *p = map(fd, 2, (i + n) % 2 ? MAP_SHARED | MAP_NORESERVE : MAP_PRIVATE | MAP_NORESERVE);
                if (p == MAP_FAILED) _exit(1);
                for (int k = 0; k < 40; k++) {
                    p[k % 2 * MB2 + k] = k;
                    if (k % 16 == 5 && fork() == 0) {
                        p[k] = 1;
                        _exit(0);
                    }
                    if (k % 16 == 9) madvise(p, MB2, MADV_DONTNEED);
                }
                while (wait(NULL) > 0) {}
                _exit(0);
            }
            int status;
            if (child > 0 && waitpid(child, &status, 0) == child && !exited(status, 0) && !killed(status, SIGBUS))
                _exit(3);
        }
    }
    for (int i = 0; i < (full() ? 600 : 60); i++) {
        works(ftruncate(fd, i % 3 * MB2));
        (void)!fallocate(fd, i % 2 ? PUNCH : 0, i % 5 * 4096, MB2);
        pause_ms(2);
    }
    for (int n = 0; n < 4; n++) {
        int status;
        kill(children[n], SIGKILL);
        works(waitpid(children[n], &status, 0));
        yes(killed(status, SIGKILL));
    }
    while (wait(NULL) > 0) {}
    close(fd);
    works(unlink("/tmp/huge/r"));
    /* Those that were children of the killed end by themselves. */
    for (int i = 0; i < 500 && umount(dir); i++) {
        if (errno != EBUSY) break;
        pause_ms(20);
    }
    for (int i = 0; i < 500 && nfree() != 6; i++)
        pause_ms(20);
    yes(counts_are(6, 6, 0, 0));
}

static void tests(void) {
    setbuf(stdout, NULL);
    begin("the pool");
    is(pool(6), 6);
    mounts();
    files();
    memfds();
    segments();
    races();
    begin("pages of 1 GiB are refused");
    fails(huge(512, MAP_PRIVATE | 30 << MAP_HUGE_SHIFT) == MAP_FAILED ? -1 : 0, ENOMEM);
    fails(shmget(IPC_PRIVATE, 1L << 30, IPC_CREAT | SHM_HUGETLB | 30 << 26 | 0600), ENOMEM);
    is(pool(0), 0);
    rmdir(dir);
}
