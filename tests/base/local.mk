EXTRA_DIST += tests/suite.h

if HAVE_CHECK
base_tests = \
	tests/base/test_arena \
	tests/base/test_ip \
	tests/base/test_quantity \
	tests/base/test_siphash \
	tests/base/test_text
check_PROGRAMS += $(base_tests)
TESTS += $(base_tests)

base_test_cppflags = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
base_test_ldadd = libbase.a $(CHECK_LIBS)

tests_base_test_arena_CPPFLAGS = $(base_test_cppflags)
tests_base_test_arena_LDADD = $(base_test_ldadd)
tests_base_test_ip_CPPFLAGS = $(base_test_cppflags)
tests_base_test_ip_LDADD = $(base_test_ldadd)
tests_base_test_quantity_CPPFLAGS = $(base_test_cppflags)
tests_base_test_quantity_LDADD = $(base_test_ldadd)
tests_base_test_siphash_CPPFLAGS = $(base_test_cppflags)
tests_base_test_siphash_LDADD = $(base_test_ldadd)
tests_base_test_text_CPPFLAGS = $(base_test_cppflags)
tests_base_test_text_LDADD = $(base_test_ldadd)
endif
