# The types with which `_channel_py.py` is compiled. No logic here: what this file does not say, the Python does.

from wsframework._core._codec_c cimport FrameReader as CFrameReader
from wsframework._core._outgoing_c cimport Outgoing as COutgoing


cdef class Channel:
    cdef public bint _end_after_frame
    cdef public bint _heard
    cdef public object _inflater
    cdef public COutgoing _out
    cdef public object _owed_pong
    cdef public object _port
    cdef public CFrameReader _reader
    cdef public object extension
    cdef public long long octets_received
    cdef public object options
    cdef public object state


cpdef receive_on(Channel channel, bytes data)
cpdef room_on(Channel channel)
cpdef placed_on(Channel channel, Py_ssize_t size)
cpdef send_on(Channel channel, bytes payload, bint is_binary, long long fragment_size, bint compress)
cpdef bint may_send_on(Channel channel) except -1
cpdef send_prepared_on(Channel channel, object message)
