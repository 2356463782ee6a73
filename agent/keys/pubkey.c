#include "keys/pubkey.h"

#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/text.h"
#include "keys/curve.h"

#define RSA_MIN_BITS 1024  /* OpenSSH: SSH_RSA_MINIMUM_MODULUS_SIZE */
#define RSA_MAX_BITS 16384 /* OpenSSL: OPENSSL_RSA_MAX_MODULUS_BITS */
#define NUMBER_MAX   2049  /* OpenSSH: SSHBUF_MAX_BIGNUM and a leading zero, in bytes */
#define BLOB_MAX     8192  /* more than a 16384-bit RSA key takes */
#define TYPE_MAX     43    /* the longest name of a type */
#define BLOB_USUAL   1024  /* more than any key in use takes */

struct type {
	const char *name;
	const char *canonical;
	enum pubkey_kind kind;
	const char *curve; /* as it stands in the blob */
};

static const struct type types[] = {
	{"ssh-ed25519", "ssh-ed25519", PUBKEY_ED25519, NULL},
	{"ssh-rsa", "ssh-rsa", PUBKEY_RSA, NULL},
	{"rsa-sha2-256", "ssh-rsa", PUBKEY_RSA, NULL},
	{"rsa-sha2-512", "ssh-rsa", PUBKEY_RSA, NULL},
	{"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", PUBKEY_ECDSA, "nistp256"},
	{"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", PUBKEY_ECDSA, "nistp384"},
	{"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", PUBKEY_ECDSA, "nistp521"},
	{"sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519@openssh.com", PUBKEY_SK_ED25519, NULL},
	{"sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
		PUBKEY_SK_ECDSA, "nistp256"},
	{"webauthn-sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
		PUBKEY_SK_ECDSA, "nistp256"},
	{"ssh-dss", "ssh-dss", PUBKEY_DSA, NULL},
	{"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519-cert-v01@openssh.com", PUBKEY_CERTIFICATE,
		NULL},
	{"ssh-rsa-cert-v01@openssh.com", "ssh-rsa-cert-v01@openssh.com", PUBKEY_CERTIFICATE, NULL},
	{"rsa-sha2-256-cert-v01@openssh.com", "ssh-rsa-cert-v01@openssh.com", PUBKEY_CERTIFICATE,
		NULL},
	{"rsa-sha2-512-cert-v01@openssh.com", "ssh-rsa-cert-v01@openssh.com", PUBKEY_CERTIFICATE,
		NULL},
	{"ecdsa-sha2-nistp256-cert-v01@openssh.com", "ecdsa-sha2-nistp256-cert-v01@openssh.com",
		PUBKEY_CERTIFICATE, NULL},
	{"ecdsa-sha2-nistp384-cert-v01@openssh.com", "ecdsa-sha2-nistp384-cert-v01@openssh.com",
		PUBKEY_CERTIFICATE, NULL},
	{"ecdsa-sha2-nistp521-cert-v01@openssh.com", "ecdsa-sha2-nistp521-cert-v01@openssh.com",
		PUBKEY_CERTIFICATE, NULL},
	{"ssh-dss-cert-v01@openssh.com", "ssh-dss-cert-v01@openssh.com", PUBKEY_CERTIFICATE, NULL},
	{"sk-ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com",
		PUBKEY_CERTIFICATE, NULL},
	{"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
		"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", PUBKEY_CERTIFICATE, NULL},
};

static const struct type *find_type(const char *name, size_t length)
{
	if (length > TYPE_MAX)
		return NULL;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strlen(types[i].name) == length && memcmp(types[i].name, name, length) == 0)
			return &types[i];
	return NULL;
}

/* sshd also takes these names inside a blob, in any case; they stand for the plain types. */
static const struct {
	const char *name;
	const char *type;
} short_names[] = {
	{"ED25519", "ssh-ed25519"},
	{"RSA", "ssh-rsa"},
	{"DSA", "ssh-dss"},
	{"ED25519-SK", "sk-ssh-ed25519@openssh.com"},
};

static const struct type *find_inner_type(const char *name, size_t length)
{
	const struct type *type = find_type(name, length);

	for (size_t i = 0; !type && i < sizeof(short_names) / sizeof(short_names[0]); i++)
		if (strlen(short_names[i].name) == length &&
			strncasecmp(short_names[i].name, name, length) == 0)
			type = find_type(short_names[i].type, strlen(short_names[i].type));
	return type;
}

