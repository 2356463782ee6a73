/* `vastagent doctor`: why would this key be refused? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/agent.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/doctor.h"
#include "cli/doctor_checks.h"
#include "cli/key_text.h"
#include "cli/output.h"
#include "keys/import.h"

#define FOUND_FAILURE 1 /* exit status */

static const struct {
	const char *id;
	void (*run)(struct doctor *doctor);
} checks[] = {
	{"sshd", doctor_check_server},
	{"sshd", doctor_check_settings},
	{"account", doctor_check_account},
	{"sshd", doctor_check_access},
	{"file", doctor_check_files},
	{"line", doctor_check_lines},
	{"agent", doctor_check_agent},
	{"login", doctor_check_login},
	{"space", doctor_check_space},
	{"key", doctor_check_key},
};

#define CHECK_COUNT (sizeof(checks) / sizeof(checks[0]))

static const char *const status_names[] = {"ok", "warn", "fail"};

/* Findings before this one that belong to the group count as its result. */
static void run_checks(struct doctor *doctor)
{
	size_t before;

	for (size_t i = 0; i < CHECK_COUNT; i++) {
		before = doctor->count;
		checks[i].run(doctor);
		if (doctor->count == before && strcmp(checks[i].id, "key") != 0 &&
			strcmp(checks[i].id, "sshd") != 0)
			doctor_add(doctor, DOCTOR_OK, checks[i].id, NULL, "nothing wrong");
	}
}

static bool has_failure(const struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->count; i++)
		if (doctor->list[i].status == DOCTOR_FAIL)
			return true;
	return false;
}

static void print_json(const struct doctor *doctor)
{
	json_t *list = json_array(), *answer;

	for (size_t i = 0; i < doctor->count; i++) {
		const struct doctor_finding *found = &doctor->list[i];
		json_array_append_new(list, json_pack("{ss ss ss* ss?}", "id", found->id, "status",
						    status_names[found->status], "message",
						    found->message, "fix", found->fix));
	}
	answer = json_pack("{sb ss so}", "ok", !has_failure(doctor), "user", doctor->account.name,
		"checks", list);
	output_json(answer);
	json_decref(answer);
}

/* One line each, whatever it is: the instance log shows nothing else to those outside. */
static void print_log(const struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->count; i++) {
		const struct doctor_finding *found = &doctor->list[i];
		if (found->status != DOCTOR_OK)
			output_line("vastagent doctor: %s: %s: %s%s%s", status_names[found->status],
				found->id, found->message, found->fix ? "; repair: " : "",
				found->fix ? found->fix : "");
	}
}

static void print_people(const struct doctor *doctor)
{
	size_t wrong = 0;

	for (size_t i = 0; i < doctor->count; i++) {
		const struct doctor_finding *found = &doctor->list[i];
		output_line(
			"%-4s  %-20s  %s", status_names[found->status], found->id, found->message);
		if (found->fix)
			output_line("      %-20s  repair: %s", "", found->fix);
		wrong += found->status == DOCTOR_FAIL;
	}
	if (wrong)
		printf("%zu %s wrong; after each repair ask again, since the numbers of lines "
		       "change\n",
			wrong, wrong == 1 ? "thing is" : "things are");
	else
		printf("nothing keeps keys out\n");
}

static int find_account(const struct cli *cli, struct account *account)
{
	struct error error;
	int result = cli->user ? account_by_name(cli->user, account, &error)
			       : account_by_uid(geteuid(), account, &error);

	if (result != 0)
		return agent_report(&error);
	if (geteuid() == 0 || account->uid == geteuid())
		return 0;
	account_free(account);
	return cli_fail(EX_NOPERM, "only root looks at the accounts of others");
}

