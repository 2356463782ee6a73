#include "login/plan.h"

#include <stdio.h>
#include <string.h>

#include "login/roster.h"

/* Somebody looks at one of the windows that the shared session has. */
static bool has_others(const struct roster *roster)
{
	for (size_t i = 0; i < roster->window_count; i++)
		if (roster_is_attended(roster, roster->windows[i].window))
			return true;
	return false;
}

static long find_current(const struct roster *roster)
{
	for (size_t i = 0; i < roster->window_count; i++)
		if (roster->windows[i].is_current)
			return roster->windows[i].window;
	return ROSTER_NONE;
}

static long find_idle(const struct roster *roster)
{
	const struct roster_window *window = roster->windows;

	for (size_t i = 0; i < roster->window_count; i++, window++)
		if (window->is_idle && !roster_is_attended(roster, window->window))
			return window->window;
	return ROSTER_NONE;
}

/* As many windows as fit, so that the hint at the end is never cut off. */
static void describe(const struct roster *roster, char *out, size_t size)
{
	static const char hint[] = " (*: on another terminal; Ctrl-b w chooses)";
	const struct roster_window *window = roster->windows;
	char entry[80];
	size_t used = (size_t)snprintf(out, size, "windows:"), length;

	for (size_t i = 0; i < roster->window_count; i++, window++) {
		length = (size_t)snprintf(entry, sizeof(entry), " %d:%s%s", window->index,
			window->name, roster_is_attended(roster, window->window) ? "*" : "");
		if (used + length + sizeof(hint) + strlen(" ...") > size) {
			used += (size_t)snprintf(out + used, size - used, " ...");
			break;
		}
		memcpy(out + used, entry, length);
		used += length;
	}
	snprintf(out + used, size - used, "%s", hint);
}

static void choose_window(
	const struct roster *roster, bool shared_is_free, long wanted, struct plan *plan)
{
	long current = find_current(roster);

	if (wanted != ROSTER_NONE && roster_find(roster, wanted) &&
		!roster_is_attended(roster, wanted))
		plan->window = wanted;
	else if (shared_is_free && current != ROSTER_NONE && !roster_is_attended(roster, current))
		plan->window = current;
	else
		plan->window = find_idle(roster);
	plan->new_window = plan->window == ROSTER_NONE;
}

void plan_make(const struct roster *roster, const char *session, long wanted, struct plan *plan)
{
	bool shared_is_free = !roster_has_client(roster, session);

	*plan = (struct plan){.window = ROSTER_NONE};
	if (!has_others(roster)) {
		if (wanted != ROSTER_NONE && roster_find(roster, wanted))
			plan->window = wanted;
		return;
	}
	plan->grouped = !shared_is_free;
	plan->old_sizes = roster->version < 301;
	plan->leaves = !plan->old_sizes;
	choose_window(roster, shared_is_free, wanted, plan);
	describe(roster, plan->message, sizeof(plan->message));
}

static long long last_activity(const struct roster *roster, long window)
{
	long long last = 0;

	for (size_t i = 0; i < roster->client_count; i++)
		if (roster->clients[i].window == window && roster->clients[i].activity > last)
			last = roster->clients[i].activity;
	return last;
}

static bool is_better_job(const struct roster *roster, const struct roster_window *window,
	const struct roster_window *best)
{
	bool attended = roster_is_attended(roster, window->window);
	bool best_attended = roster_is_attended(roster, best->window);

	if (window->is_idle != best->is_idle)
		return best->is_idle;
	if (attended != best_attended)
		return attended;
	return last_activity(roster, window->window) > last_activity(roster, best->window);
}

long plan_find_job(const struct roster *roster, long own)
{
	const struct roster_window *window = roster->windows, *best = NULL;

	for (size_t i = 0; i < roster->window_count; i++, window++)
		if (window->window != own && (!best || is_better_job(roster, window, best)))
			best = window;
	return best ? best->window : ROSTER_NONE;
}
