if HAVE_CHECK
io_test_cppflags = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
io_test_ldadd = libio.a libcore.a libbase.a $(CHECK_LIBS) $(LIBMD_LIBS)

check_PROGRAMS += tests/io/test_maps
TESTS += tests/io/test_maps
tests_io_test_maps_CPPFLAGS = $(io_test_cppflags)
tests_io_test_maps_LDADD = $(io_test_ldadd)
endif
