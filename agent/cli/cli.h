/* What a command is given: its options and operands, parsed in one place. */
#ifndef VASTAGENT_CLI_CLI_H
#define VASTAGENT_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

struct error;

#define CLI_FORWARDS 64

struct cli {
	const char *command;
	const char *user, *name, *duration, *until, *from, *options, *package;
	const char *config, *socket; /* as given, else from the environment, else the default */
	bool default_place;          /* neither socket nor configuration was given */
	bool json, dry_run, force, foreign, template, all, check, platform_bytes, log, fish,
		hand_over, watch, follow, known_hosts, keys, image;
	const char *forwards[CLI_FORWARDS]; /* each -L */
	size_t forward_count;
	int ready; /* descriptor that `daemon` reports its start to, or -1 */
	int count; /* operands */
	char **operands;
};

struct command {
	const char *name;
	const char *operands; /* for the usage line */
	const char *options;  /* long options it takes beside the common ones, by spaces */
	const char *summary;
	int (*run)(const struct cli *cli);
	int (*run_raw)(int argc, char **argv); /* instead: parses by itself, but --help */
};

/*
 * Parses the arguments of a command (argv[0] is its name). Returns 0; 1 if help was
 * asked for and printed; or a negative exit status after a message on standard error.
 */
int cli_parse(const struct command *command, int argc, char **argv, struct cli *cli);

/* Prints how a command is used. */
void cli_print_usage(const struct command *command);

/* Prints "vastagent: …" to standard error, escaped. Returns status, to be returned. */
int cli_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for an error, with its line and its code's exit status. */
int cli_fail_error(const struct error *error);

/*
 * How every command ends: where --json stands among the arguments and the command failed
 * without an answer, what was last said of it goes to standard output as the API has it,
 * {"error":{"code","message"}}. Returns status.
 */
int cli_finish(int argc, char **argv, int status);

#endif
