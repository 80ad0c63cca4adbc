sbin_PROGRAMS += floodgate
floodgate_SOURCES = \
	src/floodgate/daemon.c \
	src/floodgate/daemon.h \
	src/floodgate/libmilter_calls.c \
	src/floodgate/main.c \
	src/floodgate/notify.c \
	src/floodgate/notify.h \
	src/floodgate/privileges.c \
	src/floodgate/privileges.h \
	src/floodgate/signals.c \
	src/floodgate/signals.h
floodgate_LDADD = libio.a libcore.a libbase.a $(MILTER_LIBS) \
	$(CARES_LIBS) $(CONFUSE_LIBS) $(HIREDIS_LIBS) $(JANSSON_LIBS) $(LIBMD_LIBS) \
	$(LIBIDN2_LIBS) $(LIBPCRE2_LIBS) $(OPENSSL_LIBS)
# Lets libmilter's calls find ours: see signals.c and libmilter_calls.c.
floodgate_LDFLAGS = $(AM_LDFLAGS) -rdynamic
