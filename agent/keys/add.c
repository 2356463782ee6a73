/* Adding keys: all that a request names, or none. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "keys/from.h"
#include "keys/import.h"
#include "keys/known.h"
#include "keys/manager.h"
#include "keys/update.h"
#include "sys/instance.h"
#include "sys/sshd_version.h"

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

static void note(
	const struct keys_update *update, const struct import_key *key, const char *sentence)
{
	char fingerprint[PUBKEY_FINGERPRINT_SIZE];

	pubkey_fingerprint(&key->key, fingerprint);
	buffer_add_format(&update->report->notes, "%s %s\n", fingerprint, sentence);
}

/* A line that the local sshd would drop is not written, and patterns that fit nobody
 * are told. */
static int check_server(
	const struct import_key *key, struct keys_report *report, struct error *error)
{
	char *patterns = NULL;
	int result = 0;

	if (!key->parsed.used && key->key.kind != PUBKEY_SK_ED25519 &&
		key->key.kind != PUBKEY_SK_ECDSA)
		return 0;
	if (key_options_check_known(&key->parsed, sshd_version_local(), error) != 0 ||
		pubkey_check_known(&key->key, sshd_version_local(), error) != 0)
		return -1;
	if (key_options_value(key->options, strlen(key->options), "from", &patterns) != 0)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	if (patterns)
		result = from_check(patterns, &report->notes, error);
	free(patterns);
	return result;
}

/* sshd takes the first line that fits: a laxer copy of the key would win. */
static int check_laxer(
	const struct import_key *key, const struct keys_update *update, struct error *error)
{
	struct view_line other;

	if (!view_find_unlike(&update->view, &update->store, &key->key, key->options, &other))
		return 0;
	view_line_free(&other);
	return error_set(error, ERROR_BAD_OPTION,
		"line %ld of %s holds the same key with other options, which would let it in all "
		"the same; remove that line, or repeat it with force",
		other.number, update->place->file);
}

/* cert-authority and principals admit keys that nobody listed. */
static int check_options(const struct import_key *key, const struct keys_update *update,
	const struct keys_request *request, struct error *error)
{
	if (check_server(key, update->report, error) != 0)
		return -1;
	if ((key->parsed.cert_authority || key->parsed.principals) &&
		!(request->force && request->root))
		return error_set(error, ERROR_BAD_OPTION,
			"cert-authority and principals let in keys that are not listed here; "
			"if that is meant, root adds it with force");
	/* No refusal: in a list of keys that is added again and again, one ends some day. */
	if (key->parsed.expires && key->parsed.expires <= update->now)
		note(update, key, "does not get in: its time is over already");
	return request->force || (!*key->options && !request->expires)
		       ? 0
		       : check_laxer(key, update, error);
}

static int add_options(struct import_key *key, const struct keys_request *request,
	const struct buffer *expiry, struct error *error)
{
	struct buffer options = BUFFER_EMPTY;
	const char *parts[] = {request->options, buffer_string(expiry), key->options};

	for (size_t i = 0; i < 3; i++)
		if (parts[i] && *parts[i])
			buffer_add_format(&options, "%s%s", options.length ? "," : "", parts[i]);
	if (options.failed)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	if (!options.length)
		return 0;
	free(key->options);
	key->options = options.data;
	return key_options_parse(key->options, options.length, &key->parsed, error);
}

static int render_expiry(
	time_t when, struct buffer *expiry, struct keys_report *report, struct error *error)
{
	char option[KEY_EXPIRY_SIZE], server[64];

	if (key_expiry_render(when, sshd_version_local(), option, error) != 0)
		return -1;
	if (*option)
		return buffer_add_string(expiry, option);
	buffer_add_format(&report->notes,
		"%s knows no end of a key's time: only vastagent takes it out then, so it must "
		"run\n",
		sshd_version_name(sshd_version_local(), server, sizeof(server)));
	return 0;
}

/* The request's options and expiry become each key's own. */
static int complete_keys(struct import *import, const struct keys_request *request,
	struct keys_report *report, struct error *error)
{
	struct buffer expiry = BUFFER_EMPTY;
	int result = 0;

