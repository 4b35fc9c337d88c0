/* SPDX-License-Identifier: GPL-2.0 */
#ifndef USERSPACE_PROCESSOR_H
#define USERSPACE_PROCESSOR_H

#ifdef USERSPACE_EXPLORE
void cpu_relax(void);
#else
#include <sched.h>

/* There may be more threads than CPUs. */
#define cpu_relax() sched_yield()
#endif

#endif /* USERSPACE_PROCESSOR_H */
