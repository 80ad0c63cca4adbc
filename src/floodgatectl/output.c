/*
 * output.c - documents on stdout, for people or for programs
 */
#include "floodgatectl/output.h"

#include "base/text.h"
#include "io/inspect.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static void
print_printable(const char *text, FILE *to)
{
	for (; *text != '\0'; text++) {
		if (*text < ' ' || *text > '~')
			(void)fprintf(to, "\\x%02x", (unsigned char)*text);
		else
			(void)fputc(*text, to);
	}
}

void
put_printable(const char *text)
{
	print_printable(text, stdout);
}

const char *
member_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

json_int_t
member_number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

void
put_document(const json_t *document)
{
	(void)json_dumpf(document, stdout, JSON_INDENT(2));
	(void)fputc('\n', stdout);
}

void
put_span(json_int_t seconds)
{
	static const struct {
		json_int_t seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	int printed = 0;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		json_int_t whole = seconds / units[i].seconds;

		seconds -= whole * units[i].seconds;
		if (whole == 0 || printed == 2)
			continue;
		(void)printf("%s%lld%c", printed > 0 ? " " : "",
		    (long long)whole, units[i].unit);
		printed++;
	}
	if (printed == 0)
		(void)fputs("0s", stdout);
}

void
table_init(struct table *table, int columns, const char *indent)
{
	assert(columns <= TABLE_COLUMNS_MAX);
	table->rows = json_array();
	table->columns = columns;
	table->indent = indent;
}

void
table_add(struct table *table, const char *const cells[])
{
	json_t *row = json_array();

	for (int i = 0; i < table->columns; i++)
		(void)json_array_append_new(row, inspect_text(
		    cells[i] != NULL ? cells[i] : ""));
	(void)json_array_append_new(table->rows, row);
}

static const char *
cell_at(const json_t *row, int column)
{
	return json_string_value(json_array_get(row, (size_t)column));
}

/* Columns as wide as put_printable() makes the text. */
static size_t
printed_width(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += *text < ' ' || *text > '~' ? 4 : 1;
	return width;
}

static void
print_row(const struct table *table, const json_t *row, const size_t widths[])
{
	int last = table->columns - 1;

	while (last > 0 && cell_at(row, last)[0] == '\0')
		last--;
	(void)fputs(table->indent, stdout);
	for (int i = 0; i <= last; i++) {
		put_printable(cell_at(row, i));
		if (i < last)
			(void)printf("%*s", (int)(widths[i] -
			    printed_width(cell_at(row, i)) + 2), "");
	}
	(void)fputc('\n', stdout);
}

void
table_print_and_clear(struct table *table)
{
	size_t widths[TABLE_COLUMNS_MAX] = { 0 };
	size_t index;
	json_t *row;

	json_array_foreach(table->rows, index, row) {
		for (int i = 0; i < table->columns; i++) {
			size_t width = printed_width(cell_at(row, i));

			if (width > widths[i])
				widths[i] = width;
		}
	}
	json_array_foreach(table->rows, index, row)
		print_row(table, row, widths);
	json_decref(table->rows);
	table->rows = NULL;
}

/* "policy submission, limit quota_user, FILE:LINE", for each that uses it. */
static void
describe_uses(const json_t *rules, char *buffer, size_t size)
{
	struct text text;
	size_t index;
	json_t *rule;

	text_init(&text, buffer, size);
	json_array_foreach(rules, index, rule) {
		if (index > 0)
			text_put(&text, "; ");
		text_put(&text, "policy ");
		text_put(&text, member_text(rule, "policy"));
		text_put(&text, ", limit ");
		text_put(&text, member_text(rule, "limit"));
		text_put(&text, ", ");
		text_put(&text, member_text(rule, "file"));
		text_put_char(&text, ':');
		text_put_number(&text, member_number(rule, "line"));
		if (strcmp(member_text(rule, "mode"), "enforce") != 0) {
			text_put(&text, ", mode ");
			text_put(&text, member_text(rule, "mode"));
		}
	}
	if (json_array_size(rules) == 0)
		text_put(&text, "no limit of this configuration");
}

static void
put_counters(const json_t *counters, const char *indent)
{
	static const char *const head[] = {
		"COUNTER", "USED", "MAX", "WINDOW", "FREES AT", "USED BY"
	};
	struct table table;
	size_t index;
	json_t *counter;

	table_init(&table, 6, indent);
	table_add(&table, head);
	json_array_foreach(counters, index, counter) {
		char used[24], max[24], uses[1024];
		const char *const cells[] = {
			member_text(counter, "field"), used, max,
			member_text(counter, "window"),
			member_text(counter, "frees_at"), uses
		};

		(void)snprintf(used, sizeof(used), "%lld",
		    (long long)member_number(counter, "used"));
		(void)snprintf(max, sizeof(max), "%lld",
		    (long long)member_number(counter, "max"));
		describe_uses(json_object_get(counter, "rules"), uses,
		    sizeof(uses));
		table_add(&table, cells);
	}
	table_print_and_clear(&table);
}

