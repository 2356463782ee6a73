/*
 * What the two ends of a homefile say to each other over their socket pair. Both are
 * the same program image, so plain structs do; the parent still checks each length,
 * since the child runs as somebody else.
 */
#ifndef VASTAGENT_SYS_HOMEFILE_WIRE_H
#define VASTAGENT_SYS_HOMEFILE_WIRE_H

#include <stddef.h>
#include <stdint.h>

struct account;

enum homefile_request { HOMEFILE_DO_READ = 1, HOMEFILE_DO_REPLACE, HOMEFILE_DO_PLACES };

struct homefile_message {
	uint32_t kind; /* of a request: enum homefile_request; of a reply: enum error_code */
	uint32_t flag; /* of a reply: exists, changed, or how many descriptors come with it */
	uint64_t length;
};

/* Sends or receives exactly length bytes. Returns 0, or -1 with errno (EPIPE at the end). */
int homefile_send(int socket, const void *data, size_t length);
int homefile_receive(int socket, void *data, size_t length);

/* The child: serves requests on the socket as the account and never returns. */
void homefile_serve(int socket, const struct account *account, const char *path, unsigned flags)
	__attribute__((noreturn));

#endif
