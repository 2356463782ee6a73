#!/bin/bash
# gcc -fanalyzer finds no path that goes wrong. Leaks are left to LeakSanitizer, which is on
# in every unit test: gcc 12 takes memory for lost that is stored behind a parameter.
. "$(dirname "$0")/lint.sh"
need gcc

build=$BUILD/analyzer
cmake -S . -B "$build" -DVASTAGENT_TESTS=OFF -DCMAKE_C_COMPILER=gcc \
	-DCMAKE_C_FLAGS="-fanalyzer -Wno-analyzer-malloc-leak" >/dev/null || finding "cmake failed"
# Every file each time: what was compiled before says nothing more.
cmake --build "$build" --clean-first -j "$(nproc)" >"$build/out" 2>&1 || finding "the build failed"
if grep -q 'Wanalyzer' "$build/out" || [ "$findings" -gt 0 ]; then
	grep -vE '^\[ *[0-9]+%\]' "$build/out"
	finding "gcc -fanalyzer found the above"
fi
finish "compiled files" "$(grep -c "\"file\": \"$PWD/agent/" "$build/compile_commands.json")"
