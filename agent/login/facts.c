#include "login/facts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "login/procfs.h"
#include "sys/packages.h"

static void look_at_parents(struct facts *facts)
{
	pid_t parent = getppid();
	struct procfs_process process;

	/* The first string of cmdline; a NUL ends it. */
	if (procfs_read(parent, "cmdline", facts->parent_argv0, sizeof(facts->parent_argv0)) > 0)
		facts->decision.parent_argv0 = facts->parent_argv0;
	/* Only mosh is told by its name, and only its terminal is not SSH_TTY. */
	if (facts->decision.is_ssh_tty)
		return;
	if (procfs_look(parent, &process) != 0 ||
		procfs_read(process.parent, "comm", facts->grandparent,
			sizeof(facts->grandparent)) <= 0)
		return;
	facts->grandparent[strcspn(facts->grandparent, "\n")] = '\0';
	facts->decision.grandparent = facts->grandparent;
}

static bool is_same_terminal(const char *path)
{
	struct stat named, ours;

	/* A device is looked for under /dev only: any other path could hang. */
	if (!path || strncmp(path, "/dev/", 5) != 0)
		return false;
	if (stat(path, &named) != 0 || fstat(STDIN_FILENO, &ours) != 0)
		return false;
	return S_ISCHR(named.st_mode) && S_ISCHR(ours.st_mode) && named.st_rdev == ours.st_rdev &&
	       named.st_dev == ours.st_dev && named.st_ino == ours.st_ino;
}

static void look_at_terminal(struct decision_facts *facts)
{
	struct winsize size = {0};

	for (int fd = 0; fd < 3; fd++)
		facts->is_terminal[fd] = isatty(fd);
	facts->is_ssh_tty = is_same_terminal(decision_variable(facts->environment, "SSH_TTY"));
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
		facts->rows = size.ws_row;
		facts->columns = size.ws_col;
	}
}

static void look_for_opt_out(struct facts *facts)
{
	const char *home = decision_variable(facts->decision.environment, "HOME");
	struct stat status;
	int length = 0;

	facts->decision.opt_out = OPT_OUT_UNKNOWN;
	if (home && *home == '/')
		length = snprintf(
			facts->opt_out_path, sizeof(facts->opt_out_path), "%s/.no_auto_tmux", home);
	if (length <= 0 || (size_t)length >= sizeof(facts->opt_out_path)) {
		facts->opt_out_path[0] = '\0';
		return;
	}
	if (lstat(facts->opt_out_path, &status) == 0)
		facts->decision.opt_out = OPT_OUT_PRESENT;
	else if (errno == ENOENT)
		facts->decision.opt_out = OPT_OUT_ABSENT;
}

static bool is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/* Looks for dir/tmux in a list of directories; relative ones are no place for programs. */
static bool find_tmux_in(const char *list, char *out, size_t size)
{
	size_t length;
	int written;

	for (; *list; list += length + (list[length] == ':')) {
		length = strcspn(list, ":");
		if (*list != '/' || length > PATH_MAX)
			continue;
		written = snprintf(out, size, "%.*s/tmux", (int)length, list);
		if (written > 0 && (size_t)written < size && is_program(out))
			return true;
	}
	return false;
}

bool facts_find_tmux(const char *const *environment, char *out, size_t size)
{
	const char *path = decision_variable(environment, "PATH");

	return (path && find_tmux_in(path, out, size)) ||
	       find_tmux_in("/usr/local/bin:/usr/bin:/bin", out, size);
}

void facts_gather(struct facts *facts, const char *const *environment)
{
	*facts = (struct facts){.decision = {.environment = environment, .enabled = true}};
	look_at_terminal(&facts->decision);
	look_at_parents(facts);
	look_for_opt_out(facts);
	if (facts_find_tmux(environment, facts->tmux_path, sizeof(facts->tmux_path)))
		facts->decision.tmux_path = facts->tmux_path;
	else if (packages_install_command("", "tmux", facts->tmux_get, sizeof(facts->tmux_get)))
		facts->decision.tmux_get = facts->tmux_get;
}

/* terminfo(5): directory/x/xterm, or with the letter's code in hexadecimal, directory/78/xterm. */
static bool is_described_in(const char *directory, size_t length, const char *term)
{
	char path[PATH_MAX];
	int written;

	if (length == 0 || *directory != '/' || length > PATH_MAX)
		return false;
	written = snprintf(path, sizeof(path), "%.*s/%c/%s", (int)length, directory, *term, term);
	if (written > 0 && (size_t)written < sizeof(path) && access(path, R_OK) == 0)
		return true;
	written = snprintf(path, sizeof(path), "%.*s/%02x/%s", (int)length, directory,
		(unsigned char)*term, term);
	return written > 0 && (size_t)written < sizeof(path) && access(path, R_OK) == 0;
}

static bool is_described_in_any(const char *list, const char *term)
{
	size_t length;

	for (; *list; list += length + (list[length] == ':')) {
		length = strcspn(list, ":");
		if (is_described_in(list, length, term))
			return true;
	}
	return false;
}

bool facts_knows_terminal(const char *term, const char *const *environment)
{
	static const char compiled_in[] = "/etc/terminfo:/lib/terminfo:/usr/share/terminfo:"
					  "/usr/lib/terminfo:/usr/local/share/terminfo";
	const char *own = decision_variable(environment, "TERMINFO");
	const char *list = decision_variable(environment, "TERMINFO_DIRS");
	const char *home = decision_variable(environment, "HOME");
	char path[PATH_MAX];

	if (!*term || *term == '.' || strlen(term) > 64 || strchr(term, '/'))
		return false;
	if (own && is_described_in(own, strlen(own), term))
		return true;
	if (home && (size_t)snprintf(path, sizeof(path), "%s/.terminfo", home) < sizeof(path) &&
		is_described_in(path, strlen(path), term))
		return true;
	return (list && is_described_in_any(list, term)) || is_described_in_any(compiled_in, term);
}
