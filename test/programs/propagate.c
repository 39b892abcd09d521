// test: limit=300
/* Propagation of mounts (mount_namespaces(7)): shared, slave, unbindable, in three namespaces of which one belongs to other
   users. Drawn operations, the same on every run; after each an answer says what was answered and what every namespace then
   has mounted where, in which groups. */
#include "check.h"
#include <sys/mount.h>
#include <sys/sysmacros.h>

#define TOP "/tmp/propagate"
enum { SPACES = 3, MOST = 400, STEPS = 120 };

/* One line of mountinfo. */
struct line {
    int id, parent, depth;
    char root[64], at[96], flags[64], tags[128];
};
static struct line lines[SPACES][MOST];
static int nlines[SPACES];
static pid_t keeper[SPACES];
static int orders[SPACES], answers[SPACES];

static int by_place(const void *a, const void *b) {
    const struct line *x = a, *y = b;
    int c = strcmp(x->at, y->at);
    return c ? c : x->depth - y->depth;
}

static void look(int space) {
    static char text[1 << 17];
    char path[64], *rest, *line;
    snprintf(path, sizeof path, "/proc/%d/mountinfo", keeper[space]);
    get_file(path, text, sizeof text);
    int n = 0;
    for (line = strtok_r(text, "\n", &rest); line && n < MOST; line = strtok_r(NULL, "\n", &rest)) {
        struct line *l = &lines[space][n];
        int used = 0;
        if (sscanf(line, "%d %d %*s %63s %95s %63s %n", &l->id, &l->parent, l->root, l->at, l->flags, &used) < 5)
            continue;
        if (strncmp(l->at, TOP, strlen(TOP)))
            continue;
        char *dash = strstr(line + used, "- ");
        snprintf(l->tags, sizeof l->tags, "%.*s", (int)(dash - line - used), line + used);
        n++;
    }
    nlines[space] = n;
    for (int i = 0; i < n; i++) {
        struct line *l = &lines[space][i];
        l->depth = 0;
        for (int up = l->parent, j = 0; j < n; j++)
            if (lines[space][j].id == up) {
                l->depth++;
                up = lines[space][j].parent;
                j = -1;
            }
    }
    qsort(lines[space], n, sizeof **lines, by_place);
}

/* Group numbers by first mention. */
static int named[1000], nnamed;
static int name_of(int id) {
    for (int i = 0; i < nnamed; i++)
        if (named[i] == id)
            return i + 1;
    named[nnamed++] = id;
    return nnamed;
}

