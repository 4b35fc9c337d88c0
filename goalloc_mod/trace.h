/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goalloc's tracepoints: events/goalloc in tracefs.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM goalloc

#if !defined(GOALLOC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define GOALLOC_TRACE_H

#include <linux/tracepoint.h>

#include "compat.h"

TRACE_EVENT(goalloc_gc_begin,
	TP_PROTO(const char *heap, u32 generation, unsigned long live, unsigned long goal),
	TP_ARGS(heap, generation, live, goal),
	TP_STRUCT__entry(
		__string(heap, heap)
		__field(u32, generation)
		__field(unsigned long, live)
		__field(unsigned long, goal)
	),
	TP_fast_assign(
		goalloc_assign_str(heap, heap);
		__entry->generation = generation;
		__entry->live = live;
		__entry->goal = goal;
	),
	TP_printk("heap=%s generation=%u live=%lu goal=%lu", __get_str(heap),
		  __entry->generation, __entry->live, __entry->goal)
);

DECLARE_EVENT_CLASS(goalloc_gc_end,
	TP_PROTO(const char *heap, u32 generation, u64 what, u64 ns),
	TP_ARGS(heap, generation, what, ns),
	TP_STRUCT__entry(
		__string(heap, heap)
		__field(u32, generation)
		__field(u64, what)
		__field(u64, ns)
	),
	TP_fast_assign(
		goalloc_assign_str(heap, heap);
		__entry->generation = generation;
		__entry->what = what;
		__entry->ns = ns;
	),
	TP_printk("heap=%s generation=%u n=%llu ns=%llu", __get_str(heap),
		  __entry->generation, __entry->what, __entry->ns)
);

/* n: bytes that are reachable; ns: since the cycle began */
DEFINE_EVENT(goalloc_gc_end, goalloc_gc_marked,
	TP_PROTO(const char *heap, u32 generation, u64 what, u64 ns),
	TP_ARGS(heap, generation, what, ns)
);

/* n: objects that were reclaimed; ns: for sweeping all that was left */
DEFINE_EVENT(goalloc_gc_end, goalloc_gc_swept,
	TP_PROTO(const char *heap, u32 generation, u64 what, u64 ns),
	TP_ARGS(heap, generation, what, ns)
);

#endif /* GOALLOC_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
