bin_PROGRAMS += floodgatectl
floodgatectl_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
floodgatectl_LDADD = libio.a libcore.a libbase.a $(CONFUSE_LIBS) \
	$(HIREDIS_LIBS) $(JANSSON_LIBS) $(LIBMD_LIBS) \
	$(CARES_LIBS) $(LIBIDN2_LIBS) $(LIBPCRE2_LIBS) $(OPENSSL_LIBS)
floodgatectl_SOURCES = \
	src/floodgatectl/client.c \
	src/floodgatectl/client.h \
	src/floodgatectl/cmd_codes.c \
	src/floodgatectl/cmd_codes.h \
	src/floodgatectl/cmd_codes_explain.c \
	src/floodgatectl/cmd_codes_list.c \
	src/floodgatectl/cmd_daemon.c \
	src/floodgatectl/cmd_help.c \
	src/floodgatectl/cmd_try.c \
	src/floodgatectl/ctl.h \
	src/floodgatectl/main.c \
	src/floodgatectl/output.c \
	src/floodgatectl/output.h \
	src/floodgatectl/page.c \
	src/floodgatectl/page.h \
	src/floodgatectl/page_catalogue.c \
	src/floodgatectl/page_catalogue.h \
	src/floodgatectl/page_html.c \
	src/floodgatectl/page_markdown.c \
	src/floodgatectl/page_text.def \
	src/floodgatectl/player.c \
	src/floodgatectl/player.h \
	src/floodgatectl/read_config.c \
	src/floodgatectl/record.c \
	src/floodgatectl/record.h \
	src/floodgatectl/record_print.c \
	src/floodgatectl/refusals.c \
	src/floodgatectl/refusals.h \
	src/floodgatectl/script.c \
	src/floodgatectl/script.h \
	src/floodgatectl/script_parts.h \
	src/floodgatectl/script_repeat.c \
	src/floodgatectl/script_verbs.c \
	src/floodgatectl/store_switch.c \
	src/floodgatectl/store_switch.h
