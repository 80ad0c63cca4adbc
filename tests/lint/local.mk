# Read by eyes of a machine: `make lint`, and part of `make check`.
lint: libbase.a libcore.a
	$(srcdir)/tests/lint/purity.sh .
	$(srcdir)/tests/lint/style.sh $(srcdir)
.PHONY: lint

check-local: lint

EXTRA_DIST += \
	tests/lint/purity.sh \
	tests/lint/style.sh
