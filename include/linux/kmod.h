/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_KMOD_H
#define _LINUX_KMOD_H
/* Asking for modules. */
#include <linux/types.h>

/* Has modprobe load what the name means: 0 when it ended well, what it ended with, or an error. */
extern __attribute__((format(printf, 2, 3))) int __request_module(bool wait, const char *format, ...);
#define request_module(format...) __request_module(true, format)
#define request_module_nowait(format...) __request_module(false, format)
#define try_then_request_module(look, format...) ((look) ?: (__request_module(true, format), (look)))

#endif
