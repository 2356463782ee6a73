/*
 * The child's side. It MUST have become the account before it looks at the path, and
 * MUST work from descriptors of directories from then on.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "sys/account.h"
#include "sys/become.h"
#include "sys/homefile.h"
#include "sys/homefile_wire.h"
#include "sys/process.h"

#define WRITER_WAIT_MS 2000
#define LOCK_WAIT_MS   5000
/* Behind a dot and the file's own name; the lock makes a leftover known for dead. */
#define TEMPORARY_MARK ".vastagent-"

struct server {
	int socket;
	const struct account *account;
	const char *path;
	unsigned flags;
	char directory_path[PATH_MAX];
	char name[NAME_MAX + 1];
	int directory;    /* -1: it does not exist */
	int create_errno; /* why it could not be made, or 0 */
	int current;      /* what was last read, kept open; -1: there was no file */
	struct stat seen;
	struct buffer bytes; /* of current, when it was read */
};

static void pause_ms(long milliseconds)
{
	const struct timespec length = {.tv_nsec = milliseconds * 1000000};

	nanosleep(&length, NULL);
}

static void reply(const struct server *server, uint32_t flag, const struct buffer *content)
{
	struct homefile_message message = {
		.kind = ERROR_NONE, .flag = flag, .length = content ? content->length : 0};

	if (homefile_send(server->socket, &message, sizeof(message)) != 0 ||
		(content && homefile_send(server->socket, content->data, content->length) != 0))
		_exit(1);
}

static void reply_error(const struct server *server, const struct error *error)
{
	struct homefile_message message = {.kind = error->code, .length = strlen(error->message)};

	if (homefile_send(server->socket, &message, sizeof(message)) != 0 ||
		homefile_send(server->socket, error->message, (size_t)message.length) != 0)
		_exit(1);
}

/* sshd(8), StrictModes: owned by root or the account, and nobody else may write. */
static int check_component(
	const struct server *server, const char *path, const struct stat *what, struct error *error)
{
	bool own_group = what->st_gid == server->account->gid &&
			 server->account->gid == (gid_t)server->account->uid;

	if (what->st_uid != 0 && what->st_uid != server->account->uid)
		return error_set(error, ERROR_UNSAFE_FILE,
			"%s belongs to uid %lu, so sshd ignores the keys in it; repair it with: "
			"chown %s %s",
			path, (unsigned long)what->st_uid, server->account->name, path);
	if ((what->st_mode & S_IWOTH) || ((what->st_mode & S_IWGRP) && !own_group))
		return error_set(error, ERROR_UNSAFE_FILE,
			"%s can be written by others (mode %04o), so sshd ignores the keys in it; "
			"repair it with: chmod go-w %s",
			path, what->st_mode & 07777u, path);
	return 0;
}

/* The directory and its parents, up to the home or the root, as sshd's safe_path() does. */
static int check_directories(const struct server *server, struct error *error)
{
	char path[PATH_MAX], home[PATH_MAX];
	struct stat what;
	char *slash;

	snprintf(path, sizeof(path), "%s", server->directory_path);
	if (!realpath(server->account->home, home))
		home[0] = '\0';
	for (;;) {
		if (stat(path, &what) != 0)
			return error_set_errno(error, ERROR_UNSAFE_FILE, "cannot look at %s", path);
		if (check_component(server, path, &what, error) != 0)
			return -1;
		slash = strrchr(path, '/');
		if (strcmp(path, home) == 0 || strcmp(path, "/") == 0 || !slash)
			return 0;
		slash[slash == path] = '\0';
	}
}

/*
 * Finds out where the file really is: a linked directory or file is followed with the
 * account's rights, so that the link stays and its target is what changes.
 */
static int locate(struct server *server, struct error *error)
{
	char copy[PATH_MAX], other_copy[PATH_MAX], resolved[PATH_MAX];
	const char *path = realpath(server->path, resolved) ? resolved : server->path;
	struct stat link;

	if (path == server->path && errno != ENOENT && errno != ENOTDIR)
		return error_set_errno(error, ERROR_UNSAFE_FILE, "cannot follow %s", server->path);
	if (path == server->path && lstat(path, &link) == 0 && S_ISLNK(link.st_mode))
		return error_set(error, ERROR_UNSAFE_FILE,
			"%s is a link to something that does not exist", path);
	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return error_set(error, ERROR_UNSAFE_FILE, "the path is too long: %.80s…", path);
	memcpy(other_copy, copy, sizeof(copy));
	snprintf(server->name, sizeof(server->name), "%s", basename(other_copy));
	if (!realpath(dirname(copy), server->directory_path))
		snprintf(server->directory_path, sizeof(server->directory_path), "%s", copy);
	return 0;
}

