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

enum homefile_request {
	HOMEFILE_DO_READ = 1,
	HOMEFILE_DO_REPLACE,   /* the text, ahead of the word: one of the next two */
	HOMEFILE_GO,           /* put it in place */
	HOMEFILE_CALL_OFF,     /* or do not */
	HOMEFILE_DO_OVERWRITE, /* in place, after root's side has written its journal */
	HOMEFILE_DO_PLACES,    /* descriptors and names; .flags is .home */
};

enum homefile_reply {
	HOMEFILE_EXISTS = 1 << 0,
	HOMEFILE_CHANGED = 1 << 1,    /* by somebody else; the file's text comes with it */
	HOMEFILE_NOT_ATOMIC = 1 << 2, /* nothing was done: it can only be overwritten */
	HOMEFILE_STAYS = 1 << 3,      /* the child has late writers to watch: do not end it */
};

struct homefile_message {
	uint32_t kind;  /* of a request: enum homefile_request; of a reply: enum error_code */
	uint32_t flags; /* of a reply: enum homefile_reply */
	uint64_t length;
	/* Of a text to be written: so many bytes of what the child sent or wrote last stand
	 * before and behind the length bytes that follow. */
	uint64_t begin, end;
};

/* Sends or receives exactly length bytes. Returns 0, or -1 with errno (EPIPE at the end). */
int homefile_send(int socket, const void *data, size_t length);
int homefile_receive(int socket, void *data, size_t length);

/* The child: serves requests on the socket as the account and never returns. */
void homefile_serve(int socket, const struct account *account, const char *path, unsigned flags)
	__attribute__((noreturn));

#endif
