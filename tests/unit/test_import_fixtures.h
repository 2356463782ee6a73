/*
 * One key in many forms, as ssh-keygen(1), puttygen(1) and openssl(1) wrote them. The keys
 * were made for these tests and open nothing.
 */
#ifndef VASTAGENT_TEST_IMPORT_FIXTURES_H
#define VASTAGENT_TEST_IMPORT_FIXTURES_H

/* clang-format off */
#define LINE_ED25519 \
	"ssh-ed25519 " \
	"AAAAC3NzaC1lZDI1NTE5AAAAIDCKGFoQrn5dYKHuLiMrPvQe5o4LIWv7cYSW2QkKZQTy"

#define LINE_RSA \
	"ssh-rsa " \
	"AAAAB3NzaC1yc2EAAAADAQABAAABAQCiS4Mt5pdGtqA37ozERBo1gZa9DjTToJXvSt8+j8v9WLUz" \
	"mfvM12ETIWfAwS8xS/nVPxUPf1SlDD+OEcMkp8SRU5OACDvH76x6rpnpnLg7Na7hicfJAjha3paP" \
	"6WwABhzK5nb3znXgwIA77ePhRA7mBcS1UsSHS0NEwoIEZUm0TBs+Xnj8lxeORIKu9IEj8t2cfSDg" \
	"e9LCxy9w/5TybQxFbn0/yHPMIkqfQW7ptr2CVCONet0rZCO4Qzs8AqzI5PRJt2s9gw/Lht2hGdpg" \
	"nn61BKyv+S3O50a174R7hpvP20HalXZQXSNXDQW0pWF15SSudMPPPH2oIGArbbt8D81p"

#define LINE_P256 \
	"ecdsa-sha2-nistp256 " \
	"AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBIYvh01KsbAkKf+tM4K1fUuI" \
	"vRrYZeoc7MlsOrbSeceb6JgZHvS7qeHVKjRdFX7NCFQzbLLhkvFYV4OdG3Lztig="

#define LINE_P384 \
	"ecdsa-sha2-nistp384 " \
	"AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBF/OFefIr6v0GpfD+D/EpQqV" \
	"UZAv3YYK1hAUktJd10008PpcG2r7JACEcpwnOYO4qp4Ai6vD0MF/Ee5YbTdNAB14nnBo7S5U/rno" \
	"9cbAoaireqHA2p4dStf4VWuRw9sX5Q=="

#define LINE_P521 \
	"ecdsa-sha2-nistp521 " \
	"AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAGHoXK6XcTz5+dVbU1d73lW" \
	"kSrfU0tirb+QB45pmf4/Xz2/QMh/vR09MGVfFW9a76/hDj+s6BUsCYtK5o8uusMRkwHdp8eHk0IS" \
	"jhyQhJ8Dj5KpcVD41z2E/PBBG+2EpSb+SCPJiQPZqGbVGjjYQ7zxMZYtHsMRR4aTmQT5GOx24yFP" \
	"WQ=="

#define LINE_ED25519_OPENSSL \
	"ssh-ed25519 " \
	"AAAAC3NzaC1lZDI1NTE5AAAAIPyeNKMhhJ7jPBeAnwgTT0b+Tf6psTjvLfACopAbF5xq"

#define PEM_RSA \
	"-----BEGIN PUBLIC KEY-----\n" \
	"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAokuDLeaXRragN+6MxEQa\n" \
	"NYGWvQ4006CV70rfPo/L/Vi1M5n7zNdhEyFnwMEvMUv51T8VD39UpQw/jhHDJKfE\n" \
	"kVOTgAg7x++seq6Z6Zy4OzWu4YnHyQI4Wt6Wj+lsAAYcyuZ298514MCAO+3j4UQO\n" \
	"5gXEtVLEh0tDRMKCBGVJtEwbPl54/JcXjkSCrvSBI/LdnH0g4HvSwscvcP+U8m0M\n" \
	"RW59P8hzzCJKn0Fu6ba9glQjjXrdK2QjuEM7PAKsyOT0SbdrPYMPy4bdoRnaYJ5+\n" \
	"tQSsr/ktzudGte+Ee4abz9tB2pV2UF0jVw0FtKVhdeUkrnTDzzx9qCBgK227fA/N\n" \
	"aQIDAQAB\n" \
	"-----END PUBLIC KEY-----\n"

