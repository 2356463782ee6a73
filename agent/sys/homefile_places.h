/* What to watch for a change of a homefile. */
#ifndef VASTAGENT_SYS_HOMEFILE_PLACES_H
#define VASTAGENT_SYS_HOMEFILE_PLACES_H

#include <limits.h>

struct error;
struct homefile;
struct homefile_child;

/* The most directories on the way to a file; with more, those next to it. */
#define HOMEFILE_PLACES 16

/*
 * Each directory in which a name on the way to the file is looked up, from the root on,
 * links followed, up to the first name that is missing.
 */
struct homefile_places {
	unsigned count;
	int directories[HOMEFILE_PLACES]; /* O_PATH */
	char names[PATH_MAX];             /* one for each, with '/' between them */
	int home; /* index of the parent of the file's directory (a home), or -1 */
};

/* Takes the directories; end with homefile_places_close. Returns 0, or -1 with none. */
int homefile_places(struct homefile *file, struct homefile_places *places, struct error *error);
void homefile_places_close(struct homefile_places *places);

/* The child's side: finds out what to watch; sends it. */
void homefile_places_find(const char *file, struct homefile_places *places);
void homefile_places_send(const struct homefile_child *child);

#endif
