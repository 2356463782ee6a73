#include "keys/expiry.h"

#include "base/buffer.h"
#include "base/error.h"

int expiry_render(time_t when, struct buffer *option, struct buffer *notes, struct error *error)
{
	struct tm parts;
	char text[32];

	(void)notes;
	if (when <= time(NULL))
		return error_set(error, ERROR_BAD_OPTION, "the key would be expired already");
	if (!gmtime_r(&when, &parts) || !strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &parts))
		return error_set(error, ERROR_BAD_OPTION, "there is no such time");
	buffer_add_format(option, "expiry-time=\"%s\"", text);
	return option->failed ? error_set(error, ERROR_INTERNAL, "out of memory") : 0;
}
