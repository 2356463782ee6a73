#include "cli/traces.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/agent.h"
#include "cli/output.h"
#include "keys/manager.h"
#include "keys/store.h"
#include "login/environment_store.h"
#include "sys/account.h"
#include "sys/config.h"
#include "sys/instance.h"
#include "sys/sshd.h"

struct cleaning {
	const struct config *config;
	bool check, keep;
	json_t *told;
	int status;
};

/* False where nothing is told as JSON. */
static bool add_to(json_t *told, const char *list, const char *what)
{
	if (told)
		json_array_append_new(json_object_get(told, list), json_string(what));
	return told;
}

static void tell(const struct keys_report *report, const char *user, const char *file)
{
	size_t forgotten = 0;

	for (size_t i = 0; i < report->row_count; i++) {
		const struct keys_row *row = &report->rows[i];

		if (row->kind == ROW_LEFT)
			output_line("still gets in as %s: %s %s (a plain line of %s)", user,
				buffer_string(&row->comment), row->fingerprint, file);
		else
			forgotten++;
	}
	if (forgotten || !report->row_count)
		output_line("forgot %zu keys of %s (%s)", forgotten, user, file);
}

/* Takes the block out of one account's file, and deletes its store. */
static int forget(const char *user, const struct cleaning *cleaning, struct error *error)
{
	struct account account = {0}, root = {0};
	const struct instance nowhere = {0};
	struct keys_report report = {0};
	char *file = NULL;
	struct keys_place place = {.state_dir = cleaning->config->state_dir, .instance = &nowhere};
	int result = account_by_name(user, &account, error);

	if (result == 0)
		result = account_by_uid(0, &root, error);
	if (result == 0)
		result = sshd_keys_path(&account, &file, error);
	place.account = &account;
	place.file = file;
	if (result == 0)
		result = keys_place_choose_owner(&place, &root, true, error);
	if (result == 0)
		result = keys_forget(&place, cleaning->keep, &report, error);
	if (result == 0 && !add_to(cleaning->told, "accounts", user))
		tell(&report, user, file);
	keys_report_free(&report);
	account_free(&account);
	account_free(&root);
	free(file);
	return result;
}

static void one_file(const char *path, bool check, json_t *told)
{
	if (access(path, F_OK) != 0 || (!check && unlink(path) != 0))
		return;
	if (!add_to(told, "files", path))
		output_line("%s%s", check ? "would travel: " : "removed ", path);
}

static void forget_file(char *path, json_t *told)
{
	if (path)
		one_file(path, false, told);
	free(path);
}

/* Of an account that is gone there are no files but these. */
static void forget_gone(const char *user, const struct cleaning *cleaning)
{
	char *path = store_path(cleaning->config->state_dir, user);

	if (!path)
		return;
	forget_file(store_aside_path(path), cleaning->told);
	forget_file(store_damaged_path(path), cleaning->told);
	forget_file(store_before_path(path), cleaning->told);
	forget_file(path, cleaning->told);
}

static void one_account(void *context, const char *user)
{
	struct cleaning *cleaning = context;
	struct error error;

	if (cleaning->check && !add_to(cleaning->told, "accounts", user))
		output_line("would travel: the keys of %s (vastagent keys --user %s)", user, user);
	else if (cleaning->check || forget(user, cleaning, &error) == 0)
		return;
	else if (error.code == ERROR_NO_SUCH_USER)
		forget_gone(user, cleaning);
	else
		cleaning->status = agent_report(&error);
}

int traces_forget_keys(const struct config *config, bool check, bool keep, json_t *told)
{
	struct cleaning cleaning = {config, check, keep, told, EX_OK};

	store_each_account(config->state_dir, one_account, &cleaning);
	return cleaning.status;
}

/* A pause; the journal and the log, each with the older one beside it; the variables. */
void traces_remove_files(const struct config *config, bool check, json_t *told)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/pause", config->state_dir);
	one_file(path, check, told);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/events.jsonl%s", config->state_dir, i ? ".1" : "");
		one_file(path, check, told);
		snprintf(path, sizeof(path), "%s%s", AGENT_LOG, i ? ".1" : "");
		one_file(path, check, told);
	}
	for (const char *const *file = environment_store_files; *file; file++)
		one_file(*file, check, told);
}
