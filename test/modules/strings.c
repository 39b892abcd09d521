// SPDX-License-Identifier: MIT OR Apache-2.0
// Text and memory: what searches, compares, copies, reads numbers and writes them. The compiler knows no text beforehand.
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>

static char room[64];

static noinline char *of(const char *text)
{
	asm volatile("" : "+r"(text));
	return (char *)text;
}

/* Where something was found; -1 for nowhere. */
static long at(const char *text, const void *found)
{
	return found ? (const char *)found - text : -1;
}

static int sign(int n)
{
	return n < 0 ? -1 : n > 0;
}

/* The compiler has its own of these unless it does not see which function it is. */
static void *(*volatile fill)(void *, int, size_t) = memset;
static void *(*volatile copy)(void *, const void *, size_t) = memcpy;
static size_t (*volatile bounded_length)(const char *, size_t) = strnlen;

static void searching(void)
{
	char *t = of("one, two; three"), *rest = room;
	size_t len = strlen(t);

	pr_info("strings: length %zu, at most %zu %zu\n", len, bounded_length(t, 4), bounded_length(t, 40));
	pr_info("strings: memchr %ld %ld\n", at(t, memchr(t, 'w', len)), at(t, memchr(t, 'w', 6)));
	pr_info("strings: strchr %ld %ld %ld\n", at(t, strchr(t, 't')), at(t, strchr(t, 'z')), at(t, strchr(t, 0)));
	pr_info("strings: strrchr %ld %ld\n", at(t, strrchr(t, 't')), at(t, strrchr(t, 'z')));
	pr_info("strings: strstr %ld %ld %ld\n", at(t, strstr(t, of("tw"))), at(t, strstr(t, of("twx"))),
		at(t, strstr(t, of(""))));
	pr_info("strings: spans %zu %zu %zu\n", strspn(t, of("eno")), strcspn(t, of(";,")), strcspn(t, of("z")));
	pr_info("strings: strpbrk %ld %ld\n", at(t, strpbrk(t, of(";t"))), at(t, strpbrk(t, of("xyz"))));
	strcpy(room, t);
	pr_info("strings: parts '%s'", strsep(&rest, of(",;")));
	pr_cont(" '%s'", strsep(&rest, of(",;")));
	pr_cont(" '%s'", strsep(&rest, of(",;")));
	pr_cont(" %d %d\n", rest == NULL, strsep(&rest, of(",;")) == NULL);
	pr_info("strings: trimmed '%s'", skip_spaces(of(" \t\n x ")));
	strcpy(room, of("  both ends \n"));
	pr_cont(" '%s'\n", strim(room));
}

static void comparing(void)
{
	char *a = of("Same"), *b = of("same"), *c = of("sand");

	pr_info("strings: strcmp %d %d %d\n", sign(strcmp(a, b)), sign(strcmp(b, a)), sign(strcmp(b, b)));
	pr_info("strings: strncmp %d %d %d\n", sign(strncmp(b, c, 2)), sign(strncmp(b, c, 3)), sign(strncmp(c, b, 4)));
	pr_info("strings: strcasecmp %d %d\n", sign(strcasecmp(a, b)), sign(strcasecmp(a, c)));
	pr_info("strings: strncasecmp %d %d\n", sign(strncasecmp(a, c, 2)), sign(strncasecmp(a, c, 3)));
	pr_info("strings: memcmp %d %d %d %d\n", sign(memcmp(a, b, 4)), sign(memcmp(b, a, 4)), sign(memcmp(b, c, 2)),
		sign(memcmp(b, c, 0)));
}

static void copying(void)
{
	char *to = of(room), *from = of("0123456789");
	long cut;

	fill(to, 'x', 20);
	copy(to + 1, from, strlen(from));
	to[20] = 0;
	pr_info("strings: copied %s\n", to);
	memmove(to + 3, to + 1, 10);
	pr_info("strings: moved up %s\n", to);
	memmove(to, to + 3, 10);
	pr_info("strings: moved down %s\n", to);
	fill(to, 'x', 20);
	strncpy(to, from, 4);
	pr_info("strings: strncpy cut %.8s\n", to);
	strncpy(to, of("ab"), 6);
	pr_info("strings: strncpy filled %s %d %c\n", to, to[5], to[6]);
	cut = strscpy(to, from, 5);
	pr_info("strings: strscpy %ld %s", cut, to);
	cut = strscpy(to, from, 11);
	pr_cont(" %ld %s %ld\n", cut, to, (long)strscpy(to, from, 0));
	cut = strlcpy(to, from, 4);
	pr_info("strings: strlcpy %ld %s\n", cut, to);
	strcat(to, of("+"));
	strncat(to, from, 2);
	pr_info("strings: joined %s", to);
	cut = strlcat(to, from, 9);
	pr_cont(" %ld %s\n", cut, to);
}