#define PEM_P256 \
	"-----BEGIN PUBLIC KEY-----\n" \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhi+HTUqxsCQp/60zgrV9S4i9Gthl\n" \
	"6hzsyWw6ttJ5x5vomBke9Lup4dUqNF0Vfs0IVDNssuGS8VhXg50bcvO2KA==\n" \
	"-----END PUBLIC KEY-----\n"

#define PEM_P384 \
	"-----BEGIN PUBLIC KEY-----\n" \
	"MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEX84V58ivq/Qal8P4P8SlCpVRkC/dhgrW\n" \
	"EBSS0l3XTTTw+lwbavskAIRynCc5g7iqngCLq8PQwX8R7lhtN00AHXiecGjtLlT+\n" \
	"uej1xsChqKt6ocDanh1K1/hVa5HD2xfl\n" \
	"-----END PUBLIC KEY-----\n"

#define PEM_P521 \
	"-----BEGIN PUBLIC KEY-----\n" \
	"MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQBh6Fyul3E8+fnVW1NXe95VpEq31NL\n" \
	"Yq2/kAeOaZn+P189v0DIf70dPTBlXxVvWu+v4Q4/rOgVLAmLSuaPLrrDEZMB3afH\n" \
	"h5NCEo4ckISfA4+SqXFQ+Nc9hPzwQRvthKUm/kgjyYkD2ahm1Ro42EO88TGWLR7D\n" \
	"EUeGk5kE+RjsduMhT1k=\n" \
	"-----END PUBLIC KEY-----\n"

#define PEM_ED25519 \
	"-----BEGIN PUBLIC KEY-----\n" \
	"MCowBQYDK2VwAyEA/J40oyGEnuM8F4CfCBNPRv5N/qmxOO8t8AKikBsXnGo=\n" \
	"-----END PUBLIC KEY-----\n"

#define PKCS1_RSA \
	"-----BEGIN RSA PUBLIC KEY-----\n" \
	"MIIBCgKCAQEAokuDLeaXRragN+6MxEQaNYGWvQ4006CV70rfPo/L/Vi1M5n7zNdh\n" \
	"EyFnwMEvMUv51T8VD39UpQw/jhHDJKfEkVOTgAg7x++seq6Z6Zy4OzWu4YnHyQI4\n" \
	"Wt6Wj+lsAAYcyuZ298514MCAO+3j4UQO5gXEtVLEh0tDRMKCBGVJtEwbPl54/JcX\n" \
	"jkSCrvSBI/LdnH0g4HvSwscvcP+U8m0MRW59P8hzzCJKn0Fu6ba9glQjjXrdK2Qj\n" \
	"uEM7PAKsyOT0SbdrPYMPy4bdoRnaYJ5+tQSsr/ktzudGte+Ee4abz9tB2pV2UF0j\n" \
	"Vw0FtKVhdeUkrnTDzzx9qCBgK227fA/NaQIDAQAB\n" \
	"-----END RSA PUBLIC KEY-----\n"

#define PEM_SECP256K1 \
	"-----BEGIN PUBLIC KEY-----\n" \
	"MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEXVhkzlPFD3fOiNNXN8/0CEzjhXj11nR6\n" \
	"Ho8qJNSF0icDbbVB60SVqLPFkNljD6T0jIxojeHeXpLNNe+Cu4escA==\n" \
	"-----END PUBLIC KEY-----\n"

#define PEM_X25519 \
	"-----BEGIN PUBLIC KEY-----\n" \
	"MCowBQYDK2VuAyEAngjL8D3NzJb0nQdOAh6d5Csu1hKCKgg+YzJJIr1/9mY=\n" \
	"-----END PUBLIC KEY-----\n"

#define PEM_COMPRESSED \
	"-----BEGIN PUBLIC KEY-----\n" \
	"MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgAChi+HTUqxsCQp/60zgrV9S4i9Gthl\n" \
	"6hzsyWw6ttJ5x5s=\n" \
	"-----END PUBLIC KEY-----\n"

#define PEM_EXPLICIT \
	"-----BEGIN PUBLIC KEY-----\n" \
	"MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAA\n" \
	"AAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA////\n" \
	"///////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSd\n" \
	"NgiG5wSTamZ44ROdJreBn36QBEEEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5\n" \
	"RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA\n" \
	"//////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABIYvh01KsbAkKf+tM4K1fUuI\n" \
	"vRrYZeoc7MlsOrbSeceb6JgZHvS7qeHVKjRdFX7NCFQzbLLhkvFYV4OdG3Lztig=\n" \
	"-----END PUBLIC KEY-----\n"

