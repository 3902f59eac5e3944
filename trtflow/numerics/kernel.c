/* The statistics of one pair of tensors, in one pass. statistics.py defines every figure; kernel.py compiles this.

   A chunk fits the first-level cache. It is measured in float32, whose loops the compiler turns into vector code,
   and added up in float64. Where float32 will not do (NaN, infinity, squares or errors that overflow or vanish)
   the chunk is measured once more, in float64. The compiler may assume that no value is NaN or infinite, so
   these are told by their bits, never by a comparison. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#ifdef __F16C__
#include <immintrin.h>
#endif

enum { CHUNK = 1024 }; /* also bounds how many float32 values are added up before float64 takes over */
enum { FLOAT32, FLOAT16, BFLOAT16 };

typedef struct { /* one tensor's own values; sums and extremes are over the finite ones */
    int64_t nan, inf, zeros;
    double low, high, total, squares;
} Spread;

typedef struct { /* kernel.py lists the same fields in the same order */
    Spread r, c;
    double rr, cc, rc, ee, sum_abs, sum_rel; /* over the pairs that are finite in both */
    double max_abs, max_rel;
    int64_t mismatched, differing, overflowed, underflowed, beyond_fp16, below_normal, below_subnormal;
} Totals;

static const uint32_t SIGN = 0x80000000u, INFINITE = 0x7f800000u;
static const float DEVIATION = 0.1f, LEAST = 0x1p-126f, FP16_MAX = 65504.0f, NORMAL = 0x1p-14f, SUBNORMAL = 0x1p-24f;
static const float HUGE_ = 1e15f, TINY = 1e-12f; /* squares of these, and sums of 1024 of them, are normal numbers */

static inline uint32_t bits(float x) { uint32_t u; memcpy(&u, &x, sizeof u); return u; }
static inline float value(uint32_t u) { float x; memcpy(&x, &u, sizeof x); return x; }
static inline float larger(float a, float b) { return a > b ? a : b; }
static inline float smaller(float a, float b) { return a < b ? a : b; }
static inline int is_finite(float x) { return (bits(x) & INFINITE) != INFINITE; }
static inline int plain(float magnitude) { return magnitude == 0 || (magnitude > TINY && magnitude < HUGE_); }

/* n values of a type as float32: in place where they are that already, else in buffer. */
static const float *widen(const void *source, int type, int64_t start, int n, float *buffer) {
    const uint16_t *halves = (const uint16_t *)source + start;
    if (type == FLOAT32) return (const float *)source + start;
    if (type == BFLOAT16) {
        for (int i = 0; i < n; i++) buffer[i] = value((uint32_t)halves[i] << 16);
        return buffer;
    }
    int i = 0;
#ifdef __F16C__ /* as the loop below, which no compiler turns into these instructions */
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(buffer + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(halves + i))));
#endif
    for (; i < n; i++) {
        uint32_t magnitude = halves[i] & 0x7fffu, sign = (halves[i] & 0x8000u) << 16;
        uint32_t rebias = magnitude >= 0x7c00 ? 224u << 23 : 112u << 23; /* infinity and NaN keep the top exponent */
        uint32_t normal = (magnitude << 13) + rebias, tiny = bits((float)(int32_t)magnitude * 0x1p-24f);
        buffer[i] = value((magnitude < 0x400 ? tiny : normal) | sign);
    }
    return buffer;
}

static void add_spread(Spread *s, float low, float high, double total, double squares, int zeros) {
    s->low = fmin(s->low, low); s->high = fmax(s->high, high);
    s->total += total; s->squares += squares; s->zeros += zeros;
}

