/*
 * policy_steps.c - where rules can refuse, and what they need to be told
 */
#include "core/policy.h"

static unsigned int
check_spoken_at(const struct policy *policy, const struct check_row *check)
{
	unsigned int stages = 0;

	if (policy->with.speak == SPEAK_EARLY && check->stage <= STAGE_MAIL)
		stages |= 1u << STAGE_MAIL;
	if (check->stage <= STAGE_RCPT)
		stages |= 1u << STAGE_RCPT;
	if (check->stage == STAGE_EOH)
		stages |= 1u << STAGE_EOH;
	if (check->stage == STAGE_EOM || (check->steps & STEP_CONTENT) != 0)
		stages |= 1u << STAGE_EOM;
	return stages;
}

/* Stages at which all keys of the limit are known. */
static unsigned int
keys_known_at(const struct keys *per)
{
	unsigned int stages = ~0u;

	for (size_t i = 0; i < per->count; i++)
		stages &= ~((1u << key_stage(per->at[i])) - 1);
	return stages;
}

static unsigned int
limit_spoken_at(const struct policy *policy, const struct rule *rule)
{
	const struct count_row *row = count_row(rule->limits.count);
	unsigned int stages = row->asked;

	if (policy->with.speak == SPEAK_EARLY)
		stages |= row->early;
	return stages & keys_known_at(&rule->limits.per);
}

unsigned int
rule_spoken_at(const struct policy *policy, const struct rule *rule)
{
	return rule->check != NULL ? check_spoken_at(policy, rule->check) :
	    limit_spoken_at(policy, rule);
}

/* What the lists of an `except` look up. */
static unsigned int
except_steps(const struct except *except)
{
	for (size_t i = 0; i < except->count; i++)
		if (except->at[i].subject == SUBJECT_HELO)
			return STEP_HELO;
	return 0;
}

static unsigned int
limit_steps(const struct rule *rule, const struct policy *policy)
{
	static const unsigned int steps_of[] = {
		[STAGE_CONNECT] = STEP_CONNECT_REPLY,
		[STAGE_HELO] = STEP_HELO | STEP_HELO_REPLY,
		[STAGE_MAIL] = STEP_MAIL_REPLY,
		[STAGE_EOH] = STEP_EOH_REPLY,
		[STAGE_EOM] = STEP_CONTENT
	};
	unsigned int stages = limit_spoken_at(policy, rule), steps = 0;

	for (size_t i = 0; i < sizeof(steps_of) / sizeof(steps_of[0]); i++)
		if ((stages & (1u << i)) != 0)
			steps |= steps_of[i];
	for (size_t i = 0; i < rule->limits.per.count; i++)
		if (rule->limits.per.at[i] == KEY_helo)
			steps |= STEP_HELO;
	if (count_row(rule->limits.count)->of == OF_REJECTED)
		steps |= STEP_REJECTED;
	return steps;
}

static unsigned int
rule_steps(const struct rule *rule, const struct policy *policy)
{
	unsigned int steps = except_steps(&rule->with.except);

	if (rule->with.mode == MODE_OFF)
		return 0;
	if ((reply_fields(rule->with.reply) & (UINT32_C(1) << FIELD_helo)) != 0)
		steps |= STEP_HELO;
	if (rule->check == NULL)
		return steps | limit_steps(rule, policy);
	if (policy->with.speak == SPEAK_EARLY &&
	    rule->check->stage <= STAGE_MAIL)
		steps |= STEP_MAIL_REPLY;
	return steps | rule->check->steps;
}

unsigned int
policy_steps(const struct config *config)
{
	unsigned int steps = config->global.max_sessions > 0 ?
	    STEP_CONNECT_REPLY : 0;

	for (size_t i = 0; i < config->policy_count; i++) {
		const struct policy *policy = &config->policies[i];

		steps |= except_steps(&policy->with.except);
		if (policy->has_match && policy->match.helo.count > 0)
			steps |= STEP_HELO;
		for (size_t k = 0; k < policy->rule_count; k++)
			steps |= rule_steps(&policy->rules[k], policy);
	}
	return steps;
}
