#include "keys/update.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "keys/rebuild.h"
#include "sys/account.h"
#include "sys/homefile.h"
#include "sys/instance.h"

#define ATTEMPTS 20

static int out_of_memory(struct error *error)
{
	return error_set(error, ERROR_INTERNAL, "out of memory");
}

bool keys_update_wants(const struct keys_update *update, const struct stored_key *key)
{
	return !key->removed && !key_is_expired(key->expires, update->now);
}

/* Keys that were written into the block and stand nowhere in the file now. */
static size_t count_missing(const struct keys_update *update, size_t *written)
{
	size_t missing = 0;

	*written = 0;
	for (size_t i = 0; i < update->store.count; i++) {
		const struct stored_key *key = &update->store.keys[i];

		if (!key->in_block)
			continue;
		++*written;
		missing += !view_find(&update->view, &update->store, &key->key, false, NULL);
	}
	return missing;
}

static int honour_removal(struct keys_update *update)
{
	for (size_t i = 0; i < update->store.count; i++) {
		struct stored_key *key = &update->store.keys[i];

		if (!key->in_block ||
			view_find(&update->view, &update->store, &key->key, false, NULL))
			continue;
		key->in_block = key->in_next = false;
		key->removed = key->by_hand = true;
		key->removed_at = update->removed_at;
		update->store_changed = true;
		if (keys_report_event(update->report, "taken_out", &key->key,
			    "a person took it out of the block") != 0)
			return -1;
	}
	return 0;
}

static int note_restored(struct keys_update *update)
{
	const char *reason = update->verdict == JUDGE_STALE ? "an older copy was written back"
							    : "the file was rewritten without it";

	for (size_t i = 0; i < update->store.count; i++) {
		const struct stored_key *key = &update->store.keys[i];

		if (key->in_block && keys_update_wants(update, key) &&
			!view_find(&update->view, &update->store, &key->key, false, NULL) &&
			keys_report_event(update->report, "restored", &key->key, reason) != 0)
			return -1;
	}
	return 0;
}

/* The block of .generation stands in the file: what was to be is. */
static void commit(struct store *store)
{
	store->written = store->generation;
	for (size_t i = 0; i < store->count; i++)
		store->keys[i].in_block = store->keys[i].in_next;
}

/*
 * Whether the last write was made, failed or was cut short is told by the block that
 * stands in the file. Where none of the two does, everything that may have been counts.
 */
static void resolve(struct store *store, const struct block *block)
{
	if (block->found && block->generation == store->generation) {
		commit(store);
		return;
	}
	if (block->found && block->generation == store->written)
		return;
	for (size_t i = 0; i < store->count; i++)
		store->keys[i].in_block |= store->keys[i].in_next;
}

/* Takes the block of another instance out of what .content points to. */
static int expel(struct keys_update *update)
{
	const struct buffer *content = update->content;
	struct view view;

	view_begin(buffer_string(content), content->length, update->other.id, &view);
	buffer_clear(&update->expelled);
	update->content = &update->expelled;
	return view_foreign_text(&view, &update->other, &update->expelled);
}

/*
 * Reads .content anew and draws from it what happened since the last write. Nothing is
 * said to be restored where it is our own write that was overtaken (again).
 */
static int settle(struct keys_update *update, bool again, struct error *error)
{
	struct judge_case facts = {0};
	int result = 0;

	view_free(&update->view);
	if (*update->other.id && expel(update) != 0)
		return out_of_memory(error);
	view_begin(buffer_string(update->content), update->content->length, update->store.id,
		&update->view);
	update->view.unread = &update->unread;
	/* A list of what the agent has no part in needs to find nothing. */
	if ((update->store.count || !update->read_only) &&
		(view_index(&update->view) != 0 ||
			view_expect(&update->view, update->store.count * 2) != 0))
		return out_of_memory(error);
	resolve(&update->store, &update->view.block);
	facts.written_generation = update->store.written;
	facts.missing = count_missing(update, &facts.written);
	if (update->unread)
		return out_of_memory(error);
	facts.found = update->view.block.found;
	facts.found_generation = update->view.block.generation;
	update->verdict = judge_decide(&facts);
	if (update->verdict == JUDGE_TAKEN_OUT)
		result = honour_removal(update);
	else if (update->verdict != JUDGE_INTACT && !again)
		result = note_restored(update);
	return result == 0 && !update->unread ? 0 : out_of_memory(error);
}

