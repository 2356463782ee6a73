/* `vastagent uninstall`: everything as it was before, but for the keys that get in. */
#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/agent.h"
#include "cli/bundle.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/traces.h"
#include "keys/store.h"
#include "login/environment_store.h"
#include "login/rcfiles.h"
#include "login/welcome.h"
#include "net/as_account.h"
#include "sys/account.h"
#include "sys/config.h"
#include "sys/statefile.h"

#define ACCOUNT_LIMIT 4096
#define CONFIG_LIMIT  (1024L * 1024)
#define HOME_LIMIT_MS 3000
/* It is in packages only. */
#define PACKAGED      "/usr/share/vastagent/hook.sh"
#define RUN_DIRECTORY "/run/vastagent"

/* Where onstart.sh puts the program; what links to it, stands first. */
static const char *const programs[] = {"/usr/bin/vastagent", "/usr/local/bin/vastagent"};

/* What onstart.sh puts into an image of the platform's. */
static const char *const texts[] = {
	"/etc/vast_agents/vastagent.md", "/etc/vast_boot.d/49-vastagent.sh"};

#define TEXT_COUNT    (sizeof(texts) / sizeof(texts[0]))
#define PROGRAM_COUNT (sizeof(programs) / sizeof(programs[0]))

/* In a child that has become the account: the mark, and the directory that it is alone in. */
static void remove_mark(void *context, uid_t uid, FILE *out)
{
	const struct account *account = context;
	char path[PATH_MAX];

	(void)uid;
	if (snprintf(path, sizeof(path), "%s/" WELCOME_MARK, account->home) >= (int)sizeof(path) ||
		unlink(path) != 0)
		return;
	fprintf(out, "removed %s", path);
	rmdir(dirname(path));
}

/* One that cannot be removed harms nobody. */
static void forget_welcome(struct account *account)
{
	struct buffer answer = BUFFER_EMPTY;

	if (as_account_ask(account->uid, remove_mark, account, HOME_LIMIT_MS, &answer, NULL) == 0 &&
		answer.length)
		output_line("%s", answer.data);
	buffer_free(&answer);
}

static int give_back_home(const char *user, struct error *error)
{
	struct rcfiles_result result;
	struct account account = {0};
	int status = account_by_name(user, &account, error);

	/* The guard holds the path of the program that made it. Twice: where one program went
	 * beside another, its guard stands before the other's. */
	for (size_t i = 0; status == 0 && i < 2 * PROGRAM_COUNT; i++) {
		status = rcfiles_supersede(
			&account, programs[i % PROGRAM_COUNT], false, &result, error);
		if (result.changed)
			output_line("gave back the platform's tmux block of %s", user);
	}
	if (status == 0)
		forget_welcome(&account);
	account_free(&account);
	return status;
}

/* An account that cannot be looked at keeps the guard, which holds for the program only. */
static int give_back_all(void)
{
	struct error error;
	char **names = NULL;
	size_t count = 0;
	int status = EX_OK;

	if (account_list(&names, &count, ACCOUNT_LIMIT, &error) != 0)
		return agent_report(&error);
	for (size_t i = 0; i < count; i++) {
		if (give_back_home(names[i], &error) != 0) {
			agent_report(&error);
			status = EX_TEMPFAIL;
		}
		free(names[i]);
	}
	free(names);
	return status;
}

static int remove_hook(void)
{
	static const char *const arguments[] = {"remove", NULL};
	struct error error;
	int status = bundle_run("hook.sh", arguments, &error);

	return status < 0 ? agent_report(&error) : status;
}

static int remove_file(const char *path)
{
	if (unlink(path) == 0)
		output_line("removed %s", path);
	else if (errno != ENOENT)
		return cli_fail(EX_CANTCREAT, "cannot remove %s: %s", path, strerror(errno));
	return EX_OK;
}

/* Sockets, locks and what was handed over: all of it is of this start only. */
static void remove_directory(const char *name)
{
	DIR *directory = opendir(name);
	char path[PATH_MAX];

	while (directory) {
		const struct dirent *entry = readdir(directory);

		if (!entry)
			break;
		snprintf(path, sizeof(path), "%s/%s", name, entry->d_name);
		unlink(path);
	}
	if (directory)
		closedir(directory);
	rmdir(name);
}

/* Stores of keys that stay, stay. */
static void remove_empty(const char *state_dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/keys", state_dir);
	rmdir(path);
	rmdir(state_dir);
}

