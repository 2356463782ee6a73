/* Commands for copied images: taking keys over, and leaving nothing behind. */
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/agent.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/keys_client.h"
#include "cli/output.h"
#include "cli/traces.h"
#include "control/client.h"
#include "control/paths.h"
#include "sys/config.h"

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
	struct error error;
	json_t *told = NULL;
	int status;

	if (cli->count)
		return cli_fail(EX_USAGE, "clean-image takes no '%s'", cli->operands[0]);
	if (geteuid() != 0)
		return cli_fail(EX_NOPERM, "only root cleans an image");
	if (!cli->check && agent_runs(cli))
		return cli_fail(EX_TEMPFAIL, "the agent runs; stop it first: vastagent stop");
	if (config_load(cli->config, &config, &error) != 0)
		return agent_report(&error);
	if (cli->json)
		told = json_pack("{sb s[] s[]}", "check", cli->check, "accounts", "files");
	status = traces_forget_keys(&config, cli->check, false, told);
	traces_remove_files(&config, cli->check, told);
	if (cli->json)
		output_json_steal(told);
	config_free(&config);
	return output_finish(status);
}
