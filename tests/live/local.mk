dist_check_SCRIPTS += tests/live/complete
TESTS += tests/live/complete

EXTRA_DIST += \
	tests/live/complete.py \
	tests/live/dns_cases.py \
	tests/live/faults.py \
	tests/live/lab/__init__.py \
	tests/live/lab/cluster.py \
	tests/live/lab/daemon.py \
	tests/live/lab/dialogue.py \
	tests/live/lab/fault.py \
	tests/live/lab/gate.py \
	tests/live/lab/guardian.py \
	tests/live/lab/isolation.py \
	tests/live/lab/load.py \
	tests/live/lab/nameserver.py \
	tests/live/lab/postfix.py \
	tests/live/lab/process.py \
	tests/live/lab/redis.py \
	tests/live/lab/sendmail.py \
	tests/live/lab/smtp.py \
	tests/live/lab/suite.py \
	tests/live/lists.py \
	tests/live/mta_cases.py \
	tests/live/outages.py \
	tests/live/reloads.py \
	tests/live/routes.py \
	tests/live/run \
	tests/live/running.py \
	tests/live/shipped.py \
	tests/live/stores.py \
	tests/live/tsan.supp

# Needs root; see tests/live/run.
check-live: all milterload nameserver noopmilter
	$(AM_V_at)$(srcdir)/tests/live/run --builddir $(builddir)
.PHONY: check-live

distclean-local:
	-rm -rf sendmail-unpacked
