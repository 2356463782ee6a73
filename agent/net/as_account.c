#include "net/as_account.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "sys/account.h"
#include "sys/become.h"
#include "sys/fdio.h"
#include "sys/process.h"

enum { ANSWER_BYTES = 8 * 1024 * 1024 };

struct question {
	void (*look)(void *context, uid_t uid, FILE *out);
	void *context;
	const struct account *account;
};

size_t as_account_read(pid_t pid, const char *file, char *text, size_t size)
{
	char path[64];
	size_t length = 0;
	ssize_t got = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && length < size - 1 &&
		(got = read(fd, text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	if (fd >= 0)
		close(fd);
	text[length] = '\0';
	return length;
}

static void run_child(const struct question *question, int fd)
{
	FILE *out = fdopen(fd, "w");
	bool fine = false;

	process_reset_signals();
	if (out && become_account(question->account, NULL) == 0) {
		/* After the change of ids, which clears it (prctl(2)). */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		question->look(question->context, question->account->uid, out);
		fine = fclose(out) == 0;
	}
	_exit(fine ? 0 : 1);
}

static int ask_child(const struct question *question, int deadline_ms, struct buffer *answer,
	struct error *error)
{
	int ends[2], result;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set_errno(error, ERROR_INTERNAL, "cannot make a pipe");
	child = fork();
	if (child == 0) {
		close(ends[0]);
		run_child(question, ends[1]);
	}
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return error_set_errno(error, ERROR_INTERNAL, "cannot start a process");
	}
	result = fdio_collect(ends[0], deadline_ms, ANSWER_BYTES, answer, error);
	close(ends[0]);
	if (result != 0)
		kill(child, SIGKILL);
	/* The account may end this child as it likes: then nothing can be left out. */
	if (process_wait(child) != 0 && result == 0)
		result = error_set(
			error, ERROR_INTERNAL, "cannot act as %s", question->account->name);
	return result;
}

int as_account_ask(uid_t uid, void (*look)(void *context, uid_t uid, FILE *out), void *context,
	int deadline_ms, struct buffer *answer, struct error *error)
{
	struct account account = {0};
	const struct question question = {look, context, &account};
	int result = -1;

	if (account_by_uid(uid, &account, error) == 0)
		result = ask_child(&question, deadline_ms, answer, error);
	account_free(&account);
	return result;
}
