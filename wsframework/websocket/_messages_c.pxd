# The types with which `_messages_py.py` is compiled. No logic here: what this file does not say, the Python does.

from wsframework._core._channel_c cimport Channel as CChannel, send_on


cdef class MessageSending:
    cdef public CChannel _connection
    cdef public bint _observed


cdef class MessageDelivery:
    cdef public MessageSending protocol
