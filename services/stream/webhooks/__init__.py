"""Webhooks: what came of a version, posted to receivers with a Standard Webhooks signature.

    EVENTS ──durable `webhooks`──▶ outcomes ──▶ WEBHOOKS, a subject and a consumer for each receiver
                                              ──▶ queue ──▶ posting ──▶ the receiver, or DEAD

    receiver     one receiver: its address, secrets and filters
    receivers    all of them, as the bucket has them
    address      which addresses may be posted to
    resolver     names to addresses, without one slow name holding up the others
    connecting   connects to the address that was checked, and to no other
    signature    Standard Webhooks' signature
    content      what is posted
    posting      one post, and what the receiver answered
    verdict      what to do after it
    outcomes     shares out what is to be posted
    queue        works on what one receiver is to get
    webhooks     all of that, for as long as the service runs
    commands     `echobase webhooks`

A message of its own for each receiver and event: what one has got is not posted to it again because
another one has not, and one that is away or slow fills its own queue and no other.
"""
