/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_STRING_H
#define _LINUX_STRING_H
#include <linux/types.h>
#include <linux/gfp.h>

extern void *memset(void *to, int byte, size_t length);
extern void *memcpy(void *to, const void *from, size_t length);
extern void *memmove(void *to, const void *from, size_t length);
extern int memcmp(const void *a, const void *b, size_t length);
extern void *memchr(const void *at, int byte, size_t length);
extern size_t strlen(const char *text);
extern size_t strnlen(const char *text, size_t most);
extern int strcmp(const char *a, const char *b);
extern int strncmp(const char *a, const char *b, size_t most);
extern int strcasecmp(const char *a, const char *b);
extern int strncasecmp(const char *a, const char *b, size_t most);
extern char *strcpy(char *to, const char *from);
extern char *strncpy(char *to, const char *from, size_t room);
extern ssize_t strscpy(char *to, const char *from, size_t room);
extern size_t strlcpy(char *to, const char *from, size_t room);
extern char *strcat(char *to, const char *from);
extern char *strncat(char *to, const char *from, size_t most);
extern size_t strlcat(char *to, const char *from, size_t room);
extern char *strchr(const char *text, int byte);
extern char *strrchr(const char *text, int byte);
extern char *strstr(const char *text, const char *wanted);
extern size_t strspn(const char *text, const char *set);
extern size_t strcspn(const char *text, const char *set);
extern char *strpbrk(const char *text, const char *set);
extern char *strsep(char **text, const char *set);
extern char *skip_spaces(const char *text);
extern char *strim(char *text);
extern char *kstrdup(const char *text, gfp_t flags) __malloc;
extern char *kstrndup(const char *text, size_t most, gfp_t flags) __malloc;
extern void *kmemdup(const void *from, size_t length, gfp_t flags);
extern __printf(2, 3) char *kasprintf(gfp_t flags, const char *format, ...);
/* The first byte that is another one. */
static inline void *memchr_inv(const void *at, int byte, size_t length)
{
	const unsigned char *bytes = at;

	for (; length; length--, bytes++)
		if (*bytes != (unsigned char)byte)
			return (void *)bytes;
	return NULL;
}
static inline char *strstrip(char *text) { return strim(text); }
static inline void memzero_explicit(void *to, size_t length) { memset(to, 0, length); barrier(); }
#define sysfs_streq(a, b) (!strcmp(a, b))

#endif
