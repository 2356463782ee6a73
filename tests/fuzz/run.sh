#!/bin/bash
# Fuzzes everything that reads bytes of strangers: builds all targets with clang's libFuzzer,
# ASan and UBSan, lets them run for so many minutes altogether, on all cores, each with its
# seeds and what it found before, and prints what came of it.
set -eu
cd "$(dirname "$0")/../.."
build=${VASTAGENT_FUZZ_BUILD:-$PWD/build/fuzz}
packages='clang libclang-rt-14-dev llvm'

usage()
{
	cat <<-END
		usage: tests/fuzz/run.sh MINUTES [TARGET]...
		       tests/fuzz/run.sh --coverage [TARGET]...
		  MINUTES     for all targets together; a fraction will do
		  TARGET      as in tests/fuzz/fuzz_TARGET.c; all of them if none is named
		  --coverage  no fuzzing: which lines the seeds and all that was found so far reach,
		              in the files that each target aims at

		Corpora and logs are kept in $build/corpus, inputs that break something in
		$build/broken. The status is 1 if there are any of those.
	END
}

build_with()
{
	local tree=$1
	shift
	cmake --log-level=WARNING -S . -B "$tree" -DCMAKE_C_COMPILER=clang \
		-DCMAKE_BUILD_TYPE=Debug -DVASTAGENT_SANITIZE=address,undefined \
		-DVASTAGENT_FUZZ=ON "$@" >/dev/null
	cmake --build "$tree" -j "$(nproc)" --target va_explore >"$tree/log" 2>&1 || {
		cat "$tree/log" >&2
		exit 1
	}
}

list_targets()
{
	local name
	while read -r name _; do
		if [ "${#wanted[@]}" -eq 0 ] || [[ " ${wanted[*]} " = *" $name "* ]]; then
			echo "$name"
		fi
	done <"$build/fuzz-targets"
}

explore()
{
	local name=$1 seconds=$2
	mkdir -p "$build/corpus/$name" "$build/broken"
	# A leak that only shows at the end of all is found, too; a hang is 10 s.
	nice -n 10 "$build/tests/fuzz/explore_$name" -max_total_time="$seconds" -timeout=10 \
		-rss_limit_mb=2048 -max_len=20000 -print_final_stats=1 \
		-artifact_prefix="$build/broken/$name-" "$build/corpus/$name" \
		"tests/fuzz/seeds/$name" >"$build/corpus/$name.log" 2>&1 || true
}

# The last line of libFuzzer that has the word, and the word behind it.
number_of()
{
	sed -n "s/.*$2[: ]*\([0-9]*\).*/\1/p" "$build/corpus/$1.log" | tail -1
}

report()
{
	local name broken failed=0
	printf '%-14s %12s %8s %8s %8s %8s\n' target executions exec/s edges new broken
	for name in "$@"; do
		broken=$(find "$build/broken" -name "$name-*" -newer "$build/started" | wc -l)
		# Whatever ended it before its time, as a leak at the exit, counts.
		grep -q '^Done ' "$build/corpus/$name.log" || broken=$((broken + (broken == 0)))
		printf '%-14s %12s %8s %8s %8s %8s\n' "$name" \
			"$(number_of "$name" 'stat::number_of_executed_units')" \
			"$(number_of "$name" 'stat::average_exec_per_sec')" \
			"$(number_of "$name" ' cov')" \
			"$(number_of "$name" 'stat::new_units_added')" "$broken"
		[ "$broken" -eq 0 ] || failed=1
	done
	[ "$failed" -eq 0 ] || tell_broken "$@"
	return "$failed"
}

tell_broken()
{
	local name file
	for name in "$@"; do
		grep -hE 'broken: |ERROR: |runtime error: |SUMMARY: ' "$build/corpus/$name.log" |
			sed "s/^/$name: /" | head -4
		find "$build/broken" -name "$name-*" -newer "$build/started" | while read -r file; do
			echo "to repeat it: $build/tests/fuzz/explore_$name $file"
		done
	done
}

fuzz()
{
	local name seconds
	mapfile -t targets < <(list_targets)
	[ "${#targets[@]}" -gt 0 ] || {
		echo "tests/fuzz/run.sh: there is no such target: ${wanted[*]}" >&2
		exit 64
	}
	seconds=$(awk -v m="$minutes" -v n="${#targets[@]}" -v p="$(nproc)" \
		'BEGIN { s = int(m * 60 * p / n); print s < 1 ? 1 : s }')
	echo "${#targets[@]} targets, $seconds s each, $(nproc) at once"
	touch "$build/started"
	for name in "${targets[@]}"; do
		while [ "$(jobs -pr | wc -l)" -ge "$(nproc)" ]; do
			wait -n
		done
		explore "$name" "$seconds" &
	done
	wait
	report "${targets[@]}"
}

# Lines that the inputs reach, of the files behind the target's name in fuzz-targets.
cover()
{
	local tree=$build-coverage name aim
	build_with "$tree" -DVASTAGENT_COVERAGE=ON
	mapfile -t targets < <(list_targets)
	for name in "${targets[@]}"; do
		mkdir -p "$build/corpus/$name"
		LLVM_PROFILE_FILE=$tree/$name.profraw "$tree/tests/fuzz/explore_$name" -runs=0 \
			"$build/corpus/$name" "tests/fuzz/seeds/$name" >"$tree/$name.log" 2>&1 || true
		llvm-profdata merge -o "$tree/$name.profdata" "$tree/$name.profraw"
		aim=$(sed -n "s/^$name //p" "$build/fuzz-targets")
		printf '%-14s' "$name"
		llvm-cov report "$tree/tests/fuzz/explore_$name" \
			-instr-profile="$tree/$name.profdata" | show_lines "$aim"
	done
}

# Of a report, the files that are aimed at: their share of lines, in percent.
show_lines()
{
	awk -v aim="$1" '
		BEGIN { count = split(aim, files, " ") }
		$1 ~ /\.c$/ {
			for (i = 1; i <= count; i++)
				if (substr($1, length($1) - length(files[i]) + 1) == files[i])
					printf "  %s %.0f", files[i], $10
		}
		END { print "" }'
}

wanted=()
minutes=
while [ $# -gt 0 ]; do
	case $1 in
	--coverage) minutes=0 ;;
	--help | -h)
		usage
		exit 0
		;;
	-*)
		usage >&2
		exit 64
		;;
	*) if [ -z "$minutes" ]; then minutes=$1; else wanted+=("$1"); fi ;;
	esac
	shift
done
[[ $minutes =~ ^[0-9]*\.?[0-9]+$ ]] || {
	usage >&2
	exit 64
}

for tool in clang llvm-cov; do
	command -v "$tool" >/dev/null || {
		echo "tests/fuzz/run.sh: needs: apt-get install $packages" >&2
		exit 69
	}
done
mkdir -p "$build"
build_with "$build"
if [ "$minutes" = 0 ]; then cover; else fuzz; fi
