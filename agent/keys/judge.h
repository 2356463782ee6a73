/*
 * The judge: what does a change of authorized_keys mean that the agent did not make?
 * Pure: it looks at what the agent wrote last and at what stands there now.
 */
#ifndef VASTAGENT_KEYS_JUDGE_H
#define VASTAGENT_KEYS_JUDGE_H

#include <stdbool.h>
#include <stddef.h>

enum judge_verdict {
	JUDGE_INTACT,    /* nothing of the agent's is missing */
	JUDGE_TAKEN_OUT, /* a person took keys out of the block: honour it */
	JUDGE_STALE,     /* an older copy was written back: merge, lose nothing */
	JUDGE_REWRITTEN, /* the file was rewritten without the block: put it back */
};

struct judge_case {
	unsigned long written_generation; /* of the store's last write */
	size_t written;                   /* keys that were written into the block */
	bool found;                       /* a block stands there */
	unsigned long found_generation;
	size_t missing; /* keys of the written ones that stand nowhere in the file */
};

/* The verdict, by the rules of vastagent(1), RESTORING. */
enum judge_verdict judge_decide(const struct judge_case *facts);

/* The verdict as a word for the journal. */
const char *judge_verdict_name(enum judge_verdict verdict);

#endif
