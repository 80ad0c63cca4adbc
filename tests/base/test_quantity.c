/*
 * test_quantity.c - durations, sizes and rates: read, refused, written
 */
#include "base/quantity.h"

#include <check.h>
#include <string.h>

#include "../suite.h"

static const struct {
	const char *name, *string;
	int64_t ms;			/* -1: refused */
	const char *shortest;
} durations[] = {
	{"milliseconds",	"250ms",	250,		"250ms"},
	{"seconds",		"90s",		90000,		"90s"},
	{"minutes",		"15m",		900000,		"15m"},
	{"hour",		"1h",		3600000,	"1h"},
	{"days",		"30d",		2592000000,	"30d"},
	{"weeks",		"2w",		1209600000,	"2w"},
	{"longest",		"366d",		31622400000,	"366d"},
	{"largest fitting unit", "3600s",	3600000,	"1h"},
	{"whole seconds",	"2000ms",	2000,		"2s"},
	{"too long",		"367d",		-1, NULL},
	{"too long in weeks",	"53w",		-1, NULL},
	{"overflow",	"99999999999999999h",	-1, NULL},
	{"20 digits",	"99999999999999999999s", -1, NULL},
	{"digits are not cut to fit", "1000000000000000000000s", -1, NULL},
	{"no unit",		"5",		-1, NULL},
	{"zero",		"0",		-1, NULL},
	{"zero seconds",	"0s",		-1, NULL},
	{"leading zero",	"010m",		-1, NULL},
	{"sign",		"-1h",		-1, NULL},
	{"plus",		"+1h",		-1, NULL},
	{"fraction",		"1.5h",		-1, NULL},
	{"blank after",		"1h ",		-1, NULL},
	{"blank before",	" 1h",		-1, NULL},
	{"blank between",	"1 h",		-1, NULL},
	{"upper case",		"1H",		-1, NULL},
	{"two units",		"1h30m",	-1, NULL},
	{"unknown unit",	"1y",		-1, NULL},
	{"unit alone",		"h",		-1, NULL},
	{"empty",		"",		-1, NULL},
};

START_TEST(duration)
{
	int64_t ms = -1;
	const char *why = NULL;
	char text[QUANTITY_TEXT_SIZE];
	bool got = duration_parse(durations[_i].string, &ms, &why);

	ck_assert_msg(got == (durations[_i].ms >= 0), "%s: got %d",
	    durations[_i].name, got);
	ck_assert_int_eq(ms, durations[_i].ms);
	if (got)
		ck_assert_str_eq(duration_format(ms, text),
		    durations[_i].shortest);
	else
		ck_assert_ptr_nonnull(why);
}
END_TEST

START_TEST(no_time_can_be_shown)
{
	char text[QUANTITY_TEXT_SIZE];

	ck_assert_str_eq(duration_format(0, text), "0s");
}
END_TEST

static const struct {
	const char *name, *string;
	int64_t bytes;			/* -1: refused */
	const char *shortest;
} sizes[] = {
	{"octets",		"4095",		4095,		"4095"},
	{"octets that are k",	"4096",		4096,		"4k"},
	{"k",			"512k",		524288,		"512k"},
	{"K",			"512K",		524288,		"512k"},
	{"M",			"10M",		10485760,	"10M"},
	{"G",			"1G",		1073741824,	"1G"},
	{"T",			"1T",		1099511627776,	"1T"},
	{"largest",		"1024T",	SIZE_MAX_BYTES,	"1024T"},
	{"zero",		"0",		0,		"0"},
	{"zero of a unit",	"0M",		0,		"0"},
	{"too large",		"1025T",	-1, NULL},
	{"one octet too large",	"1125899906842625", -1, NULL},
	{"overflow",	"99999999999999999G",	-1, NULL},
	{"leading zero",	"010M",		-1, NULL},
	{"sign",		"-1M",		-1, NULL},
	{"fraction",		"1.5M",		-1, NULL},
	{"m is not M",		"10m",		-1, NULL},
	{"two letters",		"10MB",		-1, NULL},
	{"blank after",		"1M ",		-1, NULL},
	{"unit alone",		"M",		-1, NULL},
	{"empty",		"",		-1, NULL},
};

START_TEST(size)
{
	int64_t bytes = -1;
	const char *why = NULL;
	char text[QUANTITY_TEXT_SIZE];
	bool got = size_parse(sizes[_i].string, &bytes, &why);

	ck_assert_msg(got == (sizes[_i].bytes >= 0), "%s: got %d",
	    sizes[_i].name, got);
	ck_assert_int_eq(bytes, sizes[_i].bytes);
	if (got)
		ck_assert_str_eq(size_format(bytes, text), sizes[_i].shortest);
	else
		ck_assert_ptr_nonnull(why);
}
END_TEST

