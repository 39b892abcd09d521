/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_MODULEPARAM_H
#define _LINUX_MODULEPARAM_H
/* Strings of .modinfo, and the parameters that insmod and /sys/module/M/parameters set. */
#include <linux/types.h>

#define MODULE_INFO(tag, text) \
	static const char __UNIQUE_ID(tag)[] __used __section(".modinfo") __aligned(1) = __stringify(tag) "=" text
#define MODULE_PARM_DESC(parameter, text) \
	static const char __UNIQUE_ID(parm)[] __used __section(".modinfo") __aligned(1) = "parm=" #parameter ":" text
#define __MODULE_PARM_TYPE(name, type) \
	static const char __UNIQUE_ID(parmtype)[] __used __section(".modinfo") __aligned(1) = "parmtype=" #name ":" type

struct kernel_param;
struct module;

struct kernel_param_ops {
	unsigned int flags;
	int (*set)(const char *value, const struct kernel_param *parameter);
	int (*get)(char *buffer, const struct kernel_param *parameter);
	void (*free)(void *argument);
};
enum { KERNEL_PARAM_OPS_FL_NOARG = 1 };

struct kparam_string {
	unsigned int maxlen;
	char *string;
};

struct kparam_array {
	unsigned int max;
	unsigned int elemsize;
	unsigned int *num;
	const struct kernel_param_ops *ops;
	void *elem;
};

struct kernel_param {
	const char *name;
	struct module *mod;
	const struct kernel_param_ops *ops;
	const u16 perm;
	s8 level;
	u8 flags;
	union {
		void *arg;
		const struct kparam_string *str;
		const struct kparam_array *arr;
	};
};

extern struct module __this_module;

#define __param_of(parameter, operations, argument, permissions) \
	static const char __param_str_##parameter[] = #parameter; \
	static const struct kernel_param __param_##parameter __used __section("__param") \
		__aligned(sizeof(void *)) = { \
		.name = __param_str_##parameter, .mod = &__this_module, .ops = operations, \
		.perm = permissions, .level = -1, .flags = 0, .arg = (void *)(argument) }

#define module_param_cb(name, operations, argument, permissions) \
	__param_of(name, operations, argument, permissions)
#define module_param_named(name, value, type, permissions) \
	static inline __typeof__(&(value)) __maybe_unused __check_##name(void) { return &(value); } \
	__param_of(name, &param_ops_##type, &(value), permissions); \
	__MODULE_PARM_TYPE(name, #type)
#define module_param(name, type, permissions) module_param_named(name, name, type, permissions)
#define module_param_string(name, text, length, permissions) \
	static const struct kparam_string __param_string_##name = { length, text }; \
	__param_of(name, &param_ops_string, (void *)&__param_string_##name, permissions); \
	__MODULE_PARM_TYPE(name, "string")
#define module_param_array_named(name, array, type, count, permissions) \
	static const struct kparam_array __param_arr_##name = { \
		.max = sizeof(array) / sizeof((array)[0]), .num = count, .ops = &param_ops_##type, \
		.elemsize = sizeof((array)[0]), .elem = array }; \
	__param_of(name, &param_array_ops, (void *)&__param_arr_##name, permissions); \
	__MODULE_PARM_TYPE(name, "array of " #type)
#define module_param_array(name, type, count, permissions) \
	module_param_array_named(name, name, type, count, permissions)

#define __declare_param(type) \
	extern const struct kernel_param_ops param_ops_##type; \
	extern int param_set_##type(const char *value, const struct kernel_param *parameter); \
	extern int param_get_##type(char *buffer, const struct kernel_param *parameter)
__declare_param(byte);
__declare_param(short);
__declare_param(ushort);
__declare_param(int);
__declare_param(uint);
__declare_param(long);
__declare_param(ulong);
__declare_param(ullong);
__declare_param(charp);
__declare_param(bool);
__declare_param(invbool);
extern const struct kernel_param_ops param_ops_string;
extern const struct kernel_param_ops param_array_ops;
extern int param_set_copystring(const char *value, const struct kernel_param *parameter);
extern int param_get_string(char *buffer, const struct kernel_param *parameter);

#endif
