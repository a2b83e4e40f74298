/* A small database: a B-tree of 64-bit keys with records, filled, looked up, ranged over and updated. */
#include "checksum.h"

#define ORDER 32 /* children of a full node */
#define KEYS (ORDER - 1)

struct node {
  int count, leaf;
  uint64_t keys[KEYS];
  uint64_t records[KEYS];
  struct node *children[ORDER];
};

static struct node *new_node(int leaf) {
  struct node *node = calloc(1, sizeof *node);
  if (node == NULL) abort();
  node->leaf = leaf;
  return node;
}

static void free_tree(struct node *node) {
  if (!node->leaf)
    for (int i = 0; i <= node->count; i++) free_tree(node->children[i]);
  free(node);
}

/* The first position whose key is not less. */
static int position_of(const struct node *node, uint64_t key) {
  int low = 0, high = node->count;
  while (low < high) {
    int middle = (low + high) / 2;
    if (node->keys[middle] < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

static uint64_t *find(struct node *node, uint64_t key) {
  for (;;) {
    int at = position_of(node, key);
    if (at < node->count && node->keys[at] == key) return &node->records[at];
    if (node->leaf) return NULL;
    node = node->children[at];
  }
}

/* Splits the full child at a position of a node that has room. */
static void split(struct node *node, int at) {
  struct node *left = node->children[at], *right = new_node(left->leaf);
  int middle = KEYS / 2;
  right->count = KEYS - middle - 1;
  memcpy(right->keys, left->keys + middle + 1, sizeof(uint64_t) * (size_t)right->count);
  memcpy(right->records, left->records + middle + 1, sizeof(uint64_t) * (size_t)right->count);
  if (!left->leaf)
    memcpy(right->children, left->children + middle + 1, sizeof(struct node *) * (size_t)(right->count + 1));
  left->count = middle;
  memmove(node->keys + at + 1, node->keys + at, sizeof(uint64_t) * (size_t)(node->count - at));
  memmove(node->records + at + 1, node->records + at, sizeof(uint64_t) * (size_t)(node->count - at));
  memmove(node->children + at + 2, node->children + at + 1, sizeof(struct node *) * (size_t)(node->count - at));
  node->keys[at] = left->keys[middle];
  node->records[at] = left->records[middle];
  node->children[at + 1] = right;
  node->count++;
}

static void insert(struct node **root, uint64_t key, uint64_t record) {
  if ((*root)->count == KEYS) {
    struct node *grown = new_node(0);
    grown->children[0] = *root;
    split(grown, 0);
    *root = grown;
  }
  struct node *node = *root;
  for (;;) {
    int at = position_of(node, key);
    if (at < node->count && node->keys[at] == key) {
      node->records[at] = record;
      return;
    }
    if (node->leaf) {
      memmove(node->keys + at + 1, node->keys + at, sizeof(uint64_t) * (size_t)(node->count - at));
      memmove(node->records + at + 1, node->records + at, sizeof(uint64_t) * (size_t)(node->count - at));
      node->keys[at] = key;
      node->records[at] = record;
      node->count++;
      return;
    }
    if (node->children[at]->count == KEYS) {
      split(node, at);
      if (node->keys[at] == key) {
        node->records[at] = record;
        return;
      }
      if (node->keys[at] < key) at++;
    }
    node = node->children[at];
  }
}

/* Sum of the records whose keys lie in low .. high. */
static uint64_t range_sum(const struct node *node, uint64_t low, uint64_t high) {
  uint64_t sum = 0;
  for (int at = position_of(node, low);; at++) {
    if (!node->leaf) sum += range_sum(node->children[at], low, high);
    if (at == node->count || node->keys[at] > high) return sum;
    sum += node->records[at];
  }
}

int main(int argc, char **argv) {
  int rounds = work_amount(argc, argv, 4);
  const int count = 60000;
  uint64_t sum = 0;
  for (int round = 0; round < rounds; round++) {
    struct node *root = new_node(1);
    uint32_t random = 21 + (uint32_t)round;
    for (int i = 0; i < count; i++) insert(&root, (uint64_t)next_random(&random) << 8, (uint64_t)i);
    random = 21 + (uint32_t)round;
    uint64_t found = 0;
    for (int i = 0; i < 2 * count; i++) {
      uint64_t *record = find(root, (uint64_t)next_random(&random) << 8);
      if (record != NULL) found += (*record)++;
    }
    for (int i = 0; i < 2000; i++) {
      uint64_t low = (uint64_t)next_random(&random) << 8;
      found += range_sum(root, low, low + (1ull << 32));
    }
    sum = mix(sum, found);
    free_tree(root);
  }
  return print_checksum(sum);
}
