#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Steps until a number comes to 1: halved when even, else tripled and one added. */
static uint32_t steps_of(uint64_t value) {
  uint32_t steps = 0;
  for (; value != 1; steps++) value = value % 2 == 0 ? value / 2 : value * 3 + 1;
  return steps;
}

/* Arguments: from, to. Prints the start of the longest chain in between, and its steps. */
int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: task <from> <to>\n");
    return 2;
  }
  uint64_t from = strtoull(argv[1], NULL, 10), to = strtoull(argv[2], NULL, 10);
  uint64_t best = from;
  uint32_t most = steps_of(from);
  for (uint64_t start = from + 1; start <= to; start++) {
    uint32_t steps = steps_of(start);
    if (steps > most) most = steps, best = start;
  }
  printf("%" PRIu64 " %" PRIu32 "\n", best, most);
  return 0;
}
