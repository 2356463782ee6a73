#include "net/processes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "net/array.h"
#include "net/process_parse.h"
#include "net/sockets.h"

enum {
	STAT_BYTES = 1024,
	STATUS_BYTES = 4096,
	TITLE_BYTES = 1024,
	HOLDERS_MAX = 1 << 20,
};

static int compare_pids(const void *a, const void *b)
{
	const struct net_process *left = a, *right = b;

	return (left->pid > right->pid) - (left->pid < right->pid);
}

static int compare_inodes(const struct net_holder *a, const struct net_holder *b)
{
	if (a->pipe != b->pipe)
		return a->pipe ? 1 : -1;
	return (a->inode > b->inode) - (a->inode < b->inode);
}

static int compare_holders(const void *a, const void *b)
{
	const struct net_holder *left = a, *right = b;
	int order = compare_inodes(left, right);

	return order ? order : (left->process > right->process) - (left->process < right->process);
}

void net_processes_sort(struct net_processes *processes)
{
	array_sort(processes->list, processes->count, sizeof(*processes->list), compare_pids);
	array_sort(processes->holders, processes->holder_count, sizeof(*processes->holders),
		compare_holders);
}

size_t net_processes_find(const struct net_processes *processes, pid_t pid)
{
	const struct net_process wanted = {.pid = pid};
	const struct net_process *found = NULL;

	if (processes->count > 0)
		found = bsearch(
			&wanted, processes->list, processes->count, sizeof(wanted), compare_pids);
	return found ? (size_t)(found - processes->list) : NET_NO_PROCESS;
}

