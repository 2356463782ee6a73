#include "cli/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"

static bool has_answered, is_lost;

void output_json(const json_t *answer)
{
	/* A terminal may act on controls beyond ASCII (U+009B), which JSON leaves as they are. */
	size_t flags = JSON_COMPACT | (isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0);

	has_answered = true;
	is_lost |= json_dumpf(answer, stdout, flags) != 0;
	putchar('\n');
}

void output_json_steal(json_t *answer)
{
	output_json(answer);
	json_decref(answer);
}

bool output_has_answered(void)
{
	return has_answered;
}

void output_visible(const char *text)
{
	char visible[8192];

	if (text && text_visible(visible, sizeof(visible), text, strlen(text)))
		fputs(visible, stdout);
}

void output_line(const char *format, ...)
{
	char line[4096];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	output_visible(line);
	putchar('\n');
}

void output_notes(const json_t *notes)
{
	const json_t *note;
	size_t i;

	json_array_foreach(notes, i, note)
		cli_fail(0, "%s", json_string_value(note));
}

const char *output_text(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

int output_finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout) && !is_lost)
		return status;
	return cli_fail(EX_IOERR, "cannot write the answer: %s", strerror(errno));
}
