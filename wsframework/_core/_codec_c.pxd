# The types with which `_codec_py.py` is compiled. No logic here: what this file does not say, the Python does.

cimport cython

from wsframework._core._leaf_c cimport Utf8Validator as CUtf8Validator, is_utf8, unmasked
from wsframework._core._octets_c cimport Assembly as CAssembly, take_payload

cdef int _TEXT
cdef int _BINARY
cdef int _EITHER
cdef int _FRAMES
cdef int _PIECES
cdef Py_ssize_t _WORTH_PLACING


cdef class FrameReader:
    cdef object _sink
    cdef object _message
    cdef int _require_mask
    cdef bint _apply_mask
    cdef bint _validate
    cdef bint _stopped
    cdef bint _feeding
    cdef long long _max_frame
    cdef long long _max_message
    cdef long long _max_inflated
    cdef str _max_inflated_text
    cdef Py_ssize_t _max_fragments
    cdef bytes _chunk
    cdef Py_ssize_t _pos
    cdef bytes _late
    cdef int _message_opcode
    cdef Py_ssize_t _fragments
    cdef CAssembly _assembly
    cdef CUtf8Validator _utf8
    cdef int _streaming
    cdef object _stream
    cdef object _events
    cdef tuple _flaws
    cdef object _inflater
    cdef bint _compressed
    cdef bint _in_payload
    cdef bint _fin
    cdef long long _missing
    cdef bytes _key
    cdef long long _offset
    cdef public bint paused
    cdef public bint deaf
    cdef public object trace
    cdef public long long messages
    cdef public long long frames
    cdef public long long payload_octets
    cdef public long long inflation

    cpdef feed(self, bytes data)
    cpdef room(self)
    cpdef placed(self, Py_ssize_t size)
    cdef _take(self, bytes data)

    @cython.locals(
        data=bytes,
        size=Py_ssize_t,
        pos=Py_ssize_t,
        start=Py_ssize_t,
        first=cython.int,
        second=cython.int,
        opcode=cython.int,
        extended=cython.int,
        length=cython.longlong,
        is_masked=cython.bint,
        payload=bytes,
    )
    cdef bint _advance(self) except -1

    cdef _check_partial_length(self, bytes data, Py_ssize_t start, Py_ssize_t size, int extended)
    @cython.locals(assembly=CAssembly, there=cython.longlong)
    cdef _check_limits(self, long long length, bint compressed)
    cdef _begin_payload(self, int first, long long length, bytes key)
    cdef _begin_fragment(self, int first)

    @cython.locals(end=Py_ssize_t, offset=cython.longlong)
    cdef Py_ssize_t _take_piece(self, bytes data, Py_ssize_t pos, Py_ssize_t size) except -1

    cdef _append(self, bytes piece)
    cdef _keep(self, bytes piece)
    cdef _append_compressed(self, bytes piece)
    cdef _keep_inflated(self)
    cdef _check_inflated(self, long long size)
    cdef _end_compressed(self)
    cdef _end_frame(self)
    cdef bint _tell(self) except -1
    cdef bint _add_fragment(self, int first, bytes payload) except -1
    cdef _deliver_buffer(self)
    cdef _deliver_inflated(self, int opcode, bytes payload)
    cdef _deliver(self, bytes payload, bint is_binary)
    cdef _deliver_control(self, int opcode, bytes payload)
