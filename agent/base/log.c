#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

/* The one state that is global on purpose: every layer logs, none owns the log. */
static enum log_level log_limit = LOG_LEVEL_WARNING;
static bool log_timestamps;

void log_set_level(enum log_level level)
{
	log_limit = level;
}

void log_set_timestamps(bool on)
{
	log_timestamps = on;
}

int log_level_parse(const char *name, enum log_level *level)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return -1;
}

void log_write(enum log_level level, const char *format, ...)
{
	int saved_errno = errno;
	char message[1024], visible[2048], when[32] = "";
	va_list arguments;

	if (level > log_limit)
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	text_visible(visible, sizeof(visible), message, strlen(message));
	if (log_timestamps) {
		text_time(when, sizeof(when) - 1, time(NULL));
		strcat(when, " ");
	}
	/* One dprintf is one write(2), so that lines of several processes do not mix. */
	dprintf(STDERR_FILENO, "%svastagent: %s\n", when, visible);
	errno = saved_errno;
}
