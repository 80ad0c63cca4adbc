# The pages of the manual are made from doc/*.in and the tables of the program.
noinst_PROGRAMS += doc/mktables
doc_mktables_SOURCES = doc/mktables.c
doc_mktables_LDADD = libcore.a libbase.a $(LIBMD_LIBS)

nodist_man_MANS = \
	doc/floodgate.8 \
	doc/floodgate.conf.5 \
	doc/floodgatectl.8
CLEANFILES += $(nodist_man_MANS)
dist_doc_DATA = \
	README \
	doc/architecture.md
EXTRA_DIST += \
	doc/floodgate.8.in \
	doc/floodgate.conf.5.in \
	doc/floodgatectl.8.in

make_page = $(AM_V_GEN)doc/mktables$(EXEEXT) $(srcdir)/$@.in >$@.tmp && \
	mv $@.tmp $@

# The Redis users, as lines of redis-cli: each stands where its comment does.
acl_lines = doc/acl_eval.txt doc/acl_function.txt
CLEANFILES += $(acl_lines)
$(acl_lines): $(srcdir)/contrib/redis-acl.conf
	$(AM_V_GEN)$(MKDIR_P) doc && case $@ in \
		*eval*) start='user ';; *) start='#user ';; \
	esac; $(SED) -n -e "s/^$$start/ACL SETUSER /p" \
		$(srcdir)/contrib/redis-acl.conf | fold -s -w 68 | \
		$(SED) -e '2,$$s/^/    /' -e 's/ $$//' -e 's/-/\\-/g' \
		>$@.tmp && mv $@.tmp $@
doc/floodgate.8: $(srcdir)/doc/floodgate.8.in doc/mktables$(EXEEXT)
	$(make_page)
doc/floodgate.conf.5: $(srcdir)/doc/floodgate.conf.5.in \
    doc/mktables$(EXEEXT) $(acl_lines)
	$(make_page)
	$(AM_V_at)$(SED) -e '/^\.\\" ACL eval$$/r doc/acl_eval.txt' \
		-e '/^\.\\" ACL function$$/r doc/acl_function.txt' $@ >$@.tmp && \
		mv $@.tmp $@
doc/floodgatectl.8: $(srcdir)/doc/floodgatectl.8.in doc/mktables$(EXEEXT)
	$(make_page)

dist_check_SCRIPTS += \
	doc/check-examples \
	doc/check-manual
TESTS += \
	doc/check-examples \
	doc/check-manual
