#include "keys/store.h"

#include <dirent.h>
#include <jansson.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "keys/line.h"
#include "sys/statefile.h"

#define STORE_VERSION 1
#define STORE_LIMIT   (64L * 1024 * 1024)

char *store_path(const char *state_dir, const char *account)
{
	struct buffer path = BUFFER_EMPTY;

	if (!*account || *account == '.' || strchr(account, '/') || strlen(account) > 200)
		return NULL;
	buffer_add_format(&path, "%s/keys/%s.json", state_dir, account);
	return path.data;
}

void store_each_account(
	const char *state_dir, void (*call)(void *context, const char *account), void *context)
{
	static const char ending[] = ".json";
	char path[PATH_MAX], account[256];
	const struct dirent *entry;
	size_t length;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/keys", state_dir);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		length = strlen(entry->d_name);
		if (entry->d_name[0] == '.' || length < sizeof(ending) ||
			length - (sizeof(ending) - 1) >= sizeof(account) ||
			strcmp(entry->d_name + length - (sizeof(ending) - 1), ending) != 0)
			continue;
		snprintf(account, sizeof(account), "%.*s", (int)(length - (sizeof(ending) - 1)),
			entry->d_name);
		call(context, account);
	}
	if (directory)
		closedir(directory);
}

char *store_aside_path(const char *path)
{
	struct buffer aside = BUFFER_EMPTY;

	buffer_add_format(&aside, "%s.aside", path);
	return aside.data;
}

int store_set_text(char **field, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -1;
	free(*field);
	*field = copy;
	return 0;
}

struct stored_key *store_find(const struct store *store, const struct pubkey *key)
{
	size_t at = key_index_first(&store->index, pubkey_tail(key));

	while (at && !pubkey_equal(&store->keys[at - 1].key, key))
		at = key_index_next(&store->index, at);
	return at ? &store->keys[at - 1] : NULL;
}

static void free_key(struct stored_key *key)
{
	pubkey_free(&key->key);
	free(key->options);
	free(key->comment);
	free(key->name);
}

static int grow(struct store *store)
{
	size_t capacity = store->capacity ? store->capacity * 2 : 16;
	struct stored_key *grown = reallocarray(store->keys, capacity, sizeof(*grown));

	if (!grown)
		return -1;
	store->keys = grown;
	store->capacity = capacity;
	return 0;
}

struct stored_key *store_add(struct store *store, const struct pubkey *key)
{
	struct stored_key *added;

	if (store->count == store->capacity && grow(store) != 0)
		return NULL;
	added = &store->keys[store->count];
	*added = (struct stored_key){0};
	added->options = strdup("");
	added->comment = strdup("");
	added->name = strdup("");
	if (pubkey_copy(key, &added->key) != 0 || !added->options || !added->comment ||
		!added->name || key_index_add(&store->index, pubkey_tail(key)) != 0) {
		free_key(added);
		return NULL;
	}
	store->count++;
	return added;
}

void store_free(struct store *store)
{
	for (size_t i = 0; i < store->count; i++)
		free_key(&store->keys[i]);
	free(store->keys);
	key_index_free(&store->index);
	*store = (struct store){0};
}

int store_begin(struct store *store, struct error *error)
{
	unsigned char random[(BLOCK_ID_SIZE - 1) / 2];

	*store = (struct store){0};
	if (sodium_init() < 0)
		return error_set(error, ERROR_INTERNAL, "libsodium cannot start");
	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(store->id, sizeof(store->id), random, sizeof(random));
	return 0;
}

static json_t *pack_time(time_t when)
{
	char text[32];

	return when ? json_string(text_time(text, sizeof(text), when)) : json_null();
}

static const char *const origin_names[] = {
	[ORIGIN_COMMAND] = "command", [ORIGIN_TEMPLATE] = "template", [ORIGIN_MIRROR] = "mirror"};

const char *origin_name(enum key_origin origin)
{
	return origin_names[origin];
}

static json_t *pack_key(const struct stored_key *key)
{
	char *base64 = pubkey_base64(&key->key);
	json_t *packed = NULL;

	if (base64)
		packed = json_pack("{ss ss ss ss ss ss so so sb so sb sb sb}", "type",
			key->key.type, "key", base64, "options", key->options, "comment",
			key->comment, "name", key->name, "origin", origin_name(key->origin),
			"added", pack_time(key->added), "expires", pack_time(key->expires),
			"removed", key->removed, "removed_at", pack_time(key->removed_at),
			"by_hand", key->by_hand, "in_block", key->in_block, "in_next",
			key->in_next);
	free(base64);
	return packed;
}