/* Adds a chunk to the totals in float32; 0, nothing being added, when float32 will not do. */
static int add_plain(const float *r, const float *c, int n, Totals *t) {
    float rr = 0, cc = 0, rc = 0, re = 0, ee = 0, sum_r = 0, sum_c = 0, sum_abs = 0, sum_rel = 0;
    float r_low = r[0], r_high = r[0], c_low = c[0], c_high = c[0], max_abs = 0, max_rel = 0;
    int32_t differing = 0, r_zeros = 0, c_zeros = 0, both_zero = 0, beyond = 0, normal = 0, subnormal = 0;
    for (int i = 0; i < n; i++) {
        float a = r[i], b = c[i], e = b - a, ar = fabsf(a), ac = fabsf(b), ae = fabsf(e);
        float ratio = ae / larger(larger(ar, ac), LEAST);
        rr += a * a; cc += b * b; rc += a * b; re += a * e; ee += e * e;
        sum_r += a; sum_c += b; sum_abs += ae; sum_rel += ratio;
        r_low = smaller(r_low, a); r_high = larger(r_high, a);
        c_low = smaller(c_low, b); c_high = larger(c_high, b);
        max_abs = larger(max_abs, ae); max_rel = larger(max_rel, ratio);
        differing += ae > (ar == 0 ? NORMAL : DEVIATION * ar);
        r_zeros += ar == 0; c_zeros += ac == 0; normal += ar < NORMAL;
    }
    float r_max = larger(-r_low, r_high), c_max = larger(-c_low, c_high);
    if (!is_finite(rr) || !is_finite(cc) || !plain(r_max) || !plain(c_max) || !plain(max_abs)) return 0;
    if (c_zeros) for (int i = 0; i < n; i++) both_zero += r[i] == 0 && c[i] == 0;
    if (r_max > FP16_MAX) for (int i = 0; i < n; i++) beyond += fabsf(r[i]) > FP16_MAX;
    if (normal > r_zeros) for (int i = 0; i < n; i++) subnormal += fabsf(r[i]) < SUBNORMAL;
    /* A cosine next to 1 is told by e alone: where e is small, the sums with c follow from c = r + e, lest they
       differ from the sum of r*r by their own rounding. Where e is large, that would cancel. */
    int near = ee <= 0.01f * rr;
    double squares = near ? (double)rr + 2 * (double)re + ee : cc;
    add_spread(&t->r, r_low, r_high, sum_r, rr, r_zeros);
    add_spread(&t->c, c_low, c_high, sum_c, squares, c_zeros);
    t->rr += rr; t->cc += squares; t->rc += near ? (double)rr + re : rc; t->ee += ee;
    t->sum_abs += sum_abs; t->sum_rel += sum_rel;
    t->max_abs = fmax(t->max_abs, max_abs); t->max_rel = fmax(t->max_rel, max_rel);
    t->differing += differing; t->underflowed += c_zeros - both_zero; t->beyond_fp16 += beyond;
    t->below_normal += normal - r_zeros; t->below_subnormal += normal > r_zeros ? subnormal - r_zeros : 0;
    return 1;
}

/* One tensor's own values, whatever they are. */
static void add_own(const float *x, int n, Spread *s) {
    double total = 0, squares = 0;
    float low = FLT_MAX, high = -FLT_MAX;
    int32_t nan = 0, unknown = 0, zeros = 0;
    for (int i = 0; i < n; i++) {
        uint32_t magnitude = bits(x[i]) & ~SIGN, keep = -(uint32_t)(magnitude < INFINITE), kept = bits(x[i]) & keep;
        float own = value(kept);
        low = smaller(low, value(kept | (bits(FLT_MAX) & ~keep)));
        high = larger(high, value(kept | (bits(-FLT_MAX) & ~keep)));
        total += own; squares += (double)own * own;
        nan += magnitude > INFINITE; unknown += magnitude >= INFINITE; zeros += !magnitude;
    }
    add_spread(s, low, high, total, squares, zeros);
    s->nan += nan; s->inf += unknown - nan;
}

/* What the reference's values are in FP16, and what became of them. Leaves the pairs that are finite in a and b,
   with zeros for the others, and returns how many there are. */
