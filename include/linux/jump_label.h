/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_JUMP_LABEL_H
#define _LINUX_JUMP_LABEL_H
/* Switches that are asked often and changed rarely. */
#include <linux/atomic.h>
#include <linux/compiler.h>

struct static_key { atomic_t enabled; };
struct static_key_true { struct static_key key; };
struct static_key_false { struct static_key key; };
#define STATIC_KEY_INIT_TRUE { .enabled = { 1 } }
#define STATIC_KEY_INIT_FALSE { .enabled = { 0 } }
#define DEFINE_STATIC_KEY_TRUE(name) struct static_key_true name = { STATIC_KEY_INIT_TRUE }
#define DEFINE_STATIC_KEY_FALSE(name) struct static_key_false name = { STATIC_KEY_INIT_FALSE }
#define DECLARE_STATIC_KEY_TRUE(name) extern struct static_key_true name
#define DECLARE_STATIC_KEY_FALSE(name) extern struct static_key_false name

static inline int static_key_count(struct static_key *key) { return atomic_read(&key->enabled); }
static inline void static_key_enable(struct static_key *key) { atomic_set(&key->enabled, 1); }
static inline void static_key_disable(struct static_key *key) { atomic_set(&key->enabled, 0); }
static inline void static_key_slow_inc(struct static_key *key) { atomic_inc(&key->enabled); }
static inline void static_key_slow_dec(struct static_key *key) { atomic_dec(&key->enabled); }
/* A key is the first thing in what holds it. */
#define __static_key(x) ((struct static_key *)(x))
#define static_key_enabled(x) (static_key_count(__static_key(x)) > 0)
#define static_branch_likely(x) likely(static_key_enabled(x))
#define static_branch_unlikely(x) unlikely(static_key_enabled(x))
#define static_branch_enable(x) static_key_enable(__static_key(x))
#define static_branch_disable(x) static_key_disable(__static_key(x))
#define static_branch_inc(x) static_key_slow_inc(__static_key(x))
#define static_branch_dec(x) static_key_slow_dec(__static_key(x))
#endif
