va_unit_test(sys_homefile va_sys)
