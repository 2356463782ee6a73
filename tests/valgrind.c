/*
 * Linked to vastagent where it is built for valgrind: however the program is started, it
 * starts itself again in valgrind first. What that reports stands in a file of the instance,
 * in which lib/instance.sh looks for it at the end.
 */
#include <errno.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include <valgrind/valgrind.h>

#define VALGRIND "/usr/bin/valgrind"

int __real_execve(const char *path, char *const arguments[], char *const environment[]);
int __wrap_execve(const char *path, char *const arguments[], char *const environment[]);

/* In valgrind that link leads to valgrind for execve(2), and to the program for readlink(2). */
int __wrap_execve(const char *path, char *const arguments[], char *const environment[])
{
	char self[PATH_MAX] = "";

	if (strcmp(path, "/proc/self/exe") == 0 && readlink(path, self, sizeof(self) - 1) > 0)
		path = self;
	return __real_execve(path, arguments, environment);
}

/* For the trial whether a report is found (scenario/instance.sh). */
static void leak(void)
{
	char *volatile lost = malloc(1);

	lost = NULL;
	(void)lost;
}

__attribute__((constructor)) static void begin(int count, char **arguments, char **environment)
{
	/* A process number may come again, in a later boot. */
	char log[64];
	const char *const options[] = {VALGRIND, "--quiet", "--leak-check=full",
		"--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
		"--suppressions=" VALGRIND_SUPPRESSIONS, "--vgdb=no", log, "--"};
	const size_t first = sizeof(options) / sizeof(options[0]);
	char self[PATH_MAX] = "", **all;
	struct timespec now = {0};

	if (RUNNING_ON_VALGRIND) {
		prctl(PR_SET_NAME, "vastagent");
		if (getenv("VALGRIND_TRIAL"))
			leak();
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(log, sizeof(log), "--log-file=/sanitizer/report.%lld.%09ld.%%p",
		(long long)now.tv_sec, now.tv_nsec);
	all = calloc(first + (size_t)count + 1, sizeof(*all));
	if (access("/sanitizer", W_OK) != 0 || !all ||
		readlink("/proc/self/exe", self, sizeof(self) - 1) <= 0)
		return;
	memcpy(all, options, sizeof(options));
	memcpy(all + first, arguments, (size_t)count * sizeof(*all));
	all[first] = self;
	__real_execve(VALGRIND, all, environment);
	fprintf(stderr, "%s: %s\n", VALGRIND, strerror(errno));
}
