#include "cli/cli.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/nearest.h"
#include "cli/output.h"
#include "control/failure.h"
#include "control/paths.h"
#include "sys/config.h"

/* What getopt_long(3) returns for a row of the table: its number, from here on. */
#define FIRST_OPTION 256

#define TEXT(name, member, argument, text)                                                         \
	{                                                                                          \
		name, argument, text, offsetof(struct cli, member), 0, false                       \
	}
#define FLAG(name, member, text) TEXT(name, member, NULL, text)

static const struct {
	const char *name;
	const char *argument; /* NULL: it takes none */
	const char *text;     /* NULL: not for people */
	size_t place;         /* of the text, or of the flag, in struct cli; 0: not kept there */
	char letter;
	bool common; /* taken by every command */
} options[] = {
	TEXT("user", user, "USER", "the account; root may name any, the default is your own"),
	TEXT("name", name, "NAME",
		"who the key belongs to; for ssh-config, what ssh calls the instance"),
	TEXT("for", duration, "TIME", "let it in for 8h, 2d, …; sshd itself ends it then"),
	TEXT("until", until, "TIME",
		"until 2026-12-31T18:00 or 2026-12-31 (local time; Z for UTC)"),
	TEXT("from", from, "LIST", "only from these addresses or networks"),
	TEXT("options", options, "LIST", "options of sshd(8) before the key, as no-pty,restrict"),
	FLAG("dry-run", dry_run, "say what would be done, and do not do it"),
	FLAG("force", force, "do it although it is dangerous"),
	FLAG("foreign", foreign, "also lines that vastagent did not write"),
	FLAG("template", template, "the keys come from a template: removed ones stay removed"),
	FLAG("platform-bytes", platform_bytes,
		"print the file without vastagent's lines, byte for byte"),
	FLAG("check", check, "only say what would be done"),
	FLAG("all", all, "every key that vastagent keeps there; with keys, every account"),
	FLAG("log", log, "only what is wrong, one line each"),
	FLAG("fish", fish, "in the form that fish takes"),
	FLAG("watch", watch, "look again every two seconds, until q or Ctrl-C"),
	FLAG("follow", follow, "go on with what happens from now on, until Ctrl-C"),
	FLAG("known-hosts", known_hosts, "lines for ~/.ssh/known_hosts on your own machine"),
	{"forward", "PORT", "a port to forward, also as PORT:HOST:PORT; may be repeated",
		offsetof(struct cli, forwards), 'L', false},
	{"explain", NULL, "say what it would do, and which rule decides it", 0, 0, false},
	{"take", NULL, "the window with the job, also from another terminal", 0, 0, false},
	FLAG("keys", keys, "also the keys that vastagent keeps"),
	FLAG("image", image, "only install, into an image: start nothing, leave no state"),
	FLAG("hand-over", hand_over, NULL),
	TEXT("package", package, "STAGE", NULL),
	TEXT("ready", ready, "DESCRIPTOR", NULL),
	{"json", NULL, "answer in JSON, for scripts", offsetof(struct cli, json), 0, true},
	{"socket", "PATH", "where the agent answers", offsetof(struct cli, socket), 0, true},
	{"config", "FILE", "the configuration instead of " CONFIG_PATH,
		offsetof(struct cli, config), 0, true},
	{"help", NULL, "this text", 0, 'h', true},
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

/* What was last said of a failure, for cli_finish. */
static struct error said;

/* JSON takes valid UTF-8 only, which text_visible makes of anything. */
static void remember(enum error_code code, long line, const char *message)
{
	said.code = code;
	said.line = line;
	text_visible(said.message, sizeof(said.message), message, strlen(message));
}

int cli_fail(int status, const char *format, ...)
{
	char message[1024], visible[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	text_visible(visible, sizeof(visible), message, strlen(message));
	fprintf(stderr, "vastagent: %s\n", visible);
	remember(error_from_exit_status(status < 0 ? -status : status), 0, message);
	return status;
}

int cli_fail_error(const struct error *error)
{
	/* A line of what was pasted; a message about a file names its line itself. */
	if (error->line && error->code != ERROR_CONFIGURATION)
		cli_fail(0, "line %ld: %s", error->line, error->message);
	else
		cli_fail(0, "%s", error->message);
	remember(error->code, error->line, error->message);
	return error_exit_status(error->code);
}

static bool wants_json(int argc, char **argv)
{
	/* Any beginning of it is the option, too, as for getopt_long(3). */
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strlen(argv[i]) > 2 && strncmp("--json", argv[i], strlen(argv[i])) == 0)
			return true;
	return false;
}

int cli_finish(int argc, char **argv, int status)
{
	if (status == EX_OK || output_has_answered() || !wants_json(argc, argv))
		return status;
	if (said.code == ERROR_NONE)
		said.code = error_from_exit_status(status);
	output_json_steal(failure_pack(&said));
	return output_finish(status);
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
	/* A command that parses by itself takes what its row says and no more. */
	if (options[option].common && !command->run_raw)
		return true;
	return lists(command->options, options[option].name);
}

static void print_option(size_t option)
{
	char left[40];

	snprintf(left, sizeof(left), "%s%c%s--%s %s", options[option].letter ? "-" : "",
		options[option].letter ? options[option].letter : ' ',
		options[option].letter ? ", " : "", options[option].name,
		options[option].argument ? options[option].argument : "");
	printf("  %-19s %s\n", *left == ' ' ? left + 1 : left, options[option].text);
}

void cli_print_usage(const struct command *command)
{
	printf("usage: vastagent %s%s%s%s\n\n  %s\n\n", command->name,
		*command->options || !command->run_raw ? " [OPTION...]" : "",
		*command->operands ? " " : "", command->operands, command->summary);
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (options[i].text && takes(command, i))
			print_option(i);
}

static int add_forward(struct cli *cli, const char *value)
{
	if (cli->forward_count == CLI_FORWARDS)
		return cli_fail(-EX_USAGE, "at most %d forwards", CLI_FORWARDS);
	cli->forwards[cli->forward_count++] = value;
	return 0;
}

static int apply(struct cli *cli, size_t option, const char *value)
{
	char *place = (char *)cli + options[option].place;
	long number;

	if (options[option].place == offsetof(struct cli, forwards))
		return add_forward(cli, value);
	if (options[option].place == offsetof(struct cli, ready)) {
		if (text_number(value, 0, 1 << 20, &number) != 0)
			return cli_fail(-EX_USAGE, "--ready expects a descriptor");
		cli->ready = (int)number;
	} else if (options[option].argument) {
		*(const char **)(void *)place = value;
	} else {
		*(bool *)place = true;
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

/* " (did you mean --force?)", or nothing. */
static void suggest(const struct command *command, const char *option, char *out, size_t size)
{
	char word[40];
	struct nearest nearest = {.word = word};

	*out = '\0';
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(option, "=\n "), option);
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (options[i].text && takes(command, i))
			nearest_try(&nearest, options[i].name);
	if (nearest.best)
		snprintf(out, size, " (did you mean --%s?)", nearest.best);
}

/* A key that was pasted without "--" before it looks like options, and may be secret. */
static int refuse_unknown(const struct command *command, const char *option)
{
	int length = (int)strcspn(option, "=\n ");
	char meant[80];

	if (strstr(option, "PRIVATE KEY"))
		return cli_fail(-EX_DATAERR,
			"this is a PRIVATE key: keep it secret; what is added is the public one, "
			"which ends in .pub");
	if (strncmp(option, "----", 4) == 0)
		return cli_fail(-EX_USAGE,
			"%s: a key that begins with dashes goes behind --, or into a file",
			command->name);
	suggest(command, option + strspn(option, "-"), meant, sizeof(meant));
	return cli_fail(-EX_USAGE, "%s: there is no option %.*s%s; see: vastagent %s --help",
		command->name, length < 40 ? length : 40, option, meant, command->name);
}

/* letters has room for ":" and two bytes an option. */
static void fill_getopt(struct option long_options[OPTION_COUNT + 1], char *letters)
{
	*letters++ = ':';
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		bool argument = options[i].argument != NULL;

		long_options[i] = (struct option){options[i].name,
			argument ? required_argument : no_argument, NULL, FIRST_OPTION + (int)i};
		if (options[i].letter)
			*letters++ = options[i].letter;
		if (options[i].letter && argument)
			*letters++ = ':';
	}
	*letters = '\0';
	long_options[OPTION_COUNT] = (struct option){0};
}

/* The row of what getopt_long(3) returned. */
static size_t row_of(int returned)
{
	size_t row = 0;

	if (returned >= FIRST_OPTION)
		return (size_t)(returned - FIRST_OPTION);
	while (options[row].letter != returned)
		row++;
	return row;
}

static int take_option(const struct command *command, int returned, char **argv, struct cli *cli)
{
	char meant[80];
	size_t row;

	if (returned == ':')
		return cli_fail(
			-EX_USAGE, "%s: %s needs an argument", command->name, argv[optind - 1]);
	if (returned == '?')
		return refuse_unknown(command, argv[optind - 1]);
	row = row_of(returned);
	if (strcmp(options[row].name, "help") == 0) {
		cli_print_usage(command);
		return 1;
	}
	if (takes(command, row))
		return apply(cli, row, optarg);
	suggest(command, options[row].name, meant, sizeof(meant));
	return cli_fail(-EX_USAGE, "%s does not take --%s%s; see: vastagent %s --help",
		command->name, options[row].name, meant, command->name);
}

int cli_parse(const struct command *command, int argc, char **argv, struct cli *cli)
{
	struct option long_options[OPTION_COUNT + 1];
	char letters[2 * OPTION_COUNT + 2];
	int returned, result;

	*cli = (struct cli){.command = command->name, .ready = -1};
	fill_getopt(long_options, letters);
	opterr = 0;
	optind = 1;
	while ((returned = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		result = take_option(command, returned, argv, cli);
		if (result != 0)
			return result;
	}
	cli->count = argc - optind;
	cli->operands = argv + optind;
	fill_places(command, cli);
	return 0;
}
