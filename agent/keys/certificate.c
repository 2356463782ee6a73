#include "keys/certificate.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/pubkey.h"

#define MARK "-cert-v01@openssh.com"

struct reader {
	const unsigned char *next;
	size_t left;
};

/* Length of the next field with its four bytes of length (RFC 4251 section 5), or 0. */
static size_t field_length(const struct reader *reader)
{
	size_t length;

	if (reader->left < 4)
		return 0;
	length = (size_t)reader->next[0] << 24 | (size_t)reader->next[1] << 16 |
		 (size_t)reader->next[2] << 8 | reader->next[3];
	return length <= reader->left - 4 ? length + 4 : 0;
}

static size_t skip(struct reader *reader)
{
	size_t length = field_length(reader);

	reader->next += length;
	reader->left -= length;
	return length;
}

/* The type without the mark, and how many fields the plain key has. */
static unsigned plain_type(const char *type, char *out, size_t size)
{
	const char *mark = strstr(type, MARK);
	bool sk = strncmp(type, "sk-", 3) == 0;

	if (!mark)
		return 0;
	snprintf(out, size, "%.*s%s", (int)(mark - type), type, sk ? "@openssh.com" : "");
	if (strstr(type, "ecdsa"))
		return sk ? 3 : 2;
	if (strstr(type, "rsa"))
		return 2;
	if (strstr(type, "dss"))
		return 4;
	return sk ? 2 : 1;
}

char *certificate_plain_key(const struct pubkey *certificate)
{
	struct reader reader = {certificate->blob, certificate->length};
	struct pubkey plain = {0};
	char type[64], *base64 = NULL, *text = NULL;
	unsigned fields = plain_type(certificate->type, type, sizeof(type));
	const unsigned char *start;
	size_t length = strlen(type);

	/* The type, then a nonce, then the key's own fields. */
	if (!fields || !skip(&reader) || !skip(&reader))
		return NULL;
	start = reader.next;
	for (unsigned i = 0; i < fields; i++)
		if (!skip(&reader))
			return NULL;
	plain.length = 4 + length + (size_t)(reader.next - start);
	plain.blob = malloc(plain.length);
	if (plain.blob) {
		memcpy(plain.blob, (unsigned char[]){0, 0, 0, (unsigned char)length}, 4);
		memcpy(plain.blob + 4, type, length);
		memcpy(plain.blob + 4 + length, start, (size_t)(reader.next - start));
		base64 = pubkey_base64(&plain);
	}
	if (base64 && asprintf(&text, "%s %s", type, base64) < 0)
		text = NULL;
	free(base64);
	free(plain.blob);
	return text;
}