/*
 * A store that came with a copied image is another instance's: its keys were let in to
 * a machine that is not this one. Unknown ids change nothing.
 */
static int check_instance(struct keys_update *update, struct error *error)
{
	const struct instance *here = update->place->instance;
	char *owner = update->store.instance;

	if (instance_is_other(here, owner)) {
		update->other = update->store;
		if (store_begin(&update->store, error) != 0)
			return -1;
	}
	/* The platform's id says more than a machine's, which an image may have kept. */
	if ((*here->id || !*owner) && strcmp(owner, instance_name(here)) != 0) {
		snprintf(owner, sizeof(update->store.instance), "%s", instance_name(here));
		update->store_changed |= update->store.count > 0;
	}
	return 0;
}

static int note_aside(struct keys_update *update)
{
	for (size_t i = 0; i < update->other.count; i++)
		if (!update->other.keys[i].removed &&
			keys_report_event(update->report, "set_aside", &update->other.keys[i].key,
				"it was added on another instance") != 0)
			return -1;
	return 0;
}

/*
 * First the block leaves the file, then the store is set aside: after a crash in
 * between, the same is done again. The other way round would leave the keys in.
 */
static int set_aside(struct keys_update *update, struct error *error)
{
	char *aside = store_aside_path(update->store_file);
	bool changed = update->exists;
	int result = aside && note_aside(update) == 0 ? 0 : out_of_memory(error);

	for (int i = 0; result == 0 && changed && i < ATTEMPTS; i++) {
		result = homefile_replace(
			update->file, &update->expelled, &changed, &update->content, error);
		if (result == 0 && changed)
			result = settle(update, true, error);
	}
	if (result == 0 && changed)
		result = error_set(error, ERROR_BUSY, "%s keeps changing", update->place->file);
	if (result == 0 && rename(update->store_file, aside) != 0)
		result = error_set_errno(
			error, ERROR_CANNOT_WRITE, "cannot set %s aside", update->store_file);
	store_free(&update->other);
	free(aside);
	return result;
}

/* Beside the store, for a file that cannot be replaced. */
static int keep_journal(struct keys_update *update)
{
	struct buffer path = BUFFER_EMPTY;
	int result = buffer_add_format(&path, "%s/keys/%s.journal", update->place->state_dir,
		update->place->account->name);

	if (result == 0)
		result = homefile_keep_journal(update->file, path.data);
	buffer_free(&path);
	return result;
}

/*
 * The block says what is in force, the store before that what else there was. Nothing that
 * is in force changes, and the damaged bytes are kept for whoever wants to look.
 */
static int rebuild(struct keys_update *update, struct error *error)
{
	const struct buffer *content = update->content;
	struct store *store = &update->store;

	if (rebuild_store(update->store_file, store, buffer_string(content), content->length,
		    update->now, error) != 0)
		return -1;
	if (update->read_only)
		return 0;
	update->store_changed = true;
	buffer_add_format(&update->report->notes,
		"%s was damaged: it is made anew from the block and from what was saved before\n",
		update->store_file);
	for (size_t i = 0; i < store->count; i++)
		if (!store->keys[i].removed &&
			keys_report_event(update->report, "rebuilt", &store->keys[i].key,
				"the store was damaged") != 0)
			return out_of_memory(error);
	return rebuild_keep_damaged(update->store_file, error);
}

static int load(struct keys_update *update, struct error *error)
{
	bool damaged;

	if (store_load(update->store_file, &update->store, error) != 0 && !update->store.damaged)
		return -1;
	damaged = update->store.damaged;
	if (homefile_read(update->file, &update->content, &update->exists, error) != 0 ||
		(damaged && rebuild(update, error) != 0))
		return -1;
	return check_instance(update, error);
}

