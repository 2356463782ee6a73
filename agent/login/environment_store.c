#include "login/environment_store.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "login/environment.h"
#include "login/environment_file.h"
#include "login/environment_text.h"
#include "sys/account.h"
#include "sys/boot.h"
#include "sys/instance.h"
#include "sys/pathcheck.h"
#include "sys/statefile.h"

#define SIZE_LIMIT  (4 * 1024 * 1024)
#define VALUE_LIMIT (128 * 1024) /* execve(2): one string of an environment */
/* Values of one variable that were given before; who changes it more often starts anew. */
#define EARLIER_LIMIT 8
#define DIRECTORY     ENVIRONMENT_DIRECTORY

const char *const environment_store_files[] = {DIRECTORY "/on-start", DIRECTORY "/root.sh",
	DIRECTORY "/root.fish", DIRECTORY "/root.env", DIRECTORY "/others.sh",
	DIRECTORY "/others.fish", DIRECTORY "/others.env", NULL};

static int out_of_memory(struct error *error)
{
	return error_set(error, ERROR_INTERNAL, "out of memory");
}

static int find_start(struct environment_start *start, struct error *error)
{
	*start = (struct environment_start){.instance = ""};
	if (boot_read(&start->boot) != 0)
		return error_set(
			error, ERROR_NOT_COMPLETE, "/proc does not say which start this is");
	instance_id(start->instance, sizeof(start->instance));
	return 0;
}

/* ---- files of variables: which start, then NAME=VALUE, each ended by a NUL ---- */

static void add_head(struct buffer *out, const struct environment_start *start)
{
	buffer_add_format(out, "%s %llu", start->boot.id, start->boot.start);
	buffer_add(out, "", 1);
}

static void add_variables(struct buffer *out, const struct environment *environment)
{
	const struct environment_variable *variable = environment->list;

	for (size_t i = 0; i < environment->count; i++, variable++) {
		buffer_add_format(out, "%s=", variable->name);
		buffer_add(out, variable->value, strlen(variable->value) + 1);
	}
}

/*
 * Reads such a file; an empty entry separates what is given now from what was given
 * before. *found is false if there is none of this start.
 */
static int read_block(const char *path, const struct environment_start *start,
	struct environment *environment, struct environment *earlier, bool *found,
	struct error *error)
{
	struct buffer content = BUFFER_EMPTY, head = BUFFER_EMPTY;
	struct environment *into = environment;
	const char *entry, *end, *equals;
	char *name;
	int result;

	add_head(&head, start);
	result = statefile_read(path, SIZE_LIMIT, &content, found, error);
	*found = result == 0 && *found && content.length >= head.length &&
		 memcmp(content.data, buffer_string(&head), head.length) == 0;
	entry = *found ? content.data + head.length : NULL;
	end = buffer_string(&content) + content.length;
	for (; entry && entry < end && result == 0; entry += strlen(entry) + 1) {
		equals = strchr(entry, '=');
		if (!equals) {
			into = earlier;
			continue;
		}
		name = strndup(entry, (size_t)(equals - entry));
		if (into && (!name || environment_append(into, name, equals + 1) != 0))
			result = out_of_memory(error);
		free(name);
	}
	if (head.failed)
		result = out_of_memory(error);
	buffer_free(&head);
	buffer_free(&content);
	return result;
}

/* Replaces a file unless it is the same already. */
static int write_file(
	const char *path, unsigned mode, const struct buffer *content, struct error *error)
{
	struct buffer old = BUFFER_EMPTY;
	struct stat what;
	bool exists, same;

	if (content->failed)
		return out_of_memory(error);
	same = statefile_read(path, SIZE_LIMIT, &old, &exists, NULL) == 0 && exists &&
	       old.length == content->length &&
	       memcmp(buffer_string(&old), content->data, old.length) == 0 &&
	       stat(path, &what) == 0 && (what.st_mode & 07777) == mode;
	buffer_free(&old);
	return same ? 0 : statefile_write_mode(path, mode, content, error);
}

/* ---- where they come from ---- */

static int add_of_process_1(struct environment *environment)
{
	struct buffer block = BUFFER_EMPTY;
	int result = 0;

	if (boot_read_environment(&block) == 0)
		result = environment_add_block(environment, buffer_string(&block), block.length);
	buffer_free(&block);
	return result;
}

