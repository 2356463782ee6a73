#include "keys/from.h"

#include <stddef.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "keys/patterns.h"

int from_check(const char *patterns, struct buffer *warnings, struct error *error)
{
	char item[PATTERN_ITEM_SIZE], repaired[PATTERN_ITEM_SIZE], visible[80];
	enum pattern_trouble trouble = pattern_list_check(patterns, false, item, repaired);

	text_visible(visible, sizeof(visible), item, strlen(item));
	switch (trouble) {
	case PATTERN_EMPTY_ITEM:
		return error_set(error, ERROR_BAD_OPTION,
			"option from: an empty item; sshd then lets nobody in");
	case PATTERN_HOST_BITS:
		return error_set(error, ERROR_BAD_OPTION,
			"option from: '%s' is no network: bits are set behind its length; sshd "
			"then "
			"lets nobody in; it is called %s",
			visible, repaired);
	case PATTERN_EXCLUDES:
		return error_set(error, ERROR_BAD_OPTION,
			"option from: it only excludes, so that nobody gets in; add ,* behind it");
	case PATTERN_NAMES:
	case PATTERN_SOME_NAME:
		if (warnings)
			buffer_add_format(warnings,
				"from: '%s' is a name; it matches nothing while sshd has UseDNS "
				"no, as it does unless it was changed; use an address\n",
				visible);
		return 0;
	case PATTERN_FINE:
		break;
	}
	return 0;
}
