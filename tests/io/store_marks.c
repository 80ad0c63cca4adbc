/*
 * store_marks.c - what every store has to do with marks
 */
#include "store_marks.h"

#include "base/text.h"
#include "io/clock.h"

#include <check.h>
#include <poll.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define PATIENT_MS 2000

static struct store *store;
static char user[64], client[64], net[64];

static int64_t
now(void)
{
	return clock_now_ms();
}

static void
name(char buffer[64], const char *kind, const char *salt)
{
	struct text text;

	text_init(&text, buffer, 64);
	text_put(&text, kind);
	text_put(&text, salt);
}

static enum store_change
set(const char *subject, enum mark_kind kind, int64_t until_ms,
    const char *reason)
{
	struct store_mark mark = { .kind = kind, .until_ms = until_ms };

	ck_assert(text_copy(mark.reason, sizeof(mark.reason), reason));
	return store_set_mark(store, subject, &mark, STORE_SET, now(),
	    PATIENT_MS);
}

static enum store_change
override(const char *subject, const char *field, int64_t max,
    int64_t until_ms)
{
	struct store_mark mark = {
		.kind = MARK_override, .max = max, .until_ms = until_ms
	};

	ck_assert(text_copy(mark.field, sizeof(mark.field), field));
	return store_set_mark(store, subject, &mark, STORE_SET, now(),
	    PATIENT_MS);
}

static enum store_change
lift(const char *subject, enum mark_kind kind, const char *field)
{
	return store_lift_mark(store, subject, kind, field, now(),
	    PATIENT_MS);
}

static int
marks(const char *subject, struct store_mark found[])
{
	return store_marks(store, subject, now(), PATIENT_MS, found);
}

static void
add(struct charges *charges, const char *subject, const char *field,
    int64_t max)
{
	struct charge *charge = &charges->at[charges->count++];

	memset(charge, 0, sizeof(*charge));
	ck_assert(text_copy(charge->subject, sizeof(charge->subject),
	    subject));
	charge->field = field;
	charge->max = max;
	charge->window_ms = HOUR_MS;
	charge->weight = 1;
}

static void
question(struct charges *charges, const char *subject, bool observe)
{
	struct mark_question *asked = &charges->marks[charges->mark_count++];

	memset(asked, 0, sizeof(*asked));
	ck_assert(text_copy(asked->subject, sizeof(asked->subject), subject));
	asked->observe = observe;
}

static struct charge_answer
ask(const struct charges *charges)
{
	struct charge_answer answer;

	store_charge(store, charges, STORE_CHARGE, now(), PATIENT_MS,
	    &answer);
	ck_assert_int_ne(answer.status, CHARGE_UNAVAILABLE);
	return answer;
}

/* Two counters of the user, of 100 and of 2, and marks of two clients. */
static struct charges
message(bool observe)
{
	struct charges charges = { .count = 0 };

	add(&charges, user, "a/1h", 100);
	add(&charges, user, "b/1h", 2);
	question(&charges, client, observe);
	question(&charges, user, observe);
	question(&charges, net, observe);
	return charges;
}

static int64_t
used(void)
{
	const struct charges charges = message(true);
	struct charge_answer answer;

	store_charge(store, &charges, STORE_PEEK, now(), PATIENT_MS, &answer);
	return answer.used[0];
}