bool pubkey_type_is_known(const char *name, size_t length)
{
	return find_type(name, length) != NULL;
}

/* A field of a blob: RFC 4251 section 5, "string". */
struct field {
	const unsigned char *data;
	size_t length;
};

struct reader {
	const unsigned char *next;
	size_t left;
	size_t missing; /* bytes that the last field wanted beyond the end */
};

static int read_field(struct reader *reader, struct field *field)
{
	size_t length;

	reader->missing = 0;
	if (reader->left < 4) {
		reader->missing = 4 - reader->left;
		return -1;
	}
	length = (size_t)reader->next[0] << 24 | (size_t)reader->next[1] << 16 |
		 (size_t)reader->next[2] << 8 | reader->next[3];
	if (length > reader->left - 4) {
		reader->missing = length - (reader->left - 4);
		return -1;
	}
	field->data = reader->next + 4;
	field->length = length;
	reader->next += 4 + length;
	reader->left -= 4 + length;
	return 0;
}

/* A text: a NUL at its end does not count, and one before it is refused, as by sshd. */
static int read_text(struct reader *reader, struct field *text)
{
	const unsigned char *nul;

	if (read_field(reader, text) != 0)
		return -1;
	nul = text->length ? memchr(text->data, '\0', text->length) : NULL;
	if (nul && nul != text->data + text->length - 1)
		return -1;
	text->length -= nul != NULL;
	return 0;
}

/* An mpint that is positive; leading zeros are dropped (RFC 4251 section 5). */
static int read_number(struct reader *reader, struct field *number)
{
	size_t length;

	if (read_field(reader, number) != 0)
		return -1;
	if (number->length && (number->data[0] & 0x80))
		return -1;
	length = number->length;
	while (number->length && number->data[0] == 0) {
		number->data++;
		number->length--;
	}
	return length > NUMBER_MAX && number->length < NUMBER_MAX ? -1 : 0;
}

static unsigned bit_length(const struct field *number)
{
	unsigned bits = (unsigned)number->length * 8;

	if (!number->length)
		return 0;
	for (unsigned char top = number->data[0]; !(top & 0x80); top = (unsigned char)(top << 1))
		bits--;
	return bits;
}

struct writer {
	unsigned char *data;
	size_t length;
};

static void write_field(struct writer *writer, const void *data, size_t length, bool positive)
{
	unsigned char *out = writer->data + writer->length;
	size_t zero = positive && length && (((const unsigned char *)data)[0] & 0x80) ? 1 : 0;
	uint32_t size = (uint32_t)(length + zero);

	*out++ = (unsigned char)(size >> 24);
	*out++ = (unsigned char)(size >> 16);
	*out++ = (unsigned char)(size >> 8);
	*out++ = (unsigned char)size;
	if (zero)
		*out++ = 0;
	memcpy(out, data, length);
	writer->length += 4 + size;
}

static int cut_off(const struct reader *reader, size_t total, struct error *error)
{
	if (reader->missing && reader->missing < BLOB_MAX)
		return error_set(error, ERROR_BAD_KEY, "the key is cut off: %zu of %zu bytes",
			total, total + reader->missing);
	return error_set(error, ERROR_BAD_KEY, "the key is damaged: its numbers do not add up");
}

static int parse_rsa(struct reader *reader, struct pubkey *key, struct writer *out, size_t total,
	struct error *error)
{
	struct field exponent, modulus;

	if (read_number(reader, &exponent) != 0 || read_number(reader, &modulus) != 0 ||
		bit_length(&exponent) > RSA_MAX_BITS)
		return cut_off(reader, total, error);
	key->bits = bit_length(&modulus);
	if (key->bits < RSA_MIN_BITS)
		return error_set(error, ERROR_BAD_KEY,
			"the RSA key has %u bits; sshd takes no less than %d", key->bits,
			RSA_MIN_BITS);
	if (key->bits > RSA_MAX_BITS)
		return error_set(error, ERROR_BAD_KEY,
			"the RSA key has %u bits; sshd takes no more than %d", key->bits,
			RSA_MAX_BITS);
	write_field(out, exponent.data, exponent.length, true);
	write_field(out, modulus.data, modulus.length, true);
	return 0;
}

