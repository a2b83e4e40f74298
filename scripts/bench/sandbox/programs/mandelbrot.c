/* Iterations of z*z + c over a grid, in doubles: a short dependent loop with an exit that depends on the data. */
#include "checksum.h"

int main(int argc, char **argv) {
  int size = work_amount(argc, argv, 400);
  uint64_t sum = 0;
  for (int row = 0; row < size; row++)
    for (int column = 0; column < size; column++) {
      double cx = -2.0 + 2.75 * column / size, cy = -1.25 + 2.5 * row / size;
      double x = 0, y = 0;
      int count = 0;
      while (count < 500 && x * x + y * y <= 4) {
        double next = x * x - y * y + cx;
        y = 2 * x * y + cy;
        x = next;
        count++;
      }
      sum = mix(sum, (uint64_t)count);
    }
  return print_checksum(sum);
}