#define NUMBER(type, function, text, base) do { \
	type value = 7; \
	int error = function(of(text), base, &value); \
	pr_info("strings: " #function " %d %lld\n", error, (long long)value); \
} while (0)

static void numbers(void)
{
	bool truth = false;
	int error;

	NUMBER(long long, kstrtoll, "-9223372036854775808", 10);
	NUMBER(long long, kstrtoll, "9223372036854775808", 10);
	NUMBER(unsigned long long, kstrtoull, "0xffffffffffffffff\n", 0);
	NUMBER(unsigned long long, kstrtoull, "18446744073709551616", 0);
	NUMBER(unsigned long long, kstrtoull, "-1", 0);
	NUMBER(long, kstrtol, "+0x10", 16);
	NUMBER(long, kstrtol, "12 ", 10);
	NUMBER(unsigned long, kstrtoul, "0777", 0);
	NUMBER(unsigned long, kstrtoul, "", 0);
	NUMBER(int, kstrtoint, "-2147483648", 0);
	NUMBER(int, kstrtoint, "2147483648", 0);
	NUMBER(unsigned int, kstrtouint, "4294967295", 0);
	NUMBER(unsigned int, kstrtouint, "4294967296", 0);
	NUMBER(s16, kstrtos16, "-32768", 0);
	NUMBER(s16, kstrtos16, "32768", 0);
	NUMBER(u16, kstrtou16, "ffff", 16);
	NUMBER(u16, kstrtou16, "10000", 16);
	NUMBER(s8, kstrtos8, "1111111", 2);
	NUMBER(s8, kstrtos8, "2", 2);
	NUMBER(u8, kstrtou8, "255\n", 0);
	NUMBER(u8, kstrtou8, "255\n\n", 0);
	error = kstrtobool(of("on"), &truth);
	pr_info("strings: kstrtobool %d %d", error, truth);
	error = kstrtobool(of("Never"), &truth);
	pr_cont(" %d %d", error, truth);
	error = kstrtobool(of("o"), &truth);
	pr_cont(" %d %d\n", error, kstrtobool(NULL, &truth));
}

static __printf(3, 4) int bounded(char *to, size_t size, const char *format, ...)
{
	va_list list;
	int len;

	va_start(list, format);
	len = vsnprintf(to, size, format, list);
	va_end(list);
	return len;
}

static __printf(3, 4) int counted(char *to, size_t size, const char *format, ...)
{
	va_list list;
	int len;

	va_start(list, format);
	len = vscnprintf(to, size, format, list);
	va_end(list);
	return len;
}

static __printf(2, 3) int unbounded(char *to, const char *format, ...)
{
	va_list list;
	int len;

	va_start(list, format);
	len = vsprintf(to, format, list);
	va_end(list);
	return len;
}

static __printf(1, 2) char *made(const char *format, ...)
{
	va_list list;
	char *text;

	va_start(list, format);
	text = kvasprintf(GFP_KERNEL, format, list);
	va_end(list);
	return text;
}

static __printf(1, 2) void told(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vprintk(format, list);
	va_end(list);
}

static void printing(void)
{
	char *text;
	int len;

	len = bounded(room, 6, "%d-%s", 12, "345678");
	pr_info("strings: vsnprintf %d %s\n", len, room);
	len = counted(room, 6, "%d-%s", 12, "345678");
	pr_info("strings: vscnprintf %d %s\n", len, room);
	len = unbounded(room, "%5d|%-5s|%05x|%c", -12, "ab", 0xabc, 'z');
	pr_info("strings: vsprintf %d %s\n", len, room);
	text = made("%s and %s", "one", "other");
	pr_info("strings: kvasprintf %s\n", text);
	kfree(text);
	told(KERN_INFO "strings: vprintk %s %d\n", "says", 3);
	pr_info("strings: random %d\n", get_random_u32() != get_random_u32() || get_random_u32() != get_random_u32());
}

static int __init strings_init(void)
{
	searching();
	comparing();
	copying();
	numbers();
	printing();
	return 0;
}

static void __exit strings_exit(void)
{
}

module_init(strings_init);
module_exit(strings_exit);
MODULE_LICENSE("GPL");
