#include "keys/der.h"

#include <string.h>

/* X.690 section 8.1.3, with the restrictions of 10.1. */
static int take_length(struct der *in, size_t *length)
{
	size_t count;

	if (!in->length)
		return -1;
	*length = in->data[0];
	in->data++;
	in->length--;
	if (*length < 0x80)
		return 0;
	count = *length & 0x7f;
	if (count == 0 || count > 3 || count > in->length || in->data[0] == 0)
		return -1;
	*length = 0;
	for (size_t i = 0; i < count; i++)
		*length = *length << 8 | in->data[i];
	in->data += count;
	in->length -= count;
	return *length < 0x80 ? -1 : 0;
}

int der_take(struct der *in, unsigned char tag, struct der *content)
{
	struct der rest = *in;
	size_t length;

	if (!rest.length || rest.data[0] != tag)
		return -1;
	rest.data++;
	rest.length--;
	if (take_length(&rest, &length) != 0 || length > rest.length)
		return -1;
	*content = (struct der){rest.data, length};
	in->data = rest.data + length;
	in->length = rest.length - length;
	return 0;
}

int der_take_positive(struct der *in, struct der *number)
{
	struct der rest = *in, content;

	if (der_take(&rest, DER_INTEGER, &content) != 0 || !content.length)
		return -1;
	if (content.data[0] & 0x80 || (content.length == 1 && content.data[0] == 0))
		return -1;
	if (content.length > 1 && content.data[0] == 0 && !(content.data[1] & 0x80))
		return -1;
	*number = content;
	*in = rest;
	return 0;
}

int der_take_bytes(struct der *in, struct der *bytes)
{
	struct der rest = *in, content;

	/* The first byte counts the bits that are not used. */
	if (der_take(&rest, DER_BIT_STRING, &content) != 0 || !content.length || content.data[0])
		return -1;
	*bytes = (struct der){content.data + 1, content.length - 1};
	*in = rest;
	return 0;
}

bool der_equals(const struct der *content, const void *bytes, size_t length)
{
	return content->length == length && memcmp(content->data, bytes, length) == 0;
}
