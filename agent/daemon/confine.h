/*
 * What the agent gives up for good once it runs, together with all processes that it
 * starts from then on.
 */
#ifndef VASTAGENT_DAEMON_CONFINE_H
#define VASTAGENT_DAEMON_CONFINE_H

struct error;

enum confine_filter {
	CONFINE_FILTER_ON,
	CONFINE_FILTER_NOT_BUILT, /* without libseccomp, or with sanitizers */
	CONFINE_FILTER_REFUSED,   /* the kernel knows no seccomp(2), or does not allow it */
};

/*
 * No privileges from programs that are set-uid, no core files, nothing to see for
 * debuggers of the same account (prctl(2)). Where that fails it is logged.
 */
void confine_memory(void);

/*
 * Keeps the capabilities that the work on keys needs, and none of the others can come
 * back (capabilities(7)). Where that fails it is logged.
 */
void confine_capabilities(void);

/*
 * Loads the filter for system calls (cmake/filter.c says which remain). *error says why
 * where it is CONFINE_FILTER_REFUSED. There is no way back.
 */
enum confine_filter confine_calls(struct error *error);

/* "on", "not_built", "refused". */
const char *confine_filter_name(enum confine_filter filter);

#endif
