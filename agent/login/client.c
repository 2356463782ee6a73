#include "login/client.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "login/server.h"
#include "login/terminal.h"
#include "sys/process.h"

#define TICK         5   /* ms between two looks at the terminal while the client starts */
#define UNLOCK_LIMIT 500 /* ms for tmux to say that the terminal is attached */

struct client {
	const struct client_request *request;
	struct terminal terminal;
	sigset_t signals;
	long long started, shown;
	pid_t pid;    /* 0 once it has been waited for */
	pid_t server; /* 0: not known */
	int status;
	int lock;
	bool was_raw;      /* the session was seen on the terminal */
	bool noticed;      /* the notice was printed */
	bool hung_up;      /* SIGHUP came: the connection, or "detach-client -P" */
	char failure[200]; /* why it was given up; "" if it was not */
};

static void pause_ms(long ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

static void unlock_home(struct client *client)
{
	if (client->lock >= 0)
		close(client->lock);
	client->lock = -1;
}

static void take_signals(struct client *client)
{
	/* SIGTTOU: putting the terminal back must work from the background, too. */
	static const int numbers[] = {SIGCHLD, SIGINT, SIGQUIT, SIGTSTP, SIGHUP, SIGTERM, SIGTTOU};

	sigemptyset(&client->signals);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		/* An ignored signal would be dropped even while it is blocked. */
		signal(numbers[i], SIG_DFL);
		sigaddset(&client->signals, numbers[i]);
	}
	sigprocmask(SIG_BLOCK, &client->signals, NULL);
}

static void __attribute__((noreturn)) execute(const struct client_request *request, pid_t parent)
{
	/* If this process is killed, the client detaches instead of staying behind. */
	prctl(PR_SET_PDEATHSIG, SIGHUP);
	if (getppid() != parent)
		_exit(127);
	process_reset_signals();
	process_close_from(STDERR_FILENO + 1);
	execve(request->argv[0], (char *const *)request->argv, (char *const *)request->environment);
	_exit(127);
}

static int start(struct client *client)
{
	pid_t parent = getpid();

	client->started = process_now_ms();
	client->pid = fork();
	if (client->pid == 0)
		execute(client->request, parent);
	if (client->pid > 0)
		return 0;
	snprintf(client->failure, sizeof(client->failure), "tmux could not be started: %s",
		strerror(errno));
	client->pid = 0;
	return -1;
}

/* Takes note of a child that ended or was stopped. */
static void look_after_child(struct client *client)
{
	int status;

	while (client->pid > 0 && waitpid(client->pid, &status, WNOHANG | WUNTRACED) > 0) {
		if (!WIFSTOPPED(status)) {
			client->pid = 0;
			client->status = status;
			return;
		}
		/*
		 * "suspend-client" in a shell with job control, which sees this process
		 * stopped as well and wakes both. (A stop by somebody's hand is not ours.)
		 */
		if (WSTOPSIG(status) == SIGTSTP) {
			raise(SIGSTOP);
			kill(client->pid, SIGCONT);
		}
	}
}

/* Waits up to ms for the child's end. */
static bool has_ended_within(struct client *client, long ms)
{
	long long end = process_now_ms() + ms;

	for (;;) {
		look_after_child(client);
		if (client->pid == 0)
			return true;
		if (process_now_ms() >= end)
			return false;
		pause_ms(TICK);
	}
}

static void stop(struct client *client, int first_signal)
{
	kill(client->pid, first_signal);
	kill(client->pid, SIGCONT);
	if (has_ended_within(client, 200))
		return;
	kill(client->pid, SIGKILL);
	/* Bounded as well: a process may be stuck in the kernel. */
	has_ended_within(client, 2000);
	client->pid = 0;
}

static void give_up(struct client *client, const char *failure, pid_t server)
{
	char where[48] = "";

	if (server > 0)
		snprintf(where, sizeof(where), " (its process is %ld)", (long)server);
	snprintf(client->failure, sizeof(client->failure), "%s%s", failure, where);
	stop(client, SIGTERM);
}

/* Before the session is on the terminal: how long is too long. */
static void judge_delay(struct client *client)
{
	long long waited = process_now_ms() - client->started;
	enum server_state state = SERVER_STARTING;

	if (waited < CLIENT_NOTICE)
		return;
	if (client->request->socket_path)
		state = server_look(client->request->socket_path, CLIENT_STARTING, &client->server);
	if (state == SERVER_STOPPED)
		give_up(client, "the tmux server is stopped", client->server);
	else if (state == SERVER_SILENT && waited >= CLIENT_HUNG)
		give_up(client, "the tmux server does not answer", client->server);
	/* A server listens before it reads its configuration, so this is not a slow one. */
	else if (state == SERVER_ABSENT && waited >= CLIENT_HUNG)
		give_up(client, "tmux does not start", 0);
	else if (waited >= CLIENT_STARTING)
		give_up(client, "tmux did not start in 13 seconds", client->server);
	else if (!client->noticed)
		log_warning("tmux is slow to answer; Ctrl-C gives a plain shell");
	client->noticed = true;
}

