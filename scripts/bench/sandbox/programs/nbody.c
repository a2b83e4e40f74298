/* Gravitation among five bodies, symplectic Euler: dependent double arithmetic, square roots, divisions. */
#include <math.h>

#include "checksum.h"

#define BODIES 5

struct body {
  double x, y, z, vx, vy, vz, mass;
};

static struct body bodies[BODIES] = {
    {0, 0, 0, 0, 0, 0, 39.47},
    {4.84, -1.16, -0.10, 0.606, 2.812, -0.02, 0.0377},
    {8.34, 4.12, -0.40, -1.011, 1.823, 0.008, 0.0113},
    {12.89, -15.11, -0.22, 1.083, 0.868, -0.010, 0.0017},
    {15.38, -25.92, 0.18, 0.979, 0.594, -0.034, 0.0020},
};

static void advance(double step) {
  for (int i = 0; i < BODIES; i++) {
    struct body *a = &bodies[i];
    for (int j = i + 1; j < BODIES; j++) {
      struct body *b = &bodies[j];
      double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
      double square = dx * dx + dy * dy + dz * dz;
      double pull = step / (square * sqrt(square));
      a->vx -= dx * b->mass * pull;
      a->vy -= dy * b->mass * pull;
      a->vz -= dz * b->mass * pull;
      b->vx += dx * a->mass * pull;
      b->vy += dy * a->mass * pull;
      b->vz += dz * a->mass * pull;
    }
  }
  for (int i = 0; i < BODIES; i++) {
    struct body *a = &bodies[i];
    a->x += step * a->vx;
    a->y += step * a->vy;
    a->z += step * a->vz;
  }
}

int main(int argc, char **argv) {
  int steps = work_amount(argc, argv, 1000000);
  for (int i = 0; i < steps; i++) advance(0.001);
  return print_checksum(mix_bytes(0, bodies, sizeof bodies));
}
