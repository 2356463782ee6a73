/*
 * The helper: a process that the agent forks before it gives up what it does not need. It
 * does the few things that take more, and nothing else: a question is a number of a fixed
 * list with an account, never a program or a path. Each answer comes from a process of its
 * own (helper_work.h), which is ended after HELPER_S seconds.
 */
#ifndef VASTAGENT_DAEMON_HELPER_H
#define VASTAGENT_DAEMON_HELPER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

#define HELPER_NAME "vastagent-help"
#define HELPER_S    10

enum helper_task {
	HELPER_SSHD = 1, /* .user: where sshd reads its keys, and which release it is */
	HELPER_SESSIONS, /* the rest: what .uid may see, or everybody's rows if .all */
	HELPER_FORWARDS,
	HELPER_SERVICES,
};

/* What travels. */
struct helper_question {
	uint32_t task;
	uint32_t all;
	uid_t uid;
	char user[256];
};

/*
 * Forks it. Returns the descriptor that becomes readable once it has ended, and is the
 * way to it; or -1.
 */
int helper_start(struct error *error);

/* Whether there is one, as far as helper_lost() was not called. */
bool helper_is_there(void);
void helper_lost(void);

/* In a child that closes what it inherited: the way to the helper is that descriptor. */
void helper_move(int fd);

/*
 * Asks. The answer is written to fd, and its end is the end of the answer; nothing at all
 * comes if it failed. Never waits. Returns 0, or -1 if there is no helper, or its queue
 * is full.
 */
int helper_send(const struct helper_question *question, int fd);

/*
 * Asks and waits that long at most for the answer: not for the event loop. Returns it, to be let
 * go of with json_decref; or NULL with ERROR_INTERNAL, ERROR_TIMEOUT, or the error that the helper
 * answers with; ERROR_UNREACHABLE if there was no answer.
 */
json_t *helper_ask(const struct helper_question *question, int deadline_ms, struct error *error);

#endif
