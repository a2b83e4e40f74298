/* The 8x8 discrete cosine transform of an image, quantised and transformed back, in 32-bit integers. */
#include "checksum.h"

#define WIDTH 512
#define HEIGHT 512
#define SHIFT 11

/* round(2048 * sqrt(2/8) * cos((2x+1) u pi / 16)), and sqrt(1/8) for u = 0 */
static const int32_t basis[8][8] = {
    {724, 724, 724, 724, 724, 724, 724, 724},          {1004, 851, 569, 200, -200, -569, -851, -1004},
    {946, 392, -392, -946, -946, -392, 392, 946},      {851, -200, -1004, -569, 569, 1004, 200, -851},
    {724, -724, -724, 724, 724, -724, -724, 724},      {569, -1004, 200, 851, -851, -200, 1004, -569},
    {392, -946, 946, -392, -392, 946, -946, 392},      {200, -569, 851, -1004, 1004, -851, 569, -200},
};

static uint8_t image[HEIGHT][WIDTH];

static void forward(const int32_t in[8][8], int32_t out[8][8]) {
  int32_t rows[8][8];
  for (int y = 0; y < 8; y++)
    for (int u = 0; u < 8; u++) {
      int32_t sum = 0;
      for (int x = 0; x < 8; x++) sum += in[y][x] * basis[u][x];
      rows[y][u] = (sum + (1 << (SHIFT - 1))) >> SHIFT;
    }
  for (int v = 0; v < 8; v++)
    for (int u = 0; u < 8; u++) {
      int32_t sum = 0;
      for (int y = 0; y < 8; y++) sum += rows[y][u] * basis[v][y];
      out[v][u] = (sum + (1 << (SHIFT - 1))) >> SHIFT;
    }
}

static void backward(const int32_t in[8][8], int32_t out[8][8]) {
  int32_t columns[8][8];
  for (int y = 0; y < 8; y++)
    for (int u = 0; u < 8; u++) {
      int32_t sum = 0;
      for (int v = 0; v < 8; v++) sum += in[v][u] * basis[v][y];
      columns[y][u] = (sum + (1 << (SHIFT - 1))) >> SHIFT;
    }
  for (int y = 0; y < 8; y++)
    for (int x = 0; x < 8; x++) {
      int32_t sum = 0;
      for (int u = 0; u < 8; u++) sum += columns[y][u] * basis[u][x];
      out[y][x] = (sum + (1 << (SHIFT - 1))) >> SHIFT;
    }
}

static void code_block(int top, int left) {
  int32_t block[8][8], spectrum[8][8];
  for (int y = 0; y < 8; y++)
    for (int x = 0; x < 8; x++) block[y][x] = image[top + y][left + x] - 128;
  forward(block, spectrum);
  for (int v = 0; v < 8; v++)
    for (int u = 0; u < 8; u++) {
      int32_t step = 4 + u + v;
      spectrum[v][u] = spectrum[v][u] / step * step;
    }
  backward(spectrum, block);
  for (int y = 0; y < 8; y++)
    for (int x = 0; x < 8; x++) {
      int32_t value = block[y][x] + 128;
      image[top + y][left + x] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}

int main(int argc, char **argv) {
  int rounds = work_amount(argc, argv, 20);
  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++) image[y][x] = (uint8_t)((x * x + y * 3 * x + y * y) >> 6);
  for (int round = 0; round < rounds; round++) {
    int shift = round % 8;
    for (int top = shift; top + 8 <= HEIGHT; top += 8)
      for (int left = shift; left + 8 <= WIDTH; left += 8) code_block(top, left);
  }
  return print_checksum(mix_bytes(0, image, sizeof image));
}
