/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_RBTREE_H
#define _LINUX_RBTREE_H
/* Trees that stay flat: no red node below a red one, as many black ones on each way down. The node lies in what it orders;
   who inserts walks down by itself. */
#include <linux/kernel.h>
#include <linux/rcupdate.h>

struct rb_node {
	/* The parent, and in the lowest bit whether the node is black. Its own address: it is in no tree. */
	unsigned long __rb_parent_color;
	struct rb_node *rb_right;
	struct rb_node *rb_left;
} __aligned(sizeof(long));
struct rb_root { struct rb_node *rb_node; };
struct rb_root_cached {
	struct rb_root rb_root;
	struct rb_node *rb_leftmost;
};

#define RB_ROOT (struct rb_root){ NULL }
#define RB_ROOT_CACHED (struct rb_root_cached){ { NULL }, NULL }
#define RB_EMPTY_ROOT(root) (READ_ONCE((root)->rb_node) == NULL)
#define RB_EMPTY_NODE(node) ((node)->__rb_parent_color == (unsigned long)(node))
#define RB_CLEAR_NODE(node) ((node)->__rb_parent_color = (unsigned long)(node))
#define rb_parent(node) ((struct rb_node *)((node)->__rb_parent_color & ~3UL))
#define rb_entry(pointer, type, member) container_of(pointer, type, member)
#define rb_entry_safe(pointer, type, member) ({ \
	__typeof__(pointer) __node = (pointer); \
	__node ? rb_entry(__node, type, member) : NULL; })
#define rb_first_cached(root) ((root)->rb_leftmost)

static inline bool __rb_is_black(const struct rb_node *node) { return !node || node->__rb_parent_color & 1; }
static inline void __rb_blacken(struct rb_node *node) { node->__rb_parent_color |= 1; }
static inline void __rb_redden(struct rb_node *node) { node->__rb_parent_color &= ~1UL; }
static inline void __rb_set_parent(struct rb_node *node, struct rb_node *parent)
{
	node->__rb_parent_color = (node->__rb_parent_color & 1) | (unsigned long)parent;
}
static inline struct rb_node **__rb_side(struct rb_node *node, bool right)
{
	return right ? &node->rb_right : &node->rb_left;
}

/* What pointed to `old` points to `fresh`. */
static inline void __rb_change_child(struct rb_node *old, struct rb_node *fresh, struct rb_node *parent,
				     struct rb_root *root)
{
	if (!parent)
		WRITE_ONCE(root->rb_node, fresh);
	else
		WRITE_ONCE(*__rb_side(parent, parent->rb_right == old), fresh);
}

/* The node goes down on one side, and its child on the other side comes up. */
static inline void __rb_rotate(struct rb_root *root, struct rb_node *node, bool right)
{
	struct rb_node *up = *__rb_side(node, !right), *moved = *__rb_side(up, right), *parent = rb_parent(node);

	*__rb_side(node, !right) = moved;
	if (moved)
		__rb_set_parent(moved, node);
	*__rb_side(up, right) = node;
	__rb_set_parent(up, parent);
	__rb_change_child(node, up, parent, root);
	__rb_set_parent(node, up);
}

static inline void rb_link_node(struct rb_node *node, struct rb_node *parent, struct rb_node **link)
{
	node->__rb_parent_color = (unsigned long)parent;
	node->rb_left = node->rb_right = NULL;
	*link = node;
}
static inline void rb_link_node_rcu(struct rb_node *node, struct rb_node *parent, struct rb_node **link)
{
	node->__rb_parent_color = (unsigned long)parent;
	node->rb_left = node->rb_right = NULL;
	rcu_assign_pointer(*link, node);
}

