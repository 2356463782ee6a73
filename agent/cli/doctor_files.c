/* The files of keys: which ones, the way to them, and what stands in them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/doctor.h"
#include "cli/doctor_checks.h"
#include "keys/line.h"
#include "keys/lint.h"
#include "keys/view.h"
#include "sys/sshd.h"

#define LINES_MAX        200 /* findings that are shown of a file */
#define DEFAULT_PATTERNS ".ssh/authorized_keys .ssh/authorized_keys2"

static bool is_known(const struct doctor *doctor, const char *path)
{
	for (size_t i = 0; i < doctor->file_count; i++)
		if (strcmp(doctor->files[i].path, path) == 0)
			return true;
	return false;
}

/* Takes path over. */
static struct doctor_file *add_file(struct doctor *doctor, char *path, bool read)
{
	struct doctor_file *file = &doctor->files[doctor->file_count];
	struct error error;

	if (!path || doctor->file_count == DOCTOR_FILES || is_known(doctor, path)) {
		free(path);
		return NULL;
	}
	*file = (struct doctor_file){.path = path, .read = read};
	doctor->file_count++;
	if (pathcheck_read(&file->check, &doctor->account, path, &error) == 0)
		return file;
	doctor_add(doctor, read ? DOCTOR_FAIL : DOCTOR_WARN, "file.unreadable", NULL, "%s",
		error.message);
	file->check.problem = EIO;
	return NULL;
}

/* One path of a pattern, which ends at length. */
static char *expand_one(const struct doctor *doctor, const char *pattern, size_t length)
{
	char *copy = strndup(pattern, length), *path = NULL;

	if (copy)
		path = sshd_expand_keys_path(copy, &doctor->account);
	free(copy);
	return path;
}

/* The files that sshd reads, in its order. */
static void find_files(struct doctor *doctor)
{
	const char *list = sshd_settings_get(&doctor->settings, "AuthorizedKeysFile");
	size_t length;

	if (!list)
		list = DEFAULT_PATTERNS;
	for (list += strspn(list, " \t"); *list && *list != '#'; list += strspn(list, " \t")) {
		if (*list == '"' || *list == '\'') {
			const char *close = strchr(list + 1, *list);
			length = close ? (size_t)(close - list) + 1 : strlen(list);
		} else {
			length = strcspn(list, " \t");
		}
		add_file(doctor, expand_one(doctor, list, length), true);
		list += length;
	}
}

static const char *type_name(mode_t mode)
{
	return S_ISDIR(mode)    ? "a directory"
	       : S_ISFIFO(mode) ? "a FIFO"
	       : S_ISSOCK(mode) ? "a socket"
				: "a device";
}

static bool is_under_home(const struct doctor *doctor, const char *path)
{
	size_t length = strlen(doctor->account.home);

	return strncmp(path, doctor->account.home, length) == 0 &&
	       (path[length] == '/' || path[length] == '\0');
}

static char *fix_first_key(const struct doctor *doctor)
{
	return doctor_fix(
		"vastagent addkey --user %s 'ssh-ed25519 AAAA... name'", doctor->account.name);
}

/* Links that lead out of the home are replaced by what they lead to. */
static char *fix_link(const struct doctor *doctor, const struct doctor_file *file)
{
	const char *slash = strrchr(file->path, '/');
	char *path = doctor_quote(file->path), *real = doctor_quote(file->check.parts[0].path);
	char *command = NULL, *directory = strndup(file->path, (size_t)(slash - file->path));
	char *quoted = directory ? doctor_quote(directory) : NULL;

	if (path && real && quoted && file->check.is_link)
		command = doctor_fix("cp --remove-destination %s %s && chown %s %s && chmod 600 %s",
			real, path, doctor->account.name, path, path);
	else if (path && real && quoted)
		command = doctor_fix("cp %s %s.new && rm %s && install -d -m 700 -o %s %s && "
				     "install -m 600 -o %s "
				     "%s.new %s && rm %s.new",
			real, quoted, quoted, doctor->account.name, quoted, doctor->account.name,
			quoted, path, quoted);
	free(path);
	free(real);
	free(directory);
	free(quoted);
	return command;
}

