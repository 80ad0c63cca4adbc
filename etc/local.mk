# What is installed to $(sysconfdir)/floodgate belongs to the admin from then
# on: a file that is there already is left alone. Uninstalling takes away
# what is still as it was installed.
floodgateconfdir = $(sysconfdir)/floodgate
floodgate_CONFIG = \
	etc/banned \
	etc/floodgate.conf \
	etc/owners
EXTRA_DIST += $(floodgate_CONFIG)

# Other policies, and the maps that they name.
dist_example_DATA += \
	etc/examples/inbound-mx.conf \
	etc/examples/owners \
	etc/examples/recipients \
	etc/examples/university.conf

# Words of the page for senders: floodgatectl codes --page --lang NAME.
langdir = $(pkgdatadir)/lang
dist_lang_DATA = \
	etc/lang/de

install-data-local: install-config
uninstall-local: uninstall-config

install-config:
	$(MKDIR_P) "$(DESTDIR)$(floodgateconfdir)/conf.d"
	@for file in $(floodgate_CONFIG); do \
	  to="$(DESTDIR)$(floodgateconfdir)/$${file#etc/}"; \
	  if test -e "$$to"; then echo "keeping $$to"; \
	  else \
	    echo "installing $$to"; \
	    $(INSTALL) -m 644 "$(srcdir)/$$file" "$$to" || exit 1; \
	  fi; \
	done

uninstall-config:
	@for file in $(floodgate_CONFIG); do \
	  to="$(DESTDIR)$(floodgateconfdir)/$${file#etc/}"; \
	  if cmp -s "$(srcdir)/$$file" "$$to"; then rm -f "$$to"; fi; \
	done
	-rmdir "$(DESTDIR)$(floodgateconfdir)/conf.d" \
	  "$(DESTDIR)$(floodgateconfdir)" 2>/dev/null

.PHONY: install-config uninstall-config
