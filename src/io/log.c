/*
 * log.c - one line per event, to syslog (facility mail) or stderr
 */
#include "io/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

static atomic_int threshold = LEVEL_INFO;
static atomic_bool to_syslog;

static const int priorities[LEVEL_COUNT] = {
	[LEVEL_ERROR] = LOG_ERR,
	[LEVEL_WARNING] = LOG_WARNING,
	[LEVEL_NOTICE] = LOG_NOTICE,
	[LEVEL_INFO] = LOG_INFO,
	[LEVEL_DEBUG] = LOG_DEBUG,
};

void
log_open_syslog(void)
{
	openlog("floodgate", LOG_PID | LOG_NDELAY, LOG_MAIL);
	atomic_store(&to_syslog, true);
}

void
log_set_level(enum level level)
{
	atomic_store(&threshold, (int)level);
}

bool
log_wants(enum level level)
{
	return (int)level <= atomic_load_explicit(&threshold,
	    memory_order_relaxed);
}

/* A whole line in one write, so that lines of threads do not mix. */
static void
write_line(enum level level, const char *line, size_t length)
{
	char out[LOG_LINE_SIZE + 32];
	int n = snprintf(out, sizeof(out), "floodgate: %s: %.*s\n",
	    level_names[level], (int)length, line);

	if (n > 0 && write(STDERR_FILENO, out, (size_t)n) < 0)
		return;	/* nobody is left to be told */
}

static void log_line(enum level level, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static void
log_line(enum level level, const char *format, va_list args)
{
	char line[LOG_LINE_SIZE];
	int saved_errno = errno;
	int n;

	if (!log_wants(level))
		return;
	n = vsnprintf(line, sizeof(line), format, args);
	if (n >= 0) {
		size_t length = (size_t)n < sizeof(line) ? (size_t)n :
		    sizeof(line) - 1;

		if (atomic_load(&to_syslog))
			syslog(priorities[level], "%s", line);
		else
			write_line(level, line, length);
	}
	errno = saved_errno;
}

#define LOG_FUNCTION(name, level)		\
	void					\
	name(const char *format, ...)		\
	{					\
		va_list args;			\
						\
		va_start(args, format);		\
		log_line(level, format, args);	\
		va_end(args);			\
	}

LOG_FUNCTION(log_error, LEVEL_ERROR)
LOG_FUNCTION(log_warning, LEVEL_WARNING)
LOG_FUNCTION(log_notice, LEVEL_NOTICE)
LOG_FUNCTION(log_info, LEVEL_INFO)
LOG_FUNCTION(log_debug, LEVEL_DEBUG)
