/* vastagent: one binary. This file is the table of its commands. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/cmd_attach.h"
#include "cli/cmd_login.h"
#include "cli/commands.h"
#include "cli/nearest.h"
#include "cli/output.h"
#include "daemon/daemon.h"
#include "daemon/parent.h"

/* Here, since the commands of cli/ are the agent's clients and do not link it. */
static int cmd_daemon(const struct cli *cli)
{
	const struct daemon_start start = {
		.config_path = cli->config, .socket = cli->socket, .ready = cli->ready};

	if (cli->count)
		return cli_fail(EX_USAGE, "daemon takes no '%s'", cli->operands[0]);
	log_set_level(LOG_LEVEL_INFO);
	/* In the background it writes to a file; a terminal or a journal knows the time. */
	log_set_timestamps(cli->ready >= 0);
	/* In the foreground there is a service manager, or somebody who looks on. */
	return cli->ready >= 0 ? parent_run(&start) : daemon_run(&start);
}

static const struct command commands[] = {
	{"addkey", "KEY... | FILE... | -",
		"user name for until from options dry-run force template",
		"let a public key in, now and for good", cmd_addkey, NULL},
	{"rmkey", "FINGERPRINT | NAME | COMMENT... | --all", "user all foreign force",
		"take a key away again, for good", cmd_rmkey, NULL},
	{"keys", "", "user all platform-bytes", "list the keys that get in, and those that do not",
		cmd_keys, NULL},
	{"undo", "", "user", "bring back what was last removed", cmd_undo, NULL},
	{"sync", "FILE... | -", "user name force dry-run",
		"make the keys of one name exactly these", cmd_sync, NULL},
	{"doctor", "[KEY | FILE | -]", "user log",
		"why a key would be refused, and what repairs it", cmd_doctor, NULL},
	{"sessions", "", "watch", "list who is logged in by SSH", cmd_sessions, NULL},
	{"forwards", "", "watch", "list the ports and sockets forwarded through SSH", cmd_forwards,
		NULL},
	{"services", "", "watch", "list what listens here, and how to reach it", cmd_services,
		NULL},
	{"events", "", "follow", "what happened to keys: the journal", cmd_events, NULL},
	{"hostkeys", "", "known-hosts", "the server's keys, to compare at the first connection",
		cmd_hostkeys, NULL},
	{"ssh-config", "", "name user forward", "a block for ssh's configuration on your machine",
		cmd_ssh_config, NULL},
	{"login", "[on | off]", "explain json help",
		"what the login hook runs; on and off switch tmux for you", NULL, cmd_login},
	{"env", "", "fish hand-over", "print the instance's variables for a shell", cmd_env, NULL},
	{"attach", "", "take help", "the session of your logins, from any other terminal", NULL,
		cmd_attach},
	{"status", "", "", "how the agent is", cmd_status, NULL},
	{"start", "", "hand-over", "start the agent in the background", cmd_start, NULL},
	{"stop", "", "", "stop it; the keys stay", cmd_stop, NULL},
	{"pause", "[10m]", "", "stop restoring keys, for a time or until resume", cmd_pause, NULL},
	{"resume", "", "", "restore keys again", cmd_resume, NULL},
	{"reload", "", "", "read the configuration again", cmd_reload, NULL},
	{"adopt", "", "", "take over the keys of the instance that this one was copied from",
		cmd_adopt, NULL},
	{"clean-image", "", "check", "forget all keys and logs, before an image is saved",
		cmd_clean_image, NULL},
	{"onstart", "", "image", "install this program, start it, and report", cmd_onstart, NULL},
	{"uninstall", "", "keys package", "take everything away but the keys that get in",
		cmd_uninstall, NULL},
	{"daemon", "", "ready", "be the agent, in the foreground", cmd_daemon, NULL},
	{"version", "", "", "print the version", cmd_version, NULL},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
	fprintf(out, "usage: vastagent COMMAND [OPTION...]\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-11s  %s\n", commands[i].name, commands[i].summary);
	fprintf(out,
		"\nvastagent COMMAND --help says how to use one; vastagent(1) says it all, and "
		"vastagent-guide(7)\nwhat to do by symptom.\n");
}

static const struct command *find(const char *name)
{
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		name = "version";
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int fail_unknown(const char *name)
{
	struct nearest nearest = {.word = name};

	nearest_try(&nearest, "help");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		nearest_try(&nearest, commands[i].name);
	if (nearest.best)
		return cli_fail(EX_USAGE, "there is no command '%s'; did you mean: vastagent %s",
			name, nearest.best);
	return cli_fail(EX_USAGE, "there is no command '%s'; see: vastagent help", name);
}

/*
 * Where memory is out jansson leaves out a member that may be missing (json_pack's "s*") and
 * bytes of texts, and says nothing: a request without its account is another request.
 */
static void *allocate(size_t size)
{
	void *memory = malloc(size);

	if (!memory)
		exit(cli_fail(EX_OSERR, "out of memory"));
	return memory;
}

static int run(const struct command *command, int argc, char **argv)
{
	struct cli cli;
	int parsed;

	if (command->run_raw && argc == 2 &&
		(strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		cli_print_usage(command);
		return output_finish(EX_OK);
	}
	if (command->run_raw)
		return command->run_raw(argc, argv);
	parsed = cli_parse(command, argc, argv, &cli);
	if (parsed != 0)
		return parsed > 0 ? output_finish(EX_OK) : -parsed;
	json_set_alloc_funcs(allocate, free);
	return command->run(&cli);
}

static int help(const char *name)
{
	const struct command *command = name ? find(name) : NULL;

	if (name && !command)
		return fail_unknown(name);
	if (command)
		cli_print_usage(command);
	else
		print_help(stdout);
	return output_finish(EX_OK);
}

static int dispatch(int argc, char **argv)
{
	const char *name = argv[1];
	const struct command *command;

	if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return help(argv[2]);
	command = find(name);
	return command ? run(command, argc - 1, argv + 1) : fail_unknown(name);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return EX_USAGE;
	}
	return cli_finish(argc, argv, dispatch(argc, argv));
}
