/* What the tests of System V objects share. */
#include <grp.h>

static inline void become(int uid) {
    if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid)) _exit(99);
}

/* Writes a limit in /proc/sys/kernel; -1 and the errno if it is refused. */
static inline int write_limit(const char *name, const char *text) {
    char path[64];
    snprintf(path, sizeof path, "/proc/sys/kernel/%s", name);
    int fd = open(path, O_WRONLY);
    if (fd < 0) return -1;
    long n = write(fd, text, strlen(text));
    int error = errno;
    close(fd);
    errno = error;
    return n < 0 ? -1 : 0;
}

/* The status that a child ended with; -1 if a signal ended it. */
static inline int result(pid_t pid) {
    int status = -1;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Until a process sleeps. */
static inline int asleep(pid_t pid) {
    char path[64], state[512], *end;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    for (int i = 0; i < 15000; i++) {
        if (get_file(path, state, sizeof state) > 0 && (end = strrchr(state, ')')) && end[2] == 'S') return 1;
        pause_ms(1);
    }
    return 0;
}
