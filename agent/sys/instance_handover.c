/*
 * What the on-start handed over. Its environment is the platform's; that of anybody else
 * is not, since a copied image's /etc/environment holds the id of the instance that it was
 * made of. So it is kept with the boot and the start of process 1, whose next start makes
 * it void, and the first word of a boot counts: the on-start is there before people are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "sys/boot.h"
#include "sys/instance.h"
#include "sys/instance_sources.h"
#include "sys/statefile.h"

#define DIRECTORY   "/run/vastagent"
#define HANDED_OVER DIRECTORY "/instance"
#define FILE_LIMIT  256

/* "BOOT_ID START": another one after the next start of the machine or the container. */
static int render_boot(char *text, size_t size)
{
	struct boot boot;

	if (boot_read(&boot) != 0)
		return -1;
	snprintf(text, size, "%s %llu", boot.id, boot.start);
	return 0;
}

int instance_read_handed_over(char *id, size_t size)
{
	struct buffer text = BUFFER_EMPTY;
	char boot[FILE_LIMIT];
	bool exists = false;
	int result = -1;

	id[0] = '\0';
	if (statefile_read(HANDED_OVER, FILE_LIMIT, &text, &exists, NULL) == 0 && exists &&
		render_boot(boot, sizeof(boot)) == 0)
		result = instance_parse_handed_over(buffer_string(&text), boot, id, size);
	buffer_free(&text);
	return result;
}

int instance_parse_handed_over(const char *text, const char *boot, char *id, size_t size)
{
	size_t skip = strlen(boot), length = strcspn(text + strnlen(text, skip + 1), " \n");
	char said[INSTANCE_ID_SIZE], whole[FILE_LIMIT];

	id[0] = '\0';
	if (strncmp(text, boot, skip) != 0 || length >= sizeof(said))
		return -1;
	snprintf(said, sizeof(said), "%.*s", (int)length, text + skip + 1);
	snprintf(whole, sizeof(whole), "%s %s %s\n", boot, said, said);
	/* A damaged id would be another instance's, and every key would go. */
	return strcmp(text, whole) == 0 ? instance_parse_id(said, id, size) : -1;
}

static int write_down(const char *id, struct error *error)
{
	struct buffer text = BUFFER_EMPTY;
	char boot[FILE_LIMIT];
	int result;

	if (render_boot(boot, sizeof(boot)) != 0)
		return error_set(error, ERROR_INTERNAL, "cannot tell when process 1 started");
	if (buffer_add_format(&text, "%s %s %s\n", boot, id, id) != 0)
		result = error_set(error, ERROR_INTERNAL, "out of memory");
	else
		result = statefile_prepare_directory(DIRECTORY, 0755, error);
	if (result == 0)
		result = statefile_write(HANDED_OVER, &text, error);
	buffer_free(&text);
	return result;
}

int instance_hand_over(bool *changed, struct error *error)
{
	char id[INSTANCE_ID_SIZE], before[INSTANCE_ID_SIZE];

	*changed = false;
	if (geteuid() != 0)
		return error_set(error, ERROR_FORBIDDEN,
			"only root's on-start hands over which instance this is");
	if (getenv("SSH_CONNECTION") || getenv("TMUX"))
		return error_set(error, ERROR_FORBIDDEN,
			"which instance this is is not taken from a login's environment");
	if (instance_parse_id(getenv("CONTAINER_ID"), id, sizeof(id)) != 0 &&
		instance_parse_id(getenv("VAST_CONTAINERLABEL"), id, sizeof(id)) != 0)
		return 0;
	if (instance_read_handed_over(before, sizeof(before)) == 0)
		return strcmp(before, id) == 0
			       ? 0
			       : error_set(error, ERROR_BAD_REQUEST,
					 "this is instance %s, as the on-start said before, not %s",
					 before, id);
	if (write_down(id, error) != 0)
		return -1;
	*changed = true;
	return 0;
}
