/*
 * Allocations that fail, one after the other. A program that is linked by va_memory_test()
 * (memory.cmake) has those of the agent's own code counted here. Jansson's do not fail in the
 * agent (daemon/memory.h); the client's answers are read by control/client.c's own means.
 */
#ifndef VASTAGENT_TEST_MEMORY_FAULTS_H
#define VASTAGENT_TEST_MEMORY_FAULTS_H

#include <stddef.h>
#include <stdio.h>

struct error;

/*
 * Does something with the input, frees it all, and writes down what came of it. Returns 0, or
 * -1 if it says that memory is out; any other outcome is a part of what is written down.
 */
typedef int memory_operation(const char *input, size_t length, FILE *outcome);

/*
 * Does it once, then again with its first allocation failing, its second, each by itself and
 * with all that follow it, until it needs no more. Each time it says that memory is out, or
 * comes to the same outcome; and what it allocated is freed.
 */
void memory_fail_each(
	const char *name, memory_operation *operate, const char *input, size_t length);

/* The same for each file of tests/fuzz/seeds/NAME, without its first skip bytes. */
void memory_fail_each_seed(const char *name, memory_operation *operate, size_t skip);

/* Writes down what was refused. Returns -1 for ERROR_INTERNAL: that memory is out. */
int memory_note_error(const struct error *error, FILE *outcome);

#endif
