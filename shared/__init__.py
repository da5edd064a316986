"""What every EchoBase service stands on: contracts first, then the adapters that keep them.

Contracts (pure, no I/O): `errors`, `settings`, `messages`, `subjects`, `topology`, `identity`,
`object_keys`, `retry`. Adapters: `bus` (NATS JetStream), `follow`, `object_store` (S3),
`media` (PyAV), `telemetry`, `lifecycle`, `health`. Nothing here imports a service.
"""