static char state[1 << 16];
static void write_state(void) {
    char *at = state;
    nnamed = 0;
    for (int space = 0; space < SPACES; space++) {
        look(space);
        at += sprintf(at, "[%d]", space);
        for (int i = 0; i < nlines[space] && at < state + sizeof state - 600; i++) {
            struct line *l = &lines[space][i];
            at += sprintf(at, " %s%s", l->at + strlen(TOP), strcmp(l->root, "/") ? l->root : "");
            char *word, *rest;
            for (word = strtok_r(l->tags, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
                int id;
                if (sscanf(word, "shared:%d", &id) == 1) at += sprintf(at, ":S%d", name_of(id));
                else if (sscanf(word, "master:%d", &id) == 1) at += sprintf(at, ":M%d", name_of(id));
                else if (sscanf(word, "propagate_from:%d", &id) == 1) at += sprintf(at, ":F%d", name_of(id));
                else at += sprintf(at, ":%s", word);
            }
        }
    }
}

/* One operation, as the keepers of the namespaces do it. */
struct order { int what, flags; char from[96], to[96]; };
enum { QUIT, MOUNT, BIND, MOVE, KIND, UMOUNT };

static int obey(const struct order *o) {
    char path[140];
    int result;
    switch (o->what) {
    case MOUNT:
        result = mount("t", o->to, "tmpfs", 0, "size=64k");
        if (result == 0)
            for (int i = 0; i < 2; i++) {
                snprintf(path, sizeof path, "%s/%c", o->to, 'x' + i);
                mkdir(path, 0755);
            }
        break;
    case BIND: result = mount(o->from, o->to, NULL, MS_BIND | o->flags, NULL); break;
    case MOVE: result = mount(o->from, o->to, NULL, MS_MOVE, NULL); break;
    case KIND: result = mount(NULL, o->to, NULL, o->flags, NULL); break;
    case UMOUNT: result = umount2(o->to, o->flags); break;
    default: _exit(0);
    }
    return result ? errno : 0;
}
static void keep(int in, int out, int users) {
    struct order o;
    int answer = users ? unshare(CLONE_NEWNS | 0x10000000) : unshare(CLONE_NEWNS);
    (void)!write(out, &answer, sizeof answer);
    while (read(in, &o, sizeof o) == sizeof o) {
        answer = obey(&o);
        (void)!write(out, &answer, sizeof answer);
    }
    _exit(0);
}
static void start(int space, int users) {
    int to[2], from[2], answer;
    works(pipe2(to, O_CLOEXEC));
    works(pipe2(from, O_CLOEXEC));
    fflush(stdout);
    if ((keeper[space] = fork()) == 0) {
        for (int i = 1; i < space; i++)
            close(orders[i]);
        close(to[1]);
        keep(to[0], from[1], users);
    }
    close(to[0]);
    close(from[1]);
    orders[space] = to[1];
    answers[space] = from[0];
    (void)!read(from[0], &answer, sizeof answer);
    is(answer, 0);
    if (users) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/uid_map", keeper[space]);
        put_file(path, "0 0 4294967295\n");
    }
}
static int order(int space, int what, const char *from, const char *to, int flags) {
    struct order o = {what, flags, "", ""};
    int answer = -1;
    snprintf(o.from, sizeof o.from, TOP "%s", from);
    snprintf(o.to, sizeof o.to, TOP "%s", to);
    if (space == 0)
        return obey(&o);
    (void)!write(orders[space], &o, sizeof o);
    (void)!read(answers[space], &answer, sizeof answer);
    return answer;
}

static uint64_t seed;
static unsigned draw(unsigned below) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (seed >> 33) % below;
}
static const char *const places[] = {"/a", "/b", "/c", "/a/x", "/a/y", "/b/x", "/b/y", "/c/x", "/c/y", "/a/x/x", "/b/x/y", "/c/y/x", "/a/x/y"};
static const char *place(void) { return places[draw(sizeof places / sizeof *places)]; }

static unsigned hash(const char *s) {
    unsigned h = 2166136261u;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    return h;
}

/* Builds the ground, with namespaces of it once some of it is shared, or before. */
static void ground(int round) {
    mkdir(TOP, 0755);
    works(mount("top", TOP, "tmpfs", 0, NULL));
    works(mount(NULL, TOP, NULL, MS_PRIVATE, NULL));
    for (const char *c = "abc"; *c; c++)
        for (int i = 0; i < 3; i++) {
            char path[64];
            snprintf(path, sizeof path, i ? TOP "/%c/%c" : TOP "/%c", *c, 'w' + i);
            mkdir(path, 0755);
        }
    keeper[0] = getpid();
    if (round % 3 == 0)
        works(mount(NULL, TOP, NULL, MS_SHARED, NULL));
    if (round % 3 == 1) {
        works(mount("t", TOP "/a", "tmpfs", 0, NULL));
        mkdir(TOP "/a/x", 0755);
        mkdir(TOP "/a/y", 0755);
        works(mount(NULL, TOP "/a", NULL, MS_SHARED, NULL));
        works(mount(TOP "/a", TOP "/b", NULL, MS_BIND, NULL));
        works(mount(NULL, TOP "/b", NULL, MS_SLAVE, NULL));
        works(mount(NULL, TOP "/b", NULL, MS_SHARED, NULL));
    }
    if (round % 3 == 2) {
        works(mount(TOP "/a", TOP "/a", NULL, MS_BIND, NULL));
        works(mount(NULL, TOP "/a", NULL, MS_SHARED, NULL));
    }
    start(1, 0);
    start(2, 1);
}
static void clear(void) {
    for (int space = 1; space < SPACES; space++) {
        close(orders[space]);
        close(answers[space]);
        waitpid(keeper[space], NULL, 0);
    }
    works(umount2(TOP, MNT_DETACH));
}

