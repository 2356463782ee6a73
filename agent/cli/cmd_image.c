/* Commands for copied images: taking keys over, and leaving nothing behind. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/agent.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/keys_client.h"
#include "cli/output.h"
#include "control/client.h"
#include "control/paths.h"
#include "keys/manager.h"
#include "login/environment_store.h"
#include "sys/account.h"
#include "sys/config.h"
#include "sys/instance.h"
#include "sys/sshd.h"

static void print_adopted(const json_t *answer)
{
	const json_t *adopted = json_object_get(answer, "adopted"), *part;
	size_t i;

	json_array_foreach(adopted, i, part)
		keys_print_each(json_object_get(part, "added"), "took over", part, "for");
	if (!json_array_size(adopted))
		puts("no keys of another instance were set aside");
	output_notes(json_object_get(answer, "notes"));
}

int cmd_adopt(const struct cli *cli)
{
	json_t *body = json_object(), *answer = NULL;
	const struct control_request request = {
		.method = "POST", .path = CONTROL_ADOPT, .body = body};
	struct error error;
	int status = EX_OK;

	if (cli->count)
		status = cli_fail(EX_USAGE, "adopt takes no '%s'", cli->operands[0]);
	else if (agent_ask(cli, &request, &answer, &error) != 0)
		status = agent_report(&error);
	else if (cli->json)
		output_json(answer);
	else
		print_adopted(answer);
	if (status == EX_OK && json_is_false(json_object_get(answer, "complete")))
		status = EX_TEMPFAIL;
	json_decref(body);
	json_decref(answer);
	return output_finish(status);
}

/* Takes the agent's lines out of one account's file, and deletes its store. */
static int forget(const char *user, const struct config *config, struct error *error)
{
	struct account account = {0}, root = {0};
	const struct instance nowhere = {0};
	struct keys_report report = {0};
	char *file = NULL;
	struct keys_place place = {.state_dir = config->state_dir, .instance = &nowhere};
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
		result = keys_forget(&place, &report, error);
	if (result == 0)
		output_line("forgot %zu keys of %s (%s)", report.row_count, user, file);
	keys_report_free(&report);
	account_free(&account);
	account_free(&root);
	free(file);
	return result;
}

struct cleaning {
	const struct config *config;
	bool check;
	int status;
};

static void one_account(void *context, const char *user)
{
	struct cleaning *cleaning = context;
	struct error error;

	if (cleaning->check)
		output_line("would travel: the keys of %s (vastagent keys --user %s)", user, user);
	else if (forget(user, cleaning->config, &error) != 0)
		cleaning->status = agent_report(&error);
}

static void one_file(const char *path, bool check)
{
	if (access(path, F_OK) != 0)
		return;
	if (check)
		output_line("would travel: %s", path);
	else if (unlink(path) == 0)
		output_line("removed %s", path);
}

/* A pause; the journal and the log, each with the older one beside it; the variables. */
static void each_file(const struct config *config, bool check)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/pause", config->state_dir);
	one_file(path, check);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/events.jsonl%s", config->state_dir, i ? ".1" : "");
		one_file(path, check);
		snprintf(path, sizeof(path), "%s%s", AGENT_LOG, i ? ".1" : "");
		one_file(path, check);
	}
	for (const char *const *file = environment_store_files; *file; file++)
		one_file(*file, check);
}

static bool agent_runs(const struct cli *cli)
{
	const struct control_request request = {.method = "GET", .path = CONTROL_STATUS};
	json_t *answer = NULL;
	bool runs = agent_ask_running(cli, &request, &answer, NULL) == 0;

	json_decref(answer);
	return runs;
}

int cmd_clean_image(const struct cli *cli)
{
	struct config config = {0};
	struct cleaning cleaning;
	struct error error;

	if (cli->count)
		return cli_fail(EX_USAGE, "clean-image takes no '%s'", cli->operands[0]);
	if (geteuid() != 0)
		return cli_fail(EX_NOPERM, "only root cleans an image");
	if (!cli->check && agent_runs(cli))
		return cli_fail(EX_TEMPFAIL, "the agent runs; stop it first: vastagent stop");
	if (config_load(cli->config, &config, &error) != 0)
		return agent_report(&error);
	cleaning = (struct cleaning){&config, cli->check, EX_OK};
	store_each_account(config.state_dir, one_account, &cleaning);
	each_file(&config, cli->check);
	config_free(&config);
	return output_finish(cleaning.status);
}
