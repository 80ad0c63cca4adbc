# tests/core
if HAVE_CHECK
check_PROGRAMS += \
	tests/core/test_window
TESTS += \
	tests/core/test_window

tests_core_test_window_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_core_test_window_LDADD = libcore.a libbase.a $(LIBMD_LIBS) $(CHECK_LIBS)
endif
