#!/bin/bash
# The man pages are well formed, and vastagent(1) has every command and option of the tables.
. "$(dirname "$0")/lint.sh"
need mandoc
need python3

shopt -s nullglob
pages=(packaging/*.[1578])
[ "${#pages[@]}" -eq 0 ] || mandoc -Tlint -Wwarning "${pages[@]}" ||
	finding "mandoc found the above"

# "COMMAND OPTION...", from the rows of main.c; less what is not for people (no text in
# cli.c) and --help, which all take.
rows=$(python3 - <<'END'
import re
main = open('agent/main.c').read()
cli = open('agent/cli/cli.c').read()
cli = cli[cli.index('} options[] = {'):cli.index('OPTION_COUNT')]
hidden = set(re.findall(r'FLAG\("([a-z-]+)", \w+, NULL\)', cli))
hidden |= {'help'} | set(re.findall(r'TEXT\("([a-z-]+)", \w+, "\w+", NULL\)', cli))
for name, options in re.findall(r'\{"([a-z-]+)",\s*"[^"]*",\s*"([a-z -]*)",\s*"', main):
    print(name, *[o for o in options.split() if o not in hidden])
END
)
[ "$(wc -l <<<"$rows")" -gt 20 ] || finding "the table of commands in main.c is not read"

# documented COMMAND OPTION: in the synopsis of the command, and in its own section.
documented()
{
	awk -v command="$1" -v option="$2" '
		/^\.Nm vastagent$/ { part = "synopsis"; own = 0 }
		/^\.Sh/ { part = ""; own = 0 }
		/^\.Ss vastagent / { part = "section"; own = 0; named = $0 }
		part == "synopsis" && /^\.Cm/ { own = $0 ~ "[ |]" command "($| )" }
		part == "section" { own = named ~ "[ ,]" command "($|,)" }
		own && (option == "" || $0 ~ "-" option "($|[ ,])") { seen[part] = 1 }
		END { exit !(seen["synopsis"] && seen["section"]) }' packaging/vastagent.1
}
while read -r command options; do
	documented "$command" '' || finding "vastagent.1: $command is not in both synopsis and text"
	for option in $options; do
		documented "$command" "$option" ||
			finding "vastagent.1: --$option is not in both synopsis and text of $command"
	done
done <<<"$rows"

# Each key of the configuration, from the table of config.c.
keys=$(sed -n 's/^\t{"[a-z]*", "\([a-z_]*\)", set_.*/\1/p' agent/sys/config.c)
[ "$(wc -l <<<"$keys")" -gt 8 ] || finding "the table of keys in config.c is not read"
for key in $keys; do
	grep -q "^\.It Cm $key No =" packaging/vastagent.conf.5 || finding "vastagent.conf.5: $key is missing"
	grep -q "^#$key =" packaging/vastagent.conf || finding "vastagent.conf: $key is missing"
done
finish "man pages" "${#pages[@]}"
