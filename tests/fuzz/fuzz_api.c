/*
 * Days of an agent's life in short: requests to every route, and what happens to the files
 * meanwhile (rewritten, edited, written back from an older copy, written to at the very
 * moment of our own change), stores that are damaged, jobs that die, a copied instance.
 *
 * The input is steps with 0xff between them; a step's first two bytes are what is done and
 * who or with whose file. In its text a byte below 0x20 stands for what is hard to guess: see
 * expand().
 */
#include "fuzz.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "inside.h"
#include "keys/pubkey.h"
#include "keys/store.h"

#define STEPS_MAX 24

static struct buffer older[ACCOUNTS]; /* an earlier text of each file */
static unsigned account;              /* of this step */
static bool is_root, is_moved;
static bool is_damaged[ACCOUNTS]; /* a store that we broke */

/* Keys that nobody has the other half of. */
static void add_key(struct buffer *out, unsigned number)
{
	buffer_add_format(out,
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHBYYxrs1F2KwB3cFvYWcu9/1zMhQm1qQX2D8w0mB4%c4",
		"ABCDEFGH"[number % 8]);
}

static void add_fingerprint(struct buffer *out, unsigned number)
{
	char fingerprint[PUBKEY_FINGERPRINT_SIZE];
	struct buffer line = BUFFER_EMPTY;
	const char *blob;
	struct pubkey key;

	add_key(&line, number);
	blob = strchr(line.data, ' ') + 1;
	require(pubkey_parse("ssh-ed25519", 11, blob, strlen(blob), &key, NULL) == 0);
	pubkey_fingerprint(&key, fingerprint);
	buffer_add_string(out, fingerprint);
	pubkey_free(&key);
	buffer_free(&line);
}

static void add_store_id(struct buffer *out)
{
	struct store store;

	if (store_load(inside_store(account), &store, NULL) == 0)
		buffer_add_string(out, store.id);
	store_free(&store);
}

/* 1 to 8: a key's line. 0x11 to 0x18: its fingerprint. 0xb: the file as it is. 0xc: as it
 * was once. 0xe: the id of the store. */
static void expand(const char *text, size_t length, struct buffer *out)
{
	for (; length; text++, length--) {
		unsigned byte = (unsigned char)*text;

		if (byte >= 1 && byte <= 8)
			add_key(out, byte);
		else if (byte > 0x10 && byte <= 0x18)
			add_fingerprint(out, byte);
		else if (byte == 0xb)
			buffer_add(out, inside_file(account)->data, inside_file(account)->length);
		else if (byte == 0xc)
			buffer_add(out, older[account].data, older[account].length);
		else if (byte == 0xe)
			add_store_id(out);
		else
			buffer_add(out, text, 1);
		/* Copies of copies would fill the memory. */
		if (out->length > 100000)
			break;
	}
	require(!out->failed);
}

/* ---- requests ---- */

static int ask(const char *method, const char *path, const struct buffer *body)
{
	struct buffer request = BUFFER_EMPTY;
	struct inside_talk talk = {NULL};
	int status;

	buffer_add_format(&request, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path);
	if (body)
		buffer_add_format(&request,
			"Content-Type: application/json\r\nContent-Length: %zu\r\n", body->length);
	buffer_add_string(&request, "\r\n");
	if (body)
		buffer_add(&request, buffer_string(body), body->length);
	require(!request.failed);
	talk.bytes = request.data;
	talk.length = request.length;
	inside_talk(&talk, 1, 0, 0);
	status = inside_check_answer(&talk.answer);
	require(status != 0);
	buffer_free(&request);
	buffer_free(&talk.answer);
	return status;
}

/* A body as it stands, or one made of a text. */
static int post_keys(const struct buffer *text)
{
	json_t *body = NULL;
	struct buffer packed = BUFFER_EMPTY;
	char *dump = NULL;
	int status;

	if (text->length && text->data[0] != '{') {
		body = json_pack(
			"{ss% ss}", "text", text->data, text->length, "user", inside_name(account));
		dump = body ? json_dumps(body, 0) : NULL;
		buffer_add_string(&packed, dump ? dump : "");
	}
	status = ask("POST", "/v1/keys", dump ? &packed : text);
	free(dump);
	json_decref(body);
	buffer_free(&packed);
	return status;
}

/* Behind "?" as it stands; what is no letter in front of it is encoded. */
static void add_path(struct buffer *path, const struct buffer *text)
{
	const char *query = text->length ? memchr(text->data, '?', text->length) : NULL;

	for (size_t i = 0; i < text->length; i++) {
		unsigned char byte = (unsigned char)text->data[i];
		bool behind = query && text->data + i >= query;

		if (isalnum(byte) || (behind && isgraph(byte)) || byte == ',')
			buffer_add(path, text->data + i, 1);
		else if (!behind)
			buffer_add_format(path, "%%%02X", byte);
	}
}

static int get_or_delete(const char *method, const char *before, const struct buffer *text)
{
	struct buffer path = BUFFER_EMPTY;
	int status;

	buffer_add_string(&path, before);
	add_path(&path, text);
	buffer_add_format(
		&path, "%suser=%s", strchr(path.data, '?') ? "&" : "?", inside_name(account));
	status = ask(method, path.data, NULL);
	buffer_free(&path);
	return status;
}

static int post_empty(const char *route)
{
	static const struct buffer empty = {.data = (char *)(uintptr_t) "{}", .length = 2};
	char path[64];

	snprintf(path, sizeof(path), "%s?user=%s", route, inside_name(account));
	return ask("POST", path, &empty);
}

/* ---- what others do ---- */

