/* A stack machine with a switch for each instruction, running a program that sieves primes and sums their squares:
   unpredictable dispatch, a stack in memory. */
#include "checksum.h"

enum operation { PUSH, LOAD, STORE, FETCH, PUT, ADD, MULTIPLY, MODULO, LESS, JUMP, JUMP_IF_ZERO, INCREMENT, HALT };

struct instruction {
  enum operation operation;
  int64_t operand;
};

#define LIMIT 20000

enum variable { I, J, SUM };

/* for i in 2..LIMIT: if sieve[i] == 0: sum = (sum + i*i) % 1000000007; for j = 2*i; j < LIMIT; j += i: sieve[j] = 1 */
static const struct instruction program[] = {
    {PUSH, 2},       {STORE, I},                                      /* 0 */
    {LOAD, I},       {PUSH, LIMIT},     {LESS, 0},   {JUMP_IF_ZERO, 34}, /* 2 */
    {LOAD, I},       {FETCH, 0},        {JUMP_IF_ZERO, 11},           /* 6: composite? */
    {INCREMENT, I},  {JUMP, 2},                                       /* 9 */
    {LOAD, SUM},     {LOAD, I},         {LOAD, I},   {MULTIPLY, 0},   /* 11 */
    {ADD, 0},        {PUSH, 1000000007}, {MODULO, 0}, {STORE, SUM},   /* 15 */
    {LOAD, I},       {PUSH, 2},         {MULTIPLY, 0}, {STORE, J},    /* 19 */
    {LOAD, J},       {PUSH, LIMIT},     {LESS, 0},   {JUMP_IF_ZERO, 9}, /* 23 */
    {LOAD, J},       {PUT, 1},                                        /* 27 */
    {LOAD, J},       {LOAD, I},         {ADD, 0},    {STORE, J},      /* 29 */
    {JUMP, 23},                                                       /* 33 */
    {HALT, 0},                                                        /* 34 */
};

static uint8_t memory[LIMIT];

__attribute__((noinline)) static int64_t run(const struct instruction *code, uint64_t *executed) {
  int64_t stack[16], variables[3] = {0};
  int64_t *top = stack;
  const struct instruction *at = code;
  for (;; (*executed)++) {
    switch (at->operation) {
    case PUSH:
      *top++ = at->operand;
      break;
    case LOAD:
      *top++ = variables[at->operand];
      break;
    case STORE:
      variables[at->operand] = *--top;
      break;
    case FETCH:
      top[-1] = memory[top[-1]];
      break;
    case PUT:
      memory[*--top] = (uint8_t)at->operand;
      break;
    case ADD:
      top--;
      top[-1] += top[0];
      break;
    case MULTIPLY:
      top--;
      top[-1] *= top[0];
      break;
    case MODULO:
      top--;
      top[-1] %= top[0];
      break;
    case LESS:
      top--;
      top[-1] = top[-1] < top[0];
      break;
    case JUMP:
      at = code + at->operand;
      continue;
    case JUMP_IF_ZERO:
      if (*--top == 0) {
        at = code + at->operand;
        continue;
      }
      break;
    case INCREMENT:
      variables[at->operand]++;
      break;
    case HALT:
      return variables[SUM];
    }
    at++;
  }
}

int main(int argc, char **argv) {
  int rounds = work_amount(argc, argv, 100);
  uint64_t sum = 0, executed = 0;
  for (int round = 0; round < rounds; round++) {
    memset(memory, 0, sizeof memory);
    sum = mix(sum, (uint64_t)run(program, &executed));
  }
  return print_checksum(mix(sum, executed));
}