/* Makes the tree right again after a node was linked. */
static __maybe_unused noinline void rb_insert_color(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *parent;

	while ((parent = rb_parent(node)) && !__rb_is_black(parent)) {
		struct rb_node *above = rb_parent(parent);
		bool right = above->rb_right == parent;
		struct rb_node *uncle = *__rb_side(above, !right);

		if (!__rb_is_black(uncle)) {
			__rb_blacken(parent);
			__rb_blacken(uncle);
			__rb_redden(above);
			node = above;
			continue;
		}
		if (node == *__rb_side(parent, !right)) {
			__rb_rotate(root, parent, right);
			parent = node;
		}
		__rb_blacken(parent);
		__rb_redden(above);
		__rb_rotate(root, above, !right);
		break;
	}
	__rb_blacken(root->rb_node);
}

/* The ways through `child`, which may be NULL, below `parent` have one black node too few. */
static inline void __rb_erase_color(struct rb_node *child, struct rb_node *parent, struct rb_root *root)
{
	while (parent && __rb_is_black(child)) {
		bool right = parent->rb_right == child;
		struct rb_node *other = *__rb_side(parent, !right);

		if (!__rb_is_black(other)) {
			__rb_blacken(other);
			__rb_redden(parent);
			__rb_rotate(root, parent, right);
			other = *__rb_side(parent, !right);
		}
		if (__rb_is_black(other->rb_left) && __rb_is_black(other->rb_right)) {
			__rb_redden(other);
			child = parent;
			parent = rb_parent(child);
			continue;
		}
		if (__rb_is_black(*__rb_side(other, !right))) {
			__rb_blacken(*__rb_side(other, right));
			__rb_redden(other);
			__rb_rotate(root, other, !right);
			other = *__rb_side(parent, !right);
		}
		other->__rb_parent_color = (other->__rb_parent_color & ~1UL) | (parent->__rb_parent_color & 1);
		__rb_blacken(parent);
		__rb_blacken(*__rb_side(other, !right));
		__rb_rotate(root, parent, right);
		return;
	}
	if (child)
		__rb_blacken(child);
}

static __maybe_unused noinline void rb_erase(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *child, *parent;
	bool black;

	if (!node->rb_left || !node->rb_right) {
		child = node->rb_left ? node->rb_left : node->rb_right;
		parent = rb_parent(node);
		black = __rb_is_black(node);
		__rb_change_child(node, child, parent, root);
		if (child)
			__rb_set_parent(child, parent);
	} else {
		/* The next one takes its place. */
		struct rb_node *next = node->rb_right;

		while (next->rb_left)
			next = next->rb_left;
		child = next->rb_right;
		black = __rb_is_black(next);
		parent = next;
		if (rb_parent(next) != node) {
			parent = rb_parent(next);
			parent->rb_left = child;
			if (child)
				__rb_set_parent(child, parent);
			next->rb_right = node->rb_right;
			__rb_set_parent(node->rb_right, next);
		}
		next->rb_left = node->rb_left;
		__rb_set_parent(node->rb_left, next);
		__rb_change_child(node, next, rb_parent(node), root);
		next->__rb_parent_color = node->__rb_parent_color;
	}
	if (black)
		__rb_erase_color(child, parent, root);
}

static inline struct rb_node *__rb_end(struct rb_node *node, bool right)
{
	while (node && *__rb_side(node, right))
		node = *__rb_side(node, right);
	return node;
}
static inline struct rb_node *rb_first(const struct rb_root *root) { return __rb_end(root->rb_node, false); }
static inline struct rb_node *rb_last(const struct rb_root *root) { return __rb_end(root->rb_node, true); }

static inline struct rb_node *__rb_step(const struct rb_node *from, bool right)
{
	struct rb_node *node = (struct rb_node *)from, *parent;

	if (RB_EMPTY_NODE(node))
		return NULL;
	if (*__rb_side(node, right))
		return __rb_end(*__rb_side(node, right), !right);
	while ((parent = rb_parent(node)) && node == *__rb_side(parent, right))
		node = parent;
	return parent;
}
static inline struct rb_node *rb_next(const struct rb_node *node) { return __rb_step(node, true); }
static inline struct rb_node *rb_prev(const struct rb_node *node) { return __rb_step(node, false); }

