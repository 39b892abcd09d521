/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_CRED_H
#define _LINUX_CRED_H
#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/uidgid.h>
#define current_uid() KUIDT_INIT(current->__uid)
#define current_euid() KUIDT_INIT(current->__euid)
#define current_gid() KGIDT_INIT(current->__gid)
#define current_egid() KGIDT_INIT(current->__egid)
#endif
