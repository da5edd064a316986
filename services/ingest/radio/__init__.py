"""The doors that scanners' programs knock at: rdio-scanner's, trunk-recorder's and OpenMHz's.

Each answers as the server whose protocol it is, to the byte. A call that is refused is lost, for
hardly any sender tries again: what a door does not understand it keeps, and what is missing it does
without, as far as its protocol lets it.
"""
