/* Somebody set the clock, or the machine slept. */
#ifndef VASTAGENT_DAEMON_CLOCK_H
#define VASTAGENT_DAEMON_CLOCK_H

struct clock;
struct event_base;

/*
 * From now on calls back whenever the time of day jumped, as timerfd_create(2) says of
 * TFD_TIMER_CANCEL_ON_SET; Linux 5.15 and later also when a machine wakes up. Returns NULL
 * if that is not to be had; clock_destroy frees.
 */
struct clock *clock_create(struct event_base *base, void (*on_set)(void *context), void *context);
/* NULL is nothing. */
void clock_destroy(struct clock *clock);

#endif
