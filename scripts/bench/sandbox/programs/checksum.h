/* What every program of the suite shares: its amount of work as the first argument, and a printed checksum by which
   the native and the WebAssembly run are compared. */
#ifndef CHECKSUM_H
#define CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifndef __wasm__
#include <time.h>
#endif

/* The first argument, or `normal` without one. */
static inline int work_amount(int argc, char **argv, int normal) { return argc > 1 ? atoi(argv[1]) : normal; }

/* Numbers that are the same everywhere (xorshift32). */
static inline uint32_t next_random(uint32_t *state) {
  uint32_t x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}

/* Mixes bytes into a sum (FNV-1a, 64 bits at a time where it can). */
static inline uint64_t mix_bytes(uint64_t sum, const void *bytes, size_t length) {
  const uint8_t *at = bytes;
  for (; length >= 8; length -= 8, at += 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    sum = (sum ^ word) * 0x100000001b3ull;
    sum ^= sum >> 29;
  }
  for (; length > 0; length--, at++) sum = (sum ^ *at) * 0x100000001b3ull;
  return sum;
}

static inline uint64_t mix(uint64_t sum, uint64_t value) { return mix_bytes(sum, &value, sizeof value); }

/* Also says, natively, how many microseconds of processor time the process took; WebAssembly is timed from outside. */
static inline int print_checksum(uint64_t sum) {
  printf("%016llx\n", (unsigned long long)sum);
#ifndef __wasm__
  fprintf(stderr, "%.0f\n", (double)clock() * 1e6 / CLOCKS_PER_SEC);
#endif
  return 0;
}

#endif
