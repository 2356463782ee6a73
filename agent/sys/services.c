/*
 * getservbyname(3) would load NSS modules into a static program, so that the file is
 * read here.
 */
#include "sys/services.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "sys/statefile.h"

#define SERVICES_FILE  "/etc/services"
#define SERVICES_LIMIT (1024 * 1024)
#define LINE_SIZE      1024

/* "name port/tcp alias… # comment" */
static bool line_has(char *line, const char *name)
{
	char *rest = line, *first, *port, *slash, *word;
	long number;

	line[strcspn(line, "#")] = '\0';
	do
		first = strsep(&rest, " \t");
	while (first && !*first);
	do
		port = rest ? strsep(&rest, " \t") : NULL;
	while (port && !*port);
	slash = port ? strchr(port, '/') : NULL;
	if (!first || !slash || strcmp(slash + 1, "tcp") != 0)
		return false;
	*slash = '\0';
	/* Port 0 is none: sshd takes it for a failure. */
	if (text_number(port, 1, 65535, &number) != 0)
		return false;
	if (strcmp(first, name) == 0)
		return true;
	while (rest && (word = strsep(&rest, " \t")))
		if (*word && strcmp(word, name) == 0)
			return true;
	return false;
}

bool service_is_known(const char *name)
{
	static struct buffer services;
	static bool tried, exists;
	char line[LINE_SIZE];
	bool known = false;

	if (!tried)
		statefile_read(SERVICES_FILE, SERVICES_LIMIT, &services, &exists, NULL);
	tried = !services.failed;
	if (!tried) {
		buffer_free(&services);
		return true;
	}
	for (const char *at = buffer_string(&services); *name && *at && !known; at += *at == '\n') {
		size_t length = strcspn(at, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)length, at);
		known = line_has(line, name);
		at += length;
	}
	return known;
}
