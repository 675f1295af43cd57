/* Vectors of the machine's own width, and products of a few rows with a panel of weights.
 *
 * A panel is PANEL output columns side by side: [inputs][PANEL] floats or bfloat16, or [inputs / 4][PANEL][4] bytes.
 * A product keeps ROWS x PANEL sums in registers and reads each weight of the panel once. */

#ifndef VECTORS_H
#define VECTORS_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__) && defined(__AVX512BW__)
enum { LANES = 16, ROWS = 12 }; /* 24 of 32 registers hold sums */
#elif defined(__AVX2__)
enum { LANES = 8, ROWS = 6 }; /* 12 of 16 */
#else
enum { LANES = 4, ROWS = 6 };
#endif
enum { PANEL = 2 * LANES };

#define INLINE static inline __attribute__((always_inline))

typedef float floats __attribute__((vector_size(4 * LANES)));
typedef int32_t ints __attribute__((vector_size(4 * LANES)));
typedef int16_t shorts __attribute__((vector_size(4 * LANES)));
typedef uint16_t halves __attribute__((vector_size(2 * LANES)));

INLINE floats load(const float *from) { floats value; memcpy(&value, from, sizeof value); return value; }
INLINE ints load_ints(const void *from) { ints value; memcpy(&value, from, sizeof value); return value; }
INLINE void store(float *to, floats value) { memcpy(to, &value, sizeof value); }
INLINE ints all(uint32_t value) { return (ints){0} + (int32_t)value; }
INLINE floats every(float value) { return value - (floats){0}; } /* 0 + value would be an addition: it changes -0 */

/* bfloat16 is the upper half of a float. (GCC 12 would widen the vector in four parts by itself.) */
INLINE floats load_half(const uint16_t *from) {
    halves value;
    memcpy(&value, from, sizeof value);
#if defined(__AVX512F__) && defined(__AVX512BW__)
    return (floats)((ints)_mm512_cvtepu16_epi32((__m256i)value) << 16);
#elif defined(__AVX2__)
    return (floats)((ints)_mm256_cvtepu16_epi32((__m128i)value) << 16);
#else
    return (floats)(__builtin_convertvector(value, ints) << 16);
#endif
}

INLINE uint16_t half_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16); /* to the nearest, halves to even */
}

/* Fetch the cache lines that stand 4 KiB behind these: the processor does not look beyond a page by itself. */
INLINE void look_ahead(const void *now, int lines) {
    for (int line = 0; line < lines; line++) __builtin_prefetch((const char *)now + 4096 + 64 * line, 0, 2);
}

#if defined(__AVX512F__) && defined(__AVX512BW__)
#define PAIRS(a, b) (ints)_mm512_madd_epi16((__m512i)(a), (__m512i)(b))
#elif defined(__AVX2__)
#define PAIRS(a, b) (ints)_mm256_madd_epi16((__m256i)(a), (__m256i)(b))
#elif defined(__SSE2__)
#define PAIRS(a, b) (ints)_mm_madd_epi16((__m128i)(a), (__m128i)(b))
#endif

/* In each lane: sum + the four bytes of x, unsigned, times the four bytes of w, signed. */
INLINE ints dot4(ints sum, uint32_t x, ints w) {
#if defined(__AVX512VNNI__) && defined(__AVX512BW__)
    return (ints)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)all(x), (__m512i)w);
#elif defined(__AVXVNNI__)
    return (ints)_mm256_dpbusd_avx_epi32((__m256i)sum, (__m256i)all(x), (__m256i)w);
#elif defined(PAIRS) /* bytes 0 and 2, then 1 and 3, widened: products of bytes in pairs would overflow 16 bits */
    return sum + PAIRS((shorts)w << 8 >> 8, all(x & 0x00FF00FF)) + PAIRS((shorts)w >> 8, all(x >> 8 & 0x00FF00FF));
#else
    return sum + (w << 24 >> 24) * (int32_t)(x & 255) + (w << 16 >> 24) * (int32_t)(x >> 8 & 255)
        + (w << 8 >> 24) * (int32_t)(x >> 16 & 255) + (w >> 24) * (int32_t)(x >> 24);
#endif
}

/* Rows of x, `stride` apart, times `wide` panels of floats, or of bfloat16 if `half`, `apart` numbers from each other, are
 * sums[panel * count + row][2]. Two panels at once make up for too few rows: a sum can be added to every fourth cycle only. */
