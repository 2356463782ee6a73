/* What is asked of the key manager: for which account, and what. */
#ifndef VASTAGENT_KEYS_REQUEST_H
#define VASTAGENT_KEYS_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "keys/store.h"

struct account;
struct instance;

struct keys_place {
	const struct account *account;
	const struct account *owner;     /* who the file is changed as: the account, or root */
	const char *file;                /* the file that sshd reads for the account */
	const char *state_dir;           /* the agent's */
	const struct instance *instance; /* this one */
	bool create;                     /* a missing directory of the file may be made */
	bool mirror;                     /* keys_look: root's instance keys go in here, too */
};

struct keys_request {
	const char *text; /* what was pasted */
	size_t length;
	const char *name;       /* NULL or "": nobody in particular */
	const char *options;    /* for each key, before its own; NULL or "": none */
	time_t expires;         /* for each key; 0: never */
	enum key_origin origin; /* ORIGIN_TEMPLATE: separators, and tombstones hold */
	bool dry_run;
	bool force; /* also options that another line defeats */
	bool root;  /* asked by root: with force, also options that let in other keys */
};

struct keys_removal {
	const char *const *fingerprints;
	size_t count;
	bool foreign; /* also lines that the agent did not write */
	bool force;   /* also the last key that lets anybody in */
};

#endif
