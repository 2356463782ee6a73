#include "cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "cli/cli.h"

void output_json(const json_t *answer)
{
	json_dumpf(answer, stdout, JSON_COMPACT);
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
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return cli_fail(EX_IOERR, "cannot write the answer: %s", strerror(errno));
}
