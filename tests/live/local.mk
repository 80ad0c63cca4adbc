dist_check_SCRIPTS += tests/live/complete tests/live/together
TESTS += tests/live/complete tests/live/together
# Not linked with anything: preloaded into the daemon.
check_PROGRAMS += misfortune.so
misfortune_so_SOURCES = tests/live/misfortune.c
misfortune_so_CFLAGS = $(AM_CFLAGS) -fPIC -fno-builtin
misfortune_so_LDFLAGS = -shared

EXTRA_DIST += \
	tests/live/complete.py \
	tests/live/crashes.py \
	tests/live/crowds.py \
	tests/live/dns_cases.py \
	tests/live/endurance.py \
	tests/live/exactness.py \
	tests/live/faults.py \
	tests/live/lab/__init__.py \
	tests/live/lab/answers.py \
	tests/live/lab/cluster.py \
	tests/live/lab/crew.py \
	tests/live/lab/daemon.py \
	tests/live/lab/dialogue.py \
	tests/live/lab/fault.py \
	tests/live/lab/gate.py \
	tests/live/lab/guardian.py \
	tests/live/lab/isolation.py \
	tests/live/lab/load.py \
	tests/live/lab/misfortune.py \
	tests/live/lab/nameserver.py \
	tests/live/lab/postfix.py \
	tests/live/lab/process.py \
	tests/live/lab/redis.py \
	tests/live/lab/sendmail.py \
	tests/live/lab/smtp.py \
	tests/live/lab/suite.py \
	tests/live/lab/told.py \
	tests/live/leases.py \
	tests/live/lists.py \
	tests/live/misfortunes.py \
	tests/live/mta_cases.py \
	tests/live/outages.py \
	tests/live/reloads.py \
	tests/live/routes.py \
	tests/live/run \
	tests/live/running.py \
	tests/live/shipped.py \
	tests/live/soak.py \
	tests/live/stores.py \
	tests/live/together.py \
	tests/live/tsan.supp

# Needs root; see tests/live/run.
check-live: all milterload misfortune.so nameserver noopmilter
	$(AM_V_at)$(srcdir)/tests/live/run --builddir $(builddir)
.PHONY: check-live

distclean-local:
	-rm -rf sendmail-unpacked
