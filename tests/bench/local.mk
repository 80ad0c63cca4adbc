check_PROGRAMS += \
	benchlists \
	milterload \
	nameserver \
	noopmilter \
	storeload
benchlists_SOURCES = \
	tests/bench/lists.c
benchlists_LDADD = libio.a libcore.a libbase.a $(LIBIDN2_LIBS) \
	$(LIBPCRE2_LIBS)
milterload_SOURCES = \
	tests/bench/milterload.c \
	tests/bench/mta.c \
	tests/bench/mta.h \
	tests/bench/numbers.c \
	tests/bench/numbers.h \
	tests/bench/times.c \
	tests/bench/times.h
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
storeload_SOURCES = \
	tests/bench/numbers.c \
	tests/bench/numbers.h \
	tests/bench/storeload.c \
	tests/bench/times.c \
	tests/bench/times.h
storeload_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
storeload_LDADD = libio.a libcore.a libbase.a $(CONFUSE_LIBS) \
	$(HIREDIS_LIBS) $(JANSSON_LIBS) $(LIBMD_LIBS) \
	$(CARES_LIBS) $(LIBIDN2_LIBS) $(LIBPCRE2_LIBS) $(OPENSSL_LIBS)
EXTRA_DIST += \
	tests/bench/bench.py \
	tests/bench/clients.py \
	tests/bench/dns.py \
	tests/bench/milters.py \
	tests/bench/sampling.py \
	tests/bench/sizes.py

# All of it in some 7 minutes, or only the policy of a provider in one.
bench: bench-lists floodgate milterload noopmilter storeload
	$(AM_V_at)$(srcdir)/tests/bench/bench.py --builddir $(builddir)
bench-quick: floodgate milterload noopmilter
	$(AM_V_at)$(srcdir)/tests/bench/bench.py --builddir $(builddir) --quick
bench-dns: floodgate milterload nameserver
	$(AM_V_at)$(srcdir)/tests/bench/dns.py --builddir $(builddir)
bench-lists: benchlists
	$(AM_V_at)./benchlists
.PHONY: bench bench-quick bench-dns bench-lists

# All that `make check` builds, to see that it compiles.
check-programs: all $(check_PROGRAMS)
.PHONY: check-programs
