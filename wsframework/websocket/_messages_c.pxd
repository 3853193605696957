# The types with which `_messages_py.py` is compiled. No logic here: what this file does not say, the Python does.

from wsframework._core._channel_c cimport Channel as CChannel, placed_on, receive_on, room_on, send_on, send_prepared_on
from wsframework._core._octets_c cimport Assembly as CAssembly, first_octets

cdef Py_ssize_t _FULL
cdef Py_ssize_t _MUCH


cdef class MessageSending:
    cdef public CChannel _connection
    cdef public bint _observed


cdef class BufferReceiving(MessageSending):
    cdef public object _buffer
    cdef public object _room
    cdef public CAssembly _fresh
    cdef public Py_ssize_t _last
    cdef public bint _is_direct
    cdef public bint _may_place
    cdef public bint _may_go_on
    cdef public bint _logs_octets


cdef class MessageDelivery:
    cdef public MessageSending protocol