static void
marked_subject_charges_nothing(void)
{
	const struct charges charges = message(false);
	const struct charges observed = message(true);
	int64_t until_ms = now() + HOUR_MS;
	struct charge_answer answer = ask(&charges);

	ck_assert_int_eq(answer.status, CHARGE_ALLOWED);
	ck_assert_uint_eq(answer.marks_found, 0);
	ck_assert_int_eq(answer.used[0], 1);
	ck_assert_int_eq(set(net, MARK_blocked, until_ms, "net"),
	    STORE_CHANGED);
	answer = ask(&charges);
	ck_assert_int_eq(answer.status, CHARGE_MARKED);
	ck_assert_uint_eq(answer.marked, 2);
	ck_assert_int_eq(answer.mark.kind, MARK_blocked);
	ck_assert_int_eq(answer.mark.until_ms, until_ms);
	ck_assert_int_eq(used(), 1);
	/* The first asked about is the one that is told. */
	ck_assert_int_eq(set(user, MARK_suspended, 0, ""), STORE_CHANGED);
	answer = ask(&charges);
	ck_assert_int_eq(answer.status, CHARGE_MARKED);
	ck_assert_uint_eq(answer.marked, 1);
	ck_assert_int_eq(answer.mark.kind, MARK_suspended);
	ck_assert_int_eq(answer.mark.until_ms, 0);
	ck_assert_int_eq(used(), 1);
	answer = ask(&observed);
	ck_assert_int_eq(answer.status, CHARGE_ALLOWED);
	ck_assert_uint_eq(answer.marks_found, 6);
	ck_assert_int_eq(used(), 2);
	/* A mark comes before a counter that is full. */
	answer = ask(&charges);
	ck_assert_int_eq(answer.status, CHARGE_MARKED);
	ck_assert_int_eq(lift(user, MARK_suspended, ""), STORE_CHANGED);
	ck_assert_int_eq(lift(net, MARK_blocked, ""), STORE_CHANGED);
	answer = ask(&charges);
	ck_assert_int_eq(answer.status, CHARGE_REFUSED);
	ck_assert_uint_eq(answer.refused, 1);
}

static void
question_without_a_counter(void)
{
	struct charges charges = { .count = 0 };
	struct charge_answer answer;

	question(&charges, client, false);
	ck_assert_int_eq(ask(&charges).status, CHARGE_ALLOWED);
	ck_assert_int_eq(set(client, MARK_blocked, now() + 300, ""),
	    STORE_CHANGED);
	answer = ask(&charges);
	ck_assert_int_eq(answer.status, CHARGE_MARKED);
	while (now() <= answer.mark.until_ms + 5)
		(void)poll(NULL, 0, 10);
	ck_assert_int_eq(ask(&charges).status, CHARGE_ALLOWED);
	ck_assert_int_eq(lift(client, MARK_blocked, ""), STORE_AS_BEFORE);
}

static void
the_last_mark_counts(void)
{
	struct charges charges = { .count = 0 };
	const struct store_mark limit = {
		.kind = MARK_blocked, .until_ms = now() + 1000
	};
	int64_t until_ms = now() + HOUR_MS;

	question(&charges, client, false);
	ck_assert_int_eq(set(client, MARK_suspended, 0, ""), STORE_CHANGED);
	ck_assert_int_eq(set(client, MARK_blocked, until_ms, ""),
	    STORE_CHANGED);
	ck_assert_int_eq(ask(&charges).mark.kind, MARK_suspended);
	ck_assert_int_eq(lift(client, MARK_suspended, ""), STORE_CHANGED);
	ck_assert_int_eq(ask(&charges).mark.until_ms, until_ms);
	/* What a limit wants neither shortens nor prolongs it. */
	ck_assert_int_eq(store_set_mark(store, client, &limit,
	    STORE_SET_UNLESS_MARKED, now(), PATIENT_MS), STORE_AS_BEFORE);
	ck_assert_int_eq(ask(&charges).mark.until_ms, until_ms);
	/* What an operator wants does. */
	ck_assert_int_eq(set(client, MARK_blocked, until_ms - 1000, ""),
	    STORE_CHANGED);
	ck_assert_int_eq(ask(&charges).mark.until_ms, until_ms - 1000);
	ck_assert_int_eq(lift(client, MARK_blocked, ""), STORE_CHANGED);
	ck_assert_int_eq(store_set_mark(store, client, &limit,
	    STORE_SET_UNLESS_MARKED, now(), PATIENT_MS), STORE_CHANGED);
	ck_assert_int_eq(lift(client, MARK_blocked, ""), STORE_CHANGED);
}

