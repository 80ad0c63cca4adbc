/*
 * reply.c - SMTP replies: the catalogue, templates, and the finished text
 */
#include "core/reply.h"

#include "base/text.h"

#include <assert.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct reply rows[REPLY_COUNT] = {
#define REPLY(name, stage, basic, subject, detail, text) \
	{ #name, stage, basic, subject, detail, text },
#include "core/reply.def"
};

/* A row whose code is no refusal does not compile. */
#define REPLY(name, stage, basic, subject, detail, text)		\
	_Static_assert(basic >= 400 && basic <= 599 && subject <= 999 && \
	    detail <= 999, "reply.def: " #name " has no code of a refusal");
#include "core/reply.def"

static const struct {
	const char *name;
	const char *help;
} fields[FIELD_COUNT] = {
#define FIELD(name, help) { #name, help },
#include "core/field.def"
};

const char *
field_name(enum field field)
{
	return fields[field].name;
}

const char *
field_help(enum field field)
{
	return fields[field].help;
}

const struct reply *
reply_of(enum reply_id id)
{
	assert(id < REPLY_COUNT);
	return &rows[id];
}

enum reply_id
reply_find(const char *name)
{
	for (size_t i = 0; i < REPLY_COUNT; i++)
		if (strcmp(rows[i].name, name) == 0)
			return (enum reply_id)i;
	return REPLY_COUNT;
}

bool
reply_is_permanent(const struct reply *reply)
{
	return reply->basic >= 500;
}

bool
reply_closes(const struct reply *reply)
{
	return reply->basic == 421;
}

/*
 * The field that "%{name}" at `at` names. FIELD_COUNT when there is none;
 * *length is what the reference takes up in the template.
 */
static enum field
field_at(const char *at, size_t *length)
{
	const char *end = strchr(at, '}');

	if (at[0] != '%' || at[1] != '{' || end == NULL)
		return FIELD_COUNT;
	*length = (size_t)(end - at) + 1;
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (strlen(fields[i].name) == *length - 3 &&
		    strncmp(fields[i].name, at + 2, *length - 3) == 0)
			return (enum field)i;
	return FIELD_COUNT;
}

/* One to three digits; *string moves behind them. */
static bool
take_number(const char **string, uint16_t *number)
{
	unsigned int value = 0, digits = 0;

	for (; **string >= '0' && **string <= '9' && digits < 3; digits++)
		value = value * 10 + (unsigned int)(*(*string)++ - '0');
	*number = (uint16_t)value;
	return digits > 0;
}

static bool
take_char(const char **string, char c)
{
	if (**string != c)
		return false;
	(*string)++;
	return true;
}

static bool
text_is_sendable(const char *text, const char **why)
{
	for (const char *at = text; *at != '\0'; at++) {
		size_t length;

		if (*at < ' ' || *at > '~') {
			*why = "the text of a reply is printable ASCII";
			return false;
		}
		if (at[0] == '%' && at[1] == '{' &&
		    field_at(at, &length) == FIELD_COUNT) {
			*why = "no such field: see REPLY FIELDS in "
			    "floodgate.conf(5)";
			return false;
		}
	}
	return true;
}

bool
reply_parse(const char *string, struct reply *reply, const char **why)
{
	const char *at = string;
	uint16_t class;

	memset(reply, 0, sizeof(*reply));
	if (!take_number(&at, &reply->basic) || reply->basic < 400 ||
	    reply->basic > 599 || !take_char(&at, ' ')) {
		*why = "a reply begins with a code from 400 to 599 and a "
		    "blank, as in 450 4.7.1 text";
		return false;
	}
	if (reply->basic == 521) {
		*why = "521 makes the MTA hang up as 421 does: use 421 or 554";
		return false;
	}
	if (!take_number(&at, &class) || !take_char(&at, '.') ||
	    !take_number(&at, &reply->subject) || !take_char(&at, '.') ||
	    !take_number(&at, &reply->detail) || !take_char(&at, ' ')) {
		*why = "an enhanced code and a blank follow the code, as in "
		    "450 4.7.1 text";
		return false;
	}
	if (class != reply->basic / 100) {
		*why = "the enhanced code has to begin with the digit that "
		    "the code begins with";
		return false;
	}
	at += strspn(at, " ");
	if (*at == '\0') {
		*why = "a reply needs a text behind its codes";
		return false;
	}
	if (strlen(at) > REPLY_TEXT_OCTETS_MAX - sizeof(" (ref XXXXXX)")) {
		*why = "the text is too long: a reply line has at most 512 "
		    "octets";
		return false;
	}
	reply->stage = STAGE_ANY;
	reply->text = at;
	return text_is_sendable(at, why);
}

uint32_t
reply_fields(const struct reply *reply)
{
	uint32_t bits = 0;
	size_t length;

	for (const char *at = reply->text; *at != '\0'; at++) {
		enum field field = field_at(at, &length);

		if (field != FIELD_COUNT)
			bits |= UINT32_C(1) << field;
	}
	return bits;
}

/* What came from outside: printable ASCII on one line, or '?'. */
static void
put_printable(struct text *out, const char *string)
{
	for (; *string != '\0'; string++)
		text_put_char(out, *string < ' ' || *string > '~' ? '?' :
		    *string);
}

void
reply_render(const struct reply *reply, const char *const values[],
    const char *ref, struct reply_sent *sent)
{
	char tail[sizeof(" (ref XXXXXX)")] = "";
	struct text out;
	size_t length, room = sizeof(sent->text);

	TEXT_INIT(&out, sent->code);
	text_put_number(&out, reply->basic);
	TEXT_INIT(&out, sent->enhanced);
	text_printf(&out, "%d.%d.%d", reply->basic / 100, reply->subject,
	    reply->detail);
	if (ref[0] != '\0') {
		TEXT_INIT(&out, tail);
		text_printf(&out, " (ref %s)", ref);
		room -= out.length;
	}
	text_init(&out, sent->text, room);
	for (const char *at = reply->text; *at != '\0';) {
		enum field field = field_at(at, &length);

		if (field == FIELD_COUNT) {
			text_put_char(&out, *at++);
			continue;
		}
		if (values[field] != NULL)
			put_printable(&out, values[field]);
		at += length;
	}
	memcpy(sent->text + out.length, tail, strlen(tail) + 1);
}

void
reply_double_percent(const char *text, char *buffer, size_t size)
{
	struct text out;

	text_init(&out, buffer, size);
	for (; *text != '\0'; text++) {
		if (*text != '%')
			text_put_char(&out, *text);
		else if (strlen(text) + 1 < size - out.length)
			text_put(&out, "%%");
		else
			text_put_char(&out, '?');
	}
}
