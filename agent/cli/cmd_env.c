/* `vastagent env`: the instance's variables, as sessions get them. */
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/agent.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "login/environment.h"
#include "login/environment_store.h"
#include "login/environment_text.h"
#include "sys/config.h"

/*
 * For the on-start script: what this process has is kept, and sessions have it from now
 * on, whether or not an agent runs.
 */
static int hand_over(const struct cli *cli)
{
	struct config config = {0};
	struct error error;
	int status = EX_OK;

	if (geteuid() != 0)
		return cli_fail(EX_NOPERM, "only root hands variables over");
	if (config_load(cli->config, &config, &error) != 0 ||
		environment_store_keep(environ, &error) != 0 ||
		environment_store_write(config.session_environment, &error) != 0)
		status = agent_report(&error);
	config_free(&config);
	return status;
}

/* A value that is no UTF-8 cannot be written in JSON (RFC 8259); it is null. */
static void print_json(const struct environment *environment)
{
	json_t *variables = json_object(), *value;

	for (size_t i = 0; i < environment->count; i++) {
		value = json_string(environment->list[i].value);
		json_object_set_new(
			variables, environment->list[i].name, value ? value : json_null());
	}
	variables = json_pack("{so}", "environment", variables);
	output_json(variables);
	json_decref(variables);
}

static int print_text(const struct environment *environment, bool fish)
{
	struct buffer text = BUFFER_EMPTY;
	int status = EX_OK;

	environment_text_plain(fish ? ENVIRONMENT_FISH : ENVIRONMENT_SH, environment, &text);
	if (text.failed)
		status = cli_fail(EX_TEMPFAIL, "out of memory");
	else
		fwrite(buffer_string(&text), 1, text.length, stdout);
	buffer_free(&text);
	return status;
}

int cmd_env(const struct cli *cli)
{
	struct environment environment = ENVIRONMENT_EMPTY;
	struct error error;
	int status = EX_OK;

	if (cli->count)
		return cli_fail(EX_USAGE, "env takes no '%s'", cli->operands[0]);
	if (cli->hand_over)
		return hand_over(cli);
	if (environment_store_load(&environment, &error) != 0)
		status = agent_report(&error);
	else if (cli->json)
		print_json(&environment);
	else
		status = print_text(&environment, cli->fish);
	environment_free(&environment);
	return output_finish(status);
}