#define RFC4716_PUTTYGEN \
	"---- BEGIN SSH2 PUBLIC KEY ----\n" \
	"Comment: \"made for ed25519\"\n" \
	"AAAAC3NzaC1lZDI1NTE5AAAAIDCKGFoQrn5dYKHuLiMrPvQe5o4LIWv7cYSW2QkK\n" \
	"ZQTy\n" \
	"---- END SSH2 PUBLIC KEY ----\n"

#define RFC4716_RSA \
	"---- BEGIN SSH2 PUBLIC KEY ----\n" \
	"Comment: \"2048-bit RSA, converted by root@vm from OpenSSH\"\n" \
	"AAAAB3NzaC1yc2EAAAADAQABAAABAQCiS4Mt5pdGtqA37ozERBo1gZa9DjTToJXvSt8+j8\n" \
	"v9WLUzmfvM12ETIWfAwS8xS/nVPxUPf1SlDD+OEcMkp8SRU5OACDvH76x6rpnpnLg7Na7h\n" \
	"icfJAjha3paP6WwABhzK5nb3znXgwIA77ePhRA7mBcS1UsSHS0NEwoIEZUm0TBs+Xnj8lx\n" \
	"eORIKu9IEj8t2cfSDge9LCxy9w/5TybQxFbn0/yHPMIkqfQW7ptr2CVCONet0rZCO4Qzs8\n" \
	"AqzI5PRJt2s9gw/Lht2hGdpgnn61BKyv+S3O50a174R7hpvP20HalXZQXSNXDQW0pWF15S\n" \
	"SudMPPPH2oIGArbbt8D81p\n" \
	"---- END SSH2 PUBLIC KEY ----\n"

#define PUTTY_2_RSA \
	"PuTTY-User-Key-File-2: ssh-rsa\n" \
	"Encryption: none\n" \
	"Comment: made for rsab2048\n" \
	"Public-Lines: 6\n" \
	"AAAAB3NzaC1yc2EAAAADAQABAAABAQCiS4Mt5pdGtqA37ozERBo1gZa9DjTToJXv\n" \
	"St8+j8v9WLUzmfvM12ETIWfAwS8xS/nVPxUPf1SlDD+OEcMkp8SRU5OACDvH76x6\n" \
	"rpnpnLg7Na7hicfJAjha3paP6WwABhzK5nb3znXgwIA77ePhRA7mBcS1UsSHS0NE\n" \
	"woIEZUm0TBs+Xnj8lxeORIKu9IEj8t2cfSDge9LCxy9w/5TybQxFbn0/yHPMIkqf\n" \
	"QW7ptr2CVCONet0rZCO4Qzs8AqzI5PRJt2s9gw/Lht2hGdpgnn61BKyv+S3O50a1\n" \
	"74R7hpvP20HalXZQXSNXDQW0pWF15SSudMPPPH2oIGArbbt8D81p\n" \
	"Private-Lines: 14\n" \
	"AAABAA7IZQr9yYK56M8fbfgEogSEqMfQrvQl2PJidgI7U9/gQCUSnhJy/dchwFMY\n" \
	"5aUOYBPR+qeeOAYOnw1gRc+lbmy0WaecWGGmTaYhGEjkqw1Nnv/RLn77Mknoo3s5\n" \
	"TkqUQ/QhWO3Kgwc1UZjj2tFugxLlrJy9jMQsEVUGiJRA6509+k0THQKsDIBhqtwO\n" \
	"RrkMMWlfxTLF44jrikelk2jmeBDB+A+UnFKFdfkDHeDFVPjdTFgHYq3tq7WiVplc\n" \
	"cAFKPufod2oK43ZEw/DXjPwu4keS3q4GNQ7InAIV2XDSCTP094FW80cbPqhw3/px\n" \
	"A5Alm1Al+IFoQtMGXwBTlZxuQ3kAAACBAM0JyQQ2/hUeEkNPiUkvoNNkISV8MVRS\n" \
	"QjfMb3JW1ud2cUEubwQD8PsQa/jRmLrvPaTbD2SwjACDPpOxnuqQuC9rvwd1wPqT\n" \
	"Lx2PHunALRRar23XV9PPiX+O1NptfX+IS8fGgIvJnUMKoT/JzbebM3hLYaE8IEUa\n" \
	"RiC5NBJGVa+FAAAAgQDKogzzWutnq6YMGDP4nwxEsMWKHC07vZnzaSGN/fKaxkg5\n" \
	"6+HbX7wg8Ydv924bslFYXZAK1O4RLrZLTv4rrzu/sWAto1YI58uuE1Ta5UdN5pS0\n" \
	"NGMJX+93UIlvKrn3P7oKoScYHD6WyUc9JQQMhmWegL0fjneeoPiAeOlcs/ahlQAA\n" \
	"AIAmHyWTEw428ajpaTi6C8sIyg58NtXGJ6aXfHstUmvKLougxj2K5uuLdbnPhsNa\n" \
	"xhCzifj6OIvlfIl/YchhUL3t2lujmvNd0M3uHnXk31Cb+KE7pFpQV9U7dHuYei6U\n" \
	"UNPfFruWfsNHjcIkYtkhT/g6MIoGEHtJbB9oFOrX3Yuyzw==\n" \
	"Private-MAC: 4324656f9c8a84695dcf557db8ed034e5fcfbe05\n"

