/* Which processors there are: /sys/devices/system/cpu. */
// test: smp=1,2
#include "check.h"
#include <dirent.h>

static char text[4096];
static const char *said(const char *name) {
    char path[128];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/%s", name);
    return get_file(path, text, sizeof text) < 0 ? "none" : text;
}

static void tests(void) {
    cpu_set_t set;
    is(sched_getaffinity(0, sizeof set, &set), 0);
    int count = CPU_COUNT(&set);
    char wanted[32] = "0\n";
    if (count > 1) snprintf(wanted, sizeof wanted, "0-%d\n", count - 1);

    begin("those that run");
    is(strcmp(said("online"), wanted), 0);
    is(strcmp(said("present"), wanted), 0);
    is(strncmp(said("possible"), "0", 1), 0);
    is(atoi(said("offline")), 0);
    yes(atoi(said("kernel_max")) + 1 >= count);
    is(sysconf(_SC_NPROCESSORS_ONLN), count);

    begin("a directory for each");
    DIR *dir = opendir("/sys/devices/system/cpu");
    int found = 0, number, end;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        end = 0;
        if (sscanf(entry->d_name, "cpu%d%n", &number, &end) == 1 && !entry->d_name[end]) {
            found++;
            yes(number < count && entry->d_type == DT_DIR);
        }
    }
    is(found, count);
    if (dir) closedir(dir);

    begin("nobody writes them");
    struct stat st;
    is(stat("/sys/devices/system/cpu/online", &st), 0);
    is(st.st_mode, S_IFREG | 0444);
    is(stat("/sys/devices/system/cpu", &st), 0);
    is(st.st_mode, S_IFDIR | 0755);
}
