/* What the tests of fanotify(7) share: a queue's events as text that does not change from run to run. */
#ifndef FAN_H
#define FAN_H
#include "check.h"
#include <linux/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statfs.h>

static int queue = -1;

static const struct { unsigned bit; const char *name; } fan_bits[] = {
    {FAN_ACCESS, "ACCESS"}, {FAN_MODIFY, "MODIFY"}, {FAN_ATTRIB, "ATTRIB"}, {FAN_CLOSE_WRITE, "CLOSE_WRITE"},
    {FAN_CLOSE_NOWRITE, "CLOSE_NOWRITE"}, {FAN_OPEN, "OPEN"}, {FAN_MOVED_FROM, "MOVED_FROM"}, {FAN_MOVED_TO, "MOVED_TO"},
    {FAN_CREATE, "CREATE"}, {FAN_DELETE, "DELETE"}, {FAN_DELETE_SELF, "DELETE_SELF"}, {FAN_MOVE_SELF, "MOVE_SELF"},
    {FAN_OPEN_EXEC, "OPEN_EXEC"}, {FAN_Q_OVERFLOW, "Q_OVERFLOW"}, {FAN_FS_ERROR, "FS_ERROR"}, {FAN_OPEN_PERM, "OPEN_PERM"},
    {FAN_ACCESS_PERM, "ACCESS_PERM"}, {FAN_OPEN_EXEC_PERM, "OPEN_EXEC_PERM"}, {FAN_RENAME, "RENAME"}, {FAN_ONDIR, "ONDIR"},
};

static inline int fan_init(unsigned flags, unsigned event_flags) {
    return syscall(SYS_fanotify_init, flags, event_flags);
}
static inline int fan_mark(int fd, unsigned flags, uint64_t mask, int dir, const char *path) {
    return syscall(SYS_fanotify_mark, fd, flags, mask, dir, path);
}
static inline int mark(unsigned flags, uint64_t mask, const char *path) {
    return fan_mark(queue, flags, mask, AT_FDCWD, path);
}

/* Files that handles are known of, by a word. */
struct known { const char *word; int type; unsigned len; unsigned char bytes[128]; uint64_t fsid; };
static struct known knowns[32];
static int known_count;

static inline int handle_of(const char *path, struct known *k) {
    struct { struct file_handle h; unsigned char room[128]; } at = {.h = {.handle_bytes = 128}};
    struct statfs fs;
    int id;
    if (name_to_handle_at(AT_FDCWD, path, &at.h, &id, 0) || statfs(path, &fs))
        return -1;
    k->type = at.h.handle_type;
    k->len = at.h.handle_bytes;
    memcpy(k->bytes, at.h.f_handle, k->len);
    memcpy(&k->fsid, &fs.f_fsid, 8);
    return 0;
}
static inline void know(const char *path, const char *word) {
    struct known *k = &knowns[known_count++];
    k->word = word;
    if (handle_of(path, k))
        known_count--;
}
static inline const char *word_of(struct fanotify_event_info_fid *fid) {
    struct file_handle *h = (void *)fid->handle;
    uint64_t fsid;
    memcpy(&fsid, &fid->fsid, 8);
    for (int i = known_count - 1; i >= 0; i--) {
        struct known *k = &knowns[i];
        if (k->fsid == fsid && k->type == h->handle_type && k->len == h->handle_bytes && !memcmp(k->bytes, h->f_handle, k->len))
            return k->word;
    }
    return "?";
}

static int close_told = 1;
static int last_fd = -1;

static inline int fan_say(char *out, size_t room, struct fanotify_event_metadata *e) {
    int at = 0, first = 1;
    uint64_t rest = e->mask;
    for (size_t b = 0; b < sizeof fan_bits / sizeof *fan_bits; b++)
        if (e->mask & fan_bits[b].bit) {
            at += snprintf(out + at, room - at, "%s%s", first ? "" : "|", fan_bits[b].name);
            first = 0;
            rest &= ~(uint64_t)fan_bits[b].bit;
        }
    if (rest)
        at += snprintf(out + at, room - at, "|%#llx", (unsigned long long)rest);
    if (e->vers != 3 || e->metadata_len != 24 || e->reserved)
        at += snprintf(out + at, room - at, " bad head");
    if (e->pid != getpid())
        at += snprintf(out + at, room - at, e->pid ? " by another" : " by nobody");
    last_fd = e->fd;
    if (e->fd >= 0) {
        char link[64], path[4096];
        snprintf(link, sizeof link, "/proc/self/fd/%d", e->fd);
        long n = readlink(link, path, sizeof path - 1);
        path[n < 0 ? 0 : n] = 0;
        char *base = strrchr(path, '/');
        if (base && base[1] == '#')
            base[2] = 0; /* without a name: a number that differs */
        at += snprintf(out + at, room - at, " fd:%s", base ? base + 1 : path);
        if (close_told)
            close(e->fd);
    } else if (e->fd != FAN_NOFD)
        at += snprintf(out + at, room - at, " fd %d", e->fd);
    for (unsigned i = e->metadata_len; i < e->event_len;) {
        struct fanotify_event_info_header *h = (void *)((char *)e + i);
        static const char *const types[] = {"0", "FID", "DFID_NAME", "DFID", "PIDFD", "ERROR", "6", "7", "8", "9", "OLD", "11", "NEW"};
        at += snprintf(out + at, room - at, " %s", h->info_type < 13 ? types[h->info_type] : "?");
        if (h->info_type == FAN_EVENT_INFO_TYPE_PIDFD) {
            int fd = ((struct fanotify_event_info_pidfd *)h)->pidfd;
            at += snprintf(out + at, room - at, fd < 0 ? ":%d" : ":open", fd);
            if (fd >= 0)
                close(fd);
        } else {
            struct fanotify_event_info_fid *fid = (void *)h;
            struct file_handle *f = (void *)fid->handle;
            char *name = (char *)f->f_handle + f->handle_bytes;
            unsigned used = name - (char *)h;
            at += snprintf(out + at, room - at, ":%s", word_of(fid));
            if (used < h->len)
                at += snprintf(out + at, room - at, "/%s", name);
            at += snprintf(out + at, room - at, h->len % 4 ? " odd" : "");
        }
        if (!h->len)
            break;
        i += h->len;
    }
    return at;
}

/* All that is in the queue, as an answer called NAME. */
static inline void told(const char *name) {
    static char buffer[65536], line[16384];
    int at = 0;
    long n;
    line[0] = 0;
    while ((n = read(queue, buffer, sizeof buffer)) > 0)
        for (long i = 0; i < n;) {
            struct fanotify_event_metadata *e = (void *)(buffer + i);
            at += snprintf(line + at, sizeof line - at, "%s", at ? ", " : "");
            at += fan_say(line + at, sizeof line - at, e);
            i += e->event_len;
        }
    printf("answer %s: %s\n", name, line);
    fflush(stdout);
}
static inline void touch(const char *path) {
    close(open(path, O_CREAT | O_WRONLY, 0600));
}
static inline void fresh(unsigned flags, unsigned event_flags) {
    close(queue);
    queue = works(fan_init(flags | FAN_NONBLOCK | FAN_CLOEXEC, event_flags));
}
#endif