int keys_update_begin(struct keys_update *update, const struct keys_place *place, bool read_only,
	struct keys_report *report, struct error *error)
{
	unsigned flags = HOMEFILE_KEYS;
	time_t last;

	*update = (struct keys_update){
		.place = place, .report = report, .read_only = read_only, .now = time(NULL)};
	if (!read_only)
		flags |= HOMEFILE_WRITE | (place->create ? HOMEFILE_CREATE : 0);
	/* sshd(8) opens it with the account's uid, whoever owns it. */
	if (place->owner != place->account)
		flags |= HOMEFILE_SHARED;
	update->store_file = store_path(place->state_dir, place->account->name);
	if (!update->store_file && errno != EINVAL)
		return out_of_memory(error);
	if (!update->store_file)
		return error_set(error, ERROR_NO_SUCH_USER, "'%s' cannot be the name of a file",
			place->account->name);
	/* The lock comes before the store: two agents never work from the same state. */
	if (homefile_open(&update->file, place->owner, place->file, flags, error) != 0)
		return -1;
	if (keep_journal(update) != 0)
		return out_of_memory(error);
	if (load(update, error) != 0)
		return -1;
	/* Two steps of one second, or beside a clock that was set back, must not become one. */
	last = store_last_removal(&update->store);
	update->removed_at = last < update->now ? update->now : last + 1;
	if (settle(update, false, error) != 0)
		return -1;
	return *update->other.id && !read_only ? set_aside(update, error) : 0;
}

static int add_block_line(struct buffer *lines, const struct stored_key *key)
{
	char *base64 = pubkey_base64(&key->key);

	if (!base64)
		return -1;
	if (*key->options)
		buffer_add_format(lines, "%s ", key->options);
	buffer_add_format(lines, "%s %s", key->key.type, base64);
	if (*key->name || *key->comment)
		buffer_add_format(lines, " %s", *key->name ? key->name : key->comment);
	free(base64);
	return buffer_add_string(lines, "\n");
}

static void note_next_expiry(struct keys_update *update, const struct stored_key *key)
{
	time_t *next = &update->report->next_expiry;

	if (key->expires && keys_update_wants(update, key) && (!*next || key->expires < *next))
		*next = key->expires;
}

/* Decides for each key whether the block must hold it, and renders the block's lines. */
static int plan_lines(struct keys_update *update, struct buffer *lines)
{
	for (size_t i = 0; i < update->store.count; i++) {
		struct stored_key *key = &update->store.keys[i];
		bool wanted = keys_update_wants(update, key);
		bool in_block = wanted && !view_find_other(&update->view, &update->store, &key->key,
						  update->now, NULL);

		if (key->in_next && !wanted && !key->removed &&
			keys_report_event(
				update->report, "expired", &key->key, "its time is over") != 0)
			return -1;
		note_next_expiry(update, key);
		update->store_changed |= in_block != key->in_next;
		key->in_next = in_block;
		if (in_block && add_block_line(lines, key) != 0)
			return -1;
	}
	return lines->failed ? -1 : 0;
}

static bool drops_any(const struct keys_update *update)
{
	for (size_t i = 0; i < update->store.count; i++)
		if (update->store.keys[i].drop_foreign)
			return true;
	return false;
}

/* The foreign text, less the lines that the request wants out. */
static int plan_foreign(struct keys_update *update, struct buffer *foreign)
{
	struct buffer kept = BUFFER_EMPTY;
	struct view_line line = {0};
	struct view_walk walk = {0};
	struct view view;
	size_t at = 0;

	if (view_foreign_text(&update->view, &update->store, foreign) != 0)
		return -1;
	if (!drops_any(update))
		return 0;
	view_begin(buffer_string(foreign), foreign->length, "", &view);
	view.unread = &update->unread;
	walk.end = view.length;
	while (view_next(&view, &walk, &line)) {
		const struct stored_key *stored =
			line.parsed.key.blob ? store_find(&update->store, &line.parsed.key) : NULL;

		if (!stored || !stored->drop_foreign)
			continue;
		buffer_add(&kept, foreign->data + at, line.offset - at);
		at = line.offset + line.length;
		at += at < foreign->length;
	}
	buffer_add(&kept, foreign->data + at, foreign->length - at);
	buffer_free(foreign);
	*foreign = kept;
	return kept.failed ? -1 : 0;
}

