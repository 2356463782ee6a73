#include "cli/cli.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/text.h"
#include "control/paths.h"
#include "sys/config.h"

enum {
	OPT_HELP = 256,
	OPT_JSON,
	OPT_CONFIG,
	OPT_SOCKET,
	OPT_USER,
	OPT_NAME,
	OPT_DRY_RUN,
	OPT_FORCE,
	OPT_FOREIGN,
	OPT_TEMPLATE,
	OPT_READY
};

static const struct option long_options[] = {
	{"help", no_argument, NULL, OPT_HELP},
	{"json", no_argument, NULL, OPT_JSON},
	{"config", required_argument, NULL, OPT_CONFIG},
	{"socket", required_argument, NULL, OPT_SOCKET},
	{"user", required_argument, NULL, OPT_USER},
	{"name", required_argument, NULL, OPT_NAME},
	{"dry-run", no_argument, NULL, OPT_DRY_RUN},
	{"force", no_argument, NULL, OPT_FORCE},
	{"foreign", no_argument, NULL, OPT_FOREIGN},
	{"template", no_argument, NULL, OPT_TEMPLATE},
	{"ready", required_argument, NULL, OPT_READY},
	{NULL, 0, NULL, 0},
};

int cli_fail(int status, const char *format, ...)
{
	char message[1024], visible[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	text_visible(visible, sizeof(visible), message, strlen(message));
	fprintf(stderr, "vastagent: %s\n", visible);
	return status;
}

/* Options that need an argument are shown with what it is. */
static const char *placeholder(const char *option, size_t length)
{
	if (strncmp(option, "user", length) == 0 && length == 4)
		return " USER";
	if (strncmp(option, "name", length) == 0 && length == 4)
		return " NAME";
	return "";
}

void cli_print_usage(const struct command *command)
{
	const char *option = command->options ? command->options : "";
	size_t length;

	printf("usage: vastagent %s", command->name);
	for (; *option; option += length + (option[length] == ' ')) {
		length = strcspn(option, " ");
		printf(" [--%.*s%s]", (int)length, option, placeholder(option, length));
	}
	if (!command->run_raw)
		printf(" [--json] [--socket PATH] [--config FILE]");
	printf("%s%s\n\n  %s\n", *command->operands ? " " : "", command->operands,
		command->summary);
}

static bool takes(const struct command *command, int option)
{
	const char *name = NULL, *found = command->options;
	size_t length;

	if (option <= OPT_SOCKET)
		return true;
	for (const struct option *known = long_options; known->name; known++)
		if (known->val == option)
			name = known->name;
	if (option == OPT_READY)
		return strcmp(command->name, "daemon") == 0;
	length = strlen(name);
	while (found && (found = strstr(found, name))) {
		if (found[length] == ' ' || found[length] == '\0')
			return true;
		found += length;
	}
	return false;
}

static int apply(struct cli *cli, int option, const char *value)
{
	long number;

	switch (option) {
	case OPT_JSON:
		cli->json = true;
		break;
	case OPT_CONFIG:
		cli->config = value;
		break;
	case OPT_SOCKET:
		cli->socket = value;
		break;
	case OPT_USER:
		cli->user = value;
		break;
	case OPT_NAME:
		cli->name = value;
		break;
	case OPT_DRY_RUN:
		cli->dry_run = true;
		break;
	case OPT_FORCE:
		cli->force = true;
		break;
	case OPT_FOREIGN:
		cli->foreign = true;
		break;
	case OPT_TEMPLATE:
		cli->template = true;
		break;
	case OPT_READY:
		if (text_number(value, 0, 1 << 20, &number) != 0)
			return cli_fail(-EX_USAGE, "--ready expects a descriptor");
		cli->ready = (int)number;
		break;
	default:
		break;
	}
	return 0;
}

/* The environment is for clients: it never tells the agent itself what to read. */
static void fill_places(const struct command *command, struct cli *cli)
{
	bool is_agent = strcmp(command->name, "daemon") == 0;

	if (!cli->socket && !is_agent)
		cli->socket = getenv("VASTAGENT_SOCKET");
	if (!cli->config && !is_agent)
		cli->config = getenv("VASTAGENT_CONFIG");
	cli->default_place = !cli->socket && !cli->config;
	if (!cli->config)
		cli->config = CONFIG_PATH;
}

/* A key that was pasted without "--" before it looks like options, and may be secret. */
static int refuse_unknown(const struct command *command, const char *option)
{
	int length = (int)strcspn(option, "=\n ");

	if (strstr(option, "PRIVATE KEY"))
		return cli_fail(-EX_DATAERR,
			"this is a PRIVATE key: keep it secret; what is added is the public one, "
			"which ends in .pub");
	return cli_fail(-EX_USAGE, "%s: there is no option %.*s; see: vastagent %s --help",
		command->name, length < 40 ? length : 40, option, command->name);
}

int cli_parse(const struct command *command, int argc, char **argv, struct cli *cli)
{
	int option;

	*cli = (struct cli){.command = command->name, .ready = -1};
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		if (option == OPT_HELP || option == 'h') {
			cli_print_usage(command);
			return 1;
		}
		if (option == ':')
			return cli_fail(-EX_USAGE, "%s: %s needs an argument", command->name,
				argv[optind - 1]);
		if (option == '?')
			return refuse_unknown(command, argv[optind - 1]);
		if (!takes(command, option))
			return cli_fail(-EX_USAGE, "%s does not take %s; see: vastagent %s --help",
				command->name, argv[optind - 1], command->name);
		if (apply(cli, option, optarg) != 0)
			return -EX_USAGE;
	}
	cli->count = argc - optind;
	cli->operands = argv + optind;
	fill_places(command, cli);
	return 0;
}
