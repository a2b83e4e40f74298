/* Products of square float matrices, rows by rows, so that a compiler can use vectors without reordering sums. */
#include "checksum.h"

#define N 192

static float a[N][N], b[N][N], c[N][N];

static void multiply(void) {
  memset(c, 0, sizeof c);
  for (int i = 0; i < N; i++)
    for (int k = 0; k < N; k++) {
      float factor = a[i][k];
      for (int j = 0; j < N; j++) c[i][j] += factor * b[k][j];
    }
}

int main(int argc, char **argv) {
  int rounds = work_amount(argc, argv, 100);
  uint32_t random = 7;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      a[i][j] = (float)(next_random(&random) >> 8) / 16777216.0f;
      b[i][j] = (float)(next_random(&random) >> 8) / 16777216.0f;
    }
  for (int round = 0; round < rounds; round++) {
    multiply();
    for (int i = 0; i < N; i++) a[i][i] = c[i][N - 1 - i] / (float)N;
  }
  return print_checksum(mix_bytes(0, c, sizeof c));
}
