# cython: freethreading_compatible=True
"""The leaves of the codec in C: masking (RFC 6455 section 5.3) and validation of UTF-8 (RFC 3629).

`_leaf_py` says what everything here does, `_leaf.h` how it is done.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

cdef extern from "Python.h":
    Py_ssize_t PySlice_AdjustIndices(Py_ssize_t size, Py_ssize_t *start, Py_ssize_t *stop, Py_ssize_t step) noexcept

__all__ = ["Utf8Validator", "apply_mask", "is_utf8", "unmasked"]


cdef bytes _masked(const unsigned char *source, Py_ssize_t size, bytes key, Py_ssize_t offset):
    if len(key) != 4:
        raise ValueError("a masking key has 4 octets")
    # Nobody else has seen this object yet.
    target = PyBytes_FromStringAndSize(NULL, size)
    mask_into(
        <unsigned char *>PyBytes_AS_STRING(target), source, size, <const unsigned char *>PyBytes_AS_STRING(key), offset
    )
    return target


cpdef bytes apply_mask(data, bytes key, Py_ssize_t offset=0):
    cdef Py_buffer view

    if PyBytes_CheckExact(data):
        return _masked(<const unsigned char *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), key, offset)
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        return _masked(<const unsigned char *>view.buf, view.len, key, offset)
    finally:
        PyBuffer_Release(&view)


cpdef bytes unmasked(bytes data, Py_ssize_t start, Py_ssize_t end, bytes key, Py_ssize_t offset=0):
    cdef Py_ssize_t size = PySlice_AdjustIndices(len(data), &start, &end, 1)
    cdef const char *source = PyBytes_AS_STRING(data) + start

    if len(key) == 0:
        return PyBytes_FromStringAndSize(source, size)
    return _masked(<const unsigned char *>source, size, key, offset)


cpdef bint is_utf8(data) except -1:
    cdef Py_buffer view

    if PyBytes_CheckExact(data):
        return utf8_whole(<const unsigned char *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        return utf8_whole(<const unsigned char *>view.buf, view.len)
    finally:
        PyBuffer_Release(&view)


@cython.final
@cython.auto_pickle(False)
cdef class Utf8Validator:
    def __cinit__(self):
        self.reset()

    cpdef void reset(self) noexcept:
        self._state = UTF8_WHOLE
        self.complete = True

    cpdef bint feed(self, data) except -1:
        cdef Py_buffer view

        if PyBytes_CheckExact(data):
            return self.feed_octets(<const unsigned char *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            return self.feed_octets(<const unsigned char *>view.buf, view.len)
        finally:
            PyBuffer_Release(&view)

    cdef bint feed_octets(self, const unsigned char *data, Py_ssize_t size) noexcept:
        self._state = utf8_feed(self._state, data, size)
        self.complete = self._state == UTF8_WHOLE
        return self._state != UTF8_WRONG
