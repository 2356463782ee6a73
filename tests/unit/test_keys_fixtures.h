/*
 * Keys that ssh-keygen(1) made for these tests; nobody has their private halves. The sk-
 * ones are put together from the others, by PROTOCOL.u2f.
 */
#ifndef VASTAGENT_TEST_KEYS_FIXTURES_H
#define VASTAGENT_TEST_KEYS_FIXTURES_H

#define BLOB_ED25519       "AAAAC3NzaC1lZDI1NTE5AAAAINnT8+RSCs4BNhLsDx74eu28CGwA6pkVh/ypt32f0Pb/"
#define BLOB_ED25519_OTHER "AAAAC3NzaC1lZDI1NTE5AAAAIPCfWDLEJ4IseoQI6sBHZidehU0ZAstjM3h/Y8+Z3P9Z"
#define BLOB_RSA                                                                                   \
	"AAAAB3NzaC1yc2EAAAADAQABAAABAQC/NcZ4/qjn38ak3FOs0weHxr5x1ZDpybCDpEoBr876KiEngY"           \
	"69bCMnBtTHNRHD5tIz1SFa8q2qnO1nP9QIzS1fxh0Vhvi/Egfgmv+x0dZFDBEXqxd+4G2MhVXPZldn"           \
	"73CJndlRdQSqLLeXqiFTOEOsN4FGUvpGpISGqZJxvIoNbFGW+1PlsP2VQMVRtW4qKoPLUQjdIDg9BD"           \
	"kXZaWgyhImTpfdQhT1QXh6Pw2BKNNTa451MaaocyBJzrtTI91m7ZPLSrlSwjV1TmHkAFGPtx0CbxVW"           \
	"Gg2fKl6+IfceYXIe+Lerl3V82oToGU18BXVKqofkYP/pkokZiJN4kp5pBFP1"
#define BLOB_RSA_1024                                                                              \
	"AAAAB3NzaC1yc2EAAAADAQABAAAAgQCenF3Hq7baY2O0+gxQkX3buAYX6S4kzJXd50Ki3o8R8cXCAy"           \
	"MToYARgi6fEu5XQo5Mv4COxPFJFt73EtOdjIdwUHstqlgqB/aXKJ2LUrOgy32v/SNrVEAEFaZZtIT7"           \
	"C9qfrbe1AWXp+iJU+ErTzsxotfLKh9Qv6Kyx8YiDYtmpkw=="
#define BLOB_P256                                                                                  \
	"AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBCjmU0SL011hvTb/vVF/WFdUrN"           \
	"ePKblJtUdcojcjK9sDQl8fYMLghBZqnm7cMRIuG+fnYdHqglXxGI3hwvbTP64="
#define BLOB_P384                                                                                  \
	"AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBDRuj2OwOOPj8Fv0/WHB61GSzu"           \
	"fPZabmcyNkCQF8un2dzIo5PIu18IJeHSm2SEqzfasOKXSkbwlvzsr0awOsHf/Y8YX2qPHctgWo/N5n"           \
	"lvPjcZyJmBAJlufxbKzv6s33tQ=="
#define BLOB_P521                                                                                  \
	"AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAA9IOhQ8rTrCknvAS2H+pkZJr"           \
	"ABbZZdCtbO0+TQAGiBHaKjh+ENuOXVxMYEgYzAfc8FuEKgL147oZ6l7nI2ibY+4gCwUc6iJxl/56Gy"           \
	"rZUn8QZyIMfjiiWJYtczA7u1ahFPRp1UJBafxxD1ncvGgtG7H4Bnc8bIW+ppimtA/tTvzlzZtg=="
#define BLOB_DSA                                                                                   \
	"AAAAB3NzaC1kc3MAAACBAIOOCAcZv/zhDcaDVjLe5puk2ALdjvN5TXnJRVm1dQlj+FDa04KTRk83yG"           \
	"JH/1yH4Fw9M5FwbAsyEW4DQtFBnFMh4EZ6xUF/yONaEcMl5l8oqvY94DgTmbBeFyQJawvI2hi9mK8t"           \
	"2ACGW4dQc11yrzcGchNzWg8yp4dwFt+yVl79AAAAFQCplwYYVrqobJdKFU30nWnqbCDmawAAAIB0Zk"           \
	"/DMiVNq2myaD/CkETDat93prhqmeXboBi4No3gOqdSAeQhfFr2hP78TaNuxAJgRxMIro3F50sHoMVT"           \
	"AMReQvPKHfj/WaLYozyPekcgCpzowTg7HESa1a9rTvSdRcw3GL2gnS4dAHJVcpioxTc/fn+Axy2bI+"           \
	"gteu3EOsOyaAAAAIASp+gVbZIS6/RzSOscE/it+mKXBI5LPb0xk5s+GMFqSce+KOSpcNPP88jUjHOi"           \
	"uubkTvMomzG+wjxy+2zg32C1i77CYS5kWiGOnfsSuQYGXzLeOlb8VzKUG0K2XyZetMoJ5azfi9HKzc"           \
	"1j/nPs+fJJRfEhtj5p/IVZQxOjkNZHLw=="
