"""Picture → Thread: the encoder, and everything that is known about what it weaves.

Try it: nitograph weave mnist:test:17 -o thread.json
"""
