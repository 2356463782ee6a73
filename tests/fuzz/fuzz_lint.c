/* The lint of a whole file: what it says can be shown and can be given to sed. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "keys/lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct lint_rules rules = {.rsa_bits = 2048,
		.sshd = size && data[0] % 2 ? 902 : 700,
		.dropbear = true,
		.now = 1700000000};
	struct lint lint;
	long last = 0;

	require(lint_file((const char *)data, size, &rules, &lint) == 0);
	for (size_t i = 0; i < lint.count; i++) {
		const struct lint_finding *found = &lint.list[i];
		require(found->line >= last && (size_t)found->line <= size + 1);
		last = found->line;
		require(text_is_visible(found->message, strlen(found->message)));
		require(!found->sed || text_is_visible(found->sed, strlen(found->sed)));
	}
	lint_free(&lint);
	return 0;
}
