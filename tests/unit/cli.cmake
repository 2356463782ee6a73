va_unit_test(cli va_cli)
