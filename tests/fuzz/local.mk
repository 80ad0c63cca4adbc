# Fuzzing, on demand: `make fuzz`, or `make fuzz FUZZ_SECONDS=3600`. It needs
# clang with libFuzzer; what it finds is left as crash-* in the build tree.
FUZZ_CC = clang
FUZZ_CFLAGS = -std=c11 -g -O1 -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all
FUZZ_SECONDS = 60

fuzz_path_sources = tests/fuzz/fuzz_path.c src/io/idn.c \
	$(filter %.c,$(libbase_a_SOURCES) $(libcore_a_SOURCES))

fuzz:
	@$(MKDIR_P) tests/fuzz/found
	cd $(srcdir) && $(FUZZ_CC) $(FUZZ_CFLAGS) $(DEFS) -Isrc \
	  $(LIBIDN2_CFLAGS) $(LIBMD_CFLAGS) \
	  -o $(abs_builddir)/tests/fuzz/fuzz_path $(fuzz_path_sources) \
	  $(LIBIDN2_LIBS) $(LIBMD_LIBS)
	tests/fuzz/fuzz_path -max_total_time=$(FUZZ_SECONDS) -max_len=1200 \
	  tests/fuzz/found $(srcdir)/tests/fuzz/path
.PHONY: fuzz

CLEANFILES += tests/fuzz/fuzz_path
clean-local:
	rm -rf tests/fuzz/found

EXTRA_DIST += \
	tests/fuzz/fuzz_path.c \
	tests/fuzz/path/1 \
	tests/fuzz/path/10 \
	tests/fuzz/path/2 \
	tests/fuzz/path/3 \
	tests/fuzz/path/4 \
	tests/fuzz/path/5 \
	tests/fuzz/path/6 \
	tests/fuzz/path/7 \
	tests/fuzz/path/8 \
	tests/fuzz/path/9