	if (request->options && !text_is_visible(request->options, strlen(request->options)))
		return error_set(error, ERROR_BAD_OPTION,
			"there is a character in the options that ends a line or does not show");
	if (request->expires)
		result = render_expiry(request->expires, &expiry, report, error);
	for (size_t i = 0; result == 0 && i < import->key_count; i++) {
		result = add_options(&import->keys[i], request, &expiry, error);
		/* Where sshd knows no such option the agent alone takes the line out. */
		if (request->expires && !import->keys[i].parsed.expires)
			import->keys[i].parsed.expires = request->expires;
	}
	buffer_free(&expiry);
	return result;
}

static int fill(struct stored_key *stored, const struct import_key *key,
	const struct keys_request *request, time_t now)
{
	bool renamed = request->name || stored->removed;

	stored->origin = request->origin;
	stored->added = now;
	stored->expires = key->parsed.expires;
	stored->removed = stored->by_hand = false;
	stored->removed_at = 0;
	if (store_set_text(&stored->options, key->options) != 0 ||
		store_set_text(&stored->comment, key->comment) != 0)
		return -1;
	/* Other options do not make it somebody else's. */
	return renamed ? store_set_text(&stored->name, request->name ? request->name : "") : 0;
}

/* The end of its time stands in the options only where sshd knows it there. */
static bool has_same_options(const struct stored_key *stored, const struct import_key *key)
{
	return strcmp(stored->options, key->options) == 0 && stored->expires == key->parsed.expires;
}

static bool is_same(const struct stored_key *stored, const struct import_key *key,
	const struct keys_request *request)
{
	return has_same_options(stored, key) &&
	       (!request->name || !*request->name || strcmp(stored->name, request->name) == 0);
}

/* The bare key of one that was added with restrictions must not widen what it may do. When
 * its time is over it may do nothing: who adds it by hand then wants it in. */
static bool keeps_options(const struct stored_key *stored, const struct import_key *key,
	const struct keys_request *request, time_t now)
{
	bool over = stored->expires && stored->expires <= now;

	return (*stored->options || stored->expires) && !*key->options && !key->parsed.expires &&
	       !request->force && (!over || request->origin == ORIGIN_TEMPLATE);
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
	return buffer_add_string(
		&row->comment, request->name && *request->name ? request->name : key->comment);
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
	bool foreign = view_find_other(&update->view, &update->store, &key->key, update->now, NULL);
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
	if (stored && !stored->removed && keeps_options(stored, key, request, update->now)) {
		note(update, key, "keeps its options; to let it in without them, remove it first");
		if (rename_key(update, stored, request) != 0)
			return -1;
		return report_key(update, ROW_EXISTING, key, request);
	}
	if (stored && !stored->removed && is_same(stored, key, request))
		return report_key(update, ROW_EXISTING, key, request);
	if (stored && !stored->removed && !has_same_options(stored, key))
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
			return error_set(error, ERROR_INTERNAL, "out of memory");
	for (size_t i = 0; i < import->key_count; i++)
		if (check_options(&import->keys[i], update, request, &reason) != 0 &&
			keys_report_reject(update->report, import->keys[i].line, &reason) != 0)
			return error_set(error, ERROR_INTERNAL, "out of memory");
	if (!update->report->reject_count)
		return 0;
	error_set(error, update->report->rejects[0].code, "%s", update->report->rejects[0].reason);
	error->line = update->report->rejects[0].line;
	return -1;
}

static int add_all(struct keys_update *update, const struct import *import,
	const struct keys_request *request, struct error *error)
{
	if (view_expect(&update->view, import->key_count * 2) != 0)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	if (check_all(update, import, request, error) != 0)
		return -1;
	buffer_add(&update->report->notes, buffer_string(&import->notes), import->notes.length);
	for (size_t i = 0; i < import->key_count; i++)
		if (add_one(update, &import->keys[i], request) != 0)
			return error_set(error, ERROR_INTERNAL, "out of memory");
	if (update->report->notes.failed || update->unread)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	return request->dry_run ? 0 : keys_update_finish(update, error);
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
		result = complete_keys(&import, request, report, error);
	if (result == 0)
		result = keys_update_begin(&update, &with_create, request->dry_run, report, error);
	if (result == 0)
		result = add_all(&update, &import, request, error);
	keys_update_end(&update);
	import_free(&import);
	return result;
}
