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

enum option_id {
	OPT_HELP = 256,
	OPT_JSON,
	OPT_SOCKET,
	OPT_CONFIG,
	OPT_COMMON_END, /* the ones above are taken by every command */
	OPT_USER,
	OPT_NAME,
	OPT_DRY_RUN,
	OPT_FORCE,
	OPT_FOREIGN,
	OPT_TEMPLATE,
	OPT_ALL,
	OPT_PLATFORM_BYTES,
	OPT_FOR,
	OPT_UNTIL,
	OPT_FROM,
	OPT_OPTIONS,
	OPT_CHECK,
	OPT_LOG,
	OPT_FISH,
	OPT_HAND_OVER,
	OPT_KEYS,
	OPT_READY,
};

static const struct {
	enum option_id id;
	const char *name;
	const char *argument; /* NULL: it takes none */
	const char *text;     /* NULL: not for people */
} options[] = {
	{OPT_USER, "user", "USER", "the account; root may name any, the default is your own"},
	{OPT_NAME, "name", "NAME", "who the key belongs to; rmkey NAME takes all of hers away"},
	{OPT_FOR, "for", "TIME", "let it in for 8h, 2d, …; sshd itself ends it then"},
	{OPT_UNTIL, "until", "TIME",
		"until 2026-12-31T18:00 or 2026-12-31 (local time; Z for UTC)"},
	{OPT_FROM, "from", "LIST", "only from these addresses or networks"},
	{OPT_OPTIONS, "options", "LIST", "options of sshd(8) before the key, as no-pty,restrict"},
	{OPT_DRY_RUN, "dry-run", NULL, "say what would be done, and do not do it"},
	{OPT_FORCE, "force", NULL, "do it although it is dangerous"},
	{OPT_FOREIGN, "foreign", NULL, "also lines that vastagent did not write"},
	{OPT_TEMPLATE, "template", NULL,
		"the keys come from a template: removed ones stay removed"},
	{OPT_PLATFORM_BYTES, "platform-bytes", NULL,
		"print the file without vastagent's lines, byte for byte"},
	{OPT_CHECK, "check", NULL, "only say what would be done"},
	{OPT_ALL, "all", NULL, "every key that vastagent keeps there"},
	{OPT_LOG, "log", NULL, "only what is wrong, one line each"},
	{OPT_FISH, "fish", NULL, "in the form that fish takes"},
	{OPT_KEYS, "keys", NULL, "also the keys that vastagent keeps"},
	{OPT_HAND_OVER, "hand-over", NULL, NULL},
	{OPT_READY, "ready", "DESCRIPTOR", NULL},
	{OPT_JSON, "json", NULL, "answer in JSON, for scripts"},
	{OPT_SOCKET, "socket", "PATH", "where the agent answers"},
	{OPT_CONFIG, "config", "FILE", "the configuration instead of " CONFIG_PATH},
	{OPT_HELP, "help", NULL, "this text"},
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

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

/* Whether a word stands in a list of words. */
static bool lists(const char *list, const char *word)
{
	size_t length = strlen(word);

	while ((list = strstr(list, word))) {
		if (list[length] == ' ' || list[length] == '\0')
			return true;
		list += length;
	}
	return false;
}

static bool takes(const struct command *command, size_t option)
{
	if (options[option].id < OPT_COMMON_END)
		return true;
	return lists(command->options, options[option].name);
}

void cli_print_usage(const struct command *command)
{
	char left[40];

	printf("usage: vastagent %s%s%s%s\n\n  %s\n", command->name,
		command->run_raw ? "" : " [OPTION...]", *command->operands ? " " : "",
		command->operands, command->summary);
	if (command->run_raw)
		return;
	putchar('\n');
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (!options[i].text || !takes(command, i))
			continue;
		snprintf(left, sizeof(left), "--%s %s", options[i].name,
			options[i].argument ? options[i].argument : "");
		printf("  %-17s %s\n", left, options[i].text);
	}
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
	case OPT_FOR:
		cli->duration = value;
		break;
	case OPT_UNTIL:
		cli->until = value;
		break;
	case OPT_FROM:
		cli->from = value;
		break;
	case OPT_OPTIONS:
		cli->options = value;
		break;
	case OPT_PLATFORM_BYTES:
		cli->platform_bytes = true;
		break;
	case OPT_CHECK:
		cli->check = true;
		break;
	case OPT_ALL:
		cli->all = true;
		break;
	case OPT_LOG:
		cli->log = true;
		break;
	case OPT_FISH:
		cli->fish = true;
		break;
	case OPT_HAND_OVER:
		cli->hand_over = true;
		break;
	case OPT_KEYS:
		cli->keys = true;
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
	if (strncmp(option, "----", 4) == 0)
		return cli_fail(-EX_USAGE,
			"%s: a key that begins with dashes goes behind --, or into a file",
			command->name);
	return cli_fail(-EX_USAGE, "%s: there is no option %.*s; see: vastagent %s --help",
		command->name, length < 40 ? length : 40, option, command->name);
}

static void fill_long_options(struct option long_options[OPTION_COUNT + 1])
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		long_options[i] = (struct option){options[i].name,
			options[i].argument ? required_argument : no_argument, NULL,
			(int)options[i].id};
	long_options[OPTION_COUNT] = (struct option){0};
}

int cli_parse(const struct command *command, int argc, char **argv, struct cli *cli)
{
	struct option long_options[OPTION_COUNT + 1];
	int option, index;

	*cli = (struct cli){.command = command->name, .ready = -1};
	fill_long_options(long_options);
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":h", long_options, &index)) != -1) {
		if (option == OPT_HELP || option == 'h') {
			cli_print_usage(command);
			return 1;
		}
		if (option == ':')
			return cli_fail(-EX_USAGE, "%s: %s needs an argument", command->name,
				argv[optind - 1]);
		if (option == '?')
			return refuse_unknown(command, argv[optind - 1]);
		if (!takes(command, (size_t)index))
			return cli_fail(-EX_USAGE,
				"%s does not take --%s; see: vastagent %s --help", command->name,
				options[index].name, command->name);
		if (apply(cli, option, optarg) != 0)
			return -EX_USAGE;
	}
	cli->count = argc - optind;
	cli->operands = argv + optind;
	fill_places(command, cli);
	return 0;
}
