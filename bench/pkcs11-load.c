/*
 * Signs with a PKCS#11 module as fast as it can, for comparison with the HSM. Makes a session key pair of its own.
 *
 * Usage: pkcs11-load MODULE TOKEN-LABEL PIN rsa2048|p256|ed25519 THREADS SECONDS
 * Prints "begin", then "SIGNATURES SECONDS", and waits for the end of its input; or "refused CALL 0xRV" when the module cannot do it.
 * Exit 1 for anything unexpected.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef CKM_EC_EDWARDS_KEY_PAIR_GEN
#define CKM_EC_EDWARDS_KEY_PAIR_GEN 0x1055UL
#endif
#ifndef CKM_EDDSA
#define CKM_EDDSA 0x1057UL
#endif

struct kind {
  const char *name;
  CK_MECHANISM_TYPE generate, sign;
  CK_ATTRIBUTE_TYPE parameter_type;
  const void *parameter;
  CK_ULONG parameter_length, data_length;
};

static const CK_ULONG BITS = 2048;
static const unsigned char P256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const unsigned char ED25519[] = "\x13\x0c" "edwards25519";

/* What a DNSSEC signer gives: a DigestInfo, a digest, a message. */
static const struct kind KINDS[] = {
    {"rsa2048", CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_RSA_PKCS, CKA_MODULUS_BITS, &BITS, sizeof BITS, 51},
    {"p256", CKM_EC_KEY_PAIR_GEN, CKM_ECDSA, CKA_EC_PARAMS, P256, sizeof P256, 32},
    {"ed25519", CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_EDDSA, CKA_EC_PARAMS, ED25519, sizeof ED25519 - 1, 100},
};

static CK_FUNCTION_LIST *p11;
static CK_SLOT_ID slot;
static CK_OBJECT_HANDLE key;
static const struct kind *kind;
static double seconds;

static void refused(const char *call, CK_RV rv) {
  printf("refused %s 0x%lx\n", call, rv);
  exit(0);
}

#define CALL(name, ...)                                                                                                \
  do {                                                                                                                 \
    CK_RV rv_ = p11->name(__VA_ARGS__);                                                                                \
    if (rv_ != CKR_OK) refused(#name, rv_);                                                                            \
  } while (0)

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void *work(void *argument) {
  unsigned long *count = argument;
  CK_SESSION_HANDLE session;
  CK_MECHANISM mechanism = {kind->sign, NULL, 0};
  unsigned char data[128] = "0123456789abcdef", signature[512];
  CALL(C_OpenSession, slot, CKF_SERIAL_SESSION, NULL, NULL, &session);
  double end = now() + seconds;
  while (now() < end)
    for (int i = 0; i < 8; i++) {
      CK_ULONG length = sizeof signature;
      CALL(C_SignInit, session, &mechanism, key);
      CALL(C_Sign, session, data, kind->data_length, signature, &length);
      ++*count;
    }
  return NULL;
}

static void find_slot(const char *label) {
  CK_SLOT_ID slots[64];
  CK_ULONG count = 64;
  char padded[33];
  CALL(C_GetSlotList, CK_TRUE, slots, &count);
  snprintf(padded, sizeof padded, "%-32s", label);
  for (CK_ULONG i = 0; i < count; i++) {
    CK_TOKEN_INFO info;
    if (p11->C_GetTokenInfo(slots[i], &info) == CKR_OK && memcmp(info.label, padded, 32) == 0) {
      slot = slots[i];
      return;
    }
  }
  fprintf(stderr, "no token is labelled %s\n", label);
  exit(1);
}

static void make_key(const char *pin) {
  CK_SESSION_HANDLE session;
  CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
  CK_OBJECT_HANDLE public_key;
  CK_MECHANISM mechanism = {kind->generate, NULL, 0};
  CK_ATTRIBUTE public_half[] = {
      {CKA_TOKEN, &no, sizeof no}, {CKA_VERIFY, &yes, sizeof yes}, {kind->parameter_type, (void *)kind->parameter, kind->parameter_length}};
  CK_ATTRIBUTE private_half[] = {{CKA_TOKEN, &no, sizeof no}, {CKA_SIGN, &yes, sizeof yes}};
  CALL(C_OpenSession, slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
  CALL(C_Login, session, CKU_USER, (unsigned char *)pin, strlen(pin));
  CALL(C_GenerateKeyPair, session, &mechanism, public_half, 3, private_half, 2, &public_key, &key);
}

int main(int count, char **arguments) {
  if (count != 7) {
    fprintf(stderr, "usage: pkcs11-load MODULE TOKEN-LABEL PIN rsa2048|p256|ed25519 THREADS SECONDS\n");
    return 1;
  }
  void *module = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
  CK_C_GetFunctionList list = module ? (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList") : NULL;
  if (list == NULL || list(&p11) != CKR_OK) {
    fprintf(stderr, "%s is no PKCS#11 module: %s\n", arguments[1], dlerror());
    return 1;
  }
  for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
    if (strcmp(KINDS[i].name, arguments[4]) == 0) kind = &KINDS[i];
  int threads = atoi(arguments[5]);
  seconds = atof(arguments[6]);
  if (kind == NULL || threads < 1 || threads > 64 || seconds <= 0) return 1;
  CK_C_INITIALIZE_ARGS locking = {.flags = CKF_OS_LOCKING_OK};
  CALL(C_Initialize, &locking);
  find_slot(arguments[2]);
  make_key(arguments[3]);
  pthread_t ids[64];
  unsigned long counts[64][16] = {{0}}; /* a cache line each */
  printf("begin\n");
  fflush(stdout);
  double start = now();
  for (int i = 0; i < threads; i++)
    if (pthread_create(&ids[i], NULL, work, &counts[i][0]) != 0) return 1;
  unsigned long signatures = 0;
  for (int i = 0; i < threads; i++) {
    pthread_join(ids[i], NULL);
    signatures += counts[i][0];
  }
  printf("%lu %f\n", signatures, now() - start);
  fflush(stdout);
  getchar();
  _exit(0); /* p11-kit's client hangs now and then in its destructor */
}
