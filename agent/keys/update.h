/*
 * One change of one account's store and file, from the lock to the last fsync(2):
 * begin, then edit .store, then finish. Used by the manager only.
 */
#ifndef VASTAGENT_KEYS_UPDATE_H
#define VASTAGENT_KEYS_UPDATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "base/buffer.h"
#include "keys/judge.h"
#include "keys/manager.h"
#include "keys/store.h"
#include "keys/view.h"

struct homefile;

struct keys_update {
	const struct keys_place *place;
	struct keys_report *report;
	struct homefile *file;
	char *store_file;
	struct store store;
	struct store other;           /* another instance's, until its block is out; .id "": none */
	const struct buffer *content; /* of the file; .view points into it */
	struct buffer expelled;       /* the same without the other instance's block */
	struct view view;
	bool exists; /* there is a file */
	enum judge_verdict verdict;
	time_t now;
	time_t removed_at; /* of what this change removes: later than all that was before */
	bool read_only;
	bool release;       /* finish leaves the block's lines in the file, as anybody's */
	bool store_changed; /* .store must be saved even if the file stays */
	/* Memory was out for a line of the file: what was found may lack it, and nothing may
	 * come of that. */
	atomic_bool unread;
};

/*
 * Takes the lock, loads the store, reads the file and judges it; the verdict's effect
 * is in .store already. With read_only nothing may be finished. Returns 0 or -1; end
 * with keys_update_end in any case.
 */
int keys_update_begin(struct keys_update *update, const struct keys_place *place, bool read_only,
	struct keys_report *report, struct error *error);

/*
 * Saves the store if it changed, then writes the file if it is not what the store asks
 * for, again as often as somebody else changes it meanwhile (20 times at most).
 * Returns 0 or -1; after a failure to write, the store is ahead of the file and the
 * next update makes up for it (report->pending).
 */
int keys_update_finish(struct keys_update *update, struct error *error);

void keys_update_end(struct keys_update *update);

/* True if the key is to stand in the file: neither removed nor expired. */
bool keys_update_wants(const struct keys_update *update, const struct stored_key *key);

#endif
