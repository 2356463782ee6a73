/* What people paste in place of a key, and what they should do instead. */
#include <string.h>

#include "base/error.h"
#include "keys/import_line.h"

static bool begins(const char *text, size_t length, const char *what)
{
	size_t size = strlen(what);

	return length >= size && memcmp(text, what, size) == 0;
}

static bool ends(const char *text, size_t length, const char *what)
{
	size_t size = strlen(what);

	return length >= size && memcmp(text + length - size, what, size) == 0;
}

static bool holds(const char *text, size_t length, const char *what)
{
	return memmem(text, length, what, strlen(what)) != NULL;
}

/* "AAAAB3Nz...Qab==": shortened by a program that shows keys. */
static bool is_shortened(const char *text, size_t length)
{
	const char *blob = memmem(text, length, "AAAA", 4);
	size_t left = blob ? length - (size_t)(blob - text) : 0, word = 0;

	while (word < left && blob[word] != ' ' && blob[word] != '\t')
		word++;
	return word && (holds(blob, word, "...") || holds(blob, word, "\xe2\x80\xa6"));
}

static bool is_path(const char *text, size_t length)
{
	return !memchr(text, ' ', length) &&
	       (ends(text, length, ".pub") || begins(text, length, "~/") ||
		       begins(text, length, "/") || begins(text, length, "./"));
}

/* The inside of a PEM file: base64 of DER, whose first byte is a SEQUENCE's. */
static bool is_headless(const char *text, size_t length)
{
	return length >= 40 && *text == 'M' && !memchr(text, ' ', length);
}

static const char *find_sentence(const char *text, size_t length)
{
	if (is_shortened(text, length))
		return "the key is shortened: it has dots in it; copy the whole key";
	if (holds(text, length, "SHA256:") || begins(text, length, "MD5:"))
		return "this is a fingerprint, not the key; paste the line of the file that ends "
		       "in .pub";
	if (begins(text, length, "age1"))
		return "this is a key of age, not of SSH; paste the line of the file that ends "
		       "in .pub";
	if (begins(text, length, "-----END ") || begins(text, length, "---- END "))
		return "the key that ends here has no BEGIN line; copy it whole";
	if (begins(text, length, "http://") || begins(text, length, "https://"))
		return "this is an address; fetch the key from it first: curl -fsS ADDRESS | "
		       "vastagent addkey -";
	if (is_path(text, length))
		return "this is the name of a file; paste what is in it";
	if (begins(text, length, "|1|"))
		return "this is a line of known_hosts, which names a server's key, not a "
		       "person's";
	if (is_headless(text, length))
		return "this is base64, but no SSH key; if it is the inside of a PEM file, paste "
		       "it "
		       "with its BEGIN and END lines";
	return NULL;
}

void import_explain(const char *text, size_t length, struct error *reason)
{
	const char *sentence = find_sentence(text, length);

	if (sentence)
		error_set(reason, ERROR_BAD_KEY, "%s", sentence);
}
