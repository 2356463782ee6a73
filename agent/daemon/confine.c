#include "daemon/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"

#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW (1UL << 2)
#endif
#ifndef SECCOMP_FILTER_FLAG_LOG
#define SECCOMP_FILTER_FLAG_LOG (1UL << 1)
#endif

/*
 * SETUID and SETGID: children become accounts. KILL: they are ended. CHOWN, FOWNER,
 * DAC_OVERRIDE: root's own files of keys, whoever owns the file and its directory.
 */
#define KEPT                                                                                       \
	(1U << CAP_CHOWN | 1U << CAP_DAC_OVERRIDE | 1U << CAP_FOWNER | 1U << CAP_KILL |            \
		1U << CAP_SETGID | 1U << CAP_SETUID)

void confine_memory(void)
{
	const struct rlimit none = {0, 0};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
		log_warning("cannot keep memory to this process: %s", strerror(errno));
}

static bool is_kept(int capability)
{
	return capability < 32 && (KEPT >> capability & 1);
}

void confine_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2];

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	/* Ends at the first that this kernel does not know. */
	for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		if (!is_kept(i) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) != 0)
			log_debug("capability %d stays in the bounding set", i);
	if (syscall(SYS_capget, &header, sets) != 0)
		goto fail;
	sets[0].effective &= KEPT;
	sets[0].permitted &= KEPT;
	sets[0].inheritable = 0;
	sets[1] = (struct __user_cap_data_struct){0};
	if (syscall(SYS_capset, &header, sets) == 0)
		return;
fail:
	log_warning("cannot give up capabilities: %s", strerror(errno));
}

#ifdef VASTAGENT_FILTER
extern const struct sock_filter confine_program[];
extern const unsigned short confine_program_length;

enum confine_filter confine_calls(struct error *error)
{
	struct sock_fprog program = {
		.len = confine_program_length, .filter = (struct sock_filter *)confine_program};
	/* What it refuses is in the kernel's log where that is wanted (actions_logged). */
	unsigned long flags = SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW;

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0)
		return CONFINE_FILTER_ON;
	error_set_errno(error, ERROR_INTERNAL, "the kernel takes no filter for system calls");
	return CONFINE_FILTER_REFUSED;
}
#else
enum confine_filter confine_calls(struct error *error)
{
	(void)error;
	return CONFINE_FILTER_NOT_BUILT;
}
#endif

const char *confine_filter_name(enum confine_filter filter)
{
	return filter == CONFINE_FILTER_ON          ? "on"
	       : filter == CONFINE_FILTER_NOT_BUILT ? "not_built"
						    : "refused";
}
