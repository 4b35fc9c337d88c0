/* SPDX-License-Identifier: GPL-2.0 */
#ifndef USERSPACE_STRING_H
#define USERSPACE_STRING_H

#include <string.h>

#endif /* USERSPACE_STRING_H */
