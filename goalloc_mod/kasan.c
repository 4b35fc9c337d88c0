// SPDX-License-Identifier: GPL-2.0
/*
 * KASAN reports of goalloc's memory, completed.
 *
 * KASAN knows what bytes may be touched (track.h), but not what they are: for
 * vmalloc space it prints the area, and it keeps no stacks. So whose object it was, and
 * who allocated and freed it if that was recorded (debug.h), is printed beside it.
 * The tracepoint is hit with KASAN's raw lock held and interrupts off: all that is
 * used here are lookups without a lock and stacks that were saved before.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <trace/events/error_report.h>

#include "debug.h"

static void complete_report(void *ignore, enum error_detector detector, unsigned long addr)
{
	if (detector == ERROR_DETECTOR_KASAN)
		goalloc_dump_obj((void *)addr);
}

int goalloc_kasan_init(void)
{
	return register_trace_error_report_end(complete_report, NULL);
}

void goalloc_kasan_exit(void)
{
	unregister_trace_error_report_end(complete_report, NULL);
	tracepoint_synchronize_unregister();
}
