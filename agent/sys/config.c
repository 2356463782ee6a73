#include "sys/config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "sys/statefile.h"

#define CONFIG_LIMIT (64 * 1024)
/* inih cuts a line here and goes on; a longer line is refused before it gets there. */
#define LINE_LIMIT    190
#define SECTION_LIMIT 48

struct setting {
	const char *section;
	const char *key;
	int (*set)(struct config *config, size_t offset, const char *value);
	size_t offset;
	const char *expects;
};

static int set_path(struct config *config, size_t offset, const char *value)
{
	char **field = (char **)(void *)((char *)config + offset);
	char *copy = value[0] == '/' ? strdup(value) : NULL;

	if (!copy)
		return -1;
	free(*field);
	*field = copy;
	return 0;
}

static int set_text(struct config *config, size_t offset, const char *value)
{
	char **field = (char **)(void *)((char *)config + offset);
	char *copy = strdup(value);

	if (!copy)
		return -1;
	free(*field);
	*field = copy;
	return 0;
}

/* tmux takes neither ":" nor "." in a session's name, and "=" and "$" mean something. */
static int set_session(struct config *config, size_t offset, const char *value)
{
	for (const char *c = value; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
			return -1;
	return *value && *value != '-' ? set_text(config, offset, value) : -1;
}

/* "all", "none", or names and patterns: what environment_admits takes. */
static int set_environment(struct config *config, size_t offset, const char *value)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_*";
	bool empty = true;
	const char *word = value;
	size_t length;

	for (word += strspn(word, " \t,"); *word; word += length + strspn(word + length, " \t,")) {
		word += *word == '!';
		length = strspn(word, allowed);
		if (!length || !strchr(" \t,", word[length]))
			return -1;
		empty = false;
	}
	return empty ? -1 : set_text(config, offset, value);
}

static int set_bool(struct config *config, size_t offset, const char *value)
{
	bool *field = (bool *)(void *)((char *)config + offset);

	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return -1;
	*field = strcmp(value, "yes") == 0;
	return 0;
}

static int set_detach(struct config *config, size_t offset, const char *value)
{
	(void)offset;
	if (strcmp(value, "logout") != 0 && strcmp(value, "shell") != 0)
		return -1;
	config->login_logout = strcmp(value, "logout") == 0;
	return 0;
}

static int set_log_level(struct config *config, size_t offset, const char *value)
{
	(void)offset;
	return log_level_parse(value, &config->log_level);
}

static void free_list(char ***list, size_t *count)
{
	for (size_t i = 0; *list && i < *count; i++)
		free((*list)[i]);
	free(*list);
	*list = NULL;
	*count = 0;
}

/* Names separated by spaces or commas. */
static int set_list(char ***list, size_t *count, const char *value)
{
	char *copy = strdup(value), *rest = copy, *name;
	char **grown;
	bool whole = copy != NULL;

	free_list(list, count);
	while (whole && (name = strsep(&rest, " \t,"))) {
		if (!*name)
			continue;
		grown = reallocarray(*list, *count + 1, sizeof(*grown));
		if (grown) {
			*list = grown;
			grown[*count] = strdup(name);
		}
		whole = grown && grown[*count];
		*count += whole;
	}
	free(copy);
	return whole ? 0 : -1;
}

static int set_users(struct config *config, size_t offset, const char *value)
{
	(void)offset;
	return set_list(&config->users, &config->user_count, value);
}

static int set_mirror(struct config *config, size_t offset, const char *value)
{
	(void)offset;
	return set_list(&config->mirror, &config->mirror_count, value);
}

#define FIELD(name) offsetof(struct config, name)

static const struct setting settings[] = {
	{"agent", "socket", set_path, FIELD(socket), "an absolute path"},
	{"agent", "state_dir", set_path, FIELD(state_dir), "an absolute path"},
	{"agent", "log_level", set_log_level, 0, "error, warning, info or debug"},
	{"agent", "forwarded", set_bool, FIELD(forwarded), "yes or no"},
	{"keys", "users", set_users, 0, "names of accounts"},
	{"keys", "mirror", set_mirror, 0, "names of accounts"},
	{"keys", "restore", set_bool, FIELD(restore), "yes or no"},
	{"login", "tmux", set_bool, FIELD(login_tmux), "yes or no"},
	{"login", "session", set_session, FIELD(login_session), "letters, digits, '_' and '-'"},
	{"login", "detach", set_detach, 0, "logout or shell"},
	{"session", "environment", set_environment, FIELD(session_environment),
		"all, none, or names and patterns as in A,B*,!BC"},
};

#define SETTING_COUNT (sizeof(settings) / sizeof(settings[0]))

struct parse {
	const char *path;
	const char *text;
	struct config config;
	bool given[SETTING_COUNT];
	struct error *error;
	bool failed;
};

/*
 * The number of the line that the handler was called for. inih tells it only when
 * built to, and the packaged library is not; the nth line with this key is looked up.
 */
static long line_of(const struct parse *parse, const char *section, const char *key, int occurrence)
{
	char current[64] = "";
	const char *line = parse->text;
	size_t key_length = strlen(key);
	const char *start, *end;
	long number = 1;

	for (; *line; line = *end ? end + 1 : end, number++) {
		end = strchrnul(line, '\n');
		for (start = line; start < end && isspace((unsigned char)*start);)
			start++;
		if (*start == '[') {
			const char *close = memchr(start, ']', (size_t)(end - start));
			int length = close ? (int)(close - start - 1) : 0;
			snprintf(current, sizeof(current), "%.*s", length, start + 1);
		} else if (strcmp(current, section) == 0 && strncmp(start, key, key_length) == 0 &&
			   (isspace((unsigned char)start[key_length]) ||
				   strchr("=:", start[key_length])) &&
			   --occurrence == 0) {
			return number;
		}
	}
	return 0;
}

