/* The blocks of Bark's transformers: pre-norm, attention over a cache, exact GELU; in float32, or with 8-bit weights.
 *
 * With 8-bit weights a linear layer takes each row of its input as bytes, round(x * (1 / max|x| * 127)) + 128, multiplies
 * bytes into 32-bit sums, which is exact, and scales: sum * (row's scale * column's scale) + bias. All else is float32,
 * but for the cache, which may be bfloat16.
 *
 * Keys are cached as panels of positions, [positions / PANEL][D][PANEL], values as panels of channels,
 * [D / PANEL][capacity][PANEL]: attention is two products with the same code as everything else, and one row (decoding)
 * is the same code as a thousand (a prompt), or as some rows of different lengths (a batch).
 *
 * Letters: C hidden size, D channels of a head. The Python half is library.py. */

#include "pool.h"
#include "tiles.h"
#include "vectors.h"

typedef struct { const float *gain, *bias; } Norm;                       /* bias may be NULL */
typedef struct {
    const void *weight;                                                  /* panels of floats, or of bytes */
    const float *scale;                                                  /* of each column; NULL: floats */
    const int32_t *shift;                                                /* 128 times the sum of each column's bytes */
    const float *bias;                                                   /* may be NULL */
    int32_t inputs, outputs;
} Linear;
typedef struct { Norm norm_1, norm_2; Linear mix_in, mix_out, mlp_in, mlp_out; } Block;
typedef struct { const Block *blocks; int32_t layers, hidden, heads; } Trunk;

typedef enum { SET, ADD, GELU } Finish;

typedef struct {
    Pool *pool;
    const Trunk *trunk;
    float *stream;                 /* (rows, positions, C), changed in place */
    int rows, positions, capacity, causal, half;
    char *const *caches;           /* of each row: [layers][heads] */
    const int *pasts;              /* positions that each row's holds already */
    const Linear *single;          /* instead of the trunk: one linear layer, stream -> wide */
    float *normed, *wide, *mixed;  /* (M, C), (M, 4C), (M, C) */
    float *scores;                 /* (threads, ROWS, capacity in whole panels) */
    uint8_t *codes;                /* (M, 4C) */
    float *scales;                 /* (M) */
} Pass;

