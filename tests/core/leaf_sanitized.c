/* The octets that _leaf.h touches: nothing beside those that it is given, and the right ones.
 *
 * Every buffer is a block of its own with exactly the octets of the test, so that AddressSanitizer sees the first
 * octet read or written outside. What comes out is compared with the plainest code there can be. All of it is run for
 * each kind of vector that the processor has and, at last, without any. Exit code 0 and the last line say that all was
 * right.
 */
#include <stdio.h>
#include <stdlib.h>

/* How many kinds of vector are denied, the widest first. */
static int denied;

#ifdef __x86_64__
static int supports_avx2(void) { return denied < 1 && __builtin_cpu_supports("avx2"); }
static int supports_ssse3(void) { return denied < 2 && __builtin_cpu_supports("ssse3"); }
#define __builtin_cpu_supports(name) (strcmp(name, "avx2") ? supports_ssse3() : supports_avx2())
#endif
#include "_leaf.h"
#undef __builtin_cpu_supports

enum { MOST = 300 };

static void
fail(const char *what, ptrdiff_t a, ptrdiff_t b)
{
    printf("%s is wrong: %td, %td (%d kinds of vector denied)\n", what, a, b, denied);
    exit(1);
}

/* A block of its own; also for no octets at all. */
static unsigned char *
copy(const unsigned char *octets, ptrdiff_t size)
{
    unsigned char *block = malloc((size_t)size);

    if (size && !block)
        exit(2);
    if (size)
        memcpy(block, octets, (size_t)size);
    return block;
}

