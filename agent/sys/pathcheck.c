#include "sys/pathcheck.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/account.h"
#include "sys/become.h"
#include "sys/fdio.h"
#include "sys/homefile.h"
#include "sys/process.h"

#define WAIT_MS   8000
#define PARTS_MAX 64

/* What the child says, before the paths of the parts, where, and the content. */
struct header {
	uint32_t size; /* of this struct */
	uint32_t count;
	int32_t problem;
	uint32_t linked, is_link, too_large, read_only;
	uint64_t free_bytes, free_files, content;
};

struct wire_part {
	uint32_t mode, uid, gid, length; /* length of the path, which follows */
};

static void add_part(
	struct buffer *parts, uint32_t *count, const char *path, const struct stat *what)
{
	struct wire_part part = {what->st_mode, what->st_uid, what->st_gid, (uint32_t)strlen(path)};

	buffer_add(parts, &part, sizeof(part));
	buffer_add_string(parts, path);
	(*count)++;
}

/* The first part of the path that cannot be looked at; its directory in path. */
static int find_problem(char *path, struct buffer *where)
{
	struct stat what;
	int problem = 0;

	for (char *at = strchr(path + 1, '/');; at = strchr(at + 1, '/')) {
		if (at)
			*at = '\0';
		if (stat(path, &what) != 0) {
			problem = errno;
			/* What may not be entered is the directory, not what lies in it. */
			if (problem == EACCES)
				dirname(path);
			buffer_add_string(where, path);
			if (problem != EACCES)
				dirname(path);
			return problem;
		}
		if (!at)
			return 0;
		*at = '/';
	}
}

/* File and directories, as sshd's safe_path() goes through them. */
static int walk(const char *path, const char *home, struct buffer *parts, struct header *header)
{
	char real[PATH_MAX], real_home[PATH_MAX];
	bool has_home = realpath(home, real_home) != NULL;
	struct stat what, link;
	char *at;

	if (!realpath(path, real) || stat(real, &what) != 0)
		return errno;
	header->linked = strcmp(real, path) != 0;
	header->is_link = lstat(path, &link) == 0 && S_ISLNK(link.st_mode);
	add_part(parts, &header->count, real, &what);
	while (header->count < PARTS_MAX) {
		at = dirname(real);
		memmove(real, at, strlen(at) + 1);
		if (stat(real, &what) != 0)
			return errno;
		add_part(parts, &header->count, real, &what);
		if (strcmp(real, "/") == 0 || (has_home && strcmp(real, real_home) == 0))
			break;
	}
	return 0;
}

static int read_content(const char *path, struct buffer *content, struct header *header)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), problem = 0;
	struct stat what;
	ssize_t got;
	char *space;

	if (fd < 0)
		return errno;
	if (fstat(fd, &what) != 0 || !S_ISREG(what.st_mode))
		goto out;
	do {
		space = buffer_reserve(content, 1 << 16);
		got = space ? read(fd, space, 1 << 16) : -1;
		if (got > 0)
			content->length += (size_t)got;
	} while ((got > 0 && content->length <= HOMEFILE_LIMIT) || (got < 0 && errno == EINTR));
	if (got < 0)
		problem = errno;
	header->too_large = content->length > HOMEFILE_LIMIT;
	if (header->too_large || got < 0)
		content->length = 0;
out:
	close(fd);
	return problem;
}

static void look_at_file_system(const char *directory, struct header *header)
{
	struct statvfs what;

	if (statvfs(directory, &what) != 0)
		return;
	header->read_only = (what.f_flag & ST_RDONLY) != 0;
	header->free_bytes = (uint64_t)what.f_bavail * what.f_frsize;
	/* Some file systems count none: 0 of 0. */
	header->free_files = what.f_files ? what.f_favail : UINT64_MAX;
}

static void put(int fd, const void *data, size_t length)
{
	if (fdio_write(fd, data, length) != 0)
		_exit(1);
}

static void __attribute__((noreturn))
look(const struct account *account, const char *path, int output)
{
	struct header header = {.size = sizeof(header)};
	struct buffer parts = BUFFER_EMPTY, where = BUFFER_EMPTY, content = BUFFER_EMPTY;
	char lexical[PATH_MAX];
	uint64_t where_length;

	process_reset_signals();
	if (geteuid() == 0 && become_account(account, NULL) != 0)
		_exit(2);
	if (strlen(path) >= sizeof(lexical))
		_exit(1);
	strcpy(lexical, path);
	header.problem = find_problem(lexical, &where);
	if (header.problem == 0)
		header.problem = walk(path, account->home, &parts, &header);
	if (header.problem == 0)
		header.problem = read_content(path, &content, &header);
	if (header.problem && !where.length)
		buffer_add_string(&where, path);
	/* find_problem left the last directory that is there, or the whole path. */
	look_at_file_system(lexical, &header);
	header.content = content.length;
	where_length = where.length;
	put(output, &header, sizeof(header));
	put(output, &where_length, sizeof(where_length));
	put(output, buffer_string(&parts), parts.length);
	put(output, buffer_string(&where), where.length);
	put(output, buffer_string(&content), content.length);
	_exit(0);
}