static int parse_ed25519(struct reader *reader, struct pubkey *key, struct writer *out,
	size_t total, struct error *error)
{
	struct field point;

	if (read_field(reader, &point) != 0)
		return cut_off(reader, total, error);
	if (point.length != crypto_sign_PUBLICKEYBYTES)
		return error_set(error, ERROR_BAD_KEY,
			"the key is damaged: its point has %zu bytes, not 32", point.length);
	key->bits = 256;
	write_field(out, point.data, point.length, false);
	return 0;
}

static int parse_ecdsa(struct reader *reader, const struct type *type, struct pubkey *key,
	struct writer *out, size_t total, struct error *error)
{
	struct field curve, point;

	if (read_text(reader, &curve) != 0 || read_field(reader, &point) != 0)
		return cut_off(reader, total, error);
	if (curve.length != strlen(type->curve) ||
		memcmp(curve.data, type->curve, curve.length) != 0)
		return error_set(error, ERROR_BAD_KEY,
			"the key is damaged: its curve is not the one of its type");
	if (!curve_has_point(type->curve, point.data, point.length))
		return error_set(error, ERROR_BAD_KEY,
			"the key is damaged: its point is not on the curve %s", type->curve);
	key->bits = curve_bits(type->curve);
	write_field(out, curve.data, curve.length, false);
	write_field(out, point.data, point.length, false);
	return 0;
}

static int parse_application(
	struct reader *reader, struct writer *out, size_t total, struct error *error)
{
	struct field application;

	if (read_text(reader, &application) != 0)
		return cut_off(reader, total, error);
	write_field(out, application.data, application.length, false);
	return 0;
}

static int parse_dsa(struct reader *reader, struct pubkey *key, struct writer *out, size_t total,
	struct error *error)
{
	struct field number;

	for (int i = 0; i < 4; i++) {
		if (read_number(reader, &number) != 0)
			return cut_off(reader, total, error);
		if (i == 0)
			key->bits = bit_length(&number);
		write_field(out, number.data, number.length, true);
	}
	return 0;
}

/* A certificate never lets anybody in by its own line; its bytes are kept as they are. */
static int parse_certificate(struct reader *reader, struct writer *out)
{
	memcpy(out->data + out->length, reader->next, reader->left);
	out->length += reader->left;
	reader->left = 0;
	return 0;
}

static int parse_body(struct reader *reader, const struct type *type, struct pubkey *key,
	struct writer *out, size_t total, struct error *error)
{
	int result = -1;

	switch (type->kind) {
	case PUBKEY_RSA:
		result = parse_rsa(reader, key, out, total, error);
		break;
	case PUBKEY_ED25519:
	case PUBKEY_SK_ED25519:
		result = parse_ed25519(reader, key, out, total, error);
		break;
	case PUBKEY_ECDSA:
	case PUBKEY_SK_ECDSA:
		result = parse_ecdsa(reader, type, key, out, total, error);
		break;
	case PUBKEY_DSA:
		result = parse_dsa(reader, key, out, total, error);
		break;
	case PUBKEY_CERTIFICATE:
		return parse_certificate(reader, out);
	}
	if (result == 0 && (type->kind == PUBKEY_SK_ED25519 || type->kind == PUBKEY_SK_ECDSA))
		result = parse_application(reader, out, total, error);
	if (result == 0 && reader->left)
		return error_set(error, ERROR_BAD_KEY,
			"the key is damaged: %zu bytes too many (two keys glued together?)",
			reader->left);
	return result;
}

static int mismatch(
	const char *outer, size_t length, const struct field *inner, struct error *error)
{
	char outside[64], inside[64];

	text_visible(outside, sizeof(outside), outer, length);
	text_visible(inside, sizeof(inside), (const char *)inner->data, inner->length);
	return error_set(
		error, ERROR_BAD_KEY, "the key says '%s' inside but '%s' outside", inside, outside);
}

/* Finds the type that the blob names and holds it against the one outside. */
static const struct type *agree_on_type(const char *outer, size_t outer_length,
	struct reader *reader, size_t total, struct error *error)
{
	const struct type *type, *inside;
	struct field name;

	if (read_text(reader, &name) != 0) {
		cut_off(reader, total, error);
		return NULL;
	}
	inside = find_inner_type((const char *)name.data, name.length);
	if (!outer && inside)
		return inside;
	type = outer ? find_type(outer, outer_length) : NULL;
	if (!outer)
		error_set(error, ERROR_BAD_KEY, "this is not a public key");
	else if (!type)
		error_set(error, ERROR_BAD_KEY, "'%.*s' is not a type of key that sshd knows",
			(int)(outer_length < 60 ? outer_length : 60), outer);
	else if (!inside || strcmp(inside->canonical, type->canonical) != 0)
		mismatch(outer, outer_length, &name, error);
	else
		return type;
	return NULL;
}