const struct net_holder *net_processes_holders(
	const struct net_processes *processes, uint32_t inode, bool pipe, size_t *count)
{
	const struct net_holder wanted = {.inode = inode, .pipe = pipe};
	size_t low = 0, high = processes->holder_count;
	size_t end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_inodes(&processes->holders[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < processes->holder_count; end++)
		if (compare_inodes(&processes->holders[end], &wanted) != 0)
			break;
	*count = end - low;
	return *count ? &processes->holders[low] : NULL;
}

void net_processes_free(struct net_processes *processes)
{
	for (size_t i = 0; i < processes->count; i++)
		free(processes->list[i].title);
	free(processes->list);
	free(processes->holders);
	*processes = (struct net_processes){0};
}

/* Something could not be read, and errno says why: one that has ended is no loss. */
static void note_failure(struct net_processes *processes)
{
	if (errno == ENOENT || errno == ESRCH)
		return;
	processes->complete = false;
	if (errno != EACCES && errno != EPERM)
		processes->failure = errno;
}

/* A file of /proc as a string, cut at size. Returns its length, or -1 with errno. */
static ssize_t read_text(int directory, const char *path, char *text, size_t size)
{
	int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got;

	if (fd < 0)
		return -1;
	do
		got = read(fd, text, size - 1);
	while (got < 0 && errno == EINTR);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	return got;
}

/*
 * The kernel counts a start from boot, sleep included. Against the two clocks of now
 * this gives the right time of day even if the clock was set in between.
 */
static time_t start_time(unsigned long long ticks)
{
	struct timespec now, up;
	long per_second = sysconf(_SC_CLK_TCK);
	double started;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	started = (double)(now.tv_sec - up.tv_sec) + (double)(now.tv_nsec - up.tv_nsec) / 1e9;
	started += (double)ticks / (double)(per_second > 0 ? per_second : 100);
	return (time_t)started;
}

static int add_process(struct net_processes *processes, int proc, const char *name)
{
	char path[NAME_MAX + 8], text[STAT_BYTES] = "";
	struct net_process process = {.uid = NET_UID_UNKNOWN};
	struct net_process *list;
	unsigned long long ticks;

	snprintf(path, sizeof(path), "%s/stat", name);
	if (read_text(proc, path, text, sizeof(text)) < 0)
		note_failure(processes);
	if (process_parse_stat(text, &process, &ticks) != 0)
		return 0;
	if (processes->count >= NET_PROCESSES_MAX) {
		processes->complete = false;
		return 0;
	}
	list = array_grow(processes->list, processes->count, &processes->capacity, sizeof(*list));
	if (!list)
		return -1;
	processes->list = list;
	process.server = process_is_server(process.comm);
	if (process.server)
		process.since = start_time(ticks);
	list[processes->count++] = process;
	return 0;
}

static int walk(struct net_processes *processes, int proc)
{
	int fd = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	int result = 0;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (result == 0 && (errno = 0, entry = readdir(directory)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			result = add_process(processes, proc, entry->d_name);
	if (result == 0 && errno != 0)
		note_failure(processes);
	closedir(directory);
	if (result != 0)
		errno = ENOMEM;
	return result;
}

static int add_holder(struct net_processes *processes, const struct net_holder *holder)
{
	struct net_holder *holders;

	if (processes->holder_count >= HOLDERS_MAX)
		return 0;
	holders = array_grow(processes->holders, processes->holder_count,
		&processes->holder_capacity, sizeof(*holders));
	if (!holders)
		return -1;
	processes->holders = holders;
	holders[processes->holder_count++] = *holder;
	return 0;
}

/* The mode of a link in /proc/PID/fd is how the descriptor was opened, proc(5). */
static bool can_write(int directory, const char *name)
{
	struct stat status;

	return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (status.st_mode & S_IWUSR);
}

/*
 * Lists the sockets and pipes of a process. Without CAP_SYS_PTRACE the directory may
 * still open while its links do not read: one refused link says that none will.
 */
static int read_descriptors(struct net_processes *processes, int proc, size_t index)
{
	struct net_process *process = &processes->list[index];
	char path[32], link[64];
	DIR *directory;
	const struct dirent *entry;
	int fd, result = 0;

	snprintf(path, sizeof(path), "%d/fd", (int)process->pid);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	directory = fd >= 0 ? fdopendir(fd) : NULL;
	if (!directory) {
		if (errno != EACCES && errno != EPERM)
			note_failure(processes);
		if (fd >= 0)
			close(fd);
		return 0;
	}
	process->readable = true;
	while (result == 0 && (errno = 0, entry = readdir(directory))) {
		ssize_t length;
		struct net_holder holder = {.process = (uint32_t)index};

		if (entry->d_name[0] == '.')
			continue;
		length = readlinkat(fd, entry->d_name, link, sizeof(link) - 1);
		if (length < 0 && (errno == EACCES || errno == EPERM)) {
			process->readable = false;
			errno = 0;
			break;
		}
		if (length < 0)
			note_failure(processes);
		link[length > 0 ? length : 0] = '\0';
		if (process_parse_link(link, &holder.pipe, &holder.inode) &&
			(!holder.pipe || process->server)) {
			holder.writes = holder.pipe && can_write(fd, entry->d_name);
			result = add_holder(processes, &holder);
		}
	}
	if (result == 0 && errno != 0)
		note_failure(processes);
	closedir(directory);
	return result;
}

static void read_uid(struct net_processes *processes, int proc, size_t index)
{
	struct net_process *process = &processes->list[index];
	char path[32], text[STATUS_BYTES] = "";

	snprintf(path, sizeof(path), "%d/status", (int)process->pid);
	if (read_text(proc, path, text, sizeof(text)) < 0)
		note_failure(processes);
	process_parse_uid(text, &process->uid);
}

static int read_title(struct net_processes *processes, int proc, size_t index)
{
	struct net_process *process = &processes->list[index];
	char path[32], text[TITLE_BYTES];

	snprintf(path, sizeof(path), "%d/cmdline", (int)process->pid);
	if (read_text(proc, path, text, sizeof(text)) < 0) {
		note_failure(processes);
		return 0;
	}
	process->title = strdup(text);
	return process->title ? 0 : -1;
}

static const struct net_process *parent_of(
	const struct net_processes *processes, const struct net_process *process)
{
	size_t index = net_processes_find(processes, process->parent);

	return index == NET_NO_PROCESS ? NULL : &processes->list[index];
}

/*
 * The memory of a user's process, its arguments, can be made to hang the reader, and
 * its name can be made up: hence nothing below a server that root does not run.
 */
static bool is_trusted(const struct net_processes *processes, const struct net_process *process)
{
	const struct net_process *parent = parent_of(processes, process);

	if (process->uid == 0)
		return true;
	return parent && parent->server && parent->uid == 0;
}

static int look_into_them(struct net_processes *processes, int proc, bool all)
{
	int result = 0;

	for (size_t i = 0; i < processes->count; i++) {
		const struct net_process *parent = parent_of(processes, &processes->list[i]);

		if (processes->list[i].server || (parent && parent->server))
			read_uid(processes, proc, i);
	}
	for (size_t i = 0; i < processes->count && result == 0; i++) {
		struct net_process *process = &processes->list[i];

		if (!process->server && !all)
			continue;
		process->server = process->server && is_trusted(processes, process);
		if (process->server)
			result = read_title(processes, proc, i);
		if ((process->server || all) && result == 0)
			result = read_descriptors(processes, proc, i);
	}
	return result;
}

/*
 * hidepid, proc(5): who may see processes of others is who may trace them, or whose group
 * is named; without a name that is root's.
 */
static bool hides_processes(int proc)
{
	FILE *mounts = fopen("/proc/self/mounts", "re");
	char text[STATUS_BYTES], *line = NULL, *capabilities;
	size_t size = 0;
	bool hides = !mounts;

	/* The last one lies on top. */
	while (mounts && getline(&line, &size, mounts) > 0)
		if (strstr(line, " /proc proc "))
			hides = strstr(line, "hidepid=ptraceable") || strstr(line, "hidepid=4") ||
				(strstr(line, "hidepid=") && strstr(line, ",gid="));
	free(line);
	if (mounts)
		fclose(mounts);
	if (hides && read_text(proc, "self/status", text, sizeof(text)) > 0 &&
		(capabilities = strstr(text, "\nCapEff:")))
		hides = !(strtoull(capabilities + 8, NULL, 16) >> CAP_SYS_PTRACE & 1);
	return hides;
}

static int read_processes(struct net_processes *processes, bool all, struct error *error)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = -1;

	*processes = (struct net_processes){.complete = proc >= 0 && !hides_processes(proc)};
	if (proc >= 0 && walk(processes, proc) == 0) {
		net_processes_sort(processes);
		result = look_into_them(processes, proc, all);
		if (result != 0)
			errno = ENOMEM;
		net_processes_sort(processes);
	}
	if (result != 0)
		error_set_errno(error, ERROR_INTERNAL, "cannot read the processes of this machine");
	if (proc >= 0)
		close(proc);
	return result;
}

int net_processes_read(struct net_processes *processes, struct error *error)
{
	return read_processes(processes, false, error);
}

int net_processes_read_all(struct net_processes *processes, struct error *error)
{
	return read_processes(processes, true, error);
}
