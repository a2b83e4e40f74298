/* Edit distances between texts, row by row: minima, loads and stores with short dependencies. */
#include "checksum.h"

#define LENGTH 1024

static char left[LENGTH], right[LENGTH];
static uint32_t row[LENGTH + 1];

static uint32_t distance(void) {
  for (uint32_t j = 0; j <= LENGTH; j++) row[j] = j;
  for (uint32_t i = 1; i <= LENGTH; i++) {
    uint32_t diagonal = row[0];
    row[0] = i;
    for (uint32_t j = 1; j <= LENGTH; j++) {
      uint32_t above = row[j];
      uint32_t change = diagonal + (left[i - 1] != right[j - 1]);
      uint32_t insert = row[j - 1] + 1, erase = above + 1;
      uint32_t best = change < insert ? change : insert;
      row[j] = best < erase ? best : erase;
      diagonal = above;
    }
  }
  return row[LENGTH];
}

int main(int argc, char **argv) {
  int rounds = work_amount(argc, argv, 100);
  uint32_t random = 5;
  uint64_t sum = 0;
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < LENGTH; i++) {
      left[i] = (char)('a' + next_random(&random) % 5);
      right[i] = (char)('a' + next_random(&random) % 5);
    }
    sum = mix(sum, distance());
  }
  return print_checksum(sum);
}