static void rounds(int round) {
    static const int kinds[] = {MS_SHARED, MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE};
    seed = round * 7919 + 12345;
    ground(round);
    write_state();
    printf("answer round %d: %s\n", round, state);
    for (int step = 0; step < STEPS; step++) {
        int space = draw(4) % SPACES, what = draw(16), error, total = 0;
        const char *from = place(), *to = place(), *name;
        int flags = draw(3) ? 0 : MS_REC, kind = kinds[draw(5)], lazy = draw(2) ? MNT_DETACH : 0;
        for (int i = 0; i < SPACES; i++)
            total += nlines[i];
        if (total > 90) {
            what = 12;
            to = places[step % 3];
            lazy = MNT_DETACH;
        }
        if (what < 4) error = order(space, MOUNT, "", to, 0), name = "mount";
        else if (what < 7) error = order(space, BIND, from, to, flags), name = flags ? "rbind" : "bind";
        else if (what < 8) error = order(space, MOVE, from, to, 0), name = "move";
        else if (what < 12) error = order(space, KIND, "", to, kind | flags), name = kind == MS_SHARED ? "shared" : kind == MS_SLAVE ? "slave" : kind == MS_PRIVATE ? "private" : "unbindable";
        else error = order(space, UMOUNT, "", to, lazy), name = lazy ? "detach" : "umount";
        write_state();
        /* All of it where it has to be looked at; else what stands for it. */
#ifdef ALL
        printf("answer %d.%03d: [%d] %s%s %s %s = %d: %s\n", round, step, space, name, flags ? "+" : "", from, to, error, state);
#else
        printf("answer %d.%03d: [%d] %s%s %s %s = %d: %08x\n", round, step, space, name, flags ? "+" : "", from, to, error, hash(state));
#endif
    }
    printf("answer end of round %d: %s\n", round, state);
    clear();
}

static int in(int space, const char *tag, const char *at) {
    look(space);
    for (int i = nlines[space] - 1; i >= 0; i--)
        if (!strcmp(lines[space][i].at + strlen(TOP), at))
            return strstr(lines[space][i].tags, tag) != NULL;
    return -1;
}

