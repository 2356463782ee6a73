/*
 * DER (ITU-T X.690), as far as public keys need it: definite lengths in their shortest
 * form, tags of one byte. Reads inside the given bytes only. Pure.
 */
#ifndef VASTAGENT_KEYS_DER_H
#define VASTAGENT_KEYS_DER_H

#include <stdbool.h>
#include <stddef.h>

#define DER_INTEGER    0x02
#define DER_BIT_STRING 0x03
#define DER_OCTETS     0x04
#define DER_NULL       0x05
#define DER_OBJECT     0x06
#define DER_SEQUENCE   0x30

struct der {
	const unsigned char *data;
	size_t length;
};

/*
 * Takes the element at the start of *in, which must have the tag, and moves *in behind
 * it. Returns 0 and its *content; or -1, and *in is as it was.
 */
int der_take(struct der *in, unsigned char tag, struct der *content);

/* As der_take, for an INTEGER above zero in its shortest form. */
int der_take_positive(struct der *in, struct der *number);

/* As der_take, for a BIT STRING of whole bytes. */
int der_take_bytes(struct der *in, struct der *bytes);

/* True if the two are the same bytes. */
bool der_equals(const struct der *content, const void *bytes, size_t length);

#endif
