// SPDX-License-Identifier: MIT OR Apache-2.0
// Inserts a module again and again; each time the next allocation (or copy from user memory) of this thread fails, until
// all of insmod's have had their turn. /proc/self/fail-nth counts down; what is left says whether the turn came.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *name = argv[2];
	int nth, refused = 0, file = open(argv[1], O_RDONLY), fail = open("/proc/self/fail-nth", O_RDWR);

	if (argc != 3 || file < 0 || fail < 0) {
		perror("insert");
		return 1;
	}
	for (nth = 1;; nth++) {
		char text[16];
		int length = snprintf(text, sizeof(text), "%d", nth), error;

		if (pwrite(fail, text, length, 0) != length) {
			perror("fail-nth");
			return 1;
		}
		error = syscall(SYS_finit_module, file, "", 0) ? errno : 0;
		length = pread(fail, text, sizeof(text) - 1, 0);
		text[length > 0 ? length : 0] = 0;
		if (error) {
			refused++;
			if (error != ENOMEM && error != EFAULT) {
				printf("pass %d: %s\n", nth, strerror(error));
				return 1;
			}
			continue;
		}
		if (atoi(text) > 0)
			break;
		/* It failed where that is no harm. */
		if (syscall(SYS_delete_module, name, 0)) {
			perror("delete_module");
			return 1;
		}
	}
	printf("of %d passes %d were fatal, each with an errno that fits; then it loaded\n", nth - 1, refused);
	return refused ? 0 : 1;
}