static int parse_blob(const char *outer, size_t outer_length, const unsigned char *blob,
	size_t length, struct pubkey *key, struct error *error)
{
	struct reader reader = {.next = blob, .left = length};
	const struct type *type = agree_on_type(outer, outer_length, &reader, length, error);
	struct writer out = {0};

	if (!type)
		return -1;
	/* Re-encoding adds at most a zero byte a number and a longer name. */
	out.data = malloc(length + 64);
	if (!out.data)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	key->kind = type->kind;
	key->type = type->canonical;
	key->blob = out.data;
	write_field(&out, key->type, strlen(key->type), false);
	if (parse_body(&reader, type, key, &out, length, error) != 0) {
		pubkey_free(key);
		return -1;
	}
	key->length = out.length;
	return 0;
}

/* The value of a base64 digit; -2 for isspace(3) less what ends the field, else -1. */
/* clang-format off */
static const short digits[256] = {
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -2, -2, -2, -2, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 62, -1, -1, -1, 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1, -1, -1, -1, -1, -1,
	-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, -1, -1, -1, -1, -1,
	-1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, -1, -1, -1, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
	-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
};
/* clang-format on */

/* What may follow the digits: the padding that fits, with white space anywhere. */
static bool is_padding(const unsigned char *text, size_t length, unsigned state)
{
	unsigned pads = 0;

	for (size_t i = 0; i < length; i++) {
		if (text[i] == '=')
			pads++;
		else if (digits[text[i]] != -2)
			return false;
	}
	return pads == (state == 2 ? 2 : state == 3 ? 1 : 0);
}

/* Four digits as one number, or -1. */
static int decode_group(const unsigned char *text)
{
	int a = digits[text[0]], b = digits[text[1]], c = digits[text[2]], d = digits[text[3]];

	return (a | b | c | d) < 0 ? -1 : a << 18 | b << 12 | c << 6 | d;
}

/*
 * As b64_pton() of OpenSSH: white space counts for nothing, padding must be exact and its
 * spare bits zero. out has room for 3 bytes for each 4 that were begun.
 */
static int decode(const char *base64, size_t length, unsigned char *out, size_t *out_length)
{
	const unsigned char *text = (const unsigned char *)base64, *end = text + length;
	static const unsigned spare[] = {0, 0, 0x0f, 0x03}; /* bits behind the last whole byte */
	unsigned char *start = out;
	unsigned bits = 0, state = 0;
	int value;

	for (; text < end; text++) {
		/* Four digits at a time where nothing is in between. */
		while (state == 0 && end - text >= 4 && (value = decode_group(text)) >= 0) {
			*out++ = (unsigned char)(value >> 16);
			*out++ = (unsigned char)(value >> 8);
			*out++ = (unsigned char)value;
			text += 4;
		}
		value = text < end ? digits[*text] : -1;
		if (value == -2)
			continue;
		if (value < 0)
			break;
		bits = bits << 6 | (unsigned)value;
		state = (state + 1) % 4;
		if (state != 1)
			*out++ = (unsigned char)(bits >> ((4 - state) % 4 * 2));
	}
	if (state == 1 || !is_padding(text, (size_t)(end - text), state) || (bits & spare[state]))
		return -1;
	*out_length = (size_t)(out - start);
	return 0;
}

/* Base64 that ends inside a group: its whole groups still tell how much is missing. */
static int explain_damage(const char *type, size_t type_length, const char *base64,
	size_t base64_length, unsigned char *blob, struct error *error)
{
	struct pubkey key = {0};
	size_t length;

	if (base64_length % 4 != 0 &&
		decode(base64, base64_length & ~(size_t)3, blob, &length) == 0 &&
		parse_blob(type, type_length, blob, length, &key, error) != 0)
		return -1;
	pubkey_free(&key);
	/* Only reached with a whole key if what hangs on behind it is the damage. */
	return error_set(error, ERROR_BAD_KEY,
		"the key's base64 is damaged or cut off (%zu characters)", base64_length);
}

