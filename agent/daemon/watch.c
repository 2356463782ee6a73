#include "daemon/watch.h"

#include <event2/event.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/log.h"

#define EVENTS                                                                                     \
	(IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF |   \
		IN_MOVE_SELF | IN_UNMOUNT)

struct watch {
	int inotify;
	struct event *readable;
	watch_changed *changed;
	void *context;
};

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct watch *watch = context;
	union {
		char space[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
		struct inotify_event align;
	} events;
	const struct inotify_event *event;
	ssize_t got = read(fd, events.space, sizeof(events.space));

	(void)what;
	for (ssize_t at = 0; at < got; at += (ssize_t)(sizeof(*event) + event->len)) {
		event = (const struct inotify_event *)(const void *)(events.space + at);
		if (event->mask & IN_Q_OVERFLOW)
			watch->changed(watch->context, -1, "");
		/* A new file is empty; that it was written and closed comes later. */
		else if ((event->mask & IN_CREATE) && !(event->mask & IN_ISDIR))
			continue;
		else if (!(event->mask & IN_IGNORED))
			watch->changed(watch->context, event->wd, event->len ? event->name : "");
	}
}

struct watch *watch_create(struct event_base *base, watch_changed *changed, void *context)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->changed = changed;
	watch->context = context;
	watch->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->inotify >= 0)
		watch->readable =
			event_new(base, watch->inotify, EV_READ | EV_PERSIST, on_readable, watch);
	if (!watch->readable || event_add(watch->readable, NULL) != 0) {
		log_warning("no inotify: changes are noticed by the slow look only");
		watch_destroy(watch);
		return NULL;
	}
	return watch;
}

void watch_destroy(struct watch *watch)
{
	if (!watch)
		return;
	if (watch->readable)
		event_free(watch->readable);
	if (watch->inotify >= 0)
		close(watch->inotify);
	free(watch);
}

int watch_add(struct watch *watch, int directory)
{
	char path[64];

	if (!watch || directory < 0)
		return -1;
	/* The link leads to the very directory: no path under a home is walked as root. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", directory);
	return inotify_add_watch(watch->inotify, path, EVENTS);
}

void watch_remove(struct watch *watch, int wd)
{
	if (watch && wd >= 0)
		inotify_rm_watch(watch->inotify, wd);
}
