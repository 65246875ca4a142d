"""Covers embedded for an ingest, in a process that the kernel runs only when nothing else wants the CPU.

queue `bulk` ──► handler (a worker's thread) ──► child (its own model, idle priority) ──► replies
"""
