/*
 * The platform's label file. Known, from what users were told to do with it: it is
 * ~/.vast_containerlabel of root's and holds the label, "C.12345". Not known: whether every
 * kind of instance has one today, and when it is written; a copied image has the old one
 * until then. So it counts only where neither process 1 nor the on-start tells.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "sys/account.h"
#include "sys/homefile.h"
#include "sys/instance_sources.h"

#define LABEL_FILE ".vast_containerlabel"

/* A home on a volume may be that of several instances: whose label is it then? */
static bool is_shared(const char *home)
{
	struct stat root, what;

	return stat("/", &root) != 0 || stat(home, &what) != 0 || root.st_dev != what.st_dev;
}

int instance_read_label(char *id, size_t size)
{
	struct buffer path = BUFFER_EMPTY;
	const struct buffer *text;
	struct homefile *file = NULL;
	struct account root = {0};
	bool exists = false;
	char line[256];

	id[0] = '\0';
	if (account_by_uid(0, &root, NULL) == 0 && !is_shared(root.home) &&
		buffer_add_format(&path, "%s/%s", root.home, LABEL_FILE) == 0 &&
		homefile_open(&file, &root, path.data, HOMEFILE_KEYS, NULL) == 0 &&
		homefile_read(file, &text, &exists, NULL) == 0 && exists) {
		snprintf(line, sizeof(line), "%s", buffer_string(text));
		line[strcspn(line, "\r\n")] = '\0';
		instance_parse_id(line, id, size);
	}
	homefile_close(file);
	buffer_free(&path);
	account_free(&root);
	return *id ? 0 : -1;
}