static void
override_is_the_max(void)
{
	const struct charges charges = message(false);
	struct charges observed = message(false);
	struct charge_answer answer;

	ck_assert_int_eq(ask(&charges).status, CHARGE_REFUSED);
	ck_assert_int_eq(override(user, "b/1h", 3, 0), STORE_CHANGED);
	answer = ask(&charges);
	ck_assert_int_eq(answer.status, CHARGE_ALLOWED);
	ck_assert_uint_eq(answer.overridden, 2);
	ck_assert_int_eq(answer.max[1], 3);
	ck_assert_int_eq(charge_max(&charges, &answer, 0), 100);
	ck_assert_int_eq(charge_max(&charges, &answer, 1), 3);
	answer = ask(&charges);
	ck_assert_int_eq(answer.status, CHARGE_REFUSED);
	ck_assert_int_eq(charge_max(&charges, &answer, 1), 3);
	/* One that only observes is told the max, too. */
	observed.at[1].observe = true;
	answer = ask(&observed);
	ck_assert_int_eq(answer.status, CHARGE_ALLOWED);
	ck_assert_int_eq(answer.used[1], 4);
	ck_assert_int_eq(charge_max(&observed, &answer, 1), 3);
	ck_assert_int_eq(override(user, "a/1h", 0, 0), STORE_CHANGED);
	answer = ask(&observed);
	ck_assert_int_eq(answer.status, CHARGE_REFUSED);
	ck_assert_uint_eq(answer.refused, 0);
	ck_assert_int_eq(lift(user, MARK_override, "a/1h"), STORE_CHANGED);
	ck_assert_int_eq(lift(user, MARK_override, "a/1h"), STORE_AS_BEFORE);
	ck_assert_int_eq(lift(user, MARK_override, "b/1h"), STORE_CHANGED);
	ck_assert_uint_eq(ask(&charges).overridden, 0);
}

static void
forgotten_is_counted_anew(void)
{
	struct store_counter counters[8];
	struct store_mark found[MARKS_MAX];

	ck_assert_int_eq(set(user, MARK_suspended, 0, ""), STORE_CHANGED);
	ck_assert_int_eq(store_show(store, user, now(), PATIENT_MS, counters,
	    8), 2);
	ck_assert_int_eq(store_forget(store, user, "b/1h", now(), PATIENT_MS),
	    STORE_CHANGED);
	ck_assert_int_eq(store_forget(store, user, "b/1h", now(), PATIENT_MS),
	    STORE_AS_BEFORE);
	ck_assert_int_eq(store_show(store, user, now(), PATIENT_MS, counters,
	    8), 1);
	ck_assert_str_eq(counters[0].field, "a/1h");
	ck_assert_int_eq(store_forget(store, user, NULL, now(), PATIENT_MS),
	    STORE_CHANGED);
	ck_assert_int_eq(store_forget(store, user, NULL, now(), PATIENT_MS),
	    STORE_AS_BEFORE);
	ck_assert_int_eq(used(), 0);
	ck_assert_int_eq(marks(user, found), 1);
	ck_assert_int_eq(lift(user, MARK_suspended, ""), STORE_CHANGED);
}

