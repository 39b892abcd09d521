/* What every test program uses: one line per check on standard output, and a last line that says it got to its end.
   A program tests one family of calls; it includes this file alone and is compiled statically. */
#ifndef CHECK_H
#define CHECK_H
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *check_name = "?";
static int check_bad;

/* Begins the check called NAME; the one before it ends. */
static inline void check_end(void) {
    if (strcmp(check_name, "?") && !check_bad)
        printf("ok %s\n", check_name);
    check_bad = 0;
    check_name = "?";
    fflush(stdout);
}
static inline void begin(const char *name) {
    check_end();
    check_name = name;
}
static inline void check_fail(int line, const char *what, long got, const char *wanted, int error) {
    if (!check_bad)
        printf("not ok %s: line %d: %s: got %ld, wanted %s (errno %d %s)\n", check_name, line, what, got, wanted, error,
               strerror(error));
    check_bad = 1;
    fflush(stdout);
}
static inline void skip(const char *why) {
    printf("skip %s: %s\n", check_name, why);
    check_name = "?";
}

/* The expression is true. */
#define yes(e) do { errno = 0; long got_ = (long)(e); if (!got_) check_fail(__LINE__, #e, got_, "true", errno); } while (0)
/* The expression gives this number. */
#define is(e, want) do { errno = 0; long got_ = (long)(e), want_ = (long)(want); if (got_ != want_) { char w_[64]; \
    snprintf(w_, sizeof w_, "%ld", want_); check_fail(__LINE__, #e, got_, w_, errno); } } while (0)
/* The call works: its result is not -1. Gives the result. */
#define works(e) ({ errno = 0; long got_ = (long)(e); if (got_ == -1) check_fail(__LINE__, #e, got_, "success", errno); got_; })
/* The call fails with this errno. */
#define fails(e, want) do { errno = 0; long got_ = (long)(e); int err_ = errno; if (got_ != -1 || err_ != (want)) \
    check_fail(__LINE__, #e, got_, "-1 with " #want, err_); } while (0)

/* Runs BODY in a child; gives the status of wait. */
#define in_child(...) ({ fflush(stdout); pid_t pid_ = fork(); if (pid_ == 0) { __VA_ARGS__; _exit(0); } \
    int status_ = -1; while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {} status_; })

/* A child that does BODY and lives until the caller closes *END; its number, once BODY is done. */
#define waiting_child(end, ...) ({ int told_[2], held_[2]; char byte_; (void)!pipe(told_); (void)!pipe(held_); \
    fflush(stdout); pid_t pid_ = fork(); if (pid_ == 0) { close(held_[1]); { __VA_ARGS__; } (void)!write(told_[1], "x", 1); \
    (void)!read(held_[0], &byte_, 1); _exit(0); } close(told_[1]); (void)!read(told_[0], &byte_, 1); close(told_[0]); \
    close(held_[0]); *(end) = held_[1]; pid_; })
#define exited(status, code) (WIFEXITED(status) && WEXITSTATUS(status) == (code))
#define killed(status, sig) (WIFSIGNALED(status) && WTERMSIG(status) == (sig))

static inline int64_t now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}
static inline void pause_ms(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&t, &t) < 0 && errno == EINTR) {}
}
/* The time of this clock so many ms from now. */
static inline struct timespec in_ms(clockid_t clock, long ms) {
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000)
        t.tv_sec++, t.tv_nsec -= 1000000000;
    return t;
}
static inline int full(void) {
    const char *v = getenv("GAON_FULL");
    return v && *v == '1';
}
static inline void put_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd >= 0) {
        (void)!write(fd, text, strlen(text));
        close(fd);
    }
}
/* 0, or the errno of a write of all of TEXT to PATH, which is there. */
static inline int try_put(const char *path, const char *text) {
    int fd = open(path, O_WRONLY);
    if (fd < 0)
        return errno;
    ssize_t n = write(fd, text, strlen(text));
    int error = n == (ssize_t)strlen(text) ? 0 : errno;
    close(fd);
    return error;
}
static inline long get_file(const char *path, char *buffer, size_t size) {
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return -1;
    size_t at = 0;
    long n;
    while (at < size - 1 && (n = read(fd, buffer + at, size - 1 - at)) > 0)
        at += n;
    buffer[at] = 0;
    close(fd);
    return at;
}

static void tests(void);
int main(void) {
    tests();
    check_end();
    puts("done");
    return 0;
}
#endif
