// SPDX-License-Identifier: MIT OR Apache-2.0
// Every kind of parameter: what it takes, what it refuses, and how it is shown.
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/slab.h>

static unsigned char byte = 1;
static short small = -2;
static unsigned short usmall = 3;
static int whole = -4;
static unsigned int uwhole = 5;
static long large = -6;
static unsigned long ularge = 7;
static unsigned long long huge = 8;
static bool truth = true, lie = true;
static char *word = "word";
static char text[8] = "text";
static short list[3] = { 1, 2, 3 };
static int listed = 2;
module_param(byte, byte, 0644);
module_param(small, short, 0644);
module_param(usmall, ushort, 0644);
module_param(whole, int, 0644);
module_param(uwhole, uint, 0644);
module_param(large, long, 0644);
module_param(ularge, ulong, 0644);
module_param(huge, ullong, 0644);
module_param(truth, bool, 0644);
module_param(lie, invbool, 0644);
module_param(word, charp, 0644);
module_param_string(text, text, sizeof(text), 0644);
module_param_array(list, short, &listed, 0644);

static char *page;

#define KIND(type, kind, good, bad) do { \
	type value = 0; \
	const struct kernel_param param = { .name = #kind, .arg = &value }; \
	int set = param_set_##kind(good, &param), shown = param_get_##kind(page, &param); \
	pr_info("kinds: " #kind " %d %d %s", set, shown, page); \
	set = param_set_##kind(bad, &param); \
	shown = param_get_##kind(page, &param); \
	pr_info("kinds: " #kind " %d %d %s", set, shown, page); \
} while (0)

static void direct(void)
{
	const struct kparam_string string = { .maxlen = sizeof(text), .string = text };
	const struct kernel_param param = { .name = "text", .str = &string };
	int a, b;

	KIND(unsigned char, byte, "255", "256");
	KIND(short, short, "-32768", "32768");
	KIND(unsigned short, ushort, "0xffff", "-1");
	KIND(int, int, "-2147483648", "x");
	KIND(unsigned int, uint, "4294967295", "");
	KIND(long, long, "-9223372036854775808", "9223372036854775808");
	KIND(unsigned long, ulong, "18446744073709551615", "18446744073709551616");
	KIND(unsigned long long, ullong, "0777", "08");
	KIND(bool, bool, "yes", "maybe");
	KIND(bool, bool, NULL, "?");
	KIND(bool, invbool, "yes", "maybe");
	a = param_set_copystring("1234567", &param);
	b = param_get_string(page, &param);
	pr_info("kinds: string %d %d %s", a, b, page);
	a = param_set_copystring("12345678", &param);
	b = param_get_string(page, &param);
	pr_info("kinds: string %d %d %s", a, b, page);
}

/* One of the module's own kind: what is given comes doubled. */
static int doubled;

static int twice_set(const char *value, const struct kernel_param *param)
{
	int error = param_set_int(value, param);

	if (!error)
		*(int *)param->arg *= 2;
	return error;
}
static const struct kernel_param_ops twice_ops = { .set = twice_set, .get = param_get_int };
module_param_cb(twice, &twice_ops, &doubled, 0644);

static int copy_set(const char *value, const struct kernel_param *param)
{
	return param_set_charp(value, param);
}

static int copy_get(char *buffer, const struct kernel_param *param)
{
	return param_get_charp(buffer, param);
}
static const struct kernel_param_ops copy_ops = { .set = copy_set, .get = copy_get };
static char *copied = "none";
module_param_cb(copied, &copy_ops, &copied, 0644);

static int __init kinds_init(void)
{
	page = (char *)get_zeroed_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	direct();
	strcpy(text, "text");
	return 0;
}

static void __exit kinds_exit(void)
{
	free_page((unsigned long)page);
	pr_info("kinds: %s %s\n", word, copied);
}

module_init(kinds_init);
module_exit(kinds_exit);
MODULE_LICENSE("GPL");
