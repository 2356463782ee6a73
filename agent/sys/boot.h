/* Which start of the machine, or of the container, this is. */
#ifndef VASTAGENT_SYS_BOOT_H
#define VASTAGENT_SYS_BOOT_H

/* A container that is stopped and started keeps its files and its machine's boot id. */
struct boot {
	char id[40];              /* /proc/sys/kernel/random/boot_id: hexadecimal digits and '-' */
	unsigned long long start; /* of process 1: clock ticks since the boot (proc(5)) */
};

/* Returns 0, or -1 where /proc does not tell. */
int boot_read(struct boot *boot);

#endif
