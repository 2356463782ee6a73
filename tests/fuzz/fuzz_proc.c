/*
 * The texts of /proc that tell of processes and of this instance, and what stands beside
 * them in /run and /etc: whichever file our code opens there, it gets a part of the input.
 * Where several readers look at the same field they must see the same.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "login/procfs.h"
#include "net/process_parse.h"
#include "net/processes.h"
#include "sys/boot.h"
#include "sys/instance.h"
#include "sys/instance_sources.h"

int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__real_fopen(const char *path, const char *mode);

enum { FILE_STAT, FILE_ENVIRON, FILE_INSTANCE, FILE_OTHER, FILES };

static int memory[FILES];
static bool is_armed;

static int open_part(const char *path)
{
	static const char *const endings[] = {"/stat", "/environ", "/instance"};
	char link[64];
	size_t which = 0;

	while (which < FILE_OTHER &&
		(strlen(path) < strlen(endings[which]) ||
			strcmp(path + strlen(path) - strlen(endings[which]), endings[which]) != 0))
		which++;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", memory[which]);
	return __real_open(link, O_RDONLY | O_CLOEXEC);
}

static bool is_ours(const char *path)
{
	return is_armed && (strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/run/", 5) == 0 ||
				   strncmp(path, "/etc/", 5) == 0);
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list rest;
	int mode;

	if (is_ours(path))
		return open_part(path);
	va_start(rest, flags);
	mode = va_arg(rest, int);
	va_end(rest);
	return __real_open(path, flags, mode);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	return is_ours(path) ? fdopen(open_part(path), "r") : __real_fopen(path, mode);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	for (int i = 0; i < FILES; i++) {
		memory[i] = memfd_create("part", MFD_CLOEXEC);
		/* Files of state are read only if nobody else can write to them. */
		require(memory[i] >= 0 && fchmod(memory[i], 0600) == 0);
	}
	return 0;
}

/* Whether it looks as the kernel writes it: numbers with one space between them. */
static bool is_kernels(const char *text)
{
	const char *at = strrchr(text, ')');

	if (!at || strncmp(at, ") ", 2) != 0 || at[2] < 'A' || at[3] != ' ')
		return false;
	for (at += 3; *at; at++)
		if (*at == ' ' ? at[1] == ' ' : *at == '-' ? at[-1] != ' ' : *at < '0' || *at > '9')
			return false;
	return true;
}

static void check_stat(const char *text, size_t length)
{
	unsigned long long start = 0;
	struct net_process process = {0};
	struct procfs_process look = {0};
	struct boot boot;
	bool parsed = process_parse_stat(text, &process, &start) == 0;

	if (parsed)
		require(process.pid > 0 && strlen(process.comm) < sizeof(process.comm));
	/* The one reads a whole file, the others a kilobyte, the third one line. */
	if (!parsed || length > 1000 || strlen(text) != length || !is_kernels(text))
		return;
	if (procfs_look(1, &look) == 0)
		require(look.parent == process.parent && look.started == start);
	if (!strchr(text, '\n') && boot_read(&boot) == 0)
		require(boot.start == start);
}

static void check_title(const char *text)
{
	struct title title;

	process_parse_title(text, &title);
	require(memchr(title.name, '\0', sizeof(title.name)) != NULL);
	require(memchr(title.tty, '\0', sizeof(title.tty)) != NULL);
	require(title.kind != TITLE_SESSION || *title.name);
	require(!title.idle || !*title.tty);
}

static void check_words(const char *text, size_t length)
{
	const char *value = process_find_variable(text, length, "SSH_CONNECTION");
	uint32_t inode = 0;
	bool pipe;
	uid_t uid;

	if (value)
		require(value > text && value <= text + length && fuzz_is_visible(value) &&
			value[-1] == '=');
	if (process_parse_link(text, &pipe, &inode))
		require(inode > 0);
	process_parse_uid(text, &uid);
	check_title(text);
}

static void check_instance(void)
{
	struct instance here = {.id = ""};

	if (instance_id(here.id, sizeof(here.id)) == 0)
		require(*here.id && fuzz_is_visible(here.id) && !strpbrk(here.id, " /\"\\"));
	instance_read_machine(here.machine, sizeof(here.machine));
	require(!*here.machine || strlen(here.machine) == strlen("machine-") + 32);
	/* Both of one kind, and the same. */
	require(!instance_is_other(&here, here.id) && !instance_is_other(&here, here.machine));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	char *parts[FILES];
	size_t lengths[FILES];

	for (int i = 0; i < FILES; i++) {
		parts[i] = fuzz_part(&input, &lengths[i]);
		require(ftruncate(memory[i], 0) == 0 &&
			pwrite(memory[i], parts[i], lengths[i], 0) == (ssize_t)lengths[i]);
	}
	is_armed = true;
	check_stat(parts[FILE_STAT], lengths[FILE_STAT]);
	check_words(parts[FILE_ENVIRON], lengths[FILE_ENVIRON]);
	check_words(parts[FILE_OTHER], lengths[FILE_OTHER]);
	check_instance();
	is_armed = false;
	for (int i = 0; i < FILES; i++)
		free(parts[i]);
	return 0;
}
