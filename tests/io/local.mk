# tests/io
if HAVE_CHECK
check_PROGRAMS += tests/io/test_conffile
TESTS += tests/io/test_conffile

tests_io_test_conffile_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_io_test_conffile_LDADD = libio.a libcore.a libbase.a \
	$(CONFUSE_LIBS) $(LIBMD_LIBS) $(CHECK_LIBS)
endif
