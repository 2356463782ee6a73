#include "sys/sshd.h"

#include <ctype.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/error.h"
#include "sys/account.h"
#include "sys/process.h"
#include "sys/sshd_version.h"
#include "sys/statefile.h"

#define KEYWORD         "authorizedkeysfile"
#define DEFAULT_PATTERN ".ssh/authorized_keys"
#define SSHD_WAIT_MS    3000
#define CONFIG_LIMIT    (256 * 1024)
#define INCLUDE_DEPTH   8 /* deeper than sshd_config(5) files are ever nested */

/* If the line sets the keyword, its value, else NULL. Keywords are case-insensitive. */
static const char *value_of(const char *line, const char *keyword)
{
	size_t length = strlen(keyword);

	line += strspn(line, " \t");
	if (strncasecmp(line, keyword, length) != 0 || !strchr(" \t=", line[length]))
		return NULL;
	line += length;
	line += strspn(line, " \t");
	if (*line == '=')
		line++;
	return line + strspn(line, " \t");
}

/* The value as sshd prints it: lower case up to 9.x, CamelCase from 10.4. */
static char *ask_sshd(const struct account *account)
{
	const char *sshd = sshd_program();
	struct buffer output = BUFFER_EMPTY;
	char who[256], *rest, *line, *found = NULL;
	const char *value;

	if (!sshd)
		return NULL;
	snprintf(who, sizeof(who), "user=%s,host=localhost,addr=127.0.0.1", account->name);
	if (process_capture((const char *const[]){sshd, "-T", "-C", who, NULL}, NULL, SSHD_WAIT_MS,
		    CONFIG_LIMIT, &output, NULL) == 0) {
		rest = output.data;
		while (!found && rest && (line = strsep(&rest, "\n")))
			if ((value = value_of(line, KEYWORD)))
				found = strdup(value);
	}
	buffer_free(&output);
	return found;
}

static char *search_config(const char *path, int depth);

static char *search_included(const char *patterns, int depth)
{
	char *copy = strdup(patterns), *rest = copy, *pattern, *found = NULL, absolute[512];
	glob_t matches;

	while (!found && rest && (pattern = strsep(&rest, " \t\""))) {
		if (!*pattern)
			continue;
		snprintf(absolute, sizeof(absolute), "%s%s", *pattern == '/' ? "" : "/etc/ssh/",
			pattern);
		if (glob(absolute, 0, NULL, &matches) != 0)
			continue;
		for (size_t i = 0; i < matches.gl_pathc && !found; i++)
			found = search_config(matches.gl_pathv[i], depth + 1);
		globfree(&matches);
	}
	free(copy);
	return found;
}

/* The first value wins; what stands in a Match block is not for everybody. */
static char *search_config(const char *path, int depth)
{
	struct buffer text = BUFFER_EMPTY;
	char *rest, *line, *found = NULL;
	const char *value;
	bool exists;

	if (depth > INCLUDE_DEPTH ||
		statefile_read(path, CONFIG_LIMIT, &text, &exists, NULL) != 0) {
		buffer_free(&text);
		return NULL;
	}
	rest = text.data;
	while (!found && rest && (line = strsep(&rest, "\n"))) {
		line[strcspn(line, "\r")] = '\0';
		if (value_of(line, "match"))
			break;
		if ((value = value_of(line, "include")))
			found = search_included(value, depth);
		else if ((value = value_of(line, KEYWORD)))
			found = strdup(value);
	}
	buffer_free(&text);
	return found;
}

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
	char *patterns = ask_sshd(account);

	if (!patterns)
		patterns = search_config("/etc/ssh/sshd_config", 0);
	*path = sshd_expand_keys_path(patterns ? patterns : DEFAULT_PATTERN, account);
	free(patterns);
	if (!*path)
		return error_set(error, ERROR_UNSAFE_FILE,
			"sshd reads no file of keys for %s (AuthorizedKeysFile is 'none')",
			account->name);
	return 0;
}
