/* SPDX-License-Identifier: GPL-2.0 */
#ifndef USERSPACE_LLIST_H
#define USERSPACE_LLIST_H

struct llist_head {
	struct llist_node *first;
};

struct llist_node {
	struct llist_node *next;
};

#endif /* USERSPACE_LLIST_H */
