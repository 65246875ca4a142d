"""Bulk embedding of covers for an ingest, in a child process with idle CPU priority.

queue `bulk` ──► handler (a worker's thread) ──► child (its own model, idle priority) ──► replies
"""
