#!/bin/bash
# The Ansible collection: its module is Python of old images, and documented as it is, which
# validate-modules of ansible-test says; that one must be GPL is Ansible's own rule for its own.
. "$(dirname "$0")/lint.sh"
need ansible-doc

collection=packaging/ansible
module=plugins/modules/vastagent_key.py
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/ansible_collections/vastagent"
cp -r "$collection" "$work/ansible_collections/vastagent/fleet"
export ANSIBLE_COLLECTIONS_PATH=$work ANSIBLE_LOCAL_TEMP=$work/tmp HOME=$work

/usr/bin/python3 -c 'import ast, sys
ast.parse(open(sys.argv[1]).read(), feature_version=(3, 6))' "$collection/$module" ||
	finding "$collection/$module is no Python 3.6"
ansible-doc vastagent.fleet.vastagent_key >/dev/null || finding "ansible-doc cannot show the module"
ansible-doc --type role vastagent.fleet.vastagent >/dev/null || finding "nor the role"
version=$(sed -n 's/^project(vastagent VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
grep -qx "version: $version" "$collection/galaxy.yml" || finding "$collection/galaxy.yml: the version is $version"
validate=$(/usr/bin/python3 -c 'import ansible_test, os
print(os.path.dirname(ansible_test.__file__))')/_util/controller/sanity/validate-modules/validate.py
said=$(cd "$work/ansible_collections/vastagent/fleet" && PYTHONPATH=$work /usr/bin/python3 "$validate" \
	--collection ansible_collections/vastagent/fleet --collection-version "$version" "$module" 2>&1)
[ -n "$said" ] || finding "validate-modules says nothing, not even of the licence"
said=$(grep -v missing-gplv3-license <<<"$said")
[ -z "$said" ] || finding "$said"
finish "Ansible modules" 1
