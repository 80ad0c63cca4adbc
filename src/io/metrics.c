/*
 * metrics.c - counters about floodgate itself
 */
#include "io/metrics.h"

#include <stdatomic.h>

static const struct {
	const char *name;
	const char *help;
} rows[METRIC_COUNT] = {
#define METRIC(name, help) { #name, help },
#include "io/metric.def"
};

static atomic_int_fast64_t values[METRIC_COUNT];
static atomic_int_fast64_t troubles[TROUBLE_COUNT];

void
metric_add(enum metric metric)
{
	atomic_fetch_add_explicit(&values[metric], 1, memory_order_relaxed);
}

void
metric_add_many(enum metric metric, int64_t count)
{
	atomic_fetch_add_explicit(&values[metric], count,
	    memory_order_relaxed);
}

int64_t
metric_get(enum metric metric)
{
	return atomic_load_explicit(&values[metric], memory_order_relaxed);
}

const char *
metric_name(enum metric metric)
{
	return rows[metric].name;
}

const char *
metric_help(enum metric metric)
{
	return rows[metric].help;
}

void
metric_add_trouble(enum redis_trouble trouble)
{
	atomic_fetch_add_explicit(&troubles[trouble], 1,
	    memory_order_relaxed);
}

int64_t
metric_get_trouble(enum redis_trouble trouble)
{
	return atomic_load_explicit(&troubles[trouble], memory_order_relaxed);
}
