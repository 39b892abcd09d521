/* uts_namespaces(7) by unshare(2) and clone(2). */
#include "check.h"
#include <sys/utsname.h>

static char *host(void) {
    static struct utsname u;
    uname(&u);
    return u.nodename;
}

static int child(void *name) {
    return sethostname(name, strlen(name)) || strcmp(host(), name);
}

static void tests(void) {
    static char stack[65536], text[100], before[100];
    int status, p[2];
    pid_t pid;

    strcpy(before, host());

    begin("a name set after unshare is the caller's own");
    status = in_child({
        if (unshare(CLONE_NEWUTS)) _exit(1);
        if (strcmp(host(), before)) _exit(2);
        if (sethostname("apart", 5) || strcmp(host(), "apart")) _exit(3);
        if (setdomainname("d", 1)) _exit(4);
        if (get_file("/proc/sys/kernel/hostname", text, sizeof text) != 6 || strcmp(text, "apart\n")) _exit(5);
    });
    yes(exited(status, 0));
    is(strcmp(host(), before), 0);
    get_file("/proc/sys/kernel/hostname", text, sizeof text);
    text[strcspn(text, "\n")] = 0;
    is(strcmp(text, before), 0);

    begin("a child of clone has one of its own, and its children share it");
    works(pid = clone(child, stack + sizeof stack, CLONE_NEWUTS | SIGCHLD, "cloned"));
    is(waitpid(pid, &status, 0), pid);
    yes(exited(status, 0));
    is(strcmp(host(), before), 0);
    status = in_child({
        if (unshare(CLONE_NEWUTS) || sethostname("shared", 6)) _exit(1);
        int inner = in_child({ _exit(strcmp(host(), "shared") || sethostname("both", 4)); });
        if (!exited(inner, 0) || strcmp(host(), "both")) _exit(2);
    });
    yes(exited(status, 0));

    begin("each thread may have its own");
    status = in_child({
        pid_t self = getpid();
        void *alone(void *unused) { return (void *)(long)(unused || unshare(CLONE_NEWUTS) || sethostname("t", 1)); }
        pthread_t thread;
        void *bad = (void *)1;
        pthread_create(&thread, NULL, alone, NULL);
        pthread_join(thread, &bad);
        if (bad || strcmp(host(), before) || getpid() != self) _exit(1);
    });
    yes(exited(status, 0));

    begin("written through /proc it is the writer's");
    status = in_child({
        if (unshare(CLONE_NEWUTS)) _exit(1);
        put_file("/proc/sys/kernel/hostname", "written\n");
        if (strcmp(host(), "written")) _exit(2);
    });
    yes(exited(status, 0));
    is(strcmp(host(), before), 0);

    begin("privilege");
    status = in_child({
        if (setuid(1000)) _exit(1);
        if (unshare(CLONE_NEWUTS) != -1 || errno != EPERM) _exit(2);
        if (clone(child, stack + sizeof stack, CLONE_NEWUTS | SIGCHLD, "no") != -1 || errno != EPERM) _exit(3);
    });
    yes(exited(status, 0));

    begin("what makes no sense");
    fails(unshare(1 << 20), EINVAL);
    fails(unshare(CLONE_NEWUTS | 1), EINVAL);
    yes(pipe(p) == 0);
    is(strcmp(host(), before), 0);
}
