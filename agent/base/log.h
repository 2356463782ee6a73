/*
 * The log: one line a message, to standard error. Bytes that could forge a line or
 * steer a terminal are escaped here, whatever the caller passes in.
 */
#ifndef VASTAGENT_BASE_LOG_H
#define VASTAGENT_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Messages above this level are dropped; LOG_LEVEL_WARNING until set. */
void log_set_level(enum log_level level);

/* Whether each line begins with the time (RFC 3339, UTC); off until set. */
void log_set_timestamps(bool on);

/* "error", "warning", "info" or "debug" to a level. Returns 0, or -1 for other text. */
int log_level_parse(const char *name, enum log_level *level);

/* Writes one line, "vastagent: " before it. errno is preserved. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