static int refuse(struct parse *parse, const char *section, const char *key, int occurrence,
	const char *problem, const char *detail)
{
	long line = line_of(parse, section, key, occurrence);

	/* The first mistake is the one to name; inih goes on after it. */
	if (parse->failed)
		return 0;
	parse->failed = true;
	error_set(parse->error, ERROR_CONFIGURATION, "%s:%ld: [%s] %s: %s%s", parse->path, line,
		section, key, problem, detail);
	if (parse->error)
		parse->error->line = line;
	return 0;
}

static int out_of_memory(struct parse *parse)
{
	if (!parse->failed)
		error_set(parse->error, ERROR_INTERNAL, "out of memory");
	parse->failed = true;
	return 0;
}

/* inih's handler: 1 for success, 0 for an error. */
static int handle(void *context, const char *section, const char *key, const char *value)
{
	struct parse *parse = context;
	const struct setting *setting;

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		setting = &settings[i];
		if (strcmp(section, setting->section) != 0 || strcmp(key, setting->key) != 0)
			continue;
		if (parse->given[i])
			return refuse(parse, section, key, 2, "given twice", "");
		parse->given[i] = true;
		errno = 0;
		if (setting->set(&parse->config, setting->offset, value) != 0)
			return errno == ENOMEM ? out_of_memory(parse)
					       : refuse(parse, section, key, 1, "expects ",
							 setting->expects);
		return 1;
	}
	return refuse(parse, section, key, 1, "there is no such key", "");
}

static int set_defaults(struct config *config)
{
	*config = (struct config){.log_level = LOG_LEVEL_INFO,
		.restore = true,
		.login_tmux = true,
		.login_logout = true};
	if (set_text(config, FIELD(socket), "/run/vastagent/agent.sock") != 0 ||
		set_text(config, FIELD(state_dir), "/var/lib/vastagent") != 0 ||
		set_text(config, FIELD(login_session), "ssh_tmux") != 0 ||
		set_text(config, FIELD(session_environment), "all") != 0)
		return -1;
	return set_list(&config->users, &config->user_count, "root");
}

static int check_lines(const char *path, const char *text, struct error *error)
{
	long number = 1;
	size_t length, blank;

	for (const char *line = text; *line; line += length + (line[length] == '\n'), number++) {
		length = strcspn(line, "\n");
		blank = strspn(line, " \t\r\v\f");
		if (length > LINE_LIMIT)
			error_set(error, ERROR_CONFIGURATION,
				"%s:%ld: the line is longer than %d bytes", path, number,
				LINE_LIMIT);
		/* inih takes an indented line for the rest of the value before it. */
		else if (blank && blank < length && !strchr("#;", line[blank]))
			error_set(error, ERROR_CONFIGURATION,
				"%s:%ld: the line must not be indented", path, number);
		else if (line[0] == '[' && line[strcspn(line, "];\n")] != ']')
			error_set(error, ERROR_CONFIGURATION,
				"%s:%ld: neither a [section] nor KEY = VALUE", path, number);
		/* inih cuts the names of sections. */
		else if (line[0] == '[' && length > SECTION_LIMIT)
			error_set(error, ERROR_CONFIGURATION, "%s:%ld: there is no such section",
				path, number);
		else
			continue;
		if (error)
			error->line = number;
		return -1;
	}
	return 0;
}

int config_parse(const char *path, const char *text, struct config *config, struct error *error)
{
	struct parse parse = {.path = path, .text = text, .error = error};
	int bad_line;

	if (check_lines(path, text, error) != 0)
		return -1;
	if (set_defaults(&parse.config) != 0) {
		config_free(&parse.config);
		return error_set(error, ERROR_INTERNAL, "out of memory");
	}
	bad_line = ini_parse_string(text, handle, &parse);
	if (bad_line == 0) {
		*config = parse.config;
		return 0;
	}
	config_free(&parse.config);
	if (!parse.failed) {
		error_set(error, ERROR_CONFIGURATION, "%s:%d: neither a [section] nor KEY = VALUE",
			path, bad_line);
		if (error)
			error->line = bad_line;
	}
	return -1;
}

int config_load(const char *path, struct config *config, struct error *error)
{
	struct buffer text = BUFFER_EMPTY;
	struct error cause;
	bool exists;
	int result;

	if (statefile_read(path, CONFIG_LIMIT, &text, &exists, &cause) != 0)
		result = error_set(error, ERROR_CONFIGURATION, "%s", cause.message);
	else if (!exists && strcmp(path, CONFIG_PATH) != 0)
		result =
			error_set(error, ERROR_CONFIGURATION, "there is no configuration %s", path);
	else if (text.length != strlen(buffer_string(&text)))
		result = error_set(error, ERROR_CONFIGURATION, "%s: holds a NUL byte", path);
	else
		result = config_parse(path, buffer_string(&text), config, error);
	buffer_free(&text);
	return result;
}

void config_free(struct config *config)
{
	free(config->socket);
	free(config->state_dir);
	free(config->login_session);
	free(config->session_environment);
	free_list(&config->users, &config->user_count);
	free_list(&config->mirror, &config->mirror_count);
	*config = (struct config){0};
}