#define PUTTY_3_ED25519 \
	"PuTTY-User-Key-File-3: ssh-ed25519\n" \
	"Encryption: none\n" \
	"Comment: made for ed25519\n" \
	"Public-Lines: 2\n" \
	"AAAAC3NzaC1lZDI1NTE5AAAAIDCKGFoQrn5dYKHuLiMrPvQe5o4LIWv7cYSW2QkK\n" \
	"ZQTy\n" \
	"Private-Lines: 1\n" \
	"AAAAINibZWGQEGK+R/wCyefL3E8zJwIRnAN6BlPCNxhU/C8X\n" \
	"Private-MAC: 35c9df7bd3e6b4aeb52d4afb5aa9c9eeac3895276022cd316c5c827254c74011\n"

#define PUTTY_3_ENCRYPTED \
	"PuTTY-User-Key-File-3: ssh-ed25519\n" \
	"Encryption: aes256-cbc\n" \
	"Comment: made for ed25519\n" \
	"Public-Lines: 2\n" \
	"AAAAC3NzaC1lZDI1NTE5AAAAIDCKGFoQrn5dYKHuLiMrPvQe5o4LIWv7cYSW2QkK\n" \
	"ZQTy\n" \
	"Key-Derivation: Argon2id\n" \
	"Argon2-Memory: 8192\n" \
	"Argon2-Passes: 21\n" \
	"Argon2-Parallelism: 1\n" \
	"Argon2-Salt: 43e3ed59103b19926bc2afde47682003\n" \
	"Private-Lines: 1\n" \
	"eOQCGFXwrQo29z7fVhkBvuAMtrDbQoZjSwUBrSSNXEy/sJUt6jW4528BfG6jPlYy\n" \
	"Private-MAC: 9dc59b02af8d848b46beb431bfbbd1d87fc57d1076ea48103c4b659946657a19\n"

#define PUTTY_3_P256 \
	"PuTTY-User-Key-File-3: ecdsa-sha2-nistp256\n" \
	"Encryption: none\n" \
	"Comment: made for ecdsab256\n" \
	"Public-Lines: 3\n" \
	"AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBIYvh01KsbAk\n" \
	"Kf+tM4K1fUuIvRrYZeoc7MlsOrbSeceb6JgZHvS7qeHVKjRdFX7NCFQzbLLhkvFY\n" \
	"V4OdG3Lztig=\n" \
	"Private-Lines: 1\n" \
	"AAAAIQDxPPHfv+sak+lChU0Qk3VIe9lQxZJ/4+ke5G4HnfjhMg==\n" \
	"Private-MAC: 561374a29608a5bd5268979c6d3ac83f6063d32c86da25489154b0553b4ca731\n"

#define PRIVATE_OPENSSH \
	"-----BEGIN OPENSSH PRIVATE KEY-----\n" \
	"b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n" \
	"QyNTUxOQAAACAwihhaEK5+XWCh7i4jKz70HuaOCyFr+3GEltkJCmUE8gAAAJhr18Vla9fF\n" \
	"ZQAAAAtzc2gtZWQyNTUxOQAAACAwihhaEK5+XWCh7i4jKz70HuaOCyFr+3GEltkJCmUE8g\n" \
	"AAAEDYm2VhkBBivkf8Asnny9xPMycCEZwDegZTwjcYVPwvFzCKGFoQrn5dYKHuLiMrPvQe\n" \
	"5o4LIWv7cYSW2QkKZQTyAAAAEG1hZGUgZm9yIGVkMjU1MTkBAgMEBQ==\n" \
	"-----END OPENSSH PRIVATE KEY-----\n"

