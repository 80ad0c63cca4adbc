/*
 * list_fact.c - what is asked of lists that are kept elsewhere
 */
#include "core/list_fact.h"

#include <string.h>

#include "base/text.h"

void
list_doubt_clear(struct list_doubt *doubt)
{
	memset(doubt, 0, sizeof(*doubt));
}

void
list_doubt_add(struct list_doubt *doubt, const struct list_doubt *more)
{
	doubt->is_missing |= more->is_missing;
	doubt->has_failed |= more->has_failed;
	doubt->is_old |= more->is_old;
	if (doubt->about == NULL)
		doubt->about = more->about;
}

bool
list_doubt_is_trouble(const struct list_doubt *doubt)
{
	return doubt->has_failed || doubt->is_old;
}

void
list_facts_init(struct list_facts *facts)
{
	facts->count = 0;
	list_doubt_clear(&facts->doubt);
}

static bool
is_same(const struct list_question *a, const struct list_question *b)
{
	if (a->source != b->source || a->kind != b->kind)
		return false;
	switch (a->kind) {
	case LIST_KIND_IP:
		return ip_equal(&a->ip, &b->ip);
	case LIST_KIND_DOMAIN:
	case LIST_KIND_USER:
		return strcmp(a->text, b->text) == 0;
	case LIST_KIND_PATH:
	case LIST_KIND_MAILBOX:
		break;
	}
	return a->path == b->path;
}

static void
note_trouble(struct list_doubt *doubt, const struct list_question *about)
{
	if (doubt->about == NULL)
		doubt->about = about;
}

static const struct list_answer *
take_answer(struct list_facts *facts, size_t i)
{
	const struct list_answer *answer = &facts->answers[i];

	switch (answer->status) {
	case LIST_WANTED:
		facts->doubt.is_missing = true;
		return NULL;
	case LIST_FAILED:
		facts->doubt.has_failed = true;
		note_trouble(&facts->doubt, &facts->questions[i]);
		return NULL;
	case LIST_FOUND:
	case LIST_NONE:
		break;
	}
	if (answer->is_old) {
		facts->doubt.is_old = true;
		note_trouble(&facts->doubt, &facts->questions[i]);
	}
	return answer;
}

const struct list_answer *
list_ask(struct list_facts *facts, const struct list_question *question)
{
	size_t i = 0;

	while (i < facts->count && !is_same(&facts->questions[i], question))
		i++;
	if (i < facts->count)
		return take_answer(facts, i);
	if (i == LIST_FACTS_MAX) {
		facts->doubt.has_failed = true;
		note_trouble(&facts->doubt, &facts->questions[i - 1]);
		return NULL;
	}
	facts->questions[i] = *question;
	memset(&facts->answers[i], 0, sizeof(facts->answers[i]));
	facts->count++;
	facts->doubt.is_missing = true;
	return NULL;
}

void
list_question_put(const struct list_question *question, char *buffer,
    size_t size)
{
	char address[IP_TEXT_SIZE];

	switch (question->kind) {
	case LIST_KIND_IP:
		(void)text_copy(buffer, size,
		    ip_format(&question->ip, address));
		break;
	case LIST_KIND_DOMAIN:
	case LIST_KIND_USER:
		(void)text_copy(buffer, size, question->text);
		break;
	case LIST_KIND_PATH:
	case LIST_KIND_MAILBOX:
		(void)text_copy(buffer, size, question->path->text);
		break;
	}
}

bool
list_question_spell(const struct list_question *question,
    const struct folding *folding, spelling_taker *take, void *context)
{
	switch (question->kind) {
	case LIST_KIND_IP:
		return spell_ip(&question->ip, take, context);
	case LIST_KIND_DOMAIN:
		return spell_domain(question->text, take, context);
	case LIST_KIND_USER:
		return spell_user(question->text, folding, take, context);
	case LIST_KIND_PATH:
		return spell_path(question->path, folding, SPELLING_ALL,
		    take, context);
	case LIST_KIND_MAILBOX:
		break;
	}
	return spell_path(question->path, folding, SPELLING_MAILBOXES, take,
	    context);
}
