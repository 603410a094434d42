/* Products of a row and a matrix of float32. Plain loops that a compiler turns into vector
 * instructions; on x86-64 once for every machine and once for those with AVX2, chosen when loaded. */
#ifndef ROUTER_VECTORS_H
#define ROUTER_VECTORS_H

#include <stddef.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC push_options
#pragma GCC optimize("O3")
#endif

#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) && defined(__GNUC__)
#define EVERY_MACHINE __attribute__((target_clones("avx2,fma", "default")))
#else
#define EVERY_MACHINE
#endif

#define COLUMNS 64

/* out[j] = bias[j] + sum of x[i] * w[i * n_out + j] over i; bias may be NULL, x and out are two places.
 * Numbers of x that are 0, about half of those behind a rectifier, are passed over. */
EVERY_MACHINE
static void times_matrix(float *restrict out, const float *restrict x, const float *restrict w,
                         const float *restrict bias, int n_in, int n_out) {
    int j = 0;
    for (; j + COLUMNS <= n_out; j += COLUMNS) {
        float sums[COLUMNS] = {0};
        if (bias) memcpy(sums, bias + j, sizeof sums);
        for (int i = 0; i < n_in; i++) {
            const float one = x[i];
            if (one == 0.0f) continue;
            const float *row = w + (size_t)i * n_out + j;
            for (int k = 0; k < COLUMNS; k++) sums[k] += one * row[k];
        }
        memcpy(out + j, sums, sizeof sums);
    }
    if (j == n_out) return;
    const int rest = n_out - j;
    float sums[COLUMNS] = {0};
    if (bias) memcpy(sums, bias + j, rest * sizeof(float));
    for (int i = 0; i < n_in; i++) {
        const float one = x[i];
        if (one == 0.0f) continue;
        const float *row = w + (size_t)i * n_out + j;
        for (int k = 0; k < rest; k++) sums[k] += one * row[k];
    }
    memcpy(out + j, sums, rest * sizeof(float));
}

/* out[j] += weight * row[j]. */
EVERY_MACHINE
static void add_row(float *restrict out, const signed char *restrict row, float weight, int n) {
    for (int j = 0; j < n; j++) out[j] += weight * (float)row[j];
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC pop_options
#endif

#endif
