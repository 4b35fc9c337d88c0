/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Marking a task for the kernel's fault injection, as /proc/PID/make-it-fail
 * does: with task-filter set, only such tasks fail.
 */
#ifndef GOALLOC_TEST_FAULTS_H
#define GOALLOC_TEST_FAULTS_H

#include <linux/sched.h>

#ifdef CONFIG_FAULT_INJECTION
static inline void faults_mark(bool on)
{
	current->make_it_fail = on;
}
#else
static inline void faults_mark(bool on)
{
}
#endif

#endif /* GOALLOC_TEST_FAULTS_H */
