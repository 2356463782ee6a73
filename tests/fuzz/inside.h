/*
 * A whole agent inside of this process: the real socket, HTTP, routes, handlers, jobs' work,
 * stores and journal. What would leave the process is replaced by the linker: jobs run in
 * the event loop, homes are in memory, the accounts and the peer are made up.
 */
#ifndef VASTAGENT_TESTS_FUZZ_INSIDE_H
#define VASTAGENT_TESTS_FUZZ_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buffer.h"

/* root; alice (1000); bob and rob, who share 1001. Uid 1002 has no account. */
enum { ACCOUNT_ROOT, ACCOUNT_ALICE, ACCOUNT_BOB, ACCOUNT_ROB, ACCOUNTS };

const char *inside_name(unsigned account);
uid_t inside_uid(unsigned account);

/* An agent without any state, with one foreign key in each file; and its end. */
void inside_begin(void);
void inside_end(void);

/* Who asks from now on, and whether by way of an sshd. */
void inside_become(uid_t uid, bool forwarded);

/* One connection: what is sent on it, and what comes back. The other members are zero. */
struct inside_talk {
	const char *bytes;
	size_t length, sent;
	struct buffer answer;
	int fd;
	bool over;
};

/*
 * Sends on several connections at the same time, so many bytes in each turn (0: all), until
 * nothing comes any more, or (turns not 0) hangs up after so many turns.
 */
void inside_talk(struct inside_talk *talks, size_t count, size_t piece, unsigned turns);

/* A look at an account's file, as the agent takes one after a change. 0, or -1: failed. */
int inside_look(unsigned account);

/* The file of an account's keys; somebody else may write to it. */
struct buffer *inside_file(unsigned account);

/* The next replacement of a file meets these bytes, which somebody has just written. */
void inside_meet(const char *bytes, size_t length);

/* Whether that is still to come. */
bool inside_meets(void);

/* The next job ends without an answer. */
void inside_fail_job(void);

/* Which instance this is from now on. */
void inside_move(const char *instance);

/* The path of an account's store, and of a file of state. */
const char *inside_store(unsigned account);
const char *inside_state(const char *name);

/* Every answer is HTTP, and each of JSON is JSON. Returns the last status, or 0. */
int inside_check_answer(const struct buffer *answer);

/* A file and its store: each line of the block is a key that the store wants, and every
 * key that it wants stands in the file if it is settled. */
void inside_check_file(unsigned account, bool settled);

/* What of a text is not the agent's, by the account's store of now. */
void inside_foreign(unsigned account, const struct buffer *text, struct buffer *foreign);

#endif
