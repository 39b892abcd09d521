/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_LOCKDEP_H
#define _LINUX_LOCKDEP_H
/* What tells the kernel which locks are of one class: a static lock is a class of its own, those of one initialiser share its
   key. A kernel that checks the order of locks looks; others do not. */

struct lock_class_key { const char *name; };

#define lockdep_assert_held(lock) do { (void)(lock); } while (0)

#endif