static void set_file(const struct buffer *text)
{
	struct buffer *file = inside_file(account);

	buffer_free(&older[account]);
	older[account] = *file;
	*file = BUFFER_EMPTY;
	require(buffer_add(file, buffer_string(text), text->length) == 0);
}

static void append_to_journal(const struct buffer *text)
{
	struct buffer journal = BUFFER_EMPTY;
	char path[256];
	size_t length = 0;
	char *old;

	snprintf(path, sizeof(path), "%s", inside_state("events.jsonl"));
	old = fuzz_read(path, &length);
	buffer_add(&journal, old ? old : "", length);
	buffer_add(&journal, buffer_string(text), text->length);
	fuzz_write(path, journal.data, journal.length);
	free(old);
	buffer_free(&journal);
}

/* ---- steps ---- */

enum step {
	STEP_ADD,
	STEP_REMOVE,
	STEP_UNDO,
	STEP_LIST,
	STEP_EVENTS,
	STEP_STATUS,
	STEP_PAUSE,
	STEP_RESUME,
	STEP_ADOPT,
	STEP_RELOAD,
	STEP_LOOK,
	STEP_REWRITE,
	STEP_APPEND,
	STEP_MEET,
	STEP_JOURNAL,
	STEP_STORE,
	STEP_FAIL,
	STEP_MOVE,
	STEPS
};

/* Returns the status of an answer, or 0. */
static int take_step(enum step step, const struct buffer *text)
{
	switch (step) {
	case STEP_ADD:
		return post_keys(text);
	case STEP_REMOVE:
		return get_or_delete("DELETE", "/v1/keys/", text);
	case STEP_UNDO:
		return post_empty("/v1/undo");
	case STEP_LIST:
		return get_or_delete("GET", "/v1/keys", text);
	case STEP_EVENTS:
		return get_or_delete("GET", "/v1/events", text);
	case STEP_STATUS:
		return get_or_delete("GET", "/v1/status", text);
	case STEP_PAUSE:
		return ask("POST", "/v1/pause", text);
	case STEP_RESUME:
		return post_empty("/v1/resume");
	case STEP_ADOPT:
		return post_empty("/v1/adopt");
	case STEP_RELOAD:
		return post_empty("/v1/reload");
	case STEP_LOOK:
		return inside_look(account) == 0 ? 200 : 0;
	case STEP_REWRITE:
		set_file(text);
		return 0;
	case STEP_APPEND:
		require(buffer_add(inside_file(account), buffer_string(text), text->length) == 0);
		return 0;
	case STEP_MEET:
		inside_meet(buffer_string(text), text->length);
		return 0;
	case STEP_JOURNAL:
		append_to_journal(text);
		return 0;
	case STEP_STORE:
		fuzz_write(inside_store(account), buffer_string(text), text->length);
		is_damaged[account] = true;
		return 0;
	case STEP_FAIL:
		inside_fail_job();
		return 0;
	default:
		inside_move(text->length % 3 == 0 ? "12345" : text->length % 3 == 1 ? "99999" : "");
		is_moved = true;
		return 0;
	}
}

/* A copy of the block is somebody else's lines, until it is the only one. */
static bool has_copies(const struct buffer *text)
{
	const char *first = text->length ? memmem(text->data, text->length, "# BEGIN", 7) : NULL;

	return first &&
	       memmem(first + 1, text->length - (size_t)(first + 1 - text->data), "# BEGIN", 7);
}

static void check_foreign(enum step step, const struct buffer *before)
{
	struct buffer then = BUFFER_EMPTY, now = BUFFER_EMPTY;

	/* Removing may take foreign lines; and what was another instance's block goes. */
	if (step == STEP_REMOVE || step >= STEP_REWRITE || is_moved || is_damaged[account] ||
		has_copies(before))
		return;
	inside_foreign(account, before, &then);
	inside_foreign(account, inside_file(account), &now);
	require(then.length == now.length);
	require(memcmp(buffer_string(&then), buffer_string(&now), now.length) == 0);
	buffer_free(&then);
	buffer_free(&now);
}

static void run_step(enum step step, const char *text, size_t length)
{
	struct buffer expanded = BUFFER_EMPTY, before = BUFFER_EMPTY;
	bool meets = inside_meets(), settled;
	int status;

	expand(text, length, &expanded);
	require(buffer_add(&before, inside_file(account)->data, inside_file(account)->length) == 0);
	status = take_step(step, &expanded);
	settled = status == 200 && (step == STEP_ADD || step == STEP_UNDO || step == STEP_LOOK);
	/* What somebody wrote while we changed it was never there before. */
	if (status && meets == inside_meets())
		check_foreign(step, &before);
	/* Without its store an account's keys are found out about anew. */
	if (settled)
		is_damaged[account] = false;
	inside_check_file(account, settled && is_root && !memmem(text, length, "dry_run", 7));
	buffer_free(&expanded);
	buffer_free(&before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	char *part;
	size_t length;

	inside_begin();
	is_moved = false;
	memset(is_damaged, 0, sizeof(is_damaged));
	for (int i = 0; i < STEPS_MAX && input.left; i++) {
		part = fuzz_part(&input, &length);
		if (length >= 2) {
			account = (unsigned char)part[1] % ACCOUNTS;
			is_root = !(part[1] & 0x40);
			inside_become(is_root ? 0 : inside_uid((unsigned char)part[1] >> 2), false);
			run_step((unsigned char)part[0] % STEPS, part + 2, length - 2);
		}
		free(part);
	}
	for (int i = 0; i < ACCOUNTS; i++)
		buffer_free(&older[i]);
	inside_end();
	return 0;
}
