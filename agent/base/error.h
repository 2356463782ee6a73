/*
 * Outcomes that a caller has to tell apart, with the one table that maps each of
 * them to its name on the wire, its HTTP status and its exit status.
 */
#ifndef VASTAGENT_BASE_ERROR_H
#define VASTAGENT_BASE_ERROR_H

enum error_code {
	ERROR_NONE,
	ERROR_USAGE,           /* the call itself is wrong */
	ERROR_BAD_REQUEST,     /* a request that is not what the route takes */
	ERROR_BAD_KEY,         /* text that is not a usable public key */
	ERROR_PRIVATE_KEY,     /* a private key where a public one belongs */
	ERROR_BAD_OPTION,      /* an option that sshd would not take */
	ERROR_FORBIDDEN,       /* the peer may not do this */
	ERROR_MANAGED_BY_ROOT, /* the file belongs to the administrator */
	ERROR_NOT_FOUND,       /* no such route */
	ERROR_NO_SUCH_USER,
	ERROR_NO_SUCH_KEY,
	ERROR_AMBIGUOUS,    /* a name that fits several things */
	ERROR_LAST_KEY,     /* would lock the account's owner out */
	ERROR_TOO_LARGE,    /* over a limit of the protocol or of a file */
	ERROR_SLOW_REQUEST, /* a request that did not come in whole in time */
	ERROR_MEDIA_TYPE,   /* a body that is not application/json */
	ERROR_TOO_MANY,     /* too many requests of one peer at once */
	ERROR_UNSAFE_FILE,  /* sshd would not read that file, or it is not a file */
	ERROR_CANNOT_WRITE,
	ERROR_BUSY,          /* somebody else holds it; the same call may work later */
	ERROR_TIMEOUT,       /* took too long and was given up */
	ERROR_NOT_COMPLETE,  /* done in part */
	ERROR_UNREACHABLE,   /* no agent answers */
	ERROR_CONFIGURATION, /* a bad configuration file */
	ERROR_INTERNAL,      /* out of memory, a failed fork: our side */
	ERROR_COUNT
};

struct error {
	enum error_code code;
	long line; /* line of the input that is meant, from 1; 0: none */
	char message[512];
};

/*
 * Fills *error and returns -1, so that a function can end in `return error_set(…)`.
 * error may be NULL. line is reset to 0. errno is preserved.
 */
int error_set(struct error *error, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, with ": " and the text of errno after the message. */
int error_set_errno(struct error *error, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Appends to the message of an error, as far as there is room; NULL is fine. */
void error_append(struct error *error, const char *text);

/* The code's name on the wire, as "bad_key". Never NULL. */
const char *error_name(enum error_code code);

/* The code of a name, ERROR_INTERNAL if there is no such name. */
enum error_code error_from_name(const char *name);

/* The HTTP status (RFC 9110 section 15) of a code. */
int error_http_status(enum error_code code);

/* The exit status (sysexits(3)) of a code. */
int error_exit_status(enum error_code code);

/* The first code that has this exit status; ERROR_INTERNAL if none has. */
enum error_code error_from_exit_status(int status);

#endif
