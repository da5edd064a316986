"""`GET /docs/events` and `GET /docs/asyncapi.yaml`: what is said on NATS, for people and programs.

The page is made of the document alone: `prose` and `fields` make its parts, `page` the whole.
"""
