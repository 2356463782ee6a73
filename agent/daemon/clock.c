#include "daemon/clock.h"

#include <event2/event.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* The timer needs an end; this is in the year 2242. */
#define FAR_OFF ((time_t)1 << 33)

struct clock {
	int fd;
	struct event *event;
	void (*on_set)(void *context);
	void *context;
};

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	const struct clock *clock = context;
	uint64_t ends;

	(void)what;
	/* Fails with ECANCELED, which is the news. */
	if (read(fd, &ends, sizeof(ends)) < 0)
		clock->on_set(clock->context);
}

struct clock *clock_create(struct event_base *base, void (*on_set)(void *context), void *context)
{
	const struct itimerspec end = {.it_value.tv_sec = FAR_OFF};
	struct clock *clock = calloc(1, sizeof(*clock));

	if (!clock)
		return NULL;
	*clock = (struct clock){.on_set = on_set, .context = context};
	clock->fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (clock->fd >= 0)
		clock->event = event_new(base, clock->fd, EV_READ | EV_PERSIST, on_readable, clock);
	if (!clock->event || event_add(clock->event, NULL) != 0 ||
		timerfd_settime(
			clock->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &end, NULL) != 0) {
		clock_destroy(clock);
		return NULL;
	}
	return clock;
}

void clock_destroy(struct clock *clock)
{
	if (!clock)
		return;
	if (clock->event)
		event_free(clock->event);
	if (clock->fd >= 0)
		close(clock->fd);
	free(clock);
}
