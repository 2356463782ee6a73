#include "keys/store.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "keys/line.h"
#include "sys/statefile.h"

#define STORE_VERSION 1
#define STORE_LIMIT   (64L * 1024 * 1024)

/*
 * A store begins with the SHA-256 of what stands behind these lines: a flipped bit in a
 * key would be another key. A store without it was edited, and is taken if it is whole.
 */
#define SUM_BEFORE "{\n \"sum\": \""
#define SUM_AFTER  "\",\n"
#define SUM_DIGITS (crypto_hash_sha256_BYTES * 2)
#define SUM_END    (sizeof(SUM_BEFORE) - 1 + SUM_DIGITS + sizeof(SUM_AFTER) - 1)

char *store_path(const char *state_dir, const char *account)
{
	struct buffer path = BUFFER_EMPTY;

	if (!*account || *account == '.' || strchr(account, '/') || strlen(account) > 200) {
		errno = EINVAL;
		return NULL;
	}
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

static char *beside(const char *path, const char *ending)
{
	struct buffer name = BUFFER_EMPTY;

	buffer_add_format(&name, "%s%s", path, ending);
	return name.data;
}

char *store_aside_path(const char *path)
{
	return beside(path, ".aside");
}

char *store_damaged_path(const char *path)
{
	return beside(path, ".damaged");
}

char *store_before_path(const char *path)
{
	return beside(path, ".before");
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

static int set_slice(char **field, const char *text, size_t length)
{
	char *copy = text ? strndup(text, length) : strdup("");

	if (!copy)
		return -1;
	free(*field);
	*field = copy;
	return 0;
}

bool store_can_hold(const struct key_line *line)
{
	return text_is_visible(line->options_text, line->options_length) &&
	       text_is_visible(line->comment, line->comment_length);
}

int store_take_line(struct stored_key *key, const struct key_line *line)
{
	key->expires = line->options.expires;
	if (set_slice(&key->options, line->options_text, line->options_length) != 0)
		return -1;
	return set_slice(&key->comment, line->comment, line->comment_length);
}

struct stored_key *store_find(const struct store *store, const struct pubkey *key)
{
	uint64_t tail = pubkey_tail(key);
	size_t at;

	for (int64_t i = key_index_last(&store->index, tail, &at); i >= 0;
		i = key_index_before(&store->index, tail, &at))
		if (pubkey_equal(&store->keys[i].key, key))
			return &store->keys[i];
	return NULL;
}

time_t store_last_removal(const struct store *store)
{
	time_t last = 0;

	for (size_t i = 0; i < store->count; i++)
		if (store->keys[i].removed && store->keys[i].removed_at > last)
			last = store->keys[i].removed_at;
	return last;
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
	/* Each entry is looked up before it is added. */
	return store->index.slots ? 0 : key_index_hash(&store->index);
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
		!added->name ||
		key_index_add(&store->index, pubkey_tail(key), (uint32_t)store->count) != 0) {
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

static void sum_of(const char *text, size_t length, char digits[SUM_DIGITS + 1])
{
	unsigned char sum[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(sum, (const unsigned char *)text, length);
	sodium_bin2hex(digits, SUM_DIGITS + 1, sum, sizeof(sum));
}

/* Puts the sum before the members of an object, which begin on the second line. */
static int add_sum(const char *text, struct buffer *content)
{
	const char *members = strchr(text, '\n') + 1;
	char digits[SUM_DIGITS + 1];

	sum_of(members, strlen(members), digits);
	return buffer_add_format(content, SUM_BEFORE "%s" SUM_AFTER "%s", digits, members);
}

/* Whether the bytes are, by their sum, what was saved. */
static bool is_as_saved(const struct buffer *content)
{
	char digits[SUM_DIGITS + 1], head[SUM_END + 1];

	if (content->length < SUM_END)
		return false;
	sum_of(content->data + SUM_END, content->length - SUM_END, digits);
	snprintf(head, sizeof(head), SUM_BEFORE "%s" SUM_AFTER, digits);
	return memcmp(head, content->data, SUM_END) == 0;
}

/* A second name, which the file keeps when another one takes its place. */
static void keep_before(const char *path)
{
	char *before = store_before_path(path);

	if (before && (unlink(before) == 0 || errno == ENOENT) && link(path, before) != 0 &&
		errno != ENOENT)
		log_debug("%s cannot be kept as %s", path, before);
	free(before);
}

int store_save(const char *path, const struct store *store, struct error *error)
{
	json_t *keys = json_array(), *root = NULL;
	struct buffer content = BUFFER_EMPTY;
	char *text = NULL;
	int result = -1;

	for (size_t i = 0; i < store->count; i++)
		if (json_array_append_new(keys, pack_key(&store->keys[i])) != 0)
			goto out;
	root = json_pack("{si ss ss sI sI sO}", "version", STORE_VERSION, "id", store->id,
		"instance", store->instance, "generation", (json_int_t)store->generation, "written",
		(json_int_t)store->written, "keys", keys);
	text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	if (text)
		result = add_sum(text, &content);
out:
	if (result != 0)
		error_set(error, ERROR_INTERNAL, "out of memory");
	if (result == 0) {
		if (!store->damaged)
			keep_before(path);
		result = statefile_write(path, &content, error);
	}
	buffer_free(&content);
	free(text);
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

/* What goes into a line of the block must not begin another one. */
static int take_text(char **field, const char *text)
{
	return text_is_visible(text, strlen(text)) ? store_set_text(field, text) : -1;
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
	if (!entry || take_text(&entry->options, options) != 0 ||
		take_text(&entry->comment, comment) != 0 || take_text(&entry->name, name) != 0)
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
	const char *id, *instance, *sum = NULL;
	int version;
	size_t i;

	/* Strictly: a damaged "sum" is no reason to do without. */
	if (json_unpack_ex(root, NULL, JSON_STRICT, "{s?s si ss ss sI sI so}", "sum", &sum,
		    "version", &version, "id", &id, "instance", &instance, "generation",
		    &generation, "written", &written, "keys", &keys) != 0 ||
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

/* The value of a member, where it stands as it was written. */
static void salvage(const struct buffer *content, const char *member, char *value, size_t size)
{
	const char *at = memmem(content->data, content->length, member, strlen(member));
	size_t length;

	*value = '\0';
	if (!at)
		return;
	at += strlen(member);
	length = strspn(at, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:");
	if (length < size && at[length] == '"') {
		memcpy(value, at, length);
		value[length] = '\0';
	}
}

static void note_damage(const struct buffer *content, struct store *store)
{
	store_free(store);
	store->damaged = true;
	salvage(content, "\n \"id\": \"", store->id, sizeof(store->id));
	salvage(content, "\n \"instance\": \"", store->instance, sizeof(store->instance));
	if (strspn(store->id, "0123456789abcdef") != BLOCK_ID_SIZE - 1)
		*store->id = '\0';
}

static int parse(
	const struct buffer *content, const char *path, struct store *store, struct error *error)
{
	bool as_saved = is_as_saved(content);
	json_t *root;
	int result = -1;

	root = json_loadb(buffer_string(content), content->length, JSON_REJECT_DUPLICATES, NULL);
	errno = 0;
	if (root && (as_saved || !json_object_get(root, "sum")))
		result = unpack(root, store);
	json_decref(root);
	if (result == 0)
		return 0;
	/* What was saved so is not damaged: then it is our side that cannot read it. */
	if (as_saved || errno == ENOMEM) {
		store_free(store);
		return error_set(error, ERROR_INTERNAL,
			"%s cannot be read: memory is out, or it is another version's", path);
	}
	note_damage(content, store);
	return error_set(error, ERROR_UNSAFE_FILE,
		"%s is damaged; move it away, and add the keys again", path);
}

int store_load(const char *path, struct store *store, struct error *error)
{
	struct buffer content = BUFFER_EMPTY;
	bool exists;
	int result = store_begin(store, error);

	if (result == 0)
		result = statefile_read(path, STORE_LIMIT, &content, &exists, error);
	if (result == 0 && exists)
		result = parse(&content, path, store, error);
	buffer_free(&content);
	return result;
}
