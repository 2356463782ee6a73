#include "sys/sshd.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/error.h"
#include "sys/account.h"
#include "sys/sshd_settings.h"

#define DEFAULT_PATTERN ".ssh/authorized_keys"

/* Expands one pattern of the given length. Returns false if sshd would not take it. */
static bool expand(
	const char *pattern, size_t length, const struct account *account, struct buffer *path)
{
	for (size_t i = 0; i < length; i++) {
		if (pattern[i] != '%') {
			buffer_add(path, pattern + i, 1);
			continue;
		}
		if (++i == length)
			return false;
		if (pattern[i] == '%')
			buffer_add(path, "%", 1);
		else if (pattern[i] == 'h')
			buffer_add_string(path, account->home);
		else if (pattern[i] == 'u')
			buffer_add_string(path, account->name);
		else if (pattern[i] == 'U')
			buffer_add_format(path, "%lu", (unsigned long)account->uid);
		else
			return false;
	}
	return !path->failed && path->length > 0;
}

/* The next pattern; quotes group, '#' ends the list. Returns its length, 0 at the end. */
static size_t next_pattern(const char **list)
{
	const char *start = *list + strspn(*list, " \t");
	size_t length;

	if (*start == '"' || *start == '\'') {
		*list = start + 1;
		return strcspn(start + 1, *start == '"' ? "\"" : "'");
	}
	length = *start == '#' ? 0 : strcspn(start, " \t");
	*list = start;
	return length;
}

char *sshd_expand_keys_path(const char *patterns, const struct account *account)
{
	struct buffer path = BUFFER_EMPTY, absolute = BUFFER_EMPTY;
	size_t length;

	while ((length = next_pattern(&patterns)) > 0) {
		bool usable = !(length == 4 && strncasecmp(patterns, "none", 4) == 0) &&
			      expand(patterns, length, account, &path);
		if (usable && path.data[0] == '/')
			return path.data;
		if (usable) {
			buffer_add_format(&absolute, "%s/%s", account->home, path.data);
			buffer_free(&path);
			return absolute.data;
		}
		buffer_free(&path);
		patterns += length;
		patterns += *patterns == '"' || *patterns == '\'';
	}
	return NULL;
}

int sshd_keys_path(const struct account *account, char **path, struct error *error)
{
	struct sshd_settings settings;
	const char *patterns;

	sshd_settings_read(&settings, account, NULL);
	patterns = sshd_settings_get(&settings, "AuthorizedKeysFile");
	*path = sshd_expand_keys_path(patterns ? patterns : DEFAULT_PATTERN, account);
	sshd_settings_free(&settings);
	if (!*path)
		return error_set(error, ERROR_UNSAFE_FILE,
			"sshd reads no file of keys for %s (AuthorizedKeysFile is 'none')",
			account->name);
	return 0;
}
