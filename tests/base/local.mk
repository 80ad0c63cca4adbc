if HAVE_CHECK
base_tests = \
	tests/base/test_arena \
	tests/base/test_ip \
	tests/base/test_quantity \
	tests/base/test_siphash \
	tests/base/test_text
check_PROGRAMS += $(base_tests)
TESTS += $(base_tests)

tests_base_test_arena_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_base_test_arena_LDADD = libbase.a $(CHECK_LIBS)
tests_base_test_ip_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_base_test_ip_LDADD = libbase.a $(CHECK_LIBS)
tests_base_test_quantity_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_base_test_quantity_LDADD = libbase.a $(CHECK_LIBS)
tests_base_test_siphash_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_base_test_siphash_LDADD = libbase.a $(CHECK_LIBS)
tests_base_test_text_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_base_test_text_LDADD = libbase.a $(CHECK_LIBS)
endif