static int open_directory(struct server *server, struct error *error)
{
	const int how = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

	server->directory = open(server->directory_path, how);
	if (server->directory < 0 && errno == ENOENT && (server->flags & HOMEFILE_CREATE)) {
		/* A failure is told when something is to be written. */
		if (mkdir(server->directory_path, 0700) != 0)
			server->create_errno = errno;
		server->directory = open(server->directory_path, how);
	}
	if (server->directory < 0 && errno == ENOENT)
		return 0;
	if (server->directory < 0)
		return error_set_errno(
			error, ERROR_UNSAFE_FILE, "cannot open %s", server->directory_path);
	return server->flags & HOMEFILE_KEYS ? check_directories(server, error) : 0;
}

static int lock(const struct server *server, struct error *error)
{
	long long end = process_now_ms() + LOCK_WAIT_MS;

	while (flock(server->directory, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK)
			return 0; /* a file system without locks: the look-again still protects */
		if (process_now_ms() >= end)
			return error_set(error, ERROR_BUSY, "%s is locked by another process",
				server->directory_path);
		pause_ms(5);
	}
	return 0;
}

static bool is_leftover(const struct server *server, const char *name)
{
	size_t length = strlen(server->name);

	return name[0] == '.' && strncmp(name + 1, server->name, length) == 0 &&
	       strncmp(name + 1 + length, TEMPORARY_MARK, strlen(TEMPORARY_MARK)) == 0;
}

