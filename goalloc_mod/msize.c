// SPDX-License-Identifier: GPL-2.0
/*
 * The size-class tables. Constant data: no lock, any context.
 */
#include <linux/build_bug.h>
#include <linux/types.h>

#include "compat.h"
#include "msize.h"

#define GOALLOC_CLASS_TABLES
#include "sizeclasses.h"

static_assert(GOALLOC_NUM_CLASSES == 68);
static_assert((GOALLOC_FINE_LEN - 1) * GOALLOC_FINE_STEP == GOALLOC_LOOKUP_SPLIT);
static_assert((GOALLOC_COARSE_LEN - 1) * GOALLOC_COARSE_STEP ==
	      GOALLOC_MAX_SMALL - GOALLOC_LOOKUP_SPLIT);
