if HAVE_CHECK
io_tests = \
	tests/io/test_checkup \
	tests/io/test_conffile \
	tests/io/test_confnotes \
	tests/io/test_control \
	tests/io/test_dns \
	tests/io/test_engine \
	tests/io/test_idn \
	tests/io/test_maps \
	tests/io/test_mark_text \
	tests/io/test_mta_socket \
	tests/io/test_redis_key \
	tests/io/test_redis_replicas \
	tests/io/test_redis_route \
	tests/io/test_redis_slots \
	tests/io/test_redis_tls \
	tests/io/test_regular \
	tests/io/test_store_fallback \
	tests/io/test_store_guard \
	tests/io/test_store_lease \
	tests/io/test_store_memory \
	tests/io/test_store_redis \
	tests/io/test_subjects
check_PROGRAMS += $(io_tests)
TESTS += $(io_tests)

io_test_cppflags = $(libio_a_CPPFLAGS) $(CHECK_CFLAGS)
io_test_ldadd = libio.a libcore.a libbase.a $(CHECK_LIBS) $(MILTER_LIBS) \
	$(CONFUSE_LIBS) $(HIREDIS_LIBS) $(JANSSON_LIBS) $(LIBMD_LIBS) \
	$(CARES_LIBS) $(LIBIDN2_LIBS) $(LIBPCRE2_LIBS) $(OPENSSL_LIBS)

tests_io_test_checkup_CPPFLAGS = $(io_test_cppflags)
tests_io_test_checkup_LDADD = $(io_test_ldadd)
tests_io_test_conffile_CPPFLAGS = $(io_test_cppflags)
tests_io_test_conffile_LDADD = $(io_test_ldadd)
tests_io_test_confnotes_CPPFLAGS = $(io_test_cppflags)
tests_io_test_confnotes_LDADD = $(io_test_ldadd)
tests_io_test_control_CPPFLAGS = $(io_test_cppflags)
tests_io_test_control_LDADD = $(io_test_ldadd)
tests_io_test_dns_SOURCES = tests/io/test_dns.c tests/io/name_server.c \
	tests/io/name_server.h
tests_io_test_dns_CPPFLAGS = $(io_test_cppflags) -I$(top_srcdir)
tests_io_test_dns_LDADD = $(io_test_ldadd)
tests_io_test_engine_CPPFLAGS = $(io_test_cppflags)
tests_io_test_engine_LDADD = $(io_test_ldadd)
tests_io_test_idn_CPPFLAGS = $(io_test_cppflags)
tests_io_test_idn_LDADD = $(io_test_ldadd)
tests_io_test_maps_CPPFLAGS = $(io_test_cppflags)
tests_io_test_maps_LDADD = $(io_test_ldadd)
tests_io_test_mark_text_CPPFLAGS = $(io_test_cppflags)
tests_io_test_mark_text_LDADD = $(io_test_ldadd)
tests_io_test_mta_socket_CPPFLAGS = $(io_test_cppflags)
tests_io_test_mta_socket_LDADD = $(io_test_ldadd)
tests_io_test_redis_key_CPPFLAGS = $(io_test_cppflags)
tests_io_test_redis_key_LDADD = $(io_test_ldadd)
tests_io_test_redis_replicas_SOURCES = tests/io/test_redis_replicas.c \
	tests/io/redis_lab.c tests/io/redis_lab.h
tests_io_test_redis_replicas_CPPFLAGS = $(io_test_cppflags)
tests_io_test_redis_replicas_LDADD = $(io_test_ldadd)
tests_io_test_redis_route_SOURCES = tests/io/test_redis_route.c tests/io/redis_lab.c \
	tests/io/redis_lab.h tests/io/redis_store.c \
	tests/io/redis_store.h
tests_io_test_redis_route_CPPFLAGS = $(io_test_cppflags)
tests_io_test_redis_route_LDADD = $(io_test_ldadd)
tests_io_test_redis_slots_CPPFLAGS = $(io_test_cppflags)
tests_io_test_redis_slots_LDADD = $(io_test_ldadd)
tests_io_test_redis_tls_SOURCES = tests/io/test_redis_tls.c tests/io/redis_store.c \
	tests/io/redis_store.h
tests_io_test_redis_tls_CPPFLAGS = $(io_test_cppflags) \
	-DMAKE_CERTIFICATES='"$(abs_top_srcdir)/tests/io/make-certificates"'
tests_io_test_redis_tls_LDADD = $(io_test_ldadd)
tests_io_test_regular_CPPFLAGS = $(io_test_cppflags)
tests_io_test_regular_LDADD = $(io_test_ldadd)
tests_io_test_store_fallback_CPPFLAGS = $(io_test_cppflags)
tests_io_test_store_fallback_LDADD = $(io_test_ldadd)
tests_io_test_store_guard_CPPFLAGS = $(io_test_cppflags)
tests_io_test_store_guard_LDADD = $(io_test_ldadd)
tests_io_test_store_lease_SOURCES = tests/io/test_store_lease.c tests/io/lease_model.c \
	tests/io/lease_model.h tests/io/random_rounds.h
tests_io_test_store_lease_CPPFLAGS = $(io_test_cppflags)
tests_io_test_store_lease_LDADD = $(io_test_ldadd)
tests_io_test_store_memory_SOURCES = tests/io/test_store_memory.c tests/io/store_marks.c \
	tests/io/store_marks.h tests/io/store_model.c \
	tests/io/store_model.h tests/io/random_rounds.h
tests_io_test_store_memory_CPPFLAGS = $(io_test_cppflags)
tests_io_test_store_memory_LDADD = $(io_test_ldadd)
tests_io_test_store_redis_SOURCES = tests/io/test_store_redis.c tests/io/redis_store.c \
	tests/io/redis_store.h tests/io/lease_model.c \
	tests/io/lease_model.h tests/io/store_marks.c \
	tests/io/store_marks.h tests/io/store_model.c \
	tests/io/store_model.h tests/io/random_rounds.h
tests_io_test_store_redis_CPPFLAGS = $(io_test_cppflags) \
	-DACL_FILE='"$(abs_top_srcdir)/contrib/redis-acl.conf"'
tests_io_test_store_redis_LDADD = $(io_test_ldadd)
tests_io_test_subjects_CPPFLAGS = $(io_test_cppflags)
tests_io_test_subjects_LDADD = $(io_test_ldadd)
endif

EXTRA_DIST += tests/io/make-certificates
