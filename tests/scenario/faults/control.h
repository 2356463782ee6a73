/* What malloc.c and faultctl.c share, in a file that is mapped. */
#ifndef CONTROL_H
#define CONTROL_H

#define STACK_DEPTH 12

struct control {
	volatile long armed;
	volatile long count; /* allocations since it was armed */
	long first, length;  /* which of them fail */
	volatile long failed;
	volatile long caller; /* the first one's return address */
	volatile long crashes;
	long stack[STACK_DEPTH]; /* of the first failure, or the first crash */
};

#endif
