/* The account itself, and who sshd lets in to it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/doctor_checks.h"
#include "keys/patterns.h"

#define NOLOGIN "/etc/nologin"

static void check_shadow(struct doctor *doctor)
{
	const struct account_state *state = &doctor->state;
	const char *name = doctor->account.name;

	if (!state->known) {
		if (!doctor->root)
			doctor_add(doctor, DOCTOR_WARN, "account.shadow", NULL,
				"whether %s is locked or has ended: not checked: needs root", name);
		return;
	}
	if (state->locked && !doctor_is(doctor, "UsePAM", "yes"))
		doctor_block(doctor, "account.locked", doctor_fix("usermod -p '*' %s", name),
			"%s is locked ('!' in /etc/shadow), and sshd without UsePAM lets no locked "
			"account in",
			name);
	if (state->expired)
		doctor_block(doctor, "account.expired", doctor_fix("chage -E -1 %s", name),
			"the account %s has ended (/etc/shadow)", name);
	if (state->must_change && doctor_is(doctor, "UsePAM", "yes"))
		doctor_block(doctor, "account.password-age",
			doctor_fix("chage -M -1 -d $(date +%%F) %s", name),
			"the password of %s is to be changed at the next login (/etc/shadow): "
			"commands and file transfers fail",
			name);
}

static void check_shell(struct doctor *doctor)
{
	const char *shell = doctor->account.shell, *name = doctor->account.name;
	const char *base = strrchr(shell, '/') ? strrchr(shell, '/') + 1 : shell;
	struct stat what;

	if (!*shell)
		return;
	if (stat(shell, &what) != 0 || !S_ISREG(what.st_mode) || !(what.st_mode & 0111))
		doctor_block(doctor, "account.shell", doctor_fix("usermod -s /bin/sh %s", name),
			"the shell of %s, %s, is %s (/etc/passwd)", name, shell,
			stat(shell, &what) != 0 ? "not there" : "no program");
	else if (strcmp(base, "nologin") == 0 || strcmp(base, "false") == 0)
		doctor_block(doctor, "account.shell", doctor_fix("usermod -s /bin/sh %s", name),
			"the shell of %s is %s: whoever logs in is sent away at once", name, shell);
}

static void check_home(struct doctor *doctor)
{
	struct stat what;
	char *home;

	if (stat(doctor->account.home, &what) == 0 && S_ISDIR(what.st_mode))
		return;
	if (errno == EACCES)
		return;
	home = doctor_quote(doctor->account.home);
	doctor_add(doctor, DOCTOR_FAIL, "account.home",
		home ? doctor_fix("install -d -m 700 -o %s -g %u %s", doctor->account.name,
			       (unsigned)doctor->account.gid, home)
		     : NULL,
		"the home of %s, %s, is not there", doctor->account.name, doctor->account.home);
	free(home);
}

static void check_nologin(struct doctor *doctor)
{
	if (doctor->account.uid != 0 && access(NOLOGIN, F_OK) == 0)
		doctor_block(doctor, "account.nologin", doctor_fix("rm " NOLOGIN),
			NOLOGIN " is there: only root is let in");
}

void doctor_check_account(struct doctor *doctor)
{
	check_shadow(doctor);
	check_shell(doctor);
	check_home(doctor);
	check_nologin(doctor);
}

/* "user" or "user@host"; *unsure if it depends on where the client is. */
static bool fits_user(const struct doctor *doctor, const char *pattern, bool *unsure)
{
	const char *host = strrchr(pattern, '@');
	char user[256];

	if (!host)
		return pattern_matches(doctor->account.name, pattern);
	snprintf(user, sizeof(user), "%.*s", (int)(host - pattern), pattern);
	if (!pattern_matches(doctor->account.name, user))
		return false;
	if (doctor->address)
		return pattern_list_matches(host + 1, doctor->address);
	*unsure = true;
	return false;
}

static bool fits_group(const struct doctor *doctor, const char *pattern, bool *unsure)
{
	bool fits = false;
	char *name;

	(void)unsure;
	for (size_t i = 0; i < doctor->account.group_count && !fits; i++) {
		name = account_group_name(&doctor->account, i);
		fits = name && pattern_matches(name, pattern);
		free(name);
	}
	return fits;
}

typedef bool (*fits_t)(const struct doctor *doctor, const char *pattern, bool *unsure);

