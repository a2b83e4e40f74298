/* Conway's game of life, one byte per cell, sixteen cells at a time in the vectors that gcc and clang both spell. */
#include "checksum.h"

#define WIDTH 512
#define HEIGHT 512
#define MARGIN 16

typedef uint8_t vector __attribute__((vector_size(16)));

static uint8_t cells[2][HEIGHT + 2][WIDTH + 2 * MARGIN];

static vector load(const uint8_t *at) {
  vector loaded;
  memcpy(&loaded, at, sizeof loaded);
  return loaded;
}

static void step_row(const uint8_t *above, const uint8_t *here, const uint8_t *below, uint8_t *out) {
  for (int x = 0; x < WIDTH; x += 16) {
    vector around = load(above + x - 1) + load(above + x) + load(above + x + 1) + load(here + x - 1) +
                    load(here + x + 1) + load(below + x - 1) + load(below + x) + load(below + x + 1);
    vector next = ((vector)(around == 3) | ((vector)(around == 2) & load(here + x))) & 1;
    memcpy(out + x, &next, sizeof next);
  }
}

static void step(uint8_t (*from)[WIDTH + 2 * MARGIN], uint8_t (*to)[WIDTH + 2 * MARGIN]) {
  for (int y = 1; y <= HEIGHT; y++)
    step_row(from[y - 1] + MARGIN, from[y] + MARGIN, from[y + 1] + MARGIN, to[y] + MARGIN);
}

int main(int argc, char **argv) {
  int generations = work_amount(argc, argv, 4000);
  uint32_t random = 13;
  for (int y = 1; y <= HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++) cells[0][y][x + MARGIN] = (next_random(&random) & 7) < 3;
  for (int generation = 0; generation < generations; generation++)
    step(cells[generation & 1], cells[(generation & 1) ^ 1]);
  return print_checksum(mix_bytes(0, cells[generations & 1], sizeof cells[0]));
}