#define BLOB_CERTIFICATE                                                                           \
	"AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAII8hqhseKKocqPUvJi0c8J5qCB"           \
	"H0FBqBHL1UrKQjlU9hAAAAINnT8+RSCs4BNhLsDx74eu28CGwA6pkVh/ypt32f0Pb/AAAAAAAAAAAA"           \
	"AAABAAAAAmlkAAAACAAAAARyb290AAAAAAAAAAD//////////wAAAAAAAACCAAAAFXBlcm1pdC1YMT"           \
	"EtZm9yd2FyZGluZwAAAAAAAAAXcGVybWl0LWFnZW50LWZvcndhcmRpbmcAAAAAAAAAFnBlcm1pdC1w"           \
	"b3J0LWZvcndhcmRpbmcAAAAAAAAACnBlcm1pdC1wdHkAAAAAAAAADnBlcm1pdC11c2VyLXJjAAAAAA"           \
	"AAAAAAAAAzAAAAC3NzaC1lZDI1NTE5AAAAICXbf1B7q4fvxmjOmIh3LzxYQxF0P/wrY/ZauEMoUTAA"           \
	"AAAAUwAAAAtzc2gtZWQyNTUxOQAAAECMKM6qoYafAuvMgZNvnmZtf/fJ8gbkydPfvQB3jWkGEEvZwv"           \
	"pox47+daD11KUjbjotBuZAiqPr3l1I6j55DewJ"
#define BLOB_SK_ED25519                                                                            \
	"AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAINnT8+RSCs4BNhLsDx74eu28CGwA6pkVh/"           \
	"ypt32f0Pb/AAAABHNzaDo="
#define BLOB_SK_P256                                                                               \
	"AAAAInNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3BlbnNzaC5jb20AAAAIbmlzdHAyNTYAAABBBCjmU0"           \
	"SL011hvTb/vVF/WFdUrNePKblJtUdcojcjK9sDQl8fYMLghBZqnm7cMRIuG+fnYdHqglXxGI3hwvbT"           \
	"P64AAAAEc3NoOg=="

/* As `ssh-keygen -l` prints them. */
#define PRINT_ED25519       "SHA256:WR9q816Cl2qT4Mx0Nc75OS23v0k4a5TTA0QZumMsW9o"
#define PRINT_ED25519_OTHER "SHA256:IaYNeggurIiTS7ZsG8Si6X2whWhsTp07IMOKO0qpSRM"
#define PRINT_RSA           "SHA256:k9SlKo2q9jGWJs1l5x2WBNJkKuY8EF2UIw08dajjEKo"
#define PRINT_RSA_1024      "SHA256:j1xo8HFRSj0aAIcS64U9dyQtLIYQYl6dyMfbmBIJsKw"
#define PRINT_P256          "SHA256:ADTp0Gmbdx0Jjaxs7JULBJUeoAxbvFXxHxS3ctc+toI"
#define PRINT_P384          "SHA256:rjB+PFnkDToSXP0y2A+VIrekvaObQy1gprR3rf6lhw4"
#define PRINT_P521          "SHA256:L9qhioV5sFXhbqN4ou6a5FtGDqFAP5F7cpi0AVatpP8"
#define PRINT_DSA           "SHA256:nkugVnPjN+uEih0ubgCT4DBXGCt3XtU3Y3h/uvD8tzk"
#define PRINT_SK_ED25519    "SHA256:VT3nEWzm2uoLsuawymhXW/u2SrVuV8pHYgqopXpu3y4"
#define PRINT_SK_P256       "SHA256:/6auN+mS8GQbkvM8qg2RShDdzMMaQXzjGLEukwEkNr8"

#define TYPE_P256       "ecdsa-sha2-nistp256"
#define TYPE_P384       "ecdsa-sha2-nistp384"
#define TYPE_P521       "ecdsa-sha2-nistp521"
#define TYPE_SK_ED25519 "sk-ssh-ed25519@openssh.com"
#define TYPE_SK_P256    "sk-ecdsa-sha2-nistp256@openssh.com"

/* The key that most tests use, and another one. */
#define KEY       "ssh-ed25519 " BLOB_ED25519
#define OTHER_KEY "ssh-ed25519 " BLOB_ED25519_OTHER

#endif
