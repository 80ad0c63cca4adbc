/*
 * log.h - one line per event, to syslog (facility mail) or stderr
 *
 * Lines are key=value, always in one order and spelling. Values from outside
 * are escaped by text_put_escaped() before they reach a line, so that one
 * event is one line of printable ASCII. May be called from any thread.
 */
#ifndef FLOODGATE_IO_LOG_H
#define FLOODGATE_IO_LOG_H

#include "core/config.h"

#include <stdbool.h>

/* The longest line, with its NUL (R21: 1 event = 1 line <= 1 KB). */
#define LOG_LINE_SIZE 1024

/* To stderr until log_open_syslog(). Level info until log_set_level(). */
void log_open_syslog(void);
void log_set_level(enum level level);
bool log_wants(enum level level);

/*
 * The format is a constant of ours; what comes from outside must have been
 * escaped. errno is kept.
 */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
void log_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
