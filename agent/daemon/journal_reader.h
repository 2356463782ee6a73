/* Reading the journal from its oldest line on, in parts, also while it grows. */
#ifndef VASTAGENT_DAEMON_JOURNAL_READER_H
#define VASTAGENT_DAEMON_JOURNAL_READER_H

#include <stdbool.h>
#include <sys/types.h>

struct buffer;

/* Zeroed but for the fds, which are -1, one that has nothing open. */
struct journal_reader {
	char *path;
	int older;   /* PATH.1, until it is read; or -1 */
	int current; /* or -1: there is none yet */
	off_t offset;
};

/* Opens the journal of a state directory. Returns 0, or -1 (out of memory, no permission);
 * a journal that is not there yet is empty. Release with journal_reader_close. */
int journal_reader_open(struct journal_reader *reader, const char *state_dir);
void journal_reader_close(struct journal_reader *reader);

/* Goes on behind what is there now. */
void journal_reader_skip(struct journal_reader *reader);

/* Appends the next whole lines, some KiB at most. Returns false if there are none now. */
bool journal_reader_next(struct journal_reader *reader, struct buffer *lines);

/* How many bytes there are that journal_reader_next did not give yet. */
off_t journal_reader_behind(const struct journal_reader *reader);

#endif
