/*
 * player.h - plays SMTP sessions to the real engine, with a clock of its own
 *
 * What the MTA would do, the player does: it knows which commands reach a
 * milter at all, and answers the others as Postfix does. Every command
 * gives a record: see record.h.
 */
#ifndef FLOODGATE_CTL_PLAYER_H
#define FLOODGATE_CTL_PLAYER_H

#include "floodgatectl/store_switch.h"

#include "core/config.h"
#include "core/dns_fact.h"
#include "core/session.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct player;

/*
 * Takes over the configuration, also when it fails: NULL with a sentence in
 * why[size]. References in replies are the same every time.
 */
struct player *player_open(struct config *config, int64_t now_ms, char *why,
    size_t size);
void player_close(struct player **player);

int64_t player_now(const struct player *player);
void player_set_clock(struct player *player, int64_t now_ms);
void player_set_store(struct player *player,
    enum store_position position);
/*
 * What lists and maps in Redis hold, from now on: see store_switch_add().
 */
bool player_add_to_list(struct player *player, const char *key,
    const char *member, const char *value);
void player_remove_from_list(struct player *player, const char *key,
    const char *member);
/* The answer to this question from now on; others fail. */
void player_give_dns(struct player *player,
    const struct dns_question *question, const struct dns_answer *answer);
void player_reload(struct player *player, struct config *config);
/* One of operate.h, with these arguments. */
struct operation;
typedef json_t *player_operation(const struct operation *op);
json_t *player_operate(struct player *player, player_operation *operate,
    const char *const arguments[], size_t count);
/* As inspect_subject(). */
json_t *player_show(struct player *player, const char *subject);

/*
 * The session that the commands below belong to, made when it is new: false
 * when there are too many. At the start it is "".
 */
#define PLAYER_SESSIONS_MAX 64
#define PLAYER_NAME_SIZE 32
bool player_use_session(struct player *player, const char *name);
const char *player_session(const struct player *player);
/* Has this session begun? */
bool player_has_connected(const struct player *player);

/* Who is logged in, from the next MAIL on; "" nobody. */
void player_log_in(struct player *player, const char *user);

/* CONNECT, HELO, MAIL, RCPT; the time, user and recipient are filled in. */
json_t *player_event(struct player *player, struct event *event);
/* A field of the message's header; it counts when the message comes. */
json_t *player_header(struct player *player, const char *name,
    const char *value);
/* DATA, that many octets, and the dot. */
json_t *player_data(struct player *player, int64_t octets);
json_t *player_reset(struct player *player);
/* QUIT, or the client is gone. */
json_t *player_quit(struct player *player);

#endif
