/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_KDEV_T_H
#define _LINUX_KDEV_T_H
#define MINORBITS 20
#define MINORMASK ((1U << MINORBITS) - 1)
#define MAJOR(device) ((unsigned int)((device) >> MINORBITS))
#define MINOR(device) ((unsigned int)((device) & MINORMASK))
#define MKDEV(major, minor) (((major) << MINORBITS) | (minor))
/* The number as text: with a newline its length, without one the buffer. */
#define print_dev_t(buffer, device) sprintf((buffer), "%u:%u\n", MAJOR(device), MINOR(device))
#define format_dev_t(buffer, device) ({ sprintf((buffer), "%u:%u", MAJOR(device), MINOR(device)); (buffer); })
#endif