/* Under the lock no other agent is at work: a temporary file is one of a killed agent. */
static void remove_leftovers(const struct server *server)
{
	int copy = openat(server->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;

	if (!directory) {
		if (copy >= 0)
			close(copy);
		return;
	}
	while ((entry = readdir(directory)))
		if (is_leftover(server, entry->d_name))
			unlinkat(server->directory, entry->d_name, 0);
	closedir(directory);
}

/*
 * A read lease (fcntl(2)) is refused while anybody has the file open for writing. Only
 * that answer is used; the lease itself is given back at once.
 */
static bool has_writer(int fd)
{
	if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
		return errno == EAGAIN;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return false;
}

static void wait_for_writer(int fd)
{
	long long end = process_now_ms() + WRITER_WAIT_MS;

	while (has_writer(fd) && process_now_ms() < end)
		pause_ms(5);
}

static int read_all(
	const struct server *server, int fd, struct buffer *content, struct error *error)
{
	char *space;
	ssize_t got;

	content->length = 0;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_set_errno(error, ERROR_UNSAFE_FILE, "cannot read %s", server->path);
	for (;;) {
		space = buffer_reserve(content, 65536);
		if (!space)
			return error_set(error, ERROR_INTERNAL, "out of memory");
		got = read(fd, space, 65536);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set_errno(
				error, ERROR_UNSAFE_FILE, "cannot read %s", server->path);
		if (got == 0)
			return 0;
		content->length += (size_t)got;
		content->data[content->length] = '\0';
		if (content->length > HOMEFILE_LIMIT)
			return error_set(error, ERROR_TOO_LARGE, "%s is larger than %ld bytes",
				server->path, HOMEFILE_LIMIT);
	}
}

static int open_current(struct server *server, struct error *error)
{
	if (server->current >= 0)
		close(server->current);
	server->current = -1;
	if (server->directory < 0)
		return 0;
	/* O_NONBLOCK: a FIFO must not hold us; fstat(2) then sees what it is. */
	server->current = openat(server->directory, server->name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (server->current < 0 && errno == ENOENT)
		return 0;
	if (server->current < 0 || fstat(server->current, &server->seen) != 0)
		return error_set_errno(error, ERROR_UNSAFE_FILE, "cannot open %s", server->path);
	if (!S_ISREG(server->seen.st_mode))
		return error_set(
			error, ERROR_UNSAFE_FILE, "%s is not a regular file", server->path);
	if (server->flags & HOMEFILE_KEYS)
		return check_component(server, server->path, &server->seen, error);
	return 0;
}

static int read_current(struct server *server, struct error *error)
{
	server->bytes.length = 0;
	if (open_current(server, error) != 0)
		return -1;
	if (server->current < 0)
		return 0;
	wait_for_writer(server->current);
	if (read_all(server, server->current, &server->bytes, error) != 0)
		return -1;
	/* Again, after reading: what came since then is a change. */
	if (fstat(server->current, &server->seen) != 0)
		return error_set_errno(error, ERROR_UNSAFE_FILE, "cannot read %s", server->path);
	return 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool target_is_as_seen(const struct server *server)
{
	struct stat now;
	bool exists = fstatat(server->directory, server->name, &now, AT_SYMLINK_NOFOLLOW) == 0;

	if (server->current < 0)
		return !exists;
	return exists && same_file(&now, &server->seen);
}

/* Attributes that the file system or the kernel will not let us set stay as they are. */
static void copy_attributes(int from, int to)
{
	char names[4096], value[4096];
	ssize_t length = flistxattr(from, names, sizeof(names));
	ssize_t size;

	for (ssize_t at = 0; at < length; at += (ssize_t)strlen(names + at) + 1) {
		size = fgetxattr(from, names + at, value, sizeof(value));
		if (size >= 0 && fsetxattr(to, names + at, value, (size_t)size, 0) != 0)
			continue;
	}
}

static int write_all(int fd, const struct buffer *content)
{
	size_t done = 0;
	ssize_t written;

	while (done < content->length) {
		written = write(fd, content->data + done, content->length - done);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		done += (size_t)written;
	}
	return 0;
}

static int dress(const struct server *server, int fd)
{
	mode_t mode = server->flags & HOMEFILE_SHARED ? 0644 : 0600;

	if (server->current >= 0) {
		mode = server->seen.st_mode & 07777u;
		if (server->seen.st_uid != geteuid() || server->seen.st_gid != getegid())
			if (fchown(fd, server->seen.st_uid, server->seen.st_gid) != 0 &&
				fchown(fd, (uid_t)-1, server->seen.st_gid) != 0)
				mode &= 0700; /* the group it was open to is lost */
		copy_attributes(server->current, fd);
	}
	return fchmod(fd, mode);
}

static int temporary_name(const struct server *server, char *name, size_t size)
{
	unsigned long long number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -1;
	if (snprintf(name, size, ".%s%s%016llx", server->name, TEMPORARY_MARK, number) >=
		(int)size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

/* Writes the new file beside the old one. Returns 0 with name filled, or -1. */
static int write_beside(const struct server *server, const struct buffer *content, char *name,
	size_t size, struct error *error)
{
	int fd = -1;

	if (temporary_name(server, name, size) == 0)
		fd = openat(server->directory, name,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(
			error, ERROR_CANNOT_WRITE, "cannot write in %s", server->directory_path);
	if (dress(server, fd) != 0 || write_all(fd, content) != 0 || fsync(fd) != 0) {
		error_set_errno(error, ERROR_CANNOT_WRITE, "cannot write %s", server->path);
		close(fd);
		unlinkat(server->directory, name, 0);
		return -1;
	}
	close(fd);
	return 0;
}

static int put_in_place(const struct server *server, const char *name, struct error *error)
{
	if (renameat(server->directory, name, server->directory, server->name) != 0) {
		error_set_errno(error, ERROR_CANNOT_WRITE, "cannot replace %s", server->path);
		unlinkat(server->directory, name, 0);
		return -1;
	}
	if (fsync(server->directory) != 0 && errno != EINVAL && errno != EBADF)
		return error_set_errno(error, ERROR_CANNOT_WRITE,
			"cannot make the change of %s last", server->path);
	return 0;
}

static bool equal(const struct buffer *a, const struct buffer *b)
{
	return a->length == b->length && (!a->length || memcmp(a->data, b->data, a->length) == 0);
}

static bool begins_with(const struct buffer *whole, const struct buffer *start)
{
	return whole->length >= start->length &&
	       (!start->length || memcmp(whole->data, start->data, start->length) == 0);
}

/*
 * Works what was written late into the file that stands there now: lines that were
 * appended go to its end, anything else is taken as the new text of the file.
 */
static int merge_late(struct server *server, const struct buffer *before, const struct buffer *late,
	struct buffer *content, struct error *error)
{
	if (read_current(server, error) != 0)
		return -1;
	if (begins_with(late, before)) {
		buffer_add(content, server->bytes.data, server->bytes.length);
		if (content->length && content->data[content->length - 1] != '\n')
			buffer_add_string(content, "\n");
		buffer_add(content, late->data + before->length, late->length - before->length);
	} else {
		buffer_add(content, late->data, late->length);
	}
	return content->failed ? error_set(error, ERROR_INTERNAL, "out of memory") : 0;
}

/*
 * After the rename, a program that had the old file open may still have written to it.
 * Its bytes are in a file that has no name any more: whoever calls must save them.
 */
static int check_late(struct server *server, int old, const struct buffer *before, bool *changed,
	struct buffer *content, struct error *error)
{
	struct buffer late = BUFFER_EMPTY;
	int result;

	wait_for_writer(old);
	result = read_all(server, old, &late, error);
	*changed = result == 0 && !equal(&late, before);
	if (*changed)
		result = merge_late(server, before, &late, content, error);
	buffer_free(&late);
	return result;
}

static int replace(struct server *server, const struct buffer *replacement, bool *changed,
	struct buffer *content, struct error *error)
{
	struct buffer before = BUFFER_EMPTY;
	char name[NAME_MAX + 1];
	int old, result;

	if (server->directory < 0) {
		errno = server->create_errno ? server->create_errno : ENOENT;
		return error_set_errno(
			error, ERROR_CANNOT_WRITE, "cannot make %s", server->directory_path);
	}
	remove_leftovers(server);
	*changed = !target_is_as_seen(server);
	if (!*changed && server->current >= 0 && equal(replacement, &server->bytes))
		return 0;
	if (!*changed) {
		if (write_beside(server, replacement, name, sizeof(name), error) != 0)
			return -1;
		*changed = !target_is_as_seen(server);
		if (*changed)
			unlinkat(server->directory, name, 0);
	}
	if (*changed) {
		if (read_current(server, error) != 0)
			return -1;
		buffer_add(content, server->bytes.data, server->bytes.length);
		return content->failed ? error_set(error, ERROR_INTERNAL, "out of memory") : 0;
	}
	if (put_in_place(server, name, error) != 0)
		return -1;
	old = server->current;
	before = server->bytes;
	server->current = -1;
	server->bytes = BUFFER_EMPTY;
	result = old < 0 ? 0 : check_late(server, old, &before, changed, content, error);
	if (old >= 0)
		close(old);
	buffer_free(&before);
	if (result == 0 && !*changed)
		result = open_current(server, error);
	return result;
}

static void send_places(const struct server *server)
{
	struct homefile_message answer = {.kind = ERROR_NONE};
	struct iovec part = {.iov_base = &answer, .iov_len = sizeof(answer)};
	union {
		char space[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control = {.space = {0}};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	int places[2] = {-1, server->directory};
	size_t count = server->directory >= 0 ? 2 : 1;
	char parent[PATH_MAX];
	struct cmsghdr *header;

	snprintf(parent, sizeof(parent), "%s", server->path);
	dirname(parent);
	places[0] = open(dirname(parent), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (places[0] >= 0) {
		message.msg_control = control.space;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), places, count * sizeof(int));
		answer.flag = (uint32_t)count;
	}
	if (sendmsg(server->socket, &message, MSG_NOSIGNAL) != sizeof(answer))
		_exit(1);
	if (places[0] >= 0)
		close(places[0]);
}

static void serve_read(struct server *server)
{
	struct error error;

	if (read_current(server, &error) != 0)
		reply_error(server, &error);
	else
		reply(server, server->current >= 0, &server->bytes);
}

static void serve_replace(struct server *server, uint64_t length)
{
	struct buffer replacement = BUFFER_EMPTY, content = BUFFER_EMPTY;
	bool changed = false;
	struct error error;
	char *space;

	space = length <= HOMEFILE_LIMIT ? buffer_reserve(&replacement, (size_t)length) : NULL;
	if (!space || homefile_receive(server->socket, space, (size_t)length) != 0)
		_exit(1);
	replacement.length = (size_t)length;
	if (replace(server, &replacement, &changed, &content, &error) != 0)
		reply_error(server, &error);
	else
		reply(server, changed, &content);
	buffer_free(&replacement);
	buffer_free(&content);
}

static int prepare(struct server *server, struct error *error)
{
	/* SIGIO is how the kernel tells of a broken lease; a file size limit is an error. */
	signal(SIGIO, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (become_account(server->account, error) != 0)
		return -1;
	/* After the change of ids, which clears it (prctl(2)). */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (locate(server, error) != 0 || open_directory(server, error) != 0)
		return -1;
	if ((server->flags & HOMEFILE_WRITE) && server->directory >= 0)
		return lock(server, error);
	return 0;
}

void homefile_serve(int socket, const struct account *account, const char *path, unsigned flags)
{
	struct server server = {.socket = socket,
		.account = account,
		.path = path,
		.flags = flags,
		.directory = -1,
		.current = -1};
	struct homefile_message message;
	struct error error;

	/* Nothing of root's may stay open in a process of somebody else. */
	server.socket = dup2(socket, STDERR_FILENO + 1);
	process_close_from(STDERR_FILENO + 2);
	process_reset_signals();
	if (prepare(&server, &error) != 0) {
		reply_error(&server, &error);
		_exit(1);
	}
	reply(&server, 0, NULL);
	while (homefile_receive(server.socket, &message, sizeof(message)) == 0) {
		if (message.kind == HOMEFILE_DO_READ)
			serve_read(&server);
		else if (message.kind == HOMEFILE_DO_REPLACE)
			serve_replace(&server, message.length);
		else if (message.kind == HOMEFILE_DO_PLACES)
			send_places(&server);
	}
	_exit(0);
}
