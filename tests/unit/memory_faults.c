#include "memory_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* Of allocations that live at one time; a power of two. */
#define SLOTS 65536

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
int __real_vasprintf(char **text, const char *format, va_list arguments);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t length);
int __wrap_vasprintf(char **text, const char *format, va_list arguments);
int __wrap_asprintf(char **text, const char *format, ...);
void __wrap_free(void *memory);

static struct {
	bool armed, lasting;
	long count, first, failed;
	const void *caller; /* of the first that failed */
} faults;

/* What was allocated while it was armed, and is not freed; by whom. */
static struct {
	void *memory;
	const void *caller;
} living[SLOTS];
static size_t living_count;

static size_t slot_of(const void *memory)
{
	size_t slot = ((uintptr_t)memory >> 4) * 0x9e3779b97f4a7c15U >> 48;

	while (living[slot].memory && living[slot].memory != memory)
		slot = (slot + 1) % SLOTS;
	return slot;
}

static void *note(void *memory, const void *caller)
{
	size_t slot;

	if (!faults.armed || !memory)
		return memory;
	slot = slot_of(memory);
	living[slot].memory = memory;
	living[slot].caller = caller;
	living_count++;
	assert_true(living_count < SLOTS / 2);
	return memory;
}

static void forget(const void *memory)
{
	size_t hole, slot = slot_of(memory);

	if (!memory || !living[slot].memory)
		return;
	living_count--;
	living[slot].memory = NULL;
	/* Those behind it are found from where they belong. */
	for (hole = slot + 1; living[hole % SLOTS].memory; hole++) {
		void *moved = living[hole % SLOTS].memory;
		const void *caller = living[hole % SLOTS].caller;

		living[hole % SLOTS].memory = NULL;
		slot = slot_of(moved);
		living[slot].memory = moved;
		living[slot].caller = caller;
	}
}

static bool fails(const void *caller)
{
	if (!faults.armed)
		return false;
	faults.count++;
	if (faults.lasting ? faults.count < faults.first : faults.count != faults.first)
		return false;
	if (faults.failed++ == 0)
		faults.caller = caller;
	errno = ENOMEM;
	return true;
}

#define CALLER __builtin_return_address(0)

void *__wrap_malloc(size_t size)
{
	return fails(CALLER) ? NULL : note(__real_malloc(size), CALLER);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails(CALLER) ? NULL : note(__real_calloc(count, size), CALLER);
}

static void *resize(void *memory, size_t size, const void *caller)
{
	void *moved;

	if (size && fails(caller))
		return NULL;
	forget(memory);
	moved = __real_realloc(memory, size);
	return note(moved, caller);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return resize(memory, size, CALLER);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
	size_t bytes;

	return __builtin_mul_overflow(count, size, &bytes) ? NULL : resize(memory, bytes, CALLER);
}

char *__wrap_strndup(const char *text, size_t length)
{
	size_t size = strnlen(text, length);
	char *copy = fails(CALLER) ? NULL : note(__real_malloc(size + 1), CALLER);

	if (copy) {
		memcpy(copy, text, size);
		copy[size] = '\0';
	}
	return copy;
}

char *__wrap_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = fails(CALLER) ? NULL : note(__real_malloc(size), CALLER);

	return copy ? memcpy(copy, text, size) : NULL;
}

int __wrap_vasprintf(char **text, const char *format, va_list arguments)
{
	int length = fails(CALLER) ? -1 : __real_vasprintf(text, format, arguments);

	if (length >= 0)
		note(*text, CALLER);
	return length;
}

int __wrap_asprintf(char **text, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = __wrap_vasprintf(text, format, arguments);
	va_end(arguments);
	return length;
}

void __wrap_free(void *memory)
{
	forget(memory);
	__real_free(memory);
}

/* For addr2line -fe. */
static size_t place(const void *caller)
{
	extern const char __executable_start;

	return (size_t)((const char *)caller - &__executable_start);
}

static void check_freed(const char *name)
{
	const void *lost = NULL;

	for (size_t i = 0; living_count && i < SLOTS; i++)
		if (living[i].memory)
			lost = living[i].caller;
	if (!lost)
		return;
	/* The next test begins with nothing. */
	memset(living, 0, sizeof(living));
	living_count = 0;
	fail_msg("%s: what %#zx allocates is lost when %#zx gets none (the %ldth)", name,
		place(lost), place(faults.caller), faults.first);
}

/* Does it with what was set in faults. Returns its result; the outcome is the caller's. */
static int operate_once(memory_operation *operate, const char *input, size_t length, char **outcome)
{
	size_t size;
	FILE *out = open_memstream(outcome, &size);
	int result;

	assert_non_null(out);
	faults.count = faults.failed = 0;
	faults.armed = true;
	result = operate(input, length, out);
	faults.armed = false;
	assert_int_equal(fclose(out), 0);
	return result;
}

/* Returns whether something failed. */
static bool fail_one(const char *name, memory_operation *operate, const char *input, size_t length,
	const char *right)
{
	char *outcome = NULL;
	int result = operate_once(operate, input, length, &outcome);

	check_freed(name);
	if (result == 0 && strcmp(outcome, right) != 0)
		fail_msg("%s: when %#zx gets no memory (the %ldth%s), it comes to\n%s\nnot\n%s",
			name, place(faults.caller), faults.first,
			faults.lasting ? " and all others" : "", outcome, right);
	free(outcome);
	assert_true(result == 0 || faults.failed > 0);
	return faults.failed > 0;
}

void memory_fail_each(const char *name, memory_operation *operate, const char *input, size_t length)
{
	FILE *nowhere = fopen("/dev/null", "we");
	char *right = NULL;

	assert_non_null(nowhere);
	/* What is read once and kept, as /etc/services, is read before anything is counted. */
	operate(input, length, nowhere);
	fclose(nowhere);
	faults.first = 0;
	faults.lasting = false;
	if (operate_once(operate, input, length, &right) != 0)
		fail_msg("%s: it fails without a fault: %s", name, right);
	check_freed(name);
	for (int lasting = 0; lasting < 2; lasting++) {
		faults.lasting = lasting;
		faults.first = 1;
		while (fail_one(name, operate, input, length, right))
			faults.first++;
	}
	free(right);
}

void memory_fail_each_seed(const char *name, memory_operation *operate, size_t skip)
{
	char path[512], what[1024], text[65536];
	const struct dirent *entry;
	size_t length, count = 0;
	DIR *directory;

	snprintf(path, sizeof(path), SEEDS "/%s", name);
	directory = opendir(path);
	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		FILE *file;

		if (*entry->d_name == '.')
			continue;
		snprintf(what, sizeof(what), "%s/%s", path, entry->d_name);
		file = fopen(what, "re");
		assert_non_null(file);
		length = fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
		text[length] = '\0';
		if (length <= skip)
			continue;
		memory_fail_each(what, operate, text + skip, length - skip);
		count++;
	}
	closedir(directory);
	assert_true(count > 0);
}

int memory_note_error(const struct error *error, FILE *outcome)
{
	assert_true(error->code != ERROR_NONE && *error->message);
	fprintf(outcome, "%s %ld %s\n", error_name(error->code), error->line, error->message);
	return error->code == ERROR_INTERNAL ? -1 : 0;
}
