/*
 * What is done with an account's keys: store, file and judge together. These calls
 * block; the agent makes them in a short-lived process of root's, and whatever lies in
 * a home is touched by a child of that which has become the account.
 */
#ifndef VASTAGENT_KEYS_MANAGER_H
#define VASTAGENT_KEYS_MANAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/buffer.h"
#include "keys/report.h"
#include "keys/store.h"

struct account;
struct error;
struct homefile_places;

struct keys_place {
	const struct account *account;
	const struct account *owner; /* who the file is changed as: the account, or root */
	const char *file;            /* the file that sshd reads for the account */
	const char *state_dir;       /* the agent's */
	bool create;                 /* a missing directory of the file may be made */
};

struct keys_request {
	const char *text; /* what was pasted */
	size_t length;
	const char *name;       /* NULL or "": nobody in particular */
	enum key_origin origin; /* ORIGIN_TEMPLATE: separators, and tombstones hold */
	bool dry_run;
	bool force; /* also options that another line defeats */
	bool root;  /* asked by root: with force, also options that let in other keys */
};

/* Lists the keys of file and store. Returns 0 with the rows in *report, or -1. */
int keys_list(const struct keys_place *place, struct keys_report *report, struct error *error);

/*
 * Adds every key of the text, or none. Returns 0; or -1 with *error, and for a bad key
 * with each bad line in report->rejects. If the file could not be written the keys are
 * stored all the same and tried again later: report->pending is true then.
 */
int keys_add(const struct keys_place *place, const struct keys_request *request,
	struct keys_report *report, struct error *error);

/*
 * Removes the key with the fingerprint and remembers that. With foreign, also lines
 * that the agent did not write. report->incomplete is true if a line that was left
 * still lets the key in. Returns 0, or -1 with ERROR_NO_SUCH_KEY or ERROR_LAST_KEY (it
 * is the last that lets anybody in; not with force), or as keys_add.
 */
int keys_remove(const struct keys_place *place, const char *fingerprint, bool foreign, bool force,
	struct keys_report *report, struct error *error);

/*
 * Looks at the file, judges what happened to it, and puts it right. *places tells what
 * to watch; the caller closes its descriptors. Returns 0 or -1.
 */
int keys_look(const struct keys_place *place, struct homefile_places *places,
	struct keys_report *report, struct error *error);

#endif
