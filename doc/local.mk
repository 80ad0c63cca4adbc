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
doc/floodgate.8: $(srcdir)/doc/floodgate.8.in doc/mktables$(EXEEXT)
	$(make_page)
doc/floodgate.conf.5: $(srcdir)/doc/floodgate.conf.5.in doc/mktables$(EXEEXT)
	$(make_page)
doc/floodgatectl.8: $(srcdir)/doc/floodgatectl.8.in doc/mktables$(EXEEXT)
	$(make_page)

dist_check_SCRIPTS += \
	doc/check-examples \
	doc/check-manual
TESTS += \
	doc/check-examples \
	doc/check-manual