#define PRIVATE_PKCS8 \
	"-----BEGIN PRIVATE KEY-----\n" \
	"MC4CAQAwBQYDK2VwBCIEIEdm9m4ttILEbuSJKMBVj/59R7LQ/rMnUpufkgZiLZb8\n" \
	"-----END PRIVATE KEY-----\n"

#define PRIVATE_PKCS8_ENCRYPTED \
	"-----BEGIN ENCRYPTED PRIVATE KEY-----\n" \
	"MIIC3TBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQInIAV+AxFk9wCAggA\n" \
	"MAwGCCqGSIb3DQIJBQAwHQYJYIZIAWUDBAEqBBBVJmeYKUHpqzhvVvvTia75BIIC\n" \
	"gFYOIv454/dyiDZGh/34ReGr7SCPQGnJZX+Nce7ScMDJI7ihOBRrUFRME9nIu3DW\n" \
	"PoTu5wgZcIhm8uvPlr2wjjOWgQc4wCXrL5zuiJ7uUDABaqvWVNmzCLCCmfbcpkTe\n" \
	"SDvQIFAEOmM5r4Z8+Tj8M2a+1ewK/3MLHaFJeNG+5Xbhowf2Ows9B6bytga/poo6\n" \
	"w8DAh5bES633SBErRFv4+cd2hxjE1T/V97gf0s9x/J76UDSM4HMvO+nLxu+ZSjrd\n" \
	"7JDJ/cZZmNjbZeUJ+1RtgvjvPChrpS2GTTa/4tJsvZ4y6P5K1e2BmbtEWJcND9XC\n" \
	"21IAH8fJwXOR1+Rr8gaXwsRIDGXOvFh2xe3JyDg3EBv01xK8+gBvwPyno6aqRjZK\n" \
	"5zftjvTKre0geDTsbOOJ2mzFbkgmryepS5xzXHkl5PDQhX3LrJV28fBiWOCoAAbP\n" \
	"gk4FIGjj6T1ppIukOvRu7sQHnSWuUKtuyrzUPvoSGuIYePN34K0D4VCueaMyPRDU\n" \
	"aBvjzmVX1wnFo3kJFsXYM2njNYZRbqnxlVxd0/8TmfKf5pIbbdE0oOZWsoUv2Nrh\n" \
	"r3KYf45rxRTfzJrAnsk+xS3mnhkhPtX3NuSGy8D2834CCRT0q33N+u5CdCb8opRe\n" \
	"sBb/Wybp/OfJ8iW+2SFaOaMqZUlxNEC2A1qoA+zEV99eqGOVKSyKSVABEqZfW6eY\n" \
	"xHQywjdcL81e+oCluOizDpHJZjRmn08Z16WCxW8GZhd91X2ACAnCxW1k7Ijtciry\n" \
	"CCD8d/brQnl03rgsr6+H5+sBiwmPFY3/De/T53IrRE9l4Z+9S4SpQNPES9ZXTf+Y\n" \
	"Wb8ySJf3O9AowZ2ps/fXYv4=\n" \
	"-----END ENCRYPTED PRIVATE KEY-----\n"

#define PRIVATE_RSA \
	"-----BEGIN RSA PRIVATE KEY-----\n" \
	"MIICXQIBAAKBgQDC0ObrhJedbJ8kfJhypnYJ2xLmUZE0PUu/60Q3TJp+fZtN6qO1\n" \
	"zRIQw9MdEVSFDUmUNXuq4G1nBHwcfLnrS273ksDV+rifsEvzZrqNyJcHZev7LLKf\n" \
	"8bjUdA6J/Jw1qRxe/AVIdSYCKxs2UIGUinf0OCIXpEbWFUZA/UdhPEZBkwIDAQAB\n" \
	"AoGAEkgUQ2mv6J/21y+yBqBEV2xte5uP6r0NzLbBMgdIQDJ9TnSEZF0YIuadew7T\n" \
	"RaEXlIboUgK5gX9UPkAeGkx73ynGIGvbieMxM13r/7vu4OdvgS6giL7i0tCKLabS\n" \
	"7flE1SWsuKYUv/5Y8vFTupU3XJzC4XUM6OByiUk7UeDlVWECQQDg891QhJ7nNblV\n" \
	"jkOAwZ5Kddr37tyBRHaNVc8SnWd5rViZdfol7vTJfI36B6WHQqAV10ZQ9Na7heYJ\n" \
	"fq8ekDLpAkEA3bQ8xANPrZF/87pqazC0BWHz/mm1+gE94C/Fx0FKY5liBj0fZ7dX\n" \
	"LiF53yXvo6MlLLhI9iVgnaBQeOD1io3rGwJBAIhxgjCfcF6fSH3rX2hOiDtzxtAR\n" \
	"kq/ZnerWPFZ3INc93Hqgg4zUpqc7pEYeszkaoUz+GUlraH+vlLr3mzJ3llkCQB2G\n" \
	"m3EfX8Ul03yKHxIXcmIlIXGIcovRDoSE2DopH9cT3lImYcBWUm36V1i4nKmWWKUU\n" \
	"BeOCJtPXPeBbVVgWfnECQQCVv2C/piaF+SuD7dEiRwZJ+QLlhNgXrB5T7PYu/clT\n" \
	"/qIvDA9NgeDqySBt27Jw3hn1KU4Z71hjFFE1q8GfuYGl\n" \
	"-----END RSA PRIVATE KEY-----\n"

