/*
 * The store: what the agent promised about one account's keys. One JSON file an
 * account in the state directory, so that damage or a hang of one stays with it.
 */
#ifndef VASTAGENT_KEYS_STORE_H
#define VASTAGENT_KEYS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "keys/block.h"
#include "keys/index.h"
#include "keys/pubkey.h"
#include "sys/instance.h"

struct error;
struct key_line;

/* ORIGIN_MIRROR: it follows root's key of the same numbers. */
enum key_origin { ORIGIN_COMMAND, ORIGIN_TEMPLATE, ORIGIN_MIRROR };

/* "command", "template" or "mirror". */
const char *origin_name(enum key_origin origin);

struct stored_key {
	struct pubkey key;
	char *options; /* "" for none */
	char *comment;
	char *name; /* who it belongs to; "" for nobody in particular */
	enum key_origin origin;
	time_t added;
	time_t expires; /* 0: never */
	bool removed;   /* a tombstone: it must not come back by itself */
	time_t removed_at;
	bool by_hand;      /* removed by an edit of the file, not by a command */
	bool in_block;     /* it stood in the block of generation .written */
	bool in_next;      /* it is to stand in the one of .generation */
	bool drop_foreign; /* not stored: lines of others that hold it are to go now */
};

struct store {
	char id[BLOCK_ID_SIZE];
	char instance[INSTANCE_ID_SIZE]; /* it belongs to; "" while that is not known */
	unsigned long generation;        /* of the block that was written last, or was to be */
	unsigned long written;           /* of the last one that is known to have been */
	struct stored_key *keys;
	size_t count, capacity;
	struct key_index index; /* of .keys */
	bool damaged;           /* the bytes that store_load read are not what was saved */
};

/* The path of an account's store, which the caller frees; NULL if out of memory, or with
 * errno EINVAL if the name cannot be that of a file. */
char *store_path(const char *state_dir, const char *account);

/* An empty store with a fresh random id. Returns 0, or -1 with ERROR_INTERNAL. */
int store_begin(struct store *store, struct error *error);

/* Reads the store. A missing file is an empty store with a fresh random id. Returns 0
 * (release with store_free), or -1 with ERROR_UNSAFE_FILE or ERROR_INTERNAL. If the file is
 * root's alone but is damaged, the store is empty then but for .damaged, and .id and
 * .instance if they can still be read. */
int store_load(const char *path, struct store *store, struct error *error);

/* Calls for the name of each account that has a store. The names are those of files, and
 * need not be of accounts that still exist. */
void store_each_account(
	const char *state_dir, void (*call)(void *context, const char *account), void *context);

/* Where a store is kept that belongs to another instance, one that was damaged, and the one
 * that was saved before; the caller frees it. */
char *store_aside_path(const char *path);
char *store_damaged_path(const char *path);
char *store_before_path(const char *path);

/* Writes it, atomically, and keeps the one before (store_before_path), unless that is
 * damaged. Returns 0, or -1 with ERROR_CANNOT_WRITE. */
int store_save(const char *path, const struct store *store, struct error *error);

/* The entry of a key, removed or not; NULL if there is none. */
struct stored_key *store_find(const struct store *store, const struct pubkey *key);

/* When a key was removed last; 0 if none was. */
time_t store_last_removal(const struct store *store);

/* A new entry with a copy of the key and empty texts; NULL if out of memory. */
struct stored_key *store_add(struct store *store, const struct pubkey *key);

/* Replaces a text of an entry by a copy. Returns 0, or -1 if out of memory. */
int store_set_text(char **field, const char *text);

/* Whether a store can hold what a line says beside its key (bytes that show as they are), and
 * taking options, comment and expiry over from it: returns 0, or -1 if out of memory. */
bool store_can_hold(const struct key_line *line);
int store_take_line(struct stored_key *key, const struct key_line *line);

void store_free(struct store *store);

#endif
