/*
 * The NIST prime curves of SP 800-186, as far as telling a point of a public key from
 * damaged bytes needs them: sshd refuses a point that is not on its curve.
 */
#ifndef VASTAGENT_KEYS_CURVE_H
#define VASTAGENT_KEYS_CURVE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True if data is an uncompressed point (SEC 1 section 2.3.3: 0x04, x, y) on the curve
 * "nistp256", "nistp384" or "nistp521". False for another name.
 */
bool curve_has_point(const char *name, const unsigned char *data, size_t length);

/* The size of the curve's field in bits; 0 for another name. */
unsigned curve_bits(const char *name);

#endif
