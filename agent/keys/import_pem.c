/* PEM (RFC 7468): SubjectPublicKeyInfo (RFC 5280, 3279, 5480, 8410) and PKCS#1 (RFC 8017). */
#include <sodium.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "keys/der.h"
#include "keys/import_forms.h"

#define DER_MAX 8192 /* more than a 16384-bit RSA key takes */

/* RFC 4251 section 5: a length and that many bytes. */
static void put_field(struct buffer *blob, const void *data, size_t length)
{
	const unsigned char size[4] = {(unsigned char)(length >> 24), (unsigned char)(length >> 16),
		(unsigned char)(length >> 8), (unsigned char)length};

	buffer_add(blob, size, sizeof(size));
	buffer_add(blob, data, length);
}

static void put_name(struct buffer *blob, const char *name)
{
	put_field(blob, name, strlen(name));
}

static int refuse_damaged(struct error *error)
{
	return error_set(error, ERROR_BAD_KEY,
		"the PEM key is damaged: its numbers do not add up; copy it again, whole");
}

/* RSAPublicKey: modulus, exponent. SSH has them the other way round. */
static int convert_rsa(struct der in, struct buffer *blob, struct error *error)
{
	struct der key, modulus, exponent;

	if (der_take(&in, DER_SEQUENCE, &key) != 0 || in.length)
		return refuse_damaged(error);
	if (der_take_positive(&key, &modulus) != 0 || der_take_positive(&key, &exponent) != 0 ||
		key.length)
		return refuse_damaged(error);
	put_name(blob, "ssh-rsa");
	put_field(blob, exponent.data, exponent.length);
	put_field(blob, modulus.data, modulus.length);
	return 0;
}

static int convert_ed25519(
	struct der parameters, struct der point, struct buffer *blob, struct error *error)
{
	if (parameters.length || point.length != crypto_sign_PUBLICKEYBYTES)
		return refuse_damaged(error);
	put_name(blob, "ssh-ed25519");
	put_field(blob, point.data, point.length);
	return 0;
}

/* Object identifiers of RFC 5480 section 2.1.1.1. */
static const struct {
	const char *object;
	size_t length;
	const char *type, *name;
} curves[] = {
	{"\x2a\x86\x48\xce\x3d\x03\x01\x07", 8, "ecdsa-sha2-nistp256", "nistp256"},
	{"\x2b\x81\x04\x00\x22", 5, "ecdsa-sha2-nistp384", "nistp384"},
	{"\x2b\x81\x04\x00\x23", 5, "ecdsa-sha2-nistp521", "nistp521"},
};

static int convert_ec(
	struct der parameters, struct der point, struct buffer *blob, struct error *error)
{
	struct der curve;

	if (der_take(&parameters, DER_OBJECT, &curve) != 0 || parameters.length)
		return error_set(error, ERROR_BAD_KEY,
			"the EC key does not name its curve; sshd takes P-256, P-384 and P-521 by "
			"name; make a key with: ssh-keygen -t ed25519");
	if (point.length && (point.data[0] == 2 || point.data[0] == 3))
		return error_set(error, ERROR_BAD_KEY,
			"the EC key is in its compressed form; write it out whole with: openssl ec "
			"-pubin -in FILE -conv_form uncompressed");
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		if (!der_equals(&curve, curves[i].object, curves[i].length))
			continue;
		put_name(blob, curves[i].type);
		put_name(blob, curves[i].name);
		put_field(blob, point.data, point.length);
		return 0;
	}
	return error_set(error, ERROR_BAD_KEY,
		"the EC key is on a curve that sshd does not take (only P-256, P-384 and P-521); "
		"make a key with: ssh-keygen -t ed25519");
}

