#include "daemon/keys_listing.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "daemon/keys_json.h"
#include "keys/manager.h"
#include "sys/account.h"
#include "sys/fdio.h"

/* Of text that is held before it is written out; half of a processor's nearer cache. */
#define CHUNK (128 * 1024)

struct part {
	struct keys_listing *listing;
	size_t number;
	struct buffer text; /* rows, each with a comma in front */
	int fd;             /* of those before; -1: none yet */
	int result;
	pthread_t thread;
	bool has_thread;
};

/* Writes the text out, into a file in memory. */
static int flush(struct part *part)
{
	if (part->fd < 0)
		part->fd = memfd_create("vastagent-keys", MFD_CLOEXEC);
	if (part->fd < 0 || part->text.failed ||
		fdio_write(part->fd, buffer_string(&part->text), part->text.length) != 0)
		return -1;
	buffer_clear(&part->text);
	return 0;
}

static int take_row(void *context, const struct keys_row *row)
{
	struct part *part = context;

	buffer_add(&part->text, ",", 1);
	if (keys_json_row(row, &part->text) != 0)
		return -1;
	return part->text.length < CHUNK ? 0 : flush(part);
}

static void *run(void *context)
{
	struct part *part = context;

	part->result = keys_list_part(part->listing, part->number, take_row, part);
	return NULL;
}

/* The first part is worked on here; the others too where no thread can be had. */
static int run_all(struct part *parts, size_t count)
{
	int result = 0;

	for (size_t i = 1; i < count; i++)
		parts[i].has_thread = pthread_create(&parts[i].thread, NULL, run, &parts[i]) == 0;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].has_thread)
			pthread_join(parts[i].thread, NULL);
		else
			run(&parts[i]);
		if (parts[i].result != 0)
			result = -1;
	}
	return result;
}

/* The part that holds the list's first row; count if there is none. */
static size_t find_first(const struct part *parts, size_t count)
{
	size_t first = 0;

	while (first < count && parts[first].fd < 0 && !parts[first].text.length)
		first++;
	return first;
}

/* In front of the very first row there is a comma too many, which is left out. */
static int put_files(
	struct part *parts, size_t count, const struct keys_report *report, int fds[JOB_FDS])
{
	size_t first = find_first(parts, count), used = 0;

	if (keys_json_list_tail(report, &parts[count - 1].text) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].text.length && flush(&parts[i]) != 0)
			return -1;
		if (parts[i].fd < 0)
			continue;
		if (lseek(parts[i].fd, i == first ? 1 : 0, SEEK_SET) < 0)
			return -1;
		fds[used++] = parts[i].fd;
		parts[i].fd = -1;
	}
	return 0;
}

static int put_text(const struct part *part, const struct keys_report *report, struct buffer *out)
{
	if (part->text.length)
		buffer_add(out, part->text.data + 1, part->text.length - 1);
	return keys_json_list_tail(report, out);
}

static int list(struct keys_listing **listing, struct part parts[JOB_FDS],
	struct keys_report *report, struct buffer *out, int fds[JOB_FDS])
{
	size_t count = keys_list_parts(*listing);
	int result;

	if (count > JOB_FDS)
		return -1;
	for (size_t i = 0; i < count; i++)
		parts[i] = (struct part){.listing = *listing, .number = i, .fd = -1};
	result = run_all(parts, count);
	/* The notes are whole only then. */
	keys_list_end(*listing);
	*listing = NULL;
	if (result == 0)
		result = count == 1 && parts[0].fd < 0 ? put_text(&parts[0], report, out)
						       : put_files(parts, count, report, fds);
	for (size_t i = 0; i < count; i++) {
		buffer_free(&parts[i].text);
		if (parts[i].fd >= 0)
			close(parts[i].fd);
	}
	return result;
}

int keys_listing_write(const struct keys_place *place, struct keys_report *report,
	struct buffer *out, int fds[JOB_FDS], struct error *error)
{
	struct part parts[JOB_FDS];
	struct keys_listing *listing;
	int result = keys_list_begin(&listing, place, report, error);

	if (result == 0) {
		keys_json_list_head(place->account->name, place->file, out);
		if (list(&listing, parts, report, out, fds) != 0)
			result = error_set(error, ERROR_INTERNAL, "out of memory");
	}
	keys_list_end(listing);
	return result;
}
