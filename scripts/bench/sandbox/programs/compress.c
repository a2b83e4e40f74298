/* A compressor of the deflate kind and its decompressor: matches by hash chains, one Huffman code per block of literals
   and lengths and one of distances, read back through canonical tables; the round trip must give the same bytes. */
#include "checksum.h"

#define SIZE (256 * 1024)
#define WINDOW 32768
#define HASH_BITS 14
#define MATCH_MIN 4
#define MATCH_MAX 67
#define LITERALS (256 + MATCH_MAX - MATCH_MIN + 1)
#define DISTANCES 16
#define CODE_BITS_MAX 15
#define CHAIN_MAX 24

static uint8_t text[SIZE], packed[SIZE * 2], unpacked[SIZE];
static int32_t heads[1 << HASH_BITS], previous[WINDOW];
static struct token {
  uint16_t symbol, distance;
} tokens[SIZE];

struct code {
  uint8_t lengths[LITERALS];
  uint16_t bits[LITERALS];
  int count;
};

/* --- bits --- */

static size_t byte_at;
static uint64_t bit_buffer;
static int bit_count;

static void put_bits(uint32_t value, int count) {
  bit_buffer |= (uint64_t)value << bit_count;
  bit_count += count;
  while (bit_count >= 8) {
    packed[byte_at++] = (uint8_t)bit_buffer;
    bit_buffer >>= 8;
    bit_count -= 8;
  }
}

static uint32_t peek_bits(int count) {
  while (bit_count < count) {
    bit_buffer |= (uint64_t)packed[byte_at++] << bit_count;
    bit_count += 8;
  }
  return (uint32_t)bit_buffer & ((1u << count) - 1);
}

static void drop_bits(int count) {
  bit_buffer >>= count;
  bit_count -= count;
}

static void reset_bits(void) {
  byte_at = 0;
  bit_buffer = 0;
  bit_count = 0;
}

/* --- Huffman codes --- */

/* Code lengths from counts: repeatedly joins the two rarest trees; counts are halved until no code is too long. */
static void build_lengths(struct code *code, uint32_t *counts) {
  for (;;) {
    static uint32_t weight[2 * LITERALS];
    static int parent[2 * LITERALS], alive[2 * LITERALS];
    int total = code->count, live = 0, longest = 0;
    for (int i = 0; i < code->count; i++) {
      weight[i] = counts[i];
      if (counts[i] > 0) alive[live++] = i;
    }
    while (live > 1) {
      int pair[2];
      for (int side = 0; side < 2; side++) {
        int best = 0;
        for (int i = 1; i < live; i++)
          if (weight[alive[i]] < weight[alive[best]]) best = i;
        pair[side] = alive[best];
        alive[best] = alive[--live];
      }
      weight[total] = weight[pair[0]] + weight[pair[1]];
      parent[pair[0]] = parent[pair[1]] = total;
      alive[live++] = total++;
    }
    int root = total - 1;
    for (int i = 0; i < code->count; i++) {
      int length = 0;
      if (counts[i] > 0)
        for (int at = i; at != root; at = parent[at]) length++;
      if (counts[i] > 0 && length == 0) length = 1;
      code->lengths[i] = (uint8_t)length;
      if (length > longest) longest = length;
    }
    if (longest <= CODE_BITS_MAX) return;
    for (int i = 0; i < code->count; i++)
      if (counts[i] > 0) counts[i] = counts[i] / 2 + 1;
  }
}

static uint16_t reverse_bits(uint32_t value, int count) {
  uint32_t reversed = 0;
  for (int i = 0; i < count; i++) reversed |= ((value >> i) & 1) << (count - 1 - i);
  return (uint16_t)reversed;
}

/* Canonical codes of those lengths, their first bit lowest. */
static void assign_codes(struct code *code) {
  uint32_t next = 0;
  for (int length = 1; length <= CODE_BITS_MAX; length++) {
    for (int i = 0; i < code->count; i++)
      if (code->lengths[i] == length) code->bits[i] = reverse_bits(next++, length);
    next <<= 1;
  }
}

/* Symbol and length for every CODE_BITS_MAX bits that may come. */
static void fill_table(const struct code *code, uint32_t *table) {
  for (int i = 0; i < code->count; i++) {
    int length = code->lengths[i];
    if (length == 0) continue;
    for (uint32_t at = code->bits[i]; at < 1u << CODE_BITS_MAX; at += 1u << length)
      table[at] = (uint32_t)i << 4 | (uint32_t)length;
  }
}

static void write_lengths(const struct code *code) {
  for (int i = 0; i < code->count; i++) put_bits(code->lengths[i], 4);
}

static void read_lengths(struct code *code) {
  for (int i = 0; i < code->count; i++) {
    code->lengths[i] = (uint8_t)peek_bits(4);
    drop_bits(4);
  }
}

/* --- matches --- */

static uint32_t hash_at(const uint8_t *at) {
  uint32_t word;
  memcpy(&word, at, 4);
  return (word * 2654435761u) >> (32 - HASH_BITS);
}