static int add_fates(const float *r, const float *c, int n, Totals *t, float *a, float *b) {
    int32_t mismatched = 0, overflowed = 0, underflowed = 0, beyond = 0, normal = 0, subnormal = 0, pairs = 0;
    for (int i = 0; i < n; i++) {
        uint32_t u = bits(r[i]) & ~SIGN, v = bits(c[i]) & ~SIGN, pair = (u < INFINITE) & (v < INFINITE);
        uint32_t same = ((u > INFINITE) & (v > INFINITE)) | (bits(r[i]) == bits(c[i]));
        a[i] = value(bits(r[i]) & -pair); b[i] = value(bits(c[i]) & -pair);
        pairs += pair; mismatched += (pair | same) ^ 1;
        overflowed += (u < INFINITE) & (v >= INFINITE); underflowed += (u != 0) & (v == 0); beyond += (u > bits(FP16_MAX)) & (u <= INFINITE);
        normal += (u != 0) & (u < bits(NORMAL)); subnormal += (u != 0) & (u < bits(SUBNORMAL));
    }
    t->mismatched += mismatched; t->differing += mismatched; t->overflowed += overflowed;
    t->underflowed += underflowed; t->beyond_fp16 += beyond;
    t->below_normal += normal; t->below_subnormal += subnormal;
    return pairs;
}

/* Adds a chunk to the totals in float64, whatever it holds. */
static void add_exactly(const float *r, const float *c, int n, Totals *t) {
    double rr = 0, cc = 0, rc = 0, ee = 0, sum_abs = 0, sum_rel = 0, max_abs = 0, max_rel = 0;
    float finite_r[CHUNK], finite_c[CHUNK];
    int64_t differing = 0;
    add_own(r, n, &t->r);
    add_own(c, n, &t->c);
    if (!add_fates(r, c, n, t, finite_r, finite_c)) return; /* as in all that follows an overflow */
    for (int i = 0; i < n; i++) {
        double a = finite_r[i], b = finite_c[i], e = b - a, ar = fabs(a), ac = fabs(b), ae = fabs(e);
        double most = ar > ac ? ar : ac, ratio = ae / (most > LEAST ? most : LEAST);
        rr += a * a; cc += b * b; rc += a * b; ee += e * e;
        sum_abs += ae; sum_rel += ratio;
        max_abs = ae > max_abs ? ae : max_abs; max_rel = ratio > max_rel ? ratio : max_rel;
        differing += ae > (ar == 0 ? NORMAL : 0.1 * ar);
    }
    t->rr += rr; t->cc += cc; t->rc += rc; t->ee += ee; t->sum_abs += sum_abs; t->sum_rel += sum_rel;
    t->max_abs = fmax(t->max_abs, max_abs); t->max_rel = fmax(t->max_rel, max_rel);
    t->differing += differing;
}

/* Counts every step-th value from the first-th on; those that are not finite only where there may be any. */
static void count(const float *r, const float *c, int64_t first, int n, int64_t step, int all_finite,
                  uint32_t *restrict magnitudes, uint32_t *restrict errors) {
    if (all_finite) {
        for (int64_t i = first; i < n; i += step) {
            magnitudes[(bits(r[i]) & ~SIGN) >> 16]++;
            errors[(bits(c[i] - r[i]) & ~SIGN) >> 16]++;
        }
        return;
    }
    for (int64_t i = first; i < n; i += step) {
        uint32_t u = bits(r[i]) & ~SIGN, v = bits(c[i]) & ~SIGN, e = bits(c[i] - r[i]) & ~SIGN;
        int same = (u > INFINITE && v > INFINITE) || bits(r[i]) == bits(c[i]);
        if (u >= INFINITE || v >= INFINITE) e = same ? 0 : INFINITE;
        if (u <= INFINITE) magnitudes[u >> 16]++;
        errors[e >> 16]++;
    }
}

/* Adds n pairs to the totals, which start at zero and their extremes beyond any value, and to the histograms. */
void trtflow_add(const void *reference, int r_type, const void *candidate, int c_type, int64_t n, int64_t step,
                 Totals *totals, uint32_t *magnitudes, uint32_t *errors) {
    float r_buffer[CHUNK], c_buffer[CHUNK];
    for (int64_t start = 0; start < n; start += CHUNK) {
        int size = n - start < CHUNK ? (int)(n - start) : CHUNK;
        const float *r = widen(reference, r_type, start, size, r_buffer);
        const float *c = widen(candidate, c_type, start, size, c_buffer);
        int done = add_plain(r, c, size, totals);
        if (!done) add_exactly(r, c, size, totals);
        count(r, c, (step - start % step) % step, size, step, done, magnitudes, errors);
    }
}
