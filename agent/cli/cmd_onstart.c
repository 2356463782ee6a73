/* `vastagent onstart`: onstart/onstart.sh, where there is nothing but this program. */
#include <limits.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/agent.h"
#include "cli/bundle.h"
#include "cli/cli.h"
#include "cli/commands.h"

int cmd_onstart(const struct cli *cli)
{
	const char *const arguments[] = {cli->image ? "--image" : NULL, NULL};
	char self[PATH_MAX] = "";
	struct error error;
	int status;

	if (cli->count)
		return cli_fail(EX_USAGE, "onstart takes no '%s'", cli->operands[0]);
	if (geteuid() != 0)
		return cli_fail(EX_NOPERM, "only root installs vastagent");
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return cli_fail(EX_OSFILE, "/proc is missing, and is needed");
	if (setenv("VASTAGENT_BIN", self, 1) != 0)
		return cli_fail(EX_OSERR, "out of memory");
	status = bundle_run("onstart.sh", arguments, &error);
	return status < 0 ? agent_report(&error) : status;
}
