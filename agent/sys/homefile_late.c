/*
 * Late writers: a program that opened the file before it was replaced, and writes to it
 * when it has no name any more. What it wrote must not be lost.
 */
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/homefile.h"
#include "sys/homefile_child.h"
#include "sys/homefile_late.h"
#include "sys/homefile_merge.h"
#include "sys/process.h"

/* Between looking up a name and having the file open, a program is seen by nobody. */
#define OPENING_MS 100
#define WATCH_MS   10000
/* A hanging file system must not keep the process for ever. */
#define LIMIT_S  40
#define ATTEMPTS 20

int homefile_late_keep(struct homefile_child *child, int fd, struct buffer *before,
	const struct buffer *mine, struct error *error)
{
	struct homefile_late *late = &child->late[child->late_count];

	if (child->late_count == HOMEFILE_LATE_MAX) {
		close(fd);
		buffer_free(before);
		return error_set(
			error, ERROR_BUSY, "%s is written to again and again", child->path);
	}
	*late = (struct homefile_late){.fd = fd, .before = *before, .since_ms = process_now_ms()};
	*before = BUFFER_EMPTY;
	child->late_count++;
	if (buffer_add(&late->mine, mine->data, mine->length) != 0)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	return 0;
}

static int merge(const struct homefile_child *child, const struct homefile_late *late,
	const struct buffer *text, const struct buffer *current, struct buffer *content,
	struct error *error)
{
	if (homefile_merge(&late->before, &late->mine, text, current, child->flags & HOMEFILE_KEYS,
		    content) != 0)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	return 0;
}

/* Reads what is in the old file now; *changed if it is not what went into the edit. */
static int read_late(const struct homefile_child *child, const struct homefile_late *late,
	struct buffer *text, bool *changed, struct error *error)
{
	int result;

	*changed = false;
	if (homefile_read_same(late->fd, &late->before))
		return 0;
	result = homefile_read_all(child, late->fd, text, error);
	*changed = result == 0 && !homefile_equal(text, &late->before);
	return result;
}

int homefile_late_again(
	const struct homefile_child *child, struct buffer *content, struct error *error)
{
	for (unsigned i = 0; i < child->late_count; i++) {
		struct buffer merged = BUFFER_EMPTY;

		if (!child->late[i].handed_out)
			continue;
		if (merge(child, &child->late[i], &child->late[i].now, content, &merged, error) !=
			0) {
			buffer_free(&merged);
			return -1;
		}
		buffer_free(content);
		*content = merged;
	}
	return 0;
}

void homefile_late_commit(struct homefile_child *child, const struct buffer *mine)
{
	for (unsigned i = 0; i < child->late_count; i++) {
		struct homefile_late *late = &child->late[i];

		if (!late->handed_out)
			continue;
		buffer_free(&late->before);
		late->before = late->now;
		late->now = BUFFER_EMPTY;
		late->handed_out = false;
		late->mine.length = 0;
		buffer_add(&late->mine, mine->data, mine->length);
	}
}

static int check(struct homefile_child *child, struct homefile_late *late, bool *changed,
	struct buffer *content, struct error *error)
{
	struct buffer text = BUFFER_EMPTY;
	int result;

	/* Half of a text is not merged: the watch takes it when its writer is done. */
	*changed = false;
	if (homefile_read_writer(late->fd) == WRITER_PRESENT)
		return 0;
	result = read_late(child, late, &text, changed, error);
	if (*changed) {
		result = homefile_read_current(child, error);
		if (result == 0)
			result = merge(child, late, &text, &child->bytes, content, error);
		if (result == 0) {
			late->handed_out = true;
			buffer_free(&late->now);
			late->now = text;
			text = BUFFER_EMPTY;
		}
	}
	buffer_free(&text);
	return result;
}

int homefile_late_check(
	struct homefile_child *child, bool *changed, struct buffer *content, struct error *error)
{
	*changed = false;
	for (unsigned i = 0; i < child->late_count; i++)
		if (check(child, &child->late[i], changed, content, error) != 0 || *changed)
			return *changed ? 0 : -1;
	return 0;
}

/* Puts the merged text in place. Returns 0 with *wanted what stands there now, or -1. */
static int put(struct homefile_child *child, const struct homefile_late *late,
	const struct buffer *text, struct buffer *wanted)
{
	struct buffer content = BUFFER_EMPTY;
	enum homefile_outcome outcome = OUTCOME_CHANGED;
	int result = homefile_read_current(child, NULL);

	buffer_add(&content, child->bytes.data, child->bytes.length);
	for (int i = 0; result == 0 && i < ATTEMPTS && outcome != OUTCOME_DONE; i++) {
		buffer_free(wanted);
		if (outcome == OUTCOME_LATE) {
			*wanted = content;
			content = BUFFER_EMPTY;
		} else {
			result = merge(child, late, text, &content, wanted, NULL);
		}
		content.length = 0;
		if (result == 0)
			result = homefile_replace_file(child, wanted, &outcome, &content, NULL);
		if (outcome == OUTCOME_NOT_ATOMIC)
			result = -1;
	}
	buffer_free(&content);
	return outcome == OUTCOME_DONE ? result : -1;
}

/* Writes what came late into the file that stands there now; if that fails, the next
 * look finds it late again. */
static void write_late(
	struct homefile_child *child, struct homefile_late *late, struct buffer *text)
{
	struct homefile_late was = *late;
	struct buffer wanted = BUFFER_EMPTY;

	if (homefile_path_lock(child, NULL) != 0)
		return;
	/* Taken first: while it is put in place, the kept files are looked at again. */
	late->before = late->mine = late->now = BUFFER_EMPTY;
	late->handed_out = false;
	buffer_add(&late->before, text->data, text->length);
	if (put(child, &was, text, &wanted) == 0 && !late->before.failed) {
		buffer_free(&late->mine);
		late->mine = wanted;
		wanted = BUFFER_EMPTY;
		buffer_free(&was.before);
		buffer_free(&was.mine);
		buffer_free(&was.now);
	} else {
		buffer_free(&late->before);
		buffer_free(&late->mine);
		buffer_free(&late->now);
		*late = was;
	}
	buffer_free(&wanted);
	homefile_path_unlock(child);
}

static void close_late(struct homefile_child *child, unsigned i)
{
	close(child->late[i].fd);
	buffer_free(&child->late[i].before);
	buffer_free(&child->late[i].mine);
	buffer_free(&child->late[i].now);
	child->late[i] = child->late[--child->late_count];
}

/* One look at one kept file. Returns true once it needs no more looks. */
static bool look(struct homefile_child *child, unsigned i)
{
	struct homefile_late *late = &child->late[i];
	struct buffer text = BUFFER_EMPTY;
	long long passed = process_now_ms() - late->since_ms;
	bool writer = homefile_read_writer(late->fd) == WRITER_PRESENT;
	bool changed = false;

	if (writer && passed < WATCH_MS)
		return false;
	if (read_late(child, late, &text, &changed, NULL) == 0 && changed)
		write_late(child, late, &text);
	buffer_free(&text);
	return !writer ? passed >= OPENING_MS : true;
}

void homefile_late_watch(struct homefile_child *child)
{
	const struct timespec pause = {.tv_nsec = 20000000};

	alarm(LIMIT_S);
	homefile_path_unlock(child);
	while (child->late_count) {
		for (unsigned i = child->late_count; i-- > 0;)
			if (look(child, i))
				close_late(child, i);
		if (child->late_count)
			nanosleep(&pause, NULL);
	}
}
