#include "cli/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/agent.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/screen.h"
#include "control/client.h"
#include "sys/fdio.h"
#include "sys/process.h"

#define INTERVAL_MS 2000
#define FRAME_LIMIT (16 * 1024 * 1024)

/* The alternate screen, without a cursor, and lines that are cut at the edge. */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

/* Of the one watch of this process: a signal's handler needs it. */
static struct {
	int terminal; /* a copy of standard output, which goes to frame meanwhile */
	int frame;
	struct termios modes; /* of standard input, as they were */
	bool has_keys;        /* standard input is a terminal */
	volatile sig_atomic_t redraw;
} screen;

static int put(const char *text, size_t length)
{
	return fdio_write(screen.terminal, text, length);
}

static void enter(void)
{
	struct termios modes = screen.modes;

	/* Keys are read one by one and not shown; Ctrl-C and Ctrl-Z are still signals. */
	modes.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
	if (screen.has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &modes);
	put(ENTER, strlen(ENTER));
}

static void leave(void)
{
	put(LEAVE, strlen(LEAVE));
	if (screen.has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &screen.modes);
}

/* Of what ends a program: it ends it now, also in the middle of a question to the agent. */
static void end(int number)
{
	leave();
	signal(number, SIG_DFL);
	raise(number);
}

static void suspend(int number)
{
	int saved_errno = errno;

	(void)number;
	leave();
	kill(getpid(), SIGSTOP);
	enter();
	screen.redraw = 1;
	errno = saved_errno;
}

static void resized(int number)
{
	(void)number;
	screen.redraw = 1;
}

/* In a handler all signals wait, so that two do not leave at once, and a terminal's modes
 * are put back from the background, too. */
