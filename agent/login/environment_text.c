#include "login/environment_text.h"

#include <stdbool.h>
#include <string.h>

#include "base/buffer.h"
#include "login/environment.h"

/* sh knows no escape between single quotes; fish knows \' and \\ there. */
static void add_quoted(struct buffer *out, enum environment_shell shell, const char *text)
{
	buffer_add_string(out, "'");
	for (; *text; text++) {
		if (*text == '\'')
			buffer_add_string(out, shell == ENVIRONMENT_SH ? "'\\''" : "\\'");
		else if (*text == '\\' && shell == ENVIRONMENT_FISH)
			buffer_add_string(out, "\\\\");
		else
			buffer_add(out, text, 1);
	}
	buffer_add_string(out, "'");
}

static void add_export(struct buffer *out, enum environment_shell shell,
	const struct environment_variable *variable)
{
	buffer_add_format(
		out, shell == ENVIRONMENT_SH ? "export %s=" : "set -gx %s ", variable->name);
	add_quoted(out, shell, variable->value);
}

/* One directory into PATH, at its beginning or its end, if it is not there. */
static void add_directory(struct buffer *out, enum environment_shell shell, const char *directory,
	size_t length, bool front)
{
	struct buffer name = BUFFER_EMPTY;

	buffer_add(&name, directory, length);
	if (shell == ENVIRONMENT_SH) {
		buffer_add_string(out, "case \":${PATH-}:\" in *:");
		add_quoted(out, shell, buffer_string(&name));
		buffer_add_string(
			out, front ? ":*) ;; *) PATH=" : ":*) ;; *) PATH=${PATH:+$PATH:}");
		add_quoted(out, shell, buffer_string(&name));
		buffer_add_string(out, front ? "${PATH:+:$PATH} ;; esac\n" : " ;; esac\n");
	} else {
		buffer_add_string(out, "contains -- ");
		add_quoted(out, shell, buffer_string(&name));
		buffer_add_string(
			out, front ? " $PATH; or set -gx PATH " : " $PATH; or set -gx PATH $PATH ");
		add_quoted(out, shell, buffer_string(&name));
		buffer_add_string(out, front ? " $PATH\n" : "\n");
	}
	out->failed = out->failed || name.failed;
	buffer_free(&name);
}

static bool is_systems(const char *directory, size_t length)
{
	static const char *const own[] = {
		"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strlen(own[i]) == length && strncmp(own[i], directory, length) == 0)
			return true;
	return false;
}

/*
 * What stands before the system's directories came there to be found before them; the rest
 * goes to the end. From the last to the first, since each goes before the ones before.
 */
static void add_path(struct buffer *out, enum environment_shell shell, const char *path)
{
	const char *middle = path, *at, *end;
	size_t length;

	while (*middle && !is_systems(middle, length = strcspn(middle, ":")))
		middle += length + (middle[length] == ':');
	for (end = middle; end > path; end = at) {
		for (at = end - 1; at > path && at[-1] != ':';)
			at--;
		length = strcspn(at, ":");
		if (*at == '/')
			add_directory(out, shell, at, length, true);
	}
	for (at = middle; *at; at += length + (at[length] == ':')) {
		length = strcspn(at, ":");
		if (*at == '/')
			add_directory(out, shell, at, length, false);
	}
	if (shell == ENVIRONMENT_SH)
		buffer_add_string(out, "export PATH\n");
}

/* "is set, and not to a value of ours": what comes next is then not done. */
static void add_condition(struct buffer *out, enum environment_shell shell, const char *name,
	const struct environment *earlier)
{
	bool sh = shell == ENVIRONMENT_SH;

	buffer_add_format(out, sh ? "{ [ -n \"${%s+x}\" ]" : "begin; set -q %s", name);
	for (size_t i = 0; i < earlier->count; i++) {
		if (strcmp(earlier->list[i].name, name) != 0)
			continue;
		buffer_add_format(out, sh ? " && [ \"$%s\" != " : "; and test \"$%s\" != ", name);
		add_quoted(out, shell, earlier->list[i].value);
		buffer_add_string(out, sh ? " ]" : "");
	}
	buffer_add_string(out, sh ? "; } || " : "; end; or ");
}

static void add_guarded(struct buffer *out, enum environment_shell shell,
	const struct environment_variable *variable, const struct environment *earlier)
{
	/* The form that bash is quickest with, since each command over ssh reads it. */
	if (shell == ENVIRONMENT_SH && !environment_get(earlier, variable->name)) {
		buffer_add_format(out, "case ${%s+x} in '') ", variable->name);
		add_export(out, shell, variable);
		buffer_add_string(out, " ;; esac\n");
	} else {
		add_condition(out, shell, variable->name, earlier);
		add_export(out, shell, variable);
		buffer_add_string(out, "\n");
	}
}

void environment_text_file(enum environment_shell shell, const struct environment *environment,
	const struct environment *earlier, const struct environment_start *start,
	struct buffer *out)
{
	const struct environment_variable *variable = environment->list;
	bool sh = shell == ENVIRONMENT_SH;

	buffer_add_format(out,
		"# The variables of instance %s, by vastagent(1); written anew at each start.\n"
		"# For other starts than the one below it does nothing: a copied image keeps it.\n",
		*start->instance ? start->instance : "(not known)");
	/* In /proc/1/stat the start follows a field that is always 0 (proc(5)). */
	buffer_add_format(out,
		sh ? "if { IFS= read -r vastagent_boot </proc/sys/kernel/random/boot_id &&\n"
		     "IFS= read -r vastagent_init </proc/1/stat; } 2>/dev/null; then\n"
		     "case \"$vastagent_boot $vastagent_init\" in '%s '*' 0 %llu '*) {\n:\n"
		   : "begin\nset -l boot\nset -l init\nread boot </proc/sys/kernel/random/boot_id\n"
		     "read init </proc/1/stat\nif string match -q -- '%s * 0 %llu *' \"$boot "
		     "$init\"\n",
		start->boot.id, start->boot.start);
	for (size_t i = 0; i < environment->count; i++, variable++) {
		if (strcmp(variable->name, "PATH") == 0)
			add_path(out, shell, variable->value);
		else
			add_guarded(out, shell, variable, earlier);
	}
	buffer_add_string(
		out, sh ? "} 2>/dev/null ;;\nesac\nfi\nunset vastagent_boot vastagent_init\n"
			: "end\nend 2>/dev/null\ntrue\n");
}

void environment_text_plain(
	enum environment_shell shell, const struct environment *environment, struct buffer *out)
{
	const struct environment_variable *variable = environment->list;

	for (size_t i = 0; i < environment->count; i++, variable++) {
		if (strcmp(variable->name, "PATH") == 0) {
			add_path(out, shell, variable->value);
		} else {
			add_export(out, shell, variable);
			buffer_add_string(out, "\n");
		}
	}
}
