/* SPDX-License-Identifier: GPL-2.0 */
#ifndef USERSPACE_IRQFLAGS_H
#define USERSPACE_IRQFLAGS_H

/* A thread is a CPU without interrupts. */
#define local_irq_save(flags) ((void)((flags) = 0))
#define local_irq_restore(flags) ((void)(flags))

#endif /* USERSPACE_IRQFLAGS_H */