int store_save(const char *path, const struct store *store, struct error *error)
{
	json_t *keys = json_array(), *root = NULL;
	struct buffer content = BUFFER_EMPTY;
	int result = -1;

	for (size_t i = 0; i < store->count; i++)
		if (json_array_append_new(keys, pack_key(&store->keys[i])) != 0)
			goto out;
	root = json_pack("{si ss ss sI sI sO}", "version", STORE_VERSION, "id", store->id,
		"instance", store->instance, "generation", (json_int_t)store->generation, "written",
		(json_int_t)store->written, "keys", keys);
	content.data = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	if (!content.data)
		goto out;
	content.length = strlen(content.data);
	result = 0;
out:
	if (result != 0)
		error_set(error, ERROR_INTERNAL, "out of memory");
	else
		result = statefile_write(path, &content, error);
	buffer_free(&content);
	json_decref(root);
	json_decref(keys);
	return result;
}

/* A time, or null for none. Returns 0, or -1 for anything else. */
static int unpack_time(const json_t *value, time_t *when)
{
	*when = 0;
	if (json_is_null(value))
		return 0;
	return json_is_string(value) ? text_parse_time(json_string_value(value), when) : -1;
}

static int unpack_origin(const char *name, enum key_origin *origin)
{
	for (unsigned i = 0; i < sizeof(origin_names) / sizeof(origin_names[0]); i++) {
		if (strcmp(name, origin_names[i]) == 0) {
			*origin = (enum key_origin)i;
			return 0;
		}
	}
	return -1;
}

/* Adds the entry that an object describes. Returns 0, or -1 if it is not one. */
static int unpack_key(json_t *object, struct store *store)
{
	const char *type, *base64, *options, *comment, *name, *origin;
	int removed, by_hand, in_block, in_next;
	struct stored_key *entry;
	struct pubkey key;

	if (json_unpack(object, "{ss ss ss ss ss ss sb sb sb sb}", "type", &type, "key", &base64,
		    "options", &options, "comment", &comment, "name", &name, "origin", &origin,
		    "removed", &removed, "by_hand", &by_hand, "in_block", &in_block, "in_next",
		    &in_next) != 0)
		return -1;
	if (pubkey_parse(type, strlen(type), base64, strlen(base64), &key, NULL) != 0)
		return -1;
	entry = store_find(store, &key) ? NULL : store_add(store, &key);
	pubkey_free(&key);
	if (!entry || store_set_text(&entry->options, options) != 0 ||
		store_set_text(&entry->comment, comment) != 0 ||
		store_set_text(&entry->name, name) != 0)
		return -1;
	entry->removed = removed;
	entry->by_hand = by_hand;
	entry->in_block = in_block;
	entry->in_next = in_next;
	if (unpack_origin(origin, &entry->origin) != 0 ||
		unpack_time(json_object_get(object, "added"), &entry->added) != 0 ||
		unpack_time(json_object_get(object, "expires"), &entry->expires) != 0)
		return -1;
	return unpack_time(json_object_get(object, "removed_at"), &entry->removed_at);
}

static int unpack(json_t *root, struct store *store)
{
	json_int_t generation, written;
	json_t *keys, *object;
	const char *id, *instance;
	int version;
	size_t i;

	if (json_unpack(root, "{si ss ss sI sI so}", "version", &version, "id", &id, "instance",
		    &instance, "generation", &generation, "written", &written, "keys",
		    &keys) != 0 ||
		!json_is_array(keys) || version != STORE_VERSION || generation < 0 || written < 0 ||
		strlen(id) != BLOCK_ID_SIZE - 1 || id[strspn(id, "0123456789abcdef")])
		return -1;
	if (strlen(instance) >= sizeof(store->instance))
		return -1;
	strcpy(store->id, id);
	strcpy(store->instance, instance);
	store->generation = (unsigned long)generation;
	store->written = (unsigned long)written;
	json_array_foreach(keys, i, object)
		if (unpack_key(object, store) != 0)
			return -1;
	return 0;
}

int store_load(const char *path, struct store *store, struct error *error)
{
	struct buffer content = BUFFER_EMPTY;
	json_t *root;
	bool exists;
	int result;

	if (store_begin(store, error) != 0 ||
		statefile_read(path, STORE_LIMIT, &content, &exists, error) != 0) {
		buffer_free(&content);
		return -1;
	}
	root = exists ? json_loadb(content.data, content.length, JSON_REJECT_DUPLICATES, NULL)
		      : NULL;
	result = !exists ? 0 : unpack(root, store);
	if (result != 0) {
		error_set(error, ERROR_UNSAFE_FILE,
			"%s is damaged; move it away, and add the keys again", path);
		store_free(store);
	}
	json_decref(root);
	buffer_free(&content);
	return result;
}
