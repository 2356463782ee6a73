#include "login/welcome.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "login/census.h"
#include "login/facts.h"
#include "login/tmux.h"
#include "sys/process.h"

#define MOTD_MAX (16 * 1024)

static bool has_file(const char *directory, const char *name)
{
	char path[PATH_MAX];

	return directory &&
	       (size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) < sizeof(path) &&
	       access(path, F_OK) == 0;
}

bool welcome_is_configured(const char *const *environment)
{
	const char *home = decision_variable(environment, "HOME");

	/* The last two since tmux 3.1 and 3.2. */
	return has_file("/etc", "tmux.conf") || has_file(home, ".tmux.conf") ||
	       has_file(decision_variable(environment, "XDG_CONFIG_HOME"), "tmux/tmux.conf") ||
	       has_file(home, ".config/tmux/tmux.conf");
}

/* The files that pam_motd(8) shows before a login on Debian, in its order. */
static void print_file(const char *path)
{
	char text[MOTD_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t length = fd >= 0 ? read(fd, text, sizeof(text)) : -1;

	if (fd >= 0)
		close(fd);
	if (length <= 0)
		return;
	fwrite(text, 1, (size_t)length, stdout);
	if (text[length - 1] != '\n')
		putchar('\n');
}

static void make_directories(char *path, const char *from)
{
	for (char *slash = strchr(path + strlen(from) + 1, '/'); slash;
		slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
}

/* Whether this is the account's first time; from now on it is not, if that can be written. */
static bool is_first_time(const char *home)
{
	char path[PATH_MAX];
	int fd;

	if (!home || (size_t)snprintf(path, sizeof(path), "%s/" WELCOME_MARK, home) >= sizeof(path))
		return true;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == ENOENT) {
		make_directories(path, home);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	}
	if (fd < 0)
		return errno != EEXIST;
	close(fd);
	return true;
}

static void print_welcome(const char *const *environment)
{
	const char *home = decision_variable(environment, "HOME");

	/* Other terminals than those of SSH had no message of the day before. */
	if (decision_variable(environment, "SSH_CONNECTION") && !has_file(home, ".hushlogin")) {
		print_file("/run/motd.dynamic");
		print_file("/etc/motd");
	}
	if (is_first_time(home))
		printf("This terminal is in tmux: what runs here goes on when the connection "
		       "breaks.\nCtrl-b d leaves, Ctrl-b [ scrolls (q ends it), "
		       "touch ~/.no_auto_tmux switches it off.\n");
}

/* "bash" -> "-bash", as tmux and login(1) mark a login shell. */
static void become_shell(const char *shell, const char *command, const char *const *environment)
{
	const char *base = strrchr(shell, '/');
	char name[NAME_MAX + 2];
	const char *const login[] = {name, NULL};
	const char *const run[] = {name, "-c", command, NULL};

	snprintf(name, sizeof(name), "%s%s", command ? "" : "-", base ? base + 1 : shell);
	execve(shell, (char *const *)(command ? run : login), (char *const *)environment);
}

void welcome_run(const struct facts *facts, const char *message)
{
	const char *const *environment = facts->decision.environment;
	/* tmux sets it to its default-shell. */
	const char *shell = decision_variable(environment, "SHELL");
	struct buffer output = BUFFER_EMPTY;
	struct tmux_command command;

	if (message)
		puts(message);
	else
		print_welcome(environment);
	fflush(stdout);
	if (!shell || *shell != '/')
		shell = "/bin/sh";
	if (welcome_is_configured(environment) && facts->decision.tmux_path) {
		tmux_default_command(&command, facts->tmux_path);
		process_capture(command.argv, environment, CENSUS_LIMIT, 64 * 1024, &output, NULL);
		if (output.length > 0 && output.data[output.length - 1] == '\n')
			output.data[--output.length] = '\0';
		if (output.length > 0)
			become_shell(shell, output.data, environment);
		buffer_free(&output);
	}
	become_shell(shell, NULL, environment);
	become_shell("/bin/sh", NULL, environment);
}