static int add_kept(struct environment *environment, const struct environment_start *start)
{
	struct environment kept = ENVIRONMENT_EMPTY;
	struct error error;
	bool found;
	int result = 0;

	if (read_block(DIRECTORY "/on-start", start, &kept, NULL, &found, &error) != 0)
		log_warning("%s", error.message);
	else
		result = environment_add(environment, &kept);
	environment_free(&kept);
	return result;
}

static int add_text(struct environment *environment, const struct buffer *text, const char *id)
{
	struct environment found = ENVIRONMENT_EMPTY;
	int result = environment_file_parse(&found, buffer_string(text), text->length);

	if (result == 0 && !environment_file_is_anothers(&found, id))
		result = environment_add(environment, &found);
	environment_free(&found);
	return result;
}

static int add_etc(struct environment *environment, const char *id)
{
	struct buffer text = BUFFER_EMPTY;
	bool exists;
	int result = 0;

	if (statefile_read("/etc/environment", SIZE_LIMIT, &text, &exists, NULL) == 0 && exists)
		result = add_text(environment, &text, id);
	buffer_free(&text);
	return result;
}

/* Another account that can write to the file would decide about root's sessions. */
static bool is_roots_alone(const struct pathcheck *check)
{
	for (size_t i = 0; i < check->count; i++)
		if (check->parts[i].uid != 0 || (check->parts[i].mode & (S_IWGRP | S_IWOTH)))
			return false;
	return check->count > 0 && !check->problem;
}

/* Through a child with a limit: a workspace may be a network's file system, and hang. */
static int add_workspace(struct environment *environment, const char *id)
{
	const char *workspace = environment_get(environment, "WORKSPACE");
	struct account root = {0};
	struct pathcheck check = {0};
	char path[PATH_MAX];
	int result = 0;

	if (!workspace || *workspace != '/' || strlen(workspace) > sizeof(path) - 6)
		return 0;
	snprintf(path, sizeof(path), "%s/.env", workspace);
	if (account_by_uid(0, &root, NULL) == 0 && pathcheck_read(&check, &root, path, NULL) == 0 &&
		is_roots_alone(&check))
		result = add_text(environment, &check.content, id);
	pathcheck_free(&check);
	account_free(&root);
	return result;
}

/* What no process could be given, and what no message should be about. */
static void drop_oversized(struct environment *environment)
{
	struct environment_variable *variable;

	for (size_t i = environment->count; i-- > 0;) {
		variable = &environment->list[i];
		if (strlen(variable->name) + strlen(variable->value) + 2 <= VALUE_LIMIT)
			continue;
		free(variable->name);
		free(variable->value);
		*variable = environment->list[--environment->count];
	}
}

static int gather(
	struct environment *environment, const struct environment_start *start, struct error *error)
{
	if (add_of_process_1(environment) != 0 || add_kept(environment, start) != 0 ||
		add_etc(environment, start->instance) != 0 ||
		add_workspace(environment, start->instance) != 0)
		return out_of_memory(error);
	drop_oversized(environment);
	return 0;
}

/* ---- the files ---- */

static size_t count_name(const struct environment *environment, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < environment->count; i++)
		count += strcmp(environment->list[i].name, name) == 0;
	return count;
}

/* Of older values, those of variables that are given now with another one. */
static int add_earlier(
	const struct environment *older, const struct environment *now, struct environment *earlier)
{
	const struct environment_variable *variable = older->list;
	const char *value;

	for (size_t i = 0; i < older->count; i++, variable++) {
		value = environment_get(now, variable->name);
		if (!value || strcmp(value, variable->value) == 0 ||
			count_name(earlier, variable->name) >= EARLIER_LIMIT)
			continue;
		if (environment_append(earlier, variable->name, variable->value) != 0)
			return -1;
	}
	return 0;
}

static int write_forms(const char *who, unsigned mode, const struct environment *environment,
	const struct environment *earlier, const struct environment_start *start,
	struct error *error)
{
	struct buffer sh = BUFFER_EMPTY, fish = BUFFER_EMPTY, block = BUFFER_EMPTY;
	char path[PATH_MAX];
	int result;