/* True if sshd's StrictModes lets the part pass: secure_permissions() in its misc.c. */
static bool check_part(
	struct doctor *doctor, const struct doctor_file *file, const struct pathcheck_part *part)
{
	char *path = doctor_quote(part->path), *fix = NULL;
	const char *id = "file.mode";
	bool group = part->mode & 020, others = part->mode & 002;
	bool outside = file->check.linked && !is_under_home(doctor, part->path);

	if (part->uid != 0 && part->uid != doctor->account.uid) {
		id = "file.owner";
		fix = outside ? fix_link(doctor, file)
			      : doctor_fix("chown %s %s", doctor->account.name, path ? path : "");
		doctor_add(doctor, DOCTOR_FAIL, id, fix,
			"%s belongs to uid %lu: sshd reads %s only if every part of its path is "
			"%s's or root's (StrictModes)",
			part->path, (unsigned long)part->uid, file->path, doctor->account.name);
	} else if (others ||
		   (group && !(doctor->settings.debian &&
				     account_has_group_alone(&doctor->account, part->gid)))) {
		fix = outside ? fix_link(doctor, file)
			      : doctor_fix("chmod go-w %s", path ? path : "");
		doctor_add(doctor, DOCTOR_FAIL, id, fix,
			"%s can be written by %s (mode %04o): sshd then does not read %s "
			"(StrictModes)",
			part->path, others ? "everybody" : "its group",
			(unsigned)(part->mode & 07777), file->path);
	} else {
		free(path);
		return true;
	}
	free(path);
	return false;
}

static void check_problem(struct doctor *doctor, const struct doctor_file *file)
{
	const char *where = file->check.where ? file->check.where : file->path;
	char *path = doctor_quote(where);

	if (file->check.problem == EACCES && path)
		doctor_add(doctor, DOCTOR_FAIL, "file.access",
			strcmp(where, file->path) == 0 ? doctor_fix("chown %s %s && chmod u+rw %s",
								 doctor->account.name, path, path)
			: is_under_home(doctor, where) ? doctor_fix("chown %s %s && chmod u+rwx %s",
								 doctor->account.name, path, path)
						       : doctor_fix("chmod o+x %s", path),
			"%s: sshd reads as %s, who may not open it", where, doctor->account.name);
	else if (file->check.problem == ELOOP && path)
		doctor_add(doctor, DOCTOR_FAIL, "file.loop", doctor_fix("rm %s", path),
			"%s: its links lead in a circle", where);
	else if (file->check.problem != ENOENT)
		doctor_add(doctor, DOCTOR_FAIL, "file.unreadable", NULL, "%s: %s", where,
			strerror(file->check.problem));
	free(path);
}

/* What stands there goes aside; the key in question, if there is one, goes in. */
static char *fix_type(const struct doctor *doctor, const struct doctor_file *file)
{
	char *path = doctor_quote(file->path), *fix = NULL;

	if (path && doctor->key_text)
		fix = doctor_fix("mv %s %s.old && vastagent addkey --user %s '%s'", path, path,
			doctor->account.name, doctor->key_text);
	else if (path)
		fix = doctor_fix("mv %s %s.old", path, path);
	free(path);
	return fix;
}

static void check_file(struct doctor *doctor, struct doctor_file *file)
{
	const struct pathcheck *check = &file->check;

	if (check->problem) {
		check_problem(doctor, file);
		return;
	}
	file->usable = true;
	if (!S_ISREG(check->parts[0].mode)) {
		doctor_add(doctor, DOCTOR_FAIL, "file.type", fix_type(doctor, file),
			"%s is %s: sshd reads keys from files only", file->path,
			type_name(check->parts[0].mode));
		file->usable = false;
	}
	if (!doctor_is(doctor, "StrictModes", "no"))
		for (size_t i = 0; i < check->count; i++)
			file->usable = check_part(doctor, file, &check->parts[i]) && file->usable;
	if (check->too_large)
		doctor_add(doctor, DOCTOR_WARN, "file.large", NULL,
			"%s is larger than 8 MiB: its lines were not looked at", file->path);
	if (file->usable)
		doctor_add(doctor, DOCTOR_OK, "file", NULL, "sshd reads %s", file->path);
}

