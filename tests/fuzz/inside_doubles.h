/* What stands in for the world around an agent that runs inside of a fuzz target. */
#ifndef VASTAGENT_TESTS_FUZZ_INSIDE_DOUBLES_H
#define VASTAGENT_TESTS_FUZZ_INSIDE_DOUBLES_H

#include <stdbool.h>

/* Everything as at the beginning; jobs that wait are forgotten. */
void doubles_reset(void);

bool doubles_has_job(void);

/* Runs the job that has waited longest, and hands back its answer. False: there is none. */
bool doubles_run_job(void);

#endif
