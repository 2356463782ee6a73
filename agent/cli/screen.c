#include "cli/screen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int terminal = STDOUT_FILENO;

static struct winsize size(void)
{
	struct winsize size = {0};

	if (ioctl(terminal, TIOCGWINSZ, &size) != 0)
		size = (struct winsize){0};
	return size;
}

unsigned screen_columns(void)
{
	return size().ws_col;
}

unsigned screen_rows(void)
{
	return size().ws_row;
}

void screen_set(int descriptor)
{
	terminal = descriptor;
}

bool screen_is_styled(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(terminal) && !(no_color && *no_color) && term && *term &&
	       strcmp(term, "dumb") != 0;
}