/* Whatever a reason holds, it is one, and comes back as it was. */
static void
hostile_reasons(void)
{
	static const char *const reasons[] = {
		"spam run", "a;b; blocked 0 for-good", "100% \"sure\"",
		"line\r\nbreak\tand {braces}", "gesperrt f\xc3\xbcr heute",
		"\xff\xfe", "%41%zz%", " leading and trailing "
	};
	struct store_mark found[MARKS_MAX];
	char longest[MARK_REASON_OCTETS_MAX + 1];

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		ck_assert_int_eq(set(user, MARK_blocked, now() + HOUR_MS,
		    reasons[i]), STORE_CHANGED);
		ck_assert_int_eq(set(user, MARK_suspended, 0, reasons[i]),
		    STORE_CHANGED);
		ck_assert_int_eq(marks(user, found), 2);
		for (int k = 0; k < 2; k++)
			ck_assert_msg(strcmp(found[k].reason, reasons[i]) ==
			    0 || reasons[i][0] == ' ', "\"%s\": \"%s\"",
			    reasons[i], found[k].reason);
	}
	memset(longest, '\x01', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	ck_assert_int_eq(set(user, MARK_blocked, now() + HOUR_MS, longest),
	    STORE_CHANGED);
	ck_assert_int_eq(lift(user, MARK_suspended, ""), STORE_CHANGED);
	ck_assert_int_eq(marks(user, found), 1);
	ck_assert_str_eq(found[0].reason, longest);
	ck_assert_int_eq(lift(user, MARK_blocked, ""), STORE_CHANGED);
	ck_assert_int_eq(marks(user, found), 0);
}

static bool
is_listed(const char *subject)
{
	struct marked_subject found[64];
	size_t count;
	int64_t total = store_marked(store, 0, now(), PATIENT_MS, found, 64,
	    &count);

	ck_assert_int_ge(total, (int64_t)count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(found[i].at, subject) == 0)
			return true;
	return false;
}

static void
marked_subjects_are_listed(void)
{
	struct marked_subject found[1];
	size_t count;

	ck_assert(!is_listed(user));
	ck_assert_int_eq(set(user, MARK_suspended, 0, ""), STORE_CHANGED);
	ck_assert_int_eq(override(user, "a/1h", 7, now() + HOUR_MS),
	    STORE_CHANGED);
	ck_assert_int_eq(override(client, "c/1h", 7, 0), STORE_CHANGED);
	ck_assert(is_listed(user));
	ck_assert(is_listed(client));
	ck_assert_int_ge(store_marked(store, 1, now(), PATIENT_MS, found, 1,
	    &count), 2);
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(lift(user, MARK_suspended, ""), STORE_CHANGED);
	ck_assert(is_listed(user));
	ck_assert_int_eq(lift(user, MARK_override, "a/1h"), STORE_CHANGED);
	ck_assert_int_eq(lift(client, MARK_override, "c/1h"), STORE_CHANGED);
	ck_assert(!is_listed(user));
	ck_assert(!is_listed(client));
	ck_assert_int_eq(set(client, MARK_blocked, now() + 100, ""),
	    STORE_CHANGED);
	ck_assert(is_listed(client));
	(void)poll(NULL, 0, 150);
	ck_assert(!is_listed(client));
}

static void
one_subject_bears_so_many(void)
{
	char field[32];
	struct text text;

	for (int i = 0; i <= MARKS_MAX; i++) {
		text_init(&text, field, sizeof(field));
		text_put(&text, "counter-");
		text_put_number(&text, i);
		ck_assert_int_eq(override(net, field, i, 0), i < MARKS_MAX ?
		    STORE_CHANGED : STORE_FULL);
	}
	ck_assert_int_eq(override(net, "counter-1", 77, 0), STORE_CHANGED);
	for (int i = 0; i < MARKS_MAX; i++) {
		text_init(&text, field, sizeof(field));
		text_put(&text, "counter-");
		text_put_number(&text, i);
		ck_assert_int_eq(lift(net, MARK_override, field),
		    STORE_CHANGED);
	}
	ck_assert(!is_listed(net));
}

void
store_marks_run(struct store *tested, const char *salt)
{
	store = tested;
	name(user, "user:", salt);
	name(client, "client:", salt);
	name(net, "client_net:", salt);
	marked_subject_charges_nothing();
	question_without_a_counter();
	the_last_mark_counts();
	override_is_the_max();
	forgotten_is_counted_anew();
	hostile_reasons();
	marked_subjects_are_listed();
	one_subject_bears_so_many();
}
