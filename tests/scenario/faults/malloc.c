/*
 * To be preloaded: lets allocations of memory fail, one or some in a row.
 *
 * FAULT_CONTROL names a file that holds a struct control (faultctl.c makes it); every
 * process that has it mapped counts its allocations there, all together. From number .first
 * on, .length of them fail. A process that crashes is counted in .crashes; nobody can take
 * that from it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static struct control *control;

/* Where it was says what is wrong. Of the library's own frames there are two. */
static void note_stack(void)
{
	void *stack[STACK_DEPTH + 2];
	int depth = backtrace(stack, STACK_DEPTH + 2);

	memset(control->stack, 0, sizeof(control->stack));
	for (int i = 2; i < depth; i++)
		control->stack[i - 2] = (long)stack[i];
}

static int fails(const void *caller)
{
	long number;

	if (!control || !control->armed)
		return 0;
	number = __sync_add_and_fetch(&control->count, 1);
	if (number < control->first || number >= control->first + control->length)
		return 0;
	if (__sync_add_and_fetch(&control->failed, 1) == 1) {
		control->caller = (long)caller;
		note_stack();
	}
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	return size && fails(__builtin_return_address(0)) ? NULL : __libc_realloc(memory, size);
}

void *reallocarray(void *memory, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || fails(__builtin_return_address(0)))
		return NULL;
	return __libc_realloc(memory, bytes);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
	if (fails(__builtin_return_address(0)))
		return ENOMEM;
	*memory = __libc_memalign(alignment, size);
	return *memory ? 0 : ENOMEM;
}

static const int crashes[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};

static int is_crash(int number)
{
	for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		if (crashes[i] == number)
			return 1;
	return 0;
}

static void on_crash(int number)
{
	if (__sync_add_and_fetch(&control->crashes, 1) == 1)
		note_stack();
	_exit(128 + number);
}

typedef int sigaction_call(int, const struct sigaction *, struct sigaction *);
typedef sighandler_t signal_call(int, sighandler_t);
static sigaction_call *real_sigaction;
static signal_call *real_signal;

int sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
	if (!real_sigaction)
		*(void **)&real_sigaction = dlsym(RTLD_NEXT, "sigaction");
	return control && action && is_crash(number) ? 0 : real_sigaction(number, action, old);
}

sighandler_t signal(int number, sighandler_t handler)
{
	if (!real_signal)
		*(void **)&real_signal = dlsym(RTLD_NEXT, "signal");
	return control && is_crash(number) ? SIG_DFL : real_signal(number, handler);
}

static void __attribute__((constructor)) begin(void)
{
	const struct sigaction action = {.sa_handler = on_crash};
	const char *path = getenv("FAULT_CONTROL");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *mapped, *stack[1];

	if (fd < 0)
		return;
	/* The first call allocates memory. */
	backtrace(stack, 1);
	mapped = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	for (size_t i = 0; mapped != MAP_FAILED && i < sizeof(crashes) / sizeof(crashes[0]); i++)
		sigaction(crashes[i], &action, NULL);
	if (mapped != MAP_FAILED)
		control = mapped;
}
