/* `vastagent ssh-config`: a block for ~/.ssh/config on the user's own machine. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/agent.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/reach.h"
#include "sys/account.h"

/* A pattern, a blank or a quote would mean something else to ssh_config(5). */
static bool is_host_name(const char *name)
{
	for (const char *at = name; *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr("._-", *at))
			return false;
	return *name && *name != '-';
}

/*
 * "PORT", "PORT:HOST:PORT" or "PORT:PORT" as "PORT HOST:PORT". Returns 0, or -1 if it is
 * none of these.
 */
static int add_forward(struct buffer *text, const char *forward)
{
	char copy[512], *rest = copy, *parts[3];
	size_t count = 0;
	long number;

	if (strlen(forward) >= sizeof(copy))
		return -1;
	strcpy(copy, forward);
	while (count < 3 && rest)
		parts[count++] = strsep(&rest, ":");
	if (rest || text_number(parts[0], 1, 65535, &number) != 0 ||
		text_number(parts[count - 1], 1, 65535, &number) != 0 ||
		(count == 3 && !is_host_name(parts[1])))
		return -1;
	return buffer_add_format(text, "\tLocalForward %s %s:%s\n", parts[0],
		count == 3 ? parts[1] : "localhost", parts[count - 1]);
}

static int render(const struct cli *cli, const struct reach *reach, const char *host,
	const char *user, struct buffer *text)
{
	buffer_add_format(text, "Host %s\n\tHostName %s\n\tPort %ld\n\tUser %s\n", host,
		reach->host, reach->port, user);
	/* A connection that died is noticed within a minute, and a quiet one is kept. */
	buffer_add_string(text, "\tServerAliveInterval 20\n\tServerAliveCountMax 3\n");
	for (size_t i = 0; i < cli->forward_count; i++)
		if (add_forward(text, cli->forwards[i]) != 0)
			return cli_fail(EX_USAGE,
				"-L takes a port of this instance, as 8080, or as ssh does, "
				"8080:localhost:80; not '%s'",
				cli->forwards[i]);
	return text->failed ? cli_fail(EX_OSERR, "out of memory") : EX_OK;
}

static int show(const struct cli *cli, const struct reach *reach, const char *user)
{
	struct buffer text = BUFFER_EMPTY;
	char host[INSTANCE_ID_SIZE + 8];
	int status;

	snprintf(host, sizeof(host), "vast%s%s", *reach->id ? "-" : "", reach->id);
	status = render(cli, reach, cli->name ? cli->name : host, user, &text);
	if (status == EX_OK && cli->json)
		output_json_steal(json_pack("{ss ss sI ss ss}", "host",
			cli->name ? cli->name : host, "hostname", reach->host, "port",
			(json_int_t)reach->port, "user", user, "config", buffer_string(&text)));
	else if (status == EX_OK)
		fputs(buffer_string(&text), stdout);
	buffer_free(&text);
	return status;
}

int cmd_ssh_config(const struct cli *cli)
{
	struct account account = {0};
	struct reach reach;
	struct error error;
	char why[512];
	int status = EX_OK;

	if (cli->count)
		return cli_fail(EX_USAGE, "ssh-config takes no '%s'", cli->operands[0]);
	if (cli->name && !is_host_name(cli->name))
		return cli_fail(EX_USAGE,
			"a name for ssh has letters, digits, dots and dashes only, as gpu-1");
	reach_read(&reach);
	if (!reach.direct) {
		reach_explain(&reach, why, sizeof(why));
		return cli_fail(EX_UNAVAILABLE, "%s%s", why,
			reach.known ? ", and take HostName, Port and User from there" : "");
	}
	if ((cli->user ? account_by_name(cli->user, &account, &error)
		       : account_by_uid(geteuid(), &account, &error)) != 0)
		status = agent_report(&error);
	else
		status = show(cli, &reach, account.name);
	account_free(&account);
	return output_finish(status);
}
