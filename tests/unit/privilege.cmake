va_unit_test(privilege va_daemon)
