/* inotify(7) on directories that somebody else opened for us. */
#ifndef VASTAGENT_DAEMON_WATCH_H
#define VASTAGENT_DAEMON_WATCH_H

#include <stdbool.h>

struct event_base;
struct watch;

/*
 * Called for a change of a directory entry: wd is what watch_add returned. name is ""
 * where the directory itself changed. made: something that is no directory came to be. A
 * file that is made is empty, and that it was written and closed comes later; of a link
 * nothing comes later. wd is -1 where events were lost, or something was mounted: look at
 * all.
 */
typedef void watch_changed(void *context, int wd, const char *name, bool made);

/* Returns NULL if the kernel gives no inotify descriptor; nothing is watched then. */
struct watch *watch_create(struct event_base *base, watch_changed *changed, void *context);
void watch_destroy(struct watch *watch);

/*
 * Watches the directory behind a descriptor: entries that are made, moved, deleted, get
 * other owners or modes; and with files also those that are written and closed. Never mere writes:
 * open(2) with O_TRUNC raises those while a file is empty, and a restore at that moment would lose
 * the keys of whoever writes. The descriptor may be closed afterwards. Returns a watch descriptor
 * (the same for the same directory), or -1.
 */
int watch_add(struct watch *watch, int directory, bool files);

void watch_remove(struct watch *watch, int wd);

#endif
