# shellcheck shell=bash
# The Debian package for the scenarios. Built once into a directory beside the build under
# test, where later runs find what was compiled.
#
#   package_build         sets NEW, the package of this checkout, and OLD: the same source
#                         as version 0.0.9, and with another default configuration
#   package_copy_source DIRECTORY   what it is built from
#   package_bring         puts both into the instance's /tmp, as old.deb and new.deb
#   apt_get ARG...        apt-get in the instance, asking nothing
#   package_do ARG...     dpkg(1) there
#   package_policy STATUS what policy-rc.d(8) of the instance answers

package_copy_source()
{
	mkdir -p "$1"
	cp -r --preserve=timestamps "$SOURCE"/{CMakeLists.txt,CHANGELOG.md,LICENSE,README.md} \
		"$SOURCE"/{agent,cmake,onstart,packaging} "$1"
}

# shellcheck disable=SC2034 # for those who source this file
package_build()
{
	local work
	work=$(dirname "$VASTAGENT_BUILD")/deb
	mkdir -p "$work"
	package_copy_source "$WORLD/old"
	sed -i 's/^\(project(vastagent VERSION\) [0-9.]*/\1 0.0.9/' "$WORLD/old/CMakeLists.txt"
	echo '# an older one' >>"$WORLD/old/packaging/vastagent.conf"
	(
		flock 9
		"$WORLD/old/packaging/deb.sh" --work "$work" "$WORLD/old" &&
			"$SOURCE/packaging/deb.sh" --work "$work" "$WORLD/new"
	) 9>"$work/lock" || return 1
	OLD=$(echo "$WORLD"/old/vastagent_*.deb)
	NEW=$(echo "$WORLD"/new/vastagent_*.deb)
}

package_bring()
{
	cp "$OLD" "$WORLD/machines/$INSTANCE/tmp/old.deb"
	cp "$NEW" "$WORLD/machines/$INSTANCE/tmp/new.deb"
	# What takes longer than all else: pages for apropos, and apt's reading of what there is.
	in_instance sh -c 'rm -rf /var/lib/man-db/auto-update /var/lib/apt/lists/*'
}

apt_get()
{
	in_instance env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
		-o Dpkg::Options::=--force-unsafe-io -o Dpkg::Options::=--force-confold "$@" </dev/null
}

package_do()
{
	in_instance env DEBIAN_FRONTEND=noninteractive dpkg --force-unsafe-io --force-confold \
		"$@" </dev/null
}

package_policy()
{
	in_instance sh -c 'printf "#!/bin/sh\nexit %d\n" "$1" >/usr/sbin/policy-rc.d
		chmod 755 /usr/sbin/policy-rc.d' - "$1"
}