static size_t count_keys(const struct buffer *text)
{
	struct view_walk walk = {.end = text->length};
	struct view_line line = {0};
	struct view view;
	size_t count = 0;

	view_begin(buffer_string(text), text->length, "", &view);
	while (view_next(&view, &walk, &line))
		count += line.parsed.kind == KEY_LINE_KEY;
	return count;
}

/* Files with the usual names that nobody reads. */
static void check_unread(struct doctor *doctor, const char *name)
{
	char *path = doctor_fix("%s/%s", doctor->account.home, name), *from, *to, *fix = NULL;
	const char *target = doctor->file_count ? doctor->files[0].path : NULL;
	struct doctor_file *file = add_file(doctor, path, false);
	size_t count = file && !file->check.problem ? count_keys(&file->check.content) : 0;

	if (!count)
		return;
	from = doctor_quote(file->path);
	to = target ? doctor_quote(target) : NULL;
	/* Quotes within quotes are more than a person should paste. */
	if (from && to && *from != '\'' && *to != '\'')
		fix = doctor_as_account(doctor,
			doctor_fix("sh -c 'cat %s >>%s && mv %s %s.old'", from, to, from, from));
	doctor_add(doctor, DOCTOR_WARN, "file.unread", fix,
		"%zu keys stand in %s, which sshd does not read (AuthorizedKeysFile %s)", count,
		file->path, sshd_settings_get(&doctor->settings, "AuthorizedKeysFile"));
	free(from);
	free(to);
}

void doctor_check_files(struct doctor *doctor)
{
	bool there = false;
	size_t read;

	find_files(doctor);
	read = doctor->file_count;
	if (read == 0) {
		doctor_block(doctor, "file.none",
			doctor_fix_comment_out(doctor,
				sshd_settings_find(&doctor->settings, "AuthorizedKeysFile")),
			"sshd reads no file of keys for %s: AuthorizedKeysFile is none",
			doctor->account.name);
	}
	for (size_t i = 0; i < read; i++) {
		check_file(doctor, &doctor->files[i]);
		there = there || doctor->files[i].check.problem != ENOENT;
	}
	if (read && !there)
		doctor_add(doctor, DOCTOR_FAIL, "file.missing", fix_first_key(doctor),
			"there is no %s: no key lets anybody in to %s", doctor->files[0].path,
			doctor->account.name);
	check_unread(doctor, ".ssh/authorized_keys");
	check_unread(doctor, ".ssh/authorized_keys2");
}

static char *fix_line(const struct doctor *doctor, const struct doctor_file *file,
	const struct lint_finding *found)
{
	char *path = doctor_quote(file->path), *script = NULL, *fix = NULL;

	if (path && found->filter && *path != '\'') {
		fix = doctor_fix("sh -c '%s %s >%s.new && cat %s.new >%s && rm %s.new'",
			found->filter, path, path, path, path, path);
	} else if (path && found->sed && (script = doctor_quote(found->sed))) {
		/* Bytes above 127 are bytes, not characters; a link stays one. */
		fix = doctor_fix("%ssed -i %s%s %s",
			strstr(found->sed, "\\x") ? "env LC_ALL=C " : "",
			file->check.is_link ? "--follow-symlinks " : "", script, path);
	}
	free(path);
	free(script);
	return doctor_as_account(doctor, fix);
}

/* The line of a file as memory. Returns its length. */
static size_t find_line(const struct buffer *text, long number, const char **line)
{
	const char *at = buffer_string(text), *end = at + text->length, *newline;

	for (; --number > 0 && (newline = memchr(at, '\n', (size_t)(end - at)));)
		at = newline + 1;
	newline = memchr(at, '\n', (size_t)(end - at));
	*line = at;
	return (size_t)((newline ? newline : end) - at);
}

