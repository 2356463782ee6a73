/* Where an instance's id is found, beside PID 1's environment. For sys/instance*.c. */
#ifndef VASTAGENT_SYS_INSTANCE_SOURCES_H
#define VASTAGENT_SYS_INSTANCE_SOURCES_H

#include <stddef.h>

struct buffer;

/*
 * Appends a file of the kernel's, or of root's, whose size is not known. Returns 0, or -1
 * if it cannot be read or is larger than 4 MiB.
 */
int instance_read_text(const char *path, struct buffer *text);

/* "12345" of "12345" or "C.12345". Returns 0, or -1 (id is then "") if it is no id. */
int instance_parse_id(const char *text, char *id, size_t size);

/* Each returns 0, or -1 with an empty id. */
int instance_read_handed_over(char *id, size_t size);
int instance_read_label(char *id, size_t size);
int instance_read_machine(char *id, size_t size);

/*
 * The id in the text of that file, which says it twice: a file that was damaged is none. boot
 * is how it names this start. Pure. Returns 0, or -1.
 */
int instance_parse_handed_over(const char *text, const char *boot, char *id, size_t size);

#endif
