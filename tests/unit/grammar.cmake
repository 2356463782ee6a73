va_unit_test(keys_from va_keys)
va_unit_test(keys_known va_keys)
va_unit_test(sys_sshd_version va_sys)
va_unit_test(keys_identity va_keys)
