#!/bin/bash
# packaging/openapi.yaml is valid OpenAPI 3.1, and says the same as the code and the manual.
. "$(dirname "$0")/lint.sh"

# tests/run.sh puts the validator there, where the machine's python has none.
python=python3
for candidate in "$BUILD/../venv/bin/python3" "$SOURCE/build/venv/bin/python3"; do
	[ ! -x "$candidate" ] || python=$candidate
done
if ! "$python" -c 'import openapi_spec_validator, yaml' 2>/dev/null; then
	echo "skipped: there is no openapi_spec_validator for $python"
	[ "${CI:-}" != true ] || exit 1
	exit 77
fi
differences=$("$python" tests/lint/openapi.py "$SOURCE" 2>&1) || finding "openapi.py failed"
[ -z "$differences" ] || finding "$differences"
finish "routes" "$(grep -c '^  /v1/' packaging/openapi.yaml)"
