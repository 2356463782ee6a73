# shellcheck shell=bash
# The command prefix that leaves a process with what Docker gives a container by
# default: 14 capabilities, an empty inheritable set, privileges gained by set-uid.
# https://docs.docker.com/engine/security/ and moby's oci/caps/defaults.go
docker_default='+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap'
docker_default+=',+net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap'
# shellcheck disable=SC2034 # used by those who source this file
CONTAINER_CAPABILITIES=(setpriv --inh-caps=-all --ambient-caps=-all
	"--bounding-set=-all,$docker_default" --)
