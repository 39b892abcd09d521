/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_GPIO_H
#define _LINUX_GPIO_H
/* There are no lines to set and read on this machine: what Linux without CONFIG_GPIOLIB answers. */
#include <linux/types.h>
#include <linux/bug.h>
#include <linux/errno.h>

#define GPIOF_DIR_OUT (0 << 0)
#define GPIOF_DIR_IN (1 << 0)
#define GPIOF_INIT_LOW (0 << 1)
#define GPIOF_INIT_HIGH (1 << 1)
#define GPIOF_IN GPIOF_DIR_IN
#define GPIOF_OUT_INIT_LOW (GPIOF_DIR_OUT | GPIOF_INIT_LOW)
#define GPIOF_OUT_INIT_HIGH (GPIOF_DIR_OUT | GPIOF_INIT_HIGH)

struct gpio {
	unsigned int gpio;
	unsigned long flags;
	const char *label;
};

static inline bool gpio_is_valid(int number) { return false; }
static inline int gpio_request(unsigned int number, const char *label) { return -ENOSYS; }
static inline int gpio_request_one(unsigned int number, unsigned long flags, const char *label) { return -ENOSYS; }
static inline int gpio_request_array(const struct gpio *lines, size_t count) { return -ENOSYS; }
static inline int gpio_direction_input(unsigned int number) { return -ENOSYS; }
static inline int gpio_direction_output(unsigned int number, int value) { return -ENOSYS; }
/* Whoever got no line has none to do this with. */
static inline void gpio_free(unsigned int number) { WARN_ON(1); }
static inline void gpio_free_array(const struct gpio *lines, size_t count) { WARN_ON(1); }
static inline int gpio_get_value(unsigned int number)
{
	WARN_ON(1);
	return 0;
}
static inline void gpio_set_value(unsigned int number, int value) { WARN_ON(1); }
static inline int gpio_to_irq(unsigned int number)
{
	WARN_ON(1);
	return -EINVAL;
}
#endif
