/*
 * Counts words. Text comes on stdin; the arguments are a least length and, optionally, a file of words to leave out,
 * one a line. Writes "count<tab>word" lines in order of the words to stdout and a summary line to stderr.
 *
 * A word is a run of letters, digits, apostrophes and bytes of non-ASCII characters; ASCII letters become lower case.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_LENGTH_MAX = 256, FIRST_SLOTS = 1024 };

struct entry {
  char *word;
  unsigned long count;
};

struct table {
  struct entry *slots;
  size_t capacity;
  size_t used;
};

static void fail(const char *what) {
  fprintf(stderr, "word-count: %s\n", what);
  exit(1);
}

static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count, size);
  if (memory == NULL) fail("out of memory");
  return memory;
}

static size_t slot_of(const struct table *table, const char *word) {
  unsigned long hash = 2166136261u;
  for (const unsigned char *byte = (const unsigned char *)word; *byte != 0; byte++) hash = (hash ^ *byte) * 16777619u;
  size_t slot = hash % table->capacity;
  while (table->slots[slot].word != NULL && strcmp(table->slots[slot].word, word) != 0) {
    slot = (slot + 1) % table->capacity;
  }
  return slot;
}

static void grow(struct table *table) {
  struct table larger = {allocate(table->capacity * 2, sizeof(struct entry)), table->capacity * 2, table->used};
  for (size_t i = 0; i < table->capacity; i++) {
    if (table->slots[i].word != NULL) larger.slots[slot_of(&larger, table->slots[i].word)] = table->slots[i];
  }
  free(table->slots);
  *table = larger;
}

static void add(struct table *table, const char *word) {
  if (table->used * 2 > table->capacity) grow(table);
  struct entry *entry = &table->slots[slot_of(table, word)];
  if (entry->word == NULL) {
    entry->word = strdup(word);
    if (entry->word == NULL) fail("out of memory");
    table->used++;
  }
  entry->count++;
}

static bool has(const struct table *table, const char *word) {
  return table->slots[slot_of(table, word)].word != NULL;
}

static bool is_word_byte(int byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
         byte == '\'' || byte >= 0x80;
}

/* Reads the next word; false at the end. Of a longer word the rest is dropped. */
static bool next_word(FILE *input, char *word) {
  int byte = getc(input);
  while (byte != EOF && !is_word_byte(byte)) byte = getc(input);
  if (byte == EOF) return false;
  size_t length = 0;
  for (; byte != EOF && is_word_byte(byte); byte = getc(input)) {
    if (length < WORD_LENGTH_MAX) word[length++] = (char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
  }
  word[length] = 0;
  return true;
}

static int by_word(const void *left, const void *right) {
  return strcmp(((const struct entry *)left)->word, ((const struct entry *)right)->word);
}

int main(int argc, char **argv) {
  if (argc < 2) fail("usage: word-count <least length> [file of words to leave out]");
  size_t least = (size_t)strtoul(argv[1], NULL, 10);
  char word[WORD_LENGTH_MAX + 1];
  struct table left_out = {allocate(FIRST_SLOTS, sizeof(struct entry)), FIRST_SLOTS, 0};
  if (argc > 2) {
    FILE *file = fopen(argv[2], "r");
    if (file == NULL) fail("the file of words to leave out cannot be opened");
    while (next_word(file, word)) add(&left_out, word);
    fclose(file);
  }

  struct table words = {allocate(FIRST_SLOTS, sizeof(struct entry)), FIRST_SLOTS, 0};
  unsigned long total = 0;
  while (next_word(stdin, word)) {
    total++;
    if (strlen(word) >= least && !has(&left_out, word)) add(&words, word);
  }

  struct entry *sorted = allocate(words.used + 1, sizeof(struct entry));
  size_t count = 0;
  for (size_t i = 0; i < words.capacity; i++) {
    if (words.slots[i].word != NULL) sorted[count++] = words.slots[i];
  }
  qsort(sorted, count, sizeof(struct entry), by_word);
  for (size_t i = 0; i < count; i++) printf("%lu\t%s\n", sorted[i].count, sorted[i].word);
  fprintf(stderr, "%lu words\n", total);
  return 0;
}
