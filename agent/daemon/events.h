/* GET /v1/events: the lines of the journal, and with follow=1 those to come. */
#ifndef VASTAGENT_DAEMON_EVENTS_H
#define VASTAGENT_DAEMON_EVENTS_H

struct agent;
struct events;
struct request;

/* Returns NULL if out of memory. Nothing is watched and no timer runs while nobody follows. */
struct events *events_create(struct agent *agent);

/* After evhttp_free; NULL is fine. */
void events_destroy(struct events *events);

/*
 * Answers a request with lines of JSON: the last `lines` ones of the query (all that are
 * kept; with `follow` none). Root gets all, another uid those of its account, without pid
 * and program of other uids. A line that is empty says that the agent is still there.
 */
void events_answer(struct events *events, struct request *request);

#endif
