# cython: freethreading_compatible=True
"""The compiled build of `_octets_py`, which says what everything here does.

Strategy: a message's octets are written where they stay. The buffer is a bytes object that nobody else has seen yet;
it grows by doubling, never on the word of a declared length, and becomes the payload without a copy.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_FillInfo, PyBuffer_Release, PyObject_GetBuffer
from cpython.object cimport PyObject
from libc.string cimport memcpy

from wsframework._core._leaf_c cimport Utf8Validator, mask_into

cdef extern from "Python.h":
    int _PyBytes_Resize(PyObject **octets, Py_ssize_t size) except -1
    PyObject *new_bytes "PyBytes_FromStringAndSize" (const char *source, Py_ssize_t size) except NULL
    char *octets_of "PyBytes_AS_STRING" (PyObject *octets) nogil
    void Py_XDECREF(PyObject *octets)

# The least that is allocated, and so what a new buffer costs.
cdef Py_ssize_t SMALLEST = 512


cdef class Assembly:
    def __cinit__(self):
        self._octets = NULL
        self._capacity = 0
        self._exports = 0
        self._room = 0
        self.size = 0

    def __dealloc__(self):
        Py_XDECREF(self._octets)

    cdef int _reserve(self, Py_ssize_t more, Py_ssize_t most) except -1:
        """Make room for so many octets behind those that are there, with `most` more for what may follow."""
        cdef Py_ssize_t wanted = self.size + more
        if wanted <= self._capacity:
            return 0
        if self._exports:
            raise BufferError("somebody still writes into this buffer")
        # `most` may be near the largest number there is.
        wanted += min(max(2 * self._capacity, SMALLEST, wanted) - wanted, most)
        if self._octets == NULL:
            self._octets = new_bytes(NULL, wanted)
        else:
            # On failure the object is gone and the pointer NULL.
            self._capacity = 0
            _PyBytes_Resize(&self._octets, wanted)
        self._capacity = wanted
        return 0

    cpdef bint add(
        self,
        bytes data,
        Py_ssize_t start,
        Py_ssize_t end,
        bytes key,
        Py_ssize_t offset,
        Utf8Validator utf8,
        Py_ssize_t missing,
    ) except -1:
        cdef Py_ssize_t size = end - start
        cdef unsigned char *target
        cdef const unsigned char *source = <const unsigned char *>PyBytes_AS_STRING(data) + start
        if start < 0 or size < 0 or end > PyBytes_GET_SIZE(data):
            raise IndexError("no such octets")
        if size == 0:
            # Nothing changes, and perhaps there is no buffer.
            return True
        self._reserve(size, missing)
        target = <unsigned char *>octets_of(self._octets) + self.size
        if PyBytes_GET_SIZE(key) == 4:
            mask_into(target, source, size, <const unsigned char *>PyBytes_AS_STRING(key), offset)
        else:
            memcpy(target, source, size)
        self.size += size
        return utf8 is None or utf8.feed_octets(target, size)

    cpdef bint append(self, bytes piece, Utf8Validator utf8) except -1:
        return self.add(piece, 0, PyBytes_GET_SIZE(piece), b"", 0, utf8, PyBytes_GET_SIZE(piece))

    cpdef room(self, Py_ssize_t missing):
        if self._exports:
            # Somebody still has the view of before; there is another way to receive.
            return None
        # As much as is there already, at most: memory stays in proportion to what was sent.
        cdef Py_ssize_t size = min(missing, max(self.size, SMALLEST))
        self._reserve(size, missing - size)
        self._room = size
        return memoryview(self)

    cpdef space(self, Py_ssize_t size):
        if self._exports:
            return None
        self._reserve(size, 0)
        self._room = size
        return memoryview(self)

    cpdef bint added(self, Py_ssize_t size, bytes key, Py_ssize_t offset, Utf8Validator utf8) except -1:
        cdef unsigned char *place
        if size < 0 or size > self._room:
            raise IndexError("no such octets")
        self._room = 0
        if size == 0:
            return True
        place = <unsigned char *>octets_of(self._octets) + self.size
        if PyBytes_GET_SIZE(key) == 4:
            mask_into(place, place, size, <const unsigned char *>PyBytes_AS_STRING(key), offset)
        self.size += size
        return utf8 is None or utf8.feed_octets(place, size)

    cpdef bytes take(self):
        cdef PyObject *octets = self._octets
        cdef bytes taken
        if octets == NULL:
            return b""
        if self._exports == 0:
            self._octets = NULL
            if self.size < self._capacity:
                _PyBytes_Resize(&octets, self.size)
            taken = <bytes>octets
            Py_XDECREF(octets)
            self._capacity = 0
        elif self.size == self._capacity:
            # The event loop still has the view that it wrote through. It writes no more, but what it has must last, so
            # this object keeps the octets, too, until it goes.
            taken = <bytes>octets
        else:
            taken = PyBytes_FromStringAndSize(octets_of(octets), self.size)
        self.size = 0
        return taken

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        # What is free behind the octets that are there; written into by whoever receives.
        PyBuffer_FillInfo(buffer, self, octets_of(self._octets) + self.size, self._room, 0, flags)
        self._exports += 1

    def __releasebuffer__(self, Py_buffer *buffer):
        self._exports -= 1


cpdef bytes take_payload(bytes data, Py_ssize_t start, Py_ssize_t end, bint is_masked):
    cdef const unsigned char *source = <const unsigned char *>PyBytes_AS_STRING(data) + start
    cdef bytes payload
    if start < (4 if is_masked else 0) or end < start or end > PyBytes_GET_SIZE(data):
        raise IndexError("no such octets")
    payload = PyBytes_FromStringAndSize(NULL, end - start)
    if is_masked:
        mask_into(<unsigned char *>PyBytes_AS_STRING(payload), source, end - start, source - 4, 0)
    else:
        memcpy(PyBytes_AS_STRING(payload), source, end - start)
    return payload


cpdef bytes encode_header(int opcode, Py_ssize_t size, bytes mask_key, bint fin=True, int rsv=0):
    return _frame(opcode, NULL, size, mask_key, fin, rsv)


cpdef bytes encode_frame(int opcode, bytes payload, bytes mask_key, bint fin=True, int rsv=0):
    return _frame(opcode, PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload), mask_key, fin, rsv)


cdef bytes _frame(int opcode, const char *payload, Py_ssize_t size, bytes mask_key, bint fin, int rsv):
    """A frame in one object, or its header alone where there is no `payload`."""
    cdef Py_ssize_t header = 2 if size < 126 else 4 if size < 65536 else 10
    cdef Py_ssize_t total = header
    cdef unsigned char *octet
    cdef unsigned char mask_bit = 0
    cdef bytes frame
    cdef int shift
    if mask_key is not None:
        if PyBytes_GET_SIZE(mask_key) != 4:
            raise ValueError("a masking key has 4 octets")
        mask_bit = 0x80
        total += 4
    if payload != NULL:
        total += size
    frame = PyBytes_FromStringAndSize(NULL, total)
    octet = <unsigned char *>PyBytes_AS_STRING(frame)
    octet[0] = (0x80 if fin else 0) | (rsv << 4) | opcode
    if header == 2:
        octet[1] = mask_bit | size
    elif header == 4:
        octet[1] = mask_bit | 126
        octet[2] = size >> 8
        octet[3] = size & 0xFF
    else:
        octet[1] = mask_bit | 127
        for shift in range(8):
            octet[2 + shift] = (<unsigned long long>size >> (56 - 8 * shift)) & 0xFF
    octet += header
    if mask_key is not None:
        memcpy(octet, PyBytes_AS_STRING(mask_key), 4)
        octet += 4
    if payload == NULL:
        return frame
    if mask_key is None:
        memcpy(octet, payload, size)
    else:
        mask_into(octet, <const unsigned char *>payload, size, <const unsigned char *>PyBytes_AS_STRING(mask_key), 0)
    return frame


cpdef bytes first_octets(view, Py_ssize_t size):
    cdef Py_buffer buffer
    PyObject_GetBuffer(view, &buffer, PyBUF_SIMPLE)
    try:
        if size < 0 or size > buffer.len:
            raise IndexError("no such octets")
        return PyBytes_FromStringAndSize(<const char *>buffer.buf, size)
    finally:
        PyBuffer_Release(&buffer)
