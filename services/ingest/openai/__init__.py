"""OpenAI's routes for speech: programs written for them need another address, and nothing else.

What a route cannot do it refuses by the parameter's name. What is sent is a recording like any
other, kept before anything else happens; the answer is its version's transcript.
"""
