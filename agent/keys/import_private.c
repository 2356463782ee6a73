#include "keys/import_private.h"

#include <ctype.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "keys/der.h"
#include "keys/import_forms.h"

static void blank(char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] != '\n')
			text[i] = ' ';
}

size_t import_private_cut(char *text, size_t length)
{
	static const char start[] = "PuTTY-User-Key-File-";
	size_t count = 0, begin, size;
	char *at = text, *end = text + length;

	while ((at = memmem(at, (size_t)(end - at), start, sizeof(start) - 1)) != NULL) {
		if (import_putty_private(at, (size_t)(end - at), &begin, &size) == 0 && size) {
			blank(at + begin, size);
			count++;
		}
		at += sizeof(start) - 1;
	}
	return count;
}

/* Whether needle stands at text, where white space of the text does not count. */
static bool stands_at(const char *text, size_t length, const char *needle)
{
	size_t i = 0;

	for (; *needle; i++) {
		if (i == length)
			return false;
		if (isspace((unsigned char)text[i]))
			continue;
		if (text[i] != *needle++)
			return false;
	}
	return true;
}

static const char *find_spread(const char *text, size_t length, const char *needle)
{
	const char *end = text + length;

	for (const char *at = text; (at = memchr(at, *needle, (size_t)(end - at))); at++)
		if (stands_at(at, (size_t)(end - at), needle))
			return at;
	return NULL;
}

/* "BEGIN … PRIVATE KEY", in any letters, with the dashes that a word processor makes. */
static const char *find_header(const char *text, size_t length)
{
	static const char what[] = "PRIVATE KEY";
	const char *at = text, *end = text + length;

	for (; end - at >= (ptrdiff_t)sizeof(what) - 1; at++) {
		const char *after = at + sizeof(what) - 1;

		if ((*at | 0x20) != 'p' || strncasecmp(at, what, sizeof(what) - 1) != 0)
			continue;
		while (after < end && *after == ' ')
			after++;
		/* '-', or the first byte of a dash of UTF-8; "BLOCK" is PGP's, "FILE" SSH 1's. */
		if (after < end &&
			(*after == '-' || *after == '\xe2' || *after == 'B' || *after == 'F'))
			return at;
	}
	return NULL;
}

/* Encrypted PKCS#8 begins with its algorithm, of which all are PKCS#5's (RFC 8018). */
static bool is_encrypted(const unsigned char *data, size_t length)
{
	static const char pkcs5[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x05";

	return data[0] == DER_SEQUENCE &&
	       memmem(data, length < 16 ? length : 16, pkcs5, sizeof(pkcs5) - 1) != NULL;
}

/*
 * The start of a private key in DER: a SEQUENCE of a version, 0 or 1, and more (RFC
 * 8017, 5915, 5208). A public key has no number that small. Lengths may reach beyond
 * what is there.
 */
static bool is_private_der(const unsigned char *data, size_t length)
{
	size_t skip = length >= 2 && data[0] == DER_SEQUENCE ? 2 : 0;

	if (!skip)
		return false;
	if (data[1] > 0x80 && data[1] <= 0x83)
		skip += data[1] & 0x7f;
	if (length < skip + 4)
		return false;
	if (data[skip] == DER_INTEGER && data[skip + 1] == 1 && data[skip + 2] <= 1)
		return data[skip + 3] == DER_INTEGER || data[skip + 3] == DER_SEQUENCE ||
		       data[skip + 3] == DER_OCTETS;
	return is_encrypted(data + skip, length - skip);
}

/* A private key's base64 whose header is lost, or which had none. */
static bool is_bare_private(const struct import_slice *line)
{
	unsigned char bytes[96];
	size_t length = line->length < 128 ? line->length & ~(size_t)3 : 128, size;

	while (length && line->text[length - 1] == '=')
		length -= 4;
	if (length < 16 || *line->text != 'M')
		return false;
	if (sodium_base642bin(bytes, sizeof(bytes), line->text, length, NULL, &size, NULL,
		    sodium_base64_VARIANT_ORIGINAL) != 0)
		return false;
	return is_private_der(bytes, size);
}

static const char *find_bare(const char *text, size_t length)
{
	struct import_slice line;
	const char *found = NULL;
	size_t at = 0;

	while (!found && import_next_line(text, length, &at, &line)) {
		while (line.length && strchr("'\"`", *line.text)) {
			line.text++;
			line.length--;
		}
		if (is_bare_private(&line))
			found = line.text;
	}
	return found;
}

/* A whole PEM file in base64 once more, as secrets are kept in settings. */
static const char *find_wrapped(const char *text, size_t length)
{
	static const char begin[] = "LS0tLS1CRUdJTi"; /* "-----BEGIN" */
	const char *at = memmem(text, length, begin, sizeof(begin) - 1);
	size_t left = at ? length - (size_t)(at - text) : 0, size = 0;
	unsigned char bytes[48];

	if (left < 56)
		return NULL;
	sodium_base642bin(
		bytes, sizeof(bytes), at, 56, NULL, &size, NULL, sodium_base64_VARIANT_ORIGINAL);
	return memmem(bytes, size, "PRIVATE", 7) ? at : NULL;
}

static const char *find_pair(const char *text, size_t length, const char *one, const char *other)
{
	const char *found = memmem(text, length, one, strlen(one));

	return found && memmem(text, length, other, strlen(other)) ? found : NULL;
}

/* What is in no public key: PuTTY, OpenSSH without its header, age, openssl's listing. */
static const char *find_word(const char *text, size_t length)
{
	static const char *const words[] = {"Private-Lines:", "Private-MAC:", "Private-Hash:",
		"openssh-key-v1", "AGE-SECRET-KEY-", "AGE-PLUGIN-", "Private-Key: (",
		"privateExponent:", "priv:\n", "\"private_key\""};
	const char *found = find_spread(text, length, "b3BlbnNzaC1rZXktdjE");

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && !found; i++)
		found = memmem(text, length, words[i], strlen(words[i]));
	if (!found)
		found = find_pair(text, length, "<RSAKeyValue>", "<D>");
	return found ? found : find_pair(text, length, "\"kty\"", "\"d\"");
}

static const char *find(const char *text, size_t length)
{
	const char *found = find_header(text, length);

	if (!found)
		found = find_word(text, length);
	if (!found)
		found = find_bare(text, length);
	if (!found)
		found = find_wrapped(text, length);
	if (!found && is_private_der((const unsigned char *)text, length))
		found = text;
	return found;
}

int import_private_refuse(const char *text, size_t length, struct error *error)
{
	const char *found = length ? find(text, length) : NULL;
	long line = 1;

	if (!found)
		return 0;
	for (const char *at = text; at < found; at++)
		line += *at == '\n';
	if (memmem(text, length, "PuTTY-User-Key-File-", 20))
		return error_set(error, ERROR_PRIVATE_KEY,
			"line %ld: a PRIVATE key of PuTTY, with no public part that could be "
			"taken: "
			"keep it secret, nothing was stored; in PuTTYgen, copy the text in the box "
			"'Public key for pasting'",
			line);
	if (line > 1)
		return error_set(error, ERROR_PRIVATE_KEY,
			"line %ld: a PRIVATE key: the whole text was refused, nothing was stored; "
			"keep it secret and paste the public ones only",
			line);
	return error_set(error, ERROR_PRIVATE_KEY,
		"this is a PRIVATE key: keep it secret, it was not stored; the public one "
		"ends in .pub, or print it with: ssh-keygen -y -f FILE");
}
