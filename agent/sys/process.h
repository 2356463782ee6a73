/* Processes: running another program with a limit, and leaving nothing open in it. */
#ifndef VASTAGENT_SYS_PROCESS_H
#define VASTAGENT_SYS_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

struct buffer;
struct error;

/*
 * Runs argv[0] (an absolute path: PATH is never searched) with the environment envp
 * (NULL: PATH and LC_ALL=C only), standard input from /dev/null, standard error
 * dropped, and appends what it prints to *output, at most limit bytes. It is killed
 * after deadline_ms milliseconds.
 *
 * Returns the exit status (0..255, 128+n for signal n), or -1 with ERROR_TIMEOUT,
 * ERROR_TOO_LARGE or ERROR_INTERNAL. No child is left in any case.
 */
int process_capture(const char *const argv[], const char *const envp[], int deadline_ms,
	size_t limit, struct buffer *output, struct error *error);

/* The same, but what it prints to standard error is appended to *output too. */
int process_capture_all(const char *const argv[], const char *const envp[], int deadline_ms,
	size_t limit, struct buffer *output, struct error *error);

/* Closes every descriptor from lowest on, close_range(2) or, before 5.9, /proc/self/fd. */
void process_close_from(int lowest);

/* Sets every signal to its default and unblocks all; for a child before exec or work. */
void process_reset_signals(void);

/*
 * Sets every limit that may be set so to what the kernel allows at most (setrlimit(2)),
 * but descriptors to a few thousand: a daemon must not live by those of a shell.
 */
void process_reset_limits(void);

/* Waits for one child and retries on EINTR. Returns 0..255, 128+n for signal n, or -1. */
int process_wait(pid_t pid);

/* Milliseconds of the monotonic clock. */
long long process_now_ms(void);

#endif
