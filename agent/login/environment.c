#include "login/environment.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BLANKS       " \t,"

/* Of the process that they come from, not of the instance. */
static const char *const of_a_process[] = {"HOME", "PWD", "OLDPWD", "SHLVL", "_", "USER", "LOGNAME",
	"SHELL", "MAIL", "TERM", "TMUX*", "STY", "SSH_*", "DISPLAY", "XDG_*",
	/* Of the on-start: a private key may stand there by mistake, and another on-start that is
	 * run in a session must not take its program from here. */
	"VASTAGENT_KEYS*", "VASTAGENT_BIN",
	/* They tell of a terminal within a program, and would keep every login out of tmux
	 * (decision.c). */
	"VSCODE_*", "TERM_PROGRAM*", "TERMINAL_EMULATOR", "ZELLIJ*", "INSIDE_EMACS"};

/*
 * What a program or a shell runs or expands: LD_PRELOAD by ld.so(8); BASH_ENV, ENV, the
 * prompts, MAILPATH and the options by bash(1), "Shell Variables"; the other prompts by
 * zshparam(1). The last is how the hook knows that it was tried.
 */
static const char *const evaluated[] = {"LD_PRELOAD", "LD_AUDIT", "BASH_ENV", "ENV", "IFS",
	"PROMPT_COMMAND", "PS[0-4]", "BASH_FUNC_*", "MAILPATH", "SHELLOPTS", "BASHOPTS", "PROMPT*",
	"RPROMPT*", "RPS[12]", "SPROMPT", "vastagent_*"};

/* What lets somebody in elsewhere: VAST_API_KEY is the renter's own, NVIDIA_API_KEY another. */
static const char *const secret[] = {"*KEY*", "*TOKEN*", "*SECRET*", "*PASS*"};

/* What the platform and CUDA's images give to everybody, less what is secret. */
static const char *const for_everybody[] = {"CONTAINER_ID", "VAST_*", "PUBLIC_IPADDR", "GPU_COUNT",
	"DATA_DIRECTORY", "NVIDIA_*", "CUDA_*"};

static bool is_one_of(const char *const patterns[], size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (fnmatch(patterns[i], name, 0) == 0)
			return true;
	return false;
}

static bool is_identifier(const char *name)
{
	return *name && !(*name >= '0' && *name <= '9') &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789_")] == '\0';
}

bool environment_name_passes(const char *name)
{
	return is_identifier(name) && !is_one_of(of_a_process, COUNT(of_a_process), name) &&
	       !is_one_of(evaluated, COUNT(evaluated), name);
}

static bool is_word(const char *rule, size_t length, const char *word)
{
	return length == strlen(word) && strncmp(rule, word, length) == 0;
}

/* '*' is the only character of a pattern that means more than itself. */
static bool matches(const char *pattern, size_t length, const char *name)
{
	for (; length && *pattern != '*'; pattern++, name++, length--)
		if (*name != *pattern)
			return false;
	if (!length)
		return *name == '\0';
	for (;; name++) {
		if (matches(pattern + 1, length - 1, name))
			return true;
		if (!*name)
			return false;
	}
}

bool environment_admits(const char *rules, bool for_root, const char *name)
{
	bool listed = false, named = false, all = false;
	size_t length;

	for (rules += strspn(rules, BLANKS); *rules; rules += strspn(rules, BLANKS)) {
		length = strcspn(rules, BLANKS);
		if (*rules == '!' ? matches(rules + 1, length - 1, name)
				  : is_word(rules, length, "none"))
			return false;
		if (is_word(rules, length, "all") || is_word(rules, length, "*"))
			all = true;
		else if (*rules != '!')
			listed = true;
		if (*rules != '!' && !is_word(rules, length, "*") && matches(rules, length, name))
			named = true;
		rules += length;
	}
	if (named || (for_root && (all || !listed)))
		return true;
	return (all || !listed) && is_one_of(for_everybody, COUNT(for_everybody), name) &&
	       !is_one_of(secret, COUNT(secret), name);
}

static struct environment_variable *find(const struct environment *environment, const char *name)
{
	for (size_t i = 0; i < environment->count; i++)
		if (strcmp(environment->list[i].name, name) == 0)
			return &environment->list[i];
	return NULL;
}

const char *environment_get(const struct environment *environment, const char *name)
{
	const struct environment_variable *variable = find(environment, name);

	return variable ? variable->value : NULL;
}

int environment_append(struct environment *environment, const char *name, const char *value)
{
	struct environment_variable fresh = {.name = strdup(name), .value = strdup(value)};
	struct environment_variable *grown = NULL;

	if (fresh.name && fresh.value)
		grown = reallocarray(environment->list, environment->count + 1, sizeof(*grown));
	if (!grown) {
		free(fresh.name);
		free(fresh.value);
		return -1;
	}
	environment->list = grown;
	grown[environment->count++] = fresh;
	return 0;
}

int environment_set(struct environment *environment, const char *name, const char *value)
{
	struct environment_variable *variable = find(environment, name);
	char *copy;

	if (!variable)
		return environment_append(environment, name, value);
	copy = strdup(value);
	if (!copy)
		return -1;
	free(variable->value);
	variable->value = copy;
	return 0;
}

int environment_add_block(struct environment *environment, const char *block, size_t length)
{
	const char *end = block + length, *next, *equals;
	char *name;
	int result = 0;

	/* Without a NUL at its end the last one is cut off. */
	for (; block < end && result == 0 && (next = memchr(block, '\0', (size_t)(end - block)));
		block = next + 1) {
		equals = strchr(block, '=');
		if (!equals)
			continue;
		name = strndup(block, (size_t)(equals - block));
		if (!name)
			return -1;
		if (environment_name_passes(name))
			result = environment_set(environment, name, equals + 1);
		free(name);
	}
	return result;
}

int environment_add(struct environment *environment, const struct environment *other)
{
	for (size_t i = 0; i < other->count; i++)
		if (environment_set(environment, other->list[i].name, other->list[i].value) != 0)
			return -1;
	return 0;
}

int environment_filter(const struct environment *environment, const char *rules, bool for_root,
	struct environment *out)
{
	const struct environment_variable *variable = environment->list;

	for (size_t i = 0; i < environment->count; i++, variable++)
		if (environment_admits(rules, for_root, variable->name) &&
			environment_append(out, variable->name, variable->value) != 0)
			return -1;
	return 0;
}

void environment_free(struct environment *environment)
{
	for (size_t i = 0; i < environment->count; i++) {
		free(environment->list[i].name);
		free(environment->list[i].value);
	}
	free(environment->list);
	*environment = ENVIRONMENT_EMPTY;
}
