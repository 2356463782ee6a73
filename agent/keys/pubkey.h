/*
 * Public keys as sshd reads them (RFC 4253 section 6.6, RFC 5656, RFC 8709, OpenSSH's
 * PROTOCOL.u2f). A key's identity is its re-encoded canonical blob: an alias name
 * inside it, or numbers with leading zeros, are the same key.
 */
#ifndef VASTAGENT_KEYS_PUBKEY_H
#define VASTAGENT_KEYS_PUBKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum pubkey_kind {
	PUBKEY_ED25519,
	PUBKEY_RSA,
	PUBKEY_ECDSA,
	PUBKEY_SK_ED25519,
	PUBKEY_SK_ECDSA,
	PUBKEY_DSA,
	PUBKEY_CERTIFICATE, /* parses, but never matches in authorized_keys */
};

struct pubkey {
	enum pubkey_kind kind;
	const char *type; /* canonical name, static: "ssh-rsa" also for rsa-sha2-512 */
	unsigned bits;
	unsigned char *blob; /* canonical */
	size_t length;
};

/* "SHA256:" and 43 characters of base64, as `ssh-keygen -l` prints it, and a NUL. */
#define PUBKEY_FINGERPRINT_SIZE 51

/*
 * Parses the two fields of a key. type may be NULL: the type is then read from the
 * blob. Returns 0 and fills *key (release with pubkey_free), or -1 with ERROR_BAD_KEY
 * and one sentence that says what is wrong.
 */
int pubkey_parse(const char *type, size_t type_length, const char *base64, size_t base64_length,
	struct pubkey *key, struct error *error);

/* True if sshd knows the name as the type of a key; exact and case-sensitive. */
bool pubkey_type_is_known(const char *name, size_t length);

/* Writes the fingerprint; out has PUBKEY_FINGERPRINT_SIZE bytes. */
void pubkey_fingerprint(const struct pubkey *key, char *out);

/* The blob in base64 with padding, which the caller frees; NULL if out of memory. */
char *pubkey_base64(const struct pubkey *key);

/*
 * The last seven bytes of the blob, by which a key is looked up; two keys may have the
 * same. pubkey_find_tail reads it off the two fields of a key without decoding them: it
 * returns 0 if they cannot be a key, need not be one where it returns 1, and returns -1 if
 * out of memory.
 */
uint64_t pubkey_tail(const struct pubkey *key);
int pubkey_find_tail(const char *type, size_t type_length, const char *base64, size_t base64_length,
	uint64_t *tail);

bool pubkey_equal(const struct pubkey *a, const struct pubkey *b);

/* Makes *copy a copy, to be freed with pubkey_free. Returns 0, or -1 if out of memory. */
int pubkey_copy(const struct pubkey *key, struct pubkey *copy);

/* Frees what the key holds and zeroes it. */
void pubkey_free(struct pubkey *key);

#endif
