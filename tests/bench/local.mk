check_PROGRAMS += \
	benchlists \
	milterload \
	nameserver \
	noopmilter
benchlists_SOURCES = \
	tests/bench/lists.c
benchlists_LDADD = libio.a libcore.a libbase.a $(LIBIDN2_LIBS) \
	$(LIBPCRE2_LIBS)
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

bench: bench-lists floodgate milterload nameserver noopmilter
	$(AM_V_at)$(srcdir)/tests/bench/bench.py --builddir $(builddir)
bench-dns: floodgate milterload nameserver
	$(AM_V_at)$(srcdir)/tests/bench/dns.py --builddir $(builddir)
bench-lists: benchlists
	$(AM_V_at)./benchlists
.PHONY: bench bench-dns bench-lists

# All that `make check` builds, to see that it compiles.
check-programs: all $(check_PROGRAMS)
.PHONY: check-programs