/* With a key in question, lines that are surely about another one do not matter. */
static bool is_about(const struct doctor *doctor, const struct doctor_file *file,
	const struct lint_finding *found)
{
	struct key_line line;
	const char *text;
	size_t length;
	bool other;

	if (!doctor->key || !found->line)
		return true;
	length = find_line(&file->check.content, found->line, &text);
	key_line_parse(text, length, &line);
	other = line.key.blob && !doctor_line_holds(doctor, &line, text, length);
	key_line_free(&line);
	return !other;
}

static void report_line(
	struct doctor *doctor, const struct doctor_file *file, const struct lint_finding *found)
{
	char id[64], where[32] = "";

	if (!is_about(doctor, file, found))
		return;
	snprintf(id, sizeof(id), "line.%s", found->id);
	if (found->line)
		snprintf(where, sizeof(where), ":%ld", found->line);
	doctor_add(doctor, found->fails && file->read ? DOCTOR_FAIL : DOCTOR_WARN, id,
		fix_line(doctor, file, found), "%s%s: %s", file->path, where, found->message);
}

/* Lines whose keys sshd would take, were they of another type. */
static void check_types(struct doctor *doctor, const struct doctor_file *file)
{
	const struct buffer *content = &file->check.content;
	struct view_walk walk = {.end = content->length};
	struct view_line line = {0};
	struct view view;
	char why[512];
	char *fix;

	view_begin(buffer_string(content), content->length, "", &view);
	while (view_next(&view, &walk, &line)) {
		const struct pubkey *key = &line.parsed.key;

		if (line.parsed.kind != KEY_LINE_KEY || line.parsed.options.cert_authority)
			continue;
		if ((!doctor->key || pubkey_equal(key, doctor->key)) &&
			doctor_is_revoked(doctor, key))
			doctor_add(doctor, DOCTOR_FAIL, "line.revoked", NULL,
				"%s:%ld: the key is revoked: %s names it", file->path, line.number,
				sshd_settings_get(&doctor->settings, "RevokedKeys"));
		if (!doctor->key && key->kind != PUBKEY_RSA &&
			doctor_refuses_type(doctor, key, why, sizeof(why), &fix))
			doctor_add(doctor, DOCTOR_FAIL, "line.algorithm", fix, "%s:%ld: %s",
				file->path, line.number, why);
	}
}

static bool has_key(const struct doctor_file *file)
{
	const struct buffer *content = &file->check.content;
	struct view_walk walk = {.end = content->length};
	struct view_line line = {0};
	struct view view;

	view_begin(buffer_string(content), content->length, "", &view);
	while (view_next(&view, &walk, &line))
		if (line.parsed.kind == KEY_LINE_KEY)
			return true;
	return false;
}

/* Files that cannot be read are reported already, and so is that there are none. */
static void check_there_is_one(struct doctor *doctor)
{
	const struct doctor_file *first = NULL;

	for (size_t i = 0; i < doctor->file_count; i++) {
		const struct doctor_file *file = &doctor->files[i];

		if (!file->read || file->check.problem == ENOENT)
			continue;
		if (file->check.problem || has_key(file))
			return;
		first = first ? first : file;
	}
	if (first)
		doctor_add(doctor, DOCTOR_FAIL, "file.empty", fix_first_key(doctor),
			"there is no key in %s: none lets anybody in to %s", first->path,
			doctor->account.name);
}

void doctor_check_lines(struct doctor *doctor)
{
	struct lint lint;

	for (size_t i = 0; i < doctor->file_count; i++) {
		const struct doctor_file *file = &doctor->files[i];
		if (lint_file(buffer_string(&file->check.content), file->check.content.length,
			    &doctor->rules, &lint) != 0)
			doctor->failed = true;
		for (size_t n = 0; n < lint.count && n < LINES_MAX; n++)
			report_line(doctor, file, &lint.list[n]);
		if (lint.count > LINES_MAX)
			doctor_add(doctor, DOCTOR_WARN, "line.more", NULL,
				"%s: %zu more findings are not shown", file->path,
				lint.count - LINES_MAX);
		lint_free(&lint);
		if (file->read)
			check_types(doctor, file);
	}
	if (!doctor->key)
		check_there_is_one(doctor);
}
