#include "control/failure.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

static json_t *pack(const struct error *error, const char *message)
{
	return json_pack("{ss ss}", "code", error_name(error->code), "message", message);
}

json_t *failure_pack(const struct error *error)
{
	json_t *inner = pack(error, error->message);
	char visible[4 * sizeof(error->message)];

	/* A message may quote a path, of any bytes; jansson takes valid UTF-8 only. */
	if (!inner) {
		text_visible(visible, sizeof(visible), error->message, strlen(error->message));
		inner = pack(error, visible);
	}
	if (inner && error->line)
		json_object_set_new(inner, "line", json_integer(error->line));
	return json_pack("{so}", "error", inner);
}

bool failure_is(const char *text)
{
	static const char begin[] = "{\"error\":";

	return strncmp(text, begin, sizeof(begin) - 1) == 0;
}

int failure_unpack(json_t *answer, struct error *error)
{
	const char *code, *message;
	json_int_t line = 0;

	if (json_unpack(answer, "{s{ss ss s?I}}", "error", "code", &code, "message", &message,
		    "line", &line) != 0) {
		error_set(error, ERROR_INTERNAL, "the agent failed without saying why");
		return -1;
	}
	error_set(error, error_from_name(code), "%s", message);
	if (error)
		error->line = (long)line;
	return 0;
}
