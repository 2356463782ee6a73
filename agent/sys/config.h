/* /etc/vastagent.conf, as vastagent.conf(5) says. */
#ifndef VASTAGENT_SYS_CONFIG_H
#define VASTAGENT_SYS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"

struct error;

#define CONFIG_PATH "/etc/vastagent.conf"

struct config {
	char *socket;
	char *state_dir;
	enum log_level log_level;
	bool forwarded; /* answer requests that come through a forwarded socket */
	char **users;   /* accounts that are looked after without being asked */
	size_t user_count;
	char **mirror; /* accounts that get root's instance keys too */
	size_t mirror_count;
	bool restore;
	bool login_tmux;
	char *login_session;
	bool login_logout;         /* [login] detach: true logs out, false leaves a shell */
	char *session_environment; /* rules, as environment_admits takes them */
};

/*
 * Reads the file. At the default path a missing file is an empty one: every key has a
 * default. *config is
 * only changed on success; release it with config_free.
 * Returns 0, or -1 with ERROR_CONFIGURATION, the message naming file, line and key.
 */
int config_load(const char *path, struct config *config, struct error *error);

/* The same for a text; path is for messages. */
int config_parse(const char *path, const char *text, struct config *config, struct error *error);

/* Frees what the configuration holds and zeroes it. */
void config_free(struct config *config);

#endif
