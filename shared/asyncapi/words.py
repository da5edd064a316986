"""What the document says to people."""

from collections.abc import Mapping

from shared.asyncapi.examples import RECORDING
from shared.asyncapi.schemas import Json

INTRODUCTION = """\
Another service asks EchoBase for transcriptions, and hears what becomes of them, with any NATS
client and without any of our code: it publishes to SUBMIT, and reads EVENTS.

Bodies are JSON. Fields may be added: read what you know, and ignore the rest. A submission alone
is strict: a field that is not known there is refused by name, since a wish that is not understood
cannot be granted.

Both are JetStream streams: a submission waits until ingest has it, for days if need be; events
are kept for a week unless the site says otherwise (`ECHOBASE_KEEP_EVENTS`). The same events come
over HTTP as server-sent events (`GET /v1/events`).

A token of a subject holds `[A-Za-z0-9_-]{1,64}`. A source or a channel of any other name stands
there as a slug and a hash; its real name is in the message.
"""
SERVER = "The site's NATS; that of the local stack."
USERS = """\
Programs that submit log in as `publisher`, programs that only read as `subscriber`. Each has its
own prefix for answers, which a client must be told: `_INBOX.publisher`, `_INBOX.subscriber`.
"""
ACKNOWLEDGMENT = """\
To the subject that the message asks to be answered at. Who publishes without asking is told
nothing.
"""
SUBMIT = """\
The audio itself in `audio`, or in `object` the key of a file that was put into the store's bucket
under `inbox/`. Publish it as a request: JetStream's acknowledgment means that the message is kept.
Without one publish again, with the same `Nats-Msg-Id`.

```sh
printf '{"audio": "%s", "correlation_id": "call-8124"}' "$(base64 < call.wav | tr -d '\\n')" |
  nats --inbox-prefix "_INBOX.$NATS_USER" pub --jetstream \\
    --header Nats-Msg-Id:call-8124 echobase.submit.county.fire
```

What becomes of it is told by events that carry the `correlation_id`: `queued` and what follows, or
`refused`.
"""
SUMMARIES: Mapping[str, str] = {
    "submission": "A recording that is to be transcribed",
    "acknowledgment": "Whether the message is kept",
    "queued": "A version of a transcript was asked for",
    "started": "A worker began, or goes on after an interruption",
    "segment": "A piece of recognised speech",
    "completed": "The transcript is in the store",
    "failed": "No transcript will come",
    "corrected": "Somebody corrected a transcript by hand",
    "refused": "A message to SUBMIT was refused",
    "deleted": "A recording, or only its audio, was deleted",
}
EVENTS: Mapping[str, str] = {
    "queued": """\
The first event of each version that a model makes; its job is published right after it.
""",
    "started": """\
Again after each interruption, with the same `plan`. Segments go on where they ended.
""",
    "segment": """\
As soon as a piece of the audio is decoded, while later ones still are. A version's segments are
numbered from 0 without a gap, and none comes twice.

```sh
nats --inbox-prefix "_INBOX.$NATS_USER" sub --stream EVENTS --new --raw \\
  'echobase.events.county.*.*.*.segment'
```
""",
    "completed": """\
The last event of a version that went well. Its `transcript` is a key in the store's bucket; over
HTTP it is `/v1/recordings/{id}/transcript.json?version=…`, as JSON and in other forms.
""",
    "failed": """\
The last event of a version that did not. Its job is in the dead letters; once somebody mended the
cause and replayed it, the version is `queued` again, and goes on.
""",
    "corrected": """\
The only event of a version that was made by hand. The version that it corrects stays as it is.
""",
    "refused": """\
The message is in the dead letters, and no recording came of it: in the subject's place of the
recording stands an id of the refusal, and the version is 0. `sequence` is what JetStream's
acknowledgment said.
""",
    "deleted": """\
Of no version: in its subject that is 0. With `what: all` nothing of the recording is left, its
other events included; with `what: audio` its transcripts are kept.
""",
}
EXAMPLES: Mapping[str, str] = {
    "inline": "The audio in the message: half a second of silence",
    "object": "The audio in the store, where it was put before",
    "kept": "It is kept",
    "again": "It was kept before",
    "too-large": "It is larger than SUBMIT takes: put the audio into the store",
    "full": "SUBMIT is full: try again later",
}
PARAMETERS: Json = {
    "source": {
        "description": "Who recorded it",
        "examples": ["county"],
    },
    "channel": {
        "description": "Which stream of the source",
        "examples": ["fire"],
    },
    "recording": {
        "description": "Recording id: 32 hex digits",
        "examples": [RECORDING],
    },
    "version": {
        "description": "Number of the version: 1, 2, …",
        "examples": ["1"],
    },
    "submission": {
        "description": "Id of the refusal: 32 hex digits",
        "examples": ["9c7a5d1f03b94e2e8f6b1a2c3d4e5f60"],
    },
}