/*
 * In raw mode the keys are tmux's. A key that arrives as a signal means that tmux has
 * left that mode: "suspend-client", where the shell has no job control to stop it with.
 */
static void wake(struct client *client)
{
	if (client->pid > 0)
		kill(client->pid, SIGCONT);
}

static void handle_signal(struct client *client, int number)
{
	switch (number) {
	case SIGCHLD:
		look_after_child(client);
		break;
	case SIGINT:
	case SIGQUIT:
	case SIGTSTP:
		if (!client->was_raw)
			give_up(client, "interrupted", 0);
		else
			wake(client);
		break;
	case SIGHUP:
	case SIGTERM:
		/* The client hears of a lost terminal itself, and "detach-client -P"
		 * sends this signal to its parent just before it leaves. */
		client->hung_up = true;
		if (!has_ended_within(client, 300))
			stop(client, SIGHUP);
		break;
	default:
		break;
	}
}

/*
 * Raw mode comes first, then the session has its terminal, which the next login finds out
 * by server_is_attended(): the lock is kept in between, but not for long.
 */
static void look_at_terminal(struct client *client)
{
	if (!client->was_raw && terminal_is_raw()) {
		client->was_raw = true;
		client->shown = process_now_ms();
	}
	if (!client->was_raw || client->lock < 0)
		return;
	if (!client->request->socket_path || server_is_attended(client->request->socket_path) ||
		process_now_ms() >= client->shown + UNLOCK_LIMIT)
		unlock_home(client);
}

/* While the client starts, the terminal is looked at; then only a signal wakes us. */
static void wait_for_end(struct client *client)
{
	struct timespec wait;
	bool is_settled;
	int number;

	while (client->pid > 0) {
		look_at_terminal(client);
		is_settled = client->was_raw && client->lock < 0;
		/* Slower once the delay is noticed: each look then asks the server. */
		wait = (struct timespec){.tv_nsec = (client->noticed ? 50 : TICK) * 1000000L};
		number = sigtimedwait(&client->signals, NULL, is_settled ? NULL : &wait);
		if (number > 0)
			handle_signal(client, number);
		else if (errno == EAGAIN && !client->was_raw)
			judge_delay(client);
	}
}

static const char *explain(const struct client *client, long long lived)
{
	if (client->failure[0])
		return client->failure;
	if (WIFSIGNALED(client->status))
		return "the tmux client was killed";
	if (WEXITSTATUS(client->status) == 127 && !client->was_raw)
		return "the tmux program does not run";
	if (WEXITSTATUS(client->status) != 0)
		return client->was_raw ? "the tmux session broke off"
				       : "tmux could not show the session";
	if (!client->was_raw)
		return "tmux ended without showing the session";
	return lived < CLIENT_LIVED ? "the tmux session ended within a second" : NULL;
}

/*
 * When the client was killed or failed, the server cleans the screen up by itself a moment
 * later, over anything that was printed before. Its modes come back first. (It may have
 * taken the terminal for less than a tick.)
 */
static void wait_for_server(struct client *client)
{
	long long end = process_now_ms() + 500;

	if (client->status == 0)
		return;
	while (terminal_is_raw() && process_now_ms() < end) {
		client->was_raw = true;
		pause_ms(TICK);
	}
	pause_ms(30);
}

static void report(struct client *client, struct client_outcome *outcome)
{
	long long lived = process_now_ms() - client->started;
	const char *reason = explain(client, lived);

	outcome->finished = !reason;
	outcome->reason[0] = '\0';
	if (!reason)
		return;
	wait_for_server(client);
	if (client->was_raw && lived < CLIENT_LIVED)
		terminal_discard_input((long)(CLIENT_LIVED - lived));
	/* A client that left with 0 has cleaned the screen up itself. */
	terminal_restore(&client->terminal, client->was_raw && client->status != 0);
	snprintf(outcome->reason, sizeof(outcome->reason), "%s", reason);
}

void client_run(const struct client_request *request, struct client_outcome *outcome)
{
	struct client client = {.request = request, .lock = request->lock};

	take_signals(&client);
	terminal_save(&client.terminal);
	if (start(&client) == 0)
		wait_for_end(&client);
	unlock_home(&client);
	report(&client, outcome);
}
