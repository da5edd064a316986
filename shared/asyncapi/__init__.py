"""What EchoBase says and hears on NATS, as an AsyncAPI 3.0 document made from the code.

    python -m shared.asyncapi

writes it into `docs/asyncapi.yaml` of the working directory. A test fails when the file is not what
this would write; stream serves the same document, and a page that is made of it.

`schemas` are those of the message structs, `examples` a message of each kind, `document` the whole.
"""

from shared.asyncapi.document import document

__all__ = ["document"]
