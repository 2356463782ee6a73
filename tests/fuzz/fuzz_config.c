/* The configuration: it is whole, or it is refused with a message and left alone. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sys/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct config config = {0}, untouched = {0};
	struct error error = {0};

	require(text != NULL);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (config_parse("/x", text, &config, &error) == 0) {
		require(config.socket && config.socket[0] == '/');
		require(config.state_dir && config.state_dir[0] == '/');
		require(config.login_session && config.login_session[0]);
	} else {
		require(memcmp(&config, &untouched, sizeof(config)) == 0);
		require(error.code == ERROR_CONFIGURATION && error.line > 0);
		require(strncmp(error.message, "/x:", 3) == 0);
	}
	config_free(&config);
	free(text);
	return 0;
}
