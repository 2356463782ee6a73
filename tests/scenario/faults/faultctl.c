/*
 * faultctl FILE arm FIRST LENGTH   from now on allocations are counted, and those fail
 * faultctl FILE off                not any more; prints "COUNT FAILED CRASHES CALLER STACK"
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control.h"

int main(int argc, char **argv)
{
	int fd = argc > 2 ? open(argv[1], O_RDWR | O_CREAT, 0600) : -1;
	struct control *control;

	if (fd < 0 || ftruncate(fd, sizeof(*control)) != 0)
		return 1;
	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (control == MAP_FAILED)
		return 1;
	if (strcmp(argv[2], "arm") == 0 && argc == 5) {
		control->count = control->failed = control->crashes = control->caller = 0;
		control->first = atol(argv[3]);
		control->length = atol(argv[4]);
		control->armed = 1;
		return 0;
	}
	control->armed = 0;
	printf("%ld %ld %ld %#lx ", control->count, control->failed, control->crashes,
		control->caller);
	for (int i = 0; i < STACK_DEPTH && control->stack[i]; i++)
		printf("%#lx ", control->stack[i]);
	puts("");
	return 0;
}
