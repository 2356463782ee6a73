/* Quotes around a key, as shells, editors and web pages put them there. */
#include <string.h>

#include "keys/import_line.h"

static const struct {
	const char *open, *close;
} pairs[] = {
	{"'", "'"}, {"\"", "\""}, {"`", "`"}, {"\xe2\x80\x9c", "\xe2\x80\x9d"}, /* U+201C U+201D */
	{"\xe2\x80\x9d", "\xe2\x80\x9d"}, {"\xe2\x80\x9e", "\xe2\x80\x9c"},     /* U+201E U+201C */
	{"\xe2\x80\x9e", "\xe2\x80\x9d"}, {"\xe2\x80\x9c", "\xe2\x80\x9c"},
	{"\xe2\x80\x98", "\xe2\x80\x99"},                                   /* U+2018 U+2019 */
	{"\xe2\x80\x99", "\xe2\x80\x99"}, {"\xe2\x80\x9a", "\xe2\x80\x98"}, /* U+201A U+2018 */
	{"\xc2\xab", "\xc2\xbb"},                                           /* U+00AB U+00BB */
};

int import_strip_quotes(const char **text, size_t *length)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		size_t open = strlen(pairs[i].open), close = strlen(pairs[i].close);

		if (*length < open + close || memcmp(*text, pairs[i].open, open) != 0 ||
			memcmp(*text + *length - close, pairs[i].close, close) != 0)
			continue;
		*text += open;
		*length -= open + close;
		return 1;
	}
	return 0;
}
