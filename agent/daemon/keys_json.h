/* The JSON of answers about keys, as vastagent-api(7) describes it. */
#ifndef VASTAGENT_DAEMON_KEYS_JSON_H
#define VASTAGENT_DAEMON_KEYS_JSON_H

#include <jansson.h>

struct buffer;
struct keys_report;

/*
 * Appends {"user","file","keys":[…],"notes":[…]}, GET /v1/keys, as text: a list may have
 * 100,000 rows. What needs escaping is the library's. Returns 0, or -1 (out of memory).
 */
int keys_json_list(
	const char *user, const char *file, const struct keys_report *report, struct buffer *out);

/* The others return NULL if out of memory.
 * {"user","file","base64"}: GET /v1/keys?platform_bytes=1. */
json_t *keys_json_bytes(const char *user, const char *file, const struct keys_report *report);

/* {"user","file","added":[…],"existing":[…],"rejected":[…],"notes":[…]}: POST /v1/keys. */
json_t *keys_json_added(const char *user, const char *file, const struct keys_report *report);

/* {"user","file","removed":[…],"left":[…],"complete","notes":[…]}: DELETE /v1/keys/…. */
json_t *keys_json_removed(const char *user, const char *file, const struct keys_report *report);

#endif