#define PRIVATE_EC \
	"-----BEGIN EC PARAMETERS-----\n" \
	"BggqhkjOPQMBBw==\n" \
	"-----END EC PARAMETERS-----\n" \
	"-----BEGIN EC PRIVATE KEY-----\n" \
	"MHcCAQEEICv9I/kEh6kHnUifZI7qPRIsr0VoFBwmijn+D6PMDHXdoAoGCCqGSM49\n" \
	"AwEHoUQDQgAEk4WRMKNmYXAvuEYzxB4CwS5boVAyez2XGXERbQEdcX/IvqB8OazL\n" \
	"kOK7U9sfQcMbU5bzqqf98+44zAEWymcQ4A==\n" \
	"-----END EC PRIVATE KEY-----\n"

#define PRIVATE_DSA \
	"-----BEGIN DSA PARAMETERS-----\n" \
	"MIIBJwKBgQDqrNs5Iq5PHXMBnRPwpxZFNDSlgxjqFvcoD9PUo2TKt8Ikob1p8Sy3\n" \
	"2dbjLh93TPeku6YIIfpCtYUy0peH8sr4/0nszuTmpWQ6n/WKhFESyPfoDUfGmq2x\n" \
	"Sin0TZ1XL3MES7UM9jbmQO86tdMZsclosLkDi+TXj9ZCuEOxFdkrVQIdAPGEGgxI\n" \
	"H/xauzvFc6Qu5pnfgIMG8irw+6+RDCkCgYEAqJUZJaporCG7nTXizOy0KCH+ZcIp\n" \
	"z3GF52E6pCqk50L9pEFbezykygnMSzVyiiPyMsryuvYXGkeX4EtzU10cEBiT6Mvd\n" \
	"y78cq6IlHbsMm4b8uceyBg940Kj+dAK/fo6yR+jmR7Y1+4KTtvepxH0M2bF+vujW\n" \
	"VbNbcJdkSINfs3I=\n" \
	"-----END DSA PARAMETERS-----\n" \
	"-----BEGIN PRIVATE KEY-----\n" \
	"MIIBWwIBADCCATQGByqGSM44BAEwggEnAoGBAOqs2zkirk8dcwGdE/CnFkU0NKWD\n" \
	"GOoW9ygP09SjZMq3wiShvWnxLLfZ1uMuH3dM96S7pggh+kK1hTLSl4fyyvj/SezO\n" \
	"5OalZDqf9YqEURLI9+gNR8aarbFKKfRNnVcvcwRLtQz2NuZA7zq10xmxyWiwuQOL\n" \
	"5NeP1kK4Q7EV2StVAh0A8YQaDEgf/Fq7O8VzpC7mmd+AgwbyKvD7r5EMKQKBgQCo\n" \
	"lRklqmisIbudNeLM7LQoIf5lwinPcYXnYTqkKqTnQv2kQVt7PKTKCcxLNXKKI/Iy\n" \
	"yvK69hcaR5fgS3NTXRwQGJPoy93LvxyroiUduwybhvy5x7IGD3jQqP50Ar9+jrJH\n" \
	"6OZHtjX7gpO296nEfQzZsX6+6NZVs1twl2RIg1+zcgQeAhwL/3VVJMwPXufTLL4G\n" \
	"F3rvX0KhLpL63NxgLuE2\n" \
	"-----END PRIVATE KEY-----\n"

/* clang-format on */

#endif
