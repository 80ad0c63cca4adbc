noinst_LIBRARIES += libio.a
libio_a_CPPFLAGS = $(AM_CPPFLAGS) $(MILTER_CFLAGS) $(CONFUSE_CFLAGS) \
	$(HIREDIS_CFLAGS) $(JANSSON_CFLAGS)
libio_a_SOURCES = \
	src/io/command.def \
	src/io/metric.def \
	src/io/clock.h \
	src/io/conffile.h \
	src/io/control.c \
	src/io/control.h \
	src/io/engine.h \
	src/io/inspect.c \
	src/io/inspect.h \
	src/io/log.h \
	src/io/maps.h \
	src/io/metrics.h \
	src/io/store.h \
	src/io/utc.c \
	src/io/utc.h
