#include "keys/manager.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "keys/import.h"
#include "keys/update.h"
#include "sys/account.h"
#include "sys/homefile.h"
#include "sys/instance.h"

static int out_of_memory(struct error *error)
{
	return error_set(error, ERROR_INTERNAL, "out of memory");
}

/* Fills the columns that come from a stored key. Returns 0, or -1 if out of memory. */
static int describe_stored(struct keys_row *row, const struct stored_key *key)
{
	pubkey_fingerprint(&key->key, row->fingerprint);
	row->type = key->key.type;
	row->bits = key->key.bits;
	row->origin = key->origin == ORIGIN_TEMPLATE ? "template" : "command";
	row->added = key->added;
	row->expires = key->expires;
	row->comment = strdup(*key->name ? key->name : key->comment);
	row->options = strdup(key->options);
	row->name = strdup(key->name);
	return row->comment && row->options && row->name ? 0 : -1;
}

/* A slice of the file as text that can be shown. */
static char *visible_copy(const char *text, size_t length)
{
	char *copy = malloc(length * 4 + 1);

	if (copy)
		text_visible(copy, length * 4 + 1, text, length);
	return copy;
}

static const char *line_state(const struct key_line *line, time_t now)
{
	if (line->kind == KEY_LINE_INVALID)
		return "invalid";
	return line->options.expires && line->options.expires <= now ? "expired" : "active";
}

static int describe_line(struct keys_row *row, const struct view_line *line, time_t now)
{
	const struct key_line *parsed = &line->parsed;

	row->foreign = true;
	row->line = line->number;
	row->state = line_state(parsed, now);
	row->expires = parsed->options.expires;
	row->comment = visible_copy(parsed->comment, parsed->comment_length);
	row->options = visible_copy(parsed->options_text, parsed->options_length);
	row->name = strdup("");
	if (parsed->kind == KEY_LINE_INVALID)
		row->reason = strdup(parsed->error.message);
	if (parsed->key.blob) {
		row->type = parsed->key.type;
		row->bits = parsed->key.bits;
		pubkey_fingerprint(&parsed->key, row->fingerprint);
	}
	return row->comment && row->options && row->name ? 0 : -1;
}

/* What the store knows of a key that stands in somebody else's line. */
static int describe_pinned(struct keys_row *row, const struct stored_key *key)
{
	row->pinned = true;
	row->added = key->added;
	row->origin = key->origin == ORIGIN_TEMPLATE ? "template" : "command";
	free(row->name);
	row->name = strdup(key->name);
	return row->name ? 0 : -1;
}

static int list_lines(struct keys_update *update)
{
	for (size_t i = 0; i < update->view.count; i++) {
		const struct view_line *line = &update->view.lines[i];
		const struct stored_key *key =
			line->parsed.key.blob ? store_find(&update->store, &line->parsed.key)
					      : NULL;
		struct keys_row *row = keys_report_row(update->report, ROW_LISTED);

		if (!row || describe_line(row, line, update->now) != 0)
			return -1;
		if (key && line->in_block) {
			row->foreign = false;
			row->added = key->added;
			row->origin = key->origin == ORIGIN_TEMPLATE ? "template" : "command";
			free(row->name);
			row->name = strdup(key->name);
			if (!row->name)
				return -1;
		} else if (key && !key->removed && describe_pinned(row, key) != 0) {
			return -1;
		}
	}
	return 0;
}

/* Keys of the store that stand in no line of the file. */
static int list_absent(struct keys_update *update)
{
	for (size_t i = 0; i < update->store.count; i++) {
		const struct stored_key *key = &update->store.keys[i];
		struct keys_row *row;

		if (view_find(&update->view, &update->store, &key->key, false))
			continue;
		row = keys_report_row(update->report, ROW_LISTED);
		if (!row || describe_stored(row, key) != 0)
			return -1;
		row->state = key->removed                     ? "removed"
			     : keys_update_wants(update, key) ? "pending"
							      : "expired";
		if (key->removed) {
			row->reason =
				strdup(key->by_hand ? "taken out of the file by hand" : "rmkey");
			if (!row->reason)
				return -1;
		}
	}
	return 0;
}

