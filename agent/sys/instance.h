/* Which instance this is. */
#ifndef VASTAGENT_SYS_INSTANCE_H
#define VASTAGENT_SYS_INSTANCE_H

#include <stddef.h>

/*
 * A variable of PID 1's environment (proc(5)), which the platform set when it made the
 * instance. Returns a copy that the caller frees, or NULL if it is not there or cannot
 * be read. Never the caller's own environment: a copied image may hold the old values.
 */
char *instance_variable(const char *name);

/*
 * The instance's id, such as "12345", from CONTAINER_ID or VAST_CONTAINERLABEL
 * ("C.12345"). Returns 0, or -1 (id is then "") where nothing tells.
 */
int instance_id(char *id, size_t size);

#endif