INLINE void product(
    int count, int wide, int half, const float *x, size_t stride, const void *panel, size_t apart, int inputs, floats (*sums)[2]
) {
    const float *whole = panel;
    const uint16_t *narrow = panel;
    for (int sum = 0; sum < wide * count; sum++) sums[sum][0] = sums[sum][1] = (floats){0};
    for (int input = 0; input < inputs; input++)
#pragma GCC unroll 2
        for (int side = 0; side < wide; side++) {
            size_t place = (size_t)side * apart + (size_t)input * PANEL;
            look_ahead(half ? (const void *)(narrow + place) : whole + place, (half ? 2 : 4) * PANEL / 64);
            floats left = half ? load_half(narrow + place) : load(whole + place);
            floats right = half ? load_half(narrow + place + LANES) : load(whole + place + LANES);
#pragma GCC unroll 12
            for (int row = 0; row < count; row++) {
                floats value = every(x[row * stride + input]);
                sums[side * count + row][0] += value * left;
                sums[side * count + row][1] += value * right;
            }
        }
}

/* The same for rows of unsigned bytes and a panel of signed ones; `groups` of four inputs. */
INLINE void product_of_codes(int count, const uint8_t *x, size_t stride, const int8_t *panel, int groups, ints (*sums)[2]) {
    for (int row = 0; row < count; row++) sums[row][0] = sums[row][1] = (ints){0};
    for (int group = 0; group < groups; group++) {
        ints left = load_ints(panel), right = load_ints(panel + 4 * LANES);
        look_ahead(panel, 4 * PANEL / 64);
        panel += 4 * PANEL;
#pragma GCC unroll 12
        for (int row = 0; row < count; row++) {
            uint32_t four;
            memcpy(&four, x + row * stride + 4 * group, 4);
            sums[row][0] = dot4(sums[row][0], four, left);
            sums[row][1] = dot4(sums[row][1], four, right);
        }
    }
}

/* Sums and maxima in LANES parts: in the order of the text they could not be done side by side. */
INLINE float total(const float *x, int n) {
    floats parts = {0};
    float sum = 0;
    int i = 0;
    for (; i + LANES <= n; i += LANES) parts += load(x + i);
    for (int lane = 0; lane < LANES; lane++) sum += parts[lane];
    for (; i < n; i++) sum += x[i];
    return sum;
}

INLINE float total_of_squares(const float *x, int n) {
    floats parts = {0};
    float sum = 0;
    int i = 0;
    for (; i + LANES <= n; i += LANES) parts += load(x + i) * load(x + i);
    for (int lane = 0; lane < LANES; lane++) sum += parts[lane];
    for (; i < n; i++) sum += x[i] * x[i];
    return sum;
}

/* The largest of x, or if `sizes` of |x|; at least `least`. */
INLINE float largest(const float *x, int n, int sizes, float least) {
    ints mask = all(sizes ? 0x7FFFFFFF : 0xFFFFFFFF);
    floats parts = every(least);
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
        floats value = (floats)((ints)load(x + i) & mask);
        ints more = value > parts;
        parts = (floats)(((ints)value & more) | ((ints)parts & ~more));
    }
    for (int lane = 0; lane < LANES; lane++) least = parts[lane] > least ? parts[lane] : least;
    for (; i < n; i++) {
        float value = sizes ? fabsf(x[i]) : x[i];
        least = value > least ? value : least;
    }
    return least;
}

/* Rounded to the nearest whole number, halves to even: adding 1.5 * 2^23 leaves no room for fractions. |value| < 2^22. */
INLINE float whole(float value) { return value + 12582912.0f - 12582912.0f; }

/* e^x for x <= 0, to about one unit in the last place: 2^n times the Taylor series of what is left, |r| <= 0.35. */
INLINE float exponential(float x) {
    x = x < -87.0f ? -87.0f : x;
    float n = whole(x * 1.44269504f);
    float r = x - n * 0.693359375f + n * 2.12194440e-4f; /* ln 2 in two parts */
    float sum = 1 + r * (1 + r * (1 / 2.f + r * (1 / 6.f + r * (1 / 24.f + r * (1 / 120.f + r * (1 / 720.f + r / 5040))))));
    int32_t bits = ((int32_t)n + 127) << 23;
    float power;
    memcpy(&power, &bits, 4);
    return sum * power;
}

/* x Phi(x). The error function is Abramowitz and Stegun's 7.1.26, to 1.5e-7. */
INLINE float gelu(float x) {
    float z = fabsf(x) * 0.70710678f;
    float t = 1 / (1 + 0.3275911f * z);
    float series = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
    float tail = 0.5f * series * exponential(-z * z); /* Phi(-|x|) */
    return x * (x < 0 ? tail : 1 - tail);
}

#endif
