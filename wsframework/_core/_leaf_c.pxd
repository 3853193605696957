# The leaves for other compiled modules, which reach the octets without a call of Python's: `_leaf_py` and `_leaf.h` say
# what everything does.

cdef extern from "_leaf.h" nogil:
    void mask_into(
        unsigned char *target, const unsigned char *source, Py_ssize_t size, const unsigned char *key, Py_ssize_t offset
    ) noexcept
    bint utf8_whole(const unsigned char *data, Py_ssize_t size) noexcept
    unsigned int utf8_feed(unsigned int state, const unsigned char *data, Py_ssize_t size) noexcept
    const unsigned int UTF8_WHOLE
    const unsigned int UTF8_WRONG


cpdef bytes apply_mask(data, bytes key, Py_ssize_t offset=*)
cpdef bytes unmasked(bytes data, Py_ssize_t start, Py_ssize_t end, bytes key, Py_ssize_t offset=*)
cpdef bint is_utf8(data) except -1


cdef class Utf8Validator:
    cdef unsigned int _state
    cdef readonly bint complete

    cpdef void reset(self) noexcept
    cpdef bint feed(self, data) except -1
    cdef bint feed_octets(self, const unsigned char *data, Py_ssize_t size) noexcept
