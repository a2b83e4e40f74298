/* A complex radix-2 fast Fourier transform and its inverse, in doubles; twiddle factors from half-angle formulas, so
   that no mathematical library decides the result. */
#include <math.h>

#include "checksum.h"

#define BITS 12
#define N (1 << BITS)

static double re[N], im[N], cosines[N / 2], sines[N / 2];

/* Fills the table by turning each known angle by half of the step before it. */
static void fill_twiddles(void) {
  double step_cosine = -1, step_sine = 0; /* the angle pi */
  cosines[0] = 1;
  sines[0] = 0;
  for (int width = N / 2; width > 1; width /= 2) {
    double cosine = sqrt((1 + step_cosine) / 2);
    double sine = step_cosine == -1 ? 1 : step_sine / (2 * cosine);
    step_cosine = cosine, step_sine = sine;
    int half = width / 2;
    for (int at = 0; at + half < N / 2; at += width) {
      cosines[at + half] = cosines[at] * cosine - sines[at] * sine;
      sines[at + half] = sines[at] * cosine + cosines[at] * sine;
    }
  }
}

static void transform(double direction) {
  for (int i = 1, j = 0; i < N; i++) {
    int bit = N >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      double t = re[i];
      re[i] = re[j], re[j] = t;
      t = im[i];
      im[i] = im[j], im[j] = t;
    }
  }
  for (int length = 2; length <= N; length *= 2) {
    int half = length / 2, stride = N / length;
    for (int start = 0; start < N; start += length)
      for (int k = 0; k < half; k++) {
        double c = cosines[k * stride], s = direction * sines[k * stride];
        int even = start + k, odd = even + half;
        double x = re[odd] * c - im[odd] * s, y = re[odd] * s + im[odd] * c;
        re[odd] = re[even] - x, im[odd] = im[even] - y;
        re[even] += x, im[even] += y;
      }
  }
}

int main(int argc, char **argv) {
  int rounds = work_amount(argc, argv, 400);
  uint32_t random = 11;
  fill_twiddles();
  for (int i = 0; i < N; i++) re[i] = (double)next_random(&random) / 4294967296.0;
  for (int round = 0; round < rounds; round++) {
    transform(-1);
    transform(1);
    for (int i = 0; i < N; i++) re[i] /= N, im[i] /= N;
  }
  return print_checksum(mix_bytes(mix_bytes(0, re, sizeof re), im, sizeof im));
}
