/* SPDX-License-Identifier: GPL-2.0 */
#ifndef USERSPACE_MODULE_H
#define USERSPACE_MODULE_H

#define MODULE_LICENSE(x)
#define MODULE_DESCRIPTION(x)

#endif /* USERSPACE_MODULE_H */
