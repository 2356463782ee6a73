/* Text as of /etc/portal.yaml: what is taken from it can be shown and pasted. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "net/portal.h"

static void check(const struct net_portal *portal)
{
	for (size_t i = 0; i < portal->count; i++) {
		const struct net_portal_entry *entry = &portal->list[i];

		if (!entry->external || !entry->internal || !*entry->name ||
			!text_is_visible(entry->name, strlen(entry->name)) ||
			entry->path[0] != '/' || strpbrk(entry->path, " '\"`<>\\\n"))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_portal portal = {0};
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	net_portal_parse_file(&portal, text, size);
	check(&portal);
	portal = (struct net_portal){0};
	net_portal_parse_variable(&portal, text);
	check(&portal);
	free(text);
	return 0;
}