static inline void rb_replace_node(struct rb_node *old, struct rb_node *fresh, struct rb_root *root)
{
	*fresh = *old;
	if (old->rb_left)
		__rb_set_parent(old->rb_left, fresh);
	if (old->rb_right)
		__rb_set_parent(old->rb_right, fresh);
	__rb_change_child(old, fresh, rb_parent(old), root);
}

/* Children before their parents. */
static inline struct rb_node *__rb_deepest(struct rb_node *node)
{
	while (node->rb_left || node->rb_right)
		node = node->rb_left ? node->rb_left : node->rb_right;
	return node;
}
static inline struct rb_node *rb_first_postorder(const struct rb_root *root)
{
	return root->rb_node ? __rb_deepest(root->rb_node) : NULL;
}
static inline struct rb_node *rb_next_postorder(const struct rb_node *node)
{
	struct rb_node *parent = node ? rb_parent(node) : NULL;

	return parent && node == parent->rb_left && parent->rb_right ? __rb_deepest(parent->rb_right) : parent;
}
#define rbtree_postorder_for_each_entry_safe(at, after, root, member) \
	for (at = rb_entry_safe(rb_first_postorder(root), __typeof__(*at), member); \
	     at && ({ after = rb_entry_safe(rb_next_postorder(&at->member), __typeof__(*at), member); 1; }); at = after)

/* With the first node at hand. */
static inline void rb_insert_color_cached(struct rb_node *node, struct rb_root_cached *root, bool leftmost)
{
	if (leftmost)
		root->rb_leftmost = node;
	rb_insert_color(node, &root->rb_root);
}
static inline struct rb_node *rb_erase_cached(struct rb_node *node, struct rb_root_cached *root)
{
	struct rb_node *leftmost = NULL;

	if (root->rb_leftmost == node)
		leftmost = root->rb_leftmost = rb_next(node);
	rb_erase(node, &root->rb_root);
	return leftmost;
}

/* The same with the order as a function. */
static __always_inline void rb_add(struct rb_node *node, struct rb_root *root,
				   bool (*less)(struct rb_node *, const struct rb_node *))
{
	struct rb_node **link = &root->rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = __rb_side(parent, !less(node, parent));
	}
	rb_link_node(node, parent, link);
	rb_insert_color(node, root);
}
static __always_inline struct rb_node *rb_add_cached(struct rb_node *node, struct rb_root_cached *root,
						     bool (*less)(struct rb_node *, const struct rb_node *))
{
	bool leftmost = !root->rb_leftmost || less(node, root->rb_leftmost);

	rb_add(node, &root->rb_root, less);
	if (leftmost)
		root->rb_leftmost = node;
	return leftmost ? node : NULL;
}
static __always_inline struct rb_node *rb_find_add(struct rb_node *node, struct rb_root *root,
						   int (*compare)(struct rb_node *, const struct rb_node *))
{
	struct rb_node **link = &root->rb_node, *parent = NULL;

	while (*link) {
		int order = compare(node, parent = *link);

		if (!order)
			return parent;
		link = __rb_side(parent, order > 0);
	}
	rb_link_node(node, parent, link);
	rb_insert_color(node, root);
	return NULL;
}
static __always_inline struct rb_node *rb_find(const void *key, const struct rb_root *root,
					       int (*compare)(const void *key, const struct rb_node *))
{
	struct rb_node *node = root->rb_node;

	while (node) {
		int order = compare(key, node);

		if (!order)
			return node;
		node = *__rb_side(node, order > 0);
	}
	return NULL;
}
/* The first of those that are equal. */
static __always_inline struct rb_node *rb_find_first(const void *key, const struct rb_root *root,
						     int (*compare)(const void *key, const struct rb_node *))
{
	struct rb_node *node = root->rb_node, *found = NULL;

	while (node) {
		int order = compare(key, node);

		if (!order)
			found = node;
		node = *__rb_side(node, order > 0);
	}
	return found;
}

#endif
