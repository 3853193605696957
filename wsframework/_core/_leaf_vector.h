/* Masking and validation of UTF-8 by vectors. _leaf.h includes this once for each kind of vector, having defined:
 *
 * LEAF_NAME(name)      name with a suffix for the kind
 * LEAF_TARGET          what lets a function use the kind
 * LEAF_VECTOR          the type: 16 octets, or 32 in two halves
 * LEAF_LOAD, STORE     any alignment
 * LEAF_TABLE(from)     16 octets, in each half
 * LEAF_WORDS, OCTETS   one value in all places
 * LEAF_AND, OR, XOR    bits
 * LEAF_SUBTRACT        octets, not below zero
 * LEAF_UPPER           the upper four bits of each octet
 * LEAF_LOOKUP          in each octet's place, what the table has there; its upper four bits are zero
 * LEAF_IS_ASCII, ZERO  of all octets
 *
 * They are undefined at the end.
 */

#define LEAF_WIDTH ((ptrdiff_t)sizeof(LEAF_VECTOR))

/* XOR `word` repeated into at least a vector's `size`; `last` is the word that the last vector begins with. */
LEAF_TARGET static inline void
LEAF_NAME(leaf_mask)(unsigned char *target, const unsigned char *source, ptrdiff_t size, uint64_t word, uint64_t last)
{
    const LEAF_VECTOR mask = LEAF_WORDS(word);
    const LEAF_VECTOR end = LEAF_XOR(LEAF_LOAD(source + size - LEAF_WIDTH), LEAF_WORDS(last));
    LEAF_VECTOR a, b, c, d;
    ptrdiff_t at = 0;

    for (; size - at >= 4 * LEAF_WIDTH; at += 4 * LEAF_WIDTH) {
        a = LEAF_XOR(LEAF_LOAD(source + at), mask);
        b = LEAF_XOR(LEAF_LOAD(source + at + LEAF_WIDTH), mask);
        c = LEAF_XOR(LEAF_LOAD(source + at + 2 * LEAF_WIDTH), mask);
        d = LEAF_XOR(LEAF_LOAD(source + at + 3 * LEAF_WIDTH), mask);
        LEAF_STORE(target + at, a);
        LEAF_STORE(target + at + LEAF_WIDTH, b);
        LEAF_STORE(target + at + 2 * LEAF_WIDTH, c);
        LEAF_STORE(target + at + 3 * LEAF_WIDTH, d);
    }
    for (; size - at >= LEAF_WIDTH; at += LEAF_WIDTH)
        LEAF_STORE(target + at, LEAF_XOR(LEAF_LOAD(source + at), mask));
    LEAF_STORE(target + size - LEAF_WIDTH, end);
}

/* Not zero where something is wrong with an octet from `data` on and those before it, three of which are read. */
LEAF_TARGET static inline LEAF_VECTOR
LEAF_NAME(leaf_wrong)(const unsigned char *data)
{
    const LEAF_VECTOR first = LEAF_LOAD(data - 1);
    const LEAF_VECTOR by_first_upper = LEAF_LOOKUP(LEAF_TABLE(leaf_first_upper), LEAF_UPPER(first));
    const LEAF_VECTOR by_first_lower = LEAF_LOOKUP(LEAF_TABLE(leaf_first_lower), LEAF_AND(first, LEAF_OCTETS(0x0F)));
    const LEAF_VECTOR by_second = LEAF_LOOKUP(LEAF_TABLE(leaf_second_upper), LEAF_UPPER(LEAF_LOAD(data)));
    const LEAF_VECTOR pair = LEAF_AND(LEAF_AND(by_first_upper, by_first_lower), by_second);
    /* The highest bit: this octet is the third of three, or the third or fourth of four. Just there two continuations
     * meet, and LEAF_BOTH is that bit. */
    const LEAF_VECTOR third = LEAF_SUBTRACT(LEAF_LOAD(data - 2), LEAF_OCTETS(0xE0 - 0x80));
    const LEAF_VECTOR fourth = LEAF_SUBTRACT(LEAF_LOAD(data - 3), LEAF_OCTETS(0xF0 - 0x80));

    return LEAF_XOR(LEAF_AND(LEAF_OR(third, fourth), LEAF_OCTETS(LEAF_BOTH)), pair);
}

LEAF_TARGET static inline int
LEAF_NAME(leaf_are_ascii)(const unsigned char *data)
{
    LEAF_VECTOR all = LEAF_LOAD(data);
    ptrdiff_t at;

    for (at = LEAF_WIDTH; at < LEAF_LONG; at += LEAF_WIDTH)
        all = LEAF_OR(all, LEAF_LOAD(data + at));
    return LEAF_IS_ASCII(all);
}

/* Is there nothing wrong with data[start:size], except that its last sequence may be cut? A sequence begins at `start`,
 * three octets or more are before it, and at least a vector is behind. */
LEAF_TARGET static inline int
LEAF_NAME(leaf_utf8)(const unsigned char *data, ptrdiff_t start, ptrdiff_t size)
{
    LEAF_VECTOR wrong = LEAF_OCTETS(0);
    ptrdiff_t at = start, end;

    while (size - at >= LEAF_LONG) {
        if (!LEAF_NAME(leaf_are_ascii)(data + at)) {
            for (end = at + LEAF_LONG; at < end; at += LEAF_WIDTH)
                wrong = LEAF_OR(wrong, LEAF_NAME(leaf_wrong)(data + at));
            continue;
        }
        if (data[at - 1] >= 0xC0 || data[at - 2] >= 0xE0 || data[at - 3] >= 0xF0)
            return 0;
        do
            at += LEAF_LONG;
        while (size - at >= LEAF_LONG && LEAF_NAME(leaf_are_ascii)(data + at));
    }
    for (; size - at >= LEAF_WIDTH; at += LEAF_WIDTH)
        wrong = LEAF_OR(wrong, LEAF_NAME(leaf_wrong)(data + at));
    if (at < size)
        wrong = LEAF_OR(wrong, LEAF_NAME(leaf_wrong)(data + size - LEAF_WIDTH));
    return LEAF_IS_ZERO(wrong);
}

#undef LEAF_WIDTH
#undef LEAF_NAME
#undef LEAF_TARGET
#undef LEAF_VECTOR
#undef LEAF_LOAD
#undef LEAF_STORE
#undef LEAF_TABLE
#undef LEAF_WORDS
#undef LEAF_OCTETS
#undef LEAF_AND
#undef LEAF_OR
#undef LEAF_XOR
#undef LEAF_SUBTRACT
#undef LEAF_UPPER
#undef LEAF_LOOKUP
#undef LEAF_IS_ASCII
#undef LEAF_IS_ZERO
