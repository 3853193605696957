# The types with which `_offering_py.py` is compiled. No logic here: what this file does not say, the Python does.

cimport cython

from wsframework._core._channel_c cimport Channel as CChannel, may_send_on
from wsframework.websocket._messages_c cimport MessageSending as CMessageSending


cdef class Tally:
    cdef public long long sent
    cdef public long long dropped
    cdef public long long queued
    cdef public long long disconnected


cdef class Receiver:
    cdef public CMessageSending protocol
    cdef public CChannel connection
    cdef public bint is_behind
    cdef public bint is_member
    cdef public Tally tally
    cdef public Tally total


cpdef bint deliver_to(Receiver receiver, prepared) except -1
@cython.locals(receiver=Receiver, taken=Py_ssize_t)
cpdef Py_ssize_t offer_to_all(receivers, prepared, key) except -1
