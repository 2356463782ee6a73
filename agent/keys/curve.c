/*
 * The input is public, so nothing here needs to run in constant time, and keys are few,
 * so multiplication by shifting and adding is fast enough (some 10 us).
 */
#include "keys/curve.h"

#include <stdint.h>
#include <string.h>

#define LIMBS 9 /* 64-bit limbs, least significant first: 576 bits hold 521 */

struct number {
	uint64_t limb[LIMBS];
};

struct curve {
	const char *name;
	unsigned bits;
	const char *prime; /* hexadecimal */
	const char *b;     /* of y^2 = x^3 - 3x + b */
	const char *order; /* of the group */
};

static const struct curve curves[] = {
	{"nistp256", 256, "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
		"5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
		"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"},
	{"nistp384", 384,
		"fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe"
		"ffffffff0000000000000000ffffffff",
		"b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875a"
		"c656398d8a2ed19d2a85c8edd3ec2aef",
		"ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf"
		"581a0db248b0a77aecec196accc52973"},
	{"nistp521", 521,
		"1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109"
		"e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00",
		"1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"a51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"},
};

static const struct curve *find(const char *name)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (strcmp(curves[i].name, name) == 0)
			return &curves[i];
	return NULL;
}

static struct number from_bytes(const unsigned char *bytes, size_t length)
{
	struct number number = {0};

	for (size_t i = 0; i < length; i++)
		number.limb[i / 8] |= (uint64_t)bytes[length - 1 - i] << (i % 8 * 8);
	return number;
}

static struct number from_hex(const char *text)
{
	struct number number = {0};
	size_t length = strlen(text);
	char digit;

	for (size_t i = 0; i < length; i++) {
		digit = text[length - 1 - i];
		number.limb[i / 16] |= (uint64_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10)
				       << (i % 16 * 4);
	}
	return number;
}

static bool less(const struct number *a, const struct number *b)
{
	for (int i = LIMBS - 1; i >= 0; i--)
		if (a->limb[i] != b->limb[i])
			return a->limb[i] < b->limb[i];
	return false;
}

/* a + b mod prime, for a and b below it. */
static struct number add(const struct number *a, const struct number *b, const struct number *prime)
{
	struct number sum;
	uint64_t carry = 0, borrow = 0, limb;

	for (int i = 0; i < LIMBS; i++) {
		limb = a->limb[i] + carry;
		carry = limb < carry;
		sum.limb[i] = limb + b->limb[i];
		carry += sum.limb[i] < limb;
	}
	if (less(&sum, prime))
		return sum;
	for (int i = 0; i < LIMBS; i++) {
		limb = sum.limb[i] - borrow;
		borrow = limb > sum.limb[i];
		borrow += limb < prime->limb[i];
		sum.limb[i] = limb - prime->limb[i];
	}
	return sum;
}

static struct number multiply(const struct number *a, const struct number *b,
	const struct curve *curve, const struct number *prime)
{
	struct number product = {0};

	for (unsigned bit = curve->bits; bit-- > 0;) {
		product = add(&product, &product, prime);
		if (b->limb[bit / 64] >> (bit % 64) & 1)
			product = add(&product, a, prime);
	}
	return product;
}

static unsigned bit_length(const struct number *number)
{
	unsigned bits = LIMBS * 64;

	while (bits && !(number->limb[(bits - 1) / 64] >> ((bits - 1) % 64) & 1))
		bits--;
	return bits;
}

/* sshkey_ec_validate_public() of OpenSSH: neither small nor as large as the order less 1. */
static bool is_in_range(const struct number *value, const struct curve *curve)
{
	struct number limit = from_hex(curve->order);

	limit.limb[0]--;
	return bit_length(value) > curve->bits / 2 && less(value, &limit);
}

bool curve_has_point(const char *name, const unsigned char *data, size_t length)
{
	const struct curve *curve = find(name);
	struct number prime, x, y, left, right, b;
	size_t size;

	if (!curve)
		return false;
	size = (curve->bits + 7) / 8;
	if (length != 1 + 2 * size || data[0] != 4)
		return false;
	prime = from_hex(curve->prime);
	b = from_hex(curve->b);
	x = from_bytes(data + 1, size);
	y = from_bytes(data + 1 + size, size);
	if (!less(&x, &prime) || !less(&y, &prime) || !is_in_range(&x, curve) ||
		!is_in_range(&y, curve))
		return false;
	/* y^2 + 3x = x^3 + b: the same equation without a subtraction. */
	left = multiply(&y, &y, curve, &prime);
	for (int i = 0; i < 3; i++)
		left = add(&left, &x, &prime);
	right = multiply(&x, &x, curve, &prime);
	right = multiply(&right, &x, curve, &prime);
	right = add(&right, &b, &prime);
	return memcmp(&left, &right, sizeof(left)) == 0;
}

unsigned curve_bits(const char *name)
{
	const struct curve *curve = find(name);

	return curve ? curve->bits : 0;
}
