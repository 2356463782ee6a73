va_unit_test(keys_pubkey va_keys)
