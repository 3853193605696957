# The types with which `_outgoing_py.py` is compiled. No logic here: what this file does not say, the Python does.

cimport cython

from wsframework._core._octets_c cimport encode_frame, encode_header

cdef int _TEXT
cdef int _BINARY
cdef int _GROUND
cdef int _IN_MESSAGE
cdef int _IN_FRAME
cdef int _RSV1
cdef Py_ssize_t _CORK_SIZE
cdef Py_ssize_t _LARGE


cdef class MaskKeys:
    cdef object __weakref__
    cdef object _random
    cdef bytes _keys
    cdef Py_ssize_t _at

    cpdef reset(self)


cdef class Outgoing:
    cdef object _port
    cdef object _mask_key
    cdef object _overflow
    cdef object _sent_while_paused
    cdef long long _max_message
    cdef long long _fragment_size
    cdef long long _max_send_buffer
    cdef bint _traces
    cdef bint _halfway
    cdef bint _owes_uncork
    cdef bint _compressing
    cdef object _line
    cdef list _cork
    cdef Py_ssize_t _cork_size
    cdef int _place
    cdef int _opcode
    cdef long long _missing
    cdef bytes _key
    cdef long long _offset
    cdef dict _waiting
    cdef public bint paused
    cdef public object deflation
    cdef public long long messages
    cdef public long long frames
    cdef public long long payload_octets
    cdef public long long saved
    cdef public long long octets

    @cython.locals(size=Py_ssize_t, key=bytes)
    cpdef message(self, bytes payload, bint is_binary, long long fragment_size, bint compress)
    cpdef _message_now(self, bytes payload, bint is_binary, long long fragment_size, bint compress)
    cdef _line_up(self, Py_ssize_t size, object send)
    cdef _compressed_message(self, bytes payload, bytes octets, bint is_binary, long long fragment_size)
    @cython.locals(size=Py_ssize_t, opcode=cython.int)
    cdef _whole_message(self, bytes payload, bint is_binary, long long fragment_size, int rsv)
    @cython.locals(payload=bytes, size=Py_ssize_t)
    cpdef prepared(self, object message)
    cpdef _prepared_now(self, object message)
    cdef _refuse_message(self, long long size)
    cpdef control(self, int opcode, bytes payload)
    cdef _encode_next(self, bytes payload, bint fin)
    cdef bytes _encode(self, int opcode, bytes payload, bint fin=*, int rsv=*)
    cdef _count(self, int first, long long size, bytes payload)
    cdef _send(self, bytes data)
    cdef _send_large(self, int opcode, bytes payload, int rsv)
    cpdef write(self, bytes data)
    cdef bint _is_too_much(self, Py_ssize_t size) except -1
    cdef _gather(self, bytes data)
    cpdef bint cork(self) except -1
    cpdef uncork(self)
    cpdef flush(self)
    cdef _settle(self)
    cdef _flush(self)
    cdef _pass_on(self)
