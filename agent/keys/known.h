/*
 * What the local ssh server knows of keys and options. sshd drops a whole line for one
 * option that is newer than it is, so that is found out before the line is written.
 */
#ifndef VASTAGENT_KEYS_KNOWN_H
#define VASTAGENT_KEYS_KNOWN_H

#include <time.h>

struct error;
struct key_options;
struct pubkey;
struct sshd_version;

/* expiry-time="YYYYMMDDHHMMSSZ" and a NUL. */
#define KEY_EXPIRY_SIZE 30

/*
 * Holds options against what the server knows (release notes of OpenSSH; Dropbear's
 * svr-authpubkeyoptions.c). Where the server is not known, all are allowed.
 * Returns 0, or -1 with ERROR_BAD_OPTION and a sentence with the option and both releases.
 */
int key_options_check_known(
	const struct key_options *options, const struct sshd_version *server, struct error *error);

/* The same for the type of a key: ERROR_BAD_KEY. */
int pubkey_check_known(
	const struct pubkey *key, const struct sshd_version *server, struct error *error);

/*
 * Writes the option that makes the server refuse the key after that time: in UTC from
 * OpenSSH 9.1, in the local time of this process from 7.7. *out is "" where no option can
 * be written: for older ones, for Dropbear, and where the server is not known.
 * Returns 0, or -1 with ERROR_BAD_OPTION if no option can hold the time: before 1970
 * (OpenSSH of some releases takes that for never) or after 9999.
 */
int key_expiry_render(time_t when, const struct sshd_version *server, char out[KEY_EXPIRY_SIZE],
	struct error *error);

#endif