static int log2_of(uint32_t value) {
  int bits = 0;
  while (value >>= 1) bits++;
  return bits;
}

static void remember(int at) {
  uint32_t hash = hash_at(text + at);
  previous[at % WINDOW] = heads[hash];
  heads[hash] = at;
}

static int find_match(int at, int *distance) {
  int longest = 0, limit = SIZE - at < MATCH_MAX ? SIZE - at : MATCH_MAX, chain = CHAIN_MAX;
  for (int from = heads[hash_at(text + at)]; from >= 0 && at - from < WINDOW && chain > 0; chain--) {
    int length = 0;
    while (length < limit && text[from + length] == text[at + length]) length++;
    if (length > longest) longest = length, *distance = at - from;
    from = previous[from % WINDOW];
  }
  return longest;
}

static int find_tokens(uint32_t *literal_counts, uint32_t *distance_counts) {
  int count = 0;
  memset(heads, -1, sizeof heads);
  for (int at = 0; at < SIZE;) {
    int distance = 0, length = at + 4 <= SIZE ? find_match(at, &distance) : 0;
    struct token *token = &tokens[count++];
    if (length < MATCH_MIN) *token = (struct token){text[at], 0}, length = 1;
    else *token = (struct token){(uint16_t)(256 + length - MATCH_MIN), (uint16_t)distance};
    literal_counts[token->symbol]++;
    if (token->distance > 0) distance_counts[log2_of(token->distance)]++;
    for (int end = at + length; at < end; at++)
      if (at + 4 <= SIZE) remember(at);
  }
  return count;
}

static size_t compress(void) {
  static uint32_t literal_counts[LITERALS], distance_counts[DISTANCES];
  static struct code literals, distances;
  memset(literal_counts, 0, sizeof literal_counts);
  memset(distance_counts, 0, sizeof distance_counts);
  literals.count = LITERALS, distances.count = DISTANCES;
  int count = find_tokens(literal_counts, distance_counts);
  build_lengths(&literals, literal_counts), assign_codes(&literals);
  build_lengths(&distances, distance_counts), assign_codes(&distances);
  reset_bits();
  write_lengths(&literals), write_lengths(&distances);
  put_bits((uint32_t)count, 20);
  for (int i = 0; i < count; i++) {
    struct token token = tokens[i];
    put_bits(literals.bits[token.symbol], literals.lengths[token.symbol]);
    if (token.distance == 0) continue;
    int bits = log2_of(token.distance);
    put_bits(distances.bits[bits], distances.lengths[bits]);
    put_bits(token.distance & ((1u << bits) - 1), bits);
  }
  put_bits(0, 32);
  return byte_at;
}

static void decompress(void) {
  static uint32_t literal_table[1 << CODE_BITS_MAX], distance_table[1 << CODE_BITS_MAX];
  static struct code literals, distances;
  literals.count = LITERALS, distances.count = DISTANCES;
  reset_bits();
  read_lengths(&literals), assign_codes(&literals), fill_table(&literals, literal_table);
  read_lengths(&distances), assign_codes(&distances), fill_table(&distances, distance_table);
  int count = (int)peek_bits(20), at = 0;
  drop_bits(20);
  for (int i = 0; i < count; i++) {
    uint32_t entry = literal_table[peek_bits(CODE_BITS_MAX)], symbol = entry >> 4;
    drop_bits(entry & 15);
    if (symbol < 256) {
      unpacked[at++] = (uint8_t)symbol;
      continue;
    }
    uint32_t found = distance_table[peek_bits(CODE_BITS_MAX)];
    int bits = (int)(found >> 4);
    drop_bits(found & 15);
    int distance = 1 << bits | (int)peek_bits(bits);
    drop_bits(bits);
    for (int left = (int)symbol - 256 + MATCH_MIN; left > 0; left--, at++) unpacked[at] = unpacked[at - distance];
  }
}

/* Something like text: words drawn with skewed chances, with a number now and then. */
static void write_text(uint32_t random) {
  static const char *const words[16] = {"the ",   "of ",     "a ",       "to ",      "machine ", "work ",  "paid ",  "for ",
                                        "module ", "counts ", "nobody ", "decides ", "and ",     "fuel ", "stranger ", "\n"};
  int at = 0;
  while (at < SIZE) {
    uint32_t draw = next_random(&random);
    const char *word = words[(draw & 15) & ((draw >> 4) & 15)];
    char number[16];
    if ((draw >> 8) % 11 == 0) snprintf(number, sizeof number, "%u ", draw >> 12), word = number;
    for (; *word != 0 && at < SIZE; word++) text[at++] = (uint8_t)*word;
  }
}

int main(int argc, char **argv) {
  int rounds = work_amount(argc, argv, 5);
  uint64_t sum = 0;
  for (int round = 0; round < rounds; round++) {
    write_text((uint32_t)round + 17);
    size_t length = compress();
    sum = mix_bytes(mix(sum, length), packed, length);
    decompress();
    if (memcmp(text, unpacked, SIZE) != 0) return 1;
  }
  return print_checksum(sum);
}
