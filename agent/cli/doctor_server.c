/* Is there an sshd, does it listen, and could it start? */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/doctor.h"
#include "cli/doctor_checks.h"
#include "net/processes.h"
#include "net/sockets.h"
#include "sys/packages.h"
#include "sys/sshd_version.h"

#define PRIVSEP_DIRECTORY "/run/sshd"

/* What sshd says of itself when it is asked for its settings. */
static void check_answer(struct doctor *doctor)
{
	const struct sshd_settings *settings = &doctor->settings;

	if (settings->asked)
		return;
	if (!doctor->root) {
		doctor_add(doctor, DOCTOR_WARN, "sshd.settings", NULL,
			"sshd's own view of its settings: not checked: needs root; what follows is "
			"read from %s without its Match blocks",
			settings->config);
	} else if (strstr(settings->why, "no hostkeys")) {
		doctor_block(doctor, "sshd.hostkeys", doctor_fix("ssh-keygen -A"),
			"sshd has no host keys in /etc/ssh and takes no connections; its settings "
			"are read from sshd_config without its Match blocks");
	} else if (strstr(settings->why, "privilege separation")) {
		doctor_block(doctor, "sshd.rundir",
			doctor_fix("mkdir -p -m 755 " PRIVSEP_DIRECTORY),
			"the directory " PRIVSEP_DIRECTORY
			" is missing: sshd ends every connection "
			"at once");
	} else {
		doctor_block(doctor, "sshd.config", NULL,
			"sshd does not take its own configuration: %s; an sshd that still runs "
			"goes "
			"on with the old one, and sshd -t tests a new one",
			*settings->why ? settings->why : "no answer");
	}
}

static void check_run_directory(struct doctor *doctor)
{
	struct stat what;

	if (stat(PRIVSEP_DIRECTORY, &what) == 0 || !doctor->settings.debian ||
		strstr(doctor->settings.why, "privilege separation"))
		return;
	doctor_block(doctor, "sshd.rundir", doctor_fix("mkdir -p -m 755 " PRIVSEP_DIRECTORY),
		"the directory " PRIVSEP_DIRECTORY
		" is missing: sshd ends every connection at once");
}

static bool wants_port(const struct doctor *doctor, uint16_t port)
{
	const char *text;
	long number;

	for (size_t i = 0; (text = sshd_settings_nth(&doctor->settings, "port", i)); i++)
		if (text_number(text, 1, 65535, &number) == 0 && number == port)
			return true;
	return !sshd_settings_get(&doctor->settings, "port") && port == 22;
}

static bool is_served(const struct net_processes *processes)
{
	for (size_t i = 0; i < processes->count; i++)
		if (processes->list[i].server)
			return true;
	return false;
}

static char *fix_start(const struct doctor *doctor)
{
	if (access("/run/systemd/system", F_OK) == 0)
		return doctor_fix("systemctl start ssh");
	return doctor_fix("mkdir -p -m 755 " PRIVSEP_DIRECTORY " && %s", doctor->settings.program);
}

static void check_listening(struct doctor *doctor)
{
	struct net_sockets sockets;
	struct net_processes processes;
	const struct net_socket *found = NULL;
	char where[NET_ADDRESS_TEXT];
	bool served;

	if (net_sockets_read(&sockets, false, NULL) != 0 ||
		net_processes_read(&processes, NULL) != 0)
		goto out;
	for (size_t i = 0; i < sockets.count && !found; i++)
		if (sockets.list[i].state == TCP_LISTEN &&
			wants_port(doctor, sockets.list[i].local.port))
			found = &sockets.list[i];
	served = is_served(&processes);
	for (size_t i = 0; i < processes.count; i++)
		if (processes.list[i].server && strncmp(processes.list[i].comm, "dropbear", 8) == 0)
			doctor->rules.dropbear = true;
	if (found && served)
		doctor_add(doctor, DOCTOR_OK, "sshd.running", NULL, "sshd listens on %s",
			net_address_format(where, &found->local));
	else if (found)
		doctor_add(doctor, DOCTOR_WARN, "sshd.running", NULL,
			"something listens on %s, and no sshd runs that could be it",
			net_address_format(where, &found->local));
	else
		doctor_block(doctor, "sshd.running", fix_start(doctor),
			"nothing listens on sshd's port: %s",
			served ? "an sshd runs, and serves open connections only" : "no sshd runs");
	net_processes_free(&processes);
out:
	net_sockets_free(&sockets);
}

/* Where there is no sshd: dropbear lets keys in, too. */
static void check_other_server(struct doctor *doctor)
{
	char command[128];

	doctor->rules.dropbear = sshd_version_local()->kind == SSHD_DROPBEAR;
	if (doctor->rules.dropbear)
		doctor_add(doctor, DOCTOR_WARN, "sshd.program", NULL,
			"the ssh server here is dropbear, whose settings are not looked at");
	else
		doctor_block(doctor, "sshd.program",
			packages_install_command("", "openssh-server", command, sizeof(command))
				? doctor_fix("%s", command)
				: NULL,
			"there is no ssh server on this machine that is known here");
}

void doctor_check_server(struct doctor *doctor)
{
	if (!doctor->settings.program) {
		check_other_server(doctor);
		return;
	}
	doctor_add(doctor, DOCTOR_OK, "sshd.program", NULL, "%s is %s", doctor->settings.program,
		*doctor->settings.release ? doctor->settings.release : "of a release not known");
	check_answer(doctor);
	check_run_directory(doctor);
	check_listening(doctor);
}