/* The default one only: another is somebody's work. */
static int remove_config(void)
{
	struct buffer content = BUFFER_EMPTY;
	const struct bundle_file *file = bundle_files;
	bool exists = false, ours;
	int status = EX_OK;

	while (file->path && strcmp(file->path, "packaging/vastagent.conf") != 0)
		file++;
	if (statefile_read(CONFIG_PATH, CONFIG_LIMIT, &content, &exists, NULL) != 0)
		exists = true;
	ours = file->path && content.length == file->size &&
	       memcmp(content.data, file->data, file->size) == 0;
	if (exists && ours)
		status = remove_file(CONFIG_PATH);
	else if (exists)
		output_line("kept %s: it is not the default one", CONFIG_PATH);
	buffer_free(&content);
	return status;
}

static int remove_files(const char *const paths[], size_t count)
{
	int status = EX_OK;

	for (size_t i = 0; i < count; i++) {
		int failed = remove_file(paths[i]);
		status = failed ? failed : status;
	}
	return status;
}

static void tell_kept(void *context, const char *user)
{
	const struct config *config = context;

	output_line("kept the keys of %s, and what is known of them in %s; nothing restores them "
		    "from now on",
		user, config->state_dir);
}

static int take_away(struct config *config, bool keys)
{
	int first = remove_hook(), texts_gone = remove_files(texts, TEXT_COUNT),
	    blocks = give_back_all(), forgotten = EX_OK, configured;

	if (keys)
		forgotten = traces_forget_keys(config, false, false, NULL);
	else
		store_each_account(config->state_dir, tell_kept, config);
	traces_remove_files(config, false, NULL);
	remove_directory(ENVIRONMENT_DIRECTORY);
	remove_directory(RUN_DIRECTORY);
	remove_empty(config->state_dir);
	if (first == EX_OK)
		first = texts_gone ? texts_gone : blocks ? blocks : forgotten;
	/* What did not go is tried again by the same command: it must stay for that. */
	if (first != EX_OK)
		return cli_fail(first, "not all is gone: see above; when that is repaired, run "
				       "vastagent uninstall again");
	configured = remove_config();
	first = remove_files(programs, PROGRAM_COUNT);
	return first ? first : configured;
}

/* What a package is asked for before its files go; its keys and its journal are kept. */
static int take_away_hook(struct config *config)
{
	int hook = remove_hook(), blocks = give_back_all();

	store_each_account(config->state_dir, tell_kept, config);
	remove_directory(ENVIRONMENT_DIRECTORY);
	remove_directory(RUN_DIRECTORY);
	return hook ? hook : blocks;
}

/* And what when it is purged: a key that gets in is not taken away unasked. */
static int take_away_state(struct config *config)
{
	int status = traces_forget_keys(config, false, true, NULL);

	traces_remove_files(config, false, NULL);
	remove_directory(RUN_DIRECTORY);
	remove_empty(config->state_dir);
	return status;
}

/* For the package's scripts, which must get through: a configuration that cannot be read
 * is none. */
static int uninstall_package(const struct cli *cli)
{
	struct config config = {0};
	struct error error;
	int status = EX_OK;

	if (config_load(cli->config, &config, &error) != 0)
		agent_report(&error);
	if (!config.state_dir && config_parse("", "", &config, &error) != 0)
		return agent_report(&error);
	if (strcmp(cli->package, "purge") == 0)
		status = take_away_state(&config);
	else if ((status = cmd_stop(cli)) == EX_OK)
		status = take_away_hook(&config);
	config_free(&config);
	return output_finish(status);
}

int cmd_uninstall(const struct cli *cli)
{
	struct cli as_text = *cli;
	struct config config = {0};
	struct error error;
	int status;

	if (cli->count)
		return cli_fail(EX_USAGE, "uninstall takes no '%s'", cli->operands[0]);
	if (geteuid() != 0)
		return cli_fail(EX_NOPERM, "only root uninstalls vastagent");
	if (cli->package)
		return uninstall_package(cli);
	if (access(PACKAGED, F_OK) == 0)
		return cli_fail(EX_UNAVAILABLE, "vastagent is installed as a package; remove that "
						"first: apt-get purge vastagent");
	if (config_load(cli->config, &config, &error) != 0)
		return agent_report(&error);
	as_text.json = false; /* as is the rest, of which the hook's script says a part */
	status = cmd_stop(&as_text);
	if (status == EX_OK)
		status = take_away(&config, cli->keys);
	config_free(&config);
	return output_finish(status);
}