int keys_list(const struct keys_place *place, struct keys_report *report, struct error *error)
{
	struct keys_update update;
	int result = keys_update_begin(&update, place, true, report, error);

	if (result == 0 && (list_lines(&update) != 0 || list_absent(&update) != 0))
		result = out_of_memory(error);
	keys_update_end(&update);
	return result;
}

/* As keys_update_finish; what could not be written now is said to be tried again. */
static int finish(struct keys_update *update, struct error *error)
{
	int result = keys_update_finish(update, error);
	size_t used;

	if (result != 0 && update->report->pending && error) {
		used = strlen(error->message);
		snprintf(error->message + used, sizeof(error->message) - used,
			"; what was asked for is remembered and tried again");
	}
	return result;
}

/* The key that the platform itself put there is the platform's to keep or to drop. */
static bool is_platforms_own(const struct pubkey *key)
{
	char *text = instance_variable("SSH_PUBLIC_KEY");
	struct import import = {0};
	bool found = false;

	if (text && import_parse(text, strlen(text), false, &import, NULL) == 0)
		for (size_t i = 0; i < import.key_count; i++)
			found = found || pubkey_equal(&import.keys[i].key, key);
	import_free(&import);
	free(text);
	return found;
}

static void note(struct keys_update *update, const struct import_key *key, const char *sentence)
{
	char fingerprint[PUBKEY_FINGERPRINT_SIZE];

	pubkey_fingerprint(&key->key, fingerprint);
	buffer_add_format(&update->report->notes, "%s %s\n", fingerprint, sentence);
}

/* cert-authority and principals admit keys that nobody listed. */
static int check_options(const struct import_key *key, const struct keys_update *update,
	const struct keys_request *request, struct error *error)
{
	const struct view_line *other = view_find(&update->view, &update->store, &key->key, true);

	if ((key->parsed.cert_authority || key->parsed.principals) &&
		!(request->force && request->root))
		return error_set(error, ERROR_BAD_OPTION,
			"cert-authority and principals let in keys that are not listed here; "
			"if that is meant, root adds it with --force");
	if (request->force)
		return 0;
	/* sshd takes the first line that fits: the laxer copy would win. */
	if (*key->options && other &&
		(other->parsed.options_length != strlen(key->options) ||
			memcmp(other->parsed.options_text, key->options,
				other->parsed.options_length) != 0))
		return error_set(error, ERROR_BAD_OPTION,
			"line %ld of %s holds the same key with other options, which would let it "
			"in "
			"all the same; remove that line, or use --force",
			other->number, update->place->file);
	return 0;
}

static int fill(struct stored_key *stored, const struct import_key *key,
	const struct keys_request *request, time_t now)
{
	stored->origin = request->origin;
	stored->added = now;
	stored->expires = key->parsed.expires;
	stored->removed = stored->by_hand = false;
	stored->removed_at = 0;
	if (store_set_text(&stored->options, key->options) != 0 ||
		store_set_text(&stored->comment, key->comment) != 0)
		return -1;
	return store_set_text(&stored->name, request->name ? request->name : "");
}

static bool is_same(const struct stored_key *stored, const struct import_key *key,
	const struct keys_request *request)
{
	return strcmp(stored->options, key->options) == 0 &&
	       (!request->name || !*request->name || strcmp(stored->name, request->name) == 0);
}

/* The bare key of one that was added with restrictions must not widen what it may do. */
static bool keeps_options(const struct stored_key *stored, const struct import_key *key,
	const struct keys_request *request)
{
	return *stored->options && !*key->options && !request->force;
}

static int report_key(struct keys_update *update, enum keys_row_kind kind,
	const struct import_key *key, const struct keys_request *request)
{
	struct keys_row *row = keys_report_row(update->report, kind);

	if (!row)
		return -1;
	pubkey_fingerprint(&key->key, row->fingerprint);
	row->type = key->key.type;
	row->bits = key->key.bits;
	row->comment = strdup(request->name && *request->name ? request->name : key->comment);
	return row->comment ? 0 : -1;
}

static int rename_key(
	struct keys_update *update, struct stored_key *stored, const struct keys_request *request)
{
	if (!request->name || strcmp(request->name, stored->name) == 0)
		return 0;
	update->store_changed = true;
	return store_set_text(&stored->name, request->name);
}

