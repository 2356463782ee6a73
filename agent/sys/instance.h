/* Which instance this is. */
#ifndef VASTAGENT_SYS_INSTANCE_H
#define VASTAGENT_SYS_INSTANCE_H

#include <stdbool.h>
#include <stddef.h>

struct error;

#define INSTANCE_ID_SIZE 64

/* What is known. The two are of different kinds and are never compared with each other. */
struct instance {
	char id[INSTANCE_ID_SIZE];      /* the platform's, such as "12345", or "" */
	char machine[INSTANCE_ID_SIZE]; /* a VM's own, "machine-0123…"; "" in a container */
};

/*
 * A variable of PID 1's environment (proc(5)), which the platform set when it made the
 * instance. Returns a copy that the caller frees, or NULL if it is not there or cannot
 * be read. Never the caller's own environment: a copied image may hold the old values.
 */
char *instance_variable(const char *name);

/*
 * The platform's id, such as "12345": CONTAINER_ID or VAST_CONTAINERLABEL ("C.12345") of
 * PID 1's environment, else what this boot's on-start handed over. size is at least
 * INSTANCE_ID_SIZE. Returns 0, or -1 (id is then "") where nothing tells.
 */
int instance_id(char *id, size_t size);

/*
 * The same, else the platform's label file in root's home, and a VM's machine-id. Waits
 * for that home for some seconds, so it is not for an event loop.
 */
void instance_read(struct instance *here);

/* What to show, and to write down as the owner of state: an id, or "". */
const char *instance_name(const struct instance *here);

/*
 * Whether state that was written down for owner is known to be another instance's.
 * Ids of different kinds, and "", tell nothing.
 */
bool instance_is_other(const struct instance *here, const char *owner);

/*
 * For the instance's on-start: keeps the id from the environment of this process for
 * the rest of the boot. No id there is no failure. Returns 0, or -1 with
 * ERROR_FORBIDDEN for anybody but root and inside a login, ERROR_BAD_REQUEST if it
 * is not the id that was handed over first, or ERROR_CANNOT_WRITE.
 */
int instance_hand_over(bool *changed, struct error *error);

#endif
