noinst_LIBRARIES += libcore.a
libcore_a_CPPFLAGS = $(AM_CPPFLAGS) $(LIBMD_CFLAGS)
libcore_a_SOURCES = \
	src/core/check.def \
	src/core/count.def \
	src/core/fact.def \
	src/core/field.def \
	src/core/key.def \
	src/core/limit.def \
	src/core/option.def \
	src/core/reply.def \
	src/core/charge.h \
	src/core/check.h \
	src/core/config.h \
	src/core/domain.c \
	src/core/domain.h \
	src/core/list.c \
	src/core/list.h \
	src/core/path.c \
	src/core/path.h \
	src/core/policy.h \
	src/core/reply.h \
	src/core/session.h \
	src/core/stage.h \
	src/core/window.h