/* The first pattern of a keyword's values that fits, into out. *any: there is one. */
static bool find_pattern(const struct doctor *doctor, const char *keyword, fits_t fits, char *out,
	size_t size, bool *any, bool *unsure)
{
	const char *value;
	bool found = false;

	*any = *unsure = false;
	for (size_t i = 0; !found && (value = sshd_settings_nth(&doctor->settings, keyword, i));
		i++) {
		char *copy = strdup(value), *rest = copy, *pattern;
		while (!found && rest && (pattern = strsep(&rest, " \t\""))) {
			if (!*pattern)
				continue;
			*any = true;
			found = fits(doctor, pattern, unsure);
			if (found)
				snprintf(out, size, "%s", pattern);
		}
		free(copy);
	}
	return found;
}

/* The line of the files that has the pattern among its values. */
static const struct sshd_setting *line_with(
	const struct doctor *doctor, const char *keyword, const char *pattern)
{
	for (size_t i = 0; i < doctor->settings.files.count; i++) {
		const struct sshd_setting *line = &doctor->settings.files.list[i];
		if (strcasecmp(line->keyword, keyword) == 0 && strstr(line->value, pattern))
			return line;
	}
	return NULL;
}

static void check_denied(struct doctor *doctor, const char *keyword, const char *id, fits_t fits)
{
	const struct sshd_setting *line;
	char pattern[256], where[256] = "";
	bool any, unsure;

	if (find_pattern(doctor, keyword, fits, pattern, sizeof(pattern), &any, &unsure)) {
		line = line_with(doctor, keyword, pattern);
		if (line)
			snprintf(where, sizeof(where), " (%s:%ld)", line->file, line->line);
		doctor_block(doctor, id, doctor_fix_comment_out(doctor, line),
			"sshd lets %s in nowhere: %s %s%s", doctor->account.name, keyword, pattern,
			where);
	} else if (unsure) {
		doctor_add(doctor, DOCTOR_WARN, id, NULL, "%s keeps %s out from some addresses%s",
			keyword, doctor->account.name,
			doctor_where(doctor, keyword, where, sizeof(where)));
	}
}

static void check_allowed(struct doctor *doctor, const char *keyword, const char *id, fits_t fits)
{
	const struct sshd_setting *line = sshd_settings_find(&doctor->settings, keyword);
	char pattern[256], where[256], reload[128], *fix = NULL;
	bool any, unsure, is_group = fits == fits_group;

	if (find_pattern(doctor, keyword, fits, pattern, sizeof(pattern), &any, &unsure) || !any)
		return;
	doctor_where(doctor, keyword, where, sizeof(where));
	if (unsure) {
		doctor_add(doctor, DOCTOR_WARN, id, NULL,
			"%s lets %s in from some addresses only%s", keyword, doctor->account.name,
			where);
		return;
	}
	if (line && line->file && is_group)
		fix = doctor_fix("usermod -aG %.*s %s", (int)strcspn(line->value, " \t"),
			line->value, doctor->account.name);
	else if (line && line->file)
		fix = doctor_fix("sed -i '%lds/$/ %s/' %s && %s", line->line, doctor->account.name,
			line->file, doctor_reload(doctor, reload, sizeof(reload)));
	doctor_block(doctor, id, fix, "sshd lets only some %s in, and %s is not among them: %s%s",
		is_group ? "groups" : "accounts", doctor->account.name, keyword, where);
}

static void check_root(struct doctor *doctor)
{
	char where[256];

	if (doctor->account.uid != 0)
		return;
	doctor_where(doctor, "PermitRootLogin", where, sizeof(where));
	if (doctor_is(doctor, "PermitRootLogin", "no"))
		doctor_block(doctor, "sshd.root",
			doctor_fix_setting(doctor, "PermitRootLogin", "prohibit-password"),
			"sshd does not let root in: PermitRootLogin no%s", where);
	else if (doctor_is(doctor, "PermitRootLogin", "forced-commands-only"))
		doctor_add(doctor, DOCTOR_WARN, "sshd.root",
			doctor_fix_setting(doctor, "PermitRootLogin", "prohibit-password"),
			"sshd lets root in only by keys with command=: PermitRootLogin "
			"forced-commands-only%s",
			where);
}

void doctor_check_access(struct doctor *doctor)
{
	check_denied(doctor, "DenyUsers", "sshd.deny-users", fits_user);
	check_allowed(doctor, "AllowUsers", "sshd.allow-users", fits_user);
	check_denied(doctor, "DenyGroups", "sshd.deny-groups", fits_group);
	check_allowed(doctor, "AllowGroups", "sshd.allow-groups", fits_group);
	check_root(doctor);
}
