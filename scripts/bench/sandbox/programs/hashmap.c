/* Counting words in a map from strings to numbers: hashing, comparing, allocating, growing. */
#include "checksum.h"

struct entry {
  char *word;
  uint32_t hash, count;
};

struct map {
  struct entry *entries;
  size_t capacity, used;
};

static uint32_t hash_of(const char *word) {
  uint32_t hash = 2166136261u;
  for (; *word != 0; word++) hash = (hash ^ (uint8_t)*word) * 16777619u;
  return hash;
}

static struct entry *slot_of(struct map *map, const char *word, uint32_t hash) {
  for (size_t at = hash & (map->capacity - 1);; at = (at + 1) & (map->capacity - 1)) {
    struct entry *entry = &map->entries[at];
    if (entry->word == NULL || (entry->hash == hash && strcmp(entry->word, word) == 0)) return entry;
  }
}

static void grow(struct map *map) {
  struct map larger = {calloc(map->capacity * 2, sizeof(struct entry)), map->capacity * 2, map->used};
  if (larger.entries == NULL) abort();
  for (size_t i = 0; i < map->capacity; i++) {
    struct entry *entry = &map->entries[i];
    if (entry->word != NULL) *slot_of(&larger, entry->word, entry->hash) = *entry;
  }
  free(map->entries);
  *map = larger;
}

static void count_word(struct map *map, const char *word) {
  uint32_t hash = hash_of(word);
  struct entry *entry = slot_of(map, word, hash);
  if (entry->word == NULL) {
    if (map->used * 4 >= map->capacity * 3) {
      grow(map);
      entry = slot_of(map, word, hash);
    }
    size_t length = strlen(word) + 1;
    *entry = (struct entry){malloc(length), hash, 0};
    memcpy(entry->word, word, length);
    map->used++;
  }
  entry->count++;
}

int main(int argc, char **argv) {
  int rounds = work_amount(argc, argv, 5);
  uint64_t sum = 0;
  for (int round = 0; round < rounds; round++) {
    struct map map = {calloc(64, sizeof(struct entry)), 64, 0};
    uint32_t random = 31 + (uint32_t)round;
    for (int i = 0; i < 300000; i++) {
      uint32_t draw = next_random(&random);
      uint32_t number = (draw & 0xffff) & (draw >> 16 | 0xff);
      char word[16];
      size_t length = 0;
      do word[length++] = (char)('a' + number % 26);
      while ((number /= 5) > 0);
      word[length] = 0;
      count_word(&map, word);
    }
    for (size_t i = 0; i < map.capacity; i++)
      if (map.entries[i].word != NULL) sum += (uint64_t)map.entries[i].count * map.entries[i].hash, free(map.entries[i].word);
    free(map.entries);
    sum = mix(sum, map.used);
  }
  return print_checksum(sum);
}
