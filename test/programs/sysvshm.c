/* System V shared memory: shmget(2), shmat(2), shmdt(2), shmctl(2), /proc/sysvipc/shm, limits, IPC namespaces. */
#include "check.h"
#include "sysv.h"
#include <sys/ipc.h>
#include <sys/shm.h>

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif

static char text[1 << 16];

static long attached(int id) {
    struct shmid_ds ds;
    return shmctl(id, IPC_STAT, &ds) ? -1 : (long)ds.shm_nattch;
}

/* The line of an object in /proc/sysvipc/shm. */
static char *listed(int id) {
    get_file("/proc/sysvipc/shm", text, sizeof text);
    for (char *line = strchr(text, '\n'); line && line[1]; line = strchr(line + 1, '\n'))
        if (atoi(line + 12) == id)
            return line + 1;
    return NULL;
}

static long limit(const char *name, const char *value) {
    char path[64], now[64];
    snprintf(path, sizeof path, "/proc/sys/kernel/%s", name);
    if (value)
        return write_limit(name, value);
    return get_file(path, now, sizeof now) > 0 ? (long)strtoul(now, NULL, 10) : -1;
}

static void tests(void) {
    struct shmid_ds ds, before;
    struct shminfo limits;
    struct shm_info usage;
    char *p, *q, line[256], wanted[256];
    int id, other, status;
    const int key = 0x5359 << 8 | 1;

    /* What others left in the first namespace is not counted here. */
    works(unshare(CLONE_NEWIPC));
    begin("made and found");
    fails(shmget(key, 100, 0), ENOENT);
    id = works(shmget(key, 5000, IPC_CREAT | 0640));
    is(shmget(key, 0, 0), id);
    is(shmget(key, 5000, IPC_CREAT | 0600), id);
    fails(shmget(key, 5000, IPC_CREAT | IPC_EXCL), EEXIST);
    fails(shmget(key, 5001, 0), EINVAL);
    fails(shmget(IPC_PRIVATE, 0, IPC_CREAT), EINVAL);
    fails(shmget(key + 1, 0, IPC_CREAT), EINVAL);
    fails(shmget(IPC_PRIVATE, -1, IPC_CREAT), EINVAL);
    fails(shmget(IPC_PRIVATE, 1UL << 60, IPC_CREAT), ENOMEM);
    works(shmctl(id, IPC_STAT, &ds));
    is(ds.shm_perm.__key, key);
    is(ds.shm_perm.mode, 0640);
    is(ds.shm_perm.uid, 0);
    is(ds.shm_perm.__seq, id >> 15);
    is(ds.shm_segsz, 5000);
    is(ds.shm_cpid, getpid());
    is(ds.shm_lpid, 0);
    is(ds.shm_nattch, 0);
    is(ds.shm_atime, 0);
    is(ds.shm_dtime, 0);
    yes(ds.shm_ctime >= time(NULL) - 5 && ds.shm_ctime <= time(NULL) + 1);

    begin("attached");
    p = (char *)works(shmat(id, NULL, 0));
    is(attached(id), 1);
    is(p[4999], 0);
    memset(p, 7, 8192);
    q = (char *)works(shmat(id, NULL, SHM_RDONLY));
    is(attached(id), 2);
    is(q[8191], 7);
    p[1] = 9;
    is(q[1], 9);
    works(shmctl(id, IPC_STAT, &ds));
    is(ds.shm_lpid, getpid());
    yes(ds.shm_atime >= ds.shm_ctime);
    is(ds.shm_dtime, 0);
    status = in_child(*(volatile char *)q = 1);
    yes(killed(status, SIGSEGV));
    fails(mprotect(q, 4096, PROT_READ | PROT_WRITE), EACCES);
    works(shmdt(q));
    fails(shmdt(q), EINVAL);
    is(attached(id), 1);
    works(shmctl(id, IPC_STAT, &ds));
    yes(ds.shm_dtime >= ds.shm_atime);

    begin("addresses");
    q = (char *)works(mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    fails(shmat(id, q, 0), EINVAL);
    fails(shmat(id, q + 1, SHM_REMAP), EINVAL);
    fails(shmat(id, NULL, SHM_REMAP), EINVAL);
    is(shmat(id, q, SHM_REMAP), q);
    is(q[0], 7);
    works(shmdt(q));
    is(shmat(id, q, 0), q);
    works(shmdt(q));
    is(shmat(id, q + 100, SHM_RND), q);
    works(shmdt(q));
    fails(shmdt(q + 8), EINVAL);
    fails(shmat(id, (char *)-4096, 0), EINVAL);
    fails(shmat(-1, NULL, 0), EINVAL);
    fails(shmat(id + 32768, NULL, 0), EINVAL);
    munmap(q, 1 << 20);

    begin("maps");
    snprintf(wanted, sizeof wanted, "/SYSV%08x (deleted)", key);
    get_file("/proc/self/maps", text, sizeof text);
    snprintf(line, sizeof line, "%lx-%lx rw-s 00000000 00:01 %d ", (long)p, (long)p + 8192, id);
    q = strstr(text, line);
    yes(q);
    if (q) {
        *strchr(q, '\n') = 0;
        yes(!strcmp(q + 73, wanted));
        is(strlen(q), 73 + strlen(wanted));
    }

    begin("counted by areas");
    other = works(shmget(IPC_PRIVATE, 4 * 4096, 0600));
    q = (char *)works(shmat(other, NULL, 0));
    works(mprotect(q + 4096, 4096, PROT_READ));
    is(attached(other), 3);
    works(munmap(q + 4096, 4096));
    is(attached(other), 2);
    works(shmdt(q));
    is(attached(other), 0);
    q = (char *)works(shmat(other, NULL, 0));
    char *moved = (char *)works(mremap(q, 4 * 4096, 4 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, q - (1 << 20)));
    is(attached(other), 1);
    works(shmdt(moved));
    is(attached(other), 0);

    begin("fork, exec, exit");
    q = (char *)works(shmat(other, NULL, 0));
    int told[2], held[2];
    char byte;
    pipe(told);
    pipe(held);
    pid_t pid = fork();
    if (pid == 0) {
        q[0] = 77;
        write(told[1], "x", 1);
        read(held[0], &byte, 1);
        _exit(0);
    }
    read(told[0], &byte, 1);
    is(attached(other), 2);
    is(q[0], 77);
    write(held[1], "x", 1);
    waitpid(pid, &status, 0);
    is(attached(other), 1);
    works(shmctl(other, IPC_STAT, &ds));
    is(ds.shm_lpid, pid);
    status = in_child(execl("/bin/busybox", "true", NULL); _exit(1));
    yes(exited(status, 0));
    is(attached(other), 1);

    begin("removal waits for the last");
    works(shmctl(other, IPC_RMID, NULL));
    works(shmctl(other, IPC_STAT, &ds));
    is(ds.shm_perm.mode, 01600);
    is(ds.shm_perm.__key, 0);
    q[4096] = 5;
    char *again = (char *)works(shmat(other, NULL, 0));
    is(again[4096], 5);
    works(shmdt(q));
    is(attached(other), 1);
    works(shmdt(again));
    fails(shmctl(other, IPC_STAT, &ds), EINVAL);
    fails(shmat(other, NULL, 0), EINVAL);
    int next = works(shmget(IPC_PRIVATE, 1, 0600));
    yes(next != other);
    works(shmctl(next, IPC_RMID, NULL));
    works(shmctl(id, IPC_RMID, NULL));
    fails(shmget(key, 0, 0), ENOENT);
    works(shmdt(p));
    fails(shmctl(id, IPC_RMID, NULL), EINVAL);

    begin("permissions");
    id = works(shmget(key, 100, IPC_CREAT | 0604));
    status = in_child({
        become(1234);
        if (shmget(key, 0, 0004) != id) _exit(1);
        if (shmget(key, 0, 0006) != -1 || errno != EACCES) _exit(2);
        if (shmat(id, NULL, 0) != (void *)-1 || errno != EACCES) _exit(3);
        if (shmat(id, NULL, SHM_RDONLY) == (void *)-1) _exit(4);
        if (shmctl(id, IPC_STAT, &ds) || ds.shm_perm.mode != 0604) _exit(5);
        if (shmctl(id, IPC_RMID, NULL) != -1 || errno != EPERM) _exit(6);
        if (shmctl(id, IPC_SET, &ds) != -1 || errno != EPERM) _exit(7);
        if (shmctl(id, SHM_LOCK, NULL) != -1 || errno != EPERM) _exit(8);
        if (shmat(id, NULL, SHM_RDONLY | SHM_EXEC) != (void *)-1 || errno != EACCES) _exit(9);
    });
    yes(exited(status, 0));
    works(shmctl(id, IPC_STAT, &ds));
    ds.shm_perm.mode = 07700;
    ds.shm_perm.uid = 1234;
    ds.shm_perm.gid = 55;
    works(shmctl(id, IPC_SET, &ds));
    works(shmctl(id, IPC_STAT, &ds));
    is(ds.shm_perm.mode, 0700);
    is(ds.shm_perm.uid, 1234);
    is(ds.shm_perm.gid, 55);
    is(ds.shm_perm.cuid, 0);
    status = in_child({
        become(1234);
        if (shmat(id, NULL, 0) == (void *)-1 || shmctl(id, IPC_RMID, NULL)) _exit(1);
    });
    yes(exited(status, 0));
    fails(shmget(key, 0, 0), ENOENT);
    id = works(shmget(key, 100, IPC_CREAT | 0600));
    status = in_child({
        become(1234);
        if (shmctl(id, IPC_STAT, &ds) != -1 || errno != EACCES) _exit(1);
        if (shmctl(id & 32767, SHM_STAT, &ds) != -1 || errno != EACCES) _exit(2);
        if (shmctl(id & 32767, SHM_STAT_ANY, &ds) != id) _exit(3);
    });
    yes(exited(status, 0));

    begin("control");
    fails(shmctl(id, 99, NULL), EINVAL);
    fails(shmctl(-1, IPC_STAT, &ds), EINVAL);
    fails(shmctl(id, IPC_STAT, (void *)1), EFAULT);
    fails(shmctl(id, IPC_SET, (void *)1), EFAULT);
    fails(shmctl(id ^ 16384, IPC_STAT, &ds), EINVAL);
    works(shmctl(id, SHM_LOCK, NULL));
    works(shmctl(id, IPC_STAT, &ds));
    is(ds.shm_perm.mode, 02600);
    works(shmctl(id, SHM_UNLOCK, NULL));
    is(shmctl(id & 32767, SHM_STAT, &ds), id);
    is(ds.shm_perm.mode, 0600);
    yes(shmctl(0, IPC_INFO, (void *)&limits) >= (id & 32767));
    is(limits.shmmin, 1);
    is(limits.shmmni, 4096);
    is(limits.shmseg, 4096);
    is(limits.shmmax, 18446744073692774399UL);
    is(limits.shmall, 18446744073692774399UL);
    yes(shmctl(0, SHM_INFO, (void *)&usage) >= (id & 32767));
    is(usage.used_ids, 1);
    is(usage.shm_tot, 1);
    is(usage.shm_rss, 0);
    fails(shmget(IPC_PRIVATE, 1 << 21, SHM_HUGETLB | 0600), ENOMEM);
    fails(shmget(IPC_PRIVATE, 1 << 21, SHM_HUGETLB | 20 << 26 | 0600), EINVAL);

    begin("/proc/sysvipc/shm");
    works(shmctl(id, IPC_STAT, &ds));
    get_file("/proc/sysvipc/shm", text, sizeof text);
    *strchr(text, '\n') = 0;
    yes(!strcmp(text, "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      "
                      "atime      dtime      ctime                   rss                  swap"));
    q = listed(id);
    yes(q);
    snprintf(wanted, sizeof wanted,
             "%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u %10lu %10lu %10lu %21lu %21lu\n", key, id, 0600, 100UL,
             getpid(), 0, 0UL, 0, 0, 0, 0, 0UL, 0UL, ds.shm_ctime, 0UL, 0UL);
    yes(q && !strncmp(q, wanted, strlen(wanted)));

    begin("limits");
    is(limit("shmmni", NULL), 4096);
    is(limit("shm_next_id", NULL), -1);
    is(limit("shm_rmid_forced", NULL), 0);
    works(limit("shmmax", "8192"));
    fails(shmget(IPC_PRIVATE, 8193, 0600), EINVAL);
    works(limit("shmmax", "18446744073692774399"));
    works(limit("shmall", "2"));
    fails(shmget(IPC_PRIVATE, 8192, 0600), ENOSPC);
    other = works(shmget(IPC_PRIVATE, 4096, 0600));
    fails(shmget(IPC_PRIVATE, 4096, 0600), ENOSPC);
    works(shmctl(other, IPC_RMID, NULL));
    works(limit("shmall", "18446744073692774399"));
    works(limit("shmmni", "1"));
    fails(shmget(IPC_PRIVATE, 4096, 0600), ENOSPC);
    fails(limit("shmmni", "40000"), EINVAL);
    works(limit("shmmni", "4096"));
    works(limit("shm_next_id", "3276900"));
    is(shmget(IPC_PRIVATE, 1, 0600), 3276900);
    works(shmctl(3276900, IPC_RMID, NULL));

    begin("orphans");
    works(limit("shm_rmid_forced", "1"));
    pipe(told);
    status = in_child({
        int mine = shmget(IPC_PRIVATE, 1, 0600);
        write(told[1], &mine, sizeof mine);
        if (shmctl(mine, IPC_STAT, &before)) _exit(1);
    });
    yes(exited(status, 0));
    is(read(told[0], &other, sizeof other), sizeof other);
    fails(shmctl(other, IPC_STAT, &ds), EINVAL);
    works(limit("shm_rmid_forced", "0"));
    works(shmctl(id, IPC_STAT, &ds));

    begin("namespaces");
    status = in_child({
        p = shmat(id, NULL, 0);
        if (p == (void *)-1 || unshare(CLONE_NEWIPC)) _exit(1);
        if (shmctl(id, IPC_STAT, &ds) != -1 || errno != EINVAL) _exit(2);
        if (shmget(key, 0, 0) != -1 || errno != ENOENT) _exit(3);
        if (listed(id)) _exit(4);
        p[0] = 42;
        if (limit("shmmni", "17") || limit("shmmni", NULL) != 17) _exit(5);
        int mine = shmget(key, 4096, IPC_CREAT | 0600);
        if (mine != 0) _exit(6);
        q = shmat(mine, NULL, 0);
        if (q == (void *)-1 || q[0] != 0) _exit(7);
        if (shmdt(p)) _exit(8);
    });
    yes(exited(status, 0));
    is(limit("shmmni", NULL), 4096);
    is(attached(id), 0);
    p = (char *)works(shmat(id, NULL, 0));
    is(p[0], 42);
    works(shmdt(p));
    fails(clone((int (*)(void *))tests, text + sizeof text, CLONE_NEWIPC | CLONE_SYSVSEM | SIGCHLD, NULL), EINVAL);
    works(shmctl(id, IPC_RMID, NULL));

    begin("many");
    static int ids[300];
    for (int i = 0; i < 300; i++)
        ids[i] = works(shmget(IPC_PRIVATE, 4096, 0600));
    for (int i = 0; i < 300; i++)
        works(shmctl(ids[i], IPC_RMID, NULL));
    is(shmctl(0, SHM_INFO, (void *)&usage), 0);
    is(usage.used_ids, 0);
    is(usage.shm_tot, 0);
}
