/* Masking (RFC 6455 section 5.3) and validation of UTF-8 (RFC 3629) at memory speed.
 *
 * Strategy: everything is static inline and without state, knows nothing of Python, and reads and writes only the
 * octets that it is given. So every extension module that includes it has its own copy, and nobody needs a lock.
 *
 * Short payloads are done by words, short texts octet by octet with an automaton. Long ones are done by vectors, where
 * the compiler and the processor have them (_leaf_vector.h): on AArch64 always, on x86-64 what is found at run time.
 */
#ifndef WSFRAMEWORK_LEAF_H
#define WSFRAMEWORK_LEAF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* From this size on, vectors; it must be a little more than the widest, see utf8_feed. */
enum { LEAF_LONG = 64 };

/* Loads and stores of any alignment; a compiler makes one instruction of each. */

static inline uint32_t
leaf_load32(const unsigned char *from)
{
    uint32_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

static inline uint64_t
leaf_load64(const unsigned char *from)
{
    uint64_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

static inline void
leaf_store32(unsigned char *to, uint32_t word)
{
    memcpy(to, &word, sizeof word);
}

static inline void
leaf_store64(unsigned char *to, uint64_t word)
{
    memcpy(to, &word, sizeof word);
}

/* What two neighbours mean to each other, by Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction Per
 * Byte", 2020. Each bit stands for one thing that can be wrong with them. It is wrong when all three tables say so: the
 * one for the first octet's upper half, the one for its lower half, and the one for the second octet's upper half.
 * LEAF_BOTH is no error by itself: two octets that continue, which has to be where it should be. */
enum {
    LEAF_CUT = 1 << 0,       /* a lead, then no continuation */
    LEAF_STRAY = 1 << 1,     /* ASCII, then a continuation */
    LEAF_LONG3 = 1 << 2,     /* E0 80 to E0 9F: would have fitted in two */
    LEAF_SURROGATE = 1 << 3, /* ED A0 to ED BF */
    LEAF_LONG2 = 1 << 4,     /* C0 and C1: would have fitted in one */
    LEAF_HIGH = 1 << 5,      /* F4 90 and above */
    LEAF_EDGE = 1 << 6,      /* F0 80 to F0 8F would have fitted in three; F5 80 to F5 8F and above are too high */
    LEAF_BOTH = 1 << 7,
    LEAF_ANY_LOW = LEAF_CUT | LEAF_STRAY | LEAF_BOTH,
    LEAF_CONTINUES = LEAF_STRAY | LEAF_LONG2 | LEAF_BOTH
};

static const unsigned char leaf_first_upper[16] = {
    LEAF_STRAY, LEAF_STRAY, LEAF_STRAY, LEAF_STRAY, LEAF_STRAY, LEAF_STRAY, LEAF_STRAY, LEAF_STRAY,
    LEAF_BOTH, LEAF_BOTH, LEAF_BOTH, LEAF_BOTH,
    LEAF_CUT | LEAF_LONG2,
    LEAF_CUT,
    LEAF_CUT | LEAF_LONG3 | LEAF_SURROGATE,
    LEAF_CUT | LEAF_HIGH | LEAF_EDGE
};

static const unsigned char leaf_first_lower[16] = {
    LEAF_ANY_LOW | LEAF_LONG2 | LEAF_LONG3 | LEAF_EDGE,
    LEAF_ANY_LOW | LEAF_LONG2,
    LEAF_ANY_LOW, LEAF_ANY_LOW,
    LEAF_ANY_LOW | LEAF_HIGH,
    LEAF_ANY_LOW | LEAF_HIGH | LEAF_EDGE, LEAF_ANY_LOW | LEAF_HIGH | LEAF_EDGE, LEAF_ANY_LOW | LEAF_HIGH | LEAF_EDGE,
    LEAF_ANY_LOW | LEAF_HIGH | LEAF_EDGE, LEAF_ANY_LOW | LEAF_HIGH | LEAF_EDGE, LEAF_ANY_LOW | LEAF_HIGH | LEAF_EDGE,
    LEAF_ANY_LOW | LEAF_HIGH | LEAF_EDGE, LEAF_ANY_LOW | LEAF_HIGH | LEAF_EDGE,
    LEAF_ANY_LOW | LEAF_HIGH | LEAF_EDGE | LEAF_SURROGATE,
    LEAF_ANY_LOW | LEAF_HIGH | LEAF_EDGE, LEAF_ANY_LOW | LEAF_HIGH | LEAF_EDGE
};

static const unsigned char leaf_second_upper[16] = {
    LEAF_CUT, LEAF_CUT, LEAF_CUT, LEAF_CUT, LEAF_CUT, LEAF_CUT, LEAF_CUT, LEAF_CUT,
    LEAF_CONTINUES | LEAF_LONG3 | LEAF_EDGE,
    LEAF_CONTINUES | LEAF_LONG3 | LEAF_HIGH,
    LEAF_CONTINUES | LEAF_SURROGATE | LEAF_HIGH,
    LEAF_CONTINUES | LEAF_SURROGATE | LEAF_HIGH,
    LEAF_CUT, LEAF_CUT, LEAF_CUT, LEAF_CUT
};

/* data[start:size] of a text of which three octets or more before `start` were validated: see leaf_utf8 in
 * _leaf_vector.h. */
typedef int leaf_validate(const unsigned char *data, ptrdiff_t start, ptrdiff_t size);

/* The vectors there are. Each set defines what _leaf_vector.h says it needs. */

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <immintrin.h>
#define LEAF_HAS_VECTORS 1

#define LEAF_NAME(name) name##_ssse3
#define LEAF_TARGET __attribute__((target("ssse3")))
#define LEAF_VECTOR __m128i
#define LEAF_LOAD(from) _mm_loadu_si128((const __m128i *)(const void *)(from))
#define LEAF_STORE(to, v) _mm_storeu_si128((__m128i *)(void *)(to), v)
#define LEAF_TABLE(from) LEAF_LOAD(from)
#define LEAF_WORDS(word) _mm_set1_epi64x((long long)(word))
#define LEAF_OCTETS(octet) _mm_set1_epi8((char)(octet))
#define LEAF_AND(a, b) _mm_and_si128(a, b)
#define LEAF_OR(a, b) _mm_or_si128(a, b)
#define LEAF_XOR(a, b) _mm_xor_si128(a, b)
#define LEAF_SUBTRACT(a, b) _mm_subs_epu8(a, b)
#define LEAF_UPPER(v) LEAF_AND(_mm_srli_epi16(v, 4), LEAF_OCTETS(0x0F))
#define LEAF_LOOKUP(table, v) _mm_shuffle_epi8(table, v)
#define LEAF_IS_ASCII(v) (_mm_movemask_epi8(v) == 0)
#define LEAF_IS_ZERO(v) (_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_setzero_si128())) == 0xFFFF)
#include "_leaf_vector.h"

#define LEAF_NAME(name) name##_avx2
#define LEAF_TARGET __attribute__((target("avx2")))
#define LEAF_VECTOR __m256i
#define LEAF_LOAD(from) _mm256_loadu_si256((const __m256i *)(const void *)(from))
#define LEAF_STORE(to, v) _mm256_storeu_si256((__m256i *)(void *)(to), v)
#define LEAF_TABLE(from) _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(from)))
#define LEAF_WORDS(word) _mm256_set1_epi64x((long long)(word))
#define LEAF_OCTETS(octet) _mm256_set1_epi8((char)(octet))
#define LEAF_AND(a, b) _mm256_and_si256(a, b)
#define LEAF_OR(a, b) _mm256_or_si256(a, b)
#define LEAF_XOR(a, b) _mm256_xor_si256(a, b)
#define LEAF_SUBTRACT(a, b) _mm256_subs_epu8(a, b)
#define LEAF_UPPER(v) LEAF_AND(_mm256_srli_epi16(v, 4), LEAF_OCTETS(0x0F))
#define LEAF_LOOKUP(table, v) _mm256_shuffle_epi8(table, v)
#define LEAF_IS_ASCII(v) (_mm256_movemask_epi8(v) == 0)
#define LEAF_IS_ZERO(v) (_mm256_testz_si256(v, v))
#include "_leaf_vector.h"

static inline int
leaf_mask_long(unsigned char *target, const unsigned char *source, ptrdiff_t size, uint64_t word, uint64_t last)
{
    if (__builtin_cpu_supports("avx2"))
        leaf_mask_avx2(target, source, size, word, last);
    else if (__builtin_cpu_supports("ssse3"))
        leaf_mask_ssse3(target, source, size, word, last);
    else
        return 0;
    return 1;
}

static inline leaf_validate *
leaf_find_utf8(void)
{
    if (__builtin_cpu_supports("avx2"))
        return leaf_utf8_avx2;
    return __builtin_cpu_supports("ssse3") ? leaf_utf8_ssse3 : NULL;
}

#elif defined(__aarch64__) && defined(__ARM_NEON) && (defined(__GNUC__) || defined(__clang__))

#include <arm_neon.h>
#define LEAF_HAS_VECTORS 1

#define LEAF_NAME(name) name##_neon
#define LEAF_TARGET
#define LEAF_VECTOR uint8x16_t
#define LEAF_LOAD(from) vld1q_u8(from)
#define LEAF_STORE(to, v) vst1q_u8(to, v)
#define LEAF_TABLE(from) LEAF_LOAD(from)
#define LEAF_WORDS(word) vreinterpretq_u8_u64(vdupq_n_u64(word))
#define LEAF_OCTETS(octet) vdupq_n_u8(octet)
#define LEAF_AND(a, b) vandq_u8(a, b)
#define LEAF_OR(a, b) vorrq_u8(a, b)
#define LEAF_XOR(a, b) veorq_u8(a, b)
#define LEAF_SUBTRACT(a, b) vqsubq_u8(a, b)
#define LEAF_UPPER(v) vshrq_n_u8(v, 4)
#define LEAF_LOOKUP(table, v) vqtbl1q_u8(table, v)
#define LEAF_IS_ASCII(v) (vmaxvq_u8(v) < 0x80)
#define LEAF_IS_ZERO(v) (vmaxvq_u8(v) == 0)
#include "_leaf_vector.h"

static inline int
leaf_mask_long(unsigned char *target, const unsigned char *source, ptrdiff_t size, uint64_t word, uint64_t last)
{
    leaf_mask_neon(target, source, size, word, last);
    return 1;
}

static inline leaf_validate *
leaf_find_utf8(void)
{
    return leaf_utf8_neon;
}

#endif

/* Masking */

/* The masking key twice, as it lies in memory when `offset` octets of the payload came before. */
static inline uint64_t
leaf_key(const unsigned char *key, ptrdiff_t offset)
{
    uint64_t word = leaf_load32(key);
    unsigned turn = 8 * (unsigned)(offset & 3);

    word |= word << 32;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return word << turn | word >> ((64 - turn) & 63);
#else
    return word >> turn | word << ((64 - turn) & 63);
#endif
}

/* XOR `source` with the 4 octets of `key` repeated, into `target`, which is `source` or does not overlap it. `offset`
 * is how many octets of the payload came before. */
static inline void
mask_into(unsigned char *target, const unsigned char *source, ptrdiff_t size, const unsigned char *key,
          ptrdiff_t offset)
{
    const uint64_t word = leaf_key(key, offset), last_word = leaf_key(key, (offset & 3) + (size & 3));
    unsigned char octets[4];
    uint64_t last;
    uint32_t last32;
    ptrdiff_t at;

#ifdef LEAF_HAS_VECTORS
    if (size >= LEAF_LONG && leaf_mask_long(target, source, size, word, last_word))
        return;
#endif
    /* What is left over at the end is read first, as a word that overlaps the one before it: later, a part of it would
     * be masked already, where source and target are the same. */
    if (size >= 8) {
        last = leaf_load64(source + size - 8) ^ last_word;
        for (at = 0; at < size - 8; at += 8)
            leaf_store64(target + at, leaf_load64(source + at) ^ word);
        leaf_store64(target + size - 8, last);
    } else if (size >= 4) {
        last32 = leaf_load32(source + size - 4) ^ (uint32_t)last_word;
        leaf_store32(target, leaf_load32(source) ^ (uint32_t)word);
        leaf_store32(target + size - 4, last32);
    } else {
        leaf_store32(octets, (uint32_t)word);
        for (at = 0; at < size; at++)
            target[at] = source[at] ^ octets[at];
    }
}

/* UTF-8 */

/* The states of the automaton, each the place of six bits in a row of leaf_next. */
enum {
    UTF8_WHOLE = 0,  /* between two code points */
    LEAF_ONE = 6,    /* one continuation is missing */
    LEAF_TWO = 12,
    LEAF_THREE = 18,
    LEAF_E0 = 24,    /* these leads restrict the octet that follows them */
    LEAF_ED = 30,
    LEAF_F0 = 36,
    LEAF_F4 = 42,
    UTF8_WRONG = 48  /* what came so far is the beginning of no text */
};

#define LEAF_ROW(whole, one, two, three, e0, ed, f0, f4) \
    ((uint64_t)(whole) << UTF8_WHOLE | (uint64_t)(one) << LEAF_ONE | (uint64_t)(two) << LEAF_TWO \
     | (uint64_t)(three) << LEAF_THREE | (uint64_t)(e0) << LEAF_E0 | (uint64_t)(ed) << LEAF_ED \
     | (uint64_t)(f0) << LEAF_F0 | (uint64_t)(f4) << LEAF_F4 | (uint64_t)UTF8_WRONG << UTF8_WRONG)
#define LEAF_LEAD(next) \
    LEAF_ROW(next, UTF8_WRONG, UTF8_WRONG, UTF8_WRONG, UTF8_WRONG, UTF8_WRONG, UTF8_WRONG, UTF8_WRONG)

/* The grammar of RFC 3629 section 4: by kind of octet, the next state for each state. */
static const uint64_t leaf_next[12] = {
    /* 00 to 7F */ LEAF_LEAD(UTF8_WHOLE),
    /* C2 to DF */ LEAF_LEAD(LEAF_ONE),
    /* E0 */ LEAF_LEAD(LEAF_E0),
    /* E1 to EC, EE, EF */ LEAF_LEAD(LEAF_TWO),
    /* ED */ LEAF_LEAD(LEAF_ED),
    /* F0 */ LEAF_LEAD(LEAF_F0),
    /* F1 to F3 */ LEAF_LEAD(LEAF_THREE),
    /* F4 */ LEAF_LEAD(LEAF_F4),
    /* C0, C1, F5 to FF */ LEAF_LEAD(UTF8_WRONG),
    /* 80 to 8F */ LEAF_ROW(UTF8_WRONG, UTF8_WHOLE, LEAF_ONE, LEAF_TWO, UTF8_WRONG, LEAF_ONE, UTF8_WRONG, LEAF_TWO),
    /* 90 to 9F */ LEAF_ROW(UTF8_WRONG, UTF8_WHOLE, LEAF_ONE, LEAF_TWO, UTF8_WRONG, LEAF_ONE, LEAF_TWO, UTF8_WRONG),
    /* A0 to BF */ LEAF_ROW(UTF8_WRONG, UTF8_WHOLE, LEAF_ONE, LEAF_TWO, LEAF_ONE, UTF8_WRONG, LEAF_TWO, UTF8_WRONG)
};

/* The kind of each octet; those of ASCII are 0. */
static const unsigned char leaf_kind[256] = {
    [0x80] = 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
    10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10,
    11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11,
    11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11,
    8, 8, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 3, 3,
    5, 6, 6, 6, 7, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8
};

/* The row of an octet, shifted: the lowest six bits are the state after it, the others are of no meaning. */
static inline uint64_t
leaf_step(uint64_t state, unsigned char octet)
{
    return leaf_next[leaf_kind[octet]] >> (state & 63);
}

/* As utf8_feed, by the automaton alone. */
static inline unsigned
leaf_walk(unsigned state, const unsigned char *data, ptrdiff_t size)
{
    ptrdiff_t at = 0, end;
    uint64_t row;

    while (at < size && state != UTF8_WRONG) {
        if (state == UTF8_WHOLE)
            while (size - at >= 8 && !(leaf_load64(data + at) & 0x8080808080808080u))
                at += 8;
        row = state;
        for (end = size - at > 16 ? at + 16 : size; at < end; at++)
            row = leaf_step(row, data[at]);
        state = row & 63;
    }
    return state;
}

/* The state after `data`, a piece of a text, when the one before was `state`; UTF8_WHOLE to begin with. UTF8_WRONG is
 * the answer to this piece, and to all that follow, when no text begins like this. */
static inline unsigned
utf8_feed(unsigned state, const unsigned char *data, ptrdiff_t size)
{
#ifdef LEAF_HAS_VECTORS
    leaf_validate *validate = size < LEAF_LONG ? NULL : leaf_find_utf8();
    ptrdiff_t at = 0;

    if (validate) {
        /* Until the vectors have the three octets before them that they read, and a sequence begins: at most six. */
        for (; at < 3 || (state != UTF8_WHOLE && state != UTF8_WRONG); at++)
            state = leaf_step(state, data[at]) & 63;
        if (state == UTF8_WRONG || !validate(data, at, size))
            return UTF8_WRONG;
        /* The state is that after the last three octets, without the end of a sequence that they begin with. */
        for (at = size - 3; at < size && (data[at] & 0xC0) == 0x80; at++)
            ;
        return leaf_walk(UTF8_WHOLE, data + at, size - at);
    }
#endif
    return leaf_walk(state, data, size);
}

/* Is `data` UTF-8 from its first octet to its last? */
static inline int
utf8_whole(const unsigned char *data, ptrdiff_t size)
{
    return utf8_feed(UTF8_WHOLE, data, size) == UTF8_WHOLE;
}

#endif