/* The address in SSH_CONNECTION (ssh(1)): the person who asks comes from there. */
static const char *find_address(char *out, size_t size)
{
	const char *connection = getenv("SSH_CONNECTION");
	size_t length = connection ? strcspn(connection, " ") : 0;

	if (!length || length >= size ||
		connection[strspn(connection, "0123456789abcdefABCDEF:. ")])
		return NULL;
	snprintf(out, size, "%.*s", (int)length, connection);
	return out;
}

/* The key that was given, if one was. The import owns it. */
static int read_key(const struct cli *cli, struct import *import)
{
	struct buffer text = BUFFER_EMPTY;
	struct error error;
	int status;

	*import = (struct import){0};
	if (cli->count == 0)
		return 0;
	status = key_text_collect(cli, &text);
	if (status == 0 &&
		import_parse(buffer_string(&text), text.length, false, import, &error) != 0)
		status = agent_report(&error);
	else if (status == 0 && import->reject_count)
		status = agent_report(&import->rejects[0].error);
	else if (status == 0 && import->key_count != 1)
		status = cli_fail(EX_USAGE, "doctor looks at one key at a time, and this is %zu",
			import->key_count);
	buffer_free(&text);
	return status;
}

static void fill_rules(struct doctor *doctor)
{
	const char *bits = sshd_settings_get(&doctor->settings, "RequiredRSASize");
	const char *environment = sshd_settings_get(&doctor->settings, "PermitUserEnvironment");
	long number = 1024;

	if (bits)
		text_number(bits, 0, 65536, &number);
	doctor->rules = (struct lint_rules){
		.sshd = doctor->settings.version,
		.use_dns = doctor_is(doctor, "UseDNS", "yes"),
		.permit_environment = environment && strcasecmp(environment, "no") != 0,
		.rsa_bits = (unsigned)number,
		.now = doctor->now,
	};
}

static void release(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->count; i++) {
		free(doctor->list[i].id);
		free(doctor->list[i].message);
		free(doctor->list[i].fix);
	}
	free(doctor->list);
	for (size_t i = 0; i < doctor->revoked_count; i++)
		pubkey_free(&doctor->revoked[i]);
	free(doctor->revoked);
	for (size_t i = 0; i < doctor->file_count; i++) {
		free(doctor->files[i].path);
		pathcheck_free(&doctor->files[i].check);
	}
	sshd_settings_free(&doctor->settings);
	account_free(&doctor->account);
}

static void examine(struct doctor *doctor)
{
	sshd_settings_read(&doctor->settings, &doctor->account, doctor->address);
	account_state_read(doctor->account.name, doctor->now, &doctor->state);
	fill_rules(doctor);
	run_checks(doctor);
}

static int report(const struct doctor *doctor)
{
	if (doctor->failed)
		return cli_fail(EX_OSERR, "out of memory");
	if (doctor->cli->json)
		print_json(doctor);
	else if (doctor->cli->log)
		print_log(doctor);
	else
		print_people(doctor);
	return output_finish(has_failure(doctor) ? FOUND_FAILURE : EX_OK);
}

/* "TYPE BASE64", which the caller frees. */
static char *key_text(const struct pubkey *key)
{
	char *base64 = pubkey_base64(key), *text = NULL;

	if (base64)
		text = doctor_fix("%s %s", key->type, base64);
	free(base64);
	return text;
}

int cmd_doctor(const struct cli *cli)
{
	struct doctor doctor = {.cli = cli, .root = geteuid() == 0, .now = time(NULL)};
	struct import import;
	char address[64];
	char *text = NULL;
	int status = read_key(cli, &import);

	if (status == 0)
		status = find_account(cli, &doctor.account);
	if (status != 0)
		goto out;
	if (import.key_count) {
		doctor.key = &import.keys[0].key;
		doctor.key_text = text = key_text(doctor.key);
		doctor.failed = !text;
	}
	doctor.address = find_address(address, sizeof(address));
	examine(&doctor);
	status = report(&doctor);
out:
	release(&doctor);
	import_free(&import);
	free(text);
	return status;
}
