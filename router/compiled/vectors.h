/* A row of float32 times a matrix, and sums of rows of int8: plain loops that a compiler turns into
 * vector instructions; on x86-64 twice, for every machine and for those with AVX2. Which is taken
 * is found out when the kernel is loaded. */
#ifndef ROUTER_VECTORS_H
#define ROUTER_VECTORS_H

#include <stddef.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC push_options
#pragma GCC optimize("O3")
#endif

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__)
#define EVERY_MACHINE __attribute__((target_clones("avx2", "default")))
#define INSIDE static inline __attribute__((always_inline))
#else
#define EVERY_MACHINE
#define INSIDE static inline
#endif

enum { AT_ONCE = 256 };

/* Eight numbers. Sums of this type stay in registers, which those in an array do not. */
typedef float Lanes __attribute__((vector_size(32), aligned(4), may_alias));

/* out[j] += sum of x[used[i]] * w[used[i] * width + j] over i, for 64, 32 or 16 j. */
#define LOAD(k) Lanes sum##k = *(const Lanes *)(out + 8 * k);
#define ADD(k) sum##k += one * *(const Lanes *)(row + 8 * k);
#define STORE(k) *(Lanes *)(out + 8 * k) = sum##k;
#define TWO(DO) DO(0) DO(1)
#define FOUR(DO) TWO(DO) DO(2) DO(3)
#define EIGHT(DO) FOUR(DO) DO(4) DO(5) DO(6) DO(7)
#define ADD_COLUMNS(name, ALL)                                                                   \
    INSIDE void name(float *out, const float *x, const int *used, int n_used, const float *w,    \
                     ptrdiff_t width) {                                                          \
        ALL(LOAD)                                                                                \
        for (int i = 0; i < n_used; i++) {                                                       \
            const float one = x[used[i]];                                                        \
            const float *row = w + used[i] * width;                                              \
            ALL(ADD)                                                                             \
        }                                                                                        \
        ALL(STORE)                                                                               \
    }
ADD_COLUMNS(add_64, EIGHT)
ADD_COLUMNS(add_32, FOUR)
ADD_COLUMNS(add_16, TWO)

/* out[j] = bias[j] + sum of x[i] * w[i * width + j] over i. Without a bias it is NULL; x and out do
 * not overlap; width is a multiple of 16. Numbers of x that are 0, such as about half of those
 * behind a rectifier, are passed over. */
EVERY_MACHINE
static void times_matrix(float *out, const float *x, const float *w, const float *bias, int n_in,
                         int width) {
    int used[AT_ONCE];
    if (bias) memcpy(out, bias, width * sizeof(float));
    else memset(out, 0, width * sizeof(float));
    for (int begin = 0; begin < n_in; begin += AT_ONCE) {
        const int end = n_in - begin < AT_ONCE ? n_in : begin + AT_ONCE;
        int n_used = 0, j = 0;
        for (int i = begin; i < end; i++) {
            used[n_used] = i;
            n_used += x[i] != 0.0f;
        }
        for (; j + 64 <= width; j += 64) add_64(out + j, x, used, n_used, w + j, width);
        if (j + 32 <= width) {
            add_32(out + j, x, used, n_used, w + j, width);
            j += 32;
        }
        if (j < width) add_16(out + j, x, used, n_used, w + j, width);
    }
}

/* out[j] += weight * row[j]. */
EVERY_MACHINE
static void add_row(float *restrict out, const signed char *restrict row, float weight, int n) {
    for (int j = 0; j < n; j++) out[j] += weight * (float)row[j];
}

/* Number by number, of two rows. */
#define NUMBER_BY_NUMBER(name, value)                                                            \
    EVERY_MACHINE                                                                                \
    static void name(float *out, const float *a, const float *b, int n) {                        \
        for (int j = 0; j < n; j++) out[j] = value;                                              \
    }
NUMBER_BY_NUMBER(add_rows, a[j] + b[j])
NUMBER_BY_NUMBER(subtract_rows, a[j] - b[j])
NUMBER_BY_NUMBER(multiply_rows, a[j] * b[j])
NUMBER_BY_NUMBER(divide_rows, a[j] / b[j])
NUMBER_BY_NUMBER(larger_of_rows, a[j] > b[j] ? a[j] : b[j])
NUMBER_BY_NUMBER(smaller_of_rows, a[j] < b[j] ? a[j] : b[j])

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC pop_options
#endif

#endif
