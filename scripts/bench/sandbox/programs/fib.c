/* Fibonacci numbers by recursion: nothing but calls. */
#include "checksum.h"

__attribute__((noinline)) static uint32_t fibonacci(uint32_t n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

int main(int argc, char **argv) { return print_checksum(fibonacci((uint32_t)work_amount(argc, argv, 38))); }
