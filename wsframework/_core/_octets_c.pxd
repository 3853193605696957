from cpython.object cimport PyObject

from wsframework._core._leaf_c cimport Utf8Validator


cdef class Assembly:
    cdef PyObject *_octets
    cdef Py_ssize_t _capacity
    cdef Py_ssize_t _exports
    cdef Py_ssize_t _room
    cdef readonly Py_ssize_t size

    cdef int _reserve(self, Py_ssize_t more, Py_ssize_t most) except -1
    cpdef bint add(
        self,
        bytes data,
        Py_ssize_t start,
        Py_ssize_t end,
        bytes key,
        Py_ssize_t offset,
        Utf8Validator utf8,
        Py_ssize_t missing,
    ) except -1
    cpdef bint append(self, bytes piece, Utf8Validator utf8) except -1
    cpdef room(self, Py_ssize_t missing)
    cpdef space(self, Py_ssize_t size)
    cpdef bint added(self, Py_ssize_t size, bytes key, Py_ssize_t offset, Utf8Validator utf8) except -1
    cpdef bytes take(self)


cpdef bytes take_payload(bytes data, Py_ssize_t start, Py_ssize_t end, bint is_masked)
cpdef bytes encode_header(int opcode, Py_ssize_t size, bytes mask_key, bint fin=*, int rsv=*)
cpdef bytes encode_frame(int opcode, bytes payload, bytes mask_key, bint fin=*, int rsv=*)
cpdef bytes first_octets(view, Py_ssize_t size)
