/* What an operation on keys found and did, as plain data. */
#ifndef VASTAGENT_KEYS_REPORT_H
#define VASTAGENT_KEYS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/buffer.h"
#include "base/error.h"
#include "keys/pubkey.h"

enum keys_row_kind { ROW_LISTED, ROW_ADDED, ROW_EXISTING, ROW_REMOVED, ROW_LEFT };

struct keys_row {
	enum keys_row_kind kind;
	char fingerprint[PUBKEY_FINGERPRINT_SIZE]; /* "" for a line without a key */
	const char *type;                          /* NULL for a line without a key */
	unsigned bits;
	struct buffer comment, options, name; /* texts, visible: text_visible() */
	bool foreign;                         /* a line that the agent did not write */
	const char *origin;   /* "command", "template", or NULL for a foreign line */
	const char *state;    /* active, expired, invalid, pending or removed */
	struct buffer reason; /* why it is invalid or removed, or empty */
	bool pinned;
	time_t added, expires; /* 0: not known, never */
	long line;             /* of the file; 0: it stands in none */
};

struct keys_reject {
	long line; /* of the request's text */
	enum error_code code;
	char *reason;
};

/* For the journal. */
struct keys_event {
	const char *event; /* added, removed, restored, taken_out, … */
	char fingerprint[PUBKEY_FINGERPRINT_SIZE];
	const char *reason;
};

struct keys_report {
	struct keys_row *rows;
	size_t row_count;
	struct keys_reject *rejects;
	size_t reject_count;
	struct keys_event *events;
	size_t event_count;
	struct buffer bytes; /* what was asked for as bytes, in base64 */
	struct buffer notes; /* sentences for the person who asked, each ends in '\n' */
	bool pending;        /* stored, but the file could not be written */
	time_t next_expiry;  /* of a key in the store, or 0 */
	bool unwritten;      /* in the journal: it could not be written */
	bool incomplete;     /* removed, but another line still lets the key in */
};

/* Makes the row an empty one of the kind, for another use of its memory; frees that. */
void keys_row_reset(struct keys_row *row, enum keys_row_kind kind);
void keys_row_free(struct keys_row *row);

/* A new row of the kind, zeroed but for it; NULL if out of memory. */
struct keys_row *keys_report_row(struct keys_report *report, enum keys_row_kind kind);

/* Both return 0, or -1 if out of memory. The texts of an event must be static. */
int keys_report_reject(struct keys_report *report, long line, const struct error *reason);
int keys_report_event(struct keys_report *report, const char *event, const struct pubkey *key,
	const char *reason);

void keys_report_free(struct keys_report *report);

#endif
