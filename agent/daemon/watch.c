#include "daemon/watch.h"

#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/process.h"

#define EVENTS                                                                                     \
	(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF |        \
		IN_MOVE_SELF | IN_UNMOUNT)
/* A machine that mounts all the time must not keep the agent busy: one look in that time. */
#define MOUNTS_PAUSE_MS 500
/* One program mounts several things, one after the other. */
#define MOUNTS_SETTLE_MS 5

struct watch {
	int inotify;
	struct event *readable;
	int mounts; /* mountinfo, and the epoll that tells of its changes */
	int mounts_epoll;
	struct event *mounted;
	struct event *mounts_settled;
	long long mounts_told_ms;
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
			watch->changed(watch->context, -1, "", false);
		else if (!(event->mask & IN_IGNORED))
			watch->changed(watch->context, event->wd, event->len ? event->name : "",
				(event->mask & IN_CREATE) && !(event->mask & IN_ISDIR));
	}
}

static void on_mounted(evutil_socket_t epoll, short what, void *context)
{
	struct watch *watch = context;
	struct epoll_event taken;
	long long calm = watch->mounts_told_ms + MOUNTS_PAUSE_MS - process_now_ms();
	const struct timeval delay = {
		.tv_usec = 1000 * (calm > MOUNTS_SETTLE_MS ? calm : MOUNTS_SETTLE_MS)};

	(void)what;
	epoll_wait(epoll, &taken, 1, 0);
	if (!evtimer_pending(watch->mounts_settled, NULL))
		evtimer_add(watch->mounts_settled, &delay);
}

static void on_mounts_settled(evutil_socket_t fd, short what, void *context)
{
	struct watch *watch = context;

	(void)fd;
	(void)what;
	watch->mounts_told_ms = process_now_ms();
	watch->changed(watch->context, -1, "", false);
}

/*
 * What is mounted over a directory changes nothing in it, so that inotify(7) is blind.
 * mountinfo is always readable and tells of a change by EPOLLPRI (proc(5)), for which the
 * event loop has no name: hence an epoll of its own, which is readable then.
 */
static int watch_mounts(struct watch *watch, struct event_base *base)
{
	struct epoll_event wanted = {.events = EPOLLPRI};

	watch->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	watch->mounts_epoll = epoll_create1(EPOLL_CLOEXEC);
	if (watch->mounts < 0 || watch->mounts_epoll < 0 ||
		epoll_ctl(watch->mounts_epoll, EPOLL_CTL_ADD, watch->mounts, &wanted) != 0)
		return -1;
	watch->mounts_settled = evtimer_new(base, on_mounts_settled, watch);
	watch->mounted =
		event_new(base, watch->mounts_epoll, EV_READ | EV_PERSIST, on_mounted, watch);
	if (!watch->mounts_settled || !watch->mounted)
		return -1;
	return event_add(watch->mounted, NULL);
}

struct watch *watch_create(struct event_base *base, watch_changed *changed, void *context)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->changed = changed;
	watch->context = context;
	watch->mounts = watch->mounts_epoll = -1;
	watch->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->inotify >= 0)
		watch->readable =
			event_new(base, watch->inotify, EV_READ | EV_PERSIST, on_readable, watch);
	if (!watch->readable || event_add(watch->readable, NULL) != 0) {
		log_warning("no inotify: changes are noticed by the slow look only");
		watch_destroy(watch);
		return NULL;
	}
	if (watch_mounts(watch, base) != 0)
		log_warning("mounts over a home are noticed by the slow look only");
	return watch;
}

void watch_destroy(struct watch *watch)
{
	if (!watch)
		return;
	if (watch->readable)
		event_free(watch->readable);
	if (watch->mounted)
		event_free(watch->mounted);
	if (watch->mounts_settled)
		event_free(watch->mounts_settled);
	if (watch->mounts_epoll >= 0)
		close(watch->mounts_epoll);
	if (watch->mounts >= 0)
		close(watch->mounts);
	if (watch->inotify >= 0)
		close(watch->inotify);
	free(watch);
}

int watch_add(struct watch *watch, int directory, bool files)
{
	char path[64];

	if (!watch || directory < 0)
		return -1;
	/* The link leads to the very directory: no path under a home is walked as root. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", directory);
	/* The same directory may be on the way to other files. */
	return inotify_add_watch(
		watch->inotify, path, EVENTS | IN_MASK_ADD | (files ? IN_CLOSE_WRITE : 0));
}

void watch_remove(struct watch *watch, int wd)
{
	if (watch && wd >= 0)
		inotify_rm_watch(watch->inotify, wd);
}
