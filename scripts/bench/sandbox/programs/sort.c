/* Quicksort of records with a comparison through a function pointer, by three different orders: indirect calls. */
#include "checksum.h"

struct record {
  uint32_t key, rank;
  double weight;
};

typedef int (*comparison)(const struct record *, const struct record *);

static int by_key(const struct record *a, const struct record *b) { return (a->key > b->key) - (a->key < b->key); }
static int by_rank(const struct record *a, const struct record *b) {
  return a->rank != b->rank ? (a->rank > b->rank) - (a->rank < b->rank) : by_key(a, b);
}
static int by_weight(const struct record *a, const struct record *b) {
  return (a->weight > b->weight) - (a->weight < b->weight);
}

static comparison orders[3] = {by_key, by_rank, by_weight};

static void insertion_sort(struct record *records, int count, comparison compare) {
  for (int i = 1; i < count; i++) {
    struct record moved = records[i];
    int at = i;
    for (; at > 0 && compare(&records[at - 1], &moved) > 0; at--) records[at] = records[at - 1];
    records[at] = moved;
  }
}

static void quick_sort(struct record *records, int count, comparison compare) {
  while (count > 12) {
    struct record pivot = records[count / 2];
    int low = 0, high = count - 1;
    while (low <= high) {
      while (compare(&records[low], &pivot) < 0) low++;
      while (compare(&records[high], &pivot) > 0) high--;
      if (low <= high) {
        struct record swapped = records[low];
        records[low++] = records[high];
        records[high--] = swapped;
      }
    }
    if (high + 1 < count - low) {
      quick_sort(records, high + 1, compare);
      records += low, count -= low;
    } else {
      quick_sort(records + low, count - low, compare);
      count = high + 1;
    }
  }
  insertion_sort(records, count, compare);
}

int main(int argc, char **argv) {
  int rounds = work_amount(argc, argv, 10);
  int count = 100000;
  struct record *records = malloc(sizeof(struct record) * (size_t)count);
  uint32_t random = 9;
  uint64_t sum = 0;
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < count; i++) {
      uint32_t key = next_random(&random);
      records[i] = (struct record){key, next_random(&random) % 1000, (double)(key ^ (key >> 7)) / 3};
    }
    quick_sort(records, count, orders[round % 3]);
    for (int i = 0; i < count; i += 97) sum = mix(sum, records[i].key);
  }
  return print_checksum(sum);
}
