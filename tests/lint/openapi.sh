#!/bin/bash
# packaging/openapi.yaml is valid OpenAPI 3.1, and says the same as the code and the manual.
. "$(dirname "$0")/lint.sh"

# tests/run.sh puts the validator there.
validator=
for candidate in "$BUILD/../npm" "$SOURCE/build/npm"; do
	[ ! -x "$candidate/node_modules/.bin/validate-api" ] ||
		validator=$candidate/node_modules/.bin/validate-api
done
if [ -z "$validator" ]; then
	echo 'skipped: there is no validate-api (npm: @seriousme/openapi-schema-validator)'
	[ "${CI:-}" != true ] || exit 1
	exit 77
fi
answer=$("$validator" packaging/openapi.yaml 2>&1)
grep -q '"valid": true' <<<"$answer" || finding "$answer"
differences=$(python3 tests/lint/openapi.py "$SOURCE" 2>&1) || finding "openapi.py failed"
[ -z "$differences" ] || finding "$differences"
finish "routes" "$(grep -c '^  /v1/' packaging/openapi.yaml)"
