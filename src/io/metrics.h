/*
 * metrics.h - counters about floodgate itself
 */
#ifndef FLOODGATE_IO_METRICS_H
#define FLOODGATE_IO_METRICS_H

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

#endif
