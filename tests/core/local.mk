if HAVE_CHECK
core_tests = \
	tests/core/test_charge \
	tests/core/test_check \
	tests/core/test_dns_fact \
	tests/core/test_codelint \
	tests/core/test_codes \
	tests/core/test_domain \
	tests/core/test_grammar \
	tests/core/test_list \
	tests/core/test_lookup \
	tests/core/test_path \
	tests/core/test_pattern \
	tests/core/test_policy \
	tests/core/test_reply \
	tests/core/test_session \
	tests/core/test_window
check_PROGRAMS += $(core_tests)
TESTS += $(core_tests)

# Pure: these tests link the core and what is below it, and nothing else.
core_test_cppflags = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(LIBMD_CFLAGS)
core_test_ldadd = libcore.a libbase.a $(CHECK_LIBS) $(LIBMD_LIBS)

tests_core_test_charge_CPPFLAGS = $(core_test_cppflags)
tests_core_test_charge_LDADD = $(core_test_ldadd)
tests_core_test_check_CPPFLAGS = $(core_test_cppflags)
tests_core_test_check_LDADD = $(core_test_ldadd)
tests_core_test_dns_fact_CPPFLAGS = $(core_test_cppflags)
tests_core_test_dns_fact_LDADD = $(core_test_ldadd)
tests_core_test_codelint_CPPFLAGS = $(core_test_cppflags)
tests_core_test_codelint_LDADD = $(core_test_ldadd)
tests_core_test_codes_CPPFLAGS = $(core_test_cppflags)
tests_core_test_codes_LDADD = $(core_test_ldadd)
tests_core_test_domain_CPPFLAGS = $(core_test_cppflags)
tests_core_test_domain_LDADD = $(core_test_ldadd)
tests_core_test_grammar_CPPFLAGS = $(core_test_cppflags)
tests_core_test_grammar_LDADD = $(core_test_ldadd)
tests_core_test_list_CPPFLAGS = $(core_test_cppflags)
tests_core_test_list_LDADD = $(core_test_ldadd)
tests_core_test_lookup_CPPFLAGS = $(core_test_cppflags)
tests_core_test_lookup_LDADD = $(core_test_ldadd)
tests_core_test_path_CPPFLAGS = $(core_test_cppflags)
tests_core_test_path_LDADD = $(core_test_ldadd)
tests_core_test_pattern_CPPFLAGS = $(core_test_cppflags)
tests_core_test_pattern_LDADD = $(core_test_ldadd)
tests_core_test_policy_CPPFLAGS = $(core_test_cppflags)
tests_core_test_policy_LDADD = $(core_test_ldadd)
tests_core_test_reply_CPPFLAGS = $(core_test_cppflags)
tests_core_test_reply_LDADD = $(core_test_ldadd)
tests_core_test_session_CPPFLAGS = $(core_test_cppflags)
tests_core_test_session_LDADD = $(core_test_ldadd)
tests_core_test_window_CPPFLAGS = $(core_test_cppflags)
tests_core_test_window_LDADD = $(core_test_ldadd)
endif

EXTRA_DIST += \
	tests/core/enhanced_registry.tsv \
	tests/core/seed_codes.txt
