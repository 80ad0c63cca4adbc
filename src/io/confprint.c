/*
 * confprint.c - print a configuration so that it parses again to the same
 *
 * Every option, defaults included, in the order of option.def; checks and
 * limits in the order of the file. Files are named, absolute, not printed;
 * what was included stands in its place.
 */
#include "io/conffile.h"

#include "core/check.h"
#include "io/confread.h"

static void
print_table(FILE *to, const char *indent, const struct option_table *table,
    const void *fields)
{
	for (size_t i = 0; i < table->count; i++)
		option_print(to, indent, &table->rows[i],
		    (const char *)fields + table->rows[i].offset);
}

static void
print_store(FILE *to, const struct config *config)
{
	switch (config->store) {
	case STORE_KIND_MEMORY:
		fputs("\nstore \"memory\" {\n", to);
		print_table(to, "\t", &store_memory_table, &config->memory);
		break;
	case STORE_KIND_REDIS:
		fputs("\nstore \"redis\" {\n", to);
		print_table(to, "\t", &store_redis_table, &config->redis);
		break;
	}
	fputs("}\n", to);
}

/* Only what the check takes. */
static void
print_check(FILE *to, const struct rule *rule)
{
	fprintf(to, "\n\tcheck \"%s\" {\n", rule->name);
	print_table(to, "\t\t", &rule_table, &rule->with);
	for (size_t i = 0; i < check_table.count; i++) {
		const struct option_row *row = &check_table.rows[i];

		if (check_takes_option(rule->check, row->name))
			option_print(to, "\t\t", row,
			    (const char *)&rule->checks + row->offset);
	}
	fputs("\t}\n", to);
}

static void
print_limit(FILE *to, const struct rule *rule)
{
	fprintf(to, "\n\tlimit \"%s\" {\n", rule->name);
	print_table(to, "\t\t", &rule_table, &rule->with);
	for (size_t i = 0; i < limit_table.count; i++) {
		const struct option_row *row = &limit_table.rows[i];

		if (row->type == OPTION_TYPE_RATES)
			rates_print(to, "\t\t", row, &rule->limits.allow,
			    rule->limits.count);
		else
			option_print(to, "\t\t", row,
			    (const char *)&rule->limits + row->offset);
	}
	fputs("\t}\n", to);
}

static void
print_policy(FILE *to, const struct policy *policy)
{
	fprintf(to, "\npolicy \"%s\" {\n", policy->name);
	print_table(to, "\t", &policy_table, &policy->with);
	if (policy->has_match) {
		fputs("\n\tmatch {\n", to);
		print_table(to, "\t\t", &match_table, &policy->match);
		fputs("\t}\n", to);
	}
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[policy->written[i]];

		if (rule->check != NULL)
			print_check(to, rule);
		else
			print_limit(to, rule);
	}
	fputs("}\n", to);
}

void
conffile_print(const struct config *config, FILE *to)
{
	print_table(to, "", &global_table, &config->global);
	print_store(to, config);
	for (size_t i = 0; i < config->list_count; i++) {
		fprintf(to, "\nlist \"%s\" {\n", config->lists[i].name);
		print_table(to, "\t", &list_table, &config->list_options[i]);
		fputs("}\n", to);
	}
	for (size_t i = 0; i < config->policy_count; i++)
		print_policy(to, &config->policies[i]);
}