	environment_text_file(ENVIRONMENT_SH, environment, earlier, start, &sh);
	environment_text_file(ENVIRONMENT_FISH, environment, earlier, start, &fish);
	add_head(&block, start);
	add_variables(&block, environment);
	buffer_add(&block, "", 1);
	add_variables(&block, earlier);
	snprintf(path, sizeof(path), DIRECTORY "/%s.sh", who);
	result = write_file(path, mode, &sh, error);
	snprintf(path, sizeof(path), DIRECTORY "/%s.fish", who);
	if (result == 0)
		result = write_file(path, mode, &fish, error);
	snprintf(path, sizeof(path), DIRECTORY "/%s.env", who);
	if (result == 0)
		result = write_file(path, mode, &block, error);
	buffer_free(&sh);
	buffer_free(&fish);
	buffer_free(&block);
	return result;
}

static int write_for(bool for_root, const struct environment *all, const char *rules,
	const struct environment_start *start, struct error *error)
{
	const char *path = for_root ? DIRECTORY "/root.env" : DIRECTORY "/others.env";
	struct environment now = ENVIRONMENT_EMPTY, last = ENVIRONMENT_EMPTY;
	struct environment older = ENVIRONMENT_EMPTY, earlier = ENVIRONMENT_EMPTY;
	bool found;
	int result = environment_filter(all, rules, for_root, &now);

	if (result != 0)
		out_of_memory(error);
	/* A damaged file of the last time is no reason not to write this one. */
	else if (read_block(path, start, &last, &older, &found, NULL) == 0 &&
		 (add_earlier(&last, &now, &earlier) != 0 ||
			 add_earlier(&older, &now, &earlier) != 0))
		result = out_of_memory(error);
	if (result == 0)
		result = write_forms(for_root ? "root" : "others", for_root ? 0600 : 0644, &now,
			&earlier, start, error);
	environment_free(&now);
	environment_free(&last);
	environment_free(&older);
	environment_free(&earlier);
	return result;
}

/* One writer at a time. Returns a descriptor whose close(2) lets the next one in, or -1. */
static int lock(struct error *error)
{
	int fd;

	if (statefile_prepare_directory("/run/vastagent", 0755, error) != 0 ||
		statefile_prepare_directory(DIRECTORY, 0755, error) != 0)
		return -1;
	/* A file that others cannot even open: whoever has a descriptor can hold the lock. */
	fd = open(DIRECTORY "/lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX) == 0)
		return fd;
	error_set_errno(error, ERROR_CANNOT_WRITE, "cannot lock %s/lock", DIRECTORY);
	if (fd >= 0)
		close(fd);
	return -1;
}

int environment_store_keep(char *const variables[], struct error *error)
{
	struct environment environment = ENVIRONMENT_EMPTY;
	struct buffer content = BUFFER_EMPTY;
	struct environment_start start;
	int result = 0, guard;

	if (find_start(&start, error) != 0)
		return -1;
	guard = lock(error);
	if (guard < 0)
		return -1;
	for (; *variables && result == 0; variables++)
		result = environment_add_block(&environment, *variables, strlen(*variables) + 1);
	add_head(&content, &start);
	add_variables(&content, &environment);
	result = result == 0 ? write_file(DIRECTORY "/on-start", 0600, &content, error)
			     : out_of_memory(error);
	environment_free(&environment);
	buffer_free(&content);
	close(guard);
	return result;
}

int environment_store_write(const char *rules, struct error *error)
{
	struct environment environment = ENVIRONMENT_EMPTY;
	struct environment_start start;
	int result, guard;

	if (find_start(&start, error) != 0)
		return -1;
	guard = lock(error);
	if (guard < 0)
		return -1;
	result = gather(&environment, &start, error);
	if (result == 0)
		result = write_for(true, &environment, rules, &start, error);
	if (result == 0)
		result = write_for(false, &environment, rules, &start, error);
	environment_free(&environment);
	close(guard);
	return result;
}

int environment_store_load(struct environment *environment, struct error *error)
{
	struct environment_start start;
	const char *path = DIRECTORY "/root.env";
	bool found;

	if (find_start(&start, error) != 0)
		return -1;
	if (access(path, R_OK) != 0)
		path = DIRECTORY "/others.env";
	if (read_block(path, &start, environment, NULL, &found, error) != 0)
		return -1;
	if (!found)
		return error_set(error, ERROR_NOT_COMPLETE,
			"the variables were not written since this start; root does it with: "
			"vastagent start");
	return 0;
}