int pubkey_parse(const char *type, size_t type_length, const char *base64, size_t base64_length,
	struct pubkey *key, struct error *error)
{
	unsigned char usual[BLOB_USUAL], *blob = usual;
	size_t length, room = base64_length / 4 * 3 + 3;
	int result;

	*key = (struct pubkey){0};
	if (room > sizeof(usual))
		blob = malloc(room);
	if (!blob)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	if (decode(base64, base64_length, blob, &length) != 0)
		result = explain_damage(type, type_length, base64, base64_length, blob, error);
	else
		result = parse_blob(type, type_length, blob, length, key, error);
	if (blob != usual)
		free(blob);
	return result;
}

/* Nothing here is a secret, so that it need not take constant time as libsodium's does. */
static char *encode(const unsigned char *data, size_t length, char *out)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t left;
	unsigned bits;

	for (; length >= 3; length -= 3, data += 3) {
		bits = (unsigned)data[0] << 16 | (unsigned)data[1] << 8 | data[2];
		*out++ = letters[bits >> 18];
		*out++ = letters[bits >> 12 & 63];
		*out++ = letters[bits >> 6 & 63];
		*out++ = letters[bits & 63];
	}
	left = length;
	bits = left ? (unsigned)data[0] << 16 | (left == 2 ? (unsigned)data[1] << 8 : 0) : 0;
	for (size_t i = 0; left && i <= left; i++, bits = bits << 6 & 0xffffff)
		*out++ = letters[bits >> 18];
	return out;
}

void pubkey_fingerprint(const struct pubkey *key, char *out)
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, key->blob, key->length);
	memcpy(out, "SHA256:", 7);
	*encode(hash, sizeof(hash), out + 7) = '\0';
}

char *pubkey_base64(const struct pubkey *key)
{
	char *text = malloc((key->length + 2) / 3 * 4 + 1), *end;

	if (!text)
		return NULL;
	end = encode(key->blob, key->length, text);
	while ((end - text) % 4)
		*end++ = '=';
	*end = '\0';
	return text;
}

/* 56 bits: what nine digits and a part of a tenth hold, whatever the padding. */
#define TAIL_BYTES  7
#define TAIL_DIGITS 10
#define TAIL_MASK   (((uint64_t)1 << TAIL_BYTES * 8) - 1)

uint64_t pubkey_tail(const struct pubkey *key)
{
	uint64_t tail = 0;

	for (size_t i = key->length < TAIL_BYTES ? 0 : key->length - TAIL_BYTES; i < key->length;
		i++)
		tail = tail << 8 | key->blob[i];
	return tail;
}

/*
 * The canonical blob ends as the base64 does: what is re-encoded (a name, leading zeros)
 * stands before that. The exception is a security key, whose application may end in a NUL.
 */
int pubkey_find_tail(const char *type, size_t type_length, const char *base64, size_t base64_length,
	uint64_t *tail)
{
	const struct type *known = find_type(type, type_length);
	const unsigned char *start = (const unsigned char *)base64, *at = start + base64_length;
	unsigned pads = 0, count = 0;
	uint64_t bits = 0;
	struct error error;
	struct pubkey key;

	if (!known)
		return 0;
	if (known->kind == PUBKEY_SK_ED25519 || known->kind == PUBKEY_SK_ECDSA) {
		if (pubkey_parse(type, type_length, base64, base64_length, &key, &error) != 0)
			return error.code == ERROR_INTERNAL ? -1 : 0;
		*tail = pubkey_tail(&key);
		pubkey_free(&key);
		return 1;
	}
	for (; at > start && count < TAIL_DIGITS; at--) {
		int digit = digits[at[-1]];

		if (digit >= 0)
			bits |= (uint64_t)digit << 6 * count++;
		else if (at[-1] == '=' && !count && pads < 2)
			pads++;
		else if (digit != -2)
			return 0;
	}
	*tail = bits >> 2 * pads & TAIL_MASK;
	return count == TAIL_DIGITS;
}

bool pubkey_equal(const struct pubkey *a, const struct pubkey *b)
{
	return a->length == b->length && memcmp(a->blob, b->blob, a->length) == 0;
}

int pubkey_copy(const struct pubkey *key, struct pubkey *copy)
{
	*copy = *key;
	copy->blob = malloc(key->length);
	if (!copy->blob)
		return -1;
	memcpy(copy->blob, key->blob, key->length);
	return 0;
}

void pubkey_free(struct pubkey *key)
{
	free(key->blob);
	*key = (struct pubkey){0};
}
