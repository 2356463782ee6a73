#include "keys/import_join.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "keys/import_forms.h"
#include "keys/options.h"
#include "keys/pubkey.h"

#define BASE64_MAX 4096 /* a 16384-bit RSA key has 2760 */
#define PIECE_MIN  16   /* no word of a comment */

struct piece {
	struct import_slice word;
	bool new_line; /* it is the first of a line */
	size_t end;    /* where it ends in the text */
};

struct joint {
	const char *text;
	size_t left, at;
	const char *type; /* NULL: in the blob only */
	size_t type_length;
	struct buffer base64;
	size_t pieces;
	bool last_was_long;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static size_t blanks(const char *text, size_t length)
{
	size_t count = 0;

	while (count < length && is_blank(text[count]))
		count++;
	return count;
}

static size_t word_length(const char *text, size_t length)
{
	size_t count = 0;

	while (count < length && !is_blank(text[count]) && text[count] != '\n')
		count++;
	return count;
}

/* Finds where the blob of the line begins. Returns 0, or -1 if it cannot have one. */
static int find_blob(struct joint *joint, size_t length)
{
	const char *text = joint->text;
	size_t at = 0, options, word = word_length(text, length);

	if (length >= 4 && memcmp(text, "AAAA", 4) == 0)
		return 0;
	if (!pubkey_type_is_known(text, word)) {
		if (key_options_length(text, length, &options) != 0)
			return -1;
		at = options + blanks(text + options, length - options);
		word = word_length(text + at, length - at);
	}
	if (!pubkey_type_is_known(text + at, word))
		return -1;
	joint->type = text + at;
	joint->type_length = word;
	joint->at = at + word;
	return 0;
}

/* The next piece: behind blanks, and behind one newline at most. */
static bool next_piece(const struct joint *joint, struct piece *piece)
{
	size_t at = joint->at;

	at += blanks(joint->text + at, joint->left - at);
	piece->new_line = at < joint->left && joint->text[at] == '\n';
	if (piece->new_line)
		at++;
	at += blanks(joint->text + at, joint->left - at);
	piece->word.text = joint->text + at;
	piece->word.length = word_length(joint->text + at, joint->left - at);
	piece->end = at + piece->word.length;
	return import_is_base64(&piece->word);
}

static bool is_key(const char *type, size_t type_length, const char *base64, size_t length)
{
	struct pubkey key;

	if (pubkey_parse(type, type_length, base64, length, &key, NULL) != 0)
		return false;
	pubkey_free(&key);
	return true;
}

/* Whether the piece can be the next one of the key, and not a word of something else. */
static bool fits(const struct joint *joint, const struct piece *piece)
{
	const struct import_slice *word = &piece->word;

	if (joint->base64.length + word->length > BASE64_MAX)
		return false;
	if (!joint->pieces)
		return word->length >= 4 && memcmp(word->text, "AAAA", 4) == 0;
	if (word->length >= 4 && memcmp(word->text, "AAAA", 4) == 0 &&
		is_key(NULL, 0, word->text, word->length))
		return false;
	if (piece->new_line || word->length >= PIECE_MIN)
		return true;
	return joint->pieces >= 2 ? joint->last_was_long : word->text[word->length - 1] == '=';
}

/*
 * A wrong piece makes other numbers. Most of those are seen: a point that is not on the
 * curve (pubkey_parse looks at those of the NIST curves), a modulus that is even.
 */
static bool is_sound(const struct pubkey *key)
{
	const unsigned char *last = key->blob + key->length;

	if (key->kind == PUBKEY_ED25519)
		return crypto_core_ed25519_is_valid_point(last - crypto_sign_PUBLICKEYBYTES) == 1;
	return key->kind != PUBKEY_RSA || last[-1] & 1;
}

/* Returns 1, 0, or -1 if out of memory. */
static int is_whole(const struct joint *joint)
{
	struct error reason = {0};
	struct pubkey key;
	bool sound;

	if ((joint->pieces < 2 && !joint->type) || joint->base64.length % 4)
		return 0;
	if (pubkey_parse(joint->type, joint->type_length, joint->base64.data, joint->base64.length,
		    &key, &reason) != 0)
		return reason.code == ERROR_INTERNAL ? -1 : 0;
	sound = is_sound(&key);
	pubkey_free(&key);
	return sound;
}

/* Puts the line together: what stood before the blob, the blob, and the comment. */
static int finish(const struct joint *joint, size_t length, struct import_join *join)
{
	const char *rest = joint->text + joint->at;
	const char *end = memchr(rest, '\n', joint->left - joint->at);
	size_t rest_length = end ? (size_t)(end - rest) : joint->left - joint->at;
	size_t taken = joint->at + rest_length;

	if (joint->type) {
		const char *behind = joint->type + joint->type_length;

		buffer_add(&join->text, joint->text, (size_t)(behind - joint->text));
		buffer_add_string(&join->text, " ");
	} else {
		struct pubkey key;

		if (pubkey_parse(NULL, 0, joint->base64.data, joint->base64.length, &key, NULL))
			return -1;
		buffer_add_format(&join->text, "%s ", key.type);
		pubkey_free(&key);
	}
	buffer_add(&join->text, joint->base64.data, joint->base64.length);
	buffer_add(&join->text, rest, rest_length);
	join->beyond = taken > length ? taken - length : 0;
	for (size_t i = 0; i < taken; i++)
		join->lines += joint->text[i] == '\n';
	return join->text.failed ? -1 : 1;
}

int import_join(const char *text, size_t length, size_t left, struct import_join *join)
{
	struct joint joint = {.text = text, .left = left};
	struct piece piece;
	int result = 0;

	*join = (struct import_join){0};
	if (find_blob(&joint, length) != 0)
		return 0;
	while (result == 0 && next_piece(&joint, &piece) && fits(&joint, &piece)) {
		buffer_add(&joint.base64, piece.word.text, piece.word.length);
		joint.at = piece.end;
		joint.pieces++;
		joint.last_was_long = piece.word.length >= PIECE_MIN;
		result = joint.base64.failed ? -1 : is_whole(&joint);
		if (result > 0)
			result = finish(&joint, length, join);
	}
	buffer_free(&joint.base64);
	return result;
}
