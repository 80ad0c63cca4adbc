/*
 * metrics.h - counters about floodgate itself
 */
#ifndef FLOODGATE_IO_METRICS_H
#define FLOODGATE_IO_METRICS_H

#include "io/redis_reply.h"

#include <stdint.h>

enum metric {
#define METRIC(name, help) METRIC_##name,
#include "io/metric.def"
	METRIC_COUNT
};

void metric_add(enum metric metric);
void metric_add_many(enum metric metric, int64_t count);
int64_t metric_get(enum metric metric);
const char *metric_name(enum metric metric);
const char *metric_help(enum metric metric);

/* How often Redis gave no answer for this reason: redis_trouble.def. */
void metric_add_trouble(enum redis_trouble trouble);
int64_t metric_get_trouble(enum redis_trouble trouble);

#endif
