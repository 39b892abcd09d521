/* Nothing is left of huge pages: of areas that were cut, copied and moved, of files and mounts, of processes that were killed
   while they had them, and the pool gives its memory back. */
// test: smp=2 limit=240
#include "counts.h"
#include "huge.h"
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/shm.h>

static int use(void) {
    char *p = huge(3, MAP_PRIVATE), *q = huge(2, MAP_SHARED);
    if (p == MAP_FAILED || q == MAP_FAILED) return 1;
    p[0] = p[MB2] = q[0] = 1;
    int status = in_child({ p[0] = 2; q[MB2] = 2; });
    if (!exited(status, 0)) return 2;
    if (munmap(p + MB2, MB2) || mprotect(q, MB2, PROT_READ)) return 3;
    if (mremap(p, MB2, MB2, MREMAP_MAYMOVE | MREMAP_FIXED, p + MB2) != p + MB2) return 4;
    int fd = memfd_create("x", MFD_HUGETLB);
    if (fd < 0 || ftruncate(fd, MB2) || fallocate(fd, 0, 0, MB2)) return 5;
    char *r = mmap(NULL, MB2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
    if (r == MAP_FAILED || *r) return 6;
    int id = shmget(IPC_PRIVATE, MB2, IPC_CREAT | SHM_HUGETLB | 0600);
    if (id < 0 || (*(char *)shmat(id, NULL, 0) = 1) != 1 || shmctl(id, IPC_RMID, NULL)) return 7;
    return 0;
}

static int round_of_all(int which) {
    (void)which;
    int bad = pool(12) != 12;
    bad |= in_child(_exit(use()));
    int end;
    pid_t child = waiting_child(&end, if (use()) _exit(1));
    kill(child, SIGKILL);
    int status;
    waitpid(child, &status, 0);
    close(end);
    bad |= !killed(status, SIGKILL);
    bad |= mount("none", "/tmp/leak", "hugetlbfs", 0, "size=6M,min_size=2M");
    int fd = open("/tmp/leak/f", O_RDWR | O_CREAT, 0600);
    bad |= fd < 0 || fallocate(fd, 0, 0, 2 * MB2);
    close(fd);
    bad |= umount("/tmp/leak");
    bad |= !counts_are(12, 12, 0, 0);
    bad |= pool(0) != 0;
    return bad;
}

static void tests(void) {
    begin("nothing is left");
    works(mkdir("/tmp/leak", 0700));
    open_counts();
    for (int i = 0; i < 3; i++)
        is(round_of_all(i), 0);
    must_leave_nothing(round_of_all, 0, 20);
}
