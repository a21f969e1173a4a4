"""The studio: a page and a JSON API where threads are invented, drawn, woven and exported, on this machine.

`server` listens, `guard` lets in, `routes` answers, `pool` hands the work to processes in which `work` does
it. The extra `studio` brings what it needs; nothing else of Nitograph imports it.

Try it: python -m nitograph studio --help
"""