static const struct {
	const char *name, *string;
	bool bytes;
	int64_t max;			/* -1: refused */
	int64_t window_ms;
	const char *shortest;
} rates[] = {
	{"an hour",	"100/1h",	false, 100, 3600000,	"100/1h"},
	{"shorter",	"5/60s",	false, 5, 60000,	"5/1m"},
	{"none at all",	"0/1h",		false, 0, 3600000,	"0/1h"},
	{"no window",	"20",		false, 20, 0,		"20"},
	{"largest",	"1000000000/1s", false, RATE_MAX, 1000,	"1000000000/1s"},
	{"octets",	"10M/1d",	true, 10485760, 86400000, "10M/1d"},
	{"plain octets", "1000/1d",	true, 1000, 86400000,	"1000/1d"},
	{"size in a count",	"10M/1d",	false, -1, 0, NULL},
	{"too many",		"1000000001/1h", false, -1, 0, NULL},
	{"window too short",	"10/999ms",	false, -1, 0, NULL},
	{"window too long",	"10/367d",	false, -1, 0, NULL},
	{"window without unit",	"10/60",	false, -1, 0, NULL},
	{"no amount",		"/1h",		false, -1, 0, NULL},
	{"no amount of octets",	"/1h",		true, -1, 0, NULL},
	{"nothing behind",	"10/",		false, -1, 0, NULL},
	{"zero window",		"10/0s",	false, -1, 0, NULL},
	{"two slashes",		"10/1h/1h",	false, -1, 0, NULL},
	{"leading zero",	"010/1h",	false, -1, 0, NULL},
	{"sign",		"-1/1h",	false, -1, 0, NULL},
	{"blanks",		"10 / 1h",	false, -1, 0, NULL},
	{"overflow",	"99999999999999999999/1h", false, -1, 0, NULL},
	{"very long", "1000000000000000000000000000000000000000000/1h",
	    false, -1, 0, NULL},
	{"empty",		"",		false, -1, 0, NULL},
};

START_TEST(rate)
{
	struct rate parsed = {.max = -1};
	const char *why = NULL;
	char text[QUANTITY_TEXT_SIZE];
	bool got = rate_parse(rates[_i].string, rates[_i].bytes, &parsed,
	    &why);

	ck_assert_msg(got == (rates[_i].max >= 0), "%s: got %d",
	    rates[_i].name, got);
	ck_assert_int_eq(parsed.max, rates[_i].max);
	ck_assert_int_eq(parsed.window_ms, rates[_i].window_ms);
	if (got)
		ck_assert_str_eq(rate_format(&parsed, rates[_i].bytes, text),
		    rates[_i].shortest);
	else
		ck_assert_ptr_nonnull(why);
}
END_TEST

/* A value of any magnitude, often a round one. */
static int64_t
random_value(int64_t max)
{
	static const int64_t round[] = {
		1, 1000, 1024, 60000, 1048576, 3600000, 86400000
	};
	int64_t top = max >> (random() % 50);
	int64_t value = (int64_t)((uint64_t)random() << 31 ^ (uint64_t)random());
	int64_t unit = round[random() % ROWS(round)];

	value = 1 + value % (top > 0 ? top : 1);
	return value > unit ? value - value % unit : value;
}

START_TEST(written_is_read_as_the_same)
{
	char text[QUANTITY_TEXT_SIZE];
	const char *why;

	srandom(5);
	for (int i = 0; i < 50000; i++) {
		struct rate want, got;
		int64_t ms = random_value(DURATION_MAX_MS), back;
		int64_t bytes = random_value(SIZE_MAX_BYTES);

		ck_assert(duration_parse(duration_format(ms, text), &back,
		    &why));
		ck_assert_int_eq(back, ms);
		ck_assert(size_parse(size_format(bytes, text), &back, &why));
		ck_assert_int_eq(back, bytes);
		want.max = i % 2 ? bytes : random_value(RATE_MAX);
		want.window_ms = ms < 1000 ? 0 : ms;
		ck_assert(rate_parse(rate_format(&want, i % 2, text), i % 2,
		    &got, &why));
		ck_assert_int_eq(got.max, want.max);
		ck_assert_int_eq(got.window_ms, want.window_ms);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("quantity");
	TCase *rules = tcase_create("rules");

	tcase_add_loop_test(rules, duration, 0, ROWS(durations));
	tcase_add_test(rules, no_time_can_be_shown);
	tcase_add_loop_test(rules, size, 0, ROWS(sizes));
	tcase_add_loop_test(rules, rate, 0, ROWS(rates));
	tcase_add_test(rules, written_is_read_as_the_same);
	suite_add_tcase(suite, rules);
	return run_suite(suite);
}
