/* The end of a key's time, in the form that the local sshd knows. */
#ifndef VASTAGENT_KEYS_EXPIRY_H
#define VASTAGENT_KEYS_EXPIRY_H

#include <time.h>

struct buffer;
struct error;

/*
 * Appends the option expiry-time="…" for a time to *option, so that sshd enforces it
 * with the agent dead; nothing, and a note, where the local sshd knows no such option.
 * Returns 0, or -1 with ERROR_BAD_OPTION if the time is not in the future.
 */
int expiry_render(time_t when, struct buffer *option, struct buffer *notes, struct error *error);

#endif