static bool block_is(const struct keys_update *update, const struct buffer *lines)
{
	const struct block *block = &update->view.block;

	if (!block->found)
		return lines->length == 0;
	return block->generation == update->store.generation &&
	       block->lines_end - block->lines == lines->length && lines->length &&
	       memcmp(update->view.text + block->lines, lines->data, lines->length) == 0;
}

/* The block; or its lines only, where they are to be nobody's. */
static int add_lines(
	const struct keys_update *update, const struct buffer *lines, struct buffer *out)
{
	if (!update->release)
		return block_append(out, update->store.id, update->store.generation, lines);
	if (lines->length && out->length && out->data[out->length - 1] != '\n')
		buffer_add_string(out, "\n");
	return buffer_add(out, lines->data, lines->length);
}

/*
 * Renders the file that the store asks for; *write is false if it stands there already.
 * What others appended behind the block is no reason to write.
 */
static int plan(struct keys_update *update, bool *write, struct buffer *out)
{
	struct buffer lines = BUFFER_EMPTY;
	int result = -1;

	if (plan_lines(update, &lines) != 0)
		goto out;
	*write = *write || drops_any(update) || !block_is(update, &lines) ||
		 (update->release && update->view.block.found);
	if (*write) {
		update->store.generation++;
		update->store_changed = true;
		if (plan_foreign(update, out) != 0 || add_lines(update, &lines, out) != 0)
			goto out;
	}
	result = update->unread ? -1 : 0;
out:
	buffer_free(&lines);
	return result;
}

/* One round. Returns 1 if somebody changed the file meanwhile, 0 when done, or -1. */
static int attempt(struct keys_update *update, bool must_write, struct error *error)
{
	struct buffer replacement = BUFFER_EMPTY;
	bool changed = false;
	int result = -1;

	if (plan(update, &must_write, &replacement) != 0) {
		out_of_memory(error);
		goto out;
	}
	/*
	 * First the store, then the file: after a crash in between, the file is restored.
	 * The new file is written meanwhile, beside the old one; whatever is in its way is
	 * said when it is to be put in place.
	 */
	if (must_write)
		homefile_send_ahead(update->file, &replacement, NULL);
	if (update->store_changed && store_save(update->store_file, &update->store, error) != 0) {
		homefile_call_off(update->file);
		goto out;
	}
	update->store_changed = false;
	update->report->pending = must_write;
	if (must_write && homefile_replace(update->file, &replacement, &changed, &update->content,
				  error) != 0)
		goto out;
	update->report->pending = false;
	if (must_write && !changed)
		commit(&update->store);
	result = changed;
	if (changed && settle(update, true, error) != 0)
		result = -1;
out:
	buffer_free(&replacement);
	return result;
}

int keys_update_finish(struct keys_update *update, struct error *error)
{
	int result = attempt(update, false, error);

	/* What came back may be in no file any more, so every further round writes. */
	for (int i = 1; i < ATTEMPTS && result > 0; i++)
		result = attempt(update, true, error);
	if (result > 0)
		return error_set(error, ERROR_BUSY,
			"%s is changed by somebody else again and again", update->place->file);
	if (result < 0 && update->report->pending)
		error_append(error, "; what was asked for is remembered and tried again");
	return result;
}

void keys_update_end(struct keys_update *update)
{
	homefile_close(update->file);
	store_free(&update->store);
	store_free(&update->other);
	view_free(&update->view);
	buffer_free(&update->expelled);
	free(update->store_file);
	*update = (struct keys_update){0};
}