/* Adds one key to the store. Returns 0, or -1 if out of memory. */
static int add_one(struct keys_update *update, const struct import_key *key,
	const struct keys_request *request)
{
	bool foreign = view_find(&update->view, &update->store, &key->key, true) != NULL;
	struct stored_key *stored = store_find(&update->store, &key->key);

	if (foreign && is_platforms_own(&key->key)) {
		note(update, key,
			"is the platform's own key (SSH_PUBLIC_KEY): it is in the file already");
		return report_key(update, ROW_EXISTING, key, request);
	}
	if (stored && stored->removed && request->origin == ORIGIN_TEMPLATE) {
		note(update, key,
			"was removed before, so the template does not bring it back; "
			"add it by hand if it is wanted again");
		return 0;
	}
	if (stored && !stored->removed && keeps_options(stored, key, request)) {
		note(update, key, "keeps its options; to let it in without them, remove it first");
		if (rename_key(update, stored, request) != 0)
			return -1;
		return report_key(update, ROW_EXISTING, key, request);
	}
	if (stored && !stored->removed && is_same(stored, key, request))
		return report_key(update, ROW_EXISTING, key, request);
	if (stored && !stored->removed && strcmp(stored->options, key->options) != 0)
		note(update, key, "was there with other options, which were replaced");
	if (!stored)
		stored = store_add(&update->store, &key->key);
	if (!stored || fill(stored, key, request, update->now) != 0)
		return -1;
	update->store_changed = true;
	if (foreign)
		note(update, key,
			"is in the file already; it will be kept even if the platform "
			"removes it; take it back with rmkey");
	if (report_key(update, foreign ? ROW_EXISTING : ROW_ADDED, key, request) != 0)
		return -1;
	if (request->dry_run)
		return 0;
	return keys_report_event(update->report, "added", &key->key,
		request->origin == ORIGIN_TEMPLATE ? "template" : "command");
}

/* Checks everything before anything changes: one bad key, and nothing is added. */
static int check_all(struct keys_update *update, const struct import *import,
	const struct keys_request *request, struct error *error)
{
	struct error reason = {0};

	for (size_t i = 0; i < import->reject_count; i++)
		if (keys_report_reject(update->report, import->rejects[i].line,
			    &import->rejects[i].error) != 0)
			return out_of_memory(error);
	for (size_t i = 0; i < import->key_count; i++)
		if (check_options(&import->keys[i], update, request, &reason) != 0 &&
			keys_report_reject(update->report, import->keys[i].line, &reason) != 0)
			return out_of_memory(error);
	if (!update->report->reject_count)
		return 0;
	error_set(error, update->report->rejects[0].code, "%s", update->report->rejects[0].reason);
	error->line = update->report->rejects[0].line;
	return -1;
}

static int add_all(struct keys_update *update, const struct import *import,
	const struct keys_request *request, struct error *error)
{
	if (check_all(update, import, request, error) != 0)
		return -1;
	buffer_add(&update->report->notes, buffer_string(&import->notes), import->notes.length);
	for (size_t i = 0; i < import->key_count; i++)
		if (add_one(update, &import->keys[i], request) != 0)
			return out_of_memory(error);
	if (update->report->notes.failed)
		return out_of_memory(error);
	return request->dry_run ? 0 : finish(update, error);
}

int keys_add(const struct keys_place *place, const struct keys_request *request,
	struct keys_report *report, struct error *error)
{
	struct keys_place with_create = *place;
	struct keys_update update = {0};
	struct import import;
	int result = import_parse(
		request->text, request->length, request->origin == ORIGIN_TEMPLATE, &import, error);

	with_create.create = !request->dry_run;
	if (result == 0)
		result = keys_update_begin(&update, &with_create, request->dry_run, report, error);
	if (result == 0)
		result = add_all(&update, &import, request, error);
	keys_update_end(&update);
	import_free(&import);
	return result;
}

static bool has_fingerprint(const struct pubkey *key, const char *wanted)
{
	char fingerprint[PUBKEY_FINGERPRINT_SIZE];

	pubkey_fingerprint(key, fingerprint);
	return strcmp(fingerprint, wanted) == 0;
}

