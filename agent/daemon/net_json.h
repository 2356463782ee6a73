/* What the routes about the network answer: the helper's part of their work. */
#ifndef VASTAGENT_DAEMON_NET_JSON_H
#define VASTAGENT_DAEMON_NET_JSON_H

#include <jansson.h>

struct error;
struct helper_question;

/*
 * The rows that a question asks for, as {"sessions":[…]}, {"forwards":[…],"complete"} and
 * {"services":[…],"complete","notes","ssh"}. Each returns NULL with *error, or where memory
 * is out.
 */
json_t *net_json_sessions(const struct helper_question *question, struct error *error);
json_t *net_json_forwards(const struct helper_question *question, struct error *error);
json_t *net_json_services(const struct helper_question *question, struct error *error);

#endif
