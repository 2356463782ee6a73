/* OpenSSH certificates, as far as finding the plain key inside one. Pure. */
#ifndef VASTAGENT_KEYS_CERTIFICATE_H
#define VASTAGENT_KEYS_CERTIFICATE_H

struct pubkey;

/*
 * The plain key that a certificate is about (OpenSSH's PROTOCOL.certkeys), as "type
 * base64", which the caller frees. NULL if it is no certificate or out of memory.
 */
char *certificate_plain_key(const struct pubkey *certificate);

#endif
