/* A new file in the place of the old one. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/fdio.h"
#include "sys/homefile.h"
#include "sys/homefile_child.h"
#include "sys/homefile_late.h"
#include "sys/homefile_merge.h"

/* Behind a dot and the file's own name; the lock makes a leftover known for dead. */
#define TEMPORARY_MARK ".vastagent-"

static bool is_leftover(const struct homefile_child *child, const char *name)
{
	size_t length = strlen(child->name);

	return name[0] == '.' && strncmp(name + 1, child->name, length) == 0 &&
	       strncmp(name + 1 + length, TEMPORARY_MARK, strlen(TEMPORARY_MARK)) == 0;
}

/* Under the lock no other agent is at work: a temporary file is one of a killed agent. */
static void remove_leftovers(const struct homefile_child *child)
{
	int copy = openat(child->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;

	if (!directory) {
		if (copy >= 0)
			close(copy);
		return;
	}
	while ((entry = readdir(directory)))
		if (is_leftover(child, entry->d_name))
			unlinkat(child->directory, entry->d_name, 0);
	closedir(directory);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

bool homefile_replace_is_seen(const struct homefile_child *child)
{
	struct stat now;
	bool exists = fstatat(child->directory, child->name, &now, AT_SYMLINK_NOFOLLOW) == 0;

	if (child->current < 0)
		return !exists;
	return exists && same_file(&now, &child->seen);
}

/* Whether the new file must have the attribute, and not only if it can be set. */
static bool is_essential(const char *name)
{
	return strncmp(name, "user.", 5) == 0 || strcmp(name, "system.posix_acl_access") == 0;
}

static int copy_attribute(int from, int to, const char *name, struct buffer *value)
{
	ssize_t size;
	char *space;

	value->length = 0;
	space = buffer_reserve(value, XATTR_SIZE_MAX);
	if (!space)
		return -1;
	size = fgetxattr(from, name, space, XATTR_SIZE_MAX);
	if (size < 0 || fsetxattr(to, name, space, (size_t)size, 0) == 0)
		return 0;
	/* What the kernel reserves for others (security.*, trusted.*) is the new file's own. */
	return is_essential(name) && errno != ENOTSUP && errno != EPERM && errno != EACCES ? -1 : 0;
}

/* Extended attributes, with them ACLs and the SELinux label. Returns 0, or -1 with errno. */
static int copy_attributes(int from, int to)
{
	static char names[XATTR_LIST_MAX];
	ssize_t length = flistxattr(from, names, sizeof(names));
	struct buffer value = BUFFER_EMPTY;
	bool has_acl = false;
	int result = 0;

	for (ssize_t at = 0; result == 0 && at < length; at += (ssize_t)strlen(names + at) + 1) {
		has_acl = has_acl || strcmp(names + at, "system.posix_acl_access") == 0;
		result = copy_attribute(from, to, names + at, &value);
	}
	buffer_free(&value);
	/* A default ACL of the directory gave the new file one, which would let others in. */
	if (result == 0 && !has_acl)
		fremovexattr(to, "system.posix_acl_access");
	return result;
}

static int dress(const struct homefile_child *child, int fd)
{
	mode_t mode = child->flags & HOMEFILE_SHARED ? 0644 : 0600;

	if (child->current >= 0) {
		mode = child->seen.st_mode & 07777u;
		if (child->seen.st_uid != geteuid() || child->seen.st_gid != getegid())
			if (fchown(fd, child->seen.st_uid, child->seen.st_gid) != 0 &&
				fchown(fd, (uid_t)-1, child->seen.st_gid) != 0)
				mode &= 0700; /* the group it was open to is lost */
		if (copy_attributes(child->current, fd) != 0)
			return -1;
	}
	return fchmod(fd, mode);
}

static int temporary_name(const struct homefile_child *child, char *name, size_t size)
{
	unsigned long long number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -1;
	if (snprintf(name, size, ".%s%s%016llx", child->name, TEMPORARY_MARK, number) >=
		(int)size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

/* Writes the new file beside the old one. Returns 0 with name filled, or -1. */
static int write_beside(const struct homefile_child *child, const struct buffer *content,
	char *name, size_t size, struct error *error)
{
	int fd = -1;

	if (temporary_name(child, name, size) == 0)
		fd = openat(child->directory, name,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(
			error, ERROR_CANNOT_WRITE, "cannot write in %s", child->directory_path);
	if (dress(child, fd) != 0 || fdio_write(fd, content->data, content->length) != 0 ||
		fsync(fd) != 0) {
		error_set_errno(error, ERROR_CANNOT_WRITE, "cannot write %s", child->path);
		close(fd);
		unlinkat(child->directory, name, 0);
		return -1;
	}
	/* Some file systems (NFS) tell only here that there was no room. */
	if (close(fd) != 0 && errno != EINTR) {
		error_set_errno(error, ERROR_CANNOT_WRITE, "cannot write %s", child->path);
		unlinkat(child->directory, name, 0);
		return -1;
	}
	return 0;
}

static int swap_names(const struct homefile_child *child, const char *name, unsigned how)
{
	return renameat2(child->directory, name, child->directory, child->name, how);
}

/*
 * Gives the new file the old one's name. The two are exchanged, so that a file that
 * somebody else put there in this very instant is not lost: *exchanged, and it has our
 * temporary name then. Returns 0, or -1 with errno.
 */
static int put_in_place(const struct homefile_child *child, const char *name, bool *exchanged)
{
	bool exists = child->current >= 0;

	*exchanged = false;
	if (swap_names(child, name, exists ? RENAME_EXCHANGE : RENAME_NOREPLACE) == 0) {
		*exchanged = exists;
		return 0;
	}
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	return swap_names(child, name, 0); /* a file system that cannot do that */
}

/*
 * The file that came out of the exchange is not the one that was edited: takes it for
 * one that was written late. Returns 0 if that was done, 1 if the exchange was undone.
 */
static int take_stranger(struct homefile_child *child, const char *name,
	const struct buffer *replacement, struct error *error)
{
	int fd = openat(
		child->directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct buffer before = BUFFER_EMPTY;
	struct stat what;

	if (fd < 0 || fstat(fd, &what) != 0 || !S_ISREG(what.st_mode)) {
		if (fd >= 0)
			close(fd);
		swap_names(child, name, RENAME_EXCHANGE);
		unlinkat(child->directory, name, 0);
		return 1;
	}
	buffer_add(&before, child->bytes.data, child->bytes.length);
	if (homefile_late_keep(child, fd, &before, replacement, error) != 0)
		return -1;
	unlinkat(child->directory, name, 0);
	return 0;
}

static int finish_exchange(struct homefile_child *child, const char *name,
	const struct buffer *replacement, struct error *error)
{
	struct stat what;

	if (fstatat(child->directory, name, &what, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	if (what.st_dev != child->seen.st_dev || what.st_ino != child->seen.st_ino)
		return take_stranger(child, name, replacement, error);
	unlinkat(child->directory, name, 0);
	return 0;
}

static int sync_directory(const struct homefile_child *child, struct error *error)
{
	if (fsync(child->directory) == 0 || errno == EINVAL || errno == EBADF)
		return 0;
	return error_set_errno(
		error, ERROR_CANNOT_WRITE, "cannot make the change of %s last", child->path);
}

/* The file is another one than was read: nothing is done but to read it again. */
static int start_over(struct homefile_child *child, enum homefile_outcome *outcome,
	struct buffer *content, struct error *error)
{
	*outcome = OUTCOME_CHANGED;
	if (homefile_read_current(child, error) != 0)
		return -1;
	buffer_add(content, child->bytes.data, child->bytes.length);
	if (content->failed)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	return homefile_late_again(child, content, error);
}

/* The new file stands in place: what others did to the old one meanwhile, and .current. */
static int settle(struct homefile_child *child, struct buffer *replacement,
	enum homefile_outcome *outcome, struct buffer *content, struct error *error)
{
	bool changed = false;
	int result = 0;
	int old = child->current;

	child->current = -1;
	homefile_late_commit(child, replacement);
	if (old >= 0)
		result = homefile_late_keep(child, old, &child->bytes, replacement, error);
	child->bytes = BUFFER_EMPTY;
	if (result == 0)
		result = homefile_late_check(child, &changed, content, error);
	if (result != 0 || changed) {
		*outcome = OUTCOME_LATE;
		return result;
	}
	child->bytes = *replacement;
	*replacement = BUFFER_EMPTY;
	return homefile_read_open(child, error);
}

/* A file that something is mounted on cannot be replaced (rename(2), EBUSY). */
static bool is_mounted_on(int fd)
{
	struct statx what;

	return fd >= 0 && statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &what) == 0 &&
	       (what.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static int rename_failed(struct homefile_child *child, const char *name,
	enum homefile_outcome *outcome, struct buffer *content, struct error *error)
{
	int cause = errno;

	unlinkat(child->directory, name, 0);
	errno = cause;
	if (cause == EEXIST || cause == ENOENT)
		return start_over(child, outcome, content, error);
	if (cause != EBUSY || child->current < 0)
		return error_set_errno(error, ERROR_CANNOT_WRITE, "cannot replace %s", child->path);
	*outcome = OUTCOME_NOT_ATOMIC;
	return 0;
}

int homefile_replace_file(struct homefile_child *child, struct buffer *replacement,
	enum homefile_outcome *outcome, struct buffer *content, struct error *error)
{
	char name[NAME_MAX + 1];
	struct error unsynced;
	bool exchanged;
	int result = 0, synced;

	*outcome = OUTCOME_DONE;
	if (child->directory < 0) {
		errno = child->create_errno ? child->create_errno : ENOENT;
		return error_set_errno(
			error, ERROR_CANNOT_WRITE, "cannot make %s", child->directory_path);
	}
	remove_leftovers(child);
	if (!homefile_replace_is_seen(child))
		return start_over(child, outcome, content, error);
	if (child->current >= 0 && homefile_equal(replacement, &child->bytes))
		return 0;
	if (is_mounted_on(child->current)) {
		*outcome = OUTCOME_NOT_ATOMIC;
		return 0;
	}
	if (write_beside(child, replacement, name, sizeof(name), error) != 0)
		return -1;
	if (!homefile_may_go(child)) {
		unlinkat(child->directory, name, 0);
		return error_set(
			error, ERROR_CANNOT_WRITE, "the change of %s was called off", child->path);
	}
	if (!homefile_replace_is_seen(child)) {
		unlinkat(child->directory, name, 0);
		return start_over(child, outcome, content, error);
	}
	if (put_in_place(child, name, &exchanged) != 0)
		return rename_failed(child, name, outcome, content, error);
	if (exchanged)
		result = finish_exchange(child, name, replacement, error);
	if (result > 0)
		return start_over(child, outcome, content, error);
	synced = sync_directory(child, &unsynced);
	if (result == 0)
		result = settle(child, replacement, outcome, content, error);
	if (result == 0 && *outcome == OUTCOME_DONE && synced != 0) {
		if (error)
			*error = unsynced;
		return -1;
	}
	return result;
}
