check_PROGRAMS += \
	milterload \
	nameserver \
	noopmilter
milterload_SOURCES = \
	tests/bench/milterload.c \
	tests/bench/mta.c \
	tests/bench/mta.h
milterload_CPPFLAGS = $(AM_CPPFLAGS) $(MILTER_CFLAGS) $(JANSSON_CFLAGS)
milterload_LDADD = $(JANSSON_LIBS)
nameserver_SOURCES = \
	tests/bench/nameserver.c \
	tests/io/name_server.c \
	tests/io/name_server.h
nameserver_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
nameserver_LDADD = libio.a libbase.a
noopmilter_SOURCES = \
	tests/bench/noopmilter.c
noopmilter_CPPFLAGS = $(AM_CPPFLAGS) $(MILTER_CFLAGS)
noopmilter_LDADD = $(MILTER_LIBS)
EXTRA_DIST += tests/bench/bench.py tests/bench/dns.py

bench: floodgate milterload nameserver noopmilter
	$(AM_V_at)$(srcdir)/tests/bench/bench.py --builddir $(builddir)
bench-dns: floodgate milterload nameserver
	$(AM_V_at)$(srcdir)/tests/bench/dns.py --builddir $(builddir)
.PHONY: bench bench-dns

# All that `make check` builds, to see that it compiles.
check-programs: all $(check_PROGRAMS)
.PHONY: check-programs
