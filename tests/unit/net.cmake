va_unit_test(net_parse va_net)
va_unit_test(net_join va_net)
va_unit_test(net_services va_net)
va_unit_test(net_live va_net)
add_test(NAME unit.net_live_docker COMMAND test_net_live docker)
# Namespaces need root: 77 says that the machine does not allow them.
set_tests_properties(unit.net_live unit.net_live_docker PROPERTIES
  SKIP_RETURN_CODE 77 TIMEOUT 120 LABELS unit)