INLINE int panels(int items) { return (items + PANEL - 1) / PANEL; }
INLINE int fours(int items) { return (items + 3) / 4; }
INLINE int share(int items, int thread, int threads) { return (int)((int64_t)items * thread / threads); }
INLINE int tile(int left, int most) {
    return left >= most ? most : left >= ROWS ? ROWS : left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

/* CALL(count) with a count that the compiler knows: that many rows' sums stay in registers. */
#define WITH_TILE(count, CALL) \
    do { \
        if ((count) == ROWS) CALL(ROWS); \
        else if ((count) == 8) CALL(ROWS > 8 ? 8 : 4); \
        else if ((count) == 4) CALL(4); \
        else if ((count) == 2) CALL(2); \
        else CALL(1); \
    } while (0)

static void normalise(const Norm *norm, const float *x, int n, float *out) {
    float mean = total(x, n) / (float)n;
    for (int i = 0; i < n; i++) out[i] = x[i] - mean;
    float factor = 1 / sqrtf(total_of_squares(out, n) / (float)n + 1e-5f);
    for (int i = 0; i < n; i++) out[i] *= factor * norm->gain[i];
    if (norm->bias) for (int i = 0; i < n; i++) out[i] += norm->bias[i];
}

/* A row as bytes, in whole groups of four, and the scale that undoes it. */
static void encode(const float *x, int n, uint8_t *codes, float *scale) {
    float most = largest(x, n, 1, 0);
    float factor = most > 0 ? 1 / most * 127 : 0; /* so torch divides a number by a tensor */
    /* Not by whole(): the sum in it would be fused with the product, whose rounding is part of the definition. */
    for (int i = 0; i < n; i++) codes[i] = (uint8_t)((int32_t)rintf(x[i] * factor) + 128);
    for (int i = n; i < 4 * fours(n); i++) codes[i] = 128;
    *scale = most / 127;
}

/* The input of a linear layer, row by row: normalised if there is a norm, and as bytes if it wants bytes. */
static const float *prepare(const Pass *pass, const Norm *norm, const Linear *linear, const float *x, int m, int thread) {
    int n = linear->inputs, threads = pass->pool->threads;
    for (int row = share(m, thread, threads); row < share(m, thread + 1, threads); row++) {
        const float *from = x + (size_t)row * n;
        if (norm) {
            normalise(norm, from, n, pass->normed + (size_t)row * n);
            from = pass->normed + (size_t)row * n;
        }
        if (linear->scale) encode(from, n, pass->codes + (size_t)row * 4 * fours(n), pass->scales + row);
    }
    if (norm || linear->scale) meet(pass->pool);
    return norm ? pass->normed : x;
}

INLINE void finish(const Linear *linear, int panel, floats *sums, float *out, Finish how) {
    float value[PANEL];
    store(value, sums[0]);
    store(value + LANES, sums[1]);
    int width = linear->outputs - panel * PANEL;
    __asm__("" : "+m"(value)); /* what was scaled is rounded before anything is added */
    if (linear->bias) for (int i = 0; i < PANEL; i++) value[i] += linear->bias[panel * PANEL + i];
    if (how == GELU) for (int i = 0; i < PANEL; i++) value[i] = gelu(value[i]);
    if (how == ADD && width >= PANEL) for (int i = 0; i < PANEL; i++) value[i] += out[i];
    if (how == ADD && width < PANEL) for (int i = 0; i < width; i++) value[i] += out[i];
    memcpy(out, value, sizeof(float) * (size_t)(width < PANEL ? width : PANEL));
}

/* `count` rows from `row` on, times one panel. */
INLINE void multiply(
    int count, const Pass *pass, const Linear *linear, const float *x, int row, int panel, float *out, size_t width, Finish how
) {
    floats sums[TILED][2];
    size_t n = (size_t)linear->inputs, place = (size_t)panel * PANEL;
    if (linear->scale) {
        ints whole_sums[TILED][2];
        int groups = fours(linear->inputs);
        const int8_t *weight = (const int8_t *)linear->weight + place * 4 * (size_t)groups;
        const uint8_t *codes = pass->codes + (size_t)row * 4 * groups;
        if (TILES && count == TILED) product_of_tiles(codes, 4 * (size_t)groups, weight, linear->inputs, whole_sums);
        else product_of_codes(count, codes, 4 * (size_t)groups, weight, groups, whole_sums);
        for (int r = 0; r < count; r++)
            for (int side = 0; side < 2; side++) {
                ints exact = whole_sums[r][side] - load_ints(linear->shift + place + side * LANES);
                sums[r][side] = __builtin_convertvector(exact, floats)
                    * (load(linear->scale + place + side * LANES) * pass->scales[row + r]);
            }
    } else {
        product(count, 1, 0, x + (size_t)row * n, n, (const float *)linear->weight + place * n, 0, linear->inputs, sums);
    }
    for (int r = 0; r < count; r++) finish(linear, panel, sums[r], out + (size_t)(row + r) * width + place, how);
}

/* How many rows a panel is multiplied by, if there are so many. */
INLINE int rows_at_once(const Pass *pass, const Linear *linear) {
    return pass->pool->tiles && linear->scale && linear->inputs % DEEP == 0 ? TILED : ROWS;
}

/* Rows from..to times panels first..last. Rows come in blocks that stay in the second-level cache. */
static void apply(
    const Pass *pass, const Linear *linear, const float *x, int from, int to, int first, int last, float *out, size_t width, Finish how
) {
    int most = rows_at_once(pass, linear), block = (512 << 10) / (linear->inputs * (linear->scale ? 1 : 4)) / most * most;
    if (block < most) block = most;
    for (int begin = from; begin < to; begin += block) {
        int end = begin + block < to ? begin + block : to;
        for (int panel = first; panel < last; panel++)
            for (int row = begin, count; row < end; row += count) {
                count = tile(end - row, most);
#define MULTIPLY(rows) multiply(rows, pass, linear, x, row, panel, out, width, how)
                if (TILES && count == TILED) MULTIPLY(TILED);
                else WITH_TILE(count, MULTIPLY);
            }
    }
}

/* A linear layer of m rows, by all threads: few rows are shared by columns, many by rows. `out` rows are `width` apart. */
static void linear_layer(
    const Pass *pass, const Norm *norm, const Linear *linear, const float *x, int m, float *out, int width, Finish how, int thread
) {
    int threads = pass->pool->threads, count = panels(linear->outputs);
    x = prepare(pass, norm, linear, x, m, thread);
    if (m < 2 * ROWS * threads) {
        int first = share(count, thread, threads), last = share(count, thread + 1, threads);
        apply(pass, linear, x, 0, m, first, last, out, (size_t)width, how);
    } else {
        int most = rows_at_once(pass, linear), tiles = (m + most - 1) / most, end = share(tiles, thread + 1, threads) * most;
        apply(pass, linear, x, share(tiles, thread, threads) * most, end < m ? end : m, 0, count, out, (size_t)width, how);
    }
    meet(pass->pool);
}

INLINE size_t keys_size(int d, int capacity) { return (size_t)panels(capacity) * PANEL * (size_t)d; }
INLINE size_t head_size(int d, int capacity) { return keys_size(d, capacity) + (size_t)panels(d) * PANEL * (size_t)capacity; }

/* How many bytes a cache of one layer and one row takes. */
int64_t cache_bytes(int heads, int d, int capacity, int half) {
    return (int64_t)heads * (int64_t)head_size(d, capacity) * (half ? 2 : 4);
}

static char *head_at(const Pass *pass, int layer, int row, int head) {
    int d = pass->trunk->hidden / pass->trunk->heads, heads = pass->trunk->heads;
    size_t place = (size_t)layer * (size_t)heads + (size_t)head;
    return pass->caches[row] + place * head_size(d, pass->capacity) * (pass->half ? 2 : 4);
}

INLINE void put(const Pass *pass, char *head, size_t place, float value) {
    if (pass->half) ((uint16_t *)head)[place] = half_of(value);
    else ((float *)head)[place] = value;
}

/* Keys and values of the new positions into the cache; `wide` holds query, key and value side by side. */
static void remember(const Pass *pass, int layer, int thread) {
    int c = pass->trunk->hidden, heads = pass->trunk->heads, d = c / heads, m = pass->rows * pass->positions;
    int threads = pass->pool->threads;
    for (int row = share(m, thread, threads); row < share(m, thread + 1, threads); row++)
        for (int head = 0; head < heads; head++) {
            char *to = head_at(pass, layer, row / pass->positions, head);
            const float *key = pass->wide + (size_t)row * 3 * (size_t)c + c + head * d, *value = key + c;
            int position = pass->pasts[row / pass->positions] + row % pass->positions;
            size_t keys = (size_t)(position / PANEL) * PANEL * (size_t)d + (size_t)(position % PANEL);
            size_t values = keys_size(d, pass->capacity) + (size_t)position * PANEL;
            for (int i = 0; i < d; i++) put(pass, to, keys + (size_t)i * PANEL, key[i]);
            for (int i = 0; i < d; i++)
                put(pass, to, values + (size_t)(i / PANEL) * PANEL * (size_t)pass->capacity + (size_t)(i % PANEL), value[i]);
        }
    meet(pass->pool);
}

/* The softmax of the first n scores; zeros up to `end`. */
static void soften(float *scores, int n, int end, float factor) {
    float most = largest(scores, n, 0, scores[0]);
    for (int i = 0; i < n; i++) scores[i] = exponential((scores[i] - most) * factor);
    float share_of_one = 1 / total(scores, n);
    for (int i = 0; i < n; i++) scores[i] *= share_of_one;
    for (int i = n; i < end; i++) scores[i] = 0;
}

/* Scores of `wide` panels of keys. */
INLINE void weigh(
    int count, int wide, int half, const float *query, size_t apart, const char *keys, int panel, int d, float *scores, size_t stride
) {
    floats sums[ROWS][2];
    size_t size = (size_t)PANEL * (size_t)d;
    product(count, wide, half, query, apart, keys + (size_t)panel * size * (half ? 2 : 4), size, d, sums);
    for (int side = 0; side < wide; side++)
        for (int r = 0; r < count; r++) {
            float *to = scores + (size_t)r * stride + (panel + side) * PANEL;
            store(to, sums[side * count + r][0]);
            store(to + LANES, sums[side * count + r][1]);
        }
}

/* `wide` panels of values, mixed as the scores say. */
INLINE void blend(
    int count, int wide, int half, const float *scores, size_t stride, const char *values, int panel, size_t capacity, int end,
    float *out, size_t apart, int d
) {
    floats sums[ROWS][2];
    size_t size = (size_t)PANEL * capacity;
    product(count, wide, half, scores, stride, values + (size_t)panel * size * (half ? 2 : 4), size, end, sums);
    for (int side = 0; side < wide; side++) {
        int first = (panel + side) * PANEL;
        size_t width = sizeof(float) * (size_t)(d - first < PANEL ? d - first : PANEL);
        for (int r = 0; r < count; r++) memcpy(out + (size_t)r * apart + first, sums[side * count + r], width);
    }
}

/* `count` queries of one head, from position `first` of this pass on, over all that they may see. */
INLINE void attend(int count, int half, const Pass *pass, int layer, int row, int head, int first, float *scores) {
    int c = pass->trunk->hidden, d = c / pass->trunk->heads, size = half ? 2 : 4, past = pass->pasts[row];
    int end = past + (pass->causal ? first + count : pass->positions);
    size_t place = (size_t)row * (size_t)pass->positions + (size_t)first, stride = (size_t)panels(pass->capacity) * PANEL;
    const float *query = pass->wide + place * 3 * (size_t)c + head * d;
    const char *keys = head_at(pass, layer, row, head), *values = keys + keys_size(d, pass->capacity) * (size_t)size;
    for (int panel = 0, wide; panel < panels(end); panel += wide) {
        wide = count == 1 && panel + 1 < panels(end) ? 2 : 1;
#define WEIGH(wide) weigh(count, wide, half, query, 3 * (size_t)c, keys, panel, d, scores, stride)
        if (wide == 2) WEIGH(2); else WEIGH(1);
    }
    for (int r = 0; r < count; r++)
        soften(scores + (size_t)r * stride, pass->causal ? past + first + r + 1 : end, end, 1 / sqrtf((float)d));
    for (int panel = 0, wide; panel < panels(d); panel += wide) {
        wide = count == 1 && panel + 1 < panels(d) ? 2 : 1;
        float *out = pass->mixed + place * (size_t)c + head * d;
#define BLEND(wide) blend(count, wide, half, scores, stride, values, panel, (size_t)pass->capacity, end, out, (size_t)c, d)
        if (wide == 2) BLEND(2); else BLEND(1);
    }
}

INLINE void attend_to(int half, const Pass *pass, int layer, int row, int head, int first, int last, float *scores) {
    for (int count; first < last; first += count) {
        count = tile(last - first, ROWS);
#define ATTEND(rows) attend(rows, half, pass, layer, row, head, first, scores)
        WITH_TILE(count, ATTEND);
    }
}

/* All heads of all rows, ROWS queries at a time; later queries see more, so threads take turns. */
static void attention(const Pass *pass, int layer, int thread) {
    int blocks = (pass->positions + ROWS - 1) / ROWS, heads = pass->trunk->heads, threads = pass->pool->threads;
    float *scores = pass->scores + (size_t)thread * ROWS * (size_t)panels(pass->capacity) * PANEL;
    for (int task = thread; task < pass->rows * heads * blocks; task += threads) {
        int first = task % blocks * ROWS, head = task / blocks % heads, row = task / blocks / heads;
        int last = first + ROWS < pass->positions ? first + ROWS : pass->positions;
        if (pass->half) attend_to(1, pass, layer, row, head, first, last, scores);
        else attend_to(0, pass, layer, row, head, first, last, scores);
    }
    meet(pass->pool);
}

static void all_blocks(const Pass *pass, int m, int thread) {
    int c = pass->trunk->hidden;
    for (int layer = 0; layer < pass->trunk->layers; layer++) {
        const Block *block = &pass->trunk->blocks[layer];
        int home = pass->causal ? layer : 0; /* without a past every layer may use the same cache */
        linear_layer(pass, &block->norm_1, &block->mix_in, pass->stream, m, pass->wide, 3 * c, SET, thread);
        remember(pass, home, thread);
        attention(pass, home, thread);
        linear_layer(pass, NULL, &block->mix_out, pass->mixed, m, pass->stream, c, ADD, thread);
        linear_layer(pass, &block->norm_2, &block->mlp_in, pass->stream, m, pass->wide, 4 * c, GELU, thread);
        linear_layer(pass, NULL, &block->mlp_out, pass->wide, m, pass->stream, c, ADD, thread);
    }
}

static void pass_through(const void *task, int thread) {
    const Pass *pass = task;
    int m = pass->rows * pass->positions;
    if (pass->pool->tiles) open_tiles();
    if (pass->single) linear_layer(pass, NULL, pass->single, pass->stream, m, pass->wide, pass->single->outputs, SET, thread);
    else all_blocks(pass, m, thread);
    if (pass->pool->tiles) close_tiles();
}

int panel_width(void) { return PANEL; }

/* All blocks over x (rows, positions, C), in place, each row behind what its cache holds. 0, or 1 without memory. */
int run_trunk(
    Pool *pool, const Trunk *trunk, float *x, int rows, int positions, char *const *caches, const int *pasts, int capacity,
    int causal, int half
) {
    size_t m = (size_t)rows * (size_t)positions, c = (size_t)trunk->hidden;
    size_t scores = (size_t)pool->threads * ROWS * (size_t)panels(capacity) * PANEL;
    Pass pass = {.pool = pool, .trunk = trunk, .stream = x, .rows = rows, .positions = positions, .capacity = capacity,
                 .causal = causal, .half = half, .caches = caches, .pasts = pasts};
    pthread_mutex_lock(&pool->entry);
    float *space = scratch(pool, sizeof(float) * (m * (6 * c + 1) + scores) + m * 4 * (c + 4));
    if (space) {
        pass.normed = space;
        pass.wide = pass.normed + m * c;
        pass.mixed = pass.wide + m * 4 * c;
        pass.scores = pass.mixed + m * c;
        pass.scales = pass.scores + scores;
        pass.codes = (uint8_t *)(pass.scales + m);
        together(pool, pass_through, &pass);
    }
    pthread_mutex_unlock(&pool->entry);
    return !space;
}

/* out (m, outputs) = one linear layer of x (m, inputs). 0, or 1 without memory. */
int run_linear(Pool *pool, const Linear *linear, float *x, int m, float *out) {
    Pass pass = {.pool = pool, .single = linear, .stream = x, .rows = m, .positions = 1, .wide = out};
    pthread_mutex_lock(&pool->entry);
    float *space = scratch(pool, (size_t)m * (sizeof(float) + 4 * (size_t)fours(linear->inputs)));
    if (space) {
        pass.scales = space;
        pass.codes = (uint8_t *)(space + m);
        together(pool, pass_through, &pass);
    }
    pthread_mutex_unlock(&pool->entry);
    return !space;
}