struct reader {
	const char *next;
	size_t left;
};

static bool take(struct reader *reader, void *out, size_t length)
{
	if (length > reader->left)
		return false;
	memcpy(out, reader->next, length);
	reader->next += length;
	reader->left -= length;
	return true;
}

/* The next length bytes as a string, or NULL. */
static char *take_string(struct reader *reader, uint64_t length)
{
	char *text;

	if (length > reader->left)
		return NULL;
	text = strndup(reader->next, (size_t)length);
	reader->next += length;
	reader->left -= (size_t)length;
	return text;
}

static int unpack_parts(struct reader *reader, uint32_t count, struct pathcheck *check)
{
	struct wire_part part;

	check->parts = calloc(count ? count : 1, sizeof(*check->parts));
	if (!check->parts)
		return -1;
	for (; check->count < count; check->count++) {
		struct pathcheck_part *to = &check->parts[check->count];
		if (!take(reader, &part, sizeof(part)))
			return -1;
		*to = (struct pathcheck_part){
			take_string(reader, part.length), part.mode, part.uid, part.gid};
		if (!to->path)
			return -1;
	}
	return 0;
}

/* The child ran as somebody else: every length is checked. */
static int unpack(const struct buffer *answer, struct pathcheck *check)
{
	struct reader reader = {buffer_string(answer), answer->length};
	struct header header;
	uint64_t where_length;

	if (!take(&reader, &header, sizeof(header)) || header.size != sizeof(header) ||
		header.count > PARTS_MAX || !take(&reader, &where_length, sizeof(where_length)) ||
		unpack_parts(&reader, header.count, check) != 0)
		return -1;
	check->problem = header.problem;
	check->linked = header.linked != 0;
	check->is_link = header.is_link != 0;
	check->too_large = header.too_large != 0;
	check->read_only = header.read_only != 0;
	check->free_bytes = header.free_bytes;
	check->free_files = header.free_files;
	check->where = take_string(&reader, where_length);
	if (!check->where || header.content != reader.left)
		return -1;
	return buffer_add(&check->content, reader.next, reader.left);
}

/* Until end of file. Returns 0, or -1 with *error. */
static int receive(int fd, const char *path, struct buffer *answer, struct error *error)
{
	long long end = process_now_ms() + WAIT_MS, left;
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	char *space;
	ssize_t got;

	for (;;) {
		left = end - process_now_ms();
		if (left <= 0)
			return error_set(error, ERROR_TIMEOUT,
				"%s did not answer within %d seconds: its file system hangs", path,
				WAIT_MS / 1000);
		if (poll(&wait, 1, (int)left) <= 0)
			continue;
		space = buffer_reserve(answer, 1 << 16);
		got = space ? read(fd, space, 1 << 16) : 0;
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return 0;
		answer->length += (size_t)got;
		if (answer->length > 2 * HOMEFILE_LIMIT)
			return error_set(
				error, ERROR_INTERNAL, "too long an answer about %s", path);
	}
}

int pathcheck_read(struct pathcheck *check, const struct account *account, const char *path,
	struct error *error)
{
	struct buffer answer = BUFFER_EMPTY;
	int ends[2], result = -1;
	pid_t child;

	*check = (struct pathcheck){0};
	if (geteuid() != 0 && geteuid() != account->uid)
		return error_set(error, ERROR_FORBIDDEN, "only root and %s can look at %s",
			account->name, path);
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set_errno(error, ERROR_INTERNAL, "cannot make a pipe");
	child = fork();
	if (child == 0)
		look(account, path, ends[1]);
	close(ends[1]);
	if (child < 0)
		error_set_errno(error, ERROR_INTERNAL, "cannot start a process");
	else if (receive(ends[0], path, &answer, error) == 0) {
		result = unpack(&answer, check);
		if (result != 0)
			error_set(error, ERROR_INTERNAL, "no answer about %s", path);
	}
	close(ends[0]);
	if (child > 0) {
		kill(child, SIGKILL);
		process_wait(child);
	}
	buffer_free(&answer);
	return result;
}

void pathcheck_free(struct pathcheck *check)
{
	for (size_t i = 0; check->parts && i < check->count; i++)
		free(check->parts[i].path);
	free(check->parts);
	free(check->where);
	buffer_free(&check->content);
	*check = (struct pathcheck){0};
}
