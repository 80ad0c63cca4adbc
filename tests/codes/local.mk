# What floodgatectl codes prints: see run and complete.
codes_tests = \
	tests/codes/complete \
	tests/codes/notes \
	tests/codes/run
dist_check_SCRIPTS += $(codes_tests)
TESTS += $(codes_tests)

EXTRA_DIST += \
	tests/codes/bad.catalogue \
	tests/codes/page.conf \
	tests/codes/short.catalogue \
	tests/codes/bad_catalogue.args \
	tests/codes/bad_catalogue.ok \
	tests/codes/bad_class.args \
	tests/codes/bad_class.ok \
	tests/codes/bad_code.args \
	tests/codes/bad_code.ok \
	tests/codes/bad_config.args \
	tests/codes/bad_config.ok \
	tests/codes/bad_form.args \
	tests/codes/bad_form.ok \
	tests/codes/bad_lang.args \
	tests/codes/bad_lang.ok \
	tests/codes/bad_order.args \
	tests/codes/bad_order.ok \
	tests/codes/bad_several.args \
	tests/codes/bad_several.ok \
	tests/codes/bad_two.args \
	tests/codes/bad_two.ok \
	tests/codes/explain_any_class.args \
	tests/codes/explain_any_class.ok \
	tests/codes/explain_both.args \
	tests/codes/explain_both.ok \
	tests/codes/explain_enhanced.args \
	tests/codes/explain_enhanced.ok \
	tests/codes/explain_json.args \
	tests/codes/explain_json.ok \
	tests/codes/explain_mismatch.args \
	tests/codes/explain_mismatch.ok \
	tests/codes/explain_nonstandard.args \
	tests/codes/explain_nonstandard.ok \
	tests/codes/explain_rule.args \
	tests/codes/explain_rule.ok \
	tests/codes/explain_unregistered.args \
	tests/codes/explain_unregistered.ok \
	tests/codes/list.args \
	tests/codes/list.ok \
	tests/codes/list_by_command.args \
	tests/codes/list_by_command.ok \
	tests/codes/list_by_group.args \
	tests/codes/list_by_group.ok \
	tests/codes/no_catalogue.args \
	tests/codes/no_catalogue.ok \
	tests/codes/page_html.args \
	tests/codes/page_html.ok \
	tests/codes/page_html_de.args \
	tests/codes/page_html_de.ok \
	tests/codes/page_json.args \
	tests/codes/page_json.ok \
	tests/codes/page_markdown.args \
	tests/codes/page_markdown.ok \
	tests/codes/page_no_config.args \
	tests/codes/page_no_config.ok \
	tests/codes/short_catalogue.args \
	tests/codes/short_catalogue.ok \
	tests/codes/unknown.args \
	tests/codes/unknown.ok \
	tests/codes/unknown_json.args \
	tests/codes/unknown_json.ok
