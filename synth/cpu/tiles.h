/* Products of 8-bit codes by a matrix unit (Intel's AMX), where the processor and the system have one.
 *
 * Sums of whole numbers are exact, so they are those of vectors.h to the last bit. The unit's registers must be opened by each
 * thread, and closed: until then every switch between threads saves them. */

#ifndef TILES_H
#define TILES_H

#include "vectors.h"

#if defined(__linux__) && defined(__AMX_INT8__) && defined(__AVX512F__) && defined(__AVX512BW__)
#include <sys/syscall.h>
#include <unistd.h>

#define TILES 1
enum { TILED = 32, DEEP = 64 }; /* rows at once, two tiles times both halves of a panel; inputs at once */

/* Ask the system whether this process may; the kernel's documentation, arch/x86/xstate. */
static int may_tile(void) {
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0;
}

static void open_tiles(void) {
    static const struct { uint8_t palette, rest[15]; uint16_t bytes[16]; uint8_t rows[16]; } shape = {
        .palette = 1, .bytes = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};
    _tile_loadconfig(&shape);
}

static void close_tiles(void) { _tile_release(); }

/* As product_of_codes, of TILED rows, and a multiple of DEEP inputs. */
INLINE void product_of_tiles(const uint8_t *x, size_t stride, const int8_t *panel, int inputs, ints (*sums)[2]) {
    const uint8_t *below = x + TILED / 2 * stride;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int input = 0; input < inputs; input += DEEP, panel += DEEP * PANEL) {
        _tile_loadd(4, x + input, stride);
        _tile_loadd(5, below + input, stride);
        _tile_loadd(6, panel, 4 * PANEL);
        _tile_loadd(7, panel + 4 * LANES, 4 * PANEL);
        _tile_dpbusd(0, 4, 6);
        _tile_dpbusd(1, 4, 7);
        _tile_dpbusd(2, 5, 6);
        _tile_dpbusd(3, 5, 7);
    }
    _tile_stored(0, &sums[0][0], sizeof sums[0]);
    _tile_stored(1, &sums[0][1], sizeof sums[0]);
    _tile_stored(2, &sums[TILED / 2][0], sizeof sums[0]);
    _tile_stored(3, &sums[TILED / 2][1], sizeof sums[0]);
}
#else
#define TILES 0
enum { TILED = ROWS, DEEP = 1 };

static int may_tile(void) { return 0; }
static void open_tiles(void) {}
static void close_tiles(void) {}
INLINE void product_of_tiles(const uint8_t *x, size_t stride, const int8_t *panel, int inputs, ints (*sums)[2]) {
    product_of_codes(TILED, x, stride, panel, inputs / 4, sums); /* never called */
}
#endif

#endif
