noinst_LIBRARIES += libio.a
libio_a_CPPFLAGS = $(AM_CPPFLAGS) $(MILTER_CFLAGS) $(CONFUSE_CFLAGS) \
	$(CARES_CFLAGS) $(HIREDIS_CFLAGS) $(JANSSON_CFLAGS) $(LIBMD_CFLAGS) \
	$(LIBIDN2_CFLAGS) $(LIBPCRE2_CFLAGS) $(OPENSSL_CFLAGS)
libio_a_SOURCES = \
	src/io/checkup.c \
	src/io/checkup.h \
	src/io/clock.c \
	src/io/clock.h \
	src/io/command.def \
	src/io/confbuild.c \
	src/io/conffile.c \
	src/io/conffile.h \
	src/io/conflex.c \
	src/io/conflex.h \
	src/io/conflist.c \
	src/io/confoption.c \
	src/io/confoption.h \
	src/io/confpolicy.c \
	src/io/confprint.c \
	src/io/confread.h \
	src/io/confsay.c \
	src/io/confsay.h \
	src/io/confscan.c \
	src/io/confscan.h \
	src/io/confscan_inside.h \
	src/io/confscan_option.c \
	src/io/confscan_section.c \
	src/io/confscan_word.c \
	src/io/conftype.c \
	src/io/conftype.h \
	src/io/control.c \
	src/io/control.h \
	src/io/control_answer.c \
	src/io/control_answer.h \
	src/io/control_socket.c \
	src/io/control_socket.h \
	src/io/dns.c \
	src/io/dns.h \
	src/io/dns_cache.c \
	src/io/dns_cache.h \
	src/io/dns_link.c \
	src/io/dns_link.h \
	src/io/dns_message.c \
	src/io/dns_message.h \
	src/io/engine.c \
	src/io/engine.h \
	src/io/entry.c \
	src/io/entry.h \
	src/io/idn.c \
	src/io/idn.h \
	src/io/inspect.c \
	src/io/inspect.h \
	src/io/ledger.c \
	src/io/ledger.h \
	src/io/linefile.c \
	src/io/linefile.h \
	src/io/list_lookup.c \
	src/io/list_lookup.h \
	src/io/listen.c \
	src/io/listen.h \
	src/io/log.c \
	src/io/log.h \
	src/io/lookup.c \
	src/io/lookup.h \
	src/io/maps.c \
	src/io/maps.h \
	src/io/mark_text.c \
	src/io/mark_text.h \
	src/io/marks.c \
	src/io/marks.h \
	src/io/memory_file.c \
	src/io/memory_table.c \
	src/io/metric.def \
	src/io/metrics.c \
	src/io/metrics.h \
	src/io/milter.c \
	src/io/milter.h \
	src/io/mta_socket.c \
	src/io/mta_socket.h \
	src/io/operate.c \
	src/io/operate.h \
	src/io/pattern.c \
	src/io/pattern.h \
	src/io/pool.c \
	src/io/pool.h \
	src/io/problems.c \
	src/io/record.c \
	src/io/record.h \
	src/io/redis_connect.c \
	src/io/redis_greeting.c \
	src/io/redis_greeting.h \
	src/io/redis_health.c \
	src/io/redis_inside.h \
	src/io/redis_key.c \
	src/io/redis_key.h \
	src/io/redis_link.c \
	src/io/redis_link.h \
	src/io/redis_lists.c \
	src/io/redis_lists.h \
	src/io/redis_marks.c \
	src/io/redis_marks.h \
	src/io/redis_nodes.c \
	src/io/redis_question.c \
	src/io/redis_question.h \
	src/io/redis_replicas.c \
	src/io/redis_reply.c \
	src/io/redis_reply.h \
	src/io/redis_route.c \
	src/io/redis_route.h \
	src/io/redis_route_inside.h \
	src/io/redis_scout.c \
	src/io/redis_slots.c \
	src/io/redis_slots.h \
	src/io/redis_script.c \
	src/io/redis_script.h \
	src/io/redis_socket.c \
	src/io/redis_socket.h \
	src/io/redis_thread.c \
	src/io/redis_trouble.def \
	src/io/refusals.c \
	src/io/refusals.h \
	src/io/scheduling.c \
	src/io/scheduling.h \
	src/io/secret.c \
	src/io/secret.h \
	src/io/snapshot.c \
	src/io/snapshot.h \
	src/io/store.c \
	src/io/store.h \
	src/io/store_fallback.c \
	src/io/store_guard.c \
	src/io/store_lease.c \
	src/io/store_memory.c \
	src/io/store_memory.h \
	src/io/store_redis.c \
	src/io/store_redis.h \
	src/io/store_redis_check.c \
	src/io/store_redis_inside.h \
	src/io/store_redis_parts.c \
	src/io/subjects.c \
	src/io/subjects.h \
	src/io/tls.c \
	src/io/tls.h \
	src/io/utc.c \
	src/io/utc.h

# charge.lua as a C string, without comments and leading blanks
EXTRA_DIST += src/io/charge.lua
BUILT_SOURCES += src/io/charge_lua.h
CLEANFILES += src/io/charge_lua.h
src/io/charge_lua.h: src/io/charge.lua
	@$(MKDIR_P) src/io
	$(AM_V_GEN)$(SED) -e '/^[ 	]*--/d' -e '/^[ 	]*$$/d' \
	  -e 's/^[ 	]*//' -e 's/\\/\\\\/g' -e 's/"/\\"/g' \
	  -e 's/^/"/' -e 's/$$/\\n"/' \
	  $(srcdir)/src/io/charge.lua > $@.new && mv $@.new $@
src/io/libio_a-store_redis.$(OBJEXT): src/io/charge_lua.h