/* The key with the fingerprint, in the store or in the file; NULL if it is in neither. */
static const struct pubkey *find_key(const struct keys_update *update, const char *fingerprint)
{
	for (size_t i = 0; i < update->store.count; i++)
		if (has_fingerprint(&update->store.keys[i].key, fingerprint))
			return &update->store.keys[i].key;
	for (size_t i = 0; i < update->view.count; i++)
		if (update->view.lines[i].parsed.key.blob &&
			has_fingerprint(&update->view.lines[i].parsed.key, fingerprint))
			return &update->view.lines[i].parsed.key;
	return NULL;
}

/* Whether anybody could still log in to the account without this key. */
static bool others_remain(const struct keys_update *update, const struct pubkey *key)
{
	for (size_t i = 0; i < update->view.count; i++) {
		const struct key_line *line = &update->view.lines[i].parsed;

		if (line->kind == KEY_LINE_KEY && !pubkey_equal(&line->key, key) &&
			(!line->options.expires || line->options.expires > update->now))
			return true;
	}
	return false;
}

static int report_left(struct keys_update *update, const struct view_line *line)
{
	struct keys_row *row = keys_report_row(update->report, ROW_LEFT);

	if (!row || describe_line(row, line, update->now) != 0)
		return -1;
	update->report->incomplete = true;
	buffer_add_format(&update->report->notes,
		"line %ld of %s, which vastagent did not write, still lets %s in; remove it too "
		"with --foreign\n",
		line->number, update->place->file, row->fingerprint);
	return 0;
}

static int entomb(struct keys_update *update, struct stored_key *stored, const char *fingerprint)
{
	struct keys_row *row = keys_report_row(update->report, ROW_REMOVED);

	if (!row || describe_stored(row, stored) != 0)
		return -1;
	strcpy(row->fingerprint, fingerprint);
	stored->removed = true;
	stored->by_hand = false;
	stored->removed_at = update->now;
	update->store_changed = true;
	return keys_report_event(update->report, "removed", &stored->key, "rmkey");
}

static int remove_key(struct keys_update *update, const char *fingerprint, bool foreign, bool force,
	struct error *error)
{
	const struct pubkey *key = find_key(update, fingerprint);
	struct stored_key *stored = key ? store_find(&update->store, key) : NULL;
	const struct view_line *line =
		key ? view_find(&update->view, &update->store, key, true) : NULL;

	if (!key || (!line && stored && stored->removed))
		return error_set(error, ERROR_NO_SUCH_KEY, "%s has no key %s",
			update->place->account->name, fingerprint);
	if (!force && (foreign || !line) && view_find(&update->view, &update->store, key, false) &&
		!others_remain(update, key))
		return error_set(error, ERROR_LAST_KEY,
			"%s is the last key that lets anybody log in as %s; add another one first, "
			"or use --force",
			fingerprint, update->place->account->name);
	if (foreign && line) {
		buffer_add_format(&update->report->notes,
			"line %ld of %s was not vastagent's; the platform may write it back\n",
			line->number, update->place->file);
		if (!stored) /* remembered, so that a template does not bring it back */
			stored = store_add(&update->store, key);
		if (!stored)
			return out_of_memory(error);
		update->drop = &stored->key;
	}
	if (stored && !stored->removed && entomb(update, stored, fingerprint) != 0)
		return out_of_memory(error);
	if (line && !foreign && report_left(update, line) != 0)
		return out_of_memory(error);
	return finish(update, error);
}

int keys_remove(const struct keys_place *place, const char *fingerprint, bool foreign, bool force,
	struct keys_report *report, struct error *error)
{
	struct keys_update update;
	int result = keys_update_begin(&update, place, false, report, error);

	if (result == 0)
		result = remove_key(&update, fingerprint, foreign, force, error);
	keys_update_end(&update);
	return result;
}

int keys_look(const struct keys_place *place, struct homefile_places *places,
	struct keys_report *report, struct error *error)
{
	struct keys_update update;
	int result = keys_update_begin(&update, place, false, report, error);

	*places = (struct homefile_places){-1, -1};
	if (result == 0)
		result = keys_update_finish(&update, error);
	if (update.file && homefile_places(update.file, places, result == 0 ? error : NULL) != 0)
		result = -1;
	keys_update_end(&update);
	return result;
}
