# The pages of the manual are made from doc/*.in and the program's own tables.
noinst_PROGRAMS += doc/mktables
doc_mktables_SOURCES = doc/mktables.c
doc_mktables_LDADD = libcore.a libbase.a $(LIBMD_LIBS)

nodist_man_MANS = \
	doc/floodgate.conf.5
CLEANFILES += $(nodist_man_MANS)
EXTRA_DIST += \
	doc/floodgate.conf.5.in

make_page = $(AM_V_GEN)doc/mktables$(EXEEXT) $(srcdir)/$@.in >$@.tmp && \
	mv $@.tmp $@
doc/floodgate.conf.5: $(srcdir)/doc/floodgate.conf.5.in doc/mktables$(EXEEXT)
	$(make_page)
