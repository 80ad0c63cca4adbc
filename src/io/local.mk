noinst_LIBRARIES += libio.a
libio_a_CPPFLAGS = $(AM_CPPFLAGS) $(MILTER_CFLAGS) $(CONFUSE_CFLAGS) \
	$(HIREDIS_CFLAGS) $(JANSSON_CFLAGS)
libio_a_SOURCES = \
	src/io/clock.c \
	src/io/clock.h \
	src/io/command.def \
	src/io/conffile.h \
	src/io/control.c \
	src/io/control.h \
	src/io/engine.c \
	src/io/engine.h \
	src/io/inspect.c \
	src/io/inspect.h \
	src/io/ledger.c \
	src/io/ledger.h \
	src/io/listen.c \
	src/io/listen.h \
	src/io/log.c \
	src/io/log.h \
	src/io/maps.h \
	src/io/metric.def \
	src/io/metrics.c \
	src/io/metrics.h \
	src/io/milter.c \
	src/io/milter.h \
	src/io/record.c \
	src/io/record.h \
	src/io/store.h \
	src/io/utc.c \
	src/io/utc.h
