#include "cli/cmd_login.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <jansson.h>

#include "base/log.h"
#include "cli/agent.h"
#include "cli/output.h"
#include "login/client.h"
#include "login/facts.h"
#include "login/session.h"
#include "login/welcome.h"
#include "sys/config.h"

#define WORDS(list) ((const char *const *)(list))

static int usage(void)
{
	log_error("usage: vastagent login [--explain [--json] | on | off]");
	return EX_USAGE;
}

/* Standard output may be a full disk: what could not be printed was not said. */
static int finish_output(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EX_OK;
	log_error("cannot write the answer: %s", strerror(errno));
	return EX_IOERR;
}

struct session_settings cmd_login_settings(struct config *config)
{
	struct session_settings settings = SESSION_SETTINGS_DEFAULT;

	*config = (struct config){0};
	if (config_load(CONFIG_PATH, config, NULL) != 0)
		return settings;
	settings.tmux = config->login_tmux;
	settings.logout = config->login_logout;
	if (config->login_session)
		settings.session = config->login_session;
	return settings;
}

static int enter(const struct facts *facts, const struct session_settings *settings)
{
	struct client_outcome outcome;

	switch (session_run(facts, settings, &outcome)) {
	case SESSION_OVER:
		return CMD_LOGIN_OVER;
	case SESSION_LEFT:
		return CMD_LOGIN_LEFT;
	case SESSION_BROKEN:
		break;
	}
	log_warning("%s; this is a plain shell", outcome.reason);
	return CMD_LOGIN_BROKEN;
}

static int run_hook(void)
{
	struct session_settings settings;
	struct decision decision;
	struct config config;
	struct facts facts;
	int status = CMD_LOGIN_PLAIN;

	facts_gather(&facts, WORDS(environ));
	decision_make(&facts.decision, &decision);
	/* The configuration costs a file, so it is read only where it matters. */
	if (!decision.attach)
		return CMD_LOGIN_PLAIN;
	settings = cmd_login_settings(&config);
	if (settings.tmux)
		status = enter(&facts, &settings);
	config_free(&config);
	return status;
}

static int print_json(const struct decision *decision)
{
	json_t *answer =
		json_pack("{s:s, s:s, s:s}", "verdict", decision->attach ? "tmux" : "plain", "rule",
			decision->rule, "reason", decision->reason);

	if (!answer || json_dumpf(answer, stdout, 0) != 0) {
		log_error("out of memory");
		json_decref(answer);
		return EX_TEMPFAIL;
	}
	json_decref(answer);
	putchar('\n');
	return finish_output();
}

static int explain(bool as_json)
{
	struct config config;
	const struct session_settings settings = cmd_login_settings(&config);
	struct decision decision;
	struct facts facts;

	facts_gather(&facts, WORDS(environ));
	facts.decision.enabled = settings.tmux;
	config_free(&config);
	decision_make(&facts.decision, &decision);
	if (as_json)
		return print_json(&decision);
	output_line("%s: %s (rule: %s)", decision.attach ? "tmux" : "plain shell", decision.reason,
		decision.rule);
	return finish_output();
}

static int switch_off(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd >= 0) {
		close(fd);
		printf("made %s: the next login is a plain shell ('vastagent login on' undoes "
		       "this)\n",
			path);
		return finish_output();
	}
	if (errno != EEXIST) {
		log_error("cannot make %s: %s", path, strerror(errno));
		return EX_CANTCREAT;
	}
	printf("%s was there already: logins are plain shells\n", path);
	return finish_output();
}

static int switch_on(const char *path)
{
	if (unlink(path) == 0 || (errno == EISDIR && rmdir(path) == 0)) {
		printf("removed %s: the next login is in tmux\n", path);
		return finish_output();
	}
	if (errno != ENOENT) {
		log_error("cannot remove %s: %s", path, strerror(errno));
		return EX_CANTCREAT;
	}
	printf("%s was not there: logins are in tmux already\n", path);
	return finish_output();
}

static int set_switch(bool on)
{
	struct facts facts;

	facts_gather(&facts, WORDS(environ));
	if (!facts.opt_out_path[0]) {
		log_error("HOME is not an absolute path, so ~/.no_auto_tmux has no place");
		return EX_USAGE;
	}
	return on ? switch_on(facts.opt_out_path) : switch_off(facts.opt_out_path);
}

static int welcome(const char *message)
{
	struct facts facts;

	facts_gather(&facts, WORDS(environ));
	welcome_run(&facts, message);
	log_error("there is no shell to start");
	return EX_UNAVAILABLE;
}

int cmd_login(int argc, char **argv)
{
	static const struct option options[] = {
		{"explain", no_argument, NULL, 'e'}, {"json", no_argument, NULL, 'j'}, {0}};
	bool wants_reason = false, as_json = false;
	int option;

	if (argc == 1) {
		/* By its default action, which ends a wait for a dead network's files, too. */
		alarm(SESSION_ENTRY_LIMIT);
		agent_revive();
		return run_hook();
	}
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'e')
			wants_reason = true;
		else if (option == 'j')
			as_json = true;
		else
			return EX_USAGE;
	}
	/* Not for people: what runs in a new window. */
	if (!wants_reason && !as_json && (argc == 2 || argc == 3) &&
		strcmp(argv[1], "welcome") == 0)
		return welcome(argv[2]);
	if (wants_reason && optind == argc)
		return explain(as_json);
	if (!wants_reason && !as_json && argc == 2 && strcmp(argv[1], "on") == 0)
		return set_switch(true);
	if (!wants_reason && !as_json && argc == 2 && strcmp(argv[1], "off") == 0)
		return set_switch(false);
	return usage();
}
