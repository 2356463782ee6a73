/* Memory that held a request is wiped when it is given back. */
#ifndef VASTAGENT_DAEMON_MEMORY_H
#define VASTAGENT_DAEMON_MEMORY_H

/*
 * From now on libevent and jansson wipe what they free: people send private keys by
 * mistake. MUST be called before anything else of the two.
 */
void memory_wipe_freed(void);

/* Frees a string and wipes it; NULL is nothing. */
void memory_free_text(char *text);

#endif
