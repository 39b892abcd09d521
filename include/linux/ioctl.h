/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_IOCTL_H
#define _LINUX_IOCTL_H
/* A command: direction (2 bits), size (14), type (8), number (8). */
#define _IOC_NONE 0U
#define _IOC_WRITE 1U
#define _IOC_READ 2U
#define _IOC(direction, type, number, size) \
	(((direction) << 30) | ((size) << 16) | ((type) << 8) | (number))
#define _IO(type, number) _IOC(_IOC_NONE, (type), (number), 0)
#define _IOR(type, number, data) _IOC(_IOC_READ, (type), (number), sizeof(data))
#define _IOW(type, number, data) _IOC(_IOC_WRITE, (type), (number), sizeof(data))
#define _IOWR(type, number, data) _IOC(_IOC_READ | _IOC_WRITE, (type), (number), sizeof(data))
#define _IOC_DIR(command) (((command) >> 30) & 3)
#define _IOC_TYPE(command) (((command) >> 8) & 255)
#define _IOC_NR(command) ((command) & 255)
#define _IOC_SIZE(command) (((command) >> 16) & 16383)
#endif