/* "blocked", or "override quota_user/1h = 1000" */
static void
describe_mark(const json_t *mark, char *buffer, size_t size)
{
	struct text text;

	text_init(&text, buffer, size);
	text_put(&text, member_text(mark, "kind"));
	if (json_object_get(mark, "counter") == NULL)
		return;
	text_put_char(&text, ' ');
	text_put(&text, member_text(mark, "counter"));
	text_put(&text, " = ");
	text_put_number(&text, member_number(mark, "max"));
}

static void
add_marks(struct table *table, const char *subject, const json_t *marks)
{
	size_t index;
	json_t *mark;

	json_array_foreach(marks, index, mark) {
		char what[160];
		const char *cells[] = {
			subject, what, member_text(mark, "until"),
			member_text(mark, "reason")
		};

		describe_mark(mark, what, sizeof(what));
		if (cells[2][0] == '\0')
			cells[2] = "-";
		table_add(table, subject != NULL ? cells : cells + 1);
	}
}

/* "MARK UNTIL REASON" of one subject; nothing where there is none. */
static void
put_marks(const json_t *marks, const char *indent)
{
	static const char *const head[] = { "MARK", "UNTIL", "REASON" };
	struct table table;

	if (json_array_size(marks) == 0)
		return;
	table_init(&table, 3, indent);
	table_add(&table, head);
	add_marks(&table, NULL, marks);
	table_print_and_clear(&table);
}

void
put_marked(const json_t *document)
{
	static const char *const head[] = {
		"SUBJECT", "MARK", "UNTIL", "REASON"
	};
	const json_t *subjects = json_object_get(document, "subjects");
	struct table table;
	size_t index;
	json_t *subject;

	if (json_array_size(subjects) == 0) {
		(void)printf("nothing is blocked, suspended or overridden\n");
		return;
	}
	table_init(&table, 4, "");
	table_add(&table, head);
	json_array_foreach(subjects, index, subject)
		add_marks(&table, member_text(subject, "subject"),
		    json_object_get(subject, "marks"));
	table_print_and_clear(&table);
}

void
put_subjects(const json_t *document, const char *indent)
{
	const json_t *subjects = json_object_get(document, "subjects");
	char deeper[32];
	size_t index;
	json_t *subject;

	(void)snprintf(deeper, sizeof(deeper), "%s  ", indent);
	json_array_foreach(subjects, index, subject) {
		(void)fputs(indent, stdout);
		put_printable(member_text(subject, "subject"));
		(void)fputc('\n', stdout);
		put_marks(json_object_get(subject, "marks"), deeper);
		if (json_array_size(json_object_get(subject,
		    "counters")) > 0)
			put_counters(json_object_get(subject, "counters"),
			    deeper);
	}
}

void
put_problems(const json_t *problems)
{
	size_t index;
	json_t *problem;

	json_array_foreach(problems, index, problem) {
		print_printable(member_text(problem, "file"), stderr);
		if (member_number(problem, "line") > 0)
			(void)fprintf(stderr, ":%lld",
			    (long long)member_number(problem, "line"));
		(void)fputs(": ", stderr);
		print_printable(member_text(problem, "text"), stderr);
		(void)fputc('\n', stderr);
	}
}

static int
exit_code_of(const char *kind)
{
	static const int codes[INSPECT_ERROR_COUNT] = {
		[INSPECT_USAGE] = EX_USAGE,
		[INSPECT_DATA] = EX_DATAERR,
		[INSPECT_UNAVAILABLE] = EX_UNAVAILABLE,
		[INSPECT_TEMPORARY] = EX_TEMPFAIL,
		[INSPECT_CONFIG] = EX_CONFIG,
		[INSPECT_INTERNAL] = EX_SOFTWARE
	};

	for (size_t i = 0; i < INSPECT_ERROR_COUNT; i++)
		if (strcmp(inspect_error_names[i], kind) == 0)
			return codes[i];
	return EX_SOFTWARE;
}

int
put_error(const json_t *document, bool json)
{
	const char *error = json_string_value(json_object_get(document,
	    "error"));
	const json_t *tried = json_object_get(document, "tried");
	size_t index;
	json_t *subject;

	if (error == NULL)
		return -1;
	if (json) {
		put_document(document);
		return exit_code_of(member_text(document, "kind"));
	}
	put_problems(json_object_get(document, "problems"));
	(void)fputs("floodgatectl: ", stderr);
	print_printable(error, stderr);
	(void)fputc('\n', stderr);
	json_array_foreach(tried, index, subject) {
		(void)fputs(index == 0 ? "looked for: " : ", ", stderr);
		print_printable(json_string_value(subject), stderr);
	}
	if (json_array_size(tried) > 0)
		(void)fputc('\n', stderr);
	return exit_code_of(member_text(document, "kind"));
}
