check_PROGRAMS += \
	milterload \
	noopmilter
milterload_SOURCES = \
	tests/bench/milterload.c \
	tests/bench/mta.c \
	tests/bench/mta.h
milterload_CPPFLAGS = $(AM_CPPFLAGS) $(MILTER_CFLAGS) $(JANSSON_CFLAGS)
milterload_LDADD = $(JANSSON_LIBS)
noopmilter_SOURCES = \
	tests/bench/noopmilter.c
noopmilter_CPPFLAGS = $(AM_CPPFLAGS) $(MILTER_CFLAGS)
noopmilter_LDADD = $(MILTER_LIBS)
EXTRA_DIST += tests/bench/bench.py

bench: floodgate milterload noopmilter
	$(AM_V_at)$(srcdir)/tests/bench/bench.py --builddir $(builddir)
.PHONY: bench

# All that `make check` builds, to see that it compiles.
check-programs: all $(check_PROGRAMS)
.PHONY: check-programs