/* Numbers that are the same in every run. */
static uint32_t
number(void)
{
    static uint32_t state = 2463534242u;

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void
test_masking(void)
{
    static const ptrdiff_t offsets[] = {0, 1, 2, 3, 4, 7, 0x7FFFFFFF, PTRDIFF_MAX};
    unsigned char octets[MOST], *key, *source, *target, *same;
    ptrdiff_t size, at;
    size_t number_of_offset;

    for (at = 0; at < MOST; at++)
        octets[at] = (unsigned char)number();
    key = copy((const unsigned char *)"\x37\xfa\x21\x3d", 4);
    for (size = 0; size <= MOST; size++)
        for (number_of_offset = 0; number_of_offset < sizeof offsets / sizeof *offsets; number_of_offset++) {
            ptrdiff_t offset = offsets[number_of_offset];
            source = copy(octets, size);
            target = copy(octets, size);
            same = copy(octets, size);
            memset(target, 0, (size_t)size);
            mask_into(target, source, size, key, offset);
            mask_into(same, same, size, key, offset);
            for (at = 0; at < size; at++)
                if (target[at] != (octets[at] ^ key[((offset & 3) + at) & 3]) || same[at] != target[at]
                    || source[at] != octets[at])
                    fail("masking", size, offset);
            free(source);
            free(target);
            free(same);
        }
    free(key);
}

/* How many octets of `data` a text can begin with, by arithmetic: a sequence can be continued as long as one of the
 * code points between the least and the greatest that it can become is a scalar value and has no shorter form. `whole`
 * is told if no sequence is open after them. */
static ptrdiff_t
good_octets(const unsigned char *data, ptrdiff_t size, int *whole)
{
    static const long least[5] = {0, 0, 0x80, 0x800, 0x10000};
    ptrdiff_t at, length = 0, have = 0;
    long low = 0, high;

    for (at = 0; at < size; at++) {
        *whole = 0;
        if (have == length) {
            have = 1;
            length = data[at] < 0x80 ? 1 : data[at] < 0xC0 ? 0 : data[at] < 0xE0 ? 2 : data[at] < 0xF0 ? 3 : 4;
            if (!length || data[at] >= 0xF8)
                return at;
            low = length == 1 ? data[at] : data[at] & (0x7F >> length);
        } else if ((data[at] & 0xC0) == 0x80) {
            have++;
            low = low << 6 | (data[at] & 0x3F);
        } else
            return at;
        /* From here on: the range of code points that begin like this. */
        high = ((low + 1) << 6 * (length - have)) - 1;
        if (high < least[length] || low << 6 * (length - have) > 0x10FFFF)
            return at;
        if (low << 6 * (length - have) >= 0xD800 && high <= 0xDFFF)
            return at;
        *whole = have == length;
    }
    *whole = have == length;
    return size;
}

static void
check_whole(const unsigned char *octets, ptrdiff_t size)
{
    int whole = 0;
    ptrdiff_t good = good_octets(octets, size, &whole);
    unsigned char *data = copy(octets, size);

    if (utf8_whole(data, size) != (good == size && whole))
        fail("whole text", size, good);
    free(data);
}

static unsigned
check_piece(unsigned state, const unsigned char *octets, ptrdiff_t from, ptrdiff_t to)
{
    int whole = 0;
    ptrdiff_t good = good_octets(octets, to, &whole);
    unsigned char *data = copy(octets + from, to - from);

    state = utf8_feed(state, data, to - from);
    if ((state != UTF8_WRONG) != (good == to) || (state == UTF8_WHOLE) != (good == to && whole))
        fail("piece of a text", from, to);
    free(data);
    return state;
}

static void
check_text(const unsigned char *octets, ptrdiff_t size, ptrdiff_t cut)
{
    check_whole(octets, size);
    check_piece(check_piece(UTF8_WHOLE, octets, 0, cut), octets, cut, size);
}

/* Some text of exactly `size` octets, if `kind` can fill them. */
static void
fill(unsigned char *octets, ptrdiff_t size, int kind)
{
    static const char *const texts[] = {"plain text ", "\xC3\xA9\xD0\x96", "\xE4\xBD\xA0\xEE\x80\x80",
                                        "\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF", "a\xC3\xA9 \xE2\x82\xAC\xF0\x9F\x98\x80 "};
    const char *text = texts[kind];
    ptrdiff_t at, length = (ptrdiff_t)strlen(text);

    for (at = 0; at < size; at++)
        octets[at] = (unsigned char)text[at % length];
}

static void
test_texts(void)
{
    unsigned char octets[MOST];
    ptrdiff_t size, times;
    int kind;

    for (kind = 0; kind < 5; kind++)
        for (size = 0; size <= MOST; size++) {
            fill(octets, size, kind);
            check_text(octets, size, size ? (ptrdiff_t)(number() % (uint32_t)size) : 0);
            for (times = 0; size && times < 40; times++) {
                fill(octets, size, kind);
                octets[number() % (uint32_t)size] = (unsigned char)number();
                if (times & 1)
                    octets[number() % (uint32_t)size] = (unsigned char)number();
                check_text(octets, size, (ptrdiff_t)(number() % (uint32_t)(size + 1)));
            }
        }
}

/* All that can happen at the borders of the grammar, at each place where a vector begins or ends: a quarter of it, and at
 * the next place the next quarter. */
static void
test_borders(void)
{
    static const unsigned char edges[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2,
                                          0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};
    enum { EDGES = sizeof edges, SIZE = 135 };
    unsigned char octets[SIZE];
    ptrdiff_t place;
    int kind, a, b, c;

    for (kind = 0; kind < 4; kind += 3)
        for (place = 0; place <= SIZE - 3; place += (place + 3) % 32 < 8 ? 1 : 8)
            for (a = 0; a < EDGES; a++)
                for (b = 0; b < EDGES; b++)
                    for (c = (int)(a + b + place) % 4; c < EDGES; c += 4) {
                        fill(octets, SIZE, kind);
                        octets[place] = edges[a];
                        octets[place + 1] = edges[b];
                        octets[place + 2] = edges[c];
                        check_whole(octets, SIZE);
                    }
}

int
main(void)
{
    for (denied = 0; denied <= 2; denied++) {
        test_masking();
        test_texts();
        test_borders();
    }
    puts("all right");
    return 0;
}