static int convert_info(struct der in, struct buffer *blob, struct error *error)
{
	static const char rsa[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
	static const char ec[] = "\x2a\x86\x48\xce\x3d\x02\x01";
	static const char ed25519[] = "\x2b\x65\x70";
	struct der info, algorithm, object, key, nothing;

	if (der_take(&in, DER_SEQUENCE, &info) != 0 || in.length)
		return refuse_damaged(error);
	if (der_take(&info, DER_SEQUENCE, &algorithm) != 0 ||
		der_take(&algorithm, DER_OBJECT, &object) != 0 ||
		der_take_bytes(&info, &key) != 0 || info.length)
		return refuse_damaged(error);
	if (der_equals(&object, ed25519, sizeof(ed25519) - 1))
		return convert_ed25519(algorithm, key, blob, error);
	if (der_equals(&object, ec, sizeof(ec) - 1))
		return convert_ec(algorithm, key, blob, error);
	if (!der_equals(&object, rsa, sizeof(rsa) - 1))
		return error_set(error, ERROR_BAD_KEY,
			"the PEM key is of a kind that sshd does not take; it takes RSA, EC "
			"(P-256, "
			"P-384, P-521) and Ed25519; make one with: ssh-keygen -t ed25519");
	if (der_take(&algorithm, DER_NULL, &nothing) != 0 || nothing.length || algorithm.length)
		return refuse_damaged(error);
	return convert_rsa(key, blob, error);
}

static int put_base64(const struct buffer *blob, struct buffer *base64)
{
	const int variant = sodium_base64_VARIANT_ORIGINAL;
	size_t size = sodium_base64_encoded_len(blob->length, variant);
	char *out = blob->failed ? NULL : buffer_reserve(base64, size);

	if (!out)
		return -1;
	sodium_bin2base64(
		out, size, (const unsigned char *)buffer_string(blob), blob->length, variant);
	base64->length += size - 1;
	return 0;
}

typedef int converter(struct der in, struct buffer *blob, struct error *error);

static int convert_body(const char *body, size_t length, converter *convert,
	struct import_block *block, struct error *error)
{
	unsigned char bytes[DER_MAX];
	struct buffer blob = BUFFER_EMPTY;
	size_t size;
	int result;

	if (sodium_base642bin(bytes, sizeof(bytes), body, length, " \t\r\n", &size, NULL,
		    sodium_base64_VARIANT_ORIGINAL) != 0)
		return error_set(error, ERROR_BAD_KEY,
			"the base64 of the PEM key is damaged or cut off; copy it again, whole, "
			"from BEGIN to END");
	result = convert((struct der){bytes, size}, &blob, error);
	if (result == 0 && put_base64(&blob, &block->base64) != 0)
		result = error_set(error, ERROR_INTERNAL, "out of memory");
	buffer_free(&blob);
	return result;
}

static int refuse_label(const char *label, size_t length, struct error *error)
{
	char shown[40];

	if (memmem(label, length, "CERTIFICATE", 11))
		return error_set(error, ERROR_BAD_KEY,
			"this is an X.509 certificate, which sshd does not take; its public key is "
			"printed by: openssl x509 -in FILE -pubkey -noout");
	if (memmem(label, length, "PGP", 3))
		return error_set(error, ERROR_BAD_KEY,
			"this is a PGP key, which sshd does not take; if it can sign in, its SSH "
			"form is printed by: gpg --export-ssh-key ID");
	text_visible(shown, sizeof(shown), label, length);
	return error_set(error, ERROR_BAD_KEY,
		"'%s' is no public key for SSH; paste the line of the file that ends in .pub",
		shown);
}

/* The text from label to "-----", and what it stands for. */
static converter *find_converter(const char *label, size_t length)
{
	if (length == 10 && memcmp(label, "PUBLIC KEY", length) == 0)
		return convert_info;
	if (length == 14 && memcmp(label, "RSA PUBLIC KEY", length) == 0)
		return convert_rsa;
	return NULL;
}

/* Finds "-----END LABEL-----". Returns where it begins, and its length; NULL: nowhere. */
static const char *find_end(
	const char *text, size_t length, const char *label, size_t label_length, size_t *end_length)
{
	static const char before[] = "-----END ", behind[] = "-----";
	const size_t skip = sizeof(before) - 1, dashes = sizeof(behind) - 1;
	const char *at = text, *limit = text + length;

	*end_length = skip + label_length + dashes;
	while ((at = memmem(at, (size_t)(limit - at), before, skip))) {
		if ((size_t)(limit - at) < *end_length)
			return NULL;
		if (memcmp(at + skip, label, label_length) == 0 &&
			memcmp(at + skip + label_length, behind, dashes) == 0)
			return at;
		at += skip;
	}
	return NULL;
}

int import_pem(const char *text, size_t length, struct import_block *block, struct error *error)
{
	const size_t start = strlen("-----BEGIN ");
	const char *label = text + start, *body, *end;
	const char *line_end = memchr(text, '\n', length);
	size_t line = line_end ? (size_t)(line_end - text) : length, label_length, end_length;
	converter *convert;

	*block = (struct import_block){.length = line};
	body = line > start ? memmem(label, line - start, "-----", 5) : NULL;
	if (!body)
		return error_set(error, ERROR_BAD_KEY,
			"the BEGIN line of the key is damaged; copy the key again, whole");
	label_length = (size_t)(body - label);
	body += 5;
	end = find_end(body, length - (size_t)(body - text), label, label_length, &end_length);
	if (end)
		block->length = (size_t)(end - text) + end_length;
	convert = find_converter(label, label_length);
	if (!convert)
		return refuse_label(label, label_length, error);
	if (!end)
		return error_set(error, ERROR_BAD_KEY,
			"the key that begins here is cut off: it has no END line; copy it whole");
	block->note = "the key was read from PEM";
	return convert_body(body, (size_t)(end - body), convert, block, error);
}
