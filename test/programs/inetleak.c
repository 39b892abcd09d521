// Nothing is left of sockets that are gone.
// test: smp=2 limit=200
#include "inet.h"
static long free_kib(void) {
    static char t[8192];
    get_file("/proc/meminfo", t, sizeof t);
    char *f = strstr(t, "MemFree:");
    return f ? atol(f + 8) : -1;
}
/* Connections that are reset, accepted before or after, with data that nobody read; datagrams to oneself. */
static void round_of(int n) {
    static char data[20000];
    int l = opened(SOCK_STREAM);
    set(l, SOL_SOCKET, SO_REUSEADDR, 1);
    works(bound_to(l, "127.0.0.1", 7000));
    works(listen(l, 100));
    for (int i = 0; i < n; i++) {
        int a = opened(SOCK_STREAM);
        works(connected_to(a, "127.0.0.1", 7000));
        int b = i % 3 ? works(accept(l, NULL, NULL)) : -1;
        works(send(a, data, sizeof data, MSG_NOSIGNAL));
        struct linger now = {1, 0};
        works(setsockopt(a, SOL_SOCKET, SO_LINGER, &now, sizeof now));
        close(a);
        if (b >= 0) close(b);
        else close(works(accept(l, NULL, NULL)));
        int u = opened(SOCK_DGRAM);
        works(bound_to(u, "127.0.0.1", 0));
        works(connected_to(u, "127.0.0.1", port_of(u)));
        works(send(u, data, 5000, 0));
        close(u);
    }
    close(l);
}
static void tests(void) {
    begin("neither memory nor names");
    works(set_flags("lo", IFF_UP));
    round_of(300);
    long before = free_kib();
    round_of(900);
    pause_ms(500);
    long after = free_kib();
    /* What they sent was 22 MiB. */
    is(before - after > 4000 ? before - after : 0, 0);
    static char text[1 << 16];
    get_file("/proc/net/tcp", text, sizeof text);
    int lines = 0;
    for (char *p = text; *p; p++) lines += *p == '\n';
    is(lines, 1);
    get_file("/proc/net/udp", text, sizeof text);
    lines = 0;
    for (char *p = text; *p; p++) lines += *p == '\n';
    is(lines, 1);
}
