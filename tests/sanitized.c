/*
 * What the sanitizers do in a program that scenarios run: linked to vastagent where it is
 * built with them. Whoever starts it, and wherever its standard error goes, a report stands
 * in a file of the instance, in which lib/instance.sh looks for it at the end.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define COMMON "strict_string_checks=1:detect_stack_use_after_return=1:print_stacktrace=1"

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
const char *__lsan_default_options(void);
const char *__lsan_default_suppressions(void);
int __lsan_is_turned_off(void);

/* Called before the program's first instruction: no library, and no instrumentation. */
__attribute__((no_sanitize("address", "undefined"))) const char *__asan_default_options(void)
{
	return access("/sanitizer", W_OK) == 0 ? COMMON ":log_path=/sanitizer/report" : COMMON;
}

__attribute__((no_sanitize("address", "undefined"))) const char *__ubsan_default_options(void)
{
	return __asan_default_options();
}

const char *__lsan_default_options(void)
{
	return "print_suppressions=0";
}

/* An agent that is stopped forgets what it would have done with the answers of jobs. */
const char *__lsan_default_suppressions(void)
{
	return "leak:rcwatch_look\nleak:make_look\n";
}

/*
 * Asked at the end. The search for leaks traces its own process, which must allow that, must
 * not be traced by a test already, and is found in /proc.
 */
int __lsan_is_turned_off(void)
{
	char status[4096] = "";
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd >= 0 ? read(fd, status, sizeof(status) - 1) : 0;

	if (fd >= 0)
		close(fd);
	return length <= 0 || !strstr(status, "TracerPid:\t0\n") ||
	       prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0;
}
