dist_example_DATA += \
	contrib/postfix-main.cf \
	contrib/redis-acl.conf \
	contrib/redis.conf \
	contrib/sendmail.mc \
	contrib/store-redis.conf
EXTRA_DIST += \
	.ci/run \
	contrib/completion.bash \
	contrib/floodgate.service.in \
	contrib/packages.sh \
	contrib/quickstart \
	contrib/run-tests
CLEANFILES += contrib/floodgate.service

contrib/floodgate.service: contrib/floodgate.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) contrib && $(SED) \
		-e 's,@bindir[@],$(bindir),g' -e 's,@sbindir[@],$(sbindir),g' \
		-e 's,@sysconfdir[@],$(sysconfdir),g' \
		$(srcdir)/contrib/floodgate.service.in >$@.tmp && mv $@.tmp $@

if HAVE_SYSTEMD
systemdsystemunit_DATA = contrib/floodgate.service
else
nodist_example_DATA = contrib/floodgate.service
endif

bashcompletiondir = $(datadir)/bash-completion/completions
install-data-local: install-completion
uninstall-local: uninstall-completion

install-completion:
	$(MKDIR_P) $(DESTDIR)$(bashcompletiondir)
	$(INSTALL_DATA) $(srcdir)/contrib/completion.bash \
		$(DESTDIR)$(bashcompletiondir)/floodgatectl
uninstall-completion:
	rm -f $(DESTDIR)$(bashcompletiondir)/floodgatectl
.PHONY: install-completion uninstall-completion

dist_check_SCRIPTS += contrib/check-redis-conf
TESTS += contrib/check-redis-conf
