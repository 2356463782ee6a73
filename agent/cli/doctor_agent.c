/* The agent, the login into tmux, and room on the file systems. None of it keeps a key
 * out that is in the file: these are warnings. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/agent.h"
#include "cli/cli.h"
#include "cli/doctor.h"
#include "cli/doctor_checks.h"
#include "cli/output.h"
#include "control/client.h"
#include "control/paths.h"
#include "login/facts.h"
#include "sys/config.h"
#include "sys/packages.h"

#define HOOK      "/etc/profile.d/zz-vastagent.sh"
#define BESIDE    "/usr/local/bin/vastagent"
#define PACKAGED  "/usr/share/vastagent/hook.sh" /* in packages only */
#define LOW_BYTES (1024ULL * 1024)
#define LOW_FILES 16ULL

void doctor_check_agent(struct doctor *doctor)
{
	const struct control_request request = {.method = "GET", .path = CONTROL_STATUS};
	json_t *answer = NULL;
	const json_t *warning;
	struct error error;
	size_t i;

	if (agent_ask_running(doctor->cli, &request, &answer, &error) != 0) {
		doctor_add(doctor, DOCTOR_WARN, "agent.stopped", doctor_fix("vastagent start"),
			"the agent does not answer: keys in the file work, and nothing puts them "
			"back when the platform rewrites it (%s)",
			error.message);
		json_decref(answer);
		return;
	}
	doctor_add(doctor, DOCTOR_OK, "agent", NULL, "the agent runs: pid %lld",
		(long long)json_integer_value(json_object_get(answer, "pid")));
	if (json_is_true(json_object_get(answer, "paused")))
		doctor_add(doctor, DOCTOR_WARN, "agent.paused", doctor_fix("vastagent resume"),
			"the agent is paused: it restores nothing");
	json_array_foreach(json_object_get(answer, "warnings"), i, warning)
		doctor_add(doctor, DOCTOR_WARN, "agent.warning", NULL, "%s",
			json_string_value(warning));
	json_decref(answer);
}

static void check_tmux(struct doctor *doctor)
{
	char path[PATH_MAX], command[80];
	char *fix = NULL;

	if (facts_find_tmux((const char *const *)environ, path, sizeof(path)))
		return;
	if (packages_install_command("", "tmux", command, sizeof(command)))
		fix = doctor_fix("%s", command);
	doctor_add(doctor, DOCTOR_WARN, "login.tmux", fix,
		"there is no tmux: logins are plain shells, and what runs in them ends with the "
		"connection%s",
		fix ? "" : "; install it with the image's package manager");
}

void doctor_check_login(struct doctor *doctor)
{
	if (access(HOOK, F_OK) != 0)
		doctor_add(doctor, DOCTOR_WARN, "login.hook", NULL,
			"the login hook is not installed (" HOOK
			"), logins do not go into tmux; in "
			"vastagent's source: onstart/hook.sh install");
	if (access(BESIDE, X_OK) == 0 && access(PACKAGED, F_OK) == 0)
		doctor_add(doctor, DOCTOR_WARN, "agent.two", NULL,
			"there are two programs: " BESIDE " is what logins, the agent and the "
			"command line use, and the package's is not used; apt-get purge vastagent "
			"takes that one away, or rm " BESIDE
			" and dpkg-reconfigure vastagent put it to use");
	check_tmux(doctor);
}

static void report_space(struct doctor *doctor, const char *place, bool read_only,
	unsigned long long bytes, unsigned long long files)
{
	if (read_only)
		doctor_add(doctor, DOCTOR_WARN, "space.read-only", NULL,
			"%s is read-only: keys can be neither added nor put back", place);
	else if (bytes < LOW_BYTES)
		doctor_add(doctor, DOCTOR_WARN, "space.full", NULL,
			"%s has %llu bytes left: keys can be neither added nor put back; df -h "
			"shows "
			"the file system",
			place, bytes);
	else if (files < LOW_FILES)
		doctor_add(doctor, DOCTOR_WARN, "space.files", NULL,
			"%s has room for %llu files: keys can be neither added nor put back; df -i "
			"shows the file system",
			place, files);
}

void doctor_check_space(struct doctor *doctor)
{
	const struct pathcheck *check = doctor->file_count ? &doctor->files[0].check : NULL;
	struct config config = {0};
	struct statvfs what;
	const char *place;

	if (check && check->where)
		report_space(doctor, doctor->account.home, check->read_only, check->free_bytes,
			check->free_files);
	if (!doctor->root || config_load(doctor->cli->config, &config, NULL) != 0)
		return;
	place = config.state_dir;
	if (place && statvfs(place, &what) == 0)
		report_space(doctor, place, (what.f_flag & ST_RDONLY) != 0,
			(unsigned long long)what.f_bavail * what.f_frsize,
			what.f_files ? what.f_favail : ~0ULL);
	config_free(&config);
}
