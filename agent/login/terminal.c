#include "login/terminal.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool is_raw(const struct termios *modes)
{
	return !(modes->c_lflag & (tcflag_t)(ICANON | ECHO));
}

void terminal_save(struct terminal *terminal)
{
	struct termios modes;

	for (int fd = 0; fd < 3; fd++)
		terminal->flags[fd] = fcntl(fd, F_GETFL);
	terminal->is_saved = tcgetattr(STDIN_FILENO, &terminal->modes) == 0;
	if (!terminal->is_saved || !is_raw(&terminal->modes))
		return;
	modes = terminal->modes;
	modes.c_lflag |= (tcflag_t)(ICANON | ECHO | ISIG);
	tcsetattr(STDIN_FILENO, TCSANOW, &modes);
}

bool terminal_is_raw(void)
{
	struct termios modes;

	return tcgetattr(STDIN_FILENO, &modes) == 0 && is_raw(&modes);
}

void terminal_discard_input(long ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	struct termios modes;

	if (tcgetattr(STDIN_FILENO, &modes) != 0)
		return;
	modes.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &modes);
	nanosleep(&time, NULL);
	tcflush(STDIN_FILENO, TCIFLUSH);
}

void terminal_restore(const struct terminal *terminal, bool full)
{
	/*
	 * In this order: alternate screen off, cursor shown, mouse reports, focus
	 * reports and bracketed paste off, cursor keys and keypad normal, attributes
	 * and character set plain, scrolling region whole (which moves the cursor).
	 */
	static const char reset[] = "\033[?1049l\033[?25h\033[?1000l\033[?1002l\033[?1003l"
				    "\033[?1005l\033[?1006l\033[?1004l\033[?2004l\033[?1l\033>"
				    "\033[m\033(B\0337\033[r\0338\r\n";

	/* tmux sets O_NONBLOCK, which the shell shares: read(2) would fail there. */
	for (int fd = 0; fd < 3; fd++)
		if (terminal->flags[fd] >= 0)
			fcntl(fd, F_SETFL, terminal->flags[fd]);
	if (full && write(STDOUT_FILENO, reset, strlen(reset)) < 0)
		return; /* the terminal is gone */
	if (terminal->is_saved)
		tcsetattr(STDIN_FILENO, TCSANOW, &terminal->modes);
}
