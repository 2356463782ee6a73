/* Which start of the machine, or of the container, this is, and with which variables. */
#ifndef VASTAGENT_SYS_BOOT_H
#define VASTAGENT_SYS_BOOT_H

struct buffer;

/* A container that is stopped and started keeps its files and its machine's boot id. */
struct boot {
	char id[40];              /* /proc/sys/kernel/random/boot_id: hexadecimal digits and '-' */
	unsigned long long start; /* of process 1: clock ticks since the boot (proc(5)) */
};

/* Returns 0, or -1 where /proc does not tell. */
int boot_read(struct boot *boot);

/*
 * Appends the environment of process 1, as /proc/1/environ has it. Who has given up
 * capabilities that process 1 has may not read it any more (ptrace(2)): a copy that
 * boot_keep_environment() took before is read then. Returns 0, or -1 if it cannot be read
 * or is larger than 4 MiB.
 */
int boot_read_environment(struct buffer *environment);
void boot_keep_environment(void);

#endif
