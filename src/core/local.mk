noinst_LIBRARIES += libcore.a
libcore_a_CPPFLAGS = $(AM_CPPFLAGS) $(LIBMD_CFLAGS)
libcore_a_SOURCES = \
	src/core/basic_code.def \
	src/core/charge.c \
	src/core/charge.h \
	src/core/check.c \
	src/core/check.def \
	src/core/check.h \
	src/core/check_client.c \
	src/core/check_helo.c \
	src/core/check_message.c \
	src/core/check_recipient.c \
	src/core/check_sender.c \
	src/core/code_note.def \
	src/core/codelint.c \
	src/core/codelint.h \
	src/core/codes.c \
	src/core/codes.h \
	src/core/config.c \
	src/core/config.h \
	src/core/count.def \
	src/core/domain.c \
	src/core/domain.h \
	src/core/enhanced_code.def \
	src/core/fact.def \
	src/core/field.def \
	src/core/key.def \
	src/core/limit.def \
	src/core/list.c \
	src/core/list.h \
	src/core/lookup.c \
	src/core/lookup.h \
	src/core/option.def \
	src/core/path.c \
	src/core/path.h \
	src/core/policy.c \
	src/core/policy.h \
	src/core/reply.c \
	src/core/reply.def \
	src/core/reply.h \
	src/core/reply_help.def \
	src/core/session.c \
	src/core/session.h \
	src/core/stage.h \
	src/core/verb.def \
	src/core/window.c \
	src/core/window.h
