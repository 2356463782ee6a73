/* The JSON of answers about keys, as vastagent-api(7) describes it. */
#ifndef VASTAGENT_DAEMON_KEYS_JSON_H
#define VASTAGENT_DAEMON_KEYS_JSON_H

#include <jansson.h>

struct buffer;
struct keys_report;
struct keys_row;

/*
 * {"user","file","keys":[…],"notes":[…]}, GET /v1/keys, appended as text: what stands
 * before the rows, one row, and what stands behind them, with a newline. What needs
 * escaping is the library's. Return 0, or -1 (out of memory).
 */
int keys_json_list_head(const char *user, const char *file, struct buffer *out);
int keys_json_row(const struct keys_row *row, struct buffer *out);
int keys_json_list_tail(const struct keys_report *report, struct buffer *out);

/* The others return NULL if out of memory.
 * {"user","file","base64"}: GET /v1/keys?platform_bytes=1. */
json_t *keys_json_bytes(const char *user, const char *file, const struct keys_report *report);

/* {"user","file","added":[…],"existing":[…],"rejected":[…],"notes":[…]}: POST /v1/keys. */
json_t *keys_json_added(const char *user, const char *file, const struct keys_report *report);

/* {"user","file","removed":[…],"left":[…],"complete","notes":[…]}: DELETE /v1/keys/…. */
json_t *keys_json_removed(const char *user, const char *file, const struct keys_report *report);

#endif
