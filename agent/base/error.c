#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const struct {
	const char *name;
	int http_status;
	int exit_status;
} outcomes[ERROR_COUNT] = {
	[ERROR_NONE] = {"none", 200, EX_OK},
	[ERROR_USAGE] = {"usage", 400, EX_USAGE},
	[ERROR_BAD_REQUEST] = {"bad_request", 400, EX_USAGE},
	[ERROR_BAD_KEY] = {"bad_key", 400, EX_DATAERR},
	[ERROR_PRIVATE_KEY] = {"private_key", 400, EX_DATAERR},
	[ERROR_BAD_OPTION] = {"bad_option", 400, EX_DATAERR},
	[ERROR_FORBIDDEN] = {"forbidden", 403, EX_NOPERM},
	[ERROR_MANAGED_BY_ROOT] = {"managed_by_root", 403, EX_NOPERM},
	[ERROR_NOT_FOUND] = {"not_found", 404, EX_USAGE},
	[ERROR_NO_SUCH_USER] = {"no_such_user", 404, EX_NOUSER},
	[ERROR_NO_SUCH_KEY] = {"no_such_key", 404, EX_OK},
	[ERROR_AMBIGUOUS] = {"ambiguous", 409, EX_USAGE},
	[ERROR_LAST_KEY] = {"last_key", 409, EX_NOPERM},
	[ERROR_SLOW_REQUEST] = {"slow_request", 408, EX_TEMPFAIL},
	[ERROR_TOO_LARGE] = {"too_large", 413, EX_DATAERR},
	[ERROR_MEDIA_TYPE] = {"media_type", 415, EX_USAGE},
	[ERROR_TOO_MANY] = {"too_many", 429, EX_TEMPFAIL},
	[ERROR_UNSAFE_FILE] = {"unsafe_file", 409, EX_CANTCREAT},
	[ERROR_CANNOT_WRITE] = {"cannot_write", 507, EX_CANTCREAT},
	[ERROR_BUSY] = {"busy", 503, EX_TEMPFAIL},
	[ERROR_TIMEOUT] = {"timeout", 504, EX_TEMPFAIL},
	[ERROR_NOT_COMPLETE] = {"not_complete", 503, EX_TEMPFAIL},
	[ERROR_UNREACHABLE] = {"unreachable", 503, EX_UNAVAILABLE},
	[ERROR_CONFIGURATION] = {"configuration", 503, EX_CONFIG},
	[ERROR_INTERNAL] = {"internal", 503, EX_TEMPFAIL},
};

static void __attribute__((format(printf, 3, 0)))
set(struct error *error, enum error_code code, const char *format, va_list arguments)
{
	error->code = code;
	error->line = 0;
	vsnprintf(error->message, sizeof(error->message), format, arguments);
}

int error_set(struct error *error, enum error_code code, const char *format, ...)
{
	int saved_errno = errno;
	va_list arguments;

	if (error) {
		va_start(arguments, format);
		set(error, code, format, arguments);
		va_end(arguments);
	}
	errno = saved_errno;
	return -1;
}

int error_set_errno(struct error *error, enum error_code code, const char *format, ...)
{
	int saved_errno = errno;
	va_list arguments;
	size_t used;

	if (error) {
		va_start(arguments, format);
		set(error, code, format, arguments);
		va_end(arguments);
		used = strlen(error->message);
		snprintf(error->message + used, sizeof(error->message) - used, ": %s",
			strerror(saved_errno));
	}
	errno = saved_errno;
	return -1;
}

void error_append(struct error *error, const char *text)
{
	size_t used = error ? strlen(error->message) : 0;

	if (error)
		snprintf(error->message + used, sizeof(error->message) - used, "%s", text);
}

const char *error_name(enum error_code code)
{
	return code < ERROR_COUNT ? outcomes[code].name : outcomes[ERROR_INTERNAL].name;
}

enum error_code error_from_name(const char *name)
{
	for (unsigned code = 0; code < ERROR_COUNT; code++)
		if (strcmp(outcomes[code].name, name) == 0)
			return (enum error_code)code;
	return ERROR_INTERNAL;
}

int error_http_status(enum error_code code)
{
	return outcomes[code < ERROR_COUNT ? code : ERROR_INTERNAL].http_status;
}

int error_exit_status(enum error_code code)
{
	return outcomes[code < ERROR_COUNT ? code : ERROR_INTERNAL].exit_status;
}

enum error_code error_from_exit_status(int status)
{
	for (int i = 0; i < ERROR_COUNT; i++)
		if (outcomes[i].exit_status == status)
			return (enum error_code)i;
	return ERROR_INTERNAL;
}
