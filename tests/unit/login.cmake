va_unit_test(login_decision va_login)
va_unit_test(login_tmux va_login)
va_unit_test(login_supersede va_login)
va_unit_test(login_system va_login util)
