#include "login/rcfiles.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "login/supersede.h"
#include "sys/account.h"
#include "sys/homefile.h"

/* Rounds against somebody who writes the file at the same time. */
#define ATTEMPTS 5

static const char *const names[] = {".bashrc", ".bash_profile", ".bash_login", ".profile"};

#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

bool rcfiles_concerns(const char *name)
{
	for (size_t i = 0; i < NAME_COUNT; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static enum supersede_outcome edit(
	const struct buffer *content, const char *binary, bool insert, struct buffer *out)
{
	return insert ? supersede_insert(buffer_string(content), content->length, binary, out)
		      : supersede_remove(buffer_string(content), content->length, binary, out);
}

/* Edits the opened file until nobody changed it meanwhile. */
static int edit_file(struct homefile *file, const char *name, const char *binary, bool insert,
	struct rcfiles_result *result, struct error *error)
{
	const struct buffer *content;
	struct buffer out = BUFFER_EMPTY;
	enum supersede_outcome outcome;
	bool changed = false, exists;
	int status = homefile_read(file, &content, &exists, error);

	for (int i = 0; status == 0 && exists && (i == 0 || changed) && i < ATTEMPTS; i++) {
		buffer_free(&out);
		outcome = edit(content, binary, insert, &out);
		if (outcome == SUPERSEDE_LEFT_ALONE) {
			result->left_alone++;
			result->name = name;
		}
		if (outcome == SUPERSEDE_FAILED)
			status = error_set(error, ERROR_INTERNAL, "%s cannot be changed", name);
		/* What came back after a change may be on no disk: it is written in any case. */
		if (outcome != SUPERSEDE_CHANGED && !(changed && outcome == SUPERSEDE_NOTHING))
			break;
		status = homefile_replace(file, outcome == SUPERSEDE_CHANGED ? &out : content,
			&changed, &content, error);
		result->changed += status == 0 && !changed;
	}
	buffer_free(&out);
	return status;
}

int rcfiles_supersede(const struct account *account, const char *binary, bool insert,
	struct rcfiles_result *result, struct error *error)
{
	struct homefile *file = NULL;
	char path[PATH_MAX];
	struct error cause;
	int status = 0;

	*result = (struct rcfiles_result){0};
	for (size_t i = 0; i < NAME_COUNT; i++) {
		snprintf(path, sizeof(path), "%s/%s", account->home, names[i]);
		if (homefile_open(&file, account, path, HOMEFILE_WRITE | HOMEFILE_KEYS, &cause) !=
				0 ||
			edit_file(file, names[i], binary, insert, result, &cause) != 0) {
			if (status == 0 && error)
				*error = cause;
			status = -1;
		}
		homefile_close(file);
		file = NULL;
	}
	return status;
}
