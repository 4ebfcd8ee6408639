"""The types of ids and keys, so that no two of them can be mixed up."""

from typing import NewType

SeqId = NewType("SeqId", int)  # an app's sequence id: what users type
Generation = NewType("Generation", int)  # counts the launches of one id
RequestId = NewType("RequestId", str)  # chosen by the asker, unique to it
Session = NewType("Session", str)  # one life of one client process, chosen by it at random
PublicKey = NewType("PublicKey", bytes)  # Ed25519, 32 bytes: the name of a host
CurveKey = NewType("CurveKey", bytes)  # CURVE public or secret key, 32 bytes
RoutingId = NewType("RoutingId", bytes)  # made by our ROUTER for one connection; told to nobody
