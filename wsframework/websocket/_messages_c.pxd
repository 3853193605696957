# The types with which `_messages_py.py` is compiled. No logic here: what this file does not say, the Python does.

from wsframework._core._channel_c cimport Channel as CChannel


cdef _send(CChannel connection, bytes payload, bint is_binary, long long fragment_size, bint compress)
