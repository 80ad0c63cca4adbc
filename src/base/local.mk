noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	src/base/arena.c \
	src/base/arena.h \
	src/base/ip.c \
	src/base/ip.h \
	src/base/names.h \
	src/base/quantity.c \
	src/base/quantity.h \
	src/base/siphash.c \
	src/base/siphash.h \
	src/base/text.c \
	src/base/text.h