static void rules(void) {
    ground(2);
    begin("a mount reaches the peers, and those below a slave not");
    is(in(0, "shared:", "/a"), 1);
    is(in(1, "shared:", "/a"), 1);
    is(in(2, "master:", "/a"), 1);
    is(in(2, "shared:", "/a"), 0);
    is(order(1, MOUNT, "", "/a/x", 0), 0);
    is(in(0, "shared:", "/a/x"), 1);
    is(in(2, "master:", "/a/x"), 1);
    is(order(2, MOUNT, "", "/a/y", 0), 0);
    is(in(0, "", "/a/y"), -1);
    is(in(1, "", "/a/y"), -1);

    begin("it is taken away everywhere");
    is(order(0, UMOUNT, "", "/a/x", 0), 0);
    is(in(1, "", "/a/x"), -1);
    is(in(2, "", "/a/x"), -1);

    begin("flags that are no kind, and places that are no mount");
    is(order(0, KIND, "", "/a", MS_SHARED | MS_PRIVATE), EINVAL);
    is(order(0, KIND, "", "/a", MS_SHARED | MS_NOSUID), EINVAL);
    is(order(0, KIND, "", "/a", MS_SHARED | MS_SILENT), 0);
    is(order(0, KIND, "", "/a/x", MS_SHARED), EINVAL);
    is(order(0, KIND, "", "/none", MS_SHARED), ENOENT);

    begin("an unbindable mount can't be bound, nor moved to where it would be copied");
    is(order(0, MOUNT, "", "/b", 0), 0);
    is(order(0, KIND, "", "/b", MS_UNBINDABLE), 0);
    is(in(0, "unbindable", "/b"), 1);
    is(order(0, BIND, "/b", "/c", 0), EINVAL);
    is(order(0, BIND, "/b", "/c", MS_REC), EINVAL);
    is(order(0, MOVE, "/b", "/a/x", 0), EINVAL);
    is(order(0, BIND, "/", "/c", MS_REC), 0);
    is(in(0, "", "/c/a"), 1);
    is(in(0, "", "/c/b"), -1);
    is(order(0, KIND, "", "/b", MS_SLAVE), 0);
    is(in(0, "unbindable", "/b"), 1);
    is(order(0, MOVE, "/b", "/b/x", 0), ELOOP);
    is(order(0, UMOUNT, "", "/c", MNT_DETACH), 0);

    begin("nothing is moved from under a shared mount");
    is(order(0, MOUNT, "", "/a/y", 0), 0);
    is(order(0, MOVE, "/a/y", "/b/x", 0), EINVAL);
    is(order(0, MOVE, "/b", "/c", 0), 0);
    is(order(0, KIND, "", "/a", MS_PRIVATE), 0);
    is(order(0, MOVE, "/a/y", "/b", 0), 0);
    is(in(0, "shared:", "/b"), 1);

    begin("pivot_root wants private places");
    int status = in_child({
        if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) _exit(1);
        if (mount("t", TOP "/a", "tmpfs", 0, NULL) || mkdir(TOP "/a/new", 0755) || mkdir(TOP "/a/new/b", 0755)) _exit(2);
        if (mount("t", TOP "/a/new/b", "tmpfs", 0, NULL) || mkdir(TOP "/a/new/b/old", 0755)) _exit(3);
        if (chroot(TOP "/a") || chdir("/")) _exit(4);
        if (mount(NULL, "/", NULL, MS_SHARED, NULL)) _exit(5);
        if (syscall(SYS_pivot_root, "/new/b", "/new/b/old") != -1 || errno != EINVAL) _exit(6);
        if (mount(NULL, "/", NULL, MS_PRIVATE, NULL)) _exit(7);
        if (mount(NULL, "/new/b", NULL, MS_SHARED, NULL)) _exit(8);
        if (syscall(SYS_pivot_root, "/new/b", "/new/b/old") != -1 || errno != EINVAL) _exit(9);
        if (mount(NULL, "/new/b", NULL, MS_PRIVATE, NULL)) _exit(10);
        if (syscall(SYS_pivot_root, "/new/b", "/new/b/old")) _exit(11);
    });
    is(WEXITSTATUS(status), 0);
    clear();

    begin("a file of a peer that is in use keeps all from being taken away");
    ground(0);
    is(order(0, MOUNT, "", "/b", 0), 0);
    is(in(1, "shared:", "/b"), 1);
    char path[128];
    snprintf(path, sizeof path, "/proc/%d/root" TOP "/b/x", keeper[1]);
    int fd = works(open(path, O_RDONLY | O_DIRECTORY));
    is(order(0, UMOUNT, "", "/b", 0), EBUSY);
    is(in(0, "shared:", "/b"), 1);
    close(fd);
    is(order(0, UMOUNT, "", "/b", 0), 0);
    is(in(1, "", "/b"), -1);

    begin("no more than fs.mount-max");
    char max[32], text[32];
    yes(get_file("/proc/sys/fs/mount-max", max, sizeof max) > 0);
    is(atoi(max), 100000);
    is(order(0, MOUNT, "", "/b", 0), 0);
    for (int i = 0; i < 5; i++)
        is(order(0, BIND, "/b", "/b/x", 0), 0);
    static char all[1 << 16];
    int n = 0;
    get_file("/proc/self/mountinfo", all, sizeof all);
    for (char *c = all; *c; c++) n += *c == '\n';
    snprintf(text, sizeof text, "%d\n", n + 1);
    put_file("/proc/sys/fs/mount-max", text);
    is(order(0, MOUNT, "", "/c/y", 0), 0);
    is(order(0, MOUNT, "", "/c/x", 0), ENOSPC);
    is(order(0, BIND, "/b", "/c/x", MS_REC), ENOSPC);
    is(order(0, UMOUNT, "", "/c/y", 0), 0);
    is(order(0, MOUNT, "", "/c/x", 0), 0);
    put_file("/proc/sys/fs/mount-max", max);
    is(order(0, UMOUNT, "", "/b", MNT_DETACH), 0);
    clear();
}

static void tests(void) {
    mkdir("/tmp", 01777);
    works(unshare(CLONE_NEWNS));
    works(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    rules();
    for (int round = 0; round < 6; round++)
        rounds(round);
}
