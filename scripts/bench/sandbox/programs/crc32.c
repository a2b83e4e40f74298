/* CRC-32 (IEEE 802.3) by a table of 256 entries, one byte at a time: a chain of dependent loads. */
#include "checksum.h"

static uint32_t table[256];
static uint8_t buffer[256 * 1024];

static uint32_t crc(uint32_t value, const uint8_t *bytes, size_t length) {
  value = ~value;
  for (size_t i = 0; i < length; i++) value = table[(value ^ bytes[i]) & 255] ^ (value >> 8);
  return ~value;
}

int main(int argc, char **argv) {
  int rounds = work_amount(argc, argv, 400);
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320u ^ (value >> 1) : value >> 1;
    table[i] = value;
  }
  uint32_t random = 3;
  for (size_t i = 0; i < sizeof buffer; i++) buffer[i] = (uint8_t)next_random(&random);
  uint32_t value = 0;
  for (int round = 0; round < rounds; round++) value = crc(value, buffer, sizeof buffer);
  return print_checksum(value);
}