static void catch_signals(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction action = {.sa_handler = end};

	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaction(ends[i], &action, NULL);
	action.sa_handler = suspend;
	sigaction(SIGTSTP, &action, NULL);
	action.sa_handler = resized;
	sigaction(SIGWINCH, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int begin(struct error *error)
{
	screen.terminal = dup(STDOUT_FILENO);
	screen.frame = memfd_create("frame", MFD_CLOEXEC);
	if (screen.terminal < 0 || screen.frame < 0 || dup2(screen.frame, STDOUT_FILENO) < 0)
		return error_set_errno(error, ERROR_INTERNAL, "cannot watch");
	screen.has_keys = tcgetattr(STDIN_FILENO, &screen.modes) == 0;
	screen_set(screen.terminal);
	catch_signals();
	enter();
	return 0;
}

static void finish(void)
{
	leave();
	/* What is printed from now on, a reason for the end, is for the terminal again. */
	fflush(stdout);
	dup2(screen.terminal, STDOUT_FILENO);
	close(screen.terminal);
	close(screen.frame);
}

/* What a function prints, which goes to the frame's file. */
static int take_frame(struct buffer *text)
{
	char *space;
	off_t length;
	ssize_t got = -1;

	fflush(stdout);
	length = lseek(STDOUT_FILENO, 0, SEEK_CUR);
	space = length >= 0 && length < FRAME_LIMIT ? buffer_reserve(text, (size_t)length + 1)
						    : NULL;
	if (space)
		got = pread(STDOUT_FILENO, space, (size_t)length, 0);
	if (got >= 0) {
		text->length += (size_t)got;
		space[got] = '\0';
	}
	if (ftruncate(STDOUT_FILENO, 0) != 0 || lseek(STDOUT_FILENO, 0, SEEK_SET) != 0)
		return -1;
	return got < 0 ? -1 : 0;
}

static void print_title(const struct cli *cli)
{
	time_t now = time(NULL);
	struct tm parts;
	char clock[16] = "";

	if (localtime_r(&now, &parts))
		strftime(clock, sizeof(clock), "%H:%M:%S", &parts);
	printf("vastagent %s, every 2 s  %s  (q ends it)\n\n", cli->command, clock);
}

/* As many lines of the frame as there are rows; each takes the rest of its row with it. */
static int draw(const struct buffer *frame)
{
	struct buffer out = BUFFER_EMPTY;
	const char *at = buffer_string(frame), *end = at + frame->length;
	unsigned rows = screen_rows(), row = 0;
	int result;

	buffer_add_string(&out, "\033[H");
	while (at < end && (!rows || row < rows)) {
		size_t length = strcspn(at, "\n");
		buffer_add_string(&out, row++ ? "\r\n" : "");
		buffer_add(&out, at, length);
		buffer_add_string(&out, "\033[K");
		at += length + 1;
	}
	buffer_add_string(&out, "\033[J");
	result = out.failed ? -1 : put(out.data, out.length);
	buffer_free(&out);
	return result;
}

/* Shows an answer, or why there is none. Returns -1 if the terminal is gone. */
static int show(const struct cli *cli, const json_t *answer, const struct error *error,
	int (*print)(const json_t *answer))
{
	struct buffer frame = BUFFER_EMPTY;
	int result;

	print_title(cli);
	if (answer)
		print(answer);
	else
		output_visible(error->message);
	result = take_frame(&frame);
	if (result == 0)
		result = draw(&frame);
	buffer_free(&frame);
	return result;
}

/* Returns 0 for another look, 1 if q was pressed, -1 if the terminal is gone. */
static int wait_for_keys(long long until)
{
	struct pollfd wait[] = {{.fd = screen.terminal, .events = 0},
		{.fd = screen.has_keys ? STDIN_FILENO : -1, .events = POLLIN}};
	long long left;
	char keys[64];
	ssize_t got;

	while (!screen.redraw && (left = until - process_now_ms()) > 0) {
		if (poll(wait, 2, (int)left) <= 0)
			continue;
		if (wait[0].revents)
			return -1;
		got = read(STDIN_FILENO, keys, sizeof(keys));
		if (got > 0 && memchr(keys, 'q', (size_t)got))
			return 1;
		if (got == 0 || (got < 0 && errno != EINTR))
			return -1;
	}
	return 0;
}

static int watch_terminal(const struct cli *cli, const struct control_request *request,
	json_t *answer, int (*print)(const json_t *answer))
{
	struct error error = {0};
	long long next;
	int over = begin(&error);

	if (over != 0) {
		json_decref(answer);
		return agent_report(&error);
	}
	while (over == 0) {
		next = process_now_ms() + INTERVAL_MS;
		do {
			screen.redraw = 0;
			over = show(cli, answer, &error, print);
			if (over == 0)
				over = wait_for_keys(next);
		} while (over == 0 && screen.redraw);
		if (over != 0)
			break;
		json_decref(answer);
		answer = NULL;
		/* An agent that is replaced is there again soon: what it says is shown. */
		if (agent_ask_running(cli, request, &answer, &error) != 0) {
			json_decref(answer);
			answer = NULL;
		}
	}
	json_decref(answer);
	finish();
	return over > 0 ? EX_OK : EX_IOERR;
}

/* Whether somebody still reads, for as long as an interval. */
static bool is_read(void)
{
	struct pollfd wait = {.fd = STDOUT_FILENO, .events = 0};
	long long until = process_now_ms() + INTERVAL_MS, left;

	while ((left = until - process_now_ms()) > 0)
		if (poll(&wait, 1, (int)left) > 0)
			return false;
	return true;
}

static int watch_json(const struct cli *cli, const struct control_request *request, json_t *answer)
{
	json_t *shown = NULL;
	struct error error;
	int status = EX_OK;

	for (;;) {
		if (!json_equal(shown, answer)) {
			output_json(answer);
			status = output_finish(EX_OK);
		}
		json_decref(shown);
		shown = answer;
		answer = NULL;
		if (status != EX_OK || !is_read())
			break;
		if (agent_ask_running(cli, request, &answer, &error) != 0) {
			status = agent_report(&error);
			break;
		}
	}
	json_decref(shown);
	json_decref(answer);
	return status;
}

int watch_run(const struct cli *cli, const char *path, int (*print)(const json_t *answer))
{
	const struct control_request request = {.method = "GET", .path = path};
	json_t *answer = NULL;
	struct error error;

	if (!cli->json && !isatty(STDOUT_FILENO))
		return cli_fail(EX_USAGE, "--watch draws on a terminal, and this is none; for a "
					  "script: --watch --json");
	if (agent_ask(cli, &request, &answer, &error) != 0) {
		json_decref(answer);
		return agent_report(&error);
	}
	return cli->json ? watch_json(cli, &request, answer)
			 : watch_terminal(cli, &request, answer, print);
}
